//! Values as words. A small integer, a bool, a duration, a reference is the
//! word itself; a string, a list or a large number is a block of the heap that
//! the word points at, an encoding without pointers, so that every process can
//! read it. Whoever keeps the word owns the block.

use super::heap::{Heap, OutOfMemory};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

const TAG: u64 = 7;
const INT: u64 = 0;
const CONST: u64 = 1;
const OBJECT: u64 = 2;
const FUNCTION: u64 = 3;
const DURATION: u64 = 4;
const BLOCK: u64 = 5;

/// The word of `none`.
pub const NONE: u64 = CONST;
/// The word for a value that was too large to be kept for a report.
pub const UNKNOWN: u64 = CONST | 3 << 3;

#[inline(always)]
fn fits(i: i64) -> bool {
    (i << 3) >> 3 == i
}

/// Whether the word owns a block.
#[inline]
pub fn owns_block(word: u64) -> bool {
    word & TAG == BLOCK
}

/// Whether the word is a reference.
#[inline]
pub fn is_object(word: u64) -> bool {
    word & TAG == OBJECT
}

/// The word that owns a block.
pub fn block_word(block: u64) -> u64 {
    block | BLOCK
}

/// The integer that a word is.
#[inline]
pub fn int(word: u64) -> Option<i64> {
    (word & TAG == INT).then_some(word as i64 >> 3)
}

/// The word of an integer that fits into one.
#[inline]
pub fn int_word(value: i64) -> Option<u64> {
    fits(value).then_some((value as u64) << 3 | INT)
}

/// A value that needs no block.
#[inline(always)]
pub fn small(value: &Value) -> Option<u64> {
    Some(match value {
        Value::Int(i) if fits(*i) => ((*i as u64) << 3) | INT,
        Value::None => NONE,
        Value::Bool(b) => CONST | (1 + u64::from(*b)) << 3,
        Value::Missing => CONST | 3 << 3,
        Value::Object(o) => OBJECT | u64::from(o.id) << 16 | u64::from(o.kind) << 3,
        Value::Function(f) => FUNCTION | u64::from(*f) << 3,
        Value::Duration(d) if fits(*d) => ((*d as u64) << 3) | DURATION,
        _ => return None,
    })
}

/// The value of a word that owns no block.
#[inline(always)]
pub fn small_value(word: u64) -> Value {
    match word & TAG {
        INT => Value::Int(word as i64 >> 3),
        DURATION => Value::Duration(word as i64 >> 3),
        OBJECT => Value::Object(ObjRef { id: (word >> 16) as u32, kind: (word >> 3) as u8 }),
        FUNCTION => Value::Function((word >> 3) as u32),
        _ => match word >> 3 {
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::Missing,
            _ => Value::None,
        },
    }
}

/// The word for a value, with a new block if it needs one.
pub fn to_word(value: &Value, heap: Heap, holder: u32) -> Result<u64, OutOfMemory> {
    match small(value) {
        Some(word) => Ok(word),
        None => {
            let mut bytes = Vec::with_capacity(16 + written(value));
            encode(value, &mut bytes);
            Ok(store_bytes(&bytes, heap, holder)? as u64 | BLOCK)
        }
    }
}

/// About how many bytes it takes.
fn written(value: &Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        Value::List(items) => items.bytes(),
        _ => 0,
    }
}

/// The value of a word; its block stays.
pub fn to_value(word: u64, heap: Heap) -> Value {
    if !owns_block(word) {
        return small_value(word);
    }
    let bytes = load_bytes((word & !TAG) as usize, heap);
    decode(&mut &bytes[..]).unwrap_or(Value::None)
}

/// Gives back the block that a word owns.
pub fn free(word: u64, heap: Heap, holder: u32) {
    if owns_block(word) {
        heap.free((word & !TAG) as usize, holder);
    }
}

/// A block with these bytes, their number first.
pub fn store_bytes(bytes: &[u8], heap: Heap, holder: u32) -> Result<usize, OutOfMemory> {
    let block = heap.allocate(8 + bytes.len(), holder)?;
    write_bytes(block, bytes, heap);
    Ok(block)
}

fn write_bytes(block: usize, bytes: &[u8], heap: Heap) {
    let memory = heap.memory();
    memory.word(block).store(bytes.len() as u64, Relaxed);
    for (i, chunk) in bytes.chunks(8).enumerate() {
        let mut word = [0u8; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        memory.word(block + 8 + 8 * i).store(u64::from_le_bytes(word), Relaxed);
    }
}

/// Other bytes in the same block, if it has room for them.
pub fn replace_bytes(block: usize, bytes: &[u8], heap: Heap) -> bool {
    let fits = heap.size(block) >= 8 + bytes.len();
    if fits {
        write_bytes(block, bytes, heap);
    }
    fits
}

pub fn load_bytes(block: usize, heap: Heap) -> Vec<u8> {
    let memory = heap.memory();
    let len = (memory.word(block).load(Relaxed) as usize).min(heap.size(block).saturating_sub(8));
    let mut bytes = Vec::with_capacity(len + 8);
    for i in 0..len.div_ceil(8) {
        bytes.extend_from_slice(&memory.word(block + 8 + 8 * i).load(Relaxed).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Str(s) => text(1, s, out),
        Value::List(items) => {
            out.push(2);
            out.extend((items.len() as u32).to_le_bytes());
            items.iter().for_each(|v| encode(v, out));
        }
        Value::Int(i) if !fits(*i) => number(3, *i, out),
        Value::Duration(d) if !fits(*d) => number(4, *d, out),
        Value::Error(e) => {
            out.push(5);
            out.push(e.kind as u8);
            out.extend(e.site.to_le_bytes());
            text(1, &e.message, out);
        }
        other => number(0, small(other).unwrap_or(NONE) as i64, out),
    }
}

fn number(tag: u8, value: i64, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(value.to_le_bytes());
}

fn text(tag: u8, text: &str, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = input.split_first_chunk::<N>()?;
    *input = tail;
    Some(*head)
}

pub fn decode(input: &mut &[u8]) -> Option<Value> {
    let [tag] = take::<1>(input)?;
    Some(match tag {
        1 => {
            let len = u32::from_le_bytes(take(input)?) as usize;
            let (head, tail) = input.split_at_checked(len)?;
            *input = tail;
            Value::string(String::from_utf8_lossy(head))
        }
        2 => {
            let len = u32::from_le_bytes(take(input)?);
            Value::list((0..len).map(|_| decode(input)).collect::<Option<_>>()?)
        }
        3 => Value::Int(i64::from_le_bytes(take(input)?)),
        4 => Value::Duration(i64::from_le_bytes(take(input)?)),
        5 => {
            let [kind] = take::<1>(input)?;
            let site = u32::from_le_bytes(take(input)?);
            let Value::Str(message) = decode(input)? else { return None };
            let kind = *ErrorKind::ALL.get(kind as usize)?;
            Value::Error(Arc::new(Error { kind, message: message.to_string(), site }))
        }
        _ => small_value(u64::from_le_bytes(take(input)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::memory::Memory;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::None),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<i64>().prop_map(Value::Duration),
            ".{0,40}".prop_map(Value::string),
            (any::<u32>(), any::<u8>()).prop_map(|(id, kind)| Value::Object(ObjRef { id, kind })),
            any::<u32>().prop_map(Value::Function),
        ];
        leaf.prop_recursive(3, 20, 5, |inner| prop::collection::vec(inner, 0..5).prop_map(Value::list))
    }

    proptest! {
        #[test]
        fn words_keep_values(value in any_value()) {
            let memory = Memory::private(1 << 20).unwrap();
            let heap = Heap::new(&memory, 0, 4096, 1 << 20, true);
            let word = to_word(&value, heap, 1).unwrap();
            prop_assert_eq!(to_value(word, heap), value);
            free(word, heap, 1);
        }
    }
}
