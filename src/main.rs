//! The program `conc`: everything is in the library; this hands over the
//! arguments and ends with the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(conc::cli::main(std::env::args_os()))
}
