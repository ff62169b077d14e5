//! `semaphore s(2)`: a counting semaphore. Anybody may release it.
//!
//! Words: the count. Clock 0: all releases, so that an acquire comes after
//! each; edges between unmatched pairs hide races and never invent one.

use super::*;
use crate::program::kind::{Method, With};

const ACQUIRE: u8 = 0;
pub const RELEASE: u8 = 1;
/// The methods that see the count, as bits: with none of them in use a
/// `RELEASE` may as well come earlier.
pub const OBSERVERS: u32 = 1 << 2;
const COUNT: usize = 0;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = true;

pub const SPEC: KindSpec = KindSpec {
    word: "semaphore",
    params: &[Param { name: "value", default: Some(Default::Int(1)), object: None }],
    options: &[],
    methods: &[
        acquiring("acquire"),
        Method { refuses: |args| given_back(args).err(), ..method("release", &[N]) },
        question("value"),
    ],
    with: &[With { word: "", acquire: ACQUIRE, release: RELEASE }],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([count_of(args.first(), 0, "a semaphore's value")?, 0, 0, 0, 0, 0])
}

/// How it stands.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    format!("value {}", words[COUNT])
}

/// How many a `release` gives back.
fn given_back(args: &[Value]) -> Result<u64, (ErrorKind, String)> {
    count_of(args.first().or(Some(&Value::Int(1))), 1, "`n`")
}

#[inline(always)]
pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], _again: Option<u64>) -> Outcome {
    let count = w.word(o, COUNT);
    match method {
        ACQUIRE if count > 0 => {
            w.set(o, COUNT, count - 1);
            w.acquire(o, 0);
            Outcome::Done(Value::Bool(true))
        }
        ACQUIRE if args.first() == Some(&Value::Bool(false)) => Outcome::Done(Value::Bool(false)),
        ACQUIRE => Outcome::Wait(0),
        RELEASE => match given_back(args) {
            Err((kind, text)) => Outcome::Raise(kind, text),
            Ok(n) if count.checked_add(n).is_none_or(|sum| sum > i64::MAX as u64) => {
                Outcome::Raise(ErrorKind::Overflow, "the semaphore's value does not fit into 64 bits".to_string())
            }
            Ok(n) => {
                w.release(o, 0, Edge::Join);
                w.set(o, COUNT, count + n);
                w.wake(o, &[ACQUIRE], n);
                Outcome::Done(Value::None)
            }
        },
        _ => Outcome::Done(Value::Int(count as i64)),
    }
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, _memo: u64, _task: TaskId) -> Need {
    if w.word(o, COUNT) > 0 { Need::Ready } else { Need::Deed { object: o, methods: &[RELEASE] } }
}
