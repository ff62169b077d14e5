//! The ways through what was explored: how a state is come to from the first one,
//! and what a transition does, step by step; and what stands in a state. The ways that
//! are shown, `way` makes of them.

use super::*;
use crate::check::seen::Log;
use crate::check::step::Ran;
use crate::check::store::same_parts;
use crate::check::turn::{actor, run};
use std::sync::Arc;

/// So often a way that leads nowhere is given up for another one.
const TRIES_MAX: usize = 2_000;

impl Explorer<'_> {
    /// Transitions from the first state to one, and the state that they come
    /// to: this one, or one that it stands for.
    pub fn way_to(&mut self, state: StateId) -> (Vec<Turn>, Row) {
        let mut states = vec![state];
        let mut at = state;
        while at != 0 {
            at = self.parents[at as usize];
            states.push(at);
        }
        states.reverse();
        // Of two alike either may go, and which one it was may be seen later, in what an
        // object remembers of it: then another one is tried.
        let mut tries: Vec<Vec<(Turn, Row)>> = Vec::new();
        let mut way: Vec<(Turn, Row)> = Vec::new();
        let mut longest: Vec<(Turn, Row)> = Vec::new();
        let mut budget = TRIES_MAX;
        while way.len() + 1 < states.len() {
            if tries.len() == way.len() {
                let row = way.last().map_or_else(|| self.row(0), |(_, row)| row.clone());
                let last = way.last().map(|(turn, _)| turn.actor);
                tries.push(self.ways_into(&row, states[way.len() + 1], last));
            }
            if let Some(next) = tries.last_mut().and_then(Vec::pop) {
                way.push(next);
                continue;
            }
            if way.len() > longest.len() {
                longest.clone_from(&way);
            }
            tries.pop();
            budget -= 1;
            if budget == 0 || way.pop().is_none() {
                way = longest;
                break;
            }
        }
        let row = way.last().map_or_else(|| self.row(0), |(_, row)| row.clone());
        (way.into_iter().map(|(turn, _)| turn).collect(), row)
    }

    /// The transitions of a row that lead to a state or to one that it stands for; the one
    /// of who went last comes last.
    fn ways_into(&mut self, row: &Row, state: StateId, last: Option<PartIx>) -> Vec<(Turn, Row)> {
        let (mut target, mut out) = (Row::default(), Vec::new());
        self.store.load(state, &mut target);
        self.successors(row, true, &mut out);
        let mut found: Vec<(Turn, Row)> = Vec::new();
        for (turn, leaf) in &out {
            let landed = row.with(&leaf.writes);
            if same_parts(&self.normal(landed.parts().to_vec()), target.parts()) {
                found.push((turn.clone(), landed));
            }
        }
        found.reverse();
        found.sort_by_key(|(turn, _)| Some(turn.actor) == last);
        found
    }

    /// Carries out a transition with a log: the next row, what it logged and
    /// what went wrong; none if it cannot be done.
    pub fn logged(&self, row: &Row, turn: &Turn) -> Option<(Row, Log, Vec<Event>)> {
        self.logged_by(row, turn, None)
    }

    /// The same with ways that are names, as a schedule has them.
    pub fn logged_by(&self, row: &Row, turn: &Turn, named: Option<&[TaskId]>) -> Option<(Row, Log, Vec<Event>)> {
        let mut m = self.open(row, turn.actor, &turn.ways);
        m.named = named;
        m.log = Some(Log::default());
        let ran = run(&mut m, turn.mover);
        let (writes, _, events, log) = m.close();
        if ran == Ran::Blocked {
            return None;
        }
        Some((row.with(&writes), log.unwrap_or_default(), events))
    }

    pub fn row(&self, state: StateId) -> Row {
        let mut row = Row::default();
        self.store.load(state, &mut row);
        row
    }

    /// By whom a turn is made.
    pub fn task_of(&self, turn: &Turn) -> TaskId {
        actor(self.model.space.key(turn.actor), self.main)
    }

    pub fn part(&self, row: &Row, key: Key) -> Option<Arc<Part>> {
        match row.get(self.model.space.place(key)) {
            0 => None,
            id => Some(self.model.space.part(id)),
        }
    }

    pub fn task_parts(&self, row: &Row) -> Vec<(TaskId, Arc<Part>)> {
        let part = |(task, ix)| (task, self.model.space.part(row.get(ix)));
        self.tasks(row).into_iter().map(part).collect()
    }

    /// The tasks that there are or have been, by their numbers, and their places.
    pub fn tasks(&self, row: &Row) -> Vec<(TaskId, PartIx)> {
        let mut actors = Vec::new();
        self.model.space.actors(0, &mut actors);
        let task = |ix: PartIx| match self.model.space.key(ix) {
            Key::Task(t) => Some((t, ix)),
            _ => None,
        };
        let there = actors.into_iter().filter(|ix| row.get(*ix) != 0);
        let mut tasks: Vec<(TaskId, PartIx)> = there.filter_map(task).collect();
        tasks.sort_by_key(|t| t.0);
        tasks
    }
}
