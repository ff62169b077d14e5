//! Slips in expressions: operators, constants, literals and calls of other
//! languages.

use super::super::build::{Node, span, text};
use super::{declares, error, short};
use crate::lang::ast::{BinaryOp, Expr, ExprKind, Name, Span, SpawnKind};
use crate::lang::error::ScriptError;
use crate::lang::word::is_of_word;

/// What to do without `**`.
pub(crate) const NO_POWER: &str = "multiply in a loop; there is `*` but no power";

/// An operator that is spelt otherwise here.
pub(crate) fn operator(op: &Node<'_>, left: &Expr, right: &Expr, source: &str) -> Option<ScriptError> {
    let place = span(op);
    let word = text(op);
    let mend = match word {
        "&&" => "and",
        "||" => "or",
        "===" | "is" => "==",
        "!==" | "<>" => "!=",
        "**" => {
            return Some(error(place, "`**` is not an operator", NO_POWER));
        }
        "*" if is_spawn(left) => {
            let help = format!("write `{} x{}`", short(left.span.text(source)), short(right.span.text(source)));
            return Some(error(left.span.to(right.span), "a number of tasks is written with `x`", help));
        }
        _ if word.starts_with("is") => "!=",
        _ if word.starts_with("not") => {
            let (left, right) = (short(left.span.text(source)), short(right.span.text(source)));
            let help = format!("write `not ({left} in {right})`");
            return Some(error(place, "`not in` is not an operator", help).understood());
        }
        _ => return None,
    };
    let word = if word.starts_with("is") && mend == "!=" { "is not" } else { word };
    let error = error(place, format!("`{word}` is not an operator"), format!("write `{mend}`"));
    // What a `spawn` gives is no part of a condition: something else was meant.
    Some(if matches!(left.kind, ExprKind::Spawn(_)) { error } else { error.understood() })
}

fn is_spawn(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Spawn(spawn) if spawn.count.is_none())
}

/// `!x`
pub(crate) fn bang(span: Span, operand: &Expr) -> ScriptError {
    let error = error(span, "`!` is not an operator", "write `not`");
    // Before what is neither true nor false it stands there by accident.
    use ExprKind::{Bool, Call, Field, Index, Name, Paren, Unary};
    let fits =
        matches!(operand.kind, Bool(_) | Call { .. } | Field { .. } | Index { .. } | Name(_) | Paren(_) | Unary { .. })
            || matches!(operand.kind, ExprKind::Binary { op, .. } if !is_arithmetic(op));
    if fits { error.understood() } else { error }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
}

/// `a < b < c`
pub(crate) fn comparison_chain(left: &Expr, op: &str, right: &Expr, source: &str) -> Option<ScriptError> {
    let ExprKind::Binary { op: first, left: a, right: b } = &left.kind else { return None };
    use BinaryOp::*;
    if !matches!(first, Eq | Ne | Lt | Le | Gt | Ge | In) {
        return None;
    }
    if let (Lt, ">", ExprKind::Name(kind)) = (first, op, &a.kind)
        && let kind = kind.to_lowercase()
        && declares(&kind)
    {
        let rest = &source[right.span.start as usize..];
        let rest = rest[..rest.find(['\n', ';', '}', '#']).unwrap_or(rest.len())].trim_end();
        let error = error(left.span.to(right.span), "values have no declared type", "");
        return Some(error.help(format!("leave `<{}>` out: `{kind} {}`", short(b.span.text(source)), short(rest))));
    }
    let (middle, last) = (short(b.span.text(source)), short(right.span.text(source)));
    let head = short(&source[a.span.start as usize..b.span.end as usize]);
    let help = format!("write `{head} and {middle} {op} {last}`");
    Some(error(left.span.to(right.span), "comparisons cannot be chained", help))
}

/// `1..2..3`
pub(crate) fn range_chain(span: Span) -> ScriptError {
    error(span, "a range has two ends", "write `0..3` for 0, 1, 2")
}

/// `xs[..=]`
pub(crate) fn slice_without_end(span: Span) -> ScriptError {
    error(span, "`..=` needs an end", "write `xs[..=2]`, or `xs[..]` for all of it")
}

/// `()`, `(a, b)`
pub(crate) fn tuple(span: Span, items: &[Node<'_>]) -> ScriptError {
    if items.is_empty() {
        return error(span, "an expression is missing in `( )`", "write `none` for no value");
    }
    error(span, "there are no tuples", "write a list: `[a, b]`")
}

/// `lambda x: x`, of which `text` is the whole.
pub(crate) fn lambda(span: Span, text: &str) -> ScriptError {
    let (head, value) = text.split_once(':').unwrap_or((text, "x"));
    let (parameters, value) = (head.trim().trim_start_matches("lambda").trim(), value.trim());
    let help = format!("define `fn f({parameters}) {{ return {} }}` and pass `f`", short(value));
    error(span, "there is no `lambda`", help)
}

/// The functions that are built in and take a value.
pub(super) const FUNCTIONS: &[&str] = &["len", "min", "max", "abs", "str", "int", "choose"];

/// `len xs`: of `word`, with what stands behind it on its line, the rest of a statement.
pub(crate) fn without_parentheses(span: Span, word: &str, rest: &str) -> Option<ScriptError> {
    let mut depth = 0;
    let unit = rest.char_indices().find(|(_, c)| {
        depth += i32::from(matches!(c, '(' | '[')) - i32::from(matches!(c, ')' | ']'));
        depth < 0 || depth == 0 && (c.is_whitespace() || matches!(c, ';' | '{' | '}' | ','))
    });
    let given = &rest[..unit.map_or(rest.len(), |(at, _)| at)];
    let mend = || error(span, "an argument stands in parentheses", format!("write `{word}({})`", short(given)));
    FUNCTIONS.contains(&word).then(mend)
}

/// `True`, `None`, `null`: the value that is meant, with the error.
pub(crate) fn foreign_constant(word: &str, span: Span) -> Option<(ExprKind, ScriptError)> {
    let (meant, mend) = match word {
        "True" | "TRUE" => (ExprKind::Bool(true), "true"),
        "False" | "FALSE" => (ExprKind::Bool(false), "false"),
        "None" | "null" | "NULL" | "nil" | "nullptr" | "undefined" => (ExprKind::None, "none"),
        _ => return None,
    };
    let error = error(span, format!("`{word}` is not a value"), format!("write `{mend}`"));
    Some((meant, error.understood()))
}

/// `f(timeout=5ms)`
pub(crate) fn equals_in_argument(name: &Name) -> ScriptError {
    error(name.span, "an argument's name is followed by `:`", format!("write `{}: …`", name.text)).minor()
}

/// `threading.Thread(target=worker, args=(1,))`, `Process(target=worker)`: the error, and what
/// is spawned.
pub(crate) fn foreign_task(callee: &Expr, arguments: &str, source: &str) -> Option<(ScriptError, Option<SpawnKind>)> {
    let (word, module) = match &callee.kind {
        ExprKind::Name(word) => (word.as_str(), None),
        ExprKind::Field { object, field } => (field.text.as_str(), Some(object.span.text(source))),
        _ => return None,
    };
    let (way, what, kind) = match word {
        "Thread" | "Timer" => ("", "a thread", None),
        "Process" => ("process ", "a process", Some(SpawnKind::Process)),
        _ => return None,
    };
    let given = |name: &str| {
        let (_, rest) = arguments.split_once(name)?;
        let rest = rest.trim_start().strip_prefix(['=', ':'])?.trim_start();
        Some(rest)
    };
    let target = given("target")?;
    let task = &target[..target.find(|c| !is_of_word(c)).unwrap_or(target.len())];
    if task.is_empty() || target.starts_with("lambda") {
        return None;
    }
    let arguments = given("args").and_then(|rest| rest.strip_prefix(['(', '['])).map_or(String::new(), |rest| {
        let rest = rest.split([')', ']']).next().unwrap_or("").trim().trim_end_matches(',');
        if rest.is_empty() { String::new() } else { format!("({})", short(rest)) }
    });
    let message = match module {
        Some(module) => format!("there is no module `{}`", short(module)),
        None => format!("`{word}` is not defined"),
    };
    let help = format!("{what} is started with `spawn {way}{task}{arguments}`");
    Some((error(callee.span, message, help), kind))
}

/// `'text'`
pub(crate) fn quotes(span: Span, text: &str) -> ScriptError {
    let inner = shown(&text.trim_matches('\'').replace("\\'", "'").replace('"', "\\\""));
    error(span, "a string stands in double quotes", format!("write `\"{inner}\"`")).understood()
}

/// What is in a string, whole with its blanks if that is not too long.
fn shown(inner: &str) -> String {
    if inner.chars().count() <= 40 { inner.to_owned() } else { short(inner) }
}

/// `f"text"`
pub(crate) fn fstring(span: Span, text: &str) -> ScriptError {
    let inner = shown(text[1..].trim_matches(['\'', '"']));
    let message = format!("a string has no prefix `{}`", &text[..1]);
    error(span, message, format!("every string fills in its `{{…}}`: write `\"{inner}\"`")).understood()
}

/// `{}` in a string
pub(crate) fn empty_hole(span: Span) -> ScriptError {
    error(span, "there is no expression between these braces", "write `\\{\\}` for braces in a string").understood()
}

/// `\q` in a string
pub(crate) fn escape(span: Span, c: char) -> ScriptError {
    let help = "there are `\\n`, `\\t`, `\\\"`, `\\\\`, `\\{` and `\\}`";
    error(span, format!("`\\{c}` is not an escape"), help).understood()
}

/// `0.5`, `0.5s`
pub(crate) fn float(span: Span, text: &str) -> ScriptError {
    let help = match duration_of(text) {
        Some(duration) if text.ends_with('s') => format!("write `{duration}`"),
        Some(duration) => format!("numbers are integers; for a time write `{duration}`"),
        None => "numbers are integers; a time is written `10ms`".to_owned(),
    };
    error(span, format!("`{text}` is not a whole number"), help)
}

/// A decimal number, of seconds if it says nothing else, as a duration.
pub(crate) fn duration_of(text: &str) -> Option<String> {
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let value: f64 = text[..end].replace('_', "").parse().ok()?;
    let seconds = match &text[end..] {
        "" | "s" => value,
        "ms" => value / 1e3,
        "us" => value / 1e6,
        _ => return None,
    };
    let ns = (seconds * 1e9).round();
    if !(1.0..=9e18).contains(&ns) {
        return None;
    }
    let ns = ns as i64;
    let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
    units.iter().find(|(_, size)| ns % size == 0).map(|(unit, size)| format!("{}{unit}", ns / size))
}

/// `10 ms`
pub(crate) fn spaced(span: Span, text: &str) -> ScriptError {
    let joined: String = text.split_whitespace().collect();
    error(span, "a duration is one word", format!("write `{joined}`")).understood()
}

/// `3min`, `0xff`, `1e3`
pub(crate) fn number(span: Span, text: &str) -> ScriptError {
    let lower = text.to_lowercase();
    let help = if lower.starts_with("0x") || lower.starts_with("0b") || lower.starts_with("0o") {
        "an integer is written in decimal digits"
    } else {
        "an integer is `1_000`; a duration ends in `ns`, `us`, `ms` or `s`"
    };
    error(span, format!("`{text}` is neither an integer nor a duration"), help)
}

/// `sleep 10`: a number where a time is needed.
pub(crate) fn not_a_duration(time: &Expr, word: &str) -> Option<ScriptError> {
    let mut inner = time;
    while let ExprKind::Paren(within) = &inner.kind {
        inner = within;
    }
    let ExprKind::Int(value) = inner.kind else { return None };
    let help = format!("write a unit: `{word} {value}s`, or `ms`, `us`");
    Some(error(inner.span, format!("`{word}` takes a duration"), help).understood())
}

/// `time.sleep(0.01)`
pub(crate) fn sleep_call(call: &Expr, source: &str) -> Option<ScriptError> {
    let ExprKind::Call { callee, args } = &call.kind else { return None };
    let ExprKind::Field { object, field } = &callee.kind else { return None };
    let time = matches!(&object.kind, ExprKind::Name(name) if name == "time");
    if !time || !field.text.eq_ignore_ascii_case("sleep") {
        return None;
    }
    let told = args.first().and_then(|arg| duration_of(arg.value.span.text(source)));
    let help = format!("write `sleep {}`", told.as_deref().unwrap_or("10ms"));
    Some(error(call.span, "`sleep` is a statement and takes a duration", help))
}

/// `range(3)` after `for … in`: the range that is meant, if it is one, with the
/// error.
pub(crate) fn range_call(over: &Expr, source: &str) -> Option<(Option<Expr>, ScriptError)> {
    let ExprKind::Call { callee, args } = &over.kind else { return None };
    let own = ["fn range", "task range", "struct range"].iter().any(|definition| source.contains(definition));
    if own || !matches!(&callee.kind, ExprKind::Name(name) if name == "range") {
        return None;
    }
    let text = |i: usize| args.get(i).map_or("", |arg| arg.value.span.text(source));
    let help = match args.len() {
        1 => format!("write `0..{}`", short(text(0))),
        2 => format!("write `{}..{}`", short(text(0)), short(text(1))),
        _ => "write `0..3`; for other steps use `while`".to_owned(),
    };
    let error = error(over.span, "a range is written with `..`", help);
    let value = |i: usize| args.get(i).map(|arg| Box::new(arg.value.clone()));
    let (from, to) = match args.len() {
        1 => (Some(Box::new(Expr { kind: ExprKind::Int(0), span: over.span })), value(0)),
        2 => (value(0), value(1)),
        _ => return Some((None, error)),
    };
    let meant = Expr { kind: ExprKind::Range { from, to, inclusive: false }, span: over.span };
    Some((Some(meant), error.understood()))
}

/// Whether `expr` can stand after `on`: `x`, `fork[0]`, `a.mu`.
pub(crate) fn is_place(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => true,
        ExprKind::Index { object, .. } | ExprKind::Field { object, .. } => is_place(object),
        _ => false,
    }
}
