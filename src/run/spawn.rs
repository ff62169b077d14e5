//! New tasks: threads and forked processes, and what each begins with. Its handle belongs to
//! `handle`, its slot to `slots`, a pool's workers to `workers`, how it ends to `finish`.

use super::arena::{TASKS_MAX, facts, flag, process, run, slot};
use super::codec;
use super::events::About;
use super::executor::Executor;
use super::handle;
use super::process::{self as proc, Child, Family, Process, Side, ThreadName};
use super::slots::{bear, count, discount, unbear};
use super::trace::Unsure;
use super::wait::Halt;
use crate::detect::event::Kind;
use crate::machine::Task;
use crate::machine::step::{SPAWN_MAX, SpawnStep};
use crate::objects;
use crate::program::value::{ObjRef, Value};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// The stack of a task's thread; the machine keeps a script's calls elsewhere.
const STACK: usize = 256 * 1024;
/// A process is forked within what its parent was at, and lives there: one that has not
/// this much of the stack left goes on on another one, of so many bytes.
const STACK_LEFT: usize = STACK / 2;
const STACK_MORE: usize = 1 << 20;
const _: () = assert!(TASKS_MAX == SPAWN_MAX as usize);

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
    pub(super) fn function_name(&mut self, function: u32) -> Result<(Arc<str>, u64), Halt> {
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

    pub(super) fn spawn_thread(&mut self, family: &mut Family, birth: Birth, life: Life) -> Result<ObjRef, Halt> {
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
            true => proc::begin_thread(STACK, start),
            false => Err(std::io::Error::from_raw_os_error(nix::libc::EAGAIN)),
        };
        match made {
            Ok(()) => {
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

    /// Who asks for its parent looks at the handle of that, whenever it was given back
    /// otherwise.
    fn before_fork(&mut self) -> Option<Unsure> {
        if self.program.needs.parents
            && let Some(first) = self.home.first_task()
        {
            handle::keep(self.arena, first);
        }
        self.trace_fork()
    }

    /// Forks; in the child this never returns.
    pub(super) fn spawn_process(&mut self, mut birth: Birth, life: Life) -> Result<ObjRef, Halt> {
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
        let side = home.fork(family, index, Some(child), || unsure = self.before_fork());
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
        let side = home.fork(family, index, Some(child), || unsure = self.before_fork());
        // There is such a child, for both.
        self.traced(unsure);
        match side {
            Ok(Side::Parent(pid)) => {
                self.tell_who_waits();
                Ok(Value::Int(i64::from(pid.as_raw())))
            }
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

    /// The life of a process's first task; ends the process.
    pub(super) fn live_as_process(&mut self, machine: Task) -> ! {
        let ended = self.run_task(machine);
        self.end_process(ended)
    }
}
