//! Slips in statements, their heads and their blocks.

use super::super::build::{Node, span, text};
use super::super::grammar::Rule;
use super::declaration::{METHODS, OBJECTS, VARIABLES};
use super::{KEYWORDS, declares, error, short};
use crate::lang::ast::{BinaryOp, Expr, ExprKind, Name, Span, UnaryOp};
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::is_name;

/// Functions that may stand alone.
const BUILT_IN: &[&str] = &["fork", "wait", "choose"];

/// `if x:`
pub(crate) fn colon(span: Span, before_block: bool) -> ScriptError {
    let help = if before_block { "leave the `:` out" } else { "blocks are braces: write `{` here and `}` at the end" };
    let error = error(span, "no `:` stands before a block", help);
    if before_block { error.understood() } else { error }
}

/// `import threading`
pub(crate) fn import(span: Span) -> ScriptError {
    error(span, "there is nothing to import", "leave the line out; all that a script needs is built in")
}

/// `elif c { }`
pub(crate) fn elif(word: &Node<'_>) -> ScriptError {
    error(span(word), format!("there is no `{}`", text(word)), "write `else if`").understood()
}

/// `except Empty as e { }`
pub(crate) fn except(word: &Node<'_>, kinds: &[Name], bind: Option<&Name>) -> ScriptError {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.text.as_str()).collect();
    let kinds = if kinds.is_empty() { "any".to_owned() } else { kinds.join(", ") };
    let bind = bind.map_or(String::new(), |name| format!(" as {}", name.text));
    error(span(word), "there is no `except`", format!("write `catch {kinds}{bind} {{ }}`")).understood()
}

/// `catch { }`
pub(crate) fn catch_what(span: Span) -> ScriptError {
    let span = Span { start: span.start, end: span.start + "catch".len() as u32 };
    error(span, "`catch` does not say what", "write `catch any { }` for every error, or `catch Empty, Full { }`")
}

/// `try { }` alone
pub(crate) fn without_catch(span: Span, then_finally: bool) -> ScriptError {
    let span = Span { start: span.start, end: span.start + "try".len() as u32 };
    let help = match then_finally {
        true => "write `try { } catch any { }`, and behind it, without `finally`, what must always happen",
        false => "write `try { } catch any { }`",
    };
    error(span, "this `try` has no `catch`", help)
}

/// `else { }` without an `if`; `foreign` is what stands for it, such as `elif`.
pub(crate) fn stray(rule: Rule, span: Span, foreign: Option<&str>) -> ScriptError {
    let (word, owner) = if rule == Rule::catch { ("catch", "try") } else { ("else", "if") };
    let said = foreign.unwrap_or(word);
    let span = Span { start: span.start, end: span.start + said.len() as u32 };
    let help = match (foreign, rule) {
        (Some(_), Rule::else_if) => "`else if` follows the `}` of its `if`; the first begins with `if`".to_owned(),
        _ => format!("`{word}` follows the `}}` of its `{owner}`"),
    };
    error(span, format!("this `{said}` has no `{owner}`"), help)
}

/// `if x = 3 { }`
pub(crate) fn equals_in_condition(place: Span, left: &Expr, right: &Expr, source: &str) -> ScriptError {
    let help = format!("write `{} == {}`", short(left.span.text(source)), short(right.span.text(source)));
    error(place, "`=` assigns and does not compare", help).understood()
}

/// `let x`
pub(crate) fn let_without_value(span: Span, name: &Name) -> ScriptError {
    if matches!(name.text.as_str(), "mut" | "int" | "bool" | "string" | "auto" | "var" | "shared") {
        let message = format!("`let` has no `{}`", name.text);
        return error(name.span, message, "leave it out: `let x = 1`");
    }
    let help = format!("write `let {} = none`, or its value", name.text);
    error(span, format!("`let {}` has no value", name.text), help).understood()
}

/// `x := 1`, `x + = 1`, `let x == 1`
pub(crate) fn foreign_assignment(op: &Node<'_>, target: &str) -> ScriptError {
    let word = text(op);
    let joined: String = word.split_whitespace().collect();
    match word {
        ":=" => error(
            span(op),
            "`:=` does not assign",
            format!("write `let {0} = …` for a new variable, `{0} = …` for one that is there", short(target)),
        ),
        "==" => error(span(op), "`==` compares and does not assign", "write `=`").understood(),
        _ => error(span(op), format!("`{joined}` is one word"), format!("write `{joined}`")).understood(),
    }
}

/// `x++`
pub(crate) fn step(op: &Node<'_>, target: &str) -> ScriptError {
    let sign = &text(op)[..1];
    let help = format!("write `{} {sign}= 1`", short(target));
    error(span(op), format!("`{}` is not an operator", text(op)), help).understood()
}

/// `let v = q.get() => { }`
pub(crate) fn let_in_arm(span: Span) -> ScriptError {
    error(span, "an arm needs no `let`", "write `v = q.get() => { }`; `v` is new in its arm").understood()
}

/// `f(x) => { }`
pub(crate) fn not_an_arm(span: Span, text: &str) -> ScriptError {
    if text == "default" || nearest(text, ["else"]).is_some() {
        let help = "write `else => { }` for what is done if nothing is ready";
        return error(span, format!("`{}` does not begin an arm", short(text)), help);
    }
    let help = "write `q.get()`, `q.put(v)`, `m.acquire()`, `e.wait()`, `join w`, `after 10ms` or `else`";
    error(span, "this is no operation that can wait", help)
}

/// `q.get() => print 1`
pub(crate) fn bare_arm(span: Span, text: &str) -> ScriptError {
    error(span, "what an arm does stands in braces", format!("write `{{ {} }}`", short(text)))
}

/// `print("a", b)`
pub(crate) fn print_call(value: &Node<'_>, whole: Span) -> Option<ScriptError> {
    let inner = text(value).strip_prefix('(')?.strip_suffix(')')?;
    let mut unit = value.clone();
    for rule in [Rule::unit, Rule::paren] {
        let mut parts = unit.into_inner();
        unit = parts.next().filter(|part| part.as_rule() == rule)?;
        if parts.next().is_some() {
            return None;
        }
    }
    match unit.into_inner().count() {
        1 => None,
        0 => Some(error(whole, "`print` is a statement", "write `print` alone for an empty line")),
        _ => Some(error(whole, "`print` is a statement", format!("write `print {}`", short(inner)))),
    }
}

/// `spawn process thread worker`
pub(crate) fn spawn_word(span: Span) -> ScriptError {
    error(span, "this says twice how to spawn", "write one of `thread` and `process`, and `daemon` once").understood()
}

/// `spawn worker 3`
pub(crate) fn bare_count(span: Span, text: &str) -> ScriptError {
    error(span, "a number of tasks is written with `x`", format!("write `x{text}`")).understood()
}

/// `submit job(1)`
pub(crate) fn without_pool(span: Span, source: &str) -> ScriptError {
    let help = format!("write `{} to p`", short(span.text(source)));
    error(span, "`submit` does not say to which pool", help)
}

/// `join a, b`
pub(crate) fn comma(comma: Span, whole: Span, source: &str) -> ScriptError {
    let text = whole.text(source);
    let (joined, time) = text.strip_prefix("join ").and_then(|rest| rest.split_once(',')).unwrap_or_default();
    let time = time.trim_start().trim_start_matches("timeout").trim_start_matches([':', '=', ' ']);
    match text.strip_prefix("join ") {
        Some(_) if time.starts_with(|c: char| c.is_ascii_digit()) => {
            error(comma, "a time to wait stands behind `for`", format!("write `join {joined} for {}`", short(time)))
        }
        Some(rest) => error(comma, "`join` takes one value", format!("write `join [{}]`", short(rest))),
        None => {
            let help = match text.strip_prefix("spawn ").and_then(|rest| rest.split_once(',')) {
                Some((task, given))
                    if task.trim_end().chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ')) =>
                {
                    format!("write `spawn {}({})`", task.trim_end(), short(given.trim()))
                }
                _ => "write one statement a line, or `;` between them".to_owned(),
            };
            error(comma, "a statement does not go on after a `,`", help)
        }
    }
}

/// `exit()`
pub(crate) fn exit_call(span: Span) -> ScriptError {
    error(span, "`exit` is a statement", "write `exit`, or `exit 1`").understood()
}

/// `yield()`, `yield 3`
pub(crate) fn yield_value(span: Span, value: &str) -> ScriptError {
    let help = match value {
        "()" => "write `yield`".to_owned(),
        value => format!("write `yield` alone; a value goes through a queue: `q.put({})`", short(value)),
    };
    error(span, "`yield` takes no value: it lets another task go first", help).understood()
}

/// `break 5`, `continue outer`
pub(crate) fn loop_value(span: Span, word: &str, value: &str) -> ScriptError {
    let help = match value {
        value if is_name(value) => {
            format!("write `{word}` alone; it is of the innermost loop, and a value is kept in a variable before it")
        }
        "()" => format!("write `{word}`"),
        value => format!("write `{word}` alone; keep the value before it: `found = {}`", short(value)),
    };
    error(span, format!("`{word}` takes no value"), help).understood()
}

/// `assert(x == 1, "why")`
pub(crate) fn assert_call(span: Span, slip: &Node<'_>) -> ScriptError {
    let inner = text(slip).trim_start_matches('(').trim_end_matches(')').trim();
    error(span, "`assert` is a statement", format!("write `assert {}`", short(inner))).understood()
}

/// A value that nothing is done with.
pub(crate) fn does_nothing(expr: &Expr, source: &str) -> ScriptError {
    let text = short(expr.span.text(source));
    let message = format!("`{text}` alone does nothing");
    let help = match &expr.kind {
        ExprKind::Name(word) => lone_name(word, source),
        ExprKind::Field { field, .. } if METHODS.contains(&field.text.as_str()) => {
            format!("a call has parentheses: `{text}()`")
        }
        ExprKind::Binary { op: BinaryOp::Eq, left, right } => {
            let (left, right) = (short(left.span.text(source)), short(right.span.text(source)));
            format!("`==` compares; write `{left} = {right}` to assign")
        }
        ExprKind::Binary { left, .. } if matches!(left.kind, ExprKind::Spawn(_)) => {
            "`spawn process worker` makes a process, `spawn worker x3` three tasks".to_owned()
        }
        ExprKind::Binary { op: BinaryOp::Lt, right, .. }
            if matches!(&right.kind, ExprKind::Unary { op: UnaryOp::Neg, .. })
                && expr.span.text(source).contains("<-") =>
        {
            let (queue, value) = expr.span.text(source).split_once("<-").unwrap_or(("q", "v"));
            format!("a queue takes a value by `put`: write `{}.put({})`", short(queue), short(value))
        }
        ExprKind::Unary { op: UnaryOp::Neg, value }
            if matches!(&value.kind, ExprKind::Unary { op: UnaryOp::Neg, .. }) =>
        {
            format!("write `{} -= 1`", text.trim_start_matches(['-', ' ']))
        }
        ExprKind::Index { object, index } if is_kind(object) => {
            let (kind, count) = (object.span.text(source), short(index.span.text(source)));
            let init = if VARIABLES.contains(&kind) { " = 0" } else { "" };
            format!("the count stands behind the name: `{kind} {}[{count}]{init}`", &kind[..1])
        }
        _ => "assign it, print it, or leave it out".to_owned(),
    };
    let error = error(expr.span, message, help);
    match &expr.kind {
        // That it is not defined says more.
        ExprKind::Name(word) if !is_of_a_statement(word) => error.minor(),
        _ => error,
    }
}

fn is_kind(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Name(word) if declares(word))
}

/// The mend for a word that is a statement by itself.
fn lone_name(word: &str, source: &str) -> String {
    if let Some(meant) = foreign_statement(word) {
        return meant.to_owned();
    }
    let defined = |kind: &str| source.contains(&format!("{kind} {word}"));
    let declared = OBJECTS.iter().chain(VARIABLES).any(|kind| defined(kind));
    if defined("fn") || (BUILT_IN.contains(&word) && !declared) {
        return format!("a call has parentheses: `{word}()`");
    }
    if defined("task") {
        return format!("`spawn {word}` starts it as a task of its own, `{word}()` calls it");
    }
    if VARIABLES.contains(&word) {
        return format!("a declaration has a name and a value: `{word} x = 0`");
    }
    if OBJECTS.contains(&word) {
        return format!("a declaration has a name: `{word} {}`", &word[..1]);
    }
    match nearest(word, KEYWORDS.iter().copied()) {
        Some(near) if !declared => format!("did you mean `{near}`?"),
        _ => "assign it, print it, or leave it out".to_owned(),
    }
}

/// Whether a word alone was certainly not meant as a name.
fn is_of_a_statement(word: &str) -> bool {
    foreign_statement(word).is_some() || [OBJECTS, VARIABLES, BUILT_IN].iter().any(|words| words.contains(&word))
}

/// What a statement of other languages is here.
pub(super) fn foreign_statement(word: &str) -> Option<&'static str> {
    Some(match word {
        "pass" => "leave it out; an empty block is `{ }`",
        "echo" | "puts" | "println" | "printf" | "say" | "log" | "display" | "cout" => "write `print x`",
        "throw" | "panic" => "write `raise \"text\"`",
        "go" | "async" | "start" | "run" | "thread" | "launch" | "parallel" => "write `spawn worker`",
        "delay" | "pause" | "usleep" | "nanosleep" => "write `sleep 10ms`",
        "begin" | "end" | "fi" | "done" | "endif" => "leave it out; blocks are `{ }`",
        "elif" | "elsif" | "elseif" => "write `else if x == 1 { }` behind the `}` of an `if`",
        "halt" | "quit" | "abort" => "write `exit`, or `exit 1`",
        "joinall" | "join_all" | "wait_all" | "waitall" => "write `join all`",
        "daemon" => "write `spawn daemon worker`",
        "process" => "write `spawn process worker`",
        "pub" | "public" | "private" | "static" | "export" | "extern" | "unsafe" => "leave the word out",
        "delete" | "del" | "free" | "defer" => "leave it out; `with m { }` lets go of `m` by itself",
        _ => return None,
    })
}
