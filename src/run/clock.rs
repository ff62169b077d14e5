//! Vector clocks in the arena. A task's clock stands in its slot; an object's
//! clocks, and those of a queue's places, are blocks of the heap.
//!
//! Each entry is a pair: what is known by all edges, and by all but those of
//! locks. The second tells which acquires of locks nothing else keeps apart,
//! for the prediction of deadlocks. A task counts its own entry up after each
//! release, never before, so that what it does next is not covered by what it
//! released (FastTrack, Flanagan and Freund, PLDI 2009).
//!
//! A block says too whose clock it holds, and which state of it. Who takes a lock
//! that nobody else has had meanwhile has nothing to learn, and who lets go of it
//! and has learnt nothing writes one entry: both take the same time however many
//! tasks there are.

use super::arena::{Arena, run, slot};
use super::heap::OutOfMemory;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

/// A clock's block: how many entries and for how many there is room, as two
/// halves of a word, whose clock it is, then their pairs. (The heap knows the
/// room too, but its word stands in another line of the cache.)
const HEAD: usize = 16;
/// Whose: see `TaskClock::stamp`; 0 if it is of several tasks.
const STAMP: usize = 8;
const ROOM: u32 = 32;
const ENTRIES: u64 = (1 << ROOM) - 1;
/// In a stamp, the bits below the task's number.
const LEARNT_BITS: u32 = 39;
/// In its stamp's place the base of other clocks counts who refers to it, far below the
/// stamp of any task.
const REFERRED: usize = STAMP;

/// In the head: only what is known is there, each entry with its slot above its
/// first word's bits. So are the clocks of those that have ended, of which there may
/// be many and most know of few; there is no room for more.
const SPARSE: u64 = 1 << 31;
/// In a sparse clock's head: the word behind the head names another sparse clock, and
/// the entries are those that differ from it, 0 where nothing is known. Of those that
/// end one after another each knows little else than the one before.
const ON_BASE: u64 = 1 << 30;
/// The number of entries in a sparse clock's head.
const SPARSE_ENTRIES: u64 = ON_BASE - 1;
/// Shorter clocks are not worth a base.
const BASED_MIN: usize = 32;
/// A clock's value has so many bits.
const VALUE_BITS: u32 = 48;

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
    words: &'a [AtomicU64; slot::COUNT],
    slot: usize,
}

impl<'a> TaskClock<'a> {
    pub fn new(arena: &'a Arena, slot: usize) -> TaskClock<'a> {
        TaskClock { arena, words: arena.slot_words(slot), slot }
    }

    /// The same for who knows the slot's words.
    #[inline(always)]
    pub fn of(arena: &'a Arena, words: &'a [AtomicU64; slot::COUNT], slot: usize) -> TaskClock<'a> {
        TaskClock { arena, words, slot }
    }

    #[inline(always)]
    fn full(&self, of: usize) -> &'a AtomicU64 {
        &self.words[slot::CLOCK + 2 * of]
    }

    #[inline(always)]
    fn weak(&self, of: usize) -> &'a AtomicU64 {
        &self.words[slot::CLOCK + 2 * of + 1]
    }

    /// The first entries' words.
    #[inline(always)]
    fn entries(&self, count: usize) -> &'a [AtomicU64] {
        &self.words[slot::CLOCK..][..2 * count]
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

    #[inline(always)]
    pub fn own(&self) -> u64 {
        self.get(self.slot)
    }

    #[inline(always)]
    pub fn advance(&self) {
        let next = self.own() + 1;
        self.full(self.slot).store(next, Relaxed);
        self.weak(self.slot).store(next, Relaxed);
    }

    /// The task as stamps tell it: by its place in the order of birth, since slots and
    /// handles are used again.
    #[inline(always)]
    fn teller(&self) -> u64 {
        self.words[slot::NUMBER].load(Relaxed) + 1
    }

    /// The task and how often it has learnt something: while both are the same, the
    /// clock has changed in its own entry at the most. 0 where there is no room for
    /// either number.
    #[inline(always)]
    fn stamp(&self) -> u64 {
        let (task, learnt) = (self.teller(), self.words[slot::LEARNT].load(Relaxed));
        let fits = learnt >> LEARNT_BITS == 0 && task >> (u64::BITS - LEARNT_BITS) == 0;
        if fits { task << LEARNT_BITS | learnt } else { 0 }
    }

    /// Only who may write the clock counts.
    #[inline(always)]
    fn learn(&self) {
        let learnt = &self.words[slot::LEARNT];
        learnt.store(learnt.load(Relaxed) + 1, Relaxed);
    }

    /// Begins at `own`, knowing what `parent` knows.
    pub fn begin(&self, parent: Option<TaskClock>, own: u64) {
        let high = self.arena.slots_high();
        self.learn();
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
        self.learn();
        for i in 0..self.arena.slots_high() {
            raise(self.full(i), other.get(i));
            raise(self.weak(i), other.get_weak(i));
        }
    }

    /// Releases into the clock whose block `place` names: replaces what is
    /// there, or joins it. Counts up.
    #[inline(always)]
    pub fn release(&self, place: &AtomicU64, join: bool, strength: Strength, holder: u32) -> Result<(), OutOfMemory> {
        let block = place.load(Relaxed) as usize;
        if block != 0 {
            let mine = self.stamp();
            let at = |offset: usize| self.arena.at(block + offset);
            // What is there is what this task released last, and so what it would
            // release now but for its own entry, in both ways.
            let same = mine != 0 && at(STAMP).load(Relaxed) == mine;
            if same && at(0).load(Relaxed) & ENTRIES == self.arena.slots_high() as u64 {
                let own = self.own();
                at(HEAD + 16 * self.slot).store(own, Relaxed);
                if strength == Strength::Order {
                    at(HEAD + 16 * self.slot + 8).store(own, Relaxed);
                }
                self.advance();
                return Ok(());
            }
        }
        self.release_anew(place, join, strength, holder)
    }

    #[inline(never)]
    fn release_anew(self, place: &AtomicU64, join: bool, strength: Strength, holder: u32) -> Result<(), OutOfMemory> {
        let high = self.arena.slots_high();
        let block = room(self.arena, place, high, holder)?;
        let stamp = self.arena.at(block + STAMP);
        // A task that is killed in the middle leaves a clock of nobody.
        stamp.store(0, Relaxed);
        fence(Release);
        if self.release_all(block, high, join, strength) {
            stamp.store(self.stamp(), Release);
        }
        self.advance();
        Ok(())
    }

    /// Releases for the last time, by all edges, into a place where mostly nothing is
    /// yet: what it knows, and nothing of what it does not.
    pub fn leave(&self, place: &AtomicU64, join: bool, holder: u32) -> Result<(), OutOfMemory> {
        if place.load(Relaxed) != 0 {
            return self.release(place, join, Strength::Order, holder);
        }
        // First the base: what it knows of is no higher than all slots by then.
        let base = if self.arena.slots_high() < BASED_MIN { 0 } else { refer_to_base(self.arena, holder) };
        let mine = self.entries(self.arena.slots_high());
        let block = match differences(self.arena, mine, base) {
            Some(few) => self.write_sparse(Some(base), few.len(), few.into_iter(), holder)?,
            None => {
                give_up_base(self.arena, base, holder);
                let known = entries_of(mine).filter(|entry| entry.1 != 0);
                let count = known.clone().count();
                let block = self.write_sparse(None, count, known, holder)?;
                if count >= BASED_MIN {
                    // Whose clock it is, and who comes next.
                    self.arena.at(block + REFERRED).store(2, Relaxed);
                    give_up_base(self.arena, change_base(self.arena, block, holder), holder);
                }
                block
            }
        };
        place.store(block as u64, Release);
        self.advance();
        Ok(())
    }

    fn write_sparse(
        &self,
        base: Option<usize>,
        count: usize,
        entries: impl Iterator<Item = Entry>,
        holder: u32,
    ) -> Result<usize, OutOfMemory> {
        let head = HEAD + if base.is_some() { 8 } else { 0 };
        let block = self.arena.heap().allocate(head + 16 * count, holder)?;
        let into = self.arena.memory().words(block + head, 2 * count);
        for (into, (of, full, weak)) in into.chunks_exact(2).zip(entries) {
            into[0].store((of as u64) << VALUE_BITS | full, Relaxed);
            into[1].store(weak, Relaxed);
        }
        let on_base = base.map_or(0, |base| {
            self.arena.at(block + HEAD).store(base as u64, Relaxed);
            ON_BASE
        });
        self.arena.at(block + STAMP).store(0, Relaxed);
        self.arena.at(block).store(SPARSE | on_base | count as u64, Relaxed);
        Ok(block)
    }

    /// Every entry. Whether what is there then is this task's clock and no more.
    #[inline]
    fn release_all(&self, block: usize, high: usize, join: bool, strength: Strength) -> bool {
        let head = self.arena.at(block);
        let (entries, room) = (head.load(Relaxed) & ENTRIES, head.load(Relaxed) & !ENTRIES);
        let joined = if join { entries as usize } else { 0 };
        let into = self.arena.memory().words(block + HEAD, 2 * high);
        let mine = self.entries(high);
        let mut covered = true;
        for (i, (into, mine)) in into.chunks_exact(2).zip(mine.chunks_exact(2)).enumerate() {
            let full = mine[0].load(Relaxed);
            let weak = if strength == Strength::Lock { 0 } else { mine[1].load(Relaxed) };
            if i < joined {
                covered &= into[0].load(Relaxed) <= full && into[1].load(Relaxed) <= weak;
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
        covered
    }

    /// The clock is about to be acquired and then released into.
    #[inline(always)]
    pub fn prefetch_block(arena: &Arena, place: &AtomicU64) {
        const LINE: usize = 64;
        let block = place.load(Relaxed) as usize;
        if block != 0 {
            for at in (0..HEAD + 16 * arena.slots_high()).step_by(LINE) {
                super::memory::prefetch_for_write(arena.at(block + at));
            }
        }
    }

    /// Comes after what was released into the clock.
    #[inline(always)]
    pub fn acquire(&self, place: &AtomicU64) {
        let block = place.load(Relaxed) as usize;
        if block == 0 {
            return;
        }
        // There is nothing to learn from what it released itself.
        if self.arena.at(block + STAMP).load(Relaxed) >> LEARNT_BITS != self.teller() {
            self.acquire_all(block);
        }
    }

    /// Comes after what was released into the clock, by an edge of a lock's strength, whatever
    /// it was released by: which of the two comes first is as open as who takes a lock first.
    pub fn acquire_as_lock(&self, place: &AtomicU64) {
        let block = place.load(Relaxed) as usize;
        if block == 0 || self.arena.at(block + STAMP).load(Relaxed) >> LEARNT_BITS == self.teller() {
            return;
        }
        let head = self.arena.at(block).load(Relaxed);
        let mut learnt = false;
        if head & SPARSE != 0 {
            for (of, full, _) in sparse(self.arena, block) {
                learnt |= raise(self.full(of), full);
            }
        } else {
            let count = (head & ENTRIES) as usize;
            let from = self.arena.memory().words(block + HEAD, 2 * count);
            for (mine, from) in self.entries(count).chunks_exact(2).zip(from.chunks_exact(2)) {
                learnt |= raise(&mine[0], from[0].load(Relaxed));
            }
        }
        if learnt {
            self.learn();
        }
    }

    /// Comes after what was released into the clock, and releases in its stead, by all
    /// edges: as `acquire` and `release`, in one go.
    #[inline(always)]
    pub fn exchange(&self, place: &AtomicU64, holder: u32) -> Result<(), OutOfMemory> {
        let block = place.load(Relaxed) as usize;
        let high = self.arena.slots_high();
        let whole = block != 0 && self.arena.at(block).load(Relaxed) & ENTRIES == high as u64;
        if whole && self.arena.at(block + STAMP).load(Relaxed) >> LEARNT_BITS != self.teller() {
            self.exchange_all(block, high);
            return Ok(());
        }
        self.acquire(place);
        self.release(place, false, Strength::Order, holder)
    }

    #[inline(never)]
    fn exchange_all(self, block: usize, high: usize) {
        let stamp = self.arena.at(block + STAMP);
        // As in `release_anew`.
        stamp.store(0, Relaxed);
        fence(Release);
        let theirs = self.arena.memory().words(block + HEAD, 2 * high);
        let mut learnt = false;
        for (mine, theirs) in self.entries(high).iter().zip(theirs) {
            let (own, other) = (mine.load(Relaxed), theirs.load(Relaxed));
            if other > own {
                mine.store(other, Relaxed);
                learnt = true;
            } else if other < own {
                theirs.store(own, Relaxed);
            }
        }
        if learnt {
            self.learn();
        }
        stamp.store(self.stamp(), Release);
        self.advance();
    }

    #[inline(never)]
    fn acquire_all(self, block: usize) {
        let head = self.arena.at(block).load(Relaxed);
        if head & SPARSE != 0 {
            let mut learnt = false;
            for (of, full, weak) in sparse(self.arena, block) {
                learnt |= raise(self.full(of), full);
                learnt |= raise(self.weak(of), weak);
            }
            if learnt {
                self.learn();
            }
            return;
        }
        let count = (head & ENTRIES) as usize;
        let from = self.arena.memory().words(block + HEAD, 2 * count);
        let mine = self.entries(count);
        let mut learnt = false;
        for (mine, from) in mine.iter().zip(from) {
            learnt |= raise(mine, from.load(Relaxed));
        }
        if learnt {
            self.learn();
        }
    }
}

/// Of which slot, what is known by all edges, by all but those of locks.
type Entry = (usize, u64, u64);

/// What is known in a sparse clock, in the order of the slots.
#[derive(Clone, Default)]
struct Known<'a> {
    /// The words of its own entries that are to come, and of its base's.
    own: &'a [AtomicU64],
    base: &'a [AtomicU64],
}

fn sparse(arena: &Arena, block: usize) -> Known<'_> {
    let head = |block: usize| arena.at(block).load(Relaxed);
    let entries =
        |block: usize, at: usize| arena.memory().words(block + at, 2 * (head(block) & SPARSE_ENTRIES) as usize);
    if head(block) & ON_BASE == 0 {
        return Known { own: entries(block, HEAD), base: &[] };
    }
    // A base has none itself.
    let base = arena.at(block + HEAD).load(Relaxed) as usize;
    Known { own: entries(block, HEAD + 8), base: entries(base, HEAD) }
}

impl Iterator for Known<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let first = |words: &[AtomicU64]| {
            let (first, weak) = (words.first()?.load(Relaxed), words.get(1)?.load(Relaxed));
            Some(((first >> VALUE_BITS) as usize, first & ((1 << VALUE_BITS) - 1), weak))
        };
        let (own, base) = (first(self.own), first(self.base));
        let slot = |entry: Option<Entry>| entry.map_or(usize::MAX, |entry| entry.0);
        let is_own = slot(own) <= slot(base);
        if slot(base) <= slot(own) && base.is_some() {
            self.base = &self.base[2..];
        }
        if is_own && own.is_some() {
            self.own = &self.own[2..];
        }
        if is_own { own } else { base }
    }
}

/// All entries of a whole clock.
fn entries_of(words: &[AtomicU64]) -> impl Iterator<Item = Entry> + Clone {
    words.chunks_exact(2).enumerate().map(|(of, pair)| (of, pair[0].load(Relaxed), pair[1].load(Relaxed)))
}

/// The entries of a whole clock that differ from those of a base, if they are so few
/// that they are worth it. A base is written anew when what has come since takes as
/// much room, each time, as the base does for all that rest on it.
fn differences(arena: &Arena, mine: &[AtomicU64], base: usize) -> Option<Vec<Entry>> {
    let slots = mine.len() / 2;
    if base == 0 || slots < BASED_MIN {
        return None;
    }
    let most = (2 * slots).isqrt();
    let mut base = sparse(arena, base).own.chunks_exact(2);
    let mut next = base.next();
    let (mut known, mut differing) = (0, Vec::with_capacity(most));
    for (of, full, weak) in entries_of(mine) {
        let mut there = (0, 0);
        if let Some([first, other]) = next
            && (first.load(Relaxed) >> VALUE_BITS) as usize == of
        {
            there = (first.load(Relaxed) & ((1 << VALUE_BITS) - 1), other.load(Relaxed));
            next = base.next();
        }
        known += usize::from(full != 0);
        if (full, weak) != there {
            if differing.len() == most {
                return None;
            }
            differing.push((of, full, weak));
        }
    }
    (differing.len() < known).then_some(differing)
}

/// Whether it was lower.
#[inline]
fn raise(entry: &AtomicU64, to: u64) -> bool {
    let lower = to > entry.load(Relaxed);
    if lower {
        entry.store(to, Relaxed);
    }
    lower
}

/// The base that the clocks of those who end are written on now, referred to once more;
/// 0 if there is none.
fn refer_to_base(arena: &Arena, holder: u32) -> usize {
    with_base(arena, holder, || {
        let base = arena.run(run::ENDED_CLOCK).load(Relaxed) as usize;
        if base != 0 {
            arena.at(base + REFERRED).fetch_add(1, Relaxed);
        }
        base
    })
}

/// From now on it is this one. The one before.
fn change_base(arena: &Arena, base: usize, holder: u32) -> usize {
    with_base(arena, holder, || arena.run(run::ENDED_CLOCK).swap(base as u64, Release) as usize)
}

/// So a base is not given back between who finds it and who refers to it.
fn with_base<T>(arena: &Arena, holder: u32, f: impl FnOnce() -> T) -> T {
    let guard = arena.run_half(run::ENDED_GUARD);
    super::guard::spin_lock(guard, holder);
    let result = f();
    guard.store(0, Release);
    result
}

/// A base is referred to once less. Who is killed in the middle leaves one too many.
fn give_up_base(arena: &Arena, base: usize, holder: u32) {
    if base != 0 && arena.at(base + REFERRED).fetch_sub(1, AcqRel) == 1 {
        arena.heap().free(base, holder);
    }
}

/// Gives back a clock that nobody will look at. One that others rest on stays as long as
/// they do.
pub fn give_back(arena: &Arena, place: &AtomicU64, holder: u32) {
    give_back_block(arena, place.swap(0, Relaxed) as usize, holder);
}

fn give_back_block(arena: &Arena, block: usize, holder: u32) {
    if block == 0 {
        return;
    }
    let head = arena.at(block).load(Relaxed);
    if head & SPARSE != 0 && head & ON_BASE == 0 && (head & SPARSE_ENTRIES) as usize >= BASED_MIN {
        return give_up_base(arena, block, holder);
    }
    let base = if head & SPARSE != 0 && head & ON_BASE != 0 { arena.at(block + HEAD).load(Relaxed) } else { 0 };
    arena.heap().free(block, holder);
    give_up_base(arena, base as usize, holder);
}

/// What was released into one clock is released into the other too.
pub fn add(arena: &Arena, from: &AtomicU64, into: &AtomicU64, holder: u32) -> Result<(), OutOfMemory> {
    let other = from.load(Relaxed) as usize;
    if other == 0 {
        return Ok(());
    }
    let high = arena.slots_high();
    let block = room(arena, into, high, holder)?;
    arena.at(block + STAMP).store(0, Relaxed);
    let head = arena.at(block);
    let words = arena.memory().words(block + HEAD, 2 * high);
    let known = (head.load(Relaxed) & ENTRIES) as usize;
    words[2 * known.min(high)..].iter().for_each(|word| word.store(0, Relaxed));
    head.store(head.load(Relaxed) & !ENTRIES | known.max(high) as u64, Relaxed);
    let each = |(of, full, weak): Entry| {
        raise(&words[2 * of], full);
        raise(&words[2 * of + 1], weak);
    };
    let theirs = arena.at(other).load(Relaxed);
    if theirs & SPARSE != 0 {
        sparse(arena, other).for_each(each);
    } else {
        entries_of(arena.memory().words(other + HEAD, 2 * (theirs & ENTRIES) as usize)).for_each(each);
    }
    Ok(())
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
    let head = if block == 0 { 0 } else { arena.at(block).load(Relaxed) };
    let known = if head & SPARSE == 0 { head & ENTRIES } else { entries as u64 };
    arena.at(larger).store((room as u64) << ROOM | known, Relaxed);
    arena.at(larger + STAMP).store(0, Relaxed);
    let into = arena.memory().words(larger + HEAD, 2 * known as usize);
    if head & SPARSE == 0 {
        for (i, into) in into.iter().enumerate() {
            into.store(arena.at(block + HEAD + 8 * i).load(Relaxed), Relaxed);
        }
    } else {
        into.iter().for_each(|word| word.store(0, Relaxed));
        for (of, full, weak) in sparse(arena, block) {
            into[2 * of].store(full, Relaxed);
            into[2 * of + 1].store(weak, Relaxed);
        }
    }
    place.store(larger as u64, Relaxed);
    give_back_block(arena, block, holder);
    Ok(larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(u64, u64)>;

    fn join(into: &mut Pairs, from: &Pairs) {
        for (a, b) in into.iter_mut().zip(from) {
            *a = (a.0.max(b.0), a.1.max(b.1));
        }
    }

    /// Vector clocks as they are in the book: every entry, every time.
    struct Plain {
        tasks: Vec<Pairs>,
        clocks: Vec<Pairs>,
    }

    impl Plain {
        fn release(&mut self, task: usize, clock: usize, joined: bool, strength: Strength) {
            let mut released = self.tasks[task].clone();
            if strength == Strength::Lock {
                released.iter_mut().for_each(|pair| pair.1 = 0);
            }
            if joined {
                join(&mut released, &self.clocks[clock].clone());
            }
            self.clocks[clock] = released;
            self.advance(task);
        }

        fn advance(&mut self, task: usize) {
            let own = self.tasks[task][task].0 + 1;
            self.tasks[task][task] = (own, own);
        }
    }

    fn random(state: &mut u64, below: usize) -> usize {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 33) as usize % below
    }

    #[test]
    fn the_short_ways_lead_to_the_same_clocks() {
        const TASKS: usize = 4;
        const CLOCKS: usize = 3;
        let mut state = 1;
        let mut sparse_ones = 0;
        for _ in 0..50 {
            let arena = Arena::new(1 << 20).unwrap();
            arena.run(run::SLOTS_HIGH).store(TASKS as u64, Relaxed);
            let mut plain =
                Plain { tasks: vec![vec![(0, 0); TASKS]; TASKS], clocks: vec![vec![(0, 0); TASKS]; CLOCKS] };
            let mut born = 0;
            let mut bear = |plain: &mut Plain, slot: usize, parent: Option<usize>, own: u64| {
                arena.slot(slot, slot::NUMBER).store(born, Relaxed);
                born += 1;
                TaskClock::new(&arena, slot).begin(parent.map(|p| TaskClock::new(&arena, p)), own);
                plain.tasks[slot] = parent.map_or(vec![(0, 0); TASKS], |p| plain.tasks[p].clone());
                plain.tasks[slot][slot] = (own, own);
            };
            (0..TASKS).for_each(|slot| bear(&mut plain, slot, None, 1));
            let places: Vec<AtomicU64> = (0..CLOCKS).map(|_| AtomicU64::new(0)).collect();
            for _ in 0..200 {
                // Mostly the same task and clock as before, which is what the short
                // ways are for.
                let (task, clock) = (random(&mut state, 8) % TASKS, random(&mut state, 6) % CLOCKS);
                let (task, clock) = if random(&mut state, 2) == 0 { (0, 0) } else { (task, clock) };
                let strength = if clock == 0 { Strength::Lock } else { Strength::Order };
                let one = TaskClock::new(&arena, task);
                match random(&mut state, 16) {
                    15 => {
                        let place = &places[clock.max(1)];
                        one.leave(place, true, 1).unwrap();
                        plain.release(task, clock.max(1), true, Strength::Order);
                    }
                    0..=4 => {
                        let joined = random(&mut state, 3) == 0;
                        one.release(&places[clock], joined, strength, 1).unwrap();
                        plain.release(task, clock, joined, strength);
                    }
                    12..=14 => {
                        // A clock is always of the same strength.
                        let clock = clock.max(1);
                        one.exchange(&places[clock], 1).unwrap();
                        join(&mut plain.tasks[task], &plain.clocks[clock].clone());
                        plain.release(task, clock, false, Strength::Order);
                    }
                    5..=9 => {
                        one.acquire(&places[clock]);
                        join(&mut plain.tasks[task], &plain.clocks[clock].clone());
                    }
                    10 => {
                        let other = random(&mut state, TASKS);
                        one.join_task(TaskClock::new(&arena, other));
                        let known = plain.tasks[other].clone();
                        join(&mut plain.tasks[task], &known);
                        one.advance();
                        plain.advance(task);
                    }
                    _ => {
                        let own = one.own() + 1;
                        bear(&mut plain, task, Some((task + 1) % TASKS), own);
                    }
                }
                for slot in 0..TASKS {
                    let clock = TaskClock::new(&arena, slot);
                    let pairs: Pairs = (0..TASKS).map(|of| (clock.get(of), clock.get_weak(of))).collect();
                    assert_eq!(pairs, plain.tasks[slot]);
                }
                for (place, expected) in places.iter().zip(&plain.clocks) {
                    let block = place.load(Relaxed) as usize;
                    if block == 0 {
                        continue;
                    }
                    let head = arena.at(block).load(Relaxed);
                    let pair = |of: usize| {
                        let at = block + HEAD + 16 * of;
                        (arena.at(at).load(Relaxed), arena.at(at + 8).load(Relaxed))
                    };
                    let mut known = vec![(0, 0); TASKS];
                    if head & SPARSE == 0 {
                        known = (0..TASKS).map(pair).collect();
                    } else {
                        sparse(&arena, block).for_each(|(of, full, weak)| known[of] = (full, weak));
                        sparse_ones += 1;
                    }
                    assert_eq!(&known, expected);
                }
            }
        }
        assert!(sparse_ones > 100, "{sparse_ones}");
    }

    /// Of many that end, each clock is what the task knew, however it is written down,
    /// and where each knows little else than the one before they take little room.
    #[test]
    fn the_clocks_of_those_that_have_ended_share_what_is_the_same() {
        const TASKS: usize = 300;
        let arena = Arena::new(16 << 20).unwrap();
        arena.run(run::SLOTS_HIGH).store(TASKS as u64, Relaxed);
        let mut state = 7;
        let mut expected: Vec<(AtomicU64, Pairs)> = Vec::new();
        let mut known: Pairs = vec![(0, 0); TASKS];
        let before = arena.heap().used();
        for end in 0..2000 {
            let slot = random(&mut state, TASKS);
            let clock = TaskClock::new(&arena, slot);
            // Mostly what the one before knew, now and then something else altogether.
            match random(&mut state, 100) {
                0 => known.iter_mut().for_each(|pair| *pair = (0, 0)),
                1 => known.iter_mut().for_each(|pair| pair.0 = 1 + random(&mut state, 9) as u64),
                _ => known[random(&mut state, TASKS)] = (random(&mut state, 3) as u64, 0),
            }
            known[slot] = (end + 1, end + 1);
            for (of, (full, weak)) in known.iter().enumerate() {
                clock.full(of).store(*full, Relaxed);
                clock.weak(of).store(*weak, Relaxed);
            }
            let place = AtomicU64::new(0);
            clock.leave(&place, false, 1).unwrap();
            expected.push((place, known.clone()));
        }
        let used = arena.heap().used() - before;
        assert!(used < 2000 * 16 * TASKS / 4, "{used} bytes");
        let clock = TaskClock::new(&arena, 0);
        let mut based = 0;
        for (place, expected) in &expected {
            for of in 0..TASKS {
                clock.full(of).store(0, Relaxed);
                clock.weak(of).store(0, Relaxed);
            }
            clock.acquire_all(place.load(Relaxed) as usize);
            let pairs: Pairs = (0..TASKS).map(|of| (clock.get(of), clock.get_weak(of))).collect();
            assert_eq!(&pairs, expected);
            based += usize::from(arena.at(place.load(Relaxed) as usize).load(Relaxed) & ON_BASE != 0);
        }
        assert!((1000..2000).contains(&based), "{based}");
        // One that is a base is joined into; those that rest on it stay what they were.
        let base = arena.run(run::ENDED_CLOCK).load(Relaxed);
        let (place, _) = expected.iter().find(|e| e.0.load(Relaxed) == base).expect("the base");
        TaskClock::new(&arena, 1).release(place, true, Strength::Order, 1).unwrap();
        let (last, known) = expected.last().expect("the last one");
        (0..TASKS).for_each(|of| clock.full(of).store(0, Relaxed));
        clock.acquire_all(last.load(Relaxed) as usize);
        assert!((0..TASKS).all(|of| clock.get(of) == known[of].0));
    }
}
