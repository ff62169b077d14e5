//! The supervisor: the process that the user started. It forks the first
//! process of the script, watches all of them, buries the dead, looks for
//! tasks that can never go on, and leaves nothing behind. It has one thread
//! and runs no script.
//!
//! All processes of a run are in one process group, led by the *guard*: a
//! process that does nothing but wait for the supervisor's end, to end the
//! group if that came by `kill -9`. While the supervisor has not reaped the
//! guard nobody else can get the group's number, so it can always be killed.

use super::arena::{
    Arena, PROCESSES_A_PAGE, PROCESSES_DEEP, TASKS_MAX, ending, facts, flag, process, run, slot, state,
};
use super::clock::{Strength, TaskClock};
use super::codec;
use super::collect::collects;
use super::diagnose::{self, Diagnosis};
use super::ends::Ends;
use super::executor::Executor;
use super::futex;
use super::guard;
use super::handle::make_handle;
use super::image::{Image, Options, SetupError};
use super::manager;
use super::process::{self as proc, Process};
use super::record::{self, Raw};
use super::replay::{self, Standing};
use super::spawn::{self, Birth, Ended, Name, refused};
use crate::detect::event::Recording;
use crate::detect::finding::{Ending, Finding, TaskFacts};
use crate::machine::Task;
use crate::objects::{KINDS, pool};
use crate::program::Program;
use crate::program::value::Value;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, setpgid};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

#[path = "session.rs"]
pub mod session;

/// How often it looks for stuck tasks while something goes on.
const LOOK_MS: u64 = 5;
/// How often it looks at what stands still at the end of a replay before it
/// takes it that nothing is stuck.
const SETTLED_LOOKS: u32 = 10;
/// How often it looks whether those that serve others stand still as well, once all
/// others are stuck.
const SERVANTS_LOOKS: u32 = 10;
/// After so long it looks again whether the dead can be buried.
const LATER: Duration = Duration::from_millis(1);
/// How long a process that was reserved may take to be there.
const BIRTH_NS: u64 = 500_000_000;

/// Why a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Every task has ended.
    Finished,
    /// What is left can never go on.
    Stuck,
    /// Of a replay: there is no further turn, and not all have ended.
    ScheduleOver,
    /// What happened was not what was planned.
    Diverged(super::replay::Divergence),
    /// By a signal to the supervisor.
    Interrupted(i32),
    TimeLimit,
    /// The machine, or a limit of `conc`, refused something: the sentence.
    Failed(String),
}

/// How one task ended, for the lines at the end.
#[derive(Clone, Debug)]
pub struct TaskEnd {
    pub facts: TaskFacts,
    /// Of so many tasks of one place the same is told.
    pub count: u64,
    /// `None`: it had not ended.
    pub ending: Option<Ending>,
    pub result: Option<String>,
    pub stuck: bool,
    /// A worker of a pool.
    pub worker: bool,
}

/// What a run came to, to be counted with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// Final values of `var` and `shared`, by name.
    pub values: Vec<(String, String)>,
    /// What each task printed last.
    pub prints: Vec<(String, String)>,
    /// How each task ended.
    pub ended: Vec<(String, String)>,
}

/// A run's result.
#[derive(Clone, Debug)]
pub struct Report {
    pub stop: Stop,
    /// A signal that asked for the end when the run was at its end already.
    pub late_signal: Option<i32>,
    /// The signal that ended `main`, if it came from outside the script.
    pub main_killed: Option<i32>,
    pub findings: Vec<Finding>,
    pub tasks: Vec<TaskEnd>,
    pub task_count: u64,
    pub thread_count: u64,
    pub process_count: u64,
    pub duration_ns: u64,
    pub gil_wait_ns: u64,
    /// How many objects there were room for at once, handles among them, and how much
    /// memory was taken for what all processes have in common.
    pub room_for: (usize, usize),
    pub outcome: Option<Outcome>,
    /// What was traced, and whether that is all.
    pub trace: (Vec<crate::detect::trace::Entry>, bool),
    /// What happened, if it was recorded.
    pub recording: Option<Recording>,
}

struct Watched {
    index: usize,
    pid: i32,
    /// None: it had ended before it could be watched, or that was refused and the run ends.
    fd: Option<OwnedFd>,
}

/// What is said where standard output cannot be written to.
pub fn output_sentence(errno: i32) -> String {
    match nix::Error::from_raw(errno) {
        // It had no descriptor at all when the program began (`descriptor`).
        nix::Error::EPIPE | nix::Error::EBADF => "standard output was closed".to_string(),
        other => format!("standard output cannot be written: {}", other.desc()),
    }
}

/// Asks for the end of the process that a pidfd is of.
fn watching(fd: &OwnedFd) -> PollFd<'_> {
    PollFd::new(fd.as_fd(), PollFlags::POLLIN)
}

/// Runs a program. `tell` is given every deadlock as soon as it is found; all
/// findings are in the report as well.
pub fn run(program: &'static Program, options: Options, tell: &mut dyn FnMut(&Finding)) -> Result<Report, SetupError> {
    let arena = Box::into_raw(Box::new(Arena::new(options.memory)?));
    // SAFETY: freshly made from a box; freed below, after all that uses it.
    let arena_ref: &'static Arena = unsafe { &*arena };
    let image = Image::new(program, options, arena_ref).map(|i| Box::into_raw(Box::new(i)));
    let image = match image {
        Ok(image) => image,
        Err(error) => {
            // SAFETY: nothing refers to the arena any more.
            drop(unsafe { Box::from_raw(arena) });
            return Err(error);
        }
    };
    // SAFETY: as for the arena.
    let image_ref: &'static Image = unsafe { &*image };
    let result = Supervisor::start(image_ref).map(|mut s| s.supervise(tell));
    // SAFETY: every other process that mapped these has ended, the supervisor
    // and its executors are dropped, and no result borrows from them.
    unsafe {
        drop(Box::from_raw(image));
        drop(Box::from_raw(arena));
    }
    result
}

struct Supervisor {
    image: &'static Image,
    arena: &'static Arena,
    home: std::sync::Arc<Process>,
    signals: SignalFd,
    old_mask: SigSet,
    guard: Pid,
    watched: Vec<Watched>,
    known: usize,
    pending: HashMap<usize, u64>,
    /// Of each process that has not died: those it has made.
    children: HashMap<usize, BTreeSet<usize>>,
    /// The pages of the table of processes that are not given back, and how many processes
    /// were buried since they were looked through.
    pages: Vec<usize>,
    buried: usize,
    began: u64,
    diagnosis: Diagnosis,
    findings: Vec<Finding>,
    stop: Option<Stop>,
    main_index: usize,
    /// Not before this time.
    next_look: u64,
    /// Looks since a replay came to its end.
    settled: u32,
}

impl Supervisor {
    fn start(image: &'static Image) -> Result<Supervisor, SetupError> {
        let mut supervisor = Supervisor::prepare(image)?;
        if let Err(error) = supervisor.fork_script() {
            supervisor.end_all();
            return Err(error);
        }
        Ok(supervisor)
    }

    /// Everything but the script's own processes.
    fn prepare(image: &'static Image) -> Result<Supervisor, SetupError> {
        let arena = image.arena;
        let mut mask = SigSet::empty();
        for signal in
            [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGCHLD]
        {
            mask.add(signal);
        }
        let mut old_mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), Some(&mut old_mask))?;
        let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        nix::sys::prctl::set_child_subreaper(true)?;
        raise_file_limit();
        guard::supervises(Some(arena));
        let home = Process::new(0, false, arena);
        proc::reserve(arena, process::KEEPER, 0);
        proc::register(arena, 0);
        let guard = fork_guard()?;
        Ok(Supervisor {
            image,
            arena,
            home,
            signals,
            old_mask,
            guard,
            watched: Vec::new(),
            known: 1,
            pending: HashMap::new(),
            children: HashMap::new(),
            pages: Vec::new(),
            buried: 0,
            began: futex::now_ns(),
            diagnosis: Diagnosis::new(image),
            findings: Vec::new(),
            stop: None,
            main_index: 0,
            next_look: 0,
            settled: 0,
        })
    }

    fn fork_script(&mut self) -> Result<(), SetupError> {
        let (main, task, slot) = self.bear_main()?;
        if manager::is_needed(self.image) {
            self.fork_manager()?;
        }
        let image = self.image;
        self.fork_main(main, move |home| {
            let mut executor = Executor::new(image, home, slot, task);
            executor.home.gil_take();
            executor.begin(proc::ThreadName::new("main"));
            executor.at_site(spawn::NOWHERE);
            for (id, decl) in image.program.objects.iter().enumerate() {
                if KINDS[decl.kind as usize].word == pool::SPEC.word
                    && executor.open_pool(id as u32, decl.options).is_err()
                {
                    proc::end(1);
                }
            }
            let main = image.program.main;
            image.watched(move || executor.live_as_process(Task::new(&image.program, main, &[], &[])));
        })
    }

    /// The task `main` and its place in the table of processes.
    fn bear_main(&mut self) -> Result<(usize, u32, usize), SetupError> {
        let main = proc::reserve(self.arena, process::SPAWNED, 0).unwrap_or(1);
        self.main_index = main;
        let birth = Birth {
            function: self.image.program.main,
            entry: self.image.program.functions[self.image.program.main as usize].entry,
            name: Name::Own { text: "main".to_string(), numbered: false },
            flags: flag::PROCESS,
            process: main,
            index: 0,
            pool: None,
        };
        let task = make_handle(self.arena, &birth, None, 0, 1)?;
        let slot = spawn::bear(self.arena, task, &birth, None, 1).map_err(|_| SetupError::Memory)?;
        self.arena.process(main, process::TASK).store(u64::from(task) + 1, SeqCst);
        Ok((main, task, slot))
    }

    fn fork_main(&mut self, main: usize, life: impl FnOnce(std::sync::Arc<Process>)) -> Result<(), SetupError> {
        let pid = self.fork_into_group(main, life)?;
        self.arena.run(run::TASKS).fetch_add(1, SeqCst);
        self.arena.run(run::PROCESS_COUNT).fetch_add(1, SeqCst);
        self.watch(main, pid.as_raw());
        self.known = self.known.max(main + 1);
        Ok(())
    }

    fn fork_manager(&mut self) -> Result<(), SetupError> {
        let failed = |e: std::io::Error| SetupError::System(nix::Error::from_raw(e.raw_os_error().unwrap_or(0)));
        let listener = manager::listen().map_err(failed)?;
        let Some(index) = proc::reserve(self.arena, process::MANAGER, 0) else { return Err(SetupError::Memory) };
        self.arena.run(run::MANAGER).store(index as u64 + 1, SeqCst);
        let image = self.image;
        let pid = self.fork_into_group(index, move |home| {
            proc::ThreadName::new("manager").give();
            let _ = manager::serve(image, &listener, &home);
            proc::end(1)
        })?;
        self.watch(index, pid.as_raw());
        self.known = self.known.max(index + 1);
        Ok(())
    }

    /// Forks a process of the run, from the supervisor itself.
    fn fork_into_group(&self, index: usize, life: impl FnOnce(std::sync::Arc<Process>)) -> nix::Result<Pid> {
        let supervisor = nix::unistd::getpid();
        // SAFETY: this process has one thread.
        match unsafe { nix::unistd::fork() }? {
            ForkResult::Parent { child } => {
                let _ = setpgid(child, self.guard);
                self.arena.process(index, process::PID).store(child.as_raw() as u64, SeqCst);
                Ok(child)
            }
            ForkResult::Child => {
                // If the supervisor is gone, the guard may have ended the group
                // before this process was in it. If it goes after this look,
                // the guard finds this process there.
                let joined = setpgid(Pid::from_raw(0), self.guard);
                if joined.is_err() || nix::unistd::getppid() != supervisor {
                    proc::end(1);
                }
                proc::plain_signals();
                proc::register(self.arena, index);
                life(Process::new(index, self.image.options.gil, self.arena));
                proc::end(0)
            }
        }
    }

    // --------------------------------------------------------------- watching

    fn watch(&mut self, index: usize, pid: i32) {
        // Of one that its parent has reaped the number may be another's by now.
        let reaped = self.arena.process(index, process::REAPED).load(SeqCst) != 0;
        let fd = match if reaped { Err(nix::Error::ESRCH) } else { open_pidfd(pid) } {
            Ok(fd) => Some(fd),
            Err(nix::Error::ESRCH) => None,
            Err(error) => {
                let tasks = self.arena.run(run::TASKS).load(SeqCst);
                self.fail(format!(
                    "the machine has no room to watch another process (the run has made {tasks} tasks): {}",
                    error.desc()
                ));
                None
            }
        };
        self.watched.push(Watched { index, pid, fd });
    }

    /// Processes that were made since the last look.
    fn find_new(&mut self) {
        let total = self.arena.processes();
        for index in self.known..total {
            self.pending.insert(index, futex::now_ns());
        }
        let pages = |processes: usize| processes / PROCESSES_A_PAGE;
        self.pages.extend(pages(self.known)..pages(total));
        self.known = self.known.max(total);
        let waiting: Vec<usize> = self.pending.keys().copied().collect();
        for index in waiting {
            let pid = self.arena.process(index, process::PID).load(SeqCst) as i32;
            let late = self.pending.get(&index).is_some_and(|since| futex::now_ns() - since > BIRTH_NS);
            if pid != 0 {
                self.pending.remove(&index);
                let parent = self.arena.process(index, process::PARENT).load(SeqCst) as usize;
                self.watch(index, pid);
                if self.is_over(parent) {
                    // It was forked, but not there yet, when its parent was buried.
                    self.leave_child(index, self.signal_of(parent));
                } else {
                    self.children.entry(parent).or_default().insert(index);
                }
            } else if late && self.is_over(self.arena.process(index, process::PARENT).load(SeqCst) as usize) {
                // Its parent ended before it could fork: there was no such task.
                self.pending.remove(&index);
                self.arena.process(index, process::STATE).store(process::DEAD, SeqCst);
                for slot in self.slots_of(index) {
                    let task = self.arena.slot(slot, slot::TASK).load(SeqCst) as u32;
                    spawn::unbear(self.arena, task, slot);
                }
            }
        }
    }

    /// Gives back the memory of what is known of processes that are gone, a page at a time:
    /// of those that their parents have taken from the kernel's table, or that have none to
    /// do it, and that left no children behind.
    fn give_back_processes(&mut self) {
        if self.buried < PROCESSES_A_PAGE || !self.pending.is_empty() || !collects(self.image) {
            return;
        }
        self.buried = 0;
        let word = |index: usize, w: usize| self.arena.process(index, w).load(SeqCst);
        let parent = |index: usize| word(index, process::PARENT) as usize;
        let above: HashSet<usize> = self.watched.iter().map(|w| parent(w.index)).collect();
        let is_gone = |index: usize| {
            // A page that was given back says nothing.
            let alone = matches!(word(parent(index), process::STATE), process::DEAD | 0);
            let settled = alone || word(index, process::REAPED) != 0;
            word(index, process::STATE) == process::DEAD && settled && !above.contains(&index)
        };
        let arena = self.arena;
        let all_gone = |page: &usize| (0..PROCESSES_A_PAGE).all(|n| is_gone(page * PROCESSES_A_PAGE + n));
        let (gone, left) = self.pages.iter().partition(|page| all_gone(page));
        self.pages = left;
        let gone: Vec<usize> = gone;
        gone.into_iter().for_each(|page| arena.give_back_processes(page));
    }

    fn is_over(&self, index: usize) -> bool {
        self.arena.process(index, process::STATE).load(SeqCst) == process::DEAD
    }

    fn supervise(&mut self, tell: &mut dyn FnMut(&Finding)) -> Report {
        let mut quiet = 0u32;
        while self.stop.is_none() {
            let timeout = self.rest(quiet);
            self.sleep(timeout);
            self.find_new();
            self.give_back_processes();
            self.take_signals();
            let died = self.bury_dead();
            self.check_failures();
            if !self.follow_plan() {
                quiet = 0;
                continue;
            }
            let changed = self.diagnosis.has_changed(self.arena) || died;
            quiet = if changed { 0 } else { quiet.saturating_add(1) };
            let settled = self.image.options.replay.is_some();
            if self.stop.is_none() && (quiet <= 2 || settled) {
                // With thousands of tasks a look takes its time; most of the
                // processor is left to them.
                let began = futex::now_ns();
                if began >= self.next_look {
                    self.look(tell);
                    self.settled += u32::from(settled);
                    let ended = futex::now_ns();
                    self.next_look = ended + 4 * (ended - began);
                } else {
                    quiet = 0;
                }
            }
            if self.stop.is_none() && self.all_ended() {
                self.stop = Some(Stop::Finished);
            }
        }
        if self.stop == Some(Stop::Finished) {
            self.run_finally();
        }
        if self.stop == Some(Stop::Stuck) && self.image.options.outcomes {
            self.await_servants();
        }
        self.report()
    }

    /// In a replay, nothing is looked for before its end. Whether to look.
    fn follow_plan(&mut self) -> bool {
        let Some(plan) = self.image.options.replay.clone() else { return true };
        let quiet = self.pending.is_empty() && self.known == self.arena.processes();
        match replay::look(self.image, &plan, quiet) {
            Standing::UnderWay => {
                self.settled = 0;
                false
            }
            Standing::Diverged(what) => {
                self.stop = self.stop.take().or(Some(Stop::Diverged(what)));
                false
            }
            Standing::Over => {
                if self.settled > SETTLED_LOOKS && !self.all_ended() {
                    self.stop = self.stop.take().or(Some(Stop::ScheduleOver));
                }
                true
            }
        }
    }

    /// How long it may sleep: a little while something moves, without end once
    /// nothing has changed for a while and all that could change will ring.
    fn rest(&self, quiet: u32) -> PollTimeout {
        let limit =
            self.image.options.time_limit_ns.map(|l| (self.began + l).saturating_sub(futex::now_ns()) / 1_000_000 + 1);
        let active = self.arena.run(run::ACTIVE).load(SeqCst) > 0;
        let base = match (quiet, active) {
            _ if self.image.options.replay.is_some() => Some(1),
            (0..=4, _) => Some(LOOK_MS),
            (_, true) if self.diagnosis.somebody_waits(self.arena) => Some(20),
            _ if !self.pending.is_empty() => Some(20),
            _ => None,
        };
        if base.is_none() {
            self.arena.run(run::SUPERVISOR_IDLE).store(1, SeqCst);
            if self.diagnosis.moved(self.arena) {
                self.arena.run(run::SUPERVISOR_IDLE).store(0, SeqCst);
                return PollTimeout::from(LOOK_MS as u16);
            }
        }
        match base.into_iter().chain(limit).min() {
            Some(ms) => PollTimeout::try_from(ms.min(60_000) as i32).unwrap_or(PollTimeout::ZERO),
            None => PollTimeout::NONE,
        }
    }

    fn sleep(&self, timeout: PollTimeout) {
        let mut fds = vec![
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.image.bell().as_fd(), PollFlags::POLLIN),
        ];
        fds.extend(self.watched.iter().filter_map(|w| w.fd.as_ref()).map(watching));
        let gone = self.watched.iter().any(|w| w.fd.is_none());
        let _ = poll(&mut fds, if gone { PollTimeout::ZERO } else { timeout });
        self.arena.run(run::SUPERVISOR_IDLE).store(0, SeqCst);
        let _ = self.image.bell().read();
    }

    fn take_signals(&mut self) {
        while let Ok(Some(info)) = self.signals.read_signal() {
            match Signal::try_from(info.ssi_signo as i32) {
                Ok(Signal::SIGCHLD) => {}
                Ok(Signal::SIGTSTP) => self.pause(),
                _ => self.stop = Some(Stop::Interrupted(info.ssi_signo as i32)),
            }
        }
    }

    /// Ctrl-Z stops the script's processes too.
    fn pause(&self) {
        let group = Pid::from_raw(-self.guard.as_raw());
        let _ = nix::sys::signal::kill(group, Signal::SIGSTOP);
        let _ = nix::sys::signal::raise(Signal::SIGSTOP);
        let _ = nix::sys::signal::kill(group, Signal::SIGCONT);
    }

    // ------------------------------------------------------------------ death

    fn bury_dead(&mut self) -> bool {
        let mut fds: Vec<PollFd> = self.watched.iter().filter_map(|w| w.fd.as_ref()).map(watching).collect();
        let _ = poll(&mut fds, PollTimeout::ZERO);
        let mut ends = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let is_over = |w: &&Watched| w.fd.is_none() || ends.next().unwrap_or(false);
        let dead: Vec<(usize, i32)> = self.watched.iter().filter(is_over).map(|w| (w.index, w.pid)).collect();
        for (index, pid) in &dead {
            self.note_death(*index, *pid);
        }
        // All guards of all the dead first: burying one may need a guard that
        // another of them held.
        let free = |d: &&(usize, i32)| !self.manager_acts_for(d.0);
        let mut buried: Vec<usize> = dead.iter().filter(free).map(|d| d.0).collect();
        buried.iter().for_each(|index| self.revert(*index));
        // Nobody looks at the tasks in one step meanwhile. Who does so now may go on for
        // ever, and must not keep the run from its end.
        if buried.is_empty() || !self.hold_gate() {
            buried.clear();
        }
        if !buried.is_empty() {
            buried.iter().for_each(|index| self.bury(*index));
            self.let_go_of_gate();
        }
        self.watched.retain(|w| !buried.contains(&w.index));
        self.buried += buried.len();
        self.reap_own();
        if buried.len() < dead.len() {
            // Those whose descriptors say that they are dead let it sleep no more.
            std::thread::sleep(LATER);
        }
        !buried.is_empty()
    }

    /// A process was found dead. Its signal is kept, and whoever waits for it to let go of
    /// the gate waits no more.
    fn note_death(&self, index: usize, pid: i32) {
        let before = self.arena.process(index, process::STATE).swap(process::DEAD, SeqCst);
        // Nothing is read of one that `reap_own` has taken; it kept the signal.
        let signal = if before == process::DEAD { 0 } else { death_signal(pid) };
        if before == process::EXITED {
            self.arena.process(index, process::SIGNAL).store(0, SeqCst);
        } else {
            self.arena.process(index, process::SIGNAL).fetch_or(signal as u64, SeqCst);
        }
        let holder = self.arena.run_half(run::GATE).load(SeqCst);
        if guard::holder_process(holder) == index {
            break_gate(self.arena, holder);
        }
    }

    /// Takes the gate, if nobody has it, without looking who is in a step: so nobody makes
    /// a block of steps while tasks are buried.
    fn hold_gate(&self) -> bool {
        let own = guard::holder(TASKS_MAX, 0);
        self.arena.run_half(run::GATE).compare_exchange(0, own, SeqCst, SeqCst).is_ok()
    }

    fn let_go_of_gate(&self) {
        let gate = self.arena.run_half(run::GATE);
        gate.store(0, SeqCst);
        if self.arena.run(run::GATE_WAITERS).load(SeqCst) != 0 {
            futex::wake(gate, u32::MAX);
        }
    }

    /// Whether the manager is acting for a task of the dead process.
    fn manager_acts_for(&self, index: usize) -> bool {
        let Some(manager) = (self.arena.run(run::MANAGER).load(SeqCst) as usize).checked_sub(1) else { return false };
        let busy = self.arena.run(run::MANAGER_BUSY).load(SeqCst) as usize;
        busy != 0
            && self.arena.slot(busy - 1, slot::PROCESS).load(SeqCst) as usize == index
            && manager != index
            && is_alive(self.arena.process(manager, process::PID).load(SeqCst) as i32)
    }

    fn slots_of(&self, index: usize) -> Vec<usize> {
        (0..self.arena.slots_high())
            .filter(|s| {
                // In this order: a slot that is live says whose it is.
                !matches!(self.arena.slot(*s, slot::STATE).load(SeqCst), state::FREE | state::ENDED)
                    && self.arena.slot(*s, slot::PROCESS).load(Relaxed) as usize == index
            })
            .collect()
    }

    /// Takes back what a dead process had half changed, and its guards.
    fn revert(&self, index: usize) {
        let mut slots = self.slots_of(index);
        if self.arena.run(run::MANAGER).load(SeqCst) as usize == index + 1 {
            let busy = self.arena.run(run::MANAGER_BUSY).swap(0, SeqCst) as usize;
            slots.extend(busy.checked_sub(1));
        }
        for slot in slots {
            revert_slot(self.arena, slot, index);
            // Who has the gate waits for it no more.
            self.arena.slot(slot, slot::IN_STEP).store(0, SeqCst);
        }
        for slot in 0..=super::arena::KEEPER_SLOT.min(self.arena.slots_high() + 1) {
            break_guards(self.arena, guard::holder(slot, index));
        }
    }

    /// The signal that ended a process, or none: 0.
    fn signal_of(&self, index: usize) -> i64 {
        (self.arena.process(index, process::SIGNAL).load(SeqCst) & !process::STRUCK) as i64
    }

    fn bury(&mut self, index: usize) {
        let code = self.arena.process(index, process::EXIT_CODE).load(SeqCst) as i64;
        let signal = self.signal_of(index);
        let kind = self.arena.process(index, process::KIND).load(SeqCst);
        if kind == process::MANAGER {
            self.wake_clients();
            return;
        }
        if kind == process::KEEPER {
            self.arena.run(run::FINALLY_DONE).store(1, SeqCst);
            return;
        }
        let struck = self.arena.process(index, process::SIGNAL).load(SeqCst) & process::STRUCK != 0;
        if let Some(fault) = proc::FAULTS.iter().find(|f| **f as i64 == signal && !struck) {
            self.fail(format!("conc itself failed in one of the script's processes ({fault})"));
        }
        if signal != 0 && !replay::is_turn_to_end(self.image, index) {
            self.fail("a process of the script was killed from outside, and the schedule has no such turn".to_string());
        }
        let (how, number) = if signal != 0 { (ending::SIGNALLED, signal) } else { (ending::EXITED, code) };
        // As long as its handle is its own.
        for child in self.children_of(index) {
            self.leave_child(child, signal);
        }
        self.bury_tasks(index, how, number);
        let parent = self.arena.process(index, process::PARENT).load(SeqCst) as usize;
        if let Some(siblings) = self.children.get_mut(&parent) {
            siblings.remove(&index);
        }
    }

    /// What becomes of a process whose parent has died, by that signal or by
    /// itself.
    fn leave_child(&self, child: usize, signal: i64) {
        let word = |w: usize| self.arena.process(child, w).load(SeqCst);
        if word(process::STATE) == process::DEAD {
            return;
        }
        match word(process::KIND) {
            // Each such end is a turn of its own.
            process::SPAWNED | process::WORKER if self.image.options.replay.is_some() => {}
            process::SPAWNED | process::WORKER => proc::send(word(process::PID) as i32, Signal::SIGKILL),
            process::FORKED if signal != 0 => {
                let parent = self.arena.process(word(process::PARENT) as usize, process::TASK).load(SeqCst);
                let task = word(process::TASK);
                // Whose end was told has noted its children.
                let told = (task | parent) & process::TOLD != 0;
                if task != 0 && parent != 0 && !told && !spawn::has_ended(self.arena, task as u32 - 1) {
                    let raw = Raw::Orphan { child: task as u32 - 1, parent: parent as u32 - 1 };
                    let key = record::child_key(self.arena, &raw);
                    record::add(self.arena, key, (raw, u64::MAX), guard::holder(TASKS_MAX, 0));
                }
            }
            _ => {}
        }
    }

    /// The processes that a dead one had made. Those that it made last may not
    /// have been seen yet; it makes no further ones.
    fn children_of(&mut self, parent: usize) -> Vec<usize> {
        let mut children = self.children.remove(&parent).unwrap_or_default();
        let unseen = self.pending.keys().copied().chain(self.known..self.arena.processes());
        children.extend(
            unseen.filter(|c| self.arena.process(*c, process::PARENT).load(SeqCst) as usize == parent && *c != parent),
        );
        children.into_iter().collect()
    }

    fn bury_tasks(&mut self, index: usize, how: u64, number: i64) {
        // A process that told its end by itself ended its threads, though it may have been
        // killed on its way out.
        let task = self.arena.process(index, process::TASK).load(SeqCst);
        let ended = task != 0 && (task & process::TOLD != 0 || spawn::has_ended(self.arena, task as u32 - 1));
        let how = if ended { ending::TERMINATED } else { how };
        for slot in self.slots_of(index) {
            let task = self.arena.slot(slot, slot::TASK).load(SeqCst) as u32;
            let process = self.arena.facts(task, facts::FLAGS).load(Relaxed) & flag::PROCESS != 0;
            // The threads around it were ended with their process.
            let how = if process || how == ending::SIGNALLED { how } else { ending::TERMINATED };
            let mut executor = Executor::new(self.image, self.home.clone(), slot, task);
            executor.supervising = true;
            // The supervisor has the gate.
            executor.gated = false;
            executor.bury(how, number);
            executor.tell_awaiting();
        }
    }

    /// The manager is gone: who waits at its queues is told.
    fn wake_clients(&self) {
        for slot in 0..self.arena.slots_high() {
            let (park, _) = self.arena.park(slot);
            if matches!(self.arena.slot(slot, slot::STATE).load(SeqCst), state::WAITING | state::TIMED) {
                park.store(1, SeqCst);
                futex::wake(park, 1);
            }
        }
    }

    /// The supervisor's own children: the first process, the manager, the
    /// guard, and orphans, for it takes init's part.
    fn reap_own(&mut self) {
        while let Ok(status) = waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            let pid = match status {
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _) => pid,
                WaitStatus::StillAlive => return,
                _ => continue,
            };
            if pid == self.guard {
                self.fail("the process that guards the others was killed".to_string());
            }
            let watched = self.watched.iter_mut().find(|w| w.pid == pid.as_raw());
            let word = |index: usize, word: usize| self.arena.process(index, word);
            // An orphan may have been made since the last look; its number is nobody else's
            // up to here.
            let is_it = |index: &usize| word(*index, process::PID).load(SeqCst) as i32 == pid.as_raw();
            let new = || self.pending.keys().copied().chain(self.known..self.arena.processes()).find(is_it);
            if let (WaitStatus::Signaled(_, signal, _), Some(index)) =
                (status, watched.as_ref().map(|w| w.index).or_else(new))
            {
                word(index, process::SIGNAL).fetch_or(signal as u64, SeqCst);
            }
            if let Some(w) = watched {
                w.fd = None;
            }
        }
    }

    fn fail(&mut self, sentence: String) {
        if self.stop.is_none() {
            self.stop = Some(Stop::Failed(sentence));
        }
    }

    fn check_failures(&mut self) {
        let word = |w: usize| self.arena.run(w).load(SeqCst);
        let errno = |n: u64| nix::Error::from_raw(n as i32).desc();
        if word(run::OUTPUT_ERROR) != 0 {
            self.fail(output_sentence(word(run::OUTPUT_ERROR) as i32));
        }
        if word(run::OUT_OF_MEMORY) != 0 {
            let mib = self.image.options.memory >> 20;
            self.fail(format!("the script's objects and values need more than the {mib} MiB there are for them"));
        }
        let (tasks, n) = (word(run::TASKS), word(run::MACHINE_ERRNO));
        match word(run::MACHINE) {
            0 => {}
            refused::TASKS => self.fail(format!("more than {TASKS_MAX} tasks at once")),
            refused::THREAD => self.fail(format!(
                "the machine has no room for another thread (the run has made {tasks} tasks): {}",
                errno(n)
            )),
            refused::PROCESS => self.fail(format!(
                "the machine has no room for another process (the run has made {tasks} tasks): {}",
                errno(n)
            )),
            refused::FILES => self.fail(format!(
                "the machine has no room for another connection to the manager (the run has made {tasks} tasks): {}",
                errno(n)
            )),
            refused::PROCESSES => self.fail(format!("more than {} processes in one run", super::arena::PROCESSES)),
            refused::DEPTH => self.fail(format!("more than {PROCESSES_DEEP} processes, each within the one before")),
            _ => self.fail("conc itself failed in one of the script's processes".to_string()),
        }
        if self.image.options.time_limit_ns.is_some_and(|l| futex::now_ns() >= self.began + l) && self.stop.is_none() {
            self.stop = Some(Stop::TimeLimit);
        }
    }

    // ---------------------------------------------------------------- looking

    fn look(&mut self, tell: &mut dyn FnMut(&Finding)) {
        let found = self.diagnosis.look(&self.home);
        for finding in found {
            tell(&finding);
            self.findings.push(finding);
        }
        if self.image.options.hang {
            return;
        }
        if self.diagnosis.nothing_goes_on(self.arena) {
            self.stop = Some(Stop::Stuck);
        }
    }

    /// Every process has ended but the run's own, and with them all tasks: a
    /// process dies with its threads, and each that there was has been buried.
    fn all_ended(&self) -> bool {
        self.pending.is_empty()
            && self.known == self.arena.processes()
            && self.is_over(self.main_index)
            && self.watched.iter().all(|w| {
                let kind = self.arena.process(w.index, process::KIND).load(SeqCst);
                matches!(kind, process::KEEPER | process::MANAGER)
            })
    }

    fn run_finally(&mut self) {
        let keeper =
            self.watched.iter().any(|w| self.arena.process(w.index, process::KIND).load(SeqCst) == process::KEEPER);
        if !keeper {
            return;
        }
        let go = self.arena.run_half(run::FINALLY_GO);
        go.store(1, SeqCst);
        futex::wake(go, u32::MAX);
        while self.arena.run(run::FINALLY_DONE).load(SeqCst) == 0 && self.stop == Some(Stop::Finished) {
            self.sleep(PollTimeout::from(1000u16));
            let before = self.stop.take();
            self.take_signals();
            self.bury_dead();
            self.check_failures();
            self.stop = self.stop.take().or(before);
        }
    }

    /// Daemons and workers may still be on their way to where they end, or stay, when all
    /// others are stuck for ever. Some go on without end.
    fn await_servants(&mut self) {
        for _ in 0..SERVANTS_LOOKS {
            if self.diagnosis.note_stuck(&self.home) || self.stop != Some(Stop::Stuck) {
                return;
            }
            self.sleep(PollTimeout::from(LOOK_MS as u16));
            self.find_new();
            self.take_signals();
            self.bury_dead();
        }
    }

    // ----------------------------------------------------------------- ending

    /// Ends every process of the run and reaps them all. Gives a signal that asked for
    /// the end meanwhile: with the old mask it would end `conc` before it has reported.
    fn end_all(&mut self) -> Option<i32> {
        self.arena.run(run::STOP).store(1, SeqCst);
        let group = Pid::from_raw(-self.guard.as_raw());
        let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
        loop {
            let waited = match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
                // Who is left, dead or not, keeps the group's number from being
                // given to others; without that they would be killed.
                Ok(WaitStatus::StillAlive) => {
                    let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
                    waitpid(Pid::from_raw(-1), None)
                }
                waited => waited,
            };
            match waited {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(_) => break,
            }
        }
        self.watched.clear();
        let _ = nix::sys::prctl::set_child_subreaper(false);
        let mut late = None;
        while let Ok(Some(info)) = self.signals.read_signal() {
            let signal = info.ssi_signo as i32;
            if !matches!(Signal::try_from(signal), Ok(Signal::SIGCHLD | Signal::SIGTSTP)) {
                late = Some(signal);
            }
        }
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.old_mask), None);
        late
    }

    fn report(&mut self) -> Report {
        let duration_ns = futex::now_ns() - self.began;
        let stop = self.stop.clone().unwrap_or(Stop::Finished);
        // A last look: what was known when the run was cut short is told.
        let late_signal = self.end_all();
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(diagnose::recorded(self.image, &findings, &stop));
        findings.sort_by_key(|f| f.code.is_note());
        let outcome = self.image.options.outcomes.then(|| self.outcome());
        let tasks = diagnose::task_ends(self.image);
        let recording = self.image.events.as_ref().map(|events| {
            let facts = tasks.iter().map(|t| t.facts.clone()).collect();
            events.read(self.image, &diagnose::task_ids(self.image), facts, self.began, self.began + duration_ns)
        });
        let word = |w: usize| self.arena.run(w).load(SeqCst);
        Report {
            main_killed: self.main_killed(&stop),
            late_signal,
            stop,
            tasks,
            findings,
            task_count: word(run::TASKS),
            thread_count: word(run::THREADS),
            process_count: word(run::PROCESS_COUNT),
            duration_ns,
            gil_wait_ns: word(run::GIL_WAIT),
            room_for: (self.arena.objects(), self.arena.heap().used()),
            outcome,
            trace: super::trace::recorded(self.image),
            recording,
        }
    }

    /// A run that was cut short says why, and `main` ended with it.
    fn main_killed(&self, stop: &Stop) -> Option<i32> {
        let fact = |which: usize| self.arena.facts(self.image.main_task(), which).load(SeqCst);
        let from_outside = fact(facts::ENDING) == ending::SIGNALLED && fact(facts::FLAGS) & flag::SIGNALLED == 0;
        let by_itself = matches!(stop, Stop::Finished | Stop::Stuck);
        (by_itself && from_outside).then(|| fact(facts::ENDING_CODE) as i32)
    }

    fn outcome(&self) -> Outcome {
        let block = self.arena.run(run::FINAL_VALUES).load(SeqCst) as usize;
        let mut values: Vec<(String, String)> = match block {
            0 => Vec::new(),
            block => serde_json::from_slice(&codec::load_bytes(block, self.arena.heap())).unwrap_or_default(),
        };
        values.extend(diagnose::shared_values(self.image));
        let (prints, ended) = diagnose::prints_and_endings(self.image);
        Outcome { values, prints, ended }
    }
}

impl Executor {
    /// Acts for a task whose process is dead: takes it out of what it waited
    /// for, says what it held, and ends it. Its changes were taken back.
    fn bury(&mut self, how: u64, number: i64) {
        if self.slot_word(slot::STATE).load(SeqCst) == state::AWAITING {
            self.arena.run(run::AWAITING).fetch_sub(1, SeqCst);
        }
        self.withdraw();
        self.site = self.slot_word(slot::PC).load(Relaxed) as u32;
        let told = self.flags() & flag::TOLD != 0;
        if told || spawn::has_ended(self.arena, self.task) {
            // It had told its end already and was only leaving.
            self.leave_pool();
            if !told {
                self.let_go_of_self();
            }
            return spawn::leave_slot(self.arena, self.slot);
        }
        self.finish(&Ended { ending: how, code: number, result: Value::None });
    }
}

/// Takes back what a task had changed under guards that it still holds.
pub(super) fn revert_slot(arena: &'static Arena, slot: usize, process: usize) {
    let count = (arena.slot(slot, slot::UNDO_COUNT).load(SeqCst) as usize).min(super::arena::UNDO);
    for i in (0..count).rev() {
        let at = arena.slot(slot, slot::UNDONE + 2 * i).load(SeqCst) as usize;
        let old = arena.slot(slot, slot::UNDONE + 2 * i + 1).load(SeqCst);
        arena.at(at).store(old, SeqCst);
    }
    arena.slot(slot, slot::UNDO_COUNT).store(0, SeqCst);
    let guards = (arena.slot(slot, slot::GUARD_COUNT).load(SeqCst) as usize).min(super::arena::GUARDS);
    for i in 0..guards {
        let id = arena.slot(slot, slot::GUARD + i).load(SeqCst);
        if id == 0 {
            continue;
        }
        let is_its = |guard: &AtomicU32| {
            let held = guard.load(SeqCst);
            held != 0 && guard::holder_slot(held) == slot
        };
        let (guard, version) = arena.guard(id as u32 - 1);
        let whole = is_its(guard);
        if let Some(ends) = Ends::of(arena, arena.object_words(arena.object_at(id as u32 - 1))) {
            ends.revert(is_its, whole);
        }
        if whole {
            version.fetch_add(1, SeqCst);
            guard.store(0, SeqCst);
        }
    }
    arena.slot(slot, slot::GUARD_COUNT).store(0, SeqCst);
    let cell = arena.slot(slot, slot::CELL).load(SeqCst) as usize;
    if cell != 0 {
        super::cell::break_guard(arena, cell, guard::holder(slot, process));
    }
}

/// Takes the gate from a dead holder. What that did within `atomically` comes before whoever
/// has the gate next.
fn break_gate(arena: &Arena, holder: u32) {
    let gate = arena.run_half(run::GATE);
    if gate.load(SeqCst) != holder {
        return;
    }
    let clock = TaskClock::new(arena, guard::holder_slot(holder));
    let _ = clock.release(arena.run(run::ATOMIC_CLOCK), true, Strength::Order, guard::holder(TASKS_MAX, 0));
    if gate.compare_exchange(holder, 0, SeqCst, SeqCst).is_ok() {
        futex::wake(gate, u32::MAX);
    }
}

/// Lets go of the guards and locks of the run's own that a dead holder had.
fn break_guards(arena: &Arena, holder: u32) {
    arena.heap().break_guard(holder);
    break_gate(arena, holder);
    for word in [run::FINDINGS_GUARD, run::ENDED_GUARD] {
        let _ = arena.run_half(word).compare_exchange(holder, 0, SeqCst, SeqCst);
    }
    for word in [run::SLOTS_GUARD, run::PRINT_GUARD] {
        let half = arena.run_half(word);
        if half.compare_exchange(holder, 0, SeqCst, SeqCst).is_ok() {
            futex::wake(half, u32::MAX);
        }
    }
}

/// A descriptor that says when the process ends.
fn open_pidfd(pid: i32) -> nix::Result<OwnedFd> {
    // SAFETY: a plain system call with two integers; a result that is not
    // negative is a new descriptor that nobody else owns.
    unsafe {
        let fd = nix::Error::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}

/// The process that leads the group and outlives nothing: see the head of the
/// file.
fn fork_guard() -> nix::Result<Pid> {
    let supervisor = nix::unistd::getpid();
    // SAFETY: this process has one thread.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => {
            let _ = setpgid(child, child);
            Ok(child)
        }
        ForkResult::Child => {
            let own = Pid::from_raw(0);
            let _ = setpgid(own, own);
            proc::plain_signals();
            proc::ThreadName::new("conc-guard").give();
            let fd = open_pidfd(supervisor.as_raw());
            if let (Ok(fd), true) = (&fd, nix::unistd::getppid() == supervisor) {
                loop {
                    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
                    if poll(&mut fds, PollTimeout::NONE).is_ok_and(|n| n > 0) {
                        break;
                    }
                }
            }
            let _ = nix::sys::signal::kill(Pid::from_raw(-nix::unistd::getpid().as_raw()), Signal::SIGKILL);
            proc::end(0)
        }
    }
}

/// The signal that ended a process which its parent has not reaped yet; 0 if
/// none did. From the last fields of its status in the kernel's table.
fn death_signal(pid: i32) -> i32 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    // The last field is the status as `wait` gives it; the name may hold
    // anything, so the fields are counted from the end.
    let code = stat.split_whitespace().next_back().and_then(|f| f.parse::<i32>().ok()).unwrap_or(0);
    code & 0x7f
}

/// Whether a process is there and not just waiting to be reaped.
pub(super) fn is_alive(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    !matches!(state, Some("Z" | "X") | None)
}

/// As many open files as the system lets us have: one for each process.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
