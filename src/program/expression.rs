//! Expressions into code: names, calls, methods, new objects, spawns.

use super::*;
use crate::lang::ast::{Arg, BinaryOp, JoinWhat, Spawn, SpawnKind, SpawnWhat, StrPart, UnaryOp};
use crate::program::kind::{ERROR_FIELDS, HANDLE_FIELDS, SELF_FIELDS, Update};

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
        self.expression(from);
        self.expression(to);
        self.emit(Instr::Range { inclusive }, span);
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
            None => self.undefined(name, span, false),
        }
    }

    pub(super) fn undefined(&mut self, name: &str, span: Span, assigned: bool) {
        let mut error = ScriptError::new(span, format!("`{name}` is not defined")).label("not defined");
        let in_main = self.main_locals.get(name).copied();
        let mut candidates: Vec<String> = self.globals.names().map(String::from).collect();
        candidates.extend(self.frame().local_names().map(String::from));
        candidates.extend(BUILTINS.iter().map(|b| b.to_string()));
        let python = [
            ("True", "true"),
            ("False", "false"),
            ("None", "none"),
            ("range", "0..3"),
            ("this", "self"),
            ("null", "none"),
            ("nil", "none"),
        ];
        if let Some(let_span) = in_main {
            error = error.related(let_span, "a local of `main`").help(format!(
                "what tasks share is declared: `var {name} = …` at the top level; or pass it as an argument"
            ));
        } else if let Some((_, word)) = python.iter().find(|p| p.0 == name) {
            error = error.help(format!("write `{word}`"));
        } else if let Some(near) = nearest(name, candidates.iter().map(String::as_str)) {
            error = error.help(format!("did you mean `{near}`?"));
        } else if assigned {
            error = error.help(format!(
                "`let {name} = …` makes a local; `var {name} = …` at the top level, memory that tasks share"
            ));
        } else if self.kind_named(name).is_some() {
            error = error.help(format!("`{name}` is a kind of object: `{name}()` makes one"));
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

    /// The kind of object that an expression makes, for editors: of a new
    /// object, of a declared one that is named, a task's handle.
    pub(super) fn kind_made(&mut self, e: &Expr) -> Option<&'static str> {
        let kind = match &e.kind {
            ExprKind::Paren(inner) => return self.kind_made(inner),
            ExprKind::Spawn(s) if s.count.is_none() => return Some("task"),
            ExprKind::Submit { .. } => return Some("task"),
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(name) if self.globals.get(name).is_none() => self.kind_named(name),
                _ => None,
            },
            _ => self.kind_of(e),
        };
        kind.map(|k| self.spec(k).word)
    }

    pub(super) fn receiver_of(&mut self, e: &Expr) -> Receiver {
        match &e.kind {
            ExprKind::Paren(inner) => self.receiver_of(inner),
            ExprKind::Name(name) if self.local(name, e.span).is_none() => match self.globals.get(name) {
                Some(Global::Object(id)) => Receiver::Object(*id),
                _ => Receiver::Dynamic,
            },
            ExprKind::Index { object, .. } => match &object.kind {
                ExprKind::Name(name) if self.local(name, object.span).is_none() => match self.globals.get(name) {
                    Some(Global::ObjectRow(row)) => Receiver::Row(*row),
                    _ => Receiver::Dynamic,
                },
                _ => Receiver::Dynamic,
            },
            _ => Receiver::Dynamic,
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
    fn not_a_value(&mut self, e: &Expr, wanted: &str) {
        let Some(kind) = self.kind_of(e) else { return };
        let spec = self.spec(kind);
        let name = e.span.text(self.source).to_string();
        let help = match spec.word {
            "lock" => format!("`{name}.locked()` asks whether it is taken"),
            "queue" => format!("`{name}.qsize()` counts its values, `{name}.get()` takes one"),
            "semaphore" | "latch" => format!("`{name}.value()` is its count"),
            "event" => format!("`{name}.is_set()` asks whether it is set"),
            word => format!("a {word} is used through its methods"),
        };
        self.error(ScriptError::new(e.span, format!("`{name}` is a {}, not {wanted}", spec.word)).help(help));
    }

    pub(super) fn condition(&mut self, e: &Expr) {
        self.not_a_value(e, "true or false");
        self.expression(e);
    }

    fn unary(&mut self, op: UnaryOp, value: &Expr, span: Span) {
        let (code, wanted) = match op {
            UnaryOp::Not => (UnaryCode::Not, "true or false"),
            UnaryOp::Neg => (UnaryCode::Neg, "a number"),
        };
        self.not_a_value(value, wanted);
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
        self.expression(left);
        match op {
            BinaryOp::And | BinaryOp::Or => {
                let jump = if op == BinaryOp::And { Instr::JumpIfFalseKeep(0) } else { Instr::JumpIfTrueKeep(0) };
                let early = self.emit(jump, span);
                self.expression(right);
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
            from.iter().for_each(|e| self.expression(e));
            to.iter().for_each(|e| self.expression(e));
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
                        self.expression(index);
                        let atomic = decl.memory == Memory::Atomic;
                        let read = Instr::UpdateElement { row, update: Update::Load };
                        self.emit(if atomic { read } else { Instr::ReadElement(row) }, span);
                        return;
                    }
                }
                Some(Global::ObjectRow(row)) => {
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
            self.expression(record);
            self.expression(index);
            let symbol = self.symbol(&field.text);
            self.emit(Instr::GetField { symbol, indexed: true }, span);
            return;
        }
        self.expression(object);
        self.expression(index);
        self.emit(Instr::Index, span);
    }

    // ----------------------------------------------------------------- fields

    pub(super) fn check_field(&mut self, field: &Name) {
        self.names.used_field(field.span, &field.text);
        let known = HANDLE_FIELDS.iter().chain(&ERROR_FIELDS).any(|f| *f == field.text);
        if known || self.field_names.contains(&field.text) {
            return;
        }
        let mut error =
            ScriptError::new(field.span, format!("nothing has a field `{}`", field.text)).label("unknown field");
        let all: Vec<String> = self.field_names.clone();
        let names = all.iter().map(String::as_str).chain(HANDLE_FIELDS).chain(ERROR_FIELDS);
        let method = self.kinds.iter().any(|k| k.method(&field.text).is_some());
        if method {
            error = error.help(format!("a method is called: `.{}()`", field.text));
        } else if let Some(near) = nearest(&field.text, names) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        self.error(error);
    }

    fn field(&mut self, object: &Expr, field: &Name, span: Span) {
        if matches!(object.kind, ExprKind::SelfTask) {
            let info = match field.text.as_str() {
                "name" => SelfInfo::Name,
                "index" => SelfInfo::Index,
                "pid" => SelfInfo::Pid,
                "ppid" => SelfInfo::Ppid,
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
            let mut error = ScriptError::new(field.span, format!("a {} has no field `{}`", spec.word, field.text));
            if spec.method(&field.text).is_some() {
                error = error.help(format!("a method is called: `.{}()`", field.text));
            }
            return self.error(error);
        }
        self.check_field(field);
        self.expression(object);
        let symbol = self.symbol(&field.text);
        self.emit(Instr::GetField { symbol, indexed: false }, span);
    }

    // ------------------------------------------------------------------ calls

    fn call(&mut self, callee: &Expr, args: &[Arg], span: Span) {
        match &callee.kind {
            ExprKind::Field { object, field } => self.method(object, field, args, span),
            ExprKind::Name(name) if self.local(name, callee.span).is_none() => match self.globals.get(name).cloned() {
                Some(Global::Function(f)) => {
                    self.function_args(f, args, span);
                    self.emit(Instr::Call { function: f, argc: args.len() as u8 }, span);
                }
                Some(Global::Struct(s)) => self.record(s, args, span),
                Some(Global::Object(id)) => {
                    let word = self.spec(self.program.objects[id as usize].kind).word;
                    self.error(ScriptError::new(callee.span, format!("`{name}` is a {word} and cannot be called")));
                }
                Some(Global::ObjectRow(_)) => self
                    .error(ScriptError::new(callee.span, format!("`{name}` is a row of objects and cannot be called"))),
                Some(Global::Const(_)) => {
                    self.error(ScriptError::new(callee.span, format!("`{name}` is a constant and cannot be called")))
                }
                Some(Global::Memory(_)) => self.call_value(callee, args, span),
                None => self.call_unknown(name, callee, args, span),
            },
            _ => self.call_value(callee, args, span),
        }
    }

    fn call_value(&mut self, callee: &Expr, args: &[Arg], span: Span) {
        self.expression(callee);
        self.positional(args);
        self.emit(Instr::CallValue { argc: args.len() as u8 }, span);
    }

    fn positional(&mut self, args: &[Arg]) {
        for arg in args {
            if let Some(name) = &arg.name {
                let error = ScriptError::new(name.span, "arguments of a task or fn are not named")
                    .help("give them in their order");
                self.error(error);
            }
            self.expression(&arg.value);
        }
        if args.len() > 255 {
            self.error(ScriptError::new(args[255].value.span, "more than 255 arguments"));
        }
    }

    fn function_args(&mut self, f: u32, args: &[Arg], span: Span) {
        self.positional(args);
        let function = self.program.functions[f as usize].clone();
        let (least, most) = (function.required as usize, function.params as usize);
        if (least..=most).contains(&args.len()) {
            return;
        }
        let takes = if least == most { arguments(most) } else { format!("{least} to {most} arguments") };
        let error =
            ScriptError::new(span, format!("`{}` takes {takes}, and here it gets {}", function.name, args.len()))
                .label(if args.len() < least { "too few" } else { "too many" })
                .related(function.span, "defined here");
        self.error(error);
    }

    fn call_unknown(&mut self, name: &str, callee: &Expr, args: &[Arg], span: Span) {
        if let Some(kind) = self.kind_named(name) {
            return self.new_object(kind, args, span);
        }
        let builtin = match name {
            "len" => Builtin::Len,
            "min" => Builtin::Min,
            "max" => Builtin::Max,
            "abs" => Builtin::Abs,
            "str" => Builtin::Str,
            "int" => Builtin::Int,
            "choose" => return self.fixed_builtin(name, args, 1..=1, span, |_| Instr::Choose),
            "fork" => return self.fixed_builtin(name, args, 0..=0, span, |_| Instr::Fork),
            "wait" => return self.fixed_builtin(name, args, 0..=1, span, |argc| Instr::Wait { argc }),
            _ => {
                if matches!(name, "range" | "time" | "Lock" | "Thread" | "Process" | "Queue") {
                    let help = match name {
                        "range" => "a range is written `0..3`",
                        "Lock" => "a lock is declared: `lock m`",
                        "Thread" => "a thread is started with `spawn worker`",
                        "Process" => "a process is started with `spawn process worker`",
                        "Queue" => "a queue is declared: `queue q(3)`",
                        _ => "`sleep 10ms` waits; there is no clock to read",
                    };
                    return self.error(
                        ScriptError::new(callee.span, format!("`{name}` is not defined"))
                            .label("not defined")
                            .help(help),
                    );
                }
                return self.undefined(name, callee.span, false);
            }
        };
        let range = match builtin {
            Builtin::Min | Builtin::Max => 1..=255,
            _ => 1..=1,
        };
        self.fixed_builtin(name, args, range, span, |argc| Instr::Builtin { builtin, argc });
    }

    fn fixed_builtin(
        &mut self,
        name: &str,
        args: &[Arg],
        takes: std::ops::RangeInclusive<usize>,
        span: Span,
        instr: impl Fn(u8) -> Instr,
    ) {
        self.positional(args);
        if !takes.contains(&args.len()) {
            let text = if takes.start() == takes.end() {
                arguments(*takes.end())
            } else {
                format!("{} to {} arguments", takes.start(), takes.end())
            };
            return self
                .error(ScriptError::new(span, format!("`{name}` takes {text}, and here it gets {}", args.len())));
        }
        self.emit(instr(args.len() as u8), span);
    }

    fn new_object(&mut self, kind: u8, args: &[Arg], span: Span) {
        let spec = self.spec(kind);
        let is_option = |n: &Name| spec.options.iter().position(|o| o.split(' ').next_back() == Some(n.text.as_str()));
        let mut options = 0;
        let mut rest = Vec::new();
        for arg in args {
            match (&arg.name, arg.name.as_ref().and_then(is_option)) {
                (Some(_), Some(bit)) => match arg.value.kind {
                    ExprKind::Bool(true) => options |= 1 << bit,
                    ExprKind::Bool(false) => {}
                    _ => self.error(ScriptError::new(arg.value.span, "an option is true or false, as a literal")),
                },
                _ => rest.push(arg.clone()),
            }
        }
        let Some(places) = self.match_args(&rest, spec.params, span, &format!("a {}", spec.word)) else { return };
        let mut given = Vec::new();
        for place in places {
            given.push(place.is_some());
            if let Some(i) = place {
                self.expression(&rest[i].value);
            }
        }
        let name = self.born(span);
        let index = self.program.news.len() as u32;
        self.program.news.push(NewSite { kind, given, options, name });
        self.emit(Instr::NewObject(index), span);
    }

    /// What reports call an object made here.
    fn born(&self, span: Span) -> String {
        match self.keeper.last() {
            Some(k) => format!("{k} (line {})", self.line(span)),
            None => format!("line {}", self.line(span)),
        }
    }

    fn record(&mut self, structure: u32, args: &[Arg], span: Span) {
        // Fields are laid out before any body is compiled.
        let s = self.program.structs[structure as usize].clone();
        let mut fields = Vec::new();
        for arg in args {
            let Some(name) = &arg.name else {
                let error = ScriptError::new(arg.value.span, format!("the fields of `{}` are named", s.name))
                    .help(format!("write `{}(field: value)`", s.name));
                self.error(error);
                continue;
            };
            let place = s.fields.iter().position(|f| f.name == name.text);
            match place.map(|p| (p, &s.fields[p])) {
                Some((p, Field { what: FieldKind::Memory { .. }, count: None, .. })) => {
                    self.names.used_field(name.span, &name.text);
                    self.keeper.push(name.text.clone());
                    self.expression(&arg.value);
                    self.keeper.pop();
                    fields.push(p as u32);
                }
                Some(_) => {
                    let error =
                        ScriptError::new(name.span, format!("`{}` of `{}` has no first value", name.text, s.name))
                            .help("only var, shared and atomic fields take one");
                    self.error(error);
                }
                None => {
                    let mut error = ScriptError::new(name.span, format!("`{}` has no field `{}`", s.name, name.text))
                        .related(s.span, "the struct");
                    if let Some(near) = nearest(&name.text, s.fields.iter().map(|f| f.name.as_str())) {
                        error = error.help(format!("did you mean `{near}`?"));
                    }
                    self.error(error);
                }
            }
        }
        let index = self.program.records.len() as u32;
        let name = self.born(span);
        self.program.records.push(RecordSite { structure, fields, name });
        self.emit(Instr::NewRecord(index), span);
    }

    // ---------------------------------------------------------------- methods

    fn method(&mut self, object: &Expr, field: &Name, args: &[Arg], span: Span) {
        if self.place_method(object, field, args, span) {
            return;
        }
        if let Some(call) = self.method_operands(object, field, args, span) {
            let index = self.program.calls.len() as u32;
            self.program.calls.push(call);
            self.emit(Instr::CallMethod(index), span);
        }
    }

    /// `x.add(1)` on declared memory.
    fn place_method(&mut self, object: &Expr, field: &Name, args: &[Arg], span: Span) -> bool {
        let (name, place, index) = match &object.kind {
            ExprKind::Name(name) => (name, object.span, None),
            ExprKind::Index { object, index } => match &object.kind {
                ExprKind::Name(name) => (name, object.span, Some(index)),
                _ => return false,
            },
            _ => return false,
        };
        if self.local(name, place).is_some() {
            return false;
        }
        let Some(Global::Memory(m)) = self.globals.get(name).cloned() else { return false };
        let decl = self.program.memory[m as usize].clone();
        let row = self.memory_row(&decl);
        let Some((update, takes)) = Update::method(&field.text) else {
            return self.unknown_place_method(&decl, field, object);
        };
        if row.is_some() != index.is_some() {
            self.expression(object);
            return true;
        }
        index.into_iter().for_each(|i| self.expression(i));
        self.positional(args);
        if args.len() != takes {
            self.error(ScriptError::new(
                span,
                format!("`{}` takes {}, and here it gets {}", field.text, arguments(takes), args.len()),
            ));
        }
        match row {
            Some(row) => self.emit(Instr::UpdateElement { row, update }, span),
            None => self.emit(Instr::UpdateCell { cell: decl.first, update }, span),
        };
        true
    }

    /// A variable may hold an object, so the methods of objects are left to
    /// the run; what no kind has is an error now.
    fn unknown_place_method(&mut self, decl: &MemoryDecl, field: &Name, object: &Expr) -> bool {
        if self.kinds.iter().any(|k| k.method(&field.text).is_some()) {
            return false;
        }
        let mut error =
            ScriptError::new(field.span, format!("a {} has no method `{}`", decl.memory.word(), field.text))
                .label("unknown method");
        let names =
            Update::METHODS.iter().map(|m| m.0).chain(self.kinds.iter().flat_map(|k| k.methods.iter().map(|m| m.name)));
        if let Some(near) = nearest(&field.text, names) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        let _ = object;
        self.error(error);
        true
    }

    /// Pushes the receiver (unless it is declared) and the arguments.
    pub(super) fn method_operands(
        &mut self,
        object: &Expr,
        field: &Name,
        args: &[Arg],
        span: Span,
    ) -> Option<MethodCall> {
        let symbol = self.symbol(&field.text);
        let kind = self.kind_of(object);
        let mut receiver = self.receiver_of(object);
        let mut method = None;
        if let Some(kind) = kind {
            method = Some(self.known_method(kind, field, args, span)?);
        } else if Update::method(&field.text).is_none() {
            self.any_method(field)?;
        }
        match receiver {
            Receiver::Object(_) => {}
            Receiver::Row(_) => {
                if let ExprKind::Index { index, .. } = &strip(object).kind {
                    self.expression(index);
                }
            }
            _ => receiver = self.dynamic_receiver(object, field),
        }
        let positional = args.iter().take_while(|a| a.name.is_none()).count();
        let mut named = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            match &arg.name {
                Some(name) => named.push(self.symbol(&name.text)),
                None if i >= positional => {
                    self.error(ScriptError::new(arg.value.span, "arguments without a name come first"));
                }
                None => {}
            }
            self.expression(&arg.value);
        }
        let must = kind.zip(method).map(|(kind, method)| {
            let params = self.kinds[kind as usize].methods[method as usize].params;
            params.iter().filter(|p| p.default.is_none()).count()
        });
        let bare = named.is_empty() && must == Some(positional);
        Some(MethodCall { receiver, symbol, method, positional: positional as u8, named, bare })
    }

    fn dynamic_receiver(&mut self, object: &Expr, field: &Name) -> Receiver {
        if Update::method(&field.text).is_some() {
            let (inner, index) = match &object.kind {
                ExprKind::Index { object, index } => (&**object, Some(index)),
                _ => (object, None),
            };
            if let ExprKind::Field { object: record, field: name } = &inner.kind
                && self.field_names.contains(&name.text)
            {
                self.names.used_field(name.span, &name.text);
                self.expression(record);
                index.into_iter().for_each(|i| self.expression(i));
                let symbol = self.symbol(&name.text);
                return Receiver::Field { symbol, indexed: index.is_some() };
            }
        }
        self.expression(object);
        Receiver::Dynamic
    }

    fn known_method(&mut self, kind: u8, field: &Name, args: &[Arg], span: Span) -> Option<u8> {
        let spec = self.spec(kind);
        let Some(method) = spec.method(&field.text) else {
            let mut error = ScriptError::new(field.span, format!("a {} has no method `{}`", spec.word, field.text))
                .label("unknown method");
            let python = python_method(spec.word, &field.text);
            let all = spec.methods.iter().map(|m| m.name).collect::<Vec<_>>();
            error = match (python, nearest(&field.text, all.iter().copied())) {
                (Some(word), _) => error.help(format!("write `{word}`")),
                (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
                (None, None) if all.is_empty() => error,
                (None, None) => error.help(format!("its methods: {}", all.join(", "))),
            };
            self.error(error);
            return None;
        };
        let what = format!("`{}` of a {}", field.text, spec.word);
        self.match_args(args, spec.methods[method as usize].params, span, &what)?;
        Some(method)
    }

    fn any_method(&mut self, field: &Name) -> Option<()> {
        let names: Vec<&str> = self.kinds.iter().flat_map(|k| k.methods.iter().map(|m| m.name)).collect();
        if names.contains(&field.text.as_str()) {
            return Some(());
        }
        let mut error = ScriptError::new(field.span, format!("no kind of object has a method `{}`", field.text))
            .label("unknown method");
        if let Some(near) = nearest(&field.text, names) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        self.error(error);
        None
    }

    // ----------------------------------------------------------------- tasks

    fn spawn(&mut self, s: &Spawn, span: Span) {
        let (target, argc, captures) = match &s.what {
            SpawnWhat::Call { callee, args } => {
                let args = args.as_deref().unwrap_or(&[]);
                let target = self.spawn_target(callee, args, span, "spawned");
                (target, args.len() as u8, Vec::new())
            }
            SpawnWhat::Block(block) => {
                let (function, captures) = self.spawn_block(block, span);
                (SpawnTarget::Function(function), 0, captures)
            }
        };
        if let Some(count) = &s.count {
            self.expression(count);
        }
        if let Some(name) = &s.name {
            self.expression(name);
        }
        let index = self.program.spawns.len() as u32;
        let process = s.kind == Some(SpawnKind::Process);
        let (counted, named) = (s.count.is_some(), s.name.is_some());
        self.program.spawns.push(SpawnSite { process, daemon: s.daemon, target, captures, argc, counted, named });
        let head = match &s.what {
            SpawnWhat::Block(block) => Span { start: span.start, end: (block.span.start + 1).min(span.end) },
            _ => span,
        };
        self.emit(Instr::Spawn(index), head);
    }

    fn spawn_target(&mut self, callee: &Expr, args: &[Arg], span: Span, done: &str) -> SpawnTarget {
        if let ExprKind::Name(name) = &callee.kind
            && self.local(name, callee.span).is_none()
        {
            match self.globals.get(name).cloned() {
                Some(Global::Function(f)) => {
                    self.function_args(f, args, span);
                    if done == "spawned" && self.program.functions[f as usize].kind == FunctionKind::Fn {
                        let error = ScriptError::new(callee.span, format!("`{name}` is a fn and cannot be spawned"))
                            .related(self.program.functions[f as usize].span, "defined here")
                            .help(format!(
                                "make it a task: `task {name}`; or spawn a block that calls it: `spawn {{ {name}() }}`"
                            ));
                        self.error(error);
                    }
                    return SpawnTarget::Function(f);
                }
                Some(Global::Memory(_)) => {}
                Some(Global::Object(id)) => {
                    let word = self.spec(self.program.objects[id as usize].kind).word;
                    self.error(
                        ScriptError::new(callee.span, format!("`{name}` is a {word} and cannot be {done}"))
                            .help("a task can: `task worker { }`"),
                    );
                    return SpawnTarget::Value;
                }
                Some(_) => {
                    self.error(
                        ScriptError::new(callee.span, format!("`{name}` is no task and cannot be {done}"))
                            .help("a task can: `task worker { }`"),
                    );
                    return SpawnTarget::Value;
                }
                None => {
                    self.undefined(name, callee.span, false);
                    return SpawnTarget::Value;
                }
            }
        }
        self.expression(callee);
        self.positional(args);
        SpawnTarget::Value
    }

    fn spawn_block(&mut self, block: &ast::Block, span: Span) -> (u32, Vec<(Slot, Slot)>) {
        let line = self.line(span);
        let name = format!("{}:{line}", self.frame().name);
        let index = self.new_function(&name, FunctionKind::Block, span);
        let over = self.emit(Instr::Jump(0), span);
        let entry = self.here();
        self.frames.push(Frame::new(name, true));
        self.names.enter();
        let keeper = std::mem::take(&mut self.keeper);
        self.block_contents(block);
        self.keeper = keeper;
        let close = Span::new((block.span.end as usize).saturating_sub(1), block.span.end as usize);
        self.emit(Instr::None, close);
        self.emit(Instr::Return, close);
        let end = self.here();
        let frame = self.frames.pop();
        self.names.leave(block.span.end);
        self.land(over);
        let (captures, slots) = frame.map(|f| (f.captures, f.slots)).unwrap_or_default();
        let f = &mut self.program.functions[index as usize];
        (f.entry, f.end, f.slots) = (entry, end, slots);
        (index, captures)
    }

    fn join(&mut self, what: &JoinWhat, timeout: Option<&Expr>, span: Span) {
        if let JoinWhat::Value(e) = what {
            if let Some(kind) = self.kind_of(e).filter(|k| self.spec(*k).word != "pool") {
                let word = self.spec(kind).word;
                let error = ScriptError::new(e.span, format!("a {word} cannot be joined"))
                    .help("`join` takes a handle (`let w = spawn worker`), a list of them, a pool, or `all`");
                return self.error(error);
            }
            if let ExprKind::Name(name) = &e.kind
                && nearest(name, ["all"]).is_some()
                && self.local(name, e.span).is_none()
                && self.globals.get(name).is_none()
            {
                let error = ScriptError::new(e.span, format!("`{name}` is not defined")).label("not defined");
                return self.error(error.help("did you mean `all`?"));
            }
            self.expression(e);
        }
        timeout.into_iter().for_each(|t| self.expression(t));
        let timeout = timeout.is_some();
        self.emit(if *what == JoinWhat::All { Instr::JoinAll { timeout } } else { Instr::Join { timeout } }, span);
    }

    fn submit(&mut self, job: &Expr, args: &[Arg], pool: &Expr, span: Span) {
        if let SpawnTarget::Function(f) = self.submit_target(job, args, span) {
            // The callee must lie below its arguments.
            debug_assert!((f as usize) < self.program.functions.len());
        }
        if let Some(kind) = self.kind_of(pool).filter(|k| self.spec(*k).word != "pool") {
            let word = self.spec(kind).word;
            self.error(
                ScriptError::new(pool.span, format!("a {word} takes no jobs")).help("declare a pool: `pool p(3)`"),
            );
        }
        self.expression(pool);
        self.emit(Instr::Submit { argc: args.len() as u8 }, span);
    }

    fn submit_target(&mut self, job: &Expr, args: &[Arg], span: Span) -> SpawnTarget {
        if let ExprKind::Name(name) = &job.kind
            && self.local(name, job.span).is_none()
            && let Some(Global::Function(f)) = self.globals.get(name).cloned()
        {
            self.emit(Instr::Function(f), job.span);
            self.function_args(f, args, span);
            return SpawnTarget::Function(f);
        }
        self.spawn_target(job, args, span, "submitted")
    }

    // ------------------------------------------------------------------ reads

    /// The shared memory that a condition looks at.
    pub(super) fn reads_of(&mut self, e: &Expr) -> AwaitSite {
        let mut site = AwaitSite::default();
        self.collect_reads(e, &mut site);
        site
    }

    fn collect_reads(&mut self, e: &Expr, site: &mut AwaitSite) {
        match &e.kind {
            ExprKind::Int(_) | ExprKind::Duration(_) | ExprKind::Bool(_) | ExprKind::None | ExprKind::SelfTask => {}
            ExprKind::Paren(inner) | ExprKind::Unary { value: inner, .. } => self.collect_reads(inner, site),
            ExprKind::Str(parts) => parts.iter().for_each(|p| {
                if let StrPart::Expr(e) = p {
                    self.collect_reads(e, site);
                }
            }),
            ExprKind::List(items) => items.iter().for_each(|i| self.collect_reads(i, site)),
            ExprKind::Binary { left, right, .. } => {
                self.collect_reads(left, site);
                self.collect_reads(right, site);
            }
            ExprKind::Range { from, to, .. } => {
                from.iter().chain(to).for_each(|e| self.collect_reads(e, site));
            }
            ExprKind::Index { object, index } => {
                self.collect_reads(object, site);
                self.collect_reads(index, site);
            }
            ExprKind::Name(name) => self.collect_name(name, e.span, site),
            ExprKind::Call { callee, args } => {
                match &callee.kind {
                    // What a method finds behind a local or a variable is
                    // only known while running.
                    ExprKind::Field { object, .. } if self.kind_of(object).is_none() => site.anything = true,
                    ExprKind::Field { object, .. } => self.collect_reads(object, site),
                    ExprKind::Name(n) if BUILTINS.contains(&n.as_str()) && self.globals.get(n).is_none() => {}
                    _ => site.anything = true,
                }
                args.iter().for_each(|a| self.collect_reads(&a.value, site));
            }
            _ => site.anything = true,
        }
    }

    fn collect_name(&mut self, name: &str, span: Span, site: &mut AwaitSite) {
        if self.local(name, span).is_some() {
            return;
        }
        match self.globals.get(name).cloned() {
            Some(Global::Memory(m)) => {
                let decl = self.program.memory[m as usize].clone();
                match self.memory_row(&decl) {
                    Some(row) => site.rows.push(row),
                    None => site.cells.push(decl.first),
                }
            }
            Some(Global::Object(id)) => site.objects.push(id),
            Some(Global::ObjectRow(row)) => {
                let r = &self.program.object_rows[row as usize];
                site.objects.extend(r.first..r.first + r.count);
            }
            _ => {}
        }
    }
}

fn strip(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Paren(inner) => strip(inner),
        _ => e,
    }
}

/// What Python calls it.
fn python_method(kind: &str, method: &str) -> Option<&'static str> {
    Some(match (kind, method) {
        ("queue", "put_no_wait") => "put_nowait",
        ("queue", "get_no_wait") => "get_nowait",
        ("queue", "task_done" | "join") => "a `latch`, or `join` of the tasks",
        ("queue", "size" | "len" | "length") => "qsize()",
        ("queue", "send" | "push" | "append" | "enqueue") => "put(v)",
        ("queue", "recv" | "receive" | "pop" | "take" | "dequeue") => "get()",
        ("lock" | "semaphore", "lock" | "take" | "wait" | "p" | "down") => "acquire()",
        ("lock" | "semaphore", "unlock" | "free" | "signal" | "v" | "up" | "post") => "release()",
        ("lock", "is_locked") => "locked()",
        ("condition", "notifyAll" | "broadcast") => "notify_all()",
        ("condition", "signal") => "notify()",
        ("event", "isSet") => "is_set()",
        ("latch", "done") => "count_down()",
        ("pool", "apply_async" | "submit" | "map" | "apply") => "submit job(1) to p",
        ("pool", "join") => "join p",
        _ => return None,
    })
}
