//! What a transition did is kept, with what it looked at: in another state
//! where it would see the same it is not carried out again. It owns the tree of
//! looks; Harmony's model checker memoises steps by all shared memory, here it
//! is by the parts that were really read.
//!
//! The tree is one row of numbers, so that the looks of a transition and what
//! it came to mostly lie together in memory: following them waits for memory
//! once or twice, not once for each look.

use super::fetch::fetch;
use super::moves::Look;
use super::part::{PartId, PartIx};
use super::seen::Event;
use super::sleep::Reach;
use super::store::Number;
use crate::objects::TaskId;
use std::cell::OnceCell;

/// What a transition comes to.
#[derive(Debug, Default)]
pub struct Leaf {
    pub blocked: bool,
    /// Nobody else has to do with it.
    pub alone: bool,
    /// It prints, or takes a value that somebody gave.
    pub progress: bool,
    /// The task's end goes with it, and is kept by itself.
    pub ends: bool,
    /// It looks at a condition that does not hold, and waits for that.
    pub vain: bool,
    pub rare: Rare,
    pub writes: Vec<(PartIx, PartId)>,
    /// What it looks at, of one that is in the memo.
    pub reach: Reach,
    /// The objects and places it is about, where somebody has asked.
    pub touches: OnceCell<Box<[PartIx]>>,
}

/// What most transitions have nothing of.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    pub cut: Option<&'static str>,
    /// Of one that cannot go ahead: the tasks of which each must get on with it
    /// first, or end; empty if it waits for something else.
    pub needs: Vec<TaskId>,
    pub events: Vec<Event>,
}

impl Leaf {
    /// About how much memory it takes beside itself.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.writes[..]) + self.rare.bytes()
    }

    /// What both come to, one after the other.
    pub fn then(&self, next: &Leaf) -> Leaf {
        let mut writes = self.writes.clone();
        for (ix, part) in &next.writes {
            match writes.binary_search_by_key(ix, |w| w.0) {
                Ok(at) => writes[at].1 = *part,
                Err(at) => writes.insert(at, (*ix, *part)),
            }
        }
        let mut rare = self.rare.clone();
        rare.cut = rare.cut.or(next.rare.cut);
        rare.events.extend(next.rare.events.iter().cloned());
        Leaf {
            blocked: self.blocked,
            alone: self.alone,
            progress: self.progress || next.progress,
            ends: false,
            vain: self.vain,
            rare,
            writes,
            reach: self.reach.and(next.reach),
            touches: OnceCell::new(),
        }
    }
}

impl Rare {
    fn is_nothing(&self) -> bool {
        self.cut.is_none() && self.needs.is_empty() && self.events.is_empty()
    }

    /// About how much memory it takes beside itself.
    fn bytes(&self) -> usize {
        size_of_val(&self.needs[..]) + self.events.iter().map(Event::bytes).sum::<usize>()
    }
}

/// The place in the memo of what a transition comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LeafAt(u32);

impl LeafAt {
    /// There no leaf is.
    pub const NOWHERE: LeafAt = LeafAt(0);
}

/// A leaf as it lies in the memo.
#[derive(Clone, Copy)]
pub struct LeafView<'m> {
    /// From its head on.
    code: &'m [u32],
    rare: &'m [Rare],
}

impl<'m> LeafView<'m> {
    /// Of a transition that changes nothing.
    pub const NOTHING: LeafView<'m> = LeafView { code: &[LEAF, 0, 0, 0, 0, 0, 0], rare: &[] };

    #[inline]
    fn has(&self, flag: u32) -> bool {
        self.code[0] >> 2 & flag != 0
    }

    #[inline]
    pub fn blocked(&self) -> bool {
        self.has(BLOCKED)
    }

    #[inline]
    pub fn alone(&self) -> bool {
        self.has(ALONE)
    }

    #[inline]
    pub fn progress(&self) -> bool {
        self.has(PROGRESS)
    }

    #[inline]
    pub fn ends(&self) -> bool {
        self.has(ENDS)
    }

    #[inline]
    pub fn vain(&self) -> bool {
        self.has(VAIN)
    }

    /// Whether it is as most are: one that goes ahead, others have to do with it, no end
    /// goes with it, and there is nothing rare.
    #[inline]
    pub fn is_plain(&self) -> bool {
        !self.has(BLOCKED | ALONE | ENDS | RARE)
    }

    /// Whether there is something of it that most transitions have not.
    #[inline]
    pub fn is_rare(&self) -> bool {
        self.has(RARE)
    }

    #[inline]
    pub fn rare(&self) -> Option<&'m Rare> {
        self.is_rare().then(|| &self.rare[self.code[1] as usize])
    }

    #[inline]
    pub fn reach(&self) -> Reach {
        let word = |n: usize| u64::from(self.code[n]) | u64::from(self.code[n + 1]) << 32;
        Reach { looks: word(3), writes: word(5) }
    }

    #[inline]
    pub fn writes(&self) -> impl Iterator<Item = (PartIx, Number)> + use<'m> {
        let end = WRITES + 2 * self.code[2] as usize;
        self.code[WRITES..end].as_chunks::<2>().0.iter().map(|w| (w[0], w[1]))
    }

    /// The same by itself; `part` says which part a number is at a place.
    pub fn leaf(&self, part: impl Fn(PartIx, Number) -> PartId) -> Leaf {
        Leaf {
            blocked: self.blocked(),
            alone: self.alone(),
            progress: self.progress(),
            ends: self.ends(),
            vain: self.vain(),
            rare: self.rare().cloned().unwrap_or_default(),
            writes: self.writes().map(|(ix, number)| (ix, part(ix, number))).collect(),
            reach: self.reach(),
            touches: OnceCell::new(),
        }
    }
}

/// On the way to a leaf.
#[derive(Clone, Copy)]
pub struct Walk {
    at: u32,
    /// The number of the row that it looks at.
    row: u32,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Walking,
    /// It stands before many branches, and the one that it takes is being fetched.
    Branching,
    Arrived,
}

impl Walk {
    /// One whose leaf is known.
    #[inline]
    pub fn to(leaf: LeafAt, row: u32) -> Walk {
        Walk { at: leaf.0, row, stage: Stage::Arrived }
    }

    /// The leaf, if it has come to one; else it is one with choices, or none.
    #[inline]
    pub fn leaf(&self) -> Option<LeafAt> {
        (self.stage == Stage::Arrived).then_some(LeafAt(self.at))
    }
}

const BLOCKED: u32 = 1;
const ALONE: u32 = 2;
const PROGRESS: u32 = 4;
const ENDS: u32 = 8;
const RARE: u32 = 16;
const VAIN: u32 = 32;

// What stands at an address; the low bits of its first number say which, the
// others are its argument. Address 0 is nowhere.

/// A look at the place of the argument: the part it saw; where to go on if
/// another one is there. What follows is behind it.
const READ: u32 = 0;
/// A look at the place of the argument where many parts were seen: `branches`
/// says where each goes on. It stands in the place of the first look of them.
const MANY: u32 = 1;
/// A choice of so many ways as the argument says: where each goes on.
const CHOICE: u32 = 2;
/// The end, with the flags: the place among `rare`, if it has one, how many writes,
/// the reach in four numbers, and two numbers for each write.
const LEAF: u32 = 3;

/// Where the writes of a leaf begin.
const WRITES: usize = 7;

fn head(what: u32, argument: u32) -> u32 {
    argument << 2 | what
}

/// After so many looks that saw different parts, `MANY` takes over.
const FEW: usize = 6;

/// Where the address of what comes next is kept.
enum Slot {
    Root(PartId),
    At(u32),
    Branch(u32, PartId),
}

/// Where many branches go on, by the address of the look and the part that it saw. A
/// table of the plainest kind: where an entry is or would be is known before it is
/// looked at, so that several are fetched at once.
#[derive(Default)]
struct Branches {
    /// A power of two; a key of 0 is no entry.
    slots: Vec<(u64, u32)>,
    len: usize,
}

impl Branches {
    #[inline]
    fn key(at: u32, id: PartId) -> u64 {
        u64::from(at) << 32 | u64::from(id)
    }

    #[inline]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// Has the slot fetched that `get` will look at first.
    #[inline]
    fn touch(&self, key: u64) {
        fetch(&self.slots[self.home(key)]);
    }

    #[inline]
    fn get(&self, key: u64) -> Option<u32> {
        let mut at = self.home(key);
        loop {
            match self.slots[at] {
                (found, to) if found == key => return Some(to),
                (0, _) => return None,
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// A key that is not there yet.
    fn insert(&mut self, key: u64, to: u32) {
        if self.len * 2 >= self.slots.len() {
            let more = vec![(0, 0); (self.slots.len() * 2).max(64)];
            let before = std::mem::replace(&mut self.slots, more);
            before.into_iter().filter(|slot| slot.0 != 0).for_each(|(key, to)| self.put(key, to));
        }
        self.put(key, to);
        self.len += 1;
    }

    fn put(&mut self, key: u64, to: u32) {
        let mut at = self.home(key);
        while self.slots[at].0 != 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = (key, to);
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct Memo {
    code: Vec<u32>,
    /// By the number of the actor's part.
    roots: Vec<u32>,
    branches: Branches,
    rare: Vec<Rare>,
    /// What those take beside themselves.
    rare_bytes: usize,
    /// Roots that there are, for `clear`.
    rooted: Vec<PartId>,
}

impl Memo {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let rare = self.rare.capacity() * size_of::<Rare>() + self.rare_bytes;
        4 * (self.code.capacity() + self.roots.capacity() + self.rooted.capacity())
            + self.branches.slots.capacity() * size_of::<(u64, u32)>()
            + rare
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.code.clear();
        self.branches = Branches::default();
        self.rare.clear();
        self.rare_bytes = 0;
        for part in self.rooted.drain(..) {
            self.roots[part as usize] = 0;
        }
    }

    #[inline]
    fn root(&self, part: PartId) -> u32 {
        self.roots.get(part as usize).copied().unwrap_or(0)
    }

    /// Walks on with the given ways in the row in which these parts stand; `ways` is
    /// cut or filled up with zeros to those that there are, one that is not there becomes
    /// the last there is (as carrying it out takes it), and `widths` says how many each has.
    /// None: not seen yet with these ways.
    #[inline]
    pub fn find(
        &self,
        part: PartId,
        row: impl Fn(PartIx) -> PartId,
        ways: &mut Vec<u32>,
        widths: &mut Vec<u32>,
    ) -> Option<LeafAt> {
        let mut at = self.root(part) as usize;
        let mut taken = 0;
        widths.clear();
        while at != 0 {
            let argument = self.code[at] >> 2;
            match self.code[at] & 3 {
                READ if self.code[at + 1] == row(argument) => at += 3,
                READ => at = self.code[at + 2] as usize,
                MANY => at = self.branches.get(Branches::key(at as u32, row(argument)))? as usize,
                CHOICE => {
                    if ways.len() == taken {
                        ways.push(0);
                    }
                    widths.push(argument);
                    ways[taken] = ways[taken].min(argument - 1);
                    at = self.code[at + 1 + ways[taken] as usize] as usize;
                    taken += 1;
                }
                _ => {
                    ways.truncate(taken);
                    return Some(LeafAt(at as u32));
                }
            }
        }
        None
    }

    /// Follows many at a time, each to its leaf, as far as there are no choices:
    /// none of them waits for memory alone, since before one of them goes where it
    /// has not been, all others have asked for what they need. `open` is room for that.
    pub fn follow<'r>(&self, walks: &mut [Walk], open: &mut Vec<u32>, row: impl Fn(u32) -> &'r [PartId]) {
        open.clear();
        open.extend((0..walks.len() as u32).filter(|n| walks[*n as usize].stage != Stage::Arrived));
        for n in open.iter() {
            self.code.get(walks[*n as usize].at as usize).into_iter().for_each(fetch);
        }
        while !open.is_empty() {
            let mut kept = 0;
            for n in 0..open.len() {
                let walk = &mut walks[open[n] as usize];
                if self.go_on(walk, row(walk.row)) {
                    open[kept] = open[n];
                    kept += 1;
                }
            }
            open.truncate(kept);
        }
    }

    /// Goes on to where something has to be fetched, and has that done; not, at the end.
    #[inline]
    fn go_on(&self, walk: &mut Walk, row: &[PartId]) -> bool {
        let mut at = walk.at as usize;
        let look = |argument: u32| row.get(argument as usize).copied().unwrap_or(0);
        if walk.stage == Stage::Branching {
            walk.stage = Stage::Walking;
            let key = Branches::key(walk.at, look(self.code[at] >> 2));
            walk.at = self.branches.get(key).unwrap_or(0);
            if walk.at != 0 {
                fetch(&self.code[walk.at as usize]);
            }
            return walk.at != 0;
        }
        while at != 0 {
            let argument = self.code[at] >> 2;
            match self.code[at] & 3 {
                READ if self.code[at + 1] == look(argument) => at += 3,
                READ => at = self.code[at + 2] as usize,
                MANY => {
                    (walk.at, walk.stage) = (at as u32, Stage::Branching);
                    self.branches.touch(Branches::key(walk.at, look(argument)));
                    return true;
                }
                CHOICE => break,
                _ => {
                    (walk.at, walk.stage) = (at as u32, Stage::Arrived);
                    return false;
                }
            }
        }
        false
    }

    /// A walk from the root of a part.
    #[inline]
    pub fn walk(&self, part: PartId, row: u32) -> Walk {
        Walk { at: self.root(part), row, stage: Stage::Walking }
    }

    #[inline]
    pub fn get(&self, leaf: LeafAt) -> LeafView<'_> {
        LeafView { code: &self.code[leaf.0 as usize..], rare: &self.rare }
    }

    /// Keeps what was carried out by whoever stands at `own` in this part; `number`
    /// gives a part's number at a place. If it was kept before, that is it.
    ///
    /// A transition does the same as long as it sees the same. But what it looks
    /// at may be less, once something is known of the whole script (whether a
    /// place is guarded): then the looks are not those of the tree, and the leaf
    /// stands by itself, to be found by nobody.
    pub fn add(
        &mut self,
        (own, part): (PartIx, PartId),
        looks: &[Look],
        leaf: Leaf,
        number: &mut dyn FnMut(PartIx, PartId) -> Number,
    ) -> LeafAt {
        if self.code.is_empty() {
            self.code.push(LEAF);
        }
        let reach = Reach::of(looks, &leaf.writes);
        // What it sees at its own place is known by its root.
        let mut looks = looks.iter().filter(|look| !matches!(look, Look::Read(ix, _) if *ix == own)).peekable();
        let mut slot = Some(Slot::Root(part));
        let mut at = self.root(part);
        // The first of the looks at a place that saw other parts, and how many they are.
        let (mut first, mut others) = (0, 0);
        while at != 0 {
            let here = at as usize;
            let argument = self.code[here] >> 2;
            match (self.code[here] & 3, looks.peek()) {
                (READ, Some(Look::Read(ix, id))) if *ix == argument => {
                    if self.code[here + 1] == *id {
                        looks.next();
                        (at, others) = (at + 3, 0);
                        continue;
                    }
                    if others == 0 {
                        first = at;
                    }
                    others += 1;
                    slot = Some(Slot::At(here as u32 + 2));
                    at = self.code[here + 2];
                    if at == 0 && others >= FEW {
                        self.branch(first);
                        slot = Some(Slot::Branch(first, *id));
                        looks.next();
                    }
                }
                (MANY, Some(Look::Read(ix, id))) if *ix == argument => {
                    slot = Some(Slot::Branch(at, *id));
                    at = self.branches.get(Branches::key(at, *id)).unwrap_or(0);
                    looks.next();
                    others = 0;
                }
                (CHOICE, Some(Look::Choice(way, count))) if *count == argument => {
                    slot = Some(Slot::At(at + 1 + way));
                    at = self.code[here + 1 + *way as usize];
                    looks.next();
                    others = 0;
                }
                (LEAF, _) => return LeafAt(at),
                (_, Some(_)) => {
                    looks.next();
                }
                (_, None) => {
                    slot = None;
                    break;
                }
            }
        }
        let begin = self.code.len() as u32;
        for look in looks {
            match look {
                Look::Read(ix, id) => self.code.extend_from_slice(&[head(READ, *ix), *id, 0]),
                Look::Choice(way, count) => {
                    let first = self.code.len() as u32 + 1;
                    self.code.push(head(CHOICE, *count));
                    self.code.resize((first + count) as usize, 0);
                    self.code[(first + way) as usize] = first + count;
                }
            }
        }
        let end = self.code.len() as u32;
        self.put_leaf(leaf, reach, number);
        match slot {
            Some(Slot::Root(part)) => {
                if self.roots.len() <= part as usize {
                    self.roots.resize(part as usize + 1, 0);
                }
                self.roots[part as usize] = begin;
                self.rooted.push(part);
            }
            Some(Slot::At(at)) => self.code[at as usize] = begin,
            Some(Slot::Branch(at, id)) => self.branches.insert(Branches::key(at, id), begin),
            None => {}
        }
        LeafAt(end)
    }

    /// Makes one of the looks at a place that begin there.
    fn branch(&mut self, first: u32) {
        let mut at = first as usize;
        while at != 0 {
            self.branches.insert(Branches::key(first, self.code[at + 1]), at as u32 + 3);
            at = self.code[at + 2] as usize;
        }
        self.code[first as usize] = head(MANY, self.code[first as usize] >> 2);
    }

    fn put_leaf(&mut self, leaf: Leaf, reach: Reach, number: &mut dyn FnMut(PartIx, PartId) -> Number) {
        let flag = |is: bool, flag: u32| if is { flag } else { 0 };
        let flags = flag(leaf.blocked, BLOCKED)
            | flag(leaf.alone, ALONE)
            | flag(leaf.progress, PROGRESS)
            | flag(leaf.ends, ENDS)
            | flag(leaf.vain, VAIN)
            | flag(!leaf.rare.is_nothing(), RARE);
        self.code.extend_from_slice(&[head(LEAF, flags), self.rare.len() as u32, leaf.writes.len() as u32]);
        if !leaf.rare.is_nothing() {
            self.rare_bytes += leaf.rare.bytes();
            self.rare.push(leaf.rare);
        }
        for word in [reach.looks, reach.writes] {
            self.code.extend_from_slice(&[word as u32, (word >> 32) as u32]);
        }
        for (ix, part) in leaf.writes {
            let number = number(ix, part);
            self.code.extend_from_slice(&[ix, number]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The place of whoever makes the transitions, at which they do not look.
    const OWN: PartIx = PartIx::MAX;

    /// What some transition looks at in a row, and comes to: the first place it
    /// looks at says where else it looks and how many ways there are.
    fn transition(row: &[PartId], ways: &[u32], taken: &mut Vec<u32>) -> (Vec<Look>, Leaf) {
        let at = |ix: u32| row.get(ix as usize).copied().unwrap_or(0);
        let mut looks = vec![Look::Read(1, at(1))];
        let mut sum = at(1);
        for step in 0..at(1) % 3 {
            let count = 2 + at(1) % 2;
            let way = ways.get(step as usize).copied().unwrap_or(0).min(count - 1);
            looks.push(Look::Choice(way, count));
            taken.push(way);
            let ix = 2 + way;
            looks.push(Look::Read(ix, at(ix)));
            sum = sum * 31 + at(ix) + way;
        }
        let rare = Rare { cut: sum.is_multiple_of(5).then_some("a reason"), ..Rare::default() };
        (looks, Leaf { writes: vec![(0, sum)], alone: sum.is_multiple_of(2), rare, ..Leaf::default() })
    }

    proptest! {
        /// Whatever was kept before, what is found is what carrying out comes to.
        #[test]
        fn what_is_found_is_what_happens(
            asked in prop::collection::vec((1u32..4, prop::collection::vec(0u32..12, 0..6), 0u32..5, 0u32..5), 1..400)
        ) {
            let mut memo = Memo::default();
            for (part, row, first, second) in asked {
                let mut taken = Vec::new();
                let (looks, leaf) = transition(&row, &[first, second], &mut taken);
                let wanted = (leaf.writes.clone(), leaf.alone, leaf.rare.cut);
                let mut ways = vec![first, second];
                let mut widths = Vec::new();
                let look = |ix: PartIx| row.get(ix as usize).copied().unwrap_or(0);
                let at = match memo.find(part, look, &mut ways, &mut widths) {
                    Some(at) => {
                        prop_assert_eq!(&ways, &taken);
                        prop_assert_eq!(widths.len(), taken.len());
                        at
                    }
                    None => {
                        memo.add((OWN, part), &looks, leaf, &mut |ix, part| ix + part)
                    }
                };
                let view = memo.get(at);
                let found = view.leaf(|ix, number| number - ix);
                prop_assert_eq!((found.writes, found.alone, found.rare.cut), wanted);
                let mut ways = vec![first, second];
                prop_assert_eq!(memo.find(part, look, &mut ways, &mut widths), Some(at));
                // Whoever walks there with others comes to the same, if there is no choice.
                let mut walks = vec![memo.walk(part, 0), memo.walk(0, 0), memo.walk(part, 0)];
                memo.follow(&mut walks, &mut Vec::new(), |_| &row);
                let came: Vec<Option<LeafAt>> = walks.iter().map(Walk::leaf).collect();
                let alone = taken.is_empty().then_some(at);
                prop_assert_eq!(came, vec![alone, None, alone]);
            }
        }
    }
}
