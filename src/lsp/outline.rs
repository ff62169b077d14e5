//! What an editor asks of a document as a whole: its outline, its layout, and
//! the lenses above it.

use super::document::Document;
use crate::lang::ast::{FunctionKind, Item, Object, Span};
use crate::lang::format::format;
use crate::program::kind::Memory;
use lsp_types::{Position, Range, SymbolKind, TextEdit, Uri};
use serde_json::{Value, json};

/// The items of a script, fields below their structs.
pub fn symbols(document: &Document) -> Vec<Value> {
    document.known().script.items.iter().filter_map(|item| symbol(document, item)).collect()
}

fn symbol(document: &Document, item: &Item) -> Option<Value> {
    let entry = |name: &str, detail: &str, kind: SymbolKind, whole: Span, own: Span, children: Vec<Value>| {
        json!({
            "name": name,
            "detail": detail,
            "kind": kind,
            "range": document.range(whole),
            // An editor wants it within the range.
            "selectionRange": document.range(own),
            "children": children,
        })
    };
    let object = |o: &Object, member: bool| {
        let kind = match (Memory::from_word(&o.kind.text), member) {
            (Some(_), true) => SymbolKind::FIELD,
            (Some(_), false) => SymbolKind::VARIABLE,
            (None, _) => SymbolKind::OBJECT,
        };
        entry(&o.name.text, &o.kind.text, kind, o.span, o.name.span, Vec::new())
    };
    Some(match item {
        Item::Const(c) => entry(&c.name.text, "const", SymbolKind::CONSTANT, c.span, c.name.span, Vec::new()),
        Item::Object(o) => object(o, false),
        Item::Struct(s) => {
            let fields = s.fields.iter().map(|f| object(f, true)).collect();
            entry(&s.name.text, "struct", SymbolKind::STRUCT, s.span, s.name.span, fields)
        }
        Item::Function(f) => {
            let (word, kind) = match f.kind {
                FunctionKind::Task => ("task", SymbolKind::CLASS),
                FunctionKind::Fn => ("fn", SymbolKind::FUNCTION),
            };
            entry(&f.name.text, word, kind, f.span, f.name.span, Vec::new())
        }
        Item::Finally { span, .. } => entry("finally", "", SymbolKind::EVENT, *span, *span, Vec::new()),
        Item::Invariant { span, condition } => {
            let text = condition.span.text(&document.text);
            entry("invariant", text, SymbolKind::BOOLEAN, *span, *span, Vec::new())
        }
        Item::Expect(_) | Item::Stmt(_) => return None,
    })
}

/// The one layout, as one edit of the lines that differ. A script with errors
/// stays as it is: its errors are shown anyway.
pub fn formatting(document: &Document) -> Option<Vec<TextEdit>> {
    let laid = format(&document.text).ok()?;
    Some(edit(document, &laid).into_iter().collect())
}

/// What turns the document into `laid`; the same lines around it stay, and so
/// does a cursor in them.
fn edit(document: &Document, laid: &str) -> Option<TextEdit> {
    let old: Vec<&str> = document.text.split_inclusive('\n').collect();
    let new: Vec<&str> = laid.split_inclusive('\n').collect();
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    if same == old.len() && same == new.len() {
        return None;
    }
    let rest = old.len().min(new.len()) - same;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let line = |n: usize| if n < old.len() { Position { line: n as u32, character: 0 } } else { document.end() };
    let range = Range { start: line(same), end: line(old.len() - tail) };
    Some(TextEdit { range, new_text: new[same..new.len() - tail].concat() })
}

/// `check` and `run` above a script that is a file: commands of the client,
/// which has the terminal to show them in.
pub fn lenses(document: &Document, uri: &Uri) -> Vec<Value> {
    let is_file = uri.scheme().is_some_and(|s| s.as_str().eq_ignore_ascii_case("file"));
    if !is_file || document.text.trim().is_empty() {
        return Vec::new();
    }
    let start = Range::default();
    let lens = |title: &str, command: &str| json!({ "range": start, "command": { "title": title, "command": command, "arguments": [uri.as_str()] } });
    vec![lens("▶ check", "conc.check"), lens("▶ run", "conc.run")]
}
