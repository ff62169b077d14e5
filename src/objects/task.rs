//! A task's handle, and a job's: what `spawn` and `submit` give. It is made by
//! the language, never declared.
//!
//! Words: the state, the exit code, whether somebody joined it; of a job its
//! pool and the worker that has it now, each plus one. Its one value is the
//! result. Clock 0: all that the task did.

use super::*;
use crate::program::value::ObjRef;

pub const JOIN: u8 = 0;
/// The task ended: state and exit code as integers, and the result.
pub const FINISH: u8 = 1;
/// A worker has taken the job.
pub const BEGIN: u8 = 2;
/// A thread of the process whose first task this is has ended: what it did comes before
/// the end of that.
pub const PASS: u8 = 3;

/// The arguments of a `JOIN` that does not ask for the result: a process waits so at its end
/// for what it has spawned.
pub fn quietly() -> [Value; 2] {
    [Value::None, Value::Bool(true)]
}

pub const STATE: usize = 0;
pub const EXIT_CODE: usize = 1;
pub const JOINED: usize = 2;
pub const POOL: usize = 3;
pub const WORKER: usize = 4;

/// The states; a task that has not ended is `RUNNING`.
pub const RUNNING: u64 = 0;
pub const RETURNED: u64 = 1;
pub const FAILED: u64 = 2;
/// Ended from outside, or by `exit`.
pub const ENDED: u64 = 3;
/// A job that was never begun and never will be.
pub const DROPPED: u64 = 4;

/// The words that name a task, by its number plus one.
pub const TASK_WORDS: &[usize] = &[WORKER];

pub const ALONE: bool = false;

pub const SPEC: KindSpec = KindSpec {
    word: "task",
    params: &[],
    options: &[],
    methods: &[
        waiting("-join"),
        method("-finish", &[]),
        method("-begin", &[]),
        method("-pass", &[]),
    ],
    with: &[],
    iterate: None,
    arm: |_| true,
    init,
    internal: true,
};

pub fn init(_args: &[Value], _options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
    Ok([0; WORDS])
}

/// Its state is told of the task, not of the handle.
pub fn standing(_words: &[u64; WORDS], _values: u64) -> String {
    String::new()
}

pub fn attempt<W: World>(w: &mut W, o: u32, method: u8, args: &[Value], _again: Option<u64>) -> Outcome {
    match method {
        FINISH => {
            let number = |i: usize| if let Some(Value::Int(n)) = args.get(i) { *n as u64 } else { 0 };
            w.release(o, 0, Edge::Join);
            w.set(o, EXIT_CODE, number(1));
            if let Some(result) = args.get(2).filter(|v| **v != Value::None) {
                w.keep_value(o, result.clone());
            }
            w.set(o, STATE, number(0));
            // Who did the job is no matter any more: states that differ in that
            // are one.
            if w.word(o, WORKER) != 0 {
                w.set(o, WORKER, 0);
            }
            w.wake(o, &[JOIN], u64::MAX);
            Outcome::Done(Value::None)
        }
        BEGIN => {
            let me = u64::from(w.me()) + 1;
            w.set(o, WORKER, me);
            Outcome::Done(Value::None)
        }
        PASS => {
            w.release(o, 0, Edge::Join);
            Outcome::Done(Value::None)
        }
        _ if w.word(o, STATE) != RUNNING => {
            w.acquire(o, 0);
            // Who joins it after that changes nothing, and has to do with no other who does.
            if args.get(1) != Some(&Value::Bool(true)) && w.word(o, JOINED) == 0 {
                w.set(o, JOINED, 1);
            }
            Outcome::Done(Value::Bool(true))
        }
        _ => Outcome::Wait(0),
    }
}

/// Whether the handle is a job's. It has no process of its own, whoever its worker is: to that
/// belongs what `self` says in it. `word` gives one of the handle's words.
pub fn is_job(word: impl Fn(usize) -> u64) -> bool {
    word(POOL) != 0
}

/// Of `terminate`: whether there is something to end, which goes on by now. `word` gives one
/// of the handle's words.
///
/// # Errors
/// If that is nothing that can be terminated.
pub fn terminated(target: ObjRef, word: impl Fn(usize) -> u64) -> Result<bool, Error> {
    if target.kind != place::task {
        return Err(Error::new(ErrorKind::Type, "only a task can be terminated"));
    }
    if word(STATE) != RUNNING {
        return Ok(false);
    }
    if is_job(word) {
        return Err(Error::new(ErrorKind::Type, "a job cannot be terminated; its pool can: `p.terminate()`"));
    }
    Ok(true)
}

/// The same of `kill`. `process`: it is a process, of which a handle tells by itself.
///
/// # Errors
/// If that is nothing that can be killed.
pub fn killed(target: ObjRef, process: bool, word: impl Fn(usize) -> u64) -> Result<bool, Error> {
    if process {
        return Ok(word(STATE) == RUNNING);
    }
    let text = match target.kind == place::task && is_job(word) {
        true => "a job cannot be killed; its pool can end: `p.terminate()`",
        false => "only a process can be killed; a thread is stopped with `terminate`",
    };
    Err(Error::new(ErrorKind::Type, text))
}

pub fn give_up<W: World>(_w: &mut W, _o: u32, _method: u8, _memo: u64) -> Outcome {
    Outcome::Done(Value::Bool(false))
}

pub fn need<W: World>(w: &W, o: u32, _method: u8, _memo: u64, _task: TaskId) -> Need {
    if w.word(o, STATE) != RUNNING {
        return Need::Ready;
    }
    match (w.word(o, POOL), w.word(o, WORKER)) {
        (0, _) => Need::End(o),
        (pool, 0) => Need::Deed { object: (pool - 1) as u32, methods: &[pool::TAKE] },
        (_, worker) => Need::Tasks(vec![(worker - 1) as TaskId]),
    }
}
