//! Races and outcomes of a program by walking through its executions one turn
//! after another, with vector clocks by the rules of the language's section 6.
//! It owns those rules once more, on purpose apart from the explorer's footprints
//! and orders; states and turns come from `check::walk`.
//!
//! First every state is gone through once, which tells outcomes and failures and
//! what each turn does to the clocks, as a few operations on numbered slots
//! (`order`). Then states are gone through together with the order of what
//! happened before them, until all races that could be are found, or there is
//! nothing new.

mod order;

use conc::check::Outcome;
use conc::check::walk::{Event, Row, Walk, walk};
use conc::program::Program;
use hashbrown::{HashMap, HashSet};
use order::{Orders, Places, Rule};
use rustc_hash::FxBuildHasher;
use std::collections::BTreeSet;

/// How far to go.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Of turns out of states.
    pub turns_max: u64,
    /// Of turns out of states with an order.
    pub ordered_max: u64,
    /// One that comes to a state with an order that was met before goes no
    /// further; equal clocks have equal futures.
    pub matching: bool,
}

/// What a walk through all executions came to.
#[derive(Default)]
pub struct Told {
    /// It went through all states, or all states with their orders; else what it
    /// tells is true, but need not be all.
    pub complete: bool,
    pub races_complete: bool,
    pub races: BTreeSet<String>,
    pub outcomes: BTreeSet<String>,
    pub failed: bool,
    pub broken_invariant: bool,
}

/// A turn out of a state: what it does to the order, and where it leads.
struct Taken {
    rules: Box<[Rule]>,
    to: usize,
}

/// Walks through all executions.
pub fn ask(program: &'static Program, limits: Limits, tell: fn(&Outcome) -> String) -> Option<Told> {
    walk(program, |w, first| {
        let mut told = Told::default();
        let mut places = Places::default();
        let states = all_states(w, first, limits, tell, &mut told, &mut places);
        all_orders(&states, &places, limits, &mut told);
        told
    })
    .ok()
}

/// Every state with its turns, from the first one on.
fn all_states(
    w: &mut Walk,
    first: Row,
    limits: Limits,
    tell: fn(&Outcome) -> String,
    told: &mut Told,
    places: &mut Places,
) -> Vec<Vec<Taken>> {
    let mut known: HashMap<Box<[u32]>, usize, FxBuildHasher> = HashMap::default();
    let mut rows = Vec::new();
    let mut number = |row: Row, rows: &mut Vec<Row>| {
        let row = row.trimmed();
        *known.entry_ref(row.parts()).or_insert_with(|| {
            rows.push(row.clone());
            rows.len() - 1
        })
    };
    number(first, &mut rows);
    let mut states: Vec<Vec<Taken>> = Vec::new();
    let mut turns = 0;
    while states.len() < rows.len() && turns <= limits.turns_max {
        let row = rows[states.len()].clone();
        let next = w.turns(&row);
        if next.is_empty() {
            told.outcomes.extend(w.outcomes(&row).iter().map(tell));
        }
        turns += next.len() as u64;
        let mut out = Vec::new();
        for turn in next {
            let Some(taken) = w.take(&row, &turn) else { continue };
            for event in &taken.events {
                told.failed |= matches!(event, Event::Failed { .. });
                told.broken_invariant |= matches!(event, Event::Invariant { .. });
            }
            let rules = places.rules(&taken.deeds);
            out.push(Taken { rules, to: number(taken.row, &mut rows) });
        }
        states.push(out);
    }
    told.complete = states.len() == rows.len();
    states
}

/// The races, by every order in which a state can be come to.
fn all_orders(states: &[Vec<Taken>], places: &Places, limits: Limits, told: &mut Told) {
    let possible = places.may_race();
    let mut orders = Orders::new(places);
    let mut met: HashSet<(usize, u32), FxBuildHasher> = HashSet::default();
    let mut todo = vec![(0, orders.first())];
    let mut turns = 0;
    while let Some((state, before)) = todo.pop() {
        if told.races.len() == possible.len() {
            break;
        }
        if limits.matching && !met.insert((state, before)) {
            continue;
        }
        let Some(next) = states.get(state) else { continue };
        turns += next.len() as u64;
        if turns > limits.ordered_max {
            return;
        }
        for taken in next {
            let after = orders.after(before, &taken.rules, |name| {
                if !told.races.contains(name) {
                    told.races.insert(name.to_string());
                }
            });
            todo.push((taken.to, after));
        }
    }
    told.races_complete = told.complete;
}
