//! A record of a `struct`: it has fields and no methods. Its places and
//! objects are the backend's to keep.

use super::*;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "record",
    params: &[],
    options: &[],
    methods: &[],
    with: &[],
    iterate: None,
    arm: |_| true,
    init,
    internal: true,
};

pub fn init(_args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([0; WORDS])
}

/// Its fields are told for themselves.
pub fn standing(_words: &[u64; WORDS], _values: u64) -> String {
    String::new()
}

pub fn attempt<W: World>(_w: &mut W, _o: u32, _method: u8, _args: &[Value], _again: Option<u64>) -> Outcome {
    Outcome::Raise(ErrorKind::Type, "a record has no methods".to_string())
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::None)
}

pub fn need<W: World>(_w: &W, _o: u32, _method: u8, _memo: u64, _task: TaskId) -> Need {
    Need::Ready
}
