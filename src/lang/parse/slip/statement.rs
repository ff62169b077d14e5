//! Slips in statements, heads, blocks and declarations.

use super::super::build::{Node, span, text};
use super::super::grammar::Rule;
use super::{KEYWORDS, is_reserved, short};
use crate::lang::ast::{BinaryOp, Expr, ExprKind, Item, Name, Object, Span, UnaryOp};
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::{a, article, is_name, is_of_word};

/// The kinds of object that the language has; only for the words of help.
const OBJECTS: &[&str] = &["lock", "rwlock", "semaphore", "condition", "event", "barrier", "latch", "queue", "pool"];
const VARIABLES: &[&str] = &["var", "shared", "atomic"];
/// Those whose argument is a number.
const COUNTED: &[&str] = &["semaphore", "barrier", "latch", "queue", "pool"];
/// Functions that may stand alone.
const BUILT_IN: &[&str] = &["fork", "wait", "choose"];
/// Methods that are called without arguments, also only for the words of help.
const METHODS: &[&str] = &[
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

fn error(span: Span, message: impl Into<String>, help: impl Into<String>) -> ScriptError {
    ScriptError::new(span, message).help(help)
}

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
    let help = format!("write `{0} {1}; {0} {second}`", object.kind.text, object.name.text);
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
            let help = format!("write `spawn {way}{name}{arguments}`");
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
        "len" | "min" | "max" | "abs" | "choose" => {
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
        Item::Finally { span, .. } => Span { start: span.start, end: span.start + "finally".len() as u32 },
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
        Item::Finally { .. } if after_try => {
            let help = "put what must always happen after the `try`; `with` lets go however it is left";
            error(item_span(item), "`try` has no `finally`", help)
        }
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
pub(crate) fn without_catch(span: Span) -> ScriptError {
    let span = Span { start: span.start, end: span.start + "try".len() as u32 };
    error(span, "this `try` has no `catch`", "write `try { } catch any { }`")
}

/// `else { }` without an `if`
pub(crate) fn stray(rule: Rule, span: Span) -> ScriptError {
    let (word, owner) = if rule == Rule::catch { ("catch", "try") } else { ("else", "if") };
    let span = Span { start: span.start, end: span.start + word.len() as u32 };
    error(span, format!("this `{word}` has no `{owner}`"), format!("`{word}` follows the `}}` of its `{owner}`"))
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
            error(comma, "a statement does not go on after a `,`", "write one statement a line, or `;` between them")
        }
    }
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

/// Whether a declaration begins with `word`.
pub(crate) fn declares(word: &str) -> bool {
    OBJECTS.contains(&word) || VARIABLES.contains(&word)
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
fn foreign_statement(word: &str) -> Option<&'static str> {
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
    let first = before.split([' ', '\t']).next().unwrap_or("");
    let word = after.split([' ', '\t', '(']).next().unwrap_or("");
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
        ("spawn", "process" | "thread" | "daemon") => {
            let task = before["spawn".len()..].trim();
            (format!("`{word}` stands before the task"), format!("write `spawn {word} {task}`"))
        }
        ("spawn", "x") => ("`x` does not say how many".to_owned(), format!("write `{before} x3`")),
        ("spawn", _) => match spawn_words(before) {
            Some(near) => {
                let second = before["spawn".len()..].trim();
                (format!("`{second}` is no way to spawn"), format!("write `spawn {near} {after}`"))
            }
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

/// `x3`
fn is_count(word: &str) -> bool {
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
fn spawn_words(before: &str) -> Option<&'static str> {
    let word = before["spawn".len()..].trim().to_lowercase();
    if word.contains(' ') {
        return None;
    }
    ["process", "thread", "daemon"].into_iter().find(|w| *w == word || nearest(&word, [*w]).is_some())
}
