//! `race`: two tasks reach one place in memory, at least one writes, and
//! nothing orders them. Its sentence, labels and mend.

use crate::detect::finding::{Access, AccessKind, Held, Mode};
use crate::detect::names::by_number;
use crate::lang::ast::Span;
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::way_out::in_code;
use super::who;

/// Longer values are cut.
const VALUE_WIDTH_MAX: usize = 40;

/// Describes a race on `variable`.
pub fn describe(
    source: &Source,
    variable: &str,
    declared: Option<Span>,
    sides: [&Access; 2],
    style: &Style,
) -> Diagnostic {
    let [earlier, later] = sides;
    let message = sentence(variable, earlier, later);
    let mut diagnostic = Diagnostic::new(Severity::Error, Some("race"), message);
    diagnostic.place(side(source, earlier));
    diagnostic.place(side(source, later).primary());
    if let Some(span) = declared {
        diagnostic.place(Place::new(span, format!("{variable} is declared here")));
    }
    diagnostic.note(locks(earlier, later));
    who::introduce(&mut diagnostic, &[&earlier.task, &later.task], style);
    // Of a row its number of places stands behind its name.
    let count = declared.and_then(|span| source.text.get(span.end as usize..)?.strip_prefix('['));
    let count = count.and_then(|rest| rest.split_once(']')).map(|(count, _)| count);
    let mend = not_taken(source, earlier, later).unwrap_or_else(|| mend(variable, count, earlier, later));
    diagnostic.help(mend);
    diagnostic
}

/// One access: `a writes 110, holding m since line 5`.
fn side(source: &Source, access: &Access) -> Place {
    let value = phrase::cut(access.value.as_deref().unwrap_or("it"), VALUE_WIDTH_MAX);
    let mut what = act(access.kind, &value);
    if !access.held.is_empty() {
        what.push_str(&format!(", holding {}", who::held(source, &access.held)));
    }
    Place::of(&access.task.name, access.span, what)
}

/// `two tasks write x, and nothing orders them`.
fn sentence(variable: &str, a: &Access, b: &Access) -> String {
    let noun = if who::apart(&a.task, &b.task) { "process" } else { "task" };
    let nouns = if noun == "process" { "processes" } else { "tasks" };
    if a.kind == AccessKind::Write && b.kind == AccessKind::Write {
        return format!("two {nouns} write {variable}, and nothing orders them");
    }
    let (first, second) = if writes(a) { (a, b) } else { (b, a) };
    let (first, second) = (act(first.kind, variable), act(second.kind, "it"));
    format!("one {noun} {first} while another {second}, and nothing orders them")
}

fn writes(access: &Access) -> bool {
    matches!(access.kind, AccessKind::Write | AccessKind::AtomicWrite)
}

fn atomic(access: &Access) -> bool {
    matches!(access.kind, AccessKind::AtomicRead | AccessKind::AtomicWrite)
}

/// `writes x`, `reads x atomically`.
fn act(kind: AccessKind, object: &str) -> String {
    match kind {
        AccessKind::Read => format!("reads {object}"),
        AccessKind::Write => format!("writes {object}"),
        AccessKind::AtomicRead => format!("reads {object} atomically"),
        AccessKind::AtomicWrite => format!("writes {object} atomically"),
    }
}

/// Locks that both hold: then they do not exclude each other.
fn shared<'a>(a: &'a Access, b: &Access) -> Vec<&'a str> {
    a.held.iter().filter(|h| b.held.iter().any(|o| o.lock == h.lock)).map(|h| h.lock.as_str()).collect()
}

fn locks(a: &Access, b: &Access) -> String {
    let names = |access: &Access| {
        let names: Vec<&str> = access.held.iter().map(|h| h.lock.as_str()).collect();
        phrase::list(&names, usize::MAX)
    };
    let (first, second) = (&a.task.name, &b.task.name);
    let both = shared(a, b);
    if a.held.is_empty() && b.held.is_empty() {
        "neither holds a lock".into()
    } else if b.held.is_empty() {
        format!("only {first} holds a lock: {}", names(a))
    } else if a.held.is_empty() {
        format!("only {second} holds a lock: {}", names(b))
    } else if both.is_empty() {
        format!("they hold different locks: {first} holds {}, {second} holds {}", names(a), names(b))
    } else if reading(a, &both) || reading(b, &both) {
        format!("both hold {}, but not both for writing", phrase::list(&both, usize::MAX))
    } else {
        format!("both hold {}, which lets several in at once", phrase::list(&both, usize::MAX))
    }
}

fn reading(access: &Access, locks: &[&str]) -> bool {
    access.held.iter().any(|h| h.mode == Mode::Reading && locks.contains(&h.lock.as_str()))
}

/// The statement that takes a lock which another task has taken for this access: of a `rwlock`
/// the side that it needs.
fn with(held: &Held, access: &Access) -> String {
    let lock = in_code(&held.lock);
    match held.mode {
        Mode::Exclusive => format!("`with {lock} {{ … }}`"),
        Mode::Reading | Mode::Writing if writes(access) => format!("`with {lock}.write {{ … }}`"),
        Mode::Reading | Mode::Writing => format!("`with {lock}.read {{ … }}`"),
    }
}

/// Of two that run the same code one may have gone on without the lock that the other has, since
/// nobody looked at whether it was got.
fn not_taken(source: &Source, a: &Access, b: &Access) -> Option<String> {
    let (held, holder, other) = one_sided(a, b).filter(|(_, _, other)| other.held.is_empty())?;
    let since = held.since?;
    let acquires = since.text(&source.text);
    let may_fail = acquires.contains(".acquire") && ["timeout", "blocking"].iter().any(|word| acquires.contains(word));
    let passed = code(holder) == code(other) && since.end <= other.span.start;
    (may_fail && passed).then(|| {
        format!(
            "`{acquires}` gives false where {lock} was not to be had: look at it, `if {acquires} {{ … }}`",
            lock = held.lock
        )
    })
}

/// What a task is called after: of `t#1` it is `t`.
fn code(access: &Access) -> &str {
    access.task.name.split('#').next().unwrap_or_default()
}

/// `count`: of a row how many places it is declared with.
fn mend(variable: &str, count: Option<&str>, a: &Access, b: &Access) -> String {
    let both = shared(a, b);
    if atomic(a) != atomic(b) {
        let plain = if atomic(a) { b } else { a };
        let operation = if writes(plain) { "store(v)" } else { "load()" };
        return format!("make the plain access atomic too: `{}.{operation}`", in_code(variable));
    }
    if let Some(lock) = both.first() {
        return if reading(a, &both) || reading(b, &both) {
            format!("write only inside `with {}.write {{ … }}`", in_code(lock))
        } else {
            format!("put every access inside `with m {{ … }}` with one `lock m`; {lock} does not exclude")
        };
    }
    if let ([one, ..], [another, ..]) = (&a.held[..], &b.held[..])
        && by_number(&one.lock).0 == by_number(&another.lock).0
    {
        return format!(
            "each holds a lock of its own: let all hold the same around every access of {variable}, such as a \
             `lock m` outside of the tasks"
        );
    }
    if !a.held.is_empty() && !b.held.is_empty() {
        let held = &a.held[0];
        let around = match held.mode {
            Mode::Exclusive => format!("{} around every access", with(held, a)),
            _ => format!(
                "`with {0}.write {{ … }}` around every write, `with {0}.read {{ … }}` around every read",
                in_code(&held.lock)
            ),
        };
        return format!("let both hold the same lock: {around} of {variable}");
    }
    if let Some((held, holder, other)) = one_sided(a, b) {
        let (lock, task) = (&held.lock, &other.task.name);
        let mend = format!("let {task} hold {lock} too: {} around its access", with(held, other));
        return match held.mode {
            Mode::Reading if writes(holder) => {
                format!("{mend}, and {} around that of {}", with(held, holder), holder.task.name)
            }
            _ => mend,
        };
    }
    if b.task.spawner.as_deref() == Some(&a.task.name) || a.task.spawner.as_deref() == Some(&b.task.name) {
        return format!(
            "`join` the spawned task first, or put every access inside `with m {{ … }}` with one `lock m`{}",
            one_step(variable, count, a, b)
        );
    }
    format!("put every access inside `with m {{ … }}` with one `lock m`{}", one_step(variable, count, a, b))
}

/// A lock that one of them holds, that one, and the other.
fn one_sided<'a>(a: &'a Access, b: &'a Access) -> Option<(&'a Held, &'a Access, &'a Access)> {
    let side = |holder: &'a Access, other: &'a Access| holder.held.first().map(|held| (held, holder, other));
    side(a, b).or_else(|| side(b, a))
}

/// The second way out, where the variable's declaration has a plain name. Only a number is
/// added to.
fn one_step(variable: &str, count: Option<&str>, a: &Access, b: &Access) -> String {
    let last = variable.rsplit('.').next().unwrap_or(variable);
    let name = last.split(['[', ' ', '(']).next().unwrap_or(last);
    if name.is_empty() {
        return String::new();
    }
    let (count, index) = count.map_or((String::new(), ""), |count| (format!("[{count}]"), "[i]"));
    let of = if variable.contains('.') { "…." } else { "" };
    let other = |access: &Access| access.value.as_ref().is_some_and(|v| v.parse::<i64>().is_err());
    let step =
        if other(a) || other(b) { format!("{of}{name}{index}.store(v)") } else { format!("{of}{name}{index} += 1") };
    format!("; or declare `atomic {name}{count}` and change it in one step, such as `{step}`")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::{Code, Facts, Finding};

    fn race(earlier: Access, later: Access) -> Finding {
        let declared = Some(at(&bank(), "var balance = 100", 0));
        finding(Code::Race, &["balance"], Facts::Race { variable: "balance".into(), declared, earlier, later })
    }

    #[test]
    fn two_writes_at_one_place() {
        let source = bank();
        let write = at(&source, "balance = seen + amount", 0);
        let spawned = Some(at(&source, "spawn teller(10) x3", 0));
        let mut found = race(
            access(thread(1, "teller#0", spawned), write, AccessKind::Write, "110", vec![]),
            access(thread(2, "teller#1", spawned), write, AccessKind::Write, "110", vec![]),
        );
        found.count = 12;
        found.schedule = Some("0x3.1x2.0".into());
        insta::assert_snapshot!(text(&source, &found), @r#"
        error[race]: two tasks write balance, and nothing orders them
           ╭─[bank.conc:2:1]
         2 │ var balance = 100
           · ────────┬────────
           ·         ╰── balance is declared here
           ╰────
            ╭─[bank.conc:8:9]
          7 │         let seen = balance
          8 │         balance = seen + amount     # not one step
            ·         ───────────┬───────────
            ·                    ╰── teller#0 and teller#1 write 110
          9 │     }
         10 │ }
         11 │
         12 │ spawn teller(10) x3
            · ─────────┬─────────
            ·          ╰── main spawned teller#0 and teller#1 here
            ╰────
          = note: neither holds a lock
          = tasks: teller#0 and teller#1 are threads of process 4711
          = note: seen 12 times
          = help: put every access inside `with m { … }` with one `lock m`; or declare
                  `atomic balance` and change it in one step, such as `balance += 1`
          = explain: conc explain race
          = replay: conc replay bank.conc 0x3.1x2.0
        "#);
    }

    #[test]
    fn a_write_and_a_read_under_different_locks() {
        let source = bank();
        let (read, write) = (at(&source, "balance", 2), at(&source, "balance", 3));
        let spawned = Some(at(&source, "spawn teller(10) x3", 0));
        let lock = at(&source, "lock m", 0);
        let found = race(
            access(process(1, "teller#0", spawned), read, AccessKind::Read, "100", vec![holds("a", lock)]),
            access(process(2, "teller#1", spawned), write, AccessKind::Write, "110", vec![holds("b", lock)]),
        );
        insta::assert_snapshot!(text(&source, &found), @r#"
        error[race]: one process writes balance while another reads it, and nothing
        orders them
           ╭─[bank.conc:2:1]
         2 │ var balance = 100
           · ────────┬────────
           ·         ╰── balance is declared here
           ╰────
            ╭─[bank.conc:14:18]
          7 │         let seen = balance
          8 │         balance = seen + amount     # not one step
            ·         ───┬───
            ·            ╰── teller#0 reads 100, holding a since line 3
          9 │     }
         10 │ }
         11 │
         12 │ spawn teller(10) x3
            · ─────────┬─────────
            ·          ╰── main spawned teller#0 and teller#1 here
         13 │ join all
         14 │ finally { assert balance == 160, "lost update" }
            ·                  ───┬───
            ·                     ╰── teller#1 writes 110, holding b since line 3
            ╰────
          = note: they hold different locks: teller#0 holds a, teller#1 holds b
          = tasks: teller#0 is process 4712
                   teller#1 is process 4713
          = help: let both hold the same lock: `with a { … }` around every access of
                  balance
          = explain: conc explain race
        "#);
    }

    #[test]
    fn a_place_of_a_row_is_named_as_one() {
        let source = Source::new("s.conc", "var a[N] = 0\ntask t { a[1] += 1 }\n");
        let write = at(&source, "a[1] += 1", 0);
        let side = |n, name| access(thread(n, name, None), write, AccessKind::Write, "1", vec![]);
        let told = |variable, declared| {
            let told = describe(&source, variable, declared, [&side(1, "a"), &side(2, "b")], &Style::default());
            told.help.unwrap()
        };
        let row = told("a[1]", Some(at(&source, "a", 1)));
        assert!(row.ends_with("declare `atomic a[N]` and change it in one step, such as `a[i] += 1`"), "{row}");
        let field = told("rows[1].seen", None);
        assert!(field.ends_with("declare `atomic seen` and change it in one step, such as `….seen += 1`"), "{field}");
    }

    /// The sentence, the note on locks and the help.
    fn words(a: (AccessKind, Vec<Held>), b: (AccessKind, Vec<Held>)) -> [String; 3] {
        let source = bank();
        let place = at(&source, "balance", 2);
        let found = race(
            access(thread(1, "a", None), place, a.0, "1", a.1),
            access(thread(2, "b", None), place, b.0, "2", b.1),
        );
        let told = super::super::describe(&source, &found, &Style::default());
        [told.message, told.notes[0].lines[0].clone(), told.help.unwrap()]
    }

    #[test]
    fn locks_and_atomic_accesses_are_told() {
        let m = || holds("m", at(&bank(), "lock m", 0));
        let reading = || Held { mode: Mode::Reading, ..m() };
        let [message, locks, help] = words((AccessKind::Write, vec![m()]), (AccessKind::Read, vec![]));
        assert_eq!(message, "one task writes balance while another reads it, and nothing orders them");
        assert_eq!(locks, "only a holds a lock: m");
        assert_eq!(help, "let b hold m too: `with m { … }` around its access");
        let [message, _, help] = words((AccessKind::AtomicRead, vec![]), (AccessKind::Write, vec![]));
        assert_eq!(message, "one task writes balance while another reads it atomically, and nothing orders them");
        assert!(help.starts_with("make the plain access atomic too: `balance.store(v)`"), "{help}");
        let [_, locks, help] = words((AccessKind::Write, vec![reading()]), (AccessKind::Read, vec![reading()]));
        assert_eq!(locks, "both hold m, but not both for writing");
        assert_eq!(help, "write only inside `with m.write { … }`");
        let writing = || Held { mode: Mode::Writing, ..m() };
        let mend = |a, b| words(a, b)[2].clone();
        let (read, write) = (AccessKind::Read, AccessKind::Write);
        let help = mend((read, vec![reading()]), (write, vec![]));
        assert_eq!(help, "let b hold m too: `with m.write { … }` around its access");
        let help = mend((read, vec![]), (write, vec![writing()]));
        assert_eq!(help, "let a hold m too: `with m.read { … }` around its access");
        let help = mend((write, vec![reading()]), (read, vec![]));
        let both = "let b hold m too: `with m.read { … }` around its access, and `with m.write { … }` around that of a";
        assert_eq!(help, both);
        let other = holds("n", at(&bank(), "lock m", 0));
        let help = mend((read, vec![reading()]), (write, vec![other]));
        assert!(
            help.ends_with("`with m.write { … }` around every write, `with m.read { … }` around every read of balance")
        );
        let [_, locks, _] = words((AccessKind::Write, vec![m()]), (AccessKind::Read, vec![m()]));
        assert_eq!(locks, "both hold m, which lets several in at once");
    }
}
