//! The program `conc`: everything is in the library; this hands over the
//! arguments and ends with the exit code.

use std::process::ExitCode;

/// It says why the program ends where there is no memory.
#[global_allocator]
static ALLOCATOR: conc::run::Allocator = conc::run::Allocator { code: conc::cli::exit::FAILED };

fn main() -> ExitCode {
    ExitCode::from(conc::cli::main(std::env::args_os()))
}
