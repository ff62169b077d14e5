//! The arena: the memory that all processes of a run have in common, and its
//! layout. It owns where things stand: the run's own words, the table of
//! tasks' slots, of processes, of objects, and the heap behind them. What is
//! done with them belongs to the files that are named at each part.

use super::codec;
use super::heap::{HEAP_WORDS, Heap, OWN_CLASSES, OutOfMemory, OwnLists};
use super::memory::Memory;
use crate::objects::WORDS;
use crate::program::value::Value;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

pub use crate::machine::step::PROCESSES_DEEP;

/// How many tasks can be alive at once, with those that ended but that others
/// do not come after yet.
pub const SLOTS: usize = 4096;
/// The last slots are those of `conc`'s own work: of `finally`, and spare.
pub const TASKS_MAX: usize = SLOTS - 2;
pub const KEEPER_SLOT: usize = SLOTS - 1;
/// How many numbers of objects, handles among them, a run has: those of what can no longer be
/// reached are used again.
pub const OBJECTS: usize = 1 << 24;
/// How many processes a run can make.
pub const PROCESSES: usize = 1 << 19;
/// How many locks a task can hold at once and still be told of.
pub const HELD: usize = 128;
/// How many arms of a `select` have room in the slot itself.
pub const NODES: usize = 8;
/// How many of the guards that a task holds at once its slot names.
pub const GUARDS: usize = 64;
/// How many changes of words a slot has room for: see `undo`.
pub const UNDO: usize = 4096;

/// The run's own words, by their place. What changes with every new task or wait
/// stands in lines of the cache of its own, behind all that is mostly read.
pub mod run {
    pub const SLOTS_HIGH: usize = 0;
    /// Of these, how many are no task's now, for all that is known: one more may be.
    pub const SLOTS_IDLE: usize = 54;
    /// Where the next one is looked for.
    pub const SLOTS_LOOK: usize = 55;
    pub const OBJECTS_NEXT: usize = 48;
    pub const PROCESSES_NEXT: usize = 49;
    /// Tasks that have not ended, pool workers and daemons aside.
    pub const LIVE: usize = 56;
    /// Tasks that neither wait nor sleep.
    pub const ACTIVE: usize = 57;
    /// The supervisor sleeps without a time-out and wants to be told.
    pub const SUPERVISOR_IDLE: usize = 5;
    /// The gate of `atomically`: the holder (`guard::holder`), and how many wait.
    pub const GATE: usize = 6;
    pub const GATE_WAITERS: usize = 7;
    /// How many wait for a change of memory.
    pub const AWAITING: usize = 9;
    /// The last finding's block; the list goes backwards.
    pub const FINDINGS: usize = 10;
    pub const FINDINGS_GUARD: usize = 11;
    /// Set once the run is to end: no new process.
    pub const STOP: usize = 12;
    /// `finally` may run.
    pub const FINALLY_GO: usize = 13;
    pub const FINALLY_DONE: usize = 14;
    /// What it printed last, as a block of bytes.
    pub const FINALLY_PRINTED: usize = 23;
    pub const SLOTS_GUARD: usize = 15;
    pub const PRINT_GUARD: usize = 16;
    /// Why standard output can no longer be written to: an errno.
    pub const OUTPUT_ERROR: usize = 17;
    pub const OUT_OF_MEMORY: usize = 18;
    /// A resource of the machine was refused: which, and the errno.
    pub const MACHINE: usize = 19;
    pub const MACHINE_ERRNO: usize = 20;
    pub const TASKS: usize = 51;
    pub const THREADS: usize = 52;
    pub const PROCESS_COUNT: usize = 53;
    pub const GIL_WAIT: usize = 24;
    /// The clock of `atomically` blocks, as a clock block.
    pub const ATOMIC_CLOCK: usize = 25;
    /// Values of `var`s at the end, as a block of bytes.
    pub const FINAL_VALUES: usize = 26;
    /// A block with a list of sets of held locks for each remainder (`record`).
    pub const LOCKSETS: usize = 27;
    pub const ORDERS: usize = 29;
    /// The slot, plus one, that the manager acts for.
    pub const MANAGER_BUSY: usize = 33;
    /// Its process, plus one.
    pub const MANAGER: usize = 34;
    /// Of a session: how many texts were entered, and the last one as a block;
    /// the list goes backwards.
    pub const ENTRIES: usize = 35;
    pub const ENTRY: usize = 36;
    /// Of a replay: the turn, plus one, that a task has by now.
    pub const REPLAY_TAKEN: usize = 39;
    /// Of a replay: the turn it is at, how many choices of it were made, how
    /// many tasks are on their way to their gates, how many processes wait for
    /// the turn of their end, what was not as planned (a block), and the next
    /// task's number.
    pub const REPLAY_CURSOR: usize = 40;
    pub const REPLAY_PICK: usize = 41;
    pub const REPLAY_MOVING: usize = 42;
    pub const REPLAY_LEAVING: usize = 43;
    pub const REPLAY_FAULT: usize = 44;
    pub const BIRTHS: usize = 50;
    /// Of a trace: the table of its entries, and how many there are.
    pub const TRACE: usize = 46;
    pub const TRACE_NEXT: usize = 47;
    /// What a task knew that has ended, as a clock block: others that end know much
    /// the same.
    pub const ENDED_CLOCK: usize = 37;
    /// A block with a list of free numbers for each place that makes objects (`collect`).
    pub const FREE_LISTS: usize = 38;
    /// The guard of `ENDED_CLOCK`.
    pub const ENDED_GUARD: usize = 28;
    /// What is told of tasks whose handles were given back (`handle`).
    pub const TALLIES: usize = 21;
    /// The names of functions as blocks, by their numbers.
    pub const FUNCTION_NAMES: usize = 22;
    pub const COUNT: usize = 64;
}

/// A slot's words: one live task. Of the long rows a task mostly uses the beginnings,
/// which therefore share two pages: a forked process meets each page it uses anew.
pub mod slot {
    use super::{GUARDS, HELD, NODES, OWN_CLASSES, UNDO};
    pub const STATE: usize = 0;
    /// The task's number, that of its handle.
    pub const TASK: usize = 1;
    /// Two halves: the park word, and whether the task sleeps on it.
    pub const PARK: usize = 2;
    pub const PC: usize = 3;
    /// Changes whenever the task begins or ends to wait.
    pub const VERSION: usize = 4;
    pub const FLAGS: usize = 5;
    pub const PROCESS: usize = 6;
    pub const FUNCTION: usize = 7;
    /// Of a pool's worker: the pool plus one.
    pub const POOL: usize = 8;
    /// Set by who completed a wait for the task: the arm plus one.
    pub const FIRED: usize = 9;
    /// How often the task's clock was given something by others, in this and in
    /// earlier lives of the slot.
    pub const LEARNT: usize = 10;
    pub const NODE_COUNT: usize = 11;
    /// Nodes beyond the slot's own: a block of them, or 0.
    pub const NODE_BLOCK: usize = 12;
    pub const HELD_COUNT: usize = 13;
    pub const GUARD_COUNT: usize = 14;
    pub const UNDO_COUNT: usize = 15;
    /// It is carrying out a step, and the gate must wait.
    pub const IN_STEP: usize = 16;
    pub const AWAIT: usize = 17;
    /// The clock its last owner ended with, while it is kept back.
    pub const FINAL: usize = 18;
    /// The last block of changes that the slot has no room for, or 0.
    pub const UNDO_MORE: usize = 19;
    /// Where it is in what it reports of itself: 0 none, 1 reported stuck.
    pub const REPORTED: usize = 20;
    /// Of a replay: where the task is (`replay::at`), and its number in the
    /// order of birth.
    pub const GATE: usize = 21;
    pub const NUMBER: usize = 22;
    /// Where the cell is whose guard it took last, among those that all have in common.
    pub const CELL: usize = 23;
    pub const NODE: usize = 24;
    pub const NODE_WORDS: usize = 9;
    pub const GUARD: usize = NODE + NODES * NODE_WORDS;
    /// Small blocks of the heap that the task keeps.
    pub const BLOCKS: usize = GUARD + GUARDS;
    pub const CLOCK: usize = BLOCKS + 2 * OWN_CLASSES;
    pub const HOLD: usize = (CLOCK + 2 * super::SLOTS).next_multiple_of(super::PAGE / 8);
    pub const HOLD_WORDS: usize = 3;
    pub const UNDONE: usize = HOLD + HELD * HOLD_WORDS;
    pub const COUNT: usize = UNDONE + 2 * UNDO;
}

/// The states of a slot.
pub mod state {
    pub const FREE: u64 = 0;
    pub const RUNNING: u64 = 1;
    pub const WAITING: u64 = 2;
    /// It waits, but its time will come.
    pub const TIMED: u64 = 3;
    pub const SLEEPING: u64 = 4;
    /// Waits for a change of memory.
    pub const AWAITING: u64 = 5;
    /// Ended; kept back until all live tasks come after it.
    pub const ENDED: u64 = 6;
}

/// The flags of a slot.
pub mod flag {
    pub const TERMINATE: u64 = 1;
    pub const DAEMON: u64 = 2;
    /// The first task of its process.
    pub const PROCESS: u64 = 4;
    pub const WORKER: u64 = 8;
    /// Of a session's main task: the statement is to end, and not the task.
    pub const INTERRUPT: u64 = 32;
    /// Its body has ended; it waits for what it has spawned.
    pub const BODY_ENDED: u64 = 16;
    /// Of its code nothing is left: all that it still does is to end.
    pub const CODE_ENDED: u64 = 1024;
    /// The same by an error, whose kind is the code among its facts by then.
    pub const FAILED: u64 = 32768;
    /// Among the facts of a process: the script itself has sent it a signal.
    pub const SIGNALLED: u64 = 64;
    /// Among the facts: its name ends in its index.
    pub const NUMBERED: u64 = 128;
    /// Its process is at its end: it makes no further step (`still`).
    pub const HALT: u64 = 256;
    /// It makes none.
    pub const STANDS: u64 = 512;
    /// Among the facts: it was made but never came to run, and there is nothing to tell of it.
    pub const UNBORN: u64 = 2048;
    /// Among the facts: the block of its name is its handle's alone.
    pub const OWN_NAME: u64 = 4096;
    /// Its end was told, and its handle may be another task's by now.
    pub const TOLD: u64 = 8192;
    /// Among the facts of a forked child: that its parent's end left it behind is noted.
    pub const LEFT: u64 = 16384;

    /// No two of them are the same bit.
    const _: () = {
        let all = [
            TERMINATE, DAEMON, PROCESS, WORKER, INTERRUPT, BODY_ENDED, CODE_ENDED, SIGNALLED, NUMBERED, HALT, STANDS,
            UNBORN, OWN_NAME, TOLD, LEFT, FAILED,
        ];
        let (mut n, mut seen) = (0, 0);
        while n < all.len() {
            assert!(all[n].is_power_of_two() && seen & all[n] == 0);
            seen |= all[n];
            n += 1;
        }
    };
}

/// A waiting node: one arm.
pub mod node {
    pub const OBJECT: usize = 0;
    pub const METHOD: usize = 1;
    pub const MEMO: usize = 2;
    /// The word of what a `put` offers.
    pub const VALUE: usize = 3;
    pub const NEXT: usize = 4;
    pub const PREV: usize = 5;
    /// The slot plus one; the arm's place; whether it was told to try again.
    pub const SLOT: usize = 6;
    pub const SIGNALLED: usize = 7;
    /// What the task gets if this arm is completed for it. It stands in the
    /// node because two tasks may try to complete two arms of one task at once;
    /// the node's object is guarded by the one that writes.
    pub const RESULT: usize = 8;
}

/// An object's words. What an operation changes stands in the first line of the
/// cache, as far as it has room: a line that two processors write goes to and fro,
/// and one that both only read does not.
pub mod object {
    use crate::objects::WORDS;
    /// Two halves: the guard, and the version that changes with the state.
    pub const GUARD: usize = 0;
    /// The first and the last node of those that wait; offsets in bytes.
    pub const HEAD: usize = 1;
    pub const TAIL: usize = 2;
    /// The values: the ring's first one, how many, its block, its places.
    pub const RING_FIRST: usize = 3;
    pub const RING_LEN: usize = 4;
    pub const WORD: usize = 5;
    /// Of a bounded queue: the block of its ring, if that has two ends.
    pub const ENDS: usize = WORD + WORDS;
    pub const RING: usize = ENDS + 1;
    pub const RING_PLACES: usize = RING + 1;
    pub const KIND: usize = RING + 2;
    /// Two clocks, as blocks.
    pub const CLOCK: usize = RING + 3;
    /// Declared options; in the upper half the task that made it, plus one.
    pub const OPTIONS: usize = CLOCK + 2;
    /// Where it was made: a `NewSite` or `RecordSite` plus one; 0 if declared.
    pub const BORN: usize = OPTIONS + 1;
    /// Of a task: its facts' block. Of a record: its struct, first object and
    /// places. Of a field's object: the record's struct and field.
    pub const INFO: usize = BORN + 1;
    pub const INFO2: usize = INFO + 1;
    pub const INFO3: usize = INFO + 2;
    pub const INFO4: usize = INFO + 3;
    /// Of a task: how many the same place in the source had made before; of one whose
    /// number was another's before, its place in the order of birth plus one; and the
    /// clock of its slot that it began at.
    pub const ORDER: usize = INFO2;
    pub const LIFE: usize = INFO3;
    pub const BEGAN: usize = INFO4;
    /// Who has a share in it (`collect`).
    pub const SHARED: usize = INFO + 4;
    pub const COUNT: usize = 24;
    const _: () = assert!(SHARED < COUNT);
    /// Of a free number: the next one, plus one.
    pub const FREE_NEXT: usize = TAIL;

    /// The options of what a task makes.
    pub fn options_by(maker: u32, options: u32) -> u64 {
        (u64::from(maker) + 1) << 32 | u64::from(options)
    }

    /// Who made it; none if no task did.
    pub fn maker(options: u64) -> Option<u32> {
        (options >> 32).checked_sub(1).map(|task| task as u32)
    }
}

/// A ring's block: the words of its values, and from the next line of the cache on
/// the blocks of their clocks, which are mostly the same. A ring with two ends (see
/// `ends`) has these first, then the clocks, then a line for each place.
pub mod ring {
    const LINE: usize = 64;

    pub const fn value(ring: usize, place: usize) -> usize {
        ring + 8 * place
    }

    pub const fn clock(ring: usize, places: usize, place: usize) -> usize {
        ring + (8 * places).next_multiple_of(LINE) + 8 * place
    }

    pub const fn bytes(places: usize) -> usize {
        clock(0, places, places)
    }

    /// In the line of a place of a ring with ends, behind the word that says whether
    /// it is free.
    pub const VALUE: usize = 8;
    /// What the ends themselves take.
    const ENDS: usize = 3 * LINE;

    pub const fn clock_with_ends(ring: usize, place: usize) -> usize {
        ring + ENDS + 8 * place
    }

    pub const fn place_with_ends(ring: usize, places: usize, place: usize) -> usize {
        ring + ENDS + (8 * places).next_multiple_of(LINE) + LINE * place
    }

    pub const fn with_ends(places: usize) -> usize {
        place_with_ends(0, places, places)
    }
}

/// The facts of a task, in a block of its own.
pub mod facts {
    /// The name, as a block of bytes; with `flag::NUMBERED` the index follows.
    pub const NAME: usize = 0;
    pub const PID: usize = 1;
    pub const TID: usize = 2;
    pub const SPAWNER: usize = 3;
    /// The place of its `spawn`, plus one.
    pub const SITE: usize = 4;
    pub const FLAGS: usize = 5;
    /// How it ended: see `ending`.
    pub const ENDING: usize = 6;
    pub const ENDING_CODE: usize = 7;
    pub const PROCESS: usize = 8;
    pub const FUNCTION: usize = 9;
    pub const INDEX: usize = 10;
    pub const SLOT: usize = 11;
    /// What it printed last, as a block of bytes.
    pub const PRINTED: usize = 13;
    /// Of a session: how many texts were known where it was made.
    pub const ENTRIES: usize = 14;
    /// The task's number in the order of birth, jobs among them.
    pub const NUMBER: usize = 12;
    /// With them a block of the heap is full.
    pub const COUNT: usize = 15;
}

/// How a task ended.
pub mod ending {
    pub const NOT: u64 = 0;
    pub const RETURNED: u64 = 1;
    pub const FAILED: u64 = 2;
    pub const EXITED: u64 = 3;
    pub const SIGNALLED: u64 = 4;
    pub const TERMINATED: u64 = 5;
}

/// A process.
pub mod process {
    pub const PID: usize = 0;
    /// 0 not made, 1 alive, 2 exited by itself, 3 dead and dealt with.
    pub const STATE: usize = 1;
    pub const EXIT_CODE: usize = 2;
    /// The process it was made in.
    pub const PARENT: usize = 3;
    /// The handle of its first task, plus one; 0 for one of `conc`'s own. With `TOLD`, if
    /// that has told its end, and the handle may be another task's by now.
    pub const TASK: usize = 4;
    pub const TOLD: u64 = 1 << 63;
    pub const KIND: usize = 5;
    /// Its parent has waited for it.
    pub const REAPED: usize = 6;
    /// The signal that ended it; with `STRUCK`, if it is one that tells of a fault and was sent
    /// by somebody else.
    pub const SIGNAL: usize = 7;
    pub const STRUCK: u64 = 1 << 8;
    pub const COUNT: usize = 8;

    pub const SPAWNED: u64 = 0;
    pub const FORKED: u64 = 1;
    pub const WORKER: u64 = 2;
    /// Keeps what `finally` needs.
    pub const KEEPER: u64 = 3;
    pub const MANAGER: u64 = 4;

    pub const ALIVE: u64 = 1;
    pub const EXITED: u64 = 2;
    pub const DEAD: u64 = 3;
    /// Of a replay: it has told its end, and waits for the turn to leave.
    pub const LEAVING: u64 = 4;
    /// One of its tasks is about to tell its end, and takes the others along.
    pub const ENDING: u64 = 5;
}

const PAGE: usize = 4096;
/// So many processes share a page of their table.
pub const PROCESSES_A_PAGE: usize = PAGE / (8 * process::COUNT);
const RUN_AT: usize = 0;
const HEAP_AT: usize = 4096;
const SLOTS_AT: usize = 8192;
const SLOT_BYTES: usize = (slot::COUNT * 8).next_multiple_of(PAGE);
const PROCESSES_AT: usize = SLOTS_AT + SLOTS * SLOT_BYTES;
const OBJECTS_AT: usize = PROCESSES_AT + PROCESSES * process::COUNT * 8;
const BLOCKS_AT: usize = (OBJECTS_AT + OBJECTS * 8).next_multiple_of(4096);
/// So many bytes of addresses a run maps before there is an object.
pub const ADDRESSES_AT_LEAST: usize = BLOCKS_AT;
const _: () = assert!(HEAP_AT + HEAP_WORDS <= SLOTS_AT && run::COUNT * 8 <= HEAP_AT);
const _: () = assert!(PROCESSES_AT.is_multiple_of(PAGE));

/// See the head of the file.
pub struct Arena {
    memory: Memory,
    limit: usize,
}

impl Arena {
    /// `bytes` is how much the script's objects may take.
    pub fn new(bytes: usize) -> nix::Result<Arena> {
        let limit = BLOCKS_AT + bytes.next_multiple_of(4096);
        Ok(Arena { memory: Memory::shared(limit)?, limit })
    }

    /// As new, for another run. No other process may use it.
    pub fn clear(&self) -> nix::Result<()> {
        self.memory.clear()
    }

    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    pub fn heap(&self) -> Heap<'_> {
        let own = OwnLists { at: SLOTS_AT + 8 * slot::BLOCKS, stride: SLOT_BYTES };
        Heap::new(&self.memory, HEAP_AT, BLOCKS_AT, self.limit, false).with_own_lists(own)
    }

    /// A word anywhere in a block.
    #[inline]
    pub fn at(&self, offset: usize) -> &AtomicU64 {
        self.memory.word(offset)
    }

    #[inline]
    pub fn half_at(&self, offset: usize) -> &AtomicU32 {
        self.memory.half(offset)
    }

    #[inline]
    pub fn run(&self, word: usize) -> &AtomicU64 {
        self.memory.word(RUN_AT + 8 * word)
    }

    /// Something of the machine was refused to a task, which ends the run.
    pub fn has_failed(&self) -> bool {
        [run::OUTPUT_ERROR, run::OUT_OF_MEMORY, run::MACHINE].iter().any(|word| self.run(*word).load(SeqCst) != 0)
    }

    pub fn run_half(&self, word: usize) -> &AtomicU32 {
        self.memory.half(RUN_AT + 8 * word)
    }

    #[inline]
    pub fn slot_at(&self, slot: usize) -> usize {
        SLOTS_AT + slot * SLOT_BYTES
    }

    #[inline]
    pub fn slot(&self, slot: usize, word: usize) -> &AtomicU64 {
        self.memory.word(SLOTS_AT + slot * SLOT_BYTES + 8 * word)
    }

    /// All words of a slot.
    #[inline]
    pub fn slot_words(&self, slot: usize) -> &[AtomicU64; slot::COUNT] {
        self.memory.array(self.slot_at(slot))
    }

    /// The park word of a slot, and whether it is slept on.
    #[inline]
    pub fn park(&self, slot: usize) -> (&AtomicU32, &AtomicU32) {
        let at = SLOTS_AT + slot * SLOT_BYTES + 8 * slot::PARK;
        (self.memory.half(at), self.memory.half(at + 4))
    }

    pub fn process(&self, index: usize, word: usize) -> &AtomicU64 {
        self.memory.word(PROCESSES_AT + (index * process::COUNT + word) * 8)
    }

    pub fn slots_high(&self) -> usize {
        self.run(run::SLOTS_HIGH).load(Acquire) as usize
    }

    pub fn processes(&self) -> usize {
        (self.run(run::PROCESSES_NEXT).load(Acquire) as usize).min(PROCESSES)
    }

    pub fn objects(&self) -> usize {
        (self.run(run::OBJECTS_NEXT).load(Acquire) as usize).min(OBJECTS)
    }

    // ---------------------------------------------------------------- objects

    /// Where an object's words begin; 0 if there is none of that number yet.
    #[inline]
    pub fn object_at(&self, id: u32) -> usize {
        self.memory.word(OBJECTS_AT + 8 * id as usize).load(Acquire) as usize
    }

    /// All words of the object that begins there.
    #[inline]
    pub fn object_words(&self, at: usize) -> &[AtomicU64; object::COUNT] {
        self.memory.array(at)
    }

    #[inline]
    pub fn object(&self, id: u32, word: usize) -> &AtomicU64 {
        self.memory.word(self.object_at(id) + 8 * word)
    }

    /// The guard and the version of an object.
    #[inline]
    pub fn guard(&self, id: u32) -> (&AtomicU32, &AtomicU32) {
        let at = self.object_at(id) + 8 * object::GUARD;
        (self.memory.half(at), self.memory.half(at + 4))
    }

    pub fn kind(&self, id: u32) -> u8 {
        self.object(id, object::KIND).load(Relaxed) as u8
    }

    /// Numbers for `count` new objects, side by side.
    pub fn reserve_objects(&self, count: u32) -> Result<u32, OutOfMemory> {
        let first = self.run(run::OBJECTS_NEXT).fetch_add(u64::from(count), AcqRel);
        if first as usize + count as usize > OBJECTS {
            return Err(OutOfMemory);
        }
        Ok(first as u32)
    }

    /// Counts one more task that was made at a place; how many there were before.
    pub fn count_birth(&self, counter: usize) -> u64 {
        self.free_list(counter).map_or(0, |count| count.fetch_add(1, Relaxed))
    }

    /// A number that objects of one birthplace had which nobody can reach any more.
    pub fn take_free(&self, list: usize) -> Option<u32> {
        let head = self.free_list(list)?;
        let mut seen = head.load(Acquire);
        loop {
            let id = (seen as u32).checked_sub(1)?;
            let next = self.object(id, object::FREE_NEXT).load(Relaxed);
            match head.compare_exchange_weak(seen, changed_head(seen, next), AcqRel, Acquire) {
                Ok(_) => return Some(id),
                Err(now) => seen = now,
            }
        }
    }

    /// The number is nobody's now. Who is killed before the last write loses it.
    pub fn give_free(&self, list: usize, id: u32) {
        let Some(head) = self.free_list(list) else { return };
        let mut seen = head.load(Relaxed);
        loop {
            self.object(id, object::FREE_NEXT).store(u64::from(seen as u32), Relaxed);
            match head.compare_exchange_weak(seen, changed_head(seen, u64::from(id) + 1), AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    fn free_list(&self, list: usize) -> Option<&AtomicU64> {
        let lists = self.run(run::FREE_LISTS).load(Relaxed) as usize;
        (lists != 0).then(|| self.at(lists + 8 * list))
    }

    /// Makes the object of a number that was reserved, or that is free again: then its
    /// words stay where they are, so that whoever still looks there finds an object.
    pub fn make_object(
        &self,
        id: u32,
        kind: u8,
        words: [u64; WORDS],
        born: u64,
        holder: u32,
    ) -> Result<(), OutOfMemory> {
        let known = self.object_at(id);
        let is_used = known != 0;
        let at = if is_used { known } else { self.heap().allocate(8 * object::COUNT, holder)? };
        // Who still looks there may have just taken the guard.
        let (guard, version) = (self.half_at(at + 8 * object::GUARD), self.half_at(at + 8 * object::GUARD + 4));
        if is_used {
            super::guard::spin_lock(guard, holder);
        }
        for i in (0..object::COUNT).filter(|i| !is_used || *i != object::GUARD) {
            self.at(at + 8 * i).store(0, Relaxed);
        }
        self.at(at + 8 * object::KIND).store(u64::from(kind), Relaxed);
        self.at(at + 8 * object::BORN).store(born, Relaxed);
        for (i, word) in words.into_iter().enumerate() {
            self.at(at + 8 * (object::WORD + i)).store(word, Relaxed);
        }
        if is_used {
            version.fetch_add(1, SeqCst);
            guard.store(0, Release);
        }
        self.memory.word(OBJECTS_AT + 8 * id as usize).store(at as u64, Release);
        Ok(())
    }

    // -------------------------------------------------------------- processes

    /// Gives back the memory of a page of the table of processes: nobody looks there any
    /// more, and no entry is used again.
    pub fn give_back_processes(&self, page: usize) {
        self.memory.give_back(PROCESSES_AT + page * PAGE, PAGE);
    }

    // ------------------------------------------------------------------ tasks

    /// A word of a task's facts.
    pub fn facts(&self, task: u32, word: usize) -> &AtomicU64 {
        let at = self.object(task, object::INFO).load(Acquire) as usize;
        self.memory.word(at + 8 * word)
    }

    pub fn task_name(&self, task: u32) -> String {
        let fact = |which| self.facts(task, which).load(Acquire);
        let text = self.text(fact(facts::NAME) as usize);
        if fact(facts::FLAGS) & flag::NUMBERED != 0 { format!("{text}#{}", fact(facts::INDEX)) } else { text }
    }

    /// A block of bytes as text; 0 is none.
    pub fn text(&self, block: usize) -> String {
        if block == 0 {
            return String::new();
        }
        String::from_utf8_lossy(&codec::load_bytes(block, self.heap())).into_owned()
    }

    pub fn value(&self, word: u64) -> Value {
        codec::to_value(word, self.heap())
    }

    /// The slot of a task that has not ended.
    pub fn slot_of(&self, task: u32) -> Option<usize> {
        let slot = self.facts(task, facts::SLOT).load(Acquire) as usize;
        (self.slot(slot, slot::TASK).load(Acquire) == u64::from(task)
            && self.slot(slot, slot::STATE).load(SeqCst) != state::FREE)
            .then_some(slot)
    }

    /// Whether the task is a worker that has not left its pool.
    pub fn is_in_pool(&self, task: u32) -> bool {
        self.slot_of(task).is_some_and(|s| self.slot(s, slot::POOL).load(SeqCst) != 0)
    }
}

/// What the head of a list of free numbers becomes. It counts its changes, so that who
/// saw it before sees that it is another one (as a stack of Treiber's must).
fn changed_head(seen: u64, first: u64) -> u64 {
    ((seen >> 32) + 1) << 32 | first
}
