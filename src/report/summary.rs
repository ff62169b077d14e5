//! The end of a run for people: a line for each task that matters, and one
//! line with how many there were, how long it took and what was found. The
//! findings themselves are in `finding`, the table of many runs in `repeat`.

use super::finding::who;
use super::{Style, phrase};
use crate::detect::finding::{Ending, TaskFacts};

/// So many lines about tasks, unless everything is asked for.
const LINES_MAX: usize = 20;
/// The width of the column of names, at most.
const NAMES_WIDTH_MAX: usize = 24;

/// A task at the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskLine {
    pub facts: TaskFacts,
    /// It is of so many tasks that the same is said.
    pub count: u64,
    /// `None`: it had not ended, so it is stuck.
    pub ending: Option<Ending>,
    /// What it returned, as the script would print it.
    pub result: Option<String>,
    /// More about it, such as what it waits for; may be empty.
    pub note: String,
}

/// A run as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSummary {
    pub findings: u64,
    pub notes: u64,
    /// All tasks, `main` with them.
    pub tasks: u64,
    pub threads: u64,
    pub processes: u64,
    pub duration_ms: f64,
    pub exit_code: i32,
    pub lines: Vec<TaskLine>,
    /// The time that threads waited for the interpreter lock, under `--gil`.
    pub gil_wait_ms: Option<f64>,
    /// The user ended it, by Ctrl-C or a time limit.
    pub interrupted: bool,
}

/// How a task ended in one or a few words: `returned`, `failed with Empty`,
/// `stuck`.
pub fn ended(ending: Option<&Ending>) -> String {
    match ending {
        None => "stuck".into(),
        Some(Ending::Returned) => "returned".into(),
        // In a list after names, which may be several: no verb.
        Some(other) => who::ending(other).trim_start_matches("was ").to_string(),
    }
}

/// The end of a run as text. Without `verbose`, tasks that simply returned are
/// not told; with `quiet`, nothing is.
pub fn text(run: &RunSummary, style: &Style) -> String {
    let style = style.within_bounds();
    if style.quiet {
        return String::new();
    }
    let mut out = tasks(run, &style);
    for line in phrase::wrap(&last_line(run), style.width) {
        out.push_str(&style.paint("1", &line));
        out.push('\n');
    }
    out
}

/// Tasks of which the same is to be said share a line.
fn tasks(run: &RunSummary, style: &Style) -> String {
    let mut groups: Vec<(String, Vec<&str>, u64)> = Vec::new();
    for line in &run.lines {
        if line.ending == Some(Ending::Returned) && line.note.is_empty() && !style.verbose {
            continue;
        }
        let what = state(line, style);
        let more = line.count.saturating_sub(1);
        match groups.iter_mut().find(|(w, ..)| *w == what) {
            Some((_, names, others)) => {
                names.push(&line.facts.name);
                *others += more;
            }
            None => groups.push((what, vec![&line.facts.name], more)),
        }
    }
    let lines_max = if style.verbose { usize::MAX } else { LINES_MAX };
    let rest: u64 = groups.iter().skip(lines_max).map(|(_, names, more)| names.len() as u64 + more).sum();
    let shown: Vec<(String, String)> = groups
        .into_iter()
        .take(lines_max)
        .map(|(what, names, more)| (style.own(&phrase::list_of(&names, more, 2)), style.own(&what)))
        .collect();
    let column = shown.iter().map(|(names, _)| phrase::columns(names)).max().unwrap_or(0).min(NAMES_WIDTH_MAX);
    let mut out: String = shown.iter().map(|(names, what)| row(names, what, column, style)).collect();
    if rest > 0 {
        out.push_str(&format!("  and {}\n", phrase::count(rest, "task").replacen(" ", " more ", 1)));
    }
    out
}

fn row(names: &str, what: &str, column: usize, style: &Style) -> String {
    let indent = column + 4;
    let long = phrase::columns(names);
    let mut out = format!("  {names}");
    if long > column {
        out = phrase::wrap(names, style.width - 2).iter().map(|l| format!("  {l}\n")).collect();
    }
    for (n, line) in phrase::wrap(what, style.width.saturating_sub(indent)).iter().enumerate() {
        let blanks = if n == 0 && long <= column { column - long + 2 } else { indent };
        out.push_str(&format!("{}{line}\n", " ".repeat(blanks)));
    }
    out
}

fn state(line: &TaskLine, style: &Style) -> String {
    let mut text = ended(line.ending.as_ref());
    if let Some(result) = line.result.as_ref().filter(|r| *r != "none") {
        text = format!("{text} {}", phrase::cut(result, 40));
    }
    if !line.note.is_empty() {
        text = format!("{text}: {}", line.note);
    }
    if style.verbose && line.facts.pid != 0 {
        let facts = &line.facts;
        let kind = if facts.process { "process" } else { "thread of process" };
        text = format!("{text} ({kind} {})", facts.pid);
    }
    text
}

fn last_line(run: &RunSummary) -> String {
    let kinds = match (run.threads, run.processes) {
        (0, 0) => String::new(),
        (threads, 0) => format!(" ({})", phrase::count(threads, "thread")),
        (0, processes) => format!(" ({})", phrase::count(processes, "process")),
        (threads, processes) => {
            format!(" ({}, {})", phrase::count(threads, "thread"), phrase::count(processes, "process"))
        }
    };
    let found = findings(run.findings, run.notes);
    let gil = run.gil_wait_ms.map(|ms| format!(" ({} of waiting for the interpreter lock)", duration(ms)));
    let interrupted = if run.interrupted { ", interrupted" } else { "" };
    let tasks = phrase::count(run.tasks, "task");
    format!("{tasks}{kinds}, {}{}{interrupted}: {found}", duration(run.duration_ms), gil.unwrap_or_default())
}

/// `no findings`, `2 findings, 1 note`.
pub fn findings(findings: u64, notes: u64) -> String {
    let found = match findings {
        0 => "no findings".to_string(),
        n => phrase::count(n, "finding"),
    };
    if notes > 0 { format!("{found}, {}", phrase::count(notes, "note")) } else { found }
}

/// `0.4 ms`, `12 ms`, `1.25 s`, `2 min 5 s`.
pub fn duration(ms: f64) -> String {
    match ms {
        ms if !ms.is_finite() || ms < 0.0 => "0 ms".into(),
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 60_000.0 => format!("{:.2} s", ms / 1000.0),
        ms => format!("{:.0} min {:.0} s", (ms / 60_000.0).floor(), (ms % 60_000.0 / 1000.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str, ending: Option<Ending>, note: &str) -> TaskLine {
        let facts = TaskFacts {
            serial: 1,
            name: name.into(),
            process: false,
            home: Some(4711),
            pid: 4711,
            tid: 4712,
            spawned: None,
            spawner: None,
        };
        TaskLine { facts, count: 1, ending, result: None, note: note.into() }
    }

    fn run(lines: Vec<TaskLine>) -> RunSummary {
        RunSummary {
            findings: 1,
            notes: 2,
            tasks: 4,
            threads: 3,
            processes: 1,
            duration_ms: 12.3,
            lines,
            ..RunSummary::default()
        }
    }

    #[test]
    fn what_matters_and_one_last_line() {
        let mut lines = vec![
            task("teller#0", Some(Ending::Failed("Empty".into())), "q is empty"),
            task("teller#1", Some(Ending::Returned), ""),
            task("w", Some(Ending::Exited(3)), ""),
        ];
        lines.extend((0..5).map(|n| task(&format!("worker#{n}"), None, "waits for lock m at line 7")));
        insta::assert_snapshot!(text(&run(lines.clone()), &Style::default()), @r#"
          teller#0             failed with Empty: q is empty
          w                    exited with code 3
          worker#0 and 4 more  stuck: waits for lock m at line 7
        4 tasks (3 threads, 1 process), 12 ms: 1 finding, 2 notes
        "#);
        let verbose = text(&run(lines), &Style { verbose: true, width: 60, ..Style::default() });
        assert!(verbose.contains("teller#1") && verbose.lines().all(|l| l.chars().count() <= 60), "{verbose}");
    }

    #[test]
    fn those_that_are_gone_are_counted() {
        let some = |name: &str, count| TaskLine { count, ..task(name, Some(Ending::Exited(3)), "") };
        let told = |lines| text(&run(lines), &Style::default()).lines().next().unwrap_or_default().to_string();
        assert_eq!(told(vec![some("w", 1), some("w (2)", 1), some("w", 98)]), "  w and 99 more  exited with code 3");
        assert_eq!(told(vec![some("w", 5)]), "  w and 4 more  exited with code 3");
    }

    #[test]
    fn nothing_but_the_last_line() {
        let run = RunSummary {
            tasks: 1,
            processes: 1,
            duration_ms: 1234.0,
            gil_wait_ms: Some(80.0),
            ..RunSummary::default()
        };
        insta::assert_snapshot!(text(&run, &Style::default()), @r#"
        1 task (1 process), 1.23 s (80 ms of waiting for the interpreter lock): no
        findings
        "#);
        assert_eq!(text(&run, &Style { quiet: true, ..Style::default() }), "");
    }

    #[test]
    fn many_tasks_are_capped() {
        let lines = (0..50).map(|n| task(&format!("t{n}"), None, &format!("waits for q{n}"))).collect();
        let text = text(&run(lines), &Style::default());
        assert!(text.contains("  and 30 more tasks\n"), "{text}");
    }

    #[test]
    fn durations_keep_three_digits() {
        let all = [0.42, 12.3, 999.0, 1250.0, 125_000.0, f64::NAN].map(duration);
        assert_eq!(all, ["0.4 ms", "12 ms", "999 ms", "1.25 s", "2 min 5 s", "0 ms"]);
    }
}
