//! `invariant`: a step after which an invariant no longer held. Its sentence,
//! labels and mend.

use crate::detect::finding::{Code, TaskFacts};
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::who;

/// So many values stand in the label, the others in a note.
const VALUES_MAX: usize = 4;
/// Longer values are cut.
const VALUE_WIDTH_MAX: usize = 40;

/// Describes the step at `span` that broke the invariant at `invariant`.
pub fn describe(
    source: &Source,
    task: &TaskFacts,
    span: Span,
    invariant: Span,
    values: &[(String, String)],
    style: &Style,
) -> Diagnostic {
    let line = source.line(invariant);
    let message = format!("the invariant of line {line} no longer holds after a step of {}", task.name);
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::Invariant.word()), message);
    diagnostic.place(Place::new(span, format!("after this step of {}", task.name)).primary());
    let shown: Vec<String> =
        values.iter().map(|(n, v)| format!("{n} is {}", phrase::cut(v, VALUE_WIDTH_MAX))).collect();
    let label = match shown.is_empty() {
        true => "this is not true".to_string(),
        false => format!("this is not true: {}", phrase::list(&shown, VALUES_MAX)),
    };
    diagnostic.place(Place::new(invariant, label));
    if shown.len() > VALUES_MAX {
        diagnostic.lines("values", shown);
    }
    who::introduce(&mut diagnostic, &[task], style);
    diagnostic.help(
        "make the steps that break and mend it one: `atomically { … }`; the invariant is looked at after every step",
    );
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
            span: at(&source, "a -= 10", 0),
            invariant: at(&source, "a + b == 100", 0),
            values: vec![("a".into(), "40".into()), ("b".into(), "50".into())],
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
}
