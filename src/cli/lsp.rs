//! `conc lsp`: the server for editors on standard input and output.

use super::{example, exit, not_put};
use crate::lsp::{Ended, serve};
use clap::Args;
use std::io::{BufReader, BufWriter, Write};

#[derive(Args)]
#[command(after_help = example::help("lsp"))]
pub struct LspArgs {
    /// What some editors add; it is the only way to talk
    #[arg(long, hide = true)]
    stdio: bool,
}

/// The exit codes are those that the protocol asks for.
pub fn main(_args: &LspArgs) -> u8 {
    match serve(BufReader::new(std::io::stdin()), BufWriter::new(Output)) {
        Ended::InOrder => exit::FINE,
        Ended::Abruptly => exit::FINDINGS,
    }
}

/// Standard output; what it refuses is noted for the end of the program.
struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        crate::run::write_heeding(std::io::stdout(), bytes, None).inspect_err(|error| not_put(*error as i32))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
