//! Findings as facts: what was found, which tasks, which places, who holds
//! and who waits. It owns the data; the words, pictures and JSON made of it
//! belong to `report`, and how a finding came about to the detectors.

use crate::lang::ast::Span;
use std::collections::BTreeSet;

pub use crate::objects::Mode;

/// The codes of the language's section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    Race,
    Deadlock,
    SelfDeadlock,
    LockOrder,
    AbandonedLock,
    LostWakeup,
    Assertion,
    Invariant,
    Error,
    Livelock,
    Starvation,
    Orphan,
    Zombie,
    DroppedJobs,
    Unjoined,
    LeftInQueue,
}

impl Code {
    pub const ALL: [Code; 16] = [
        Code::Race,
        Code::Deadlock,
        Code::SelfDeadlock,
        Code::LockOrder,
        Code::AbandonedLock,
        Code::LostWakeup,
        Code::Assertion,
        Code::Invariant,
        Code::Error,
        Code::Livelock,
        Code::Starvation,
        Code::Orphan,
        Code::Zombie,
        Code::DroppedJobs,
        Code::Unjoined,
        Code::LeftInQueue,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Code::Race => "race",
            Code::Deadlock => "deadlock",
            Code::SelfDeadlock => "self-deadlock",
            Code::LockOrder => "lock-order",
            Code::AbandonedLock => "abandoned-lock",
            Code::LostWakeup => "lost-wakeup",
            Code::Assertion => "assertion",
            Code::Invariant => "invariant",
            Code::Error => "error",
            Code::Livelock => "livelock",
            Code::Starvation => "starvation",
            Code::Orphan => "orphan",
            Code::Zombie => "zombie",
            Code::DroppedJobs => "dropped-jobs",
            Code::Unjoined => "unjoined",
            Code::LeftInQueue => "left-in-queue",
        }
    }

    pub fn from_word(word: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|c| c.word() == word)
    }

    /// Notes are told, but are no failure.
    pub fn is_note(self) -> bool {
        matches!(self, Code::Orphan | Code::Zombie | Code::DroppedJobs | Code::Unjoined | Code::LeftInQueue)
    }
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It happened in this run.
    Observed,
    /// A schedule that shows it was replayed.
    Confirmed,
    /// It follows from this run that another can show it.
    Predicted,
    /// The explorer found it.
    Found,
}

impl Certainty {
    pub fn word(self) -> &'static str {
        match self {
            Certainty::Observed => "observed",
            Certainty::Confirmed => "confirmed",
            Certainty::Predicted => "predicted",
            Certainty::Found => "found",
        }
    }
}

/// Who: one task that took part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// The task's number in this run, never reused; `main` is 0.
    pub serial: u32,
    pub name: String,
    /// The first task of a process of its own; otherwise a thread.
    pub process: bool,
    /// Which process it runs in, where that is known: the same number for all its tasks,
    /// another one for each process. Nothing else is to be read in it.
    pub home: Option<u32>,
    /// As the kernel had them; 0 where there was no real run.
    pub pid: i32,
    pub tid: i32,
    /// The statement that made it; `None` for `main`.
    pub spawned: Option<Span>,
    /// The name of the task that made it.
    pub spawner: Option<String>,
}

/// A lock that a task holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub lock: String,
    pub mode: Mode,
    /// Where it was taken.
    pub since: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    Read,
    Write,
    /// One indivisible access: `x.load()`, `x.add(1)`.
    AtomicRead,
    AtomicWrite,
}

/// One side of a race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub task: TaskFacts,
    pub span: Span,
    pub kind: AccessKind,
    /// The value read or written, as the script would print it.
    pub value: Option<String>,
    pub held: Vec<Held>,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its body ended.
    Returned,
    /// An error that nobody caught: its kind.
    Failed(String),
    /// `exit` ended its process, with this code.
    Exited(i32),
    /// A signal ended its process.
    Signalled(i32),
    /// `terminate`, or its process ended around it.
    Terminated,
}

/// One task that waits and never will go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub task: TaskFacts,
    /// The statement at which it waits.
    pub span: Span,
    /// Each thing it waits for; several in a `select`.
    pub waits: Vec<Wait>,
    pub holds: Vec<Held>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What it does, in the script's words: `acquire`, `get`, `join`.
    pub operation: String,
    /// On what: `m`, `fork[0]`, `q`, a task's name.
    pub object: String,
    /// The kind of that object: `lock`, `queue`, `task`, `pool`, ….
    pub object_kind: String,
    pub declared: Option<Span>,
    pub reasons: Vec<Reason>,
}

/// Why a wait cannot end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A task holds it, and is stuck itself.
    HeldBy { task: TaskFacts, mode: Mode, since: Option<Span> },
    /// A task that ended held it; without an `ending` only its code has come to its end, and
    /// it waits for those that it spawned.
    OwnerEnded { task: TaskFacts, ending: Option<Ending>, since: Option<Span> },
    /// A reader behind a writer that waits.
    BehindWriter { task: TaskFacts },
    /// It waits for the end of a task that is stuck itself.
    WaitsForEnd { task: TaskFacts },
    /// No task that can still go on does any of this any more: `put`, `close`.
    NobodyLeft { actions: Vec<String> },
    /// A stuck task would have done it: `put`.
    StuckSupplier { task: TaskFacts, action: String },
    /// A task that would have done it has failed or was killed before.
    EndedSupplier { task: TaskFacts, ending: Ending, action: String },
    /// Another process writes it, but to the copy of its own that each process has of a `var`:
    /// the names of what the wait looks at.
    OwnCopy { names: Vec<String> },
    /// It came before the wait began, and woke nobody.
    CameTooEarly { task: TaskFacts, action: String, span: Option<Span> },
    /// A job that had not begun when its pool was terminated.
    Dropped { pool: String, span: Span },
    /// A barrier or latch lacks this many.
    Missing { count: u64 },
}

/// One hold-and-want in an order of locks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEdge {
    pub task: TaskFacts,
    pub holds: String,
    pub held_since: Option<Span>,
    pub wants: String,
    pub wants_at: Span,
}

/// A task that goes round, with the steps of one round: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Going {
    pub task: TaskFacts,
    pub places: Vec<(Span, String)>,
}

/// The facts by code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    Race {
        /// `balance`, `flag[1]`, `Account.balance`.
        variable: String,
        declared: Option<Span>,
        earlier: Access,
        later: Access,
    },
    /// `deadlock`, `self-deadlock`, `lost-wakeup`, and `abandoned-lock` with
    /// tasks that wait for it.
    Stuck {
        /// The circle, or the task at the root; in the order of the circle.
        circle: Vec<Waiting>,
        /// Those stuck because of the circle.
        behind: Vec<Waiting>,
        /// Tasks that are not stuck when it is reported.
        others_go_on: bool,
    },
    LockOrder {
        edges: Vec<OrderEdge>,
    },
    /// An `abandoned-lock` that nobody waits for.
    Abandoned {
        lock: String,
        mode: Mode,
        declared: Option<Span>,
        owner: TaskFacts,
        since: Option<Span>,
        ending: Ending,
    },
    /// `assertion` and `error`.
    Failed {
        /// `None`: in `finally`.
        task: Option<TaskFacts>,
        /// The job that the task, a worker, was at.
        job: Option<String>,
        span: Span,
        /// `Assertion`, `Empty`, ….
        kind: String,
        message: String,
        /// The calls it was in, innermost first, without its own place.
        calls: Vec<Span>,
        holds: Vec<Held>,
    },
    Invariant {
        task: TaskFacts,
        /// The step after which it no longer held; none if it did not before the first.
        step: Option<Span>,
        invariant: Span,
        /// The variables in it, with their values.
        values: Vec<(String, String)>,
        /// Why it is not false either.
        why: Option<Undecided>,
    },
    /// Tasks that go round for ever.
    Livelock {
        going: Vec<Going>,
    },
    /// One that waits for ever while others go on.
    Starvation {
        task: TaskFacts,
        /// What it waits for.
        waiting: Option<Waiting>,
        /// The others.
        going: Vec<Going>,
    },
    Orphan {
        child: TaskFacts,
        parent: TaskFacts,
        parent_ending: Ending,
    },
    Zombie {
        child: TaskFacts,
        parent: TaskFacts,
    },
    DroppedJobs {
        pool: String,
        declared: Option<Span>,
        count: u64,
        /// Where the first of them was submitted.
        submitted: Option<Span>,
        closed: bool,
    },
    Unjoined {
        task: TaskFacts,
        /// What nobody collected, as the script would print it.
        value: String,
    },
    LeftInQueue {
        queue: String,
        declared: Option<Span>,
        count: u64,
    },
}

/// One finding: the same thing seen many times is one, with a count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub certainty: Certainty,
    pub count: u64,
    /// Names of the objects and variables it is about: `fork[0]`.
    pub on: Vec<String>,
    /// What those wait for who are stuck behind others, and names that it is on in other
    /// interleavings, at the same places (these of `check` only).
    pub also_on: Vec<String>,
    pub facts: Facts,
    /// The schedule that shows it, in text form, where there is one.
    pub schedule: Option<String>,
}

/// Why a condition is neither true nor false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    pub text: String,
    /// Where the error was raised that ended it.
    pub failed: Option<Span>,
}

impl Finding {
    /// Whether it is a deadlock with a circle of tasks that each wait for a lock which the next
    /// one has, whatever else would end that wait too: what a `lock-order` warns of, come true.
    /// One lock alone has no order.
    pub fn is_circle_of_locks(&self) -> bool {
        let Facts::Stuck { circle, .. } = &self.facts else { return false };
        let is_of = |reason: &Reason, has: &TaskFacts| match reason {
            Reason::HeldBy { task, .. } | Reason::BehindWriter { task } => {
                (task.serial, &task.name) == (has.serial, &has.name)
            }
            _ => false,
        };
        let locks = |waiting: &Waiting, has: &[&Waiting]| -> Vec<String> {
            let for_lock = |wait: &&Wait| matches!(wait.object_kind.as_str(), "lock" | "rwlock");
            let held = |wait: &&Wait| wait.reasons.iter().any(|r| has.iter().any(|other| is_of(r, &other.task)));
            waiting.waits.iter().filter(for_lock).filter(held).map(|wait| wait.object.clone()).collect()
        };
        // Who waits for no lock that one of the others has is in no such circle.
        let mut left: Vec<&Waiting> = circle.iter().collect();
        loop {
            let before = left.clone();
            left.retain(|one| !locks(one, &before).is_empty());
            if left.len() == before.len() {
                break;
            }
        }
        let wanted: BTreeSet<String> = left.iter().flat_map(|one| locks(one, &left)).collect();
        self.code == Code::Deadlock && left.len() > 1 && wanted.len() > 1
    }

    /// The places that tell it from others with the same code on the same
    /// names, in order.
    pub fn places(&self) -> Vec<Span> {
        let mut places = match &self.facts {
            Facts::Race { earlier, later, .. } => vec![earlier.span, later.span],
            Facts::Stuck { circle, .. } => circle.iter().map(|w| w.span).collect(),
            Facts::LockOrder { edges } => edges.iter().map(|e| e.wants_at).collect(),
            Facts::Abandoned { since, .. } => since.iter().copied().collect(),
            Facts::Failed { span, .. } => vec![*span],
            Facts::Invariant { step, invariant, .. } => step.iter().chain([invariant]).copied().collect(),
            Facts::Orphan { child, .. } | Facts::Zombie { child, .. } => child.spawned.iter().copied().collect(),
            Facts::DroppedJobs { submitted, .. } => submitted.iter().copied().collect(),
            Facts::Unjoined { task, .. } => task.spawned.iter().copied().collect(),
            Facts::LeftInQueue { declared, .. } => declared.iter().copied().collect(),
            Facts::Livelock { going } => going.iter().flat_map(|g| &g.places).map(|p| p.0).collect(),
            Facts::Starvation { waiting, .. } => waiting.iter().map(|w| w.span).collect(),
        };
        places.sort_unstable_by_key(|s| (s.start, s.end));
        places.dedup();
        places
    }

    /// Whether two are the same thing: the code, the names and the places.
    pub fn is_same(&self, other: &Finding) -> bool {
        let names = |f: &Finding| {
            let mut on = f.on.clone();
            on.sort();
            on.dedup();
            on
        };
        self.code == other.code && names(self) == names(other) && self.places() == other.places()
    }
}
