//! What runs from its beginning to its end with nobody between: an `atomically`
//! block, the condition of an `await`, and what is seen from outside (invariants,
//! `expect`, `finally`). It owns that one loop, and what each of them makes of the
//! steps that are its own; all others are `inline`'s.

use super::{Act, STEPS_MAX, price};
use crate::check::moves::Move;
use crate::check::order::Knower;
use crate::check::part::*;
use crate::check::seen::{self, Broken, Event};
use crate::machine::{Home, Place, Step, Task};
use crate::objects::{self, Still};
use crate::program::value::{Error, ErrorKind, Looked, Value, brief, undecided};
use std::sync::atomic::Ordering::Relaxed;

/// What is made of a step.
enum Took<T> {
    /// All is over.
    Over(T),
    /// It was the loop's own affair; the next one, if it is known already.
    On(Option<Step>),
    /// It is as everywhere.
    Inline(Step),
}

/// How a block in one step, or a look at a condition, ends.
enum End {
    /// The task stands before this step.
    Stands(Step),
    /// With a look at this condition in vain.
    Looks(u32),
    /// The task has stopped itself, or its process.
    Stopped,
    /// It ends its process, with this exit code: nobody comes between the block and that.
    Exits(i32),
}

impl Move<'_> {
    /// Runs a machine until `take` says that all is over; none, with the limit `what`
    /// told, if it goes on and on. `next` is its first step, if it is known.
    fn run_whole<T>(
        &mut self,
        machine: &mut Task,
        mut next: Option<Step>,
        what: &'static str,
        mut take: impl FnMut(&mut Self, &mut Task, Step) -> Took<T>,
    ) -> Option<T> {
        let mut budget = STEPS_MAX;
        loop {
            let step = next.take().unwrap_or_else(|| machine.advance(self.program, self));
            self.site = machine.pc();
            budget = budget.saturating_sub(price(&step));
            if budget == 0 {
                self.cut = Some(what);
                return None;
            }
            next = match take(self, machine, step) {
                Took::Over(value) => return Some(value),
                Took::On(next) => next,
                Took::Inline(step) => {
                    if let Some(what) = self.too_much(&step) {
                        self.cut = Some(what);
                        return None;
                    }
                    match self.inline(&step) {
                        Ok(value) => machine.resume(self.program, value),
                        Err(error) => machine.raise(error),
                    }
                }
            };
        }
    }

    // ------------------------------------------------------- atomically, await

    /// Runs the machine without anybody between, up to `AtomicEnd`.
    /// A block that begins with an `await` whose condition does not hold is as
    /// much as a look at it: what it reads is reached, and the block after it
    /// comes after that.
    pub(super) fn atomically(&mut self) -> Act {
        let me = self.me;
        let Some((before, looked)) = self.task(me, |t| (t.machine.clone(), matches!(t.at, At::Looked { .. }))) else {
            return Act::Blocked;
        };
        self.reached = self.model.blind;
        let seen = self.events.len();
        let Some(mut machine) = self.change_task(me, |t| t.machine.take()).flatten() else { return Act::Blocked };
        (self.in_atomic, self.in_look) = (true, false);
        self.order_acquire(Knower::Atomically);
        self.did(seen::Deed::AtomicBegin);
        let next = machine.resume(self.program, Value::None);
        let what = "an `atomically` block that goes on and on";
        let end = self.run_whole(&mut machine, next, what, |m, machine, step| match step {
            Step::AtomicEnd => {
                m.in_atomic = false;
                let next = machine.resume(m.program, Value::None);
                Took::Over(End::Stands(next.unwrap_or_else(|| machine.advance(m.program, m))))
            }
            Step::AwaitEnd { site, holds: false, .. } => Took::Over(End::Looks(site)),
            Step::AwaitBegin { .. } | Step::AwaitEnd { .. } => {
                m.in_look = matches!(step, Step::AwaitBegin { .. });
                Took::On(machine.resume(m.program, Value::None))
            }
            step => m.in_block(machine, step),
        });
        if end.is_none() {
            self.model.endless.store(true, Relaxed);
        }
        let stopped = matches!(end, Some(End::Stopped));
        let exits = if let Some(End::Exits(code)) = end { Some(code) } else { None };
        let (went, looks) = match end {
            Some(End::Stands(step)) => {
                self.stand(machine, step);
                (true, None)
            }
            Some(End::Stopped | End::Exits(_)) => {
                self.change_task(me, |t| t.machine = Some(machine));
                (true, None)
            }
            Some(End::Looks(site)) => (false, Some(site)),
            None => (false, None),
        };
        self.in_atomic = false;
        self.released = true;
        self.order_release(Knower::Atomically, true);
        self.did(seen::Deed::AtomicEnd);
        if stopped {
            self.stop_itself();
            return Act::Over;
        }
        if let Some(code) = exits {
            return self.exit(code);
        }
        match looks {
            // A second look shows nothing: the first one can come as late.
            Some(_) if looked || !self.reached && self.events.len() == seen => Act::Blocked,
            Some(site) => self.looks_and_waits(site, before),
            None if went => Act::Went,
            None => Act::Blocked,
        }
    }

    /// `await`: one look at the condition. What it reads is reached even if it
    /// does not hold.
    pub(super) fn look(&mut self, site: u32) -> Act {
        let me = self.me;
        let Some((before, looked)) = self.task(me, |t| (t.machine.clone(), matches!(t.at, At::Looked { .. }))) else {
            return Act::Blocked;
        };
        // To whoever looks for races itself, the first look is told.
        self.reached = self.model.blind && !looked;
        let seen = self.events.len();
        let Some(mut machine) = self.change_task(me, |t| t.machine.take()).flatten() else { return Act::Blocked };
        (self.in_atomic, self.in_look) = (true, true);
        let next = machine.resume(self.program, Value::None);
        let what = "an `await` whose condition goes on and on";
        let end = self.run_whole(&mut machine, next, what, |m, machine, step| match step {
            Step::AwaitEnd { holds: true, .. } => {
                let next = machine.resume(m.program, Value::None);
                Took::Over(End::Stands(next.unwrap_or_else(|| machine.advance(m.program, m))))
            }
            Step::AwaitEnd { .. } => Took::Over(End::Looks(site)),
            step => m.in_block(machine, step),
        });
        if end.is_none() {
            self.model.endless.store(true, Relaxed);
        }
        self.in_atomic = false;
        match end {
            Some(End::Stands(step)) => {
                self.stand(machine, step);
                Act::Went
            }
            Some(End::Stopped) => {
                self.change_task(me, |t| t.machine = Some(machine));
                self.stop_itself();
                Act::Over
            }
            Some(End::Exits(code)) => {
                self.change_task(me, |t| t.machine = Some(machine));
                self.exit(code)
            }
            // A race is shown by a look even if nobody is left who could come to what it
            // reaches: those that have ended have been there.
            _ if self.reached || !looked && self.events.len() > seen => self.looks_and_waits(site, before),
            _ => Act::Blocked,
        }
    }

    /// Where it is that nothing may wait.
    pub(super) fn still(&self) -> Still {
        Still::of(self.outside, self.in_look)
    }

    /// A step within a block or a look: what is as everywhere, and what is not.
    fn in_block(&mut self, machine: &mut Task, step: Step) -> Took<End> {
        match step {
            Step::End(_) | Step::Failed(_) => {
                self.in_atomic = false;
                Took::Over(End::Stands(step))
            }
            Step::Exit(code) => Took::Over(End::Exits(code)),
            Step::Fork => Took::On(machine.raise(Error::no_fork())),
            Step::Wait(_) => Took::On(machine.raise(objects::must_not_wait(self.still(), "`wait()`"))),
            Step::Terminate(_) | Step::Kill(_) => self.stops_in_block(machine, &step),
            step => Took::Inline(step),
        }
    }

    /// Within a block: who stops itself goes no further in it.
    fn stops_in_block(&mut self, machine: &mut Task, step: &Step) -> Took<End> {
        match self.inline(step) {
            Ok(_) if self.has_stopped_itself(step) => Took::Over(End::Stopped),
            Ok(value) => Took::On(machine.resume(self.program, value)),
            Err(error) => Took::On(machine.raise(error)),
        }
    }

    /// It stands where it stood, and has looked at a condition.
    fn looks_and_waits(&mut self, site: u32, before: Option<Task>) -> Act {
        self.say(|_| "await: looks, waits".to_string());
        self.vain = true;
        self.change_task(self.me, |t| {
            t.machine = before;
            let at = std::mem::replace(&mut t.at, At::Ending(Ended { how: How::Returned, result: Value::None }));
            t.at = match at {
                At::Step(step) => At::Looked { site, step },
                other => other,
            };
        });
        Act::Went
    }

    // -------------------------------------------------------- seen from outside

    /// Evaluates a function that makes no step of the script; `None` if it was cut off.
    pub fn look_outside(&mut self, function: u32) -> Option<Looked> {
        let log = self.log.take();
        let before = (self.outside, self.in_atomic, self.site, self.released);
        (self.outside, self.in_atomic) = (true, true);
        let mut machine = Task::new(self.program, function, &[], &[]);
        let what = "an `invariant` or an `expect` that goes on and on";
        let program = self.program;
        let result = self.run_whole(&mut machine, None, what, |_, machine, step| match step {
            Step::End(value) => Took::Over(Ok(value)),
            Step::Failed(error) => Took::Over(Err(error)),
            step => match step.more_than_a_look(program) {
                Some(error) => Took::On(machine.raise(error)),
                None => Took::Inline(step),
            },
        });
        (self.outside, self.in_atomic, self.site, self.released) = before;
        self.log = log;
        result
    }

    pub(in crate::check) fn check_invariants(&mut self) {
        for index in 0..self.program.invariants.len() {
            let Some((values, why)) = self.broken(index) else { continue };
            self.events.push(Event::Invariant { task: self.me, site: self.site, index: index as u32, values, why });
        }
    }

    /// What is seen of an invariant that does not hold: the values that it looks at, and why it
    /// cannot be worked out.
    pub fn broken(&mut self, index: usize) -> Option<Broken> {
        let looked = self.look_outside(self.program.invariants[index].0)?;
        if looked == Ok(Value::Bool(true)) || self.cut.is_some() {
            return None;
        }
        // One that cannot be worked out does not hold either.
        let why = undecided(&looked, |value| self.shown(value));
        let shown = |cell| self.shown(&self.declared_value(cell));
        Some((self.program.invariant_values(index, shown), why))
    }

    pub fn declared_value(&self, cell: u32) -> Value {
        let memory = self.program.memory_of(cell);
        let ix = self.cell_ix(Place { home: Home::Declared, index: cell, memory });
        self.cell(ix, |c| c.value.clone()).unwrap_or(Value::None)
    }

    /// The last assertions, with all tasks ended: in the memory of `main`, which is gone if a
    /// signal has ended that.
    pub fn run_finally(&mut self) {
        let Some(function) = self.program.finally else { return };
        let killed = |t: &TaskPart| matches!(&t.at, At::Ended(Ended { how: How::Signalled(_), .. }));
        if self.task(self.me, killed).unwrap_or(false) {
            return;
        }
        (self.outside, self.in_atomic) = (true, true);
        let mut machine = Task::new(self.program, function, &[], &[]);
        let what = "a `finally` that goes on and on";
        let failed = self.run_whole(&mut machine, None, what, |_, machine, step| match step {
            Step::End(_) => Took::Over(None),
            Step::Failed(error) => Took::Over(Some((error, machine.calls()))),
            step => match step.needs_others() {
                Some(error) => Took::On(machine.raise(error)),
                None => Took::Inline(step),
            },
        });
        if let Some((error, calls)) = failed.flatten() {
            let kind = ErrorKind::ALL.iter().position(|k| *k == error.kind).unwrap_or(0) as u8;
            let (site, message) = (error.site, brief(error.message));
            self.events.push(Event::Failed { task: None, job: None, site, kind, message, calls, held: Vec::new() });
        }
    }
}
