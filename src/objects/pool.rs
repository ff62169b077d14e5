//! `pool p(3)`: workers that wait for jobs; threads, or `of processes`.
//!
//! Words: how many workers, whether it is closed, where it was terminated (the
//! place in the code plus one; 0: it was not), how many workers have not left;
//! how many jobs were submitted, where a backend counts them here. Its values are
//! the jobs not yet begun, each a list: the job's handle, the task to call, the
//! arguments. Clock 0: every worker's leaving.

use super::*;

const CLOSE: u8 = 0;
const TERMINATE: u8 = 1;
/// `p.terminate()`, which also ends what its workers are doing.
pub const TERMINATE_METHOD: u8 = TERMINATE;
/// `submit job(1) to p`.
pub const SUBMIT: u8 = 2;
/// A worker takes the next job; `none` when there will be no more.
pub const TAKE: u8 = 3;
/// A worker leaves.
pub const LEAVE: u8 = 4;
/// `join p`.
pub const JOIN: u8 = 5;

pub const WORKERS: usize = 0;
pub const CLOSED: usize = 1;
pub const TERMINATED: usize = 2;
const PRESENT: usize = 3;
/// For the names of jobs.
pub const SUBMITTED: usize = 5;

/// The bit of `of processes`.
pub const OF_PROCESSES: u32 = 1;
/// More workers than this are refused.
const WORKERS_MAX: u64 = 1000;

/// The handle of a job that has not begun, one of the pool's values.
pub fn handle(job: &Value) -> Option<TaskId> {
    let Value::List(job) = job else { return None };
    if let Some(Value::Object(handle)) = job.first() { Some(handle.id) } else { None }
}

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "pool",
    params: &[Param { name: "workers", default: None, object: None }],
    options: &["of processes"],
    methods: &[
        method("close", &[]),
        method("terminate", &[]),
        method("-submit", &[Param { name: "job", default: None, object: None }]),
        crate::program::kind::Method { waits: true, ..method("-take", &[]) },
        method("-leave", &[]),
        waiting("-join"),
    ],
    with: &[],
    iterate: None,
    arm: |_| true,
    init,
    internal: false,
};

pub fn init(args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    let workers = count_of(args.first(), 1, "a pool's number of workers")?;
    if workers > WORKERS_MAX {
        return Err((ErrorKind::Type, format!("a pool has at most {WORKERS_MAX} workers")));
    }
    Ok([workers, 0, 0, workers, 0, 0])
}

/// How it stands.
pub fn standing(words: &[u64; WORDS], values: u64) -> String {
    let over = if words[TERMINATED] != 0 {
        ", terminated"
    } else if words[CLOSED] != 0 {
        ", closed"
    } else {
        ""
    };
    let count = |n: u64, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!("{}, {} not begun{over}", count(words[WORKERS], "worker"), count(values, "job"))
}

pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], _again: Option<u64>) -> Outcome {
    let over = w.word(o, CLOSED) != 0 || w.word(o, TERMINATED) != 0;
    match method {
        CLOSE => {
            w.set(o, CLOSED, 1);
            w.wake(o, &[TAKE], u64::MAX);
            Outcome::Done(Value::None)
        }
        TERMINATE => {
            if w.word(o, TERMINATED) == 0 {
                let at = u64::from(w.site()) + 1;
                w.set(o, TERMINATED, at);
            }
            w.wake(o, &[TAKE], u64::MAX);
            w.terminate_workers(o);
            Outcome::Done(Value::None)
        }
        SUBMIT if over => Outcome::Raise(ErrorKind::Closed, "`submit` to a closed pool".to_string()),
        SUBMIT => {
            w.push(o, args.first().cloned().unwrap_or(Value::None), None);
            w.wake(o, &[TAKE], 1);
            Outcome::Done(Value::None)
        }
        TAKE => take(w, o),
        LEAVE => {
            let present = w.word(o, PRESENT).saturating_sub(1);
            w.set(o, PRESENT, present);
            w.release(o, 0, Edge::Join);
            if present == 0 {
                w.wake(o, &[JOIN], u64::MAX);
            }
            Outcome::Done(Value::None)
        }
        _ if w.word(o, PRESENT) == 0 => {
            w.acquire(o, 0);
            Outcome::Done(Value::Bool(true))
        }
        _ => Outcome::Wait(0),
    }
}

fn take<W: World>(w: &mut W, o: u32) -> Outcome {
    if w.word(o, TERMINATED) != 0 {
        return Outcome::Done(Value::None);
    }
    match w.pop(o, None) {
        Some(job) => Outcome::Done(job),
        None if w.word(o, CLOSED) != 0 => Outcome::Done(Value::None),
        None => Outcome::Wait(0),
    }
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

pub fn need<W: World>(w: &W, o: u32, method: u8, _memo: u64, _task: TaskId) -> Need {
    let over = w.word(o, CLOSED) != 0 || w.word(o, TERMINATED) != 0;
    match method {
        TAKE if over || w.len(o) > 0 => Need::Ready,
        TAKE => Need::Deed { object: o, methods: &[SUBMIT, CLOSE, TERMINATE] },
        _ if w.word(o, PRESENT) == 0 => Need::Ready,
        _ if over => Need::Tasks(w.workers(o)),
        _ => Need::Deed { object: o, methods: &[CLOSE, TERMINATE] },
    }
}
