//! Blocks of memory out of a [`Memory`]: free lists by size, under a guard of
//! their own. It owns the allocator; who holds a block gives it back.
//!
//! Every change is made by one last write of a word (the list's head, or the
//! end of what was ever used), so a process that is killed in the middle loses
//! at most the block it was about, and the guard can simply be taken from it.
//!
//! Small blocks are also kept in lists of the tasks' own, which need no guard:
//! only one task in eight operations, or fewer, comes to what all have in common.
//! These lists belong to the tasks' slots, so nothing is lost with a task.

use super::memory::Memory;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// The smallest block, header included: 32 bytes.
const CLASS_MIN: u32 = 5;
/// The largest: 64 GiB.
const CLASS_MAX: u32 = 36;
const HEADER: usize = 8;
/// A line of the processor's cache.
const LINE: usize = 64;

/// How many sizes of small blocks tasks keep for themselves: from the smallest on.
pub const OWN_CLASSES: usize = 5;
/// So many blocks go between a task and the others at once; it keeps at the most
/// twice as many of a size.
const BATCH: u64 = 8;

/// Memory that is used for the first time comes from the system in pieces of this
/// size: one call costs less than a fault for each page.
const CHUNK: usize = 64 << 10;

/// Offsets of the allocator's own words, relative to its base.
const GUARD: usize = 0;
const END: usize = 8;
const LISTS: usize = 16;
/// How many bytes its own words take.
pub const HEAP_WORDS: usize = LISTS + 8 * (CLASS_MAX as usize + 1);

/// The memory is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// An allocator whose words stand at `base`, for the bytes from `start` to
/// `limit`. It is a view: all state is in the memory.
#[derive(Clone, Copy)]
pub struct Heap<'m> {
    memory: &'m Memory,
    base: usize,
    start: usize,
    limit: usize,
    /// The memory may be a copy made by a fork.
    private: bool,
    /// Where the tasks' own lists are.
    own: Option<OwnLists>,
}

/// The offset of the first slot's lists, and how far it is to the next slot's. Of
/// each size there is the list's head, and how many are in it.
#[derive(Clone, Copy)]
pub struct OwnLists {
    pub at: usize,
    pub stride: usize,
}

impl<'m> Heap<'m> {
    pub fn new(memory: &'m Memory, base: usize, start: usize, limit: usize, private: bool) -> Heap<'m> {
        Heap { memory, base, start, limit, private, own: None }
    }

    /// With lists of the tasks' own, by the slots that their holders' numbers name.
    pub fn with_own_lists(self, own: OwnLists) -> Heap<'m> {
        Heap { own: Some(own), ..self }
    }

    pub fn memory(&self) -> &'m Memory {
        self.memory
    }

    /// Bytes handed out so far, at the most.
    pub fn used(&self) -> usize {
        (self.memory.word(self.base + END).load(Relaxed) as usize).saturating_sub(self.start)
    }

    /// A block of at least `size` bytes, aligned to eight, and to a line of the
    /// processor's cache unless it is smaller: what tasks hand to and fro moves
    /// as few lines as it can. Its contents are whatever they were.
    pub fn allocate(&self, size: usize, holder: u32) -> Result<usize, OutOfMemory> {
        let total = (size + HEADER).next_power_of_two().max(1 << CLASS_MIN);
        let class = total.trailing_zeros();
        if class > CLASS_MAX {
            return Err(OutOfMemory);
        }
        let block = match self.own_list(class as usize, holder) {
            Some(list) => self.take_own(list, class, total, holder),
            None => {
                self.lock(holder);
                let block = self.take(class, total);
                self.unlock();
                block
            }
        }?;
        self.memory.word(block).store(u64::from(class), Relaxed);
        Ok(block + HEADER)
    }

    #[inline]
    fn own_list(&self, class: usize, holder: u32) -> Option<&'m [AtomicU64; 2]> {
        let place = class.checked_sub(CLASS_MIN as usize).filter(|place| *place < OWN_CLASSES)?;
        let own = self.own?;
        Some(self.memory.array(own.at + own.stride * super::guard::holder_slot(holder) + 16 * place))
    }

    fn take_own(&self, list: &[AtomicU64; 2], class: u32, total: usize, holder: u32) -> Result<usize, OutOfMemory> {
        let [head, count] = list;
        let first = head.load(Relaxed) as usize;
        if first != 0 {
            head.store(self.memory.word(first + HEADER).load(Relaxed), Relaxed);
            count.store(count.load(Relaxed).saturating_sub(1), Relaxed);
            return Ok(first);
        }
        self.lock(holder);
        let end = self.memory.word(self.base + END);
        let before = end.load(Relaxed) as usize / CHUNK;
        let block = self.take(class, total);
        for _ in 1..BATCH {
            // Who needs one has one; the others are for later.
            let Ok(more) = self.take(class, total) else { break };
            self.put(list, more);
        }
        let now = end.load(Relaxed) as usize / CHUNK;
        self.unlock();
        if now > before && (now + 1) * CHUNK <= self.limit {
            self.memory.prepare(now * CHUNK, CHUNK);
        }
        block
    }

    #[inline]
    fn put(&self, [head, count]: &[AtomicU64; 2], block: usize) {
        self.memory.word(block + HEADER).store(head.load(Relaxed), Relaxed);
        head.store(block as u64, Release);
        count.store(count.load(Relaxed) + 1, Relaxed);
    }

    /// Half of a list that has become long goes back to all.
    #[cold]
    fn share(&self, [head, count]: &[AtomicU64; 2], class: usize, holder: u32) {
        self.lock(holder);
        for _ in 0..BATCH {
            let block = head.load(Relaxed) as usize;
            if block == 0 {
                // A task that was killed in the middle left the number too high.
                count.store(0, Relaxed);
                break;
            }
            head.store(self.memory.word(block + HEADER).load(Relaxed), Relaxed);
            count.store(count.load(Relaxed).saturating_sub(1), Relaxed);
            self.put_back(class, block);
        }
        self.unlock();
    }

    /// Under the guard.
    fn put_back(&self, class: usize, block: usize) {
        let list = self.memory.word(self.base + LISTS + 8 * class);
        self.memory.word(block + HEADER).store(list.load(Relaxed), Relaxed);
        list.store(block as u64, Relaxed);
    }

    fn take(&self, class: u32, total: usize) -> Result<usize, OutOfMemory> {
        let list = self.memory.word(self.base + LISTS + 8 * class as usize);
        let head = list.load(Relaxed) as usize;
        if head != 0 {
            list.store(self.memory.word(head + HEADER).load(Relaxed), Relaxed);
            return Ok(head);
        }
        let end = self.memory.word(self.base + END);
        let block = (end.load(Relaxed) as usize).max(self.start);
        let block = if total < LINE { block } else { (block + HEADER).next_multiple_of(LINE) - HEADER };
        if block + total > self.limit {
            return Err(OutOfMemory);
        }
        end.store((block + total) as u64, Relaxed);
        Ok(block)
    }

    /// How many bytes a block has.
    pub fn size(&self, block: usize) -> usize {
        (1usize << self.memory.word(block - HEADER).load(Relaxed).min(u64::from(CLASS_MAX))) - HEADER
    }

    /// Gives back a block that `allocate` gave.
    pub fn free(&self, block: usize, holder: u32) {
        let head = block - HEADER;
        let class = self.memory.word(head).load(Relaxed) as usize;
        if let Some(list) = self.own_list(class, holder) {
            self.put(list, head);
            if list[1].load(Relaxed) > 2 * BATCH {
                self.share(list, class, holder);
            }
            return;
        }
        self.lock(holder);
        self.put_back(class, head);
        self.unlock();
    }

    /// Takes the guard; `holder` is not zero.
    pub fn lock(&self, holder: u32) {
        super::guard::spin_lock_tagged(self.memory.half(self.base + GUARD), holder, self.private);
    }

    pub fn unlock(&self) {
        self.memory.half(self.base + GUARD).store(0, Release);
    }

    /// Takes the guard from a holder that is dead.
    pub fn break_guard(&self, holder: u32) {
        let _ = self.memory.half(self.base + GUARD).compare_exchange(holder, 0, Acquire, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back() {
        let memory = Memory::private(1 << 20).unwrap();
        let heap = Heap::new(&memory, 0, 4096, 1 << 20, true);
        let a = heap.allocate(10, 1).unwrap();
        let b = heap.allocate(10, 1).unwrap();
        assert_ne!(a, b);
        assert!(heap.size(a) >= 10);
        heap.free(a, 1);
        assert_eq!(heap.allocate(12, 1).unwrap(), a, "the same size class is used again");
        assert_eq!(heap.allocate(1 << 21, 1), Err(OutOfMemory));
    }

    #[test]
    fn tasks_keep_small_blocks_and_give_back_what_is_too_much() {
        let memory = Memory::private(1 << 20).unwrap();
        let heap = Heap::new(&memory, 0, 8192, 1 << 20, false).with_own_lists(OwnLists { at: 4096, stride: 1024 });
        let (first, second) = (super::super::guard::holder(0, 0), super::super::guard::holder(1, 0));
        let mut blocks: Vec<usize> = (0..100).map(|_| heap.allocate(40, first).unwrap()).collect();
        let used = heap.used();
        blocks.sort_unstable();
        assert!(blocks.windows(2).all(|pair| pair[1] - pair[0] >= 64), "no block is given twice");
        // One task makes them, the other gives them back: none is lost on the way.
        for _ in 0..10 {
            blocks.drain(..).for_each(|block| heap.free(block, second));
            blocks.extend((0..100).map(|_| heap.allocate(40, first).unwrap()));
            let mut sorted = blocks.clone();
            sorted.sort_unstable();
            assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 64), "no block is given twice");
        }
        assert!(heap.used() <= used + 64 * 3 * BATCH as usize, "{} bytes grew from {used}", heap.used());
    }

    #[test]
    fn blocks_begin_with_a_line_and_do_not_overlap() {
        let memory = Memory::private(1 << 20).unwrap();
        let heap = Heap::new(&memory, 0, 4096, 1 << 20, true);
        let mut end = 0;
        for size in [10, 56, 24, 1, 192, 10, 57, 4000, 8, 8, 8, 56] {
            let block = heap.allocate(size, 1).unwrap();
            assert!(size < 32 || block.is_multiple_of(LINE), "a block of {size} bytes at {block}");
            assert!(block >= end + HEADER);
            end = block + heap.size(block);
        }
    }
}
