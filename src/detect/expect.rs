//! What a script expects of itself, against what was found. It owns the
//! meaning of the `expect` lines: which finding belongs to which line, which
//! line is met, and the verdict on the script. How findings came about and how
//! the verdict is told is for others.

use super::finding::{Code, Finding};
use crate::lang::ast::{self, Span};

/// One `expect` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub what: What,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `expect ok`: nothing but notes.
    Ok,
    /// `expect race on x, y`.
    Finding { code: Code, on: Vec<String> },
    /// `expect every EXPR`, else `expect some EXPR`.
    Claim { every: bool },
}

/// All lines of a script, in their order. A script without any expects that
/// nothing but notes is found, as `expect ok` says aloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    pub lines: Vec<Line>,
}

/// Something found, as far as a line can ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub code: Code,
    pub on: Vec<String>,
    /// `Finding::is_circle_of_locks`.
    pub circle_of_locks: bool,
}

/// What came of an `expect some` or `expect every`: how many complete ends had
/// it true, and how many not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub span: Span,
    pub holds: u64,
    pub fails: u64,
    /// Where it is neither true nor false at an end: why.
    pub why: Option<String>,
}

/// What is against the expectations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A place in what was seen. `as_order`: the line that expects the same
    /// locks as a `lock-order` only.
    Unexpected { seen: usize, as_order: Option<Span> },
    /// A place in the lines; `not_on`: the names that no finding of the code
    /// is on; `instead`: places in what was seen, of the same code.
    Missing { line: usize, not_on: Vec<String>, instead: Vec<usize> },
    /// A place in the lines: no complete end has it true (`some`), or some
    /// have it false (`every`).
    Refuted { line: usize, holds: u64, fails: u64, why: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    /// Nothing is against the expectations yet, but not all was explored.
    Undecided,
}

/// The verdict on a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// Of a failure; all of them.
    pub faults: Vec<Fault>,
    /// Where undecided, the lines that ask for what was not seen so far.
    pub open: Vec<usize>,
}

impl Seen {
    pub fn of(finding: &Finding) -> Seen {
        let on = finding.on.iter().chain(&finding.also_on).cloned().collect();
        Seen { code: finding.code, on, circle_of_locks: finding.is_circle_of_locks() }
    }
}

impl Expectations {
    /// Those of a script; `text` is its source, from which the names are read.
    pub fn of<'e>(expects: impl IntoIterator<Item = &'e ast::Expect>, text: &str) -> Expectations {
        let line = |expect: &ast::Expect| match expect {
            ast::Expect::Some { span, .. } => Some(Line { what: What::Claim { every: false }, span: *span }),
            ast::Expect::Every { span, .. } => Some(Line { what: What::Claim { every: true }, span: *span }),
            ast::Expect::Code { code, span, .. } if code.text == "ok" => Some(Line { what: What::Ok, span: *span }),
            ast::Expect::Code { code, on, span } => {
                let name = |place: &ast::Expr| {
                    let written = text.get(place.span.start as usize..place.span.end as usize).unwrap_or("");
                    written.chars().filter(|c| !c.is_whitespace()).collect()
                };
                let what = What::Finding { code: Code::from_word(&code.text)?, on: on.iter().map(name).collect() };
                Some(Line { what, span: *span })
            }
        };
        Expectations { lines: expects.into_iter().filter_map(line).collect() }
    }

    /// Whether some line asks for the finding.
    pub fn allow(&self, seen: &Seen) -> bool {
        self.lines.iter().any(|l| l.takes(seen))
    }

    /// The verdict. `complete`: every interleaving was explored.
    pub fn judge(&self, seen: &[Seen], claims: &[Claimed], complete: bool) -> Judgement {
        let (mut faults, mut open) = (Vec::new(), Vec::new());
        for (n, one) in seen.iter().enumerate().filter(|(_, s)| !s.code.is_note() && !self.allow(s)) {
            let order = self.lines.iter().find(|l| l.takes_as_order(one));
            faults.push(Fault::Unexpected { seen: n, as_order: order.map(|l| l.span) });
        }
        for (n, line) in self.lines.iter().enumerate() {
            let fault = match &line.what {
                What::Ok => None,
                What::Finding { .. } => line.missing(n, seen),
                What::Claim { every } => {
                    claims.iter().find(|c| c.span == line.span).and_then(|c| refuted(n, *every, c))
                }
            };
            match fault {
                // An end that is false stays so, whatever else there is.
                Some(Fault::Refuted { fails, .. }) if fails > 0 && matches!(line.what, What::Claim { every: true }) => {
                    faults.extend(fault);
                }
                Some(_) if !complete => open.push(n),
                fault => faults.extend(fault),
            }
        }
        let verdict = match (faults.is_empty(), complete) {
            (false, _) => Verdict::Failed,
            (true, true) => Verdict::Passed,
            (true, false) => Verdict::Undecided,
        };
        Judgement { verdict, faults, open }
    }
}

fn refuted(line: usize, every: bool, claim: &Claimed) -> Option<Fault> {
    let holds = if every { claim.fails == 0 } else { claim.holds > 0 };
    (!holds).then_some(Fault::Refuted { line, holds: claim.holds, fails: claim.fails, why: claim.why.clone() })
}

impl Line {
    /// Whether it asks for the finding: the code is the same, and the finding
    /// is on all the names of the line, or the line names all that the finding
    /// is on (`expect race on x, y` asks for two races). A line without names
    /// takes any finding of its code.
    fn takes(&self, seen: &Seen) -> bool {
        matches!(&self.what, What::Finding { code, on } if *code == seen.code && fits(on, &seen.on))
    }

    /// Whether it expects a lock order, and the finding is the deadlock that
    /// comes of it.
    fn takes_as_order(&self, seen: &Seen) -> bool {
        matches!(&self.what, What::Finding { code: Code::LockOrder, on } if seen.circle_of_locks && fits(on, &seen.on))
    }

    /// None if it is met: what belongs to it is together on all its names.
    fn missing(&self, line: usize, seen: &[Seen]) -> Option<Fault> {
        let What::Finding { code, on } = &self.what else { return None };
        let taken: Vec<&Seen> = seen.iter().filter(|s| self.takes(s) || self.takes_as_order(s)).collect();
        let covered = |name: &String| taken.iter().any(|s| s.on.iter().any(|n| is_named(name, n)));
        let not_on: Vec<String> = on.iter().filter(|n| !covered(n)).cloned().collect();
        if !taken.is_empty() && not_on.is_empty() {
            return None;
        }
        let same = |s: &Seen| s.code == *code || (*code == Code::LockOrder && s.circle_of_locks);
        let instead = (0..seen.len()).filter(|n| same(&seen[*n])).collect();
        Some(Fault::Missing { line, not_on, instead })
    }
}

fn fits(line: &[String], finding: &[String]) -> bool {
    let all_of_line = line.iter().all(|e| finding.iter().any(|n| is_named(e, n)));
    let all_of_finding = !finding.is_empty() && finding.iter().all(|n| line.iter().any(|e| is_named(e, n)));
    all_of_line || all_of_finding
}

/// Whether `expected`, as an `expect` line has it, names what reports call
/// `name`: the same, `mu` for `Account.mu`, `ws` for `ws[1]`, `reply` for
/// `reply (line 9)`, `worker` for `worker#2`.
pub fn is_named(expected: &str, name: &str) -> bool {
    let place = name.split(" (line ").next().unwrap_or(name);
    let field = place.rsplit('.').next().unwrap_or(place);
    let bare = |n: &str| expected == n.split(['[', '#']).next().unwrap_or(n);
    expected == name || [place, field].iter().any(|n| *n == expected || bare(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(code: Code, on: &[&str]) -> Seen {
        Seen { code, on: on.iter().map(|n| n.to_string()).collect(), circle_of_locks: false }
    }

    fn circle(on: &[&str]) -> Seen {
        Seen { circle_of_locks: true, ..seen(Code::Deadlock, on) }
    }

    fn expectations(text: &str) -> Expectations {
        let script = crate::lang::parse::parse(text).expect("it parses");
        let expects = script.items.iter().filter_map(|i| match i {
            ast::Item::Expect(e) => Some(e),
            _ => None,
        });
        Expectations::of(expects, text)
    }

    fn judge(text: &str, seen: &[Seen]) -> Judgement {
        expectations(text).judge(seen, &[], true)
    }

    #[track_caller]
    fn assert_verdict(text: &str, seen: &[Seen], verdict: Verdict) {
        let judged = judge(text, seen);
        assert_eq!(judged.verdict, verdict, "{text}: {judged:?}");
    }

    #[test]
    fn names() {
        for (expected, name) in [
            ("m", "m"),
            ("mu", "Account.mu"),
            ("Account.mu", "Account.mu"),
            ("ws", "ws[1]"),
            ("ws[1]", "ws[1]"),
            ("fork", "fork[0]"),
            ("cells", "Table.cells[2]"),
            ("cells[2]", "Table.cells[2]"),
            ("Table.cells", "Table.cells[2]"),
            ("reply", "reply (line 9)"),
            ("ws", "ws[1] (line 9)"),
            ("worker", "worker#2"),
        ] {
            assert!(is_named(expected, name), "{expected} is {name}");
        }
        for (expected, name) in
            [("m", "mu"), ("ws[0]", "ws[1]"), ("Account", "Account.mu"), ("a", "b.a.c"), ("line", "reply (line 9)")]
        {
            assert!(!is_named(expected, name), "{expected} is not {name}");
        }
    }

    #[test]
    fn nothing_but_notes_is_ok() {
        let note = seen(Code::LeftInQueue, &["q"]);
        for text in ["expect ok", "", "expect left-in-queue on q", "expect left-in-queue"] {
            assert_verdict(text, std::slice::from_ref(&note), Verdict::Passed);
        }
        for text in ["expect ok", ""] {
            let judged = judge(text, &[note.clone(), seen(Code::Race, &["x"])]);
            assert_eq!(judged.faults, [Fault::Unexpected { seen: 1, as_order: None }]);
        }
        assert_verdict("expect left-in-queue on p", &[note], Verdict::Failed);
    }

    #[test]
    fn a_code_without_names_takes_any() {
        let two = [seen(Code::Race, &["x"]), seen(Code::Race, &["y"])];
        assert_verdict("expect race", &two, Verdict::Passed);
        assert_verdict("expect race on x", &two, Verdict::Failed);
        assert_verdict("expect race on x\nexpect race on y", &two, Verdict::Passed);
        assert_verdict("expect race on x, y", &two, Verdict::Passed);
        assert_verdict("expect race on x, y, z", &two, Verdict::Failed);
        assert_verdict("expect race", &[], Verdict::Failed);
    }

    #[test]
    fn all_names_must_be_covered() {
        let found = [circle(&["b", "a", "log"])];
        assert_verdict("expect deadlock on a, b", &found, Verdict::Passed);
        assert_verdict("expect deadlock on a", &found, Verdict::Passed);
        let judged = judge("expect deadlock on a, c", &found);
        let missing = Fault::Missing { line: 0, not_on: vec!["a".into(), "c".into()], instead: vec![0] };
        assert_eq!(judged.faults, [Fault::Unexpected { seen: 0, as_order: None }, missing]);
        assert_verdict("expect deadlock on fork", &[circle(&["fork[0]", "fork[1]"])], Verdict::Passed);
    }

    #[test]
    fn an_error_without_a_name_is_not_on_one() {
        assert_verdict("expect error on q", &[seen(Code::Error, &[])], Verdict::Failed);
        assert_verdict("expect error", &[seen(Code::Error, &[])], Verdict::Passed);
    }

    #[test]
    fn the_deadlock_of_a_lock_order() {
        let found = [circle(&["b", "a"])];
        assert_verdict("expect deadlock on a, b\nexpect lock-order on a, b", &found, Verdict::Passed);
        let judged = judge("expect lock-order on a, b", &found);
        assert_eq!(judged.faults, [Fault::Unexpected { seen: 0, as_order: Some(Span::new(0, 25)) }]);
        assert_verdict("expect deadlock\nexpect lock-order on a, c", &found, Verdict::Failed);
        // A circle through a queue is no matter of the order of locks.
        let other = [seen(Code::Deadlock, &["q", "m"])];
        assert_verdict("expect deadlock\nexpect lock-order", &other, Verdict::Failed);
    }

    #[test]
    fn claims() {
        let text = "var x = 0\nexpect some x == 1\nexpect every x < 2";
        let lines = expectations(text).lines;
        let judged = |some: (u64, u64), every: (u64, u64), complete| {
            let claim = |n: usize, (holds, fails)| Claimed { span: lines[n].span, holds, fails, why: None };
            expectations(text).judge(&[], &[claim(0, some), claim(1, every)], complete)
        };
        assert_eq!(judged((1, 5), (6, 0), true).verdict, Verdict::Passed);
        assert_eq!(judged((0, 6), (6, 0), true).faults, [Fault::Refuted { line: 0, holds: 0, fails: 6, why: None }]);
        assert_eq!(judged((1, 5), (5, 1), false).faults, [Fault::Refuted { line: 1, holds: 5, fails: 1, why: None }]);
        let open = judged((0, 6), (6, 0), false);
        assert_eq!((open.verdict, open.open), (Verdict::Undecided, vec![0]));
    }

    #[test]
    fn what_is_not_explored_is_undecided_but_a_finding_stays() {
        let undecided = expectations("expect race on x").judge(&[], &[], false);
        assert_eq!((undecided.verdict, undecided.open), (Verdict::Undecided, vec![0]));
        let met = expectations("expect race on x").judge(&[seen(Code::Race, &["x"])], &[], false);
        assert_eq!((met.verdict, met.open), (Verdict::Undecided, vec![]));
        let failed = expectations("expect ok").judge(&[seen(Code::Race, &["x"])], &[], false);
        assert_eq!(failed.verdict, Verdict::Failed);
    }
}
