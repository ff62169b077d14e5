//! A report before it is text: severity, code, one sentence, places with what
//! happens there, notes, help. It owns this shape and its layout as text in the
//! manner of rustc; the picture of the source belongs to `snippet`, the words to
//! the files of the findings.

use super::source::Source;
use super::{Style, phrase, snippet};
use crate::lang::ast::Span;

/// A sentence of a report has at most so many columns: names and values of a
/// script can be of any length.
pub(super) const TEXT_MAX: usize = 2000;

/// How bad it is: failures and errors make the exit code, notes do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Note,
}

/// Something to say, independent of where it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// `race`; `None` for what is wrong with a script before it runs.
    pub code: Option<&'static str>,
    /// One sentence without a full stop.
    pub message: String,
    pub places: Vec<Place>,
    pub notes: Vec<Note>,
    /// The mend.
    pub help: Option<String>,
    /// The line that shows it again, never broken.
    pub replay: Option<String>,
}

/// A place in the script, who is there and what it does there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub span: Span,
    /// The name of the task; `None` where the place is about no task.
    pub who: Option<String>,
    /// With `who`, a verb and the rest: `writes 3`; else the whole label.
    pub what: String,
    /// The place that the head of the picture names.
    pub primary: bool,
}

impl Place {
    /// A place that is about no task: `what` is the whole label.
    pub fn new(span: Span, what: impl Into<String>) -> Place {
        Place { span, who: None, what: what.into(), primary: false }
    }

    /// A place at which `task` does `what`.
    pub fn of(task: &str, span: Span, what: impl Into<String>) -> Place {
        Place { span, who: Some(task.to_string()), what: what.into(), primary: false }
    }

    /// Makes it the place that stands for the report.
    pub fn primary(mut self) -> Place {
        self.primary = true;
        self
    }

    /// The label as one sentence.
    pub fn label(&self) -> String {
        match &self.who {
            Some(who) => format!("{who} {}", self.what),
            None => self.what.clone(),
        }
    }
}

/// Lines under the picture with one tag: `note`, `circle`, `behind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub tag: &'static str,
    /// Rows of a picture above the lines, as they are.
    pub drawn: Vec<String>,
    pub lines: Vec<String>,
}

impl Diagnostic {
    /// A report of one sentence so far.
    pub fn new(severity: Severity, code: Option<&'static str>, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity,
            code,
            message: message.into(),
            places: Vec::new(),
            notes: Vec::new(),
            help: None,
            replay: None,
        }
    }

    /// Adds a place, unless the same is said there already.
    pub fn place(&mut self, place: Place) {
        if !self.places.iter().any(|p| p.span == place.span && p.who == place.who && p.what == place.what) {
            self.places.push(place);
        }
    }

    /// Adds a note of one line.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(Note { tag: "note", drawn: Vec::new(), lines: vec![text.into()] });
    }

    /// Several lines under one tag; nothing if there are none.
    pub fn lines(&mut self, tag: &'static str, lines: Vec<String>) {
        self.drawn_lines(tag, Vec::new(), lines);
    }

    /// The same with a picture above them.
    pub fn drawn_lines(&mut self, tag: &'static str, drawn: Vec<String>, lines: Vec<String>) {
        if !lines.is_empty() {
            self.notes.push(Note { tag, drawn, lines });
        }
    }

    /// Says how to mend it.
    pub fn help(&mut self, text: impl Into<String>) {
        self.help = Some(text.into());
    }

    /// As text, with a newline at its end.
    pub fn render(&self, source: &Source, style: &Style) -> String {
        let mut out = self.head(style);
        if style.quiet {
            return match self.first_place() {
                Some(place) => {
                    let at = source.position(place.span);
                    format!("{}:{}:{}: {out}", phrase::plain(&source.name), at.line, at.column)
                }
                None => out,
            };
        }
        let (picture, footnotes) = snippet::draw(source, &self.places, style);
        out.push_str(&picture);
        for footnote in footnotes {
            out.push_str(&tagged("at", &footnote, style));
        }
        for note in &self.notes {
            out.push_str(&note_text(note, style));
        }
        if let Some(help) = &self.help {
            out.push_str(&tagged("help", help, style));
        }
        if let Some(code) = self.code {
            out.push_str(&tagged("explain", &format!("conc explain {code}"), style));
        }
        if let Some(replay) = &self.replay {
            out.push_str(&format!("  = {} {replay}\n", style.paint("1", "replay:")));
        }
        out
    }

    /// The place that stands for all of it.
    pub fn first_place(&self) -> Option<&Place> {
        self.places.iter().find(|p| p.primary).or(self.places.first())
    }

    fn head(&self, style: &Style) -> String {
        let (word, paint) = match self.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Note => ("note", "1;36"),
        };
        let title = match self.code {
            Some(code) => format!("{word}[{code}]"),
            None => word.to_string(),
        };
        let text = format!("{title}: {}", phrase::cut(&style.own(&self.message), TEXT_MAX));
        if style.quiet {
            return format!("{}{}\n", style.paint(paint, &title), &text[title.len()..]);
        }
        let mut out = String::new();
        for (n, line) in phrase::wrap(&text, style.width).iter().enumerate() {
            match line.strip_prefix(&title).filter(|_| n == 0) {
                Some(rest) => out.push_str(&format!("{}{}", style.paint(paint, &title), style.paint("1", rest))),
                None => out.push_str(&style.paint("1", line)),
            }
            out.push('\n');
        }
        out
    }
}

fn note_text(note: &Note, style: &Style) -> String {
    let mut out = String::new();
    for (n, row) in note.drawn.iter().enumerate() {
        let indent = 4 + note.tag.len() + 2;
        match n {
            0 => out.push_str(&format!("  = {} {}\n", style.paint("1", &format!("{}:", note.tag)), style.own(row))),
            _ => out.push_str(&format!("{}{}\n", " ".repeat(indent), style.own(row))),
        }
    }
    for (n, line) in note.lines.iter().enumerate() {
        let hanging = if note.lines.len() > 1 { 2 } else { 0 };
        out.push_str(&entry(note.tag, line, n == 0 && note.drawn.is_empty(), hanging, style));
    }
    out
}

fn tagged(tag: &str, text: &str, style: &Style) -> String {
    entry(tag, text, true, 0, style)
}

/// `  = tag: text`, broken to the width. Later lines begin under the text, and
/// `hanging` columns further in where the entries of a list must be told apart.
fn entry(tag: &str, text: &str, with_tag: bool, hanging: usize, style: &Style) -> String {
    let indent = 4 + tag.len() + 2;
    let width = style.width.saturating_sub(indent + hanging);
    let mut out = String::new();
    for (n, line) in phrase::wrap(&phrase::cut(&style.own(text), TEXT_MAX), width).iter().enumerate() {
        match n {
            0 if with_tag => out.push_str(&format!("  = {} {line}\n", style.paint("1", &format!("{tag}:")))),
            0 => out.push_str(&format!("{}{line}\n", " ".repeat(indent))),
            _ => out.push_str(&format!("{}{line}\n", " ".repeat(indent + hanging))),
        }
    }
    out
}
