//! An example or more for each command: under `--help`, and on the manual's
//! pages.

/// A command line and what it is for.
pub struct Example {
    pub line: &'static str,
    pub what: &'static str,
}

const fn example(line: &'static str, what: &'static str) -> Example {
    Example { line, what }
}

/// By the name of the command; the empty name is `conc` itself.
const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "",
        &[
            example("conc run bank.conc", "run a script on real threads and processes"),
            example("conc check bank.conc", "explore every interleaving: what can happen and what cannot"),
            example("conc explain deadlock", "read what a finding is and how to mend it"),
            example("conc run --help", "the options of a command, with examples"),
        ],
    ),
    (
        "run",
        &[
            example("conc run bank.conc", "run it, and report what went wrong"),
            example("conc run -D TELLERS=5 bank.conc", "with another value for `const TELLERS`"),
            example("conc run --repeat 100 --shake bank.conc", "run it a hundred times: how often what happens"),
            example("conc run --hang --time-limit 60s deadlock.conc", "leave a deadlock standing for a debugger"),
            example("conc run --timeline bank.html bank.conc", "a picture of the run, for a browser"),
            example("conc run --format json bank.conc", "one JSON object a line, for other programs"),
        ],
    ),
    (
        "check",
        &[
            example("conc check bank.conc", "every interleaving: proofs of absence, shortest ways to what is found"),
            example("conc check -D TELLERS=2 bank.conc", "with another value for `const TELLERS`"),
            example(
                "conc check --time-limit 60s bank.conc",
                "what is known after a minute; exit code 3 if that is not all",
            ),
            example("conc check --format json bank.conc", "one JSON object a line, for other programs"),
        ],
    ),
    (
        "replay",
        &[
            example(
                "conc replay bank.conc 0x3.1x2.0",
                "a schedule that `conc check` printed, on real threads and processes",
            ),
            example("conc replay --model bank.conc 0x3.1x2.0", "the same in the explorer"),
        ],
    ),
    (
        "test",
        &[
            example("conc test scenarios", "every script below a folder against its own `expect` lines"),
            example(
                "conc test --time-limit 60s scenarios",
                "none longer than a minute; exit code 3 if that was not enough",
            ),
            example("conc test --format junit scenarios > report.xml", "for a CI server"),
            example("conc test -v bank.conc", "what nobody expected, in full"),
        ],
    ),
    (
        "step",
        &[
            example("conc step bank.conc", "choose who goes next; h lists the commands"),
            example("conc step bank.conc < moves.txt", "the commands from a file, a line each"),
            example("conc step bank.conc --schedule 0x2.1", "after the turns of a schedule that check printed"),
        ],
    ),
    (
        "replay",
        &[
            example("conc replay bank.conc 0x3.1x2.0", "run that one interleaving on real threads and processes"),
            example("conc replay --model bank.conc 0x3.1x2.0", "the same in the explorer"),
        ],
    ),
    (
        "fmt",
        &[
            example("conc fmt bank.conc", "bring a script into the one layout"),
            example("conc fmt --check scenarios", "tell which scripts below a folder are not in it"),
            example("conc fmt - < bank.conc", "from standard input to standard output, for editors"),
        ],
    ),
    (
        "explain",
        &[example("conc explain", "list all findings"), example("conc explain lost-wakeup", "the page on one of them")],
    ),
    (
        "repl",
        &[
            example("conc repl", "declare, spawn, look, try again; `conc` alone does the same at a terminal"),
            example("conc repl bank.conc", "enter a script first, and go on from there"),
            example("conc repl --transcript < session.txt", "answer what a file says, and show both"),
        ],
    ),
    ("lsp", &[example("conc lsp", "what an editor starts; it talks on standard input and output")]),
    (
        "completions",
        &[
            example("conc completions bash > ~/.local/share/bash-completion/completions/conc", "for bash"),
            example("conc completions zsh > ~/.zfunc/_conc", "for zsh, with ~/.zfunc in its fpath"),
            example("conc completions fish > ~/.config/fish/completions/conc.fish", "for fish"),
        ],
    ),
    (
        "man",
        &[
            example("conc man | man -l -", "read the manual page of conc"),
            example("conc man run | man -l -", "read that of `conc run`"),
            example(
                "conc man --folder ~/.local/share/man/man1",
                "install all pages, for `man conc` and `man conc-run`",
            ),
        ],
    ),
];

/// The examples of a command.
pub fn of(command: &str) -> &'static [Example] {
    EXAMPLES.iter().find(|e| e.0 == command).map_or(&[], |e| e.1)
}

/// The end of a command's `--help`.
pub fn help(command: &str) -> String {
    let lines = of(command).iter().map(|e| format!("  {}\n      {}", e.line, e.what));
    format!("Examples:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::{CommandFactory, Parser};

    /// The words of an example up to what is the shell's.
    fn words(line: &str) -> Vec<&str> {
        line.split(' ').take_while(|w| !matches!(*w, "|" | "<" | ">")).collect()
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        let cli = Cli::command();
        for command in cli.get_subcommands().chain([&cli]) {
            let name = if command.get_name() == "conc" { "" } else { command.get_name() };
            assert!(!of(name).is_empty(), "no example of `conc {name}`");
            let after = command.get_after_help().map(|h| h.to_string()).unwrap_or_default();
            assert!(after.contains(&help(name)), "the help of `conc {name}` does not show its examples");
        }
    }

    #[test]
    fn examples_are_commands_that_conc_understands() {
        for (command, examples) in EXAMPLES {
            for e in *examples {
                let words = words(e.line);
                assert!(command.is_empty() || words.get(1) == Some(command), "{}", e.line);
                match Cli::try_parse_from(&words) {
                    Ok(_) => {}
                    Err(error) => assert!(!error.use_stderr(), "{}: {error}", e.line),
                }
            }
        }
    }
}
