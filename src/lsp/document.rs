//! A script that is open in an editor: its text, and what is known of it. It
//! owns keeping the two together through every change.

use super::position::{Encoding, Lines};
use crate::lang::ast::{Script, Span};
use crate::lang::error::ScriptError;
use crate::lang::parse::{ERRORS_MAX, parse_all};
use crate::lang::word::is_of_word;
use crate::objects::KINDS;
use crate::program::compile::analyse;
use crate::program::name::Names;
use lsp_types::{Position, Range, TextDocumentContentChangeEvent};

pub struct Document {
    pub text: String,
    pub version: i32,
    lines: Lines,
    encoding: Encoding,
    known: Known,
    /// The text has changed since `known`.
    stale: bool,
}

/// What is known of a text.
#[derive(Default)]
pub struct Known {
    /// The part that can be read; of an earlier text while nothing can.
    pub script: Script,
    pub names: Names,
    /// The same as on the command line.
    pub errors: Vec<ScriptError>,
}

/// As many as are told on the command line.
fn told(mut errors: Vec<ScriptError>) -> Vec<ScriptError> {
    errors.truncate(ERRORS_MAX);
    errors
}

impl Known {
    /// Parses and compiles. `before` is what was known of the text before the
    /// last change.
    pub fn of(text: &str, before: Known) -> Known {
        let parsed = parse_all(text);
        if parsed.script.is_none() {
            return Known { errors: told(parsed.errors), ..before };
        }
        let (script, names, errors) = analyse(parsed, text, KINDS, &[]);
        Known { script, names, errors: told(errors) }
    }
}

impl Document {
    pub fn new(text: String, version: i32, encoding: Encoding) -> Document {
        let lines = Lines::new(&text, encoding);
        Document { text, version, lines, encoding, known: Known::default(), stale: true }
    }

    /// Takes over changes, in their order.
    pub fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        for change in changes {
            match change.range {
                None => self.text = change.text,
                Some(range) => {
                    let start = self.lines.byte(&self.text, range.start);
                    let end = self.lines.byte(&self.text, range.end).max(start);
                    self.text.replace_range(start..end, &change.text);
                }
            }
            self.lines = Lines::new(&self.text, self.encoding);
        }
        self.version = version;
        self.stale = true;
    }

    /// Brings what is known up to the text, if it is not.
    pub fn look(&mut self) {
        if self.stale {
            self.known = Known::of(&self.text, std::mem::take(&mut self.known));
            self.stale = false;
        }
    }

    /// What was known at the last [`Document::look`].
    pub fn known(&self) -> &Known {
        &self.known
    }

    pub fn byte(&self, position: Position) -> usize {
        self.lines.byte(&self.text, position)
    }

    pub fn range(&self, span: Span) -> Range {
        self.lines.range(&self.text, span)
    }

    /// The end of the text.
    pub fn end(&self) -> Position {
        self.lines.position(&self.text, self.text.len())
    }

    /// The word around or right before a byte.
    pub fn word(&self, byte: usize) -> Option<(&str, Span)> {
        let before = &self.text[..byte];
        let start =
            before.len() - before.chars().rev().take_while(|c| is_of_word(*c)).map(char::len_utf8).sum::<usize>();
        let end = byte + self.text[byte..].chars().take_while(|c| is_of_word(*c)).map(char::len_utf8).sum::<usize>();
        (start < end).then(|| (&self.text[start..end], Span::new(start, end)))
    }

    /// What stands before the dot before `byte`: `q` of `q.get`, and for
    /// `fork[i].acquire` and `a.mu.release` the last word, `fork` and `mu`,
    /// with whether it is a field.
    pub fn receiver(&self, byte: usize) -> Option<Receiver<'_>> {
        let before = self.text[..byte].strip_suffix('.')?;
        let (mut end, indexed) = match before.strip_suffix(']') {
            Some(_) => (opening(before)?, true),
            None => (before.len(), false),
        };
        end = before[..end].trim_end_matches([' ', '\t']).len();
        let (word, span) = self.word(end)?;
        let word = &word[..end - span.start as usize];
        let is_field = self.text[..span.start as usize].ends_with('.');
        (!word.is_empty()).then_some(Receiver { word, start: span.start as usize, is_field, indexed })
    }

    /// Whether a byte lies in a comment, or in a string outside of its `{ }`.
    pub fn in_words(&self, byte: usize) -> bool {
        let line = self.text[..byte].rfind('\n').map_or(0, |i| i + 1);
        let mut open: Vec<char> = Vec::new();
        let mut chars = self.text[line..byte].chars();
        while let Some(c) = chars.next() {
            let quoted = open.last() == Some(&'"');
            match c {
                '#' if !quoted && open.is_empty() => return true,
                '\\' if quoted => drop(chars.next()),
                '"' if quoted => drop(open.pop()),
                '"' => open.push('"'),
                '{' if quoted => open.push('{'),
                '}' if open.last() == Some(&'{') => drop(open.pop()),
                _ => {}
            }
        }
        open.last() == Some(&'"')
    }
}

/// What a method or a field is looked up on.
pub struct Receiver<'a> {
    pub word: &'a str,
    /// Where it begins.
    pub start: usize,
    /// It is itself behind a dot.
    pub is_field: bool,
    /// An element of it is meant.
    pub indexed: bool,
}

/// The `[` that belongs to the `]` at the end.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ']' => depth += 1,
            '[' => depth -= 1,
            '\n' => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::new(text.to_string(), 1, Encoding::Utf16)
    }

    fn change(from: (u32, u32), to: (u32, u32), text: &str) -> TextDocumentContentChangeEvent {
        let position = |(line, character)| Position { line, character };
        let range = Some(Range { start: position(from), end: position(to) });
        TextDocumentContentChangeEvent { range, range_length: None, text: text.to_string() }
    }

    #[test]
    fn changes_are_taken_over_in_their_order() {
        let mut doc = document("lock a\n# 🦀 x\n");
        doc.change(2, vec![change((0, 5), (0, 6), "mu"), change((1, 5), (1, 6), "y"), change((9, 9), (9, 9), "end")]);
        assert_eq!(doc.text, "lock mu\n# 🦀 y\nend");
        let whole = TextDocumentContentChangeEvent { range: None, range_length: None, text: "var x = 1\n".into() };
        doc.change(3, vec![whole]);
        assert_eq!((doc.text.as_str(), doc.version), ("var x = 1\n", 3));
    }

    #[test]
    fn a_text_that_cannot_be_read_keeps_what_was_known() {
        let mut doc = document("lock m\nvar x = 1\n");
        doc.look();
        doc.change(2, vec![change((0, 0), (0, 0), "\0")]);
        doc.look();
        assert!(!doc.known().errors.is_empty());
        assert_eq!(doc.known().names.symbols().len(), 2);
    }

    #[test]
    fn what_stands_before_a_dot() {
        let receiver = |text: &str| {
            let doc = document(text);
            doc.receiver(text.len()).map(|r| (r.word.to_string(), r.is_field, r.indexed))
        };
        assert_eq!(receiver("q."), Some(("q".into(), false, false)));
        assert_eq!(receiver("x = fork[(i + 1) % n[0]]."), Some(("fork".into(), false, true)));
        assert_eq!(receiver("a.mu."), Some(("mu".into(), true, false)));
        assert_eq!(receiver("(q)."), None);
        assert_eq!(receiver("1 ..."), None);
        assert_eq!(receiver("."), None);
    }

    #[test]
    fn strings_and_comments_are_words() {
        let inside = |text: &str| document(text).in_words(text.len());
        assert!(inside("print \"a"));
        assert!(!inside("print \"a {b"));
        assert!(inside("print \"a {b} c"));
        assert!(!inside("print \"a\\\"\", "));
        assert!(inside("x # y"));
        assert!(!inside("# y\nx"));
    }
}
