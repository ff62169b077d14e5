//! The ways through what was explored: how a state is come to from the first one,
//! and what a transition does, step by step; and what stands in a state. The ways that
//! are shown, `way` makes of them.

use super::*;
use crate::check::moves::Touched;
use crate::check::seen::Log;
use crate::check::step::Ran;
use crate::check::store::same_parts;
use crate::check::turn::{actor, run};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A step on a way: the transition, the row that it leads to, and who is exchanged for whom
/// in the state that is kept for it.
struct StepInto {
    turn: Turn,
    row: Row,
    exchange: Vec<(TaskId, TaskId)>,
}

/// Ways as a schedule has them.
#[derive(Clone, Copy)]
pub struct Named<'n> {
    /// All tasks, by the numbers that ways have for them.
    pub tasks: &'n [TaskId],
    /// It ends before a `choose` of which they do not say what it gives.
    pub only_drawn: bool,
}

impl Explorer<'_> {
    /// The states from the first one to this one, both with them.
    pub fn states_to(&self, state: StateId) -> Vec<StateId> {
        let before = |at: &StateId| (*at != 0).then(|| self.parents[*at as usize]);
        let mut states: Vec<StateId> = std::iter::successors(Some(state), before).collect();
        states.reverse();
        states
    }

    /// Transitions from the first state to one, and the state that they come
    /// to: this one, or one that it stands for.
    ///
    /// Where states stand for others, each is kept with its tasks exchanged, and so is what
    /// leads out of it. On the way nobody is: so it is kept who is where on it.
    pub fn way_to(&mut self, state: StateId) -> (Vec<Turn>, Row) {
        let states = self.states_to(state);
        let mut way: Vec<Turn> = Vec::new();
        let mut row = self.row(0);
        // Of a task in the state as it is kept, who it is on the way.
        let mut who: BTreeMap<TaskId, TaskId> = BTreeMap::new();
        for pair in states.windows(2) {
            let last = way.last().map(|turn| turn.actor);
            let Some(step) = self.step_into(pair[0], pair[1], &row, &who, last) else { break };
            way.push(step.turn);
            row = step.row;
            // Those who were exchanged stand in each other's places now.
            let before = who.clone();
            let was = |task: &TaskId| before.get(task).copied().unwrap_or(*task);
            who.extend(step.exchange.iter().map(|(from, to)| (*to, was(from))));
        }
        (way, row)
    }

    /// A transition from one state into the next one, as those do it who are who on the way;
    /// the one of who went last, if there is one.
    fn step_into(
        &mut self,
        from: StateId,
        to: StateId,
        row: &Row,
        who: &BTreeMap<TaskId, TaskId>,
        last: Option<PartIx>,
    ) -> Option<StepInto> {
        let (mut target, mut out) = (Row::default(), Vec::new());
        self.store.load(to, &mut target);
        let kept = self.row(from);
        self.successors(&kept, true, &mut out);
        let mut found: Option<StepInto> = None;
        for (turn, leaf) in &out {
            let landed = kept.with(&leaf.writes);
            let exchange = self.exchange(landed.parts());
            if !same_parts(&self.exchanged(landed.parts(), &exchange), target.parts()) {
                continue;
            }
            let actor = match self.model.space.key(turn.actor) {
                Key::Task(task) => self.model.space.place(Key::Task(who.get(&task).copied().unwrap_or(task))),
                _ => turn.actor,
            };
            if found.is_none() || Some(actor) == last {
                found = Some(StepInto { turn: Turn { actor, ..turn.clone() }, row: landed, exchange });
            }
        }
        let found = found?;
        // As long as nobody was exchanged it is as it is kept.
        let exchanged: Vec<(TaskId, TaskId)> =
            who.iter().map(|(kept, is)| (*kept, *is)).filter(|p| p.0 != p.1).collect();
        if exchanged.is_empty() {
            return Some(found);
        }
        // Its ways may be others, where they stand for tasks.
        let next = self.exchanged(found.row.parts(), &exchanged);
        self.successors(row, true, &mut out);
        let same = |(other, leaf): &&(Turn, Rc<Leaf>)| {
            (other.actor, other.mover) == (found.turn.actor, found.turn.mover)
                && same_parts(row.with(&leaf.writes).parts(), &next)
        };
        let (turn, leaf) = out.iter().find(same)?;
        Some(StepInto { turn: turn.clone(), row: row.with(&leaf.writes), exchange: found.exchange })
    }

    /// Carries out a transition with a log: the next row, what it logged and
    /// what went wrong; none if it cannot be done.
    pub fn logged(&self, row: &Row, turn: &Turn) -> Option<(Row, Log, Vec<Event>)> {
        self.logged_by(row, turn, None)
    }

    /// The same with ways that are names, as a schedule has them.
    pub fn logged_by(&self, row: &Row, turn: &Turn, named: Option<Named>) -> Option<(Row, Log, Vec<Event>)> {
        let mut m = self.open(row, turn.actor, &turn.ways);
        (m.named, m.only_drawn) = (named.map(|n| n.tasks), named.is_some_and(|n| n.only_drawn));
        m.log = Some(Log::default());
        let ran = run(&mut m, turn.mover);
        let (writes, _, events, log) = m.close();
        if ran == Ran::Blocked {
            return None;
        }
        Some((row.with(&writes), log.unwrap_or_default(), events))
    }

    /// The places that a transition which can be done looks at and writes.
    pub fn touched(&self, row: &Row, turn: &Turn) -> Touched {
        let mut m = self.open(row, turn.actor, &turn.ways);
        m.watch();
        run(&mut m, turn.mover);
        m.touched()
    }

    /// What the next step of a task is, if it is too much to be carried out.
    pub fn cut_of(&self, row: &Row, task: TaskId) -> Option<&'static str> {
        let mut m = self.open(row, self.model.space.place(Key::Task(task)), &[]);
        let ran = run(&mut m, Mover::Task);
        m.cut.filter(|_| ran == Ran::Blocked)
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
