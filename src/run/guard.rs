//! Guards: the short locks around an object's words, the heap's lists, a cell.
//! A guard word holds its holder's number (a task's place plus one), so that
//! what a killed process held can be found and taken from it.

use crossbeam_utils::Backoff;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

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
    loop {
        while guard.load(Relaxed) != 0 {
            if backoff.is_completed() {
                // A holder that was killed is dealt with by the supervisor.
                std::thread::yield_now();
            } else {
                backoff.snooze();
            }
        }
        if guard.compare_exchange(0, holder, Acquire, Relaxed).is_ok() {
            return;
        }
    }
}

/// The bits of a holder that name the task's place; those above name its
/// process.
pub const SLOT_BITS: u32 = 13;

/// A holder's number.
pub fn holder(slot: usize, process: usize) -> u32 {
    (slot as u32 + 1) | (process as u32) << SLOT_BITS
}

/// The place of the task in a holder's number.
pub fn holder_slot(holder: u32) -> usize {
    ((holder & ((1 << SLOT_BITS) - 1)) as usize).saturating_sub(1)
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
