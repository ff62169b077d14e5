//! New tasks: their handles, slots and clocks; threads, forked processes, the
//! workers of pools; and how each ends.

use super::arena::{Arena, KEEPER_SLOT, TASKS_MAX, ending, facts, flag, object, process, run, slot, state};
use super::codec;
use super::events::About;
use super::executor::Executor;
use super::futex;
use super::guard;
use super::process::{self as proc, Child, Family, Process, Side, ThreadName};
use super::record::{self, Raw};
use super::wait::Halt;
use crate::detect::event::Kind;
use crate::detect::trace::Came;
use crate::machine::step::{SPAWN_MAX, SpawnStep};
use crate::machine::{Args, Arm, Task};
use crate::objects::{self, pool, task};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// The stack of a task's thread; the machine keeps a script's calls elsewhere.
const STACK: usize = 256 * 1024;
/// A process is forked within what its parent was at, and lives there: one that has not
/// this much of the stack left goes on on another one, of so many bytes.
const STACK_LEFT: usize = STACK / 2;
const STACK_MORE: usize = 1 << 20;
const _: () = assert!(TASKS_MAX == SPAWN_MAX as usize);
/// How many ended tasks are kept apart for their clocks at the most.
const KEPT_BACK: usize = 128;
/// How many slots are looked at for one that is free again, and how often one is whether
/// all come after the end of its last task.
const LOOKS: usize = 64;
const CLOCK_LOOKS: usize = 1024;

/// Which resource was refused, for the sentence about it.
pub mod refused {
    pub const TASKS: u64 = 1;
    pub const THREAD: u64 = 2;
    pub const PROCESS: u64 = 3;
    pub const PANIC: u64 = 4;
    pub const PROCESSES: u64 = 5;
    pub const DEPTH: u64 = 6;
    pub const FILES: u64 = 7;
}

/// The place of a worker that waits for a job, and of what a declaration made.
pub const NOWHERE: u32 = u32::MAX;

/// What a task is called, with or without the task's index behind it.
pub enum Name {
    Own {
        text: String,
        numbered: bool,
    },
    /// The text is in the arena, where many tasks share it.
    Shared {
        text: Arc<str>,
        block: u64,
        numbered: bool,
    },
}

/// Everything about a task that is made before it runs.
pub struct Birth {
    pub function: u32,
    /// Where it begins in the code.
    pub entry: u32,
    pub name: Name,
    pub flags: u64,
    pub process: usize,
    pub index: u32,
    pub pool: Option<u32>,
}

impl Birth {
    pub fn thread_name(&self) -> ThreadName {
        match &self.name {
            Name::Shared { text, numbered: true, .. } => ThreadName::new(&format!("{text}#{}", self.index)),
            Name::Own { text, numbered: true } => ThreadName::new(&format!("{text}#{}", self.index)),
            Name::Shared { text, .. } => ThreadName::new(text),
            Name::Own { text, .. } => ThreadName::new(text),
        }
    }
}

/// What a new task begins with.
pub struct Life {
    pub machine: Task,
    /// Its shares in what it is given.
    pub heritage: Vec<super::collect::Whole>,
}

/// A slot for a new task, with what is known of it, and the clock it begins
/// at. The slot's last owner may have been of a process that is being buried:
/// so a slot is only live once it says whose it is. It is counted before it is
/// live, so that burying it counts down what was counted up.
fn take_slot(arena: &Arena, id: u32, birth: &Birth, holder: u32) -> Option<(usize, u64)> {
    let lock = arena.run_half(run::SLOTS_GUARD);
    guard::sleep_lock(lock, holder);
    let found = find_slot(arena);
    if let Some((slot, _)) = found {
        let words = [
            (slot::TASK, u64::from(id)),
            (slot::FLAGS, birth.flags),
            (slot::PROCESS, birth.process as u64),
            (slot::FUNCTION, u64::from(birth.function)),
            (slot::POOL, birth.pool.map_or(0, |p| u64::from(p) + 1)),
            (slot::PC, u64::from(birth.entry)),
            (slot::FIRED, 0),
            (slot::NODE_COUNT, 0),
            (slot::HELD_COUNT, 0),
            (slot::GUARD_COUNT, 0),
            (slot::UNDO_COUNT, 0),
            (slot::IN_STEP, 0),
            (slot::AWAIT, 0),
            (slot::REPORTED, 0),
            (slot::GATE, 0),
            (slot::NUMBER, arena.facts(id, facts::NUMBER).load(Relaxed)),
        ];
        arena.run_half(run::REPLAY_MOVING).fetch_add(1, SeqCst);
        for (word, value) in words {
            arena.slot(slot, word).store(value, Relaxed);
        }
        arena.run(run::ACTIVE).fetch_add(1, SeqCst);
        if birth.flags & (flag::DAEMON | flag::WORKER) == 0 {
            arena.run(run::LIVE).fetch_add(1, SeqCst);
        }
        arena.slot(slot, slot::STATE).store(state::RUNNING, SeqCst);
        arena.slot(slot, slot::VERSION).fetch_add(1, SeqCst);
        if slot >= arena.slots_high() {
            arena.run(run::SLOTS_HIGH).store(slot as u64 + 1, SeqCst);
        } else {
            let _ = arena.run(run::SLOTS_IDLE).fetch_update(SeqCst, SeqCst, |idle| idle.checked_sub(1));
        }
    }
    guard::let_go(lock);
    found
}

/// The slot of a task that ended is free again once every live task comes
/// after all it did (as in Miri's vector index reuse). When too many are kept
/// back, one is taken all the same: its new task's clock goes on from the old
/// one's, so nothing false is reported, at most something missed.
///
/// Each slot is on pages of its own, which a new process has to be given first: so it
/// looks at no more than some of thousands, and goes on behind them the next time.
fn find_slot(arena: &Arena) -> Option<(usize, u64)> {
    let (high, idle) = (arena.slots_high(), arena.run(run::SLOTS_IDLE).load(SeqCst) as usize);
    let further = (high < TASKS_MAX).then_some((high, 1));
    if idle == 0 && further.is_some() {
        return further;
    }
    let wanted = further.is_none() || idle > KEPT_BACK;
    let first = (arena.run(run::SLOTS_LOOK).load(Relaxed) as usize).min(high);
    let (mut clock_looks, mut spare) = (CLOCK_LOOKS, None);
    for (n, s) in (first..high).chain(0..first).enumerate() {
        if n >= LOOKS && (!wanted || spare.is_some()) {
            arena.run(run::SLOTS_LOOK).store(s as u64, Relaxed);
            break;
        }
        let last = arena.slot(s, slot::FINAL).load(Relaxed);
        let found = match arena.slot(s, slot::STATE).load(Acquire) {
            state::FREE => true,
            state::ENDED if arena.slot(s, slot::HELD_COUNT).load(Relaxed) == 0 => {
                spare = spare.or(Some((s, last + 1)));
                clock_looks > 0 && all_after(arena, s, last, high, &mut clock_looks)
            }
            _ => false,
        };
        if found {
            arena.run(run::SLOTS_LOOK).store(s as u64, Relaxed);
            return Some((s, last + 1));
        }
    }
    spare.filter(|_| wanted).or(further)
}

/// Whether all that live come after the end of a slot's last task; what it looked at
/// is counted down.
fn all_after(arena: &Arena, of: usize, last: u64, high: usize, looks: &mut usize) -> bool {
    (0..high).filter(|s| *s != of).all(|s| {
        *looks = looks.saturating_sub(1);
        matches!(arena.slot(s, slot::STATE).load(Acquire), state::FREE | state::ENDED)
            || super::clock::TaskClock::new(arena, s).get(of) >= last
    })
}

/// A slot for the new task of a handle, which does not run yet; `parent` is the slot of
/// who made it.
pub fn bear(arena: &Arena, id: u32, birth: &Birth, parent: Option<usize>, holder: u32) -> Result<usize, u64> {
    let (slot, own) = take_slot(arena, id, birth, holder).ok_or(refused::TASKS)?;
    arena.facts(id, facts::SLOT).store(slot as u64, SeqCst);
    arena.object(id, object::BEGAN).store(own, SeqCst);
    let clock = super::clock::TaskClock::new(arena, slot);
    let parent = parent.map(|slot| super::clock::TaskClock::new(arena, slot));
    clock.begin(parent, own);
    if let Some(parent) = parent {
        parent.advance();
    }
    Ok(slot)
}

/// What the summary counts one with these flags as: a pool's worker is no task.
fn counters(flags: u64) -> impl Iterator<Item = usize> {
    let kind = if flags & flag::PROCESS != 0 { run::PROCESS_COUNT } else { run::THREADS };
    (flags & flag::WORKER == 0).then_some(run::TASKS).into_iter().chain([kind])
}

fn count(arena: &Arena, flags: u64) {
    for counter in counters(flags) {
        arena.run(counter).fetch_add(1, SeqCst);
    }
}

fn discount(arena: &Arena, flags: u64) {
    for counter in counters(flags) {
        arena.run(counter).fetch_sub(1, SeqCst);
    }
}

/// A task that was made but never came to run.
pub(super) fn unbear(arena: &Arena, id: u32, slot: usize) {
    let flags = arena.slot(slot, slot::FLAGS).load(Relaxed);
    discount(arena, flags);
    arena.slot(slot, slot::STATE).store(state::FREE, SeqCst);
    arena.run(run::SLOTS_IDLE).fetch_add(1, SeqCst);
    arena.run(run::ACTIVE).fetch_sub(1, SeqCst);
    if flags & (flag::DAEMON | flag::WORKER) == 0 {
        arena.run(run::LIVE).fetch_sub(1, SeqCst);
    }
    arena.facts(id, facts::FLAGS).fetch_or(flag::UNBORN, SeqCst);
    arena.object(id, object::WORD + task::STATE).store(task::ENDED, SeqCst);
}

impl Executor {
    /// The machine, or a limit, refused what a task needs: the run ends.
    pub(super) fn refuse(&self, what: u64, errno: i32) -> Halt {
        if what == 0 {
            self.check_memory(Err(super::heap::OutOfMemory));
        } else {
            self.arena.run(run::MACHINE_ERRNO).store(errno as u64, SeqCst);
            let _ = self.arena.run(run::MACHINE).compare_exchange(0, what, SeqCst, SeqCst);
            self.image.call_supervisor();
        }
        Halt::Terminated
    }

    pub(super) fn spawn(&mut self, step: &SpawnStep) -> Result<Value, Halt> {
        // A new task begins with the newest program.
        self.image.catch_up(&self.home, self.holder);
        let program = self.image.program.get();
        Task::check_arity(program, step.function, step.args.len()).map_err(|e| Halt::Error(*e))?;
        if step.is_too_many() {
            return Err(self.refuse(refused::TASKS, 0));
        }
        let indices = step.indices.clone().unwrap_or(0..1);
        let home = self.home.clone();
        // Threads are made in one step: all of them, or none if the process ends.
        let mut family = (!step.process).then(|| self.family_to_grow(&home));
        if !step.process {
            // Before any of them can do anything.
            self.trace_turn();
        }
        let mut handles = Vec::with_capacity(indices.len());
        let shared = if step.name.is_none() { Some(self.function_name(step.function)?) } else { None };
        let numbered = step.indices.is_some();
        for index in indices {
            let name = match (&step.name, &shared) {
                (None, Some((text, block))) => Name::Shared { text: text.clone(), block: *block, numbered },
                (name, _) => Name::Own { text: name.as_deref().unwrap_or_default().to_string(), numbered },
            };
            let flags = if step.daemon { flag::DAEMON } else { 0 } | if step.process { flag::PROCESS } else { 0 };
            let birth = Birth {
                function: step.function,
                entry: program.functions[step.function as usize].entry,
                name,
                flags,
                process: self.process,
                index,
                pool: None,
            };
            let machine = Task::new(program, step.function, &step.args, &step.captures);
            let heritage = self.bequeath(step.args.iter().chain(step.captures.iter().map(|c| &c.1)));
            let life = Life { machine, heritage };
            let handle = match &mut family {
                Some(family) => self.spawn_thread(family, birth, life)?,
                None => self.spawn_process(birth, life)?,
            };
            // `join all` waits for no daemon, as nothing does.
            if !step.daemon {
                self.spawned.push(handle);
            }
            handles.push(Value::Object(handle));
        }
        Ok(match step.indices {
            Some(_) => Value::list(handles),
            None => handles.pop().unwrap_or(Value::None),
        })
    }

    fn stored_name(&self, name: &str) -> Result<u64, Halt> {
        match codec::store_bytes(name.as_bytes(), self.arena.heap(), self.holder) {
            Ok(block) => Ok(block as u64),
            Err(_) => Err(self.refuse(0, 0)),
        }
    }

    /// A function's name, and the block with it, which all tasks that run it share.
    fn function_name(&mut self, function: u32) -> Result<(Arc<str>, u64), Halt> {
        if let Some((_, text, block)) = self.names.iter().find(|(known, ..)| *known == function) {
            return Ok((text.clone(), *block));
        }
        let text: Arc<str> = crate::program::value::Names::function(self.image, function).into();
        // In a session there is no table: functions are added.
        let table = self.arena.run(run::FUNCTION_NAMES).load(Relaxed) as usize;
        let place = (table != 0).then(|| self.arena.at(table + 8 * function as usize));
        let block = match place.map_or(0, |place| place.load(Acquire)) {
            0 => {
                let block = self.stored_name(&text)?;
                let first = place.map(|place| place.compare_exchange(0, block, SeqCst, SeqCst));
                // Another task may have been first.
                first.and_then(Result::err).unwrap_or(block)
            }
            block => block,
        };
        self.names.push((function, text.clone(), block));
        Ok((text, block))
    }

    fn bear_child(&mut self, birth: &Birth) -> Result<(ObjRef, usize), Halt> {
        let site = (self.site != NOWHERE).then_some(self.site);
        // Before there is a handle that the end of the run could tell of.
        count(self.arena, birth.flags);
        let borne = match self.make_task(birth, site) {
            Ok(id) => bear(self.arena, id, birth, Some(self.slot), self.holder).map(|slot| (id, slot)),
            Err(_) => Err(0),
        };
        let (id, slot) = borne.map_err(|what| {
            discount(self.arena, birth.flags);
            self.refuse(what, 0)
        })?;
        self.arena.facts(id, facts::ENTRIES).store(self.image.entries_known(), Relaxed);
        self.trace_born(id);
        self.note_peer(Kind::Spawn, id);
        Ok((ObjRef { id, kind: objects::place::task }, slot))
    }

    fn spawn_thread(&mut self, family: &mut Family, birth: Birth, life: Life) -> Result<ObjRef, Halt> {
        let (handle, slot) = self.bear_child(&birth)?;
        let (image, home) = (self.image, self.home.clone());
        // In a session there may be a newer one before the thread runs.
        let program = image.program.get();
        let name = birth.thread_name();
        let daemon = birth.flags & (flag::DAEMON | flag::WORKER) != 0;
        let pool = birth.pool;
        let start = move || {
            let mut executor = Executor::new(image, home, slot, handle.id);
            executor.program = program;
            executor.home.gil_take();
            executor.begin(name);
            image.watched(move || {
                match pool {
                    Some(pool) => executor.work(pool),
                    None => executor.live(life),
                }
                executor.home.gil_let_go();
            });
        };
        // Nothing is allocated for a name: the thread names itself.
        let made = match super::system::has_room_beside_a_thread() {
            true => std::thread::Builder::new().stack_size(STACK).spawn(start),
            false => Err(std::io::Error::from_raw_os_error(nix::libc::EAGAIN)),
        };
        match made {
            Ok(_detached) => {
                family.adopt(self.arena, Child::of(self.arena, handle, daemon));
                Ok(handle)
            }
            Err(error) => {
                unbear(self.arena, handle.id, slot);
                Err(self.refuse(refused::THREAD, error.raw_os_error().unwrap_or(0)))
            }
        }
    }

    /// An entry for a process to be made within this one.
    fn reserve_process(&self, kind: u64) -> Result<usize, Halt> {
        if !self.home.has_depth() {
            return Err(self.refuse(refused::DEPTH, 0));
        }
        self.home.reserve(kind).ok_or_else(|| self.refuse(refused::PROCESSES, 0))
    }

    /// Forks; in the child this never returns.
    fn spawn_process(&mut self, mut birth: Birth, life: Life) -> Result<ObjRef, Halt> {
        self.reap_ended();
        let home = self.home.clone();
        let family = self.family_to_grow(&home);
        let kind = if birth.pool.is_some() { process::WORKER } else { process::SPAWNED };
        let index = self.reserve_process(kind)?;
        birth.process = index;
        birth.flags |= flag::PROCESS;
        let (handle, slot) = self.bear_child(&birth)?;
        self.arena.process(index, process::TASK).store(u64::from(handle.id) + 1, SeqCst);
        let name = birth.thread_name();
        let daemon = birth.flags & (flag::DAEMON | flag::WORKER) != 0;
        let child = Child { process: Some(index), ..Child::of(self.arena, handle, daemon) };
        let mut unsure = None;
        let side = home.fork(family, index, Some(child), || unsure = self.trace_fork());
        // There is such a child, for both.
        self.traced(unsure);
        match side {
            Ok(Side::Parent(_)) => Ok(handle),
            Ok(Side::Child(home)) => self.become_process((home, slot, handle.id), name, life, birth.pool),
            Err(error) => {
                unbear(self.arena, handle.id, slot);
                Err(self.refuse(refused::PROCESS, error as i32))
            }
        }
    }

    fn become_process(
        &mut self,
        (home, slot, task): (Arc<Process>, usize, u32),
        name: ThreadName,
        life: Life,
        pool: Option<u32>,
    ) -> ! {
        proc::register(self.arena, home.index);
        let mut executor = Executor::new(self.image, home, slot, task);
        executor.begin(name);
        // If it looks again soon, it finds this process then.
        self.image.call_supervisor_if_needed();
        let life = move || match pool {
            Some(pool) => executor.work(pool),
            None => {
                executor.inherit(life.heritage);
                executor.live_as_process(life.machine)
            }
        };
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.image.watched(life));
        proc::end(0)
    }

    /// The script's `fork()`: 0 in the child, the child's pid in the parent.
    pub(super) fn fork(&mut self) -> Result<Value, Halt> {
        self.reap_ended();
        // Both have what is on the stack.
        self.publish_all();
        let home = self.home.clone();
        let mut family = self.family_to_grow(&home);
        let index = self.reserve_process(process::FORKED)?;
        family.forks += 1;
        let number = family.forks;
        let text = format!("{}.fork#{number}", self.arena.task_name(self.task));
        let name = Name::Own { text, numbered: false };
        let function = self.slot_word(slot::FUNCTION).load(Relaxed) as u32;
        let birth =
            Birth { function, entry: self.site, name, flags: flag::PROCESS, process: index, index: 0, pool: None };
        let (handle, slot) = self.bear_child(&birth)?;
        self.arena.process(index, process::TASK).store(u64::from(handle.id) + 1, SeqCst);
        let name = birth.thread_name();
        let child = Child { process: Some(index), forked: true, ..Child::of(self.arena, handle, false) };
        let mut unsure = None;
        let side = home.fork(family, index, Some(child), || unsure = self.trace_fork());
        // There is such a child, for both.
        self.traced(unsure);
        match side {
            Ok(Side::Parent(pid)) => Ok(Value::Int(i64::from(pid.as_raw()))),
            Ok(Side::Child(home)) => {
                proc::register(self.arena, index);
                // The frames went along with the memory; all that names the
                // task is new.
                let mut executor = Executor::new(self.image, home, slot, handle.id);
                std::mem::swap(self, &mut executor);
                // What it counts as held belongs to the parent, but for the
                // connection, which both would talk through.
                drop(executor.manager.take());
                std::mem::forget(executor);
                self.trace.told = true;
                self.begin(name);
                self.image.call_supervisor_if_needed();
                self.arena.slot(slot, slot::PC).store(u64::from(self.site), Relaxed);
                Ok(Value::Int(0))
            }
            Err(error) => {
                unbear(self.arena, handle.id, slot);
                Err(self.refuse(refused::PROCESS, error as i32))
            }
        }
    }

    /// On its own thread for the first time: its names and numbers.
    pub(super) fn begin(&mut self, name: ThreadName) {
        name.give();
        let (pid, tid) = (nix::unistd::getpid().as_raw(), nix::unistd::gettid().as_raw());
        self.arena.facts(self.task, facts::PID).store(pid as u64, SeqCst);
        self.arena.facts(self.task, facts::TID).store(tid as u64, SeqCst);
        self.note(Kind::Begin, About::Nothing, "");
        self.begin_replay();
    }

    /// The life of a thread's task.
    fn live(&mut self, life: Life) {
        self.inherit(life.heritage);
        let ended = self.run_task(life.machine);
        if self.is_first() {
            self.end_process(ended);
        }
        let ended = self.end_in_turn(ended);
        self.finish(&ended);
        self.release();
    }

    /// Whether the task is the first one of its process. In the middle of a thread's code,
    /// or of a job, the one that goes on may be a child that was forked there: with that
    /// code its process ends.
    fn is_first(&self) -> bool {
        self.arena.process(self.process, process::TASK).load(Relaxed) == u64::from(self.task) + 1
    }

    /// The life of a process's first task; ends the process.
    pub(super) fn live_as_process(&mut self, machine: Task) -> ! {
        let ended = self.run_task(machine);
        self.end_process(ended)
    }

    /// A pool's worker: takes jobs until there will be no more, or it is stopped. One that is
    /// a process leaves with it.
    fn work(&mut self, pool_id: u32) {
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

    /// How a task or a job came to its end, for what is told of it.
    fn note_ending(&self, task: u32, ended: &Ended) {
        self.arena.facts(task, facts::ENDING_CODE).store(ended.code as u64, SeqCst);
        self.arena.facts(task, facts::ENDING).store(ended.ending, SeqCst);
    }

    /// Publishes how a task or a job came to its end.
    fn finish_handle(&mut self, handle: ObjRef, ended: &Ended) {
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
        self.trace.ends = ended.ending != ending::TERMINATED;
        self.end_with(ended);
    }

    /// The end is told before a pool is left: then whoever joined the
    /// pool finds it told, even if the process ends at once.
    fn end_with(&mut self, ended: &Ended) {
        self.tell_end(ended);
        self.collect_all();
        self.leave_pool();
        self.let_go_of_self();
        self.leave();
    }

    /// Publishes the end: what it still holds stays held.
    fn tell_end(&mut self, ended: &Ended) {
        if self.in_atomic {
            self.trace_block_end();
            self.leave_gate(true);
        }
        // Who tells of the locks that it leaves may do so at once, and says how it ended.
        self.note_ending(self.task, ended);
        let mut held = self.held();
        // A daemon or a worker whose process has ended, with nobody left who would
        // want what it held.
        if !held.is_empty() && self.supervising && serves(self.arena, self.slot) && only_servants_live(self.arena) {
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
        let handle = ObjRef { id: self.task, kind: objects::place::task };
        self.finish_handle(handle, ended);
    }

    fn leave(&mut self) {
        leave_slot(self.arena, self.slot);
        if self.gated {
            self.tell_awaiting();
        }
        self.image.call_supervisor_if_needed();
    }

    /// Waits for what it has spawned, as a Python process does at its end, which it begins
    /// when there is nothing left; whether it is the first.
    fn await_children(&mut self) -> Result<bool, Halt> {
        let home = self.home.clone();
        loop {
            let family = home.family();
            let Some(child) = family.wanted(self.arena) else { return Ok(self.begin_end()) };
            drop(family);
            if self.hold_child(&child) {
                let joined = self.operate_quietly(child.task);
                self.give_up_child(&child);
                joined?;
            }
            self.settle_child(child.number);
        }
    }

    /// Joins without collecting: a result nobody asked for stays uncollected.
    fn operate_quietly(&mut self, handle: ObjRef) -> Result<(), Halt> {
        let joined = self.arena.object(handle.id, object::WORD + task::JOINED).load(Relaxed);
        self.operate(handle, task::JOIN, &[Value::None])?;
        if joined == 0 {
            self.arena.object(handle.id, object::WORD + task::JOINED).store(0, Relaxed);
        }
        Ok(())
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
    fn reap_ended(&self) {
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
        let family = self.home.family();
        let pid_of = |c: &Child| c.process.map(|p| self.arena.process(p, process::PID).load(SeqCst) as i64);
        let wanted = |c: &&Child| c.forked && !c.settled && pid.is_none_or(|p| pid_of(c) == Some(p));
        family.children.iter().filter(wanted).copied().collect()
    }

    /// The script's `wait()`: the exit code of a forked child.
    pub(super) fn wait_child(&mut self, pid: Option<i64>) -> Result<Value, Halt> {
        loop {
            if let Some(code) = self.wait_for_one(pid)? {
                return Ok(Value::Int(i64::from(code)));
            }
        }
    }

    /// The exit code of the first that ends; none if another thread has taken it.
    fn wait_for_one(&mut self, pid: Option<i64>) -> Result<Option<i32>, Halt> {
        let mine = self.forked_children(pid);
        if mine.is_empty() {
            self.turn_is_used();
            let text = match pid {
                Some(pid) => format!("{pid} is no forked child to wait for"),
                None => "there is no forked child to wait for".to_string(),
            };
            return Err(Error::new(ErrorKind::NoChild, text).into());
        }
        // Another thread may take one of them meanwhile, and its handle be given back.
        let held: Vec<Child> = mine.into_iter().filter(|child| self.hold_child(child)).collect();
        if held.is_empty() {
            return Ok(None);
        }
        let chosen = self.await_one_of(&held);
        held.iter().for_each(|child| self.give_up_child(child));
        let chosen = chosen?;
        let is_mine = {
            let mut family = self.home.family();
            let child = family.children.iter_mut().find(|c| c.number == chosen.number && !c.settled);
            child.map(|c| c.settled = true).is_some()
        };
        let code = || chosen.process.and_then(|p| self.reap_child(p)).unwrap_or(0);
        Ok(is_mine.then(code))
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

    /// The end of this process and of all its threads.
    pub(super) fn end_process(&mut self, ended: Ended) -> ! {
        let ended = self.end_in_turn(ended);
        let waits = ended.ending != ending::EXITED;
        self.close_process(ended, waits, Executor::finish)
    }

    /// The same with no turn of its own. `waits`: first for what it has spawned; `tell` is
    /// how the end of this task is told.
    fn close_process(&mut self, mut ended: Ended, waits: bool, tell: fn(&mut Executor, &Ended)) -> ! {
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
            self.slot_word(slot::FLAGS).fetch_or(over, SeqCst);
            self.trace.quiet = true;
            let first = self.await_children().unwrap_or_else(|_| {
                ended.ending = ending::TERMINATED;
                self.begin_end()
            });
            self.trace.quiet = false;
            first
        } else {
            self.begin_end()
        };
        self.still_others(first);
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

    /// Forked children that are still there, or that nobody waited for.
    fn note_children(&mut self) {
        let children: Vec<Child> =
            self.home.family().children.iter().filter(|c| c.forked && !c.settled).copied().collect();
        // Children are the process's, whichever of its threads ends it.
        let first = self.arena.process(self.process, process::TASK).load(SeqCst);
        let parent = first.checked_sub(1).map_or(self.task, |task| task as u32);
        for child in children {
            let child = child.task.id;
            let raw = match has_ended(self.arena, child) {
                true => Raw::Zombie { child, parent },
                false => Raw::Orphan { child, parent },
            };
            self.report(record::child_key(self.arena, &raw), raw);
        }
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

/// A task that ended leaves its slot, which is kept back for its clock.
pub fn leave_slot(arena: &Arena, slot: usize) {
    let clock = super::clock::TaskClock::new(arena, slot);
    // Its last deed was a release, after which it counted up.
    arena.slot(slot, slot::FINAL).store(clock.own().saturating_sub(1), Relaxed);
    let flags = arena.slot(slot, slot::FLAGS).load(Relaxed);
    arena.slot(slot, slot::IN_STEP).store(0, SeqCst);
    let old = arena.slot(slot, slot::STATE).swap(state::ENDED, SeqCst);
    arena.slot(slot, slot::VERSION).fetch_add(1, SeqCst);
    arena.run(run::SLOTS_IDLE).fetch_add(1, SeqCst);
    if old == state::RUNNING {
        arena.run(run::ACTIVE).fetch_sub(1, SeqCst);
    }
    if flags & (flag::DAEMON | flag::WORKER) == 0 {
        arena.run(run::LIVE).fetch_sub(1, SeqCst);
    }
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
