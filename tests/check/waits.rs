//! Who waits for ever in a check: who could still help, what is told of it, and who goes
//! round without getting anything done.

use super::support::{conc, flat};
use super::{check, check_json, replays, summary};
use nix::sys::signal::Signal;

/// A job that can never go on is a deadlock also where it would end with its pool, as in a
/// run.
#[test]
fn a_job_that_can_never_go_on() {
    let found = |rest: &str| {
        let script =
            format!("pool p(2)\nevent e\nbarrier b(2)\ntask waits {{ e.wait() }}\ntask meets {{ b.wait() }}\n{rest}");
        check_json(&script).finish().failures()
    };
    assert_eq!(found("submit waits to p\nsleep 50ms\n"), ["deadlock"]);
    assert_eq!(found("submit meets to p\nsleep 50ms\n"), ["deadlock"]);
    assert_eq!(found("submit waits to p\nsleep 50ms\ne.set()\n"), [""; 0]);
    assert_eq!(found("submit meets to p\nsubmit meets to p\np.close()\njoin p\n"), [""; 0]);
}

/// A job that waits for what nobody brings any more, whoever had still been there to bring
/// it when it came to wait, and however the object of a row is named.
#[test]
fn a_job_that_nobody_helps_any_more_is_stuck() {
    for set in ["e[0].set()", "let i = 0\ne[i].set()", "const I = 0\ne[I].set()"] {
        for wait in ["e[1].wait()", "let i = 1\n e[i].wait()"] {
            for rest in ["", "n = 1\nn = 2\n", "sleep 1ms\nprint n\n"] {
                let script =
                    format!("event e[2]\natomic n = 0\npool p(1)\ntask t {{ {wait} }}\nsubmit t to p\n{set}\n{rest}");
                for reduction in [None, Some("--no-reduction")] {
                    let check = conc().args(["check", "--format", "json"]).args(reduction).args(["-"]).input(&script);
                    assert_eq!(check.finish().failures(), ["deadlock"], "{script}");
                }
            }
        }
    }
}

/// Of a row's objects and places with an index that is known, others are no help.
#[test]
fn who_has_to_do_with_another_of_the_row_is_no_help() {
    for script in [
        "semaphore s[2](0)\ntask t { s[1].acquire() }\ntask u { loop { s[0].release(); s[0].acquire() } }\nspawn u\nspawn t\njoin all\n",
        "queue q[2]\ntask t { let v = q[1].get() }\ntask u { loop { q[0].put(1); q[0].get() } }\nspawn u\nspawn t\njoin all\n",
        "atomic a[2] = 0\ntask t { await a[1] == 1 }\ntask u { loop { a[0] = 1; a[0] = 0 } }\nspawn u\nspawn t\njoin all\n",
    ] {
        let found = check_json(script).finish().failures();
        assert!(
            found.contains(&"deadlock".to_string()) && !found.contains(&"starvation".to_string()),
            "{found:?} {script}"
        );
    }
}

/// Who only comes to look at its condition is a part of the deadlock, as in a replay.
#[test]
fn all_that_await_are_told_of() {
    let ended = check_json("shared v = 0\ntask t { await v > 0 }\nspawn t x2\njoin all\n").finish();
    let found = ended.of_type("finding").pop().expect("there is one");
    assert!(found["message"].as_str().unwrap_or_default().starts_with("t#0 and t#1 wait"), "{found}");
}

/// Each of several awaits its own condition, be it of an object's state.
#[test]
fn what_several_await_of_an_object() {
    let ended = check("semaphore s(0)\ntask t { await s.value() == 1 }\nspawn t\nspawn t\n").finish().expect_code(1);
    let text = flat(&ended.stdout);
    assert!(
        text.contains("t and t (2) wait for their conditions to become true, and no task is left to change it"),
        "{text}"
    );
}

/// Nobody looks again until a `choose` gives what is wanted.
#[test]
fn what_is_awaited_chooses_nothing() {
    for script in [
        "shared x = 1\nawait choose([1, 2]) != x\n",
        "shared x = 1\natomically { await choose([1, 2]) != x\n    x = 2 }\n",
        "fn f() { return choose([1, 2]) }\nawait f() == 1\n",
    ] {
        let ended = check(script).finish().expect_code(2);
        assert!(ended.stderr.contains("looks for what others do, and this chooses"), "{script}{}", ended.stderr);
    }
    let last = check("var x = 2\nfinally { assert x != choose([1, 2]) }\n").finish().expect_code(2);
    assert!(last.stderr.contains("runs when all has ended, and this chooses"), "{}", last.stderr);
}

/// Who is stuck at the same place for the same lock may be so for two causes.
#[test]
fn a_lock_that_is_its_own_or_was_left_behind() {
    let take = "lock lk[2]\nfn f(i, n) {\n    lk[1 - i].acquire()\n    if n > 0 { f(1 - i, n - 1) }\n}\n\
                task t { f(1, 1) }\nlet h = spawn t\nterminate h\njoin h\n";
    let (alone, beside) = ("f(0, 2)\n", "task m { f(0, 2) }\natomic z = 0\nspawn m\nloop { z = 1 - z }\n");
    for rest in [alone, beside] {
        let found = check_json(&format!("{take}{rest}")).finish().failures();
        for code in ["abandoned-lock", "self-deadlock"] {
            assert!(found.iter().any(|f| f == code), "{code}: {found:?} {rest}");
        }
    }
}

/// Who is told to be the reason why a wait has no end, in a run as in a check.
#[test]
fn the_reasons_of_a_wait_are_true() {
    let writer = "var x = 0\nvar one = 1\ntask w { let y = [1][one]; x = 1 }\nspawn w\nawait x == 1\n";
    let barrier = "barrier b(3)\ntask t { b.wait() }\nspawn t x2\njoin all\n";
    let itself = "task t { join self }\nspawn t\n";
    for (script, says) in [
        (writer, "main waits for its condition to become true, and w, which would write, "),
        // A run may tell of the first one before the other has come there too.
        (barrier, " at barrier b, where 1 more task will never come"),
        (itself, "t waits for the end of t, which is itself"),
    ] {
        let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
        let check = check_json(script).finish();
        for (how, ended) in [("run", run), ("check", check)] {
            let findings = ended.of_type("finding");
            let told = findings.iter().filter(|f| f["code"] == "deadlock").map(|f| f["message"].to_string());
            let told: Vec<String> = told.collect();
            assert!(told.len() == 1 && told[0].contains(says), "{how}: {told:?}");
        }
    }
}

/// An arm waits as long as its `select`.
#[test]
fn an_arm_has_no_end_of_its_own() {
    for arm in ["q.get(timeout: 1ms)", "q.put(1, timeout: 1ms)", "e.wait(1ms)", "m.acquire(blocking: false)"] {
        let script = format!("queue q\nevent e\nlock m\nselect {{\n    {arm} => {{ }}\n}}\n");
        let ended = check(&script).finish().expect_code(2);
        assert!(ended.stderr.contains("an arm waits as long as its `select`"), "{script}{}", ended.stderr);
    }
    let plain = "semaphore s(2)\nselect {\n    s.acquire() => { }\n}\n";
    assert_eq!(check(plain).finish().code, Some(0));
}

#[test]
fn a_loop_that_changes_nothing_is_a_livelock() {
    assert_eq!(check_json("loop { }\n").finish().expect_code(1).failures(), ["livelock"]);
}

/// Who waits for ever while others go round is stuck if they can do nothing for it, as a
/// run tells; it starves if they could and never do, also where it never went at all.
#[test]
fn who_waits_for_ever_beside_others_that_go_round() {
    let replayed = |script: &str, codes: &[&str]| {
        let found = check_json(script).finish();
        assert_eq!(found.failures(), codes, "{script}");
        for one in found.of_type("finding") {
            let (code, schedule) = (one["code"].as_str().expect("a word"), one["schedule"].as_str().expect("a way"));
            let real = !["livelock", "starvation"].contains(&code);
            let replay = conc().file("script.conc", script).args(["replay", "--format", "json"]);
            let replay = if real { replay } else { replay.args(["--model"]) };
            let shown = replay.args(["script.conc", schedule]).finish().failures();
            assert!(shown.iter().any(|c| c == code), "{script}: {code} by {schedule} shows {shown:?}");
        }
    };
    let round = "lock m\natomic n = 0\nqueue q(1)\ntask spin { while n == 0 { } }\ntask print_on { loop { print 1 } }\n\
                 task t { m.acquire() }\ntask g { q.get() }\n";
    let with = |rest: &str| format!("{round}{rest}");
    replayed(
        &with("let b = spawn t\nlet a = spawn spin\nm.acquire()\njoin a\n"),
        &["abandoned-lock", "livelock", "starvation"],
    );
    replayed(&with("m.acquire()\nlet b = spawn t\nlet a = spawn spin\njoin a\n"), &["livelock", "starvation"]);
    replayed(&with("m.acquire()\nlet b = spawn t\nlet a = spawn print_on\njoin a\n"), &["starvation"]);
    replayed(&with("let a = spawn print_on\nlet b = spawn g\njoin a\n"), &["deadlock"]);
    replayed(&with("spawn daemon print_on\nspawn g\njoin all\n"), &["deadlock"]);
    let looks = "task looks { loop { if q.qsize() > 5 { q.put(1) }\nprint 1 } }\n";
    replayed(&with(&format!("{looks}let a = spawn looks\nlet b = spawn g\njoin a\n")), &["starvation"]);
}

/// A job that goes round for ever is a livelock, whoever waits for it; a worker without a
/// job waits for ever and is no trouble.
#[test]
fn a_job_that_goes_round_for_ever() {
    let found = |rest: &str| {
        let script = format!("pool p(1)\natomic n = 0\ntask round {{ while n == 0 {{ }} }}\ntask quick {{ }}\n{rest}");
        check_json(&script).finish().failures()
    };
    assert_eq!(found("let h = submit round to p\njoin h\n"), ["livelock"]);
    assert_eq!(found("submit round to p\np.close()\njoin p\n"), ["livelock"]);
    assert_eq!(found("let h = submit round to p\nn = 1\njoin h\np.close()\njoin p\n"), [""; 0]);
    assert_eq!(found("submit round to p\n"), [""; 0]);
    assert_eq!(found("let h = submit quick to p\njoin h\nlet s = spawn round\njoin s\n"), ["livelock"]);
}

/// Whoever takes a value or a job gets something done; whoever only looks whether
/// there is one does not.
#[test]
fn messages_for_ever_are_no_livelock() {
    let verdicts = |script: &str| summary(&check_json(script).finish())["verdicts"].clone();
    for queue in ["q(0)", "q(1)"] {
        let script = format!(
            "queue {queue}\ntask a {{ loop {{ q.put(1) }} }}\ntask b {{ loop {{ q.get() }} }}\nspawn a\nspawn b\n"
        );
        assert_eq!(verdicts(&script)["livelock"], "absent", "{script}");
    }
    let looks = "queue q(1)\ntask b { loop { try { q.get(blocking: false) } catch Empty { } } }\nspawn b\n";
    assert_eq!(verdicts(looks)["livelock"], "found");
}

/// Where tasks wait at one condition for different things, a `notify` may wake the wrong one.
#[test]
fn a_notify_may_wake_who_looks_for_something_else() {
    let one = "lock m\ncondition c(m)\nvar items = 0\n\
        task put { repeat 2 { with m { while items == 1 { c.wait() }\n items += 1\n c.notify() } } }\n\
        task take { with m { while items == 0 { c.wait() }\n items -= 1\n c.notify() } }\n\
        spawn put\nspawn take x2\njoin all\n";
    let help = |script: &str| flat(&check(script).finish().expect_code(1).stdout);
    assert!(help(one).contains("or a condition for each thing that is waited for"), "{}", help(one));
    let never = one.replace("c.notify()", "yield");
    assert!(
        help(&never).contains("after every change that a waiter looks for (it wakes one of them"),
        "{}",
        help(&never)
    );
    let all = check_json(&one.replace("notify()", "notify_all()")).finish();
    assert_eq!(all.failures(), [""; 0]);
}

/// A deadlock that is seen only where all else is over is shown as soon as it is there.
#[test]
fn a_deadlock_beside_one_who_goes_on_for_long() {
    let script = |body: &str| format!("event e\natomic n = 0\ntask a {{ e.wait() }}\n{body}\n");
    for (body, schedule) in [
        ("spawn a x2\nrepeat 2000 { n += 1 }\nn = 0", "0.1.2@"),
        ("task c { repeat 100 { n += 1 }\nspawn a }\nspawn c\nspawn a\nrepeat 9 { n = 1 }", "0x2.2@"),
    ] {
        let checked = check_json(&script(body)).finish().expect_code(1);
        let found = checked.of_type("finding");
        let shown: Vec<&str> = found.iter().filter_map(|f| f["schedule"].as_str()).collect();
        assert!(shown.iter().any(|s| s.starts_with(schedule)), "{body}: {shown:?}");
    }
}

/// A `notify_all` that came too early for one of two is as lost for it as a `set` would be.
#[test]
fn a_notify_all_that_came_too_early_for_one() {
    let script = "lock m\ncondition c(m)\ntask w { with m { c.wait() } }\nspawn w x2\nwith m { c.notify_all() }\n";
    let ended = check_json(script).finish();
    assert_eq!(ended.failures(), ["lost-wakeup"; 1], "{}", ended.stdout);
}

/// Who could do it is not waited for where it waits for the same itself: there is no circle.
#[test]
fn who_waits_for_the_same_waits_for_nobody_else() {
    let script = "event e\ntask t0 { e.wait() }\ntask t1 { e.wait(); e.set() }\nspawn t0\nspawn t1\n";
    for command in ["run", "check"] {
        let ended = conc().file("s.conc", script).args([command, "s.conc"]).finish().expect_code(1);
        let told = flat(&(ended.stdout + &ended.stderr));
        assert!(!told.contains("wait for each other"), "{told}");
        assert!(told.contains("t0 and t1 wait for event e to be set, and t1, which would set, is stuck"), "{told}");
    }
}

/// Who goes on for ever beside them takes nothing from those that are stuck: each way of being
/// so is told, whichever is met first, and so is each place at which somebody is starved.
#[test]
fn whoever_goes_on_for_ever_hides_none_of_the_stuck() {
    let bell = "lock m\ncondition c(m)\ntask w(i) { with m { c.wait() }; if i == 1 { m.acquire() } }\n";
    let bell = |on: &str| format!("{bell}{on}spawn w(0)\nspawn w(1)\nwith m {{ c.notify() }}\n");
    let sorted = |script: &str, options: &[&str]| {
        let check = conc().args(["check", "--format", "json"]).args(options).args(["-"]).input(script);
        let mut codes = check.finish().failures();
        codes.sort();
        codes
    };
    let alone = sorted(&bell(""), &[]);
    assert_eq!(alone, ["abandoned-lock", "deadlock", "lost-wakeup"]);
    assert_eq!(sorted(&bell("task on { loop { print 1; sleep 1ms } }\nspawn on\n"), &[]), alone);
    assert_eq!(sorted(&bell("task on { loop { sleep 1ms } }\nspawn daemon on\n"), &[]), alone);

    let either = "atomic x = 0\nevent e\ntask s { loop { x += 1; x -= 1 } }\n";
    for arms in [
        "if choose([true, false]) { await x == 0 } else { e.wait() }",
        "if choose([false, true]) { await x == 0 } else { e.wait() }",
    ] {
        let script = format!("{either}task w {{ {arms} }}\nspawn s x2\nspawn w\n");
        for options in [&[][..], &["--no-reduction"]] {
            assert_eq!(sorted(&script, options), ["deadlock", "livelock", "starvation"], "{script}");
        }
    }
    // Ready arms and those who wait to be met are chosen at random: each has its turn.
    let served = [
        "queue a(1)\nqueue b(0)\ntask s { loop { select { a.get() => { } b.get() => { return } } } }\n\
         task t { loop { a.put(1) } }\nspawn daemon t\nspawn s\nb.put(1)\n",
        "queue a(0)\nqueue b(0)\ntask s { loop { select { a.get() => { } b.get() => { } } } }\n\
         task t { loop { a.put(1) } }\nspawn daemon t\nspawn daemon s\nb.put(1)\n",
        "queue q(0)\ntask s { loop { q.put(1) } }\ntask t { loop { q.get() } }\n\
         spawn daemon s\nspawn daemon t\nq.get()\n",
        "lock m\ncondition c(m)\ntask s { loop { with m { c.notify() } } }\n\
         task t { loop { with m { c.wait() } } }\nspawn daemon s\nspawn daemon t x2\nwith m { c.wait() }\n",
    ];
    for script in served {
        for options in [&[][..], &["--no-reduction"]] {
            let told = check(script).args(options).finish();
            assert!(told.stdout.contains("no findings"), "{script}{}", told.stdout);
        }
    }
    let starved = "atomic x = 0\natomic y = 0\ntask s { loop { x += 1; x -= 1 } }\ntask t { loop { y += 1; y -= 1 } }\n\
        task w { if choose([true, false]) { await x == 0 } else { await y == 0 } }\n\
        spawn daemon s x2\nspawn daemon t x2\nspawn w\njoin all\n";
    assert_eq!(sorted(starved, &[]), ["starvation", "starvation"]);

    let pairs = "event e[4]\ntask v { if choose([true, false]) { e[0].wait() } else { e[1].wait() } }\n\
        task w { if choose([true, false]) { e[2].wait() } else { e[3].wait() } }\nspawn v\nspawn w\nloop { print 1 }\n";
    let found = check_json(pairs).finish().of_type("finding");
    let mut on: Vec<String> =
        found.iter().filter(|f| f["code"] == "deadlock").map(|f| f["on"][0].to_string()).collect();
    on.sort();
    assert_eq!(on, ["\"e[0]\"", "\"e[1]\"", "\"e[2]\"", "\"e[3]\""]);
}

/// Who was not notified waits for that, and not for the lock that somebody has left behind
/// meanwhile.
#[test]
fn who_was_not_notified_waits_for_no_lock_yet() {
    let script = "lock m reentrant\ncondition c(m)\ntask t1 { spawn t2 }\n\
                  task t2 {\n    with m { c.notify() }\n    let r1 = m.acquire(timeout: 1ms)\n}\n\
                  task t3 { with m { c.wait() } }\nspawn t1\nspawn t3\n";
    let ended = check_json(script).finish();
    assert_eq!(ended.failures(), ["abandoned-lock", "lost-wakeup"], "{}", ended.stdout);
    for finding in ended.findings().iter().filter(|f| f["code"] == "lost-wakeup") {
        assert!(!finding.to_string().contains("which t2 held"), "{finding}");
    }
}

/// Two who read and both want to write take one lock in no order.
#[test]
fn two_who_read_and_want_to_write_have_no_lock_order() {
    let script = "rwlock g\ntask t { g.acquire_read()\n with g.write { } }\nspawn t x2\n";
    let ended = check_json(script).finish();
    let summary = ended.of_type("summary").remove(0);
    assert_eq!(summary["verdicts"]["lock-order"], "absent", "{summary}");
    // Each would be stuck without the other.
    assert_eq!(ended.failures(), ["self-deadlock"], "{}", ended.stdout);
    assert_eq!(summary["verdicts"]["deadlock"], "absent", "{summary}");
}

/// Who reads and wants to write is stuck for its own sake, whoever waits for it and reads
/// too; to let go of what those hold would mend nothing.
#[test]
fn who_holds_itself_what_it_wants_is_the_root_of_a_circle() {
    for (held, let_go) in [("rw.acquire_read()\n", ""), ("rw.acquire_read()\n", "rw.release_read()\n"), ("", "")] {
        let script = format!(
            "expect self-deadlock on rw\nrwlock rw\n{held}let h = spawn {{ rw.acquire_read(); rw.acquire_write() }}\n{let_go}join h\n"
        );
        for command in ["check", "run"] {
            let ended = conc().file("s.conc", &script).args([command, "--format", "json", "s.conc"]).finish();
            assert_eq!(ended.failures(), ["self-deadlock"], "{script}{}", ended.stdout);
        }
    }
}

/// Who waits in the same place in one arm of a `select` may go on by the other: what keeps it
/// from that is the root for both.
#[test]
fn who_could_go_on_by_another_arm_is_who_is_waited_for() {
    let script = "lock m\nqueue q(1)\ntask t1 { q.put(1); spawn t2; q.put(2) }\n\
                  task t2 {\n    select { m.acquire() => { }\n q.put(1) => { } }\n    q.get()\n}\n\
                  m.acquire()\nspawn t1\n";
    for command in ["check", "run"] {
        let ended = conc().file("s.conc", script).args([command, "--format", "json", "s.conc"]).finish();
        assert_eq!(ended.failures(), ["abandoned-lock"], "{command}: {}", ended.stdout);
        let behind = ended.findings()[0]["notes"].to_string();
        assert!(behind.contains("t1 waits to put into q at line 3, and t2, which would get, is stuck"), "{behind}");
    }
}

/// Whoever joins a job that was dropped is told by what, in a pool of threads and of processes.
#[test]
fn who_joins_a_dropped_job_is_told_of_it() {
    for of in ["", " of processes"] {
        let script = format!(
            "pool p(1){of}\nevent go\ntask j {{ go.wait() }}\nlet a = submit j to p\nlet b = submit j to p\n\
             p.terminate()\njoin p\njoin b\n"
        );
        for command in ["check", "run"] {
            let ended = conc().file("s.conc", &script).args([command, "--format", "json", "s.conc"]).finish();
            assert_eq!(ended.failures(), ["deadlock"], "{script}{}", ended.stdout);
            let finding = ended.findings().remove(0);
            let why = "j#1, which had not begun when p was terminated at line 6";
            assert!(finding["message"].to_string().contains(why), "{finding}");
            assert!(finding["help"].to_string().contains("join j#1 before it"), "{finding}");
        }
    }
}

/// A handle is no lock: it is the same finding for a task and for a job.
#[test]
fn who_waits_for_its_own_end_has_a_deadlock() {
    let job = "pool p(1)\natomic own = none\ntask j { await own != none; let o = own; join o }\n\
               own = submit j to p\np.close()\njoin p\n";
    for script in ["let h = self\njoin h\n", job] {
        for command in ["check", "run"] {
            let ended = conc().file("s.conc", script).args([command, "--format", "json", "s.conc"]).finish();
            assert_eq!(ended.failures(), ["deadlock"], "{script}{}", ended.stdout);
            let help = ended.findings()[0]["help"].to_string();
            assert!(help.contains("leave it out: no task can wait for its own end"), "{help}");
        }
    }
}

/// Who holds itself what it waits for, or waits for what one has who is gone, has a finding of its
/// own, also where others have the same and are stuck for something else.
#[test]
fn who_is_stuck_by_itself_is_behind_nobody() {
    let reads = "rwlock rw\nqueue q\nlatch both(2)\n\
                 task stuck { with rw.read { both.count_down()\n both.wait()\n q.get() } }\n";
    let own = "task t { with rw.read { both.count_down()\n both.wait()\n rw.acquire_write() } }\n\
               spawn stuck\nspawn t\njoin all\n";
    let gone = "task t { rw.acquire_read()\n both.count_down() }\nspawn stuck\nspawn t\njoin all for 1ms\n\
                both.wait()\nrw.acquire_write()\n";
    for (script, code) in [(own, "self-deadlock"), (gone, "abandoned-lock")] {
        let script = format!("{reads}{script}");
        for command in [&["check"][..], &["check", "--no-reduction"], &["run"]] {
            let args = [command, &["--format", "json", "s.conc"]].concat();
            let mut failures = conc().file("s.conc", &script).args(args).finish().failures();
            failures.sort();
            let mut wanted = ["deadlock", code];
            wanted.sort();
            assert_eq!(failures, wanted, "{command:?}: {script}");
        }
    }
}

/// A worker that nobody can give a job any more does nothing: who waits for what a job would
/// do has its own trouble, and the worker none.
#[test]
fn a_worker_without_a_job_is_nobody_s_trouble() {
    let lost = "lock m\ncondition c(m)\npool p(1)\ntask j { with m { c.notify_all() } }\n\
                let a = submit j to p\njoin a\nwith m { c.wait() }\n";
    let missed = "atomic a = 0\npool p(1)\ntask j { a = 1 }\nlet h = submit j to p\njoin h\na = 2\nawait a == 1\n";
    let closes = &format!("{lost}p.close()\n");
    for (script, code, on) in [(lost, "lost-wakeup", "c"), (closes, "lost-wakeup", "c"), (missed, "deadlock", "a")] {
        for command in ["check", "run"] {
            let ended = conc().file("s.conc", script).args([command, "--format", "json", "s.conc"]).finish();
            assert_eq!(ended.failures(), [code], "{command}: {script}{}", ended.stdout);
            assert_eq!(ended.findings()[0]["on"], serde_json::json!([on]), "{}", ended.stdout);
        }
    }
}

/// What is done to one field of a record is no help for who waits at another one: not a circle
/// with who does it, nor a mere starvation. A run says the same, while others go on too.
#[test]
fn fields_are_told_apart() {
    let nobody = "struct S { latch a(1); latch b(1); event e }\ntask t(s) { s.e.wait(); s.b.count_down() }\n\
        let s = S()\nspawn t(s)\ns.a.wait()\ns.e.set()\ns.b.wait()\n";
    let others = "struct S { queue a(0); queue b(0) }\ntask puts(s) { loop { s.b.put(1) } }\n\
        task gets(s) { loop { s.b.get() } }\nlet s = S()\nspawn puts(s)\nspawn gets(s)\ns.a.get()\n";
    // A place may hold the other one.
    let held = "struct S { latch a(1); var b = none }\ntask t(s) { s.b.count_down() }\n\
        let s = S()\ns.b = s.a\nspawn t(s)\ns.a.wait()\n";
    for (script, title) in [
        (nobody, Some("main waits for latch S.a to reach zero, and no task is left to add or count_down")),
        (others, Some("main waits to get from queue S.a, and no task is left to put or close")),
        (held, None),
    ] {
        let told = check(script).finish();
        let mut run = conc().args(["run", "-"]).input(script).start();
        if script == others {
            run.until("what is to be told", |run| run.stderr().contains("explain deadlock").then_some(()));
            run.signal(Signal::SIGINT);
        }
        for out in [told.stdout, run.finish().stderr] {
            match title {
                Some(title) => assert!(flat(&out).contains(title), "{script}{out}"),
                None => assert!(!out.contains("error["), "{script}{out}"),
            }
            assert!(!out.contains("error[starvation]"), "{out}");
        }
    }
}

/// Who waits for a field that nobody writes any more waits in vain, though others live: where it
/// is only known while running, it is told apart by its name. What a place holds may be any task,
/// whose end is a change.
#[test]
fn an_await_looks_at_fields() {
    let with = |condition: &str, others: &str| {
        format!(
            "pool p(1)\nstruct S {{ atomic b = 1; var y = 0; atomic xs[2] = 0; event e; atomic h = none }}\n\
             task t(s) {{ await {condition} }}\nlet s = S()\nsubmit t(s) to p\n{others}\n"
        )
    };
    for (condition, others, code) in [
        ("s.b == 0", "", Some("deadlock")),
        ("s.xs[1] == 1", "s.b = 0", Some("deadlock")),
        ("s.e.is_set()", "s.b = 0", Some("deadlock")),
        ("s.b == 0 or s.xs[1] == 1", "atomically { s.xs[1] = 1 }; p.close(); join p", None),
        ("s.b == 0", "s.b.store(0); p.close(); join p", None),
        ("s.e.is_set()", "s.e.set(); p.close(); join p", None),
        ("s.h != none and not s.h.alive", "let w = spawn u(); s.h = w; p.close(); join p", None),
    ] {
        let script = format!("task u {{ yield }}\n{}", with(condition, others));
        let told = check(&script).finish();
        match code {
            Some(code) => assert!(told.stdout.contains(&format!("error[{code}]")), "{script}{}", told.stdout),
            None => assert!(!told.stdout.contains("error["), "{script}{}", told.stdout),
        }
    }
}

/// Opposite orders of locks are found where a run would predict them: also where the wait for a
/// lock is one arm of several, and not where one lock alone is waited for.
#[test]
fn a_circle_of_locks_is_one_whatever_else_would_end_a_wait() {
    let found = |text: &str| {
        let verdicts = &summary(&check_json(text).finish())["verdicts"];
        ["deadlock", "lock-order"].map(|code| verdicts[code] == "found")
    };
    let y = "task y { with b { with a { } } }\nspawn x\nspawn y\njoin all\n";
    let arms =
        |arms: &str| format!("lock a\nlock b\nqueue q\nevent e\ntask x {{ with a {{ select {{ {arms} }} }} }}\n{y}");
    assert_eq!(found(&arms("b.acquire() => { b.release() }")), [true, true]);
    assert_eq!(found(&arms("b.acquire() => { b.release() }; q.get() => { }; e.wait() => { }")), [true, true]);
    let rows = "rwlock a\nrwlock b\nevent e\n\
        task x { with a.read { select { b.acquire_write() => { b.release_write() }; e.wait() => { } } } }\n\
        task y { with b.write { with a.write { } } }\nspawn x\nspawn y\njoin all\n";
    assert_eq!(found(rows), [true, true]);
    // Each waits for a lock of a task that waits for something else.
    let other = "lock a\nlock b\nevent e\n\
        task x { with a { e.wait(); with b { } } }\ntask y { with b { with a { } } }\nspawn x\nspawn y\njoin all\n";
    assert_eq!(found(other), [true, false]);
    let one = "rwlock a\ntask t { with a.read { with a.write { } } }\nspawn t x2\njoin all\n";
    assert!(!found(one)[1]);
}

/// A job that failed is named as who would have done what is waited for, as a task is: by a check
/// and by both replays of its schedule in the same words.
#[test]
fn a_job_that_failed_is_who_would_have_done_it() {
    let jobs = |declared: &str, deed: &str, wait: &str| {
        format!(
            "{declared}\npool po(1)\ntask bad {{ if choose([true, false]) {{ raise \"r\" }}; {deed} }}\n\
             task t1 {{ {wait} }}\nsubmit bad to po\nsubmit t1 to po\npo.close()\njoin po\n"
        )
    };
    let cases = [
        (jobs("atomic a = 0", "a += 1", "await a > 0"), "waits for its condition to become true", "write"),
        (jobs("event e", "e.set()", "e.wait()"), "waits for event e to be set", "set"),
        (jobs("queue q", "q.put(1)", "q.get()"), "waits to get from queue q", "put"),
    ];
    for (script, what, action) in cases {
        let told = check_json(&script).finish().expect_code(1);
        let deadlock = told.findings().into_iter().find(|f| f["code"] == "deadlock").expect("it is one");
        let message = format!("po.worker#0 {what}, and bad#0, which would {action}, failed with Raised");
        assert_eq!(deadlock["message"], message.as_str(), "{script}");
        for again in replays(&script, &deadlock) {
            assert!(again.findings().iter().any(|f| f["message"] == message.as_str()), "{script}{}", again.stdout);
        }
    }
}

/// Whom an error has ended is named as who would have done what is waited for, from the moment
/// at which nobody is left to: its end may be yet to come, as that of a process is which waits for
/// what it has spawned. A run, a check and both replays say the same.
#[test]
fn whom_an_error_has_ended_is_who_would_have_done_it() {
    let takes = "queue q(3)\nvar zero = 0\ntask r { print(q.get()) }\n";
    let last = "spawn w\nspawn r\njoin all\n";
    let parent = "task w { spawn r; let x = 1 / zero\nq.put(x) }\n";
    let cases = [
        (format!("{takes}task w {{ let x = 1 / zero\nq.put(x) }}\n{last}"), "w", "DivideByZero"),
        // What stands behind a `raise` or an `exit` comes to nothing, but is what it is there for.
        (format!("{takes}task w {{ raise \"no\"; q.put(1) }}\n{last}"), "w", "Raised"),
        (format!("{takes}spawn r\nlet x = [1][zero + 5]\nq.put(x)\njoin all\n"), "main", "Index"),
        (format!("{takes}{parent}spawn process w\njoin all\n"), "w", "DivideByZero"),
    ];
    for (script, who, kind) in &cases {
        let told = check_json(script).finish().expect_code(1);
        let found = told.findings().into_iter().find(|f| f["code"] == "deadlock").expect("it is one");
        let message = format!("r waits to get from queue q, and {who}, which would put, failed with {kind}");
        let help = format!("let {who} reach its put in any case: `try {{ … }} catch {kind} {{ … }}`");
        let notes = found["notes"].as_array().expect("a list");
        assert!(notes.iter().any(|n| n == "no task can go on"), "{script}{found}");
        let mut all: Vec<_> = replays(script, &found).into_iter().chain([told]).collect();
        // A run may look at who is about to raise its error, and comes to nothing else either.
        if !script.contains("raise") {
            all.push(conc().args(["run", "--format", "json", "-"]).input(script).finish());
        }
        for ended in all {
            let one = ended.of_type("finding").into_iter().find(|f| f["code"] == "deadlock").expect("it is there");
            assert_eq!((one["message"].as_str(), one["help"].as_str()), (Some(&*message), Some(&*help)), "{script}");
        }
    }
    // Who has somebody else to do it is not stuck, and an error of that one is no reason.
    let both = format!("{takes}task w {{ let x = 1 / zero\nq.put(x) }}\ntask u {{ q.put(2) }}\nspawn u\n{last}");
    assert_eq!(check_json(&both).finish().failures(), ["error"], "{both}");
}

/// A check and a run say the same of what each process has for itself: what another one writes to
/// its own copy helps nobody, and it is not for want of time that it did not come.
#[test]
fn what_another_process_writes_to_its_own_copy() {
    let spawned = "var ready = false\ntask child { ready = true }\nspawn process child\nawait ready\n";
    let forked = "var ready[2] = false\nlet p = fork()\nif p == 0 { ready[1] = true; exit 0 }\nawait ready[1]\n";
    for script in [spawned, forked] {
        let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
        for ended in [check_json(script).finish(), run] {
            let found = ended.of_type("finding");
            let stuck = found.iter().find(|f| f["code"] == "deadlock").expect("a deadlock");
            let message = stuck["message"].as_str().expect("a text");
            assert!(
                message.starts_with("main waits") && message.contains("each process has its own ready"),
                "{message}"
            );
            let help = stuck["help"].as_str().expect("a text");
            assert!(help.starts_with("declare `atomic ready`"), "{help}");
        }
        let mended = script.replacen("var", "atomic", 1);
        assert_eq!(check_json(&mended).finish().failures(), [""; 0], "{mended}");
    }
    // A thread shares it with `main`, and a child that is there for something else is no reason.
    let thread = "var ready = false\ntask t(fails) { if fails { raise \"x\" }\nready = true }\nspawn process { }\n\
                  let h = spawn t(true)\njoin h\nawait ready\n";
    let found = check_json(thread).finish().of_type("finding");
    let stuck = found.iter().find(|f| f["code"] == "deadlock").expect("a deadlock");
    assert!(stuck["message"].as_str().is_some_and(|m| m.contains("t, which would write, failed")), "{stuck}");
}

/// Tasks that each keep something and want more of it: none of them closes or forgets anything.
#[test]
fn who_keeps_some_and_wants_more() {
    let queue = "queue free\nrepeat 2 { free.put(1) }\ntask t { let a = free.get(); let b = free.get()\nfree.put(a); free.put(b) }\n\
                 spawn t x2\njoin all\n";
    let permits = "semaphore free(2)\ntask t { free.acquire(); free.acquire(); free.release(); free.release() }\n\
                   spawn t x2\njoin all\n";
    for (script, what) in [(queue, "values"), (permits, "permits")] {
        let found = check_json(script).finish().of_type("finding");
        let stuck = found.iter().find(|f| f["code"] == "deadlock").expect("a deadlock");
        let help = format!(
            "none of them can go first: let free have more {what}, or each take all that it needs at once, under a lock"
        );
        assert_eq!(stuck["help"], help, "{stuck}");
    }
}

/// Who joins several is told to wait for the one in the circle, and those that only wait behind it
/// are behind it.
#[test]
fn who_joins_several_is_told_to_wait_in_its_circle() {
    let script = "lock m\nqueue q(1)\ntask t(l) { q.put(1)\nif l { with m { } }\nq.get() }\nm.acquire()\n\
                  spawn t(false) as \"r1\"\nspawn t(true) as \"r2\"\njoin all\nm.release()\n";
    let found = check_json(script).finish().of_type("finding");
    let messages: Vec<&str> = found.iter().filter_map(|f| f["message"].as_str()).collect();
    assert_eq!(messages, ["main and r2 wait for each other"], "{found:?}");
    let notes = found[0]["notes"].to_string();
    assert!(notes.contains("waits for the end of r2"), "{notes}");
}

/// A `cas` that fails has read what is there, and nothing has become false.
#[test]
fn a_cas_that_fails_is_a_read() {
    let script = "atomic x = 3\nif not x.cas(0, 5) { assert false }\n";
    let told = check(script).finish().stdout;
    assert!(told.contains("read x: 3") && !told.contains("x: false"), "{told}");
}

/// A job holds its pool as nobody holds a lock, and no `close` helps it.
#[test]
fn a_job_that_waits_for_the_end_of_its_own_pool() {
    let ended = check("pool p(1)\ntask j { p.close(); join p }\nsubmit j to p\njoin p\n").finish().expect_code(1);
    let text = flat(&ended.stdout);
    assert!(text.contains("p.worker#0 waits for the end of pool p, where it is at a job itself"), "{text}");
    let help = "help: p ends when its last job has: leave `join p` to a task that is no job of it";
    assert!(text.contains(help), "{text}");
}
