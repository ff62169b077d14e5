//! What a schedule says of choices: which way a task takes, and where it says nothing.

use super::{essence, findings, schedule_of, what_every_schedule_shows};
use crate::support::conc;

/// Of a `select` that waits in several arms for the same, the schedule says which one was met.
#[test]
fn which_arm_of_a_waiting_select_is_met_is_replayed() {
    let select = |first: &str, second: &str| format!("select {{ {first} => {{ }}\n {second} => {{ assert false }} }}");
    let (gets, puts) = (select("q.get()", "q.get()"), select("q.put(1)", "q.put(2)"));
    let meets = [
        (&gets, "try { q.put_nowait(1) } catch Full { }"),
        (&puts, "try { let v = q.get_nowait() } catch Empty { }"),
        (&gets, "select { q.put(1) => { }\n else => { } }"),
        (&gets, "q.put(1, timeout: 1ms)"),
        // Two tasks wait, one of them in two arms; and of another queue beside it.
        (
            &gets,
            "spawn { try { let v = q.get(timeout: 1ms) } catch Empty { } }\ntry { q.put_nowait(1) } catch Full { }",
        ),
        (
            &select("other.get()", "q.get()").replace("} }", "}\n q.get() => { assert false } }"),
            "try { q.put_nowait(1) } catch Full { }",
        ),
    ];
    for (select, meet) in meets {
        for spawn in ["spawn", "spawn process"] {
            let script = format!("queue q(0)\nqueue other(0)\ntask t {{ {select} }}\n{spawn} t\n{meet}\n");
            let shown = what_every_schedule_shows(&script);
            assert!(shown.contains(&"assertion".to_string()), "{shown:?}: {script}");
        }
    }
}

#[test]
fn a_livelock_with_choices_in_it_is_replayed() {
    for body in [
        "loop { let x = choose([10, 20]) }",
        "loop {\n    let x = choose([10, 20])\n    n = x\n}",
        "while n == 0 { if choose([true, false]) { yield } }",
    ] {
        let script = format!("atomic n = 0\ntask spin {{ {body} }}\nspawn spin\njoin all\n");
        let schedule = schedule_of(&script, "livelock");
        for how in [&["replay"][..], &["replay", "--model"]] {
            let ended =
                conc().file("s.conc", &script).args(how).args(["--format", "json", "s.conc", &schedule]).finish();
            assert_eq!(ended.code, Some(1), "{how:?} {body}: {}{}", ended.stdout, ended.stderr);
            assert_eq!(ended.failures(), ["livelock"], "{how:?} {body}: {}", ended.stdout);
        }
    }
    let told = conc().file("s.conc", "let x = choose([10, 20])\nassert x == 10\n").args(["check", "s.conc"]).finish();
    assert!(told.stdout.contains("choose: 20"), "{}", told.stdout);
}

/// A task that comes to a `choose` of which the schedule does not say what it gives, and that has
/// no turn any more, stays there: what it would do behind is not on the way, whichever of its
/// values comes first.
#[test]
fn what_the_schedule_does_not_draw_is_not_chosen() {
    let tasks = [
        ("let d = 10 / choose([0, 1])", "0x2"),
        ("let d = 10 / choose([1, 0])", "0x2"),
        ("if choose([true, false]) { print \"launched\" } else { print \"held back\" }", "0x2"),
        ("loop { if choose([false, true]) { break } }\n    n = 1", "0x2"),
        ("let x = [choose([1, 2]), choose([1, 2])]\n    print x", "0x2"),
        // Behind a turn of its own; and one that gets all that it needs for that turn.
        ("with m { if choose([true, false]) { print \"in\" } }", "0.1.0"),
        ("with m { if choose([true, false]) { n += 0 } else { print \"in\" } }", "0.1:0.1.0"),
        ("let d = 10 / choose([0, 1])\n    n += d", "0x2"),
    ];
    for (body, schedule) in tasks {
        for spawn in ["spawn", "spawn process"] {
            let line = 4 + body.lines().count() as u64;
            let script = format!("atomic n = 0\nlock m\ntask t {{ {body} }}\n{spawn} t\nassert n != 0\n");
            for how in [&["replay"][..], &["replay", "--model"]] {
                let ended =
                    conc().file("s.conc", &script).args(how).args(["--format", "json", "s.conc", schedule]).finish();
                let told: Vec<_> = findings(&ended.stdout).iter().map(essence).collect();
                assert_eq!(
                    told,
                    [("assertion".to_string(), Vec::new(), vec![line])],
                    "{how:?} {script}{}",
                    ended.stdout
                );
                let text = conc().file("s.conc", &script).args(how).args(["s.conc", schedule]).finish();
                let all = format!("{}{}", text.stdout, text.stderr);
                let behind = ["launched", "held back", "print", "for ever", "choose: 2"];
                assert!(!behind.iter().any(|text| all.contains(text)), "{how:?} {script}{all}");
            }
        }
    }
}

/// Who stands before one may be ended from outside.
#[test]
fn who_stands_before_a_choice_can_be_ended() {
    let script =
        "task t { if choose([true, false]) { print \"x\" } }\nlet w = spawn process t\nkill w\njoin w\nassert false\n";
    for how in [&["replay"][..], &["replay", "--model"]] {
        let ended = conc().file("s.conc", script).args(how).args(["--format", "json", "s.conc", "0x2.1e.0x2"]).finish();
        assert_eq!(ended.failures(), ["assertion"], "{how:?}: {}{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains("print"), "{how:?}: {}", ended.stdout);
    }
}
