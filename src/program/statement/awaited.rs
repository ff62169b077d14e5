//! `await` into code: what its condition is, and what is said of objects, tasks and calls that
//! have waits of their own.

use super::*;

impl Compiler<'_> {
    pub(super) fn await_statement(&mut self, condition: &Expr, span: Span, nested: bool) {
        if !nested && self.within_atomically() {
            let error = ScriptError::new(span, "`await` must be the first statement of an `atomically` block")
                .help("what waits comes first: `atomically { await c … }`")
                .placed();
            self.error(error);
        }
        self.program.needs.gate = true;
        self.program.needs.awaits = true;
        self.not_awaited(condition);
        let await_index = self.program.awaits;
        self.program.awaits += 1;
        // What the condition raises ends the look; of a block the error goes on to its end.
        let handler = (!nested).then(|| self.emit(Instr::PushHandler(0), span));
        let top = self.emit(Instr::AwaitBegin { await_index, nested }, span);
        match self.awaits_object(condition) {
            true => self.expression(condition),
            false => self.condition(condition),
        }
        self.emit(Instr::AwaitEnd { await_index, again: top }, span);
        if let Some(handler) = handler {
            self.emit(Instr::PopHandler, span);
            let over = self.emit(Instr::Jump(0), span);
            self.land(handler);
            self.emit(Instr::Bool(true), span);
            self.emit(Instr::AwaitEnd { await_index, again: top }, span);
            self.emit(Instr::Reraise, span);
            self.land(over);
        }
    }

    /// `await e`, `await h`: objects and tasks have ways of their own to wait for them. Whether
    /// it was told, or noted of a local that may be given something else.
    fn awaits_object(&mut self, condition: &Expr) -> bool {
        let (e, text) = (strip(condition), strip(condition).span.text(self.source).to_owned());
        let (kind, local) = match (self.kind_of(e), &e.kind) {
            (Some(kind), _) => (self.spec(kind).word, None),
            (None, ExprKind::Name(name)) if self.local(name, e.span).is_some() => {
                let local = self.place_of_name(name);
                match local.map(|local| self.names.held(local)) {
                    Some(Holding::Object(kind)) => (kind, local),
                    _ => return false,
                }
            }
            (None, ExprKind::Join { .. }) => {
                let error = ScriptError::new(e.span, "`await` takes a condition, and `join` waits by itself");
                self.error(error.help(format!("leave `await` out: `{text}`")));
                return true;
            }
            (None, ExprKind::Spawn(_)) => {
                let error = ScriptError::new(e.span, "`await` takes a condition, and `spawn` gives a task");
                self.error(error.help(format!("write `let w = {text}`, then `join w`")));
                return true;
            }
            _ => return false,
        };
        let help = match kind {
            "task" | "pool" => format!("write `join {text}`, or `join {text} for 5s`"),
            "queue" => format!("write `let v = {text}.get()`, or `{text}.get(timeout: 5s)`"),
            "lock" | "semaphore" => format!("write `with {text} {{ }}`, or `{text}.acquire(timeout: 5s)`"),
            "rwlock" => format!("write `with {text}.read {{ }}`, or `with {text}.write {{ }}`"),
            "condition" => format!("write `{text}.wait()` while its lock is held, or `{text}.wait(timeout: 5s)`"),
            _ => format!("write `{text}.wait()`, or `{text}.wait(timeout: 5s)`"),
        };
        let text = format!("`await` takes what is true or false, and `{text}` is {}", a(kind));
        let error = ScriptError::new(e.span, text).help(help);
        match local {
            Some(local) => self.of_tasks.push((local, error)),
            None => self.error(error),
        }
        true
    }

    /// `await q.get()`: what waits by itself is no condition, and no part of one.
    fn not_awaited(&mut self, condition: &Expr) {
        let Some((call, method)) = self.waiting_call(condition) else { return };
        let text = call.span.text(self.source).to_owned();
        let value = if method == "get" { "let v = " } else { "" };
        let error = ScriptError::new(call.span, format!("`await` takes a condition, and `{method}` waits by itself"));
        self.error(error.help(match call.span == condition.span {
            true => format!("leave `await` out: `{value}{text}`"),
            false => format!("do it before: `{value}{text}`"),
        }));
    }

    /// The first operation in a condition that waits as long as it takes, and its name. Where
    /// only the run knows of what kind the receiver is, whatever has such a method waits.
    fn waiting_call<'e>(&mut self, e: &'e Expr) -> Option<(&'e Expr, &'e str)> {
        let (callee, args) = match &e.kind {
            ExprKind::Paren(inner) | ExprKind::Unary { value: inner, .. } | ExprKind::Field { object: inner, .. } => {
                return self.waiting_call(inner);
            }
            ExprKind::Binary { left, right, .. } | ExprKind::Index { object: left, index: right } => {
                return self.waiting_call(left).or_else(|| self.waiting_call(right));
            }
            ExprKind::Call { callee, args } => (callee, args),
            _ => return None,
        };
        let within = args.iter().find_map(|arg| self.waiting_call(&arg.value));
        if within.is_some() {
            return within;
        }
        let ExprKind::Field { object, field } = &callee.kind else { return None };
        let positional = args.iter().filter(|arg| arg.name.is_none()).count();
        let waits = |method: &Method| {
            let named = args.iter().filter_map(|arg| Some(arg.name.as_ref()?.text.as_str()));
            method.waits && !method.is_limited(positional, named)
        };
        let mut kinds = self.kinds_with(&field.text);
        match self.kind_of(object) {
            Some(own) => kinds.retain(|(kind, _)| *kind == own),
            None if self.is_no_object(object) => return None,
            None => {}
        }
        let all =
            !kinds.is_empty() && kinds.iter().all(|(kind, method)| waits(&self.spec(*kind).methods[*method as usize]));
        all.then_some((e, field.text.as_str()))
    }

    /// Whether what stands before a dot is certainly no object, or a name of nothing: what is
    /// wrong with it is told elsewhere.
    fn is_no_object(&mut self, e: &Expr) -> bool {
        let is_value = self.certain(e).is_some_and(|found| !matches!(found, Certain::Object(_)));
        is_value
            || self.stands_for_nothing(e)
            || match self.holding(e) {
                Holding::Unknown => false,
                Holding::Object(word) => word == "task",
                Holding::Plain | Holding::Record(_) | Holding::Error | Holding::List(_) => true,
            }
    }
}
