//! Persistent sets (Godefroid, *Partial-Order Methods for the Verification of
//! Concurrent Systems*, 1996): in a state it is enough to follow some of the
//! tasks, if nothing that the others may do before one of these moves is in the way of
//! what these do next. It owns what the tasks are known to do from where they stand,
//! and the choice of those that are followed; what leads out of a state, `batch`
//! says, and when this is worth it, `check`.
//!
//! What a task may do later is not read from the code, which knows little of indices and
//! handles, but learnt while exploring: for each place in the code at which a task has
//! stood, what its transitions from there looked at and wrote, and where they led. At
//! first nothing is known, everything seems independent, and few ways are followed;
//! what they show is taken in, and the exploration begins anew with it, until one ends in
//! which nothing was learnt that would have changed a choice.
//!
//! That one is right. Suppose some execution did what is not known of its task. Of all
//! such take, from the states that were met, one with the fewest steps left to the first
//! deed that is not known. If the followed tasks of the state have a step in it, the first
//! of these can be made at once, since all before it is known and so not in its way; it
//! was followed, and fewer steps are left. If not, any step that was followed is out of
//! the way of all those before the unknown deed; behind it they can be made as
//! before, and the task comes to the same deed, since up to there it sees the same. As
//! executions do not go on for ever without a new state (`Explorer::run` follows all
//! tasks where the chosen ones lead to known states only), some such step comes to be
//! followed, and the deed would be known.
//!
//! Two transitions are in each other's way if one writes what the other looks at. A task
//! that cannot go on counts with what its attempt looked at: only who writes there can
//! let it go on; and if it waits for a task that must get on with it first (the holder of
//! a lock), only that one can. States, and so findings on them, are fewer; ends are all met, and each
//! transition that shows something is made in some state.

use super::memo::LeafAt;
use super::moves::Look;
use super::part::{At, Key, Part, PartId, PartIx, Space};
use hashbrown::HashMap;

/// So many places are told apart; others share one.
const PLACES: usize = 512;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places([u64; PLACES / 64]);

impl Places {
    fn add(&mut self, ix: PartIx) {
        let at = ix as usize % PLACES;
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn overlaps(&self, other: &Places) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Whether that added something.
    fn take_in(&mut self, other: &Places) -> bool {
        let before = *self;
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
        *self != before
    }
}

/// What some transitions look at, and what they write, which is among it. Apart
/// from both: what they change in a way that does the same before and behind such a
/// change by others, as threads do that end and leave the list of their process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    looks: Places,
    writes: Places,
    leaves: Places,
}

impl Touches {
    /// `left`: the list that the transition does no more to than to leave it.
    fn of(looks: &[Look], writes: &[(PartIx, PartId)], left: Option<PartIx>) -> Touches {
        let mut all = Touches::default();
        for look in looks {
            match look {
                Look::Read(ix, _) if Some(*ix) == left => all.leaves.add(*ix),
                Look::Read(ix, _) => all.looks.add(*ix),
                Look::Choice(..) => {}
            }
        }
        for (ix, _) in writes.iter().filter(|w| Some(w.0) != left) {
            all.looks.add(*ix);
            all.writes.add(*ix);
        }
        all
    }

    pub fn take_in(&mut self, other: &Touches) -> bool {
        self.looks.take_in(&other.looks) | self.writes.take_in(&other.writes) | self.leaves.take_in(&other.leaves)
    }

    fn in_the_way_of(&self, other: &Touches) -> bool {
        self.writes.overlaps(&other.looks)
            || other.writes.overlaps(&self.looks)
            || self.leaves.overlaps(&other.looks)
            || other.leaves.overlaps(&self.looks)
    }
}

/// Where a task stands: its place in the row, and in the code.
type Location = (PartIx, u32, u8);

/// What is known by now.
#[derive(Default)]
pub struct Futures {
    locations: HashMap<Location, u32, rustc_hash::FxBuildHasher>,
    /// By the number of a task's part, its location's number and one; or 0.
    of_part: Vec<u32>,
    /// Of each location, what is done there, and where to one may get from it.
    here: Vec<Touches>,
    next: Vec<Vec<u32>>,
    /// What is done there or later.
    ever: Vec<Touches>,
    touches: HashMap<(usize, LeafAt), Touches, rustc_hash::FxBuildHasher>,
    changed: bool,
    /// Something was learnt of a location that had been asked for.
    pub outgrown: bool,
}

/// What is known of a transition that was carried out.
pub struct Learnt<'l> {
    /// Whose, and what stood there.
    pub actor: PartIx,
    pub part: PartId,
    pub looks: &'l [Look],
    pub writes: &'l [(PartIx, PartId)],
}

impl Futures {
    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.touches.capacity() * (size_of::<Touches>() + 24) + self.of_part.capacity() * 4 + self.here.len() * 400
    }

    fn location(&mut self, space: &Space, ix: PartIx, part: PartId) -> Option<u32> {
        let at = part as usize;
        if self.of_part.len() <= at {
            self.of_part.resize(at + 1, 0);
        }
        if self.of_part[at] != 0 {
            return Some(self.of_part[at] - 1);
        }
        let part = space.part(part);
        let Part::Task(task) = &*part else { return None };
        let stage = match &task.at {
            At::Step(_) => 0,
            At::Operate { .. } => 1,
            At::Select { .. } => 2,
            At::Met { .. } => 3,
            At::Looked { .. } => 4,
            At::Ending(_) => 5,
            At::Closing(_) => 6,
            At::Ended(_) => 7,
        };
        let pc = task.machine.as_ref().map_or(task.site, crate::machine::Task::pc);
        let next = self.here.len() as u32;
        let number = *self.locations.entry((ix, pc, stage)).or_insert(next);
        if number == next {
            self.here.push(Touches::default());
            self.ever.push(Touches::default());
            self.next.push(Vec::new());
        }
        self.of_part[at] = number + 1;
        Some(number)
    }

    fn leads_to(&mut self, from: u32, to: u32) {
        if !self.next[from as usize].contains(&to) {
            self.next[from as usize].push(to);
            self.changed = true;
        }
    }

    /// Takes in a transition, which is kept there in the memo.
    pub fn learn(&mut self, space: &Space, at: (usize, LeafAt), learnt: Learnt) {
        let touches = Touches::of(learnt.looks, learnt.writes, left_by(space, learnt.part));
        self.touches.insert(at, touches);
        let Some(from) = self.location(space, learnt.actor, learnt.part) else { return };
        self.changed |= self.here[from as usize].take_in(&touches);
        for (ix, part) in learnt.writes {
            if !matches!(space.key(*ix), Key::Task(_)) {
                continue;
            }
            let Some(to) = self.location(space, *ix, *part) else { continue };
            match Look::seen_at(learnt.looks, *ix) {
                // Somebody is born, who does for his maker what is to come.
                None | Some(0) => self.leads_to(from, to),
                // The actor goes on; or another one is moved on by it.
                Some(before) => {
                    if let Some(before) = self.location(space, *ix, before) {
                        self.leads_to(before, to);
                    }
                }
            }
        }
    }

    /// Works out what is done later from what is done where.
    pub fn close(&mut self) {
        while std::mem::take(&mut self.changed) {
            for at in (0..self.here.len()).rev() {
                let mut ever = self.here[at];
                for next in &self.next[at] {
                    ever.take_in(&self.ever[*next as usize]);
                }
                if self.ever[at] != ever {
                    self.outgrown |= self.ever[at] != Touches::default();
                    self.ever[at] = ever;
                    self.changed = true;
                }
            }
        }
    }

    /// What a transition in the memo touches.
    pub fn touches(&self, memo: usize, leaf: LeafAt) -> Option<&Touches> {
        self.touches.get(&(memo, leaf))
    }

    /// What a task may do from where it stands.
    pub fn ever(&self, part: PartId) -> Option<&Touches> {
        let location = self.of_part.get(part as usize)?.checked_sub(1)?;
        self.ever.get(location as usize)
    }
}

/// The list of a process's threads that a task is about to leave, if that is all
/// that it does to it: of a thread that has come to its end.
fn left_by(space: &Space, part: PartId) -> Option<PartIx> {
    match &*space.part(part) {
        Part::Task(task) if matches!(task.at, At::Ending(_)) && !task.birth.process && task.birth.pool.is_none() => {
            Some(space.place(Key::Threads(task.process)))
        }
        _ => None,
    }
}

/// A task in a state: what it does next and ever, and in how many ways.
pub struct Standing {
    pub next: Touches,
    pub ever: Touches,
    /// None: it cannot go on.
    pub ways: usize,
    /// Then, if it is so: the place of the task that must get on with it first.
    pub needs: Option<usize>,
}

/// Those of the tasks that are enough, a bit each; fewer than all that can go on.
/// None if there are no such, or too many tasks.
pub fn choose(tasks: &[Standing]) -> Option<u64> {
    if tasks.len() > u64::BITS as usize {
        return None;
    }
    // Of each task those whose future is in the way of its next step.
    let others = |n: usize| {
        if let (0, Some(needs)) = (tasks[n].ways, tasks[n].needs) {
            return 1 << needs;
        }
        let bits = tasks.iter().enumerate().filter(|(m, other)| *m != n && tasks[n].next.in_the_way_of(&other.ever));
        bits.fold(0u64, |all, (m, _)| all | 1 << m)
    };
    let in_the_way: Vec<u64> = (0..tasks.len()).map(others).collect();
    let ways = |set: u64| (0..tasks.len()).filter(|n| set & 1 << n != 0).map(|n| tasks[n].ways).sum::<usize>();
    let all: usize = tasks.iter().map(|t| t.ways).sum();
    let mut best = (all, None);
    for start in (0..tasks.len()).filter(|n| tasks[*n].ways > 0) {
        let (mut set, mut todo) = (1u64 << start, 1u64 << start);
        while todo != 0 {
            let n = todo.trailing_zeros() as usize;
            todo &= todo - 1;
            todo |= in_the_way[n] & !set;
            set |= in_the_way[n];
        }
        let count = ways(set);
        if count < best.0 {
            best = (count, Some(set));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touches(looks: &[PartIx], writes: &[PartIx]) -> Touches {
        let looks: Vec<Look> = looks.iter().map(|ix| Look::Read(*ix, 1)).collect();
        let writes: Vec<(PartIx, PartId)> = writes.iter().map(|ix| (*ix, 1)).collect();
        Touches::of(&looks, &writes, None)
    }

    fn standing(next: Touches, later: Touches, ways: usize) -> Standing {
        let mut ever = next;
        ever.take_in(&later);
        Standing { next, ever, ways, needs: None }
    }

    #[test]
    fn those_who_have_to_do_with_each_other_are_followed_together() {
        let nothing = Touches::default();
        let pair = |place: PartIx| touches(&[place], &[place]);
        // Two at one place, two at another one: the first pair is enough.
        let two = [standing(pair(1), nothing, 1), standing(pair(1), nothing, 1)];
        let pairs: Vec<Standing> =
            two.into_iter().chain([standing(pair(2), nothing, 1), standing(pair(2), nothing, 1)]).collect();
        assert_eq!(choose(&pairs), Some(0b11));
        // Who comes to the place later is among those that are needed.
        let later = [standing(pair(1), nothing, 1), standing(pair(2), pair(1), 1)];
        assert_eq!(choose(&later), Some(0b10));
        // Who cannot go on may be let go on by another one.
        let waits = [standing(pair(1), nothing, 0), standing(pair(2), pair(1), 1), standing(pair(1), nothing, 1)];
        assert_eq!(choose(&waits), Some(0b10));
        let needed = [standing(pair(1), nothing, 0), standing(pair(2), pair(1), 1), standing(pair(1), pair(2), 1)];
        assert_eq!(choose(&needed), None);
        // Who needs one task waits for nobody else, whatever it has looked at.
        let holder = Standing { needs: Some(1), ..standing(pair(1), nothing, 0) };
        let pair_and_third =
            [holder, standing(pair(2), pair(1), 1), standing(pair(3), pair(1), 1), standing(pair(1), nothing, 1)];
        assert_eq!(choose(&pair_and_third), Some(0b10));
        // All read the same.
        let reads = [standing(touches(&[1], &[]), nothing, 1), standing(touches(&[1], &[]), nothing, 1)];
        assert_eq!(choose(&reads), Some(0b1));
    }
}
