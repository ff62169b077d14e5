//! Objects that nobody can reach any more are given back while the script runs, so that
//! memory grows with what lives and not with what was ever made. It owns which objects
//! these are and what is left of them; where an object's words stand, and the lists of
//! free numbers, belong to `arena`.
//!
//! An object belongs to the task that made it until it is *published*: put anywhere
//! where another task could come by it (a place in memory, a queue, the arguments of a
//! new task, a result, the memory that a fork copies). Then it stays, as a declared one
//! does. As long as it is not, it can only be on its maker's stack, and the maker alone
//! can tell whether it still is: now and then it looks through its stack and gives back
//! what it does not find (the local heaps of Doligez and Leroy, POPL 1993; told of an
//! object when it happens and not by where it stands, as Domani et al., ISMM 2002). So nobody
//! waits for anybody, whether the tasks are threads or processes, and a task that is
//! killed in the middle loses what it was about and harms nobody.
//!
//! Two things keep what else knows an object by its number from being misled. The words
//! of an object stay where they are for ever, as an object: who looks there late finds
//! one. And a number is given again only to an object from the same place in the source,
//! so what names or places an object by its number says the same of it. Where two objects
//! must not be taken for one, in the orders of locks, they are published.
//!
//! What the end of a run tells of an object outlives it: of those with the same to tell,
//! one stays and stands for the others.

use super::arena::{ending, facts, object, ring, run};
use super::codec;
use super::executor::Executor;
use super::heap::OutOfMemory;
use super::image::Image;
use super::spawn::{Birth, fill_handle, make_handle};
use crate::machine::{Home, Place, Step, Task};
use crate::objects::{self, KINDS, condition, task};
use crate::program::Program;
use crate::program::code::{FieldKind, Struct};
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::Value;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// So many objects are made between two looks, at the least.
const OBJECTS_MIN: usize = 64;
/// So many values may be looked through for each object that is made.
const VALUES_FOR_ONE: usize = 32;
/// So many jobs that failed are kept for what reports say of them.
const FAILED_KEPT: usize = 64;

/// In the word that says whether an object is published, how many others it stands for.
const STANDS_FOR: u32 = 32;

/// Room for the lists of free numbers: one for each place that makes objects.
pub fn prepare(image: &Image, holder: u32) -> Result<(), OutOfMemory> {
    if !collects(image) {
        return Ok(());
    }
    let bytes = 8 * (list_of_jobs(&image.program) + 1);
    let lists = image.arena.heap().allocate(bytes, holder)?;
    (0..bytes).step_by(8).for_each(|at| image.arena.at(lists + at).store(0, Relaxed));
    image.arena.run(run::FREE_LISTS).store(lists as u64, Relaxed);
    Ok(())
}

/// Not where what happens is told by numbers later: in a replay, a trace, a picture. Nor
/// in a session, whose locals are not on a stack.
fn collects(image: &Image) -> bool {
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
struct Made {
    first: u32,
    count: u32,
    list: usize,
}

/// What a task made that, for all it knows, is not published.
pub struct OwnObjects {
    on: bool,
    made: Vec<Made>,
    /// When there are so many, it looks which are still there.
    many: usize,
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

impl OwnObjects {
    pub fn new(image: &Image) -> OwnObjects {
        let (made, told) = (Vec::new(), HashMap::new());
        OwnObjects { on: collects(image), made, many: OBJECTS_MIN, told, failed: 0 }
    }

    #[inline]
    pub fn are_many(&self) -> bool {
        self.made.len() >= self.many
    }
}

/// What was found on a stack, among objects in the order of their numbers.
struct Found<'a> {
    made: &'a [Made],
    live: Vec<bool>,
    values: usize,
}

impl Found<'_> {
    fn mark(&mut self, id: u32) {
        let Some(at) = self.made.partition_point(|m| m.first <= id).checked_sub(1) else { return };
        if id - self.made[at].first < self.made[at].count {
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

impl Executor {
    /// A number for a new object, or as many as it has parts: free ones of its birthplace
    /// if there are any.
    pub(super) fn new_number(&self, list: usize, count: u32) -> Result<u32, OutOfMemory> {
        let free = self.own_objects.on.then(|| self.arena.take_free(list)).flatten();
        free.map_or_else(|| self.arena.reserve_objects(count), Ok)
    }

    /// A job's handle.
    pub(super) fn make_job(&self, birth: &Birth) -> Result<u32, OutOfMemory> {
        let (site, list) = (Some(self.site), list_of_jobs(self.program));
        match self.own_objects.on.then(|| self.arena.take_free(list)).flatten() {
            None => make_handle(self.arena, birth, site, self.task, self.holder),
            Some(id) => {
                let block = self.arena.object(id, object::INFO).load(Relaxed) as usize;
                fill_handle(self.arena, (id, block), birth, (site, self.task), self.holder)?;
                Ok(id)
            }
        }
    }

    /// The task has made an object that nobody else knows.
    pub(super) fn adopt_object(&mut self, first: u32, count: u32, list: usize) {
        if self.own_objects.on {
            self.own_objects.made.push(Made { first, count, list });
        }
    }

    /// The same of a job. Its pool and its worker know it too, but no script can come by
    /// it there.
    pub(super) fn own_job(&mut self, id: u32) {
        self.arena.object(id, object::SHARED).store(0, Relaxed);
        self.adopt_object(id, 1, list_of_jobs(self.program));
    }

    // -------------------------------------------------------------- publishing

    /// The value is about to be where others can come by it.
    #[inline(always)]
    pub(super) fn publish(&self, value: &Value) {
        if let Value::Object(_) | Value::List(_) = value {
            self.publish_all(value);
        }
    }

    #[inline(never)]
    fn publish_all(&self, value: &Value) {
        match value {
            Value::Object(object) => self.publish_object(object.id),
            Value::List(items) => items.iter().for_each(|item| self.publish_all(item)),
            _ => {}
        }
    }

    /// An object, with all that can be come by with it.
    pub(super) fn publish_object(&self, id: u32) {
        if id <= self.image.main_task() || !self.own_objects.on {
            return;
        }
        let (kind, word) = (self.arena.kind(id), |w: usize| self.arena.object(id, w).load(Relaxed));
        let whole = if kind == objects::place::task || kind == objects::place::record {
            id
        } else {
            word(object::INFO4).checked_sub(1).map_or(id, |record| record as u32)
        };
        let shared = self.arena.object(whole, object::SHARED);
        if shared.load(Relaxed) & 1 == 0 {
            shared.fetch_or(1, SeqCst);
            if let Some(other) = objects::companion(kind, word(object::WORD)) {
                self.publish_object(other);
            }
        }
    }

    /// All that the task made and has.
    pub(super) fn publish_own(&mut self) {
        for made in std::mem::take(&mut self.own_objects.made) {
            self.publish_object(made.first);
        }
    }

    // -------------------------------------------------------------- collecting

    /// Gives back what is neither on the task's stack nor in the step that it is about to
    /// make.
    #[cold]
    pub(super) fn collect(&mut self, machine: &Task, step: &Step) {
        let values = self.keep_found(|found| {
            machine.each_value(&mut |value| found.look(value));
            step.each_value(&mut |value| found.look(value));
        });
        let own = &mut self.own_objects;
        own.many = OBJECTS_MIN.max(2 * own.made.len()).max(values / VALUES_FOR_ONE);
    }

    /// The task has ended and its stack is gone.
    pub(super) fn collect_all(&mut self) {
        if !self.own_objects.made.is_empty() {
            self.keep_found(|_| ());
            self.own_objects.made.clear();
        }
    }

    /// Gives back all but what is found, and what cannot be given back yet. How many
    /// values were looked at.
    fn keep_found(&mut self, look: impl FnOnce(&mut Found)) -> usize {
        let mut made = std::mem::take(&mut self.own_objects.made);
        made.sort_unstable_by_key(|m| m.first);
        let mut found = Found { made: &made, live: vec![false; made.len()], values: 0 };
        look(&mut found);
        self.held().into_iter().for_each(|(held, ..)| found.mark(held));
        for at in 0..made.len() {
            let id = made[at].first;
            // A lock has no companion: once through all is enough.
            if found.live[at]
                && let Some(other) = objects::companion(self.arena.kind(id), self.object_word(id, condition::LOCK))
            {
                found.mark(other);
            }
        }
        let (live, values) = (found.live, found.values);
        let mut is_live = live.into_iter();
        made.retain(|m| is_live.next() == Some(true) || !self.let_go(m));
        self.own_objects.made = made;
        values
    }

    /// What nobody has is given back, or stays for the end: whether it is to be looked at
    /// no more.
    fn let_go(&mut self, made: &Made) -> bool {
        let first = made.first;
        if self.arena.object(first, object::SHARED).load(SeqCst) & 1 != 0 {
            return true;
        }
        match self.arena.kind(first) {
            objects::place::task => return self.let_go_of_job(made),
            objects::place::record => self.free_cells(first),
            _ => {}
        }
        let left: Vec<u32> = (first..first + made.count)
            .filter(|id| self.is_queue(*id) && super::ends::values_in(self.arena, *id) > 0)
            .collect();
        let mut all_stand = true;
        for id in left {
            all_stand &= self.another_stands_for(Told::Left(made.list, id - first), id);
        }
        if all_stand {
            (first..first + made.count).for_each(|id| self.free_values(id));
            self.arena.give_free(made.list, first);
        }
        true
    }

    fn is_queue(&self, id: u32) -> bool {
        self.arena.kind(id) == objects::place::queue
    }

    /// Whether another object, that is gone like this one, stands for it; else it stands
    /// for those to come.
    fn another_stands_for(&mut self, told: Told, id: u32) -> bool {
        match self.own_objects.told.entry(told) {
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
    fn let_go_of_job(&mut self, made: &Made) -> bool {
        let (arena, id) = (self.arena, made.first);
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
            ending::FAILED if self.own_objects.failed >= FAILED_KEPT => {}
            ending::FAILED => {
                self.own_objects.failed += 1;
                return true;
            }
            // Cut short, or never begun.
            _ => return true,
        }
        self.free_values(id);
        arena.give_free(made.list, id);
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
        if size.vars > 0 && self.home.family().records.remove(&record).is_some() {
            self.image.var_heap().free(word(object::INFO3) as usize, self.holder);
        }
        // The shared places stay with the number.
        if size.vars + size.shared > 0 {
            self.forget_seen();
        }
    }

    /// An object's values, and its clocks.
    fn free_values(&mut self, id: u32) {
        let (arena, holder) = (self.arena, self.holder);
        let heap = arena.heap();
        let all = arena.object_words(arena.object_at(id));
        let mut blocks = Vec::new();
        super::ends::with_all_of(arena, id, holder, || {
            let here = self.object(id);
            let word = |w: usize| all[w].load(Relaxed);
            (0..word(object::RING_LEN))
                .for_each(|n| codec::free(arena.at(here.ring_place(n).0).load(Relaxed), heap, holder));
            // One that only keeps a value has no clock.
            let places = if arena.kind(id) == objects::place::task { 0 } else { word(object::RING_PLACES) as usize };
            for place in 0..places {
                let ring = word(object::RING) as usize;
                let clock = match word(object::ENDS) {
                    0 => ring::clock(ring, places, place),
                    _ => ring::clock_with_ends(ring, place),
                };
                blocks.push(arena.at(clock).load(Relaxed));
            }
            blocks.push(word(object::RING));
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
pub fn stands_for(arena: &super::arena::Arena, id: u32) -> u64 {
    1 + (arena.object(id, object::SHARED).load(Relaxed) >> STANDS_FOR)
}

/// Whether a record has a part that others know from the start: the workers of a pool.
pub fn has_pool(structure: &Struct) -> bool {
    let is_pool = |kind: u8| KINDS[kind as usize].word == "pool";
    structure.fields.iter().any(|field| matches!(field.what, FieldKind::Object { kind, .. } if is_pool(kind)))
}
