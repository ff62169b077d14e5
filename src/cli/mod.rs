//! The command line: arguments, files, exit codes, and the only place that
//! prints. A file a subcommand.

mod argument;
mod check;
mod complete;
mod confirm;
mod example;
mod explain;
mod fmt;
mod lsp;
mod man;
mod picture;
mod progress;
mod repl;
mod replay;
mod run;
mod sampling;
mod script;
mod step;
mod test;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

/// The exit codes of `docs/cli.md`.
pub mod exit {
    pub const FINE: u8 = 0;
    pub const FINDINGS: u8 = 1;
    pub const WRONG: u8 = 2;
    pub const NO_ANSWER: u8 = 3;
    pub const FAILED: u8 = 4;
    pub const INTERRUPTED: u8 = 130;
}

/// What it was built for, as the build says.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ntarget: ",
    env!("CONC_TARGET"),
    "\nprofile: ",
    env!("CONC_PROFILE"),
    "\nrustc: ",
    env!("CONC_RUSTC"),
);

const EXIT_CODES: &str = "Exit codes: 0 nothing wrong; 1 findings; 2 the script or the command line is wrong; \
3 no answer within a limit; 4 conc or the machine failed; 130 interrupted.";

#[derive(Parser)]
#[command(
    name = "conc",
    version,
    long_version = LONG_VERSION,
    about = "Concurrency scenarios, run on real threads and processes",
    max_term_width = 100
)]
#[command(after_help = format!("{}\n\n{EXIT_CODES}", example::help("")))]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script on real threads and processes, and report what went wrong
    Run(run::RunArgs),
    /// Explore every interleaving: what can happen and what cannot
    Check(check::CheckArgs),
    /// Choose yourself who goes next, step by step, forward and back
    Step(step::StepArgs),
    /// Run one interleaving again, on real threads and processes
    Replay(replay::ReplayArgs),
    /// Declare, spawn, look, try again: a session on real threads and processes
    Repl(repl::ReplArgs),
    /// Check scripts against their own `expect` lines
    Test(test::TestArgs),
    /// Bring scripts into the one layout
    Fmt(fmt::FmtArgs),
    /// A page on a finding: what it is, an example, how to mend it
    Explain(explain::ExplainArgs),
    /// The server for editors: errors as one types, names, layout
    Lsp(lsp::LspArgs),
    /// What a shell needs to complete conc's commands
    Completions(complete::CompletionsArgs),
    /// The manual pages, for `man`
    Man(man::ManArgs),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// How `check` and `test` report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    Human,
    Json,
    /// SARIF 2.1.0, for code hosts and editors
    Sarif,
    /// JUnit XML, for CI servers
    Junit,
}

/// Options that every command has.
#[derive(Args, Clone, Debug, Default)]
struct Common {
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Say less
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(short, long, action = ArgAction::SetTrue)]
    verbose: bool,
}

impl Common {
    /// The style for a stream.
    fn style(&self, terminal: bool) -> crate::report::Style {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !no_color && !dumb,
        };
        crate::report::Style {
            color,
            unicode: unicode(),
            width: width(terminal),
            quiet: self.quiet,
            verbose: self.verbose,
        }
    }
}

/// Whether the locale can show more than ASCII; unset means it can.
fn unicode() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    match set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")) {
        Some(locale) => {
            let locale = locale.to_uppercase();
            locale.contains("UTF-8") || locale.contains("UTF8")
        }
        None => true,
    }
}

/// The terminal's columns, at most 120; 80 where there is none.
fn width(terminal: bool) -> usize {
    let from_env = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok());
    let columns = from_env.or_else(|| terminal.then(crate::run::terminal_columns).flatten());
    columns.unwrap_or(80).clamp(40, 120)
}

fn on_terminal() -> (bool, bool) {
    (std::io::stdout().is_terminal(), std::io::stderr().is_terminal())
}

/// Why standard output could not be written to: an errno; 0 is none.
static OUTPUT_ERROR: AtomicI32 = AtomicI32::new(0);

/// Of a run that was ended: why. If that is standard output, it is not said again.
static ENDED_FOR: Mutex<Option<String>> = Mutex::new(None);

/// A run was ended, and why.
fn put_failure(sentence: &str) {
    put_err(&format!("conc: {sentence}; the run was ended\n"));
    *ENDED_FOR.lock().unwrap_or_else(PoisonError::into_inner) = Some(sentence.to_string());
}

/// Prints. What could not be printed is said at the end, by the exit code too.
fn put_out(text: &str) {
    if let Err(errno) = write_out(text) {
        not_put(errno);
    }
}

/// Standard output refused something; only a pipe that its reader closed is nobody's
/// error.
fn not_put(errno: i32) {
    if errno != nix::Error::EPIPE as i32 {
        OUTPUT_ERROR.store(errno, Relaxed);
    }
}

/// Prints; an error is its errno.
fn write_out(text: &str) -> Result<(), i32> {
    crate::run::write_heeding(std::io::stdout(), text.as_bytes(), None).map_err(|error| error as i32)
}

fn put_err(text: &str) {
    let _ = crate::run::write_heeding(std::io::stderr(), text.as_bytes(), None);
}

/// What to say to whoever gave a script where a command is due.
fn script_as_command(error: &clap::Error) -> Option<String> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let ContextValue::String(word) = error.get(ContextKind::InvalidSubcommand)? else { return None };
    let is_script = word == "-" || word.ends_with(".conc") || std::path::Path::new(word).is_file();
    (error.kind() == ErrorKind::InvalidSubcommand && is_script).then(|| {
        format!(
            "conc: `{word}` is no command\n\
             `conc run {word}` runs the script, `conc check {word}` explores it\n"
        )
    })
}

/// Hardly a script has a name that begins with `-`: what follows an option that does not exist, or
/// a number below 0, is not to stand behind `--`.
fn without_escape(error: &mut clap::Error) {
    use clap::error::{ContextKind, ContextValue};
    if let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) {
        let tips: Vec<_> = tips.into_iter().filter(|tip| !tip.to_string().starts_with("to pass ")).collect();
        if !tips.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
}

/// Runs the command that the arguments name: its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    crate::run::large_files_are_errors();
    let code = crate::run::with_stack(|| run_command(args.into_iter().collect())).unwrap_or_else(|_| {
        put_err("conc: there is no memory for the stack that it needs\n");
        exit::FAILED
    });
    match OUTPUT_ERROR.load(Relaxed) {
        0 => code,
        errno => {
            let sentence = crate::run::output_sentence(errno);
            let told = ENDED_FOR.lock().unwrap_or_else(PoisonError::into_inner);
            if told.as_deref() != Some(&sentence) {
                put_err(&format!("conc: {sentence}\n"));
            }
            exit::FAILED
        }
    }
}

fn run_command(args: Vec<OsString>) -> u8 {
    if let Some(code) = complete::answer(&args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(mut error) => {
            without_escape(&mut error);
            match script_as_command(&error) {
                Some(sentence) => put_err(&sentence),
                None if error.use_stderr() => drop(error.print()),
                None if Common::default().style(on_terminal().0).color => put_out(&error.render().ansi().to_string()),
                None => put_out(&error.render().to_string()),
            }
            return if error.use_stderr() { exit::WRONG } else { exit::FINE };
        }
    };
    // Alone at a terminal it is a session; elsewhere something is missing.
    let command = match cli.command {
        Some(command) => command,
        None if std::io::stdin().is_terminal() && on_terminal() == (true, true) => {
            Command::Repl(repl::ReplArgs::default())
        }
        None => {
            use clap::CommandFactory;
            put_err(&Cli::command().render_help().to_string());
            return exit::WRONG;
        }
    };
    if matches!(command, Command::Check(_) | Command::Test(_)) {
        crate::run::keep_back();
    }
    // The others collect such signals before they begin, or do nothing to be told of.
    if matches!(command, Command::Run(_) | Command::Check(_) | Command::Step(_) | Command::Replay(_)) {
        crate::run::end_when_interrupted(exit::INTERRUPTED);
    }
    let run = move || match command {
        Command::Run(args) => run::main(&args),
        Command::Check(args) => check::main(&args),
        Command::Step(args) => step::main(&args),
        Command::Replay(args) => replay::main(&args),
        Command::Repl(args) => repl::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Fmt(args) => fmt::main(&args),
        Command::Explain(args) => explain::main(&args),
        Command::Lsp(args) => lsp::main(&args),
        Command::Completions(args) => complete::main(&args),
        Command::Man(args) => man::main(&args),
    };
    std::panic::catch_unwind(run).unwrap_or_else(|_| {
        put_err("conc: this is a fault in conc itself, not in the script; please report it\n");
        exit::FAILED
    })
}
