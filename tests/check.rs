//! `conc check`: what it prints, kept beside this file in `check/`; the pages of
//! `conc explain`; what else is asked of it stands in the files of `check/`, a topic
//! each. To accept what is printed now, run the tests with `CONC_BLESS=1` and read the
//! differences.
//!
//! The corpus is `corpus.rs`; whether each scenario shows what it expects is
//! `conc test`'s.

use crate::support;

mod alike;
mod ends;
mod limits;
mod rounds;
mod waits;
mod words;

use limits::COUNTING;
use std::path::PathBuf;
use support::{Conc, Ended, conc};

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

/// A finding's schedule for real and by `--model`, each of which fails.
fn replays(script: &str, finding: &serde_json::Value) -> [Ended; 2] {
    let schedule = finding["schedule"].as_str().expect("it has one");
    [&[][..], &["--model"]].map(|model| {
        let replay = conc().args(["replay", "--format", "json"]).args(model.iter().copied());
        replay.args(["-", schedule]).input(script).finish().expect_code(1)
    })
}

fn summary(ended: &Ended) -> serde_json::Value {
    ended.of_type("summary").pop().unwrap_or_else(|| panic!("no summary in\n{}", ended.stdout))
}

// ------------------------------------------------------------------- the reports

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
    let files = support::leftover::files_in(&root().join("tests/check"));
    for file in files.iter().filter(|f| f.extension().is_none_or(|e| e != "rs")) {
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

// ------------------------------------------------------------- the explain pages

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

// -------------------------------------------------------------------- exit codes

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
        let said = "is not decided: no execution has come to its end by then";
        assert!(support::flat(&ended.stdout).contains(said), "{}", ended.stdout);
    }
    // Where nothing ever ends there is no end that a claim could be true at.
    for (claim, came_to) in [("every", "holds"), ("some", "does not hold")] {
        let ended = check(&format!("event e\ne.wait()\nexpect deadlock\nexpect {claim} true\n")).finish();
        let said = format!("expect {claim} (line 4)  {came_to}: no execution comes to its end\n");
        assert!(ended.stdout.contains(&said), "{}", ended.stdout);
    }
}

/// A run and a check say the same of an invariant that is neither true nor false.
#[test]
fn why_an_invariant_cannot_be_worked_out() {
    for (invariant, why) in [
        ("10 / n < 11", "it ends with DivideByZero: 10 / 0; n is 0"),
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

/// It is told of the step that broke it, and of none that found it broken: neither of another
/// process, nor of the same one. So does a replay.
#[test]
fn an_invariant_that_stays_broken_is_told_once() {
    let script = "shared x = 0\nshared z = 0\nlock m\ninvariant x < 4\ntask t1 {\n    with m { z += 1 }\n    z += 1\n}\n\
                  x = 4\nlet w = spawn process t1\njoin w\nx = 5\n";
    let of = |command: &[&str]| {
        let ended = conc().file("s.conc", script).args(command).args(["--format", "json", "s.conc"]).finish();
        let found = ended.of_type("finding");
        assert_eq!(found.len(), 1, "{command:?}: {found:?}");
        assert_eq!(found[0]["count"], 1, "{command:?}: {found:?}");
        (found[0]["message"].clone(), found[0]["schedule"].clone())
    };
    let (message, schedule) = of(&["check"]);
    assert_eq!(of(&["run"]).0, message);
    let schedule = schedule.as_str().expect("a check has one").to_string();
    let ended = conc().file("s.conc", script).args(["replay", "--format", "json", "s.conc", &schedule]).finish();
    assert_eq!(ended.failures(), ["invariant"], "{}", ended.stdout);
}

/// A block that two tasks are in would be none: `fork()` fails there, wherever it is called.
#[test]
fn a_fork_within_atomically_is_an_error() {
    let script = "fn f() { return fork() }\natomically { f() }\n";
    for command in ["run", "check"] {
        let ended = conc().file("s.conc", script).args([command, "--format", "json", "s.conc"]).finish();
        assert_eq!(ended.failures(), ["error"], "{command}: {}", ended.stdout);
        let message = ended.of_type("finding")[0]["message"].to_string();
        assert!(message.contains("an `atomically` block is one task's"), "{command}: {message}");
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

// ----------------------------------------------------------------- what is found

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

/// What is left of a way is needed, also of what goes with a step that is.
#[test]
fn no_turn_of_a_way_can_be_left_out() {
    let schedules = |script: &str| -> Vec<(String, String)> {
        let found = check_json(script).finish().of_type("finding");
        let one = |f: &serde_json::Value| {
            let way = f["schedule"].as_str().and_then(|s| s.split('@').next()).unwrap_or_default().to_string();
            (f["code"].as_str().unwrap_or_default().to_string(), way)
        };
        found.iter().map(one).collect()
    };
    let has = |script: &str, code: &str, way: &str| {
        let all = schedules(script);
        assert!(all.contains(&(code.to_string(), way.to_string())), "{script}{all:?}");
    };
    let seats = "atomic free = 1\ninvariant free >= 0\ntask buyer { if free > 0 { free -= 1 } }\n";
    has(&format!("{seats}spawn buyer x2\njoin all\n"), "invariant", "0.1.2x2.1");
    // Nobody has to come to the next one before the first has failed.
    has("atomic n = 0\ntask t { n = 1; assert n == 0 }\nspawn t\nn = 0\nn = 1\n", "assertion", "0.1x2");
    // All who are stuck are still told of, with those behind them.
    has("event e\ntask t { e.wait() }\nspawn t x2\njoin all\n", "deadlock", "0.1.2");
    // Who looks again and again is shown doing so once.
    let looks = "shared x = 0\nlock m\ntask t { with m { } }\nspawn t\nm.acquire()\nwhile x < 1 { yield }\n";
    has(looks, "livelock", "0x3");
    has(looks, "starvation", "0x3");
}
