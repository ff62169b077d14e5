//! Objects that nobody can reach any more are given back while the script runs, so that
//! memory grows with what lives and not with what was ever made. It owns which objects
//! these are and what is left of them; where an object's words stand, and the lists of
//! free numbers, belong to `arena`.
//!
//! An object counts who *has* it: each task on whose stack it may be, each value of a
//! queue, each result and each condition that it is a part of. A task takes over the share
//! of a value that it gets, and finds out for itself what it has no more: now and then it
//! looks through its stack, and gives up its shares in what it does not find. (Reference
//! counts that leave out the stack are those of Deutsch and Bobrow, CACM 1976; here a
//! whole stack counts as one, so that it may be another process's.) Who gives up the last
//! share gives the object back. So nobody waits for anybody, whether the tasks are threads
//! or processes, and what is done on the stack costs nothing.
//!
//! A share is counted before anybody can come by it and given up after nobody can, so a
//! task that is killed in the middle leaves too many of them, never too few: an object that
//! it had stays.
//!
//! What is put anywhere else is *published* and stays, as a declared object does: in a
//! place in memory, which is read without a guard; in what a fork copies; with a manager.
//! So do circles of queues that are in each other. The handles of threads and processes,
//! of which the end of a run tells, are in `handle`.
//!
//! Two things keep who else knows an object by its number from being misled. The words
//! of an object stay where they are for ever, as an object: who looks there late finds
//! one. And a number is given again only to an object from the same place in the source,
//! so what names or places an object by its number says the same of it. Where two objects
//! must not be taken for one, in the orders of locks, they are published.
//!
//! What the end of a run tells of an object outlives it: of those with the same to tell,
//! one stays and stands for the others.

use super::arena::{Arena, ending, facts, object, ring, run};
use super::codec;
use super::executor::Executor;
use super::handle::{fill_handle, is_forked, make_handle};
use super::heap::OutOfMemory;
use super::image::Image;
use super::spawn::Birth;
use super::world::Object;
use crate::machine::{Home, Place, Step, Task};
use crate::objects::{self, condition, pool, task};
use crate::program::Program;
use crate::program::code::{FieldKind, Struct};
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::{ObjRef, Value};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

/// So many objects are come by between two looks at the stack, at the least.
const OBJECTS_MIN: usize = 64;
/// So many values may be looked through for each object.
const VALUES_FOR_ONE: usize = 32;
/// So many jobs that failed are kept for what reports say of them.
const FAILED_KEPT: usize = 64;

/// An object's word of shares: how many there are, whether it is published, and how many
/// others it stands for. Of a handle, too, whether it was given back, and is about to be
/// another's.
pub const SHARES: u64 = TAKEN - 1;
pub const TAKEN: u64 = 1 << 29;
pub const GIVEN: u64 = 1 << 30;
pub const PUBLISHED: u64 = 1 << 31;
pub const STANDS_FOR: u32 = 32;

/// Room for the lists of free numbers, one for each place that makes objects, for the
/// numbers of tasks that each place has made, for the names of functions, and for the sets
/// of locks that are held.
pub fn prepare(image: &Image, holder: u32) -> Result<(), OutOfMemory> {
    if !collects(image) {
        return Ok(());
    }
    let program = &image.program;
    let places = program.code.len() as u32;
    let tables = [
        (run::FREE_LISTS, counter_of_tasks(program, places)),
        (run::FUNCTION_NAMES, program.functions.len()),
        (run::LOCKSETS, super::record::LOCKSETS),
    ];
    for (word, count) in tables {
        let bytes = 8 * count;
        let table = image.arena.heap().allocate(bytes, holder)?;
        (0..bytes).step_by(8).for_each(|at| image.arena.at(table + at).store(0, Relaxed));
        image.arena.run(word).store(table as u64, Relaxed);
    }
    Ok(())
}

/// Not where what happens is told by numbers later: in a replay, a trace, a picture. Nor
/// in a session, whose locals are not on a stack.
pub fn collects(image: &Image) -> bool {
    let options = &image.options;
    !image.room.grows && options.replay.is_none() && !options.record && options.trace == 0
}

/// The list of what is made by `queue(3)`, say, at that site of the program.
pub fn list_of_object(site: u32) -> usize {
    site as usize
}

pub fn list_of_record(program: &Program, site: u32) -> usize {
    program.news.len() + site as usize
}

fn list_of_jobs(program: &Program) -> usize {
    program.news.len() + program.records.len()
}

/// The list of the tasks that are made at that place in the code.
pub fn list_of_tasks(program: &Program, place: u32) -> usize {
    list_of_jobs(program) + 1 + place as usize
}

/// Behind the lists: how many tasks were made there.
pub fn counter_of_tasks(program: &Program, place: u32) -> usize {
    list_of_tasks(program, program.code.len() as u32) + place as usize
}

/// How much a record has of each.
pub struct Size {
    pub vars: u32,
    pub shared: u32,
    pub parts: u32,
}

impl Size {
    pub fn of(structure: &Struct) -> Size {
        let mut size = Size { vars: 0, shared: 0, parts: 0 };
        for field in &structure.fields {
            let count = field.count.unwrap_or(1);
            match &field.what {
                FieldKind::Memory { memory: MemoryKind::Var, .. } => size.vars += count,
                FieldKind::Memory { .. } => size.shared += count,
                FieldKind::Object { .. } => size.parts += count,
            }
        }
        size
    }
}

/// An object with a number of its own, or a record with its parts behind it.
#[derive(Clone, Copy)]
pub struct Whole {
    first: u32,
    count: u32,
    list: usize,
}

impl Whole {
    const TASKS: usize = usize::MAX;

    /// The handle of a task, which is in no list before it is given back.
    pub fn task(id: u32) -> Whole {
        Whole { first: id, count: 1, list: Whole::TASKS }
    }
}

/// What a task has a share in, and the jobs and tasks that it has made.
pub struct Possession {
    on: bool,
    /// Each task is told of at the end.
    tells_of_all: bool,
    objects: HashMap<u32, Whole>,
    jobs: Vec<u32>,
    pub(super) tasks: Vec<u32>,
    /// By place and function, who of them stands for those whose result `join all` asks for.
    pub(super) unasked: HashMap<(u64, u64), u32>,
    /// When there are so many, it looks which it still has.
    many: usize,
    /// There are.
    pub cluttered: bool,
    /// Who stands for others, by what is told of them.
    told: HashMap<Told, u32>,
    failed: usize,
}

/// What the end of a run tells of objects.
#[derive(PartialEq, Eq, Hash)]
enum Told {
    /// A queue with values left: its list, and which of a record's parts it is.
    Left(usize, u32),
    /// A job whose result nobody asked for: its place and function.
    Unjoined(u64, u64),
}

impl Possession {
    pub fn new(image: &Image) -> Possession {
        Possession {
            on: collects(image),
            tells_of_all: image.options.outcomes,
            objects: HashMap::new(),
            jobs: Vec::new(),
            tasks: Vec::new(),
            unasked: HashMap::new(),
            many: OBJECTS_MIN,
            cluttered: false,
            told: HashMap::new(),
            failed: 0,
        }
    }

    fn add(&mut self, whole: Whole) {
        self.objects.insert(whole.first, whole);
        self.look_round();
    }

    pub(super) fn add_task(&mut self, id: u32) {
        self.tasks.push(id);
        self.look_round();
    }

    /// Whether the handles of tasks are given back.
    pub(super) fn has_tasks(&self) -> bool {
        self.on && !self.tells_of_all
    }

    pub(super) fn has_any(&self) -> bool {
        self.count() > 0
    }

    fn count(&self) -> usize {
        self.objects.len() + self.jobs.len() + self.tasks.len()
    }

    fn look_round(&mut self) {
        self.cluttered = self.count() >= self.many;
    }
}

/// What was found on a stack, among objects in the order of their numbers.
struct Found {
    objects: Vec<Whole>,
    live: Vec<bool>,
    values: usize,
}

impl Found {
    fn mark(&mut self, id: u32) {
        let Some(at) = self.objects.partition_point(|o| o.first <= id).checked_sub(1) else { return };
        if id - self.objects[at].first < self.objects[at].count {
            self.live[at] = true;
        }
    }

    fn look(&mut self, value: &Value) {
        self.values += 1;
        match value {
            Value::Object(object) => self.mark(object.id),
            Value::List(items) => items.iter().for_each(|item| self.look(item)),
            _ => {}
        }
    }
}

/// Each reference in a value.
fn each_object(value: &Value, each: &mut impl FnMut(ObjRef)) {
    match value {
        Value::Object(object) => each(*object),
        Value::List(items) => items.iter().for_each(|item| each_object(item, each)),
        _ => {}
    }
}

#[inline(always)]
fn may_refer(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::List(_))
}

/// The number that an object's shares are counted at: that of the record it is a part of.
fn whole_of(arena: &Arena, object: ObjRef) -> u32 {
    if object.kind == objects::place::task || object.kind == objects::place::record {
        return object.id;
    }
    let record = arena.object(object.id, object::INFO4).load(Relaxed);
    record.checked_sub(1).map_or(object.id, |record| record as u32)
}

impl Executor {
    /// A number for a new object, or as many as it has parts: free ones of its birthplace
    /// if there are any.
    pub(super) fn new_number(&self, list: usize, count: u32) -> Result<u32, OutOfMemory> {
        let free = self.possession.on.then(|| self.arena.take_free(list)).flatten();
        free.map_or_else(|| self.arena.reserve_objects(count), Ok)
    }

    /// A job's handle.
    pub(super) fn make_job(&self, birth: &Birth) -> Result<u32, OutOfMemory> {
        let (site, list) = (Some(self.site), list_of_jobs(self.program));
        self.add_share_of_maker();
        match self.possession.on.then(|| self.arena.take_free(list)).flatten() {
            None => make_handle(self.arena, birth, site, self.task, self.holder),
            Some(id) => {
                let block = self.arena.object(id, object::INFO).load(Relaxed) as usize;
                fill_handle(self.arena, (id, block), birth, (site, self.task), self.holder)?;
                Ok(id)
            }
        }
    }

    /// What the task makes has its share from the start, and those of the workers of a pool
    /// to come (`of` is the record that it is a part of, or itself).
    pub(super) fn share_new(&self, of: u32) {
        if self.possession.on {
            self.arena.object(of, object::SHARED).store(1, SeqCst);
        }
    }

    pub(super) fn share_with_workers(&self, pool: u32, of: u32) {
        if self.possession.on {
            let workers = self.object_word(pool, pool::WORKERS);
            self.arena.object(of, object::SHARED).fetch_add(workers, SeqCst);
        }
    }

    /// The task has made an object that nobody else knows, but for the workers of a pool.
    /// One that is `known` from the start stays.
    pub(super) fn possess(&mut self, first: u32, count: u32, list: usize, known: bool) {
        if !self.possession.on {
            return;
        }
        let shares = self.arena.object(first, object::SHARED);
        if known {
            shares.store(PUBLISHED, Relaxed);
            return;
        }
        self.possession.add(Whole { first, count, list });
        if let Some(lock) = self.bound_to(first) {
            self.share_object(lock);
        }
    }

    /// The lock of a condition that is no record's.
    fn bound_to(&self, id: u32) -> Option<ObjRef> {
        let id = objects::companion(
            self.arena.kind(id),
            self.arena.object(id, object::WORD + condition::LOCK).load(Relaxed),
        )?;
        Some(ObjRef { id, kind: self.arena.kind(id) })
    }

    /// The task has submitted a job. Its pool and its worker know the handle too, but no
    /// script can come by it there.
    pub(super) fn possess_job(&mut self, id: u32) {
        if self.possession.on {
            self.arena.object(id, object::SHARED).store(0, Relaxed);
            self.possession.jobs.push(id);
            self.possession.look_round();
        }
    }

    // ------------------------------------------------------------------ shares

    /// The value is about to be where it is not counted who has it.
    #[inline(always)]
    pub(super) fn publish(&self, value: &Value) {
        if may_refer(value) {
            each_object(value, &mut |object| self.publish_object(object));
        }
    }

    pub(super) fn publish_object(&self, object: ObjRef) {
        if self.is_counted(object) {
            self.arena.object(whole_of(self.arena, object), object::SHARED).fetch_or(PUBLISHED, SeqCst);
        }
    }

    /// All that the task has.
    pub(super) fn publish_all(&mut self) {
        let own = &mut self.possession;
        let (forked, tasks) = std::mem::take(&mut own.tasks).into_iter().partition(|id| is_forked(self.arena, *id));
        own.tasks = forked;
        let objects = std::mem::take(&mut own.objects).into_keys();
        for first in objects.chain(std::mem::take(&mut own.jobs)).chain::<Vec<u32>>(tasks) {
            self.publish_object(ObjRef { id: first, kind: self.arena.kind(first) });
        }
    }

    /// The value is about to be in one more queue, say, from which it is taken over.
    #[inline(always)]
    pub(super) fn share(&self, value: &Value) {
        if may_refer(value) {
            self.share_all(value);
        }
    }

    #[inline(never)]
    fn share_all(&self, value: &Value) {
        each_object(value, &mut |object| self.share_object(object));
    }

    /// The same of a reference, as a word.
    #[cold]
    pub(super) fn share_word(&self, word: u64) {
        self.share_all(&codec::small_value(word));
    }

    fn share_object(&self, object: ObjRef) {
        if object.kind == objects::place::task {
            self.publish_object(object);
        } else if self.is_counted(object) {
            self.arena.object(whole_of(self.arena, object), object::SHARED).fetch_add(1, SeqCst);
        }
    }

    /// Declared objects stay.
    pub(super) fn is_counted(&self, object: ObjRef) -> bool {
        self.possession.on && object.id > self.image.main_task()
    }

    /// Whether it is counted who has it, and matters. Of the handle of a task it is not.
    fn has_shares(&self, object: ObjRef) -> bool {
        object.kind != objects::place::task
            && self.is_counted(object)
            && !self.is_published(whole_of(self.arena, object))
    }

    pub(super) fn is_published(&self, whole: u32) -> bool {
        self.arena.object(whole, object::SHARED).load(SeqCst) & PUBLISHED != 0
    }

    /// The value came out of where it was shared into. The share is the task's now; if it
    /// had one already, it gives this one up as soon as what was changed stands.
    #[inline(always)]
    pub(super) fn take_over(&mut self, value: &Value) {
        if may_refer(value) {
            self.take_over_all(value);
        }
    }

    #[inline(never)]
    fn take_over_all(&mut self, value: &Value) {
        each_object(value, &mut |object| {
            if self.has_shares(object) && !self.come_by(object) {
                self.give_up_later(object);
            }
        });
    }

    #[cold]
    pub(super) fn take_over_word(&mut self, word: u64) {
        self.take_over_all(&codec::small_value(word));
    }

    /// The value was only looked at, where it stays; it cannot go from there meanwhile.
    pub(super) fn take_share(&mut self, value: &Value) {
        each_object(value, &mut |object| {
            if self.has_shares(object) && self.come_by(object) {
                self.share_object(object);
            }
        });
    }

    /// Whether the task had no share in it before, and has one now.
    fn come_by(&mut self, object: ObjRef) -> bool {
        let id = whole_of(self.arena, object);
        let new = !self.possession.objects.contains_key(&id);
        if new {
            self.possession.add(self.whole(id));
        }
        new
    }

    /// A share of an offer that nobody took.
    pub(super) fn take_back(&mut self, value: &Value) {
        each_object(value, &mut |object| {
            if self.has_shares(object) {
                self.give_up_later(object);
            }
        });
    }

    /// The shares of a new task in what it is given.
    pub(super) fn bequeath<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Vec<Whole> {
        let mut heritage: HashMap<u32, Whole> = HashMap::new();
        for value in values.filter(|value| may_refer(value)) {
            each_object(value, &mut |object| {
                if object.kind == objects::place::task {
                    return self.publish_object(object);
                }
                let id = whole_of(self.arena, object);
                if self.has_shares(object) && heritage.insert(id, self.whole(id)).is_none() {
                    self.share_object(object);
                }
            });
        }
        heritage.into_values().collect()
    }

    /// A new task has them.
    pub(super) fn inherit(&mut self, heritage: Vec<Whole>) {
        heritage.into_iter().for_each(|whole| self.possession.add(whole));
    }

    fn whole(&self, first: u32) -> Whole {
        let word = |w: usize| self.arena.object(first, w).load(Relaxed);
        let site = word(object::BORN).saturating_sub(1) as u32;
        if self.arena.kind(first) != objects::place::record {
            return Whole { first, count: 1, list: list_of_object(site) };
        }
        let structure = &self.program.structs[word(object::INFO) as usize];
        Whole { first, count: 1 + Size::of(structure).parts, list: list_of_record(self.program, site) }
    }

    // -------------------------------------------------------------- collecting

    /// Gives up its share in what is neither on the task's stack nor in the step that it
    /// is about to make.
    #[cold]
    pub(super) fn collect(&mut self, machine: &Task, step: &Step) {
        let values = self.keep_found(false, |found| {
            machine.each_value(&mut |value| found.look(value));
            step.each_value(&mut |value| found.look(value));
        });
        let own = &mut self.possession;
        own.many = OBJECTS_MIN.max(2 * own.count()).max(values / VALUES_FOR_ONE);
        own.cluttered = false;
    }

    /// The task has ended and its stack is gone. With `main` mostly all ends.
    pub(super) fn collect_all(&mut self) {
        if self.task == self.image.main_task() {
            return;
        }
        if self.possession.count() > 0 {
            self.keep_found(true, |_| ());
            (self.possession.objects, self.possession.jobs) = Default::default();
        }
        if self.past.load(Relaxed) != 0 {
            super::clock::give_back(self.arena, &self.past, self.holder);
        }
    }

    /// Keeps what is found, and what cannot be given up yet. How many values were looked
    /// at.
    fn keep_found(&mut self, ends: bool, look: impl FnOnce(&mut Found)) -> usize {
        let list = list_of_jobs(self.program);
        let jobs = std::mem::take(&mut self.possession.jobs).into_iter().map(|first| Whole { first, count: 1, list });
        let tasks = self.tasks_as_wholes();
        let mut objects: Vec<Whole> = self.possession.objects.values().copied().chain(jobs).chain(tasks).collect();
        objects.sort_unstable_by_key(|o| o.first);
        let live = vec![false; objects.len()];
        let mut found = Found { objects, live, values: 0 };
        look(&mut found);
        // Whoever holds a lock has it.
        self.held().into_iter().for_each(|(held, ..)| found.mark(held));
        let (mut places, mut tasks) = (false, Vec::new());
        for (whole, live) in found.objects.into_iter().zip(found.live) {
            if whole.list == Whole::TASKS {
                let whose = if live { &mut self.possession.tasks } else { &mut tasks };
                whose.push(whole.first);
                continue;
            }
            if live || !self.let_go(&whole) {
                if whole.list == list {
                    self.possession.jobs.push(whole.first);
                }
                continue;
            }
            places |= self.arena.kind(whole.first) == objects::place::record;
            self.possession.objects.remove(&whole.first);
        }
        self.let_go_of_tasks(tasks, ends);
        if places {
            // What it recorded there may be other places by the time it comes there again.
            self.forget_seen();
        }
        found.values
    }

    /// What the task has no more: whether it need not be looked at again.
    fn let_go(&mut self, whole: &Whole) -> bool {
        let first = whole.first;
        if self.is_published(first) {
            return true;
        }
        if self.arena.kind(first) == objects::place::task {
            return self.let_go_of_job(whole);
        }
        self.give_up_share(first);
        true
    }

    /// One share less; who has none is given back, and so on with what it had.
    pub(super) fn give_up_share(&mut self, whole: u32) {
        let mut given_up = vec![whole];
        while let Some(id) = given_up.pop() {
            if !self.is_published(id)
                && self.arena.object(id, object::SHARED).fetch_sub(1, AcqRel) & (SHARES | PUBLISHED) == 1
            {
                self.give_back_object(self.whole(id), &mut given_up);
            }
        }
    }

    /// The same once no guard is held.
    pub(super) fn give_up_later(&mut self, object: ObjRef) {
        self.give_back_later(ObjRef { id: whole_of(self.arena, object), kind: object.kind });
    }

    fn give_back_object(&mut self, whole: Whole, given_up: &mut Vec<u32>) {
        let Whole { first, count, list } = whole;
        if self.arena.kind(first) == objects::place::record {
            self.free_cells(first);
        } else if let Some(lock) = self.bound_to(first).filter(|lock| self.has_shares(*lock)) {
            given_up.push(whole_of(self.arena, lock));
        }
        let is_left = |id: &u32| {
            let keeps = matches!(self.arena.kind(*id), objects::place::queue | objects::place::pool);
            keeps && super::ends::values_in(self.arena, *id) > 0
        };
        let left: Vec<u32> = (first..first + count).filter(is_left).collect();
        let mut others = true;
        for id in left {
            others &= self.another_stands_for(Told::Left(list, id - first), id);
        }
        // Else it is told of at the end.
        if others {
            (first..first + count).for_each(|id| self.free_values(id, given_up));
            self.arena.give_free(list, first);
        }
    }

    /// Whether another object, that is gone like this one, stands for it; else it stands
    /// for those to come.
    fn another_stands_for(&mut self, told: Told, id: u32) -> bool {
        match self.possession.told.entry(told) {
            Entry::Occupied(other) => {
                self.arena.object(*other.get(), object::SHARED).fetch_add(1 << STANDS_FOR, Relaxed);
                true
            }
            Entry::Vacant(place) => {
                place.insert(id);
                false
            }
        }
    }

    /// A job's handle that nobody has.
    fn let_go_of_job(&mut self, whole: &Whole) -> bool {
        let (arena, id) = (self.arena, whole.first);
        let word = |w: usize| arena.object(id, object::WORD + w).load(SeqCst);
        // Whoever told the end has let go of it by then.
        if word(task::STATE) == task::RUNNING || arena.guard(id).0.load(Acquire) != 0 {
            return false;
        }
        let fact = |w: usize| arena.facts(id, w).load(SeqCst);
        match fact(facts::ENDING) {
            ending::RETURNED => {
                let asked = word(task::JOINED) != 0 || arena.object(id, object::RING_LEN).load(Relaxed) == 0;
                let told = Told::Unjoined(fact(facts::SITE), fact(facts::FUNCTION));
                if !asked && !self.another_stands_for(told, id) {
                    return true;
                }
            }
            ending::FAILED if self.possession.failed >= FAILED_KEPT => {}
            ending::FAILED => {
                self.possession.failed += 1;
                return true;
            }
            // Cut short, or never begun.
            _ => return true,
        }
        let mut given_up = Vec::new();
        self.free_values(id, &mut given_up);
        arena.object(id, object::SHARED).fetch_or(GIVEN, SeqCst);
        let spawner = fact(facts::SPAWNER) as u32;
        arena.give_free(whole.list, id);
        given_up.into_iter().for_each(|other| self.give_up_share(other));
        self.give_up_handle(spawner);
        true
    }

    /// What a record has in memory.
    fn free_cells(&mut self, record: u32) {
        let program = self.program;
        let word = |w: usize| self.arena.object(record, w).load(Relaxed);
        let Some(structure) = program.structs.get(word(object::INFO) as usize) else { return };
        let size = Size::of(structure);
        for (memory, count) in [(MemoryKind::Var, size.vars), (MemoryKind::Shared, size.shared)] {
            for index in 0..count {
                if let Ok(cell) = self.cell(Place { home: Home::Record(record), index, memory }) {
                    cell.clear(self.process, self.holder);
                }
            }
        }
        if size.vars > 0 && self.home.has_record(record, self.arena) {
            self.home.family().records.remove(&record);
            self.image.var_heap().free(word(object::INFO3) as usize, self.holder);
        }
        // The shared places stay with the number.
    }

    /// An object's values, with its shares in others, and its clocks.
    pub(super) fn free_values(&mut self, id: u32, given_up: &mut Vec<u32>) {
        let (arena, holder) = (self.arena, self.holder);
        let heap = arena.heap();
        let all = arena.object_words(arena.object_at(id));
        let mut blocks = Vec::new();
        super::ends::with_all_of(arena, id, holder, || {
            let here = Object::of(arena, id);
            let word = |w: usize| all[w].load(Relaxed);
            for n in 0..word(object::RING_LEN) {
                let value = arena.at(here.ring_place(n).0).load(Relaxed);
                each_object(&arena.value(value), &mut |object| {
                    if self.has_shares(object) {
                        given_up.push(whole_of(arena, object));
                    }
                });
                codec::free(value, heap, holder);
            }
            // One that only keeps a value has no clock.
            let places = if arena.kind(id) == objects::place::task { 0 } else { word(object::RING_PLACES) as usize };
            let ring = word(object::RING) as usize;
            for place in 0..places {
                let clock = match word(object::ENDS) {
                    0 => ring::clock(ring, places, place),
                    _ => ring::clock_with_ends(ring, place),
                };
                blocks.push(arena.at(clock).load(Relaxed));
            }
            blocks.push(ring as u64);
        });
        // From here on it has none.
        for w in [object::RING_LEN, object::ENDS, object::RING, object::RING_PLACES] {
            all[w].store(0, SeqCst);
        }
        for block in blocks.into_iter().filter(|block| *block != 0) {
            heap.free(block as usize, holder);
        }
        for clock in &all[object::CLOCK..][..2] {
            super::clock::give_back(arena, clock, holder);
        }
    }
}

/// How many objects an object stands for, itself among them.
pub fn stands_for(arena: &Arena, id: u32) -> u64 {
    1 + (arena.object(id, object::SHARED).load(Relaxed) >> STANDS_FOR)
}
