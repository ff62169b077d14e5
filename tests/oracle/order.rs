//! What comes before what, by vector clocks: what a turn does to them, as rules
//! on numbered slots, and the orders that rules lead to, each kept once. Which
//! deed is which rule, `Places::rules` says; it is the language's section 6.
//!
//! A clock counts, for each task, its epochs that are over: one is over when the
//! task hands its clock on, if it has reached memory in it. An access is in the
//! epoch under way, so whoever has a clock that the task handed on later knows
//! of it, and nobody else (FastTrack's epochs, PLDI 2009). An epoch without
//! accesses is none, so that a loop around a lock comes back to the same order.

use conc::check::walk::{Came, Deed};
use conc::objects::place;
use conc::program::value::Value;
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::rc::Rc;

/// What an order has one of each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    /// The number of a clock.
    Task(u32),
    Object(u32, u8),
    Atomically,
    /// Of the last indivisible write to a place.
    Place(u32),
    /// The number of a row of clocks: of each value in a queue.
    Puts(u32),
    /// Of each place of a bounded queue that was freed and not taken again.
    Gets(u32),
    /// How many places of it were taken that nobody had to free.
    Fresh(u32),
    /// The epoch of a task's last access to a place, from one on: whether it
    /// wrote, whether it was indivisible.
    Access {
        place: u32,
        task: u32,
        write: bool,
        atomic: bool,
    },
}

/// What a deed does to an order. `task` is the dense number of a task; the
/// others are slots.
pub enum Rule {
    Reach { task: u32, slot: u32, place: u32 },
    Acquire { task: u32, from: u32 },
    Release { task: u32, to: u32, set: bool },
    Forget { slot: u32 },
    Tell { task: u32, other: u32 },
    Put { task: u32, puts: u32, bounded: Option<(u64, u32, u32)> },
    Get { task: u32, puts: u32, gets: Option<u32> },
}

struct Access {
    slot: u32,
    task: u32,
    write: bool,
    atomic: bool,
}

#[derive(Default)]
struct Task {
    /// Where its clock stands.
    slot: u32,
    accesses: Vec<u32>,
}

/// All slots that the turns of a program name.
#[derive(Default)]
pub struct Places {
    slots: HashMap<Slot, u32, FxBuildHasher>,
    tasks: Vec<Task>,
    numbers: HashMap<u32, u32, FxBuildHasher>,
    /// By place.
    accesses: BTreeMap<u32, Vec<Access>>,
    /// Names of places that are reached without anything that orders all of it.
    names: BTreeMap<u32, String>,
}

impl Places {
    fn slot(&mut self, slot: Slot) -> u32 {
        let next = self.slots.len() as u32;
        *self.slots.entry(slot).or_insert(next)
    }

    fn task(&mut self, task: u32) -> u32 {
        if let Some(number) = self.numbers.get(&task) {
            return *number;
        }
        let number = self.tasks.len() as u32;
        let slot = self.slot(Slot::Task(task));
        self.tasks.push(Task { slot, accesses: Vec::new() });
        self.numbers.insert(task, number);
        number
    }

    fn access(&mut self, place: u32, task: u32, write: bool, atomic: bool) -> u32 {
        let known = self.slots.len() as u32;
        let slot = self.slot(Slot::Access { place, task, write, atomic });
        if slot == known {
            self.accesses.entry(place).or_default().push(Access { slot, task, write, atomic });
            self.tasks[task as usize].accesses.push(slot);
        }
        slot
    }

    /// The rules of a turn's deeds, each with the task that did it.
    pub fn rules(&mut self, deeds: &[(u32, Deed)]) -> Box<[Rule]> {
        let mut out = Vec::new();
        for (task, deed) in deeds {
            self.add(*task, deed, &mut out);
        }
        out.into()
    }

    fn add(&mut self, doer: u32, deed: &Deed, out: &mut Vec<Rule>) {
        let task = self.task(doer);
        match deed {
            Deed::Reached { ix, name, write, atomic, ordered, sees } => {
                let last = self.slot(Slot::Place(*ix));
                if *atomic && *sees {
                    out.push(Rule::Acquire { task, from: last });
                }
                if !ordered {
                    self.names.entry(*ix).or_insert_with(|| name.clone());
                    let slot = self.access(*ix, task, *write, *atomic);
                    out.push(Rule::Reach { task, slot, place: *ix });
                }
                match (*write, *atomic) {
                    (true, true) => out.push(Rule::Release { task, to: last, set: true }),
                    (true, false) => out.push(Rule::Forget { slot: last }),
                    _ => {}
                }
            }
            Deed::Operated { object, kind, method, first_word, again, came } => {
                self.operate(task, *object, (*kind, *method), *first_word, *again, came, out);
            }
            Deed::Met(other) => {
                let other = self.task(*other);
                out.push(Rule::Tell { task, other });
                out.push(Rule::Tell { task: other, other: task });
            }
            Deed::Moved(other) | Deed::Born(other) => {
                let other = self.task(*other);
                out.push(Rule::Tell { task, other });
            }
            Deed::AtomicBegin => {
                let from = self.slot(Slot::Atomically);
                out.push(Rule::Acquire { task, from });
            }
            Deed::AtomicEnd => {
                let to = self.slot(Slot::Atomically);
                out.push(Rule::Release { task, to, set: true });
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn operate(
        &mut self,
        task: u32,
        o: u32,
        what: (u8, u8),
        first_word: u64,
        again: bool,
        came: &Came,
        out: &mut Vec<Rule>,
    ) {
        let yes = matches!(came, Came::Done(Value::Bool(true)));
        let done = matches!(came, Came::Done(_));
        let none = *came == Came::Done(Value::None);
        let mut acquire = |s: &mut Places, which: u8| {
            let from = s.slot(Slot::Object(o, which));
            out.push(Rule::Acquire { task, from });
        };
        match what {
            (place::lock, 0 | 3 | 4) if yes || (what.1 == 4 && done) => acquire(self, 0),
            (place::rwlock, 0) if yes => acquire(self, 0),
            (place::rwlock, 1) if yes => {
                acquire(self, 0);
                acquire(self, 1);
            }
            (place::semaphore, 0) if yes => acquire(self, 0),
            (place::event, 3 | 4) if yes => acquire(self, 0),
            (place::latch, 2) if yes => acquire(self, 0),
            (place::pool, 5) if yes => acquire(self, 0),
            (place::task, 0) if yes => acquire(self, 0),
            (place::lock, 1) if done => self.release(task, o, 0, true, out),
            (place::rwlock, 2) if done => self.release(task, o, 1, false, out),
            (place::rwlock, 3) if done => self.release(task, o, 0, true, out),
            (place::semaphore, 1) if done => self.release(task, o, 0, false, out),
            // Its lock is let go of.
            (place::condition, 0) if *came == Came::Waits && !again => {
                self.release(task, first_word as u32, 0, true, out);
            }
            (place::event, 0) if done => self.release(task, o, 0, false, out),
            (place::barrier, 0) if !again && *came != Came::Raised => {
                self.release(task, o, 0, false, out);
                if done {
                    let slot = self.slot(Slot::Object(o, 0));
                    out.extend([Rule::Acquire { task, from: slot }, Rule::Forget { slot }]);
                }
            }
            (place::barrier, 2) => {
                let slot = self.slot(Slot::Object(o, 0));
                out.push(Rule::Forget { slot });
            }
            (place::latch, 0 | 1) if done => self.release(task, o, 0, false, out),
            // A hand-over is a meeting.
            (place::queue, 0..=3) if first_word == 1 && !none => {}
            (place::queue, 0 | 2) if done && first_word != 1 => self.put(task, o, first_word.checked_sub(1), out),
            (place::queue, 1 | 3) if none => acquire(self, 0),
            (place::queue, 1 | 3) if done => self.get(task, o, first_word.checked_sub(1), out),
            (place::queue, 7) if done => self.release(task, o, 0, false, out),
            (place::pool, 2) if done => self.put(task, o, None, out),
            (place::pool, 3) if done && !none => self.get(task, o, None, out),
            (place::pool, 4) => self.release(task, o, 0, false, out),
            (place::task, 1) => self.release(task, o, 0, false, out),
            _ => {}
        }
    }

    fn release(&mut self, task: u32, object: u32, which: u8, set: bool, out: &mut Vec<Rule>) {
        let to = self.slot(Slot::Object(object, which));
        out.push(Rule::Release { task, to, set });
    }

    /// A `put` comes after the `get` that freed its place.
    fn put(&mut self, task: u32, o: u32, capacity: Option<u64>, out: &mut Vec<Rule>) {
        let puts = self.slot(Slot::Puts(o));
        let bounded = capacity.map(|most| (most, self.slot(Slot::Fresh(o)), self.slot(Slot::Gets(o))));
        out.push(Rule::Put { task, puts, bounded });
    }

    fn get(&mut self, task: u32, o: u32, capacity: Option<u64>, out: &mut Vec<Rule>) {
        let puts = self.slot(Slot::Puts(o));
        let gets = capacity.map(|_| self.slot(Slot::Gets(o)));
        out.push(Rule::Get { task, puts, gets });
    }

    /// The names of places with accesses of two tasks that could race.
    pub fn may_race(&self) -> BTreeSet<&str> {
        let conflict = |a: &Access, b: &Access| a.task != b.task && (a.write || b.write) && !(a.atomic && b.atomic);
        let any = |all: &[Access]| all.iter().any(|a| all.iter().any(|b| conflict(a, b)));
        self.accesses.iter().filter(|(_, all)| any(all)).map(|(ix, _)| self.names[ix].as_str()).collect()
    }
}

/// Values, each kept once and named by a number; 0 is the empty one.
struct Table {
    all: Vec<Rc<[u32]>>,
    known: HashMap<Rc<[u32]>, u32, FxBuildHasher>,
}

impl Table {
    fn new(first: &[u32]) -> Table {
        let mut table = Table { all: Vec::new(), known: HashMap::default() };
        table.number(first);
        table
    }

    fn number(&mut self, value: &[u32]) -> u32 {
        if let Some(number) = self.known.get(value) {
            return *number;
        }
        let value: Rc<[u32]> = value.into();
        let number = self.all.len() as u32;
        self.all.push(value.clone());
        self.known.insert(value, number);
        number
    }

    fn get(&self, number: u32) -> Rc<[u32]> {
        self.all[number as usize].clone()
    }
}

/// Orders of one program.
pub struct Orders<'p> {
    places: &'p Places,
    orders: Table,
    /// By dense number of a task: its epochs that are over.
    clocks: Table,
    rows: Table,
    joined: HashMap<(u32, u32), u32, FxBuildHasher>,
    now: Vec<u32>,
}

impl Orders<'_> {
    pub fn new(places: &Places) -> Orders<'_> {
        Orders {
            places,
            orders: Table::new(&vec![0; places.slots.len()]),
            clocks: Table::new(&vec![0; places.tasks.len()]),
            rows: Table::new(&[]),
            joined: HashMap::default(),
            now: Vec::new(),
        }
    }

    /// Before anything has happened.
    pub fn first(&self) -> u32 {
        0
    }

    /// The order behind a turn; `race` gets the places of races that it makes.
    pub fn after(&mut self, before: u32, rules: &[Rule], mut race: impl FnMut(&str)) -> u32 {
        if rules.is_empty() {
            return before;
        }
        self.now.clear();
        self.now.extend_from_slice(&self.orders.all[before as usize]);
        for rule in rules {
            self.apply(rule, &mut race);
        }
        self.orders.number(&self.now)
    }

    fn clock_slot(&self, task: u32) -> usize {
        self.places.tasks[task as usize].slot as usize
    }

    fn join(&mut self, a: u32, b: u32) -> u32 {
        if a == b || b == 0 {
            return a;
        }
        if a == 0 {
            return b;
        }
        if let Some(known) = self.joined.get(&(a, b)) {
            return *known;
        }
        let (one, two) = (self.clocks.get(a), self.clocks.get(b));
        let both: Vec<u32> = one.iter().zip(&*two).map(|(x, y)| *x.max(y)).collect();
        let number = self.clocks.number(&both);
        self.joined.insert((a, b), number);
        number
    }

    /// Takes a clock in.
    fn learn(&mut self, task: u32, clock: u32) {
        let at = self.clock_slot(task);
        self.now[at] = self.join(self.now[at], clock);
    }

    /// The epoch under way, from one on.
    fn epoch(&self, task: u32) -> u32 {
        self.clocks.all[self.now[self.clock_slot(task)] as usize][task as usize] + 1
    }

    /// The clock of a task that hands it on.
    fn hand_on(&mut self, task: u32) -> u32 {
        let at = self.clock_slot(task);
        let epoch = self.epoch(task);
        if self.places.tasks[task as usize].accesses.iter().any(|a| self.now[*a as usize] == epoch) {
            let mut clock = self.clocks.get(self.now[at]).to_vec();
            clock[task as usize] = epoch;
            self.now[at] = self.clocks.number(&clock);
        }
        self.now[at]
    }

    fn push(&mut self, slot: u32, clock: u32) {
        let mut row = self.rows.get(self.now[slot as usize]).to_vec();
        row.push(clock);
        self.now[slot as usize] = self.rows.number(&row);
    }

    fn pop(&mut self, slot: u32) -> u32 {
        let row = self.rows.get(self.now[slot as usize]);
        let (first, rest) = row.split_first().expect("what is taken was put");
        self.now[slot as usize] = self.rows.number(rest);
        *first
    }

    fn apply(&mut self, rule: &Rule, race: &mut dyn FnMut(&str)) {
        match rule {
            Rule::Reach { task, slot, place } => {
                if self.races(*task, *slot, *place) {
                    race(&self.places.names[place]);
                }
                self.now[*slot as usize] = self.epoch(*task);
            }
            Rule::Acquire { task, from } => self.learn(*task, self.now[*from as usize]),
            Rule::Release { task, to, set } => {
                let clock = self.hand_on(*task);
                let there = if *set { 0 } else { self.now[*to as usize] };
                self.now[*to as usize] = self.join(there, clock);
            }
            Rule::Forget { slot } => self.now[*slot as usize] = 0,
            Rule::Tell { task, other } => {
                let clock = self.hand_on(*task);
                self.learn(*other, clock);
            }
            Rule::Put { task, puts, bounded } => {
                if let Some((most, fresh, gets)) = bounded {
                    if u64::from(self.now[*fresh as usize]) < *most {
                        self.now[*fresh as usize] += 1;
                    } else {
                        let clock = self.pop(*gets);
                        self.learn(*task, clock);
                    }
                }
                let clock = self.hand_on(*task);
                self.push(*puts, clock);
            }
            Rule::Get { task, puts, gets } => {
                let clock = self.pop(*puts);
                self.learn(*task, clock);
                if let Some(gets) = gets {
                    let clock = self.hand_on(*task);
                    self.push(*gets, clock);
                }
            }
        }
    }

    /// Whether somebody else's access is not known to a task that makes one.
    fn races(&self, task: u32, slot: u32, place: u32) -> bool {
        let all = &self.places.accesses[&place];
        let mine = &self.clocks.all[self.now[self.clock_slot(task)] as usize];
        let me = all.iter().find(|a| a.slot == slot).expect("it was met before");
        all.iter().any(|other| {
            other.task != task
                && (me.write || other.write)
                && !(me.atomic && other.atomic)
                && self.now[other.slot as usize] > mine[other.task as usize]
        })
    }
}
