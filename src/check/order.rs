//! Races by the exact order of accesses: for each access that may still race,
//! who comes after it. It owns that relation and how each edge of the language
//! changes it; where the edges are made, `objects` and `step` say.
//!
//! Footprints (`Move::compare`) are smaller, and see every race as long as a
//! task can come to its access whether or not another one has released
//! meanwhile. A program that sees more than what orders it (a failed attempt, a
//! time-out, `qsize`) may reach an access only after such a release, with
//! nothing to order the two; and an indivisible access to plain memory may write
//! or not by what it finds (`cas`). `Movers::observes` says which programs can.
//!
//! A vector clock names events by counting them, so that no two ways to a state
//! would have the same clocks. What is kept here instead is, for each access,
//! the set of those whose clocks would contain it: the tasks that come after it
//! and the clocks that hand it on. It says the same, and states that do not
//! differ in it are one. An access that all live tasks come after is dropped,
//! since whoever is born comes after what its maker comes after; so is one that
//! a later access stands for (as in FastTrack, Flanagan and Freund, PLDI 2009).

use super::moves::Move;
use super::part::{Key, Part, PartIx};
use crate::objects::TaskId;

/// Who may come after an access, or hand it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Knower {
    Task(TaskId),
    /// A clock of an object.
    Clock(u32, u8),
    /// A place of a queue: first those of the values, from the oldest on, then
    /// the free ones, from the one that was freed first on.
    Slot(u32, u32),
    /// The last operation on a place with indivisible accesses.
    Place(PartIx),
    /// The last `atomically`.
    Atomically,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    Access {
        ix: PartIx,
        write: bool,
        atomic: bool,
    },
    /// The task's end.
    End,
}

impl Deed {
    /// At least one writes, and not both are indivisible.
    fn conflicts(self, other: Deed) -> bool {
        match (self, other) {
            (Deed::Access { ix, write, atomic }, Deed::Access { ix: ix2, write: write2, atomic: atomic2 }) => {
                ix == ix2 && (write || write2) && !(atomic && atomic2)
            }
            _ => false,
        }
    }

    /// Whatever conflicts with `other` conflicts with this too.
    fn stands_for(self, other: Deed) -> bool {
        match (self, other) {
            (Deed::Access { ix, write, atomic }, Deed::Access { ix: ix2, write: write2, atomic: atomic2 }) => {
                ix == ix2 && (write || !write2) && (!atomic || atomic2)
            }
            _ => false,
        }
    }
}

/// One deed, and who knows of it; sorted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Known {
    pub deed: Deed,
    pub task: TaskId,
    /// The only process whose tasks can reach the place.
    pub home: Option<TaskId>,
    pub by: Vec<Knower>,
}

impl Known {
    fn by(&self, who: Knower) -> bool {
        self.by.binary_search(&who).is_ok()
    }

    fn add(&mut self, who: Knower) {
        if let Err(at) = self.by.binary_search(&who) {
            self.by.insert(at, who);
        }
    }

    fn remove(&mut self, who: Knower) {
        if let Ok(at) = self.by.binary_search(&who) {
            self.by.remove(at);
        }
    }
}

/// The order of a state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OrderPart {
    /// Tasks that have not ended, each with its process; sorted.
    live: Vec<(TaskId, TaskId)>,
    known: Vec<Known>,
}

impl OrderPart {
    /// How much memory it takes by itself.
    pub fn bytes(&self) -> usize {
        let of = |known: &Known| size_of::<Known>() + size_of_val(known.by.as_slice());
        size_of_val(self.live.as_slice()) + self.known.iter().map(of).sum::<usize>()
    }

    /// Drops what everybody knows.
    fn prune(&mut self) {
        let live = &self.live;
        self.known.retain(|k| {
            live.iter().any(|(task, home)| k.home.is_none_or(|h| h == *home) && !k.by(Knower::Task(*task)))
        });
    }

    /// What `from` knows `to` knows too from now on.
    fn pass(&mut self, from: Knower, to: Knower) {
        for known in self.known.iter_mut().filter(|k| k.by(from)) {
            known.add(to);
        }
    }

    fn forget(&mut self, who: Knower) {
        self.known.iter_mut().for_each(|k| k.remove(who));
    }

    fn set(&mut self, from: Knower, to: Knower) {
        if from != to {
            self.forget(to);
            self.pass(from, to);
        }
    }

    fn reach(&mut self, task: TaskId, deed: Deed, home: Option<TaskId>) {
        let me = Knower::Task(task);
        // Nobody else knows of either: whoever will come after one of them comes after both.
        // So what an `await` reaches in one look changes nothing in the next.
        if self.known.iter().any(|k| k.by == [me] && k.deed.stands_for(deed)) {
            return;
        }
        self.known.retain(|k| !(deed.stands_for(k.deed) && k.by(me)));
        let known = Known { deed, task, home, by: vec![me] };
        match self.known.binary_search(&known) {
            Ok(_) => {}
            Err(at) => self.known.insert(at, known),
        }
        self.prune();
    }

    /// How a task stands in it, two bits for each access: whether it comes after
    /// it, and whether who joins it would. None for one that made an access which
    /// is kept, and if there are too many of these.
    pub fn stance(&self, task: TaskId) -> Option<u128> {
        if self.known.len() > u128::BITS as usize / 2 || self.known.iter().any(|k| k.task == task) {
            return None;
        }
        let joined = |who: &Knower| matches!(who, Knower::Clock(object, _) if *object == task);
        let bits = |k: &Known| u128::from(k.by(Knower::Task(task))) | u128::from(k.by.iter().any(joined)) << 1;
        Some(self.known.iter().fold(0, |all, k| all << 2 | bits(k)))
    }

    /// The same with other tasks in it.
    pub fn with_others(&self, to: &dyn Fn(TaskId) -> TaskId) -> OrderPart {
        let knower = |who: &Knower| match who {
            Knower::Task(task) => Knower::Task(to(*task)),
            // A task's handle has its number.
            Knower::Clock(object, clock) => Knower::Clock(to(*object), *clock),
            other => *other,
        };
        let mut live: Vec<(TaskId, TaskId)> = self.live.iter().map(|l| (to(l.0), l.1)).collect();
        live.sort_unstable();
        let one = |known: &Known| {
            let mut by: Vec<Knower> = known.by.iter().map(knower).collect();
            by.sort_unstable();
            Known { deed: known.deed, task: to(known.task), home: known.home, by }
        };
        let mut known: Vec<Known> = self.known.iter().map(one).collect();
        known.sort_unstable();
        OrderPart { live, known }
    }

    /// The places of `slots` move up by one; the first one becomes the last of
    /// `capacity`, or is gone.
    fn turn(&mut self, object: u32, capacity: Option<u32>) {
        for known in &mut self.known {
            for who in &mut known.by {
                if let Knower::Slot(o, at) = who
                    && *o == object
                {
                    *at = at.checked_sub(1).unwrap_or(capacity.map_or(u32::MAX, |c| c - 1));
                }
            }
            known.by.retain(|w| *w != Knower::Slot(object, u32::MAX));
            known.by.sort_unstable();
        }
    }
}

impl Move<'_> {
    fn order<T>(&self, f: impl FnOnce(&OrderPart) -> T) -> Option<T> {
        if !self.model.exact || self.outside || self.is_probing() {
            return None;
        }
        self.open(self.place(Key::Order), |p| match p {
            Some(Part::Order(order)) => Some(f(order)),
            _ => None,
        })
    }

    /// Changes the order, if that changes anything.
    fn change_order(&mut self, f: impl FnOnce(&mut OrderPart)) {
        let Some(mut order) = self.order(Clone::clone) else { return };
        f(&mut order);
        order.known.sort_unstable();
        if self.order(|o| *o != order) == Some(true) {
            self.put(Key::Order, Part::Order(order));
        }
    }

    fn has_known(&self) -> bool {
        self.order(|o| !o.known.is_empty()).unwrap_or(false)
    }

    fn mine(&self) -> Knower {
        Knower::Task(self.me)
    }

    /// The state before anything has run.
    pub fn order_begin(&mut self) {
        if self.model.exact {
            self.put(Key::Order, Part::Order(OrderPart::default()));
        }
    }

    /// What the running task has done comes before all that takes from the
    /// clock; with `set`, nothing else does any more.
    pub fn order_release(&mut self, clock: Knower, set: bool) {
        if self.has_known() {
            let me = self.mine();
            self.change_order(|o| if set { o.set(me, clock) } else { o.pass(me, clock) });
        }
    }

    pub fn order_acquire(&mut self, clock: Knower) {
        if self.has_known() {
            let me = self.mine();
            self.change_order(|o| {
                o.pass(clock, me);
                o.prune();
            });
        }
    }

    /// What was kept there is replaced by something that hands nothing on.
    pub fn order_forget(&mut self, clock: Knower) {
        if self.has_known() {
            self.change_order(|o| o.forget(clock));
        }
    }

    /// Another task comes after this one; with `both`, also the other way.
    pub fn order_meet(&mut self, other: TaskId, both: bool) {
        if self.has_known() {
            let me = self.mine();
            self.change_order(|o| {
                o.pass(me, Knower::Task(other));
                if both {
                    o.pass(Knower::Task(other), me);
                }
                o.prune();
            });
        }
    }

    /// The running task comes after all that a thread of its process did, which makes no
    /// further step.
    pub fn order_thread(&mut self, thread: TaskId) {
        if self.has_known() {
            let me = self.mine();
            self.change_order(|o| o.pass(Knower::Task(thread), me));
        }
    }

    pub fn order_push(&mut self, queue: u32, len: u64, bounded: bool) {
        if self.has_known() {
            let (me, slot) = (self.mine(), Knower::Slot(queue, len as u32));
            self.change_order(|o| {
                if bounded {
                    o.pass(slot, me);
                    o.prune();
                }
                o.set(me, slot);
            });
        }
    }

    pub fn order_pop(&mut self, queue: u32, capacity: Option<u32>) {
        if self.has_known() {
            let (me, slot) = (self.mine(), Knower::Slot(queue, 0));
            self.change_order(|o| {
                o.pass(slot, me);
                o.prune();
                if capacity.is_some() {
                    o.set(me, slot);
                }
                o.turn(queue, capacity);
            });
        }
    }

    pub fn order_born(&mut self, child: TaskId, process: TaskId) {
        let me = self.mine();
        self.change_order(|o| {
            o.pass(me, Knower::Task(child));
            if let Err(at) = o.live.binary_search(&(child, process)) {
                o.live.insert(at, (child, process));
            }
        });
    }

    /// A task has ended, and its handle says so.
    pub fn order_ended(&mut self, task: TaskId) {
        self.change_order(|o| {
            o.live.retain(|l| l.0 != task);
            let mut end =
                Known { deed: Deed::End, task, home: None, by: vec![Knower::Task(task), Knower::Clock(task, 0)] };
            end.by.sort_unstable();
            o.known.push(end);
            o.forget(Knower::Task(task));
            o.prune();
        });
    }

    /// The tasks with whose access to the place this one races, each with
    /// whether it wrote.
    pub fn order_races(&self, deed: Deed) -> Vec<(TaskId, bool)> {
        let (me, mine) = (self.me, self.mine());
        let races = |o: &OrderPart| {
            let unordered = o.known.iter().filter(|k| k.task != me && deed.conflicts(k.deed) && !k.by(mine));
            unordered.map(|k| (k.task, matches!(k.deed, Deed::Access { write: true, .. }))).collect()
        };
        self.order(races).unwrap_or_default()
    }

    /// Keeps an access to compare later ones with; whether that was new.
    pub fn order_reach(&mut self, deed: Deed, private: bool) -> bool {
        let (me, home) = (self.me, private.then_some(self.home));
        let before = self.order(Clone::clone);
        self.change_order(|o| o.reach(me, deed, home));
        before != self.order(Clone::clone)
    }

    /// Whether the task knows of an access that some other does not come after.
    pub fn order_open(&self) -> bool {
        let mine = self.mine();
        self.order(|o| o.known.iter().any(|k| matches!(k.deed, Deed::Access { .. }) && k.by(mine))).unwrap_or(false)
    }

    /// Nobody else is there, and this task comes after all that others did.
    pub fn is_last(&self) -> bool {
        self.order(|o| {
            let ended = |k: &Known| k.deed == Deed::End && !k.by(self.mine());
            o.live.len() == 1 && !o.known.iter().any(ended)
        })
        .unwrap_or(false)
    }
}
