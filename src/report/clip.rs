//! Wide lines in pictures of the source: of a line that has no room in the width
//! what is far from every place is left out, so that a narrow terminal breaks no
//! picture and a report on a script of one endless line can be read. It owns which
//! parts are kept and where they stand; which places there are, and the drawing,
//! belong to `snippet`.

use super::phrase;
use super::source::Source;

/// At the most so many columns.
pub const TAB_WIDTH: usize = 4;
/// What is kept for each of several places far from each other takes at least so
/// many columns.
const PART_MIN: usize = 8;

/// A part of the script that is kept: its bytes there, and where it stands now.
#[derive(Debug)]
struct Part {
    start: usize,
    end: usize,
    now: usize,
}

/// A script whose long lines have been shortened.
#[derive(Debug)]
pub struct Clipped {
    pub source: Source,
    /// Empty if no line was long.
    parts: Vec<Part>,
    whole: Source,
}

impl Clipped {
    /// `places` are ranges of bytes on whole characters, `room` is how many
    /// columns there are.
    pub fn new(source: &Source, places: &[(usize, usize)], ellipsis: &str, room: usize) -> Clipped {
        let text = &source.text;
        let fits = |line: &str| width(line.strip_suffix('\n').unwrap_or(line)) <= room;
        if text.split('\n').all(fits) {
            return Clipped { source: source.clone(), parts: Vec::new(), whole: source.clone() };
        }
        let dots = phrase::columns(ellipsis);
        let (mut out, mut parts, mut at) = (String::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let mut kept = if fits(line) { vec![(0, line.len())] } else { windows(line, at, places, room, dots) };
            if let Some(last) = kept.last_mut().filter(|_| line.ends_with('\n')) {
                // The newline stays, so that lines keep their numbers.
                if last.1 < line.len() - 1 {
                    kept.push((line.len() - 1, line.len()));
                } else {
                    last.1 = line.len();
                }
            }
            let mut done = 0;
            for (from, to) in kept {
                if from > done {
                    out.push_str(ellipsis);
                }
                parts.push(Part { start: at + from, end: at + to, now: out.len() });
                out.push_str(&line[from..to]);
                done = to;
            }
            if done < line.len() {
                out.push_str(ellipsis);
            }
            at += line.len();
        }
        Clipped { source: Source::new(source.name.clone(), out), parts, whole: source.clone() }
    }

    /// Where a range of the script stands now; its end may have been left out.
    pub fn place(&self, (start, end): (usize, usize)) -> (usize, usize) {
        let Some(part) = self.parts.iter().rev().find(|p| p.start <= start) else { return (start, end) };
        let now = |at: usize| part.now + at.clamp(part.start, part.end) - part.start;
        (now(start), now(end))
    }

    /// How many characters stand before a byte of the clipped text in its line
    /// of the script.
    pub fn column(&self, now: usize) -> usize {
        let at = match self.parts.iter().rev().find(|p| p.now <= now) {
            Some(part) => (part.start + now - part.now).min(part.end),
            None => now,
        };
        let text = &self.whole.text;
        text.get(self.whole.line_start(at)..at).map_or(0, |before| before.chars().count())
    }
}

/// The parts of a wide line, which begins at byte `at` of the script, that are
/// near a place: in order and apart from each other. Its head, if that shows all
/// places.
fn windows(line: &str, at: usize, places: &[(usize, usize)], room: usize, dots: usize) -> Vec<(usize, usize)> {
    let end = line.trim_end_matches(['\n', '\r']).len();
    let here: Vec<(usize, usize)> = places
        .iter()
        .filter(|(start, _)| (at..at + line.len()).contains(start))
        .map(|(start, stop)| (*start - at, stop.saturating_sub(at).min(end).max(*start - at)))
        .collect();
    let first = here.iter().map(|h| h.0).min().unwrap_or(0);
    let last = here.iter().map(|h| h.1).max().unwrap_or(0);
    let head = forward(line, 0, room.saturating_sub(dots));
    if last <= head {
        return vec![(0, head)];
    }
    let all = width(&line[first..last]);
    let whole = room.saturating_sub(2 * dots);
    if all <= whole {
        let from = backward(line, first, (whole - all) / 2);
        let to = forward(line, from, whole);
        // Up to the end of the line there is no need for dots there.
        return vec![if to < end { (from, to) } else { (backward(line, end, whole + dots), line.len()) }];
    }
    let share = (room / here.len()).saturating_sub(2 * dots).max(PART_MIN);
    let mut parts: Vec<(usize, usize)> = here
        .iter()
        .map(|(start, stop)| {
            let from = backward(line, *start, share.saturating_sub(width(&line[*start..*stop])).min(share / 4));
            (from, forward(line, from, share))
        })
        .collect();
    parts.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::new();
    for (from, to) in parts {
        match apart.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

fn width(text: &str) -> usize {
    text.chars().map(column_count).sum()
}

fn column_count(c: char) -> usize {
    if c == '\t' { TAB_WIDTH } else { phrase::columns(c.encode_utf8(&mut [0; 4])) }
}

/// The byte of a line that so many columns behind `from` lead to.
fn forward(line: &str, from: usize, mut columns: usize) -> usize {
    for (n, c) in line[from..].char_indices() {
        match columns.checked_sub(column_count(c)) {
            Some(rest) if c != '\n' => columns = rest,
            _ => return from + n,
        }
    }
    line.len()
}

/// The same to the left.
fn backward(line: &str, from: usize, mut columns: usize) -> usize {
    for (n, c) in line[..from].char_indices().rev() {
        match columns.checked_sub(column_count(c)) {
            Some(rest) => columns = rest,
            None => return n + c.len_utf8(),
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clipped(text: &str, places: &[(usize, usize)], room: usize) -> Clipped {
        Clipped::new(&Source::new("s", text), places, "…", room)
    }

    #[test]
    fn lines_with_room_stay_as_they_are() {
        let clipped = clipped("one\ntwo\n", &[(4, 7)], 3);
        assert_eq!((clipped.source.text.as_str(), clipped.place((4, 7)), clipped.column(5)), ("one\ntwo\n", (4, 7), 1));
    }

    #[test]
    fn of_a_wide_line_its_head_is_kept_if_that_shows_the_places() {
        let text = "x = first + second + third\nother lines that are wide too\n";
        let clipped = clipped(text, &[(0, 1), (4, 9)], 12);
        assert_eq!(clipped.source.text, "x = first +…\nother lines…\n");
        assert_eq!(clipped.place((4, 9)), (4, 9));
    }

    #[test]
    fn a_wide_line_keeps_what_is_near_a_place_and_its_columns() {
        let text = format!("first\n{}HERE{}\nlast\n", "a".repeat(1000), "ä".repeat(1000));
        let at = text.find("HERE").unwrap();
        let clipped = clipped(&text, &[(at, at + 4)], 20);
        let shown = format!("first\n…{}HERE{}…\nlast\n", "a".repeat(7), "ä".repeat(7));
        assert_eq!(clipped.source.text, shown);
        let (start, end) = clipped.place((at, at + 4));
        assert_eq!(&shown[start..end], "HERE");
        assert_eq!(clipped.column(start), 1000);
    }

    #[test]
    fn a_place_at_the_end_of_a_wide_line_needs_no_dots_behind_it() {
        let text = format!("{}HERE\n", "a".repeat(100));
        assert_eq!(clipped(&text, &[(100, 104)], 20).source.text, format!("…{}HERE\n", "a".repeat(15)));
    }

    #[test]
    fn a_place_that_is_too_wide_itself_is_cut() {
        let clipped = clipped(&"x".repeat(10_000), &[(0, 10_000)], 30);
        assert_eq!(clipped.source.text, format!("{}…", "x".repeat(28)));
        assert_eq!(clipped.place((0, 10_000)), (0, 28));
    }

    #[test]
    fn places_far_apart_in_one_line_are_both_shown() {
        let clipped = clipped(&"x".repeat(10_000), &[(10, 20), (5000, 5001)], 60);
        assert_eq!(clipped.source.text.matches('…').count(), 3);
        assert!(width(&clipped.source.text) <= 60, "{}", clipped.source.text);
        assert_eq!(clipped.column(clipped.place((5000, 5001)).0), 5000);
    }

    #[test]
    fn wide_characters_and_tabs_have_their_columns() {
        let text = format!("\t{}HERE{}", "中".repeat(50), "中".repeat(50));
        let at = text.find("HERE").unwrap();
        let clipped = clipped(&text, &[(at, at + 4)], 20);
        assert_eq!(clipped.source.text, format!("…{}HERE{}…", "中".repeat(3), "中".repeat(4)));
    }
}
