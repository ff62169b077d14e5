//! Races that a single run shows whichever way it goes: what is kept of earlier accesses.

use super::KINDS;
use super::support::{conc, run_json};

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

/// Who has joined a process, or waited for it, comes after its threads, however that ended;
/// who has not, does not.
#[test]
fn the_end_of_a_process_comes_after_its_threads() {
    for (script, races) in [
        ("let w = spawn process { spawn { x = 1; e.set(); sleep 10s }; sleep 10s }\nUNTIL\nkill w\njoin w", false),
        ("let w = spawn process { spawn { x = 1; e.set(); sleep 10s }; UNTIL; exit 0 }\njoin w", false),
        ("let w = spawn process { spawn { x = 1; exit 3 }; sleep 10s }\njoin w", false),
        ("let w = spawn process { spawn daemon { x = 1; e.set(); sleep 10s }; UNTIL }\njoin w", false),
        ("let w = spawn process { spawn { x = 1 }; sleep 2ms; spawn { sleep 1ms } }\njoin w", false),
        ("let pid = fork()\nif pid == 0 { spawn { x = 1; e.set() }; UNTIL; exit 0 }\nwait(pid)", false),
        ("let w = spawn process { spawn { x = 1; e.set(); sleep 10s }; sleep 10s }\nUNTIL\nkill w", true),
    ] {
        // That an event is set makes no order for who only looks.
        let script = script.replace("UNTIL", "while not e.is_set() { yield }");
        let script = format!("shared x = 0\nevent e\n{script}\nprint x\n");
        let wanted = vec!["race"; usize::from(races)];
        assert_eq!(run_json(&script).finish().failures(), wanted, "{script}");
        let check = conc().args(["check", "--format", "json", "script.conc"]).file("script.conc", &script);
        assert_eq!(check.finish().failures(), wanted, "{script}");
    }
}
