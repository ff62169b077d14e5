//! Places in memory as cells: the value's word, the guard, the records of the
//! race detector, the clock of indivisible accesses. It owns reading, writing
//! and updating a cell; what a race is, `detect::race` says.
//!
//! A value that needs no block is read and written as one sequentially
//! consistent word. A block is only touched under the cell's guard, for the
//! write that replaces it gives it back.

use super::arena::{Arena, slot};
use super::codec;
use super::executor::Executor;
use super::guard;
use super::heap::{Heap, OutOfMemory};
use super::image::Image;
use super::memory::Memory;
use crate::detect::race::{self, Record};
use crate::machine::local::updated;
use crate::machine::{Access, Home, Place};
use crate::program::kind::{Memory as MemoryKind, Update};
use crate::program::value::{Error, ErrorKind, Value};
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Bytes of a cell: two cache lines, the value and the last write in the first.
pub const CELL: usize = 128;

const VALUE: usize = 0;
/// Two halves: the guard, and the process that the records are from.
const GUARD: usize = 1;
const WRITE: usize = 2;
const READ: usize = 6;
/// Reads by further tasks, and writes before the last one that may race still: a block with
/// their number and records.
const READS: usize = 10;
const CLOCK: usize = 11;

const RECORD_WORDS: usize = 4;

/// A cell, and the memory it lives in.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    image: &'a Image,
    at: usize,
    words: &'a [AtomicU64; CELL / 8],
    /// Of this process alone.
    private: bool,
    /// No plain access ever comes here.
    always_atomic: bool,
    /// What it is, for a report: see `Executor::race`.
    pub key: u64,
}

/// Takes the guard of the cell that begins there in common memory from a holder who is
/// dead. What he was about to change ends in one last write, so the cell is whole.
pub fn break_guard(arena: &Arena, at: usize, holder: u32) {
    let _ = arena.memory().half(at + 8 * GUARD).compare_exchange(holder, 0, SeqCst, SeqCst);
}

impl<'a> Cell<'a> {
    /// What a place is known by in all processes.
    pub fn key_of(place: Place) -> u64 {
        match place.home {
            Home::Declared => u64::from(place.index),
            Home::Record(record) => {
                let private = place.memory == MemoryKind::Var;
                1 << 63 | u64::from(private) << 62 | u64::from(record) << 24 | u64::from(place.index)
            }
        }
    }

    /// The cell that begins there, in private memory or in what all have in common.
    #[inline(always)]
    pub fn new(image: &'a Image, private: bool, at: usize, always_atomic: bool, key: u64) -> Cell<'a> {
        let memory = if private { &image.vars } else { image.arena.memory() };
        Cell { image, at, words: memory.array(at), private, always_atomic, key }
    }

    fn memory(&self) -> &'a Memory {
        if self.private { &self.image.vars } else { self.image.arena.memory() }
    }

    fn heap(&self) -> Heap<'a> {
        if self.private { self.image.var_heap() } else { self.image.arena.heap() }
    }

    #[inline(always)]
    fn word(&self, word: usize) -> &'a AtomicU64 {
        &self.words[word]
    }

    /// What tells it from cells of other memory: cells are aligned, so the low
    /// bits are free.
    #[inline]
    fn seen_as(&self) -> usize {
        self.at | usize::from(self.private)
    }

    #[inline]
    fn guard(&self) -> &'a AtomicU32 {
        self.memory().half(self.at + 8 * GUARD)
    }

    #[inline]
    fn owner(&self) -> &'a AtomicU32 {
        self.memory().half(self.at + 8 * GUARD + 4)
    }

    /// The first value, before anybody else can see the cell.
    pub fn init(&self, value: &Value, holder: u32) -> Result<(), OutOfMemory> {
        let word = codec::to_word(value, self.heap(), holder)?;
        self.word(VALUE).store(word, Relaxed);
        for i in GUARD..=CLOCK {
            self.word(i).store(0, Relaxed);
        }
        Ok(())
    }

    /// Nobody can reach it any more: gives back what it has on the heaps. `process` is
    /// the number of the process that does it.
    pub fn clear(&self, process: usize, holder: u32) {
        codec::free(self.word(VALUE).swap(codec::NONE, Relaxed), self.heap(), holder);
        let reads = self.word(READS).swap(0, Relaxed) as usize;
        if reads != 0 {
            self.heap().free(reads, holder);
        }
        let clock = self.word(CLOCK).swap(0, Relaxed) as usize;
        // That of a copy is the clock of the place it was copied from.
        let own = !self.private || self.owner().load(Relaxed) == process as u32 + 1;
        if clock != 0 && own {
            self.image.arena.heap().free(clock, holder);
        }
    }

    /// The value, without a step: for what looks from outside.
    pub fn peek(&self, holder: u32) -> Value {
        let word = self.word(VALUE).load(SeqCst);
        if !codec::owns_block(word) {
            return codec::small_value(word);
        }
        guard::spin_lock_tagged(self.guard(), holder, self.private);
        let value = codec::to_value(self.word(VALUE).load(SeqCst), self.heap());
        self.guard().store(0, Release);
        value
    }

    /// The record in the cell that begins at that word.
    #[inline(always)]
    fn kept(&self, word: usize) -> Kept<'a> {
        self.words[word..].first_chunk().unwrap_or_else(|| self.memory().array(self.at + 8 * word))
    }

    /// How many records of reads stand behind the first one.
    #[inline]
    fn more_reads(&self) -> usize {
        match self.word(READS).load(Relaxed) as usize {
            0 => 0,
            block => self.memory().word(block).load(Relaxed) as usize,
        }
    }

    /// A record of a read; the first is in the cell.
    #[inline]
    fn read_kept(&self, index: usize) -> Kept<'a> {
        if index == 0 {
            return self.kept(READ);
        }
        let block = self.word(READS).load(Relaxed) as usize;
        self.memory().array(block + 8 + 8 * RECORD_WORDS * (index - 1))
    }

    /// Keeps an access beside the last write: over one that it covers of those that came
    /// before it, as far as `known` says which these are, or in a new place. The first
    /// place is for a read.
    fn keep(&self, r: &Record, known: impl Fn(usize) -> u64, holder: u32) -> Result<(), OutOfMemory> {
        let count = self.more_reads();
        let free = (usize::from(r.write)..=count).map(|i| self.read_kept(i)).find(|kept| {
            let old = load_record(kept);
            old.is_none() || (old.slot() == r.slot() || old.before(&known)) && r.covers(&old)
        });
        if let Some(kept) = free {
            store_record(kept, r, 0);
            return Ok(());
        }
        let (memory, heap) = (self.memory(), self.heap());
        let block = self.word(READS).load(Relaxed) as usize;
        let need = 8 + 8 * RECORD_WORDS * (count + 1);
        let room = if block == 0 || heap.size(block) < need {
            let larger = heap.allocate(need, holder)?;
            for i in 0..(1 + RECORD_WORDS * count) {
                let word = if block == 0 { 0 } else { memory.word(block + 8 * i).load(Relaxed) };
                memory.word(larger + 8 * i).store(word, Relaxed);
            }
            self.word(READS).store(larger as u64, Relaxed);
            if block != 0 {
                heap.free(block, holder);
            }
            larger
        } else {
            block
        };
        store_record(memory.array(room + 8 + 8 * RECORD_WORDS * count), r, 0);
        memory.word(room).store(count as u64 + 1, Relaxed);
        Ok(())
    }

    fn forget(&self) {
        for i in WRITE..READS {
            self.word(i).store(0, Relaxed);
        }
        let block = self.word(READS).load(Relaxed) as usize;
        if block != 0 {
            self.memory().word(block).store(0, Relaxed);
        }
    }
}

/// Where a record stands.
type Kept<'a> = &'a [AtomicU64; RECORD_WORDS];

/// What stands in a record's word of locks besides: their blocks are aligned.
const ATOMIC: u64 = 1;
const WRITES: u64 = 2;
/// Of the last write: further writes stand among the reads.
const MORE_WRITES: u64 = 4;
const MARKS: u64 = ATOMIC | WRITES | MORE_WRITES;

fn load_record(kept: Kept) -> Record {
    let [epoch, who, locks, value] = kept.each_ref().map(|word| word.load(Relaxed));
    let (atomic, write) = (locks & ATOMIC != 0, locks & WRITES != 0);
    Record { epoch, task: (who >> 32) as u32, site: who as u32, locks: locks & !MARKS, write, atomic, value }
}

#[inline(always)]
fn store_record(kept: Kept, r: &Record, more: u64) {
    let marks = if r.atomic { ATOMIC } else { 0 } | if r.write { WRITES } else { 0 } | more;
    kept[0].store(r.epoch, Relaxed);
    kept[1].store(u64::from(r.task) << 32 | u64::from(r.site), Relaxed);
    kept[2].store(r.locks | marks, Relaxed);
    kept[3].store(r.value, Relaxed);
}

impl Executor {
    /// One access to a cell, with its checks.
    #[inline]
    pub(super) fn access_cell(&mut self, cell: Cell<'static>, access: &Access, site: u32) -> Result<Value, Error> {
        if self.seen(cell.seen_as(), site, matches!(access, Access::Write(_))) {
            let word = cell.word(VALUE);
            match access {
                Access::Read => {
                    let value = word.load(SeqCst);
                    if !codec::owns_block(value) {
                        return Ok(codec::small_value(value));
                    }
                }
                Access::Write(value) => {
                    if let Some(new) = codec::small(value) {
                        self.publish(value);
                        let old = word.swap(new, SeqCst);
                        if codec::owns_block(old) {
                            self.free_replaced(cell, old);
                        }
                        return Ok(Value::None);
                    }
                }
                Access::Update(..) => {}
            }
        }
        self.access_guarded(cell, access, site)
    }

    /// Takes a cell's guard. One in common memory is named in the slot first, so that it
    /// can be taken from a task that is killed with it.
    #[inline(always)]
    fn guard_cell(&self, cell: &Cell) {
        if !cell.private && self.named_cell.get() != cell.at {
            self.slot_word(slot::CELL).store(cell.at as u64, SeqCst);
            self.named_cell.set(cell.at);
        }
        guard::spin_lock_tagged(cell.guard(), self.holder, cell.private);
    }

    /// Gives back the block of a word that was replaced without the guard. Whoever
    /// has found the word before reads the block under the guard.
    #[cold]
    pub(super) fn free_replaced(&self, cell: Cell<'static>, old: u64) {
        self.guard_cell(&cell);
        cell.guard().store(0, Release);
        codec::free(old, cell.heap(), self.holder);
    }

    /// A read where an integer is likely; none if it is another value by now.
    pub(super) fn read_int(&mut self, cell: &Cell<'static>, site: u32) -> Option<i64> {
        self.guard_cell(cell);
        let word = cell.word(VALUE).load(SeqCst);
        let value = codec::int(word);
        if value.is_some() {
            self.record(cell, false, false, word, site);
        }
        cell.guard().store(0, Release);
        value
    }

    /// A write of a value that needs no block.
    pub(super) fn write_small(&mut self, cell: Cell<'static>, new: u64, site: u32) {
        self.guard_cell(&cell);
        self.record(&cell, true, false, new, site);
        let old = cell.word(VALUE).swap(new, SeqCst);
        cell.guard().store(0, Release);
        if codec::owns_block(old) {
            codec::free(old, cell.heap(), self.holder);
        }
    }

    fn access_guarded(&mut self, cell: Cell<'static>, access: &Access, site: u32) -> Result<Value, Error> {
        let new = match access {
            Access::Write(value) => Some(self.word_for(value, cell.heap())?),
            _ => None,
        };
        // What a trace says of a `var` is before or behind each copy of it.
        let home = (self.trace.on && cell.private).then(|| self.home.clone());
        let _whole = home.as_ref().map(|home| home.family());
        self.guard_cell(&cell);
        let result = self.access_locked(&cell, access, new, site);
        if self.trace.on && result.is_err() {
            self.trace_turn();
        }
        cell.guard().store(0, Release);
        let (answer, garbage) = result?;
        if let Some(word) = garbage {
            codec::free(word, cell.heap(), self.holder);
        }
        Ok(answer)
    }

    /// Under the guard. The word that was replaced comes back to be freed.
    fn access_locked(
        &mut self,
        cell: &Cell,
        access: &Access,
        new: Option<u64>,
        site: u32,
    ) -> Result<(Value, Option<u64>), Error> {
        let word = cell.word(VALUE);
        match (access, new) {
            (Access::Write(value), Some(new)) => {
                self.record(cell, true, false, new, site);
                let unsure = self.trace_access(cell.key, true, value);
                let old = word.swap(new, SeqCst);
                self.traced(unsure);
                Ok((Value::None, Some(old)))
            }
            (Access::Update(which, a, b), _) => {
                let before = word.load(SeqCst);
                let old = codec::to_value(before, cell.heap());
                self.order_atomic(cell, *which, true);
                let (stored, answer) = updated(*which, &old, a, b)?;
                let after = match &stored {
                    Some(value) => self.word_for(value, cell.heap())?,
                    None => before,
                };
                self.record(cell, stored.is_some(), true, after, site);
                let unsure = self.trace_access(cell.key, stored.is_some(), stored.as_ref().unwrap_or(&answer));
                if stored.is_none() {
                    // A `cas` that found another value has only looked: who
                    // comes later sees no value of this task's.
                    return Ok((answer, None));
                }
                self.order_atomic(cell, *which, false);
                // Fast paths write without the guard, so what is replaced
                // need not be what was read: on a plain place the two race.
                let old = word.swap(after, SeqCst);
                self.traced(unsure);
                Ok((answer, Some(old)))
            }
            _ => {
                let value = word.load(SeqCst);
                self.record(cell, false, false, value, site);
                let value = codec::to_value(value, cell.heap());
                self.trace_access(cell.key, false, &value);
                Ok((value, None))
            }
        }
    }

    /// An indivisible access comes after the earlier one whose value it sees. Who only adds to
    /// it could have done so first, so that this keeps no two from meeting at their locks.
    fn order_atomic(&mut self, cell: &Cell, which: Update, before: bool) {
        if !self.detect {
            return;
        }
        self.own_copy(cell);
        match (before, which) {
            (true, Update::Store) => {}
            (true, Update::Add | Update::Sub | Update::Mul | Update::Div | Update::Rem) => {
                self.clock().acquire_as_lock(cell.word(CLOCK));
            }
            (true, Update::Load | Update::Swap | Update::Cas) => self.clock().acquire(cell.word(CLOCK)),
            (false, which) => {
                let join = which != Update::Store;
                let result = self.clock().release(cell.word(CLOCK), join, super::clock::Strength::Order, self.holder);
                self.check_memory(result);
            }
        }
    }

    /// The records of a `var`'s cell are those of the process that a fork
    /// copied it from, for which it was another place; so is its clock, whose
    /// block is in the arena and stays with the other.
    #[inline]
    fn own_copy(&self, cell: &Cell) {
        let process = self.process as u32 + 1;
        if cell.private && cell.owner().load(Relaxed) != process {
            cell.forget();
            cell.word(CLOCK).store(0, Relaxed);
            cell.owner().store(process, Relaxed);
        }
    }

    /// Checks an access against the cell's records, and keeps it.
    #[inline]
    fn record(&mut self, cell: &Cell, write: bool, atomic: bool, value: u64, site: u32) {
        if !self.detect || self.outside || cell.always_atomic {
            return;
        }
        let clock = self.clock();
        let own = clock.own();
        let known = |slot: usize| clock.get(slot);
        self.own_copy(cell);
        let mine = Record {
            epoch: race::epoch(self.slot, own),
            task: self.task,
            site,
            locks: self.lockset(),
            write,
            atomic,
            value: if codec::owns_block(value) { self.kept_value(cell, value) } else { value },
        };
        let slot = self.slot;
        let behind = |kept: Kept| race::is_behind(kept[0].load(Relaxed), slot, known);
        let (last_write, first_read) = (cell.kept(WRITE), cell.kept(READ));
        let after_last = behind(last_write);
        if !after_last {
            self.compare(cell, load_record(last_write), mine);
        }
        let mut more = last_write[2].load(Relaxed) & MORE_WRITES;
        if write || more != 0 {
            for i in 0..=cell.more_reads() {
                let kept = cell.read_kept(i);
                if !behind(kept) {
                    self.compare(cell, load_record(kept), mine);
                } else if write && (!atomic || mine.covers(&load_record(kept))) {
                    // What comes after this write comes after that access too.
                    kept[0].store(0, Relaxed);
                }
            }
        }
        let kept = if write {
            // An indivisible write does not race with another one, nor does it cover a plain
            // one before it: who does not come after that may race with it still.
            let last = atomic.then(|| load_record(last_write));
            let stays = last.filter(|last| !last.is_none() && last.atomic != after_last);
            let kept = stays.map_or(Ok(()), |last| cell.keep(&last, |_| 0, self.holder));
            more |= if stays.is_some() { MORE_WRITES } else { 0 };
            store_record(last_write, &mine, more);
            kept
        } else if !atomic && behind(first_read) {
            store_record(first_read, &mine, 0);
            Ok(())
        } else {
            cell.keep(&mine, known, self.holder)
        };
        if let Err(error) = kept {
            self.check_memory(Err(error));
        }
        self.mark_seen(cell.seen_as(), site, own, write);
    }

    /// A value with a block, as a record has it: it goes when the cell gets another one, so a
    /// run does not know it later. A replay has a copy, so as to tell what the model told.
    #[cold]
    fn kept_value(&self, cell: &Cell, value: u64) -> u64 {
        if !self.replay.on {
            return codec::UNKNOWN;
        }
        let value = codec::to_value(value, cell.heap());
        codec::to_word(&value, self.arena.heap(), self.holder).unwrap_or(codec::UNKNOWN)
    }

    /// An access that this one does not come after.
    #[cold]
    fn compare(&mut self, cell: &Cell, earlier: Record, mine: Record) {
        let clock = self.clock();
        if mine.races(&earlier, |slot| clock.get(slot)) {
            self.race(cell.key, earlier, mine);
        }
    }

    fn word_for(&mut self, value: &Value, heap: Heap) -> Result<u64, Error> {
        self.publish(value);
        codec::to_word(value, heap, self.holder).map_err(|e| {
            self.check_memory(Err(e));
            Error::new(ErrorKind::Overflow, "there is no memory left for this value")
        })
    }
}
