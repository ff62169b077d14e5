//! One exploration: every state that the transitions lead to, breadth first, so
//! that what is found is found on a shortest way. It owns the order, the
//! reduction to one task where a step is nobody else's affair, and the
//! collection of what goes wrong; what a transition does, `step` says, and how
//! many states are looked at together, `batch`.

use super::batch::{Came, End, Known, Piece, Step, leaves, writes_of};
use super::finding::{self, Stuck};
use super::hopeless::is_hopeless;
use super::memo::{Leaf, LeafAt, Memo, Rare};
use super::moves::{Content, Look, Model, Move};
use super::outcome::{Outcome, Outcomes};
use super::part::*;
use super::persistent::{Futures, Learnt};
use super::seen::{Event, Log};
use super::sleep::Sleeping;
use super::step::Ran;
use super::store::{Batch, Landed, Row, STATES_MAX, StateId, Store, same_parts};
use super::symmetry::Symmetry;
use super::workers::Workers;
use super::{Options, Progress, Stop};
use crate::detect::finding::Code;
use crate::detect::may::May;
use crate::objects::TaskId;
use hashbrown::{HashMap, HashSet};
use std::cell::RefCell;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;

/// Who makes a transition, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mover {
    /// A task goes on.
    Task,
    /// A thread that was told to stops.
    Stop,
    /// A process ends with all its tasks.
    Bury,
    /// A task's end, which goes with the transition before it. What it comes to
    /// depends on who is left, and what comes before it on values: kept together, there
    /// would be one for each of the one with each of the other.
    End,
}

impl Mover {
    /// Who may make a transition of an actor.
    pub fn of(activity: Activity) -> &'static [Mover] {
        match activity {
            Activity::None => &[],
            Activity::Task => &[Mover::Task],
            Activity::Stopping => &[Mover::Task, Mover::Stop],
            Activity::Dying => &[Mover::Bury],
        }
    }
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
/// Whether choosing whom to follow is worth it is seen after so many states. It is if
/// for each transition that is left out no more than so many are followed: where it
/// helps, more are left out than followed, and where hardly any are, all that is spared
/// is less than what finding out takes.
const CHOSEN_FROM: usize = 1 << 12;
const FOLLOWED_FOR_ONE: u64 = 2;
/// Where alike tasks could be exchanged it goes on to so many states.
const CHOSEN_TO: usize = 1 << 20;
/// So many states are looked at together.
const TOGETHER: usize = 8192;
/// So few states are not worth more threads than one.
const LITTLE: usize = 256;
/// Once it is known that all begins anew, it goes on to so many states at least,
/// or to this many times those that there are: what is found by then is found in
/// one go.
const LEAVE_AT_LEAST: usize = 20_000;
const LEAVE_AT: usize = 4;
/// It learns from so many states at least what tasks do, before it begins anew.
const LEARN_AT_LEAST: usize = 256;

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
    memos: [Memo; 4],
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
    recurs: bool,
    /// Who sleeps in the states to come; none, if nobody may.
    sleeping: Option<Sleeping>,
    /// Some transition slept.
    slept: bool,
    /// What tasks are known to do later, where only some are followed if that is
    /// enough; and how many transitions were and were not.
    futures: Option<Futures>,
    followed: u64,
    spared: u64,
    /// The transitions that were followed, where circles are asked for.
    edges: Option<Vec<(StateId, StateId)>>,
    /// It has come to so many states that it is to be seen whether following some
    /// is enough.
    pub pause_at: usize,
    /// Where it goes on: the next state, and the end of its level.
    next: usize,
    level_end: usize,
    /// Some task came to where it may have been before.
    returns: bool,
    pub depth: u32,
    /// Where one state stands for all that differ in who of alike tasks is where.
    pub(super) symmetry: Option<Symmetry>,
    /// Some transition took long since limits were last looked at.
    long: bool,
    /// All begins anew after this, and no later than at so many states.
    leave_at: usize,
    /// Leaves that were asked for one by one.
    handed: HashMap<(usize, LeafAt, Option<LeafAt>), Rc<Leaf>, rustc_hash::FxBuildHasher>,
    /// Leaves whose events were told.
    told: HashSet<(usize, LeafAt), rustc_hash::FxBuildHasher>,
    workers: Workers,
    pieces: Vec<Piece>,
    batch: Batch,
}

/// What a transition came to, before anything of it is kept.
pub struct Carried {
    /// The task that makes it.
    actor: PartIx,
    /// What moves, and where it stands: its task, or a process.
    own: (PartIx, PartId),
    mover: Mover,
    /// Without its writes.
    pub leaf: Leaf,
    writes: Vec<(PartIx, Content)>,
    pub looks: Vec<Look>,
    pub long: bool,
    /// It needs what the exploration does not have yet.
    pub beyond: bool,
}

/// Makes a transition of what stands there in this part.
pub fn carry_out(mut m: Move, own: (PartIx, PartId), mover: Mover) -> Carried {
    let before = m.keep();
    m.apart = true;
    let ran = run(&mut m, mover);
    let (progress, fair, ends, cut) = (m.progress, !m.unfair, m.ends, m.cut);
    let long = m.took_long();
    // What it waits for is seen in the state that it was in: what it did
    // until it could not go ahead has not happened.
    let needs = if ran == Ran::Blocked {
        m.restore(before);
        finding::needs(&m)
    } else {
        Vec::new()
    };
    let beyond = m.is_beyond();
    let actor = m.task_ix(m.me);
    let (writes, looks, events, _) = m.close_unkept();
    let (leaf, writes) = match ran {
        Ran::Blocked => {
            let rare = Rare { cut, needs, ..Rare::default() };
            (Leaf { blocked: true, fair, rare, ..Leaf::default() }, Vec::new())
        }
        Ran::Went { alone } => {
            let rare = Rare { cut, needs, events };
            (Leaf { alone, progress, fair, ends, rare, ..Leaf::default() }, writes)
        }
    };
    Carried { actor, own, mover, leaf, writes, looks, long, beyond }
}

/// Whether tasks are behind a transition where they have not been before, since
/// parts have their numbers in the order in which they were met. A circle has a
/// transition of which this is not so.
fn goes_on(space: &Space, looks: &[Look], writes: &[(PartIx, PartId)]) -> bool {
    let mut tasks = writes.iter().filter(|w| matches!(space.key(w.0), Key::Task(_))).peekable();
    tasks.peek().is_some() && tasks.all(|(ix, part)| Look::seen_at(looks, *ix).is_some_and(|id| id < *part))
}

/// What stands for who waits, and how.
pub fn waiting_key(blocked: &[PartId]) -> u64 {
    rustc_hash::FxBuildHasher.hash_one((1u8, blocked))
}

/// By whom the transitions are made of what stands at a place.
pub fn actor(key: Key, main: TaskId) -> TaskId {
    match key {
        Key::Task(t) | Key::Process(t) => t,
        _ => main,
    }
}

/// The next ways, as one counts; whether there are more.
pub fn next_ways(ways: &mut Vec<u32>, widths: &[u32]) -> bool {
    while let Some(last) = ways.pop() {
        if last + 1 < widths[ways.len()] {
            ways.push(last + 1);
            return true;
        }
    }
    false
}

pub fn memo_of(mover: Mover) -> usize {
    match mover {
        Mover::Task => 0,
        Mover::Stop => 1,
        Mover::Bury => 2,
        Mover::End => 3,
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
            sleeping: model.sleeping.then(Sleeping::default),
            slept: false,
            returns: false,
            futures: None,
            followed: 0,
            spared: 0,
            edges: None,
            pause_at: usize::MAX,
            next: 0,
            level_end: 1,
            depth: 0,
            symmetry: model.together.then(|| Symmetry::new(super::symmetry::sites(model.program))),
            long: false,
            leave_at: usize::MAX,
            handed: HashMap::default(),
            told: HashSet::default(),
            workers: Workers::new(options.jobs),
            pieces: Vec::new(),
            batch: Batch::default(),
        }
    }

    /// From now on only some tasks are followed where that is enough. With
    /// `circles` it keeps what it needs to say whether there are any.
    pub fn follow_some(&mut self, circles: bool) {
        self.futures = Some(Futures::default());
        self.edges = circles.then(Vec::new);
        // Which tasks come to do what is learnt of each by itself, and what one would
        // have done another one may do behind an exchange.
        self.symmetry = None;
        self.sleeping = None;
    }

    /// Whether only some tasks are followed.
    pub fn follows_some(&self) -> bool {
        self.futures.is_some()
    }

    /// Whether what was chosen rests on less than is known now.
    pub fn chose_wrong(&self) -> bool {
        self.futures.as_ref().is_some_and(|f| f.outgrown)
    }

    /// Whether choosing whom to follow spares next to nothing.
    pub fn chooses_in_vain(&self) -> bool {
        let seldom = self.next >= CHOSEN_FROM && self.spared * FOLLOWED_FOR_ONE < self.followed;
        let exchanging_is_better = self.model.together && self.store.len() > CHOSEN_TO;
        self.follows_some() && (seldom || exchanging_is_better)
    }

    /// A race was found for which all is explored anew, more closely.
    pub fn begins_anew(&self) -> bool {
        let closer =
            |f: &Found1| matches!(&f.what, What::Event(Event::Race { memory, .. }) if self.model.begins_anew(memory));
        self.found.iter().any(closer)
    }

    /// Forgets all states and what was found in them, but not what transitions come
    /// to.
    pub fn restart(&mut self) {
        self.store.clear();
        self.parents.clear();
        self.found.clear();
        self.outcomes = Outcomes::default();
        self.keys.clear();
        self.told.clear();
        (self.next, self.level_end, self.depth) = (0, 1, 0);
        (self.followed, self.spared) = (0, 0);
        (self.recurs, self.slept, self.leave_at) = (false, false, usize::MAX);
        if let Some(edges) = &mut self.edges {
            edges.clear();
        }
        if let Some(futures) = &mut self.futures {
            futures.outgrown = false;
        }
    }

    /// Whether the transitions that were followed, of all states, make a circle.
    /// If they do not, there is none at all: on an execution that never ends
    /// either some followed task moves, which it could have done first, or none of them
    /// ever does, and their step can be made before all of it.
    pub fn followed_circle(&self) -> bool {
        let Some(edges) = &self.edges else { return false };
        super::live::is_circular(self.store.len(), edges)
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
        if let Some(sleeping) = &mut self.sleeping {
            sleeping.met(0);
        }
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
        if self.store.len() == 0 {
            self.begin()?;
        }
        let mut due = 0;
        while self.next < self.store.len() && !self.is_paused() {
            let next = self.next;
            if next == self.level_end {
                self.level_end = self.store.len();
                self.depth += 1;
            }
            let work = self.transitions + next as u64;
            if work >= due || std::mem::take(&mut self.long) || self.is_full() {
                due = work + WORK;
                let progress = self.progress(next as StateId);
                if let Some(stop) = ask(&progress).or_else(|| self.beyond(&progress)) {
                    self.stop = Some(stop);
                    return Ok(());
                }
            }
            let some: Vec<StateId> = (next..self.level_end.min(next + TOGETHER)).map(|s| s as StateId).collect();
            let (done, again) = self.expand(&some, !self.model.alone);
            self.next += done;
            if let Some(sleeping) = &mut self.sleeping {
                sleeping.forget_before(self.next as StateId);
            }
            if self.guards_broken() || self.store.len() >= self.leave_at || self.chooses_in_vain() {
                return Ok(());
            }
            // Whoever only goes round by itself must not keep the others from
            // being looked at.
            let mut again = &again[..];
            while self.stop.is_none() && !again.is_empty() {
                let (done, _) = self.expand(again, true);
                again = &again[done..];
            }
            if self.stop.is_some() || self.guards_broken() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What is found in some states and what they lead to, state by state: how
    /// many it has done, and of which others ought to have a look as well.
    fn expand(&mut self, states: &[StateId], all: bool) -> (usize, Vec<StateId>) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let cut = self.look_at(states, all, &mut pieces);
        self.keep_carried(&mut pieces, cut, all);
        if let Some(futures) = &mut self.futures {
            futures.close();
            if futures.outgrown {
                // What was chosen may be wrong: all begins anew, a little later, so
                // that more is known then.
                self.leave_at = self.leave_at.min((2 * self.store.len()).max(LEARN_AT_LEAST));
            }
        }
        let mut again = Vec::new();
        if !self.guards_broken() {
            let mut batch = std::mem::take(&mut self.batch);
            self.land_all(&mut pieces, cut);
            exchange_landed(&mut batch, &mut pieces);
            self.store.settle(&mut batch, &self.workers);
            again = self.tell(&pieces, cut, &mut batch);
            self.store.end(&batch, &self.workers);
            exchange_landed(&mut batch, &mut pieces);
            self.batch = batch;
        }
        self.pieces = pieces;
        (cut, again)
    }

    fn known(&self) -> Known<'_> {
        Known {
            model: self.model,
            store: &self.store,
            memos: &self.memos,
            symmetry: self.symmetry.as_ref(),
            futures: self.futures.as_ref(),
            sleeping: self.sleeping.as_ref(),
            main: self.main,
        }
    }

    /// Finds what leads out of some states: of how many.
    fn look_at(&mut self, states: &[StateId], all: bool, pieces: &mut Vec<Piece>) -> usize {
        // A few for each thread, so that none waits long for another.
        let wanted = match states.len() {
            ..LITTLE => 1,
            many => match self.workers.count() {
                1 => 1,
                threads => (2 * threads).min(many),
            },
        };
        pieces.resize_with(wanted, Piece::default);
        let each = states.len().div_ceil(wanted);
        for (n, piece) in pieces.iter_mut().enumerate() {
            let first = (n * each).min(states.len());
            piece.begin(first, &states[first..(first + each).min(states.len())]);
        }
        let cut = AtomicUsize::new(states.len());
        let (model, known) = (self.model, self.known());
        model.space.frozen(|frozen| {
            let little = pieces.len() == 1;
            self.workers.each(little, pieces, |_, piece| piece.expand(known, frozen, all, &cut));
        });
        let cut = cut.into_inner();
        self.long |= cut < states.len();
        cut
    }

    /// Keeps what was carried out for the first time, state by state.
    fn keep_carried(&mut self, pieces: &mut [Piece], cut: usize, all: bool) {
        for piece in pieces.iter_mut() {
            let mut kept = vec![LeafAt::default(); piece.how_many_carried()];
            for at in 0..piece.count(cut) {
                let carried: Vec<(u32, Carried)> = piece.carried_for(at).collect();
                for (n, carried) in carried {
                    kept[n as usize] = self.keep(carried);
                }
                if piece.fans[at].beyond {
                    self.expand_beyond(piece, at, all);
                } else {
                    self.keep_ends(piece, at, &kept);
                }
            }
            piece.keep(&kept);
        }
        self.fit(pieces);
    }

    /// Packs all states anew, if there is need; whether it was so.
    fn fit(&mut self, pieces: &mut [Piece]) -> bool {
        let fits_anew = self.store.fit(&self.workers);
        if fits_anew {
            pieces.iter_mut().for_each(Piece::land_anew);
        }
        fits_anew
    }

    /// The ends that go with a state's steps and are not known yet.
    fn keep_ends(&mut self, piece: &mut Piece, at: usize, kept: &[LeafAt]) {
        let fan = piece.fans[at];
        for n in fan.from as usize..fan.to as usize {
            let step = piece.steps[n];
            let leaf = match step.came {
                Came::Kept(_) if step.end != End::Wanted => continue,
                Came::Kept(leaf) => leaf,
                Came::Carried(n) => kept[n as usize],
            };
            if self.memos[memo_of(step.mover)].get(leaf).ends() {
                let row = self.row(piece.items[at]);
                piece.steps[n].end = self.end_at(&row, step.actor, step.mover, leaf).map_or(End::None, End::Kept);
            }
        }
    }

    /// What leads out of a state where something has to be added for it.
    fn expand_beyond(&mut self, piece: &mut Piece, at: usize, all: bool) {
        let row = self.row(piece.items[at]);
        let mut out = Vec::new();
        let alone = self.successors(&row, all, &mut out);
        let hopeless = (!alone && self.is_hopeless(&out)).then(|| waiting_key(&self.blocked(&row)));
        let mut steps = Vec::new();
        for (turn, _) in out {
            let mut ways = turn.ways;
            let part = row.get(turn.actor);
            let leaf = self.leaf_at(&row, turn.actor, turn.mover, part, &mut ways);
            let end = self.end_at(&row, turn.actor, turn.mover, leaf).map_or(End::None, End::Kept);
            let (actor, mover, came) = (turn.actor, turn.mover, Came::Kept(leaf));
            steps.push((Step::new(actor, mover, came, end), ways));
        }
        piece.set_fan(at, steps.into_iter(), alone, hopeless);
    }

    /// Packs the states that all steps come to.
    fn land_all(&mut self, pieces: &mut [Piece], cut: usize) {
        loop {
            let (model, known) = (self.model, self.known());
            let mut left: Vec<&mut Piece> = pieces.iter_mut().filter(|p| p.is_to_land(cut)).collect();
            if !left.is_empty() {
                model.space.frozen(|frozen| {
                    self.workers.each(left.len() == 1, &mut left, |_, piece| {
                        piece.land(known, frozen, piece.count(cut));
                        piece.landed.sort();
                    });
                });
            }
            let mut unknown = Vec::new();
            for (n, piece) in pieces.iter().enumerate() {
                for (at, state, step) in piece.unknown(cut) {
                    let row = self.row(state);
                    let part = |(ix, number)| (ix, self.store.packing.part(ix, number));
                    let writes: Vec<(PartIx, PartId)> = writes_of(leaves(self.known(), &step)).map(part).collect();
                    let parts = self.normal(row.with(&writes).parts().to_vec());
                    for (ix, part) in parts.iter().enumerate() {
                        self.store.packing.give_number(ix as PartIx, *part);
                    }
                    unknown.push((n, at, parts));
                }
            }
            if self.fit(pieces) {
                continue;
            }
            for (n, at, parts) in unknown {
                pieces[n].set_landed(at, &self.store.packed(&parts));
            }
            break;
        }
    }

    /// Goes through all states and steps in their order: what is new, and what
    /// is found. All else that can be said of them, others have said before.
    fn tell(&mut self, pieces: &[Piece], cut: usize, batch: &mut Batch) -> Vec<StateId> {
        let mut again = Vec::new();
        let mut place = 0;
        for piece in pieces {
            let mut sleepers = piece.landed_sleepers.iter();
            let mut rare = piece.rare.iter().peekable();
            self.slept |= piece.slept;
            for at in 0..piece.count(cut) {
                if self.is_full() {
                    self.stop = Some(Stop::States);
                    return again;
                }
                if self.options.first && self.found.iter().any(|f| !f.code.is_note()) {
                    self.stop = Some(Stop::First);
                    return again;
                }
                let (fan, state) = (piece.fans[at], piece.items[at]);
                // `ahead`: it leads to a state that is not looked at yet.
                let (mut fresh, mut ahead) = (false, false);
                for place in place..place + fan.followed as usize {
                    let (id, new) = self.store.take(batch, place);
                    if let Some(edges) = &mut self.edges {
                        edges.push((state, id));
                    }
                    ahead |= id as usize >= self.next + cut;
                    if new {
                        self.parents.push(state);
                        fresh = true;
                    } else if id <= state {
                        self.recurs = true;
                    }
                    if let (Some(sleeping), Some(sleepers)) = (&mut self.sleeping, sleepers.next()) {
                        if new { sleeping.met(*sleepers) } else { sleeping.met_again(id, *sleepers) }
                    }
                }
                place += fan.followed as usize;
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
                self.transitions += u64::from(fan.followed);
                self.followed += u64::from(fan.followed);
                if fan.chosen {
                    self.spared += u64::from(fan.to - fan.from - fan.followed);
                }
                // Whoever could go on in all states of a circle goes on in one of
                // them: in the one that was looked at last of all, all that lead on
                // within the circle lead to states looked at before (Bosnacki, Leue and
                // Lluch Lafuente, *Partial-Order Reduction for General State Exploring
                // Algorithms*, 2006). Where there are no circles there is no need.
                if fan.alone && !fresh || fan.chosen && !ahead && self.edges.is_some() {
                    again.push(state);
                }
            }
        }
        again
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

    /// Whether there may be circles. A transition that slept may have closed one:
    /// then some task has come to where it was, unless who is where was exchanged.
    pub fn recurs(&self) -> bool {
        self.recurs || self.slept && (self.returns || self.symmetry.is_some())
    }

    /// Whether it has come to so many states that following some tasks only may be
    /// better; `run` goes on otherwise.
    pub fn is_paused(&self) -> bool {
        self.store.len() >= self.pause_at && self.next < self.store.len()
    }

    pub fn guards_broken(&self) -> bool {
        self.model.guards().broken
    }

    /// About how much memory it all takes.
    fn bytes(&self) -> usize {
        let memos: usize = self.memos.iter().map(Memo::bytes).sum();
        let alike = self.symmetry.as_ref().map_or(0, Symmetry::bytes);
        let futures = self.futures.as_ref().map_or(0, Futures::bytes);
        let edges = self.edges.as_ref().map_or(0, |e| 8 * e.capacity());
        let sleeping = self.sleeping.as_ref().map_or(0, Sleeping::bytes) + futures + edges;
        (self.store.bytes() + 4 * self.parents.capacity() + memos + alike + sleeping)
            .saturating_add(self.model.space.bytes())
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
        if progress.bytes >= self.options.memory_max || self.store.len() >= STATES_MAX - TOGETHER {
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
            movers.extend(Mover::of(self.activities[part as usize]).iter().map(|mover| (*ix, *mover, part)));
        }
        movers
    }

    /// The transition of an actor that takes these ways; `ways` is made
    /// complete.
    pub(super) fn leaf(&mut self, row: &Row, ix: PartIx, mover: Mover, part: PartId, ways: &mut Vec<u32>) -> Rc<Leaf> {
        let at = self.leaf_at(row, ix, mover, part, ways);
        let end = self.end_at(row, ix, mover, at);
        let memo = memo_of(mover);
        let (memos, packing) = (&self.memos, &self.store.packing);
        let part = |ix, number| packing.part(ix, number);
        let make = || {
            let leaf = memos[memo].get(at).leaf(part);
            Rc::new(match end {
                Some(end) => leaf.then(&memos[memo_of(Mover::End)].get(end).leaf(part)),
                None => leaf,
            })
        };
        self.handed.entry((memo, at, end)).or_insert_with(make).clone()
    }

    /// The end that goes with a transition out of this row, if one does.
    fn end_at(&mut self, row: &Row, ix: PartIx, mover: Mover, leaf: LeafAt) -> Option<LeafAt> {
        let leaf = self.memos[memo_of(mover)].get(leaf);
        if !leaf.ends() {
            return None;
        }
        let packing = &self.store.packing;
        let writes: Vec<(PartIx, PartId)> = leaf.writes().map(|(ix, n)| (ix, packing.part(ix, n))).collect();
        let row = row.with(&writes);
        let widths = std::mem::take(&mut self.widths);
        let end = self.leaf_at(&row, ix, Mover::End, row.get(ix), &mut Vec::new());
        self.widths = widths;
        Some(end)
    }

    /// The same, where it is kept.
    fn leaf_at(&mut self, row: &Row, ix: PartIx, mover: Mover, part: PartId, ways: &mut Vec<u32>) -> LeafAt {
        let mut widths = std::mem::take(&mut self.widths);
        let memo = memo_of(mover);
        let leaf = self.memos[memo].find(part, |ix| row.get(ix), ways, &mut widths).unwrap_or_else(|| {
            let carried = carry_out(self.open(row, ix, ways), (ix, part), mover);
            self.long |= carried.long;
            let leaf = self.keep(carried);
            // Again, for the widths of its ways.
            self.memos[memo].find(part, |ix| row.get(ix), ways, &mut widths).unwrap_or(leaf)
        });
        self.widths = widths;
        leaf
    }

    /// Keeps what was carried out.
    fn keep(&mut self, carried: Carried) -> LeafAt {
        let Carried { actor, own, mover, mut leaf, writes, looks, .. } = carried;
        let space = &self.model.space;
        let kept = writes.into_iter().map(|(ix, content)| match content {
            Content::Known(id) => (ix, id),
            Content::New(hash, part) => (ix, space.intern_hashed(hash, *part)),
        });
        leaf.writes = kept.collect();
        self.returns |= !leaf.blocked && !goes_on(space, &looks, &leaf.writes);
        let packing = &mut self.store.packing;
        let memo = memo_of(mover);
        let writes = self.futures.as_ref().map(|_| leaf.writes.clone());
        let at = self.memos[memo].add(own, &looks, leaf, &mut |ix, part| packing.give_number(ix, part));
        if let (Some(futures), Some(writes)) = (&mut self.futures, writes) {
            futures.learn(space, (memo, at), Learnt { actor, part: own.1, looks: &looks, writes: &writes });
        }
        at
    }

    fn open<'r>(&'r self, row: &'r Row, ix: PartIx, ways: &'r [u32]) -> Move<'r> {
        let who = actor(self.model.space.key(ix), self.main);
        Move::new(self.model, row.parts(), ways, who, who).at_home()
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
            let more = next_ways(&mut ways, &widths);
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
            let mut fresh = false;
            for (_, leaf) in out.iter() {
                let id = self.land_behind(state, row, &leaf.writes);
                fresh |= id != state && self.parents[id as usize] == state;
            }
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

    /// The same of a transition out of a state, to which nothing else may have led
    /// yet, if transitions slept.
    pub(super) fn land_behind(&mut self, state: StateId, row: &Row, writes: &[(PartIx, PartId)]) -> StateId {
        let (id, new) = self.land(row, writes);
        if new {
            self.parents.push(state);
        }
        id
    }

    /// A row as it is kept.
    fn normal(&mut self, parts: Vec<PartId>) -> Vec<PartId> {
        self.refresh();
        match &mut self.symmetry {
            Some(symmetry) => symmetry.normal(&self.model.space, &parts, &self.actors).unwrap_or(parts),
            None => parts,
        }
    }

    fn is_new<T: std::hash::Hash>(&mut self, key: &T) -> bool {
        self.keys.insert(rustc_hash::FxBuildHasher.hash_one(key))
    }

    pub(super) fn event(&mut self, state: StateId, turn: &Turn, event: &Event) {
        let (code, key) = finding::key(self.model.program, event);
        if self.is_new(&(code, key)) {
            if let Event::Race { memory, .. } = event
                && self.model.begins_anew(memory)
            {
                self.leave_at = self.leave_at.min((LEAVE_AT * self.store.len()).max(LEAVE_AT_LEAST));
            }
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

    /// Whether somebody who waits in the state looked at last does so for tasks
    /// of which none can go ahead.
    fn is_hopeless(&self, out: &[(Turn, Rc<Leaf>)]) -> bool {
        let space = &self.model.space;
        let who = |ix: PartIx| actor(space.key(ix), self.main);
        let waiting = self.waiting.iter().map(|(ix, leaf)| (who(*ix), &leaf.rare.needs[..]));
        let goes = |task| out.iter().any(|(t, _)| t.actor == space.place(Key::Task(task)));
        is_hopeless(waiting, goes)
    }

    /// The parts of those that wait in the state looked at last.
    fn blocked(&self, row: &Row) -> Vec<PartId> {
        self.waiting.iter().map(|w| row.get(w.0)).collect()
    }

    /// Some go on and others wait: whether these can ever go on, where what
    /// they wait for is a task that waits too, or has ended.
    pub(super) fn stuck_partly(&mut self, state: StateId, row: &Row, out: &[(Turn, Rc<Leaf>)]) {
        if !self.is_hopeless(out) {
            return;
        }
        let key = waiting_key(&self.blocked(row));
        if self.keys.contains(&key) {
            return;
        }
        let able: Vec<TaskId> = out.iter().map(|(t, _)| self.task_of(t)).collect();
        let scene = finding::Scene1::new(self, row, &able);
        let stuck = scene.stuck();
        let findings = if stuck.iter().any(|s| *s) { scene.findings(&stuck, true) } else { Vec::new() };
        drop(scene);
        // Whether they are stuck depends on who else is there.
        if !findings.is_empty() {
            self.keys.insert(key);
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
        actor(self.model.space.key(turn.actor), self.main)
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
}

/// Hands what the pieces have come to over to the batch, or back: so what they have
/// room for is kept.
fn exchange_landed(batch: &mut Batch, pieces: &mut [Piece]) {
    batch.landed.resize_with(pieces.len(), Landed::default);
    for (landed, piece) in batch.landed.iter_mut().zip(pieces) {
        std::mem::swap(landed, &mut piece.landed);
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
        Mover::End => m.run_end(),
    }
}
