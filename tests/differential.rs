//! The reductions of `check` against none: over many random programs both must
//! come to the same verdicts and the same outcomes.
//!
//! `CONC_PROGRAMS=100000 cargo test --release --test differential` is the long
//! run; `CONC_SEED` is the first program's seed.

mod generate;

use conc::check::{self, Options, Report, Verdict};
use conc::detect::finding::Code;
use conc::objects::KINDS;
use conc::program::Program;
use generate::{Node, Wish};
use std::collections::BTreeSet;

/// So many states of the finest division; a program with more is left out.
const STATES_MAX: u64 = 30_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

fn compile(text: &str) -> Option<&'static Program> {
    let script = conc::lang::parse::parse(text).ok()?;
    let program = conc::program::compile(&script, text, KINDS, &[]).ok()?;
    Some(Box::leak(Box::new(program)))
}

fn explore(program: &'static Program, plain: bool) -> Option<Report> {
    let options = Options { states_max: Some(STATES_MAX), plain, ..Options::default() };
    let report = check::check(program, &options, &mut |_| None).ok()?;
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
        outcomes: report.outcomes.iter().map(|o| format!("{o:?}")).collect(),
    }
}

/// How two ways to explore a program differ, if they do.
fn disagreement(text: &str) -> Option<String> {
    let program = compile(text)?;
    let plain = seen(&explore(program, true)?);
    let reduced = seen(&explore(program, false)?);
    if plain == reduced {
        return None;
    }
    let mut out = String::new();
    for (a, b) in plain.verdicts.iter().zip(&reduced.verdicts).filter(|(a, b)| a != b) {
        out.push_str(&format!("plain {a:?}, reduced {b:?}\n"));
    }
    if plain.races != reduced.races {
        out.push_str(&format!("races: plain {:?}, reduced {:?}\n", plain.races, reduced.races));
    }
    for o in plain.outcomes.difference(&reduced.outcomes).take(3) {
        out.push_str(&format!("only plain: {o}\n"));
    }
    for o in reduced.outcomes.difference(&plain.outcomes).take(3) {
        out.push_str(&format!("only reduced: {o}\n"));
    }
    Some(out)
}

#[test]
fn reductions_change_nothing() {
    let (first, count) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", 2000));
    let mut wrong: Vec<String> = Vec::new();
    let (mut compiled, mut complete) = (0, 0);
    let mut verdicts = std::collections::BTreeMap::<String, u64>::new();
    for seed in first..first + count {
        let program = generate::program(seed, Wish { ends: false });
        let text = generate::text(&program);
        let Some(compiled_one) = compile(&text) else {
            if number("CONC_SHOW", 0) > 0 {
                eprintln!("seed {seed} does not compile:\n{text}");
            }
            continue;
        };
        compiled += 1;
        let Some(report) = explore(compiled_one, true) else { continue };
        complete += 1;
        let found: Vec<_> = report.verdicts.iter().filter(|v| v.1 == Verdict::Found).collect();
        found.iter().for_each(|v| *verdicts.entry(format!("{:?}", v.0)).or_default() += 1);
        if found.is_empty() {
            *verdicts.entry("clean".to_string()).or_default() += 1;
        }
        if disagreement(&text).is_some() {
            let shows = |nodes: &[Node]| disagreement(&generate::text(nodes)).is_some();
            let small = generate::text(&generate::smaller::smallest(&program, shows));
            let how = disagreement(&small).unwrap_or_default();
            eprintln!("seed {seed}:\n{small}{how}");
            wrong.push(format!("seed {seed}:\n{small}{how}"));
            if wrong.len() >= number("CONC_WRONG_MAX", 5) as usize {
                break;
            }
        }
    }
    eprintln!("{count} programs, {compiled} compile, {complete} small enough; found {verdicts:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(complete * 10 >= count * 8, "too few programs are small enough");
}
