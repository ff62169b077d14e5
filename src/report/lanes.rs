//! A way through the interleavings as lanes: a column for each task, a row for
//! each step, with the line of the source and the values that it read or wrote.
//! It owns the drawing; which steps there are, the explorer knows.

use super::source::Source;
use super::{Style, phrase};
use crate::lang::ast::Span;

/// A way, as it is to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lanes {
    /// The names of the tasks, in the order of the columns.
    pub names: Vec<String>,
    pub steps: Vec<Step>,
    /// The steps from here on go round for ever.
    pub circle_from: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// A place in the names.
    pub lane: usize,
    pub span: Span,
    pub text: String,
}

/// A column is at least so wide, else the tasks are named in each row.
const COLUMN_MIN: usize = 14;
const COLUMN_MAX: usize = 34;
/// So many rows at the most, unless everything is asked for.
const ROWS_MAX: usize = 60;

/// The way as text, one line a step.
pub fn text(lanes: &Lanes, source: &Source, style: &Style) -> String {
    let style = style.within_bounds();
    if lanes.steps.is_empty() {
        return String::new();
    }
    let rows = rows_of(lanes);
    let lines: Vec<String> = rows.iter().map(|row| line_of(source, &lanes.steps[row.from])).collect();
    let number_width = lines.iter().map(String::len).max().unwrap_or(0).max(4);
    let room = style.width.saturating_sub(number_width + 3);
    let column = (room / lanes.names.len().max(1)).min(COLUMN_MAX);
    let mut out = String::new();
    let most = if style.verbose { usize::MAX } else { ROWS_MAX };
    let narrow = column < COLUMN_MIN;
    if !narrow {
        let mut head = format!("{:>number_width$}  ", "line");
        for name in &lanes.names {
            head.push_str(&padded(&style.own_cut(name, column - 1), column));
        }
        out.push_str(&format!("{}\n", style.paint("1", head.trim_end())));
    }
    let skipped = rows.len().saturating_sub(most);
    let left_out = if skipped > 0 { most / 2..most / 2 + skipped } else { 0..0 };
    for (n, row) in rows.iter().enumerate() {
        if skipped > 0 && n == left_out.start {
            let steps: usize = rows[left_out.clone()].iter().map(|row| row.count).sum();
            out.push_str(&format!("{:>number_width$}  {steps} more steps\n", ""));
        }
        if left_out.contains(&n) {
            continue;
        }
        let step = &lanes.steps[row.from];
        if lanes.circle_from == Some(row.from) {
            out.push_str(&format!("{:>number_width$}  from here on round and round:\n", ""));
        }
        let text = if narrow { format!("{}: {}", lanes.names[step.lane], step.text) } else { step.text.clone() };
        let indent = if narrow { 0 } else { step.lane * column };
        let width =
            if narrow { room } else { column.saturating_sub(1).max(room.saturating_sub(indent).min(COLUMN_MAX)) };
        let times = if row.count == 1 { String::new() } else { format!(" ({} times)", row.count) };
        let text = style.own_cut(&text, width.saturating_sub(phrase::columns(&times)));
        out.push_str(&format!("{:>number_width$}  {}{text}{times}\n", lines[n], " ".repeat(indent)));
    }
    out
}

/// What is drawn as one row.
struct Row {
    /// The first of its steps.
    from: usize,
    count: usize,
}

/// A row for each step; for steps of one task that follow each other and are the same, as a loop
/// makes them, one for all. What goes round for ever begins with a row of its own.
fn rows_of(lanes: &Lanes) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (n, step) in lanes.steps.iter().enumerate() {
        match rows.last_mut() {
            Some(row) if lanes.steps[row.from] == *step && lanes.circle_from != Some(n) => row.count += 1,
            _ => rows.push(Row { from: n, count: 1 }),
        }
    }
    rows
}

fn line_of(source: &Source, step: &Step) -> String {
    if step.span == Span::default() { String::new() } else { source.position(step.span).line.to_string() }
}

fn padded(text: &str, width: usize) -> String {
    let more = width.saturating_sub(phrase::columns(text));
    format!("{text}{}", " ".repeat(more))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way() -> Lanes {
        let step = |lane, start, text: &str| Step { lane, span: Span::new(start, start + 1), text: text.into() };
        let steps =
            vec![step(0, 0, "spawn a"), step(1, 4, "read x: 0"), step(2, 4, "read x: 0"), step(1, 6, "write x: 1")];
        Lanes { names: vec!["main".into(), "a".into(), "b".into()], steps, circle_from: Some(2) }
    }

    #[test]
    fn a_column_a_task() {
        let source = Source::new("s.conc", "a\nb\nc\nd\ne\n");
        insta::assert_snapshot!(text(&way(), &source, &Style::default()), @r"
        line  main                    a                       b
           1  spawn a
           3                          read x: 0
              from here on round and round:
           3                                                  read x: 0
           4                          write x: 1
        ");
    }

    #[test]
    fn equal_rows_of_one_task_are_one() {
        let source = Source::new("s.conc", "a\nb\nc\nd\ne\n");
        let mut lanes = way();
        let beat = Step { text: "print \"a text that takes all of its lane\"".into(), ..lanes.steps[1].clone() };
        lanes.steps.splice(1..2, vec![beat; 70]);
        lanes.circle_from = Some(69);
        insta::assert_snapshot!(text(&lanes, &source, &Style::default()), @r#"
        line  main                    a                       b
           1  spawn a
           3                          print "a text that tak… (68 times)
              from here on round and round:
           3                          print "a text that take… (2 times)
           3                                                  read x: 0
           4                          write x: 1
        "#);
    }

    #[test]
    fn too_many_tasks_are_named_in_the_rows() {
        let source = Source::new("s.conc", "a\nb\nc\nd\ne\n");
        let many = Lanes { names: (0..12).map(|n| format!("t{n}")).collect(), circle_from: None, ..way() };
        insta::assert_snapshot!(text(&many, &source, &Style::default()), @r"
           1  t0: spawn a
           3  t1: read x: 0
           3  t2: read x: 0
           4  t1: write x: 1
        ");
    }

    #[test]
    fn what_is_cut_is_marked_as_the_terminal_can_show_it() {
        let source = Source::new("s.conc", "a\nb\nc\nd\ne\n");
        let mut long = way();
        long.names[0] = "a task with quite a long name".into();
        long.steps[1].text = "read x: \"a value that is longer than its lane and the next one\"".into();
        let shown = |unicode| text(&long, &source, &Style { unicode, ..Style::default() });
        let (plain, marked) = (shown(false), shown(true));
        assert!(plain.is_ascii() && plain.matches("...").count() == 2, "{plain}");
        assert_eq!(marked.matches('…').count(), 2, "{marked}");
        let columns = |text: &str| text.lines().map(|l| l.chars().count()).collect::<Vec<_>>();
        assert_eq!(columns(&plain), columns(&marked), "{plain}{marked}");
    }
}
