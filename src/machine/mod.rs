//! The machine that executes a program: one task's frames, its local work, and
//! the steps at which it stops. It knows nothing of where memory lives, what
//! time it is, or who goes next: a backend carries the steps out.

pub mod local;
pub mod step;
pub mod task;

pub use step::{Access, Args, Arm, Home, Place, Step, TaskField};
pub use task::{Host, Task};
