//! A line of source in classes for colours. It looks at words and signs only,
//! so that it also takes what is half typed.

use super::complete::WORDS;
use crate::objects::KINDS;

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Plain,
    /// A word of the language.
    Word,
    /// A kind of object or memory.
    Kind,
    Number,
    Text,
    Comment,
    /// A command of the session.
    Command,
}

/// The line in pieces, in order and without gaps.
pub fn classes(line: &str) -> Vec<(Class, &str)> {
    if line.trim_start().starts_with(':') {
        let end = line.find(char::is_whitespace).filter(|e| *e > 0).unwrap_or(line.len());
        return vec![(Class::Command, &line[..end]), (Class::Plain, &line[end..])];
    }
    let mut pieces = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let (class, len) = match c {
            '#' => (Class::Comment, rest.find('\n').unwrap_or(rest.len())),
            '"' => (Class::Text, text_len(rest)),
            c if c.is_ascii_digit() => {
                (Class::Number, rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()))
            }
            c if c.is_alphabetic() || c == '_' => {
                let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                (word_class(&rest[..len]), len)
            }
            c => (Class::Plain, c.len_utf8()),
        };
        let (piece, after) = rest.split_at(len);
        pieces.push((class, piece));
        rest = after;
    }
    pieces
}

fn word_class(word: &str) -> Class {
    match word {
        "process" | "thread" | "daemon" | "as" | "to" | "all" | "reentrant" | "via" | "of" => Class::Word,
        "var" | "shared" | "atomic" => Class::Kind,
        w if WORDS.contains(&w) => Class::Word,
        w if KINDS.iter().any(|k| k.word == w && !k.internal) => Class::Kind,
        _ => Class::Plain,
    }
}

/// A string up to its closing quote, or to the end of the line.
fn text_len(rest: &str) -> usize {
    let mut escaped = false;
    for (i, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return i,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return i + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_line() {
        for line in ["lock m # a\nprint \"x{1}\\\"\" 10ms", ":help é", "\"open", "é = 1", "", ":", " : x"] {
            let joined: String = classes(line).iter().map(|p| p.1).collect();
            assert_eq!(joined, line);
        }
        assert_eq!(classes("lock m")[0], (Class::Kind, "lock"));
        assert_eq!(classes("print \"a\"").last(), Some(&(Class::Text, "\"a\"")));
    }
}
