//! `conc explain`.

use super::{exit, put_err, put_out};
use crate::report::explain;
use clap::Args;

#[derive(Args)]
#[command(after_help = super::example::help("explain"))]
pub struct ExplainArgs {
    /// A finding's code, such as race or lock-order; without one, all of them
    #[arg(add = super::complete::code())]
    code: Option<String>,
}

pub fn main(args: &ExplainArgs) -> u8 {
    let Some(code) = &args.code else {
        let codes = explain::codes();
        let width = codes.iter().map(|c| c.0.len()).max().unwrap_or(0);
        for (code, line) in codes {
            put_out(&format!("{code:width$}  {line}\n"));
        }
        return exit::FINE;
    };
    match explain::explain(code) {
        Some(page) => {
            put_out(&page);
            exit::FINE
        }
        None => {
            let near = explain::nearest(code).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            put_err(&format!("conc: there is no finding `{code}`{near}\n`conc explain` lists them all\n"));
            exit::WRONG
        }
    }
}
