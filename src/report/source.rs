//! A script as a report sees it: its name, its text, and where in it a span
//! lies. Spans may be stale or reach over lines; here they are brought into the
//! text, onto one line and to whole characters. Drawing belongs to `snippet`.

use crate::lang::ast::Span;

/// The name of a script that was read from there, for people; `-` in a command.
pub const STANDARD_INPUT: &str = "standard input";

/// What the places of reports call what was entered in a session.
pub const SESSION: &str = "repl";

/// A script: the name that is shown for it and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// As the user gave it, `bank.conc`, or [`STANDARD_INPUT`], or [`SESSION`].
    pub name: String,
    pub text: String,
    /// What the command line gives its constants, by `-D`: each name once, in their order,
    /// with what is to be written after the `=`.
    pub given: Vec<(String, String)>,
}

/// A place in a script, for people and for JSON. Lines and columns count from
/// 1, columns and the length in characters; the length ends with the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: usize,
    pub column: usize,
    pub length: usize,
}

impl Source {
    /// A script by its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        Source { name: name.into(), text: text.into(), given: Vec::new() }
    }

    /// A file's content, without a mark of its bytes' order at its beginning.
    ///
    /// # Errors
    ///
    /// It is not UTF-8: a sentence with the place of the first byte that is not.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Source, String> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source::new(name, text.strip_prefix('\u{feff}').map(String::from).unwrap_or(text))),
            Err(error) => {
                let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
                let line = valid.matches('\n').count() + 1;
                let column = valid.rsplit('\n').next().unwrap_or("").chars().count() + 1;
                Err(format!("{name}:{line}:{column}: a byte that is not UTF-8 text cannot be read"))
            }
        }
    }

    /// The line on which a span begins, from 1.
    pub fn line(&self, span: Span) -> usize {
        self.line_of(self.clamp(span).0)
    }

    /// Where a span begins, and how long it is on that line.
    pub fn position(&self, span: Span) -> Position {
        let (start, end) = self.clamp(span);
        let column = self.text[self.line_start(start)..start].chars().count() + 1;
        Position { line: self.line_of(start), column, length: self.text[start..end].chars().count() }
    }

    /// The span as bytes of this text: within it, on whole characters, on one
    /// line (the first that it touches with more than blanks), and not empty
    /// where there is a character to point at.
    pub(super) fn clamp(&self, span: Span) -> (usize, usize) {
        let start = self.boundary((span.start as usize).min(self.text.len()));
        let end = self.boundary((span.end as usize).clamp(start, self.text.len()));
        let inside = &self.text[start..end];
        let start = start + (inside.len() - inside.trim_start().len());
        if start < end {
            let line = self.text[start..end].lines().next().unwrap_or("");
            return (start, start + line.trim_end().len());
        }
        self.point(end)
    }

    /// One visible character at `at`, or the nearest one before it; empty only
    /// in a text without any.
    fn point(&self, at: usize) -> (usize, usize) {
        if let Some(c) = self.text[at..].chars().next().filter(|c| !c.is_whitespace()) {
            return (at, at + c.len_utf8());
        }
        let before = self.text[..at].trim_end();
        match before.chars().next_back() {
            Some(c) => (before.len() - c.len_utf8(), before.len()),
            None => (at, at),
        }
    }

    fn boundary(&self, mut at: usize) -> usize {
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The line of a byte, from 1.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1
    }

    /// The first byte of the line that holds `at`.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text.as_bytes()[..at.min(self.text.len())].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_from_one() {
        let source = Source::new("s", "a\näé xyz\n");
        assert_eq!(source.position(Span::new(7, 10)), Position { line: 2, column: 4, length: 3 });
        assert_eq!(source.line(Span::new(0, 1)), 1);
    }

    #[test]
    fn a_span_over_lines_keeps_its_first_line() {
        let source = Source::new("s", "with m {  \n    x\n}\n");
        assert_eq!(source.clamp(Span::new(0, 18)), (0, 8));
        assert_eq!(source.clamp(Span::new(9, 18)), (15, 16));
    }

    #[test]
    fn any_span_is_brought_into_the_text() {
        let source = Source::new("s", "äb\n\n");
        assert_eq!(source.clamp(Span::new(1, 2)), (0, 2));
        assert_eq!(source.clamp(Span::new(99, 120)), (2, 3));
        assert_eq!(source.clamp(Span { start: 3, end: 1 }), (2, 3));
        assert_eq!(Source::new("s", "").clamp(Span::new(5, 9)), (0, 0));
        assert_eq!(Source::new("s", " \n").clamp(Span::new(1, 1)), (1, 1));
    }
}
