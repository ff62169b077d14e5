//! Two statements on a line with nothing between: most often they were meant as
//! one, of another form.

use super::declaration::{COUNTED, OBJECTS};
use super::statement::foreign_statement;
use super::{KEYWORDS, declares, error, is_reserved, made, short, without_parentheses};
use crate::lang::ast::Span;
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::is_of_word;

/// Two statements on a line with nothing between; `rest` is what stands there from
/// the second on.
pub(crate) fn side_by_side(before: &str, before_span: Span, after: &str, after_span: Span, rest: &str) -> ScriptError {
    let shown =
        Span { start: after_span.start, end: after_span.start + short(after).trim_end_matches('…').len() as u32 };
    let one_word = !before.contains(|c| !is_of_word(c));
    if one_word && !KEYWORDS.contains(&before) {
        let message = format!("`{before}` does not begin a statement");
        let help = match (foreign_statement(before), nearest(before, KEYWORDS.iter().copied())) {
            (Some("write `print x`"), _) => format!("write `print {}`", short(after)),
            (Some(meant), _) => meant.to_owned(),
            (None, Some(word)) => format!("did you mean `{word}`?"),
            (None, None) if declares(before) => {
                format!("a declaration has a name: `{before} x`")
            }
            (None, None) => format!("a call is `f({0})`, an assignment `x = {0}`", short(after)),
        };
        return error(before_span, message, help);
    }
    let (lead, deed) = led(before);
    let first = deed.split([' ', '\t']).next().unwrap_or("");
    let spawned = deed.strip_prefix("spawn").map_or("", str::trim);
    let word = after.split([' ', '\t', '(']).next().unwrap_or("");
    let last = &before[before.rfind(|c| !is_of_word(c)).map_or(0, |at| at + 1)..];
    if let Some(error) = without_parentheses(shown, last, after) {
        return error;
    }
    if let Some(error) = misspelt_within(before, before_span, first, word, shown, rest) {
        return error;
    }
    if first == "expect" {
        let gap = after_span.start.saturating_sub(before_span.end) as usize;
        let told = super::expect::error(before_span.start, &format!("{before}{}", " ".repeat(gap)), rest);
        return told.unwrap_or_else(|| error(shown, ended().0, ended().1));
    }
    // `await x for 5s` is meant as one.
    if begins_statement(word, after) && first != "await" {
        return error(shown, ended().0, ended().1);
    }
    let (message, help) = match (first, word) {
        (kind, _) if COUNTED.contains(&kind) && after.starts_with(|c: char| c.is_ascii_digit()) => {
            let words: Vec<&str> = before.split_whitespace().skip(1).collect();
            match (words[..].split_first(), before.contains('(')) {
                (Some((name, options)), false) => {
                    // One word says what the number is, two are an option.
                    let options = if options.len() == 2 { format!(" {}", options.join(" ")) } else { String::new() };
                    let help = format!("write `{kind} {name}({}){options}`", short(after));
                    ("an argument stands in parentheses".to_owned(), help)
                }
                _ => ended(),
            }
        }
        ("await", _) if before == "await until" => {
            ("there is no `until`".to_owned(), format!("write `await {}`", short(rest)))
        }
        ("await", "timeout" | "within" | "for" | "max") => {
            let help = super::super::unexpected::time_limit(before["await".len()..].trim(), rest);
            ("`await` has no time limit".to_owned(), help)
        }
        (kind, _) if OBJECTS.contains(&kind) && after.starts_with('[') && before.ends_with(')') => {
            let (head, arguments) = before.split_once('(').unwrap_or((before, ""));
            let help = format!("write `{}{}({}`", short(head), short(after), short(arguments));
            ("the count stands before the arguments".to_owned(), help)
        }
        _ if before.ends_with("\"\"") && after.starts_with('"') => {
            let text = after.trim_matches('"').split('"').next().unwrap_or("");
            let help = format!("write {}; `\\n` in it is a new line", short(&format!("`\"{text}\"`")));
            return error(before_span.to(after_span), "a string stands between two `\"`", help);
        }
        _ if before.ends_with("= new") => {
            return error(shown, "there is no `new`", format!("write `{}`", short(&made(after))));
        }
        _ if before.ends_with(" is") => {
            let left = &before[..before.len() - " is".len()];
            let right = after.trim_start_matches("not ");
            return error(before_span.to(after_span), "`is` is not an operator", format!("write `{left} != {right}`"));
        }
        ("spawn", "times") => {
            let number = after["times".len()..].trim();
            let number = if number.is_empty() { "3" } else { number };
            ("a number of tasks is written with `x`".to_owned(), format!("write `{before} x{number}`"))
        }
        ("spawn", count) if before.contains(" as ") && count.starts_with('x') => {
            ("the number of tasks stands before `as`".to_owned(), "write `spawn worker x3 as \"w\"`".to_owned())
        }
        ("spawn", "process" | "thread" | "daemon") => {
            (format!("`{word}` stands before the task"), format!("write `{lead}spawn {word} {spawned}`"))
        }
        ("spawn", _) if let Some((message, meant)) = spawn_option(lead, spawned, rest) => {
            (message.to_owned(), format!("write `{}`", short(&meant)))
        }
        ("spawn", _) if is_count(before.rsplit(' ').next().unwrap_or("")) => {
            let (words, count) = before.rsplit_once(' ').unwrap_or((before, ""));
            ("the number of tasks stands behind the task".to_owned(), format!("write `{words} {after} {count}`"))
        }
        ("join", _) if before.trim() == "join all" && names_one(after) => {
            ("`join all` waits for every task, and names none".to_owned(), format!("write `join {}`", short(after)))
        }
        ("join", _) => {
            let words = ["timeout", "within", "after", "wait"];
            let said = words.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(after);
            let time = short(said.trim_start_matches([':', '=', ' ']));
            let time = if time.is_empty() { "5ms" } else { &time };
            ("a time to wait stands behind `for`".to_owned(), format!("write `{} for {time}`", short(before)))
        }
        ("spawn", "x") => ("`x` does not say how many".to_owned(), format!("write `{before} x3`")),
        ("spawn", _) => match spawn_word_near(spawned) {
            Some(near) => (format!("`{spawned}` is no way to spawn"), format!("write `{lead}spawn {near} {after}`")),
            None => ended(),
        },
        ("submit", word) if word.starts_with('x') => {
            ("`submit` hands over one job".to_owned(), format!("write `repeat {} {{ {before} }}`", &word[1..]))
        }
        ("assert", _) if after.starts_with('"') => (
            "the message of an `assert` stands behind a comma".to_owned(),
            format!("write `{before}, {}`", short(after)),
        ),
        ("print", _) => {
            ("what is printed stands behind commas".to_owned(), format!("write `{before}, {}`", short(after)))
        }
        _ => ended(),
    };
    error(shown, message, help)
}

/// A word in a statement that is nearly one which goes on with it: `let h = spwan t`,
/// `print a adn b`, `spawn t sa "w"`.
fn misspelt_within(
    before: &str,
    before_span: Span,
    first: &str,
    word: &str,
    shown: Span,
    rest: &str,
) -> Option<ScriptError> {
    let start = before.rfind(|c| !is_of_word(c)).map_or(0, |at| at + 1);
    let last = before.get(start..)?;
    let begins_value = before[..start].trim_end().ends_with(['=', '(', ',', '[']) || first == "return";
    if let (true, Some(meant)) = (begins_value, nearest(last, ["spawn", "join", "submit", "not"]))
        && !is_reserved(last)
    {
        let place = before_span.start + start as u32;
        let span = Span { start: place, end: place + last.len() as u32 };
        return Some(error(span, format!("`{last}` does not begin a value"), format!("did you mean `{meant}`?")));
    }
    let words: &[&str] = match first {
        "spawn" => &["as"],
        "join" => &["for"],
        "submit" => &["to"],
        _ => &["and", "or", "in"],
    };
    let behind = rest.get(word.len()..)?.trim_start();
    let goes_on =
        rest.starts_with(word) && behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '('));
    let meant = nearest(word, words.iter().copied()).filter(|_| goes_on && !is_reserved(word))?;
    Some(error(shown, format!("`{word}` does not go on with the statement"), format!("did you mean `{meant}`?")))
}

/// What takes what a `spawn`, `join` or `submit` gives, `let h = `, and that itself.
pub(crate) fn led(before: &str) -> (&str, &str) {
    let gives = |deed: &str| ["spawn ", "join ", "submit "].iter().any(|word| deed.starts_with(word));
    match before.find("= ").map(|at| before.split_at(at + 2)) {
        Some((lead, deed)) if gives(deed) => (lead, deed),
        _ => ("", before),
    }
}

/// What is said of an option of `spawn` as other languages write it, `daemon=True`, and the
/// `spawn` of `task` that is meant, behind `lead`.
pub(crate) fn spawn_option(lead: &str, task: &str, option: &str) -> Option<(&'static str, String)> {
    let (word, value) = option.split_once([':', '='])?;
    let (word, value, task) = (word.trim(), value.trim_matches(['=', ' ']), task.trim());
    Some(match word {
        "daemon" if value.eq_ignore_ascii_case("false") => {
            ("how to spawn stands before the task", format!("{lead}spawn {task}"))
        }
        "daemon" => ("how to spawn stands before the task", format!("{lead}spawn daemon {task}")),
        "name" => ("a task has its name behind `as`", format!("{lead}spawn {task} as {value}")),
        "count" | "n" | "times" | "number" => {
            ("the number of tasks stands behind the task", format!("{lead}spawn {task} x{value}"))
        }
        _ => return None,
    })
}

/// `x3`
pub(crate) fn is_count(word: &str) -> bool {
    word.strip_prefix('x').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether `after`, which begins with `word`, can only be a statement of its own.
fn begins_statement(word: &str, after: &str) -> bool {
    let names = || after[word.len()..].trim_start().starts_with(|c: char| c.is_alphabetic() || c == '_');
    KEYWORDS.contains(&word) || declares(word) && names()
}

fn ended() -> (String, String) {
    ("the statement before should have ended here".to_owned(), "end a statement with a new line or `;`".to_owned())
}

/// Whether a name stands here, and no time.
fn names_one(after: &str) -> bool {
    after.starts_with(|c: char| c.is_alphabetic())
        && !["timeout", "within", "after"].iter().any(|w| after.starts_with(w))
}

/// What `spawn proces` or `spawn Thread` was meant to begin.
fn spawn_word_near(spawned: &str) -> Option<&'static str> {
    let word = spawned.to_lowercase();
    if word.contains(' ') {
        return None;
    }
    ["process", "thread", "daemon"].into_iter().find(|w| *w == word || nearest(&word, [*w]).is_some())
}
