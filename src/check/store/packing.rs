//! How the rows of a store are packed: of every place as many bits as tell apart what
//! has ever stood there. It owns the numbers of parts at places and where their bits
//! are; the packed states are the store's, which packs them anew when a place outgrows
//! its bits.

use super::Number;
use crate::check::part::{PartId, PartIx};
use crate::check::sleep::Reach;
use hashbrown::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A place in the row: how many bits it has, and what its numbers mean.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// In bits; none while only one part has ever stood here.
    pub(super) width: u32,
    /// Number 0 is what stood here in the first state: nothing, if the place
    /// came later.
    pub(super) parts: Vec<PartId>,
}

impl Column {
    fn is_full(&self) -> bool {
        self.parts.len() as u64 > 1 << self.width
    }
}

/// Where the bits of a place are; `mask` is 0 if it has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    pub(super) word: u32,
    pub(super) shift: u32,
    mask: u64,
}

impl Bits {
    #[inline]
    pub(super) fn get(self, words: &[u64]) -> u64 {
        words[self.word as usize] >> self.shift & self.mask
    }

    #[inline]
    fn put(self, words: &mut [u64], number: Number) {
        if self.mask != 0 {
            let word = &mut words[self.word as usize];
            *word = *word & !(self.mask << self.shift) | u64::from(number) << self.shift;
        }
    }
}

/// From so many states on packing them anew takes a while.
const MANY: usize = 1 << 8;

/// A place that is to come gets at least so many bits: most are of tasks, which are there, do
/// something and end. What the last ones needed is better known, but one of them may be a large
/// exception.
const COMING: u32 = 2;
const COMING_MAX: u32 = 6;

/// So many bits tell apart so many.
fn bits(count: usize) -> u32 {
    usize::BITS - count.saturating_sub(1).leading_zeros()
}

static VERSIONS: AtomicU64 = AtomicU64::new(1);

/// How rows are packed.
#[derive(Default)]
pub struct Packing {
    pub(super) columns: Vec<Column>,
    /// So many of them are of places; behind them is room for places to come.
    pub(super) used: usize,
    /// So many were used when all was packed last.
    packed: usize,
    /// Of the columns that there were when all was packed last.
    pub(super) bits: Vec<Bits>,
    /// Of those that have any: which, and their bits.
    pub(super) live: Vec<(PartIx, Bits)>,
    /// A row with what stands everywhere else.
    pub(super) fixed: Vec<PartId>,
    numbers: HashMap<(PartIx, PartId), Number, rustc_hash::FxBuildHasher>,
    /// How many words a state takes.
    pub(super) words: usize,
    /// No two packings, of whichever store, have the same one; 0: none yet.
    pub(super) version: u64,
    /// Some place has more parts than its bits can tell apart.
    pub(super) outgrown: bool,
}

impl Packing {
    /// A part's number at a place, if it has one.
    #[inline]
    pub fn number(&self, ix: PartIx, part: PartId) -> Option<Number> {
        match self.columns.get(ix as usize) {
            Some(column) if column.parts[0] == part => Some(0),
            Some(_) => self.numbers.get(&(ix, part)).copied(),
            None => (part == 0).then_some(0),
        }
    }

    /// The part that a number means at a place.
    pub fn part(&self, ix: PartIx, number: Number) -> PartId {
        self.columns[ix as usize].parts[number as usize]
    }

    /// A part's number; it gets one. Before it is put anywhere the states may have to
    /// be packed anew (`Store::fit`).
    pub fn give_number(&mut self, ix: PartIx, part: PartId) -> Number {
        // A row that was unpacked goes as far as the room for places to come, with nothing there.
        if part == 0 && ix as usize >= self.used {
            return 0;
        }
        self.used = self.used.max(ix as usize + 1);
        self.reach(self.used);
        if let Some(number) = self.number(ix, part) {
            return number;
        }
        let column = &mut self.columns[ix as usize];
        let number = column.parts.len() as Number;
        column.parts.push(part);
        self.outgrown |= column.is_full();
        self.numbers.insert((ix, part), number);
        number
    }

    /// Which packing it is: no other one, of whichever store, has the same number.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether a state takes one word.
    pub fn is_one_word(&self) -> bool {
        self.words == 1
    }

    /// Where the number at a place is in the first word of a state: behind so many bits, and the
    /// bits that it has, which are none where only one part has ever stood.
    pub fn bits_of(&self, ix: PartIx) -> (u32, u64) {
        self.bits.get(ix as usize).map_or((0, 0), |bits| (bits.shift, bits.mask))
    }

    /// The bits in the first word of a state of all places that a transition may look at.
    pub fn bits_looked_at(&self, reach: Reach) -> u64 {
        let places = self.live.iter().filter(|(ix, _)| reach.may_look_at(*ix));
        places.fold(0, |all, (_, bits)| all | bits.mask << bits.shift)
    }

    fn reach(&mut self, columns: usize) {
        let columns = self.columns.len().max(columns);
        self.columns.resize(columns, Column { width: 0, parts: vec![0] });
    }

    /// Replaces what stands at a place.
    #[inline]
    pub fn put(&self, words: &mut [u64], ix: PartIx, number: Number) {
        if let Some(bits) = self.bits.get(ix as usize) {
            bits.put(words, number);
        }
    }

    /// Writes into a row what differs from one to another.
    #[inline]
    pub(super) fn unpack(&self, words: &[u64], row: &mut [PartId]) {
        for (ix, bits) in &self.live {
            row[*ix as usize] = self.columns[*ix as usize].parts[bits.get(words) as usize];
        }
    }

    /// Gives each place the bits that it needs now. Where many states are there,
    /// it gives more as long as a state takes hardly more words for it, so that all
    /// are not packed anew for each place in turn: one more for every place at which
    /// several parts have stood, or else for those that have used most of theirs. Where
    /// places have come meanwhile, as with each task that a loop makes, there is room for a
    /// quarter more of them.
    pub(super) fn fit(&mut self, states: usize) {
        let mut coming = (usize::MAX, 0);
        if states > MANY && self.columns.len() > self.packed {
            self.reach(self.used + self.used / 4);
            let last = self.used - self.used / 4;
            let most = self.columns[last..].iter().map(|c| bits(c.parts.len())).max().unwrap_or(0);
            coming = (last, most.clamp(COMING, COMING_MAX));
        }
        self.packed = self.used;
        let least = |count: usize| bits(count);
        self.lay_out(least, coming);
        if states > MANY {
            let words = self.words + self.words / 4;
            let generous = |count: usize| if count > 1 { bits(count) + 1 } else { 0 };
            let careful = |count: usize| if count > 1 { bits(count + 1 + count / 4) } else { 0 };
            self.lay_out(generous, coming);
            if self.words > words {
                self.lay_out(careful, coming);
            }
            if self.words > words {
                self.lay_out(|count| if count > 64 { careful(count) } else { least(count) }, coming);
            }
            self.use_up();
        }
        let places = self.bits.iter().enumerate().map(|(ix, bits)| (ix as PartIx, *bits));
        self.live = places.filter(|(_, bits)| bits.mask != 0).collect();
        self.fixed = self.columns.iter().map(|c| c.parts[0]).collect();
        self.version = VERSIONS.fetch_add(1, Relaxed);
        self.outgrown = false;
    }

    /// Places one after the other, none in two words; `width` says how many bits
    /// one gets at which so many parts have stood; the last places, from one on, and those to come
    /// get no less than what `coming` says.
    fn lay_out(&mut self, width: impl Fn(usize) -> u32, coming: (usize, u32)) {
        let (mut word, mut shift) = (0, 0);
        self.bits.clear();
        for (ix, column) in self.columns.iter_mut().enumerate() {
            let mut width = width(column.parts.len());
            if ix >= coming.0 && (width > 0 || ix >= self.used) {
                width = width.max(coming.1);
            }
            if shift + width > u64::BITS {
                (word, shift) = (word + 1, 0);
            }
            column.width = width;
            // Of a place without bits the shift may be one too far.
            self.bits.push(match width {
                0 => Bits { word: 0, shift: 0, mask: 0 },
                _ => Bits { word, shift, mask: (1 << width) - 1 },
            });
            shift += width;
        }
        self.words = word as usize + 1;
    }

    /// What is left of the last word goes to those places at which only one part has stood, a
    /// bit each: one of them may see another part when nearly all states are there, as the end of
    /// a process does, and then all would be packed anew for it.
    fn use_up(&mut self) {
        let last = self.words as u32 - 1;
        let ends = self.bits.iter().zip(&self.columns).filter(|(bits, _)| bits.mask != 0 && bits.word == last);
        let from = ends.map(|(bits, column)| bits.shift + column.width).max().unwrap_or(0);
        let places = self.bits.iter_mut().zip(&mut self.columns).take(self.used);
        for (shift, (bits, column)) in (from..u64::BITS).zip(places.filter(|(bits, _)| bits.mask == 0)) {
            column.width = 1;
            *bits = Bits { word: last, shift, mask: 1 };
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let each = size_of::<Column>() + size_of::<Bits>() + size_of::<PartId>();
        let columns: usize = self.columns.iter().map(|c| each + 4 * c.parts.capacity()).sum();
        columns + self.live.capacity() * size_of::<(PartIx, Bits)>() + self.numbers.capacity() * 13
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with nothing in the room for places to come take none of it.
    #[test]
    fn room_is_not_taken_by_nothing() {
        let mut packing = Packing::default();
        for used in 1..=100 {
            let row = (0..).take(packing.fixed.len().max(used)).map(|ix| (ix, u32::from((ix as usize) < used)));
            row.collect::<Vec<_>>().into_iter().for_each(|(ix, part)| _ = packing.give_number(ix, part));
            packing.fit(10_000);
        }
        assert!(packing.columns.len() <= 125, "{}", packing.columns.len());
    }

    /// A loop makes one place after the other, each of which comes to hold several parts: with
    /// many states they are not packed anew for each.
    #[test]
    fn places_that_come_one_by_one_have_room() {
        let mut packing = Packing::default();
        let mut fits = 0;
        for ix in 0..2_000 {
            for part in 1..=5 {
                packing.give_number(ix, part);
                if packing.outgrown || packing.version == 0 {
                    packing.fit(10_000);
                    fits += 1;
                }
            }
        }
        assert!(fits < 60, "{fits}");
        // Each part is still told apart from the others at its place.
        let mut words = vec![0; packing.words];
        for ix in 0..2_000 {
            for part in 0..=5 {
                packing.put(&mut words, ix, packing.number(ix, part).expect("it was given"));
                let mut row = packing.fixed.clone();
                packing.unpack(&words, &mut row);
                assert_eq!(row[ix as usize], part);
            }
        }
        assert!(packing.words <= 2_000 * 4 * 5 / 4 / 64 + 2, "{}", packing.words);
    }
}
