//! `conc replay`: every schedule that `conc check` prints for the scenarios is
//! run on real threads and processes, several times, and once in the model, and
//! shows the same finding at the same lines each time; wrong schedules are refused; a replay that is
//! killed leaves nothing.

use crate::support;

mod alike;
mod choices;
mod pasted;
mod predicted;

use serde_json::Value;
use std::path::{Path, PathBuf};
use support::{TWO_RECORDS, conc};

/// How often each schedule is replayed here.
const TIMES: usize = 3;

const TWO_LOCKS: &str = "\
lock a
lock b

task one { with a { with b { } } }
task two { with b { with a { } } }

spawn one
spawn two
join all
";

fn lines(text: &str) -> Vec<Value> {
    text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

/// What a finding is told apart by: its code, names and lines.
fn essence(finding: &Value) -> (String, Vec<String>, Vec<u64>) {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    let mut on: Vec<String> = list(&finding["on"]).iter().map(text).collect();
    let mut places: Vec<u64> = list(&finding["places"]).iter().filter_map(|p| p["line"].as_u64()).collect();
    on.sort();
    places.sort_unstable();
    (text(&finding["code"]), on, places)
}

fn findings(text: &str) -> Vec<Value> {
    lines(text).into_iter().filter(|l| l["type"] == "finding").collect()
}

fn scripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["scenarios", "tests/differential"].map(|f| support::leftover::files_in(&root.join(f)));
    files.into_iter().flatten().filter(|f| f.extension().is_some_and(|e| e == "conc")).collect()
}

/// What fails within `atomically` since it would wait, or make another task, fails in a replay too.
#[test]
fn what_no_block_may_do_fails_in_a_replay() {
    for script in [
        "queue q(1)\natomically {\n    select { q.get() => { } after 1ms => { } }\n}\n",
        "fn f() { return fork() }\natomically { f() }\n",
        "fn f() { return wait() }\nif fork() != 0 { atomically { f() } }\n",
    ] {
        let schedule = schedule_of(script, "error");
        let ended = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", &schedule]).finish();
        let found: Vec<String> = findings(&ended.stdout).iter().map(|f| essence(f).0).collect();
        assert!(found.contains(&"error".to_string()), "{script}{:?} {}{}", ended.code, ended.stdout, ended.stderr);
    }
}

#[test]
fn every_schedule_of_every_scenario_shows_the_same_for_real() {
    let mut schedules = 0;
    let mut wrong = Vec::new();
    for script in scripts() {
        let path = script.to_string_lossy().into_owned();
        let checked = conc().args(["check", "--format", "json", "--max-states", "60000", &path]).finish();
        for finding in findings(&checked.stdout) {
            let Some(schedule) = finding["schedule"].as_str() else { continue };
            schedules += 1;
            for time in 0..TIMES {
                let ended = conc().args(["replay", "--format", "json", &path, schedule]).finish();
                let same = findings(&ended.stdout).iter().any(|f| essence(f) == essence(&finding));
                if !same {
                    wrong.push(format!("{path} {schedule}, time {time}: {:?}\n{}", essence(&finding), ended.stderr));
                }
            }
            let model = conc().args(["replay", "--model", "--format", "json", &path, schedule]).finish();
            if !findings(&model.stdout).iter().any(|f| essence(f) == essence(&finding)) {
                wrong.push(format!("{path} {schedule}, in the model: {:?}\n{}", essence(&finding), model.stderr));
            }
        }
    }
    assert!(wrong.is_empty(), "of {schedules} schedules:\n{}", wrong.join("\n"));
    assert!(schedules > 50, "only {schedules} schedules");
}

fn schedule_of(script: &str, code: &str) -> String {
    let checked = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
    let found = findings(&checked.stdout).into_iter().find(|f| f["code"] == code).expect("it is found");
    found["schedule"].as_str().expect("it has a schedule").to_string()
}

/// What a task fails by behind its last choice is what the schedule is about, though its end is yet a turn.
#[test]
fn an_error_behind_a_choice_is_said_to_be_as_promised() {
    for wrong in ["assert x == 0", "let y = 1 / (1 - x)", "if x == 1 { raise \"no\" }"] {
        let script = format!("task t {{\n let x = choose(0..2)\n {wrong}\n}}\nspawn t\n");
        let code = if wrong.starts_with("assert") { "assertion" } else { "error" };
        let schedule = schedule_of(&script, code);
        let ended = conc().file("s.conc", &script).args(["replay", "s.conc", &schedule]).finish();
        assert!(ended.stderr.contains("it shows what the schedule promises"), "{schedule} {script}{}", ended.stderr);
    }
}

#[test]
fn a_deadlock_is_replayed_and_said_to_be_as_promised() {
    let schedule = schedule_of(TWO_LOCKS, "deadlock");
    let ended = conc().file("s.conc", TWO_LOCKS).args(["replay", "s.conc", &schedule]).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("error[deadlock]"), "{}", ended.stderr);
    assert!(ended.stderr.contains("it shows what the schedule promises"), "{}", ended.stderr);
    let model = conc().file("s.conc", TWO_LOCKS).args(["replay", "--model", "s.conc", &schedule]).finish();
    assert_eq!(model.code, Some(1), "{}", model.stderr);
    assert!(model.stdout.contains("error[deadlock]"), "{}", model.stdout);
}

/// At the end one looks at its condition once more, while another one finds that what it
/// stands at would go ahead.
#[test]
fn who_awaits_looks_once_more_whatever_others_stand_at() {
    for others in ["spawn daemon t\nspawn t", "spawn daemon t\nspawn process t", "spawn t\nspawn t"] {
        let script = format!("queue q\natomic n = 0\ntask t {{ q.put(1); await n > 0 }}\n{others}\njoin all\n");
        let schedule = schedule_of(&script, "deadlock");
        for _ in 0..20 {
            let ended =
                conc().file("script.conc", &script).args(["replay", "--format", "json", "script.conc", &schedule]);
            assert_eq!(ended.finish().failures(), ["deadlock"]);
        }
    }
}

/// A circle is gone round once; that it has no end is the model's.
#[test]
fn going_round_for_ever_is_said_of_a_replay_too() {
    let script = "atomic a = 0\natomic b = 0\n\
        task one { loop {\n a = 1\n if b == 0 { break }\n a = 0 } }\n\
        task two { loop {\n b = 1\n if a == 0 { break }\n b = 0 } }\n\
        spawn one\nspawn two\njoin all\n";
    let schedule = schedule_of(script, "livelock");
    let ended = conc().file("s.conc", script).args(["replay", "s.conc", &schedule]).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let stderr = &ended.stderr;
    assert!(stderr.contains("error[livelock]: one and two go round for ever"), "{stderr}");
    assert!(stderr.contains("8 turns, after which all is as it was after 2; 2 threads, 1 process; "), "{stderr}");
    assert!(stderr.contains("it has gone round once, and the model says that it comes back"), "{stderr}");
    let model = conc().file("s.conc", script).args(["replay", "--model", "s.conc", &schedule]).finish();
    assert_eq!(model.code, Some(1), "{}", model.stderr);
    assert!(model.stdout.contains("error[livelock]"), "{}", model.stdout);
}

/// Loops without a turn: the replay has an end all the same.
#[test]
fn going_round_without_a_turn_has_an_end_in_a_replay() {
    for body in ["loop { }", "loop { let x = 1 }", "loop { print 1 }"] {
        let script = format!(
            "lock m\ntask s {{ {body} }}\ntask t {{ m.acquire() }}\nm.acquire()\nspawn t\nlet a = spawn s\njoin a\n"
        );
        for model in [true, false] {
            let replay = conc().file("script.conc", &script).args(["replay", "script.conc", "0x3"]);
            let ended = if model { replay.args(["--model"]) } else { replay }.finish().expect_code(1);
            let text = format!("{}{}", ended.stdout, ended.stderr);
            assert!(text.contains("error[starvation]: t waits for ever while s goes on"), "{text}");
            assert!(text.contains("after which it goes round for ever"), "{text}");
        }
    }
}

/// `join all` is a turn also with nobody to join; and who ended with a lock for which
/// others wait is told of once.
#[test]
fn what_the_model_sees_at_the_end_is_seen_for_real() {
    for (script, code) in [
        ("shared n = 0\njoin all\nn = 1\nassert n == 2\n", "assertion"),
        ("shared n = 0\ntask t { }\nspawn t\njoin all\njoin all\nn = 1\nassert n == 2\n", "assertion"),
        // Which of the two told it is seen in what the condition remembers.
        (
            "lock m\ncondition c(m)\ntask t { with m { c.notify() } }\nspawn t x2\nwith m { c.wait() }\njoin all\n",
            "lost-wakeup",
        ),
        ("lock m\nspawn { m.acquire() }\nm.acquire()\nm.release()\njoin all\n", "abandoned-lock"),
    ] {
        let schedule = schedule_of(script, code);
        for model in [true, false] {
            let replay = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", &schedule]);
            let ended = if model { replay.args(["--model"]) } else { replay }.finish();
            assert_eq!(ended.failures(), [code], "{schedule} {model}: {}", ended.stderr);
        }
    }
}

/// Of a thread that has ended its process need not know at its end, once it has made
/// another child: also if that is a process.
#[test]
fn a_process_ends_as_in_the_model_whatever_its_threads_made() {
    let script = "lock m\ntask t0 { }\ntask t2 { }\ntask t1 { spawn process t0 }\n\
                  m.acquire()\nspawn t2\nlet a = spawn daemon t1\njoin a\n";
    for schedule in ["0x3.1.2x2.0x2.3.0", "0x3.2x2.0x2.1.0.3.0"] {
        for model in [true, false] {
            let replay = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", schedule]);
            let ended = if model { replay.args(["--model"]) } else { replay }.finish();
            assert_eq!(ended.failures(), ["abandoned-lock"], "{schedule} {model}: {}", ended.stderr);
        }
    }
}

/// Every finding with this code that `check` has a schedule for is shown by the schedule, in
/// both ways, each time.
fn every_schedule_shows(script: &str, code: &str) {
    let checked = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
    let all = findings(&checked.stdout);
    let promised: Vec<&Value> = all.iter().filter(|f| f["code"] == code && f["schedule"].is_string()).collect();
    assert!(!promised.is_empty(), "{script}: {}", checked.stdout);
    for finding in promised {
        let schedule = finding["schedule"].as_str().unwrap_or_default();
        for model in [true, false, false] {
            let replay = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", schedule]);
            let ended = if model { replay.args(["--model"]) } else { replay }.finish();
            let same = findings(&ended.stdout).iter().any(|f| essence(f) == essence(finding));
            assert!(same, "{script} {schedule}, model: {model}: {}{}", ended.stdout, ended.stderr);
        }
    }
}

/// A process that was spawned and has ended is waited for no more once another has been made,
/// also by `fork`.
#[test]
fn a_fork_takes_the_spawned_processes_that_have_ended() {
    let waits = "event e\ntask t0 { }\ntask t1 { }\nspawn daemon t0\nspawn process t1\nif fork() == 0 { e.wait() }\n";
    let put = "queue q(1)\ntask t0 { }\ntask t1 { }\nspawn daemon t0\nspawn process t1\nif fork() == 0 { }\nq.put(1)\n";
    for script in [waits, put] {
        every_schedule_shows(script, "deadlock");
        every_schedule_shows(script, "orphan");
    }
    let ended = "task t { }\nspawn process t\nif fork() == 0 { exit 4 }\n";
    every_schedule_shows(ended, "orphan");
    every_schedule_shows(ended, "zombie");
}

/// To ask for one's parent is a turn: another one is there once that has ended.
#[test]
fn who_asks_for_its_parent_sees_the_same_in_a_replay() {
    let fork = "let p = self.pid\nif fork() == 0 { assert self.ppid OP p; exit }\nexit 2\n";
    every_schedule_shows(&fork.replace("OP", "=="), "assertion");
    every_schedule_shows(&fork.replace("OP", "!="), "assertion");
    let killed = "task c { let p = self.pid; if fork() == 0 { assert self.ppid == p } }\n\
                  let h = spawn process c\nkill h\njoin h\n";
    every_schedule_shows(killed, "assertion");
}

/// Who was forked in a thread or in a job goes on with that code up to its end, which is the
/// end of a process; and who stops itself has no further turn.
#[test]
fn ends_of_processes_are_the_same_in_a_replay() {
    let k = "atomic n = 0\ntask k { n += 1 }\n";
    let thread = "spawn { if fork() == 0 { spawn process k; spawn k } }\njoin all\n";
    every_schedule_shows(&format!("{k}{thread}"), "orphan");
    let failing = "task t { if fork() == 0 { raise \"x\" } }\nspawn t\njoin all\nlet c = wait()\n\
                   if c == 1 { assert false, \"code {c}\" }\n";
    every_schedule_shows(failing, "assertion");
    every_schedule_shows(failing, "error");
    let job = "pool p(1)\ntask t { fork(); print \"job\" }\nsubmit t to p\nsubmit t to p\np.close()\njoin p\n";
    every_schedule_shows(job, "orphan");
    every_schedule_shows(job, "zombie");
    let worker = "pool p(1) of processes\ntask j { spawn process k; spawn daemon k; if fork() == 0 { k() } }\n\
                  submit j to p\np.close()\njoin p\nassert n < 3\n";
    every_schedule_shows(&format!("{k}{worker}"), "assertion");
    every_schedule_shows(&format!("{k}{worker}"), "orphan");
    every_schedule_shows(&format!("{k}{worker}"), "zombie");
    for end in [
        "spawn { END; n = 5 }",
        "spawn process { with m { n += 1; END; n = 5 } }",
        "spawn { atomically { END; n = 5 } }",
    ] {
        let script =
            format!("lock m\natomic n = 0\nlet h = {}\njoin h\nassert n == 5\n", end.replace("END", "terminate self"));
        every_schedule_shows(&script, "assertion");
    }
    every_schedule_shows(
        "lock m\nlet h = spawn process { atomically { m.acquire(); kill self } }\nm.acquire()\n",
        "abandoned-lock",
    );
}

/// At the end it looks at its condition once more, whatever the condition asks.
#[test]
fn who_awaits_how_an_object_stands_is_found_stuck() {
    for script in [
        "semaphore s(1)\ntask t { await s.value() == 0 }\nspawn t\njoin all\n",
        "lock m\nawait m.locked()\n",
        "queue q\nawait not q.empty() or q.qsize() > 0 or q.full()\n",
        "event e\nawait e.is_set()\n",
        "latch l(1)\nawait l.value() == 0\n",
        "semaphore s(0)\natomically { await s.value() == 1 }\n",
        "let h = spawn { }\nawait not h.alive\nawait h.alive or h.exit_code == 1\n",
        "let h = spawn process { }\nawait not h.alive\nawait h.alive\n",
    ] {
        every_schedule_shows(script, "deadlock");
    }
}

/// Of a task that has failed, or has come to the end of its code, nothing is to be hoped
/// for any more.
#[test]
fn what_stands_behind_a_failure_is_never_done() {
    let dies = "lock m\ntask t { m.acquire(); m.acquire() }\nlet h = spawn t\nassert false\nterminate h\n";
    every_schedule_shows(dies, "self-deadlock");
    let ran = support::run_json(dies).finish().expect_code(1);
    assert!(ran.failures().iter().any(|code| code == "self-deadlock"), "{}", ran.stdout);
    let puts = "queue q\natomic a = 0\ntask t0 { a = 1; q.get() }\ntask t1 { yield }\n\
                task t2 { assert a == 0; q.put(2) }\nspawn t0\nspawn daemon t1\nspawn t2\n";
    every_schedule_shows(puts, "deadlock");
    let held = "lock m\ntask t0 { m.acquire() }\ntask t2 { with m { } }\nspawn t0\nlet h = spawn daemon t2\n\
                assert false\nterminate h\n";
    every_schedule_shows(held, "abandoned-lock");
}

/// Who has been told to end and has not yet is no part of a deadlock, whatever it waits for.
#[test]
fn who_is_to_end_is_not_stuck() {
    let thread = "queue q(1)\nevent go\ntask t0 { q.get(); q.get() }\ntask t1 { go.wait(); q.get() }\n\
                  let h = spawn daemon t0\nspawn t1\nq.put_nowait(1)\nterminate h\ngo.set()\n";
    let process = "lock m reentrant\nqueue q(0)\ntask t0 { with m { } }\n\
                   task t2 { if m.acquire(blocking: false) { q.get() } }\n\
                   let h = spawn process t0\nspawn process t2 x2\nkill h\n";
    for script in [thread, process] {
        every_schedule_shows(script, "deadlock");
    }
    // The daemon ends with the process that `main` has left.
    every_schedule_shows("lock m\ntask t { with m { } }\nspawn daemon t\nm.acquire()\n", "abandoned-lock");
}

/// A daemon goes on after its process has told its end, and so does what the manager does
/// for it.
#[test]
fn a_daemon_puts_through_the_manager_after_the_end_of_its_process() {
    let alone = "queue q(1) via manager\ntask d { q.put(1) }\nspawn daemon d\n";
    every_schedule_shows(alone, "left-in-queue");
    let before = "queue q(1) via manager\ntask d { q.put(1) }\nlet h = spawn process { spawn daemon d }\nq.put(2)\n";
    every_schedule_shows(before, "deadlock");
}

/// The manager carries out what is asked within an `await` or an `atomically` block, which
/// holds all others off, and nothing that would wait there.
#[test]
fn the_manager_serves_who_holds_the_others_off() {
    let awaits = "queue q via manager\natomic n = 0\ntask t { await not q.empty(); n += 1 }\n\
                  spawn t x2\nspawn process t\nq.put(1)\njoin all\nassert n == 3\n";
    assert!(support::run_json(awaits).finish().expect_code(0).failures().is_empty());
    let mixed = "queue q via manager\natomic n = 0\ntask w { repeat 50 { q.put(1); q.get() } }\n\
                 task t { repeat 50 { atomically { n += q.qsize() - q.qsize() } } }\n\
                 spawn t x2\nspawn process t\nspawn w\nspawn process w\njoin all\nassert n == 0\n";
    assert!(support::run_json(mixed).finish().expect_code(0).failures().is_empty());
    let waits = "queue q via manager\natomically { let v = q.get() }\n";
    assert_eq!(support::run_json(waits).finish().expect_code(1).failures(), ["error"]);
    every_schedule_shows(waits, "error");
    every_schedule_shows("queue q via manager\nawait not q.empty()\n", "deadlock");
}

/// Who was notified waits for the lock, and for that without a limit, though it may have
/// waited for the notification with one.
#[test]
fn who_was_notified_in_a_timed_wait_waits_for_the_lock() {
    let script = "lock m\ncondition c(m)\ntask a { with m { c.wait(timeout: 1ms) } }\n\
                  let h = spawn a\nm.acquire()\nc.notify()\njoin h\n";
    every_schedule_shows(script, "deadlock");
}

/// An error that a second task makes at the same place, or a further race about the same
/// variable, is no other finding; the last turn shows it all the same.
#[test]
fn what_comes_again_in_the_last_turn_is_one_finding() {
    let errors = "atomic n = 0\ntask t { n += 1; raise \"r\" }\nspawn t\nspawn t\njoin all\n";
    let races = "shared x = 0\ntask t {\nx = 1\nx = 2\n}\nspawn t\nx = 3\nx = 4\njoin all\n";
    for (script, schedule, code) in [(errors, "0x2.1.2", "error"), (races, "0x3.1x2", "race")] {
        for model in [true, false] {
            let replay = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", schedule]);
            let ended = if model { replay.args(["--model"]) } else { replay }.finish().expect_code(1);
            assert_eq!(ended.failures(), [code], "{schedule} {model}: {}{}", ended.stdout, ended.stderr);
        }
    }
}

/// A replay is held in the middle of a turn: by a process that prints more than
/// the pipe takes which nobody reads. Then somebody is killed.
fn killed_in_the_middle(name: &str) -> support::Ended {
    let line = "x".repeat(200);
    let script = format!(
        "atomic x = 0\ntask p {{\n x = 1\n repeat 900 {{ print \"{line}\" }}\n x = 2\n}}\nspawn process p\njoin all\n"
    );
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    let args = ["replay", "--color", "never", "s.conc", "0.1x3.0x2"];
    let mut run = conc().file("s.conc", script).args(args).stdout(writer).start();
    // `p` is the last to be made.
    run.until("p is there", |run| run.processes().into_iter().find(|p| p.name == "p"));
    let victim = run.processes().into_iter().find(|p| p.name == name && (name != "conc" || p.pid == run.pid()));
    let victim = victim.expect("it is there").pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(victim), nix::sys::signal::Signal::SIGKILL).expect("it is ours");
    let ended = run.finish_killed();
    drop(reader);
    ended
}

/// Following in the model what may be ten million turns has an end like anything else.
#[test]
fn a_long_schedule_obeys_the_time_limit() {
    let script = "atomic n = 0\ntask t { loop { n = 1 } }\nspawn t\n";
    for how in [&["replay"][..], &["replay", "--model"]] {
        let all = how.iter().copied().chain(["--time-limit", "1ms", "s.conc", "0.1x3000000"]);
        let ended = conc().file("s.conc", script).args(all).finish();
        assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("conc: the time limit was reached; "), "{}", ended.stderr);
        assert!(ended.stderr.contains(" of 3000001 turns of the schedule were followed"), "{}", ended.stderr);
    }
}

#[test]
fn a_replay_that_is_killed_leaves_nothing() {
    let ended = killed_in_the_middle("conc");
    assert_eq!(ended.signal, Some(9), "{}", ended.stderr);
}

#[test]
fn a_process_killed_from_outside_ends_a_replay_with_a_sentence() {
    for name in ["p", "main"] {
        let ended = killed_in_the_middle(name).expect_code(4);
        let sentence = "a process of the script was killed from outside, and the schedule has no such turn";
        assert!(ended.stderr.contains(sentence), "{name}: {}", ended.stderr);
    }
}

#[test]
fn wrong_schedules_are_refused_with_a_reason() {
    let cases = [
        ("0y", "is no turn"),
        ("0x2.7", "there is no task 7"),
        ("0x99", "turn"),
        ("0x2.1e", "nothing stops `one`"),
        ("0x3:5", "is no turn"),
        ("0x0", "is no turn"),
        ("0:5", "`main` has nothing to choose there, so no way 5"),
        ("0x2.1:0.2", "`one` has nothing to choose there, so no way 0"),
        ("0x3", "`main` cannot go ahead there: it waits in `join one` (line 9)"),
        ("0x2.1.2.1", "`one` cannot go ahead there: it waits in `acquire b` (line 4)"),
    ];
    for (schedule, reason) in cases {
        for model in [false, true] {
            let mut args = vec!["replay", "s.conc", schedule];
            args.extend(model.then_some("--model"));
            let ended = conc().file("s.conc", TWO_LOCKS).args(&args).finish();
            assert_eq!(ended.code, Some(2), "{schedule}: {}{}", ended.stdout, ended.stderr);
            assert!(ended.stderr.contains(reason), "{schedule}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_changed_script_is_said_to_be_changed() {
    let schedule = schedule_of(TWO_LOCKS, "deadlock");
    let longer = format!("# another comment\n{TWO_LOCKS}");
    let ended = conc().file("s.conc", &longer).args(["replay", "s.conc", &schedule]).finish();
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("the schedule still fits"), "{}", ended.stderr);
    let other = "print 1\n";
    let ended = conc().file("s.conc", other).args(["replay", "s.conc", &schedule]).finish();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("the script has changed since"), "{}", ended.stderr);
}

/// Whoever reads the last line alone, or JSON, is told as well.
#[test]
fn a_changed_script_is_said_to_be_changed_in_few_words_and_in_json() {
    let schedule = schedule_of(TWO_LOCKS, "deadlock");
    let mended = TWO_LOCKS.replace("with b { with a { } }", "with b { }");
    let replay = |script: &str, args: &[&str]| {
        conc().file("s.conc", script).args([&["replay", "s.conc", &schedule], args].concat()).finish()
    };
    for mode in [&[][..], &["--model"]] {
        let quiet = replay(&mended, &[mode, &["-q"]].concat());
        assert!(quiet.stderr.contains("the script has changed since"), "{}{}", quiet.stdout, quiet.stderr);
        for (script, changed, promised) in [(TWO_LOCKS, false, Value::Bool(true)), (&mended, true, Value::Null)] {
            let ended = replay(script, &[mode, &["--format", "json"]].concat());
            assert_eq!(ended.stderr, "");
            let summary = lines(&ended.stdout).pop().unwrap_or_default();
            assert_eq!(summary["replay"]["script_changed"], changed, "{summary}");
            assert_eq!(summary["replay"]["shows_promised"], promised, "{summary}");
            assert_eq!(summary["replay"]["missing"], Value::Array(Vec::new()), "{summary}");
        }
    }
}

/// Two records of one struct, and objects that tasks make at one line, whoever is faster: the
/// lanes call each by the name of the report, and a check, a replay and a replay in the model
/// call it the same.
#[test]
fn a_thing_has_one_name_wherever_it_is_told_of() {
    let made = "\
queue q(2)
task w { let l = lock(); q.put(l) }
task t(x, y) { with x { with y { } } }
spawn w
spawn w
let x = q.get()
let y = q.get()
spawn t(x, y)
spawn t(y, x)
join all
";
    for script in [TWO_RECORDS, made] {
        let check = conc().file("s.conc", script).args(["check", "s.conc"]).env("COLUMNS", "120").finish();
        let schedule = schedule_of(script, "deadlock");
        let lanes = |text: &str| -> Vec<String> {
            let words = |l: &str| l.split_whitespace().collect::<Vec<_>>().join(" ");
            text.lines().map(words).filter(|l| l.contains(" acquire ") && !l.contains("waits")).collect()
        };
        let wanted = lanes(&check.stdout);
        assert!(wanted.iter().any(|l| l.ends_with("(2)")), "{}", check.stdout);
        for mode in [&[][..], &["--model"]] {
            let args = [&["replay", "s.conc", &schedule], mode].concat();
            let ended = conc().file("s.conc", script).args(args).env("COLUMNS", "120").finish();
            let text = ended.stdout + &ended.stderr;
            assert_eq!(lanes(&text), wanted, "{text}\n{}", check.stdout);
            for waits in check.stdout.lines().filter_map(|l| l.split_once(" waits for lock ")).map(|(_, rest)| rest) {
                assert!(text.contains(&format!("waits for lock {waits}")), "no {waits} in {text}");
            }
        }
    }
}

/// Every failure that `check` finds, replayed on real tasks and in the model.
#[track_caller]
fn every_schedule_shows_its_finding(script: &str, wanted: &[&str]) {
    assert_eq!(what_every_schedule_shows(script), wanted, "{script}");
}

/// The failures of a check, each of which its schedule has shown.
fn what_every_schedule_shows(script: &str) -> Vec<String> {
    let checked = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
    let found = findings(&checked.stdout);
    for finding in found.iter().filter(|f| f["severity"] == "failure") {
        let code = finding["code"].as_str().expect("a code").to_string();
        let schedule = finding["schedule"].as_str().expect("a schedule");
        for how in [&["replay"][..], &["replay", "--model"]] {
            let ended = conc().file("s.conc", script).args(how).args(["--format", "json", "s.conc", schedule]).finish();
            assert_eq!(ended.code, Some(1), "{how:?} {schedule}: {script}{}{}", ended.stdout, ended.stderr);
            assert!(ended.failures().contains(&code), "{how:?} {schedule}: {script}{}", ended.stdout);
        }
    }
    checked.failures()
}

/// What an object remembers of alike tasks tells them apart later.
#[test]
fn ways_of_alike_tasks() {
    let sets = "event e\natomic n = 0\nvar x = 0\ntask t { repeat 2 { e.set(); e.clear(); DEED } }\nspawn t x2\n";
    every_schedule_shows_its_finding(&format!("{}e.wait()\n", sets.replace("; DEED", "")), &["lost-wakeup"]);
    every_schedule_shows_its_finding(&sets.replace("DEED", "x += 1"), &["race"]);
    every_schedule_shows_its_finding(&format!("{}e.wait()\n", sets.replace("DEED", "n += 1")), &["lost-wakeup"]);
    let told =
        "lock m\ncondition c(m)\ntask t { repeat 2 { with m { c.notify_all() } } }\nspawn t x2\nwith m { c.wait() }\n";
    every_schedule_shows_its_finding(told, &["lost-wakeup"]);
    // Who waits for all of them does so in their order.
    let joins = "event e\nlock m\ntask t0 { e.wait()\nwith m { } }\ntask t1 { e.set() }\n\
        spawn t0 x2\nspawn t1 x2\nm.acquire()\njoin all\n";
    every_schedule_shows_its_finding(joins, &["deadlock", "abandoned-lock"]);
}

/// Of a block in one step that reads and writes, it is the access of the race that counts.
#[test]
fn the_race_of_a_block_in_one_step() {
    let script = "shared x = 0\ntask t0 { atomically { x = 1 - x } }\ntask t1 {\n    x = 1\n    if x == 0 { yield }\n}\n\
        spawn t0\nspawn t1\njoin all\n";
    every_schedule_shows_its_finding(script, &["race"]);
    let found = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
    let message = found.of_type("finding")[0]["message"].as_str().expect("a sentence").to_string();
    assert!(message.contains("writes x"), "{message}");
}

/// Who goes round comes back to where it was but for what is nobody else's affair; who has
/// only to join others that have ended does so before.
#[test]
fn ways_round() {
    let others = "atomic f = 0\ntask t { }\ntask u { while f == 0 { } }\nspawn t\nspawn u\n";
    every_schedule_shows_its_finding(&format!("{others}join all\n"), &["livelock"]);
    every_schedule_shows_its_finding(others, &["livelock"]);
    let chosen = "atomic f = 0\ntask p { loop { f = choose([0,1]) } }\nspawn p\n";
    every_schedule_shows_its_finding(chosen, &["livelock"]);
    let once = "atomic a[2] = 0\nlet k = choose(0..2)\nwhile a[k] == 0 { }\n";
    every_schedule_shows_its_finding(once, &["livelock"]);
    let tickets = "atomic nxt = 0\natomic now = 0\n\
        task t { let my = nxt; nxt = my + 1; while now != my { yield }\n    now += 1 }\nspawn t x3\njoin all\n";
    every_schedule_shows_its_finding(tickets, &["livelock"]);
    // Who has reached what since when comes to no end, and is nobody's trouble.
    let racing = "shared y = 0\ntask t { loop { y = 1 } }\nspawn t x2\njoin all\n";
    every_schedule_shows_its_finding(racing, &["race", "livelock"]);
    let busy = "var x = 0\ntask t { while x > 1 { } }\nspawn t\nx += 1\nx += 1\n";
    every_schedule_shows_its_finding(busy, &["race", "livelock"]);
    let waits = "latch l(1)\nshared y = 0\ntask t0 { y = 1 }\ntask t1 { loop { y = 1\nif l.value() == 0 { break } } }\n\
        spawn t0\nspawn t1 x2\nl.wait()\n";
    every_schedule_shows_its_finding(waits, &["deadlock", "race", "livelock"]);
    // The schedule's last turn shows a race.
    let last = "shared y = 0\ntask t { loop {\n    busy 100us\n    if y == 0 { break }\n} }\n\
        spawn process { y += 1 }\nspawn t\ny.cas(1, 2)\njoin all\n";
    every_schedule_shows_its_finding(last, &["race", "livelock"]);
    // Beside one who is stuck.
    let beside = "lock m\nvar x = 0\ntask t {\n    loop {\n        busy 100us\n        if x > 1 { break }\n    }\n    x = 2\n}\n\
        let w = spawn process t\nif m.acquire(timeout: 1ms) { with m { } }\nkill w\n";
    every_schedule_shows_its_finding(beside, &["self-deadlock", "livelock"]);
}

/// A pool's worker that is a process sees that its pool is terminated, as a thread does.
#[test]
fn workers_of_a_terminated_pool() {
    let script =
        "lock m\npool p(2) of processes\ntask t { with m { sleep 1ms } }\nsubmit t to p\np.terminate()\njoin p\n";
    every_schedule_shows_its_finding(script, &["abandoned-lock"]);
    every_schedule_shows_its_finding(&script.replace(" of processes", ""), &["abandoned-lock"]);
}

/// The finding of a check and of both replays of its schedule, word by word: wherever a circle
/// is entered, with what was held at an access within a block, and with values of any size.
#[test]
fn a_finding_is_told_in_the_same_words() {
    let scripts = [
        "shared s = 0\nlock m\ntask t { s = 5 }\nspawn t\natomically { s = 1; m.acquire() }\nm.release()\njoin all\n",
        "shared s = 0\nlock m\ntask t { s = 5 }\nspawn t\nm.acquire()\natomically { s = 1; m.release() }\njoin all\n",
        "var x = 1\ntask t { x = \"loaded\" }\nspawn t\nlet y = x\njoin all\n",
        "shared x = [1, \"a\"]\ntask t { x = [2, [\"b\", 9223372036854775807]] }\nspawn process t\nx = 2s\njoin all\n",
        "var x = \"old\"\ntask t { x = \"new\" }\nspawn t\nlet y = x\njoin all\n",
        "task t { loop { sleep 1ms } }\nspawn t\nloop { yield }\n",
        "atomic a = 0\natomic b = 0\ntask t { loop { b.load(); a.load() } }\nspawn t x2\nloop { a.load(); sleep 1ms; b.load() }\n",
        "lock m\natomic a = 1\ntask t { while a > 0 { if m.acquire(blocking: false) { m.release() }; yield } }\nspawn t\nt()\n",
    ];
    for script in scripts {
        let checked = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
        let found = checked.findings().remove(0);
        assert_eq!(found["severity"], "failure", "{script}");
        let schedule = found["schedule"].as_str().expect("a schedule");
        for how in [&["replay"][..], &["replay", "--model"]] {
            let ended = conc().file("s.conc", script).args(how).args(["--format", "json", "s.conc", schedule]).finish();
            let again = ended.findings().remove(0);
            // A run has numbers for its tasks.
            let notes = |f: &Value| -> Vec<String> {
                let all = f["notes"].as_array().into_iter().flatten().map(Value::to_string);
                all.filter(|n| !n.contains("process") && !n.contains("thread")).collect()
            };
            assert_eq!(notes(&again), notes(&found), "{how:?} {schedule}: {script}");
            for part in ["code", "message", "on", "places", "help"] {
                assert_eq!(again[part], found[part], "{part} of {how:?} {schedule}: {script}");
            }
        }
    }
}

/// Who a finding is about, beside what tells it apart.
fn about(finding: &Value) -> (Vec<String>, (String, Vec<String>, Vec<u64>)) {
    let tasks = finding["tasks"].as_array().into_iter().flatten();
    let mut names: Vec<String> = tasks.map(|t| t["name"].as_str().unwrap_or_default().to_string()).collect();
    names.sort();
    (names, essence(finding))
}

/// Every finding of a check is told by the replays of its schedule, of the same tasks.
#[track_caller]
fn every_schedule_tells_of_the_same_tasks(script: &str, check: &[&str]) {
    let checked = conc().file("s.conc", script).args(["check", "--format", "json"]).args(check).args(["s.conc"]);
    let found = findings(&checked.finish().stdout);
    assert!(!found.is_empty(), "{script}");
    for finding in found {
        let schedule = finding["schedule"].as_str().expect("a schedule");
        for how in [&["replay", "--model"][..]].iter().chain(&[&["replay"][..]; 6]) {
            let ended =
                conc().file("s.conc", script).args(*how).args(["--format", "json", "s.conc", schedule]).finish();
            let told: Vec<_> = findings(&ended.stdout).iter().map(about).collect();
            assert!(
                told.contains(&about(&finding)),
                "{how:?} {schedule}: {script}{finding}\n{}{}",
                ended.stdout,
                ended.stderr
            );
        }
    }
}

/// Tasks have their numbers in the order of the turns that make them, the workers of a pool
/// too that somebody makes who was just made himself.
#[test]
fn a_pool_that_a_new_task_makes() {
    let pool = "queue q(0)\ntask j { q.get() }\ntask t { let p = pool(1); submit j to p }\n";
    let nested = "queue q(0)\ntask j { q.get() }\ntask i { let p = pool(2); let a = submit j to p; join a }\n\
        task t { let p = pool(1); let a = submit i to p; join a }\nspawn t\nspawn i\njoin all\n";
    let fails = "task j { assert false }\ntask t { let p = pool(1); submit j to p; p.close(); join p }\n\
        spawn t\nspawn t x2\njoin all\n";
    let record = "lock m\nstruct S { pool p(1) }\ntask j { m.acquire(); m.acquire() }\n\
        task t { let s = S(); submit j to s.p }\nspawn t\nspawn t\njoin all\n";
    let processes = pool.replace("pool(1)", "pool(1, processes: true)");
    for script in [&format!("{pool}spawn t x2\njoin all\n"), nested, fails, record] {
        every_schedule_tells_of_the_same_tasks(script, &[]);
    }
    every_schedule_tells_of_the_same_tasks(&format!("{processes}spawn process t x2\njoin all\n"), &[]);
}

/// At the end of a schedule all have done what is nobody else's affair: those are told of who
/// wait then. Of alike tasks that come to the same in one turn the first is told of.
#[test]
fn those_are_told_of_whom_the_schedule_leaves_stuck() {
    every_schedule_tells_of_the_same_tasks("task t { raise \"x\" }\nspawn t x3\njoin all\n", &[]);
    let random = ["--strategy", "random", "--runs", "50"];
    let waits = "latch l(2)\nsemaphore s(1)\ntask t {\n    yield\n    l.wait()\n}\nspawn t\nspawn t x2\ns.acquire()\n";
    every_schedule_tells_of_the_same_tasks(waits, &random);
    let left = "lock m\ntask a {\n    yield\n    with m { }\n}\ntask b { m.acquire() }\nspawn a x2\nspawn b\n\
        spawn a\nyield\nwith m { }\n";
    every_schedule_tells_of_the_same_tasks(left, &random);
    every_schedule_tells_of_the_same_tasks(waits, &["--max-states", "9"]);
}

/// A circle with choices in it is told of, though much is around it.
#[test]
fn a_replay_tells_of_a_circle_with_much_around_it() {
    let script = "atomic a = 0\natomic b = 0\nlock m\nevent e\ntask t0 {\n    e.wait()\n    a = 1\n}\n\
        task t1 {\n    loop {\n        b = 1\n        m.acquire(timeout: 1ms)\n        m.release()\n    }\n}\n\
        task t2 {\n    loop {\n        let r2 = choose(0..2)\n        b = 0\n        let r3 = choose(0..2)\n        a = 0\n\
        let r4 = m.acquire(blocking: false)\n        if r4 {\n            e.set()\n            m.release()\n        }\n\
        m.acquire(blocking: false)\n    }\n}\nspawn t0\nspawn t1\nspawn t2\n";
    let checked = conc().file("script.conc", script).args(["check", "--format", "json", "script.conc"]).finish();
    for finding in checked.of_type("finding") {
        let (code, way) =
            (finding["code"].as_str().unwrap_or_default(), finding["schedule"].as_str().unwrap_or_default());
        let replay =
            conc().file("script.conc", script).args(["replay", "--model", "--format", "json", "script.conc", way]);
        let shown = replay.finish().failures();
        assert!(shown.iter().any(|c| c == code), "{code}: {way} shows {shown:?}");
    }
    assert_eq!(checked.failures(), ["error", "livelock", "starvation"]);
}

/// That a state comes again is no fault of itself, and what a run predicts of other
/// interleavings is not what a replay is asked for: nothing is told, and the exit code says so.
#[test]
fn what_is_not_told_makes_no_replay_fail() {
    let looks_again = "atomic go = false\ntask w { while not go { } }\nspawn w\ngo = true\njoin all\n";
    let opposite = "lock a\nlock b\ntask one { with a { with b { } } }\ntask two { with b { with a { } } }\n\
                    spawn one\nspawn two\njoin all\n";
    for (script, schedule) in [(looks_again, "0.1"), (opposite, "0x2.1x5.2x5.0")] {
        for options in [&["replay", "--format", "json"][..], &["replay", "--format", "json", "--model"]] {
            let ended = conc().file("s.conc", script).args(options).args(["s.conc", schedule]).finish().expect_code(0);
            assert!(ended.failures().is_empty(), "{}", ended.stdout);
        }
    }
}
