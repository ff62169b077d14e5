//! What happened, as plain data: a recording of a run, or of one interleaving,
//! for pictures. It owns the shapes; `run` records, `report` draws.

use super::finding::TaskFacts;
use crate::lang::ast::Span;

/// What a task did or what happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Begin,
    End,
    /// It made the task `peer`.
    Spawn,
    /// It has seen the end of the task `peer`.
    Join,
    /// It waits, for `object` if it is known; until `Go`.
    Wait,
    /// It sleeps until `Go`.
    Sleep,
    Go,
    Hold,
    Release,
    Send,
    Receive,
    Read,
    Write,
    /// Another operation on an object; its name is the text.
    Operate,
    Print,
    /// The wait that has just begun is for this as well: an arm of a `select`.
    Arm,
}

impl Kind {
    pub const ALL: [Kind; 16] = [
        Kind::Begin,
        Kind::End,
        Kind::Spawn,
        Kind::Join,
        Kind::Wait,
        Kind::Sleep,
        Kind::Go,
        Kind::Hold,
        Kind::Release,
        Kind::Send,
        Kind::Receive,
        Kind::Read,
        Kind::Write,
        Kind::Operate,
        Kind::Print,
        Kind::Arm,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Kind::Begin => "begins",
            Kind::End => "ends",
            Kind::Spawn => "spawns",
            Kind::Join => "joins",
            Kind::Wait => "waits",
            Kind::Sleep => "sleeps",
            Kind::Go => "goes on",
            Kind::Hold => "takes",
            Kind::Release => "lets go of",
            Kind::Send => "puts into",
            Kind::Receive => "gets from",
            Kind::Read => "reads",
            Kind::Write => "writes",
            Kind::Operate => "does",
            Kind::Print => "prints",
            Kind::Arm => "or for",
        }
    }
}

/// One event of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// In units of the recording's clock.
    pub at: u64,
    /// By its place in the recording's tasks.
    pub task: usize,
    pub kind: Kind,
    /// By its place in the recording's objects.
    pub object: Option<usize>,
    /// The other task of a `Spawn` or `Join`.
    pub peer: Option<usize>,
    /// Where in the script, if it is known.
    pub site: Option<Span>,
    /// A value or a line, perhaps cut short.
    pub text: String,
}

/// What the times of a recording count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Nanoseconds,
    /// One after the other, as an explorer or a replay takes them.
    Steps,
}

/// All that was recorded, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub clock: Clock,
    pub tasks: Vec<TaskFacts>,
    /// For each task the first task of its process, by its place.
    pub processes: Vec<usize>,
    /// The names of objects and variables.
    pub objects: Vec<String>,
    pub events: Vec<Event>,
    /// When it ended.
    pub end: u64,
    /// Events beyond what could be kept.
    pub lost: u64,
}

impl Recording {
    /// The same with a clock that counts the moments at which something
    /// happened, where their order says all and the time between them nothing.
    pub fn in_steps(mut self) -> Recording {
        let mut moments: Vec<u64> = self.events.iter().map(|e| e.at).collect();
        moments.sort_unstable();
        moments.dedup();
        for event in &mut self.events {
            event.at = moments.partition_point(|m| *m < event.at) as u64;
        }
        Recording { clock: Clock::Steps, end: moments.len() as u64, ..self }
    }
}
