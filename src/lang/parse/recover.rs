//! After a syntax error: which statement it is in, and how to take that out so
//! that the rest can be read.

use crate::lang::ast::Span;
use crate::lang::error::ScriptError;

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
    if let Some(end) = case_end(&bytes, start) {
        overwrite(&mut bytes, start, end);
        *text = String::from_utf8(bytes).unwrap_or_default();
        return (end > start).then(|| Span::new(start, end));
    }
    let (end, brace) = head_end(&bytes, start, place.max(start), within);
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

/// Where the statements of a script end: what is wrong in one may follow from what is
/// wrong before it there, and from nothing in another.
#[derive(Default)]
pub struct Statements {
    /// The places of the newlines and of each `;` that ends one, in order.
    ends: Vec<u32>,
}

impl Statements {
    /// Of prepared text. Where `mended` has an error a bracket or a quote was set or taken
    /// away, so that a `;` of that line may have been meant to stand within.
    pub(super) fn of(text: &str, mended: &[ScriptError]) -> Statements {
        let mut walk = Walk::new(text.as_bytes());
        let mut ends = Vec::new();
        // Of the line: what it adds to `ends` is its `;`s.
        let mut line = 0;
        let uncertain = mended.iter().filter(|error| !error.is_understood());
        let mut mended: Vec<u32> = uncertain.map(|error| error.span.start).collect();
        mended.sort_unstable();
        let mut mended = mended.into_iter().peekable();
        while let Some(&byte) = walk.bytes.get(walk.place) {
            let at = walk.place as u32;
            match byte {
                b'\n' => {
                    let mut whole = false;
                    while mended.next_if(|place| *place <= at).is_some() {
                        whole = true;
                    }
                    if whole {
                        ends.truncate(line);
                    }
                    ends.push(at);
                    line = ends.len();
                }
                // No block begins a statement, so that one belongs to what is before.
                b';' if walk.is_in_block() && !walk.in_head() && !walk.is_before_block() => ends.push(at),
                _ => {}
            }
            walk.step();
        }
        if mended.peek().is_some() {
            ends.truncate(line);
        }
        Statements { ends }
    }

    /// Whether nothing ends between two places.
    pub(super) fn are_one(&self, a: u32, b: u32) -> bool {
        self.behind(a) == self.behind(b)
    }

    /// Where the statement begins that `place` lies in.
    pub(super) fn begin(&self, place: u32) -> u32 {
        self.behind(place).checked_sub(1).map_or(0, |before| self.ends[before] + 1)
    }

    /// The statements that `span` lies in, as far as they stand on its lines of `source`.
    pub fn around(&self, source: &str, span: Span) -> Span {
        let (start, end) = (span.start as usize, span.end as usize);
        let first = self.begin(span.start) as usize;
        let last = self.ends.get(self.behind(span.end)).map_or(source.len(), |end| *end as usize);
        let (Some(before), Some(after)) = (source.get(first..start), source.get(end..last)) else { return span };
        let line = before.rfind('\n').map_or(first, |newline| first + newline + 1);
        Span::new(line, after.find('\n').map_or(last, |newline| end + newline))
    }

    /// How many ends lie before `place`.
    fn behind(&self, place: u32) -> usize {
        self.ends.partition_point(|end| *end < place)
    }
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
    // What stands in a `switch` are cases.
    let other = [&b"struct"[..], b"select", b"switch", b"match"].iter().any(|word| head.starts_with(word));
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

/// The end of the head of the statement that begins at `start`, from `place` on: a
/// newline, `;`, `}`, or a `{`, which the flag tells.
fn head_end(bytes: &[u8], start: usize, place: usize, within: Within) -> (usize, bool) {
    let mut walk = Walk::new(bytes);
    (walk.place, walk.top_start) = (place, start);
    while let Some(byte) = bytes.get(walk.place) {
        if walk.open.is_empty() {
            match byte {
                b'{' => return (walk.place, within == Within::Block),
                b'\n' | b'}' => break,
                b';' if !walk.in_head() => break,
                _ => {}
            }
        }
        walk.step();
    }
    (walk.place.min(bytes.len()), false)
}

/// Where a `case` or `default:` of other languages ends that begins at `start`: at the next, or
/// with the block. Its statements have nothing around them that would tell them from arms.
fn case_end(bytes: &[u8], start: usize) -> Option<usize> {
    let is_case = |place: usize| {
        let blanks = bytes[place..].iter().take(BLANKS_MAX).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = &bytes[place + blanks..];
        rest.strip_prefix(b"case").is_some_and(|rest| rest.starts_with(b" "))
            || rest.strip_prefix(b"default").is_some_and(|rest| rest.starts_with(b":") || rest.starts_with(b" :"))
    };
    if !is_case(start) {
        return None;
    }
    let mut walk = Walk::new(bytes);
    (walk.place, walk.top_start) = (start, start);
    while let Some(byte) = bytes.get(walk.place) {
        let ends = match byte {
            b'}' => true,
            b'\n' | b';' => walk.place > start && is_case(walk.place + 1),
            _ => false,
        };
        if ends && walk.open.is_empty() {
            break;
        }
        walk.step();
    }
    Some(walk.place.min(bytes.len()))
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

/// So far is looked for what is next, since all of a script may be one line.
const BLANKS_MAX: usize = 256;

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
            b'\n' => self.begin_statement(),
            b';' if !self.in_head() => self.begin_statement(),
            _ => {}
        }
        true
    }

    fn is_in_block(&self) -> bool {
        self.open.last().is_none_or(|(open, _)| *open == Within::Block)
    }

    /// Whether a block follows what is here.
    fn is_before_block(&self) -> bool {
        let mut rest = self.bytes[self.place + 1..].iter().take(BLANKS_MAX);
        rest.find(|byte| !matches!(byte, b' ' | b'\t')) == Some(&b'{')
    }

    /// Whether the statement has not come to its block yet, and is one that has a `;` there in
    /// other languages: `for i = 0; i < 3; i += 1 { }`.
    fn in_head(&self) -> bool {
        const HEADS: [&[u8]; 5] = [b"for", b"while", b"if", b"elif", b"switch"];
        let start = self.open.last().map_or(self.top_start, |(_, start)| *start);
        let blanks = self.bytes[start..].iter().take(BLANKS_MAX).take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &self.bytes[start + blanks..];
        let word =
            rest.iter().take(BLANKS_MAX).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        HEADS.contains(&&rest[..word])
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
