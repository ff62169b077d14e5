//! Sleep sets (Godefroid, *Partial-Order Methods for the Verification of
//! Concurrent Systems*, 1996): of two transitions that commute one order is
//! enough. It owns when two commute, and which transitions of a state need not
//! be followed since they were followed before another one that led there; what
//! the transitions are, `batch` says.
//!
//! Two transitions commute if neither changes what the other one looks at. Then
//! each does the same behind the other, and both orders come to the same state.
//! So if `b` is followed out of a state after `a`, behind `b` there is no need for
//! `a`: what is behind both was reached by `a` and then `b`. `a` *sleeps* in the
//! state behind `b`, and in those behind it as long as what is done there commutes
//! with it. A state that several transitions lead to has those asleep that sleep
//! by each of them.
//!
//! No state is lost by that, and each is first met by the same transition as
//! without it. For of all shortest ways to a state take the first one, in the
//! order in which transitions are followed. Were one of its transitions asleep,
//! then so by this very way: somewhere before, it was followed earlier than what
//! the way took there, and it commutes with all between. The way with it moved
//! there leads to the same state, is as short, and stands before the first one,
//! which cannot be. Only what leads to a state as it is met by the shortest ways is
//! asked for in that, so whoever comes later need not be waited for. A transition that
//! shows something is asleep in no state where it is shown for the first time, for
//! the same reason.
//!
//! Steps that one actor does alone are as a part of the transition before them.
//! What is behind them begins with nobody asleep.

use super::moves::Look;
use super::part::{PartId, PartIx};
use super::store::StateId;
use std::collections::VecDeque;

/// The places that a transition looks at and those that it writes, a bit each:
/// places a multiple of 64 apart share one, and seem to be one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    pub looks: u64,
    pub writes: u64,
}

impl Reach {
    pub const NOTHING: Reach = Reach { looks: 0, writes: 0 };

    /// What is written is among what is looked at.
    pub fn of(looks: &[Look], writes: &[(PartIx, PartId)]) -> Reach {
        let bit = |ix: PartIx| 1u64 << (ix % u64::BITS);
        let looks = looks.iter().filter_map(|look| match look {
            Look::Read(ix, _) => Some(bit(*ix)),
            Look::Choice(..) => None,
        });
        let writes = writes.iter().fold(0, |all, (ix, _)| all | bit(*ix));
        Reach { looks: looks.fold(writes, |all, bit| all | bit), writes }
    }

    /// Whether it may look at a place.
    pub fn may_look_at(self, ix: PartIx) -> bool {
        self.looks & 1 << (ix % u64::BITS) != 0
    }

    pub fn and(self, other: Reach) -> Reach {
        Reach { looks: self.looks | other.looks, writes: self.writes | other.writes }
    }

    #[inline]
    pub fn commutes(self, other: Reach) -> bool {
        self.writes & other.looks == 0 && other.writes & self.looks == 0
    }
}

/// Actors, a bit each by their place among them; those behind the last bit never
/// sleep.
pub type Sleepers = u64;

/// The bit of an actor that makes one transition and no other.
pub fn bit(actor: usize) -> Sleepers {
    if actor < u64::BITS as usize { 1 << actor } else { 0 }
}

/// Which transitions sleep behind one: of those that sleep in the state and those
/// that were followed before it, `(bit, reach)` each, all that commute with it.
#[inline]
pub fn behind(reach: Reach, others: &[(Sleepers, Reach)]) -> Sleepers {
    others.iter().filter(|(_, other)| reach.commutes(*other)).fold(0, |all, (bit, _)| all | bit)
}

/// Who sleeps in the states that are not looked at yet.
#[derive(Default)]
pub struct Sleeping {
    /// The first state of them.
    first: StateId,
    of: VecDeque<Sleepers>,
    /// In which of them somebody sleeps, a bit each, beginning with a multiple of 64
    /// not behind the first: mostly in few, and to see that it is none of them so
    /// little memory is looked at that it is at hand.
    some: VecDeque<u64>,
}

impl Sleeping {
    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.of.capacity() * size_of::<Sleepers>() + self.some.capacity() * size_of::<u64>()
    }

    /// The place of a state's bit: its word, and the bit there.
    #[inline]
    fn bit(&self, state: StateId) -> (usize, u64) {
        ((state / u64::BITS - self.first / u64::BITS) as usize, 1 << (state % u64::BITS))
    }

    /// A new state, the next one, is met with these asleep.
    #[inline]
    pub fn met(&mut self, sleepers: Sleepers) {
        let (word, bit) = self.bit(self.first + self.of.len() as StateId);
        if word == self.some.len() {
            self.some.push_back(0);
        }
        if sleepers != 0 {
            self.some[word] |= bit;
        }
        self.of.push_back(sleepers);
    }

    /// A state is met again.
    #[inline]
    pub fn met_again(&mut self, state: StateId, sleepers: Sleepers) {
        if state < self.first {
            return;
        }
        let (word, bit) = self.bit(state);
        if self.some.get(word).is_none_or(|some| some & bit == 0) {
            return;
        }
        let before = &mut self.of[(state - self.first) as usize];
        *before &= sleepers;
        if *before == 0 {
            self.some[word] &= !bit;
        }
    }

    /// In a state that was looked at already nobody sleeps.
    pub fn get(&self, state: StateId) -> Sleepers {
        state.checked_sub(self.first).and_then(|at| self.of.get(at as usize)).copied().unwrap_or(0)
    }

    /// The states before this one are looked at.
    pub fn forget_before(&mut self, state: StateId) {
        let done = (state.saturating_sub(self.first) as usize).min(self.of.len());
        self.of.drain(..done);
        let before = self.first / u64::BITS;
        self.first += done as StateId;
        let words = (self.first / u64::BITS - before) as usize;
        self.some.drain(..words.min(self.some.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(looks: &[PartIx], writes: &[PartIx]) -> Reach {
        let looks: Vec<Look> = looks.iter().map(|ix| Look::Read(*ix, 1)).collect();
        let writes: Vec<(PartIx, PartId)> = writes.iter().map(|ix| (*ix, 1)).collect();
        Reach::of(&looks, &writes)
    }

    #[test]
    fn who_commutes() {
        assert!(reach(&[1, 2], &[1]).commutes(reach(&[2, 3], &[3])));
        assert!(!reach(&[1, 2], &[1]).commutes(reach(&[1, 3], &[3])));
        assert!(!reach(&[1], &[1]).commutes(reach(&[1], &[1])));
        // Places that share a bit seem to be one.
        assert!(!reach(&[1], &[1]).commutes(reach(&[65], &[65])));
    }

    #[test]
    fn a_state_has_asleep_who_sleeps_by_each_way_to_it() {
        let mut all = Sleeping::default();
        all.met(0b11);
        all.met(0b110);
        all.met_again(1, 0b011);
        assert_eq!((all.get(0), all.get(1), all.get(2)), (0b11, 0b10, 0));
        all.forget_before(1);
        all.met_again(0, 0);
        all.met(0b1);
        assert_eq!((all.get(0), all.get(1), all.get(2)), (0, 0b10, 0b1));
    }

    #[test]
    fn in_long_rows_too() {
        let mut all = Sleeping::default();
        let mut plain: Vec<Sleepers> = Vec::new();
        for n in 0..1000u32 {
            let sleepers = if n % 3 == 0 { u64::from(n) } else { 0 };
            all.met(sleepers);
            plain.push(sleepers);
            let again = n * 7 % (n + 1);
            all.met_again(again, 0b1010);
            plain[again as usize] &= 0b1010;
            if n % 5 == 0 {
                all.forget_before(n / 2);
            }
            let shown = |state: u32| if state < n / 5 * 5 / 2 { 0 } else { plain[state as usize] };
            for state in 0..=n {
                assert_eq!(all.get(state), shown(state), "{state} of {n}");
            }
        }
    }
}
