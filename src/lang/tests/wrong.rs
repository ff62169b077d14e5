//! Wrong scripts with what is said of them: the place, the reason, the mend.
//! `bracket`, `habit` and `form` have the tables.

mod bracket;
mod form;
mod habit;

use crate::lang::parse::{DEPTH_MAX, ERRORS_MAX, NESTING_MAX, parse};

/// A script and its errors in order: line, column, the text under the label,
/// message, help.
pub(super) struct Case {
    script: &'static str,
    errors: &'static [(usize, usize, &'static str, &'static str, &'static str)],
}

#[test]
fn each_slip_is_told() {
    let mut faults = Vec::new();
    for case in [bracket::CASES, habit::CASES, form::CASES].into_iter().flatten() {
        let errors = parse(case.script).expect_err(case.script);
        let told: Vec<(usize, usize, &str, &str, &str)> = errors
            .iter()
            .map(|error| {
                let before = &case.script[..error.span.start as usize];
                let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
                let text = error.span.text(case.script);
                let help = error.help.as_deref().unwrap_or("");
                (before.matches('\n').count() + 1, column, text, error.message.as_str(), help)
            })
            .collect();
        if told != case.errors {
            faults.push(format!("{}: {told:?}", case.script));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_word_of_the_language_is_a_name() {
    let places = [
        "var WORD = 1",
        "shared WORD = 1",
        "shared WORD[3] = 0",
        "atomic WORD = 1",
        "lock WORD",
        "lock WORD reentrant",
        "lock WORD[3]",
        "lock a, WORD",
        "rwlock WORD",
        "semaphore WORD(2)",
        "condition WORD(m)",
        "event WORD",
        "barrier WORD(2)",
        "latch WORD(2)",
        "queue WORD",
        "queue WORD(3) via manager",
        "pool WORD(3)",
        "const WORD = 1",
        "struct WORD { var a = 1 }",
        "struct S { var WORD = 1 }",
        "struct S {\n    var a = 1\n    lock WORD\n}",
        "task WORD { print 1 }",
        "task t(WORD) { print 1 }",
        "fn WORD() { print 1 }",
        "fn f(a, WORD = 1) { print 1 }",
        "let WORD = 1",
        "fn f() {\n    let WORD = 1\n    print 1\n}",
        "fn f() {\n    var WORD = 1\n    print 1\n}",
        "for WORD in 0..3 { print 1 }",
        "try { print 1 } catch any as WORD { print 1 }",
        "try { print 1 } catch as WORD { print 1 }",
        "select { WORD = q.get() => { print 1 } }",
        "let s = S(WORD: 1)",
        "let s = S(a: 1, WORD = 2)",
    ];
    let mut faults = Vec::new();
    for place in places {
        for word in crate::lang::word::reserved() {
            let script = place.replace("WORD", word);
            let start = place.find("WORD").expect("a place for the word");
            let errors = parse(&script).expect_err(&script);
            let told = errors.iter().map(|e| (e.span.start as usize, e.span.text(&script), e.message.as_str()));
            let message = format!("`{word}` is a word of the language and cannot be a name");
            if told.clone().collect::<Vec<_>>() != [(start, word, message.as_str())] {
                faults.push(format!("{script}: {:?}", told.collect::<Vec<_>>()));
            }
        }
    }
    // An arm may begin with `let`, which is told as that.
    faults.retain(|fault| !fault.starts_with("select { let ="));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The first error of a script, in a word.
fn first(script: &str) -> String {
    parse(script).err().map_or(String::new(), |errors| errors[0].message.clone())
}

#[test]
fn a_missing_brace_is_guessed_by_indentation() {
    let script = "task t {\n    if x {\n        f()\n\n    g()\n}\ntask u { }\n";
    let errors = parse(script).expect_err("a brace is missing");
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].span.start as usize, script.find("{\n        f").expect("the inner brace"));
    let (place, label) = &errors[0].related[0];
    assert_eq!(label, "a `}` is probably missing before this line");
    assert_eq!(&script[..place.start as usize], "task t {\n    if x {\n        f()\n\n    g()\n");
}

#[test]
fn a_bracket_closed_by_another_names_both() {
    let errors = parse("f(1, 2]\n").expect_err("closed by another");
    assert_eq!(errors[0].related, [(crate::lang::ast::Span::new(1, 2), "opened here".to_owned())]);
}

#[test]
fn many_errors_are_cut_off() {
    let errors = parse(&"x++\ny = = 1\n".repeat(50)).expect_err("wrong");
    assert_eq!(errors.len(), ERRORS_MAX);
    assert!(errors.is_sorted_by_key(|error| error.span));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("x = {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(first(&nested(NESTING_MAX)), "");
    assert_eq!(first(&nested(NESTING_MAX + 1)), "brackets are nested too deeply");
    assert_eq!(first(&"{".repeat(100_000)), "brackets are nested too deeply");
    let blocks = |depth: usize| format!("{}{}", "if a { ".repeat(depth), "} ".repeat(depth));
    assert_eq!(first(&blocks(NESTING_MAX)), "");
}

#[test]
fn chains_are_bounded() {
    for (chain, end) in [("a + ", "a"), ("not ", "a"), ("-", "a"), ("a < ", "a"), ("", "a")] {
        let script = format!("x = {}{end}", chain.repeat(10 * DEPTH_MAX));
        let told = first(&script);
        assert!(chain.is_empty() || told.starts_with("this is nested too deeply"), "{chain}: {told}");
    }
    assert_eq!(first(&format!("x = {}a", "a + ".repeat(DEPTH_MAX - 10))), "");
    assert!(first(&format!("f{}", "()".repeat(2 * DEPTH_MAX))).starts_with("this is nested too deeply"));
    assert!(first(&format!("if a {{ }}{}", " else if b { }".repeat(2 * DEPTH_MAX))).starts_with("this is nested"));
}

#[test]
fn places_are_those_of_the_source() {
    let errors = parse("# ü\r\nlet ä = 'ö'\r\n").expect_err("a wrong quote");
    assert_eq!(errors[0].span.text("# ü\r\nlet ä = 'ö'\r\n"), "'ö'");
}
