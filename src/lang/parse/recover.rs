//! After a syntax error: which statement it is in, and how to take that out so
//! that the rest can be read.

use crate::lang::ast::Span;

/// What encloses a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Within {
    Block,
    Paren,
    Bracket,
    Hole,
}

/// Blanks out the statement around `place`. A block after it stays, under a
/// `loop`, so that errors in it are found too. What was blanked out; `None` if
/// nothing changed.
pub(super) fn blank(text: &mut String, place: usize) -> Option<Span> {
    let mut bytes = std::mem::take(text).into_bytes();
    let (start, within) = statement_start(&bytes, place);
    let (end, brace) = head_end(&bytes, place.max(start), within);
    let head = &bytes[start..end];
    let keeps_block = brace && within == Within::Block && head_of_statements(head);
    let before = bytes.clone();
    if keeps_block && head.len() >= 5 {
        overwrite(&mut bytes, start, end);
        bytes[start..start + 5].copy_from_slice(b"loop ");
    }
    let mut end = end;
    if bytes == before {
        end = whole_end(&bytes, start, place);
        overwrite(&mut bytes, start, end);
    }
    let changed = bytes != before;
    *text = String::from_utf8(bytes).unwrap_or_default();
    changed.then(|| Span::new(start, end))
}

/// The start of the line or the statement around `place` that is within
/// nothing else: what comes before has been read.
pub(super) fn top_start(text: &str, place: usize) -> usize {
    let mut walk = Walk::new(text.as_bytes());
    let mut start = 0;
    while walk.place < place && walk.step() {
        if walk.open.is_empty() && matches!(walk.bytes[walk.place - 1], b'\n' | b';') {
            start = walk.place;
        }
    }
    start.min(place)
}

/// Where a head's line ends at `place` and the next begins with `{`, joins them.
pub(super) fn join_brace(text: &mut String, place: usize) -> bool {
    let gap = text[place..].len() - text[place..].trim_start().len();
    let between = &text[place..place + gap];
    if !between.contains('\n') || !text[place + gap..].starts_with('{') {
        return false;
    }
    text.replace_range(place..place + gap, &" ".repeat(gap));
    true
}

/// What encloses `place`, innermost.
pub(super) fn within(text: &str, place: usize) -> Within {
    let mut walk = Walk::new(text.as_bytes());
    walk.goal = place;
    while walk.place < place && walk.step() {}
    if walk.in_string { Within::Hole } else { walk.open.last().map_or(Within::Block, |(open, _)| *open) }
}

/// The end of the block that begins at `brace`.
pub(super) fn block_end(text: &str, brace: usize) -> usize {
    let mut walk = Walk::new(text.as_bytes());
    walk.place = brace;
    while walk.step() && !walk.open.is_empty() {}
    walk.place.min(text.len())
}

/// Whether a block after this head holds statements, as after `if`.
fn head_of_statements(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    let other = head.starts_with(b"struct") || head.starts_with(b"select");
    !(other || head.windows(2).any(|pair| pair == b"=>"))
}

fn overwrite(bytes: &mut [u8], start: usize, end: usize) {
    for byte in &mut bytes[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Where the statement around `place` begins, and whether `place` is inside
/// brackets of it.
fn statement_start(bytes: &[u8], place: usize) -> (usize, Within) {
    let mut walk = Walk::new(bytes);
    while walk.place < place && walk.step() {}
    let within = walk.open.last().map_or(Within::Block, |(open, _)| *open);
    let outer = walk.open.iter().rev().find(|(open, _)| *open == Within::Block);
    (outer.map_or(walk.top_start, |(_, start)| *start).min(place), within)
}

/// The end of the statement's head from `place` on: a newline, `;`, `}`, or a
/// `{`, which the flag tells.
fn head_end(bytes: &[u8], place: usize, within: Within) -> (usize, bool) {
    let mut walk = Walk::new(bytes);
    walk.place = place;
    while let Some(byte) = bytes.get(walk.place) {
        if walk.open.is_empty() {
            match byte {
                b'{' => return (walk.place, within == Within::Block),
                b'\n' | b';' | b'}' => break,
                _ => {}
            }
        }
        walk.step();
    }
    (walk.place.min(bytes.len()), false)
}

/// The end of the statement with all its blocks.
fn whole_end(bytes: &[u8], start: usize, place: usize) -> usize {
    let mut walk = Walk::new(bytes);
    walk.place = start;
    while let Some(byte) = bytes.get(walk.place) {
        if walk.open.is_empty() && matches!(byte, b'\n' | b';' | b'}') && walk.place >= place {
            // A `}` that closes the block around stays.
            break;
        }
        walk.step();
    }
    walk.place.min(bytes.len())
}

/// A walk over prepared text that knows brackets and strings.
struct Walk<'t> {
    bytes: &'t [u8],
    place: usize,
    /// What is open, with the start of the latest statement in it.
    open: Vec<(Within, usize)>,
    /// The start of the latest statement at the top level.
    top_start: usize,
    /// The place asked for lies in a string.
    in_string: bool,
    goal: usize,
}

impl<'t> Walk<'t> {
    fn new(bytes: &'t [u8]) -> Walk<'t> {
        Walk { bytes, place: 0, open: Vec::new(), top_start: 0, in_string: false, goal: usize::MAX }
    }

    /// One character, or one string.
    fn step(&mut self) -> bool {
        let Some(&byte) = self.bytes.get(self.place) else { return false };
        let from = self.place;
        self.place += 1;
        match byte {
            b'"' | b'\'' => {
                self.place = string_end(self.bytes, from);
                self.in_string = self.goal < self.place;
            }
            b'{' => self.open.push((Within::Block, self.place)),
            b'(' => self.open.push((Within::Paren, self.place)),
            b'[' => self.open.push((Within::Bracket, self.place)),
            b')' | b']' => {
                self.open.pop();
            }
            b'}' => {
                self.open.pop();
                self.begin_statement();
            }
            b'\n' | b';' => self.begin_statement(),
            _ => {}
        }
        true
    }

    fn begin_statement(&mut self) {
        match self.open.last_mut() {
            Some((_, start)) => *start = self.place,
            None => self.top_start = self.place,
        }
    }
}

/// After the quote that closes the string at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut open = vec![quote];
    let mut place = start + 1;
    while let (Some(&byte), Some(&top)) = (bytes.get(place), open.last()) {
        place += 1;
        match byte {
            b'\\' if top != b'{' => place += 1,
            b'\n' => return place - 1,
            _ if top != b'{' && byte == top => {
                open.pop();
            }
            b'{' if top != b'\'' => open.push(b'{'),
            b'}' if top == b'{' => {
                open.pop();
            }
            b'"' if top == b'{' => open.push(b'"'),
            b'\'' if top == b'{' => open.push(b'\''),
            _ => {}
        }
    }
    place.min(bytes.len())
}
