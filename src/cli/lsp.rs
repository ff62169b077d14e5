//! `conc lsp`: the server for editors on standard input and output.

use super::{example, exit};
use crate::lsp::{Ended, serve};
use clap::Args;
use std::io::BufReader;

#[derive(Args)]
#[command(after_help = example::help("lsp"))]
pub struct LspArgs {
    /// What some editors add; it is the only way to talk
    #[arg(long, hide = true)]
    stdio: bool,
}

/// The exit codes are those that the protocol asks for.
pub fn main(_args: &LspArgs) -> u8 {
    match serve(BufReader::new(std::io::stdin()), std::io::stdout()) {
        Ended::InOrder => exit::FINE,
        Ended::Abruptly => exit::FINDINGS,
    }
}
