//! The detectors: pure algorithms on plain data. They know nothing of
//! threads, files or the terminal, and serve every way of executing a script.

pub mod acted;
pub mod deadlock;
pub mod event;
pub mod expect;
pub mod finding;
pub mod lock_order;
pub mod looks;
pub mod may;
pub mod names;
pub mod places;
pub mod race;
pub mod stuck;
pub mod trace;
