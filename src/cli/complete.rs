//! `conc completions`, and what the installed completion asks conc for while
//! somebody types a command: scripts, codes of findings, constants of the
//! script on the line. The shells' part is clap's.

use super::{exit, put_err, put_out};
use crate::lang::ast::Item;
use crate::report::explain;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{CompleteEnv, Shells};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The variable by which a shell's completion asks.
const ASKED: &str = "CONC_COMPLETE";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Elvish => "elvish",
            Shell::Powershell => "powershell",
        }
    }
}

#[derive(Args)]
#[command(after_help = super::example::help("completions"))]
pub struct CompletionsArgs {
    /// The shell to complete in
    shell: Shell,
}

/// What clap's part for zsh says otherwise: no space behind `NAME=`.
const OPEN_ENDED: [(&str, &str); 3] = [
    ("local -a other=()\n", "local -a other=() given=()\n"),
    ("other+=(\"$completion\")\n", "[[ \"$value\" == *= ]] && given+=(\"$completion\") || other+=(\"$completion\")\n"),
    (
        "[[ -n $other ]] && _describe -V 'values' other\n",
        "[[ -n $given ]] && _describe -V 'values' given -S ''\n        [[ -n $other ]] && _describe -V 'values' other\n",
    ),
];

/// zsh reads the file only when a completion is asked for, as the function of
/// its name: that first time it has to answer as well.
const ANSWER_AT_ONCE: &str = "\n\nif [[ $funcstack[1] == _conc ]]; then\n    _clap_dynamic_completer_conc \"$@\"\nfi";

/// Prints what the shell has to read at its start. It calls conc by its name,
/// so it stays right when conc is replaced by another version.
pub fn main(args: &CompletionsArgs) -> u8 {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let written = match shells.completer(args.shell.name()) {
        Some(shell) => shell.write_registration(ASKED, "conc", "conc", "conc", &mut script),
        None => Err(std::io::Error::other("no such shell")),
    };
    match written {
        Ok(()) => {
            let mut text = String::from_utf8_lossy(&script).trim().to_string();
            if args.shell == Shell::Zsh {
                OPEN_ENDED.iter().for_each(|(from, to)| text = text.replace(from, to));
                text.push_str(ANSWER_AT_ONCE);
            }
            put_out(&format!("{text}\n"));
            exit::FINE
        }
        Err(e) => {
            put_err(&format!("conc: the completion cannot be made: {e}\n"));
            exit::FAILED
        }
    }
}

/// Answers a shell that asks; `None` for an ordinary command line.
pub fn answer(args: &[OsString]) -> Option<u8> {
    std::env::var_os(ASKED).filter(|v| !v.is_empty())?;
    let folder = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(super::Cli::command).var(ASKED);
    match asked.try_complete(args.to_vec(), folder.as_deref()) {
        Ok(true) => Some(exit::FINE),
        Ok(false) => None,
        Err(_) => Some(exit::FAILED),
    }
}

/// Completes the name of a script; `-` is standard input.
pub fn script() -> ArgValueCompleter {
    let completer = PathCompleter::file().stdio().filter(is_script);
    ArgValueCompleter::new(move |current: &OsStr| {
        let found = completer.complete(current);
        found
            .into_iter()
            .map(|candidate| if is_option(&candidate) { candidate.add_prefix("./") } else { candidate })
            .collect()
    })
}

/// Whether a command would take a file's name for an option.
fn is_option(candidate: &CompletionCandidate) -> bool {
    candidate.get_value().as_encoded_bytes().strip_prefix(b"-").is_some_and(|rest| !rest.is_empty())
}

/// Completes the name of a file that is to be written: of those that are there, the ones that
/// are of its kind. A script is never offered for what would be written over it.
pub fn file(extension: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::file().filter(move |path| path.extension().is_some_and(|e| e == extension)))
}

fn is_script(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "conc")
}

/// Completes a finding's code.
pub fn code() -> ArgValueCandidates {
    let candidates = || explain::codes().into_iter().map(|(code, line)| described(code.to_string(), line)).collect();
    ArgValueCandidates::new(candidates)
}

/// Scripts of the folder that are looked into, and the bytes of one.
const LOOKED_INTO: (usize, u64) = (200, 1 << 20);

/// Completes `NAME=` with the constants of the script that the line names, or as long as
/// it names none, of those in the folder.
pub fn define() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let typed = current.to_string_lossy().into_owned();
        let found = match script_on_line() {
            Some(path) => constants(&path).into_iter().map(|(name, value)| (name, format!("now {value}"))).collect(),
            None => constants_here(),
        };
        found
            .into_iter()
            .map(|(name, help)| (format!("{name}="), help))
            .filter(|(name, _)| name.starts_with(&typed))
            .map(|(name, help)| described(name, &help))
            .collect()
    })
}

/// The constants of the scripts in the folder, each once, with the script that has it.
fn constants_here() -> Vec<(String, String)> {
    let is_small = |path: &PathBuf| path.metadata().is_ok_and(|m| m.is_file() && m.len() <= LOOKED_INTO.1);
    let entries = std::fs::read_dir(".").into_iter().flatten().flatten().map(|entry| PathBuf::from(entry.file_name()));
    let mut scripts: Vec<PathBuf> = entries.filter(|path| is_script(path) && is_small(path)).collect();
    scripts.sort();
    let mut found: Vec<(String, String)> = Vec::new();
    for script in scripts.iter().take(LOOKED_INTO.0) {
        for (name, value) in constants(script) {
            if !found.iter().any(|known| known.0 == name) {
                found.push((name, format!("{value} in {}", script.display())));
            }
        }
    }
    found
}

fn described(value: String, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.to_string().into()))
}

/// The line to be completed stands behind `--` in our own arguments.
fn script_on_line() -> Option<PathBuf> {
    let words = std::env::args_os().skip_while(|a| a != "--").map(PathBuf::from);
    words.filter(|p| is_script(p)).find(|p| p.is_file())
}

/// The constants of a script and what it gives them. A script that does not
/// parse has those of the part that does.
fn constants(path: &Path) -> Vec<(String, String)> {
    let Ok(text) = std::fs::read_to_string(path) else { return Vec::new() };
    let items = crate::lang::parse::parse_all(&text).script.map(|s| s.items).unwrap_or_default();
    let constant = |item: &Item| match item {
        Item::Const(c) => Some((c.name.text.clone(), c.value.span.text(&text).to_string())),
        _ => None,
    };
    items.iter().filter_map(constant).collect()
}
