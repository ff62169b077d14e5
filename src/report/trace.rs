//! A recording in the trace event format of Chrome, which Perfetto opens:
//! `--trace`. Processes and threads are tracks; what was held and waited for
//! are slices, messages are flows, findings are marks.

use super::Source;
use super::timeline::stretch::{ArrowKind, Stretch, picture};
use super::timeline::{Execution, Lines, marks};
use crate::detect::event::{Clock, Kind, Recording};
use serde_json::{Value, json};

/// Of one execution, where several stand in one trace.
const PROCESSES_MAX: usize = 1 << 20;

/// The trace, as one JSON object. Several executions stand beside each other,
/// each with processes of its own.
pub fn trace(source: &Source, executions: &[Execution]) -> String {
    let mut events = Vec::new();
    let mut lost = 0;
    for (number, execution) in executions.iter().enumerate() {
        let tracks = Tracks { number, several: executions.len() > 1, execution, lines: Lines::new(source) };
        events.extend(tracks.names());
        events.extend(tracks.stretches_and_flows());
        events.extend(tracks.steps());
        events.extend(tracks.findings(source));
        lost += execution.recording.lost;
    }
    json!({
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": { "file": source.name, "conc": env!("CARGO_PKG_VERSION"), "lost": lost },
    })
    .to_string()
}

struct Tracks<'a> {
    /// Which of the executions.
    number: usize,
    several: bool,
    execution: &'a Execution<'a>,
    lines: Lines,
}

impl Tracks<'_> {
    fn recording(&self) -> &Recording {
        self.execution.recording
    }

    /// In microseconds, as the format has it; a step is one.
    fn time(&self, at: u64) -> Value {
        match self.recording().clock {
            Clock::Nanoseconds => json!(at as f64 / 1000.0),
            Clock::Steps => json!(at),
        }
    }

    /// Where there was no real run, or several stand beside each other, the
    /// first task of a process stands for it.
    fn process(&self, task: usize) -> i64 {
        let first = self.recording().processes[task];
        match self.recording().tasks[task].pid {
            pid @ 1.. if !self.several => i64::from(pid),
            _ => (self.number * PROCESSES_MAX + first) as i64 + 1,
        }
    }

    fn stretches_and_flows(&self) -> Vec<Value> {
        let picture = picture(self.recording());
        let mut events = Vec::new();
        let task = |s: &Stretch| self.recording().tasks[s.task].name.clone();
        events.extend(picture.lives.iter().map(|s| self.slice(s, &task(s), "task")));
        events.extend(picture.holds.iter().enumerate().flat_map(|(n, s)| self.hold(n, s)));
        events.extend(picture.waits.iter().map(|s| self.slice(s, &self.wait_name(s), "wait")));
        events.extend(picture.sleeps.iter().map(|s| self.slice(s, "sleep", "sleep")));
        for (n, arrow) in picture.arrows.iter().enumerate() {
            let name = match arrow.what {
                ArrowKind::Message => "message",
                ArrowKind::Spawn => "spawn",
                ArrowKind::Join => "join",
            };
            events.push(self.end_of_flow("s", name, n, arrow.from, arrow.from_at));
            events.push(self.end_of_flow("f", name, n, arrow.to, arrow.to_at));
        }
        events
    }

    fn steps(&self) -> impl Iterator<Item = Value> {
        use Kind::*;
        let shown = |k: Kind| matches!(k, Read | Write | Operate | Print | Send | Receive);
        self.recording().events.iter().filter(move |e| shown(e.kind)).map(|e| {
            let object = e.object.map_or("", |o| self.recording().objects[o].as_str());
            let words = [e.kind.word(), object, &e.text];
            let name = words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
            self.mark(e.task, e.at, &name, "step", self.lines.of(e.site))
        })
    }

    fn findings(&self, source: &Source) -> Vec<Value> {
        let mut events = Vec::new();
        for finding in marks(source, self.recording(), self.execution.findings) {
            let words = |of: &str| finding[of].as_str().unwrap_or("").to_string();
            let name = format!("{}: {}", words("code"), words("message"));
            for at in finding["at"].as_array().into_iter().flatten() {
                let (task, time) = (at[0].as_u64().unwrap_or(0) as usize, at[1].as_u64().unwrap_or(0));
                events.push(self.mark(task, time, &name, "finding", at[2].as_i64().unwrap_or(0)));
            }
        }
        events
    }

    fn names(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for (task, facts) in self.recording().tasks.iter().enumerate() {
            let pid = self.process(task);
            if self.recording().processes[task] == task {
                let title = self.execution.title.split(':').next().unwrap_or_default();
                let of = if self.several { format!("{title} {}: ", self.number + 1) } else { String::new() };
                let args = json!({ "name": format!("{of}process of {}", facts.name) });
                found.push(json!({ "ph": "M", "name": "process_name", "pid": pid, "tid": task, "args": args }));
            }
            let args = json!({ "name": facts.name });
            found.push(json!({ "ph": "M", "name": "thread_name", "pid": pid, "tid": task, "args": args }));
            let order = json!({ "sort_index": task });
            found.push(json!({ "ph": "M", "name": "thread_sort_index", "pid": pid, "tid": task, "args": order }));
        }
        found
    }

    fn slice(&self, s: &Stretch, name: &str, category: &str) -> Value {
        let length = match self.recording().clock {
            Clock::Nanoseconds => json!((s.to - s.from) as f64 / 1000.0),
            Clock::Steps => json!(s.to - s.from),
        };
        json!({
            "ph": "X", "name": name, "cat": category, "ts": self.time(s.from), "dur": length,
            "pid": self.process(s.task), "tid": s.task, "args": { "line": self.lines.of(s.site) },
        })
    }

    fn wait_name(&self, s: &Stretch) -> String {
        match s.waits_for(&self.recording().objects) {
            what if what.is_empty() => "waits".to_string(),
            what => format!("waits: {what}"),
        }
    }

    /// Locks may be let go of in any order, so they are no nested slices but
    /// asynchronous ones.
    fn hold(&self, n: usize, s: &Stretch) -> [Value; 2] {
        let name = s.object.map_or("lock", |o| self.recording().objects[o].as_str());
        let event = |phase: &str, at: u64| {
            json!({
                "ph": phase, "name": format!("holds {name}"), "cat": "hold", "id": format!("{}.{n}", self.number),
                "ts": self.time(at), "pid": self.process(s.task), "tid": s.task, "args": { "line": self.lines.of(s.site) },
            })
        };
        [event("b", s.from), event("e", s.to)]
    }

    fn end_of_flow(&self, phase: &str, name: &str, number: usize, task: usize, at: u64) -> Value {
        json!({
            "ph": phase, "bp": "e", "name": name, "cat": "flow", "id": format!("{}.{number}", self.number), "ts": self.time(at),
            "pid": self.process(task), "tid": task,
        })
    }

    fn mark(&self, task: usize, at: u64, name: &str, category: &str, line: i64) -> Value {
        json!({
            "ph": "i", "s": "t", "name": name, "cat": category, "ts": self.time(at),
            "pid": self.process(task), "tid": task, "args": { "line": line },
        })
    }
}
