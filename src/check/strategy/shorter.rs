//! Shorter lists of transitions for what one has shown: some are left out as long as
//! what is left shows the same. It owns the following of such a list; which are left
//! out, `fewest` says, and switches are spared later, by `way`.

use super::walk::applied;
use crate::check::explore::{Explorer, What};
use crate::check::fewest::{Tries, fewest};
use crate::check::finding;
use crate::check::part::{Activity, PartIx};
use crate::check::same::{Key, at_last};
use crate::check::turn::{Mover, Turn};

/// So many transitions at the most for one finding; most are looked up.
pub const BUDGET: u64 = 3_000_000;

/// One that takes long is worth so many.
const LONG: u64 = 1000;
/// To make large values of so many bytes is worth one.
const BYTES: u64 = 16;

/// A schedule and what it shows.
#[derive(Clone)]
pub struct Shows {
    pub turns: Vec<Turn>,
    pub what: What,
}

/// What a list of turns is to show.
pub struct Wanted<'a> {
    pub key: &'a Key,
    /// Whether it will do, of what has this key.
    pub fits: &'a dyn Fn(&What) -> bool,
}

impl Wanted<'_> {
    /// Anything with this key.
    pub fn any(key: &Key) -> Wanted<'_> {
        Wanted { key, fits: &|_| true }
    }
}

/// Follows a list of turns; those that cannot be made are left out. What it
/// shows of what is wanted, with the turns that were made up to there.
pub fn follow(explorer: &mut Explorer, turns: &[Turn], wanted: &Wanted, budget: &mut u64) -> Option<Shows> {
    let mut row = applied(&explorer.row(0), &[]);
    let mut made = Vec::with_capacity(turns.len());
    explorer.take_made_bytes();
    for turn in turns {
        *budget = budget.saturating_sub(1);
        let part = row.get(turn.actor);
        let able = match explorer.activity(part) {
            Activity::None => false,
            Activity::Task => turn.mover == Mover::Task,
            Activity::Stopping => turn.mover != Mover::Bury,
            Activity::Dying => turn.mover == Mover::Bury,
        };
        if !able {
            continue;
        }
        let mut ways = turn.ways.clone();
        let leaf = explorer.leaf(&row, turn.actor, turn.mover, part, &mut ways);
        *budget = budget.saturating_sub(explorer.take_made_bytes() / BYTES);
        if explorer.took_long() {
            // Whatever is tried is kept.
            let is_full = explorer.bytes() as u64 >= explorer.options.memory_max;
            *budget = if is_full { 0 } else { budget.saturating_sub(LONG) };
        }
        if leaf.blocked {
            continue;
        }
        made.push(Turn { ways, ..turn.clone() });
        if let Key::Event(code, text) = wanted.key {
            let program = explorer.model.program;
            let same = |e: &&_| finding::key(program, e) == (*code, text.clone());
            if let Some(event) = leaf.rare.events.iter().find(same) {
                return Some(Shows { turns: made, what: What::Event(event.clone()) });
            }
        }
        row = applied(&row, &leaf.writes);
    }
    at_last(explorer, &row, wanted.key, wanted.fits).map(|what| Shows { turns: made, what })
}

/// A schedule that shows the same with no more turns.
pub fn shorter(explorer: &mut Explorer, turns: &[Turn], wanted: &Wanted, budget: u64) -> Option<Shows> {
    let budget = budget.max(2 * turns.len() as u64);
    let (turns, what) = fewest(&mut Transitions { explorer, wanted, budget }, turns)?;
    Some(Shows { turns, what })
}

/// Lists of transitions.
struct Transitions<'a, 'm> {
    explorer: &'a mut Explorer<'m>,
    wanted: &'a Wanted<'a>,
    budget: u64,
}

impl Tries for Transitions<'_, '_> {
    type Item = Turn;
    type Shown = What;

    fn who(turn: &Turn) -> PartIx {
        turn.actor
    }

    fn attempt(&mut self, turns: &[Turn]) -> Option<(Vec<Turn>, What)> {
        let shows = follow(self.explorer, turns, self.wanted, &mut self.budget)?;
        Some((shows.turns, shows.what))
    }

    fn is_over(&self) -> bool {
        self.budget == 0
    }
}
