//! Running a schedule: the gate at which every task waits until the turn is its
//! own, and what steps and choices do in a turn. It owns the plan and the cursor; of
//! operations, ends, what becomes of the tasks after the last turn, and what the
//! supervisor does about it, each has a file below it. Where the other files of the
//! run ask it, they do so in one line.
//!
//! A turn is a step as `machine::Step::is_turn` and `objects::arrival_matters`
//! divide them, and lasts up to the task's next one. Nothing blocks in the
//! kernel within a turn: an operation goes ahead, or arrives, or its time is
//! over at once; else what happens is not what was planned, and the run ends
//! with a sentence about it.

mod after;
mod ends;
mod operate;
mod watch;

pub(super) use watch::{Standing, is_turn_to_end, look};

use super::arena::{Arena, run, slot, state};
use super::codec;
use super::executor::Executor;
use super::finish::Ended;
use super::futex;
use super::image::Image;
use crate::detect::acted::Acted;
use crate::machine::Step;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// A schedule to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub turns: Vec<Acted>,
    /// What each task's `choose`s give, by the task's number.
    pub chosen: Vec<Vec<u32>>,
    /// The first step never comes: what is false from the start is told without it.
    pub unbegun: bool,
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
    /// Where it came to its last gate. Behind a look in vain it stands there again.
    stood: u32,
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

    fn turn(&self, at: usize) -> Option<&Acted> {
        self.replay.plan.as_ref()?.turns.get(at)
    }

    // ---------------------------------------------------------------- the gate

    /// Waits until the turn is this task's.
    fn gate(&mut self) -> Pass {
        self.replay.stood = self.site;
        self.gate_where_it_stood()
    }

    fn gate_where_it_stood(&mut self) -> Pass {
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
        if planned.is_some_and(|p| p != self.replay.stood) {
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
        self.observes_no_more();
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
            // One turn up to its end.
            return None;
        }
        let inner = matches!(
            step,
            Step::End(_) | Step::Failed(_) | Step::AtomicEnd | Step::AwaitEnd { .. } | Step::Interrupted
        );
        if inner || !step.is_turn() {
            if let Step::Choose(count) = step
                && !self.replay.stopped
                && self.next_choice(*count).is_none()
            {
                return match self.gate() {
                    Pass::Stop => Some(Ended::terminated()),
                    Pass::Go | Pass::Fired => None,
                    Pass::Over => self.hold(),
                };
            }
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
        if self.unlooked && self.replay.plan.as_ref().is_some_and(|plan| plan.unbegun) {
            self.tell_never_held();
        }
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
        let planned = self.next_choice(count).unwrap_or(0);
        self.replay.chosen += usize::from(count > 1);
        planned
    }

    /// What the next `choose` gives, of so many. If that is not planned, the task comes by it no
    /// more: what it would do behind is not on the way.
    fn next_choice(&self, count: u64) -> Option<u64> {
        if count <= 1 {
            return Some(0);
        }
        let chosen = self.replay.plan.as_ref()?.chosen.get(self.replay.number as usize)?;
        chosen.get(self.replay.chosen).map(|n| u64::from(*n).min(count - 1))
    }
}
