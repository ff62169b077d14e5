//! What transitions come to, found by a few bits of a packed state. It owns a table before
//! the memo, for states that are packed in one word: there a state is not unpacked, no looks
//! are followed, and the state that a transition leads to is its own word with some bits
//! changed. The memo says what a transition comes to; what is not found here is asked for
//! there, and then learnt.
//!
//! A transition does the same wherever the places that it looks at are the same, its actor's
//! own among them. Of an actor that stands in some part, the bits of all places that it was
//! ever seen to look at from there (`Standing::Looks`) are thus enough to find what it comes
//! to. They may become more; what was learnt with fewer of them stays true: an entry whose
//! bits are equal to more of a state's bits is equal to those few as well, and the transition
//! looked at no others.
//!
//! It is a cache: an entry may have to make room for another one, and all are forgotten when
//! states are packed anew. What is found with it is what would be found without.

use super::batch::End;
use super::fetch::fetch;
use super::memo::{LeafAt, LeafView, Memo};
use super::part::PartIx;
use super::sleep::Reach;
use super::store::Packing;
use super::turn::{Mover, memo_of};
use crate::objects::TaskId;
use hashbrown::HashMap;

/// What one who may move does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// It makes one transition.
    Goes {
        /// Nobody else has to do with it.
        alone: bool,
        /// Something of it is to be told (`LeafView::is_rare`).
        rare: bool,
        /// The end of its task goes with it, to be found behind it.
        ends: bool,
    },
    /// It waits, for none of which anything is known.
    Waits,
    /// It waits for tasks that must get on with it first.
    WaitsFor,
}

/// What is known of one who moves, and sees this.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The bits that it sees, in their places.
    key: u64,
    /// The bits of the state that change, or the actors that are waited for, a bit each.
    pub bits: u64,
    pub leaf: LeafAt,
    owner: Owner,
    pub reach: ReachNumber,
    pub does: Does,
}

const NONE: Entry =
    Entry { key: 0, bits: 0, leaf: LeafAt::NOWHERE, owner: Owner(0), reach: ReachNumber(0), does: Does::Waits };

/// One of the few reaches that there are (`Shortcuts::reach`); by itself that of nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReachNumber(u16);

/// Which of the actors, and whether it is the end of its task that is meant; 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner(u16);

impl Owner {
    fn new(actor: usize, is_end: bool) -> Owner {
        Owner(2 * actor as u16 + u16::from(is_end) + 1)
    }
}

/// Two entries lie in one line of the processor's cache, and two more in the one beside it.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([Entry; 2]);

/// How an actor is in some part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// Nothing is known of it.
    #[default]
    Unknown,
    /// It never moves by itself.
    Still,
    /// The bits of all places that it has looked at from there, its own among them.
    Looks(u64),
}

/// Where the bits of an actor's own place are, and how it is in each part that may be there.
#[derive(Default)]
struct Actor {
    shift: u32,
    mask: u64,
    standings: Vec<Standing>,
    /// The same for its end.
    ends: Vec<Standing>,
}

impl Actor {
    fn number(&self, word: u64) -> usize {
        (word >> self.shift & self.mask) as usize
    }

    /// What is known of it, or of its end, in this state.
    fn standing(&mut self, word: u64, is_end: bool) -> &mut Standing {
        let number = self.number(word);
        let standings = if is_end { &mut self.ends } else { &mut self.standings };
        if standings.len() <= number {
            standings.resize(number + 1, Standing::Unknown);
        }
        &mut standings[number]
    }
}

/// What is to be found of one actor in one state.
#[derive(Clone, Copy)]
pub struct Asked {
    key: u64,
    line: u32,
    pub actor: u16,
}

/// What was seen of an actor in a state, to be learnt.
#[derive(Clone, Copy)]
pub struct Seen {
    pub word: u64,
    pub actor: usize,
    /// What it comes to, and the end of its task that goes with it; none, if it never moves by
    /// itself as it stands.
    pub came: Option<(LeafAt, End)>,
}

/// So many actors have a bit each.
const ACTORS_MOST: usize = u64::BITS as usize;
/// There are no more lines than states, but so many at least, and at most.
const LINES_LEAST: usize = 1 << 8;
const LINES_MOST: usize = 1 << 17;

/// See the head of the file.
#[derive(Default)]
pub struct Shortcuts {
    /// The packing that it is of; 0: none.
    packing: u64,
    actors: Vec<Actor>,
    /// A power of two, or none.
    lines: Vec<Line>,
    /// So many entries were learnt since there are so many lines.
    learnt: usize,
    reaches: Vec<Reach>,
    numbers: HashMap<Reach, u16, rustc_hash::FxBuildHasher>,
}

impl Shortcuts {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let standings: usize = self.actors.iter().map(|a| a.standings.capacity() + a.ends.capacity()).sum();
        size_of::<Line>() * self.lines.capacity()
            + size_of::<Standing>() * standings
            + (2 * size_of::<Reach>() + 4) * self.reaches.capacity()
    }

    /// Forgets what is of another packing or of fewer actors; `actors` are their places.
    pub fn fit(&mut self, packing: &Packing, actors: &[PartIx]) {
        if self.packing == packing.version() && self.actors.len() == actors.len() {
            return;
        }
        let is_of_use = packing.is_one_word() && actors.len() <= ACTORS_MOST;
        let actors = if is_of_use { actors } else { &[] };
        self.packing = packing.version();
        self.actors.clear();
        self.lines.clear();
        self.learnt = 0;
        self.actors.extend(actors.iter().map(|ix| {
            let (shift, mask) = packing.bits_of(*ix);
            Actor { shift, mask, ..Actor::default() }
        }));
    }

    /// Whether something can be found or learnt of states that are packed like this.
    pub fn is_of(&self, packing: &Packing) -> bool {
        self.packing == packing.version() && !self.actors.is_empty()
    }

    /// What is to be found of all that may move in a state; not, if too little is known of one
    /// of them.
    #[inline]
    pub fn ask(&self, word: u64, asked: &mut Vec<Asked>) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        for (n, actor) in self.actors.iter().enumerate() {
            match actor.standings.get(actor.number(word)) {
                Some(Standing::Still) => {}
                Some(Standing::Looks(looks)) => {
                    let key = word & looks;
                    asked.push(Asked { key, line: self.line(key, Owner::new(n, false)), actor: n as u16 });
                }
                Some(Standing::Unknown) | None => return false,
            }
        }
        true
    }

    #[inline]
    fn line(&self, key: u64, owner: Owner) -> u32 {
        let hash = (key ^ u64::from(owner.0).rotate_right(8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (hash ^ hash >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (hash >> 32) as u32 & (self.lines.len() as u32 - 1)
    }

    /// Has the line fetched in which it will be found.
    #[inline]
    pub fn touch(&self, asked: &Asked) {
        fetch(&self.lines[asked.line as usize]);
    }

    #[inline]
    pub fn find(&self, asked: &Asked) -> Option<&Entry> {
        self.find_in(asked.line, asked.key, Owner::new(usize::from(asked.actor), false))
    }

    /// The end of an actor's task in the state behind its transition.
    pub fn find_end(&self, word: u64, actor: u16) -> Option<&Entry> {
        let (n, actor) = (usize::from(actor), &self.actors[usize::from(actor)]);
        let Some(Standing::Looks(looks)) = actor.ends.get(actor.number(word)) else { return None };
        let (key, owner) = (word & looks, Owner::new(n, true));
        self.find_in(self.line(key, owner), key, owner)
    }

    #[inline]
    fn find_in(&self, line: u32, key: u64, owner: Owner) -> Option<&Entry> {
        let is_it = |e: &&Entry| e.key == key && e.owner == owner;
        let first = &self.lines[line as usize].0;
        if let Some(entry) = first.iter().find(is_it) {
            return Some(entry);
        }
        // Those go next to it for which there is no room.
        if first[1].owner == NONE.owner { None } else { self.lines[line as usize ^ 1].0.iter().find(is_it) }
    }

    #[inline]
    pub fn reach(&self, number: ReachNumber) -> Reach {
        self.reaches.get(usize::from(number.0)).copied().unwrap_or_default()
    }

    /// Learns what was seen while there were so many states. `place` says which of the actors
    /// a task is.
    pub fn learn<'s>(
        &mut self,
        seen: impl Iterator<Item = &'s Seen>,
        states: usize,
        memos: &[Memo; 4],
        packing: &Packing,
        place: impl Fn(TaskId) -> Option<usize>,
    ) {
        for one in seen {
            let Some((leaf, end)) = one.came else {
                *self.actors[one.actor].standing(one.word, false) = Standing::Still;
                continue;
            };
            let view = memos[memo_of(Mover::Task)].get(leaf);
            let Some((does, bits)) = what_it_does(view, one.word, packing, &place) else { continue };
            self.learn_one((one.actor, false), one.word, (leaf, view.reach()), (does, bits), packing, states);
            if let End::Kept(end) = end {
                let (view, word) = (memos[memo_of(Mover::End)].get(end), one.word ^ bits);
                let Some(came) = what_it_does(view, word, packing, &place) else { continue };
                self.learn_one((one.actor, true), word, (end, view.reach()), came, packing, states);
            }
        }
    }

    fn learn_one(
        &mut self,
        (actor, is_end): (usize, bool),
        word: u64,
        (leaf, reach): (LeafAt, Reach),
        (does, bits): (Does, u64),
        packing: &Packing,
        states: usize,
    ) {
        let Some(number) = self.number(reach) else { return };
        let actor_now = &mut self.actors[actor];
        let own = actor_now.mask << actor_now.shift;
        let standing = actor_now.standing(word, is_end);
        let before = if let Standing::Looks(looks) = standing { *looks } else { own };
        let looks = before | packing.bits_looked_at(reach);
        *standing = Standing::Looks(looks);
        let (key, owner) = (word & looks, Owner::new(actor, is_end));
        self.insert(Entry { key, bits, leaf, owner, reach: number, does }, states);
    }

    /// A reach's number, if there is one left for it. None has 0 but that of nothing.
    fn number(&mut self, reach: Reach) -> Option<ReachNumber> {
        if self.reaches.is_empty() {
            self.reaches.push(Reach::NOTHING);
            self.numbers.insert(Reach::NOTHING, 0);
        }
        let next = u16::try_from(self.reaches.len()).ok()?;
        let number = *self.numbers.entry(reach).or_insert(next);
        if number == next {
            self.reaches.push(reach);
        }
        Some(ReachNumber(number))
    }

    /// In the place of an older one, if there is no room.
    fn insert(&mut self, entry: Entry, states: usize) {
        if self.lines.is_empty() {
            self.lines.resize(LINES_LEAST, Line([NONE; 2]));
        } else if self.learnt > self.lines.len() {
            self.learnt = 0;
            let most = states.clamp(LINES_LEAST, LINES_MOST);
            if self.lines.len() * 2 <= most {
                let lines = vec![Line([NONE; 2]); self.lines.len() * 2];
                let before = std::mem::replace(&mut self.lines, lines);
                let entries = before.iter().flat_map(|line| line.0).filter(|e| e.owner != NONE.owner);
                entries.for_each(|entry| self.put(entry));
            }
        }
        self.put(entry);
    }

    fn put(&mut self, entry: Entry) {
        let line = self.line(entry.key, entry.owner);
        if self.find_in(line, entry.key, entry.owner).is_some() {
            return;
        }
        self.learnt += 1;
        let line = line as usize;
        let slots = [(line, 0), (line, 1), (line ^ 1, 0), (line ^ 1, 1)];
        let free = slots.into_iter().find(|(line, n)| self.lines[*line].0[*n].owner == NONE.owner);
        // Else one of the older ones goes.
        let (line, n) = free.unwrap_or(slots[self.learnt % slots.len()]);
        self.lines[line].0[n] = entry;
    }
}

/// What a transition does that comes to this, out of this state; none, if that is not to be
/// said in so few words. With it come `Entry::bits`.
fn what_it_does(
    leaf: LeafView,
    word: u64,
    packing: &Packing,
    place: &impl Fn(TaskId) -> Option<usize>,
) -> Option<(Does, u64)> {
    if !leaf.blocked() {
        let mut to = [word];
        leaf.writes().for_each(|(ix, number)| packing.put(&mut to, ix, number));
        let does = Does::Goes { alone: leaf.alone(), rare: leaf.is_rare(), ends: leaf.ends() };
        return Some((does, word ^ to[0]));
    }
    let Some(rare) = leaf.rare() else { return Some((Does::Waits, 0)) };
    // Nobody knows whether one who has no place goes ahead.
    let bits = rare.needs.iter().map(|task| place(*task).map(|n| 1u64 << n));
    let bits = bits.collect::<Option<Vec<u64>>>()?.into_iter().fold(0, |all, bit| all | bit);
    Some((if bits == 0 { Does::Waits } else { Does::WaitsFor }, bits))
}

#[cfg(test)]
mod tests;
