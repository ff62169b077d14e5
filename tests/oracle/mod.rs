//! Races and outcomes of a program by walking through its executions one turn
//! after another, depth first, with vector clocks by the rules of the
//! language's section 6. It owns those rules once more, on purpose apart from
//! the explorer's footprints and orders; states and turns come from
//! `check::walk`.

use conc::check::Outcome;
use conc::check::walk::{Came, Deed, Event, Row, Walk, walk};
use conc::objects::place;
use conc::program::Program;
use conc::program::value::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// How far each task has got, as somebody knows.
type Clock = BTreeMap<u32, u32>;

/// What a walk through all executions came to.
#[derive(Default)]
pub struct Told {
    /// It went through all; else what it tells is true, but need not be all.
    pub complete: bool,
    pub races: BTreeSet<String>,
    pub outcomes: BTreeSet<String>,
    pub failed: bool,
    pub broken_invariant: bool,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Order {
    tasks: BTreeMap<u32, Clock>,
    /// An object's clocks.
    objects: BTreeMap<(u32, u8), Clock>,
    /// Of each value in a queue.
    puts: BTreeMap<u32, VecDeque<Clock>>,
    /// Of each place of a bounded queue that was freed and not taken again, and
    /// how many places were never taken.
    gets: BTreeMap<u32, VecDeque<Clock>>,
    fresh: BTreeMap<u32, u64>,
    places: BTreeMap<u32, Clock>,
    atomically: Clock,
    /// By place, task, whether it wrote, whether indivisible: the last one's
    /// time.
    accesses: BTreeMap<(u32, u32, bool, bool), u32>,
}

fn join(to: &mut Clock, from: &Clock) {
    for (task, time) in from {
        let mine = to.entry(*task).or_default();
        *mine = (*mine).max(*time);
    }
}

impl Order {
    fn mine(&mut self, task: u32) -> &mut Clock {
        self.tasks.entry(task).or_default()
    }

    fn acquire(&mut self, task: u32, object: u32, which: u8) {
        let clock = self.objects.get(&(object, which)).cloned().unwrap_or_default();
        join(self.mine(task), &clock);
    }

    fn release(&mut self, task: u32, object: u32, which: u8, set: bool) {
        let clock = self.mine(task).clone();
        let there = self.objects.entry((object, which)).or_default();
        if set {
            there.clear();
        }
        join(there, &clock);
    }

    /// Takes in a deed; the place of a race that it makes.
    fn add(&mut self, task: u32, deed: &Deed) -> Option<String> {
        *self.mine(task).entry(task).or_default() += 1;
        match deed {
            Deed::Reached { ix, name, write, atomic, ordered, sees } => {
                if *atomic && *sees {
                    let clock = self.places.get(ix).cloned().unwrap_or_default();
                    join(self.mine(task), &clock);
                }
                let races = !ordered && self.reach(task, *ix, *write, *atomic);
                let clock = self.mine(task).clone();
                match (*write, *atomic) {
                    (true, true) => drop(self.places.insert(*ix, clock)),
                    (true, false) => drop(self.places.remove(ix)),
                    _ => {}
                }
                return races.then(|| name.clone());
            }
            Deed::Operated { object, kind, method, first_word, again, came } => {
                self.operate(task, *object, (*kind, *method), *first_word, *again, came);
            }
            Deed::Met(other) => {
                let (mine, theirs) = (self.mine(task).clone(), self.mine(*other).clone());
                join(self.mine(task), &theirs);
                join(self.mine(*other), &mine);
            }
            Deed::Moved(other) | Deed::Born(other) => {
                let mine = self.mine(task).clone();
                join(self.mine(*other), &mine);
            }
            Deed::AtomicBegin => {
                let clock = self.atomically.clone();
                join(self.mine(task), &clock);
            }
            Deed::AtomicEnd => self.atomically = self.mine(task).clone(),
        }
        None
    }

    fn reach(&mut self, task: u32, ix: u32, write: bool, atomic: bool) -> bool {
        let mine = self.mine(task).clone();
        let knows = |other: u32, time: u32| mine.get(&other).copied().unwrap_or(0) >= time;
        let from = (ix, 0, false, false)..(ix + 1, 0, false, false);
        let races = self.accesses.range(from).any(|((_, other, wrote, was_atomic), time)| {
            *other != task && (write || *wrote) && !(atomic && *was_atomic) && !knows(*other, *time)
        });
        let now = mine.get(&task).copied().unwrap_or(0);
        self.accesses.insert((ix, task, write, atomic), now);
        races
    }

    fn operate(&mut self, task: u32, o: u32, what: (u8, u8), first_word: u64, again: bool, came: &Came) {
        let yes = matches!(came, Came::Done(Value::Bool(true)));
        let done = matches!(came, Came::Done(_));
        match what {
            (place::lock, 0 | 3 | 4) if yes || (what.1 == 4 && done) => self.acquire(task, o, 0),
            (place::lock, 1) if done => self.release(task, o, 0, true),
            (place::rwlock, 0) if yes => self.acquire(task, o, 0),
            (place::rwlock, 1) if yes => {
                self.acquire(task, o, 0);
                self.acquire(task, o, 1);
            }
            (place::rwlock, 2) if done => self.release(task, o, 1, false),
            (place::rwlock, 3) if done => self.release(task, o, 0, true),
            (place::semaphore, 0) if yes => self.acquire(task, o, 0),
            (place::semaphore, 1) if done => self.release(task, o, 0, false),
            // Its lock is let go of.
            (place::condition, 0) if *came == Came::Waits && !again => self.release(task, first_word as u32, 0, true),
            (place::event, 0) if done => self.release(task, o, 0, false),
            (place::event, 3 | 4) if yes => self.acquire(task, o, 0),
            (place::barrier, 0) if !again && *came != Came::Raised => {
                self.release(task, o, 0, false);
                if done {
                    self.acquire(task, o, 0);
                    self.objects.remove(&(o, 0));
                }
            }
            (place::barrier, 2) => drop(self.objects.remove(&(o, 0))),
            (place::latch, 0 | 1) if done => self.release(task, o, 0, false),
            (place::latch, 2) if yes => self.acquire(task, o, 0),
            // A hand-over is a meeting.
            (place::queue, 0..=3) if first_word == 1 && *came != Came::Done(Value::None) => {}
            (place::queue, 0 | 2) if done && first_word != 1 => self.put(task, o, first_word.checked_sub(1)),
            (place::queue, 1 | 3) if *came == Came::Done(Value::None) => self.acquire(task, o, 0),
            (place::queue, 1 | 3) if done => self.get(task, o, first_word.checked_sub(1)),
            (place::queue, 7) if done => self.release(task, o, 0, false),
            (place::pool, 2) if done => self.put(task, o, None),
            (place::pool, 3) if done && *came != Came::Done(Value::None) => self.get(task, o, None),
            (place::pool, 4) => self.release(task, o, 0, false),
            (place::pool, 5) if yes => self.acquire(task, o, 0),
            (place::task, 0) if yes => self.acquire(task, o, 0),
            (place::task, 1) => self.release(task, o, 0, false),
            _ => {}
        }
    }

    /// A `put` comes after the `get` that freed its place.
    fn put(&mut self, task: u32, o: u32, capacity: Option<u64>) {
        if let Some(capacity) = capacity {
            let fresh = self.fresh.entry(o).or_insert(capacity);
            if *fresh > 0 {
                *fresh -= 1;
            } else {
                let clock = self.gets.entry(o).or_default().pop_front().expect("a place was freed");
                join(self.mine(task), &clock);
            }
        }
        let clock = self.mine(task).clone();
        self.puts.entry(o).or_default().push_back(clock);
    }

    fn get(&mut self, task: u32, o: u32, capacity: Option<u64>) {
        let clock = self.puts.entry(o).or_default().pop_front().expect("a value was put");
        join(self.mine(task), &clock);
        if capacity.is_some() {
            let clock = self.mine(task).clone();
            self.gets.entry(o).or_default().push_back(clock);
        }
    }
}

/// Walks through all executions, of at most so many turns in all. With
/// `matching`, one that comes to a state with an order that was met before goes
/// no further; equal clocks have equal futures.
pub fn ask(program: &'static Program, turns_max: u64, matching: bool, tell: fn(&Outcome) -> String) -> Option<Told> {
    let all = |w: &mut Walk, first: Row| {
        let mut told = Told { complete: true, ..Told::default() };
        let mut met = HashSet::new();
        let mut todo = vec![(first, Order::default())];
        let mut turns = 0;
        while let Some((row, order)) = todo.pop() {
            if matching && !met.insert((row.parts().to_vec(), order.clone())) {
                continue;
            }
            let next = w.turns(&row);
            if next.is_empty() {
                told.outcomes.insert(tell(&w.outcome(&row)));
            }
            turns += next.len() as u64;
            if turns > turns_max {
                told.complete = false;
                break;
            }
            for turn in next {
                let Some(taken) = w.take(&row, &turn) else { continue };
                let mut order = order.clone();
                for (task, deed) in &taken.deeds {
                    told.races.extend(order.add(*task, deed));
                }
                for event in &taken.events {
                    told.failed |= matches!(event, Event::Failed { .. });
                    told.broken_invariant |= matches!(event, Event::Invariant { .. });
                }
                todo.push((taken.row, order));
            }
        }
        told
    };
    walk(program, all).ok()
}
