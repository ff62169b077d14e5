//! From a name to where it is defined and used, and to another name for it.
//! What a name means is the compiler's word.

use super::document::{Document, Known};
use crate::lang::ast::Span;
use crate::lang::word::reserved;
use crate::program::kind::{ERROR_FIELDS, HANDLE_FIELDS};
use crate::program::name::{Symbol, What};
use lsp_types::{DocumentHighlight, DocumentHighlightKind, Location, Range, TextEdit, Uri};
use serde_json::{Value, json};

/// Where the name at a byte is defined.
pub fn definition(document: &Document, uri: &Uri, byte: usize) -> Option<Vec<Location>> {
    let (symbol, _) = document.known().names.at(byte as u32)?;
    Some(symbol.places.iter().map(|p| Location { uri: uri.clone(), range: document.range(*p) }).collect())
}

/// Where the name at a byte is used, in order.
pub fn references(document: &Document, uri: &Uri, byte: usize, with_definition: bool) -> Option<Vec<Location>> {
    let (symbol, _) = document.known().names.at(byte as u32)?;
    let places = places(&document.known().names, symbol, with_definition);
    Some(places.into_iter().map(|p| Location { uri: uri.clone(), range: document.range(p) }).collect())
}

fn places(names: &crate::program::name::Names, symbol: &Symbol, with_definition: bool) -> Vec<Span> {
    let mut found = names.uses(symbol);
    if with_definition {
        found.extend(&symbol.places);
    }
    found.sort();
    found
}

/// The same, for the document in view.
pub fn highlights(document: &Document, byte: usize) -> Option<Vec<DocumentHighlight>> {
    let (symbol, _) = document.known().names.at(byte as u32)?;
    let mark = |p: Span| {
        let is_definition = symbol.places.contains(&p);
        let kind = if is_definition { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ };
        DocumentHighlight { range: document.range(p), kind: Some(kind) }
    };
    Some(places(&document.known().names, symbol, true).into_iter().map(mark).collect())
}

/// What would be renamed at a byte, or why not.
pub fn prepare_rename(document: &Document, byte: usize) -> Result<Value, String> {
    let (symbol, range) = renamable(document, byte)?;
    Ok(json!({ "range": range, "placeholder": symbol.name }))
}

fn renamable(document: &Document, byte: usize) -> Result<(&Symbol, Range), String> {
    let known = document.known();
    if !known.errors.is_empty() {
        return Err("the script has errors, so not every use of a name is known; mend them first".to_string());
    }
    let Some((symbol, span)) = known.names.at(byte as u32) else {
        return Err("there is no name of the script here".to_string());
    };
    if symbol.what == What::Field && of_language(&symbol.name) {
        return Err(format!(
            "`{}` is also a field of handles or errors, and which is meant is known while running",
            symbol.name
        ));
    }
    Ok((symbol, document.range(span)))
}

fn of_language(field: &str) -> bool {
    HANDLE_FIELDS.contains(&field) || ERROR_FIELDS.contains(&field)
}

/// The edits that give the name at a byte another one. They are refused if the
/// script would not mean the same after them: it is compiled with them, and
/// every name must stand for what it stood for.
pub fn rename(document: &Document, byte: usize, name: &str) -> Result<Vec<TextEdit>, String> {
    let (symbol, _) = renamable(document, byte)?;
    let is_name = matches!(&crate::lang::parse::parse_expr(name), Ok(e) if matches!(&e.kind, crate::lang::ast::ExprKind::Name(n) if n == name));
    if !is_name {
        let why = if reserved().contains(&name) { "is a word of the language" } else { "cannot be a name" };
        return Err(format!("`{name}` {why}"));
    }
    if symbol.what == What::Field && of_language(name) {
        return Err(format!("`{name}` is a field of handles or errors"));
    }
    let places = places(&document.known().names, symbol, true);
    let renamed = replaced(&document.text, &places, name);
    let after = Known::of(&renamed, Known::default());
    if let Some(error) = after.errors.first() {
        return Err(format!("after that the script would be wrong: {}", error.message));
    }
    if !same_meaning(document.known(), &after, &places, symbol.name.len(), name) {
        return Err(format!("`{name}` has another meaning in this script"));
    }
    Ok(places.into_iter().map(|p| TextEdit { range: document.range(p), new_text: name.to_string() }).collect())
}

fn replaced(text: &str, places: &[Span], name: &str) -> String {
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for place in places {
        out.push_str(&text[done..place.start as usize]);
        out.push_str(name);
        done = place.end as usize;
    }
    out + &text[done..]
}

/// Whether each name stands for the same definition as before, once places are
/// counted in the new text.
fn same_meaning(before: &Known, after: &Known, places: &[Span], old: usize, name: &str) -> bool {
    let moved = |at: u32| {
        let earlier = places.iter().filter(|p| p.start < at).count() as i64;
        (i64::from(at) + earlier * (name.len() as i64 - old as i64)) as u32
    };
    let meanings = |known: &Known, at: &dyn Fn(u32) -> u32| {
        let of = |s: &Symbol| {
            let definitions: Vec<u32> = s.places.iter().map(|p| at(p.start)).collect();
            let uses: Vec<u32> = known.names.uses(s).iter().map(|p| at(p.start)).collect();
            (definitions, uses)
        };
        let mut all: Vec<_> = known.names.symbols().iter().map(of).collect();
        all.sort();
        all
    };
    meanings(before, &moved) == meanings(after, &|at| at)
}
