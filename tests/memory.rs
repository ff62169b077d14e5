//! Memory grows with what lives, not with the rounds that a script has gone: what is made
//! in a loop and can no longer be reached is given back, and what a run tells at its end
//! is the same.
//!
//! Runs fork, so each process of this program has one thread, and there is no test harness.

mod apart;

use conc::detect::finding::{Code, Ending, Facts, Finding};
use conc::objects::KINDS;
use conc::program::Program;
use conc::run::{self, Options, Report, Stop};

/// A run of fewer rounds has been at all that a longer one comes to.
const FEW: u64 = 2_000;
const MANY: u64 = 40_000;
/// The same of threads that are made, and of processes, which take longer.
const THREADS: (u64, u64) = (2_000, 10_000);
const PROCESSES: (u64, u64) = (500, 2_500);

fn options() -> Options {
    Options {
        seed: 1,
        detect: true,
        shake: false,
        gil: false,
        hurried: false,
        hang: false,
        time_limit_ns: None,
        outcomes: false,
        print: |_, _| String::new(),
        // The private memory of each process has no more either.
        memory: 4 << 20,
        record: false,
        replay: None,
        trace: 0,
    }
}

fn report(script: &str, rounds: u64) -> Report {
    let text = script.replace("ROUNDS", &rounds.to_string());
    let tree = conc::lang::parse::parse(&text).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let program = conc::program::compile(&tree, &text, KINDS, &[]).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    let program: &'static Program = Box::leak(Box::new(program));
    let report = run::run(program, options(), &mut |_| {}).unwrap_or_else(|e| panic!("{text}\n{e:?}"));
    assert!(matches!(report.stop, Stop::Finished), "{text}\n{:?}", report.stop);
    report
}

fn findings(report: &Report) -> Vec<(Code, u64)> {
    report.findings.iter().map(|f: &Finding| (f.code, f.count)).collect()
}

/// A script that needs the same for many rounds as for few, but for what is said to stay;
/// what a long one finds.
fn bounded(script: &str) -> Vec<(Code, u64)> {
    within(script, (FEW, MANY), 256 << 10)
}

/// The same for so many rounds. How much there is at once of tasks that nobody waits for,
/// and of what each knows of the others, is another thing each time: far less than a handle
/// for each round.
fn bounded_in(script: &str, (few, many): (u64, u64)) -> Vec<(Code, u64)> {
    let more = (64 * (many - few) as usize).max(1 << 20);
    within(script, (few, many), more)
}

fn within(script: &str, (few, many): (u64, u64), more: usize) -> Vec<(Code, u64)> {
    // Tasks that wait for a processor are there at once.
    let waiting = ((many - few) as usize / 4).clamp(500, 2_000);
    let (few, many) = (report(script, few), report(script, many));
    let ((objects, bytes), (more_objects, more_bytes)) = (few.room_for, many.room_for);
    assert!(more_objects < objects + waiting, "{script}\n{objects} objects became {more_objects}");
    assert!(more_bytes < bytes + more, "{script}\n{bytes} bytes became {more_bytes}");
    findings(&many)
}

fn clean(script: &str) {
    assert_eq!(bounded(script), [], "{script}");
}

/// Each kind of object, used by who made it.
fn what_a_task_makes_for_itself() {
    for (make, operate) in [
        ("lock()", "with o { }"),
        ("lock(reentrant: true)", "with o { with o { } }"),
        ("rwlock()", "with o.read { }"),
        ("semaphore(2)", "o.acquire()\no.release()"),
        ("event()", "o.set()\no.wait()"),
        ("barrier(1)", "o.wait()"),
        ("latch(1)", "o.count_down()"),
        ("queue(3)", "o.put(\"a text\")\nlet v = o.get()"),
        ("queue(100)", "o.put([1, 2])\nlet v = o.get()"),
        ("queue()", "o.put(1)\no.put(\"a text\")\nlet v = o.get()\nlet w = o.get()"),
        ("[lock(), queue(1)]", "with o[0] { o[1].put(1) }\nlet v = o[1].get()"),
    ] {
        clean(&format!("repeat ROUNDS {{ let o = {make}\n{operate} }}"));
        clean(&format!("fn f() {{ return {make} }}\nrepeat ROUNDS {{ let o = f()\n{operate} }}"));
        clean(&format!("task t {{ repeat ROUNDS {{ let o = {make}\n{operate} }} }}\nlet w = spawn process t\njoin w"));
    }
    clean("repeat ROUNDS { let m = lock()\nlet c = condition(m)\nwith m { c.notify() } }");
    // The locks that are held at an access are kept for reports.
    clean("var x = 0\nrepeat ROUNDS { let m = lock()\nlet n = lock()\nwith m { x += 1 }\nwith n { x += 1 } }");
    // What holds another keeps it.
    clean(
        "let m = lock()\nlet c = condition(m)\nm = none\nrepeat ROUNDS { let e = event() }
        repeat ROUNDS { let n = lock()\nwith n { } }\nc = none",
    );
}

fn records() {
    let fields = "struct S { lock m\nqueue q(2)\ncondition c(m)\nvar a = 0\nshared b = \"\"\natomic n[3] = 0 }";
    let use_it = "with s.m { s.a += 1; s.b = \"text {s.a}\"; s.n[1] += 1; s.c.notify() }\ns.q.put(\"a text\")\nlet v = s.q.get()";
    clean(&format!("{fields}\nrepeat ROUNDS {{ let s = S(a: 1)\n{use_it}\nassert s.a == 2 and s.b == \"text 2\" }}"));
    clean(&format!(
        "{fields}\ntask t {{ repeat ROUNDS {{ let s = S()\nlet part = s.q\ns = none\npart.put(1)\nlet v = part.get() }} }}
        let w = spawn process t\njoin w"
    ));
}

fn jobs() {
    for kind in ["", " of processes"] {
        // As many at once as there is room for in `turn`.
        let pool = format!("pool p(2){kind}\nqueue turn(50)\n");
        let end = "p.close()\njoin p\n";
        clean(&format!(
            "task t(i) {{ return i }}\n{pool}repeat ROUNDS {{ let j = submit t(1) to p\njoin j\nassert j.result == 1 }}\n{end}"
        ));
        clean(&format!(
            "task t(i) {{ let v = turn.get() }}\n{pool}repeat ROUNDS {{ turn.put(1)\nsubmit t(1) to p }}\n{end}"
        ));
    }
    // One that nobody asked for stands for all.
    let found = bounded(
        "task t(i) { return turn.get() }\npool p(2)\nqueue turn(50)\nrepeat ROUNDS { turn.put(1)\nsubmit t(1) to p }\np.close()\njoin p\n",
    );
    assert_eq!(found, [(Code::Unjoined, MANY)]);
    let failing = "task t(i) { let v = turn.get()\nraise \"no\" }\npool p(2)\nqueue turn(50)\nrepeat ROUNDS { turn.put(1)\nsubmit t(1) to p }\np.close()\njoin p\n";
    assert_eq!(bounded(failing), [(Code::Error, MANY)]);
}

/// Who is given an object has it as long as he needs it, and no longer.
fn what_goes_from_task_to_task() {
    for kind in ["spawn", "spawn process"] {
        for (requests, reply) in [("q(3)", "queue(1)"), ("q(0)", "queue(0)"), ("q", "queue()"), ("q(100)", "queue(2)")]
        {
            clean(&format!(
                "queue {requests}\ntask serve {{ for r in q {{ r[1].put(r[0] + 1) }} }}\n{kind} serve
                for i in 0..ROUNDS {{ let r = {reply}\nq.put([i, r])\nassert r.get() == i + 1 }}\nq.close()\njoin all"
            ));
        }
        // Who takes out makes nothing, and who puts in waits for nobody.
        clean(&format!(
            "queue q(3)\ntask take {{ for m in q {{ with m {{ }} }} }}\n{kind} take x2
            repeat ROUNDS {{ let m = lock()\nq.put(m)\nwith m {{ }} }}\nq.close()\njoin all"
        ));
        clean(&format!(
            "queue q(3)\nqueue other\ntask take {{ let ended = false\nlet n = 0\nwhile not ended {{ select {{
                e = q.get() => {{ if e == none {{ ended = true }} else {{ e.set()\nn += 1 }} }}
                v = other.get() => {{ }} }} }}\nassert n == ROUNDS }}\n{kind} take
            repeat ROUNDS {{ let e = event()\nq.put(e)\ne.wait() }}\nq.close()\njoin all"
        ));
        clean(&format!(
            "struct S {{ lock mu\nqueue out(1)\nshared n = 0\natomic m = 0 }}\nqueue q(2)
            task take {{ for s in q {{ with s.mu {{ s.n += 1 }}\ns.m += 1\ns.out.put(s.mu) }} }}\n{kind} take
            repeat ROUNDS {{ let s = S()\nq.put(s)\nlet m = s.out.get()\nwith m {{ assert s.n == 1 and s.m == 1 }} }}
            q.close()\njoin all"
        ));
    }
    for kind in ["", " of processes"] {
        clean(&format!(
            "task t(q) {{ let r = queue(1)\nr.put(q.get() + 1)\nreturn r }}\npool p(2){kind}
            repeat ROUNDS {{ let q = queue(1)\nq.put(1)\nlet j = submit t(q) to p\njoin j\nassert j.result.get() == 2 }}
            p.close()\njoin p"
        ));
    }
    clean(
        "repeat ROUNDS { let a = queue(2)\nlet m = lock()\nlet c = condition(m)\na.put(c)\nm = none\nlet d = a.get() }",
    );
    assert_eq!(
        bounded("repeat ROUNDS { let a = queue(2)\na.put([lock(), event()])\na.put(a.get()) }"),
        [(Code::LeftInQueue, MANY)]
    );
}

fn what_is_left_in_queues_is_told() {
    assert_eq!(bounded("repeat ROUNDS { let q = queue(3)\nq.put(\"a text\") }"), [(Code::LeftInQueue, MANY)]);
    assert_eq!(
        bounded("struct S { queue q(3)\nqueue r(3) }\nrepeat ROUNDS { let s = S()\ns.q.put(1)\ns.r.put(1) }"),
        [(Code::LeftInQueue, MANY), (Code::LeftInQueue, MANY)]
    );
}

/// How often, and what is the same however it is made.
fn each_kind(test: impl Fn(&str, (u64, u64))) {
    test("spawn", THREADS);
    test("spawn process", PROCESSES);
}

/// Tasks that have ended and that nobody can reach.
fn threads_and_processes() {
    each_kind(|spawn, rounds| {
        let clean = |script: &str| assert_eq!(bounded_in(script, rounds), [], "{script}");
        clean(&format!("task t {{ }}\nrepeat ROUNDS {{ let w = {spawn} t\njoin w }}"));
        clean(&format!("task t {{ }}\nrepeat ROUNDS {{ {spawn} t }}"));
        clean(&format!("task t {{ }}\nrepeat ROUNDS {{ {spawn} t\njoin all }}"));
        clean(&format!("task t {{ }}\nfor i in 0..ROUNDS {{ let w = {spawn} t as \"worker {{i}}\"\njoin w }}"));
        clean(&format!(
            "task t(i) {{ return [i, \"a text\"] }}\nfor i in 0..ROUNDS {{ let w = {spawn} t(i)\njoin w\nassert w.result[0] == i }}"
        ));
        // The sets of locks that are held are kept for reports, each once.
        clean(&format!(
            "lock m\nshared x = 0\ntask t {{ with m {{ x += 1 }} }}\nrepeat ROUNDS {{ {spawn} t\njoin all }}\nassert x == ROUNDS"
        ));
        // Who is told by the end, and who waits for nothing.
        clean(&format!("queue q(2)\ntask t {{ q.put(1) }}\nrepeat ROUNDS {{ {spawn} t\nlet v = q.get() }}"));
        clean(&format!("task t {{ sleep 1000s }}\nrepeat ROUNDS {{ let w = {spawn} t\nterminate w\njoin w }}"));
        // Three at once, and those that they make.
        let some = (rounds.0, rounds.1 / 2);
        let few = |script: &str| assert_eq!(bounded_in(script, some), [], "{script}");
        few(&format!("task t {{ }}\nrepeat ROUNDS {{ let all = {spawn} t x3\njoin all }}"));
        few(&format!(
            "task u {{ }}\ntask t {{ let w = {spawn} u\njoin w }}\nrepeat ROUNDS {{ let w = {spawn} t\njoin w }}"
        ));
        few(&format!("task u {{ }}\ntask t {{ {spawn} u }}\nrepeat ROUNDS {{ let w = spawn t\njoin w }}"));
    });
    assert_eq!(bounded_in("repeat ROUNDS { let pid = fork()\nif pid == 0 { exit }\nwait(pid) }", PROCESSES), []);
    // Somebody is there all the time who knows of none of them.
    assert_eq!(
        bounded_in(
            "event e\ntask idle { e.wait() }\ntask t { }\nspawn idle\nrepeat ROUNDS { let w = spawn t\njoin w }\ne.set()",
            THREADS
        ),
        []
    );
}

fn pools() {
    for (kind, rounds) in [("", THREADS), (" of processes", PROCESSES)] {
        let rounds = (rounds.0, rounds.1 / 2);
        let pools = format!("struct S {{ pool p(2){kind} }}\ntask t(i) {{ return i }}");
        let clean = |use_it: &str| {
            let script = format!("{pools}\nrepeat ROUNDS {{ let s = S()\nlet p = s.p\n{use_it} }}");
            assert_eq!(bounded_in(&script, rounds), [], "{script}");
            let processes = !kind.is_empty();
            let script = format!("{pools}\nrepeat ROUNDS {{ let p = pool(2, processes: {processes})\n{use_it} }}");
            assert_eq!(bounded_in(&script, rounds), [], "{script}");
        };
        clean("p.close()\njoin p");
        clean("let j = submit t(1) to p\njoin j\nassert j.result == 1\np.close()\njoin p");
        clean("p.terminate()\njoin p");
    }
}

/// How many there were of what is told of tasks that are gone.
fn what_is_told_of_tasks_that_are_gone() {
    each_kind(|spawn, rounds| {
        let result = format!("task t {{ return 7 }}\nrepeat ROUNDS {{ {spawn} t }}");
        assert_eq!(bounded_in(&result, rounds), [(Code::Unjoined, rounds.1)]);
        // `join all` asks for all of them.
        assert_eq!(bounded_in(&format!("{result}\njoin all"), rounds), []);
        let some = (rounds.0, rounds.1 / 2);
        let within =
            format!("task t {{ return 7 }}\ntask u {{ {spawn} t }}\nrepeat ROUNDS {{ let w = spawn u\njoin w }}");
        assert_eq!(bounded_in(&within, some), [(Code::Unjoined, some.1)]);
        let failing = format!("task t {{ raise \"no\" }}\nrepeat ROUNDS {{ {spawn} t }}");
        assert_eq!(bounded_in(&failing, rounds), [(Code::Error, rounds.1)]);
        let report = report(&failing, rounds.1);
        let failed = report.tasks.iter().filter(|t| matches!(t.ending, Some(Ending::Failed(_))));
        assert_eq!(failed.map(|t| t.count).sum::<u64>(), rounds.1);
        assert_eq!(report.task_count, rounds.1 + 1);
    });
}

/// Two tasks of one number are two, for whoever tells of them and for the clocks.
fn a_number_used_again_is_another_task() {
    // Who only looks later races with the first ones too, and each has its own number.
    let script = "
        var x = 0
        event e
        task writer(go) { if go { x = 1 } }
        task reader { e.wait()\nlet v = x }
        let r = spawn reader
        for i in 0..1000 { let w = spawn writer(i == WRITER)\njoin w }
        e.set()
        join r";
    for writer in [3, 500, 999] {
        let report = report(
            &script
                .replace("e.set()\n        join r", "sleep 50ms\nx = x\ne.set()\njoin r")
                .replace("WRITER", &writer.to_string()),
            0,
        );
        assert_eq!(findings(&report), [], "what is set comes before what waits for it");
    }
    let script = "
        var x = 0
        shared go = false
        task writer(writes) { if writes { x = 1 } }
        task reader { while not go { sleep 1ms }\nlet v = x }
        let r = spawn reader
        for i in 0..1000 { let w = spawn writer(i == WRITER)\njoin w }
        go = true
        join r";
    for (writer, name) in [(3, "writer (4)"), (999, "writer (1000)")] {
        let report = report(&script.replace("WRITER", &writer.to_string()), 0);
        let race = report.findings.iter().find_map(|f| match &f.facts {
            Facts::Race { variable, earlier, later, .. } if variable == "x" => Some((earlier.clone(), later.clone())),
            _ => None,
        });
        let (earlier, later) = race.unwrap_or_else(|| panic!("{:#?}", report.findings));
        assert_eq!((earlier.task.name.as_str(), later.task.name.as_str()), (name, "reader"));
        assert!(earlier.task.serial != later.task.serial);
    }
    // One that is gone long since is told of by what is the same of all.
    let report = report(&script.replace("WRITER", "100"), 0);
    let race = report.findings.iter().find_map(|f| match &f.facts {
        Facts::Race { variable, earlier, .. } if variable == "x" => Some(earlier.task.clone()),
        _ => None,
    });
    let task = race.unwrap_or_else(|| panic!("{:#?}", report.findings));
    assert_eq!((task.name.as_str(), task.pid, task.spawned.is_some()), ("writer", 0, true));
    // Each chooses for itself, though all have one number.
    let choice = "
        shared ones = 0
        task t { if choose([true, false]) { ones += 1 } }
        for i in 0..1000 { let w = spawn t\njoin w }
        assert ones > 300 and ones < 700";
    assert_eq!(findings(&self::report(choice, 0)), []);
}

/// What others may have come by stays as it was.
fn what_is_published_lives() {
    for script in [
        "queue q\nrepeat 300 { let m = lock()\nq.put(m) }\nrepeat 300 { let e = event()\ne.set() }
        repeat 300 { let m = q.get()\nwith m { } }",
        "var kept = []\nfor i in 0..300 { let q = queue(1)\nq.put(i)\nkept = kept + [q] }
        repeat 300 { let q = queue(1)\nq.put(0)\nlet v = q.get() }
        for i in 0..300 { assert kept[i].get() == i }",
        "struct S { shared inner = none }\nlet s = S()\nfor i in 0..300 { let q = queue(1)\nq.put(i)\ns.inner = q
        repeat 3 { let other = queue(1)\nother.put(0)\nlet v = other.get() }\nlet back = s.inner\nassert back.get() == i }",
        "task t(q, i) { repeat 100 { let e = event() }\nq.put(i) }
        for i in 0..100 { let q = queue(1)\nlet w = spawn t(q, i)\njoin w\nassert q.get() == i }
        for i in 0..100 { let q = queue(1)\nlet w = spawn process t(q, i)\njoin w\nassert q.get() == i }
        for i in 0..100 { let q = queue(1)\nlet w = spawn { q.put(i) }\njoin w\nassert q.get() == i }",
        "task t { let q = queue(1)\nq.put(7)\nreturn q }\nlet qs = []\nlet ws = spawn t x100\njoin ws
        repeat 300 { let q = queue(1) }\nfor w in ws { assert w.result.get() == 7 }",
        "let q = queue(1)\nq.put(7)\nlet pid = fork()\nrepeat 300 { let other = queue(1) }
        if pid == 0 { let v = q.get()\nassert v == 7\nq.put(8)\nexit }\nwait(pid)\nassert q.get() == 8",
        "let all = []\nrepeat 300 { let q = queue(1)\nq.put(len(all))\nall = all + [[q]] }
        for i in 0..300 { assert all[i][0].get() == i }",
        "fn deep(n, q) { if n == 0 { repeat 300 { let e = event() }\nreturn q.get() }\nlet r = queue(1)\nr.put(q.get() + 1)
        return deep(n - 1, r) }\nlet q = queue(1)\nq.put(0)\nassert deep(200, q) == 200",
        "let m = lock()\nm.acquire()\nlet c = condition(m)\nm = none\nrepeat 300 { let n = lock()\nwith n { } }\nc.notify()\n
        let seen = false\ntry { c.wait(timeout: 1ms) } catch any { seen = true }\nassert not seen",
    ] {
        let report = report(script, 0);
        let errors: Vec<_> = report.findings.iter().filter(|f| !f.code.is_note() && f.code != Code::AbandonedLock).collect();
        assert!(errors.is_empty(), "{script}\n{errors:#?}");
    }
}

/// Two locks of one number, one after the other, are not taken for one.
fn orders_of_locks_that_are_gone_make_no_circle() {
    let script = "
        lock a
        task one { repeat 300 { let m = lock()\nwith a { with m { } } } }
        task two { repeat 300 { let m = lock()\nwith m { with a { } } } }
        let w = spawn one\njoin w\nlet v = spawn two\njoin v";
    assert_eq!(findings(&report(script, 0)), []);
}

fn main() {
    let tests: [(&str, fn()); 11] = [
        ("what a task makes for itself", what_a_task_makes_for_itself),
        ("records", records),
        ("jobs", jobs),
        ("what goes from task to task", what_goes_from_task_to_task),
        ("what is left in queues is told", what_is_left_in_queues_is_told),
        ("threads and processes", threads_and_processes),
        ("pools", pools),
        ("what is told of tasks that are gone", what_is_told_of_tasks_that_are_gone),
        ("a number used again is another task", a_number_used_again_is_another_task),
        ("what is published lives", what_is_published_lives),
        ("orders of locks that are gone make no circle", orders_of_locks_that_are_gone_make_no_circle),
    ];
    // How many tasks there are at once depends on how many have a processor.
    apart::each(tests.len(), 1, |part| {
        let (name, test) = tests[part];
        test();
        println!("{name}: ok");
    });
}
