//! What runs is real: the kernel knows the tasks as threads and processes,
//! under their names and numbers, and who waits costs no processor time.

use crate::support;

use nix::sys::signal::Signal;
use support::proc::{self, Thread};
use support::{Running, run, run_json};

/// `name pid tid ppid`, as a script's task prints it of itself.
const WHO: &str = "\"is {self.name} {self.pid} {self.tid} {self.ppid}\"";

struct Who {
    name: String,
    pid: i32,
    tid: i32,
    ppid: i32,
}

fn who(run: &mut Running, count: usize) -> Vec<Who> {
    let parse = |line: String| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |i: usize| words[i].parse().expect("a number");
        Who { name: words[0].to_string(), pid: number(1), tid: number(2), ppid: number(3) }
    };
    run.lines("is ", count).into_iter().map(parse).collect()
}

fn find<'a>(all: &'a [Who], name: &str) -> &'a Who {
    all.iter().find(|w| w.name == name).unwrap_or_else(|| panic!("{name} has not printed"))
}

fn end(run: Running) {
    run.signal(Signal::SIGINT);
    run.finish().expect_code(130);
}

#[test]
fn ps_shows_each_task_under_its_name() {
    let script = "
        task worker { print WHO; sleep 100s }
        task outer { spawn worker x2; print WHO; sleep 100s }
        spawn worker as \"anna\"
        spawn worker as \"a name that is far too long\"
        spawn worker as \"Łukasz\"
        spawn process outer x2
        print WHO
        sleep 100s
    ";
    let mut run =
        run(script.replace("\"a name that is far too long\"", "\"a-name-that-is-far-too-long\"").replace("WHO", WHO))
            .start();
    for w in who(&mut run, 10) {
        // The kernel keeps 15 bytes.
        let mut shown = w.name.clone();
        while shown.len() > 15 {
            shown.pop();
        }
        let thread = proc::thread(w.pid, w.tid).expect("the thread is there");
        assert_eq!(thread.name, shown);
    }
    let names: Vec<String> = run.processes().into_iter().map(|p| p.name).collect();
    for name in ["conc", "conc-guard", "main", "outer#0", "outer#1"] {
        assert!(names.iter().any(|n| n == name), "{name} among {names:?}");
    }
    assert_eq!(names.len(), 5, "{names:?}");
    end(run);
}

#[test]
fn the_workers_of_pools_and_the_manager_have_names() {
    let mut run = run("
        queue q via manager
        pool threads(2)
        pool procs(2) of processes
        print \"main {self.pid}\"
        sleep 100s
    ")
    .start();
    let main = run.number("main ");
    run.until("the workers' threads", |_| {
        let workers = proc::threads(main).into_iter().filter(|t| t.name == "threads.worker#");
        (workers.count() == 2).then_some(())
    });
    run.until("the other processes", |run| {
        let names: Vec<String> = run.processes().into_iter().map(|p| p.name).collect();
        let both = ["procs.worker#0", "procs.worker#1", "manager"].iter().all(|n| names.contains(&n.to_string()));
        both.then_some(())
    });
    end(run);
}

#[test]
fn numbers_are_those_of_the_kernel() {
    let script = "
        task inner { print WHO; sleep 100s }
        task outer { spawn inner; spawn process inner as \"below\"; print WHO; sleep 100s }
        spawn inner as \"thread\"
        spawn process outer
        print WHO
        sleep 100s
    ";
    let mut run = run(script.replace("WHO", WHO)).start();
    let all = who(&mut run, 5);
    let (main, outer) = (find(&all, "main"), find(&all, "outer"));
    assert_eq!(find(&all, "thread").pid, main.pid);
    assert_eq!(find(&all, "inner").pid, outer.pid);
    assert_eq!(main.ppid, run.pid(), "conc forked main");
    assert_eq!(outer.ppid, main.pid, "who spawns a process is its parent");
    assert_eq!(find(&all, "below").ppid, outer.pid);
    for w in &all {
        let process = proc::process(w.pid).expect("the process is there");
        assert_eq!((process.pid, process.ppid), (w.pid, w.ppid), "{}", w.name);
        assert!(proc::thread(w.pid, w.tid).is_some(), "{} has a thread {}", w.name, w.tid);
        let is_first = !["thread", "inner"].contains(&w.name.as_str());
        assert_eq!(w.tid == w.pid, is_first, "{}: the first thread of a process has its number", w.name);
    }
    end(run);
}

#[test]
fn children_are_of_the_process_and_those_from_one_place_are_told_of_together() {
    let script = "let me = self.pid
        repeat 30 {
            if fork() == 0 {
                while self.ppid == me { sleep 1ms }
                exit
            }
        }
        spawn { exit 9 }
        sleep 1000s";
    let ended = run_json(script).finish().expect_code(0);
    let found = ended.findings();
    assert_eq!(ended.notes(), ["orphan"], "{}", ended.stdout);
    assert_eq!(found[0]["message"], "main.fork#1 outlived its parent main, which exited with code 9");
    assert_eq!(found[0]["count"], 30);
    assert!(found[0]["notes"].to_string().contains("and 29 more like it"), "{}", found[0]);
}

/// Also of several parents that were made at one place; from another place it is another note.
#[test]
fn children_of_alike_parents_are_one_note() {
    let script = "lock m\ntask w { if fork() == 0 { m.acquire() } }\nm.acquire()\n\
                  repeat 20 { let h = spawn process w; join h }\nlet h = spawn process w\njoin h\nm.release()\n";
    let ended = run_json(script).finish();
    assert_eq!(ended.notes(), ["orphan", "orphan"], "{}", ended.stdout);
    let counts: Vec<u64> =
        ended.findings().iter().filter(|f| f["code"] == "orphan").map(|f| f["count"].as_u64().unwrap_or(0)).collect();
    assert_eq!(counts, [20, 1], "{}", ended.stdout);
}

#[test]
fn a_forked_child_is_its_parents_and_as_an_orphan_conc_s() {
    let mut run = run("
        task parent {
            let pid = fork()
            if pid == 0 {
                let first = self.ppid
                print \"child {self.pid} of {first}\"
                while self.ppid == first { sleep 1ms }
                print \"orphan of {self.ppid}\"
                exit
            }
            print \"parent {self.pid} forked {pid}\"
            sleep 30ms
        }
        spawn process parent
    ")
    .start();
    let parent = run.line("parent ");
    let child = run.line("child ");
    let conc = run.pid();
    let ended = run.finish().expect_code(0);
    let (parent_pid, child_pid) = parent.split_once(" forked ").unwrap();
    assert_eq!(child, format!("{child_pid} of {parent_pid}"));
    assert!(ended.stdout.ends_with(&format!("orphan of {conc}\n")), "{}", ended.stdout);
}

/// A task that waits sleeps in the kernel, whatever it waits for.
#[test]
fn waiting_costs_no_processor_time() {
    let mut run = run("
        lock m
        rwlock rw
        semaphore s(0)
        condition c(n)
        lock n
        event e
        latch l(1)
        barrier b(2)
        queue q
        queue full(0)
        queue far via manager
        var x = 0
        task w_lock { m.acquire(); m.release() }
        task w_read { rw.acquire_read(); rw.release_read() }
        task w_sema { s.acquire() }
        task w_cond { with n { c.wait() } }
        task w_event { e.wait() }
        task w_latch { l.wait() }
        task w_barrier { b.wait() }
        task w_get { q.get() }
        task w_put { full.put(1) }
        task w_far { far.get() }
        task w_await { await x == 1 }
        task w_sleep { sleep 100s }
        task w_select { select { v = q.get() => { } e.wait() => { } after 100s => { } } }
        task w_long { e.wait(timeout: 100s) }
        m.acquire()
        rw.acquire_write()
        let ts = [spawn w_lock, spawn w_read, spawn w_sema, spawn w_cond, spawn w_event, spawn w_latch,
            spawn w_barrier, spawn w_get, spawn w_put, spawn w_far, spawn w_await, spawn w_sleep, spawn w_select,
            spawn w_long, spawn process w_lock, spawn process w_sema, spawn process w_event, spawn process w_get]
        print \"main {self.pid}\"
        sleep 100s
        if x == 0 {
            m.release(); rw.release_write(); s.release(2); with n { c.notify() }; e.set(); l.count_down()
            b.wait(); q.put(1); q.put(2); full.get(); far.put(1); x = 1
        }
        join ts
    ")
    .start();
    let main = run.number("main ");
    let waiters = |run: &Running| -> Vec<(i32, Thread)> {
        let pids = run.processes().into_iter().map(|p| p.pid);
        let all = pids.flat_map(|pid| proc::threads(pid).into_iter().map(move |t| (pid, t)));
        all.filter(|(pid, t)| t.name.starts_with("w_") || *pid == main).collect()
    };
    let before = run.until("all are asleep", |run| {
        let found = waiters(run);
        (found.len() == 19 && found.iter().all(|(_, t)| t.state == 'S')).then_some(found)
    });
    while_another_computes();
    for (pid, thread) in before {
        let now = proc::thread(pid, thread.tid).expect("it waits still");
        // One tick: the kernel may round up what came before.
        assert!(now.ticks <= thread.ticks + 1, "{} took {} ticks", thread.name, now.ticks - thread.ticks);
    }
    end(run);
}

/// While nothing happens conc itself sleeps too.
#[test]
fn conc_itself_is_idle_while_nothing_happens() {
    let mut run = run("task t { sleep 100s }\nspawn t x3\nspawn process t x3\nprint \"slept\"\nsleep 100s").start();
    run.line("slept");
    run.until("all are asleep", |run| {
        let threads: Vec<Thread> = run.processes().iter().flat_map(|p| proc::threads(p.pid)).collect();
        let tasks = threads.iter().filter(|t| t.name.starts_with("t#")).count();
        (tasks == 6 && threads.iter().all(|t| t.state == 'S')).then_some(())
    });
    let pid = run.pid();
    let ticks = |pid| proc::thread(pid, pid).expect("conc is there").ticks;
    let before = ticks(pid);
    while_another_computes();
    assert!(ticks(pid) - before <= 3, "{} of 50 ticks", ticks(pid) - before);
    end(run);
}

/// Half a second of processor time goes by in a run beside the one that is looked at, however
/// long that takes here.
fn while_another_computes() {
    run("busy 500ms").finish().expect_code(0);
}

/// Tasks that compute run at the same time as far as the machine lets them: none gives its
/// processor away to wait for another. Those under one interpreter lock do, at each turn.
#[test]
fn computing_tasks_run_at_the_same_time() {
    for (kind, args, takes_turns) in
        [("spawn", &[][..], false), ("spawn process", &[], false), ("spawn", &["--gil"], true)]
    {
        let script =
            "task t { print \"computes {self.pid} {self.tid}\"; busy 100s }\nSPAWN t x2\n".replace("SPAWN", kind);
        let mut run = run(script).args(args).start();
        let number = |n: &str| n.parse::<i32>().expect("a number");
        let pair =
            |line: String| line.split_once(' ').map(|(pid, tid)| (number(pid), number(tid))).expect("two numbers");
        let tasks: Vec<(i32, i32)> = run.lines("computes ", 2).into_iter().map(pair).collect();
        let ticks = || tasks.iter().map(|t| proc::thread(t.0, t.1).expect("it computes").ticks).collect::<Vec<u64>>();
        let waits = || tasks.iter().map(|t| proc::waits(t.0, t.1).expect("it computes")).sum::<u64>();
        // What each has computed since, in ticks of 10 ms.
        let both_compute = |run: &mut Running, since: Vec<u64>, much: u64| {
            run.until("both compute", |_| {
                ticks().iter().zip(&since).all(|(now, then)| now - then >= much).then_some(())
            });
        };
        both_compute(&mut run, ticks(), 2);
        let before = waits();
        both_compute(&mut run, ticks(), 10);
        assert_eq!(waits() > before, takes_turns, "{kind} {args:?}: they waited {} times", waits() - before);
        end(run);
    }
}

/// `busy` is processor time, not time on the wall.
#[test]
fn busy_takes_that_much_processor_time() {
    let mut run = run("busy 300ms\nprint \"busy {self.pid} {self.tid}\"\nsleep 100s").start();
    let line = run.line("busy ");
    let (pid, tid) = line.split_once(' ').unwrap();
    let ticks = proc::thread(pid.parse().unwrap(), tid.parse().unwrap()).expect("main is there").ticks;
    assert!((28..40).contains(&ticks), "{ticks} ticks of 10 ms");
    end(run);
}

/// What is told of a task names it; a run and an exploration refuse alike what they
/// cannot tell it by.
#[test]
fn a_task_has_a_name() {
    let script = "let name = \"\"\nlet said = []\n\
                  try { spawn { print 1 } as name } catch Type as e { said = said + [e.message] }\n\
                  try { spawn { print 1 } as \"{name} \" } catch Type as e { said = said + [e.message] }\n\
                  let w = spawn { } as \"{name}.\"\njoin w\nprint said + [w.name]\n";
    let says = "[\"a task's name is not empty\", \"a task's name is not empty\", \".\"]";
    let ended = run(script).finish().expect_code(0);
    assert_eq!(ended.stdout, format!("{says}\n"));
    let check = support::conc().file("script.conc", script).args(["check", "--format", "json", "script.conc"]);
    let checked = check.finish().expect_code(0);
    let outcomes = checked.of_type("outcome");
    assert_eq!(outcomes.len(), 1, "{}", checked.stdout);
    assert_eq!(outcomes[0]["prints"]["main"], says, "{}", checked.stdout);
}
