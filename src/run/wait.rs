//! Operations on objects, and waiting for them: the one place where a task of
//! a script goes to sleep. It owns parking, time-outs, and what happens when a wait
//! is broken off; the waiters' lists, `select`, and for how long one looks before one
//! sleeps have a file each below it. Whether an operation can go ahead, `objects` says.
//!
//! A task that must wait first looks a few times whether the object has
//! changed, as crossbeam's back-off does, then puts a node into the object's list and
//! sleeps on its own park word. Who changes the object wakes the oldest waiter
//! that the change may concern; that one tries again under the guard. So no
//! hand-over can be lost: a waiter that gives up passes the wake on.

mod nodes;
mod patience;
mod select;

pub(super) use patience::{Passing, Patience};

use super::arena::{flag, node, run, slot, state};
use super::codec;
use super::events::About;
use super::executor::Executor;
use super::futex;
use super::heap::OutOfMemory;
use crate::detect::event::Kind;
use crate::detect::trace::Came;
use crate::objects::{self, Outcome};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Why a step did not give a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Halt {
    Error(Error),
    /// `terminate`, or the end of its process.
    Terminated,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Error(error)
    }
}

/// Who waited for the end of a task no longer than this looks for so long the next time:
/// a process that does little ends within it, and to sleep and be woken would take a third
/// of that more.
const SOON_NS: u64 = 400_000;
/// How long to stay away from a lock that was found taken. Who holds it writes
/// its words again when letting go; looking at them all the time would take
/// the cache line from under its hands.
const LOCK_PAUSES: u32 = 100;
/// For so many operations of others at the most it is worth to stay away from an
/// object, so that nobody waits for long who could go on.
const PASSING_MOST: u64 = 3;

/// Whether there is time left.
#[inline]
fn is_before(deadline: Option<u64>) -> bool {
    deadline.is_none_or(|d| futex::now_ns() < d)
}

/// What ended a park.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    Again,
    TimedOut,
    Terminated,
}

/// One arm of a wait, from its first attempt on.
pub(super) struct Pending<'a> {
    pub target: ObjRef,
    pub method: u8,
    pub args: &'a [Value],
    pub memo: u64,
}

impl Executor {
    /// Carries out an operation, waiting as long as it takes.
    pub(super) fn operate(&mut self, target: ObjRef, method: u8, args: &[Value]) -> Result<Value, Halt> {
        if self.in_atomic && self.is_managed(target) {
            self.manager_lives(target)?;
        }
        if self.replay.on {
            let deadline = self.deadline(target.kind, method, args).inspect_err(|_| self.turn_is_used())?;
            return self.operate_in_turn(target, method, args, deadline.is_some());
        }
        if self.via_manager(target) {
            return self.ask_manager(target, method, args);
        }
        let deadline = self.deadline(target.kind, method, args)?;
        self.operate_until(target, method, args, deadline)
    }

    /// When a wait ends, by its `timeout` argument.
    pub(super) fn deadline(&self, kind: u8, method: u8, args: &[Value]) -> Result<Option<u64>, Error> {
        let ns = objects::timeout_ns(kind, method, args)?;
        Ok(ns.map(|ns| futex::now_ns().saturating_add(ns)))
    }

    pub(super) fn guard_target(&mut self, target: ObjRef) {
        match objects::companion(target.kind, self.object_word(target.id, 0)) {
            Some(other) => self.guard_all(&[target.id, other]),
            None => self.guard(target.id),
        }
    }

    #[inline]
    pub(super) fn may_look_again(&self, target: ObjRef) -> bool {
        !self.image.options.hurried && objects::may_look_again(target.kind, self.object_word(target.id, 0))
    }

    pub(super) fn operate_until(
        &mut self,
        target: ObjRef,
        method: u8,
        args: &[Value],
        deadline: Option<u64>,
    ) -> Result<Value, Halt> {
        if self.replay.on {
            return self.operate_in_turn(target, method, args, deadline.is_some());
        }
        let mut patience = std::mem::take(&mut self.patience).unwrap_or_else(Patience::new);
        let spec = &objects::KINDS[target.kind as usize].methods[method as usize];
        let at_once = spec.blocking.and_then(|i| args.get(i)) == Some(&Value::Bool(false));
        self.gives_up = deadline.is_some() || at_once;
        let mut joins_since = None;
        loop {
            self.guard_target(target);
            match self.attempt(target, method, args, None) {
                Outcome::Done(value) => {
                    self.trace_operated(target, method, |e| Came::Done(e.shown(&value)));
                    self.unguard();
                    self.joined(joins_since);
                    return Ok(value);
                }
                Outcome::Raise(kind, text) => {
                    self.trace_operated(target, method, |_| Came::Raised);
                    self.unguard();
                    return Err(self.failed(target, kind, text).into());
                }
                Outcome::Wait(_) if self.in_atomic => {
                    self.unguard();
                    let name = self.image.object_name(target.id);
                    return Err(objects::must_not_wait_for(self.still(), target.kind, &name).into());
                }
                Outcome::Wait(memo) => {
                    if target.kind == objects::place::task && joins_since.is_none() {
                        let now = futex::now_ns();
                        joins_since = Some(now);
                        if self.ends_come_soon {
                            patience.until = now + SOON_NS;
                        }
                    }
                    if is_before(deadline) && !patience.is_over() && self.may_look_again(target) {
                        let version = self.version(target.id);
                        self.unguard();
                        let (object, arena) = (self.object(target.id), self.arena);
                        let as_before = || object.state(arena) == version && is_before(deadline);
                        self.look(target.id, as_before, &mut patience);
                        continue;
                    }
                    let mut pending = [Pending { target, method, args, memo }];
                    self.enlist(&pending, deadline)?;
                    self.trace_arrival(&pending);
                    self.unguard();
                    let value = self.wait_out(&mut pending, deadline).map(|(_, value)| value);
                    self.joined(joins_since);
                    return value;
                }
                Outcome::Instead { .. } => self.unguard(),
            }
        }
    }

    /// It waits no more for a task's end, if it has since a moment.
    #[inline]
    fn joined(&mut self, since: Option<u64>) {
        if let Some(since) = since {
            self.ends_come_soon = futex::now_ns() - since < SOON_NS;
        }
    }

    /// Waits a little for the object to change.
    pub(super) fn look(&mut self, id: u32, as_before: impl Fn() -> bool, patience: &mut Patience) {
        let (kind, first) = (self.arena.kind(id), self.object_word(id, 0));
        let passing = objects::worth_letting_pass(kind, first).min(PASSING_MOST) as u32;
        let pauses = match passing {
            0 if objects::is_lock(kind) => LOCK_PAUSES,
            0 => 0,
            passing => self.passing.pauses(passing),
        };
        self.home.gil_pause(|| {
            (0..pauses).for_each(|_| std::hint::spin_loop());
            patience.look_while(as_before);
        });
    }

    /// The same for one of several objects.
    fn look_at_all(&self, versions: &[(u32, u32)], deadline: Option<u64>, patience: &mut Patience) {
        let as_before = || versions.iter().all(|(id, version)| self.version(*id) == *version);
        self.home.gil_pause(|| patience.look_while(|| as_before() && is_before(deadline)));
    }

    pub(super) fn failed(&self, target: ObjRef, kind: ErrorKind, text: String) -> Error {
        let name = self.image.object_name(target.id);
        objects::failed(target.kind, &name, kind, &text)
    }

    /// Puts a node into each object's list. All of them are guarded.
    pub(super) fn enlist(&mut self, pending: &[Pending], deadline: Option<u64>) -> Result<(), Error> {
        if pending.len() > super::arena::NODES {
            let bytes = 8 * slot::NODE_WORDS * (pending.len() - super::arena::NODES);
            match self.arena.heap().allocate(bytes, self.holder) {
                Ok(block) => self.slot_word(slot::NODE_BLOCK).store(block as u64, Relaxed),
                Err(_) => return Err(self.no_memory_to_wait()),
            }
        }
        self.arena.park(self.slot).0.store(0, SeqCst);
        self.slot_word(slot::FIRED).store(0, SeqCst);
        for (arm, p) in pending.iter().enumerate() {
            let at = self.node_at(arm);
            let offered = p.args.first().map_or(Ok(codec::NONE), |v| codec::to_word(v, self.arena.heap(), self.holder));
            let Ok(offered) = offered else { return Err(self.no_memory_to_wait()) };
            let words = [
                (node::OBJECT, u64::from(p.target.id)),
                (node::METHOD, u64::from(p.method)),
                (node::MEMO, p.memo),
                (node::VALUE, offered),
                (node::SLOT, (arm as u64) << 32 | (self.slot as u64 + 1)),
                (node::SIGNALLED, 0),
                (node::RESULT, codec::NONE),
            ];
            for (word, value) in words {
                self.arena.at(at + 8 * word).store(value, Relaxed);
            }
        }
        for (arm, p) in pending.iter().enumerate() {
            self.append(p.target.id, self.node_at(arm));
        }
        for (arm, p) in pending.iter().enumerate().filter(|_| self.records()) {
            let method = &objects::KINDS[p.target.kind as usize].methods[p.method as usize];
            let kind = if arm == 0 { Kind::Wait } else { Kind::Arm };
            self.note(kind, About::Object(p.target.id), method.word());
        }
        let count = self.arena.slot_at(self.slot) + 8 * slot::NODE_COUNT;
        self.change(count, pending.len() as u64);
        let waits_alike = |p: &Pending| objects::may_look_again(p.target.kind, self.object_word(p.target.id, 0));
        // What an arrival changes in objects is looked at with that.
        if self.unlooked && (!self.watches_objects() || pending.iter().all(waits_alike)) {
            self.tell_never_held();
        }
        let waiting = if deadline.is_some() { state::TIMED } else { state::WAITING };
        self.enter_state(waiting);
        Ok(())
    }

    #[cold]
    fn no_memory_to_wait(&self) -> Error {
        self.check_memory(Err(OutOfMemory));
        Error::new(ErrorKind::Overflow, "there is no memory left to wait with")
    }

    /// Takes the nodes out again. All objects are guarded.
    pub(super) fn delist(&mut self, pending: &[Pending], pass_on: bool) {
        for (arm, p) in pending.iter().enumerate() {
            let at = self.node_at(arm);
            self.unlink(p.target.id, at);
            self.give_back(self.node(at, node::VALUE));
            self.give_back(self.node(at, node::RESULT));
            if pass_on && self.node(at, node::SIGNALLED) != 0 {
                let all: Vec<u8> = (0..objects::KINDS[p.target.kind as usize].methods.len() as u8).collect();
                self.wake_waiters(p.target.id, &all, u64::MAX);
            }
            // However its wait has ended, it keeps nobody out any more.
            self.wake_waiters(p.target.id, objects::kept_out_by(p.target.kind, p.method), u64::MAX);
        }
        let count = self.arena.slot_at(self.slot) + 8 * slot::NODE_COUNT;
        self.change(count, 0);
        let block = self.slot_word(slot::NODE_BLOCK).swap(0, Relaxed);
        if block != 0 {
            self.give_back(codec::block_word(block));
        }
        self.enter_state(state::RUNNING);
    }

    pub(super) fn enter_state(&self, state: u64) {
        let old = self.slot_word(slot::STATE).swap(state, SeqCst);
        self.slot_word(slot::VERSION).fetch_add(1, SeqCst);
        match state {
            state::RUNNING if old != state::RUNNING => self.note(Kind::Go, About::Nothing, ""),
            state::SLEEPING => self.note(Kind::Sleep, About::Nothing, ""),
            state::AWAITING => self.note(Kind::Wait, About::Nothing, ""),
            _ => {}
        }
        match (old == state::RUNNING, state == state::RUNNING) {
            (true, false) => {
                self.arena.run(run::ACTIVE).fetch_sub(1, SeqCst);
                if self.arena.run(run::SUPERVISOR_IDLE).load(SeqCst) != 0 {
                    self.image.call_supervisor();
                }
            }
            (false, true) => {
                self.arena.run(run::ACTIVE).fetch_add(1, SeqCst);
            }
            _ => {}
        }
    }

    /// Others may have moved the wait on: from a condition to its lock, from a
    /// round of a barrier to one that is over.
    fn follow(&self, pending: &mut [Pending]) {
        for (arm, p) in pending.iter_mut().enumerate() {
            let at = self.node_at(arm);
            let (id, method) = (self.node(at, node::OBJECT) as u32, self.node(at, node::METHOD) as u8);
            if (id, method) != (p.target.id, p.method) {
                p.target = ObjRef { id, kind: self.arena.kind(id) };
                p.method = method;
                p.args = &[];
            }
        }
    }

    /// Guards all that is waited for, where the nodes stand by then.
    pub(super) fn guard_pending(&mut self, pending: &mut [Pending]) {
        loop {
            self.follow(pending);
            let ids: Vec<u32> = pending
                .iter()
                .flat_map(|p| {
                    let first = self.object_word(p.target.id, 0);
                    [Some(p.target.id), objects::companion(p.target.kind, first)]
                })
                .flatten()
                .collect();
            self.guard_all(&ids);
            let before: Vec<u32> = pending.iter().map(|p| p.target.id).collect();
            self.follow(pending);
            if pending.iter().zip(before).all(|(p, id)| p.target.id == id) {
                return;
            }
            self.unguard();
        }
    }

    /// Sleeps until one of the arms has gone ahead: its place and value.
    fn wait_out(&mut self, pending: &mut [Pending], mut deadline: Option<u64>) -> Result<(usize, Value), Halt> {
        loop {
            let woken = self.park(deadline);
            if let Some(result) = self.arm_went(pending, woken) {
                return result;
            }
            if woken == Woken::TimedOut {
                deadline = None;
            }
        }
    }

    /// Takes a dead task out of what it waited for.
    pub(super) fn withdraw(&mut self) {
        let count = self.slot_word(slot::NODE_COUNT).load(SeqCst) as usize;
        let mut pending: Vec<Pending> = (0..count)
            .map(|arm| {
                let at = self.node_at(arm);
                let id = self.node(at, node::OBJECT) as u32;
                let target = ObjRef { id, kind: self.arena.kind(id) };
                Pending { target, method: self.node(at, node::METHOD) as u8, args: &[], memo: 0 }
            })
            .collect();
        if count > 0 {
            self.guard_pending(&mut pending);
            self.delist(&pending, true);
            self.unguard();
        }
    }

    /// After a park: whether an arm has gone ahead, or the wait is over in
    /// another way. If not, it goes on.
    pub(super) fn arm_went(&mut self, pending: &mut [Pending], woken: Woken) -> Option<Result<(usize, Value), Halt>> {
        self.guard_pending(pending);
        let fired = self.slot_word(slot::FIRED).load(SeqCst);
        if fired != 0 {
            let result = self.node_at(fired as usize - 1) + 8 * node::RESULT;
            let word = self.arena.at(result).swap(codec::NONE, Relaxed);
            let value = self.arena.value(word);
            self.take_over(&value);
            self.give_back(word);
            self.delist(pending, true);
            self.unguard();
            return Some(Ok((fired as usize - 1, value)));
        }
        if woken == Woken::Terminated {
            let memo = self.node(self.node_at(0), node::MEMO);
            self.delist(pending, true);
            self.take_again(pending, memo);
            self.unguard();
            return Some(Err(Halt::Terminated));
        }
        if let Some(result) = self.try_arms(pending, None) {
            return Some(result);
        }
        if woken == Woken::TimedOut {
            return match self.time_is_over(pending) {
                Ok(Some(value)) => Some(Ok((pending.len(), value))),
                Ok(None) => None,
                Err(halt) => Some(Err(halt)),
            };
        }
        self.arena.park(self.slot).0.store(0, SeqCst);
        for arm in 0..pending.len() {
            let at = self.node_at(arm);
            self.change(at + 8 * node::SIGNALLED, 0);
        }
        self.unguard();
        None
    }

    /// Another attempt at each arm, or at one only.
    pub(super) fn try_arms(
        &mut self,
        pending: &mut [Pending],
        only: Option<usize>,
    ) -> Option<Result<(usize, Value), Halt>> {
        for i in (0..pending.len()).filter(|i| only.is_none_or(|o| o == *i)) {
            let p = &pending[i];
            let (target, memo) = (p.target, self.node(self.node_at(i), node::MEMO));
            let outcome = self.attempt(target, p.method, p.args, Some(memo));
            let method = p.method;
            let number = self.trace.arms.get(i).copied();
            let result = match outcome {
                Outcome::Done(value) => {
                    self.trace_arm(number, target, method, |e| Came::Done(e.shown(&value)));
                    Ok((i, value))
                }
                Outcome::Raise(kind, text) => {
                    self.trace_arm(number, target, method, |_| Came::Raised);
                    Err(self.failed(target, kind, text).into())
                }
                _ => continue,
            };
            // The wake was used by this arm; those of the others go on.
            let own = self.node_at(i);
            self.change(own + 8 * node::SIGNALLED, 0);
            self.delist(pending, true);
            self.unguard();
            return Some(result);
        }
        None
    }

    /// The wait's own answer to its time being over; none if it goes on
    /// waiting elsewhere. For a `select` it is `after`'s.
    pub(super) fn time_is_over(&mut self, pending: &mut [Pending]) -> Result<Option<Value>, Halt> {
        let memo = self.node(self.node_at(0), node::MEMO);
        self.delist(pending, true);
        self.trace_time_out(pending);
        let [Pending { target, method, .. }] = *pending else {
            self.unguard();
            return Ok(Some(Value::None));
        };
        if self.selecting() {
            self.unguard();
            return Ok(Some(Value::None));
        }
        match self.give_up(target, method, memo) {
            Outcome::Done(value) => {
                self.unguard();
                Ok(Some(value))
            }
            Outcome::Raise(kind, text) => {
                self.unguard();
                Err(self.failed(target, kind, text).into())
            }
            Outcome::Instead { object, method, memo } => {
                let kind = self.arena.kind(object);
                pending[0] = Pending { target: ObjRef { id: object, kind }, method, args: &[], memo };
                self.guard(object);
                self.enlist(pending, None)?;
                let at = self.node_at(0);
                self.change(at + 8 * node::SIGNALLED, 1);
                self.arena.park(self.slot).0.store(1, SeqCst);
                self.unguard();
                Ok(None)
            }
            Outcome::Wait(_) => {
                self.unguard();
                Ok(Some(Value::None))
            }
        }
    }

    fn selecting(&self) -> bool {
        matches!(self.program.code.get(self.site as usize), Some(crate::program::code::Instr::Select(_)))
    }

    /// Sleeps on the task's own park word.
    pub(super) fn park(&mut self, deadline: Option<u64>) -> Woken {
        let home = self.home.clone();
        let (park, sleeping) = self.arena.park(self.slot);
        home.gil_pause(|| {
            home.reap_all();
            loop {
                if self.slot_word(slot::FLAGS).load(SeqCst) & flag::HALT != 0 && self.is_halted() {
                    self.stand_still();
                }
                if park.load(SeqCst) != 0 {
                    return if self.terminated() { Woken::Terminated } else { Woken::Again };
                }
                if self.terminated() {
                    return Woken::Terminated;
                }
                if deadline.is_some_and(|d| futex::now_ns() >= d) {
                    return Woken::TimedOut;
                }
                sleeping.store(1, SeqCst);
                if park.load(SeqCst) == 0 {
                    futex::wait(park, 0, deadline);
                }
                sleeping.store(0, SeqCst);
            }
        })
    }

    /// Waits for time only.
    pub(super) fn sleep(&mut self, ns: u64) -> Result<(), Halt> {
        if self.replay.on {
            return Ok(());
        }
        let deadline = futex::now_ns().saturating_add(ns);
        self.arena.park(self.slot).0.store(0, SeqCst);
        self.enter_state(state::SLEEPING);
        let woken = loop {
            match self.park(Some(deadline)) {
                Woken::Again => self.arena.park(self.slot).0.store(0, SeqCst),
                other => break other,
            }
        };
        self.enter_state(state::RUNNING);
        if woken == Woken::Terminated { Err(Halt::Terminated) } else { Ok(()) }
    }
}
