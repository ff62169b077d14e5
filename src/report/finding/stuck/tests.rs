//! Reports on tasks that never go on, as they are printed: circles, roots and
//! those behind them.

use super::super::fixture::*;
use crate::detect::finding::*;
use crate::report::Source;

const DINNER: &str = "\
lock fork[5]
task philosopher(i) {
fork[i].acquire()
fork[(i + 1) % 5].acquire()
fork[(i + 1) % 5].release()
fork[i].release()
}
for i in 0..5 { spawn philosopher(i) as \"p{i}\" }
";

fn dinner(people: u32) -> (Source, Finding) {
    let source = Source::new("dinner.conc", DINNER);
    let spawned = Some(at(&source, "spawn philosopher(i)", 0));
    let first = at(&source, "fork[i].acquire()", 0);
    let task = |i: u32| thread(i % people + 1, &format!("p{}", i % people), spawned);
    let sit = |i: u32| {
        let held = Reason::HeldBy { task: task(i + 1), mode: Mode::Exclusive, since: Some(first) };
        let next = wait("acquire", "lock", &format!("fork[{}]", (i + 1) % people), vec![held]);
        let span = at(&source, "fork[(i + 1) % 5].acquire()", 0);
        waiting(task(i), span, vec![next], vec![holds(&format!("fork[{i}]"), first)])
    };
    let found = stuck(Code::Deadlock, (0..people).map(sit).collect(), vec![]);
    (source, found)
}

#[test]
fn a_circle_of_two() {
    let (source, found) = dinner(2);
    insta::assert_snapshot!(text(&source, &found), @r#"
    error[deadlock]: p0 and p1 wait for each other
       ╭─[dinner.conc:4:1]
     2 │ task philosopher(i) {
     3 │ fork[i].acquire()
       · ────────┬────────
       ·         ╰─┤ p0 holds fork[0] since here
       ·           │ p1 holds fork[1] since here
     4 │ fork[(i + 1) % 5].acquire()
       · ─────────────┬─────────────
       ·              ╰─┤ p0 waits for lock fork[1]
       ·                │ p1 waits for lock fork[0]
     5 │ fork[(i + 1) % 5].release()
     6 │ fork[i].release()
     7 │ }
     8 │ for i in 0..5 { spawn philosopher(i) as "p{i}" }
       ·                 ──────────┬─────────
       ·                           ╰── main spawned p0 and p1 here
       ╰────
      = circle: ╭─▶ p0 ── lock fork[1] ──▶ p1 ── lock fork[0] ─╮
                ╰──────────────────────────────────────────────╯
                p0 holds fork[0] since line 3 and waits for fork[1] at line 4,
                  held by p1
                p1 holds fork[1] since line 3 and waits for fork[0] at line 4,
                  held by p0
      = note: no task can go on
      = tasks: p0 and p1 are threads of process 4711
      = help: take the locks in one order everywhere: fork[0] before fork[1]
      = explain: conc explain deadlock
    "#);
}

#[test]
fn a_circle_of_hundred() {
    let (source, found) = dinner(100);
    insta::assert_snapshot!(text(&source, &found), @r#"
    error[deadlock]: 100 tasks wait for each other in a circle
       ╭─[dinner.conc:4:1]
     2 │ task philosopher(i) {
     3 │ fork[i].acquire()
       · ────────┬────────
       ·         ╰─┤ p0 holds fork[0] since here
       ·           │ p1 holds fork[1] since here
       ·           │ p2 holds fork[2] since here
       ·           │ p3 holds fork[3] since here
       ·           │ p4 holds fork[4] since here
       ·           │ p5 holds fork[5] since here
       ·           │ p6 holds fork[6] since here
       ·           │ p7 holds fork[7] since here
       ·           │ and 92 more
     4 │ fork[(i + 1) % 5].acquire()
       · ─────────────┬─────────────
       ·              ╰─┤ p0 waits for lock fork[1]
       ·                │ p1 waits for lock fork[2]
       ·                │ p2 waits for lock fork[3]
       ·                │ p3 waits for lock fork[4]
       ·                │ p4 waits for lock fork[5]
       ·                │ p5 waits for lock fork[6]
       ·                │ p6 waits for lock fork[7]
       ·                │ p7 waits for lock fork[8]
       ·                │ and 92 more
     5 │ fork[(i + 1) % 5].release()
     6 │ fork[i].release()
     7 │ }
     8 │ for i in 0..5 { spawn philosopher(i) as "p{i}" }
       ·                 ──────────┬─────────
       ·                           ╰── main spawned p0, p1 and 98 more here
       ╰────
      = circle: p0 holds fork[0] since line 3 and waits for fork[1] at line 4,
                  held by p1
                p1 holds fork[1] since line 3 and waits for fork[2] at line 4,
                  held by p2
                p2 holds fork[2] since line 3 and waits for fork[3] at line 4,
                  held by p3
                p3 holds fork[3] since line 3 and waits for fork[4] at line 4,
                  held by p4
                p4 holds fork[4] since line 3 and waits for fork[5] at line 4,
                  held by p5
                p5 holds fork[5] since line 3 and waits for fork[6] at line 4,
                  held by p6
                p6 holds fork[6] since line 3 and waits for fork[7] at line 4,
                  held by p7
                p7 holds fork[7] since line 3 and waits for fork[8] at line 4,
                  held by p8
                and 92 more
      = note: no task can go on
      = tasks: p0, p1 and 98 more are threads of process 4711
      = help: take the locks in one order everywhere, such as by index: fork[0]
              before fork[1] and so on
      = explain: conc explain deadlock
    "#);
}

/// One file of statements, each a place of its own.
fn source() -> Source {
    Source::new(
        "s.conc",
        "lock m\nqueue q(1)\ntask owner { m.acquire(); q.put(1); m.release() }\n\
         task getter { with m { print q.get() } }\nspawn owner\nspawn getter\njoin all\n",
    )
}

#[test]
fn a_lock_a_queue_and_a_join() {
    let source = source();
    let main = TaskFacts { process: true, ..thread(0, "main", None) };
    let owner = thread(1, "owner", Some(at(&source, "spawn owner", 0)));
    let getter = thread(2, "getter", Some(at(&source, "spawn getter", 0)));
    let taken = at(&source, "m.acquire()", 0);
    let supplier = Reason::StuckSupplier { task: getter.clone(), action: "get".into() };
    let holder = Reason::HeldBy { task: owner.clone(), mode: Mode::Exclusive, since: Some(taken) };
    let ends = vec![Reason::WaitsForEnd { task: owner.clone() }, Reason::WaitsForEnd { task: getter.clone() }];
    let circle = vec![
        waiting(
            owner,
            at(&source, "q.put(1)", 0),
            vec![wait("put", "queue", "q", vec![supplier])],
            vec![holds("m", taken)],
        ),
        waiting(getter, at(&source, "with m", 0), vec![wait("acquire", "lock", "m", vec![holder])], vec![]),
    ];
    let behind = vec![waiting(main, at(&source, "join all", 0), vec![wait("join", "task", "all", ends)], vec![])];
    insta::assert_snapshot!(text(&source, &stuck(Code::Deadlock, circle, behind)), @r#"
    error[deadlock]: owner and getter wait for each other
       ╭─[s.conc:3:27]
     2 │ queue q(1)
     3 │ task owner { m.acquire(); q.put(1); m.release() }
       ·              ─────┬─────  ────┬───
       ·                   │           ╰── owner waits to put into queue q
       ·                   ╰── owner holds m since here
     4 │ task getter { with m { print q.get() } }
       ·               ───┬──
       ·                  ╰── getter waits for lock m
     5 │ spawn owner
       · ─────┬─────
       ·      ╰── main spawned owner here
     6 │ spawn getter
       · ──────┬─────
       ·       ╰── main spawned getter here
     7 │ join all
       · ────┬───
       ·     ╰── main waits for the end of all that it spawned
       ╰────
      = circle: ╭─▶ owner ── queue q ──▶ getter ── lock m ─╮
                ╰──────────────────────────────────────────╯
                owner holds m since line 3 and waits to put into q at line 3, and
                  getter, which would get, is stuck
                getter waits for m at line 4, held by owner
      = behind: main waits for the end of all that it spawned at line 7, but owner
                and getter are stuck
      = note: no task can go on
      = tasks: owner and getter are threads of process 4711
               main is process 4711
      = help: let go of m before `q.put()`: what ends that wait needs m
      = explain: conc explain deadlock
    "#);
}

#[test]
fn a_task_alone_with_its_own_lock() {
    let source = Source::new("s.conc", "lock m\ntask t {\n    with m {\n        with m { }\n    }\n}\nspawn t\n");
    let task = thread(1, "t", Some(at(&source, "spawn t", 0)));
    let taken = at(&source, "with m {\n        with m { }\n    }", 0);
    let own = Reason::HeldBy { task: task.clone(), mode: Mode::Exclusive, since: Some(taken) };
    let waits = vec![wait("acquire", "lock", "m", vec![own])];
    let circle = vec![waiting(task, at(&source, "with m { }", 0), waits, vec![holds("m", taken)])];
    insta::assert_snapshot!(text(&source, &stuck(Code::SelfDeadlock, circle, vec![])), @r#"
    error[self-deadlock]: t waits for lock m, which it holds itself since line 3
       ╭─[s.conc:4:9]
     2 │ task t {
     3 │     with m {
       ·     ────┬───
       ·         ╰── t holds m since here
     4 │         with m { }
       ·         ─────┬────
       ·              ╰── t waits for lock m
     5 │     }
     6 │ }
     7 │ spawn t
       · ───┬───
       ·    ╰── main spawned t here
       ╰────
      = stuck: t holds m since line 3 and waits for m at line 4, which it holds
               itself
      = tasks: t is a thread of process 4711
      = help: let go of m before taking it again, or declare `lock m reentrant`
      = explain: conc explain self-deadlock
    "#);
}

#[test]
fn hundred_that_wait_for_the_lock_of_a_killed_one() {
    let source = Source::new("s.conc", "lock m\ntask t { m.acquire() }\nspawn process t x100\n");
    let spawned = Some(at(&source, "spawn process t x100", 0));
    let place = at(&source, "m.acquire()", 0);
    let owner = process(1, "t#0", spawned);
    let waits = || {
        let ended = Reason::OwnerEnded { task: owner.clone(), ending: Some(Ending::Signalled(9)), since: Some(place) };
        vec![wait("acquire", "lock", "m", vec![ended])]
    };
    let circle =
        (1..100).map(|n| waiting(process(n + 1, &format!("t#{n}"), spawned), place, waits(), vec![])).collect();
    insta::assert_snapshot!(text(&source, &stuck(Code::AbandonedLock, circle, vec![])), @r#"
    error[abandoned-lock]: t#1, t#2 and 97 more wait for lock m, which t#0 held
    (taken at line 2) when it was ended by SIGKILL
       ╭─[s.conc:2:10]
     1 │ lock m
     2 │ task t { m.acquire() }
       ·          ─────┬─────
       ·               ╰─┤ t#1, t#2 and 97 more wait for lock m
       ·                 │ t#0 took it here and never let go
     3 │ spawn process t x100
       · ──────────┬─────────
       ·           ╰── main spawned t#1, t#2 and 98 more here
       ╰────
      = tasks: t#1 is process 4713
               t#2 is process 4714
               t#3 is process 4715
               t#4 is process 4716
               and 96 more
      = help: `kill`, `terminate` and the end of its process let go of nothing: tell
              the task to end by an `event` that it looks at while it does not hold
              m
      = explain: conc explain abandoned-lock
    "#);
}

#[test]
fn a_circle_without_tasks_is_told_too() {
    let source = Source::new("s.conc", "");
    for code in [Code::Livelock, Code::Starvation, Code::Deadlock] {
        assert!(text(&source, &stuck(code, vec![], vec![])).starts_with(&format!("error[{}]", code.word())));
    }
}

#[test]
fn a_livelock_and_a_starvation() {
    let source = Source::new("s.conc", "task polite { yield }\ntask writer { await n == 0 }\n");
    let place = at(&source, "yield", 0);
    let round = |n: u32| waiting(thread(n, &format!("polite#{n}"), None), place, vec![], vec![]);
    insta::assert_snapshot!(text(&source, &stuck(Code::Livelock, vec![round(0), round(1)], vec![])), @r#"
    error[livelock]: polite#0 and polite#1 go round for ever, and nothing changes
       ╭─[s.conc:1:15]
     1 │ task polite { yield }
       ·               ──┬──
       ·                 ╰── polite#0 and polite#1 go round here
     2 │ task writer { await n == 0 }
       ╰────
      = tasks: polite#0 and polite#1 are threads of process 4711
      = help: let one of them give way for good: take the locks in one order, or
              wait with `acquire` instead of trying again
      = explain: conc explain livelock
    "#);
    let awaits = vec![wait("await", "", "", vec![])];
    let writer = waiting(thread(3, "writer", None), at(&source, "await n == 0", 0), awaits, vec![]);
    insta::assert_snapshot!(text(&source, &stuck(Code::Starvation, vec![writer], vec![round(0)])), @r#"
    error[starvation]: writer waits for ever for its condition to become true while
    others go on
       ╭─[s.conc:2:15]
     1 │ task polite { yield }
       ·               ──┬──
       ·                 ╰── polite#0 goes round here
     2 │ task writer { await n == 0 }
       ·               ──────┬─────
       ·                     ╰── writer waits for its condition to become true
       ╰────
      = tasks: writer and polite#0 are threads of process 4711
      = help: let them take turns: a `queue` or a `barrier` between them, or a lock
              that is let go and taken less often by the others
      = explain: conc explain starvation
    "#);
}
