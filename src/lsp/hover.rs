//! What an editor shows of the word under the pointer: a name of the script as
//! it is declared, with the operations of its kind; a word of the language with
//! its rows of the reference.

use super::document::Document;
use super::member::kind_of;
use crate::lang::ast::{Else, Item, Span, Stmt, StmtKind};
use crate::lang::word::a;
use crate::program::kind::{Memory, Update};
use crate::program::name::{Symbol, What};
use crate::report::{explain, reference};
use serde_json::{Value, json};

/// The text about what is at a byte.
pub fn hover(document: &Document, byte: usize) -> Option<Value> {
    let known = document.known();
    if let Some((symbol, span)) = known.names.at(byte as u32) {
        return Some(shown(document, span, &of_symbol(document, symbol)));
    }
    let (word, span) = document.word(byte)?;
    if document.in_words(span.start as usize) {
        return None;
    }
    let text = of_member(document, word, span).or_else(|| of_word(document, word, span))?;
    Some(shown(document, span, &text))
}

fn shown(document: &Document, span: Span, text: &str) -> Value {
    json!({ "contents": { "kind": "markdown", "value": text }, "range": document.range(span) })
}

// ---------------------------------------------------------------- the script's

fn of_symbol(document: &Document, symbol: &Symbol) -> String {
    let lines: Vec<String> = symbol.places.iter().map(|p| declaration(document, symbol, *p)).collect();
    let mut text = format!("```conc\n{}\n```", lines.join("\n"));
    let what = match symbol.what {
        What::Parameter => "A parameter: a local of its task or function.",
        What::Local => "A local: it belongs to its task, and using it is no step.",
        What::Task => "A task: `spawn`, `submit` or call it.",
        What::Fn => "A function: call it.",
        What::Const => "A constant; `-D` gives it another value.",
        What::Struct => "A kind of record: called, it makes one.",
        What::Memory | What::Object | What::Field => "",
    };
    if !what.is_empty() {
        text.push_str(&format!("\n\n{what}"));
    }
    if let Some(kind) = symbol.kind {
        text.push_str(&format!("\n\n{}", of_kind(kind)));
    }
    text
}

/// How a name is declared, on one line.
fn declaration(document: &Document, symbol: &Symbol, place: Span) -> String {
    let text = |span: Span| first_line(span.text(&document.text)).to_string();
    let within = |span: Span| span.start <= place.start && place.end <= span.end;
    for item in &document.known().script.items {
        match item {
            Item::Const(c) if c.name.span == place => return text(c.span),
            Item::Object(o) if o.name.span == place => return text(o.span),
            Item::Struct(s) if s.name.span == place => return s.span.text(&document.text).to_string(),
            Item::Struct(s) if within(s.span) => {
                let field = s.fields.iter().find(|f| f.name.span == place);
                return field.map_or_else(String::new, |f| format!("{}  # of {}", text(f.span), s.name.text));
            }
            Item::Function(f) if f.name.span == place => {
                return text(Span { start: f.span.start, end: f.body.span.start }).trim_end().to_string();
            }
            Item::Function(f) if within(f.span) => {
                if let Some(found) = let_of(&f.body.stmts, place) {
                    return text(found);
                }
            }
            Item::Stmt(s) if within(s.span) => {
                if let Some(found) = let_of(std::slice::from_ref(s), place) {
                    return text(found);
                }
            }
            _ => {}
        }
    }
    symbol.name.clone()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// The `let`, or the head of the `for`, that names what stands at `place`.
fn let_of(stmts: &[Stmt], place: Span) -> Option<Span> {
    let stmt = stmts.iter().find(|s| s.span.start <= place.start && place.end <= s.span.end)?;
    match &stmt.kind {
        StmtKind::Let { name, .. } if name.span == place => Some(stmt.span),
        StmtKind::For { name, over, .. } if name.span == place => {
            Some(Span { start: stmt.span.start, end: over.span.end })
        }
        StmtKind::If { then, otherwise, .. } => let_of(&then.stmts, place).or_else(|| match otherwise.as_deref() {
            Some(Else::Block(b)) => let_of(&b.stmts, place),
            Some(Else::If(s)) => let_of(std::slice::from_ref(s), place),
            None => None,
        }),
        StmtKind::While { body, .. }
        | StmtKind::Loop(body)
        | StmtKind::Repeat { body, .. }
        | StmtKind::For { body, .. }
        | StmtKind::With { body, .. }
        | StmtKind::Atomically(body) => let_of(&body.stmts, place),
        StmtKind::Try { body, catches } => {
            let_of(&body.stmts, place).or_else(|| catches.iter().find_map(|c| let_of(&c.body.stmts, place)))
        }
        StmtKind::Select(s) => s.arms.iter().find_map(|a| let_of(&a.body.stmts, place)),
        _ => None,
    }
}

// -------------------------------------------------------------- the language's

/// What the reference says of a kind, with its operations.
pub fn of_kind(kind: &str) -> String {
    if kind == "task" {
        let fields = crate::program::kind::HANDLE_FIELDS.iter().filter_map(|f| reference::field("w", f));
        let rows: Vec<String> = fields.map(|e| row(&e)).collect();
        return format!("A task's handle.\n\n{}", rows.join("\n"));
    }
    let Some(page) = reference::kind(kind) else { return String::new() };
    let rows: Vec<String> = page.operations.iter().map(row).collect();
    format!("**{kind}**: {}\n\n{}", page.text, rows.join("\n"))
}

fn row(entry: &reference::Entry) -> String {
    let codes: Vec<String> = entry.codes.iter().map(|c| format!("`{c}`")).collect();
    if entry.text.is_empty() {
        format!("- {}", codes.join(", "))
    } else {
        format!("- {}: {}", codes.join(", "), entry.text)
    }
}

/// A method or a field after a dot.
fn of_member(document: &Document, word: &str, span: Span) -> Option<String> {
    let receiver = document.receiver(span.start as usize)?;
    if receiver.word == "self" {
        return reference::field("self", word).map(|e| row(&e));
    }
    if let Some(kind) = kind_of(document, &receiver) {
        let found = if kind == "task" { reference::field("w", word) } else { reference::method(kind, word) };
        return found.map(|e| format!("{}\n\nof {}", row(&e), a(if kind == "task" { "task's handle" } else { kind })));
    }
    // Which object it is, the run will know.
    let kinds = crate::objects::KINDS.iter().filter(|k| !k.internal && k.method(word).is_some());
    let mut rows: Vec<String> =
        kinds.filter_map(|k| Some(format!("{} (of {})", row(&reference::method(k.word, word)?), a(k.word)))).collect();
    if Update::method(word).is_some() {
        rows.extend(reference::method("atomic", word).map(|e| format!("{} (of memory)", row(&e))));
    }
    rows.extend(reference::field("w", word).map(|e| row(&e)));
    (!rows.is_empty()).then(|| rows.join("\n"))
}

fn of_word(document: &Document, word: &str, span: Span) -> Option<String> {
    let line = document.text[..span.start as usize].rsplit('\n').next().unwrap_or("").trim_start();
    let is_kind =
        Memory::from_word(word).is_some() || crate::objects::KINDS.iter().any(|k| k.word == word && !k.internal);
    if is_kind {
        return Some(of_kind(word));
    }
    if line.starts_with("expect")
        && let Some(code) = code_at(document, span)
    {
        let (code, summary) = explain::codes().into_iter().find(|(c, _)| *c == code)?;
        return Some(format!("**{code}**: {summary}.\n\n`conc explain {code}`"));
    }
    if let Some(entry) = reference::error(word) {
        return Some(format!("The error `{word}`: {}", entry.text));
    }
    let rows: Vec<String> = reference::word(word).iter().map(row).collect();
    if rows.is_empty() { reference::part(word) } else { Some(rows.join("\n")) }
}

/// A code has hyphens, which are no part of a word.
fn code_at(document: &Document, span: Span) -> Option<String> {
    let text = &document.text;
    let is_code = |c: char| c.is_alphanumeric() || c == '-';
    let start = text[..span.start as usize].trim_end_matches(is_code).len();
    let code: String = text[start..].chars().take_while(|c| is_code(*c)).collect();
    (!code.is_empty()).then_some(code)
}
