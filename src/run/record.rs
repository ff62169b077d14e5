//! Findings on their way from the task that saw them to the supervisor: one
//! block of the arena each, in one list. Also the orders in which locks were
//! taken, for the prediction of deadlocks.

use super::arena::{Arena, facts, flag, run, slot};
use super::codec;
use super::executor::Executor;
use super::guard;
use super::handle;
use super::heap::OutOfMemory;
use crate::detect::race::Record;
use crate::objects::Mode;
use crate::program::value::ObjRef;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// Words of a finding's block: the next one, the key's two, the count, the
/// bytes, and of a replay who saw it when.
const NEXT: usize = 0;
const KEY: usize = 8;
const COUNT: usize = 24;
/// Of the key of an invariant that does not hold: it is told once, and nobody counts the steps
/// that find it as it was.
pub(super) const BROKEN: u64 = 4 << 60;
/// The second word of that key where it has held again since.
const MENDED: u64 = 1;
const BYTES: usize = 32;
const SEEN: usize = 40;
const BLOCK: usize = 48;

/// An access as it was recorded.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RawAccess {
    pub task: u32,
    pub site: u32,
    pub locks: u64,
    pub write: bool,
    pub atomic: bool,
    pub value: u64,
    /// The number of the task is another's by now, from the same place in the source.
    pub gone: bool,
}

impl RawAccess {
    /// The task stays, if it is there still.
    fn of(arena: &Arena, r: Record) -> RawAccess {
        // In this order: what is kept no longer changes.
        let gone = !(handle::keep(arena, r.task) && handle::is_same(arena, r.task, r.slot(), r.clock()));
        RawAccess { task: r.task, site: r.site, locks: r.locks, write: r.write, atomic: r.atomic, value: r.value, gone }
    }
}

impl Raw {
    /// The tasks that it names. Those of a race are kept when they are looked at.
    fn tasks(&self) -> Vec<u32> {
        match *self {
            Raw::Race { .. } => Vec::new(),
            Raw::Failed { task, .. } => task.into_iter().collect(),
            Raw::Abandoned { task, .. } | Raw::Invariant { task, .. } => vec![task],
            Raw::Orphan { child, parent } | Raw::Zombie { child, parent } => vec![child, parent],
        }
    }
}

/// What a task saw.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Raw {
    Race {
        key: u64,
        earlier: RawAccess,
        later: RawAccess,
    },
    /// An error that nobody caught; `task` is none in `finally`.
    Failed {
        task: Option<u32>,
        /// The job of a worker.
        job: Option<String>,
        site: u32,
        kind: u8,
        message: String,
        calls: Vec<u32>,
        held: Vec<(u32, u8, u32)>,
    },
    /// A task ended with a lock.
    Abandoned {
        task: u32,
        lock: u32,
        mode: u8,
        site: u32,
    },
    /// `site`: the step after which it no longer held, if it held before the first.
    Invariant {
        task: u32,
        site: Option<u32>,
        index: u32,
        values: Vec<(String, String)>,
        /// As [`undecided`](crate::program::value::undecided) tells it.
        why: Option<(String, Option<u32>)>,
    },
    Orphan {
        child: u32,
        parent: u32,
    },
    Zombie {
        child: u32,
        parent: u32,
    },
}

/// One acquisition of a lock while others were held.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawOrder {
    pub task: u32,
    pub slot: u32,
    /// The task's clock then, and what it knew of others without the edges of
    /// locks.
    pub own: u64,
    pub known: Vec<u64>,
    pub held: Vec<(u32, u8, u32)>,
    pub lock: u32,
    pub mode: u8,
    pub site: u32,
}

fn mode_code(mode: Mode) -> u8 {
    match mode {
        Mode::Exclusive => 0,
        Mode::Reading => 1,
        Mode::Writing => 2,
    }
}

/// The most records of one order by one task.
const ORDERS_MAX: u64 = 64;

impl Executor {
    /// Two accesses race. The same places racing again only count: of a row, or of records made at
    /// one place, those of any. A schedule promises a race on one of these, so each is told in a
    /// replay.
    pub(super) fn race(&mut self, cell: u64, earlier: Record, later: Record) {
        let span = |site: u32| self.program.span(site);
        let (a, b) = (span(earlier.site), span(later.site));
        let (low, high) = if (a.start, a.end) <= (b.start, b.end) { (a, b) } else { (b, a) };
        let variable = match (self.replay.on, cell >> 63 == 0) {
            // What says of what kind it is goes below the finding's own mark.
            (true, _) => cell >> 62 << 58 | cell & ((1 << 58) - 1),
            (false, true) => u64::from(self.program.cells[cell as usize]),
            (false, false) => 1 << 40 | (cell & 0xff_ffff),
        };
        let places = u64::from(low.start) << 32 | u64::from(high.start);
        let arena = self.arena;
        let raw = || {
            let [earlier, later] = [earlier, later].map(|access| RawAccess::of(arena, access));
            Raw::Race { key: cell, earlier, later }
        };
        self.report_new((1 << 60 | variable, places), raw);
    }

    /// Puts a finding into the list, or counts it.
    pub(super) fn report(&mut self, key: (u64, u64), raw: Raw) {
        self.report_new(key, || raw);
    }

    /// The same where it costs something to make one.
    fn report_new(&mut self, key: (u64, u64), raw: impl FnOnce() -> Raw) {
        // Whose key was taken away meanwhile is another finding by now.
        let is_same = |block: &&usize| self.arena.at(**block + KEY + 8).load(Relaxed) == key.1;
        if let Some(block) = self.reported.get(&key).filter(is_same) {
            self.arena.at(block + COUNT).fetch_add(more(key), Relaxed);
            return;
        }
        let block = add_new(self.arena, key, (raw, self.seen_in_turn()), self.holder);
        match block {
            Some(block) => _ = self.reported.insert(key, block),
            None => self.image.call_supervisor(),
        }
    }

    /// The running task takes a lock while it holds others.
    pub(super) fn record_order(&mut self, lock: u32, mode: Mode) {
        let set = self.lockset();
        let own = self.clock().own();
        // With every edge but a lock's the task's knowledge changes, and with
        // it what the order can meet; so it is recorded again, up to a limit.
        let segment: u64 =
            (0..self.arena.slots_high()).filter(|s| *s != self.slot).map(|s| self.clock().get_weak(s)).sum();
        let key = (set, lock, self.site, segment);
        if self.order_seen.contains_key(&key) || self.order_seen.len() as u64 > ORDERS_MAX * 64 {
            return;
        }
        let same = self.order_seen.keys().filter(|k| (k.0, k.1, k.2) == (set, lock, self.site)).count() as u64;
        if same >= ORDERS_MAX {
            return;
        }
        self.order_seen.insert(key, ());
        // They are told apart by their numbers until the end.
        let held = self.held().into_iter().map(|(held, ..)| held);
        held.chain([lock, self.task]).for_each(|id| self.publish_object(ObjRef { id, kind: self.arena.kind(id) }));
        let known = (0..self.arena.slots_high()).map(|s| self.clock().get_weak(s)).collect();
        let held = self.held().into_iter().map(|(o, m, s)| (o, mode_code(m), s)).collect();
        let (slot, mode, site) = (self.slot as u32, mode_code(mode), self.site);
        let raw = RawOrder { task: self.task, slot, own, known, held, lock, mode, site };
        let Ok(bytes) = serde_json::to_vec(&raw) else { return };
        let heap = self.arena.heap();
        let block =
            codec::store_bytes(&bytes, heap, self.holder).and_then(|b| Ok((b, heap.allocate(16, self.holder)?)));
        match block {
            Err(e) => self.check_memory(Err(e)),
            Ok((bytes, link)) => {
                self.arena.at(link + 8).store(bytes as u64, Relaxed);
                let head = self.arena.run(run::ORDERS);
                let mut old = head.load(Acquire);
                loop {
                    self.arena.at(link).store(old, Relaxed);
                    match head.compare_exchange_weak(old, link as u64, AcqRel, Acquire) {
                        Ok(_) => break,
                        Err(now) => old = now,
                    }
                }
            }
        }
    }
}

/// So many lists of sets of locks there are, each of those with one remainder.
pub const LOCKSETS: usize = 64;

/// The block of a set of locks that are held: how many, then object, mode and place of each.
/// Tasks that hold the same have it in common, and each run has it as long as it lasts.
pub fn lockset(arena: &Arena, words: &[u64], holder: u32) -> Result<usize, OutOfMemory> {
    // Where nothing is given back there is no table, and each set is its task's.
    let table = arena.run(run::LOCKSETS).load(Relaxed) as usize;
    let remainder = words.iter().fold(0, |sum: u64, word| sum.wrapping_mul(31).wrapping_add(*word)) as usize % LOCKSETS;
    let head = (table != 0).then(|| arena.at(table + 8 * remainder));
    let count = (words.len() / slot::HOLD_WORDS) as u64;
    let is_it = |at: usize| {
        let there = arena.memory().words(at + 8, 1 + words.len());
        there[0].load(Relaxed) == count
            && there[1..].iter().zip(words).all(|(there, word)| there.load(Relaxed) == *word)
    };
    let mut seen = head.map_or(0, |head| head.load(Acquire)) as usize;
    let known = std::iter::successors(Some(seen), |at| Some(arena.at(*at).load(Relaxed) as usize));
    if let Some(known) = known.take_while(|at| *at != 0).find(|at| is_it(*at)) {
        return Ok(known + 8);
    }
    let at = arena.heap().allocate(16 + 8 * words.len(), holder)?;
    arena.at(at + 8).store(count, Relaxed);
    for (i, word) in words.iter().enumerate() {
        arena.at(at + 16 + 8 * i).store(*word, Relaxed);
    }
    // Another task may add the same meanwhile: then it is there twice.
    while let Some(head) = head {
        arena.at(at).store(seen as u64, Relaxed);
        match head.compare_exchange_weak(seen as u64, at as u64, AcqRel, Acquire) {
            Ok(_) => break,
            Err(now) => seen = now as usize,
        }
    }
    Ok(at + 8)
}

/// Adds a finding to the list, or counts one with the same key. Of those that are `seen` in
/// one turn of a replay the one of the first task is told, as the model tells it: those that
/// a turn makes or lets go come to their next turns side by side.
pub fn add(arena: &Arena, key: (u64, u64), (raw, seen): (Raw, u64), holder: u32) -> Option<usize> {
    add_new(arena, key, (|| raw, seen), holder)
}

/// An invariant holds. The key of the finding that it was broken is taken from that, so that
/// it is found anew when it is broken again. The gate is held, so no invariant is being
/// looked at elsewhere.
pub(super) fn mended(arena: &Arena, key: (u64, u64), holder: u32) {
    let has_key = |block: &usize| {
        let words = arena.memory().words(*block + KEY, 2);
        (words[0].load(Relaxed), words[1].load(Relaxed)) == key
    };
    if list(arena).any(|block| has_key(&block)) {
        let guard = arena.run_half(run::FINDINGS_GUARD);
        guard::spin_lock(guard, holder);
        list(arena).filter(has_key).for_each(|block| arena.at(block + KEY + 8).store(MENDED, Relaxed));
        guard.store(0, Release);
    }
}

/// By how much the same finding once more raises its count.
fn more(key: (u64, u64)) -> u64 {
    u64::from(key.0 >> 60 != BROKEN >> 60)
}

fn add_new(arena: &Arena, key: (u64, u64), (raw, seen): (impl FnOnce() -> Raw, u64), holder: u32) -> Option<usize> {
    let guard = arena.run_half(run::FINDINGS_GUARD);
    guard::spin_lock(guard, holder);
    let found = list(arena).find(|b| (arena.at(b + KEY).load(Relaxed), arena.at(b + KEY + 8).load(Relaxed)) == key);
    let block = match found {
        Some(block) => {
            arena.at(block + COUNT).fetch_add(more(key), Relaxed);
            if seen < arena.at(block + SEEN).load(Relaxed)
                && let Some(bytes) = stored(arena, &raw(), holder)
            {
                arena.at(block + BYTES).store(bytes, Relaxed);
                arena.at(block + SEEN).store(seen, Relaxed);
            }
            Some(block)
        }
        None => append(arena, key, (&raw(), seen), holder),
    };
    guard.store(0, Release);
    if block.is_none() {
        // No finding is dropped in silence: the run ends, and says why.
        arena.run(run::OUT_OF_MEMORY).store(1, SeqCst);
    }
    block
}

fn stored(arena: &Arena, raw: &Raw, holder: u32) -> Option<u64> {
    raw.tasks().into_iter().for_each(|task| _ = handle::keep(arena, task));
    let bytes = serde_json::to_vec(raw).ok()?;
    codec::store_bytes(&bytes, arena.heap(), holder).ok().map(|at| at as u64)
}

fn append(arena: &Arena, key: (u64, u64), (raw, seen): (&Raw, u64), holder: u32) -> Option<usize> {
    let bytes = stored(arena, raw, holder)?;
    let block = arena.heap().allocate(BLOCK, holder).ok()?;
    arena.at(block + NEXT).store(arena.run(run::FINDINGS).load(Acquire), Relaxed);
    arena.at(block + KEY).store(key.0, Relaxed);
    arena.at(block + KEY + 8).store(key.1, Relaxed);
    arena.at(block + COUNT).store(1, Relaxed);
    arena.at(block + BYTES).store(bytes, Relaxed);
    arena.at(block + SEEN).store(seen, Relaxed);
    arena.run(run::FINDINGS).store(block as u64, Release);
    Some(block)
}

fn list(arena: &Arena) -> impl Iterator<Item = usize> + '_ {
    let mut next = arena.run(run::FINDINGS).load(Acquire) as usize;
    std::iter::from_fn(move || {
        let block = next;
        if block == 0 {
            return None;
        }
        next = arena.at(block + NEXT).load(Relaxed) as usize;
        Some(block)
    })
}

/// Whether it is not noted yet that a forked child was left behind. Both the process at its
/// end and, if that is killed meanwhile, the supervisor look at what it leaves.
pub(super) fn is_left_now(arena: &Arena, child: u32) -> bool {
    arena.facts(child, facts::FLAGS).fetch_or(flag::LEFT, SeqCst) & flag::LEFT == 0
}

/// The key of an orphan or a zombie: those from one place, of parents from one place, are one
/// finding with a count.
pub(super) fn child_key(arena: &Arena, raw: &Raw) -> (u64, u64) {
    let (zombie, child, parent) = match raw {
        Raw::Zombie { child, parent } => (1, *child, *parent),
        Raw::Orphan { child, parent } => (0, *child, *parent),
        _ => (0, 0, 0),
    };
    let site = |task| arena.facts(task, facts::SITE).load(Relaxed);
    (3 << 60 | zombie << 59 | (site(parent) & ((1 << 59) - 1)), site(child))
}

/// All findings so far, oldest first, with their counts.
pub fn all(arena: &Arena) -> Vec<(Raw, u64)> {
    let mut found: Vec<(Raw, u64)> = list(arena)
        .filter_map(|block| {
            let bytes = codec::load_bytes(arena.at(block + BYTES).load(Relaxed) as usize, arena.heap());
            Some((serde_json::from_slice(&bytes).ok()?, arena.at(block + COUNT).load(Relaxed)))
        })
        .collect();
    found.reverse();
    found
}

/// All recorded orders of locks.
pub fn orders(arena: &Arena) -> Vec<RawOrder> {
    let mut next = arena.run(run::ORDERS).load(Acquire) as usize;
    let mut found = Vec::new();
    while next != 0 {
        let bytes = codec::load_bytes(arena.at(next + 8).load(Relaxed) as usize, arena.heap());
        found.extend(serde_json::from_slice::<RawOrder>(&bytes));
        next = arena.at(next).load(Relaxed) as usize;
    }
    found.reverse();
    found
}
