//! Where each name of a script is defined and used, as the compiler resolved
//! it: for editors. It owns the record; what a name means is decided in
//! `scope` and by the compiler, which writes here whenever it looks one up.

use super::kind::Memory;
use crate::lang::ast::Span;
use std::collections::{BTreeMap, HashMap};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Const,
    /// `var`, `shared` or `atomic`.
    Memory,
    Object,
    Struct,
    Task,
    Fn,
    /// Of all structs that have one of this name: which struct a record has is
    /// known to the run alone.
    Field,
    Parameter,
    Local,
}

/// What a name holds as far as the script tells: of a value that changes, what it is
/// whenever it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    #[default]
    Unknown,
    /// A number, a bool, a string: it has no members.
    Plain,
    /// By the word of its kind; `task` is a handle.
    Object(&'static str),
    /// Of a struct.
    Record(String),
    /// An error that was caught.
    Error,
    List(Box<Holding>),
}

/// A name of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    pub what: What,
    /// Where it is defined; several only for a field.
    pub places: Vec<Span>,
    /// The word of the kind of object that it stands for, `var` and its like
    /// among them, where that is known before the run.
    pub kind: Option<&'static str>,
    /// Of an object the object; of a row what its elements hold.
    pub holds: Holding,
    /// It is a row, `lock fork[5]`.
    pub row: bool,
    /// Where a local can be named; `None` for what all the script can name.
    scope: Option<Span>,
}

/// All names of a script.
#[derive(Clone, Debug, Default)]
pub struct Names {
    symbols: Vec<Symbol>,
    /// By the place of the definition.
    defined: HashMap<Span, usize>,
    fields: HashMap<String, usize>,
    uses: BTreeMap<Span, usize>,
    /// For each block that is open, the locals defined in it.
    open: Vec<Vec<usize>>,
    /// Bodies whose locals are their own: of tasks, functions, `finally`.
    bodies: Vec<Span>,
}

impl Names {
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The symbol whose definition or use lies at a byte, also right behind
    /// the name, where a cursor stands that has just written it.
    pub fn at(&self, byte: u32) -> Option<(&Symbol, Span)> {
        let touches = |span: &Span| span.start <= byte && byte <= span.end;
        let used = self.uses.iter().filter(|(span, _)| touches(span)).map(|(span, s)| (*span, *s));
        let defined = self.defined.iter().filter(|(span, _)| touches(span)).map(|(span, s)| (*span, *s));
        // Two names can only touch where one ends and another begins.
        used.chain(defined).max_by_key(|(span, _)| span.start).map(|(span, s)| (&self.symbols[s], span))
    }

    /// Every place where the symbol is used, in order, definitions aside.
    pub fn uses(&self, symbol: &Symbol) -> Vec<Span> {
        let of_it = |s: &usize| std::ptr::eq(&self.symbols[*s], symbol);
        self.uses.iter().filter(|(span, s)| of_it(s) && !symbol.places.contains(span)).map(|(span, _)| *span).collect()
    }

    /// What can be named at a byte, the innermost first.
    pub fn visible(&self, byte: u32) -> Vec<&Symbol> {
        let body = self.body(byte);
        let sees = |s: &&Symbol| match s.scope {
            None => s.what != What::Field,
            Some(scope) => scope.start <= byte && byte <= scope.end && self.body(scope.start) == body,
        };
        let mut seen: Vec<&Symbol> = self.symbols.iter().filter(sees).collect();
        // A local that begins later hides one of that name further out.
        seen.sort_by_key(|s| std::cmp::Reverse(s.scope.map_or(0, |scope| scope.start + 1)));
        seen
    }

    fn body(&self, byte: u32) -> Option<Span> {
        self.bodies.iter().copied().find(|b| b.start <= byte && byte < b.end)
    }

    // ------------------------------------------------- what the compiler says

    pub(super) fn enter(&mut self) {
        self.open.push(Vec::new());
    }

    pub(super) fn leave(&mut self, end: u32) {
        for local in self.open.pop().unwrap_or_default() {
            if let Some(scope) = &mut self.symbols[local].scope {
                scope.end = end.max(scope.start);
            }
        }
    }

    pub(super) fn body_of(&mut self, span: Span) {
        self.bodies.push(span);
    }

    pub(super) fn define(&mut self, name: &str, span: Span, what: What, kind: Option<&'static str>, row: bool) {
        let local = matches!(what, What::Local | What::Parameter);
        // Until its block is left it may be named to the end.
        let scope = local.then_some(Span { start: span.end, end: u32::MAX });
        let holds = match kind {
            Some(word) if Memory::from_word(word).is_none() => Holding::Object(word),
            _ => Holding::Unknown,
        };
        let symbol = self.symbols.len();
        self.symbols.push(Symbol { name: name.to_string(), what, places: vec![span], kind, holds, row, scope });
        self.defined.insert(span, symbol);
        if let (true, Some(block)) = (local, self.open.last_mut()) {
            block.push(symbol);
        }
    }

    /// What a local or memory, defined at `span`, holds at first.
    pub(super) fn holds(&mut self, span: Span, what: Holding) {
        if let Some(symbol) = self.defined.get(&span) {
            let symbol = &mut self.symbols[*symbol];
            if symbol.what == What::Local {
                symbol.kind = if let Holding::Object(kind) = what { Some(kind) } else { None };
            }
            symbol.holds = what;
        }
    }

    /// It is given another value.
    pub(super) fn assigned(&mut self, span: Span, what: &Holding) {
        let same = self.held(span) == *what;
        if !same {
            self.holds(span, Holding::Unknown);
        }
    }

    /// What is defined at a place holds.
    pub(super) fn held(&self, span: Span) -> Holding {
        self.defined.get(&span).map_or(Holding::Unknown, |symbol| self.symbols[*symbol].holds.clone())
    }

    pub(super) fn define_field(&mut self, name: &str, span: Span, kind: &'static str, row: bool) {
        if let Some(field) = self.fields.get(name) {
            let symbol = &mut self.symbols[*field];
            symbol.places.push(span);
            if symbol.kind != Some(kind) || symbol.row != row {
                symbol.kind = None;
                symbol.holds = Holding::Unknown;
            }
            self.defined.insert(span, *field);
            return;
        }
        self.fields.insert(name.to_string(), self.symbols.len());
        self.define(name, span, What::Field, Some(kind), row);
    }

    /// A use at `span` of what is defined at `defined`.
    pub(super) fn used(&mut self, span: Span, defined: Span) {
        if let Some(symbol) = self.defined.get(&defined) {
            self.uses.insert(span, *symbol);
        }
    }

    pub(super) fn used_field(&mut self, span: Span, name: &str) {
        if let Some(field) = self.fields.get(name) {
            self.uses.insert(span, *field);
        }
    }
}
