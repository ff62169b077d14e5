//! A process of the script, seen from inside: what its threads have in
//! common, its children, forking and ending. It owns the system calls for
//! that.
//!
//! A process is forked right from the thread that spawns it, so that its
//! parent is its parent for the kernel too and its `var`s are a copy as fork
//! makes it. Forking a process with threads is sound here because of what the
//! child may meet: the allocator of the C library, which fork leaves usable;
//! this file's lock, which the forking thread holds meanwhile; guards in
//! copied memory, which the child takes from holders of another process (see
//! `guard`); and the arena, where no lock is a copy.

use super::arena::{Arena, PROCESSES_DEEP, facts, flag, object, process, run};
use super::finish::has_ended;
use super::gil::Gil;
use super::handle;
use crate::program::value::ObjRef;
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, sigaction};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A task or process that this process has made.
#[derive(Clone, Copy, Debug)]
pub struct Child {
    pub task: ObjRef,
    /// Its place in the order of birth: its handle may be another's by now.
    pub number: u64,
    /// The process, by its place in the arena's table; `None` for a thread.
    pub process: Option<usize>,
    pub forked: bool,
    pub daemon: bool,
    /// Nothing is left to do about it.
    pub settled: bool,
}

impl Child {
    /// A thread; of a process, there is more to be said.
    pub fn of(arena: &Arena, task: ObjRef, daemon: bool) -> Child {
        let number = arena.facts(task.id, facts::NUMBER).load(SeqCst);
        Child { task, number, process: None, forked: false, daemon, settled: false }
    }

    /// Whether the handle is its own still.
    pub fn is_there(&self, arena: &Arena) -> bool {
        arena.facts(self.task.id, facts::NUMBER).load(SeqCst) == self.number
    }

    /// A thread is over when it makes no further step: after it has told its end it leaves
    /// its pool.
    pub fn is_over(&self, arena: &Arena) -> bool {
        // In this order: whose handle is another's has ended before.
        let ended = has_ended(arena, self.task.id);
        let leaves = self.process.is_none() && arena.is_in_pool(self.task.id);
        ended && !leaves || !self.is_there(arena)
    }
}

/// What the threads of a process know of its children. Whoever makes one has it meanwhile,
/// and so has who looks for the last time whether any is left: so none comes after that.
#[derive(Default)]
pub struct Family {
    pub children: Vec<Child>,
    /// The records whose `var` fields are in this process's memory, each with the age of
    /// its number: that of a record that is gone may be another's by now.
    pub records: HashMap<u32, u64>,
    pub forks: u32,
    /// It has made threads.
    pub threaded: bool,
    /// The slots of those that wait for whichever forked child ends first.
    pub waiting: Vec<usize>,
    /// Joined children that are on their way out of the kernel, by their places in the
    /// arena's table.
    leaving: Vec<usize>,
}

impl Family {
    /// The process has one more to wait for; of threads that have ended it need not know.
    pub fn adopt(&mut self, arena: &Arena, child: Child) {
        self.threaded |= child.process.is_none();
        self.children.retain(|c| !c.settled && (c.process.is_some() || !c.is_over(arena)));
        self.children.push(child);
    }

    /// The forked children that nobody has waited for, in the order of their birth.
    pub fn forked(&self) -> Vec<Child> {
        self.children.iter().filter(|c| c.forked && !c.settled).copied().collect()
    }

    /// The first of those that the end of the process waits for.
    pub fn wanted(&self, arena: &Arena) -> Option<Child> {
        self.children.iter().find(|c| !c.settled && !c.forked && !c.daemon && c.is_there(arena)).copied()
    }
}

/// So many children may be leaving at once.
const LEAVING_MOST: usize = 4;

/// See the head of the file.
pub struct Process {
    /// Its place in the arena's table.
    pub index: usize,
    family: Mutex<Family>,
    /// Whether some are leaving.
    some_leave: AtomicBool,
    /// How many of its threads stand still, because it is at its end.
    pub stood: AtomicU32,
    gil: Option<Gil>,
    /// Who made it, if that is one of the script.
    pub parent: Option<Parent>,
    arena: &'static Arena,
}

/// The process that another one was made by.
#[derive(Clone, Copy)]
pub struct Parent {
    /// The handle of its first task.
    pub task: u32,
    /// What that number was before (`handle::life`).
    pub life: u64,
    pub pid: i32,
}

/// Which side of a fork this is.
pub enum Side {
    Parent(Pid),
    Child(Arc<Process>),
}

impl Process {
    pub fn new(index: usize, gil: bool, arena: &'static Arena) -> Arc<Process> {
        let gil = gil.then(Gil::default);
        let some_leave = AtomicBool::new(false);
        let stood = AtomicU32::new(0);
        let family = Mutex::new(Family::default());
        Arc::new(Process { index, family, some_leave, stood, gil, parent: None, arena })
    }

    /// The handle of its first task, if it is one of the script.
    pub fn first_task(&self) -> Option<u32> {
        let word = self.arena.process(self.index, process::TASK).load(SeqCst) & !process::TOLD;
        word.checked_sub(1).map(|task| task as u32)
    }

    /// What its children know of it.
    fn as_parent(&self) -> Option<Parent> {
        let task = self.first_task()?;
        Some(Parent { task, life: handle::life(self.arena, task), pid: nix::unistd::getpid().as_raw() })
    }

    pub fn family(&self) -> MutexGuard<'_, Family> {
        // A panic while it was held left a list of whole entries.
        self.family.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has_record(&self, record: u32, arena: &Arena) -> bool {
        self.family().records.get(&record) == Some(&record_age(arena, record))
    }

    #[inline]
    pub fn gil_wanted(&self) -> bool {
        self.gil.as_ref().is_some_and(Gil::wanted)
    }

    pub fn gil_take(&self) {
        if let Some(gil) = &self.gil {
            gil.take(self.arena.run(run::GIL_WAIT));
        }
    }

    pub fn gil_let_go(&self) {
        if let Some(gil) = &self.gil {
            gil.let_go();
        }
    }

    pub fn gil_switch(&self) {
        if let Some(gil) = &self.gil {
            gil.switch(self.arena.run(run::GIL_WAIT));
        }
    }

    /// Does something that may take long, without the interpreter lock.
    #[inline]
    pub fn gil_pause<T>(&self, f: impl FnOnce() -> T) -> T {
        if self.gil.is_none() {
            return f();
        }
        self.gil_let_go();
        let result = f();
        self.gil_take();
        result
    }

    /// A new entry in the table of processes.
    pub fn reserve(&self, kind: u64) -> Option<usize> {
        reserve(self.arena, kind, self.index)
    }

    /// Whether one more process may live within this one.
    pub fn has_depth(&self) -> bool {
        let process = |index, word| self.arena.process(index, word).load(Relaxed);
        let above = |index: &usize| Some(process(*index, process::PARENT) as usize);
        // The first entry is `conc` itself.
        let is_one = |index: &usize| *index != 0 && process(*index, process::STATE) == process::ALIVE;
        let lineage = std::iter::successors(Some(self.index), above).take_while(is_one);
        lineage.take(PROCESSES_DEEP).count() < PROCESSES_DEEP
    }

    /// Takes a child that has told its end from the kernel's table; at once, if it is
    /// gone. If it is still on its way out, this process goes on meanwhile, and the
    /// child is taken when this process makes another one or is about to sleep.
    pub fn reap_soon(&self, index: usize) {
        let mut family = self.family();
        family.leaving.push(index);
        self.reap_leaving(&mut family, LEAVING_MOST);
    }

    /// Before a new child is made.
    pub fn reap_gone(&self) {
        if self.some_leave.load(Relaxed) {
            self.reap_leaving(&mut self.family(), LEAVING_MOST);
        }
    }

    /// Before a task sleeps: none that was joined is left in the kernel's table.
    #[inline]
    pub fn reap_all(&self) {
        if self.some_leave.load(Relaxed) {
            self.reap_leaving(&mut self.family(), 0);
        }
    }

    /// Waits for those beyond `most`.
    fn reap_leaving(&self, family: &mut Family, most: usize) {
        let word = |index: usize, word: usize| self.arena.process(index, word);
        let mut beyond = family.leaving.len().saturating_sub(most);
        family.leaving.retain(|index| {
            let pid = word(*index, process::PID).load(SeqCst) as i32;
            let gone = if beyond > 0 {
                reap(pid);
                true
            } else {
                is_reaped(pid)
            };
            beyond = beyond.saturating_sub(1);
            if gone {
                word(*index, process::REAPED).store(1, SeqCst);
            }
            !gone
        });
        self.some_leave.store(!family.leaving.is_empty(), Relaxed);
    }

    /// Forks. The child has this process's records and no children yet; with
    /// an interpreter lock, it holds its own. It is one of `family` from its beginning, if
    /// it is one of the script. `before` is done while nobody else of this process forks.
    pub fn fork(
        &self,
        mut family: MutexGuard<'_, Family>,
        index: usize,
        child: Option<Child>,
        before: impl FnOnce(),
    ) -> nix::Result<Side> {
        before();
        // Made here, the child has less memory to be given.
        let mut own = Process::new(index, self.gil.is_some(), self.arena);
        if let Some(own) = Arc::get_mut(&mut own) {
            own.parent = self.as_parent();
        }
        // SAFETY: see the head of the file for what the child may meet.
        match unsafe { nix::unistd::fork() }? {
            ForkResult::Parent { child: pid } => {
                self.arena.process(index, process::PID).store(pid.as_raw() as u64, SeqCst);
                if let Some(child) = child {
                    family.adopt(self.arena, child);
                }
                Ok(Side::Parent(pid))
            }
            ForkResult::Child => {
                // The copy of the parent's list is this one's own.
                own.family().records = std::mem::take(&mut family.records);
                own.gil_take();
                Ok(Side::Child(own))
            }
        }
    }
}

/// What a thread of the script does, from its beginning to its end.
type Life = Box<dyn FnOnce() + Send>;

/// Begins a thread of the script with so large a stack, which nobody joins in the kernel's
/// sense. It is none of the standard library's: those take a lock of that library for a
/// moment as they begin and as they end, and a fork of another thread in that moment would
/// leave it locked in the child for ever. What the C library holds then, it makes whole after
/// a fork.
pub fn begin_thread(stack: usize, life: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    extern "C" fn run(life: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: it is the box of who began this thread, who has given it up.
        let life: Box<Life> = unsafe { Box::from_raw(life.cast()) };
        // Nobody above could go on with what unwinds.
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(life)).is_err() {
            std::process::abort();
        }
        std::ptr::null_mut()
    }
    let life: *mut Life = Box::into_raw(Box::new(Box::new(life)));
    let mut thread = std::mem::MaybeUninit::uninit();
    let mut how = std::mem::MaybeUninit::uninit();
    // SAFETY: the attributes are set up before they are used and taken down after; `run` gets
    // what it expects, and keeps it only if a thread was made.
    let error = unsafe {
        let mut error = libc::pthread_attr_init(how.as_mut_ptr());
        if error == 0 {
            libc::pthread_attr_setstacksize(how.as_mut_ptr(), stack);
            libc::pthread_attr_setdetachstate(how.as_mut_ptr(), libc::PTHREAD_CREATE_DETACHED);
            error = libc::pthread_create(thread.as_mut_ptr(), how.as_ptr(), run, life.cast());
            libc::pthread_attr_destroy(how.as_mut_ptr());
        }
        error
    };
    if error == 0 {
        return Ok(());
    }
    // SAFETY: no thread has it.
    drop(unsafe { Box::from_raw(life) });
    Err(std::io::Error::from_raw_os_error(error))
}

/// How many records had the number before this one.
pub fn record_age(arena: &Arena, record: u32) -> u64 {
    arena.object(record, object::WORD).load(Relaxed)
}

/// A new entry in the table of processes; `None` if the table is full.
pub fn reserve(arena: &Arena, kind: u64, parent: usize) -> Option<usize> {
    let index = arena.run(run::PROCESSES_NEXT).fetch_add(1, AcqRel) as usize;
    if index >= super::arena::PROCESSES {
        return None;
    }
    arena.process(index, process::KIND).store(kind, Relaxed);
    arena.process(index, process::PARENT).store(parent as u64, Relaxed);
    Some(index)
}

/// Whether one of its tasks has said that the process ends.
pub fn has_told_its_end(arena: &Arena, index: usize) -> bool {
    let state = arena.process(index, process::STATE).load(SeqCst);
    matches!(state, process::ENDING | process::LEAVING | process::EXITED | process::DEAD)
}

/// Whether a process is on its way to its end, whatever its tasks wait for: one of them
/// has said so, the script has sent it a signal, or it goes with the one it was spawned in.
pub fn is_ending(arena: &Arena, index: usize) -> bool {
    let mut index = index;
    while index != 0 {
        let word = |word: usize| arena.process(index, word).load(SeqCst);
        let signalled = |task: u64| {
            task & process::TOLD != 0 || arena.facts(task as u32, facts::FLAGS).load(SeqCst) & flag::SIGNALLED != 0
        };
        if has_told_its_end(arena, index) || word(process::TASK).checked_sub(1).is_some_and(signalled) {
            return true;
        }
        if word(process::KIND) == process::FORKED {
            return false;
        }
        index = word(process::PARENT) as usize;
    }
    false
}

/// Says in the table that this process is there.
pub fn register(arena: &Arena, index: usize) {
    let signal: *const AtomicU64 = arena.process(index, process::SIGNAL);
    OWN_SIGNAL.store(signal.cast_mut(), SeqCst);
    arena.process(index, process::PID).store(nix::unistd::getpid().as_raw() as u64, SeqCst);
    arena.process(index, process::STATE).store(process::ALIVE, SeqCst);
}

/// Ends this process at once, with all its threads and without the handlers
/// that the program it was forked from may have set up.
pub fn end(code: i32) -> ! {
    // SAFETY: `_exit` only ends the process.
    unsafe { libc::_exit(code) }
}

/// Waits for a child that has ended or is about to: its exit code, or the
/// negative number of the signal.
pub fn reap(pid: i32) -> Option<i32> {
    loop {
        match waitpid(Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(_, code)) => return Some(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Some(-(signal as i32)),
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Takes a child from the kernel's table if it has ended; whether it is not there (any
/// more).
fn is_reaped(pid: i32) -> bool {
    loop {
        match waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return false,
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => return true,
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(_) => return true,
        }
    }
}

pub fn send(pid: i32, signal: Signal) {
    if pid > 0 {
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), signal);
    }
}

/// How its children end is kept for this process, though it may have been started by one
/// that did not want to know of its own.
pub fn have_children_told() {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: no code of ours runs.
    let _ = unsafe { sigaction(Signal::SIGCHLD, &action) };
}

/// The signals as a script's process has them: none blocked, each with its
/// plain effect, but a closed pipe is an error of the write, and so is a file that would
/// become too large.
pub fn plain_signals() {
    let set = |signal, handler| {
        let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
        // SAFETY: the handlers are the system's own, no code of ours runs.
        let _ = unsafe { sigaction(signal, &action) };
    };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGCHLD] {
        set(signal, SigHandler::SigDfl);
    }
    for signal in [Signal::SIGPIPE, Signal::SIGTTOU, Signal::SIGXFSZ] {
        set(signal, SigHandler::SigIgn);
    }
    for (signal, before) in FAULTS.into_iter().zip(&BEFORE) {
        let action = SigAction::new(SigHandler::SigAction(on_fault), SaFlags::SA_ONSTACK, SigSet::empty());
        // SAFETY: the handler only does what a signal may come between.
        if let Ok(old) = unsafe { sigaction(signal, &action) } {
            let _ = before.set(old);
        }
    }
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// The signals by which a process of the script shows that `conc` itself has failed, unless
/// somebody has sent them to it: then they end it as every other signal does.
pub const FAULTS: [Signal; 5] = [Signal::SIGABRT, Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGILL, Signal::SIGFPE];

/// What was done about each of them before.
static BEFORE: [OnceLock<SigAction>; FAULTS.len()] = [const { OnceLock::new() }; FAULTS.len()];

/// This process's word in the table for the signal that ends it.
static OWN_SIGNAL: AtomicPtr<AtomicU64> = AtomicPtr::new(std::ptr::null_mut());

/// Who has sent it ends the process by it; a fault takes its course.
extern "C" fn on_fault(number: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the system gives a handler of this form what it knows of the signal, which has
    // a sender if its code says that a process sent it; the number of the own process is
    // asked of the system.
    let sent = unsafe { (*info).si_code <= 0 && (*info).si_pid() != libc::getpid() };
    let Ok(signal) = Signal::try_from(number) else { return };
    let plain = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let before = FAULTS.iter().position(|f| *f == signal).and_then(|at| BEFORE[at].get()).filter(|_| !sent);
    // SAFETY: what was there before this handler, or the system's own.
    let _ = unsafe { sigaction(signal, before.unwrap_or(&plain)) };
    if sent {
        // SAFETY: the word is in the arena, which stays mapped as long as the process lives.
        if let Some(word) = unsafe { OWN_SIGNAL.load(SeqCst).as_ref() } {
            word.fetch_or(process::STRUCK, SeqCst);
        }
        // It comes when this handler is over.
        let _ = nix::sys::signal::raise(signal);
    }
}

/// The name under which `ps -T` shows a thread: its first 15 bytes. It is made before
/// the thread or the process, which then has to look for nothing.
#[derive(Clone, Copy)]
pub struct ThreadName([u8; 16]);

impl ThreadName {
    pub fn new(name: &str) -> ThreadName {
        let mut end = name.len().min(15);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut bytes = [0; 16];
        for (place, byte) in bytes.iter_mut().zip(name[..end].bytes().filter(|byte| *byte != 0)) {
            *place = byte;
        }
        ThreadName(bytes)
    }

    /// Gives it to the calling thread.
    pub fn give(&self) {
        if let Ok(name) = std::ffi::CStr::from_bytes_until_nul(&self.0) {
            let _ = nix::sys::prctl::set_name(name);
        }
    }
}
