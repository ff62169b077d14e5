//! One wait in words: what a task waits for, and why it cannot come. What
//! several waits mean together is for `stuck`.

use crate::detect::finding::{Reason, TaskFacts, Wait, Waiting};
use crate::lang::word::a;
use crate::report::phrase;
use crate::report::source::Source;

use super::who;

/// So many names and so many reasons of one kind are listed.
const NAMES_MAX: usize = 3;

/// What a task does that waits: `waits for lock m`. Only a `select` whose arms
/// are all on none waits for nothing.
pub fn deed(waits: &[Wait]) -> String {
    match waits {
        [] => "waits in a select whose arms are all on none".into(),
        [one] => format!("waits {}", goal(one, true)),
        _ => "waits in a select that nothing can end".into(),
    }
}

/// `for lock m`, `to get from queue q`; the kind only if asked for.
fn goal(wait: &Wait, with_kind: bool) -> String {
    let Wait { operation, object, object_kind, .. } = wait;
    let named = match object.as_str() {
        "" => a(object_kind),
        _ if object_kind.is_empty() || !with_kind => object.clone(),
        _ => format!("{object_kind} {object}"),
    };
    match (operation.as_str(), object_kind.as_str()) {
        ("acquire", _) => format!("for {named}"),
        ("acquire_read", _) => format!("to read under {named}"),
        ("acquire_write", _) => format!("to write under {named}"),
        ("get", _) => format!("to get from {named}"),
        ("put", _) => format!("to put into {named}"),
        ("join", _) if object == "all" || object.is_empty() => "for the end of all that it spawned".into(),
        ("join", "task" | "thread" | "process" | "") => format!("for the end of {object}"),
        ("join", _) => format!("for the end of {named}"),
        ("wait", "condition") => format!("for a notify of {named}"),
        ("wait", "event") => format!("for {named} to be set"),
        ("wait", "barrier") => format!("at {named}"),
        ("wait", "latch") => format!("for {named} to reach zero"),
        ("await", _) => "for its condition to become true".into(),
        ("wait", _) => format!("for {named}"),
        _ => format!("in {operation} on {named}"),
    }
}

/// A wait with its reasons, as one sentence about its task.
pub fn sentence(source: &Source, waiting: &Waiting) -> String {
    match waiting.waits.as_slice() {
        [one] => format!("{}{}", deed(&waiting.waits), because(source, one, waiting, &[])),
        _ => deed(&waiting.waits),
    }
}

/// As `sentence`, with the line, and each arm of a `select`. Of the tasks in
/// `told` a line of their own says since when they hold what.
pub fn line(source: &Source, waiting: &Waiting, told: &[Waiting]) -> String {
    let at = source.line(waiting.span);
    match waiting.waits.as_slice() {
        [] => format!("waits in the select at line {at}, whose arms are all on none"),
        [one] => format!("waits {} at line {at}{}", goal(one, false), because(source, one, waiting, told)),
        several => {
            let arms = several.iter().map(|w| format!("{}{}", goal(w, false), because(source, w, waiting, told)));
            format!("waits in the select at line {at}: {}", arms.collect::<Vec<_>>().join("; "))
        }
    }
}

/// The reasons of a wait, those of one kind together: `, held by a since
/// line 3`.
fn because(source: &Source, wait: &Wait, waiting: &Waiting, told: &[Waiting]) -> String {
    let mut clauses: Vec<String> = Vec::new();
    clauses.extend(holders(source, wait, waiting, told));
    clauses.extend(wait.reasons.iter().filter_map(|r| one(source, r, wait)));
    clauses.extend(ends(&wait.reasons, waiting));
    clauses.extend(suppliers(&wait.reasons, waiting));
    if clauses.is_empty() {
        clauses.extend(itself(&wait.reasons, waiting));
    }
    match clauses.is_empty() {
        true => String::new(),
        false => format!(", {}", clauses.join(", ")),
    }
}

/// Reasons that stand for themselves.
fn one(source: &Source, reason: &Reason, wait: &Wait) -> Option<String> {
    Some(match reason {
        Reason::OwnerEnded { task, ending, since } => {
            let since = since.map(|s| format!(" (taken at line {})", source.line(s))).unwrap_or_default();
            // Nobody holds a job.
            let had = if wait.object_kind == "task" { "was at" } else { "held" };
            let when = match ending {
                Some(ending) => format!("it {}", who::ending(ending).replacen("has ended", "ended", 1)),
                None => "its code ended".to_string(),
            };
            format!("which {} {had}{since} when {when}", task.name)
        }
        Reason::BehindWriter { task } => format!("behind {}, which waits to write", task.name),
        Reason::NobodyLeft { actions } if actions.is_empty() => "and no task is left that could end the wait".into(),
        Reason::NobodyLeft { actions } => format!("and no task is left to {}", phrase::either(actions)),
        Reason::EndedSupplier { task, ending, action } => {
            format!("and {}, which would {action}, {}", task.name, who::ending(ending))
        }
        Reason::OwnCopy { names } => {
            format!(
                "and each process has its own {}",
                phrase::list(&names.iter().map(String::as_str).collect::<Vec<_>>(), NAMES_MAX)
            )
        }
        Reason::CameTooEarly { task, action, span } => {
            let line = span.map(|s| format!(" at line {}", source.line(s))).unwrap_or_default();
            format!("but {} did {action}{line} before the wait began", task.name)
        }
        Reason::Dropped { pool, span } => {
            format!("which had not begun when {pool} was terminated at line {}", source.line(*span))
        }
        Reason::Missing { count } if wait.object_kind == "latch" => format!("which is still {count} above zero"),
        Reason::Missing { count } => missing(*count),
        _ => return None,
    })
}

/// Tasks that hold it: one with its line, several by name. Nobody holds a condition or a
/// pool, but the condition's lock, and a job of the pool.
fn holders(source: &Source, wait: &Wait, waiting: &Waiting, told: &[Waiting]) -> Option<String> {
    let mut own = None;
    let mut others: Vec<(&TaskFacts, String)> = Vec::new();
    for reason in &wait.reasons {
        let Reason::HeldBy { task, mode, since } = reason else { continue };
        let since = if told.iter().any(|w| w.task.serial == task.serial) { None } else { *since };
        let how = format!("{}{}", who::mode(*mode), who::since(source, since));
        match task.serial == waiting.task.serial {
            true if wait.object_kind == "pool" => own = Some("where it is at a job itself".to_owned()),
            true => own = Some(format!("which it holds itself{how}")),
            false => others.push((task, how)),
        }
    }
    let names: Vec<&str> = others.iter().map(|(task, _)| task.name.as_str()).collect();
    let by = match (others.as_slice(), wait.object_kind.as_str()) {
        ([], _) => None,
        (_, "pool") => Some(format!("where {}", phrase::deed(&names, NAMES_MAX, "is at a job"))),
        (_, "condition") => Some(format!("whose lock {}", phrase::deed(&names, NAMES_MAX, "holds"))),
        ([(task, how)], _) => Some(format!("held by {}{how}", task.name)),
        _ => Some(format!("held by {}", phrase::list(&names, NAMES_MAX))),
    };
    match (own, by) {
        (Some(own), Some(by)) => Some(format!("{own}, and {by}")),
        (own, by) => own.or(by),
    }
}

fn missing(count: u64) -> String {
    format!("where {} will never come", phrase::count(count, "more task"))
}

/// Of tasks that all wait at one barrier: that, and how many are missing there. They wait
/// for those, not for each other.
pub fn at_one_barrier(circle: &[Waiting]) -> Option<String> {
    let first = circle.first()?;
    let [one] = first.waits.as_slice() else { return None };
    let count = one.reasons.iter().find_map(|r| match r {
        Reason::Missing { count } if one.object_kind == "barrier" => Some(*count),
        _ => None,
    })?;
    let same = |w: &Waiting| matches!(w.waits.as_slice(), [w] if w.object_kind == "barrier" && w.object == one.object);
    circle.iter().all(same).then(|| format!("{}, {}", deed(&first.waits), missing(count)))
}

/// Whether a task waits for its own end.
pub fn for_itself(reasons: &[Reason], waiting: &Waiting) -> bool {
    reasons.iter().any(|r| matches!(r, Reason::WaitsForEnd { task } if task.serial == waiting.task.serial))
}

fn ends(reasons: &[Reason], waiting: &Waiting) -> Option<String> {
    if for_itself(reasons, waiting) {
        return Some("which is itself".into());
    }
    let names: Vec<&str> = reasons
        .iter()
        .filter_map(|r| match r {
            Reason::WaitsForEnd { task } => Some(task.name.as_str()),
            _ => None,
        })
        .collect();
    (!names.is_empty()).then(|| format!("but {}", phrase::deed(&names, NAMES_MAX, "is stuck")))
}

/// Other stuck tasks that would have done it, by what they would have done.
fn suppliers(reasons: &[Reason], waiting: &Waiting) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for reason in reasons {
        if let Reason::StuckSupplier { task, action } = reason
            && task.serial != waiting.task.serial
        {
            match groups.iter_mut().find(|(a, _)| a == action) {
                Some((_, names)) => names.push(&task.name),
                None => groups.push((action, vec![&task.name])),
            }
        }
    }
    let clause = |(action, names): (&str, Vec<&str>)| {
        let verb = if names.len() == 1 { "is stuck" } else { "are stuck" };
        format!("and {}, which would {action}, {verb}", phrase::list(&names, NAMES_MAX))
    };
    groups.into_iter().map(clause).collect()
}

/// What this stuck task would have done.
pub fn supplied<'r>(reason: &'r Reason, by: &TaskFacts) -> Option<&'r str> {
    match reason {
        Reason::StuckSupplier { task, action } if task.serial == by.serial => Some(action),
        _ => None,
    }
}

/// That a task waits for what only it could do later goes without saying where
/// there is another reason.
fn itself(reasons: &[Reason], waiting: &Waiting) -> Option<String> {
    let mut actions: Vec<String> = Vec::new();
    for action in reasons.iter().filter_map(|reason| supplied(reason, &waiting.task)) {
        if !actions.iter().any(|known| known == action) {
            actions.push(action.to_string());
        }
    }
    let name = &waiting.task.name;
    (!actions.is_empty()).then(|| format!("and only {name} itself could {}", phrase::either(&actions)))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::{Code, Ending, Held, Mode};

    const TEXT: &str = "\
queue q
rwlock rw
barrier b(3)
lock m
condition c(m)
task producer { raise \"broken\" }
task consumer { print q.get() }
task reader { rw.acquire_read(); rw.acquire_read() }
task writer { rw.acquire_write() }
task walker { b.wait() }
task sleeper { with m { c.wait() } }
task caller { with m { c.notify() } }
";

    fn source() -> Source {
        Source::new("s.conc", TEXT)
    }

    /// The report on one task that waits so at `place`.
    fn alone(name: &str, place: &str, code: Code, waits: Vec<Wait>) -> String {
        let source = source();
        text(&source, &stuck(code, vec![waiting(thread(1, name, None), at(&source, place, 0), waits, vec![])], vec![]))
    }

    #[test]
    fn nobody_is_left_to_put() {
        let none = Reason::NobodyLeft { actions: vec!["put".into(), "close".into()] };
        let waits = vec![wait("get", "queue", "q", vec![none])];
        insta::assert_snapshot!(alone("consumer", "q.get()", Code::Deadlock, waits), @r#"
        error[deadlock]: consumer waits to get from queue q, and no task is left to put
        or close
           ╭─[s.conc:7:23]
         6 │ task producer { raise "broken" }
         7 │ task consumer { print q.get() }
           ·                       ───┬───
           ·                          ╰── consumer waits to get from queue q
         8 │ task reader { rw.acquire_read(); rw.acquire_read() }
           ╰────
          = note: no task can go on
          = tasks: consumer is a thread of process 4711
          = help: `q.close()` after the last `put`: a `get` then gives none and `for v
                  in q` ends
          = explain: conc explain deadlock
        "#);
    }

    /// Itself is named only where nobody else is.
    #[test]
    fn only_who_waits_could_put() {
        let own = |action: &str| Reason::StuckSupplier { task: thread(1, "consumer", None), action: action.into() };
        let waits = vec![wait("get", "queue", "q", vec![own("put"), own("close"), own("put")])];
        insta::assert_snapshot!(alone("consumer", "q.get()", Code::Deadlock, waits), @r#"
        error[deadlock]: consumer waits to get from queue q, and only consumer itself
        could put or close
           ╭─[s.conc:7:23]
         6 │ task producer { raise "broken" }
         7 │ task consumer { print q.get() }
           ·                       ───┬───
           ·                          ╰── consumer waits to get from queue q
         8 │ task reader { rw.acquire_read(); rw.acquire_read() }
           ╰────
          = note: no task can go on
          = tasks: consumer is a thread of process 4711
          = help: let another task do `q.put(…)`: consumer cannot while it waits for it
          = explain: conc explain deadlock
        "#);

        let other = Reason::StuckSupplier { task: thread(2, "producer", None), action: "put".into() };
        let waits = vec![wait("get", "queue", "q", vec![own("put"), other])];
        let told = alone("consumer", "q.get()", Code::Deadlock, waits);
        let sentence = "consumer waits to get from queue q, and producer, which would\nput, is stuck\n";
        assert!(told.contains(sentence), "{told}");
    }

    #[test]
    fn a_select_whose_arms_are_all_on_none() {
        insta::assert_snapshot!(alone("consumer", "q.get()", Code::Deadlock, vec![]), @r#"
        error[deadlock]: consumer waits in a select whose arms are all on none
           ╭─[s.conc:7:23]
         6 │ task producer { raise "broken" }
         7 │ task consumer { print q.get() }
           ·                       ───┬───
           ·                          ╰─┤ consumer waits in a select whose arms are all
           ·                            │ on none
         8 │ task reader { rw.acquire_read(); rw.acquire_read() }
           ╰────
          = stuck: consumer waits in the select at line 7, whose arms are all on none
          = note: no task can go on
          = tasks: consumer is a thread of process 4711
          = help: let one of the arms have an object when the `select` begins, or give
                  it an `after`
          = explain: conc explain deadlock
        "#);
    }

    #[test]
    fn who_would_put_has_failed() {
        let failed = Reason::EndedSupplier {
            task: thread(2, "producer", None),
            ending: Ending::Failed("Raised".into()),
            action: "put".into(),
        };
        let waits = vec![wait("get", "queue", "q", vec![failed])];
        insta::assert_snapshot!(alone("consumer", "q.get()", Code::Deadlock, waits), @r#"
        error[deadlock]: consumer waits to get from queue q, and producer, which would
        put, failed with Raised
           ╭─[s.conc:7:23]
         6 │ task producer { raise "broken" }
         7 │ task consumer { print q.get() }
           ·                       ───┬───
           ·                          ╰── consumer waits to get from queue q
         8 │ task reader { rw.acquire_read(); rw.acquire_read() }
           ╰────
          = note: no task can go on
          = tasks: consumer and producer are threads of process 4711
          = help: let producer reach its put in any case: `try { … } catch Raised { … }`
          = explain: conc explain deadlock
        "#);
    }

    #[test]
    fn a_barrier_that_lacks_one() {
        let waits = vec![wait("wait", "barrier", "b", vec![Reason::Missing { count: 1 }])];
        insta::assert_snapshot!(alone("walker", "b.wait()", Code::Deadlock, waits), @r#"
        error[deadlock]: walker waits at barrier b, where 1 more task will never come
            ╭─[s.conc:10:15]
          9 │ task writer { rw.acquire_write() }
         10 │ task walker { b.wait() }
            ·               ────┬───
            ·                   ╰── walker waits at barrier b
         11 │ task sleeper { with m { c.wait() } }
            ╰────
          = note: no task can go on
          = tasks: walker is a thread of process 4711
          = help: make b for as many tasks as come to it, or `b.abort()` when one cannot
                  come
          = explain: conc explain deadlock
        "#);
    }

    #[test]
    fn a_notify_that_came_too_early() {
        let span = Some(at(&source(), "c.notify()", 0));
        let early = Reason::CameTooEarly { task: thread(2, "caller", None), action: "notify".into(), span };
        let waits = vec![wait("wait", "condition", "c", vec![early])];
        insta::assert_snapshot!(alone("sleeper", "c.wait()", Code::LostWakeup, waits), @r#"
        error[lost-wakeup]: sleeper waits for ever for a notify of condition c: it came
        before the wait began
            ╭─[s.conc:11:25]
         10 │ task walker { b.wait() }
         11 │ task sleeper { with m { c.wait() } }
            ·                         ────┬───
            ·                             ╰── sleeper waits for a notify of condition c
         12 │ task caller { with m { c.notify() } }
            ·                        ─────┬────
            ·                             ╰── caller did notify here, too early
            ╰────
          = stuck: sleeper waits for a notify of c at line 11, but caller did notify at
                   line 12 before the wait began
          = tasks: sleeper and caller are threads of process 4711
          = help: keep what is waited for in a variable, set it under the lock before
                  `notify`, and look first: `while not ready { c.wait() }`
          = explain: conc explain lost-wakeup
        "#);
    }

    #[test]
    fn a_select_tells_each_of_its_arms() {
        let waits = vec![
            wait("get", "queue", "q", vec![Reason::NobodyLeft { actions: vec!["put".into()] }]),
            wait("acquire", "lock", "m", vec![Reason::WaitsForEnd { task: thread(3, "other", None) }]),
        ];
        insta::assert_snapshot!(alone("consumer", "q.get()", Code::Deadlock, waits), @r#"
        error[deadlock]: consumer waits in a select that nothing can end
           ╭─[s.conc:7:23]
         6 │ task producer { raise "broken" }
         7 │ task consumer { print q.get() }
           ·                       ───┬───
           ·                          ╰─┤ consumer waits in a select that nothing can
           ·                            │ end
         8 │ task reader { rw.acquire_read(); rw.acquire_read() }
           ╰────
          = stuck: consumer waits in the select at line 7: to get from q, and no task is
                   left to put; for m, but other is stuck
          = note: no task can go on
          = tasks: consumer is a thread of process 4711
          = help: let a task that still runs end one of its arms, or give the `select`
                  an `after`
          = explain: conc explain deadlock
        "#);
    }

    #[test]
    fn a_second_read_behind_a_writer() {
        let source = source();
        let (reader, writer) = (thread(1, "reader", None), thread(2, "writer", None));
        let first = at(&source, "rw.acquire_read()", 0);
        let reading = Held { lock: "rw".into(), mode: Mode::Reading, since: Some(first) };
        let held = Reason::HeldBy { task: reader.clone(), mode: Mode::Reading, since: Some(first) };
        let circle = vec![
            waiting(
                reader,
                at(&source, "rw.acquire_read()", 1),
                vec![wait("acquire_read", "rwlock", "rw", vec![Reason::BehindWriter { task: writer.clone() }])],
                vec![reading],
            ),
            waiting(
                writer,
                at(&source, "rw.acquire_write()", 0),
                vec![wait("acquire_write", "rwlock", "rw", vec![held])],
                vec![],
            ),
        ];
        insta::assert_snapshot!(text(&source, &stuck(Code::Deadlock, circle, vec![])), @r#"
        error[deadlock]: reader and writer wait for each other
            ╭─[s.conc:8:34]
          7 │ task consumer { print q.get() }
          8 │ task reader { rw.acquire_read(); rw.acquire_read() }
            ·               ────────┬────────  ─┬─
            ·                       │           ╰── reader waits to read under rwlock rw
            ·                       ╰── reader holds rw for reading since here
          9 │ task writer { rw.acquire_write() }
            ·               ─────────┬────────
            ·                        ╰── writer waits to write under rwlock rw
         10 │ task walker { b.wait() }
            ╰────
          = circle: ╭─▶ reader ── rwlock rw ──▶ writer ── rwlock rw ─╮
                    ╰────────────────────────────────────────────────╯
                    reader holds rw for reading since line 8 and waits to read under
                      rw at line 8, behind writer, which waits to write
                    writer waits to write under rw at line 9, held by reader for
                      reading
          = note: no task can go on
          = tasks: reader and writer are threads of process 4711
          = help: do not take rw again while holding it for reading: a waiting writer
                  keeps new readers out
          = explain: conc explain deadlock
        "#);
    }
}
