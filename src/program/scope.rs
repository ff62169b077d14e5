//! Names: what each one of a script stands for, and the locals of the function
//! being compiled. It owns look-up and the nearest name; the compiler decides
//! what may be done with what it finds.

use super::code::Slot;
use super::dictionary::Dictionary;
use super::table::Table;
use super::value::Value;
use crate::lang::ast::Span;
use std::sync::Arc;

/// Set in the places of earlier texts of a program that grows, which count from the
/// beginning of all, while a text is compiled, whose own places count from its beginning.
const EARLIER: u32 = 1 << 31;

pub fn is_earlier(span: Span) -> bool {
    span.start & EARLIER != 0
}

pub fn as_earlier(span: Span) -> Span {
    Span { start: span.start | EARLIER, end: span.end | EARLIER }
}

/// A place in the whole, of which the new text begins at `base`.
pub fn in_whole(span: Span, base: u32) -> Span {
    if is_earlier(span) {
        return Span { start: span.start & !EARLIER, end: span.end & !EARLIER };
    }
    Span { start: span.start + base, end: span.end + base }
}

/// Where a name was defined, if it was.
pub fn place_of<V: Clone>(names: &Dictionary<V>, name: &str, place: impl Fn(&V) -> Span) -> Option<Span> {
    match names.new_one(name) {
        Some(new) => Some(place(new)),
        None => names.get(name).map(|v| as_earlier(place(v))),
    }
}

/// What a script-wide name stands for.
#[derive(Clone, Debug)]
pub enum Global {
    Const(Value),
    /// An index into `Program::memory`; single places and rows.
    Memory(u32),
    /// A declared object.
    Object(u32),
    /// An index into `Program::object_rows`.
    ObjectRow(u32),
    Struct(u32),
    Function(u32),
}

#[derive(Clone, Debug, Default)]
pub struct Globals {
    /// What was sealed has places in the whole.
    names: Dictionary<(Global, Span)>,
    order: Table<Arc<str>>,
}

impl Globals {
    /// Where it was defined before, if it was.
    pub fn define(&mut self, name: &str, global: Global, span: Span) -> Result<(), Span> {
        if let Some(first) = self.span(name) {
            return Err(first);
        }
        let name: Arc<str> = name.into();
        self.names.insert(name.clone(), (global, span));
        self.order.push(name);
        Ok(())
    }
    /// A name of an earlier text means the same thing, defined anew.
    pub fn redefine(&mut self, name: &str, span: Span) {
        if let Some((global, _)) = self.names.get(name).cloned() {
            self.names.insert(name, (global, span));
        }
    }
    /// The text is at its end: its names belong to the earlier ones.
    pub fn settle(&mut self, base: u32) {
        self.names.seal(|g| g.1 = in_whole(g.1, base));
        self.order.seal();
    }
    pub fn get(&self, name: &str) -> Option<&Global> {
        self.names.get(name).map(|g| &g.0)
    }
    pub fn span(&self, name: &str) -> Option<Span> {
        place_of(&self.names, name, |g| g.1)
    }
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|name| &**name)
    }
}

#[derive(Clone, Debug)]
struct Local {
    name: Arc<str>,
    slot: Slot,
    span: Span,
}

/// What a `break`, a `return` or an error must undo on its way out.
#[derive(Clone, Debug)]
pub enum Region {
    Loop {
        /// Jumps to be pointed at the end.
        breaks: Vec<u32>,
        continues: Vec<u32>,
    },
    With {
        site: u32,
    },
    Atomic,
    Try,
}

/// The function being compiled.
#[derive(Clone, Debug)]
pub struct Frame {
    pub name: String,
    scopes: Vec<Vec<Local>>,
    next: Slot,
    pub slots: Slot,
    pub regions: Vec<Region>,
    /// For a `spawn { }`: local of the function around it, own local.
    pub captures: Vec<(Slot, Slot)>,
    /// It can see the locals around it.
    pub captures_locals: bool,
}

impl Frame {
    pub fn new(name: String, captures_locals: bool) -> Frame {
        Frame {
            name,
            scopes: vec![Vec::new()],
            next: 0,
            slots: 0,
            regions: Vec::new(),
            captures: Vec::new(),
            captures_locals,
        }
    }
    pub fn open(&mut self) {
        self.scopes.push(Vec::new());
    }
    /// Slots are not used twice: a captured local may be added at any time.
    pub fn close(&mut self) {
        self.scopes.pop();
    }
    /// A local without a name.
    pub fn hidden(&mut self) -> Slot {
        let slot = self.next;
        self.next = self.next.saturating_add(1);
        self.slots = self.slots.max(self.next);
        slot
    }
    pub fn define(&mut self, name: &str, span: Span) -> Slot {
        let slot = self.hidden();
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(Local { name: name.into(), slot, span });
        }
        slot
    }
    /// Another value for a local that is there already: its slot.
    pub fn define_again(&mut self, name: &str, span: Span) -> Option<Slot> {
        let local = self.scopes.last_mut()?.iter_mut().rev().find(|l| &*l.name == name)?;
        local.span = span;
        Some(local.slot)
    }
    /// Of a body that goes on later: what is not named is free again.
    pub fn settle(&mut self, to: impl Fn(Span) -> Span) {
        self.scopes.truncate(1);
        self.regions.clear();
        let locals = self.scopes.iter_mut().flatten();
        self.next = locals.map(|l| (l.span = to(l.span), l.slot + 1).1).max().unwrap_or(0);
        self.slots = self.next;
    }
    pub fn lookup(&self, name: &str) -> Option<(Slot, Span)> {
        self.scopes.iter().rev().flat_map(|s| s.iter().rev()).find(|l| &*l.name == name).map(|l| (l.slot, l.span))
    }
    /// A local of the function around it, as a copy of its own.
    pub fn capture(&mut self, name: &str, outer: Slot, span: Span) -> Slot {
        let slot = self.hidden();
        self.scopes[0].push(Local { name: name.into(), slot, span });
        self.captures.push((outer, slot));
        slot
    }
    pub fn local_names(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().flatten().map(|l| &*l.name)
    }
    /// Each local's name and slot.
    pub fn locals(&self) -> impl Iterator<Item = (&str, Slot)> {
        self.scopes.iter().flatten().map(|l| (&*l.name, l.slot))
    }
}
