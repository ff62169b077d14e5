//! One exploration: every state that the transitions lead to, breadth first, so
//! that what is found is found on a shortest way. It owns the order, the
//! reduction to one task where a step is nobody else's affair, and when it ends;
//! what is found in the states, `told` says, what one of them leads to, `single`,
//! and how many are looked at together, `batch`.

mod edges;
mod single;
mod told;
mod ways;

pub use edges::Made;
pub use told::{Found1, What};
pub use ways::Named;

use super::batch::{Came, End, Known, Piece, Step, kept_at, leaves, writes_of};
use super::finding::{self, Stuck};
use super::memo::{Leaf, LeafAt, Memo};
use super::model::Model;
use super::moves::{Content, Move};
use super::outcome::Outcomes;
use super::part::*;
use super::persistent::Futures;
use super::seen::Event;
use super::shortcut::Shortcuts;
use super::sleep::Sleeping;
use super::store::{Batch, Landed, Row, STATES_MAX, StateId, Store};
use super::symmetry::Symmetry;
use super::turn::{Carried, Mover, Turn, memo_of};
use super::unbegun::Unbegun;
use super::workers::Workers;
use super::{Options, Progress, Stop};
use crate::detect::finding::Code;
use crate::detect::may::May;
use crate::objects::TaskId;
use hashbrown::{HashMap, HashSet};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// After so many transitions and states limits are looked at.
const WORK: u64 = 1024;
/// Whether choosing whom to follow is worth it is seen after so many states. It is if
/// for each transition that is left out no more than so many are followed: where it
/// helps, more are left out than followed, and where hardly any are, all that is spared
/// is less than what finding out takes.
const CHOSEN_FROM: usize = 1 << 12;
const FOLLOWED_FOR_ONE: u64 = 2;
/// Whether it is worth it to keep whose transitions sleep is seen after so many states, by
/// how many are followed for one that sleeps.
const SLEPT_FROM: usize = 1 << 14;
const FOLLOWED_FOR_SLEEPER: u64 = 64;
/// Where alike tasks could be exchanged it goes on to so many states.
const CHOSEN_TO: usize = 1 << 20;
/// So many states are looked at together at most. Limits are looked at after each time, so
/// where there are more than so many actors, there are fewer: each state leads to as many
/// others as there are actors, each of which has a part for every actor.
const TOGETHER: usize = 8192;
const FEW_ACTORS: usize = 16;
/// Where there is little memory there are fewer too: one for so many bytes.
const MEMORY_OF_ONE: u64 = 4096;
/// So many at least, however many actors there are.
const TOGETHER_AT_LEAST: usize = 4;
/// So few states of few actors are not worth more threads than one.
const LITTLE: usize = 256;
/// After so many looks at parts in transitions that were carried out, limits are looked at:
/// where there are thousands of tasks, who makes another one looks at all of them.
pub(super) const LOOKED_MOST: usize = 1 << 15;
/// It learns from so many states at least what tasks do, before it begins anew.
const LEARN_AT_LEAST: usize = 256;

/// Whether there is no more to be done, asked while that takes long.
type Over<'o, 'a> = dyn FnMut(&mut Explorer<'a>) -> bool + 'o;

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
    /// There is no time left to make ways shorter.
    pub hurried: bool,
    /// Since when ways are made after a limit.
    late: Option<Instant>,
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
    /// So many transitions slept.
    slept: u64,
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
    /// It ends once a circle was met, which is looked for when it has explored so many.
    circle_at: usize,
    /// It has ended for that.
    pub circular: bool,
    /// Some task came to where it may have been before.
    returns: bool,
    pub depth: u32,
    /// Where one state stands for all that differ in who of alike tasks is where.
    pub(super) symmetry: Option<Symmetry>,
    /// What is still to be told where nobody makes a first step.
    unbegun: Option<Unbegun>,
    /// Some transition took long since limits were last looked at.
    long: bool,
    /// What was carried out one by one came to large values of so many bytes since that was
    /// asked last.
    made_bytes: u64,
    /// So many parts were looked at since then in transitions that were carried out.
    looked: usize,
    /// All begins anew after this, and no later than at so many states.
    leave_at: usize,
    /// Leaves that were asked for one by one.
    handed: HashMap<(usize, LeafAt, Option<LeafAt>), Rc<Leaf>, rustc_hash::FxBuildHasher>,
    /// What they take beside their places.
    handed_bytes: usize,
    /// Leaves whose events were told.
    told: HashSet<(usize, LeafAt), rustc_hash::FxBuildHasher>,
    /// States where only those go on that serve others, and all others never can.
    pub standing: Vec<StateId>,
    /// Of who waits and who goes on, by a hash: who is left going where all others are
    /// stuck (`left_going`).
    standstills: HashMap<u64, Option<Vec<TaskId>>, rustc_hash::FxBuildHasher>,
    /// So many tasks are named in them.
    standing_tasks: usize,
    workers: Workers,
    pieces: Vec<Piece>,
    batch: Batch,
    shortcuts: Shortcuts,
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
            hurried: false,
            late: None,
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
            slept: 0,
            returns: false,
            futures: None,
            followed: 0,
            spared: 0,
            edges: None,
            pause_at: usize::MAX,
            circle_at: usize::MAX,
            circular: false,
            next: 0,
            level_end: 1,
            depth: 0,
            symmetry: model.symmetry.then(|| Symmetry::new(super::symmetry::sites(model.program))),
            unbegun: None,
            long: false,
            made_bytes: 0,
            looked: 0,
            leave_at: usize::MAX,
            handed: HashMap::default(),
            handed_bytes: 0,
            told: HashSet::default(),
            standing: Vec::new(),
            standstills: HashMap::default(),
            standing_tasks: 0,
            workers: Workers::new(options.jobs),
            pieces: Vec::new(),
            batch: Batch::default(),
            shortcuts: Shortcuts::default(),
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
        let exchanging_is_better = self.model.symmetry && self.store.len() > CHOSEN_TO;
        self.follows_some() && (seldom || exchanging_is_better)
    }

    /// Whether next to no transition sleeps: to keep who does takes more than is spared, and from now
    /// on all are followed everywhere. Nothing is missed by following more.
    fn sleeps_in_vain(&self) -> bool {
        self.next >= SLEPT_FROM && self.slept * FOLLOWED_FOR_SLEEPER < self.transitions
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
        self.standing.clear();
        (self.next, self.level_end, self.depth) = (0, 1, 0);
        (self.followed, self.spared) = (0, 0);
        (self.recurs, self.slept, self.leave_at) = (false, 0, usize::MAX);
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
        self.unbegun = Unbegun::of(self);
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
            if work >= due || self.took_long() || self.is_full() {
                due = work + WORK;
                if self.is_over(ask) {
                    return Ok(());
                }
            }
            let some: Vec<StateId> = (next..self.level_end.min(next + self.together())).map(|s| s as StateId).collect();
            let mut over = |e: &mut Self| e.took_long() && e.is_over(ask);
            let (done, again) = self.expand(&some, !self.model.alone, &mut over);
            self.next += done;
            if let Some(sleeping) = &mut self.sleeping {
                sleeping.forget_before(self.next as StateId);
            }
            if self.sleeps_in_vain() {
                self.sleeping = None;
            }
            if self.guards_broken() || self.store.len() >= self.leave_at || self.chooses_in_vain() {
                return Ok(());
            }
            // Whoever only goes round by itself must not keep the others from
            // being looked at.
            let mut again = &again[..];
            while self.stop.is_none() && !again.is_empty() {
                if self.took_long() && self.is_over(ask) {
                    return Ok(());
                }
                let mut over = |e: &mut Self| e.took_long() && e.is_over(ask);
                let (done, _) = self.expand(&again[..again.len().min(self.together())], true, &mut over);
                again = &again[done..];
            }
            if self.stop.is_some() || self.guards_broken() {
                return Ok(());
            }
            self.circular = self.has_met_circle();
            if self.circular {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether a transition, or all of them together, took long since this was asked last
    /// and was so.
    pub(super) fn took_long(&mut self) -> bool {
        let long = self.long || self.looked >= LOOKED_MOST;
        if long {
            (self.long, self.looked) = (false, 0);
        }
        long
    }

    /// What was carried out one by one since this was asked last came to so many bytes.
    pub(super) fn take_made_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.made_bytes)
    }

    /// Whether a limit is reached, or somebody wants an end.
    fn is_over(&mut self, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> bool {
        let progress = self.progress(self.next as StateId);
        self.stop = ask(&progress).or_else(|| self.beyond(&progress));
        self.stop.is_some()
    }

    /// What is found in some states and what they lead to, state by state: how
    /// many it has done, and of which others ought to have a look as well. It does no more
    /// once it is `over`.
    fn expand(&mut self, states: &[StateId], all: bool, over: &mut Over<'_, 'a>) -> (usize, Vec<StateId>) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let cut = self.look_at(states, all, &mut pieces);
        let cut = self.keep_carried(&mut pieces, cut, all, over);
        if let Some(futures) = &mut self.futures {
            futures.close();
            if futures.outgrown {
                // What was chosen may be wrong: all begins anew, a little later, so
                // that more is known then.
                self.leave_at = self.leave_at.min((2 * self.store.len()).max(LEARN_AT_LEAST));
            }
        }
        let (mut told, mut again) = (cut, Vec::new());
        if !self.guards_broken() {
            let mut batch = std::mem::take(&mut self.batch);
            self.land_all(&mut pieces, cut);
            exchange_landed(&mut batch, &mut pieces);
            self.store.settle(&mut batch, &self.workers);
            (told, again) = self.tell(&mut pieces, cut, &mut batch);
            self.store.end(&batch, &self.workers);
            exchange_landed(&mut batch, &mut pieces);
            self.batch = batch;
        }
        self.pieces = pieces;
        (told, again)
    }

    /// So many states are looked at together.
    fn together(&self) -> usize {
        let actors = self.model.space.size().1.max(FEW_ACTORS);
        // What they come to is not counted before it is kept.
        let by_memory = (self.options.memory_max / MEMORY_OF_ONE) as usize;
        (TOGETHER * FEW_ACTORS / actors * FEW_ACTORS / actors).min(by_memory).max(TOGETHER_AT_LEAST)
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
            shortcuts: &self.shortcuts,
            is_short: self.takes_shortcuts(),
        }
    }

    /// Whether what leads out of a state is found in its word, if there it is known. Elsewhere
    /// there is more to do with each state than that: of alike tasks one stands for others, some
    /// need not be followed, or what ends a task comes from outside.
    fn takes_shortcuts(&self) -> bool {
        self.options.shortcuts
            && self.symmetry.is_none()
            && self.futures.is_none()
            && !self.model.movers.may_have_workers()
            && self.shortcuts.is_of(&self.store.packing)
    }

    /// Finds what leads out of some states: of how many.
    fn look_at(&mut self, states: &[StateId], all: bool, pieces: &mut Vec<Piece>) -> usize {
        // A few for each thread, so that none waits long for another.
        let wanted = match states.len() {
            few if few * self.model.space.size().1.max(FEW_ACTORS) < LITTLE * FEW_ACTORS => 1,
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
        self.refresh();
        self.shortcuts.fit(&self.store.packing, &self.actors);
        let (model, known) = (self.model, self.known());
        model.space.frozen(|frozen| {
            let little = pieces.len() == 1;
            self.workers.each(little, pieces, |_, piece| piece.expand(known, frozen, all, &cut));
        });
        let cut = cut.into_inner();
        let seen = pieces.iter().flat_map(|piece| &piece.seen);
        model.space.frozen(|frozen| {
            let place = |task| {
                let place = frozen.place(Key::Task(task))?;
                self.actors.iter().position(|ix| *ix == place)
            };
            self.shortcuts.learn(seen, self.store.len(), &self.memos, &self.store.packing, place);
        });
        self.long |= pieces.iter().any(|piece| piece.long);
        cut
    }

    /// Keeps what was carried out for the first time, state by state.
    /// Where something has to be added for a state, that can take long, and ends with it once
    /// it is `over`: those before that state are done, of so many.
    fn keep_carried(&mut self, pieces: &mut [Piece], mut cut: usize, all: bool, over: &mut Over<'_, 'a>) -> usize {
        for piece in pieces.iter_mut().filter(|piece| piece.lacks()) {
            let mut kept = vec![LeafAt::default(); piece.how_many_carried()];
            for at in 0..piece.count(cut) {
                let carried: Vec<(u32, Carried)> = piece.carried_for(at).collect();
                for (n, carried) in carried {
                    kept[n as usize] = self.keep(carried);
                }
                if !piece.fans[at].beyond {
                    self.keep_ends(piece, at, &kept);
                } else if !self.expand_beyond(piece, at, all, over) {
                    cut = piece.place(at);
                    break;
                }
            }
            piece.keep(&kept);
        }
        self.fit(pieces);
        cut
    }

    /// Packs all states anew, if there is need; whether it was so.
    fn fit(&mut self, pieces: &mut [Piece]) -> bool {
        let fits_anew = self.store.fit(&self.workers);
        if fits_anew {
            // That may be each time that an object is made.
            self.long = true;
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

    /// What leads out of a state where something has to be added for it; not, if it is over
    /// before that.
    fn expand_beyond(&mut self, piece: &mut Piece, at: usize, all: bool, over: &mut Over<'_, 'a>) -> bool {
        let row = self.row(piece.items[at]);
        let mut out = Vec::new();
        let Some(alone) = self.successors_unless(&row, all, &mut out, over) else { return false };
        let hopeless = (!alone && self.is_hopeless(&row, &out)).then(|| self.waiting_key(&row));
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
        true
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
                for (at, state, step) in &piece.unknown {
                    let row = self.row(*state);
                    let part = |(ix, number)| (ix, self.store.packing.part(ix, number));
                    let writes: Vec<(PartIx, PartId)> = writes_of(leaves(self.known(), step)).map(part).collect();
                    let parts = self.normal(row.with(&writes).parts().to_vec());
                    for (ix, part) in parts.iter().enumerate() {
                        self.store.packing.give_number(ix as PartIx, *part);
                    }
                    unknown.push((n, *at, parts));
                }
            }
            if self.fit(pieces) {
                continue;
            }
            for (n, at, parts) in unknown {
                pieces[n].landed.set(at, &self.store.packed(&parts));
            }
            break;
        }
    }

    /// Whether there may be circles. A transition that slept may have closed one:
    /// then some task has come to where it was, unless who is where was exchanged.
    pub fn recurs(&self) -> bool {
        self.recurs || self.slept > 0 && (self.returns || self.symmetry.is_some())
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
    pub(super) fn bytes(&self) -> usize {
        let memos: usize = self.memos.iter().map(Memo::bytes).sum();
        let alike = self.symmetry.as_ref().map_or(0, Symmetry::bytes) + self.shortcuts.bytes();
        let futures = self.futures.as_ref().map_or(0, Futures::bytes);
        let edges = self.edges.as_ref().map_or(0, |e| 8 * e.capacity());
        let sleeping = self.sleeping.as_ref().map_or(0, Sleeping::bytes) + futures + edges;
        let places = size_of::<(usize, LeafAt, Option<LeafAt>)>() + 10;
        let handed = self.handed_bytes + places * self.handed.len();
        // Each place of a table has a byte beside what stands there.
        let standstill = size_of::<(u64, Option<Vec<TaskId>>)>() + 1;
        let standing = 4 * (self.standing.capacity() + self.standing_tasks) + standstill * self.standstills.capacity();
        let told = (size_of::<u64>() + 1) * self.keys.capacity();
        let told = told + self.outcomes.bytes;
        (handed + self.store.bytes() + 4 * self.parents.capacity() + memos + alike + sleeping + standing + told)
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

    /// Whether there are more states than the limit lets be.
    pub fn is_full(&self) -> bool {
        self.is_too_many(self.store.len())
    }

    /// Whether so many states are more than the limit lets be.
    pub(super) fn is_too_many(&self, states: usize) -> bool {
        self.options.states_max.is_some_and(|max| states as u64 > max)
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

    pub fn progress_now(&self) -> Progress {
        self.progress(self.store.len() as StateId)
    }

    /// Before something is told of: that can take long where the way to it is made shorter, so
    /// that it is asked whether to go on, and after a limit only little time goes into it.
    pub fn heed(&mut self, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) {
        const LATE_MAX: Duration = Duration::from_millis(300);
        if self.stop.is_none() {
            self.stop = ask(&self.progress_now());
        }
        if self.stop.is_some_and(|stop| stop != Stop::First) {
            self.hurried = self.late.get_or_insert_with(Instant::now).elapsed() > LATE_MAX;
        }
        // Each try to make a way shorter may come to a block that goes on and on, and take as long
        // as one is followed.
        self.hurried |= self.model.endless.load(std::sync::atomic::Ordering::Relaxed);
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

#[cfg(test)]
mod tests;
