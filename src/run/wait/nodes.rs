//! The lists of those that wait for an object: a node for each arm of a wait, in the order
//! in which they came. Whoever changes the object finds there whom to wake, whom to give a
//! value, and whose wait goes on at another object.

use crate::detect::event::Kind;
use crate::detect::trace::Pick;
use crate::objects::{self, TaskId};
use crate::program::value::Value;
use crate::run::arena::{node, object, slot};
use crate::run::codec;
use crate::run::events::About;
use crate::run::executor::Executor;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

impl Executor {
    /// The offset of this task's node for an arm.
    pub(super) fn node_at(&self, arm: usize) -> usize {
        if arm < crate::run::arena::NODES {
            return self.arena.slot_at(self.slot) + 8 * (slot::NODE + arm * slot::NODE_WORDS);
        }
        let block = self.slot_word(slot::NODE_BLOCK).load(Relaxed) as usize;
        block + 8 * (arm - crate::run::arena::NODES) * slot::NODE_WORDS
    }

    pub(super) fn node(&self, node: usize, word: usize) -> u64 {
        self.arena.at(node + 8 * word).load(Acquire)
    }

    pub(in crate::run) fn node_slot(&self, node: usize) -> usize {
        (self.node(node, node::SLOT) as u32 as usize).saturating_sub(1)
    }

    pub(in crate::run) fn node_task(&self, node: usize) -> TaskId {
        self.arena.slot(self.node_slot(node), slot::TASK).load(Relaxed) as TaskId
    }

    /// Whose it is, as a schedule and a trace have it.
    pub(in crate::run) fn pick_of(&self, node: usize) -> Pick {
        let number = self.arena.slot(self.node_slot(node), slot::NUMBER).load(SeqCst);
        Pick { task: number as u32, arm: (self.node(node, node::SLOT) >> 32) as u32 }
    }

    /// The nodes of other tasks that wait with one of these methods and that
    /// nobody has completed yet, oldest first. The object is guarded.
    pub(in crate::run) fn waiters(&self, id: u32, methods: &[u8]) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = self.at_object(id, object::HEAD).load(Relaxed) as usize;
        while at != 0 {
            let slot = self.node_slot(at);
            let open = slot != self.slot && self.arena.slot(slot, slot::FIRED).load(SeqCst) == 0;
            if open && methods.contains(&(self.node(at, node::METHOD) as u8)) {
                found.push(at);
            }
            at = self.node(at, node::NEXT) as usize;
        }
        found
    }

    /// Who waited with this number does so no more: those that came later have one less.
    pub(in crate::run) fn close_ranks(&mut self, id: u32, method: u8, number: u64) {
        for at in self.waiters(id, &[method]) {
            let theirs = self.node(at, node::MEMO);
            if theirs > number {
                self.change(at + 8 * node::MEMO, theirs - 1);
            }
        }
    }

    pub(super) fn append(&mut self, id: u32, at: usize) {
        let tail = self.arena.object(id, object::TAIL).load(Relaxed) as usize;
        let base = self.arena.object_at(id);
        self.change(at + 8 * node::NEXT, 0);
        self.change(at + 8 * node::PREV, tail as u64);
        if tail == 0 {
            self.change(base + 8 * object::HEAD, at as u64);
        } else {
            self.change(tail + 8 * node::NEXT, at as u64);
        }
        self.change(base + 8 * object::TAIL, at as u64);
    }

    pub(super) fn unlink(&mut self, id: u32, at: usize) {
        let (next, prev) = (self.node(at, node::NEXT), self.node(at, node::PREV));
        let base = self.arena.object_at(id);
        let forward = if prev == 0 { base + 8 * object::HEAD } else { prev as usize + 8 * node::NEXT };
        self.change(forward, next);
        let backward = if next == 0 { base + 8 * object::TAIL } else { next as usize + 8 * node::PREV };
        self.change(backward, prev);
    }

    /// Whether somebody waits with this method who has not been told to try again.
    pub(in crate::run) fn is_awaited(&self, first: usize, method: u8) -> bool {
        let mut at = first;
        while at != 0 {
            if self.node(at, node::METHOD) as u8 == method && self.is_to_be_woken(at) {
                return true;
            }
            at = self.node(at, node::NEXT) as usize;
        }
        false
    }

    fn is_to_be_woken(&self, at: usize) -> bool {
        let slot = self.node_slot(at);
        slot != self.slot && self.node(at, node::SIGNALLED) == 0 && self.arena.slot(slot, slot::FIRED).load(SeqCst) == 0
    }

    #[inline(always)]
    pub(in crate::run) fn wake_waiters(&mut self, id: u32, methods: &[u8], count: u64) {
        let first = self.at_object(id, object::HEAD).load(Relaxed) as usize;
        if first != 0 {
            self.wake_from(first, methods, count);
        }
    }

    #[inline(never)]
    pub(in crate::run) fn wake_from(&mut self, first: usize, methods: &[u8], count: u64) {
        let mut left = count;
        let mut at = first;
        while at != 0 && left > 0 {
            if self.is_to_be_woken(at) && methods.contains(&(self.node(at, node::METHOD) as u8)) {
                self.change(at + 8 * node::SIGNALLED, 1);
                self.wake_later(self.node_slot(at));
                left -= 1;
            }
            at = self.node(at, node::NEXT) as usize;
        }
    }

    /// See `World::meet`. The waiter may wait for something else as well, so
    /// it must be won first.
    pub(in crate::run) fn meet_waiter(&mut self, id: u32, method: u8, give: Value) -> Option<Value> {
        for at in self.in_planned_order(self.waiters(id, &[method]), 1) {
            let slot = self.node_slot(at);
            let arm = self.node(at, node::SLOT) >> 32;
            self.share(&give);
            let Ok(word) = codec::to_word(&give, self.arena.heap(), self.holder) else {
                self.check_memory(Err(crate::run::heap::OutOfMemory));
                return None;
            };
            self.arena.at(at + 8 * node::RESULT).store(word, Relaxed);
            self.lets_go();
            self.trace_wins(true);
            if self.arena.slot(slot, slot::FIRED).compare_exchange(0, arm + 1, SeqCst, SeqCst).is_err() {
                self.lets_not_go();
                self.arena.at(at + 8 * node::RESULT).store(codec::NONE, Relaxed);
                codec::free(word, self.arena.heap(), self.holder);
                self.take_back(&give);
                continue;
            }
            let value = self.arena.value(self.node(at, node::VALUE));
            // Who offers it has it still, and goes on when this object is let go of.
            self.take_share(&value);
            self.trace_pick(at);
            if self.detect {
                let other = crate::run::clock::TaskClock::new(self.arena, slot);
                let mine = self.clock();
                mine.join_task(other);
                other.join_task(mine);
                mine.advance();
                other.advance();
            }
            self.wake_later(slot);
            if self.records() {
                let gives = method != objects::queue::PUT;
                self.note_meeting(id, slot, if gives { &give } else { &value }, gives);
            }
            return Some(value);
        }
        self.trace_wins(false);
        None
    }

    /// A value went over from one task to the other, which stands in its slot
    /// at the place where it waits.
    fn note_meeting(&self, id: u32, slot: usize, value: &Value, gives: bool) {
        let Some(events) = &self.image.events else { return };
        let word = |w: usize| self.arena.slot(slot, w).load(Relaxed) as u32;
        let (own, other) = ((self.task, self.site), (word(slot::TASK), word(slot::PC)));
        let (from, to) = if gives { (own, other) } else { (other, own) };
        let text = self.shown(value);
        events.note(from.0, Kind::Send, About::Object(id), from.1, None, &text);
        events.note(to.0, Kind::Receive, About::Object(id), to.1, None, &text);
    }

    /// See `World::transfer`. Both objects are guarded.
    pub(in crate::run) fn transfer_waiters(&mut self, id: u32, method: u8, count: u64, to: u32, then: u8) -> u64 {
        let mut moved = 0;
        for at in self.in_planned_order(self.waiters(id, &[method]), count) {
            if moved == count {
                break;
            }
            self.unlink(id, at);
            self.change(at + 8 * node::OBJECT, u64::from(to));
            self.change(at + 8 * node::METHOD, u64::from(then));
            self.change(at + 8 * node::SIGNALLED, 0);
            self.append(to, at);
            self.trace_pick(at);
            if self.detect {
                crate::run::clock::TaskClock::new(self.arena, self.node_slot(at)).join_task(self.clock());
            }
            moved += 1;
        }
        if moved > 0 && self.detect {
            self.clock().advance();
        }
        moved
    }
}
