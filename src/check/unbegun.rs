//! Where no task can make a first step any more: `main` waits for good before one, or goes round
//! without one. What is false from the start is told there, since no step comes after which it
//! would be. It owns which states these are; invariants are looked at after steps in `step`.

use super::explore::Explorer;
use super::finding;
use super::part::PartId;
use super::seen::Event;
use super::store::{Row, own_parts};
use hashbrown::{HashMap, HashSet};

/// So many states before the first step are looked at; of what is beyond it is not known whether
/// anybody makes one there.
const STATES_MAX: usize = 1 << 12;

/// The invariants that do not hold at the start, and where nobody will ever make a step.
pub struct Unbegun {
    events: Vec<Event>,
    states: HashSet<Vec<PartId>>,
}

impl Unbegun {
    /// None, if there is nothing to tell.
    pub fn of(explorer: &mut Explorer) -> Option<Unbegun> {
        if explorer.model.program.invariants.is_empty() {
            return None;
        }
        let events = finding::false_before_all(explorer);
        let states = if events.is_empty() { HashSet::default() } else { without_a_first_step(explorer) };
        (!states.is_empty()).then_some(Unbegun { events, states })
    }

    /// What is told in a state to which no step has led.
    pub fn told_in(&self, row: &Row) -> &[Event] {
        if self.states.contains(own_parts(row.parts())) { &self.events } else { &[] }
    }
}

/// The states before the first step from which no way leads to one.
fn without_a_first_step(explorer: &mut Explorer) -> HashSet<Vec<PartId>> {
    let first = explorer.row(0);
    let mut rows = vec![first.clone()];
    let mut places: HashMap<Vec<PartId>, usize> = HashMap::from([(own_parts(first.parts()).to_vec(), 0)]);
    // By whom each state is come to, and those from which a step may be made.
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut begins = Vec::new();
    let mut at = 0;
    while let Some(row) = rows.get(at).cloned() {
        let mut out = Vec::new();
        let mut known = true;
        for mover in explorer.movers(&row) {
            known &= explorer.each_way(&row, mover, STATES_MAX, &mut out);
        }
        for (turn, _) in &out {
            let Some((next, log, _)) = explorer.logged(&row, turn) else { continue };
            if log.steps.iter().any(|step| step.turn) {
                known = false;
                continue;
            }
            let parts = own_parts(next.parts()).to_vec();
            if let Some(place) = places.get(&parts) {
                before[*place].push(at);
            } else if rows.len() < STATES_MAX {
                places.insert(parts, rows.len());
                rows.push(next);
                before.push(vec![at]);
            } else {
                known = false;
            }
        }
        if !known {
            begins.push(at);
        }
        at += 1;
    }
    let mut may_begin = vec![false; rows.len()];
    while let Some(at) = begins.pop() {
        if !std::mem::replace(&mut may_begin[at], true) {
            begins.extend(&before[at]);
        }
    }
    places.into_iter().filter(|(_, place)| !may_begin[*place]).map(|(parts, _)| parts).collect()
}
