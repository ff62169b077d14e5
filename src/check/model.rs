//! What holds for all transitions of an exploration: which reductions there are, and
//! what is taken for granted until it is seen otherwise (guards). What one transition
//! makes of it, `moves` and `step` say.

use super::part::*;
use crate::program::Program;
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What holds for all transitions of an exploration.
pub struct Model {
    pub program: &'static Program,
    pub space: Space,
    /// Every access is a transition of its own, and so is every release.
    pub plain: bool,
    /// Accesses that a lock guards are not compared.
    pub guarding: bool,
    /// A task whose next step is its own affair goes alone.
    pub alone: bool,
    /// Of two transitions that commute one order is followed.
    pub sleeping: bool,
    /// Declarations whose places are reached in transitions of their own.
    pub visible: BTreeSet<Memorable>,
    /// Places on which a race is known by now.
    pub known_races: BTreeSet<String>,
    /// Races by the exact order of accesses, not by footprints.
    pub exact: bool,
    /// Somebody else looks for races: no access is kept or compared.
    pub blind: bool,
    /// No race is looked for: each place where there could be one is in
    /// `visible`, or nobody asks.
    pub careless: bool,
    pub movers: super::mover::Movers,
    /// A `join all` and the end of a process go ahead once all that they wait
    /// for have ended, in one step. What they would have done before nobody can
    /// see, since the task itself goes on only behind all of it.
    pub together: bool,
    /// Of states that differ only in which of alike tasks is where, one is enough.
    pub symmetry: bool,
    pub guards: Mutex<Guards>,
    /// A look or a block was not gone through to its end: whether a task waits before such a
    /// one nobody knows.
    pub endless: AtomicBool,
}

impl Model {
    /// What is known of guards by now. Who panicked under the lock left it as good
    /// as before: each change is one.
    pub fn guards(&self) -> MutexGuard<'_, Guards> {
        self.guards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a race there means that all is to be explored anew: each access to
    /// the place is then a step that others can see, and other races need the exact
    /// order.
    pub fn begins_anew(&self, memory: &Memorable) -> bool {
        !self.exact || !self.plain && !self.visible.contains(memory)
    }

    /// The finest division, for who goes one way through it: no reduction, races
    /// by the exact order.
    pub fn finest(program: &'static Program, visible: BTreeSet<Memorable>) -> Model {
        Model {
            program,
            space: Space::new(program.objects.len() as u32 + 1),
            plain: true,
            guarding: false,
            alone: false,
            sleeping: false,
            visible,
            known_races: BTreeSet::new(),
            exact: true,
            blind: false,
            careless: false,
            movers: super::mover::Movers::of(program).without_joins(),
            together: false,
            symmetry: false,
            guards: Mutex::default(),
            endless: AtomicBool::new(false),
        }
    }
}

/// Which locks have been held at every access to a place so far, but for those
/// made while there was no other task. A place that always has one is guarded:
/// its accesses cannot race, and need not be compared.
#[derive(Default)]
pub struct Guards {
    /// Declarations that turned out not to be guarded, and what else was taken
    /// for granted and does not hold.
    pub open: BTreeSet<Memorable>,
    pub held: HashMap<PartIx, Vec<u32>>,
    /// Found just now: what was explored rests on a wrong assumption.
    pub broken: bool,
}

impl Guards {
    /// What becomes of the place with this access under these locks; unless it is guarded
    /// still, nothing is changed.
    pub fn meet(&mut self, ix: PartIx, memory: Memorable, locks: impl Iterator<Item = u32> + Clone) -> Met {
        if self.open.contains(&memory) {
            return Met::Open;
        }
        let is_held = |lock: &u32| locks.clone().any(|held| held == *lock);
        match self.held.get_mut(&ix) {
            None if locks.clone().next().is_some() => {
                self.held.insert(ix, locks.collect());
                Met::Guarded
            }
            Some(held) if held.iter().any(is_held) => {
                held.retain(is_held);
                Met::Guarded
            }
            _ => Met::Unguarded,
        }
    }

    /// It is not.
    pub fn give_up(&mut self, memory: Memorable) {
        self.broken |= self.open.insert(memory);
    }
}

/// What is known of a place behind an access.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Some lock has been held at all accesses, this one too.
    Guarded,
    /// It had turned out before that none guards it.
    Open,
    /// None guards it, with this access.
    Unguarded,
}

/// A declaration of memory: declared, or a field of a struct. Or what else an
/// exploration takes for granted until it sees otherwise: that no process ends
/// while workers of its pools are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Memorable {
    Declared(u32),
    Field(u32, u32),
    Workers,
}
