//! The one layout: tree and comments to text. It owns what stands on a line,
//! how far it is indented and where a comment goes; it leaves literals as they
//! were written.
//!
//! The tree says what is printed, the source how the author broke lines: a
//! block, a `select` arm or an argument list that was written on one line stays
//! on one where it fits, one that was broken stays broken. So formatting twice
//! is formatting once. A comment inside an expression, where no line ends, moves
//! to a line of its own; none is dropped.

mod align;
mod expr;
mod item;
mod statement;

use super::ast::{Object, Script, Span, Stmt};
use super::error::ScriptError;
use super::parse::{Parsed, parse_all, scan};
use align::{Mark, align};

/// A one-line block may reach to this column.
pub const WIDTH_MAX: usize = 100;
const INDENT: usize = 4;

/// The one layout of `source`, or all that was found wrong with it. Ends with one
/// newline unless it is empty; line ends become LF.
pub fn format(source: &str) -> Result<String, Vec<ScriptError>> {
    let parse = |source: &str| match parse_all(source) {
        Parsed { script: Some(script), errors, .. } if errors.is_empty() => Ok(script),
        parsed => Err(parsed.errors),
    };
    // The errors' places are those of the text as it was given.
    let script = parse(source)?;
    if !source.starts_with('\u{feff}') && !source.contains('\r') {
        return Ok(Printer::new(source).script(&script));
    }
    let plain = source.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let script = parse(&plain)?;
    Ok(Printer::new(&plain).script(&script))
}

/// Something that begins a line of its own.
enum Line<'a> {
    Item(&'a super::ast::Item),
    Stmt(&'a Stmt),
    Field(&'a Object),
    Arm(statement::Arm<'a>),
}

struct Printer<'s> {
    source: &'s str,
    comments: Vec<Span>,
    /// The first comment that is not printed yet.
    comment: usize,
    out: String,
    indent: usize,
    /// Blocks are printed on the line.
    flat: bool,
    /// Something could not be printed on the line.
    overflow: bool,
    /// Trailing comments, and the arrows of arms.
    marks: Vec<Mark>,
    groups: usize,
}

impl<'s> Printer<'s> {
    fn new(source: &'s str) -> Printer<'s> {
        let comments = scan::scan(source).comments;
        Printer {
            source,
            comments,
            comment: 0,
            out: String::with_capacity(source.len()),
            indent: 0,
            flat: false,
            overflow: false,
            marks: Vec::new(),
            groups: 0,
        }
    }

    fn script(mut self, script: &Script) -> String {
        let lines = script.items.iter().map(Line::Item).collect();
        self.sequence(lines, 0, self.source.len());
        let mut out = align(self.out, self.marks);
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }

    /// Prints lines with the comments among them; `open` and `close` bound them
    /// in the source.
    fn sequence(&mut self, lines: Vec<Line<'_>>, open: usize, close: usize) {
        let mut done = open;
        let mut first = true;
        for line in lines {
            let span = self.span_of(&line);
            self.own_comments(&mut done, span.start as usize, &mut first);
            self.begin_line(done, span.start as usize, first);
            first = false;
            self.line(&line, span);
            done = self.comments_after(span.end as usize);
        }
        self.own_comments(&mut done, close, &mut first);
    }

    /// On one line if it was on one and fits.
    fn line(&mut self, line: &Line<'_>, span: Span) {
        if !self.flat && !span.text(self.source).contains('\n') {
            let (out, marks, groups) = (self.out.len(), self.marks.len(), self.groups);
            self.flat = true;
            self.overflow = false;
            self.whole(line);
            self.flat = false;
            let start = self.out[..out].rfind('\n').map_or(0, |i| i + 1);
            if !self.overflow && self.out[start..].chars().count() <= WIDTH_MAX {
                return;
            }
            self.out.truncate(out);
            self.marks.truncate(marks);
            self.groups = groups;
        }
        self.whole(line);
    }

    fn whole(&mut self, line: &Line<'_>) {
        match line {
            Line::Item(item) => self.item(item),
            Line::Stmt(stmt) => self.stmt(stmt),
            Line::Field(object) => self.object(object),
            Line::Arm(arm) => self.arm(arm),
        }
    }

    fn span_of(&self, line: &Line<'_>) -> Span {
        match line {
            Line::Item(item) => item.span(),
            Line::Stmt(stmt) => stmt.span,
            Line::Field(object) => object.span,
            Line::Arm(arm) => arm.span(self.source),
        }
    }

    /// `{ … }` with the lines in it. `span` has the braces.
    fn braces(&mut self, lines: Vec<Line<'_>>, span: Span) {
        self.out.push('{');
        if lines.is_empty() && !self.comment_before(span.end as usize) {
            self.out.push_str(" }");
            return;
        }
        if self.flat {
            self.overflow |= lines.len() > 1;
            self.out.push(' ');
            for line in lines {
                self.whole(&line);
            }
            self.out.push_str(" }");
            return;
        }
        self.indent += 1;
        let open = self.comments_after(span.start as usize + 1);
        self.sequence(lines, open, span.end as usize - 1);
        self.indent -= 1;
        self.new_line();
        self.out.push('}');
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent * INDENT));
    }

    /// A new line, after a blank one if the source has one between.
    fn begin_line(&mut self, done: usize, start: usize, first: bool) {
        if self.out.is_empty() {
            return;
        }
        let gap = self.source.get(done..start).unwrap_or("");
        if !first && gap.matches('\n').count() > 1 {
            self.out.push('\n');
        }
        self.new_line();
    }

    // Comments ----------------------------------------------------------------

    fn comment_before(&self, place: usize) -> bool {
        self.comments.get(self.comment).is_some_and(|c| (c.start as usize) < place)
    }

    /// Prints the comments before `until`, each on a line of its own.
    fn own_comments(&mut self, done: &mut usize, until: usize, first: &mut bool) {
        while self.comment_before(until) {
            let comment = self.comments[self.comment];
            self.begin_line(*done, comment.start as usize, *first);
            if self.continues(comment) {
                let end = self.out.trim_end_matches(' ').len();
                self.out.truncate(end);
                self.mark_comment(comment);
                self.out.push_str("  ");
            }
            self.push_comment();
            *first = false;
            *done = comment.end as usize;
        }
    }

    /// Whether a comment goes on the one at the end of the line above.
    fn continues(&self, comment: Span) -> bool {
        let Some(mark) = self.marks.last().filter(|mark| mark.comment + 1 == self.comment) else { return false };
        let above = self.comments[mark.comment].end as usize;
        let gap = &self.source[above..comment.start as usize];
        mark.column == self.column(comment) && gap.trim().is_empty() && gap.matches('\n').count() == 1
    }

    /// After something that ends at `end`: first the comments inside it that
    /// found no place, then the one at the end of its line. Gives where the
    /// source goes on.
    fn comments_after(&mut self, end: usize) -> usize {
        if self.comment_before(end) {
            let mut done = end;
            self.own_comments(&mut done, end, &mut true);
            return end;
        }
        let Some(comment) = self.comments.get(self.comment).copied() else { return end };
        let gap = &self.source[end..comment.start as usize];
        if gap.contains(|c| !matches!(c, ' ' | '\t' | ';' | ',')) {
            return end;
        }
        self.mark_comment(comment);
        self.out.push_str("  ");
        self.push_comment();
        comment.end as usize
    }

    fn mark_comment(&mut self, comment: Span) {
        let column = self.column(comment);
        self.marks.push(Mark { place: self.out.len(), column, group: None, comment: self.comment });
    }

    fn push_comment(&mut self) {
        let comment = self.comments[self.comment];
        self.out.push_str(comment.text(self.source).trim_end());
        self.comment += 1;
    }

    /// The column of a place in the source, in characters.
    fn column(&self, span: Span) -> usize {
        let before = &self.source[..span.start as usize];
        before[before.rfind('\n').map_or(0, |i| i + 1)..].chars().count()
    }
}
