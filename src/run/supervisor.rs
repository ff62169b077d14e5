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
use super::finish::{self, Ended};
use super::futex;
use super::guard;
use super::handle::make_handle;
use super::image::{Image, Options, SetupError};
use super::manager;
use super::process::{self as proc, Process};
use super::record::{self, Raw};
use super::replay::{self, Standing};
use super::slots;
use super::spawn::{self, Birth, Name, refused};
use super::system::{ending_signals, heeded};
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

mod birth;
mod death;
mod report;
mod servants;
#[path = "session.rs"]
pub mod session;

pub use death::{is_alive, revert_slot};
pub use report::{Outcome, Report, Stop, TaskEnd, output_sentence};

/// How often it looks for stuck tasks while something goes on.
const LOOK_MS: u64 = 5;
/// How often it looks at what stands still at the end of a replay before it
/// takes it that nothing is stuck.
const SETTLED_LOOKS: u32 = 10;
/// After so long it looks again whether the dead can be buried.
const LATER: Duration = Duration::from_millis(1);
/// How long a process that was reserved may take to be there.
const BIRTH_NS: u64 = 500_000_000;

struct Watched {
    index: usize,
    pid: i32,
    end: End,
}

/// What says that a process is over.
enum End {
    /// The pidfd of it.
    Descriptor(OwnedFd),
    /// It was over before it could be watched, or was reaped.
    Seen,
    /// It may live: that it be watched was refused, and the run ends for that.
    Refused,
}

impl Watched {
    fn fd(&self) -> Option<&OwnedFd> {
        if let End::Descriptor(fd) = &self.end { Some(fd) } else { None }
    }

    fn is_over(&self) -> bool {
        matches!(self.end, End::Seen)
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
    lifelines: birth::Lifelines,
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
        let mut mask = ending_signals();
        mask.extend(&heeded([Signal::SIGTSTP]));
        mask.add(Signal::SIGCHLD);
        proc::have_children_told();
        let mut old_mask = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), Some(&mut old_mask))?;
        let begun = (|| {
            let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
            nix::sys::prctl::set_child_subreaper(true)?;
            raise_file_limit();
            proc::reserve(arena, process::KEEPER, 0);
            proc::register(arena, 0);
            Ok((signals, birth::fork_guard()?))
        })();
        let (signals, (guard, lifelines)) = begun.inspect_err(|_: &SetupError| leave_as_found(&old_mask))?;
        guard::supervises(Some(arena));
        let home = Process::new(0, false, arena);
        Ok(Supervisor {
            image,
            arena,
            home,
            signals,
            old_mask,
            guard,
            lifelines,
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

    // --------------------------------------------------------------- watching

    fn watch(&mut self, index: usize, pid: i32) {
        // Of one that its parent has reaped the number may be another's by now.
        let reaped = self.arena.process(index, process::REAPED).load(SeqCst) != 0;
        let end = match if reaped { Err(nix::Error::ESRCH) } else { open_pidfd(pid) } {
            Ok(fd) => End::Descriptor(fd),
            Err(nix::Error::ESRCH) => End::Seen,
            Err(error) => {
                let tasks = made(self.arena.run(run::TASKS).load(SeqCst));
                self.fail(format!("the machine has no room to watch another process ({tasks}): {}", error.desc()));
                End::Refused
            }
        };
        self.watched.push(Watched { index, pid, end });
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
            let parent = self.arena.process(index, process::PARENT).load(SeqCst) as usize;
            let late = self.pending.get(&index).is_some_and(|since| futex::now_ns() - since > BIRTH_NS);
            if pid != 0 {
                self.pending.remove(&index);
                self.watch(index, pid);
                if self.is_over(parent) {
                    // It was forked, but not there yet, when its parent was buried.
                    self.leave_child(index, self.signal_of(parent));
                } else {
                    self.children.entry(parent).or_default().insert(index);
                }
            } else if self.is_over(parent) && (late || self.has_no_child_to_come()) {
                // Its parent ended before it could fork: there was no such task.
                self.pending.remove(&index);
                self.arena.process(index, process::STATE).store(process::DEAD, SeqCst);
                for slot in self.slots_of(index) {
                    let task = self.arena.slot(slot, slot::TASK).load(SeqCst) as u32;
                    slots::unbear(self.arena, task, slot);
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

    /// Whether no child of this process is one that it does not know: it gets those of the
    /// dead, in the moment of their death.
    fn has_no_child_to_come(&self) -> bool {
        let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return false };
        threads.flatten().all(|thread| {
            let Ok(children) = std::fs::read_to_string(thread.path().join("children")) else { return false };
            let is_known = |pid: i32| pid == self.guard.as_raw() || self.watched.iter().any(|w| w.pid == pid);
            children.split_whitespace().all(|pid| pid.parse().is_ok_and(is_known))
        })
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
        fds.extend(self.watched.iter().filter_map(Watched::fd).map(watching));
        let gone = self.watched.iter().any(Watched::is_over);
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
        let group = self.group();
        let _ = nix::sys::signal::kill(group, Signal::SIGSTOP);
        let _ = nix::sys::signal::raise(Signal::SIGSTOP);
        let _ = nix::sys::signal::kill(group, Signal::SIGCONT);
    }

    // ------------------------------------------------------------------ death

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
        let (tasks, n) = (made(word(run::TASKS)), word(run::MACHINE_ERRNO));
        match word(run::MACHINE) {
            0 => {}
            refused::TASKS => self.fail(format!("more than {TASKS_MAX} tasks at once")),
            refused::THREAD => self.fail(format!("the machine has no room for another thread ({tasks}): {}", errno(n))),
            refused::PROCESS => {
                self.fail(format!("the machine has no room for another process ({tasks}): {}", errno(n)))
            }
            refused::FILES => self
                .fail(format!("the machine has no room for another connection to the manager ({tasks}): {}", errno(n))),
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

    // ----------------------------------------------------------------- ending

    /// All processes of the run. There may be other children: `conc` has those of the shell that
    /// it took the place of, and they are none of its affair.
    fn group(&self) -> Pid {
        Pid::from_raw(-self.guard.as_raw())
    }

    /// Ends every process of the run and reaps them all. Gives a signal that asked for
    /// the end meanwhile: with the old mask it would end `conc` before it has reported.
    fn end_all(&mut self) -> Option<i32> {
        self.arena.run(run::STOP).store(1, SeqCst);
        let group = self.group();
        let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
        loop {
            let waited = match waitpid(group, Some(WaitPidFlag::WNOHANG)) {
                // Who is left, dead or not, keeps the group's number from being
                // given to others; without that they would be killed.
                Ok(WaitStatus::StillAlive) => {
                    let _ = nix::sys::signal::kill(group, Signal::SIGKILL);
                    waitpid(group, None)
                }
                waited => waited,
            };
            match waited {
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(_) => break,
            }
        }
        self.watched.clear();
        guard::supervises(None);
        let mut late = None;
        while let Ok(Some(info)) = self.signals.read_signal() {
            let signal = info.ssi_signo as i32;
            if !matches!(Signal::try_from(signal), Ok(Signal::SIGCHLD | Signal::SIGTSTP)) {
                late = Some(signal);
            }
        }
        leave_as_found(&self.old_mask);
        late
    }
}

/// What a run asks of the kernel for this process is over with it.
fn leave_as_found(mask: &SigSet) {
    let _ = nix::sys::prctl::set_child_subreaper(false);
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
}

/// How many tasks there were.
fn made(tasks: u64) -> String {
    format!("the run has made {tasks} task{}", if tasks == 1 { "" } else { "s" })
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

/// As many open files as the system lets us have: one for each process.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
