//! `conc check`: what it prints, kept beside this file in `check/`; the pages of
//! `conc explain`; and what it does with a script that has no end, or too much
//! of something. To accept what is printed now, run the tests with
//! `CONC_BLESS=1` and read the differences.
//!
//! The corpus is `corpus.rs`; whether each scenario shows what it expects is
//! `conc test`'s.

mod support;

use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::time::Duration;
use support::{Conc, Ended, Running, conc, proc};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `conc check` on a file `script.conc` with this text.
fn check(script: &str) -> Conc {
    conc().file("script.conc", script).args(["check", "--color", "never", "script.conc"])
}

fn check_json(script: &str) -> Conc {
    check(script).args(["--format", "json"])
}

fn summary(ended: &Ended) -> serde_json::Value {
    ended.of_type("summary").pop().unwrap_or_else(|| panic!("no summary in\n{}", ended.stdout))
}

// ------------------------------------------------------------------ the reports

/// Scripts below `scenarios/`, for each of the findings and for none.
const REPORTS: [&str; 18] = [
    "atomics/peterson_atomic",
    "basics/check_then_act",
    "basics/choose",
    "basics/invariant",
    "basics/lost_update",
    "basics/uncaught_error",
    "conditions/if_instead_of_while",
    "conditions/lost_wakeup",
    "corpus/gn-etcd_3077",
    "locks/abandoned_by_kill",
    "locks/back_off_livelock",
    "locks/deadlock",
    "locks/deadlock_mended_by_timeout",
    "locks/self_deadlock",
    "processes/orphan_adopted_and_reaped",
    "processes/race_between_processes",
    "queues/consumer_waits_for_ever",
    "queues/left_in_queue",
];

/// A text with every number before one of these words, and behind
/// `"duration_ms":`, as a letter: with a better reduction there are fewer states,
/// and times are nobody's promise.
fn masked(text: &str) -> String {
    let words = [" states", " transitions", " ms", " s:"];
    let fields = ["\"states\":", "\"transitions\":", "\"duration_ms\":", "\"conc\":\""];
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let hidden = words.iter().any(|w| after.starts_with(w)) || fields.iter().any(|f| out.ends_with(f));
        out.push_str(if hidden { "N" } else { number });
        rest = after;
    }
    out + rest
}

#[track_caller]
fn assert_golden(name: &str, text: &str) {
    let path = root().join("tests/check").join(name);
    if std::env::var_os("CONC_BLESS").is_some() {
        std::fs::write(&path, text).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs; see the head of the test", path.display());
}

/// What `check` prints of a scenario, which is named as a user would.
fn report(script: &str, options: &[&str]) -> String {
    let file = format!("scenarios/{script}.conc");
    let text = std::fs::read_to_string(root().join(&file)).expect("the scenario can be read");
    let name = format!("{}.conc", script.replace('/', "-"));
    let ended = conc().file(&name, text).args(["check", name.as_str()]).args(options).env("COLUMNS", "80").finish();
    assert!(matches!(ended.code, Some(0 | 1)), "{script}: {ended:?}");
    assert_eq!(ended.stderr, "", "{script}");
    masked(&ended.stdout)
}

#[test]
fn reports_for_people() {
    let differ: Vec<&str> = REPORTS
        .into_iter()
        .filter(|script| {
            let golden = || {
                assert_golden(&format!("{}.txt", script.replace('/', "-")), &report(script, &["--color", "never"]));
            };
            std::panic::catch_unwind(golden).is_err()
        })
        .collect();
    assert!(differ.is_empty(), "see above: {differ:?}");
}

#[test]
fn reports_for_programs() {
    for script in ["basics/lost_update", "locks/deadlock", "locks/back_off_livelock", "queues/left_in_queue"] {
        assert_golden(&format!("{}.jsonl", script.replace('/', "-")), &report(script, &["--format", "json"]));
    }
}

#[test]
fn quiet_reports_are_a_line_a_finding() {
    let text = report("basics/lost_update", &["-q"]);
    let lines: Vec<&str> = text.lines().filter(|l| l.contains("error[")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(report("basics/hello", &["-q"]), "");
}

#[test]
fn every_golden_file_belongs_to_a_scenario() {
    for file in support::leftover::files_in(&root().join("tests/check")) {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(REPORTS.iter().any(|s| s.replace('/', "-") == name), "{} belongs to nothing", file.display());
    }
}

#[test]
fn the_same_report_each_time() {
    let one = report("conditions/if_instead_of_while", &[]);
    for _ in 0..5 {
        assert_eq!(report("conditions/if_instead_of_while", &[]), one);
    }
}

/// However many threads explore, nothing in a report is another one; also where it
/// is not all that there is.
#[test]
fn the_same_report_with_any_number_of_threads() {
    let files = ["scenarios", "tests/differential"].map(|f| support::leftover::files_in(&root().join(f)));
    let scripts: Vec<&PathBuf> =
        files.iter().flatten().filter(|f| f.extension().is_some_and(|e| e == "conc")).collect();
    assert!(scripts.len() > 150, "{} scripts", scripts.len());
    for script in scripts {
        let told = |jobs: &str| {
            let script = script.to_str().expect("UTF-8");
            let ended = conc()
                .args(["check", "--color", "never", "-v", "--format", "json", "--max-states", "30000"])
                .args(["--jobs", jobs, script])
                .finish();
            let text = ended.stdout.clone();
            let at = text.rfind("\"duration_ms\":").unwrap_or(text.len());
            let end = text[at..].find(',').map_or(text.len(), |n| at + n);
            (ended.code, text[..at].to_string() + &text[end..])
        };
        let one = told("1");
        assert_eq!(one, told("3"), "{}", script.display());
    }
}

// ------------------------------------------------------------ the explain pages

/// The scripts of a page, each with the codes that its `expect` lines name.
fn scripts_of(page: &str) -> Vec<(String, Vec<String>)> {
    let mut scripts = Vec::new();
    let mut inside: Option<String> = None;
    for line in page.lines() {
        match &mut inside {
            Some(_) if line.starts_with("```") => scripts.extend(inside.take()),
            Some(script) => {
                script.push_str(line);
                script.push('\n');
            }
            None if line.starts_with("```conc") => inside = Some(String::new()),
            None => {}
        }
    }
    let codes = |script: &String| {
        let expected = script.lines().filter_map(|l| l.strip_prefix("expect "));
        let words = expected.filter_map(|l| l.split_whitespace().next());
        words.filter(|w| !["ok", "some", "every"].contains(w)).map(String::from).collect()
    };
    scripts.into_iter().map(|s| (s.clone(), codes(&s))).collect()
}

fn is_failure(code: &str) -> bool {
    conc::detect::finding::Code::from_word(code).is_some_and(|c| !c.is_note())
}

#[test]
fn a_child_that_ends_before_or_after_its_parent() {
    let script = "let pid = fork()\nif pid == 0 { exit 3 }\nprint \"the parent goes on\"\n";
    let mut notes = check_json(script).finish().expect_code(0).notes();
    notes.sort();
    assert_eq!(notes, ["orphan", "zombie"]);
}

#[test]
fn the_examples_of_the_explain_pages() {
    let mut wrong = Vec::new();
    let pages = support::leftover::files_in(&root().join("src/report/explain"));
    assert!(pages.len() >= 17, "{pages:?}");
    for path in pages {
        let page = std::fs::read_to_string(&path).expect("the page can be read");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let scripts = scripts_of(&page);
        assert!(!scripts.is_empty(), "{name} has no example");
        for (n, (script, expected)) in scripts.iter().enumerate() {
            let ended = check_json(script).finish();
            let mut found = [ended.failures(), ended.notes()].concat();
            found.sort();
            found.dedup();
            // Beside the finding that it is about a page may have notes.
            let failures = |codes: &[String]| codes.iter().filter(|c| is_failure(c)).cloned().collect::<Vec<_>>();
            let as_said = failures(&found) == failures(expected) && expected.iter().all(|c| found.contains(c));
            if !as_said || summary(&ended)["complete"] != true {
                wrong.push(format!("{name}, example {}: {expected:?} expected, {found:?} found", n + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// ------------------------------------------------------------------- exit codes

#[test]
fn claims_about_ends() {
    let script = "atomic x = 0\ntask t { x += 1 }\nspawn t x2\n";
    let with = |claim: &str| check(&format!("{script}{claim}\n")).finish();
    // `main` waits at its end, so every end has both.
    with("expect every x == 2").expect_code(0);
    with("expect some x == 2").expect_code(0);
    let ended = with("expect every x == 1").expect_code(1);
    assert!(ended.stdout.contains("does not hold: true at the end of 0 of 1"), "{}", ended.stdout);
    with("expect some x == 1").expect_code(1);
    with("expect some x == 2\nexpect every x < 2").expect_code(1);
    // A failed claim is said however quiet the report is.
    let quiet = check(&format!("{script}expect every x == 1\n")).args(["-q"]).finish().expect_code(1);
    assert!(quiet.stdout.contains("does not hold"), "{}", quiet.stdout);
    // Before all ends are known neither is decided.
    for claim in ["every", "some"] {
        let ended = check(&format!("{COUNTING}expect {claim} n == 1\n")).args(["--max-states", "100"]).finish();
        let ended = ended.expect_code(3);
        assert!(ended.stdout.contains("is not decided: true at the end of 0 of 0"), "{}", ended.stdout);
    }
}

/// A run and a check say the same of an invariant that is neither true nor false.
#[test]
fn why_an_invariant_cannot_be_worked_out() {
    for (invariant, why) in [
        ("10 / n < 8", "it ends with DivideByZero: 10 / 0; n is 0"),
        ("[1, 2][2 - 2 * n] > 0", "it ends with Index:"),
        ("part()", "it is 0, which is not true and not false"),
        ("limits() > n", "it ends with Raised: n is 0"),
    ] {
        let script = format!(
            "shared n = 1\ninvariant {invariant}\nfn part() {{ if n == 1 {{ return true }} return n }}\n\
             fn limits() {{ if n == 0 {{ raise \"n is {{n}}\" }} return 2 }}\nn = 0\n"
        );
        for command in ["run", "check"] {
            let conc = conc().file("script.conc", &script);
            let ended = conc.args([command, "--format", "json", "script.conc"]).finish().expect_code(1);
            let found = ended.of_type("finding");
            assert_eq!(found.len(), 1, "{command} {invariant}: {found:?}");
            let message = found[0]["message"].as_str().unwrap_or_default();
            assert_eq!(message, "the invariant of line 2 cannot be worked out after a step of main");
            assert!(found[0]["places"].to_string().contains(why), "{command} {invariant}: {}", found[0]["places"]);
        }
    }
}

#[test]
fn a_wrong_script_is_not_explored() {
    let ended = check("lock m\nm()\n").finish().expect_code(2);
    assert_eq!(ended.stdout, "");
    let ended = check("semaphore s(0 - 1)\n").finish().expect_code(2);
    assert_eq!(ended.stdout, "");
    conc().args(["check", "nowhere.conc"]).finish().expect_code(2).expect_stderr("cannot be read");
    check("print 1").args(["--max-states", "0"]).finish().expect_code(2);
    check("print 1").args(["--max-memory", "much"]).finish().expect_code(2).expect_stderr("500MB");
}

// ----------------------------------------------------------------------- limits

/// Its states have no end.
const COUNTING: &str = "atomic n = 0\ntask t { loop { n += 1 } }\nspawn t x2\njoin all\n";

const TWO_WRITERS: &str = "atomic n = 0\ntask t { n += 1 }\nspawn t x2\njoin all\n";

fn undecided(ended: &Ended) {
    let summary = summary(ended);
    assert_eq!(summary["complete"], false, "{summary}");
    let verdicts = summary["verdicts"].as_object().expect("verdicts");
    assert!(verdicts.values().all(|v| v != "absent"), "{summary}");
}

#[test]
fn a_limit_of_states() {
    for states in ["1", "10", "1000"] {
        let ended = check_json(COUNTING).args(["--max-states", states]).finish().expect_code(3);
        undecided(&ended);
        let limit: u64 = states.parse().expect("a number");
        // The transitions of one state are all followed.
        let met = summary(&ended)["states"].as_u64().expect("a number");
        assert!((limit..limit + 8).contains(&met), "{met} states with a limit of {limit}");
    }
    // So many are within the limit, and one fewer is not.
    let whole = summary(&check_json(TWO_WRITERS).finish());
    let count = whole["states"].as_u64().expect("a number");
    for (states, complete) in [(count, true), (count - 1, false)] {
        let ended = check_json(TWO_WRITERS).args(["--max-states", &states.to_string()]).finish();
        assert_eq!(summary(&ended)["complete"], complete, "{states} states");
    }
    // A limit that is not reached is none.
    check_json("print 1\n").args(["--max-states", "1000"]).finish().expect_code(0);
}

/// A race on one place, and others whose accesses are ordered by a lock in many
/// ways.
const A_RACE_AND_OTHER_PLACES: &str = "\
var a[4] = 0
lock m
task t(i) {
    a[i] = 1
    repeat 2 { with m { } }
    a[0] += 1
}
spawn t(1)
spawn t(2)
spawn t(3)
join all
expect every a[1] == 1
";

/// Where a limit ends the search for further races, all else is decided by then.
#[test]
fn further_races_are_looked_for_last() {
    let ended = check_json(A_RACE_AND_OTHER_PLACES).args(["--max-states", "1200"]).finish().expect_code(1);
    assert_eq!(ended.failures(), ["race"]);
    let limited = summary(&ended);
    let whole = summary(&check_json(A_RACE_AND_OTHER_PLACES).finish().expect_code(1));
    assert_eq!((&limited["complete"], &whole["complete"]), (&false.into(), &true.into()));
    assert_eq!(limited["verdicts"], whole["verdicts"]);
    assert!(limited["states"].as_u64() < whole["states"].as_u64(), "{limited}\n{whole}");
    let told = check(A_RACE_AND_OTHER_PLACES).args(["--max-states", "1200"]).finish().stdout;
    assert!(told.contains("there may be more"), "{told}");
    assert!(!told.contains("not decided"), "{told}");
}

#[test]
fn a_limit_of_time() {
    undecided(&check_json(COUNTING).args(["--time-limit", "1ms"]).finish().expect_code(3));
    let ended = check(COUNTING).args(["--time-limit", "30ms"]).finish().expect_code(3);
    assert!(ended.stdout.contains("the time limit was reached"), "{}", ended.stdout);
}

#[test]
fn a_limit_of_memory() {
    undecided(&check_json(COUNTING).args(["--max-memory", "4MB"]).finish().expect_code(3));
}

#[test]
fn what_is_found_by_then_is_told() {
    let script = "atomic n = 0\nvar x = 0\ntask t { x += 1\n loop { n += 1 } }\nspawn t x2\njoin all\n";
    let ended = check_json(script).args(["--max-states", "3000"]).finish().expect_code(1);
    assert_eq!(ended.failures(), ["race"]);
    assert_eq!(summary(&ended)["complete"], false);
}

#[test]
fn interrupted_in_the_middle() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = check_json(COUNTING).start();
        // Before that a signal would just end it.
        running.until("signals being read", |run| has_blocked(run.pid(), signal));
        running.signal(signal);
        undecided(&running.finish().expect_code(130));
    }
    let mut running = check(COUNTING).start();
    running.until("signals being read", |run| has_blocked(run.pid(), Signal::SIGINT));
    running.signal(Signal::SIGINT);
    let ended = running.finish().expect_code(130).expect_stderr("interrupted");
    assert!(ended.stdout.contains("not decided"), "{}", ended.stdout);
}

/// Whether a process reads a signal when it likes, instead of being ended by it.
fn has_blocked(pid: i32, signal: Signal) -> Option<()> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|l| l.strip_prefix("SigBlk:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    (mask & (1 << (signal as i32 - 1)) != 0).then_some(())
}

#[test]
fn nobody_reads() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = check("var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\n").stdout(writer).finish();
    assert!(ended.signal.is_none(), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Scripts with too much of something: each is explored, or ends at a limit,
/// and says so.
const TOO_MUCH: [(&str, &str); 16] = [
    ("a loop without a step", "loop { }\n"),
    ("a loop over a local", "let i = 0\nwhile true { i += 1 }\n"),
    ("a loop in atomically", "atomically { loop { } }\n"),
    ("a loop in a condition", "fn f() { loop { } }\nawait f()\n"),
    ("a loop in an invariant", "var x = 0\nfn f() { loop { } }\ninvariant f()\nx = 1\n"),
    ("a loop over a var", "var i = 0\nwhile true { i += 1 }\n"),
    ("a string that doubles", "var s = \"x\"\nloop { s = s + s }\n"),
    ("a list that doubles", "var s = [1]\ntask t { loop { s = s + s } }\nspawn t x2\njoin all\n"),
    ("a list in a list", "var x = [1]\nloop { x = [x, x] }\n"),
    ("calls without end", "fn f(n) { return f(n + 1) }\nprint f(0)\n"),
    ("calls with steps", "atomic x = 0\nfn f() { x += 1\n f() }\ntask t { f() }\nspawn t x2\njoin all\n"),
    ("a queue without end", "queue q\nloop { q.put(\"something\") }\n"),
    ("tasks without end", "task t { spawn t }\nspawn t\n"),
    ("tasks in great number", "atomic x = 0\ntask t { x += 1 }\nspawn t x1000\njoin all\n"),
    ("processes without end", "loop { fork() }\n"),
    ("a choice among too many", "let x = choose(0..500000)\nprint x\n"),
];

#[test]
fn too_much_of_something() {
    let mut wrong = Vec::new();
    for (what, script) in TOO_MUCH {
        let limits = ["--time-limit", "300ms", "--max-memory", "200MB"];
        let run = || check_json(script).args(limits).limit(Duration::from_secs(40)).finish();
        match std::panic::catch_unwind(run) {
            Ok(ended) if matches!(ended.code, Some(0 | 1 | 3)) && !ended.of_type("summary").is_empty() => {}
            Ok(ended) => wrong.push(format!("{what}: {:?} {}", ended.code, ended.stderr)),
            Err(_) => wrong.push(format!("{what}: see above")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

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

#[test]
fn a_loop_that_changes_nothing_is_a_livelock() {
    assert_eq!(check_json("loop { }\n").finish().expect_code(1).failures(), ["livelock"]);
}

/// Twelve pairs that have nothing to do with each other have more orders than
/// states that can be kept; one pair after the other they have few, and one that
/// takes its locks the wrong way round is found among them, on a way that can be
/// replayed.
#[test]
fn parts_that_have_nothing_to_do_with_each_other() {
    let script = |wrong: &str| {
        format!(
            "const P = 12\nshared x[P] = 0\nlock m[P]\nlock n[P]\n\
             task one(i) {{ repeat 2 {{ with m[i] {{ with n[i] {{ x[i] += 1 }} }} }} }}\n\
             task two(i) {{ repeat 2 {{ {wrong}\nwith m[i] {{ with n[i] {{ x[i] += 2 }} }} }} }}\n\
             for i in 0..P {{ spawn one(i)\nspawn two(i) }}\njoin all\n"
        )
    };
    let limited = |script: &str| check_json(script).args(["--max-states", "600000"]).finish();
    limited(&script("")).expect_code(0);
    check_json(&script("")).args(["--max-states", "600000", "--without", "persistent"]).finish().expect_code(3);
    let wrong = script("if i == P - 1 { with n[i] { with m[i] { } } }");
    let found = limited(&wrong);
    assert_eq!(found.failures(), ["deadlock"]);
    assert_eq!(summary(&found)["complete"], true);
    let schedule = found.of_type("finding")[0]["schedule"].as_str().expect("it has a way").to_string();
    let replayed = conc().file("script.conc", &wrong).args(["replay", "--format", "json", "script.conc", &schedule]);
    assert_eq!(replayed.finish().failures(), ["deadlock"]);
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

/// What stands below a `return` is not done any more.
#[test]
fn who_has_returned_does_nothing_more() {
    let script = "event e\ntask t { e.wait()\n e.set() }\nspawn t\nreturn\n";
    let found = check_json(script).finish();
    assert_eq!(found.failures(), ["deadlock"]);
    let message = found.of_type("finding")[0]["message"].as_str().expect("a text").to_string();
    assert_eq!(message, "t waits for event e to be set, and only t itself could set");
}

/// An invariant that is no bool, or cannot be worked out, does not hold.
#[test]
fn an_invariant_that_cannot_be_told() {
    for wrong in ["x", "10 / x > 0", "[1, 2][x + 1] < 3"] {
        let script = format!("var x = 1\ninvariant {wrong}\nx = 5\nx = 0\n");
        assert_eq!(check_json(&script).finish().failures(), ["invariant"], "{wrong}");
        let ran = conc().file("script.conc", &script).args(["run", "--format", "json", "script.conc"]).finish();
        assert_eq!(ran.failures(), vec!["invariant"; ran.failures().len()], "{wrong}");
        assert!(!ran.failures().is_empty(), "{wrong}");
    }
}

/// No more errors are told than the twenty first, and they are found in no time.
#[test]
fn ten_thousand_wrong_names() {
    let ended = conc().file("script.conc", "x = 1\n".repeat(10_000)).args(["check", "script.conc"]).finish();
    let ended = ended.expect_code(2);
    assert_eq!(ended.stderr.lines().filter(|l| l.starts_with("error")).count(), 20);
}

/// What never comes to its end proves nothing, wherever it stands.
#[test]
fn what_goes_on_and_on_is_told() {
    let rests = "a `finally` that goes on and on";
    let ended = check_json("var x = 1\nfinally { while x == 1 { } }\n").finish().expect_code(3);
    assert_eq!(summary(&ended)["reason"], rests, "{}", ended.stdout);
    let chooses = "shared x = 0\natomically { let s = 0\nrepeat 24 { s = s * 2 + choose([0, 1]) }\nx = s }\n";
    let ended = check_json(chooses).finish().expect_code(3);
    assert_eq!(summary(&ended)["reason"], "a step with too many choices in it");
    let limited = check_json("let n = 0\nwhile n < 9 { n += choose([1, 2]) }\n").args(["--max-states", "5"]).finish();
    assert_eq!(summary(&limited.expect_code(3))["reason"], "the limit of states was reached");
}

/// Where all tasks have to do with each other nearly always, finding out whom to follow
/// is given up before it has cost anything.
#[test]
fn whom_to_follow_is_not_asked_for_in_vain() {
    let script = "const M = 701\nshared x = 0\nlock m\n\
        task worker { let me = self.index\nrepeat 3 { with m { x = (x * 7 + me + 1) % M } } }\n\
        spawn worker x5\njoin all\n";
    let made = |ended: &Ended| (summary(ended)["states"].clone(), summary(ended)["transitions"].clone());
    let with = check_json(script).finish();
    let without = check_json(script).args(["--without", "persistent"]).finish();
    assert_eq!(made(&with), made(&without));
    assert!(summary(&with)["states"].as_u64() > Some(1 << 18), "it is large enough to be asked for");
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
    for (script, wanted) in
        [(both, Some("deadlock")), (itself, Some("self-deadlock")), (left, Some("abandoned-lock")), (serves, None)]
    {
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

/// Who goes alone goes first, but not on a shortest way.
#[test]
fn the_way_has_no_turn_that_is_not_needed() {
    let script = "atomic n = 0\nvar y = 0\ntask a { n = 1; n = 2 }\ntask b { y += 1 }\n\
        spawn a\nspawn a\nspawn b\nspawn b\njoin all\n";
    let found = check_json(script).finish();
    assert_eq!(found.failures(), ["race"]);
    let schedule = found.of_type("finding")[0]["schedule"].as_str().expect("a way").to_string();
    assert_eq!(schedule.split('@').next(), Some("0x4.3x2.4"), "{schedule}");
    // What a task does behind the access that races.
    let goes_on = "shared y = 0\ntask t { loop { y = 1 } }\nspawn t x2\njoin all\n";
    let found = check_json(goes_on).finish();
    let race = found.findings().into_iter().find(|f| f["code"] == "race").expect("a race");
    assert_eq!(race["schedule"].as_str().and_then(|s| s.split('@').next()), Some("0.1.2"));
    // Whoever is stuck is so without those that have nothing to do with it.
    let beside = "var r[3] = 0\nlock l[3]\ntask t(i) { let k = choose(0..3); r[k] += 1 }\n\
        task u(i) { l[i].acquire(); l[(i + 1) % 3].acquire(); l[(i + 1) % 3].release(); l[i].release() }\n\
        for i in 0..2 { spawn t(i) }\nfor i in 0..3 { spawn u(i) }\njoin all\n";
    let found = check_json(beside).finish();
    assert_eq!(found.failures(), ["race", "deadlock"]);
    let race = &found.findings()[0];
    assert_eq!((&race["on"], &race["also_on"]), (&serde_json::json!(["r[0]"]), &serde_json::json!(["r[1]", "r[2]"])));
    let deadlock = found.findings()[1]["schedule"].as_str().expect("a way").to_string();
    assert_eq!(deadlock.split('@').next(), Some("0x5.3.4.5"), "{deadlock}");
}

/// A race with what comes behind a block in one step is not one of two blocks.
#[test]
fn blocks_in_one_step_do_not_race() {
    let script = "var x = 0\ntask t {\n    atomically { x += 1 }\n    let n = x\n}\nspawn t x2\n";
    let found = check_json(script).finish().of_type("finding");
    let places = found[0]["places"].as_array().expect("places");
    let label = |line: u64| places.iter().find(|p| p["line"] == line).and_then(|p| p["label"].as_str());
    assert_eq!((label(3), label(4)), (Some("t#1 writes 2"), Some("t#0 reads 1")), "{places:?}");
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

/// Who is told to be the reason why a wait has no end, in a run as in a check.
#[test]
fn the_reasons_of_a_wait_are_true() {
    let writer = "var x = 0\nvar one = 1\ntask w { let y = [1][one]; x = 1 }\nspawn w\nawait x == 1\n";
    let barrier = "barrier b(3)\ntask t { b.wait() }\nspawn t x2\njoin all\n";
    let itself = "task t { join self }\nspawn t\n";
    for (script, says) in [
        (writer, "main waits for its condition to become true, and w, which would write, "),
        (barrier, "t#0 and t#1 wait at barrier b, where 1 more task will never come"),
        (itself, "t waits for the end of t, which is itself"),
    ] {
        let run = conc().args(["run", "--format", "json", "-"]).input(script).finish();
        let check = check_json(script).finish();
        // The check tells of it while the writer that has failed has yet to end.
        let both = [("run", run), ("check", check)].into_iter().take(if script == writer { 1 } else { 2 });
        for (how, ended) in both {
            let findings = ended.of_type("finding");
            let told = findings.iter().filter(|f| f["code"] == "deadlock").map(|f| f["message"].to_string());
            let told: Vec<String> = told.collect();
            assert!(told.len() == 1 && told[0].contains(says), "{how}: {told:?}");
        }
    }
}

#[test]
fn long_rows() {
    let script = "shared x[1000000] = 0\nlock m[100000]\ntask t(i) { with m[i] { x[i] += 1 } }\nspawn t(0)\nspawn t(99999)\njoin all\n";
    let ended = check_json(script).limit(Duration::from_secs(50)).finish().expect_code(0);
    assert_eq!(summary(&ended)["complete"], true);
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

/// Who is stuck beside one that goes on without end is told of however early it ends.
#[test]
fn who_is_stuck_is_told_where_an_exploration_ends_early() {
    for (wait, object) in [("e.wait()", "event e"), ("e.acquire()", "semaphore e(0)"), ("e.get()", "queue e")] {
        let script = format!(
            "{object}\natomic n = 0\ntask t {{ let v = {wait} }}\ntask u {{ loop {{ n += 1 }} }}\nspawn u\nspawn t\njoin all\n"
        );
        for how in [&["--max-states", "3000"][..], &["--strategy", "random", "--runs", "3"]] {
            let ended = conc().args(["check", "--format", "json"]).args(how).args(["-"]).input(&script).finish();
            let found = ended.of_type("finding").into_iter().find(|f| f["code"] == "deadlock").expect("it is told");
            let schedule = found["schedule"].as_str().unwrap_or_default().to_string();
            assert!(schedule.starts_with("0x2@") || schedule.starts_with("0x2.2@"), "{schedule}");
        }
    }
}

/// Who only comes to look at its condition is a part of the deadlock, as in a replay.
#[test]
fn all_that_await_are_told_of() {
    let ended = check_json("shared v = 0\ntask t { await v > 0 }\nspawn t x2\njoin all\n").finish();
    let found = ended.of_type("finding").pop().expect("there is one");
    assert!(found["message"].as_str().unwrap_or_default().starts_with("t#0 and t#1 wait"), "{found}");
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

/// Each of several awaits its own condition, be it of an object's state.
#[test]
fn what_several_await_of_an_object() {
    let ended = check("semaphore s(0)\ntask t { await s.value() == 1 }\nspawn t\nspawn t\n").finish().expect_code(1);
    let text = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("t and t (2) wait for their conditions to become true, and no task is left to change it"),
        "{text}"
    );
}

// ------------------------------------------------- the same words as of a run

/// What a run and a check say of a script.
#[track_caller]
fn both_say(script: &str, all: &[&str]) {
    let run = support::run(script).finish();
    let check = check(script).finish();
    for says in all {
        // Where lines are broken is no matter.
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&run.stderr).contains(says), "a run does not say {says}\n{}", run.stderr);
        assert!(flat(&check.stdout).contains(says), "a check does not say {says}\n{}", check.stdout);
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
