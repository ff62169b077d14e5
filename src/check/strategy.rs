//! Random schedules, for scripts with more interleavings than can be gone
//! through. It owns how many are drawn and what is gathered from them: the
//! findings, each with a shortened schedule, and the outcomes with their
//! frequencies. A schedule makes the same transitions as the exhaustive search,
//! by the same explorer and its memo; that nothing was found proves nothing.

mod draw;
mod estimate;
mod policy;
mod several;
pub(super) mod shorter;
mod walk;

use super::explore::{Explorer, Found1, What};
use super::model::Memorable;
use super::outcome::Outcome;
use super::same::Key;
use super::{Claimed, Options, Progress, Report, Shown, Stop, model, seen, told, verdicts, watched, way};
use crate::detect::finding::Code;
use crate::program::Program;
use draw::Draw;
use hashbrown::{HashMap, HashSet};
use policy::Policy;
use std::collections::BTreeSet;
use walk::{Fresh, Graph};

/// Who goes next in a random schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Each task that can go on, with the same probability.
    Random,
    /// By random priorities that change at a few random steps.
    Pct,
    /// So that the orders of the events at a few places, drawn anew for each
    /// schedule, are equally likely.
    Surw,
}

impl Strategy {
    pub fn word(self) -> &'static str {
        match self {
            Strategy::Random => "random",
            Strategy::Pct => "pct",
            Strategy::Surw => "surw",
        }
    }
}

/// How schedules are drawn.
#[derive(Clone, Debug)]
pub struct Sampling {
    pub strategy: Strategy,
    /// So many schedules.
    pub runs: u64,
    /// The same seed draws the same schedules.
    pub seed: u64,
    /// PCT: one more than the changes of priority in a schedule.
    pub depth: u32,
    /// A schedule is cut after so many transitions.
    pub steps_max: u64,
    /// No more schedules once this is found.
    pub until: Option<Code>,
}

impl Default for Sampling {
    fn default() -> Sampling {
        Sampling { strategy: Strategy::Surw, runs: 10_000, seed: 0, depth: 3, steps_max: 100_000, until: None }
    }
}

/// What was drawn.
#[derive(Clone, Debug)]
pub struct Sampled {
    pub strategy: Strategy,
    pub seed: u64,
    pub runs: u64,
    /// Of these, cut: at the limit of steps, or going round the same states.
    pub cut: u64,
    /// How many came to each of the report's outcomes.
    pub counts: Vec<u64>,
}

/// What is known so far, whatever was explored anew since.
#[derive(Default)]
struct Gathered {
    visible: BTreeSet<Memorable>,
    known_races: BTreeSet<String>,
    open: BTreeSet<Memorable>,
    keys: HashSet<Key>,
    races: Vec<Shown>,
    others: Vec<(Found1, Shown)>,
    outcomes: Vec<(Outcome, u64)>,
    outcome_places: HashMap<Outcome, usize>,
    more_outcomes: bool,
    /// See [`Claimed::why`].
    whys: Vec<Option<String>>,
    lock_order: bool,
    runs: u64,
    cut_runs: u64,
    steps: u64,
    longest: u64,
    states: u64,
    bytes: u64,
    passes: u32,
    cut: Option<&'static str>,
    stop: Option<Stop>,
    /// What was asked for is found.
    enough: bool,
}

/// At most so much memory for the states that schedules have met.
const GRAPH_BYTES_MAX: u64 = 512 << 20;

/// Draws schedules of a script. `ask` is called now and then and may end it.
///
/// # Errors
///
/// A declaration that cannot be made: its place in `Program::objects`, and why.
pub fn sample(
    program: &'static Program,
    options: &Options,
    sampling: &Sampling,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Result<Report, (usize, String)> {
    if super::outgrows(program, options) {
        let of_nothing = Gathered { stop: Some(Stop::Memory), ..Gathered::default() };
        return Ok(report(program, sampling, of_nothing));
    }
    let mut all = Gathered { visible: watched(program), passes: 1, ..Gathered::default() };
    loop {
        match round(program, options, sampling, &mut all, ask)? {
            Next::Nothing => return Ok(report(program, sampling, all)),
            Next::Closer => all.passes += 1,
            Next::Fresh => {}
        }
    }
}

/// What comes behind a round of schedules.
enum Next {
    /// It had the last one.
    Nothing,
    /// Something was seen that has to be looked at more closely.
    Closer,
    /// What is kept of the schedules so far takes too much memory: it is begun anew without.
    Fresh,
}

/// Schedules up to the last one, or until all that is known of them is to be forgotten.
fn round(
    program: &'static Program,
    options: &Options,
    sampling: &Sampling,
    all: &mut Gathered,
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) -> Result<Next, (usize, String)> {
    let model = model(program, options, &all.visible, &all.known_races, std::mem::take(&mut all.open));
    let mut explorer = Explorer::new(&model, options);
    explorer.begin()?;
    // The rest is for the memo and the parts.
    let mut graph = Graph::new(explorer, (options.memory_max / 2).min(GRAPH_BYTES_MAX));
    let mut policy = Policy::new(sampling.strategy, sampling.depth);
    let mut counts: Vec<u64> = Vec::new();
    let (mut asked, mut again) = (0, false);
    let (first, large) = (all.runs, options.memory_max - options.memory_max / 4);
    while all.runs < sampling.runs && !again && (all.runs == first || graph.bytes() < large) {
        if all.runs == 0 || all.steps - asked >= walk::WORK {
            asked = all.steps;
            all.stop = ask(&progress(all, 0, &graph));
            if all.stop.is_some() {
                break;
            }
        }
        let mut draw = Draw::of(sampling.seed, all.runs);
        policy.begin(&mut draw);
        let mut ask_now = |steps: u64, graph: &Graph| {
            let progress = progress(all, steps, graph);
            ask(&progress).or_else(|| (progress.bytes >= options.memory_max).then_some(Stop::Memory))
        };
        let enough = |found: &Found1| options.first && !found.code.is_note() || sampling.until == Some(found.code);
        let walked = graph.walk(&mut policy, &mut draw, sampling.steps_max, &mut ask_now, &enough);
        all.stop = walked.stop;
        for fresh in std::mem::take(&mut graph.fresh) {
            again |= all.add(&mut graph.explorer, &fresh) && !model.plain;
            // To find a shorter schedule may have taken long.
            if all.stop.is_none() {
                all.stop = ask(&progress(all, walked.steps, &graph));
            }
        }
        if graph.explorer.guards_broken() {
            // What was made of this schedule rests on a wrong assumption; it is
            // drawn once more without it.
            again = true;
            if all.stop.is_some() {
                break;
            }
            continue;
        }
        all.runs += 1;
        all.steps += walked.steps;
        all.longest = all.longest.max(walked.steps);
        all.cut_runs += u64::from(walked.cut);
        if let Some(outcome) = walked.outcome {
            counts.resize(counts.len().max(outcome + 1), 0);
            counts[outcome] += 1;
        }
        if options.first && all.has_failure() {
            all.stop = Some(Stop::First);
            break;
        }
        if sampling.until.is_some_and(|code| all.has(code)) {
            all.enough = true;
        }
        if all.enough || all.stop.is_some() {
            break;
        }
    }
    let ended = all.enough || all.stop.is_some() || all.runs >= sampling.runs;
    all.open = model.guards().open.clone();
    all.round_ends(&graph, &counts);
    Ok(match (ended, again) {
        (true, _) => Next::Nothing,
        (false, true) => Next::Closer,
        (false, false) => Next::Fresh,
    })
}

/// `steps`: of the schedule under way.
fn progress(all: &Gathered, steps: u64, graph: &Graph) -> Progress {
    Progress {
        states: graph.states(),
        done: graph.states(),
        transitions: all.steps + steps,
        bytes: graph.bytes(),
        depth: all.longest.max(steps) as u32,
    }
}

impl Gathered {
    fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        self.races.iter().chain(self.others.iter().map(|other| &other.1)).map(|shown| shown.finding.code)
    }

    fn has(&self, code: Code) -> bool {
        // Of a circle of locks alone the verdict tells as of their order as well.
        self.codes().any(|known| known == code) || code == Code::LockOrder && self.lock_order
    }

    fn has_failure(&self) -> bool {
        self.codes().any(|code| !code.is_note())
    }

    /// Something found, if it is new; whether it is a race at a place that was
    /// not watched yet.
    fn add(&mut self, explorer: &mut Explorer, fresh: &Fresh) -> bool {
        let mut found = explorer.found[fresh.found].clone();
        let key = super::same::key(explorer, &found);
        if self.keys.contains(&key) || explorer.guards_broken() {
            return false;
        }
        // Who wants an end now does not wait for the shortest one.
        let budget = if self.stop.is_some() { 0 } else { shorter::BUDGET };
        let turns = match shorter::shorter(explorer, &fresh.turns, &shorter::Wanted::any(&key), budget) {
            Some(shows) => {
                found.what = shows.what;
                shows.turns
            }
            None => fresh.turns.clone(),
        };
        let mut shown = way::shown_by(explorer, &found, turns);
        if explorer.guards_broken() {
            // Transitions do something else from now on than they did before.
            return false;
        }
        self.keys.insert(key);
        // The schedule under way is not counted yet.
        shown.first = Some(self.runs + 1);
        self.lock_order |= matches!(&found.what, What::Stuck(s) if s.finding.is_circle_of_locks());
        if let What::Event(seen::Event::Race { name, memory, .. }) = &found.what {
            self.known_races.insert(name.clone());
            self.races.push(shown);
            return self.visible.insert(*memory);
        }
        self.others.push((found, shown));
        false
    }

    fn round_ends(&mut self, graph: &Graph, counts: &[u64]) {
        for ((outcome, _), count) in graph.explorer.outcomes.all.iter().zip(counts) {
            match self.outcome_places.get(outcome) {
                Some(at) => self.outcomes[*at].1 += count,
                None => {
                    self.outcome_places.insert(outcome.clone(), self.outcomes.len());
                    self.outcomes.push((outcome.clone(), *count));
                }
            }
        }
        self.more_outcomes |= graph.explorer.outcomes.more;
        let whys = &graph.explorer.outcomes.whys;
        self.whys.resize(self.whys.len().max(whys.len()), None);
        for (known, why) in self.whys.iter_mut().zip(whys).filter(|(known, _)| known.is_none()) {
            known.clone_from(why);
        }
        self.states = self.states.max(graph.states());
        self.bytes = self.bytes.max(graph.bytes());
        self.cut = self.cut.or(graph.explorer.cut);
    }
}

fn report(program: &'static Program, sampling: &Sampling, all: Gathered) -> Report {
    let claims = program.claims.iter().enumerate().map(|(i, claim)| {
        // One of an end that is not complete has no claims.
        let of = |holds: bool| {
            let here = |o: &&(Outcome, u64)| o.0.claims.get(i).is_some_and(|c| (*c == Some(true)) == holds);
            all.outcomes.iter().filter(here).map(|o| o.1).sum()
        };
        Claimed {
            every: claim.every,
            span: claim.span,
            holds: of(true),
            fails: of(false),
            why: all.whys.get(i).cloned().flatten(),
        }
    });
    let claims = claims.collect();
    let found = told(all.races, all.others);
    Report {
        stop: all.stop,
        races_stop: None,
        cut: all.cut,
        states: all.states,
        transitions: all.steps,
        bytes: all.bytes,
        depth: all.longest as u32,
        verdicts: verdicts(&found, all.lock_order, false),
        found,
        claims,
        more_outcomes: all.more_outcomes,
        passes: all.passes,
        sampled: Some(Sampled {
            strategy: sampling.strategy,
            seed: sampling.seed,
            runs: all.runs,
            cut: all.cut_runs,
            counts: all.outcomes.iter().map(|o| o.1).collect(),
        }),
        outcomes: all.outcomes.into_iter().map(|o| o.0).collect(),
    }
}

#[cfg(test)]
mod tests;
