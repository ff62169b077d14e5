//! An execution that somebody else steers: what there is in a state, who can
//! go and in which ways, who waits and for what; one turn forward, one back. A
//! value without a terminal, built on the explorer in the finest division. What
//! is printed of it belongs to the command line.

use super::explore::{Explorer, Found1, What};
use super::finding::{self, Scene1};
use super::model::Model;
use super::moves::Move;
use super::part::*;
use super::said::Said;
use super::seen::{Event, Logged};
use super::store::Row;
use super::turn::{self, Mover};
use super::way::{self, Numbers, Way};
use super::{Options, Schedule, outcome, schedule};
use crate::detect::deadlock::{Might, Waits};
use crate::detect::finding::{Code, Finding};
use crate::detect::names::{Objects, Thing};
use crate::detect::stuck::{BODY_ENDED, Scene};
use crate::lang::ast::Span;
use crate::machine::Task;
use crate::objects::{self, KINDS, Need, TaskId, place};
use crate::program::Program;
use crate::program::value::Value;
use hashbrown::HashMap;
use std::cell::LazyCell;
use std::collections::BTreeSet;

/// See the head of the file.
pub struct Stepper {
    model: Model,
    options: Options,
    first: Row,
    /// What is to be found before any turn.
    begun: Vec<(String, Finding)>,
    /// The turns taken, each with what it came to.
    taken: Vec<Taken>,
}

struct Taken {
    row: Row,
    steps: Vec<(Mover, Logged)>,
    findings: Vec<(String, Finding)>,
}

/// One way in which a task can take its next turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// As a schedule has it, without a count: `1`, `1:0`, `1e`.
    pub label: String,
    pub span: Span,
    /// In the script's words: `acquire m`, `write x: 1`.
    pub text: String,
    turn: turn::Turn,
}

/// Why a task waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// `acquire m`.
    pub what: String,
    /// `held by first`, with where it was taken.
    pub reasons: Vec<(String, Option<Span>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Goes(Vec<Turn>),
    /// Each operation that it waits in; several in a `select`. `for_ever`: it
    /// can never go on.
    Waits {
        why: Vec<Why>,
        for_ever: bool,
    },
    /// `returned`, `failed: Empty`.
    Ended(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// As schedules number tasks.
    pub number: u32,
    pub name: String,
    pub process: bool,
    /// Where it stands.
    pub span: Span,
    pub standing: Standing,
    /// A worker that waits for a job, or a daemon: its waiting is no end.
    pub excused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectView {
    pub kind: &'static str,
    pub name: String,
    /// `free`, `2 of 3`.
    pub standing: String,
    /// The names of who holds it, with where it was taken.
    pub holders: Vec<(String, Span)>,
    pub waiters: Vec<String>,
    /// A queue's content.
    pub values: Vec<String>,
}

/// What came of an `expect some` or `expect every` at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimView {
    pub every: bool,
    pub span: Span,
    pub held: bool,
    /// Why it is neither true nor false.
    pub why: Option<String>,
}

/// A state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub tasks: Vec<TaskView>,
    /// Names and values; `var`s of other processes with the process before.
    pub values: outcome::Pairs,
    pub objects: Vec<ObjectView>,
    /// Nobody can go on.
    pub over: bool,
    /// A step of somebody that is not carried out, since it is too much: what it is.
    pub cut: Option<&'static str>,
    /// Every task has ended.
    pub finished: bool,
    /// Of a finished execution: which `expect some` and `expect every` it ends
    /// with true.
    pub claims: Vec<ClaimView>,
}

/// Why going on by itself ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Nobody can go on, or not who was asked to.
    Over,
    Found,
    /// There are several ways, and the user is to choose.
    Ways,
    Limit,
    Interrupted,
}

impl Stepper {
    /// Before the first turn. `hash`: of the script, for schedules.
    ///
    /// # Errors
    ///
    /// A declaration that cannot be made: its place in `Program::objects`, and
    /// why.
    pub fn new(program: &'static Program, hash: u16) -> Result<Stepper, (usize, String)> {
        let model = Model::finest(program, BTreeSet::new());
        let options = Options { plain: true, hash, ..Options::default() };
        let mut explorer = Explorer::new(&model, &options);
        let id = explorer.begin()?;
        let first = explorer.row(id);
        drop(explorer);
        let mut stepper = Stepper { model, options, first, begun: Vec::new(), taken: Vec::new() };
        stepper.begun = stepper.found(&stepper.explorer(), &stepper.first, &[], Vec::new());
        Ok(stepper)
    }

    /// An explorer that knows the first state.
    fn explorer(&self) -> Explorer<'_> {
        let mut explorer = Explorer::new(&self.model, &self.options);
        // What `new` could make can be made again.
        let _ = explorer.begin();
        explorer
    }

    fn row(&self) -> &Row {
        self.taken.last().map_or(&self.first, |t| &t.row)
    }

    /// How many turns were taken.
    pub fn len(&self) -> usize {
        self.taken.len()
    }

    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    fn log(&self) -> impl Iterator<Item = &(Mover, Logged)> {
        self.taken.iter().flat_map(|t| &t.steps)
    }

    fn numbers(&self, explorer: &Explorer) -> Numbers {
        let mut numbers = Numbers::new(explorer);
        self.log().for_each(|(_, step)| numbers.born(&step.born));
        numbers
    }

    /// All that was found on the way so far, in order.
    pub fn findings(&self) -> Vec<&Finding> {
        self.told().map(|f| &f.1).collect()
    }

    /// The same, each with its key.
    fn told(&self) -> impl Iterator<Item = &(String, Finding)> {
        self.begun.iter().chain(self.taken.iter().flat_map(|t| &t.findings))
    }

    /// What the last turn showed, or the beginning if there is none.
    pub fn last_findings(&self) -> Vec<&Finding> {
        self.taken.last().map_or(&self.begun, |t| &t.findings).iter().map(|f| &f.1).collect()
    }

    /// The way so far as lanes and as a schedule. That names no task for a choice alone that it
    /// has made before a turn: whoever goes on from there would take that turn too.
    pub fn way(&self) -> Way {
        let log: Vec<(Mover, Logged)> = self.log().cloned().collect();
        let mut way = way::way_of(&self.explorer(), self.row(), &log);
        let counts = |(mover, step): &&(Mover, Logged)| step.turn || *mover != Mover::Task;
        way.schedule.turns.truncate(log.iter().filter(counts).count());
        way
    }

    /// Where the last turn was.
    pub fn last_span(&self) -> Option<Span> {
        let site = self.taken.last()?.steps.iter().rev().map(|s| s.1.site).find(|s| *s != super::process::NOWHERE)?;
        Some(self.model.program.span(site))
    }

    // ------------------------------------------------------------------- turns

    /// The turns that can be taken now.
    pub fn turns(&self) -> Vec<Turn> {
        let mut explorer = self.explorer();
        let numbers = self.numbers(&explorer);
        turns_in(&mut explorer, &numbers, self.row())
    }

    /// Takes a turn out of `turns`, or none if it cannot be taken.
    pub fn take(&mut self, turn: &Turn) -> bool {
        let taken = {
            let explorer = self.explorer();
            self.carry_out(&explorer, &turn.turn)
        };
        let done = taken.is_some();
        self.taken.extend(taken);
        done
    }

    /// Takes the turns of a schedule, with what its tasks do before them that is
    /// nobody else's affair.
    ///
    /// # Errors
    ///
    /// The turn that cannot be taken, counted from one.
    pub fn follow(&mut self, schedule: &Schedule) -> Result<(), usize> {
        // Of each task, the ways that are left: those before its first turn
        // stand with that turn.
        let mut ways: HashMap<u32, Vec<u32>> = HashMap::default();
        for turn in &schedule.turns {
            ways.entry(turn.task).or_default().extend(&turn.ways);
        }
        for (n, wanted) in schedule.turns.iter().enumerate() {
            let left = ways.entry(wanted.task).or_default();
            let before = left.len();
            while !wanted.ended && self.take_one(wanted, true, left) {}
            // A task may be named once more for the ways before a turn that
            // does not come.
            let for_ways = !wanted.ways.is_empty() && left.len() < before;
            if !self.take_one(wanted, false, left) && !for_ways && !self.is_a_look(wanted) {
                return Err(n + 1);
            }
        }
        Ok(())
    }

    /// The transition of a task that takes the ways that are next; `own`: only
    /// if it does not count in a schedule. Whether there is one.
    fn take_one(&mut self, wanted: &schedule::Turn, own: bool, left: &mut Vec<u32>) -> bool {
        let head = format!("{}{}", wanted.task, if wanted.ended { "e" } else { "" });
        let ways = |label: &str| -> Option<Vec<u32>> {
            let mut parts = label.split(':');
            (parts.next() == Some(head.as_str())).then(|| parts.filter_map(|w| w.parse().ok()).collect())
        };
        let turns = self.turns().into_iter();
        // What a schedule does not say goes the first way.
        let fits = |w: &Vec<u32>| left.starts_with(w) || w.starts_with(left) && w[left.len()..].iter().all(|w| *w == 0);
        let mut fitting = turns.filter_map(|t| ways(&t.label).filter(fits).map(|w| (w, t)));
        let Some((taken, turn)) = fitting.next().filter(|(_, t)| !own || self.is_own(t)) else { return false };
        left.drain(..taken.len().min(left.len()));
        self.take(&turn)
    }

    /// Whether the task of a turn that cannot be taken has looked in vain: see `follow`.
    fn is_a_look(&self, wanted: &schedule::Turn) -> bool {
        let explorer = self.explorer();
        let task = self.numbers(&explorer).task(wanted.task);
        let part = task.and_then(|task| explorer.part(self.row(), Key::Task(task)));
        !wanted.ended && matches!(part.as_deref(), Some(Part::Task(t)) if super::follow::is_a_look(&t.at))
    }

    /// Whether a turn does not count in a schedule.
    fn is_own(&self, turn: &Turn) -> bool {
        let explorer = self.explorer();
        let part = explorer.part(self.row(), Key::Task(explorer.task_of(&turn.turn)));
        let own = matches!(part.as_deref(), Some(Part::Task(t)) if !super::step::is_turn(&t.at));
        own && turn.turn.mover == Mover::Task
    }

    /// Takes the last turn back.
    pub fn back(&mut self) -> bool {
        self.taken.pop().is_some()
    }

    /// Takes turns by itself until something is found or nobody can go on: of
    /// one task as long as it can, by its number, else of all in turn.
    pub fn go_on(&mut self, only: Option<u32>, turns_max: usize, ask: &mut dyn FnMut() -> bool) -> Halt {
        // Whoever's turn was longest ago goes next.
        let mut order: Vec<PartIx> = Vec::new();
        for n in 0..turns_max {
            if n.is_multiple_of(64) && ask() {
                return Halt::Interrupted;
            }
            let mut turns = self.turns();
            if let Some(only) = only {
                turns.retain(|t| t.label.split([':', 'e']).next() == Some(only.to_string().as_str()));
                if turns.len() > 1 {
                    return Halt::Ways;
                }
            }
            let age = |t: &Turn| order.iter().position(|a| *a == t.turn.actor).map_or(0, |at| at + 1);
            let Some(next) = turns.iter().map(age).min() else { return Halt::Over };
            let ways: Vec<&Turn> = turns.iter().filter(|t| age(t) == next).collect();
            let same: Vec<&&Turn> = ways.iter().filter(|t| t.turn.actor == ways[0].turn.actor).collect();
            let turn = (*same[n % same.len()]).clone();
            order.retain(|a| *a != turn.turn.actor);
            order.push(turn.turn.actor);
            if !self.take(&turn) {
                return Halt::Over;
            }
            if self.last_findings().iter().any(|f| !f.code.is_note()) {
                return Halt::Found;
            }
        }
        Halt::Limit
    }

    fn carry_out(&self, explorer: &Explorer, turn: &turn::Turn) -> Option<Taken> {
        let (row, log, events) = explorer.logged(self.row(), turn)?;
        let steps: Vec<(Mover, Logged)> = log.steps.into_iter().map(|s| (turn.mover, s)).collect();
        let findings = self.found(explorer, &row, &steps, events);
        Some(Taken { row, steps, findings })
    }

    /// What shows itself in a state, or in the turn that came to it, for the first time.
    fn found(
        &self,
        explorer: &Explorer,
        row: &Row,
        steps: &[(Mover, Logged)],
        events: Vec<Event>,
    ) -> Vec<(String, Finding)> {
        // Few turns show something, and a way may be long.
        let all = LazyCell::new(|| self.log().chain(steps).cloned().collect::<Vec<(Mover, Logged)>>());
        let mut told: BTreeSet<String> = self.told().map(|f| f.0.clone()).collect();
        let mut findings = Vec::new();
        // What is told already may come again at each turn.
        let mut add = |code: Code, key: String, finding: &dyn Fn() -> Finding| {
            let key = format!("{} {key}", code.word());
            if told.insert(key.clone()) {
                findings.push((key, finding()));
            }
        };
        let of_event = |code, what| {
            let found = Found1 { code, state: 0, turn: None, what, also_on: Vec::new() };
            finding::finding(explorer, &found, row, &all[..])
        };
        for event in events {
            let (code, key) = finding::key(self.model.program, &event);
            add(code, key, &|| of_event(code, What::Event(event.clone())));
        }
        let able = able(explorer, row);
        let scene = Scene1::new(explorer, row, &able);
        let stuck = scene.stuck();
        for one in scene.findings(&stuck) {
            add(one.code, one.key.clone(), &|| one.finding.clone());
        }
        for event in explorer.false_from_the_start(row) {
            if !all.iter().any(|(_, step)| step.turn) {
                let (code, key) = finding::key(self.model.program, &event);
                add(code, key, &|| of_event(code, What::Event(event.clone())));
            }
        }
        if able.is_empty() && scene.finished() {
            for (code, key, what) in ends(explorer, row) {
                add(code, key, &|| of_event(code, what.clone()));
            }
        }
        findings
    }

    // ------------------------------------------------------------------- views

    /// The state as it is now.
    pub fn view(&self) -> View {
        let mut explorer = self.explorer();
        let numbers = self.numbers(&explorer);
        let row = self.row();
        let turns = turns_in(&mut explorer, &numbers, row);
        let able = able(&explorer, row);
        let scene = Scene1::new(&explorer, row, &able);
        let stuck = scene.stuck();
        let for_ever = |id: TaskId| scene.views().iter().position(|v| v.id == id).is_some_and(|i| stuck[i]);
        let (mut tasks, mut cut) = (Vec::new(), None);
        for (id, part) in explorer.task_parts(row) {
            let Part::Task(task) = &*part else { continue };
            // A job is told by its worker.
            if is_job(&explorer, row, task) {
                continue;
            }
            let number = numbers.of(id);
            let own = turns.iter().filter(|t| explorer.task_of(&t.turn) == id).cloned().collect::<Vec<_>>();
            let standing = match &task.at {
                At::Ended(ended) => Standing::Ended(outcome::how_text(ended.how)),
                _ if !own.is_empty() => Standing::Goes(own),
                _ => match explorer.cut_of(row, id) {
                    Some(what) => {
                        cut = Some(what);
                        let reasons = vec![("that is not gone through".to_string(), None)];
                        Standing::Waits { why: vec![Why { what: what.to_string(), reasons }], for_ever: false }
                    }
                    None => Standing::Waits { why: why(&scene, id), for_ever: for_ever(id) },
                },
            };
            let site = task.machine.as_ref().map_or(task.site, Task::pc);
            let span = if site == super::process::NOWHERE { Span::default() } else { self.model.program.span(site) };
            let excused = scene.views().iter().any(|v| v.id == id && v.excused);
            let (name, process) = (scene.task_facts(id).name, task.birth.process);
            tasks.push(TaskView { number, name, process, span, standing, excused });
        }
        tasks.sort_by_key(|t| t.number);
        let over = able.is_empty();
        let finished = over && scene.finished();
        let mut m = Move::new(&self.model, row.parts(), &[], explorer.main, explorer.main);
        let outcome = if finished { outcome::of(&mut m, &explorer, row, true, &[]).into_iter().next() } else { None };
        let held = outcome.map(|o| o.claims).unwrap_or_default();
        let claim = |(n, held): (usize, Option<bool>)| {
            let claim = &self.model.program.claims[n];
            let why = if held.is_none() { outcome::why_undecided(&mut m, n) } else { None };
            ClaimView { every: claim.every, span: claim.span, held: held == Some(true), why }
        };
        let claims = held.into_iter().enumerate().map(claim).collect();
        View {
            tasks,
            values: values(&explorer, row, &scene),
            objects: objects_in(&explorer, row, &scene),
            over,
            cut,
            finished,
            claims,
        }
    }
}

/// The tasks that can go ahead in a state.
fn able(explorer: &Explorer, row: &Row) -> Vec<TaskId> {
    let mut all = Explorer::new(explorer.model, explorer.options);
    let mut out = Vec::new();
    all.successors(row, true, &mut out);
    let mut able: Vec<TaskId> = out.iter().map(|(turn, _)| explorer.task_of(turn)).collect();
    able.dedup();
    able
}

fn turns_in(explorer: &mut Explorer, numbers: &Numbers, row: &Row) -> Vec<Turn> {
    let mut out = Vec::new();
    explorer.successors(row, true, &mut out);
    out.into_iter().filter_map(|(turn, _)| one_turn(explorer, numbers, row, turn)).collect()
}

fn one_turn(explorer: &Explorer, numbers: &Numbers, row: &Row, turn: turn::Turn) -> Option<Turn> {
    let (after, log, _) = explorer.logged(row, &turn)?;
    let number = numbers.of(explorer.task_of(&turn));
    let ways = log.steps.iter().flat_map(|s| &s.choices).map(|c| format!(":{}", c.number(|task| numbers.of(task))));
    let ended = if turn.mover == Mover::Task { "" } else { "e" };
    let label = format!("{number}{ended}{}", ways.collect::<String>());
    // What it makes is named among what there is then.
    let things = finding::things(explorer, &after);
    let said = log.steps.iter().map(|s| &s.text).filter(|t| !t.is_empty());
    let texts: Vec<String> = said.map(|t| t.told(&things)).collect();
    let text = if texts.is_empty() { what_is_made(explorer, row, &after, &things) } else { texts.join(", then ") };
    let site = log.steps.iter().map(|s| s.site).find(|s| *s != super::process::NOWHERE);
    let span = site.map_or(Span::default(), |s| explorer.model.program.span(s));
    Some(Turn { label, span, text, turn })
}

/// What a turn does that has no words of its own: it is nobody else's affair, but may make
/// what all that comes is about.
fn what_is_made(explorer: &Explorer, before: &Row, after: &Row, things: &Objects) -> String {
    let space = &explorer.model.space;
    let m = Move::new(explorer.model, after.parts(), &[], explorer.main, explorer.main);
    let is_new = |(ix, part): &(usize, &PartId)| **part != 0 && before.get(*ix as PartIx) == 0;
    let object = |(ix, _): (usize, &PartId)| match space.key(ix as PartIx) {
        Key::Object(id) => Some(id),
        _ => None,
    };
    // A record has a lower number than what is a part of it.
    match after.parts().iter().enumerate().filter(is_new).filter_map(object).min() {
        Some(id) => format!("makes {}", things.of(Thing::Object(id), m.object_name(id))),
        None => "goes on".to_string(),
    }
}

/// What a complete execution shows at its end.
fn ends(explorer: &Explorer, row: &Row) -> Vec<(Code, String, What)> {
    let mut m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
    m.run_finally();
    let (.., events, _) = m.close();
    let mut found = Vec::new();
    for event in events {
        let (code, key) = finding::key(explorer.model.program, &event);
        found.push((code, format!("finally {key}"), What::Finally(event)));
    }
    for note in finding::notes(explorer, row) {
        let (code, key) = note.key();
        found.push((code, key, What::Note(note)));
    }
    found
}

fn is_job(explorer: &Explorer, row: &Row, task: &TaskPart) -> bool {
    let m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
    outcome::is_job(&m, task)
}

/// What a task waits for.
pub(super) fn why(scene: &Scene1, id: TaskId) -> Vec<Why> {
    let Some(view) = scene.views().iter().find(|v| v.id == id) else { return Vec::new() };
    let one = |w: &crate::detect::deadlock::WaitView| {
        if let Need::Change { .. } = w.need {
            return Why { what: "await".to_string(), reasons: vec![("its condition does not hold".to_string(), None)] };
        }
        let operation = match KINDS[w.kind as usize].methods[w.method as usize].name {
            "-join" => "join",
            "-wait" | "-wait late" => "acquire",
            "-take" => "take a job of",
            name => name,
        };
        let mut reasons = Vec::new();
        needs(scene, w.object, &w.need, &mut reasons);
        Why { what: format!("{operation} {}", scene.told_name(w.object)), reasons }
    };
    // Of several that it needs one after the other the first is what it waits for.
    view.waits.clone().map(Waits::now).iter().flatten().map(one).collect()
}

fn needs(scene: &Scene1, object: u32, need: &Need, out: &mut Vec<(String, Option<Span>)>) {
    match need {
        Need::Ready | Need::Change { .. } => {}
        Need::All(needs) | Need::Any(needs) => needs.iter().for_each(|n| self::needs(scene, object, n, out)),
        Need::End(task) => out.push((format!("{} has not ended", scene.task_facts(*task).name), None)),
        Need::Tasks(tasks) => {
            for task in tasks {
                let id = task & !BODY_ENDED;
                let name = scene.task_facts(id).name;
                let held = scene.held(id).into_iter().find(|h| h.0 == object);
                out.push(match held {
                    Some(held) => (format!("held by {name}"), Some(scene.program().span(held.2))),
                    None if scene.kind_of(object) == place::task => {
                        (format!("{} has not ended", scene.told_name(object)), None)
                    }
                    None => (format!("behind {name}, which waits to write"), None),
                });
            }
        }
        Need::Deed { object, methods } => {
            let name = |m: &u8| KINDS[scene.kind_of(*object) as usize].methods[*m as usize].word();
            let deeds: Vec<&str> = methods.iter().map(name).filter(|n| !n.ends_with("_nowait")).collect();
            out.push((format!("until somebody does {}", deeds.join(" or ")), None));
        }
        Need::Arrivals { missing, .. } => out.push((format!("{missing} more must come"), None)),
    }
}

/// What stands in memory, by name.
fn values(explorer: &Explorer, row: &Row, scene: &Scene1) -> outcome::Pairs {
    let (model, program) = (explorer.model, explorer.model.program);
    let of = |home: TaskId| Move::new(model, row.parts(), &[], home, home);
    let main = of(explorer.main);
    let names = outcome::names(&explorer.task_parts(row));
    let mut values = outcome::Pairs::new();
    for (ix, part) in row.parts().iter().enumerate().filter(|p| *p.1 != 0) {
        let part = model.space.part(*part);
        let Part::Cell(cell) = &*part else { continue };
        let record = |record: u32, key: Key| {
            let structure = |r: u32| Some(crate::machine::Host::structure(&main, r));
            let (name, ..) = super::moves::place_name(program, key, structure);
            scene.things().of(Thing::Places(record), name)
        };
        let of_process = |process: TaskId, name: String| match process == explorer.main {
            true => name,
            false => {
                let owner = names.get(&process).map_or("", String::as_str);
                format!("{name} of {owner}")
            }
        };
        let key = model.space.key(ix as PartIx);
        let name = match key {
            Key::Shared(cell) => program.cell_name(cell),
            Key::Var { process, cell } => of_process(process, program.cell_name(cell)),
            Key::Field { record: r, .. } => record(r, key),
            Key::VarField { process, record: r, .. } => of_process(process, record(r, key)),
            _ => continue,
        };
        values.push((name, Said::new(&main.marked(&cell.value)).told(scene.things())));
    }
    values.sort();
    values
}

fn objects_in(explorer: &Explorer, row: &Row, scene: &Scene1) -> Vec<ObjectView> {
    let model = explorer.model;
    let m = Move::new(model, row.parts(), &[], explorer.main, explorer.main);
    let name = |t: TaskId| scene.task_facts(t).name;
    let mut objects: Vec<(u32, ObjectView)> = Vec::new();
    for (ix, part) in row.parts().iter().enumerate().filter(|p| *p.1 != 0) {
        let part = model.space.part(*part);
        let (Part::Object(o), Key::Object(id)) = (&*part, model.space.key(ix as PartIx)) else { continue };
        if matches!(o.kind, place::task | place::record) {
            continue;
        }
        let since = |t: TaskId| {
            let held = scene.held(t).into_iter().find(|h| h.0 == id);
            held.map_or(Span::default(), |h| model.program.span(h.2))
        };
        let content = |v: &Value| Said::new(&m.marked(v)).told(scene.things());
        let values = if o.kind == place::queue { o.values.iter().map(content).collect() } else { Vec::new() };
        let mut waiters: Vec<String> = o.waiters.iter().map(|w| name(w.task)).collect();
        // Who has not arrived yet and cannot go on waits all the same.
        let others = scene.views().iter().filter(|v| v.waits.iter().flatten().any(|w| w.object == id));
        for waiting in others.map(|v| name(v.id)) {
            if !waiters.contains(&waiting) {
                waiters.push(waiting);
            }
        }
        let view = ObjectView {
            kind: KINDS[o.kind as usize].word,
            name: scene.told_name(id),
            standing: objects::standing(o.kind, &o.words, o.values.len() as u64),
            holders: o.holders.iter().map(|h| (name(h.0), since(h.0))).collect(),
            waiters,
            values,
        };
        objects.push((id, view));
    }
    objects.sort_by_key(|o| o.0);
    objects.into_iter().map(|o| o.1).collect()
}
