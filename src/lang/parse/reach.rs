//! How far it reaches that something could not be read: the lines in which a
//! block may begin or end elsewhere than was meant. What is wrong outside of
//! them is wrong whatever was meant inside.

use super::recover::block_end;
use crate::lang::ast::Span;

/// The lines around `span`, those below that are indented more, and the block
/// that begins in them with the `else`s and `catch`es behind it. `text` is the
/// prepared text, which has the blocks as they are read; the lines are those of
/// `source`, of which nothing is blanked out.
pub(super) fn around(source: &str, text: &str, span: Span) -> Span {
    let start = line_start(source, (span.start as usize).min(source.len()));
    let own = indent(&source[start..]);
    let mut end = line_end(source, (span.end as usize).clamp(start, source.len()));
    if let Some(brace) = text.get(start..end).and_then(|lines| lines.find('{')) {
        let last = chain_end(text, start + brace).min(source.len());
        end = line_end(source, end.max(last));
    }
    Span::new(start, indented_end(source, end, own))
}

/// The end of the lines below the one that ends at `end` which are indented more
/// than `own`; comments may stand anywhere.
fn indented_end(source: &str, mut end: usize, own: usize) -> usize {
    let mut place = end;
    while let Some(line) = source.get(place + 1..) {
        let next = line_end(source, place + 1);
        let line = line[..next - place - 1].trim_end();
        if !line.is_empty() && !line.trim_start().starts_with('#') {
            if indent(line) <= own {
                break;
            }
            end = next;
        }
        place = next;
    }
    end
}

/// What a `{` that is not closed may reach: its line and those below that are
/// indented more, and all below it where no indentation says what was meant inside.
pub(super) fn below(source: &str, brace: usize) -> Span {
    let line = line_start(source, brace);
    let end = line_end(source, brace);
    let own = indent(&source[line..]);
    let last = indented_end(source, end, own);
    Span::new(line, if last > end { last } else { source.len() })
}

/// What a `}` may reach that closes nothing: the lines above it that are
/// indented more, and the one before them, which may lack the `{`.
pub(super) fn above(source: &str, brace: usize) -> Span {
    let mut start = line_start(source, brace);
    let end = line_end(source, brace);
    let own = indent(&source[start..]);
    let mut in_block = start + own == brace;
    while in_block && start > 0 {
        let before = line_start(source, start - 1);
        let line = &source[before..start - 1];
        in_block = line.trim().is_empty() || indent(line) > own;
        start = before;
    }
    Span::new(start, end)
}

/// The end of the block that begins at `brace` and of those that belong to it.
fn chain_end(text: &str, brace: usize) -> usize {
    const FOLLOWING: [&str; 8] = ["else", "elif", "elsif", "elseif", "catch", "except", "finally", "while"];
    let mut end = block_end(text, brace);
    loop {
        let rest = text[end..].trim_start();
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let place = text.len() - rest.len();
        if !FOLLOWING.contains(&&rest[..word]) {
            return end;
        }
        // No further than that: all arms of a long chain may stand on one line.
        let next = text[place..].find(['{', '\n']).map(|next| place + next);
        let Some(next) = next.filter(|next| text.as_bytes()[*next] == b'{') else { return end };
        end = block_end(text, next);
    }
}

fn line_start(text: &str, place: usize) -> usize {
    text.as_bytes()[..place].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1)
}

fn line_end(text: &str, place: usize) -> usize {
    text.as_bytes()[place..].iter().position(|b| *b == b'\n').map_or(text.len(), |i| place + i)
}

/// Blanks at the start of a line.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reached(span: Span, text: &str) -> &str {
        span.text(text)
    }

    #[test]
    fn a_line_reaches_into_its_block_and_no_further() {
        let text = "a\nwhile x:\n    b\n\n    c\nd\n";
        assert_eq!(reached(around(text, text, Span::new(2, 5)), text), "while x:\n    b\n\n    c");
        let text = "loop { a\nb\n} else c {\nd }\nelse { e\n}\nf";
        assert_eq!(reached(around(text, text, Span::new(0, 4)), text), "loop { a\nb\n} else c {\nd }\nelse { e\n}");
        assert_eq!(reached(around("a\nb\n", "a\n \n", Span::new(2, 3)), "a\nb\n"), "b");
    }

    #[test]
    fn braces_reach_as_far_as_the_indentation_says() {
        let text = "a\ntask t {\n    b\nc\n";
        assert_eq!(reached(below(text, 9), text), "task t {\n    b");
        let text = "a\ntask t {\nb\nc\n";
        assert_eq!(reached(below(text, 9), text), "task t {\nb\nc\n");
        let text = "a\ntask t\n    b\n}\nc\n";
        assert_eq!(reached(above(text, text.find('}').expect("a brace")), text), "task t\n    b\n}");
        assert_eq!(reached(above("a\nb }\n", 4), "a\nb }\n"), "b }");
    }
}
