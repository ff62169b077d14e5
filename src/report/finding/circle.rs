//! `livelock` and `starvation`: tasks that go round for ever, and one that waits
//! meanwhile. The steps of the circle are drawn as lanes elsewhere.

use crate::detect::finding::{Code, Going, Reason, TaskFacts, Wait, Waiting};
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::{Style, phrase};

use super::{wait, who};

/// So many places of one task are shown.
const PLACES_MAX: usize = 4;

fn places(diagnostic: &mut Diagnostic, going: &[Going], primary: bool) {
    for (n, one) in going.iter().enumerate() {
        for (m, (span, text)) in one.places.iter().take(PLACES_MAX).enumerate() {
            let what = if text.is_empty() { "goes round".to_string() } else { format!("again and again: {text}") };
            let place = Place::of(&one.task.name, *span, what);
            diagnostic.place(if primary && n == 0 && m == 0 { place.primary() } else { place });
        }
    }
}

/// Tasks that go round for ever.
pub fn livelock(going: &[Going], style: &Style) -> Diagnostic {
    let names: Vec<&str> = going.iter().map(|g| g.task.name.as_str()).collect();
    let who_goes = phrase::list(&names, style.names_max());
    let verb = if names.len() == 1 { "goes" } else { "go" };
    let message = format!("{who_goes} {verb} round for ever, and nothing changes");
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::Livelock.word()), message);
    places(&mut diagnostic, going, true);
    diagnostic.note("every task that can go on does so again and again, and still they come back to where they were");
    let tasks: Vec<&TaskFacts> = going.iter().map(|g| &g.task).collect();
    who::introduce(&mut diagnostic, &tasks, style);
    diagnostic.help(if names.len() == 1 {
        "wait for what it looks for, by `await`, an event or a queue, and see to it that another task brings it"
    } else {
        "decide who goes first when several want to, so that one of them does not give way: a lock, or whose turn it is"
    });
    diagnostic
}

/// One waits for ever while others go on.
pub fn starvation(task: &TaskFacts, waiting: Option<&Waiting>, going: &[Going], style: &Style) -> Diagnostic {
    let names: Vec<&str> = going.iter().map(|g| g.task.name.as_str()).collect();
    let others = phrase::list(&names, style.names_max());
    let verb = if names.len() == 1 { "goes" } else { "go" };
    let message = format!("{} waits for ever while {others} {verb} on", task.name);
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::Starvation.word()), message);
    if let Some(w) = waiting {
        diagnostic.place(Place::of(&task.name, w.span, wait::deed(&w.waits)).primary());
    }
    places(&mut diagnostic, going, waiting.is_none());
    let name = &task.name;
    diagnostic.note(if waiting.is_some_and(|w| w.waits.first().is_some_and(is_for_an_end)) {
        "whom it waits for goes on again and again and never ends".to_string()
    } else {
        format!("{others} {verb} on again and again, and what {name} waits for is never there when it could go")
    });
    let tasks: Vec<&TaskFacts> = std::iter::once(task).chain(going.iter().map(|g| &g.task)).collect();
    who::introduce(&mut diagnostic, &tasks, style);
    diagnostic.help(mend(waiting));
    diagnostic
}

/// What keeps the one that waits from what it waits for, and what would not.
fn mend(waiting: Option<&Waiting>) -> String {
    let mut waits = waiting.into_iter().flat_map(|w| &w.waits);
    let Some(first) = waits.next() else { return TAKE_TURNS.to_string() };
    let holders = first.reasons.iter().filter_map(|r| match r {
        Reason::HeldBy { task, .. } => Some(task.name.as_str()),
        _ => None,
    });
    let holders: Vec<&str> = holders.collect();
    if is_for_an_end(first) {
        let who = if holders.is_empty() { first.object.clone() } else { phrase::list(&holders, 3) };
        format!(
            "let {who} end: set the flag or event that its loop looks for, or close its queue, before this wait; or \
             wait with `join … for 1s`"
        )
    } else if !holders.is_empty() {
        let (names, object) = (phrase::list(&holders, 3), &first.object);
        format!("let {names} let go of {object} before waiting for others or going round, or wait with a `timeout:`")
    } else {
        let object = &first.object;
        let comes = match (first.object_kind.as_str(), first.operation.as_str()) {
            ("queue", "put") => format!("take a value out of {object}, and leave the room to who waits"),
            ("queue", _) => format!("put a value into {object} that no other takes first"),
            ("event", _) => format!("set {object}, and leave it set"),
            ("condition", _) => format!("notify {object}"),
            ("barrier", _) => format!("come to {object}"),
            ("latch", _) => format!("count {object} down"),
            _ => return TAKE_TURNS.to_string(),
        };
        format!("let one of those that go on {comes}; or wait with a `timeout:`")
    }
}

/// Whether it is the end of a task, or of all that a pool does.
fn is_for_an_end(wait: &Wait) -> bool {
    wait.object_kind == "task" || wait.operation == "join"
}

const TAKE_TURNS: &str =
    "let who waits keep the others from coming anew: a `rwlock`, a lock that all must pass, or taking turns";
