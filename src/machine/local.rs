//! Local work on values: indexing, slices, ranges. No steps. What the built-in functions give
//! is in `program`, which asks it of literals before a run.

use crate::lang::ast::BinaryOp;
use crate::program::kind::Update;
use crate::program::value::{Error, ErrorKind, Value, arithmetic};

pub use crate::program::built_in::{call as builtin, text, type_error};

type Result<T> = std::result::Result<T, Error>;

/// The longest list that a range makes.
const RANGE_MAX: i64 = 1_000_000;

/// The value that an indivisible access leaves, if it writes, and what it
/// answers.
pub fn updated(update: Update, old: &Value, a: &Value, b: &Value) -> Result<(Option<Value>, Value)> {
    let change = |op| Ok((Some(arithmetic::binary(op, old, a)?), old.clone()));
    match update {
        Update::Load => Ok((None, old.clone())),
        Update::Store => Ok((Some(a.clone()), Value::None)),
        Update::Swap => Ok((Some(a.clone()), old.clone())),
        Update::Add => change(BinaryOp::Add),
        Update::Sub => change(BinaryOp::Sub),
        Update::Mul => change(BinaryOp::Mul),
        Update::Div => change(BinaryOp::Div),
        Update::Rem => change(BinaryOp::Rem),
        Update::Cas => Ok(if old == a { (Some(b.clone()), Value::Bool(true)) } else { (None, Value::Bool(false)) }),
    }
}

/// An index counts from the end if it is negative, as in Python.
fn place(index: &Value, len: usize) -> Result<usize> {
    let Value::Int(i) = index else {
        return Err(type_error(format!("an index is an integer, and this is {}", index.type_word())));
    };
    let from_start = if *i < 0 { i.saturating_add(len as i64) } else { *i };
    usize::try_from(from_start)
        .ok()
        .filter(|i| *i < len)
        .ok_or_else(|| Error::new(ErrorKind::Index, format!("index {i} of {len}")))
}

/// The index of a declared row, which has no place before its first.
pub fn row_index(index: &Value, count: u32, name: &str) -> Result<u32> {
    match index {
        Value::Int(i) if *i >= 0 && *i < i64::from(count) => Ok(*i as u32),
        Value::Int(i) => {
            Err(Error::new(ErrorKind::Index, format!("`{name}` has {count} places, and the index is {i}")))
        }
        v => Err(type_error(format!("an index is an integer, and this is {}", v.type_word()))),
    }
}

pub fn index(object: &Value, index: &Value) -> Result<Value> {
    match object {
        Value::List(items) => Ok(items[place(index, items.len())?].clone()),
        Value::Str(s) => {
            let chars: Vec<char> = s.chars().collect();
            Ok(Value::string(chars[place(index, chars.len())?]))
        }
        v => Err(type_error(format!("{} has no elements", v.type_word()))),
    }
}

/// Bounds beyond the ends are cut back, as in Python.
pub fn slice(object: &Value, from: Option<&Value>, to: Option<&Value>, inclusive: bool) -> Result<Value> {
    let bounds = |len: usize| -> Result<(usize, usize)> {
        let bound = |v: Option<&Value>, default: usize, more: i64| match v {
            None => Ok(default),
            Some(Value::Int(i)) => {
                let i = if *i < 0 { i.saturating_add(len as i64) } else { *i }.saturating_add(more);
                Ok(i.clamp(0, len as i64) as usize)
            }
            Some(v) => Err(type_error(format!("an index is an integer, and this is {}", v.type_word()))),
        };
        let start = bound(from, 0, 0)?;
        Ok((start, bound(to, len, i64::from(inclusive))?.max(start)))
    };
    match object {
        Value::List(items) => {
            let (a, b) = bounds(items.len())?;
            Ok(Value::list(items[a..b].to_vec()))
        }
        Value::Str(s) => {
            let chars: Vec<char> = s.chars().collect();
            let (a, b) = bounds(chars.len())?;
            Ok(Value::string(chars[a..b].iter().collect::<String>()))
        }
        v => Err(type_error(format!("{} has no elements", v.type_word()))),
    }
}

/// Both bounds of a range: the second one past its last, none past the largest integer.
pub fn range(from: &Value, to: &Value, inclusive: bool) -> Result<(i64, Option<i64>)> {
    match (from, to) {
        (Value::Int(a), Value::Int(b)) => Ok((*a, if inclusive { b.checked_add(1) } else { Some(*b) })),
        _ => Err(type_error(format!("a range goes between integers, not {} and {}", from.type_word(), to.type_word()))),
    }
}

pub fn range_list(from: &Value, to: &Value, inclusive: bool) -> Result<Value> {
    let (first, stop) = range(from, to, inclusive)?;
    let count = stop.map_or(1_i128 << 63, i128::from) - i128::from(first);
    match i64::try_from(count) {
        // Each is below the stop, and so an integer.
        Ok(count) if count <= RANGE_MAX => Ok(Value::list((0..count).map(|i| Value::Int(first + i)).collect())),
        Err(_) if count < 0 => Ok(Value::list(Vec::new())),
        _ => Err(Error::new(ErrorKind::Overflow, format!("a range as a list has at most {RANGE_MAX} elements"))),
    }
}
