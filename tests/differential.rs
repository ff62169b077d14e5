//! The reductions of `check` against none: over many random programs both must
//! come to the same verdicts and the same outcomes.
//!
//! The long run, which goes on where it was ended, and tells how far it is:
//! `CONC_PROGRAMS=100000 CONC_JOURNAL=FILE CONC_JOBS=2 cargo test --release --test
//! differential reductions -- --nocapture`. `CONC_SEED` is the first program's
//! seed, `CONC_WITH=pool` leaves out those that have no such word, `CONC_SHOW=1`
//! prints what does not compile, `CONC_SHOW=2` all of them.

mod batch;
mod generate;
mod oracle;

use batch::{BATCH, Tally, in_batches};
use conc::check::{self, Options, Outcome, Report, Verdict};
use conc::detect::finding::Code;
use conc::program::Program;
use generate::{Node, Wish, compile, number};
use oracle::Limits;
use std::collections::BTreeSet;

/// How much is gone into.
#[derive(Clone, Copy)]
struct Budget {
    /// So many states of the finest division; a program with more is left out.
    states_max: u64,
    /// Of turns with what came before them, by the oracle.
    ordered_max: u64,
}

impl Budget {
    const LARGE: Budget = Budget { states_max: 30_000, ordered_max: 60_000 };
    const SMALL: Budget = Budget { states_max: 5_000, ordered_max: 10_000 };

    /// Most programs get little; faults that show in none of them but in larger
    /// ones are looked for in one of ten.
    fn of(seed: u64) -> Budget {
        if seed.is_multiple_of(10) { Budget::LARGE } else { Budget::SMALL }
    }
}

fn plain(states_max: u64) -> Options {
    Options { plain: true, states_max: Some(states_max), ..Options::default() }
}

/// Ways to explore that must come to the same.
fn ways(states_max: u64) -> Vec<(&'static str, Options)> {
    let default = Options { states_max: Some(states_max), ..Options::default() };
    vec![
        ("plain", plain(states_max)),
        ("reduced", default.clone()),
        ("reduced, exact order", Options { exact: true, ..default.clone() }),
        ("plain, exact order", Options { plain: true, exact: true, ..default.clone() }),
        ("no merging", Options { merging: false, ..default.clone() }),
        ("no guarding", Options { guarding: false, ..default.clone() }),
        ("no joining", Options { joining: false, ..default.clone() }),
        ("nobody alone", Options { alone: false, ..default.clone() }),
        ("no symmetry", Options { symmetry: false, ..default.clone() }),
        ("nobody asleep", Options { sleeping: false, ..default.clone() }),
        ("some followed", Options { persistent_from: 1, ..default.clone() }),
        ("some followed, no symmetry", Options { persistent_from: 1, symmetry: false, ..default }),
    ]
}

/// As far as it goes.
fn checked(program: &'static Program, options: &Options) -> Option<Report> {
    check::check(program, options, &mut |_| None).ok()
}

fn explore(program: &'static Program, options: &Options) -> Option<Report> {
    checked(program, options).filter(Report::complete)
}

/// All of an exploration, with the places and the schedules of what was found.
fn in_full(report: &Report) -> String {
    let found: Vec<_> = report.found.iter().map(|f| (f.finding.places(), f.finding.schedule.clone())).collect();
    format!("{} {} {found:?} {:?}", report.states, report.transitions, seen(report))
}

/// Whether something else is found with what is known of other states than without it: then one
/// of both is wrong, since that is to be faster and no more.
fn shortcuts_matter(
    program: &'static Program,
    (name, options): (&str, &Options),
    with: &Option<String>,
) -> Option<String> {
    let without = checked(program, &Options { shortcuts: false, ..options.clone() }).as_ref().map(in_full);
    (*with != without).then(|| format!("{name}: with shortcuts {with:?}, without {without:?}\n"))
}

/// What must not depend on how it was explored.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    verdicts: Vec<(Code, Verdict)>,
    races: BTreeSet<String>,
    outcomes: BTreeSet<String>,
    /// Of each `expect some` and `expect every`: whether some end has it true,
    /// and some not.
    claims: Vec<(bool, bool)>,
}

fn seen(report: &Report) -> Seen {
    let races = report.found.iter().map(|s| &s.finding).filter(|f| f.code == Code::Race);
    // Of several places of one declaration that the same statements race on, one is told.
    let races = races.flat_map(|f| f.on.iter().chain(&f.also_on).cloned());
    Seen {
        verdicts: report.verdicts.clone(),
        races: races.collect(),
        outcomes: report.outcomes.iter().map(told).collect(),
        claims: report.claims.iter().map(|c| (c.holds > 0, c.fails > 0)).collect(),
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

/// How two ways to explore a program differ from the plain one, if one does.
fn disagreement(program: &'static Program, plain: &Report, budget: Budget, tally: &mut Tally) -> Option<String> {
    let seen_plain = seen(plain);
    // With the exact order there may be more states than without.
    let ways = ways(4 * budget.states_max);
    let ways: Vec<_> = ways.iter().map(|(name, options)| (*name, options, options.effective(program))).collect();
    let mut done: Vec<(&Options, Option<String>)> = Vec::new();
    for (name, options, effective) in &ways {
        if done.iter().any(|(known, _)| *known == effective) {
            tally.same += 1;
            continue;
        }
        if *name == "plain" {
            done.push((effective, Some(in_full(plain))));
            continue;
        }
        tally.explored += 1;
        let report = checked(program, options);
        done.push((effective, report.as_ref().map(in_full)));
        let Some(report) = report.filter(Report::complete) else {
            tally.unfinished += 1;
            continue;
        };
        let seen = seen(&report);
        if seen != seen_plain {
            return Some(difference(("plain", &seen_plain), (name, &seen)));
        }
    }
    // Where one of alike tasks stands for others, none are taken.
    let mut taken = ways.iter().filter(|(name, ..)| ["no symmetry", "plain", "nobody alone"].contains(name));
    let matters = taken.find_map(|(name, options, effective)| {
        let (_, with) = done.iter().find(|(known, _)| *known == effective)?;
        shortcuts_matter(program, (name, options), with)
    });
    if matters.is_some() {
        return matters;
    }
    oracle_differs(program, &seen_plain, budget, plain.transitions, tally)
}

/// The same for a program by itself, if it is small enough.
fn difference_of(program: &'static Program) -> Option<String> {
    let plain = explore(program, &plain(Budget::LARGE.states_max))?;
    disagreement(program, &plain, Budget::LARGE, &mut Tally::default())
}

/// What the walk through all executions tells otherwise.
fn oracle_differs(
    program: &'static Program,
    seen: &Seen,
    budget: Budget,
    turns: u64,
    tally: &mut Tally,
) -> Option<String> {
    let limits = Limits {
        // It sees fewer states apart than the plain exploration does.
        turns_max: 2 * turns + 1000,
        ordered_max: budget.ordered_max,
        matching: number("CONC_MATCHING", 1) > 0,
    };
    let told = oracle::ask(program, limits, told)?;
    tally.walked += u64::from(told.complete);
    tally.ordered += u64::from(told.races_complete);
    let mut out = String::new();
    let mut compare = |what: &str, ours: &BTreeSet<String>, theirs: &BTreeSet<String>, complete: bool| {
        let missing: Vec<_> = theirs.difference(ours).collect();
        let more: Vec<_> = ours.difference(theirs).collect();
        if !missing.is_empty() || (complete && !more.is_empty()) {
            out.push_str(&format!("{what}: only the oracle: {missing:?}; only plain: {more:?}\n"));
        }
    };
    compare("races", &seen.races, &told.races, told.races_complete);
    // A walk ends where nobody goes on, and knows of no circles of those that serve others.
    let ended = |outcome: &&String| !outcome.contains("cut short");
    let ends = |outcomes: &BTreeSet<String>| outcomes.iter().filter(ended).cloned().collect::<BTreeSet<String>>();
    compare("outcomes", &ends(&seen.outcomes), &ends(&told.outcomes), told.complete);
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
    if a.claims != b.claims {
        out.push_str(&format!("claims: {one}: {:?}, {two}: {:?}\n", a.claims, b.claims));
    }
    for o in a.outcomes.difference(&b.outcomes).take(3) {
        out.push_str(&format!("only {one}: {o}\n"));
    }
    for o in b.outcomes.difference(&a.outcomes).take(3) {
        out.push_str(&format!("only {two}: {o}\n"));
    }
    out
}

/// What came of one program.
fn compare(seed: u64, tally: &mut Tally) -> Option<String> {
    let program = generate::program(seed, Wish { ends: false });
    let text = generate::text(&program);
    tally.programs += 1;
    let Some(compiled) = compile(&text) else {
        if number("CONC_SHOW", 0) > 0 {
            eprintln!("seed {seed} does not compile:\n{text}");
        }
        return None;
    };
    tally.compile += 1;
    if number("CONC_SHOW", 0) > 1 {
        eprintln!("seed {seed}:\n{text}");
    }
    let budget = Budget::of(seed);
    let Some(plain) = explore(compiled, &plain(budget.states_max)) else {
        tally.large += 1;
        return None;
    };
    tally.compared += 1;
    tally.uses(&text);
    let found: Vec<_> = plain.verdicts.iter().filter(|v| v.1 == Verdict::Found).collect();
    found.iter().for_each(|v| tally.count(v.0.word()));
    if found.is_empty() {
        tally.count("nothing");
    }
    disagreement(compiled, &plain, budget, tally)?;
    let differs = |text: &str| compile(text).and_then(difference_of);
    let shows = |nodes: &[Node]| differs(&generate::text(nodes)).is_some();
    let small = generate::text(&generate::smaller::smallest(&program, shows));
    let how = differs(&small).unwrap_or_default();
    Some(format!("seed {seed}:\n{small}{how}"))
}

#[test]
fn reductions_change_nothing() {
    let (first, count) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", BATCH));
    let with = std::env::var("CONC_WITH").unwrap_or_default();
    let tally =
        if count > BATCH { in_batches("reductions_change_nothing", first, count) } else { one_batch(first, count) };
    eprintln!("{tally}");
    assert_eq!(tally.differ, [0; 0], "of these seeds two explorations tell different things; see above");
    assert!(!with.is_empty() || tally.compared * 10 >= tally.compile * 8, "too few programs are small enough");
    // Any batch has most of them; some are rare.
    let unused = tally.unused();
    assert!(!with.is_empty() || count < BATCH || unused.len() <= 3, "no program uses {unused:?}");
    assert!(count < 20 * BATCH || unused.is_empty(), "no program uses {unused:?}");
}

/// Of the programs of one process; alone on the machine, on all its processors.
fn one_batch(first: u64, count: u64) -> Tally {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let jobs = if batch::is_one_of_many() { 1 } else { processors };
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let each = (0..jobs).map(|job| scope.spawn(move || some_of((first..first + count).skip(job).step_by(jobs))));
        for job in each.collect::<Vec<_>>() {
            all.add(&job.join().expect("a difference is told and no panic"));
        }
    });
    all.differ.sort_unstable();
    batch::leave(&all);
    all
}

fn some_of(seeds: impl Iterator<Item = u64>) -> Tally {
    let with = std::env::var("CONC_WITH").unwrap_or_default();
    let mut tally = Tally::default();
    for seed in seeds {
        if !with.is_empty() && !generate::text(&generate::program(seed, Wish { ends: false })).contains(&with) {
            continue;
        }
        if let Some(wrong) = compare(seed, &mut tally) {
            eprintln!("{wrong}");
            tally.differ.push(seed);
            if tally.differ.len() as u64 >= number("CONC_WRONG_MAX", 5) {
                break;
            }
        }
    }
    tally
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
        let report = explore(program, &plain(Budget::LARGE.states_max)).expect("it is small");
        let expected: BTreeSet<String> =
            text.lines().filter_map(|l| l.strip_prefix("expect race on ")).map(str::to_string).collect();
        assert_eq!(seen(&report).races, expected, "races of {:?}", file.path());
        assert_eq!(difference_of(program), None, "{:?}", file.path());
        count += 1;
    }
    assert!(count >= 10, "only {count} programs");
}
