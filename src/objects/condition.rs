//! `condition c(m)`: a condition variable bound to lock `m`. Who waits lets go
//! of `m` and takes it again before the wait ends.
//!
//! Words: the lock's number; then of the last `notify` that would have woken more than
//! there were: the task's number plus one, and its place in the source. A wait is two waits:
//! here until it is notified, then on the lock. The notifier comes before the
//! waiters it wakes.

use super::*;

const WAIT: u8 = 0;
pub const NOTIFY: u8 = 1;
pub const NOTIFY_ALL: u8 = 2;

pub const LOCK: usize = 0;
/// See the head of the file.
pub const MISSED_BY: usize = 1;
pub const MISSED_AT: usize = 2;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[MISSED_BY];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "condition",
    params: &[Param { name: "lock", default: None, object: Some("lock") }],
    options: &[],
    methods: &[waiting("wait"), method("notify", &[N]), method("notify_all", &[])],
    with: &[],
    iterate: None,
    arm: |_| false,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    match args.first() {
        Some(Value::Object(lock)) if KINDS[lock.kind as usize].word == lock::SPEC.word => {
            Ok([u64::from(lock.id), 0, 0, 0, 0, 0])
        }
        Some(v) => Err((ErrorKind::Type, format!("a condition is bound to a lock, and this is {}", v.type_word()))),
        None => Err((ErrorKind::Type, "a condition is bound to a lock".to_string())),
    }
}

/// How it stands, apart from who waits.
pub fn standing(_words: &[u64; WORDS], _values: u64) -> String {
    String::new()
}

pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], again: Option<u64>) -> Outcome {
    if let Some(depth) = again {
        return Outcome::Wait(depth);
    }
    let lock = w.word(o, LOCK) as u32;
    let deed = SPEC.methods[method as usize].name;
    if let Err((kind, text)) = lock::owned(w, lock, deed) {
        return Outcome::Raise(kind, text);
    }
    let count = match method {
        WAIT if !w.may_wait() => return Outcome::Wait(0),
        WAIT => return Outcome::Wait(lock::let_go(w, lock)),
        NOTIFY => match count_of(args.first(), 0, "`n`") {
            Ok(n) => n,
            Err((kind, text)) => return Outcome::Raise(kind, text),
        },
        _ => u64::MAX,
    };
    // Fewer than it would have woken: it came too early for whoever waits from now on.
    if w.transfer(o, WAIT, count, lock, lock::REACQUIRE) < count {
        let (me, site) = (w.teller(), u64::from(w.site()));
        w.set(o, MISSED_BY, me);
        w.set(o, MISSED_AT, site);
    }
    Outcome::Done(Value::None)
}

/// A wait whose time is over still takes the lock again.
pub fn give_up<W: World>(w: &mut W, o: u32, _method: u8, memo: u64) -> Outcome {
    Outcome::Instead { object: w.word(o, LOCK) as u32, method: lock::REACQUIRE_LATE, memo }
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, _memo: u64, task: TaskId) -> Need {
    let notified = Need::Deed { object: o, methods: &[NOTIFY, NOTIFY_ALL] };
    match lock::need(w, w.word(o, LOCK) as u32, lock::REACQUIRE, 0, task) {
        Need::Ready => notified,
        owner => Need::All(vec![notified, owner]),
    }
}
