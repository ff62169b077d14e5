//! All states that were met, each in a few words of memory. It owns these, and how many
//! are added together; how a state is packed, `packing` says, and how it is found again,
//! `table`; what the numbers in a row mean, `part`.
//!
//! Parts that a state is made of are kept once (Holzmann's COLLAPSE, *State
//! Compression in SPIN*, 1997), and numbered anew at each place, which makes
//! their numbers short. When a place outgrows its bits, all states are packed
//! anew. Nothing is approximated: two states are one if and only if their rows
//! are equal.
//!
//! States are added many at a time (`Store::settle`): so the look-ups of a batch
//! wait for memory together, and several threads share them, each with the
//! tables of some hashes. What comes of it does not depend on how many threads
//! there are.

mod packing;
mod table;

pub use packing::Packing;

use super::fetch::fetch;
use super::part::{PartId, PartIx};
use super::workers::Workers;
use packing::{Bits, Column};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use table::{Bucket, ENTRIES, SHARDS, Table, hash, shard};

/// The number of a state, in the order in which they were met.
pub type StateId = u32;

/// The number of a part among those that have stood at a place.
pub type Number = u32;

/// So many states there may be; greater numbers are places in a batch.
pub const STATES_MAX: usize = 1 << 31;

/// A row of parts, and how the store it is of has it packed.
#[derive(Clone, Debug, Default)]
pub struct Row {
    parts: Vec<PartId>,
    words: Vec<u64>,
    /// The packing that the words are in; 0: none.
    packing: u64,
}

impl Row {
    #[inline]
    pub fn get(&self, ix: PartIx) -> PartId {
        self.parts.get(ix as usize).copied().unwrap_or(0)
    }

    /// A row that is of no store.
    pub fn from_parts(parts: &[PartId]) -> Row {
        Row { parts: parts.to_vec(), words: Vec::new(), packing: 0 }
    }

    pub fn parts(&self) -> &[PartId] {
        &self.parts
    }

    /// Its words, of a row that `Store::load` has given.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Whether `Store::load` has given it while states were packed like this.
    pub fn is_of(&self, packing: &Packing) -> bool {
        self.packing == packing.version()
    }

    /// The row with some parts replaced; it is of no store.
    pub fn with(&self, changes: &[(PartIx, PartId)]) -> Row {
        Row { parts: with_changes(&self.parts, changes), words: Vec::new(), packing: 0 }
    }

    /// Without the nothing at its end.
    pub fn trimmed(mut self) -> Row {
        self.parts.truncate(len_of(&self.parts));
        self.packing = 0;
        self
    }
}

fn len_of(parts: &[PartId]) -> usize {
    parts.iter().rposition(|p| *p != 0).map_or(0, |i| i + 1)
}

fn with_changes(parts: &[PartId], changes: &[(PartIx, PartId)]) -> Vec<PartId> {
    let top = changes.iter().map(|c| c.0 as usize + 1).max().unwrap_or(0);
    let mut all = parts.to_vec();
    all.resize(all.len().max(top), 0);
    for (ix, part) in changes {
        all[*ix as usize] = *part;
    }
    all
}

/// Parts without those places behind them where nothing stands.
pub fn own_parts(parts: &[PartId]) -> &[PartId] {
    &parts[..len_of(parts)]
}

/// Whether two rows are the same state: one may be longer for nothing.
pub fn same_parts(one: &[PartId], other: &[PartId]) -> bool {
    own_parts(one) == own_parts(other)
}

/// So many states are put into the tables together when these are made anew.
const REHASHED: usize = 1 << 16;

/// The words of all states, in stretches that stay where they are.
#[derive(Default)]
struct Words {
    stretches: Vec<Box<[u64]>>,
    each: usize,
    len: usize,
}

const STRETCH: usize = 1 << 12;

fn new_stretch(each: usize) -> Box<[u64]> {
    vec![0; STRETCH * each].into_boxed_slice()
}

impl Words {
    #[inline]
    fn get(&self, state: StateId) -> &[u64] {
        let at = state as usize % STRETCH * self.each;
        &self.stretches[state as usize / STRETCH][at..at + self.each]
    }

    fn push(&mut self, words: &[u64]) {
        if self.len.is_multiple_of(STRETCH) {
            self.stretches.push(new_stretch(self.each));
        }
        let at = self.len % STRETCH * self.each;
        let stretch = &mut self.stretches[self.len / STRETCH];
        match words {
            // Most often it is one.
            [word] => stretch[at] = *word,
            words => stretch[at..at + self.each].copy_from_slice(words),
        }
        self.len += 1;
    }

    /// Makes room for so many more states of each of several, in their order: for each of them
    /// the slots of its own, which may lie in several stretches.
    fn extend(&mut self, counts: impl Iterator<Item = usize> + Clone) -> Vec<Vec<&mut [u64]>> {
        let (first, each) = (self.len, self.each);
        self.len += counts.clone().sum::<usize>();
        self.stretches.resize_with(self.len.div_ceil(STRETCH), || new_stretch(each));
        let mut stretches = self.stretches.iter_mut().skip(first / STRETCH);
        let mut left: &mut [u64] = match stretches.next() {
            Some(stretch) => &mut stretch[first % STRETCH * each..],
            None => &mut [],
        };
        let room = |count: usize| {
            let (mut wanted, mut room) = (count * each, Vec::new());
            while wanted > 0 {
                if left.is_empty() {
                    left = stretches.next().map_or(&mut [], |stretch| &mut stretch[..]);
                }
                let here = wanted.min(left.len());
                room.extend(left.split_off_mut(..here));
                wanted -= here;
            }
            room
        };
        counts.map(room).collect()
    }

    fn truncate(&mut self, len: usize) {
        self.len = len;
        self.stretches.truncate(len.div_ceil(STRETCH));
    }
}

/// From here on a number is a place in the batch.
const IN_BATCH: u32 = STATES_MAX as u32;

/// States to be added, in their order: those that one thread has come to.
#[derive(Default)]
pub struct Landed {
    /// One after the other, as many each as the packing says.
    words: Vec<u64>,
    hashes: Vec<u64>,
    /// Their places by their shards, and where each shard begins.
    order: Vec<u32>,
    starts: [u32; SHARDS + 1],
    sorted: bool,
}

impl Landed {
    pub fn clear(&mut self) {
        self.words.clear();
        self.hashes.clear();
        self.sorted = false;
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Adds a state that `make` makes of this one.
    #[inline]
    pub fn add(&mut self, from: &[u64], make: impl FnOnce(&mut [u64])) {
        self.sorted = false;
        let begin = self.words.len();
        match from {
            // Most often it is one.
            [word] => self.words.push(*word),
            words => self.words.extend_from_slice(words),
        }
        make(&mut self.words[begin..]);
        self.hashes.push(hash(&self.words[begin..]));
    }

    /// Adds a state that takes one word.
    #[inline]
    pub fn add_word(&mut self, word: u64) {
        self.sorted = false;
        self.words.push(word);
        self.hashes.push(hash(&[word]));
    }

    /// What landed there is this.
    pub fn set(&mut self, at: usize, words: &[u64]) {
        self.sorted = false;
        self.words[at * words.len()..][..words.len()].copy_from_slice(words);
        self.hashes[at] = hash(words);
    }

    /// Sorts them by their shards, once all are there; whoever settles them does it
    /// otherwise.
    pub fn sort(&mut self) {
        if std::mem::replace(&mut self.sorted, true) {
            return;
        }
        let mut counts = [0u32; SHARDS + 1];
        for hash in &self.hashes {
            counts[shard(*hash) + 1] += 1;
        }
        for n in 0..SHARDS {
            counts[n + 1] += counts[n];
        }
        self.starts = counts;
        self.order.resize(self.hashes.len(), 0);
        for (n, hash) in self.hashes.iter().enumerate() {
            let at = &mut counts[shard(*hash)];
            self.order[*at as usize] = n as u32;
            *at += 1;
        }
    }

    fn of_shard(&self, shard: usize) -> &[u32] {
        &self.order[self.starts[shard] as usize..self.starts[shard + 1] as usize]
    }
}

/// All states to be added together, in their order.
#[derive(Default)]
pub struct Batch {
    /// What each thread has come to.
    pub landed: Vec<Landed>,
    /// The place of the first of each, how many of each are new, and the number of the first
    /// of these.
    firsts: Vec<u32>,
    new: Vec<AtomicU32>,
    bases: Vec<StateId>,
    /// What `settle` says of each: a state's number; or, from `IN_BATCH` on, the
    /// place in the batch of the first that is the same and is new, which `number` gives its
    /// number. Each is written by one thread at a time, of which nobody else asks before it is
    /// done: the one that has its shard, and then the one that has its piece.
    came: Vec<AtomicU32>,
}

impl Batch {
    pub fn len(&self) -> usize {
        self.landed.iter().map(Landed::len).sum()
    }

    fn begin(&mut self) {
        self.firsts.clear();
        let mut first = 0;
        for landed in &mut self.landed {
            landed.sort();
            self.firsts.push(first);
            first += landed.len() as u32;
        }
        self.came.resize_with(first as usize, AtomicU32::default);
        self.new.clear();
        self.new.resize_with(self.landed.len(), AtomicU32::default);
    }

    /// Gives those of one piece that are new their numbers and their slots.
    fn number(&self, piece: usize, each: usize, room: &mut [&mut [u64]]) {
        let (landed, first) = (&self.landed[piece], self.firsts[piece]);
        let mut id = self.bases[piece];
        // States of no words at all need no slots.
        let mut slots = room.iter_mut().flat_map(|room| room.chunks_exact_mut(each.max(1)));
        let came = &self.came[first as usize..][..landed.len()];
        for (at, came) in came.iter().enumerate() {
            if came.load(Relaxed) != IN_BATCH + first + at as u32 {
                continue;
            }
            came.store(id, Relaxed);
            id += 1;
            match (slots.next(), &landed.words[at * each..][..each]) {
                // Most often it is one word.
                (Some([slot]), [word]) => *slot = *word,
                (Some(slot), words) => slot.copy_from_slice(words),
                (None, _) => {}
            }
        }
    }

    /// How many of each piece are new, once `Store::number` has been asked.
    pub fn how_many_new(&self) -> impl Iterator<Item = usize> + Clone {
        self.new.iter().map(|new| new.load(Relaxed) as usize)
    }

    /// The numbers of those of a piece, in their order, of as many as have one: those that are
    /// new have none before `Store::number`.
    pub fn states(&self, piece: usize) -> impl Iterator<Item = Option<StateId>> {
        let came = &self.came[self.firsts[piece] as usize..][..self.landed[piece].len()];
        came.iter().map(|came| {
            let came = came.load(Relaxed);
            let own = if came < IN_BATCH { came } else { self.came[(came - IN_BATCH) as usize].load(Relaxed) };
            (own < IN_BATCH).then_some(own)
        })
    }

    /// The same once all have one, and whether each is new.
    pub fn taken(&self, piece: usize) -> impl Iterator<Item = (StateId, bool)> {
        // Those that are new have their numbers in their order: whatever is the same as one of
        // them and comes behind has a number that was given before.
        let mut next = self.bases[piece];
        self.states(piece).flatten().map(move |id| {
            let new = id == next;
            next += StateId::from(new);
            (id, new)
        })
    }

    /// The words of one by its place among all.
    #[inline]
    fn words(&self, place: usize, each: usize) -> &[u64] {
        let piece = self.firsts.iter().rposition(|first| *first as usize <= place).unwrap_or(0);
        &self.landed[piece].words[(place - self.firsts[piece] as usize) * each..][..each]
    }
}

/// See the head of the file.
#[derive(Default)]
pub struct Store {
    pub packing: Packing,
    words: Words,
    tables: Vec<Table>,
}

impl Store {
    pub fn new() -> Store {
        let table = || Table { buckets: vec![Bucket::default(); 4], ..Table::default() };
        Store { tables: (0..SHARDS).map(|_| table()).collect(), ..Store::default() }
    }

    pub fn len(&self) -> usize {
        self.words.len
    }

    /// Forgets all states, but not which parts have stood where.
    pub fn clear(&mut self) {
        let packing = std::mem::take(&mut self.packing);
        let each = self.words.each;
        *self = Store { packing, words: Words { each, ..Words::default() }, ..Store::new() };
    }

    pub fn bytes(&self) -> usize {
        let words = self.words.stretches.len() * STRETCH * self.words.each * 8;
        let tables: usize = self.tables.iter().map(|t| t.buckets.len() * size_of::<Bucket>()).sum();
        words + tables + self.packing.bytes()
    }

    /// A state's row.
    #[inline]
    pub fn load(&self, state: StateId, row: &mut Row) {
        let words = self.words.get(state);
        if row.packing != self.packing.version {
            row.parts.clear();
            row.parts.extend_from_slice(&self.packing.fixed);
            row.packing = self.packing.version;
        }
        self.packing.unpack(words, &mut row.parts);
        row.words.clear();
        row.words.extend_from_slice(words);
    }

    /// A state as it is packed.
    #[inline]
    pub fn words(&self, state: StateId) -> &[u64] {
        self.words.get(state)
    }

    /// Packs all states anew, if some place has outgrown its bits; whether it
    /// was so.
    pub fn fit(&mut self, workers: &Workers) -> bool {
        if !self.packing.outgrown && self.packing.version > 0 {
            return false;
        }
        let old = std::mem::take(&mut self.packing.live);
        let before = self.words.each;
        self.packing.fit(self.len());
        let each = self.packing.words;
        self.words.each = each;
        // A place that had bits has some still.
        let bits: Vec<(Bits, Bits)> = old.iter().map(|(ix, old)| (*old, self.packing.bits[*ix as usize])).collect();
        let len = self.words.len;
        let little = self.words.stretches.len() < 2;
        workers.each(little, &mut self.words.stretches, |n, stretch| {
            let mut anew = new_stretch(each);
            let states = STRETCH.min(len - n * STRETCH);
            for (words, anew) in stretch.chunks_exact(before.max(1)).zip(anew.chunks_exact_mut(each)).take(states) {
                for (old, now) in &bits {
                    anew[now.word as usize] |= old.get(words) << now.shift;
                }
            }
            *stretch = anew;
        });
        // The hashes are others now, and so is which table each state is in.
        self.rebuild(0, workers);
        true
    }

    /// Makes the tables anew, with room for so many more states in each.
    fn rebuild(&mut self, more: usize, workers: &Workers) {
        // Hashes are spread evenly: no table has many more than the others.
        let each = self.len() / SHARDS;
        let count = each + each / 8 + 32 + more;
        // Large tables have less to spare.
        let wanted = if count < 1 << 16 { count * 2 } else { count + count / 2 };
        let len = self.words.len;
        workers.each(len < REHASHED, &mut self.tables, |_, table| {
            let size = (wanted * 5 / 4).div_ceil(ENTRIES).max(table.buckets.len());
            table.buckets.clear();
            table.buckets.resize(size, Bucket::default());
            table.len = 0;
        });
        // Some at a time, table by table: so what is written to lies together.
        for from in (0..len).step_by(REHASHED) {
            let words = &self.words;
            let stretches = (len.min(from + REHASHED) - from).div_ceil(STRETCH);
            let mut some: Vec<[Vec<(u64, StateId)>; SHARDS]> = Vec::new();
            some.resize_with(stretches, Default::default);
            let little = stretches < 2;
            workers.each(little, &mut some, |n, some| {
                let first = from + n * STRETCH;
                for state in first..len.min(first + STRETCH) {
                    let hash = hash(words.get(state as StateId));
                    some[shard(hash)].push((hash, state as StateId));
                }
            });
            workers.each(little, &mut self.tables, |n, table| {
                some.iter().flat_map(|some| &some[n]).for_each(|(hash, state)| _ = table.insert(*hash, *state));
            });
        }
    }

    /// Looks up the states of a batch. After it `number` adds those that are new, if they are
    /// to be added, and then comes `end`.
    pub fn settle(&mut self, batch: &mut Batch, workers: &Workers) {
        batch.begin();
        let more = |n: usize| batch.landed.iter().map(|l| l.of_shard(n).len()).sum::<usize>();
        if (0..SHARDS).any(|n| self.tables[n].len + more(n) > self.tables[n].room()) {
            self.rebuild((0..SHARDS).map(more).max().unwrap_or(0), workers);
        }
        let (words, batch) = (&self.words, &*batch);
        let little = batch.len() < LITTLE;
        workers.each(little, &mut self.tables, |n, table| settle_shard(table, n, words, batch));
    }

    /// Adds those of a batch that are new: each gets the number that it would get if they were
    /// added one after the other.
    pub fn number(&mut self, batch: &mut Batch, workers: &Workers) {
        let mut next = self.words.len as StateId;
        batch.bases.clear();
        for new in &mut batch.new {
            batch.bases.push(next);
            next += *new.get_mut();
        }
        let (each, little) = (self.words.each, batch.len() < LITTLE);
        let mut rooms = self.words.extend(batch.how_many_new());
        let batch = &*batch;
        workers.each(little, &mut rooms, |n, room| batch.number(n, each, room));
    }

    /// Forgets those that were added last, from this number on: some of the batch of which the
    /// `end` is still to come.
    pub fn truncate(&mut self, len: usize) {
        self.words.truncate(len);
    }

    /// The batch is done: those that were not added are forgotten.
    pub fn end(&mut self, batch: &Batch, workers: &Workers) {
        let (little, len) = (batch.len() < LITTLE, self.len() as StateId);
        workers.each(little, &mut self.tables, |_, table| {
            for (bucket, n, place) in table.fresh.drain(..) {
                let bucket = &mut table.buckets[bucket as usize];
                match batch.came[place as usize].load(Relaxed) {
                    id if id < len => bucket.ids[n as usize] = id,
                    // Nothing that stays has come behind it.
                    _ => {
                        bucket.tags[n as usize] = 0;
                        table.len -= 1;
                    }
                }
            }
        });
    }

    /// The row that results from `row` with some parts replaced: its number, and
    /// whether it is new.
    pub fn add(&mut self, row: &Row, changes: &[(PartIx, PartId)]) -> (StateId, bool) {
        for (ix, part) in changes {
            self.packing.give_number(*ix, *part);
        }
        if self.fit(&Workers::one()) || row.packing != self.packing.version {
            return self.add_parts(&with_changes(&row.parts, changes));
        }
        let mut words = row.words.clone();
        for (ix, part) in changes {
            let number = self.packing.number(*ix, *part).unwrap_or(0);
            self.packing.put(&mut words, *ix, number);
        }
        self.add_words(&words)
    }

    /// A row from nothing. The parts of the first one get no bits as long as
    /// they are the only ones at their places.
    pub fn add_parts(&mut self, parts: &[PartId]) -> (StateId, bool) {
        if self.words.len == 0 && self.packing.columns.is_empty() {
            let column = |part: &PartId| Column { width: 0, parts: vec![*part] };
            self.packing.columns = parts.iter().map(column).collect();
        }
        for (ix, part) in parts.iter().enumerate() {
            self.packing.give_number(ix as PartIx, *part);
        }
        for ix in parts.len()..self.packing.used {
            self.packing.give_number(ix as PartIx, 0);
        }
        self.fit(&Workers::one());
        self.add_words(&self.packed(parts))
    }

    /// A row in its words, all of whose numbers are given.
    pub fn packed(&self, parts: &[PartId]) -> Vec<u64> {
        let mut words = vec![0; self.words.each];
        for ix in 0..self.packing.columns.len() {
            let part = parts.get(ix).copied().unwrap_or(0);
            let number = self.packing.number(ix as PartIx, part).unwrap_or(0);
            self.packing.put(&mut words, ix as PartIx, number);
        }
        words
    }

    fn add_words(&mut self, words: &[u64]) -> (StateId, bool) {
        let hash = hash(words);
        let known = &self.words;
        if let Some(id) = self.tables[shard(hash)].find(hash, |id| known.get(id) == words) {
            return (id, false);
        }
        let id = self.words.len as StateId;
        let table = &self.tables[shard(hash)];
        if table.len >= table.room() {
            self.rebuild(1, &Workers::one());
        }
        self.tables[shard(hash)].insert(hash, id);
        self.words.push(words);
        (id, true)
    }
}

/// So few look-ups are not worth more threads than one.
const LITTLE: usize = 512;
/// So many look-ups wait for memory together.
const TOGETHER: usize = 64;

/// Whether both are the same, as many each; most often it is one.
#[inline]
fn same_words(one: &[u64], other: &[u64]) -> bool {
    match (one, other) {
        ([one], [other]) => one == other,
        _ => one == other,
    }
}

/// Looks up what a batch has of a shard in its table.
fn settle_shard(table: &mut Table, shard: usize, known: &Words, batch: &Batch) {
    let each = known.each;
    for ((landed, first), new) in batch.landed.iter().zip(&batch.firsts).zip(&batch.new) {
        let before = table.fresh.len();
        for some in landed.of_shard(shard).chunks(TOGETHER) {
            // None of these rounds needs what the other look-ups of it come to, so the
            // processor fetches for all of them at once.
            for place in some {
                table.touch(landed.hashes[*place as usize]);
            }
            let mut likely = [IN_BATCH; TOGETHER];
            for (place, likely) in some.iter().zip(&mut likely) {
                if let Some(id) = table.find(landed.hashes[*place as usize], |_| true).filter(|id| *id < IN_BATCH) {
                    *likely = id;
                    fetch(&known.get(id)[0]);
                }
            }
            for (place, likely) in some.iter().zip(likely) {
                let at = *place as usize;
                let (hash, own) = (landed.hashes[at], &landed.words[at * each..][..each]);
                let place = first + place;
                if likely < IN_BATCH && same_words(known.get(likely), own) {
                    batch.came[place as usize].store(likely, Relaxed);
                    continue;
                }
                let same = |id: u32| match id {
                    id if id < IN_BATCH => same_words(known.get(id), own),
                    id => same_words(batch.words((id - IN_BATCH) as usize, each), own),
                };
                let came = table.find(hash, same).unwrap_or_else(|| {
                    let (bucket, n) = table.insert(hash, IN_BATCH + place);
                    table.fresh.push((bucket as u32, n as u8, place));
                    IN_BATCH + place
                });
                batch.came[place as usize].store(came, Relaxed);
            }
        }
        new.fetch_add((table.fresh.len() - before) as u32, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    fn trimmed(mut parts: Vec<u32>) -> Vec<u32> {
        parts.truncate(len_of(&parts));
        parts
    }

    fn changed(row: &[u32], changes: &[(u32, u32)]) -> Vec<u32> {
        trimmed(with_changes(row, changes))
    }

    type Changes = Vec<(u32, u32)>;

    fn changes() -> impl Strategy<Value = Changes> {
        prop::collection::vec((0u32..40, 0u32..300), 1..6).prop_map(|mut all: Changes| {
            all.sort_by_key(|c| c.0);
            all.dedup_by_key(|c| c.0);
            all
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever changes lead to a row, it is one state; and it comes back
        /// as it went in, also when the states have been packed anew.
        #[test]
        fn equal_rows_are_one_state(
            steps in prop::collection::vec((any::<prop::sample::Index>(), changes()), 1..200)
        ) {
            let mut store = Store::new();
            let mut model: HashMap<Vec<u32>, u32> = HashMap::new();
            let mut rows: Vec<Vec<u32>> = vec![vec![7]];
            let (first, _) = store.add_parts(&[7]);
            model.insert(vec![7], first);
            for (from, changes) in steps {
                let i = from.index(rows.len());
                let mut row = Row::default();
                store.load(model[&rows[i]], &mut row);
                let wanted = changed(&rows[i], &changes);
                let (id, new) = store.add(&row, &changes);
                prop_assert_eq!(new, !model.contains_key(&wanted));
                prop_assert_eq!(*model.entry(wanted.clone()).or_insert(id), id);
                rows.push(wanted);
            }
            for (wanted, id) in &model {
                let mut row = Row::default();
                store.load(*id, &mut row);
                prop_assert_eq!(&trimmed(row.parts().to_vec()), wanted);
            }
        }

        /// A batch comes to the same as its states one after the other, with one
        /// thread or three, and what is not taken leaves nothing.
        #[test]
        fn a_batch_is_one_after_the_other(
            batches in prop::collection::vec((prop::collection::vec(changes(), 1..400), 0usize..500), 1..8)
        ) {
            let three = Workers::new(3);
            prop_assert_eq!(three.count(), 3);
            let mut one = Store::new();
            let mut many = Store::new();
            let base = vec![1; 40];
            one.add_parts(&base);
            many.add_parts(&base);
            for (states, taken) in &batches {
                for state in states {
                    for (ix, part) in state {
                        many.packing.give_number(*ix, *part);
                    }
                }
                many.fit(&three);
                let mut row = Row::default();
                many.load(0, &mut row);
                let mut batch = Batch::default();
                for states in states.chunks(150) {
                    let mut landed = Landed::default();
                    for state in states {
                        landed.add(row.words(), |words| {
                            for (ix, part) in state {
                                let number = many.packing.number(*ix, *part).expect("it was given");
                                many.packing.put(words, *ix, number);
                            }
                        });
                    }
                    batch.landed.push(landed);
                }
                many.settle(&mut batch, &three);
                many.number(&mut batch, &three);
                let all = (0..batch.landed.len()).flat_map(|n| batch.taken(n));
                for (state, came) in states.iter().zip(all).take(*taken) {
                    one.load(0, &mut row);
                    prop_assert_eq!(one.add(&row, state), came);
                }
                many.truncate(one.len());
                many.end(&batch, &three);
                prop_assert_eq!(one.len(), many.len());
            }
            for id in 0..one.len() as StateId {
                let (mut a, mut b) = (Row::default(), Row::default());
                one.load(id, &mut a);
                many.load(id, &mut b);
                prop_assert_eq!(a.parts(), b.parts());
                let words = b.words().to_vec();
                prop_assert_eq!(many.add_words(&words), (id, false));
            }
        }
    }
}
