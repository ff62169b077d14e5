//! `conc fmt`.

use super::{Common, exit, on_terminal, put_err, put_out, script};
use crate::lang::format::format;
use crate::report::script_errors_and;
use clap::Args;
use std::path::Path;

#[derive(Args)]
#[command(after_help = super::example::help("fmt"))]
pub struct FmtArgs {
    /// Scripts, or folders with scripts below; - is standard input
    #[arg(required = true, add = super::complete::script())]
    paths: Vec<String>,
    /// Change nothing; tell which files would change, with exit code 1
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    common: Common,
}

pub fn main(args: &FmtArgs) -> u8 {
    let mut code = exit::FINE;
    if let Err(code) = script::reads_once(&args.paths) {
        return code;
    }
    for path in &args.paths {
        if path == "-" {
            code = code.max(one(Path::new("-"), args));
            continue;
        }
        let below = script::below(Path::new(path), &|| false);
        for sentence in &below.unreadable {
            put_err(&format!("conc: {sentence}\n"));
            code = code.max(exit::WRONG);
        }
        for file in below.scripts {
            code = code.max(one(&file, args));
        }
    }
    code
}

fn one(path: &Path, args: &FmtArgs) -> u8 {
    let source = match script::read(path) {
        Ok(source) => source,
        Err(code) => return code,
    };
    let text = match format(&source.text) {
        Ok(text) => text,
        Err(errors) => {
            let style = args.common.style(on_terminal().1);
            put_err(&script_errors_and(&source, &errors, "its layout stays as it is", &style));
            return exit::WRONG;
        }
    };
    if args.check {
        if text == source.text {
            return exit::FINE;
        }
        put_out(&format!("{}\n", source.name));
        return exit::FINDINGS;
    }
    if path == Path::new("-") {
        put_out(&text);
    } else if text != source.text
        && let Err(e) = crate::run::replace_file(path, &text)
    {
        put_err(&format!("conc: {} cannot be written: {}\n", path.display(), script::plain(&e)));
        return exit::FAILED;
    }
    exit::FINE
}
