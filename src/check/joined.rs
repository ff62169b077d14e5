//! Who waits for the ends of others, and whose trouble that is. It owns what such waiting is and
//! whom it is for; where tasks go on for ever, `live` finds.
//!
//! Who waits for the end of a task that is in trouble has that task's trouble, which is told of.
//! A daemon, and a task that goes on for ever in peace, is in none: then who has something to do
//! after its end never comes to that, as in `join worker` before the `stop = true` that the
//! worker looks for.

use super::explore::Explorer;
use super::finding::awaits_children;
use super::part::*;
use super::store::Row;
use super::waits::waits_of;
use crate::detect::may::Root;
use crate::detect::stuck::BODY_ENDED;
use crate::machine::Step;
use crate::objects::{self, Need, TaskId, join_method, place};
use crate::program::value::ObjRef;
use hashbrown::HashSet;

/// Whether a task waits for nothing but the end of others; `daemons`: also of those that
/// may go on for ever.
pub fn joins(explorer: &Explorer, row: &Row, task: TaskId, daemons: bool) -> bool {
    let is_daemon =
        |task| matches!(explorer.part(row, Key::Task(task)).as_deref(), Some(Part::Task(t)) if t.birth.daemon);
    let is_end = |target: ObjRef, method: u8| match target.kind {
        place::task => daemons || !is_daemon(target.id),
        place::pool => method == objects::pool::JOIN,
        _ => false,
    };
    // A `select` that has no arm left waits for no end.
    let are_ends = |arms: Vec<(ObjRef, u8)>| !arms.is_empty() && arms.iter().all(|(t, method)| is_end(*t, *method));
    match explorer.part(row, Key::Task(task)).as_deref() {
        Some(Part::Task(t)) => match &t.at {
            At::Operate { op, .. } => is_end(op.target, op.method),
            At::Step(step) => match &**step {
                Step::Join { targets, .. } => targets.iter().all(|t| is_end(*t, join_method(t.kind))),
                Step::Select { arms, .. } => are_ends(arms.iter().filter_map(|a| a.target).collect()),
                Step::JoinAll { .. } | Step::Wait(_) => true,
                _ => false,
            },
            At::Select { then: Then::Reap { .. }, .. } | At::Closing(_) => true,
            At::Select { arms, .. } => are_ends(arms.iter().map(|(_, op)| (op.target, op.method)).collect()),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a task that waits for nothing but the ends of others has something to do after
/// that. Where there is nothing, as behind the `join all` of a script whose servers go on for
/// ever, its waiting is an end. A worker has the jobs that nobody else has taken.
pub fn has_more_to_do(explorer: &Explorer, row: &Row, part: &Part) -> bool {
    let Part::Task(task) = part else { return false };
    let Some(machine) = task.machine.as_ref().filter(|_| !awaits_children(task)) else { return false };
    let root = match task.job.map(|job| function_of(explorer, row, job.id)) {
        None => Root::Function(task.birth.function),
        Some(job) => job.map_or(Root::Worker, Root::Function),
    };
    let program = explorer.model.program;
    let mut may = explorer.may.borrow_mut();
    if may.deeds(program, root, machine.pc()).acts() {
        return true;
    }
    let mut acts = |function: u32| {
        let entry = program.functions[function as usize].entry;
        may.deeds(program, Root::Function(function), entry).acts()
    };
    jobs_left(explorer, row, task).into_iter().any(|job| function_of(explorer, row, job).is_none_or(&mut acts))
}

/// What [`has_more_to_do`] is asked of beside the task, in a state: the pool whose jobs it does.
pub fn pool_of(explorer: &Explorer, row: &Row, part: &Part) -> PartId {
    let Part::Task(task) = part else { return 0 };
    task.birth.pool.map_or(0, |pool| row.get(explorer.model.space.place(Key::Object(pool))))
}

/// The jobs that wait in the pool of a worker.
fn jobs_left(explorer: &Explorer, row: &Row, worker: &TaskPart) -> Vec<TaskId> {
    let pool = worker.birth.pool.and_then(|pool| explorer.part(row, Key::Object(pool)));
    let Some(Part::Object(pool)) = pool.as_deref() else { return Vec::new() };
    pool.values.iter().filter_map(objects::pool::handle).collect()
}

fn function_of(explorer: &Explorer, row: &Row, task: TaskId) -> Option<u32> {
    match explorer.part(row, Key::Task(task)).as_deref() {
        Some(Part::Task(task)) => Some(task.birth.function),
        _ => None,
    }
}

/// Whether the tasks for whose ends a task waits all go on for ever, and that is no trouble of
/// theirs: then it is this one's. Whom they wait for stands for those that wait for ends
/// themselves. `goes_on`: whether a task that goes on does so without trouble; none of one that
/// does not.
pub fn waits_in_vain(explorer: &Explorer, row: &Row, task: TaskId, goes_on: &dyn Fn(TaskId) -> Option<bool>) -> bool {
    let mut todo = vec![task];
    let mut seen: HashSet<TaskId> = todo.iter().copied().collect();
    while let Some(task) = todo.pop() {
        let awaited = awaited(explorer, row, task);
        if awaited.is_empty() {
            return false;
        }
        for other in awaited {
            match goes_on(other) {
                Some(true) => {}
                None if joins(explorer, row, other, true) => todo.extend(seen.insert(other).then_some(other)),
                _ => return false,
            }
        }
    }
    true
}

/// For whose ends a task waits.
fn awaited(explorer: &Explorer, row: &Row, task: TaskId) -> Vec<TaskId> {
    let part = explorer.part(row, Key::Task(task));
    let Some(Part::Task(stands)) = part.as_deref() else { return Vec::new() };
    let Some(waits) = waits_of(explorer.model, row, task, stands) else { return Vec::new() };
    let of = |need: &Need| match need {
        Need::Tasks(tasks) => tasks.iter().map(|t| *t & !BODY_ENDED).collect(),
        Need::End(task) => vec![*task],
        // A job that nobody has taken is done by the workers.
        Need::Deed { object, .. } => {
            let works = |t: &TaskPart| t.birth.pool == Some(*object) && !matches!(t.at, At::Ended(_));
            let tasks = explorer.task_parts(row);
            tasks.iter().filter(|(_, p)| matches!(&**p, Part::Task(t) if works(t))).map(|t| t.0).collect()
        }
        _ => Vec::new(),
    };
    let mut all: Vec<TaskId> = waits.iter().flat_map(|wait| of(&wait.need)).collect();
    all.sort_unstable();
    all.dedup();
    all
}
