//! The end of a process is one moment for all others: once a task has ended it, none of
//! its threads makes a further step, though the system lets them run until the process is
//! gone. So what a thread has told was in the memory that is looked at when all is over,
//! and nobody sees a deed of one that was ended before. It owns who ends a process, and
//! how its other threads are held; they are told as ended when it is buried.

use super::arena::{flag, process, run, slot};
use super::executor::Executor;
use super::finish::has_ended;
use super::futex;
use super::process::{Family, Process};
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

/// How long it waits for threads that are in the middle of a step: one may stand in a
/// write to a pipe that nobody reads.
const PATIENCE_NS: u64 = 500_000_000;
/// How often it looks meanwhile for those that ended in the ordinary way.
const LOOK_NS: u64 = 1_000_000;

impl Executor {
    /// Before it says so, where steps can be held off: from here until it has told its end
    /// they are. A thread that is within an `atomically` block may end the process itself at
    /// the end of that, and then this one makes no further step.
    pub(super) fn hold_off_for_end(&mut self) {
        if self.is_to_hold_off() {
            self.take_gate(false);
            self.ends_outside = true;
        }
    }

    /// Whether it is still to be done. In a replay the schedule says who makes a step.
    pub(super) fn is_to_hold_off(&self) -> bool {
        self.may_hold_off() && !self.replay.on
    }

    /// What was held off for the end of this task, or by the block in which it ends, goes on.
    pub(super) fn let_on_after_end(&mut self) {
        if self.in_atomic {
            let block = !std::mem::take(&mut self.ends_outside);
            self.leave_gate(block);
        }
    }

    /// This task says that it ends its process; whether it is the first to say so. It does
    /// before anybody can see that it does nothing more: whoever its process takes along is
    /// not left without hope by that.
    pub(super) fn begin_end(&self) -> bool {
        let state = self.arena.process(self.process, process::STATE);
        state.compare_exchange(process::ALIVE, process::ENDING, SeqCst, SeqCst).is_ok()
    }

    /// The children of this process, for a task that makes one: of a process that ends
    /// none comes any more, and it stands still.
    pub(super) fn family_to_grow<'a>(&self, home: &'a Process) -> MutexGuard<'a, Family> {
        let family = home.family();
        let ends = self.arena.process(self.process, process::STATE).load(SeqCst) == process::ENDING;
        // In a replay the schedule says who makes a step.
        if ends && !self.replay.on {
            drop(family);
            home.gil_let_go();
            self.stand_still();
        }
        family
    }

    /// This task ends its process, unless it was not the `first` to say so: then it stands
    /// still. When this is over, no other thread of the process makes a further step.
    pub(super) fn still_others(&mut self, first: bool) {
        if self.replay.on {
            // There the schedule says who makes a step.
            return;
        }
        if !first {
            self.let_on_after_end();
            self.home.gil_let_go();
            self.stand_still();
        }
        let (home, until) = (self.home.clone(), futex::now_ns() + PATIENCE_NS);
        loop {
            let stood = home.stood.load(SeqCst);
            let now = futex::now_ns();
            if !self.another_moves() || now >= until {
                return;
            }
            if self.arena.run(run::GATE_WAITERS).load(SeqCst) != 0 {
                futex::wake(self.arena.run_half(run::GATE), u32::MAX);
            }
            home.gil_pause(|| futex::wait(&home.stood, stood, Some(now + LOOK_NS)));
        }
    }

    /// Tells all other threads of this process to halt; whether one has not yet.
    fn another_moves(&self) -> bool {
        let first = self.arena.process(self.process, process::TASK).load(SeqCst).checked_sub(1);
        let family = self.home.family();
        let threads = family.children.iter().filter(|c| c.process.is_none() && !c.is_over(self.arena));
        let threads = threads.map(|c| c.task.id);
        let others = threads.chain(first.map(|task| task as u32)).filter(|task| *task != self.task);
        let mut moves = false;
        let moving = others.filter(|task| !has_ended(self.arena, *task) || self.arena.is_in_pool(*task));
        for slot in moving.filter_map(|task| self.arena.slot_of(task)) {
            let flags = self.arena.slot(slot, slot::FLAGS).fetch_or(flag::HALT, SeqCst);
            // Who sleeps looks at its flags first when it wakes.
            let sleeps = self.arena.park(slot).1.load(SeqCst) != 0;
            moves |= flags & flag::STANDS == 0 && !sleeps;
        }
        moves
    }

    /// Of a task that is `terminated`: whether it is to end, or its statement. If its
    /// process ends this does not return. An `atomically` block is gone through first, but
    /// for who types and wants it to end.
    #[cold]
    pub(super) fn is_to_end(&self) -> bool {
        if self.replay.on {
            return true;
        }
        if self.in_atomic {
            return self.flags() & flag::INTERRUPT != 0;
        }
        self.stand_still_if_halted();
        self.flags() & (flag::TERMINATE | flag::INTERRUPT) != 0
    }

    /// Between two steps.
    pub(super) fn stand_still_if_halted(&self) {
        if self.flags() & flag::HALT != 0 && self.is_halted() {
            self.home.gil_let_go();
            self.stand_still();
        }
    }

    /// Whether it is this task that has been told to halt, and not who had its slot before
    /// it; and it is itself, not another that acts for it.
    #[cold]
    pub(super) fn is_halted(&self) -> bool {
        if self.slot_word(slot::PROCESS).load(SeqCst) as usize != self.process {
            return false;
        }
        let ending = self.arena.process(self.process, process::STATE).load(SeqCst) != process::ALIVE;
        if !ending {
            self.slot_word(slot::FLAGS).fetch_and(!flag::HALT, SeqCst);
        }
        ending
    }

    /// Until its process is gone. The interpreter lock has been let go of.
    #[cold]
    pub(super) fn stand_still(&self) -> ! {
        self.slot_word(slot::FLAGS).fetch_or(flag::STANDS, SeqCst);
        self.home.stood.fetch_add(1, SeqCst);
        futex::wake(&self.home.stood, 1);
        let never = AtomicU32::new(0);
        loop {
            futex::wait(&never, 0, None);
        }
    }
}
