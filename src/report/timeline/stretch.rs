//! From events to what is drawn: how long a task lived, what it held and
//! waited for from when to when, and which event of one task led to one of
//! another. It owns the pairing; colours and formats are its readers'.

use crate::detect::event::{Event, Kind, Recording};
use crate::lang::ast::Span;
use std::collections::{HashMap, VecDeque};

/// What a task did for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub task: usize,
    pub from: u64,
    pub to: u64,
    /// What was held or waited for.
    pub object: Option<usize>,
    pub site: Option<Span>,
    /// It had not come to its end when the recording ended.
    pub open: bool,
    /// The operation that waits: `acquire`, `get`.
    pub text: String,
    /// Of a `select`, its further arms: the object, if it is known, and the
    /// operation.
    pub arms: Vec<(Option<usize>, String)>,
}

impl Stretch {
    fn of(task: usize, from: u64, to: u64) -> Stretch {
        Stretch { task, from, to, object: None, site: None, open: false, text: String::new(), arms: Vec::new() }
    }

    /// What is waited for, in the script's words: `get q`, `select get q, put r`.
    pub fn waits_for(&self, objects: &[String]) -> String {
        let one = |object: Option<usize>, text: &str| {
            let name = object.map_or("", |o| objects[o].as_str());
            [text, name].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
        };
        let first = one(self.object, &self.text);
        if self.arms.is_empty() {
            return first;
        }
        let arms = self.arms.iter().map(|(object, text)| one(*object, text));
        format!("select {}", std::iter::once(first).chain(arms).collect::<Vec<_>>().join(", "))
    }
}

/// One event that led to another of another task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrow {
    pub from: usize,
    pub from_at: u64,
    pub to: usize,
    pub to_at: u64,
    pub what: ArrowKind,
    pub object: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrowKind {
    /// A value that was put and got.
    Message,
    Spawn,
    Join,
}

/// All stretches and arrows of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    pub lives: Vec<Stretch>,
    pub holds: Vec<Stretch>,
    pub waits: Vec<Stretch>,
    pub sleeps: Vec<Stretch>,
    pub arrows: Vec<Arrow>,
}

/// Pairs the events of a recording, which are in the order of time.
pub fn picture(recording: &Recording) -> Picture {
    let mut state = State::new(recording);
    recording.events.iter().for_each(|e| state.take(e));
    state.finish(recording.end)
}

struct State {
    picture: Picture,
    /// By task: when it began, and the end once it came.
    lives: Vec<(Option<u64>, Option<u64>)>,
    first_seen: Vec<Option<u64>>,
    last_seen: Vec<u64>,
    /// What each task waits for: a stretch of waits or sleeps, by its place.
    waiting: Vec<Option<(bool, usize)>>,
    /// Holds that are open, by task and object; the latest last.
    held: HashMap<(usize, usize), Vec<usize>>,
    /// Values on their way, by object: first in, first out.
    sent: HashMap<usize, VecDeque<(usize, u64)>>,
    /// Who made a task, and when.
    made: HashMap<usize, (usize, u64)>,
    ended: HashMap<usize, u64>,
}

impl State {
    fn new(recording: &Recording) -> State {
        let count = recording.tasks.len();
        State {
            picture: Picture::default(),
            lives: vec![(None, None); count],
            first_seen: vec![None; count],
            last_seen: vec![0; count],
            waiting: vec![None; count],
            held: HashMap::new(),
            sent: HashMap::new(),
            made: HashMap::new(),
            ended: HashMap::new(),
        }
    }

    fn take(&mut self, e: &Event) {
        self.first_seen[e.task].get_or_insert(e.at);
        self.last_seen[e.task] = e.at;
        match e.kind {
            Kind::Begin => self.begin(e),
            Kind::End => {
                self.lives[e.task].1 = Some(e.at);
                self.ended.insert(e.task, e.at);
            }
            Kind::Spawn => {
                if let Some(peer) = e.peer {
                    self.made.insert(peer, (e.task, e.at));
                }
            }
            Kind::Join => self.join(e),
            Kind::Wait | Kind::Sleep => self.wait(e),
            Kind::Arm => self.arm(e),
            Kind::Go => self.go(e),
            Kind::Hold => {
                let place = self.picture.holds.len();
                self.picture.holds.push(stretch(e));
                if let Some(object) = e.object {
                    self.held.entry((e.task, object)).or_default().push(place);
                }
            }
            Kind::Release => self.release(e),
            Kind::Send => {
                if let Some(object) = e.object {
                    self.sent.entry(object).or_default().push_back((e.task, e.at));
                }
            }
            Kind::Receive => self.receive(e),
            Kind::Read | Kind::Write | Kind::Operate | Kind::Print => {}
        }
    }

    fn begin(&mut self, e: &Event) {
        self.lives[e.task].0.get_or_insert(e.at);
        if let Some((from, from_at)) = self.made.get(&e.task).copied() {
            self.arrow((from, from_at), e, ArrowKind::Spawn, None);
        }
    }

    fn join(&mut self, e: &Event) {
        let Some((peer, at)) = e.peer.and_then(|p| Some((p, *self.ended.get(&p)?))) else { return };
        self.arrow((peer, at), e, ArrowKind::Join, None);
    }

    fn wait(&mut self, e: &Event) {
        // A wait that begins anew goes on: it is one stretch.
        if self.waiting[e.task].is_some() {
            return;
        }
        let sleeps = e.kind == Kind::Sleep;
        let list = if sleeps { &mut self.picture.sleeps } else { &mut self.picture.waits };
        self.waiting[e.task] = Some((sleeps, list.len()));
        list.push(stretch(e));
    }

    fn arm(&mut self, e: &Event) {
        let Some((false, place)) = self.waiting[e.task] else { return };
        let wait = &mut self.picture.waits[place];
        let arm = (e.object, e.text.clone());
        if (wait.object, &wait.text) != (arm.0, &arm.1) && !wait.arms.contains(&arm) {
            wait.arms.push(arm);
        }
    }

    fn go(&mut self, e: &Event) {
        let Some((sleeps, place)) = self.waiting[e.task].take() else { return };
        let list = if sleeps { &mut self.picture.sleeps } else { &mut self.picture.waits };
        (list[place].to, list[place].open) = (e.at, false);
    }

    fn release(&mut self, e: &Event) {
        let held = e.object.and_then(|object| self.held.get_mut(&(e.task, object))?.pop());
        if let Some(place) = held {
            let hold = &mut self.picture.holds[place];
            (hold.to, hold.open) = (e.at, false);
        }
    }

    fn receive(&mut self, e: &Event) {
        let sent = e.object.and_then(|object| self.sent.get_mut(&object)?.pop_front());
        if let Some(from) = sent.filter(|from| from.0 != e.task) {
            self.arrow(from, e, ArrowKind::Message, e.object);
        }
    }

    fn arrow(&mut self, from: (usize, u64), to: &Event, what: ArrowKind, object: Option<usize>) {
        let arrow = Arrow { from: from.0, from_at: from.1, to: to.task, to_at: to.at, what, object };
        self.picture.arrows.push(arrow);
    }

    fn finish(mut self, end: u64) -> Picture {
        for (task, (begun, ended)) in self.lives.iter().enumerate() {
            let Some(from) = begun.or(self.first_seen[task]) else { continue };
            let open = ended.is_none();
            let to = ended.unwrap_or(end).max(self.last_seen[task]);
            self.picture.lives.push(Stretch { open, ..Stretch::of(task, from, to) });
        }
        // What a task held at its end stays held: a lock is abandoned.
        let mut ends = vec![end; self.lives.len()];
        self.picture.lives.iter().for_each(|life| ends[life.task] = life.to);
        self.picture.holds.iter_mut().filter(|h| h.open).for_each(|h| h.to = end);
        for open in self.picture.waits.iter_mut().chain(&mut self.picture.sleeps).filter(|w| w.open) {
            open.to = ends[open.task];
        }
        self.picture
    }
}

/// A stretch that begins with an event and has no end yet.
fn stretch(e: &Event) -> Stretch {
    Stretch { object: e.object, site: e.site, open: true, text: e.text.clone(), ..Stretch::of(e.task, e.at, e.at) }
}
