//! A session's supervisor: it watches and buries as for a script, and besides
//! hands each text to `main`, collects what the tasks print, tells every
//! finding when it is seen and stops a statement that can never go on. It has
//! a thread of its own, so that all of this goes on while somebody types;
//! [`Session`] is the other threads' hold on it. What `main` does with a text
//! is in `prompt`, where what is told goes is for others to say.
//!
//! Unlike a script's supervisor it shares its process with other threads, and
//! still may fork: while it does, whoever holds the `Session` waits for its
//! answer and so holds no lock that a child could meet.

use super::*;
use crate::program::{Entry, Growth};
use crate::run::diagnose::scene::Scene;
use crate::run::prompt::{self, Answer, Inbox, Order};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// How much of what the tasks print is taken at once.
const OUTPUT_BYTES: usize = 1 << 12;
/// How long it may take until nothing moves any more.
const SETTLE_NS: u64 = 1_000_000_000;
/// Looks in a row at which nothing had moved.
const SETTLED: u32 = 3;

/// What a session tells by itself.
pub enum Event {
    /// Whole lines that tasks printed.
    Output(String),
    Finding(Box<Finding>),
    /// The statement under way can never go on, and is stopped.
    Hopeless,
    /// Ctrl-C, while a statement was under way, which is stopped, or none.
    Interrupted {
        statement: bool,
    },
    /// The session has ended by itself; the next question is answered with it.
    Over(Over),
}

/// Nobody can be told anything any more.
pub struct Unheard;

/// Where events go.
pub struct Terms {
    pub options: Options,
    /// Ctrl-C stops the statement under way, not the session.
    pub interactive: bool,
    /// Called for each event, on the session's own thread; an error ends the session.
    pub tell: Box<dyn FnMut(Event) -> Result<(), Unheard> + Send>,
    /// Whether more output is welcome; else the tasks wait with it.
    pub ready: Box<dyn Fn() -> bool + Send>,
    pub pausing: Pausing,
}

/// Called when the program is asked to stop by a signal, with what stops it and returns when
/// it goes on: to be called, or to be left to a [`Pause`] that comes soon.
pub type Pausing = Box<dyn Fn(&mut dyn FnMut()) + Send>;

/// What signals to a session ask for.
#[derive(Default)]
struct Asked {
    /// Ctrl-C: the statement is to be stopped.
    interrupt: bool,
    /// Ctrl-Z, or somebody's `kill -TSTP`.
    pause: bool,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// `exit` at the prompt.
    Exited(i32),
    /// The session's first process was ended by a signal.
    Killed(i32),
    /// By a signal to `conc`.
    Interrupted(i32),
    /// What is told cannot be written any more.
    Unheard,
    Failed(String),
}

enum Command {
    Run(String, Arc<Growth>, Entry),
    Look,
    Settle,
    /// Somebody is asked for the next text: what was interrupted is over.
    Listen,
    /// All of the program stops until it is told to go on; then this is told.
    Pause(Sender<()>),
    /// `main` comes to its end, and all others to theirs.
    End,
    /// At once.
    Quit,
}

enum Reply {
    Answer(Answer),
    Scene(Box<Scene>),
    Settled,
    Over(Over),
    /// There is a session.
    Begun,
}

/// A session under way. Dropping it ends all its processes.
pub struct Session {
    commands: Sender<Command>,
    wake: Arc<EventFd>,
    replies: Receiver<Reply>,
    thread: Option<JoinHandle<Result<Report, SetupError>>>,
}

/// Stops a session and the program, as Ctrl-Z does; for who reads that as a key.
#[derive(Clone)]
pub struct Pause {
    commands: Sender<Command>,
    wake: Arc<EventFd>,
}

impl Pause {
    /// Stops the script's processes and then this one. Returns when it goes on; at once where
    /// the session is over, or `conc` was started to ignore that signal.
    pub fn stop(&self) {
        let (tell, going_on) = channel();
        if self.commands.send(Command::Pause(tell)).is_ok() {
            let _ = self.wake.write(1);
            let _ = going_on.recv();
        }
    }
}

use nix::sys::eventfd::{EfdFlags, EventFd};

impl Session {
    /// Begins a session. From here on the calling thread takes no signals that
    /// end a program: they go to this session, or wait for the next one.
    pub fn start(terms: Terms) -> Result<Session, SetupError> {
        let mut mask = ending_signals();
        mask.extend(&heeded([Signal::SIGTSTP]));
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
        let wake = Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?);
        let (commands, orders) = channel();
        let (answers, replies) = channel();
        let their_wake = wake.clone();
        let life = move || live(terms, &their_wake, orders, answers);
        let thread = std::thread::Builder::new().name("session".to_string()).spawn(life);
        let thread = thread.map_err(|e| SetupError::System(nix::Error::from_raw(e.raw_os_error().unwrap_or(0))))?;
        let mut session = Session { commands, wake, replies, thread: Some(thread) };
        match session.replies.recv() {
            Ok(Reply::Begun) => Ok(session),
            // Why there is none, its thread says.
            _ => session.join().and(Err(SetupError::System(nix::Error::UnknownErrno))),
        }
    }

    fn ask(&self, command: Command) -> Result<Reply, Over> {
        let gone = || Over::Failed("the session has ended".to_string());
        // If nobody takes it any more, the reason is waiting here.
        let _ = self.commands.send(command);
        let _ = self.wake.write(1);
        match self.replies.recv().map_err(|_| gone())? {
            Reply::Over(over) => Err(over),
            reply => Ok(reply),
        }
    }

    /// Carries out a text that the program was extended by. Returns when its
    /// statements have ended.
    pub fn run(&self, text: &str, growth: &Arc<Growth>, entry: &Entry) -> Result<Answer, Over> {
        match self.ask(Command::Run(text.to_string(), growth.clone(), entry.clone()))? {
            Reply::Answer(answer) => Ok(answer),
            _ => Ok(Answer::Interrupted { at: None }),
        }
    }

    /// What there is now.
    pub fn look(&self) -> Result<Scene, Over> {
        match self.ask(Command::Look)? {
            Reply::Scene(scene) => Ok(*scene),
            _ => Ok(Scene::default()),
        }
    }

    /// Returns when nothing moves any more, or has not stopped to for a while.
    pub fn settle(&self) -> Result<(), Over> {
        self.ask(Command::Settle).map(drop)
    }

    /// A text is asked for from now on. A Ctrl-C that comes later and before
    /// the text is carried out stops that.
    pub fn listen(&self) {
        let _ = self.commands.send(Command::Listen);
        let _ = self.wake.write(1);
    }

    /// What stops it, for as long as it lasts.
    pub fn pause(&self) -> Pause {
        Pause { commands: self.commands.clone(), wake: self.wake.clone() }
    }

    /// Lets `main` end and waits for all others, as at the end of a script.
    pub fn end(self) -> Result<Report, SetupError> {
        self.finish(Command::End)
    }

    /// Ends all tasks at once.
    pub fn quit(self) -> Result<Report, SetupError> {
        self.finish(Command::Quit)
    }

    fn finish(mut self, command: Command) -> Result<Report, SetupError> {
        let _ = self.commands.send(command);
        let _ = self.wake.write(1);
        self.join()
    }

    fn join(&mut self) -> Result<Report, SetupError> {
        let failed = || SetupError::System(nix::Error::UnknownErrno);
        self.thread.take().ok_or_else(failed)?.join().unwrap_or_else(|_| Err(failed()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.commands.send(Command::Quit);
            let _ = self.wake.write(1);
            let _ = self.join();
        }
    }
}

/// The life of the session's thread.
fn live(
    terms: Terms,
    wake: &Arc<EventFd>,
    commands: Receiver<Command>,
    replies: Sender<Reply>,
) -> Result<Report, SetupError> {
    let arena = Box::into_raw(Box::new(Arena::new(terms.options.memory)?));
    // SAFETY: freshly made from a box; freed below, after all that uses it.
    let arena_ref: &'static Arena = unsafe { &*arena };
    let image = match Image::of_session(terms.options.clone(), arena_ref) {
        Ok(image) => Box::into_raw(Box::new(image)),
        Err(error) => {
            // SAFETY: nothing refers to the arena any more.
            drop(unsafe { Box::from_raw(arena) });
            return Err(error);
        }
    };
    // SAFETY: as for the arena.
    let image_ref: &'static Image = unsafe { &*image };
    let result = begin(image_ref, terms, wake, commands, replies).and_then(|mut link| {
        let _ = link.replies.send(Reply::Begun);
        link.watched()
    });
    // SAFETY: every other process that mapped these has ended, the supervisor
    // and its executors are dropped, and no result borrows from them.
    unsafe {
        drop(Box::from_raw(image));
        drop(Box::from_raw(arena));
    }
    result
}

fn begin(
    image: &'static Image,
    terms: Terms,
    wake: &Arc<EventFd>,
    commands: Receiver<Command>,
    replies: Sender<Reply>,
) -> Result<Link, SetupError> {
    let failed = |e: std::io::Error| SetupError::System(nix::Error::from_raw(e.raw_os_error().unwrap_or(0)));
    let mut supervisor = Supervisor::prepare(image)?;
    let pipe = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC);
    let pair = UnixStream::pair().map_err(failed);
    let made = pipe.map_err(SetupError::from).and_then(|pipe| Ok((pipe, pair?)));
    let begun = made.and_then(|((output, their_output), (stream, their_stream))| {
        supervisor.fork_prompt(&output, &stream, their_output, their_stream)?;
        nix::fcntl::fcntl(&output, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
        Ok((output, Inbox::new(stream).map_err(failed)?))
    });
    match begun {
        Ok((output, inbox)) => Ok(Link {
            supervisor,
            terms,
            wake: wake.clone(),
            commands,
            replies,
            inbox,
            output,
            unfinished: Vec::new(),
            work: Work::None,
            ending: false,
            early: false,
            unheard: false,
            told: diagnose::Told::default(),
            quiet: 0,
        }),
        Err(error) => {
            supervisor.end_all();
            Err(error)
        }
    }
}

impl Supervisor {
    /// Forks the session's `main`. What its tasks print goes into the pipe.
    fn fork_prompt(
        &mut self,
        output: &OwnedFd,
        stream: &UnixStream,
        their_output: OwnedFd,
        their_stream: UnixStream,
    ) -> Result<(), SetupError> {
        use std::os::fd::AsRawFd;
        let (main, task, slot) = self.bear_main()?;
        let image = self.image;
        let ours = [output.as_raw_fd(), stream.as_raw_fd()];
        self.fork_main(main, move |home| {
            if nix::unistd::dup2_stdout(&their_output).is_err() {
                proc::end(1);
            }
            drop(their_output);
            for fd in ours {
                // SAFETY: closes this process's copies of two descriptors that
                // nothing here uses.
                unsafe { libc::close(fd) };
            }
            let mut executor = Executor::new(image, home, slot, task);
            executor.home.gil_take();
            executor.begin(proc::ThreadName::new("main"));
            image.watched(move || executor.live_at_prompt(their_stream));
        })
    }

    fn main_slot(&self) -> usize {
        self.arena.facts(self.image.main_task(), facts::SLOT).load(SeqCst) as usize
    }

    /// Stops the statement that `main` carries out.
    fn interrupt_main(&self) {
        let slot = self.main_slot();
        self.arena.slot(slot, slot::FLAGS).fetch_or(flag::INTERRUPT, SeqCst);
        let (park, _) = self.arena.park(slot);
        park.store(1, SeqCst);
        futex::wake(park, 1);
    }

    fn forget_interrupt(&self) {
        self.arena.slot(self.main_slot(), slot::FLAGS).fetch_and(!flag::INTERRUPT, SeqCst);
    }

    fn take_session_signals(&mut self, interactive: bool) -> Asked {
        let mut asked = Asked::default();
        while let Ok(Some(info)) = self.signals.read_signal() {
            match Signal::try_from(info.ssi_signo as i32) {
                Ok(Signal::SIGCHLD) => {}
                Ok(Signal::SIGTSTP) => asked.pause = true,
                Ok(Signal::SIGINT) if interactive => asked.interrupt = true,
                _ => self.stop = Some(Stop::Interrupted(info.ssi_signo as i32)),
            }
        }
        asked
    }
}

/// What the holder of the session waits for.
#[derive(PartialEq, Eq)]
enum Work {
    None,
    Statement,
    Values,
    /// That nothing moves, until that time.
    Settling(u64),
}

/// The session's thread: the supervisor and its ties to `main` and to whoever
/// holds the session.
struct Link {
    supervisor: Supervisor,
    terms: Terms,
    wake: Arc<EventFd>,
    commands: Receiver<Command>,
    replies: Sender<Reply>,
    inbox: Inbox,
    output: OwnedFd,
    /// The beginning of a line whose end is still to come.
    unfinished: Vec<u8>,
    work: Work,
    /// `main` was told to come to its end.
    ending: bool,
    /// A Ctrl-C came while no statement was under way.
    early: bool,
    /// What was told could not be written.
    unheard: bool,
    told: diagnose::Told,
    quiet: u32,
}

impl Link {
    /// The whole life. A fault of `conc` itself leaves no process behind.
    fn watched(&mut self) -> Result<Report, SetupError> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.supervise()));
        result.map_err(|_| {
            self.supervisor.end_all();
            self.tell_over(Over::Failed("conc itself failed in the session".to_string()));
            SetupError::System(nix::Error::UnknownErrno)
        })
    }

    fn tell_over(&mut self, over: Over) {
        let _ = self.replies.send(Reply::Over(over.clone()));
        self.tell(Event::Over(over));
    }

    /// If nobody takes it, all comes to an end, as with a script.
    fn tell(&mut self, event: Event) {
        if (self.terms.tell)(event).is_err() && self.supervisor.stop.is_none() {
            self.unheard = true;
            self.supervisor.stop = Some(Stop::Stuck);
        }
    }

    fn supervise(&mut self) -> Report {
        while self.supervisor.stop.is_none() {
            self.sleep();
            self.supervisor.find_new();
            let Asked { interrupt, pause } = self.supervisor.take_session_signals(self.terms.interactive);
            if pause {
                (self.terms.pausing)(&mut || self.supervisor.pause());
            }
            // What was asked before the Ctrl-C comes before it.
            let asked = interrupt && self.take_commands();
            if interrupt {
                self.interrupt();
            }
            let died = self.supervisor.bury_dead();
            self.supervisor.check_failures();
            self.take_output(false);
            self.take_answer();
            let asked = self.take_commands() || asked;
            let moved = self.supervisor.diagnosis.has_changed(self.supervisor.arena) || died || asked;
            self.quiet = if moved { 0 } else { self.quiet.saturating_add(1) };
            if self.quiet <= 2 {
                self.look();
            }
            self.settle();
            if self.supervisor.is_over(self.supervisor.main_index) {
                self.main_ended();
            }
        }
        if self.supervisor.stop == Some(Stop::Finished) {
            self.supervisor.run_finally();
        }
        // What was recorded is in the report by itself.
        self.supervisor.findings.retain(|f| matches!(f.facts, crate::detect::finding::Facts::Stuck { .. }));
        let report = self.supervisor.report();
        self.take_output(true);
        if let (Some(over), false) = (self.over(), self.ending) {
            self.tell_over(over);
        }
        report
    }

    /// Ctrl-C.
    fn interrupt(&mut self) {
        let statement = self.work == Work::Statement;
        // Before the statement is over, and what is typed from then on may be kept.
        self.tell(Event::Interrupted { statement });
        if statement {
            self.supervisor.interrupt_main();
        } else {
            self.early = true;
        }
    }

    fn over(&self) -> Option<Over> {
        let arena = self.supervisor.arena;
        let main = |w: usize| arena.process(self.supervisor.main_index, w).load(SeqCst) as i32;
        match self.supervisor.stop.clone()? {
            Stop::Interrupted(signal) => Some(Over::Interrupted(signal)),
            Stop::Failed(sentence) => Some(Over::Failed(sentence)),
            _ if self.unheard => Some(Over::Unheard),
            _ if main(process::SIGNAL) != 0 => {
                Some(Over::Killed(self.supervisor.signal_of(self.supervisor.main_index) as i32))
            }
            _ => Some(Over::Exited(main(process::EXIT_CODE))),
        }
    }

    fn sleep(&mut self) {
        let timeout = match self.supervisor.rest(self.quiet) {
            _ if matches!(self.work, Work::Settling(_)) => PollTimeout::from(LOOK_MS as u16),
            timeout => timeout,
        };
        let s = &self.supervisor;
        let ready = (self.terms.ready)();
        let mut fds = vec![
            PollFd::new(s.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(s.image.bell().as_fd(), PollFlags::POLLIN),
            PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.inbox.stream().as_fd(), PollFlags::POLLIN),
        ];
        if ready {
            fds.push(PollFd::new(self.output.as_fd(), PollFlags::POLLIN));
        }
        fds.extend(s.watched.iter().filter_map(Watched::fd).map(|f| PollFd::new(f.as_fd(), PollFlags::POLLIN)));
        let gone = s.watched.iter().any(Watched::is_over);
        let timeout = match i32::from(timeout) {
            _ if gone => PollTimeout::ZERO,
            // Whoever shows the output does not say when he has room again.
            ms if !ready && !(0..=LOOK_MS as i32).contains(&ms) => PollTimeout::from(LOOK_MS as u16),
            _ => timeout,
        };
        let _ = poll(&mut fds, timeout);
        s.arena.run(run::SUPERVISOR_IDLE).store(0, SeqCst);
        let _ = s.image.bell().read();
        let _ = self.wake.read();
    }

    // ------------------------------------------------------------------ output

    /// Whole lines of what the tasks have printed; `all` of it, or what is
    /// welcome.
    fn take_output(&mut self, all: bool) {
        let mut buffer = vec![0u8; OUTPUT_BYTES];
        while all || (self.terms.ready)() {
            let before = self.unfinished.len();
            match nix::unistd::read(&self.output, &mut buffer) {
                Ok(n) if n > 0 => self.unfinished.extend_from_slice(&buffer[..n]),
                _ => break,
            }
            if self.unheard {
                break;
            }
            // There is none in what came before.
            if let Some(end) = self.unfinished[before..].iter().rposition(|b| *b == b'\n') {
                let end = before + end;
                let lines: Vec<u8> = self.unfinished.drain(..=end).collect();
                self.tell(Event::Output(String::from_utf8_lossy(&lines).into_owned()));
            }
        }
    }

    // ----------------------------------------------------------------- answers

    fn take_answer(&mut self) {
        // That `main` has died is found by itself.
        let Ok(Some(answer)) = self.inbox.take::<Answer>() else { return };
        self.take_output(true);
        let work = std::mem::replace(&mut self.work, Work::None);
        self.quiet = 0;
        let reply = match (work, answer) {
            (Work::Values, Answer::Values(vars)) => {
                let home = self.supervisor.home.clone();
                Reply::Scene(Box::new(self.supervisor.diagnosis.scene(&home, vars)))
            }
            (_, answer) => Reply::Answer(answer),
        };
        let _ = self.replies.send(reply);
    }

    fn take_commands(&mut self) -> bool {
        let mut any = false;
        while let Ok(command) = self.commands.try_recv() {
            any = true;
            match command {
                Command::Run(text, growth, entry) => self.run(&text, growth, entry),
                Command::Look => self.order(Order::Values, Work::Values),
                Command::Listen => self.early = false,
                Command::Pause(going_on) => {
                    if heeded([Signal::SIGTSTP]).contains(Signal::SIGTSTP) {
                        self.supervisor.pause();
                    }
                    let _ = going_on.send(());
                }
                Command::Settle => self.work = Work::Settling(futex::now_ns() + SETTLE_NS),
                Command::End => {
                    self.ending = true;
                    self.supervisor.diagnosis.end_prompt();
                    self.order(Order::End, Work::None);
                }
                Command::Quit => {
                    self.ending = true;
                    self.supervisor.stop = Some(Stop::Stuck);
                }
            }
        }
        any
    }

    fn order(&mut self, order: Order, work: Work) {
        self.work = work;
        // Whatever was to stop the statement before; `main` waits, so this
        // loses nothing that is meant for what it is asked now.
        self.supervisor.forget_interrupt();
        // If `main` has died, that is found by itself.
        let _ = prompt::send(self.inbox.stream(), &order);
    }

    fn run(&mut self, text: &str, growth: Arc<Growth>, entry: Entry) {
        let s = &mut self.supervisor;
        s.image.adopt(growth, entry);
        s.diagnosis.renew();
        // SAFETY: only this thread looks at this process's programs, and the
        // diagnosis has just let go of the older ones.
        unsafe { s.image.program.retire() };
        if s.image.tell_text(text, super::super::guard::holder(TASKS_MAX, 0)).is_err() {
            s.arena.run(run::OUT_OF_MEMORY).store(1, SeqCst);
            return;
        }
        let manager = s.arena.run(run::MANAGER).load(SeqCst) != 0;
        if !manager && manager::is_needed(s.image) && s.fork_manager().is_err() {
            return s.fail("the machine has no room for the manager's process".to_string());
        }
        self.order(Order::Run, Work::Statement);
        if std::mem::take(&mut self.early) {
            self.supervisor.interrupt_main();
        }
    }

    // ----------------------------------------------------------------- looking

    fn look(&mut self) {
        let s = &mut self.supervisor;
        let now = futex::now_ns();
        if now < s.next_look {
            self.quiet = 0;
            return;
        }
        let home = s.home.clone();
        let mut found = s.diagnosis.look(&home);
        found.extend(s.diagnosis.newly_recorded(&mut self.told, &s.findings));
        let main = if self.work == Work::Statement { s.diagnosis.look_at_main(&home) } else { None };
        let is_stuck = main.is_some();
        found.extend(main);
        s.next_look = now + 5 * (futex::now_ns() - now);
        for finding in found {
            self.tell(Event::Finding(Box::new(finding.clone())));
            self.supervisor.findings.push(finding);
        }
        if is_stuck {
            self.tell(Event::Hopeless);
            self.supervisor.interrupt_main();
        }
        if self.ending && self.supervisor.diagnosis.nothing_goes_on(self.supervisor.arena) {
            self.supervisor.stop = Some(Stop::Stuck);
        }
    }

    fn settle(&mut self) {
        let Work::Settling(until) = self.work else { return };
        let active = self.supervisor.arena.run(run::ACTIVE).load(SeqCst) > 0;
        if (self.quiet >= SETTLED && !active && self.supervisor.pending.is_empty()) || futex::now_ns() > until {
            self.take_output(true);
            self.work = Work::None;
            let _ = self.replies.send(Reply::Settled);
        }
    }

    /// `main` is no more: the session is over once all is over, if it was to
    /// be, or at once.
    fn main_ended(&mut self) {
        let s = &mut self.supervisor;
        if s.stop.is_some() {
            return;
        }
        if !self.ending || s.all_ended() {
            s.stop = Some(Stop::Finished);
        }
    }
}
