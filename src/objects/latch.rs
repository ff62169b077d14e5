//! `latch l(3)`: counts down to zero; a wait group.
//!
//! Words: the count. Clock 0: every `count_down`, which comes before the waits
//! that the last one ends.

use super::*;

const ADD: u8 = 0;
const COUNT_DOWN: u8 = 1;
const WAIT: u8 = 2;
const COUNT: usize = 0;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = true;

pub const SPEC: KindSpec = KindSpec {
    word: "latch",
    params: &[Param { name: "count", default: None, object: None }],
    options: &[],
    methods: &[method("add", &[N]), method("count_down", &[]), waiting("wait"), question("value")],
    with: &[],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([count_of(args.first(), 0, "a latch's count")?, 0, 0, 0, 0, 0])
}

/// How it stands.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    format!("count {}", words[COUNT])
}

#[inline(always)]
pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], _again: Option<u64>) -> Outcome {
    let count = w.word(o, COUNT) as i64;
    match method {
        ADD => match args.first() {
            Some(Value::Int(n)) => change(w, o, count.checked_add(*n)),
            Some(v) => Outcome::Raise(ErrorKind::Type, format!("`n` is an integer, and this is {}", v.type_word())),
            None => change(w, o, count.checked_add(1)),
        },
        COUNT_DOWN => change(w, o, count.checked_sub(1)),
        WAIT if count == 0 => {
            w.acquire(o, 0);
            Outcome::Done(Value::Bool(true))
        }
        WAIT => Outcome::Wait(0),
        _ => Outcome::Done(Value::Int(count)),
    }
}

#[inline(always)]
fn change<W: World>(w: &mut W, o: u32, count: Option<i64>) -> Outcome {
    match count {
        None => Outcome::Raise(ErrorKind::Overflow, "the latch's count does not fit into 64 bits".to_string()),
        Some(n) if n < 0 => Outcome::Raise(ErrorKind::Negative, "the latch's count would fall below zero".to_string()),
        Some(n) => {
            w.release(o, 0, Edge::Join);
            w.set(o, COUNT, n as u64);
            if n == 0 {
                w.wake(o, &[WAIT], u64::MAX);
            }
            Outcome::Done(Value::None)
        }
    }
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, _memo: u64, _task: TaskId) -> Need {
    if w.word(o, COUNT) == 0 { Need::Ready } else { Need::Deed { object: o, methods: &[ADD, COUNT_DOWN] } }
}
