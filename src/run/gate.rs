//! The gate that `atomically`, `await` and `invariant` need: one task goes on
//! and no other makes a step. Scripts without these never touch it.
//!
//! A step is entered by raising a flag in the task's own slot and looking at
//! the gate; the gate is taken by setting it and waiting until no flag is up.
//! Both sides write before they read, sequentially consistent, so at least one
//! of the two sees the other (Dekker).

use super::arena::{run, slot, state};
use super::executor::Executor;
use super::futex;
use super::wait::{Halt, Woken};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// How often, and for how long, who takes the gate leaves it to others.
const WAY_EVERY_NS: u64 = 1_000_000;
const WAY: Duration = Duration::from_micros(100);

impl Executor {
    #[inline]
    pub(super) fn enter_step(&mut self) {
        if self.gated && !self.in_atomic {
            self.enter_step_gated();
        }
    }

    fn enter_step_gated(&self) {
        let gate = self.arena.run_half(run::GATE);
        loop {
            self.slot_word(slot::IN_STEP).store(1, SeqCst);
            if gate.load(SeqCst) == 0 {
                return;
            }
            self.slot_word(slot::IN_STEP).store(0, SeqCst);
            self.await_gate();
        }
    }

    #[inline]
    pub(super) fn leave_step(&mut self) {
        if self.gated && !self.in_atomic {
            self.slot_word(slot::IN_STEP).store(0, SeqCst);
        }
    }

    fn await_gate(&self) {
        let gate = self.arena.run_half(run::GATE);
        let waiters = self.arena.run(run::GATE_WAITERS);
        waiters.fetch_add(1, SeqCst);
        let found = gate.load(SeqCst);
        if found != 0 {
            self.home.gil_pause(|| futex::wait(gate, found, None));
        }
        waiters.fetch_sub(1, SeqCst);
        // Who has the gate may be ending this process.
        self.stand_still_if_halted();
    }

    /// Who takes the gate again and again would have taken it before those whom it woke come to
    /// look: where somebody waits it leaves them a moment from time to time.
    fn give_way(&mut self) {
        if self.arena.run(run::GATE_WAITERS).load(SeqCst) == 0 || self.replay.on {
            return;
        }
        let now = futex::now_ns();
        if now >= self.way_due {
            self.way_due = now + WAY_EVERY_NS;
            self.home.gil_pause(|| std::thread::sleep(WAY));
        }
    }

    /// From here on no other task makes a step.
    /// With `order`, the `atomically` block before comes before this one.
    pub(super) fn take_gate(&mut self, order: bool) {
        self.give_way();
        let gate = self.arena.run_half(run::GATE);
        while gate.compare_exchange(0, self.holder, SeqCst, SeqCst).is_err() {
            self.await_gate();
        }
        self.in_atomic = true;
        for slot in (0..self.arena.slots_high()).filter(|s| *s != self.slot) {
            while self.arena.slot(slot, slot::IN_STEP).load(SeqCst) != 0 {
                std::thread::yield_now();
            }
        }
        if order && self.detect && !self.outside {
            self.clock().acquire(self.arena.run(run::ATOMIC_CLOCK));
        }
    }

    pub(super) fn leave_gate(&mut self, order: bool) {
        if order && self.detect && !self.outside {
            let place = self.arena.run(run::ATOMIC_CLOCK);
            let result = self.clock().release(place, true, super::clock::Strength::Order, self.holder);
            self.check_memory(result);
        }
        self.in_atomic = false;
        self.arena.run_half(run::GATE).store(0, SeqCst);
        if self.arena.run(run::GATE_WAITERS).load(SeqCst) != 0 {
            futex::wake(self.arena.run_half(run::GATE), u32::MAX);
        }
    }

    /// Something that an `await` or an invariant may look at has changed. What a block changes is
    /// told at its end: before, nobody else can look. To look changes nothing, so those who
    /// look do not wake each other for ever.
    #[inline(never)]
    pub(super) fn changed(&mut self) {
        if self.in_atomic {
            self.stirred = true;
            self.unchecked |= !self.outside && self.watches_objects();
        } else {
            self.tell_awaiting();
        }
    }

    /// What the block under way has changed in objects.
    pub(super) fn tell_stirred(&mut self) {
        if std::mem::take(&mut self.stirred) {
            self.tell_awaiting();
        }
    }

    pub(super) fn tell_awaiting(&self) {
        if self.arena.run(run::AWAITING).load(SeqCst) == 0 {
            return;
        }
        for slot in 0..self.arena.slots_high() {
            if self.arena.slot(slot, slot::STATE).load(SeqCst) == state::AWAITING {
                self.unpark(slot);
            }
        }
    }

    /// The look came out false: lets go of the gate and sleeps until something
    /// has changed.
    pub(super) fn await_change(&mut self, site: u32, nested: bool) -> Result<(), Halt> {
        self.arena.park(self.slot).0.store(0, SeqCst);
        self.trace_forget();
        self.slot_word(slot::AWAIT).store(u64::from(site) + 1, SeqCst);
        self.arena.run(run::AWAITING).fetch_add(1, SeqCst);
        if self.unlooked {
            self.tell_never_held();
        }
        self.enter_state(state::AWAITING);
        // In an `atomically` the look is part of the block, and the block
        // after it comes after the look.
        self.leave_gate(nested);
        let woken = if self.replay.on { self.await_turn(nested) } else { self.park(None) };
        // In this order: whoever is killed between is counted once too often, which wakes more,
        // and not once too little.
        self.enter_state(state::RUNNING);
        self.arena.run(run::AWAITING).fetch_sub(1, SeqCst);
        self.slot_word(slot::AWAIT).store(0, Relaxed);
        if woken == Woken::Terminated { Err(Halt::Terminated) } else { Ok(()) }
    }
}
