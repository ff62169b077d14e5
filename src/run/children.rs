//! The children of a process of the script: waited for, taken from the kernel's table, told
//! of at its end.

use super::arena::{facts, process};
use super::executor::Executor;
use super::finish::has_ended;
use super::process::{self as proc, Child};
use super::record::{self, Raw};
use super::wait::{Halt, Pending, Woken};
use crate::detect::trace::Came;
use crate::machine::{Args, Arm};
use crate::objects::{Outcome, task};
use crate::program::value::{Error, ErrorKind, Value};
use std::sync::atomic::Ordering::SeqCst;

impl Executor {
    /// Waits for what it has spawned, as a Python process does at its end, which it begins
    /// when there is nothing left; whether it is the first.
    pub(super) fn await_children(&mut self) -> Result<bool, Halt> {
        let home = self.home.clone();
        loop {
            let family = home.family();
            let Some(child) = family.wanted(self.arena) else {
                if !self.is_to_hold_off() {
                    return Ok(self.begin_end());
                }
                // Who is within a block may want the family.
                drop(family);
                self.hold_off_for_end();
                continue;
            };
            drop(family);
            self.let_on_after_end();
            if self.hold_child(&child) {
                let joined = self.operate(child.task, task::JOIN, &task::quietly());
                self.give_up_handle(child.task.id);
                joined?;
            }
            self.settle_child(child.number);
        }
    }

    /// After a join: takes the ended process from the kernel's table, if it is
    /// a child of this one.
    pub(super) fn settle(&mut self, task: u32) {
        self.settle_child(self.arena.facts(task, facts::NUMBER).load(SeqCst));
    }

    /// The child with that place in the order of birth.
    fn settle_child(&mut self, number: u64) {
        let child = {
            let mut family = self.home.family();
            match family.children.iter_mut().find(|c| c.number == number && !c.settled) {
                Some(child) if !child.forked => {
                    child.settled = true;
                    *child
                }
                _ => return,
            }
        };
        match child.process {
            Some(index) if self.replay.on => _ = self.reap_child(index),
            Some(index) => self.home.gil_pause(|| self.home.reap_soon(index)),
            None => {}
        }
    }

    fn reap_child(&self, index: usize) -> Option<i32> {
        if self.replay.on {
            return self.reap_in_turn(index);
        }
        let pid = self.arena.process(index, process::PID).load(SeqCst) as i32;
        let code = self.home.gil_pause(|| proc::reap(pid));
        self.arena.process(index, process::REAPED).store(1, SeqCst);
        code
    }

    /// Spawned processes that have ended leave the kernel's table whenever a
    /// new one is made, as in Python.
    pub(super) fn reap_ended(&self) {
        self.home.reap_gone();
        let ended: Vec<Child> = {
            let mut family = self.home.family();
            let arena = self.arena;
            let is_over = |c: &Child| c.process.is_some() && !c.forked && !c.settled && c.is_over(arena);
            let ended = family.children.iter().filter(|c| is_over(c)).copied().collect();
            for c in family.children.iter_mut() {
                c.settled |= is_over(c);
            }
            ended
        };
        for index in ended.into_iter().filter_map(|c| c.process) {
            self.reap_child(index);
        }
    }

    /// Forked children that nobody has waited for; with a pid, that one.
    pub(super) fn forked_children(&self, pid: Option<i64>) -> Vec<Child> {
        let mut children = self.home.family().forked();
        let pid_of = |c: &Child| c.process.map(|p| self.arena.process(p, process::PID).load(SeqCst) as i64);
        children.retain(|c| pid.is_none_or(|p| pid_of(c) == Some(p)));
        children
    }

    /// The script's `wait()`: the exit code of a forked child.
    pub(super) fn wait_child(&mut self, pid: Option<i64>) -> Result<Value, Halt> {
        loop {
            if let Some(code) = self.wait_for_one(pid)? {
                return Ok(Value::Int(i64::from(code)));
            }
        }
    }

    /// The exit code of the first that ends; none if another thread has taken it, or has made
    /// one more.
    fn wait_for_one(&mut self, pid: Option<i64>) -> Result<Option<i32>, Halt> {
        // With a pid there is none more to come, nor where nobody else could make it.
        if pid.is_none() && !self.replay.on && self.home.family().threaded {
            return self.wait_beside_others();
        }
        let mine = self.forked_children(pid);
        if mine.is_empty() {
            return Err(self.no_child(pid).into());
        }
        // Another thread may take one of them meanwhile, and its handle be given back.
        let held: Vec<Child> = mine.into_iter().filter(|child| self.hold_child(child)).collect();
        if held.is_empty() {
            return Ok(None);
        }
        let chosen = self.await_one_of(&held);
        held.iter().for_each(|child| self.give_up_handle(child.task.id));
        let chosen = chosen?;
        let is_mine = {
            let mut family = self.home.family();
            let child = family.children.iter_mut().find(|c| c.number == chosen.number && !c.settled);
            child.map(|c| c.settled = true).is_some()
        };
        let code = || chosen.process.and_then(|p| self.reap_child(p)).unwrap_or(0);
        Ok(is_mine.then(code))
    }

    fn no_child(&mut self, pid: Option<i64>) -> Error {
        self.turn_is_used();
        let text = match pid {
            Some(pid) => format!("{pid} is no forked child to wait for"),
            None => "there is no forked child to wait for".to_string(),
        };
        Error::new(ErrorKind::NoChild, text)
    }

    /// The same where other threads fork and wait too.
    fn wait_beside_others(&mut self) -> Result<Option<i32>, Halt> {
        let home = self.home.clone();
        let mut family = home.family();
        let mine = family.forked();
        if mine.is_empty() {
            drop(family);
            return Err(self.no_child(None).into());
        }
        let first = self.random_below(mine.len() as u64) as usize;
        let mut places = (0..mine.len()).map(|k| (first + k) % mine.len());
        if let Some(at) = places.find(|at| has_ended(self.arena, mine[*at].task.id)) {
            drop(family);
            return Ok(self.take_child(&mine[at]));
        }
        let held: Vec<Child> = mine.into_iter().filter(|child| self.hold_child(child)).collect();
        family.waiting.push(self.slot);
        let forks = family.forks;
        drop(family);
        let waited = self.await_another(&held, forks);
        home.family().waiting.retain(|slot| *slot != self.slot);
        held.iter().for_each(|child| self.give_up_handle(child.task.id));
        waited.map(|()| None)
    }

    /// The exit code of a child that has ended, if no other thread has taken it. That is
    /// decided and told with the family held, so that it was among the same children for
    /// everybody.
    fn take_child(&mut self, child: &Child) -> Option<i32> {
        if !self.hold_child(child) {
            return None;
        }
        // First: who is within a block, which is waited for here, may want the family.
        self.guard_target(child.task);
        let home = self.home.clone();
        let mut family = home.family();
        let all = family.forked();
        let mut is_mine = false;
        if let Some(at) = all.iter().position(|c| c.number == child.number)
            && let Outcome::Done(value) = self.attempt(child.task, task::JOIN, &[Value::None], None)
        {
            family.children.iter_mut().filter(|c| c.number == child.number).for_each(|c| c.settled = true);
            let number = (all.len() > 1).then_some(at as u32);
            self.trace_arm(number, child.task, task::JOIN, |e| Came::Done(e.shown(&value)));
            is_mine = true;
        }
        drop(family);
        self.unguard();
        self.give_up_handle(child.task.id);
        let code = || child.process.and_then(|p| self.reap_child(p)).unwrap_or(0);
        is_mine.then(code)
    }

    /// Sleeps until one of these children may have ended, or there is one more than after so
    /// many forks.
    fn await_another(&mut self, children: &[Child], forks: u32) -> Result<(), Halt> {
        let ids: Vec<u32> = children.iter().map(|c| c.task.id).collect();
        self.guard_all(&ids);
        let mut pending = Vec::new();
        let args = [Value::None];
        for child in children {
            // Nobody ends while this is guarded.
            let wait = match has_ended(self.arena, child.task.id) {
                true => None,
                false => Some(self.attempt(child.task, task::JOIN, &args, None)),
            };
            let Some(Outcome::Wait(memo)) = wait else {
                self.unguard();
                return Ok(());
            };
            pending.push(Pending { target: child.task, method: task::JOIN, args: &args, memo });
        }
        let enlisted = self.enlist(&pending, None);
        self.unguard();
        enlisted?;
        // Whoever forks tells those that wait after that: it is seen here, or ends the sleep.
        let as_before = self.home.family().forks == forks;
        let woken = if as_before { self.park(None) } else { Woken::Again };
        self.guard_pending(&mut pending);
        self.delist(&pending, true);
        self.unguard();
        if woken == Woken::Terminated { Err(Halt::Terminated) } else { Ok(()) }
    }

    /// After a fork: who waits for any child has one more to wait for.
    pub(super) fn tell_who_waits(&self) {
        let waiting = self.home.family().waiting.clone();
        waiting.into_iter().for_each(|slot| self.unpark(slot));
    }

    /// The first of them that ends.
    fn await_one_of(&mut self, children: &[Child]) -> Result<Child, Halt> {
        if let [only] = children {
            self.operate(only.task, task::JOIN, &[Value::None])?;
            return Ok(*only);
        }
        let arm = |c: &Child| Arm { target: Some((c.task, task::JOIN)), args: Args::one(Value::None) };
        let arms: Vec<Arm> = children.iter().map(arm).collect();
        let chosen = match &self.select(&arms, None, false)? {
            Value::List(items) => match items.first() {
                Some(Value::Int(i)) => *i as usize,
                _ => 0,
            },
            _ => 0,
        };
        Ok(children[chosen])
    }

    /// Forked children that are still there, or that nobody waited for.
    pub(super) fn note_children(&mut self) {
        let children = self.home.family().forked();
        // Children are the process's, whichever of its threads ends it.
        let first = self.arena.process(self.process, process::TASK).load(SeqCst);
        let parent = first.checked_sub(1).map_or(self.task, |task| task as u32);
        for child in children {
            let child = child.task.id;
            if !record::is_left_now(self.arena, child) {
                continue;
            }
            let raw = match has_ended(self.arena, child) {
                true => Raw::Zombie { child, parent },
                false => Raw::Orphan { child, parent },
            };
            self.report(record::child_key(self.arena, &raw), raw);
        }
    }
}
