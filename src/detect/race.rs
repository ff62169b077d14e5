//! Data races by happens-before: FastTrack (Flanagan and Freund, PLDI 2009)
//! with a full record of each access. It owns the rules: which accesses
//! conflict, which are ordered, which records stay. Where records are kept and
//! what a clock is made of belongs to who drives it.
//!
//! A place keeps its last write, and of each task the last access that nothing covers
//! which came after it (`Record::covers`): a read, and of indivisible accesses a write too,
//! since two of them do not race with each other but both do with a plain one. So the first
//! race on a place is always found; later ones too as long as the earlier access is still
//! kept.

/// One access: when, by whom, where, with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Record {
    /// The slot and the clock of the task, `slot << 48 | clock`; 0 is none.
    pub epoch: u64,
    pub task: u32,
    pub site: u32,
    /// The backend's word for the locks that were held.
    pub locks: u64,
    pub write: bool,
    pub atomic: bool,
    /// The backend's word for the value.
    pub value: u64,
}

/// How far an epoch's clock reaches.
const CLOCK_BITS: u32 = 48;

/// The epoch of a slot at a clock. Clocks begin at one, so no epoch is zero.
pub fn epoch(slot: usize, clock: u64) -> u64 {
    (slot as u64) << CLOCK_BITS | clock
}

/// Whether a task in `slot` that knows `known` of others comes after the access
/// of that epoch: it was its own, it knows of it, or there was none.
#[inline]
pub fn is_behind(epoch: u64, slot: usize, known: impl Fn(usize) -> u64) -> bool {
    let by = (epoch >> CLOCK_BITS) as usize;
    epoch == 0 || by == slot || known(by) >= epoch & ((1 << CLOCK_BITS) - 1)
}

impl Record {
    pub fn slot(&self) -> usize {
        (self.epoch >> CLOCK_BITS) as usize
    }
    pub fn clock(&self) -> u64 {
        self.epoch & ((1 << CLOCK_BITS) - 1)
    }
    pub fn is_none(&self) -> bool {
        self.epoch == 0
    }

    /// Whether it comes before a task that knows `known` of a slot.
    pub fn before(&self, known: impl Fn(usize) -> u64) -> bool {
        known(self.slot()) >= self.clock()
    }

    /// Whether the two would race if nothing ordered them: at least one
    /// writes, and at least one is not indivisible.
    pub fn conflicts(&self, other: &Record) -> bool {
        (self.write || other.write) && !(self.atomic && other.atomic)
    }

    /// Whether whatever races with `earlier`, which comes before this one, races with this
    /// one too if it is unordered with both: it conflicts with no less.
    pub fn covers(&self, earlier: &Record) -> bool {
        (self.write || !earlier.write) && (!self.atomic || earlier.atomic)
    }

    /// Whether `earlier`, which another task made, races with this one.
    pub fn races(&self, earlier: &Record, known: impl Fn(usize) -> u64) -> bool {
        !earlier.is_none() && earlier.slot() != self.slot() && self.conflicts(earlier) && !earlier.before(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(slot: usize, clock: u64, write: bool) -> Record {
        Record { epoch: epoch(slot, clock), write, ..Record::default() }
    }

    #[test]
    fn unordered_conflicts_race() {
        let write = record(1, 5, true);
        let read = record(2, 9, false);
        assert!(read.races(&write, |_| 4));
        assert!(!read.races(&write, |_| 5), "the reader knows of the write");
        assert!(!read.races(&record(1, 5, false), |_| 0), "two reads");
        assert!(!record(1, 7, true).races(&write, |_| 0), "one task");
    }

    #[test]
    fn indivisible_accesses_race_with_plain_ones_only() {
        let atomic = Record { atomic: true, ..record(1, 5, true) };
        assert!(!Record { atomic: true, ..record(2, 1, true) }.races(&atomic, |_| 0));
        assert!(record(2, 1, false).races(&atomic, |_| 0));
    }

    #[test]
    fn what_covers_another_conflicts_with_all_that_it_does() {
        let all = |f: &mut dyn FnMut(Record)| {
            for (write, atomic) in [(false, false), (false, true), (true, false), (true, true)] {
                f(Record { atomic, ..record(1, 1, write) });
            }
        };
        all(&mut |later| {
            all(&mut |earlier| {
                let mut no_less = true;
                all(&mut |third| no_less &= later.conflicts(&third) || !earlier.conflicts(&third));
                assert_eq!(later.covers(&earlier), no_less, "{later:?} {earlier:?}");
            });
        });
    }
}
