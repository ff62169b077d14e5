//! What may stand where the cursor is: commands and their topics, methods of
//! the object before the dot, names declared so far, words of the language.

use super::{COMMANDS, help};
use crate::lsp::member::{Owner, owner_in};
use crate::objects::KINDS;
use crate::program::Growth;
use crate::program::kind::{ERROR_FIELDS, HANDLE_FIELDS, KindSpec, Memory, SELF_FIELDS, Update};
use crate::program::scope::Global;
use crate::report::phrase;

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

/// Further words that mean something in their places, and functions.
const BUILTINS: &[&str] = &["len", "min", "max", "abs", "str", "int", "choose", "fork", "wait"];

/// Where the word before `at` begins, and what it may become.
pub fn complete(line: &str, at: usize, growth: &Growth) -> (usize, Vec<Candidate>) {
    let before = &line[..at.min(line.len())];
    if let Some(command) = before.trim_start().strip_prefix(':') {
        return complete_command(before, command, growth);
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let start =
        before.rfind(|c: char| !is_word(c)).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let begun = &before[start..];
    let mut found = match before[..start].strip_suffix('.') {
        Some(owner) if !owner.ends_with('.') => members(line, start, growth),
        _ => words(before[..start].trim_end(), growth),
    };
    found.retain(|c| c.text.starts_with(begun) && c.text != begun);
    (start, sorted(found))
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
        let names = words("", growth).into_iter().filter(|c| c.text.starts_with(name) && is_object(&c.text, growth));
        return (before.len() - name.len(), sorted(names.collect()));
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

/// What stands behind the dot that ends `line[..at]`: who it is, the editors'
/// server knows of all that was entered with this line below it.
fn members(line: &str, at: usize, growth: &Growth) -> Vec<Candidate> {
    let text = format!("{}{line}", growth.text());
    match owner_in(text, growth.text().len() + at) {
        None => Vec::new(),
        Some(Owner::Running) => SELF_FIELDS.iter().map(|f| candidate(*f, "of the running task", false)).collect(),
        Some(Owner::Object(spec)) => {
            let with = spec.with.iter().filter(|w| !w.word.is_empty());
            let with = with.map(|w| candidate(w.word, format!("`with` of {}", phrase::one(spec.word)), true));
            methods(spec).chain(with).collect()
        }
        Some(Owner::Handle) => handle_fields().collect(),
        Some(Owner::Memory) => updates().collect(),
        Some(Owner::Record { name, fields }) => {
            fields.into_iter().map(|(field, kind)| candidate(field, format!("{kind}, of {name}"), false)).collect()
        }
        Some(Owner::Any) => {
            let fields = growth.program().structs.iter().flat_map(|s| s.fields.iter().map(move |f| (f, s)));
            fields
                .map(|(f, s)| candidate(f.name.clone(), format!("of {}", s.name), false))
                .chain(handle_fields())
                .chain(ERROR_FIELDS.iter().map(|f| candidate(*f, "of a caught error", false)))
                .chain(updates())
                .chain(KINDS.iter().filter(|k| !k.internal).flat_map(methods))
                .collect()
        }
    }
}

fn methods(spec: &'static KindSpec) -> impl Iterator<Item = Candidate> {
    let methods = spec.methods.iter().filter(|m| !m.name.starts_with('-'));
    methods.map(|m| candidate(format!("{}(", m.name), format!("of {}", phrase::one(spec.word)), false))
}

fn handle_fields() -> impl Iterator<Item = Candidate> {
    HANDLE_FIELDS.iter().map(|f| candidate(*f, "of a task", false))
}

fn updates() -> impl Iterator<Item = Candidate> {
    Update::METHODS.iter().map(|m| candidate(format!("{}(", m.0), "in one step", false))
}

/// Names and words, by what stands before them.
fn words(before: &str, growth: &Growth) -> Vec<Candidate> {
    let last = before.rsplit(|c: char| c.is_whitespace() || "({[;".contains(c)).next().unwrap_or("");
    let program = growth.program();
    let mut found: Vec<Candidate> = Vec::new();
    for name in growth.names() {
        let Some(global) = growth.global(name) else { continue };
        let (what, kind) = match global {
            Global::Const(_) => ("a constant".to_string(), "const"),
            Global::Memory(m) => (phrase::one(program.memory[*m as usize].memory.word()), "memory"),
            Global::Object(id) => {
                let word = KINDS[program.objects[*id as usize].kind as usize].word;
                (phrase::one(word), word)
            }
            Global::ObjectRow(row) => {
                let word = KINDS[program.object_rows[*row as usize].kind as usize].word;
                (format!("a row of {word}s"), word)
            }
            Global::Struct(_) => ("a struct".to_string(), "struct"),
            Global::Function(f) => match program.functions[*f as usize].kind {
                crate::program::code::FunctionKind::Task => ("a task".to_string(), "task"),
                _ => ("a fn".to_string(), "fn"),
            },
        };
        let fits = match last {
            "spawn" | "process" | "thread" | "daemon" | "submit" => matches!(kind, "task" | "fn"),
            "with" => KINDS.iter().any(|k| k.word == kind && !k.with.is_empty()),
            "to" => kind == "pool",
            "join" | "terminate" | "kill" => kind == "pool",
            _ => true,
        };
        if fits {
            found.push(candidate(name, what, false));
        }
    }
    let names_only = matches!(last, "with" | "to" | "submit");
    found.extend(growth.locals().filter(|_| !names_only).map(|l| candidate(l.0, "a local", false)));
    if matches!(last, "spawn") {
        found.extend(["process", "thread", "daemon"].map(|w| candidate(w, "how it is spawned", true)));
    } else if last == "join" {
        found.push(candidate("all", "every task that was spawned", false));
    } else if !names_only && !matches!(last, "terminate" | "kill" | "process" | "thread" | "daemon") {
        found.extend(WORDS.iter().map(|w| candidate(*w, "", true)));
        found.extend(BUILTINS.iter().map(|w| candidate(format!("{w}("), "built in", false)));
        let kinds = KINDS.iter().filter(|k| !k.internal).map(|k| k.word);
        let memory = [Memory::Var, Memory::Shared, Memory::Atomic].map(Memory::word);
        found.extend(kinds.chain(memory).map(|k| candidate(k, "declares one", true)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::parse::parse;

    fn texts(line: &str) -> Vec<String> {
        let declared = "lock m\nlock forks[3]\nqueue q(2)\nvar total = 0\ntask worker { }\npool p(2)\n\
            struct P { lock mu; var n = 0 }\nlet p2 = P()\nlet made = lock()\nlet h = spawn worker\nlet w = q.get()\n";
        let growth = Growth::new(KINDS).extend(&parse(declared).unwrap(), declared).unwrap().0;
        complete(line, line.len(), &growth).1.into_iter().map(|c| c.text).collect()
    }

    #[test]
    fn methods_are_those_of_the_kind() {
        assert_eq!(texts("m."), ["acquire(", "locked(", "release("]);
        assert_eq!(texts("forks[1].ac"), ["acquire("]);
        assert!(texts("print q.g").contains(&"get_nowait(".to_string()));
        assert!(texts("total.").contains(&"cas(".to_string()));
        assert_eq!(texts("made."), ["acquire(", "locked(", "release("]);
        assert_eq!(texts("made = queue()\nlet made = queue()\nmade.g"), ["get(", "get_nowait("]);
        assert_eq!(texts("p2."), ["mu", "n"]);
        assert_eq!(texts("p2.mu.ac"), ["acquire("]);
        assert_eq!(texts("h."), ["alive", "exit_code", "name", "pid", "result"]);
        assert_eq!(texts("self.pp"), ["ppid"]);
        for of_some in ["exit_code", "mu", "acquire(", "cas(", "message"] {
            assert!(texts("w.").contains(&of_some.to_string()), "{of_some}");
        }
        assert_eq!(texts("fn f() {\n    let l = semaphore(1)\n    l.acq"), ["acquire("], "a line that is not whole");
        assert_eq!(texts("0.."), texts(""), "the dots of a range are no field's");
    }

    #[test]
    fn names_are_those_that_fit() {
        assert_eq!(texts("spawn w"), ["worker"]);
        assert_eq!(texts("with "), ["forks", "m"]);
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
