//! The kinds of object, each with one meaning: a row of words, and
//! transitions on them that every backend drives. A kind's file owns its
//! parameters, methods, words, transitions, the happens-before edges they make
//! and what a task that waits there is waiting for. Where the words live, who
//! else may touch them meanwhile and how a task sleeps belongs to the backend,
//! behind [`World`].
//!
//! A new kind is a file and a line in `kind_list!`.

use crate::lang::word::a;
use crate::program::kind::{Default, KindSpec, Param, Refuses};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};

pub use crate::program::kind::WORDS;

/// A task by its number in the run, which is that of its handle.
pub type TaskId = u32;

/// What one attempt at an operation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Done(Value),
    /// It cannot go ahead now. The number is handed back at the next attempt.
    Wait(u64),
    Raise(ErrorKind, String),
    /// Go on waiting, for another operation on another object.
    Instead {
        object: u32,
        method: u8,
        memo: u64,
    },
}

/// Whether a release replaces a clock or is joined to what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Set,
    Join,
}

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A mutex.
    Exclusive,
    Reading,
    Writing,
}

/// What a transition sees and changes. A backend calls a transition while
/// nobody else can see the object's words half changed.
pub trait World {
    fn word(&self, object: u32, index: usize) -> u64;
    fn set(&mut self, object: u32, index: usize, value: u64);
    /// The running task.
    fn me(&self) -> TaskId;
    /// The same as a word that tells of it when it has ended: never 0.
    fn teller(&self) -> u64 {
        u64::from(self.me()) + 1
    }
    /// The place in the source, for what a later report needs to know.
    fn site(&self) -> u32;
    /// Whether the running task may wait here. Where it may not, an operation that would wait is
    /// an error, and must not have done anything.
    fn may_wait(&self) -> bool {
        true
    }

    /// The object's values in their order. With a `bound` there are so many places
    /// for them; the place that the value takes was freed by an earlier `pop` of it,
    /// which comes before.
    fn push(&mut self, object: u32, value: Value, bound: Option<u64>);
    fn pop(&mut self, object: u32, bound: Option<u64>) -> Option<Value>;
    /// The one value of an object from which nobody takes any: they look at it.
    fn keep_value(&mut self, object: u32, value: Value) {
        self.push(object, value, None);
    }
    fn len(&self, object: u32) -> u64;
    /// Whether there are fewer than that many values.
    fn has_room(&self, object: u32, capacity: u64) -> bool {
        self.len(object) < capacity
    }

    /// What the running task did so far comes before what follows an
    /// `acquire` of the same clock.
    fn release(&mut self, object: u32, clock: u8, edge: Edge);
    fn acquire(&mut self, object: u32, clock: u8);

    /// The running task now holds the lock, or lets go of it once.
    fn hold(&mut self, object: u32, mode: Mode);
    fn unhold(&mut self, object: u32, mode: Mode);
    fn holds(&self, object: u32, mode: Mode) -> bool;
    /// All tasks that hold it.
    fn holders(&self, object: u32) -> Vec<TaskId>;

    /// The tasks, but this one, that wait on it with one of these methods, in
    /// order of arrival.
    fn waiting(&self, object: u32, methods: &[u8]) -> Vec<TaskId>;
    /// Let the first `count` that wait with one of these methods try again.
    fn wake(&mut self, object: u32, methods: &[u8], count: u64);
    /// Take the first task that waits with this method: its value goes to
    /// the caller, `give` to it, and both are ordered both ways.
    fn meet(&mut self, object: u32, method: u8, give: Value) -> Option<Value>;
    /// The first `count` that wait with `method` go on waiting on `to` with
    /// `then`; the caller comes before their going on. How many there were.
    fn transfer(&mut self, object: u32, method: u8, count: u64, to: u32, then: u8) -> u64;

    /// The tasks that work for a pool.
    fn workers(&self, pool: u32) -> Vec<TaskId>;
    /// End them, as `terminate` does.
    fn terminate_workers(&mut self, pool: u32);
}

/// An end of an object's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Put,
    Take,
}

/// What would let a waiting task go ahead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// It can go ahead now.
    Ready,
    /// Every one of these must get on with it.
    Tasks(Vec<TaskId>),
    /// The end of this one.
    End(TaskId),
    /// Some task does one of these.
    Deed {
        object: u32,
        methods: &'static [u8],
    },
    /// That many tasks do it.
    Arrivals {
        object: u32,
        method: u8,
        missing: u64,
    },
    /// A change of what the condition of an `await` looks at:
    /// `Program::awaits`.
    Change {
        site: u32,
    },
    All(Vec<Need>),
    Any(Vec<Need>),
}

impl Need {
    /// The same with each task that must get on with it told as `told` has it.
    pub fn with_tasks(self, told: &dyn Fn(TaskId) -> TaskId) -> Need {
        let all = |needs: Vec<Need>| needs.into_iter().map(|n| n.with_tasks(told)).collect();
        match self {
            Need::Tasks(tasks) => Need::Tasks(tasks.into_iter().map(told).collect()),
            Need::All(needs) => Need::All(all(needs)),
            Need::Any(needs) => Need::Any(all(needs)),
            other => other,
        }
    }
}

macro_rules! kind_list {
    ($($name:ident = $place:literal),* $(,)?) => {
        $(pub mod $name;)*

        /// Every kind; an object's `kind` is a place in it.
        pub static KINDS: &[KindSpec] = &[$($name::SPEC),*];

        /// The places of the kinds in [`KINDS`].
        #[allow(non_upper_case_globals)]
        pub mod place {
            $(pub const $name: u8 = $place;)*
        }

        /// The first words of an object made with these arguments.
        pub fn init(kind: u8, args: &[Value], options: u32) -> Result<[u64; WORDS], (ErrorKind, String)> {
            match KINDS.get(kind as usize) {
                Some(spec) => (spec.init)(args, options),
                None => Err((ErrorKind::Type, "no such kind".to_string())),
            }
        }

        /// The words of an object of this kind that name a task, by its number
        /// plus one.
        pub fn task_words(kind: u8) -> &'static [usize] {
            match kind {
                $($place => $name::TASK_WORDS,)*
                _ => &[],
            }
        }

        /// How an object stands, in a few words, by its words and how many
        /// values are in it. Who holds it and who waits is told elsewhere.
        pub fn standing(kind: u8, words: &[u64; WORDS], values: u64) -> String {
            match kind {
                $($place => $name::standing(words, values),)*
                _ => String::new(),
            }
        }

        /// Whether its operations touch no other object, and are so common that a
        /// backend should have a short way for them.
        #[inline]
        pub fn alone(kind: u8) -> bool {
            match kind {
                $($place => $name::ALONE,)*
                _ => false,
            }
        }

        /// The first attempt at an operation of such a kind, put together where it
        /// is called, for each kind with what becomes of the outcome. (So all that such
        /// a kind does is `inline(always)`: a function that is given the world keeps it
        /// out of the processor's registers.)
        #[inline(always)]
        pub fn attempt_alone<W: World, T: From<Outcome>>(
            w: &mut W,
            kind: u8,
            object: u32,
            method: u8,
            args: &[Value],
        ) -> T {
            match kind {
                $($place if $name::ALONE => T::from($name::attempt(w, object, method, args, None)),)*
                _ => T::from(Outcome::Raise(ErrorKind::Type, "an operation on more than one object".to_string())),
            }
        }

        /// One attempt at an operation. `again` is the number that the last
        /// attempt of the same wait gave.
        pub fn attempt<W: World>(w: &mut W, kind: u8, object: u32, method: u8, args: &[Value], again: Option<u64>) -> Outcome {
            match kind {
                $($place => $name::attempt(w, object, method, args, again),)*
                _ => Outcome::Raise(ErrorKind::Type, "no such kind".to_string()),
            }
        }

        /// The time of a wait is over, or `blocking: false` was asked.
        pub fn give_up<W: World>(w: &mut W, kind: u8, object: u32, method: u8, memo: u64) -> Outcome {
            match kind {
                $($place => $name::give_up(w, object, method, memo),)*
                _ => Outcome::Done(Value::None),
            }
        }

        /// What would let `task`, which waits there, go ahead.
        pub fn need<W: World>(w: &W, kind: u8, object: u32, method: u8, memo: u64, task: TaskId) -> Need {
            match kind {
                $($place => $name::need(w, object, method, memo, task),)*
                _ => Need::Ready,
            }
        }
    };
}

kind_list! {
    lock = 0,
    rwlock = 1,
    semaphore = 2,
    condition = 3,
    event = 4,
    barrier = 5,
    latch = 6,
    queue = 7,
    pool = 8,
    task = 9,
    record = 10,
}

/// A further object whose words the method changes as well.
#[inline]
pub fn companion(kind: u8, first_word: u64) -> Option<u32> {
    (kind == place::condition).then_some(first_word as u32)
}

/// Of `join`: the method by which the end of something of this kind, a task or a pool, is
/// waited for.
pub fn join_method(kind: u8) -> u8 {
    if kind == place::pool { pool::JOIN } else { task::JOIN }
}

/// Of `join` too: what a wait for the first of several ends offers, so that whoever looks at it
/// knows of the others, which are needed as well.
pub fn joined_as_well(targets: &[ObjRef]) -> Value {
    match targets {
        [_, _, ..] => Value::list(targets.iter().map(|t| Value::Object(*t)).collect()),
        _ => Value::None,
    }
}

/// A mutex of some sort: what orders its critical sections may order them the
/// other way round next time.
#[inline]
pub fn is_lock(kind: u8) -> bool {
    matches!(kind, place::lock | place::rwlock)
}

/// An attempt that must wait has changed nothing yet, so a task may look
/// again before it arrives.
#[inline]
pub fn may_look_again(kind: u8, first_word: u64) -> bool {
    match kind {
        place::queue => first_word != 1,
        place::rwlock | place::condition | place::barrier | place::record => false,
        _ => true,
    }
}

/// Whether values go in at one end and out at the other, and a backend may keep the
/// ends apart.
#[inline(always)]
pub fn may_have_ends(kind: u8) -> bool {
    kind == place::queue
}

/// The end of a bounded queue that an operation is about, and the method of those at
/// the other end. Whether it goes ahead depends on the place there, on the words that
/// only operations on the whole queue change, and on who waits.
#[inline(always)]
pub fn end_of(kind: u8, method: u8) -> Option<(End, u8)> {
    if kind == place::queue { queue::end_of(method) } else { None }
}

/// The first attempt at such an operation, for a world that has this end alone.
#[inline(always)]
pub fn attempt_at_end<W: World, T: From<Outcome>>(w: &mut W, object: u32, method: u8, args: &[Value]) -> T {
    T::from(queue::attempt(w, object, method, args, None))
}

/// How many operations of others a waiter does well to let pass before it looks
/// again: one right after the other they have the object's memory at hand.
#[inline]
pub fn worth_letting_pass(kind: u8, first_word: u64) -> u64 {
    if kind == place::queue { queue::further_places(first_word) } else { 0 }
}

/// How long an operation waits at the most, by its `timeout` argument; none
/// without one.
pub fn timeout_ns(kind: u8, method: u8, args: &[Value]) -> Result<Option<u64>, Error> {
    let spec = &KINDS[kind as usize].methods[method as usize];
    if let Some(Some(v)) = spec.blocking.map(|i| args.get(i))
        && !matches!(v, Value::Bool(_))
    {
        return Err(Error::new(ErrorKind::Type, format!("`blocking` is a bool, and this is {}", v.type_word())));
    }
    match spec.timeout.and_then(|i| args.get(i)) {
        None | Some(Value::None) => Ok(None),
        Some(Value::Duration(ns)) => Ok(Some((*ns).max(0) as u64)),
        Some(Value::Int(0)) => Ok(Some(0)),
        Some(v) => {
            let text = format!("`timeout` is a duration such as 10ms, and this is {}", v.type_word());
            Err(Error::new(ErrorKind::Type, text))
        }
    }
}

/// The methods of those whom a task keeps out of an object by waiting there: they may go ahead
/// when it waits no more.
pub fn kept_out_by(kind: u8, method: u8) -> &'static [u8] {
    if kind == place::rwlock { rwlock::kept_out_by(method) } else { &[] }
}

/// The arguments of an object made while running, with the defaults of those
/// left out.
pub fn arguments(spec: &KindSpec, given: &[bool], written: &[Value]) -> Vec<Value> {
    let mut written = written.iter();
    let one = |(param, is_given): (&Param, &bool)| match (is_given, param.default) {
        (true, _) => written.next().cloned().unwrap_or(Value::None),
        (false, Some(Default::Int(i))) => Value::Int(i),
        (false, Some(Default::Bool(b))) => Value::Bool(b),
        (false, _) => Value::None,
    };
    spec.params.iter().zip(given).map(one).collect()
}

/// What others do may concern a task from its arrival on, though it is not
/// ready: that it has arrived is a step of its own.
#[inline]
pub fn arrival_matters(kind: u8, first_word: u64) -> bool {
    kind == place::event || !may_look_again(kind, first_word)
}

/// An error of an operation, with the object it is about.
pub fn failed(kind: u8, name: &str, error: ErrorKind, text: &str) -> Error {
    Error::new(error, format!("{text} ({} {name})", KINDS[kind as usize].word))
}

/// The name of the object that an error of an operation is about, by its
/// message: `failed` the other way round. A message is all that a caught and a
/// recorded error keep.
pub fn failed_on(message: &str) -> Option<&str> {
    let inside = message.strip_suffix(')')?;
    let name = |word: &str| inside.rfind(&format!(" ({word} ")).map(|at| &inside[at + word.len() + 3..]);
    KINDS.iter().find_map(|kind| name(kind.word))
}

/// Where nothing may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Still {
    /// An `atomically` block.
    Block,
    /// A look at the condition of an `await`, which is no wait by itself.
    Look,
    /// `finally`. What else looks from outside asks only for values.
    Finally,
}

impl Still {
    /// Of whoever looks from outside, or else is in a look or in a block.
    pub fn of(outside: bool, looks: bool) -> Still {
        match (outside, looks) {
            (true, _) => Still::Finally,
            (false, true) => Still::Look,
            (false, false) => Still::Block,
        }
    }
}

/// Why an operation fails that would wait there. `culprit` says who would make it wait.
pub fn must_not_wait(still: Still, culprit: &str) -> Error {
    let place = match still {
        Still::Block => "an `atomically` block",
        Still::Look => "the condition of an `await`",
        Still::Finally => "`finally`",
    };
    Error::new(ErrorKind::Type, format!("{place} must not wait, and {culprit} would make it"))
}

/// The same of an operation on an object of this kind that reports call `name`.
pub fn must_not_wait_for(still: Still, kind: u8, name: &str) -> Error {
    let joins = KINDS[kind as usize].word == "task";
    must_not_wait(still, &format!("`{}`", if joins { "join" } else { name }))
}

/// Why an operation cannot be an arm of a `select`, if so.
pub fn no_arm(kind: u8, options: u32) -> Option<Error> {
    let word = KINDS[kind as usize].word;
    (!(KINDS[kind as usize].arm)(options))
        .then(|| Error::new(ErrorKind::Type, format!("{} of this sort cannot be an arm of a `select`", a(word))))
}

// Parameters that several kinds share.

pub(crate) const BLOCKING: Param = Param { name: "blocking", default: Some(Default::Bool(true)), object: None };
pub(crate) const TIMEOUT: Param = Param { name: "timeout", default: Some(Default::None), object: None };

pub(crate) const fn method(name: &'static str, params: &'static [Param]) -> crate::program::kind::Method {
    let refuses: Refuses = |_| None;
    crate::program::kind::Method { name, params, waits: false, timeout: None, blocking: None, looks: false, refuses }
}

/// A question about the object.
pub(crate) const fn question(name: &'static str) -> crate::program::kind::Method {
    crate::program::kind::Method { looks: true, ..method(name, &[]) }
}

/// `acquire(blocking: true, timeout: none)`.
pub(crate) const fn acquiring(name: &'static str) -> crate::program::kind::Method {
    crate::program::kind::Method {
        waits: true,
        timeout: Some(1),
        blocking: Some(0),
        ..method(name, &[BLOCKING, TIMEOUT])
    }
}

/// `wait(timeout: none)`.
pub(crate) const fn waiting(name: &'static str) -> crate::program::kind::Method {
    crate::program::kind::Method { waits: true, timeout: Some(0), ..method(name, &[TIMEOUT]) }
}

/// `release(n = 1)`.
pub(crate) const N: Param = Param { name: "n", default: Some(Default::Int(1)), object: None };

/// A count among the arguments; at least `least`.
pub(crate) fn count_of(value: Option<&Value>, least: i64, what: &str) -> Result<u64, (ErrorKind, String)> {
    match value {
        Some(Value::Int(n)) if *n >= least => Ok(*n as u64),
        Some(Value::Int(n)) => Err((ErrorKind::Type, format!("{what} is at least {least}, and this is {n}"))),
        Some(v) => Err((ErrorKind::Type, format!("{what} is an integer, and this is {}", v.type_word()))),
        None => Err((ErrorKind::Type, format!("{what} is missing"))),
    }
}

#[cfg(test)]
mod tests;
