//! Deaths: `kill -9` of every kind of process in a run, and of `conc`. What the rest of the
//! run makes of it is asserted, and that nothing is left behind (which `support` looks at
//! after every run). Signals that end a run in order are in `signals`.

use crate::support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::busy::{BUSY, kill_9, start_busy};
use support::proc::{self, Process};
use support::{Ended, Random, Running, conc, run, run_json};

/// The one process of the run with this name.
fn named(run: &mut Running, name: &str) -> Process {
    run.until(&format!("a process named {name}"), |run| run.processes().into_iter().find(|p| p.name == name))
}

fn finding(ended: &Ended, code: &str) -> Value {
    let found = ended.findings().into_iter().find(|f| f["code"] == code);
    found.unwrap_or_else(|| panic!("no {code} among\n{}", ended.stdout))
}

// ------------------------------------------------------------- one at a time

#[test]
fn a_killed_process_takes_its_threads_along_and_nobody_else() {
    let mut conc = run("
        task inner { print \"inner {self.tid}\"; sleep 100s }
        task outer { spawn inner x2; print \"outer {self.pid}\"; sleep 100s }
        task bystander { sleep 20ms; print \"the bystander goes on\" }
        let p = spawn process outer
        join p
        spawn bystander
        join all
        print \"exit code {p.exit_code}, alive {p.alive}\"
    ")
    .start();
    conc.lines("inner ", 2);
    kill_9(conc.number("outer "));
    let ended = conc.finish().expect_code(0);
    assert!(ended.stdout.contains("the bystander goes on\n"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("exit code -9, alive false\n"), "{}", ended.stdout);
}

#[test]
fn a_lock_whose_holder_was_killed_is_reported_and_the_others_go_on() {
    let mut conc = run_json(
        "
        lock m
        task holder { with m { print \"holder {self.pid}\"; sleep 100s } }
        task waiter { with m { print \"never\" } }
        task bystander(h) { join h; sleep 20ms; print \"the bystander goes on\" }
        let h = spawn process holder
        spawn bystander(h)
        await m.locked()
        spawn waiter
        spawn process waiter
        ",
    )
    .start();
    let pid = pid_printed(&mut conc, "holder ");
    kill_9(pid);
    let ended = conc.finish().expect_code(1);
    assert_eq!(ended.failures(), ["abandoned-lock"], "one report, whoever comes to wait after it was told");
    let found = finding(&ended, "abandoned-lock");
    assert_eq!(found["on"], serde_json::json!(["m"]));
    let notes = found["notes"].as_array().expect("a list");
    assert!(notes.contains(&Value::from(format!("holder is process {pid}"))), "{found}");
    assert!(ended.prints().contains(&"the bystander goes on".to_string()), "{}", ended.stdout);
    assert!(!ended.prints().contains(&"never".to_string()), "{}", ended.stdout);
}

/// The number after these words in a line that a script printed in JSON.
fn pid_printed(run: &mut Running, begin: &str) -> i32 {
    run.until(&format!("print `{begin}`"), |run| {
        let text = run.stdout();
        let rest = text.split(&format!("\"text\":\"{begin}")).nth(1)?;
        rest.split_once('"')?.0.trim().parse().ok()
    })
}

#[test]
fn a_consumer_hears_that_its_producer_was_killed() {
    let mut conc = run_json(
        "
        queue q(2)
        task producer { q.put(1); print \"producer {self.pid}\"; sleep 100s; q.put(2) }
        task consumer { print \"got {q.get()}\"; q.get() }
        spawn process producer
        spawn process consumer
        ",
    )
    .start();
    let pid = pid_printed(&mut conc, "producer ");
    kill_9(pid);
    let ended = conc.finish().expect_code(1);
    assert_eq!(ended.failures(), ["deadlock"]);
    let found = finding(&ended, "deadlock");
    assert_eq!(found["on"], serde_json::json!(["q"]));
    assert!(found.to_string().contains("producer"), "the dead producer is not named: {found}");
}

/// Blocks come one after the other, also after one that was cut short.
#[test]
fn a_block_after_one_that_was_cut_short_races_with_nobody() {
    let mut conc = run_json(
        "
        shared a = 0
        event inside
        task w { atomically { inside.set(); print \"victim {self.pid}\"; loop { a += 1 } } }
        spawn process w
        inside.wait()
        atomically { a += 1 }
        print \"done\"
        ",
    )
    .start();
    kill_9(pid_printed(&mut conc, "victim "));
    let ended = conc.finish().expect_code(0);
    assert_eq!(ended.failures(), [""; 0]);
    assert!(ended.prints().contains(&"done".to_string()), "{}", ended.stdout);
}

/// As with Python's `Pool`, the job is lost; here it is said.
#[test]
fn a_job_whose_worker_was_killed_is_reported_to_who_waits_for_it() {
    let mut conc = run_json(
        "
        pool p(2) of processes
        task job(n) {
            if n == 0 { print \"job {self.pid}\"; sleep 100s }
            return n * 10
        }
        let first = submit job(0) to p
        let others = [submit job(1) to p, submit job(2) to p, submit job(3) to p]
        join others
        print \"others {others[0].result} {others[1].result} {others[2].result}\"
        join first
        ",
    )
    .start();
    let pid = pid_printed(&mut conc, "job ");
    kill_9(pid);
    let ended = conc.finish().expect_code(1);
    assert!(ended.prints().contains(&"others 10 20 30".to_string()), "{}", ended.stdout);
    let found = finding(&ended, "deadlock");
    assert!(found.to_string().contains(&pid.to_string()), "the dead worker is not named: {found}");
    assert!(found["message"].as_str().unwrap().contains("SIGKILL"), "{found}");
}

/// A job that ends its process takes the worker along, which is not replaced.
#[test]
fn a_job_that_exits_takes_its_worker_along() {
    let ended = run_json(
        "
        pool p(2) of processes
        task leaves { exit 3 }
        task job { return 5 }
        let lost = submit leaves to p
        let done = submit job to p
        p.close()
        join p
        join done
        print lost.alive, done.result
        join lost
        ",
    )
    .finish()
    .expect_code(1);
    assert_eq!(ended.prints(), ["true 5"]);
    assert_eq!(ended.failures(), ["deadlock"]);
    let found = finding(&ended, "deadlock").to_string();
    assert!(found.contains("exited with code 3"), "{found}");
}

/// Check knows it as well: what comes after the `join` is reached.
#[test]
fn check_lets_a_pool_be_joined_whose_worker_exited() {
    let script =
        "pool p(1) of processes\ntask leaves { exit 3 }\nsubmit leaves to p\np.close()\njoin p\nassert false\n";
    let check = ["check", "--format", "json", "script.conc"];
    let found = conc().args(check).file("script.conc", script).start().finish().expect_code(1);
    assert_eq!(found.failures(), ["assertion"]);
    let schedule = finding(&found, "assertion")["schedule"].as_str().expect("a schedule").to_string();
    let replay = ["replay", "--format", "json", "script.conc", &schedule];
    let replayed = conc().args(replay).file("script.conc", script).start().finish().expect_code(1);
    assert_eq!(replayed.failures(), ["assertion"]);
}

/// A worker's process ends as every other does: what its jobs have spawned has ended before,
/// and what was forked in it is told of.
#[test]
fn a_worker_s_process_waits_for_what_its_jobs_spawned() {
    let ended = run_json(
        "
        pool p(1) of processes
        event go
        shared done = 0
        task child { go.wait(); done = 1 }
        task job { if fork() == 0 { exit 3 }; spawn process child }
        submit job to p
        p.close()
        print join p for 20ms
        go.set()
        join p
        print done
        ",
    )
    .finish()
    .expect_code(0);
    assert_eq!(ended.prints(), ["false", "1"]);
    // It may be on its way still.
    let notes = ended.notes();
    assert!(notes == ["zombie"] || notes == ["orphan"], "{}", ended.stdout);
    assert!(finding(&ended, &notes[0]).to_string().contains("p.worker#0"), "{}", ended.stdout);
}

/// With the thread's code, or the job's, ends the process of who was forked in it: as every
/// process does, with 1 if it failed and with its daemons.
#[test]
fn who_was_forked_in_a_thread_or_a_job_ends_its_process() {
    for (fails, code) in [("raise \"x\"", 1), ("let x = 1 / 0", 1), ("return 7", 0), ("exit 4", 4)] {
        let body = format!("if fork() == 0 {{ spawn daemon {{ sleep 100s }}\n{fails} }}\nprint wait()");
        let thread = format!("task t {{ {body} }}\nlet h = spawn t\njoin h");
        let jobs = ["", " of processes"]
            .map(|of| format!("pool p(1){of}\ntask t {{ {body} }}\nsubmit t to p\nlet b = submit t to p\njoin b"));
        for (script, count) in [(&thread, 1), (&jobs[0], 2), (&jobs[1], 2)] {
            let ended = run_json(script).finish();
            assert_eq!(ended.prints(), vec![code.to_string(); count], "{script}: {}", ended.stdout);
        }
    }
}

/// Whoever has been told that he can go on does, though who told it died before all of them
/// were awake: killed by the first of them, by its own hand, or with its process, which had
/// nothing left to do.
#[test]
fn who_was_told_by_one_that_died_goes_on() {
    let first_kills = |made: &str, tell: &str, wait: &str| {
        let process = format!("let w = spawn process {{ sleep 1ms; {tell}; sleep 1s }}\n");
        format!("{made}\n{process}spawn {{ {wait}; kill w }}\nspawn {{ {wait} }}\nspawn {{ {wait} }}\njoin all\n")
    };
    let foreign = "queue hs\nspawn process { let t = spawn { sleep 2ms; return 5 }; hs.put(t) }\nlet h = hs.get()\n";
    let scripts = [
        first_kills("event e", "e.set()", "e.wait()"),
        first_kills("event e", "e.set()", "e.wait()").replace("kill w", "terminate w"),
        first_kills("latch l(1)", "l.count_down()", "l.wait()"),
        first_kills("semaphore s(0)", "s.release(3)", "s.acquire()"),
        first_kills("queue q", "q.close()", "q.get()"),
        first_kills("barrier b(4)", "b.wait()", "b.wait()"),
        first_kills("queue q(0)", "q.close()", "select { q.get() => { } }"),
        "event e\nspawn process { sleep 1ms; e.set(); kill self }\nrepeat 4 { spawn { e.wait() } }\njoin all\n"
            .to_string(),
        format!("{foreign}join h\n"),
        format!("{foreign}select {{ join h => {{ }} }}\n"),
        foreign.replace("hs.put(t) }", "hs.put(t); join t; exit 0 }") + "join h\nprint h.result\n",
    ];
    for script in scripts {
        for _ in 0..12 {
            let ended = run_json(&script).finish();
            assert_eq!(ended.failures(), Vec::<String>::new(), "{script}\n{}", ended.stdout);
            assert_eq!(ended.code, Some(0), "{script}\n{ended:?}");
        }
    }
}

/// A process that is forked while threads beside it begin and end can have threads itself.
#[test]
fn a_fork_beside_threads_that_begin_and_end_leaves_its_child_whole() {
    let script = "repeat 150 {\nlet p = pool(3)\nlet v = spawn process { let t = spawn { return 1 }; join t }\n\
                  let w = spawn process { let t = spawn { return 1 }; join t }\np.close()\njoin [v, w]\njoin p\n}\n";
    for _ in 0..8 {
        run_json(script).finish().expect_code(0);
    }
}

/// A daemon that has no processor for a while is on its way to where it stays all the same.
#[test]
fn a_daemon_that_gets_no_processor_is_waited_for() {
    let script = "event go\nevent never\nlock m\ntask f { while not go.is_set() { sleep 50ms }\n never.wait() }\n\
                  task gate { sleep 100s }\nspawn process daemon f\nlet opens = spawn process gate\njoin opens\ngo.set()\n\
                  print \"main {self.pid}\"\nm.acquire()\nm.acquire()\n";
    let mut conc = run_json(script).args(["--repeat", "1"]).start();
    let (daemon, gate) = (named(&mut conc, "f"), named(&mut conc, "gate"));
    // Who sleeps holds nothing that `go.set()` needs.
    conc.until("the daemon sleeps", |_| proc::process(daemon.pid).filter(|p| p.state == 'S'));
    kill(Pid::from_raw(daemon.pid), Signal::SIGSTOP).expect("it is there");
    conc.until("the daemon stands", |_| proc::process(daemon.pid).filter(|p| p.state == 'T'));
    kill_9(gate.pid);
    let main = pid_printed(&mut conc, "main ");
    conc.until("main waits for good", |_| proc::process(main).filter(|p| p.state == 'S'));
    // Whoever watches has looked at them so since.
    let watcher = conc.pid();
    let looked = |least: u64| proc::waits(watcher, watcher).filter(|waits| *waits >= least);
    let by_now = looked(0).expect("conc is there");
    conc.until("conc has looked several times", |_| looked(by_now + 20));
    kill(Pid::from_raw(daemon.pid), Signal::SIGCONT).expect("it is there");
    let ended = conc.finish().expect_code(1);
    assert_eq!(ended.of_type("outcome")[0]["ended"]["f"], "stuck", "{}", ended.stdout);
}

/// What its own process waits for at its end is not joined less for that by another.
#[test]
fn a_process_that_waits_at_its_end_takes_no_result_back() {
    let script = "atomic bad = 0\nrepeat 400 {\nlet m = spawn process {\nlet t = spawn { return 5 }\n\
                  spawn { join t; try { assert t.result == 5 } catch Type as e { bad += 1 } }\n}\njoin m\n}\nprint bad\n";
    let ended = run_json(script).finish().expect_code(0);
    assert_eq!((ended.prints(), ended.notes()), (vec!["0".to_string()], vec![]));
}

/// A signal that tells of a fault ends a process of the script as any other signal does, if
/// somebody has sent it.
#[test]
fn who_is_aborted_from_outside_ends_alone() {
    for signal in [Signal::SIGABRT, Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE] {
        let mut conc = run_json(
            "
            let h = spawn process { print \"child {self.pid}\"; sleep 100s }
            join h
            print \"code {h.exit_code}\"
            ",
        )
        .start();
        let child = pid_printed(&mut conc, "child ");
        kill(Pid::from_raw(child), signal).expect("the process is there");
        let ended = conc.finish().expect_code(0);
        assert!(ended.prints().contains(&format!("code {}", -(signal as i32))), "{signal}: {}", ended.stdout);
    }
}

#[test]
fn clients_of_a_killed_manager_get_closed() {
    let mut conc = run("
        queue q via manager
        lock m
        condition on(m)
        atomic told = 0
        atomic ready = 0
        task client {
            try { q.get() } catch Closed as e { print \"{self.name}: {e.kind}\"; told += 1 }
            # Its place in the queue's list is free for another wait.
            with m { ready += 1; on.wait() }
        }
        spawn client x2
        spawn process client x2
        print \"all spawned\"
        while told < 4 { sleep 1ms }
        if told > 4 { q.put(\"as far as conc can know, main might put\") }
        await ready == 4
        with m { on.notify_all() }
        join all
    ")
    .start();
    conc.line("all spawned");
    kill_9(named(&mut conc, "manager").pid);
    let ended = conc.finish().expect_code(0);
    assert_eq!(ended.stdout.matches(": Closed\n").count(), 4, "{}", ended.stdout);
}

/// A block in one step operates on the queue itself, and yet not on one that is gone;
/// what is looked at from outside neither.
#[test]
fn blocks_in_one_step_get_closed_too() {
    let mut conc = run("
        queue q via manager
        invariant q.qsize() < 5 and x < 3
        shared x = 0
        task client {
            try { q.put(2) } catch Closed { print \"{self.name}: ended\" }
            try { atomically { q.put(2); print \"went ahead\" } } catch Closed as e { print \"{self.name}: {e}\" }
            try { atomically { q.get() } } catch Closed as e { print \"{self.name}: {e}\" }
        }
        q.put(1)
        atomically { q.put(1); assert q.get() == 1 }
        # Who might put: until the manager is killed nobody is stuck.
        spawn daemon { sleep 1000s; q.put(1) }
        print \"here\"
        try { q.get(); q.get() } catch Closed { }
        let t = spawn client
        join t
        let p = spawn process client
        join p
        x = 1
    ")
    .start();
    conc.line("here");
    kill_9(named(&mut conc, "manager").pid);
    let ended = conc.finish().expect_code(1).expect_stderr("it ends with Closed: the manager of queue q");
    let told = ended.stdout.matches(": Closed: the manager of queue q has ended\n").count();
    assert!(told == 4 && ended.stdout.matches(": ended\n").count() == 2, "{}", ended.stdout);
    assert!(!ended.stdout.contains("went ahead"), "{}", ended.stdout);
}

#[test]
fn a_killed_guard_ends_the_run_and_conc_says_so() {
    // The system kills the others with it: whoever is seen dead first.
    for _ in 0..40 {
        let mut conc = run("print \"here\"; sleep 100s").start();
        conc.line("here");
        kill_9(named(&mut conc, "conc-guard").pid);
        conc.finish().expect_code(4).expect_stderr("guard");
    }
}

/// `pkill -9 conc` takes both; a guard that is stopped does nothing.
#[test]
fn a_guard_that_can_do_nothing_leaves_no_process() {
    for (signal, both) in [(Signal::SIGKILL, true), (Signal::SIGSTOP, false), (Signal::SIGKILL, false)] {
        let mut conc = run("
            queue q via manager
            task child { spawn { loop { } }; print \"child {self.pid}\"; q.get() }
            spawn process child x3
            fork()
            loop { }
        ")
        .start();
        conc.lines("child ", 3);
        let guard = named(&mut conc, "conc-guard").pid;
        let first = if both { conc.pid() } else { guard };
        let _ = kill(Pid::from_raw(first), if both { Signal::SIGKILL } else { signal });
        let second = if both { guard } else { conc.pid() };
        let _ = kill(Pid::from_raw(second), Signal::SIGKILL);
        conc.finish_killed();
    }
}

#[test]
fn what_main_spawned_ends_with_a_killed_main() {
    let mut conc = run("
        task child { print \"child {self.pid}\"; sleep 100s }
        spawn process child x3
        spawn child
        print \"main {self.pid}\"
        sleep 100s
    ")
    .start();
    conc.lines("child ", 4);
    kill_9(conc.number("main "));
    conc.finish().expect_code(4).expect_stderr("conc: main was ended by SIGKILL from outside the script");
}

#[test]
fn a_script_that_kills_its_own_main_has_come_to_its_end() {
    let ended = run("
        task killer(victim) { kill victim; sleep 100s }
        spawn process killer(self)
        sleep 100s
    ")
    .finish()
    .expect_code(0);
    assert!(!ended.stderr.contains("from outside"), "{}", ended.stderr);
}

/// `finally` looks in the memory of `main`.
#[test]
fn after_a_killed_main_nothing_is_asserted() {
    let script = "var x = 0\nlet me = self\nkill me\nfinally { assert x == 1 }\n";
    for command in ["run", "check"] {
        let file = |c: support::Conc| c.file("script.conc", script);
        file(conc().args([command, "script.conc"])).start().finish().expect_code(0);
    }
}

#[test]
fn findings_come_before_a_killed_main_in_the_exit_code() {
    let mut conc = run("
        lock m
        m.acquire()
        if fork() == 0 {
            print \"child here\"
            m.acquire()
        }
        print \"main {self.pid}\"
        sleep 100s
    ")
    .start();
    conc.line("child here");
    kill_9(conc.number("main "));
    let ended = conc.finish().expect_code(1).expect_stderr("conc: main was ended by SIGKILL");
    ended.expect_stderr("abandoned-lock");
}

#[test]
fn a_forked_child_outlives_a_killed_main() {
    let mut conc = run_json(
        "
        let pid = fork()
        if pid == 0 {
            let parent = self.ppid
            print \"child {self.pid}\"
            while self.ppid == parent { sleep 1ms }
            print \"adopted by {self.ppid}\"
            exit
        }
        print \"main {self.pid}\"
        sleep 100s
    ",
    )
    .start();
    pid_printed(&mut conc, "child ");
    kill_9(pid_printed(&mut conc, "main "));
    let conc_pid = conc.pid();
    let ended = conc.finish().expect_code(4);
    assert!(ended.prints().contains(&format!("adopted by {conc_pid}")), "{}", ended.stdout);
    // Unless it has ended before conc has looked at main's death.
    assert!(ended.notes().iter().all(|n| n == "orphan"), "{}", ended.stdout);
}

// ------------------------------------------------------ many, at any moment

/// Whoever is killed, and whatever it held: the run comes to its end by
/// itself, and no task sees what only a broken object could show it.
#[test]
fn any_process_may_be_killed_at_any_moment() {
    let mut random = Random::new("any_process_may_be_killed_at_any_moment");
    for round in 0..30 {
        // Pauses between steps make the moments in the middle of things longer.
        let options: &[&str] = if round % 3 == 0 { &["--shake"] } else { &[] };
        let conc = start_busy(100, options);
        random.pause(30_000);
        let mut processes = conc.processes();
        processes.retain(|p| p.pid != conc.pid());
        if processes.is_empty() {
            conc.finish().expect_code(0);
            continue;
        }
        let victim = processes.swap_remove(random.below(processes.len() as u64) as usize);
        // It may have ended in the meantime.
        let _ = kill(Pid::from_raw(victim.pid), Signal::SIGKILL);
        assert_sound_end(&conc.finish(), &victim, round);
    }
}

fn assert_sound_end(ended: &Ended, victim: &Process, round: u32) {
    let told = || format!("round {round}, killed {}\n{}\n{}", victim.describe(), ended.stdout, ended.stderr);
    let codes: &[i32] = match victim.name.as_str() {
        // It gives itself its name once it comes to run.
        "conc-guard" | "conc" => &[0, 4],
        "main" => &[0, 1, 4],
        _ => &[0, 1],
    };
    assert!(ended.code.is_some_and(|c| codes.contains(&c)), "exit code {:?}, {}", ended.code, told());
    let failures = ended.failures();
    assert!(!failures.iter().any(|f| f == "assertion" || f == "race" || f == "self-deadlock"), "{}", told());
    // Only the manager's clients have an error to get.
    assert!(victim.name == "manager" || !failures.iter().any(|f| f == "error"), "{}", told());
}

#[test]
fn conc_may_be_killed_at_any_moment() {
    let mut random = Random::new("conc_may_be_killed_at_any_moment");
    for _ in 0..25 {
        let conc = start_busy(1_000_000, &[]);
        random.pause(20_000);
        conc.signal(Signal::SIGKILL);
        assert_eq!(conc.finish_killed().signal, Some(Signal::SIGKILL as i32));
    }
}

/// From the very beginning on: before, while and after the run is set up.
#[test]
fn conc_may_be_killed_while_it_starts() {
    let mut random = Random::new("conc_may_be_killed_while_it_starts");
    for _ in 0..60 {
        let conc = run_json(BUSY).start();
        random.pause(12_000);
        conc.signal(Signal::SIGKILL);
        conc.finish_killed();
    }
}

// ------------------------------------------------- ends between two deeds

fn shaken(script: &str, runs: u32) -> Ended {
    let runs = runs.to_string();
    let run = ["run", "--format", "json", "--repeat", &runs, "--shake", "script.conc"];
    conc().args(run).file("script.conc", script).start().finish()
}

/// Processes are killed with the gate of `atomically` in their hands; the others, and who
/// buries the dead, wait for none of them.
#[test]
fn daemons_that_end_in_atomic_blocks_keep_no_run_from_its_end() {
    let scripts = [
        "var x = 0\ntask t { atomically { x += 1 } }\nspawn daemon process t x2\n",
        "shared x = 0\ntask t { loop { atomically { x += 1 } } }\nspawn daemon process t x3\nsleep 1ms\n",
        "queue q via manager\nshared x = 0\ntask t { loop { q.put(1); atomically { x += 1 }; q.get() } }\n\
         spawn daemon process t x3\nsleep 1ms\n",
    ];
    for script in scripts {
        let run = ["run", "--format", "json", "--repeat", "200", "--shake", "script.conc"];
        conc().args(run).file("script.conc", script).start().finish().expect_code(0);
    }
}

/// What a daemon holds at the end is wanted by nobody, also if it asks a manager then.
#[test]
fn a_daemon_s_lock_is_not_told_of_when_all_ends_while_it_asks_a_manager() {
    let asks = "with a { try { q.get_nowait() } catch Empty { } }";
    for task in [asks, "with a { q.get() }"] {
        let script = format!(
            "lock a\nqueue q via manager\ntask t {{ {task} }}\nspawn daemon t x2\nspawn process {{ sleep 1ms }}\n"
        );
        shaken(&script, 300).expect_clean();
    }
}

/// A process that is ended on its way to a `fork` has no child: nothing is told of one.
#[test]
fn who_ends_before_its_fork_has_no_child() {
    let script = "
        event e
        task t {
            if fork() == 0 { e.wait(); exit 0 }
            sleep 100s
        }
        let w = spawn process t
        terminate w
        join w
    ";
    let ended = shaken(script, 150);
    for outcome in ended.of_type("outcome") {
        let child = outcome["ended"].get("t.fork#1").and_then(Value::as_str);
        assert!(matches!(child, None | Some("stuck" | "returned")), "{outcome}");
    }
}

/// Who is at a job without end when all others are stuck has come to no end.
#[test]
fn a_worker_s_endless_job_is_told_as_cut_short() {
    let script = "
        pool p(2)
        queue q(2)
        semaphore s(0)
        task goes_round { for i in q { q.put(1) } }
        submit goes_round to p
        q.put(1)
        s.acquire()
    ";
    let ended = shaken(script, 3).expect_code(1);
    let outcomes = ended.of_type("outcome");
    let all = |outcome: &Value| outcome["ended"].to_string();
    assert!(!outcomes.is_empty());
    for outcome in &outcomes {
        assert_eq!(outcome["ended"]["main"], "stuck");
        assert_eq!(all(outcome).matches("cut short").count(), 1, "{outcome}");
    }
}

#[test]
fn a_killed_manager_is_no_reason_to_close() {
    let mut conc = run("
        queue q via manager
        task feeder { sleep 100s; q.put(1) }
        spawn daemon feeder
        print \"waiting\"
        q.get()
    ")
    .start();
    conc.line("waiting");
    kill_9(named(&mut conc, "manager").pid);
    let ended =
        conc.finish().expect_code(1).expect_stderr("the manager of").expect_stderr("manager's process is killed");
    assert!(!ended.stderr.contains("`close` once"), "{}", ended.stderr);
}

/// Whoever is killed in the middle of a change of memory keeps nobody from it.
#[test]
fn killed_in_the_middle_of_a_change() {
    let script = "shared x = 0\ntask w { loop { x += 1 } }\nrepeat 150 {\n    let h = spawn process w\n    \
                  let g = spawn process w\n    x += 1\n    kill h\n    x += 1\n    kill g\n    join h\n    join g\n    \
                  x += 1\n}\n";
    let ended = support::conc().file("s.conc", script).args(["run", "--format", "json", "s.conc"]).finish();
    assert!(ended.failures().iter().all(|c| c == "race"), "{}", ended.stdout);
    assert_eq!(ended.of_type("summary")[0]["tasks"], 301, "{}", ended.stdout);
}
