//! What a check does with a script that has no end, or too much of something: limits,
//! Ctrl-C, and what of it may not take long.

use super::support::{Ended, conc};
use super::{check, check_json, summary};
use nix::sys::signal::Signal;
use std::collections::BTreeSet;
use std::time::Duration;

/// Its states have no end.
pub const COUNTING: &str = "atomic n = 0\ntask t { loop { n += 1 } }\nspawn t x2\njoin all\n";

const TWO_WRITERS: &str = "atomic n = 0\ntask t { n += 1 }\nspawn t x2\njoin all\n";

/// All is explored again once there is a race.
const RACY: &str = "shared x = 0\nshared y = 0\ntask t { x += 1; y += 1; x += 1 }\nspawn t x2\njoin all\n";

/// Once it has grown large, few states are left if only some tasks are followed.
const AFTER_MANY: &str = "atomic n[4] = 0\nlock m\ntask t(i) { repeat 12 { n[i] += 1; with m { } } }\n\
                          for i in 0..4 { spawn t(i) }\njoin all\n";

fn undecided(ended: &Ended) {
    let summary = summary(ended);
    assert_eq!(summary["complete"], false, "{summary}");
    let verdicts = summary["verdicts"].as_object().expect("verdicts");
    assert!(verdicts.values().all(|v| v != "absent"), "{summary}");
}

#[test]
fn a_limit_of_states() {
    for states in ["1", "10", "1000"] {
        let ended = check_json(COUNTING).args(["--max-states", states]).finish().expect_code(3);
        undecided(&ended);
        let limit: u64 = states.parse().expect("a number");
        // The transitions of one state are all followed.
        let met = summary(&ended)["states"].as_u64().expect("a number");
        assert!((limit..limit + 8).contains(&met), "{met} states with a limit of {limit}");
    }
    // So many are within the limit, and one fewer is not, however often all is explored and
    // whichever time is the largest.
    for script in [TWO_WRITERS, RACY, AFTER_MANY] {
        let whole = summary(&check_json(script).finish());
        let count = whole["states"].as_u64().expect("a number");
        for (states, complete) in [(count, true), (count - 1, false)] {
            let ended = check_json(script).args(["--max-states", &states.to_string()]).finish();
            assert_eq!(summary(&ended)["complete"], complete, "{states} states: {script}");
            assert_eq!(summary(&ended)["states"], count, "{script}");
        }
    }
    // A limit that is not reached is none.
    check_json("print 1\n").args(["--max-states", "1000"]).finish().expect_code(0);
}

/// A race on one place, and others whose accesses are ordered by a lock in many
/// ways.
const A_RACE_AND_OTHER_PLACES: &str = "\
var a[4] = 0
lock m
task t(i) {
    a[i] = 1
    repeat 2 { with m { } }
    a[0] += 1
}
spawn t(1)
spawn t(2)
spawn t(3)
join all
expect every a[1] == 1
";

/// Where a limit ends the search for further races, all else is decided by then.
#[test]
fn further_races_are_looked_for_last() {
    let ended = check_json(A_RACE_AND_OTHER_PLACES).args(["--max-states", "1200"]).finish().expect_code(1);
    assert_eq!(ended.failures(), ["race"]);
    let limited = summary(&ended);
    let whole = summary(&check_json(A_RACE_AND_OTHER_PLACES).finish().expect_code(1));
    assert_eq!((&limited["complete"], &whole["complete"]), (&false.into(), &true.into()));
    assert_eq!(limited["verdicts"], whole["verdicts"]);
    assert!(limited["states"].as_u64() < whole["states"].as_u64(), "{limited}\n{whole}");
    let told = check(A_RACE_AND_OTHER_PLACES).args(["--max-states", "1200"]).finish().stdout;
    assert!(told.contains("there may be more"), "{told}");
    assert!(!told.contains("not decided"), "{told}");
}

#[test]
fn a_limit_of_time() {
    undecided(&check_json(COUNTING).args(["--time-limit", "1ms"]).finish().expect_code(3));
    let ended = check(COUNTING).args(["--time-limit", "30ms"]).finish().expect_code(3);
    assert!(ended.stdout.contains("the time limit was reached"), "{}", ended.stdout);
}

#[test]
fn a_limit_of_memory() {
    undecided(&check_json(COUNTING).args(["--max-memory", "4MB"]).finish().expect_code(3));
}

#[test]
fn what_is_found_by_then_is_told() {
    let script = "atomic n = 0\nvar x = 0\ntask t { x += 1\n loop { n += 1 } }\nspawn t x2\njoin all\n";
    let ended = check_json(script).args(["--max-states", "3000"]).finish().expect_code(1);
    assert_eq!(ended.failures(), ["race"]);
    assert_eq!(summary(&ended)["complete"], false);
}

#[test]
fn interrupted_in_the_middle() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = check_json(COUNTING).start();
        // Before that a signal would just end it.
        running.until("signals being read", |run| has_blocked(run.pid(), signal));
        running.signal(signal);
        undecided(&running.finish().expect_code(130));
    }
    let mut running = check(COUNTING).start();
    running.until("signals being read", |run| has_blocked(run.pid(), Signal::SIGINT));
    running.signal(Signal::SIGINT);
    let ended = running.finish().expect_code(130).expect_stderr("interrupted");
    assert!(ended.stdout.contains("not decided"), "{}", ended.stdout);
}

/// Whether a process reads a signal when it likes, instead of being ended by it.
fn has_blocked(pid: i32, signal: Signal) -> Option<()> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|l| l.strip_prefix("SigBlk:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    (mask & (1 << (signal as i32 - 1)) != 0).then_some(())
}

#[test]
fn nobody_reads() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = check("var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\n").stdout(writer).finish();
    assert!(ended.signal.is_none(), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Scripts with too much of something: each is explored, or ends at a limit,
/// and says so.
const TOO_MUCH: [(&str, &str); 16] = [
    ("a loop without a step", "loop { }\n"),
    ("a loop over a local", "let i = 0\nwhile true { i += 1 }\n"),
    ("a loop in atomically", "atomically { loop { } }\n"),
    ("a loop in a condition", "fn f() { loop { } }\nawait f()\n"),
    ("a loop in an invariant", "var x = 0\nfn f() { loop { } }\ninvariant f()\nx = 1\n"),
    ("a loop over a var", "var i = 0\nwhile true { i += 1 }\n"),
    ("a string that doubles", "var s = \"x\"\nloop { s = s + s }\n"),
    ("a list that doubles", "var s = [1]\ntask t { loop { s = s + s } }\nspawn t x2\njoin all\n"),
    ("a list in a list", "var x = [1]\nloop { x = [x, x] }\n"),
    ("calls without end", "fn f(n) { return f(n + 1) }\nprint f(0)\n"),
    ("calls with steps", "atomic x = 0\nfn f() { x += 1\n f() }\ntask t { f() }\nspawn t x2\njoin all\n"),
    ("a queue without end", "queue q\nloop { q.put(\"something\") }\n"),
    ("tasks without end", "task t { spawn t }\nspawn t\n"),
    ("tasks in great number", "atomic x = 0\ntask t { x += 1 }\nspawn t x1000\njoin all\n"),
    ("processes without end", "loop { fork() }\n"),
    ("a choice among too many", "let x = choose(0..500000)\nprint x\n"),
];

#[test]
fn too_much_of_something() {
    let mut wrong = Vec::new();
    for (what, script) in TOO_MUCH {
        let limits = ["--time-limit", "150ms", "--max-memory", "200MB"];
        let run = || check_json(script).args(limits).limit(Duration::from_secs(40)).finish();
        match std::panic::catch_unwind(run) {
            Ok(ended) if matches!(ended.code, Some(0 | 1 | 3)) && !ended.of_type("summary").is_empty() => {}
            Ok(ended) => wrong.push(format!("{what}: {:?} {}", ended.code, ended.stderr)),
            Err(_) => wrong.push(format!("{what}: see above")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Who is stuck beside one that goes on without end is told of however early it ends.
#[test]
fn who_is_stuck_is_told_where_an_exploration_ends_early() {
    for (wait, object) in [("e.wait()", "event e"), ("e.acquire()", "semaphore e(0)"), ("e.get()", "queue e")] {
        let script = format!(
            "{object}\natomic n = 0\ntask t {{ let v = {wait} }}\ntask u {{ loop {{ n += 1 }} }}\nspawn u\nspawn t\njoin all\n"
        );
        for how in [&["--max-states", "3000"][..], &["--strategy", "random", "--runs", "3"]] {
            let ended = conc().args(["check", "--format", "json"]).args(how).args(["-"]).input(&script).finish();
            let found = ended.of_type("finding").into_iter().find(|f| f["code"] == "deadlock").expect("it is told");
            let schedule = found["schedule"].as_str().unwrap_or_default().to_string();
            assert!(schedule.starts_with("0x2@") || schedule.starts_with("0x2.2@"), "{schedule}");
        }
    }
}

/// What never comes to its end proves nothing, wherever it stands.
#[test]
fn what_goes_on_and_on_is_told() {
    let rests = "a `finally` that goes on and on";
    let ended = check_json("var x = 1\nfinally { while x == 1 { } }\n").finish().expect_code(3);
    assert_eq!(summary(&ended)["reason"], rests, "{}", ended.stdout);
    let chooses = "shared x = 0\natomically { let s = 0\nrepeat 24 { s = s * 2 + choose([0, 1]) }\nx = s }\n";
    let ended = check_json(chooses).finish().expect_code(3);
    assert_eq!(summary(&ended)["reason"], "a step with too many choices in it");
    let limited = check_json("let n = 0\nwhile n < 9 { n += choose([1, 2]) }\n").args(["--max-states", "5"]).finish();
    assert_eq!(summary(&limited.expect_code(3))["reason"], "the limit of states was reached");
}

/// No more errors are told than the twenty first, and they are found in no time.
#[test]
fn ten_thousand_wrong_names() {
    let ended = conc().file("script.conc", "x = 1\n".repeat(10_000)).args(["check", "script.conc"]).finish();
    let ended = ended.expect_code(2);
    assert_eq!(ended.stderr.lines().filter(|l| l.starts_with("error")).count(), 20);
}

#[test]
fn long_rows() {
    let script = "shared x[1000000] = 0\nlock m[100000]\ntask t(i) { with m[i] { x[i] += 1 } }\nspawn t(0)\nspawn t(99999)\njoin all\n";
    let ended = check_json(script).limit(Duration::from_secs(50)).finish().expect_code(0);
    assert_eq!(summary(&ended)["complete"], true);
}

/// Where all tasks have to do with each other nearly always, finding out whom to follow
/// is given up before it has cost anything.
#[test]
fn whom_to_follow_is_not_asked_for_in_vain() {
    let script = "const M = 701\nshared x = 0\nlock m\n\
        task worker { let me = self.index\nrepeat 3 { with m { x = (x * 7 + me + 1) % M } } }\n\
        spawn worker x5\njoin all\n";
    let made = |ended: &Ended| (summary(ended)["states"].clone(), summary(ended)["transitions"].clone());
    let with = check_json(script).finish();
    let without = check_json(script).args(["--without", "persistent"]).finish();
    assert_eq!(made(&with), made(&without));
    assert!(summary(&with)["states"].as_u64() > Some(1 << 18), "it is large enough to be asked for");
}

/// Twelve pairs that have nothing to do with each other have more orders than
/// states that can be kept; one pair after the other they have few, and one that
/// takes its locks the wrong way round is found among them, on a way that can be
/// replayed.
#[test]
fn parts_that_have_nothing_to_do_with_each_other() {
    let script = |wrong: &str| {
        format!(
            "const P = 12\nshared x[P] = 0\nlock m[P]\nlock n[P]\n\
             task one(i) {{ repeat 2 {{ with m[i] {{ with n[i] {{ x[i] += 1 }} }} }} }}\n\
             task two(i) {{ repeat 2 {{ {wrong}\nwith m[i] {{ with n[i] {{ x[i] += 2 }} }} }} }}\n\
             for i in 0..P {{ spawn one(i)\nspawn two(i) }}\njoin all\n"
        )
    };
    let limited = |script: &str| check_json(script).args(["--max-states", "600000"]).finish();
    limited(&script("")).expect_code(0);
    check_json(&script("")).args(["--max-states", "600000", "--without", "persistent"]).finish().expect_code(3);
    let wrong = script("if i == P - 1 { with n[i] { with m[i] { } } }");
    let found = limited(&wrong);
    assert_eq!(found.failures(), ["deadlock"]);
    assert_eq!(summary(&found)["complete"], true);
    let schedule = found.of_type("finding")[0]["schedule"].as_str().expect("it has a way").to_string();
    let replayed = conc().file("script.conc", &wrong).args(["replay", "--format", "json", "script.conc", &schedule]);
    assert_eq!(replayed.finish().failures(), ["deadlock"]);
}

/// Single steps that are dear, or more and more so, each in a loop that has no end.
const DEAR: [(&str, &str); 11] = [
    ("a local that counts", "let n = 0\nloop { n += 1 }\n"),
    ("a local that counts and yields", "let n = 0\nloop { n += 1; yield }\n"),
    ("calls that double", "fn f(n) { if n < 2 { return n }\n return f(n - 1) + f(n - 2) }\nprint f(80)\n"),
    ("shared memory that counts", "shared x = 0\nloop { x += 1 }\n"),
    ("tasks without end", "loop { spawn { } }\n"),
    ("queues without end", "loop { let q = queue() }\n"),
    ("locks without end", "loop { let l = lock(); l.acquire() }\n"),
    ("processes without end", "loop { if fork() == 0 { exit } }\n"),
    ("a long list copied", "let n = 0\nlet xs = 0..1000000\nloop { let ys = xs + [n]\n n += len(ys) }\n"),
    ("a list that grows", "shared xs = [0]\nlet n = 0\nloop { n += 1; xs = xs + [n] }\n"),
    ("a long text handed over", "let s = \"abcdefgh\"\nrepeat 22 { s = s + s }\nqueue q\nloop { q.put(s) }\n"),
];

/// However dear a step is and whoever goes through them, a limit of time ends it.
#[test]
fn a_limit_of_time_where_steps_are_dear() {
    let ways: [&[&str]; 4] = [&[], &["random"], &["pct"], &["surw"]];
    for (what, script) in DEAR {
        for way in ways {
            let how = way.iter().flat_map(|way| ["--strategy", way, "--runs", "5"]);
            let limit = ["--time-limit", "100ms", "--max-memory", "2GB"];
            let checked = check_json(script).args(how).args(limit).limit(Duration::from_secs(50)).finish();
            let summary = summary(&checked.expect_code(3));
            assert_eq!(summary["reason"], "the time limit was reached", "{what} {way:?}: {summary}");
        }
    }
}

/// So it does where each try to make a way shorter comes to a block that goes on and on.
#[test]
fn a_limit_of_time_where_ways_lead_to_a_block_without_end() {
    let script = "var w = 0\nvar r = 0\nvar x = 0\natomic y = 0\n\
                  task writer { atomically { await w == 0 and r == 0; w = 1 }; x = 3; w = 0 }\n\
                  task reader { atomically { while not (w == 0) { }; r = r + 1 }\nlet l = x\ny = l\nassert y == x\n\
                  let k = r - 1\nr = k }\nspawn writer\nspawn reader\nspawn writer\nspawn reader\njoin all\n";
    // Without that it takes more than a minute.
    let checked = check_json(script).args(["--time-limit", "1s"]).limit(Duration::from_secs(50)).finish();
    assert!(checked.failures().contains(&"race".to_string()), "{}", checked.stdout);
}

/// So does a signal, in the middle of a schedule.
#[test]
fn a_schedule_is_interrupted_in_the_middle() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = check_json(DEAR[0].1).args(["--strategy", "random", "--runs", "5"]).start();
        // The first schedule has no end.
        running.until("its being in a schedule", |run| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", run.pid())).ok()?;
            let spent: u64 = stat.rsplit(' ').nth(52 - 14)?.parse().ok()?;
            (spent >= 20).then_some(())
        });
        running.signal(signal);
        let summary = summary(&running.finish().expect_code(130));
        assert_eq!((&summary["schedules"], &summary["reason"]), (&1.into(), &"it was interrupted".into()), "{summary}");
    }
}

/// Who is stuck beside what has no end is told of though the schedule is stopped.
#[test]
fn a_schedule_that_is_stopped_tells_who_is_stuck() {
    let script = "event e\natomic n = 0\ntask t { e.wait() }\n\
        task u { loop { n += 1\nlet k = 0\nrepeat 3000 { k += 1 } } }\nspawn u\nspawn t\njoin all\n";
    let how = ["--strategy", "random", "--runs", "5", "--time-limit", "300ms"];
    let ended = check_json(script).args(how).finish().expect_code(1);
    assert_eq!(ended.failures(), ["deadlock"]);
}

/// All that random schedules leave behind is counted: one that needs too much ends, and
/// after many that need little each it is forgotten.
#[test]
fn a_limit_of_memory_for_random_schedules() {
    let how =
        |runs: &str, memory: &str| ["--strategy", "random", "--runs", runs, "--max-memory", memory].map(str::to_string);
    let script = "queue q\nlet n = 0\nloop { n += 1; q.put([n, n, n, n]) }\n";
    let summary_of = |script: &str, how: [String; 6]| {
        let ended = check_json(script).args(how).limit(Duration::from_secs(50)).finish();
        assert!(matches!(ended.code, Some(0 | 3)), "{ended:?}");
        summary(&ended)
    };
    let one = summary_of(script, how("3", "30MB"));
    assert_eq!(one["reason"], "the states need more memory than there is for them", "{one}");
    let little = "atomic n = 0\ntask t { repeat 20 { n = (n * 3 + self.index) % 1000003 } }\nspawn t x5\njoin all\n";
    let many = summary_of(little, how("500", "20MB"));
    assert_eq!(many["schedules"], 500, "{many}");
}

/// How many states there are has nothing to do with how long values are, and to find one
/// again takes no longer.
#[test]
fn long_values_are_no_dearer_than_short_ones() {
    let script = |doubled: u32| {
        format!(
            "let s = \"abcdefgh\"\nrepeat {doubled} {{ s = s + s }}\nqueue q\ntask t(s) {{ loop {{ q.put(s) }} }}\nspawn t(s)\nspawn t(s)\n"
        )
    };
    let states = |doubled: u32| {
        let ended = check_json(&script(doubled)).args(["--max-states", "3000"]).limit(Duration::from_secs(50)).finish();
        let summary = summary(&ended);
        (summary["states"].clone(), summary["transitions"].clone())
    };
    // What doubling it takes is no reason to stop in between.
    assert_eq!(states(1), states(16));
}

/// The number of one more object does not cost the more the more there are.
#[test]
fn many_objects_of_one_place() {
    let script = "queue q\nlet all = []\nrepeat 2000 { all = all + [queue(1)] }\nfor one in all { one.put(1) }\nfor one in all { assert one.get() == 1 }\n";
    let ended = check_json(script).limit(Duration::from_secs(50)).finish().expect_code(0);
    assert_eq!(summary(&ended)["complete"], true);
}

/// `--first` ends a drawing of schedules too; `--depth` is told where it means nothing.
#[test]
fn options_of_strategies() {
    let script = "var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\nassert x == 2\n";
    let ended = check_json(script).args(["--strategy", "random", "--first"]).finish();
    assert_eq!(ended.failures().len(), 1);
    assert_eq!(summary(&ended)["reason"], "the first finding was enough");
    let depth = |strategy: &str| check(script).args(["--strategy", strategy, "--depth", "2", "--runs", "20"]).finish();
    let refused = depth("random").expect_code(2);
    assert_eq!(refused.stderr, "conc: `--depth` is for `--strategy pct` alone: no other strategy has priorities\n");
    depth("pct").expect_code(1);
}

/// States are counted for random schedules as well: whichever draws them, no more are met.
#[test]
fn a_limit_of_states_for_random_schedules() {
    for strategy in ["random", "pct", "surw"] {
        for states in [1, 10, 500] {
            let (limit, way) = (states.to_string(), ["--strategy", strategy, "--max-states"]);
            let ended = check_json(COUNTING).args(way).args([&limit]).finish().expect_code(3);
            let summary = summary(&ended);
            assert_eq!(summary["reason"], "the limit of states was reached", "{strategy} {states}: {summary}");
            assert_eq!(summary["states"], states, "{strategy}: {summary}");
        }
        // What is within the limit is drawn to its end.
        let few = check_json(TWO_WRITERS).args(["--strategy", strategy, "--runs", "20", "--max-states", "100"]);
        assert_eq!(summary(&few.finish())["schedules"], 20, "{strategy}");
    }
}

/// The memory that a check took at the most, in MB.
fn memory_at_most(mut running: super::support::Running) -> (u64, Ended) {
    let mut most = 0;
    running.until("its end", |run| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.pid())).unwrap_or_default();
        let kilobytes = status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kilobytes.unwrap_or(0) / 1024);
        // One that has ended has no memory any more.
        kilobytes.is_none().then_some(())
    });
    (most, running.finish())
}

/// However large values are, what is kept of them is counted, and what is told of them short.
#[test]
fn a_limit_of_memory_where_values_are_large() {
    let doubled = |kind: &str, from: &str| {
        format!("{kind} s = {from}\ntask t {{ loop {{ s = s + s }} }}\nspawn t x2\njoin all\n")
    };
    let scripts = [
        "shared s = \"x\"\nrepeat 28 { s = s + s }\nprint len(s)\n".to_string(),
        doubled("shared", "\"x\""),
        doubled("atomic", "[1]"),
    ];
    for script in scripts {
        for how in [&[][..], &["--strategy", "random"], &["--strategy", "surw"]] {
            let running = check_json(&script).args(["--max-memory", "100MB"]).args(how).start();
            let (most, ended) = memory_at_most(running);
            assert_eq!(summary(&ended)["complete"], false, "{script} {how:?}");
            assert!(most < 600, "{most} MB: {script} {how:?}");
        }
    }
}

/// A long loop meets the same race at each of its steps: it is kept once for each of them.
#[test]
fn a_race_in_an_endless_loop_is_kept_once() {
    let script = "var x = 0\ntask c { loop { x += 1 } }\nspawn c x2\njoin all\n";
    let (most, ended) = memory_at_most(check_json(script).args(["--max-states", "300"]).start());
    assert_eq!(ended.failures(), ["race"]);
    assert!(most < 120, "{most} MB");
}

/// A schedule that ends no sooner than at its limit is not gone through to there once it has
/// shown what is waited for, and what it has shown is told where it is stopped before.
#[test]
fn a_schedule_ends_with_what_is_waited_for() {
    let script = "var x = 0\nspawn { loop { x += 1 } }\nx = 1\n";
    for how in [&["--first"][..], &["--until", "race"]] {
        let ended = check_json(script).args(["--strategy", "random"]).args(how).finish().expect_code(1);
        assert_eq!(ended.failures(), ["race"]);
        assert!(summary(&ended)["transitions"].as_u64() < Some(100), "{}", ended.stdout);
    }
    let stopped = check_json(script).args(["--strategy", "random", "--runs", "1", "--max-states", "60"]).finish();
    assert_eq!(stopped.expect_code(1).failures(), ["race"]);
}

/// What is not gone through is told by schedules as by an exploration.
#[test]
fn schedules_tell_what_they_did_not_go_through() {
    let too_much = [
        ("atomic s = 0\ntask t { s += 1 }\nspawn t x 5000\njoin all\n", "a `spawn` of more tasks"),
        ("atomic s = 0\ntask t { atomically { loop { s += 1 } } }\nspawn t x2\n", "`atomically`"),
    ];
    for (script, what) in too_much {
        for how in [&[][..], &["--strategy", "random", "--runs", "3"]] {
            let told = summary(&check_json(script).args(how).finish().expect_code(3));
            assert!(told["reason"].as_str().is_some_and(|reason| reason.contains(what)), "{how:?}: {told}");
        }
    }
}

/// A circle of locks is told of as their order as well, so that ends what waits for that.
#[test]
fn schedules_end_with_what_is_waited_for() {
    let script = "lock a\nlock b\ntask t { with a { with b { } } }\ntask u { with b { with a { } } }\n\
        spawn t\nspawn u\njoin all\n";
    for code in ["deadlock", "lock-order"] {
        let ended = check_json(script).args(["--strategy", "random", "--until", code]).finish().expect_code(1);
        assert!(summary(&ended)["schedules"].as_u64() < Some(1000), "{code}: {}", ended.stdout);
        assert_eq!(summary(&ended)["verdicts"][code], "found");
    }
}

/// Handles are kept of task after task, beside another that goes on: the states are as many as
/// there are steps, and following a schedule among them ends.
#[test]
fn task_after_task_costs_no_more_than_its_states() {
    let endless = "atomic x = 0\ntask t { }\ntask w { x = 1 }\nspawn w\nloop { let h = spawn t; join h; x = 2 }\n";
    let told = summary(&check_json(endless).args(["--max-states", "2000"]).finish().expect_code(3));
    assert_eq!(told["states"], 2001, "{told}");
    let stuck = "lock a\nlock b\ntask l { with a { with b { } } }\ntask r { with b { with a { } } }\n\
                 spawn l\nspawn r\nloop { let h = spawn { }; join h }\n";
    let found = check_json(stuck).args(["--max-states", "2000"]).finish().findings();
    let schedule = found.iter().find(|f| f["code"] == "deadlock").expect("a deadlock")["schedule"].clone();
    for model in [&[][..], &["--model"]] {
        let replay = conc().file("s.conc", stuck).args(["replay", "--format", "json"]).args(model);
        let ended = replay.args(["s.conc", schedule.as_str().expect("a schedule")]).finish().expect_code(1);
        assert!(ended.failures().contains(&"deadlock".to_string()), "{}", ended.stdout);
    }
}

/// What was found stays found with a larger limit: though all begins anew for a race, and though
/// the limit is reached amid the states that are looked at together.
#[test]
fn a_larger_limit_tells_no_less() {
    let locks = "lock a\nlock b\ntask t(x, y) { with x { with y { } } }\nspawn t(a, b)\nspawn t(b, a)\njoin all\n";
    let barrier = "barrier b(2)\nvar x[2] = 0\n\
        task t(i) { for r in 1..=2 { x[i] = r; b.wait(); assert x[1 - i] == r } }\nspawn t(0)\nspawn t(1)\njoin all\n";
    let racy = "var n = 0\nlock a\nlock b\ntask t(x, y) { n += 1; with x { with y { } }; n += 1 }\n\
        spawn t(a, b)\nspawn t(b, a)\njoin all\n";
    let goes_on = "event e\nlock n\nshared y = 0\natomic x = 0\ntask a { loop { y = 1; x = 0 } }\n\
        task b { with n { }; e.wait() }\nspawn a x2\nspawn b\njoin all\n";
    for script in [locks, barrier, racy, goes_on] {
        let mut before: BTreeSet<String> = BTreeSet::new();
        for states in 1..200 {
            let ended = check_json(script).args(["--max-states", &states.to_string()]).finish();
            let found: BTreeSet<String> = ended.failures().into_iter().collect();
            assert!(found.is_superset(&before), "{before:?} with fewer than {states} states, then {found:?}: {script}");
            before = found;
            if summary(&ended)["complete"] == true {
                break;
            }
        }
        assert!(before.contains("deadlock"), "{before:?} {script}");
    }
}
