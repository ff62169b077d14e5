//! Vector clocks in the arena. A task's clock stands in its slot; an object's
//! clocks, and those of a queue's places, are blocks of the heap.
//!
//! Each entry is a pair: what is known by all edges, and by all but those of
//! locks. The second tells which acquires of locks nothing else keeps apart,
//! for the prediction of deadlocks. A task counts its own entry up after each
//! release, never before, so that what it does next is not covered by what it
//! released (FastTrack, Flanagan and Freund, PLDI 2009).

use super::arena::{Arena, slot};
use super::heap::OutOfMemory;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A clock's block: how many entries and for how many there is room, as two
/// halves of a word, then their pairs. (The heap knows the room too, but its
/// word stands in another line of the cache.)
const HEAD: usize = 8;
const ROOM: u32 = 32;
const ENTRIES: u64 = (1 << ROOM) - 1;

/// Which entries an edge carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Of a lock: only the first of each pair.
    Lock,
    Order,
}

/// A task's clock: its slot, and how many entries are in use at the most.
#[derive(Clone, Copy)]
pub struct TaskClock<'a> {
    arena: &'a Arena,
    base: usize,
    slot: usize,
}

impl<'a> TaskClock<'a> {
    pub fn new(arena: &'a Arena, slot: usize) -> TaskClock<'a> {
        TaskClock { arena, base: arena.slot_at(slot) + 8 * slot::CLOCK, slot }
    }

    #[inline]
    fn full(&self, of: usize) -> &'a AtomicU64 {
        self.arena.at(self.base + 16 * of)
    }

    #[inline]
    fn weak(&self, of: usize) -> &'a AtomicU64 {
        self.arena.at(self.base + 16 * of + 8)
    }

    /// What it knows of a slot.
    #[inline]
    pub fn get(&self, of: usize) -> u64 {
        self.full(of).load(Relaxed)
    }

    /// What it knows of a slot without the edges of locks.
    pub fn get_weak(&self, of: usize) -> u64 {
        self.weak(of).load(Relaxed)
    }

    #[inline]
    pub fn own(&self) -> u64 {
        self.get(self.slot)
    }

    #[inline]
    pub fn advance(&self) {
        let next = self.own() + 1;
        self.full(self.slot).store(next, Relaxed);
        self.weak(self.slot).store(next, Relaxed);
    }

    /// Begins at `own`, knowing what `parent` knows.
    pub fn begin(&self, parent: Option<TaskClock>, own: u64) {
        let high = self.arena.slots_high();
        for i in 0..high {
            let (full, weak) = parent.map_or((0, 0), |p| (p.get(i), p.get_weak(i)));
            self.full(i).store(full, Relaxed);
            self.weak(i).store(weak, Relaxed);
        }
        self.full(self.slot).store(own, Relaxed);
        self.weak(self.slot).store(own, Relaxed);
    }

    /// A slot above all that were in use begins to be used: what its entry
    /// held is from nobody.
    pub fn join_task(&self, other: TaskClock) {
        for i in 0..self.arena.slots_high() {
            raise(self.full(i), other.get(i));
            raise(self.weak(i), other.get_weak(i));
        }
    }

    /// Releases into the clock whose block `place` names: replaces what is
    /// there, or joins it. Counts up.
    #[inline]
    pub fn release(&self, place: &AtomicU64, join: bool, strength: Strength, holder: u32) -> Result<(), OutOfMemory> {
        let high = self.arena.slots_high();
        let block = room(self.arena, place, high, holder)?;
        let head = self.arena.at(block);
        let (entries, room) = (head.load(Relaxed) & ENTRIES, head.load(Relaxed) & !ENTRIES);
        let joined = if join { entries as usize } else { 0 };
        let into = self.arena.memory().words(block + HEAD, 2 * high);
        let mine = self.arena.memory().words(self.base, 2 * high);
        for (i, (into, mine)) in into.chunks_exact(2).zip(mine.chunks_exact(2)).enumerate() {
            let full = mine[0].load(Relaxed);
            let weak = if strength == Strength::Lock { 0 } else { mine[1].load(Relaxed) };
            if i < joined {
                raise(&into[0], full);
                raise(&into[1], weak);
            } else {
                into[0].store(full, Relaxed);
                into[1].store(weak, Relaxed);
            }
        }
        if entries != high as u64 {
            head.store(room | high as u64, Relaxed);
        }
        self.advance();
        Ok(())
    }

    /// Comes after what was released into the clock.
    #[inline]
    pub fn acquire(&self, place: &AtomicU64) {
        let block = place.load(Relaxed) as usize;
        if block == 0 {
            return;
        }
        let count = (self.arena.at(block).load(Relaxed) & ENTRIES) as usize;
        let from = self.arena.memory().words(block + HEAD, 2 * count);
        let mine = self.arena.memory().words(self.base, 2 * count);
        for (mine, from) in mine.iter().zip(from) {
            raise(mine, from.load(Relaxed));
        }
    }
}

#[inline]
fn raise(entry: &AtomicU64, to: u64) {
    if to > entry.load(Relaxed) {
        entry.store(to, Relaxed);
    }
}

/// The block of a clock, with room for `entries`, of which there are never
/// fewer than before.
#[inline]
fn room(arena: &Arena, place: &AtomicU64, entries: usize, holder: u32) -> Result<usize, OutOfMemory> {
    let block = place.load(Relaxed) as usize;
    if block != 0 && (arena.at(block).load(Relaxed) >> ROOM) as usize >= entries {
        return Ok(block);
    }
    grown(arena, place, block, entries, holder)
}

#[cold]
fn grown(arena: &Arena, place: &AtomicU64, block: usize, entries: usize, holder: u32) -> Result<usize, OutOfMemory> {
    let larger = arena.heap().allocate(HEAD + 16 * entries, holder)?;
    let room = (arena.heap().size(larger) - HEAD) / 16;
    let known = if block == 0 { 0 } else { arena.at(block).load(Relaxed) & ENTRIES };
    arena.at(larger).store((room as u64) << ROOM | known, Relaxed);
    for i in 0..2 * known as usize {
        arena.at(larger + HEAD + 8 * i).store(arena.at(block + HEAD + 8 * i).load(Relaxed), Relaxed);
    }
    place.store(larger as u64, Relaxed);
    if block != 0 {
        arena.heap().free(block, holder);
    }
    Ok(larger)
}
