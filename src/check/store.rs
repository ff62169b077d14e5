//! All states that were met: each as a tree over its row, the leaves eight
//! parts together, above them pairs; every node kept once, so that a state costs
//! about one pair. It owns the tables; what the numbers in a row mean, `part`
//! says.
//!
//! The tree is Laarman, van de Pol and Weber's (Parallel Recursive State
//! Compression for Free, SPIN 2011). Nothing is approximated: two states are
//! one if and only if their rows are equal.

use super::part::PartId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// The number of a state, in the order in which they were met.
pub type StateId = u32;

type Pair = (u32, u32);

/// So many parts make a leaf: with them a look-up touches one cache line.
const CHUNK: usize = 8;
type Chunk = [PartId; CHUNK];

#[inline]
fn mix(x: u64) -> u64 {
    let x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    x ^ (x >> 32)
}

trait Node: Copy + PartialEq {
    fn hash(&self) -> u64;
}

impl Node for Pair {
    #[inline]
    fn hash(&self) -> u64 {
        mix(u64::from(self.0) << 32 | u64::from(self.1))
    }
}

impl Node for Chunk {
    #[inline]
    fn hash(&self) -> u64 {
        let mut h = 0u64;
        for pair in self.chunks_exact(2) {
            h = (h.rotate_left(29) ^ (u64::from(pair[0]) << 32 | u64::from(pair[1])))
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        mix(h)
    }
}

/// How many nodes were looked up last are kept at hand.
const AT_HAND: usize = 1 << 12;

/// A table of nodes, each with the number of its place.
struct Nodes<N: Node> {
    all: Vec<N>,
    known: HashTable<u32>,
    /// By a part of the hash: the number of a node that was looked up.
    at_hand: Vec<u32>,
}

impl<N: Node> Nodes<N> {
    /// `nothing` has the number 0.
    fn new(nothing: N) -> Nodes<N> {
        let mut nodes = Nodes { all: Vec::new(), known: HashTable::new(), at_hand: vec![0; AT_HAND] };
        nodes.add(nothing);
        nodes
    }

    #[inline]
    fn add(&mut self, node: N) -> u32 {
        let h = node.hash();
        let hand = (h as usize >> 7) % AT_HAND;
        let near = self.at_hand[hand];
        if self.all.get(near as usize) == Some(&node) {
            return near;
        }
        let all = &self.all;
        let id = match self.known.entry(h, |i| all[*i as usize] == node, |i| all[*i as usize].hash()) {
            Entry::Occupied(e) => *e.get(),
            Entry::Vacant(e) => {
                let id = self.all.len() as u32;
                e.insert(id);
                self.all.push(node);
                id
            }
        };
        self.at_hand[hand] = id;
        id
    }

    fn bytes(&self) -> usize {
        self.all.capacity() * size_of::<N>() + self.known.capacity() * 5
    }
}

/// A row and the nodes above it, laid out as a heap: nodes 2 and 3 are the
/// root's, the last `chunks` are the numbers of the leaves.
#[derive(Clone, Debug, Default)]
pub struct Row {
    parts: Vec<PartId>,
    nodes: Vec<u32>,
    chunks: usize,
}

impl Row {
    #[inline]
    pub fn get(&self, ix: u32) -> PartId {
        self.parts.get(ix as usize).copied().unwrap_or(0)
    }

    /// A row that is of no store.
    pub fn from_parts(parts: &[PartId]) -> Row {
        Row { parts: parts.to_vec(), nodes: Vec::new(), chunks: 0 }
    }

    pub fn parts(&self) -> &[PartId] {
        &self.parts
    }

    /// The row with some parts replaced; it is of no store.
    pub fn with(&self, changes: &[(u32, PartId)]) -> Row {
        Row { parts: with_changes(&self.parts, changes), nodes: Vec::new(), chunks: 0 }
    }

    /// Without the nothing at its end.
    pub fn trimmed(mut self) -> Row {
        self.parts.truncate(len_of(&self.parts));
        self
    }
}

fn len_of(parts: &[PartId]) -> usize {
    parts.iter().rposition(|p| *p != 0).map_or(0, |i| i + 1)
}

fn with_changes(parts: &[PartId], changes: &[(u32, PartId)]) -> Vec<PartId> {
    let top = changes.iter().map(|c| c.0 as usize + 1).max().unwrap_or(0);
    let mut all = parts.to_vec();
    all.resize(all.len().max(top), 0);
    for (ix, part) in changes {
        all[*ix as usize] = *part;
    }
    all
}

/// Whether two rows are the same state: one may be longer for nothing.
pub fn same_parts(one: &[PartId], other: &[PartId]) -> bool {
    one[..len_of(one)] == other[..len_of(other)]
}

/// At least two leaves, so that a root is a pair.
fn chunks_of(len: usize) -> usize {
    len.div_ceil(CHUNK).max(2).next_power_of_two()
}

/// See the head of the file.
pub struct Store {
    leaves: Nodes<Chunk>,
    inner: Nodes<Pair>,
    /// By the depth of the tree.
    roots: Vec<HashTable<StateId>>,
    /// Of each state the pair at its root and its depth.
    states: Vec<Pair>,
    depths: Vec<u8>,
    scratch: Vec<u32>,
}

impl Store {
    pub fn new() -> Store {
        Store {
            leaves: Nodes::new([0; CHUNK]),
            inner: Nodes::new((0, 0)),
            roots: Vec::new(),
            states: Vec::new(),
            depths: Vec::new(),
            scratch: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn bytes(&self) -> usize {
        let roots: usize = self.roots.iter().map(|r| r.capacity() * 5).sum();
        self.leaves.bytes() + self.inner.bytes() + roots + self.states.capacity() * 8 + self.depths.capacity()
    }

    /// The row that results from `row` with some parts replaced, in the order of
    /// their places: its number, and whether it is new. `row` is as `load` gives
    /// it.
    pub fn add(&mut self, row: &Row, changes: &[(u32, PartId)]) -> (StateId, bool) {
        let top = changes.last().map_or(0, |c| c.0 as usize + 1);
        let removed = changes.iter().any(|c| c.1 == 0);
        if top > row.parts.len() || removed || row.chunks == 0 {
            return self.add_parts(&with_changes(&row.parts, changes));
        }
        let mut nodes = std::mem::take(&mut self.scratch);
        nodes.clear();
        nodes.extend_from_slice(&row.nodes);
        let mut at = 0;
        // The leaves that change, then level by level the nodes above them.
        let mut low = usize::MAX;
        let mut high = 0;
        while at < changes.len() {
            let chunk = changes[at].0 as usize / CHUNK;
            let mut leaf = [0; CHUNK];
            let begin = chunk * CHUNK;
            let end = (begin + CHUNK).min(row.parts.len());
            leaf[..end - begin].copy_from_slice(&row.parts[begin..end]);
            while let Some((ix, part)) = changes.get(at).filter(|c| c.0 as usize / CHUNK == chunk) {
                leaf[*ix as usize % CHUNK] = *part;
                at += 1;
            }
            let node = row.chunks + chunk;
            nodes[node] = self.leaves.add(leaf);
            low = low.min(node);
            high = high.max(node);
        }
        while low > 3 {
            let (first, last) = (low / 2, high / 2);
            for node in first..=last {
                if nodes[2 * node] != row.nodes[2 * node] || nodes[2 * node + 1] != row.nodes[2 * node + 1] {
                    nodes[node] = self.inner.add((nodes[2 * node], nodes[2 * node + 1]));
                }
            }
            (low, high) = (first, last);
        }
        let id = self.root(row.chunks, (nodes[2], nodes[3]));
        self.scratch = nodes;
        id
    }

    /// A row from nothing. Its depth is that of its last part, whatever stood
    /// behind that before.
    pub fn add_parts(&mut self, parts: &[PartId]) -> (StateId, bool) {
        let len = len_of(parts);
        let chunks = chunks_of(len);
        let mut nodes = vec![0; 2 * chunks];
        for (n, part) in parts[..len].chunks(CHUNK).enumerate() {
            let mut leaf = [0; CHUNK];
            leaf[..part.len()].copy_from_slice(part);
            nodes[chunks + n] = self.leaves.add(leaf);
        }
        for node in (2..chunks).rev() {
            nodes[node] = self.inner.add((nodes[2 * node], nodes[2 * node + 1]));
        }
        self.root(chunks, (nodes[2], nodes[3]))
    }

    fn root(&mut self, chunks: usize, pair: Pair) -> (StateId, bool) {
        let depth = chunks.trailing_zeros() as usize;
        while self.roots.len() <= depth {
            self.roots.push(HashTable::new());
        }
        let states = &self.states;
        match self.roots[depth].entry(pair.hash(), |i| states[*i as usize] == pair, |i| states[*i as usize].hash()) {
            Entry::Occupied(e) => (*e.get(), false),
            Entry::Vacant(e) => {
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
        let chunks = 1usize << self.depths[state as usize];
        row.chunks = chunks;
        row.nodes.clear();
        row.nodes.resize(2 * chunks, 0);
        let root = self.states[state as usize];
        row.nodes[2] = root.0;
        row.nodes[3] = root.1;
        for node in 2..chunks {
            let pair = self.inner.all[row.nodes[node] as usize];
            row.nodes[2 * node] = pair.0;
            row.nodes[2 * node + 1] = pair.1;
        }
        row.parts.clear();
        for node in chunks..2 * chunks {
            row.parts.extend_from_slice(&self.leaves.all[row.nodes[node] as usize]);
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
                let mut changes = changes;
                changes.sort_by_key(|c| c.0);
                changes.dedup_by_key(|c| c.0);
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
