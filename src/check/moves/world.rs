//! The `World` of the objects in the model: their words, values, holders and waiters
//! are parts of the state. What an object does with them is its own affair.

use super::Move;
use crate::check::order::Knower;
use crate::check::part::*;
use crate::objects::{Edge, Mode, TaskId, World};
use crate::program::value::{ObjRef, Value};

impl World for Move<'_> {
    fn word(&self, object: u32, index: usize) -> u64 {
        self.object(object, |o| o.words[index]).unwrap_or(0)
    }

    fn set(&mut self, object: u32, index: usize, value: u64) {
        self.change_object(object, |o| o.words[index] = value);
    }

    fn me(&self) -> TaskId {
        self.me
    }

    fn may_wait(&self) -> bool {
        !self.in_atomic
    }

    fn site(&self) -> u32 {
        self.site
    }

    fn push(&mut self, object: u32, value: Value, bound: Option<u64>) {
        self.released = true;
        if self.model.exact && self.kind(object) != crate::objects::place::task {
            self.order_push(object, self.len(object), bound.is_some());
        }
        self.change_object(object, |o| o.values.push(value));
    }

    fn pop(&mut self, object: u32, bound: Option<u64>) -> Option<Value> {
        if self.object(object, |o| o.values.is_empty())? {
            return None;
        }
        self.released |= bound.is_some();
        if self.model.exact {
            self.order_pop(object, bound.map(|places| u32::try_from(places).unwrap_or(u32::MAX)));
        }
        self.progress = true;
        self.change_object(object, |o| o.values.remove(0))
    }

    fn len(&self, object: u32) -> u64 {
        self.object(object, |o| o.values.len() as u64).unwrap_or(0)
    }

    fn release(&mut self, object: u32, clock: u8, edge: Edge) {
        self.released = true;
        self.order_release(Knower::Clock(object, clock), edge == Edge::Set);
    }

    fn acquire(&mut self, object: u32, clock: u8) {
        self.order_acquire(Knower::Clock(object, clock));
    }

    fn hold(&mut self, object: u32, mode: Mode) {
        let (me, site) = (self.me, self.site);
        self.change_task(me, |t| t.held.push((object, mode, site)));
        self.change_object(object, |o| {
            o.holders.push((me, mode));
            o.holders.sort_unstable();
        });
    }

    fn unhold(&mut self, object: u32, mode: Mode) {
        let me = self.me;
        self.change_task(me, |t| {
            if let Some(at) = t.held.iter().rposition(|h| (h.0, h.1) == (object, mode)) {
                t.held.remove(at);
            }
        });
        self.change_object(object, |o| {
            if let Some(at) = o.holders.iter().position(|h| *h == (me, mode)) {
                o.holders.remove(at);
            }
        });
    }

    fn holds(&self, object: u32, mode: Mode) -> bool {
        self.object(object, |o| o.holders.contains(&(self.me, mode))).unwrap_or(false)
    }

    fn holders(&self, object: u32) -> Vec<TaskId> {
        let mut all: Vec<TaskId> = self.object(object, |o| o.holders.iter().map(|h| h.0).collect()).unwrap_or_default();
        all.dedup();
        all
    }

    fn waiting(&self, object: u32, methods: &[u8]) -> Vec<TaskId> {
        let me = self.me;
        self.object(object, |o| {
            o.waiters.iter().filter(|w| w.task != me && methods.contains(&w.method)).map(|w| w.task).collect()
        })
        .unwrap_or_default()
    }

    /// Whoever can go ahead is tried anyway.
    fn wake(&mut self, _object: u32, _methods: &[u8], _count: u64) {}

    fn meet(&mut self, object: u32, method: u8, give: Value) -> Option<Value> {
        let me = self.me;
        let partners: Vec<Waiter> = self
            .object(object, |o| o.waiters.iter().filter(|w| w.task != me && w.method == method).cloned().collect())?;
        if partners.is_empty() {
            return None;
        }
        let chosen = partners[self.choose_waiter(&partners)].clone();
        let value = self.meet_waiter(&chosen, give);
        (self.released, self.progress) = (true, true);
        Some(value)
    }

    fn transfer(&mut self, object: u32, method: u8, count: u64, to: u32, then: u8) -> u64 {
        let me = self.me;
        let mut left: Vec<Waiter> = self
            .object(object, |o| o.waiters.iter().filter(|w| w.task != me && w.method == method).cloned().collect())
            .unwrap_or_default();
        let mut moved = 0;
        while moved < count && !left.is_empty() {
            // If all go, the order is no matter.
            let all = count - moved >= left.len() as u64;
            let way = if all { 0 } else { self.choose_waiter(&left) };
            let waiter = left.remove(way);
            self.move_waiter(&waiter, object, to, then);
            moved += 1;
        }
        self.released |= moved > 0;
        moved
    }

    fn workers(&self, pool: u32) -> Vec<TaskId> {
        let all = self.object(pool, |o| o.workers.clone()).unwrap_or_default();
        all.into_iter().filter(|t| self.task(*t, |t| !matches!(t.at, At::Ended(_))).unwrap_or(false)).collect()
    }

    fn terminate_workers(&mut self, pool: u32) {
        for worker in self.workers(pool) {
            // A process too: its worker sees it, as a thread does.
            self.change_task(worker, |t| t.dying = true);
        }
    }
}

impl Move<'_> {
    /// Another task's wait is over in its arm: it has `give`, and what it
    /// offered comes back.
    fn meet_waiter(&mut self, waiter: &Waiter, give: Value) -> Value {
        let mut offered = Value::None;
        let mut elsewhere: Vec<u32> = Vec::new();
        self.change_task(waiter.task, |t| {
            let at = std::mem::replace(&mut t.at, At::Ended(Ended { how: How::Returned, result: Value::None }));
            t.at = match at {
                At::Operate { op, then, .. } => {
                    offered = op.args.first().cloned().unwrap_or(Value::None);
                    elsewhere.push(op.target.id);
                    At::Met { arm: None, value: give, then }
                }
                At::Select { arms, then, .. } => {
                    let mut number = 0;
                    for (n, arm) in &arms {
                        elsewhere.push(arm.target.id);
                        if *n == waiter.arm {
                            number = *n;
                            offered = arm.args.first().cloned().unwrap_or(Value::None);
                        }
                    }
                    At::Met { arm: Some(number), value: give, then }
                }
                other => other,
            };
        });
        for object in elsewhere {
            self.leave(object, waiter.task);
        }
        // Both come after all that the other did.
        self.footprint_of(waiter.task);
        self.order_meet(waiter.task, true);
        self.did(crate::check::seen::Deed::Met(waiter.task));
        offered
    }

    fn move_waiter(&mut self, waiter: &Waiter, from: u32, to: u32, then: u8) {
        self.change_object(from, |o| o.waiters.retain(|w| w != waiter));
        let kind = self.kind(to);
        self.change_task(waiter.task, |t| {
            let op = match &mut t.at {
                At::Operate { op, timed, .. } => {
                    // Once moved on it waits as long as it takes.
                    *timed = false;
                    Some(&mut **op)
                }
                At::Select { arms, .. } => arms.iter_mut().find(|a| a.0 == waiter.arm).map(|a| &mut a.1),
                _ => None,
            };
            if let Some(op) = op {
                op.target = ObjRef { id: to, kind };
                op.method = then;
                op.args.clear();
            }
        });
        self.arrive(to, waiter.task, waiter.arm, then);
        self.order_meet(waiter.task, false);
        self.did(crate::check::seen::Deed::Moved(waiter.task));
    }

    /// A task is among those that wait at an object.
    pub fn arrive(&mut self, object: u32, task: TaskId, arm: usize, method: u8) {
        self.change_object(object, |o| {
            o.waiters.push(Waiter { task, arm, method });
            o.waiters.sort_unstable_by_key(|w| (w.task, w.arm, w.method));
        });
    }

    pub fn leave(&mut self, object: u32, task: TaskId) {
        self.change_object(object, |o| o.waiters.retain(|w| w.task != task));
    }
}
