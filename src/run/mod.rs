//! Running a script on real threads and processes. It owns the arena, the
//! guards, parking, threads, processes, pools, the manager and the supervisor:
//! all system calls and all unsafe code. It knows nothing of how a script is
//! explored or how a finding is told.

mod allocator;
pub mod arena;
mod cell;
mod children;
mod clock;
mod codec;
mod collect;
mod descriptor;
mod diagnose;
mod ends;
mod events;
mod executor;
mod finish;
mod futex;
mod gate;
mod gil;
mod guard;
mod handle;
mod heap;
pub mod image;
pub mod input;
mod invariants;
pub mod keyboard;
mod make;
mod manager;
pub mod memory;
mod process;
mod prompt;
mod quick;
mod record;
pub mod replay;
mod signal;
mod slots;
mod spawn;
mod steps;
mod still;
mod supervisor;
mod system;
mod trace;
mod undo;
mod version;
mod wait;
mod workers;
mod world;

pub use allocator::{Allocator, is_short, keep_back};
pub use diagnose::scene;
pub use image::Options;
pub use prompt::{Answer, ROOM};
pub use supervisor::session::{Event, Over, Pause, Session, Terms, Unheard};
pub use supervisor::{Outcome, Report, Stop, TaskEnd, output_sentence, run};
pub use system::{
    Interruption, as_any_program, end_when_interrupted, fresh_seed, interruption, large_files_are_errors,
    memory_for_objects, memory_for_states, open_at_once, processors, read_heeding, replace_file, terminal_columns,
    threads, with_stack, write_file, write_heeding,
};
