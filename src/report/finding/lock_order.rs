//! `lock-order`: tasks take the same locks in opposite orders, and nothing
//! prevents them from meeting. Its sentence, labels and mend.

use crate::detect::finding::{Code, OrderEdge, TaskFacts};
use crate::report::diagnostic::{Diagnostic, Place, Severity};
use crate::report::source::Source;
use crate::report::{Style, phrase};

use super::who;

/// Describes a circle in the order in which locks are taken.
pub fn describe(source: &Source, edges: &[OrderEdge], style: &Style) -> Diagnostic {
    let locks = locks(edges);
    let mut diagnostic = Diagnostic::new(Severity::Error, Some(Code::LockOrder.word()), sentence(edges, &locks));
    for (n, edge) in edges.iter().enumerate() {
        let mut place =
            Place::of(&edge.task.name, edge.wants_at, format!("takes {}, holding {}", edge.wants, edge.holds));
        place.primary = n == 0;
        diagnostic.place(place);
        if let Some(since) = edge.held_since {
            diagnostic.place(Place::of(&edge.task.name, since, format!("holds {} since here", edge.holds)));
        }
    }
    diagnostic.lines("orders", lines(source, edges, style));
    let tasks: Vec<&TaskFacts> = edges.iter().map(|e| &e.task).collect();
    who::introduce(&mut diagnostic, &tasks, style);
    diagnostic.help(mend(&locks));
    diagnostic
}

/// Each lock once, in the order of the circle.
fn locks(edges: &[OrderEdge]) -> Vec<&str> {
    let mut locks: Vec<&str> = Vec::new();
    for edge in edges {
        for lock in [edge.holds.as_str(), edge.wants.as_str()] {
            if !locks.contains(&lock) {
                locks.push(lock);
            }
        }
    }
    locks
}

fn sentence(edges: &[OrderEdge], locks: &[&str]) -> String {
    let mut serials: Vec<u32> = edges.iter().map(|e| e.task.serial).collect();
    serials.sort_unstable();
    serials.dedup();
    let names = phrase::list(locks, 4);
    match (serials.len(), locks.len()) {
        (0 | 1, _) => format!("{names} are taken in orders that contradict each other"),
        (n, 0..=2) => format!("{} tasks take {names} in opposite orders", phrase::number(n)),
        (n, _) => format!("{} tasks take {names} in orders that make a circle", phrase::number(n)),
    }
}

fn lines(source: &Source, edges: &[OrderEdge], style: &Style) -> Vec<String> {
    let line = |edge: &OrderEdge| {
        let since = who::since(source, edge.held_since);
        let at = source.line(edge.wants_at);
        format!("{} holds {}{since} and takes {} at line {at}", edge.task.name, edge.holds, edge.wants)
    };
    let mut lines: Vec<String> = edges.iter().take(style.lines_max()).map(line).collect();
    if edges.len() > lines.len() {
        lines.push(format!("and {} more", edges.len() - lines.len()));
    }
    lines
}

fn mend(locks: &[&str]) -> String {
    let mut sorted = locks.to_vec();
    sorted.sort_unstable();
    match sorted.as_slice() {
        [a, b] => format!("take them in one order everywhere: {a} before {b}"),
        _ => "take them in one order everywhere, or hold one more lock around all of them".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::*;
    use super::*;
    use crate::detect::finding::{Certainty, Facts};

    #[test]
    fn two_locks_in_opposite_orders() {
        let source = Source::new(
            "s.conc",
            "lock a\nlock b\ntask left { with a { with b { } } }\n\
             task right { with b { with a { } } }\nspawn left\nspawn right\n",
        );
        let edge = |serial: u32, name: &str, holds: &str, wants: &str| OrderEdge {
            task: thread(serial, name, Some(at(&source, &format!("spawn {name}"), 0))),
            holds: holds.into(),
            held_since: Some(at(&source, &format!("with {holds}"), serial as usize - 1)),
            wants: wants.into(),
            wants_at: at(&source, &format!("with {wants}"), serial as usize - 1),
        };
        let edges = vec![edge(1, "left", "a", "b"), edge(2, "right", "b", "a")];
        let mut found = finding(Code::LockOrder, &["a", "b"], Facts::LockOrder { edges });
        found.certainty = Certainty::Confirmed;
        found.schedule = Some("0x2.1x2".into());
        insta::assert_snapshot!(text(&source, &found), @r#"
        error[lock-order]: two tasks take a and b in opposite orders
           ╭─[s.conc:3:22]
         2 │ lock b
         3 │ task left { with a { with b { } } }
           ·             ───┬──   ───┬──
           ·                │        ╰── left takes b, holding a
           ·                ╰── left holds a since here
         4 │ task right { with b { with a { } } }
           ·              ───┬──   ───┬──
           ·                 │        ╰── right takes a, holding b
           ·                 ╰── right holds b since here
         5 │ spawn left
           · ─────┬────
           ·      ╰── main spawned left here
         6 │ spawn right
           · ─────┬─────
           ·      ╰── main spawned right here
           ╰────
          = orders: left holds a since line 3 and takes b at line 3
                    right holds b since line 4 and takes a at line 4
          = tasks: left and right are threads of process 4711
          = note: confirmed: a schedule was replayed and shows it
          = help: take them in one order everywhere: a before b
          = explain: conc explain lock-order
          = replay: conc replay s.conc 0x2.1x2
        "#);
    }
}
