//! The commonest steps, carried out at once while the machine goes on: what
//! they mean is what the long way makes of them (`steps`, `wait`, `cell`), and
//! whatever is not plain goes that way.

use super::arena::object;
use super::codec;
use super::ends::Ends;
use super::executor::Executor;
use super::guard;
use super::wait::Patience;
use super::world::{Guarded, Object};
use crate::machine::{Access, Host};
use crate::objects::{self, End, Outcome};
use crate::program::value::{ObjRef, Value};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

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
        self.write_small(cell, new, pc);
        true
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
    fn operate_alone<T>(&mut self, target: ObjRef, method: u8, args: &[Value], pc: u32) -> Option<T>
    where
        T: From<Value>,
        Tried<T>: From<Outcome>,
    {
        self.at_site(pc);
        self.gives_up = false;
        let object = self.object(target.id);
        match self.try_shortly(target, object, method, args) {
            (Tried::Done(value), _) => {
                self.passing.made += 1;
                Some(value)
            }
            (Tried::Wait, seen) => self.look_for(target, method, args, seen).map(T::from),
            (Tried::Other, _) => None,
        }
    }

    /// One attempt; if it must wait, what it saw.
    #[inline(always)]
    fn try_shortly<T>(&mut self, target: ObjRef, object: Object, method: u8, args: &[Value]) -> (Tried<T>, Seen)
    where
        Tried<T>: From<Outcome>,
    {
        if objects::may_have_ends(target.kind) {
            return self.try_with_ends(target, object, method, args);
        }
        let (tried, version) = self.try_alone(target, object, method, args);
        (tried, Seen { version, place: None })
    }

    /// The same for a kind whose objects may have two ends.
    #[inline(always)]
    fn try_with_ends<T>(&mut self, target: ObjRef, object: Object, method: u8, args: &[Value]) -> (Tried<T>, Seen)
    where
        Tried<T>: From<Outcome>,
    {
        let version = object.version(self.arena).load(Relaxed);
        let (has_ring, ends) = (object.has_ring(), object.ends(self.arena));
        match (ends, objects::end_of(target.kind, method)) {
            (Some(ends), Some((end, others))) => {
                let (tried, place) = self.try_at_end(target.id, object, (ends, end, others), method, args);
                (tried, Seen { version, place })
            }
            // It will never have any.
            (None, _) if has_ring => {
                let (tried, version) = self.try_alone(target, object, method, args);
                (tried, Seen { version, place: None })
            }
            _ => (Tried::Other, Seen { version, place: None }),
        }
    }

    /// One attempt at an end of a queue, by its method and that of those whom it would
    /// wake; if it must wait, what the place says.
    #[inline(always)]
    fn try_at_end<T>(
        &mut self,
        id: u32,
        object: Object,
        (ends, end, others): (Ends, End, u8),
        method: u8,
        args: &[Value],
    ) -> (Tried<T>, Option<(&'static AtomicU64, u64)>)
    where
        Tried<T>: From<Outcome>,
    {
        ends.prefetch(end);
        self.name_guard(id);
        let guard = ends.guard(end);
        guard::spin_lock(guard, self.holder);
        let at = ends.at(end);
        let (state, goes) = at.look(end);
        // Nobody begins or ends to wait while an end is guarded.
        let waiter = object.first_waiter();
        let tried = if goes && waiter != 0 && self.is_awaited(waiter, others) {
            Tried::Other
        } else {
            let mut world = Guarded::at_end(self, id, object, at, goes);
            objects::attempt_at_end(&mut world, id, method, args)
        };
        guard.store(0, Release);
        self.without_guards();
        (tried, Some((at.state(), state)))
    }

    /// One attempt; if it must wait, the object's version then.
    #[inline(always)]
    fn try_alone<T>(&mut self, target: ObjRef, object: Object, method: u8, args: &[Value]) -> (Tried<T>, u32)
    where
        Tried<T>: From<Outcome>,
    {
        object.prefetch_values(self.arena);
        self.guard_one(target.id, object);
        let mut world = Guarded::unchanged(self, target.id, object);
        let tried = objects::attempt_alone(&mut world, target.kind, target.id, method, args);
        let changed = world.is_changed();
        let waits = matches!(tried, Tried::Wait);
        let version = if waits { object.version(self.arena).load(Relaxed) } else { 0 };
        self.unguard_one(object, changed);
        (tried, version)
    }

    /// The same after an attempt that must wait.
    #[inline(never)]
    fn look_for(&mut self, target: ObjRef, method: u8, args: &[Value], mut seen: Seen) -> Option<Value> {
        let mut patience = Patience::new();
        if self.may_look_again(target) {
            let object = self.object(target.id);
            while !patience.is_over() && !self.terminated() {
                let version = object.version(self.arena);
                let as_before = || {
                    version.load(Relaxed) == seen.version
                        && seen.place.is_none_or(|(place, state)| place.load(Relaxed) == state)
                };
                self.look(target.id, as_before, &mut patience);
                match self.try_shortly(target, object, method, args) {
                    (Tried::Done(value), _) => {
                        self.passing.made += 1;
                        return Some(value);
                    }
                    (Tried::Wait, now) => seen = now,
                    (Tried::Other, _) => return None,
                }
            }
        }
        self.patience = Some(patience);
        None
    }
}

/// What an attempt that must wait saw: the object's version, and at an end what its
/// place says.
struct Seen {
    version: u32,
    place: Option<(&'static AtomicU64, u64)>,
}

/// What an attempt came to, as far as it goes on here.
enum Tried<T> {
    Done(T),
    Wait,
    /// An error, say.
    Other,
}

/// An answer that nobody wants is not made.
struct Unwanted;

impl From<Value> for Unwanted {
    #[inline(always)]
    fn from(_: Value) -> Unwanted {
        Unwanted
    }
}

impl From<Outcome> for Tried<Value> {
    #[inline(always)]
    fn from(outcome: Outcome) -> Tried<Value> {
        match outcome {
            Outcome::Done(value) => Tried::Done(value),
            Outcome::Wait(_) => Tried::Wait,
            _ => Tried::Other,
        }
    }
}

impl From<Outcome> for Tried<Unwanted> {
    #[inline(always)]
    fn from(outcome: Outcome) -> Tried<Unwanted> {
        let tried = match &outcome {
            Outcome::Done(_) => Tried::Done(Unwanted),
            Outcome::Wait(_) => Tried::Wait,
            _ => Tried::Other,
        };
        // Mostly there is nothing to give back.
        if let Outcome::Done(Value::None | Value::Bool(_)) = outcome {
            std::mem::forget(outcome);
        }
        tried
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
        self.terminated()
            || self.possession.cluttered
            || self.home.gil_wanted()
            || (self.replay.on && self.goes_round())
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
        self.publish(value);
        self.write_word_now(cell, new, pc)
    }
    #[inline]
    fn tell_now(&mut self, object: ObjRef, method: u8, pc: u32) -> bool {
        // Who is to end does so at the next turn of a loop or the next other
        // step, and so mostly without a lock.
        if self.careful || !objects::alone(object.kind) {
            return false;
        }
        self.operate_alone::<Unwanted>(object, method, &[], pc).is_some()
    }
    #[inline]
    fn operate_now(&mut self, object: ObjRef, method: u8, args: &[Value], pc: u32) -> Option<Value> {
        if self.careful || self.terminated() || !objects::alone(object.kind) || self.is_managed(object) {
            return None;
        }
        self.operate_alone(object, method, args, pc)
    }
}
