//! Who goes next in a random schedule. It owns the three ways to decide that:
//! uniformly; by priorities with a few changes (PCT: Burckhardt, Kothari,
//! Musuvathi and Nagarakatte, ASPLOS 2010); and so that the orders of the
//! events at a few shared places are equally likely (SURW: Zhao, Wolff, Mathur
//! and Roychoudhury, ASPLOS 2025). What schedules tell about the script for
//! that, `estimate` keeps.

use super::Strategy;
use super::draw::Draw;
use super::estimate::{self, Estimate};
use super::several::Who;
use super::walk::Fan;
use crate::check::explore::Explorer;
use crate::check::memo::Leaf;
use crate::check::part::{PartId, PartIx};
use hashbrown::HashMap;

/// So many schedules tell how long they are and who reaches what how often.
const ESTIMATED_BY: u64 = 16;
/// Priorities drawn at a task's start are above those that are lowered.
const HIGH: u64 = 1 << 63;

/// A value for each place of the row that holds for one schedule.
struct PerPlace<T> {
    all: Vec<(u32, T)>,
}

impl<T: Copy + Default> PerPlace<T> {
    fn new() -> PerPlace<T> {
        PerPlace { all: Vec::new() }
    }

    #[inline]
    fn get(&self, ix: PartIx, schedule: u32) -> Option<T> {
        self.all.get(ix as usize).filter(|v| v.0 == schedule).map(|v| v.1)
    }

    #[inline]
    fn set(&mut self, ix: PartIx, schedule: u32, value: T) {
        if self.all.len() <= ix as usize {
            self.all.resize(ix as usize + 1, (0, T::default()));
        }
        self.all[ix as usize] = (schedule, value);
    }
}

/// Of several who might go on: who was not tried yet.
pub struct Tried {
    rest: Vec<Who>,
    /// The same with their priorities: these are asked for once there are any.
    order: Vec<(Who, u64)>,
    turned: bool,
    /// SURW: whose next event is interesting and who are not intended.
    kept: Vec<Who>,
    /// Nobody else can go on.
    intends: bool,
    /// PCT: whose turn it was has been lowered.
    lowered: bool,
    counted: bool,
}

impl Tried {
    pub fn new(movers: Vec<Who>) -> Tried {
        Tried {
            rest: movers,
            order: Vec::new(),
            turned: false,
            kept: Vec::new(),
            intends: false,
            lowered: false,
            counted: false,
        }
    }

    fn any(&mut self, draw: &mut Draw) -> Option<Who> {
        let count = self.rest.len() as u64;
        (count > 0).then(|| self.rest.swap_remove(draw.below(count) as usize))
    }
}

/// See the head of the file.
pub struct Policy {
    strategy: Strategy,
    depth: u32,
    /// From 1; it tells this schedule's values from those of others.
    schedule: u32,
    estimate: Estimate,
    /// The first schedule is drawn uniformly: it tells what the others need.
    pilot: bool,
    priorities: PerPlace<u64>,
    /// Whoever goes round is put below all others.
    lowest: u64,
    steps: u64,
    /// PCT: the steps before which the one whose turn it is is lowered.
    changes: Vec<u64>,
    /// SURW: the interesting places, and each task's events there to come.
    interesting: PerPlace<bool>,
    left: PerPlace<u32>,
    counted: Vec<PartIx>,
    intended: Option<PartIx>,
    /// SURW: one schedule in eight takes it less strictly. Each task is given
    /// one event more than the estimate says, for what it does so seldom that
    /// no schedule of the estimate had it, such as giving up a wait; and where
    /// several may go on whose next event is not interesting, any of them does.
    loose: bool,
    /// What the step of a task in a part names.
    named: HashMap<PartId, Box<[PartIx]>, rustc_hash::FxBuildHasher>,
}

impl Policy {
    pub fn new(strategy: Strategy, depth: u32) -> Policy {
        Policy {
            strategy,
            depth,
            schedule: 0,
            estimate: Estimate::default(),
            pilot: true,
            priorities: PerPlace::new(),
            lowest: 0,
            steps: 0,
            changes: Vec::new(),
            interesting: PerPlace::new(),
            left: PerPlace::new(),
            counted: Vec::new(),
            intended: None,
            loose: false,
            named: HashMap::default(),
        }
    }

    /// A schedule begins.
    pub fn begin(&mut self, draw: &mut Draw) {
        if self.is_estimating() {
            self.estimate.schedule_ends(self.steps);
        }
        self.schedule += 1;
        self.pilot = self.schedule == 1;
        self.lowest = HIGH / 2;
        self.steps = 0;
        match self.strategy {
            Strategy::Random => {}
            Strategy::Pct => {
                self.changes.clear();
                let length = self.estimate.steps_max().max(1);
                self.changes.extend((1..self.depth).map(|_| 1 + draw.below(length)));
            }
            Strategy::Surw => self.begin_surw(draw),
        }
    }

    fn is_estimating(&self) -> bool {
        self.strategy != Strategy::Random && (1..=ESTIMATED_BY).contains(&u64::from(self.schedule))
    }

    fn begin_surw(&mut self, draw: &mut Draw) {
        self.counted.clear();
        self.intended = None;
        self.loose = draw.below(8) == 0;
        if u64::from(self.schedule) <= ESTIMATED_BY + 1 {
            self.estimate.sum_up();
        }
        for place in self.estimate.drawn(draw) {
            let place = &self.estimate.places()[place];
            self.interesting.set(place.ix, self.schedule, true);
            for (actor, count) in &place.uses {
                let left = self.left.get(*actor, self.schedule);
                if left.is_none() {
                    self.counted.push(*actor);
                }
                let count = left.unwrap_or(u32::from(self.loose)) + count;
                self.left.set(*actor, self.schedule, count);
            }
        }
    }

    fn priority(&mut self, actor: PartIx, draw: &mut Draw) -> u64 {
        match self.priorities.get(actor, self.schedule) {
            Some(priority) => priority,
            None => {
                let priority = HIGH | draw.next();
                self.priorities.set(actor, self.schedule, priority);
                priority
            }
        }
    }

    /// The place among the candidates of who goes on; there is one.
    pub fn pick(&mut self, explorer: &Explorer, fan: &Fan, draw: &mut Draw) -> usize {
        self.steps += 1;
        let count = fan.candidates.len();
        if self.strategy == Strategy::Random || self.pilot {
            return if count == 1 { 0 } else { draw.below(count as u64) as usize };
        }
        if self.strategy == Strategy::Surw {
            return self.pick_surw(explorer, fan, draw);
        }
        let best = self.first(fan, draw);
        if !self.changes.contains(&self.steps) {
            return best;
        }
        // The order among those that were lowered is random, as the numbers of
        // the change points are.
        self.priorities.set(fan.candidates[best].actor, self.schedule, HIGH / 2 + draw.below(HIGH / 2));
        self.first(fan, draw)
    }

    fn first(&mut self, fan: &Fan, draw: &mut Draw) -> usize {
        let mut best = (0, 0);
        for (n, candidate) in fan.candidates.iter().enumerate() {
            let priority = self.priority(candidate.actor, draw);
            // Two of one actor: it goes on, or is ended from outside.
            let same = n > 0 && fan.candidates[n - 1].actor == candidate.actor && best.1 == n - 1;
            if n == 0 || priority > best.0 || same && draw.below(2) == 1 {
                best = (priority, n);
            }
        }
        best.1
    }

    /// Who is to be tried next of several who might go on, if anybody is left.
    pub fn tries(&mut self, explorer: &Explorer, tried: &mut Tried, draw: &mut Draw) -> Option<Who> {
        if self.strategy == Strategy::Random || self.pilot {
            return tried.any(draw);
        }
        while let Some(who) = self.next(tried, draw) {
            if self.strategy == Strategy::Pct || Some(who.0) == self.intended || !self.names_interesting(explorer, who)
            {
                return Some(who);
            }
            tried.kept.push(who);
        }
        // SURW: the next to be intended is one of those whose next event is interesting.
        tried.intends = true;
        if tried.kept.is_empty() {
            return None;
        }
        let n = self.by_weight(tried.kept.iter().map(|who| who.0), draw);
        Some(tried.kept.swap_remove(n))
    }

    /// One of these by the number of their events to come.
    fn by_weight(&self, actors: impl ExactSizeIterator<Item = PartIx> + Clone, draw: &mut Draw) -> usize {
        let weight = |actor: PartIx| u64::from(self.left.get(actor, self.schedule).unwrap_or(0));
        let total: u64 = actors.clone().map(weight).sum();
        if total == 0 {
            // The estimate was too low: nothing tells one from another.
            return draw.below(actors.len() as u64) as usize;
        }
        let mut at = draw.below(total);
        let mut actors = actors;
        let chosen = actors.position(|actor| {
            let w = weight(actor);
            let here = at < w;
            at = at.saturating_sub(w);
            here
        });
        chosen.unwrap_or(0)
    }

    /// The one of highest priority of those that are left, or any where it is not taken strictly.
    fn next(&mut self, tried: &mut Tried, draw: &mut Draw) -> Option<Who> {
        if !tried.rest.is_empty() {
            let loose = self.strategy == Strategy::Surw && self.loose;
            for who in tried.rest.drain(..) {
                let priority = self.priority(who.0, draw);
                tried.order.push((who, if loose { draw.next() } else { priority }));
            }
            // Two of one actor: it goes on, or is ended from outside.
            tried.turned = draw.below(2) == 1;
        }
        let turned = tried.turned;
        let above = |a: &(Who, u64), b: &(Who, u64)| {
            let mover = |who: &Who| if turned { !(who.1 as u32) } else { who.1 as u32 };
            (a.1, mover(&a.0)).cmp(&(b.1, mover(&b.0)))
        };
        let best = (0..tried.order.len()).max_by(|a, b| above(&tried.order[*a], &tried.order[*b]))?;
        Some(tried.order.swap_remove(best).0)
    }

    /// One that was tried can go on, and not by itself: whether it does.
    pub fn takes(&mut self, explorer: &Explorer, tried: &mut Tried, who: Who, leaf: &Leaf, draw: &mut Draw) -> bool {
        if !tried.counted {
            tried.counted = true;
            self.steps += 1;
        }
        if self.strategy == Strategy::Random || self.pilot {
            return true;
        }
        if self.strategy == Strategy::Pct {
            if tried.lowered || !self.changes.contains(&self.steps) {
                return true;
            }
            tried.lowered = true;
            let priority = HIGH / 2 + draw.below(HIGH / 2);
            self.priorities.set(who.0, self.schedule, priority);
            tried.order.push((who, priority));
            return false;
        }
        if tried.intends {
            self.intended = Some(who.0);
            return true;
        }
        if Some(who.0) != self.intended && self.is_interesting(explorer, who.2, leaf) {
            tried.kept.push(who);
            return false;
        }
        true
    }

    /// What its step names is interesting, whatever comes of it.
    fn names_interesting(&mut self, explorer: &Explorer, who: Who) -> bool {
        let named = self.named.entry(who.2).or_insert_with(|| estimate::named_by(explorer, who.2));
        named.iter().any(|ix| self.interesting.get(*ix, self.schedule).unwrap_or(false))
    }

    fn is_interesting(&self, explorer: &Explorer, part: PartId, leaf: &Leaf) -> bool {
        let touches = estimate::touches(explorer, part, leaf);
        touches.iter().any(|ix| self.interesting.get(*ix, self.schedule).unwrap_or(false))
    }

    /// Whoever's next event is not interesting, and the one that is intended,
    /// by priority or any of them; if there is none, the next to be intended is drawn among
    /// those that can go on.
    fn pick_surw(&mut self, explorer: &Explorer, fan: &Fan, draw: &mut Draw) -> usize {
        let mut best: Option<(u64, usize)> = None;
        let mut seen = 0;
        for (n, candidate) in fan.candidates.iter().enumerate() {
            let priority = self.priority(candidate.actor, draw);
            if Some(candidate.actor) != self.intended
                && self.is_interesting(explorer, candidate.part, fan.leaf(candidate))
            {
                continue;
            }
            seen += 1;
            let better = if self.loose { draw.below(seen) == 0 } else { best.is_none_or(|b| priority > b.0) };
            if better {
                best = Some((priority, n));
            }
        }
        if let Some((_, n)) = best {
            return n;
        }
        let n = self.by_weight(fan.candidates.iter().map(|c| c.actor), draw);
        self.intended = Some(fan.candidates[n].actor);
        n
    }

    /// A transition was made; `repeated`: it led to a state where the schedule
    /// has been.
    pub fn went(&mut self, explorer: &Explorer, (actor, _, part): Who, leaf: &Leaf, repeated: bool, draw: &mut Draw) {
        if self.strategy == Strategy::Random {
            return;
        }
        if repeated {
            // As a yield lowers the priority in fair schedulers (Musuvathi and
            // Qadeer, PLDI 2008): who waits busily must not keep the others
            // from what it waits for.
            self.lowest -= 1;
            self.priorities.set(actor, self.schedule, self.lowest);
        }
        if self.strategy == Strategy::Pct {
            return;
        }
        let touches = estimate::touches(explorer, part, leaf);
        if self.is_estimating() {
            self.estimate.count(explorer, actor, part, touches);
        }
        let mut hit = false;
        for ix in touches {
            if self.interesting.get(*ix, self.schedule).unwrap_or(false) {
                hit = true;
                if let Some(left) = self.left.get(actor, self.schedule) {
                    self.left.set(actor, self.schedule, left.saturating_sub(1));
                }
            }
        }
        if hit {
            self.intend(draw);
        }
    }

    /// The next interesting event is a task's with the probability of its share
    /// of those to come, its children's that are not there yet among them.
    fn intend(&mut self, draw: &mut Draw) {
        let total: u64 = self.counted.iter().map(|a| u64::from(self.left.get(*a, self.schedule).unwrap_or(0))).sum();
        if total == 0 {
            self.intended = None;
            return;
        }
        let mut at = draw.below(total);
        for n in 0..self.counted.len() {
            let actor = self.counted[n];
            let left = u64::from(self.left.get(actor, self.schedule).unwrap_or(0));
            if at < left {
                let there = |a: PartIx| self.priorities.get(a, self.schedule).is_some();
                self.intended = self.estimate.nearest(actor, there);
                return;
            }
            at -= left;
        }
    }
}
