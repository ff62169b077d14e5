//! `conc man`: manual pages made of the same words as `--help`, with the exit
//! codes and the environment that belong to no single command.

use super::{example, exit, put_err, put_out, script};
use clap::{Args, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = example::help("man"))]
pub struct ManArgs {
    /// The command whose page is wanted; without one, the page of conc
    #[arg(add = clap_complete::engine::ArgValueCandidates::new(commands))]
    command: Option<String>,
    /// Write all pages into this folder, as conc.1, conc-run.1 and so on
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    folder: Option<PathBuf>,
}

/// The exit codes of `docs/cli.md`, and what they are of a command where it is not the same.
const EXIT_CODES: &[(&str, &[(&str, &str)])] = &[
    (
        "0",
        &[
            ("conc run check step replay", "nothing wrong; notes may have been told"),
            ("repl", "nothing wrong; notes may have been told; or that of an exit that was entered"),
            ("test", "every script passed"),
            ("fmt", "every script has the layout, or has it now"),
            ("lsp", "ended by shutdown and exit"),
            ("explain completions man", "what was asked for has been printed or written"),
        ],
    ),
    (
        "1",
        &[
            (
                "conc",
                "findings; check: an expect some or expect every that is not met; test: a script that failed; \
                 fmt --check: some file would change",
            ),
            ("check", "findings, or an expect some or expect every that is not met"),
            ("test", "a script that failed, and none is wrong"),
            ("fmt", "with --check: some file would change"),
            ("lsp", "the editor vanished"),
            ("run step replay repl", "findings"),
        ],
    ),
    (
        "2",
        &[
            (
                "conc",
                "the script or the command line is wrong, and nothing ran; test and fmt have gone on with the other \
                 scripts, repl with what was entered next",
            ),
            ("run check step replay", "the script or the command line is wrong, and nothing ran"),
            (
                "repl",
                "an entry was wrong, or a command could not be carried out, and the session went on; or the command \
                 line is wrong",
            ),
            (
                "test",
                "a script does not compile, or cannot be read or found, and the others were checked all the same; or \
                 the command line is wrong",
            ),
            (
                "fmt",
                "a script cannot be read or found, and the others were laid out all the same; or the command line is \
                 wrong",
            ),
            ("explain lsp completions man", "the command line is wrong"),
        ],
    ),
    (
        "3",
        &[
            ("conc run check replay", "no answer: a limit was reached before the end"),
            ("test", "none failed, and a limit left at least one undecided"),
        ],
    ),
    (
        "4",
        &[(
            "conc run check step replay repl test fmt explain lsp completions man",
            "conc or the machine failed; the sentence says how",
        )],
    ),
    (
        "130",
        &[(
            "conc run check step replay repl test",
            "interrupted by a signal, after a report of what was known by then",
        )],
    ),
];

/// Those that the command of this name can end with.
fn exit_codes(name: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    EXIT_CODES.iter().filter_map(move |(code, texts)| {
        let (_, text) = texts.iter().find(|(names, _)| names.split(' ').any(|n| n == name))?;
        Some((*code, *text))
    })
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "if set and not empty, no colours with --color auto"),
    ("TERM", "dumb: no colours with --color auto"),
    ("COLUMNS", "the width of reports, 40 to 120; else the terminal's, else 80"),
    ("LC_ALL, LC_CTYPE, LANG", "the first that is set; if it does not name UTF-8, reports are drawn in ASCII"),
];

fn commands() -> Vec<clap_complete::CompletionCandidate> {
    let cli = super::Cli::command();
    cli.get_subcommands().map(|c| clap_complete::CompletionCandidate::new(c.get_name())).collect()
}

pub fn main(args: &ManArgs) -> u8 {
    let cli = whole();
    if let Some(folder) = &args.folder {
        return write_all(&cli, folder);
    }
    let name = args.command.as_deref().unwrap_or("conc");
    let Some(command) = pages(&cli).into_iter().find(|c| plain_name(c) == name) else {
        let all: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        let near = crate::lang::error::nearest(name, all.iter().copied());
        let help = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        put_err(&format!("conc: there is no command `{name}`{help}\n"));
        return exit::WRONG;
    };
    put_out(&page(&command));
    exit::FINE
}

fn write_all(cli: &clap::Command, folder: &Path) -> u8 {
    for command in pages(cli) {
        let path = folder.join(format!("{}.1", command.get_display_name().unwrap_or("conc")));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, page(&command)));
        if let Err(e) = written {
            put_err(&format!("conc: {} cannot be written: {}\n", path.display(), script::plain(&e)));
            return exit::FAILED;
        }
    }
    exit::FINE
}

/// The command with all that clap adds while it parses.
fn whole() -> clap::Command {
    let mut cli = super::Cli::command().disable_help_subcommand(true);
    cli.build();
    cli
}

fn pages(cli: &clap::Command) -> Vec<clap::Command> {
    cli.get_subcommands().chain([cli]).cloned().collect()
}

/// As a user says it: `run`, and `conc` for conc itself.
fn plain_name(command: &clap::Command) -> &str {
    command.get_name()
}

/// A page as roff, the form that `man` reads.
fn page(command: &clap::Command) -> String {
    let name = plain_name(command);
    let own = if name == "conc" { "" } else { name };
    // Examples and exit codes get sections of their own.
    let command = command.clone().after_help("").after_long_help("");
    let has_options = command.get_arguments().any(|a| !a.is_hide_set());
    let has_commands = command.has_subcommands();
    // No date: the same program gives the same page.
    let man = Man::new(command).manual("conc").source(format!("conc {}", env!("CARGO_PKG_VERSION"))).date("");
    let mut out = Vec::new();
    let written = man
        .render_title(&mut out)
        .and_then(|()| man.render_name_section(&mut out))
        .and_then(|()| man.render_synopsis_section(&mut out))
        .and_then(|()| man.render_description_section(&mut out))
        .and_then(|()| if has_options { man.render_options_section(&mut out) } else { Ok(()) })
        .and_then(|()| if has_commands { man.render_subcommands_section(&mut out) } else { Ok(()) });
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    let examples = example::of(own).iter().map(|e| (e.line, e.what));
    let mut roff = Roff::default();
    section(&mut roff, "EXAMPLES", examples);
    section(&mut roff, "EXIT STATUS", exit_codes(name));
    section(&mut roff, "ENVIRONMENT", ENVIRONMENT.iter().copied());
    String::from_utf8_lossy(&out).into_owned() + &roff.render()
}

fn section<'a>(roff: &mut Roff, title: &str, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    roff.control("SH", [title]);
    for (term, text) in entries {
        roff.control("TP", []).text([bold(term)]).text([roman(text)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_exit_codes() {
        for command in pages(&whole()) {
            let name = command.get_name();
            let codes: Vec<&str> = exit_codes(name).map(|(code, _)| code).collect();
            assert!(["0", "2", "4"].iter().all(|code| codes.contains(code)), "{name}: {codes:?}");
        }
        let said = |name: &str, code: &str| exit_codes(name).find(|of| of.0 == code).map_or("", |of| of.1);
        assert!(said("run", "2").ends_with("nothing ran"));
        assert!(said("test", "2").contains("the others were checked") && !said("test", "2").contains("nothing ran"));
        assert!(said("check", "1").contains("expect some"));
        assert_eq!(said("explain", "1"), "");
    }

    #[test]
    fn a_page_has_all_its_sections() {
        for command in pages(&whole()) {
            let page = page(&command);
            for title in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"EXIT STATUS\"", "ENVIRONMENT"] {
                let heads = page.lines().filter(|l| *l == format!(".SH {title}")).count();
                assert_eq!(heads, 1, "{title} of the page on {}\n{page}", command.get_name());
            }
        }
    }
}
