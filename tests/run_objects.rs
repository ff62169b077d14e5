//! Every object between threads, between processes, and between both: the
//! scripts assert the exact results themselves, so a run is right if it ends
//! with exit code 0, without a finding, and with what it should print.

use crate::support;

mod locks;
mod queues;
mod races;
mod tasks;
mod waiting;

use support::{Ended, run_json};

/// The ways in which a task can be started; `SPAWN` in a script stands for it.
const KINDS: [&str; 2] = ["spawn", "spawn process"];

/// Runs a script whose tasks are all threads, then all processes.
fn for_each_kind(script: &str) {
    for kind in KINDS {
        clean(&script.replace("SPAWN", kind));
    }
}

/// The same with two kinds of tasks, `SPAWN` and `OTHER`, in each combination.
fn for_each_pair(script: &str) {
    for one in KINDS {
        for other in KINDS {
            clean(&script.replace("SPAWN", one).replace("OTHER", other));
        }
    }
}

#[track_caller]
fn clean(script: &str) -> Ended {
    println!("{script}");
    run_json(script).finish().expect_clean()
}

#[track_caller]
fn prints(script: &str, lines: &[&str]) {
    assert_eq!(clean(script).prints(), lines);
}
