//! One turn of a schedule with what the way was in it, as plain data between the explorer, which
//! carries it out in the model, and the run that does the same for real. How each carries it out
//! is `check::follow`'s and `run::replay`'s affair.

use super::trace::Pick;

/// One turn as the model carried it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acted {
    /// The task, by its number in the order of birth; `main` is 0.
    pub task: u32,
    /// It is ended from outside: its process, or it as a thread.
    pub ended: bool,
    /// It is a process that ends, not a thread that is stopped.
    pub process: bool,
    /// The signal that ends the process; 0 if it exits.
    pub signal: i32,
    /// The place in the code at which the task stands, where it has code to stand in.
    pub site: Option<u32>,
    /// The arms of its `select`s that it takes, in order.
    pub arms: Vec<u32>,
    /// Who is met or notified among those that wait, in order.
    pub picks: Vec<Pick>,
    /// Its process is over with it, and nothing is left to end in it.
    pub over: bool,
}
