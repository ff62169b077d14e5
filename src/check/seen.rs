//! What a transition saw that a report may need: things that went wrong, and,
//! on request, a log of its steps. Plain data; the findings made of it are
//! `finding`'s.

use super::model::Memorable;
use super::part::{Hold, PartIx};
use super::said::Said;
use crate::objects::TaskId;
use crate::program::value::Value;

/// What is seen of an invariant that does not hold: the values that it looks at, and why it cannot
/// be worked out, as [`undecided`](crate::program::value::undecided) tells it.
pub type Broken = (Vec<(String, String)>, Option<(String, Option<u32>)>);

/// Something went wrong, or is worth a note.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    Race {
        ix: PartIx,
        name: String,
        memory: Memorable,
        other: TaskId,
        task: TaskId,
        site: u32,
        write: bool,
        other_wrote: bool,
    },
    /// `None`: in `finally`.
    Failed {
        task: Option<TaskId>,
        /// The job of a worker.
        job: Option<TaskId>,
        site: u32,
        kind: u8,
        message: String,
        calls: Vec<u32>,
        held: Vec<Hold>,
    },
    Abandoned {
        task: TaskId,
        hold: Hold,
    },
    Invariant {
        task: TaskId,
        site: u32,
        index: u32,
        values: Vec<(String, String)>,
        /// As [`undecided`](crate::program::value::undecided) tells it.
        why: Option<(String, Option<u32>)>,
    },
    /// `sites`: where the child was made, and where its parent was.
    Orphan {
        child: TaskId,
        parent: TaskId,
        sites: [Option<u32>; 2],
    },
    Zombie {
        child: TaskId,
        parent: TaskId,
        sites: [Option<u32>; 2],
    },
}

impl Event {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let texts = match self {
            Event::Race { name, .. } => name.len(),
            Event::Failed { message, calls, held, .. } => {
                message.len() + size_of_val(&calls[..]) + size_of_val(&held[..])
            }
            Event::Invariant { values, .. } => values
                .iter()
                .map(|(name, value)| size_of_val(name) + name.len() + size_of_val(value) + value.len())
                .sum(),
            Event::Abandoned { .. } | Event::Orphan { .. } | Event::Zombie { .. } => 0,
        };
        size_of::<Event>() + texts
    }
}

/// A way taken: one of several, which of several tasks, which arm of a
/// `select`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Way(u32),
    Task(TaskId),
    Arm(u32),
    /// Which arm of another's `select` that waits in several of them for the same.
    Met(u32),
}

impl Choice {
    /// As a schedule has it, where tasks are numbered so.
    pub fn number(self, number_of: impl FnOnce(TaskId) -> u32) -> u32 {
        match self {
            Choice::Way(n) | Choice::Arm(n) | Choice::Met(n) => n,
            Choice::Task(task) => number_of(task),
        }
    }
}

/// What one step did to memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    pub ix: PartIx,
    pub name: String,
    pub write: bool,
    pub atomic: bool,
    pub value: String,
    /// The same, for whoever knows which objects there are.
    pub told: Said,
    /// A step may reach several places, each at its own place in the source: an
    /// `atomically` does.
    pub site: u32,
    /// What the task held then.
    pub held: Vec<Hold>,
}

/// One step, in the finest division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    pub task: TaskId,
    pub site: u32,
    /// In the script's words: `acquire m`, `read x: 3`.
    pub text: Said,
    pub reached: Vec<Reached>,
    /// It released something to others.
    pub released: bool,
    /// The ways taken in it, where there was a choice.
    pub choices: Vec<Choice>,
    /// The arms of its `select`s that went ahead, also where there was no
    /// choice.
    pub arms: Vec<u32>,
    /// Those whose waits it has ended, where it had the choice, each with the place of the
    /// arm among those that it waits in.
    pub picks: Vec<(TaskId, u32)>,
    /// It counts as a turn of its own in a schedule.
    pub turn: bool,
    /// The tasks that were made in it.
    pub born: Vec<TaskId>,
    /// The names of the objects that it was about.
    pub on: Vec<String>,
    /// How many events its transition had seen by its end.
    pub events: usize,
    /// How many deeds its transition had done by its end.
    pub deeds: usize,
}

/// What orders tasks, or has to be ordered; by whom is told beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// `ordered`: a place of which no two accesses race. `sees`: the value that
    /// was there.
    Reached {
        ix: PartIx,
        name: String,
        write: bool,
        atomic: bool,
        ordered: bool,
        sees: bool,
    },
    /// One attempt at an operation; `again`: it has waited there before.
    Operated {
        object: u32,
        kind: u8,
        method: u8,
        first_word: u64,
        again: bool,
        came: Came,
    },
    /// It exchanged values with a task that waits.
    Met(TaskId),
    /// It let a task that waits go on, or wait elsewhere.
    Moved(TaskId),
    Born(TaskId),
    AtomicBegin,
    AtomicEnd,
}

/// What an attempt came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    Done(Value),
    Raised,
    Waits,
}

/// The steps of a transition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    pub steps: Vec<Logged>,
    /// The ways taken in the step under way.
    pub choices: Vec<Choice>,
    pub arms: Vec<u32>,
    pub picks: Vec<(TaskId, u32)>,
    pub reached: Vec<Reached>,
    pub born: Vec<TaskId>,
    pub on: Vec<String>,
    pub text: String,
    /// Of all its steps, in their order.
    pub deeds: Vec<(TaskId, Deed)>,
}
