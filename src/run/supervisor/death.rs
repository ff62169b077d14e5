//! Burying: what a dead process had half changed is taken back, its tasks are ended, its
//! children are left to others, and the kernel is told that nobody asks for it any more.

use super::*;
use crate::run::arena::{GUARDS, KEEPER_SLOT, NODES, OBJECTS, node};
use crate::run::undo;

impl Supervisor {
    pub(super) fn bury_dead(&mut self) -> bool {
        let mut fds: Vec<PollFd> = self.watched.iter().filter_map(Watched::fd).map(watching).collect();
        let _ = poll(&mut fds, PollTimeout::ZERO);
        let mut ends = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let is_over = |w: &&Watched| w.is_over() || w.fd().is_some() && ends.next().unwrap_or(false);
        let dead: Vec<(usize, i32)> = self.watched.iter().filter(is_over).map(|w| (w.index, w.pid)).collect();
        // With the guard's end the system has killed the others, who may be seen first.
        if !dead.is_empty() && self.lifelines.is_guard_gone() {
            self.guard_was_killed();
        }
        for (index, pid) in &dead {
            self.note_death(*index, *pid);
        }
        // All guards of all the dead first: burying one may need a guard that
        // another of them held.
        let free = |d: &&(usize, i32)| !self.manager_acts_for(d.0);
        let mut buried: Vec<usize> = dead.iter().filter(free).map(|d| d.0).collect();
        buried.iter().for_each(|index| self.revert(*index));
        // Nobody looks at the tasks in one step meanwhile. Who does so now may go on for
        // ever, and must not keep the run from its end.
        if buried.is_empty() || !self.hold_gate() {
            buried.clear();
        }
        if !buried.is_empty() {
            buried.iter().for_each(|index| self.bury(*index));
            self.let_go_of_gate();
            self.wake_the_told();
        }
        self.watched.retain(|w| !buried.contains(&w.index));
        self.buried += buried.len();
        self.reap_own();
        if buried.len() < dead.len() {
            // Those whose descriptors say that they are dead let it sleep no more.
            std::thread::sleep(LATER);
        }
        !buried.is_empty()
    }

    /// A process was found dead. Its signal is kept, and whoever waits for it to let go of
    /// the gate waits no more.
    fn note_death(&self, index: usize, pid: i32) {
        let before = self.arena.process(index, process::STATE).swap(process::DEAD, SeqCst);
        // Nothing is read of one that `reap_own` has taken; it kept the signal.
        let signal = if before == process::DEAD { 0 } else { death_signal(pid) };
        if before == process::EXITED {
            self.arena.process(index, process::SIGNAL).store(0, SeqCst);
        } else {
            self.arena.process(index, process::SIGNAL).fetch_or(signal as u64, SeqCst);
        }
        let holder = self.arena.run_half(run::GATE).load(SeqCst);
        if guard::holder_process(holder) == index {
            break_gate(self.arena, holder);
        }
    }

    /// Takes the gate, if nobody has it, without looking who is in a step: so nobody makes
    /// a block of steps while tasks are buried.
    fn hold_gate(&self) -> bool {
        let own = guard::holder(TASKS_MAX, 0);
        self.arena.run_half(run::GATE).compare_exchange(0, own, SeqCst, SeqCst).is_ok()
    }

    fn let_go_of_gate(&self) {
        let gate = self.arena.run_half(run::GATE);
        gate.store(0, SeqCst);
        if self.arena.run(run::GATE_WAITERS).load(SeqCst) != 0 {
            futex::wake(gate, u32::MAX);
        }
    }

    /// Whether the manager is acting for a task of the dead process.
    fn manager_acts_for(&self, index: usize) -> bool {
        let Some(manager) = (self.arena.run(run::MANAGER).load(SeqCst) as usize).checked_sub(1) else { return false };
        let busy = self.arena.run(run::MANAGER_BUSY).load(SeqCst) as usize;
        busy != 0
            && self.arena.slot(busy - 1, slot::PROCESS).load(SeqCst) as usize == index
            && manager != index
            && is_alive(self.arena.process(manager, process::PID).load(SeqCst) as i32)
    }

    pub(super) fn slots_of(&self, index: usize) -> Vec<usize> {
        (0..self.arena.slots_high())
            .filter(|s| {
                // In this order: a slot that is live says whose it is.
                !matches!(self.arena.slot(*s, slot::STATE).load(SeqCst), state::FREE | state::ENDED)
                    && self.arena.slot(*s, slot::PROCESS).load(Relaxed) as usize == index
            })
            .collect()
    }

    /// Takes back what a dead process had half changed, and its guards.
    fn revert(&self, index: usize) {
        let mut slots = self.slots_of(index);
        if self.arena.run(run::MANAGER).load(SeqCst) as usize == index + 1 {
            let busy = self.arena.run(run::MANAGER_BUSY).load(SeqCst) as usize;
            slots.extend(busy.checked_sub(1));
        }
        if self.arena.process(index, process::KIND).load(SeqCst) == process::KEEPER {
            slots.push(KEEPER_SLOT);
        }
        for slot in slots {
            revert_slot(self.arena, slot, index);
            // Who has the gate waits for it no more.
            self.arena.slot(slot, slot::IN_STEP).store(0, SeqCst);
        }
        if self.arena.run(run::MANAGER).load(SeqCst) as usize == index + 1 {
            // The client, who waits for this, goes on in its slot.
            self.arena.run(run::MANAGER_BUSY).store(0, SeqCst);
        }
        for slot in (0..self.arena.slots_high()).chain([TASKS_MAX, KEEPER_SLOT]) {
            break_guards(self.arena, guard::holder(slot, index));
        }
    }

    /// The signal that ended a process, or none: 0.
    pub(super) fn signal_of(&self, index: usize) -> i64 {
        (self.arena.process(index, process::SIGNAL).load(SeqCst) & !process::STRUCK) as i64
    }

    fn bury(&mut self, index: usize) {
        let code = self.arena.process(index, process::EXIT_CODE).load(SeqCst) as i64;
        let signal = self.signal_of(index);
        let kind = self.arena.process(index, process::KIND).load(SeqCst);
        if kind == process::MANAGER {
            self.wake_clients();
            return;
        }
        if kind == process::KEEPER {
            self.arena.run(run::FINALLY_DONE).store(1, SeqCst);
            return;
        }
        let struck = self.arena.process(index, process::SIGNAL).load(SeqCst) & process::STRUCK != 0;
        if let Some(fault) = proc::FAULTS.iter().find(|f| **f as i64 == signal && !struck) {
            self.fail(format!("conc itself failed in one of the script's processes ({fault})"));
        }
        if signal != 0 && !replay::is_turn_to_end(self.image, index) {
            self.fail("a process of the script was killed from outside, and the schedule has no such turn".to_string());
        }
        let (how, number) = if signal != 0 { (ending::SIGNALLED, signal) } else { (ending::EXITED, code) };
        // As long as its handle is its own.
        for child in self.children_of(index) {
            self.leave_child(child, signal);
        }
        self.bury_tasks(index, how, number);
        let parent = self.arena.process(index, process::PARENT).load(SeqCst) as usize;
        if let Some(siblings) = self.children.get_mut(&parent) {
            siblings.remove(&index);
        }
    }

    /// What becomes of a process whose parent has died, by that signal or by
    /// itself.
    pub(super) fn leave_child(&self, child: usize, signal: i64) {
        let word = |w: usize| self.arena.process(child, w).load(SeqCst);
        if word(process::STATE) == process::DEAD {
            return;
        }
        match word(process::KIND) {
            // Each such end is a turn of its own.
            process::SPAWNED | process::WORKER if self.image.options.replay.is_some() => {}
            process::SPAWNED | process::WORKER => proc::send(word(process::PID) as i32, Signal::SIGKILL),
            process::FORKED if signal != 0 => {
                let parent = self.arena.process(word(process::PARENT) as usize, process::TASK).load(SeqCst);
                let task = word(process::TASK);
                // Whose end was told has noted its children.
                let told = (task | parent) & process::TOLD != 0;
                let left = |child| !finish::has_ended(self.arena, child) && record::is_left_now(self.arena, child);
                if task != 0 && parent != 0 && !told && left(task as u32 - 1) {
                    let raw = Raw::Orphan { child: task as u32 - 1, parent: parent as u32 - 1 };
                    let key = record::child_key(self.arena, &raw);
                    record::add(self.arena, key, (raw, u64::MAX), guard::holder(TASKS_MAX, 0));
                }
            }
            _ => {}
        }
    }

    /// The processes that a dead one had made. Those that it made last may not
    /// have been seen yet; it makes no further ones.
    fn children_of(&mut self, parent: usize) -> Vec<usize> {
        let mut children = self.children.remove(&parent).unwrap_or_default();
        let unseen = self.pending.keys().copied().chain(self.known..self.arena.processes());
        children.extend(
            unseen.filter(|c| self.arena.process(*c, process::PARENT).load(SeqCst) as usize == parent && *c != parent),
        );
        children.into_iter().collect()
    }

    fn bury_tasks(&mut self, index: usize, how: u64, number: i64) {
        // A process that told its end by itself ended its threads, though it may have been
        // killed on its way out.
        let task = self.arena.process(index, process::TASK).load(SeqCst);
        let ended = task != 0 && (task & process::TOLD != 0 || finish::has_ended(self.arena, task as u32 - 1));
        let how = if ended { ending::TERMINATED } else { how };
        let mut slots = self.slots_of(index);
        // Whoever waits for the end of the process waits for its first task.
        let first = (task & !process::TOLD).wrapping_sub(1);
        slots.sort_by_key(|slot| self.arena.slot(*slot, slot::TASK).load(SeqCst) == first);
        for slot in slots {
            let task = self.arena.slot(slot, slot::TASK).load(SeqCst) as u32;
            let process = self.arena.facts(task, facts::FLAGS).load(Relaxed) & flag::PROCESS != 0;
            // The threads around it were ended with their process.
            let how = if process || how == ending::SIGNALLED { how } else { ending::TERMINATED };
            let mut executor = Executor::new(self.image, self.home.clone(), slot, task);
            executor.supervising = true;
            // The supervisor has the gate.
            executor.gated = false;
            executor.bury(how, number);
            executor.tell_awaiting();
        }
    }

    /// The manager is gone: who waits at its queues is told.
    fn wake_clients(&self) {
        self.wake_waiting(|_| true);
    }

    /// Who has changed an object notes whom that concerns, lets go of it, and wakes them:
    /// one that dies in between has not woken all. Nor those who sleep for the run's own
    /// locks. Who is woken without need sleeps again.
    fn wake_the_told(&self) {
        self.wake_waiting(|slot| self.is_told(slot));
        for word in [run::SLOTS_GUARD, run::PRINT_GUARD] {
            futex::wake(self.arena.run_half(word), u32::MAX);
        }
    }

    /// Whether a task that waits has been told to try again, or may have been.
    pub(super) fn is_told(&self, slot: usize) -> bool {
        let word = |w: usize| self.arena.slot(slot, w).load(SeqCst);
        let arms = word(slot::NODE_COUNT) as usize;
        let mut signals = (0..arms.min(NODES)).map(|arm| word(slot::NODE + arm * slot::NODE_WORDS + node::SIGNALLED));
        word(slot::FIRED) != 0 || arms > NODES || signals.any(|signal| signal != 0)
    }

    fn wake_waiting(&self, which: impl Fn(usize) -> bool) {
        for slot in 0..self.arena.slots_high() {
            let waits = matches!(self.arena.slot(slot, slot::STATE).load(SeqCst), state::WAITING | state::TIMED);
            if waits && which(slot) {
                let (park, _) = self.arena.park(slot);
                park.store(1, SeqCst);
                futex::wake(park, 1);
            }
        }
    }

    fn guard_was_killed(&mut self) {
        self.fail("the process that guards the others was killed".to_string());
    }

    /// The supervisor's own children: the first process, the manager, the
    /// guard, and orphans, for it takes init's part.
    fn reap_own(&mut self) {
        while let Ok(status) = waitpid(self.group(), Some(WaitPidFlag::WNOHANG)) {
            let pid = match status {
                WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _) => pid,
                WaitStatus::StillAlive => return,
                _ => continue,
            };
            if pid == self.guard {
                self.guard_was_killed();
            }
            let watched = self.watched.iter_mut().find(|w| w.pid == pid.as_raw());
            let word = |index: usize, word: usize| self.arena.process(index, word);
            // An orphan may have been made since the last look; its number is nobody else's
            // up to here.
            let is_it = |index: &usize| word(*index, process::PID).load(SeqCst) as i32 == pid.as_raw();
            let new = || self.pending.keys().copied().chain(self.known..self.arena.processes()).find(is_it);
            if let (WaitStatus::Signaled(_, signal, _), Some(index)) =
                (status, watched.as_ref().map(|w| w.index).or_else(new))
            {
                word(index, process::SIGNAL).fetch_or(signal as u64, SeqCst);
            }
            if let Some(w) = watched {
                w.end = End::Seen;
            }
        }
    }
}

impl Executor {
    /// Acts for a task whose process is dead: takes it out of what it waited
    /// for, says what it held, and ends it. Its changes were taken back.
    fn bury(&mut self, how: u64, number: i64) {
        if self.slot_word(slot::STATE).load(SeqCst) == state::AWAITING {
            self.arena.run(run::AWAITING).fetch_sub(1, SeqCst);
        }
        self.withdraw();
        self.site = self.slot_word(slot::PC).load(Relaxed) as u32;
        let told = self.flags() & flag::TOLD != 0;
        if told || finish::has_ended(self.arena, self.task) {
            // It had told its end already and was only leaving.
            self.leave_pool();
            if !told {
                self.let_go_of_self();
            }
            return slots::leave_slot(self.arena, self.slot);
        }
        self.finish(&Ended { ending: how, code: number, result: Value::None });
    }
}

/// Takes back what a task had changed under guards that it still holds.
pub fn revert_slot(arena: &'static Arena, slot: usize, process: usize) {
    undo::take_back(arena, slot);
    let guards = arena.slot(slot, slot::GUARD_COUNT).load(SeqCst) as usize;
    let named = (0..guards.min(GUARDS)).map(|i| arena.slot(slot, slot::GUARD + i).load(SeqCst));
    // Of more than a slot can name, all objects are asked whose they are.
    let all = if guards > GUARDS { arena.run(run::OBJECTS_NEXT).load(SeqCst) } else { 0 };
    for id in named.chain(1..=all.min(OBJECTS as u64)) {
        if id == 0 || arena.object_at(id as u32 - 1) == 0 {
            continue;
        }
        let is_its = |guard: &AtomicU32| {
            let held = guard.load(SeqCst);
            held != 0 && guard::holder_slot(held) == slot
        };
        let (guard, version) = arena.guard(id as u32 - 1);
        let whole = is_its(guard);
        if let Some(ends) = Ends::of(arena, arena.object_words(arena.object_at(id as u32 - 1))) {
            ends.revert(is_its, whole);
        }
        if whole {
            version.fetch_add(1, SeqCst);
            guard.store(0, SeqCst);
        }
    }
    arena.slot(slot, slot::GUARD_COUNT).store(0, SeqCst);
    let cell = arena.slot(slot, slot::CELL).load(SeqCst) as usize;
    if cell != 0 {
        super::super::cell::break_guard(arena, cell, guard::holder(slot, process));
    }
}

/// Takes the gate from a dead holder. What that did within `atomically` comes before whoever
/// has the gate next.
fn break_gate(arena: &Arena, holder: u32) {
    let gate = arena.run_half(run::GATE);
    if gate.load(SeqCst) != holder {
        return;
    }
    let clock = TaskClock::new(arena, guard::holder_slot(holder));
    let _ = clock.release(arena.run(run::ATOMIC_CLOCK), true, Strength::Order, guard::holder(TASKS_MAX, 0));
    if gate.compare_exchange(holder, 0, SeqCst, SeqCst).is_ok() {
        futex::wake(gate, u32::MAX);
    }
}

/// Lets go of the guards and locks of the run's own that a dead holder had.
fn break_guards(arena: &Arena, holder: u32) {
    arena.heap().break_guard(holder);
    break_gate(arena, holder);
    for word in [run::FINDINGS_GUARD, run::ENDED_GUARD] {
        let _ = arena.run_half(word).compare_exchange(holder, 0, SeqCst, SeqCst);
    }
    for word in [run::SLOTS_GUARD, run::PRINT_GUARD] {
        let half = arena.run_half(word);
        if half.compare_exchange(holder, 0, SeqCst, SeqCst).is_ok() {
            futex::wake(half, u32::MAX);
        }
    }
}

/// The signal that ended a process which its parent has not reaped yet; 0 if
/// none did. From the last fields of its status in the kernel's table.
fn death_signal(pid: i32) -> i32 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0 };
    // The last field is the status as `wait` gives it; the name may hold
    // anything, so the fields are counted from the end.
    let code = stat.split_whitespace().next_back().and_then(|f| f.parse::<i32>().ok()).unwrap_or(0);
    code & 0x7f
}

/// Whether a process is there and not just waiting to be reaped.
pub fn is_alive(pid: i32) -> bool {
    let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat,
        // Where there is no room to look, the kernel is asked whether the number is anybody's.
        Err(_) => return nix::sys::signal::kill(Pid::from_raw(pid), None) != Err(nix::Error::ESRCH),
    };
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    !matches!(state, Some("Z" | "X") | None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// More guards than the slot names are let go of too, and nobody else's.
    #[test]
    fn all_guards_of_a_dead_task_are_let_go_of() {
        let arena: &'static Arena = Box::leak(Box::new(Arena::new(4 << 20).unwrap()));
        let (dead, other) = (guard::holder(5, 2), guard::holder(6, 2));
        let count = 2 * GUARDS as u32;
        let first = arena.reserve_objects(count).unwrap();
        for id in first..first + count {
            arena.make_object(id, 0, [0; crate::objects::WORDS], 0, 1).unwrap();
            arena.guard(id).0.store(if id % 3 == 0 { other } else { dead }, SeqCst);
        }
        arena.slot(5, slot::GUARD_COUNT).store(u64::from(count), SeqCst);
        revert_slot(arena, 5, 2);
        let held: Vec<u32> = (first..first + count).filter(|id| arena.guard(*id).0.load(SeqCst) != 0).collect();
        assert_eq!(held, (first..first + count).filter(|id| id % 3 == 0).collect::<Vec<_>>());
    }
}
