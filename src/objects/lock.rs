//! `lock m`: a mutex. Who took it releases it; `reentrant` ones may be taken
//! again by their owner.
//!
//! Words: the owner's number plus one (0: free), how often it took it (of a
//! free one: 1, as its next owner will have it), whether it is reentrant.
//! Clock 0: the last release.

use super::*;
use crate::program::kind::With;

pub const ACQUIRE: u8 = 0;
pub const RELEASE: u8 = 1;
/// How a wait on a condition ends: the lock is taken again, and the wait
/// gives true, or false if its time was over.
pub const REACQUIRE: u8 = 3;
pub const REACQUIRE_LATE: u8 = 4;

/// The methods that see whether somebody holds it, as bits: with none of them
/// in use a `RELEASE` may as well come earlier.
pub const OBSERVERS: u32 = 1 << 2;

const OWNER: usize = 0;
const DEPTH: usize = 1;
const REENTRANT: usize = 2;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[OWNER];

pub const ALONE: bool = true;

pub const SPEC: KindSpec = KindSpec {
    word: "lock",
    params: &[],
    options: &["reentrant"],
    methods: &[
        acquiring("acquire"),
        method("release", &[]),
        question("locked"),
        method("-wait", &[]),
        method("-wait late", &[]),
    ],
    with: &[With { word: "", acquire: ACQUIRE, release: RELEASE }],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

const TAKERS: [u8; 3] = [ACQUIRE, REACQUIRE, REACQUIRE_LATE];

pub fn init(_args: &[Value], options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([0, 1, u64::from(options & 1), 0, 0, 0])
}

/// How it stands, apart from who holds it.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    if words[OWNER] == 0 { "free".to_string() } else { String::new() }
}

#[inline(always)]
pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], again: Option<u64>) -> Outcome {
    match method {
        ACQUIRE => acquire(w, o, args.first() == Some(&Value::Bool(false))),
        RELEASE => release(w, o),
        REACQUIRE | REACQUIRE_LATE => reacquire(w, o, again.unwrap_or(1), method == REACQUIRE),
        _ => Outcome::Done(Value::Bool(w.word(o, OWNER) != 0)),
    }
}

#[inline(always)]
fn acquire<W: World>(w: &mut W, o: u32, at_once: bool) -> Outcome {
    let me = u64::from(w.me()) + 1;
    let owner = w.word(o, OWNER);
    if owner == 0 {
        take(w, o, 1);
        return Outcome::Done(Value::Bool(true));
    }
    if owner == me && w.word(o, REENTRANT) != 0 {
        let depth = w.word(o, DEPTH);
        w.set(o, DEPTH, depth + 1);
        return Outcome::Done(Value::Bool(true));
    }
    if at_once { Outcome::Done(Value::Bool(false)) } else { Outcome::Wait(0) }
}

#[inline(always)]
fn take<W: World>(w: &mut W, o: u32, depth: u64) {
    let me = u64::from(w.me()) + 1;
    w.set(o, OWNER, me);
    set_depth(w, o, depth);
    w.acquire(o, 0);
    w.hold(o, Mode::Exclusive);
}

#[inline(always)]
fn set_depth<W: World>(w: &mut W, o: u32, depth: u64) {
    if w.word(o, DEPTH) != depth {
        w.set(o, DEPTH, depth);
    }
}

#[inline(always)]
fn reacquire<W: World>(w: &mut W, o: u32, depth: u64, in_time: bool) -> Outcome {
    if w.word(o, OWNER) != 0 {
        return Outcome::Wait(depth);
    }
    take(w, o, depth);
    Outcome::Done(Value::Bool(in_time))
}

#[inline(always)]
fn release<W: World>(w: &mut W, o: u32) -> Outcome {
    if let Err((kind, text)) = owned(w, o, "release") {
        return Outcome::Raise(kind, text);
    }
    let depth = w.word(o, DEPTH);
    if depth > 1 {
        w.set(o, DEPTH, depth - 1);
    } else {
        let_go_from(w, o, depth);
    }
    Outcome::Done(Value::None)
}

/// Lets go of it altogether. How often it was taken.
pub fn let_go<W: World>(w: &mut W, o: u32) -> u64 {
    let depth = w.word(o, DEPTH);
    let_go_from(w, o, depth);
    depth
}

#[inline(always)]
fn let_go_from<W: World>(w: &mut W, o: u32, depth: u64) {
    w.release(o, 0, Edge::Set);
    if depth != 1 {
        w.set(o, DEPTH, 1);
    }
    w.set(o, OWNER, 0);
    w.unhold(o, Mode::Exclusive);
    w.wake(o, &TAKERS, 1);
}

/// Whether the running task owns it, with the error if not.
#[inline(always)]
pub fn owned<W: World>(w: &W, o: u32, deed: &str) -> Result<(), (ErrorKind, String)> {
    let owner = w.word(o, OWNER);
    if owner == u64::from(w.me()) + 1 {
        return Ok(());
    }
    let state = if owner == 0 { "nobody holds it" } else { "another task holds it" };
    Err((ErrorKind::NotOwner, format!("`{deed}` needs the lock, and {state}")))
}

/// A `notify` may come just before the time of the condition's wait is over:
/// that wait has ended, and what is left of it, the lock, has no limit.
pub fn give_up<W: World>(_w: &mut W, o: u32, method: u8, memo: u64) -> Outcome {
    match method {
        REACQUIRE | REACQUIRE_LATE => Outcome::Instead { object: o, method, memo },
        _ => Outcome::Done(Value::Bool(false)),
    }
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, _memo: u64, _task: TaskId) -> Need {
    match w.word(o, OWNER) {
        0 => Need::Ready,
        owner => Need::Tasks(vec![(owner - 1) as TaskId]),
    }
}
