//! What `conc test` tells: a row for each script, with the reasons where it did
//! not pass, and the last line. Which finding belongs to which `expect` line is
//! decided by `detect::expect`; the findings themselves are told by `finding`.

use super::{Source, Style, finding, lanes, phrase};
use crate::detect::expect::{Expectations, Fault, Judgement, Line, Verdict, What};
use crate::detect::finding::Finding;
use crate::lang::error::ScriptError;
use crate::lang::parse::ERRORS_MAX;

/// What came of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Passed,
    Failed,
    Undecided,
    /// It does not compile, or cannot be read.
    Wrong,
}

/// One script of a test.
#[derive(Clone, Debug)]
pub struct Tested {
    pub source: Source,
    pub expectations: Expectations,
    pub outcome: Outcome,
    pub duration_ms: f64,
    pub states: u64,
}

/// What came of it, with what it rests on.
#[derive(Clone, Debug)]
pub enum Outcome {
    Wrong(Vec<ScriptError>),
    Judged {
        judgement: Judgement,
        /// What was found, in the order that the judgement speaks of, with the
        /// way there.
        found: Vec<(Finding, lanes::Lanes)>,
        /// Why not all was explored.
        reason: Option<String>,
    },
    /// It was interrupted before its turn came.
    NotReached,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::Undecided => "undecided",
            Status::Wrong => "wrong",
        }
    }

    fn color(self) -> &'static str {
        match self {
            Status::Passed => "32",
            Status::Failed | Status::Wrong => "1;31",
            Status::Undecided => "33",
        }
    }
}

/// How many came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub undecided: u64,
    pub wrong: u64,
}

impl Counts {
    pub fn of<'t>(all: impl IntoIterator<Item = &'t Tested>) -> Counts {
        let mut counts = Counts::default();
        for tested in all {
            *match tested.status() {
                Status::Passed => &mut counts.passed,
                Status::Failed => &mut counts.failed,
                Status::Undecided => &mut counts.undecided,
                Status::Wrong => &mut counts.wrong,
            } += 1;
        }
        counts
    }
}

impl Tested {
    pub fn status(&self) -> Status {
        match &self.outcome {
            Outcome::Wrong(_) => Status::Wrong,
            Outcome::NotReached => Status::Undecided,
            Outcome::Judged { judgement, .. } => match judgement.verdict {
                Verdict::Passed => Status::Passed,
                Verdict::Failed => Status::Failed,
                Verdict::Undecided => Status::Undecided,
            },
        }
    }

    /// The findings that nobody expected.
    pub fn unexpected(&self) -> Vec<&(Finding, lanes::Lanes)> {
        let Outcome::Judged { judgement, found, .. } = &self.outcome else { return Vec::new() };
        let place = |f: &Fault| match f {
            Fault::Unexpected { seen, .. } => Some(*seen),
            _ => None,
        };
        judgement.faults.iter().filter_map(place).filter_map(|n| found.get(n)).collect()
    }

    /// Why it did not pass, a sentence each.
    pub fn reasons(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::Wrong(errors) => {
                let mut reasons: Vec<String> = errors.iter().take(ERRORS_MAX).map(|e| self.script_error(e)).collect();
                if let Some(more) = errors.len().checked_sub(ERRORS_MAX).filter(|more| *more > 0) {
                    reasons.push(format!("and {} more", phrase::count(more as u64, "error")));
                }
                reasons
            }
            Outcome::NotReached => vec!["it was interrupted before this script's turn".to_string()],
            Outcome::Judged { judgement, found, reason } => {
                let mut reasons: Vec<String> = judgement.faults.iter().map(|f| self.fault(f, found)).collect();
                if judgement.verdict == Verdict::Undecided {
                    let why = reason.as_deref().unwrap_or("not all was explored");
                    let lines: Vec<String> = judgement.open.iter().map(|n| self.line(*n)).collect();
                    reasons.push(match lines.is_empty() {
                        true => format!("{why}; nothing is against the expectations so far"),
                        false => format!("{why}; not seen so far: {}", phrase::list(&lines, usize::MAX)),
                    });
                }
                reasons
            }
        }
    }

    fn script_error(&self, error: &ScriptError) -> String {
        let help = error.help.as_ref().map(|help| format!(": {help}")).unwrap_or_default();
        // What `-D` says has no place, nor has anything in what cannot be read.
        if error.span.is_empty() && (error.message.starts_with("-D ") || self.source.text.is_empty()) {
            return format!("{}{help}", error.message);
        }
        format!("{} (line {}){help}", error.message, self.source.line(error.span))
    }

    /// `expect race on x (line 3)`.
    fn line(&self, n: usize) -> String {
        let Some(line) = self.expectations.lines.get(n) else { return "an expectation".to_string() };
        format!("`{}` (line {})", words(line), self.source.line(line.span))
    }

    pub fn fault(&self, fault: &Fault, found: &[(Finding, lanes::Lanes)]) -> String {
        match fault {
            Fault::Unexpected { seen, as_order } => {
                let Some((one, _)) = found.get(*seen) else { return "a finding was not expected".to_string() };
                let told = finding::describe(&self.source, one, &Style::default());
                let line = told.first_place().map(|p| format!(" (line {})", self.source.line(p.span)));
                let line = line.unwrap_or_default();
                let mut text = format!("{} was not expected: {}{line}", named(one), told.message);
                if let Some(span) = as_order {
                    text.push_str(&format!(
                        "; line {} expects the order of the locks, and every interleaving is looked at here, so the deadlock that comes of it is expected by `expect deadlock{}`",
                        self.source.line(*span),
                        on(&one.on)
                    ));
                }
                text
            }
            Fault::Missing { line, not_on, instead } => {
                let mut text = format!("{} is not met", self.line(*line));
                let instead: Vec<String> = instead.iter().filter_map(|n| found.get(*n)).map(|f| named(&f.0)).collect();
                match (not_on.is_empty(), instead.is_empty()) {
                    (_, true) => text.push_str(": this cannot happen in any interleaving"),
                    (true, false) => text.push_str(&format!("; found: {}", phrase::list(&instead, usize::MAX))),
                    (false, false) => {
                        let names = phrase::list(not_on, usize::MAX);
                        text.push_str(&format!(
                            ": nothing is found on {names}, but {}",
                            phrase::list(&instead, usize::MAX)
                        ));
                    }
                }
                text
            }
            Fault::Refuted { line, holds, fails, why } => {
                let every =
                    matches!(self.expectations.lines.get(*line).map(|l| &l.what), Some(What::Claim { every: true }));
                let ends = holds + fails;
                let line = self.line(*line);
                let what = if why.is_some() { "not true" } else { "false" };
                let text = match (every, ends) {
                    (_, 0) => format!("{line} is not met: no execution comes to its end"),
                    (true, 2..) => format!("{line} is not met: it is {what} at {fails} of {ends} ends"),
                    (_, 1) => format!("{line} is not met: it is {what} at the only end"),
                    (false, _) => format!("{line} is not met: it is {what} at all {ends} ends"),
                };
                text + &at_an_end(ends, why.as_deref())
            }
        }
    }

    /// The row, and below it the reasons.
    fn row(&self, style: &Style, name_width: usize) -> String {
        let status = self.status();
        let name = style.own(&self.source.name);
        let word = style.paint(status.color(), status.word());
        let pad = " ".repeat(STATUS_WIDTH - status.word().len());
        let mut out = match status {
            Status::Passed | Status::Failed | Status::Undecided if style.verbose => {
                let gap = " ".repeat(name_width.saturating_sub(phrase::columns(&name)));
                let states = phrase::count(self.states, "state");
                format!("{word}{pad}{name}{gap}  {states}\n")
            }
            _ => format!("{word}{pad}{name}\n"),
        };
        for reason in self.reasons() {
            let indent = " ".repeat(STATUS_WIDTH);
            for (n, line) in phrase::wrap(&style.own(&reason), style.width - STATUS_WIDTH - 2).iter().enumerate() {
                out.push_str(&format!("{indent}{}{line}\n", if n == 0 { "- " } else { "  " }));
            }
        }
        out
    }
}

/// The width of the column of what came of it, with its gap.
const STATUS_WIDTH: usize = 11;

/// ` on a, b`, or nothing.
fn on(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" on {}", names.join(", ")) }
}

/// `race on x`.
fn named(finding: &Finding) -> String {
    format!("{}{}", finding.code.word(), on(&finding.on))
}

/// A line, but for the condition of a claim.
pub fn words(line: &Line) -> String {
    match &line.what {
        What::Ok => "expect ok".to_string(),
        What::Finding { code, on: names } => format!("expect {}{}", code.word(), on(names)),
        What::Claim { every: true } => "expect every".to_string(),
        What::Claim { every: false } => "expect some".to_string(),
    }
}

/// The width of the column of names, which all rows have.
pub fn name_width<'n>(names: impl IntoIterator<Item = &'n str>) -> usize {
    names.into_iter().map(phrase::columns).max().unwrap_or(0).min(60)
}

/// The row of one. With `verbose` each finding that nobody expected is told in
/// full, and each error of a script; with `quiet` what passed has no row.
pub fn row(tested: &Tested, name_width: usize, style: &Style) -> String {
    let style = style.within_bounds();
    if style.quiet && tested.status() == Status::Passed {
        return String::new();
    }
    let mut out = tested.row(&style, name_width);
    if style.verbose {
        if let Outcome::Wrong(errors) = &tested.outcome
            && !tested.source.text.is_empty()
        {
            out.push_str(&format!("\n{}\n", super::script_errors(&tested.source, errors, &style)));
        }
        for (found, way) in tested.unexpected() {
            out.push_str(&format!("\n{}\n", super::finding(&tested.source, found, &style)));
            out.push_str(&format!("{}\n", lanes::text(way, &tested.source, &style)));
        }
    }
    out
}

/// The last line.
pub fn last(all: &[Tested], duration_ms: f64, style: &Style) -> String {
    let style = style.within_bounds();
    let counts = Counts::of(all);
    let scripts = phrase::count(all.len() as u64, "script");
    let mut parts = vec![format!("{} passed", counts.passed)];
    let more = [(counts.failed, "failed"), (counts.undecided, "undecided"), (counts.wrong, "wrong")];
    parts.extend(more.iter().filter(|m| m.0 > 0).map(|(n, word)| format!("{n} {word}")));
    let last = format!("{scripts}, {}: {}", super::summary::duration(duration_ms), parts.join(", "));
    format!("{}\n", style.paint("1", &last))
}

/// What is said behind the count of the ends of a claim that is neither true nor false at
/// one of them.
pub fn at_an_end(ends: u64, why: Option<&str>) -> String {
    match why {
        None => String::new(),
        Some(why) if ends == 1 => format!(": {why}"),
        Some(why) => format!("; at one of them {why}"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::detect::expect::{Claimed, Seen};
    use crate::detect::finding::{Certainty, Code, Facts};
    use crate::lang::ast::{Item, Span};

    fn text(all: &[Tested], duration_ms: f64, style: &Style) -> String {
        let width = name_width(all.iter().map(|t| t.source.name.as_str()));
        let rows: String = all.iter().map(|t| row(t, width, style)).collect();
        rows + &last(all, duration_ms, style)
    }

    pub fn tested(text: &str, found: Vec<Finding>, claims: &[(u64, u64)], reason: Option<&str>) -> Tested {
        let script = crate::lang::parse::parse(text).expect("it parses");
        let expects = script.items.iter().filter_map(|i| match i {
            Item::Expect(e) => Some(e),
            _ => None,
        });
        let expectations = Expectations::of(expects, text);
        let lines = expectations.lines.iter().filter(|l| matches!(l.what, What::Claim { .. }));
        let claims: Vec<Claimed> =
            lines.zip(claims).map(|(l, c)| Claimed { span: l.span, holds: c.0, fails: c.1, why: None }).collect();
        let seen: Vec<Seen> = found.iter().map(Seen::of).collect();
        let judgement = expectations.judge(&seen, &claims, reason.is_none());
        let found = found.into_iter().map(|f| (f, lanes::Lanes::default())).collect();
        Tested {
            source: Source::new("s.conc", text),
            expectations,
            outcome: Outcome::Judged { judgement, found, reason: reason.map(String::from) },
            duration_ms: 2.5,
            states: 41,
        }
    }

    pub fn left(name: &str, code: Code) -> Finding {
        let facts = Facts::LeftInQueue { queue: name.into(), declared: Some(Span::new(0, 5)), count: 2 };
        Finding {
            code,
            certainty: Certainty::Found,
            count: 1,
            on: vec![name.into()],
            also_on: Vec::new(),
            facts,
            schedule: None,
        }
    }

    #[test]
    fn a_table_with_reasons() {
        let all = [
            tested("queue q\nexpect ok\n", vec![left("q", Code::LeftInQueue)], &[], None),
            tested("queue q\nexpect race on x, y\nexpect some x == 1", vec![left("q", Code::Error)], &[(0, 4)], None),
            tested("queue q\nexpect error on p\nexpect error", vec![left("q", Code::Error)], &[], None),
            tested("queue q\nexpect error on q\nexpect every 1 == 1", vec![left("q", Code::Error)], &[(2, 1)], None),
            tested("expect race", vec![], &[], Some("the limit of states was reached")),
        ];
        insta::assert_snapshot!(text(&all, 12.0, &Style::default()), @r"
        passed     s.conc
        failed     s.conc
                   - error on q was not expected: 2 values are left in queue q at the
                     end (line 1)
                   - `expect race on x, y` (line 2) is not met: this cannot happen in
                     any interleaving
                   - `expect some` (line 3) is not met: it is false at all 4 ends
        failed     s.conc
                   - `expect error on p` (line 2) is not met: nothing is found on p, but
                     error on q
        failed     s.conc
                   - `expect every` (line 3) is not met: it is false at 1 of 3 ends
        undecided  s.conc
                   - the limit of states was reached; not seen so far: `expect race`
                     (line 1)
        5 scripts, 12 ms: 1 passed, 3 failed, 1 undecided
        ");
        let quiet = text(&all, 12.0, &Style { quiet: true, ..Style::default() });
        assert!(!quiet.contains("passed     s.conc"), "{quiet}");
    }
}
