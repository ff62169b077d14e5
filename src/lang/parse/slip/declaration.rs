//! Slips in declarations and in what else stands at the top level: kinds, names,
//! rows, first values, and what is written inside a block that belongs outside.

use super::super::build::{Node, span, text};
use super::value::FUNCTIONS;
use super::{KEYWORDS, error, import, is_reserved, short};
use crate::lang::ast::{Expr, ExprKind, Item, Name, Object, Span};
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::{a, article, is_name, is_of_word};

/// The kinds of object that the language has; only for the words of help.
pub(super) const OBJECTS: &[&str] =
    &["lock", "rwlock", "semaphore", "condition", "event", "barrier", "latch", "queue", "pool"];
pub(super) const VARIABLES: &[&str] = &["var", "shared", "atomic"];
/// Those whose argument is a number.
pub(super) const COUNTED: &[&str] = &["semaphore", "barrier", "latch", "queue", "pool"];
/// Methods that are called without arguments, also only for the words of help.
pub(super) const METHODS: &[&str] = &[
    "acquire",
    "release",
    "locked",
    "acquire_read",
    "acquire_write",
    "release_read",
    "release_write",
    "value",
    "wait",
    "notify",
    "notify_all",
    "set",
    "clear",
    "is_set",
    "abort",
    "reset",
    "count_down",
    "get",
    "put",
    "put_nowait",
    "get_nowait",
    "qsize",
    "empty",
    "full",
    "close",
    "terminate",
    "load",
    "store",
    "add",
    "swap",
    "cas",
];

/// Whether a declaration begins with `word`.
pub(crate) fn declares(word: &str) -> bool {
    OBJECTS.contains(&word) || VARIABLES.contains(&word)
}

/// `def f():`
pub(crate) fn foreign_function(word: &Node<'_>, name: &Name) -> ScriptError {
    let help = format!("write `fn {0}(…) {{ }}`, or `task {0}(…) {{ }}` for what is spawned", name.text);
    error(span(word), format!("`{}` does not begin a function", text(word)), help)
}

/// `fn f { }`
pub(crate) fn without_parameters(name: &Name) -> ScriptError {
    let message = format!("`fn {}` has no parameter list", name.text);
    error(name.span, message, format!("write `fn {}() {{ }}`", name.text))
}

/// `lock a, b`
pub(crate) fn several_names(object: &Object, more: &Node<'_>) -> ScriptError {
    let second = text(more).trim_start_matches([',', ' ', '\t']).split([',', ' ']).next().unwrap_or("").to_owned();
    let help = match declares(&object.kind.text) {
        true => format!("write `{0} {1}; {0} {second}`", object.kind.text, object.name.text),
        false => "declare each by itself".to_owned(),
    };
    error(span(more), "a declaration has one name", help)
}

/// `var g[3][3] = 0`, `var g[3, 3] = 0`, `var g[] = 0`
pub(crate) fn rows(object: &Object, more: &Node<'_>, source: &str) -> ScriptError {
    let (kind, name) = (object.kind.text.as_str(), object.name.text.as_str());
    let init = match &object.init {
        Some(init) => format!(" = {}", short(init.span.text(source))),
        None if VARIABLES.contains(&kind) => " = 0".to_owned(),
        None => String::new(),
    };
    let counts = text(more).split(['[', ']', ',']).map(str::trim).filter(|count| !count.is_empty());
    let counts: Vec<&str> = object.count.iter().map(|count| count.span.text(source)).chain(counts).collect();
    let is_list = object.init.as_ref().is_some_and(|init| matches!(init.kind, ExprKind::List(_)));
    let [_, .., last] = counts[..] else {
        let help = match is_list {
            true => format!("a list in one place: `{kind} {name}{init}`; a row has one value in all its places"),
            false => format!("write `{kind} {name}[3]{init}`"),
        };
        return error(span(more), format!("`{kind} {name}[]` does not say how many"), help);
    };
    let numbers: Option<i64> =
        counts.iter().map(|n| n.parse::<i64>().ok()).try_fold(1i64, |all, n| all.checked_mul(n?));
    let all = numbers.map_or_else(|| short(&counts.join(" * ")), |all| all.to_string());
    let help = format!(
        "keep all in one row: `{kind} {name}[{all}]{init}`, of which `{name}[i * {}]` begins the next {0}",
        short(last)
    );
    error(span(more), "there are no rows of rows", help)
}

/// `let g[3] = 0`
pub(crate) fn local_row(name: &Name, place: Span) -> ScriptError {
    let name = &name.text;
    let help =
        format!("write a list, `let {name} = [0, 0, 0]`, or declare a row at the top level: `var {name}[3] = 0`");
    error(place, "`let` makes one variable, and no row", help)
}

/// What a declaration says of itself, whatever its kind may be: `var x` without
/// a value, `int x`, `global x`.
pub(crate) fn declaration(object: &Object, source: &str) -> Option<ScriptError> {
    let kind = object.kind.text.as_str();
    let name = object.name.text.as_str();
    if let (true, "mut" | "int" | "bool" | "string", Some(option)) =
        (VARIABLES.contains(&kind), name, object.options.first())
    {
        let help = format!("leave it out: `{kind} {} = …`", option.text);
        return Some(error(object.name.span, format!("{} has no `{name}`", a(kind)), help));
    }
    if let (true, Some("chan")) = (VARIABLES.contains(&kind), object.options.first().map(|option| option.text.as_str()))
    {
        let help =
            format!("a queue is declared: `queue {name}(0)`, which hands over, or `queue {name}(3)` that holds 3");
        return Some(error(object.options[0].span, "there is no `chan`", help));
    }
    if VARIABLES.contains(&kind) && object.init.is_none() && object.args.is_none() {
        let count =
            object.count.as_ref().map_or(String::new(), |count| format!("[{}]", short(count.span.text(source))));
        let message = format!("`{kind} {name}` has no first value");
        return Some(error(object.span, message, format!("write `{kind} {name}{count} = 0`")));
    }
    match kind {
        "global" | "nonlocal" => {
            let help = "leave the line out; what is declared can be named everywhere";
            Some(error(object.span, format!("`{kind}` is not needed"), help))
        }
        "go" | "async" | "start" | "run" | "thread" | "launch" | "parallel" | "begin" | "process" | "daemon" => {
            let way = if matches!(kind, "process" | "daemon") { format!("{kind} ") } else { String::new() };
            let arguments = match &object.args {
                Some(args) if args.is_empty() => "()".to_owned(),
                Some(args) => {
                    let args: Vec<&str> = args.iter().map(|arg| arg.value.span.text(source)).collect();
                    format!("({})", short(&args.join(", ")))
                }
                None => String::new(),
            };
            let help = match (name, object.options.first()) {
                // `process pool p(2)`
                ("pool", Some(pool)) => {
                    let behind = source.get(pool.span.end as usize..).unwrap_or("");
                    let count = behind.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or("3", |c| c.0);
                    format!("write `pool {}({}) of processes`", pool.text, short(count))
                }
                _ => format!("write `spawn {way}{name}{arguments}`"),
            };
            Some(error(object.kind.span, format!("`{kind}` does not begin a statement"), help))
        }
        word if METHODS.contains(&word) || matches!(word, "signal" | "broadcast") => {
            let method = match word {
                "signal" => "notify",
                "broadcast" => "notify_all",
                word => word,
            };
            let argument = if matches!(method, "put" | "put_nowait" | "store" | "add" | "swap") { "v" } else { "" };
            let help = format!("a method is called: `{name}.{method}({argument})`");
            Some(error(object.kind.span, format!("`{kind}` does not begin a statement"), help))
        }
        word if FUNCTIONS.contains(&word) && object.init.is_none() && object.args.is_none() => {
            let help = format!("write `{kind}({name})`");
            Some(error(object.kind.span, format!("`{kind}` does not begin a statement"), help))
        }
        "new" => {
            let args = object.args.iter().flatten().map(|arg| arg.value.span.text(source));
            let help = match made(&format!("{name}({})", args.collect::<Vec<_>>().join(", "))) {
                task if task.starts_with("spawn") => task,
                kind => kind,
            };
            Some(error(object.kind.span, "there is no `new`", format!("write `{help}`")))
        }
        "static" | "public" | "private" | "export" | "extern" | "final" | "volatile" | "protected" => {
            // Further modifiers and the type stand before the name.
            let name = object.options.last().map_or(name, |option| option.text.as_str());
            let help = format!("leave the word out: `var {name} = …`, `let {name} = …`");
            Some(error(object.kind.span, format!("there is no `{kind}`"), help))
        }
        "using" | "package" | "use" | "mod" | "include" | "require" | "module" | "namespace" => {
            Some(import(object.span))
        }
        "wait" => {
            let help = format!("write `join {name}`; `wait(pid)` reaps a forked child");
            Some(error(object.kind.span, "`wait` does not begin a statement", help))
        }
        "echo" | "puts" | "println" | "printf" | "log" | "say" => Some(error(
            object.kind.span,
            format!("`{kind}` does not begin a statement"),
            format!("write `print {name}`"),
        )),
        "throw" | "panic" => {
            let help = "write `raise \"text\"`".to_owned();
            Some(error(object.kind.span, format!("`{kind}` does not begin a statement"), help))
        }
        "del" | "delete" | "free" | "defer" | "unlock" => {
            let help = match kind {
                "unlock" => format!("write `{name}.release()`"),
                _ => "leave it out; `with m { }` lets go of `m` by itself".to_owned(),
            };
            Some(error(object.kind.span, format!("`{kind}` does not begin a statement"), help))
        }
        "class" | "record" => {
            Some(error(object.kind.span, format!("there is no `{kind}`"), format!("write `struct {name} {{ }}`")))
        }
        "int" | "bool" | "str" | "string" | "auto" | "mut" if object.count.is_some() => {
            let help = format!("`var {name}[3] = 0` is a row of places that threads share");
            Some(error(object.kind.span, format!("`{kind}` does not declare a variable"), help))
        }
        "int" | "bool" | "str" | "string" | "auto" | "mut" => {
            let help = format!("`var {name} = …` is what threads share; `let {name} = …` is local");
            Some(error(object.kind.span, format!("`{kind}` does not declare a variable"), help))
        }
        _ => None,
    }
}

/// `var busy = false`
pub(crate) fn word_as_name(span: Span, word: &str) -> ScriptError {
    let message = format!("`{word}` is a word of the language and cannot be a name");
    error(span, message, format!("take another name, such as `{word}_`")).understood()
}

/// The words of the language that declarations of `text` take for names. A
/// declaration begins its line; elsewhere it may be part of a string.
pub(crate) fn words_as_names(text: &str) -> Vec<String> {
    let kinds = |word: &str| {
        VARIABLES.contains(&word) || OBJECTS.contains(&word) || ["let", "const", "task", "fn", "struct"].contains(&word)
    };
    let declared = text.lines().filter_map(|line| {
        let (kind, rest) = line.trim_start().split_once([' ', '\t'])?;
        let rest = rest.trim_start();
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        (kinds(kind) && is_reserved(&rest[..end])).then(|| rest[..end].to_owned())
    });
    declared.collect()
}

/// Something else than a declaration in a struct.
pub(crate) fn not_a_field(item: &Item, name: &Name) -> ScriptError {
    let help = "its fields are declarations: `lock mu`, `var x = 0`; code stands outside";
    error(item_span(item), format!("`struct {}` holds declarations only", name.text), help)
}

fn item_span(item: &Item) -> Span {
    match item {
        Item::Const(item) => item.span,
        Item::Object(item) => item.span,
        Item::Struct(item) => item.name.span,
        Item::Function(item) => item.name.span,
        Item::Invariant { span, .. } => *span,
        Item::Finally { span, .. } => finally_word(*span),
        Item::Expect(_) => Span::default(),
        Item::Stmt(stmt) => stmt.span,
    }
}

/// An item in a block.
pub(crate) fn misplaced(item: &Item, after_try: bool) -> ScriptError {
    let top =
        |span: Span, what: &str| error(span, format!("{what} stands at the top level"), "move it out of the block");
    match item {
        Item::Object(object) => misplaced_object(object),
        Item::Const(item) => {
            let help = format!("inside a body write `let {} = …`", item.name.text);
            error(item.span, "a constant is defined at the top level", help)
        }
        Item::Finally { span, .. } if after_try => finally_of_try(*span, false),
        Item::Finally { .. } => top(item_span(item), "`finally`"),
        Item::Struct(item) => top(item.name.span, "a `struct`"),
        Item::Function(_) => {
            let help = "move it out of the block, or spawn a block: `spawn { }`";
            error(item_span(item), "a `task` or `fn` is defined at the top level", help)
        }
        Item::Invariant { span, .. } => top(*span, "an `invariant`"),
        Item::Expect(expect) => {
            use crate::lang::ast::Expect::{Code, Every, Some};
            let (Code { span, .. } | Some { span, .. } | Every { span, .. }) = expect;
            top(*span, "`expect`")
        }
        Item::Stmt(stmt) => top(stmt.span, "this"),
    }
}

fn finally_word(whole: Span) -> Span {
    Span { start: whole.start, end: whole.start + "finally".len() as u32 }
}

/// `try { } catch any { } finally { }`; `whole` is the `finally`, which may be meant as the
/// script's own where that may stand.
pub(crate) fn finally_of_try(whole: Span, at_top: bool) -> ScriptError {
    let mut help = "put what must always happen after the `try`; `with` lets go however it is left".to_owned();
    if at_top {
        help += "; the script's own `finally`, which runs when every task has ended, begins a line of its own";
    }
    error(finally_word(whole), "`try` has no `finally`", help)
}

fn misplaced_object(object: &Object) -> ScriptError {
    let (kind, name) = (object.kind.text.as_str(), object.name.text.as_str());
    if VARIABLES.contains(&kind) {
        let message = format!("{} `{kind}` is declared at the top level", article(kind));
        return error(object.span, message, format!("inside a body write `let {name} = …` for a local variable"));
    }
    if OBJECTS.contains(&kind) {
        let message = format!("{} `{kind}` is declared at the top level", article(kind));
        return error(object.span, message, format!("inside a body write `let {name} = {kind}()`"));
    }
    let words = KEYWORDS.iter().chain(OBJECTS).chain(VARIABLES).copied();
    let help = match nearest(kind, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => "a call is `f(x)`; a local variable is `let x = 1`".to_owned(),
    };
    error(object.kind.span, format!("`{kind}` does not begin a statement"), help)
}

/// `var a = 1, var b = 2` in a struct
pub(crate) fn comma_in_struct(span: Span) -> ScriptError {
    let span = Span { start: span.start, end: span.start + 1 };
    error(span, "the fields of a struct are not separated by `,`", "write one field a line, or `;` between them")
        .understood()
}

/// `struct S { a }`
pub(crate) fn bare_field(expr: &Expr, source: &str) -> ScriptError {
    let text = short(expr.span.text(source));
    let help = format!("write `var {text} = 0`, or `lock {text}`");
    error(expr.span, format!("`{text}` does not say what the field is"), help)
}

/// `Lock()` of other languages as it is made here.
pub(crate) fn made(call: &str) -> String {
    let end = call.find('(').unwrap_or(call.len());
    let given = call[end..].trim_start_matches('(').split([',', ')']).next().unwrap_or("").trim();
    let given = given.rsplit(['=', ' ']).next().filter(|task| is_name(task));
    let kind = match call[..end].to_lowercase() {
        kind if kind == "thread" => return format!("spawn {}", given.unwrap_or("worker")),
        kind if kind == "process" => return format!("spawn process {}", given.unwrap_or("worker")),
        kind if OBJECTS.contains(&kind.as_str()) => kind,
        kind if matches!(kind.as_str(), "mutex" | "reentrantlock") => "lock".to_owned(),
        kind if kind.ends_with("queue") => "queue".to_owned(),
        kind if kind.starts_with("atomic") => return format!("atomic x = {}", given_first(&call[end..])),
        kind if kind == "object" => "lock".to_owned(),
        kind if kind == "countdownlatch" => "latch".to_owned(),
        kind if kind == "cyclicbarrier" => "barrier".to_owned(),
        _ => return call.to_owned(),
    };
    format!("{kind}{}", &call[end..])
}

/// The first argument of a call, or 0.
fn given_first(arguments: &str) -> &str {
    let first = arguments.trim_start_matches('(').split([',', ')']).next().unwrap_or("").trim();
    if first.is_empty() { "0" } else { first }
}
