//! What the compiler must know of a kind of object: its word, parameters,
//! options and methods, as data. The kinds themselves are in `objects`.

use super::value::{ErrorKind, Value};

/// A value that a left-out argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    None,
    Bool(bool),
    Int(i64),
}

/// A parameter of a declaration or a method.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    /// Without it the argument must be given.
    pub default: Option<Default>,
    /// The argument names an object of this kind.
    pub object: Option<&'static str>,
}

/// A method of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    pub name: &'static str,
    pub params: &'static [Param],
    /// It may have to wait, so it can be an arm of a `select`.
    pub waits: bool,
    /// The place of the `timeout` parameter.
    pub timeout: Option<usize>,
    /// The place of the `blocking` parameter.
    pub blocking: Option<usize>,
    /// It only looks: nothing is changed by it, and nobody let go.
    pub looks: bool,
    /// Why it goes ahead with these arguments at no object, if so: asked before the run of
    /// those that are known by then, and by the method itself.
    pub refuses: Refuses,
}

impl Method {
    /// What is said of it: of what scripts cannot call, such as `-wait over`, the deed
    /// that it is part of.
    pub fn word(&self) -> &'static str {
        let hidden = self.name.strip_prefix('-').and_then(|name| name.split(' ').next());
        hidden.unwrap_or(self.name)
    }
}

impl Method {
    /// A step of the kind's own, such as going on with a wait: no script calls it.
    pub fn is_inner(&self) -> bool {
        self.name.starts_with('-')
    }

    /// Whether a call with so many positional arguments and those named ones says how long
    /// it waits.
    pub fn is_limited<'a>(&self, positional: usize, named: impl Iterator<Item = &'a str>) -> bool {
        let limits = || self.timeout.iter().chain(&self.blocking);
        let is_limit = |name: &str| limits().any(|p| self.params.get(*p).is_some_and(|p| p.name == name));
        limits().any(|p| *p < positional) || { named }.any(is_limit)
    }
}

/// Why arguments are none that a method takes.
pub type Refuses = fn(&[Value]) -> Option<(ErrorKind, String)>;

/// How many words an object has.
pub const WORDS: usize = 6;

/// Makes the first words of an object, or says why there can be none.
pub type Init = fn(&[Value], u32) -> Result<[u64; WORDS], (ErrorKind, String)>;

/// How `with` takes and lets go: the word after the dot (empty for none) and
/// the two methods' places.
#[derive(Clone, Copy, Debug)]
pub struct With {
    pub word: &'static str,
    pub acquire: u8,
    pub release: u8,
}

/// A kind of object.
#[derive(Clone, Copy, Debug)]
pub struct KindSpec {
    pub word: &'static str,
    pub params: &'static [Param],
    /// Option phrases, `reentrant`, `via manager`, in the order of their bits.
    pub options: &'static [&'static str],
    pub methods: &'static [Method],
    pub with: &'static [With],
    /// The method that `for v in q { }` calls until it gives `none`.
    pub iterate: Option<u8>,
    /// Whether one with these options can be an arm of a `select`.
    pub arm: fn(u32) -> bool,
    /// The first words of an object made with these arguments and options.
    pub init: Init,
    /// Made by the language, not by a declaration: a task's handle, a record.
    pub internal: bool,
}

impl KindSpec {
    pub fn method(&self, name: &str) -> Option<u8> {
        self.methods.iter().position(|m| m.name == name).map(|i| i as u8)
    }

    /// Why no object can be made with these arguments and options, if so:
    /// asked before the run of those that are known by then.
    pub fn refuses(&self, args: &[Value], options: u32) -> Option<String> {
        (self.init)(args, options).err().map(|e| e.1)
    }

    /// The names of the methods that a script can call.
    pub fn method_names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.methods.iter().filter(|m| !m.is_inner()).map(|m| m.name)
    }
}

/// Whether some object that has a method of this name does more by it than look.
pub fn does_more_than_look(kinds: &[KindSpec], method: &str) -> bool {
    kinds.iter().any(|kind| kind.method(method).is_some_and(|m| !kind.methods[m as usize].looks))
}

/// The fields of a task's handle.
pub const HANDLE_FIELDS: [&str; 5] = ["name", "alive", "pid", "result", "exit_code"];
/// Those of a caught error.
pub const ERROR_FIELDS: [&str; 2] = ["kind", "message"];
/// Those of `self`.
pub const SELF_FIELDS: [&str; 5] = ["name", "index", "pid", "ppid", "tid"];

/// The three kinds of memory. Their places are no objects: each is read and
/// written in steps of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Memory {
    /// Of one process; a forked process has its own copy.
    Var,
    /// Of all processes.
    Shared,
    /// Of all processes, each access indivisible.
    Atomic,
}

impl Memory {
    pub fn from_word(word: &str) -> Option<Memory> {
        match word {
            "var" => Some(Memory::Var),
            "shared" => Some(Memory::Shared),
            "atomic" => Some(Memory::Atomic),
            _ => None,
        }
    }
    pub fn word(self) -> &'static str {
        match self {
            Memory::Var => "var",
            Memory::Shared => "shared",
            Memory::Atomic => "atomic",
        }
    }
}

/// One indivisible access to a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Update {
    Load,
    Store,
    /// Gives the old value.
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Swap,
    /// Compare and swap: a bool.
    Cas,
}

impl Update {
    /// The methods of a place, with their number of arguments.
    pub const METHODS: [(&'static str, Update, usize); 5] = [
        ("load", Update::Load, 0),
        ("store", Update::Store, 1),
        ("add", Update::Add, 1),
        ("swap", Update::Swap, 1),
        ("cas", Update::Cas, 2),
    ];
    /// Whether it is by what it finds there that it writes, or fails.
    pub fn depends(self) -> bool {
        !matches!(self, Update::Load | Update::Store | Update::Swap)
    }

    pub fn method(name: &str) -> Option<(Update, usize)> {
        Self::METHODS.iter().find(|m| m.0 == name).map(|m| (m.1, m.2))
    }
}
