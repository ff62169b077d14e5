//! The reductions of `check` against none: over many random programs both must
//! come to the same verdicts and the same outcomes.
//!
//! `CONC_PROGRAMS=100000 cargo test --release --test differential` is the long
//! run; `CONC_SEED` is the first program's seed, and `CONC_WITH=pool` leaves out
//! those that have no such word.

mod generate;
mod oracle;

use conc::check::{self, Options, Outcome, Report, Verdict};
use conc::detect::finding::Code;
use conc::program::Program;
use generate::{Node, Wish, compile, number};
use std::collections::BTreeSet;

/// So many states of the finest division; a program with more is left out.
const STATES_MAX: u64 = 30_000;

/// Ways to explore that must come to the same.
fn ways() -> Vec<(&'static str, Options)> {
    let default = Options { states_max: Some(STATES_MAX), ..Options::default() };
    vec![
        ("plain", Options { plain: true, ..default.clone() }),
        ("reduced", default.clone()),
        ("reduced, exact order", Options { exact: true, ..default.clone() }),
        ("plain, exact order", Options { plain: true, exact: true, ..default.clone() }),
        ("no merging", Options { merging: false, ..default.clone() }),
        ("no guarding", Options { guarding: false, ..default.clone() }),
        ("no joining", Options { joining: false, ..default.clone() }),
        ("nobody alone", Options { alone: false, ..default.clone() }),
        ("no symmetry", Options { symmetry: false, ..default }),
    ]
}

fn explore(program: &'static Program, options: &Options) -> Option<Report> {
    let report = check::check(program, options, &mut |_| None).ok()?;
    report.complete().then_some(report)
}

/// What must not depend on how it was explored.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    verdicts: Vec<(Code, Verdict)>,
    races: BTreeSet<String>,
    outcomes: BTreeSet<String>,
}

fn seen(report: &Report) -> Seen {
    let races = report.found.iter().filter(|s| s.finding.code == Code::Race).flat_map(|s| s.finding.on.clone());
    Seen {
        verdicts: report.verdicts.clone(),
        races: races.collect(),
        outcomes: report.outcomes.iter().map(told).collect(),
    }
}

/// An outcome with its tasks in an order that does not depend on which of them
/// was met first.
fn told(outcome: &Outcome) -> String {
    let mut outcome = outcome.clone();
    outcome.prints.sort();
    outcome.ended.sort();
    format!("{outcome:?}")
}

/// How two ways to explore a program differ, if they do.
fn disagreement(program: &'static Program) -> Option<String> {
    let mut first: Option<(&str, Seen)> = None;
    for (name, options) in ways() {
        let Some(report) = explore(program, &options) else { continue };
        let seen = seen(&report);
        match &first {
            None => first = Some((name, seen)),
            Some((other, other_seen)) if *other_seen != seen => {
                return Some(difference((other, other_seen), (name, &seen)));
            }
            _ => {}
        }
    }
    let (name, seen) = first?;
    oracle_differs(program, name, &seen)
}

/// What the walk through all executions tells otherwise.
fn oracle_differs(program: &'static Program, name: &str, seen: &Seen) -> Option<String> {
    let told = oracle::ask(program, number("CONC_TURNS", 20_000), number("CONC_MATCHING", 1) > 0, told)?;
    let mut out = String::new();
    let mut compare = |what: &str, ours: &BTreeSet<String>, theirs: &BTreeSet<String>| {
        let missing: Vec<_> = theirs.difference(ours).collect();
        let more: Vec<_> = ours.difference(theirs).collect();
        if !missing.is_empty() || (told.complete && !more.is_empty()) {
            out.push_str(&format!("{what}: only the oracle: {missing:?}; only {name}: {more:?}\n"));
        }
    };
    compare("races", &seen.races, &told.races);
    compare("outcomes", &seen.outcomes, &told.outcomes);
    let found = |codes: &[Code]| seen.verdicts.iter().any(|v| codes.contains(&v.0) && v.1 == Verdict::Found);
    // `finally` fails beyond the last turn.
    let failed = found(&[Code::Assertion, Code::Error]);
    if (told.failed && !failed) || told.broken_invariant && !found(&[Code::Invariant]) {
        out.push_str("an error or invariant: only the oracle\n");
    }
    (!out.is_empty()).then_some(out)
}

fn difference((one, a): (&str, &Seen), (two, b): (&str, &Seen)) -> String {
    let mut out = String::new();
    for (x, y) in a.verdicts.iter().zip(&b.verdicts).filter(|(x, y)| x != y) {
        out.push_str(&format!("{one}: {x:?}, {two}: {y:?}\n"));
    }
    if a.races != b.races {
        out.push_str(&format!("races: {one}: {:?}, {two}: {:?}\n", a.races, b.races));
    }
    for o in a.outcomes.difference(&b.outcomes).take(3) {
        out.push_str(&format!("only {one}: {o}\n"));
    }
    for o in b.outcomes.difference(&a.outcomes).take(3) {
        out.push_str(&format!("only {two}: {o}\n"));
    }
    out
}

/// So many programs in one process, whose memory only grows: a compiled program
/// stays as long as it does.
const BATCH: u64 = 1000;

fn in_batches(first: u64, count: u64) {
    let mut failed = Vec::new();
    for from in (first..first + count).step_by(BATCH as usize) {
        let this = std::env::current_exe().expect("the test knows itself");
        let mut command = std::process::Command::new(this);
        command.args(["--exact", "reductions_change_nothing", "--nocapture"]);
        let most = BATCH.min(first + count - from).to_string();
        command.env("CONC_SEED", from.to_string()).env("CONC_PROGRAMS", most);
        if !command.status().expect("it can be started").success() {
            failed.push(from);
        }
    }
    assert!(failed.is_empty(), "differences among the {BATCH} programs from each of {failed:?} on; see above");
}

#[test]
fn reductions_change_nothing() {
    let (first, count) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", 600));
    if count > BATCH {
        return in_batches(first, count);
    }
    let mut wrong: Vec<String> = Vec::new();
    let with = std::env::var("CONC_WITH").unwrap_or_default();
    let (mut compiled, mut complete) = (0, 0);
    let mut verdicts = std::collections::BTreeMap::<String, u64>::new();
    for seed in first..first + count {
        let program = generate::program(seed, Wish { ends: false });
        let text = generate::text(&program);
        if !with.is_empty() && !text.contains(&with) {
            continue;
        }
        let Some(compiled_one) = compile(&text) else {
            if number("CONC_SHOW", 0) > 0 {
                eprintln!("seed {seed} does not compile:\n{text}");
            }
            continue;
        };
        compiled += 1;
        if number("CONC_SHOW", 0) > 1 {
            eprintln!("seed {seed}:\n{text}");
        }
        let Some(report) = explore(compiled_one, &ways()[0].1) else { continue };
        complete += 1;
        let found: Vec<_> = report.verdicts.iter().filter(|v| v.1 == Verdict::Found).collect();
        found.iter().for_each(|v| *verdicts.entry(format!("{:?}", v.0)).or_default() += 1);
        if found.is_empty() {
            *verdicts.entry("clean".to_string()).or_default() += 1;
        }
        if disagreement(compiled_one).is_some() {
            let differs = |text: &str| compile(text).and_then(disagreement);
            let shows = |nodes: &[Node]| differs(&generate::text(nodes)).is_some();
            let small = generate::text(&generate::smaller::smallest(&program, shows));
            let how = differs(&small).unwrap_or_default();
            eprintln!("seed {seed}:\n{small}{how}");
            wrong.push(format!("seed {seed}:\n{small}{how}"));
            if wrong.len() >= number("CONC_WRONG_MAX", 5) as usize {
                break;
            }
        }
    }
    eprintln!("{count} programs, {compiled} compile, {complete} small enough; found {verdicts:?}");
    assert!(wrong.is_empty(), "{} programs of which two explorations tell different things; see above", wrong.len());
    assert!(complete * 10 >= compiled * 8, "too few programs are small enough");
}

/// Programs on which ways to explore did not agree once, or would not without
/// what was done about it; below `tests/differential`, each with why.
#[test]
fn what_once_differed_does_not() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("it can be read");
        let program = compile(&text).unwrap_or_else(|| panic!("{:?} does not compile", file.path()));
        let report = explore(program, &ways()[0].1).expect("it is small");
        let expected: BTreeSet<String> =
            text.lines().filter_map(|l| l.strip_prefix("expect race on ")).map(str::to_string).collect();
        assert_eq!(seen(&report).races, expected, "races of {:?}", file.path());
        assert_eq!(disagreement(program), None, "{:?}", file.path());
        count += 1;
    }
    assert!(count >= 10, "only {count} programs");
}
