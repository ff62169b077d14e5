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
use crate::detect::event::{Clock, Kind, Recording};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};

/// Above the numbers that the system gives to threads.
const BEYOND_REAL: usize = 1 << 23;

/// The trace, as one JSON object. Several executions stand beside each other,
/// each with processes of its own.
pub fn trace(source: &Source, executions: &[Execution]) -> String {
    let mut events = Vec::new();
    let (mut lost, mut tasks, mut flows) = (0, 0, 0);
    for (number, execution) in executions.iter().enumerate() {
        let tracks = Tracks::new(source, (executions.len() > 1).then_some(number), tasks, execution);
        events.extend(tracks.names());
        events.extend(tracks.in_order(source, flows));
        tasks += execution.recording.tasks.len();
        flows += tracks.picture.arrows.len();
        lost += execution.recording.lost;
    }
    json!({
        "traceEvents": events,
        "otherData": { "file": source.name, "conc": env!("CARGO_PKG_VERSION"), "lost": lost },
    })
    .to_string()
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
type Timed = (u64, Rank, Value);

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

    fn names(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for (task, facts) in self.recording().tasks.iter().enumerate() {
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
        }
        found
    }

    /// All that happened, in the order of time.
    fn in_order(&self, source: &Source, flows: usize) -> impl Iterator<Item = Value> {
        let mut events: Vec<Timed> = Vec::new();
        let task = |s: &Stretch| self.recording().tasks[s.task].name.clone();
        events.extend(self.picture.lives.iter().map(|s| self.slice(s, &task(s), "task")));
        let nested = self.nested_holds();
        for (n, (hold, nests)) in self.picture.holds.iter().zip(nested).enumerate() {
            let lock = hold.object.map_or("lock", |o| self.recording().objects[o].as_str());
            if let Some((from, to)) = nests {
                let drawn = Stretch { from, to, ..hold.clone() };
                events.push(self.slice(&drawn, &format!("holds {lock}"), "hold"));
            } else {
                let name = format!("{} holds {lock}", task(hold));
                let args = json!({ "line": self.lines.of(hold.site) });
                events.extend(self.span(hold.task, (hold.from, hold.to), &name, "hold", n, args));
            }
        }
        events.extend(self.picture.waits.iter().map(|s| self.slice(s, &self.wait_name(s), "wait")));
        events.extend(self.picture.sleeps.iter().map(|s| self.slice(s, "sleep", "sleep")));
        events.extend(self.steps(flows));
        events.extend(self.findings(source));
        // What was put in first stays first: a life is around all else.
        events.sort_by_key(|(at, rank, _)| (*at, *rank));
        events.into_iter().map(|(_, _, event)| event)
    }

    fn event(&self, task: usize, at: u64, phase: &str, name: &str, category: &str) -> Value {
        json!({
            "ph": phase, "name": name, "cat": category, "ts": microseconds(at),
            "pid": self.process(task), "tid": self.threads[task],
        })
    }

    fn slice(&self, s: &Stretch, name: &str, category: &str) -> Timed {
        let (from, to) = match category {
            "task" => self.lives[s.task],
            _ => (self.ns(s.from), self.ns(s.to)),
        };
        let mut event = self.event(s.task, from, "X", name, category);
        event["dur"] = microseconds(to - from);
        let line = self.lines.of(s.site);
        event["args"] = if line > 0 { json!({ "line": line }) } else { json!({}) };
        (from, Rank::Slice(Reverse(to - from)), event)
    }

    /// A slice of the process's own.
    fn span(
        &self,
        task: usize,
        (from, to): (u64, u64),
        name: &str,
        category: &str,
        n: usize,
        args: Value,
    ) -> [Timed; 2] {
        let id = json!({ "local": format!("{category}.{}.{n}", self.before) });
        let end = |at: u64, phase: &str| {
            let mut event = self.event(task, at, phase, name, category);
            event["id2"] = id.clone();
            event
        };
        let (from, to) = (self.ns(from), self.ns(to).max(self.ns(from) + 1));
        let mut begin = end(from, "b");
        begin["args"] = args;
        [(from, Rank::Begins, begin), (to, Rank::Ends, end(to, "e"))]
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
    fn steps(&self, flows: usize) -> Vec<Timed> {
        let mut ends: HashMap<Deed, VecDeque<(usize, &'static str)>> = HashMap::new();
        for (n, arrow) in self.picture.arrows.iter().enumerate() {
            let (from, to) = deeds_of(arrow);
            ends.entry(from).or_default().push_back((n, "s"));
            ends.entry(to).or_default().push_back((n, "f"));
        }
        let mut events = Vec::new();
        for e in &self.recording().events {
            use Kind::*;
            let (named, other) = match e.kind {
                Read | Write | Operate | Print => (e.object, None),
                Send | Receive => (e.object, e.object),
                Spawn | Join => (None, e.peer),
                Begin | End => (None, None),
                Wait | Arm | Go | Sleep | Hold | Release => continue,
            };
            let object = named.map_or("", |o| self.recording().objects[o].as_str());
            let peer = e.peer.map_or("", |p| self.recording().tasks[p].name.as_str());
            let words = [e.kind.word(), object, peer, &e.text];
            let name = words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
            events.push(self.mark(e.task, e.at, &name, "step", self.lines.of(e.site)));
            let Some(here) = ends.get_mut(&(e.task, e.at, e.kind, other)) else { continue };
            // Of several values at one moment each has its own.
            let count = if matches!(e.kind, Send | Receive) { here.len().min(1) } else { here.len() };
            events.extend(here.drain(..count).map(|(n, phase)| self.end_of_flow(n, phase, e.task, e.at, flows)));
        }
        events
    }

    fn end_of_flow(&self, arrow: usize, phase: &str, task: usize, at: u64, flows: usize) -> Timed {
        let name = match self.picture.arrows[arrow].what {
            ArrowKind::Message => "message",
            ArrowKind::Spawn => "spawn",
            ArrowKind::Join => "join",
        };
        let at = self.within_life(task, at);
        let mut event = self.event(task, at, phase, name, "flow");
        event["id"] = json!(flows + arrow + 1);
        event["bp"] = json!("e");
        (at, Rank::Mark, event)
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
                events.push(self.mark(task, time, &name, "finding", at[2].as_i64().unwrap_or(0)));
                times.push(time);
                stuck |= self.picture.waits.iter().any(|w| w.task == task && w.open);
            }
            let Some((from, to)) = times.iter().min().zip(times.iter().max()) else { continue };
            let to = if from == to || stuck { self.recording().end } else { *to };
            let args = json!({ "severity": finding["severity"], "help": finding["help"] });
            events.extend(self.span(0, (*from, to), &name, "finding", n, args));
        }
        events
    }

    fn mark(&self, task: usize, at: u64, name: &str, category: &str, line: i64) -> Timed {
        let at = self.within_life(task, at);
        let mut event = self.event(task, at, "i", name, category);
        event["s"] = json!("t");
        event["args"] = json!({ "line": line });
        (at, Rank::Mark, event)
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
