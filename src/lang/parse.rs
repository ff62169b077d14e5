//! Text to syntax tree. It owns the way through the stages and the recovery
//! between them; `scan` owns brackets and comments, the grammar what stands
//! where, `slip` the messages for what is often typed wrongly. Names are left
//! to `program`.
//!
//! A script with errors is read several times: what does not parse is reported,
//! blanked out, and the rest read again. So one go reports several errors, each
//! with its own place.

mod block;
mod brace;
mod build;
mod expr;
mod grammar;
mod item;
mod literal;
mod reach;
mod recover;
pub(super) mod scan;
mod select;
mod slip;
mod spawn;
mod stmt;
mod unexpected;

use super::ast::{Expr, Script, Span};
use super::error::ScriptError;
use build::Builder;
use pest::Parser;
pub use recover::Statements;
pub use unexpected::NO_DICTIONARY;

/// What to write for the word of an `expect` that is no code.
pub fn lone_expectation(word: &str) -> String {
    slip::expect::alone(word).unwrap_or_else(slip::expect::words)
}

/// What is said of an option of a `spawn` as other languages write it, `daemon=True`, and the
/// whole `spawn` of `task` that is meant.
pub fn spawn_option(task: &str, option: &str) -> Option<(&'static str, String)> {
    slip::spawn_option("", task, option)
}

/// The duration of the language that is a time as other languages write it, in seconds
/// where it has no unit: `0.5`.
pub fn duration_of(text: &str) -> Option<String> {
    slip::duration_of(text)
}

/// At most this many errors are told in one go.
pub const ERRORS_MAX: usize = 20;
/// So many are looked for, those that come to be told of in order of place
/// among them. More cost time and are told to nobody.
pub const ERRORS_GATHERED_MAX: usize = 50 * ERRORS_MAX;
/// Brackets within brackets, interpolation counted. The grammar's recursion
/// follows them, so this bounds the stack it needs.
pub const NESTING_MAX: usize = 64;
/// Levels of the syntax tree on any path, chains such as `a + b + c` counted by
/// their length. Whoever walks the tree may recurse.
pub const DEPTH_MAX: usize = 256;
/// Bytes of source. Places are 32-bit.
pub const SOURCE_MAX: usize = 16 << 20;

/// The syntax tree of `source`, or what is wrong with it, in source order.
pub fn parse(source: &str) -> Result<Script, Vec<ScriptError>> {
    complete(read(source, false), source)
}

/// The same of what is entered in a session, which may end with any
/// expression: its value is shown.
pub fn parse_entry(source: &str) -> Result<Script, Vec<ScriptError>> {
    complete(read(source, true), source)
}

fn complete(read: Parsed, source: &str) -> Result<Script, Vec<ScriptError>> {
    match read {
        Parsed { script: Some(script), errors, .. } if errors.is_empty() => Ok(script),
        Parsed { errors, .. } => Err(finish(errors, source)),
    }
}

/// What could be read of a script, also of one with errors.
pub struct Parsed {
    /// Without the statements that have an error, unless it is clear what they
    /// were meant to be; `None` if the text cannot be read at all, as with
    /// brackets nested too deeply.
    pub script: Option<Script>,
    /// In source order, all that were gathered.
    pub errors: Vec<ScriptError>,
    /// What is not in the tree, or not as it was meant: no word in there says
    /// that it defines no name. Empty if every error is
    /// [understood](ScriptError::is_understood).
    pub lost: Vec<Span>,
    /// Where blocks may begin or end elsewhere than was meant.
    pub unsure: Vec<Span>,
    /// Of a script with errors: where statements end.
    pub statements: Statements,
}

/// As [`parse`], and of a script with errors the part that can be read.
pub fn parse_all(source: &str) -> Parsed {
    let mut parsed = read(source, false);
    if parsed.script.is_some() && parsed.errors.is_empty() {
        return parsed;
    }
    for error in parsed.errors.iter().filter(|error| !error.is_understood()) {
        // A `;` behind what is wrong may be what is wrong: `var ; x = 0`.
        let rest = source.get(error.span.end as usize..).unwrap_or("");
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let stray = rest[blanks..].starts_with(';').then_some(blanks as u32 + 1);
        let span = Span { end: error.span.end + stray.unwrap_or(0), ..error.span };
        parsed.lost.push(parsed.statements.around(source, span));
    }
    parsed.lost.iter_mut().for_each(|span| clamp(span, source));
    parsed.errors = in_order(parsed.errors, source);
    parsed
}

fn read(source: &str, entry: bool) -> Parsed {
    let unread =
        |errors, lost| Parsed { script: None, errors, lost, unsure: Vec::new(), statements: Statements::default() };
    if source.len() > SOURCE_MAX {
        let help = format!("a script has at most {} MiB", SOURCE_MAX >> 20);
        let error = ScriptError::new(Span::new(0, 0), "the script is too long").help(help);
        return unread(vec![error], Vec::new());
    }
    let scan = scan::scan(source);
    let mut errors = scan.errors;
    let mut lost = scan.lost;
    let mut unsure = scan.unsure;
    let unbalanced = !unsure.is_empty();
    if scan.unreadable {
        return unread(errors, lost);
    }
    let mut text = scan.text;
    // What is blanked out later ends no statement, so this stays true.
    let mut statements = (!errors.is_empty()).then(|| Statements::of(&text, &errors));
    let mut words = None;
    // Each round takes one statement out of the text, so there are few. The next
    // begins where that stood; at last all is read, for the tree.
    let mut from = 0;
    let mut rounds = 0;
    while rounds < 2 * ERRORS_MAX {
        match grammar::Grammar::parse(grammar::Rule::script, &text[from..]) {
            Ok(_) if from > 0 => from = 0,
            Ok(pairs) => {
                reached(
                    [source, &text],
                    errors.iter().map(|error| error.span).chain(lost.iter().copied()),
                    &mut unsure,
                );
                let told = errors.len();
                let mut builder = Builder::new(&text, errors, unsure, statements);
                (builder.entry, builder.unbalanced) = (entry, unbalanced);
                let script = builder.script(pairs);
                lost.append(&mut builder.lost);
                let (errors, mut unsure) = (builder.errors, builder.unsure);
                let statements = match (builder.statements, errors.is_empty()) {
                    (Some(statements), _) => statements,
                    (None, true) => Statements::default(),
                    (None, false) => Statements::of(&text, &[]),
                };
                let not_understood = errors[told..].iter().filter(|error| !error.is_understood());
                reached([source, &text], not_understood.map(|error| error.span), &mut unsure);
                return Parsed { script: Some(script), errors, lost, unsure, statements };
            }
            Err(failure) => {
                rounds += 1;
                let place = from + unexpected::offset(&failure);
                if unexpected::out_of_stack(&failure) {
                    errors.push(unexpected::too_deep(place));
                    break;
                }
                // What follows from an error that has been told is not told.
                let words = words.get_or_insert_with(|| slip::words_as_names(&text));
                let statements = statements.get_or_insert_with(|| Statements::of(&text, &errors));
                if !build::is_reported(&errors, statements, place) && !unexpected::uses(words, &text, place) {
                    let begin = statements.begin(place as u32) as usize;
                    errors.push(unexpected::error(&text, source, &failure, place, begin));
                }
                if recover::join_brace(&mut text, place) {
                    continue;
                }
                match recover::blank(&mut text, place) {
                    Some(span) => lost.push(span),
                    None => break,
                }
                from = recover::top_start(&text, place);
            }
        }
    }
    unread(errors, lost)
}

/// Adds what each of `spans` may reach to `unsure`.
fn reached([source, text]: [&str; 2], spans: impl Iterator<Item = Span>, unsure: &mut Vec<Span>) {
    for span in spans {
        let known = |place: &Span| place.start <= span.start && span.end <= place.end;
        if !unsure.iter().any(known) {
            unsure.push(reach::around(source, text, span));
        }
    }
}

/// The tree of a single expression, such as the value of `-D N=7`.
pub fn parse_expr(source: &str) -> Result<Expr, Vec<ScriptError>> {
    let scan = scan::scan(source.get(..SOURCE_MAX).unwrap_or(source));
    let mut errors = scan.errors;
    if !errors.is_empty() || scan.unreadable {
        return Err(finish(errors, source));
    }
    match grammar::Grammar::parse(grammar::Rule::lone_expr, &scan.text) {
        Ok(pairs) => {
            let mut builder = Builder::new(&scan.text, errors, Vec::new(), None);
            match builder.lone_expr(pairs) {
                Some(expr) if builder.errors.is_empty() => Ok(expr),
                _ => Err(finish(builder.errors, source)),
            }
        }
        Err(failure) => {
            errors.push(unexpected::error(&scan.text, source, &failure, unexpected::offset(&failure), 0));
            Err(finish(errors, source))
        }
    }
}

/// Whether `source` ends inside brackets, so that more lines belong to it.
pub fn is_open(source: &str) -> bool {
    scan::scan(source).open
}

/// In source order, each once, no more than the limit, never none.
fn finish(errors: Vec<ScriptError>, source: &str) -> Vec<ScriptError> {
    let mut errors = in_order(errors, source);
    errors.truncate(ERRORS_MAX);
    errors
}

/// In source order, each once, never none.
fn in_order(mut errors: Vec<ScriptError>, source: &str) -> Vec<ScriptError> {
    if errors.is_empty() {
        errors.push(ScriptError::new(Span::new(0, 0), "the script cannot be read"));
    }
    for error in &mut errors {
        clamp(&mut error.span, source);
        error.related.iter_mut().for_each(|(span, _)| clamp(span, source));
    }
    errors.sort_by_key(|error| error.span);
    errors.dedup_by(|a, b| a.span == b.span && a.message == b.message);
    errors
}

/// A repair may have appended a brace; places stay inside the script.
fn clamp(span: &mut Span, source: &str) {
    span.start = span.start.min(source.len() as u32);
    span.end = span.end.min(source.len() as u32);
}
