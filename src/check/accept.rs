//! Whether the model accepts what a free run did: each turn of its trace in
//! turn, by the same task at the same place with the same answers. It owns the
//! comparison, and the search for the moments at which tasks were ended from
//! outside, which a trace does not tell; what a turn does, `step` says.

use super::explore::{Explorer, Named};
use super::model::Model;
use super::moves::Move;
use super::part::{At, Key, Part, PartIx, Then};
use super::seen::{self, Choice, Log};
use super::store::Row;
use super::turn::{Mover, Turn as Move1};
use super::{Options, step};
use crate::detect::trace::{Came, Deed, Entry, Pick, Turn, What, is_told};
use crate::objects::{KINDS, TaskId, place, pool};
use crate::program::Program;
use crate::program::value::Value;
use hashbrown::HashMap;
use std::iter::Peekable;

/// A task may stand before so many transitions of its own affairs.
const OWN_MAX: usize = 64;
/// So many turns are tried before the search for the moments of ends is given
/// up, for each turn of the trace and beyond.
const TRIES: usize = 20;

/// How the run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every task has ended.
    Finished,
    /// What is left can never go on.
    Stuck,
    /// It was cut, or the trace is not all of it.
    Open,
}

/// The first turn that the model does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The entry, counted from zero; the number of entries for the end.
    pub entry: usize,
    /// Where the task stood.
    pub site: Option<u32>,
    pub reason: String,
}

/// Follows a trace from the start of the script: how many turns it has.
///
/// # Errors
///
/// The furthest turn that no way to it leads on from.
pub fn accept(program: &'static Program, entries: &[Entry], end: End) -> Result<usize, Refusal> {
    let model = Model { blind: true, exact: false, ..Model::finest(program, super::watched(program)) };
    let options = Options { plain: true, ..Options::default() };
    let mut explorer = Explorer::new(&model, &options);
    let refused = |(_, reason)| Refusal { entry: 0, site: None, reason };
    explorer.begin().map_err(refused)?;
    let mut acceptor = Acceptor::new(&mut explorer, entries);
    acceptor.search(end)
}

fn named(tasks: &[TaskId]) -> Named<'_> {
    Named { tasks, only_drawn: false }
}

/// What the run's numbers stand for, and how far it is.
#[derive(Clone)]
struct State {
    row: Row,
    /// The next entry.
    at: usize,
    /// The model's tasks in the order of their births.
    tasks: Vec<TaskId>,
    /// A task of the run as one of the model, and the other way round.
    of_run: HashMap<u32, TaskId>,
    of_model: HashMap<TaskId, u32>,
    /// How many of its children, and of its choices, each task has had.
    born: HashMap<u32, usize>,
    chosen: HashMap<u32, usize>,
}

struct Acceptor<'f, 'm> {
    explorer: &'f mut Explorer<'m>,
    entries: &'f [Entry],
    children: HashMap<u32, Vec<u32>>,
    choices: HashMap<u32, Vec<u64>>,
    /// The last turn of each task.
    last: HashMap<u32, usize>,
    refusal: Option<Refusal>,
}

/// What a state may do next.
enum Next {
    /// The entry, or the entry left out: it had no effect.
    Entry,
    Left,
    /// A task, or a process, is ended from outside.
    Ended(PartIx, Mover),
}

impl<'f, 'm> Acceptor<'f, 'm> {
    fn new(explorer: &'f mut Explorer<'m>, entries: &'f [Entry]) -> Acceptor<'f, 'm> {
        let (mut children, mut choices, mut last) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (i, entry) in entries.iter().enumerate() {
            match &entry.what {
                What::Born(child) => children.entry(entry.task).or_insert_with(Vec::new).push(*child),
                What::Chose(way) => choices.entry(entry.task).or_insert_with(Vec::new).push(*way),
                What::Turn(_) => drop(last.insert(entry.task, i)),
            }
        }
        Acceptor { explorer, entries, children, choices, last, refusal: None }
    }

    fn first(&self) -> State {
        let row = self.explorer.row(0);
        let mut tasks: Vec<TaskId> = self.explorer.task_parts(&row).iter().map(|t| t.0).collect();
        tasks.sort_unstable();
        let numbered = || tasks.iter().enumerate().map(|(n, t)| (n as u32, *t));
        let (of_run, of_model) = (numbered().collect(), numbered().map(|(n, t)| (t, n)).collect());
        // The workers of declared pools are `main`'s first children.
        let born = HashMap::from([(0, tasks.len() - 1)]);
        State { row, at: 0, tasks, of_run, of_model, born, chosen: HashMap::new() }
    }

    /// Goes as far as it can; where there is more than one way, to the end of
    /// each until one is accepted.
    fn search(&mut self, end: End) -> Result<usize, Refusal> {
        let mut open = vec![self.first()];
        let mut tries = TRIES * (self.entries.len() + 100);
        while let Some(state) = open.pop() {
            if self.follow(state, end, &mut open, &mut tries) {
                return Ok(self.turns());
            }
            if tries == 0 {
                break;
            }
        }
        let none = Refusal { entry: 0, site: None, reason: "the search was given up".to_string() };
        Err(self.refusal.take().unwrap_or(none))
    }

    /// From a state on by the likeliest ways; the others are put aside. Whether
    /// that led to the end.
    fn follow(&mut self, mut state: State, end: End, open: &mut Vec<State>, tries: &mut usize) -> bool {
        loop {
            let mut ways = self.ways(&state).into_iter();
            // At the end, whoever may still be ended is.
            let first = ways.next().filter(|_| state.at < self.entries.len() || end != End::Open);
            let Some(first) = first else {
                let ended = self.at_end(&mut state, end);
                return ended.map_err(|refusal| self.refuse(refusal)).is_ok();
            };
            for way in ways.rev() {
                let mut other = state.clone();
                if self.take(&mut other, &way) {
                    open.push(other);
                }
            }
            *tries = tries.saturating_sub(1);
            if *tries == 0 || !self.take(&mut state, &first) {
                return false;
            }
        }
    }

    fn turns(&self) -> usize {
        self.entries.iter().filter(|e| matches!(e.what, What::Turn(_))).count()
    }

    fn refuse(&mut self, refusal: Refusal) {
        if self.refusal.as_ref().is_none_or(|r| r.entry <= refusal.entry) {
            self.refusal = Some(refusal);
        }
    }

    /// All that may come next, the likeliest first.
    fn ways(&mut self, state: &State) -> Vec<Next> {
        let mut ways = Vec::new();
        if let Some(entry) = self.entries.get(state.at) {
            ways.push(Next::Entry);
            if entry.unsure {
                ways.push(Next::Left);
            }
            if !matches!(entry.what, What::Turn(_)) {
                return ways;
            }
        }
        for (ix, mover, _) in self.explorer.movers(&state.row) {
            let over = match (mover, self.explorer.model.space.key(ix)) {
                (Mover::Stop, Key::Task(task)) => self.is_over(state, task),
                (Mover::Bury, Key::Process(process)) => self.is_process_over(state, process),
                _ => false,
            };
            if over {
                ways.push(Next::Ended(ix, mover));
            }
        }
        ways
    }

    /// Whether the trace has no further turn of a task.
    fn is_over(&self, state: &State, task: TaskId) -> bool {
        let number = state.of_model.get(&task);
        number.and_then(|n| self.last.get(n)).is_none_or(|last| *last < state.at)
    }

    fn is_process_over(&self, state: &State, process: TaskId) -> bool {
        match self.explorer.part(&state.row, Key::Threads(process)).as_deref() {
            Some(Part::Threads(tasks)) => tasks.iter().all(|t| self.is_over(state, *t)),
            _ => false,
        }
    }

    fn take(&mut self, state: &mut State, way: &Next) -> bool {
        match way {
            Next::Left => state.at += 1,
            Next::Ended(ix, mover) => {
                let turn = Move1 { actor: *ix, mover: *mover, ways: Vec::new() };
                let Some((row, ..)) = self.explorer.logged_by(&state.row, &turn, Some(named(&state.tasks))) else {
                    return false;
                };
                state.row = row;
            }
            Next::Entry => {
                let entry = &self.entries[state.at];
                if let What::Turn(turn) = &entry.what {
                    let site = turn.site;
                    if let Err(reason) = self.turn(state, entry.task, turn) {
                        self.refuse(Refusal { entry: state.at, site, reason });
                        return false;
                    }
                }
                state.at += 1;
            }
        }
        true
    }

    // ------------------------------------------------------------------- turns

    fn turn(&mut self, state: &mut State, number: u32, turn: &Turn) -> Result<(), String> {
        let Some(task) = state.of_run.get(&number).copied() else {
            return Err(format!("task {number} has not been made by then"));
        };
        self.own_affairs(state, number, task)?;
        let part = self.explorer.part(&state.row, Key::Task(task));
        let Some(Part::Task(stands)) = part.as_deref() else { return Err(format!("task {number} is not there")) };
        let name = stands.birth.name.to_string();
        let site = stands.machine.as_ref().map(crate::machine::Task::pc);
        if let (Some(here), Some(there)) = (site, turn.site)
            && here != there
        {
            return Err(format!("`{name}` stands at {here} of the code, and in the run at {there}"));
        }
        let (row, log) = self
            .carry_out(state, number, task, turn)?
            .ok_or_else(|| format!("`{name}` cannot go ahead: {:?}; the run did {turn:?}", stands.at))?;
        let arms: Vec<u32> = log.steps.iter().flat_map(|s| s.arms.iter().copied()).collect();
        if !turn.arms.is_empty() && arms != turn.arms {
            return Err(format!("`{name}` takes the arms {arms:?}, and in the run {:?}", turn.arms));
        }
        if site.is_none() && !matches!(stands.at, At::Operate { then: Then::Take, .. }) {
            self.went(state, row, &log);
            return self.process_ends(state, number, task);
        }
        self.compare(&row, &log, turn).map_err(|text| format!("`{name}` {text}"))?;
        self.went(state, row, &log);
        // A worker that finds no more jobs may be a process.
        self.process_ends(state, number, task)
    }

    /// The end of a process comes after those of its children, for which it
    /// waits one after the other. In a run that is one turn: nobody sees how
    /// far it is.
    fn process_ends(&mut self, state: &mut State, number: u32, task: TaskId) -> Result<(), String> {
        loop {
            let part = self.explorer.part(&state.row, Key::Task(task));
            let Some(Part::Task(stands)) = part.as_deref() else { return Ok(()) };
            if !matches!(stands.at, At::Operate { then: Then::Child { .. }, .. }) {
                return Ok(());
            }
            let Some((row, log)) = self.carry_out(state, number, task, &Turn::default())? else {
                return Err(format!("`{}` waits for a child, and in the run it ends", stands.birth.name));
            };
            self.went(state, row, &log);
        }
    }

    /// What a task does before its next turn, which is nobody else's affair.
    fn own_affairs(&mut self, state: &mut State, number: u32, task: TaskId) -> Result<(), String> {
        for _ in 0..OWN_MAX {
            let part = self.explorer.part(&state.row, Key::Task(task));
            let Some(Part::Task(stands)) = part.as_deref() else { return Ok(()) };
            if step::is_turn(&stands.at) {
                return Ok(());
            }
            let Some((row, log)) = self.carry_out(state, number, task, &Turn::default())? else { return Ok(()) };
            self.went(state, row, &log);
        }
        Ok(())
    }

    /// The transition of a task with the ways that the run took; none if it
    /// cannot be done. A way is asked for where the log shows a choice.
    fn carry_out(
        &self,
        state: &mut State,
        number: u32,
        task: TaskId,
        turn: &Turn,
    ) -> Result<Option<(Row, Log)>, String> {
        let actor = self.explorer.model.space.place(Key::Task(task));
        let mut ways: Vec<u32> = Vec::new();
        let (mut arms, mut picks) = (turn.arms.iter(), turn.picks.iter().copied().peekable());
        let known = self.choices.get(&number).map(Vec::as_slice).unwrap_or_default();
        let mut chosen = state.chosen.get(&number).copied().unwrap_or(0);
        loop {
            let by = Move1 { actor, mover: Mover::Task, ways: ways.clone() };
            let Some((row, log, _)) = self.explorer.logged_by(&state.row, &by, Some(named(&state.tasks))) else {
                return Ok(None);
            };
            let choice = log.steps.iter().flat_map(|s| &s.choices).nth(ways.len()).copied();
            match choice {
                None => {
                    state.chosen.insert(number, chosen);
                    return Ok(Some((row, log)));
                }
                Some(Choice::Way(_)) => {
                    ways.push(known.get(chosen).map_or(0, |w| *w as u32));
                    chosen += 1;
                }
                Some(Choice::Arm(taken)) => ways.push(arms.next().copied().unwrap_or(taken)),
                Some(Choice::Task(_) | Choice::Met(_)) => {
                    let Some(way) = self.pick(state, actor, &ways, &mut picks) else {
                        return Err(format!("it picks none of {:?} among those that wait", turn.picks));
                    };
                    ways.push(way);
                }
            }
        }
    }

    /// The way to the next of the run's picks that is among those the model can pick. A pick
    /// whose arm is still to be told from others is left for that.
    fn pick(
        &self,
        state: &State,
        actor: PartIx,
        ways: &[u32],
        picks: &mut Peekable<impl Iterator<Item = Pick>>,
    ) -> Option<u32> {
        let taken = |way: u32| {
            let (at, ways) = (ways.len(), ways.iter().copied().chain([way]).collect());
            let by = Move1 { actor, mover: Mover::Task, ways };
            let (_, log, _) = self.explorer.logged_by(&state.row, &by, Some(named(&state.tasks)))?;
            Some(log.steps.iter().flat_map(|s| &s.choices).skip(at).copied().take(2).collect::<Vec<_>>())
        };
        while let Some(pick) = picks.peek().copied() {
            let Some(task) = state.of_run.get(&pick.task) else {
                picks.next();
                continue;
            };
            if let Some(number) = state.tasks.iter().rposition(|t| t == task)
                && let Some(choices) = taken(number as u32)
                && choices.first() == Some(&Choice::Task(*task))
            {
                if !matches!(choices.get(1), Some(Choice::Met(_))) {
                    picks.next();
                }
                return Some(number as u32);
            }
            picks.next();
            if let Some(Part::Task(stands)) = self.explorer.part(&state.row, Key::Task(*task)).as_deref()
                && let At::Select { arms, .. } = &stands.at
                && let Some((arm, _)) = arms.get(pick.arm as usize)
                && let Some(choices) = taken(*arm as u32)
                && choices.first() == Some(&Choice::Met(*arm as u32))
            {
                return Some(*arm as u32);
            }
        }
        None
    }

    /// The state behind a transition; whom it bore gets its number.
    fn went(&self, state: &mut State, row: Row, log: &Log) {
        state.row = row;
        for step in &log.steps {
            state.tasks.extend_from_slice(&step.born);
            let Some(parent) = state.of_model.get(&step.task).copied() else { continue };
            let had = state.born.entry(parent).or_default();
            for task in &step.born {
                if let Some(child) = self.children.get(&parent).and_then(|c| c.get(*had)) {
                    state.of_run.insert(*child, *task);
                    state.of_model.insert(*task, *child);
                }
                *had += 1;
            }
        }
    }

    // ------------------------------------------------------------- comparisons

    /// What the turn did and was answered, against what the run says.
    fn compare(&self, row: &Row, log: &Log, turn: &Turn) -> Result<(), String> {
        let m = Move::new(self.explorer.model, row.parts(), &[], self.explorer.main, self.explorer.main);
        let mut reached = log.steps.iter().flat_map(|s| &s.reached);
        let mut deeds: Vec<Deed> = Vec::new();
        for (_, deed) in &log.deeds {
            match deed {
                seen::Deed::Reached { name, write, .. } => {
                    let value = reached.next().map(|r| r.value.clone()).unwrap_or_default();
                    deeds.push(Deed::Reached { name: name.clone(), write: *write, value });
                }
                seen::Deed::Operated { object, kind, method, came, .. } if is_told(*kind, *method) => {
                    let came = match came {
                        seen::Came::Waits => continue,
                        seen::Came::Raised => Came::Raised,
                        seen::Came::Done(value)
                            if *kind == place::pool && *method == pool::TAKE && *value != Value::None =>
                        {
                            Came::Done("a job".to_string())
                        }
                        seen::Came::Done(value) => Came::Done(m.shown_whole(value)),
                    };
                    let method = KINDS[*kind as usize].methods[*method as usize].name.to_string();
                    deeds.push(Deed::Operated { object: m.object_name(*object), method, came });
                }
                _ => {}
            }
        }
        let waited = |d: &&Deed| matches!(d, Deed::Operated { came: Came::Waits | Came::TimeOut, .. });
        let done: Vec<&Deed> = turn.deeds.iter().filter(|d| !waited(d)).collect();
        let texts = || log.steps.iter().map(|s| &*s.text).collect::<Vec<_>>().join(", ");
        if done != deeds.iter().collect::<Vec<_>>() {
            return Err(format!("does {deeds:?} ({}), and in the run {:?}", texts(), turn.deeds));
        }
        let first = log.steps.first().map_or("", |s| &*s.text);
        let (arrives, ends) = (first.ends_with(": waits"), first.ends_with(": time-out") || first == "select: after");
        let expected = turn.deeds.iter().filter(waited).all(|d| match d {
            Deed::Operated { came: Came::Waits, .. } => arrives,
            _ => ends,
        });
        let unexpected = (arrives || ends) && !turn.deeds.iter().any(|d| waited(&d));
        if expected && !unexpected { Ok(()) } else { Err(format!("does {}, and in the run {:?}", texts(), turn.deeds)) }
    }

    /// Whose body has ended waits for its children.
    fn bodies_end(&mut self, state: &mut State) {
        for task in state.tasks.clone() {
            let Some(number) = state.of_model.get(&task).copied() else { continue };
            let _ = self.own_affairs(state, number, task);
            let part = self.explorer.part(&state.row, Key::Task(task));
            let ending = matches!(part.as_deref(), Some(Part::Task(t)) if matches!(t.at, At::Ending(_)));
            if ending && let Ok(Some((row, log))) = self.carry_out(state, number, task, &Turn::default()) {
                self.went(state, row, &log);
                let _ = self.process_ends(state, number, task);
            }
        }
    }

    /// Behind the last entry the model is where the run was.
    fn at_end(&mut self, state: &mut State, end: End) -> Result<(), Refusal> {
        let refusal = |reason| Refusal { entry: self.entries.len(), site: None, reason };
        let parts = self.explorer.task_parts(&state.row);
        let live: Vec<String> = parts
            .iter()
            .filter_map(|(_, part)| match &**part {
                Part::Task(t) if !matches!(t.at, At::Ended(_)) => Some(t.birth.name.to_string()),
                _ => None,
            })
            .collect();
        match end {
            End::Finished if !live.is_empty() => {
                Err(refusal(format!("the run is over, and in the model {live:?} have not ended")))
            }
            End::Stuck => {
                self.bodies_end(state);
                let mut out = Vec::new();
                self.explorer.successors(&state.row, true, &mut out);
                let looks = |task: TaskId| match self.explorer.part(&state.row, Key::Task(task)).as_deref() {
                    Some(Part::Task(t)) => match &t.at {
                        At::Step(step) => matches!(
                            **step,
                            crate::machine::Step::AwaitBegin { .. } | crate::machine::Step::AtomicBegin
                        ),
                        _ => false,
                    },
                    _ => false,
                };
                let able: Vec<TaskId> =
                    out.iter().map(|(t, _)| self.explorer.task_of(t)).filter(|t| !looks(*t)).collect();
                if able.is_empty() {
                    return Ok(());
                }
                let names: Vec<u32> = able.iter().filter_map(|t| state.of_model.get(t).copied()).collect();
                Err(refusal(format!("the run is stuck, and in the model tasks {names:?} can go on")))
            }
            _ => Ok(()),
        }
    }
}
