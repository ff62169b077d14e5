//! All states that were met: each as a binary tree of pairs over its row, every
//! pair kept once, so that a state costs about one pair. It owns the tables;
//! what the numbers in a row mean, `part` says.
//!
//! The tree is Laarman, van de Pol and Weber's (Parallel Recursive State
//! Compression for Free, SPIN 2011). Nothing is approximated: two states are
//! one if and only if their rows are equal.

use super::part::PartId;
use hashbrown::HashTable;

/// The number of a state, in the order in which they were met.
pub type StateId = u32;

type Pair = (u32, u32);

#[inline]
fn hash(pair: Pair) -> u64 {
    let x = (u64::from(pair.0) << 32 | u64::from(pair.1)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

/// A table of pairs, each with the number of its place.
#[derive(Default)]
struct Pairs {
    all: Vec<Pair>,
    known: HashTable<u32>,
}

impl Pairs {
    #[inline]
    fn add(&mut self, pair: Pair) -> (u32, bool) {
        let all = &self.all;
        let h = hash(pair);
        match self.known.entry(h, |i| all[*i as usize] == pair, |i| hash(all[*i as usize])) {
            hashbrown::hash_table::Entry::Occupied(e) => (*e.get(), false),
            hashbrown::hash_table::Entry::Vacant(e) => {
                let id = self.all.len() as u32;
                e.insert(id);
                self.all.push(pair);
                (id, true)
            }
        }
    }

    fn bytes(&self) -> usize {
        self.all.capacity() * 8 + self.known.capacity() * 5
    }
}

/// A row as a tree, laid out as a heap: node 1 is the root's pair, the leaves
/// are the last `width`.
#[derive(Clone, Debug, Default)]
pub struct Row {
    nodes: Vec<u32>,
    width: usize,
}

impl Row {
    pub fn get(&self, ix: u32) -> PartId {
        if (ix as usize) < self.width { self.nodes[self.width + ix as usize] } else { 0 }
    }

    pub fn len(&self) -> usize {
        self.width
    }

    pub fn from_parts(parts: &[PartId]) -> Row {
        let width = width_of(parts.len());
        let mut nodes = vec![0; 2 * width];
        nodes[width..width + parts.len()].copy_from_slice(parts);
        Row { nodes, width }
    }

    pub fn parts(&self) -> &[PartId] {
        &self.nodes[self.width..]
    }
}

/// At least two, so that a root is a pair.
fn width_of(len: usize) -> usize {
    len.max(2).next_power_of_two()
}

/// See the head of the file.
#[derive(Default)]
pub struct Store {
    inner: Pairs,
    /// By the depth of the tree.
    roots: Vec<HashTable<StateId>>,
    /// Of each state the pair at its root and its depth.
    states: Vec<Pair>,
    depths: Vec<u8>,
    scratch: Vec<u32>,
}

impl Store {
    pub fn new() -> Store {
        let mut store = Store::default();
        // The pair of nothing is nothing.
        store.inner.add((0, 0));
        store
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn bytes(&self) -> usize {
        let roots: usize = self.roots.iter().map(|r| r.capacity() * 5).sum();
        self.inner.bytes() + roots + self.states.capacity() * 8 + self.depths.capacity()
    }

    /// The row that results from `row` with some parts replaced: its number,
    /// and whether it is new. `row` must be a state of the store with its inner
    /// nodes, as `load` gives it.
    pub fn add(&mut self, row: &Row, changes: &[(u32, PartId)]) -> (StateId, bool) {
        let top = changes.iter().map(|c| c.0 as usize + 1).max().unwrap_or(0);
        if top > row.width {
            return self.add_wide(row, changes, top);
        }
        let width = row.width;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(&row.nodes);
        // Level by level: the nodes above what changed.
        let mut dirty: [u32; 64] = [0; 64];
        let mut count = 0;
        let mut all = false;
        for (ix, part) in changes {
            let at = width + *ix as usize;
            scratch[at] = *part;
            let parent = (at / 2) as u32;
            if !all && !dirty[..count].contains(&parent) {
                if count == dirty.len() {
                    all = true;
                } else {
                    dirty[count] = parent;
                    count += 1;
                }
            }
        }
        let result = if all { self.build(&mut scratch, width) } else { self.lift(&mut scratch, &mut dirty, count) };
        let removed = changes.iter().any(|c| c.1 == 0);
        let id = if removed && width > 2 {
            let parts: Vec<u32> = scratch[width..].to_vec();
            self.add_parts(&parts)
        } else {
            self.root(width, result)
        };
        self.scratch = scratch;
        id
    }

    /// The nodes above `dirty`, which all lie on one level.
    fn lift(&mut self, nodes: &mut [u32], dirty: &mut [u32; 64], mut count: usize) -> Pair {
        while count > 0 && dirty[0] > 1 {
            let mut next = 0;
            for i in 0..count {
                let at = dirty[i] as usize;
                let pair = (nodes[2 * at], nodes[2 * at + 1]);
                nodes[at] = if pair == (0, 0) { 0 } else { self.inner.add(pair).0 };
                let parent = (at / 2) as u32;
                if !dirty[..next].contains(&parent) {
                    dirty[next] = parent;
                    next += 1;
                }
            }
            count = next;
        }
        (nodes[2], nodes[3])
    }

    fn build(&mut self, nodes: &mut [u32], width: usize) -> Pair {
        for at in (2..width).rev() {
            let pair = (nodes[2 * at], nodes[2 * at + 1]);
            nodes[at] = if pair == (0, 0) { 0 } else { self.inner.add(pair).0 };
        }
        (nodes[2], nodes[3])
    }

    fn add_wide(&mut self, row: &Row, changes: &[(u32, PartId)], top: usize) -> (StateId, bool) {
        let mut parts = row.parts().to_vec();
        parts.resize(top, 0);
        for (ix, part) in changes {
            parts[*ix as usize] = *part;
        }
        self.add_parts(&parts)
    }

    /// A row from nothing. Its depth is that of its last part, whatever stood
    /// behind that before.
    pub fn add_parts(&mut self, parts: &[PartId]) -> (StateId, bool) {
        let len = parts.iter().rposition(|p| *p != 0).map_or(0, |i| i + 1);
        let mut row = Row::from_parts(&parts[..len]);
        let width = row.width;
        let pair = self.build(&mut row.nodes, width);
        self.root(width, pair)
    }

    fn root(&mut self, width: usize, pair: Pair) -> (StateId, bool) {
        let depth = width.trailing_zeros() as usize;
        while self.roots.len() <= depth {
            self.roots.push(HashTable::new());
        }
        let states = &self.states;
        let h = hash(pair);
        match self.roots[depth].entry(h, |i| states[*i as usize] == pair, |i| hash(states[*i as usize])) {
            hashbrown::hash_table::Entry::Occupied(e) => (*e.get(), false),
            hashbrown::hash_table::Entry::Vacant(e) => {
                let id = self.states.len() as StateId;
                e.insert(id);
                self.states.push(pair);
                self.depths.push(depth as u8);
                (id, true)
            }
        }
    }

    /// A state's row, with its inner nodes.
    pub fn load(&self, state: StateId, row: &mut Row) {
        let width = 1usize << self.depths[state as usize];
        row.width = width;
        row.nodes.clear();
        row.nodes.resize(2 * width, 0);
        let root = self.states[state as usize];
        row.nodes[2] = root.0;
        row.nodes[3] = root.1;
        for at in 2..width {
            let pair = self.inner.all[row.nodes[at] as usize];
            row.nodes[2 * at] = pair.0;
            row.nodes[2 * at + 1] = pair.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Whatever changes lead to a row, it is one state; and it comes back
        /// as it went in.
        #[test]
        fn equal_rows_are_one_state(steps in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::collection::vec((0u32..40, 0u32..4), 1..6)), 1..60)
        ) {
            let mut store = Store::new();
            let mut model: HashMap<Vec<u32>, u32> = HashMap::new();
            let trim = |mut v: Vec<u32>| { while v.last() == Some(&0) { v.pop(); } v };
            let mut rows: Vec<Vec<u32>> = vec![vec![7]];
            let (first, _) = store.add_parts(&[7]);
            model.insert(vec![7], first);
            let mut ids = vec![first];
            for (from, changes) in steps {
                let i = from.index(rows.len());
                let mut row = Row::default();
                store.load(ids[i], &mut row);
                let mut wanted = rows[i].clone();
                for (ix, part) in &changes {
                    if wanted.len() <= *ix as usize { wanted.resize(*ix as usize + 1, 0); }
                    wanted[*ix as usize] = *part;
                }
                let wanted = trim(wanted);
                if wanted.is_empty() { continue; }
                let (id, new) = store.add(&row, &changes);
                prop_assert_eq!(new, !model.contains_key(&wanted));
                prop_assert_eq!(*model.entry(wanted.clone()).or_insert(id), id);
                store.load(id, &mut row);
                prop_assert_eq!(trim(row.parts().to_vec()), wanted.clone());
                rows.push(wanted);
                ids.push(id);
            }
        }
    }
}
