//! The picture of the source: lines with their numbers, and under each place
//! who does what there. It owns the merging of labels, their room in the width
//! and the theme; the drawing itself is miette's.

use std::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, SourceCode, SourceSpan, SpanContents,
    ThemeCharacters, ThemeStyles,
};

use super::clip::{Clipped, TAB_WIDTH};
use super::diagnostic::{Place, TEXT_MAX};
use super::source::Source;
use super::{Style, phrase};

/// Labels narrower than this become a number and a line under the picture.
const LABEL_WIDTH_MIN: usize = 24;
/// A label is broken only if its lines can have this width.
const LABEL_WIDTH_GOOD: usize = 40;
/// So many different deeds are shown at one place.
const DEEDS_MAX: usize = 8;
/// Pictures nearer to each other than this many lines become one.
const GAP_LINES_MAX: usize = 2;

/// Draws the places. The second value holds the labels that found no room.
pub fn draw(source: &Source, places: &[Place], style: &Style) -> (String, Vec<String>) {
    let mut footnotes = Vec::new();
    let mut marks = marks(source, places, style);
    if marks.is_empty() || source.text.trim().is_empty() {
        return (format!(" --> {}:1:1\n", phrase::plain(&source.name)), footnotes);
    }
    let busy = places.iter().filter(|p| p.primary || p.who.is_some()).map(|p| source.line(p.span)).collect();
    let shown: Vec<(usize, usize)> = marks.iter().map(|m| (m.start, m.end)).collect();
    let last = marks.iter().map(|m| source.line_of(m.start)).max().unwrap_or(1) + 1;
    let gutter = last.to_string().len() + 4;
    let ellipsis = if style.unicode { "…" } else { "..." };
    let clipped = Clipped::new(source, &shown, ellipsis, style.width.saturating_sub(gutter));
    for mark in &mut marks {
        (mark.start, mark.end) = clipped.place((mark.start, mark.end));
    }
    let source = &clipped.source;
    let labels = marks.iter().map(|mark| fit(source, mark, gutter, style, &mut footnotes)).collect();
    let picture = Picture { text: Text::new(&clipped, busy), labels };
    let mut drawn = String::new();
    if handler(style).render_report(&mut drawn, &picture).is_err() {
        return (format!(" --> {}\n", phrase::plain(&source.name)), footnotes);
    }
    // The first line is miette's own head, here empty.
    let body = drawn.split_once('\n').map_or("", |(_, body)| body);
    let mut out = String::with_capacity(body.len());
    for line in body.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    (out, footnotes)
}

fn handler(style: &Style) -> GraphicalReportHandler {
    let characters = if style.unicode { ThemeCharacters::unicode() } else { ThemeCharacters::ascii() };
    let styles = if style.color { ThemeStyles::ansi() } else { ThemeStyles::none() };
    GraphicalReportHandler::new_themed(GraphicalTheme { characters, styles })
        .with_width(style.width)
        .with_context_lines(1)
        .tab_width(TAB_WIDTH)
        .with_wrap_lines(false)
        .with_urls(false)
        .without_cause_chain()
        .without_syntax_highlighting()
}

/// One stretch of a line and the sentences under it.
#[derive(Debug, PartialEq)]
struct Mark {
    start: usize,
    end: usize,
    lines: Vec<String>,
    primary: bool,
}

/// Places at one stretch become one mark, tasks that do the same there one
/// sentence, and stretches that overlap are cut so that they do not.
fn marks(source: &Source, places: &[Place], style: &Style) -> Vec<Mark> {
    let mut stretches: Vec<((usize, usize), Vec<&Place>)> = Vec::new();
    for place in places {
        let at = source.clamp(place.span);
        match stretches.iter_mut().find(|(other, _)| *other == at) {
            Some((_, there)) => there.push(place),
            None => stretches.push((at, vec![place])),
        }
    }
    stretches.sort_by_key(|((start, end), _)| (*start, *end));
    let mut marks: Vec<Mark> = Vec::new();
    for ((start, end), there) in stretches {
        let lines = sentences(&there, style);
        let primary = there.iter().any(|p| p.primary);
        match marks.last_mut() {
            Some(last) if last.start == start => {
                last.end = end.min(last.end);
                last.lines.extend(lines);
                last.primary |= primary;
            }
            Some(last) if last.end > start => {
                last.end = start;
                marks.push(Mark { start, end, lines, primary });
            }
            _ => marks.push(Mark { start, end, lines, primary }),
        }
    }
    marks
}

fn sentences(there: &[&Place], style: &Style) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for place in there {
        match groups.iter_mut().find(|(what, _)| *what == place.what) {
            Some((_, names)) => names.extend(place.who.as_deref()),
            None => groups.push((&place.what, place.who.as_deref().into_iter().collect())),
        }
    }
    let deeds_max = if style.verbose { usize::MAX } else { DEEDS_MAX };
    let mut lines: Vec<String> = groups
        .iter()
        .take(deeds_max)
        .map(|(what, names)| phrase::cut(&style.own(&phrase::deed(names, style.names_max(), what)), TEXT_MAX))
        .filter(|line| !line.is_empty())
        .collect();
    let rest: usize = groups.iter().skip(deeds_max).map(|(_, names)| names.len().max(1)).sum();
    if rest > 0 {
        lines.push(format!("and {rest} more"));
    }
    lines
}

/// Makes a label of a mark. miette hangs it under the middle of the stretch,
/// so a stretch that reaches far to the right is shortened to make room.
fn fit(source: &Source, mark: &Mark, gutter: usize, style: &Style, footnotes: &mut Vec<String>) -> LabeledSpan {
    let column = columns(&source.text[source.line_start(mark.start)..mark.start], 0);
    let wanted = mark.lines.iter().map(|l| phrase::columns(l)).max().unwrap_or(0);
    let room = |end: usize| {
        let long = columns(&source.text[mark.start..end], column).max(1);
        style.width.saturating_sub(gutter + column + long / 2 + 4)
    };
    let enough = |end: usize, width: usize| room(end) >= wanted.min(width);
    let shorter = |width: usize| ends(source, mark).find(|end| enough(*end, width));
    let end = shorter(LABEL_WIDTH_GOOD).or_else(|| shorter(LABEL_WIDTH_MIN));
    let lines = match end {
        Some(end) => mark.lines.iter().flat_map(|line| phrase::wrap(line, room(end))).collect(),
        None => {
            let number = footnotes.len() + 1;
            footnotes.extend(mark.lines.iter().map(|line| format!("({number}) {line}")));
            vec![format!("({number})")]
        }
    };
    let end = end.or_else(|| ends(source, mark).find(|end| room(*end) >= 4)).unwrap_or(mark.end);
    let length = end.max(mark.start) - mark.start;
    let text = (!lines.is_empty()).then(|| lines.join("\n"));
    if mark.primary {
        LabeledSpan::new_primary_with_span(text, (mark.start, length))
    } else {
        LabeledSpan::new_with_span(text, (mark.start, length))
    }
}

/// Ever nearer ends of a mark, on whole characters, down to its first one.
fn ends<'a>(source: &'a Source, mark: &'a Mark) -> impl Iterator<Item = usize> + 'a {
    let inside = &source.text[mark.start..mark.end];
    let first = inside.chars().next().map_or(mark.end, |c| mark.start + c.len_utf8());
    let later = inside.char_indices().skip(1).map(|(n, _)| mark.start + n).collect::<Vec<_>>();
    std::iter::once(mark.end).chain(later.into_iter().rev()).filter(move |end| *end >= first)
}

fn columns(text: &str, from: usize) -> usize {
    let mut column = from;
    for c in text.chars() {
        column += match c {
            '\t' => TAB_WIDTH - column % TAB_WIDTH,
            c => phrase::columns(c.encode_utf8(&mut [0; 4])),
        };
    }
    column - from
}

/// What miette draws: places without a message.
#[derive(Debug)]
struct Picture<'a> {
    text: Text<'a>,
    labels: Vec<LabeledSpan>,
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Picture<'_> {}

impl Diagnostic for Picture<'_> {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// The script's text for miette, byte for byte as long as the original, with
/// whatever could move the cursor replaced; read by whole lines.
#[derive(Debug)]
struct Text<'a> {
    source: Source,
    clipped: &'a Clipped,
    /// Lines on which a task does something: only these are shown with the
    /// lines around them.
    busy: Vec<usize>,
}

impl Text<'_> {
    fn new(clipped: &Clipped, busy: Vec<usize>) -> Text<'_> {
        let source = &clipped.source;
        let mut text = String::with_capacity(source.text.len());
        let mut rest = source.text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\n' | '\t' => text.push(c),
                '\r' if rest.peek() == Some(&'\n') => text.push(c),
                c if phrase::is_unsafe(c) => text.push_str(&"?".repeat(c.len_utf8())),
                c => text.push(c),
            }
        }
        Text { source: Source::new(phrase::plain(&source.name), text), clipped, busy }
    }

    /// The lines around a place are shown if a task does something there.
    fn context(&self, at: usize, lines: usize) -> usize {
        if self.busy.contains(&self.source.line_of(at)) { lines } else { 0 }
    }
}

impl SourceCode for Text<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let source = &self.source;
        let from = span.offset().min(source.text.len());
        let to = (span.offset() + span.len()).min(source.text.len());
        let mut start = source.line_start(from);
        let column = self.clipped.column(from);
        for _ in 0..self.context(from, before) {
            let above = source.line_start(start.saturating_sub(1));
            if above < start && !source.text[above..start].trim().is_empty() {
                start = above;
            }
        }
        let last = to.saturating_sub(usize::from(to > from));
        let mut end = line_end(&source.text, last);
        for _ in 0..self.context(last, after) {
            let below = line_end(&source.text, end);
            if !source.text[end..below].trim().is_empty() {
                end = below;
            }
        }
        let line = source.line_of(start) - 1;
        let line_count = source.text[start..end].lines().count() + GAP_LINES_MAX;
        let data = &source.text.as_bytes()[start..end];
        Ok(Box::new(Lines { data, span: (start, end - start).into(), name: &source.name, line, column, line_count }))
    }
}

/// The end of the line that holds `at`, with its newline.
fn line_end(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| at + n + 1)
}

/// Whole lines around a place. `column` is that of the place itself.
struct Lines<'a> {
    data: &'a [u8],
    span: SourceSpan,
    name: &'a str,
    line: usize,
    column: usize,
    line_count: usize,
}

impl<'a> SpanContents<'a> for Lines<'a> {
    fn data(&self) -> &'a [u8] {
        self.data
    }

    fn span(&self) -> &SourceSpan {
        &self.span
    }

    fn name(&self) -> Option<&str> {
        Some(self.name)
    }

    fn line(&self) -> usize {
        self.line
    }

    fn column(&self) -> usize {
        self.column
    }

    fn line_count(&self) -> usize {
        self.line_count
    }
}
