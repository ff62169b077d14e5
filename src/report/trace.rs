//! A recording in the trace event format of Chrome, which Perfetto opens:
//! `--trace`. Processes and threads are tracks; what was held and waited for
//! are slices, messages are flows, findings are marks.

use super::Source;
use super::timeline::stretch::{ArrowKind, Stretch, picture};
use super::timeline::{Lines, marks};
use crate::detect::event::{Clock, Kind, Recording};
use crate::detect::finding::Finding;
use serde_json::{Value, json};

/// The trace, as one JSON object.
pub fn trace(source: &Source, recording: &Recording, findings: &[Finding]) -> String {
    let tracks = Tracks { recording, lines: Lines::new(source) };
    let picture = picture(recording);
    let mut events = tracks.names();
    events.extend(picture.lives.iter().map(|s| tracks.slice(s, &recording.tasks[s.task].name, "task")));
    events.extend(picture.holds.iter().flat_map(|s| tracks.hold(s)));
    events.extend(picture.waits.iter().map(|s| tracks.slice(s, &tracks.wait_name(s), "wait")));
    events.extend(picture.sleeps.iter().map(|s| tracks.slice(s, "sleep", "sleep")));
    for (number, arrow) in picture.arrows.iter().enumerate() {
        let name = match arrow.what {
            ArrowKind::Message => "message",
            ArrowKind::Spawn => "spawn",
            ArrowKind::Join => "join",
        };
        events.push(tracks.end_of_flow("s", name, number, arrow.from, arrow.from_at));
        events.push(tracks.end_of_flow("f", name, number, arrow.to, arrow.to_at));
    }
    events.extend(recording.events.iter().filter_map(|e| {
        let shown =
            matches!(e.kind, Kind::Read | Kind::Write | Kind::Operate | Kind::Print | Kind::Send | Kind::Receive);
        let object = e.object.map_or("", |o| recording.objects[o].as_str());
        let name = format!("{} {object} {}", e.kind.word(), e.text);
        shown.then(|| tracks.mark(e.task, e.at, name.trim_end(), "step", tracks.lines.of(e.site)))
    }));
    for finding in marks(source, recording, findings) {
        for at in finding["at"].as_array().into_iter().flatten() {
            let name =
                format!("{}: {}", finding["code"].as_str().unwrap_or(""), finding["message"].as_str().unwrap_or(""));
            let (task, time) = (at[0].as_u64().unwrap_or(0) as usize, at[1].as_u64().unwrap_or(0));
            events.push(tracks.mark(task, time, &name, "finding", at[2].as_i64().unwrap_or(0)));
        }
    }
    json!({
        "traceEvents": events,
        "displayTimeUnit": "ns",
        "otherData": { "file": source.name, "conc": env!("CARGO_PKG_VERSION"), "lost": recording.lost },
    })
    .to_string()
}

struct Tracks<'a> {
    recording: &'a Recording,
    lines: Lines,
}

impl Tracks<'_> {
    /// In microseconds, as the format has it; a step is one.
    fn time(&self, at: u64) -> Value {
        match self.recording.clock {
            Clock::Nanoseconds => json!(at as f64 / 1000.0),
            Clock::Steps => json!(at),
        }
    }

    /// Where there was no real run, the first task of a process stands for it.
    fn process(&self, task: usize) -> i64 {
        let tasks = &self.recording.tasks;
        match tasks[task].pid {
            0 => tasks[..=task].iter().rposition(|t| t.process).unwrap_or(0) as i64 + 1,
            pid => i64::from(pid),
        }
    }

    fn names(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for (task, facts) in self.recording.tasks.iter().enumerate() {
            let pid = self.process(task);
            if facts.process {
                let args = json!({ "name": format!("process of {}", facts.name) });
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
        let length = match self.recording.clock {
            Clock::Nanoseconds => json!((s.to - s.from) as f64 / 1000.0),
            Clock::Steps => json!(s.to - s.from),
        };
        json!({
            "ph": "X", "name": name, "cat": category, "ts": self.time(s.from), "dur": length,
            "pid": self.process(s.task), "tid": s.task, "args": { "line": self.lines.of(s.site) },
        })
    }

    fn wait_name(&self, s: &Stretch) -> String {
        match s.object {
            Some(object) => format!("waits: {} {}", s.text, self.recording.objects[object]),
            None => "waits".to_string(),
        }
    }

    /// Locks may be let go of in any order, so they are no nested slices but
    /// asynchronous ones.
    fn hold(&self, s: &Stretch) -> [Value; 2] {
        let object = s.object.unwrap_or(0);
        let name = s.object.map_or("lock", |o| self.recording.objects[o].as_str());
        let event = |phase: &str, at: u64| {
            json!({
                "ph": phase, "name": format!("holds {name}"), "cat": "hold", "id": format!("{}.{object}.{}", s.task, s.from),
                "ts": self.time(at), "pid": self.process(s.task), "tid": s.task, "args": { "line": self.lines.of(s.site) },
            })
        };
        [event("b", s.from), event("e", s.to)]
    }

    fn end_of_flow(&self, phase: &str, name: &str, number: usize, task: usize, at: u64) -> Value {
        json!({
            "ph": phase, "bp": "e", "name": name, "cat": "flow", "id": number, "ts": self.time(at),
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
