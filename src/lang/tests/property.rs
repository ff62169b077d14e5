//! What holds for any text: parsing never panics, formatting keeps the tree and
//! every comment and changes nothing when done again.

use super::sample::SCRIPTS;
use super::shape;
use crate::lang::format::format;
use crate::lang::parse::{parse, scan};
use proptest::prelude::*;

/// The comments of a script in order.
fn comments(source: &str) -> Vec<String> {
    scan::scan(source).comments.iter().map(|c| c.text(source).trim_end().to_owned()).collect()
}

/// Whatever parses is laid out once and for all.
pub(super) fn check_layout(source: &str) {
    let tree = match parse(source) {
        Ok(tree) => tree,
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(source.get(error.span.start as usize..error.span.end as usize).is_some(), "{error:?}");
                assert!(!error.message.is_empty() && !error.message.ends_with('.'), "{error:?}");
            }
            return;
        }
    };
    let once = format(source).expect("what parses can be laid out");
    let again = parse(&once).unwrap_or_else(|errors| panic!("{errors:#?}\n{once}"));
    assert_eq!(shape(&tree), shape(&again), "{once}");
    assert_eq!(format(&once).as_deref(), Ok(once.as_str()));
    assert_eq!(comments(source), comments(&once));
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"));
    assert!(!once.contains('\r') && !once.contains("\n\n\n"));
    assert!(once.lines().all(|line| line.trim_end() == line), "{once}");
}

#[test]
fn samples_are_right_and_keep_their_layout() {
    for script in SCRIPTS {
        parse(script).unwrap_or_else(|errors| panic!("{errors:#?}\n{script}"));
        check_layout(script);
        check_layout(&script.replace('\n', "\r\n"));
        check_layout(&script.replace('\n', "\n\n\n"));
    }
}

/// Words and signs from which most scripts and most slips can be made.
const TOKENS: &[&str] = &[
    "task",
    "fn",
    "if",
    "else",
    "while",
    "loop",
    "for",
    "in",
    "let",
    "x",
    "m",
    "spawn",
    "join",
    "all",
    "process",
    "select",
    "after",
    "=>",
    "try",
    "catch",
    "except",
    "with",
    "print",
    "return",
    "lock",
    "var",
    "struct",
    "expect",
    "deadlock",
    "on",
    "finally",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{",
    "}",
    "\"",
    "\"a {x}\"",
    "'",
    "=",
    "==",
    "+",
    "-",
    "*",
    "/",
    "%",
    "&&",
    "||",
    "!",
    "not",
    "and",
    "or",
    "..",
    "..=",
    ".",
    ",",
    ":",
    ";",
    "\n",
    "\n",
    "\n",
    "# c\n",
    "//",
    "/*",
    "*/",
    "1",
    "10ms",
    "0.5",
    "x3",
    "as",
    "to",
    "submit",
    "++",
    "elif",
    "def",
    "import",
    "é",
    "\\",
    "\r",
    "lambda",
    "f\"",
    "sleep",
    "none",
    "self",
    "\t",
    "9999999999999999999",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(TOKENS), prop::bool::weighted(0.8)), 0..60).prop_map(|tokens| {
        tokens.into_iter().map(|(t, blank)| if blank { format!("{t} ") } else { t.into() }).collect()
    })
}

/// A right script with a stretch taken out and something put in.
fn mutated() -> impl Strategy<Value = String> {
    let cut = (any::<prop::sample::Index>(), 0usize..12, prop::sample::select(TOKENS));
    (prop::sample::select(SCRIPTS), prop::collection::vec(cut, 1..4)).prop_map(|(script, cuts)| {
        let mut chars: Vec<char> = script.chars().collect();
        for (place, length, token) in cuts {
            let start = place.index(chars.len() + 1);
            let end = (start + length).min(chars.len());
            chars.splice(start..end, token.chars());
        }
        chars.into_iter().collect()
    })
}

fn gap() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["", "", " ", "  "][..])
}

/// White space where it may be a newline.
fn wide() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["", "", " ", " ", "\n", "\n\n", " # in brackets\n", "\n# own\n  "][..])
}

fn end() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["\n", "\n", ";", "\n\n\n", "   # trailing\n", "\n# own\n", ";;\n", "  # a\n      # b\n"][..])
}

fn expr() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(
        &["x", "1", "1_000", "true", "none", "10ms", "\"a {x} \\\" b\"", "self.name", "m.get()", "xs[1..]", "xs[..2]"]
            [..],
    );
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 4, |inner| {
            let op = prop::sample::select(&["+", "-", "*", "/", "%", "or", "and"][..]);
            let list = |open: &'static str, close: &'static str| {
                let item = (wide(), prop_oneof![Just(""), Just("timeout: ")], expr_leafless(), wide());
                prop::collection::vec(item, 0..3).prop_map(move |items| {
                    let named = open == "f(";
                    let items: Vec<String> = items
                        .into_iter()
                        .map(|(a, name, e, b)| format!("{a}{}{e}{b}", if named { name } else { "" }))
                        .collect();
                    format!("{open}{}{close}", items.join(","))
                })
            };
            prop_oneof![
                (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
                (wide(), inner.clone(), wide(), inner.clone(), wide())
                    .prop_map(|(a, x, b, y, c)| format!("({a}{x}{b} == {y}{c})")),
                inner.clone().prop_map(|e| format!("-{e}")),
                inner.clone().prop_map(|e| format!("not  {e}")),
                list("[", "]"),
                list("f(", ")"),
                (inner.clone(), gap()).prop_map(|(e, g)| format!("xs[{g}{e}{g}]")),
            ]
        })
        .boxed()
}

fn expr_leafless() -> impl Strategy<Value = String> {
    prop::sample::select(&["a", "a+1", "[1,\n2]", "g( 2 )", "spawn w", "\"s\"", "spawn { a( );b() }", "(a\n+ b)"][..])
        .prop_map(str::to_owned)
}

fn stmt() -> BoxedStrategy<String> {
    let simple = prop_oneof![
        (gap(), expr()).prop_map(|(g, e)| format!("x{g}={g}{e}")),
        expr().prop_map(|e| format!("print   {e}, x")),
        expr().prop_map(|e| format!("let y = {e}")),
        Just("spawn w(1)x3 as \"w\"".to_owned()),
        Just("join all for 5ms".to_owned()),
        Just("yield".to_owned()),
        expr().prop_map(|e| format!("return {e}")),
    ];
    simple
        .prop_recursive(4, 20, 3, |inner| {
            let block = (prop::collection::vec((inner, end()), 0..3), end(), gap()).prop_map(|(lines, first, g)| {
                let first = if first.contains(';') { "" } else { first };
                let lines: String = lines.into_iter().map(|(line, end)| format!("{line}{end}")).collect();
                format!("{{{first}{lines}{g}}}")
            });
            let block = block.boxed();
            prop_oneof![
                (expr(), block.clone()).prop_map(|(e, b)| format!("if {e} {b}")),
                (block.clone(), end(), block.clone()).prop_map(|(a, end, b)| {
                    let end = end.replace(';', "");
                    format!("if x{a}{end}else if y {b}{end} else{b}")
                }),
                block.clone().prop_map(|b| format!("loop{b}")),
                (block.clone(), end(), block.clone())
                    .prop_map(|(a, end, b)| format!("select {{{end}v=q.get()  => {a}{end}after 5ms => {b}{end}}}")),
                (block.clone(), block.clone()).prop_map(|(a, b)| format!("try{a}catch any as e{b}")),
                block.prop_map(|b| format!("let t = spawn {b}")),
            ]
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        check_layout(&text);
    }

    #[test]
    fn any_tokens_are_read_or_refused(text in soup()) {
        check_layout(&text);
    }

    #[test]
    fn mutated_scripts_are_read_or_refused(text in mutated()) {
        check_layout(&text);
    }

    #[test]
    fn generated_scripts_keep_their_meaning(lines in prop::collection::vec((stmt(), end()), 1..5)) {
        let text: String = lines.into_iter().map(|(line, end)| format!("{line}{end}")).collect();
        prop_assert!(parse(&text).is_ok(), "{:#?}\n{}", parse(&text), text);
        check_layout(&text);
    }
}
