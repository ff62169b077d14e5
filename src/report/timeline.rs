//! A recording as one page that needs nothing else: `--timeline`. This file
//! owns what the page is told; how it draws is in `timeline/page.html`, the
//! pairing of events in `stretch`.

pub mod stretch;

use super::{Source, json};
use crate::detect::event::{Clock, Event, Kind, Recording};
use crate::detect::finding::{Finding, TaskFacts};
use crate::lang::ast::Span;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json as value};
use std::io::{self, Write};
use stretch::{Arrow, ArrowKind, Stretch, picture};

const PAGE: &str = include_str!("timeline/page.html");
/// Stands in the page where the data goes.
const PLACE: &str = "\"the recording\"";

/// One of the executions that the page shows.
pub struct Execution<'a> {
    pub title: &'a str,
    pub recording: &'a Recording,
    pub findings: &'a [Finding],
}

/// Writes the page, as HTML.
///
/// # Errors
///
/// What `out` answers.
pub fn write(source: &Source, executions: &[Execution], out: &mut dyn Write) -> io::Result<()> {
    let (before, after) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    out.write_all(before.as_bytes())?;
    serde_json::to_writer(WithinScript(out), &Told { source, executions })?;
    out.write_all(after.as_bytes())
}

/// Within a script element only `</` could end it: no `<` is left. In JSON one stands
/// nowhere but in a string.
struct WithinScript<'a>(&'a mut dyn Write);

impl Write for WithinScript<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (n, part) in bytes.split(|b| *b == b'<').enumerate() {
            if n > 0 {
                self.0.write_all(b"\\u003c")?;
            }
            self.0.write_all(part)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A list that is made while it is written: what is drawn is much larger as JSON.
struct List<F>(F);

impl<F: Fn() -> I, I: Iterator<Item: Serialize>> Serialize for List<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// What the page is told.
struct Told<'a> {
    source: &'a Source,
    executions: &'a [Execution<'a>],
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("file", &self.source.name)?;
        map.serialize_entry("source", &self.source.text)?;
        map.serialize_entry("words", &Kind::ALL.map(Kind::word))?;
        let drawn = |execution| Drawn { source: self.source, execution };
        map.serialize_entry("executions", &List(|| self.executions.iter().map(drawn)))?;
        map.end()
    }
}

/// What it draws of one execution, as rows of numbers to keep it small.
struct Drawn<'a> {
    source: &'a Source,
    execution: &'a Execution<'a>,
}

impl Serialize for Drawn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let recording = self.execution.recording;
        let picture = picture(recording);
        let lines = Lines::new(self.source);
        let number = |o: Option<usize>| o.map_or(-1, |o| o as i64);
        let row = |s: &Stretch, what: String| {
            (s.task, s.from, s.to, number(s.object), lines.of(s.site), u8::from(s.open), what)
        };
        let plain = |s: &Stretch| row(s, String::new());
        let wait = |s: &Stretch| row(s, s.waits_for(&recording.objects));
        let arrow = |a: &Arrow| {
            let what = match a.what {
                ArrowKind::Message => 0,
                ArrowKind::Spawn => 1,
                ArrowKind::Join => 2,
            };
            (a.from, a.from_at, a.to, a.to_at, what, number(a.object))
        };
        let event =
            |e: &'_ Event| (e.task, e.at, e.kind as u8, number(e.object.or(e.peer)), lines.of(e.site), e.text.clone());
        let task = |(t, first): (&TaskFacts, &usize)| value!({ "name": t.name, "first": first, "process": t.process, "pid": t.pid, "tid": t.tid, "by": t.spawner });
        let tasks = || recording.tasks.iter().zip(&recording.processes).map(task);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("title", self.execution.title)?;
        map.serialize_entry("clock", if recording.clock == Clock::Steps { "steps" } else { "ns" })?;
        map.serialize_entry("end", &recording.end)?;
        map.serialize_entry("lost", &recording.lost)?;
        map.serialize_entry("tasks", &List(tasks))?;
        map.serialize_entry("objects", &recording.objects)?;
        map.serialize_entry("lives", &List(|| picture.lives.iter().map(plain)))?;
        map.serialize_entry("holds", &List(|| picture.holds.iter().map(plain)))?;
        map.serialize_entry("waits", &List(|| picture.waits.iter().map(wait)))?;
        map.serialize_entry("sleeps", &List(|| picture.sleeps.iter().map(plain)))?;
        map.serialize_entry("arrows", &List(|| picture.arrows.iter().map(arrow)))?;
        map.serialize_entry("events", &List(|| recording.events.iter().map(event)))?;
        map.serialize_entry("findings", &marks(self.source, recording, self.execution.findings))?;
        map.end()
    }
}

/// The findings, each with the moments it is marked at: for each of its places
/// the task's last event on that line, else the task's last event; where no
/// task is told, as of `finally`, the end of the first.
pub(super) fn marks(source: &Source, recording: &Recording, findings: &[Finding]) -> Vec<Value> {
    let lines = Lines::new(source);
    let moment = |place: &Value| {
        let name = place["task"].as_str()?;
        let line = place["line"].as_i64().unwrap_or(0);
        let task = recording.tasks.iter().position(|t| t.name == name)?;
        let own = recording.events.iter().filter(|e| e.task == task);
        let on_line = own.clone().filter(|e| lines.of(e.site) == line).map(|e| e.at).next_back();
        let at = on_line.or_else(|| own.map(|e| e.at).next_back())?;
        Some(value!([task, at, line, place["label"]]))
    };
    findings
        .iter()
        .filter_map(|f| serde_json::from_str::<Value>(&json::finding(source, f)).ok())
        .map(|f| {
            let places = f["places"].as_array().cloned().unwrap_or_default();
            let mut at: Vec<Value> = places.iter().filter_map(moment).collect();
            if at.is_empty()
                && let Some(last) = recording.events.iter().rfind(|e| e.task == 0)
            {
                let (line, label) = places.first().map_or((Value::from(0), Value::Null), |p| (p["line"].clone(), p["label"].clone()));
                at.push(value!([0, last.at, line, label]));
            }
            value!({ "code": f["code"], "severity": f["severity"], "message": f["message"], "help": f["help"], "at": at })
        })
        .collect()
}

/// The lines of places, counted once.
pub(super) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(super) fn new(source: &Source) -> Lines {
        let ends = source.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1);
        Lines { starts: std::iter::once(0).chain(ends).collect() }
    }

    /// From 1; 0 for no place.
    pub(super) fn of(&self, span: Option<Span>) -> i64 {
        span.map_or(0, |s| self.starts.partition_point(|start| *start <= s.start) as i64)
    }
}

#[cfg(test)]
mod tests;
