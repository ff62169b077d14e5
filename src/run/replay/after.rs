//! What tasks do after the last turn of a schedule: who would wait does so, and who would
//! go on stays where it is, so that what is seen then is what the schedule leads to.

use super::Pass;
use crate::machine::{Access, Step};
use crate::objects::{self, KINDS, Need, Outcome, task};
use crate::program::kind::Update;
use crate::program::value::{ObjRef, Value};
use crate::run::executor::Executor;
use crate::run::wait::{Pending, Woken};

impl Executor {
    /// There is no turn for this step any more. What would wait now does, so
    /// that it is seen that it does; what would go ahead stays where it is.
    pub(super) fn after_the_end(&mut self, step: &Step) {
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
            Step::Join { targets, timeout } => self.wait_for_ends(targets.as_slice(), timeout.is_some()),
            Step::JoinAll { timeout } => self.wait_for_ends(&self.spawned.clone(), timeout.is_some()),
            Step::Wait(pid) => {
                let children = self.forked_children(*pid);
                let all: Vec<_> = children.iter().map(|c| (c.task, task::JOIN, &[Value::None][..])).collect();
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
        self.look_once_more();
    }

    /// It waits for the first of them.
    fn wait_for_ends(&mut self, targets: &[ObjRef], timed: bool) -> ! {
        let told = [objects::joined_as_well(targets)];
        let first = targets.first().map(|t| (*t, objects::join_method(t.kind), &told[..]));
        self.wait_for_good(first.as_slice(), timed)
    }

    /// An `await` does when all is over, without leaving a trace.
    fn look_once_more(&mut self) {
        self.replay.last_look = true;
        self.detect = false;
    }

    pub(super) fn look_for_the_last_time(&mut self, step: &Step) {
        let looks = match step {
            Step::Access { access: Access::Read | Access::Update(Update::Load, ..), .. } => true,
            Step::Operate { object, method, args } => {
                let looks = KINDS[object.kind as usize].methods[*method as usize].looks;
                looks || self.in_atomic && self.changes_nothing(*object, *method, args.as_slice())
            }
            // One that fails is no more than a look.
            Step::Access { place, access: Access::Update(Update::Cas, old, _) } if self.in_atomic => {
                let there =
                    self.cell(*place).ok().and_then(|cell| self.access_cell(cell, &Access::Read, self.site).ok());
                there.is_some_and(|there| there != *old)
            }
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

    /// Whether an attempt at this within a look is in vain. If not, what it changed is taken back,
    /// and its guards are let go of: the task stays where it is.
    fn changes_nothing(&mut self, target: ObjRef, method: u8, args: &[Value]) -> bool {
        self.guard_target(target);
        let _ = self.attempt(target, method, args, None);
        if self.undone == 0 {
            self.unguard();
            return true;
        }
        crate::run::supervisor::revert_slot(self.arena, self.slot, self.process);
        false
    }

    /// The look came out false: the task awaits a change until its next turn. `nested`: the
    /// look begins a block, which is one turn with it.
    pub(in crate::run) fn await_turn(&mut self, nested: bool) -> Woken {
        if self.replay.last_look {
            self.hold();
        }
        match self.gate_where_it_stood() {
            Pass::Stop => return Woken::Terminated,
            // What it looks at may have changed since.
            Pass::Over => self.look_once_more(),
            Pass::Go | Pass::Fired => self.replay.granted = !nested,
        }
        Woken::Again
    }

    /// Waits with no turn left in which it could end, if it has to wait.
    pub(super) fn wait_for_good(&mut self, wanted: &[(ObjRef, u8, &[Value])], timed: bool) -> ! {
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
                crate::run::supervisor::revert_slot(self.arena, self.slot, self.process);
                self.hold();
            };
            pending.push(Pending { target: *target, method: *method, args, memo });
        }
        let _ = self.enlist(&pending, None);
        self.unguard();
        self.hold()
    }
}
