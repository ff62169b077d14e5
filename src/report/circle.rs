//! Tasks that wait for each other in a circle, drawn closed: on one row if
//! that fits, else one below the other. It owns the drawing; which tasks these
//! are, its readers know.

use super::phrase;

/// More are not drawn: a picture that cannot be seen at once shows nothing.
const TASKS_MAX: usize = 12;

/// One side of a circle: a task, and the object through which it waits for the
/// next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    pub task: String,
    /// `lock b`; empty where it is none.
    pub through: String,
}

/// The signs that a drawing is made of.
struct Signs {
    across: &'static str,
    down: &'static str,
    right: &'static str,
    below: &'static str,
    /// Top left and right, bottom left and right.
    corners: [&'static str; 4],
}

const UNICODE: Signs =
    Signs { across: "─", down: "│", right: "▶", below: "▼", corners: ["╭", "╮", "╰", "╯"] };
const ASCII: Signs = Signs { across: "-", down: "|", right: ">", below: "v", corners: ["+", "+", "+", "+"] };

/// The rows of the drawing, none wider than `width` columns unless a name is;
/// none at all for too large a circle.
pub fn draw(circle: &[Side], width: usize, unicode: bool) -> Vec<String> {
    if !(2..=TASKS_MAX).contains(&circle.len()) {
        return Vec::new();
    }
    let signs = if unicode { &UNICODE } else { &ASCII };
    let row = across(circle, signs);
    if phrase::columns(&row[0]) <= width { row } else { downwards(circle, signs) }
}

/// ```text
/// ╭─▶ left ── lock b ──▶ right ── lock a ─╮
/// ╰───────────────────────────────────────╯
/// ```
fn across(circle: &[Side], signs: &Signs) -> Vec<String> {
    let [top_left, top_right, bottom_left, bottom_right] = signs.corners;
    let Signs { across, right, .. } = signs;
    let mut row = format!("{top_left}{across}{right} ");
    for (n, side) in circle.iter().enumerate() {
        let through = if side.through.is_empty() { String::new() } else { format!(" {} {across}", side.through) };
        row.push_str(&format!("{} {across}{across}{through}", side.task));
        row.push_str(&if n + 1 < circle.len() { format!("{across}{right} ") } else { top_right.to_string() });
    }
    let below = across.repeat(phrase::columns(&row) - 2);
    vec![row, format!("{bottom_left}{below}{bottom_right}")]
}

/// ```text
/// ╭─▶ left
/// │     │ lock b
/// │     ▼
/// │   right
/// │     │ lock a
/// ╰─────╯
/// ```
fn downwards(circle: &[Side], signs: &Signs) -> Vec<String> {
    let [top_left, _, bottom_left, bottom_right] = signs.corners;
    let Signs { across, down, right, below, .. } = signs;
    let mut rows = Vec::new();
    for (n, side) in circle.iter().enumerate() {
        let edge = if n == 0 { format!("{top_left}{across}{right}") } else { format!("{down}  ") };
        rows.push(format!("{edge} {}", side.task));
        rows.push(format!("{down}     {down} {}", side.through).trim_end().to_string());
        rows.push(match n + 1 < circle.len() {
            true => format!("{down}     {below}"),
            false => format!("{bottom_left}{}{bottom_right}", across.repeat(5)),
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circle(tasks: &[(&str, &str)]) -> Vec<Side> {
        tasks.iter().map(|(task, through)| Side { task: task.to_string(), through: through.to_string() }).collect()
    }

    #[test]
    fn a_small_circle_is_one_row() {
        let drawn = draw(&circle(&[("left", "lock b"), ("right", "lock a")]), 60, true);
        assert_eq!(drawn, ["╭─▶ left ── lock b ──▶ right ── lock a ─╮", "╰───────────────────────────────────────╯"]);
        let drawn = draw(&circle(&[("left", ""), ("right", "its end")]), 60, false);
        assert_eq!(drawn, ["+-> left ---> right -- its end -+", "+-------------------------------+"]);
    }

    #[test]
    fn a_wide_one_goes_downwards() {
        let drawn = draw(&circle(&[("left", "lock b"), ("right", "lock a")]), 30, true);
        assert_eq!(drawn.join("\n"), "╭─▶ left\n│     │ lock b\n│     ▼\n│   right\n│     │ lock a\n╰─────╯");
    }

    #[test]
    fn a_large_one_is_not_drawn() {
        let many = vec![Side { task: "p".to_string(), through: "lock f".to_string() }; 13];
        assert!(draw(&many, 60, true).is_empty());
        assert!(draw(&many[..1], 60, true).is_empty());
    }
}
