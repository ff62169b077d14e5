//! `queue q(3)`: first in, first out, for at most that many values; unbounded
//! without a number; `queue q(0)` hands over from a `put` to a `get`.
//!
//! Words: the capacity plus one (0: unbounded), whether it is closed; one is left to
//! the world (`PUTS`). A `put` comes before the `get` of its value, a `get` before the
//! `put` into the place it freed; clock 0: the `close`, before what sees it; clock 1
//! is left to the world (`FREED`).

use super::*;

pub const PUT: u8 = 0;
pub const GET: u8 = 1;
const PUT_NOWAIT: u8 = 2;
const GET_NOWAIT: u8 = 3;
const QSIZE: u8 = 4;
const EMPTY: u8 = 5;
const FULL: u8 = 6;
const CLOSE: u8 = 7;

const CAPACITY: usize = 0;
const CLOSED: usize = 1;

/// For a world that does not keep each place of a queue of many: how many values were
/// put into it, and the clock of all that were taken.
pub const PUTS: usize = 2;
pub const FREED: u8 = 1;

/// The bit of `via manager`.
pub const VIA_MANAGER: u32 = 1;

const VALUE: Param = Param { name: "v", default: None, object: None };

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = true;

pub const SPEC: KindSpec = KindSpec {
    word: "queue",
    params: &[Param { name: "maxsize", default: Some(Default::None), object: None }],
    options: &["via manager"],
    methods: &[
        crate::program::kind::Method {
            waits: true,
            timeout: Some(2),
            blocking: Some(1),
            ..method("put", &[VALUE, BLOCKING, TIMEOUT])
        },
        acquiring("get"),
        method("put_nowait", &[VALUE]),
        method("get_nowait", &[]),
        question("qsize"),
        question("empty"),
        question("full"),
        method("close", &[]),
    ],
    with: &[],
    iterate: Some(GET),
    arm: |options| options & VIA_MANAGER == 0,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    let capacity = match args.first() {
        None | Some(Value::None) => 0,
        some => count_of(some, 0, "a queue's size")? + 1,
    };
    Ok([capacity, 0, 0, 0, 0, 0])
}

/// See `objects::end_of`.
#[inline(always)]
pub fn end_of(method: u8) -> Option<(End, u8)> {
    match method {
        PUT | PUT_NOWAIT => Some((End::Put, GET)),
        GET | GET_NOWAIT => Some((End::Take, PUT)),
        _ => None,
    }
}

/// How many places there are beside one.
#[inline]
pub fn further_places(first_word: u64) -> u64 {
    first_word.saturating_sub(2)
}

/// How it stands, apart from what is in it.
pub fn standing(words: &[u64; WORDS], values: u64) -> String {
    let of = match words[CAPACITY] {
        0 => String::new(),
        more => format!(" of {}", more - 1),
    };
    let closed = if words[CLOSED] != 0 { ", closed" } else { "" };
    format!("{values}{of}{closed}")
}

#[inline(always)]
pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], _again: Option<u64>) -> Outcome {
    let capacity = w.word(o, CAPACITY).checked_sub(1);
    let no = Some(&Value::Bool(false));
    match method {
        PUT => put(w, o, capacity, args, args.get(1) == no),
        PUT_NOWAIT => put(w, o, capacity, args, true),
        GET => get(w, o, capacity, args.first() == no),
        GET_NOWAIT => get(w, o, capacity, true),
        QSIZE => Outcome::Done(Value::Int(w.len(o) as i64)),
        EMPTY => Outcome::Done(Value::Bool(w.len(o) == 0)),
        FULL => Outcome::Done(Value::Bool(capacity.is_some_and(|c| w.len(o) >= c))),
        _ => close(w, o),
    }
}

#[inline(always)]
fn closed<W: World>(w: &W, o: u32) -> bool {
    w.word(o, CLOSED) != 0
}

#[inline(always)]
fn put<W: World>(w: &mut W, o: u32, capacity: Option<u64>, args: &[Value], at_once: bool) -> Outcome {
    let value = args.first().cloned().unwrap_or(Value::None);
    if matches!(value, Value::None) {
        let text = "`none` cannot be put: it is what a `get` from a closed queue gives";
        return Outcome::Raise(ErrorKind::Type, text.to_string());
    }
    if closed(w, o) {
        return Outcome::Raise(ErrorKind::Closed, "`put` on a closed queue".to_string());
    }
    let goes = match capacity {
        None => true,
        Some(0) => {
            if w.meet(o, GET, value.clone()).is_some() {
                return Outcome::Done(Value::None);
            }
            false
        }
        Some(c) => w.has_room(o, c),
    };
    if goes {
        w.push(o, value, capacity);
        w.wake(o, &[GET], 1);
        return Outcome::Done(Value::None);
    }
    if at_once { full() } else { Outcome::Wait(0) }
}

#[inline(always)]
fn get<W: World>(w: &mut W, o: u32, capacity: Option<u64>, at_once: bool) -> Outcome {
    let value = match capacity {
        // A put that waits there finds it closed.
        Some(0) if closed(w, o) => None,
        Some(0) => w.meet(o, PUT, Value::None),
        _ => w.pop(o, capacity),
    };
    if let Some(value) = value {
        if capacity.is_some() {
            w.wake(o, &[PUT], 1);
        }
        return Outcome::Done(value);
    }
    if closed(w, o) {
        w.acquire(o, 0);
        return Outcome::Done(Value::None);
    }
    if at_once { empty() } else { Outcome::Wait(0) }
}

#[inline(always)]
fn close<W: World>(w: &mut W, o: u32) -> Outcome {
    if closed(w, o) {
        return Outcome::Raise(ErrorKind::Closed, "the queue is closed already".to_string());
    }
    w.release(o, 0, Edge::Join);
    w.set(o, CLOSED, 1);
    w.wake(o, &[PUT, GET], u64::MAX);
    Outcome::Done(Value::None)
}

#[inline(always)]
fn full() -> Outcome {
    Outcome::Raise(ErrorKind::Full, "the queue is full".to_string())
}

#[inline(always)]
fn empty() -> Outcome {
    Outcome::Raise(ErrorKind::Empty, "the queue is empty".to_string())
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, method: u8, _memo: u64) -> Outcome {
    if method == PUT { full() } else { empty() }
}

pub fn need<W: World>(w: &W, o: u32, method: u8, _memo: u64, task: TaskId) -> Need {
    let capacity = w.word(o, CAPACITY).checked_sub(1);
    // A `select` does not meet itself.
    let met_by = |method: u8| w.waiting(o, &[method]).iter().any(|other| *other != task);
    let ready = closed(w, o)
        || match (method, capacity) {
            (PUT, Some(0)) => met_by(GET),
            (_, Some(0)) => met_by(PUT),
            (PUT, capacity) => capacity.is_none_or(|c| w.len(o) < c),
            _ => w.len(o) > 0,
        };
    if ready {
        return Need::Ready;
    }
    let methods: &'static [u8] = if method == PUT { &[GET, GET_NOWAIT, CLOSE] } else { &[PUT, PUT_NOWAIT, CLOSE] };
    Need::Deed { object: o, methods }
}
