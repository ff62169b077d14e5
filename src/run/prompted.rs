//! Looking for stuck tasks in a session. `main` may be given any statement
//! next, so it may do anything to an object for the others, but it ends none
//! unless its statement says so: that a deadlock could be broken by hand is no
//! reason not to report it. A statement of `main` itself is stuck if nobody
//! else lets it go on.

use super::*;
use crate::run::arena::run;

/// What a session's diagnosis remembers besides.
#[derive(Default)]
pub(super) struct Prompts {
    /// By slot: what was reported as stuck, with its version then. Tasks of a
    /// session can become free again.
    told: HashMap<usize, u64>,
    /// Look at `main`'s own wait.
    with_main: bool,
    /// It was stuck at the last look.
    main_stuck: bool,
    /// No further statement comes.
    ended: bool,
    /// How many texts there were when a function was last defined anew.
    redefined: u64,
}

/// What was told of what the tasks themselves saw.
#[derive(Default)]
pub struct Told {
    heads: (u64, u64),
    records: usize,
    orders: Vec<Vec<String>>,
}

impl Diagnosis {
    /// The program has grown.
    pub fn renew(&mut self) {
        self.may = None;
        self.executor = None;
        self.last_stuck.clear();
        let grown = self.image.growth.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if grown.as_ref().is_some_and(|g| g.last.redefines) {
            self.session.redefined = self.image.entries_known();
        }
    }

    /// Whether nothing is known of what a task may still do: `main`, and who
    /// began before a function was defined anew, for the code is looked at as
    /// it is now.
    pub(super) fn is_free(&self, task: u32) -> bool {
        let grows = self.image.room.grows;
        grows
            && ((task == self.image.main_task() && !self.session.ended && !self.session.with_main)
                || self.image.arena.facts(task, facts::ENTRIES).load(Relaxed) < self.session.redefined)
    }

    pub(super) fn session_view(&mut self, with_main: bool) {
        self.session.with_main = with_main;
    }

    /// Whether a task is taken to go on whatever it waits for.
    pub(super) fn goes_on(&self, task: u32) -> bool {
        let prompted = self.image.room.grows && !self.session.ended;
        prompted && !self.session.with_main && task == self.image.main_task()
    }

    /// No further statement comes: `main` is a task like all others.
    pub fn end_prompt(&mut self) {
        self.session.ended = true;
    }

    /// Tasks that have moved since they were reported are not known any more.
    pub(super) fn forget_freed(&mut self) {
        let arena = self.image.arena;
        self.session.told.retain(|s, version| {
            let same = arena.slot(*s, slot::VERSION).load(SeqCst) == *version;
            if !same {
                arena.slot(*s, slot::REPORTED).store(0, SeqCst);
            }
            same
        });
    }

    pub(super) fn remember_told(&mut self, snapshot: &Snapshot) {
        if !self.image.room.grows {
            return;
        }
        for (s, version) in snapshot.slots.iter().zip(&snapshot.versions) {
            if self.image.arena.slot(*s, slot::REPORTED).load(Relaxed) != 0 {
                self.session.told.insert(*s, *version);
            }
        }
    }

    /// Whether the statement of `main` can never go on: then why. As for the
    /// others, two looks in a row must say so.
    pub fn look_at_main(&mut self, home: &Arc<Process>) -> Option<Finding> {
        let main = self.image.arena.facts(self.image.main_task(), facts::SLOT).load(SeqCst) as usize;
        let state = self.image.arena.slot(main, slot::STATE).load(SeqCst);
        if !matches!(state, state::WAITING | state::AWAITING) {
            self.session.main_stuck = false;
            return None;
        }
        self.session.with_main = true;
        let found = self.main_finding(home);
        self.session.with_main = false;
        found
    }

    fn main_finding(&mut self, home: &Arc<Process>) -> Option<Finding> {
        let first = self.snapshot(home);
        let verdict = deadlock::stuck(&first.views, &Answers { snapshot: &first, image: self.image });
        let main = self.image.main_task();
        let is_stuck = first.views.iter().zip(&verdict).any(|(v, s)| v.id == main && *s);
        if !std::mem::replace(&mut self.session.main_stuck, is_stuck) || !is_stuck {
            return None;
        }
        let second = self.snapshot(home);
        let still = deadlock::stuck(&second.views, &Answers { snapshot: &second, image: self.image });
        let same = (0..verdict.len()).filter(|i| verdict[*i]).all(|i| {
            let again = second.slots.iter().position(|s| *s == first.slots[i]);
            again.is_some_and(|j| still[j] && first.versions[i] == second.versions[j])
        });
        if !same {
            return None;
        }
        self.session.main_stuck = false;
        let groups = deadlock::groups(&second.views, &still, &Answers { snapshot: &second, image: self.image });
        let has_main = |g: &deadlock::Group| g.circle.iter().chain(&g.behind).any(|i| second.views[*i].id == main);
        let scene = Answers { snapshot: &second, image: self.image };
        let group = groups.iter().find(|g| has_main(g))?;
        Some(stuck::finding(&scene, &second.views, &still, group, Certainty::Observed))
    }

    /// What was recorded since the last time: races, errors, lock orders.
    pub fn newly_recorded(&self, told: &mut Told, stuck: &[Finding]) -> Vec<Finding> {
        let arena = self.image.arena;
        let heads = (arena.run(run::FINDINGS).load(SeqCst), arena.run(run::ORDERS).load(SeqCst));
        if heads == told.heads {
            return Vec::new();
        }
        told.heads = heads;
        let all = record::all(arena);
        let new = all.iter().skip(told.records).cloned();
        let mut findings: Vec<Finding> = new.filter_map(|(raw, count)| from_raw(self.image, raw, count)).collect();
        told.records = all.len();
        for order in lock_orders(self.image, stuck) {
            if !told.orders.contains(&order.on) {
                told.orders.push(order.on.clone());
                findings.push(order);
            }
        }
        findings
    }
}
