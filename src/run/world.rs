//! Objects as a transition sees them: the run's [`World`], for a task that has
//! taken the guards. It owns how an object's words, its values and the held locks
//! are changed so that they can be taken back; guards, clocks and waiters are
//! others' (`executor`, `clock`, `wait`).

use super::arena::{Arena, HELD, flag, object, ring, slot, state};
use super::clock::{Strength, TaskClock};
use super::codec;
use super::ends::{AtEnd, Ends};
use super::events::About;
use super::executor::Executor;
use super::heap::OutOfMemory;
use super::slots::slot_of_ended;
use super::undo;
use crate::detect::event::Kind;
use crate::objects::{self, Edge, End, Mode, TaskId, World, queue};
use crate::program::value::Value;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// A queue's ring has so many places at the most from the beginning; that of a queue of
/// more grows with what is in it.
const PLACES_KEPT: u64 = 1 << 16;

/// Where an object is, and its words. No more than fits into two registers.
#[derive(Clone, Copy)]
pub struct Object {
    pub at: usize,
    pub words: &'static [AtomicU64; object::COUNT],
}

impl Object {
    pub fn of(arena: &'static Arena, id: u32) -> Object {
        let at = arena.object_at(id);
        Object { at, words: arena.object_words(at) }
    }

    #[inline(always)]
    pub fn guard(&self, arena: &'static Arena) -> &'static AtomicU32 {
        arena.half_at(self.at)
    }

    #[inline(always)]
    pub fn version(&self, arena: &'static Arena) -> &'static AtomicU32 {
        arena.half_at(self.at + 4)
    }

    /// Whether it has a ring; if so, whether that has ends is settled.
    #[inline(always)]
    pub fn has_ring(&self) -> bool {
        self.words[object::RING].load(Acquire) != 0
    }

    /// The two ends, if its ring has such.
    #[inline(always)]
    pub fn ends(&self, arena: &'static Arena) -> Option<Ends> {
        Ends::of(arena, self.words)
    }

    /// Changes whenever something about the object did, at its ends too.
    pub fn state(&self, arena: &'static Arena) -> u32 {
        let own = self.version(arena).load(Relaxed);
        self.ends(arena).map_or(own, |ends| own.wrapping_add(ends.version()))
    }

    /// Lets go of the guard, and of those of the ends.
    #[inline(always)]
    pub fn let_go(&self, arena: &'static Arena) {
        if let Some(ends) = self.ends(arena) {
            ends.let_go();
        }
        self.guard(arena).store(0, Release);
    }

    /// The first of those that wait; 0 if nobody does.
    #[inline(always)]
    pub fn first_waiter(&self) -> usize {
        self.load(object::HEAD) as usize
    }

    #[inline(always)]
    fn load(&self, word: usize) -> u64 {
        self.words[word].load(Relaxed)
    }

    /// The values, if there are any, are mostly where others have just been: their
    /// line of the cache comes while that of the guard does.
    #[inline(always)]
    pub fn prefetch_values(&self, arena: &'static Arena) {
        let ring = self.load(object::RING) as usize;
        if ring != 0 && self.load(object::ENDS) == 0 {
            super::memory::prefetch_for_write(arena.at(ring));
            if self.load(object::RING_PLACES) == 1 {
                TaskClock::prefetch_block(arena, arena.at(ring::clock(ring, 1, 0)));
            }
        }
    }

    /// Where the value of that number behind the first one stands, and its clock.
    #[inline(always)]
    pub fn ring_place(&self, index: u64) -> (usize, usize) {
        let (places, place) = (self.load(object::RING_PLACES), self.load(object::RING_FIRST) + index);
        // Both are below the number of places, or the ring is empty.
        let place = if place >= places { place.saturating_sub(places) } else { place } as usize;
        let block = self.load(object::RING) as usize;
        if self.load(object::ENDS) != 0 {
            let line = ring::place_with_ends(block, places as usize, place);
            return (line + ring::VALUE, ring::clock_with_ends(block, place));
        }
        (ring::value(block, place), ring::clock(block, places as usize, place))
    }

    /// The version changes whenever something about the object did. Only who
    /// holds the guard writes it.
    #[inline(always)]
    pub fn touched(&self, arena: &'static Arena) {
        let version = self.version(arena);
        version.store(version.load(Relaxed).wrapping_add(1), Release);
    }
}

/// What a transition works on: one object above all, which need not be looked up
/// again and again, and whatever else it comes to. All that is asked for on the
/// short ways is at hand here and stays in registers, as long as no function is
/// given a reference to it: so what is not put together where it is called takes the
/// task. Made by `Executor::in_world`, or by who lets go of the guard right after it.
pub struct Guarded<'e> {
    task: &'e mut Executor,
    id: u32,
    object: Object,
    arena: &'static Arena,
    slot: &'static [AtomicU64; slot::COUNT],
    /// How many changes can be taken back: as the task has it, once this is settled.
    undone: usize,
    /// Only this end is guarded, at which the task is: nobody waits whom an operation
    /// there would wake, and what it changes stands at once.
    end: Option<(AtEnd, bool)>,
}

impl<'e> Guarded<'e> {
    #[inline(always)]
    pub fn new(task: &'e mut Executor, id: u32, object: Object) -> Guarded<'e> {
        let (arena, slot, undone) = (task.arena, task.words, task.undone);
        Guarded { task, id, object, arena, slot, undone, end: None }
    }

    /// The task knows what was changed.
    #[inline(always)]
    pub fn settle(&mut self) {
        self.task.undone = self.undone;
    }

    /// The same where nothing was changed yet.
    #[inline(always)]
    pub fn unchanged(task: &'e mut Executor, id: u32, object: Object) -> Guarded<'e> {
        let (arena, slot) = (task.arena, task.words);
        Guarded { task, id, object, arena, slot, undone: 0, end: None }
    }

    /// The same at an end alone; and whether that can go on.
    #[inline(always)]
    pub fn at_end(task: &'e mut Executor, id: u32, object: Object, at: AtEnd, goes: bool) -> Guarded<'e> {
        let (arena, slot) = (task.arena, task.words);
        Guarded { task, id, object, arena, slot, undone: 0, end: Some((at, goes)) }
    }

    /// Whether something was changed.
    #[inline(always)]
    pub fn is_changed(&self) -> bool {
        self.undone != 0
    }

    #[inline(always)]
    fn at(&self, id: u32) -> Object {
        if id == self.id { self.object } else { self.task.object(id) }
    }

    #[inline(always)]
    fn clock(&self) -> TaskClock<'static> {
        TaskClock::of(self.arena, self.slot, self.task.slot)
    }

    /// What goes a longer way, and may change words there.
    #[inline(always)]
    fn through<T>(&mut self, f: impl FnOnce(&mut Executor) -> T) -> T {
        self.settle();
        let result = f(self.task);
        self.undone = self.task.undone;
        result
    }

    /// See `Executor::change`.
    #[inline(always)]
    pub fn change(&mut self, at: usize, place: &AtomicU64, value: u64) {
        let old = (at, place.load(Relaxed));
        match undo::note(self.arena, self.slot, self.undone, old, self.task.holder) {
            Ok(()) => self.undone += 1,
            Err(error) => self.task.check_memory(Err(error)),
        }
        place.store(value, Release);
    }

    #[inline(always)]
    fn change_word(&mut self, object: Object, word: usize, value: u64) {
        self.change(object.at + 8 * word, &object.words[word], value);
    }

    /// A word of the task's slot.
    #[inline(always)]
    fn change_slot(&mut self, word: usize, value: u64) {
        self.change(self.task.slot_at + 8 * word, &self.slot[word], value);
    }

    // -------------------------------------------------------------- held locks

    #[inline(always)]
    fn holds_at(&self, index: usize, object: u32, mode: Mode) -> bool {
        let at = held_at(index);
        self.slot[at].load(Relaxed) == u64::from(object) && self.slot[at + 1].load(Relaxed) == mode_word(mode)
    }

    // ------------------------------------------------------------------ values

    /// The clock of a place that is likely to be next.
    #[inline(always)]
    fn prefetch_next(&self, object: Object, index: u64) {
        let (_, clock) = object.ring_place(index);
        TaskClock::prefetch_block(self.arena, self.arena.at(clock));
    }

    /// Whether what is put into an object is a message to another task.
    #[inline(always)]
    fn carries_messages(&self, object: Object) -> bool {
        let kind = object.load(object::KIND) as u8;
        kind == objects::place::queue || kind == objects::place::pool
    }

    #[inline(always)]
    fn release_into(&self, place: &AtomicU64, join: bool, strength: Strength) {
        let result = self.clock().release(place, join, strength, self.task.holder);
        if result.is_err() {
            self.task.check_memory(result);
        }
    }
}

impl Guarded<'_> {
    /// A value at the end where they are put: see `ends`.
    #[inline(always)]
    fn push_at(&mut self, at: AtEnd, value: &Value) {
        let word = match codec::small(value) {
            Some(word) => {
                if codec::is_object(word) {
                    self.task.share_word(word);
                }
                Ok(word)
            }
            None => {
                self.task.share(value);
                codec::to_word(value, self.arena.heap(), self.task.holder)
            }
        };
        let Ok(word) = word else {
            self.task.check_memory(Err(OutOfMemory));
            return;
        };
        if self.task.detect {
            self.exchange_with(at.clock());
        }
        at.value().store(word, Relaxed);
        at.hand_over(End::Put);
    }

    /// What a word was that is taken out of where it stood.
    #[inline(always)]
    fn taken(&mut self, word: u64) -> Value {
        if codec::owns_block(word) {
            self.task.give_back(word);
            let value = codec::to_value(word, self.arena.heap());
            self.task.take_over(&value);
            return value;
        }
        if codec::is_object(word) {
            self.task.take_over_word(word);
        }
        codec::small_value(word)
    }

    #[inline(always)]
    fn pop_at(&mut self, at: AtEnd) -> Value {
        let word = at.value().load(Relaxed);
        let value = self.taken(word);
        if self.task.detect {
            self.exchange_with(at.clock());
        }
        at.hand_over(End::Take);
        value
    }

    /// The same for a queue of so many places that none of them is kept by itself. As long
    /// as no more was put than has room, no place was freed; then it comes after all that
    /// was taken, not only after the one that freed its place: what is told is true, and
    /// only of queues that so many values went through may something be missed.
    #[cold]
    fn put_among_many(&mut self, here: Object, places: u64) {
        let puts = here.load(object::WORD + queue::PUTS);
        if puts >= places && self.task.detect {
            self.clock().acquire(&here.words[object::CLOCK + queue::FREED as usize]);
        }
        self.change_word(here, object::WORD + queue::PUTS, puts + 1);
    }

    #[inline(always)]
    fn exchange_with(&self, place: &AtomicU64) {
        let result = self.clock().exchange(place, self.task.holder);
        if result.is_err() {
            self.task.check_memory(result);
        }
    }
}

impl World for Guarded<'_> {
    #[inline(always)]
    fn word(&self, object: u32, index: usize) -> u64 {
        self.at(object).load(object::WORD + index)
    }

    #[inline(always)]
    fn set(&mut self, object: u32, index: usize, value: u64) {
        self.change_word(self.at(object), object::WORD + index, value);
    }

    #[inline(always)]
    fn me(&self) -> TaskId {
        self.task.task
    }

    /// With its place among those that had the number.
    #[inline(always)]
    fn teller(&self) -> u64 {
        self.task.life << u32::BITS | (u64::from(self.task.task) + 1)
    }

    #[inline(always)]
    fn may_wait(&self) -> bool {
        !self.task.in_atomic
    }

    #[inline(always)]
    fn site(&self) -> u32 {
        self.task.site
    }

    #[inline(always)]
    fn push(&mut self, object: u32, value: Value, bound: Option<u64>) {
        if let Some((at, _)) = self.end {
            return self.push_at(at, &value);
        }
        let here = self.at(object);
        let bounded = bound.is_some_and(|places| places <= PLACES_KEPT);
        let len = here.load(object::RING_LEN);
        let room = if len < here.load(object::RING_PLACES) {
            Ok(())
        } else {
            self.through(|task| grow_ring(task, object, bounded))
        };
        let word = match codec::small(&value) {
            Some(word) => {
                if codec::is_object(word) {
                    self.task.share_word(word);
                }
                Ok(word)
            }
            None => {
                self.task.share(&value);
                codec::to_word(&value, self.arena.heap(), self.task.holder)
            }
        };
        let (Ok(()), Ok(word)) = (room, word) else {
            self.task.check_memory(Err(OutOfMemory));
            return;
        };
        let (at, clock) = here.ring_place(len);
        let (place, clock) = (self.arena.at(at), self.arena.at(clock));
        super::memory::prefetch_for_write(place);
        if self.task.detect {
            TaskClock::prefetch_block(self.arena, clock);
        }
        self.change(at, place, word);
        if self.task.detect {
            if bounded {
                self.exchange_with(clock);
            } else {
                self.release_into(clock, false, Strength::Order);
            }
            if bounded && len + 1 < here.load(object::RING_PLACES) {
                self.prefetch_next(here, len + 1);
            }
        }
        self.change_word(here, object::RING_LEN, len + 1);
        if let Some(places) = bound.filter(|_| !bounded) {
            self.put_among_many(here, places);
        }
        if self.task.careful && self.task.records() && self.carries_messages(here) {
            self.task.note(Kind::Send, About::Object(object), &self.task.shown(&value));
        }
    }

    #[inline(always)]
    fn pop(&mut self, object: u32, bound: Option<u64>) -> Option<Value> {
        if let Some((at, goes)) = self.end {
            return goes.then(|| self.pop_at(at));
        }
        let here = self.at(object);
        let bounded = bound.is_some_and(|places| places <= PLACES_KEPT);
        let len = here.load(object::RING_LEN);
        if len == 0 {
            return None;
        }
        let (at, clock) = here.ring_place(0);
        let (place, clock) = (self.arena.at(at), self.arena.at(clock));
        if self.task.detect && bounded {
            TaskClock::prefetch_block(self.arena, clock);
        }
        let word = place.load(Relaxed);
        if codec::owns_block(word) {
            self.change(at, place, codec::NONE);
        }
        let value = self.taken(word);
        if self.task.detect {
            if bounded {
                self.exchange_with(clock);
                if len > 1 {
                    self.prefetch_next(here, 1);
                }
            } else {
                self.clock().acquire(clock);
                if bound.is_some() {
                    self.release(object, queue::FREED, Edge::Join);
                }
            }
        }
        let next = here.load(object::RING_FIRST) + 1;
        let first = if next < here.load(object::RING_PLACES) { next } else { 0 };
        self.change_word(here, object::RING_FIRST, first);
        self.change_word(here, object::RING_LEN, len - 1);
        if self.task.careful && self.task.records() && self.carries_messages(here) {
            self.task.note(Kind::Receive, About::Object(object), &self.task.shown(&value));
        }
        Some(value)
    }

    #[inline(always)]
    fn keep_value(&mut self, object: u32, value: Value) {
        self.through(|task| keep_as_ring(task, object, &value));
    }

    #[inline(always)]
    fn len(&self, object: u32) -> u64 {
        self.at(object).load(object::RING_LEN)
    }

    #[inline(always)]
    fn has_room(&self, object: u32, capacity: u64) -> bool {
        self.end.map_or_else(|| self.len(object) < capacity, |(_, goes)| goes)
    }

    #[inline(always)]
    fn release(&mut self, object: u32, clock: u8, edge: Edge) {
        if !self.task.detect {
            return;
        }
        let here = self.at(object);
        let kind = here.load(object::KIND) as u8;
        let (place, join) = (&here.words[object::CLOCK + clock as usize], edge == Edge::Join);
        if kind == objects::place::task {
            self.task.check_memory(self.task.clock().leave(place, join, self.task.holder));
            return;
        }
        let strength = if objects::is_lock(kind) { Strength::Lock } else { Strength::Order };
        self.release_into(place, join, strength);
    }

    #[inline(always)]
    fn acquire(&mut self, object: u32, clock: u8) {
        if self.task.detect {
            self.clock().acquire(&self.at(object).words[object::CLOCK + clock as usize]);
        }
    }

    #[inline(always)]
    fn hold(&mut self, object: u32, mode: Mode) {
        let count = self.slot[slot::HELD_COUNT].load(Relaxed) as usize;
        if count > 0 && self.task.detect && !self.task.gives_up {
            self.task.record_order(object, mode);
        }
        if count < HELD {
            // Nobody looks behind the count, so only that is taken back: no
            // transition takes a lock after it has let go of one.
            let base = held_at(count);
            self.slot[base].store(u64::from(object), Relaxed);
            self.slot[base + 1].store(mode_word(mode), Relaxed);
            self.slot[base + 2].store(u64::from(self.task.site), Relaxed);
            self.change_slot(slot::HELD_COUNT, count as u64 + 1);
        }
        if self.task.careful {
            self.task.note(Kind::Hold, About::Object(object), "");
        }
        self.task.lockset = None;
    }

    #[inline(always)]
    fn unhold(&mut self, object: u32, mode: Mode) {
        let count = self.slot[slot::HELD_COUNT].load(Relaxed) as usize;
        // Mostly the last one that it took.
        let last = count > 0 && count <= HELD && self.holds_at(count - 1, object, mode);
        if !last && !self.through(|task| close_up(task, object, mode)) {
            return;
        }
        self.change_slot(slot::HELD_COUNT, count as u64 - 1);
        if self.task.careful {
            self.task.note(Kind::Release, About::Object(object), "");
        }
        self.task.lockset = None;
    }

    #[inline(always)]
    fn holds(&self, object: u32, mode: Mode) -> bool {
        let count = self.slot[slot::HELD_COUNT].load(Relaxed) as usize;
        (0..count).any(|i| self.holds_at(i, object, mode))
    }

    #[inline(always)]
    fn holders(&self, object: u32) -> Vec<TaskId> {
        holders_of(self.arena, object)
    }

    #[inline(always)]
    fn waiting(&self, object: u32, methods: &[u8]) -> Vec<TaskId> {
        let task = &*self.task;
        task.waiters(object, methods).into_iter().map(|n| task.node_task(n)).collect()
    }

    #[inline(always)]
    fn wake(&mut self, object: u32, methods: &[u8], count: u64) {
        let first = self.at(object).first_waiter();
        if first != 0 && self.end.is_none() {
            self.through(|task| task.wake_from(first, methods, count));
        }
    }

    #[inline(always)]
    fn meet(&mut self, object: u32, method: u8, give: Value) -> Option<Value> {
        self.through(|task| task.meet_waiter(object, method, give))
    }

    #[inline(always)]
    fn transfer(&mut self, object: u32, method: u8, count: u64, to: u32, then: u8) -> u64 {
        self.through(|task| task.transfer_waiters(object, method, count, to, then))
    }

    #[inline(always)]
    fn workers(&self, pool: u32) -> Vec<TaskId> {
        workers_of(self.arena, pool).map(|s| self.arena.slot(s, slot::TASK).load(Relaxed) as TaskId).collect()
    }

    #[inline(always)]
    fn terminate_workers(&mut self, pool: u32) {
        let task = &mut *self.task;
        for slot in workers_of(self.arena, pool) {
            task.arena.slot(slot, slot::FLAGS).fetch_or(flag::TERMINATE, SeqCst);
            task.wake_later(slot);
        }
    }
}

/// A lock that was not taken last goes from among those that are held, up to their
/// number: whether it was there.
#[cold]
fn close_up(task: &mut Executor, object: u32, mode: Mode) -> bool {
    let count = task.words[slot::HELD_COUNT].load(Relaxed) as usize;
    task.in_world(object, |all| {
        let Some(found) = (0..count).rev().find(|i| all.holds_at(*i, object, mode)) else { return false };
        for i in found + 1..count {
            let (from, to) = (held_at(i), held_at(i - 1));
            for w in 0..slot::HOLD_WORDS {
                all.change_slot(to + w, all.slot[from + w].load(Relaxed));
            }
        }
        true
    })
}

fn new_ring(task: &Executor, places: usize) -> Result<usize, OutOfMemory> {
    let block = task.arena.heap().allocate(ring::bytes(places), task.holder)?;
    for at in (0..ring::bytes(places)).step_by(8) {
        task.arena.at(block + at).store(0, Relaxed);
    }
    Ok(block)
}

/// A ring of one place without a clock: who only looks at the value acquires none.
fn keep_as_ring(task: &mut Executor, id: u32, value: &Value) {
    task.share(value);
    let heap = task.arena.heap();
    let word = codec::to_word(value, heap, task.holder);
    let (Ok(word), Ok(block)) = (word, heap.allocate(8, task.holder)) else {
        return task.check_memory(Err(OutOfMemory));
    };
    let object = task.object(id);
    task.arena.at(ring::value(block, 0)).store(word, Relaxed);
    task.in_world(id, |all| {
        all.change_word(object, object::RING, block as u64);
        all.change_word(object, object::RING_PLACES, 1);
        all.change_word(object, object::RING_LEN, 1);
    });
}

/// Room for one more value. A queue's ring of not too many places has exactly these, so
/// that the place a `get` frees is the one that a later `put` takes; any other grows with
/// what is in it.
#[cold]
fn grow_ring(task: &mut Executor, id: u32, bounded: bool) -> Result<(), OutOfMemory> {
    let object = task.object(id);
    let (old, places, len) =
        (object.load(object::RING) as usize, object.load(object::RING_PLACES), object.load(object::RING_LEN));
    // The first word of a bounded queue is its capacity plus one.
    let capacity = object.load(object::WORD).saturating_sub(1) as usize;
    let more = if bounded { capacity } else { (places * 2).max(4) as usize };
    if bounded && old == 0 && Ends::give(task.arena, object.words, more, task.holder)? {
        return Ok(());
    }
    let block = new_ring(task, more)?;
    task.in_world(id, |all| {
        for i in 0..len {
            let (value, clock) = object.ring_place(i);
            let (new_value, new_clock) = (ring::value(block, i as usize), ring::clock(block, more, i as usize));
            for (from, to) in [(value, new_value), (clock, new_clock)] {
                all.arena.at(to).store(all.arena.at(from).load(Relaxed), Relaxed);
            }
        }
        all.change_word(object, object::RING, block as u64);
        all.change_word(object, object::RING_PLACES, more as u64);
        all.change_word(object, object::RING_FIRST, 0);
    });
    if old != 0 {
        // Given back after the change stands.
        task.give_back(codec::block_word(old as u64));
    }
    Ok(())
}

#[inline(always)]
fn held_at(index: usize) -> usize {
    slot::HOLD + index * slot::HOLD_WORDS
}

fn workers_of(arena: &Arena, pool: u32) -> impl Iterator<Item = usize> + '_ {
    (0..arena.slots_high()).filter(move |s| {
        let alive = !matches!(arena.slot(*s, slot::STATE).load(Acquire), state::FREE | state::ENDED);
        alive && arena.slot(*s, slot::POOL).load(Relaxed) == u64::from(pool) + 1
    })
}

/// All tasks that hold a lock, those that ended with it included.
pub fn holders_of(arena: &Arena, object: u32) -> Vec<TaskId> {
    (0..arena.slots_high())
        .filter(|s| arena.slot(*s, slot::STATE).load(Acquire) != state::FREE)
        .filter(|s| held_of(arena, *s).iter().any(|h| h.0 == object))
        .map(|s| arena.slot(s, slot::TASK).load(Relaxed) as TaskId)
        .collect()
}

/// The locks that the task in a slot holds: object, mode, place.
pub fn held_of(arena: &Arena, slot: usize) -> Vec<(u32, Mode, u32)> {
    let count = (arena.slot(slot, slot::HELD_COUNT).load(Acquire) as usize).min(HELD);
    (0..count)
        .map(|i| {
            let word = |w: usize| arena.slot(slot, held_at(i) + w).load(Relaxed);
            (word(0) as u32, mode_of(word(1)), word(2) as u32)
        })
        .collect()
}

impl Executor {
    /// To let go of what an ended task held, in its stead; that stays in its slot all the same,
    /// for who tells of it.
    pub(super) fn hold_as(&mut self, task: TaskId) {
        self.task = task;
        let Some(from) = slot_of_ended(self.arena, task) else { return };
        for word in (slot::HOLD..held_at(HELD)).chain([slot::HELD_COUNT]) {
            self.slot_word(word).store(self.arena.slot(from, word).load(Relaxed), Relaxed);
        }
    }
}

pub fn mode_of(word: u64) -> Mode {
    match word {
        1 => Mode::Reading,
        2 => Mode::Writing,
        _ => Mode::Exclusive,
    }
}

fn mode_word(mode: Mode) -> u64 {
    match mode {
        Mode::Exclusive => 0,
        Mode::Reading => 1,
        Mode::Writing => 2,
    }
}
