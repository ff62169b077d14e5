//! `rwlock rw`: many readers or one writer. A writer that waits keeps new
//! readers out, one that reads already too.
//!
//! Words: the writer's number plus one (0: none), how many read. Clock 0: the
//! last release by a writer; clock 1: all releases by readers, which a writer
//! comes after and a reader does not.

use super::*;
use crate::program::kind::With;

pub const ACQUIRE_READ: u8 = 0;
pub const ACQUIRE_WRITE: u8 = 1;
pub const RELEASE_READ: u8 = 2;
pub const RELEASE_WRITE: u8 = 3;

const WRITER: usize = 0;
const READERS: usize = 1;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[WRITER];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "rwlock",
    params: &[],
    options: &[],
    methods: &[
        acquiring("acquire_read"),
        acquiring("acquire_write"),
        method("release_read", &[]),
        method("release_write", &[]),
    ],
    with: &[
        With { word: "read", acquire: ACQUIRE_READ, release: RELEASE_READ },
        With { word: "write", acquire: ACQUIRE_WRITE, release: RELEASE_WRITE },
    ],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

pub fn init(_args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([0; WORDS])
}

/// How it stands, apart from who holds it.
pub fn standing(words: &[u64; WORDS], _values: u64) -> String {
    if words[WRITER] == 0 && words[READERS] == 0 { "free".to_string() } else { String::new() }
}

pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], again: Option<u64>) -> Outcome {
    let at_once = args.first() == Some(&Value::Bool(false));
    match method {
        ACQUIRE_READ => acquire_read(w, o, at_once, again.is_some()),
        ACQUIRE_WRITE => acquire_write(w, o, at_once),
        RELEASE_READ => release_read(w, o),
        _ => release_write(w, o),
    }
}

/// A reader that arrives stays out while a writer waits. One that waited
/// already may also go when the lock has become free altogether: which waiter
/// goes first is open.
fn acquire_read<W: World>(w: &mut W, o: u32, at_once: bool, waited: bool) -> Outcome {
    let readers = w.word(o, READERS);
    let writer_waits = !w.waiting(o, &[ACQUIRE_WRITE]).is_empty();
    let behind = writer_waits && !(waited && readers == 0);
    if w.word(o, WRITER) != 0 || behind {
        return if at_once { Outcome::Done(Value::Bool(false)) } else { Outcome::Wait(0) };
    }
    w.set(o, READERS, readers + 1);
    w.acquire(o, 0);
    w.hold(o, Mode::Reading);
    if !writer_waits {
        w.wake(o, &[ACQUIRE_READ], 1);
    }
    Outcome::Done(Value::Bool(true))
}

fn acquire_write<W: World>(w: &mut W, o: u32, at_once: bool) -> Outcome {
    if w.word(o, WRITER) != 0 || w.word(o, READERS) != 0 {
        return if at_once { Outcome::Done(Value::Bool(false)) } else { Outcome::Wait(0) };
    }
    let me = u64::from(w.me()) + 1;
    w.set(o, WRITER, me);
    w.acquire(o, 0);
    w.acquire(o, 1);
    w.hold(o, Mode::Writing);
    Outcome::Done(Value::Bool(true))
}

fn release_read<W: World>(w: &mut W, o: u32) -> Outcome {
    if !w.holds(o, Mode::Reading) {
        return not_owner("release_read", "reading");
    }
    let readers = w.word(o, READERS);
    w.set(o, READERS, readers.saturating_sub(1));
    w.release(o, 1, Edge::Join);
    w.unhold(o, Mode::Reading);
    if readers <= 1 {
        w.wake(o, &[ACQUIRE_READ, ACQUIRE_WRITE], 1);
    }
    Outcome::Done(Value::None)
}

fn release_write<W: World>(w: &mut W, o: u32) -> Outcome {
    if w.word(o, WRITER) != u64::from(w.me()) + 1 {
        return not_owner("release_write", "writing");
    }
    w.set(o, WRITER, 0);
    w.release(o, 0, Edge::Set);
    w.unhold(o, Mode::Writing);
    w.wake(o, &[ACQUIRE_READ, ACQUIRE_WRITE], 1);
    Outcome::Done(Value::None)
}

fn not_owner(deed: &str, mode: &str) -> Outcome {
    Outcome::Raise(ErrorKind::NotOwner, format!("`{deed}` by a task that does not hold it for {mode}"))
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

/// Readers stay out while a writer waits.
pub fn kept_out_by(method: u8) -> &'static [u8] {
    if method == ACQUIRE_WRITE { &[ACQUIRE_READ] } else { &[] }
}

pub fn need<W: World>(w: &W, o: u32, method: u8, _memo: u64, task: TaskId) -> Need {
    let (writer, readers) = (w.word(o, WRITER), w.word(o, READERS));
    if writer != 0 {
        return Need::Tasks(vec![(writer - 1) as TaskId]);
    }
    if readers == 0 {
        return Need::Ready;
    }
    if method == ACQUIRE_WRITE {
        let holders = w.holders(o);
        // A reader that ended long ago may have left no trace but its count.
        return if holders.is_empty() { Need::Any(Vec::new()) } else { Need::Tasks(holders) };
    }
    let writers: Vec<TaskId> = w.waiting(o, &[ACQUIRE_WRITE]).into_iter().filter(|t| *t != task).collect();
    if writers.is_empty() { Need::Ready } else { Need::Tasks(writers) }
}
