//! The mend for tasks that are stuck, in the words of the language: one line,
//! chosen by what they wait for and why. The sentence and the labels are in
//! `stuck`.

use crate::detect::finding::{Code, Ending, Reason, TaskFacts, Wait, Waiting};
use crate::report::phrase;
use std::borrow::Cow;

use super::wait::{for_itself, supplied};

/// The help for a finding about stuck tasks.
pub fn mend(code: Code, circle: &[Waiting]) -> String {
    match code {
        Code::SelfDeadlock => own_lock(circle),
        Code::AbandonedLock => abandoned(circle),
        Code::LostWakeup => lost_wakeup(circle),
        Code::Livelock => "let one of them give way for good: take the locks in one order, or wait with `acquire` \
                           instead of trying again"
            .into(),
        Code::Starvation => "let them take turns: a `queue` or a `barrier` between them, or a lock that is let go \
                             and taken less often by the others"
            .into(),
        _ => deadlock(circle),
    }
}

fn reasons(circle: &[Waiting]) -> impl Iterator<Item = (&Wait, &Reason)> {
    circle.iter().flat_map(|w| &w.waits).flat_map(|w| w.reasons.iter().map(move |r| (w, r)))
}

/// Whether it is for what another keeps; a semaphore of which nobody has anything is waited for
/// like an event.
fn is_lock(wait: &Wait) -> bool {
    let held = |r: &Reason| matches!(r, Reason::HeldBy { .. } | Reason::OwnerEnded { .. });
    wait.operation.starts_with("acquire") && (wait.object_kind != "semaphore" || wait.reasons.iter().any(held))
}

fn own_lock(circle: &[Waiting]) -> String {
    match circle.iter().flat_map(|w| &w.waits).next() {
        Some(wait) if wait.object_kind == "lock" => {
            // A struct declares its own.
            let (within, name) = match declared_name(&wait.object).rsplit_once('.') {
                Some((structure, field)) => (format!(" in {structure}"), field),
                None => (String::new(), declared_name(&wait.object)),
            };
            format!("let go of {} before taking it again, or declare `lock {name} reentrant`{within}", wait.object)
        }
        Some(wait) => format!("let go of {} before taking it again", wait.object),
        None => "let go of the lock before taking it again".into(),
    }
}

/// `fork[0]` was declared as `fork`.
fn declared_name(object: &str) -> &str {
    object.split(['[', ' ']).next().unwrap_or(object)
}

/// A name as it can stand in code: `reply (line 9)` was kept as `reply`, and what `Buf.mutex` names
/// is the field of some record, which each task calls as it likes.
pub fn in_code(object: &str) -> Cow<'_, str> {
    let name = object.split(" (").next().unwrap_or(object);
    match name.split_once('.') {
        Some((_, field)) => Cow::Owned(format!("….{field}")),
        None => Cow::Borrowed(name),
    }
}

fn abandoned(circle: &[Waiting]) -> String {
    let ended = reasons(circle).find_map(|(wait, reason)| match reason {
        Reason::OwnerEnded { ending, .. } => Some((wait, ending)),
        _ => None,
    });
    match ended {
        Some((wait, ending)) => let_go(&wait.object, &with_of(wait), ending.as_ref().unwrap_or(&Ending::Returned)),
        None => "use `with`, which lets go however it is left".into(),
    }
}

/// The statement that takes the lock which a task waits for; how its last owner took it is
/// not said there.
pub fn with_of(wait: &Wait) -> String {
    let lock = in_code(&wait.object);
    match wait.object_kind.as_str() {
        "rwlock" => format!("`with {lock}.read {{ … }}` or `with {lock}.write {{ … }}`"),
        _ => format!("`with {lock} {{ … }}`"),
    }
}

/// The mend for a lock whose owner ended so; `with` is the statement that takes it.
pub fn let_go(lock: &str, with: &str, ending: &Ending) -> String {
    match ending {
        Ending::Returned | Ending::Failed(_) => {
            format!("take it by {with}, which lets go however it is left")
        }
        Ending::Exited(_) => format!("`exit` lets go of nothing: release {lock} before it"),
        Ending::Signalled(_) | Ending::Terminated => {
            format!(
                "`kill`, `terminate` and the end of its process let go of nothing: tell the task to end by an \
                 `event` that it looks at while it does not hold {lock}"
            )
        }
    }
}

fn lost_wakeup(circle: &[Waiting]) -> String {
    // What it did itself before it waited was for somebody else.
    if let Some(help) = only_itself(circle) {
        return help;
    }
    if let Some(condition) = condition_of_several(circle) {
        return notify_all(condition);
    }
    match circle.iter().flat_map(|w| &w.waits).next() {
        Some(wait) if wait.object_kind == "event" => {
            format!("do not `clear` {} while a task may still have to wait for it", wait.object)
        }
        Some(wait) if wait.object_kind == "condition" => format!(
            "keep what is waited for in a variable, set it under the lock before `notify`, and look first: \
             `while not ready {{ {}.wait() }}`",
            in_code(&wait.object)
        ),
        _ => "keep what is waited for in a variable and look at it before waiting".into(),
    }
}

fn deadlock(circle: &[Waiting]) -> String {
    if let Some(help) = ended_supplier(circle) {
        return help;
    }
    let copy = reasons(circle).find_map(|(_, reason)| match reason {
        Reason::OwnCopy { names } => names.first(),
        _ => None,
    });
    if let Some(name) = copy {
        let name = declared_name(name);
        return format!(
            "declare `atomic {name}`, or `shared {name}` with a lock: what a process writes to a `var` no other one sees"
        );
    }
    let dropped = reasons(circle).find_map(|(wait, reason)| match reason {
        Reason::Dropped { pool, .. } => Some((&wait.object, pool)),
        _ => None,
    });
    if let Some((job, pool)) = dropped {
        return format!(
            "`terminate` drops the jobs that have not begun: join {job} before it, or end {pool} by `{}.close()`",
            in_code(pool)
        );
    }
    let (locks, others): (Vec<&Wait>, Vec<&Wait>) = circle.iter().flat_map(|w| &w.waits).partition(|w| is_lock(w));
    let held = |wait: &&&Wait| wait.reasons.iter().any(|r| matches!(r, Reason::HeldBy { .. }));
    if let Some((wait, _)) = reasons(circle).find(|(_, r)| matches!(r, Reason::BehindWriter { .. })) {
        let name = &wait.object;
        return format!(
            "do not take {name} again while holding it for reading: a waiting writer keeps new readers out"
        );
    }
    if let Some((lock, other)) = lock_kept_while_waiting(circle) {
        return format!("let go of {lock} before {}: what ends that wait needs {lock}", call(other));
    }
    if others.is_empty() && circle.len() > 1 && locks.iter().any(|w| held(&w)) {
        return one_order(&locks);
    }
    if let Some(help) = own_end(circle).or_else(|| only_itself(circle)).or_else(|| before_the_join(circle)) {
        return help;
    }
    let queue = others.iter().find(|w| w.object_kind == "queue" && w.operation == "put");
    if let (Some(queue), true) = (queue, others.iter().any(|w| w.operation == "join")) {
        return format!("empty {} before the `join`, or give it more places", queue.object);
    }
    if let Some((values, object)) = who_goes_first(circle) {
        return format!(
            "none of them can go first: let {object} have more {values}, or each take all that it needs at once, \
             under a lock"
        );
    }
    if circle.iter().any(|w| w.waits.len() > 1) {
        return "let a task that still runs end one of its arms, or give the `select` an `after`".into();
    }
    if let Some(condition) = condition_of_several(circle) {
        return notify_all(condition);
    }
    if let Some(pool) = own_pool(circle) {
        let code = in_code(pool);
        return format!("{pool} ends when its last job has: leave `join {code}` to a task that is no job of it");
    }
    if let Some(help) = all_wait_first(circle) {
        return help;
    }
    // Who waits for an end waits for what the other has not got.
    let busy = others.iter().find(|w| busy_pool(w).is_some());
    let lacks = others.iter().find(|w| !matches!(w.object_kind.as_str(), "task" | "pool"));
    match busy.or(lacks).or(others.first()).or(locks.first()) {
        Some(wait) => missing(wait),
        None => "let one of the arms have an object when the `select` begins, or give it an `after`".into(),
    }
}

/// What a stuck task would have done for a wait, as code.
fn brought(wait: &Wait, by: &TaskFacts) -> Option<String> {
    let object = in_code(&wait.object);
    match wait.reasons.iter().find_map(|reason| supplied(reason, by))? {
        "put" => Some(format!("`{object}.put(…)`")),
        action if action.contains(' ') => None,
        action => Some(format!("`{object}.{action}()`")),
    }
}

/// One that waits for its own end.
fn own_end(circle: &[Waiting]) -> Option<String> {
    let [one] = circle else { return None };
    let own = |wait: &Wait| for_itself(&wait.reasons, one);
    one.waits.iter().any(own).then(|| "leave it out: no task can wait for its own end".into())
}

/// One that waits for what only it could do itself.
fn only_itself(circle: &[Waiting]) -> Option<String> {
    let [Waiting { task, waits, .. }] = circle else { return None };
    let [wait] = waits.as_slice() else { return None };
    let own = |r: &Reason| supplied(r, task).is_some() || matches!(r, Reason::CameTooEarly { .. });
    let for_a_deed = matches!(
        (wait.operation.as_str(), wait.object_kind.as_str()),
        ("get", "queue") | ("wait", "condition" | "event" | "latch")
    );
    let deed = brought(wait, task).filter(|_| for_a_deed && wait.reasons.iter().all(own))?;
    Some(format!("let another task do {deed}: {} cannot while it waits for it", task.name))
}

/// One that waits for the end of another, before what that one waits for. Of a queue without a
/// place the other would have to be emptied meanwhile.
fn before_the_join(circle: &[Waiting]) -> Option<String> {
    circle.iter().find_map(|joins| {
        let join = joins.waits.iter().find(|w| w.operation == "join")?;
        let mut others = circle.iter().filter(|w| w.task.serial != joins.task.serial);
        let (waits, deed) = others.find_map(|other| {
            let wait = other.waits.iter().find(|w| w.operation != "put")?;
            Some((other, brought(wait, &joins.task)?))
        })?;
        Some(format!("let {} do {deed} before {}: {} waits for it", joins.task.name, call(join), waits.task.name))
    })
}

/// Several of which each waits for what another of them would do behind its own wait.
fn all_wait_first(circle: &[Waiting]) -> Option<String> {
    let brings = |task: &TaskFacts| {
        let others = circle.iter().filter(|w| w.task.serial != task.serial);
        others.flat_map(|w| &w.waits).find_map(|wait| brought(wait, task))
    };
    let deeds: Vec<String> = circle.iter().map(|w| brings(&w.task)).collect::<Option<_>>()?;
    let ([first, _, ..], [deed, ..]) = (circle, deeds.as_slice()) else { return None };
    let wait = first.waits.first()?;
    Some(format!(
        "each waits before it does its part: let one of them do that first, such as {deed} before {} in {}",
        call(wait),
        first.task.name
    ))
}

/// The pool whose end one of its jobs waits for.
fn own_pool(circle: &[Waiting]) -> Option<&str> {
    let of_its_own = |waiting: &Waiting, wait: &Wait| {
        let at_a_job = |r: &Reason| matches!(r, Reason::HeldBy { task, .. } if task.serial == waiting.task.serial);
        wait.object_kind == "pool" && wait.reasons.iter().any(at_a_job)
    };
    circle.iter().find_map(|waiting| {
        let wait = waiting.waits.iter().find(|wait| of_its_own(waiting, wait))?;
        Some(wait.object.as_str())
    })
}

/// A lock that one of them holds while it waits for something else, and that
/// another of them wants.
fn lock_kept_while_waiting(circle: &[Waiting]) -> Option<(&str, &Wait)> {
    let wanted = |lock: &str, holder: u32| {
        circle.iter().any(|w| w.task.serial != holder && w.waits.iter().any(|w| is_lock(w) && w.object == lock))
    };
    circle.iter().find_map(|waiting| {
        let other = waiting.waits.iter().find(|w| !is_lock(w))?;
        let lock = waiting.holds.iter().find(|h| wanted(&h.lock, waiting.task.serial))?;
        Some((lock.lock.as_str(), other))
    })
}

/// Of several that all wait for the same, which none but they would bring after that: what they
/// want, and of what.
fn who_goes_first(circle: &[Waiting]) -> Option<(&'static str, &str)> {
    let [first, _, ..] = circle else { return None };
    let [wait] = first.waits.as_slice() else { return None };
    let values = match (wait.operation.as_str(), wait.object_kind.as_str()) {
        ("get", "queue") => "values",
        ("acquire", "semaphore") => "permits",
        _ => return None,
    };
    let alike =
        |w: &Waiting| matches!(w.waits.as_slice(), [w] if w.object == wait.object && w.operation == wait.operation);
    let would = |r: &Reason| matches!(r, Reason::StuckSupplier { action, .. } if action != "close");
    let brings = |w: &Waiting| w.waits.iter().flat_map(|w| &w.reasons).any(would);
    circle.iter().all(|w| alike(w) && brings(w)).then_some((values, wait.object.as_str()))
}

/// A condition at which tasks wait in different places, and so for different things, and
/// one of which would have notified another.
fn condition_of_several(circle: &[Waiting]) -> Option<&str> {
    let waits = |w: &'_ Waiting, object: &str| {
        w.waits.iter().any(|w| w.object_kind == "condition" && w.operation == "wait" && w.object == object)
    };
    let (wait, _) = reasons(circle)
        .find(|(wait, reason)| wait.object_kind == "condition" && matches!(reason, Reason::StuckSupplier { .. }))?;
    let mut places = circle.iter().filter(|w| waits(w, &wait.object)).map(|w| w.span);
    let first = places.next()?;
    places.any(|place| place != first).then_some(&wait.object)
}

fn notify_all(condition: &str) -> String {
    let condition = in_code(condition);
    format!(
        "`{condition}.notify()` may wake a task that looks for something else: use `{condition}.notify_all()`, or a \
         condition for each thing that is waited for"
    )
}

/// The call that waits, as code where it can be: the name of a task is none.
fn call(wait: &Wait) -> String {
    let object = in_code(&wait.object);
    match (wait.operation.as_str(), wait.object_kind.as_str()) {
        ("join", "pool") => format!("`join {object}`"),
        ("join", _) => format!("the `join` of {}", wait.object),
        ("await", _) => format!("the `await` of {}", wait.object),
        (operation, _) => format!("`{object}.{operation}()`"),
    }
}

fn one_order(waits: &[&Wait]) -> String {
    let mut names: Vec<&str> = waits.iter().map(|w| w.object.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let base = names.first().map_or("", |n| declared_name(n));
    match names.as_slice() {
        [a, b] => format!("take the locks in one order everywhere: {a} before {b}"),
        [_, _, ..] if names.iter().all(|n| n.contains('[') && declared_name(n) == base) => {
            format!("take the locks in one order everywhere, such as by index: {base}[0] before {base}[1] and so on")
        }
        [] => "take the locks in one order everywhere".into(),
        [one] => {
            format!("let go of {one} before taking it for writing: who reads and waits to write waits for all who read")
        }
        _ => format!("take the locks in one order everywhere, such as {}", phrase::list(&names, 4)),
    }
}

fn ended_supplier(circle: &[Waiting]) -> Option<String> {
    reasons(circle).find_map(|(wait, reason)| match reason {
        Reason::EndedSupplier { task, ending: Ending::Failed(kind), action } => {
            Some(format!("let {} reach its {action} in any case: `try {{ … }} catch {kind} {{ … }}`", task.name))
        }
        Reason::EndedSupplier { task, .. } if wait.object_kind == "task" => Some(format!(
            "let {} live until the last job has begun: who ends a worker, or calls `exit` in a job, leaves those \
             that wait to nobody",
            task.name
        )),
        Reason::EndedSupplier { task, action, .. } if wait.operation == "await" => {
            Some(format!("let {} live until its {action}", task.name))
        }
        Reason::EndedSupplier { task, action, .. } => {
            Some(format!("let {} live until its {action}, or wait with a `timeout:`", task.name))
        }
        _ => None,
    })
}

/// The pool all of whose workers are in jobs that wait, so that none takes the one waited for.
fn busy_pool(wait: &Wait) -> Option<&str> {
    wait.reasons.iter().find_map(|reason| match reason {
        Reason::StuckSupplier { action, .. } => action.strip_prefix("take a job of "),
        _ => None,
    })
}

/// What must be done for a wait that nobody ends.
fn missing(wait: &Wait) -> String {
    let Wait { operation, object, object_kind, .. } = wait;
    let code = in_code(object);
    match (operation.as_str(), object_kind.as_str()) {
        ("get", _) => {
            format!("`{code}.close()` after the last `put`: a `get` then gives none and `for v in {code}` ends")
        }
        ("put", _) => format!("let a task `get` as many values as are put into {object}, or give it more places"),
        ("acquire", "semaphore") => {
            format!("`{code}.release()` as often as it is acquired, or `with {code} {{ … }}`")
        }
        ("wait", "barrier") => {
            format!("make {object} for as many tasks as come to it, or `{code}.abort()` when one cannot come")
        }
        ("wait", "latch") => format!("`{code}.count_down()` as often as {object} counts, in any case"),
        ("wait", "event") => format!("`{code}.set()` in a task that cannot end before it"),
        ("wait", "condition") => {
            format!(
                "`{code}.notify()` after every change that a waiter looks for (it wakes one of them, \
                 `{code}.notify_all()` all), in a task that cannot end before it"
            )
        }
        ("join", "pool") => format!("`{code}.close()` before `join {code}`"),
        ("join", "task") if busy_pool(wait).is_some() => format!(
            "no worker of {pool} is left for {object}: make more of them than there are jobs that wait for others, \
             or let no job wait for one of its own pool",
            pool = busy_pool(wait).unwrap_or_default()
        ),
        ("join", _) => format!("let {object} come to its end, or wait for it with `join … for 1s`"),
        ("await", _) => "let a task that still runs make the condition true".into(),
        _ => format!("let a task that still runs do its part on {object}, or wait with a `timeout:`"),
    }
}
