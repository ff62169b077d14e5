//! Shorter ways to what was found. With reductions a transition is of several turns, some
//! orders are left out, and a way that is short in transitions need not be in turns: so the
//! first states are gone through once more without any, breadth first, where each transition
//! is one turn. What is met there is met on a shortest way. It owns that second look and its
//! limits; ways are `way`'s.

use super::explore::{Explorer, Found1};
use super::{Options, Progress, Report, Shown, Stop, model, rank, same, visible, way};
use crate::program::Program;
use std::collections::BTreeSet;

/// So many states are gone through once more at most: they take some milliseconds.
const STATES_MAX: u64 = 1 << 12;

/// Puts the shortest ways into a report, as far as they are met.
pub fn shorten(
    program: &'static Program,
    options: &Options,
    report: &mut Report,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) {
    let ended = report.stop.is_some_and(|stop| stop != Stop::First);
    // For the sake of a note alone it is not worth it.
    let counts = |s: &&Shown| s.key.is_some() && !s.finding.code.is_note();
    let longest = report.found.iter().filter(counts).map(|s| s.way.turns()).max().unwrap_or(0);
    if ended || longest < 2 || options.plain {
        return;
    }
    let plain = Options { plain: true, first: false, states_max: Some(STATES_MAX), ..options.clone() };
    let model = model(program, &plain, &visible(program), &BTreeSet::new(), BTreeSet::new());
    let mut explorer = Explorer::new(&model, &plain);
    // What is met in the last states before that is shown by one more turn.
    let mut is_over = |progress: &Progress| {
        let deep = progress.depth as usize + 1 >= longest;
        ask(progress).or(deep.then_some(Stop::First))
    };
    if explorer.run(&mut is_over).is_err() {
        return;
    }
    let mut changed = false;
    for found in explorer.found.clone() {
        let key = same::key(&explorer, &found);
        let Some(known) = report.found.iter_mut().find(|s| s.key.as_ref() == Some(&key)) else {
            continue;
        };
        if turns_to(&explorer, &found) >= known.way.turns() {
            continue;
        }
        let shown = way::shown(&mut explorer, &found);
        // Where tasks are stuck, it is told of those behind them too.
        let same = way::who_waits(&shown.finding) == way::who_waits(&known.finding);
        // What races on further places of its declaration does so at these statements.
        let same = same && (known.finding.also_on.is_empty() || shown.finding.places() == known.finding.places());
        if same && shown.way.turns() < known.way.turns() {
            *known = instead_of(known, shown);
            changed = true;
        }
    }
    if changed {
        report.found.sort_by_key(rank);
    }
}

/// How many turns there are at least on the way.
fn turns_to(explorer: &Explorer, found: &Found1) -> usize {
    explorer.states_to(found.state).len() - 1 + usize::from(found.turn.is_some())
}

/// What was told of all interleavings stays.
fn instead_of(known: &Shown, shorter: Shown) -> Shown {
    let mut finding = shorter.finding;
    let all = known.finding.on.iter().chain(&known.finding.also_on);
    let more: Vec<String> = all.filter(|n| !finding.on.contains(n) && !finding.also_on.contains(n)).cloned().collect();
    finding.also_on.extend(more);
    finding.also_on.sort();
    finding.certainty = known.finding.certainty;
    finding.count = known.finding.count;
    Shown { finding, way: shorter.way, first: known.first, key: known.key.clone() }
}
