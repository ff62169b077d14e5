//! Guards: the short locks around an object's words, the heap's lists, a cell.
//! A guard word holds its holder's number (a task's place plus one), so that
//! what a killed process held can be found and taken from it.

use super::arena::{Arena, PROCESSES, SLOTS, process, slot};
use super::futex;
use crossbeam_utils::Backoff;
use std::cell::Cell;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Duration;

/// Whoever finds a guard taken yields so often, and then sleeps, a little longer each
/// time up to the longest: where hundreds want the processors, yields alone would go
/// round among those who wait, before the holder has its turn.
const YIELDS: u32 = 64;
const SLEEP_US: u64 = 20;
const SLEEP_MAX_US: u64 = 16_000;

/// Takes a guard for `holder`. They are held for a few dozen instructions, so
/// this spins; a holder that lost its processor gets it back by the yields.
#[inline]
pub fn spin_lock(guard: &AtomicU32, holder: u32) {
    if guard.compare_exchange(0, holder, Acquire, Relaxed).is_err() {
        spin_lock_slow(guard, holder);
    }
}

#[cold]
fn spin_lock_slow(guard: &AtomicU32, holder: u32) {
    let backoff = Backoff::new();
    let (mut yields, mut sleep_us) = (0, SLEEP_US);
    loop {
        while guard.load(Relaxed) != 0 {
            if !backoff.is_completed() {
                backoff.snooze();
            } else if yields < YIELDS {
                yields += 1;
                std::thread::yield_now();
            } else {
                // A holder that was killed is dealt with by the supervisor.
                if is_supervisor(holder) {
                    break_if_dead(guard);
                }
                std::thread::sleep(Duration::from_micros(sleep_us));
                sleep_us = (2 * sleep_us).min(SLEEP_MAX_US);
            }
        }
        if guard.compare_exchange(0, holder, Acquire, Relaxed).is_ok() {
            return;
        }
    }
}

thread_local! {
    /// The run that this thread supervises.
    static SUPERVISED: Cell<Option<&'static Arena>> = const { Cell::new(None) };
}

/// From now on this thread takes guards from the dead, who else would hold it for ever: it
/// is the one that buries them. With none, no more.
pub fn supervises(arena: Option<&'static Arena>) {
    SUPERVISED.set(arena);
}

fn is_supervisor(holder: u32) -> bool {
    holder_process(holder) == 0
}

/// What its task had half changed is taken back first.
#[cold]
fn break_if_dead(guard: &AtomicU32) {
    let found = guard.load(Relaxed);
    let process = holder_process(found);
    if let (Some(arena), true) = (SUPERVISED.get(), process != 0) {
        let word = |word| arena.process(process, word).load(SeqCst);
        if word(process::STATE) == process::DEAD || !super::supervisor::is_alive(word(process::PID) as i32) {
            let slot = holder_slot(found);
            if arena.slot(slot, slot::PROCESS).load(SeqCst) as usize == process {
                super::supervisor::revert_slot(arena, slot, process);
            }
            let _ = guard.compare_exchange(found, 0, SeqCst, SeqCst);
        }
    }
}

/// Takes a guard that is held for longer: who finds it taken sleeps until it is let go
/// of, by `let_go`, or broken.
pub fn sleep_lock(guard: &AtomicU32, holder: u32) {
    while let Err(found) = guard.compare_exchange(0, holder, SeqCst, SeqCst) {
        futex::wait(guard, found, None);
    }
}

/// Lets go of a guard that others may sleep for.
pub fn let_go(guard: &AtomicU32) {
    guard.store(0, SeqCst);
    futex::wake(guard, 1);
}

/// The bits of a holder that name the task's place; those above name its
/// process.
pub const SLOT_BITS: u32 = 13;
const _: () = assert!(SLOTS < 1 << SLOT_BITS && PROCESSES <= 1 << (u32::BITS - SLOT_BITS));

/// A holder's number.
pub fn holder(slot: usize, process: usize) -> u32 {
    (slot as u32 + 1) | (process as u32) << SLOT_BITS
}

/// The place of the task in a holder's number.
pub fn holder_slot(holder: u32) -> usize {
    ((holder & ((1 << SLOT_BITS) - 1)) as usize).saturating_sub(1)
}

/// The place of his process.
pub fn holder_process(holder: u32) -> usize {
    (holder >> SLOT_BITS) as usize
}

/// Takes a guard in memory that may be a copy, made by a fork: a holder of
/// another process is no holder here, and the guard is taken from it. What it
/// was about to change ends in one last write, so the copy is whole.
#[inline]
pub fn spin_lock_tagged(guard: &AtomicU32, holder: u32, private: bool) {
    if guard.compare_exchange(0, holder, Acquire, Relaxed).is_ok() {
        return;
    }
    if private {
        let found = guard.load(Relaxed);
        let foreign = found != 0 && found >> SLOT_BITS != holder >> SLOT_BITS;
        if foreign && guard.compare_exchange(found, holder, Acquire, Relaxed).is_ok() {
            return;
        }
    }
    spin_lock_slow(guard, holder);
}
