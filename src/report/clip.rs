//! Long lines in pictures of the source: what is far from every place in such a
//! line is left out, so that a report on a script of one endless line can be
//! read. It owns which parts are kept and where they stand; which places there
//! are, and the drawing, belong to `snippet`.

use super::source::Source;

/// A line of at most this many bytes is shown whole.
const LINE_MAX: usize = 400;
/// What is kept of a longer one: so many bytes before a place, of the place,
/// and after it.
const BEFORE: usize = 60;
const OF_PLACE: usize = 100;
const AFTER: usize = 40;

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
    /// `places` are ranges of bytes on whole characters.
    pub fn new(source: &Source, places: &[(usize, usize)], ellipsis: &str) -> Clipped {
        let text = &source.text;
        if text.split('\n').all(|line| line.len() <= LINE_MAX) {
            return Clipped { source: source.clone(), parts: Vec::new(), whole: source.clone() };
        }
        let (mut out, mut parts, mut at) = (String::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let mut kept = if line.len() <= LINE_MAX { vec![(0, line.len())] } else { windows(line, at, places) };
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

/// The parts of a long line, which begins at byte `at` of the script, that are
/// near a place: in order and apart from each other. Its head if there is none.
fn windows(line: &str, at: usize, places: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let boundary = |mut byte: usize| {
        byte = byte.min(line.len());
        while !line.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    };
    let mut here: Vec<(usize, usize)> = places
        .iter()
        .filter(|(start, _)| (at..at + line.len()).contains(start))
        .map(|(start, end)| {
            let (start, end) = (start - at, end.saturating_sub(at).max(start - at));
            (boundary(start.saturating_sub(BEFORE)), boundary(end.min(start + OF_PLACE) + AFTER))
        })
        .collect();
    if here.is_empty() {
        here.push((0, boundary(OF_PLACE)));
    }
    here.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::new();
    for (from, to) in here {
        match apart.last_mut() {
            Some(last) if last.1 >= from => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lines_stay_as_they_are() {
        let source = Source::new("s", "one\ntwo\n");
        let clipped = Clipped::new(&source, &[(4, 7)], "…");
        assert_eq!((clipped.source.text.as_str(), clipped.place((4, 7)), clipped.column(5)), ("one\ntwo\n", (4, 7), 1));
    }

    #[test]
    fn a_long_line_keeps_what_is_near_a_place_and_its_columns() {
        let text = format!("first\n{}HERE{}\nlast\n", "a".repeat(1000), "ä".repeat(1000));
        let at = text.find("HERE").unwrap();
        let clipped = Clipped::new(&Source::new("s", text), &[(at, at + 4)], "…");
        let shown = format!("first\n…{}HERE{}…\nlast\n", "a".repeat(60), "ä".repeat(20));
        assert_eq!(clipped.source.text, shown);
        let (start, end) = clipped.place((at, at + 4));
        assert_eq!(&shown[start..end], "HERE");
        assert_eq!(clipped.column(start), 1000);
    }

    #[test]
    fn a_place_that_is_too_long_itself_is_cut() {
        let clipped = Clipped::new(&Source::new("s", "x".repeat(10_000)), &[(0, 10_000)], "…");
        assert_eq!(clipped.source.text, format!("{}…", "x".repeat(140)));
        assert_eq!(clipped.place((0, 10_000)), (0, 140));
    }

    #[test]
    fn places_far_apart_in_one_line_are_both_shown() {
        let line = "x".repeat(10_000);
        let clipped = Clipped::new(&Source::new("s", line), &[(10, 20), (5000, 5001)], "…");
        assert_eq!(clipped.source.text.matches('…').count(), 2);
        assert_eq!(clipped.column(clipped.place((5000, 5001)).0), 5000);
    }
}
