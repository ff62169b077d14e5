//! What the first schedules tell about a script: which tasks reach which shared
//! places how often, and how long a schedule is. It owns what counts as an
//! event at a place, and the drawing of the places whose events are
//! interesting in a schedule.

use super::draw::Draw;
use crate::check::explore::Explorer;
use crate::check::memo::Leaf;
use crate::check::moves::Move;
use crate::check::part::{At, Key, Part, PartId, PartIx, TaskPart};
use crate::machine::Step;
use crate::objects::{TaskId, place};
use hashbrown::HashMap;

/// The objects and places in memory that a transition is about: what its first
/// step names, and what it changes. Of an `atomically` and of an `await`, also all
/// that they look at.
pub fn touches<'l>(explorer: &Explorer, part: PartId, leaf: &'l Leaf) -> &'l [PartIx] {
    leaf.touches.get_or_init(|| {
        let space = &explorer.model.space;
        let part = space.part(part);
        let Part::Task(task) = &*part else { return Box::default() };
        let mut all = named(explorer, task);
        if let At::Step(step) | At::Looked { step, .. } = &task.at
            && matches!(**step, Step::AtomicBegin | Step::AwaitBegin { .. })
        {
            let lasts = |ix: &PartIx| match space.key(*ix) {
                Key::Shared(_) | Key::Var { .. } | Key::Field { .. } | Key::VarField { .. } => true,
                Key::Object(id) => explorer.model.program.objects.get(id as usize).is_some(),
                _ => false,
            };
            all.extend((0..space.places() as PartIx).filter(|ix| leaf.reach.may_look_at(*ix)).filter(lasts));
        }
        for (ix, part) in &leaf.writes {
            let changed = match &*space.part(*part) {
                Part::Object(o) => o.kind != place::task,
                // Not if it only lets go of what it reached before.
                Part::Cell(c) => {
                    c.accessors.iter().any(|a| a.0 == task.birth.id) || task.footprint.binary_search(ix).is_err()
                }
                _ => false,
            };
            if changed {
                all.push(*ix);
            }
        }
        all.sort_unstable();
        all.dedup();
        all.into_boxed_slice()
    })
}

/// What the step of a task names, whatever it comes to.
pub fn named_by(explorer: &Explorer, part: PartId) -> Box<[PartIx]> {
    match &*explorer.model.space.part(part) {
        Part::Task(task) => named(explorer, task).into_boxed_slice(),
        _ => Box::default(),
    }
}

/// What the step names at which a task stands.
fn named(explorer: &Explorer, task: &TaskPart) -> Vec<PartIx> {
    let m = Move::new(explorer.model, &[], &[], task.birth.id, task.process);
    let object = |id: TaskId, kind: u8| (kind != place::task).then(|| m.place(Key::Object(id)));
    match &task.at {
        At::Step(step) => match &**step {
            Step::Access { place, .. } => vec![m.cell_ix(*place)],
            Step::Operate { object: o, .. } => object(o.id, o.kind).into_iter().collect(),
            Step::Select { arms, .. } => {
                arms.iter().filter_map(|a| a.target).filter_map(|(o, _)| object(o.id, o.kind)).collect()
            }
            _ => Vec::new(),
        },
        At::Operate { op, .. } => object(op.target.id, op.target.kind).into_iter().collect(),
        At::Select { arms, .. } => arms.iter().filter_map(|(_, op)| object(op.target.id, op.target.kind)).collect(),
        _ => Vec::new(),
    }
}

/// A shared place, and how often each actor reaches it.
pub struct Shared {
    pub ix: PartIx,
    /// Places of one declaration have the same.
    group: u64,
    pub uses: Vec<(PartIx, u32)>,
}

#[derive(Default)]
pub struct Estimate {
    schedules: u64,
    steps_max: u64,
    counts: HashMap<(PartIx, PartIx), u64, rustc_hash::FxBuildHasher>,
    shared: Vec<Shared>,
    parents: HashMap<PartIx, Option<PartIx>, rustc_hash::FxBuildHasher>,
    groups: HashMap<PartIx, u64, rustc_hash::FxBuildHasher>,
}

impl Estimate {
    pub fn schedule_ends(&mut self, steps: u64) {
        self.schedules += 1;
        self.steps_max = self.steps_max.max(steps);
    }

    pub fn steps_max(&self) -> u64 {
        self.steps_max
    }

    pub fn places(&self) -> &[Shared] {
        &self.shared
    }

    /// An actor has made a transition about these places.
    pub fn count(&mut self, explorer: &Explorer, actor: PartIx, part: PartId, touches: &[PartIx]) {
        for ix in touches {
            *self.counts.entry((*ix, actor)).or_default() += 1;
            self.groups.entry(*ix).or_insert_with(|| group(explorer, *ix));
        }
        self.parents.entry(actor).or_insert_with(|| match &*explorer.model.space.part(part) {
            Part::Task(task) => task.birth.spawner.map(|s| explorer.model.space.place(Key::Task(s))),
            _ => None,
        });
    }

    /// The means so far of the places that several actors reach, rounded up: who
    /// has an event only now and then must be able to have it.
    pub fn sum_up(&mut self) {
        let mut all: Vec<((PartIx, PartIx), u64)> = self.counts.iter().map(|(k, v)| (*k, *v)).collect();
        all.sort_unstable();
        let schedules = self.schedules.max(1);
        self.shared.clear();
        for uses in all.chunk_by(|a, b| a.0.0 == b.0.0) {
            if uses.len() < 2 {
                continue;
            }
            let ix = uses[0].0.0;
            let mean = |n: u64| n.div_ceil(schedules).max(1) as u32;
            let uses = uses.iter().map(|((_, actor), n)| (*actor, mean(*n))).collect();
            self.shared.push(Shared { ix, group: self.groups.get(&ix).copied().unwrap_or(u64::from(ix)), uses });
        }
    }

    /// Some of the shared places: one, or all of one declaration; at times more.
    pub fn drawn(&self, draw: &mut Draw) -> Vec<usize> {
        let mut chosen = Vec::new();
        let count = self.shared.len() as u64;
        if count == 0 {
            return chosen;
        }
        loop {
            let one = draw.below(count) as usize;
            if draw.below(2) == 0 {
                chosen.push(one);
            } else {
                let group = self.shared[one].group;
                chosen.extend((0..self.shared.len()).filter(|n| self.shared[*n].group == group));
            }
            if draw.below(4) != 0 {
                chosen.sort_unstable();
                chosen.dedup();
                return chosen;
            }
        }
    }

    /// The actor, or of those that made it the nearest one that is there.
    pub fn nearest(&self, actor: PartIx, there: impl Fn(PartIx) -> bool) -> Option<PartIx> {
        let mut at = actor;
        while !there(at) {
            at = self.parents.get(&at).copied().flatten()?;
        }
        Some(at)
    }
}

fn group(explorer: &Explorer, ix: PartIx) -> u64 {
    let declared = |cell: u32| u64::from(explorer.model.program.cells[cell as usize]);
    match explorer.model.space.key(ix) {
        Key::Shared(cell) => 1 << 40 | declared(cell),
        Key::Var { process, cell } => u64::from(process) << 42 | 1 << 41 | declared(cell),
        _ => u64::from(ix),
    }
}
