//! Expressions into code: names, operators, fields, and what an `await` reads. Calls
//! are in `expression/call`, tasks in `expression/task`.

#[path = "expression/call.rs"]
mod call;
#[path = "expression/task.rs"]
mod task;

use super::*;
use crate::lang::ast::{Arg, BinaryOp, JoinWhat, Spawn, SpawnKind, SpawnWhat, StrPart, UnaryOp};
use crate::lang::error::letters;
use crate::program::code::gives_anything;
use crate::program::foreign::{handle_method, is_module, python_method, task_field, value_method};
use crate::program::kind::{ERROR_FIELDS, HANDLE_FIELDS, SELF_FIELDS, Update};
use crate::program::value::ErrorKind;

/// What a name that is not defined was to be there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Assigned,
    /// It is all of a statement, so a word of the language may have been meant.
    Alone,
}

impl Compiler<'_> {
    pub(super) fn expression(&mut self, e: &Expr) {
        let span = e.span;
        match &e.kind {
            ExprKind::Int(i) => match i32::try_from(*i) {
                Ok(small) => drop(self.emit(Instr::Int(small), span)),
                Err(_) => self.push(Value::Int(*i), span),
            },
            ExprKind::Duration(d) => self.push(Value::Duration(*d), span),
            ExprKind::Bool(b) => drop(self.emit(Instr::Bool(*b), span)),
            ExprKind::None => drop(self.emit(Instr::None, span)),
            ExprKind::Paren(inner) => self.expression(inner),
            ExprKind::Str(parts) => self.text(parts, span),
            ExprKind::List(items) => self.list(items, span),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::SelfTask => drop(self.emit(Instr::SelfInfo(SelfInfo::Handle), span)),
            ExprKind::Unary { op, value } => self.unary(*op, value, span),
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, span),
            ExprKind::Range { from, to, inclusive } => self.range(from.as_deref(), to.as_deref(), *inclusive, span),
            ExprKind::Call { callee, args } => self.call(callee, args, span),
            ExprKind::Index { object, index } => self.index(object, index, span),
            ExprKind::Field { object, field } => self.field(object, field, span),
            ExprKind::Spawn(s) => self.spawn(s, span),
            ExprKind::Join { what, timeout } => self.join(what, timeout.as_deref(), span),
            ExprKind::Submit { job, args, pool } => self.submit(job, args, pool, span),
        }
    }

    fn push(&mut self, value: Value, span: Span) {
        let constant = self.constant(value);
        self.emit(Instr::Const(constant), span);
    }

    fn list(&mut self, items: &[Expr], span: Span) {
        let keeper = self.keeper.last().cloned();
        for (i, item) in items.iter().enumerate() {
            if let Some(k) = &keeper {
                self.keeper.push(format!("{k}[{i}]"));
            }
            self.expression(item);
            if keeper.is_some() {
                self.keeper.pop();
            }
        }
        self.emit(Instr::List(items.len() as u16), span);
    }

    fn text(&mut self, parts: &[StrPart], span: Span) {
        if let [] | [StrPart::Text(_)] = parts {
            let text = match parts.first() {
                Some(StrPart::Text(t)) => t.clone(),
                _ => String::new(),
            };
            return self.push(Value::string(text), span);
        }
        for part in parts {
            match part {
                StrPart::Text(t) => self.push(Value::string(t.clone()), span),
                StrPart::Expr(e) => self.expression(e),
            }
        }
        self.emit(Instr::Format(parts.len() as u16), span);
    }

    fn range(&mut self, from: Option<&Expr>, to: Option<&Expr>, inclusive: bool, span: Span) {
        let (Some(from), Some(to)) = (from, to) else {
            let error =
                ScriptError::new(span, "an open range stands only between `[` and `]`").help("write both ends: `0..3`");
            return self.error(error);
        };
        self.range_ends(from, to);
        self.emit(Instr::Range { inclusive }, span);
    }

    pub(super) fn range_ends(&mut self, from: &Expr, to: &Expr) {
        for end in [from, to] {
            self.want_int(end, "a range goes between integers", "write `0..3`");
            self.expression(end);
        }
    }

    // ------------------------------------------------------------------ names

    /// A local of this function; in a `spawn { }` also a copy of one around it.
    /// The look-up is noted as a use of what the name stands for.
    pub(super) fn local(&mut self, name: &str, span: Span) -> Option<Slot> {
        let local = self.frames.len().checked_sub(1).and_then(|last| self.local_at(last, name));
        if let Some(defined) = local.map(|l| l.1).or_else(|| self.globals.span(name)) {
            self.names.used(span, defined);
        }
        local.map(|l| l.0)
    }

    fn local_at(&mut self, depth: usize, name: &str) -> Option<(Slot, Span)> {
        if let Some(found) = self.frames[depth].lookup(name) {
            return Some(found);
        }
        if !self.frames[depth].captures_locals || depth == 0 {
            return None;
        }
        let (outer, span) = self.local_at(depth - 1, name)?;
        Some((self.frames[depth].capture(name, outer, span), span))
    }

    fn name(&mut self, name: &str, span: Span) {
        if let Some(slot) = self.local(name, span) {
            self.emit(Instr::Load(slot), span);
            return;
        }
        match self.globals.get(name).cloned() {
            Some(Global::Const(value)) => self.push(value, span),
            Some(Global::Memory(index)) => {
                let decl = self.program.memory[index as usize].clone();
                match (decl.count, decl.memory) {
                    (Some(_), _) => {
                        let error = ScriptError::new(span, format!("`{name}` is a row of places, not one value"))
                            .help(format!("name one of them: `{name}[0]`"));
                        self.error(error);
                    }
                    (None, Memory::Atomic) => {
                        self.emit(Instr::UpdateCell { cell: decl.first, update: Update::Load }, span);
                    }
                    (None, _) => drop(self.emit(Instr::ReadCell(decl.first), span)),
                }
            }
            Some(Global::Object(id)) => drop(self.emit(Instr::Object(id), span)),
            Some(Global::ObjectRow(row)) => drop(self.emit(Instr::ObjectRow(row), span)),
            Some(Global::Function(f)) => drop(self.emit(Instr::Function(f), span)),
            Some(Global::Struct(_)) => {
                let error = ScriptError::new(span, format!("`{name}` is a struct"))
                    .help(format!("`{name}()` makes a record of it"));
                self.error(error);
            }
            None => self.undefined(name, span, Use::Read),
        }
    }

    /// The source behind a place.
    fn after(&self, span: Span) -> &str {
        self.source.get(span.end as usize..).unwrap_or("")
    }

    pub(super) fn undefined(&mut self, name: &str, span: Span, used: Use) {
        // Looking for the nearest name takes the time of all names.
        if self.is_beyond(span) {
            return;
        }
        let mut error = ScriptError::new(span, format!("`{name}` is not defined")).label("not defined").unknown();
        if self.source.get(..span.start as usize).is_some_and(|before| before.ends_with(" as ")) {
            return self.error(error.help(format!("a name that is given is a string: `as \"{name}\"`")));
        }
        let in_main = self.main_local(name);
        let mut candidates: Vec<String> = self.globals.names().map(String::from).collect();
        candidates.extend(self.frame().local_names().map(String::from));
        candidates.extend(BUILTINS.iter().map(|b| b.to_string()));
        if used == Use::Alone {
            candidates.extend(crate::lang::word::reserved().into_iter().map(String::from));
        }
        // Another name may well be a letter away from these.
        let value = ["true", "false", "none"].into_iter().find(|value| letters(name) == letters(value));
        let python = [
            ("True", "true"),
            ("False", "false"),
            ("None", "none"),
            ("range", "0..3"),
            ("this", "self"),
            ("null", "none"),
            ("nil", "none"),
        ];
        if is_module(name) && self.after(span).starts_with('.') {
            error = ScriptError::new(span, format!("there is no module `{name}`")).label("not defined").unknown();
            return self.error(error.help("leave it out; all that a script needs is built in"));
        }
        if name == "__name__" {
            return self.error(error.help("leave the `if` out: what stands outside of all blocks runs by itself"));
        }
        if let Some(let_span) = in_main {
            error = error.related(let_span, "a local of `main`").help(format!(
                "what tasks share is declared: `var {name} = …` at the top level; or pass it as an argument"
            ));
        } else if let Some((_, word)) = python.iter().find(|p| p.0 == name) {
            error = error.help(format!("write `{word}`"));
        } else if let Some(value) = value {
            error = error.help(format!("did you mean `{value}`?"));
        } else if let Some(near) = nearest(name, candidates.iter().map(String::as_str)) {
            error = error.help(format!("did you mean `{near}`?"));
        } else if used == Use::Assigned {
            error = error.help(format!(
                "`let {name} = …` makes a local; `var {name} = …` at the top level, memory that tasks share"
            ));
        } else if ErrorKind::from_word(name).is_some() {
            error = error.help(format!(
                "`catch {name} {{ }}` takes it; an error of your own is `raise \"text\"`, caught as `Raised`"
            ));
        } else if BUILTINS.contains(&name) {
            error = error.help(format!("a call has parentheses: `{name}()`"));
        } else if self.kind_named(name).is_some() && self.after(span).starts_with('.') {
            error = error.help(format!("declare one, `{name} {}`, and use its name", &name[..1]));
        } else if self.kind_named(name).is_some() {
            error = error.help(format!("`{name}` is a kind of object: `{name}()` makes one"));
        } else {
            let called = self.after(span).starts_with('(');
            let before = self.source.get(..span.start as usize).unwrap_or("").trim_end();
            let last = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
            let spawned = matches!(last, "spawn" | "process" | "thread" | "daemon" | "submit");
            error = error.help(match called {
                _ if spawned && matches!(name, "process" | "thread" | "daemon") => {
                    format!("write `spawn {name} worker`, or `spawn {name} {{ }}`")
                }
                _ if matches!(last, "terminate" | "kill" | "join") => {
                    format!("`let {name} = spawn …` keeps what was spawned; the name of an `as` is for reports alone")
                }
                _ if spawned => format!("define it: `task {name}() {{ }}`"),
                true => format!("define it: `fn {name}() {{ }}`, or `task {name}() {{ }}` for what is spawned"),
                false => format!("`let {name} = …` makes a local, `var {name} = …` memory that tasks share"),
            });
        }
        self.error(error);
    }

    /// The kind of a declared object that an expression names.
    pub(super) fn kind_of(&mut self, e: &Expr) -> Option<u8> {
        match &e.kind {
            ExprKind::Paren(inner) => self.kind_of(inner),
            ExprKind::Name(name) if self.local(name, e.span).is_none() => match self.globals.get(name) {
                Some(Global::Object(id)) => Some(self.program.objects[*id as usize].kind),
                _ => None,
            },
            ExprKind::Index { object, .. } => match &object.kind {
                ExprKind::Name(name) if self.local(name, object.span).is_none() => match self.globals.get(name) {
                    Some(Global::ObjectRow(row)) => Some(self.program.object_rows[*row as usize].kind),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// The options of a declared object that an expression names.
    pub(super) fn options_of(&mut self, e: &Expr) -> u32 {
        match self.receiver_of(e) {
            Receiver::Object(id) => self.program.objects[id as usize].options,
            Receiver::Row(row) => {
                let row = &self.program.object_rows[row as usize];
                self.program.objects.get(row.first as usize).map_or(0, |o| o.options)
            }
            _ => 0,
        }
    }

    /// What the value of an expression is, for editors.
    pub(super) fn holding(&mut self, e: &Expr) -> Holding {
        match &e.kind {
            ExprKind::Paren(inner) => self.holding(inner),
            ExprKind::Int(_) | ExprKind::Duration(_) | ExprKind::Bool(_) | ExprKind::Str(_) => Holding::Plain,
            ExprKind::Unary { .. } => Holding::Plain,
            ExprKind::Binary { op: BinaryOp::Add, left, right } => {
                let left = self.holding(left);
                if left == self.holding(right) { left } else { Holding::Unknown }
            }
            ExprKind::Binary { .. } => Holding::Plain,
            ExprKind::Range { .. } => Holding::List(Box::new(Holding::Plain)),
            ExprKind::List(items) => {
                let mut kinds = items.iter().map(|item| self.holding(item));
                let first = kinds.next().unwrap_or_default();
                let same = kinds.all(|kind| kind == first);
                Holding::List(Box::new(if same { first } else { Holding::Unknown }))
            }
            ExprKind::Spawn(s) if s.count.is_some() => Holding::List(Box::new(Holding::Object("task"))),
            ExprKind::Spawn(_) | ExprKind::Submit { .. } => Holding::Object("task"),
            ExprKind::Call { callee, args } => match &callee.kind {
                ExprKind::Name(name) => self.holding_of_call(name, args),
                _ => Holding::Unknown,
            },
            ExprKind::Index { object, index } => match self.holding(object) {
                list @ Holding::List(_) if matches!(index.kind, ExprKind::Range { .. }) => list,
                Holding::List(element) => *element,
                _ => Holding::Unknown,
            },
            ExprKind::Name(name) => self.holding_of_name(name),
            _ => Holding::Unknown,
        }
    }

    fn holding_of_call(&mut self, name: &str, args: &[ast::Arg]) -> Holding {
        match (self.globals.get(name), name) {
            (Some(Global::Struct(_)), _) => Holding::Record(name.to_string()),
            (Some(_), _) => Holding::Unknown,
            (None, "len" | "abs" | "str" | "int") => Holding::Plain,
            (None, "choose") => match args.first().map(|a| self.holding(&a.value)) {
                Some(Holding::List(element)) => *element,
                _ => Holding::Unknown,
            },
            (None, _) => match self.kind_named(name) {
                Some(kind) => Holding::Object(self.spec(kind).word),
                None => Holding::Unknown,
            },
        }
    }

    fn holding_of_name(&mut self, name: &str) -> Holding {
        let global = self.globals.span(name);
        let Some(defined) = self.place_of_name(name) else { return Holding::Unknown };
        let row = matches!(self.globals.get(name), Some(Global::ObjectRow(_))) || self.is_memory_row(name);
        let held = self.names.held(defined);
        if row && global == Some(defined) { Holding::List(Box::new(held)) } else { held }
    }

    /// Where a name is defined that can be said here.
    pub(super) fn place_of_name(&mut self, name: &str) -> Option<Span> {
        let local = self.frames.len().checked_sub(1).and_then(|last| self.local_at(last, name));
        local.map(|l| l.1).or_else(|| self.globals.span(name))
    }

    fn is_memory_row(&self, name: &str) -> bool {
        match self.globals.get(name) {
            Some(Global::Memory(memory)) => self.program.memory[*memory as usize].count.is_some(),
            _ => false,
        }
    }

    pub(super) fn receiver_of(&mut self, e: &Expr) -> Receiver {
        match &e.kind {
            ExprKind::Paren(inner) => self.receiver_of(inner),
            ExprKind::Name(name) if self.local(name, e.span).is_none() => match self.globals.get(name) {
                Some(Global::Object(id)) => Receiver::Object(*id),
                _ => Receiver::Dynamic { field: None },
            },
            ExprKind::Index { object, index } => match &object.kind {
                ExprKind::Name(name) if self.local(name, object.span).is_none() => {
                    let Some(Global::ObjectRow(row)) = self.globals.get(name).cloned() else {
                        return Receiver::Dynamic { field: None };
                    };
                    self.object_of_row(row, index).map_or(Receiver::Row(row), Receiver::Object)
                }
                _ => Receiver::Dynamic { field: self.field_read(e) },
            },
            _ => Receiver::Dynamic { field: self.field_read(e) },
        }
    }

    /// The name of the field that an expression reads, itself or a place of its row.
    pub(super) fn field_read(&mut self, e: &Expr) -> Option<u32> {
        match &e.kind {
            ExprKind::Paren(inner) => self.field_read(inner),
            ExprKind::Index { object, .. } if matches!(object.kind, ExprKind::Field { .. }) => self.field_read(object),
            ExprKind::Field { field, .. } if !gives_anything(&field.text) && self.field_names.contains(&field.text) => {
                Some(self.symbol(&field.text))
            }
            _ => None,
        }
    }

    /// The object of a row that an index names which is known: who may do something to it
    /// is then known too.
    fn object_of_row(&mut self, row: u32, index: &Expr) -> Option<u32> {
        let row = self.program.object_rows.get(row as usize)?;
        let (first, count) = (row.first, row.count);
        Some(first + self.known_index(index, count)?)
    }

    /// The same of a place of a row of memory.
    pub(super) fn cell_of_row(&mut self, decl: &MemoryDecl, index: &Expr) -> Option<u32> {
        Some(decl.first + self.known_index(index, decl.count?)?)
    }

    fn known_index(&mut self, index: &Expr, count: u32) -> Option<u32> {
        match self.exactly(index)? {
            Value::Int(i) => u32::try_from(i).ok().filter(|i| *i < count),
            _ => None,
        }
    }

    /// The row of places that a declaration with a count made.
    pub(super) fn memory_row(&mut self, decl: &MemoryDecl) -> Option<u32> {
        let count = decl.count?;
        let rows = &mut self.program.memory_rows;
        let found = rows.iter().position(|r| r.name == decl.name);
        Some(found.unwrap_or_else(|| {
            rows.push(MemoryRow { name: decl.name.clone(), memory: decl.memory, first: decl.first, count });
            rows.len() - 1
        }) as u32)
    }

    // -------------------------------------------------------------- operators

    /// An object where a number or a bool is wanted.
    pub(super) fn not_a_value(&mut self, e: &Expr, wanted: &str) {
        let Some(kind) = self.kind_of(e) else { return self.note_no_value(e, wanted) };
        let word = self.spec(kind).word;
        let name = e.span.text(self.source);
        let error = ScriptError::new(e.span, format!("`{name}` is {}, not {wanted}", a(word)));
        self.error(error.help(way_into(word, name)));
    }

    /// The same of a local that holds an object, a task or a record: told when all is known
    /// that it is given.
    fn note_no_value(&mut self, e: &Expr, wanted: &str) {
        let name = strip(e);
        let ExprKind::Name(text) = &name.kind else { return };
        if self.local(text, name.span).is_none() {
            return;
        }
        let Some(local) = self.place_of_name(text) else { return };
        let (what, help) = match self.names.held(local) {
            Holding::Object("task") => ("a task".to_owned(), way_into("task", text)),
            Holding::Object(kind) => (a(kind), way_into(kind, text)),
            Holding::Record(structure) => {
                let field = self.program.structs.iter().find(|s| s.name == structure).and_then(|s| s.fields.last());
                let field = field.map_or("v", |field| &field.name);
                (format!("a record, of `{structure}`"), format!("its fields have values, as `{text}.{field}`"))
            }
            _ => return,
        };
        let error = ScriptError::new(name.span, format!("`{text}` is {what}, not {wanted}"));
        self.of_tasks.push((local, error.help(help)));
    }

    pub(super) fn condition(&mut self, e: &Expr) {
        self.not_a_value(e, "true or false");
        self.want_bool(e);
        let value = if self.is_of_constants(e) { self.worked_out(e) } else { None };
        match value {
            // One of constants is written out, so that what it rules out is seen to be ruled out.
            Some(Value::Bool(holds)) => {
                self.mention(e);
                self.emit(Instr::Bool(holds), e.span);
            }
            _ => self.expression(e),
        }
    }

    fn unary(&mut self, op: UnaryOp, value: &Expr, span: Span) {
        let (code, wanted) = match op {
            UnaryOp::Not => (UnaryCode::Not, "true or false"),
            UnaryOp::Neg => (UnaryCode::Neg, "a number"),
        };
        self.not_a_value(value, wanted);
        match op {
            UnaryOp::Not => self.want_bool(value),
            UnaryOp::Neg => self.want_operands(BinaryOp::Sub, None, value, span),
        }
        self.expression(value);
        self.emit(Instr::Unary(code), span);
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) {
        let wanted = match op {
            BinaryOp::And | BinaryOp::Or => Some("true or false"),
            BinaryOp::Eq | BinaryOp::Ne | BinaryOp::In => None,
            _ => Some("a number"),
        };
        if let Some(wanted) = wanted {
            self.not_a_value(left, wanted);
            self.not_a_value(right, wanted);
        }
        match op {
            BinaryOp::And | BinaryOp::Or => [left, right].into_iter().for_each(|e| self.want_bool(e)),
            BinaryOp::Eq | BinaryOp::Ne => self.want_equals(left, right),
            _ => self.want_operands(op, Some(left), right, span),
        }
        self.expression(left);
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let jump = if op == BinaryOp::And { Instr::JumpIfFalseKeep(0) } else { Instr::JumpIfTrueKeep(0) };
                let early = self.emit(jump, span);
                self.expression(right);
                if self.certain(right) != Some(certain::Certain::Bool) {
                    self.emit(Instr::Truth, strip(right).span);
                }
                self.land(early);
            }
            _ => {
                self.expression(right);
                self.emit(Instr::Binary(op), span);
            }
        }
    }

    fn index(&mut self, object: &Expr, index: &Expr, span: Span) {
        if let ExprKind::Range { from, to, inclusive } = &index.kind {
            self.expression(object);
            for bound in from.iter().chain(to) {
                self.want_int(bound, "a bound of a slice is an integer", "such as `xs[1..3]`, or leave it out");
                self.expression(bound);
            }
            self.emit(Instr::Slice { from: from.is_some(), to: to.is_some(), inclusive: *inclusive }, span);
            return;
        }
        if let ExprKind::Name(name) = &object.kind
            && self.local(name, object.span).is_none()
        {
            match self.globals.get(name).cloned() {
                Some(Global::Memory(m)) => {
                    let decl = self.program.memory[m as usize].clone();
                    if let Some(row) = self.memory_row(&decl) {
                        let atomic = decl.memory == Memory::Atomic;
                        if let Some(cell) = self.cell_of_row(&decl, index) {
                            let read = Instr::UpdateCell { cell, update: Update::Load };
                            self.emit(if atomic { read } else { Instr::ReadCell(cell) }, span);
                            return;
                        }
                        self.want_int(index, "an index is an integer", "the first one is `[0]`");
                        self.expression(index);
                        let read = Instr::UpdateElement { row, update: Update::Load };
                        self.emit(if atomic { read } else { Instr::ReadElement(row) }, span);
                        return;
                    }
                }
                Some(Global::ObjectRow(row)) => {
                    if let Some(object) = self.object_of_row(row, index) {
                        self.emit(Instr::Object(object), span);
                        return;
                    }
                    self.want_int(index, "an index is an integer", "the first one is `[0]`");
                    self.expression(index);
                    self.emit(Instr::ObjectElement(row), span);
                    return;
                }
                _ => {}
            }
        }
        if let ExprKind::Field { object: record, field } = &object.kind
            && self.field_names.contains(&field.text)
        {
            // A field may be a row of places, so the index goes with it.
            self.names.used_field(field.span, &field.text);
            self.want_int(index, "an index is an integer", "the first one is `[0]`");
            self.expression(record);
            self.expression(index);
            let symbol = self.symbol(&field.text);
            self.emit(Instr::GetField { symbol, indexed: true }, span);
            return;
        }
        self.want_elements(object);
        self.want_int(index, "an index is an integer", "the first one is `[0]`, the last one `[-1]`");
        self.expression(object);
        self.expression(index);
        self.emit(Instr::Index, span);
    }

    // ----------------------------------------------------------------- fields

    /// Whether something has a field of this name.
    fn is_field(&self, name: &str) -> bool {
        let known = HANDLE_FIELDS.iter().chain(&ERROR_FIELDS).any(|f| *f == name);
        known || self.field_names.iter().any(|f| f == name)
    }

    /// What every field of this name is, if all are one place in memory: what is in it has
    /// elements at the most.
    pub(super) fn field_of_one_place(&self, name: &str) -> Option<Memory> {
        let mut fields = self.program.structs.iter().flat_map(|s| &s.fields).filter(|f| f.name == name);
        let memory = |field: &Field| match field.what {
            FieldKind::Memory { memory, .. } if field.count.is_none() => Some(memory),
            _ => None,
        };
        let first = memory(fields.next()?)?;
        fields.all(|field| memory(field).is_some()).then_some(first)
    }

    pub(super) fn check_field(&mut self, object: &Expr, field: &Name) {
        self.names.used_field(field.span, &field.text);
        if self.is_field(&field.text) {
            return;
        }
        let mut error = ScriptError::new(field.span, format!("nothing has a field `{}`", field.text))
            .label("unknown field")
            .unknown();
        let all: Vec<String> = self.field_names.clone();
        let names = all.iter().map(String::as_str).chain(HANDLE_FIELDS).chain(ERROR_FIELDS);
        let method = self.kinds.iter().any(|k| k.method(&field.text).is_some());
        let place = object.span.text(self.source);
        let is_memory = match &object.kind {
            ExprKind::Name(name) => {
                matches!(self.globals.get(name), Some(Global::Memory(_))) && self.local(name, object.span).is_none()
            }
            ExprKind::Field { field, .. } => self.field_of_one_place(&field.text).is_some(),
            _ => false,
        };
        let holding = self.holding(object);
        let word = field.text.as_str();
        let mend = match holding {
            Holding::Object("task") => task_field(word, place),
            _ if self.certain(object) == Some(certain::Certain::Task) => handle_method(word, place, false, None),
            Holding::Record(structure) => self.program.structs.iter().find(|s| s.name == structure).map(|s| {
                let fields: Vec<&str> = s.fields.iter().map(|f| f.name.as_str()).collect();
                format!("a `{structure}` has {}", fields.join(", "))
            }),
            Holding::Plain => value_method(word, place, None),
            _ if is_memory => value_method(word, place, None),
            _ => None,
        };
        error = if let Some(mend) = mend {
            error.help(mend)
        } else if matches!(field.text.as_str(), "msg" | "text" | "what" | "args") {
            error.help(format!("a caught error has {}", ERROR_FIELDS.map(|f| format!("`{f}`")).join(" and ")))
        } else if method {
            error.help(format!("a method is called: `.{}()`", field.text))
        } else if let Some(near) = nearest(&field.text, names) {
            error.help(format!("did you mean `{near}`?"))
        } else {
            let fields = HANDLE_FIELDS.iter().copied().chain(all.iter().map(String::as_str)).take(12);
            error.help(format!("the fields: {}", fields.collect::<Vec<_>>().join(", ")))
        };
        self.error(error);
    }

    fn field(&mut self, object: &Expr, field: &Name, span: Span) {
        if matches!(object.kind, ExprKind::SelfTask) {
            let info = match field.text.as_str() {
                "name" => SelfInfo::Name,
                "index" => SelfInfo::Index,
                "pid" => SelfInfo::Pid,
                "ppid" => {
                    self.program.needs.parents = true;
                    SelfInfo::Ppid
                }
                "tid" => SelfInfo::Tid,
                _ => {
                    let error = ScriptError::new(field.span, format!("`self` has no field `{}`", field.text))
                        .help(format!("it has {}", SELF_FIELDS.join(", ")));
                    return self.error(error);
                }
            };
            self.emit(Instr::SelfInfo(info), span);
            return;
        }
        if let Some(kind) = self.kind_of(object) {
            let spec = self.spec(kind);
            let mut error = ScriptError::new(field.span, format!("{} has no field `{}`", a(spec.word), field.text));
            error = match spec.method(&field.text) {
                Some(_) => error.help(format!("a method is called: `.{}()`", field.text)),
                None => match python_method(spec.word, &field.text).filter(|method| !method.contains(['`', ' '])) {
                    Some(method) => error.help(format!("write `{}.{method}`", object.span.text(self.source))),
                    None => {
                        error.help(format!("it has methods: {}", spec.method_names().collect::<Vec<_>>().join(", ")))
                    }
                },
            };
            return self.error(error);
        }
        // Of what is not defined nothing else is told.
        if !self.stands_for_nothing(object) {
            self.check_field(object, field);
        }
        self.expression(object);
        let symbol = self.symbol(&field.text);
        self.emit(Instr::GetField { symbol, indexed: false }, span);
    }
}

pub(super) fn strip(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Paren(inner) => strip(inner),
        _ => e,
    }
}

/// How one comes from an object of a kind to a number or a bool.
fn way_into(kind: &str, name: &str) -> String {
    match kind {
        "lock" => format!("`{name}.locked()` asks whether it is taken"),
        "queue" => format!("`{name}.qsize()` counts its values, `{name}.get()` takes one"),
        "semaphore" | "latch" => format!("`{name}.value()` is its count"),
        "event" => format!("`{name}.is_set()` asks whether it is set"),
        "task" => {
            format!("`{name}.alive` asks whether it goes on, and after `join {name}` its value is `{name}.result`")
        }
        word => format!("{} is used through its methods", a(word)),
    }
}
