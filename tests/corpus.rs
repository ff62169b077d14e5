//! The programs below `scenarios/corpus/`, and more of them below
//! `tests/corpus/`: bugs that others published, classic algorithms with and
//! without their classic mistakes, and corrected twins. The verdicts of `conc
//! check` are those that a ground truth states, each schedule that it prints
//! shows the same on real threads, and the tables in `docs/corpus.md` say so. To
//! write the tables anew run this with `CONC_BLESS=1`.
//!
//! The ground truths, `corpus.jsonl` and `corpus/cases.jsonl`, have a line for
//! each case: what the bug is (`check.failures`), what is right to find too
//! (`check.optional`), and the objects concerned (`check.on`). The first came
//! with its programs, before there was a program to run them, and is not changed
//! to suit one. The second was written down from the sources before each script
//! was run the first time; where a check showed it to be mistaken, the page of the
//! tables says so.

use crate::support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Ended, conc};

/// Too large to explore within the time of a test.
const TOO_LARGE: &str = "sc-SafeStack";

/// How many programs are looked at at the same time.
const AT_ONCE: usize = 3;

/// Programs with their ground truth.
struct Collection {
    folder: &'static str,
    truth: &'static str,
}

const FIRST: Collection = Collection { folder: "scenarios/corpus", truth: include_str!("corpus.jsonl") };
const SECOND: Collection = Collection { folder: "tests/corpus", truth: include_str!("corpus/cases.jsonl") };

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn words(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
}

struct Case {
    id: String,
    file: String,
    args: Vec<String>,
    must: BTreeSet<String>,
    may: BTreeSet<String>,
    on: Value,
}

fn cases(collection: &Collection) -> Vec<Case> {
    let parse = |line: &str| {
        let case: Value = serde_json::from_str(line).expect("a line of the corpus is JSON");
        let text = |field: &str| case[field].as_str().unwrap_or_default().to_string();
        Case {
            id: text("id"),
            file: text("file"),
            args: case["args"].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect(),
            must: words(&case["check"]["failures"]),
            may: words(&case["check"]["optional"]),
            on: case["check"]["on"].clone(),
        }
    };
    collection.truth.lines().map(parse).collect()
}

/// `mu` is `Account.mu` too, `ws` is `ws[1]`, and `reply` is `reply (line 9)`.
fn is_named(expected: &str, name: &str) -> bool {
    let name = name.split(" (line ").next().unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    [name, last].iter().any(|n| *n == expected || n.split('[').next() == Some(expected))
}

/// What is wrong with a verdict; nothing if it is right.
fn faults(case: &Case, ended: &Ended) -> Vec<String> {
    let found: BTreeSet<String> = ended.failures().into_iter().collect();
    let mut faults: Vec<String> = case.must.difference(&found).map(|c| format!("no {c}")).collect();
    let more = found.iter().filter(|c| !case.must.contains(*c) && !case.may.contains(*c));
    faults.extend(more.map(|c| format!("{c} is not in the ground truth")));
    for code in case.must.intersection(&found) {
        let named = |name: &str| {
            let of_code = |f: &&Value| f["code"] == code.as_str();
            // What those wait for who are stuck behind it is named as well.
            let names = |f: &Value| words(&f["on"]).into_iter().chain(words(&f["also_on"])).any(|n| is_named(name, &n));
            ended.findings().iter().filter(of_code).any(names)
        };
        let missing = words(&case.on[code]).into_iter().filter(|n| !named(n));
        faults.extend(missing.map(|n| format!("{code}: nothing names {n}")));
    }
    let complete = ended.of_type("summary").first().is_some_and(|s| s["complete"] == true);
    if !complete {
        faults.push("not all was explored".to_string());
    }
    faults
}

fn list(codes: &BTreeSet<String>) -> String {
    if codes.is_empty() { "none".to_string() } else { codes.iter().cloned().collect::<Vec<_>>().join(", ") }
}

const HEAD: &str = "# The corpus

Bugs that others published, and corrected twins, told again as scripts: kernels of
bugs in Go programs from GoKer (`gk-` blocking, `gn-` not blocking, `tw-` corrected)
and programs of SCTBench (`sc-`, `ok-` corrected). The scripts are in
[`scenarios/corpus`](../scenarios/corpus); where each comes from stands in its first
comment. What each is known to have was written down before `conc` could run it, in
[`tests/corpus.jsonl`](../tests/corpus.jsonl). Some findings are right though the
publication does not name them; they are in brackets.

The tables are written by [`tests/corpus.rs`](../tests/corpus.rs), which fails if a
verdict is not right. Each is a complete exploration: what is not in the last column
is proved absent. `sc-SafeStack`, with 8.6 million states and most of a minute to go
through them too much for a test, comes to assertion and race.

";

const MORE: &str = "
## More of them

Further kernels of GoKer and programs of SCTBench, and classics (`cl-`): algorithms for
mutual exclusion, the problems of *The little book of semaphores*, mistakes that the
manuals of Python and Java warn of, each with its right form (`ok-`) where there is one.
The scripts are in [`tests/corpus`](../tests/corpus), what each is known to have in
[`cases.jsonl`](../tests/corpus/cases.jsonl) beside them. It was written down before they
were run. Of five the first answer was mistaken and the check right: the customer of
`cl-barbershop` is a lost wake-up and no deadlock, that of `cl-notify_one_shared` the
other way round; in `cl-elevator` and `cl-smokers` others wait than was thought; and
`sc-sync02_bad` has a deadlock in any case, not only a lost wake-up.

";

const COLUMNS: &str = "| program | known | `conc check` |\n|---|---|---|\n";

/// What `conc check` says of a case.
fn explored(collection: &Collection, case: &Case) -> Ended {
    let path = root().join(collection.folder).join(&case.file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let arguments = ["check", "--format", "json", case.file.as_str()];
    conc().file(&case.file, text).args(arguments).args(&case.args).finish()
}

/// What `work` says of each, some of them at the same time, in their order.
fn each<T: Send>(cases: &[Case], work: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let (next, all) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let some = || {
        while let Some((at, case)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, cases.get(n)?))) {
            let said = work(case);
            all.lock().unwrap().push((at, said));
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(some))));
    let mut all = all.into_inner().unwrap();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, said)| said).collect()
}

/// The table of a collection, and what is wrong in it.
fn table(collection: &Collection) -> (String, Vec<String>) {
    let cases = cases(collection);
    let (mut table, mut wrong) = (COLUMNS.to_string(), Vec::new());
    let ends = each(&cases, |case| (case.id != TOO_LARGE).then(|| explored(collection, case)));
    let mut right = 0;
    for (case, ended) in cases.iter().zip(&ends) {
        let known = match list(&case.may).as_str() {
            "none" => list(&case.must),
            may => format!("{} ({may})", list(&case.must)),
        };
        let Some(ended) = ended else {
            table.push_str(&format!("| `{}` | {known} | not in this table: too large for a test |\n", case.id));
            continue;
        };
        let faults = faults(case, ended);
        right += usize::from(faults.is_empty());
        wrong.extend(faults.iter().map(|f| format!("{}: {f}", case.id)));
        let found: BTreeSet<String> = ended.failures().into_iter().collect();
        table.push_str(&format!("| `{}` | {known} | {} |\n", case.id, list(&found)));
    }
    table.push_str(&format!("\nRight: {right} of {right}."));
    if right < cases.len() {
        table.push_str(&format!(" Left out: `{TOO_LARGE}`."));
    }
    (table + "\n", wrong)
}

#[test]
fn the_verdicts_are_those_of_the_ground_truth() {
    let ((first, mut wrong), (second, more)) = (table(&FIRST), table(&SECOND));
    wrong.extend(more);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = format!("{HEAD}{first}{MORE}{second}");
    let path = root().join("docs/corpus.md");
    if std::env::var_os("CONC_BLESS").is_some() {
        std::fs::write(&path, &page).expect("the tables can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "docs/corpus.md differs; see the head of the test");
}

/// Of the scripts below `scenarios/` this is `replay.rs`'s affair.
#[test]
fn the_schedules_show_on_real_threads_what_the_exploration_found() {
    let cases = cases(&SECOND);
    let wrong = each(&cases, |case| {
        let text = std::fs::read_to_string(root().join(SECOND.folder).join(&case.file)).expect("it can be read");
        let mut wrong = Vec::new();
        for finding in explored(&SECOND, case).findings().iter().filter(|f| f["severity"] == "failure") {
            let (code, schedule) = (finding["code"].as_str(), finding["schedule"].as_str());
            let (code, schedule) = (code.expect("a code"), schedule.expect("a schedule"));
            let arguments = ["replay", "--format", "json", case.file.as_str(), schedule];
            let shown = conc().file(&case.file, &text).args(arguments).args(&case.args).finish();
            if !shown.failures().iter().any(|c| c == code) {
                wrong.push(format!("{}: {schedule} shows no {code}: {}", case.id, shown.stdout));
            }
        }
        wrong
    });
    let wrong: Vec<String> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The scripts have the one layout, and each has a line in the ground truth.
#[test]
fn each_script_has_the_layout_and_a_case() {
    let folder = root().join(SECOND.folder);
    let ended = conc().args(["fmt", "--check"]).args([&folder]).finish().expect_code(0);
    assert_eq!(ended.stdout, "");
    let there = support::leftover::files_in(&folder).into_iter().filter(|f| f.extension().is_some_and(|e| e == "conc"));
    let there: BTreeSet<String> =
        there.filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned())).collect();
    let known: BTreeSet<String> = cases(&SECOND).into_iter().map(|c| c.file).collect();
    assert_eq!(there, known);
}
