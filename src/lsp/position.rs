//! Places as editors count them: a line and a column from 0, the column in the
//! units that client and server agreed on, UTF-16 unless said otherwise. It
//! owns the way there and back; whatever a client sends becomes a place in the
//! text.

use crate::lang::ast::Span;
use lsp_types::{Position, PositionEncodingKind, Range};

/// The unit of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16,
}

impl Encoding {
    /// The one to use with a client that offers these: bytes cost nothing.
    pub fn choose(offered: &[PositionEncodingKind]) -> Encoding {
        if offered.contains(&PositionEncodingKind::UTF8) { Encoding::Utf8 } else { Encoding::Utf16 }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, c: char) -> usize {
        match self {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
        }
    }
}

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub struct Lines {
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Lines {
    pub fn new(text: &str, encoding: Encoding) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Lines { starts: std::iter::once(0).chain(ends).collect(), encoding }
    }

    /// The place of a byte; one inside a character is the character's.
    pub fn position(&self, text: &str, byte: usize) -> Position {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let line = self.starts.partition_point(|s| *s <= byte) - 1;
        let column: usize = text[self.starts[line]..byte].chars().map(|c| self.encoding.width(c)).sum();
        Position { line: line as u32, character: column as u32 }
    }

    pub fn range(&self, text: &str, span: Span) -> Range {
        Range {
            start: self.position(text, span.start as usize),
            end: self.position(text, span.end.max(span.start) as usize),
        }
    }

    /// The byte of a place. A line behind the last is the end of the text, a
    /// column behind the end of its line the end of that line; one inside a
    /// character is before it.
    pub fn byte(&self, text: &str, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return text.len() };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(text.len());
        let line = text[start..end].trim_end_matches(['\n', '\r']);
        let mut left = position.character as usize;
        for (at, c) in line.char_indices() {
            let width = self.encoding.width(c);
            if left < width {
                return start + at;
            }
            left -= width;
        }
        start + line.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a🦀é\r\n\nlock m";

    fn at(encoding: Encoding, byte: usize) -> (u32, u32) {
        let position = Lines::new(TEXT, encoding).position(TEXT, byte);
        (position.line, position.character)
    }

    #[test]
    fn columns_count_in_the_agreed_unit() {
        let after_crab = 1 + '🦀'.len_utf8();
        assert_eq!(at(Encoding::Utf16, after_crab), (0, 3));
        assert_eq!(at(Encoding::Utf8, after_crab), (0, 5));
        assert_eq!(at(Encoding::Utf16, 2), (0, 1), "a byte inside a character is the character's");
        assert_eq!(at(Encoding::Utf16, 999), (2, 6));
    }

    #[test]
    fn there_and_back_is_the_same_place() {
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            let lines = Lines::new(TEXT, encoding);
            for (byte, c) in TEXT.char_indices().filter(|(_, c)| !matches!(c, '\r' | '\n')) {
                assert_eq!(lines.byte(TEXT, lines.position(TEXT, byte)), byte, "{c:?} in {encoding:?}");
            }
        }
    }

    #[test]
    fn any_place_is_brought_into_the_text() {
        let lines = Lines::new(TEXT, Encoding::Utf16);
        let byte = |line, character| lines.byte(TEXT, Position { line, character });
        assert_eq!(byte(0, 2), 1, "the middle of the crab is before it");
        assert_eq!(byte(0, 99), 7, "a line ends before its line break");
        assert_eq!(byte(99, 0), TEXT.len());
        assert_eq!(byte(u32::MAX, u32::MAX), TEXT.len());
        assert_eq!(Lines::new("", Encoding::Utf16).byte("", Position { line: 0, character: 5 }), 0);
    }
}
