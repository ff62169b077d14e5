//! That a replay for real comes to what the model says of the same schedule, whatever turns that
//! has: not only those that a check has printed.

use super::{essence, findings};
use crate::support::{Ended, conc};
use std::collections::BTreeSet;

/// `conc replay` of a schedule, in the model and for real.
fn replays(script: &str, schedule: &str) -> [Ended; 2] {
    [Some("--model"), None].map(|how| {
        let replay = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", schedule]);
        replay.args(how).finish()
    })
}

/// The exit code, and what was told of what. A run tells of races on a variable at further places
/// too.
fn told(ended: &Ended) -> (Option<i32>, BTreeSet<(String, Vec<String>)>) {
    let of = |(code, on, _)| (code, on);
    (ended.code, findings(&ended.stdout).iter().map(|f| of(essence(f))).collect())
}

/// Each schedule of so many tasks and at most so many turns that the model can follow. How many
/// there are.
fn each_schedule_is_alike(script: &str, tasks: usize, turns_max: usize) -> usize {
    let mut schedules = vec![String::new()];
    let mut followed = 0;
    for _ in 0..turns_max {
        let mut longer = Vec::new();
        for schedule in &schedules {
            for task in 0..tasks {
                let dot = if schedule.is_empty() { "" } else { "." };
                let schedule = format!("{schedule}{dot}{task}");
                let [model, real] = replays(script, &schedule);
                // The model refuses what nobody could do.
                if model.code != Some(2) {
                    assert_eq!(told(&real), told(&model), "{schedule}: {script}{}{}", real.stdout, real.stderr);
                    longer.push(schedule);
                }
            }
        }
        followed += longer.len();
        schedules = longer;
    }
    followed
}

/// Whatever memory an `await` looks at, and whoever changes that how: who has looked in vain
/// looks again in its next turn, and once more when there is none.
#[test]
fn who_has_looked_in_vain_looks_again() {
    let mut followed = 0;
    let memories =
        [("var x = 0", "x"), ("shared x = 0", "x"), ("atomic x = 0", "x"), ("var x[2] = 0", "x[1]"), ("S", "s.f")];
    for (m, (memory, place)) in memories.into_iter().enumerate() {
        let declared = match memory {
            "S" => "struct S { shared f = 0 }\nlet s = S()\n".to_string(),
            memory => format!("{memory}\nfn set() {{ {place} = 1 }}\nfn look() {{ await {place} == 1 }}\n"),
        };
        let writes = ["P = 1", "P += 1", "P.store(1)", "P.cas(0, 1)", "atomically { P = 1 }", "set()"];
        let looks = ["await P == 1", "atomically { await P.load() == 1; P = 2 }\nP = 3", "look()\nassert P == 2"];
        for (n, write) in writes.iter().enumerate() {
            let (write, look) = (write.replace('P', place), looks[n % looks.len()].replace('P', place));
            // A local of `main` is known to no function.
            let is_meant = memory != "S" || !write.contains("set()") && !look.contains("look()");
            // Half of them, so that each is met.
            if (m + n) % 2 == 0 && is_meant {
                let script = format!("{declared}spawn {{ {write} }}\n{look}\n");
                followed += each_schedule_is_alike(&script, 2, 5);
            }
        }
    }
    assert!(followed > 100, "only {followed} schedules");
}

/// Two races at the same two places, on two elements of a row or on two records: each is told,
/// whichever of them the schedule is about.
#[test]
fn races_at_the_same_places_are_told_apart() {
    let row = "var x[2] = 0\ntask t(i) {\nx[i] = 1\nprint x[1 - i]\n}\nspawn t(0)\nspawn t(1)\n";
    let records = "struct S { shared f = 0 }\ntask t(a, b) { a.f = 1; print b.f }\nlet a = S()\nlet b = S()\n\
                   spawn t(a, b)\nspawn t(b, a)\n";
    for script in [row, records] {
        let followed = each_schedule_is_alike(script, 3, 6);
        assert!(followed > 20, "only {followed} schedules of {script}");
    }
}

/// What is false from the start is told after the first step, which may be that `main` ends,
/// however it does, and where none comes.
#[test]
fn invariants_that_never_held() {
    let ends = ["", "exit", "raise \"x\"", "kill self", "terminate self", "atomically { exit }", "print 1; exit 3"];
    let waits = ["q.get()", "await n == 0", "print 1; q.get()", "loop { }", "loop { yield }", "loop { print 1 }"];
    // What mends it comes first, and what prints or yields before that makes no step.
    let mended = ["n = 0", "print 1; n = 0", "yield; n = 0", "atomically { n = 0; exit }"];
    let said = |script: &str, args: &[&str]| {
        let ended = conc().file("s.conc", script).args(args).args(["--format", "json", "s.conc"]).finish();
        (ended.findings().iter().filter(|f| f["code"] == "invariant").cloned().collect::<Vec<_>>(), ended)
    };
    for (code, wanted) in ends.iter().chain(&waits).map(|c| (c, 1)).chain(mended.iter().map(|c| (c, 0))) {
        let script = format!("atomic n = 1\nqueue q\ninvariant n == 0\n{code}\n");
        for strategy in [None, Some("random"), Some("pct"), Some("surw")] {
            let how: Vec<&str> = strategy.into_iter().flat_map(|s| ["--runs", "20", "--strategy", s]).collect();
            let (told, checked) = said(&script, &[&["check"][..], &how].concat());
            assert_eq!(told.len(), wanted, "{strategy:?} {script}{}{}", checked.stdout, checked.stderr);
            for schedule in told.iter().filter_map(|f| f["schedule"].as_str()) {
                let [model, real] = replays(&script, schedule);
                assert!(model.failures().contains(&"invariant".to_string()), "{script}{}", model.stdout);
                assert_eq!(self::told(&real), self::told(&model), "{schedule}: {script}{}", real.stderr);
                let step = ["step", "--schedule", schedule, "s.conc"];
                let stepped = conc().file("s.conc", &script).args(step).finish();
                assert!(stepped.stdout.contains("is false before the first step"), "{script}{}", stepped.stdout);
            }
        }
        // A run cannot know that no step comes.
        if !code.starts_with("loop") {
            let (told, ran) = said(&script, &["run"]);
            assert_eq!(told.len(), wanted, "{script}{}{}", ran.stdout, ran.stderr);
        }
    }
    for script in ["sleep 1ms; n = 0", "exit", "if choose([true, false]) { n = 0 } else { q.get() }", "n = 0; n = 1"] {
        each_schedule_is_alike(&format!("atomic n = 1\nqueue q\ninvariant n == 0\n{script}\n"), 1, 3);
    }
}

/// Of a loop that chooses, with no way given, all ways are taken again and again: one of them may
/// print, or lead out of it.
#[test]
fn a_loop_that_chooses_goes_each_way() {
    let shows = |code: &str| {
        let [model, real] = replays(&format!("atomic n = 0\n{code}\n"), "@0000");
        assert_eq!(told(&real), told(&model), "{code}: {}{}", real.stdout, real.stderr);
        model.failures()
    };
    assert_eq!(shows("loop { if choose([true, false]) { print 1 } }"), [""; 0]);
    assert_eq!(shows("loop { if choose([true, false]) { break } }\nn = 1"), [""; 0]);
    assert_eq!(shows("loop { if choose([true, false]) { yield } }"), ["livelock"]);
}

/// Who comes to a choice that no schedule names, before its turns, between them, behind the last one.
#[test]
fn choices_that_no_schedule_names() {
    let mut followed = 0;
    let bodies = [
        "let d = 1 / choose([0, 1])\n n += d",
        "n += 1\n let d = 1 / choose([0, 1])\n n += d",
        "with m { let d = 1 / choose([1, 0]) }\n assert choose([false, true])",
        "loop { if choose([false, true]) { break } }\n assert n == 1",
        "repeat 2 { n += choose([1, 2]) }\n raise \"over\"",
        "atomically { n = choose([1, 2]) }\n let x = choose([1, 2])\n assert false",
        "m.acquire()\n if choose([true, false]) { m.acquire() }",
        "try { if choose([true, false]) { raise \"x\" } } catch any { n += 1 }\n let d = 1 / choose([0, 1])",
    ];
    // One kind of task each, so that each is met.
    for (body, spawn) in bodies.into_iter().zip(["spawn t", "spawn process t", "spawn daemon t"].into_iter().cycle()) {
        let script =
            format!("atomic n = 0\nlock m\ntask t {{\n {body}\n}}\n{spawn}\nn += 1\nm.acquire()\nassert n == 1\n");
        followed += each_schedule_is_alike(&script, 2, 4);
    }
    assert!(followed > 60, "only {followed} schedules");
}
