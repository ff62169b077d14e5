//! Slips: what is often typed for something of the language. One function a
//! slip, with the reason and the mend; the builders call them where the grammar
//! has let a slip through. `value` has those of expressions, `statement` those
//! of statements, `declaration` those of the top level, `beside` those of statements
//! with nothing between, `expect` those behind `expect`.

mod beside;
mod declaration;
pub(super) mod expect;
mod statement;
mod value;

pub(super) use beside::*;
pub(super) use declaration::*;
pub(super) use statement::*;
pub(super) use value::*;

use super::super::ast::Span;
use super::super::error::ScriptError;

fn error(span: Span, message: impl Into<String>, help: impl Into<String>) -> ScriptError {
    ScriptError::new(span, message).help(help)
}

/// The words that statements and items begin with.
pub(super) const KEYWORDS: &[&str] = &[
    "const",
    "struct",
    "task",
    "fn",
    "invariant",
    "finally",
    "expect",
    "spawn",
    "join",
    "terminate",
    "kill",
    "exit",
    "submit",
    "return",
    "if",
    "else",
    "while",
    "loop",
    "repeat",
    "for",
    "break",
    "continue",
    "let",
    "print",
    "sleep",
    "busy",
    "yield",
    "assert",
    "await",
    "atomically",
    "select",
    "try",
    "catch",
    "raise",
    "with",
];

/// Words that the grammar keeps for itself within a statement.
pub(super) const INNER_WORDS: &[&str] = &["or", "and", "not", "in", "true", "false", "none", "self", "after"];

/// Whether `word` cannot be a name.
pub(super) fn is_reserved(word: &str) -> bool {
    KEYWORDS.contains(&word) || INNER_WORDS.contains(&word)
}

/// At most one line of `text`, not too long to stand in a sentence.
pub(super) fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim();
    if line.chars().count() <= 40 {
        line.to_owned()
    } else {
        format!("{}…", line.chars().take(39).collect::<String>())
    }
}
