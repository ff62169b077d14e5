//! Where each name of a script is defined and used, as an editor is told.

use conc::lang::ast::Span;
use conc::objects::KINDS;
use conc::program::compile::analyse;
use conc::program::name::Names;

fn names(source: &str) -> Names {
    let parsed = conc::lang::parse::parse_all(source);
    assert!(parsed.script.is_some(), "it can be read");
    analyse(parsed, source, KINDS, &[]).1
}

/// Of the symbol at the first `mark`: the lines of its definitions and uses.
fn lines(source: &str, mark: &str) -> (Vec<usize>, Vec<usize>) {
    let names = names(source);
    let (symbol, _) = names.at(source.find(mark).expect("the mark is there") as u32).expect("a name");
    let line = |s: &Span| source[..s.start as usize].matches('\n').count() + 1;
    (symbol.places.iter().map(line).collect(), names.uses(symbol).iter().map(line).collect())
}

const SCRIPT: &str = "\
const N = 2
lock m
condition c(m)
shared total = N * 10
struct Account { lock mu; shared balance = 0; condition paid(mu) }
task worker(amount, times = N) {
    repeat times {
        with m { total += amount }
        m.acquire(timeout: 1ms)
        m.release()
    }
    let a = Account(balance: total)
    with a.mu { a.balance -= 1 }
    for i in 0..2 { spawn { print \"{i} {amount}\" } }
}
let w = spawn worker(N) xN
let q = queue(3)
join w
select { v = q.get() => { print v }
    after 1s => { } }
expect race on total, w
expect some total == N
";

#[test]
fn every_use_of_a_name_is_known() {
    assert_eq!(lines(SCRIPT, "N = 2"), (vec![1], vec![4, 6, 16, 22]));
    assert_eq!(lines(SCRIPT, "m\ncondition"), (vec![2], vec![3, 8, 9, 10]));
    assert_eq!(lines(SCRIPT, "total ="), (vec![4], vec![8, 12, 21, 22]));
    assert_eq!(lines(SCRIPT, "amount,"), (vec![6], vec![8, 14]));
    assert_eq!(lines(SCRIPT, "i in"), (vec![14], vec![14]));
    assert_eq!(lines(SCRIPT, "w = spawn"), (vec![16], vec![18, 21]));
    assert_eq!(lines(SCRIPT, "v = q"), (vec![19], vec![19]));
    assert_eq!(lines(SCRIPT, "worker(amount"), (vec![6], vec![16]));
}

#[test]
fn fields_go_by_their_name() {
    assert_eq!(lines(SCRIPT, "mu;"), (vec![5], vec![5, 13]));
    assert_eq!(lines(SCRIPT, "balance ="), (vec![5], vec![12, 13]));
    let two = "struct A { lock mu }\nstruct B { lock mu }\nlet a = A()\nwith a.mu { }\n";
    assert_eq!(lines(two, "mu"), (vec![1, 2], vec![4]));
}

#[test]
fn a_local_is_visible_in_its_block_only() {
    let names = names(SCRIPT);
    let at = |mark: &str| {
        let byte = SCRIPT.find(mark).expect("the mark is there") as u32;
        names.visible(byte).iter().map(|s| s.name.as_str()).collect::<Vec<_>>()
    };
    let inside = at("with m");
    assert!(inside.contains(&"amount") && inside.contains(&"total") && !inside.contains(&"w"), "{inside:?}");
    let main = at("join w");
    assert!(main.contains(&"w") && main.contains(&"q") && !main.contains(&"amount") && !main.contains(&"i"));
    assert!(!at("let a = ").contains(&"a"));
    assert!(at("with a.mu").contains(&"a"));
}

#[test]
fn kinds_are_known_where_they_can_be() {
    let names = names(SCRIPT);
    let kind = |name: &str| names.symbols().iter().find(|s| s.name == name).and_then(|s| s.kind);
    assert_eq!(kind("m"), Some("lock"));
    assert_eq!(kind("q"), Some("queue"));
    assert_eq!(kind("mu"), Some("lock"));
    assert_eq!(kind("total"), Some("shared"));
    assert_eq!(kind("amount"), None);
}
