//! What the steps of a piece's states have come to, once all states of its batch have their
//! numbers: of each state, and summed up.

use super::*;
use crate::check::store::Batch;

/// What the steps of a state that are followed have come to.
#[derive(Clone, Copy, Default)]
pub struct Taken {
    /// So many states that were met in no other way before.
    pub new: u32,
    /// One that is not looked at yet.
    pub ahead: bool,
    /// One that was met no later than this one.
    pub back: bool,
}

impl Taken {
    /// Whether its state ought to have a look at all that leads out of it as well. Whoever could
    /// go on in all states of a circle goes on in one of them: in the one that was looked at last
    /// of all, all that lead on within the circle lead to states looked at before (Bosnacki, Leue
    /// and Lluch Lafuente, *Partial-Order Reduction for General State Exploring Algorithms*,
    /// 2006). Where there are no circles there is no need.
    pub fn is_to_look_again(&self, fan: &Fan, circles: bool) -> bool {
        fan.alone && self.new == 0 || fan.chosen && !self.ahead && circles
    }
}

/// What the states of a piece have come to together.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    /// So many states that were met in no other way before.
    pub new: usize,
    pub followed: u64,
    /// So many steps were left out by a choice of whom to follow.
    pub spared: u64,
    /// One of them has come to a state that was met no later than itself.
    pub back: bool,
}

impl Sum {
    pub fn add(&mut self, fan: &Fan, taken: &Taken) {
        self.new += taken.new as usize;
        self.followed += u64::from(fan.followed);
        self.spared += if fan.chosen { u64::from(fan.to - fan.from - fan.followed) } else { 0 };
        self.back |= taken.back;
    }
}

impl Piece {
    /// Sees what its steps have come to, as the `piece`th of a batch all of whose states have
    /// their numbers: those up to `seen` are looked at with it at the latest. `parents`: of its
    /// new ones, from which state they were met.
    pub fn see_taken(&mut self, batch: &Batch, piece: usize, seen: usize, parents: &mut [StateId]) {
        let (mut states, mut parents) = (batch.taken(piece), parents.iter_mut());
        let mut rare = self.rare.iter().map(|rare| rare.0).peekable();
        self.taken.clear();
        self.sum = Sum::default();
        self.noted.clear();
        for ((state, fan), at) in self.items.iter().zip(&self.fans[..self.landed_of]).zip(0..) {
            let mut taken = Taken::default();
            for (id, new) in states.by_ref().take(fan.followed as usize) {
                taken.ahead |= id as usize >= seen;
                if !new {
                    taken.back |= id <= *state;
                } else if let Some(parent) = parents.next() {
                    *parent = *state;
                    taken.new += 1;
                }
            }
            let mut is_noted = fan.from == fan.to || fan.hopeless.is_some() || taken.is_to_look_again(fan, true);
            while rare.next_if_eq(&at).is_some() {
                is_noted = true;
            }
            if is_noted {
                self.noted.push(at);
            }
            self.sum.add(fan, &taken);
            self.taken.push(taken);
        }
    }
}
