//! Expressions: precedence, calls, indices, fields.
//!
//! The grammar gives an expression flat: operands and operators in a row. The
//! levels here make the tree of it, by precedence climbing.

use super::build::{Builder, Node, Parts, name, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Arg, BinaryOp, Expr, ExprKind, Span, Spawn, SpawnWhat, UnaryOp};
use crate::lang::error::Sort;

const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const RANGE: u8 = 5;
const NEGATION: u8 = 8;

/// How tightly an operator binds; more is tighter.
fn level(op: &str) -> u8 {
    match op {
        "or" | "||" => 1,
        "and" | "&&" => 2,
        ".." | "..=" => RANGE,
        "+" | "-" => 6,
        "*" | "/" | "%" | "**" => 7,
        _ => COMPARISON,
    }
}

/// What an operator means; for one of another language, what it was meant for.
fn meaning(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "or" | "||" => BinaryOp::Or,
        "and" | "&&" => BinaryOp::And,
        "==" | "===" | "is" => BinaryOp::Eq,
        "!=" | "!==" | "<>" => BinaryOp::Ne,
        "<" => BinaryOp::Lt,
        "<=" => BinaryOp::Le,
        ">" => BinaryOp::Gt,
        ">=" => BinaryOp::Ge,
        "in" => BinaryOp::In,
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" | "**" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Rem,
        _ if op.starts_with("is") => BinaryOp::Ne,
        _ if op.starts_with("not") => BinaryOp::In,
        _ => return None,
    })
}

/// Whether what is called has a name as other languages' classes have.
fn is_foreign(callee: &Expr, source: &str) -> bool {
    let word = match &callee.kind {
        ExprKind::Name(word) => word,
        ExprKind::Field { field, .. } => &field.text,
        _ => return false,
    };
    word.starts_with(|c: char| c.is_uppercase()) && !source.contains(&format!("struct {word}"))
}

impl<'s> Builder<'s> {
    pub fn expr(&mut self, node: Node<'s>) -> Option<Expr> {
        let operators = node.clone().into_inner().count() / 2;
        self.deeper(span(&node), operators + 1, |builder| {
            let mut parts = parts(node);
            builder.climb(&mut parts, 0)
        })
    }

    fn climb(&mut self, parts: &mut Parts<'s>, least: u8) -> Option<Expr> {
        let mut left = match parts.peek()? {
            Rule::prefix | Rule::negative => self.prefixed(parts)?,
            _ => {
                let node = parts.next()?;
                self.operand(node)?
            }
        };
        while let Some(op) = parts.peek_text() {
            let level = level(op);
            if level < least {
                break;
            }
            let op = parts.next()?;
            let right = self.climb(parts, level + 1)?;
            left = self.binary(left, &op, right)?;
        }
        Some(left)
    }

    fn prefixed(&mut self, parts: &mut Parts<'s>) -> Option<Expr> {
        let prefix = parts.next()?;
        let place = span(&prefix);
        if text(&prefix) == "-" {
            // The least integer has no positive twin, so it is read as one.
            if let Some(number) = parts.peek_text().filter(|t| super::literal::is_least(t)) {
                let end = place.end.max(span(&parts.next()?).end);
                let _ = number;
                return Some(Expr { kind: ExprKind::Int(i64::MIN), span: Span { start: place.start, end } });
            }
            let value = Box::new(self.climb(parts, NEGATION)?);
            let span = place.to(value.span);
            return Some(Expr { kind: ExprKind::Unary { op: UnaryOp::Neg, value }, span });
        }
        let value = Box::new(self.climb(parts, NOT)?);
        if text(&prefix) == "!" {
            self.errors.push(slip::bang(place, &value));
        }
        let span = place.to(value.span);
        Some(Expr { kind: ExprKind::Unary { op: UnaryOp::Not, value }, span })
    }

    fn binary(&mut self, left: Expr, op: &Node<'s>, right: Expr) -> Option<Expr> {
        let word = text(op);
        let span = left.span.to(right.span);
        if level(word) == RANGE {
            if matches!(left.kind, ExprKind::Range { .. }) {
                self.errors.push(slip::range_chain(span));
            }
            let kind =
                ExprKind::Range { from: Some(Box::new(left)), to: Some(Box::new(right)), inclusive: word == "..=" };
            return Some(Expr { kind, span });
        }
        self.errors.extend(slip::operator(op, &left, &right, self.text));
        if level(word) == COMPARISON {
            self.errors.extend(slip::comparison_chain(&left, word, &right, self.text));
        }
        let kind = ExprKind::Binary { op: meaning(word)?, left: Box::new(left), right: Box::new(right) };
        let value = Expr { kind, span };
        match word.starts_with("not") {
            true => Some(Expr { kind: ExprKind::Unary { op: UnaryOp::Not, value: Box::new(value) }, span }),
            false => Some(value),
        }
    }

    fn operand(&mut self, node: Node<'s>) -> Option<Expr> {
        match node.as_rule() {
            Rule::spawn => self.spawn(node),
            Rule::join => self.join(node),
            Rule::submit => self.submit(node),
            Rule::unit => self.unit(node),
            Rule::lambda_slip => self.fail(slip::lambda(span(&node), text(&node))),
            _ => None,
        }
    }

    /// A primary with its calls, indices and fields.
    pub fn unit(&mut self, node: Node<'s>) -> Option<Expr> {
        let steps = node.clone().into_inner().count();
        self.deeper(span(&node), steps, |builder| {
            let mut parts = parts(node);
            let first = parts.next()?;
            let mut unit = builder.primary(first)?;
            for step in parts {
                unit = builder.step(unit, step)?;
            }
            Some(unit)
        })
    }

    /// One `(…)`, `[…]` or `.name` after `object`.
    pub fn step(&mut self, object: Expr, node: Node<'s>) -> Option<Expr> {
        let whole = object.span.to(span(&node));
        // Only one of another language has methods, which were meant with it.
        if let ExprKind::Spawn(_) = object.kind {
            return Some(Expr { span: whole, ..object });
        }
        let object = Box::new(object);
        let kind = match node.as_rule() {
            Rule::call => {
                let told = self.errors.len();
                let arguments = text(&node);
                if let (true, Some((error, kind))) =
                    (is_foreign(&object, self.text), slip::foreign_task(&object, arguments, self.text))
                {
                    let Some((callee, args)) = self.target_of(node) else { return self.fail(error) };
                    self.errors.push(error.understood());
                    let what = SpawnWhat::Call { callee, args };
                    let spawn = Spawn { kind, daemon: false, what, count: None, name: None };
                    return Some(Expr { kind: ExprKind::Spawn(Box::new(spawn)), span: whole });
                }
                let args = self.args(node)?;
                // Of what is no function of the script nothing else is told.
                if is_foreign(&object, self.text) {
                    let mut n = 0;
                    self.errors.retain(|error| (n < told, n += 1).0 || error.sort != Sort::Minor);
                }
                ExprKind::Call { callee: object, args }
            }
            Rule::index => ExprKind::Index { object, index: Box::new(self.index(node)?) },
            Rule::field => ExprKind::Field { object, field: name(parts(node).next()?) },
            _ => return None,
        };
        Some(Expr { kind, span: whole })
    }

    /// What `Thread(target=worker, args=(1,))` spawns, if that is told by a name.
    fn target_of(&mut self, node: Node<'s>) -> Option<(Expr, Option<Vec<Arg>>)> {
        let (mut target, mut given) = (None, None);
        for arg in parts(node) {
            let mut parts = parts(arg);
            let Some(named) = parts.accept(Rule::arg_name) else { continue };
            let value = parts.accept(Rule::expr)?;
            match text(&named).trim_end_matches([':', '=']).trim_end() {
                "target" => target = Some(self.expr(value)?),
                "args" if text(&value).starts_with(['(', '[']) => {
                    let row = value.into_inner().flatten().find(|n| matches!(n.as_rule(), Rule::paren | Rule::list))?;
                    let items = row.into_inner().filter(|item| item.as_rule() == Rule::expr);
                    let items = items.map(|item| Some(Arg { name: None, value: self.expr(item)? }));
                    given = Some(items.collect::<Option<Vec<Arg>>>()?);
                }
                _ => {}
            }
        }
        target.filter(|target| matches!(target.kind, ExprKind::Name(_))).map(|target| (target, given))
    }

    pub fn args(&mut self, node: Node<'s>) -> Option<Vec<Arg>> {
        let mut args = Vec::new();
        for arg in parts(node) {
            let mut parts = parts(arg);
            let name = match parts.accept(Rule::arg_name) {
                Some(node) => {
                    let mut parts = super::build::parts(node);
                    let name = name(parts.accept(Rule::ident)?);
                    if parts.accept(Rule::equals).is_some() {
                        self.errors.push(slip::equals_in_argument(&name));
                    }
                    Some(name)
                }
                None => None,
            };
            let value = self.expr(parts.next()?)?;
            args.push(Arg { name, value });
        }
        Some(args)
    }

    fn index(&mut self, node: Node<'s>) -> Option<Expr> {
        let inner = parts(node).collect::<Vec<_>>();
        let open = inner.get(1).map(span);
        let first = inner.into_iter().next()?;
        if first.as_rule() != Rule::slice_to {
            let from = self.expr(first)?;
            let Some(dots) = open else { return Some(from) };
            let span = from.span.to(dots);
            return Some(Expr {
                kind: ExprKind::Range { from: Some(Box::new(from)), to: None, inclusive: false },
                span,
            });
        }
        let span = span(&first);
        let mut parts = parts(first);
        let inclusive = text(&parts.accept(Rule::slice_dots)?) == "..=";
        let to = match parts.next() {
            Some(to) => Some(Box::new(self.expr(to)?)),
            None if inclusive => return self.fail(slip::slice_without_end(span)),
            None => None,
        };
        Some(Expr { kind: ExprKind::Range { from: None, to, inclusive }, span })
    }

    fn primary(&mut self, node: Node<'s>) -> Option<Expr> {
        let whole = span(&node);
        let kind = match node.as_rule() {
            Rule::ident => match slip::foreign_constant(text(&node), whole) {
                Some((meant, error)) => {
                    self.errors.push(error);
                    meant
                }
                None => ExprKind::Name(text(&node).to_owned()),
            },
            Rule::self_task => ExprKind::SelfTask,
            Rule::constant => match text(&node) {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                _ => ExprKind::None,
            },
            Rule::list => {
                let mut items = Vec::new();
                for item in parts(node) {
                    items.push(self.expr(item)?);
                }
                ExprKind::List(items)
            }
            Rule::paren => {
                let inner: Vec<Node<'s>> = parts(node).collect();
                // What is left of a statement that could not be read.
                if inner.is_empty() && self.is_reported(whole) {
                    return None;
                }
                if inner.len() != 1 {
                    return self.fail(slip::tuple(whole, &inner));
                }
                ExprKind::Paren(Box::new(self.expr(inner.into_iter().next()?)?))
            }
            _ => return self.literal(node),
        };
        Some(Expr { kind, span: whole })
    }
}
