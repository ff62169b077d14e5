//! Heads of loops and of arms as other languages write them, at which the grammar stops: what
//! is meant by `for v := range ch`, `for (int i = 0; i < n; i++)`, `case v := <-ch:`.

use super::super::recover::Within;
use super::super::slip::short;
use super::{BLOCK, Stop, last_word, line};
use crate::lang::ast::Span;
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::{is_name, is_of_word};

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The head of a `for` that is none of this language's.
pub(super) fn of_for(stop: &Stop<'_>) -> Option<ScriptError> {
    if let Some(error) = of_step(stop) {
        return Some(error);
    }
    if stop.first() != "for" || stop.within == Within::Hole {
        return None;
    }
    let whole = format!("{}{}", stop.statement, line(stop.rest));
    let head = whole["for".len()..].split('{').next().unwrap_or("").trim().trim_end_matches(':').trim_end();
    let bare = head.strip_prefix('(').map_or(head, |inner| inner.trim_end().trim_end_matches(')')).trim();
    let has_parentheses = bare.len() < head.len();
    let has_two = stop.rest.starts_with(',') && !bare.contains([';']) && !bare.contains("range ");
    if has_two || head.is_empty() || !has_parentheses && !stop.wants("`in`") && !bare.contains("range ") {
        return None;
    }
    let (over, form) = meant_by(bare)?;
    let message = match () {
        () if has_parentheses => "the head of a `for` has no parentheses",
        () if form == Form::Range => "there is no `range`",
        () => "`for` goes over values",
    };
    stop.error(message, &over)
}

#[derive(PartialEq)]
enum Form {
    Range,
    Other,
}

/// What to write for such a head, in parentheses or not.
fn meant_by(head: &str) -> Option<(String, Form)> {
    let write = |what: String| Some((format!("write `{what}`"), Form::Other));
    let in_general = || Some(("write `for i in 0..3 { }`; for other steps use `while`".to_owned(), Form::Other));
    let parts: Vec<&str> = head.split(';').map(str::trim).collect();
    if parts.len() > 1 {
        return match (parts.iter().all(|part| part.is_empty()), counted(&parts)) {
            (true, _) => write("loop { }".to_owned()),
            (false, Some(range)) => write(format!("for {range} {{ }}")),
            (false, None) => in_general(),
        };
    }
    if let Some((before, over)) = head.split_once("range ") {
        let over = over.trim();
        let names = before.trim_end().trim_end_matches([':', '=']).trim_end().trim_end_matches(" in");
        let name = names.rsplit(',').next().unwrap_or("").trim();
        let over = match (is_number(over), name) {
            (_, "") if is_number(over) => format!("repeat {over} {{ }}"),
            (true, name) => format!("for {name} in 0..{over} {{ }}"),
            (false, "") => format!("for v in {} {{ }}", short(over)),
            (false, name) => format!("for {name} in {} {{ }}", short(over)),
        };
        return Some((format!("write `{over}`"), Form::Range));
    }
    // `for (String s : xs)`, `for v of xs`
    let (before, over) = match head.split_once(':').filter(|(_, over)| !over.starts_with(['=', ':'])) {
        Some((before, over)) => (before.trim(), over.trim()),
        None => {
            let word = head.split_whitespace().find(|word| {
                matches!(*word, "in" | "of" | "on" | "from" | "over" | "=" | ":=" | "<-" | "←")
                    || nearest(word, ["in", "from"]).is_some()
            });
            match word.and_then(|word| head.split_once(&format!(" {word} "))) {
                Some((before, over)) => (before.trim(), over.trim()),
                None if head.contains(['<', '>', '=', '!']) => return write(format!("while {} {{ }}", short(head))),
                None => return in_general(),
            }
        }
    };
    let name = before.rsplit([' ', '*', '&']).next().unwrap_or("");
    if !is_name(name) || over.is_empty() || before.contains(',') {
        return in_general();
    }
    let over = short(over.trim_start_matches('<').trim_start_matches('-'));
    write(format!("for {name} in {} {{ }}", if is_number(&over) { format!("0..{over}") } else { over }))
}

/// `int i = 0; i < n; i++` as `i in 0..n`.
fn counted(parts: &[&str]) -> Option<String> {
    let [begin, end, step] = parts else { return None };
    let (name, from) = begin.split_once(":=").or_else(|| begin.split_once('='))?;
    let name = name.split_whitespace().last()?;
    let (is_last, to) = match end.split_once("<=") {
        Some((_, to)) => (true, to),
        None => (false, end.split_once('<').or_else(|| end.split_once("!="))?.1),
    };
    let step: String = step.chars().filter(|c| !c.is_whitespace()).collect();
    let by_one = [format!("{name}++"), format!("++{name}"), format!("{name}+=1"), format!("{name}={name}+1")];
    if !is_name(name) || !by_one.contains(&step) {
        return None;
    }
    Some(format!("{name} in {}..{}{}", short(from), if is_last { "=" } else { "" }, short(to)))
}

/// `case v := <-ch:` of Go, `default:`, in a `select`.
pub(super) fn of_arm(stop: &Stop<'_>) -> Option<ScriptError> {
    let before = stop.before.trim_end();
    if last_word(before) == "default" && stop.rest.starts_with(':') {
        return stop.error("an arm needs its `=>`", "write `else => { }`");
    }
    let read = stop.statement.strip_prefix("case").filter(|read| read.starts_with(' '))?;
    let whole = format!("{read}{}", line(stop.rest));
    let operation = whole.split("=>").next().unwrap_or("").trim();
    let end = operation.match_indices(':').find(|(at, _)| !operation[at + 1..].starts_with('=')).map(|(at, _)| at);
    let operation = operation[..end.unwrap_or(operation.len())].split('{').next().unwrap_or("").trim();
    let help = match operation.split_once("<-") {
        Some((bind, channel)) if bind.trim().is_empty() || bind.trim_end().ends_with('=') => {
            let name = bind.trim_end().trim_end_matches([':', '=']).split(',').next().unwrap_or("").trim();
            match channel.trim().strip_prefix("time.After(") {
                Some(time) => format!("after {} => {{ }}", duration(time)),
                None if name.is_empty() || name == "_" => format!("{}.get() => {{ }}", short(channel)),
                None => format!("{name} = {}.get() => {{ }}", short(channel)),
            }
        }
        Some((channel, value)) => format!("{}.put({}) => {{ }}", short(channel), short(value)),
        None if operation.contains('(') && !operation.contains('{') => format!("{} => {{ }}", short(operation)),
        None => "v = q.get() => { }".to_owned(),
    };
    stop.error("an arm has no `case`", &format!("write `{help}`"))
}

/// `100 * time.Millisecond)` as `100ms`.
fn duration(time: &str) -> String {
    let number: String = time.chars().take_while(char::is_ascii_digit).collect();
    let number = if number.is_empty() { "1" } else { &number };
    let units = [("Second", "s"), ("Millisecond", "ms"), ("Microsecond", "us"), ("Nanosecond", "ns")];
    let unit = units.iter().find(|(word, _)| time.contains(&format!(".{word}"))).map_or("ms", |(_, unit)| unit);
    format!("{number}{unit}")
}

/// What else of Go stands where the grammar stopped: channels and their types.
pub(super) fn of_go(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.rest.starts_with("<-") {
        let channel = stop.rest[2..].trim_start();
        let end = channel.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(channel.len());
        let help = match &channel[..end] {
            "" => "a queue gives a value with `q.get()` and takes one with `q.put(v)`".to_owned(),
            channel => format!("a queue gives a value by `get`: write `{channel}.get()`"),
        };
        return stop.error("`<-` is not an operator", &help);
    }
    if stop.within == Within::Paren && stop.before.contains("chan ") {
        let begin = stop.statement.trim_start_matches("let ").trim_start_matches("var ");
        let name = begin.split(|c| !is_of_word(c)).next().filter(|name| is_name(name));
        let size = line(stop.rest).split(')').next().and_then(|given| given.split_once(','));
        let (name, size) = (name.unwrap_or("q"), size.map_or("0", |(_, size)| size.trim()));
        let hands = if size == "0" { ", which hands over, or `queue q(3)` that holds 3" } else { "" };
        return stop.error("there is no `chan`", &format!("a queue is declared: `queue {name}({size})`{hands}"));
    }
    // `var mu sync.Mutex`
    if let ["var" | "let", name, _] = stop.statement.split_whitespace().collect::<Vec<_>>()[..]
        && let Some(kind) = stop.rest.strip_prefix('.')
    {
        let kind = match kind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("") {
            "Mutex" => format!("lock {name}"),
            "RWMutex" => format!("rwlock {name}"),
            "WaitGroup" => format!("latch {name}(1)"),
            "Cond" => format!("condition {name}(m)"),
            _ => return None,
        };
        return stop.error("names have no types here", &format!("the kind stands before the name: `{kind}`"));
    }
    // `if x := 3; x > 2 {`
    if matches!(stop.first(), "if" | "while") && (stop.rest.starts_with(":=") || stop.before.ends_with(':')) {
        let name = last_word(stop.before.trim_end_matches(':'));
        let rest = line(stop.rest).trim_start_matches([':', '=']);
        let value = short(rest.split([';', '{']).next().unwrap_or(""));
        let help = format!("write `let {name} = {value}` on the line before, and the condition alone");
        return stop.error(&format!("the head of an `{}` makes no variable", stop.first()), &help);
    }
    None
}

/// `with lock m {`
pub(super) fn of_with(stop: &Stop<'_>) -> Option<ScriptError> {
    let kind = stop.statement.trim_end().strip_prefix("with ")?.trim_start();
    let name = line(stop.rest).split(['{', ':']).next().unwrap_or("").trim();
    if stop.within != Within::Block || stop.word().is_empty() || name.is_empty() {
        return None;
    }
    let help = match kind {
        "rwlock" if !name.contains('.') => format!("write `with {name}.read {{ }}`, or `with {name}.write {{ }}`"),
        "lock" | "rwlock" | "semaphore" => format!("write `with {} {{ }}`", short(name)),
        _ => return None,
    };
    stop.error("the kind of an object stands only where it is declared", &help)
}

/// `catch (Empty e) {`, `catch (e) {`
pub(super) fn of_catch(stop: &Stop<'_>) -> Option<ScriptError> {
    let inside = line(stop.rest).trim_start_matches('(').split([')', '{']).next().unwrap_or("");
    stop.error("what is caught has no parentheses", &format!("write `{} {{ }}`", caught(inside)))
}

/// `catch Empty e {`, `catch Empty Full {`
pub(super) fn of_caught(stop: &Stop<'_>) -> Option<ScriptError> {
    let said = format!("{}{}", &stop.statement["catch".len()..], stop.word());
    let help = format!("write `{} {{ }}`", caught(&said));
    match stop.word().starts_with(char::is_uppercase) {
        true => stop.error("kinds of error stand behind commas", &help),
        false => stop.error("`as` gives a caught error its name", &help),
    }
}

/// The head that is meant with such words behind `catch`.
fn caught(words: &str) -> String {
    let words = words.split(|c: char| !is_of_word(c)).filter(|word| is_name(word) && !matches!(*word, "as" | "any"));
    // Kinds begin with a capital; these are of all of them in other languages.
    let (kinds, names): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with(char::is_uppercase));
    let all = kinds.is_empty() || kinds.iter().any(|kind| matches!(*kind, "Exception" | "Error" | "Throwable"));
    let kinds = if all { "any".to_owned() } else { short(&kinds.join(", ")) };
    let name = match names.last() {
        Some(name) => format!(" as {name}"),
        None if all => " as e".to_owned(),
        None => String::new(),
    };
    format!("catch {kinds}{name}")
}

/// `for i in 0..3 step 2 {`
fn of_step(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.first() != "for" || !stop.wants(BLOCK) || !matches!(stop.word(), "step" | "by" | "stride") {
        return None;
    }
    let step = line(&stop.rest[stop.word().len()..]).split('{').next().unwrap_or("").trim().trim_end_matches(':');
    let step = short(step.trim_start_matches(['=', ' ']));
    let (name, over) = stop.statement["for".len()..].split_once(" in ")?;
    let help = match over.split_once("..") {
        Some((from, to)) if is_name(name.trim()) && !step.is_empty() => {
            let (name, from) = (name.trim(), short(from));
            let (equal, to) = to.strip_prefix('=').map_or(("", to), |to| ("=", to));
            let sign = if step.starts_with('-') { '>' } else { '<' };
            let to = short(to);
            format!(
                "write `let {name} = {from}; while {name} {sign}{equal} {to} {{ {name} += {step} }}`, the block before the `+=`"
            )
        }
        _ => "for other steps than 1 use `while`".to_owned(),
    };
    stop.error("a range goes by steps of 1", &help)
}

/// `await x == 1 for 5s`, `await e, 5s`
pub(super) fn of_await(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.first() != "await" || stop.within != Within::Block {
        return None;
    }
    let said = stop.statement["await".len()..].trim();
    if stop.rest.starts_with('{') && !said.is_empty() {
        return stop
            .error("`await` has no block", "write what follows on the next line: it is done when the wait ends");
    }
    let rest = line(stop.rest);
    let (awaited, time) = match said.strip_suffix("for") {
        Some(awaited) if awaited.ends_with(' ') => (awaited.trim_end(), rest),
        _ => (said, rest.strip_prefix(',')?),
    };
    stop.error("`await` has no time limit", &time_limit(awaited, time))
}

/// How to wait for something no longer than `time`.
pub(in crate::lang::parse) fn time_limit(awaited: &str, time: &str) -> String {
    let time = time.split([';', '}', '{', '#']).next().unwrap_or("").trim();
    let begin = time.find(|c: char| c.is_ascii_digit()).unwrap_or(time.len());
    let time = if begin == time.len() { "5ms".to_owned() } else { short(&time[begin..]) };
    match is_name(awaited) {
        true => format!(
            "`{awaited}.wait(timeout: {time})` waits so long for an event or a condition, `join {awaited} for {time}` \
             for a task"
        ),
        false => format!("set an event where it comes true: `select {{ e.wait() => {{ }} after {time} => {{ }} }}`"),
    }
}

/// A statement whose first word is nearly one of the language, such as `fro i in 0..3`.
pub(super) fn misspelt(stop: &Stop<'_>, words: &[&'static str]) -> Option<ScriptError> {
    let first = stop.first();
    let behind = stop.statement.get(first.len()..)?.trim_start();
    let goes_on = if behind.is_empty() { stop.rest } else { behind };
    let is_value = goes_on.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '('));
    if stop.within != Within::Block || !is_name(first) || words.contains(&first) || !is_value {
        return None;
    }
    let meant = nearest(first, words.iter().copied())?;
    let start = stop.span.start.checked_sub(stop.statement.len() as u32)?;
    let span = Span { start, end: start + first.len() as u32 };
    let error = ScriptError::new(span, format!("`{first}` does not begin a statement"));
    Some(error.help(format!("did you mean `{meant}`?")))
}
