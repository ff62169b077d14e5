//! `barrier b(3)`: a cyclic barrier. The last to arrive opens it; a wait gives
//! the arrival's index.
//!
//! Words: the parties, how many have arrived, the generation, whether it is
//! broken, the generation that `reset` broke plus one. Two clocks, one for the
//! even and one for the odd generations: every arrival, and each wait's end.

use super::*;

const WAIT: u8 = 0;
const ABORT: u8 = 1;
const RESET: u8 = 2;

const PARTIES: usize = 0;
const ARRIVED: usize = 1;
const GENERATION: usize = 2;
const BROKEN: usize = 3;
const RESET_AT: usize = 4;

pub const SPEC: KindSpec = KindSpec {
    word: "barrier",
    params: &[Param { name: "parties", default: None, object: None }],
    options: &[],
    methods: &[waiting("wait"), method("abort", &[]), method("reset", &[])],
    with: &[],
    iterate: None,
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
        (WAIT, Some(memo)) => go_on(w, o, memo),
        (ABORT, _) => {
            w.set(o, BROKEN, 1);
            w.wake(o, &[WAIT], u64::MAX);
            Outcome::Done(Value::None)
        }
        _ => {
            let generation = w.word(o, GENERATION);
            if w.word(o, ARRIVED) > 0 {
                w.set(o, RESET_AT, generation + 1);
            }
            w.set(o, GENERATION, generation + 1);
            w.set(o, ARRIVED, 0);
            w.set(o, BROKEN, 0);
            w.wake(o, &[WAIT], u64::MAX);
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
    let (index, generation) = (w.word(o, ARRIVED), w.word(o, GENERATION));
    let clock = (generation % 2) as u8;
    w.release(o, clock, if index == 0 { Edge::Set } else { Edge::Join });
    if index + 1 < w.word(o, PARTIES) {
        w.set(o, ARRIVED, index + 1);
        return Outcome::Wait(generation << 32 | index);
    }
    w.acquire(o, clock);
    w.set(o, ARRIVED, 0);
    w.set(o, GENERATION, generation + 1);
    w.wake(o, &[WAIT], u64::MAX);
    Outcome::Done(Value::Int(index as i64))
}

fn go_on<W: World>(w: &mut W, o: u32, memo: u64) -> Outcome {
    let (mine, index) = (memo >> 32, memo & 0xffff_ffff);
    let generation = w.word(o, GENERATION);
    if w.word(o, RESET_AT) == mine + 1 || (generation == mine && w.word(o, BROKEN) != 0) {
        return broken();
    }
    if generation == mine {
        return Outcome::Wait(memo);
    }
    w.acquire(o, (mine % 2) as u8);
    Outcome::Done(Value::Int(index as i64))
}

/// Who gives up breaks it for all, as in Python.
pub fn give_up<W: World>(w: &mut W, o: u32, _method: u8, _memo: u64) -> Outcome {
    w.set(o, BROKEN, 1);
    w.wake(o, &[WAIT], u64::MAX);
    broken()
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, memo: u64, _task: TaskId) -> Need {
    let mine = memo >> 32;
    if w.word(o, GENERATION) != mine || w.word(o, BROKEN) != 0 {
        return Need::Ready;
    }
    let missing = w.word(o, PARTIES).saturating_sub(w.word(o, ARRIVED));
    Need::Any(vec![
        Need::Arrivals { object: o, method: WAIT, missing },
        Need::Deed { object: o, methods: &[ABORT, RESET] },
    ])
}
