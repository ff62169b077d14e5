//! The pass before the grammar: comments, brackets, strings' ends, characters
//! that are nothing here. It turns the source into a text of the same length in
//! which comments, and newlines inside ( ) and [ ], are blanks; it bounds the
//! nesting, so the grammar's recursion is bounded; and it mends brackets that do
//! not match, so the rest can still be read. `brace` guesses where a `}` is
//! missing.

use super::slip::KEYWORDS;
use super::{ERRORS_GATHERED_MAX, NESTING_MAX, brace, reach};
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;
use crate::lang::word::is_of_word;

pub(in crate::lang) struct Scan {
    /// As long as the source, but for `}`s appended at its end.
    pub text: String,
    /// From each `#` to before the end of its line.
    pub comments: Vec<Span>,
    pub errors: Vec<ScriptError>,
    /// What may not have been meant as it now stands, beyond the lines of the
    /// errors.
    pub lost: Vec<Span>,
    /// The grammar must not see the text.
    pub unreadable: bool,
    /// The source ends inside brackets.
    pub open: bool,
    /// Where blocks may begin or end elsewhere than was meant.
    pub unsure: Vec<Span>,
}

pub(in crate::lang) fn scan(source: &str) -> Scan {
    let mut scanner = Scanner {
        source,
        text: source.as_bytes().to_vec(),
        place: 0,
        open: Vec::new(),
        braces: Vec::new(),
        comments: Vec::new(),
        errors: Vec::new(),
        lost: Vec::new(),
        unsure: Vec::new(),
        line_end: None,
        comment_end: None,
        odd: None,
    };
    let unreadable = !scanner.run();
    scanner.finish(unreadable)
}

/// Words that begin a statement or an item and stand in expressions too, of this language or
/// of others.
const IN_EXPRESSIONS: [&str; 8] = ["fn", "spawn", "join", "exit", "submit", "if", "else", "for"];

/// What is open at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Brace,
    Paren,
    Bracket,
    Quote,
    /// `{` in a string.
    Hole,
}

struct Scanner<'s> {
    source: &'s str,
    text: Vec<u8>,
    place: usize,
    open: Vec<(Open, usize)>,
    /// Every brace of a block in order, `true` for `{`.
    braces: Vec<(usize, bool)>,
    comments: Vec<Span>,
    errors: Vec<ScriptError>,
    lost: Vec<Span>,
    unsure: Vec<Span>,
    /// Of the line that was last asked for.
    line_end: Option<usize>,
    /// The end of the line of the last character that is nothing here, and the
    /// mend.
    odd: Option<(usize, String)>,
    /// The last `*/`, once one was looked for.
    comment_end: Option<Option<usize>>,
}

impl Scanner<'_> {
    /// False if the nesting is too deep to go on.
    fn run(&mut self) -> bool {
        let bytes = self.source.as_bytes();
        if self.source.starts_with('\u{feff}') {
            self.blank(0, 3);
            self.place = 3;
        }
        while let Some(&byte) = bytes.get(self.place) {
            match self.open.last() {
                Some((Open::Quote, _)) => self.in_string(byte),
                _ => self.in_code(byte),
            }
            if self.open.len() > NESTING_MAX {
                let help = "take a part out into a `fn` or a `let` of its own";
                let span = Span::new(self.place.saturating_sub(1), self.place);
                self.tell(ScriptError::new(span, "brackets are nested too deeply").help(help));
                return false;
            }
        }
        if self.open.iter().any(|(open, _)| *open == Open::Quote) {
            self.unclosed_string();
        }
        true
    }

    fn finish(mut self, unreadable: bool) -> Scan {
        let open = !self.open.is_empty();
        if !unreadable {
            while self.top_is_bracket() {
                self.unclosed_bracket();
            }
            let inner = self.open.iter().filter(|(open, _)| *open != Open::Brace).count();
            if inner == 0 && !self.open.is_empty() {
                let open: Vec<usize> = self.open.iter().map(|(_, place)| *place).collect();
                let errors = brace::close(self.source, &mut self.text, &self.braces, &open);
                let mut reached = Span::default();
                for error in &errors {
                    if !(reached.start <= error.span.start && error.span.end <= reached.end) {
                        reached = reach::below(self.source, error.span.start as usize);
                        self.unsure.push(reached);
                    }
                }
                self.errors.extend(errors);
            } else {
                while let Some((_, place)) = self.open.pop() {
                    self.blank(place, place + 1);
                    let span = Span::new(place, place + 1);
                    self.tell(ScriptError::new(span, "this bracket is not closed"));
                }
            }
        }
        // Only whole characters are replaced, and by ASCII.
        let text = String::from_utf8(self.text).unwrap_or_default();
        Scan {
            text,
            comments: self.comments,
            errors: self.errors,
            lost: self.lost,
            unreadable,
            open,
            unsure: self.unsure,
        }
    }

    fn tell(&mut self, error: ScriptError) {
        if self.errors.len() < ERRORS_GATHERED_MAX {
            self.errors.push(error);
        }
    }

    fn blank(&mut self, start: usize, end: usize) {
        for byte in &mut self.text[start..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn line_end(&mut self) -> usize {
        // All of a script may be one line, with many places to ask this at.
        if let Some(end) = self.line_end.filter(|end| self.place <= *end) {
            return end;
        }
        let rest = &self.source.as_bytes()[self.place..];
        let end = self.place + rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
        self.line_end = Some(end);
        end
    }

    fn top_is_bracket(&self) -> bool {
        matches!(self.open.last(), Some((Open::Paren | Open::Bracket, _)))
    }

    fn in_string(&mut self, byte: u8) {
        match byte {
            b'\n' | b'\r' => return self.unclosed_string(),
            b'"' => {
                self.open.pop();
            }
            b'{' => self.open.push((Open::Hole, self.place)),
            b'\\' => {
                let next = self.source[self.place + 1..].chars().next().filter(|c| !matches!(c, '\n' | '\r'));
                self.place += next.map_or(0, char::len_utf8);
            }
            _ => {}
        }
        self.place += 1;
        while !self.source.is_char_boundary(self.place) {
            self.place += 1;
        }
    }

    fn in_code(&mut self, byte: u8) {
        let hole = matches!(self.open.last(), Some((Open::Hole, _)));
        let next = self.source.as_bytes().get(self.place + 1);
        match byte {
            b'\n' | b'\r' => self.newline(byte, next),
            b'#' if !hole => {
                let end = self.line_end();
                self.comments.push(Span::new(self.place, end));
                self.blank(self.place, end);
                self.place = end;
            }
            b'/' if matches!(next, Some(b'/' | b'*')) => self.foreign_comment(next == Some(&b'*')),
            b'"' => self.push(Open::Quote),
            b'\'' => self.quoted(),
            b'(' => self.push(Open::Paren),
            b'[' => self.push(Open::Bracket),
            b'{' => {
                if !hole {
                    self.braces.push((self.place, true));
                }
                self.push(if hole { Open::Hole } else { Open::Brace });
            }
            b')' => self.close(Open::Paren),
            b']' => self.close(Open::Bracket),
            b'}' => self.close_brace(),
            b'&' | b'|' if next == Some(&byte) => self.place += 2,
            b' ' | b'\t' | b'+' | b'-' | b'*' | b'/' | b'%' | b'=' | b'<' | b'>' | b'!' | b'.' | b',' | b':' | b';'
            | b'_' => self.place += 1,
            _ if byte.is_ascii_alphanumeric() => self.place += 1,
            _ => self.other(),
        }
    }

    fn push(&mut self, open: Open) {
        self.open.push((open, self.place));
        self.place += 1;
    }

    fn newline(&mut self, byte: u8, next: Option<&u8>) {
        if self.open.iter().any(|(open, _)| *open == Open::Quote) {
            return self.unclosed_string();
        }
        let lone = byte == b'\r' && next != Some(&b'\n');
        if byte == b'\r' {
            self.text[self.place] = if lone { b'\n' } else { b' ' };
        }
        if self.top_is_bracket() && self.begins_statement() {
            while self.top_is_bracket() {
                self.unclosed_bracket();
            }
        }
        if self.top_is_bracket() {
            self.text[self.place] = b' ';
        }
        self.place += 1;
    }

    /// Whether the next line begins with a word that no expression has there:
    /// what is open before it was meant to be closed.
    fn begins_statement(&self) -> bool {
        let line = self.source[self.place + 1..].trim_start_matches([' ', '\t', '\r']);
        let end = line.find(|c| !is_of_word(c)).unwrap_or(line.len());
        // After a dot any word is a field.
        let field = self.source[..self.place].trim_end().ends_with('.');
        let word = &line[..end];
        !field && KEYWORDS.contains(&word) && !IN_EXPRESSIONS.contains(&word)
    }

    /// A line ends in a string, or in a `{ }` of a string.
    fn unclosed_string(&mut self) {
        let Some(first) = self.open.iter().position(|(open, _)| *open == Open::Quote) else { return };
        let start = self.open[first].1;
        let end = self.line_end();
        let hole = self.open[first..].iter().find(|(open, _)| *open == Open::Hole);
        let error = match hole {
            Some((_, place)) => ScriptError::new(Span::new(*place, end), "this `{` in a string is not closed")
                .help("close it with `}` on the same line, or write `\\{` for a brace"),
            None => ScriptError::new(Span::new(start, end), "this string is not closed")
                .help("close it with `\"` on the same line; a new line in a string is `\\n`"),
        };
        self.tell(error);
        self.open.truncate(first);
        // After `"""` the lines up to the next one were meant as text.
        if self.source[..start].ends_with("\"\"") {
            self.lost.push(Span::new(0, self.source.len()));
        }
        // The brackets of this line were probably closed in what looks like string.
        let line = super::build::line_of(self.source, start).start as usize;
        while let Some((_, place)) = self.open.last().filter(|(_, place)| *place >= line).copied() {
            if !self.top_is_bracket() {
                break;
            }
            self.open.pop();
            self.blank(place, place + 1);
        }
        self.blank(start, end);
        self.text[start] = b'0';
        // So was the `{` of a block.
        let tail = self.source[start..end].trim_end();
        if tail.len() > 1 && tail.ends_with('{') {
            let brace = start + tail.len() - 1;
            self.text[brace] = b'{';
            self.braces.push((brace, true));
            self.open.push((Open::Brace, brace));
        }
        self.place = end;
    }

    /// `'text'`: the grammar reports it; here it only must not hide brackets.
    fn quoted(&mut self) {
        let end = self.line_end();
        let line = &self.source[self.place..end];
        let mut escaped = false;
        for (i, c) in line.char_indices().skip(1) {
            match c {
                '\'' if !escaped => {
                    self.place += i + 1;
                    return;
                }
                _ => escaped = c == '\\' && !escaped,
            }
        }
        let start = self.place;
        let end = self.line_end();
        if self.source[..start].ends_with("''") {
            self.lost.push(Span::new(0, self.source.len()));
        }
        let error = ScriptError::new(Span::new(start, end), "this quote is not closed");
        self.tell(error.help("a string stands in double quotes: `\"text\"`"));
        self.blank(start, end);
        self.text[start] = b'0';
        self.place = end;
    }

    /// `// …` and `/* … */`
    fn foreign_comment(&mut self, block: bool) {
        let start = self.place;
        let line_end = self.line_end();
        let source = self.source;
        let last = *self.comment_end.get_or_insert_with(|| source.rfind("*/"));
        let end = match last.filter(|last| block && *last >= start) {
            Some(_) => start + self.source[start..].find("*/").unwrap_or(0) + 2,
            None => line_end,
        };
        let (word, help) = match block {
            true => ("/*", "a comment begins with `#` and ends with its line"),
            false => ("//", "a comment begins with `#`; integers are divided with `/`"),
        };
        let error = ScriptError::new(Span::new(start, start + 2), format!("`{word}` does not begin a comment"));
        self.tell(error.help(help));
        // In a string's hole the line's end matters more.
        let end = if self.open.iter().any(|(open, _)| *open == Open::Quote) { start + 2 } else { end };
        self.blank(start, end);
        self.place = end;
    }

    fn close(&mut self, open: Open) {
        let span = Span::new(self.place, self.place + 1);
        let (own, other) = if open == Open::Paren { (")", Open::Bracket) } else { ("]", Open::Paren) };
        match self.open.last().copied() {
            Some((top, _)) if top == open => {
                self.open.pop();
            }
            Some((top, place)) if top == other => {
                self.open.pop();
                let (begin, end) = if open == Open::Paren { ("[", b']') } else { ("(", b')') };
                self.text[self.place] = end;
                let error = ScriptError::new(span, format!("`{begin}` is closed by `{own}`"));
                let help = format!("write `{}`", end as char);
                self.tell(error.help(help).related(Span::new(place, place + 1), "opened here"));
            }
            _ => {
                self.blank(self.place, self.place + 1);
                let error = ScriptError::new(span, format!("this `{own}` closes nothing"));
                self.tell(error.help("take it out, or open it before"));
            }
        }
        self.place += 1;
    }

    fn close_brace(&mut self) {
        while self.top_is_bracket() {
            // In a string the line's end is near; there the grammar tells.
            self.unclosed_bracket();
        }
        match self.open.last() {
            Some((Open::Brace, _)) => {
                self.open.pop();
                self.braces.push((self.place, false));
            }
            Some(_) => {
                self.open.pop();
            }
            None => {
                self.blank(self.place, self.place + 1);
                if self.errors.len() < ERRORS_GATHERED_MAX {
                    self.unsure.push(reach::above(self.source, self.place));
                }
                let span = Span::new(self.place, self.place + 1);
                let help = "take it out, or look for a `{` that is missing before it";
                self.tell(ScriptError::new(span, "this `}` closes nothing").help(help));
            }
        }
        self.place += 1;
    }

    /// The innermost ( or [ has no end. Its newlines end statements after all.
    fn unclosed_bracket(&mut self) {
        let Some((open, place)) = self.open.pop() else { return };
        let (begin, end) = if open == Open::Paren { ("(", ")") } else { ("[", "]") };
        for (byte, original) in self.text.iter_mut().zip(self.source.bytes()).take(self.place).skip(place) {
            if original == b'\n' {
                *byte = b'\n';
            }
        }
        self.blank(place, place + 1);
        let error = ScriptError::new(Span::new(place, place + 1), format!("this `{begin}` is not closed"));
        self.tell(error.help(format!("write `{end}` where it ends")));
    }

    /// A letter of another script, or a character that is nothing here.
    fn other(&mut self) {
        let rest = &self.source[self.place..];
        let Some(c) = rest.chars().next() else { return };
        let start = self.place;
        self.place += c.len_utf8();
        if c.is_alphanumeric() || (start > 0 && is_mark(c)) {
            return;
        }
        self.blank(start, self.place);
        // What is meant can stand in its place.
        let before = &self.source[super::build::line_of(self.source, start).start as usize..start];
        let meant = match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => Some(b'-'),
            '|' if catches(before) => Some(b','),
            _ => None,
        };
        if let Some(meant) = meant {
            self.text[start] = meant;
        }
        let help = match c {
            _ if meant == Some(b'-') => "write `-`".to_owned(),
            _ if meant == Some(b',') => "write `,`: `catch Empty, Full { }`".to_owned(),
            '“' | '”' | '„' | '«' | '»' => "a string stands in plain double quotes: `\"text\"`".to_owned(),
            '‘' | '’' | '`' => "a string stands in double quotes: `\"text\"`".to_owned(),
            '&' if rest[1..].starts_with(|c: char| c.is_alphabetic())
                && !self.source[..start].ends_with(|c: char| c.is_alphanumeric()) =>
            {
                "there are no pointers: leave it out, objects are references already".to_owned()
            }
            '&' => "write `and`; there are no operators on bits".to_owned(),
            '|' => "write `or`; there are no operators on bits".to_owned(),
            '?' => "a choice is written `if c { } else { }`".to_owned(),
            '\\' => "a line goes on only inside ( ) and [ ]".to_owned(),
            '^' | '~' => "there are no operators on bits".to_owned(),
            '×' => "write `*`, or `x3` after `spawn`".to_owned(),
            c if c.is_whitespace() || c.is_control() => "write a plain space".to_owned(),
            _ => "take it out".to_owned(),
        };
        let shown = if c.is_whitespace() || c.is_control() || c == '\u{feff}' || c == '\u{200b}' {
            format!("the character U+{:04X}", u32::from(c))
        } else {
            format!("`{c}`")
        };
        // A pair of quotes is one mistake.
        let again = Some((self.line_end(), help.clone()));
        if self.odd == again {
            return;
        }
        self.odd = again;
        let error = ScriptError::new(Span::new(start, self.place), format!("{shown} has no meaning here")).help(help);
        self.tell(if meant.is_some() { error.understood() } else { error });
    }
}

/// Whether the line ends in the kinds of error of a `catch`.
fn catches(line: &str) -> bool {
    let statement = line.rsplit(['{', '}', ';']).next().unwrap_or("");
    let mut words = statement.split_whitespace();
    matches!(words.next(), Some("catch" | "except")) && words.next().is_some()
}

/// A combining mark, which may go on a word.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}')
}
