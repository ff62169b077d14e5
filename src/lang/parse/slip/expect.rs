//! Slips behind `expect`: what is said there of findings and values in the words of other
//! tools and of plain English. It owns what each of them is here; which names stand behind
//! `on` is the compiler's affair.

use super::short;
use crate::lang::ast::Span;
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::{EXPECTABLE, NAMELESS, is_of_word};

/// What is wrong behind an `expect`: where in what stands there, the reason and the mend.
struct Slip {
    start: usize,
    end: usize,
    message: String,
    help: String,
}

/// The error of an `expect` that begins at `begin`: `read` is what the grammar has taken of it,
/// `rest` what stands behind.
pub(crate) fn error(begin: u32, read: &str, rest: &str) -> Option<ScriptError> {
    let read = read.strip_prefix("expect")?;
    if read.len() > LENGTH_MAX {
        return None;
    }
    let rest = rest.char_indices().nth(LENGTH_MAX).map_or(rest, |(end, _)| &rest[..end]);
    let slip = behind(&format!("{read}{rest}"), read.len())?;
    let place = |at: usize| begin + ("expect".len() + at) as u32;
    let span = Span { start: place(slip.start), end: place(slip.end) };
    Some(ScriptError::new(span, slip.message).help(slip.help))
}

/// What is looked at: nobody expects more.
const LENGTH_MAX: usize = 200;

/// The code that a word stands for.
fn code_of(word: &str) -> Option<&'static str> {
    let word = word.to_lowercase().replace('_', "-");
    let is_code = |code: &str| EXPECTABLE.into_iter().find(|known| *known == code);
    let synonym = match word.as_str() {
        "conflict" => "race",
        "assert" | "assertionerror" => "assertion",
        "hang" | "hangs" | "stuck" | "block" | "blocked" | "blocks" => "deadlock",
        "exception" | "panic" | "crash" => "error",
        "pass" | "passes" | "success" | "fine" | "clean" | "safe" | "good" | "correct" | "true" | "no-finding"
        | "no-findings" => "ok",
        word => word,
    };
    is_code(synonym).or_else(|| nearest(synonym, EXPECTABLE)).or_else(|| word.split('-').rev().find_map(is_code))
}

/// `every` or `some`, as a word says how often.
fn how_often(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "every" | "always" | "all" | "each" | "forall" | "everywhere" | "must" | "finally" => "every",
        "some" | "sometimes" | "possible" | "possibly" | "exists" | "eventually" | "maybe" | "any" | "can" | "may"
        | "once" => "some",
        _ => return None,
    })
}

fn is_negation(word: &str) -> bool {
    matches!(word.to_lowercase().as_str(), "no" | "not" | "never" | "none" | "nothing" | "without" | "false")
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_word)
}

/// What to write for a word that stands alone and is no code, if that is plain.
pub(crate) fn alone(word: &str) -> Option<String> {
    if let Some(often) = how_often(word) {
        return Some(format!("write `expect {often} x == 1`"));
    }
    if is_negation(word) {
        return Some("what is not expected is not written: `expect ok`, and nothing but notes is found".to_owned());
    }
    let code = code_of(word)?;
    Some(match nearest(word, [code]) {
        Some(_) => format!("did you mean `{code}`?"),
        None => format!("write `expect {code}`"),
    })
}

/// Of `text`, which stands behind `expect`, what is wrong at `stop`, where the grammar got no
/// further.
fn behind(text: &str, stop: usize) -> Option<Slip> {
    let text = text.split(['\n', ';', '}']).next().unwrap_or("");
    let start = text.len() - text.trim_start().len();
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let end = text[start..].find(|c| !is_word(c)).map_or(text.len(), |length| start + length);
    let (word, rest) = (&text[start..end], text[end..].trim());
    let slip = |message: &str, help: String| Some(Slip { start, end, message: message.to_owned(), help });
    // Of a sign that is no word, all of it.
    let one = text.get(stop..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
    let here = |message: &str, help: String| {
        let end = text.get(stop..).map_or(stop, |rest| stop + rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        Some(Slip { start: stop, end: end.max(stop + one), message: message.to_owned(), help })
    };
    if word.is_empty() {
        let inner = rest.trim_matches(|c: char| !c.is_alphanumeric());
        let code = EXPECTABLE.into_iter().find(|code| *code == inner)?;
        let message = match rest.chars().next()? {
            '"' | '\'' => "the code of a finding stands without quotes",
            '(' => "`expect` has no parentheses",
            ':' => "no `:` stands behind `expect`",
            _ => return None,
        };
        let length = rest.chars().next().map_or(0, char::len_utf8);
        let help = format!("write `expect {code}`");
        return Some(Slip { start, end: start + length, message: message.to_owned(), help });
    }
    let bare = rest.trim_start_matches([':', '=', ' ']);
    if matches!(word, "some" | "every") {
        let condition = short(bare);
        return (rest.len() > bare.len() && !condition.is_empty())
            .then(|| here(&format!("no sign stands behind `{word}`"), format!("write `expect {word} {condition}`")))?;
    }
    let first = bare.split(|c: char| !is_word(c)).next().unwrap_or("");
    if let Some(often) = how_often(word) {
        return match code_of(first) {
            Some(code) if is_one_word(&first.replace('-', "_")) && first == bare => slip(
                &format!("`expect` has no `{word}`"),
                format!("a finding is expected in some interleaving: write `expect {code}`"),
            ),
            _ => {
                let condition = if bare.is_empty() { "x == 1".to_owned() } else { short(bare) };
                slip(&format!("`expect` has no `{word}`"), format!("write `expect {often} {condition}`"))
            }
        };
    }
    if is_negation(word) {
        return match () {
            () if bare.is_empty() || code_of(first).is_some() => slip(
                "what is not expected is not written",
                "write `expect ok`, and nothing but notes is found".to_owned(),
            ),
            () if is_one_word(bare) => {
                slip(&format!("`expect` has no `{word}`"), format!("write `expect every not ({bare} == 1)`"))
            }
            () => slip(&format!("`expect` has no `{word}`"), format!("write `expect every not ({})`", short(bare))),
        };
    }
    let goes_on = rest.starts_with(|c: char| c.is_ascii_punctuation() && !matches!(c, ',' | '"' | '\'' | ':'));
    if goes_on || ["and ", "or ", "in "].iter().any(|operator| rest.starts_with(operator)) && code_of(word).is_none() {
        let condition = short(&text.trim().replacen(" = ", " == ", 1));
        let help = format!("write `expect some {condition}`, or `expect every {condition}`");
        return here("`expect` does not say how often", help);
    }
    if !EXPECTABLE.contains(&word) {
        // `lost wakeup`, `a data race on x`
        let (said, on) = text.trim().split_once(" on ").unwrap_or((text.trim(), ""));
        let joined = said.split_whitespace().collect::<Vec<_>>().join("-");
        let code = EXPECTABLE.into_iter().find(|code| *code == joined.to_lowercase());
        let code = code.or_else(|| said.split_whitespace().rev().find_map(code_of));
        let on = if on.is_empty() { String::new() } else { format!(" on {}", short(on)) };
        let message = format!("`{word}` is no finding");
        return slip(&message, code.map_or_else(words, |code| format!("write `expect {code}{on}`")));
    }
    let others: Vec<&str> = text.trim().split(['+', '&', '|', ',', ' ']).filter(|word| !word.is_empty()).collect();
    let joins = |word: &&str| matches!(*word, "and" | "or");
    let codes: Vec<&str> = others.iter().copied().filter(|word| !joins(word)).collect();
    if codes.len() > 1 && codes.iter().all(|code| EXPECTABLE.contains(code)) {
        let lines: Vec<String> = codes.iter().map(|code| format!("expect {code}")).collect();
        return here("each finding has an `expect` of its own", format!("write `{}`", lines.join("; ")));
    }
    if NAMELESS.contains(&word) {
        let condition = rest.trim_start_matches("on ").contains(['=', '<', '>']);
        let help = match condition {
            true => format!("write `expect {word}` alone; of values say `expect every {}`", short(rest)),
            false => format!("write `expect {word}` alone"),
        };
        return here(&format!("`{word}` names nothing more"), help);
    }
    if word == "invariant" && rest.contains(['=', '<', '>']) {
        let help = format!("write `expect every {0}`, or `invariant {0}` for every moment", short(rest));
        return here("an `expect` of findings has no condition", help);
    }
    if rest == "on" {
        return here("`on` does not say on what", format!("write `expect {word} on x`"));
    }
    if let Some(names) = rest.strip_prefix("on ") {
        let (named, more) = (text.get(..stop).unwrap_or("").trim(), text.get(stop..).unwrap_or("").trim());
        let more = more.trim_start_matches("and ").trim_start_matches("or ");
        if more.is_empty() || names.is_empty() {
            return None;
        }
        let named = named.trim_end_matches(" and").trim_end_matches(" or");
        return here("the names after `on` stand behind commas", format!("write `expect {named}, {}`", short(more)));
    }
    // What stands for `on`.
    let (between, names) = rest.split_once(' ').unwrap_or((rest, ""));
    let named = matches!(between, "in" | "of" | "at" | "for" | "between" | "with" | ":") && !names.is_empty();
    let names = if named { names.trim() } else { rest.trim_matches(['(', ')', ':', ' ']) };
    if names.is_empty() {
        return None;
    }
    here("names stand behind `on`", format!("write `expect {word} on {}`", short(&names.replace(" and ", ", "))))
}

/// All that may stand there.
pub(crate) fn words() -> String {
    format!("the codes: {}; of values say `every x == 1` or `some x == 1`", EXPECTABLE.join(", "))
}
