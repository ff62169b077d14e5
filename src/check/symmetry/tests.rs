//! Which tasks are alike, and that one of the states stands for as many others
//! as there are; that verdicts and outcomes do not change, `tests/differential.rs`
//! looks at over random programs.

use super::*;
use crate::check::{Options, Report, check};
use crate::objects::KINDS;
use crate::program::Program;
use std::collections::BTreeSet;

fn program(text: &str) -> &'static Program {
    let script = crate::lang::parse::parse(text).expect("it parses");
    Box::leak(Box::new(crate::program::compile(&script, text, KINDS, &[]).expect("it compiles")))
}

fn explored(text: &str, symmetry: bool) -> Report {
    let options = Options { symmetry, ..Options::default() };
    let report = check(program(text), &options, &mut |_| None).expect("the declarations can be made");
    assert!(report.complete());
    report
}

fn outcomes(report: &Report) -> BTreeSet<String> {
    report.outcomes.iter().map(|o| format!("{o:?}")).collect()
}

#[test]
fn tasks_that_something_tells_apart_are_not_alike() {
    let alike = |body: &str, spawn: &str| {
        !sites(program(&format!("var x = 0\nlock m\ntask w {{\n{body}\n}}\n{spawn}\njoin all\n"))).is_empty()
    };
    assert!(alike("x += 1", "spawn w x3"));
    assert!(alike("with m { x += 1 }", "repeat 3 { spawn w }"));
    assert!(alike("x += 1", "for i in 0..3 { spawn w }"));
    assert!(alike("x += 1", "let n = 3\nwhile n > 0 { spawn w x2; n -= 1 }"));
    assert!(alike("x += 1", "fn all() { spawn w x3 }\nall()"));
    // One may have done its part before another is there.
    assert!(!alike("x += 1", "repeat 3 { spawn w; join all }"));
    assert!(!alike("x += 1", "repeat 2 { spawn w x2; join all }"));
    assert!(!alike("x += 1", "for i in 0..3 { spawn w; x = i }"));
    assert!(!alike("x += 1", "for i in 0..3 { spawn w; with m { } }"));
    assert!(!alike("x += 1", "for i in 0..3 { for j in 0..2 { spawn w }; print i }"));
    assert!(!alike("x += 1", "fn all() { spawn w x3 }\nall()\njoin all\nall()"));
    assert!(!alike("x += 1", "fn all() { spawn w x3 }\nrepeat 2 { all(); join all }"));
    assert!(!alike("x += 1", "fn all() { spawn w x3 }\nlet f = all\nf()\nf()"));
    assert!(!alike("x += 1", "fn all(n) { if n > 0 { spawn w; x = n; all(n - 1) } }\nall(3)"));
    assert!(!alike("x = self.index", "spawn w x3"));
    assert!(!alike("print self.name", "spawn w x3"));
    assert!(!alike("let q = queue(1)\nq.put(1)", "spawn w x3"));
    assert!(!alike("let h = spawn { x += 1 }\njoin h", "spawn w x3"));
    assert!(!alike("x += 1", "let all = spawn w x3"));
    assert!(!alike("x += 1", "spawn process w x3"));
    assert!(!alike("x += 1", "spawn daemon w x3"));
    assert!(!alike("x += 1", "spawn w as \"one\""));
}

#[test]
fn what_a_called_function_does_counts() {
    let text = "var x = 0\nfn who() { return self.index }\ntask w { x = who() }\nspawn w x3\njoin all\n";
    assert!(sites(program(text)).is_empty());
}

#[test]
fn one_state_stands_for_several() {
    let text = "var x = 0\ntask w { repeat 2 { let seen = x; x = seen + 1 } }\nspawn w x3\njoin all\n";
    let (one, all) = (explored(text, true), explored(text, false));
    assert!(one.states * 4 < all.states, "{} of {}", one.states, all.states);
    assert_eq!(one.verdicts, all.verdicts);
    assert_eq!(outcomes(&one), outcomes(&all));
}

#[test]
fn outcomes_name_every_task_that_it_may_have_been() {
    let text = "atomic x = 0\ntask w { let n = x.add(1)\n if n == 0 { assert false } }\nspawn w x3\njoin all\n";
    let (one, all) = (explored(text, true), explored(text, false));
    assert_eq!(all.outcomes.len(), 3, "one of three fails");
    assert_eq!(outcomes(&one), outcomes(&all));
}

#[test]
fn a_circle_is_looked_for_among_the_states_themselves() {
    let text = "atomic turn = 0\ntask w { loop { if turn.cas(0, 1) { turn.store(0) } } }\nspawn w x2\njoin all\n";
    let (one, all) = (explored(text, true), explored(text, false));
    assert_eq!(one.verdicts, all.verdicts);
    assert_eq!(one.states, all.states, "the last pass is without");
    assert!(one.passes > all.passes);
}

#[test]
fn arrangements_are_each_met_once() {
    let mut at = vec![0, 0, 1, 2];
    let mut met = BTreeSet::from([at.clone()]);
    while next_arrangement(&mut at) {
        assert!(met.insert(at.clone()), "{at:?} twice");
    }
    assert_eq!(met.len(), 12);
    let (tasks, ranks) = ([7, 8, 9, 10], [0, 0, 1, 2]);
    for arranged in met {
        let mut result = ranks;
        for (from, to) in arrangement(&tasks, &ranks, &arranged) {
            result[to as usize - 7] = ranks[from as usize - 7];
        }
        assert_eq!(result[..], arranged);
    }
}
