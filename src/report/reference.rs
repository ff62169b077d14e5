//! The language's reference by its words: what `docs/language.md` says of a
//! kind of object, a method, a statement, an error. The page itself is the
//! only copy; here its sections and tables are read.

use crate::lang::word::is_of_word;

/// The reference.
pub const PAGE: &str = include_str!("../../docs/language.md");

/// A row of one of the reference's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The pieces of code in its first cell: `join w`, `join ws`, `join all`.
    pub codes: Vec<&'static str>,
    /// The other cells that are not empty, as Markdown.
    pub text: String,
}

/// What is said of a kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    pub text: String,
    pub operations: Vec<Entry>,
}

/// A kind of object, or one of memory.
pub fn kind(word: &str) -> Option<Kind> {
    if let Some(section) = section(&format!("### `{word}`")) {
        let text = paragraph(section);
        // The findings have headings of the same form, and no operations.
        let operations = entries(section);
        return (!operations.is_empty()).then_some(Kind { text, operations });
    }
    let memory = section("## 3. Memory")?;
    let own = entries(memory).into_iter().find(|e| e.codes == [word])?;
    let operations = entries(memory).into_iter().filter(|e| e.codes.iter().any(|c| c.ends_with(')'))).collect();
    Some(Kind { text: own.text, operations })
}

/// A method of a kind, or of memory.
pub fn method(kind_word: &str, name: &str) -> Option<Entry> {
    let calls = |code: &str| code.strip_prefix(name).is_some_and(|rest| rest.starts_with('('));
    kind(kind_word)?.operations.into_iter().find(|e| e.codes.iter().any(|c| calls(c)))
}

/// A field of a handle or of `self`.
pub fn field(of: &str, name: &str) -> Option<Entry> {
    let wanted = format!("{of}.{name}");
    entries(section("### Handles and `self`")?).into_iter().find(|e| e.codes.contains(&wanted.as_str()))
}

/// A kind of error.
pub fn error(word: &str) -> Option<Entry> {
    entries(section("## 8. Errors")?).into_iter().find(|e| e.codes == [word])
}

/// What the tables of items, built-ins, tasks, statements and expectations say
/// of a word: each row that shows a use of it.
pub fn word(word: &str) -> Vec<Entry> {
    const SECTIONS: [&str; 5] = [
        "## 1. A script",
        "## 2. Values and expressions",
        "## 6. Tasks",
        "## 7. Statements",
        "## 11. What a script expects",
    ];
    let begins = |code: &str| code.split(|c: char| !is_of_word(c)).next() == Some(word);
    let rows = |headings: &[&str], shows: &dyn Fn(&str) -> bool| -> Vec<Entry> {
        let all = headings.iter().filter_map(|heading| section(heading)).flat_map(entries);
        all.filter(|e| e.codes.iter().any(|c| shows(c))).collect()
    };
    let found = rows(&SECTIONS, &begins);
    if !found.is_empty() {
        return found;
    }
    // What belongs to something else stands further behind in it.
    let found = rows(&SECTIONS, &|code| has_word(code, word));
    if found.is_empty() { rows(&["### `pool`"], &begins) } else { found }
}

/// What is said of a word that only goes with another one: the paragraph that shows it.
pub fn part(word: &str) -> Option<String> {
    const OF: [(&[&str], &str); 3] =
        [(&["after", "else"], "### `select`"), (&["reentrant"], "### `lock`"), (&["via", "manager"], "### `queue`")];
    let heading = OF.iter().find(|of| of.0.contains(&word))?.1;
    let paragraphs = section(heading)?.split("\n\n").map(|p| p.trim().replace('\n', " "));
    let shows = |p: &String| p.split('`').skip(1).step_by(2).any(|code| has_word(code, word));
    paragraphs.filter(|p| !p.starts_with("```") && !p.starts_with('|')).find(shows).map(|p| plain_links(&p))
}

/// Whether a piece of code has this word.
pub fn has_word(code: &str, word: &str) -> bool {
    code.split(|c: char| !is_of_word(c)).any(|w| w == word)
}

/// From a heading to the next one of its depth or above.
fn section(heading: &str) -> Option<&'static str> {
    let depth = heading.bytes().take_while(|b| *b == b'#').count();
    let start = PAGE
        .match_indices(heading)
        .find(|(at, _)| PAGE[..*at].ends_with('\n') && PAGE[at + heading.len()..].starts_with('\n'))?;
    let rest = &PAGE[start.0 + heading.len()..];
    // A comment in a script begins with one `#`, and no heading here does.
    let ends = rest.match_indices("\n##").map(|(at, _)| at);
    let depth_at = |at: usize| rest[at + 1..].bytes().take_while(|b| *b == b'#').count();
    let end = ends.into_iter().find(|at| depth_at(*at) <= depth).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The first paragraph, on one line.
fn paragraph(section: &str) -> String {
    let lines = section.trim_start().lines().take_while(|l| !l.is_empty());
    plain_links(&lines.collect::<Vec<_>>().join(" "))
}

/// The rows of all tables.
fn entries(section: &'static str) -> Vec<Entry> {
    let is_row = |l: &&str| l.starts_with('|') && !l.starts_with("|---");
    section.lines().filter(is_row).filter_map(entry).collect()
}

fn entry(row: &'static str) -> Option<Entry> {
    let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
    // A value stands behind its type.
    let of = cells.iter().take(2).position(|c| c.starts_with('`')).unwrap_or(0);
    let codes: Vec<&str> = cells[of].split('`').skip(1).step_by(2).collect();
    let others = cells.iter().enumerate().filter(|(n, c)| *n != of && !c.is_empty());
    let text: Vec<String> = others.map(|(_, c)| plain_links(c)).collect();
    (!codes.is_empty()).then(|| Entry { codes, text: text.join("; ") })
}

/// Without links, which lead to places within the page.
fn plain_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        match link.split_once("](").and_then(|(words, target)| Some((words, target.split_once(')')?.1))) {
            Some((words, after)) if !words.contains(['[', '`']) => {
                out.push_str(before);
                out.push_str(words);
                rest = after;
            }
            _ => {
                out.push_str(before);
                out.push('[');
                rest = link;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_a_text_and_its_operations() {
        let lock = kind("lock").expect("locks are described");
        assert!(lock.text.starts_with("`lock m`, `lock m reentrant`. A mutex."), "{}", lock.text);
        assert_eq!(lock.operations[0].codes, ["acquire(blocking: true, timeout: none)"]);
        assert_eq!(method("queue", "get").expect("it is there").codes, ["get(blocking: true, timeout: none)"]);
        assert_eq!(method("queue", "qsize").expect("it is there").codes.len(), 3);
        assert_eq!(method("lock", "acq"), None);
        assert!(method("atomic", "cas").expect("it is there").text.starts_with("a bool;"));
        assert!(kind("shared").expect("memory is described").text.contains("all processes"));
        assert_eq!(kind("race"), None);
    }

    #[test]
    fn words_have_the_rows_that_show_them() {
        assert_eq!(word("join").len(), 2);
        assert!(word("const")[0].text.contains("constant"));
        assert!(word("expect").len() >= 3);
        assert!(word("with")[0].text.contains("see locks"), "{:?}", word("with"));
        assert!(word("banana").is_empty());
        assert!(word("true")[0].text.starts_with("bool;"), "{:?}", word("true"));
        assert!(word("catch")[0].text.contains("errors") && word("submit")[0].text.contains("handle"));
        for reserved in crate::lang::word::reserved() {
            assert!(!word(reserved).is_empty() || part(reserved).is_some(), "nothing is said of `{reserved}`");
        }
        let (reentrant, via) = (part("reentrant").unwrap_or_default(), part("via").unwrap_or_default());
        assert!(reentrant.contains("`lock m reentrant`") && via.contains("via manager"), "{reentrant} {via}");
        assert!(error("Empty").is_some() && error("empty").is_none());
        assert!(field("self", "index").is_some() && field("w", "result").is_some());
    }

    #[test]
    fn links_become_their_words() {
        assert_eq!(plain_links("an [object](#4-objects) or [x"), "an object or [x");
        assert_eq!(plain_links("`xs[i]` (see)"), "`xs[i]` (see)");
    }
}
