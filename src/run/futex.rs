//! Sleeping in the kernel on a half word: the futex system call, for which
//! there is no wrapper. All waits of tasks go through here.

use nix::libc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Sleeps while the word is `expected`, until woken, until the deadline (of
/// the monotonic clock, in nanoseconds), or for no reason at all: the caller
/// looks again. The word may be in memory shared between processes.
pub fn wait(word: &AtomicU32, expected: u32, deadline_ns: Option<u64>) {
    let time = deadline_ns.map(|ns| libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as libc::c_long,
    });
    let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word is a live, aligned 32-bit place, the time is null or a
    // live timespec; FUTEX_WAIT_BITSET takes an absolute monotonic deadline
    // and writes to neither.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT_BITSET,
            expected,
            time,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        );
    }
}

/// Wakes at most `count` sleepers of the word.
pub fn wake(word: &AtomicU32, count: u32) {
    // SAFETY: the kernel only uses the address of the word.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count.min(i32::MAX as u32));
    }
}

/// The monotonic clock, in nanoseconds.
pub fn now_ns() -> u64 {
    clock_ns(nix::time::ClockId::CLOCK_MONOTONIC)
}

/// The processor time of the calling thread, in nanoseconds.
pub fn thread_ns() -> u64 {
    clock_ns(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_ns(clock: nix::time::ClockId) -> u64 {
    clock.now().map(|t| Duration::from(t).as_nanos() as u64).unwrap_or(0)
}
