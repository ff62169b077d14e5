//! Many runs of one script: how often each outcome and each finding came. It
//! owns the table; a single outcome as JSON belongs to `json`.

use super::json::Outcome;
use super::{Style, phrase};
use crate::detect::finding::Code;
use std::collections::{HashMap, HashSet};

/// So many rows of each table, unless everything is asked for.
const ROWS_MAX: usize = 10;
/// The columns before the words: `  1234  100.0%  `.
const NUMBERS_WIDTH: usize = 16;
/// Longer values are cut.
const VALUE_WIDTH_MAX: usize = 60;
/// Rows that would be equal get up to so much of them.
const VALUE_MAX: usize = 60 * 64;
/// So many characters stand before the first that differs.
const BEFORE_DIFFERENCE: usize = 20;

/// A finding and the number of runs that showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatFinding {
    pub code: Code,
    pub on: Vec<String>,
    pub runs: u64,
}

/// What `run --repeat N` has seen, and what `check` lists; each outcome's
/// `count` is its number of runs.
#[derive(Clone, Debug, Default)]
pub struct RepeatTable {
    /// The number of runs; 0 where outcomes are listed and not counted.
    pub runs: u64,
    /// So many were asked for; more than there are where one was cut.
    pub wanted: u64,
    pub outcomes: Vec<Outcome>,
    pub findings: Vec<RepeatFinding>,
}

impl RepeatTable {
    /// Counts one run. Equal outcomes become one.
    pub fn add(&mut self, outcome: Outcome, findings: &[(Code, Vec<String>)]) {
        self.runs += 1;
        let order = in_order(&outcome);
        let same = |o: &&mut Outcome| o.values == outcome.values && in_order(o) == order;
        match self.outcomes.iter_mut().find(same) {
            Some(known) => known.count += 1,
            None => self.outcomes.push(Outcome { count: 1, ..outcome }),
        }
        for (n, (code, on)) in findings.iter().enumerate() {
            if findings[..n].contains(&(*code, on.clone())) {
                continue;
            }
            match self.findings.iter_mut().find(|f| f.code == *code && f.on == *on) {
                Some(known) => known.runs += 1,
                None => self.findings.push(RepeatFinding { code: *code, on: on.clone(), runs: 1 }),
            }
        }
    }

    /// The outcomes alone.
    pub fn outcomes_text(&self, style: &Style) -> String {
        let mut out = String::new();
        self.outcome_rows(&style.within_bounds(), &mut out);
        out
    }

    /// The tables as text, most frequent first.
    pub fn text(&self, style: &Style) -> String {
        let style = style.within_bounds();
        let mut out = String::new();
        if self.runs > 0 {
            let head = match self.runs < self.wanted {
                true => format!("{} of {}", self.runs, phrase::count(self.wanted, "run")),
                false => phrase::count(self.runs, "run"),
            };
            out.push_str(&style.paint("1", &head));
            out.push('\n');
        }
        self.outcome_rows(&style, &mut out);
        let mut findings: Vec<(u64, String)> = self.findings.iter().map(|f| (f.runs, finding(f))).collect();
        findings.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        if self.runs > 0 && findings.is_empty() {
            out.push_str("\nno findings\n");
        }
        self.rows("finding", &findings, &style, &mut out);
        out
    }

    /// With several outcomes only what differs is in the rows.
    fn outcome_rows(&self, style: &Style, out: &mut String) {
        let parts = Parts::of(&self.outcomes);
        let mut rows: Vec<(u64, String, &Outcome)> =
            self.outcomes.iter().map(|o| (o.count, parts.row(o, VALUE_WIDTH_MAX), o)).collect();
        rows.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        let shown = self.shown(style, rows.len());
        self.rows_apart(&parts, &mut rows[..shown]);
        let rows: Vec<(u64, String)> = rows.into_iter().map(|(count, text, _)| (count, text)).collect();
        self.rows("outcome", &rows, style, out);
        let common = parts.common();
        if !common.is_empty() {
            let text = style.own(&format!("in every outcome: {}", common.join("; ")));
            for line in phrase::wrap(&text, style.width - 2) {
                out.push_str(&format!("  {line}\n"));
            }
        }
    }

    /// Rows that are equal though their outcomes are not get more of their texts.
    fn rows_apart(&self, parts: &Parts, rows: &mut [(u64, String, &Outcome)]) {
        let mut width = VALUE_WIDTH_MAX;
        while width < VALUE_MAX {
            width *= 4;
            let mut count: HashMap<String, u32> = HashMap::new();
            rows.iter().for_each(|row| *count.entry(row.1.clone()).or_default() += 1);
            let mut all_apart = true;
            for row in rows.iter_mut().filter(|row| count[&row.1] > 1) {
                row.1 = parts.row(row.2, width);
                all_apart = false;
            }
            if all_apart {
                return;
            }
        }
    }

    /// So many of the rows of a table are shown.
    fn shown(&self, style: &Style, rows: usize) -> usize {
        if style.verbose { rows } else { rows.min(ROWS_MAX) }
    }

    fn rows(&self, title: &str, rows: &[(u64, String)], style: &Style, out: &mut String) {
        if rows.is_empty() {
            return;
        }
        let indent = if self.runs > 0 { NUMBERS_WIDTH } else { 2 };
        let head = if self.runs > 0 { format!("{:>6}  {:>6}  {title}", "runs", "") } else { format!("  {title}") };
        out.push_str(&format!("\n{}\n", style.paint("1", &head)));
        let shown = self.shown(style, rows.len());
        for (count, text) in &rows[..shown] {
            for (n, line) in phrase::wrap(&style.own(text), style.width - indent).iter().enumerate() {
                let numbers = match n {
                    0 if self.runs > 0 => self.numbers(*count),
                    _ => " ".repeat(indent),
                };
                out.push_str(&format!("{numbers}{line}\n"));
            }
        }
        if rows.len() > shown {
            out.push_str(&format!("{}and {} more\n", " ".repeat(indent), rows.len() - shown));
        }
    }

    fn numbers(&self, count: u64) -> String {
        let share = 100.0 * count as f64 / self.runs.max(1) as f64;
        format!("{:<NUMBERS_WIDTH$}", format!("{count:>6}  {share:>5.1}%"))
    }
}

/// What an outcome says, whatever the order in which it says it: tasks stand there as they
/// were made, which differs from run to run.
fn in_order(outcome: &Outcome) -> [Vec<&(String, String)>; 2] {
    [&outcome.prints, &outcome.ended].map(|pairs| {
        let mut pairs: Vec<_> = pairs.0.iter().collect();
        pairs.sort_unstable();
        pairs
    })
}

/// What a part of an outcome is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum About {
    Value,
    Print,
    End,
}

/// One thing that an outcome says: what about, of whom, and what.
type Part<'o> = (About, &'o str, &'o str);

fn parts(outcome: &Outcome) -> impl Iterator<Item = Part<'_>> {
    let values = outcome.values.0.iter().map(|(name, text)| (About::Value, &**name, &**text));
    let prints = outcome.prints.0.iter().map(|(name, text)| (About::Print, &**name, &**text));
    let ended = outcome.ended.0.iter().map(|(name, text)| (About::End, &**name, &**text));
    values.chain(prints).chain(ended)
}

/// What several outcomes say, to tell them apart.
struct Parts<'o> {
    /// What all of them say, in the order of the first; of one alone nothing.
    common: Vec<Part<'o>>,
    is_common: HashSet<Part<'o>>,
    /// Of each of whom something long is said, all that is, in order.
    texts: HashMap<(About, &'o str), Vec<&'o str>>,
}

impl<'o> Parts<'o> {
    fn of(outcomes: &'o [Outcome]) -> Parts<'o> {
        let mut said: HashMap<Part, usize> = HashMap::new();
        let mut texts: HashMap<(About, &str), Vec<&str>> = HashMap::new();
        for (n, outcome) in outcomes.iter().enumerate() {
            for part in parts(outcome) {
                // By all before it too, and once by each.
                let by = said.entry(part).or_insert(0);
                if *by == n {
                    *by = n + 1;
                }
                if part.2.len() > VALUE_WIDTH_MAX {
                    texts.entry((part.0, part.1)).or_default().push(part.2);
                }
            }
        }
        for all in texts.values_mut() {
            all.sort_unstable();
            all.dedup();
        }
        let all = outcomes.len();
        let is_common: HashSet<Part> =
            said.into_iter().filter(|(_, by)| all > 1 && *by == all).map(|(part, _)| part).collect();
        let common = outcomes.first().into_iter().flat_map(parts).filter(|p| is_common.contains(p)).collect();
        Parts { common, is_common, texts }
    }

    /// `balance is 150`, `main printed "done"`, `teller#0 failed with Type`: what not all say, with
    /// texts of so many columns.
    fn row(&self, outcome: &Outcome, width: usize) -> String {
        let own: Vec<String> =
            parts(outcome).filter(|p| !self.is_common.contains(p)).map(|p| self.text(p, width)).collect();
        if own.is_empty() { "nothing but that".to_string() } else { own.join("; ") }
    }

    fn common(&self) -> Vec<String> {
        self.common.iter().map(|part| self.text(*part, VALUE_WIDTH_MAX)).collect()
    }

    fn text(&self, (about, name, text): Part, width: usize) -> String {
        let cut = || self.cut_apart((about, name), text, width);
        match (about, text) {
            (About::Value, _) => format!("{name} is {}", cut()),
            (About::Print, _) => format!("{name} printed \"{}\"", cut().replace('\\', "\\\\").replace('"', "\\\"")),
            (About::End, "stuck") => format!("{name} is stuck"),
            (About::End, "cut short") => format!("{name} was cut short"),
            (About::End, how) => format!("{name} {how}"),
        }
    }

    /// A long text cut: to its beginning, or if others begin so too to where it differs from the
    /// one that goes along with it for longest. That is the one before or behind it in order.
    fn cut_apart(&self, of: (About, &str), text: &str, width: usize) -> String {
        let short = phrase::cut(text, width);
        if short == text {
            return short;
        }
        let all = self.texts.get(&of).map_or(&[][..], Vec::as_slice);
        let at = all.partition_point(|other| *other < text);
        let neighbours = at.checked_sub(1).into_iter().chain([at + 1]).filter_map(|n| all.get(n));
        let along = |other: &&str| text.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
        match neighbours.filter(|o| phrase::cut(o, width) == short).map(along).max() {
            Some(along) => {
                let from = along.saturating_sub(BEFORE_DIFFERENCE.max(width / 2 - 10));
                let rest: String = std::iter::once('…').chain(text.chars().skip(from)).collect();
                phrase::cut(&rest, width)
            }
            None => short,
        }
    }
}

fn finding(finding: &RepeatFinding) -> String {
    if finding.on.is_empty() {
        return finding.code.word().to_string();
    }
    format!("{} on {}", finding.code.word(), phrase::list(&finding.on, 3))
}

#[cfg(test)]
mod tests {
    use super::super::json::Pairs;
    use super::*;

    fn pairs(all: &[(&str, &str)]) -> Pairs {
        Pairs(all.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
    }

    fn outcome(balance: &str, ended: &str) -> Outcome {
        Outcome {
            values: pairs(&[("balance", balance)]),
            prints: pairs(&[("main", "done")]),
            ended: pairs(&[("teller#0", ended), ("main", "returned")]),
            count: 0,
        }
    }

    #[test]
    fn the_most_frequent_comes_first() {
        let mut table = RepeatTable::default();
        let race = || (Code::Race, vec!["balance".to_string()]);
        table.add(outcome("150", "returned"), &[race(), race()]);
        for _ in 0..2 {
            table.add(outcome("160", "returned"), &[race()]);
        }
        table.add(outcome("100", "stuck"), &[(Code::Deadlock, vec![])]);
        insta::assert_snapshot!(table.text(&Style::default()), @r#"
        4 runs

          runs          outcome
             2   50.0%  balance is 160; teller#0 returned
             1   25.0%  balance is 100; teller#0 is stuck
             1   25.0%  balance is 150; teller#0 returned
          in every outcome: main printed "done"; main returned

          runs          finding
             3   75.0%  race on balance
             1   25.0%  deadlock
        "#);
    }

    /// The order in which tasks were made is not part of it.
    #[test]
    fn equal_outcomes_are_one() {
        let mut table = RepeatTable::default();
        let mut other = outcome("160", "returned");
        other.ended.0.reverse();
        table.add(outcome("160", "returned"), &[]);
        table.add(other, &[]);
        table.add(outcome("160", "stuck"), &[]);
        let counts: Vec<u64> = table.outcomes.iter().map(|o| o.count).collect();
        assert_eq!(counts, [2, 1]);
    }

    #[test]
    fn rows_are_capped_and_keep_to_the_width() {
        let mut table = RepeatTable::default();
        for n in 0..22 {
            table.add(outcome(&format!("{n}{}", "9".repeat(100)), "failed with Empty"), &[]);
        }
        let text = table.text(&Style::default());
        assert!(text.contains("                and 12 more\n"), "{text}");
        assert!(text.contains("no findings"), "{text}");
        assert!(text.lines().all(|l| l.chars().count() <= 80), "{text}");
    }

    /// Also where only the ends of long values differ.
    #[test]
    fn different_outcomes_have_different_rows() {
        let mut table = RepeatTable::default();
        let long = "0123456789".repeat(20);
        for end in ["a and more", "b and more", "b and less"] {
            table.add(outcome(&format!("{long}{end}"), "returned"), &[]);
        }
        table.add(outcome(&long, "returned"), &[]);
        let rows = |text: &str| -> Vec<String> {
            text.lines().filter(|l| l.contains("balance is")).map(|l| l[16..].to_string()).collect()
        };
        assert_eq!(
            rows(&table.text(&Style { width: 120, ..Style::default() })),
            [
                "balance is …01234567890123456789",
                "balance is …01234567890123456789a and more",
                "balance is …67890123456789b and less",
                "balance is …67890123456789b and more",
            ]
        );
    }

    /// Also where each is like one neighbour up to here and like another one from there on: lines
    /// of a log in all their orders.
    #[test]
    fn rows_of_orders_are_different() {
        let mut table = RepeatTable::default();
        let line = |n: usize| format!("worker {n} has written its line into the log; ");
        for order in 0..125usize {
            let log: String = [order % 5, order / 5 % 5, order / 25].map(line).concat();
            table.add(outcome(&log, "returned"), &[]);
        }
        for verbose in [false, true] {
            let text = table.text(&Style { width: 400, verbose, ..Style::default() });
            let rows: Vec<&str> = text.lines().filter(|l| l.contains("balance is")).collect();
            assert_eq!(rows.len(), if verbose { 125 } else { ROWS_MAX });
            assert_eq!(rows.iter().collect::<HashSet<_>>().len(), rows.len(), "{text}");
        }
    }

    /// Cut in the same way, printed texts that differ in a quote or a backslash are different.
    #[test]
    fn what_is_printed_stands_in_quotes() {
        let mut table = RepeatTable::default();
        for text in ["a\nb", "a\\nb", "a\" b"] {
            table.add(Outcome { prints: pairs(&[("main", text)]), ..outcome("1", "returned") }, &[]);
        }
        let text = table.text(&Style::default());
        for row in [r#"printed "a\nb""#, r#"printed "a\\nb""#, r#"printed "a\" b""#] {
            assert!(text.contains(row), "{row}: {text}");
        }
    }

    #[test]
    fn fewer_runs_than_were_asked_for() {
        let mut table = RepeatTable { wanted: 3, ..RepeatTable::default() };
        table.add(outcome("160", "returned"), &[]);
        assert!(table.text(&Style::default()).starts_with("1 of 3 runs\n"));
    }

    #[test]
    fn one_outcome_is_told_whole() {
        let mut table = RepeatTable::default();
        table.add(outcome("160", "returned"), &[]);
        insta::assert_snapshot!(table.text(&Style::default()), @r#"
        1 run

          runs          outcome
             1  100.0%  balance is 160; main printed "done"; teller#0 returned; main
                        returned

        no findings
        "#);
    }
}
