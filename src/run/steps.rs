//! The loop of a task: the machine goes up to its next step, the step is
//! carried out for real, the answer goes back. Also what is only a word to the
//! operating system: printing, the processor's time, the task's own numbers.

use super::arena::{ending, facts, flag, object, process, ring, run, slot};
use super::codec;
use super::events::About;
use super::executor::Executor;
use super::finish::Ended;
use super::futex;
use super::guard;
use super::handle;
use super::record::Raw;
use super::wait::Halt;
use crate::detect::event::Kind;
use crate::detect::places::{self, PLACES_MAX};
use crate::detect::trace::What;
use crate::machine::{Access, Place, Step, Task, TaskField};
use crate::objects::{self, KINDS, Still, World, task};
use crate::program::code::{MemoryDecl, SelfInfo};
use crate::program::kind::Memory as MemoryKind;
use crate::program::value::{Error, ErrorKind, ObjRef, Shown, Value};
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// A longer line may be written in several pieces, so it is written alone.
const LINE_WHOLE: usize = 4096;

impl Executor {
    /// Runs a task to its end.
    pub(super) fn run_task(&mut self, mut machine: Task) -> Ended {
        self.stand_still_if_halted();
        self.run_machine(&mut machine)
    }

    pub(super) fn run_machine(&mut self, machine: &mut Task) -> Ended {
        loop {
            let step = machine.advance(self.program, self);
            if let Some(ended) = self.step_over(machine, step) {
                return ended;
            }
        }
    }

    /// One step, and what follows at once from its answer.
    #[inline]
    fn step_over(&mut self, machine: &mut Task, step: Step) -> Option<Ended> {
        self.at_site(machine.pc());
        if self.unlooked {
            self.look_before(&step);
        }
        if self.replay.on
            && let Some(ended) = self.turn_of_step(&step)
        {
            return Some(ended);
        }
        if self.terminated() && self.is_to_end() {
            return self.halted(machine);
        }
        if self.trace.on {
            self.trace.told = !step.is_turn();
        }
        let answer = match &step {
            Step::Access { place, access } => self.access(*place, access),
            Step::Operate { object, method, args } => self.operate_step(*object, *method, args.as_slice()),
            _ => return self.rare_step(machine, step),
        };
        self.answer(machine, answer)
    }

    #[inline]
    fn answer(&mut self, machine: &mut Task, answer: Result<Value, Halt>) -> Option<Ended> {
        let next = match answer {
            Err(Halt::Terminated) => return self.halted(machine),
            answer => {
                if self.trace.on {
                    self.trace_rest();
                }
                if self.unlooked && self.begins {
                    self.look_first();
                }
                match answer {
                    Ok(value) => machine.resume(self.program, value),
                    Err(Halt::Error(error)) => machine.raise(error),
                    Err(Halt::Terminated) => None,
                }
            }
        };
        next.and_then(|step| self.step_over(machine, step))
    }

    /// The task is to end, or in a session its statement.
    #[cold]
    fn halted(&mut self, machine: &mut Task) -> Option<Ended> {
        let flags = self.slot_word(slot::FLAGS).fetch_and(!flag::INTERRUPT, SeqCst);
        if flags & flag::TERMINATE != 0 || flags & flag::INTERRUPT == 0 {
            return Some(Ended::terminated());
        }
        let interrupted = Error::new(ErrorKind::Interrupted, "the statement was stopped");
        machine.raise(interrupted).and_then(|step| self.step_over(machine, step))
    }

    fn rare_step(&mut self, machine: &mut Task, step: Step) -> Option<Ended> {
        if self.outside
            && let Some(error) = step.needs_others()
        {
            return self.answer(machine, Err(error.into()));
        }
        match step {
            Step::End(result) => return Some(Ended { result, ..Ended::returned() }),
            Step::Failed(error) if self.prompted.is_some() => return Some(self.fail_at_prompt(machine, error)),
            Step::Failed(error) => return Some(self.fail(machine, error)),
            Step::Renew => {
                self.image.catch_up(&self.home, self.holder);
                self.renew();
                return self.answer(machine, Ok(Value::None));
            }
            Step::Exit(code) => return Some(self.exit(code)),
            Step::New { .. } | Step::NewRecord { .. } | Step::Submit { .. } | Step::Spawn(_)
                if self.possession.cluttered =>
            {
                self.collect(machine, &step);
            }
            // What is left then, the child has too.
            Step::Fork if self.possession.has_any() => self.collect(machine, &step),
            Step::Interrupted => {
                if self.possession.cluttered {
                    self.collect(machine, &step);
                } else {
                    self.home.gil_switch();
                }
                return self.answer(machine, Ok(Value::None));
            }
            _ => {}
        }
        let answer = self.other_step(&step);
        self.answer(machine, answer)
    }

    pub(super) fn other_step(&mut self, step: &Step) -> Result<Value, Halt> {
        match step {
            Step::Select { arms, after, otherwise } => self.shaken(|e| e.select(arms, *after, *otherwise)),
            Step::Spawn(spawn) => self.spawn(spawn),
            Step::Submit { pool, function, args } => self.submit(*pool, *function, args),
            Step::Join { targets, timeout } => self.join(targets, *timeout),
            Step::JoinAll { timeout } => {
                self.join_past();
                let targets = self.spawned.clone();
                let answer = self.join(&targets, *timeout)?;
                if answer == Value::Bool(true) {
                    self.joined_all();
                }
                Ok(answer)
            }
            Step::Terminate(target) => self.traced_signal(*target, |e| e.terminate(*target)),
            Step::Kill(target) => self.traced_signal(*target, |e| e.kill(*target)),
            Step::Fork if self.in_atomic => Err(Error::no_fork().into()),
            Step::Fork => self.fork(),
            Step::Wait(_) if self.in_atomic => Err(objects::must_not_wait(self.still(), "`wait()`").into()),
            Step::Wait(pid) => self.wait_child(*pid),
            Step::Sleep(_) if self.in_atomic => Err(objects::must_not_wait(self.still(), "`sleep`").into()),
            Step::Sleep(ns) => self.sleep(*ns as u64).map(|()| Value::None),
            Step::Busy(ns) => self.busy(*ns as u64),
            Step::Yield => {
                self.home.gil_pause(std::thread::yield_now);
                Ok(Value::None)
            }
            Step::Print(text) => self.print(text),
            Step::Choose(count) if self.replay.on => Ok(Value::Int(self.planned_choice(*count) as i64)),
            Step::Choose(count) => {
                let way = self.random_below(*count);
                self.trace_note(What::Chose(way));
                Ok(Value::Int(way as i64))
            }
            Step::SelfInfo(info) => Ok(self.self_info(*info)),
            Step::TaskField { task, field } if step.is_turn() => {
                self.traced_with(*task, |e| e.task_field(*task, *field))
            }
            Step::TaskField { task, field } => self.task_field(*task, *field),
            Step::New { site, args, .. } => self.new_object(*site, args),
            Step::NewRecord { site, values, .. } => self.new_record(*site, values),
            Step::Hire { pool, index } => self.hire(*pool, *index),
            // `finally` is alone from its beginning to its end.
            Step::AtomicBegin | Step::AtomicEnd if self.outside => Ok(Value::None),
            Step::AtomicBegin => {
                self.take_gate(true);
                self.in_look = false;
                self.trace_block();
                Ok(Value::None)
            }
            Step::AtomicEnd => {
                if self.in_atomic {
                    self.check_block();
                    self.trace_block_end();
                    self.leave_gate(true);
                    self.stirred = false;
                    self.tell_awaiting();
                }
                Ok(Value::None)
            }
            Step::AwaitBegin { nested, .. } => {
                if !(*nested && self.in_atomic) {
                    self.take_gate(false);
                }
                self.in_look = true;
                self.trace_block();
                Ok(Value::None)
            }
            Step::AwaitEnd { site, nested, holds } => self.look_over(*site, *nested, *holds),
            _ => Ok(Value::None),
        }
    }

    /// Where it is that nothing may wait.
    pub(super) fn still(&self) -> Still {
        Still::of(self.outside, self.in_look)
    }

    fn look_over(&mut self, site: u32, nested: bool, holds: bool) -> Result<Value, Halt> {
        self.in_look = false;
        // A condition may do something. Before this task counts as waiting itself.
        if !(holds && nested) {
            self.check_block();
            self.tell_stirred();
        }
        if !holds {
            self.await_change(site, nested)?;
            if nested {
                self.take_gate(true);
            }
        } else if !nested {
            self.trace_block_end();
            self.leave_gate(false);
        }
        Ok(Value::None)
    }

    /// With `--shake`, now and then a pause before what may go either way.
    fn shaken<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        if self.image.options.shake {
            self.shake();
        }
        f(self)
    }

    fn shake(&mut self) {
        match self.random_below(8) {
            0 => {
                let us = self.random_below(200);
                self.home.gil_pause(|| std::thread::sleep(std::time::Duration::from_micros(us)));
            }
            1 | 2 => std::thread::yield_now(),
            _ => {}
        }
    }

    // ----------------------------------------------------------------- memory

    #[inline]
    fn access(&mut self, place: Place, access: &Access) -> Result<Value, Halt> {
        if self.image.options.shake {
            self.shake();
        }
        let cell = match self.cell(place) {
            Ok(cell) => cell,
            Err(text) => return Err(Error::new(ErrorKind::Type, text).into()),
        };
        if self.records() {
            return self.access_noted(cell, place, access);
        }
        if !self.gated {
            return self.access_cell(cell, access, self.site).map_err(Halt::from);
        }
        self.access_gated(cell, place, access)
    }

    /// As above, in a run that records.
    fn access_noted(&mut self, cell: super::cell::Cell<'static>, place: Place, access: &Access) -> Result<Value, Halt> {
        use crate::program::kind::Update;
        let about = About::Place(cell.key);
        let answer = if self.gated {
            self.access_gated(cell, place, access)
        } else {
            self.access_cell(cell, access, self.site).map_err(Halt::from)
        }?;
        match access {
            Access::Read | Access::Update(Update::Load, ..) => self.note(Kind::Read, about, &self.shown(&answer)),
            Access::Write(value) => self.note(Kind::Write, about, &self.shown(value)),
            Access::Update(..) => self.note(Kind::Write, about, ""),
        }
        Ok(answer)
    }

    /// Where steps can be held off. What an invariant looks at is changed with
    /// all others held off, so that it is looked at right after.
    fn access_gated(&mut self, cell: super::cell::Cell<'static>, place: Place, access: &Access) -> Result<Value, Halt> {
        let writes = !matches!(access, Access::Read | Access::Update(crate::program::kind::Update::Load, ..));
        self.image.catch_up(&self.home, self.holder);
        if writes && !self.outside && self.watched(place) {
            if self.in_atomic {
                // The block is one moment to everybody else; its end is when
                // an invariant must hold.
                self.unchecked = true;
                return self.access_cell(cell, access, self.site).map_err(Halt::from);
            }
            self.take_gate(false);
            let answer = self.access_cell(cell, access, self.site);
            self.check_invariants();
            self.leave_gate(false);
            self.tell_awaiting();
            return answer.map_err(Halt::from);
        }
        self.enter_step();
        let answer = self.access_cell(cell, access, self.site);
        self.leave_step();
        if writes && !self.in_atomic {
            self.tell_awaiting();
        }
        answer.map_err(Halt::from)
    }

    pub(super) fn shown(&self, value: &Value) -> String {
        Shown { value, names: self, quoted: true }.to_string()
    }

    /// The last assertions, with all tasks ended.
    pub(super) fn run_finally(&mut self) {
        // Nobody is left whom it could wait for.
        (self.outside, self.in_atomic) = (true, true);
        self.detect = false;
        self.gated = false;
        self.slot_word(slot::FLAGS).store(0, SeqCst);
        self.hold_as(self.image.main_task());
        if let Some(function) = self.program.finally {
            let mut machine = Task::new(self.program, function, &[], &[]);
            loop {
                let step = machine.advance(self.program, self);
                match step {
                    Step::End(_) => break,
                    Step::Failed(error) => {
                        self.fail(&machine, error);
                        break;
                    }
                    step => {
                        if self.step_over(&mut machine, step).is_some() {
                            break;
                        }
                    }
                }
            }
        }
        self.in_atomic = false;
        self.slot_word(slot::HELD_COUNT).store(0, Relaxed);
        if self.image.options.outcomes {
            self.keep_values();
        }
    }

    /// The values of `var`s, which only this process has.
    pub(super) fn var_values(&self) -> Vec<(String, String)> {
        self.vars().flat_map(|decl| places::told(self.program, decl, |cell| self.shown_var(cell))).collect()
    }

    fn vars(&self) -> impl Iterator<Item = &'static MemoryDecl> {
        self.program.memory.iter().filter(|d| d.memory == MemoryKind::Var)
    }

    fn shown_var(&self, cell: u32) -> String {
        self.shown(&self.image.declared_cell(cell).peek(self.holder))
    }

    /// The same by their cells' keys, with the `var` fields of the records that were made here.
    pub(super) fn private_values(&self) -> Vec<(u64, String)> {
        let cells = self.vars().flat_map(|d| d.first..d.first + d.count.unwrap_or(1).min(PLACES_MAX));
        let mut values: Vec<(u64, String)> = cells.map(|cell| (u64::from(cell), self.shown_var(cell))).collect();
        let records: Vec<u32> = self.home.family().records.keys().copied().collect();
        let is_whole = |record: &u32| self.arena.object(*record, object::INFO2).load(Acquire) != 0;
        for record in records.into_iter().filter(is_whole) {
            for (place, _) in self.image.places_of(record).filter(|(place, _)| place.memory == MemoryKind::Var) {
                let cell = self.cell(place).map(|cell| (cell.key, self.shown(&cell.peek(self.holder))));
                values.extend(cell);
            }
        }
        values
    }

    fn keep_values(&mut self) {
        let values = self.var_values();
        if let Ok(bytes) = serde_json::to_vec(&values)
            && let Ok(block) = codec::store_bytes(&bytes, self.arena.heap(), self.holder)
        {
            self.arena.run(run::FINAL_VALUES).store(block as u64, SeqCst);
        }
    }

    // ---------------------------------------------------------------- objects

    #[inline]
    fn operate_step(&mut self, target: ObjRef, method: u8, args: &[Value]) -> Result<Value, Halt> {
        if self.image.options.shake {
            self.shake();
        }
        let answer = self.operate(target, method, args).or_else(|halt| self.left_without(target, method, halt))?;
        if self.records() {
            self.note_operation(target, method);
        }
        // The server cannot look.
        if self.gated && self.is_managed(target) && !self.outside && !self.in_atomic {
            self.look_at_invariants();
        }
        Ok(answer)
    }

    /// Of operations that leave no other trace.
    fn note_operation(&self, target: ObjRef, method: u8) {
        let told = objects::is_lock(target.kind) || target.kind == objects::place::queue;
        if !told {
            let name = KINDS[target.kind as usize].methods[method as usize].name;
            self.note(Kind::Operate, About::Object(target.id), name);
        }
    }

    fn join(&mut self, targets: &[ObjRef], timeout: Option<i64>) -> Result<Value, Halt> {
        let deadline = timeout.map(|ns| futex::now_ns().saturating_add(ns as u64));
        if targets.is_empty() {
            self.turn_is_used();
        }
        // Who waits for the first of several needs the ends of the others too, which is to be seen.
        let told = if deadline.is_none() { objects::joined_as_well(targets) } else { Value::None };
        for target in targets {
            let is_task = target.kind == objects::place::task;
            let args = std::slice::from_ref(&told);
            if self.operate_until(*target, objects::join_method(target.kind), args, deadline)? == Value::Bool(false) {
                return Ok(Value::Bool(false));
            }
            if is_task {
                self.settle(target.id);
            }
            self.note_peer(Kind::Join, target.id);
        }
        Ok(Value::Bool(true))
    }

    // --------------------------------------------------------------- the task

    pub(super) fn fail(&mut self, machine: &Task, error: Error) -> Ended {
        // `finally` holds nothing, though it may let go of what `main` held.
        let held = if self.outside { Vec::new() } else { self.held() };
        let held = held
            .into_iter()
            .map(|(o, m, s)| {
                let mode = match m {
                    objects::Mode::Exclusive => 0,
                    objects::Mode::Reading => 1,
                    objects::Mode::Writing => 2,
                };
                (o, mode, s)
            })
            .collect();
        let raw = Raw::Failed {
            // `finally` is nobody's.
            task: (!self.outside).then_some(self.task),
            job: self.job.filter(|_| !self.outside).map(|job| self.arena.task_name(job)),
            site: error.site,
            kind: error.kind as u8,
            message: error.message,
            calls: machine.calls(),
            held,
        };
        self.report((5 << 60 | error.kind as u64, u64::from(error.site)), raw);
        if !self.outside {
            // It came to its end there, whatever was let go of on the way out.
            self.at_site(error.site);
        }
        Ended { ending: ending::FAILED, code: error.kind as i64, result: Value::None }
    }

    /// `exit`: the whole process, whichever of its tasks says so.
    fn exit(&mut self, code: i32) -> Ended {
        let ended = Ended { ending: ending::EXITED, code: i64::from(code), result: Value::None };
        self.end_process(ended)
    }

    fn self_info(&mut self, info: SelfInfo) -> Value {
        match info {
            SelfInfo::Handle => Value::Object(ObjRef { id: self.task, kind: objects::place::task }),
            SelfInfo::Name => Value::string(self.arena.task_name(self.task)),
            SelfInfo::Index => Value::Int(self.arena.facts(self.task, facts::INDEX).load(Relaxed) as i64),
            SelfInfo::Pid => Value::Int(i64::from(nix::unistd::getpid().as_raw())),
            SelfInfo::Ppid => self.ppid(),
            SelfInfo::Tid => Value::Int(i64::from(nix::unistd::gettid().as_raw())),
        }
    }

    /// The parent of this process: who made it as long as that is told to be there, and then
    /// `conc`, which adopts it. The kernel says the same a moment earlier or later, and who
    /// asks it could see a parent that has died and is said to be alive.
    fn ppid(&mut self) -> Value {
        let Some(parent) = self.home.parent else {
            return Value::Int(i64::from(nix::unistd::getppid().as_raw()));
        };
        let handle = ObjRef { id: parent.task, kind: objects::place::task };
        let is_there = |e: &mut Self| {
            let state = e.arena.object(parent.task, object::WORD + task::STATE).load(SeqCst);
            // The number may have become another one's meanwhile.
            state == task::RUNNING && handle::life(e.arena, parent.task) == parent.life
        };
        match self.traced_with(handle, is_there) {
            true => Value::Int(i64::from(parent.pid)),
            false => Value::Int(self.arena.process(0, process::PID).load(SeqCst) as i64),
        }
    }

    fn task_field(&mut self, target: ObjRef, field: TaskField) -> Result<Value, Halt> {
        let word = |w: usize| self.arena.object(target.id, object::WORD + w).load(SeqCst);
        let state = word(task::STATE);
        match field {
            TaskField::Name => Ok(Value::string(self.arena.task_name(target.id))),
            TaskField::Alive => Ok(Value::Bool(state == task::RUNNING)),
            TaskField::Pid if task::is_job(word) => Ok(Value::None),
            TaskField::Pid => {
                let process = self.arena.facts(target.id, facts::PROCESS).load(Relaxed) as usize;
                let pid = match self.arena.process(process, process::PID).load(SeqCst) {
                    // Of one that is long gone (`give_back_processes`).
                    0 => self.arena.facts(target.id, facts::PID).load(SeqCst),
                    pid => pid,
                };
                Ok(Value::Int(pid as i64))
            }
            TaskField::ExitCode if state == task::RUNNING => Ok(Value::None),
            TaskField::ExitCode => Ok(Value::Int(word(task::EXIT_CODE) as i64)),
            TaskField::Result if word(task::JOINED) == 0 => {
                let text = format!("the result of `{}` is there after a `join`", self.arena.task_name(target.id));
                Err(Error::new(ErrorKind::Type, text).into())
            }
            TaskField::Result => {
                self.guard(target.id);
                let held = self.arena.object(target.id, object::RING_LEN).load(Relaxed);
                let place = ring::value(self.arena.object(target.id, object::RING).load(Relaxed) as usize, 0);
                let value = if held == 0 { Value::None } else { self.arena.value(self.arena.at(place).load(Relaxed)) };
                self.take_share(&value);
                self.in_world(target.id, |w| w.acquire(target.id, 0));
                self.unguard();
                Ok(value)
            }
        }
    }

    // ------------------------------------------------------------ the machine

    fn busy(&mut self, ns: u64) -> Result<Value, Halt> {
        if self.replay.on {
            return Ok(Value::None);
        }
        let until = futex::thread_ns().saturating_add(ns);
        while futex::thread_ns() < until {
            for _ in 0..100 {
                std::hint::spin_loop();
            }
            if self.terminated() && self.is_to_end() {
                return Err(Halt::Terminated);
            }
            if self.home.gil_wanted() {
                self.home.gil_switch();
            }
        }
        Ok(Value::None)
    }

    fn print(&mut self, text: &str) -> Result<Value, Halt> {
        self.note(Kind::Print, About::Nothing, text);
        // Of what looks from outside, only `finally` prints, and is nobody's.
        let (name, printed) = match self.outside {
            true => ("finally".to_string(), self.arena.run(run::FINALLY_PRINTED)),
            false => (self.arena.task_name(self.task), self.arena.facts(self.task, facts::PRINTED)),
        };
        let line = (self.image.options.print)(&name, text);
        let long = line.len() > LINE_WHOLE;
        let home = self.home.clone();
        let result = home.gil_pause(|| {
            if long {
                self.take_output();
            }
            let result = super::system::write_output(line.as_bytes());
            if long {
                self.give_output();
            }
            result
        });
        if self.image.options.outcomes
            && let Ok(block) = codec::store_bytes(text.as_bytes(), self.arena.heap(), self.holder)
        {
            let old = printed.swap(block as u64, SeqCst) as usize;
            if old != 0 {
                self.arena.heap().free(old, self.holder);
            }
        }
        if let Err(error) = result {
            let _ = self.arena.run(run::OUTPUT_ERROR).compare_exchange(0, error as i32 as u64, SeqCst, SeqCst);
            self.image.call_supervisor();
            return Err(Halt::Terminated);
        }
        Ok(Value::None)
    }

    fn take_output(&self) {
        guard::sleep_lock(self.arena.run_half(run::PRINT_GUARD), self.holder);
    }

    fn give_output(&self) {
        guard::let_go(self.arena.run_half(run::PRINT_GUARD));
    }
}
