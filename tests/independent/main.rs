//! `conc check` against an oracle that shares nothing with it: no code, no states,
//! no reductions, no way to find a race or a task that is stuck. Over random
//! programs both must come to the same outcomes, findings, races and claims.
//!
//! The oracle is written from `docs/language.md` alone. It takes a program as the
//! generator made it (`model`), not as it is parsed, and goes through every
//! interleaving one step at a time, with whole states (`code`, `state`, `step`,
//! `objects`, `pool`, `fork`, `explore`). Who is stuck and what goes on for ever is read off the graph of
//! states (`verdict`), races off vector clocks in the states.
//!
//! A long run: `CONC_PROGRAMS=10000 CONC_JOBS=2 cargo test --release --test
//! independent -- --nocapture`. `CONC_SEED` is the first program's seed, `CONC_SHOW=1`
//! prints each program, and `CONC_WITH=Queue,Select` gives each these features.

#[path = "../support/mod.rs"]
mod support;

mod code;
mod compare;
mod explore;
mod fork;
mod generate;
mod model;
mod objects;
mod pool;
mod smaller;
mod state;
mod step;
mod verdict;

use compare::{Compared, Limits, compare};
use generate::Feature;
use model::Program;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// So many programs by default.
const PROGRAMS: u64 = 300;

/// Most programs get little; faults that show in none of them but in larger ones
/// are looked for in one of ten.
fn limits(seed: u64) -> Limits {
    if seed.is_multiple_of(10) {
        Limits { states: 20_000, ordered: 60_000 }
    } else {
        Limits { states: 5_000, ordered: 10_000 }
    }
}

/// What came of all of them.
#[derive(Default)]
struct Tally {
    next: u64,
    large: u64,
    alike: u64,
    /// All orders were gone through too.
    ordered: u64,
    /// By finding or feature, programs that have it.
    has: BTreeMap<String, u64>,
    differ: Vec<u64>,
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// How the two differ about a program, made as small as one that shows it can be.
fn told(program: &Program, why: Vec<String>) -> String {
    let most = Limits { states: 20_000, ordered: 60_000 };
    // Of a program that is cut wrongly, check says nothing.
    let shows = |p: &Program| matches!(compare(p, most), Compared::Differ(why) if !why[0].contains("not compile"));
    let small = smaller::smallest(program, shows);
    let why = if let Compared::Differ(why) = compare(&small, most) { why } else { why };
    format!("{}  {}", small.text(), why.join("\n  "))
}

fn one(seed: u64, tally: &Mutex<Tally>) {
    let (program, features) = generate::program(seed, &std::env::var("CONC_WITH").unwrap_or_default());
    if number("CONC_SHOW", 0) > 0 {
        eprintln!("seed {seed}:\n{}", program.text());
    }
    let compared = compare(&program, limits(seed));
    let wrong = match compared {
        Compared::Differ(why) => {
            eprintln!("seed {seed}:\n{}", told(&program, why));
            true
        }
        Compared::TooLarge => {
            tally.lock().expect("nobody panics with it").large += 1;
            return;
        }
        Compared::Alike { found, ordered } => {
            let mut tally = tally.lock().expect("nobody panics with it");
            tally.alike += 1;
            tally.ordered += u64::from(ordered);
            for what in found.into_iter().chain(features.iter().map(|f| format!("{f:?}"))) {
                *tally.has.entry(what).or_default() += 1;
            }
            false
        }
    };
    if wrong {
        tally.lock().expect("nobody panics with it").differ.push(seed);
    }
}

#[test]
fn check_says_what_all_interleavings_say() {
    let (first, count) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", PROGRAMS));
    let jobs = number("CONC_JOBS", std::thread::available_parallelism().map_or(1, |n| n.get() as u64));
    let tally = Mutex::new(Tally { next: first, ..Tally::default() });
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let mut now = tally.lock().expect("nobody panics with it");
                    let seed = now.next;
                    if seed == first + count || now.differ.len() as u64 >= number("CONC_WRONG_MAX", 5) {
                        return;
                    }
                    now.next += 1;
                    if (seed - first + 1).is_multiple_of(1000) {
                        eprintln!("{} of {count} programs", seed - first + 1);
                    }
                    drop(now);
                    one(seed, &tally);
                }
            });
        }
    });
    let tally = tally.into_inner().expect("nobody panics with it");
    let Tally { large, alike, ordered, has, differ, .. } = &tally;
    eprintln!("{alike} alike, {ordered} of them with all orders; {large} too large; {has:?}");
    assert_eq!(*differ, [0; 0], "of these seeds check and the oracle tell different things; see above");
    assert!(alike * 10 >= count * 8, "too few programs are small enough");
    let findings = [
        "race",
        "deadlock",
        "self-deadlock",
        "lock-order",
        "abandoned-lock",
        "lost-wakeup",
        "assertion",
        "invariant",
        "error",
        "livelock",
        "starvation",
    ];
    let all = Feature::ALL.iter().map(|f| format!("{f:?}")).chain(findings.map(str::to_string));
    let missing: Vec<String> = all.filter(|what| !has.contains_key(what)).collect();
    assert!(count < PROGRAMS || missing.is_empty(), "no program has {missing:?}");
}
