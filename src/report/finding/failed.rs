//! `assertion` and `error`: a task ended by an error that nobody caught. Its
//! sentence, labels and the mend for each kind of error.

use crate::detect::finding::{Code, Held, TaskFacts};
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::who;

/// So many calls are shown, the innermost first.
const CALLS_MAX: usize = 6;
/// Longer messages are shown whole in a note and cut in the sentence.
const MESSAGE_WIDTH_MAX: usize = 120;

/// What failed, where, and in which calls.
pub struct Failure<'a> {
    /// `None` in `finally`.
    pub task: Option<&'a TaskFacts>,
    /// The job that the task, a worker, was at: it has failed, the worker goes on.
    pub job: Option<&'a str>,
    /// It was a statement at the prompt, which ends and `main` does not.
    pub at_prompt: bool,
    pub span: Span,
    pub kind: &'a str,
    pub message: &'a str,
    pub calls: &'a [Span],
    pub holds: &'a [Held],
}

/// Describes an error that nobody caught, or an assertion.
pub fn describe(source: &Source, code: Code, failure: &Failure, style: &Style) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(code.word()), sentence(code, failure));
    diagnostic.place(place(code, failure));
    for call in failure.calls.iter().take(CALLS_MAX) {
        diagnostic.place(Place::new(*call, "called from here"));
    }
    if failure.calls.len() > CALLS_MAX {
        diagnostic.note(format!("and {} further out", phrase::count((failure.calls.len() - CALLS_MAX) as u64, "call")));
    }
    if phrase::columns(failure.message) > MESSAGE_WIDTH_MAX {
        diagnostic.note(format!("the message: {}", failure.message));
    }
    if !failure.holds.is_empty() {
        diagnostic.note(format!("it held {}", who::held(source, failure.holds)));
    }
    if let Some(task) = failure.task {
        if failure.job.is_some() {
            diagnostic.note(format!("{} carried it out and goes on with other jobs", task.name));
        } else if failure.at_prompt {
            diagnostic.note(format!("{} goes on with the next statement", task.name));
        } else if code == Code::Error && (task.spawner.is_some() || others(source)) {
            diagnostic.note("the other tasks go on without it");
        }
        who::introduce(&mut diagnostic, &[task], style);
    }
    diagnostic.help(mend(failure.kind, failure.message));
    diagnostic
}

fn sentence(code: Code, failure: &Failure) -> String {
    let message = phrase::cut(failure.message.trim_end_matches('.'), MESSAGE_WIDTH_MAX);
    let place = match (failure.task, failure.job) {
        (None, _) => "finally".to_string(),
        (Some(_), Some(job)) => format!("job {job}"),
        (Some(task), None) => task.name.clone(),
    };
    let text = match (code, failure.task) {
        (Code::Assertion, _) => format!("an assertion in {place} failed"),
        (_, _) if failure.at_prompt && failure.kind == "Raised" => {
            format!("a statement of {place} raised an error that nobody caught")
        }
        (_, _) if failure.at_prompt => {
            let error = phrase::one(&format!("{} error", failure.kind));
            format!("a statement of {place} ended with {error} that nobody caught")
        }
        (_, _) if failure.kind == "Raised" => format!("{place} raised an error that nobody caught"),
        (_, _) => format!("{place} ended with {} that nobody caught", phrase::one(&format!("{} error", failure.kind))),
    };
    if message.is_empty() { text } else { format!("{text}: {message}") }
}

fn place(code: Code, failure: &Failure) -> Place {
    let what = match code {
        Code::Assertion => "finds this false".to_string(),
        _ => format!("fails here with {}", failure.kind),
    };
    match failure.task {
        Some(task) => Place::of(&task.name, failure.span, what).primary(),
        None => Place::new(failure.span, format!("finally {what}")).primary(),
    }
}

/// Whether `main` may have others beside it: nothing else makes a task.
fn others(source: &Source) -> bool {
    let mut words = source.text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| matches!(word, "spawn" | "submit" | "fork"))
}

/// By the name that the message ends with, `(lock mm)`, unless that is none to be written, as
/// `lock k (line 9)` or `lock S.mu`.
fn not_owner(message: &str) -> String {
    let named = ["(lock ", "(rwlock "].iter().find_map(|kind| message.rsplit_once(kind)?.1.strip_suffix(')'));
    let name = named.filter(|name| !name.contains([' ', '.'])).unwrap_or("m");
    match message {
        _ if message.starts_with("`release_read`") => {
            format!("only a task that reads under it may do this: `with {name}.read {{ … }}` pairs them")
        }
        _ if message.starts_with("`release_write`") => {
            format!("only the task that writes under it may do this: `with {name}.write {{ … }}` pairs them")
        }
        _ => format!(
            "only the task that holds it may do this: `with {name} {{ … }}` pairs them, and a `semaphore` may be \
             released by anybody"
        ),
    }
}

fn mend(kind: &str, message: &str) -> String {
    match kind {
        "Assertion" => "`conc run --repeat 100 --shake` shows how often it fails, and what else is found",
        "Empty" => "`get` without a `timeout:` waits for a value; or `try { … } catch Empty { … }`",
        "Full" => "`put` without a `timeout:` waits for room; or `try { … } catch Full { … }`",
        "Closed" if message.starts_with("the manager") => {
            "a queue `via manager` goes when its manager's process is killed: `catch Closed { … }` where the \
                       script should go on without it"
        }
        "Closed" if message.starts_with("`submit`") => {
            "`submit` before `close`: close the pool when all its jobs are submitted; or `catch Closed { … }`"
        }
        "Closed" => "`close` once, after every `put`, for instance after `join all`; or `catch Closed { … }`",
        "NotOwner" => return not_owner(message),
        "BrokenBarrier" => "`reset()` mends a barrier that was aborted or timed out; or `catch BrokenBarrier { … }`",
        "Negative" => "`count_down` no more often than the latch counts; `add` before spawning",
        "Overflow" => overflow(message),
        "DivideByZero" => "look first: `if n != 0 { … }`",
        "Index" => "look first: `if i < len(xs) { … }`",
        "Type" if message.starts_with("a task has no method") => {
            "`join h`, `terminate h` and `kill h` are statements; a task has fields: `h.alive`, `h.result`"
        }
        "Type" => mistyped(message),
        _ => "catch it: `try { … } catch any as e { … }`",
    }
    .to_string()
}

/// What has a limit: calls, strings, lists, memory, and integers.
fn overflow(message: &str) -> &'static str {
    let about = |what: &str| message.starts_with(what);
    if about("calls are nested") {
        "a function that calls itself needs an end that is reached, such as `if n == 0 { return 0 }`; or write a loop"
    } else if about("a string has at most") {
        "keep the string shorter: `print` its parts, or put them into a list or a queue"
    } else if about("a range as a list") {
        "`for i in a..b { … }` goes over a range without a list of it"
    } else if about("a list has at most") {
        "keep the list shorter: hand its elements on as they come, for instance through a queue"
    } else if about("lists can be") {
        "`xs = xs + [v]` adds an element; `[xs, v]` puts the list inside a new one"
    } else if about("there is no memory") {
        "keep fewer and smaller values, or `catch Overflow { … }`"
    } else {
        "integers have 64 bits: keep the values smaller, or `catch Overflow { … }`"
    }
}

/// What was meant where a value is not of the kind that is taken.
fn mistyped(message: &str) -> &'static str {
    let about = |what: &str| message.starts_with(what);
    let ends = |what: &str| message.ends_with(what);
    if about("a condition is a bool") {
        return if ends("an integer") {
            "compare: `x != 0`"
        } else if ends("none") {
            // Of a call: what it calls has no `return`.
            "what it calls is to give one: `return x == 1`; for the end of a task `join h` waits"
        } else {
            "compare with `==`, `!=` or `<`"
        };
    }
    if about("a task can be ended, not a list") {
        "one at a time: `for h in hs { terminate h }`"
    } else if about("`join` takes") && ends("an integer") {
        "what `fork()` gives is a pid: `wait(h)` reaps it; `join` waits for what `spawn` gave"
    } else if about("a job cannot be") {
        "`p.terminate()` ends the pool with its jobs"
    } else if about("only a process can be killed") {
        "`terminate h` stops a thread; `spawn process` makes a task that can be killed"
    } else if about("an `atomically` block is one task's") {
        "`fork()` before the block or after it"
    } else if about("an `atomically` block must not wait") {
        "wait before the block, or begin it with what it waits for: `atomically { await c … }`"
    } else if about("the condition of an `await` must not wait") {
        "wait first and look then: `let v = q.get()`, then `await v == 1`"
    } else if about("a list has no method") {
        "one of a row has methods: `m[0].acquire()`"
    } else if about("`with` takes") && ends("a list") {
        "take one of the row: `with m[0] { … }`"
    } else if message.contains(" is at least ") {
        "give a count that is large enough"
    } else if about("`*` cannot take a duration and a duration") {
        "a duration times an integer: `5ms * 5`"
    } else if message.contains("a string") && message.contains("an integer") {
        "give it what it takes; between strings and integers `str(v)` and `int(v)` convert"
    } else {
        "give it what it takes, or `catch Type { … }`"
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::Facts;

    #[test]
    fn each_limit_and_each_kind_has_its_own_mend() {
        for (kind, message, part) in [
            ("Overflow", "calls are nested more than 1000 deep", "an end that is reached"),
            ("Overflow", "a string has at most 16 MiB, and this would have more", "keep the string shorter"),
            ("Overflow", "a list has at most 10 elements, and this would have more", "keep the list shorter"),
            ("Overflow", "1 + 2 does not fit into an integer of 64 bits", "integers have 64 bits"),
            ("Closed", "`submit` to a closed pool", "`submit` before `close`"),
            ("Closed", "`put` on a closed queue", "after every `put`"),
            ("Type", "a condition is a bool, and this is an integer", "`x != 0`"),
            ("Type", "a task can be ended, not a list", "for h in hs { terminate h }"),
            ("Type", "`join` takes a handle, a list of them or a pool, not an integer", "`wait(h)`"),
            ("Type", "a job cannot be killed; its pool can end: `p.terminate()`", "ends the pool"),
            ("Type", "`n` is at least 0, and this is -1 (condition c)", "a count"),
            ("Type", "`+` cannot take a string and an integer", "`str(v)` and `int(v)`"),
            ("Type", "`pid` is none of these", "give it what it takes, or"),
        ] {
            assert!(mend(kind, message).contains(part), "{kind}: {message}: {}", mend(kind, message));
        }
    }

    #[test]
    fn an_assertion_in_finally() {
        let source = bank();
        let span = at(&source, "assert balance == 160, \"lost update\"", 0);
        let (kind, message) = ("Assertion".to_string(), "lost update: 150".to_string());
        let facts = Facts::Failed { task: None, job: None, span, kind, message, calls: vec![], holds: vec![] };
        insta::assert_snapshot!(text(&source, &finding(Code::Assertion, &[], facts)), @r#"
        error[assertion]: an assertion in finally failed: lost update: 150
            ╭─[bank.conc:14:11]
         13 │ join all
         14 │ finally { assert balance == 160, "lost update" }
            ·           ──────────────────┬─────────────────
            ·                             ╰── finally finds this false
            ╰────
          = help: `conc run --repeat 100 --shake` shows how often it fails, and what
                  else is found
          = explain: conc explain assertion
        "#);
    }

    #[test]
    fn an_error_in_a_call_with_a_lock() {
        let source = Source::new(
            "s.conc",
            "queue q\nlock m\nfn take() { return q.get_nowait() }\n\
             task t {\n    with m { print take() }\n}\nspawn t\n",
        );
        let facts = Facts::Failed {
            task: Some(thread(1, "t", Some(at(&source, "spawn t", 0)))),
            job: None,
            span: at(&source, "q.get_nowait()", 0),
            kind: "Empty".into(),
            message: "q is empty".into(),
            calls: vec![at(&source, "take()", 1)],
            holds: vec![holds("m", at(&source, "with m", 0))],
        };
        insta::assert_snapshot!(text(&source, &finding(Code::Error, &["q"], facts)), @r#"
        error[error]: t ended with an Empty error that nobody caught: q is empty
           ╭─[s.conc:3:20]
         2 │ lock m
         3 │ fn take() { return q.get_nowait() }
           ·                    ───────┬──────
           ·                           ╰── t fails here with Empty
         4 │ task t {
         5 │     with m { print take() }
           ·                    ───┬──
           ·                       ╰── called from here
         6 │ }
         7 │ spawn t
           · ───┬───
           ·    ╰── main spawned t here
           ╰────
          = note: it held m since line 5
          = note: the other tasks go on without it
          = tasks: t is a thread of process 4711
          = help: `get` without a `timeout:` waits for a value; or `try { … } catch
                  Empty { … }`
          = explain: conc explain error
        "#);
    }
}
