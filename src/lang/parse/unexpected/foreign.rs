//! Statements of other languages at which the grammar stops: their heads, their
//! paths with `::`, their lambdas.

use super::super::recover::Within;
use super::super::slip::{self, is_reserved, made, short};
use super::{Stop, last_word, line};
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;
use crate::lang::word::is_of_word;

/// What may stand before a declaration elsewhere.
const MODIFIERS: [&str; 9] =
    ["pub", "public", "private", "protected", "static", "final", "inline", "extern", "abstract"];

/// `thread::spawn(worker)`, `use std::thread`
pub(super) fn path(stop: &Stop<'_>) -> Option<ScriptError> {
    if !stop.rest.starts_with("::") || stop.within == Within::Hole {
        return None;
    }
    if matches!(stop.first(), "use" | "using" | "import" | "mod" | "pub") {
        return stop.error("there is nothing to import", "leave the line out; all that a script needs is built in");
    }
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let rest = line(stop.rest);
    let end = rest.find(|c: char| !is_path(c)).unwrap_or(rest.len());
    let start = last_word(stop.before);
    let names: Vec<&str> = std::iter::once(start).chain(rest[..end].split("::").skip(1)).collect();
    let (names, behind) = (names.strip_prefix(&["std"]).unwrap_or(&names), rest[end..].trim_start());
    let names = names.strip_prefix(&["sync"]).unwrap_or(names);
    // `Arc::new(Mutex::new(0))`: who shares it is nobody's affair.
    let inner = behind.trim_start_matches('(').split("::").next().unwrap_or("");
    let first = if names.first() == Some(&"Arc") && is_kind(inner) { inner } else { names.first().unwrap_or(&start) };
    let help = match (first.to_lowercase().as_str(), names.last().copied().unwrap_or("")) {
        ("thread", "spawn" | "scope") => {
            let given = behind.strip_prefix('(').and_then(|b| b.split(')').next()).unwrap_or("").trim();
            match given.chars().all(|c| c.is_alphanumeric() || c == '_') && !given.is_empty() {
                true => format!("write `spawn {given}`"),
                false if given.contains('|') => "write `spawn { }`".to_owned(),
                false => "write `spawn worker`".to_owned(),
            }
        }
        ("thread" | "this_thread", "sleep" | "sleep_for") => "write `sleep 10ms`".to_owned(),
        ("thread" | "this_thread", "yield_now" | "yield") => "write `yield`".to_owned(),
        ("thread" | "jthread", _) => "write `let t = spawn worker`".to_owned(),
        ("process", "exit") => "write `exit 1`".to_owned(),
        ("mutex" | "lock_guard" | "unique_lock" | "scoped_lock", _) => {
            "write `lock m` at the top level, and `with m { }` to take it".to_owned()
        }
        ("rwlock" | "shared_mutex", _) => "write `rwlock m` at the top level".to_owned(),
        ("condvar" | "condition_variable", _) => "write `lock m; condition c(m)` at the top level".to_owned(),
        ("barrier", _) => "write `barrier b(2)` at the top level".to_owned(),
        ("semaphore" | "counting_semaphore", _) => "write `semaphore s(1)` at the top level".to_owned(),
        ("mpsc" | "channel", _) => "write `queue q(3)` at the top level".to_owned(),
        (kind, _) if kind.starts_with("atomic") => "write `atomic x = 0` at the top level".to_owned(),
        ("arc" | "rc" | "box", _) => "leave it out; what is declared can be named everywhere".to_owned(),
        ("cout", _) => "write `print x`".to_owned(),
        _ => "a field or a method is written with a dot: `r.v`".to_owned(),
    };
    let place = stop.span.start - start.len() as u32;
    let span = Span { start: place, end: stop.span.start + end as u32 };
    Some(ScriptError::new(span, "there are no names with `::`").help(help))
}

fn is_kind(word: &str) -> bool {
    matches!(word, "Mutex" | "RwLock" | "Condvar" | "Barrier") || word.starts_with("Atomic")
}

/// `(a) -> a + 1`, `() => 5`, `lambda a: a + 1`
pub(super) fn lambda(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.rest.starts_with(':') && stop.first().trim_end_matches(':') == "lambda" && stop.within == Within::Block {
        let start = stop.span.start - stop.statement.len() as u32;
        let whole = format!("{}{}", stop.statement, line(stop.rest));
        return Some(slip::lambda(Span { start, end: stop.span.start }, &whole));
    }
    let before = match stop.rest.strip_prefix("=>") {
        Some(_) => stop.before.trim_end(),
        None if stop.rest.starts_with('>') => stop.before.trim_end().strip_suffix('-')?.trim_end(),
        None => return None,
    };
    // Its parameters, which nothing is called with; `r->v` is another slip.
    let head = match before.strip_suffix(')') {
        Some(parameters) => parameters.rsplit_once('(')?.0,
        None if stop.rest.starts_with("=>") || stop.rest[1..].starts_with(' ') => {
            before.strip_suffix(last_word(before)).filter(|head| head.len() < before.len())?
        }
        None => return None,
    };
    let head = head.trim_end();
    if !head.ends_with(['=', '(', ',']) {
        return None;
    }
    let is_run = ["spawn", "thread", "submit", "execute", "start"].iter().any(|w| head.to_lowercase().contains(w));
    let help = match is_run {
        true => "write `spawn { }`, or `spawn worker` with `task worker { }`",
        false => "define `fn f(a) { return a + 1 }` and pass `f`, or `task worker { }` and spawn it",
    };
    stop.error("there are no functions without a name", help)
}

/// What is meant by a word that alone begins a block in other languages.
pub(super) fn block(head: &str) -> Option<&'static str> {
    Some(match head {
        "go" | "async" | "thread" | "start" | "parallel" | "cobegin" => "spawn { }",
        "process" => "spawn process { }",
        "daemon" => "spawn daemon { }",
        "atomic" | "critical" | "synchronized" | "transaction" => "atomically { }",
        "do" | "forever" => "loop { }",
        "default" => "else => { }",
        "fork" => "spawn process { }`, or `if fork() == 0 { }",
        _ => return None,
    })
}

/// A statement of another language, told by its first word.
pub(super) fn statement(stop: &Stop<'_>) -> Option<ScriptError> {
    let head = stop.statement.trim_end();
    let first = stop.first();
    let in_head = stop.within == Within::Block && head != first || stop.rest.starts_with('{');
    let (message, help) = match first {
        "switch" | "match" if in_head => (format!("there is no `{first}`"), "write `if x == 1 { } else if x == 2 { }`"),
        "unless" => ("there is no `unless`".to_owned(), "write `if not (c) { }`"),
        "until" => ("there is no `until`".to_owned(), "write `while not (c) { }`"),
        "foreach" => ("there is no `foreach`".to_owned(), "write `for v in xs { }`"),
        "lock" | "mutex" if stop.rest.starts_with('{') && head.split_whitespace().count() == 2 => {
            ("a lock is taken with `with`".to_owned(), "write `with m { }`")
        }
        "spawn" if stop.rest.starts_with('{') && head.split_whitespace().count() == 2 => {
            ("a block stands right behind `spawn`".to_owned(), "write `spawn { }`, or `spawn process { }`")
        }
        "go" if head.starts_with("go func") => ("`go` does not begin a block".to_owned(), "write `spawn { }`"),
        "defer" if !stop.rest.starts_with('{') || head.contains("func") => {
            ("there is no `defer`".to_owned(), "leave it out; `with m { }` lets go of `m` by itself")
        }
        "go" | "async" | "start" if stop.rest.starts_with('.') => {
            (format!("`{first}` does not begin a statement"), "write `spawn worker`")
        }
        "wait" if !stop.rest.starts_with('(') => ("`wait` does not begin a statement".to_owned(), "write `join w`"),
        _ if names_fields(stop) => {
            let record = last_word(stop.before);
            let fields = line(stop.rest)[1..].split('}').next().unwrap_or("").trim();
            let help = format!("write `{record}({fields})`");
            return stop.error("a record is made with parentheses", &help);
        }
        "class" | "record" | "type" | "interface" | "enum" | "union" | "trait" | "impl" | "module"
            if stop.rest.starts_with('{') =>
        {
            (format!("there is no `{first}`"), "write `struct S { }` with declarations inside")
        }
        _ if first == "synchronized" || first.starts_with("synchronized(") || first.starts_with("lock(") => {
            if !stop.rest.starts_with('{') {
                return None;
            }
            ("a lock is taken with `with`".to_owned(), "write `with m { }`")
        }
        "new" if stop.rest.starts_with('.') => {
            let help = format!("write `{}`", made(head["new".len()..].trim()));
            let start = stop.span.start - stop.statement.len() as u32;
            let span = Span { start, end: start + "new".len() as u32 };
            return Some(ScriptError::new(span, "there is no `new`").help(help));
        }
        _ if MODIFIERS.contains(&first) && head.split_whitespace().any(|word| word == "class") => {
            let name = head.split_whitespace().skip_while(|word| *word != "class").nth(1).unwrap_or("S");
            let name = name.split(['<', ':']).next().unwrap_or(name);
            let help = format!("write `struct {name} {{ }}` with declarations inside");
            let start = stop.span.start - stop.statement.len() as u32;
            let span = Span { start, end: start + first.len() as u32 };
            return Some(ScriptError::new(span, "there is no `class`").help(help));
        }
        // `public static void main(String[] args) {`
        _ if MODIFIERS.contains(&first) && stop.rest.starts_with(']') && line(stop.rest).contains('{') => {
            let (name, _) = head.split_once('(')?;
            let message = format!("`{first}` does not begin a function");
            let help = format!("write `fn {0}(…) {{ }}`, or `task {0}(…) {{ }}` for what is spawned", last_word(name));
            let start = stop.span.start - stop.statement.len() as u32;
            let span = Span { start, end: start + first.len() as u32 };
            return Some(ScriptError::new(span, message).help(help));
        }
        _ if stop.rest.starts_with('{') && head.ends_with(')') => {
            // `void f(int a) {`, `int main() {`, `public static void f() {`
            let (name, _) = head.split_once('(')?;
            let words: Vec<&str> = name.split_whitespace().collect();
            let [modifiers @ .., _, name] = &words[..] else { return None };
            if !modifiers.iter().all(|word| MODIFIERS.contains(word)) {
                return None;
            }
            if words.iter().any(|word| is_reserved(word)) {
                return None;
            }
            let help = format!("write `fn {name}(…) {{ }}`, or `task {name}(…) {{ }}` for what is spawned");
            let message = format!("`{}` does not begin a function", words[0]);
            let start = stop.span.start - stop.statement.len() as u32;
            return Some(ScriptError::new(Span { start, end: start + words[0].len() as u32 }, message).help(help));
        }
        _ => return None,
    };
    let start = stop.span.start - stop.statement.len() as u32;
    let length = first.find(|c| !is_of_word(c)).unwrap_or(first.len());
    Some(ScriptError::new(Span { start, end: start + length as u32 }, message).help(help))
}

/// `P{x: 1}`
fn names_fields(stop: &Stop<'_>) -> bool {
    let Some(fields) = stop.rest.strip_prefix('{') else { return false };
    let end = fields.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ' ')).unwrap_or(fields.len());
    let is_record = last_word(stop.before).starts_with(char::is_uppercase) && stop.before.contains('=');
    is_record && !fields[..end].trim().is_empty() && fields[end..].starts_with(':')
}

/// `const N = 3, K = 4` and `let` likewise, with a statement for each.
pub(super) fn one_each(stop: &Stop<'_>) -> String {
    let word = stop.first();
    let rest = line(&stop.rest[1..]).split([';', '}', '#']).next().unwrap_or("");
    let mut all = short(stop.statement);
    let (mut depth, mut from) = (0i32, 0);
    for (at, c) in rest.char_indices().chain([(rest.len(), ',')]) {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ',' if depth == 0 || at == rest.len() => {
                let next = short(&rest[from..at]);
                if !next.is_empty() {
                    all += &format!("; {word} {next}");
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    all
}
