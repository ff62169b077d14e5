//! `queue … via manager`: a server process of its own that carries out every
//! operation on such queues, and the clients' side of it. Requests and answers
//! go through a Unix socket with an abstract name, which leaves no file.
//!
//! The server acts for the task that asks, in that task's slot, while the task
//! waits for the answer. So a wait there is a wait like any other: the task
//! parks itself, and is found by the same diagnosis. Before the server acts it
//! says for which slot, and looks whether the client is still alive; the
//! supervisor marks a client as dead and looks whether the server acts for it.
//! One of the two sees the other, so they never touch a slot together.

use super::arena::{object, process, run, slot};
use super::codec;
use super::executor::Executor;
use super::image::Image;
use super::process::Process;
use super::spawn::refused;
use super::supervisor::is_alive;
use super::wait::{Halt, Pending, Woken};
use crate::detect::trace::Came;
use crate::objects::{self, KINDS, Outcome, queue};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind as Io, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How often a client looks whether its dead server is buried.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_micros(200);

/// What a client asks.
pub(super) mod ask {
    /// Carry it out, or put me into the list.
    pub const FIRST: u8 = 0;
    /// I was woken.
    pub const AGAIN: u8 = 1;
    /// My time is over.
    pub const GIVE_UP: u8 = 2;
    /// I am to end.
    pub const WITHDRAW: u8 = 3;
}

/// What the server answers.
mod answer {
    pub const DONE: u8 = 0;
    pub const RAISE: u8 = 1;
    pub const WAIT: u8 = 2;
}

/// Whether a script has such a queue.
pub fn is_needed(image: &Image) -> bool {
    let option = |kind: u8, options: u32| KINDS[kind as usize].word == "queue" && options & queue::VIA_MANAGER != 0;
    let program = &image.program;
    let in_structs = program.structs.iter().flat_map(|s| &s.fields).any(|f| match &f.what {
        crate::program::code::FieldKind::Object { kind, options, .. } => option(*kind, *options),
        _ => false,
    });
    in_structs
        || program.objects.iter().any(|o| option(o.kind, o.options))
        || program.news.iter().any(|n| option(n.kind, n.options))
}

fn address(supervisor: i32) -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("conc-manager-{supervisor}"))
}

/// The socket that the server will listen at; made before it is forked, so
/// that no client can come too early.
pub fn listen() -> std::io::Result<UnixListener> {
    UnixListener::bind_addr(&address(nix::unistd::getpid().as_raw())?)
}

/// One client's connection, with what has come of its next request.
struct Client {
    stream: UnixStream,
    input: Vec<u8>,
}

/// The server's life. It ends with the supervisor.
pub fn serve(image: &'static Image, listener: &UnixListener, home: &Arc<Process>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let mut fds = vec![PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        fds.extend(clients.iter().map(|c| PollFd::new(c.stream.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(nix::Error::EINTR) => continue,
            result => result?,
        };
        let ready: Vec<bool> = fds.iter().map(|f| f.revents().is_some_and(|e| !e.is_empty())).collect();
        let mut place = 0;
        clients.retain_mut(|client| {
            place += 1;
            !ready[place] || serve_client(image, home, client).is_ok()
        });
        if ready[0] {
            loop {
                let stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        if let Some(errno) = no_room(&error) {
                            refuse(image, errno);
                        }
                        break;
                    }
                };
                // Only processes of the same user have business here.
                let peer = nix::sys::socket::getsockopt(&stream, nix::sys::socket::sockopt::PeerCredentials);
                if peer.is_ok_and(|p| p.uid() == nix::unistd::getuid().as_raw()) && stream.set_nonblocking(true).is_ok()
                {
                    clients.push(Client { stream, input: Vec::new() });
                }
            }
        }
    }
}

/// The number of an error that says that there is no room for another connection.
fn no_room(error: &std::io::Error) -> Option<i32> {
    let errnos = [nix::Error::EMFILE, nix::Error::ENFILE, nix::Error::ENOBUFS, nix::Error::ENOMEM];
    error.raw_os_error().filter(|errno| errnos.contains(&nix::Error::from_raw(*errno)))
}

/// The run ends.
fn refuse(image: &Image, errno: i32) {
    image.arena.run(run::MACHINE_ERRNO).store(errno as u64, SeqCst);
    let _ = image.arena.run(run::MACHINE).compare_exchange(0, refused::FILES, SeqCst, SeqCst);
    image.call_supervisor();
}

fn serve_client(image: &'static Image, home: &Arc<Process>, client: &mut Client) -> std::io::Result<()> {
    let mut buffer = [0u8; 4096];
    loop {
        match client.stream.read(&mut buffer) {
            Ok(0) => return Err(Io::UnexpectedEof.into()),
            Ok(n) => client.input.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == Io::WouldBlock => break,
            Err(e) if e.kind() == Io::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    while let Some(request) = next_frame(&mut client.input) {
        let reply = act(image, home, &request).unwrap_or_default();
        // A client sends nothing before it has its answer, so the answer
        // always finds room or a reader.
        client.stream.set_nonblocking(false)?;
        send(&mut client.stream, &reply)?;
        client.stream.set_nonblocking(true)?;
    }
    Ok(())
}

fn next_frame(input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (head, rest) = input.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*head) as usize;
    let frame = rest.get(..len)?.to_vec();
    input.drain(..4 + len);
    Some(frame)
}

fn send(stream: &mut UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(bytes);
    stream.write_all(&frame)
}

fn receive(stream: &mut UnixStream) -> std::io::Result<Vec<u8>> {
    let mut head = [0u8; 4];
    stream.read_exact(&mut head)?;
    let mut bytes = vec![0; u32::from_le_bytes(head) as usize];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A request: what is asked, then a list of the task, its slot, its place in
/// the source, the object, the method, whether it waits for a time only, and
/// the arguments.
fn act(image: &'static Image, home: &Arc<Process>, request: &[u8]) -> Option<Vec<u8>> {
    let (what, mut rest) = request.split_first()?;
    let Value::List(words) = codec::decode(&mut rest)? else { return None };
    let number = |i: usize| if let Some(Value::Int(n)) = words.get(i) { Some(*n as usize) } else { None };
    let (task, slot, site) = (number(0)? as u32, number(1)?, number(2)? as u32);
    let target = ObjRef { id: number(3)? as u32, kind: image.arena.kind(number(3)? as u32) };
    let (method, timed) = (number(4)? as u8, number(5)? != 0);
    let args = &words[6..];
    let arena = image.arena;
    arena.run(run::MANAGER_BUSY).store(slot as u64 + 1, SeqCst);
    let client = arena.slot(slot, slot::PROCESS).load(SeqCst) as usize;
    image.catch_up(home, super::guard::holder(slot, home.index));
    // In a replay the threads of a process that has told its end go on until its turn to leave.
    let state = arena.process(client, process::STATE).load(SeqCst);
    let alive = matches!(state, process::ALIVE | process::LEAVING)
        && arena.slot(slot, slot::TASK).load(SeqCst) == u64::from(task);
    let reply = alive.then(|| {
        let mut executor = Executor::new(image, home.clone(), slot, task);
        (executor.site, executor.serves) = (site, true);
        executor.act_for(*what, target, method, args, timed)
    });
    arena.run(run::MANAGER_BUSY).store(0, SeqCst);
    reply
}

impl Executor {
    /// The server's side of one request.
    fn act_for(&mut self, what: u8, target: ObjRef, method: u8, args: &[Value], timed: bool) -> Vec<u8> {
        let mut pending = [Pending { target, method, args, memo: 0 }];
        if what == ask::FIRST {
            self.guard_target(target);
            return match self.attempt(target, method, args, None) {
                Outcome::Done(value) => {
                    self.trace_operated(target, method, |e| Came::Done(e.shown(&value)));
                    self.unguard();
                    reply_value(&value)
                }
                Outcome::Raise(kind, text) => {
                    self.trace_operated(target, method, |_| Came::Raised);
                    self.unguard();
                    reply_error(&self.failed(target, kind, text))
                }
                Outcome::Wait(memo) => {
                    pending[0].memo = memo;
                    let listed = self.enlist(&pending, timed.then_some(0));
                    self.trace_arrival(&pending);
                    self.unguard();
                    listed.map_or_else(|e| reply_error(&e), |()| vec![answer::WAIT])
                }
                Outcome::Instead { .. } => {
                    self.unguard();
                    vec![answer::WAIT]
                }
            };
        }
        let woken = match what {
            ask::AGAIN => Woken::Again,
            ask::GIVE_UP => Woken::TimedOut,
            _ => Woken::Terminated,
        };
        match self.arm_went(&mut pending, woken) {
            None => vec![answer::WAIT],
            Some(Ok((_, value))) => reply_value(&value),
            Some(Err(Halt::Error(error))) => reply_error(&error),
            Some(Err(Halt::Terminated)) => reply_value(&Value::None),
        }
    }

    /// Whether the object is the manager's.
    #[inline]
    pub(super) fn is_managed(&self, target: ObjRef) -> bool {
        target.kind == objects::place::queue
            && self.arena.object(target.id, object::OPTIONS).load(Relaxed) as u32 & queue::VIA_MANAGER != 0
    }

    /// Whether operations on the object go through the manager. Within `atomically` the
    /// task does them itself: it holds the gate, which keeps the manager from all steps.
    #[inline]
    pub(super) fn via_manager(&self, target: ObjRef) -> bool {
        !self.in_atomic && self.is_managed(target)
    }

    /// What the manager owns goes with it, also for who would not ask it.
    pub(super) fn manager_lives(&self, target: ObjRef) -> Result<(), Error> {
        let index = self.arena.run(run::MANAGER).load(SeqCst) as usize;
        let word = |word| self.arena.process(index.saturating_sub(1), word).load(SeqCst);
        // The supervisor takes it from the system's list only when it has marked it.
        let lives = word(process::STATE) != process::DEAD && is_alive(word(process::PID) as i32);
        if index == 0 || lives { Ok(()) } else { Err(self.manager_ended(target)) }
    }

    fn manager_ended(&self, target: ObjRef) -> Error {
        let name = self.image.object_name(target.id);
        Error::new(ErrorKind::Closed, format!("the manager of queue {name} has ended"))
    }

    /// The client's side of an operation.
    pub(super) fn ask_manager(&mut self, target: ObjRef, method: u8, args: &[Value]) -> Result<Value, Halt> {
        let deadline = self.deadline(target.kind, method, args)?;
        let mut what = ask::FIRST;
        // The server makes the entries.
        self.trace.told = true;
        loop {
            if let Some(done) = self.request(what, target, method, args, deadline.is_some())? {
                return if what == ask::WITHDRAW { Err(Halt::Terminated) } else { Ok(done) };
            }
            what = match self.park(deadline) {
                Woken::Again => ask::AGAIN,
                Woken::TimedOut => ask::GIVE_UP,
                Woken::Terminated => ask::WITHDRAW,
            };
        }
    }

    pub(super) fn request(
        &mut self,
        what: u8,
        target: ObjRef,
        method: u8,
        args: &[Value],
        timed: bool,
    ) -> Result<Option<Value>, Halt> {
        self.names_no_guard();
        let int = |n: usize| Value::Int(n as i64);
        let mut words = vec![
            int(self.task as usize),
            int(self.slot),
            int(self.site as usize),
            int(target.id as usize),
            int(method as usize),
            int(usize::from(timed)),
        ];
        args.iter().for_each(|v| self.publish(v));
        words.extend_from_slice(args);
        let mut bytes = vec![what];
        codec::encode(&Value::list(words), &mut bytes);
        let home = self.home.clone();
        match home.gil_pause(|| self.converse(&bytes)) {
            Ok(reply) if !reply.is_empty() => read_reply(&reply).map_err(Halt::from),
            // Nothing is answered to a thread whose process has told its end. It is told as
            // ended with it, by who buries the process: what a daemon held is nobody's then.
            _ if super::process::has_told_its_end(self.arena, self.process) => {
                if self.replay.on {
                    return Err(Halt::Terminated);
                }
                self.home.gil_let_go();
                self.stand_still()
            }
            Err(error) if no_room(&error).is_some() => {
                Err(self.refuse(refused::FILES, no_room(&error).unwrap_or_default()))
            }
            _ => {
                // The server is gone, and its queues with it. Nobody's list has this task's node
                // any more once the supervisor has taken back what was begun in this slot.
                self.await_the_manager_s_end();
                self.withdraw();
                self.enter_state(super::arena::state::RUNNING);
                Err(self.manager_ended(target).into())
            }
        }
    }

    /// Until nobody acts for this task any more.
    fn await_the_manager_s_end(&self) {
        let word = |word| self.arena.run(word).load(SeqCst) as usize;
        let is_over = || {
            let state = |index: usize| self.arena.process(index, process::STATE).load(SeqCst);
            let dead = word(run::MANAGER).checked_sub(1).is_none_or(|index| state(index) == process::DEAD);
            dead && word(run::MANAGER_BUSY) != self.slot + 1
        };
        self.home.gil_pause(|| {
            while !is_over() {
                std::thread::sleep(LOOK_AGAIN);
            }
        });
    }

    fn converse(&mut self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        let stream = match &mut self.manager {
            Some(stream) => stream,
            none => {
                let supervisor = self.arena.process(0, process::PID).load(Relaxed) as i32;
                none.insert(UnixStream::connect_addr(&address(supervisor)?)?)
            }
        };
        send(stream, bytes)?;
        receive(stream)
    }
}

fn reply_value(value: &Value) -> Vec<u8> {
    let mut bytes = vec![answer::DONE];
    codec::encode(value, &mut bytes);
    bytes
}

fn reply_error(error: &Error) -> Vec<u8> {
    let mut bytes = vec![answer::RAISE];
    codec::encode(&Value::Error(Arc::new(error.clone())), &mut bytes);
    bytes
}

/// None: it is to wait.
fn read_reply(reply: &[u8]) -> Result<Option<Value>, Error> {
    let ended = || Error::new(ErrorKind::Closed, "the manager has ended");
    let (what, mut rest) = reply.split_first().ok_or_else(ended)?;
    match (*what, codec::decode(&mut rest)) {
        (answer::WAIT, _) => Ok(None),
        (answer::RAISE, Some(Value::Error(error))) => Err((*error).clone()),
        (_, value) => value.map(Some).ok_or_else(ended),
    }
}
