//! Following a schedule in the model: turn by turn in the finest division, with
//! a refusal as soon as one cannot be carried out. It owns what a schedule
//! shows on its way and at its end, and each turn's details for who follows it
//! elsewhere; what a turn does, `step` says.

mod round;

use super::explore::{Explorer, Found1, Named, What};
use super::finding::{self, Scene1};
use super::live::BYTES_A_LOOK;
use super::model::Model;
use super::moves::Move;
use super::part::{self, At, How, Key, Part, PartIx};
use super::record::Recorder;
use super::said::Said;
use super::schedule::Schedule;
use super::seen::{Choice, Event, Logged};
use super::step;
use super::stepper::why;
use super::store::{Row, own_parts};
use super::turn::{Mover, Turn};
use super::way::{self, Numbers};
use super::{Options, Stop, Way};
use crate::detect::acted::Acted;
use crate::detect::event::Recording;
use crate::detect::finding::{Code, Facts, Finding};
use crate::detect::trace::Pick;
use crate::lang::ast::Span;
use crate::machine::Step;
use crate::objects::TaskId;
use crate::program::Program;
use hashbrown::{HashMap, HashSet};

/// A task may stand before so many transitions of its own affairs.
const OWN_MAX: usize = 1024;

/// What a schedule comes to.
#[derive(Clone, Debug)]
pub struct Followed {
    pub turns: Vec<Acted>,
    /// What each task's `choose`s give, by the task's number.
    pub chosen: Vec<Vec<u32>>,
    /// What the last turn or the end shows.
    pub shown: Vec<Finding>,
    /// With how many steps of the way each of these is shown.
    pub shown_at: Vec<usize>,
    /// What was shown on the way there.
    pub before: Vec<Finding>,
    pub way: Way,
    /// The state at the end is one from before: it goes round from that turn.
    pub circle_from: Option<usize>,
    /// What is wrong with going round there for ever.
    pub circle: Vec<Finding>,
    /// What happened on the way, if that was asked for.
    pub recording: Option<Recording>,
    /// About what it takes to follow it: a look at a task is one.
    pub work: u64,
}

/// Why a schedule cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A declaration that cannot be made, by its place, and why.
    Declaration(usize, String),
    /// A turn, counted from one; where the task stands; the reason.
    Turn { turn: usize, site: Option<Span>, reason: String },
    /// Who was asked wanted an end, behind so many turns.
    Stopped { turns: usize, stop: Stop },
}

/// Whether somebody wants an end of it.
type Ask<'a> = &'a mut dyn FnMut() -> Option<Stop>;

/// That is asked each time behind so many turns.
const ASKED_EACH: usize = 64;

/// Follows a schedule from the start of the script.
///
/// # Errors
///
/// The first turn that cannot be carried out, with the reason.
pub fn follow(program: &'static Program, schedule: &Schedule) -> Result<Followed, Refused> {
    follow_and(program, schedule, false, &mut || None)
}

/// The same; `record`: with what happens on the way, for a picture. `ask` is called now and
/// then and may end it.
///
/// # Errors
///
/// As `follow`, and if it was ended.
pub fn follow_and(
    program: &'static Program,
    schedule: &Schedule,
    record: bool,
    ask: &mut dyn FnMut() -> Option<Stop>,
) -> Result<Followed, Refused> {
    let mut followed = in_finest(program, schedule, record, true, ask)?;
    if followed.circle.is_empty() && super::every_plain_place(program).next().is_some() {
        let model = model_of_rounds(program);
        let options = options_of(schedule);
        let mut explorer = Explorer::new(&model, &options);
        // A look at what an `await` waits for is no turn there.
        if let Ok((done, _)) = go(&mut explorer, schedule, false, ask) {
            let mut out = Vec::new();
            explorer.successors(&done.row, true, &mut out);
            if !out.is_empty() {
                // Who goes round may race at each turn of it.
                let unbegun = followed.turns.is_empty();
                let around = followed.shown.iter().all(|f| is_about_others(f, unbegun) || f.code == Code::Race);
                (followed.circle_from, followed.circle) = round::circles(&mut explorer, &done, around);
            }
        }
    }
    Ok(followed)
}

/// The same, for who does not ask whether it goes round for ever at the end.
///
/// # Errors
///
/// As `follow`.
pub fn follow_to_end(program: &'static Program, schedule: &Schedule) -> Result<Followed, Refused> {
    in_finest(program, schedule, false, false, &mut || None)
}

/// Where races are looked for, who has reached what is part of the state, and such a one does
/// not come again. Whether a schedule goes round is seen without.
fn model_of_rounds(program: &'static Program) -> Model {
    let careless = super::every_plain_place(program).next().is_some();
    let model = Model::finest(program, super::watched(program));
    if careless { Model { careless, exact: false, ..model } } else { model }
}

/// What going round for ever behind a schedule comes to, of what fits, with the way there and
/// once round. So many transitions are `left` to look at for that.
pub fn round_behind(
    program: &'static Program,
    schedule: &Schedule,
    fits: &dyn Fn(&Finding) -> bool,
    left: &mut u64,
) -> Option<(Finding, Way)> {
    let (model, options) = (model_of_rounds(program), options_of(schedule));
    let mut explorer = Explorer::new(&model, &options);
    let (done, _) = go(&mut explorer, schedule, false, &mut || None).ok()?;
    let circles = super::live::recurring(&mut explorer, &done.row, left).unwrap_or_default();
    let told = circles.into_iter().map(|c| (super::live::finding(&explorer, &c, &done.row), c));
    let (finding, circle) = told.into_iter().find(|(finding, _)| fits(finding))?;
    let (mut row, mut log) = (done.row, done.log);
    let from = rows_of(&log);
    for turn in &circle.turns {
        let (next, steps, _) = explorer.logged(&row, turn)?;
        row = next;
        log.extend(steps.steps.into_iter().map(|s| (turn.mover, s)));
    }
    Some((finding, Way { circle_from: Some(from), ..way::way_of(&explorer, &row, &log) }))
}

/// How many steps of a log have a row in the picture of the way.
fn rows_of(log: &[(Mover, Logged)]) -> usize {
    log.iter().filter(|l| !l.1.text.is_empty()).count()
}

pub(super) fn options_of(schedule: &Schedule) -> Options {
    Options { plain: true, hash: schedule.hash.unwrap_or(0), ..Options::default() }
}

/// In the finest division, with all races; `round`: and with whether it goes round.
fn in_finest(
    program: &'static Program,
    schedule: &Schedule,
    record: bool,
    round: bool,
    ask: Ask,
) -> Result<Followed, Refused> {
    let model = Model::finest(program, super::watched(program));
    let options = options_of(schedule);
    let mut explorer = Explorer::new(&model, &options);
    let (done, recorder) = go(&mut explorer, schedule, record, ask)?;
    let recording = recorder.map(|r| r.finish(&explorer, &done.row));
    Ok(Followed { recording, ..end(&mut explorer, done, round) })
}

/// The turns of a schedule, one by one, and what is nobody else's affair behind them.
fn go(
    explorer: &mut Explorer,
    schedule: &Schedule,
    record: bool,
    ask: Ask,
) -> Result<(Done, Option<Recorder>), Refused> {
    let mut follower = Follower::begin(explorer, schedule, record)?;
    follower.done.rows.push(follower.done.row.clone());
    for at in 0..schedule.turns.len() {
        if at % ASKED_EACH == 0
            && let Some(stop) = ask()
        {
            return Err(Refused::Stopped { turns: at, stop });
        }
        follower.turn(at)?;
    }
    follower.done.rounds = follower.stances.iter().flat_map(|s| s.round.iter().cloned()).collect();
    follower.no_way_left()?;
    Ok((follower.done, follower.recorder))
}

/// An event, with how far the log went then, the turn and whose doing it was.
struct Seen {
    event: Event,
    row: Row,
    log: usize,
    turn: usize,
    task: u32,
    /// It came on the way to a turn, and not in one.
    own: bool,
}

struct Done {
    row: Row,
    log: Vec<(Mover, Logged)>,
    turns: Vec<Acted>,
    chosen: Vec<Vec<u32>>,
    events: Vec<Seen>,
    rows: Vec<Row>,
    /// Each transition, with how many rows there were before it.
    moves: Vec<(usize, Turn)>,
    /// Once round of those that in the end go round by themselves.
    rounds: Vec<Turn>,
}

impl Done {
    /// Nothing by now, in this state.
    fn at(row: Row) -> Done {
        Done {
            row,
            log: Vec::new(),
            turns: Vec::new(),
            chosen: Vec::new(),
            events: Vec::new(),
            rows: Vec::new(),
            moves: Vec::new(),
            rounds: Vec::new(),
        }
    }
}

/// How a task was left when it had done all that is nobody else's affair.
#[derive(Clone)]
struct Stance {
    ix: PartIx,
    part: part::PartId,
    /// If it goes round in that for ever, once round.
    round: Vec<Turn>,
}

/// The ways of a task.
#[derive(Clone, Default)]
struct Ways {
    /// Those that are left to take, and how many were taken.
    left: std::collections::VecDeque<u32>,
    taken: usize,
    /// How many the turns up to here have named.
    named: usize,
    /// It has no turn from this place of the schedule on.
    turns_end: usize,
}

/// Who follows a schedule turn by turn.
pub(super) struct Follower<'f, 'm> {
    explorer: &'f Explorer<'m>,
    schedule: &'f Schedule,
    numbers: Numbers,
    /// By the tasks' numbers.
    ways: Vec<Ways>,
    stances: Vec<Stance>,
    /// What is done now is nobody else's affair.
    settles: bool,
    /// The turn under way, and the one that comes next.
    at: usize,
    next: usize,
    done: Done,
    recorder: Option<Recorder>,
}

impl<'f, 'm> Follower<'f, 'm> {
    fn new(explorer: &'f Explorer<'m>, schedule: &'f Schedule) -> Follower<'f, 'm> {
        let done = Done::at(explorer.row(0));
        let mut ways: Vec<Ways> = Vec::new();
        for (at, turn) in schedule.turns.iter().enumerate() {
            let task = turn.task as usize;
            // A number far beyond every task is refused at its turn.
            if task < 1 << 20 {
                ways.resize_with(ways.len().max(task + 1), Default::default);
                ways[task].left.extend(&turn.ways);
                if !turn.ended {
                    ways[task].turns_end = at + 1;
                }
            }
        }
        let (numbers, stances) = (Numbers::new(explorer), Vec::new());
        Follower { explorer, schedule, numbers, ways, stances, settles: false, at: 0, next: 0, done, recorder: None }
    }

    /// Before the first turn. `record`: with what happens on the way.
    ///
    /// # Errors
    ///
    /// If a declaration cannot be made.
    pub(super) fn begin(
        explorer: &'f mut Explorer<'m>,
        schedule: &'f Schedule,
        record: bool,
    ) -> Result<Follower<'f, 'm>, Refused> {
        explorer.begin().map_err(|(object, text)| Refused::Declaration(object, text))?;
        let explorer = &*explorer;
        let mut follower = Follower::new(explorer, schedule);
        follower.recorder = record.then(|| Recorder::new(explorer, &explorer.row(0)));
        follower.settle()?;
        Ok(follower)
    }

    /// Another one, who goes on from here by himself. He has nothing of the way here.
    pub(super) fn branch(&self) -> Follower<'f, 'm> {
        let Follower { explorer, schedule, at, next, .. } = *self;
        let done = Done::at(self.done.row.clone());
        let (numbers, ways, stances) = (self.numbers.clone(), self.ways.clone(), self.stances.clone());
        Follower { explorer, schedule, numbers, ways, stances, settles: false, at, next, done, recorder: None }
    }

    /// Where all stand.
    pub(super) fn parts(&self) -> &[part::PartId] {
        own_parts(self.done.row.parts())
    }

    /// About what a turn takes: a look at a task is one.
    pub(super) fn work(&self) -> u64 {
        self.numbers.all().len() as u64
    }

    fn name(&self, task: TaskId) -> String {
        match self.explorer.part(&self.done.row, Key::Task(task)).as_deref() {
            Some(Part::Task(t)) => t.birth.name.to_string(),
            _ => "?".to_string(),
        }
    }

    fn refuse<T>(&self, task: Option<TaskId>, reason: String) -> Result<T, Refused> {
        let part = task.and_then(|t| self.explorer.part(&self.done.row, Key::Task(t)));
        let site = match part.as_deref() {
            Some(Part::Task(t)) => Some(t.pc()),
            _ => None,
        };
        let site = site.filter(|s| *s != super::process::NOWHERE).map(|s| self.explorer.model.program.span(s));
        Err(Refused::Turn { turn: self.at + 1, site, reason })
    }

    /// The turn of the schedule at a place, which need not be the one behind that of before.
    pub(super) fn turn(&mut self, at: usize) -> Result<(), Refused> {
        (self.at, self.next) = (at, at + 1);
        let turn = &self.schedule.turns[at];
        let Some(task) = self.numbers.task(turn.task) else {
            let made = self.numbers.all().len();
            let verb = if made == 1 { "task has" } else { "tasks have" };
            return self.refuse(None, format!("there is no task {}: {made} {verb} been made by then", turn.task));
        };
        let turns = self.done.turns.len();
        if turn.ended { self.ended(turn.task, task) } else { self.goes(turn.task, task, &turn.ways) }?;
        self.settle()?;
        if self.done.turns.len() > turns {
            self.done.rows.push(self.done.row.clone());
        }
        Ok(())
    }

    /// Every way of the schedule was one to take.
    fn no_way_left(&mut self) -> Result<(), Refused> {
        let left = |(number, ways): (usize, &Ways)| Some((number as u32, *ways.left.front()?));
        let Some((number, way)) = self.ways.iter().enumerate().find_map(left) else { return Ok(()) };
        let named = |turn: &super::schedule::Turn| turn.task == number && !turn.ways.is_empty();
        self.at = self.schedule.turns.iter().rposition(named).unwrap_or(0);
        let task = self.numbers.task(number);
        let name = task.map(|t| self.name(t)).unwrap_or_default();
        self.refuse(None, format!("`{name}` has nothing to choose there, so no way {way}"))
    }

    /// A turn of the task itself.
    fn goes(&mut self, number: u32, task: TaskId, ways: &[u32]) -> Result<(), Refused> {
        let named_for_ways = self.is_named_for_ways(number, ways);
        let name = self.name(task);
        if self.stances.get(number as usize).is_some_and(|s| !s.round.is_empty()) {
            // It comes to no turn any more.
            if named_for_ways {
                return Ok(());
            }
            return self.refuse(Some(task), format!("`{name}` goes round for ever by then, and comes to no turn"));
        }
        let part = self.explorer.part(&self.done.row, Key::Task(task));
        let Some(Part::Task(stands)) = part.as_deref() else {
            return self.refuse(None, format!("task {number} is not there"));
        };
        if matches!(stands.at, At::Ended(_)) {
            return self.refuse(Some(task), format!("`{name}` has ended by then"));
        }
        let (process, ix) = (stands.process, self.explorer.model.space.place(Key::Task(task)));
        let was_dead = self.is_dead(process);
        let first = self.done.log.len();
        if !self.transition(number, ix, Mover::Task)? {
            if named_for_ways || is_a_look(&stands.at) {
                return Ok(());
            }
            let waits = self.waits_for(task);
            return self.refuse(Some(task), format!("`{name}` cannot go ahead there{waits}"));
        }
        let steps = self.done.log[first..].iter().map(|l| &l.1);
        let site = stands.machine.as_ref().map(crate::machine::Task::pc);
        let arms = steps.clone().flat_map(|s| s.arms.iter().copied()).collect();
        let picks =
            steps.flat_map(|s| &s.picks).map(|(task, arm)| Pick { task: self.numbers.of(*task), arm: *arm }).collect();
        let over = !was_dead && self.is_dead(process);
        self.done.turns.push(Acted { task: number, ended: false, process: false, signal: 0, site, arms, picks, over });
        Ok(())
    }

    /// It is ended from outside.
    fn ended(&mut self, number: u32, task: TaskId) -> Result<(), Refused> {
        let part = self.explorer.part(&self.done.row, Key::Task(task));
        let name = self.name(task);
        let Some(Part::Task(stands)) = part.as_deref() else {
            return self.refuse(None, format!("task {number} is not there"));
        };
        // A worker that is a process is told to stop, as a thread is, unless its process ends.
        let of_process = self.explorer.part(&self.done.row, Key::Process(task));
        let ends = matches!(of_process.as_deref(), Some(Part::Process(p)) if p.dying.is_some() && !p.dead);
        let process = stands.birth.process && (ends || !stands.dying);
        let was_dead = self.is_dead(stands.process);
        let key = if process { Key::Process(task) } else { Key::Task(task) };
        let (mover, may) = match self.explorer.part(&self.done.row, key).as_deref() {
            Some(Part::Process(p)) => (Mover::Bury, p.dying.is_some() && !p.dead),
            Some(Part::Task(t)) => (Mover::Stop, t.dying && !matches!(t.at, At::Ended(_))),
            _ => (Mover::Stop, false),
        };
        let signal = match self.explorer.part(&self.done.row, key).as_deref() {
            Some(Part::Process(p)) => match p.dying {
                Some(How::Signalled(n)) => n,
                _ => 0,
            },
            _ => 0,
        };
        let ix = self.explorer.model.space.place(key);
        if !may || !self.transition(number, ix, mover)? {
            let what = if process { "ends the process of" } else { "stops" };
            return self.refuse(Some(task), format!("nothing {what} `{name}` there"));
        }
        let turn = Acted {
            task: number,
            ended: true,
            process,
            signal,
            site: None,
            arms: Vec::new(),
            picks: Vec::new(),
            over: !process && !was_dead && self.is_dead(stands.process),
        };
        self.done.turns.push(turn);
        Ok(())
    }

    fn is_dead(&self, process: TaskId) -> bool {
        match self.explorer.part(&self.done.row, Key::Process(process)).as_deref() {
            Some(Part::Process(p)) => p.dead,
            _ => false,
        }
    }

    /// Whether a turn's task need not have come to it: it was named for the ways it takes
    /// before, of which it has taken some.
    fn is_named_for_ways(&mut self, number: u32, ways: &[u32]) -> bool {
        let Some(known) = self.ways.get_mut(number as usize) else { return false };
        let before = known.named;
        known.named += ways.len();
        !ways.is_empty() && known.taken > before
    }

    /// One transition; whether it could be done.
    fn transition(&mut self, number: u32, ix: PartIx, mover: Mover) -> Result<bool, Refused> {
        let known = self.ways.get(number as usize);
        let ways: Vec<u32> = known.map(|w| w.left.iter().copied().collect()).unwrap_or_default();
        let turn = Turn { actor: ix, mover, ways };
        let names = Named {
            tasks: self.numbers.all(),
            // Who has no turn any more need not come by what the schedule says nothing of.
            only_drawn: known.is_none_or(|ways| ways.turns_end <= self.next),
        };
        let Some((row, log, events)) = self.explorer.logged_by(&self.done.row, &turn, Some(names)) else {
            return Ok(false);
        };
        let mut taken = turn.ways.iter();
        for choice in log.steps.iter().flat_map(|s| &s.choices) {
            let took = choice.number(|task| self.numbers.of(task));
            if let Some(wanted) = taken.next().filter(|w| **w != took) {
                let task = self.numbers.task(number);
                let name = task.map(|t| self.name(t)).unwrap_or_default();
                let what = match choice {
                    Choice::Way(_) => format!("`{name}` has no way {wanted} to choose there"),
                    Choice::Arm(_) => format!("arm {wanted} of the `select` of `{name}` is not ready there"),
                    Choice::Task(_) => format!("task {wanted} does not wait for `{name}` there"),
                    Choice::Met(_) => format!("no arm {wanted} of a `select` waits for `{name}` there"),
                };
                return self.refuse(task, what);
            }
            if let Choice::Way(n) = choice {
                let chosen = &mut self.done.chosen;
                chosen.resize_with(chosen.len().max(number as usize + 1), Vec::new);
                chosen[number as usize].push(*n);
            }
        }
        let count = log.steps.iter().map(|s| s.choices.len()).sum::<usize>();
        if let Some(ways) = self.ways.get_mut(number as usize) {
            ways.taken += ways.left.drain(..count.min(ways.left.len())).count();
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.transition(self.explorer, &self.done.row, &row, self.explorer.task_of(&turn), &log);
        }
        for step in log.steps {
            self.numbers.born(&step.born);
            self.done.log.push((mover, step));
        }
        let (at, log) = (self.at, self.done.log.len());
        let own = self.settles;
        let seen = |event| Seen { event, row: row.clone(), log, turn: at, task: number, own };
        self.done.events.extend(events.into_iter().map(seen));
        self.done.row = row;
        self.done.moves.push((self.done.rows.len(), turn));
        Ok(true)
    }

    /// What all do before their next turns, by their numbers: as in a run, where a turn goes
    /// on until all that it has made or let go have come to theirs.
    fn settle(&mut self) -> Result<(), Refused> {
        self.settles = true;
        let mut number = 0;
        while let Some(task) = self.numbers.task(number) {
            let at = number as usize;
            if at == self.stances.len() {
                let ix = self.explorer.model.space.place(Key::Task(task));
                self.stances.push(Stance { ix, part: 0, round: Vec::new() });
            }
            let ix = self.stances[at].ix;
            if self.stances[at].part != self.done.row.get(ix) {
                let round = self.own_affairs(number, task)?;
                self.stances[at] = Stance { ix, part: self.done.row.get(ix), round };
            }
            number += 1;
        }
        self.settles = false;
        Ok(())
    }

    /// What a task does before its next turn, which is nobody else's affair. If it goes
    /// round in that for ever, the transitions of once round.
    fn own_affairs(&mut self, number: u32, task: TaskId) -> Result<Vec<Turn>, Refused> {
        let ix = self.explorer.model.space.place(Key::Task(task));
        let first = self.done.moves.len();
        let log = self.done.log.len();
        // After how many transitions it was where.
        let mut been: HashMap<Vec<part::PartId>, usize> = HashMap::default();
        for round in 0..OWN_MAX {
            let part = self.explorer.part(&self.done.row, Key::Task(task));
            let Some(Part::Task(stands)) = part.as_deref() else { break };
            if step::is_turn(&stands.at) {
                break;
            }
            if let Some(before) = been.insert(own_parts(self.done.row.parts()).to_vec(), round) {
                self.tell_once(log);
                return Ok(self.done.moves[first + before..].iter().map(|m| m.1.clone()).collect());
            }
            if !self.transition(number, ix, Mover::Task)? {
                break;
            }
        }
        Ok(Vec::new())
    }

    /// Of what goes on and on behind this place of the log each step is told once, if it
    /// comes to nothing but its text.
    fn tell_once(&mut self, from: usize) {
        let mut told: HashSet<(u32, Said)> = HashSet::default();
        let behind = self.done.log.split_off(from);
        let mut is_new = |step: &Logged| {
            let more = step.turn || !step.choices.is_empty() || !step.reached.is_empty() || !step.born.is_empty();
            told.insert((step.site, step.text.clone())) || more
        };
        self.done.log.extend(behind.into_iter().filter(|(_, step)| is_new(step)));
    }

    /// What keeps a task from going ahead, where that is known.
    fn waits_for(&self, task: TaskId) -> String {
        let scene = Scene1::new(self.explorer, &self.done.row, &[]);
        let all: Vec<String> = why(&scene, task).into_iter().map(|why| format!("`{}`", why.what)).collect();
        if all.is_empty() { String::new() } else { format!(": it waits in {}", all.join(" or ")) }
    }
}

/// What the end of a way shows, and what its steps have shown.
fn end(explorer: &mut Explorer, done: Done, round: bool) -> Followed {
    let last = done.turns.len().saturating_sub(1);
    let mut way = way::way_of(explorer, &done.row, &done.log);
    let (mut shown, mut before): (Vec<Finding>, Vec<Finding>) = (Vec::new(), Vec::new());
    let (mut shown_at, all) = (Vec::new(), rows_of(&done.log));
    let mut out = Vec::new();
    explorer.successors(&done.row, true, &mut out);
    // A schedule may leave out that a task has looked at the condition of an
    // `await` before it waits.
    out.retain(|to| !explorer.looks_in_vain(&done.row, to));
    let able: Vec<TaskId> = out.iter().map(|(t, _)| explorer.task_of(t)).collect();
    let at_end = out.is_empty();
    let scene = Scene1::new(explorer, &done.row, &able);
    let stuck = scene.stuck();
    let (stuck, finished) = (scene.findings(&stuck), scene.finished());
    drop(scene);
    let found = |what: What, code| Found1 { code, state: 0, turn: None, what, also_on: Vec::new() };
    // `at`: with so many rows, if the last turn shows it.
    let mut add = |finding: Finding, at: Option<usize>| {
        let list = if at.is_some() { &mut shown } else { &mut before };
        if !list.contains(&finding) {
            list.push(finding);
            shown_at.extend(at);
        }
    };
    let of_locks = |f: &&Finding| f.code == Code::AbandonedLock;
    let abandoned: Vec<String> = stuck.iter().map(|s| &s.finding).filter(of_locks).flat_map(|f| f.on.clone()).collect();
    for one in stuck {
        add(one.finding, Some(all));
    }
    // What comes again is the same finding, with the facts of the first time, as in a run and
    // among all that an exploration finds; in one turn, of the first task. The last turn shows
    // it if it comes there again.
    let key = |seen: &Seen| finding::key(explorer.model.program, &seen.event);
    // What somebody came to before a turn that it does not take any more is shown there too.
    // Whom an error has ended takes one more at the most, its end.
    let is_over = |seen: &Seen| matches!(seen.event, Event::Failed { job: None, .. });
    let goes_on = |seen: &Seen| !is_over(seen) && done.turns.iter().skip(seen.turn + 1).any(|t| t.task == seen.task);
    let mut firsts: Vec<(&Seen, bool)> = Vec::new();
    let mut at: HashMap<(Code, String), usize> = HashMap::default();
    for seen in &done.events {
        let first = *at.entry(key(seen)).or_insert(firsts.len());
        if first == firsts.len() {
            firsts.push((seen, false));
        }
        let known = firsts[first].0;
        if (seen.turn, seen.task) < (known.turn, known.task) {
            firsts[first].0 = seen;
        }
        firsts[first].1 |= seen.turn == last || seen.own && !goes_on(seen);
    }
    if done.turns.is_empty() {
        for event in explorer.false_from_the_start(&done.row) {
            let (code, _) = finding::key(explorer.model.program, &event);
            add(finding::finding(explorer, &found(What::Event(event), code), &done.row, &done.log), Some(all));
        }
    }
    for (seen, at_last) in firsts {
        let (code, _) = key(seen);
        let one = found(What::Event(seen.event.clone()), code);
        let finding = finding::finding(explorer, &one, &seen.row, &done.log[..seen.log]);
        // A lock that stuck tasks wait for is told there, as in a run.
        if code == Code::AbandonedLock && finding.on.iter().all(|lock| abandoned.contains(lock)) {
            continue;
        }
        let is_there = seen.turn == last || seen.own;
        add(finding, at_last.then(|| if is_there { rows_of(&done.log[..seen.log]) } else { all }));
    }
    if at_end && finished {
        let mut m = Move::new(explorer.model, done.row.parts(), &[], explorer.main, explorer.main);
        m.run_finally();
        let (.., events, _) = m.close();
        for event in events {
            let (code, _) = finding::key(explorer.model.program, &event);
            let one = found(What::Finally(event), code);
            add(finding::finding(explorer, &one, &done.row, &done.log), Some(all));
        }
        for note in finding::notes(explorer, &done.row) {
            let code = note.code();
            add(finding::finding(explorer, &found(What::Note(note), code), &done.row, &done.log), Some(all));
        }
    }
    // Each turn looks where every task stands; so many bytes of values take as long.
    let looks = done.moves.len() * explorer.task_parts(&done.row).len();
    let work = (looks + explorer.model.space.bytes() / BYTES_A_LOOK) as u64;
    way.circle_from = None;
    let (circle_from, circle) = match round {
        true => {
            round::circles(explorer, &done, !at_end && shown.iter().all(|f| is_about_others(f, done.turns.is_empty())))
        }
        false => (None, Vec::new()),
    };
    Followed {
        turns: done.turns,
        chosen: done.chosen,
        shown,
        shown_at,
        before,
        way,
        circle_from,
        circle,
        recording: None,
        work,
    }
}

/// Whether a task that cannot go ahead has looked in vain. Where others' accesses are compared with
/// what it looks at, that is a turn; here it may be none, and changes nothing either way.
pub(super) fn is_a_look(at: &At) -> bool {
    matches!(at, At::Step(step) if matches!(**step, Step::AwaitBegin { .. } | Step::AtomicBegin))
}

/// Whether a finding tells who is stuck, or what is false where nobody makes a step: what others
/// do beside them may be what the schedule is about.
fn is_about_others(finding: &Finding, unbegun: bool) -> bool {
    matches!(finding.facts, Facts::Stuck { .. }) || unbegun && finding.code == Code::Invariant
}

#[cfg(test)]
mod tests;
