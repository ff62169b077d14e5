//! Who took part in a finding: which tasks, threads or processes they are,
//! where they were spawned, how they ended and what they hold. The places and
//! sentences of a kind of finding are in its own file.

use crate::detect::finding::{Ending, Held, Mode, TaskFacts};
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place};
use crate::report::source::Source;
use crate::report::{Style, phrase};

/// So many lines say what the tasks are, unless everything is asked for.
const KINDS_MAX: usize = 4;

/// How a task ended, as the end of a sentence about it.
pub fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Returned => "has ended".into(),
        Ending::Failed(kind) => format!("failed with {kind}"),
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Signalled(signal) => format!("was ended by {}", signal_name(*signal)),
        Ending::Terminated => "was terminated".into(),
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        16 => "SIGSTKFLT",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        26 => "SIGVTALRM",
        27 => "SIGPROF",
        29 => "SIGIO",
        30 => "SIGPWR",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    name.to_string()
}

/// ` since line 5`, or nothing.
pub fn since(source: &Source, span: Option<Span>) -> String {
    span.map(|s| format!(" since line {}", source.line(s))).unwrap_or_default()
}

/// `m since line 5 and rw for reading`.
pub fn held(source: &Source, holds: &[Held]) -> String {
    let each: Vec<String> =
        holds.iter().map(|h| format!("{}{}{}", h.lock, mode(h.mode), since(source, h.since))).collect();
    phrase::list(&each, usize::MAX)
}

/// How a lock is held, where that must be said.
pub fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Exclusive => "",
        Mode::Reading => " for reading",
        Mode::Writing => " for writing",
    }
}

/// Whether two tasks run in different processes.
pub fn apart(a: &TaskFacts, b: &TaskFacts) -> bool {
    a.home.zip(b.home).is_some_and(|(a, b)| a != b)
}

/// Adds where the tasks were spawned, and a note on what they are.
pub fn introduce(diagnostic: &mut Diagnostic, tasks: &[&TaskFacts], style: &Style) {
    let mut seen: Vec<&TaskFacts> = Vec::new();
    for task in tasks {
        if !seen.iter().any(|t| t.serial == task.serial) {
            seen.push(task);
        }
    }
    spawned(diagnostic, &seen, style);
    let lines = kinds(&seen, style);
    diagnostic.lines("tasks", lines);
}

fn spawned(diagnostic: &mut Diagnostic, tasks: &[&TaskFacts], style: &Style) {
    let mut groups: Vec<(Span, &str, Vec<&str>)> = Vec::new();
    for task in tasks {
        let Some(span) = task.spawned else { continue };
        let spawner = task.spawner.as_deref().unwrap_or("");
        match groups.iter_mut().find(|(s, by, _)| *s == span && *by == spawner) {
            Some((_, _, names)) => names.push(&task.name),
            None => groups.push((span, spawner, vec![&task.name])),
        }
    }
    for (span, spawner, names) in groups {
        let names = phrase::list(&names, style.names_max());
        let label = if spawner.is_empty() {
            format!("{names} spawned here")
        } else {
            format!("{spawner} spawned {names} here")
        };
        diagnostic.place(Place::new(span, label));
    }
}

/// `a and b are threads of process 4711`; nothing is said of what goes
/// without saying: threads where no process is known.
fn kinds(tasks: &[&TaskFacts], style: &Style) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for task in tasks {
        let what = match (task.process, task.pid) {
            (true, 0) if task.serial == 0 => continue,
            (true, 0) => "is a process".to_string(),
            (true, pid) => format!("is process {pid}"),
            (false, 0) => "is a thread".to_string(),
            (false, pid) if style.verbose && task.tid != 0 => format!("is thread {} of process {pid}", task.tid),
            (false, pid) => format!("is a thread of process {pid}"),
        };
        match groups.iter_mut().find(|(w, _)| *w == what) {
            Some((_, names)) => names.push(&task.name),
            None => groups.push((what, vec![&task.name])),
        }
    }
    if groups.iter().all(|(what, _)| what == "is a thread") {
        return Vec::new();
    }
    let mut lines: Vec<String> = Vec::new();
    let rest: usize = groups.iter().skip(KINDS_MAX).map(|(_, names)| names.len()).sum();
    let shown = if style.verbose { groups.len() } else { KINDS_MAX };
    lines.extend(groups.iter().take(shown).map(|(what, names)| of_kind(what, names, style)));
    if rest > 0 && !style.verbose {
        lines.push(format!("and {rest} more"));
    }
    lines
}

fn of_kind(what: &str, names: &[&str], style: &Style) -> String {
    if names.len() == 1 {
        return phrase::deed(names, 1, what);
    }
    let what = what.replacen("is a process", "is processes", 1).replacen("is a thread", "is threads", 1);
    phrase::deed(names, style.names_max(), &what)
}
