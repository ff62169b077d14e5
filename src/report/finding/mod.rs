//! A finding into a diagnostic: which file tells it, and what all findings
//! have in common: certainty, count, and how to see it again.

mod abandoned;
mod circle;
mod failed;
mod invariant;
mod lock_order;
mod note;
mod race;
mod stuck;
mod wait;
mod way_out;
pub(super) mod who;

use crate::detect::finding::{Certainty, Facts, Finding, TaskFacts};

use super::diagnostic::Diagnostic;
use super::source::{SESSION, STANDARD_INPUT, Source};
use super::{Style, phrase};

/// The finding as a diagnostic, for text and for JSON.
pub fn describe(source: &Source, finding: &Finding, style: &Style) -> Diagnostic {
    let mut diagnostic = facts(source, finding, style);
    diagnostic.code = Some(finding.code.word());
    diagnostic.severity = severity(finding);
    match finding.certainty {
        Certainty::Predicted => diagnostic.note("it did not happen this time; nothing prevents it another time"),
        Certainty::Confirmed => diagnostic.note("confirmed: a schedule was replayed and shows it"),
        Certainty::Observed | Certainty::Found => {}
    }
    match (finding.count, &finding.facts) {
        (0 | 1, _) => {}
        // Each time it is another child, made at the same place.
        (n, Facts::Orphan { .. } | Facts::Zombie { .. }) => {
            let more = format!("and {} more like it", n - 1);
            match style.quiet {
                true => diagnostic.message.push_str(&format!(" ({more})")),
                false => diagnostic.note(more),
            }
        }
        (n, _) => diagnostic.note(format!("seen {n} times")),
    }
    let elsewhere = elsewhere(finding);
    if !elsewhere.is_empty() {
        diagnostic.note(format!("in other interleavings on {} too", phrase::list(&elsewhere, 8)));
    }
    let schedule = finding.schedule.as_deref();
    diagnostic.replay = schedule.map(|s| replay(source, s));
    diagnostic
}

/// What the same is on in other interleavings alone: what those wait for who are behind it
/// is told with them.
fn elsewhere(finding: &Finding) -> Vec<&str> {
    let behind = match &finding.facts {
        Facts::Stuck { behind, .. } => &behind[..],
        _ => &[],
    };
    // Of several objects of one name within a finding each has its number there.
    let is_it = |told: &str, name: &str| told.strip_prefix(name).is_some_and(|n| n.is_empty() || n.starts_with(" ("));
    let is_told = |name: &str| behind.iter().flat_map(|w| &w.waits).any(|wait| is_it(&wait.object, name));
    finding.also_on.iter().map(String::as_str).filter(|name| !is_told(name)).collect()
}

/// The command that shows a schedule again.
pub fn replay(source: &Source, schedule: &str) -> String {
    let (before, name) = match source.name.as_str() {
        STANDARD_INPUT => ("", "-"),
        // Once it is saved, it is the script that the schedule is of.
        SESSION => ("`:save FILE`, then ", "FILE"),
        name => ("", name),
    };
    // What begins with a dash would be taken for an option.
    let name = if name.len() > 1 && name.starts_with('-') { format!("./{name}") } else { name.to_string() };
    let given: String =
        source.given.iter().map(|(n, value)| format!("-D {} ", shell_word(&format!("{n}={value}")))).collect();
    format!("{before}conc replay {given}{} {}", shell_word(&name), shell_word(schedule))
}

fn severity(finding: &Finding) -> super::Severity {
    if finding.code.is_note() { super::Severity::Note } else { super::Severity::Error }
}

fn facts(source: &Source, finding: &Finding, style: &Style) -> Diagnostic {
    match &finding.facts {
        Facts::Race { variable, declared, earlier, later } => {
            race::describe(source, variable, *declared, [earlier, later], style)
        }
        Facts::Stuck { circle, behind, others_go_on } => {
            stuck::describe(source, finding.code, circle, behind, *others_go_on, style)
        }
        Facts::LockOrder { edges } => lock_order::describe(source, edges, style),
        Facts::Abandoned { lock, mode, declared, owner, since, ending } => {
            let left = abandoned::Left { lock, mode: *mode, declared: *declared, since: *since };
            abandoned::describe(&left, owner, ending, style)
        }
        Facts::Failed { task, job, span, kind, message, calls, holds } => {
            let job = job.as_deref();
            // Of what `:check` explores the session's entries are the text too, but no prompt
            // stands there.
            let observed = source.name == SESSION && finding.certainty == Certainty::Observed;
            let at_prompt = observed && task.as_ref().is_some_and(|task| task.serial == 0);
            let failure =
                failed::Failure { task: task.as_ref(), job, at_prompt, span: *span, kind, message, calls, holds };
            failed::describe(source, finding.code, &failure, style)
        }
        Facts::Invariant { task, step, invariant, values, why } => {
            let broken = invariant::Broken { invariant: *invariant, values, why: why.as_ref() };
            invariant::describe(source, task, *step, &broken, style)
        }
        Facts::Livelock { going } => circle::livelock(going, style),
        Facts::Starvation { task, waiting, going } => circle::starvation(task, waiting.as_ref(), going, style),
        Facts::Orphan { child, parent, parent_ending } => note::orphan(child, parent, parent_ending, style),
        Facts::Zombie { child, parent } => note::zombie(child, parent, style),
        Facts::DroppedJobs { pool, declared, count, submitted, closed } => {
            note::dropped_jobs(pool, *declared, *count, *submitted, *closed)
        }
        Facts::Unjoined { task, value } => note::unjoined(task, value, style),
        Facts::LeftInQueue { queue, declared, count } => note::left_in_queue(queue, *declared, *count),
    }
}

/// The tasks that a finding names, each once, in the order of their part.
pub fn tasks(finding: &Finding) -> Vec<&TaskFacts> {
    let all: Vec<&TaskFacts> = match &finding.facts {
        Facts::Race { earlier, later, .. } => vec![&earlier.task, &later.task],
        Facts::Stuck { circle, behind, .. } => circle.iter().chain(behind).map(|w| &w.task).collect(),
        Facts::LockOrder { edges } => edges.iter().map(|e| &e.task).collect(),
        Facts::Livelock { going } => going.iter().map(|g| &g.task).collect(),
        Facts::Starvation { task, going, .. } => std::iter::once(task).chain(going.iter().map(|g| &g.task)).collect(),
        Facts::Abandoned { owner, .. } => vec![owner],
        Facts::Failed { task, .. } => task.iter().collect(),
        Facts::Invariant { task, .. } | Facts::Unjoined { task, .. } => vec![task],
        Facts::Orphan { child, parent, .. } | Facts::Zombie { child, parent } => vec![child, parent],
        Facts::DroppedJobs { .. } | Facts::LeftInQueue { .. } => Vec::new(),
    };
    let mut seen = std::collections::HashSet::new();
    all.into_iter().filter(|t| seen.insert(t.serial)).collect()
}

/// A word as a shell takes it. What would break the line or be lost on it stands in `$'…'`.
fn shell_word(word: &str) -> String {
    let safe = |c: char| c.is_alphanumeric() || "-_./,:+=@%".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    if !word.contains(phrase::is_unsafe) {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let escaped = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\\' | '\'' => format!("\\{c}"),
        c if phrase::is_unsafe(c) => c.to_string().bytes().map(|byte| format!("\\x{byte:02x}")).collect(),
        c => c.to_string(),
    };
    format!("$'{}'", word.chars().map(escaped).collect::<String>())
}

#[cfg(test)]
mod fixture;
