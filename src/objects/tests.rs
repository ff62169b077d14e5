//! The transitions on their own, in a world of plain vectors: one object of
//! each kind, tasks that come and go by hand, every wake and edge written down.

use super::*;
use crate::program::value::ObjRef;
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
struct Plain {
    words: BTreeMap<(u32, usize), u64>,
    values: BTreeMap<u32, VecDeque<Value>>,
    me: TaskId,
    held: Vec<(TaskId, u32, Mode)>,
    /// Object, method, task, memo, value.
    waiting: Vec<(u32, u8, TaskId, u64, Value)>,
    woken: Vec<TaskId>,
    given: Vec<(TaskId, Value)>,
    edges: Vec<(TaskId, char, u8)>,
}

impl World for Plain {
    fn word(&self, object: u32, index: usize) -> u64 {
        self.words.get(&(object, index)).copied().unwrap_or(0)
    }
    fn set(&mut self, object: u32, index: usize, value: u64) {
        self.words.insert((object, index), value);
    }
    fn me(&self) -> TaskId {
        self.me
    }
    fn site(&self) -> u32 {
        7
    }
    fn push(&mut self, object: u32, value: Value, _bound: Option<u64>) {
        self.values.entry(object).or_default().push_back(value);
    }
    fn pop(&mut self, object: u32, _bound: Option<u64>) -> Option<Value> {
        self.values.entry(object).or_default().pop_front()
    }
    fn len(&self, object: u32) -> u64 {
        self.values.get(&object).map_or(0, |v| v.len() as u64)
    }
    fn release(&mut self, _object: u32, clock: u8, _edge: Edge) {
        self.edges.push((self.me, 'r', clock));
    }
    fn acquire(&mut self, _object: u32, clock: u8) {
        self.edges.push((self.me, 'a', clock));
    }
    fn hold(&mut self, object: u32, mode: Mode) {
        self.held.push((self.me, object, mode));
    }
    fn unhold(&mut self, object: u32, mode: Mode) {
        let at = self.held.iter().position(|h| *h == (self.me, object, mode)).expect("it is held");
        self.held.remove(at);
    }
    fn holds(&self, object: u32, mode: Mode) -> bool {
        self.held.contains(&(self.me, object, mode))
    }
    fn holders(&self, object: u32) -> Vec<TaskId> {
        self.held.iter().filter(|h| h.1 == object).map(|h| h.0).collect()
    }
    fn waiting(&self, object: u32, methods: &[u8]) -> Vec<TaskId> {
        let here = |w: &&(u32, u8, TaskId, u64, Value)| w.0 == object && methods.contains(&w.1) && w.2 != self.me;
        self.waiting.iter().filter(here).map(|w| w.2).collect()
    }
    fn wake(&mut self, object: u32, methods: &[u8], count: u64) {
        let tasks = World::waiting(self, object, methods);
        self.woken.extend(tasks.into_iter().take(count.min(100) as usize));
    }
    fn meet(&mut self, object: u32, method: u8, give: Value) -> Option<Value> {
        let at = self.waiting.iter().position(|w| w.0 == object && w.1 == method && w.2 != self.me)?;
        let (_, _, task, _, value) = self.waiting.remove(at);
        self.given.push((task, give));
        Some(value)
    }
    fn transfer(&mut self, object: u32, method: u8, count: u64, to: u32, then: u8) -> u64 {
        let mut moved = 0;
        for w in self.waiting.iter_mut().filter(|w| w.0 == object && w.1 == method) {
            if moved < count {
                (w.0, w.1) = (to, then);
                moved += 1;
            }
        }
        moved
    }
    fn workers(&self, _pool: u32) -> Vec<TaskId> {
        vec![]
    }
    fn terminate_workers(&mut self, _pool: u32) {}
}

/// A world with one object of a kind, number 5.
fn with(kind: u8, args: &[Value], options: u32) -> Plain {
    let mut w = Plain::default();
    add(&mut w, 5, kind, args, options);
    w
}

fn add(w: &mut Plain, id: u32, kind: u8, args: &[Value], options: u32) {
    for (i, word) in init(kind, args, options).expect("fine arguments").into_iter().enumerate() {
        w.set(id, i, word);
    }
}

/// A task calls a method by its name, with its arguments complete.
fn call(w: &mut Plain, task: TaskId, kind: u8, name: &str, args: &[Value]) -> Outcome {
    w.me = task;
    let method = KINDS[kind as usize].method(name).expect("a method");
    let outcome = attempt(w, kind, 5, method, args, None);
    if let Outcome::Wait(memo) = outcome {
        w.waiting.push((5, method, task, memo, args.first().cloned().unwrap_or(Value::None)));
    }
    outcome
}

/// A task that waits tries again.
fn again(w: &mut Plain, task: TaskId, kinds: &[(u32, u8)]) -> Outcome {
    w.me = task;
    let at = w.waiting.iter().position(|x| x.2 == task).expect("it waits");
    let (object, method, _, memo, value) = w.waiting[at].clone();
    let kind = kinds.iter().find(|k| k.0 == object).expect("its kind").1;
    let outcome = attempt(w, kind, object, method, &[value], Some(memo));
    if !matches!(outcome, Outcome::Wait(_)) {
        w.waiting.remove(at);
    }
    outcome
}

const TRUE: Outcome = Outcome::Done(Value::Bool(true));
const FALSE: Outcome = Outcome::Done(Value::Bool(false));
const NONE: Outcome = Outcome::Done(Value::None);

fn wait() -> [Value; 2] {
    [Value::Bool(true), Value::None]
}

fn raises(outcome: Outcome, kind: ErrorKind) {
    assert!(matches!(&outcome, Outcome::Raise(k, _) if *k == kind), "{outcome:?}");
}

#[test]
fn a_lock_has_one_owner() {
    let k = place::lock;
    let mut w = with(k, &[], 0);
    assert_eq!(call(&mut w, 1, k, "acquire", &wait()), TRUE);
    assert_eq!(call(&mut w, 2, k, "acquire", &[Value::Bool(false), Value::None]), FALSE);
    assert!(matches!(call(&mut w, 2, k, "acquire", &wait()), Outcome::Wait(_)));
    assert_eq!(need(&w, k, 5, 0, 0, 2), Need::Tasks(vec![1]));
    raises(call(&mut w, 2, k, "release", &[]), ErrorKind::NotOwner);
    assert_eq!(call(&mut w, 1, k, "release", &[]), NONE);
    assert_eq!(w.woken, [2]);
    assert_eq!(again(&mut w, 2, &[(5, k)]), TRUE);
    assert_eq!(w.edges, [(1, 'a', 0), (1, 'r', 0), (2, 'a', 0)]);
    assert_eq!(w.held, [(2, 5, Mode::Exclusive)]);
}

#[test]
fn a_reentrant_lock_counts() {
    let k = place::lock;
    let mut w = with(k, &[], 1);
    assert_eq!(call(&mut w, 1, k, "acquire", &wait()), TRUE);
    assert_eq!(call(&mut w, 1, k, "acquire", &wait()), TRUE);
    assert_eq!(call(&mut w, 1, k, "release", &[]), NONE);
    assert_eq!(call(&mut w, 1, k, "locked", &[]), TRUE);
    assert_eq!(call(&mut w, 1, k, "release", &[]), NONE);
    assert_eq!(call(&mut w, 1, k, "locked", &[]), FALSE);
}

#[test]
fn a_waiting_writer_keeps_new_readers_out() {
    let k = place::rwlock;
    let mut w = with(k, &[], 0);
    assert_eq!(call(&mut w, 1, k, "acquire_read", &wait()), TRUE);
    assert_eq!(call(&mut w, 2, k, "acquire_read", &wait()), TRUE);
    assert!(matches!(call(&mut w, 3, k, "acquire_write", &wait()), Outcome::Wait(_)));
    assert!(matches!(call(&mut w, 1, k, "acquire_read", &wait()), Outcome::Wait(_)), "one that reads already too");
    assert_eq!(need(&w, k, 5, 0, 0, 1), Need::Tasks(vec![3]));
    assert_eq!(call(&mut w, 2, k, "release_read", &[]), NONE);
    assert!(matches!(again(&mut w, 3, &[(5, k)]), Outcome::Wait(_)));
}

#[test]
fn a_condition_hands_its_waiters_to_the_lock() {
    let (k, l) = (place::condition, place::lock);
    let mut w = Plain::default();
    add(&mut w, 4, l, &[], 0);
    add(&mut w, 5, k, &[Value::Object(ObjRef { id: 4, kind: l })], 0);
    raises(call(&mut w, 1, k, "wait", &[Value::None]), ErrorKind::NotOwner);
    w.me = 1;
    assert_eq!(attempt(&mut w, l, 4, lock::ACQUIRE, &wait(), None), TRUE);
    assert_eq!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(1));
    assert_eq!(w.word(4, 0), 0, "the wait lets go of the lock");
    w.me = 2;
    assert_eq!(attempt(&mut w, l, 4, lock::ACQUIRE, &wait(), None), TRUE);
    assert_eq!(call(&mut w, 2, k, "notify", &[Value::Int(1)]), NONE);
    assert!(matches!(again(&mut w, 1, &[(4, l), (5, k)]), Outcome::Wait(_)), "the notifier still has it");
    w.me = 2;
    assert_eq!(attempt(&mut w, l, 4, lock::RELEASE, &[], None), NONE);
    assert_eq!(again(&mut w, 1, &[(4, l), (5, k)]), TRUE);
    w.me = 1;
    assert_eq!(call(&mut w, 1, k, "notify", &[Value::Int(1)]), NONE);
    assert_eq!((w.word(5, condition::MISSED_BY), w.word(5, condition::MISSED_AT)), (2, 7), "it woke nobody");
}

#[test]
fn a_barrier_opens_for_all_and_breaks_for_all() {
    let k = place::barrier;
    let mut w = with(k, &[Value::Int(2)], 0);
    assert!(matches!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(0)));
    assert_eq!(call(&mut w, 2, k, "wait", &[Value::None]), Outcome::Done(Value::Int(1)));
    assert_eq!(again(&mut w, 1, &[(5, k)]), Outcome::Done(Value::Int(0)));
    assert!(matches!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "abort", &[]), NONE);
    raises(again(&mut w, 1, &[(5, k)]), ErrorKind::BrokenBarrier);
    raises(call(&mut w, 1, k, "wait", &[Value::None]), ErrorKind::BrokenBarrier);
    assert_eq!(call(&mut w, 2, k, "reset", &[]), NONE);
    assert!(matches!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(_)));
}

#[test]
fn a_latch_and_a_semaphore_count() {
    let k = place::latch;
    let mut w = with(k, &[Value::Int(1)], 0);
    assert!(matches!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "count_down", &[]), NONE);
    assert_eq!(again(&mut w, 1, &[(5, k)]), TRUE);
    raises(call(&mut w, 2, k, "count_down", &[]), ErrorKind::Negative);
    let k = place::semaphore;
    let mut w = with(k, &[Value::Int(0)], 0);
    assert!(matches!(call(&mut w, 1, k, "acquire", &wait()), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "release", &[Value::Int(2)]), NONE);
    assert_eq!(again(&mut w, 1, &[(5, k)]), TRUE);
    assert_eq!(call(&mut w, 2, k, "value", &[]), Outcome::Done(Value::Int(1)));
}

#[test]
fn a_set_that_was_cleared_still_ends_the_waits_it_met() {
    let k = place::event;
    let mut w = with(k, &[], 0);
    assert!(matches!(call(&mut w, 1, k, "wait", &[Value::None]), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "set", &[]), NONE);
    assert_eq!(call(&mut w, 2, k, "clear", &[]), NONE);
    assert_eq!(again(&mut w, 1, &[(5, k)]), TRUE);
    assert!(matches!(call(&mut w, 3, k, "wait", &[Value::None]), Outcome::Wait(_)));
}

#[test]
fn a_queue_is_bounded_and_closes() {
    let k = place::queue;
    let mut w = with(k, &[Value::Int(1)], 0);
    let put = |n: i64| [Value::Int(n), Value::Bool(true), Value::None];
    assert_eq!(call(&mut w, 1, k, "put", &put(1)), NONE);
    raises(call(&mut w, 1, k, "put_nowait", &[Value::Int(2)]), ErrorKind::Full);
    raises(call(&mut w, 1, k, "put", &[Value::None, Value::Bool(true), Value::None]), ErrorKind::Type);
    assert!(matches!(call(&mut w, 1, k, "put", &put(2)), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "get", &wait()), Outcome::Done(Value::Int(1)));
    assert_eq!(w.woken, [1]);
    assert_eq!(again(&mut w, 1, &[(5, k)]), NONE);
    assert!(matches!(call(&mut w, 1, k, "put", &put(3)), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "close", &[]), NONE);
    raises(again(&mut w, 1, &[(5, k)]), ErrorKind::Closed);
    assert_eq!(call(&mut w, 2, k, "get", &wait()), Outcome::Done(Value::Int(2)), "what is in it still comes");
    assert_eq!(call(&mut w, 2, k, "get", &wait()), NONE);
    raises(call(&mut w, 2, k, "close", &[]), ErrorKind::Closed);
}

#[test]
fn a_queue_of_none_hands_over() {
    let k = place::queue;
    let mut w = with(k, &[Value::Int(0)], 0);
    raises(call(&mut w, 1, k, "put_nowait", &[Value::Int(1)]), ErrorKind::Full);
    raises(call(&mut w, 1, k, "get_nowait", &[]), ErrorKind::Empty);
    assert!(matches!(call(&mut w, 1, k, "get", &wait()), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "put_nowait", &[Value::Int(1)]), NONE);
    assert_eq!(w.given, [(1, Value::Int(1))]);
}

#[test]
fn jobs_go_through_a_pool() {
    let k = place::pool;
    let mut w = with(k, &[Value::Int(1)], 0);
    assert_eq!(call(&mut w, 1, k, "-submit", &[Value::Int(9)]), NONE);
    assert_eq!(call(&mut w, 2, k, "-take", &[]), Outcome::Done(Value::Int(9)));
    assert!(matches!(call(&mut w, 2, k, "-take", &[]), Outcome::Wait(_)));
    assert_eq!(need(&w, k, 5, pool::JOIN, 0, 1), Need::Deed { object: 5, methods: &[0, 1] }, "join before close");
    assert_eq!(call(&mut w, 1, k, "close", &[]), NONE);
    raises(call(&mut w, 1, k, "-submit", &[Value::Int(9)]), ErrorKind::Closed);
    assert_eq!(again(&mut w, 2, &[(5, k)]), NONE);
    assert!(matches!(call(&mut w, 1, k, "-join", &[Value::None]), Outcome::Wait(_)));
    assert_eq!(call(&mut w, 2, k, "-leave", &[]), NONE);
    assert_eq!(again(&mut w, 1, &[(5, k)]), TRUE);
}

#[test]
fn wrong_arguments_of_declarations() {
    assert!(init(place::barrier, &[Value::Int(0)], 0).is_err());
    assert!(init(place::queue, &[Value::Int(-1)], 0).is_err());
    assert!(init(place::semaphore, &[Value::Bool(true)], 0).is_err());
    assert!(init(place::pool, &[Value::Int(100_000)], 0).is_err());
}

#[test]
fn an_error_tells_which_object_it_is_about() {
    let about = |name: &str| {
        let error = failed(place::queue, name, ErrorKind::Closed, "`put` on a closed queue");
        failed_on(&error.message).map(String::from)
    };
    for name in ["q", "work[2]", "Account.inbox", "reply (line 9)"] {
        assert_eq!(about(name).as_deref(), Some(name));
    }
    for other in ["none has no method `put`", "index 5 of 2", "(queue", "3 tasks (line 9)", "lost (a queue q)"] {
        assert_eq!(failed_on(other), None, "{other}");
    }
}
