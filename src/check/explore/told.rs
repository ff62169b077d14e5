//! What is found in the states of an exploration, in their order: what went wrong in
//! a transition, who can never go on, and what is left at the end. It owns that each is
//! told once, and where; who is stuck, and the words of it, `finding` says.

use super::*;
use crate::check::batch::{Came, End, Piece, Step, Sum};
use crate::check::hopeless::is_hopeless;
use crate::check::outcome::{self, Outcome};
use crate::check::turn::{actor, each_waited_for, waiting_key};
use crate::detect::stuck;
use crate::program::value::ErrorKind;
use std::hash::BuildHasher;
use std::iter::Peekable;
use std::slice;

/// Once it is known that all begins anew, it goes on to so many states at least,
/// or to this many times those that there are: what is found by then is found in
/// one go.
const LEAVE_AT_LEAST: usize = 20_000;
const LEAVE_AT: usize = 4;

/// So many states are looked at where an exploration ends early.
const OPEN_MOST: usize = 64;
/// To write out the outcomes of an end takes long if they have so many bytes.
const OUTCOMES_LARGE: usize = 1 << 20;
/// No more of them are once so many parts were looked at for that.
const OPEN_LOOKED: usize = 1 << 17;
/// A transition that takes long is worth so many.
const LONG_LOOKED: usize = 1 << 12;

/// Who is stuck, and for what, as it is told once.
fn key_of_stuck(one: &Stuck) -> u64 {
    rustc_hash::FxBuildHasher.hash_one((one.code, &one.key))
}

/// Something that was found, and where.
#[derive(Clone, Debug)]
pub struct Found1 {
    pub code: Code,
    /// The state, and the transition out of it that shows it, if it is one's.
    pub state: StateId,
    pub turn: Option<Turn>,
    pub what: What,
    /// What else the same is on, at the same places.
    pub also_on: Vec<String>,
}

#[derive(Clone, Debug)]
// Few of these are made, one for each finding.
#[allow(clippy::large_enum_variant)]
pub enum What {
    Event(Event),
    Stuck(Stuck),
    /// `finally` at the end.
    Finally(Event),
    /// A circle of states: how it goes on, from a state in it.
    Circle(crate::check::live::Circle),
    Note(finding::Note),
}

impl Found1 {
    pub(in crate::check) fn is_also_on(&mut self, names: Vec<String>) {
        for name in names {
            if !self.also_on.contains(&name) {
                self.also_on.push(name);
            }
        }
    }
}

/// How far a batch was gone through.
struct Told {
    states: usize,
    /// Which of them ought to have a look as well.
    again: Vec<StateId>,
    /// So many states there are by then.
    len: usize,
}

impl Explorer<'_> {
    fn add(&mut self, code: Code, state: StateId, turn: Option<Turn>, what: What) {
        self.found.push(Found1 { code, state, turn, what, also_on: Vec::new() });
    }

    /// Goes through all states and steps in their order: what is new, and what
    /// is found: of how many states, and which others ought to have a look as well. All else
    /// that can be said of them, others have said before.
    pub(super) fn tell(&mut self, pieces: &mut [Piece], cut: usize, batch: &mut Batch) -> (usize, Vec<StateId>) {
        let before = self.store.len();
        self.take(pieces, cut, batch);
        let told = self.tell_in_order(pieces, batch, before);
        // Where it was not gone to the end, what came behind has not been met.
        self.store.truncate(told.len);
        self.parents.truncate(told.len);
        (told.states, told.again)
    }

    /// Adds all that is new of what the steps have come to.
    pub(super) fn take(&mut self, pieces: &mut [Piece], cut: usize, batch: &mut Batch) {
        let (before, seen) = (self.store.len(), self.next + cut);
        self.store.number(batch, &self.workers);
        self.parents.resize(self.store.len(), 0);
        let mut parents = &mut self.parents[before..];
        let little = pieces.len() == 1;
        let own = |(piece, new)| (piece, parents.split_off_mut(..new).unwrap_or_default());
        let mut each: Vec<(&mut Piece, &mut [StateId])> =
            pieces.iter_mut().zip(batch.how_many_new()).map(own).collect();
        let batch = &*batch;
        self.workers.each(little, &mut each, |n, (piece, parents)| piece.see_taken(batch, n, seen, parents));
    }

    /// Goes through states and steps in their order. There were `len` states before.
    fn tell_in_order(&mut self, pieces: &[Piece], batch: &Batch, len: usize) -> Told {
        let mut told = Told { states: 0, again: Vec::new(), len };
        for (n, piece) in pieces.iter().enumerate() {
            self.slept += piece.slept;
            self.cut = self.cut.or(piece.cut);
            if self.has_to_do_with_each(told.len + piece.sum.new) {
                if !self.tell_each(piece, batch.taken(n), &mut told) {
                    break;
                }
                continue;
            }
            let mut rare = piece.rare.iter().peekable();
            for at in &piece.noted {
                self.tell_state(piece, *at as usize, &mut rare, &mut told.again);
            }
            self.count(&piece.sum);
            told.states += piece.taken.len();
            told.len += piece.sum.new;
        }
        told
    }

    /// Whether there is something to be done for each state, and not only for those of which
    /// there is something to say. With those that are added there will be `len` states.
    fn has_to_do_with_each(&self, len: usize) -> bool {
        let keeps = self.edges.is_some() || self.sleeping.is_some() || self.model.movers.servants;
        keeps || self.unbegun.is_some() || self.options.first || self.is_too_many(len)
    }

    /// Goes through the states of a piece and what they have come to; whether to their end.
    fn tell_each(&mut self, piece: &Piece, mut came: impl Iterator<Item = (StateId, bool)>, told: &mut Told) -> bool {
        let mut sleepers = piece.landed_sleepers.iter();
        let mut rare = piece.rare.iter().peekable();
        for (at, taken) in piece.taken.iter().enumerate() {
            if self.is_too_many(told.len) {
                self.stop = Some(Stop::States);
                return false;
            }
            if self.options.first && self.found.iter().any(|f| !f.code.is_note()) {
                self.stop = Some(Stop::First);
                return false;
            }
            let (fan, state) = (&piece.fans[at], piece.items[at]);
            if self.edges.is_some() || self.sleeping.is_some() {
                for (id, new) in came.by_ref().take(fan.followed as usize) {
                    if let Some(edges) = &mut self.edges {
                        edges.push((state, id));
                    }
                    if let (Some(sleeping), Some(sleepers)) = (&mut self.sleeping, sleepers.next()) {
                        if new { sleeping.met(*sleepers) } else { sleeping.met_again(id, *sleepers) }
                    }
                }
            }
            self.tell_state(piece, at, &mut rare, &mut told.again);
            let mut sum = Sum::default();
            sum.add(fan, taken);
            self.count(&sum);
            told.states += 1;
            told.len += sum.new;
        }
        true
    }

    fn count(&mut self, sum: &Sum) {
        self.recurs |= sum.back;
        self.transitions += sum.followed;
        self.followed += sum.followed;
        self.spared += sum.spared;
    }

    /// What is found in a state and on its steps. `rare`: what is left of the piece's own.
    /// `again`: those that ought to have a look as well.
    fn tell_state(
        &mut self,
        piece: &Piece,
        at: usize,
        rare: &mut Peekable<slice::Iter<'_, (u32, u32)>>,
        again: &mut Vec<StateId>,
    ) {
        let (fan, taken, state) = (&piece.fans[at], &piece.taken[at], piece.items[at]);
        while let Some((_, step)) = rare.next_if(|r| r.0 as usize == at) {
            self.tell_rare(piece, &piece.steps[*step as usize], state);
        }
        if fan.from == fan.to {
            let row = self.row(state);
            self.at_end(state, &row);
        } else if fan.hopeless.is_some_and(|key| !self.keys.contains(&key)) {
            let row = self.row(state);
            let mut out = Vec::new();
            self.successors(&row, true, &mut out);
            self.stuck_partly(state, &row, &out);
        }
        if self.unbegun.is_some() {
            let row = self.row(state);
            self.tell_of_the_start(state, &row);
        }
        if fan.from != fan.to {
            self.keep_standing(state, &piece.steps[fan.from as usize..fan.to as usize]);
        }
        if taken.is_to_look_again(fan, self.edges.is_some()) {
            again.push(state);
        }
    }

    /// What few transitions have: something that went wrong, a limit.
    fn tell_rare(&mut self, piece: &Piece, step: &Step, state: StateId) {
        if let Came::Kept(leaf) = step.came {
            self.tell_leaf(piece, step, state, (memo_of(step.mover), leaf));
        }
        if let End::Kept(leaf) = step.end {
            self.tell_leaf(piece, step, state, (memo_of(Mover::End), leaf));
        }
    }

    fn tell_leaf(&mut self, piece: &Piece, step: &Step, state: StateId, (memo, leaf): (usize, LeafAt)) {
        let Some(rare) = self.memos[memo].get(leaf).rare() else { return };
        if !self.told.insert((memo, leaf)) {
            return;
        }
        let rare = rare.clone();
        self.cut = self.cut.or(rare.cut);
        let turn = Turn { actor: step.actor, mover: step.mover, ways: piece.ways[step.ways as usize].clone() };
        for event in &rare.events {
            self.event(state, &turn, event);
        }
    }

    /// Where an exploration ends early: what is told of those who are stuck in some of the
    /// states that it has not looked at. Otherwise that is seen where nobody goes on, or in
    /// circles; but who is stuck stays so, and so is in all states behind.
    pub(in crate::check) fn tell_of_the_open(&mut self) {
        let to = self.store.len();
        // If it has looked at all of them, any may do.
        let from = if self.next < to { self.next } else { 0 };
        let step = (to - from).div_ceil(OPEN_MOST).max(1);
        self.looked = 0;
        for state in (from..to).step_by(step) {
            // Nothing is asked between them any more, so fewer are looked at if each takes long.
            if self.looked >= OPEN_LOOKED {
                break;
            }
            let row = self.row(state as StateId);
            let Some(able) = self.able_within(&row, OPEN_LOOKED) else { break };
            let able: Vec<TaskId> = able.into_iter().map(|(task, _)| task).collect();
            for one in self.stuck_but(&row, &able) {
                if !self.keys.contains(&key_of_stuck(&one)) {
                    let (first, one) = self.first_so_stuck(state as StateId, one);
                    self.add_stuck(first, one);
                }
            }
        }
    }

    /// The same where a walk is cut.
    pub(in crate::check) fn tell_of_the_last(&mut self, row: &Row) {
        for one in self.stuck_in(row) {
            self.add_stuck(0, one);
        }
    }

    /// All that are stuck in a state.
    pub(in crate::check) fn stuck_in(&mut self, row: &Row) -> Vec<Stuck> {
        let able = self.able_in(row);
        self.stuck_but(row, &able)
    }

    /// The same where it is known who can go on.
    fn stuck_but(&self, row: &Row, able: &[TaskId]) -> Vec<Stuck> {
        let scene = finding::Scene1::new(self, row, able);
        let stuck = scene.stuck();
        scene.findings(&stuck)
    }

    /// Who can go on in a state: one way of each tells.
    fn able_in(&mut self, row: &Row) -> Vec<TaskId> {
        let able = self.able_within(row, usize::MAX).unwrap_or_default();
        able.into_iter().map(|(task, _)| task).collect()
    }

    /// The same, each with what it does; none if more than so many parts were looked at before
    /// that is known.
    fn able_within(&mut self, row: &Row, most: usize) -> Option<Vec<(TaskId, Rc<Leaf>)>> {
        self.forget_waiting();
        let mut out = Vec::new();
        for mover in self.movers(row) {
            let long = std::mem::take(&mut self.long);
            self.each_way(row, mover, 1, &mut out);
            // One that took long looked at some of them again and again.
            self.looked = self.looked.saturating_add(if self.long { LONG_LOOKED } else { 0 });
            self.long |= long;
            if self.looked >= most {
                return None;
            }
        }
        Some(out.into_iter().map(|(turn, leaf)| (self.task_of(&turn), leaf)).collect())
    }

    /// On the way to a state, the first one where as many are stuck at the same places: from
    /// there on they are.
    pub(in crate::check) fn first_so_stuck(&mut self, state: StateId, one: Stuck) -> (StateId, Stuck) {
        let mut way = vec![state];
        while let Some(before) = way.last().map(|s| self.parents[*s as usize]).filter(|p| Some(p) != way.last()) {
            way.push(before);
        }
        // Of the way back, up to here they are stuck.
        let (mut least, mut beyond, many) = (0, way.len(), one.how_many());
        let mut found = one;
        while least + 1 < beyond {
            let middle = (least + beyond) / 2;
            let same = |other: &Stuck| (other.code, &other.key) == (found.code, &found.key) && other.how_many() >= many;
            let row = self.row(way[middle]);
            match self.stuck_in(&row).into_iter().find(same) {
                Some(other) => (least, found) = (middle, other),
                None => beyond = middle,
            }
        }
        (way[least], found)
    }

    /// Whether those that can go on can do nothing for a task that waits, whatever they do:
    /// that it is stuck is told of by itself.
    pub(in crate::check) fn is_stuck(&mut self, row: &Row, task: TaskId) -> bool {
        // Who can do no more than look in vain waits.
        let able = self.able_within(row, usize::MAX).unwrap_or_default();
        let able: Vec<TaskId> = able.into_iter().filter(|(_, leaf)| !leaf.vain).map(|(task, _)| task).collect();
        let scene = finding::Scene1::new(self, row, &able);
        let stuck = scene.stuck();
        scene.views().iter().zip(&stuck).any(|(v, s)| v.id == task && *s)
    }

    /// Tells of all that are stuck in a state, once for those that wait for the same while
    /// the same are able to go on from where they stand.
    pub(in crate::check) fn tell_of_the_stuck(&mut self, state: StateId) {
        let row = self.row(state);
        let able = self.able_in(&row);
        let key = (3u8, self.standing_key(&row, &able));
        if self.is_new(&key) {
            for one in self.stuck_in(&row) {
                self.add_stuck(state, one);
            }
        }
    }

    /// What stands for who waits for what in the state whose able ones these are, and for
    /// where they stand.
    fn standing_key(&self, row: &Row, able: &[TaskId]) -> u64 {
        let space = &self.model.space;
        let parts: Vec<PartId> = able.iter().map(|t| row.get(space.place(Key::Task(*t)))).collect();
        rustc_hash::FxBuildHasher.hash_one((self.waiting_key(row), able, parts))
    }

    fn is_new<T: std::hash::Hash>(&mut self, key: &T) -> bool {
        self.keys.insert(rustc_hash::FxBuildHasher.hash_one(key))
    }

    pub(in crate::check) fn event(&mut self, state: StateId, turn: &Turn, event: &Event) {
        let (code, key) = finding::key(self.model.program, event);
        if self.is_new(&(code, &key)) {
            if let Event::Race { memory, .. } = event
                && self.model.begins_anew(memory)
            {
                self.leave_at = self.leave_at.min((LEAVE_AT * self.store.len()).max(LEAVE_AT_LEAST));
            }
            let what = What::Event(event.clone());
            self.add(code, state, Some(turn.clone()), what);
        } else if let Event::Failed { site, kind, message, .. } = event {
            let kind = ErrorKind::ALL.get(*kind as usize).copied().unwrap_or(ErrorKind::Raised);
            let on = stuck::failed_on(self.model.program, *site, kind, message);
            let program = self.model.program;
            let is_it =
                |f: &&mut Found1| matches!(&f.what, What::Event(e) if finding::key(program, e) == (code, key.clone()));
            if let Some(known) = self.found.iter_mut().find(is_it) {
                known.is_also_on(on);
            }
        }
    }

    /// What was false before the first step, where none comes.
    pub(in crate::check) fn tell_of_the_start(&mut self, state: StateId, row: &Row) {
        let told = self.false_from_the_start(row);
        if !told.is_empty() {
            self.unbegun = None;
        }
        for event in told {
            let (code, key) = finding::key(self.model.program, &event);
            if self.is_new(&(code, &key)) {
                self.add(code, state, None, What::Event(event));
            }
        }
    }

    /// The same of a state to which no step has led.
    pub(in crate::check) fn false_from_the_start(&self, row: &Row) -> Vec<Event> {
        self.unbegun.as_ref().map_or_else(Vec::new, |unbegun| unbegun.told_in(row).to_vec())
    }

    /// Nobody can go on: the end, or all that are left are stuck. The place of
    /// its outcome among those that are kept.
    pub(in crate::check) fn at_end(&mut self, state: StateId, row: &Row) -> Option<usize> {
        let scene = finding::Scene1::new(self, row, &[]);
        let stuck = scene.stuck();
        let key = scene.signature(&stuck);
        let findings = if self.keys.contains(&key) { Vec::new() } else { scene.findings(&stuck) };
        let finished = scene.finished();
        drop(scene);
        self.keys.insert(key);
        for one in findings {
            self.add_stuck(state, one);
        }
        let mut m = Move::new(self.model, row.parts(), &[], self.main, self.main);
        let outcomes = outcome::of(&mut m, self, row, finished, &[]);
        let others = self.others_alike(row, finished);
        self.long |= outcomes.iter().map(Outcome::bytes).sum::<usize>() > OUTCOMES_LARGE;
        if let Some(first) = outcomes.first() {
            self.outcomes.explain(&mut m, &first.claims);
        }
        let notes = if finished { finding::notes(self, row) } else { Vec::new() };
        self.cut = self.cut.or(m.cut);
        let (.., events, _) = m.close();
        for event in events {
            let (code, key) = finding::key(self.model.program, &event);
            if self.is_new(&(code, key, true)) {
                self.add(code, state, None, What::Finally(event));
            }
        }
        for note in notes {
            if self.is_new(&note.key()) {
                self.add(note.code(), state, None, What::Note(note));
            }
        }
        self.outcomes.more |= outcomes.len() >= outcome::OUTCOMES_MAX;
        let mut outcomes = outcomes.into_iter();
        let place = outcomes.next().and_then(|first| self.outcomes.add(first, state));
        for other in outcomes.chain(others) {
            self.outcomes.add(other, state);
        }
        place
    }

    /// The outcomes of the ends that this one stands for.
    fn others_alike(&mut self, row: &Row, finished: bool) -> Vec<Outcome> {
        let Some(mut symmetry) = self.symmetry.take() else { return Vec::new() };
        let tells = |task: &TaskPart| (task.printed.clone(), outcome::how_ended(task, &[]));
        let (rows, more) = symmetry.orbit(&self.model.space, row.parts(), tells, outcome::OUTCOMES_MAX);
        self.symmetry = Some(symmetry);
        self.outcomes.more |= more;
        let one = |parts: &Vec<PartId>| {
            let row = Row::from_parts(parts);
            let mut m = Move::new(self.model, row.parts(), &[], self.main, self.main);
            outcome::of(&mut m, self, &row, finished, &[])
        };
        rows.iter().filter(|parts| **parts != row.parts()).flat_map(one).collect()
    }

    /// Keeps a state where only those go on that serve others, and all others never can.
    fn keep_standing(&mut self, state: StateId, steps: &[Step]) {
        if !self.model.movers.servants {
            return;
        }
        let row = self.row(state);
        let space = &self.model.space;
        let of_servant = |ix| matches!(&*space.part(row.get(ix)), Part::Task(task) if finding::serves(task));
        let by_servants = steps.iter().all(|step| step.mover == Mover::Task && of_servant(step.actor));
        if by_servants && self.left_going(&row).is_some() {
            self.standing.push(state);
        }
    }

    /// There a run ends, if those that serve others go on in it without end: so it is an
    /// outcome, as it stands. `circles`: in these states they do. Where they come to their
    /// own ends or waits it is one of those states, since a run waits for that.
    pub(in crate::check) fn tell_of_the_standing(&mut self, circles: HashSet<StateId>) {
        let mut standing = std::mem::take(&mut self.standing);
        standing.sort_unstable();
        standing.dedup();
        for state in standing.into_iter().filter(|state| circles.contains(state)) {
            let row = self.row(state);
            let Some(going) = self.left_going(&row) else { continue };
            let mut m = Move::new(self.model, row.parts(), &[], self.main, self.main);
            let outcomes = outcome::of(&mut m, self, &row, false, &going);
            self.outcomes.more |= outcomes.len() >= outcome::OUTCOMES_MAX;
            for outcome in outcomes {
                self.outcomes.add(outcome, state);
            }
        }
    }

    /// Who of those that serve others is not stuck, where all others are; none, if one of
    /// them is not, or there are none.
    fn left_going(&mut self, row: &Row) -> Option<Vec<TaskId>> {
        let able = self.able_in(row);
        // Who is stuck is a matter of who waits for what and of where the others are.
        let key = self.standing_key(row, &able);
        if let Some(known) = self.standstills.get(&key) {
            return known.clone();
        }
        let scene = finding::Scene1::new(self, row, &able);
        let stuck = scene.stuck();
        let servants = scene.servants();
        let others = || servants.iter().zip(&stuck).filter(|(serves, _)| !**serves);
        let standstill = others().next().is_some() && others().all(|(_, stuck)| *stuck);
        let views = scene.views().iter().zip(&stuck);
        let going = standstill.then(|| views.filter(|(_, stuck)| !**stuck).map(|(view, _)| view.id).collect());
        drop(scene);
        self.standing_tasks += going.as_ref().map_or(0, Vec::len);
        self.standstills.insert(key, going.clone());
        going
    }

    /// Wherever the same is stuck, other tasks may be behind it, and the way that is shown
    /// may lead to any of these states.
    pub fn add_stuck(&mut self, state: StateId, one: Stuck) {
        let (on, also_on) = (one.finding.on.clone(), one.finding.also_on.clone());
        let key = (one.code, one.key.clone());
        if self.keys.insert(key_of_stuck(&one)) {
            self.add(one.code, state, None, What::Stuck(one));
        }
        let is_it = |f: &&mut Found1| matches!(&f.what, What::Stuck(s) if (s.code, &s.key) == (key.0, &key.1));
        if let Some(known) = self.found.iter_mut().rfind(is_it) {
            known.is_also_on(on);
            known.is_also_on(also_on);
        }
    }

    /// Whether somebody who waits in the state looked at last does so for tasks
    /// of which none can go ahead, or within a job.
    pub(super) fn is_hopeless(&self, row: &Row, out: &[(Turn, Rc<Leaf>)]) -> bool {
        let space = &self.model.space;
        let who = |ix: PartIx| actor(space.key(ix), self.main);
        let waiting = self.waiting.iter().map(|(ix, leaf)| (who(*ix), &leaf.rare.needs[..]));
        let goes = |task| out.iter().any(|(t, _)| t.actor == space.place(Key::Task(task)));
        is_hopeless(waiting, goes)
            || self.model.movers.may_have_workers()
                && self.waiting.iter().any(|w| finding::is_at_a_job(&space.part(row.get(w.0))))
    }

    /// What stands for those that wait in the state looked at last.
    pub(super) fn waiting_key(&self, row: &Row) -> u64 {
        let space = &self.model.space;
        let blocked: Vec<PartId> = self.waiting.iter().map(|w| row.get(w.0)).collect();
        let mut objects = Vec::new();
        for part in &blocked {
            each_waited_for(&space.part(*part), &mut |key| objects.push(row.get(space.place(key))));
        }
        waiting_key(&blocked, &objects)
    }

    /// Whether a transition is a look at the condition of an `await` that comes out false:
    /// the task waits from then on.
    pub(in crate::check) fn looks_in_vain(&mut self, row: &Row, (turn, leaf): &(Turn, Rc<Leaf>)) -> bool {
        let part = self.part(&row.with(&leaf.writes), Key::Task(self.task_of(turn)));
        matches!(part.as_deref(), Some(Part::Task(task)) if matches!(task.at, At::Looked { .. }))
    }

    /// Some go on and others wait: whether these can ever go on, where what
    /// they wait for is a task that waits too, or has ended.
    pub(in crate::check) fn stuck_partly(&mut self, state: StateId, row: &Row, out: &[(Turn, Rc<Leaf>)]) {
        if !self.is_hopeless(row, out) {
            return;
        }
        let key = self.waiting_key(row);
        if self.keys.contains(&key) {
            return;
        }
        // Those who do nothing but come to wait are a part of it: it is told where they do.
        if out.iter().all(|to| self.looks_in_vain(row, to)) {
            return;
        }
        let able: Vec<TaskId> = out.iter().map(|(t, _)| self.task_of(t)).collect();
        let scene = finding::Scene1::new(self, row, &able);
        let stuck = scene.stuck();
        let findings = scene.findings(&stuck);
        drop(scene);
        // Whether they are stuck depends on who else is there.
        if !findings.is_empty() {
            self.keys.insert(key);
        }
        for one in findings {
            self.add_stuck(state, one);
        }
    }
}
