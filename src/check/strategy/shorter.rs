//! Shorter schedules for what a random one has shown: turns are left out as
//! long as what is left shows the same. It owns the following of such a list
//! and the search (delta debugging: Zeller and Hildebrandt, *Simplifying and
//! Isolating Failure-Inducing Input*, TSE 2002; on schedules: Choi and Zeller,
//! ISSTA 2002); switches are spared later, by `way`.

use super::walk::applied;
use crate::check::explore::{Explorer, What};
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
    let mut budget = budget.max(2 * turns.len() as u64);
    let mut best = follow(explorer, turns, wanted, &mut budget)?;
    // All turns of a task at once.
    let mut actors: Vec<PartIx> = best.turns.iter().map(|t| t.actor).collect();
    actors.sort_unstable();
    actors.dedup();
    for actor in actors.clone() {
        let rest: Vec<Turn> = best.turns.iter().filter(|t| t.actor != actor).cloned().collect();
        if budget > 0 {
            better(explorer, &mut best, &rest, wanted, &mut budget);
        }
    }
    // Then the last turns of a task, as many as are not needed.
    for actor in actors {
        let all = best.turns.iter().filter(|t| t.actor == actor).count();
        let (mut few, mut enough) = (0, all);
        while few + 1 < enough && budget > 0 {
            let some = (few + enough) / 2;
            let mut left = some;
            let is_kept = |t: &&Turn| {
                let kept = t.actor != actor || left > 0;
                left -= usize::from(t.actor == actor && left > 0);
                kept
            };
            let rest: Vec<Turn> = best.turns.iter().filter(is_kept).cloned().collect();
            match better(explorer, &mut best, &rest, wanted, &mut budget) {
                true => enough = some,
                false => few = some,
            }
        }
    }
    // Then pieces that get smaller, from the end, where most is not needed.
    let mut size = best.turns.len() / 2;
    while size > 0 && budget > 0 {
        let mut changed = false;
        let mut end = best.turns.len();
        while end > 0 && budget > 0 {
            let from = end.saturating_sub(size);
            let mut rest = best.turns[..from].to_vec();
            rest.extend_from_slice(&best.turns[end..]);
            changed |= better(explorer, &mut best, &rest, wanted, &mut budget);
            end = from.min(best.turns.len());
        }
        if size > 1 || !changed {
            size /= 2;
        }
    }
    Some(best)
}

fn better(explorer: &mut Explorer, best: &mut Shows, turns: &[Turn], wanted: &Wanted, budget: &mut u64) -> bool {
    match follow(explorer, turns, wanted, budget) {
        Some(shows) if shows.turns.len() < best.turns.len() => {
            *best = shows;
            true
        }
        _ => false,
    }
}
