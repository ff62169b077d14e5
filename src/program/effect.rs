//! What looks from outside must not change anything: an `invariant`, the claims of
//! `expect some` and `expect every`. What comes after everything else, `finally`, must
//! begin, end and await nothing. It owns finding what would, also in the functions that
//! are called; behind a value that only the run knows it does not look.

use super::*;
use crate::lang::ast::{Block, Else, Function as Definition, JoinWhat, StmtKind, StrPart};
use crate::program::kind::{Update, does_more_than_look};

/// What is searched for.
#[derive(Clone, Copy, PartialEq)]
enum For {
    /// Whatever changes something, waits or is seen.
    Effects,
    /// What begins or ends a task or a process, or waits for others whatever they did.
    Others,
}

/// For the first thing that must not be.
pub(super) struct Search<'a> {
    functions: HashMap<&'a str, &'a Definition>,
    kinds: &'static [KindSpec],
    structs: HashSet<&'a str>,
    queues: HashSet<&'a str>,
    looked: HashSet<&'a str>,
    what: For,
    /// The call that led into functions.
    call: Option<Span>,
}

/// Where it stands and what it does.
type Effect = Option<(Span, String)>;

impl Compiler<'_> {
    /// Refuses an effect in a condition that is looked at from outside.
    pub(super) fn only_looks<'a>(&mut self, condition: &'a Expr, search: &mut Search<'a>, what: &str) {
        search.begin(For::Effects);
        let Some((place, deed)) = search.expr(condition, &HashSet::new()) else { return };
        let inside = condition.span.start <= place.start && place.end <= condition.span.end;
        let text = format!("{what} looks from outside, and this {deed}");
        let error = ScriptError::new(if inside { place } else { condition.span }, text);
        let error = if inside { error } else { error.related(place, format!("it {deed} here")) };
        self.error(
            error.help("look without a change: read variables, ask `qsize()`, `value()`, `locked()`, `is_set()`"),
        );
    }

    /// Refuses in `finally` what needs others, in each of its statements.
    pub(super) fn needs_nobody<'a>(&mut self, body: &'a Block, search: &mut Search<'a>) {
        let mut locals = HashSet::new();
        for stmt in &body.stmts {
            search.begin(For::Others);
            let Some((place, deed)) = search.stmt(stmt, &mut locals) else { continue };
            let error = |place| ScriptError::new(place, format!("`finally` runs when all has ended, and this {deed}"));
            let error = match search.call {
                Some(call) => error(call).related(place, format!("it {deed} here")),
                None => error(place),
            };
            self.error(
                error.help("do it before the script's other statements end; `finally` looks at what came of them"),
            );
        }
    }
}

impl Compiler<'_> {
    /// Refuses a `choose` in what an `await` waits for, or in what that calls: it would look
    /// again and again until it has chosen well, and so wait for nobody.
    pub(super) fn awaits_choose_nothing(&mut self) {
        let begins: Vec<Pc> = (0..self.program.code.len() as Pc)
            .filter(|pc| matches!(self.program.code[*pc as usize], Instr::AwaitBegin { .. }))
            .collect();
        for begin in begins {
            let mut seen = HashSet::new();
            let Some(place) = self.chooses(begin + 1, Pc::MAX, &mut seen) else { continue };
            let awaits = self.program.span(begin);
            let text = "an `await` looks for what others do, and this chooses";
            let error = match awaits.start <= place.start && place.end <= awaits.end {
                true => ScriptError::new(place, text),
                false => ScriptError::new(awaits, text).related(place, "it chooses here"),
            };
            self.error(error.help("choose before it: `let way = choose(…)`, then `await` what the others bring"));
        }
    }

    /// The first `choose` from a place on, up to the end of the look or the function.
    fn chooses(&self, from: Pc, end: Pc, seen: &mut HashSet<u32>) -> Option<Span> {
        for pc in from..end.min(self.program.code.len() as Pc) {
            match &self.program.code[pc as usize] {
                Instr::AwaitEnd { .. } if end == Pc::MAX => return None,
                Instr::Choose => return Some(self.program.span(pc)),
                Instr::Call { function, .. } if seen.insert(*function) => {
                    let called = &self.program.functions[*function as usize];
                    let inner = self.chooses(called.entry, called.end, seen);
                    if inner.is_some() {
                        return inner;
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl<'a> Search<'a> {
    pub(super) fn new(script: &'a Script, kinds: &'static [KindSpec]) -> Search<'a> {
        let (mut functions, mut structs, mut queues) = (HashMap::new(), HashSet::new(), HashSet::new());
        for item in &script.items {
            match item {
                Item::Function(f) => drop(functions.insert(f.name.text.as_str(), f)),
                Item::Struct(s) => drop(structs.insert(s.name.text.as_str())),
                Item::Object(o) if o.kind.text == "queue" => drop(queues.insert(o.name.text.as_str())),
                _ => {}
            }
        }
        Search { functions, kinds, structs, queues, looked: HashSet::new(), what: For::Effects, call: None }
    }

    fn begin(&mut self, what: For) {
        self.looked.clear();
        (self.what, self.call) = (what, None);
    }

    /// What is an effect, though nobody else is needed for it.
    fn effect(&self, span: Span, deed: &str) -> Effect {
        (self.what == For::Effects).then(|| (span, deed.to_string()))
    }

    /// `locals`: what the function around it may change.
    fn expr(&mut self, e: &'a Expr, locals: &HashSet<&'a str>) -> Effect {
        let found = |deed: &str| Some((e.span, deed.to_string()));
        match &e.kind {
            ExprKind::Paren(inner) | ExprKind::Unary { value: inner, .. } => self.expr(inner, locals),
            ExprKind::Str(parts) => parts.iter().find_map(|part| match part {
                StrPart::Expr(e) => self.expr(e, locals),
                StrPart::Text(_) => None,
            }),
            ExprKind::List(items) => items.iter().find_map(|e| self.expr(e, locals)),
            ExprKind::Binary { left, right, .. } => self.expr(left, locals).or_else(|| self.expr(right, locals)),
            ExprKind::Range { from, to, .. } => from.iter().chain(to).find_map(|e| self.expr(e, locals)),
            ExprKind::Index { object, index } => self.expr(object, locals).or_else(|| self.expr(index, locals)),
            ExprKind::Field { object, .. } => self.expr(object, locals),
            ExprKind::Spawn(_) => found("spawns a task"),
            ExprKind::Submit { .. } => found("hands over a job"),
            ExprKind::Join { what, timeout } => {
                let whom = if let JoinWhat::Value(task) = what { Some(&**task) } else { None };
                let waits = self.effect(e.span, "waits");
                waits.or_else(|| whom.into_iter().chain(timeout.as_deref()).find_map(|e| self.expr(e, locals)))
            }
            ExprKind::Call { callee, args } => {
                let inner = args.iter().find_map(|a| self.expr(&a.value, locals));
                inner.or_else(|| match &callee.kind {
                    ExprKind::Field { object, field } => {
                        self.expr(object, locals).or_else(|| self.method(&field.text, e))
                    }
                    ExprKind::Name(name) if !locals.contains(name.as_str()) => self.call(name, e),
                    _ => self.expr(callee, locals),
                })
            }
            _ => None,
        }
    }

    fn method(&self, name: &str, e: &Expr) -> Effect {
        let writes = Update::method(name).is_some_and(|(update, _)| update != Update::Load);
        if writes || does_more_than_look(self.kinds, name) {
            self.effect(e.span, &format!("calls `{name}`"))
        } else {
            None
        }
    }

    fn call(&mut self, name: &'a str, e: &'a Expr) -> Effect {
        let found = |deed: &str| Some((e.span, deed.to_string()));
        if let Some(function) = self.functions.get(name).copied() {
            if !self.looked.insert(name) {
                return None;
            }
            let mut locals: HashSet<&str> = function.params.iter().map(|p| p.name.text.as_str()).collect();
            let call = self.call;
            self.call = call.or(Some(e.span));
            let effect = self.block(&function.body, &mut locals);
            if effect.is_none() {
                self.call = call;
            }
            return effect;
        }
        if self.structs.contains(name) {
            return self.effect(e.span, "makes a record");
        }
        match name {
            "fork" => found("makes a process"),
            "wait" => found("waits"),
            "choose" => found("chooses"),
            _ if self.kinds.iter().any(|k| k.word == name && !k.internal) => self.effect(e.span, "makes an object"),
            _ => None,
        }
    }

    fn block(&mut self, block: &'a Block, locals: &mut HashSet<&'a str>) -> Effect {
        block.stmts.iter().find_map(|stmt| self.stmt(stmt, locals))
    }

    fn stmt(&mut self, stmt: &'a Stmt, locals: &mut HashSet<&'a str>) -> Effect {
        let found = |deed: &str| Some((stmt.span, deed.to_string()));
        match &stmt.kind {
            StmtKind::Let { name, value } => {
                locals.insert(&name.text);
                self.expr(value, locals)
            }
            StmtKind::Assign { target, value, .. } => match &target.kind {
                ExprKind::Name(name) if locals.contains(name.as_str()) => self.expr(value, locals),
                _ => self
                    .effect(stmt.span, "changes a variable")
                    .or_else(|| self.expr(target, locals))
                    .or_else(|| self.expr(value, locals)),
            },
            StmtKind::Expr(e) | StmtKind::Raise(e) => self.expr(e, locals),
            StmtKind::Return(e) => e.as_ref().and_then(|e| self.expr(e, locals)),
            StmtKind::Assert { condition, message } => {
                self.expr(condition, locals).or_else(|| message.as_ref().and_then(|e| self.expr(e, locals)))
            }
            StmtKind::If { condition, then, otherwise } => self
                .expr(condition, locals)
                .or_else(|| self.block(then, locals))
                .or_else(|| match otherwise.as_deref() {
                    Some(Else::Block(block)) => self.block(block, locals),
                    Some(Else::If(stmt)) => self.stmt(stmt, locals),
                    None => None,
                }),
            StmtKind::While { condition: head, body } | StmtKind::Repeat { count: head, body } => {
                self.expr(head, locals).or_else(|| self.block(body, locals))
            }
            StmtKind::Loop(body) => self.block(body, locals),
            StmtKind::For { over, body, .. } if matches!(&over.kind, ExprKind::Name(name) if self.queues.contains(name.as_str())) => {
                self.effect(stmt.span, "takes values from a queue").or_else(|| self.block(body, locals))
            }
            StmtKind::For { name, over, body } => {
                locals.insert(&name.text);
                self.expr(over, locals).or_else(|| self.block(body, locals))
            }
            StmtKind::Try { body, catches } => self.block(body, locals).or_else(|| {
                catches.iter().find_map(|c| {
                    locals.extend(c.bind.iter().map(|name| name.text.as_str()));
                    self.block(&c.body, locals)
                })
            }),
            StmtKind::Break | StmtKind::Continue => None,
            StmtKind::Print(values) => {
                self.effect(stmt.span, "prints").or_else(|| values.iter().find_map(|e| self.expr(e, locals)))
            }
            StmtKind::Terminate(_) | StmtKind::Kill(_) => found("ends a task"),
            StmtKind::Exit(_) => found(if self.what == For::Others { "ends a process" } else { "ends a task" }),
            StmtKind::Await(_) | StmtKind::Sleep(_) => found("waits"),
            StmtKind::Busy(time) => self.effect(stmt.span, "waits").or_else(|| self.expr(time, locals)),
            StmtKind::Yield => self.effect(stmt.span, "waits"),
            StmtKind::Select(select) => self.effect(stmt.span, "waits").or_else(|| {
                let operations = select.arms.iter().map(|arm| &arm.operation);
                let mut first = operations.chain(select.after.iter().map(|after| &after.0));
                if let Some(effect) = first.find_map(|e| self.expr(e, locals)) {
                    return Some(effect);
                }
                let bodies = select.arms.iter().map(|arm| &arm.body).chain(select.after.iter().map(|after| &after.1));
                bodies.chain(&select.otherwise).find_map(|body| self.block(body, locals))
            }),
            StmtKind::With { object, body } => self
                .effect(stmt.span, "takes a lock")
                .or_else(|| self.expr(object, locals))
                .or_else(|| self.block(body, locals)),
            StmtKind::Atomically(body) => {
                self.effect(stmt.span, "is an `atomically` block").or_else(|| self.block(body, locals))
            }
        }
    }
}
