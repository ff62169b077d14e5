//! Pieces of sentences: lists of names, numbers with their nouns, verbs for
//! one and for many, text made safe for a terminal, and text broken to a width.
//! What the sentences say belongs to the files of the findings.

/// `a`, `a and b`, `a, b and c`, and beyond `names_max` names
/// `a, b and 3 more`.
pub fn list<S: AsRef<str>>(names: &[S], names_max: usize) -> String {
    list_of(names, 0, names_max)
}

/// The same where there are `more` that are not named.
pub fn list_of<S: AsRef<str>>(names: &[S], more: u64, names_max: usize) -> String {
    join(names, more, names_max, "and")
}

/// As `list`, with `or`.
pub fn either<S: AsRef<str>>(names: &[S]) -> String {
    join(names, 0, usize::MAX, "or")
}

fn join<S: AsRef<str>>(names: &[S], more: u64, names_max: usize, word: &str) -> String {
    let all = names.len() as u64 + more;
    let named = if all > names_max as u64 { names_max.saturating_sub(1).max(1) } else { names.len() };
    let shown = named.min(names.len());
    let mut parts: Vec<String> = names[..shown].iter().map(|n| n.as_ref().to_string()).collect();
    if all > shown as u64 {
        parts.push(format!("{} more", all - shown as u64));
    }
    match parts.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}

/// `1 task`, `3 tasks`.
pub fn count(number: u64, noun: &str) -> String {
    let ending = match noun {
        _ if number == 1 => "",
        _ if noun.ends_with("ss") => "es",
        _ => "s",
    };
    format!("{number} {noun}{ending}")
}

/// `a lock`, `an event`, `an Empty error`.
pub fn one(noun: &str) -> String {
    let vowel = noun.to_ascii_lowercase().starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {noun}", if vowel { "an" } else { "a" })
}

/// A number of things as the beginning of a sentence: `two`, `17`.
pub fn number(number: usize) -> String {
    match number {
        1 => "one".into(),
        2 => "two".into(),
        3 => "three".into(),
        4 => "four".into(),
        n => n.to_string(),
    }
}

/// What one does, said of several: `writes 3` becomes `write 3`.
pub fn many(deed: &str) -> String {
    let (verb, rest) = deed.split_once(' ').map_or((deed, ""), |(verb, rest)| (verb, rest));
    let verb = match verb {
        "is" => "are",
        "was" => "were",
        "has" => "have",
        "goes" => "go",
        _ => verb.strip_suffix('s').unwrap_or(verb),
    };
    let rest = rest
        .replace("it holds itself", "they hold themselves")
        .replace(" that it spawned", " that they spawned")
        .replace("its condition", "their conditions")
        .replace(" and waits", " and wait");
    if rest.is_empty() { verb.to_string() } else { format!("{verb} {rest}") }
}

/// Names as the subject of a deed: `a writes 3`, `a and b write 3`.
pub fn deed<S: AsRef<str>>(names: &[S], names_max: usize, what: &str) -> String {
    match names {
        [] => what.to_string(),
        [one] => format!("{} {what}", one.as_ref()),
        _ => format!("{} {}", list(names, names_max), many(what)),
    }
}

/// Text of the script or its values, safe on one line of a terminal: control
/// and direction characters are escaped.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Text cut to so many columns, with an ellipsis where something is missing.
pub fn cut(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_string();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += column_count(c);
        if used > columns_max {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Characters that would move a terminal's cursor or turn its text around.
pub fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How many columns of a terminal a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(column_count).sum()
}

/// A line of any length as rows of a terminal. Escape sequences that set
/// colours stay and take no columns; other control characters could move the
/// cursor, so a tab becomes spaces and the rest a sign.
pub fn rows(line: &str, width: usize) -> Vec<String> {
    let (mut rows, mut row, mut used) = (Vec::new(), String::new(), 0);
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if let Some(length) = color_length(rest) {
            row.push_str(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let (c, times) = match c {
            '\t' => (' ', 8 - used % 8),
            c if c.is_control() => ('\u{fffd}', 1),
            c => (c, 1),
        };
        for _ in 0..times {
            if used + column_count(c) > width {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            row.push(c);
            used += column_count(c);
        }
    }
    rows.push(row);
    rows
}

/// How long the colour sequence is that a text begins with.
fn color_length(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inner[end..].starts_with('m').then_some(2 + end + 1)
}

fn column_count(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Breaks a text into lines of at most `width` columns, between words where it
/// can. Always at least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let long = columns(word);
        let space = usize::from(used > 0);
        if used + space + long > width && used > 0 {
            lines.push(String::new());
            used = 0;
        }
        let space = usize::from(used > 0);
        for c in " ".repeat(space).chars().chain(word.chars()) {
            let wide = column_count(c);
            if used + wide > width && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += wide;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_names() {
        assert_eq!(list(&["a"], 3), "a");
        assert_eq!(list(&["a", "b"], 3), "a and b");
        assert_eq!(list(&["a", "b", "c"], 3), "a, b and c");
        assert_eq!(list(&["a", "b", "c", "d", "e"], 3), "a, b and 3 more");
        assert_eq!(either(&["put", "close"]), "put or close");
        assert_eq!(list::<&str>(&[], 3), "");
    }

    #[test]
    fn deeds_agree_with_their_subject() {
        assert_eq!(deed(&["a"], 3, "writes 3"), "a writes 3");
        assert_eq!(deed(&["a", "b"], 3, "writes 3"), "a and b write 3");
        assert_eq!(deed(&["a", "b"], 3, "is stuck"), "a and b are stuck");
        assert_eq!(many("waits"), "wait");
        assert_eq!(count(1, "process"), "1 process");
        assert_eq!(count(2, "process"), "2 processes");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in 1..30 {
            for line in wrap("one two  threeeeeeeeeeeeeee 漢字漢字 four", width) {
                assert!(columns(&line) <= width.max(2), "{line:?} in {width}");
            }
        }
        assert_eq!(wrap("ab cd ef", 5), ["ab cd", "ef"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn what_a_script_says_cannot_move_the_cursor() {
        assert_eq!(plain("a\n\u{1b}[2Jb"), "a\\n\\u{1b}[2Jb");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
