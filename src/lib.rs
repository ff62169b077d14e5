//! conc: concurrency scenarios as scripts, run on real threads and processes.
//!
//! The layers, each importing only those below it: the command line (`cli`),
//! the session (`repl`), the editor's server (`lsp`), `report`, `run`, `check`, `detect`, `machine`, `objects`,
//! `program`, `lang`.

pub mod check;
pub mod cli;
pub mod detect;
pub mod lang;
pub mod lsp;
pub mod machine;
pub mod objects;
pub mod program;
pub mod repl;
pub mod report;
pub mod run;
