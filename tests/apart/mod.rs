//! A test without a harness, in several processes of itself: each does a part, with one thread,
//! since runs fork. What is done in a part belongs to the test.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Says to a process which part is its.
const PART: &str = "CONC_PART";

/// Does `part` with the number of each of `parts`, in a process of its own, so many at a time for
/// each processor; ends this one if any of them fails.
pub fn each(parts: usize, at_once: usize, part: impl Fn(usize)) {
    if let Some(own) = std::env::var_os(PART) {
        return part(own.to_str().and_then(|text| text.parse().ok()).expect("the number of a part"));
    }
    let this = std::env::current_exe().expect("the test knows itself");
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..at_once * std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let own = next.fetch_add(1, Ordering::Relaxed);
                    if own >= parts {
                        return;
                    }
                    let status = Command::new(&this).env(PART, own.to_string()).status().expect("it can be started");
                    if !status.success() {
                        eprintln!("part {own} ended with {status}");
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(!failed.into_inner(), "a part has failed; see above");
}
