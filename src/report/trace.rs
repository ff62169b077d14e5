//! A recording in the trace event format of Chrome, which Perfetto opens:
//! `--trace`. Processes and threads are tracks; what was held and waited for
//! are slices, messages are flows, findings are marks and a track of their own.
//!
//! What Perfetto asks beyond the format: a flow's number is an integer, and each end
//! of it is bound to the slice before it in the file and drawn at that one's end or
//! beginning, so it stands right behind the mark of its deed; slices of a thread
//! nest, and of two that begin together the longer one comes first; what belongs to
//! a process but does not nest is asynchronous, with a number of the process's own
//! (`id2`), or else it stands apart from all processes; the first thread of a process
//! has the process's number.

use super::Source;
use super::timeline::stretch::{Arrow, ArrowKind, Picture, Stretch, picture};
use super::timeline::{Execution, Lines, marks};
use crate::detect::event::{Clock, Event, Kind, Recording};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, Write};

/// Above the numbers that the system gives to threads.
const BEYOND_REAL: usize = 1 << 23;

/// Writes the trace, one JSON object. Several executions stand beside each other,
/// each with processes of its own.
///
/// # Errors
///
/// What `out` answers.
pub fn write(source: &Source, executions: &[Execution], out: &mut dyn Write) -> io::Result<()> {
    let lost: u64 = executions.iter().map(|e| e.recording.lost).sum();
    let other = json!({ "file": source.name, "conc": env!("CARGO_PKG_VERSION"), "lost": lost });
    write!(out, "{{\"otherData\":{other},\"traceEvents\":[")?;
    let (mut tasks, mut flows, mut first) = (0, 0, true);
    let mut put = |event: Value| {
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        write!(out, "{comma}{event}")
    };
    for (number, execution) in executions.iter().enumerate() {
        let tracks = Tracks::new(source, (executions.len() > 1).then_some(number), tasks, execution);
        tracks.names().try_for_each(&mut put)?;
        tracks.in_order(source).into_iter().try_for_each(|(_, _, due)| put(tracks.event_of(due, flows)))?;
        tasks += execution.recording.tasks.len();
        flows += tracks.picture.arrows.len();
    }
    write!(out, "]}}")
}

/// What comes first of what is at one moment: slices are open before anything is
/// bound to them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Ends,
    /// The longest first.
    Slice(Reverse<u64>),
    Begins,
    /// And the ends of flows behind it.
    Mark,
}

/// A deed that an arrow begins or ends with: by whom, when, which, and the object or
/// the other task that tells it from others at that moment.
type Deed = (usize, u64, Kind, Option<usize>);

/// An event with the nanosecond at which it is.
type Timed = (u64, Rank, Due);

/// What an event is made of when its turn comes. A long run has hundreds of thousands,
/// and as JSON each takes a kilobyte.
enum Due {
    /// One of the picture's lives, waits, sleeps.
    Life(usize),
    Wait(usize),
    Sleep(usize),
    /// One of its holds, drawn from when to when.
    Hold(usize, (u64, u64)),
    /// The beginning or the end of one that has a track of the process.
    Edge(usize, Edge),
    /// One of the recording's events.
    Step(usize),
    /// An end of an arrow, at a task's moment.
    Flow(usize, &'static str, (usize, u64)),
    Finding(Box<Value>),
}

#[derive(Clone, Copy)]
enum Edge {
    Begin,
    End,
}

struct Tracks<'a> {
    /// Which of several executions.
    number: Option<usize>,
    /// So many tasks had those before.
    before: usize,
    execution: &'a Execution<'a>,
    lines: Lines,
    picture: Picture,
    /// The number of each task's thread.
    threads: Vec<i64>,
    /// By task, from when to when it lived, in nanoseconds.
    lives: Vec<(u64, u64)>,
}

impl<'a> Tracks<'a> {
    fn new(source: &Source, number: Option<usize>, before: usize, execution: &'a Execution<'a>) -> Tracks<'a> {
        let recording = execution.recording;
        let mut tracks = Tracks {
            number,
            before,
            execution,
            lines: Lines::new(source),
            picture: picture(recording),
            threads: Vec::new(),
            lives: vec![(0, 1); recording.tasks.len()],
        };
        // The system may give the number of one that has ended to another.
        let mut taken = HashSet::new();
        for (task, facts) in recording.tasks.iter().enumerate() {
            let own = tracks.own_number(task);
            let thread = match tracks.is_real(task) {
                false => own,
                true if taken.insert(facts.tid) => i64::from(facts.tid),
                true => own + BEYOND_REAL as i64,
            };
            tracks.threads.push(thread);
        }
        for life in &tracks.picture.lives {
            let (from, to) = (tracks.ns(life.from), tracks.ns(life.to));
            tracks.lives[life.task] = (from, to.max(from + 1));
        }
        tracks
    }

    fn recording(&self) -> &Recording {
        self.execution.recording
    }

    /// A step is a microsecond.
    fn ns(&self, at: u64) -> u64 {
        match self.recording().clock {
            Clock::Nanoseconds => at,
            Clock::Steps => at * 1000,
        }
    }

    /// It has the numbers of a run, which no other execution has.
    fn is_real(&self, task: usize) -> bool {
        let facts = &self.recording().tasks[task];
        self.number.is_none() && facts.pid > 0 && facts.tid > 0
    }

    fn own_number(&self, task: usize) -> i64 {
        (self.before + task) as i64 + 1
    }

    /// Without numbers of a run the first task of a process stands for it.
    fn process(&self, task: usize) -> i64 {
        match self.is_real(task) {
            true => i64::from(self.recording().tasks[task].pid),
            false => self.own_number(self.recording().processes[task]),
        }
    }

    fn names(&self) -> impl Iterator<Item = Value> {
        self.recording().tasks.iter().enumerate().flat_map(|(task, facts)| {
            let mut found = Vec::new();
            let mut name = |what: &str, args: Value| {
                let (pid, tid) = (self.process(task), self.threads[task]);
                found.push(json!({ "ph": "M", "name": what, "pid": pid, "tid": tid, "args": args }));
            };
            if self.recording().processes[task] == task {
                let title = self.execution.title.split(':').next().unwrap_or_default();
                let of = self.number.map_or(String::new(), |n| format!("{title} {}: ", n + 1));
                name("process_name", json!({ "name": format!("{of}process of {}", facts.name) }));
                name("process_sort_index", json!({ "sort_index": self.before + task }));
            }
            name("thread_name", json!({ "name": facts.name }));
            name("thread_sort_index", json!({ "sort_index": task }));
            found
        })
    }

    /// All that happened, in the order of time.
    fn in_order(&self, source: &Source) -> Vec<Timed> {
        let mut events: Vec<Timed> = Vec::new();
        let slice = |(from, to): (u64, u64), due: Due| (from, Rank::Slice(Reverse(to - from)), due);
        let between = |s: &Stretch| (self.ns(s.from), self.ns(s.to));
        events.extend(self.picture.lives.iter().enumerate().map(|(n, s)| slice(self.lives[s.task], Due::Life(n))));
        for (n, (hold, nests)) in self.picture.holds.iter().zip(self.nested_holds()).enumerate() {
            match nests {
                Some((from, to)) => events.push(slice((self.ns(from), self.ns(to)), Due::Hold(n, (from, to)))),
                None => {
                    let (from, to) = self.apart((hold.from, hold.to));
                    events.push((from, Rank::Begins, Due::Edge(n, Edge::Begin)));
                    events.push((to, Rank::Ends, Due::Edge(n, Edge::End)));
                }
            }
        }
        events.extend(self.picture.waits.iter().enumerate().map(|(n, s)| slice(between(s), Due::Wait(n))));
        events.extend(self.picture.sleeps.iter().enumerate().map(|(n, s)| slice(between(s), Due::Sleep(n))));
        self.steps(&mut events);
        events.extend(self.findings(source));
        // What was put in first stays first: a life is around all else.
        events.sort_by_key(|(at, rank, _)| (*at, *rank));
        events
    }

    /// The event in the format's words; so many flows had the executions before.
    fn event_of(&self, due: Due, flows: usize) -> Value {
        let picture = &self.picture;
        match due {
            Due::Life(n) => {
                let life = &picture.lives[n];
                self.slice(life, self.lives[life.task], self.name_of(life), "task")
            }
            Due::Wait(n) => {
                let wait = &picture.waits[n];
                self.slice(wait, (self.ns(wait.from), self.ns(wait.to)), &self.wait_name(wait), "wait")
            }
            Due::Sleep(n) => {
                let sleep = &picture.sleeps[n];
                self.slice(sleep, (self.ns(sleep.from), self.ns(sleep.to)), "sleep", "sleep")
            }
            Due::Hold(n, (from, to)) => {
                let hold = &picture.holds[n];
                let name = format!("holds {}", self.lock_of(hold));
                self.slice(hold, (self.ns(from), self.ns(to)), &name, "hold")
            }
            Due::Edge(n, edge) => {
                let hold = &picture.holds[n];
                let name = format!("{} holds {}", self.name_of(hold), self.lock_of(hold));
                let args = json!({ "line": self.lines.of(hold.site) });
                self.edge(edge, hold.task, (hold.from, hold.to), (&name, "hold", n), args)
            }
            Due::Step(n) => self.step(&self.recording().events[n]),
            Due::Flow(arrow, phase, (task, at)) => self.end_of_flow(arrow, phase, task, at, flows),
            Due::Finding(event) => *event,
        }
    }

    fn name_of(&self, s: &Stretch) -> &str {
        &self.recording().tasks[s.task].name
    }

    fn lock_of(&self, hold: &Stretch) -> &str {
        hold.object.map_or("lock", |o| self.recording().objects[o].as_str())
    }

    fn event(&self, task: usize, at: u64, phase: &str, name: &str, category: &str) -> Value {
        json!({
            "ph": phase, "name": name, "cat": category, "ts": microseconds(at),
            "pid": self.process(task), "tid": self.threads[task],
        })
    }

    fn slice(&self, s: &Stretch, (from, to): (u64, u64), name: &str, category: &str) -> Value {
        let mut event = self.event(s.task, from, "X", name, category);
        event["dur"] = microseconds(to - from);
        let line = self.lines.of(s.site);
        event["args"] = if line > 0 { json!({ "line": line }) } else { json!({}) };
        event
    }

    /// When what has a track of the process begins and ends.
    fn apart(&self, (from, to): (u64, u64)) -> (u64, u64) {
        (self.ns(from), self.ns(to).max(self.ns(from) + 1))
    }

    /// One end of a slice of the process's own.
    fn edge(
        &self,
        edge: Edge,
        task: usize,
        between: (u64, u64),
        (name, category, n): (&str, &str, usize),
        args: Value,
    ) -> Value {
        let (from, to) = self.apart(between);
        let mut event = match edge {
            Edge::Begin => self.event(task, from, "b", name, category),
            Edge::End => self.event(task, to, "e", name, category),
        };
        event["id2"] = json!({ "local": format!("{category}.{}.{n}", self.before) });
        if let Edge::Begin = edge {
            event["args"] = args;
        }
        event
    }

    fn wait_name(&self, s: &Stretch) -> String {
        match s.waits_for(&self.recording().objects) {
            what if what.is_empty() => "waits".to_string(),
            what => format!("waits: {what}"),
        }
    }

    /// For each hold from when to when it is drawn on its task's thread, if it lies
    /// inside or beside everything else there. A lock that is handed to a task, or let
    /// go of by one, while it waits is drawn to the edge of the wait. Locks may be let
    /// go of in any order, and one that was abandoned outlives the task.
    fn nested_holds(&self) -> Vec<Option<(u64, u64)>> {
        let count = self.recording().tasks.len();
        let mut pauses: Vec<Vec<(u64, u64)>> = vec![Vec::new(); count];
        for s in self.picture.waits.iter().chain(&self.picture.sleeps) {
            pauses[s.task].push((s.from, s.to));
        }
        pauses.iter_mut().for_each(|p| p.sort_unstable());
        // Pauses of a task come one after the other.
        let pause_at = |task: usize, at: u64| {
            let after = pauses[task].partition_point(|p| p.0 < at);
            after.checked_sub(1).map(|p| pauses[task][p]).filter(|p| p.1 > at)
        };
        let drawn = |s: &Stretch| {
            let from = pause_at(s.task, s.from).map_or(s.from, |p| if p.1 < s.to { p.1 } else { s.from });
            let to = pause_at(s.task, s.to).map_or(s.to, |p| if p.0 > from { p.0 } else { s.to });
            (s.task, from, to)
        };
        let drawn: Vec<_> = self.picture.holds.iter().map(drawn).collect();
        let mut order: Vec<usize> = (0..drawn.len()).collect();
        order.sort_by_key(|n| (drawn[*n].1, Reverse(drawn[*n].2)));
        let mut open: Vec<Vec<u64>> = vec![Vec::new(); count];
        let mut nested = vec![None; order.len()];
        for n in order {
            let (task, from, to) = drawn[n];
            let around = &mut open[task];
            while around.last().is_some_and(|end| *end <= from) {
                around.pop();
            }
            let alive = self.lives[task];
            let lives = alive.0 <= self.ns(from) && self.ns(to) <= alive.1;
            if lives && around.last().is_none_or(|end| to <= *end) {
                nested[n] = Some((from, to));
                around.push(to);
            }
        }
        nested
    }

    /// Marks of what tasks did, each with the ends of arrows that it has.
    fn steps(&self, events: &mut Vec<Timed>) {
        let mut ends: HashMap<Deed, VecDeque<(usize, &'static str)>> = HashMap::new();
        for (n, arrow) in self.picture.arrows.iter().enumerate() {
            let (from, to) = deeds_of(arrow);
            ends.entry(from).or_default().push_back((n, "s"));
            ends.entry(to).or_default().push_back((n, "f"));
        }
        for (n, e) in self.recording().events.iter().enumerate() {
            use Kind::*;
            let other = match e.kind {
                Send | Receive => e.object,
                Spawn | Join => e.peer,
                Read | Write | Operate | Print | Begin | End => None,
                Wait | Arm | Go | Sleep | Hold | Release => continue,
            };
            let at = self.within_life(e.task, e.at);
            events.push((at, Rank::Mark, Due::Step(n)));
            let Some(here) = ends.get_mut(&(e.task, e.at, e.kind, other)) else { continue };
            // Of several values at one moment each has its own.
            let count = if matches!(e.kind, Send | Receive) { here.len().min(1) } else { here.len() };
            let drained = here.drain(..count);
            events.extend(drained.map(|(n, phase)| (at, Rank::Mark, Due::Flow(n, phase, (e.task, at)))));
        }
    }

    fn step(&self, e: &Event) -> Value {
        let object = match e.kind {
            Kind::Begin | Kind::End | Kind::Spawn | Kind::Join => None,
            _ => e.object,
        };
        let object = object.map_or("", |o| self.recording().objects[o].as_str());
        let peer = e.peer.map_or("", |p| self.recording().tasks[p].name.as_str());
        let words = [e.kind.word(), object, peer, &e.text];
        let name = words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        self.mark(e.task, self.within_life(e.task, e.at), &name, "step", self.lines.of(e.site))
    }

    fn end_of_flow(&self, arrow: usize, phase: &str, task: usize, at: u64, flows: usize) -> Value {
        let name = match self.picture.arrows[arrow].what {
            ArrowKind::Message => "message",
            ArrowKind::Spawn => "spawn",
            ArrowKind::Join => "join",
        };
        let mut event = self.event(task, at, phase, name, "flow");
        event["id"] = json!(flows + arrow + 1);
        event["bp"] = json!("e");
        event
    }

    /// What a task did last is a part of its life.
    fn within_life(&self, task: usize, at: u64) -> u64 {
        let (from, to) = self.lives[task];
        self.ns(at).clamp(from, to - 1)
    }

    /// Each finding as a slice of the first process, from its first place to its
    /// last, and a mark at each place. Whoever is stuck is so to the end, and what is
    /// found at one moment holds from then on.
    fn findings(&self, source: &Source) -> Vec<Timed> {
        let mut events = Vec::new();
        for (n, finding) in marks(source, self.recording(), self.execution.findings).iter().enumerate() {
            let words = |of: &str| finding[of].as_str().unwrap_or("").to_string();
            let name = format!("{}: {}", words("code"), words("message"));
            let (mut times, mut stuck) = (Vec::new(), false);
            for at in finding["at"].as_array().into_iter().flatten() {
                let (task, time) = (at[0].as_u64().unwrap_or(0) as usize, at[1].as_u64().unwrap_or(0));
                let moment = self.within_life(task, time);
                let mark = self.mark(task, moment, &name, "finding", at[2].as_i64().unwrap_or(0));
                events.push((moment, Rank::Mark, Due::Finding(Box::new(mark))));
                times.push(time);
                stuck |= self.picture.waits.iter().any(|w| w.task == task && w.open);
            }
            let Some((from, to)) = times.iter().min().zip(times.iter().max()) else { continue };
            let to = if from == to || stuck { self.recording().end } else { *to };
            let args = json!({ "severity": finding["severity"], "help": finding["help"] });
            let (begins, ends) = self.apart((*from, to));
            for (at, rank, edge) in [(begins, Rank::Begins, Edge::Begin), (ends, Rank::Ends, Edge::End)] {
                let event = self.edge(edge, 0, (*from, to), (&name, "finding", n), args.clone());
                events.push((at, rank, Due::Finding(Box::new(event))));
            }
        }
        events
    }

    fn mark(&self, task: usize, at: u64, name: &str, category: &str, line: i64) -> Value {
        let mut event = self.event(task, at, "i", name, category);
        event["s"] = json!("t");
        event["args"] = json!({ "line": line });
        event
    }
}

/// What an arrow begins and ends with.
fn deeds_of(a: &Arrow) -> (Deed, Deed) {
    match a.what {
        ArrowKind::Message => ((a.from, a.from_at, Kind::Send, a.object), (a.to, a.to_at, Kind::Receive, a.object)),
        ArrowKind::Spawn => ((a.from, a.from_at, Kind::Spawn, Some(a.to)), (a.to, a.to_at, Kind::Begin, None)),
        ArrowKind::Join => ((a.from, a.from_at, Kind::End, None), (a.to, a.to_at, Kind::Join, Some(a.from))),
    }
}

/// As the format has times.
fn microseconds(ns: u64) -> Value {
    json!(ns as f64 / 1000.0)
}
