//! A way through the model as a recording, for pictures: what each step did,
//! and from one state to the next who holds what, who waits and who has ended.
//! It owns the reading of states; how a recording is drawn is `report`'s.

use super::explore::Explorer;
use super::finding;
use super::moves::Move;
use super::outcome;
use super::part::{At, Hold, Key, Part, TaskPart};
use super::process::NOWHERE;
use super::said;
use super::seen::{Came, Deed, Log, Logged};
use super::store::Row;
use super::turn::{Mover, Turn};
use crate::detect::event::{Clock, Event, Kind, Recording};
use crate::detect::names::Thing;
use crate::lang::ast::Span;
use crate::machine::{Step, Task};
use crate::objects::{self, KINDS, TaskId, join_method, place, task};
use crate::program::value::{ObjRef, Value};
use std::collections::HashMap;

/// By its name, and by what tells it from others of that.
type Object = (String, Option<Thing>);

/// A recording under way. Its clock counts the steps that have words.
pub struct Recorder {
    /// In the order in which they were made; jobs, which their workers do, are
    /// left out.
    tasks: Vec<TaskId>,
    objects: Vec<Object>,
    known: HashMap<Object, usize>,
    events: Vec<Event>,
    at: u64,
    /// The tasks that wait now.
    waiting: Vec<TaskId>,
}

impl Recorder {
    /// Before the first step.
    pub fn new(explorer: &Explorer, row: &Row) -> Recorder {
        let mut recorder = Recorder {
            tasks: Vec::new(),
            objects: Vec::new(),
            known: HashMap::new(),
            events: Vec::new(),
            at: 0,
            waiting: Vec::new(),
        };
        for (id, _) in explorer.task_parts(row) {
            recorder.begins(explorer, row, id);
        }
        recorder
    }

    /// One transition, made by `actor`, with the states around it.
    pub fn transition(&mut self, explorer: &Explorer, before: &Row, after: &Row, actor: TaskId, log: &Log) {
        let stood = task_at(explorer, before, actor);
        self.goes(actor);
        let mut done = 0;
        for step in &log.steps {
            self.at += u64::from(!step.text.is_empty());
            let site = span(explorer, step.site);
            for (by, deed) in &log.deeds[done..step.deeds] {
                self.deed(explorer, (before, after), *by, deed, site, stood.as_ref());
            }
            done = step.deeds;
            self.step(explorer, step, site);
        }
        let last = log.steps.iter().rev().find_map(|s| span(explorer, s.site));
        self.compare(explorer, before, after, (actor, last));
        self.look_who_waits(explorer, after);
    }

    /// The recording up to here.
    pub fn finish(self, explorer: &Explorer, row: &Row) -> Recording {
        let tasks: Vec<_> = self.tasks.iter().map(|t| finding::task_facts(explorer, row, *t)).collect();
        let place = |id: TaskId| self.tasks.iter().position(|t| *t == id);
        let process = |(n, id): (usize, &TaskId)| {
            let first = task_at(explorer, row, *id).map(|t| t.process);
            first.and_then(place).unwrap_or(n)
        };
        let processes = self.tasks.iter().enumerate().map(process).collect();
        let end = self.at + 1;
        let things = finding::things(explorer, row);
        let told = |(name, thing): Object| name + &thing.map_or(String::new(), |thing| things.number(thing));
        let objects = self.objects.into_iter().map(told).collect();
        Recording { clock: Clock::Steps, tasks, processes, objects, events: self.events, end, lost: 0 }
    }

    fn note(&mut self, id: TaskId, kind: Kind, object: Option<Object>, peer: Option<TaskId>, told: Told) {
        let Some(task) = self.tasks.iter().position(|t| *t == id) else { return };
        let object = object.map(|object| self.object(object));
        let peer = peer.and_then(|p| self.tasks.iter().position(|t| *t == p));
        self.events.push(Event { at: self.at, task, kind, object, peer, site: told.site, text: told.text });
    }

    fn object(&mut self, object: Object) -> usize {
        if let Some(place) = self.known.get(&object) {
            return *place;
        }
        self.known.insert(object.clone(), self.objects.len());
        self.objects.push(object);
        self.objects.len() - 1
    }

    fn begins(&mut self, explorer: &Explorer, row: &Row, id: TaskId) {
        let Some(part) = task_at(explorer, row, id) else { return };
        let m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
        if !outcome::is_job(&m, &part) && !self.tasks.contains(&id) {
            self.tasks.push(id);
            self.note(id, Kind::Begin, None, None, Told::default());
        }
    }

    /// What a step did to memory, and what it printed.
    fn step(&mut self, explorer: &Explorer, step: &Logged, site: Option<Span>) {
        for reached in &step.reached {
            let kind = if reached.write { Kind::Write } else { Kind::Read };
            let told = Told { site, text: reached.value.clone() };
            let place = said::thing_at(explorer.model.space.key(reached.ix));
            self.note(step.task, kind, Some((reached.name.clone(), place)), None, told);
        }
        if let Some(text) = step.text.strip_prefix("print ") {
            self.note(step.task, Kind::Print, None, None, Told { site, text: text.to_string() });
        }
    }

    fn deed(
        &mut self,
        explorer: &Explorer,
        (before, after): (&Row, &Row),
        by: TaskId,
        deed: &Deed,
        site: Option<Span>,
        stood: Option<&TaskPart>,
    ) {
        let told = |text: String| Told { site, text };
        match deed {
            Deed::Born(id) => {
                self.begins(explorer, after, *id);
                // The arrow goes from the one event to the other.
                let begun = self.events.pop_if(|e| e.kind == Kind::Begin && e.at == self.at);
                self.note(by, Kind::Spawn, None, Some(*id), told(String::new()));
                self.events.extend(begun);
            }
            Deed::Operated { object, kind, method, came, .. } => {
                let name = KINDS[*kind as usize].methods[*method as usize].word();
                let on = Some(named(explorer, after, *object));
                let Came::Done(value) = came else {
                    if *came == Came::Raised {
                        self.note(by, Kind::Operate, on, None, told(format!("{name} fails")));
                    }
                    return;
                };
                match *kind {
                    place::queue | place::pool if name.starts_with("put") || name == "submit" => {
                        let given = stood.and_then(|t| given(&t.at, *object, *method));
                        self.note(by, Kind::Send, on, None, told(shown(explorer, after, given.as_ref())));
                    }
                    place::queue | place::pool if name.starts_with("get") || name == "take" => {
                        // A queue that is closed and empty gives none.
                        if *value != Value::None {
                            self.note(by, Kind::Receive, on, None, told(shown(explorer, after, Some(value))));
                        }
                    }
                    place::task if *method == task::JOIN => {
                        self.note(by, Kind::Join, None, Some(*object), told(String::new()));
                    }
                    place::task => {}
                    kind if objects::is_lock(kind) && !name.starts_with("locked") => {}
                    _ => self.note(by, Kind::Operate, on, None, told(name.to_string())),
                }
            }
            Deed::Met(other) => self.meets(explorer, before, *other),
            Deed::Reached { .. } | Deed::Moved(_) | Deed::AtomicBegin | Deed::AtomicEnd => {}
        }
    }

    /// The other side of an exchange: the last event was this side's.
    fn meets(&mut self, explorer: &Explorer, before: &Row, other: TaskId) {
        let Some(own) = self.events.last().cloned() else { return };
        let kind = match own.kind {
            Kind::Send => Kind::Receive,
            Kind::Receive => Kind::Send,
            _ => return,
        };
        let site = task_at(explorer, before, other).and_then(|t| span(explorer, site_of(&t)));
        self.goes(other);
        let object = own.object.map(|o| self.objects[o].clone());
        self.note(other, kind, object, None, Told { site, text: own.text.clone() });
        // What is sent comes first, whoever was the one to act.
        if kind == Kind::Send
            && let [.., a, b] = &mut self.events[..]
            && a.kind == Kind::Receive
            && b.kind == Kind::Send
        {
            std::mem::swap(a, b);
        }
    }

    /// Locks taken and let go of, and ends, from one state to the next.
    fn compare(&mut self, explorer: &Explorer, before: &Row, after: &Row, acted: (TaskId, Option<Span>)) {
        for id in self.tasks.clone() {
            let Some(now) = task_at(explorer, after, id) else { continue };
            let old = task_at(explorer, before, id);
            let held: &[Hold] = old.as_ref().map_or(&[], |t| &t.held);
            let site = if id == acted.0 { acted.1 } else { span(explorer, site_of(&now)) };
            let ended = matches!(now.at, At::Ended(_));
            for (lock, ..) in missing(held, &now.held).into_iter().filter(|_| !ended) {
                let on = Some(named(explorer, after, lock));
                self.note(id, Kind::Release, on, None, Told { site, text: String::new() });
            }
            for (lock, _, since) in missing(&now.held, held) {
                let on = Some(named(explorer, after, lock));
                self.note(id, Kind::Hold, on, None, Told { site: span(explorer, since), text: String::new() });
            }
            if ended && !old.is_some_and(|t| matches!(t.at, At::Ended(_))) {
                self.goes(id);
                self.note(id, Kind::End, None, None, Told { site, text: String::new() });
            }
        }
    }

    /// Who cannot go on in a state waits; who did and can goes on.
    fn look_who_waits(&mut self, explorer: &Explorer, row: &Row) {
        for id in self.tasks.clone() {
            let Some(part) = task_at(explorer, row, id) else { continue };
            let turn = Turn { actor: explorer.model.space.place(Key::Task(id)), mover: Mover::Task, ways: Vec::new() };
            let waits = !matches!(part.at, At::Ended(_) | At::Ending(_)) && explorer.logged(row, &turn).is_none();
            match (waits, self.waiting.contains(&id)) {
                (true, false) => {
                    let mut all = awaited(&part.at);
                    if all.is_empty() {
                        all.extend(child(explorer, row, &part));
                    }
                    self.waiting.push(id);
                    let site = span(explorer, site_of(&part));
                    if all.is_empty() {
                        self.note(id, Kind::Wait, None, None, Told { site, text: String::new() });
                    }
                    for (arm, (target, method)) in all.into_iter().enumerate() {
                        let name = KINDS[target.kind as usize].methods[method as usize].name;
                        let kind = if arm == 0 { Kind::Wait } else { Kind::Arm };
                        let on = Some(named(explorer, row, target.id));
                        self.note(id, kind, on, None, Told { site, text: name.trim_start_matches('-').to_string() });
                    }
                }
                (false, true) => self.goes(id),
                _ => {}
            }
        }
    }

    fn goes(&mut self, id: TaskId) {
        if let Some(place) = self.waiting.iter().position(|t| *t == id) {
            self.waiting.remove(place);
            self.note(id, Kind::Go, None, None, Told::default());
        }
    }
}

/// Where an event is, and its words.
#[derive(Default)]
struct Told {
    site: Option<Span>,
    text: String,
}

fn task_at(explorer: &Explorer, row: &Row, id: TaskId) -> Option<TaskPart> {
    match explorer.part(row, Key::Task(id)).as_deref() {
        Some(Part::Task(part)) => Some(part.clone()),
        _ => None,
    }
}

fn site_of(part: &TaskPart) -> u32 {
    part.machine.as_ref().map_or(part.site, Task::pc)
}

fn span(explorer: &Explorer, site: u32) -> Option<Span> {
    (site != NOWHERE).then(|| explorer.model.program.span(site))
}

fn named(explorer: &Explorer, row: &Row, object: u32) -> Object {
    let m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
    (m.object_name(object), Some(Thing::Object(object)))
}

fn shown(explorer: &Explorer, row: &Row, value: Option<&Value>) -> String {
    let m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
    value.map_or(String::new(), |v| m.shown(v))
}

/// What of one list is not in the other; a lock may be in it several times.
fn missing(of: &[Hold], other: &[Hold]) -> Vec<Hold> {
    let mut other = other.to_vec();
    let mut missing = Vec::new();
    for hold in of {
        match other.iter().position(|o| o == hold) {
            Some(place) => drop(other.remove(place)),
            None => missing.push(*hold),
        }
    }
    missing
}

/// The operation that a task stands before or waits in; of a `select` each.
fn awaited(at: &At) -> Vec<(ObjRef, u8)> {
    match at {
        At::Operate { op, .. } => vec![(op.target, op.method)],
        At::Select { arms, .. } => arms.iter().map(|(_, op)| (op.target, op.method)).collect(),
        At::Step(step) => match &**step {
            Step::Operate { object, method, .. } => vec![(*object, *method)],
            Step::Select { arms, .. } => arms.iter().filter_map(|a| a.target).collect(),
            Step::Join { targets, .. } => targets.first().map(|t| (*t, join_method(t.kind))).into_iter().collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Of those that `join all` waits for the first.
fn child(explorer: &Explorer, row: &Row, part: &TaskPart) -> Option<(ObjRef, u8)> {
    let ended = |t: &ObjRef| task_at(explorer, row, t.id).is_none_or(|t| matches!(t.at, At::Ended(_)));
    let At::Step(step) = &part.at else { return None };
    let all = matches!(**step, Step::JoinAll { .. });
    let target = part.spawned.iter().find(|t| all && t.kind == place::task && !ended(t))?;
    Some((*target, task::JOIN))
}

/// What a task was about to put into an object.
fn given(at: &At, object: u32, method: u8) -> Option<Value> {
    let first = |args: &[Value]| args.first().cloned();
    match at {
        At::Operate { op, .. } if op.target.id == object => first(&op.args),
        At::Select { arms, .. } => {
            let arm = arms.iter().find(|(_, op)| op.target.id == object && op.method == method)?;
            first(&arm.1.args)
        }
        At::Step(step) => match &**step {
            Step::Operate { object: o, args, .. } if o.id == object => first(args.as_slice()),
            Step::Select { arms, .. } => {
                let arm = arms.iter().find(|a| a.target.is_some_and(|(o, m)| o.id == object && m == method))?;
                first(arm.args.as_slice())
            }
            _ => None,
        },
        _ => None,
    }
}
