//! From states and events to findings: who can never go on in a state, and the
//! facts of each finding from a log of the way to it. It owns the reading of a
//! state for that; the verdict on stuck tasks is `detect`'s, the words are
//! `report`'s.

use super::explore::{Explorer, Found1, What};
use super::model::Model;
use super::moves::{Move, object_name, place_name};
use super::part::*;
use super::said;
use super::seen::{Broken, Event, Logged, Reached};
use super::store::Row;
use super::turn::Mover;
use super::waits::waits_of;
use crate::detect::deadlock::{self, Might, TaskView};
use crate::detect::finding::*;
use crate::detect::may::{Deeds, On, Root};
use crate::detect::names::{Objects, Thing};
use crate::detect::stuck::{self, Scene};
use crate::lang::ast::Span;
use crate::machine::{Step, Task};
use crate::objects::{self, Need, TaskId, place};
use crate::program::Program;
use crate::program::value::ErrorKind;
use hashbrown::{HashMap, HashSet};
use std::cell::{LazyCell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

/// A group of stuck tasks as a finding, with what it is told apart by.
#[derive(Clone, Debug)]
pub struct Stuck {
    pub code: Code,
    pub key: String,
    pub finding: Finding,
}

impl Stuck {
    /// How many tasks the group has, without those behind it.
    pub fn how_many(&self) -> usize {
        let Facts::Stuck { circle, .. } = &self.finding.facts else { return 0 };
        circle.len()
    }

    /// The tasks of the group and those behind it, each with where it waits.
    pub fn who_waits(&self) -> Vec<(u32, Span)> {
        let Facts::Stuck { circle, behind, .. } = &self.finding.facts else { return Vec::new() };
        let mut all: Vec<(u32, Span)> = circle.iter().chain(behind).map(|w| (w.task.serial, w.span)).collect();
        all.sort_unstable_by_key(|w| (w.0, w.1.start, w.1.end));
        all
    }
}

/// Something that is worth a note at the end of a complete execution.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    Left { object: u32, name: String, count: u64 },
    Dropped { object: u32, name: String, count: u64, submitted: Option<u32>, closed: bool },
    Unjoined { task: TaskId, name: String, site: Option<u32>, function: u32, value: String },
}

impl Note {
    pub fn code(&self) -> Code {
        match self {
            Note::Left { .. } => Code::LeftInQueue,
            Note::Dropped { .. } => Code::DroppedJobs,
            Note::Unjoined { .. } => Code::Unjoined,
        }
    }

    /// What makes two of them one.
    pub fn key(&self) -> (Code, String) {
        let key = match self {
            Note::Left { name, .. } | Note::Dropped { name, .. } => name.clone(),
            Note::Unjoined { site, function, .. } => format!("{site:?} {function}"),
        };
        (self.code(), key)
    }
}

/// The code of an event, and what makes two of them one.
pub fn key(program: &Program, event: &Event) -> (Code, String) {
    match event {
        Event::Race { name, .. } => (Code::Race, name.clone()),
        Event::Failed { site, kind, .. } => {
            let assertion = ErrorKind::ALL.get(*kind as usize) == Some(&ErrorKind::Assertion);
            let code = if assertion { Code::Assertion } else { Code::Error };
            (code, format!("{:?} {kind}", program.span(*site)))
        }
        Event::Abandoned { hold, .. } => (Code::AbandonedLock, format!("{} {:?}", hold.0, program.span(hold.2))),
        Event::Invariant { index, .. } => (Code::Invariant, index.to_string()),
        // Those from one place, of parents from one place, are one note, as in a run.
        Event::Orphan { sites, .. } => (Code::Orphan, format!("{sites:?}")),
        Event::Zombie { sites, .. } => (Code::Zombie, format!("{sites:?}")),
    }
}

/// Of what one transition has met, each thing once that is told once: a long loop meets the same
/// race at each step.
pub fn each_once(program: &Program, mut events: Vec<Event>) -> Vec<Event> {
    if events.len() > 1 {
        let mut known = HashSet::new();
        events.retain(|event| {
            // An error is told of all that its messages name.
            let message = if let Event::Failed { message, .. } = event { message.clone() } else { String::new() };
            known.insert((key(program, event), message))
        });
        events.shrink_to_fit();
    }
    events
}

/// A state, as the detectors look at it.
pub struct Scene1<'e> {
    program: &'static Program,
    model: &'e Model,
    space: &'e Space,
    row: &'e Row,
    tasks: Vec<(TaskId, Arc<Part>)>,
    /// The tasks that have not ended, by their places in `tasks`.
    live: Vec<usize>,
    views: Vec<TaskView>,
    deeds: Vec<Rc<Deeds>>,
    main: TaskId,
    /// What reports call the tasks, once that is asked.
    names: OnceCell<HashMap<TaskId, String>>,
    /// And what tells its objects apart.
    things: OnceCell<Objects>,
}

impl<'e> Scene1<'e> {
    /// `goes`: the tasks that can go ahead now.
    pub fn new(explorer: &'e Explorer, row: &'e Row, goes: &[TaskId]) -> Scene1<'e> {
        let program = explorer.model.program;
        let tasks = explorer.task_parts(row);
        let mut scene = Scene1 {
            program,
            model: explorer.model,
            space: &explorer.model.space,
            row,
            live: Vec::new(),
            views: Vec::new(),
            deeds: Vec::new(),
            main: explorer.main,
            tasks,
            names: OnceCell::new(),
            things: OnceCell::new(),
        };
        let model = explorer.model;
        for at in 0..scene.tasks.len() {
            let (id, part) = scene.tasks[at].clone();
            let Part::Task(task) = &*part else { continue };
            if matches!(task.at, At::Ended(_)) {
                continue;
            }
            // A worker may be given any job wherever it is; whose body is over does nothing.
            let (root, pc) = match task.birth.pool {
                Some(_) if !awaits_children(task) => (Root::Worker, Some(0)),
                _ => (Root::Function(task.birth.function), task.machine.as_ref().map(Task::pc)),
            };
            let waits = if goes.contains(&id) { None } else { waits_of(model, row, id, task) };
            scene.live.push(at);
            let mut may = explorer.may.borrow_mut();
            scene.deeds.push(match pc {
                Some(pc) => may.deeds(program, root, pc),
                None => may.nothing(program),
            });
            drop(may);
            // A worker that goes ahead has got a job.
            let excused = task.birth.daemon || is_idle(task) && waits.is_some();
            let over = waits.is_none() && over(task).is_some();
            scene.views.push(TaskView { id, waits, excused, over });
        }
        scene
    }

    fn name(&self, task: TaskId) -> Option<String> {
        self.names.get_or_init(|| super::outcome::names(&self.tasks)).get(&task).cloned()
    }

    /// What tells its objects, and the places in them, apart.
    pub fn things(&self) -> &Objects {
        self.things.get_or_init(|| said::names(self.model, self.row, self.main, |t| self.name(t)))
    }

    fn task(&self, id: TaskId) -> Option<&TaskPart> {
        let found = self.tasks.binary_search_by_key(&id, |t| t.0).ok()?;
        match &*self.tasks[found].1 {
            Part::Task(task) => Some(task),
            _ => None,
        }
    }

    fn object(&self, id: u32) -> Option<Arc<Part>> {
        match self.row.get(self.space.place(Key::Object(id))) {
            0 => None,
            part => Some(self.space.part(part)),
        }
    }

    /// The tasks that have not ended, with what they wait for.
    pub fn views(&self) -> &[TaskView] {
        &self.views
    }

    /// Which of them serve others.
    pub fn servants(&self) -> Vec<bool> {
        self.views.iter().map(|v| self.task(v.id).is_some_and(serves)).collect()
    }

    /// Every task of the script has ended, but for daemons and idle workers.
    pub fn finished(&self) -> bool {
        self.views.iter().all(|v| v.excused)
    }

    /// One task only.
    pub fn only(&self, task: TaskId) -> Vec<bool> {
        self.views.iter().map(|v| v.id == task).collect()
    }

    /// The facts of a task that waits.
    fn waiting(&self, task: TaskId) -> Option<Waiting> {
        let stuck = self.only(task);
        let i = stuck.iter().position(|s| *s)?;
        self.views[i].waits.as_ref()?;
        let group = deadlock::Group { cause: deadlock::RootCause::NobodyLeft, circle: vec![i], behind: Vec::new() };
        let found = stuck::finding(self, &self.views, &stuck, &group, Certainty::Found);
        match found.facts {
            Facts::Stuck { mut circle, .. } => circle.pop(),
            _ => None,
        }
    }

    pub fn stuck(&self) -> Vec<bool> {
        deadlock::stuck(&self.views, self)
    }

    /// What tells one set of stuck tasks from another.
    pub fn signature(&self, stuck: &[bool]) -> u64 {
        use std::hash::BuildHasher;
        // What was told too early is in the words of what it waits for.
        let words = |i: usize| -> Vec<(u32, &Need, u64, u64)> {
            let waits = self.views[i].waits.iter().flatten();
            waits.map(|w| (w.object, &w.need, Scene::word(self, w.object, 1), Scene::word(self, w.object, 2))).collect()
        };
        let parts: Vec<_> = (0..stuck.len())
            .filter(|i| stuck[*i])
            .map(|i| (self.views[i].id, Scene::site(self, i), words(i)))
            .collect();
        rustc_hash::FxBuildHasher.hash_one((2u8, parts))
    }

    pub fn findings(&self, stuck: &[bool]) -> Vec<Stuck> {
        if !stuck.contains(&true) {
            return Vec::new();
        }
        let groups = deadlock::groups(&self.views, stuck, self);
        let one = |group: &deadlock::Group| {
            let finding = stuck::finding(self, &self.views, stuck, group, Certainty::Found);
            let mut sites = sites_of(&finding);
            sites.sort();
            sites.dedup();
            Stuck { code: finding.code, key: sites.join(" "), finding }
        };
        groups.iter().map(one).collect()
    }
}

/// Where the tasks of a group wait. Of a lock left behind, where it was taken: whoever
/// comes to wait for it, the mistake is one.
fn sites_of(finding: &Finding) -> Vec<String> {
    let Facts::Stuck { circle, .. } = &finding.facts else { return Vec::new() };
    let left_behind = |reason: &Reason| match reason {
        Reason::OwnerEnded { since, .. } => since.map(|span| format!("{span:?}")),
        _ => None,
    };
    let reasons = circle.iter().flat_map(|w| &w.waits).flat_map(|w| &w.reasons);
    let taken: Vec<String> = reasons.filter_map(left_behind).collect();
    if finding.code == Code::AbandonedLock && !taken.is_empty() {
        return taken;
    }
    circle.iter().map(|w| format!("{:?}", w.span)).collect()
}

/// Whether a task serves others, and so keeps no run from its end.
pub fn serves(task: &TaskPart) -> bool {
    task.birth.daemon || task.birth.pool.is_some()
}

/// Whether a task may wait, or go round, for ever: a daemon, or a worker without a job.
pub fn is_excused(task: &TaskPart) -> bool {
    task.birth.daemon || is_idle(task)
}

/// Whether a task is a pool's worker that waits for a job.
fn is_idle(task: &TaskPart) -> bool {
    task.birth.pool.is_some() && matches!(&task.at, At::Operate { then: Then::Take, .. })
}

/// Whether the code of a task is over, and its process waits for what it has spawned.
pub fn awaits_children(task: &TaskPart) -> bool {
    matches!(task.at, At::Operate { then: Then::Child { .. }, .. } | At::Closing(_))
}

/// How the code of a task came to its end, where the task itself has not: its handle is yet to say
/// so, or its process waits for what it has spawned. A worker has further jobs before it.
fn over(task: &TaskPart) -> Option<How> {
    match &task.at {
        _ if task.birth.pool.is_some() => None,
        At::Ending(ended) | At::Closing(ended) => Some(ended.how),
        At::Operate { then: Then::Child { ended, .. }, .. } => Some(ended.how),
        _ => None,
    }
}

/// The same if it was an error: it does nothing any more for those who wait for it to.
fn over_by_error(task: &TaskPart) -> Option<How> {
    over(task).filter(|how| matches!(how, How::Failed(_)))
}

/// Whether a task is a pool's worker within a job: once that is stuck, no end shows it, as
/// it ends with its pool's process.
pub fn is_at_a_job(part: &Part) -> bool {
    matches!(part, Part::Task(task) if task.birth.pool.is_some() && !is_idle(task))
}

impl Might for Scene1<'_> {
    fn may(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.deeds[i].may(self.on(object, kind), methods)
    }
    fn may_born(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.deeds[i].may_born(self.on(object, kind), methods)
    }
    fn may_change(&self, i: usize, site: u32) -> bool {
        self.deeds[i].may_change(self.program, site)
    }
    fn may_terminate(&self, i: usize) -> bool {
        self.deeds[i].may_terminate()
    }
    fn kind_of(&self, object: u32) -> u8 {
        match self.object(object).as_deref() {
            Some(Part::Object(o)) => o.kind,
            _ => 0,
        }
    }
}

impl Scene for Scene1<'_> {
    fn program(&self) -> &Program {
        self.program
    }
    fn task_facts(&self, task: TaskId) -> TaskFacts {
        facts_of(self.program, task, self.main, self.task(task), |t| self.name(t))
    }
    fn ending(&self, task: TaskId) -> Option<Ending> {
        let task = self.task(task)?;
        match &task.at {
            At::Ended(ended) => Some(ending_of(ended.how)),
            _ => over_by_error(task).map(ending_of),
        }
    }
    fn held(&self, task: TaskId) -> Vec<Hold> {
        self.task(task).map(|t| t.held.clone()).unwrap_or_default()
    }
    fn on(&self, object: u32, kind: u8) -> On {
        let field = match self.object(object).as_deref() {
            Some(Part::Object(ObjectPart { born: Born::Field { structure, field, .. }, .. })) => {
                Some(self.program.structs[*structure as usize].fields[*field as usize].symbol)
            }
            _ => None,
        };
        On { object, kind, field }
    }
    fn object_name(&self, object: u32) -> String {
        let part = self.object(object);
        let part = match part.as_deref() {
            Some(Part::Object(o)) => Some(o),
            _ => None,
        };
        object_name(self.program, object, part, |t| self.name(t))
    }
    fn told_name(&self, object: u32) -> String {
        self.things().of(Thing::Object(object), self.object_name(object))
    }
    fn word(&self, object: u32, index: usize) -> u64 {
        match self.object(object).as_deref() {
            Some(Part::Object(o)) => o.words[index],
            _ => 0,
        }
    }
    fn declared_at(&self, object: u32) -> Option<Span> {
        match self.object(object).as_deref() {
            Some(Part::Object(o)) => declared_at(self.program, object, o),
            _ => None,
        }
    }
    fn site(&self, i: usize) -> Option<u32> {
        let task = self.task(self.views[i].id)?;
        if task.birth.pool.is_some() && task.machine.is_none() {
            return None;
        }
        let at = task.machine.as_ref().map_or(task.site, Task::pc);
        match &task.at {
            // It stands at the `await` that the block begins with.
            At::Step(step) | At::Looked { step, .. } if matches!(**step, Step::AtomicBegin) => {
                Some(self.program.block_awaits(at).map_or(at, |found| found.0))
            }
            _ => Some(at),
        }
    }
    fn ended_badly(&self) -> Vec<(u32, u32)> {
        let bad = |t: &(TaskId, Arc<Part>)| match &*t.1 {
            Part::Task(task) => match &task.at {
                At::Ended(ended) if ended.how != How::Returned => Some((t.0, task.birth.function)),
                _ => over_by_error(task).map(|_| (t.0, task.birth.function)),
            },
            _ => None,
        };
        self.tasks.iter().filter_map(bad).take(64).collect()
    }
}

pub fn ending_of(how: How) -> Ending {
    match how {
        How::Returned => Ending::Returned,
        How::Failed(kind) => {
            Ending::Failed(ErrorKind::ALL.get(kind as usize).map_or("error", |k| k.word()).to_string())
        }
        How::Exited(code) => Ending::Exited(code),
        How::Signalled(n) => Ending::Signalled(n),
        How::Terminated => Ending::Terminated,
    }
}

fn facts_of(
    program: &Program,
    task: TaskId,
    main: TaskId,
    part: Option<&TaskPart>,
    name: impl Fn(TaskId) -> Option<String>,
) -> TaskFacts {
    let serial = task.wrapping_sub(main);
    let Some(part) = part else {
        let name = "?".to_string();
        return TaskFacts { serial, name, process: false, home: None, pid: 0, tid: 0, spawned: None, spawner: None };
    };
    let birth = &part.birth;
    let spawned = birth.site.map(|s| program.span(s));
    TaskFacts {
        serial,
        name: name(task).unwrap_or_default(),
        process: birth.process,
        home: Some(part.process),
        pid: 0,
        tid: 0,
        spawned,
        spawner: birth.spawner.filter(|_| spawned.is_some()).and_then(name),
    }
}

fn declared_at(program: &Program, id: u32, part: &ObjectPart) -> Option<Span> {
    use crate::program::code::Instr;
    if let Some(decl) = program.objects.get(id as usize) {
        return Some(decl.span);
    }
    match part.born {
        Born::Field { structure, field, .. } => {
            Some(program.structs.get(structure as usize)?.fields.get(field as usize)?.span)
        }
        Born::New(site) => {
            let at = program.code.iter().position(|i| matches!(i, Instr::NewObject(s) if *s == site))?;
            Some(program.span(at as u32))
        }
        _ => None,
    }
}

/// What a task waits for in a state.
pub fn waiting(explorer: &Explorer, row: &Row, task: TaskId) -> Option<Waiting> {
    Scene1::new(explorer, row, &[]).waiting(task)
}

/// Who a task is.
pub fn task_facts(explorer: &Explorer, row: &Row, task: TaskId) -> TaskFacts {
    let names = super::outcome::names(&explorer.task_parts(row));
    let name = |id: TaskId| names.get(&id).cloned();
    match explorer.part(row, Key::Task(task)).as_deref() {
        Some(Part::Task(t)) => facts_of(explorer.model.program, task, explorer.main, Some(t), name),
        _ => facts_of(explorer.model.program, task, explorer.main, None, name),
    }
}

/// What tells the objects of a state, and the places in them, apart.
pub fn things(explorer: &Explorer, row: &Row) -> Objects {
    let names = LazyCell::new(|| super::outcome::names(&explorer.task_parts(row)));
    said::names(explorer.model, row, explorer.main, |t| names.get(&t).cloned())
}

/// What an end of a complete execution is worth a note for, once `finally` has run.
pub fn notes(explorer: &Explorer, row: &Row) -> Vec<Note> {
    let model = explorer.model;
    let mut m = super::moves::Move::new(model, row.parts(), &[], explorer.main, explorer.main);
    m.run_finally();
    let mut notes = Vec::new();
    for (ix, part) in row.parts().iter().enumerate() {
        if *part == 0 {
            continue;
        }
        let Key::Object(id) = model.space.key(ix as u32) else { continue };
        let holding = |o: &ObjectPart| (!o.values.is_empty()).then(|| o.clone());
        let Some(o) = m.object(id, holding).flatten() else { continue };
        let count = o.values.len() as u64;
        let name = m.object_name(id);
        match o.kind {
            place::queue => notes.push(Note::Left { object: id, name, count }),
            place::pool => {
                let first = objects::pool::handle(&o.values[0]);
                let submitted = first.and_then(|job| m.task(job, |t| t.birth.site).flatten());
                let closed = o.words[objects::pool::CLOSED] != 0;
                notes.push(Note::Dropped { object: id, name, count, submitted, closed });
            }
            place::task if id != explorer.main && o.words[objects::task::JOINED] == 0 => {
                let Some((site, function)) = m.task(id, |t| (t.birth.site, t.birth.function)) else { continue };
                let value = m.shown(&o.values[0]);
                notes.push(Note::Unjoined { task: id, name, site, function, value });
            }
            _ => {}
        }
    }
    notes
}

/// Whether a log goes no further than to the end of the first step.
fn is_of_first_step(log: &[(Mover, Logged)]) -> bool {
    log.iter().filter(|(_, step)| step.turn).count() <= 1
}

/// The invariants that do not hold at the start.
pub(super) fn false_before_all(explorer: &Explorer) -> Vec<Event> {
    at_first(explorer, |m| m.check_invariants()).1
}

/// Looks from outside, before the first step; with what it came to.
fn at_first<T>(explorer: &Explorer, look: impl FnOnce(&mut Move) -> T) -> (T, Vec<Event>) {
    let first = explorer.row(0);
    let mut m = Move::new(explorer.model, first.parts(), &[], explorer.main, explorer.main);
    let seen = look(&mut m);
    let (.., events, _) = m.close();
    (seen, events)
}

/// What is seen of an invariant before the first step, if it does not hold then.
fn before_all(explorer: &Explorer, index: usize) -> Option<Broken> {
    at_first(explorer, |m| m.broken(index)).0
}

/// The facts of something found, from the log of the way there.
pub fn finding(explorer: &Explorer, found: &Found1, row: &Row, log: &[(Mover, Logged)]) -> Finding {
    let program = explorer.model.program;
    let task = |id: TaskId| explorer.part(row, Key::Task(id));
    let names = super::outcome::names(&explorer.task_parts(row));
    let name = |id: TaskId| names.get(&id).cloned();
    let facts = |id: TaskId| task_facts(explorer, row, id);
    let object = |id: u32| {
        let part = explorer.part(row, Key::Object(id));
        let part = match part.as_deref() {
            Some(Part::Object(o)) => Some(o.clone()),
            _ => None,
        };
        (object_name(program, id, part.as_ref(), name), part.and_then(|p| declared_at(program, id, &p)))
    };
    let things = LazyCell::new(|| said::names(explorer.model, row, explorer.main, name));
    let told = |id: u32, name: &str| things.of(Thing::Object(id), name.to_string());
    let held = |held: &[Hold]| stuck::held_facts(program, &|id| told(id, &object(id).0), held);
    let one = |on: Vec<String>, facts: Facts| Finding {
        code: found.code,
        certainty: Certainty::Found,
        count: 1,
        on,
        also_on: Vec::new(),
        facts,
        schedule: None,
    };
    match &found.what {
        What::Stuck(stuck) => stuck.finding.clone(),
        What::Note(note) => match note {
            Note::Left { object: id, name, count } => {
                let declared = object(*id).1;
                one(vec![name.clone()], Facts::LeftInQueue { queue: told(*id, name), declared, count: *count })
            }
            Note::Dropped { object: id, name, count, submitted, closed } => {
                let (declared, submitted) = (object(*id).1, submitted.map(|s| program.span(s)));
                let pool = told(*id, name);
                let (count, closed) = (*count, *closed);
                one(vec![name.clone()], Facts::DroppedJobs { pool, declared, count, submitted, closed })
            }
            Note::Unjoined { task, name, value, .. } => {
                one(vec![name.clone()], Facts::Unjoined { task: facts(*task), value: value.clone() })
            }
        },
        What::Circle(circle) => super::live::finding(explorer, circle, row),
        What::Event(event) | What::Finally(event) => match event {
            Event::Race { ix, name, other, task, site, write, .. } => {
                let structure = |record: u32| match explorer.part(row, Key::Object(record)).as_deref() {
                    Some(Part::Object(o)) => match o.born {
                        Born::Record(site) => Some(program.records[site as usize].structure),
                        _ => None,
                    },
                    _ => None,
                };
                let (_, declared, _) = place_name(program, explorer.model.space.key(*ix), structure);
                let is_its = |r: &Reached| r.ix == *ix && r.write == *write;
                let at_site = |r: &Reached| is_its(r) && r.site == *site;
                let later = last_access(log, *task, &at_site).or_else(|| last_access(log, *task, &is_its));
                let before = later.map_or(log.len(), |(step, _)| step);
                let atomic = later.is_some_and(|(_, reached)| reached.atomic);
                // Of all that are against it the last one is certain to race: whatever
                // brought that before it would have brought the others too.
                let is_against = |r: &Reached| r.ix == *ix && (r.write || *write) && !(r.atomic && atomic);
                let earlier = last_access(&log[..before], *other, &is_against);
                let access = |id: TaskId, found: Option<(usize, &Reached)>| {
                    let kind = match found.map(|(_, r)| (r.write, r.atomic)) {
                        Some((true, false)) => AccessKind::Write,
                        Some((false, true)) => AccessKind::AtomicRead,
                        Some((true, true)) => AccessKind::AtomicWrite,
                        _ => AccessKind::Read,
                    };
                    let span = found.map_or_else(Span::default, |(_, r)| program.span(r.site));
                    let value = found.map(|(_, r)| r.told.told(&things));
                    let held = held(held_at(found));
                    Access { task: facts(id), span, kind, value, held }
                };
                let (earlier, later) = (access(*other, earlier), access(*task, later));
                let place = said::thing_at(explorer.model.space.key(*ix));
                let variable = name.clone() + &place.map_or(String::new(), |place| things.number(place));
                one(vec![name.clone()], Facts::Race { variable, declared, earlier, later })
            }
            Event::Failed { task, job, site, kind, message, calls, held: holds } => {
                let kind = ErrorKind::ALL.get(*kind as usize).copied().unwrap_or(ErrorKind::Raised);
                let facts = Facts::Failed {
                    task: task.map(facts),
                    job: job.map(|job| facts(job).name),
                    span: program.span(*site),
                    kind: kind.word().to_string(),
                    message: message.clone(),
                    calls: calls.iter().map(|c| program.span(*c)).collect(),
                    holds: held(holds),
                };
                one(stuck::failed_on(program, *site, kind, message), facts)
            }
            Event::Abandoned { task: owner, hold } => {
                let (lock, declared) = object(hold.0);
                let ending = match task(*owner).as_deref() {
                    Some(Part::Task(t)) => match &t.at {
                        At::Ended(ended) => ending_of(ended.how),
                        _ => Ending::Returned,
                    },
                    _ => Ending::Returned,
                };
                let facts = Facts::Abandoned {
                    lock: told(hold.0, &lock),
                    mode: hold.1,
                    declared,
                    owner: facts(*owner),
                    since: Some(program.span(hold.2)),
                    ending,
                };
                one(vec![lock], facts)
            }
            Event::Invariant { task, site, index, values, why } => {
                let (function, _) = &program.invariants[*index as usize];
                let before = is_of_first_step(log).then(|| before_all(explorer, *index as usize)).flatten();
                let step = before.is_none().then(|| program.span(*site));
                let (values, why) = before.unwrap_or_else(|| (values.clone(), why.clone()));
                let on = values.iter().map(|v| v.0.clone()).collect();
                let facts = Facts::Invariant {
                    task: facts(*task),
                    step,
                    invariant: program.functions[*function as usize].span,
                    values,
                    why: why.map(|(text, site)| Undecided { text, failed: site.map(|s| program.span(s)) }),
                };
                one(on, facts)
            }
            Event::Orphan { child, parent, .. } => {
                let parent_ending = match task(*parent).as_deref() {
                    Some(Part::Task(t)) => match &t.at {
                        At::Ended(ended) => ending_of(ended.how),
                        _ => Ending::Returned,
                    },
                    _ => Ending::Returned,
                };
                one(Vec::new(), Facts::Orphan { child: facts(*child), parent: facts(*parent), parent_ending })
            }
            Event::Zombie { child, parent, .. } => {
                one(Vec::new(), Facts::Zombie { child: facts(*child), parent: facts(*parent) })
            }
        },
    }
}

/// What a task held at an access.
fn held_at(found: Option<(usize, &Reached)>) -> &[Hold] {
    found.map_or(&[], |(_, reached)| &reached.held)
}

/// A task's last access of a kind, with its step.
fn last_access<'l>(
    log: &'l [(Mover, Logged)],
    task: TaskId,
    is_it: &dyn Fn(&Reached) -> bool,
) -> Option<(usize, &'l Reached)> {
    let steps = log.iter().enumerate().rev().filter(|(_, step)| step.1.task == task);
    steps.flat_map(|(n, step)| step.1.reached.iter().rev().map(move |r| (n, r))).find(|(_, r)| is_it(r))
}
