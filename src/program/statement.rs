//! Statements into code. An `await` is in `statement/awaited`, a `select` in `statement/select`, a `with` in
//! `statement/with`.

#[path = "statement/awaited.rs"]
mod awaited;
#[path = "statement/select.rs"]
mod select;
#[path = "statement/with.rs"]
mod with;

use super::certain::Certain;
use super::expression::{Use, strip};
use super::*;
use crate::lang::ast::{AssignOp, BinaryOp, Block, Else, Select, SelectArm, Stmt, StmtKind};
use crate::program::kind::Method;
use crate::program::scope::Region;
use crate::program::value::{ErrorKind, one_place};

impl Compiler<'_> {
    /// A local by its own name, which must be free.
    pub(super) fn define_local(&mut self, name: &Name) -> Slot {
        self.define_local_as(name, What::Local)
    }

    pub(super) fn define_local_as(&mut self, name: &Name, what: What) -> Slot {
        let own = self.frame().lookup(&name.text).map(|l| l.1);
        if own.is_some_and(crate::program::scope::is_earlier) {
            let again = self.frame().define_again(&name.text, name.span);
            return again.unwrap_or_else(|| self.frame().define(&name.text, name.span));
        }
        // What is no declaration has no name: that is told there.
        let told = matches!(self.globals.get(&name.text), Some(Global::Const(Value::Missing)));
        let first = own.or_else(|| self.globals.span(&name.text).filter(|_| !told));
        if let Some(first) = first {
            let error = ScriptError::new(name.span, format!("`{}` is defined twice", name.text))
                .label("defined again")
                .related(first, "first defined here")
                .help(format!("to assign, write `{} = …`; else give it another name", name.text))
                .placed();
            self.error(error);
        }
        self.names.define(&name.text, name.span, what, None, false);
        self.frame().define(&name.text, name.span)
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.enter();
        self.block_contents(block);
        self.leave(block.span);
    }

    pub(super) fn block_contents(&mut self, block: &Block) {
        for stmt in &block.stmts {
            self.statement(stmt);
        }
    }

    pub(super) fn statement(&mut self, stmt: &Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            StmtKind::Let { name, value } => {
                self.keeper.push(name.text.clone());
                self.expression(value);
                self.keeper.pop();
                let slot = self.define_local(name);
                let what = self.holding(value);
                self.names.holds(name.span, what);
                self.emit(Instr::Store(slot), span);
            }
            StmtKind::Assign { target, op, value } => self.assign(target, *op, value, span),
            StmtKind::Expr(e) => {
                match &e.kind {
                    ExprKind::Name(name) if !self.known_name(e) => self.undefined(name, e.span, Use::Alone),
                    _ => self.expression(e),
                }
                self.emit(Instr::Pop, span);
            }
            StmtKind::Terminate(e) => {
                self.want_handle(e, "terminate");
                self.unary_step(e, Instr::Terminate, span);
            }
            StmtKind::Kill(e) => {
                self.want_handle(e, "kill");
                self.unary_step(e, Instr::Kill, span);
            }
            StmtKind::Sleep(e) => {
                if self.within_atomically() {
                    let error =
                        ScriptError::new(span, "an `atomically` block must not wait, and `sleep` would make it");
                    self.error(error.help("sleep before the block or after it").placed());
                }
                self.want_duration(e, "sleep");
                self.unary_step(e, Instr::Sleep, span);
            }
            StmtKind::Busy(e) => {
                self.want_duration(e, "busy");
                self.unary_step(e, Instr::Busy, span);
            }
            StmtKind::Raise(e) => match self.foreign_error(e) {
                Some(name) => {
                    let error = ScriptError::new(e.span, "`raise` takes a text").unknown();
                    self.error(error.help(format!("write `raise \"{name}\"`; `catch Raised {{ }}` takes it")));
                }
                None => self.unary_step(e, Instr::Raise, span),
            },
            StmtKind::Exit(code) => {
                match code {
                    Some(e) => {
                        self.want_int(e, "an exit code is an integer", "write `exit 1`");
                        self.expression(e);
                    }
                    None => drop(self.emit(Instr::Int(0), span)),
                }
                self.emit(Instr::Exit, span);
            }
            StmtKind::Return(value) => self.return_statement(value.as_ref(), span),
            StmtKind::If { condition, then, otherwise } => {
                self.if_statement(condition, then, otherwise.as_deref(), span)
            }
            StmtKind::While { condition, body } => self.while_statement(condition, body, span),
            StmtKind::Loop(body) => {
                let top = self.here();
                self.loop_body(body, top);
            }
            StmtKind::Repeat { count, body } => self.repeat(count, body, span),
            StmtKind::For { name, over, body } => self.for_statement(name, over, body, span),
            StmtKind::With { object, body } => self.with(object, body, span),
            StmtKind::Select(s) => self.select(s, span),
            StmtKind::Try { body, catches } => self.try_statement(body, catches, span),
            StmtKind::Print(values) => {
                values.iter().for_each(|v| self.expression(v));
                self.emit(Instr::Print(values.len() as u16), span);
            }
            StmtKind::Yield => drop(self.emit(Instr::Yield, span)),
            StmtKind::Assert { condition, message } => self.assert(condition, message.as_ref(), span),
            StmtKind::Await(c) => self.await_statement(c, span, false),
            StmtKind::Atomically(body) => self.atomically(body, span),
            StmtKind::Break => self.leave_loop(true, span),
            StmtKind::Continue => self.leave_loop(false, span),
        }
    }

    /// `ValueError` of `raise ValueError("x")`: a name that stands for nothing.
    fn foreign_error<'e>(&mut self, e: &'e Expr) -> Option<&'e str> {
        let name = match &e.kind {
            ExprKind::Call { callee, .. } => callee,
            _ => e,
        };
        let ExprKind::Name(text) = &name.kind else { return None };
        let unknown = text.starts_with(|c: char| c.is_uppercase()) && !self.known_name(name);
        unknown.then_some(text)
    }

    fn unary_step(&mut self, operand: &Expr, instr: Instr, span: Span) {
        self.expression(operand);
        self.emit(instr, span);
    }

    // The value of an assertion is looked at before its message is made.
    fn assert(&mut self, condition: &Expr, message: Option<&Expr>, span: Span) {
        self.condition(condition);
        match message {
            None => drop(self.emit(Instr::Assert { with_message: false }, span)),
            Some(m) => {
                let fails = self.emit(Instr::JumpIfFalse(0), span);
                let holds = self.emit(Instr::Jump(0), span);
                self.land(fails);
                self.expression(m);
                self.emit(Instr::Assert { with_message: true }, span);
                self.land(holds);
            }
        }
    }

    fn if_statement(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Else>, span: Span) {
        self.condition(condition);
        let skip = self.emit(Instr::JumpIfFalse(0), condition.span);
        self.block(then);
        match otherwise {
            None => self.land(skip),
            Some(e) => {
                let end = self.emit(Instr::Jump(0), span);
                self.land(skip);
                match e {
                    Else::Block(b) => self.block(b),
                    Else::If(s) => self.statement(s),
                }
                self.land(end);
            }
        }
    }

    fn while_statement(&mut self, condition: &Expr, body: &Block, _span: Span) {
        let top = self.here();
        self.condition(condition);
        let out = self.emit(Instr::JumpIfFalse(0), condition.span);
        self.loop_body(body, top);
        self.land(out);
    }

    /// The body, a jump back to `top`, and the ends of `break` and `continue`.
    fn loop_body(&mut self, body: &Block, top: Pc) {
        self.frame().regions.push(Region::Loop { breaks: Vec::new(), continues: Vec::new() });
        self.block(body);
        let region = self.frame().regions.pop();
        let Some(Region::Loop { breaks, continues }) = region else { return };
        for jump in continues {
            self.land(jump);
        }
        self.emit(Instr::Jump(top), body.span);
        for jump in breaks {
            self.land(jump);
        }
    }

    fn repeat(&mut self, count: &Expr, body: &Block, span: Span) {
        self.want_int(count, "`repeat` takes an integer", "write `repeat 3 { }`, or `for v in xs { }`");
        self.expression(count);
        let slot = self.frame().hidden();
        self.emit(Instr::RepeatInit(slot), count.span);
        let top = self.emit(Instr::RepeatNext { slot, end: 0 }, span);
        self.loop_body(body, top);
        self.land(top);
    }

    fn for_statement(&mut self, name: &Name, over: &Expr, body: &Block, span: Span) {
        let slot = self.frame().hidden();
        let second = self.frame().hidden();
        debug_assert_eq!(second, slot + 1, "the two hidden locals stand side by side");
        let range = matches!(&over.kind, ExprKind::Range { from: Some(_), to: Some(_), .. });
        if let ExprKind::Range { from: Some(from), to: Some(to), inclusive } = &over.kind {
            self.range_ends(from, to);
            self.emit(Instr::RangeInit { slot, inclusive: *inclusive }, over.span);
        } else {
            self.want_iterable(over);
            self.expression(over);
            self.emit(Instr::EachInit(slot), over.span);
        }
        let what = match self.holding(over) {
            Holding::List(element) => *element,
            _ => Holding::Unknown,
        };
        self.enter();
        let variable = self.define_local(name);
        self.names.holds(name.span, what);
        let top = if range {
            self.emit(Instr::RangeNext { slot, variable, end: 0 }, over.span)
        } else {
            self.emit(Instr::EachNext { slot, variable, end: 0 }, over.span)
        };
        self.loop_body(body, top);
        self.leave(body.span);
        self.land(top);
        let _ = span;
    }

    /// Undoes what lies between here and a region further out.
    fn unwind_to(&mut self, depth: usize, span: Span) {
        let regions: Vec<Region> = self.frame().regions[depth..].to_vec();
        for region in regions.into_iter().rev() {
            match region {
                Region::Loop { .. } => {}
                Region::Try => drop(self.emit(Instr::PopHandler, span)),
                Region::With { site } => {
                    self.emit(Instr::PopHandler, span);
                    self.emit(Instr::WithRelease(site), span);
                }
                Region::Atomic => {
                    self.emit(Instr::PopHandler, span);
                    self.emit(Instr::AtomicEnd, span);
                }
            }
        }
    }

    fn leave_loop(&mut self, is_break: bool, span: Span) {
        let word = if is_break { "break" } else { "continue" };
        let depth = self.frame().regions.iter().rposition(|r| matches!(r, Region::Loop { .. }));
        let Some(depth) = depth else {
            let error = ScriptError::new(span, format!("`{word}` outside a loop"))
                .help("`return` ends a task or a function")
                .placed();
            return self.error(error);
        };
        self.unwind_to(depth + 1, span);
        let jump = self.emit(Instr::Jump(0), span);
        if let Region::Loop { breaks, continues } = &mut self.frame().regions[depth] {
            if is_break { breaks.push(jump) } else { continues.push(jump) }
        }
    }

    fn return_statement(&mut self, value: Option<&Expr>, span: Span) {
        match value {
            Some(e) => self.expression(e),
            None => drop(self.emit(Instr::None, span)),
        }
        self.unwind_to(0, span);
        self.emit(Instr::Return, span);
    }

    // ------------------------------------------------------------- assignment

    fn assign(&mut self, target: &Expr, op: AssignOp, value: &Expr, span: Span) {
        let op = match op {
            AssignOp::Set => None,
            AssignOp::Add => Some(BinaryOp::Add),
            AssignOp::Sub => Some(BinaryOp::Sub),
            AssignOp::Mul => Some(BinaryOp::Mul),
            AssignOp::Div => Some(BinaryOp::Div),
            AssignOp::Rem => Some(BinaryOp::Rem),
        };
        match &target.kind {
            ExprKind::Paren(inner) => self.assign_to(inner, op, value, span),
            _ => self.assign_to(target, op, value, span),
        }
    }

    fn assign_to(&mut self, target: &Expr, op: Option<BinaryOp>, value: &Expr, span: Span) {
        match &target.kind {
            ExprKind::Name(name) => self.assign_name(name, target, op, value, span),
            ExprKind::Index { object, index } => match &object.kind {
                ExprKind::Field { object: record, field } => {
                    self.assign_field(record, field, Some(index), op, value, span)
                }
                ExprKind::Name(name) => {
                    self.note_assigned(name, op, value);
                    self.assign_element(name, object, index, op, value, span);
                }
                ExprKind::Index { object: outer, index: place } => {
                    let [list, i, j] = [outer, place, index].map(|e| e.span.text(self.source));
                    let in_one_place = match &outer.kind {
                        ExprKind::Name(name) => matches!(self.globals.get(name), Some(Global::Memory(m))
                            if self.program.memory[*m as usize].count.is_none()),
                        _ => false,
                    };
                    let help = match in_one_place {
                        true => format!("keep all in one row: `var row[9] = 0`, and `row[{i} * 3 + {j}] = …`"),
                        false => format!(
                            "change the inner list and put it back: `let inner = {list}[{i}]`, `inner[{j}] = …`, \
                             `{list}[{i}] = inner`"
                        ),
                    };
                    let error = ScriptError::new(target.span, "an element of an element cannot be assigned");
                    self.error(error.label("cannot be assigned").help(help));
                }
                _ => self.not_assignable(target, None),
            },
            ExprKind::Field { object, field } => self.assign_field(object, field, None, op, value, span),
            _ => self.not_assignable(target, None),
        }
    }

    fn not_assignable(&mut self, target: &Expr, what: Option<String>) {
        let message =
            what.unwrap_or_else(|| "only a local, a variable, an element or a field can be assigned".to_string());
        self.error(ScriptError::new(target.span, message).label("cannot be assigned"));
    }

    fn kept(&mut self, name: &str, value: &Expr) {
        self.keeper.push(name.to_string());
        self.expression(value);
        self.keeper.pop();
    }

    /// For editors: what a name holds may be something else from now on.
    fn note_assigned(&mut self, name: &str, op: Option<BinaryOp>, value: &Expr) {
        if let (Some(defined), None) = (self.place_of_name(name), op) {
            let what = self.holding(value);
            self.names.assigned(defined, &what);
        }
    }

    fn assign_name(&mut self, name: &str, target: &Expr, op: Option<BinaryOp>, value: &Expr, span: Span) {
        self.note_assigned(name, op, value);
        self.check_amount(op, value, span);
        if let Some(slot) = self.local(name, target.span) {
            if let Some(op) = op {
                self.emit(Instr::Load(slot), span);
                self.expression(value);
                self.emit(Instr::Binary(op), span);
            } else {
                self.kept(name, value);
            }
            self.emit(Instr::Store(slot), span);
            return;
        }
        let Some(Global::Memory(index)) = self.globals.get(name).cloned() else {
            return self.assign_wrong(name, target, value);
        };
        let decl = self.program.memory[index as usize].clone();
        if decl.count.is_some() {
            let text = format!("`{name}` is a row of {} places", decl.count.unwrap_or(0));
            return self.error(ScriptError::new(target.span, text).help(format!("name one: `{name}[0] = …`")));
        }
        self.assign_cell(decl.first, decl.memory, name, op, value, span);
    }

    /// Declared memory, at a place that is known.
    fn assign_cell(&mut self, cell: u32, memory: Memory, name: &str, op: Option<BinaryOp>, value: &Expr, span: Span) {
        match (memory, op) {
            (Memory::Atomic, None) => {
                self.kept(name, value);
                self.emit(Instr::UpdateCell { cell, update: super::super::kind::Update::Store }, span);
                self.emit(Instr::Pop, span);
            }
            (Memory::Atomic, Some(op)) => {
                self.expression(value);
                self.emit(Instr::UpdateCell { cell, update: update_of(op) }, span);
                self.emit(Instr::Pop, span);
            }
            (_, None) => {
                self.kept(name, value);
                self.emit(Instr::WriteCell(cell), span);
            }
            (_, Some(BinaryOp::Add)) if small_int(value).is_some() => {
                let amount = small_int(value).unwrap_or(0);
                self.emit(Instr::AddCell { cell, amount }, span);
            }
            (_, Some(op)) => {
                self.emit(Instr::ReadCell(cell), span);
                self.expression(value);
                self.emit(Instr::Binary(op), span);
                self.emit(Instr::WriteCell(cell), span);
            }
        }
    }

    /// What `+=` and its kin add.
    fn check_amount(&mut self, op: Option<BinaryOp>, value: &Expr, span: Span) {
        if let Some(op) = op {
            self.not_a_value(value, "a number");
            self.want_operands(op, None, value, span);
        }
    }

    fn assign_wrong(&mut self, name: &str, target: &Expr, value: &Expr) {
        match self.globals.get(name).cloned() {
            None => {
                // `m = Lock()` was meant to declare it: that is told of the value.
                if !self.is_foreign_call(value) {
                    self.undefined(name, target.span, Use::Assigned);
                }
                self.expression(value);
            }
            Some(Global::Const(_)) => {
                let error = ScriptError::new(target.span, format!("`{name}` is a constant"));
                let help = format!("`var {name} = …` declares what can be assigned; `-D {name}=…` gives another value");
                self.error(error.label("cannot be assigned").help(help));
            }
            Some(Global::Object(id)) => {
                let word = self.spec(self.program.objects[id as usize].kind).word;
                let error = ScriptError::new(target.span, format!("`{name}` is {}, not a variable", a(word)));
                let methods = self.spec(self.program.objects[id as usize].kind).method_names().take(3);
                let help = format!("it is used through its methods: {}", methods.collect::<Vec<_>>().join(", "));
                self.error(error.label("cannot be assigned").help(help));
            }
            Some(_) => {
                let error = ScriptError::new(target.span, format!("`{name}` is not a variable"));
                let help = "take another name: `let x = …` for a local, `var x = …` for what tasks share";
                self.error(error.label("cannot be assigned").help(help));
            }
        }
    }

    fn assign_element(
        &mut self,
        name: &str,
        object: &Expr,
        index: &Expr,
        op: Option<BinaryOp>,
        value: &Expr,
        span: Span,
    ) {
        let memory = match self.globals.get(name).cloned() {
            Some(Global::Memory(m)) if self.local(name, object.span).is_none() => {
                self.program.memory[m as usize].clone()
            }
            _ if self.local(name, object.span).is_some() => {
                let error = ScriptError::new(span, format!("the elements of the list `{name}` cannot be assigned"))
                    .help(format!("lists are values: build a new one, `{name} = {name}[..1] + [v]`; or declare a row, `var {name}[3] = 0`"));
                return self.error(error);
            }
            None => return self.undefined(name, object.span, Use::Read),
            Some(_) => {
                self.expression(object);
                return self.not_assignable(object, Some(format!("`{name}` has no elements to assign")));
            }
        };
        let Some(row) = self.memory_row(&memory) else {
            return self.one_place(span, name, memory.memory, Some(&memory.init));
        };
        self.check_amount(op, value, span);
        if let Some(cell) = self.cell_of_row(&memory, index) {
            return self.assign_cell(cell, memory.memory, name, op, value, span);
        }
        self.want_int(index, "an index is an integer", "the first one is `[0]`");
        if memory.memory == Memory::Atomic {
            self.expression(index);
            self.kept(name, value);
            let update = op.map_or(super::super::kind::Update::Store, update_of);
            self.emit(Instr::UpdateElement { row, update }, span);
            self.emit(Instr::Pop, span);
            return;
        }
        let place = self.frame().hidden();
        self.expression(index);
        self.emit(Instr::Store(place), span);
        if let Some(op) = op {
            self.emit(Instr::Load(place), span);
            self.emit(Instr::ReadElement(row), span);
            self.expression(value);
            self.emit(Instr::Binary(op), span);
        } else {
            self.kept(name, value);
        }
        self.emit(Instr::Load(place), span);
        self.emit(Instr::WriteElement(row), span);
    }

    /// `v[1] = 3` where `v` has no count; `init`: its first value.
    fn one_place(&mut self, span: Span, name: &str, memory: Memory, init: Option<&Value>) {
        let error = ScriptError::new(span, one_place(name));
        let all: &[Value] = if let Some(Value::List(all)) = init { all } else { &[] };
        let (count, first) = match all {
            [] => (3, 0),
            [Value::Int(first), others @ ..] if others.iter().all(|v| *v == Value::Int(*first)) => (all.len(), *first),
            _ => (all.len(), 0),
        };
        self.error(error.help(format!("declare a row of places: `{} {name}[{count}] = {first}`", memory.word())));
    }

    fn assign_field(
        &mut self,
        record: &Expr,
        field: &Name,
        index: Option<&Expr>,
        op: Option<BinaryOp>,
        value: &Expr,
        span: Span,
    ) {
        if matches!(record.kind, ExprKind::SelfTask) {
            let error = ScriptError::new(record.span, "`self` tells of the running task and is not changed");
            return self.error(error.help("a task is named where it is spawned: `spawn worker as \"anna\"`"));
        }
        if !self.stands_for_nothing(record) {
            self.check_field(record, field);
        }
        if let (Some(memory), Some(_)) = (self.field_of_one_place(&field.text), index) {
            return self.one_place(span, &field.text, memory, None);
        }
        self.check_amount(op, value, span);
        let symbol = self.symbol(&field.text);
        let indexed = index.is_some();
        match op {
            None => {
                self.kept(&field.text, value);
                self.expression(record);
                index.into_iter().for_each(|i| self.expression(i));
                self.emit(Instr::SetField { symbol, indexed }, span);
            }
            Some(op) => {
                self.expression(record);
                index.into_iter().for_each(|i| self.expression(i));
                self.expression(value);
                self.emit(Instr::UpdateField { symbol, indexed, op }, span);
            }
        }
    }

    // ------------------------------------------------------- try, await

    /// A body that is left in order however it is left.
    fn guarded(&mut self, region: Region, body: &Block, leave: Instr, close: Span) {
        let handler = self.emit(Instr::PushHandler(0), close);
        self.frame().regions.push(region);
        self.block(body);
        self.frame().regions.pop();
        self.emit(Instr::PopHandler, close);
        self.emit(leave.clone(), close);
        let end = self.emit(Instr::Jump(0), close);
        self.land(handler);
        self.emit(leave, close);
        self.emit(Instr::Reraise, close);
        self.land(end);
    }

    fn try_statement(&mut self, body: &Block, catches: &[ast::Catch], span: Span) {
        let handler = self.emit(Instr::PushHandler(0), span);
        self.frame().regions.push(Region::Try);
        self.block(body);
        self.frame().regions.pop();
        self.emit(Instr::PopHandler, span);
        let mut ends = vec![self.emit(Instr::Jump(0), span)];
        self.land(handler);
        for c in catches {
            let kinds = self.caught(&c.kinds);
            let next = self.emit(Instr::IfKind { kinds, otherwise: 0 }, c.span);
            self.enter();
            match &c.bind {
                Some(name) => {
                    let slot = self.define_local(name);
                    self.names.holds(name.span, Holding::Error);
                    self.emit(Instr::Store(slot), c.span);
                }
                None => drop(self.emit(Instr::Pop, c.span)),
            }
            self.block_contents(&c.body);
            self.leave(c.body.span);
            ends.push(self.emit(Instr::Jump(0), c.span));
            self.land(next);
        }
        self.emit(Instr::Reraise, span);
        ends.into_iter().for_each(|e| self.land(e));
    }

    fn caught(&mut self, names: &[Name]) -> u32 {
        let mut kinds = Vec::new();
        for name in names.iter().filter(|n| n.text != "any") {
            match ErrorKind::from_word(&name.text) {
                Some(kind) => kinds.push(kind),
                None => {
                    let words = ErrorKind::ALL.map(ErrorKind::word);
                    let mut error = ScriptError::new(name.span, format!("`{}` is no kind of error", name.text))
                        .label("unknown")
                        .unknown();
                    error = match nearest(&name.text, words.into_iter().chain(["any"])) {
                        Some(near) => error.help(format!("did you mean `{near}`?")),
                        None if name.text.starts_with(|c: char| c.is_lowercase()) => error.help(format!(
                            "a caught error gets its name with `as`: `catch any as {} {{ }}`",
                            name.text
                        )),
                        None => error.help(format!("the kinds: {}, or any", words.join(", "))),
                    };
                    self.error(error);
                }
            }
        }
        if names.iter().any(|n| n.text == "any") {
            kinds.clear();
        }
        self.program.error_kinds.push(kinds);
        (self.program.error_kinds.len() - 1) as u32
    }

    pub(super) fn within_atomically(&mut self) -> bool {
        self.frame().regions.iter().any(|r| matches!(r, Region::Atomic))
    }

    fn atomically(&mut self, body: &Block, span: Span) {
        self.program.needs.gate = true;
        let head = Span { start: span.start, end: body.span.start + 1 };
        if self.within_atomically() {
            self.error(
                ScriptError::new(head, "`atomically` inside `atomically`").help("the outer block is enough").placed(),
            );
        }
        self.emit(Instr::AtomicBegin, head);
        let close = Span::new((body.span.end as usize).saturating_sub(1), body.span.end as usize);
        if let Some(Stmt { kind: StmtKind::Await(c), span }) = body.stmts.first() {
            let handler = self.emit(Instr::PushHandler(0), close);
            self.await_statement(c, *span, true);
            self.emit(Instr::PopHandler, close);
            let rest = Block { stmts: body.stmts[1..].to_vec(), span: body.span };
            let over = self.emit(Instr::Jump(0), close);
            self.land(handler);
            self.emit(Instr::AtomicEnd, close);
            self.emit(Instr::Reraise, close);
            self.land(over);
            return self.guarded(Region::Atomic, &rest, Instr::AtomicEnd, close);
        }
        self.guarded(Region::Atomic, body, Instr::AtomicEnd, close);
    }
}

/// A literal that an instruction can hold.
fn small_int(e: &Expr) -> Option<i32> {
    match &e.kind {
        ExprKind::Int(i) => i32::try_from(*i).ok(),
        _ => None,
    }
}

/// The indivisible update that an assignment operator makes.
pub(super) fn update_of(op: BinaryOp) -> super::super::kind::Update {
    use super::super::kind::Update;
    match op {
        BinaryOp::Sub => Update::Sub,
        BinaryOp::Mul => Update::Mul,
        BinaryOp::Div => Update::Div,
        BinaryOp::Rem => Update::Rem,
        _ => Update::Add,
    }
}
