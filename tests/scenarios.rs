//! The scripts below `scenarios/`: they have the one layout, a plain run shows
//! nothing but what their `expect` lines allow, and it shows what
//! `scenarios/always.txt` beside this file says that every run shows.

mod support;

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

/// `expect CODE on NAMES`.
struct Expect {
    code: String,
    on: Vec<String>,
}

fn expectations(text: &str) -> Vec<Expect> {
    let lines = text.lines().filter_map(|l| l.strip_prefix("expect "));
    let findings = lines.filter(|l| !["ok", "some", "every"].contains(&l.split(' ').next().unwrap_or("")));
    let parse = |line: &str| {
        let line = line.split('#').next().unwrap_or(line).trim();
        let (code, on) = line.split_once(" on ").unwrap_or((line, ""));
        let on = on.split(", ").filter(|n| !n.is_empty()).map(String::from).collect();
        Expect { code: code.to_string(), on }
    };
    findings.map(parse).collect()
}

/// Whether an expected name is that of an object: `mu` is `Account.mu`, and
/// `ws` is `ws[1]`.
fn names(expected: &str, name: &str) -> bool {
    let without_index = |n: &str| n.split('[').next().unwrap_or(n).to_string();
    let last = name.rsplit('.').next().unwrap_or(name);
    [name, last].iter().any(|n| *n == expected || without_index(n) == expected)
}

impl Expect {
    fn allows(&self, finding: &Value) -> bool {
        let on: Vec<&str> = finding["on"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        finding["code"] == self.code.as_str() && self.on.iter().all(|e| on.iter().any(|n| names(e, n)))
    }
}

/// What is wrong with a run; nothing, if all is well.
fn faults(text: &str, always: &Always, ended: &Ended) -> Vec<String> {
    let mut faults = Vec::new();
    let expected = expectations(text);
    let findings = ended.findings();
    let failures: Vec<&Value> = findings.iter().filter(|f| f["severity"] == "failure").collect();
    for finding in failures.iter().filter(|f| !expected.iter().any(|e| e.allows(f))) {
        faults.push(format!("not expected: {} on {}: {}", finding["code"], finding["on"], finding["message"]));
    }
    for code in always.codes.iter().filter(|code| !findings.iter().any(|f| f["code"] == code.as_str())) {
        faults.push(format!("no {code} this time"));
    }
    let code = i32::from(!failures.is_empty());
    if ended.code != Some(code) {
        faults.push(format!("exit code {:?} with {} failures", ended.code, failures.len()));
    }
    let mut prints = ended.prints();
    prints.sort();
    if !always.prints_vary && prints != always.prints {
        faults.push(format!("printed {prints:?} instead of {:?}", always.prints));
    }
    if !ended.stderr.is_empty() {
        faults.push(format!("on standard error: {}", ended.stderr));
    }
    faults
}

fn check(script: &str, always: &Always) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(script)).expect("the script can be read");
    // The panic of a run that hangs or leaves something behind is a fault of
    // this script; the others are still looked at.
    let run = std::panic::catch_unwind(|| run_json(&text).finish());
    let faults = match run {
        Ok(ended) => faults(&text, always, &ended),
        Err(_) => vec!["see above".to_string()],
    };
    faults.into_iter().map(|fault| format!("{script}: {fault}")).collect()
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
