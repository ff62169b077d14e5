//! `run` and `check` of the same script agree: what real runs come to is among
//! what the exploration lists, and what they find it has found.
//!
//! Number by the environment: `CONC_RUNS` runs of each script, `CONC_PROGRAMS`
//! random programs from the seed `CONC_SEED` on.

use crate::generate;
use crate::support;

use generate::{Wish, number};
use serde_json::Value;
use std::path::Path;
use support::conc;

/// Whether an outcome shows numbers of processes and threads: a run's are the
/// operating system's, and those of `check` nobody's.
fn shows_numbers(text: &str) -> bool {
    if text.contains("# numbers are only compared") {
        return false;
    }
    let code: Vec<&str> = text.lines().map(|l| l.split('#').next().unwrap_or("")).collect();
    let words = [".pid", ".tid", ".ppid", "fork()"];
    words.iter().any(|w| code.iter().any(|l| l.contains(w)))
}

/// Whether a run's outcome is this one of `check`. The last values of a process
/// that is stuck or was ended from outside are nobody's to read in a run.
fn is_one(run: &Value, known: &Value) -> bool {
    let mut values = run["values"].as_object().into_iter().flatten();
    run["prints"] == known["prints"]
        && run["ended"] == known["ended"]
        && values.all(|(name, value)| known["values"][name] == *value)
}

/// So many runs of each script.
fn runs() -> u64 {
    number("CONC_RUNS", 4)
}

/// How the two differ, if they do; none too if the script is too large.
fn difference(name: &str, text: &str, runs: u64) -> Option<String> {
    let file = |c: support::Conc| c.file("script.conc", text);
    let check = ["check", "--format", "json", "--max-states", "300000", "--time-limit", "10s", "script.conc"];
    let explored = file(conc().args(check)).start().finish();
    let summary = explored.of_type("summary").pop()?;
    if summary["complete"] != true {
        return None;
    }
    let runs = runs.to_string();
    let run = ["run", "--format", "json", "--repeat", &runs, "--shake", "--time-limit", "20s", "script.conc"];
    let ran = file(conc().args(run)).start().finish();
    let mut out = String::new();
    let known = explored.of_type("outcome");
    if !shows_numbers(text) {
        let listed = |o: &&Value| known.iter().any(|k| is_one(o, k));
        for outcome in ran.of_type("outcome").iter().filter(|o| !listed(o)) {
            out.push_str(&format!("{name}: only a run comes to {outcome}\n"));
        }
    }
    for code in ran.failures() {
        if summary["verdicts"][&code] != "found" {
            out.push_str(&format!("{name}: only a run finds `{code}`\n"));
        }
    }
    (!out.is_empty()).then(|| format!("{out}{text}\n"))
}

#[test]
fn runs_of_scenarios_come_to_what_check_lists() {
    runs_of_folder("scenarios");
}

#[test]
fn runs_of_the_corpus_come_to_what_check_lists() {
    runs_of_folder("tests/corpus");
}

fn runs_of_folder(folder: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut wrong = String::new();
    let files = support::leftover::files_in(&folder);
    for path in files.into_iter().filter(|f| f.extension().is_some_and(|e| e == "conc")) {
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        wrong.push_str(&difference(&name, &text, runs()).unwrap_or_default());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn runs_of_random_programs_come_to_what_check_lists() {
    let (first, count) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", 25));
    let mut wrong = String::new();
    for seed in first..first + count {
        let text = generate::text(&generate::program(seed, Wish { ends: true }));
        wrong.push_str(&difference(&format!("seed {seed}"), &text, runs()).unwrap_or_default());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Scripts in which a process ends while others of it, or of those it has made, still
/// wait. `END` stands for the ways in which it does.
const ENDS: [&str; 9] = [
    "task t1 { q.get() }\nspawn process t1\nEND",
    "task t1 { q.get() }\nspawn t1\nEND",
    "task t1 { q.get() }\ntask d { q.get() }\nspawn process t1\nspawn daemon d\nEND",
    "task t0 { END }\ntask t1 { q.get() }\nspawn t0\nspawn process t1\njoin all",
    "task t0 { END }\ntask t1 { q.get() }\nlet h = spawn process t1\nspawn t0\njoin h",
    "task t1 { q.get() }\ntask p { spawn process t1; spawn t1; END }\nlet h = spawn process p\njoin h",
    "task t1 { q.get() }\nif fork() == 0 { spawn process t1; spawn t1; END }\nwait()",
    "task t1 { m.acquire() }\nm.acquire()\nspawn process t1\nEND",
    "event e\ntask t { e.wait() }\nlet h = spawn process t\nlet i = spawn t\nkill h\nterminate i\njoin h\njoin i\nEND",
];

/// Who goes with an ending process is not stuck, however long the system takes.
#[test]
fn runs_in_which_processes_end_come_to_what_check_lists() {
    let script = |text: &str| format!("queue q(0)\nlock m\n{text}\n");
    with_each_end(&ENDS, ["exit 3", "let h = self\nkill h\njoin h"], 5 * runs(), script);
}

/// Each script, made whole, with each of the ends in the place of `END`.
fn with_each_end(scripts: &[&str], ends: [&str; 2], runs: u64, whole: impl Fn(&str) -> String) {
    let mut wrong = String::new();
    for script in scripts {
        for end in ends {
            let text = whole(&script.replace("END", end));
            wrong.push_str(&difference("an end", &text, runs).unwrap_or_default());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Daemons that wait for ever keep no run from its end: they end with their process.
#[test]
fn runs_with_stuck_daemons_come_to_what_check_lists() {
    let script = "lock m\nqueue q(0)\ntask d { m.acquire(); m.acquire() }\nspawn daemon d\n";
    let mut wrong = String::new();
    // Meanwhile the daemon is found out; or it comes to its wait when all else is stuck.
    let stuck = ["q.get()", "spawn daemon { sleep 1ms; q.get() }\nq.get()"];
    for rest in ["sleep 60ms", "spawn process { sleep 60ms }", "sleep 60ms\nexit 3"].iter().chain(&stuck) {
        wrong.push_str(&difference("stuck", &format!("{script}{rest}\n"), 5 * runs()).unwrap_or_default());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Whether anybody goes on beside those who are stuck is said in the same words everywhere.
#[test]
fn a_deadlock_beside_daemons_is_told_in_the_same_words() {
    let ways = [
        "task d { loop { yield } }\nspawn daemon d\ne.wait()",
        "task d { a += 1 }\nspawn daemon d\ne.wait()",
        "task d { loop { sleep 1ms } }\nspawn daemon process d\ne.wait()",
        "pool p(1)\ntask j { loop { a = 1 - a } }\nsubmit j to p\ne.wait()",
        "lock m\ntask d { m.acquire(); m.acquire() }\nspawn daemon d\ne.wait()",
        "e.wait()",
    ];
    for way in ways {
        let script = format!("event e\natomic a = 0\n{way}\n");
        let told = |args: &[&str]| {
            let ended = conc().file("script.conc", &script).args(args).start().finish();
            let found = ended.of_type("finding").into_iter().find(|f| f["code"] == "deadlock");
            let found = found.expect("there is a deadlock");
            let notes = found["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let go_on: Vec<String> = notes.filter(|n| n.ends_with("go on")).map(str::to_string).collect();
            (go_on, found["schedule"].as_str().unwrap_or_default().to_string())
        };
        let (checked, schedule) = told(&["check", "--format", "json", "script.conc"]);
        assert_eq!(checked.len(), 1, "{script}");
        let others = [
            told(&["run", "--format", "json", "script.conc"]),
            told(&["replay", "--format", "json", "script.conc", &schedule]),
            told(&["replay", "--model", "--format", "json", "script.conc", &schedule]),
        ];
        for other in others {
            assert_eq!(other.0, checked, "{script}");
        }
    }
}

/// What goes on without end where all others are stuck is cut short, wherever it is by then.
#[test]
fn runs_that_end_while_daemons_go_on_come_to_what_check_lists() {
    let stuck = [
        "lock m\nm.acquire()\nm.acquire()",
        "queue q\nq.get()",
        "lock a\nlock b\nbarrier both(2)\n\
         task x(one, two) { with one { both.wait()\n with two { } } }\nspawn x(a, b)\nspawn x(b, a)\njoin all",
    ];
    let going = [
        "task d { loop { sleep 1ms } }\nspawn daemon d",
        "task d { loop { n = (n + 1) % 3 } }\nspawn daemon d",
        "task d { loop { n = (n + 1) % 3 } }\nspawn daemon process d",
        "event e\ntask d { loop { n = (n + 1) % 2 } }\ntask f { e.wait() }\nspawn daemon d\nspawn daemon f x2",
        "pool p(1)\ntask d { loop { n = (n + 1) % 2 } }\nsubmit d to p",
    ];
    let mut wrong = String::new();
    for stuck in stuck {
        for going in going {
            let script = format!("atomic n = 0\n{going}\n{stuck}\n");
            wrong.push_str(&difference("cut short", &script, 3 * runs()).unwrap_or_default());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A process waits for all that it has spawned, whichever of its tasks has done so and
/// however late; who is forked in a thread or in a job ends with that code.
#[test]
fn runs_in_which_ends_wait_for_others_come_to_what_check_lists() {
    let scripts = [
        "pool p(1) of processes\ntask j { spawn process k }\nsubmit j to p\np.close()\njoin p\nassert n == 1",
        "pool p(2) of processes\ntask j { spawn k; spawn daemon k }\nsubmit j to p\np.close()\njoin p",
        "pool p(1) of processes\ntask j { spawn process k }\nsubmit j to p\np.close()\njoin p for 1ms\np.terminate()\njoin p",
        "pool p(1) of processes\ntask j { spawn process k; exit 3 }\nsubmit j to p\np.close()\njoin p",
        "let h = spawn { if fork() == 0 { spawn process k } else { wait() } }\njoin h\nassert n == 1",
        "let h = spawn { if fork() == 0 { spawn { spawn process k }; spawn daemon { sleep 100s } } else { wait() } }\njoin h",
        "let h = spawn { if fork() == 0 { let p = pool(1); let a = submit k to p; join a } else { print wait() } }\njoin h",
        "spawn { if fork() == 0 { spawn { sleep 1ms; n += 1 }; raise \"x\" } else { print wait() } }\njoin all",
        "pool p(1)\ntask j { if fork() == 0 { spawn k; return }; return wait() }\nlet a = submit j to p\njoin a\nassert n == 1",
        "pool p(1) of processes\ntask j { if fork() == 0 { assert false }; return wait() }\nlet a = submit j to p\njoin a\n\
         assert a.result == 1",
        "pool p(1)\ntask j { fork(); n += 1; print 1 }\nsubmit j to p\nsubmit j to p\np.close()\njoin p",
        "task t(p) { kill p }\nlet h = spawn process { let me = self; spawn t(me); atomically { repeat 99 { n += 1 } } }\njoin h",
        "spawn daemon { spawn k }",
        "spawn daemon { spawn process k; spawn k x2 }",
        "pool p(1)\nsubmit k to p\ntask j { spawn k; spawn process k }\nsubmit j to p",
    ];
    let text = |s: &&str| format!("atomic n = 0\ntask k {{ sleep 1ms; n += 1 }}\n{s}\n");
    let wrong: Vec<String> = scripts.iter().filter_map(|s| difference("an end", &text(s), 10 * runs())).collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// What `finally` prints, and does, is a part of the outcome, whoever has ended `main`.
#[test]
fn runs_with_a_finally_come_to_what_check_lists() {
    let scripts = [
        "spawn t\njoin all\nfinally { print \"end {x}\" }",
        "print \"m\"\nspawn t\njoin all\nprint \"n\"\nexit 3\nfinally { print \"end {x}\" }",
        "print \"m\"\nspawn { print \"t\"; exit 3 }\njoin all\nfinally { print \"end {x}\" }",
        "spawn t\nfinally { print \"end {x}\"; print \"again\"; assert x == 2; print \"never\" }",
        "spawn t as \"finally\"\njoin all\nfinally { print \"end {x}\" }",
        "spawn t as \"finally\"\nspawn t as \"finally (2)\"\njoin all\nfinally { print \"end {x}\" }",
        "spawn t x3\nfinally { print \"end {n}\"; x = 7; n = 8 }",
        "spawn process t\nspawn t\nfinally { print \"end {x}\" }",
        "let m = self\nspawn process { kill m }\nfinally { print \"end {x}\" }",
        "queue q\nq.get()\nfinally { print \"end {x}\" }",
        "spawn t\njoin all\nfinally { if x == 2 { print \"two\" } }",
        "pool p(1)\nsubmit t to p\nfinally { print x }",
    ];
    let text = |s: &&str| format!("var x = 0\natomic n = 0\ntask t {{ x = 1; n += 1; print \"t\" }}\n{s}\n");
    let wrong: Vec<String> = scripts.iter().filter_map(|s| difference("finally", &text(s), 5 * runs())).collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// It is nobody's print, and told as `finally`'s.
#[test]
fn what_finally_prints_is_told_as_its_own() {
    let script = "task t { print \"t\"; exit 3 }\nspawn t\njoin all\nfinally { print \"end\" }\n";
    let told = |args: &[&str]| conc().file("script.conc", script).args(args).start().finish();
    let wanted = serde_json::json!({"t": "t", "finally": "end"});
    let checked = told(&["check", "--format", "json", "script.conc"]);
    let repeated = told(&["run", "--format", "json", "--repeat", "2", "script.conc"]);
    for outcomes in [checked.of_type("outcome"), repeated.of_type("outcome")] {
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        assert_eq!(outcomes[0]["prints"], wanted);
    }
    let prints = told(&["run", "--format", "json", "script.conc"]).of_type("print");
    assert_eq!(prints.last().map(|p| (&p["task"], &p["text"])), Some((&"finally".into(), &"end".into())));
    assert_eq!(told(&["run", "script.conc"]).stdout, "t\nend\n");
}

/// Who ends itself, or its own process, makes no further step, within a block neither.
#[test]
fn runs_that_end_themselves_come_to_what_check_lists() {
    let scripts = [
        "let h = spawn process { END; x = 1; assert false }\njoin h",
        "let h = spawn process { x = 1; atomically { x = 2; END; x = 3 }; x = 4 }\njoin h\nprint x, h.exit_code",
        "task t(p) { kill p; x = 1 }\nlet h = spawn process { let me = self; spawn t(me); sleep 10ms }\njoin h",
        "let h = spawn process { with m { END; x = 1 }; x = 2 }\njoin h\nprint m.locked(), x",
        "let h = spawn { terminate self; x = 1; x = 2; let y = x; x = y + 1; f() }\nfn f() { x = 11; x = 12 }\njoin h",
        "let h = spawn { x = 1; atomically { x = 2; terminate self; x = 3 }; x = 4 }\njoin h\nprint x",
        "fn f() { terminate self; return true }\nlet h = spawn { await f(); x = 1 }\njoin h",
        "pool p(1)\ntask j { x += 1; terminate self; x += 10 }\nlet a = submit j to p\np.close()\njoin p\njoin a\nprint a.result, x",
        "let h = spawn process { spawn process { END; x = 1 }; spawn { terminate self; x = 2 }; join all; x = 3; END; x = 4 }\n\
         join h",
    ];
    let script = |text: &str| format!("shared x = 0\nlock m\n{text}\nfinally {{ assert x < 4 }}\n");
    with_each_end(&scripts, ["kill self", "terminate self"], 5 * runs(), script);
}

/// What a thread does is in the memory that is told of, or it is ended first.
#[test]
fn runs_that_exit_beside_threads_come_to_what_check_lists() {
    let scripts = [
        "var x = 0\ntask t { x = 1 }\nspawn t\nexit",
        "var x = 0\nshared y = 0\ntask t { x = 1; y = 1; x = 2; y = 2 }\nspawn t\nexit",
        "var x = 0\ntask t { x = 1; x = 2 }\nspawn t\nspawn { exit 2 }\njoin all",
        "var x = 0\nshared y = 0\ntask t { x = 1; atomically { x = 2; y = 2 }; x = 3 }\nspawn t\natomically { exit 4 }",
        "task t(code) { exit code }\nspawn t(1)\nspawn t(2)\nspawn t(3)\njoin all",
        "shared x = 0\nevent go\ntask t { go.set(); atomically { repeat 99 { x += 1 } } }\nlet w = spawn t\ngo.wait()\nterminate w\njoin w",
        "shared x = 0\nevent go\ntask t { go.set(); atomically { repeat 99 { x += 1 } } }\nlet w = spawn process t\ngo.wait()\nkill w\njoin w",
        "var v = 0\nshared a[2] = 0\ntask w { a[self.index] = v }\nspawn { v = 1 }\nspawn process w x2\njoin all",
        "var v = 0\nshared a[2] = 0\ntask j(n) { a[n] = v }\nspawn { v = 1 }\nlet p = pool(2, processes: true)\n\
         submit j(0) to p\nsubmit j(1) to p\np.close()\njoin p\njoin all",
        "atomic x = 0\ntask t { exit }\nspawn t\nprint 1\nx = 1\nprint 2\nprint 3",
        "task t { exit 9 }\nlet h = spawn t\njoin h\nprint h.exit_code",
        "atomic x = 0\ntask t { x = 1; print 1 }\nspawn daemon t\nif x == 1 { x = 2 }",
        "atomic x = 0\ntask t { x = 1; print 1; x = 2; print 2 }\nlet h = spawn process t\nif x == 1 { kill h }",
    ];
    let wrong: Vec<String> =
        scripts.iter().filter_map(|s| difference("an exit", &format!("{s}\n"), 10 * runs())).collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Who ends itself or its process within a block does so in the block's moment: nobody sees
/// what the block has done and not that end, and of two who end a process one does.
#[test]
fn runs_that_end_within_a_block_come_to_what_check_lists() {
    let child = "let h = spawn process c\nlet seen = 9\natomically { if x == 1 { seen = h.alive } }\njoin h\nprint h.exit_code, seen";
    let children = [
        "spawn { atomically { x = 1; exit 5 } }; atomically { if x == 1 { x = 2 } }",
        "spawn { atomically { x = 1; exit 5 } }; spawn { exit 6 }",
        "spawn daemon { atomically { x = 1; exit 5 } }",
        "spawn { atomically { x = 1; exit 5 } }; spawn { atomically { x = 2; exit 6 } }; spawn { atomically { x += 2 } }",
        "atomically { x = 1; exit 5 }",
        "atomically { x = 1; terminate self }",
    ];
    let others = [
        "let h = spawn { atomically { x = 1; terminate self } }\nlet seen = 9\natomically { if x == 1 { seen = h.alive } }\nprint seen",
        "pool p(1) of processes\ntask j { atomically { x = 1; exit 5 } }\nlet h = submit j to p\nlet seen = 9\n\
         atomically { if x == 1 { seen = h.alive } }\np.close()\njoin p\nprint seen",
    ];
    let all = children.iter().map(|c| format!("task c {{ {c} }}\n{child}")).chain(others.map(str::to_string));
    let wrong: Vec<String> =
        all.filter_map(|s| difference("an end in a block", &format!("shared x = 0\n{s}\n"), 10 * runs())).collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// A process whose parent has ended has another one, `conc`, in both.
#[test]
fn runs_in_which_parents_end_come_to_what_check_lists() {
    let scripts = [
        "let p = self.pid\nif fork() == 0 { print self.ppid == p; exit }",
        "let p = self.pid\nif fork() == 0 { while self.ppid == p { yield }; print 1; exit }",
        "let p = self.pid\nif fork() == 0 { await self.ppid != p; print 1; exit }\nexit 3",
        "task c { let p = self.pid; if fork() == 0 { a = 1; if self.ppid == p { a = 2 }; b = 1 } }\n\
         let h = spawn process c\njoin h\nprint a, b",
        "task c { let p = self.pid; if fork() == 0 { let x = self.ppid == p; let y = self.ppid == p; print x, y } }\n\
         let h = spawn process c\nkill h\njoin h",
        "task c { let p = self.pid; let h = spawn process { print self.ppid == p } }\nlet h = spawn process c\nkill h\njoin h",
        "queue q(1)\ntask c { let p = self.pid; if fork() == 0 { let h = q.get(); while self.ppid == p { yield }; \
         if h.alive { a = 5 } } }\nlet h = spawn process c\nq.put(h)",
    ];
    let wrong: Vec<String> = scripts
        .iter()
        .filter_map(|s| {
            let text = format!("# numbers are only compared\natomic a = 0\natomic b = 0\n{s}\n");
            difference("a parent", &text, 10 * runs())
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Scripts in which the process that makes several tasks may be ended in between. `TASKS`
/// stands for what it makes.
const CUT: [&str; 10] = [
    "task p { TASKS }\nlet h = spawn process p\nkill h\njoin h",
    "task p { TASKS }\nlet h = spawn process p\nif n > 0 { terminate h }\njoin h",
    "task p { TASKS }\nspawn process { spawn process p; exit 3 }\njoin all",
    "task p { TASKS }\nspawn daemon process p",
    "task p { TASKS }\nspawn daemon process { spawn process p }",
    "pool w(1) of processes\ntask p { TASKS }\nsubmit p to w",
    "let m = self\nspawn process { kill m }\nTASKS",
    "fn f() { return self }\nlet m = f()\nspawn { kill m }\nTASKS",
    "let m = self\nspawn process { if fork() == 0 { kill m } else { wait() } }\nTASKS",
    "if fork() == 0 { let m = self; spawn process { kill m }; TASKS } else { wait() }",
];

/// Then there are the first of them and no others.
#[test]
fn runs_in_which_a_maker_is_ended_come_to_what_check_lists() {
    let mut wrong = String::new();
    for script in CUT {
        for tasks in ["spawn process t x2", "spawn t x2", "let c = pool(2, processes: true)\nsubmit t to c"] {
            let text = format!("atomic n = 0\ntask t {{ n += 1 }}\n{}\n", script.replace("TASKS", tasks));
            wrong.push_str(&difference("cut", &text, 5 * runs()).unwrap_or_default());
        }
    }
    // By one of the two themselves.
    for what in ["spawn process t(m) x2", "spawn t(m) x2"] {
        let text = format!("atomic n = 0\ntask t(m) {{ n += 1; kill m }}\nlet m = self\n{what}\njoin all\n");
        wrong.push_str(&difference("cut", &text, 5 * runs()).unwrap_or_default());
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Ends that differ in any place of a row are two outcomes, however long the row is.
#[test]
fn every_place_of_a_row_belongs_to_the_outcome() {
    for memory in ["shared", "var", "atomic"] {
        let script = format!(
            "{memory} r[100] = 0\nlock m\ntask t(c) {{ with m {{ r[99] = c }} }}\nspawn t(1)\nspawn t(2)\njoin all\n"
        );
        let told = |args: &[&str]| {
            let ended = conc().file("s.conc", &script).args(args).args(["--format", "json", "s.conc"]).finish();
            let all = ended.of_type("outcome");
            let mut rest: Vec<String> = all.iter().map(|o| o["values"]["r[64..100]"].to_string()).collect();
            rest.sort();
            rest
        };
        let both = ["\"0 x35, 1\"", "\"0 x35, 2\""];
        assert_eq!(told(&["check"]), both, "{memory}");
        assert_eq!(told(&["check", "--strategy", "random", "--runs", "100"]), both, "{memory}");
        let ran = told(&["run", "--repeat", "3"]);
        assert!(ran.iter().all(|r| both.contains(&r.as_str())) && !ran.is_empty(), "{memory}: {ran:?}");
    }
}
