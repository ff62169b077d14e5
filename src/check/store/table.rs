//! The tables that find a state again by its hash: entries of a state's number and eight
//! bits of its hash, twelve in a line of the processor's cache. They own no states: whether
//! one is the same, who asks has to say.

use super::StateId;
use crate::check::fetch::fetch;

/// So many entries of a table lie together in one line of the cache.
pub const ENTRIES: usize = 12;

/// Numbers of states, each with eight bits of its hash; a tag of 0 is no entry.
#[derive(Clone, Default)]
#[repr(align(64))]
pub struct Bucket {
    /// The last four are none.
    pub tags: [u8; 16],
    pub ids: [StateId; ENTRIES],
}

impl Bucket {
    /// Which entries have this tag, a bit each, the lowest of eight.
    #[inline]
    fn matches(&self, tag: u8) -> u128 {
        const LOW: u128 = u128::MAX / 255 * 0x7f;
        let differ = u128::from_le_bytes(self.tags) ^ (u128::MAX / 255 * u128::from(tag));
        // A byte that is 0 is the only one whose highest bit stays 0 in all of this.
        !(((differ & LOW) + LOW) | differ | LOW) >> 7 & (u128::MAX >> 32)
    }
}

#[inline]
fn tag(hash: u64) -> u8 {
    ((hash >> 32) as u8).max(1)
}

/// Tables are as many as this, each with the states of some hashes.
pub const SHARDS: usize = 16;

#[inline]
pub fn shard(hash: u64) -> usize {
    (hash >> 60) as usize % SHARDS
}

#[inline]
pub fn hash(words: &[u64]) -> u64 {
    let mut h = 0u64;
    for word in words {
        let product = u128::from(h.rotate_left(23) ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
        h = product as u64 ^ (product >> 64) as u64;
    }
    let h = (h ^ h >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    h ^ h >> 29
}

#[derive(Default)]
pub struct Table {
    pub buckets: Vec<Bucket>,
    pub len: usize,
    /// Entries of the batch that is being settled: where, and which.
    pub fresh: Vec<(u32, u8, u32)>,
}

impl Table {
    #[inline]
    fn home(&self, hash: u64) -> usize {
        (((hash & 0xffff_ffff) * self.buckets.len() as u64) >> 32) as usize
    }

    /// Has the entries fetched that `find` will look at first.
    #[inline]
    pub fn touch(&self, hash: u64) {
        fetch(&self.buckets[self.home(hash)]);
    }

    pub fn room(&self) -> usize {
        self.buckets.len() * ENTRIES / 5 * 4
    }

    /// An entry that is none of those that are there already.
    pub fn insert(&mut self, hash: u64, id: u32) -> (usize, usize) {
        let mut at = self.home(hash);
        loop {
            let bucket = &mut self.buckets[at];
            let free = bucket.matches(0);
            if free != 0 {
                let n = (free.trailing_zeros() / 8) as usize;
                bucket.tags[n] = tag(hash);
                bucket.ids[n] = id;
                self.len += 1;
                return (at, n);
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }

    /// The entry of which `same` says so; the first that may be it, by its tag,
    /// without asking.
    #[inline]
    pub fn find(&self, hash: u64, mut same: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag(hash);
        let mut at = self.home(hash);
        loop {
            let bucket = &self.buckets[at];
            let mut matches = bucket.matches(tag);
            while matches != 0 {
                let id = bucket.ids[(matches.trailing_zeros() / 8) as usize];
                if same(id) {
                    return Some(id);
                }
                matches &= matches - 1;
            }
            if bucket.tags[ENTRIES - 1] == 0 {
                return None;
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
        }
    }
}
