//! The slots of tasks: taken by a new one, and kept back for the clock of the last one. What
//! stands in a slot is in `arena`, its clock in `clock`.

use super::arena::{Arena, TASKS_MAX, facts, flag, object, run, slot, state};
use super::clock::TaskClock;
use super::guard;
use super::spawn::{Birth, refused};
use crate::objects::task;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// How many ended tasks are kept apart for their clocks at the most.
const KEPT_BACK: usize = 128;

/// How many slots are looked at for one that is free again, and how often one is whether
/// all come after the end of its last task.
const LOOKS: usize = 64;
const CLOCK_LOOKS: usize = 1024;

/// A slot for a new task, with what is known of it, and the clock it begins
/// at. The slot's last owner may have been of a process that is being buried:
/// so a slot is only live once it says whose it is. It is counted before it is
/// live, so that burying it counts down what was counted up.
fn take_slot(arena: &Arena, id: u32, birth: &Birth, holder: u32) -> Option<(usize, u64)> {
    let lock = arena.run_half(run::SLOTS_GUARD);
    guard::sleep_lock(lock, holder);
    let found = find_slot(arena);
    if let Some((slot, _)) = found {
        let words = [
            (slot::TASK, u64::from(id)),
            (slot::FLAGS, birth.flags),
            (slot::PROCESS, birth.process as u64),
            (slot::FUNCTION, u64::from(birth.function)),
            (slot::POOL, birth.pool.map_or(0, |p| u64::from(p) + 1)),
            (slot::PC, u64::from(birth.entry)),
            (slot::FIRED, 0),
            (slot::NODE_COUNT, 0),
            (slot::HELD_COUNT, 0),
            (slot::GUARD_COUNT, 0),
            (slot::UNDO_COUNT, 0),
            (slot::UNDO_MORE, 0),
            (slot::IN_STEP, 0),
            (slot::AWAIT, 0),
            (slot::REPORTED, 0),
            (slot::GATE, 0),
            (slot::NUMBER, arena.facts(id, facts::NUMBER).load(Relaxed)),
        ];
        arena.run_half(run::REPLAY_MOVING).fetch_add(1, SeqCst);
        for (word, value) in words {
            arena.slot(slot, word).store(value, Relaxed);
        }
        arena.run(run::ACTIVE).fetch_add(1, SeqCst);
        if birth.flags & (flag::DAEMON | flag::WORKER) == 0 {
            arena.run(run::LIVE).fetch_add(1, SeqCst);
        }
        arena.slot(slot, slot::STATE).store(state::RUNNING, SeqCst);
        arena.slot(slot, slot::VERSION).fetch_add(1, SeqCst);
        if slot >= arena.slots_high() {
            arena.run(run::SLOTS_HIGH).store(slot as u64 + 1, SeqCst);
        } else {
            let _ = arena.run(run::SLOTS_IDLE).fetch_update(SeqCst, SeqCst, |idle| idle.checked_sub(1));
        }
    }
    guard::let_go(lock);
    found
}

/// The slot of a task that ended is free again once every live task comes
/// after all it did (as in Miri's vector index reuse). When too many are kept
/// back, one is taken all the same: its new task's clock goes on from the old
/// one's, so nothing false is reported, at most something missed.
///
/// Each slot is on pages of its own, which a new process has to be given first: so it
/// looks at no more than some of thousands, and goes on behind them the next time.
fn find_slot(arena: &Arena) -> Option<(usize, u64)> {
    let (high, idle) = (arena.slots_high(), arena.run(run::SLOTS_IDLE).load(SeqCst) as usize);
    let further = (high < TASKS_MAX).then_some((high, 1));
    if idle == 0 && further.is_some() {
        return further;
    }
    let wanted = further.is_none() || idle > KEPT_BACK;
    let first = (arena.run(run::SLOTS_LOOK).load(Relaxed) as usize).min(high);
    let (mut clock_looks, mut spare) = (CLOCK_LOOKS, None);
    for (n, s) in (first..high).chain(0..first).enumerate() {
        if n >= LOOKS && (!wanted || spare.is_some()) {
            arena.run(run::SLOTS_LOOK).store(s as u64, Relaxed);
            break;
        }
        let last = arena.slot(s, slot::FINAL).load(Relaxed);
        let found = match arena.slot(s, slot::STATE).load(Acquire) {
            state::FREE => true,
            state::ENDED if arena.slot(s, slot::HELD_COUNT).load(Relaxed) == 0 => {
                spare = spare.or(Some((s, last + 1)));
                clock_looks > 0 && all_after(arena, s, last, high, &mut clock_looks)
            }
            _ => false,
        };
        if found {
            arena.run(run::SLOTS_LOOK).store(s as u64, Relaxed);
            return Some((s, last + 1));
        }
    }
    spare.filter(|_| wanted).or(further)
}

/// Whether all that live come after the end of a slot's last task; what it looked at
/// is counted down.
fn all_after(arena: &Arena, of: usize, last: u64, high: usize, looks: &mut usize) -> bool {
    (0..high).filter(|s| *s != of).all(|s| {
        *looks = looks.saturating_sub(1);
        matches!(arena.slot(s, slot::STATE).load(Acquire), state::FREE | state::ENDED)
            || TaskClock::new(arena, s).get(of) >= last
    })
}

/// A slot for the new task of a handle, which does not run yet; `parent` is the slot of
/// who made it.
pub fn bear(arena: &Arena, id: u32, birth: &Birth, parent: Option<usize>, holder: u32) -> Result<usize, u64> {
    let (slot, own) = take_slot(arena, id, birth, holder).ok_or(refused::TASKS)?;
    arena.facts(id, facts::SLOT).store(slot as u64, SeqCst);
    arena.object(id, object::BEGAN).store(own, SeqCst);
    let clock = TaskClock::new(arena, slot);
    let parent = parent.map(|slot| TaskClock::new(arena, slot));
    clock.begin(parent, own);
    if let Some(parent) = parent {
        parent.advance();
    }
    Ok(slot)
}

/// What the summary counts one with these flags as: a pool's worker is no task.
fn counters(flags: u64) -> impl Iterator<Item = usize> {
    let kind = if flags & flag::PROCESS != 0 { run::PROCESS_COUNT } else { run::THREADS };
    (flags & flag::WORKER == 0).then_some(run::TASKS).into_iter().chain([kind])
}

pub fn count(arena: &Arena, flags: u64) {
    for counter in counters(flags) {
        arena.run(counter).fetch_add(1, SeqCst);
    }
}

pub fn discount(arena: &Arena, flags: u64) {
    for counter in counters(flags) {
        arena.run(counter).fetch_sub(1, SeqCst);
    }
}

/// A task that was made but never came to run.
pub fn unbear(arena: &Arena, id: u32, slot: usize) {
    let flags = arena.slot(slot, slot::FLAGS).load(Relaxed);
    discount(arena, flags);
    arena.slot(slot, slot::STATE).store(state::FREE, SeqCst);
    arena.run(run::SLOTS_IDLE).fetch_add(1, SeqCst);
    arena.run(run::ACTIVE).fetch_sub(1, SeqCst);
    if flags & (flag::DAEMON | flag::WORKER) == 0 {
        arena.run(run::LIVE).fetch_sub(1, SeqCst);
    }
    arena.facts(id, facts::FLAGS).fetch_or(flag::UNBORN, SeqCst);
    arena.object(id, object::WORD + task::STATE).store(task::ENDED, SeqCst);
}

/// A task that ended leaves its slot, which is kept back for its clock.
pub fn leave_slot(arena: &Arena, slot: usize) {
    let clock = TaskClock::new(arena, slot);
    // Its last deed was a release, after which it counted up.
    arena.slot(slot, slot::FINAL).store(clock.own().saturating_sub(1), Relaxed);
    let flags = arena.slot(slot, slot::FLAGS).load(Relaxed);
    arena.slot(slot, slot::IN_STEP).store(0, SeqCst);
    let old = arena.slot(slot, slot::STATE).swap(state::ENDED, SeqCst);
    arena.slot(slot, slot::VERSION).fetch_add(1, SeqCst);
    arena.run(run::SLOTS_IDLE).fetch_add(1, SeqCst);
    if old == state::RUNNING {
        arena.run(run::ACTIVE).fetch_sub(1, SeqCst);
    }
    if flags & (flag::DAEMON | flag::WORKER) == 0 {
        arena.run(run::LIVE).fetch_sub(1, SeqCst);
    }
}

/// The slot a task has or had, if nobody else has it by now.
pub(super) fn slot_of_ended(arena: &Arena, task: u32) -> Option<usize> {
    let s = arena.facts(task, facts::SLOT).load(SeqCst) as usize;
    (arena.slot(s, slot::TASK).load(SeqCst) == u64::from(task)).then_some(s)
}
