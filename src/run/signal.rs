//! `terminate` and `kill`: a thread is told to stop, a process gets the signal. What may be
//! ended so `objects::task` says; what its end does to others is `finish` and `supervisor`.

use super::arena::{facts, flag, object, process, slot};
use super::executor::Executor;
use super::futex;
use super::process as proc;
use super::wait::Halt;
use crate::objects::{self, task};
use crate::program::value::{ObjRef, Value};
use nix::sys::signal::Signal;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How long a process may take to end by a signal: one that was stopped does not.
const DYING_NS: u64 = 100_000_000;

impl Executor {
    pub(super) fn terminate(&mut self, target: ObjRef) -> Result<Value, Halt> {
        if !task::terminated(target, |word| self.arena.object(target.id, object::WORD + word).load(SeqCst))? {
            return Ok(Value::None);
        }
        if self.is_process(target) {
            self.signal_process(target, Signal::SIGTERM);
            return Ok(Value::None);
        }
        if let Some(slot) = self.arena.slot_of(target.id) {
            self.arena.slot(slot, slot::FLAGS).fetch_or(flag::TERMINATE, SeqCst);
            self.unpark(slot);
        }
        if target.id == self.task {
            self.stops_in_turn();
            return Err(Halt::Terminated);
        }
        Ok(Value::None)
    }

    pub(super) fn kill(&mut self, target: ObjRef) -> Result<Value, Halt> {
        let process = self.is_process(target);
        if task::killed(target, process, |word| self.arena.object(target.id, object::WORD + word).load(SeqCst))? {
            self.signal_process(target, Signal::SIGKILL);
        }
        Ok(Value::None)
    }

    fn is_process(&self, target: ObjRef) -> bool {
        target.kind == objects::place::task
            && self.arena.facts(target.id, facts::FLAGS).load(Relaxed) & flag::PROCESS != 0
    }

    /// Whether a handle is of the first task of this process, which a signal to it ends.
    pub(super) fn is_own_process(&self, target: ObjRef) -> bool {
        self.arena.process(self.process, process::TASK).load(Relaxed) == u64::from(target.id) + 1
    }

    /// A handle's process is not reaped before its handle says that it ended,
    /// so its pid is nobody else's.
    fn signal_process(&mut self, target: ObjRef, signal: Signal) {
        let index = self.arena.facts(target.id, facts::PROCESS).load(Relaxed) as usize;
        // It goes no further in the block under way, whose end this is.
        if index == self.process && self.in_atomic {
            self.unchecked |= self.unlooked;
            self.check_block();
        }
        if index == self.process && self.unlooked {
            self.look_first();
        }
        self.arena.facts(target.id, facts::FLAGS).fetch_or(flag::SIGNALLED, SeqCst);
        if self.replay.on {
            // The supervisor sends it when its turn has come.
            if index == self.process {
                self.await_end_in_turn();
            }
            return;
        }
        let pid = self.arena.process(index, process::PID).load(SeqCst) as i32;
        // A block in one step is gone through before: while this task has the gate nobody
        // is within one, and the other process is gone when it is let go of. From its own
        // nobody comes back here.
        let waits = self.may_hold_off();
        if waits {
            self.take_gate(false);
        }
        proc::send(pid, signal);
        // It may not know of the process yet, and others may wait for what it does when that is
        // dead.
        self.image.call_supervisor();
        if waits {
            let until = futex::now_ns() + DYING_NS;
            while super::supervisor::is_alive(pid) && futex::now_ns() < until {
                std::thread::yield_now();
            }
            self.leave_gate(false);
        }
    }
}
