//! A recording as one page that needs nothing else: `--timeline`. This file
//! owns what the page is told; how it draws is in `timeline/page.html`, the
//! pairing of events in `stretch`.

pub mod stretch;

use super::{Source, json};
use crate::detect::event::{Clock, Event, Kind, Recording};
use crate::detect::finding::{Finding, TaskFacts};
use crate::lang::ast::Span;
use serde_json::{Value, json as value};
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

/// The page, as HTML.
pub fn html(source: &Source, executions: &[Execution]) -> String {
    let words: Vec<&str> = Kind::ALL.iter().map(|k| k.word()).collect();
    let data = value!({
        "file": source.name,
        "source": source.text,
        "words": words,
        "executions": executions.iter().map(|e| data(source, e)).collect::<Vec<_>>(),
    });
    // Within a script element only `</` could end it; no `<` is left.
    PAGE.replacen(PLACE, &data.to_string().replace('<', "\\u003c"), 1)
}

/// What the page draws, as rows of numbers to keep it small.
fn data(source: &Source, execution: &Execution) -> Value {
    let recording = execution.recording;
    let picture = picture(recording);
    let lines = Lines::new(source);
    let row = |s: &Stretch, what: String| {
        let object = s.object.map_or(-1, |o| o as i64);
        value!([s.task, s.from, s.to, object, lines.of(s.site), u8::from(s.open), what])
    };
    let rows = |list: &[Stretch]| list.iter().map(|s| row(s, String::new())).collect::<Vec<_>>();
    let wait = |s: &Stretch| row(s, s.waits_for(&recording.objects));
    let arrow = |a: &Arrow| {
        let what = match a.what {
            ArrowKind::Message => 0,
            ArrowKind::Spawn => 1,
            ArrowKind::Join => 2,
        };
        value!([a.from, a.from_at, a.to, a.to_at, what, a.object.map_or(-1, |o| o as i64)])
    };
    let event = |e: &Event| {
        let other = e.object.or(e.peer).map_or(-1, |o| o as i64);
        value!([e.task, e.at, e.kind as u8, other, lines.of(e.site), e.text])
    };
    let task = |(t, first): (&TaskFacts, &usize)| value!({ "name": t.name, "first": first, "process": t.process, "pid": t.pid, "tid": t.tid, "by": t.spawner });
    value!({
        "title": execution.title,
        "clock": if recording.clock == Clock::Steps { "steps" } else { "ns" },
        "end": recording.end,
        "lost": recording.lost,
        "tasks": recording.tasks.iter().zip(&recording.processes).map(task).collect::<Vec<_>>(),
        "objects": recording.objects,
        "lives": rows(&picture.lives),
        "holds": rows(&picture.holds),
        "waits": picture.waits.iter().map(wait).collect::<Vec<_>>(),
        "sleeps": rows(&picture.sleeps),
        "arrows": picture.arrows.iter().map(arrow).collect::<Vec<_>>(),
        "events": recording.events.iter().map(event).collect::<Vec<_>>(),
        "findings": marks(source, recording, execution.findings),
    })
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
