//! `with` into code: what it takes, in which of the ways of its kind, and what is said of what it
//! cannot take.

use super::*;
use crate::program::kind::KindSpec;

impl Compiler<'_> {
    pub(super) fn with(&mut self, object: &Expr, body: &Block, span: Span) {
        if let Some(help) = with_form(object, self.source) {
            let error = ScriptError::new(object.span, "`with` takes the object itself, and one");
            return self.error(error.help(help));
        }
        let head = Span { start: span.start, end: object.span.end };
        let slot = self.frame().hidden();
        if let Some(error) = self.row_or_other_mode(object) {
            return self.error(error);
        }
        let (target, mode) = self.with_mode(object);
        use certain::Certain::{Bool, Duration, Int, List, None as Nothing, Str};
        let help = match self.certain(target) {
            Some(List) => format!("one of it: `with {}[0] {{ }}`", target.span.text(self.source)),
            _ => "`lock m` declares one: `with m { }`".to_owned(),
        };
        let fits = |_: &Self, found| !matches!(found, Bool | Duration | Int | List | Nothing | Str);
        if self.refuse(target, "`with` takes a lock or a semaphore", fits, &help) {
            return;
        }
        let receiver = self.receiver_of(target);
        self.check_with(target, mode);
        let known = match receiver {
            Receiver::Object(id) => {
                Some(crate::program::value::ObjRef { id, kind: self.program.objects[id as usize].kind })
            }
            _ => {
                self.expression(target);
                self.emit(Instr::Store(slot), head);
                None
            }
        };
        let way = known.and_then(|o| self.kinds[o.kind as usize].with.first());
        let plain = way.filter(|w| w.word.is_empty() && mode.is_none()).map(|w| (w.acquire, w.release));
        let mode = mode.map(|m| self.symbol(&m.text));
        let site = self.program.withs.len() as u32;
        self.program.withs.push(WithSite { slot, mode, receiver, known, plain });
        self.emit(Instr::WithAcquire(site), head);
        let close = Span::new((body.span.end as usize).saturating_sub(1), body.span.end as usize);
        self.guarded(Region::With { site }, body, Instr::WithRelease(site), close);
    }

    /// `rw.read` is the object `rw` and the mode `read`.
    fn with_mode<'e>(&self, object: &'e Expr) -> (&'e Expr, Option<&'e Name>) {
        if let ExprKind::Field { object: inner, field } = &object.kind {
            let mode = self.kinds.iter().any(|k| k.with.iter().any(|w| w.word == field.text));
            if mode && !self.field_names.contains(&field.text) {
                return (inner, Some(field));
            }
        }
        (object, None)
    }

    /// `with ms { }` of a row, `with rw.reader { }`.
    fn row_or_other_mode(&mut self, object: &Expr) -> Option<ScriptError> {
        let (inner, said) = match &object.kind {
            ExprKind::Field { object: inner, field } => (&**inner, Some(field.text.as_str())),
            _ => (object, None),
        };
        if let ExprKind::Name(name) = &inner.kind
            && self.local(name, inner.span).is_none()
            && let Some(Global::ObjectRow(row)) = self.globals.get(name)
        {
            let kind = self.program.object_rows[*row as usize].kind;
            let ways = ways_of(self.spec(kind), &format!("{name}[0]"), said)?;
            let error = ScriptError::new(object.span, format!("`{name}` is a row, and `with` takes one of it"));
            return Some(error.help(format!("write {ways}")));
        }
        let ExprKind::Field { field, .. } = &object.kind else { return None };
        let kind = self.kind_of(inner)?;
        let spec = self.spec(kind);
        if self.with_mode(object).1.is_some() || spec.with.is_empty() {
            return None;
        }
        let ways = ways_of(spec, inner.span.text(self.source), Some(&field.text))?;
        let error = ScriptError::new(field.span, format!("{} has no field `{}`", a(spec.word), field.text));
        Some(error.help(format!("write {ways}")))
    }

    /// The name of the lock that a declared condition has.
    pub(in crate::program) fn lock_of(&mut self, condition: &Expr) -> Option<String> {
        let Receiver::Object(id) = self.receiver_of(condition) else { return None };
        let lock = self.program.objects[id as usize].args.iter().find_map(|arg| match arg {
            Value::Object(lock) => Some(lock.id),
            _ => None,
        })?;
        Some(self.program.objects.get(lock as usize)?.name.clone())
    }

    fn check_with(&mut self, target: &Expr, mode: Option<&Name>) {
        let Some(kind) = self.kind_of(target) else { return };
        let spec = self.spec(kind);
        let word = mode.map_or("", |m| m.text.as_str());
        if spec.with.iter().any(|w| w.word == word) {
            return;
        }
        let mut error = ScriptError::new(target.span, format!("`with` cannot take {} so", a(spec.word)));
        let name = target.span.text(self.source);
        error = match spec.with {
            [] => error.help(match self.lock_of(target) {
                Some(lock) => format!("`with` takes its lock: `with {lock} {{ }}`"),
                None if spec.word == "pool" => {
                    format!("write `{name}.close()` behind what it is given, then `join {name}`")
                }
                None => "`with` takes a lock, a semaphore, `rw.read` or `rw.write`".to_owned(),
            }),
            _ => match ways_of(spec, name, None) {
                Some(ways) => error.help(format!("write {ways}")),
                None => error,
            },
        };
        self.error(error);
    }
}

/// How `with` takes what `name` is; of several ways the one that `said` begins as: `reader`,
/// `rlock`, `Write`.
fn ways_of(spec: &KindSpec, name: &str, said: Option<&str>) -> Option<String> {
    let said = said.unwrap_or("").to_lowercase();
    let is_meant = |word: &str| !said.is_empty() && !word.is_empty() && said.as_bytes()[0] == word.as_bytes()[0];
    let meant: Vec<_> = spec.with.iter().filter(|way| is_meant(way.word)).collect();
    let ways = if meant.is_empty() { spec.with.iter().collect() } else { meant };
    let ways = ways.iter().map(|way| match way.word {
        "" => format!("`with {name} {{ }}`"),
        word => format!("`with {name}.{word} {{ }}`"),
    });
    let ways: Vec<String> = ways.collect();
    (!ways.is_empty()).then(|| ways.join(" or "))
}

/// The mend of `with m.acquire() { }`, `with a and b { }`.
fn with_form(object: &Expr, source: &str) -> Option<String> {
    match &object.kind {
        ExprKind::Binary { op: BinaryOp::And, left, right } => {
            let (a, b) = (left.span.text(source), right.span.text(source));
            Some(format!("write one inside the other: `with {a} {{ with {b} {{ }} }}`"))
        }
        ExprKind::Call { callee, .. } => {
            let ExprKind::Field { object, field } = &callee.kind else { return None };
            let object = object.span.text(source);
            let mode = match field.text.as_str() {
                "acquire" | "lock" => String::new(),
                "acquire_read" | "read" => ".read".to_owned(),
                "acquire_write" | "write" => ".write".to_owned(),
                _ => return None,
            };
            Some(format!("write `with {object}{mode} {{ }}`"))
        }
        _ => None,
    }
}
