//! One transition: who makes it, the ways it takes, and carrying it out before
//! anything of it is kept. What it does, `step` says; where it is kept, `memo`.

use super::finding;
use super::memo::{Leaf, Rare};
use super::moves::{Content, Look, Move, Unkept};
use super::part::*;
use super::step::Ran;
use super::waits;
use crate::machine::{Step, Task};
use crate::objects::TaskId;
use std::hash::BuildHasher;

/// Who makes a transition, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mover {
    /// A task goes on.
    Task,
    /// A thread that was told to stops.
    Stop,
    /// A process ends with all its tasks.
    Bury,
    /// A task's end, which goes with the transition before it. What it comes to
    /// depends on who is left, and what comes before it on values: kept together, there
    /// would be one for each of the one with each of the other.
    End,
}

impl Mover {
    /// Who may make a transition of an actor.
    pub fn of(activity: Activity) -> &'static [Mover] {
        match activity {
            Activity::None => &[],
            Activity::Task => &[Mover::Task],
            Activity::Stopping => &[Mover::Task, Mover::Stop],
            Activity::Dying => &[Mover::Bury],
        }
    }
}

/// So many ways through one step are gone through, and what is told of more.
pub const WAYS_MAX: usize = 100_000;
/// What the ways of one step come to may take so much memory. Neither the time nor the
/// memory is looked at before all of them are there.
pub const WAYS_BYTES: usize = 1 << 30;
pub const TOO_MANY_WAYS: &str = "a step with too many choices in it";

/// One transition: whose, and the ways it takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub actor: PartIx,
    pub mover: Mover,
    pub ways: Vec<u32>,
}

/// What a transition came to, before anything of it is kept.
pub struct Carried {
    /// The task that makes it.
    pub actor: PartIx,
    /// What moves, and where it stands: its task, or a process.
    pub own: (PartIx, PartId),
    pub mover: Mover,
    /// Without its writes.
    pub leaf: Leaf,
    pub writes: Vec<(PartIx, Content)>,
    pub looks: Vec<Look>,
    pub long: bool,
    /// It needs what the exploration does not have yet.
    pub beyond: bool,
}

impl Carried {
    /// About how much memory takes what is new.
    pub fn bytes(&self) -> usize {
        let new = self.writes.iter().filter_map(|(_, content)| match content {
            Content::New(_, part) => Some(bytes(part)),
            Content::Known(_) => None,
        });
        new.fold(0, usize::saturating_add)
    }
}

/// Makes a transition of what stands there in this part.
pub fn carry_out(mut m: Move, own: (PartIx, PartId), mover: Mover) -> Carried {
    let before = m.keep();
    m.apart = true;
    let ran = run(&mut m, mover);
    let (progress, ends, vain, cut) = (m.progress, m.ends, m.vain, m.cut);
    let long = m.took_long();
    // What it waits for is seen in the state that it was in: what it did
    // until it could not go ahead has not happened.
    let needs = if ran == Ran::Blocked {
        m.restore(before);
        waits::needs(&m)
    } else {
        Vec::new()
    };
    let (beyond, program) = (m.is_beyond(), m.program);
    let actor = m.task_ix(m.me);
    let Unkept { writes, looks, events, long: lengthy, .. } = m.close_unkept();
    let (leaf, writes) = match ran {
        Ran::Blocked => {
            let rare = Rare { cut, needs, ..Rare::default() };
            (Leaf { blocked: true, rare, ..Leaf::default() }, Vec::new())
        }
        Ran::Went { alone } => {
            let rare = Rare { cut, needs, events: finding::each_once(program, events) };
            (Leaf { alone, progress, ends, vain, rare, ..Leaf::default() }, writes)
        }
    };
    Carried { actor, own, mover, leaf, writes, looks, long: long || lengthy, beyond }
}

/// Whether tasks are behind a transition where they have not been before, since
/// parts have their numbers in the order in which they were met. A circle has a
/// transition of which this is not so.
pub fn goes_on(space: &Space, looks: &[Look], writes: &[(PartIx, PartId)]) -> bool {
    let mut tasks = writes.iter().filter(|w| matches!(space.key(w.0), Key::Task(_))).peekable();
    tasks.peek().is_some() && tasks.all(|(ix, part)| Look::seen_at(looks, *ix).is_some_and(|id| id < *part))
}

/// What stands for who waits, how, and for objects that stand how: whose the lock is that
/// somebody waits for makes a difference.
pub fn waiting_key(blocked: &[PartId], objects: &[PartId]) -> u64 {
    rustc_hash::FxBuildHasher.hash_one((1u8, blocked, objects))
}

/// The objects that a task waits for, wherever it stands.
pub fn each_waited_for(part: &Part, each: &mut dyn FnMut(Key)) {
    let Part::Task(task) = part else { return };
    match &task.at {
        At::Operate { op, .. } => each(Key::Object(op.target.id)),
        At::Select { arms, .. } => arms.iter().for_each(|(_, arm)| each(Key::Object(arm.target.id))),
        At::Step(step) => match &**step {
            Step::Operate { object, .. } => each(Key::Object(object.id)),
            Step::Select { arms, .. } => {
                arms.iter().filter_map(|arm| arm.target).for_each(|(object, _)| each(Key::Object(object.id)));
            }
            _ => {}
        },
        _ => {}
    }
}

/// By whom the transitions are made of what stands at a place.
pub fn actor(key: Key, main: TaskId) -> TaskId {
    match key {
        Key::Task(t) | Key::Process(t) => t,
        _ => main,
    }
}

/// The next ways, as one counts; whether there are more.
pub fn next_ways(ways: &mut Vec<u32>, widths: &[u32]) -> bool {
    while let Some(last) = ways.pop() {
        if last + 1 < widths[ways.len()] {
            ways.push(last + 1);
            return true;
        }
    }
    false
}

pub fn memo_of(mover: Mover) -> usize {
    match mover {
        Mover::Task => 0,
        Mover::Stop => 1,
        Mover::Bury => 2,
        Mover::End => 3,
    }
}

pub fn run(m: &mut Move, mover: Mover) -> Ran {
    if m.log.is_some() && mover != Mover::Task {
        // Ends from outside are one step each.
        let ran = if mover == Mover::Stop {
            // A thread is told of where it stood.
            let stood = m.task(m.me, |t| t.machine.as_ref().map(Task::pc)).flatten();
            let ran = m.stop_thread();
            m.site = stood.unwrap_or(m.site);
            ran
        } else {
            m.bury(m.me)
        };
        m.log_one(true);
        return ran;
    }
    match mover {
        Mover::Task => m.run_task(),
        Mover::Stop => {
            let ran = m.stop_thread();
            m.footprint_clear();
            ran
        }
        Mover::Bury => m.bury(m.me),
        Mover::End => m.run_end(),
    }
}
