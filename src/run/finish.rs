//! How a task of the script ends, and how its process does.

use super::arena::{Arena, KEEPER_SLOT, ending, facts, flag, object, process, run, slot, state};
use super::clock::TaskClock;
use super::events::About;
use super::executor::Executor;
use super::futex;
use super::process::{self as proc, Child, Side};
use super::record::Raw;
use super::slots::leave_slot;
use super::spawn::refused;
use crate::detect::event::Kind;
use crate::objects::{self, task};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Executor {
    /// Whether the task is the first one of its process. In the middle of a thread's code,
    /// or of a job, the one that goes on may be a child that was forked there: with that
    /// code its process ends.
    pub(super) fn is_first(&self) -> bool {
        self.arena.process(self.process, process::TASK).load(Relaxed) == u64::from(self.task) + 1
    }

    /// How a task or a job came to its end, for what is told of it.
    fn note_ending(&self, task: u32, ended: &Ended) {
        self.arena.facts(task, facts::ENDING_CODE).store(ended.code as u64, SeqCst);
        self.arena.facts(task, facts::ENDING).store(ended.ending, SeqCst);
    }

    /// That an error has ended the code of this task, before its handle says so: it does
    /// nothing any more for those who wait for it to, and whoever sees that is to see why. A worker
    /// has further jobs before it.
    pub(super) fn note_failed(&self, ended: &Ended) {
        if ended.ending == ending::FAILED && self.slot_word(slot::POOL).load(Relaxed) == 0 {
            self.arena.facts(self.task, facts::ENDING_CODE).store(ended.code as u64, SeqCst);
            self.slot_word(slot::FLAGS).fetch_or(flag::FAILED, SeqCst);
        }
    }

    /// Publishes how a task or a job came to its end.
    pub(super) fn finish_handle(&mut self, handle: ObjRef, ended: &Ended) {
        let states = match ended.ending {
            ending::RETURNED => task::RETURNED,
            ending::FAILED => task::FAILED,
            _ => task::ENDED,
        };
        self.note_ending(handle.id, ended);
        let exit_code = match ended.ending {
            ending::FAILED => 1,
            ending::EXITED => ended.code,
            // As in Python: the signal's number, negative.
            ending::SIGNALLED => -ended.code,
            _ => 0,
        };
        let args = [Value::Int(states as i64), Value::Int(exit_code), ended.result.clone()];
        if handle.id == self.task {
            self.note(Kind::End, About::Nothing, "");
        }
        // The end of a task must be told even if the task itself is to stop.
        let _ = self.operate_until(handle, task::FINISH, &args, None);
    }

    /// The end of this task.
    pub(super) fn finish(&mut self, ended: &Ended) {
        // Who ends itself or its process within a block does so in the block's turn.
        let in_block = ended.ending == ending::EXITED && self.trace.block.is_some();
        self.trace.ends = ended.ending != ending::TERMINATED && !in_block;
        self.end_with(ended);
    }

    /// The end is told before a pool is left: then whoever joined the
    /// pool finds it told, even if the process ends at once.
    pub(super) fn end_with(&mut self, ended: &Ended) {
        self.tell_end(ended);
        self.collect_all();
        self.leave_pool();
        self.let_go_of_self();
        self.leave();
    }

    /// Publishes the end: what it still holds stays held.
    fn tell_end(&mut self, ended: &Ended) {
        if self.in_atomic {
            self.check_block();
            self.trace_block_end();
        }
        // Who tells of the locks that it leaves may do so at once, and says how it ended.
        self.note_ending(self.task, ended);
        let mut held = self.held();
        // A daemon or a worker whose process has ended, with nobody left who would
        // want what it held; or the run has failed, and that alone has ended it.
        let wanted_by_nobody = || self.supervising && serves(self.arena, self.slot) && only_servants_live(self.arena);
        if !held.is_empty() && (wanted_by_nobody() || self.arena.has_failed()) {
            held.clear();
        }
        for (lock, mode, site) in held {
            let mode = match mode {
                objects::Mode::Exclusive => 0,
                objects::Mode::Reading => 1,
                objects::Mode::Writing => 2,
            };
            let raw = Raw::Abandoned { task: self.task, lock, mode, site };
            self.report((2 << 60 | u64::from(self.task), u64::from(lock)), raw);
        }
        self.pass_to_process();
        let handle = ObjRef { id: self.task, kind: objects::place::task };
        self.finish_handle(handle, ended);
        // Nobody comes between a block and the end within it.
        self.let_on_after_end();
    }

    /// What a thread did comes before the end of its process, which it is not the first
    /// task of. It does so before it tells its end: the handle of the first task is that
    /// one's still, since it ends with its process, after its threads have or stand still.
    fn pass_to_process(&mut self) {
        let home = self.slot_word(slot::PROCESS).load(Relaxed) as usize;
        let word = self.arena.process(home, process::TASK).load(SeqCst);
        let Some(first) = word.checked_sub(1).filter(|_| word & process::TOLD == 0).map(|task| task as u32) else {
            return;
        };
        // Nobody joins `main`.
        if self.detect && first != self.task && first != self.image.main_task() {
            self.guard(first);
            let handle = ObjRef { id: first, kind: objects::place::task };
            let _ = self.attempt(handle, task::PASS, &[], None);
            self.unguard();
        }
    }

    /// This task ends its process: all that the threads of that did comes before. They have
    /// ended or stand still.
    fn come_after_threads(&mut self) {
        let threads: Vec<Child> = {
            let family = self.home.family();
            // Most processes have none, and a new one has each page that it uses given anew.
            if !self.detect || !family.threaded {
                return;
            }
            family.children.iter().filter(|c| c.process.is_none()).copied().collect()
        };
        for thread in threads.into_iter().filter(|c| c.task.id != self.task && !c.is_over(self.arena)) {
            if let Some(slot) = self.arena.slot_of(thread.task.id) {
                self.clock().join_task(TaskClock::new(self.arena, slot));
            }
        }
        if self.is_first() {
            self.guard(self.task);
            self.clock().acquire(self.arena.object(self.task, object::CLOCK));
            self.unguard();
        }
    }

    fn leave(&mut self) {
        leave_slot(self.arena, self.slot);
        if self.gated {
            self.tell_awaiting();
        }
        self.image.call_supervisor_if_needed();
    }

    /// The end of this process and of all its threads.
    pub(super) fn end_process(&mut self, ended: Ended) -> ! {
        let ended = self.end_in_turn(ended);
        if self.unlooked {
            // In a block it is looked at with the end of that.
            self.unchecked |= self.in_atomic;
            self.look_first();
        }
        let waits = ended.ending != ending::EXITED;
        self.close_process(ended, waits, Executor::finish)
    }

    /// The same with no turn of its own. `waits`: first for what it has spawned; `tell` is
    /// how the end of this task is told.
    pub(super) fn close_process(&mut self, mut ended: Ended, waits: bool, tell: fn(&mut Executor, &Ended)) -> ! {
        let code = match ended.ending {
            ending::EXITED => ended.code as i32,
            ending::FAILED => 1,
            _ => 0,
        };
        let first = if waits {
            self.arena.slot(self.slot, slot::PC).store(u64::from(self.site), Relaxed);
            // A worker has yet to leave its pool.
            let is_worker = self.slot_word(slot::POOL).load(Relaxed) != 0;
            let over = flag::CODE_ENDED | if is_worker { 0 } else { flag::BODY_ENDED };
            self.note_failed(&ended);
            self.slot_word(slot::FLAGS).fetch_or(over, SeqCst);
            self.trace.quiet = true;
            let first = self.await_children().unwrap_or_else(|_| {
                ended.ending = ending::TERMINATED;
                self.hold_off_for_end();
                self.begin_end()
            });
            self.trace.quiet = false;
            first
        } else {
            self.hold_off_for_end();
            self.begin_end()
        };
        self.still_others(first);
        self.come_after_threads();
        self.note_children();
        self.arena.process(self.process, process::EXIT_CODE).store(code as u64, SeqCst);
        // Whichever of its tasks ends the first process: its memory is what
        // `finally` looks at.
        let first = self.arena.process(self.process, process::TASK).load(SeqCst);
        let is_main = first == u64::from(self.image.main_task()) + 1;
        tell(self, &ended);
        if is_main {
            self.keep_for_finally();
        }
        self.leave_process_in_turn();
        // The supervisor finds out by itself, soon enough if nobody can be waiting for
        // what it does then.
        let threads = self.home.family().children.iter().any(|c| c.process.is_none() && !c.is_over(self.arena));
        self.arena.process(self.process, process::STATE).store(process::EXITED, SeqCst);
        if is_main || threads {
            self.image.call_supervisor();
        } else {
            self.image.call_supervisor_if_needed();
        }
        proc::end(code)
    }

    /// What `finally` needs is this process's memory. If others still run, or
    /// threads of this process do, a copy of it stays behind for that.
    fn keep_for_finally(&mut self) {
        if self.program.finally.is_none() && !self.image.options.outcomes {
            return;
        }
        let Some(index) = self.home.reserve(process::KEEPER) else { return };
        match self.home.fork(self.home.family(), index, None, || ()) {
            Ok(Side::Parent(_)) => {
                self.arena.run(run::FINALLY_DONE).store(0, SeqCst);
            }
            Ok(Side::Child(home)) => {
                proc::register(self.arena, home.index);
                proc::ThreadName::new("finally").give();
                self.move_to(KEEPER_SLOT, home.index);
                self.image.call_supervisor();
                let go = self.arena.run_half(run::FINALLY_GO);
                while go.load(SeqCst) == 0 {
                    futex::wait(go, 0, None);
                }
                self.run_finally();
                self.arena.process(home.index, process::STATE).store(process::EXITED, SeqCst);
                self.arena.run(run::FINALLY_DONE).store(1, SeqCst);
                self.image.call_supervisor();
                proc::end(0)
            }
            Err(error) => {
                let _ = self.refuse(refused::PROCESS, error as i32);
            }
        }
    }
}

/// Whether a task's handle says that it has ended.
pub fn has_ended(arena: &Arena, task: u32) -> bool {
    arena.object(task, object::WORD + task::STATE).load(SeqCst) != task::RUNNING
}

fn serves(arena: &Arena, slot: usize) -> bool {
    arena.slot(slot, slot::FLAGS).load(Relaxed) & (flag::DAEMON | flag::WORKER) != 0
}

/// Whether all that live are daemons and workers. Who has told its end and is
/// still leaving its slot lives no more, though `run::LIVE` counts it.
fn only_servants_live(arena: &Arena) -> bool {
    (0..arena.slots_high()).all(|s| {
        let free = matches!(arena.slot(s, slot::STATE).load(SeqCst), state::FREE | state::ENDED);
        let told = arena.slot(s, slot::FLAGS).load(SeqCst) & flag::TOLD != 0;
        free || told || serves(arena, s) || has_ended(arena, arena.slot(s, slot::TASK).load(SeqCst) as u32)
    })
}

/// How a task came to its end.
#[derive(Clone, Debug)]
pub struct Ended {
    /// One of `arena::ending`.
    pub ending: u64,
    /// The exit code, or the kind of the error.
    pub code: i64,
    pub result: Value,
}

impl Ended {
    pub fn returned() -> Ended {
        Ended { ending: ending::RETURNED, code: 0, result: Value::None }
    }
    pub fn terminated() -> Ended {
        Ended { ending: ending::TERMINATED, code: 0, result: Value::None }
    }
}
