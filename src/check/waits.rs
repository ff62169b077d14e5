//! What a task waits for in a state. It owns the reading of a state for that; whether the wait
//! can ever end, `detect::deadlock` says, and whose trouble a wait for ends is, `joined`.

use super::finding::awaits_children;
use super::model::Model;
use super::moves::Move;
use super::part::*;
use super::store::Row;
use crate::detect::deadlock::{WaitView, Waits};
use crate::detect::stuck::BODY_ENDED;
use crate::machine::{Step, Task};
use crate::objects::{self, KINDS, Need, TaskId, World, join_method, place};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::Ordering::Relaxed;

/// The tasks of which each must get on with it, or end, before the task of a
/// transition can go ahead; empty if it waits for something else.
pub fn needs(m: &Move) -> Vec<TaskId> {
    // A copy: what the transition has begun to change is not lent twice.
    let task = m.task(m.me, Clone::clone);
    let Some(waits) = task.and_then(|t| waits_in(m, m.me, &t)) else { return Vec::new() };
    match &waits.now()[..] {
        [WaitView { need: Need::Tasks(tasks), .. }] => tasks.iter().map(|t| *t & !BODY_ENDED).collect(),
        [WaitView { need: Need::End(task), .. }] => vec![*task],
        _ => Vec::new(),
    }
}

/// The waits of a task; none if it goes on by itself.
pub fn waits_of(model: &Model, row: &Row, id: TaskId, task: &TaskPart) -> Option<Waits> {
    let m = Move::new(model, row.parts(), &[], id, task.process);
    waits_in(&m, id, task)
}

fn waits_in(m: &Move, id: TaskId, task: &TaskPart) -> Option<Waits> {
    if task.dying {
        return None;
    }
    // Where nobody can be ended from outside that is not even looked at: it would seem
    // as if who waits had to do with all that the process does.
    let may_die = !m.model.movers.only_threads();
    if may_die && is_doomed(m, task.process) {
        return None;
    }
    let view = |m: &Move, target: ObjRef, method: u8, memo: u64| {
        let need = objects::need(m, target.kind, target.id, method, memo, id);
        WaitView { object: target.id, kind: target.kind, method, need: without_ended(m, need) }
    };
    // Who has yet to arrive somewhere can do that.
    let arrives = |m: &Move, target: ObjRef| objects::arrival_matters(target.kind, m.word(target.id, 0));
    let one = |wait: WaitView| Waits::any(vec![wait]);
    // Of those that it joins one after the other, the one whose turn it is comes first.
    let ends = |first: Option<ObjRef>, targets: &[ObjRef]| {
        let first = first.or(targets.first().copied())?;
        let mut of = vec![view(m, first, join_method(first.kind), 0)];
        let more = targets.iter().filter(|t| **t != first).map(|t| view(m, *t, join_method(t.kind), 0));
        of.extend(more.filter(|w| !matches!(w.need, Need::Ready)));
        Some(Waits { of, all: true })
    };
    match &task.at {
        At::Operate { timed: true, .. } | At::Select { after: true, .. } | At::Select { otherwise: true, .. } => None,
        At::Operate { op, then: Then::Join { targets, next, .. }, .. } => {
            ends(Some(op.target), targets.get(*next..).unwrap_or_default())
        }
        At::Operate { op, .. } => Some(one(view(m, op.target, op.method, op.memo.unwrap_or(0)))),
        At::Select { arms, .. } => {
            Some(Waits::any(arms.iter().map(|(_, op)| view(m, op.target, op.method, op.memo.unwrap_or(0))).collect()))
        }
        At::Looked { site, .. } => Some(one(WaitView::of_change(*site))),
        At::Closing(_) => m.child_that_runs().map(|t| one(view(m, t, join_method(t.kind), 0))),
        At::Step(step) => match &**step {
            Step::Operate { object, method, args } => {
                let limited = objects::timeout_ns(object.kind, *method, args.as_slice());
                if arrives(m, *object) {
                    return None;
                }
                if !matches!(limited, Ok(None)) || !KINDS[object.kind as usize].methods[*method as usize].waits {
                    return None;
                }
                let at_once =
                    KINDS[object.kind as usize].methods[*method as usize].blocking.and_then(|i| args.as_slice().get(i))
                        == Some(&Value::Bool(false));
                (!at_once).then(|| one(view(m, *object, *method, 0)))
            }
            Step::Select { arms, after: None, otherwise: false } => {
                if arms.iter().filter_map(|a| a.target).any(|(o, _)| arrives(m, o)) {
                    return None;
                }
                Some(Waits::any(
                    arms.iter().filter_map(|a| a.target).map(|(o, method)| view(m, o, method, 0)).collect(),
                ))
            }
            Step::Join { targets, timeout: None } => ends(None, targets.as_slice()),
            Step::JoinAll { timeout: None } => {
                let first = if m.model.together { m.spawned_and_runs() } else { None };
                ends(first, &task.spawned)
            }
            Step::Wait(pid) => {
                let children = m.forked_children(*pid);
                let of = |c: &TaskId| view(m, ObjRef { id: *c, kind: place::task }, 0, 0);
                (!children.is_empty()).then(|| Waits::any(children.iter().map(of).collect()))
            }
            Step::AwaitBegin { .. } | Step::AtomicBegin if m.model.endless.load(Relaxed) => None,
            Step::AwaitBegin { site, .. } => Some(one(WaitView::of_change(*site))),
            // `atomically { await … }`: the condition comes first.
            Step::AtomicBegin => {
                let begin = task.machine.as_ref().map_or(0, Task::pc);
                m.program.block_awaits(begin).map(|(_, site)| one(WaitView::of_change(site)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a process is to end, by itself or with one that takes it along.
fn is_doomed(m: &Move, process: TaskId) -> bool {
    let mut at = process;
    loop {
        let Some((dying, parent)) = m.process(at, |p| (p.dying.is_some() && !p.dead, p.parent)) else { return false };
        if dying {
            return true;
        }
        let Some((_, parent)) = parent else { return false };
        // Who was forked lives on.
        let taken = m.process(parent, |p| p.children.iter().any(|c| c.task == at && !c.forked));
        if !taken.unwrap_or(false) {
            return false;
        }
        at = parent;
    }
}

/// An owner whose body has ended is gone, though its process still waits. A pool's worker
/// has yet to leave the pool.
fn without_ended(m: &Move, need: Need) -> Need {
    need.with_tasks(&|task| {
        let over = m.task(task, |t| awaits_children(t) && t.birth.pool.is_none()).unwrap_or(false);
        if over { task | BODY_ENDED } else { task }
    })
}
