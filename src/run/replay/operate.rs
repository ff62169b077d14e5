//! What operations on objects and `select` do in the turns of a schedule: in one, or from
//! the arrival on in one for each attempt. An operation that does not do what was planned
//! ends the run.

use super::{Pass, cursor};
use crate::machine::Arm;
use crate::objects::{self, KINDS, Outcome};
use crate::program::value::{ObjRef, Value};
use crate::run::arena::run;
use crate::run::executor::Executor;
use crate::run::manager::ask;
use crate::run::wait::{Halt, Pending, Woken};
use std::sync::atomic::Ordering::SeqCst;

impl Executor {
    /// Carries out an operation in the task's turn, or in the turns from its
    /// arrival on.
    pub(in crate::run) fn operate_in_turn(
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
                Err(objects::must_not_wait_for(self.still(), target.kind, &name).into())
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

    pub(super) fn arrives(&self, target: ObjRef) -> bool {
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
    pub(in crate::run) fn select_in_turn(&mut self, arms: &[Arm], after: bool, otherwise: bool) -> Result<Value, Halt> {
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
            return Err(objects::must_not_wait(self.still(), "this `select`").into());
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
    pub(in crate::run) fn in_planned_order(&self, mut found: Vec<usize>, count: u64) -> Vec<usize> {
        let Some(plan) = &self.image.options.replay else { return found };
        let Some(turn) = plan.turns.get(cursor(self.arena)) else { return found };
        let mut ordered = Vec::with_capacity(found.len());
        while (ordered.len() as u64) < count && count - (ordered.len() as u64) < found.len() as u64 {
            let pick = self.arena.run(run::REPLAY_PICK).fetch_add(1, SeqCst) as usize;
            let Some(pick) = turn.picks.get(pick) else { break };
            let Some(at) = found.iter().position(|node| self.pick_of(*node) == *pick) else { break };
            ordered.push(found.remove(at));
        }
        ordered.append(&mut found);
        ordered
    }
}
