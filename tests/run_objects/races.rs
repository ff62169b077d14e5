//! Races that a single run shows whichever way it goes: what is kept of earlier accesses.

use super::KINDS;
use super::support::run_json;

/// An indivisible write comes between two accesses that race with each other: it races with
/// neither of the indivisible ones, and hides none.
#[test]
fn an_indivisible_write_hides_no_race() {
    // The event makes no order where it is only looked at.
    let other = "shared x = 0\nevent e\nSPAWN { OTHER\n e.set() }\nwhile not e.is_set() { yield }\n";
    for kind in KINDS {
        for (theirs, own, races) in [
            // Another's store, one's own, and then a plain access of one's own.
            ("x.store(1)", "x.store(2)\nx = 3", true),
            ("x.store(1)", "x.store(2)\nprint x", true),
            // Another's plain access before its own store.
            ("x = 1\n x.store(2)", "x.store(3)", true),
            ("print x\n x.store(2)", "x.store(3)", true),
            // Nothing plain, or nobody else's.
            ("x.store(1)", "x.store(2)\nx.store(3)", false),
            ("x.store(1)\n x.store(2)", "print x.load()\nprint x", false),
            ("yield", "x = 1\nx.store(2)\nx = 3", false),
        ] {
            let script = format!("{other}{own}\njoin all\n").replace("SPAWN", kind).replace("OTHER", theirs);
            let found = run_json(&script).finish().failures();
            assert_eq!(found, vec!["race"; usize::from(races)], "{script}");
        }
    }
}
