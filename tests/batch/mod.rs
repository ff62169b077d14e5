//! Many programs, some at a time, each batch in a process of its own, whose
//! memory only grows: a compiled program stays as long as it does. It owns the
//! batches, what is counted of them, the journal in which a long run finds what
//! was done before it was ended, and the line of progress. What is done with a
//! program belongs to the test.

use super::generate::{feature, number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

/// So many programs in one process.
pub const BATCH: u64 = 250;

/// Where a batch's process leaves what it counted.
const TALLY: &str = "CONC_TALLY";

/// What came of some programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub programs: u64,
    pub compile: u64,
    /// The plain exploration went through all.
    pub compared: u64,
    /// It had more states than this program was given.
    pub large: u64,
    /// Explorations beside the plain one, and those left out since their options
    /// make no difference for the program.
    pub explored: u64,
    pub same: u64,
    /// Explorations that did not get through where the plain one did.
    pub unfinished: u64,
    /// Of the oracle: programs whose states it went through, and whose orders.
    pub walked: u64,
    pub ordered: u64,
    /// By finding, programs that have it.
    pub found: BTreeMap<String, u64>,
    /// Programs that use something, by [`feature::names`].
    pub uses: Vec<u64>,
    /// Seeds of programs of which two explorations tell different things.
    pub differ: Vec<u64>,
}

impl Tally {
    pub fn count(&mut self, name: &str) {
        *self.found.entry(name.to_string()).or_default() += 1;
    }

    pub fn uses(&mut self, text: &str) {
        self.uses.resize(feature::names().count(), 0);
        feature::of(text).into_iter().for_each(|i| self.uses[i] += 1);
    }

    /// What no program uses.
    pub fn unused(&self) -> Vec<&'static str> {
        let used = |i: usize| self.uses.get(i).is_some_and(|n| *n > 0);
        feature::names().enumerate().filter(|(i, _)| !used(*i)).map(|f| f.1).collect()
    }

    pub fn add(&mut self, other: &Tally) {
        self.programs += other.programs;
        self.compile += other.compile;
        self.compared += other.compared;
        self.large += other.large;
        self.explored += other.explored;
        self.same += other.same;
        self.unfinished += other.unfinished;
        self.walked += other.walked;
        self.ordered += other.ordered;
        other.found.iter().for_each(|(name, n)| *self.found.entry(name.clone()).or_default() += n);
        self.uses.resize(self.uses.len().max(other.uses.len()), 0);
        other.uses.iter().enumerate().for_each(|(i, n)| self.uses[i] += n);
        self.differ.extend(&other.differ);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{} programs, {} compile, {} compared", self.programs, self.compile, self.compared)?;
        writeln!(f, "{} left out: more states than they were given", self.large)?;
        let (explored, same) = (self.explored, self.same);
        writeln!(f, "{explored} explorations beside the plain ones, {} of them unfinished", self.unfinished)?;
        writeln!(f, "{same} more left out: what they turn off makes no difference there")?;
        writeln!(f, "by all executions: states of {} programs, orders of {}", self.walked, self.ordered)?;
        let listed = |all: &mut dyn Iterator<Item = (&str, u64)>| {
            let one: Vec<String> = all.map(|(name, n)| format!("{name} {n}")).collect();
            one.join(", ")
        };
        writeln!(f, "found: {}", listed(&mut self.found.iter().map(|(name, n)| (name.as_str(), *n))))?;
        writeln!(f, "used: {}", listed(&mut feature::names().zip(self.uses.iter().copied())))?;
        write!(f, "{} differ", self.differ.len())?;
        let seeds = self.differ.iter().map(|s| format!(" {s}")).collect::<String>();
        if seeds.is_empty() { Ok(()) } else { write!(f, ", of the seeds{seeds}") }
    }
}

/// Whether this is the process of a batch, beside which there are others.
pub fn is_one_of_many() -> bool {
    std::env::var_os(TALLY).is_some()
}

/// Within a batch's process: what it counted, for who started it.
pub fn leave(tally: &Tally) {
    if let Some(path) = std::env::var_os(TALLY) {
        let text = serde_json::to_string(tally).expect("numbers have a text");
        std::fs::write(path, text).expect("the tally can be written");
    }
}

/// One line of the journal.
#[derive(Serialize, Deserialize)]
struct Done {
    /// A hash of the program that did it.
    build: String,
    first: u64,
    count: u64,
    tally: Tally,
}

/// What is shared by those that start batches.
struct Run {
    todo: Vec<(u64, u64)>,
    all: Tally,
    /// Programs of this run, not of the journal.
    fresh: u64,
}

/// The programs of the seeds from `first` on, by processes that each run `test`
/// with some of the seeds; `CONC_JOBS` at a time. With `CONC_JOURNAL=FILE` what
/// is done is kept there, and not done again by the same build.
pub fn in_batches(test: &str, first: u64, count: u64) -> Tally {
    let build = build();
    let journal = std::env::var_os("CONC_JOURNAL").map(PathBuf::from);
    let text = journal.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let mut run = Run { todo: Vec::new(), all: Tally::default(), fresh: 0 };
    let done: BTreeMap<(u64, u64), Tally> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Done>(line).ok())
        .filter(|done| done.build == build)
        .map(|done| ((done.first, done.count), done.tally))
        .collect();
    for from in (first..first + count).step_by(BATCH as usize) {
        let batch = (from, BATCH.min(first + count - from));
        match done.get(&batch) {
            Some(tally) => run.all.add(tally),
            None => run.todo.push(batch),
        }
    }
    if run.all.programs > 0 {
        eprintln!("{} of {count} programs were done before", run.all.programs);
    }
    run.todo.reverse();
    let (run, began) = (Mutex::new(run), Instant::now());
    std::thread::scope(|scope| {
        for job in 0..number("CONC_JOBS", 1) {
            let (run, build, journal) = (&run, &build, &journal);
            scope.spawn(move || {
                loop {
                    let Some((from, most)) = run.lock().expect("nobody panics there").todo.pop() else { return };
                    let tally = batch(test, job, from, most);
                    let mut run = run.lock().expect("nobody panics there");
                    run.all.add(&tally);
                    run.fresh += most;
                    if let Some(path) = journal {
                        let done = Done { build: build.clone(), first: from, count: most, tally };
                        append(path, &done);
                    }
                    progress(&run, count, began);
                }
            });
        }
    });
    run.into_inner().expect("nobody panics there").all
}

/// A process for one batch; what it prints goes where ours does.
fn batch(test: &str, job: u64, from: u64, most: u64) -> Tally {
    let file = std::env::temp_dir().join(format!("conc-tally-{}-{job}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let this = std::env::current_exe().expect("the test knows itself");
    let mut command = Command::new(this);
    command.args(["--exact", test, "--nocapture", "--quiet"]).stdout(std::process::Stdio::null());
    command.env("CONC_SEED", from.to_string()).env("CONC_PROGRAMS", most.to_string()).env(TALLY, &file);
    let status = command.status().expect("it can be started");
    let told = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let _ = std::fs::remove_file(&file);
    told.unwrap_or_else(|| panic!("the {most} programs from {from} on ended with {status}"))
}

fn append(path: &PathBuf, done: &Done) {
    let line = serde_json::to_string(done).expect("numbers have a text");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut f| writeln!(f, "{line}")).expect("the journal can be written");
}

fn progress(run: &Run, count: u64, began: Instant) {
    let all = &run.all;
    let a_minute = run.fresh as f64 * 60.0 / began.elapsed().as_secs_f64();
    let left = (count - all.programs) as f64 / a_minute;
    eprintln!(
        "{} of {count} programs: {} compared, {} too large, {} differ; {a_minute:.0} a minute, {left:.0} minutes left",
        all.programs,
        all.compared,
        all.large,
        all.differ.len(),
    );
}

/// What tells this program from another one.
fn build() -> String {
    use std::hash::Hasher;
    let this = std::env::current_exe().and_then(std::fs::read).expect("the test can be read");
    let mut hasher = rustc_hash::FxHasher::default();
    hasher.write(&this);
    format!("{:016x}", hasher.finish())
}
