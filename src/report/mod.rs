//! Findings, script errors and outcomes into words, pictures and JSON: the
//! only place that renders diagnostics. It returns text and never prints;
//! colours and widths are decided by the command line, and how a finding came
//! about is known to the detectors alone.

pub mod circle;
mod clip;
mod diagnostic;
pub mod explain;
pub mod finding;
pub mod json;
pub mod junit;
pub mod lanes;
pub mod phrase;
pub mod reference;
pub mod repeat;
pub mod sarif;
mod snippet;
mod source;
pub mod summary;
pub mod tested;
pub mod timeline;
pub mod trace;
pub mod verdict;

pub use diagnostic::{Diagnostic, Note, Place, Severity};
pub use phrase::wrap;
pub use source::{Position, SESSION, STANDARD_INPUT, Source};

use crate::detect::finding::Finding;
use crate::lang::error::ScriptError;
use crate::lang::parse::{ERRORS_GATHERED_MAX, ERRORS_MAX};

/// How to write: decided once by the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub color: bool,
    /// Box characters; otherwise nothing beyond ASCII but what the script has.
    pub unicode: bool,
    /// In columns, at least 40.
    pub width: usize,
    /// One line a report.
    pub quiet: bool,
    /// Every task and every name, however many.
    pub verbose: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style { color: false, unicode: true, width: 80, quiet: false, verbose: false }
    }
}

impl Style {
    /// So many names in one sentence.
    fn names_max(&self) -> usize {
        if self.verbose { usize::MAX } else { 3 }
    }

    /// So many lines in one list.
    fn lines_max(&self) -> usize {
        if self.verbose { usize::MAX } else { 8 }
    }

    /// Wraps in an ANSI sequence (`1;31`) where colour is wanted.
    fn paint(&self, sequence: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\u{1b}[{sequence}m{text}\u{1b}[0m") } else { text.to_string() }
    }

    /// Text of our own, with what it quotes, made safe for this terminal.
    fn own(&self, text: &str) -> String {
        let text = phrase::plain(text);
        if self.unicode { text } else { text.replace('…', "...") }
    }

    /// The same cut to so many columns, with the sign for what is missing that it can show.
    fn own_cut(&self, text: &str, columns_max: usize) -> String {
        let text = self.own(text);
        if self.unicode || phrase::columns(&text) <= columns_max {
            return phrase::cut(&text, columns_max);
        }
        self.own(&phrase::cut(&text, columns_max.saturating_sub("..".len())))
    }

    fn within_bounds(&self) -> Style {
        Style { width: self.width.max(40), ..*self }
    }
}

/// What is wrong with a script: each error as a labelled diagnostic, in the
/// order of the source, and a last line with their number. Of very many the first
/// are told.
pub fn script_errors(source: &Source, errors: &[ScriptError], style: &Style) -> String {
    script_errors_and(source, errors, "nothing ran", style)
}

/// The same for a command that was to do something else with it.
pub fn script_errors_and(source: &Source, errors: &[ScriptError], outcome: &str, style: &Style) -> String {
    let style = style.within_bounds();
    let mut ordered: Vec<&ScriptError> = errors.iter().collect();
    ordered.sort_by_key(|e| e.span);
    let mut out = String::new();
    for error in ordered.into_iter().take(ERRORS_MAX) {
        out.push_str(&script_error(error).render(source, &style));
        if !style.quiet {
            out.push('\n');
        }
    }
    let name = phrase::plain(&source.name);
    let number = phrase::count(errors.len().min(ERRORS_MAX) as u64, "error");
    let more = match errors.len().saturating_sub(ERRORS_MAX) {
        0 => String::new(),
        n if errors.len() >= ERRORS_GATHERED_MAX => format!(" and at least {n} more"),
        n => format!(" and {n} more"),
    };
    for line in phrase::wrap(&format!("{number} in {name}{more}; {outcome}"), style.width) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

/// One error in a script as a diagnostic.
pub fn script_error(error: &ScriptError) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(Severity::Error, None, &error.message);
    diagnostic.place(Place::new(error.span, &error.label).primary());
    for (span, label) in &error.related {
        diagnostic.place(Place::new(*span, label));
    }
    diagnostic.help = error.help.clone();
    diagnostic
}

/// A finding as text: the sentence, the source with its places, how they came
/// there, the mend, where to read on and how to see it again.
pub fn finding(source: &Source, finding: &Finding, style: &Style) -> String {
    let style = style.within_bounds();
    finding::describe(source, finding, &style).render(source, &style)
}

/// The same where more follows: an empty line parts them, but for those that are one line each.
pub fn paragraph(source: &Source, one: &Finding, style: &Style) -> String {
    finding(source, one, style) + if style.quiet { "" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::finding::{Access, AccessKind, Certainty, Code, Facts, TaskFacts};
    use crate::lang::ast::Span;

    #[test]
    fn errors_in_the_order_of_the_source() {
        let source = Source::new("bank.conc", "var balance = 100\nballance += 1\nvar balance = 2\n");
        let errors = [
            ScriptError::new(Span::new(36, 43), "balance is defined twice")
                .label("again here")
                .related(Span::new(4, 11), "first here"),
            ScriptError::new(Span::new(18, 26), "there is no name ballance")
                .label("not defined")
                .help("did you mean `balance`"),
        ];
        insta::assert_snapshot!(script_errors(&source, &errors, &Style::default()), @r#"
        error: there is no name ballance
           ╭─[bank.conc:2:1]
         1 │ var balance = 100
         2 │ ballance += 1
           · ────┬───
           ·     ╰── not defined
         3 │ var balance = 2
           ╰────
          = help: did you mean `balance`

        error: balance is defined twice
           ╭─[bank.conc:3:5]
         1 │ var balance = 100
           ·     ───┬───
           ·        ╰── first here
         2 │ ballance += 1
         3 │ var balance = 2
           ·     ───┬───
           ·        ╰── again here
           ╰────

        2 errors in bank.conc; nothing ran
        "#);
    }

    fn task(name: &str, serial: u32) -> TaskFacts {
        TaskFacts {
            serial,
            name: name.into(),
            process: false,
            home: None,
            pid: 0,
            tid: 0,
            spawned: None,
            spawner: None,
        }
    }

    fn race(a: Span, b: Span) -> Finding {
        let access = |serial, name: &str, span| Access {
            task: task(name, serial),
            span,
            kind: AccessKind::Write,
            value: Some("a \n\u{1b}[2J value that is quite long, longer than others".into()),
            held: vec![],
        };
        let facts =
            Facts::Race { variable: "x".into(), declared: None, earlier: access(1, "a", a), later: access(2, "b", b) };
        let (code, certainty) = (Code::Race, Certainty::Found);
        Finding { code, certainty, count: 1, on: vec!["x".into()], also_on: Vec::new(), facts, schedule: None }
    }

    #[test]
    fn no_span_and_no_text_can_break_a_report() {
        let texts =
            ["", "\n", "\n\n\n", "x", "\u{e9}\u{4e2d}\tx\r\n\r y \u{1b}[31m\n", "a\n\n  \n\tb = \u{1f600} + 1   "];
        for text in texts {
            let source = Source::new("s.conc", text);
            for (n, m) in (0..30).flat_map(|n| (0..30).map(move |m| (n, m))) {
                for width in [0, 40, 80] {
                    let style = Style { width, ..Style::default() };
                    let report = finding(&source, &race(Span { start: n, end: m }, Span { start: m, end: 40 }), &style);
                    assert!(!report.contains('\u{1b}') && !report.contains('\r'), "{report}");
                    assert!(report.contains("conc explain race"), "{report}");
                }
            }
        }
    }

    #[test]
    fn a_label_far_to_the_right_finds_room() {
        for indent in [0, 20, 45, 60, 74] {
            let text = format!("{}total = total + other\n", " ".repeat(indent));
            let source = Source::new("s.conc", text);
            let span = Span::new(indent, indent + 21);
            let report = finding(&source, &race(span, span), &Style::default());
            let own = |line: &&str| !line.contains("total =") && !line.contains('\u{252c}') && !line.contains("(1)");
            let wide = report.lines().filter(own).find(|l| l.chars().count() > 80);
            assert_eq!(wide, None, "{report}");
            assert!(report.contains("quite"), "{report}");
        }
    }

    #[test]
    fn wide_lines_are_cut_around_their_places() {
        let text = "# a comment that is much too wide for so narrow a terminal as this one is\n\
                    with left_account { with right_account { balance = balance + amount_to_move } }\n\
                    total = sum(first_account, second_account, third_account, fourth_account)\n";
        let source = Source::new("wide.conc", text);
        let span = |word: &str| Span::new(text.find(word).unwrap(), text.find(word).unwrap() + word.len());
        let report = |a: &str, b: &str, style: &Style| {
            let report = finding(&source, &race(span(a), span(b)), style);
            let widest = report.lines().map(phrase::columns).max();
            assert!(widest <= Some(style.width), "{report}");
            report
        };
        let narrow = Style { width: 40, ..Style::default() };
        insta::assert_snapshot!(report("balance", "total", &narrow), @r#"
        error[race]: two tasks write x, and
        nothing orders them
           ╭─[wide.conc:3:1]
         1 │ # a comment that is much too wide …
         2 │ …ht_account { balance = balance + …
           ·               ───┬───
           ·                  ╰── (1)
         3 │ total = sum(first_account, second_…
           · ──┬──
           ·   ╰─┤ b writes a \n\u{1b}[2J value
           ·     │ that is quite long, longe…
           ╰────
          = at: (1) a writes a \n\u{1b}[2J value
                that is quite long, longe…
          = note: neither holds a lock
          = help: put every access inside `with
                  m { … }` with one `lock m`; or
                  declare `atomic x` and change
                  it in one step, such as
                  `x.store(v)`
          = explain: conc explain race
        "#);
        insta::assert_snapshot!(report("balance", "amount_to_move", &narrow), @r#"
        error[race]: two tasks write x, and
        nothing orders them
           ╭─[wide.conc:2:62]
         1 │ # a comment that is much too wide …
         2 │ … { balance = ba… amount_to_move…
           ·     ───┬───       ───────┬──────
           ·        │                 ╰── (1)
           ·        ╰─┤ a writes a \n\u{1b}[2J
           ·          │ value that is quite
           ·          │ long, longe…
         3 │ total = sum(first_account, second_…
           ╰────
          = at: (1) b writes a \n\u{1b}[2J value
                that is quite long, longe…
          = note: neither holds a lock
          = help: put every access inside `with
                  m { … }` with one `lock m`; or
                  declare `atomic x` and change
                  it in one step, such as
                  `x.store(v)`
          = explain: conc explain race
        "#);
        insta::assert_snapshot!(report("with", "amount_to_move", &narrow), @r#"
        error[race]: two tasks write x, and
        nothing orders them
           ╭─[wide.conc:2:62]
         1 │ # a comment that is much too wide …
         2 │ with left_accou… amount_to_move…
           · ──┬─             ───────┬──────
           ·   │                     ╰── (1)
           ·   ╰─┤ a writes a \n\u{1b}[2J value
           ·     │ that is quite long, longe…
         3 │ total = sum(first_account, second_…
           ╰────
          = at: (1) b writes a \n\u{1b}[2J value
                that is quite long, longe…
          = note: neither holds a lock
          = help: put every access inside `with
                  m { … }` with one `lock m`; or
                  declare `atomic x` and change
                  it in one step, such as
                  `x.store(v)`
          = explain: conc explain race
        "#);
        insta::assert_snapshot!(report("left_account", "fourth_account", &Style { unicode: false, ..narrow }), @r#"
        error[race]: two tasks write x, and
        nothing orders them
           ,-[wide.conc:3:59]
         1 | # a comment that is much too wid...
         2 | with left_account { with right_a...
           :      ^^|^^
           :        `-| a writes a \n\u{1b}[2J
           :          | value that is quite
           :          | long, longe...
         3 | ..., third_account, fourth_account)
           :                     ^^^^^^^|^^^^^^
           :                            `-- (1)
           `----
          = at: (1) b writes a \n\u{1b}[2J value
                that is quite long, longe...
          = note: neither holds a lock
          = help: put every access inside `with
                  m { ... }` with one `lock m`;
                  or declare `atomic x` and
                  change it in one step, such as
                  `x.store(v)`
          = explain: conc explain race
        "#);
        let wide = report("balance", "total", &Style { width: 120, ..narrow });
        assert!(text.lines().all(|line| wide.contains(line)), "{wide}");
    }

    #[test]
    fn colour_only_where_it_is_wanted() {
        let source = Source::new("s.conc", "x = 1\n");
        let found = race(Span::new(0, 1), Span::new(0, 1));
        let colored = finding(&source, &found, &Style { color: true, ..Style::default() });
        assert!(colored.starts_with("\u{1b}[1;31merror[race]\u{1b}[0m"), "{colored:?}");
        let quiet = finding(&source, &found, &Style { quiet: true, ..Style::default() });
        assert_eq!(quiet, "s.conc:1:1: error[race]: two tasks write x, and nothing orders them\n");
        assert_eq!(paragraph(&source, &found, &Style { quiet: true, ..Style::default() }), quiet);
        assert!(paragraph(&source, &found, &Style::default()).ends_with("\n\n"));
    }
}
