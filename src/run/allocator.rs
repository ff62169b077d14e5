//! The program's allocator: the system's, and what comes where that has no more. It owns
//! what is kept back for then, and the end of the program where even that is used up; who
//! asks `is_short` stops at the next occasion with what it has.
//!
//! Of a run's own processes it knows nothing: what a script stores is in the arena, whose
//! limit is the run's affair.

use super::memory::Memory;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Mutex, PoisonError};

/// What is said, from where nothing can be put together.
const SENTENCE: &[u8] = b"conc: there is no more memory that it may have (`ulimit -v`, or the machine's)\n";
/// A failed allocation is what Rust makes of it: the process ends by a signal.
static BY_SIGNAL: AtomicBool = AtomicBool::new(false);
/// Addresses that nobody uses: given back when there are no others.
static RESERVE: Mutex<Option<Memory>> = Mutex::new(None);
static SHORT: AtomicBool = AtomicBool::new(false);

pub struct Allocator {
    /// The exit code of a program that has no memory; from before it begins.
    pub code: u8,
}

/// From now on this process, one of a script's, ends by a signal where memory is missing: what
/// it was is told by who looks after it.
pub(super) fn end_by_signal() {
    BY_SIGNAL.store(true, Relaxed);
}

/// Keeps a quarter back of what `ulimit -v` leaves, unless that is done: for the end of a
/// search that finds too late that there is no more.
pub fn keep_back() {
    // Before the lock, since it allocates.
    let Some(allowed) = super::system::limited_memory() else { return };
    let mut reserve = RESERVE.lock().unwrap_or_else(PoisonError::into_inner);
    if reserve.is_none() {
        *reserve = Memory::private(allowed / 4).ok();
        SHORT.store(reserve.is_none(), Release);
    }
}

/// Whether what was kept back is in use.
pub fn is_short() -> bool {
    SHORT.load(Acquire)
}

/// Another attempt with what was kept back, or the end.
#[cold]
fn without(code: u8, attempt: impl Fn() -> *mut u8) -> *mut u8 {
    if BY_SIGNAL.load(Relaxed) {
        return std::ptr::null_mut();
    }
    // Neither the lock nor the mapping's end allocates. Who comes second waits for the first.
    let mut reserve = RESERVE.lock().unwrap_or_else(PoisonError::into_inner);
    if reserve.take().is_some() {
        SHORT.store(true, Release);
    }
    drop(reserve);
    let there = attempt();
    if there.is_null() {
        let _ = nix::unistd::write(std::io::stderr(), SENTENCE);
        // SAFETY: it ends the process at once; no handler of it runs.
        unsafe { nix::libc::_exit(i32::from(code)) }
    }
    there
}

// SAFETY: each answer is the system's own, of a call with the same arguments; between two
// attempts nothing was allocated for this layout.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps to the rules, which are the system's.
        let attempt = || unsafe { System.alloc(layout) };
        let there = attempt();
        if there.is_null() { without(self.code, attempt) } else { there }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        let attempt = || unsafe { System.alloc_zeroed(layout) };
        let there = attempt();
        if there.is_null() { without(self.code, attempt) } else { there }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; where it fails the old block stays as it is.
        let attempt = || unsafe { System.realloc(block, layout, size) };
        let there = attempt();
        if there.is_null() { without(self.code, attempt) } else { there }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
