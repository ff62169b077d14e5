//! Operators at which the grammar stops: those of other languages, those that assign where a
//! value stands, and a function whose argument has no parentheses.

use super::super::slip::{NO_POWER, short, without_parentheses};
use super::{Stop, last_word, line};
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;

/// What a condition stands behind.
const CONDITIONS: [&str; 7] = ["invariant", "assert", "await", "if", "while", "else", "expect"];

pub(super) fn of(stop: &Stop<'_>) -> Option<ScriptError> {
    let before = stop.before.trim_end();
    match stop.rest.chars().next()? {
        '+' if stop.rest.starts_with("++") || stop.before.ends_with('+') => {
            let target = target(before.trim_end_matches('+'));
            stop.error("`++` is not an operator", &assigns(stop, target, "+= 1"))
        }
        '+' if before.ends_with('=') => stop.error("`=+` is not an operator", "write `+=`"),
        '<' | '>' if stop.before.ends_with(['<', '>']) => {
            stop.error("there are no operators on bits", "multiply or divide by a power of two")
        }
        '<' | '>' if stop.before.ends_with('=') => {
            let sign = stop.rest.chars().next()?;
            stop.error(&format!("`={sign}` is not an operator"), &format!("write `{sign}=`"))
        }
        '=' if stop.before.ends_with("**") && !stop.rest.starts_with("==") => {
            let span = Span { start: stop.span.start - "**".len() as u32, ..stop.span };
            Some(ScriptError::new(span, "`**=` is not an operator").help(NO_POWER))
        }
        '=' if !stop.rest.starts_with("==") => {
            let sign = stop.before.chars().last().filter(|sign| matches!(sign, '+' | '-' | '*' | '/' | '%'))?;
            let value = line(&stop.rest[1..]).split([';', '}', '{', '#']).next().unwrap_or("").trim();
            let target = target(before.trim_end_matches(sign));
            let span = Span { start: stop.span.start - 1, ..stop.span };
            let help = assigns(stop, target, &format!("{sign}= {}", short(value)));
            Some(ScriptError::new(span, format!("`{sign}=` assigns and gives no value")).help(help))
        }
        _ => {
            let word = last_word(before);
            let parts = before.len() < stop.before.len() && stop.rest.starts_with(begins_value);
            parts.then(|| without_parentheses(stop.span, word, line(stop.rest)))?
        }
    }
}

fn begins_value(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '"' | '[')
}

/// The variable at the end of `before`, perhaps a place of a row or a field.
fn target(before: &str) -> &str {
    let before = before.trim_end();
    let start = before.rfind([' ', '\t', '(', ',', '=']).map_or(0, |at| at + 1);
    if before[start..].is_empty() { "x" } else { &before[start..] }
}

/// What to write for an assignment within a statement.
fn assigns(stop: &Stop<'_>, target: &str, rest: &str) -> String {
    let target = short(target);
    match stop.first() {
        first if CONDITIONS.contains(&first) => {
            format!("a condition compares, such as `{target} >= 1`; `{target} {rest}` is a statement of its own")
        }
        _ if stop.statement.trim_end().trim_end_matches('+').trim_end() == target => {
            format!("write `{target} {rest}`")
        }
        // `x++` is what it was before.
        _ if rest == "+= 1" => format!("write `{target}` here, and `{target} {rest}` on the next line"),
        _ => format!("write `{target} {rest}` on the line before, and `{target}` here"),
    }
}
