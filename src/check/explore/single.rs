//! One state at a time, as whoever looks at a way or a circle asks for it: its
//! transitions, out of what is kept or carried out for it. Many at a time, `batch`
//! does it; both keep what they carry out in the same place.

use super::*;
use crate::check::memo::Leaf;
use crate::check::moves::Move;
use crate::check::persistent::Learnt;
use crate::check::turn::{Carried, TOO_MANY_WAYS, WAYS_MAX, actor, carry_out, goes_on, memo_of, next_ways};
use std::rc::Rc;

impl<'a> Explorer<'a> {
    /// Who may move in a state.
    pub fn movers(&mut self, row: &Row) -> Vec<(PartIx, Mover, PartId)> {
        self.refresh();
        let mut movers = Vec::new();
        for ix in &self.actors {
            let part = row.get(*ix);
            movers.extend(Mover::of(self.activities[part as usize]).iter().map(|mover| (*ix, *mover, part)));
        }
        movers
    }

    /// The transition of an actor that takes these ways; `ways` is made
    /// complete.
    pub(in crate::check) fn leaf(
        &mut self,
        row: &Row,
        ix: PartIx,
        mover: Mover,
        part: PartId,
        ways: &mut Vec<u32>,
    ) -> Rc<Leaf> {
        let at = self.leaf_at(row, ix, mover, part, ways);
        let end = self.end_at(row, ix, mover, at);
        let memo = memo_of(mover);
        let (memos, packing) = (&self.memos, &self.store.packing);
        let part = |ix, number| packing.part(ix, number);
        let make = || {
            let leaf = memos[memo].get(at).leaf(part);
            Rc::new(match end {
                Some(end) => leaf.then(&memos[memo_of(Mover::End)].get(end).leaf(part)),
                None => leaf,
            })
        };
        let bytes = &mut self.handed_bytes;
        let new = || {
            let leaf = make();
            *bytes += size_of::<Leaf>() + leaf.bytes();
            leaf
        };
        self.handed.entry((memo, at, end)).or_insert_with(new).clone()
    }

    /// The end that goes with a transition out of this row, if one does.
    pub(super) fn end_at(&mut self, row: &Row, ix: PartIx, mover: Mover, leaf: LeafAt) -> Option<LeafAt> {
        let leaf = self.memos[memo_of(mover)].get(leaf);
        if !leaf.ends() {
            return None;
        }
        let packing = &self.store.packing;
        let writes: Vec<(PartIx, PartId)> = leaf.writes().map(|(ix, n)| (ix, packing.part(ix, n))).collect();
        let row = row.with(&writes);
        let widths = std::mem::take(&mut self.widths);
        let end = self.leaf_at(&row, ix, Mover::End, row.get(ix), &mut Vec::new());
        self.widths = widths;
        Some(end)
    }

    /// The same, where it is kept.
    pub(super) fn leaf_at(&mut self, row: &Row, ix: PartIx, mover: Mover, part: PartId, ways: &mut Vec<u32>) -> LeafAt {
        let mut widths = std::mem::take(&mut self.widths);
        let memo = memo_of(mover);
        let leaf = self.memos[memo].find(part, |ix| row.get(ix), ways, &mut widths).unwrap_or_else(|| {
            let carried = carry_out(self.open(row, ix, ways), (ix, part), mover);
            self.long |= carried.long;
            let bytes = carried.bytes();
            self.made_bytes = self.made_bytes.saturating_add(if bytes >= LARGE { bytes as u64 } else { 0 });
            let leaf = self.keep(carried);
            // Again, for the widths of its ways.
            self.memos[memo].find(part, |ix| row.get(ix), ways, &mut widths).unwrap_or(leaf)
        });
        self.widths = widths;
        leaf
    }

    /// Keeps what was carried out.
    pub(super) fn keep(&mut self, carried: Carried) -> LeafAt {
        let Carried { actor, own, mover, mut leaf, writes, looks, .. } = carried;
        self.looked += looks.len();
        if leaf.blocked {
            // It is no step of which that would be told.
            self.cut = self.cut.or(leaf.rare.cut);
        }
        let space = &self.model.space;
        let kept = writes.into_iter().map(|(ix, content)| match content {
            Content::Known(id) => (ix, id),
            Content::New(hash, part) => (ix, space.intern_hashed(hash, *part)),
        });
        leaf.writes = kept.collect();
        self.returns |= !leaf.blocked && !goes_on(space, &looks, &leaf.writes);
        let packing = &mut self.store.packing;
        let memo = memo_of(mover);
        let writes = self.futures.as_ref().map(|_| leaf.writes.clone());
        let at = self.memos[memo].add(own, &looks, leaf, &mut |ix, part| packing.give_number(ix, part));
        if let (Some(futures), Some(writes)) = (&mut self.futures, writes) {
            futures.learn(space, (memo, at), Learnt { actor, part: own.1, looks: &looks, writes: &writes });
        }
        at
    }

    pub(super) fn open<'r>(&'r self, row: &'r Row, ix: PartIx, ways: &'r [u32]) -> Move<'r> {
        let who = actor(self.model.space.key(ix), self.main);
        Move::new(self.model, row.parts(), ways, who, who).at_home()
    }

    /// All transitions out of a state. Without `all`, those of one actor alone
    /// if nobody else has to do with them.
    pub fn successors(&mut self, row: &Row, all: bool, out: &mut Vec<(Turn, Rc<Leaf>)>) -> bool {
        self.successors_unless(row, all, out, &mut |_| false).unwrap_or(false)
    }

    /// The same, whether it is one actor's alone; none if it is over before they are all there.
    pub(super) fn successors_unless(
        &mut self,
        row: &Row,
        all: bool,
        out: &mut Vec<(Turn, Rc<Leaf>)>,
        over: &mut Over<'_, 'a>,
    ) -> Option<bool> {
        out.clear();
        self.waiting.clear();
        let movers = self.movers(row);
        for (ix, mover, part) in movers {
            let from = out.len();
            if !self.each_way(row, (ix, mover, part), WAYS_MAX, out) {
                self.cut = self.cut.or(Some(TOO_MANY_WAYS));
            }
            if !all && out.len() > from && out[from..].iter().all(|(_, leaf)| leaf.alone) {
                out.drain(..from);
                return Some(true);
            }
            if over(self) {
                return None;
            }
        }
        Some(false)
    }

    /// The transitions of one actor, one for each of its ways, but no more than
    /// `most` of them; whether those are all.
    #[inline]
    pub(in crate::check) fn each_way(
        &mut self,
        row: &Row,
        (ix, mover, part): (PartIx, Mover, PartId),
        most: usize,
        out: &mut Vec<(Turn, Rc<Leaf>)>,
    ) -> bool {
        let from = out.len();
        let mut ways = Vec::new();
        loop {
            let leaf = self.leaf(row, ix, mover, part, &mut ways);
            let widths = std::mem::take(&mut self.widths);
            if leaf.blocked {
                if mover == Mover::Task {
                    self.waiting.push((ix, leaf.clone()));
                }
            } else {
                out.push((Turn { actor: ix, mover, ways: ways.clone() }, leaf));
            }
            let more = next_ways(&mut ways, &widths);
            self.widths = widths;
            if !more {
                return true;
            }
            if out.len() - from >= most {
                return false;
            }
        }
    }

    /// The transition of one actor whose ways are drawn one after the other:
    /// `pick` says which of how many.
    pub(in crate::check) fn drawn(
        &mut self,
        row: &Row,
        (ix, mover, part): (PartIx, Mover, PartId),
        pick: &mut dyn FnMut(u32) -> u32,
    ) -> (Turn, Rc<Leaf>) {
        let mut ways = Vec::new();
        let mut drawn = 0;
        loop {
            // Ways that are left open are filled with the first of each.
            let leaf = self.leaf(row, ix, mover, part, &mut ways);
            if drawn >= ways.len() {
                return (Turn { actor: ix, mover, ways }, leaf);
            }
            ways.truncate(drawn);
            ways.push(pick(self.widths[drawn]));
            drawn += 1;
        }
    }

    /// Forgets who waited in the state looked at last.
    pub(in crate::check) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// What a part does by itself.
    pub(in crate::check) fn activity(&mut self, part: PartId) -> Activity {
        self.refresh();
        self.activities.get(part as usize).copied().unwrap_or(Activity::None)
    }

    /// The transitions that were followed out of a state.
    pub fn explored(&mut self, state: StateId, row: &Row, out: &mut Vec<(Turn, Rc<Leaf>)>) {
        let alone = self.successors(row, !self.model.alone, out);
        if alone {
            let mut fresh = false;
            for (_, leaf) in out.iter() {
                let id = self.land_behind(state, row, &leaf.writes);
                fresh |= id != state && self.parents[id as usize] == state;
            }
            if !fresh {
                self.successors(row, true, out);
            }
        }
    }

    /// Whether a task is there and has not ended.
    pub fn is_live(&self, row: &Row, ix: PartIx) -> bool {
        matches!(self.activities[row.get(ix) as usize], Activity::Task | Activity::Stopping)
    }

    /// Whether one part is a task that is there, and the other one that has ended or is to.
    pub(in crate::check) fn ceases(&mut self, before: PartId, after: PartId) -> bool {
        before != after && self.activity(before) == Activity::Task && self.activity(after) != Activity::Task
    }

    /// The state that a transition comes to, as it is kept; and whether it is
    /// new.
    pub(in crate::check) fn land(&mut self, row: &Row, writes: &[(PartIx, PartId)]) -> (StateId, bool) {
        if self.symmetry.is_some() {
            self.refresh();
        }
        if let Some(symmetry) = &mut self.symmetry {
            let landed = row.with(writes);
            if let Some(normal) = symmetry.normal(&self.model.space, landed.parts(), &self.actors) {
                return self.store.add_parts(&normal);
            }
        }
        self.store.add(row, writes)
    }

    /// The same of a transition out of a state, to which nothing else may have led
    /// yet, if transitions slept.
    pub(in crate::check) fn land_behind(&mut self, state: StateId, row: &Row, writes: &[(PartIx, PartId)]) -> StateId {
        let (id, new) = self.land(row, writes);
        if new {
            self.parents.push(state);
        }
        id
    }

    /// Who is exchanged for whom in a row as it is kept.
    pub(super) fn exchange(&mut self, parts: &[PartId]) -> Vec<(TaskId, TaskId)> {
        self.refresh();
        let exchange = self.symmetry.as_mut().and_then(|s| s.exchange(&self.model.space, parts, &self.actors));
        exchange.map(Vec::from).unwrap_or_default()
    }

    /// A row with tasks in each other's places.
    pub(super) fn exchanged(&mut self, parts: &[PartId], exchange: &[(TaskId, TaskId)]) -> Vec<PartId> {
        match &mut self.symmetry {
            Some(symmetry) if !exchange.is_empty() => symmetry.exchanged(&self.model.space, parts, exchange),
            _ => parts.to_vec(),
        }
    }

    /// A row as it is kept.
    pub(super) fn normal(&mut self, parts: Vec<PartId>) -> Vec<PartId> {
        self.refresh();
        match &mut self.symmetry {
            Some(symmetry) => symmetry.normal(&self.model.space, &parts, &self.actors).unwrap_or(parts),
            None => parts,
        }
    }
}
