//! Findings for the tests of this layer: small scripts, tasks and places found
//! by their text.

use crate::detect::finding::*;
use crate::lang::ast::Span;
use crate::report::{Source, Style};

pub const BANK: &str = "\
# bank.conc: two tellers and one account
var balance = 100
lock m

task teller(amount) {
    repeat 2 {
        let seen = balance
        balance = seen + amount     # not one step
    }
}

spawn teller(10) x3
join all
finally { assert balance == 160, \"lost update\" }
";

pub fn bank() -> Source {
    Source::new("bank.conc", BANK)
}

/// The place of the `nth` occurrence of `text`, from 0.
pub fn at(source: &Source, text: &str, nth: usize) -> Span {
    let (start, found) = source.text.match_indices(text).nth(nth).unwrap_or_else(|| panic!("{text:?} is not there"));
    Span::new(start, start + found.len())
}

pub fn thread(serial: u32, name: &str, spawned: Option<Span>) -> TaskFacts {
    TaskFacts {
        serial,
        name: name.into(),
        process: false,
        home: Some(0),
        pid: 4711,
        tid: 4711 + serial as i32,
        spawned,
        spawner: spawned.map(|_| "main".into()),
    }
}

pub fn process(serial: u32, name: &str, spawned: Option<Span>) -> TaskFacts {
    TaskFacts { process: true, home: Some(serial), pid: 4711 + serial as i32, ..thread(serial, name, spawned) }
}

pub fn holds(lock: &str, since: Span) -> Held {
    Held { lock: lock.into(), mode: Mode::Exclusive, since: Some(since) }
}

pub fn access(task: TaskFacts, span: Span, kind: AccessKind, value: &str, held: Vec<Held>) -> Access {
    Access { task, span, kind, value: Some(value.into()), held }
}

pub fn wait(operation: &str, kind: &str, object: &str, reasons: Vec<Reason>) -> Wait {
    Wait { operation: operation.into(), object: object.into(), object_kind: kind.into(), declared: None, reasons }
}

pub fn waiting(task: TaskFacts, span: Span, waits: Vec<Wait>, holds: Vec<Held>) -> Waiting {
    Waiting { task, span, waits, holds }
}

pub fn stuck(code: Code, circle: Vec<Waiting>, behind: Vec<Waiting>) -> Finding {
    finding(code, &[], Facts::Stuck { circle, behind, others_go_on: !code.is_note() && code != Code::Deadlock })
}

pub fn finding(code: Code, on: &[&str], facts: Facts) -> Finding {
    let on = on.iter().map(|n| n.to_string()).collect();
    Finding { code, certainty: Certainty::Observed, count: 1, on, also_on: Vec::new(), facts, schedule: None }
}

pub fn text(source: &Source, finding: &Finding) -> String {
    let text = crate::report::finding(source, finding, &Style::default());
    check(source, finding);
    text
}

/// What holds of every report: it is ASCII where it shall be, it has colours
/// where it shall have them, and its lines keep to the width, source aside.
fn check(source: &Source, finding: &Finding) {
    let ascii = Style { unicode: false, ..Style::default() };
    if source.text.is_ascii() {
        let text = crate::report::finding(source, finding, &ascii);
        assert!(text.is_ascii(), "{text}");
    }
    let colored = crate::report::finding(source, finding, &Style { color: true, ..ascii });
    assert!(colored.contains("\u{1b}["));
    for width in [40, 60, 80, 120] {
        let text = crate::report::finding(source, finding, &Style { width, ..ascii });
        for line in text.lines() {
            let own = !line.contains(" | ") && !line.contains(" : ") && !line.contains("= replay:");
            let label = line.contains(" : ") && !line.contains("^^") && !line.contains("-- (");
            assert!(!(own || label) || line.chars().count() <= width, "wider than {width}: {line}\n{text}");
        }
    }
    let quiet = crate::report::finding(source, finding, &Style { quiet: true, ..ascii });
    assert_eq!(quiet.lines().count(), 1);
}
