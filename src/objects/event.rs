//! `event e`: a flag to wait for.
//!
//! Words: whether it is set; of the last `set`, the task's number plus one and
//! its place in the source. Clock 0: all `set`s.

use super::*;

pub const SET: u8 = 0;
/// The methods that tell a `SET` that came from one to come, as bits: with none
/// of them in use it may as well come earlier.
pub const OBSERVERS: u32 = 1 << CLEAR | 1 << IS_SET;
const CLEAR: u8 = 1;
const IS_SET: u8 = 2;

const FLAG: usize = 0;
/// See the head of the file.
pub const SET_BY: usize = 1;
pub const SET_AT: usize = 2;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[SET_BY];

pub const ALONE: bool = true;

pub const SPEC: KindSpec = KindSpec {
    word: "event",
    params: &[],
    options: &[],
    methods: &[
        method("set", &[]),
        method("clear", &[]),
        question("is_set"),
        waiting("wait"),
        method("-wait over", &[]),
    ],
    with: &[],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

const WAIT: u8 = 3;
/// How a wait goes on that a `set` ended: it is over even if a `clear` comes
/// before the task looks again.
const WAIT_OVER: u8 = 4;

pub fn init(_args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([0; WORDS])
}

/// How it stands.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    if words[FLAG] != 0 { "set" } else { "not set" }.to_string()
}

#[inline(always)]
pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, _args: &[Value], _again: Option<u64>) -> Outcome {
    let set = w.word(o, FLAG) != 0;
    match method {
        SET => {
            let (me, site) = (w.teller(), u64::from(w.site()));
            w.release(o, 0, Edge::Join);
            w.set(o, FLAG, 1);
            w.set(o, SET_BY, me);
            w.set(o, SET_AT, site);
            w.transfer(o, WAIT, u64::MAX, o, WAIT_OVER);
            w.wake(o, &[WAIT_OVER], u64::MAX);
            Outcome::Done(Value::None)
        }
        CLEAR => {
            w.set(o, FLAG, 0);
            Outcome::Done(Value::None)
        }
        IS_SET => Outcome::Done(Value::Bool(set)),
        _ if set || method == WAIT_OVER => {
            w.acquire(o, 0);
            Outcome::Done(Value::Bool(true))
        }
        _ => Outcome::Wait(0),
    }
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

pub fn need<W: World>(w: &W, o: u32, method: u8, _memo: u64, _task: TaskId) -> Need {
    if w.word(o, FLAG) != 0 || method == WAIT_OVER {
        Need::Ready
    } else {
        Need::Deed { object: o, methods: &[SET] }
    }
}
