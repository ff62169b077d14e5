//! `deadlock`, `self-deadlock`, `lost-wakeup`, an `abandoned-lock` that others
//! wait for, `livelock` and `starvation`: tasks that never go on. It owns the
//! sentence, the labels and the list of who holds and who waits; why a single
//! wait cannot end is put into words by `wait`, the mend by `way_out`.

use crate::detect::finding::{Code, Ending, Reason, TaskFacts, Wait, Waiting};
use crate::report::circle::{self, Side};
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::{wait, way_out, who};

/// Describes tasks that are stuck: the circle or the root, then those behind.
pub fn describe(
    source: &Source,
    code: Code,
    circle: &[Waiting],
    behind: &[Waiting],
    others_go_on: bool,
    style: &Style,
) -> Diagnostic {
    let left = left_by_job(circle, behind);
    let text = match &left {
        Some((waiting, lock, worker)) => {
            let (kind, lock) = (&lock.object_kind, &lock.object);
            format!("{waiting} waits for {kind} {lock}, which {worker} still holds from a job that is over")
        }
        None => sentence(source, code, circle),
    };
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(code.word()), text);
    for (n, waiting) in circle.iter().enumerate() {
        label(&mut diagnostic, code, waiting, n == 0);
        supplied(&mut diagnostic, waiting);
    }
    for waiting in behind {
        label(&mut diagnostic, code, waiting, false);
    }
    if !told_by_sentence(code, circle) {
        let tag = if in_circle(circle) { "circle" } else { "stuck" };
        let drawn = drawing(circle, style.width.saturating_sub("  = circle: ".len()), style.unicode);
        diagnostic.drawn_lines(tag, drawn, lines(source, circle, circle, style));
    }
    if code != Code::Livelock && code != Code::Starvation {
        diagnostic.lines("behind", lines(source, behind, circle, style));
    }
    if code == Code::Deadlock {
        diagnostic.note(if others_go_on { "other tasks go on" } else { "no task can go on" });
    }
    let mut tasks: Vec<&TaskFacts> = circle.iter().map(|w| &w.task).collect();
    tasks.extend(circle.iter().flat_map(|w| &w.waits).flat_map(|w| &w.reasons).filter_map(ended));
    tasks.extend(behind.iter().map(|w| &w.task));
    who::introduce(&mut diagnostic, &tasks, style);
    diagnostic.help(match &left {
        Some((_, lock, _)) => way_out::let_go(&lock.object, &way_out::with_of(lock), &Ending::Returned),
        None => way_out::mend(code, circle),
    });
    diagnostic
}

/// Who waits for a lock that a worker holds which waits for its next job, as the others at the
/// root do, with the lock and the worker: nobody would miss a job, if the last one had let go of it.
fn left_by_job<'w>(circle: &'w [Waiting], behind: &'w [Waiting]) -> Option<(&'w str, &'w Wait, &'w str)> {
    // One that waits in a `select` without arms waits for nothing, and is at a job.
    let for_a_job = |w: &Wait| w.object_kind == "pool" && w.operation == "wait";
    if circle.iter().any(|worker| worker.waits.is_empty() || !worker.waits.iter().all(for_a_job)) {
        return None;
    }
    let holder = |reason: &Reason| match reason {
        Reason::HeldBy { task, .. } => circle.iter().find(|worker| worker.task.serial == task.serial),
        _ => None,
    };
    let mut waits = behind.iter().flat_map(|waiting| waiting.waits.iter().map(move |wait| (waiting, wait)));
    waits.find_map(|(waiting, wait)| {
        let worker = wait.reasons.iter().find_map(holder)?;
        Some((waiting.task.name.as_str(), wait, worker.task.name.as_str()))
    })
}

/// Tasks that are not stuck themselves but have their part in it.
fn ended(reason: &Reason) -> Option<&TaskFacts> {
    match reason {
        Reason::OwnerEnded { task, .. } | Reason::EndedSupplier { task, .. } | Reason::CameTooEarly { task, .. } => {
            Some(task)
        }
        _ => None,
    }
}

/// Where a task waits, and where it took what it holds.
fn label(diagnostic: &mut Diagnostic, code: Code, waiting: &Waiting, primary: bool) {
    let what = match code {
        Code::Livelock | Code::Starvation if waiting.waits.is_empty() => "goes round here".to_string(),
        _ => wait::deed(&waiting.waits),
    };
    let mut place = Place::of(&waiting.task.name, waiting.span, what);
    place.primary = primary;
    diagnostic.place(place);
    for held in &waiting.holds {
        if let Some(span) = held.since {
            let what = format!("holds {}{} since here", held.lock, who::mode(held.mode));
            diagnostic.place(Place::of(&waiting.task.name, span, what));
        }
    }
}

/// Whether a list of the stuck tasks would only repeat the sentence.
fn told_by_sentence(code: Code, circle: &[Waiting]) -> bool {
    let alike = |w: &Waiting| {
        w.holds.is_empty() && w.waits.len() == 1 && circle.first().is_some_and(|first| first.waits == w.waits)
    };
    match code {
        Code::Livelock => circle.iter().all(|w| w.waits.is_empty()),
        Code::LostWakeup => false,
        _ => circle.iter().all(alike),
    }
}

/// Places of others that explain a wait: what came too early, what an ended
/// owner took.
fn supplied(diagnostic: &mut Diagnostic, waiting: &Waiting) {
    for reason in waiting.waits.iter().flat_map(|w| &w.reasons) {
        match reason {
            Reason::CameTooEarly { task, action, span: Some(span) } => {
                diagnostic.place(Place::of(&task.name, *span, format!("did {action} here, too early")));
            }
            Reason::OwnerEnded { task, since: Some(since), .. } => {
                diagnostic.place(Place::of(&task.name, *since, "took it here and never let go".to_string()));
            }
            _ => {}
        }
    }
}

/// Whether each of several waits for another of them.
fn in_circle(circle: &[Waiting]) -> bool {
    let another = |w: &Waiting, r: &Reason| next(r, circle).is_some_and(|n| n.task.serial != w.task.serial);
    circle.len() > 1 && circle.iter().all(|w| w.waits.iter().flat_map(|w| &w.reasons).any(|r| another(w, r)))
}

/// The circle, if each of all these waits for just the next one.
fn drawing(waiting: &[Waiting], width: usize, unicode: bool) -> Vec<String> {
    let mut sides: Vec<Side> = Vec::new();
    let mut at = waiting.first();
    while let Some(task) = at.filter(|_| sides.len() <= waiting.len()) {
        let links = task.waits.iter().flat_map(|w| w.reasons.iter().map(move |r| (w, r)));
        let Some((wait, next)) = links.filter_map(|(w, r)| Some((w, next(r, waiting)?))).next() else {
            return Vec::new();
        };
        let through = match wait.object_kind.as_str() {
            "task" => "its end".to_string(),
            kind => format!("{kind} {}", wait.object),
        };
        sides.push(Side { task: task.task.name.clone(), through });
        at = Some(next).filter(|n| n.task.serial != waiting[0].task.serial);
    }
    if sides.len() == waiting.len() { circle::draw(&sides, width, unicode) } else { Vec::new() }
}

/// Whom of these a reason leads to.
fn next<'w>(reason: &Reason, circle: &'w [Waiting]) -> Option<&'w Waiting> {
    match reason {
        Reason::HeldBy { task, .. }
        | Reason::BehindWriter { task }
        | Reason::WaitsForEnd { task }
        | Reason::StuckSupplier { task, .. } => circle.iter().find(|w| w.task.serial == task.serial),
        _ => None,
    }
}

fn sentence(source: &Source, code: Code, circle: &[Waiting]) -> String {
    let names: Vec<&str> = circle.iter().map(|w| w.task.name.as_str()).collect();
    let Some(first) = circle.first() else {
        return match code {
            Code::Livelock => "tasks go round for ever, and nothing changes".into(),
            Code::Starvation => "a task waits for ever while others go on".into(),
            _ => "tasks wait for what cannot come any more".into(),
        };
    };
    let subject = |what: &str| phrase::deed(&names, 3, what);
    let for_ever = wait::deed(&first.waits).replacen("waits", "waits for ever", 1);
    let barrier = wait::at_one_barrier(circle);
    match code {
        Code::Livelock => subject("goes round for ever, and nothing changes"),
        Code::Starvation => format!("{} while others go on", subject(&for_ever)),
        Code::LostWakeup => subject(&format!("{for_ever}: it came before the wait began")),
        _ if barrier.is_some() => subject(&barrier.unwrap_or_default()),
        _ if in_circle(circle) && names.len() <= 3 => format!("{} wait for each other", phrase::list(&names, 3)),
        _ if in_circle(circle) => format!("{} tasks wait for each other in a circle", names.len()),
        _ if circle.iter().all(|w| w.waits == first.waits) => subject(&wait::sentence(source, first)),
        _ => subject("waits for what cannot come any more"),
    }
}

/// One line a task, or one for several of which the same is to be said:
/// `a holds m since line 5 and waits for n at line 6, held by b`.
fn lines(source: &Source, waiting: &[Waiting], circle: &[Waiting], style: &Style) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for task in waiting {
        let what = line(source, task, circle);
        match groups.iter_mut().find(|(w, _)| *w == what) {
            Some((_, names)) => names.push(&task.task.name),
            None => groups.push((what, vec![&task.task.name])),
        }
    }
    let rest: usize = groups.iter().skip(style.lines_max()).map(|(_, names)| names.len()).sum();
    let shown = groups.iter().take(style.lines_max());
    let mut lines: Vec<String> = shown.map(|(what, names)| phrase::deed(names, style.names_max(), what)).collect();
    if rest > 0 {
        lines.push(format!("and {rest} more"));
    }
    lines
}

fn line(source: &Source, waiting: &Waiting, circle: &[Waiting]) -> String {
    let waits = wait::line(source, waiting, circle);
    if waiting.holds.is_empty() {
        return waits;
    }
    format!("holds {} and {waits}", who::held(source, &waiting.holds))
}

#[cfg(test)]
mod tests;
