//! What stands before a dot, as far as the text tells before a run, for whoever
//! completes what is behind it: the editors' `complete`, and the session's.

use super::document::{Document, Receiver};
use crate::lang::ast::Item;
use crate::objects::KINDS;
use crate::program::kind::KindSpec;
use crate::program::name::{Holding, Symbol, What};

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
    /// An error that was caught.
    Error,
    /// A value that has none: a number, a list.
    Nothing,
    /// The run will know.
    Any,
}

/// Who has what stands behind the dot at the end of `text[..at]`.
pub fn owner(document: &Document, at: usize) -> Option<Owner> {
    let receiver = document.receiver(at)?;
    if receiver.word == "self" && !receiver.is_field {
        return Some(Owner::Running);
    }
    let Some(symbol) = named(document, &receiver) else { return Some(Owner::Any) };
    let held = match (&symbol.holds, symbol.kind) {
        // Both of a row and of a list only the elements have members.
        _ if symbol.row && !receiver.indexed => return Some(Owner::Nothing),
        (_, Some("atomic")) => return Some(Owner::Memory),
        (Holding::List(element), _) if receiver.indexed && !symbol.row => element,
        (_, _) if receiver.indexed && !symbol.row => &Holding::Unknown,
        (held, _) => held,
    };
    Some(match held {
        Holding::Object("task") => Owner::Handle,
        Holding::Object(word) => match KINDS.iter().find(|s| s.word == *word && !s.internal) {
            Some(spec) => Owner::Object(spec),
            None => Owner::Any,
        },
        Holding::Record(name) => Owner::Record { fields: fields_of(document, name), name: name.clone() },
        Holding::Error => Owner::Error,
        Holding::Plain | Holding::List(_) => Owner::Nothing,
        Holding::Unknown => Owner::Any,
    })
}

/// The kind of what stands before a dot, where it is known before the run.
pub fn kind_of(document: &Document, receiver: &Receiver<'_>) -> Option<&'static str> {
    symbol_of(document, receiver)?.kind
}

/// The name that stands before a dot. A row has no members; an element of one has.
fn symbol_of<'d>(document: &'d Document, receiver: &Receiver<'_>) -> Option<&'d Symbol> {
    named(document, receiver).filter(|symbol| symbol.row == receiver.indexed)
}

fn named<'d>(document: &'d Document, receiver: &Receiver<'_>) -> Option<&'d Symbol> {
    let names = &document.known().names;
    if receiver.is_field {
        return names.symbols().iter().find(|s| s.what == What::Field && s.name == receiver.word);
    }
    let visible = names.visible(receiver.start as u32);
    visible.into_iter().find(|s| s.name == receiver.word)
}

/// The fields of a struct and the words of their kinds.
fn fields_of(document: &Document, name: &str) -> Vec<(String, String)> {
    let is_it = |item: &&Item| matches!(item, Item::Struct(s) if s.name.text == name);
    match document.known().script.items.iter().find(is_it) {
        Some(Item::Struct(s)) => s.fields.iter().map(|f| (f.name.text.clone(), f.kind.text.clone())).collect(),
        _ => Vec::new(),
    }
}
