//! Running a schedule: the gate at which every task waits until the turn is its
//! own, and what operations, choices and ends do in a turn. It owns the plan,
//! the cursor, and what becomes of the tasks after the last turn; where the
//! other files of the run ask it, they do so in one line.
//!
//! A turn is a step as `machine::Step::is_turn` and `objects::arrival_matters`
//! divide them, and lasts up to the task's next one. Nothing blocks in the
//! kernel within a turn: an operation goes ahead, or arrives, or its time is
//! over at once; else what happens is not what was planned, and the run ends
//! with a sentence about it.

use super::arena::{Arena, ending, facts, flag, process, run, slot, state};
use super::codec;
use super::executor::Executor;
use super::finish::Ended;
use super::futex;
use super::image::Image;
use super::manager::ask;
use super::process as proc;
use super::wait::{Halt, Pending, Woken};
use crate::machine::{Access, Arm, Step};
use crate::objects::{self, KINDS, Need, Outcome, pool, task};
use crate::program::kind::Update;
use crate::program::value::{ObjRef, Value};
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// One turn, with what the way was in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// The task, by its number in the order of birth; `main` is 0.
    pub task: u32,
    /// It is ended from outside: its process, or it as a thread.
    pub ended: bool,
    pub process: bool,
    /// The signal that ends the process; 0 if it has exited.
    pub signal: i32,
    /// The place in the code at which the task is to stand.
    pub site: Option<u32>,
    /// The arms of its `select`s.
    pub arms: Vec<u32>,
    /// The tasks it meets or notifies, where there are several.
    pub picks: Vec<u32>,
    /// Its process is over with it.
    pub over: bool,
}

/// A schedule to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub turns: Vec<Turn>,
    /// What each task's `choose`s give, by the task's number.
    pub chosen: Vec<Vec<u32>>,
}

/// What happened was not what was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Counted from zero.
    pub turn: usize,
    pub task: String,
    /// Where it was to stand, and where it stands.
    pub planned: Option<u32>,
    pub site: Option<u32>,
    /// A sentence.
    pub reason: String,
}

/// `slot::GATE`: the task is under way, at its gate, at its last one, or goes
/// on by itself without a step that counts.
pub mod at {
    pub const UNDER_WAY: u64 = 0;
    pub const GATE: u64 = 1;
    pub const LAST: u64 = 2;
    pub const BY_ITSELF: u64 = 3;
}

/// After so many steps that do not count a task no longer keeps others from
/// their turns.
const OWN_MAX: u32 = 1_000;
/// So many rounds of a loop without a step are as much as one such step.
const ROUNDS: u32 = 100;

/// A task's part in it.
#[derive(Default)]
pub(super) struct Replaying {
    pub on: bool,
    plan: Option<Arc<Plan>>,
    number: u32,
    /// The turn that it has.
    turn: Option<usize>,
    /// The turn is for the operation that comes next.
    granted: bool,
    /// It was ended from outside.
    pub stopped: bool,
    /// It is new, or another let it go on, and it is not at its next gate yet.
    moving: bool,
    /// It looks at the condition of an `await` once more, after the end.
    last_look: bool,
    chosen: usize,
    arms: usize,
    own: u32,
    rounds: Cell<u32>,
}

/// Why a task goes on from its gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Go,
    /// It is ended from outside.
    Stop,
    /// Another has completed its wait.
    Fired,
    /// There is no turn any more.
    Over,
}

fn cursor(arena: &Arena) -> usize {
    arena.run_half(run::REPLAY_CURSOR).load(SeqCst) as usize
}

fn unpark(arena: &Arena, slot: usize) {
    let (park, sleeping) = arena.park(slot);
    park.store(1, SeqCst);
    if sleeping.load(SeqCst) != 0 {
        futex::wake(park, 1);
    }
}

fn is_live(arena: &Arena, slot: usize) -> bool {
    !matches!(arena.slot(slot, slot::STATE).load(SeqCst), state::FREE | state::ENDED)
}

/// The next turn begins.
fn bump(image: &Image, plan: &Plan) {
    let arena = image.arena;
    arena.run(run::REPLAY_PICK).store(0, SeqCst);
    let next = arena.run_half(run::REPLAY_CURSOR).fetch_add(1, SeqCst) as usize + 1;
    if arena.run(run::REPLAY_LEAVING).load(SeqCst) != 0 {
        futex::wake(arena.run_half(run::REPLAY_CURSOR), u32::MAX);
    }
    match plan.turns.get(next) {
        Some(turn) if turn.ended && turn.process => image.call_supervisor(),
        Some(turn) => {
            for s in 0..arena.slots_high() {
                if is_live(arena, s) && arena.slot(s, slot::NUMBER).load(SeqCst) == u64::from(turn.task) {
                    unpark(arena, s);
                }
            }
        }
        None => {
            (0..arena.slots_high()).filter(|s| is_live(arena, *s)).for_each(|s| unpark(arena, s));
            image.call_supervisor();
        }
    }
}

impl Executor {
    /// On its own thread for the first time.
    pub(super) fn begin_replay(&mut self) {
        let Some(plan) = self.image.options.replay.clone() else { return };
        let number = self.slot_word(slot::NUMBER).load(SeqCst) as u32;
        self.replay = Replaying { on: true, plan: Some(plan), number, moving: true, ..Replaying::default() };
        self.slot_word(slot::GATE).store(at::UNDER_WAY, SeqCst);
    }

    fn follows(&self) -> bool {
        self.replay.on && !self.outside
    }

    fn turn(&self, at: usize) -> Option<&Turn> {
        self.replay.plan.as_ref()?.turns.get(at)
    }

    // ---------------------------------------------------------------- the gate

    /// Waits until the turn is this task's.
    fn gate(&mut self) -> Pass {
        self.release();
        self.arrive_at_gate();
        let (park, sleeping) = self.arena.park(self.slot);
        self.slot_word(slot::GATE).store(at::GATE, SeqCst);
        let pass = loop {
            park.store(0, SeqCst);
            let waits = self.slot_word(slot::NODE_COUNT).load(SeqCst) != 0;
            if waits && self.slot_word(slot::FIRED).load(SeqCst) != 0 {
                // Who completed the wait counted this task as moving.
                self.replay.moving = true;
                break Pass::Fired;
            }
            let now = cursor(self.arena);
            match self.turn(now) {
                None => break Pass::Over,
                Some(turn) if turn.task == self.replay.number && !(turn.ended && turn.process) => {
                    let stop = turn.ended;
                    self.arena.run(run::REPLAY_TAKEN).store(now as u64 + 1, SeqCst);
                    self.replay.turn = Some(now);
                    self.replay.arms = 0;
                    self.replay.stopped |= stop;
                    break if stop { Pass::Stop } else { Pass::Go };
                }
                _ => {}
            }
            sleeping.store(1, SeqCst);
            if park.load(SeqCst) == 0 {
                futex::wait(park, 0, None);
            }
            sleeping.store(0, SeqCst);
        };
        self.slot_word(slot::GATE).store(at::UNDER_WAY, SeqCst);
        self.replay.own = 0;
        if pass == Pass::Go {
            self.check_place();
        }
        pass
    }

    /// The task stands where the plan says.
    fn check_place(&mut self) {
        let planned = self.replay.turn.and_then(|t| self.turn(t)).and_then(|t| t.site);
        if planned.is_some_and(|p| p != self.site) {
            self.diverge("it stands at another place");
        }
    }

    fn arrive_at_gate(&mut self) {
        if std::mem::take(&mut self.replay.moving) {
            let moving = self.arena.run_half(run::REPLAY_MOVING);
            if moving.fetch_sub(1, SeqCst) == 1 {
                futex::wake(moving, u32::MAX);
            }
        }
    }

    /// The task's turn, if it has it, is over. Those that it made or let go
    /// come to their gates first, so that what they do on the way does not
    /// mix with later turns.
    pub(super) fn release(&mut self) {
        if self.replay.turn.take().is_none() {
            return;
        }
        let moving = self.arena.run_half(run::REPLAY_MOVING);
        loop {
            match moving.load(SeqCst) {
                0 => break,
                n => futex::wait(moving, n, None),
            }
        }
        self.replay.granted = false;
        if let Some(plan) = &self.replay.plan {
            bump(self.image, plan);
        }
    }

    /// Another task's wait is about to be completed by this one.
    pub(super) fn lets_go(&self) {
        if self.image.options.replay.is_some() {
            self.arena.run_half(run::REPLAY_MOVING).fetch_add(1, SeqCst);
        }
    }

    /// The other way round: it was completed by somebody else.
    pub(super) fn lets_not_go(&self) {
        if self.image.options.replay.is_some() {
            self.arena.run_half(run::REPLAY_MOVING).fetch_sub(1, SeqCst);
        }
    }

    /// The run ends with a sentence about this turn.
    fn diverge(&mut self, reason: &str) -> ! {
        let turn = self.replay.turn.unwrap_or(0);
        let planned = self.turn(turn).and_then(|t| t.site);
        let fault = Divergence {
            turn,
            task: self.arena.task_name(self.task),
            planned,
            site: (self.site != super::spawn::NOWHERE).then_some(self.site),
            reason: reason.to_string(),
        };
        if let Ok(bytes) = serde_json::to_vec(&fault)
            && let Ok(block) = codec::store_bytes(&bytes, self.arena.heap(), self.holder)
        {
            let _ = self.arena.run(run::REPLAY_FAULT).compare_exchange(0, block as u64, SeqCst, SeqCst);
        }
        self.image.call_supervisor();
        self.hold()
    }

    /// Stays where it is until the run is ended.
    fn hold(&mut self) -> ! {
        self.arrive_at_gate();
        // An attempt that was taken back is a step no more: who looks at the condition of an
        // `await` meanwhile would wait for its end.
        self.slot_word(slot::IN_STEP).store(0, SeqCst);
        self.slot_word(slot::GATE).store(at::LAST, SeqCst);
        self.image.call_supervisor();
        // Who is woken counts as going on, so a late wake is taken back.
        let (park, sleeping) = self.arena.park(self.slot);
        sleeping.store(1, SeqCst);
        loop {
            park.store(0, SeqCst);
            futex::wait(park, 0, None);
        }
    }

    // ------------------------------------------------------------------- steps

    /// Before a step. How the task ended, if it was stopped here.
    pub(super) fn turn_of_step(&mut self, step: &Step) -> Option<Ended> {
        if self.outside {
            return None;
        }
        if self.replay.last_look {
            self.look_for_the_last_time(step);
            return None;
        }
        if self.in_atomic {
            // One turn up to its end; what ends the task comes after it.
            if !matches!(step, Step::Exit(_)) {
                return None;
            }
            self.leave_gate(true);
        }
        let inner = matches!(
            step,
            Step::End(_) | Step::Failed(_) | Step::AtomicEnd | Step::AwaitEnd { .. } | Step::Interrupted
        );
        if inner || !step.is_turn() {
            let weight = if *step == Step::Interrupted { self.replay.rounds.take() } else { 1 };
            self.own_step(weight);
            return self.replay.stopped.then(Ended::terminated);
        }
        if std::mem::take(&mut self.replay.granted) {
            // The look at the condition of an `await`, once more.
            return None;
        }
        match self.gate() {
            Pass::Go | Pass::Fired => {
                self.replay.granted = matches!(
                    step,
                    Step::Operate { .. }
                        | Step::Select { .. }
                        | Step::Join { .. }
                        | Step::JoinAll { .. }
                        | Step::Wait(_)
                );
                None
            }
            Pass::Stop => Some(Ended::terminated()),
            Pass::Over => {
                self.after_the_end(step);
                None
            }
        }
    }

    /// What the task had its turn for is done, though there was no object to operate on.
    pub(super) fn turn_is_used(&mut self) {
        self.replay.granted = false;
    }

    /// A step that is nobody else's affair.
    fn own_step(&mut self, weight: u32) {
        self.replay.own = self.replay.own.saturating_add(weight);
        if self.replay.own < OWN_MAX {
            return;
        }
        self.release();
        self.arrive_at_gate();
        self.slot_word(slot::GATE).store(at::BY_ITSELF, SeqCst);
        let now = cursor(self.arena);
        let turn = self.turn(now).filter(|t| t.task == self.replay.number && t.ended && !t.process);
        if turn.is_some() {
            self.replay.turn = Some(now);
            self.replay.stopped = true;
        }
    }

    /// In a loop without a step: whether it is time to look around. It stays so until
    /// that is done, as the machine asks more than once.
    pub(super) fn goes_round(&self) -> bool {
        let rounds = (self.replay.rounds.get() + 1).min(ROUNDS);
        self.replay.rounds.set(rounds);
        rounds == ROUNDS
    }

    /// When in a replay it sees something, and which task it is; of a run the same for all.
    pub(super) fn seen_in_turn(&self) -> u64 {
        if self.replay.on { (cursor(self.arena) as u64) << 32 | u64::from(self.replay.number) } else { u64::MAX }
    }

    /// A number below `count`, as planned.
    pub(super) fn planned_choice(&mut self, count: u64) -> u64 {
        if count <= 1 {
            return 0;
        }
        let at = self.replay.chosen;
        self.replay.chosen += 1;
        let chosen = self.replay.plan.as_ref().and_then(|p| p.chosen.get(self.replay.number as usize));
        chosen.and_then(|c| c.get(at)).map_or(0, |n| u64::from(*n).min(count - 1))
    }

    // -------------------------------------------------------------- operations

    /// Carries out an operation in the task's turn, or in the turns from its
    /// arrival on.
    pub(super) fn operate_in_turn(
        &mut self,
        target: ObjRef,
        method: u8,
        args: &[Value],
        timed: bool,
    ) -> Result<Value, Halt> {
        let spec = &KINDS[target.kind as usize].methods[method as usize];
        if !std::mem::take(&mut self.replay.granted) && spec.waits && !self.in_atomic && self.follows() {
            match self.gate() {
                Pass::Stop => return Err(Halt::Terminated),
                Pass::Over => self.wait_for_good(&[(target, method, args)], timed),
                Pass::Go | Pass::Fired => {}
            }
        }
        if self.via_manager(target) && self.follows() {
            return self.ask_in_turn(target, method, args, timed);
        }
        let at_once = spec.blocking.and_then(|i| args.get(i)) == Some(&Value::Bool(false));
        self.gives_up = timed || at_once;
        self.guard_target(target);
        match self.attempt(target, method, args, None) {
            Outcome::Wait(_) if self.in_atomic => {
                self.unguard();
                let name = self.image.object_name(target.id);
                Err(objects::must_not_wait(self.outside, &format!("`{name}`")).into())
            }
            Outcome::Wait(memo) if self.arrives(target) => {
                let mut pending = [Pending { target, method, args, memo }];
                self.enlist(&pending, timed.then_some(0))?;
                self.unguard();
                self.wait_in_turn(&mut pending, &[0], timed).map(|(_, value)| value)
            }
            Outcome::Wait(memo) if timed => {
                let outcome = self.give_up(target, method, memo);
                self.settle_outcome(target, outcome)
            }
            Outcome::Wait(_) => {
                self.unguard();
                self.diverge("it cannot go ahead")
            }
            outcome => self.settle_outcome(target, outcome),
        }
    }

    fn settle_outcome(&mut self, target: ObjRef, outcome: Outcome) -> Result<Value, Halt> {
        self.unguard();
        match outcome {
            Outcome::Done(value) => Ok(value),
            Outcome::Raise(kind, text) => Err(self.failed(target, kind, text).into()),
            _ => Ok(Value::None),
        }
    }

    fn arrives(&self, target: ObjRef) -> bool {
        objects::arrival_matters(target.kind, self.object_word(target.id, 0))
    }

    /// From its arrival on: each attempt is a turn. `numbers`: those of the
    /// arms.
    fn wait_in_turn(
        &mut self,
        pending: &mut [Pending],
        numbers: &[usize],
        timed: bool,
    ) -> Result<(usize, Value), Halt> {
        let mut timed = timed;
        loop {
            match self.gate() {
                Pass::Over => self.hold(),
                Pass::Stop => return self.arm_went(pending, Woken::Terminated).unwrap_or(Err(Halt::Terminated)),
                Pass::Fired => {
                    if let Some(result) = self.arm_went(pending, Woken::Again) {
                        return result;
                    }
                }
                Pass::Go => {
                    let arm = self.planned_arm().and_then(|n| numbers.iter().position(|m| *m == n));
                    self.guard_pending(pending);
                    if let Some(result) = self.try_arms(pending, arm) {
                        return result;
                    }
                    if !timed {
                        self.unguard();
                        self.diverge("it cannot go ahead");
                    }
                    match self.time_is_over(pending)? {
                        Some(value) => return Ok((pending.len(), value)),
                        None => timed = false,
                    }
                }
            }
        }
    }

    fn planned_arm(&mut self) -> Option<usize> {
        let arm = self.replay.turn.and_then(|t| self.turn(t)).and_then(|t| t.arms.get(self.replay.arms).copied());
        self.replay.arms += usize::from(arm.is_some());
        arm.map(|n| n as usize)
    }

    /// The server of a queue `via manager` carries it out.
    fn ask_in_turn(&mut self, target: ObjRef, method: u8, args: &[Value], timed: bool) -> Result<Value, Halt> {
        if let Some(done) = self.request(ask::FIRST, target, method, args, timed)? {
            return Ok(done);
        }
        if !self.arrives(target) {
            if !timed {
                self.diverge("it cannot go ahead");
            }
            return Ok(self.request(ask::GIVE_UP, target, method, args, timed)?.unwrap_or(Value::None));
        }
        loop {
            let pass = self.gate();
            match pass {
                Pass::Over => self.hold(),
                Pass::Stop => {
                    self.request(ask::WITHDRAW, target, method, args, timed)?;
                    return Err(Halt::Terminated);
                }
                Pass::Go | Pass::Fired => {
                    if let Some(done) = self.request(ask::AGAIN, target, method, args, timed)? {
                        return Ok(done);
                    }
                    if pass == Pass::Go && timed {
                        return Ok(self.request(ask::GIVE_UP, target, method, args, timed)?.unwrap_or(Value::None));
                    }
                    if pass == Pass::Go {
                        self.diverge("it cannot go ahead");
                    }
                }
            }
        }
    }

    /// `select` in the task's turn.
    pub(super) fn select_in_turn(&mut self, arms: &[Arm], after: bool, otherwise: bool) -> Result<Value, Halt> {
        self.replay.granted = false;
        self.gives_up = after || otherwise;
        let answer = |i: usize, v: Value| Ok(Value::list(vec![Value::Int(i as i64), v]));
        let live = self.live_arms(arms)?;
        let ids: Vec<u32> = live.iter().map(|l| l.1.id).collect();
        let planned = self.planned_arm();
        self.guard_all(&ids);
        if let Some(number) = planned {
            let Some((arm, target, method, args)) = live.iter().find(|l| l.0 == number).copied() else {
                self.unguard();
                self.diverge("its `select` has no such arm");
            };
            return match self.attempt(target, method, args.as_slice(), None) {
                Outcome::Wait(_) | Outcome::Instead { .. } => {
                    self.unguard();
                    self.diverge("the arm of its `select` is not ready")
                }
                outcome => self.settle_outcome(target, outcome).and_then(|value| answer(arm, value)),
            };
        }
        if otherwise || (after && !self.in_atomic && !live.iter().any(|l| self.arrives(l.1))) {
            self.unguard();
            return answer(arms.len(), Value::None);
        }
        if self.in_atomic {
            self.unguard();
            return Err(objects::must_not_wait(self.outside, "this `select`").into());
        }
        let mut pending = Vec::new();
        for (_, target, method, args) in &live {
            let (args, method) = (args.as_slice(), *method);
            match self.attempt(*target, method, args, None) {
                Outcome::Wait(memo) => pending.push(Pending { target: *target, method, args, memo }),
                _ => {
                    self.unguard();
                    self.diverge("an arm of its `select` is ready");
                }
            }
        }
        if let Err(error) = self.enlist(&pending, after.then_some(0)) {
            self.unguard();
            return Err(error.into());
        }
        self.unguard();
        let numbers: Vec<usize> = live.iter().map(|l| l.0).collect();
        let (place, value) = self.wait_in_turn(&mut pending, &numbers, after)?;
        answer(numbers.get(place).copied().unwrap_or(arms.len()), value)
    }

    /// Of those that wait, the ones that are let go, in the planned order; all
    /// others behind them.
    pub(super) fn in_planned_order(&self, mut found: Vec<usize>, count: u64) -> Vec<usize> {
        let Some(plan) = &self.image.options.replay else { return found };
        let Some(turn) = plan.turns.get(cursor(self.arena)) else { return found };
        let mut ordered = Vec::with_capacity(found.len());
        while (ordered.len() as u64) < count && count - (ordered.len() as u64) < found.len() as u64 {
            let pick = self.arena.run(run::REPLAY_PICK).fetch_add(1, SeqCst) as usize;
            let Some(number) = turn.picks.get(pick) else { break };
            let number_of = |node: &usize| self.arena.slot(self.node_slot(*node), slot::NUMBER).load(SeqCst);
            let Some(at) = found.iter().position(|n| number_of(n) == u64::from(*number)) else { break };
            ordered.push(found.remove(at));
        }
        ordered.append(&mut found);
        ordered
    }

    // ----------------------------------------------------------- after the end

    /// There is no turn for this step any more. What would wait now does, so
    /// that it is seen that it does; what would go ahead stays where it is.
    fn after_the_end(&mut self, step: &Step) {
        let handle = |id: &ObjRef| (*id, if id.kind == objects::place::pool { pool::JOIN } else { task::JOIN });
        let none = [Value::None];
        match step {
            Step::Operate { object, method, args } => {
                let timed = !matches!(self.deadline(object.kind, *method, args.as_slice()), Ok(None));
                self.wait_for_good(&[(*object, *method, args.as_slice())], timed)
            }
            Step::Select { arms, after, otherwise } => {
                let Ok(live) = self.live_arms(arms) else { self.hold() };
                let live: Vec<_> = live.iter().map(|l| (l.1, l.2, l.3.as_slice())).collect();
                self.wait_for_good(&live, after.is_some() || *otherwise)
            }
            // With nobody to wait for it would go ahead.
            Step::Join { targets, .. } if targets.is_empty() => self.hold(),
            Step::JoinAll { .. } if self.spawned.is_empty() => self.hold(),
            Step::Wait(pid) if self.forked_children(*pid).is_empty() => self.hold(),
            Step::Join { targets, timeout } => {
                let first: Vec<_> = targets.first().map(handle).into_iter().map(|(o, m)| (o, m, &none[..])).collect();
                self.wait_for_good(&first, timeout.is_some())
            }
            Step::JoinAll { timeout } => {
                let spawned = self.spawned.clone();
                let first: Vec<_> = spawned.first().map(handle).into_iter().map(|(o, m)| (o, m, &none[..])).collect();
                self.wait_for_good(&first, timeout.is_some())
            }
            Step::Wait(pid) => {
                let children = self.forked_children(*pid);
                let all: Vec<_> = children.iter().map(|c| (c.task, task::JOIN, &none[..])).collect();
                self.wait_for_good(&all, false)
            }
            Step::AwaitBegin { .. } => {}
            Step::AtomicBegin => {
                if self.program.block_awaits(self.site).is_none() {
                    self.hold();
                }
            }
            _ => self.hold(),
        }
        // An `await` looks once more, without leaving a trace.
        self.replay.last_look = true;
        self.detect = false;
    }

    fn look_for_the_last_time(&mut self, step: &Step) {
        let looks = match step {
            Step::Access { access: Access::Read | Access::Update(Update::Load, ..), .. } => true,
            Step::Operate { object, method, .. } => KINDS[object.kind as usize].methods[*method as usize].looks,
            Step::TaskField { .. } => true,
            Step::AwaitBegin { .. } | Step::AtomicBegin => true,
            Step::AwaitEnd { holds, .. } => !holds,
            step => !step.is_turn(),
        };
        if !looks {
            if self.in_atomic {
                self.leave_gate(false);
            }
            self.hold();
        }
    }

    /// The look came out false: the task awaits a change until its next turn.
    pub(super) fn await_turn(&mut self) -> Woken {
        if self.replay.last_look {
            self.hold();
        }
        match self.gate() {
            Pass::Stop => Woken::Terminated,
            Pass::Over => self.hold(),
            Pass::Go | Pass::Fired => {
                self.replay.granted = true;
                Woken::Again
            }
        }
    }

    /// Waits with no turn left in which it could end, if it has to wait.
    fn wait_for_good(&mut self, wanted: &[(ObjRef, u8, &[Value])], timed: bool) -> ! {
        let at_once = |(target, method, args): &(ObjRef, u8, &[Value])| {
            let spec = &KINDS[target.kind as usize].methods[*method as usize];
            !spec.waits || spec.blocking.and_then(|i| args.get(i)) == Some(&Value::Bool(false))
        };
        if timed || wanted.iter().any(|w| at_once(w) || self.arrives(w.0)) {
            self.hold();
        }
        let ids: Vec<u32> = wanted.iter().map(|w| w.0.id).collect();
        self.guard_all(&ids);
        let mut pending = Vec::new();
        for (target, method, args) in wanted {
            let need = self.need(*target, *method, 0, self.task);
            let outcome = match need {
                Need::Ready => Outcome::Done(Value::None),
                _ => self.attempt(*target, *method, args, None),
            };
            let Outcome::Wait(memo) = outcome else {
                // It would go ahead: what the attempt changed is taken back.
                super::supervisor::revert_slot(self.arena, self.slot, self.process);
                self.hold();
            };
            pending.push(Pending { target: *target, method: *method, args, memo });
        }
        let _ = self.enlist(&pending, None);
        self.unguard();
        self.hold()
    }

    // --------------------------------------------------------------------- ends

    /// The end of a body, a job or a process is a turn of its own.
    pub(super) fn end_in_turn(&mut self, ended: Ended) -> Ended {
        if !self.follows() || self.replay.stopped || ended.ending == ending::EXITED {
            return ended;
        }
        if self.in_atomic {
            self.leave_gate(true);
        }
        // A worker has the code of further jobs before it.
        if self.slot_word(slot::POOL).load(Relaxed) == 0 {
            self.slot_word(slot::FLAGS).fetch_or(flag::CODE_ENDED, SeqCst);
        }
        match self.gate() {
            Pass::Go | Pass::Fired => ended,
            Pass::Stop => Ended::terminated(),
            Pass::Over => self.hold(),
        }
    }

    /// It has ended itself as a thread, in the turn at hand.
    pub(super) fn stops_in_turn(&mut self) {
        self.replay.stopped |= self.replay.on;
    }

    /// It has sent its own process a signal: it makes no further step, and the end of the
    /// process is a turn of its own.
    pub(super) fn await_end_in_turn(&mut self) -> ! {
        if self.in_atomic {
            self.leave_gate(true);
        }
        self.release();
        self.arrive_at_gate();
        self.slot_word(slot::GATE).store(at::BY_ITSELF, SeqCst);
        let never = AtomicU32::new(0);
        loop {
            futex::wait(&never, 0, None);
        }
    }

    /// A process has told its end. If anything is left in it, its end is a turn
    /// of its own.
    pub(super) fn leave_process_in_turn(&mut self) {
        if !self.replay.on {
            return;
        }
        let over = self.replay.turn.and_then(|t| self.turn(t)).is_none_or(|t| t.over);
        let state = self.arena.process(self.process, process::STATE);
        state.store(if over { process::EXITED } else { process::LEAVING }, SeqCst);
        let leaving = self.arena.run(run::REPLAY_LEAVING);
        leaving.fetch_add(1, SeqCst);
        self.release();
        let first = self.arena.process(self.process, process::TASK).load(SeqCst);
        let first = self.arena.facts(first.saturating_sub(1) as u32, facts::NUMBER).load(SeqCst);
        let half = self.arena.run_half(run::REPLAY_CURSOR);
        // Unless it is over, somebody else moves the cursor on.
        while let (false, now) = (over, cursor(self.arena)) {
            let comes = self.turn(now).is_some_and(|t| t.ended && t.process && u64::from(t.task) == first);
            if comes && self.turn(now).is_some_and(|t| t.signal == 0) {
                break;
            }
            futex::wait(half, now as u32, None);
        }
        leaving.fetch_sub(1, SeqCst);
    }

    /// The exit code of a child that has ended, or is about to.
    pub(super) fn reap_in_turn(&self, index: usize) -> Option<i32> {
        use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
        let word = |w: usize| self.arena.process(index, w).load(SeqCst);
        let pid = nix::unistd::Pid::from_raw(word(process::PID) as i32);
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Some(-(signal as i32)),
            _ => Some(word(process::EXIT_CODE) as i32),
        }
    }
}

// -------------------------------------------------------------- the supervisor

/// What the supervisor does about the plan, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Turns are still to come.
    UnderWay,
    /// All that there is stays at its last gate.
    Over,
    Diverged(Divergence),
}

/// The process that a task is the first of.
fn process_of(arena: &Arena, number: u32) -> Option<usize> {
    (1..arena.processes()).find(|p| {
        let first = arena.process(*p, process::TASK).load(SeqCst);
        first != 0 && arena.facts(first as u32 - 1, facts::NUMBER).load(SeqCst) == u64::from(number)
    })
}

/// Whether the end of a process is the turn now.
pub(super) fn is_turn_to_end(image: &Image, index: usize) -> bool {
    let Some(plan) = &image.options.replay else { return true };
    let turn = plan.turns.get(cursor(image.arena));
    turn.is_some_and(|t| t.ended && t.process && process_of(image.arena, t.task) == Some(index))
}

/// One look of the supervisor, after it has buried the dead. `quiet`: no
/// process is on its way into the run.
pub(super) fn look(image: &Image, plan: &Plan, quiet: bool) -> Standing {
    let arena = image.arena;
    let fault = arena.run(run::REPLAY_FAULT).load(SeqCst) as usize;
    if fault != 0
        && let Ok(fault) = serde_json::from_slice(&codec::load_bytes(fault, arena.heap()))
    {
        return Standing::Diverged(fault);
    }
    let now = cursor(arena);
    let Some(turn) = plan.turns.get(now) else {
        return if quiet && is_settled(arena, &[at::LAST, at::BY_ITSELF]) {
            Standing::Over
        } else {
            Standing::UnderWay
        };
    };
    let diverged = |task: String, reason: &str| {
        Standing::Diverged(Divergence { turn: now, task, planned: turn.site, site: None, reason: reason.to_string() })
    };
    let nobody = || diverged(format!("task {}", turn.task), "it has ended, or was never made");
    if turn.ended && turn.process {
        let Some(index) = process_of(arena, turn.task) else { return nobody() };
        match arena.process(index, process::STATE).load(SeqCst) {
            process::DEAD => bump(image, plan),
            // Whoever ends a process says so before the next turn begins.
            process::ALIVE if turn.signal == 0 => {
                let first = arena.process(index, process::TASK).load(SeqCst);
                return diverged(arena.task_name(first as u32 - 1), "its process goes on");
            }
            _ => {
                if let Ok(signal) = nix::sys::signal::Signal::try_from(turn.signal) {
                    proc::send(arena.process(index, process::PID).load(SeqCst) as i32, signal);
                }
            }
        }
        return Standing::UnderWay;
    }
    let here = (0..arena.slots_high())
        .find(|s| is_live(arena, *s) && arena.slot(*s, slot::NUMBER).load(SeqCst) == u64::from(turn.task));
    // Who has the turn may have ended in it, and is about to hand it on.
    let taken = arena.run(run::REPLAY_TAKEN).load(SeqCst) == now as u64 + 1;
    let settled = quiet && is_settled(arena, &[at::GATE, at::BY_ITSELF]);
    if here.is_none() && !taken && settled && cursor(arena) == now {
        return nobody();
    }
    Standing::UnderWay
}

/// Whether every task that lives is at one of these gates, and no process is on
/// its way out.
fn is_settled(arena: &Arena, gates: &[u64]) -> bool {
    if arena.run_half(run::REPLAY_MOVING).load(SeqCst) != 0 {
        return false;
    }
    let live: Vec<usize> = (0..arena.slots_high()).filter(|s| is_live(arena, *s)).collect();
    // One at its last gate that was woken late sleeps again at once; until then it would
    // seem to go on.
    let sleeps = |s: usize| arena.park(s).0.load(SeqCst) == 0 && arena.park(s).1.load(SeqCst) != 0;
    let stands = |s: &usize| match arena.slot(*s, slot::GATE).load(SeqCst) {
        at::LAST => gates.contains(&at::LAST) && sleeps(*s),
        gate => gates.contains(&gate),
    };
    let has_tasks = |p: usize| live.iter().any(|s| arena.slot(*s, slot::PROCESS).load(Relaxed) as usize == p);
    let leaves = |p: usize| {
        let word = |w: usize| arena.process(p, w).load(SeqCst);
        let own = matches!(word(process::KIND), process::KEEPER | process::MANAGER);
        !own && !has_tasks(p) && !matches!(word(process::STATE), process::LEAVING | process::DEAD)
    };
    live.iter().all(stands) && !(1..arena.processes()).any(leaves)
}
