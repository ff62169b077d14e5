//! The programs below `scenarios/corpus/`, bugs that others published and
//! corrected twins: the verdicts of `conc check` are those that `corpus.jsonl`
//! beside this file states, and the table in `docs/corpus.md` says so. To write
//! the table anew run this with `CONC_BLESS=1`.
//!
//! `corpus.jsonl` came with the programs: a line each with what the published
//! bug is (`check.failures`), what is right to find too (`check.optional`), and
//! the objects concerned (`check.on`). It was written before there was a program
//! to run the scripts, and is not changed to suit one.

mod support;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use support::{Ended, conc};

/// Too large to explore within the time of a test; `conc check` finds its races
/// at once and, without a limit, its assertion.
const TOO_LARGE: &str = "sc-SafeStack";

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

fn cases() -> Vec<Case> {
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
    include_str!("corpus.jsonl").lines().map(parse).collect()
}

/// `mu` is `Account.mu` too, and `ws` is `ws[1]`.
fn is_named(expected: &str, name: &str) -> bool {
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
            ended.findings().iter().filter(of_code).any(|f| words(&f["on"]).iter().any(|n| is_named(name, n)))
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

This table is written by [`tests/corpus.rs`](../tests/corpus.rs), which fails if a
verdict is not right. Each is a complete exploration: what is not in the last column
is proved absent.

| program | known | `conc check` |
|---|---|---|
";

#[test]
fn the_verdicts_are_those_of_the_ground_truth() {
    let mut table = HEAD.to_string();
    let (mut wrong, mut right) = (Vec::new(), 0);
    for case in cases() {
        let known = match list(&case.may).as_str() {
            "none" => list(&case.must),
            may => format!("{} ({may})", list(&case.must)),
        };
        if case.id == TOO_LARGE {
            table.push_str(&format!("| `{}` | {known} | not in this table: too large for a test |\n", case.id));
            continue;
        }
        let path = root().join("scenarios/corpus").join(&case.file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let ended = conc()
            .file(&case.file, text)
            .args(["check", "--format", "json", case.file.as_str()])
            .args(&case.args)
            .finish();
        let faults = faults(&case, &ended);
        right += usize::from(faults.is_empty());
        wrong.extend(faults.iter().map(|f| format!("{}: {f}", case.id)));
        let found: BTreeSet<String> = ended.failures().into_iter().collect();
        table.push_str(&format!("| `{}` | {known} | {} |\n", case.id, list(&found)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    table.push_str(&format!("\nRight: {right} of {right}. Left out: `{TOO_LARGE}`.\n"));
    let path = root().join("docs/corpus.md");
    if std::env::var_os("CONC_BLESS").is_some() {
        std::fs::write(&path, &table).expect("the table can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, table, "docs/corpus.md differs; see the head of the test");
}
