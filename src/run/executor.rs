//! What carries out one task's steps on this operating-system thread: its
//! slot, its clock, its guards, its random numbers. What transitions see of objects
//! is in `world`, waiting in `wait`, memory in `cell`, tasks in `spawn`, the loop in
//! `steps`.

use super::arena::{Arena, flag, object, run, slot};
use super::cell::{CELL, Cell};
use super::clock::TaskClock;
use super::codec;
use super::guard;
use super::heap::OutOfMemory;
use super::image::Image;
use super::invariants::Broken;
use super::process::Process;
use super::undo;
use super::world::{Guarded, Object, held_of};
use crate::machine::{Home, Place};
use crate::objects::{self, Mode, Need, Outcome, TaskId};
use crate::program::Program;
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::{Names, ObjRef, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

/// One task on its thread. See the head of the file.
pub struct Executor {
    pub(super) image: &'static Image,
    pub(super) arena: &'static Arena,
    pub(super) program: &'static Program,
    /// What the threads of this process have in common.
    pub(super) home: Arc<Process>,
    pub(super) slot: usize,
    /// Where the slot begins, and its words.
    pub(super) slot_at: usize,
    pub(super) words: &'static [AtomicU64; slot::COUNT],
    /// The number under which it holds guards.
    pub(super) holder: u32,
    pub(super) task: u32,
    /// See `handle::life`.
    pub(super) life: u64,
    /// Of a worker: the job it is at.
    pub(super) job: Option<u32>,
    /// The process it is in, by its place in the arena's table.
    pub(super) process: usize,
    pub(super) detect: bool,
    /// It looks from outside: `finally` and invariants make no race.
    pub(super) outside: bool,
    pub(super) site: u32,
    random: u64,
    /// By place in the source: the cell that was last recorded there, and the
    /// task's clock then; empty until there is one.
    pub(super) seen: Vec<(usize, u64)>,
    pub(super) seen_write: Vec<(usize, u64)>,
    /// Whether it keeps that.
    remembers: bool,
    /// Slots to wake once the guards are let go of.
    wakes: Vec<usize>,
    /// Blocks to give back then.
    garbage: Vec<u64>,
    /// The guarded objects, in the order taken.
    guarded: Vec<u32>,
    /// How many changes can be taken back: what the slot's word says, which
    /// nobody else writes while this task is alive.
    pub(super) undone: usize,
    /// Blocks of sets of held locks, by what is held.
    locksets: Vec<(Vec<u64>, u64)>,
    pub(super) lockset: Option<u64>,
    pub(super) reported: HashMap<(u64, u64), usize>,
    pub(super) order_seen: HashMap<(u64, u32, u32, u64), ()>,
    /// Names of functions as blocks, as far as tasks of them were made here.
    pub(super) names: Vec<(u32, Arc<str>, u64)>,
    /// What it spawned, for `join all`.
    pub(super) spawned: Vec<ObjRef>,
    /// The clock of those that it spawned and whose handles were given back before that.
    pub(super) past: AtomicU64,
    /// It holds the gate of `atomically`.
    pub(super) in_atomic: bool,
    /// It does so for a look at the condition of an `await`.
    pub(super) in_look: bool,
    pub(super) gated: bool,
    /// An `atomically` block has changed what an invariant looks at.
    pub(super) unchecked: bool,
    /// It is `main`, and has made no step yet after which invariants must hold.
    pub(super) unlooked: bool,
    /// Until then: what it is about is a step at which tasks can be interleaved.
    pub(super) begins: bool,
    /// Until then: what did not hold before.
    pub(super) never_held: Option<Vec<Broken>>,
    /// Before that time it gives no way to others at the gate.
    pub(super) way_due: u64,
    /// It holds the gate for what it does to objects, so that invariants are looked at right
    /// after.
    observing: bool,
    /// It acts for a task of another process, whose `var`s it has not.
    pub(super) serves: bool,
    /// Others are held off for its end, and not by a block.
    pub(super) ends_outside: bool,
    /// It has changed an object: see `changed`.
    pub(super) stirred: bool,
    /// The object looked at last.
    last_id: std::cell::Cell<u32>,
    last_object: std::cell::Cell<Object>,
    /// The only object that the slot names as guarded, or none.
    named: u32,
    /// The cell that the slot names.
    pub(super) named_cell: std::cell::Cell<usize>,
    /// Every step goes the long way: steps may be held off, or shaken.
    pub(super) careful: bool,
    pub(super) private_cells: Arc<[bool]>,
    /// The operation under way waits for a time only, or not at all.
    pub(super) gives_up: bool,
    /// Of an operation that went part of the way: how long it may still look.
    pub(super) patience: Option<super::wait::Patience>,
    pub(super) passing: super::wait::Passing,
    /// The last task's end that it waited for came soon.
    pub(super) ends_come_soon: bool,
    /// It is the supervisor's, which must not wait for a dead holder.
    pub(super) supervising: bool,
    /// It is `main` of a session: what a statement failed with.
    pub(super) prompted: Option<super::prompt::Prompted>,
    /// The connection to the manager's process.
    pub(super) manager: Option<std::os::unix::net::UnixStream>,
    pub(super) replay: super::replay::Replaying,
    pub(super) trace: super::trace::Tracing,
    /// The objects that it has.
    pub(super) possession: super::collect::Possession,
}

impl Executor {
    pub fn new(image: &'static Image, home: Arc<Process>, slot: usize, task: u32) -> Executor {
        let arena = image.arena;
        let program = image.program.get();
        let process = home.index;
        let detect = image.options.detect;
        let traced = image.options.trace > 0;
        // Of tasks that have a number one after another each has numbers of its own.
        let life = if task == u32::MAX { 0 } else { super::handle::life(arena, task) };
        let teller = u64::from(task) | life << u32::BITS;
        Executor {
            image,
            arena,
            program,
            home,
            slot,
            slot_at: arena.slot_at(slot),
            words: arena.slot_words(slot),
            holder: guard::holder(slot, process),
            task,
            life,
            job: None,
            process,
            detect,
            outside: false,
            site: 0,
            random: mix(image.options.seed ^ teller.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            seen: Vec::new(),
            seen_write: Vec::new(),
            // A replay records every access anew, and so does a trace.
            remembers: detect && image.options.replay.is_none() && !traced,
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
            past: AtomicU64::new(0),
            in_atomic: false,
            in_look: false,
            gated: program.needs.gate || image.room.grows,
            unchecked: false,
            unlooked: false,
            begins: false,
            never_held: None,
            way_due: 0,
            observing: false,
            serves: false,
            ends_outside: false,
            stirred: false,
            last_id: std::cell::Cell::new(u32::MAX),
            last_object: std::cell::Cell::new(Object { at: 0, words: arena.object_words(0) }),
            named: u32::MAX,
            named_cell: std::cell::Cell::new(0),
            careful: program.needs.gate
                || image.options.shake
                || image.room.grows
                || image.options.replay.is_some()
                || image.options.record
                || traced,
            private_cells: image.program.private_cells(),
            gives_up: false,
            patience: None,
            passing: super::wait::Passing::new(),
            ends_come_soon: false,
            supervising: false,
            prompted: None,
            manager: None,
            replay: super::replay::Replaying::default(),
            trace: super::trace::Tracing::new(traced),
            possession: super::collect::Possession::new(image),
        }
    }

    #[inline(always)]
    pub(super) fn clock(&self) -> TaskClock<'static> {
        TaskClock::of(self.arena, self.words, self.slot)
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
        (self.slot_at, self.words) = (self.arena.slot_at(slot), self.arena.slot_words(slot));
        self.named = u32::MAX;
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
        self.flags() & (flag::TERMINATE | flag::INTERRUPT | flag::HALT) != 0
    }

    /// Goes on with the newest program that this process knows.
    pub(super) fn renew(&mut self) {
        self.program = self.image.program.get();
        self.private_cells = self.image.program.private_cells();
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
        Ok(Cell::new(image, private, at, always_atomic, Cell::key_of(place)))
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
        match seen.get_mut(site as usize) {
            Some(place) => *place = (cell, own),
            None if self.remembers => self.remember_first(cell, site, own, write),
            None => {}
        }
    }

    /// Places that were recorded are no places now, or others.
    pub(super) fn forget_seen(&mut self) {
        self.seen.fill((0, 0));
        self.seen_write.fill((0, 0));
    }

    /// The first one in this program.
    #[cold]
    fn remember_first(&mut self, cell: usize, site: u32, own: u64, write: bool) {
        let seen = if write { &mut self.seen_write } else { &mut self.seen };
        seen.resize(self.program.code.len(), (0, 0));
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
        self.image.cell_at(index, self.private_cells[index as usize], false)
    }

    // ----------------------------------------------------------------- guards

    /// Takes the guard of an object; `unguard` lets go of all.
    #[inline(always)]
    pub(super) fn guard(&mut self, id: u32) {
        if self.guarded.is_empty() {
            self.begin_on_objects();
        } else if self.guarded.contains(&id) {
            return;
        }
        self.named = u32::MAX;
        let place = self.guarded.len();
        if place < super::arena::GUARDS {
            self.slot_word(slot::GUARD + place).store(u64::from(id) + 1, Relaxed);
        }
        self.slot_word(slot::GUARD_COUNT).store(place as u64 + 1, Release);
        let object = self.object(id);
        self.lock(object.guard(self.arena));
        if let Some(ends) = object.ends(self.arena) {
            ends.hold(|guard| self.lock(guard));
        }
        self.guarded.push(id);
    }

    fn lock(&self, word: &std::sync::atomic::AtomicU32) {
        guard::spin_lock(word, self.holder);
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

    /// Takes the one guard of an object without ends, with none taken, for a task that
    /// no gate holds off; `unguard_one` lets go of it. What it means is what `guard` and
    /// `unguard` mean. The slot goes on naming the object: who breaks guards looks whose
    /// they are.
    #[inline(always)]
    pub(super) fn guard_one(&mut self, id: u32, object: Object) {
        self.name_guard(id);
        guard::spin_lock(object.guard(self.arena), self.holder);
    }

    /// The guards that this task takes next are of this object.
    #[inline(always)]
    pub(super) fn name_guard(&mut self, id: u32) {
        if self.named != id {
            self.slot_word(slot::GUARD).store(u64::from(id) + 1, Relaxed);
            self.slot_word(slot::GUARD_COUNT).store(1, Release);
            self.named = id;
        }
    }

    /// The slot's guards are about to be written by somebody else.
    pub(super) fn names_no_guard(&mut self) {
        self.named = u32::MAX;
    }

    #[inline(always)]
    pub(super) fn unguard_one(&mut self, object: Object, changed: bool) {
        if changed {
            object.touched(self.arena);
            undo::stands(self.arena, self.words, std::mem::take(&mut self.undone), self.holder);
        }
        object.guard(self.arena).store(0, Release);
        self.without_guards();
    }

    /// What waits until no guard is held.
    #[inline(always)]
    pub(super) fn without_guards(&mut self) {
        if !self.garbage.is_empty() || !self.wakes.is_empty() {
            self.after_guards();
        }
    }

    /// What was changed stands; lets go of every guard, and wakes whom the
    /// changes concern.
    #[inline]
    pub(super) fn unguard(&mut self) {
        let changed = self.undone != 0;
        if changed {
            for i in 0..self.guarded.len() {
                self.object(self.guarded[i]).touched(self.arena);
            }
            undo::stands(self.arena, self.words, std::mem::take(&mut self.undone), self.holder);
        }
        while let Some(id) = self.guarded.pop() {
            self.object(id).let_go(self.arena);
        }
        self.slot_word(slot::GUARD_COUNT).store(0, Relaxed);
        match self.observing {
            true => self.end_observed(changed),
            false => self.leave_step(),
        }
        if changed && self.gated {
            self.changed();
        }
        self.without_guards();
    }

    /// What is done to objects is one step; all others are held off for it where an invariant
    /// looks at objects.
    #[inline]
    fn begin_on_objects(&mut self) {
        if self.gated && !self.in_atomic && !self.outside && !self.serves && self.watches_objects() {
            self.take_gate(false);
            (self.in_atomic, self.observing) = (false, true);
        } else {
            self.enter_step();
        }
    }

    fn end_observed(&mut self, changed: bool) {
        if changed {
            self.check_invariants();
        }
        self.observes_no_more();
    }

    /// Others go on, whatever this one was about to do.
    pub(super) fn observes_no_more(&mut self) {
        if std::mem::take(&mut self.observing) {
            self.leave_gate(false);
        }
    }

    /// Whether others may make a step meanwhile, and could be held off.
    pub(super) fn may_hold_off(&self) -> bool {
        self.gated && !self.in_atomic && !self.observing
    }

    fn after_guards(&mut self) {
        while let Some(word) = self.garbage.pop() {
            match codec::owns_block(word) {
                true => codec::free(word, self.arena.heap(), self.holder),
                false => self.give_up_word(word),
            }
        }
        for i in 0..self.wakes.len() {
            self.unpark(self.wakes[i]);
        }
        self.wakes.clear();
    }

    #[cold]
    fn give_up_word(&mut self, word: u64) {
        if let Value::Object(object) = codec::small_value(word) {
            self.give_up_share(object.id);
        }
    }

    /// A share in an object is given up once what was changed stands.
    pub(super) fn give_back_later(&mut self, object: ObjRef) {
        self.garbage.extend(codec::small(&Value::Object(object)));
    }

    /// The block that a word owns is given back once what was changed stands.
    pub(super) fn give_back(&mut self, word: u64) {
        if codec::owns_block(word) {
            self.garbage.push(word);
        }
    }

    /// Writes a word of the arena so that it can be taken back if this process
    /// is killed before `unguard`.
    pub(super) fn change(&mut self, at: usize, value: u64) {
        let (arena, id) = (self.arena, self.last_id.get());
        self.in_world(id, |world| world.change(at, arena.at(at), value));
    }

    /// With the objects as a transition on this one sees them, which is guarded.
    #[inline(always)]
    pub(super) fn in_world<T>(&mut self, id: u32, f: impl FnOnce(&mut Guarded) -> T) -> T {
        let object = self.object(id);
        let mut world = Guarded::new(self, id, object);
        let result = f(&mut world);
        world.settle();
        result
    }

    /// Where an object is. Objects never move.
    #[inline(always)]
    pub(super) fn object(&self, id: u32) -> Object {
        if self.last_id.get() == id { self.last_object.get() } else { self.look_up(id) }
    }

    #[inline(never)]
    fn look_up(&self, id: u32) -> Object {
        let object = Object::of(self.arena, id);
        self.last_id.set(id);
        self.last_object.set(object);
        object
    }

    /// A word of an object.
    #[inline]
    pub(super) fn at_object(&self, id: u32, word: usize) -> &'static AtomicU64 {
        &self.object(id).words[word]
    }

    /// A word of those that its transitions know.
    #[inline]
    pub(super) fn object_word(&self, id: u32, index: usize) -> u64 {
        self.at_object(id, object::WORD + index).load(Relaxed)
    }

    #[inline]
    pub(super) fn version(&self, id: u32) -> u32 {
        self.object(id).state(self.arena)
    }

    // ----------------------------------------------------- transitions, guarded

    pub(super) fn attempt(&mut self, target: ObjRef, method: u8, args: &[Value], again: Option<u64>) -> Outcome {
        self.in_world(target.id, |w| objects::attempt(w, target.kind, target.id, method, args, again))
    }

    pub(super) fn give_up(&mut self, target: ObjRef, method: u8, memo: u64) -> Outcome {
        self.in_world(target.id, |w| objects::give_up(w, target.kind, target.id, method, memo))
    }

    pub(super) fn need(&mut self, target: ObjRef, method: u8, memo: u64, task: TaskId) -> Need {
        self.in_world(target.id, |w| objects::need(w, target.kind, target.id, method, memo, task))
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
        let held = &self.words[slot::HOLD..][..count * slot::HOLD_WORDS];
        let same = |known: &[u64]| {
            known.len() == held.len() && known.iter().zip(held).all(|(known, word)| *known == word.load(Relaxed))
        };
        let known = if count == 0 { Some(0) } else { self.locksets.iter().rev().find(|s| same(&s.0)).map(|s| s.1) };
        let block = known.unwrap_or_else(|| self.new_lockset(held.iter().map(|word| word.load(Relaxed)).collect()));
        self.lockset = Some(block);
        block
    }

    fn new_lockset(&mut self, words: Vec<u64>) -> u64 {
        match super::record::lockset(self.arena, &words, self.holder) {
            Err(e) => {
                self.check_memory(Err(e));
                0
            }
            Ok(at) => {
                self.locksets.push((words, at as u64));
                at as u64
            }
        }
    }
}

/// The finalizer of splitmix64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Names for Executor {
    fn object(&self, object: ObjRef) -> String {
        self.image.object_name(object.id)
    }
    fn function(&self, function: u32) -> String {
        Names::function(self.image, function)
    }
}
