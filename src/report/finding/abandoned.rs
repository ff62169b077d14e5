//! `abandoned-lock` that makes nobody stuck: a task ended while it held a lock.
//! With tasks that are stuck for it, it is told by `stuck`.

use crate::detect::finding::{Code, Ending, Mode, TaskFacts};
use crate::lang::ast::Span;
use crate::report::Style;
use crate::report::diagnostic::{Diagnostic, Place, Severity};

use super::{way_out, who};

/// The lock: its name, how it was held, where it was declared and taken.
pub struct Left<'a> {
    pub lock: &'a str,
    pub mode: Mode,
    pub declared: Option<Span>,
    pub since: Option<Span>,
}

/// Describes a lock that its owner left behind.
pub fn describe(left: &Left, owner: &TaskFacts, ending: &Ending, style: &Style) -> Diagnostic {
    let how = who::ending(ending).replacen("has ended", "ended", 1);
    let message = format!("{} {how} while it held {}{}", owner.name, left.lock, who::mode(left.mode));
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::AbandonedLock.word()), message);
    if let Some(span) = left.since {
        let what = format!("took {}{} here and never let go", left.lock, who::mode(left.mode));
        diagnostic.place(Place::of(&owner.name, span, what).primary());
    }
    if let Some(span) = left.declared {
        diagnostic.place(Place::new(span, format!("{} is declared here", left.lock)));
    }
    // A task that is stuck already may wait for it, and was told then.
    diagnostic.note(format!("nobody can let go of {}: a task that wants it waits for ever", left.lock));
    who::introduce(&mut diagnostic, &[owner], style);
    let with = match left.mode {
        Mode::Exclusive => format!("`with {} {{ … }}`", left.lock),
        Mode::Reading => format!("`with {}.read {{ … }}`", left.lock),
        Mode::Writing => format!("`with {}.write {{ … }}`", left.lock),
    };
    diagnostic.help(way_out::let_go(left.lock, &with, ending));
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::{Ending, Facts};
    use crate::report::Source;

    #[test]
    fn a_task_that_returned_with_a_lock() {
        let source = Source::new("s.conc", "lock m\ntask careless {\n    m.acquire()\n}\nspawn careless\n");
        let facts = Facts::Abandoned {
            lock: "m".into(),
            mode: Mode::Exclusive,
            declared: Some(at(&source, "lock m", 0)),
            owner: thread(1, "careless", Some(at(&source, "spawn careless", 0))),
            since: Some(at(&source, "m.acquire()", 0)),
            ending: Ending::Returned,
        };
        insta::assert_snapshot!(text(&source, &finding(Code::AbandonedLock, &["m"], facts)), @r#"
        error[abandoned-lock]: careless ended while it held m
           ╭─[s.conc:3:5]
         1 │ lock m
           · ───┬──
           ·    ╰── m is declared here
         2 │ task careless {
         3 │     m.acquire()
           ·     ─────┬─────
           ·          ╰── careless took m here and never let go
         4 │ }
         5 │ spawn careless
           · ───────┬──────
           ·        ╰── main spawned careless here
           ╰────
          = note: nobody can let go of m: a task that wants it waits for ever
          = tasks: careless is a thread of process 4711
          = help: take it by `with m { … }`, which lets go however it is left
          = explain: conc explain abandoned-lock
        "#);
    }
}
