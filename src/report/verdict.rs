//! The end of a check for people: what can happen and what cannot, and what
//! that rests on. The findings are in `finding`, the ways in `lanes`, the table
//! of outcomes in `repeat`.

use super::{Style, phrase};
use crate::detect::finding::Code;

/// What is known of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    Absent,
    Found,
    Undecided,
}

/// A check as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckSummary {
    pub verdicts: Vec<(Code, Known)>,
    pub states: u64,
    pub transitions: u64,
    pub duration_ms: f64,
    pub findings: u64,
    pub notes: u64,
    /// Why not all was explored.
    pub reason: Option<String>,
    /// So many schedules were drawn, and not all states explored.
    pub schedules: Option<u64>,
}

/// The verdicts in three groups, and the last line.
pub fn text(check: &CheckSummary, style: &Style) -> String {
    let style = style.within_bounds();
    let mut out = String::new();
    let of =
        |known: Known| -> Vec<&str> { check.verdicts.iter().filter(|v| v.1 == known).map(|v| v.0.word()).collect() };
    let groups = [
        (Known::Found, "found", "31"),
        (Known::Absent, "proved absent", "32"),
        (Known::Undecided, "not decided", "33"),
    ];
    for (known, title, color) in groups {
        let codes = of(known);
        if codes.is_empty() {
            continue;
        }
        let lines = phrase::wrap(&codes.join(", "), style.width - 17);
        for (n, line) in lines.iter().enumerate() {
            let head = if n == 0 { style.paint(color, &format!("{title:<13}")) } else { " ".repeat(13) };
            out.push_str(&format!("  {head}  {line}\n"));
        }
    }
    if let Some(reason) = &check.reason {
        for line in phrase::wrap(&format!("not all was explored: {reason}"), style.width - 2) {
            out.push_str(&format!("  {line}\n"));
        }
    }
    let schedules = check.schedules.map_or(String::new(), |n| format!("{}, ", phrase::count(n, "schedule")));
    let mut last = format!(
        "{schedules}{}, {}, {}: ",
        phrase::count(check.states, "state"),
        phrase::count(check.transitions, "transition"),
        super::summary::duration(check.duration_ms)
    );
    last.push_str(&super::summary::findings(check.findings, check.notes));
    for line in phrase::wrap(&last, style.width) {
        out.push_str(&style.paint("1", &line));
        out.push('\n');
    }
    out
}
