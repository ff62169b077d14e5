//! What a check calls things: the same words as a run's.

use super::support::{self, conc, flat};
use super::{check, check_json};
use serde_json::json;

/// Tasks that a loop makes one by one have one name, and stand apart in an
/// outcome, in a run as in a check.
#[test]
fn an_outcome_has_each_task_once() {
    let script = "task worker(i) { print i }\nfor i in 0..3 { spawn worker(i) }\njoin all\n";
    let prints = serde_json::json!({"worker": "0", "worker (2)": "1", "worker (3)": "2"});
    let explored = check_json(script).finish().expect_code(0).of_type("outcome");
    let repeat = ["run", "--repeat", "3", "--shake", "--format", "json", "script.conc"];
    let ran = conc().file("script.conc", script).args(repeat).finish().expect_code(0).of_type("outcome");
    assert_eq!((explored.len(), ran.len()), (1, 1));
    for outcome in explored.iter().chain(&ran) {
        assert_eq!(outcome["prints"], prints);
        assert_eq!(outcome["ended"].as_object().map(|e| e.len()), Some(4), "{outcome}");
    }
}

/// So do they in a report, a run's and a check's.
#[test]
fn a_report_tells_tasks_of_one_name_apart() {
    let script = "lock m[2]\nbarrier both(2)\n\
                  task worker(i) { with m[i] { both.wait()\n with m[1 - i] { } } }\n\
                  for i in 0..2 { spawn worker(i) }\n";
    for ended in [check_json(script).finish(), support::run_json(script).finish()] {
        let finding = ended.expect_code(1).findings().remove(0);
        let name = |task: &serde_json::Value| task["name"].as_str().unwrap_or_default().to_string();
        let mut names: Vec<String> = finding["tasks"].as_array().into_iter().flatten().map(name).collect();
        names.sort();
        assert_eq!(names, ["main", "worker", "worker (2)"]);
        assert_eq!(finding["message"], "worker and worker (2) wait for each other");
    }
}

/// Whether it is declared or made while running, used by its name, a field or
/// an arm.
#[test]
fn an_error_is_on_the_object_that_it_is_about() {
    let on = |script: &str, name: &str| {
        for explored in [true, false] {
            let ended = if explored { check_json(script).finish() } else { support::run_json(script).finish() };
            let finding = ended.expect_code(1).findings().remove(0);
            assert_eq!((&finding["code"], &finding["on"]), (&"error".into(), &serde_json::json!([name])), "{script}");
        }
    };
    on("queue q(0)\nq.close()\nq.put(1)\n", "q");
    on("queue q(0)\nqueue r(0)\nr.close()\nselect { q.get() => { }\n r.put(1) => { } }\n", "r");
    on("let q = queue(0)\nq.close()\nq.put(1)\n", "q (line 1)");
    on("struct S { lock mu }\nlet s = S()\ns.mu.release()\n", "S.mu");
    on("lock m[3]\nlet i = 1\nm[i].release()\n", "m[1]");
    let raised = "lock m\ntry { m.release() } catch any as e { raise e.message }\n";
    assert_eq!(check_json(raised).finish().findings()[0]["on"], serde_json::json!([]));
}

/// What to do about it is said of the kind of object that it is about.
#[test]
fn the_mend_is_of_the_kind_of_object() {
    let helps = |script: &str, mend: &str| {
        let ended = check(script).finish().expect_code(1);
        assert!(flat(&ended.stdout).contains(mend), "{}", ended.stdout);
    };
    helps("rwlock rw\nrw.release_read()\n", "`with rw.read { … }` pairs them");
    helps("rwlock rw\nrw.release_write()\n", "`with rw.write { … }` pairs them");
    helps("lock mu\nmu.release()\n", "`with mu { … }` pairs them");
    helps("let k = lock()\nk.release()\n", "`with m { … }` pairs them");
    helps("lock mu\ncondition c(mu)\nc.notify()\n", "`with m { … }` pairs them");
    // What a name says of where it was made is no code.
    helps("let s = semaphore(0)\ns.acquire()\n", "`s.release()` as often as it is acquired, or `with s { … }`");
    helps("let q = queue()\nq.get()\n", "`q.close()` after the last `put`: a `get` then gives none and `for v in q`");
    let waits = |deed: &str, comes: &str| {
        let round = format!("loop {{ if go.is_set() {{ {comes} }}\n yield }}");
        format!("queue q(1)\nevent go\ntask w {{ {deed} }}\ntask around {{ {round} }}\nspawn daemon around\nspawn w\n")
    };
    helps(&waits("q.get()", "q.put(1)"), "put a value into q that no other takes first");
    helps(&waits("q.put(1)\n q.put(2)", "q.get()"), "take a value out of q, and leave the room");
    helps(&waits("go.wait()", "go.set()"), "set go, and leave it set");
}

/// Who waits for the end of one that needs something of it is told what to do first.
#[test]
fn what_is_due_before_a_join_is_named() {
    let helps = |declared: &str, waits: &str, brings: &str, mend: &str| {
        let script = format!("{declared}\ntask w {{ {waits} }}\nlet t = spawn w\njoin t\n{brings}\n");
        let ended = check(&script).finish().expect_code(1);
        assert!(flat(&ended.stdout).contains(mend), "{}", ended.stdout);
        // It helps.
        let mended = format!("{declared}\ntask w {{ {waits} }}\nlet t = spawn w\n{brings}\njoin t\n");
        check(&mended).finish().expect_code(0);
    };
    let before = |deed: &str| format!("= help: let main do `{deed}` before the `join` of w: w waits for it");
    helps("queue q", "let v = q.get()", "q.put(1)", &before("q.put(…)"));
    helps("event stop", "stop.wait()", "stop.set()", &before("stop.set()"));
    helps("semaphore s(0)", "s.acquire()", "s.release()", &before("s.release()"));
    helps("barrier b(2)", "b.wait()", "b.wait()", &before("b.wait()"));
    helps("latch l(1)", "l.wait()", "l.count_down()", &before("l.count_down()"));
    let looks = "with m { while not ready { c.wait() } }";
    let tells = "with m { ready = true; c.notify() }";
    helps("lock m\ncondition c(m)\nvar ready = false", looks, tells, &before("c.notify()"));
    let full = "= help: empty q before the `join`, or give it more places";
    helps("queue q(1)", "q.put(1); q.put(2)", "let a = q.get()\nlet b = q.get()", full);
    let pool = "queue q\npool p(1)\ntask w { let v = q.get() }\nsubmit w to p\np.close()\njoin p\nq.put(1)\n";
    let ended = check(pool).finish().expect_code(1);
    let mend = "= help: let main do `q.put(…)` before `join p`: p.worker#0 waits for it";
    assert!(flat(&ended.stdout).contains(mend), "{}", ended.stdout);
}

/// Where nobody can go first, or only who waits could, that is what to do something about.
#[test]
fn who_waits_before_it_does_its_part() {
    let helps = |script: &str, mend: &str| {
        let ended = check(script).finish().expect_code(1);
        assert!(flat(&ended.stdout).contains(&format!("= help: {mend}")), "{}", ended.stdout);
    };
    helps(
        "queue a\nqueue b\ntask x { let v = a.get(); b.put(v) }\ntask y { let v = b.get(); a.put(v) }\n\
         spawn x\nspawn y\n",
        "each waits before it does its part: let one of them do that first, such as `b.put(…)` before `a.get()` in x",
    );
    // A semaphore that nobody has anything of is told like an event, and is no lock.
    helps(
        "lock seats\nsemaphore ready(0)\nsemaphore customers(0)\n\
         task barber { customers.acquire(); with seats { }; ready.release() }\n\
         task customer { with seats { customers.release(); ready.acquire() } }\nspawn barber\nspawn customer\n",
        "let go of seats before `ready.acquire()`: what ends that wait needs seats",
    );
    helps("queue q\nlet v = q.get()\nq.put(v)\n", "let another task do `q.put(…)`: main cannot while it waits for it");
    helps("task t { join self }\nspawn t\n", "leave it out: no task can wait for its own end");
    helps(
        "pool in_a(1)\npool in_b(1)\ntask a { let h = submit b to in_b; join h }\n\
         task b { let h = submit c to in_a; join h }\ntask c { }\nlet h = submit a to in_a\njoin h\n",
        "no worker of in_a is left for c#1: make more of them than there are jobs that wait for others",
    );
    helps(
        "queue q\ntask w { for v in q { print v } }\nspawn w\nfor v in q { print v }\nq.close()\n",
        "`q.close()` after",
    );
    helps(
        "lock m\ncondition c(m)\nvar ready = false\ntask w { with m { while not ready { c.wait() } } }\n\
         spawn w x2\nwith m { ready = true; c.notify() }\n",
        "`c.notify()` after every change that a waiter looks for (it wakes one of them, `c.notify_all()` all)",
    );
}

/// Who has gone on without a lock that it asked for is told to look at what it got; two locks
/// that were made at one place are two.
#[test]
fn a_lock_that_was_not_got() {
    let helps = |script: &str, mend: &str| {
        let ended = check(script).finish().expect_code(1);
        assert!(flat(&ended.stdout).contains(&format!("= help: {mend}")), "{}", ended.stdout);
    };
    for asks in ["m.acquire(timeout: 100ms)", "m.acquire(blocking: false)"] {
        let task = format!("lock m\nvar n = 0\ntask t {{ {asks}; n += 1; sleep 1s }}\nspawn t x2\n");
        helps(&task, &format!("`{asks}` gives false where m was not to be had: look at it, `if {asks} {{ … }}`"));
    }
    let own = "each holds a lock of its own: let all hold the same around every access of n, such as a `lock m`";
    helps("var n = 0\ntask t { let m = lock(); with m { n += 1 } }\nspawn t x2\n", own);
    helps("struct A { lock mu }\nvar n = 0\ntask t(a) { with a.mu { n += 1 } }\nspawn t(A())\nspawn t(A())\n", own);
}

/// What a task did itself before it waits was for somebody else: the mend is that another does it
/// for this one.
#[test]
fn who_notifies_only_itself() {
    let script = |full: &str, empty: &str| {
        format!(
            "lock m\ncondition full(m)\ncondition empty(m)\nvar n = 0\n\
             task p {{ repeat 2 {{ with m {{ while n == 1 {{ full.wait() }}; n += 1; {empty}.notify() }} }} }}\n\
             task c {{ repeat 2 {{ with m {{ while n == 0 {{ empty.wait() }}; n -= 1; {full}.notify() }} }} }}\n\
             spawn p\nspawn c\njoin all\n"
        )
    };
    check(&script("full", "empty")).finish().expect_code(0);
    // Each notifies the condition at which it waits itself.
    let ended = check_json(&script("empty", "full")).finish().expect_code(1);
    let mends = ended.findings().into_iter().map(|f| f["help"].as_str().unwrap_or_default().to_string());
    for mend in mends {
        let of = |task: &str, condition: &str| {
            format!("let another task do `{condition}.notify()`: {task} cannot while it waits for it")
        };
        assert!([of("p", "full"), of("c", "empty")].contains(&mend), "{mend}");
    }
}

/// Where one who looks for something else may be woken, a `notify` for each is not what is amiss,
/// whether or not one of them came before anybody waited.
#[test]
fn who_waits_for_something_else_may_be_woken() {
    let script = "lock m\ncondition c(m)\nvar n = 0\n\
                  task put { repeat 2 { with m { while n == 1 { c.wait() } n = 1; c.notify() } } }\n\
                  task get { repeat 2 { with m { while n == 0 { c.wait() } n = 0; c.notify() } } }\n\
                  spawn put x2\nspawn get x2\njoin all\n";
    let ended = check_json(script).finish().expect_code(1);
    assert_eq!(ended.failures(), ["deadlock", "lost-wakeup"]);
    for finding in ended.findings() {
        assert!(finding["help"].to_string().contains("use `c.notify_all()`, or a condition for each"), "{finding}");
    }
}

/// The command stands on one line whatever the file is called, and a shell reads the name back.
#[test]
fn a_replay_names_its_script_on_one_line() {
    for (name, word) in [
        ("a b.conc", "'a b.conc'"),
        ("it's.conc", "'it'\\''s.conc'"),
        ("a\nb.conc", "$'a\\nb.conc'"),
        ("a\n'\\\u{1b}b.conc", "$'a\\n\\'\\\\\\x1bb.conc'"),
    ] {
        let ended = conc().file(name, "lock m\nm.release()\n").args(["check", "--color", "never", name]).finish();
        let line = format!("conc replay {word} ");
        assert!(ended.stdout.contains(&line), "{line}\n{}", ended.stdout);
    }
}

/// What a run and a check say of a script.
#[track_caller]
fn both_say(script: &str, all: &[&str]) {
    let run = support::run(script).finish();
    let check = check(script).finish();
    for says in all {
        assert!(flat(&run.stderr).contains(says), "a run does not say {says}\n{}", run.stderr);
        assert!(flat(&check.stdout).contains(says), "a check does not say {says}\n{}", check.stdout);
    }
}

/// Threads of two processes are told as such, whoever made them and whatever its name.
#[test]
fn threads_of_two_processes() {
    let made_by = "task t { x += 1 }\ntask u { spawn t; join all }\n";
    let says = "while another reads it, and nothing orders them";
    for (script, noun) in [
        (format!("shared x = 0\n{made_by}spawn process u\nspawn process u\njoin all\n"), "one process writes x"),
        (format!("shared x = 0\n{made_by}spawn u\nspawn u\njoin all\n"), "one task writes x"),
        // Of one process, whose first task the one of them is.
        ("shared x = 0\ntask t { x += 1 }\ntask u { spawn t; x += 1; join all }\nspawn process u\n".into(), "one task writes x"),
        // A worker of a pool, and a child of a `fork`.
        ("shared x = 0\ntask j { b.wait(); x += 1 }\nbarrier b(2)\npool p(2) of processes\nsubmit j to p; submit j to p\np.close(); join p\n".into(), "one process writes x"),
        ("shared x = 0\ntask t { x += 1 }\nlet pid = fork()\nspawn t\njoin all\n".into(), "one process writes x"),
    ] {
        both_say(&script, &[&format!("{noun} {says}")]);
    }
}

/// Who awaits waits for all that the condition looks at, in functions that it calls too: a
/// field of a record by the name that other findings have for it.
#[test]
fn who_awaits_is_stuck_on_all_that_the_condition_looks_at() {
    let names = |condition: &str| {
        let script = format!(
            "struct S {{ shared f = 0; lock m; queue q }}\nstruct R {{ queue q }}\natomic a = 0\nshared b[2] = 0\n\
             lock n\nfn open(s) {{ return s.f == 1 and a > 0 }}\nlet s = S()\nlet h = spawn {{ }}\njoin h\nawait {condition}\n"
        );
        let found =
            [&["run", "--format", "json", "s.conc"][..], &["check", "--format", "json", "s.conc"]].map(|args| {
                let ended = conc().file("s.conc", &script).args(args).finish();
                assert_eq!(ended.failures(), ["deadlock"], "{condition}: {}", ended.stderr);
                ended.findings()[0]["on"].clone()
            });
        assert_eq!(found[0], found[1], "{condition}");
        found[0].clone()
    };
    assert_eq!(names("a == 1 and b[1] == 2"), json!(["a", "b[1]"]));
    assert_eq!(names("s.f == 1 and s.m.locked()"), json!(["S.f", "S.m"]));
    assert_eq!(names("s.q.qsize() > 0 or n.locked()"), json!(["q", "n"]), "two structs have one");
    assert_eq!(names("b[0] > 0 and open(s)"), json!(["b[0]", "S.f", "a"]));
    assert_eq!(names("h.alive"), json!([]));
}

/// A finding is on what its circle waits for. Who has come to wait behind it by then is told
/// apart from that, and is the same with or without each reduction, and in a replay.
#[test]
fn what_a_finding_is_on_is_no_matter_of_who_is_behind_it() {
    let behind = "rwlock rw\nqueue q(2)\natomic a = 0\ntask t {\n    q.put(2, blocking: false)\n    with rw.write {\n\
                  for x in q { print 1 }\n    }\n}\nspawn t x2\na += 1\njoin all\n";
    let all = ["--no-reduction", "--without=symmetry", "--without=persistent", "--without=sleeping", "-q"];
    for option in all {
        let found =
            conc().file("script.conc", behind).args(["check", "--format", "json", option, "script.conc"]).finish();
        let deadlock = &found.findings()[0];
        assert_eq!((&deadlock["on"], &deadlock["also_on"]), (&json!(["q"]), &json!(["rw"])), "{option}");
    }
    // Here one of them comes to its wait after the last turn: a replay tells of it, and so does the check.
    let settles = "shared x = 0\nlock m\nevent e\nqueue q(0)\ntask t { let pid = fork()\n    with m { } }\n\
                   task u { await x != 0 }\nspawn t\nspawn u\n\
                   with m {\n    select {\n        e.wait() => { x += 1 }\n        q.get() => { }\n    }\n}\n";
    let checked = conc().file("script.conc", settles).args(["check", "--format", "json", "script.conc"]).finish();
    let deadlock = checked.findings().remove(0);
    let schedule = deadlock["schedule"].as_str().expect("a way");
    for args in [&["replay", "--model"][..], &["replay"]] {
        let more = ["--format", "json", "script.conc", schedule];
        let again =
            conc().file("script.conc", settles).args(args.iter().copied().chain(more)).finish().findings().remove(0);
        let name = |f: &serde_json::Value| {
            f["tasks"].as_array().expect("tasks").iter().map(|t| t["name"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!((name(&again), &again["on"]), (name(&deadlock), &deadlock["on"]), "{args:?}");
        let places = |f: &serde_json::Value| {
            f["places"].as_array().expect("places").iter().map(|p| p["label"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(places(&again), places(&deadlock), "{args:?}");
    }
}

#[test]
fn a_job_that_fails_is_named() {
    let script = "pool p(1)\ntask j(i) { return 10 / i }\nlet a = submit j(0) to p\np.close(); join p\n";
    let says = "job j#0 ended with a DivideByZero error that nobody caught: 10 / 0";
    both_say(script, &[says, "p.worker#0 carried it out and goes on with other jobs"]);
    let script = "pool p(1) of processes\ntask j { assert 1 == 2 }\nlet a = submit j to p\njoin a\n";
    both_say(script, &["an assertion in job j#0 failed"]);
}

#[test]
fn a_job_that_leaves_a_lock_held_is_told_as_the_cause() {
    let script = "lock m\npool p(2)\nevent first\ntask j { first.set(); m.acquire() }\ntask k { m.acquire() }\n\
        let a = submit j to p\njoin a\nlet b = submit k to p\njoin b\n";
    let ended = check(script).finish().expect_code(1);
    let says = "p.worker#1 waits for lock m, which p.worker#0 still holds from\na job that is over";
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
    assert!(ended.stdout.contains("take it by `with m { … }`"), "{}", ended.stdout);
    // Also where all workers wait for a job, and only one of them holds it.
    let idle = "lock m\npool p(2)\ntask j { m.acquire() }\nlet a = submit j to p\njoin a\nm.acquire()\n";
    let says = "main waits for lock m, which p.worker#0 still holds from a job that is over";
    both_say(idle, &["main waits for lock m, which p.worker#", " still holds from a job that is over"]);
    assert!(flat(&check(idle).finish().stdout).contains(says));
}

/// The locks of two records, and the ends of two tasks, are told apart.
#[test]
fn what_has_the_same_name_is_told_apart() {
    let records = "struct Acc { lock mu; var bal = 100 }\nlet a = Acc()\nlet b = Acc()\nbarrier both(2)\n\
        task move(x, y) { with x.mu { both.wait(); with y.mu { } } }\nspawn move(a, b)\nspawn move(b, a)\njoin all\n\
        expect deadlock on Acc.mu\n";
    both_say(
        records,
        &[
            "holds Acc.mu since line 5 and waits for Acc.mu (2) at line 5",
            "holds Acc.mu (2) since line 5 and waits for Acc.mu at line 5",
            "take the locks in one order everywhere: Acc.mu before Acc.mu (2)",
        ],
    );
    let test = conc().file("s.conc", records).args(["test", "s.conc"]).finish().expect_code(0);
    assert!(test.stdout.contains("passed"), "{}", test.stdout);
    let ends = "queue h\nevent go\ntask t { go.wait(); let o = h.get(); join o }\nlet a = spawn t\nlet b = spawn t\n\
        h.put(b); go.set(); join a\n";
    let ended = check(ends).finish().expect_code(1);
    assert!(ended.stdout.contains("t (2) waits for the end of t (2), which is itself"), "{}", ended.stdout);
}

#[test]
fn times_and_signals_have_their_names() {
    both_say("print 5s / 0\n", &["5s / 0"]);
    both_say("let least = -9223372036854775807 - 1\nprint abs(least)\n", &["abs(-9223372036854775808) does not fit"]);
    both_say("let d = 1ms - 2ms\nsleep d\n", &["a Type error", "`sleep` takes a time from 0 on, not -1ms"]);
}

/// In a lane a deed has the name that the script gives it.
#[test]
fn deeds_have_the_names_of_the_script() {
    let waits = "if fork() == 0 { exit 3 }\nlet code = wait()\nassert code == 0\n";
    let ended = check(waits).finish().expect_code(1);
    assert!(ended.stdout.contains("wait: main.fork#1") && !ended.stdout.contains("select"), "{}", ended.stdout);
    let arms = "event e\ntask t { e.set() }\nspawn t\nselect { e.wait() => { } }\nassert false\n";
    let ended = check(arms).finish().expect_code(1);
    assert!(!ended.stdout.contains("over"), "{}", ended.stdout);
}

/// A job that waits in a `select` without arms, or for another pool, waits for no next job.
#[test]
fn a_job_that_waits_is_no_worker_without_one() {
    for (job, said) in [
        ("let q = none; select { q.get() => { } }", "p.worker#0 waits in a select whose arms are all on none"),
        ("join r", "p.worker#0"),
    ] {
        let script = format!("pool p(1)\npool r(1)\ntask job {{ {job} }}\nsubmit job to p\np.close()\njoin p\n");
        both_say(&script, &["deadlock", said]);
        let found = check_json(&script).finish().findings();
        let schedule = found[0]["schedule"].as_str().expect("a schedule");
        let replayed = conc().file("script.conc", &script).args(["replay", "script.conc", schedule]).finish();
        let end = "it shows what the schedule promises";
        assert!(replayed.stderr.trim_end().ends_with(end), "{}", replayed.stderr);
    }
}

/// A job that was ended with its pool leaves what it held as a task does that was terminated.
#[test]
fn a_pool_that_is_terminated_is_the_cause() {
    for pool in ["pool p(1)", "pool p(1) of processes"] {
        let script = format!(
            "lock m\nevent begun\n{pool}\ntask job {{ with m {{ begun.set(); sleep 10s }} }}\nsubmit job to p\n\
             begun.wait()\np.terminate()\njoin p\nwith m {{ }}\n"
        );
        both_say(&script, &["when it was terminated", "let go of nothing"]);
    }
}

/// A condition is held by nobody, but its lock may be.
#[test]
fn what_is_held_is_named() {
    let script = "lock m\nlock n\ncondition c(m)\ntask b { with m { with n { } } }\n\
        task a { with n { with m { c.wait() } } }\nspawn b\nspawn a\njoin all\n";
    let said = flat(&check(script).finish().stdout);
    assert!(said.contains("a notify of condition c, whose lock b holds"), "{said}");
}

/// Of how many ends a claim is true is counted as the table counts outcomes, so however few
/// interleavings were followed.
#[test]
fn claims_are_counted_by_outcomes() {
    let one = "lock m\nvar n = 0\ntask t { with m { n += 1 } }\nspawn t x3\njoin all\nexpect every n == 3\n";
    let prints = "atomic n = 0\ntask t(i) { n = i; print n }\nfor i in 1..=2 { spawn t(i) }\njoin all\n\
                  expect some n == 1\nexpect every n == 2\n";
    // What the table does not show, a claim may tell apart.
    let queue = "queue q\ntask t(i) { q.put(i) }\nfor i in 0..2 { spawn t(i) }\njoin all\nexpect some q.qsize() == 2\n";
    let some_stuck = "lock a\nlock b\natomic n = 0\ntask t { with a { with b { n += 1 } } }\n\
                      task u { with b { with a { n += 2 } } }\nspawn t\nspawn u\njoin all\nexpect every n == 3\n";
    for (script, counts) in
        [(one, &[(1, 1)][..]), (prints, &[(2, 4), (2, 4)]), (queue, &[(1, 1)]), (some_stuck, &[(1, 1)])]
    {
        let without = ["merging", "joining", "alone", "symmetry", "sleeping", "persistent"].map(|r| ["--without", r]);
        let every = without.iter().map(|flags| &flags[..]);
        for flags in every.chain([&[][..], &["--no-reduction"]]) {
            let ended = check_json(script).args(flags).finish();
            let of = |l: &serde_json::Value| (l["holds"].as_u64().unwrap_or(99), l["ends"].as_u64().unwrap_or(99));
            let told: Vec<(u64, u64)> = ended.of_type("expectation").iter().map(of).collect();
            assert_eq!(told, counts, "{flags:?} {script}{}{}", ended.stdout, ended.stderr);
        }
    }
}

/// What is told of one finding is true of that one: what an `await` is called, who goes on, and of
/// which statements the further places of a race are.
#[test]
fn what_is_told_is_true_of_what_it_is_told_of() {
    let finding = |script: &str, code: &str| {
        let found = check_json(script).finish().of_type("finding");
        found.iter().find(|f| f["code"] == code).unwrap_or_else(|| panic!("{code}: {found:?}")).clone()
    };
    let awaits = "lock m\nvar w = 1\ntask t { with m { w = 0 } }\nspawn t\nwith m { await w == 0 }\n";
    let told = finding(awaits, "deadlock");
    assert_eq!(told["help"], "let go of m before the `await` of w: what ends that wait needs m");
    let others = "lock m\natomic go = false\ntask holder { with m { while not go { } } }\ntask a { with m { go = true } }\n\
                  spawn holder\nspawn a x2\n";
    let told = finding(others, "starvation");
    let notes = told["notes"].to_string();
    assert!(notes.contains("holder goes on again and again, and what a"), "{notes}");
    // What is a record's each task calls as it likes.
    let record = |t: &str, u: &str| {
        let tasks = format!("task t(b) {{ {t} }}\ntask u(b) {{ {u} }}\n");
        format!(
            "struct Buf {{\nlock mutex\nvar n = 0\nqueue q\n}}\n{tasks}let b = Buf()\nspawn t(b)\nspawn u(b)\njoin all\n"
        )
    };
    let told = finding(&record("with b.mutex { b.n = 1 }", "b.n += 1"), "race");
    assert_eq!(told["help"], "let u hold Buf.mutex too: `with ….mutex { … }` around its access");
    let told = finding(&record("b.n = 1", "b.n = 2"), "race");
    assert!(told["help"].as_str().unwrap().ends_with("change it in one step, such as `….n += 1`"), "{told}");
    let told = finding(&record("print b.q.get()", ""), "deadlock");
    assert!(told["help"].as_str().unwrap().starts_with("`….q.close()` after the last `put`"), "{told}");
    // Two of them write `q[0]`, sooner than one reads what another writes; `q[1]` only one of them does.
    let rows = "var writer = 0\nvar q[2] = 0\ntask reads {\nfor r in 0..2 {\nawait writer > r\nprint q[r]\n}\n}\n\
                task writes {\nq[writer] = 1\nwriter = writer + 1\n}\nspawn reads\nspawn writes\nspawn writes\n";
    for flags in [&[][..], &["--no-reduction"]] {
        let found = check_json(rows).args(flags).finish().of_type("finding");
        let on_the_second = |f: &&serde_json::Value| f["on"][0] == "q[1]" || f.to_string().contains("on q[1] too");
        let told = found.iter().find(on_the_second).unwrap_or_else(|| panic!("{found:?}"));
        let message = told["message"].as_str().unwrap();
        assert!(message.starts_with("one task writes q[") && message.contains("while another reads it"), "{told}");
    }
}

/// Tasks of one `spawn` of which one is gone before another is there keep their names apart: there is
/// one outcome, and none in which they are each other.
#[test]
fn tasks_made_one_after_another_are_not_each_other() {
    for (body, ends) in [
        ("print n.add(1)", r#"{"t":"returned","t (2)":"returned"}"#),
        ("n += 1\nassert n != 2", r#"{"t":"returned","t (2)":"failed: Assertion"}"#),
        ("if n == 1 { m.acquire() }\nn += 1", r#"{"t":"returned","t (2)":"returned"}"#),
    ] {
        let script = format!("atomic n = 0\nlock m\ntask t {{\n{body}\n}}\nrepeat 2 {{ spawn t; join all }}\n");
        for flags in [&[][..], &["--no-reduction"]] {
            let outcomes = check_json(&script).args(flags).finish().of_type("outcome");
            assert_eq!(outcomes.len(), 1, "{script}{outcomes:?}");
            let wanted: serde_json::Value = serde_json::from_str(ends).unwrap();
            for (task, end) in wanted.as_object().unwrap() {
                assert_eq!(outcomes[0]["ended"][task], *end, "{script}{outcomes:?}");
            }
        }
    }
}
