//! What a run predicts, and what the explorer makes of it: it is confirmed by a schedule, or
//! withdrawn.

use super::findings;
use crate::support::{self, conc};

/// The two sections exclude each other, by a monitor, which no run can know for sure.
#[test]
fn a_prediction_that_the_explorer_refutes_is_withdrawn() {
    let script = "lock m\nlock a\nlock b\nvar held = false\ncondition free(m)\n\
        fn enter() { with m {\n    while held { free.wait() }\n    held = true\n} }\n\
        fn leave() { with m {\n    held = false\n    free.notify()\n} }\n\
        task one {\n    enter()\n    with a { with b { } }\n    leave()\n}\n\
        task two {\n    enter()\n    with b { with a { } }\n    leave()\n}\n\
        spawn one\nspawn two\njoin all\n";
    support::run_json(script).finish().expect_code(0);
    // Where one waits for the other in the monitor, a run knows by itself who comes first;
    // sooner or later neither does.
    let withdrawn = |_| {
        let told = conc().file("s.conc", script).args(["run", "-v", "s.conc"]).finish().expect_code(0);
        told.stderr.contains("in opposite orders, but the explorer went through every interleaving")
    };
    assert!((0..200).any(withdrawn));
}

#[test]
fn a_prediction_of_a_run_is_confirmed() {
    let one_after_the_other = include_str!("../../scenarios/locks/lock_order_predicted.conc");
    let ended = support::run_json(one_after_the_other).finish();
    let found = findings(&ended.stdout);
    let predicted = found.iter().find(|f| f["code"] == "lock-order");
    if let Some(finding) = predicted {
        assert_eq!(finding["certainty"], "confirmed", "{finding}");
        assert!(finding["schedule"].is_string(), "{finding}");
    } else {
        assert!(found.iter().any(|f| f["code"] == "deadlock"), "{}", ended.stdout);
    }
}

/// Who adds to a counter first keeps nobody from meeting at the locks.
#[test]
fn a_counter_orders_no_locks() {
    let script = "KIND x = 0\nlock a\nlock b\ntask t0 { with a { with b { ADD } } }\n\
                  task t1 { sleep 5ms; with a { ADD }; with b { with a { ADD } } }\nspawn t0\nspawn t1\njoin all\n";
    for (kind, add) in [("atomic", "x += 1"), ("shared", "x.add(1)")] {
        let script = script.replace("KIND", kind).replace("ADD", add);
        // Unless the machine held the first one up for so long that there is the deadlock itself.
        let tells = |_| support::run_json(&script).finish().failures().contains(&"lock-order".to_string());
        assert!((0..50).any(tells), "{script}");
    }
}
