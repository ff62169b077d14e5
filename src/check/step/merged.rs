//! Which steps of a task make one transition: those that matter to nobody else, and those that may
//! be made together with what came before. It owns that, for the model at hand; what a step does,
//! `step` says.

use crate::check::moves::Move;
use crate::check::part::*;
use crate::machine::{Step, TaskField};
use crate::objects;
use crate::program::code::SelfInfo;
use crate::program::value::ObjRef;

/// A transition makes no more choices of its own: each doubles its ways, and a
/// loop around one would never come to its end.
const CHOICES_JOINED: usize = 2;
/// Nor one by which it would have more ways than so many.
const WAYS_JOINED: u64 = 1024;

/// Whether what a task is about is a turn of its own in the finest division.
pub fn is_turn(at: &At) -> bool {
    match at {
        At::Met { .. } | At::Closing(_) => false,
        At::Step(step) => step.is_turn(),
        _ => true,
    }
}

/// Of how many a task is about to choose.
fn choice(at: &At) -> Option<u64> {
    match at {
        At::Step(step) => match **step {
            Step::Choose(count) => Some(count),
            _ => None,
        },
        _ => None,
    }
}

impl Move<'_> {
    /// One more choice, after as many as a transition makes.
    pub(super) fn chooses_on(&self, at: &At) -> bool {
        let Some(count) = choice(at) else { return false };
        let many = self.taken >= CHOICES_JOINED || self.taken > 0 && self.fanned.saturating_mul(count) > WAYS_JOINED;
        many || self.is_not_drawn(at)
    }

    /// A choice of which nobody has said what it gives, where none other is to be made.
    pub(super) fn is_not_drawn(&self, at: &At) -> bool {
        self.only_drawn && self.taken >= self.ways.len() && choice(at).is_some_and(|count| count > 1)
    }

    /// Whether a step matters to no other task: it commutes with all of theirs,
    /// or does so as long as no race is found.
    pub(super) fn is_own(&self, at: &At) -> bool {
        match at {
            At::Met { .. } => true,
            // All that it waits for have ended.
            At::Operate { then: Then::Join { timed: false, all: true, .. } | Then::Child { .. }, .. } => {
                self.model.together
            }
            At::Operate { op, timed: false, then: Then::Join { .. } } => self.joins_for_good(op.target),
            At::Step(step) => match &**step {
                Step::Join { targets, timeout: None } => targets.first().is_some_and(|t| self.joins_for_good(*t)),
                Step::Access { place, access } => !self.is_visible(*place, access),
                Step::Sleep(_) | Step::Busy(_) | Step::Yield | Step::Print(_) | Step::Choose(_) | Step::Interrupted => {
                    true
                }
                // Another one once its parent has ended.
                Step::SelfInfo(info) => *info != SelfInfo::Ppid,
                // Processes, which get a copy of memory, are made by steps of their own if
                // there may be threads to change it.
                Step::New { .. } | Step::NewRecord { .. } => true,
                Step::TaskField { field, .. } => matches!(field, TaskField::Name | TaskField::Pid),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether joining a task is nobody else's affair: it has ended, which nothing
    /// undoes, and nobody asks who has been joined.
    fn joins_for_good(&self, target: ObjRef) -> bool {
        self.model.together && target.kind == objects::place::task && self.has_ended(target.id)
    }

    /// Whether a step that others can see may still be joined to the transition
    /// before it: it moves to the left past whatever others do, and nothing
    /// that the task has reached is still to be compared with their accesses. In
    /// the exact order that is every access that a release would hand on: who
    /// goes ahead by another's release (of an event, a semaphore) would come
    /// after this one's too, if it were made earlier. Nobody takes a lock before
    /// this task lets go of it, and nobody sees its end before it comes.
    pub(super) fn joins(&self, at: &At) -> bool {
        if self.model.plain || !self.task(self.me, |t| t.footprint.is_empty()).unwrap_or(false) {
            return false;
        }
        let at = match at {
            At::Step(step) => step,
            At::Ending(_) => return self.model.movers.ends_join(),
            _ => return false,
        };
        match &**at {
            Step::Spawn(spawn) => !spawn.process || !self.model.movers.copies,
            Step::Operate { object, method, .. } => {
                self.model.movers.joins(object.id, object.kind, *method)
                    && (object.kind == objects::place::lock || !self.order_open())
            }
            _ => false,
        }
    }
}
