//! Numbers, durations, strings.

use super::build::{Builder, Node, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Expr, ExprKind, Span, StrPart};
use crate::lang::error::ScriptError;

/// Whether `number` is 2^63, which only a `-` makes an integer.
pub(super) fn is_least(number: &str) -> bool {
    number.starts_with('9') && digits(number) == "9223372036854775808"
}

fn digits(number: &str) -> String {
    number.chars().filter(|c| *c != '_').collect()
}

/// Nanoseconds in a unit of time.
fn unit_ns(unit: &str) -> i64 {
    match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        _ => 1_000_000_000,
    }
}

impl<'s> Builder<'s> {
    pub fn literal(&mut self, node: Node<'s>) -> Option<Expr> {
        let whole = span(&node);
        let kind = match node.as_rule() {
            Rule::number => return self.number(parts(node).next()?),
            Rule::string => ExprKind::Str(self.string(node)?),
            Rule::quoted_slip => {
                self.errors.push(slip::quotes(whole, text(&node)));
                ExprKind::Str(Vec::new())
            }
            Rule::fstring_slip => {
                self.errors.push(slip::fstring(whole, text(&node)));
                ExprKind::Str(Vec::new())
            }
            _ => return None,
        };
        Some(Expr { kind, span: whole })
    }

    pub fn number(&mut self, node: Node<'s>) -> Option<Expr> {
        let span = span(&node);
        let text = text(&node);
        let kind = match node.as_rule() {
            Rule::int => ExprKind::Int(self.integer(text, span)?),
            Rule::duration | Rule::spaced_slip => {
                if node.as_rule() == Rule::spaced_slip {
                    self.errors.push(slip::spaced(span, text));
                }
                let end = text.find(|c: char| c.is_ascii_alphabetic())?;
                let (number, unit) = text.split_at(end);
                match self.integer(number.trim_end(), span)?.checked_mul(unit_ns(unit)) {
                    Some(ns) => ExprKind::Duration(ns),
                    None => {
                        return self.fail(
                            ScriptError::new(span, "this duration is too long")
                                .help("a duration has at most 292 years"),
                        );
                    }
                }
            }
            Rule::float_slip => {
                self.errors.push(slip::float(span, text));
                ExprKind::Int(0)
            }
            _ => {
                self.errors.push(slip::number(span, text));
                ExprKind::Int(0)
            }
        };
        Some(Expr { kind, span })
    }

    /// The value of digits with `_` between them.
    pub fn integer(&mut self, text: &str, span: Span) -> Option<i64> {
        match digits(text).parse() {
            Ok(value) => Some(value),
            Err(_) => self.fail(
                ScriptError::new(span, "this number is too large").help("the largest integer is 9223372036854775807"),
            ),
        }
    }

    fn string(&mut self, node: Node<'s>) -> Option<Vec<StrPart>> {
        let mut string = Vec::new();
        let mut whole = true;
        for part in parts(node) {
            let place = span(&part);
            match part.as_rule() {
                Rule::chunk => string.push(StrPart::Text(self.unescape(part.as_str(), place.start as usize))),
                _ => match parts(part).next() {
                    Some(expr) => match self.expr(expr) {
                        Some(expr) => string.push(StrPart::Expr(expr)),
                        None => whole = false,
                    },
                    None => self.errors.push(slip::empty_hole(place)),
                },
            }
        }
        whole.then_some(string)
    }

    /// Resolves the escapes of a string's text, which begins at `start`.
    fn unescape(&mut self, text: &str, start: usize) -> String {
        let mut plain = String::with_capacity(text.len());
        let mut chars = text.char_indices();
        while let Some((place, c)) = chars.next() {
            if c != '\\' {
                plain.push(c);
                continue;
            }
            match chars.next() {
                Some((_, 'n')) => plain.push('\n'),
                Some((_, 't')) => plain.push('\t'),
                Some((_, c @ ('"' | '\\' | '{' | '}'))) => plain.push(c),
                Some((_, c)) => {
                    let span = Span::new(start + place, start + place + 1 + c.len_utf8());
                    self.errors.push(slip::escape(span, c));
                }
                None => {}
            }
        }
        plain
    }
}
