//! What a state of an execution is made of: a row of parts, one for each task,
//! process, object and place in memory that exists, each kept once for the
//! whole exploration and named by a number. It owns the shapes of the parts
//! and their numbering; how a step changes them belongs to `moves`.
//!
//! Numbers of what is made while running come from who made it, at which place
//! in the source and the how-many-eth there: so they do not depend on how the
//! tasks were interleaved, and equal states have equal rows (hash-consing, as
//! Harmony's model checker has it).

use super::order::OrderPart;
use crate::machine::{Access, Step, Task};
use crate::objects::{Mode, TaskId, WORDS};
use crate::program::code::Pc;
use crate::program::value::{ObjRef, Value};
use hashbrown::{HashMap, HashSet, HashTable};
use std::hash::BuildHasher;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, RwLock};

/// The number of a part's contents; 0: there is no such part.
pub type PartId = u32;
/// The place of a part in the row.
pub type PartIx = u32;

/// Everything about a task that does not change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Birth {
    pub id: TaskId,
    pub function: u32,
    pub name: Arc<str>,
    /// Its number within `x3`.
    pub index: u32,
    pub spawner: Option<TaskId>,
    /// The place in the source that made it.
    pub site: Option<u32>,
    /// The first task of its process.
    pub process: bool,
    pub daemon: bool,
    pub forked: bool,
    /// The pool whose worker it is.
    pub pool: Option<u32>,
}

/// Who takes an operation's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Then {
    /// The task's machine.
    Machine,
    /// The next of several to join.
    Join { targets: Vec<ObjRef>, next: usize, timed: bool, all: bool },
    /// A worker that waits for a job.
    Take,
    /// The end of a process waits for what it has spawned.
    Child { child: TaskId, ended: Box<Ended> },
    /// `wait()`: the children that may be the one.
    Reap { children: Vec<TaskId> },
}

/// One operation that a task is about to carry out, or waits in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Try {
    pub target: ObjRef,
    pub method: u8,
    pub args: Vec<Value>,
    /// Once it has arrived: what the attempt handed back.
    pub memo: Option<u64>,
}

/// What a task is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// A step that is neither an operation nor a `select`.
    Step(Box<Step>),
    /// An operation, perhaps waiting in it.
    Operate {
        op: Box<Try>,
        timed: bool,
        then: Then,
    },
    /// A `select`, perhaps waiting in all its arms; the number is the arm's.
    Select {
        arms: Vec<(usize, Try)>,
        of: usize,
        after: bool,
        otherwise: bool,
        arrived: bool,
        then: Then,
    },
    /// Another task has carried out an arm of its wait: the answer is there.
    Met {
        arm: Option<usize>,
        value: Value,
        then: Then,
    },
    /// It has looked at the condition of an `await`, in vain.
    Looked {
        site: u32,
        step: Box<Step>,
    },
    /// Its body has ended; its handle is yet to say so.
    Ending(Ended),
    /// The same of a process that waits for all that it has spawned, together.
    Closing(Ended),
    Ended(Ended),
}

/// How a task came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ended {
    pub how: How,
    pub result: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    Returned,
    /// The kind's place in `ErrorKind::ALL`.
    Failed(u8),
    Exited(i32),
    Signalled(i32),
    Terminated,
}

/// A lock that a task holds, and where it took it.
pub type Hold = (u32, Mode, u32);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TaskPart {
    pub birth: Arc<Birth>,
    /// None: a worker between two jobs, or ended.
    pub machine: Option<Task>,
    pub at: At,
    /// In the order taken.
    pub held: Vec<Hold>,
    /// The places it has reached since it last released anything: nobody can
    /// come after these accesses yet. Sorted.
    pub footprint: Vec<PartIx>,
    /// For `join all`.
    pub spawned: Vec<ObjRef>,
    pub printed: Option<Arc<str>>,
    /// What it had printed last at each moment since its last turn, where it may
    /// be ended from outside: a `print` is no turn, and whoever ends it may come
    /// before it.
    pub printed_before: Vec<Option<Arc<str>>>,
    /// It was told to stop.
    pub dying: bool,
    /// Another task has ended its process: it makes no further step.
    pub halted: bool,
    /// The process it is in, by its first task.
    pub process: TaskId,
    /// A worker's job.
    pub job: Option<ObjRef>,
    /// The place in the source it stands at or ended at.
    pub site: u32,
}

impl TaskPart {
    /// Where it is in the code, or was last.
    pub fn pc(&self) -> Pc {
        self.machine.as_ref().map_or(self.site, Task::pc)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Child {
    pub task: TaskId,
    pub process: bool,
    pub forked: bool,
    pub daemon: bool,
    pub worker: bool,
    pub settled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProcessPart {
    /// The task that made it, and its process.
    pub parent: Option<(TaskId, TaskId)>,
    pub first: TaskId,
    pub children: Vec<Child>,
    pub forks: u32,
    /// Records with `var` fields that it has memory of.
    pub records: Vec<u32>,
    /// It will end, at any moment from now on.
    pub dying: Option<How>,
    pub dead: bool,
    pub exit_code: i32,
}

/// What an object was made by, for its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Born {
    Declared,
    /// A place in `Program::news`.
    New(u32),
    /// A place in `Program::records`.
    Record(u32),
    /// A record's field, and which of the field's row.
    Field {
        record: u32,
        structure: u32,
        field: u32,
        index: u32,
    },
    Task,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waiter {
    pub task: TaskId,
    pub arm: usize,
    pub method: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectPart {
    pub kind: u8,
    pub words: [u64; WORDS],
    pub options: u32,
    pub born: Born,
    /// A queue's, a pool's jobs, a task's result; in order.
    pub values: Vec<Value>,
    /// Those that have arrived and wait; sorted, since which goes first is open.
    pub waiters: Vec<Waiter>,
    pub holders: Vec<(TaskId, Mode)>,
    /// A pool's.
    pub workers: Vec<TaskId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CellPart {
    pub value: Value,
    /// The tasks in whose footprint the place is, with what they did: 1 read,
    /// 2 wrote. Sorted.
    pub accessors: Vec<(TaskId, u8)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
// Each is kept once, on its own.
#[allow(clippy::large_enum_variant)]
pub enum Part {
    Task(TaskPart),
    Process(ProcessPart),
    /// The tasks of a process that have not ended. Apart from the process, since who
    /// ends has to do with nothing else of it.
    Threads(Vec<TaskId>),
    Object(ObjectPart),
    Cell(CellPart),
    Order(OrderPart),
}

/// What stands at a place of the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Task(TaskId),
    Process(TaskId),
    Threads(TaskId),
    Object(u32),
    /// Declared memory that all share.
    Shared(u32),
    /// A declared `var` of a process.
    Var {
        process: TaskId,
        cell: u32,
    },
    Field {
        record: u32,
        index: u32,
    },
    VarField {
        process: TaskId,
        record: u32,
        index: u32,
    },
    /// Who comes after which access.
    Order,
}

/// Whether a part moves by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    None,
    /// A task that has not ended.
    Task,
    /// One that was told to stop.
    Stopping,
    /// A process that is to end.
    Dying,
}

fn activity(part: &Part) -> Activity {
    match part {
        Part::Task(t) => match t.at {
            At::Ended(_) => Activity::None,
            // Its process is about to be buried, with it.
            _ if t.halted => Activity::None,
            _ if t.dying => Activity::Stopping,
            _ => Activity::Task,
        },
        Part::Process(p) if p.dying.is_some() && !p.dead => Activity::Dying,
        _ => Activity::None,
    }
}

/// A text or a list that several values may share.
struct Shared {
    address: usize,
    bytes: usize,
    sharers: usize,
}

impl Shared {
    fn of_value(value: &Value) -> Option<Shared> {
        match value {
            Value::Str(text) => Some(Shared::new(Arc::as_ptr(text).addr(), text.len(), Arc::strong_count(text))),
            Value::List(list) => Some(Shared::new(Arc::as_ptr(list).addr(), list.bytes(), Arc::strong_count(list))),
            _ => None,
        }
    }

    fn of_text(text: &Arc<str>) -> Shared {
        Shared::new(Arc::as_ptr(text).addr(), text.len(), Arc::strong_count(text))
    }

    fn new(address: usize, bytes: usize, sharers: usize) -> Shared {
        Shared { address, bytes, sharers }
    }

    /// Its memory, divided among those that have it.
    fn share(&self) -> usize {
        self.bytes / self.sharers
    }
}

/// All values in a part.
fn each_value(part: &Part, each: &mut dyn FnMut(&Value)) {
    match part {
        Part::Task(t) => {
            if let Some(machine) = &t.machine {
                machine.each_value(&mut |v| each(v));
            }
            match &t.at {
                At::Operate { op, .. } => op.args.iter().for_each(each),
                At::Select { arms, .. } => arms.iter().flat_map(|(_, op)| &op.args).for_each(each),
                At::Step(step) => match &**step {
                    Step::Access { access: Access::Write(value), .. } => each(value),
                    Step::Access { access: Access::Update(_, a, b), .. } => [a, b].into_iter().for_each(each),
                    Step::Operate { args, .. } => args.as_slice().iter().for_each(each),
                    Step::Select { arms, .. } => arms.iter().flat_map(|a| a.args.as_slice()).for_each(each),
                    Step::End(value) => each(value),
                    _ => {}
                },
                _ => {}
            }
        }
        Part::Object(o) => o.values.iter().for_each(each),
        Part::Cell(c) => each(&c.value),
        _ => {}
    }
}

/// About how much memory a part takes by itself.
pub fn bytes(part: &Part) -> usize {
    bytes_with(part, |shared| shared.share())
}

/// The same; `of`: what counts of something shared.
fn bytes_with(part: &Part, mut of: impl FnMut(Shared) -> usize) -> usize {
    let mut values = 0usize;
    each_value(part, &mut |v| values = values.saturating_add(16 + Shared::of_value(v).map_or(0, &mut of)));
    let inside = match part {
        Part::Task(t) => {
            let machine = t.machine.as_ref().map_or(0, Task::frame_bytes);
            let texts = t.printed.iter().chain(t.printed_before.iter().flatten()).map(|text| of(Shared::of_text(text)));
            let texts = texts.fold(16 * t.printed_before.len(), usize::saturating_add);
            machine.saturating_add(texts) + 24 * t.held.len() + 4 * t.footprint.len() + 8 * t.spawned.len()
        }
        Part::Process(p) => 24 * p.children.len() + 4 * p.records.len(),
        Part::Threads(tasks) => 4 * tasks.len(),
        Part::Object(o) => 12 * o.waiters.len() + 8 * o.holders.len() + 4 * o.workers.len(),
        Part::Cell(c) => 8 * c.accessors.len(),
        Part::Order(order) => order.bytes(),
    };
    // Twice a number and a pointer, for finding it again.
    (size_of::<Part>() + 48 + inside).saturating_add(values)
}

/// About how many bytes are gone through where a part is hashed and compared.
pub fn length(part: &Part) -> usize {
    let mut values = 0usize;
    // Of each, what is looked at to find it again.
    each_value(part, &mut |v| values = values.saturating_add(16 + v.length().min(LENGTH_MOST)));
    values.saturating_add(match part {
        Part::Task(t) => 8 * (t.spawned.len() + t.footprint.len() + t.held.len()),
        Part::Process(p) => 24 * p.children.len() + 4 * p.records.len(),
        Part::Threads(tasks) => 4 * tasks.len(),
        Part::Object(o) => 24 * o.waiters.len() + 8 * o.holders.len(),
        Part::Cell(c) => 8 * c.accessors.len(),
        Part::Order(_) => 0,
    })
}

/// A longer list is gone through once, and found by its hash from then on; to compare two
/// of them takes as long as they are.
const LENGTH_MOST: usize = 1 << 20;

/// A text or a list of so many bytes is large.
pub const LARGE: usize = 4096;

#[derive(Default)]
struct Parts {
    all: Vec<Arc<Part>>,
    bytes: usize,
    /// Where the large texts and lists in them are: each takes its memory once, and stays
    /// where it is as long as the parts do.
    large: HashSet<usize, rustc_hash::FxBuildHasher>,
    activities: Vec<Activity>,
    /// With the hash of each.
    known: HashTable<(u64, PartId)>,
}

impl Parts {
    fn find(&self, hash: u64, part: &Part) -> Option<PartId> {
        self.known.find(hash, |k| k.0 == hash && *self.all[k.1 as usize] == *part).map(|k| k.1)
    }
}

/// What a part is found by.
pub fn hash_of(part: &Part) -> u64 {
    rustc_hash::FxBuildHasher.hash_one(part)
}

#[derive(Default)]
struct Places {
    keys: Vec<Key>,
    /// By their numbers, what most looks are for; `NOWHERE` if there is none. Great
    /// numbers, of what no script makes, stand with the others.
    tasks: Vec<PartIx>,
    objects: Vec<PartIx>,
    shared: Vec<PartIx>,
    others: HashMap<Key, PartIx, rustc_hash::FxBuildHasher>,
    /// Places whose parts may move by themselves.
    actors: Vec<PartIx>,
}

const NOWHERE: PartIx = PartIx::MAX;
const SMALL: u32 = 1 << 20;

impl Places {
    #[inline]
    fn get(&self, key: Key) -> Option<PartIx> {
        let (row, number) = match key {
            Key::Task(task) if task < SMALL => (&self.tasks, task),
            Key::Object(object) if object < SMALL => (&self.objects, object),
            Key::Shared(cell) if cell < SMALL => (&self.shared, cell),
            other => return self.others.get(&other).copied(),
        };
        row.get(number as usize).copied().filter(|ix| *ix != NOWHERE)
    }

    fn add(&mut self, key: Key) -> PartIx {
        let ix = self.keys.len() as PartIx;
        self.keys.push(key);
        let (row, number) = match key {
            Key::Task(task) if task < SMALL => (&mut self.tasks, task as usize),
            Key::Object(object) if object < SMALL => (&mut self.objects, object as usize),
            Key::Shared(cell) if cell < SMALL => (&mut self.shared, cell as usize),
            other => {
                self.others.insert(other, ix);
                return ix;
            }
        };
        if row.len() <= number {
            row.resize(number + 1, NOWHERE);
        }
        row[number] = ix;
        ix
    }
}

#[derive(Default)]
struct Births {
    next: u32,
    of: HashMap<(TaskId, u32, u32), u32>,
    /// The first number of each birth, with whose doing it was.
    makers: Vec<(u32, TaskId)>,
}

/// All parts that were ever met, and the places they can stand at. Shared by
/// those who explore together.
pub struct Space {
    parts: RwLock<Parts>,
    places: RwLock<Places>,
    births: Mutex<Births>,
    part_count: AtomicUsize,
    actor_count: AtomicUsize,
}

/// All that there is, while nothing is added.
#[derive(Clone, Copy)]
pub struct Frozen<'s> {
    parts: &'s Parts,
    places: &'s Places,
    births: &'s Births,
}

impl<'s> Frozen<'s> {
    pub fn part(&self, id: PartId) -> &'s Part {
        &self.parts.all[id as usize]
    }

    pub fn activity(&self, id: PartId) -> Activity {
        self.parts.activities[id as usize]
    }

    /// A part's number, if it has one.
    pub fn find(&self, hash: u64, part: &Part) -> Option<PartId> {
        self.parts.find(hash, part)
    }

    pub fn place(&self, key: Key) -> Option<PartIx> {
        self.places.get(key)
    }

    pub fn key(&self, ix: PartIx) -> Key {
        self.places.keys[ix as usize]
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.places.keys.len()
    }

    /// Places whose parts may move by themselves.
    pub fn actors(&self) -> &'s [PartIx] {
        &self.places.actors
    }

    /// What `Space::birth` has given, and what it would give next.
    pub fn birth(&self, creator: TaskId, site: u32, n: u32) -> Result<u32, u32> {
        self.births.of.get(&(creator, site, n)).copied().ok_or(self.births.next)
    }
}

/// A lock that somebody panicked under is as good as before: what is inside
/// only grows.
macro_rules! open {
    ($lock:expr) => {
        $lock.unwrap_or_else(std::sync::PoisonError::into_inner)
    };
}

impl Space {
    /// `first`: the lowest number for what is made while running.
    pub fn new(first: u32) -> Space {
        let mut parts = Parts::default();
        // Number 0 is no part.
        let nothing = CellPart { value: Value::Missing, accessors: Vec::new() };
        parts.all.push(Arc::new(Part::Cell(nothing)));
        parts.activities.push(Activity::None);
        Space {
            parts: RwLock::new(parts),
            places: RwLock::default(),
            births: Mutex::new(Births { next: first, ..Births::default() }),
            part_count: AtomicUsize::new(1),
            actor_count: AtomicUsize::new(0),
        }
    }

    pub fn intern(&self, part: Part) -> PartId {
        self.intern_hashed(hash_of(&part), part)
    }

    /// The number of a part with this hash, if it has one.
    pub fn find(&self, hash: u64, part: &Part) -> Option<PartId> {
        open!(self.parts.read()).find(hash, part)
    }

    /// The same as `intern` where the hash is known.
    pub fn intern_hashed(&self, hash: u64, part: Part) -> PartId {
        if let Some(id) = open!(self.parts.read()).find(hash, &part) {
            return id;
        }
        let mut parts = open!(self.parts.write());
        if let Some(id) = parts.find(hash, &part) {
            return id;
        }
        let id = parts.all.len() as PartId;
        parts.activities.push(activity(&part));
        let large = &mut parts.large;
        let own = bytes_with(&part, |shared| match shared.bytes {
            LARGE.. if large.insert(shared.address) => shared.bytes,
            LARGE.. => 0,
            _ => shared.share(),
        });
        parts.bytes = parts.bytes.saturating_add(own);
        parts.all.push(Arc::new(part));
        parts.known.insert_unique(hash, (hash, id), |k| k.0);
        self.part_count.store(parts.all.len(), Release);
        id
    }

    /// Does something while nothing is added: it is told all there is.
    pub fn frozen<T>(&self, f: impl FnOnce(Frozen<'_>) -> T) -> T {
        let (parts, places) = (open!(self.parts.read()), open!(self.places.read()));
        let births = open!(self.births.lock());
        f(Frozen { parts: &parts, places: &places, births: &births })
    }

    pub fn part(&self, id: PartId) -> Arc<Part> {
        open!(self.parts.read()).all[id as usize].clone()
    }

    /// About how much memory the parts take.
    pub fn bytes(&self) -> usize {
        open!(self.parts.read()).bytes
    }

    /// How many parts and actors there are.
    pub fn size(&self) -> (usize, usize) {
        (self.part_count.load(Acquire), self.actor_count.load(Acquire))
    }

    /// How many there are, and how each from `from` on moves.
    pub fn activities(&self, from: usize, into: &mut Vec<Activity>) {
        into.extend_from_slice(&open!(self.parts.read()).activities[from..]);
    }

    pub fn place(&self, key: Key) -> PartIx {
        if let Some(ix) = open!(self.places.read()).get(key) {
            return ix;
        }
        let mut places = open!(self.places.write());
        if let Some(ix) = places.get(key) {
            return ix;
        }
        let ix = places.add(key);
        if matches!(key, Key::Task(_) | Key::Process(_)) {
            places.actors.push(ix);
            self.actor_count.store(places.actors.len(), Release);
        }
        ix
    }

    pub fn key(&self, ix: PartIx) -> Key {
        open!(self.places.read()).keys[ix as usize]
    }

    pub fn places(&self) -> usize {
        open!(self.places.read()).keys.len()
    }

    pub fn actors(&self, from: usize, into: &mut Vec<PartIx>) {
        into.extend_from_slice(&open!(self.places.read()).actors[from..]);
    }

    /// What `birth` has given for this one, if it was asked for it.
    pub fn born(&self, creator: TaskId, site: u32, n: u32) -> Option<u32> {
        open!(self.births.lock()).of.get(&(creator, site, n)).copied()
    }

    /// The first of `count` numbers for what `creator` makes at a place in the
    /// source, the `n`-th there.
    pub fn birth(&self, creator: TaskId, site: u32, n: u32, count: u32) -> u32 {
        let mut births = open!(self.births.lock());
        if let Some(first) = births.of.get(&(creator, site, n)) {
            return *first;
        }
        let first = births.next;
        births.next += count;
        births.of.insert((creator, site, n), first);
        births.makers.push((first, creator));
        first
    }

    /// Who made what has a number.
    pub fn maker(&self, id: u32) -> Option<TaskId> {
        let births = open!(self.births.lock());
        let at = births.makers.partition_point(|birth| birth.0 <= id).checked_sub(1)?;
        Some(births.makers[at].1)
    }
}
