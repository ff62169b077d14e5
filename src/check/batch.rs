//! Many states at a time: all that leads out of them and where it comes to. It
//! owns the division of that work among the threads of an exploration. What is
//! made of it, in which order states are looked at and what is found in them,
//! `explore` says.
//!
//! The result does not depend on how many threads there are. While they look at
//! states, nothing is added to the exploration: what is new they keep for
//! themselves (`Carried`), and it is added afterwards: parts by one of them, in the
//! order of the states, and states by all, of whom each knows its first number. So each
//! part and each state gets the number that it would get if the states were looked at
//! one after the other.

mod left_out;
mod short;
mod taken;

use super::explore::LOOKED_MOST;
use super::finding;
use super::hopeless::is_hopeless;
use super::memo::{Leaf, LeafAt, LeafView, Memo, Walk};
use super::model::Model;
use super::moves::Move;
use super::part::{Activity, Frozen, Key, PartId, PartIx};
use super::persistent::{self, Futures, Standing, Touches};
use super::shortcut::{Asked, Does, ReachNumber, Seen, Shortcuts};
use super::sleep::{self, Reach, Sleepers, Sleeping};
use super::store::{Landed, Number, Row, StateId, Store};
use super::symmetry::{Normal, Room, Stance, Symmetry};
use super::turn::{
    Carried, Mover, TOO_MANY_WAYS, WAYS_BYTES, WAYS_MAX, actor, carry_out, each_waited_for, memo_of, next_ways,
    waiting_key,
};
use crate::objects::TaskId;
use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

pub use taken::{Sum, Taken};

/// What an exploration has by now, to look at.
#[derive(Clone, Copy)]
pub struct Known<'e> {
    pub model: &'e Model,
    pub store: &'e Store,
    pub memos: &'e [Memo; 4],
    pub symmetry: Option<&'e Symmetry>,
    /// What tasks may do later, where some of them are chosen to be followed.
    pub futures: Option<&'e Futures>,
    /// Who sleeps in the states to come; none, if nobody may.
    pub sleeping: Option<&'e Sleeping>,
    pub main: TaskId,
    pub shortcuts: &'e Shortcuts,
    /// They can be taken.
    pub is_short: bool,
}

/// What a transition comes to: kept by the exploration, or carried out just now.
#[derive(Clone, Copy)]
pub enum Came {
    Kept(LeafAt),
    Carried(u32),
}

/// A transition that can be done in a state.
#[derive(Clone, Copy)]
pub struct Step {
    pub actor: PartIx,
    pub mover: Mover,
    /// Its ways' place; 0: there are none.
    pub ways: u32,
    pub came: Came,
    pub end: End,
    /// Its actor, if this is all that it can do and it may sleep; else 0.
    pub sleeper: Sleepers,
    /// Another task that stands as its actor does makes it as well.
    pub twin: bool,
    /// It is not followed.
    pub asleep: bool,
    landing: Landing,
}

/// How the state that a transition leads to is made.
#[derive(Clone, Copy)]
enum Landing {
    /// By all that can be said of what it comes to.
    Full,
    /// What it comes to is kept and plain (`LeafView::is_plain`).
    Plain,
    /// It is this word, as long as states are not packed anew; what the transition and the end
    /// that goes with it look at; and whether something of what they come to is to be told.
    Short { to: u64, reach: [ReachNumber; 2], rare: bool },
}

impl Step {
    pub fn new(actor: PartIx, mover: Mover, came: Came, end: End) -> Step {
        Step { actor, mover, ways: NO_WAYS, came, end, sleeper: 0, twin: false, asleep: false, landing: Landing::Full }
    }
}

/// The end of its task that goes with a transition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    None,
    /// There is one, but what it comes to is not known yet.
    Wanted,
    Kept(LeafAt),
}

/// What leads out of a state.
#[derive(Clone, Copy, Default)]
pub struct Fan {
    /// Its steps stand from here to there.
    pub from: u32,
    pub to: u32,
    /// So many of them are followed.
    pub followed: u32,
    /// It is one actor's whose steps are nobody else's affair.
    pub alone: bool,
    /// Only some tasks are followed.
    pub chosen: bool,
    /// Who waits stands from here to there; none, where that is not kept.
    idle: Option<(u32, u32)>,
    /// Where somebody waits for tasks that cannot go ahead: who waits, and how,
    /// as `waiting_key` has it.
    pub hopeless: Option<u64>,
    /// It needs what is not there yet, and is looked at again.
    pub beyond: bool,
    /// What was carried out up to here belongs to it or to a state before.
    carried: u32,
}

/// The part of the work that one thread does.
#[derive(Default)]
pub struct Piece {
    /// Where its states begin among those of the batch.
    first: usize,
    pub items: Vec<StateId>,
    /// Who sleeps in them; none, if nobody may.
    sleepers: Vec<Sleepers>,
    pub fans: Vec<Fan>,
    pub steps: Vec<Step>,
    /// Those that wait, and what trying to go on came to.
    idle: Vec<Waiting>,
    pub ways: Vec<Vec<u32>>,
    carried: Vec<Option<Carried>>,
    /// What it has carried out itself.
    own: [Memo; 4],
    row: Row,
    rows: Vec<Row>,
    walks: Vec<Walk>,
    /// Room for following them.
    open: Vec<u32>,
    widths: Vec<u32>,
    /// The packing of the words that its steps come to.
    packing: u64,
    /// Of the states looked up together: what leads out of those for which all was found at
    /// once, or what was not found.
    short: Vec<Result<Fan, Missing>>,
    /// Of all actors of these what they come to, as far as it was found.
    found: Vec<Option<LeafAt>>,
    /// What was not found of the state under way.
    missing: Missing,
    asked: Vec<Asked>,
    needs: Vec<u64>,
    /// What can be learnt of its other states.
    pub seen: Vec<Seen>,
    /// Of one state: who sleeps behind its steps.
    behind: Vec<(Sleepers, Reach)>,
    /// Of the state under way: those that wait for tasks.
    waiting: Vec<Waiting>,
    /// The parts of all that wait.
    blocked: Vec<PartId>,
    /// How those stand that may have twins.
    stances: Vec<Stance>,
    /// Room for the parts that a step comes to, and for their normal form.
    parts: Vec<PartId>,
    room: Room,
    /// What its steps come to.
    pub landed: Landed,
    /// Something that its steps come to is not kept yet.
    lacks: bool,
    /// The steps of so many of its states have landed.
    landed_of: usize,
    /// Who sleeps in what landed; none, if nobody may.
    pub landed_sleepers: Vec<Sleepers>,
    /// What its states have come to, as far as they have landed.
    pub taken: Vec<Taken>,
    /// All of that together.
    pub sum: Sum,
    /// Its states of which there is more to say than that, by their places.
    pub noted: Vec<u32>,
    /// The states of which it did not come to know the normal form: each with its
    /// place among all that landed, where it comes from, and the step.
    pub unknown: Vec<(usize, StateId, Step)>,
    /// The followed steps that have something which most have not: of which of
    /// its states, and which.
    pub rare: Vec<(u32, u32)>,
    /// Looking at one of its states took long, or at all of them.
    pub long: bool,
    /// So many parts were looked at in what was carried out.
    looked: usize,
    /// So much memory takes what was carried out.
    carried_bytes: usize,
    /// Some transition is left out since it sleeps.
    pub slept: u64,
    /// Something of what leads out of its states is not gone through: why.
    pub cut: Option<&'static str>,
}

/// Of which actors what they do was not found at once, a bit each.
type Missing = u64;

/// One who waits, and what trying to go on came to.
type Waiting = (PartIx, Came);

/// A state with a step of so many ways takes long.
const MANY_WAYS: usize = 1000;
/// The place of no ways.
const NO_WAYS: u32 = 0;
/// With so many steps a thread has enough to do.
const STEPS_MOST: usize = 1 << 20;
/// What steps carried out together come to may take so much memory: before it is kept, it is
/// nowhere counted.
const CARRIED_MOST: usize = 16 << 20;
/// So many states are looked up in the memo together.
const ABREAST: usize = 32;

impl Piece {
    /// Gets its states.
    pub fn begin(&mut self, first: usize, items: &[StateId]) {
        self.first = first;
        self.items.clear();
        self.items.extend_from_slice(items);
        self.sleepers.clear();
        self.fans.clear();
        self.steps.clear();
        self.idle.clear();
        self.ways.clear();
        self.ways.push(Vec::new());
        self.carried.clear();
        self.own.iter_mut().for_each(Memo::clear);
        self.seen.clear();
        self.lacks = false;
        self.long = false;
        self.looked = 0;
        self.carried_bytes = 0;
        self.cut = None;
        self.land_anew();
    }

    /// Finds what leads out of its states: without `all`, only what one actor
    /// does alone if that is nobody else's affair. `cut`: those behind this one
    /// are not looked at, since one before took long. As long as nothing has to be
    /// carried out, its steps land at once, while what they come to is at hand.
    pub fn expand(&mut self, known: Known, frozen: Frozen, all: bool, cut: &AtomicUsize) {
        if let Some(sleeping) = known.sleeping {
            self.sleepers.extend(self.items.iter().map(|state| sleeping.get(*state)));
        }
        let mut rows = std::mem::take(&mut self.rows);
        let mut walks = std::mem::take(&mut self.walks);
        let mut open = std::mem::take(&mut self.open);
        rows.resize_with(ABREAST, Row::default);
        self.packing = known.store.packing.version();
        let first = self.steps.len();
        let memo = &known.memos[memo_of(Mover::Task)];
        let actors = frozen.actors().len();
        for begin in (0..self.items.len()).step_by(ABREAST) {
            let end = (begin + ABREAST).min(self.items.len());
            if self.first + begin >= cut.load(Relaxed) {
                break;
            }
            self.take_shortcuts(known, frozen, all, begin..end);
            walks.clear();
            let others = (begin..end).filter(|at| self.short[at - begin].is_err());
            let mut found = self.found.iter();
            for ((n, at), row) in (0u32..).zip(others).zip(&mut rows) {
                known.store.load(self.items[at], row);
                walks.extend(frozen.actors().iter().map(|ix| match found.next() {
                    Some(Some(leaf)) => Walk::to(*leaf, n),
                    _ => memo.walk(row.get(*ix), n),
                }));
            }
            memo.follow(&mut walks, &mut open, |n| rows[n as usize].parts());
            let mut other = 0;
            for at in begin..end {
                if self.first + at >= cut.load(Relaxed) {
                    break;
                }
                let mut long = false;
                let mut fan = match self.short[at - begin] {
                    Ok(fan) => fan,
                    Err(missing) => {
                        self.missing = missing;
                        let idle = self.idle.len() as u32;
                        let mut fan = Fan { from: self.steps.len() as u32, ..Fan::default() };
                        let walks = &walks[other * actors..][..actors];
                        long = self.fan(known, frozen, all, &rows[other], walks, &mut fan);
                        other += 1;
                        fan.to = self.steps.len() as u32;
                        fan.idle = (!all && !fan.beyond).then_some((idle, self.idle.len() as u32));
                        fan
                    }
                };
                fan.carried = self.carried.len() as u32;
                self.fans.push(fan);
                let full = self.steps.len() - first > STEPS_MOST || self.carried_bytes >= CARRIED_MOST;
                if long || full || self.looked >= LOOKED_MOST {
                    self.long = true;
                    cut.fetch_min(self.first + at + 1, Relaxed);
                }
            }
            // What is chosen rests on all that is known once all has been kept.
            if !self.lacks && known.futures.is_none() {
                self.land(known, frozen, self.fans.len());
            }
        }
        (self.rows, self.walks, self.open) = (rows, walks, open);
        if !self.lacks {
            self.landed.sort();
        }
    }

    /// Whether it took long.
    fn fan(&mut self, known: Known, frozen: Frozen, all: bool, row: &Row, walks: &[Walk], fan: &mut Fan) -> bool {
        let mut long = false;
        self.waiting.clear();
        self.blocked.clear();
        self.stances.clear();
        for (n, (ix, walk)) in frozen.actors().iter().zip(walks).enumerate() {
            let part = row.get(*ix);
            let activity = frozen.activity(part);
            // Most steps need nothing of what comes below.
            if let (Activity::Task, Some(leaf), None) = (activity, walk.leaf(), known.symmetry)
                && known.memos[memo_of(Mover::Task)].get(leaf).is_plain()
            {
                let step = Step::new(*ix, Mover::Task, Came::Kept(leaf), End::None);
                self.steps.push(Step { sleeper: sleep::bit(n), landing: Landing::Plain, ..step });
                self.see(known, row, n, Some((leaf, End::None)));
                continue;
            }
            let movers = Mover::of(activity);
            if movers.is_empty() {
                self.see(known, row, n, None);
            }
            for mover in movers {
                let before = self.steps.len();
                if let (Mover::Task, Some(leaf)) = (mover, walk.leaf()) {
                    let end = self.note(known, row, *ix, *mover, &[], Came::Kept(leaf));
                    if movers.len() == 1 {
                        self.see(known, row, n, Some((leaf, end)));
                    }
                } else {
                    match self.each_way(known, frozen, row, *ix, *mover, part) {
                        Some(took) => long |= took,
                        None => {
                            self.steps.truncate(fan.from as usize);
                            (fan.beyond, self.lacks) = (true, true);
                            return long;
                        }
                    }
                }
                if let ([step], 1) = (&mut self.steps[before..], movers.len())
                    && step.ways == NO_WAYS
                {
                    step.sleeper = sleep::bit(n);
                }
                if self.steps.len() > before
                    && let Some(stance) = known.symmetry.and_then(|s| s.twin(frozen, *ix, row.parts()))
                {
                    if self.stances.contains(&stance) {
                        self.steps[before..].iter_mut().for_each(|step| step.twin = true);
                    } else {
                        self.stances.push(stance);
                    }
                }
                let own = &self.steps[before..];
                if !all && !own.is_empty() && own.iter().all(|s| self.is_alone(known, s)) {
                    self.steps.drain(fan.from as usize..before);
                    fan.alone = true;
                    return long;
                }
            }
        }
        let steps = &self.steps[fan.from as usize..];
        let goes = |task| {
            let place = frozen.place(Key::Task(task));
            steps.iter().any(|s| Some(s.actor) == place)
        };
        let who = |ix| actor(frozen.key(ix), known.main);
        let hopeless = is_hopeless(self.waiting.iter().map(|w| (who(w.0), self.needs(known, *w))), goes)
            || known.model.movers.may_have_workers()
                && self.blocked.iter().any(|part| finding::is_at_a_job(frozen.part(*part)));
        fan.hopeless = hopeless.then(|| {
            let mut objects = Vec::new();
            for part in &self.blocked {
                each_waited_for(frozen.part(*part), &mut |key| objects.extend(frozen.place(key).map(|ix| row.get(ix))));
            }
            waiting_key(&self.blocked, &objects)
        });
        long
    }

    fn is_alone(&self, known: Known, step: &Step) -> bool {
        match step.came {
            Came::Kept(leaf) => known.memos[memo_of(step.mover)].get(leaf).alone(),
            Came::Carried(n) => self.carried(n).is_some_and(|c| c.leaf.alone),
        }
    }

    fn needs<'p>(&'p self, known: Known<'p>, (_, came): Waiting) -> &'p [TaskId] {
        match came {
            Came::Kept(leaf) => known.memos[memo_of(Mover::Task)].get(leaf).rare().map_or(&[], |r| &r.needs),
            Came::Carried(n) => self.carried(n).map_or(&[], |c| &c.leaf.rare.needs),
        }
    }

    fn carried(&self, n: u32) -> Option<&Carried> {
        self.carried[n as usize].as_ref()
    }

    /// The transitions of one actor, one for each of its ways: whether it took
    /// long; none if what is not there yet is needed.
    fn each_way(
        &mut self,
        known: Known,
        frozen: Frozen,
        row: &Row,
        ix: PartIx,
        mover: Mover,
        part: PartId,
    ) -> Option<bool> {
        let memo = memo_of(mover);
        let mut widths = std::mem::take(&mut self.widths);
        let mut ways = Vec::new();
        let (mut long, mut taken, mut bytes) = (false, 0, 0);
        let done = loop {
            let came = match known.memos[memo].find(part, |ix| row.get(ix), &mut ways, &mut widths) {
                Some(leaf) => Came::Kept(leaf),
                None => {
                    let own = match self.own[memo].find(part, |ix| row.get(ix), &mut ways, &mut widths) {
                        Some(leaf) => leaf,
                        None => {
                            let who = actor(frozen.key(ix), known.main);
                            let m = Move::frozen(known.model, frozen, row.parts(), &ways, who).at_home();
                            let carried = carry_out(m, (ix, part), mover);
                            if carried.beyond {
                                break None;
                            }
                            long |= carried.long;
                            bytes += carried.bytes();
                            self.carried_bytes = self.carried_bytes.saturating_add(carried.bytes());
                            self.looked += carried.looks.len();
                            // What is kept of it here is its place.
                            let place = Leaf { writes: vec![(self.carried.len() as PartIx, 0)], ..Leaf::default() };
                            let leaf = self.own[memo].add((ix, part), &carried.looks, place, &mut |_, _| 0);
                            self.carried.push(Some(carried));
                            self.lacks = true;
                            // Again, for the widths of its ways.
                            self.own[memo].find(part, |ix| row.get(ix), &mut ways, &mut widths).unwrap_or(leaf)
                        }
                    };
                    Came::Carried(self.own[memo].get(own).writes().next().map_or(0, |w| w.0))
                }
            };
            self.note(known, row, ix, mover, &ways, came);
            taken += 1;
            long |= taken == MANY_WAYS;
            if !next_ways(&mut ways, &widths) {
                break Some(long);
            }
            if taken == WAYS_MAX || bytes > WAYS_BYTES {
                self.cut = Some(TOO_MANY_WAYS);
                break Some(long);
            }
        };
        self.widths = widths;
        done
    }

    /// A transition that can be done is a step; of one that cannot, who waits is
    /// noted, and whether it is for tasks. The end that goes with it, as far as it is known.
    #[inline]
    fn note(&mut self, known: Known, row: &Row, ix: PartIx, mover: Mover, ways: &[u32], came: Came) -> End {
        let mut end = End::None;
        let (blocked, rare) = match came {
            Came::Kept(leaf) => {
                let leaf = known.memos[memo_of(mover)].get(leaf);
                if leaf.ends() {
                    end = self.end(known, row, ix, leaf);
                }
                (leaf.blocked(), leaf.is_rare())
            }
            // Of what was carried out just now the end is asked for later.
            Came::Carried(n) => (self.carried(n).is_none_or(|c| c.leaf.blocked), true),
        };
        if !blocked {
            self.add_step(Step::new(ix, mover, came, end), ways);
        } else if mover == Mover::Task {
            self.blocked.push(row.get(ix));
            if known.futures.is_some() {
                self.idle.push((ix, came));
            }
            if rare {
                self.waiting.push((ix, came));
            }
        }
        end
    }

    /// The end that goes with a transition of an actor, as far as it is known.
    fn end(&mut self, known: Known, row: &Row, ix: PartIx, leaf: LeafView) -> End {
        let packing = &known.store.packing;
        let behind = |ix| match leaf.writes().find(|w| w.0 == ix) {
            Some((ix, number)) => packing.part(ix, number),
            None => row.get(ix),
        };
        let end = known.memos[memo_of(Mover::End)].find(behind(ix), behind, &mut Vec::new(), &mut self.widths);
        self.lacks |= end.is_none();
        end.map_or(End::Wanted, End::Kept)
    }

    #[inline]
    fn add_step(&mut self, step: Step, ways: &[u32]) {
        let place = if ways.is_empty() {
            NO_WAYS
        } else {
            self.ways.push(ways.to_vec());
            self.ways.len() as u32 - 1
        };
        self.steps.push(Step { ways: place, ..step });
    }

    /// Its states that were looked at, of the first `cut` of the batch.
    pub fn count(&self, cut: usize) -> usize {
        self.fans.len().min(cut.saturating_sub(self.first))
    }

    /// The place of one of its states among those of the batch.
    pub fn place(&self, at: usize) -> usize {
        self.first + at
    }

    /// Hands over what was carried out for one of its states, to be kept.
    pub fn carried_for(&mut self, at: usize) -> impl Iterator<Item = (u32, Carried)> {
        let from = if at == 0 { 0 } else { self.fans[at - 1].carried };
        let to = self.fans[at].carried;
        let some = self.carried[from as usize..to as usize].iter_mut();
        some.enumerate().filter_map(move |(n, carried)| Some((from + n as u32, carried.take()?)))
    }

    /// Puts where things are kept now in the place of what was carried out.
    pub fn keep(&mut self, kept: &[LeafAt]) {
        for step in &mut self.steps {
            if let Came::Carried(n) = step.came {
                step.came = Came::Kept(kept[n as usize]);
            }
        }
        for (_, came) in &mut self.idle {
            if let Came::Carried(n) = *came {
                *came = Came::Kept(kept[n as usize]);
            }
        }
    }

    pub fn how_many_carried(&self) -> usize {
        self.carried.len()
    }

    /// Whether something of what leads out of its states was not there yet: it was carried
    /// out, an end is wanted, or a state is to be looked at again.
    pub fn lacks(&self) -> bool {
        self.lacks
    }

    /// Gives a state that was `beyond` its steps.
    pub fn set_fan(
        &mut self,
        at: usize,
        steps: impl Iterator<Item = (Step, Vec<u32>)>,
        alone: bool,
        hopeless: Option<u64>,
    ) {
        let from = self.steps.len() as u32;
        for (step, ways) in steps {
            self.add_step(step, &ways);
        }
        let carried = self.fans[at].carried;
        let to = self.steps.len() as u32;
        self.fans[at] = Fan { from, to, alone, hopeless, carried, ..Fan::default() };
    }

    /// Whether some of what its steps come to is not there yet or is there in vain,
    /// of the first `cut` of the batch.
    pub fn is_to_land(&self, cut: usize) -> bool {
        self.landed_of != self.count(cut)
    }

    /// States are packed otherwise now, or nothing has landed yet.
    pub fn land_anew(&mut self) {
        self.landed_of = 0;
        self.slept = 0;
        self.landed.clear();
        self.landed_sleepers.clear();
        self.unknown.clear();
        self.rare.clear();
    }

    /// What the steps of its first states come to, of so many of them, packed.
    pub fn land(&mut self, known: Known, frozen: Frozen, count: usize) {
        if self.landed_of > count {
            self.land_anew();
        }
        let mut row = std::mem::take(&mut self.row);
        let mut followed = std::mem::take(&mut self.behind);
        let (mut parts, mut room) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.room));
        let packing = &known.store.packing;
        let is_short = self.packing == packing.version();
        for at in self.landed_of..count {
            let fan = self.fans[at];
            if known.symmetry.is_some() || known.futures.is_some() {
                known.store.load(self.items[at], &mut row);
            }
            self.put_to_sleep(known, at, &mut followed);
            self.choose(known, frozen, at, &row);
            let before = self.landed.len();
            for n in fan.from as usize..fan.to as usize {
                let step = self.steps[n];
                if step.asleep {
                    self.slept += u64::from(!step.twin);
                    continue;
                }
                let mut sleepers = self.sleepers_behind(known, fan, &step, &mut followed);
                if known.sleeping.is_some() {
                    self.landed_sleepers.push(sleepers);
                }
                if let (Landing::Short { to, rare, .. }, true) = (step.landing, is_short) {
                    if rare {
                        self.rare.push((at as u32, n as u32));
                    }
                    self.landed.add_word(to);
                    continue;
                }
                let leaves = leaves(known, &step);
                if let (Landing::Plain, None) = (step.landing, known.symmetry) {
                    let writes = leaves[0].writes();
                    let from = known.store.words(self.items[at]);
                    self.landed.add(from, |words| writes.for_each(|(ix, number)| packing.put(words, ix, number)));
                    continue;
                }
                if leaves[0].is_rare() || leaves[1].is_rare() {
                    self.rare.push((at as u32, n as u32));
                }
                let writes = || writes_of(leaves);
                let mut normal = Normal::Same;
                if let Some(symmetry) = known.symmetry {
                    parts.clear();
                    parts.extend_from_slice(row.parts());
                    for (ix, number) in writes() {
                        put_part(&mut parts, ix, packing.part(ix, number));
                    }
                    normal = symmetry.look(frozen, &parts, &mut room);
                    // Those asleep are others in another row.
                    sleepers = if matches!(normal, Normal::Same) { sleepers } else { 0 };
                    if let Some(last) = self.landed_sleepers.last_mut() {
                        *last = sleepers;
                    }
                }
                let mut is_known = true;
                self.landed.add(known.store.words(self.items[at]), |words| {
                    for (ix, number) in writes() {
                        packing.put(words, ix, number);
                    }
                    is_known = match &normal {
                        Normal::Same => true,
                        Normal::Unknown => false,
                        Normal::Other => repack(known.store, words, &parts, &room.parts),
                    };
                });
                if !is_known {
                    self.unknown.push((self.landed.len() - 1, self.items[at], step));
                }
            }
            self.fans[at].followed = (self.landed.len() - before) as u32;
        }
        self.landed_of = count;
        (self.row, self.behind, self.parts, self.room) = (row, followed, parts, room);
    }
}

/// What a step and the end that goes with it write, in order: of two numbers for a
/// place the later one counts.
#[inline]
pub fn writes_of(leaves: [LeafView<'_>; 2]) -> impl Iterator<Item = (PartIx, Number)> {
    let [leaf, end] = leaves;
    leaf.writes().chain(end.writes())
}

/// Where it is kept what a step comes to, and the end that goes with it.
pub fn kept_at(step: &Step) -> Option<(LeafAt, Option<LeafAt>)> {
    match (step.came, step.end) {
        (Came::Kept(leaf), End::Kept(end)) => Some((leaf, Some(end))),
        (Came::Kept(leaf), _) => Some((leaf, None)),
        (Came::Carried(_), _) => None,
    }
}

/// What a step comes to, and the end that goes with it.
#[inline]
pub fn leaves<'k>(known: Known<'k>, step: &Step) -> [LeafView<'k>; 2] {
    let leaf = match step.came {
        Came::Kept(leaf) => known.memos[memo_of(step.mover)].get(leaf),
        // Everything that was carried out has been kept by now.
        Came::Carried(_) => LeafView::NOTHING,
    };
    let end = match step.end {
        End::Kept(leaf) => known.memos[memo_of(Mover::End)].get(leaf),
        End::None | End::Wanted => LeafView::NOTHING,
    };
    [leaf, end]
}

fn put_part(parts: &mut Vec<PartId>, ix: PartIx, part: PartId) {
    if parts.len() <= ix as usize {
        parts.resize(ix as usize + 1, 0);
    }
    parts[ix as usize] = part;
}

/// Another row with the same places; whether all its numbers are known.
fn repack(store: &Store, words: &mut [u64], from: &[PartId], to: &[PartId]) -> bool {
    for (ix, (_, part)) in from.iter().zip(to).enumerate().filter(|(_, (a, b))| a != b) {
        match store.packing.number(ix as PartIx, *part) {
            Some(number) => store.packing.put(words, ix as PartIx, number),
            None => return false,
        }
    }
    true
}
