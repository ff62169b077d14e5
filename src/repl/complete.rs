//! What may stand where the cursor is: commands and their topics; within an entry what
//! the editors' server offers there.

use super::{COMMANDS, help};
use crate::lsp::complete::{Offer, offers_in};
use crate::program::Growth;
use crate::program::scope::Global;

/// A word that can be put in place of what is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    /// What it is, in a few words.
    pub what: String,
    /// A blank may follow.
    pub whole: bool,
}

/// Words that begin statements or stand in them.
pub const WORDS: &[&str] = &[
    "after",
    "and",
    "assert",
    "atomically",
    "await",
    "break",
    "busy",
    "catch",
    "const",
    "continue",
    "else",
    "exit",
    "expect",
    "false",
    "finally",
    "fn",
    "for",
    "if",
    "in",
    "invariant",
    "join",
    "kill",
    "let",
    "loop",
    "none",
    "not",
    "or",
    "print",
    "raise",
    "repeat",
    "return",
    "select",
    "self",
    "sleep",
    "spawn",
    "struct",
    "submit",
    "task",
    "terminate",
    "true",
    "try",
    "while",
    "with",
    "yield",
];

/// Where the word before `at` begins, and what it may become.
pub fn complete(line: &str, at: usize, growth: &Growth) -> (usize, Vec<Candidate>) {
    let before = &line[..at.min(line.len())];
    let command = before.trim_start().strip_prefix(':');
    // What is timed is an entry like any other.
    if let Some(entry) = command.and_then(|c| c.strip_prefix("time ")) {
        return in_entry(line, before.len() - entry.len(), before.len(), growth);
    }
    match command {
        Some(command) => complete_command(before, command, growth),
        None => in_entry(line, 0, before.len(), growth),
    }
}

/// In the entry that begins at `from`: what the editors' server would offer in a script
/// of all that was entered, with this below it.
fn in_entry(line: &str, from: usize, at: usize, growth: &Growth) -> (usize, Vec<Candidate>) {
    let begun = line[from..at].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').map(char::len_utf8);
    let start = at - begun.sum::<usize>();
    let begun = &line[start..at];
    let offered = offers_in(growth.text(), &line[from..], at - from).into_iter();
    let mut found: Vec<Candidate> = offered.map(of_offer).collect();
    found.retain(|c| c.text.starts_with(begun) && c.text != begun);
    (start, sorted(found))
}

fn of_offer(offer: Offer) -> Candidate {
    let whole = offer.is_keyword();
    let text = if offer.call.is_some() { format!("{}(", offer.label) } else { offer.label };
    candidate(text, offer.detail, whole)
}

fn sorted(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.sort_by(|a, b| a.text.cmp(&b.text));
    found.dedup_by(|a, b| a.text == b.text);
    found
}

fn is_object(name: &str, growth: &Growth) -> bool {
    matches!(growth.global(name), Some(Global::Object(_) | Global::ObjectRow(_) | Global::Memory(_)))
}

/// Scripts and folders whose path begins so.
fn scripts(path: &str) -> Vec<Candidate> {
    let (folder, begun) = path.rsplit_once('/').map_or(("", path), |(f, name)| (&path[..=f.len()], name));
    let here = if folder.is_empty() { "." } else { folder };
    let entries = std::fs::read_dir(here).into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_folder = entry.path().is_dir();
        let fits = name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.'));
        let text = format!("{folder}{name}{}", if is_folder { "/" } else { "" });
        (fits && (is_folder || name.ends_with(".conc"))).then(|| candidate(text, "", false))
    });
    sorted(found.collect())
}

fn candidate(text: impl Into<String>, what: impl Into<String>, whole: bool) -> Candidate {
    Candidate { text: text.into(), what: what.into(), whole }
}

fn complete_command(before: &str, command: &str, growth: &Growth) -> (usize, Vec<Candidate>) {
    let start = before.len() - command.len();
    if let Some(topic) = command.strip_prefix("help ") {
        let topics = help::topics().into_iter().filter(|t| t.starts_with(topic));
        return (before.len() - topic.len(), topics.map(|t| candidate(t, "", false)).collect());
    }
    if let Some(name) = command.strip_prefix("objects ") {
        let names = growth.names().filter(|n| n.starts_with(name) && is_object(n, growth));
        return (before.len() - name.len(), sorted(names.map(|n| candidate(n, "", false)).collect()));
    }
    if let Some(path) = ["load ", "save "].iter().find_map(|c| command.strip_prefix(c)) {
        return (before.len() - path.len(), scripts(path));
    }
    if command.contains(' ') {
        return (before.len(), Vec::new());
    }
    let commands = COMMANDS.iter().filter(|c| c.names[0].starts_with(command));
    (start, commands.map(|c| candidate(c.names[0], c.help, !c.args.is_empty())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse::parse;
    use crate::objects::KINDS;

    fn texts(line: &str) -> Vec<String> {
        let declared = "lock m\nlock forks[3]\nqueue q(2)\nvar total = 0\natomic count = 0\nshared cells[2] = 0\n\
            task worker { }\nfn made_of(n) { return n }\npool p(2)\nconst LIMIT = 3\n\
            struct P { lock mu; var n = 0 }\nlet p2 = P()\nlet made = lock()\nlet h = spawn worker\n\
            let hs = spawn worker x2\nlet xs = [1, 2]\nlet w = q.get()\nvar late = 0\nlate = spawn worker\n";
        let growth = match Growth::new(KINDS).extend(&parse(declared).unwrap(), declared) {
            Ok((growth, _)) => growth,
            Err(errors) => panic!("{errors:?}"),
        };
        complete(line, line.len(), &growth).1.into_iter().map(|c| c.text).collect()
    }

    #[test]
    fn methods_are_those_of_the_kind() {
        assert_eq!(texts("m."), ["acquire(", "locked(", "release("]);
        assert_eq!(texts("forks[1].ac"), ["acquire("]);
        assert!(texts("print q.g").contains(&"get_nowait(".to_string()));
        assert!(texts("count.").contains(&"cas(".to_string()));
        assert_eq!(texts("for f in forks { f.ac"), ["acquire("]);
        assert_eq!(texts("for f in forks { with f { print f.l"), ["locked("]);
        assert_eq!(texts("for h in hs { print h.al"), ["alive"]);
        assert_eq!(texts("hs[0].al"), ["alive"]);
        assert_eq!(texts("let k = choose(forks); k.rel"), ["release("]);
        assert_eq!(texts("late.resu"), ["result"], "another value was assigned");
        for nothing in
            ["total.", "xs.", "xs[0].", "hs.", "cells.", "cells[0].", "forks.", "LIMIT.", "for i in 0..3 { i."]
        {
            assert_eq!(texts(nothing), Vec::<String>::new(), "{nothing}");
        }
        assert_eq!(texts("try { q.get_nowait() } catch Empty as e { print e."), ["kind", "message"]);
        assert_eq!(texts("made."), ["acquire(", "locked(", "release("]);
        assert_eq!(texts("made = queue()\nlet made = queue()\nmade.g"), ["get(", "get_nowait("]);
        assert_eq!(texts("p2."), ["mu", "n"]);
        assert_eq!(texts("p2.mu.ac"), ["acquire("]);
        assert_eq!(texts("h."), ["alive", "exit_code", "name", "pid", "result"]);
        assert_eq!(texts("self.pp"), ["ppid"]);
        for of_some in ["exit_code", "mu", "acquire(", "cas(", "message"] {
            assert!(texts("w.").contains(&of_some.to_string()), "{of_some}");
        }
        assert_eq!(texts(":time p2."), ["mu", "n"]);
        assert_eq!(texts("fn f() {\n    let l = semaphore(1)\n    l.acq"), ["acquire("], "a line that is not whole");
        assert!(texts("for i in 0..").contains(&"LIMIT".to_string()), "the dots of a range are no field's");
    }

    #[test]
    fn names_are_those_that_fit() {
        assert_eq!(texts("spawn w"), ["worker"]);
        assert_eq!(texts("with "), ["forks", "late", "m", "made", "p2", "w"]);
        assert_eq!(texts("task t(a) { with "), ["a", "forks", "late", "m"]);
        assert_eq!(texts("spawn "), ["daemon", "made_of", "process", "thread", "w", "worker"]);
        assert_eq!(texts("spawn process "), ["made_of", "w", "worker"]);
        assert_eq!(texts("join "), ["all", "h", "hs", "late", "p", "w"]);
        assert_eq!(texts("kill "), ["h", "hs", "late", "self", "w"]);
        let caught = texts("try { q.get_nowait() } catch ");
        assert!(["Empty", "Closed", "any"].iter().all(|kind| caught.contains(&kind.to_string())), "{caught:?}");
        assert!(!caught.contains(&"m".to_string()), "{caught:?}");
        for begun in ["q.get(timeout: LI", "q.get(timeout:LI", ":time LI", ":time q.get(timeout:LI"] {
            assert_eq!(texts(begun), ["LIMIT"], "{begun}");
        }
        assert_eq!(texts("q.get(time"), ["timeout: "]);
        assert_eq!(texts("submit worker to "), ["p"]);
        assert_eq!(texts("tot"), ["total"]);
        assert!(texts("semap").contains(&"semaphore".to_string()));
        assert_eq!(texts("join al"), ["all"]);
    }

    #[test]
    fn commands_and_topics() {
        assert_eq!(texts(":lo"), ["load"]);
        assert_eq!(texts(":help semap"), ["semaphore"]);
        assert_eq!(texts("print é.x"), Vec::<String>::new());
        assert_eq!(texts(":objects fo"), ["forks"]);
        assert_eq!(texts(":load scenarios/ba"), ["scenarios/basics/"]);
        assert_eq!(texts(":load scenarios/basics/hel"), ["scenarios/basics/hello.conc"]);
    }
}
