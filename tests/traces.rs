//! Every free run's trace is accepted by the model, step by step: what each
//! task did, in an order in which it can have happened, the model does too,
//! with the same answers, and comes to the same end.
//!
//! Runs fork, so each process of this program has one thread, and there is no test harness. Number by the
//! environment: `CONC_RUNS` runs of each script, `CONC_PROGRAMS` random programs
//! from the seed `CONC_SEED` on; `CONC_ONLY`: one script's path.

mod apart;
mod generate;
mod support;

use conc::check::accept::{self, End};
use conc::detect::trace::{Deed, Entry, What};
use conc::program::Program;
use conc::run::{self, Options, Stop};
use generate::{Wish, compile, number};
use std::path::{Path, PathBuf};

/// In so many parts scripts are followed.
const PARTS: usize = 8;
/// So many entries of a run are looked at.
const ENTRIES: usize = 20_000;
const TIME_NS: u64 = 5_000_000_000;

fn options(seed: u64) -> Options {
    Options {
        seed,
        detect: true,
        shake: seed % 2 == 1,
        gil: seed % 4 == 2,
        hurried: false,
        hang: false,
        time_limit_ns: Some(TIME_NS),
        outcomes: false,
        print: |_, _| String::new(),
        memory: 1 << 30,
        record: false,
        replay: None,
        trace: ENTRIES,
    }
}

/// How many turns of a run were accepted, or why not; none if there was no run.
fn follow(program: &'static Program, seed: u64) -> Option<Result<usize, String>> {
    let report = run::run(program, options(seed), &mut |_| {}).ok()?;
    let (entries, all) = &report.trace;
    let end = match report.stop {
        Stop::Finished if *all => End::Finished,
        Stop::Stuck if *all => End::Stuck,
        _ => End::Open,
    };
    Some(accept::accept(program, entries, end).map_err(|refusal| told(program, entries, &refusal, &report.stop)))
}

fn told(program: &Program, entries: &[Entry], refusal: &accept::Refusal, stop: &Stop) -> String {
    let from = refusal.entry.saturating_sub(number("CONC_BEFORE", 6) as usize);
    let mut out = format!("entry {} of {}, {stop:?}: {}\n", refusal.entry, entries.len(), refusal.reason);
    for (i, entry) in entries.iter().enumerate().skip(from).take_while(|(i, _)| *i <= refusal.entry) {
        let site = match &entry.what {
            What::Turn(turn) => turn.site.map(|s| program.span(s).start),
            _ => None,
        };
        out.push_str(&format!("  {i}: at byte {site:?}: {entry:?}\n"));
    }
    out
}

/// A script's numbers of processes are the operating system's in a run.
fn shows_numbers(text: &str) -> bool {
    if text.contains("# numbers are only compared") {
        return false;
    }
    let code: Vec<&str> = text.lines().map(|l| l.split('#').next().unwrap_or("")).collect();
    let words = [".pid", ".tid", ".ppid"];
    words.iter().any(|w| code.iter().any(|l| l.contains(w)))
}

fn scripts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["scenarios", "tests/differential"];
    let files = folders.iter().flat_map(|f| support::leftover::files_in(&root.join(f)));
    let mut scripts: Vec<PathBuf> = files.filter(|f| f.extension().is_some_and(|e| e == "conc")).collect();
    scripts.sort_unstable();
    scripts
}

/// So many runs of each script.
fn runs() -> u64 {
    number("CONC_RUNS", 4)
}

#[derive(Default)]
struct Count {
    runs: u64,
    turns: usize,
    wrong: Vec<String>,
}

impl Count {
    fn script(&mut self, path: &Path, seeds: impl Iterator<Item = u64>) {
        let text = std::fs::read_to_string(path).expect("it can be read");
        self.follow(&path.display().to_string(), &text, seeds);
    }

    fn told(self) {
        eprintln!("{} runs, {} turns accepted", self.runs, self.turns);
        assert!(self.wrong.is_empty(), "{} traces were refused: {:?}", self.wrong.len(), self.wrong);
        assert!(self.turns > 0, "there was nothing to accept");
    }

    fn follow(&mut self, name: &str, text: &str, seeds: impl Iterator<Item = u64>) {
        let Some(program) = compile(text).filter(|_| !shows_numbers(text)) else { return };
        for seed in seeds {
            match follow(program, seed) {
                None => {}
                Some(Ok(turns)) => {
                    self.runs += 1;
                    self.turns += turns;
                }
                Some(Err(reason)) => {
                    eprintln!("{name}, seed {seed}: {reason}");
                    self.wrong.push(format!("{name}, seed {seed}"));
                    return;
                }
            }
        }
    }
}

/// A trace with a wrong answer, with two turns exchanged that depend on each
/// other, or with one left out is not accepted: the comparison is one.
fn wrong_ones_are_refused() {
    let text = "var x = 0\nlock m\ntask t { with m { x += 1 } }\nspawn t x 2\njoin all\nassert x == 2\n";
    let program = compile(text).expect("it compiles");
    let report = run::run(program, options(0), &mut |_| {}).expect("it runs");
    let entries = report.trace.0;
    assert_eq!(accept::accept(program, &entries, End::Finished), Ok(turns(&entries)));
    let mut refused = 0;
    for at in (0..entries.len()).filter(|i| matches!(entries[*i].what, What::Turn(_))) {
        let mut without = entries.clone();
        without.remove(at);
        refused += usize::from(accept::accept(program, &without, End::Finished).is_err());
        let mut other = entries.clone();
        if let What::Turn(turn) = &mut other[at].what
            && let Some(Deed::Reached { value, .. }) = turn.deeds.first_mut()
        {
            value.push('0');
            assert!(accept::accept(program, &other, End::Finished).is_err(), "an answer, entry {at}");
        }
    }
    assert_eq!(refused, turns(&entries), "no turn can be left out");
    let locks = |e: &Entry| match &e.what {
        What::Turn(turn) => turn.deeds.iter().any(|d| matches!(d, Deed::Operated { object, .. } if object == "m")),
        _ => false,
    };
    let places: Vec<usize> = (0..entries.len()).filter(|i| locks(&entries[*i])).collect();
    assert_eq!(places.len(), 4, "two tasks acquire and release");
    let mut exchanged = entries.clone();
    exchanged.swap(places[1], places[2]);
    assert!(accept::accept(program, &exchanged, End::Finished).is_err(), "two critical sections at once");
}

/// Workers that find their pool closed leave it while `main` ends its process: none is
/// seen to after that.
const LEFT_AT_THE_END: &str = "pool w(8)\nw.close()\n";

fn turns(entries: &[Entry]) -> usize {
    entries.iter().filter(|e| matches!(e.what, What::Turn(_))).count()
}

fn main() {
    match std::env::var_os("CONC_ONLY") {
        Some(path) => {
            let mut count = Count::default();
            count.script(Path::new(&path), 0..runs());
            count.told();
        }
        // Runs wait for their tasks, and these for each other.
        None => apart::each(PARTS, 2, one_part),
    }
}

/// Of the runs of scripts and of the programs every so many: each run of one that has no end
/// takes all of its time.
fn one_part(part: usize) {
    let mut count = Count::default();
    let runs = runs();
    if part == 0 {
        wrong_ones_are_refused();
        count.follow("left at the end", LEFT_AT_THE_END, 0..50 * runs);
    }
    let own = |n: usize, runs: u64| (0..runs).filter(move |seed| (n + *seed as usize) % PARTS == part);
    for (n, path) in scripts().iter().enumerate() {
        count.script(path, own(n, runs));
    }
    let (first, programs) = (number("CONC_SEED", 1), number("CONC_PROGRAMS", 60));
    for (n, seed) in (first..first + programs).enumerate() {
        let text = generate::text(&generate::program(seed, Wish { ends: seed % 2 == 0 }));
        count.follow(&format!("seed {seed}:\n{text}"), &text, own(n, runs.min(3)));
    }
    count.told();
}
