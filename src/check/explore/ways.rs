//! The ways through what was explored: how a state is come to from the first one,
//! and what a transition does, step by step; and what stands in a state. The ways that
//! are shown, `way` makes of them.

use super::*;
use crate::check::seen::Log;
use crate::check::step::Ran;
use crate::check::store::same_parts;
use crate::check::turn::{actor, run};
use std::sync::Arc;

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
        let mut turns: Vec<Turn> = Vec::new();
        let mut row = self.row(0);
        let mut target = Row::default();
        let mut out = Vec::new();
        for next in &states[1..] {
            self.store.load(*next, &mut target);
            self.successors(&row, true, &mut out);
            let mut best: Option<(Turn, Row)> = None;
            for (turn, leaf) in &out {
                // Of several ways to the same state the one of who went last.
                if best.is_some() && turns.last().is_none_or(|l: &Turn| l.actor != turn.actor) {
                    continue;
                }
                let landed = row.with(&leaf.writes);
                if same_parts(&self.normal(landed.parts().to_vec()), target.parts()) {
                    best = Some((turn.clone(), landed));
                }
            }
            if let Some((turn, landed)) = best {
                turns.push(turn);
                row = landed;
            }
        }
        (turns, row)
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
        let mut actors = Vec::new();
        self.model.space.actors(0, &mut actors);
        let mut tasks: Vec<(TaskId, Arc<Part>)> = actors
            .into_iter()
            .filter(|ix| row.get(*ix) != 0)
            .filter_map(|ix| match self.model.space.key(ix) {
                Key::Task(t) => Some((t, self.model.space.part(row.get(ix)))),
                _ => None,
            })
            .collect();
        tasks.sort_by_key(|t| t.0);
        tasks
    }
}
