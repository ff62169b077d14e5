//! The commands: their table, and what each does. What `:help` shows of the
//! language is in `help`, how tasks and objects are shown in `show`.

use super::entry::{Whole, as_script, by_definition, defined_again};
use super::{Repl, Reply, graph, help, lock, show};
use crate::lang::error::nearest;
use crate::run::scene::Scene;
use crate::{lang, objects, program, report, run};

/// A command of the session.
pub struct Command {
    /// Its name, and shorter ones.
    pub names: &'static [&'static str],
    /// What it takes, as the help shows it.
    pub args: &'static str,
    pub help: &'static str,
    run: fn(&mut Repl, &str) -> Reply,
}

/// Of what is no statement: the command that was meant by it.
pub(super) fn meant(text: &str) -> Option<&'static str> {
    let text = text.trim().trim_end_matches(';').trim_end_matches("()").trim_end();
    match text.split_once(' ').map_or(text, |(word, _)| word) {
        "help" | "?" | "man" => Some("write `:help`, or `:help TOPIC`"),
        _ if matches!(text, "quit" | "exit" | "bye" | "logout") => Some("write `:quit`; Ctrl-D leaves too"),
        _ => None,
    }
}

/// How one leaves.
pub const QUIT: &[&str] = &["quit", "q", "exit"];

/// All of them, in the order in which the help shows them.
pub const COMMANDS: &[Command] = &[
    Command { names: &["help", "h", "?"], args: "[TOPIC]", help: "this, or a part of the reference", run: Repl::help },
    Command { names: &["tasks", "t"], args: "", help: "each task: what it does, what it holds", run: Repl::tasks },
    Command {
        names: &["objects", "o"],
        args: "[NAME]",
        help: "each lock's owner, each queue's content, each variable",
        run: Repl::objects,
    },
    Command { names: &["graph", "g"], args: "", help: "who waits for whom", run: Repl::graph },
    Command { names: &["findings", "f"], args: "", help: "what was found so far", run: Repl::findings },
    Command {
        names: &["check"],
        args: "",
        help: "explores every interleaving of what was entered: `conc check`",
        run: Repl::check,
    },
    Command {
        names: &["step"],
        args: "",
        help: "goes through what was entered as the scheduler: `conc step`",
        run: Repl::step,
    },
    Command { names: &["load"], args: "FILE", help: "enters a script", run: Repl::load },
    Command {
        names: &["save", "save!"],
        args: "FILE",
        help: "writes what was entered as a script; `:save!` also over a file",
        run: Repl::save,
    },
    Command {
        names: &["undo", "u"],
        args: "",
        help: "takes the last entry back; all before it is done again",
        run: Repl::undo,
    },
    Command { names: &["reset"], args: "", help: "ends all tasks and forgets everything", run: Repl::reset },
    Command { names: &["time"], args: "EXPR", help: "the value, and how long it took", run: Repl::time },
    Command { names: QUIT, args: "", help: "ends all tasks and leaves; so does Ctrl-D", run: Repl::quit },
];

impl Repl {
    /// A line after its colon.
    pub(super) fn command(&mut self, line: &str) -> Reply {
        let (name, args) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let is = |c: &&Command| c.names.contains(&name);
        let only = |c: &&&Command| c.names[0].starts_with(name) && !name.is_empty();
        let begun: Vec<&Command> = COMMANDS.iter().collect::<Vec<_>>().iter().filter(only).copied().collect();
        let command = COMMANDS.iter().find(is).or(match begun[..] {
            [one] => Some(one),
            _ => None,
        });
        let Some(command) = command else {
            let near = nearest(name, COMMANDS.iter().flat_map(|c| c.names.iter().copied()));
            let help = near.map_or("`:help` lists them".to_string(), |n| format!("did you mean `:{n}`?"));
            return self.unable(format!("there is no command `:{name}`; {help}\n"));
        };
        let args = args.trim();
        if (command.args.is_empty() && !args.is_empty())
            || (args.is_empty() && !command.args.is_empty() && !command.args.starts_with('['))
        {
            return self.unable(format!("write `:{}`\n", usage(command)));
        }
        let args = if name.ends_with('!') { format!("! {args}") } else { args.to_string() };
        (command.run)(self, &args)
    }

    /// A command that cannot be carried out is wrong input, as an entry that is wrong.
    fn unable(&mut self, sentence: impl Into<String>) -> Reply {
        self.wrong = true;
        Reply::err(sentence)
    }

    fn help(&mut self, topic: &str) -> Reply {
        let style = &self.told.style();
        match help::topic(topic, style) {
            Ok(text) => Reply::out(text),
            Err(text) => self.unable(text),
        }
    }

    pub(super) fn scene(&mut self) -> Result<Scene, Reply> {
        let Some(session) = &self.session else { return Err(Reply::err("the session has ended\n")) };
        session.look().map_err(|over| self.ended(over))
    }

    fn tasks(&mut self, _: &str) -> Reply {
        let source = lock(&self.told.source).clone();
        match self.scene() {
            Ok(scene) => Reply::out(show::tasks(&scene, &source, self.told.style().width)),
            Err(reply) => reply,
        }
    }

    fn objects(&mut self, name: &str) -> Reply {
        match self.scene() {
            Ok(scene) => match show::objects(&scene, name) {
                Ok(text) => Reply::out(text),
                Err(text) => self.unable(text),
            },
            Err(reply) => reply,
        }
    }

    fn graph(&mut self, _: &str) -> Reply {
        let style = self.told.style();
        match self.scene() {
            Ok(scene) => Reply::out(graph::draw(&scene, &style)),
            Err(reply) => reply,
        }
    }

    fn findings(&mut self, _: &str) -> Reply {
        let (source, findings) = (lock(&self.told.source), lock(&self.told.findings));
        if findings.is_empty() {
            return Reply::out("nothing was found so far\n");
        }
        let shown = findings.iter().map(|f| report::finding(&source, f, &self.told.style()));
        Reply::out(shown.collect::<Vec<_>>().join("\n"))
    }

    /// What was entered; an error if that is nothing.
    fn whole(&mut self) -> Result<Box<Whole>, Reply> {
        if self.entered.is_empty() {
            return Err(self.unable("nothing was entered yet\n"));
        }
        Ok(Box::new(Whole::of(&self.entered)))
    }

    fn check(&mut self, _: &str) -> Reply {
        match self.whole() {
            Ok(whole) => Reply { check: Some(whole), ..Reply::default() },
            Err(reply) => reply,
        }
    }

    fn step(&mut self, _: &str) -> Reply {
        match self.whole() {
            Ok(whole) => Reply { step: Some(whole), ..Reply::default() },
            Err(reply) => reply,
        }
    }

    /// Enters a script as one text.
    pub fn load(&mut self, file: &str) -> Reply {
        let read = std::fs::read(file).map_err(|e| format!("{file} cannot be read: {}", plain(&e)));
        match read.and_then(|bytes| report::Source::from_bytes(file, bytes)) {
            Ok(source) => self.statements_from(&source).0,
            Err(sentence) => self.unable(format!("{sentence}\n")),
        }
    }

    fn save(&mut self, file: &str) -> Reply {
        let (over, file) = match file.strip_prefix("! ") {
            Some(file) => (true, file.trim()),
            None => (false, file),
        };
        let text = as_script(&self.entered);
        if let Err(e) = run::write_file(std::path::Path::new(file), &text, over) {
            if std::path::Path::new(file).is_dir() {
                return self.unable(format!("{file} is a folder: name a file in it\n"));
            }
            if e.kind() == std::io::ErrorKind::AlreadyExists {
                return self.unable(format!("{file} is there already; `:save! {file}` writes over it\n"));
            }
            return self.unable(format!("{file} cannot be written: {}\n", plain(&e)));
        }
        let lines = text.lines().count();
        let mut reply = Reply::out(format!("{file}: {lines} line{}\n", if lines == 1 { "" } else { "s" }));
        let script = lang::parse::parse(&text);
        let errors = match &script {
            Ok(script) => program::compile(script, &text, objects::KINDS, &[]).err().unwrap_or_default(),
            Err(errors) => errors.clone(),
        };
        if !errors.is_empty() {
            let style = report::Style { quiet: true, ..self.told.style() };
            reply.err = report::script_errors(&report::Source::new(file, text), &errors, &style);
            let again = defined_again(&self.entered);
            if let Some((name, line)) = errors.iter().find_map(|error| by_definition(error, &again)) {
                reply.err.push_str(&format!(
                    "line {line} defines `{name}` again, and a script has one `{name}`, the last: \
                     mend in {file} what was entered for the one before\n"
                ));
            }
        }
        reply
    }

    fn undo(&mut self, _: &str) -> Reply {
        let Some(taken) = self.entered.pop() else { return self.unable("nothing was entered yet\n") };
        let entries = std::mem::take(&mut self.entered);
        let count = entries.len();
        match self.replay(entries) {
            Ok(()) => {
                let first = taken.text.lines().next().unwrap_or("");
                let more = if taken.text.lines().count() > 1 { " …" } else { "" };
                let again = if count == 1 {
                    "1 entry was done again".to_string()
                } else {
                    format!("{count} entries were done again")
                };
                Reply::out(format!("taken back: {first}{more}\n{again}\n"))
            }
            Err(sentence) => self.unable(format!("{sentence}; this is an empty session\n")),
        }
    }

    fn reset(&mut self, _: &str) -> Reply {
        match self.replay(Vec::new()) {
            Ok(()) => Reply::default(),
            Err(sentence) => Reply { err: format!("{sentence}\n"), over: Some(4), ..Reply::default() },
        }
    }

    fn time(&mut self, text: &str) -> Reply {
        let (mut reply, ns) = self.statements(text);
        if let Some(ns) = ns {
            reply.out.push_str(&format!("{}\n", show::time(ns)));
        }
        reply
    }

    fn quit(&mut self, _: &str) -> Reply {
        self.quitting = true;
        Reply { over: Some(self.exit_code()), ..Reply::default() }
    }
}

/// `:load FILE` without its colon.
pub fn usage(command: &Command) -> String {
    [command.names[0], command.args].join(" ").trim_end().to_string()
}

fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
