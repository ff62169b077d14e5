//! The processes that the supervisor forks itself: the first one of the script, the manager,
//! the guard.

use super::*;
use std::os::fd::AsRawFd;

/// Linux has it on every processor that this is made for (asm-generic/fcntl.h).
const F_SETSIG: i32 = 10;

impl Supervisor {
    pub(super) fn fork_script(&mut self) -> Result<(), SetupError> {
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
            executor.unlooked = !image.program.invariants.is_empty();
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
    pub(super) fn bear_main(&mut self) -> Result<(usize, u32, usize), SetupError> {
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
        let slot = slots::bear(self.arena, task, &birth, None, 1).map_err(|_| SetupError::Memory)?;
        self.arena.process(main, process::TASK).store(u64::from(task) + 1, SeqCst);
        Ok((main, task, slot))
    }

    pub(super) fn fork_main(
        &mut self,
        main: usize,
        life: impl FnOnce(std::sync::Arc<Process>),
    ) -> Result<(), SetupError> {
        let pid = self.fork_into_group(main, life)?;
        self.arena.run(run::TASKS).fetch_add(1, SeqCst);
        self.arena.run(run::PROCESS_COUNT).fetch_add(1, SeqCst);
        self.watch(main, pid.as_raw());
        self.known = self.known.max(main + 1);
        Ok(())
    }

    pub(super) fn fork_manager(&mut self) -> Result<(), SetupError> {
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
        // SAFETY: the child makes use of nothing that another thread of this process may hold a
        // lock of: a session has such. It writes by system calls, and the C library's allocator
        // is whole after a fork.
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
                self.lifelines.let_go();
                // The supervisor tells how it ended.
                crate::run::allocator::end_by_signal();
                proc::plain_signals();
                proc::register(self.arena, index);
                life(Process::new(index, self.image.options.gil, self.arena));
                proc::end(0)
            }
        }
    }
}

/// What one process holds and nobody else: when it is gone, the system itself kills the group. It is
/// a pipe into which nothing is written; its end is told to who is to be told of it, by the signal
/// that was asked for (`F_SETOWN`, `F_SETSIG` in fcntl(2)).
struct Line {
    /// The processes of the script have this end too: as long as there are any, it is there.
    told: OwnedFd,
    held: OwnedFd,
}

impl Line {
    fn new() -> nix::Result<Line> {
        let (told, held) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        Ok(Line { told, held })
    }

    /// `group` is killed at its end.
    fn kills(&self, group: Pid) -> nix::Result<()> {
        let own = |result: i32| nix::errno::Errno::result(result);
        // SAFETY: these ask for a signal to a group of processes that belongs to this run, and take
        // numbers alone.
        unsafe {
            own(libc::fcntl(self.told.as_raw_fd(), libc::F_SETOWN, -group.as_raw()))?;
            own(libc::fcntl(self.told.as_raw_fd(), F_SETSIG, libc::SIGKILL))?;
            own(libc::fcntl(self.told.as_raw_fd(), libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK))?;
        }
        Ok(())
    }
}

/// The lines of the supervisor and of the guard. The end of the supervisor kills the group, the guard
/// too, which may have been killed with it or be stopped; and the guard's end kills what is in the
/// group then.
pub(super) struct Lifelines {
    supervisor: Line,
    /// The guard alone holds the other end.
    guard: OwnedFd,
}

impl Lifelines {
    /// Whether the guard is gone: that is so before anybody is killed for it.
    pub(super) fn is_guard_gone(&self) -> bool {
        let mut fds = [PollFd::new(self.guard.as_fd(), PollFlags::empty())];
        poll(&mut fds, PollTimeout::ZERO).is_ok() && fds[0].any().unwrap_or(false)
    }

    /// In a process of the script, which is not to hold the supervisor's.
    fn let_go(&self) {
        let _ = nix::unistd::close(self.supervisor.held.as_raw_fd());
    }
}

/// The process that leads the group and outlives nothing, with what kills the group: see the head of
/// the file.
pub(super) fn fork_guard() -> nix::Result<(Pid, Lifelines)> {
    let supervisor = nix::unistd::getpid();
    let (line, own_line) = (Line::new()?, Line::new()?);
    // SAFETY: as for `fork_into_group`.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => {
            let _ = setpgid(child, child);
            line.kills(child).and_then(|()| own_line.kills(child)).inspect_err(|_| {
                proc::send(child.as_raw(), Signal::SIGKILL);
                proc::reap(child.as_raw());
            })?;
            Ok((child, Lifelines { supervisor: line, guard: own_line.told }))
        }
        ForkResult::Child => {
            drop((line, own_line.told));
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
