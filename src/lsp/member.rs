//! What stands before a dot, as far as the text tells before a run, for whoever
//! completes what is behind it: the editors' `complete`, and the session's.

use super::document::{Document, Receiver};
use super::position::Encoding;
use crate::lang::ast::Item;
use crate::objects::KINDS;
use crate::program::kind::KindSpec;
use crate::program::name::{Symbol, What};

/// What has the members.
#[derive(Clone, Debug)]
pub enum Owner {
    /// `self`, the running task.
    Running,
    Object(&'static KindSpec),
    /// The handle of a task.
    Handle,
    /// An `atomic`.
    Memory,
    /// A record of a struct, with its fields and the words of their kinds.
    Record {
        name: String,
        fields: Vec<(String, String)>,
    },
    /// The run will know.
    Any,
}

/// Who has what stands behind the dot at the end of `text[..at]`.
pub fn owner_in(text: String, at: usize) -> Option<Owner> {
    let mut document = Document::new(text, 0, Encoding::Utf8);
    document.look();
    owner(&document, at)
}

/// The same of a script that is looked at already.
pub fn owner(document: &Document, at: usize) -> Option<Owner> {
    let receiver = document.receiver(at)?;
    if receiver.word == "self" && !receiver.is_field {
        return Some(Owner::Running);
    }
    let symbol = symbol_of(document, &receiver);
    let kind = symbol.and_then(|s| s.kind);
    if let Some(spec) = kind.and_then(|k| KINDS.iter().find(|s| s.word == k && !s.internal)) {
        return Some(Owner::Object(spec));
    }
    Some(match (kind, symbol.and_then(|s| s.record.clone())) {
        (Some("task"), _) => Owner::Handle,
        (Some("atomic"), _) => Owner::Memory,
        (_, Some(name)) => Owner::Record { fields: fields_of(document, &name), name },
        _ => Owner::Any,
    })
}

/// The kind of what stands before a dot, where it is known before the run.
pub fn kind_of(document: &Document, receiver: &Receiver<'_>) -> Option<&'static str> {
    symbol_of(document, receiver)?.kind
}

/// The name that stands before a dot. A row has no members; an element of one has.
fn symbol_of<'d>(document: &'d Document, receiver: &Receiver<'_>) -> Option<&'d Symbol> {
    let names = &document.known().names;
    let symbol = if receiver.is_field {
        names.symbols().iter().find(|s| s.what == What::Field && s.name == receiver.word)?
    } else {
        let visible = names.visible(receiver.start as u32);
        visible.into_iter().find(|s| s.name == receiver.word)?
    };
    (symbol.row == receiver.indexed).then_some(symbol)
}

/// The fields of a struct and the words of their kinds.
fn fields_of(document: &Document, name: &str) -> Vec<(String, String)> {
    let is_it = |item: &&Item| matches!(item, Item::Struct(s) if s.name.text == name);
    match document.known().script.items.iter().find(is_it) {
        Some(Item::Struct(s)) => s.fields.iter().map(|f| (f.name.text.clone(), f.kind.text.clone())).collect(),
        _ => Vec::new(),
    }
}
