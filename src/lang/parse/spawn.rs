//! `spawn`, `join`, `submit`.

use super::build::{Builder, Node, Parts, name, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Arg, Expr, ExprKind, JoinWhat, Span, Spawn, SpawnKind, SpawnWhat};

impl<'s> Builder<'s> {
    pub fn spawn(&mut self, node: Node<'s>) -> Option<Expr> {
        let whole = span(&node);
        let mut parts = parts(node);
        let (kind, daemon) = self.spawn_words(&mut parts);
        let what = match parts.accept(Rule::block) {
            Some(block) => SpawnWhat::Block(self.block(block)?),
            None => {
                let (callee, args) = self.callee(&mut parts)?;
                SpawnWhat::Call { callee, args }
            }
        };
        let count = match parts.accept(Rule::count) {
            Some(count) => Some(self.count(count)?),
            None => None,
        };
        let name = match parts.accept(Rule::sum) {
            Some(name) => Some(self.expr(name)?),
            None => None,
        };
        Some(Expr { kind: ExprKind::Spawn(Box::new(Spawn { kind, daemon, what, count, name })), span: whole })
    }

    fn spawn_words(&mut self, parts: &mut Parts<'s>) -> (Option<SpawnKind>, bool) {
        let mut kind = None;
        let mut daemon = false;
        while let Some(word) = parts.accept(Rule::spawn_word) {
            let again = match text(&word) {
                "daemon" => std::mem::replace(&mut daemon, true),
                "process" => kind.replace(SpawnKind::Process).is_some(),
                _ => kind.replace(SpawnKind::Thread).is_some(),
            };
            if again {
                self.errors.push(slip::spawn_word(span(&word)));
            }
        }
        (kind, daemon)
    }

    /// A name with indices and fields, and the arguments if there are any.
    fn callee(&mut self, parts: &mut Parts<'s>) -> Option<(Expr, Option<Vec<Arg>>)> {
        let node = parts.accept(Rule::callee)?;
        let whole = span(&node);
        let steps = node.clone().into_inner().count();
        let callee = self.deeper(whole, steps, |builder| {
            let mut parts = super::build::parts(node);
            let first = name(parts.accept(Rule::ident)?);
            let mut callee = Expr { kind: ExprKind::Name(first.text), span: first.span };
            for step in parts {
                callee = builder.step(callee, step)?;
            }
            Some(callee)
        })?;
        let args = match parts.accept(Rule::call) {
            Some(call) => Some(self.args(call)?),
            None => None,
        };
        Some((callee, args))
    }

    fn count(&mut self, node: Node<'s>) -> Option<Expr> {
        let inner = parts(node).next()?;
        let place = span(&inner);
        match inner.as_rule() {
            Rule::count_short => {
                let span = Span { start: place.start + 1, end: place.end };
                let value = self.integer(&text(&inner)[1..], span)?;
                Some(Expr { kind: ExprKind::Int(value), span })
            }
            Rule::sum => self.expr(inner),
            _ => {
                self.errors.push(slip::bare_count(place, text(&inner)));
                let value = self.integer(text(&inner), place)?;
                Some(Expr { kind: ExprKind::Int(value), span: place })
            }
        }
    }

    pub fn join(&mut self, node: Node<'s>) -> Option<Expr> {
        let whole = span(&node);
        let mut parts = parts(node);
        let what = match parts.accept(Rule::unit) {
            Some(unit) => JoinWhat::Value(Box::new(self.unit(unit)?)),
            None => {
                parts.accept(Rule::join_all)?;
                JoinWhat::All
            }
        };
        let timeout = match parts.accept(Rule::sum) {
            Some(time) => {
                let time = self.expr(time)?;
                self.errors.extend(slip::not_a_duration(&time, "for"));
                Some(Box::new(time))
            }
            None => None,
        };
        Some(Expr { kind: ExprKind::Join { what, timeout }, span: whole })
    }

    pub fn submit(&mut self, node: Node<'s>) -> Option<Expr> {
        let whole = span(&node);
        let mut parts = parts(node);
        let (job, args) = self.callee(&mut parts)?;
        let Some(pool) = parts.accept(Rule::unit) else {
            return self.fail(slip::without_pool(whole, self.text));
        };
        let pool = Box::new(self.unit(pool)?);
        let kind = ExprKind::Submit { job: Box::new(job), args: args.unwrap_or_default(), pool };
        Some(Expr { kind, span: whole })
    }
}
