//! What stood in one column stays in one: trailing comments of consecutive
//! lines, the arrows of consecutive arms. Columns are counted in characters.

/// The blanks between code and its comment.
const GAP: usize = 2;
/// Comments further out are brought in.
const COLUMN_MAX: usize = 80;

/// A place in the output where blanks may be put in.
pub(super) struct Mark {
    /// Byte offset in the output; for a comment, of the end of its line's code.
    pub place: usize,
    /// The column that it had in the source.
    pub column: usize,
    /// The arrows that go together; `None` for a comment.
    pub group: Option<usize>,
    /// A comment's number; of an arrow, no comment's.
    pub comment: usize,
}

/// Puts in the blanks. Arrows first: they move the comments behind them.
pub(super) fn align(mut out: String, mut marks: Vec<Mark>) -> String {
    let arrows: Vec<usize> = (0..marks.len()).filter(|i| marks[*i].group.is_some()).collect();
    for run in runs(&arrows, |a, b| marks[a].group == marks[b].group && marks[a].column == marks[b].column) {
        pad(&mut out, &mut marks, &run, 0);
    }
    let comments: Vec<usize> = (0..marks.len()).filter(|i| marks[*i].group.is_none()).collect();
    let lines: Vec<usize> = line_numbers(&out, &marks);
    let next = |a: usize, b: usize| lines[a] + 1 == lines[b] && marks[a].column == marks[b].column;
    for run in runs(&comments, next) {
        // A comment keeps the column it was given, if there is room for it.
        let given = marks[run[0]].column.min(COLUMN_MAX).saturating_sub(GAP);
        pad(&mut out, &mut marks, &run, given);
    }
    out
}

/// Consecutive members that belong together.
fn runs(members: &[usize], together: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for member in members {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| together(*last, *member)) => run.push(*member),
            _ => runs.push(vec![*member]),
        }
    }
    runs
}

/// Moves all of `run` to the column of the furthest, or to `least`.
fn pad(out: &mut String, marks: &mut [Mark], run: &[usize], least: usize) {
    let columns: Vec<usize> = run.iter().map(|i| column(out, marks[*i].place)).collect();
    let furthest = columns.iter().copied().max().unwrap_or(0).max(least);
    for (i, column) in run.iter().zip(columns) {
        let place = marks[*i].place;
        let blanks = furthest - column;
        out.insert_str(place, &" ".repeat(blanks));
        for mark in marks.iter_mut().filter(|mark| mark.place > place) {
            mark.place += blanks;
        }
    }
}

fn column(out: &str, place: usize) -> usize {
    out[out[..place].rfind('\n').map_or(0, |i| i + 1)..place].chars().count()
}

/// The line of each mark; marks are in the order of the output.
fn line_numbers(out: &str, marks: &[Mark]) -> Vec<usize> {
    let mut line = 0;
    let mut done = 0;
    marks
        .iter()
        .map(|mark| {
            line += out[done..mark.place].matches('\n').count();
            done = mark.place;
            line
        })
        .collect()
}
