//! `barrier b(3)`: a cyclic barrier.
//!
//! Words: the parties, how many have arrived, whether it is broken. The last
//! to arrive moves the others on to a wait that is over, `reset` to one that
//! fails; so those of one round never mix with the next. Clock 0: every
//! arrival of the round, which comes before all that its last one lets go.

use super::*;

const WAIT: u8 = 0;
const ABORT: u8 = 1;
const RESET: u8 = 2;
/// How a wait goes on whose round is full, and one whose round was reset.
const WAIT_OVER: u8 = 3;
const WAIT_RESET: u8 = 4;

const PARTIES: usize = 0;
const ARRIVED: usize = 1;
const BROKEN: usize = 2;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "barrier",
    params: &[Param { name: "parties", default: None, object: None }],
    options: &[],
    methods: &[
        waiting("wait"),
        method("abort", &[]),
        method("reset", &[]),
        method("-wait over", &[]),
        method("-wait reset", &[]),
    ],
    with: &[],
    iterate: None,
    arm: |_| false,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([count_of(args.first(), 1, "a barrier's number of parties")?, 0, 0, 0, 0, 0])
}

/// How it stands.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    let broken = if words[BROKEN] != 0 { ", broken" } else { "" };
    format!("{} of {} are there{broken}", words[ARRIVED], words[PARTIES])
}

pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, _args: &[Value], again: Option<u64>) -> Outcome {
    match (method, again) {
        (WAIT, None) => arrive(w, o),
        (WAIT, Some(_)) if w.word(o, BROKEN) != 0 => broken(),
        (WAIT, Some(index)) => Outcome::Wait(index),
        // The move was the order: what the clock has by now is the next round's.
        (WAIT_OVER, index) => Outcome::Done(Value::Int(index.unwrap_or(0) as i64)),
        (WAIT_RESET, _) => broken(),
        (ABORT, _) => {
            w.set(o, BROKEN, 1);
            w.wake(o, &[WAIT], u64::MAX);
            Outcome::Done(Value::None)
        }
        _ => {
            w.transfer(o, WAIT, u64::MAX, o, WAIT_RESET);
            w.set(o, ARRIVED, 0);
            w.set(o, BROKEN, 0);
            w.wake(o, &[WAIT_RESET], u64::MAX);
            Outcome::Done(Value::None)
        }
    }
}

fn broken() -> Outcome {
    Outcome::Raise(ErrorKind::BrokenBarrier, "the barrier is broken".to_string())
}

fn arrive<W: World>(w: &mut W, o: u32) -> Outcome {
    if w.word(o, BROKEN) != 0 {
        return broken();
    }
    let index = w.word(o, ARRIVED);
    if index + 1 < w.word(o, PARTIES) && !w.may_wait() {
        return Outcome::Wait(index);
    }
    w.release(o, 0, if index == 0 { Edge::Set } else { Edge::Join });
    if index + 1 < w.word(o, PARTIES) {
        w.set(o, ARRIVED, index + 1);
        return Outcome::Wait(index);
    }
    w.acquire(o, 0);
    w.set(o, ARRIVED, 0);
    w.transfer(o, WAIT, u64::MAX, o, WAIT_OVER);
    w.wake(o, &[WAIT_OVER], u64::MAX);
    Outcome::Done(Value::Int(index as i64))
}

/// Who gives up breaks it for all, as in Python.
pub fn give_up<W: World>(w: &mut W, o: u32, _method: u8, _memo: u64) -> Outcome {
    w.set(o, BROKEN, 1);
    w.wake(o, &[WAIT], u64::MAX);
    broken()
}

/// A wait is broken off and breaks nothing, since who waited goes on with something else:
/// whether he had arrived in a round that is not full, and has not now.
pub fn take_back<W: World>(w: &mut W, o: u32, method: u8) -> bool {
    let arrived = w.word(o, ARRIVED);
    let had_arrived = method == WAIT && arrived > 0 && w.word(o, BROKEN) == 0;
    if had_arrived {
        w.set(o, ARRIVED, arrived - 1);
    }
    had_arrived
}

pub fn need<W: World>(w: &W, o: u32, method: u8, _memo: u64, _task: TaskId) -> Need {
    if method != WAIT || w.word(o, BROKEN) != 0 {
        return Need::Ready;
    }
    let missing = w.word(o, PARTIES).saturating_sub(w.word(o, ARRIVED));
    Need::Any(vec![
        Need::Arrivals { object: o, method: WAIT, missing },
        Need::Deed { object: o, methods: &[ABORT, RESET] },
    ])
}
