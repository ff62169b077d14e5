//! When invariants are looked at: after every step that changes what they look at, with all
//! others held off for it. It owns those moments for memory, for the ends of blocks and for the
//! first step, and the evaluation of what looks from outside; when objects have been changed,
//! `executor` says, and how others are held off, `gate`.

use super::executor::Executor;
use super::record::{self, BROKEN, Raw};
use super::wait::Halt;
use crate::machine::{Home, Place, Step, Task};
use crate::program::Program;
use crate::program::reads::Reads;
use crate::program::value::{Error, ErrorKind, Looked, Value, undecided};

/// What is seen of an invariant that does not hold.
#[derive(Clone)]
pub(super) struct Broken {
    index: u32,
    values: Vec<(String, String)>,
    /// As [`undecided`] tells it.
    why: Option<(String, Option<u32>)>,
}

impl Executor {
    /// Whether an invariant looks at objects, or may.
    pub(super) fn watches_objects(&self) -> bool {
        self.image.program.invariants.iter().any(|(_, reads)| reads.anything || reads.looks_at_objects())
    }

    /// Whether an invariant looks at this place.
    pub(super) fn watched(&self, place: Place) -> bool {
        let program = &self.image.program;
        program.invariants.iter().any(|(_, reads)| watches(program, reads, place))
    }

    /// At the end of a block: the invariants, if it has changed what they look at.
    pub(super) fn check_block(&mut self) {
        if std::mem::take(&mut self.unchecked) {
            self.check_invariants();
        }
    }

    /// The same with all others held off.
    pub(super) fn look_at_invariants(&mut self) {
        if !self.image.program.invariants.is_empty() {
            self.take_gate(false);
            self.check_invariants();
            self.leave_gate(false);
        }
    }

    /// What is false from the start is so after the first step, whatever that does. That `main`
    /// ends is one too, however it does.
    #[cold]
    pub(super) fn look_first(&mut self) {
        if self.gated && !self.in_atomic {
            self.look_at_invariants();
            self.unlooked = false;
            self.never_held = None;
        }
    }

    /// Before the first step, so that this is not blamed for what was false already.
    #[cold]
    pub(super) fn look_before(&mut self, step: &Step) {
        self.begins = step.is_turn();
        if self.gated && !self.in_atomic && self.never_held.is_none() {
            self.take_gate(false);
            let all = 0..self.program.invariants.len();
            self.never_held = Some(all.filter_map(|index| self.look_at(index).flatten()).collect());
            self.leave_gate(false);
        }
    }

    /// The first step may wait for good, or none may come, and nobody else has made one by now:
    /// what did not hold before it does not hold then.
    #[cold]
    pub(super) fn tell_never_held(&mut self) {
        for broken in self.never_held.take().into_iter().flatten() {
            self.unlooked = false;
            self.report_broken(broken, None);
        }
    }

    fn report_broken(&mut self, broken: Broken, site: Option<u32>) {
        let Broken { index, values, why } = broken;
        let raw = Raw::Invariant { task: self.task, site, index, values, why };
        // Where it stays broken, no later step has broken it. In a session, which goes on
        // for long, it is told again when it has held meanwhile.
        self.report((BROKEN | u64::from(index), 0), raw);
    }

    /// Looks at every invariant from outside. The gate is held.
    pub(super) fn check_invariants(&mut self) {
        if self.image.program.invariants.len() > self.program.invariants.len() {
            self.renew();
        }
        for index in 0..self.program.invariants.len() {
            let Some(seen) = self.look_at(index) else { continue };
            let Some(now) = seen else {
                if self.image.room.grows {
                    record::mended(self.arena, (BROKEN | index as u64, 0), self.holder);
                }
                continue;
            };
            let before = self.never_held.iter().flatten().find(|broken| broken.index == now.index).cloned();
            let site = before.is_none().then_some(self.site);
            self.report_broken(before.unwrap_or(now), site);
        }
    }

    /// What is seen of an invariant, if it does not hold. The gate is held. Without an answer
    /// the task is ended.
    fn look_at(&mut self, index: usize) -> Option<Option<Broken>> {
        let looked = self.look_outside(self.program.invariants[index].0)?;
        if self.terminated() && self.is_to_end() {
            return None;
        }
        if looked == Ok(Value::Bool(true)) {
            return Some(None);
        }
        // One that cannot be worked out does not hold either.
        let why = undecided(&looked, |value| self.shown(value));
        let shown = |cell| self.shown(&self.image.declared_cell(cell).peek(self.holder));
        let values = self.program.invariant_values(index, shown);
        Some(Some(Broken { index: index as u32, values, why }))
    }

    /// Evaluates a function that makes no step of the script; `None` if the task is
    /// ended meanwhile.
    fn look_outside(&mut self, function: u32) -> Option<Looked> {
        let (detect, outside, in_atomic, site) = (self.detect, self.outside, self.in_atomic, self.site);
        (self.detect, self.outside, self.in_atomic) = (false, true, true);
        let mut machine = Task::new(self.program, function, &[], &[]);
        let mut next = None;
        let result = loop {
            let step = match next.take() {
                Some(step) => step,
                None => machine.advance(self.program, self),
            };
            if let Some(error) = step.more_than_a_look(self.program) {
                next = machine.raise(error);
                continue;
            }
            let answer = match step {
                Step::End(value) => break Some(Ok(value)),
                Step::Failed(error) => break Some(Err(error)),
                Step::Access { place, access } => self
                    .cell(place)
                    .map_err(|t| Halt::Error(Error::new(ErrorKind::Type, t)))
                    .and_then(|cell| self.access_cell(cell, &access, 0).map_err(Halt::from)),
                Step::Operate { object, method, args } => self.operate(object, method, args.as_slice()),
                other => self.other_step(&other),
            };
            next = match answer {
                Ok(value) => machine.resume(self.program, value),
                Err(Halt::Error(error)) => machine.raise(error),
                Err(Halt::Terminated) => break None,
            };
        };
        (self.detect, self.outside, self.in_atomic, self.site) = (detect, outside, in_atomic, site);
        result
    }
}

fn watches(program: &Program, reads: &Reads, place: Place) -> bool {
    let Home::Declared = place.home else { return reads.anything || !reads.fields.is_empty() };
    let in_row = |r: &u32| {
        let row = &program.memory_rows[*r as usize];
        (row.first..row.first + row.count).contains(&place.index)
    };
    reads.anything || reads.cells.contains(&place.index) || reads.rows.iter().any(in_row)
}
