//! How tasks, jobs and processes end, in a check: who ends whom, what is left behind by them,
//! and `finally`.

use super::support::{Ended, Running, conc, proc};
use super::{check, check_json};
use nix::sys::signal::Signal;
use std::io::Read;

/// What daemons hold at the end of all is wanted by nobody; what they hold while
/// another process lives on may be, and so may what others leave behind.
#[test]
fn what_daemons_hold_at_the_end() {
    let taken = "lock m\nevent taken\ntask d { with m { taken.set()\nsleep 10s } }\nspawn daemon d\n";
    let alone = format!("{taken}taken.wait()\n");
    let with_another = format!("{taken}event over\ntaken.wait()\nif fork() == 0 {{ over.wait() }} else {{ exit 0 }}\n");
    let another = "lock m\nevent taken\ntask t { m.acquire()\ntaken.set() }\nspawn t\ntaken.wait()\n";
    let run = |script: &str| conc().args(["run", "--format", "json", "-"]).input(script).finish();
    let codes = |ended: &Ended| -> Vec<String> {
        ended.failures().iter().filter(|c| *c == "abandoned-lock").map(ToString::to_string).collect()
    };
    for (script, wanted) in [(&alone, 0), (&with_another, 1), (&another.to_string(), 1)] {
        assert_eq!(codes(&check_json(script).finish()).len(), wanted, "check: {script}");
        if *script != with_another {
            assert_eq!(codes(&run(script)).len(), wanted, "run: {script}");
        }
    }
}

/// Who serves others may wait for ever for what they bring, but not for a lock that nobody
/// will ever let go.
#[test]
fn daemons_that_wait_for_locks() {
    let both = "lock a\nlock b\nbarrier both(2)\n\
        task one { with a { both.wait()\n    with b { } } }\ntask two { with b { both.wait()\n    with a { } } }\n\
        spawn daemon one\nspawn daemon two\n";
    let itself = "lock a\ntask one { with a { a.acquire() } }\nspawn daemon one\n";
    let left = "lock a\ntask gone { a.acquire() }\nlet g = spawn gone\njoin g\ntask t { with a { } }\nspawn daemon t\n";
    let serves = "lock m\nqueue q\ntask serve { loop { with m { q.get() } } }\nspawn daemon serve x3\nq.put(1)\n";
    let end = "lock m\nevent taken\ntask first { taken.wait()\nwith m { } }\n\
        task second(h) { with m { taken.set()\njoin h } }\nlet a = spawn daemon first\nspawn daemon second(a)\n";
    let cases = [
        (both, Some("deadlock")),
        (itself, Some("self-deadlock")),
        (left, Some("abandoned-lock")),
        (end, Some("deadlock")),
        (serves, None),
    ];
    for (script, wanted) in cases {
        let stuck = format!("{script}event never\nnever.wait()\n");
        let mut codes = check_json(&stuck).finish().failures();
        codes.sort();
        let mut all: Vec<&str> = wanted.into_iter().chain(["deadlock"]).collect();
        all.sort_unstable();
        assert_eq!(codes, all, "{stuck}");
        // A run goes on until it is told; without anything to tell until all stand still.
        let mut run = conc().args(["run", "--format", "json", "-"]).input(&format!("{script}sleep 600s\n")).start();
        run.until("what is to be told", |run| match wanted {
            Some(code) => run.stdout().lines().find(|l| l.contains(&format!("\"code\":\"{code}\""))).map(|_| ()),
            None => all_asleep(run),
        });
        run.signal(Signal::SIGINT);
        let ended = run.finish();
        assert_eq!(ended.failures(), wanted.into_iter().collect::<Vec<_>>(), "{script}{}", ended.stdout);
    }
}

/// Three daemons are there, and each sleeps.
fn all_asleep(run: &Running) -> Option<()> {
    let threads = run.processes().into_iter().flat_map(|p| proc::threads(p.pid));
    let daemons: Vec<proc::Thread> = threads.filter(|t| t.name.starts_with("serve")).collect();
    (daemons.len() == 3 && daemons.iter().all(|t| t.state == 'S')).then_some(())
}

/// A task that has made no turn yet is not said to go round: it may come to an end.
#[test]
fn whoever_computes_for_long_need_not_go_round() {
    let ended = check("fn d(n) { return d(n + 1) }\nd(0)\n").finish().expect_code(1);
    assert!(ended.stdout.contains("error[error]: main ended with an Overflow error"), "{}", ended.stdout);
    assert!(ended.stdout.contains("   1  goes on\n") && !ended.stdout.contains("goes round"), "{}", ended.stdout);
}

/// A daemon that goes round for ever is no trouble but for who waits for its end.
#[test]
fn who_waits_for_the_end_of_a_daemon() {
    let goes_round = "atomic n = 0\ntask t { while n == 0 { } }\n";
    let found = |rest: &str| check_json(&format!("{goes_round}{rest}")).finish().failures();
    assert_eq!(found("spawn daemon t\n"), [""; 0]);
    assert_eq!(found("let a = spawn daemon t\njoin a\n"), ["starvation"]);
    assert_eq!(found("let a = spawn process daemon t\njoin a\n"), ["starvation"]);
    assert_eq!(found("let a = spawn daemon t\nselect { join a => { } }\n"), ["starvation"]);
    assert_eq!(found("let a = spawn daemon t\nn = 1\njoin a\n"), [""; 0]);
    assert_eq!(found("let a = spawn t\nselect { join a => { } }\n"), ["livelock"]);
    assert_eq!(found("let a = spawn t\njoin a\n"), ["livelock"]);
}

/// Who joins several needs all of them, in whatever order they are: one that goes on for ever
/// beside one that is stuck makes no starvation of a deadlock, and hides none from a run.
#[test]
fn who_joins_several_needs_each_of_them() {
    let server = "task w { loop { print \"b\"\nsleep 1ms } }\n";
    let holds = format!("lock m\n{server}task t {{ with m {{ }} }}\nm.acquire()\n");
    let writes = format!("atomic x = 0\n{server}task t {{ await x == 1 }}\n");
    let job = format!("lock m\n{server}task t {{ with m {{ }} }}\npool p(1)\nm.acquire()\n");
    let mut cases = Vec::new();
    for order in ["spawn w\nspawn t\n", "spawn t\nspawn w\n", "spawn w x2\nspawn t\nspawn w\n"] {
        cases.push(format!("{holds}{order}join all\nm.release()\n"));
        cases.push(format!("{writes}{order}join all\nx = 1\n"));
    }
    for order in ["a, b", "b, a"] {
        cases.push(format!("{writes}let a = spawn w\nlet b = spawn t\njoin [{order}]\nx = 1\n"));
        cases.push(format!("{job}let a = spawn w\nlet b = submit t to p\np.close()\njoin [{order}]\nm.release()\n"));
    }
    for script in &cases {
        let check = check_json(script).finish();
        assert_eq!(check.failures(), ["deadlock"], "{script}{}", check.stdout);
        let found = check.of_type("finding");
        let names: Vec<&str> =
            found[0]["tasks"].as_array().expect("tasks").iter().filter_map(|t| t["name"].as_str()).collect();
        assert!(names.len() == 2 && !names.contains(&"w"), "{}", found[0]);
        let schedule = found[0]["schedule"].as_str().expect("a schedule");
        for args in [&["replay", "--format", "json"][..], &["replay", "--model", "--format", "json"]] {
            let again = conc().args(args).args(["s.conc", schedule]).file("s.conc", script).finish().expect_code(1);
            assert_eq!(again.failures(), ["deadlock"], "{script}");
        }
        let mut run = conc().args(["run", "--format", "json", "-"]).input(script).start();
        run.until("the deadlock", |run| run.stdout().contains("\"code\":\"deadlock\"").then_some(()));
        run.signal(Signal::SIGTERM);
        run.finish();
    }
}

/// A process that is to end takes along what it has spawned: none of that is stuck.
#[test]
fn who_ends_with_another_process() {
    let tasks = "event e\ntask t1 { e.wait() }\ntask p { spawn process t1; sleep 1s }\n";
    let killed = format!("{tasks}let h = spawn process p\nsleep 2ms\nkill h\njoin h\n");
    let left = "queue q(0)\ntask t1 { q.get() }\nspawn process t1\nexit 3\n";
    for script in [killed.as_str(), left] {
        assert_eq!(check_json(script).finish().failures(), [""; 0], "{script}");
    }
}

/// What stands below a `return` is not done any more.
#[test]
fn who_has_returned_does_nothing_more() {
    let script = "event e\ntask t { e.wait()\n e.set() }\nspawn t\nreturn\n";
    let found = check_json(script).finish();
    assert_eq!(found.failures(), ["deadlock"]);
    let message = found.of_type("finding")[0]["message"].as_str().expect("a text").to_string();
    assert_eq!(message, "t waits for event e to be set, and only t itself could set");
}

/// A `print` is no turn: who is ended by another may have come to it or not.
#[test]
fn who_is_ended_had_printed_or_not() {
    let script = "atomic x = 0\ntask t { exit 2 }\nspawn t\nprint 1\nx = 1\nprint 2\nprint 3\nx = 2\n";
    let outcomes = check_json(script).finish().expect_code(0).of_type("outcome");
    let mut seen: Vec<(String, String)> = Vec::new();
    for outcome in &outcomes {
        let text = |v: &serde_json::Value| v.as_str().unwrap_or("nothing").to_string();
        seen.push((text(&outcome["values"]["x"]), text(&outcome["prints"]["main"])));
    }
    seen.sort();
    let known = [("0", "1"), ("0", "nothing"), ("1", "1"), ("1", "2"), ("1", "3"), ("2", "3")];
    assert_eq!(seen, known.map(|(x, printed)| (x.to_string(), printed.to_string())));
}

/// The end of a process is one moment for all its threads.
#[test]
fn no_thread_goes_on_after_an_exit() {
    let script = "task t { exit 9 }\nlet h = spawn t\njoin h\nprint \"went on\"\n";
    let outcomes = check_json(script).finish().expect_code(0).of_type("outcome");
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0]["ended"]["main"], "exited 9");
    assert_eq!(outcomes[0]["prints"], serde_json::json!({}));
}

/// Who has told its end had ended its threads, though it is killed on its way out: as in a
/// run, no thread of a process that returned was killed.
#[test]
fn who_is_killed_after_its_end_had_ended_its_threads() {
    let script = "atomic s = 0\ntask th { loop { s = 1 - s; sleep 1ms } }\ntask pr { END }\nlet p = spawn process pr\n\
                  kill p\njoin p\nprint p.exit_code\n";
    for (end, code) in [("spawn daemon th", "0"), ("spawn th\nexit 3", "3")] {
        let ended = check_json(&script.replace("END", end)).finish().expect_code(0);
        let word = |v: &serde_json::Value| v.as_str().unwrap_or("none").to_string();
        let one =
            |o: &serde_json::Value| [word(&o["prints"]["main"]), word(&o["ended"]["pr"]), word(&o["ended"]["th"])];
        let seen: std::collections::BTreeSet<[String; 3]> = ended.of_type("outcome").iter().map(one).collect();
        let returned = if code == "0" { "returned".to_string() } else { format!("exited {code}") };
        let known = [["-9", "signal 9", "none"], ["-9", "signal 9", "signal 9"], [code, &returned, "terminated"]];
        assert_eq!(seen, known.map(|k| k.map(String::from)).into(), "{end}");
    }
}

/// What is left of an execution that comes to no end is nobody's fault but its.
#[test]
fn no_notes_where_tasks_are_stuck() {
    let script = "queue q\nqueue r\nq.put(1)\nr.get()\n";
    let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
    for (how, ended) in [("check", check_json(script).finish()), ("run", run)] {
        assert_eq!((ended.failures(), ended.notes()), (vec!["deadlock".to_string()], Vec::new()), "{how}");
    }
}

/// In `finally` nobody is left whom one could wait for, in a run as in a check.
#[test]
fn finally_does_not_wait() {
    let waits = "queue q\nfinally { q.get() }\n";
    let selects = "queue q\nfinally { select { x = q.get() => { } } }\n";
    for (body, culprit) in [(waits, "`q`"), (selects, "this `select`")] {
        let script = format!("{body}print 1\n");
        let run = conc().args(["run", "--format", "json", "-"]).input(&script).finish();
        for (how, ended) in [("check", check_json(&script).finish()), ("run", run)] {
            assert_eq!(ended.failures(), ["error"], "{how}: {script}");
            let told = format!(
                "finally ended with a Type error that nobody caught: `finally` must not wait, and {culprit} would make it"
            );
            assert_eq!(ended.of_type("finding")[0]["message"], told, "{how}: {script}");
        }
    }
    let takes = "queue q\nlock m\nq.put(1)\nfinally { with m { assert q.get() == 1 } }\n";
    assert_eq!(check_json(takes).finish().failures(), [""; 0]);
    conc().args(["run", "-"]).input(takes).finish().expect_code(0);
}

/// Nor does it begin, end or await anything, there or in what it calls.
#[test]
fn finally_needs_nobody() {
    for (statement, deed) in [
        ("spawn t", "spawns a task"),
        ("with m { submit t to p }", "hands over a job"),
        ("print fork()", "makes a process"),
        ("wait()", "waits"),
        ("atomically { await x == 1 }", "waits"),
        ("terminate self", "ends a task"),
        ("if x == 0 { exit 3 }", "ends a process"),
        ("if x == 0 { f() }", "ends a process"),
    ] {
        let script = format!(
            "var x = 0\nlock m\npool p(1)\ntask t {{ }}\nfn f() {{ exit 2 }}\np.close()\nfinally {{ {statement} }}\n"
        );
        for command in ["run", "check"] {
            let ended = conc().args([command, "-"]).input(&script).finish().expect_code(2);
            let told = format!("error: `finally` runs when all has ended, and this {deed}\n");
            assert!(ended.stderr.starts_with(&told), "{command}: {script}{}", ended.stderr);
        }
    }
    // Not seen before the run.
    let script = "fn f(made = fork()) { return made }\nfinally { print f() }\n";
    let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
    for (how, ended) in [("check", check_json(script).finish()), ("run", run)] {
        assert_eq!(ended.failures(), ["error"], "{how}");
        let message = ended.of_type("finding")[0]["message"].to_string();
        assert!(message.contains("a Type error") && message.contains("this makes a process"), "{how}: {message}");
    }
}

/// What a worker is at when its pool is terminated ends with the result `none`, be it a
/// thread or a process: nobody waits for it in vain.
#[test]
fn a_running_job_ends_with_its_pool() {
    for workers in ["", " of processes"] {
        let script = format!(
            "pool p(1){workers}\nqueue go(0)\nqueue never(0)\ntask t {{ go.put(1); never.get() }}\n\
             let h = submit t to p\ngo.get()\np.terminate()\njoin p\njoin h\n\
             print h.result, h.exit_code, h.alive\n"
        );
        let run = conc().args(["run", "--format", "json", "-"]).input(&script).finish().expect_code(0);
        assert_eq!((run.prints(), run.notes()), (vec!["none 0 false".to_string()], Vec::new()), "{workers}");
        let check = check_json(&script).finish().expect_code(0);
        let outcomes = check.of_type("outcome");
        assert_eq!(outcomes.len(), 1, "{workers}: {}", check.stdout);
        assert_eq!(outcomes[0]["prints"]["main"], "none 0 false", "{workers}");
    }
}

/// Of several processes each is made by itself: what is copied may change meanwhile.
#[test]
fn processes_are_made_one_by_one() {
    let script = "var v = 0\nshared a[2] = 0\ntask w { a[self.index] = v }\nspawn { v = 1 }\n\
        spawn process w x2\njoin all\nassert a[0] == a[1]\n";
    assert_eq!(check_json(script).finish().failures(), ["assertion"]);
    let alone = script.replace("spawn { v = 1 }\n", "v = 1\n");
    assert!(check_json(&alone).finish().expect_code(0).failures().is_empty());
}

/// And so are the workers of a pool that is made while there are threads, be it a field of
/// a record.
#[test]
fn workers_that_are_processes_are_made_one_by_one() {
    for (structure, make, pool) in
        [("", "let p = pool(2, processes: true)", "p"), ("struct S { pool p(2) of processes }", "let s = S()", "s.p")]
    {
        let script = format!(
            "{structure}\nvar v = 0\nshared a[2] = 0\ntask j(n) {{ a[n] = v }}\nspawn {{ v = 1 }}\n{make}\n\
             submit j(0) to {pool}\nsubmit j(1) to {pool}\n{pool}.close()\njoin {pool}\njoin all\nassert a[0] == a[1]\n"
        );
        for reduction in [None, Some("--no-reduction")] {
            let check = conc().args(["check", "--format", "json"]).args(reduction).args(["-"]).input(&script);
            assert_eq!(check.finish().failures(), ["assertion"], "{script}");
        }
        let alone = script.replace("spawn { v = 1 }\n", "v = 1\n");
        assert!(check_json(&alone).finish().expect_code(0).failures().is_empty());
    }
}

/// A worker's child is in the middle of the job, not of all that a worker may be given.
#[test]
fn a_workers_child_would_do_what_is_left_of_the_job() {
    let script = "semaphore s(1)\npool p(1)\ntask t {\n    s.acquire()\n    if fork() == 0 { exit 1 }\n}\n\
                  submit t to p\np.close()\njoin p\ns.acquire()\ns.release()\n";
    for ended in [check(script).finish(), conc().args(["run", "-"]).input(script).finish()] {
        let told = ended.stdout + &ended.stderr;
        assert!(told.contains("only main itself could release"), "{told}");
    }
}

/// Whoever failed stands where it did, whatever was let go of on the way out.
#[test]
fn who_failed_waits_where_it_failed() {
    let script = "queue q\nlock a\ntask t { q.get() }\nspawn t\nwith a {\n    raise \"x\"\n\n}\n";
    let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
    for ended in [check_json(script).finish(), run] {
        let found = ended.of_type("finding");
        let stuck = found.iter().find(|f| f["code"] == "deadlock").expect("a deadlock");
        let places = stuck["places"].as_array().expect("places");
        let main = places.iter().find(|p| p["task"] == "main").expect("main waits");
        assert_eq!(main["line"], 6, "{stuck}");
    }
}

/// Nobody reads what a check, a test or a session says: a signal ends it all the same.
#[test]
fn a_signal_ends_what_nobody_reads() {
    let script = "atomic a = 0\natomic s = \"\"\na = choose(0..3000)\n\
                  s = \"{a} and a long text, so that all of them do not fit\"\n";
    let helps = ":help\n".repeat(2_000);
    let cases: [(&[&str], &str); 3] =
        [(&["check", "--format", "json", "s.conc"], ""), (&["check", "-v", "s.conc"], ""), (&["repl"], &helps)];
    for (args, input) in cases {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let (mut out, end) = std::io::pipe().expect("a pipe");
            let conc = conc().file("s.conc", script).args(args).input(input);
            let conc = conc.stdout(end).stderr(std::process::Stdio::null()).start();
            // It has begun, and cannot come to the end of it.
            out.read_exact(&mut [0; 16]).expect("output");
            conc.signal(signal);
            assert_ne!(conc.finish().code, Some(0), "{args:?}");
        }
    }
}

/// The first finding is one, also where several are met at once.
#[test]
fn the_first_finding_is_one() {
    let script = "var a = 0\nvar b = 0\nvar c = 0\ntask t { a += 1; b += 1; c += 1 }\nspawn t x2\njoin all\n";
    assert_eq!(check_json(script).args(["--first"]).finish().failures(), ["race"]);
    assert_eq!(check_json(script).finish().failures().len(), 3);
}
