//! The commonest steps, carried out at once while the machine goes on: what
//! they mean is what the long way makes of them (`steps`, `wait`, `cell`), and
//! whatever is not plain goes that way.

use super::arena::object;
use super::codec;
use super::executor::Executor;
use super::wait::Patience;
use crate::machine::{Access, Host};
use crate::objects::{self, Outcome};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

impl Executor {
    /// A write of a word that owns no block to a declared place.
    #[inline]
    fn write_word_now(&mut self, cell: u32, new: u64, pc: u32) -> bool {
        // The place was recorded for the read at this site; the write is
        // recorded for itself.
        let (word, seen) = self.quick_place(cell);
        let known = match self.seen_write.get(pc as usize) {
            Some(seen_write) => *seen_write == (seen, self.own()),
            None => !self.detect,
        };
        if known {
            let old = word.swap(new, SeqCst);
            if codec::owns_block(old) {
                self.free_replaced(self.declared_cell(cell), old);
            }
            return true;
        }
        self.at_site(pc);
        let cell = self.declared_cell(cell);
        self.write_small(cell, new, pc).is_ok()
    }

    /// A declared place's value, and what `seen` knows it as.
    #[inline]
    fn quick_place(&self, cell: u32) -> (&'static AtomicU64, usize) {
        let private = self.private_cells[cell as usize];
        let image = self.image;
        if private {
            let at = image.var_at(cell);
            (image.vars.word(at), at | 1)
        } else {
            let at = image.shared_at(cell);
            (self.arena.at(at), at)
        }
    }

    /// An operation that concerns this object alone and waits as long as it
    /// takes. None: it does not go ahead, nothing has changed, and the long way
    /// goes on from here.
    #[inline(always)]
    fn operate_alone<T>(
        &mut self,
        target: ObjRef,
        pc: u32,
        mut attempt: impl FnMut(&mut Self) -> Tried<T>,
    ) -> Option<T> {
        self.at_site(pc);
        self.gives_up = false;
        self.guard_one(target.id);
        let tried = attempt(self);
        let version = self.version(target.id);
        self.unguard_one(target.id);
        match tried {
            Tried::Done(value) => Some(value),
            Tried::Wait => self.look_for(target, version, attempt),
            Tried::Other => None,
        }
    }

    /// The same after an attempt that must wait.
    #[inline(never)]
    fn look_for<T>(
        &mut self,
        target: ObjRef,
        mut version: u32,
        mut attempt: impl FnMut(&mut Self) -> Tried<T>,
    ) -> Option<T> {
        let mut patience = Patience::new();
        if self.may_look_again(target) {
            while !patience.is_over() && !self.terminated() {
                self.look(target.id, version, None, &mut patience);
                self.guard_one(target.id);
                let tried = attempt(self);
                version = self.version(target.id);
                self.unguard_one(target.id);
                match tried {
                    Tried::Done(value) => return Some(value),
                    Tried::Wait => {}
                    Tried::Other => return None,
                }
            }
        }
        self.patience = Some(patience);
        None
    }
}

/// What an attempt came to, as far as it goes on here.
enum Tried<T> {
    Done(T),
    Wait,
    /// An error, say.
    Other,
}

impl<T> Tried<T> {
    /// With a value that nobody wants, none is made.
    #[inline(always)]
    fn of(outcome: Outcome, keep: impl FnOnce(Value) -> T) -> Tried<T> {
        match outcome {
            Outcome::Done(value) => Tried::Done(keep(value)),
            Outcome::Wait(_) => Tried::Wait,
            _ => Tried::Other,
        }
    }
}

impl Host for Executor {
    fn structure(&self, record: u32) -> u32 {
        self.arena.object(record, object::INFO).load(Relaxed) as u32
    }
    fn first_object(&self, record: u32) -> u32 {
        self.arena.object(record, object::INFO2).load(Relaxed) as u32
    }
    #[inline]
    fn interrupted(&self) -> bool {
        self.terminated() || self.home.gil_wanted() || (self.replay.on && self.goes_round())
    }
    #[inline]
    fn read_now(&mut self, cell: u32, pc: u32) -> Option<Value> {
        if self.careful {
            return None;
        }
        let (word, seen) = self.quick_place(cell);
        if !self.detect || self.seen.get(pc as usize) == Some(&(seen, self.own())) {
            let value = word.load(SeqCst);
            if !codec::owns_block(value) {
                return Some(codec::small_value(value));
            }
        }
        self.at_site(pc);
        let cell = self.declared_cell(cell);
        self.access_cell(cell, &Access::Read, pc).ok()
    }
    #[inline]
    fn read_int_now(&mut self, cell: u32, pc: u32) -> Option<i64> {
        if self.careful {
            return None;
        }
        let (word, seen) = self.quick_place(cell);
        super::memory::prefetch_for_write(word);
        let value = codec::int(word.load(SeqCst))?;
        if !self.detect || self.seen.get(pc as usize) == Some(&(seen, self.own())) {
            return Some(value);
        }
        self.at_site(pc);
        let cell = self.declared_cell(cell);
        self.read_int(&cell, pc)
    }
    #[inline]
    fn write_int_now(&mut self, cell: u32, value: i64, pc: u32) -> bool {
        let Some(new) = codec::int_word(value).filter(|_| !self.careful) else { return false };
        self.write_word_now(cell, new, pc)
    }
    #[inline]
    fn write_now(&mut self, cell: u32, value: &Value, pc: u32) -> bool {
        if self.careful {
            return false;
        }
        let Some(new) = codec::small(value) else { return false };
        self.write_word_now(cell, new, pc)
    }
    #[inline]
    fn tell_now(&mut self, object: ObjRef, method: u8, pc: u32) -> bool {
        // Who is to end does so at the next turn of a loop or the next other
        // step, and so mostly without a lock.
        if self.careful || !objects::alone(object.kind) {
            return false;
        }
        let attempt = |e: &mut Self| Tried::of(objects::attempt_alone(e, object.kind, object.id, method, &[]), drop);
        self.operate_alone(object, pc, attempt).is_some()
    }
    #[inline]
    fn operate_now(&mut self, object: ObjRef, method: u8, args: &[Value], pc: u32) -> Option<Value> {
        if self.careful || self.terminated() || !objects::alone(object.kind) || self.via_manager(object) {
            return None;
        }
        self.operate_alone(object, pc, |e| {
            Tried::of(objects::attempt_alone(e, object.kind, object.id, method, args), |value| value)
        })
    }
}
