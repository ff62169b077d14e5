//! Scripts, places in them, and what may still be done from there.

use super::*;
use crate::lang::parse::parse;
use crate::objects::{KINDS, condition, pool, queue};
use crate::program::compile;

fn program(source: &str) -> Program {
    compile(&parse(source).expect("parses"), source, KINDS, &[]).expect("compiles")
}

fn function(p: &Program, name: &str) -> Root {
    Root::Function(p.functions.iter().position(|f| f.name == name).expect("a function") as u32)
}

/// The first instruction of the `nth` line (from 1) that has one, in the order
/// of the code.
fn at(p: &Program, source: &str, mark: &str) -> Pc {
    let start = source.find(mark).expect("the mark is in the source") as u32;
    let end = start + mark.len() as u32;
    p.spans.iter().position(|s| s.start >= start && s.end <= end).expect("code there") as Pc
}

fn declared(p: &Program, object: u32) -> On {
    On { object, kind: p.objects[object as usize].kind, field: None }
}

struct Asked<'a> {
    p: &'a Program,
    deeds: Rc<Deeds>,
}

impl Asked<'_> {
    fn may(&self, name: &str, method: &str) -> bool {
        let id = self.p.objects.iter().position(|o| o.name == name).expect("an object");
        let kind = self.p.objects[id].kind;
        let method = KINDS[kind as usize].method(method).expect("a method");
        self.deeds.may(On { object: id as u32, kind, field: None }, &[method])
    }
    fn may_dynamic(&self, kind: &str, method: &str) -> bool {
        self.may_at(None, kind, method)
    }
    fn may_at(&self, field: Option<&str>, kind: &str, method: &str) -> bool {
        let kind = KINDS.iter().position(|k| k.word == kind).expect("a kind");
        let method = KINDS[kind].method(method).expect("a method");
        let field = field.map(|f| self.p.symbols.iter().position(|s| s == f).expect("a name") as u32);
        self.deeds.may(On { object: 1_000_000, kind: kind as u8, field }, &[method])
    }
}

fn ask<'a>(p: &'a Program, source: &str, root: &str, mark: &str) -> Asked<'a> {
    Asked { p, deeds: May::new(p).deeds(p, function(p, root), at(p, source, mark)) }
}

#[test]
fn after_the_last_put_there_is_none() {
    let source =
        "queue q\nqueue r\ntask producer {\n  repeat 3 { q.put(1) }\n  sleep 1ms\n  r.get()\n}\nspawn producer\n";
    let p = program(source);
    assert!(ask(&p, source, "producer", "q.put(1)").may("q", "put"));
    assert!(!ask(&p, source, "producer", "sleep 1ms").may("q", "put"));
    assert!(ask(&p, source, "producer", "sleep 1ms").may("r", "get"));
    assert!(ask(&p, source, "main", "spawn producer").may("q", "put"));
    assert!(!ask(&p, source, "producer", "r.get()").may_dynamic("queue", "put"));
}

#[test]
fn a_loop_comes_back() {
    let source = "queue q\ntask t {\n  loop {\n    q.put(1)\n    sleep 1ms\n  }\n}\nspawn t\n";
    let p = program(source);
    assert!(ask(&p, source, "t", "sleep 1ms").may("q", "put"));
}

#[test]
fn a_call_comes_back_to_its_caller_only() {
    let source = "queue q\nqueue r\nfn helper(x) {\n  sleep 1ms\n  return x\n}\ntask a {\n  helper(1)\n  q.put(1)\n}\ntask b {\n  helper(2)\n  r.put(1)\n}\nspawn a\nspawn b\n";
    let p = program(source);
    let a = ask(&p, source, "a", "sleep 1ms");
    assert!(a.may("q", "put") && !a.may("r", "put"));
    let b = ask(&p, source, "b", "sleep 1ms");
    assert!(b.may("r", "put") && !b.may("q", "put"));
}

#[test]
fn a_with_lets_go_and_nothing_more() {
    let source = "lock m\nlock n\nqueue q\ntask t {\n  with n { q.put(1) }\n  with m { sleep 1ms }\n}\nspawn t\n";
    let p = program(source);
    let t = ask(&p, source, "t", "sleep 1ms");
    assert!(t.may("m", "release") && !t.may("m", "acquire"));
    assert!(!t.may("n", "release") && !t.may("q", "put"));
}

#[test]
fn an_error_may_lead_to_a_handler_around() {
    let source = "queue q\nqueue r\nfn inner() {\n  r.get()\n}\ntask t {\n  try { inner() } catch Closed { q.put(1) }\n  sleep 1ms\n}\nspawn t\n";
    let p = program(source);
    assert!(ask(&p, source, "t", "r.get()").may("q", "put"), "through the caller's handler");
    assert!(!ask(&p, source, "t", "sleep 1ms").may("q", "put"), "the region is over");
}

#[test]
fn blocks_in_a_function_are_not_its_code() {
    let source = "queue q\nspawn {\n  q.put(1)\n  sleep 1ms\n}\nsleep 2ms\n";
    let p = program(source);
    assert!(!ask(&p, source, "main", "sleep 2ms").may("q", "put"));
    let block = p.functions.iter().find(|f| f.kind == FunctionKind::Block).expect("a block").name.clone();
    assert!(ask(&p, source, &block, "q.put(1)").may("q", "put"));
    assert!(!ask(&p, source, &block, "sleep 1ms").may("q", "put"));
}

#[test]
fn a_reference_may_be_any_object_that_escapes() {
    let source = "queue q\nqueue r\nlock m\nlock n\ntask t(x) {\n  x.put(1)\n}\nspawn t(q)\nwith m { }\nlet k = n\n";
    let p = program(source);
    let t = ask(&p, source, "t", "x.put(1)");
    assert!(t.may("q", "put") && !t.may("r", "put") && t.may_dynamic("queue", "put"));
    let facts = Facts::of(&p);
    let id = |name: &str| p.objects.iter().position(|o| o.name == name).expect("an object") as u32;
    assert!(facts.escapes(id("n")) && !facts.escapes(id("m")) && facts.escapes(id("q")));
}

#[test]
fn a_loop_over_what_is_no_object_operates_on_none() {
    let may_get = |declared: &str, call: &str| {
        let source = format!(
            "queue q\n{declared}task t(items, n) {{\n  sleep 1ms\n  for v in items {{ print v }}\n}}\n{call}\n"
        );
        let p = program(&source);
        ask(&p, &source, "t", "sleep 1ms").may_dynamic("queue", "get")
    };
    assert!(!may_get("", "spawn t([1, 2], 0)"));
    assert!(!may_get("", "let l = [1, 2 + 3]\nspawn t(l, 0) x 2"));
    assert!(!may_get("", "for i in 0..3 { spawn t(0..i, i) as \"t{i}\" }"));
    assert!(!may_get("fn f(l) { spawn t(l, 1) }\n", "f([1])\nf([2])"));
    assert!(!may_get("", "let l = [1]\nspawn { spawn t(l, 0) }"));
    assert!(may_get("", "spawn t(q, 0)"));
    assert!(may_get("", "let l = queue(2)\nspawn t(l, 0)"));
    assert!(may_get("", "spawn t([1], 0)\nlet l = q\nspawn t(l, 0)"));
    assert!(may_get("fn f(l) { spawn t(l, 1) }\n", "f([1])\nf(q)"));
    assert!(may_get("", "for l in [[1], q] { spawn t(l, 0) }"));
    assert!(may_get("", "let l = q\nspawn { spawn t(l, 0) }"));
    assert!(may_get("pool p(2)\n", "submit t(q, 0) to p"));
    assert!(may_get("", "let o = [q]\nlet l = o[0] or true\nspawn t(l, 0)"));
    assert!(may_get("fn f() { return q }\n", "spawn t(f(), 0)"));
}

#[test]
fn each_and_select_operate() {
    let source = "queue q\nqueue r\nevent e\ntask t {\n  for v in q { print v }\n  sleep 1ms\n  select {\n    r.put(1) => { e.set() }\n    q.get() => { }\n  }\n}\nspawn t\n";
    let p = program(source);
    let t = ask(&p, source, "t", "sleep 1ms");
    assert!(t.may("q", "get") && t.may("r", "put") && t.may("e", "set"));
    let source = "queue q\ntask t {\n  sleep 1ms\n  for v in q { print v }\n}\nspawn t\n";
    let p = program(source);
    let t = ask(&p, source, "t", "sleep 1ms");
    assert!(t.may("q", "get") && !t.may("q", "put") && !t.may_dynamic("queue", "get"));
}

#[test]
fn rows_are_rows() {
    let source = "lock fork[3]\nlock other[2]\ntask t(i) {\n  with fork[i] { sleep 1ms }\n}\nspawn t(1)\n";
    let p = program(source);
    let t = ask(&p, source, "t", "sleep 1ms");
    assert!(t.may("fork[0]", "release") && t.may("fork[2]", "release"));
    assert!(!t.may("other[0]", "release") && !t.may_dynamic("lock", "release"));
}

#[test]
fn a_wait_on_a_condition_lets_go_of_its_lock() {
    let source = "lock m\ncondition c(m)\ntask t {\n  c.wait()\n}\nspawn t\n";
    let p = program(source);
    let t = ask(&p, source, "t", "c.wait()");
    assert!(t.may("m", "release") && t.may("m", "acquire") && !t.may("c", "notify"));
    assert!(!t.deeds.may(declared(t.p, 1), &[condition::NOTIFY, condition::NOTIFY_ALL]));
}

#[test]
fn what_is_started_may_be_any_number() {
    let source = "barrier b(3)\nqueue q\ntask t {\n  b.wait()\n}\nspawn t\nb.wait()\nsleep 1ms\n";
    let p = program(source);
    let born = |mark: &str| ask(&p, source, "main", mark).deeds.may_born(declared(&p, 0), &[0]);
    assert!(born("spawn t") && !born("b.wait()\nsleep"));
    assert!(ask(&p, source, "main", "b.wait()\nsleep").may("b", "wait"));
    assert!(!ask(&p, source, "main", "sleep 1ms").may("b", "wait"));
}

#[test]
fn calls_of_values_go_to_all_that_fit() {
    let source = "queue q\nqueue r\nfn one(x) { q.put(x) }\nfn two(x, y) { r.put(x) }\ntask t {\n  let f = one\n  let g = two\n  sleep 1ms\n  f(1)\n}\nspawn t\n";
    let p = program(source);
    let t = ask(&p, source, "t", "sleep 1ms");
    assert!(t.may("q", "put") && !t.may("r", "put"));
}

#[test]
fn a_worker_may_do_every_job() {
    let source = "pool p(2)\nqueue q\nqueue r\ntask job(x) {\n  q.put(x)\n  sleep 1ms\n}\nsubmit job(1) to p\nr.get()\np.close()\njoin p\n";
    let p = program(source);
    let worker = Asked { p: &p, deeds: May::new(&p).deeds(&p, Root::Worker, at(&p, source, "sleep 1ms")) };
    assert!(worker.may("q", "put") && !worker.may("r", "get"));
    assert!(worker.deeds.may(declared(&p, 0), &[pool::TAKE]) && !worker.deeds.may_terminate());
    let main = ask(&p, source, "main", "submit job(1) to p");
    assert!(main.deeds.may(declared(&p, 0), &[pool::SUBMIT]) && main.may("q", "put"));
    let main = ask(&p, source, "main", "r.get()");
    assert!(!main.deeds.may(declared(&p, 0), &[pool::SUBMIT]) && main.may("p", "close"));
}

#[test]
fn endings() {
    let source = "task t { sleep 1ms }\nlet w = spawn t\nterminate w\nsleep 2ms\n";
    let p = program(source);
    assert!(ask(&p, source, "main", "spawn t").deeds.may_terminate());
    assert!(!ask(&p, source, "main", "sleep 2ms").deeds.may_terminate());
    assert!(!ask(&p, source, "t", "sleep 1ms").deeds.may_terminate());
}

#[test]
fn awaits_look_at_cells_rows_and_objects() {
    let source = "var x = 0\nvar y = 0\natomic z[2] = 0\nqueue q\ntask a { await x == 1 }\ntask b { await z[0] == 1 }\n\
        task c { await q.qsize() == 1 }\ntask d(i) { await z[i] == 1 }\ntask t {\n  let k = 1\n  x = 1\n  y = 1\n  \
        sleep 1ms\n  z[k] += 1\n  sleep 2ms\n  z[1] += 1\n  sleep 3ms\n  q.put(1)\n  sleep 4ms\n  \
        print x, z[0]\n}\nspawn t\n";
    let p = program(source);
    let change = |mark: &str| {
        let deeds = ask(&p, source, "t", mark).deeds;
        (0..p.awaits).map(|site| deeds.may_change(&p, site)).collect::<Vec<_>>()
    };
    assert_eq!(change("x = 1"), [true, true, true, true]);
    assert_eq!(change("sleep 1ms"), [false, true, true, true]);
    // One place of a row with an index that is known, and all of them.
    assert_eq!(change("sleep 2ms"), [false, false, true, true]);
    assert_eq!(change("sleep 3ms"), [false, false, true, false]);
    assert_eq!(change("sleep 4ms"), [false, false, false, false]);
}

#[test]
fn awaits_look_at_fields_by_their_names() {
    let source = "struct S { atomic a = 0; var b = 0; atomic c[2] = 0; event e; queue q; var h = none }\n\
        task w(s) { await s.a == 1 }\ntask x(s) { await s.c[1] == 1 }\ntask y(s) { await s.e.is_set() }\n\
        task z(s) { await s.h.alive }\ntask t(s) {\n  sleep 1ms\n  s.a.add(1)\n  sleep 2ms\n  s.c[0] += 1\n  \
        sleep 3ms\n  s.q.put(1)\n  s.e.set()\n  sleep 4ms\n  print s.a.load(), s.b\n  s.b = 1\n}\nspawn t(S())\n";
    let p = program(source);
    let change = |mark: &str| {
        let deeds = ask(&p, source, "t", mark).deeds;
        (0..p.awaits).map(|site| deeds.may_change(&p, site)).collect::<Vec<_>>()
    };
    assert_eq!(change("sleep 1ms"), [true, true, true, true]);
    assert_eq!(change("sleep 2ms"), [false, true, true, true]);
    assert_eq!(change("sleep 3ms"), [false, false, true, true]);
    // Whether a task is alive changes with whoever ends.
    assert_eq!(change("sleep 4ms"), [false, false, false, true]);
}

/// However what is looked at is come to.
#[test]
fn awaits_look_by_way_of_functions_values_and_parameters() {
    let head = "struct S { atomic n = 0; event e }\natomic a = 0\natomic b = 0\nevent e\nevent other\nlock m\n\
        shared H = none\nfn is_one() { return a == 1 }\nfn deep() { return is_one() and true }\n\
        fn asks(o) { return o.is_set() }\nfn of(s) { return s.n == 1 }\n";
    let tail = "task t {\n  a = 1\n  sleep 1ms\n  e.set()\n  sleep 2ms\n  S().n.add(1)\n  sleep 3ms\n  \
        S().e.set()\n  sleep 4ms\n  with m { }\n  sleep 5ms\n  b += 1\n  print a, asks(other)\n}\nspawn t\n";
    // With what is left to do for `t`, in its order: before `a = 1`, and behind each sleep.
    for (condition, may) in [
        ("is_one()", [true, false, false, false, false, false]),
        ("deep()", [true, false, false, false, false, false]),
        ("a.cas(1, 2)", [true, false, false, false, false, false]),
        // Any event that goes about as a value is one that it may ask: `e` does, if it is given here.
        ("asks(e)", [true, true, true, true, false, false]),
        ("of(S())", [true, true, true, false, false, false]),
        ("not m.locked()", [true, true, true, true, true, false]),
        ("len(\"{a}\") == 2", [true, false, false, false, false, false]),
        ("false", [false; 6]),
        ("self.index == 7", [false; 6]),
        ("self.ppid == 1", [true; 6]),
        ("H.alive", [true; 6]),
    ] {
        let source = format!("{head}task w {{ let f = is_one; await {condition} }}\n{tail}spawn w\n");
        let p = program(&source);
        let marks = ["a = 1", "sleep 1ms", "sleep 2ms", "sleep 3ms", "sleep 4ms", "sleep 5ms"];
        let told = marks.map(|mark| ask(&p, &source, "t", mark).deeds.may_change(&p, 0));
        assert_eq!(told, may, "{condition}");
    }
    let source = format!("{head}task w {{ let f = is_one; await f() }}\n{tail}spawn w\n");
    let p = program(&source);
    assert!(ask(&p, &source, "t", "a = 1").deeds.may_change(&p, 0));
    assert!(!ask(&p, &source, "t", "sleep 1ms").deeds.may_change(&p, 0));
}

#[test]
fn a_forked_child_goes_on_from_here() {
    let source = "queue q\nsleep 1ms\nlet pid = fork()\nq.put(1)\nsleep 2ms\n";
    let p = program(source);
    assert!(ask(&p, source, "main", "sleep 1ms").deeds.may_born(declared(&p, 0), &[queue::PUT]));
    assert!(!ask(&p, source, "main", "sleep 2ms").deeds.may_born(declared(&p, 0), &[queue::PUT]));
}

#[test]
fn a_wait_given_up_breaks_a_barrier() {
    let source = "barrier b(3)\ntask t { b.wait(timeout: 1ms) }\ntask u { b.wait() }\nspawn t\n";
    let p = program(source);
    assert!(ask(&p, source, "t", "b.wait(timeout: 1ms)").may("b", "abort"));
    assert!(!ask(&p, source, "u", "b.wait() }").may("b", "abort"));
}

/// What is done by a field's name is done to that field, unless it is a place that may hold
/// anything.
#[test]
fn fields_by_their_names() {
    let source = "struct S { queue a; queue b; var any = none }\n\
        task t(s) { s.b.put(1) }\ntask u(s) { s.any.put(1) }\ntask v(q) { q.put(1) }\n\
        let s = S()\nspawn t(s)\nspawn u(s)\nspawn v(s.a)\n";
    let p = program(source);
    let t = ask(&p, source, "t", "s.b.put(1)");
    assert!(t.may_at(Some("b"), "queue", "put") && !t.may_at(Some("a"), "queue", "put"));
    assert!(t.may_at(None, "queue", "put"), "of which it is not known where it is");
    for (task, mark) in [("u", "s.any.put(1)"), ("v", "q.put(1)")] {
        let other = ask(&p, source, task, mark);
        assert!(other.may_at(Some("a"), "queue", "put") && other.may_at(Some("b"), "queue", "put"), "{task}");
    }
}
