//! `select`: of several operations the first that can go ahead, tried from one that is drawn,
//! so that none is always preferred.

use super::{Halt, Patience, Pending, is_before};
use crate::detect::trace::Came;
use crate::machine::{Args, Arm};
use crate::objects::{self, Outcome};
use crate::program::value::{ObjRef, Value};
use crate::run::arena::object;
use crate::run::executor::Executor;
use crate::run::futex;
use std::sync::atomic::Ordering::Relaxed;

impl Executor {
    /// The index of the arm that went ahead (that of `after` or `else` comes
    /// after all arms), and its value.
    pub(in crate::run) fn select(&mut self, arms: &[Arm], after: Option<i64>, otherwise: bool) -> Result<Value, Halt> {
        if self.replay.on {
            return self.select_in_turn(arms, after.is_some(), otherwise);
        }
        self.gives_up = after.is_some() || otherwise;
        let answer = |i: usize, v: Value| Ok(Value::list(vec![Value::Int(i as i64), v]));
        let deadline = after.map(|ns| futex::now_ns().saturating_add(ns as u64));
        let live = self.live_arms(arms)?;
        let ids: Vec<u32> = live.iter().map(|l| l.1.id).collect();
        // `finally` has one way.
        let first = if self.outside { 0 } else { self.random_below(live.len().max(1) as u64) as usize };
        let mut memos = vec![0; live.len()];
        let mut patience = Patience::new();
        loop {
            self.guard_all(&ids);
            for k in 0..live.len() {
                let i = (first + k) % live.len();
                let (arm, target, method, args) = live[i];
                match self.attempt(target, method, args.as_slice(), None) {
                    Outcome::Done(value) => {
                        self.trace_arm(Some(arm as u32), target, method, |e| Came::Done(e.shown(&value)));
                        self.unguard();
                        return answer(arm, value);
                    }
                    Outcome::Raise(kind, text) => {
                        self.trace_arm(Some(arm as u32), target, method, |_| Came::Raised);
                        self.unguard();
                        return Err(self.failed(target, kind, text).into());
                    }
                    Outcome::Wait(memo) => memos[i] = memo,
                    Outcome::Instead { .. } => {}
                }
            }
            if otherwise {
                self.trace_change();
                self.unguard();
                return answer(arms.len(), Value::None);
            }
            if self.in_atomic {
                self.unguard();
                return Err(objects::must_not_wait(self.still(), "this `select`").into());
            }
            let again = is_before(deadline) && !patience.is_over() && !self.terminated();
            if !again || !live.iter().all(|l| self.may_look_again(l.1)) {
                break;
            }
            let versions: Vec<(u32, u32)> = ids.iter().map(|id| (*id, self.version(*id))).collect();
            self.unguard();
            self.look_at_all(&versions, deadline, &mut patience);
        }
        let mut pending: Vec<Pending> = live
            .iter()
            .zip(memos)
            .map(|((_, target, method, args), memo)| Pending {
                target: *target,
                method: *method,
                args: args.as_slice(),
                memo,
            })
            .collect();
        if let Err(error) = self.enlist(&pending, deadline) {
            self.unguard();
            return Err(error.into());
        }
        self.trace_arrival(&pending);
        self.unguard();
        self.trace.arms = live.iter().map(|l| l.0 as u32).collect();
        let waited = self.wait_out(&mut pending, deadline);
        self.trace.arms.clear();
        let (place, value) = waited?;
        match live.get(place) {
            Some((arm, ..)) => answer(*arm, value),
            None => answer(arms.len(), Value::None),
        }
    }

    /// The arms that may ever be ready, with their places.
    pub(in crate::run) fn live_arms<'a>(&self, arms: &'a [Arm]) -> Result<Vec<(usize, ObjRef, u8, &'a Args)>, Halt> {
        let live: Vec<(usize, ObjRef, u8, &Args)> =
            arms.iter().enumerate().filter_map(|(i, a)| a.target.map(|(o, m)| (i, o, m, &a.args))).collect();
        for (_, o, _, _) in &live {
            let options = self.arena.object(o.id, object::OPTIONS).load(Relaxed) as u32;
            if let Some(error) = objects::no_arm(o.kind, options) {
                return Err(error.into());
            }
        }
        Ok(live)
    }
}
