//! Values of the language and the errors a running script can raise. It owns
//! their shape, their printed form and their arithmetic; where they are kept
//! belongs to the backends.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A reference to an object: its number and the kind's place in the list of
/// kinds. Two references are equal if they name the same object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjRef {
    pub id: u32,
    pub kind: u8,
}

/// What a local, a place in memory or a queue can hold. 16 bytes; strings and
/// lists are shared copies that nobody changes. Those that own something stand last,
/// so that one comparison tells whether there is anything to give back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// Nanoseconds.
    Duration(i64),
    /// An object, a record, or a task that runs.
    Object(ObjRef),
    /// A `task` or `fn` by its name: its place in `Program::functions`.
    Function(u32),
    /// A parameter that the caller left out. No script sees it.
    Missing,
    Str(Arc<String>),
    List(Arc<List>),
    /// What `catch … as e` binds.
    Error(Arc<Error>),
}

/// A longer string is told from others by so many pieces of it, of so many bytes each.
const LONG_TEXT: usize = 4096;
const PIECES: usize = 64;
const PIECE: usize = 16;
/// A longer list keeps what it is found by.
const LONG_LIST: usize = 32;

/// A state is found again by all values in it, each time one of them has changed. So
/// that costs no more for a value of many megabytes than for a short one: equal ones have
/// the same hash, and others mostly not.
impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::None | Value::Missing => {}
            Value::Bool(b) => b.hash(state),
            Value::Int(i) | Value::Duration(i) => i.hash(state),
            Value::Object(object) => object.hash(state),
            Value::Function(function) => function.hash(state),
            Value::Str(text) if text.len() > LONG_TEXT => {
                let (bytes, last) = (text.as_bytes(), text.len() - PIECE);
                bytes.len().hash(state);
                for at in (0..PIECES).map(|n| last / (PIECES - 1) * n).chain([last]) {
                    state.write(&bytes[at..at + PIECE]);
                }
            }
            Value::Str(text) => text.hash(state),
            Value::List(list) => list.hash(state),
            Value::Error(error) => error.hash(state),
        }
    }
}

impl Value {
    /// About how many bytes are gone through where it is copied or compared; 0 where that
    /// is nothing to speak of.
    pub fn length(&self) -> usize {
        match self {
            Value::Str(text) => text.len(),
            Value::List(list) => 16 * list.len(),
            _ => 0,
        }
    }
    /// The same with all that is inside.
    pub fn whole_length(&self) -> usize {
        if let Value::List(list) = self { list.bytes } else { self.length() }
    }
    pub fn string(text: impl Into<String>) -> Value {
        Value::Str(Arc::new(text.into()))
    }
    pub fn list(values: Vec<Value>) -> Value {
        Value::List(Arc::new(List::new(values)))
    }
    /// As `clone`, put together where it is called for the commonest ones.
    #[inline(always)]
    pub fn copied(&self) -> Value {
        match self {
            Value::Int(i) => Value::Int(*i),
            Value::Object(object) => Value::Object(*object),
            other => other.clone(),
        }
    }
    /// The word for what it is, as messages use it.
    pub fn type_word(&self) -> &'static str {
        match self {
            Value::None => "none",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an integer",
            Value::Duration(_) => "a duration",
            Value::Str(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
            Value::Function(_) => "a task or fn",
            Value::Error(_) => "an error",
            Value::Missing => "nothing",
        }
    }
}

/// The elements of a list, with what bounds lists in lists: they are shared, so
/// `xs = [xs, xs]` doubles what printing or sending one means while it costs
/// next to nothing itself.
#[derive(Debug)]
pub struct List {
    values: Vec<Value>,
    /// How many lists are inside each other, itself included.
    depth: usize,
    /// Written out: 16 for an element, and the bytes of strings.
    bytes: usize,
    /// Of a long one its hash, once it was asked for; else 0.
    hash: AtomicU64,
}

impl Clone for List {
    fn clone(&self) -> List {
        List { values: self.values.clone(), hash: AtomicU64::new(self.hash.load(Relaxed)), ..*self }
    }
}

impl List {
    /// Written out: 16 for an element, and the bytes of strings.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Eq for List {}

impl Hash for List {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if self.len() <= LONG_LIST {
            return self.values.hash(state);
        }
        // Whoever asks at the same time comes to the same.
        let mut hash = self.hash.load(Relaxed);
        if hash == 0 {
            hash = rustc_hash::FxBuildHasher.hash_one(&self.values).max(1);
            self.hash.store(hash, Relaxed);
        }
        hash.hash(state);
    }
}

impl List {
    fn new(values: Vec<Value>) -> List {
        let (mut depth, mut bytes) = (0, 0usize);
        for value in &values {
            let inner = match value {
                Value::Str(text) => text.len(),
                Value::List(list) => {
                    depth = depth.max(list.depth);
                    list.bytes
                }
                _ => 0,
            };
            bytes = bytes.saturating_add(16).saturating_add(inner);
        }
        List { values, depth: depth + 1, bytes, hash: AtomicU64::new(0) }
    }

    /// The other's elements come behind its own.
    fn append(&mut self, other: &List) {
        self.values.extend(other.iter().map(Value::copied));
        self.depth = self.depth.max(other.depth);
        self.bytes = self.bytes.saturating_add(other.bytes);
        *self.hash.get_mut() = 0;
    }

    /// One behind the other. What bounds them is known of both.
    fn joined(&self, other: &List) -> List {
        let mut values = Vec::with_capacity(self.len() + other.len());
        values.extend(self.iter().chain(other.iter()).map(Value::copied));
        let (depth, bytes) = (self.depth.max(other.depth), self.bytes.saturating_add(other.bytes));
        List { values, depth, bytes, hash: AtomicU64::new(0) }
    }
}

impl std::ops::Deref for List {
    type Target = [Value];
    fn deref(&self) -> &[Value] {
        &self.values
    }
}

impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        self.values == other.values
    }
}

/// The errors of the language's section 5; `NoChild` is `wait()` without a
/// forked child to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorKind {
    Empty,
    Full,
    Closed,
    NotOwner,
    BrokenBarrier,
    Negative,
    Overflow,
    DivideByZero,
    Index,
    Type,
    Assertion,
    Raised,
    NoChild,
    /// Somebody stopped the statement from outside. No script names it, and no
    /// `catch` takes it.
    Interrupted,
}

impl ErrorKind {
    pub const ALL: [ErrorKind; 13] = [
        ErrorKind::Empty,
        ErrorKind::Full,
        ErrorKind::Closed,
        ErrorKind::NotOwner,
        ErrorKind::BrokenBarrier,
        ErrorKind::Negative,
        ErrorKind::Overflow,
        ErrorKind::DivideByZero,
        ErrorKind::Index,
        ErrorKind::Type,
        ErrorKind::Assertion,
        ErrorKind::Raised,
        ErrorKind::NoChild,
    ];
    pub fn word(self) -> &'static str {
        match self {
            ErrorKind::Empty => "Empty",
            ErrorKind::Full => "Full",
            ErrorKind::Closed => "Closed",
            ErrorKind::NotOwner => "NotOwner",
            ErrorKind::BrokenBarrier => "BrokenBarrier",
            ErrorKind::Negative => "Negative",
            ErrorKind::Overflow => "Overflow",
            ErrorKind::DivideByZero => "DivideByZero",
            ErrorKind::Index => "Index",
            ErrorKind::Type => "Type",
            ErrorKind::Assertion => "Assertion",
            ErrorKind::Raised => "Raised",
            ErrorKind::NoChild => "NoChild",
            ErrorKind::Interrupted => "Interrupted",
        }
    }
    pub fn from_word(word: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// An error on its way through a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    /// Where it was raised: an index into `Program::spans`; set by the machine.
    pub site: u32,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), site: u32::MAX }
    }

    /// Why a `fork()` fails where only then is seen what it is within.
    pub fn no_fork() -> Error {
        Error::new(ErrorKind::Type, NO_FORK)
    }
}

/// What is said of a `fork()` within `atomically`: no block excludes the others that two are in.
pub const NO_FORK: &str = "an `atomically` block is one task's, and `fork()` would make two that are in it";

/// What is said of an assignment to an element of what the one place `name` holds.
pub fn one_place(name: &str) -> String {
    format!("`{name}` is one place, and a list in it is one value")
}

/// What came of a condition that was looked at from outside.
pub type Looked = Result<Value, Error>;

/// Why such a condition is neither true nor false: what is said of it, and the site
/// of the error that ended it. `shown` is a value as a report shows it.
pub fn undecided(looked: &Looked, shown: impl Fn(&Value) -> String) -> Option<(String, Option<u32>)> {
    match looked {
        Ok(Value::Bool(_)) => None,
        Ok(value) => Some((format!("it is {}, which is not true and not false", shown(value)), None)),
        Err(error) => Some((
            format!("it ends with {}: {}", error.kind.word(), error.message.trim_end_matches('.')),
            Some(error.site),
        )),
    }
}

/// Durations print in the largest unit that needs no fraction.
pub fn duration_text(ns: i64) -> String {
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if ns % size == 0 {
            return format!("{}{unit}", ns / size);
        }
    }
    format!("{ns}ns")
}

/// A value as `print` shows it; names of objects and functions come from
/// `names`, which only a backend has.
pub struct Shown<'a> {
    pub value: &'a Value,
    pub names: &'a dyn Names,
    /// Strings in quotes, as inside a list.
    pub quoted: bool,
}

/// The names of what a value refers to.
pub trait Names {
    fn object(&self, object: ObjRef) -> String;
    fn function(&self, function: u32) -> String;
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::None => f.write_str("none"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(i) => write!(f, "{i}"),
            Value::Duration(d) => f.write_str(&duration_text(*d)),
            Value::Str(s) if self.quoted => quoted(s, f),
            Value::Str(s) => f.write_str(s),
            Value::List(items) => {
                f.write_str("[")?;
                for (i, value) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(", ")?;
                    }
                    Shown { value, names: self.names, quoted: true }.fmt(f)?;
                }
                f.write_str("]")
            }
            Value::Object(o) => f.write_str(&self.names.object(*o)),
            Value::Function(i) => f.write_str(&self.names.function(*i)),
            Value::Error(e) => write!(f, "{}: {}", e.kind.word(), e.message),
            Value::Missing => f.write_str("nothing"),
        }
    }
}

/// A string as a script would write it, on one line.
fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for piece in text.split_inclusive(['"', '\\', '\n', '\t']) {
        let (plain, last) = piece.split_at(piece.trim_end_matches(['"', '\\', '\n', '\t']).len());
        f.write_str(plain)?;
        f.write_str(match last {
            "\n" => "\\n",
            "\t" => "\\t",
            "\"" => "\\\"",
            "\\" => "\\\\",
            _ => last,
        })?;
    }
    f.write_str("\"")
}

/// So many bytes of a text about a script's values are shown, of more its beginning.
const SHORT: usize = 4096;

/// What is shown of something: all, or its beginning if it is long. No more than that is
/// ever made of it, since a value may be as large as the memory.
pub fn brief(shown: impl fmt::Display) -> String {
    struct Room(String);
    impl fmt::Write for Room {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = SHORT - self.0.len();
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            self.0.push_str(&text[..end]);
            Err(fmt::Error)
        }
    }
    let mut room = Room(String::new());
    // The only error there is: there is no room for the rest.
    if fmt::Write::write_fmt(&mut room, format_args!("{shown}")).is_err() {
        room.0.push('…');
    }
    room.0
}

/// Whether a task can be called so: what tells of it names it.
pub fn names_a_task(text: &str) -> bool {
    !text.trim().is_empty()
}

/// The operators on values, in one place for constants and running code.
pub mod arithmetic {
    use super::{Error, ErrorKind, List, Value, duration_text};
    use crate::lang::ast::BinaryOp;
    use std::cmp::Ordering;
    use std::sync::Arc;

    fn type_error(op: &str, a: &Value, b: &Value) -> Error {
        Error::new(ErrorKind::Type, format!("`{op}` cannot take {} and {}", a.type_word(), b.type_word()))
    }

    /// A number or a time, as in a script.
    fn said(value: &Value) -> String {
        match value {
            Value::Int(i) => i.to_string(),
            Value::Duration(ns) => duration_text(*ns),
            other => other.type_word().to_string(),
        }
    }

    fn too_large(what: &str) -> Error {
        Error::new(ErrorKind::Overflow, format!("{what} does not fit into an integer of 64 bits"))
    }

    fn checked(result: Option<i64>, op: &str, a: &Value, b: &Value) -> Result<i64, Error> {
        result.ok_or_else(|| too_large(&format!("{} {op} {}", said(a), said(b))))
    }

    /// Every binary operator but `and` and `or`, which stop early.
    pub fn binary(op: BinaryOp, a: &Value, b: &Value) -> Result<Value, Error> {
        use BinaryOp::*;
        match op {
            Add => add(a, b),
            Sub => numeric("-", a, b, i64::checked_sub),
            Mul => multiply(a, b),
            Div => divide("/", a, b),
            Rem => divide("%", a, b),
            Eq => Ok(Value::Bool(a == b)),
            Ne => Ok(Value::Bool(a != b)),
            Lt => compare("<", a, b).map(|o| Value::Bool(o == Ordering::Less)),
            Le => compare("<=", a, b).map(|o| Value::Bool(o != Ordering::Greater)),
            Gt => compare(">", a, b).map(|o| Value::Bool(o == Ordering::Greater)),
            Ge => compare(">=", a, b).map(|o| Value::Bool(o != Ordering::Less)),
            In => contains(a, b),
            And | Or => Err(type_error("and", a, b)),
        }
    }

    fn numeric(op: &str, a: &Value, b: &Value, f: fn(i64, i64) -> Option<i64>) -> Result<Value, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) => checked(f(*x, *y), op, a, b).map(Value::Int),
            (Value::Duration(x), Value::Duration(y)) => checked(f(*x, *y), op, a, b).map(Value::Duration),
            _ => Err(type_error(op, a, b)),
        }
    }

    /// A string has at most this many bytes.
    pub const STRING_MAX: usize = 64 << 20;
    /// A list has at most this many elements.
    pub const LIST_MAX: usize = 4 << 20;
    /// Lists are at most so deep inside each other: printing, comparing and
    /// sending them goes down as deep.
    pub const LIST_DEPTH_MAX: usize = 100;
    /// A list with all that is in it has at most this many bytes.
    pub const LIST_BYTES_MAX: usize = 128 << 20;

    /// A list that was put together, if it is not too large or too deep.
    pub fn list_within(values: Vec<Value>) -> Result<Value, Error> {
        within(List::new(values))
    }

    fn within(list: List) -> Result<Value, Error> {
        let text = if list.len() > LIST_MAX {
            format!("a list has at most {LIST_MAX} elements, and this would have more")
        } else if list.depth > LIST_DEPTH_MAX {
            format!("lists can be {LIST_DEPTH_MAX} deep inside each other, and this would be deeper")
        } else if list.bytes > LIST_BYTES_MAX {
            format!("a list has at most {} MiB with all that is in it, and this would have more", LIST_BYTES_MAX >> 20)
        } else {
            return Ok(Value::List(Arc::new(list)));
        };
        Err(Error::new(ErrorKind::Overflow, text))
    }

    /// `list + more` where the list is, if nobody else has it and what it becomes
    /// is not too large. Whether it was done.
    pub fn grow(list: &mut Arc<List>, more: &List) -> bool {
        let fits = list.len() + more.len() <= LIST_MAX
            && list.depth.max(more.depth) <= LIST_DEPTH_MAX
            && list.bytes.saturating_add(more.bytes) <= LIST_BYTES_MAX;
        match Arc::get_mut(list) {
            Some(list) if fits => {
                list.append(more);
                true
            }
            _ => false,
        }
    }

    /// A string that was put together, if it is not too long.
    pub fn string_within(text: String) -> Result<Value, Error> {
        if text.len() > STRING_MAX {
            let text = format!("a string has at most {} MiB, and this would have more", STRING_MAX >> 20);
            return Err(Error::new(ErrorKind::Overflow, text));
        }
        Ok(Value::string(text))
    }

    fn add(a: &Value, b: &Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Str(x), Value::Str(y)) => string_within(format!("{x}{y}")),
            (Value::List(x), Value::List(y)) if x.len() + y.len() > LIST_MAX => {
                let text = format!("a list has at most {LIST_MAX} elements, and this would have more");
                Err(Error::new(ErrorKind::Overflow, text))
            }
            (Value::List(x), Value::List(y)) => within(x.joined(y)),
            _ => numeric("+", a, b, i64::checked_add),
        }
    }

    fn multiply(a: &Value, b: &Value) -> Result<Value, Error> {
        match (a, b) {
            (Value::Duration(x), Value::Int(y)) | (Value::Int(y), Value::Duration(x)) => {
                checked(x.checked_mul(*y), "*", a, b).map(Value::Duration)
            }
            (Value::Int(_), Value::Int(_)) => numeric("*", a, b, i64::checked_mul),
            _ => Err(type_error("*", a, b)),
        }
    }

    /// Floor division and its remainder, which has the divisor's sign, as in
    /// Python.
    fn divide(op: &str, a: &Value, b: &Value) -> Result<Value, Error> {
        let (x, y, duration) = match (a, b) {
            (Value::Int(x), Value::Int(y)) => (*x, *y, false),
            (Value::Duration(x), Value::Int(y)) if op == "/" => (*x, *y, true),
            (Value::Duration(x), Value::Duration(y)) => (*x, *y, op == "%"),
            _ => return Err(type_error(op, a, b)),
        };
        if y == 0 {
            return Err(Error::new(ErrorKind::DivideByZero, format!("{} {op} {}", said(a), said(b))));
        }
        // Of the least integer and -1 only the quotient does not fit: what is left is 0,
        // as `wrapping_rem` has it.
        let remainder = x.wrapping_rem(y);
        let below = remainder != 0 && (remainder < 0) != (y < 0);
        let result = match op {
            "/" => checked(x.checked_div(y), op, a, b)? - i64::from(below),
            _ => remainder + if below { y } else { 0 },
        };
        Ok(if duration { Value::Duration(result) } else { Value::Int(result) })
    }

    fn compare(op: &str, a: &Value, b: &Value) -> Result<Ordering, Error> {
        match (a, b) {
            (Value::Int(x), Value::Int(y)) | (Value::Duration(x), Value::Duration(y)) => Ok(x.cmp(y)),
            (Value::Str(x), Value::Str(y)) => Ok(x.cmp(y)),
            _ => Err(type_error(op, a, b)),
        }
    }

    fn contains(a: &Value, b: &Value) -> Result<Value, Error> {
        match (a, b) {
            (_, Value::List(items)) => Ok(Value::Bool(items.contains(a))),
            (Value::Str(part), Value::Str(whole)) => Ok(Value::Bool(whole.contains(part.as_str()))),
            _ => Err(type_error("in", a, b)),
        }
    }

    pub fn negate(a: &Value) -> Result<Value, Error> {
        match a {
            Value::Int(x) => x.checked_neg().map(Value::Int).ok_or_else(|| too_large(&format!("-({x})"))),
            Value::Duration(x) => {
                x.checked_neg().map(Value::Duration).ok_or_else(|| too_large(&format!("-({})", duration_text(*x))))
            }
            _ => Err(Error::new(ErrorKind::Type, format!("`-` cannot take {}", a.type_word()))),
        }
    }

    /// Without its sign.
    pub fn magnitude(x: i64) -> Result<Value, Error> {
        x.checked_abs().map(Value::Int).ok_or_else(|| too_large(&format!("abs({x})")))
    }

    /// A condition must be a bool.
    pub fn truth(a: &Value) -> Result<bool, Error> {
        match a {
            Value::Bool(b) => Ok(*b),
            _ => Err(Error::new(ErrorKind::Type, format!("a condition is a bool, and this is {}", a.type_word()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::arithmetic::binary;
    use super::*;
    use crate::lang::ast::BinaryOp;

    #[test]
    fn division_rounds_down() {
        let int = |op, a, b| binary(op, &Value::Int(a), &Value::Int(b)).unwrap();
        assert_eq!(int(BinaryOp::Div, 7, 2), Value::Int(3));
        assert_eq!(int(BinaryOp::Div, -7, 2), Value::Int(-4));
        assert_eq!(int(BinaryOp::Rem, -7, 2), Value::Int(1));
        assert_eq!(int(BinaryOp::Rem, 7, -2), Value::Int(-1));
        assert_eq!(int(BinaryOp::Rem, i64::MIN, -1), Value::Int(0));
        assert_eq!(int(BinaryOp::Rem, i64::MIN, 3), Value::Int(1));
        assert_eq!(int(BinaryOp::Div, i64::MIN, 3), Value::Int(i64::MIN / 3 - 1));
    }

    /// What is equal is found by the same, however it came about.
    #[test]
    fn long_values_are_found_by_what_they_are() {
        let hash = |value: &Value| rustc_hash::FxBuildHasher.hash_one(value);
        let text = |n: usize| Value::string("0123456789abcdef".repeat(n));
        let list = |n: i64| Arc::new(List::new((0..n).map(Value::Int).collect()));
        assert_eq!(hash(&text(1000)), hash(&text(1000)));
        assert_ne!(hash(&text(1000)), hash(&text(1001)));
        let end = |last: &str| binary(BinaryOp::Add, &text(1000), &Value::string(last)).unwrap();
        assert_ne!(hash(&end("x")), hash(&end("y")));
        let mut grown = list(1000);
        let before = hash(&Value::List(grown.clone()));
        assert_eq!(before, hash(&Value::List(list(1000))));
        let one = List::new(vec![Value::Int(1000)]);
        assert!(arithmetic::grow(&mut grown, &one));
        assert_eq!(hash(&Value::List(grown.clone())), hash(&Value::List(list(1001))));
        assert_eq!(hash(&Value::List(Arc::new(list(1000).joined(&one)))), hash(&Value::List(grown)));
    }

    #[test]
    fn a_list_grows_where_it_is_only_if_nobody_else_has_it() {
        let list = |n: i64| Arc::new(List::new((0..n).map(Value::Int).collect()));
        let (mut alone, more) = (list(2), list(1));
        assert!(arithmetic::grow(&mut alone, &more));
        assert_eq!(&alone[..], [Value::Int(0), Value::Int(1), Value::Int(0)]);
        assert_eq!(alone.bytes(), list(3).bytes());
        let other = alone.clone();
        assert!(!arithmetic::grow(&mut alone, &more));
        assert_eq!(other.len(), 3);
        let mut deep = list(1);
        for _ in 1..arithmetic::LIST_DEPTH_MAX {
            deep = Arc::new(List::new(vec![Value::List(deep)]));
        }
        assert!(arithmetic::grow(&mut list(1), &deep));
        let deeper = Arc::new(List::new(vec![Value::List(deep)]));
        assert!(!arithmetic::grow(&mut list(1), &deeper), "it would be too deep");
    }

    #[test]
    fn overflow_and_zero_are_errors() {
        let kind = |op, a, b| binary(op, &Value::Int(a), &Value::Int(b)).unwrap_err().kind;
        assert_eq!(kind(BinaryOp::Add, i64::MAX, 1), ErrorKind::Overflow);
        assert_eq!(kind(BinaryOp::Div, i64::MIN, -1), ErrorKind::Overflow);
        assert_eq!(kind(BinaryOp::Rem, 1, 0), ErrorKind::DivideByZero);
    }

    #[test]
    fn lists_in_lists_are_bounded_in_depth_and_in_size() {
        let mut deep = Ok(Value::Int(1));
        let mut depth = 0;
        while let Ok(value) = deep {
            deep = arithmetic::list_within(vec![value]);
            depth += 1;
        }
        assert_eq!((depth, deep.unwrap_err().kind), (arithmetic::LIST_DEPTH_MAX + 1, ErrorKind::Overflow));
        let mut wide = Ok(Value::string("0123456789abcdef"));
        let mut doubled = 0;
        while let Ok(value) = wide {
            wide = arithmetic::list_within(vec![value.clone(), value]);
            doubled += 1;
        }
        assert!(doubled < 30, "{doubled}");
        assert_eq!(wide.unwrap_err().kind, ErrorKind::Overflow);
    }

    #[test]
    fn durations_print_in_their_unit() {
        assert_eq!(duration_text(1_500_000_000), "1500ms");
        assert_eq!(duration_text(2_000), "2us");
        assert_eq!(duration_text(0), "0s");
        assert_eq!(duration_text(7), "7ns");
    }
}
