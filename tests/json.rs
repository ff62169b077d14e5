//! `--format json`: every line has the fields and kinds of values that the
//! published schema demands. And the options of `run`: each does what it says.

use crate::support;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::sync::LazyLock;
use support::proc;
use support::{Ended, run, run_json};

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(conc::report::json::SCHEMA).expect("the schema is JSON"));

// ------------------------------------------------------------------ the schema

/// What is wrong with a value, by the words of JSON Schema that the schema
/// uses; nothing, if it is valid.
fn fault(value: &Value, schema: &Value, at: &str) -> Option<String> {
    let words = schema.as_object().expect("a schema is an object");
    words.iter().find_map(|(word, rule)| fault_of_word(value, word, rule, schema, at))
}

fn fault_of_word(value: &Value, word: &str, rule: &Value, schema: &Value, at: &str) -> Option<String> {
    let when = |wrong: bool, text: String| wrong.then(|| format!("{at}: {text}"));
    match word {
        "type" => when(!is_of_type(value, rule), format!("{value} is no {rule}")),
        "const" => when(value != rule, format!("{value} is not {rule}")),
        "enum" => when(!list(rule).contains(value), format!("{value} is none of {rule}")),
        "minimum" => when(value.as_f64() < rule.as_f64(), format!("{value} is below {rule}")),
        "required" => {
            list(rule).iter().find_map(|name| when(value.get(name.as_str()?).is_none(), format!("no {name}")))
        }
        "properties" => properties(value, rule, at),
        "items" => value.as_array()?.iter().find_map(|item| fault(item, rule, &format!("{at}[]"))),
        "additionalProperties" => others(value, rule, schema, at),
        "propertyNames" => value.as_object()?.keys().find_map(|name| fault(&json!(name), rule, at)),
        "$ref" => fault(value, definition(rule), at),
        "oneOf" => one_of(value, list(rule), at),
        "$schema" | "$defs" | "title" | "description" => None,
        word => panic!("the schema uses `{word}`, which this test cannot read"),
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("a list")
}

fn is_of_type(value: &Value, rule: &Value) -> bool {
    let is = |name: &str| match name {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        name => panic!("the schema has a type `{name}`"),
    };
    match rule {
        Value::String(name) => is(name),
        names => list(names).iter().filter_map(Value::as_str).any(is),
    }
}

fn properties(value: &Value, rules: &Value, at: &str) -> Option<String> {
    let rules = rules.as_object().expect("properties are an object");
    rules.iter().find_map(|(name, rule)| fault(value.get(name)?, rule, &format!("{at}.{name}")))
}

fn others(value: &Value, rule: &Value, schema: &Value, at: &str) -> Option<String> {
    let known = |name: &str| schema.get("properties").is_some_and(|p| p.get(name).is_some());
    let others = value.as_object()?.iter().filter(|(name, _)| !known(name));
    others.into_iter().find_map(|(name, value)| fault(value, rule, &format!("{at}.{name}")))
}

fn definition(reference: &Value) -> &'static Value {
    let path = reference.as_str().and_then(|r| r.strip_prefix('#')).expect("a reference into the schema");
    SCHEMA.pointer(path).expect("it is defined")
}

/// The one that is meant is that with the same `type`, for a better message.
fn one_of(value: &Value, rules: &[Value], at: &str) -> Option<String> {
    let same = |rule: &&Value| rule.pointer("/properties/type/const") == value.get("type");
    match rules.iter().find(same) {
        Some(rule) => fault(value, rule, at),
        None => Some(format!("{at}: no line has the type {}", value["type"])),
    }
}

/// Every line is valid, and the fields of each are known to the schema.
#[track_caller]
fn assert_valid(ended: &Ended) -> Vec<Value> {
    let lines = ended.json();
    for line in &lines {
        assert_eq!(fault(line, &SCHEMA, "line"), None, "{line}");
        let schema = list(&SCHEMA["oneOf"]).iter().find(|s| s.pointer("/properties/type/const") == line.get("type"));
        for name in line.as_object().expect("a line is an object").keys() {
            let known = schema.is_some_and(|s| s["properties"].get(name).is_some());
            assert!(known, "the schema does not have {name} of {line}");
        }
    }
    lines
}

/// A start, then what happened, then a summary that counts it.
#[track_caller]
fn assert_whole(ended: &Ended) {
    let lines = assert_valid(ended);
    assert_eq!(lines[0]["type"], "start", "{}", ended.stdout);
    assert_eq!(lines[0]["command"], "run");
    assert_eq!(lines[0]["file"], "script.conc");
    let summary = lines.last().expect("there are lines");
    assert_eq!(summary["type"], "summary", "{}", ended.stdout);
    assert_eq!(summary["exit_code"].as_i64(), ended.code.map(i64::from));
    assert_eq!(summary["findings"].as_u64(), Some(ended.failures().len() as u64));
    assert_eq!(summary["notes"].as_u64(), Some(ended.notes().len() as u64));
    let count = |kind: &str| lines.iter().filter(|l| l["type"] == kind).count();
    assert_eq!((count("start"), count("summary")), (1, 1), "{}", ended.stdout);
}

const RACE: &str = "
var x = 0
task t { x += 1; sleep 2ms; x += 1 }
let ts = spawn t x3
join ts
print \"done\"
";

/// At least one: each pair of places is one.
#[track_caller]
fn assert_only_races(ended: &Ended) {
    let failures = ended.failures();
    assert!(!failures.is_empty() && failures.iter().all(|f| f == "race"), "{failures:?}");
}

const DEADLOCK: &str = "
lock a
lock b
barrier both(2)
task one { with a { both.wait(); with b { } } }
task two { with b { both.wait(); with a { } } }
spawn one
spawn process two
";

/// Scripts that together show nearly every code, with the codes that always come.
const SHOWN: [(&str, &[&str]); 12] = [
    ("print \"a \\\"quoted\\\" line\\nand żółw\"", &[]),
    (RACE, &["race"]),
    (DEADLOCK, &["deadlock"]),
    ("lock m\nwith m { m.acquire() }", &["self-deadlock"]),
    (
        "lock a\nlock b\ntask one { with a { with b { } } }\ntask two { sleep 30ms; with b { with a { } } }\nspawn one\nspawn two",
        &["lock-order"],
    ),
    ("lock m\ntask t { m.acquire() }\nspawn t", &["abandoned-lock"]),
    ("lock m\ncondition c(m)\nwith m { c.notify() }\ntask t { with m { c.wait() } }\nspawn t", &["lost-wakeup"]),
    ("var x = 1\ninvariant x < 3\nrepeat 3 { x += 1 }", &["invariant"]),
    ("task t { assert 1 == 2, \"one\" }\ntask u { raise \"text\" }\nspawn t\nspawn u", &["assertion", "error"]),
    ("let pid = fork()\nif pid == 0 { exit 3 }\nsleep 30ms", &["zombie"]),
    ("queue q\nq.put(1)", &["left-in-queue"]),
    ("let pid = fork()\nif pid == 0 { sleep 30ms }", &["orphan"]),
];

#[test]
fn every_line_is_valid() {
    for (script, codes) in SHOWN {
        let ended = run_json(script).finish();
        assert_whole(&ended);
        let found: Vec<String> = ended.failures().into_iter().chain(ended.notes()).collect();
        for code in codes {
            assert!(found.iter().any(|f| f == code), "no {code} in {found:?} of\n{script}");
        }
        for finding in ended.findings() {
            assert!(
                finding["places"].as_array().is_some_and(|p| !p.is_empty()),
                "a finding without a place: {finding}"
            );
            assert!(finding["count"].as_u64() >= Some(1), "{finding}");
        }
        assert_eq!(ended.stderr, "");
    }
}

#[test]
fn errors_of_the_script_are_valid_lines() {
    let ended = run_json("lock m\nm()\nprint balnce\nm.aquire()\n").finish().expect_code(2);
    let lines = assert_valid(&ended);
    assert_eq!(lines.iter().filter(|l| l["type"] == "error").count(), 3, "{}", ended.stdout);
}

#[test]
fn prints_are_told_with_their_task() {
    let ended = run_json("task t { print self.index, \"of\", self.name }\nlet ts = spawn t x2\njoin ts\nprint \"end\"")
        .finish();
    assert_whole(&ended);
    let mut prints: Vec<(String, String)> = ended
        .of_type("print")
        .iter()
        .map(|p| (p["task"].as_str().unwrap().to_string(), p["text"].as_str().unwrap().to_string()))
        .collect();
    prints.sort();
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(prints, [pair("main", "end"), pair("t#0", "0 of t#0"), pair("t#1", "1 of t#1")]);
}

#[test]
fn a_check_says_what_came_of_each_expectation() {
    let script = "shared x = 0\natomic n = 0\ntask t { n += 1; if n < 2 { n += 1 } }\nspawn t x2\njoin all\n\
                  expect every n == 2\nexpect some n == 3\nexpect some n == 4\nexpect every n\nexpect ok\n";
    let check = |args: &[&str]| {
        let check = ["check", "--format", "json", "script.conc"].iter().chain(args);
        support::conc().file("script.conc", script).args(check).finish()
    };
    let ended = check(&[]).expect_code(1);
    assert_valid(&ended);
    let told = ended.of_type("expectation");
    let words = |e: &Value| (e["expect"].clone(), e["status"].clone(), e["places"][0]["line"].clone());
    let found: Vec<_> = told.iter().map(words).collect();
    let wanted = [("every", "fails", 6), ("some", "holds", 7), ("some", "fails", 8), ("every", "fails", 9)];
    assert_eq!(found, wanted.map(|(expect, status, line)| (json!(expect), json!(status), json!(line))));
    assert!(told.iter().all(|e| e["ends"].as_u64() > Some(1) && e["holds"].as_u64() < e["ends"].as_u64()), "{told:?}");
    assert_eq!(told[2]["holds"], 0);
    assert!(told[..3].iter().all(|e| e["why"].is_null()), "{told:?}");
    assert!(told[3]["why"].as_str().is_some_and(|why| why.contains("it is 2")), "{told:?}");

    let ended = check(&["--max-states", "3"]).expect_code(3);
    assert_valid(&ended);
    assert!(ended.of_type("expectation").iter().all(|e| e["status"] == "undecided"), "{}", ended.stdout);
}

// ------------------------------------------------------------ options of `run`

#[test]
fn the_same_seed_chooses_the_same() {
    let script = "let s = \"\"\nrepeat 40 { s = s + str(choose(0..10)) }\nprint s";
    let with = |seed: &str| run_json(script).args(["--seed", seed]).finish().expect_clean();
    let (one, again, other) = (with("1"), with("1"), with("2"));
    assert_eq!(one.prints(), again.prints());
    assert_ne!(one.prints(), other.prints(), "ten to the fortieth to one");
    assert_eq!(one.of_type("start")[0]["seed"], 1);
}

#[test]
fn the_hash_is_that_of_the_script() {
    let hash = |script: &str| run_json(script).finish().of_type("start")[0]["hash"].clone();
    assert_eq!(hash("print 1"), hash("print 1"));
    assert_ne!(hash("print 1"), hash("print 2"));
}

#[test]
fn repeat_counts_outcomes() {
    let script = "shared x = 0\ntask t { x = choose([1, 2]) }\nlet w = spawn t\njoin w\nprint x";
    let ended = run_json(script).args(["--repeat", "5", "--seed", "1"]).finish().expect_code(0);
    let lines = assert_valid(&ended);
    let outcomes = ended.of_type("outcome");
    let total: u64 = outcomes.iter().filter_map(|o| o["count"].as_u64()).sum();
    assert_eq!(total, 5, "{}", ended.stdout);
    for outcome in outcomes {
        assert_eq!(outcome["values"]["x"], outcome["prints"]["main"], "{outcome}");
    }
    assert_eq!(lines[0]["type"], "start");
}

#[test]
fn repeat_shows_each_finding_once() {
    let ended = run_json(RACE).args(["--repeat", "5", "--seed", "1"]).finish().expect_code(1);
    assert_valid(&ended);
    assert_eq!(ended.failures(), ["race"]);
    let certain = run_json("assert 1 == 2").args(["--repeat", "5"]).finish().expect_code(1);
    assert_valid(&certain);
    assert_eq!(certain.findings()[0]["count"], 5, "in each of its runs: {}", certain.stdout);
    let human = run(RACE).args(["--repeat", "5", "--seed", "1"]).finish().expect_code(1);
    assert_eq!(human.stderr.matches("error[race]").count(), 1, "{}", human.stderr);
}

/// Pauses change who goes first, never what is right.
#[test]
fn shake_keeps_a_right_script_right() {
    let script = "
        shared x = 0
        lock m
        queue q(2)
        task t { repeat 20 { with m { x += 1 }; q.put(1) } }
        spawn t x2
        spawn process t
        repeat 60 { q.get() }
        finally { assert x == 60 }
    ";
    for seed in ["1", "2", "3"] {
        run_json(script).args(["--shake", "--seed", seed]).finish().expect_clean();
        run_json(script).args(["--shake", "--gil", "--seed", seed]).finish().expect_clean();
    }
}

#[test]
fn without_the_detector_there_is_no_race_and_still_a_deadlock() {
    run_json(RACE).args(["--no-detect"]).finish().expect_clean();
    let ended = run_json(DEADLOCK).args(["--no-detect"]).finish().expect_code(1);
    assert_whole(&ended);
    assert_eq!(ended.failures(), ["deadlock"]);
}

#[test]
fn the_interpreter_lock_removes_no_race() {
    let ended = run_json(RACE).args(["--gil"]).finish().expect_code(1);
    assert_whole(&ended);
    assert_only_races(&ended);
}

/// Under the interpreter lock two threads that compute take turns: together
/// they can never be faster than one after the other.
#[test]
fn the_interpreter_lock_lets_one_thread_compute_at_a_time() {
    let ended = run_json("task t { busy 50ms }\nspawn t x3").args(["--gil"]).finish().expect_clean();
    let took = ended.of_type("summary")[0]["duration_ms"].as_f64().expect("a duration");
    assert!(took >= 149.0, "{took} ms");
}

#[test]
fn a_time_limit_ends_the_run_without_an_answer() {
    for script in ["sleep 100s", "loop { }", "task t { sleep 100s }\nspawn process t x3\nbusy 100s"] {
        let ended = run_json(script).args(["--time-limit", "200ms"]).finish().expect_code(3);
        assert_whole(&ended);
        assert!(ended.stderr.contains("the time limit was reached"), "{}", ended.stderr);
        let took = ended.of_type("summary")[0]["duration_ms"].as_f64().expect("a duration");
        assert!(took >= 200.0, "{took} ms");
    }
}

#[test]
fn what_was_known_at_the_time_limit_is_told() {
    let script = format!("{RACE}\nsleep 100s");
    let ended = run_json(script).args(["--time-limit", "500ms"]).finish().expect_code(1);
    assert_whole(&ended);
    assert_only_races(&ended);
    assert!(ended.stderr.contains("the time limit was reached"), "{}", ended.stderr);
}

/// Of several runs the one that is cut takes back nothing of what was found before.
#[test]
fn what_was_found_before_a_cut_run_is_told() {
    let script = "var x = 0\ntask t { x += 1 }\nif choose([true, false]) { sleep 100s }\nspawn t x2\njoin all\n";
    let mut codes = [0, 0];
    for seed in 0..8 {
        let args = ["--repeat", "50", "--time-limit", "500ms", "--seed", &seed.to_string()];
        let ended = run_json(script).args(args).finish();
        assert!(ended.stderr.contains("the time limit was reached"), "{}", ended.stderr);
        let found = usize::from(!ended.findings().is_empty());
        let code = [3, 1][found];
        assert_eq!(ended.code, Some(code), "seed {seed}: {}", ended.stdout);
        assert_eq!(ended.of_type("summary")[0]["exit_code"], code);
        codes[found] += 1;
    }
    assert!(codes[0] > 0 && codes[1] > 0, "{codes:?}");
}

/// With `--hang` a deadlock is reported and left standing for a debugger.
#[test]
fn a_deadlock_may_be_left_standing() {
    let mut conc = run(DEADLOCK).args(["--hang"]).start();
    let line = conc.until("the line about who hangs", |run| {
        let text = run.stderr();
        let line = &text[text.find("left standing: ")?..];
        let line = &line[..line.find("Ctrl-C\n")?];
        assert!(line.lines().all(|l| l.chars().count() <= 80), "{line}");
        Some(line.replace('\n', " "))
    });
    // It has nothing left to do by itself.
    conc.until("all are asleep", |run| {
        let mut threads = run.processes().into_iter().flat_map(|p| proc::threads(p.pid));
        threads.all(|t| t.state == 'S').then_some(())
    });
    assert!(!conc.has_ended(), "it ended by itself");
    for name in ["one", "two"] {
        let words: Vec<&str> = line.split([' ', ',', ';']).collect();
        let at = words.iter().position(|w| *w == name).unwrap_or_else(|| panic!("no {name} in {line}"));
        assert_eq!((words[at + 1], words[at + 3]), ("pid", "tid"), "{line}");
        let thread = proc::thread(words[at + 2].parse().expect("a pid"), words[at + 4].parse().expect("a tid"));
        assert_eq!(thread.map(|t| t.name).as_deref(), Some(name), "it is still there");
    }
    conc.signal(Signal::SIGINT);
    let ended = conc.finish().expect_code(130).expect_stderr("error[deadlock]");
    assert_eq!(ended.stderr.matches("error[deadlock]").count(), 1, "{}", ended.stderr);
}

#[test]
fn reports_of_a_run_go_to_standard_error() {
    let ended = run(RACE).finish().expect_code(1).expect_stderr("error[race]");
    assert_eq!(ended.stdout, "done\n");
}

#[test]
fn quiet_says_nothing_when_nothing_is_wrong() {
    let ended = run("print 1").args(["-q"]).finish().expect_code(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("1\n", ""));
}

#[test]
fn colours_are_for_who_wants_them() {
    let with = |when: &str| support::conc().file("script.conc", RACE).args(["run", "--color", when, "script.conc"]);
    let coloured = |conc: support::Conc| conc.finish().expect_code(1).stderr.contains("\u{1b}[");
    assert!(coloured(with("always")));
    assert!(!coloured(with("never")));
    assert!(!coloured(with("auto")), "a pipe is no terminal");
}

#[test]
fn constants_are_overridden() {
    let script = "const N = 1\nconst NAME = \"a\"\nconst OK = false\nconst T = 1ms\nprint N, NAME, OK, T";
    let ended = run(script).args(["-D", "N=-7", "-D", "NAME=b c", "-D", "OK=true", "-D", "T=2s"]).finish();
    assert_eq!(ended.expect_code(0).stdout, "-7 b c true 2s\n");
}
