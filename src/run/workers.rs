//! Pools: their workers, the jobs given to them, and how each ends.

use super::arena::{ending, facts, flag, object, slot};
use super::executor::Executor;
use super::finish::Ended;
use super::spawn::{Birth, Life, NOWHERE, Name};
use super::wait::Halt;
use crate::detect::trace::Came;
use crate::machine::Task;
use crate::objects::{self, pool, task};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Executor {
    /// A pool's worker: takes jobs until there will be no more, or it is stopped. One that is
    /// a process leaves with it.
    pub(super) fn work(&mut self, pool_id: u32) {
        let pool_ref = ObjRef { id: pool_id, kind: objects::place::pool };
        let mut own = Ended::returned();
        let stopped = loop {
            self.at_site(NOWHERE);
            let job = match self.operate(pool_ref, pool::TAKE, &[]) {
                Ok(Value::List(job)) => job,
                Ok(_) => break false,
                Err(_) => break true,
            };
            let (Some(Value::Object(handle)), Some(Value::Function(function))) = (job.first(), job.get(1)) else {
                continue;
            };
            let _ = self.operate(*handle, task::BEGIN, &[]);
            let pid = self.arena.facts(self.task, facts::PID).load(Relaxed);
            self.arena.facts(handle.id, facts::PID).store(pid, Relaxed);
            self.slot_word(slot::FUNCTION).store(u64::from(*function), SeqCst);
            if self.image.room.grows {
                self.image.catch_up(&self.home, self.holder);
                self.renew();
            }
            self.job = Some(handle.id);
            let ended = self.run_task(Task::new(self.program, *function, &job[2..], &[]));
            if self.slot_word(slot::POOL).load(Relaxed) == 0 {
                self.end_process(ended);
            }
            let ended = self.end_in_turn(ended);
            self.job = None;
            self.trace.ends = ended.ending != ending::TERMINATED;
            self.finish_handle(*handle, &ended);
            if ended.ending == ending::TERMINATED {
                // What the job held, the worker leaves behind.
                own = Ended::terminated();
                break true;
            }
        };
        if self.is_first() {
            self.close_process(own, !stopped, Executor::end_with);
        }
        self.end_with(&own);
        self.release();
    }

    /// A worker leaves its pool, whatever has ended it.
    pub(super) fn leave_pool(&mut self) {
        let Some(id) = self.slot_word(slot::POOL).load(Relaxed).checked_sub(1) else { return };
        let target = ObjRef { id: id as u32, kind: objects::place::pool };
        self.guard(target.id);
        let _ = self.attempt(target, pool::LEAVE, &[], None);
        self.trace_operated(target, pool::LEAVE, |_| Came::Raised);
        let word = self.arena.slot_at(self.slot) + 8 * slot::POOL;
        self.change(word, 0);
        if self.is_counted(target) {
            self.give_up_later(target);
        }
        self.unguard();
    }

    /// Makes the workers of a pool, of one that has them made at once.
    pub(super) fn open_pool(&mut self, id: u32, options: u32) -> Result<(), Halt> {
        // Before any of them can do anything.
        self.trace_rest();
        for index in 0..self.object_word(id, pool::WORKERS) as u32 {
            self.make_worker(id, options & pool::OF_PROCESSES != 0, index)?;
        }
        Ok(())
    }

    /// One worker of a pool of processes; whether there is another one to be made.
    pub(super) fn hire(&mut self, pool: ObjRef, index: u32) -> Result<Value, Halt> {
        self.make_worker(pool.id, true, index)?;
        Ok(Value::Bool(u64::from(index) + 1 < self.object_word(pool.id, pool::WORKERS)))
    }

    fn make_worker(&mut self, id: u32, process: bool, index: u32) -> Result<(), Halt> {
        let name = self.image.object_name(id);
        let birth = Birth {
            function: self.program.main,
            entry: NOWHERE,
            name: Name::Own { text: format!("{name}.worker"), numbered: true },
            flags: flag::WORKER,
            process: self.process,
            index,
            pool: Some(id),
        };
        let machine = Task::new(self.program, self.program.main, &[], &[]);
        let life = Life { machine, heritage: Vec::new() };
        if process {
            self.spawn_process(birth, life)?;
        } else {
            let home = self.home.clone();
            // Nobody waits for it, so it may as well come when its process ends.
            self.spawn_thread(&mut home.family(), birth, life)?;
        }
        Ok(())
    }

    pub(super) fn submit(&mut self, target: ObjRef, function: u32, args: &[Value]) -> Result<Value, Halt> {
        let number = self.arena.object(target.id, object::INFO3).fetch_add(1, Relaxed);
        let (text, block) = self.function_name(function)?;
        let name = Name::Shared { text, block, numbered: true };
        let birth =
            Birth { function, entry: NOWHERE, name, flags: 0, process: self.process, index: number as u32, pool: None };
        let id = self.make_job(&birth).map_err(|_| self.refuse(0, 0))?;
        self.arena.object(id, object::WORD + task::POOL).store(u64::from(target.id) + 1, SeqCst);
        self.trace_born(id);
        let handle = ObjRef { id, kind: objects::place::task };
        let mut job = Vec::with_capacity(2 + args.len());
        job.extend([Value::Object(handle), Value::Function(function)]);
        job.extend_from_slice(args);
        self.operate(target, pool::SUBMIT, &[Value::list(job)])?;
        self.possess_job(id);
        Ok(Value::Object(handle))
    }
}
