//! The notes, which are told and are no failure: `orphan`, `zombie`,
//! `dropped-jobs`, `unjoined`, `left-in-queue`. Sentences, labels and mends.

use crate::detect::finding::{Code, Ending, TaskFacts};
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::{Style, phrase};

use super::{way_out, who};

/// Longer values are cut.
const VALUE_WIDTH_MAX: usize = 60;

fn new(code: Code, message: String) -> Diagnostic {
    Diagnostic::new(Severity::Note, Some(code.word()), message)
}

/// A child outlived its parent.
pub fn orphan(child: &TaskFacts, parent: &TaskFacts, ending: &Ending, style: &Style) -> Diagnostic {
    let how = who::ending(ending);
    let mut diagnostic = new(Code::Orphan, format!("{} outlived its parent {}, which {how}", child.name, parent.name));
    who::introduce(&mut diagnostic, &[child, parent], style);
    diagnostic.note("conc took the part of init: it became the parent and reaped it");
    diagnostic.help(format!("`wait()` in {} before it ends", parent.name));
    diagnostic
}

/// An ended child was never waited for.
pub fn zombie(child: &TaskFacts, parent: &TaskFacts, style: &Style) -> Diagnostic {
    let message = format!("{} has ended, and its parent {} never waited for it", child.name, parent.name);
    let mut diagnostic = new(Code::Zombie, message);
    who::introduce(&mut diagnostic, &[child, parent], style);
    diagnostic
        .help(format!("`wait()` or `wait(pid)` in {} takes its exit code and lets the kernel forget it", parent.name));
    diagnostic
}

/// Jobs of a pool that never ran.
pub fn dropped_jobs(
    pool: &str,
    declared: Option<Span>,
    jobs: u64,
    submitted: Option<Span>,
    closed: bool,
) -> Diagnostic {
    let mut diagnostic = new(Code::DroppedJobs, format!("{} of pool {pool} never ran", phrase::count(jobs, "job")));
    if let Some(span) = submitted {
        let label = if jobs == 1 { "it was submitted here" } else { "the first of them was submitted here" };
        diagnostic.place(Place::new(span, label).primary());
    }
    if let Some(span) = declared {
        diagnostic.place(Place::new(span, format!("{pool} is declared here")));
    }
    diagnostic.help(match closed {
        true => format!("`join {pool}` after `{pool}.close()` waits for them"),
        false => format!("`{pool}.close()` and then `join {pool}` wait for the jobs"),
    });
    diagnostic
}

/// A task's error or result that nobody collected.
pub fn unjoined(task: &TaskFacts, value: &str, style: &Style) -> Diagnostic {
    let value = phrase::cut(value, VALUE_WIDTH_MAX);
    let mut diagnostic = new(Code::Unjoined, format!("nobody collected what {} gave: {value}", task.name));
    who::introduce(&mut diagnostic, &[task], style);
    diagnostic.help("keep the handle and `join` it: `let w = spawn …`, `join w`, then `w.result`");
    diagnostic
}

/// Values left in a queue at the end.
pub fn left_in_queue(queue: &str, declared: Option<Span>, values: u64) -> Diagnostic {
    let verb = if values == 1 { "is" } else { "are" };
    let message = format!("{} {verb} left in queue {queue} at the end", phrase::count(values, "value"));
    let mut diagnostic = new(Code::LeftInQueue, message);
    if let Some(span) = declared {
        diagnostic.place(Place::new(span, format!("{queue} is declared here")).primary());
    }
    let code = way_out::in_code(queue);
    diagnostic.help(format!("take what was put before the end: `{code}.close()`, then `for v in {code} {{ … }}`"));
    diagnostic
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::{Facts, Finding};
    use crate::report::Source;

    fn forked() -> (Source, TaskFacts, TaskFacts) {
        let source = Source::new("s.conc", "let pid = fork()\nif pid == 0 { sleep 1s }\n");
        let child = process(1, "main/1", Some(at(&source, "fork()", 0)));
        let parent = TaskFacts { process: true, ..thread(0, "main", None) };
        (source, child, parent)
    }

    #[test]
    fn a_child_that_outlived_its_parent() {
        let (source, child, parent) = forked();
        let facts = Facts::Orphan { child, parent, parent_ending: Ending::Returned };
        insta::assert_snapshot!(text(&source, &finding(Code::Orphan, &[], facts)), @r#"
        note[orphan]: main/1 outlived its parent main, which has ended
           ╭─[s.conc:1:11]
         1 │ let pid = fork()
           ·           ───┬──
           ·              ╰── main spawned main/1 here
           ╰────
          = tasks: main/1 is process 4712
                   main is process 4711
          = note: conc took the part of init: it became the parent and reaped it
          = help: `wait()` in main before it ends
          = explain: conc explain orphan
        "#);
    }

    #[test]
    fn a_child_that_nobody_waited_for() {
        let (source, child, parent) = forked();
        let facts = Facts::Zombie { child, parent };
        insta::assert_snapshot!(text(&source, &finding(Code::Zombie, &[], facts)), @r#"
        note[zombie]: main/1 has ended, and its parent main never waited for it
           ╭─[s.conc:1:11]
         1 │ let pid = fork()
           ·           ───┬──
           ·              ╰── main spawned main/1 here
           ╰────
          = tasks: main/1 is process 4712
                   main is process 4711
          = help: `wait()` or `wait(pid)` in main takes its exit code and lets the
                  kernel forget it
          = explain: conc explain zombie
        "#);
    }

    #[test]
    fn a_line_says_how_many_it_stands_for() {
        let (source, child, parent) = forked();
        let found = Finding { count: 30, ..finding(Code::Zombie, &[], Facts::Zombie { child, parent }) };
        let line = crate::report::finding(&source, &found, &Style { quiet: true, ..Style::default() });
        assert!(line.ends_with(" never waited for it (and 29 more like it)\n"), "{line}");
        assert!(text(&source, &found).contains("  = note: and 29 more like it\n"));
    }

    #[test]
    fn jobs_values_and_results_left_behind() {
        let source = Source::new("s.conc", "pool p(1)\nsubmit job(1) to p\nqueue q\nspawn square(4)\n");
        let jobs = Facts::DroppedJobs {
            pool: "p".into(),
            declared: Some(at(&source, "pool p(1)", 0)),
            count: 3,
            submitted: Some(at(&source, "submit job(1) to p", 0)),
            closed: false,
        };
        insta::assert_snapshot!(text(&source, &finding(Code::DroppedJobs, &["p"], jobs)), @r#"
        note[dropped-jobs]: 3 jobs of pool p never ran
           ╭─[s.conc:2:1]
         1 │ pool p(1)
           · ────┬────
           ·     ╰── p is declared here
         2 │ submit job(1) to p
           · ─────────┬────────
           ·          ╰── the first of them was submitted here
         3 │ queue q
           ╰────
          = help: `p.close()` and then `join p` wait for the jobs
          = explain: conc explain dropped-jobs
        "#);
        let values = Facts::LeftInQueue { queue: "q".into(), declared: Some(at(&source, "queue q", 0)), count: 1 };
        insta::assert_snapshot!(text(&source, &finding(Code::LeftInQueue, &["q"], values)), @r#"
        note[left-in-queue]: 1 value is left in queue q at the end
           ╭─[s.conc:3:1]
         2 │ submit job(1) to p
         3 │ queue q
           · ───┬───
           ·    ╰── q is declared here
         4 │ spawn square(4)
           ╰────
          = help: take what was put before the end: `q.close()`, then `for v in q { … }`
          = explain: conc explain left-in-queue
        "#);
        let task = thread(1, "square", Some(at(&source, "spawn square(4)", 0)));
        let result = Facts::Unjoined { task, value: "16".into() };
        insta::assert_snapshot!(text(&source, &finding(Code::Unjoined, &["square"], result)), @r#"
        note[unjoined]: nobody collected what square gave: 16
           ╭─[s.conc:4:1]
         4 │ spawn square(4)
           · ───────┬───────
           ·        ╰── main spawned square here
           ╰────
          = tasks: square is a thread of process 4711
          = help: keep the handle and `join` it: `let w = spawn …`, `join w`, then
                  `w.result`
          = explain: conc explain unjoined
        "#);
    }
}
