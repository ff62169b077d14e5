//! The ends of tasks and processes in the turns of a schedule, and what a parent learns of
//! a child that has ended, or is about to.

use super::{Pass, at, cursor};
use crate::run::arena::{ending, facts, flag, process, run, slot};
use crate::run::executor::Executor;
use crate::run::finish::Ended;
use crate::run::futex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Executor {
    /// The end of a body, a job or a process is a turn of its own.
    pub(in crate::run) fn end_in_turn(&mut self, ended: Ended) -> Ended {
        if !self.follows() || self.replay.stopped || ended.ending == ending::EXITED {
            return ended;
        }
        if self.in_atomic {
            self.leave_gate(true);
        }
        self.note_failed(&ended);
        // A worker has the code of further jobs before it.
        if self.slot_word(slot::POOL).load(Relaxed) == 0 {
            self.slot_word(slot::FLAGS).fetch_or(flag::CODE_ENDED, SeqCst);
        }
        match self.gate() {
            Pass::Go | Pass::Fired => ended,
            Pass::Stop => Ended::terminated(),
            Pass::Over => self.hold(),
        }
    }

    /// It has ended itself as a thread, in the turn at hand.
    pub(in crate::run) fn stops_in_turn(&mut self) {
        self.replay.stopped |= self.replay.on;
    }

    /// It has sent its own process a signal: it makes no further step, and the end of the
    /// process is a turn of its own.
    pub(in crate::run) fn await_end_in_turn(&mut self) -> ! {
        if self.in_atomic {
            self.leave_gate(true);
        }
        self.release();
        self.arrive_at_gate();
        self.slot_word(slot::GATE).store(at::BY_ITSELF, SeqCst);
        let never = AtomicU32::new(0);
        loop {
            futex::wait(&never, 0, None);
        }
    }

    /// A process has told its end. If anything is left in it, its end is a turn
    /// of its own.
    pub(in crate::run) fn leave_process_in_turn(&mut self) {
        if !self.replay.on {
            return;
        }
        let over = self.replay.turn.and_then(|t| self.turn(t)).is_none_or(|t| t.over);
        let state = self.arena.process(self.process, process::STATE);
        state.store(if over { process::EXITED } else { process::LEAVING }, SeqCst);
        let leaving = self.arena.run(run::REPLAY_LEAVING);
        leaving.fetch_add(1, SeqCst);
        self.release();
        let first = self.arena.process(self.process, process::TASK).load(SeqCst);
        let first = self.arena.facts(first.saturating_sub(1) as u32, facts::NUMBER).load(SeqCst);
        let half = self.arena.run_half(run::REPLAY_CURSOR);
        // Unless it is over, somebody else moves the cursor on.
        while let (false, now) = (over, cursor(self.arena)) {
            let comes = self.turn(now).is_some_and(|t| t.ended && t.process && u64::from(t.task) == first);
            if comes && self.turn(now).is_some_and(|t| t.signal == 0) {
                break;
            }
            futex::wait(half, now as u32, None);
        }
        leaving.fetch_sub(1, SeqCst);
    }

    /// The exit code of a child that has ended, or is about to.
    pub(in crate::run) fn reap_in_turn(&self, index: usize) -> Option<i32> {
        use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
        let word = |w: usize| self.arena.process(index, w).load(SeqCst);
        let pid = nix::unistd::Pid::from_raw(word(process::PID) as i32);
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(-(signal as i32)),
            _ => Some(word(process::EXIT_CODE) as i32),
        }
    }
}
