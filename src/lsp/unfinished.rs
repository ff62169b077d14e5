//! A script with a place where somebody is typing: what there is of it is made whole, so
//! that the parser can read what stands around, and the compiler knows the names there.

use crate::lang::parse::parse_all;
use crate::lang::word::is_of_word;

/// What may stand for the word that is being typed and what is to follow.
const STANDING_IN: [&str; 5] = ["x()", "x", "x { }", "any { }", "x = 1"];

/// The text with something whole in place of the word at `byte`, and with the brackets
/// closed that are open there. All before that word is as it was; where it begins.
pub fn whole(text: &str, byte: usize) -> (String, usize) {
    let head = text[..byte].trim_end_matches(is_of_word);
    let tail = text[byte..].trim_start_matches(is_of_word);
    // What is closed behind it are the outermost brackets that are open in front.
    let open = unclosed(head);
    let close: String = open.iter().skip(closers(tail)).rev().map(|c| format!(" {c}")).collect();
    let with = |word: &str| format!("{head}{word}{close}{tail}");
    let wrong = |text: &String| parse_all(text).errors.len();
    let tried = STANDING_IN.map(with);
    (tried.into_iter().min_by_key(wrong).unwrap_or_default(), head.len())
}

/// The characters of a text that are no comment and in no string.
fn code(text: &str) -> impl Iterator<Item = char> {
    let (mut quoted, mut comment, mut escaped) = (false, false, false);
    text.chars().filter(move |c| {
        match c {
            '\n' => (quoted, comment, escaped) = (false, false, false),
            _ if comment => {}
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted => comment = true,
            _ => return !quoted,
        }
        false
    })
}

fn closing(c: char) -> Option<char> {
    [('(', ')'), ('[', ']'), ('{', '}')].into_iter().find(|pair| pair.0 == c).map(|pair| pair.1)
}

/// What would close the brackets that a text leaves open, the outermost first.
fn unclosed(text: &str) -> Vec<char> {
    let mut open = Vec::new();
    for c in code(text) {
        if let Some(end) = closing(c) {
            open.push(end);
        } else if open.last() == Some(&c) {
            open.pop();
        }
    }
    open
}

/// How many brackets a text closes that it has not opened.
fn closers(text: &str) -> usize {
    let mut open: Vec<char> = Vec::new();
    let mut count = 0;
    for c in code(text) {
        if let Some(end) = closing(c) {
            open.push(end);
        } else if ")]}".contains(c) && open.pop().is_none() {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> String {
        let at = text.find('|').unwrap_or(text.len());
        whole(&text.replacen('|', "", 1), at).0
    }

    #[test]
    fn what_is_open_is_closed() {
        for text in [
            "lock fork[2]\nfor f in fork { f.|",
            "lock fork[2]\nfor f in fork { f.acq|uire }\nprint 1\n",
            "lock m\nwith |",
            "task t { }\nlet h = spawn |",
            "queue q\ntry { q.get(timeout: 1s) } catch |",
            "queue q\nlet v = q.get(timeout: |",
            "task t(n) {\n    if n > 1 { print (n + [1, |\n}\nprint \"}\" # {\n",
            "let a = 1\n|",
        ] {
            let whole = made(text);
            assert!(parse_all(&whole).errors.is_empty(), "{text}: {whole}");
            assert!(whole.starts_with(text[..text.find('|').unwrap_or(0)].trim_end_matches("acq")), "{whole}");
        }
    }
}
