//! Where a missing `}` was meant to be, guessed by indentation.

use crate::lang::ast::Span;
use crate::lang::error::ScriptError;

/// Closes what is open at the end of the script. `braces` are all braces of
/// blocks in order, `true` for `{`; `open` the places of those left open by
/// mere counting.
pub(super) fn close(source: &str, text: &mut Vec<u8>, braces: &[(usize, bool)], open: &[usize]) -> Vec<ScriptError> {
    let suspects = suspects(source, braces);
    let suspects =
        if suspects.len() == open.len() { suspects } else { open.iter().map(|place| (*place, None)).collect() };
    let mut errors = Vec::new();
    for (place, before) in suspects {
        let before = before.or_else(|| dedent_after(source, place));
        let error = ScriptError::new(Span::new(place, place + 1), "this `{` is not closed");
        let error = error.help("write `}` at the end of its block");
        // The newline before the line, or the end of the script, becomes the brace.
        errors.push(match before.filter(|line| *line > place + 1 && text[line - 1] != b'}') {
            Some(line) => {
                text[line - 1] = b'}';
                let indented = line + indent_at(source, line);
                error.related(Span::new(indented, indented + 1), "a `}` is probably missing before this line")
            }
            None => {
                text.push(b'}');
                error
            }
        });
    }
    errors
}

/// Openings that a `}` further left than their line closes, each with the start
/// of that `}`'s line, and openings that nothing closes.
fn suspects(source: &str, braces: &[(usize, bool)]) -> Vec<(usize, Option<usize>)> {
    let mut open: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for (place, opens) in braces {
        if *opens {
            open.push(*place);
            continue;
        }
        let line = line_start(source, *place);
        let indent = indent_at(source, line);
        if line + indent == *place {
            while open.len() > 1 && open.last().is_some_and(|o| indent_at(source, line_start(source, *o)) > indent) {
                found.extend(open.pop().map(|o| (o, Some(line))));
            }
        }
        open.pop();
    }
    found.extend(open.into_iter().map(|o| (o, None)));
    found
}

/// The start of the first line after `place` that is indented no further than
/// the line of `place`.
fn dedent_after(source: &str, place: usize) -> Option<usize> {
    let own = indent_at(source, line_start(source, place));
    let mut line = place;
    while let Some(length) = source[line..].find('\n') {
        line += length + 1;
        let indent = indent_at(source, line);
        let rest = source[line + indent..].trim_start_matches('\r');
        if indent <= own && !rest.is_empty() && !rest.starts_with(['\n', '#']) {
            return Some(line);
        }
    }
    None
}

fn line_start(source: &str, place: usize) -> usize {
    source[..place].rfind('\n').map_or(0, |i| i + 1)
}

/// Blanks at the start of the line that begins at `line`.
fn indent_at(source: &str, line: usize) -> usize {
    source[line..].len() - source[line..].trim_start_matches([' ', '\t']).len()
}
