//! `invariant`: a step after which an invariant no longer held, or that it never did. Its
//! sentence, labels and mend.

use crate::detect::finding::{Code, TaskFacts, Undecided};
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::who;

/// So many values stand in the label, the others in a note.
const VALUES_MAX: usize = 4;
/// Longer values are cut.
const VALUE_WIDTH_MAX: usize = 40;
/// A longer reason is shown whole in a note.
const WHY_WIDTH_MAX: usize = 120;

/// The invariant, and what was seen of it.
pub struct Broken<'a> {
    pub invariant: Span,
    pub values: &'a [(String, String)],
    /// Why it is not false either.
    pub why: Option<&'a Undecided>,
}

/// Describes the step that broke an invariant. Without one it did not hold before the first.
pub fn describe(source: &Source, task: &TaskFacts, step: Option<Span>, broken: &Broken, style: &Style) -> Diagnostic {
    let line = source.line(broken.invariant);
    let happened = match (broken.why, step) {
        (Some(_), _) => "cannot be worked out",
        (None, Some(_)) => "no longer holds",
        (None, None) => "is false",
    };
    let when = match step {
        Some(_) => format!("after a step of {}", task.name),
        None => "before the first step".to_string(),
    };
    let message = format!("the invariant of line {line} {happened} {when}");
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::Invariant.word()), message);
    if let Some(span) = step {
        diagnostic.place(Place::new(span, format!("after this step of {}", task.name)).primary());
    }
    let shown: Vec<String> =
        broken.values.iter().map(|(n, v)| format!("{n} is {}", phrase::cut(v, VALUE_WIDTH_MAX))).collect();
    let (said, then) = match broken.why {
        Some(why) => (phrase::cut(&why.text, WHY_WIDTH_MAX), "; "),
        None => ("this is not true".to_string(), ": "),
    };
    let label = match shown.is_empty() {
        true => said,
        false => format!("{said}{then}{}", phrase::list(&shown, VALUES_MAX)),
    };
    let place = Place::new(broken.invariant, label);
    diagnostic.place(if step.is_some() { place } else { place.primary() });
    // Within a function that the invariant calls.
    if let Some(failed) = broken.why.and_then(|why| why.failed)
        && !(broken.invariant.start <= failed.start && failed.end <= broken.invariant.end)
    {
        diagnostic.place(Place::new(failed, "it fails here"));
    }
    if shown.len() > VALUES_MAX {
        diagnostic.lines("values", shown);
    }
    if let Some(why) = broken.why.filter(|why| phrase::columns(&why.text) > WHY_WIDTH_MAX) {
        diagnostic.note(format!("why: {}", why.text));
    }
    who::introduce(&mut diagnostic, step.map(|_| task).as_slice(), style);
    diagnostic.help(match broken.why {
        None if step.is_none() => "an invariant holds from the start on: begin with values for which it is true",
        None => {
            "make the steps that break and mend it one: `atomically { … }`; the invariant is looked at after every \
                 step"
        }
        Some(Undecided { failed: Some(_), .. }) => {
            "the invariant is looked at after every step, so it must say something of every moment: `n == 0 or \
             sum / n < 10`"
        }
        Some(_) => "an invariant is true or false: compare what it gives, `x == 1`",
    });
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::Facts;

    #[test]
    fn a_step_that_breaks_it() {
        let source = Source::new("s.conc", "var a = 50\nvar b = 50\ninvariant a + b == 100\n\n\n\na -= 10\nb += 10\n");
        let facts = Facts::Invariant {
            task: TaskFacts { process: true, ..thread(0, "main", None) },
            step: Some(at(&source, "a -= 10", 0)),
            invariant: at(&source, "a + b == 100", 0),
            values: vec![("a".into(), "40".into()), ("b".into(), "50".into())],
            why: None,
        };
        insta::assert_snapshot!(text(&source, &finding(Code::Invariant, &["a", "b"], facts)), @r#"
        error[invariant]: the invariant of line 3 no longer holds after a step of main
           ╭─[s.conc:3:11]
         3 │ invariant a + b == 100
           ·           ──────┬─────
           ·                 ╰── this is not true: a is 40 and b is 50
           ╰────
           ╭─[s.conc:7:1]
         7 │ a -= 10
           · ───┬───
           ·    ╰── after this step of main
         8 │ b += 10
           ╰────
          = tasks: main is process 4711
          = help: make the steps that break and mend it one: `atomically { … }`; the
                  invariant is looked at after every step
          = explain: conc explain invariant
        "#);
    }

    #[test]
    fn one_that_never_held() {
        let source = Source::new("s.conc", "var a = 5\ninvariant a < 2\nprint 1\n");
        let facts = Facts::Invariant {
            task: TaskFacts { process: true, ..thread(0, "main", None) },
            step: None,
            invariant: at(&source, "a < 2", 0),
            values: vec![("a".into(), "5".into())],
            why: None,
        };
        insta::assert_snapshot!(text(&source, &finding(Code::Invariant, &["a"], facts)), @r#"
        error[invariant]: the invariant of line 2 is false before the first step
           ╭─[s.conc:2:11]
         1 │ var a = 5
         2 │ invariant a < 2
           ·           ──┬──
           ·             ╰── this is not true: a is 5
         3 │ print 1
           ╰────
          = help: an invariant holds from the start on: begin with values for which it
                  is true
          = explain: conc explain invariant
        "#);
    }

    #[test]
    fn one_that_cannot_be_worked_out() {
        let text_of_it = "shared n = 1\ninvariant mean() < 3\nfn mean() { return 6 / n }\n\n\n\nn = 0\n";
        let source = Source::new("s.conc", text_of_it);
        let facts = |why| Facts::Invariant {
            task: TaskFacts { process: true, ..thread(0, "main", None) },
            step: Some(at(&source, "n = 0", 0)),
            invariant: at(&source, "mean() < 3", 0),
            values: vec![("n".into(), "0".into())],
            why: Some(why),
        };
        let why = Undecided { text: "it ends with DivideByZero: 6 / 0".into(), failed: Some(at(&source, "6 / n", 0)) };
        insta::assert_snapshot!(text(&source, &finding(Code::Invariant, &["n"], facts(why))), @r#"
        error[invariant]: the invariant of line 2 cannot be worked out after a step of
        main
           ╭─[s.conc:2:11]
         2 │ invariant mean() < 3
           ·           ─────┬────
           ·                ╰── it ends with DivideByZero: 6 / 0; n is 0
         3 │ fn mean() { return 6 / n }
           ·                    ──┬──
           ·                      ╰── it fails here
           ╰────
           ╭─[s.conc:7:1]
         7 │ n = 0
           · ──┬──
           ·   ╰── after this step of main
           ╰────
          = tasks: main is process 4711
          = help: the invariant is looked at after every step, so it must say something
                  of every moment: `n == 0 or sum / n < 10`
          = explain: conc explain invariant
        "#);
        let why = Undecided { text: "it is 2, which is not true and not false".into(), failed: None };
        let told = text(&source, &finding(Code::Invariant, &["n"], facts(why)));
        assert!(told.contains("╰── it is 2, which is not true and not false; n is 0\n"), "{told}");
        assert!(told.contains("compare what it gives"), "{told}");
        let long = Undecided { text: format!("it ends with Raised: {}", "x".repeat(200)), failed: None };
        let told = text(&source, &finding(Code::Invariant, &["n"], facts(long)));
        assert_eq!(told.matches('x').count() / 200, 1, "whole, in the note: {told}");
    }
}
