//! Tasks, objects and memory in words, a line each.

use crate::detect::finding::{Ending, Held, Mode, Reason, Wait};
use crate::lang::error::nearest;
use crate::report::Source;
use crate::report::phrase::wrap;
use crate::run::scene::{Doing, ObjectState, Scene, TaskState};

/// Ended tasks that are shown; older ones are counted.
const ENDED_MAX: usize = 10;
/// A last column is not broken into less than this.
const LAST_COLUMN_MIN: usize = 20;

/// Whether it is a task of the script's, `main` aside, that has not ended.
pub fn is_alive(task: &TaskState) -> bool {
    task.ending.is_none() && task.doing != Doing::Ended && task.facts.serial != 0 && !task.worker
}

/// A time of nanoseconds with three digits.
pub fn time(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

pub fn tasks(scene: &Scene, source: &Source, width: usize) -> String {
    let ended: Vec<&TaskState> = scene.tasks.iter().filter(|t| t.doing == Doing::Ended).collect();
    let hidden = ended.len().saturating_sub(ENDED_MAX);
    let older: Vec<u32> = ended[..hidden].iter().map(|t| t.facts.serial).collect();
    let shown = scene.tasks.iter().filter(|t| !older.contains(&t.facts.serial));
    let rows: Vec<Vec<String>> =
        shown.map(|t| vec![t.facts.name.clone(), sort(t, scene), place(t, source), standing(t)]).collect();
    let mut out = broken(&columns(&rows), &rows, width);
    if hidden > 0 {
        out.push_str(&format!("and {hidden} that ended before\n"));
    }
    out
}

/// A thread or a process, and whose thread or which pid.
fn sort(task: &TaskState, scene: &Scene) -> String {
    let pid = task.facts.pid;
    let of = if task.facts.process {
        format!("process {pid}")
    } else {
        let first = scene.tasks.iter().find(|t| t.facts.process && t.facts.pid == pid);
        first.map_or("thread".to_string(), |t| format!("thread of {}", t.facts.name))
    };
    if task.daemon { format!("daemon {of}") } else { of }
}

/// Where it stands, as reports name places.
fn place(task: &TaskState, source: &Source) -> String {
    match task.span {
        Some(span) if task.doing != Doing::Ended => {
            let at = source.position(span);
            format!("{}:{}:{}", source.name, at.line, at.column)
        }
        _ => "-".to_string(),
    }
}

fn standing(task: &TaskState) -> String {
    let mut parts = vec![doing(task)];
    if !task.holds.is_empty() {
        parts.push(format!("holds {}", task.holds.iter().map(held).collect::<Vec<_>>().join(", ")));
    }
    if task.stuck {
        parts.push("stuck".to_string());
    }
    parts.join("; ")
}

fn held(held: &Held) -> String {
    match held.mode {
        Mode::Exclusive => held.lock.clone(),
        Mode::Reading => format!("{} for reading", held.lock),
        Mode::Writing => format!("{} for writing", held.lock),
    }
}

fn doing(task: &TaskState) -> String {
    match task.doing {
        Doing::Runs => "runs".to_string(),
        Doing::Sleeps => "sleeps".to_string(),
        Doing::Prompt => "is at the prompt".to_string(),
        Doing::Idle => "waits for a job".to_string(),
        Doing::Waits => waits(&task.waits),
        Doing::WaitsForTime => format!("{}, for a time", waits(&task.waits)),
        Doing::Ended => match &task.ending {
            None => "ended".to_string(),
            Some(Ending::Returned) => match &task.result {
                Some(value) => format!("returned {value}"),
                None => "ended".to_string(),
            },
            Some(Ending::Failed(kind)) => format!("failed with {kind}"),
            Some(Ending::Exited(code)) => format!("exited with code {code}"),
            Some(Ending::Signalled(n)) => format!("was ended by {}", super::signal_name(*n)),
            Some(Ending::Terminated) => "was terminated".to_string(),
        },
    }
}

fn waits(waits: &[Wait]) -> String {
    match waits {
        [] => "waits".to_string(),
        waits => format!("waits {}", waits.iter().map(wait).collect::<Vec<_>>().join(" or ")),
    }
}

fn wait(wait: &Wait) -> String {
    let by = wait.reasons.iter().find_map(|r| match r {
        Reason::HeldBy { task, .. } => Some(format!(", which {} holds", task.name)),
        Reason::OwnerEnded { task, ending, .. } => {
            let what = if ending.is_some() { "it" } else { "its code" };
            Some(format!(", which {} held when {what} ended", task.name))
        }
        _ => None,
    });
    let what = match (wait.object_kind.as_str(), wait.operation.as_str()) {
        ("task", _) => format!("for the end of {}", wait.object),
        ("memory", _) => format!("for a change of {}", wait.object),
        ("lock", _) => format!("for {}", wait.object),
        (kind, "wait") => format!("at {kind} {}", wait.object),
        (kind, "get") => format!("to get from {kind} {}", wait.object),
        (kind, "put") => format!("to put into {kind} {}", wait.object),
        (kind, "acquire_read") => format!("to read {kind} {}", wait.object),
        (kind, "acquire_write") => format!("to write {kind} {}", wait.object),
        (kind, operation) => format!("to {} {kind} {}", operation.replace('_', " "), wait.object),
    };
    format!("{what}{}", by.unwrap_or_default())
}

/// All objects and places, or those of one name.
pub fn objects(scene: &Scene, name: &str) -> Result<String, String> {
    // A row's name is that of its places, a struct's that of its records' fields.
    let wanted = |n: &str| {
        let part_of = n.strip_prefix(name).is_some_and(|rest| rest.starts_with(['[', '.']));
        name.is_empty() || n == name || part_of
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for o in scene.objects.iter().filter(|o| wanted(&o.name)) {
        rows.push(vec![owned(o.kind, &o.name, &o.of), object(o)]);
    }
    for m in scene.memory.iter().filter(|m| wanted(&m.name)) {
        rows.push(vec![owned(m.word, &m.name, &m.of), format!("= {}", m.value)]);
    }
    if rows.is_empty() && name.is_empty() {
        return Ok("nothing is declared yet\n".to_string());
    }
    if rows.is_empty() {
        let names = scene.objects.iter().map(|o| o.name.as_str()).chain(scene.memory.iter().map(|m| m.name.as_str()));
        let near = nearest(name, names).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
        return Err(format!("there is no object `{name}`{near}\n"));
    }
    Ok(columns(&rows))
}

/// `lock Account.mu of a (line 2)`
fn owned(word: &str, name: &str, of: &Option<String>) -> String {
    match of {
        Some(record) => format!("{word} {name} of {record}"),
        None => format!("{word} {name}"),
    }
}

fn object(o: &ObjectState) -> String {
    let mut parts: Vec<String> = Vec::new();
    if !o.standing.is_empty() {
        parts.push(o.standing.clone());
    }
    if !o.values.is_empty() {
        let more = if o.value_count > o.values.len() as u64 { ", …" } else { "" };
        parts.push(format!("[{}{more}]", o.values.join(", ")));
    }
    for (who, mode) in &o.holders {
        let how = match mode {
            Mode::Exclusive => "",
            Mode::Reading => " for reading",
            Mode::Writing => " for writing",
        };
        parts.push(format!("held by {who}{how}"));
    }
    if !o.waiters.is_empty() {
        let verb = if o.waiters.len() == 1 { "waits" } else { "wait" };
        parts.push(format!("{} {verb}", o.waiters.join(", ")));
    }
    parts.join("; ")
}

/// Columns whose last one goes on below itself where a line is too wide, or all but the first
/// below that where there is no room.
pub(super) fn broken(lines: &str, rows: &[Vec<String>], width: usize) -> String {
    let last = |row: &Vec<String>| row.last().map_or(0, |cell| cell.chars().count());
    let mut out = String::new();
    for (line, row) in lines.lines().zip(rows) {
        let before = line.chars().count().saturating_sub(last(row));
        if line.chars().count() <= width {
            out.push_str(&format!("{line}\n"));
            continue;
        }
        if before + LAST_COLUMN_MIN > width {
            let (first, others) = row.split_first().map_or(("", &[][..]), |(f, o)| (f.as_str(), o));
            out.push_str(&format!("{first}\n"));
            for part in wrap(&others.join("  "), width.saturating_sub(2)) {
                out.push_str(&format!("  {}\n", part.trim_end()));
            }
            continue;
        }
        let head: String = line.chars().take(before).collect();
        let text: String = line.chars().skip(before).collect();
        for (i, part) in wrap(&text, width - before).iter().enumerate() {
            let lead = if i == 0 { head.clone() } else { " ".repeat(before) };
            out.push_str(&format!("{lead}{part}\n"));
        }
    }
    out
}

/// Rows with their columns under each other.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|r| r.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let line: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(line.join("  ").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_little_room() {
        let row = |cells: &[&str]| cells.iter().map(|c| c.to_string()).collect::<Vec<String>>();
        let rows = [
            row(&["main", "process 30136", "-", "is at the prompt"]),
            row(&["w", "thread of main", "s:1:10", "sleeps"]),
        ];
        let shown = |width| broken(&columns(&rows), &rows, width);
        assert_eq!(shown(60), "main  process 30136   -       is at the prompt\nw     thread of main  s:1:10  sleeps\n");
        assert_eq!(shown(38), "main\n  process 30136  -  is at the prompt\nw     thread of main  s:1:10  sleeps\n");
        assert_eq!(shown(20), "main\n  process 30136  -\n  is at the prompt\nw\n  thread of main\n  s:1:10  sleeps\n");
    }
}
