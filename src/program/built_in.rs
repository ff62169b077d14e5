//! What the built-in functions give that are no steps: `len`, `min`, `int` and their like. A
//! run calls them, and the compiler asks them of literals, so that what is refused before a
//! run is what it would raise.

use super::code::Builtin;
use super::value::{Error, ErrorKind, Names, Shown, Value, arithmetic};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Error>;

pub fn text(value: &Value, names: &dyn Names) -> String {
    Shown { value, names, quoted: false }.to_string()
}

pub fn type_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Type, message)
}

/// What a built-in function gives.
pub fn call(which: Builtin, args: &[Value], names: &dyn Names) -> Result<Value> {
    let first = args.first().unwrap_or(&Value::None);
    match which {
        Builtin::Len => match first {
            Value::List(items) => Ok(Value::Int(items.len() as i64)),
            Value::Str(s) => Ok(Value::Int(s.chars().count() as i64)),
            v => Err(type_error(format!("`len` takes a list or a string, not {}", v.type_word()))),
        },
        Builtin::Min => extreme("min", args, Ordering::Less),
        Builtin::Max => extreme("max", args, Ordering::Greater),
        Builtin::Abs => match first {
            Value::Int(i) => arithmetic::magnitude(*i),
            v => Err(type_error(format!("`abs` takes an integer, not {}", v.type_word()))),
        },
        Builtin::Str => Ok(Value::string(text(first, names))),
        Builtin::Int => match first {
            Value::Int(_) => Ok(first.clone()),
            Value::Bool(b) => Ok(Value::Int(i64::from(*b))),
            Value::Str(s) => s.trim().parse().map(Value::Int).map_err(|_| type_error(format!("`{s}` is no integer"))),
            v => Err(type_error(format!("`int` takes a string, not {}", v.type_word()))),
        },
    }
}

fn extreme(name: &str, args: &[Value], wanted: Ordering) -> Result<Value> {
    let items: &[Value] = match args {
        [Value::List(items)] => items,
        _ => args,
    };
    let mut best: Option<&Value> = None;
    for item in items {
        let order = match (best, item) {
            (None, Value::Int(_) | Value::Duration(_) | Value::Str(_)) => Some(wanted),
            (Some(Value::Int(a)), Value::Int(b)) | (Some(Value::Duration(a)), Value::Duration(b)) => Some(b.cmp(a)),
            (Some(Value::Str(a)), Value::Str(b)) => Some(b.cmp(a)),
            _ => None,
        };
        match order {
            None => return Err(type_error(format!("`{name}` compares values of one type, not {}", item.type_word()))),
            Some(o) if o == wanted => best = Some(item),
            Some(_) => {}
        }
    }
    best.cloned().ok_or_else(|| Error::new(ErrorKind::Index, format!("`{name}` of nothing")))
}
