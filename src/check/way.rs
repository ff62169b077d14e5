//! The way to something found: its transitions carried out once more with a
//! log, as a schedule and as lanes. It owns the shortening of a way's switches
//! and the numbering of tasks; how lanes are drawn is `report`'s.

use super::explore::{self, Explorer, Found1};
use super::fewest::{Tries, fewest};
use super::finding::Stuck;
use super::part::*;
use super::schedule::{self, Schedule};
use super::seen::{Choice, Event, Logged};
use super::store::Row;
use super::strategy::shorter::{self, Shows, Wanted};
use super::switches::fewest_switches;
use super::turn::{Mover, Turn};
use super::{Shown, finding, follow, same};
use crate::detect::finding::{Code, Facts, Finding, Reason};
use crate::lang::ast::Span;
use crate::machine::Step;
use crate::objects::TaskId;
use crate::program::Program;

/// One column: a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub name: String,
    pub process: bool,
}

/// One row: a step of one task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStep {
    /// A place in the lanes.
    pub lane: usize,
    pub span: Span,
    pub text: String,
}

#[derive(Clone, Debug, Default)]
pub struct Way {
    pub schedule: Schedule,
    pub lanes: Vec<Lane>,
    pub steps: Vec<LaneStep>,
    /// The steps from here on go round for ever.
    pub circle_from: Option<usize>,
}

impl Way {
    /// How many turns it has.
    pub fn turns(&self) -> usize {
        self.schedule.turns.len()
    }
}

/// What a way comes to when it is carried out.
pub struct Done {
    pub row: Row,
    pub log: Vec<(Mover, Logged)>,
}

/// Carries out transitions from the first state; none if one cannot be done.
/// The steps end with the one at which the last transition saw `until`.
pub fn carry_out(explorer: &Explorer, turns: &[Turn], until: Option<&Event>) -> Option<Done> {
    let mut row = explorer.row(0);
    let mut log = Vec::new();
    for (i, turn) in turns.iter().enumerate() {
        let (next, mut steps, events) = explorer.logged(&row, turn)?;
        row = next;
        let seen = until.filter(|_| i + 1 == turns.len()).and_then(|e| events.iter().position(|o| o == e));
        if let Some(at) = seen.and_then(|n| steps.steps.iter().position(|s| s.events > n)) {
            steps.steps.truncate(at + 1);
        }
        log.extend(steps.steps.into_iter().map(|s| (turn.mover, s)));
    }
    Some(Done { row, log })
}

/// The numbers of tasks, in the order in which they were made.
#[derive(Clone)]
pub struct Numbers {
    tasks: Vec<TaskId>,
}

impl Numbers {
    pub fn new(explorer: &Explorer) -> Numbers {
        let first = explorer.row(0);
        let mut tasks: Vec<TaskId> = explorer.task_parts(&first).iter().map(|t| t.0).collect();
        // `main` is the first; then the workers of declared pools, as they are
        // made.
        tasks.sort_unstable();
        Numbers { tasks }
    }

    pub fn born(&mut self, born: &[TaskId]) {
        self.tasks.extend_from_slice(born);
    }

    pub fn of(&self, task: TaskId) -> u32 {
        self.tasks.iter().rposition(|t| *t == task).unwrap_or(0) as u32
    }

    pub fn task(&self, number: u32) -> Option<TaskId> {
        self.tasks.get(number as usize).copied()
    }

    pub fn all(&self) -> &[TaskId] {
        &self.tasks
    }
}

/// Of a deadlock all are shown who wait behind it in the end, unless that takes so many
/// transitions more.
const BEHIND_MAX: usize = 32;

/// Of ways of no more transitions it is seen thoroughly which are not needed.
const SHORTENED_MAX: usize = 400;
/// Longer ones are followed so often for that: without each of some tasks, or its end.
const LONG_TRIES: u64 = 40;

/// In ways of no more steps neighbours are exchanged, to have fewer switches.
const STEPS_MAX: usize = 100_000;

/// Something found with its facts, its schedule and its lanes.
pub fn shown(explorer: &mut Explorer, found: &Found1) -> Shown {
    let mut whole = way_to_all(explorer, found);
    // Those behind the ones who are stuck may come to that only long after.
    if let explore::What::Stuck(one) = &whole.what
        && whole.turns.len() > BEHIND_MAX
        && let Some(less) = way_to_circle(explorer, found, one.clone())
        && less.turns.len() + BEHIND_MAX < whole.turns.len()
    {
        whole = less;
    }
    let Shows { turns, what } = whole;
    shown_by(explorer, &Found1 { what, ..found.clone() }, turns)
}

/// The way to something found; of those who are stuck none that belongs to it is left out.
fn way_to_all(explorer: &mut Explorer, found: &Found1) -> Shows {
    let mut found = found.clone();
    let (mut turns, row) = explorer.way_to(found.state);
    if explorer.symmetry.is_some() {
        // The way may lead to another state than the one that was kept for it.
        let key = same::key(explorer, &found);
        if let Some((turn, what)) = same::shown_again(explorer, &row, &key) {
            (found.turn, found.what) = (turn, what);
        } else if let explore::What::Stuck(one) = &found.what
            && let Some(what) = same::stuck_alike(explorer, &row, one)
        {
            found.what = what;
        } else if let Some(further) = same::shown_further_on(explorer, &row, &key) {
            turns.extend(further.turns);
            (found.turn, found.what) = (further.turn, further.what);
        }
    }
    turns.extend(found.turn.clone());
    // Who goes alone goes first, and who is not followed later: what is met first is not on
    // a shortest way then.
    let stands = |what: &explore::What| match what {
        explore::What::Stuck(one) => one.who_waits(),
        _ => Vec::new(),
    };
    let may_be_shorter = matches!(found.what, explore::What::Event(_) | explore::What::Stuck(_));
    let by_chance = explorer.model.alone || explorer.stop.is_some();
    if !explorer.hurried && (explorer.follows_some() || by_chance && may_be_shorter) {
        let key = same::key(explorer, &found);
        let there = stands(&found.what);
        let wanted = Wanted { key: &key, fits: &|what| stands(what) == there };
        let budget = budget_of(explorer, &turns);
        if let Some(shows) = shorter::shorter(explorer, &turns, &wanted, budget) {
            return shows;
        }
    }
    Shows { turns, what: found.what }
}

/// The same without those that are merely behind others: as soon as these are stuck.
fn way_to_circle(explorer: &mut Explorer, found: &Found1, one: Stuck) -> Option<Shows> {
    let key = same::key(explorer, found);
    let many = one.how_many();
    let (state, _) = explorer.first_so_stuck(found.state, one);
    let (turns, _) = explorer.way_to(state);
    let fits = |what: &explore::What| matches!(what, explore::What::Stuck(s) if s.how_many() >= many);
    let budget = budget_of(explorer, &turns);
    shorter::shorter(explorer, &turns, &Wanted { key: &key, fits: &fits }, budget)
}

fn budget_of(explorer: &Explorer, turns: &[Turn]) -> u64 {
    let thorough = explorer.follows_some() || turns.len() <= SHORTENED_MAX;
    if thorough { shorter::BUDGET } else { shorter::BUDGET.min(LONG_TRIES * turns.len() as u64) }
}

/// The same with a known way there: all its transitions from the first state.
pub fn shown_by(explorer: &Explorer, found: &Found1, turns: Vec<Turn>) -> Shown {
    let until = match &found.what {
        explore::What::Event(event) => Some(event),
        _ => None,
    };
    let mut done = carry_out(explorer, &turns, until);
    // Who goes on for so long makes one turn of it, and each try takes as long.
    if done.as_ref().is_none_or(|d| d.log.len() <= STEPS_MAX) {
        let better = if explorer.hurried { turns.clone() } else { fewer_switches(explorer, turns.clone()) };
        if better != turns {
            done = carry_out(explorer, &better, until);
        }
    }
    let mut circle_from = None;
    let (row, mut log) = match done {
        Some(done) => (done.row, done.log),
        None => (explorer.row(found.state), Vec::new()),
    };
    if let (explore::What::Stuck(_) | explore::What::Circle(_), true) = (&found.what, explorer.model.together) {
        log.extend(joins_by_then(explorer, &row));
    }
    let mut round = None;
    if let explore::What::Circle(circle) = &found.what {
        circle_from = Some(log.len());
        round = circle.round;
        let mut at = row.clone();
        for turn in &circle.turns {
            let Some((next, steps, _)) = explorer.logged(&at, turn) else { break };
            at = next;
            log.extend(steps.steps.into_iter().map(|s| (turn.mover, s)));
        }
    }
    let race = match &found.what {
        explore::What::Event(Event::Race { ix, other, task, .. }) => race_in(&log, *ix, *other, *task),
        _ => None,
    };
    if let Some(last) = race {
        log.truncate(last + 1);
    }
    let finding = finding::finding(explorer, found, &row, &log);
    let mut way = way_of(explorer, &row, &log);
    let (mut finding, way) = match circle_from {
        Some(from) => {
            way.circle_from = Some(log[..from].iter().filter(|l| !l.1.text.is_empty()).count());
            let there = way_of(explorer, &row, &log[..from]).schedule;
            sooner_round(explorer.model.program, finding, round, way, &there)
        }
        None if explorer.hurried => (finding, way),
        None => fewest_turns(explorer.model.program, finding, way),
    };
    finding.schedule = Some(way.schedule.to_string());
    let also = found.also_on.iter().filter(|name| !finding.on.contains(name));
    finding.also_on.extend(also.cloned());
    finding.also_on.sort();
    finding.also_on.dedup();
    let key = if circle_from.is_some() { None } else { Some(same::key(explorer, found)) };
    Shown { finding, way, first: None, key }
}

/// Schedules of so many turns are followed once more for what they show.
const FOLLOWED_MAX: usize = 10_000;
/// To see for one finding which turns are needed, so much work is done (`Followed::work`).
const REPLAYED_MAX: u64 = 1 << 17;
/// To see for one finding in which order there are the fewest switches, so much work is done.
const ORDERED_MAX: u64 = 1 << 14;
/// To see that it goes round sooner, so many transitions are looked at.
const ROUNDS_MAX: u64 = 1 << 16;

/// The same finding as a replay of its schedule tells it, with all turns left out without which
/// one tells the same. The transitions of the exploration were as few as may be, but each may
/// be of several turns, of which the last ones need not be needed. At the end of a replay all
/// have done what is nobody else's affair, so that others may be stuck as well, and of alike
/// tasks another may be the first.
fn fewest_turns(program: &'static Program, shown: Finding, way: Way) -> (Finding, Way) {
    if way.turns() > FOLLOWED_MAX {
        return (shown, way);
    }
    let followed = follow::follow_to_end(program, &way.schedule);
    let (all, each) = followed.map_or((Vec::new(), u64::MAX), |f| (f.shown, f.work));
    // More tasks may wait for the same there, at other places too.
    let waits = |f: &Finding| matches!(f.facts, Facts::Stuck { .. });
    let alike = |f: &&Finding| waits(&shown) && waits(f) && f.code == shown.code && f.on == shown.on;
    let Some(told) = all.iter().find(|f| f.is_same(&shown)).or_else(|| all.iter().find(alike)) else {
        return (shown, way);
    };
    let named = |f: &Finding| Finding { certainty: shown.certainty, count: shown.count, ..f.clone() };
    let fits = |f: &Finding| f.is_same(told) && who_waits(f) == who_waits(told);
    let mut tries = Replays { program, hash: way.schedule.hash, fits: &fits, each, left: REPLAYED_MAX };
    let fewest = if tries.is_over() { None } else { fewest(&mut tries, &way.schedule.turns) };
    let (finding, way) = match fewest {
        Some((turns, (finding, shorter))) if turns.len() < way.turns() => (named(&finding), shorter),
        _ if shown.code == Code::Race => (shown.clone(), way),
        _ => (named(told), way),
    };
    let (mut calmer, mut left) = (None, ORDERED_MAX);
    fewest_switches(program, &way.schedule, &mut left, &mut |turns| {
        calmer = tries.attempt(turns).map(|(_, shows)| shows);
        calmer.is_some()
    });
    match calmer {
        Some((finding, way)) => (named(&finding), way),
        None => (finding, way),
    }
}

/// Where all wait that are stuck, and those behind them, and who ended before it could help:
/// they have their turns on the way.
pub(super) fn who_waits(finding: &Finding) -> ([Vec<Span>; 2], Vec<u32>) {
    let Facts::Stuck { circle, behind, .. } = &finding.facts else { return Default::default() };
    let places = [circle, behind].map(|some| {
        let mut all: Vec<Span> = some.iter().map(|w| w.span).collect();
        all.sort_unstable();
        all
    });
    let ended = |reason: &Reason| match reason {
        Reason::EndedSupplier { task, .. } => Some(task.serial),
        _ => None,
    };
    let reasons = circle.iter().flat_map(|w| &w.waits).flat_map(|w| &w.reasons);
    let mut gone: Vec<u32> = reasons.filter_map(ended).collect();
    gone.sort_unstable();
    (places, gone)
}

/// Schedules that are replayed in the model, for what they show in the end.
struct Replays<'a> {
    program: &'static Program,
    hash: Option<u16>,
    fits: &'a dyn Fn(&Finding) -> bool,
    /// The work for the longest one, and how much may still be done.
    each: u64,
    left: u64,
}

impl Tries for Replays<'_> {
    type Item = schedule::Turn;
    type Shown = (Finding, Way);

    fn who(turn: &schedule::Turn) -> u32 {
        turn.task
    }

    fn attempt(&mut self, turns: &[schedule::Turn]) -> Option<(Vec<schedule::Turn>, (Finding, Way))> {
        self.left = self.left.saturating_sub(self.each);
        let schedule = Schedule { turns: turns.to_vec(), hash: self.hash };
        let followed = follow::follow_to_end(self.program, &schedule).ok()?;
        let at = followed.shown.iter().position(|f| (self.fits)(f))?;
        // What others do by themselves behind it belongs to no turn.
        let mut way = Way { schedule, ..followed.way };
        way.steps.truncate(followed.shown_at[at]);
        way.lanes.truncate(way.steps.iter().map(|s| s.lane + 1).max().unwrap_or(0));
        Some((turns.to_vec(), (followed.shown[at].clone(), way)))
    }

    fn is_over(&self) -> bool {
        self.left < self.each
    }
}

/// The same circle of an execution that never ends, come to in as few turns, and gone round
/// once by a short way. A replay has to tell of it.
fn sooner_round(
    program: &'static Program,
    shown: Finding,
    round: Option<Span>,
    way: Way,
    there: &Schedule,
) -> (Finding, Way) {
    if way.turns() > FOLLOWED_MAX {
        return (shown, way);
    }
    // A livelock goes past other places on another way round, but past this one.
    let places = |f: &Finding| if let Facts::Starvation { .. } = f.facts { f.places() } else { Vec::new() };
    let is_there = |f: &Finding| round.is_none_or(|place| f.places().contains(&place)) && going(f) == going(&shown);
    let fits = |f: &Finding| f.code == shown.code && places(f) == places(&shown) && is_there(f);
    let mut tries = Rounds { program, hash: way.schedule.hash, fits: &fits, left: ROUNDS_MAX };
    let Some((_, (finding, shorter))) = fewest(&mut tries, &there.turns) else { return (shown, way) };
    let is_told = || follow::follow(program, &shorter.schedule).is_ok_and(|f| f.circle.iter().any(fits));
    let length = |way: &Way| (way.turns(), way.steps.len());
    if length(&shorter) >= length(&way) || !is_told() {
        return (shown, way);
    }
    (Finding { certainty: shown.certainty, count: shown.count, ..finding }, shorter)
}

/// Who goes round in a livelock.
fn going(finding: &Finding) -> Vec<&str> {
    let Facts::Livelock { going } = &finding.facts else { return Vec::new() };
    going.iter().map(|of| &*of.task.name).collect()
}

/// Schedules behind which it goes round for ever.
struct Rounds<'a> {
    program: &'static Program,
    hash: Option<u16>,
    fits: &'a dyn Fn(&Finding) -> bool,
    /// So many transitions may still be looked at.
    left: u64,
}

impl Tries for Rounds<'_> {
    type Item = schedule::Turn;
    type Shown = (Finding, Way);

    fn who(turn: &schedule::Turn) -> u32 {
        turn.task
    }

    fn attempt(&mut self, turns: &[schedule::Turn]) -> Option<(Vec<schedule::Turn>, (Finding, Way))> {
        self.left = self.left.saturating_sub(1 + turns.len() as u64);
        let schedule = Schedule { turns: turns.to_vec(), hash: self.hash };
        let shown = follow::round_behind(self.program, &schedule, self.fits, &mut self.left)?;
        Some((turns.to_vec(), shown))
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }
}

/// Who waits for several tasks has joined those that ended by now: for the
/// explorer that comes with the last of them.
fn joins_by_then(explorer: &Explorer, row: &Row) -> Vec<(Mover, Logged)> {
    let mut log = Vec::new();
    let mut row = row.clone();
    for (task, part) in explorer.task_parts(&row) {
        let waits = match &*part {
            Part::Task(t) => match &t.at {
                At::Step(step) => matches!(**step, Step::JoinAll { timeout: None }),
                At::Operate { then: Then::Join { all, timed: false, .. }, .. } => *all,
                At::Operate { then: Then::Child { .. }, .. } => true,
                _ => false,
            },
            _ => false,
        };
        let actor = explorer.model.space.place(Key::Task(task));
        let turn = Turn { actor, mover: Mover::Task, ways: Vec::new() };
        if waits && let Some((next, steps, _)) = explorer.logged(&row, &turn) {
            row = next;
            log.extend(steps.steps.into_iter().map(|s| (Mover::Task, s)));
        }
    }
    log
}

/// The second of the first two steps of two tasks that race at a place: the transition that
/// shows a race may go on behind it.
fn race_in(log: &[(Mover, Logged)], ix: PartIx, other: TaskId, task: TaskId) -> Option<usize> {
    // The other task's: whether it wrote, and was atomic.
    let mut earlier: Vec<(bool, bool)> = Vec::new();
    // How many of them came before its last release. By the exact order that hides nothing
    // by itself; then the last two there are race.
    let mut released = 0;
    let mut last = None;
    for (n, (_, step)) in log.iter().enumerate() {
        let here = step.reached.iter().filter(|r| r.ix == ix).map(|r| (r.write, r.atomic));
        if step.task == task {
            let races = |e: &(bool, bool), mine: (bool, bool)| (e.0 || mine.0) && !(e.1 && mine.1);
            if here.clone().any(|mine| earlier[released..].iter().any(|e| races(e, mine))) {
                return Some(n);
            }
            if here.clone().any(|mine| earlier.iter().any(|e| races(e, mine))) {
                last = Some(n);
            }
        } else if step.task == other {
            earlier.extend(here);
            if step.released {
                released = earlier.len();
            }
        }
    }
    last
}

pub fn way_of(explorer: &Explorer, row: &Row, log: &[(Mover, Logged)]) -> Way {
    let program = explorer.model.program;
    let names = super::outcome::names(&explorer.task_parts(row));
    let things = finding::things(explorer, row);
    let mut numbers = Numbers::new(explorer);
    let mut turns: Vec<schedule::Turn> = Vec::new();
    let mut steps = Vec::new();
    let mut lanes: Vec<Lane> = Vec::new();
    let mut lane_of: Vec<TaskId> = Vec::new();
    // Choices of steps that are no turns of their own belong to the turn
    // before, whose task goes on up to its next one; those before a task's
    // first turn to that.
    let mut waiting: Vec<(u32, Vec<u32>)> = Vec::new();
    let mut last: Option<usize> = None;
    for (mover, step) in log {
        let number = numbers.of(step.task);
        let ended = *mover != Mover::Task;
        let way = |c: &Choice| c.number(|task| numbers.of(task));
        let mut ways: Vec<u32> = step.choices.iter().map(way).collect();
        if step.turn || ended {
            if let Some(at) = waiting.iter().position(|w| w.0 == number) {
                let mut all = waiting.remove(at).1;
                all.append(&mut ways);
                ways = all;
            }
            last = Some(turns.len());
            turns.push(schedule::Turn { task: number, ended, ways });
        } else if !ways.is_empty() {
            match last.filter(|at| turns[*at].task == number && *at + 1 == turns.len()) {
                Some(at) => turns[at].ways.append(&mut ways),
                None => match waiting.iter_mut().find(|w| w.0 == number) {
                    Some(w) => w.1.append(&mut ways),
                    None => waiting.push((number, ways)),
                },
            }
        }
        numbers.born(&step.born);
        if step.text.is_empty() {
            continue;
        }
        let lane = lane_of.iter().position(|t| *t == step.task).unwrap_or_else(|| {
            lane_of.push(step.task);
            let (name, process) = match explorer.part(row, Key::Task(step.task)).as_deref() {
                Some(Part::Task(t)) => (names.get(&step.task).cloned().unwrap_or_default(), t.birth.process),
                _ => ("?".to_string(), false),
            };
            lanes.push(Lane { name, process });
            lanes.len() - 1
        });
        // An `atomically` stands where it first reaches something.
        let site = step.reached.first().map_or(step.site, |r| r.site);
        let text = step.text.told(&things);
        let span = if site == super::process::NOWHERE { Span::default() } else { program.span(site) };
        steps.push(LaneStep { lane, span, text });
    }
    // Ways taken before a first turn that did not come any more: the task is
    // named once more, for them alone.
    turns.extend(waiting.into_iter().map(|(task, ways)| schedule::Turn { task, ended: false, ways }));
    let schedule = Schedule { turns, hash: Some(explorer.options.hash) };
    Way { schedule, lanes, steps, circle_from: None }
}

/// How many bytes what stands in a row and not in the one before takes.
fn made_between(explorer: &Explorer, before: &Row, after: &Row) -> usize {
    let new = |(ix, part): (usize, &PartId)| before.get(ix as PartIx) != *part && *part != 0;
    let parts = after.parts().iter().enumerate().filter(|p| new(*p));
    parts.map(|(_, part)| super::part::bytes(&explorer.model.space.part(*part))).fold(0, usize::saturating_add)
}

/// A way that leads to the same state with fewer changes from one task to
/// another: neighbours are exchanged where that leads to the same state and
/// brings turns of one task together (as Choi and Zeller, ISSTA 2002, and
/// Harmony's explanations do).
fn fewer_switches(explorer: &Explorer, turns: Vec<Turn>) -> Vec<Turn> {
    const TURNS_MAX: usize = 400;
    const TRIES_MAX: usize = 20_000;
    /// They may make values of so many bytes.
    const MADE_MAX: usize = 32 << 20;
    if turns.len() > TURNS_MAX || turns.len() < 3 {
        return turns;
    }
    let mut rows = vec![explorer.row(0)];
    for turn in &turns {
        let Some((next, ..)) = explorer.logged(&rows[rows.len() - 1], turn) else { return turns };
        rows.push(next);
    }
    // What each comes to, since all that is tried makes it anew.
    let made: usize = rows.windows(2).map(|pair| made_between(explorer, &pair[0], &pair[1])).sum();
    let mut budget = TRIES_MAX.min(MADE_MAX / (made / turns.len() + 1));
    let mut turns = turns;
    // The last turn shows what was found; it stays.
    let last = turns.len() - 1;
    let mut at = 1;
    while at < last && budget > 0 {
        // A turn of another task between two of the same one: moved behind.
        let same = (at + 1..last).find(|j| turns[*j].actor == turns[at - 1].actor);
        let Some(j) = same.filter(|_| turns[at].actor != turns[at - 1].actor) else {
            at += 1;
            continue;
        };
        // Move turn j forward to `at`, one place at a time.
        let (kept_turns, kept_rows) = (turns.clone(), rows.clone());
        let mut k = j;
        let mut fine = true;
        while k > at {
            if budget == 0 {
                fine = false;
                break;
            }
            budget -= 1;
            let one = explorer.logged(&rows[k - 1], &turns[k]);
            let two = one.as_ref().and_then(
                |(row, _, e)| {
                    if e.is_empty() { explorer.logged(row, &turns[k - 1]) } else { None }
                },
            );
            match (one, two) {
                (Some((middle, ..)), Some((end, _, e))) if e.is_empty() && end.parts() == rows[k + 1].parts() => {
                    turns.swap(k - 1, k);
                    rows[k] = middle;
                    k -= 1;
                }
                _ => {
                    fine = false;
                    break;
                }
            }
        }
        if !fine {
            turns = kept_turns;
            rows = kept_rows;
        }
        at += 1;
    }
    turns
}
