//! The two ends of a bounded queue: who puts and who takes change no word in
//! common but those of the place they are at, each with a line of the cache of its
//! own, so that the two go on side by side. It owns where a ring with ends has its
//! words, how an end moves, and how who needs all of a queue takes both ends; what
//! an operation means at its end, the queue's transitions say (`objects::queue`).
//!
//! An end has a guard of its own and says at which place it is, in which *lap* of
//! the ring. A place says in which lap it is free or taken: it is written last, by
//! which the value goes over to the other end. So there is nothing to take back if
//! a process is killed in the middle: either the place was written, and its end only
//! stands behind, or it was not.
//!
//! Who holds the object's guard takes both ends too, and has the ring in the object's
//! words, as any other, until it lets go of them. An object gets its ends with the
//! first value, by one word, and keeps them.

use super::arena::{Arena, object, ring};
use super::clock::TaskClock;
use super::guard;
use super::heap::OutOfMemory;
use crate::objects::End;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Rings of more places have one guard: there the ends seldom meet, and lines are
/// many.
const PLACES_MOST: usize = 64;
const _: () = assert!(PLACES_MOST < 1 << LAP);

const LINE: usize = 64;
/// Each end's guard, its position, and how many places there are.
const PUT: usize = 0;
const TAKE: usize = LINE;
const POSITION: usize = 8;
const PLACES: usize = 16;
/// Whether the object's words say how the ring stands.
const HELD: usize = 2 * LINE;

/// A position is a lap and a place in it.
const LAP: u32 = 8;
const PLACE: u64 = (1 << LAP) - 1;

/// The ends of one ring.
#[derive(Clone, Copy)]
pub struct Ends {
    arena: &'static Arena,
    /// The object's words.
    object: &'static [AtomicU64; object::COUNT],
    block: usize,
}

/// An end, guarded, and the place it is at.
#[derive(Clone, Copy)]
pub struct AtEnd {
    position: &'static AtomicU64,
    /// Whether the place is free, and in which lap.
    state: &'static AtomicU64,
    value: &'static AtomicU64,
    clock: &'static AtomicU64,
    at: u64,
    places: u64,
}

/// What a place says that is free in this lap; taken is one more.
fn free(lap: u64) -> u64 {
    2 * lap
}

/// What a place says once the end that was at this position is done with it.
#[inline(always)]
fn handed(end: End, position: u64) -> u64 {
    let lap = position >> LAP;
    if end == End::Put { free(lap) + 1 } else { free(lap + 1) }
}

impl AtEnd {
    /// What the place says now, and whether the end can go on.
    #[inline(always)]
    pub fn look(&self, end: End) -> (u64, bool) {
        let state = self.state.load(Acquire);
        let wanted = free(self.at >> LAP) + u64::from(end == End::Take);
        (state, state == wanted)
    }

    #[inline(always)]
    pub fn value(&self) -> &'static AtomicU64 {
        self.value
    }

    #[inline(always)]
    pub fn clock(&self) -> &'static AtomicU64 {
        self.clock
    }

    #[inline(always)]
    pub fn state(&self) -> &'static AtomicU64 {
        self.state
    }

    /// The place goes over to the other end, and this one goes on to the next.
    #[inline(always)]
    pub fn hand_over(&self, end: End) {
        self.state.store(handed(end, self.at), Release);
        self.position.store(next(self.at, self.places), Relaxed);
    }
}

#[inline(always)]
fn next(position: u64, places: u64) -> u64 {
    let more = position + 1;
    if more & PLACE == places { ((position >> LAP) + 1) << LAP } else { more }
}

impl Ends {
    /// Of the object with these words, if its ring has ends.
    #[inline(always)]
    pub fn of(arena: &'static Arena, object: &'static [AtomicU64; object::COUNT]) -> Option<Ends> {
        let block = object[object::ENDS].load(Acquire) as usize;
        (block != 0).then_some(Ends { arena, object, block })
    }

    /// Gives an object that is guarded and has no ring yet one with ends, which are
    /// both taken, unless that would be too large: whether it has one now.
    pub fn give(
        arena: &'static Arena,
        object: &'static [AtomicU64; object::COUNT],
        places: usize,
        holder: u32,
    ) -> Result<bool, OutOfMemory> {
        if !(1..=PLACES_MOST).contains(&places) {
            return Ok(false);
        }
        let block = arena.heap().allocate(ring::with_ends(places), holder)?;
        for at in (0..ring::with_ends(places)).step_by(8) {
            arena.at(block + at).store(0, Relaxed);
        }
        for end in [PUT, TAKE] {
            arena.half_at(block + end).store(holder, Relaxed);
            arena.at(block + end + PLACES).store(places as u64, Relaxed);
        }
        arena.at(block + HELD).store(1, Relaxed);
        // From here on it has ends, whatever becomes of this task.
        object[object::ENDS].store(block as u64, Release);
        Ends { arena, object, block }.fold();
        Ok(true)
    }

    fn line(self, end: End) -> usize {
        self.block + if end == End::Put { PUT } else { TAKE }
    }

    #[inline(always)]
    pub fn guard(self, end: End) -> &'static AtomicU32 {
        self.arena.half_at(self.line(end))
    }

    fn position(self, end: End) -> &'static AtomicU64 {
        self.arena.at(self.line(end) + POSITION)
    }

    #[inline(always)]
    fn places(self, end: End) -> u64 {
        self.arena.at(self.line(end) + PLACES).load(Relaxed)
    }

    /// The place that an end is at. It is guarded.
    #[inline(always)]
    pub fn at(self, end: End) -> AtEnd {
        let position = self.position(end);
        let at = position.load(Relaxed);
        let (places, place) = (self.places(end), (at & PLACE) as usize);
        let line = ring::place_with_ends(self.block, places as usize, place);
        AtEnd {
            position,
            state: self.arena.at(line),
            value: self.arena.at(line + ring::VALUE),
            clock: self.arena.at(ring::clock_with_ends(self.block, place)),
            at,
            places,
        }
    }

    /// The lines of the place that an end is at are fetched.
    #[inline(always)]
    pub fn prefetch(self, end: End) {
        let at = self.at(end);
        super::memory::prefetch_for_write(at.state);
        TaskClock::prefetch_block(self.arena, at.clock);
    }

    /// Changes with every operation at either end.
    pub fn version(self) -> u32 {
        let [put, take] = [End::Put, End::Take].map(|end| self.position(end).load(Acquire));
        put.wrapping_add(take) as u32
    }

    /// First and length, as the ends say. Who holds nothing is told of too many rather
    /// than of fewer than none: what is taken is never ahead of what was put.
    fn standing(self) -> (u64, u64) {
        let take = self.position(End::Take).load(Acquire);
        let put = self.position(End::Put).load(Acquire);
        let laps = (put >> LAP).wrapping_sub(take >> LAP);
        (take & PLACE, (laps.wrapping_mul(self.places(End::Put)) + (put & PLACE)).wrapping_sub(take & PLACE))
    }

    /// How many values there are, for who holds nothing.
    pub fn len(self) -> u64 {
        self.standing().1.min(self.places(End::Put))
    }

    // ------------------------------------------------------------ both at once

    /// Takes both ends. The object is guarded.
    pub fn hold(self, mut take: impl FnMut(&AtomicU32)) {
        take(self.guard(End::Put));
        take(self.guard(End::Take));
        self.fold();
        self.arena.at(self.block + HELD).store(1, Release);
    }

    /// The object's words say how the ring stands.
    fn fold(self) {
        let (first, len) = self.standing();
        let words = [
            (object::RING_FIRST, first),
            (object::RING_LEN, len),
            (object::RING_PLACES, self.places(End::Put)),
            // Whoever finds a ring finds whether it has ends.
            (object::RING, self.block as u64),
        ];
        for (word, value) in words {
            let word = &self.object[word];
            if word.load(Relaxed) != value {
                word.store(value, Release);
            }
        }
    }

    /// The ends stand as the object's words say, and can be taken again.
    pub fn let_go(self) {
        self.spread();
        for end in [End::Take, End::Put] {
            self.guard(end).store(0, Release);
        }
    }

    /// May be done more than once.
    fn spread(self) {
        let (first, len) = (self.object[object::RING_FIRST].load(Relaxed), self.object[object::RING_LEN].load(Relaxed));
        if self.standing() != (first, len) {
            let (lap, places) = ((self.position(End::Put).load(Relaxed) >> LAP) + 1, self.places(End::Put));
            for place in 0..places {
                let (lap, behind) =
                    if place >= first { (lap, place - first) } else { (lap + 1, place + places - first) };
                let line = ring::place_with_ends(self.block, places as usize, place as usize);
                self.arena.at(line).store(free(lap) + u64::from(behind < len), Release);
            }
            let put = first + len;
            let put = if put < places { lap << LAP | put } else { (lap + 1) << LAP | (put - places) };
            self.position(End::Take).store(lap << LAP | first, Release);
            self.position(End::Put).store(put, Release);
        }
        self.arena.at(self.block + HELD).store(0, Release);
    }

    /// Puts right what a dead task left, whose guards these are told by, and lets go
    /// of them.
    pub fn revert(self, is_its: impl Fn(&AtomicU32) -> bool, holds_object: bool) {
        if holds_object && self.arena.at(self.block + HELD).load(SeqCst) != 0 {
            self.spread();
        }
        for end in [End::Put, End::Take] {
            let guard = self.guard(end);
            if is_its(guard) {
                let at = self.at(end);
                // The other end may have gone on from there.
                if at.state.load(SeqCst) >= handed(end, at.at) {
                    at.position.store(next(at.at, at.places), SeqCst);
                }
                guard.store(0, SeqCst);
            }
        }
    }
}

/// How many values are in an object, for who holds nothing.
pub fn values_in(arena: &'static Arena, id: u32) -> u64 {
    let object = arena.object_words(arena.object_at(id));
    Ends::of(arena, object).map_or_else(|| object[object::RING_LEN].load(Relaxed), Ends::len)
}

/// Does something about an object with the guards of all of it.
pub fn with_all_of<T>(arena: &'static Arena, id: u32, holder: u32, f: impl FnOnce() -> T) -> T {
    let (whole, _) = arena.guard(id);
    guard::spin_lock(whole, holder);
    let ends = Ends::of(arena, arena.object_words(arena.object_at(id)));
    if let Some(ends) = ends {
        ends.hold(|guard| guard::spin_lock(guard, holder));
    }
    let result = f();
    if let Some(ends) = ends {
        ends.let_go();
    }
    whole.store(0, SeqCst);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const HOLDER: u32 = 1;

    fn random(state: &mut u64, below: u64) -> u64 {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 33) % below
    }

    /// An object whose ring has ends that nobody holds.
    fn queue(places: usize) -> Ends {
        let arena: &'static Arena = Box::leak(Box::new(Arena::new(1 << 20).unwrap()));
        let id = arena.reserve_objects(1).unwrap();
        arena.make_object(id, crate::objects::place::queue, [0; crate::objects::WORDS], 0, HOLDER).unwrap();
        let object = arena.object_words(arena.object_at(id));
        assert!(Ends::give(arena, object, places, HOLDER).unwrap());
        let ends = Ends::of(arena, object).unwrap();
        ends.let_go();
        ends
    }

    fn take_guard(guard: &AtomicU32) {
        assert_eq!(guard.swap(HOLDER, Relaxed), 0, "nobody holds it");
    }

    fn is_its(guard: &AtomicU32) -> bool {
        guard.load(Relaxed) == HOLDER
    }

    /// All of the ring, by the object's words: one value more, or one less.
    fn change_whole(ends: Ends, value: Option<u64>) -> Option<u64> {
        let word = |w: usize| ends.object[w].load(Relaxed);
        let (first, len, places) = (word(object::RING_FIRST), word(object::RING_LEN), word(object::RING_PLACES));
        let place = |index: u64| {
            let line = ring::place_with_ends(ends.block, places as usize, (index % places) as usize);
            ends.arena.at(line + ring::VALUE)
        };
        if let Some(value) = value {
            place(first + len).store(value, Relaxed);
            ends.object[object::RING_LEN].store(len + 1, Relaxed);
            return None;
        }
        ends.object[object::RING_FIRST].store((first + 1) % places, Relaxed);
        ends.object[object::RING_LEN].store(len - 1, Relaxed);
        Some(place(first).load(Relaxed))
    }

    /// Whatever is done at the ends or to all of it, and wherever a task is killed
    /// meanwhile, it is one queue.
    #[test]
    fn two_ends_are_one_queue() {
        let mut seed = 1;
        for places in [1, 2, 3, 7, 64] {
            let ends = queue(places);
            let mut plain = VecDeque::new();
            let mut version = ends.version();
            for step in 0..20_000 {
                let (put, dies) = (random(&mut seed, 2) == 0, random(&mut seed, 8) == 0);
                let goes = if put { plain.len() < places } else { !plain.is_empty() };
                let mut taken = None;
                if random(&mut seed, 4) == 0 {
                    ends.hold(take_guard);
                    assert_eq!(ends.object[object::RING_LEN].load(Relaxed), plain.len() as u64);
                    if goes {
                        taken = change_whole(ends, put.then_some(step));
                    }
                    if dies { ends.revert(is_its, true) } else { ends.let_go() }
                } else {
                    let end = if put { End::Put } else { End::Take };
                    take_guard(ends.guard(end));
                    let at = ends.at(end);
                    assert_eq!(at.look(end).1, goes);
                    if goes {
                        if put {
                            at.value().store(step, Relaxed)
                        } else {
                            taken = Some(at.value().load(Relaxed))
                        }
                        if dies {
                            // The last deed of its life.
                            at.state.store(handed(end, at.at), Relaxed);
                        } else {
                            at.hand_over(end);
                        }
                    }
                    if dies { ends.revert(is_its, false) } else { ends.guard(end).store(0, Relaxed) }
                }
                if goes && put {
                    plain.push_back(step);
                } else if goes {
                    assert_eq!(taken, plain.pop_front());
                }
                assert_eq!(ends.len(), plain.len() as u64);
                assert_eq!(ends.version() != version, goes, "who waits sees what changed, and nothing else");
                version = ends.version();
            }
        }
    }

    /// Who was killed right after its last deed stands behind; the other end may have
    /// gone all the way round meanwhile.
    #[test]
    fn an_end_left_behind_is_found_where_it_belongs() {
        let ends = queue(1);
        take_guard(ends.guard(End::Put));
        let at = ends.at(End::Put);
        at.state.store(handed(End::Put, at.at), Relaxed);
        take_guard(ends.guard(End::Take));
        assert!(ends.at(End::Take).look(End::Take).1);
        ends.at(End::Take).hand_over(End::Take);
        ends.guard(End::Take).store(0, Relaxed);
        ends.revert(is_its, false);
        assert_eq!(ends.len(), 0);
        take_guard(ends.guard(End::Put));
        assert!(ends.at(End::Put).look(End::Put).1, "there is room for one");
    }
}
