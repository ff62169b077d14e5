//! What carries out one task's steps on this operating-system thread: its
//! slot, its clock, its guards, its random numbers. It owns access to objects
//! under their guards and the bookkeeping of held locks; waiting is in `wait`,
//! memory in `cell`, tasks in `spawn`, the loop in `steps`.

use super::arena::{Arena, flag, object, ring, run, slot, state};
use super::cell::{CELL, Cell};
use super::clock::{Strength, TaskClock};
use super::codec;
use super::events::About;
use super::guard;
use super::heap::OutOfMemory;
use super::image::Image;
use super::process::Process;
use crate::detect::event::Kind;
use crate::machine::{Home, Place};
use crate::objects::{self, Edge, Mode, TaskId, World};
use crate::program::Program;
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::{Names, ObjRef, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

/// One task on its thread. See the head of the file.
pub struct Executor {
    pub(super) image: &'static Image,
    pub(super) arena: &'static Arena,
    pub(super) program: &'static Program,
    /// What the threads of this process have in common.
    pub(super) home: Arc<Process>,
    pub(super) slot: usize,
    /// The slot's words.
    words: &'static [AtomicU64; slot::COUNT],
    /// The number under which it holds guards.
    pub(super) holder: u32,
    pub(super) task: u32,
    /// The process it is in, by its place in the arena's table.
    pub(super) process: usize,
    pub(super) detect: bool,
    /// It looks from outside: `finally` and invariants make no race.
    pub(super) outside: bool,
    pub(super) site: u32,
    random: u64,
    /// By place in the source: the cell that was last recorded there, and the
    /// task's clock then.
    pub(super) seen: Vec<(usize, u64)>,
    pub(super) seen_write: Vec<(usize, u64)>,
    /// Slots to wake once the guards are let go of.
    wakes: Vec<usize>,
    /// Blocks to give back then.
    garbage: Vec<u64>,
    /// The guarded objects, in the order taken.
    guarded: Vec<u32>,
    /// How many changes can be taken back: what the slot's word says, which
    /// nobody else writes while this task is alive.
    undone: usize,
    /// Blocks of sets of held locks, by what is held.
    locksets: Vec<(Vec<u64>, u64)>,
    lockset: Option<u64>,
    pub(super) reported: HashMap<(u64, u64), usize>,
    pub(super) order_seen: HashMap<(u64, u32, u32, u64), ()>,
    /// Names of functions as blocks, as far as tasks of them were made here.
    pub(super) names: Vec<(u32, u64)>,
    /// What it spawned, for `join all`.
    pub(super) spawned: Vec<ObjRef>,
    /// It holds the gate of `atomically`.
    pub(super) in_atomic: bool,
    pub(super) gated: bool,
    /// An `atomically` block has changed what an invariant looks at.
    pub(super) unchecked: bool,
    /// The object looked at last, where it begins, and its words. Each for
    /// itself, so that each is one load.
    last_object: std::cell::Cell<u32>,
    last_at: std::cell::Cell<usize>,
    last_words: std::cell::Cell<&'static [AtomicU64; object::COUNT]>,
    /// Every step goes the long way: steps may be held off, or shaken.
    pub(super) careful: bool,
    pub(super) private_cells: Arc<[bool]>,
    /// The operation under way waits for a time only, or not at all.
    pub(super) gives_up: bool,
    /// Of an operation that went part of the way: how long it may still look.
    pub(super) patience: Option<super::wait::Patience>,
    /// It is the supervisor's, which must not wait for a dead holder.
    pub(super) supervising: bool,
    /// It is `main` of a session: what a statement failed with.
    pub(super) prompted: Option<super::prompt::Prompted>,
    /// The connection to the manager's process.
    pub(super) manager: Option<std::os::unix::net::UnixStream>,
    pub(super) replay: super::replay::Replaying,
    pub(super) trace: super::trace::Tracing,
}

impl Executor {
    pub fn new(image: &'static Image, home: Arc<Process>, slot: usize, task: u32) -> Executor {
        let arena = image.arena;
        let program = image.program.get();
        let process = home.index;
        let detect = image.options.detect;
        let traced = image.options.trace > 0;
        // A replay records every access anew, and so does a trace.
        let known = if detect && image.options.replay.is_none() && !traced { program.code.len() } else { 0 };
        Executor {
            image,
            arena,
            program,
            home,
            slot,
            words: arena.slot_words(slot),
            holder: guard::holder(slot, process),
            task,
            process,
            detect,
            outside: false,
            site: 0,
            random: mix(image.options.seed ^ u64::from(task).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            seen: vec![(0, 0); known],
            seen_write: vec![(0, 0); known],
            wakes: Vec::new(),
            garbage: Vec::new(),
            guarded: Vec::new(),
            undone: 0,
            locksets: Vec::new(),
            lockset: None,
            reported: HashMap::new(),
            order_seen: HashMap::new(),
            names: Vec::new(),
            spawned: Vec::new(),
            in_atomic: false,
            gated: program.needs.gate || image.room.grows,
            unchecked: false,
            last_object: std::cell::Cell::new(u32::MAX),
            last_at: std::cell::Cell::new(0),
            last_words: std::cell::Cell::new(arena.object_words(0)),
            careful: program.needs.gate
                || image.options.shake
                || image.room.grows
                || image.options.replay.is_some()
                || image.options.record
                || traced,
            private_cells: image.program.private_cells(),
            gives_up: false,
            patience: None,
            supervising: false,
            prompted: None,
            manager: None,
            replay: super::replay::Replaying::default(),
            trace: super::trace::Tracing::new(traced),
        }
    }

    pub(super) fn clock(&self) -> TaskClock<'static> {
        TaskClock::new(self.arena, self.slot)
    }

    /// The task's own entry in its clock.
    #[inline]
    pub(super) fn own(&self) -> u64 {
        self.words[slot::CLOCK + 2 * self.slot].load(Relaxed)
    }

    #[inline]
    pub(super) fn slot_word(&self, word: usize) -> &'static AtomicU64 {
        &self.words[word]
    }

    /// Goes on in another slot.
    pub(super) fn move_to(&mut self, slot: usize, process: usize) {
        self.slot = slot;
        self.words = self.arena.slot_words(slot);
        self.holder = guard::holder(slot, process);
    }

    pub(super) fn flags(&self) -> u64 {
        self.slot_word(slot::FLAGS).load(Relaxed)
    }

    #[inline]
    pub(super) fn terminated(&self) -> bool {
        if self.replay.on {
            return self.replay.stopped;
        }
        self.flags() & (flag::TERMINATE | flag::INTERRUPT) != 0
    }

    /// Goes on with the newest program that this process knows.
    pub(super) fn renew(&mut self) {
        self.program = self.image.program.get();
        self.private_cells = self.image.program.private_cells();
        let places = if self.detect { self.program.code.len() } else { 0 };
        self.seen.resize(places, (0, 0));
        self.seen_write.resize(places, (0, 0));
    }

    /// A number below `count`, from the run's seed and the task's number
    /// (splitmix64, Steele, Lea and Flood, OOPSLA 2014).
    pub(super) fn random_below(&mut self, count: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mix(self.random)) * u128::from(count)) >> 64) as u64
    }

    /// A block could not be had: the run ends.
    pub(super) fn check_memory(&self, result: Result<(), OutOfMemory>) {
        if result.is_err() {
            self.arena.run(run::OUT_OF_MEMORY).store(1, SeqCst);
            self.image.call_supervisor();
        }
    }

    // ------------------------------------------------------------------ cells

    /// A place in memory as a cell; the error if this process has none such.
    pub(super) fn cell(&self, place: Place) -> Result<Cell<'static>, String> {
        let always_atomic = place.memory == MemoryKind::Atomic;
        let private = place.memory == MemoryKind::Var;
        let image = self.image;
        let at = match place.home {
            Home::Declared if private => image.var_at(place.index),
            Home::Declared => image.shared_at(place.index),
            Home::Record(record) => {
                let word = if private { object::INFO3 } else { object::INFO4 };
                let base = self.arena.object(record, word).load(Relaxed) as usize;
                if private && !self.home.has_record(record, self.arena) {
                    let name = image.object_name(record);
                    return Err(format!(
                        "`{name}` has var fields, which are memory of the process that made it, not of this one"
                    ));
                }
                base + CELL * place.index as usize
            }
        };
        let key = match place.home {
            Home::Declared => u64::from(place.index),
            Home::Record(record) => {
                1 << 63 | u64::from(private) << 62 | u64::from(record) << 24 | u64::from(place.index)
            }
        };
        let (memory, heap) =
            if private { (&image.vars, image.var_heap()) } else { (self.arena.memory(), self.arena.heap()) };
        Ok(Cell { memory, at, heap, private, always_atomic, key })
    }

    /// Whether the task recorded an access to the cell at this place and has
    /// released nothing since: then nobody can come after that access who does
    /// not race with it too, and a second record would find nothing new.
    #[inline]
    pub(super) fn seen(&self, cell: usize, site: u32, write: bool) -> bool {
        if !self.detect {
            return true;
        }
        let seen = if write { &self.seen_write } else { &self.seen };
        seen.get(site as usize).is_some_and(|s| *s == (cell, self.own()))
    }

    #[inline]
    pub(super) fn mark_seen(&mut self, cell: usize, site: u32, own: u64, write: bool) {
        let seen = if write { &mut self.seen_write } else { &mut self.seen };
        if let Some(place) = seen.get_mut(site as usize) {
            *place = (cell, own);
        }
    }

    /// The step at this place in the source is about to be carried out.
    #[inline]
    pub(super) fn at_site(&mut self, pc: u32) {
        self.site = pc;
        self.slot_word(slot::PC).store(u64::from(pc), Relaxed);
    }

    #[inline]
    pub(super) fn declared_cell(&self, index: u32) -> Cell<'static> {
        let image = self.image;
        let key = u64::from(index);
        if self.private_cells[index as usize] {
            let at = image.var_at(index);
            Cell { memory: &image.vars, at, heap: image.var_heap(), private: true, always_atomic: false, key }
        } else {
            let at = image.shared_at(index);
            Cell { memory: self.arena.memory(), at, heap: self.arena.heap(), private: false, always_atomic: false, key }
        }
    }

    // ----------------------------------------------------------------- guards

    /// Takes the guard of an object; `unguard` lets go of all.
    #[inline(always)]
    pub(super) fn guard(&mut self, id: u32) {
        if self.guarded.is_empty() {
            self.enter_step();
        } else if self.guarded.contains(&id) {
            return;
        }
        let place = self.guarded.len().min(super::arena::GUARDS - 1);
        self.slot_word(slot::GUARD + place).store(u64::from(id) + 1, Relaxed);
        self.slot_word(slot::GUARD_COUNT).store(place as u64 + 1, Release);
        let word = self.arena.half_at(self.object_at(id));
        if self.supervising {
            self.lock_patiently(word);
        } else {
            guard::spin_lock(word, self.holder);
        }
        self.guarded.push(id);
    }

    /// A holder may be dead and not yet buried, and this is who buries.
    fn lock_patiently(&self, word: &std::sync::atomic::AtomicU32) {
        let mut tries = 0u32;
        while word.compare_exchange(0, self.holder, Acquire, Relaxed).is_err() {
            tries += 1;
            std::thread::yield_now();
            let holder = word.load(Relaxed);
            if tries.is_multiple_of(1024) && holder != 0 {
                let slot = guard::holder_slot(holder);
                let process = self.arena.slot(slot, slot::PROCESS).load(SeqCst) as usize;
                let pid = self.arena.process(process, super::arena::process::PID).load(SeqCst) as i32;
                if !super::supervisor::is_alive(pid) {
                    super::supervisor::revert_slot(self.arena, slot, process);
                }
            }
        }
    }

    /// Takes several guards in the order of their numbers, so that two tasks
    /// that want the same ones never wait for each other.
    pub(super) fn guard_all(&mut self, ids: &[u32]) {
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        for id in sorted {
            self.guard(id);
        }
    }

    /// What was changed stands; lets go of every guard, and wakes whom the
    /// changes concern.
    /// Takes one guard, with none taken, for a task that no gate holds off;
    /// `unguard_one` lets go of it. What it means is what `guard` and `unguard`
    /// mean.
    #[inline(always)]
    pub(super) fn guard_one(&mut self, id: u32) {
        self.slot_word(slot::GUARD).store(u64::from(id) + 1, Relaxed);
        self.slot_word(slot::GUARD_COUNT).store(1, Release);
        guard::spin_lock(self.arena.half_at(self.object_at(id)), self.holder);
    }

    #[inline(always)]
    pub(super) fn unguard_one(&mut self, id: u32) {
        if self.undone != 0 {
            self.touched(id);
            self.undone = 0;
            self.slot_word(slot::UNDO_COUNT).store(0, Release);
        }
        self.arena.half_at(self.object_at(id)).store(0, Release);
        self.slot_word(slot::GUARD_COUNT).store(0, Relaxed);
        if !self.garbage.is_empty() || !self.wakes.is_empty() {
            self.after_guards();
        }
    }

    #[inline]
    pub(super) fn unguard(&mut self) {
        if self.undone != 0 {
            for i in 0..self.guarded.len() {
                self.touched(self.guarded[i]);
            }
            self.undone = 0;
            self.slot_word(slot::UNDO_COUNT).store(0, Release);
        }
        while let Some(id) = self.guarded.pop() {
            self.arena.half_at(self.object_at(id)).store(0, Release);
        }
        self.slot_word(slot::GUARD_COUNT).store(0, Relaxed);
        self.leave_step();
        if !self.garbage.is_empty() || !self.wakes.is_empty() {
            self.after_guards();
        }
    }

    fn after_guards(&mut self) {
        while let Some(word) = self.garbage.pop() {
            codec::free(word, self.arena.heap(), self.holder);
        }
        for i in 0..self.wakes.len() {
            self.unpark(self.wakes[i]);
        }
        self.wakes.clear();
    }

    /// The block that a word owns is given back once what was changed stands.
    pub(super) fn give_back(&mut self, word: u64) {
        if codec::owns_block(word) {
            self.garbage.push(word);
        }
    }

    /// Writes a word of the arena so that it can be taken back if this process
    /// is killed before `unguard`.
    #[inline]
    pub(super) fn change(&mut self, at: usize, value: u64) {
        self.change_place(at, self.arena.at(at), value);
    }

    /// The same for a word of this task's slot.
    #[inline(always)]
    fn change_slot(&mut self, word: usize, value: u64) {
        self.change_place(self.arena.slot_at(self.slot) + 8 * word, self.slot_word(word), value);
    }

    #[inline(always)]
    fn change_place(&mut self, at: usize, place: &AtomicU64, value: u64) {
        if self.undone < super::arena::UNDO {
            let entry = slot::UNDONE + 2 * self.undone;
            self.slot_word(entry).store(at as u64, Relaxed);
            self.slot_word(entry + 1).store(place.load(Relaxed), Relaxed);
            self.undone += 1;
            self.slot_word(slot::UNDO_COUNT).store(self.undone as u64, Release);
        }
        place.store(value, Release);
    }

    /// A word of an object. Objects never move.
    #[inline(always)]
    pub(super) fn at_object(&self, id: u32, word: usize) -> &'static AtomicU64 {
        &self.object_words(id)[word]
    }

    #[inline(always)]
    fn object_words(&self, id: u32) -> &'static [AtomicU64; object::COUNT] {
        if self.last_object.get() != id {
            self.look_up(id);
        }
        self.last_words.get()
    }

    #[inline(always)]
    fn object_at(&self, id: u32) -> usize {
        if self.last_object.get() != id {
            self.look_up(id);
        }
        self.last_at.get()
    }

    #[inline(never)]
    fn look_up(&self, id: u32) {
        let at = self.arena.object_at(id);
        self.last_object.set(id);
        self.last_at.set(at);
        self.last_words.set(self.arena.object_words(at));
    }

    #[inline(always)]
    fn change_word(&mut self, id: u32, word: usize, value: u64) {
        self.change_place(self.object_at(id) + 8 * word, &self.object_words(id)[word], value);
    }

    #[inline]
    pub(super) fn version(&self, id: u32) -> u32 {
        self.arena.half_at(self.object_at(id) + 4).load(Relaxed)
    }

    /// The version changes whenever something about the object did. Only who
    /// holds the guard writes it.
    #[inline(always)]
    fn touched(&self, id: u32) {
        let version = self.arena.half_at(self.object_at(id) + 4);
        version.store(version.load(Relaxed).wrapping_add(1), Release);
    }

    /// Wakes a task, if it sleeps.
    pub(super) fn unpark(&self, slot: usize) {
        let (park, sleeping) = self.arena.park(slot);
        park.store(1, SeqCst);
        if sleeping.load(SeqCst) != 0 {
            super::futex::wake(park, 1);
        }
    }

    pub(super) fn wake_later(&mut self, slot: usize) {
        if !self.wakes.contains(&slot) {
            self.wakes.push(slot);
        }
    }

    // -------------------------------------------------------------- held locks

    #[inline]
    fn held_at(&self, index: usize) -> usize {
        slot::HOLD + index * slot::HOLD_WORDS
    }

    #[inline]
    fn holds_at(&self, index: usize, object: u32, mode: Mode) -> bool {
        let at = self.held_at(index);
        self.slot_word(at).load(Relaxed) == u64::from(object) && self.slot_word(at + 1).load(Relaxed) == mode_word(mode)
    }

    #[cold]
    fn held_where(&self, count: usize, object: u32, mode: Mode) -> Option<usize> {
        (0..count).rev().find(|i| self.holds_at(*i, object, mode))
    }

    /// The locks this task holds: object plus one, mode, place.
    pub(super) fn held(&self) -> Vec<(u32, Mode, u32)> {
        held_of(self.arena, self.slot)
    }

    /// The set of held locks as a block that reports can read later.
    #[inline]
    pub(super) fn lockset(&mut self) -> u64 {
        match self.lockset {
            Some(block) => block,
            None => self.find_lockset(),
        }
    }

    fn find_lockset(&mut self) -> u64 {
        let count = self.slot_word(slot::HELD_COUNT).load(Relaxed) as usize;
        let words = count * slot::HOLD_WORDS;
        let (arena, slot) = (self.arena, self.slot);
        let word = |i: usize| arena.slot(slot, slot::HOLD + i).load(Relaxed);
        let same = |known: &[u64]| known.len() == words && known.iter().enumerate().all(|(i, w)| *w == word(i));
        let known = if count == 0 { Some(0) } else { self.locksets.iter().rev().find(|s| same(&s.0)).map(|s| s.1) };
        let block = known.unwrap_or_else(|| self.new_lockset((0..words).map(word).collect()));
        self.lockset = Some(block);
        block
    }

    fn new_lockset(&mut self, words: Vec<u64>) -> u64 {
        match self.arena.heap().allocate(8 + 8 * words.len(), self.holder) {
            Err(e) => {
                self.check_memory(Err(e));
                0
            }
            Ok(at) => {
                self.arena.at(at).store((words.len() / slot::HOLD_WORDS) as u64, Relaxed);
                for (i, word) in words.iter().enumerate() {
                    self.arena.at(at + 8 + 8 * i).store(*word, Relaxed);
                }
                self.locksets.push((words, at as u64));
                at as u64
            }
        }
    }

    /// Where the value of that number behind the first one stands, and its clock.
    #[inline]
    fn ring_place(&self, id: u32, index: u64) -> (usize, usize) {
        let word = |w: usize| self.at_object(id, w).load(Relaxed);
        let (places, place) = (word(object::RING_PLACES), word(object::RING_FIRST) + index);
        // Both are below the number of places, or the ring is empty.
        let place = if place >= places { place.saturating_sub(places) } else { place } as usize;
        let block = word(object::RING) as usize;
        (ring::value(block, place), ring::clock(block, places as usize, place))
    }

    fn new_ring(&self, places: usize) -> Result<usize, OutOfMemory> {
        let block = self.arena.heap().allocate(ring::bytes(places), self.holder)?;
        for at in (0..ring::bytes(places)).step_by(8) {
            self.arena.at(block + at).store(0, Relaxed);
        }
        Ok(block)
    }

    /// Room for one more value.
    fn grow_ring(&mut self, id: u32) -> Result<(), OutOfMemory> {
        let word = |w: usize| self.at_object(id, w).load(Relaxed);
        let (old, places, len) = (word(object::RING) as usize, word(object::RING_PLACES), word(object::RING_LEN));
        if len < places {
            return Ok(());
        }
        let more = (places * 2).max(4) as usize;
        let block = self.new_ring(more)?;
        for i in 0..len {
            let (value, clock) = self.ring_place(id, i);
            let (new_value, new_clock) = (ring::value(block, i as usize), ring::clock(block, more, i as usize));
            for (from, to) in [(value, new_value), (clock, new_clock)] {
                self.arena.at(to).store(self.arena.at(from).load(Relaxed), Relaxed);
            }
        }
        self.change_word(id, object::RING, block as u64);
        self.change_word(id, object::RING_PLACES, more as u64);
        self.change_word(id, object::RING_FIRST, 0);
        if old != 0 {
            // Given back after the change stands.
            self.give_back(codec::block_word(old as u64));
        }
        Ok(())
    }

    /// Makes a bounded queue's ring of exactly its places, so that the place a
    /// `get` frees is the one that a later `put` takes.
    fn fixed_ring(&mut self, id: u32, capacity: u64) -> Result<(), OutOfMemory> {
        if self.at_object(id, object::RING).load(Relaxed) != 0 {
            return Ok(());
        }
        let block = self.new_ring(capacity as usize)?;
        self.change_word(id, object::RING_PLACES, capacity);
        self.change_word(id, object::RING, block as u64);
        Ok(())
    }

    /// Whether what is put into an object is a message to another task.
    fn carries_messages(&self, id: u32) -> bool {
        let kind = self.at_object(id, object::KIND).load(Relaxed) as u8;
        kind == objects::place::queue || kind == objects::place::pool
    }

    #[inline]
    fn strength(&self, id: u32) -> Strength {
        if objects::is_lock(self.at_object(id, object::KIND).load(Relaxed) as u8) {
            Strength::Lock
        } else {
            Strength::Order
        }
    }
}

/// The locks that the task in a slot holds: object, mode, place.
pub fn held_of(arena: &Arena, slot: usize) -> Vec<(u32, Mode, u32)> {
    let count = (arena.slot(slot, slot::HELD_COUNT).load(Acquire) as usize).min(super::arena::HELD);
    let base = |i: usize| slot::HOLD + i * slot::HOLD_WORDS;
    (0..count)
        .map(|i| {
            let word = |w: usize| arena.slot(slot, base(i) + w).load(Relaxed);
            (word(0) as u32, mode_of(word(1)), word(2) as u32)
        })
        .collect()
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

/// The finalizer of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl World for Executor {
    #[inline(always)]
    fn word(&self, object: u32, index: usize) -> u64 {
        self.at_object(object, object::WORD + index).load(Relaxed)
    }

    #[inline(always)]
    fn set(&mut self, object: u32, index: usize, value: u64) {
        self.change_word(object, object::WORD + index, value);
    }

    #[inline(always)]
    fn me(&self) -> TaskId {
        self.task
    }

    #[inline(always)]
    fn site(&self) -> u32 {
        self.site
    }

    fn push(&mut self, object: u32, value: Value, bounded: bool) {
        let room = if bounded {
            // The first word of a bounded queue is its capacity plus one.
            let capacity = self.word(object, 0).saturating_sub(1);
            self.fixed_ring(object, capacity)
        } else {
            self.grow_ring(object)
        };
        let word = codec::to_word(&value, self.arena.heap(), self.holder);
        let (Ok(()), Ok(word)) = (room, word) else {
            return self.check_memory(Err(OutOfMemory));
        };
        let len = self.at_object(object, object::RING_LEN).load(Relaxed);
        let (place, clock) = self.ring_place(object, len);
        super::memory::prefetch_for_write(self.arena.at(place));
        if self.detect {
            self.clock().prefetch(self.arena.at(clock));
        }
        self.change(place, word);
        if self.detect {
            let clock = self.arena.at(clock);
            if bounded {
                self.clock().acquire(clock);
            }
            let result = self.clock().release(clock, false, Strength::Order, self.holder);
            self.check_memory(result);
        }
        self.change_word(object, object::RING_LEN, len + 1);
        if self.careful && self.records() && self.carries_messages(object) {
            self.note(Kind::Send, About::Object(object), &self.shown(&value));
        }
    }

    fn pop(&mut self, object: u32, bounded: bool) -> Option<Value> {
        let len = self.at_object(object, object::RING_LEN).load(Relaxed);
        if len == 0 {
            return None;
        }
        let (place, clock) = self.ring_place(object, 0);
        if self.detect && bounded {
            self.clock().prefetch(self.arena.at(clock));
        }
        let word = self.arena.at(place).load(Relaxed);
        let value = codec::to_value(word, self.arena.heap());
        if codec::owns_block(word) {
            self.change(place, codec::NONE);
            self.garbage.push(word);
        }
        if self.detect {
            let clock = self.arena.at(clock);
            self.clock().acquire(clock);
            if bounded {
                let result = self.clock().release(clock, false, Strength::Order, self.holder);
                self.check_memory(result);
            }
        }
        let places = self.at_object(object, object::RING_PLACES).load(Relaxed);
        let next = self.at_object(object, object::RING_FIRST).load(Relaxed) + 1;
        let first = if next < places { next } else { 0 };
        self.change_word(object, object::RING_FIRST, first);
        self.change_word(object, object::RING_LEN, len - 1);
        if self.careful && self.records() && self.carries_messages(object) {
            self.note(Kind::Receive, About::Object(object), &self.shown(&value));
        }
        Some(value)
    }

    #[inline]
    fn len(&self, object: u32) -> u64 {
        self.at_object(object, object::RING_LEN).load(Relaxed)
    }

    #[inline(always)]
    fn release(&mut self, object: u32, clock: u8, edge: Edge) {
        if !self.detect {
            return;
        }
        let place = self.at_object(object, object::CLOCK + clock as usize);
        let result = self.clock().release(place, edge == Edge::Join, self.strength(object), self.holder);
        self.check_memory(result);
    }

    #[inline(always)]
    fn acquire(&mut self, object: u32, clock: u8) {
        if self.detect {
            self.clock().acquire(self.at_object(object, object::CLOCK + clock as usize));
        }
    }

    #[inline(always)]
    fn hold(&mut self, object: u32, mode: Mode) {
        let count = self.slot_word(slot::HELD_COUNT).load(Relaxed) as usize;
        if self.detect && count > 0 && !self.gives_up {
            self.record_order(object, mode);
        }
        if count < super::arena::HELD {
            // Nobody looks behind the count, so only that is taken back: no
            // transition takes a lock after it has let go of one.
            let base = self.held_at(count);
            self.slot_word(base).store(u64::from(object), Relaxed);
            self.slot_word(base + 1).store(mode_word(mode), Relaxed);
            self.slot_word(base + 2).store(u64::from(self.site), Relaxed);
            self.change_slot(slot::HELD_COUNT, count as u64 + 1);
        }
        if self.careful {
            self.note(Kind::Hold, About::Object(object), "");
        }
        self.lockset = None;
    }

    #[inline(always)]
    fn unhold(&mut self, object: u32, mode: Mode) {
        let count = self.slot_word(slot::HELD_COUNT).load(Relaxed) as usize;
        // Mostly the last one that it took.
        let last = count.checked_sub(1).filter(|i| self.holds_at(*i, object, mode));
        let Some(found) = last.or_else(|| self.held_where(count, object, mode)) else { return };
        for i in found + 1..count {
            let (from, to) = (self.held_at(i), self.held_at(i - 1));
            for w in 0..slot::HOLD_WORDS {
                let word = self.slot_word(from + w).load(Relaxed);
                self.change_slot(to + w, word);
            }
        }
        self.change_slot(slot::HELD_COUNT, count as u64 - 1);
        if self.careful {
            self.note(Kind::Release, About::Object(object), "");
        }
        self.lockset = None;
    }

    fn holds(&self, object: u32, mode: Mode) -> bool {
        let count = self.slot_word(slot::HELD_COUNT).load(Relaxed) as usize;
        (0..count).any(|i| self.holds_at(i, object, mode))
    }

    fn holders(&self, object: u32) -> Vec<TaskId> {
        holders_of(self.arena, object)
    }

    fn waiting(&self, object: u32, methods: &[u8]) -> Vec<TaskId> {
        self.waiters(object, methods).into_iter().map(|n| self.node_task(n)).collect()
    }

    #[inline(always)]
    fn wake(&mut self, object: u32, methods: &[u8], count: u64) {
        self.wake_waiters(object, methods, count);
    }

    fn meet(&mut self, object: u32, method: u8, give: Value) -> Option<Value> {
        self.meet_waiter(object, method, give)
    }

    fn transfer(&mut self, object: u32, method: u8, count: u64, to: u32, then: u8) -> u64 {
        self.transfer_waiters(object, method, count, to, then)
    }

    fn workers(&self, pool: u32) -> Vec<TaskId> {
        (0..self.arena.slots_high())
            .filter(|s| is_worker_of(self.arena, *s, pool))
            .map(|s| self.arena.slot(s, slot::TASK).load(Relaxed) as TaskId)
            .collect()
    }

    fn terminate_workers(&mut self, pool: u32) {
        for slot in 0..self.arena.slots_high() {
            if is_worker_of(self.arena, slot, pool) {
                self.arena.slot(slot, slot::FLAGS).fetch_or(flag::TERMINATE, SeqCst);
                self.wake_later(slot);
            }
        }
    }
}

fn is_worker_of(arena: &Arena, slot: usize, pool: u32) -> bool {
    let alive = !matches!(arena.slot(slot, slot::STATE).load(Acquire), state::FREE | state::ENDED);
    alive && arena.slot(slot, slot::POOL).load(Relaxed) == u64::from(pool) + 1
}

/// All tasks that hold a lock, those that ended with it included.
pub fn holders_of(arena: &Arena, object: u32) -> Vec<TaskId> {
    (0..arena.slots_high())
        .filter(|s| arena.slot(*s, slot::STATE).load(Acquire) != state::FREE)
        .filter(|s| held_of(arena, *s).iter().any(|h| h.0 == object))
        .map(|s| arena.slot(s, slot::TASK).load(Relaxed) as TaskId)
        .collect()
}

impl Names for Executor {
    fn object(&self, object: ObjRef) -> String {
        self.image.object_name(object.id)
    }
    fn function(&self, function: u32) -> String {
        Names::function(self.image, function)
    }
}
