//! The grammar's complaint in the user's words: what was expected, what stands
//! there instead, and for some slips that leave no other trace, the mend.

mod foreign;
mod heads;
mod operator;
mod spawned;

use super::grammar::Rule;
use super::recover::{Within, within};
pub(super) use heads::time_limit;

use super::slip::{KEYWORDS, expect, is_reserved, short, word_as_name};
use crate::lang::ast::Span;
use crate::lang::error::{ScriptError, nearest};
use crate::lang::word::{is_name, is_of_word};
use pest::error::{Error, ErrorVariant, InputLocation};

/// The byte at which the grammar got no further.
pub(super) fn offset(failure: &Error<Rule>) -> usize {
    match failure.location {
        InputLocation::Pos(place) | InputLocation::Span((place, _)) => place,
    }
}

/// Whether the grammar stopped because the thread's stack is nearly used up: a
/// nesting that is allowed, met on a small stack.
pub(super) fn out_of_stack(failure: &Error<Rule>) -> bool {
    matches!(failure.variant, ErrorVariant::CustomError { .. })
}

pub(super) fn too_deep(place: usize) -> ScriptError {
    ScriptError::new(Span::new(place, place), "blocks and brackets are nested too deeply")
        .help("take a part out into a `fn` of its own")
}

/// What is wrong at `place`, where the grammar got no further, in a statement or line that
/// begins at `begin`.
pub(super) fn error(text: &str, source: &str, failure: &Error<Rule>, place: usize, begin: usize) -> ScriptError {
    let place = word_start(text, place.min(text.len()));
    let (found, length) = found(text, place);
    let span = Span::new(place, (place + length).min(source.len().max(place)));
    let mut wanted = wanted(failure);
    let within = within(text, place);
    if within != Within::Block {
        wanted.retain(|w| *w != "`=`");
    }
    let before = text[begin.min(place)..place].trim_start();
    let begun = if within == Within::Hole { None } else { before.rfind(['{', '}', ';']) };
    let statement = before[begun.map_or(0, |i| i + 1)..].trim_start();
    if let Some(error) = special(&Stop { span, rest: &text[place..], before, statement, wanted: &wanted, within }) {
        return error;
    }
    let stop = Stop { span, rest: &text[place..], before, statement, wanted: &wanted, within };
    if let Some(error) = heads::misspelt(&stop, KEYWORDS) {
        return error;
    }
    let wanted = if wanted.is_empty() { by_place(within) } else { wanted };
    let error = ScriptError::new(span, format!("expected {}, found {found}", list(&wanted)));
    if let Some(example) = example(statement) {
        return error.help(format!("write `{example}`"));
    }
    let rest = text[place..].chars().next();
    match wanted.first() {
        _ if rest == Some(',') && wanted.contains(&EXPRESSION) => {
            error.help("take the `,` out, or write what stands before it")
        }
        _ if before.trim_end().ends_with(',') && wanted.contains(&EXPRESSION) => error.help("take the last `,` out"),
        _ if within == Within::Bracket || within == Within::Paren => {
            error.help("elements and arguments stand behind commas")
        }
        _ if before.trim_end().ends_with('!') => error.help("`!` is not an operator; write `not` before the value"),
        Some(&NAME) => error.help("a name begins with a letter or `_`"),
        Some(&"`=`") => error.help("write `=` and a value"),
        Some(&EXPRESSION) if statement.starts_with("await") => {
            error.help("`await` has no time limit; write `select` with `after`")
        }
        Some(&EXPRESSION) if statement.starts_with("atomic ") => {
            error.help("atomic memory is declared once, `atomic x = 0`; then write `x += 1`")
        }
        Some(&EXPRESSION) => error.help("a value stands here: a number, a string, a name, a call"),
        Some(&"`}`") if within == Within::Hole => {
            error.help("`{ }` in a string holds one expression; write `\\{` for a brace")
        }
        Some(&BLOCK) if DECIDES.contains(&word_of(statement)) && line(&text[place..]).contains('{') => {
            error.help("an operator is missing before it, or it is too much: a block stands behind one value")
        }
        Some(&BLOCK) if DECIDES.contains(&word_of(statement)) && rest.is_some_and(char::is_alphabetic) => {
            let does = line(&text[place..]).split([';', '}', '#']).next().unwrap_or("").trim();
            error.help(format!("what it is the head of stands in braces: `{{ {} }}`", short(does)))
        }
        Some(&BLOCK) => error.help("a block begins with `{` on the line of its head"),
        _ => error,
    }
}

/// Where a word begins that the grammar has read the beginning of.
fn word_start(text: &str, place: usize) -> usize {
    if !text[place..].starts_with(is_of_word) {
        return place;
    }
    text[..place].rfind(|c| !is_of_word(c)).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8))
}

/// Words of statements, which give no value.
const STATEMENTS: [&str; 18] = [
    "await",
    "if",
    "while",
    "loop",
    "repeat",
    "print",
    "sleep",
    "busy",
    "yield",
    "assert",
    "return",
    "raise",
    "with",
    "select",
    "try",
    "terminate",
    "kill",
    "exit",
];

/// Words that a block stands behind, perhaps with something between.
const HEADS: [&str; 16] = [
    "if",
    "else",
    "while",
    "loop",
    "repeat",
    "for",
    "with",
    "atomically",
    "select",
    "try",
    "catch",
    "finally",
    "task",
    "fn",
    "struct",
    "spawn",
];

/// Those whose block is what they decide on or repeat.
const DECIDES: [&str; 6] = ["if", "else", "while", "loop", "repeat", "for"];

/// The first word of a statement.
fn word_of(statement: &str) -> &str {
    statement.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("")
}

/// How a statement looks of which only the first word stands there.
fn example(before: &str) -> Option<&'static str> {
    Some(match before.trim() {
        "sleep" => "sleep 10ms",
        "busy" => "busy 10ms",
        "join" => "join w",
        "terminate" => "terminate w",
        "kill" => "kill w",
        "await" => "await x == 1",
        "assert" => "assert x == 1",
        "raise" => "raise \"text\"",
        "invariant" => "invariant x >= 0",
        "spawn" => "spawn worker",
        "submit" => "submit job(1) to p",
        "if" => "if x == 1 { }",
        "while" => "while x < 3 { }",
        "repeat" => "repeat 3 { }",
        "for" => "for i in 0..3 { }",
        "with" => "with m { }",
        "let" => "let x = 1",
        "const" => "const N = 1",
        "expect" => "expect ok",
        _ => return None,
    })
}

/// What to write in place of a table of keys and values.
pub const NO_DICTIONARY: &str = "there are no dictionaries: a `struct` has fields by name, a row as `var v[3] = 0` \
                                         places by number";

const BLOCK: &str = "a block `{ }`";
const EXPRESSION: &str = "an expression";
const NAME: &str = "a name";
const STATEMENT: &str = "a statement";
const END: &str = "the end of the statement";

/// The user's word for what a rule matches; none for what may always follow.
fn word(rule: Rule) -> Option<&'static str> {
    use Rule::*;
    Some(match rule {
        expr | sum | unit | condition | spawn | join | submit | number | int | string | list | paren | constant
        | self_task | duration | prefix | negative | slice_to => EXPRESSION,
        ident | kind | callee | word => NAME,
        close_brace => "`}`",
        block | open_brace | colon_slip => BLOCK,
        params => "a parameter list `( )`",
        param => "a parameter",
        equals | let_equals => "`=`",
        arrow => "`=>`",
        kw_in => "`in`",
        kw_to => "`to`",
        join_all => "`all`",
        arm | after_arm | else_arm => "an arm such as `v = q.get() => { }`",
        code | expect_code | expect_some | expect_every => "`ok` or the code of a finding",
        sep | EOI => END,
        expr_stmt | let_stmt | if_stmt | object => STATEMENT,
        _ => return None,
    })
}

fn wanted(failure: &Error<Rule>) -> Vec<&'static str> {
    let ErrorVariant::ParsingError { positives, .. } = &failure.variant else { return Vec::new() };
    let mut wanted: Vec<&str> = positives.iter().filter_map(|rule| word(*rule)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    // A name begins an expression, an expression a statement.
    if wanted.contains(&STATEMENT) {
        wanted.retain(|w| !matches!(*w, EXPRESSION | NAME));
    }
    if wanted.contains(&EXPRESSION) {
        wanted.retain(|w| *w != NAME);
    }
    if wanted.len() > 1 {
        wanted.retain(|w| !matches!(*w, END | "`=`"));
    }
    wanted
}

/// Where only punctuation can follow, the brackets around tell which.
fn by_place(within: Within) -> Vec<&'static str> {
    match within {
        Within::Paren => vec!["`,`", "`)`"],
        Within::Bracket => vec!["`,`", "`]`"],
        Within::Hole => vec!["`}`"],
        Within::Block => vec![END],
    }
}

fn list(words: &[&str]) -> String {
    match words {
        [] => END.to_owned(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// What stands at `place`, and its length.
fn found(text: &str, place: usize) -> (String, usize) {
    let rest = &text[place..];
    let Some(first) = rest.chars().next() else { return ("the end of the script".to_owned(), 0) };
    if first == '\n' {
        return ("the end of the line".to_owned(), 0);
    }
    let length = if is_of_word(first) {
        rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())
    } else if first == '"' {
        return ("a string".to_owned(), 1);
    } else {
        let twins = ["=>", "->", "==", "!=", "<=", ">=", "..", "::", "&&", "||", "+=", "-=", "*=", "/=", "%="];
        twins.iter().find(|twin| rest.starts_with(**twin)).map_or(first.len_utf8(), |twin| twin.len())
    };
    (format!("`{}`", &rest[..length]), length)
}

/// What is known of the place that the grammar stopped at.
struct Stop<'t> {
    span: Span,
    /// From the place on.
    rest: &'t str,
    /// The line before it, from the last `;` on that ends a statement.
    before: &'t str,
    /// Of that what belongs to the statement.
    statement: &'t str,
    wanted: &'t [&'static str],
    within: Within,
}

impl Stop<'_> {
    fn error(&self, message: &str, help: &str) -> Option<ScriptError> {
        Some(ScriptError::new(self.span, message).help(help))
    }

    fn wants(&self, word: &str) -> bool {
        self.wanted.contains(&word)
    }

    /// The word that stands here, perhaps none.
    fn word(&self) -> &str {
        let end = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
        &self.rest[..end]
    }

    /// What is wrong in an `expect`.
    fn expected(&self) -> Option<ScriptError> {
        expect::error(self.span.start.checked_sub(self.statement.len() as u32)?, self.statement, self.rest)
    }

    /// The first word of the statement.
    fn first(&self) -> &str {
        self.statement.split_whitespace().next().unwrap_or("")
    }
}

/// Whether the statement goes up to what Python's `print` has besides values: `print(a, end`.
fn is_print_option(statement: &str) -> bool {
    let word = last_word(statement);
    let rest = statement.strip_prefix("print").map(|rest| rest.trim_end().trim_end_matches(word).trim_end());
    matches!(word, "end" | "sep" | "file" | "flush")
        && rest.is_some_and(|rest| rest.starts_with(['(', ' ']) && rest.ends_with([',', '(']))
}

/// Slips that the grammar does not let through.
fn special(stop: &Stop<'_>) -> Option<ScriptError> {
    let word = stop.word();
    if let ("expect", Within::Block, Some(error)) = (stop.first(), stop.within, stop.expected()) {
        return Some(error);
    }
    let head = heads::of_for(stop).or_else(|| heads::of_go(stop)).or_else(|| heads::of_await(stop));
    let head = head.or_else(|| heads::of_with(stop));
    if head.is_some() {
        return head;
    }
    let foreign = foreign::path(stop).or_else(|| foreign::lambda(stop)).or_else(|| spawned::of(stop));
    let foreign = foreign.or_else(|| foreign::statement(stop));
    if let Some(error) = foreign.or_else(|| arm(stop)).or_else(|| parameter(stop)).or_else(|| argument(stop)) {
        return Some(error);
    }
    match stop.rest.chars().next()? {
        '{' | '\n' => block(stop),
        '}' | ';' if let Some(error) = if_behind(stop) => Some(error),
        _ if let Some(error) = operator::of(stop) => Some(error),
        _ if matches!(word, "then" | "do") && stop.wants(BLOCK) && DECIDES.contains(&stop.first()) => {
            let help = match line(stop.rest).contains('{') {
                true => "leave it out: the `{` of the block stands there",
                false => "write the `{` of the block",
            };
            stop.error(&format!("there is no `{word}`"), help)
        }
        _ if matches!(word, "fn" | "task" | "func" | "def" | "function") && stop.wants(EXPRESSION) => stop
            .error("a function has a name and stands at the top level", "define `fn f(x) { return x }` and pass `f`"),
        _ if stop.first() == "for" && stop.wants("`in`") && !stop.rest.starts_with(',') => {
            stop.error("`for` goes over values", "write `for i in 0..3 { }`; for other steps use `while`")
        }
        '=' if is_print_option(stop.statement) => {
            let word = last_word(stop.before);
            stop.error(&format!("`print` has no `{word}`"), "`print a, b` writes both on one line, which ends there")
        }
        ',' if stop.first() == "let" && !stop.before.contains('=') => {
            stop.error("`let` has one name", "write one `let` for each")
        }
        '(' | '[' if stop.statement.trim() == "let" => {
            stop.error("`let` has one name", "write one `let` for each; of a list `xs` they are `xs[0]`, `xs[1]`")
        }
        ',' if matches!(stop.first(), "const" | "let") && stop.within == Within::Block => {
            let all = foreign::one_each(stop);
            stop.error(&format!("`{}` has one name", stop.first()), &format!("write `{all}`"))
        }
        '=' | ':'
            if !stop.rest.starts_with("==")
                && (stop.rest.starts_with(":=") || stop.rest.starts_with('='))
                && stop.statement.contains(',')
                && stop.within == Within::Block =>
        {
            let help = match stop.rest.split_once("<-") {
                Some((_, channel)) => {
                    let first = stop.statement.split(',').next().unwrap_or("v").trim();
                    let channel = channel.split(|c| !is_of_word(c)).next().unwrap_or("q");
                    format!("write `let {first} = {channel}.get()`: `none` says that it is closed and empty")
                }
                None => "write one assignment a line".to_owned(),
            };
            stop.error("an assignment has one target", &help)
        }
        _ if stop.statement.trim() == "spawn" && STATEMENTS.contains(&word) => {
            let statement = stop.rest.split(['\n', ';', '}']).next().unwrap_or("").trim_end();
            let statement = if statement.contains('{') { format!("{word} …") } else { statement.to_owned() };
            stop.error("what is spawned is a task or a block", &format!("write `spawn {{ {statement} }}`"))
        }
        _ if stop.statement.trim() == "loop" && !word.is_empty() => {
            stop.error("a `loop` goes round without end", &format!("write `repeat {word} {{ }}`"))
        }
        ',' if stop.first() == "invariant" && stop.within == Within::Block => {
            stop.error("an `invariant` has no message", &format!("write `{}`", short(stop.statement)))
        }
        ',' if matches!(stop.first(), "terminate" | "kill") && stop.within == Within::Block => {
            stop.error("which signal it is goes without saying", "`terminate w` sends SIGTERM, `kill w` SIGKILL")
        }
        _ if stop.statement.trim() == "spawn" && stop.rest.starts_with(|c: char| c.is_ascii_digit()) => {
            stop.error("the number of tasks stands behind the task", "write `spawn worker x3`")
        }
        '(' if matches!(stop.statement.trim(), "spawn" | "submit") => {
            let word = stop.statement.trim();
            let meant = match word {
                "spawn" if line(stop.rest).contains('{') => "{ }",
                "spawn" => "worker(1)",
                _ => "worker(1) to p",
            };
            stop.error(&format!("`{word}` has no parentheses of its own"), &format!("write `{word} {meant}`"))
        }
        '|' if stop.statement.trim() == "spawn" => {
            stop.error("a block stands right behind `spawn`", "write `spawn { }`")
        }
        ':' if last_word(stop.statement) == "lambda"
            && is_spawn(stop.statement.trim_end().trim_end_matches("lambda")) =>
        {
            stop.error("what is spawned is a task by its name, or a block", "write `spawn { }`")
        }
        ',' if stop.first() == "return" && stop.within == Within::Block => {
            let first = stop.statement["return".len()..].trim();
            let rest = line(&stop.rest[1..]).split([';', '}', '{', '#']).next().unwrap_or("").trim();
            stop.error("`return` gives one value", &format!("write a list of them: `return [{first}, {rest}]`"))
        }
        ':' if stop.within == Within::Bracket && is_index(stop.before) => {
            stop.error("a part of a list is written with `..`", "write `xs[1..2]`, `xs[1..]` or `xs[..2]`")
        }
        '(' if stop.statement.trim() == "catch" => heads::of_catch(stop),
        _ if stop.first() == "catch" && is_reserved(word) && last_word(stop.before) == "as" => {
            Some(word_as_name(stop.span, word))
        }
        _ if stop.first() == "catch" && (matches!(word, "or" | "and") || stop.rest.starts_with("||")) => {
            stop.error("kinds of error stand behind commas", "write `catch Empty, Full { }`")
        }
        _ if stop.first() == "catch" && stop.wants(BLOCK) && !word.is_empty() => heads::of_caught(stop),
        ',' | 'a' if stop.first() == "with" && stop.wants(BLOCK) && (word.is_empty() || word == "as") => match word {
            "as" if ["pool(", "Pool(", "Executor("].iter().any(|made| stop.before.contains(made)) => {
                let help = "a pool is declared: `pool p(3)`; `p.close()` and `join p` wait for its jobs";
                stop.error("`with` gives no name", help)
            }
            "as" => stop.error("`with` gives no name", "leave `as` and the name out"),
            _ => stop.error("`with` takes one object", "write one inside the other: `with a { with b { } }`"),
        },
        _ if stop.first() == "repeat" && word == "times" => stop.error("`repeat` has no `times`", "leave it out"),
        _ if stop.first() == "const" && stop.wants("`=`") && !word.is_empty() => {
            stop.error("names have no types here", &format!("write `const {word} = 1`"))
        }
        '.' if stop.before.ends_with("..") => {
            stop.error("a range has two dots", "write `0..3` for 0, 1, 2, or `0..=3` with 3")
        }
        '.' if matches!(stop.first(), "var" | "shared" | "atomic" | "let")
            && stop.statement.split_whitespace().count() > 2 =>
        {
            stop.error("names have no types here", "leave the type out and write a value: `var x = 0`")
        }
        '*' if stop.statement.is_empty() => {
            stop.error("there are no pointers", "objects are references already: `r.v`")
        }
        _ if stop.wants(EXPRESSION) && STATEMENTS.contains(&word) => {
            let awaited =
                line(stop.rest).get("await".len()..).unwrap_or("").split([';', '}']).next().unwrap_or("").trim();
            let is_one = awaited.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '(' | ')' | '.'));
            let waits = format!("leave `await` out: `{awaited}` waits by itself");
            let help = match word {
                "await" if awaited.contains('.') && awaited.ends_with(')') => waits.as_str(),
                "await" if !awaited.is_empty() && !is_one => {
                    "write it on a line of its own; behind it the condition was true"
                }
                "await" if is_name(awaited) => &format!("write `join {awaited}`, then `{awaited}.result`"),
                "await" => "`let w = spawn worker`, `join w`, then `w.result`",
                "if" => "write `if c { x = 1 } else { x = 2 }` as a statement",
                _ => "write it on a line of its own",
            };
            stop.error(&format!("`{word}` is a statement and gives no value"), help)
        }
        '.' if stop.rest.starts_with("...") => stop.error("there is no `...`", "an empty block is `{ }`"),
        ':' if stop.first() == "join" && last_word(stop.before) == "timeout" => {
            let joined = stop.statement.trim_end().trim_end_matches("timeout").trim_end();
            let time = line(&stop.rest[1..]).split([';', '}']).next().unwrap_or("").trim();
            stop.error("a time to wait stands behind `for`", &format!("write `{joined} for {time}`"))
        }
        ':' => colon(stop),
        _ if word == "else" && stop.before.contains(" if ") => {
            stop.error("there is no `a if c else b`", &ternary(stop))
        }
        '!' if stop.within == Within::Hole => stop.error("a hole in a string has no format", "write `{x}` alone"),
        '"' if stop.within != Within::Block && stop.before.ends_with("\"\"") => {
            stop.error("a string stands between two `\"`", "write `\"a\"`; `\\n` in it is a new line")
        }
        '.' if matches!(stop.first(), "except" | "catch") => {
            let kind = stop.rest[1..].split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
            stop.error("kinds of error are in no module", &format!("write `catch {kind} {{ }}`"))
        }
        '[' if stop.first() == "const" && stop.wants("`=`") => {
            stop.error("a constant is one value", "write a list: `const XS = [1, 2]`")
        }
        _ if stop.wants(NAME) && is_reserved(word) => Some(word_as_name(stop.span, word)),
        _ if stop.wants(BLOCK) && stop.before.trim_end().ends_with("else") => {
            stop.error("`else` takes no condition", "write `else if`")
        }
        _ if word == "for" && stop.within != Within::Block => {
            stop.error("there are no list comprehensions", "fill the list in a loop: `xs = xs + [v]`")
        }
        ',' if stop.first() == "for" && stop.wants("`in`") => {
            let help = match line(stop.rest).contains("enumerate(") {
                true => "write `for i in 0..len(xs) { }`, and `xs[i]` for the value",
                false => "write `for v in xs { }`",
            };
            stop.error("`for` has one variable", help)
        }
        '=' if stop.rest.starts_with("=>") => {
            stop.error("`=>` stands only in the arms of a `select`", "write `select { q.get() => { } }`")
        }
        '-' if stop.rest.starts_with("->") => {
            stop.error("a function does not say what it returns", "leave out `->` and the type")
        }
        '=' if stop.statement.contains('=') && !stop.statement.ends_with('=') => {
            stop.error("an assignment gives no value", "write one assignment a line")
        }
        '.' if stop.rest.starts_with("..") && stop.wants(EXPRESSION) => {
            stop.error("a range needs its beginning", "write `0..3` for 0, 1, 2")
        }
        _ => None,
    }
}

/// What stands where `select` wants an arm, or the `=>` of one.
fn arm(stop: &Stop<'_>) -> Option<ScriptError> {
    let before = stop.before.trim_end();
    if stop.rest.starts_with('>') && before.ends_with('-') && stop.wants(EXPRESSION) {
        if !stop.rest[1..].trim_start().starts_with('{') {
            return stop.error("`->` is not an operator", "a field is written with a dot: `r.v`");
        }
        return stop.error("the arms of a `select` are written with `=>`", "write `q.get() => { }`");
    }
    if before.ends_with("after") && stop.rest.starts_with("=>") {
        return stop.error("`after` does not say how long", "write `after 10ms => { }`");
    }
    if last_word(before) == "sleep" && stop.wants("`=`") && line(stop.rest).contains("=>") {
        let time = stop.rest.split("=>").next().unwrap_or("").trim();
        return stop.error("an arm is no `sleep`", &format!("write `after {time} => {{ }}`"));
    }
    if !stop.wants("`=>`") {
        return None;
    }
    let mut words = before.rsplit([' ', '\t', '{', ';']);
    if let (Some(time), Some("after"), '{') = (words.next(), words.next(), stop.rest.chars().next()?) {
        return stop.error("an arm needs its `=>`", &format!("write `after {time} => {{ }}`"));
    }
    if let Some(error) = heads::of_arm(stop) {
        return Some(error);
    }
    if nearest(last_word(before).trim(), ["after"]).is_some() {
        let start = stop.span.start - (stop.before.len() - before.len() + last_word(before).len()) as u32;
        let span = Span { start, end: start + last_word(before).len() as u32 };
        let error = ScriptError::new(span, format!("`{}` does not begin an arm", last_word(before)));
        return Some(error.help("did you mean `after`?"));
    }
    if before.ends_with("else") {
        return stop.error("an arm needs its `=>`", "write `else => { }`");
    }
    if before.ends_with("timeout") {
        return stop.error("there is no `timeout` in a `select`", "write `after 10ms => { }`");
    }
    match stop.rest.chars().next()? {
        _ if stop.word() == "as" => stop.error("an arm names its value first", "write `v = q.get() => { }`"),
        ':' if stop.rest.starts_with(":=") => stop.error("an arm assigns with `=`", "write `v = q.get() => { }`"),
        ':' | '{' => stop.error("an arm needs its `=>`", "write `q.get() => { }`"),
        _ => None,
    }
}

/// Parameters as other languages write them.
fn parameter(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.within != Within::Paren {
        return None;
    }
    // `int f(int a) {`
    if let Some((head, given)) = stop.statement.split_once('(')
        && let [kind, name] = head.split_whitespace().collect::<Vec<_>>()[..]
        && [kind, name, given.trim()].iter().all(|word| is_name(word) && !is_reserved(word))
        && line(stop.rest).contains(['{', ':'])
    {
        let help = format!("write `fn {name}(…) {{ }}`, or `task {name}(…) {{ }}` for what is spawned");
        let start = stop.span.start - stop.statement.len() as u32;
        let span = Span { start, end: start + kind.len() as u32 };
        return Some(ScriptError::new(span, format!("`{kind}` does not begin a function")).help(help));
    }
    if !matches!(stop.first(), "fn" | "task" | "def" | "func" | "function") {
        return None;
    }
    if stop.rest.starts_with('*') || stop.rest.starts_with("...") {
        return stop.error("a function takes a fixed number of arguments", "pass a list: `f([1, 2])`");
    }
    let named = stop.before.trim_end().ends_with(is_of_word);
    if named && !stop.word().is_empty() {
        return stop.error("parameters have no types", "leave the type out: `fn f(a, b) { }`");
    }
    None
}

/// The name of an argument that is a word of the language: `S(busy: 1)`. The
/// grammar stops before the word, or behind it where it begins a value.
fn argument(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.within != Within::Paren {
        return None;
    }
    let (before, word, rest) = match stop.word() {
        "" => {
            let before = stop.before.trim_end();
            let word = last_word(before);
            (&before[..before.len() - word.len()], word, stop.rest)
        }
        word => (stop.before, word, stop.rest[word.len()..].trim_start_matches([' ', '\t'])),
    };
    let names = rest.starts_with(':') || rest.starts_with('=') && !rest.starts_with("==");
    if !is_reserved(word) || !names || !before.trim_end().ends_with(['(', ',']) {
        return None;
    }
    // Where the line begins in the text: the place is behind what is before it.
    let start = stop.span.start as usize - (stop.before.len() - before.len());
    Some(word_as_name(Span::new(start, start + word.len()), word))
}

/// `spawn`, `spawn process`: what is spawned stands behind it.
fn is_spawn(statement: &str) -> bool {
    let before = statement.rsplit(['=', '(', '[', ',']).next().unwrap_or("");
    let mut words = before.split_whitespace();
    words.next() == Some("spawn") && words.all(|word| matches!(word, "process" | "thread" | "daemon"))
}

/// What is left of the line.
fn line(rest: &str) -> &str {
    rest.split('\n').next().unwrap_or("")
}

/// Whether the last `[` stands right behind what has elements.
fn is_index(before: &str) -> bool {
    let behind = |c: char| c.is_alphanumeric() || matches!(c, '_' | ']' | ')' | '"');
    before.rfind('[').is_some_and(|i| before[..i].ends_with(behind))
}

/// The word at the end of `text`, perhaps none.
fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.rfind(|c| !is_of_word(c));
    &text[start.map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8))..]
}

/// Whether the grammar stopped at `place` for one of `words`, which a declaration
/// takes for its name: that is told there.
pub(super) fn uses(words: &[String], text: &str, place: usize) -> bool {
    let start = word_start(text, place.min(text.len()));
    let rest = &text[start..];
    let here = &rest[..rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())];
    let before = text[..start].trim_end_matches([' ', '\t']);
    let line = &before[super::build::line_of(text, before.len()).start as usize..];
    let is_declaration = matches!(line.trim(), "let" | "const" | "task" | "fn" | "struct");
    !is_declaration && [here, last_word(line)].iter().any(|used| words.iter().any(|word| word == used))
}

/// A `{`, or the end of a line that may have wanted one.
fn block(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.rest.starts_with('\n') {
        let next_line = stop.rest.trim_start().starts_with('{');
        if let Some(error) = if_behind(stop) {
            return Some(error);
        }
        let (message, help) =
            ("the `{` of a block stands on the line of its head", "move it up, to the end of this line");
        return if next_line && stop.wants(BLOCK) { stop.error(message, help) } else { None };
    }
    let head = stop.statement.trim_end();
    if matches!(head, "if" | "while" | "else if") {
        let word = if head == "while" { "while" } else { "if" };
        return stop.error(&format!("`{word}` needs a condition"), &format!("write `{word} x == 1 {{ }}`"));
    }
    if matches!(head, "repeat" | "for") {
        return stop.error(&format!("`{head}` does not say how often"), "write `loop { }`, or `repeat 3 { }`");
    }
    if stop.wants(EXPRESSION) && (head.ends_with("and") || head.ends_with("or") || head.ends_with("not")) {
        return stop.error("an operand is missing before the block", "write it, or leave the operator out");
    }
    if head.ends_with('=') && stop.wants(EXPRESSION) {
        let help = match is_dictionary(&stop.rest[1..]) {
            true => NO_DICTIONARY,
            false => "a list is `[1, 2]`; a record is made of a `struct`",
        };
        return stop.error("a value does not begin with `{`", help);
    }
    if stop.first() == "print" {
        return stop
            .error("a value does not begin with `{`", "only a string has braces: `print \"{x}\"`, or `print x`");
    }
    let one_word = !head.is_empty() && head.chars().all(|c| c.is_alphanumeric() || c == '_');
    let first = stop.first();
    if let ("process" | "thread", false, Some(name)) = (first, one_word, head.split_whitespace().nth(1)) {
        let (name, process) = (name.trim_end_matches(['(', ')']), if first == "process" { "process " } else { "" });
        let help = format!("write `task {name} {{ }}`, and start it by `spawn {process}{name}`");
        return stop.error(&format!("`{first}` does not begin a block"), &help);
    }
    if let Some(meant) = foreign::block(head).filter(|_| !is_reserved(head)) {
        return stop.error(&format!("`{head}` does not begin a block"), &format!("write `{meant}`"));
    }
    if let Some(meant) = nearest(first, HEADS).filter(|_| !is_reserved(first)) {
        return stop.error(&format!("`{first}` does not begin a block"), &format!("did you mean `{meant}`?"));
    }
    if head.is_empty() {
        return stop
            .error("a block does not stand alone", "put a head before it: `if c { }`, `loop { }`, `with m { }`");
    }
    if one_word && !is_reserved(head) {
        if head.starts_with(|c: char| c.is_uppercase()) {
            let help = format!("a record is made with parentheses: `{head}(field: value)`");
            return stop.error(&format!("`{head}` does not begin a block"), &help);
        }
        let help = "blocks follow `if c`, `while c`, `loop`, `repeat n`, `for v in xs`, `with m`, `atomically`";
        return stop.error(&format!("`{head}` does not begin a block"), help);
    }
    None
}

/// What stands behind the `{` of `{ }` or `{"a": 1}`, which is no block.
fn is_dictionary(inside: &str) -> bool {
    let inside = inside.trim_start();
    let key = inside.split([',', '{', '}', ';', '\n']).next().unwrap_or("");
    inside.starts_with('}') || key.contains(':')
}

/// `print x if c`
fn if_behind(stop: &Stop<'_>) -> Option<ScriptError> {
    let (decided, _) = stop.statement.split_once(" if ").filter(|_| stop.wants(BLOCK) && stop.first() != "if")?;
    let decided = if decided.len() <= 40 { decided.trim() } else { "print x" };
    stop.error("an `if` stands before what it decides", &format!("write `if c {{ {decided} }}`"))
}

/// `x = a if c else b`: the statement that is meant.
fn ternary(stop: &Stop<'_>) -> String {
    let general = || "write `if c { } else { }` as a statement".to_owned();
    let Some((lead, condition)) = stop.statement.trim_end().rsplit_once(" if ") else { return general() };
    let other = line(stop.rest)["else".len()..].split([';', '}', '#']).next().unwrap_or("").trim();
    let (deed, value) = match lead.split_once(" = ") {
        Some((target, value)) => (format!("{target} = "), value),
        None => match lead.split_once(' ') {
            Some((word @ ("print" | "return" | "raise" | "sleep" | "exit"), value)) => (format!("{word} "), value),
            _ => return general(),
        },
    };
    if stop.within != Within::Block || other.is_empty() || stop.statement.len() + other.len() > 80 {
        return general();
    }
    match deed.strip_prefix("let ") {
        Some(assigns) => format!("write `{deed}{other}`, then `if {condition} {{ {assigns}{value} }}`"),
        None => format!("write `if {condition} {{ {deed}{value} }} else {{ {deed}{other} }}`"),
    }
}

/// A `:` where other languages have a type or a block.
fn colon(stop: &Stop<'_>) -> Option<ScriptError> {
    if stop.rest.starts_with(":=") {
        return stop.error("`:=` does not declare", "write `=`");
    }
    if stop.before.contains("struct ") && stop.within == Within::Block && !stop.statement.starts_with("struct") {
        return stop.error("names have no types here", "a field is declared with its kind: `var a = 0`, `lock mu`");
    }
    let name = stop.statement.trim();
    let rest = line(&stop.rest[1..]).split([';', '}', '#']).next().unwrap_or("").trim();
    match stop.first() {
        "invariant" if name == "invariant" => {
            stop.error("no `:` stands behind `invariant`", &format!("write `invariant {}`", short(rest)))
        }
        "def" | "fn" | "task" | "func" if stop.within == Within::Block && name.ends_with(')') => {
            let name = name.split('(').next().map_or("f", last_word);
            let help = format!("write `fn {name}(…) {{ }}`, or `task {name}(…) {{ }}` for what is spawned");
            stop.error("a function is defined with braces", &help)
        }
        _ if stop.statement.starts_with("except") && name.ends_with(')') && stop.within == Within::Block => {
            let kinds = name["except".len()..].trim().trim_matches(['(', ')']);
            stop.error("there is no `except`", &format!("write `catch {} {{ }}`", short(kinds)))
        }
        "static" | "pub" => {
            let value = rest.split_once('=').map_or("0", |(_, value)| value.trim());
            let help = format!("write `var {} = {}`", last_word(name), short(value));
            stop.error(&format!("there is no `{}`", stop.first()), &help)
        }
        _ if is_name(name) && !is_reserved(name) && stop.within == Within::Block => {
            let value = rest.split_once('=').map_or("0", |(_, value)| value.trim());
            let help = format!("leave out the `:` and the type: `let {name} = {}`", short(value));
            stop.error("names have no types here", &help)
        }
        "assert" => stop.error("the message of an `assert` stands behind a comma", "write `assert x == 1, \"why\"`"),
        "print" if stop.within == Within::Hole => stop.error("a hole in a string has no format", "write `{x}` alone"),
        "class" | "struct" => {
            stop.error("no `:` stands before a block", "write `struct S { }` with declarations inside")
        }
        "fn" | "task" | "def" | "let" | "const" | "var" | "shared" | "atomic" => {
            stop.error("names have no types here", "leave out the `:` and the type")
        }
        _ => None,
    }
}
