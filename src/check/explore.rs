//! One exploration: every state that the transitions lead to, breadth first, so
//! that what is found is found on a shortest way. It owns the order, the
//! reduction to one task where a step is nobody else's affair, and the
//! collection of what goes wrong; what a transition does, `step` says.

use super::finding::{self, Stuck};
use super::memo::{Found, Leaf, Memo};
use super::moves::{Model, Move};
use super::outcome::{Outcome, Outcomes};
use super::part::*;
use super::seen::{Event, Log};
use super::step::Ran;
use super::store::{Row, StateId, Store, same_parts};
use super::symmetry::Symmetry;
use super::{Options, Progress, Stop};
use crate::detect::finding::Code;
use crate::detect::may::May;
use crate::objects::TaskId;
use hashbrown::HashSet;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Who makes a transition, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mover {
    /// A task goes on.
    Task,
    /// A thread that was told to stops.
    Stop,
    /// A process ends with all its tasks.
    Bury,
}

/// One transition: whose, and the ways it takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub actor: PartIx,
    pub mover: Mover,
    pub ways: Vec<u32>,
}

/// Something that was found, and where.
#[derive(Clone, Debug)]
pub struct Found1 {
    pub code: Code,
    /// The state, and the transition out of it that shows it, if it is one's.
    pub state: StateId,
    pub turn: Option<Turn>,
    pub what: What,
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
    Circle(super::live::Circle),
    Note(finding::Note),
}

/// After so many transitions and states limits are looked at.
const WORK: u64 = 1024;

/// What one exploration came to.
pub struct Explorer<'a> {
    pub model: &'a Model,
    pub options: &'a Options,
    pub store: Store,
    pub parents: Vec<StateId>,
    pub transitions: u64,
    pub found: Vec<Found1>,
    pub outcomes: Outcomes,
    pub stop: Option<Stop>,
    pub cut: Option<&'static str>,
    memos: [Memo; 3],
    activities: Vec<Activity>,
    actors: Vec<PartIx>,
    keys: HashSet<u64, rustc_hash::FxBuildHasher>,
    pub(super) may: RefCell<May>,
    /// The number of `main`.
    pub main: TaskId,
    /// The way a transition takes through its choices, kept for its memory.
    widths: Vec<u32>,
    /// Of the last state looked at: the tasks that cannot go ahead.
    waiting: Vec<(PartIx, Rc<Leaf>)>,
    /// Some state was met again: there may be circles.
    pub recurs: bool,
    pub depth: u32,
    /// Where one state stands for all that differ in who of alike tasks is where.
    pub(super) symmetry: Option<Symmetry>,
    /// Some transition took long since limits were last looked at.
    long: Cell<bool>,
}

fn memo_of(mover: Mover) -> usize {
    match mover {
        Mover::Task => 0,
        Mover::Stop => 1,
        Mover::Bury => 2,
    }
}

impl<'a> Explorer<'a> {
    pub fn new(model: &'a Model, options: &'a Options) -> Explorer<'a> {
        Explorer {
            model,
            options,
            store: Store::new(),
            parents: Vec::new(),
            transitions: 0,
            found: Vec::new(),
            outcomes: Outcomes::default(),
            stop: None,
            cut: None,
            memos: Default::default(),
            activities: Vec::new(),
            actors: Vec::new(),
            keys: HashSet::default(),
            may: RefCell::new(May::new(model.program)),
            main: model.program.objects.len() as TaskId,
            widths: Vec::new(),
            waiting: Vec::new(),
            recurs: false,
            depth: 0,
            symmetry: model.together.then(|| Symmetry::new(super::symmetry::sites(model.program))),
            long: Cell::new(false),
        }
    }

    /// The first state; the error of a declaration that cannot be made.
    pub fn begin(&mut self) -> Result<StateId, (usize, String)> {
        let mut first = Move::new(self.model, &[], &[], self.main, self.main);
        first.begin(self.main)?;
        let (writes, ..) = first.close();
        let top = writes.iter().map(|w| w.0 as usize + 1).max().unwrap_or(0);
        let mut parts = vec![0; top];
        for (ix, part) in writes {
            parts[ix as usize] = part;
        }
        let (id, _) = self.store.add_parts(&parts);
        self.parents.push(id);
        Ok(id)
    }

    fn refresh(&mut self) {
        let (parts, actors) = (self.activities.len(), self.actors.len());
        if self.model.space.size() == (parts, actors) {
            return;
        }
        self.model.space.activities(parts, &mut self.activities);
        self.model.space.actors(actors, &mut self.actors);
    }

    /// Explores all there is.
    pub fn run(&mut self, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> Result<(), (usize, String)> {
        self.begin()?;
        let mut next: StateId = 0;
        let mut row = Row::default();
        let mut level_end = 1;
        let mut due = 0;
        while (next as usize) < self.store.len() {
            if next == level_end {
                level_end = self.store.len() as StateId;
                self.depth += 1;
            }
            let work = self.transitions + u64::from(next);
            if work >= due || self.long.take() || self.is_full() || self.guards_broken() {
                due = work + WORK;
                let progress = self.progress(next);
                if let Some(stop) = ask(&progress).or_else(|| self.beyond(&progress)) {
                    self.stop = Some(stop);
                    return Ok(());
                }
                if self.guards_broken() {
                    return Ok(());
                }
            }
            if self.options.first && self.found.iter().any(|f| !f.code.is_note()) {
                self.stop = Some(Stop::First);
                return Ok(());
            }
            self.store.load(next, &mut row);
            self.expand(next, &row);
            next += 1;
        }
        Ok(())
    }

    pub fn guards_broken(&self) -> bool {
        self.model.guards().broken
    }

    /// About how much memory it all takes.
    fn bytes(&self) -> usize {
        let memos: usize = self.memos.iter().map(Memo::bytes).sum();
        let alike = self.symmetry.as_ref().map_or(0, Symmetry::bytes);
        (self.store.bytes() + 4 * self.parents.capacity() + memos + alike).saturating_add(self.model.space.bytes())
    }

    fn progress(&self, done: StateId) -> Progress {
        Progress {
            states: self.store.len() as u64,
            done: u64::from(done),
            transitions: self.transitions,
            bytes: self.bytes() as u64,
            depth: self.depth,
        }
    }

    fn is_full(&self) -> bool {
        self.options.states_max.is_some_and(|max| self.store.len() as u64 > max)
    }

    fn beyond(&self, progress: &Progress) -> Option<Stop> {
        if self.is_full() {
            return Some(Stop::States);
        }
        if progress.bytes >= self.options.memory_max || self.store.len() >= u32::MAX as usize - 1024 {
            return Some(Stop::Memory);
        }
        None
    }

    /// Who may move in a state.
    pub fn movers(&mut self, row: &Row) -> Vec<(PartIx, Mover, PartId)> {
        self.refresh();
        let mut movers = Vec::new();
        for ix in &self.actors {
            let part = row.get(*ix);
            match self.activities[part as usize] {
                Activity::None => {}
                Activity::Task => movers.push((*ix, Mover::Task, part)),
                Activity::Stopping => {
                    movers.push((*ix, Mover::Task, part));
                    movers.push((*ix, Mover::Stop, part));
                }
                Activity::Dying => movers.push((*ix, Mover::Bury, part)),
            }
        }
        movers
    }

    /// The transition of an actor that takes these ways; `ways` is made
    /// complete.
    pub(super) fn leaf(&mut self, row: &Row, ix: PartIx, mover: Mover, part: PartId, ways: &mut Vec<u32>) -> Rc<Leaf> {
        let mut widths = std::mem::take(&mut self.widths);
        let memo = memo_of(mover);
        let found = self.memos[memo].find(part, row.parts(), ways, &mut widths);
        let leaf = match found {
            Found::Leaf(leaf) => leaf,
            Found::Unknown => {
                let (leaf, looks) = self.carry_out(row, ix, mover, ways);
                self.memos[memo].add(part, &looks, leaf);
                match self.memos[memo].find(part, row.parts(), ways, &mut widths) {
                    Found::Leaf(leaf) => leaf,
                    Found::Unknown => {
                        Rc::new(Leaf { blocked: true, cut: Some("a fault of the explorer"), ..Leaf::default() })
                    }
                }
            }
        };
        self.widths = widths;
        leaf
    }

    fn carry_out(&self, row: &Row, ix: PartIx, mover: Mover, ways: &[u32]) -> (Leaf, Vec<super::moves::Look>) {
        let mut m = self.open(row, ix, ways);
        let before = m.keep();
        let ran = run(&mut m, mover);
        let (printed, fair, cut) = (m.printed, !m.unfair, m.cut);
        self.long.set(self.long.get() || m.took_long());
        // What it waits for is seen in the state that it was in: what it did
        // until it could not go ahead has not happened.
        let needs = if ran == Ran::Blocked {
            m.restore(before);
            finding::needs(&m)
        } else {
            Vec::new()
        };
        let (writes, looks, events, _) = m.close();
        let leaf = match ran {
            Ran::Blocked => Leaf { blocked: true, fair, cut, needs, ..Leaf::default() },
            Ran::Went { alone } => {
                Leaf { blocked: false, alone, printed, fair, cut, needs, writes, events, ..Leaf::default() }
            }
        };
        (leaf, looks)
    }

    fn open<'r>(&'r self, row: &'r Row, ix: PartIx, ways: &'r [u32]) -> Move<'r> {
        let who = match self.model.space.key(ix) {
            Key::Task(t) | Key::Process(t) => t,
            _ => self.main,
        };
        let mut m = Move::new(self.model, row.parts(), ways, who, who);
        m.home = m.task(who, |t| t.process).unwrap_or(who);
        m
    }

    /// All transitions out of a state. Without `all`, those of one actor alone
    /// if nobody else has to do with them.
    pub fn successors(&mut self, row: &Row, all: bool, out: &mut Vec<(Turn, Rc<Leaf>)>) -> bool {
        out.clear();
        self.waiting.clear();
        let movers = self.movers(row);
        for (ix, mover, part) in movers {
            let from = out.len();
            self.each_way(row, (ix, mover, part), usize::MAX, out);
            if !all && out.len() > from && out[from..].iter().all(|(_, leaf)| leaf.alone) {
                out.drain(..from);
                return true;
            }
        }
        false
    }

    /// The transitions of one actor, one for each of its ways, but no more than
    /// `most` of them; whether those are all.
    #[inline]
    pub(super) fn each_way(
        &mut self,
        row: &Row,
        (ix, mover, part): (PartIx, Mover, PartId),
        most: usize,
        out: &mut Vec<(Turn, Rc<Leaf>)>,
    ) -> bool {
        let from = out.len();
        let mut ways = Vec::new();
        loop {
            let leaf = self.leaf(row, ix, mover, part, &mut ways);
            let widths = std::mem::take(&mut self.widths);
            if leaf.blocked {
                if mover == Mover::Task {
                    self.waiting.push((ix, leaf.clone()));
                }
            } else {
                out.push((Turn { actor: ix, mover, ways: ways.clone() }, leaf));
            }
            // The next ways, as one counts.
            let mut more = false;
            while let Some(last) = ways.pop() {
                if last + 1 < widths[ways.len()] {
                    ways.push(last + 1);
                    more = true;
                    break;
                }
            }
            self.widths = widths;
            if !more {
                return true;
            }
            if out.len() - from >= most {
                return false;
            }
        }
    }

    /// The transition of one actor whose ways are drawn one after the other:
    /// `pick` says which of how many.
    pub(super) fn drawn(
        &mut self,
        row: &Row,
        (ix, mover, part): (PartIx, Mover, PartId),
        pick: &mut dyn FnMut(u32) -> u32,
    ) -> (Turn, Rc<Leaf>) {
        let mut ways = Vec::new();
        let mut drawn = 0;
        loop {
            // Ways that are left open are filled with the first of each.
            let leaf = self.leaf(row, ix, mover, part, &mut ways);
            if drawn >= ways.len() {
                return (Turn { actor: ix, mover, ways }, leaf);
            }
            ways.truncate(drawn);
            ways.push(pick(self.widths[drawn]));
            drawn += 1;
        }
    }

    /// Forgets who waited in the state looked at last.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// What a part does by itself.
    pub(super) fn activity(&mut self, part: PartId) -> Activity {
        self.refresh();
        self.activities.get(part as usize).copied().unwrap_or(Activity::None)
    }

    /// The transitions that were followed out of a state.
    pub fn explored(&mut self, state: StateId, row: &Row, out: &mut Vec<(Turn, Rc<Leaf>)>) {
        let alone = self.successors(row, !self.model.alone, out);
        if alone {
            let fresh = out.iter().any(|(_, leaf)| {
                let (id, _) = self.land(row, &leaf.writes);
                id != state && self.parents[id as usize] == state
            });
            if !fresh {
                self.successors(row, true, out);
            }
        }
    }

    /// Whether a task is there and has not ended.
    pub fn is_live(&self, row: &Row, ix: PartIx) -> bool {
        matches!(self.activities[row.get(ix) as usize], Activity::Task | Activity::Stopping)
    }

    /// A task that waits, of which the graph says that it never goes on.
    pub fn never_again(&self, row: &Row, task: TaskId) -> Vec<Stuck> {
        let scene = finding::Scene1::new(self, row, &[]);
        let stuck = scene.only(task);
        scene.findings(&stuck, true)
    }

    pub fn progress_now(&self) -> Progress {
        self.progress(self.store.len() as StateId)
    }

    fn expand(&mut self, state: StateId, row: &Row) {
        let mut out = Vec::new();
        let alone = self.successors(row, !self.model.alone, &mut out);
        let fresh = self.follow(state, row, &out);
        if alone && !fresh {
            // Whoever only goes round by itself must not keep the others from
            // being looked at.
            self.successors(row, true, &mut out);
            self.follow(state, row, &out);
        }
        if out.is_empty() {
            self.at_end(state, row);
        } else if !alone {
            self.stuck_partly(state, row, &out);
        }
    }

    /// The state that a transition comes to, as it is kept; and whether it is
    /// new.
    pub(super) fn land(&mut self, row: &Row, writes: &[(PartIx, PartId)]) -> (StateId, bool) {
        if self.symmetry.is_some() {
            self.refresh();
        }
        if let Some(symmetry) = &mut self.symmetry {
            let landed = row.with(writes);
            if let Some(normal) = symmetry.normal(&self.model.space, landed.parts(), &self.actors) {
                return self.store.add_parts(&normal);
            }
        }
        self.store.add(row, writes)
    }

    /// A row as it is kept.
    fn normal(&mut self, parts: Vec<PartId>) -> Vec<PartId> {
        self.refresh();
        match &mut self.symmetry {
            Some(symmetry) => symmetry.normal(&self.model.space, &parts, &self.actors).unwrap_or(parts),
            None => parts,
        }
    }

    /// Adds the states behind some transitions; whether one was new.
    fn follow(&mut self, state: StateId, row: &Row, out: &[(Turn, Rc<Leaf>)]) -> bool {
        let mut fresh = false;
        for (turn, leaf) in out {
            self.transitions += 1;
            let (id, new) = self.land(row, &leaf.writes);
            if new {
                self.parents.push(state);
                fresh = true;
            } else if id <= state {
                self.recurs = true;
            }
            if let Some(cut) = leaf.cut {
                self.cut = self.cut.or(Some(cut));
            }
            for event in &leaf.events {
                self.event(state, turn, event);
            }
        }
        fresh
    }

    fn is_new<T: std::hash::Hash>(&mut self, key: &T) -> bool {
        use std::hash::BuildHasher;
        self.keys.insert(rustc_hash::FxBuildHasher.hash_one(key))
    }

    pub(super) fn event(&mut self, state: StateId, turn: &Turn, event: &Event) {
        let (code, key) = finding::key(self.model.program, event);
        if self.is_new(&(code, key)) {
            let what = What::Event(event.clone());
            self.found.push(Found1 { code, state, turn: Some(turn.clone()), what });
        }
    }

    /// Nobody can go on: the end, or all that are left are stuck. The place of
    /// its outcome among those that are kept.
    pub(super) fn at_end(&mut self, state: StateId, row: &Row) -> Option<usize> {
        let scene = finding::Scene1::new(self, row, &[]);
        let stuck = scene.stuck();
        let key = scene.signature(&stuck);
        let findings = if stuck.iter().any(|s| *s) && !self.keys.contains(&key) {
            scene.findings(&stuck, false)
        } else {
            Vec::new()
        };
        let finished = scene.finished();
        drop(scene);
        self.keys.insert(key);
        for one in findings {
            self.add_stuck(state, one);
        }
        let mut m = Move::new(self.model, row.parts(), &[], self.main, self.main);
        let outcome = super::outcome::of(&mut m, self, row, finished);
        let others = self.others_alike(row, finished);
        let notes = if finished { finding::notes(self, row) } else { Vec::new() };
        if finished {
            m.run_finally();
        }
        let values = outcome.claims.clone();
        let (.., events, _) = m.close();
        for event in events {
            let (code, key) = finding::key(self.model.program, &event);
            if self.is_new(&(code, key, true)) {
                self.found.push(Found1 { code, state, turn: None, what: What::Finally(event) });
            }
        }
        for note in notes {
            if self.is_new(&note.key()) {
                self.found.push(Found1 { code: note.code(), state, turn: None, what: What::Note(note) });
            }
        }
        let place = self.outcomes.add(outcome, state, &values);
        for other in others {
            self.outcomes.add(other, state, &[]);
        }
        place
    }

    /// The outcomes of the ends that this one stands for.
    fn others_alike(&mut self, row: &Row, finished: bool) -> Vec<Outcome> {
        let Some(mut symmetry) = self.symmetry.take() else { return Vec::new() };
        let tells = |task: &TaskPart| (task.printed.clone(), super::outcome::how_ended(task));
        let (rows, more) = symmetry.orbit(&self.model.space, row.parts(), tells, super::outcome::OUTCOMES_MAX);
        self.symmetry = Some(symmetry);
        self.outcomes.more |= more;
        let one = |parts: &Vec<PartId>| {
            let row = Row::from_parts(parts);
            let mut m = Move::new(self.model, row.parts(), &[], self.main, self.main);
            super::outcome::of(&mut m, self, &row, finished)
        };
        rows.iter().filter(|parts| **parts != row.parts()).map(one).collect()
    }

    pub fn add_stuck(&mut self, state: StateId, one: Stuck) {
        if self.is_new(&(one.code, &one.key)) {
            self.found.push(Found1 { code: one.code, state, turn: None, what: What::Stuck(one) });
        }
    }

    /// Some go on and others wait: whether these can ever go on, where what
    /// they wait for is a task that waits too, or has ended.
    pub(super) fn stuck_partly(&mut self, state: StateId, row: &Row, out: &[(Turn, Rc<Leaf>)]) {
        let goes = |ix: PartIx| out.iter().any(|(t, _)| t.actor == ix);
        let place = |t: &TaskId| self.model.space.place(Key::Task(*t));
        let hopeless = |leaf: &Leaf| !leaf.needs.is_empty() && leaf.needs.iter().all(|t| !goes(place(t)));
        if !self.waiting.iter().any(|(_, leaf)| hopeless(leaf)) {
            return;
        }
        let blocked: Vec<PartId> = self.waiting.iter().map(|w| row.get(w.0)).collect();
        let key = (1u8, &blocked);
        use std::hash::BuildHasher;
        let hash = rustc_hash::FxBuildHasher.hash_one(key);
        if self.keys.contains(&hash) {
            return;
        }
        let able: Vec<TaskId> = out.iter().map(|(t, _)| self.task_of(t)).collect();
        let scene = finding::Scene1::new(self, row, &able);
        let stuck = scene.stuck();
        let findings = if stuck.iter().any(|s| *s) { scene.findings(&stuck, true) } else { Vec::new() };
        drop(scene);
        if !findings.is_empty() {
            self.keys.insert(hash);
        }
        for one in findings {
            self.add_stuck(state, one);
        }
    }

    // ---------------------------------------------------------------- the ways

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
        match self.model.space.key(turn.actor) {
            Key::Task(t) | Key::Process(t) => t,
            _ => self.main,
        }
    }

    pub fn part(&self, row: &Row, key: Key) -> Option<std::sync::Arc<Part>> {
        match row.get(self.model.space.place(key)) {
            0 => None,
            id => Some(self.model.space.part(id)),
        }
    }

    pub fn task_parts(&self, row: &Row) -> Vec<(TaskId, std::sync::Arc<Part>)> {
        let mut actors = Vec::new();
        self.model.space.actors(0, &mut actors);
        let mut tasks: Vec<(TaskId, std::sync::Arc<Part>)> = actors
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

    pub fn memo_len(&self) -> usize {
        self.memos.iter().map(Memo::len).sum()
    }
}

pub fn run(m: &mut Move, mover: Mover) -> Ran {
    if m.log.is_some() && mover != Mover::Task {
        // Ends from outside are one step each.
        let ran = if mover == Mover::Stop { m.stop_thread() } else { m.bury(m.me) };
        m.log_one(true);
        return ran;
    }
    match mover {
        Mover::Task => m.run_task(),
        Mover::Stop => {
            let ran = m.stop_thread();
            m.footprint_clear();
            ran
        }
        Mover::Bury => m.bury(m.me),
    }
}
