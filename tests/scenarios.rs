//! The scripts below `scenarios/`: they have the one layout, `conc test` finds in
//! them what their `expect` lines say, a plain run shows nothing but what these
//! allow, and it shows what `scenarios/always.txt` beside this file says that
//! every run shows.

use crate::support;

use conc::detect::expect::{Expectations, Seen};
use conc::detect::finding::Code;
use conc::lang::ast::Item;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Ended, conc, run_json};

/// How many scripts run at the same time: most of them sleep now and then.
const AT_ONCE: usize = 3;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The scripts, as `topic/name.conc`, in order.
fn scripts() -> Vec<String> {
    let files = support::leftover::files_in(&folder());
    let scripts = files.iter().filter(|f| f.extension().is_some_and(|e| e == "conc"));
    scripts.map(|f| f.strip_prefix(folder()).expect("it is below").to_string_lossy().into_owned()).collect()
}

/// What every run of a script shows.
#[derive(Default)]
struct Always {
    codes: Vec<String>,
    prints: Vec<String>,
    prints_vary: bool,
}

fn table() -> BTreeMap<String, Always> {
    let mut table: BTreeMap<String, Always> = BTreeMap::new();
    let mut script = String::new();
    for line in include_str!("scenarios/always.txt").lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let Some(fact) = line.strip_prefix("    ") else {
            script = line.to_string();
            assert!(table.insert(script.clone(), Always::default()).is_none(), "{script} is there twice");
            continue;
        };
        let always = table.get_mut(&script).expect("a script stands above");
        match fact.strip_prefix("> ") {
            Some(print) => always.prints.push(print.to_string()),
            None if fact == "prints vary" => always.prints_vary = true,
            None => always.codes.push(fact.to_string()),
        }
    }
    table
}

/// What a script expects, as `conc test` understands it.
fn expectations(text: &str) -> Expectations {
    let script = conc::lang::parse::parse(text).expect("a scenario parses");
    let expects = script.items.iter().filter_map(|item| match item {
        Item::Expect(expect) => Some(expect),
        _ => None,
    });
    Expectations::of(expects, text)
}

/// A finding of a run, as an `expect` line asks for it.
fn seen(finding: &Value) -> Seen {
    let code = finding["code"].as_str().and_then(Code::from_word).expect("a known code");
    let names = |field: &str| finding[field].as_array().into_iter().flatten().filter_map(Value::as_str);
    let on = names("on").chain(names("also_on")).map(String::from).collect();
    Seen { code, on, circle_of_locks: false }
}

/// What should have come in a run and did not. What tasks print that `sleep` brings together
/// depends on that too.
fn missed(text: &str, always: &Always, ended: &Ended) -> Vec<String> {
    let findings = ended.findings();
    let came = |code: &&String| findings.iter().any(|f| f["code"] == code.as_str());
    let codes = always.codes.iter().filter(|code| !came(code)).map(|code| format!("no {code} in {TRIES} runs"));
    codes.chain(other_prints(always, ended).into_iter().filter(|_| sleeps(text))).collect()
}

/// Whether a script brings its tasks together by a `sleep`.
fn sleeps(text: &str) -> bool {
    text.lines().any(|line| line.split('#').next().is_some_and(|code| code.contains("sleep ")))
}

/// What was printed, if that is something else than what always is.
fn other_prints(always: &Always, ended: &Ended) -> Option<String> {
    let mut prints = ended.prints();
    prints.sort();
    let other = !always.prints_vary && prints != always.prints;
    other.then(|| format!("printed {prints:?} instead of {:?}", always.prints))
}

/// What is wrong with a run, but for what did not come; nothing, if all is well.
fn faults(text: &str, always: &Always, ended: &Ended) -> Vec<String> {
    let mut faults = Vec::new();
    let expected = expectations(text);
    let findings = ended.findings();
    let failures: Vec<&Value> = findings.iter().filter(|f| f["severity"] == "failure").collect();
    for finding in failures.iter().filter(|f| !expected.allow(&seen(f))) {
        faults.push(format!("not expected: {} on {}: {}", finding["code"], finding["on"], finding["message"]));
    }
    let code = i32::from(!failures.is_empty());
    if ended.code != Some(code) {
        faults.push(format!("exit code {:?} with {} failures", ended.code, failures.len()));
    }
    faults.extend(other_prints(always, ended).filter(|_| !sleeps(text)));
    if !ended.stderr.is_empty() {
        faults.push(format!("on standard error: {}", ended.stderr));
    }
    faults
}

/// Many of the scripts bring their tasks together by a `sleep`, as people do who
/// look for a bug. On a busy machine that misses now and then, so what should
/// come has some runs to come in; a run that it comes in must be right in all.
const TRIES: usize = 6;

fn check(script: &str, always: &Always) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(script)).expect("the script can be read");
    let mut wrong = Vec::new();
    for _ in 0..TRIES {
        // The panic of a run that hangs or leaves something behind is a fault of
        // this script; the others are still looked at.
        let run = std::panic::catch_unwind(|| run_json(&text).finish());
        let Ok(ended) = run else {
            wrong = vec!["see above".to_string()];
            break;
        };
        wrong = missed(&text, always, &ended);
        let other = faults(&text, always, &ended);
        if wrong.is_empty() || other.iter().any(|f| f.starts_with("not expected")) {
            wrong.extend(other);
            break;
        }
    }
    wrong.into_iter().map(|fault| format!("{script}: {fault}")).collect()
}

#[test]
fn a_plain_run_shows_what_it_must_and_nothing_else() {
    let table = table();
    let scripts = scripts();
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(always) = table.get(script) {
                faults.lock().unwrap().extend(check(script, always));
            }
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Too large to be explored within a test: the lock-free stack whose fault takes
/// three tasks and nine operations to show.
const TOO_LARGE: &str = "sc-SafeStack";

/// Ten jobs for three workers are 2 million states; four are some thousands.
const SMALLER: &str = "JOBS=4";

#[test]
fn conc_test_agrees_with_every_script() {
    let conc = conc().args(["test", "-q", "-D", SMALLER, "--skip", TOO_LARGE]).args([folder()]);
    let ended = conc.finish();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let left_out = scripts().iter().filter(|s| s.contains(TOO_LARGE)).count();
    let all = format!("{} scripts, ", scripts().len() - left_out);
    assert!(ended.stdout.starts_with(&all), "{}", ended.stdout);
}

#[test]
fn the_table_has_every_script() {
    let (table, scripts): (BTreeSet<String>, BTreeSet<String>) =
        (table().into_keys().collect(), scripts().into_iter().collect());
    let missing: Vec<_> = scripts.difference(&table).collect();
    assert!(missing.is_empty(), "not in tests/scenarios/always.txt: {missing:?}");
    let gone: Vec<_> = table.difference(&scripts).collect();
    assert!(gone.is_empty(), "in tests/scenarios/always.txt only: {gone:?}");
}

#[test]
fn every_script_has_the_one_layout() {
    let ended = conc().args(["fmt", "--check"]).args([folder()]).finish().expect_code(0);
    assert_eq!(ended.stdout, "");
}

#[test]
fn every_script_says_what_it_teaches_and_what_to_expect() {
    for script in scripts() {
        let text = std::fs::read_to_string(folder().join(&script)).expect("the script can be read");
        assert!(text.starts_with("# "), "{script}: no comment at the top");
        assert!(text.lines().any(|l| l.starts_with("expect ")), "{script}: no `expect`");
    }
}
