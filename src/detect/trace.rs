//! What a free run did, step by step, as plain data between the one that
//! records it and the one that follows it. How a consistent order comes about
//! is `run::trace`'s affair, what it is held against `check::accept`'s.

use serde::{Deserialize, Serialize};

/// One entry. Entries stand in an order in which all that happened could have
/// happened one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The task, by its number in the run; `main` is 0.
    pub task: u32,
    pub what: What,
    /// It may not have taken effect: its process was killed in the middle.
    pub unsure: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    Turn(Turn),
    /// The task's next child, by its number in the run, jobs among them.
    Born(u32),
    /// What its next `choose` gave, counted from zero.
    Chose(u64),
}

/// One turn, as `machine::Step::is_turn` and `objects::arrival_matters` divide
/// a run into turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Where the task stood in the code; none where it has none to stand in.
    pub site: Option<u32>,
    pub deeds: Vec<Deed>,
    /// The arms of its `select`s that went ahead.
    pub arms: Vec<u32>,
    /// Whom it met or notified, in order.
    pub picks: Vec<Pick>,
}

/// Somebody whose wait is ended by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// The number of the task.
    pub task: u32,
    /// In a `select`, the place of the arm among those that it waits in; else 0.
    pub arm: u32,
}

/// What others can see of a turn, with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Memory, by its name; the value read or written.
    Reached { name: String, write: bool, value: String },
    /// An operation on an object, by its name and that of the method.
    Operated { object: String, method: String, came: Came },
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Came {
    Done(String),
    Raised,
    /// It has arrived, and waits.
    Waits,
    /// Its time was over.
    TimeOut,
}

/// Whether the answer of an operation is compared: what hands a job on or tells
/// an end is a part of another step.
pub fn is_told(kind: u8, method: u8) -> bool {
    use crate::objects::{place, pool, task};
    match kind {
        place::task => method == task::JOIN,
        place::pool => method != pool::LEAVE,
        _ => true,
    }
}
