//! Random programs: some are correctly synchronised whatever the schedule, and
//! `--shake` must find nothing in them; into others one fault is put, and it
//! must be found. They are made of gadgets, each with objects and tasks of its
//! own, between threads or between processes. `CONC_TEST_SEED` gives the same
//! programs again.

use crate::support;

use support::{Ended, Random, conc};

/// How many programs a test tries, and how often each is run.
const PROGRAMS: usize = 60;
const RUNS: &str = "5";

/// A program under construction.
#[derive(Default)]
struct Script {
    declarations: Vec<String>,
    /// Bodies of tasks, each spawned once.
    tasks: Vec<String>,
    finally: Vec<String>,
    names: usize,
}

impl Script {
    /// A gadget's code, with `$` before each of its own names.
    fn add(&mut self, declarations: &str, tasks: &[String], finally: &str) {
        self.names += 1;
        let own = |text: &str| text.replace('$', &format!("g{}_", self.names));
        self.declarations.push(own(declarations));
        self.tasks.extend(tasks.iter().map(|t| own(t)));
        self.finally.extend((!finally.is_empty()).then(|| own(finally)));
    }

    fn text(self, random: &mut Random, processes: bool) -> String {
        let mut out = self.declarations.join("\n");
        let mut order: Vec<usize> = (0..self.tasks.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i as u64 + 1) as usize);
        }
        for (i, body) in self.tasks.iter().enumerate() {
            out.push_str(&format!("\ntask t{i} {{ {body} }}"));
        }
        for i in order {
            let kind = if processes && random.below(2) == 0 { "process " } else { "" };
            out.push_str(&format!("\nspawn {kind}t{i}"));
        }
        out.push_str(&format!("\njoin all\nfinally {{ {} }}\n", self.finally.join("\n")));
        out
    }
}

fn pause(random: &mut Random) -> &'static str {
    ["", "", "", "yield;", "sleep 50us;", "busy 20us;", "sleep 1ms;"][random.below(7) as usize]
}

fn pick<'a>(random: &mut Random, among: &[&'a str]) -> &'a str {
    among[random.below(among.len() as u64) as usize]
}

/// One gadget in which every access is ordered and every wait has an end. `M`
/// is `shared` where tasks may be processes.
fn correct(script: &mut Script, random: &mut Random, memory: &str) {
    let n = 1 + random.below(4) as usize;
    let rest = pause(random);
    match random.below(14) {
        0 => {
            let (kind, take) = [
                ("lock $m", "with $m { $x += 1 }"),
                ("lock $m reentrant", "with $m { with $m { $x += 1 } }"),
                ("semaphore $m(1)", "with $m { $x += 1 }"),
                ("rwlock $m", "with $m.write { $x += 1 }; with $m.read { assert $x > 0 }"),
                ("lock $m", "while not $m.acquire(blocking: false) { yield }; $x += 1; $m.release()"),
                ("lock $m", "while not $m.acquire(timeout: 200us) { }; $x += 1; $m.release()"),
                ("lock $m", "select { $m.acquire() => { $x += 1; $m.release() } }"),
            ][random.below(7) as usize];
            let tasks = vec![format!("repeat 3 {{ {take}; {rest} }}"); n];
            script.add(&format!("{kind}\n{memory} $x = 0"), &tasks, &format!("assert $x == {}", 3 * n));
        }
        1 => {
            let queue = pick(random, &["$q", "$q(0)", "$q(1)", "$q(3)", "$q(2) via manager"]);
            let tasks = [format!("$x = 7; {rest} $q.put(1)"), "$q.get(); $x += 1".into()];
            script.add(&format!("queue {queue}\n{memory} $x = 0"), &tasks, "assert $x == 8");
        }
        2 => {
            let queue = pick(random, &["$q", "$q(0)", "$q(1)", "$q(2)"]);
            let tasks = [
                format!("for i in 0..{n} {{ $q.put(1); {rest} }}; $x = 10; $q.close()"),
                "let s = 0; for v in $q { s += v }; $x += s".into(),
            ];
            script.add(&format!("queue {queue}\n{memory} $x = 0"), &tasks, &format!("assert $x == {}", 10 + n));
        }
        3 => {
            let tasks = [
                format!("repeat {n} {{ $x += 1; $a.put(1); $b.get() }}"),
                format!("repeat {n} {{ $a.get(); $x += 1; $b.put(1) }}"),
            ];
            let queues = pick(random, &["queue $a(0)\nqueue $b(1)", "queue $a(2)\nqueue $b(0)", "queue $a\nqueue $b"]);
            script.add(&format!("{queues}\n{memory} $x = 0"), &tasks, &format!("assert $x == {}", 2 * n));
        }
        4 => {
            let wait =
                pick(random, &["$e.wait()", "while not $e.wait(timeout: 300us) { }", "select { $e.wait() => { } }"]);
            let mut tasks = vec![format!("{wait}; assert $x == 5"); n];
            tasks.push(format!("$x = 5; {rest} $e.set()"));
            script.add(&format!("event $e\n{memory} $x = 0"), &tasks, "");
        }
        5 => {
            let mut tasks: Vec<String> = (0..n).map(|i| format!("$x[{i}] = 1; {rest} $l.count_down()")).collect();
            tasks.push(format!("$l.wait(); for i in 0..{n} {{ assert $x[i] == 1 }}"));
            script.add(&format!("latch $l({n})\n{memory} $x[{n}] = 0"), &tasks, "");
        }
        6 => {
            let round = |i: usize| {
                let other = (i + 1) % n;
                format!("for p in 0..3 {{ $x[{i}] = p; {rest} $b.wait(); assert $x[{other}] == p; $b.wait() }}")
            };
            let tasks: Vec<String> = (0..n).map(round).collect();
            script.add(&format!("barrier $b({n})\n{memory} $x[{n}] = 0"), &tasks, "");
        }
        7 => {
            let wait = pick(random, &["$c.wait()", "$c.wait(timeout: 300us)"]);
            let note = pick(random, &["$c.notify()", "$c.notify_all()"]);
            let mut tasks =
                vec![format!("repeat 2 {{ with $m {{ while $x == 0 {{ {wait} }}; $x -= 1; {rest} }} }}"); n];
            tasks.push(format!("repeat {} {{ with $m {{ $x += 1; {note}; {rest} }} }}", 2 * n));
            script.add(&format!("lock $m\ncondition $c($m)\n{memory} $x = 0"), &tasks, "assert $x == 0");
        }
        8 => {
            let look = pick(random, &["await $a == 1; let seen = $a", "while $a == 0 { yield }"]);
            let tasks = [format!("$x = 3; {rest} $a = 1"), format!("{look}; $x += 1")];
            script.add(&format!("atomic $a = 0\n{memory} $x = 0"), &tasks, "assert $x == 4");
        }
        9 => {
            let take = pick(random, &["while not $a.cas(0, 1) { yield }", "while $a.swap(1) == 1 { sleep 20us }"]);
            let tasks = vec![format!("repeat 3 {{ {take}; $x += 1; {rest} $a = 0 }}"); n];
            script.add(&format!("atomic $a = 0\n{memory} $x = 0"), &tasks, &format!("assert $x == {}", 3 * n));
        }
        10 => {
            let tasks = [
                format!("repeat {n} {{ atomically {{ $x += 1 }}; {rest} }}"),
                format!("repeat {n} {{ atomically {{ await $x > 0; $x -= 1 }} }}"),
            ];
            script.add(&format!("{memory} $x = 0"), &tasks, "assert $x == 0");
        }
        11 => {
            let tasks = [
                format!("$x = 1; {rest} $q.put(1); assert $y == 2"),
                format!("$y = 2; {rest} $q.get(); assert $x == 1"),
            ];
            script.add(&format!("queue $q(0)\n{memory} $x = 0\n{memory} $y = 0"), &tasks, "");
        }
        12 => {
            let tasks = [
                "with $a { with $b { } }; $e.set()".to_string(),
                "$e.wait(); with $b { with $a { } }".to_string(),
                "with $g { with $c { with $d { } } }".to_string(),
                "with $g { with $d { with $c { } } }".to_string(),
            ];
            script.add("lock $a\nlock $b\nlock $c\nlock $d\nlock $g\nevent $e", &tasks, "");
        }
        _ => {
            let limit = pick(random, &["", "after 200us => { }", "else => { yield }"]);
            let select = format!(
                "let c = 0; while c < 4 {{\nselect {{\n$a.get() => {{ c += 1 }}\n$b.get() => {{ c += 1 }}\n{limit}\n}}\n}}\n\
                 assert $x + $y == 3"
            );
            let tasks = [
                format!("$a.put(1); $x = 1; {rest} $a.put(1)"),
                format!("$b.put(1); {rest} $y = 2; $b.put(1)"),
                select,
            ];
            let queues =
                pick(random, &["queue $a(0)\nqueue $b(1)", "queue $a(1)\nqueue $b", "queue $a(0)\nqueue $b(0)"]);
            script.add(&format!("{queues}\n{memory} $x = 0\n{memory} $y = 0"), &tasks, "");
        }
    }
}

/// A fault that every schedule shows, and its code. Nothing but a start in
/// common orders the tasks of the races.
const FAULTS: [(&str, &str, &[&str]); 8] = [
    ("race", "shared $x = 0", &["$x += 1", "$x += 1"]),
    ("race", "lock $a\nlock $b\nshared $x = 0", &["with $a { $x += 1 }", "with $b { $x += 1 }"]),
    ("race", "atomic $a = 0\nshared $x = 0", &["$x.add(1); $a += 1", "$x = 2"]),
    ("race", "rwlock $m\nshared $x = 0", &["with $m.read { $x = 1 }", "with $m.read { $x = 2 }"]),
    (
        "deadlock",
        "lock $a\nlock $b\nbarrier $s(2)",
        &["with $a { $s.wait(); with $b { } }", "with $b { $s.wait(); with $a { } }"],
    ),
    ("deadlock", "queue $a\nqueue $b", &["$a.get(); $b.put(1)", "$b.get(); $a.put(1)"]),
    (
        "deadlock",
        "lock $m\nqueue $q(0)",
        &["with $m { $q.put(1) }", "sleep 1ms; with $m { sleep 5ms }; $q.get(); $q.get()"],
    ),
    ("lost-wakeup", "event $e\nqueue $q", &["$e.set(); $e.clear(); $q.put(1)", "$q.get(); $e.wait()"]),
];

/// Runs it; the script is printed for a test that fails.
fn run(name: &str, script: &str, options: &[&str]) -> Ended {
    println!("# {name}\n{script}");
    let conc = conc().file("script.conc", script);
    conc.args(["run", "--format", "json", "--shake"]).args(options).args(["script.conc"]).finish()
}

#[test]
fn nothing_is_found_in_programs_without_a_fault() {
    let mut random = Random::new("without a fault");
    for n in 0..PROGRAMS {
        let processes = random.below(2) == 0;
        let memory = if processes { "shared" } else { pick(&mut random, &["var", "shared"]) };
        let mut script = Script::default();
        for _ in 0..1 + random.below(4) {
            correct(&mut script, &mut random, memory);
        }
        let text = script.text(&mut random, processes);
        let ended = run(&format!("program {n}"), &text, &["--repeat", RUNS]).expect_code(0);
        assert!(ended.findings().is_empty(), "findings:\n{}", ended.stdout);
    }
}

#[test]
fn a_fault_among_correct_parts_is_found() {
    let mut random = Random::new("one fault");
    for n in 0..PROGRAMS {
        let processes = random.below(2) == 0;
        let (code, declarations, tasks) = FAULTS[n % FAULTS.len()];
        let mut script = Script::default();
        for _ in 0..random.below(3) {
            correct(&mut script, &mut random, "shared");
        }
        let tasks: Vec<String> = tasks.iter().map(|t| t.to_string()).collect();
        script.add(declarations, &tasks, "");
        let text = script.text(&mut random, processes);
        let ended = run(&format!("program {n}"), &text, &["--seed", &n.to_string()]).expect_code(1);
        assert_eq!(ended.failures(), [code], "{}", ended.stdout);
    }
}
