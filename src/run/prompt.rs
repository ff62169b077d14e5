//! A session from the inside: its texts in the arena, how each process catches
//! up with them, and the life of its `main`, which carries out one statement
//! after another as the supervisor asks. The supervisor's side is in
//! `session`.
//!
//! Every process compiles the texts for itself, in the same order and so to the
//! same numbers. It does so when it needs to: `main` for each text, a pool's
//! worker for each job, any task before it spawns another one, or when it
//! comes by a function that it does not know.

use super::arena::{facts, flag, run, slot, state};
use super::codec;
use super::executor::Executor;
use super::finish::Ended;
use super::heap::OutOfMemory;
use super::image::{Image, Options, Room, SetupError};
use super::process::{self as proc, Process};
use super::spawn::NOWHERE;
use super::wait::{Halt, Pending};
use crate::lang::parse::parse_entry;
use crate::machine::Task;
use crate::objects::{KINDS, Outcome, barrier, condition, lock, pool};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use crate::program::{Entry, Growth, Program};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::{Arc, PoisonError};

/// What a session can declare: places, and objects.
pub const ROOM: Room = Room { cells: 1 << 16, objects: 1 << 16, grows: true };

/// What a process knows of the session.
pub struct Grown {
    pub growth: Arc<Growth>,
    /// Its last text.
    pub last: Entry,
}

/// What the supervisor asks `main`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Carry out the last text.
    Run,
    /// The values of its `var`s.
    Values,
    /// Come to the end, as a script's `main` does.
    End,
}

/// What a statement came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The value of the expression that it ends with, unless it is none.
    Done { value: Option<String>, ns: u64 },
    /// An error that nobody caught: its kind, its place and those of the calls
    /// around it, as instructions.
    Failed { kind: String, message: String, site: u32, calls: Vec<u32> },
    /// It was stopped, at this instruction of its own if that is known.
    Interrupted { at: Option<u32> },
    /// The values of `var`s, by the keys of their cells.
    Values(Vec<(u64, String)>),
}

/// What the statement under way failed with.
#[derive(Default)]
pub struct Prompted {
    failure: Option<(Error, Vec<u32>)>,
    /// The lock that the statement let go of in a condition's wait and did not get back when it
    /// was stopped there.
    lost: Option<u32>,
}

impl Image {
    /// The image of a session in which nothing was entered yet.
    pub fn of_session(options: Options, arena: &'static super::arena::Arena) -> Result<Image, SetupError> {
        let growth = Arc::new(Growth::new(KINDS));
        let image = Image::with_room(empty_program(), options, arena, ROOM)?;
        image.program.publish(growth.program().clone());
        let last = Entry { function: 0, first_cell: 0, first_object: 0, redefines: false };
        image.growth.lock().unwrap_or_else(PoisonError::into_inner).replace(Grown { growth, last });
        Ok(image)
    }

    pub fn entries_known(&self) -> u64 {
        self.known.load(Acquire)
    }

    /// Takes a program that was compiled here already.
    pub fn adopt(&self, growth: Arc<Growth>, last: Entry) {
        self.program.publish(growth.program().clone());
        self.growth.lock().unwrap_or_else(PoisonError::into_inner).replace(Grown { growth, last });
        self.known.fetch_add(1, Release);
    }

    /// Compiles the texts that this process does not know yet; whether there
    /// were any. No fork goes on meanwhile: the lock of the family is held, so
    /// no child can meet a half-grown program.
    #[inline]
    pub fn catch_up(&self, home: &Process, holder: u32) -> bool {
        self.arena.run(run::ENTRIES).load(Acquire) != self.known.load(Relaxed) && self.catch_up_now(home, holder)
    }

    #[cold]
    fn catch_up_now(&self, home: &Process, holder: u32) -> bool {
        let _family = home.family();
        let mut grown = self.growth.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Grown { growth, last }) = grown.as_mut() else { return false };
        let texts = self.texts_after(self.known.load(Acquire));
        let any = !texts.is_empty();
        for text in texts {
            let Ok(script) = parse_entry(&text) else { return false };
            let Ok((longer, entry)) = growth.extend(&script, &text) else { return false };
            self.program.publish(longer.program().clone());
            let result = self.declare_cells(entry.first_cell, Some(true), holder);
            if result.is_err() {
                self.arena.run(run::OUT_OF_MEMORY).store(1, SeqCst);
                self.call_supervisor();
            }
            (*growth, *last) = (Arc::new(longer), entry);
            self.known.fetch_add(1, Release);
        }
        any
    }

    /// The texts behind the first `known`, oldest first.
    fn texts_after(&self, known: u64) -> Vec<String> {
        let total = self.arena.run(run::ENTRIES).load(Acquire);
        let mut link = self.arena.run(run::ENTRY).load(Acquire) as usize;
        let mut texts = Vec::new();
        for _ in known..total {
            if link == 0 {
                break;
            }
            texts.push(self.arena.text(self.arena.at(link + 8).load(Relaxed) as usize));
            link = self.arena.at(link).load(Relaxed) as usize;
        }
        texts.reverse();
        texts
    }

    /// Lets all processes know a text.
    pub fn tell_text(&self, text: &str, holder: u32) -> Result<(), OutOfMemory> {
        let heap = self.arena.heap();
        let bytes = codec::store_bytes(text.as_bytes(), heap, holder)?;
        let link = heap.allocate(16, holder)?;
        self.arena.at(link).store(self.arena.run(run::ENTRY).load(Acquire), Relaxed);
        self.arena.at(link + 8).store(bytes as u64, Relaxed);
        self.arena.run(run::ENTRY).store(link as u64, Release);
        self.arena.run(run::ENTRIES).fetch_add(1, Release);
        Ok(())
    }
}

/// A program of nothing, which all sessions begin with.
fn empty_program() -> &'static Program {
    static EMPTY: std::sync::OnceLock<Arc<Program>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(|| Growth::new(KINDS).program().clone())
}

/// One message: its length, then itself as JSON.
pub fn send<T: Serialize>(mut stream: &UnixStream, message: &T) -> std::io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let mut frame = (bytes.len() as u32).to_le_bytes().to_vec();
    frame.extend_from_slice(&bytes);
    stream.write_all(&frame)
}

/// The next message, waited for as long as the peer lives.
fn receive<T: for<'d> Deserialize<'d>>(mut stream: &UnixStream) -> std::io::Result<T> {
    let mut head = [0u8; 4];
    stream.read_exact(&mut head)?;
    let mut bytes = vec![0; u32::from_le_bytes(head) as usize];
    stream.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Messages of a peer that may stop or die in the middle of one: they are taken as far as they
/// have come, and nobody waits for the rest. Its end of the stream does not wait either.
pub struct Inbox {
    stream: UnixStream,
    /// What has come of the next message.
    bytes: Vec<u8>,
}

impl Inbox {
    pub fn new(stream: UnixStream) -> std::io::Result<Inbox> {
        stream.set_nonblocking(true)?;
        Ok(Inbox { stream, bytes: Vec::new() })
    }

    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// The next message, once it is there as a whole.
    ///
    /// # Errors
    ///
    /// The peer has closed its end, or the message is none of these.
    pub fn take<T: for<'d> Deserialize<'d>>(&mut self) -> std::io::Result<Option<T>> {
        const HEAD: usize = 4;
        let mut buffer = [0u8; 1 << 14];
        loop {
            let (head, rest) = self.bytes.split_at(self.bytes.len().min(HEAD));
            if let Ok(head) = <[u8; HEAD]>::try_from(head) {
                let length = u32::from_le_bytes(head) as usize;
                if let Some(message) = rest.get(..length) {
                    let message = serde_json::from_slice(message);
                    self.bytes.drain(..HEAD + length);
                    return Ok(Some(message?));
                }
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.bytes.extend_from_slice(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Executor {
    /// The life of a session's `main`.
    pub(super) fn live_at_prompt(&mut self, stream: UnixStream) -> ! {
        let mut locals: Vec<Value> = Vec::new();
        self.prompted = Some(Prompted::default());
        loop {
            self.at_site(NOWHERE);
            self.slot_word(slot::FUNCTION).store(u64::from(self.program.main), SeqCst);
            self.enter_state(state::SLEEPING);
            let order: Order = receive(&stream).unwrap_or(Order::End);
            self.enter_state(state::RUNNING);
            let answer = match order {
                Order::Run => self.carry_out(&mut locals),
                Order::Values => Answer::Values(self.private_values()),
                Order::End => {
                    self.prompted = None;
                    // The end of the last text is where it waits for others.
                    self.at_site((self.program.code.len() as u32).saturating_sub(1));
                    self.end_process(Ended::returned())
                }
            };
            self.retire_programs();
            if send(&stream, &answer).is_err() {
                proc::end(1);
            }
            self.image.call_supervisor();
        }
    }

    fn carry_out(&mut self, locals: &mut Vec<Value>) -> Answer {
        self.image.catch_up(&self.home, self.holder);
        self.renew();
        let entry = {
            let grown = self.image.growth.lock().unwrap_or_else(PoisonError::into_inner);
            match grown.as_ref() {
                Some(grown) => grown.last.clone(),
                None => return Answer::Interrupted { at: None },
            }
        };
        self.arena.facts(self.task, facts::ENTRIES).store(self.image.entries_known(), Relaxed);
        if self.declare(&entry).is_err() {
            return Answer::Interrupted { at: None };
        }
        let captures: Vec<(u16, Value)> = locals.iter().enumerate().map(|(i, v)| (i as u16, v.clone())).collect();
        let slots = self.program.functions[entry.function as usize].slots as usize;
        let captures = &captures[..captures.len().min(slots)];
        self.slot_word(slot::FUNCTION).store(u64::from(entry.function), SeqCst);
        let mut machine = Task::new(self.program, entry.function, &[], captures);
        let (began, home) = (super::futex::now_ns(), self.process);
        let ended = self.run_machine(&mut machine);
        let ns = super::futex::now_ns() - began;
        *locals = machine.locals(slots).to_vec();
        // A child that `fork()` made in the statement lives for the rest of it.
        if self.process != home || self.flags() & flag::TERMINATE != 0 {
            self.prompted = None;
            self.end_process(ended)
        }
        let failure = self.prompted.as_mut().and_then(|p| p.failure.take());
        match failure {
            None => {
                let value = (ended.result != Value::None).then(|| self.shown(&ended.result));
                Answer::Done { value, ns }
            }
            Some((error, calls)) if error.kind == ErrorKind::Interrupted => {
                Answer::Interrupted { at: Some(calls.last().copied().unwrap_or(error.site)) }
            }
            Some((error, calls)) => {
                Answer::Failed { kind: error.kind.word().to_string(), message: error.message, site: error.site, calls }
            }
        }
    }

    /// Makes what a text declares.
    fn declare(&mut self, entry: &Entry) -> Result<(), SetupError> {
        self.at_site(NOWHERE);
        let result = self
            .image
            .declare_cells(entry.first_cell, Some(false), self.holder)
            .and_then(|()| self.image.declare_objects(entry.first_object as usize, self.holder));
        if matches!(result, Err(SetupError::Memory)) {
            self.check_memory(Err(OutOfMemory));
        }
        result?;
        for (id, decl) in self.program.objects.iter().enumerate().skip(entry.first_object as usize) {
            if KINDS[decl.kind as usize].word == pool::SPEC.word && self.open_pool(id as u32, decl.options).is_err() {
                return Err(SetupError::Memory);
            }
        }
        Ok(())
    }

    /// A wait was broken off; its objects are guarded. If that ends a statement only, `main` has
    /// not come to a barrier where it waited. And a condition's lock is taken again, as after
    /// every other end of such a wait: what is left of the statement lets go of it. It waits no
    /// more, though: where another task has the lock by now, it is lost.
    pub(super) fn take_again(&mut self, pending: &[Pending], memo: u64) {
        let flags = self.slot_word(slot::FLAGS).load(SeqCst);
        let stopped = flags & flag::TERMINATE == 0 && flags & flag::INTERRUPT != 0;
        let ([waited], true) = (pending, self.prompted.is_some() && stopped) else { return };
        if KINDS[waited.target.kind as usize].word == barrier::SPEC.word {
            let (id, method) = (waited.target.id, waited.method);
            if self.in_world(id, |w| barrier::take_back(w, id, method)) {
                self.close_ranks(id, method, memo);
            }
            return;
        }
        let in_part = match (KINDS[waited.target.kind as usize].word, waited.method) {
            ("lock", method) => matches!(method, lock::REACQUIRE | lock::REACQUIRE_LATE),
            (word, _) => word == condition::SPEC.word,
        };
        if !in_part {
            return;
        }
        let Outcome::Instead { object, method, memo } = self.give_up(waited.target, waited.method, memo) else {
            return;
        };
        let target = ObjRef { id: object, kind: self.arena.kind(object) };
        let taken = matches!(self.attempt(target, method, &[], Some(memo)), Outcome::Done(_));
        if let (Some(prompted), false) = (&mut self.prompted, taken) {
            prompted.lost = Some(object);
        }
    }

    /// What is left of a stopped statement, a `with`, has nothing to let go of where its lock
    /// is lost.
    pub(super) fn left_without(&self, target: ObjRef, method: u8, halt: Halt) -> Result<Value, Halt> {
        let lost = self.prompted.as_ref().and_then(|p| p.lost);
        match &halt {
            Halt::Error(error)
                if error.kind == ErrorKind::NotOwner && lost == Some(target.id) && method == lock::RELEASE =>
            {
                Ok(Value::None)
            }
            _ => Err(halt),
        }
    }

    /// An error that a statement did not catch.
    pub(super) fn fail_at_prompt(&mut self, machine: &Task, error: Error) -> Ended {
        let failure = (error.clone(), machine.calls());
        if let Some(prompted) = &mut self.prompted {
            prompted.failure = Some(failure);
            prompted.lost = None;
        }
        if error.kind == ErrorKind::Interrupted {
            return Ended::terminated();
        }
        self.fail(machine, error)
    }

    /// Gives back the memory of older programs if no other thread can be
    /// looking at them.
    fn retire_programs(&mut self) {
        let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.take(2).count() == 1);
        if alone {
            self.renew();
            // SAFETY: this is the only thread of the process, and its executor
            // has just taken the newest version; its machine is gone.
            unsafe { self.image.program.retire() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever stops or dies in the middle of a message keeps nobody waiting.
    #[test]
    fn half_a_message_is_not_waited_for() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut inbox = Inbox::new(ours).expect("a socket that does not wait");
        let values = |n: u64| Answer::Values(vec![(n, "x".repeat(100_000))]);
        let (whole, end) = UnixStream::pair().expect("a pair of sockets");
        let sends = std::thread::spawn(move || send(&whole, &values(1)));
        let mut frame = Vec::new();
        { &end }.read_to_end(&mut frame).expect("all of it");
        sends.join().expect("it sends").expect("it is read");
        for (from, to) in [(0, 2), (2, 4), (4, 5), (5, 50_000)] {
            theirs.write_all(&frame[from..to]).expect("there is room");
            assert_eq!(inbox.take::<Answer>().expect("the peer is there"), None, "after {to} bytes");
        }
        theirs.write_all(&frame[50_000..]).expect("there is room");
        theirs.write_all(&frame[..7]).expect("there is room");
        assert_eq!(inbox.take::<Answer>().expect("the peer is there"), Some(values(1)));
        assert_eq!(inbox.take::<Answer>().expect("the peer is there"), None);
        drop(theirs);
        assert!(inbox.take::<Answer>().is_err());
    }
}
