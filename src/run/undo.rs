//! What a task has changed under its guards, word by word, so that it can be taken back if its
//! process is killed before the whole of it stands. It owns the list: the first changes are in
//! the task's slot, further ones (a step may let hundreds go) in blocks that hang on it. Who
//! makes changes is `world`, who takes them back the supervisor (`supervisor::death`).

use super::arena::{Arena, UNDO, slot};
use super::heap::OutOfMemory;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release, SeqCst};

/// How many changes a block has, behind the number of the block before.
const MORE: usize = 4094;

/// Notes the change that comes after `n` others: where, and what is there. It is counted before
/// it is made.
#[inline(always)]
pub fn note(
    arena: &Arena,
    slot: &[AtomicU64; slot::COUNT],
    n: usize,
    (at, old): (usize, u64),
    holder: u32,
) -> Result<(), OutOfMemory> {
    let entry = slot::UNDONE + 2 * n;
    let [place, value] = if n < UNDO { [&slot[entry], &slot[entry + 1]] } else { more_room(arena, slot, n, holder)? };
    place.store(at as u64, Relaxed);
    value.store(old, Relaxed);
    slot[slot::UNDO_COUNT].store(n as u64 + 1, Release);
    Ok(())
}

/// Where that is noted for which the slot has no room.
#[cold]
fn more_room<'a>(
    arena: &'a Arena,
    slot: &[AtomicU64; slot::COUNT],
    n: usize,
    holder: u32,
) -> Result<[&'a AtomicU64; 2], OutOfMemory> {
    let place = (n - UNDO) % MORE;
    let last = &slot[slot::UNDO_MORE];
    if place == 0 {
        let block = arena.heap().allocate(8 * (1 + 2 * MORE), holder)?;
        arena.at(block).store(last.load(Relaxed), Relaxed);
        last.store(block as u64, Release);
    }
    let entry = entry(last.load(Relaxed) as usize, place);
    Ok([arena.at(entry), arena.at(entry + 8)])
}

fn entry(block: usize, place: usize) -> usize {
    block + 8 * (1 + 2 * place)
}

/// All `n` changes stand.
#[inline(always)]
pub fn stands(arena: &Arena, slot: &[AtomicU64; slot::COUNT], n: usize, holder: u32) {
    slot[slot::UNDO_COUNT].store(0, Release);
    if n > UNDO {
        give_back(arena, slot, holder);
    }
}

#[cold]
fn give_back(arena: &Arena, slot: &[AtomicU64; slot::COUNT], holder: u32) {
    let mut next = slot[slot::UNDO_MORE].swap(0, SeqCst) as usize;
    while next != 0 {
        let block = next;
        next = arena.at(block).load(Relaxed) as usize;
        arena.heap().free(block, holder);
    }
}

/// Takes back what a dead task has changed, the last first. The blocks are lost with it.
pub fn take_back(arena: &Arena, slot: usize) {
    let word = |word| arena.slot(slot, word);
    let count = word(slot::UNDO_COUNT).load(SeqCst) as usize;
    let before = |block: &usize| Some(arena.at(*block).load(SeqCst) as usize).filter(|block| *block != 0);
    let last = Some(word(slot::UNDO_MORE).load(SeqCst) as usize).filter(|block| *block != 0);
    let blocks: Vec<usize> = std::iter::successors(last, before).collect();
    let restore = |entry: usize| {
        let (at, old) = (arena.at(entry).load(SeqCst) as usize, arena.at(entry + 8).load(SeqCst));
        arena.at(at).store(old, SeqCst);
    };
    for n in (UNDO..count).rev() {
        // The newest block may hang there with no change in it yet, so they are counted from
        // the oldest.
        let place = n - UNDO;
        if let Some(block) = blocks.iter().rev().nth(place / MORE) {
            restore(entry(*block, place % MORE));
        }
    }
    (0..count.min(UNDO)).rev().for_each(|n| restore(arena.slot_at(slot) + 8 * (slot::UNDONE + 2 * n)));
    word(slot::UNDO_COUNT).store(0, SeqCst);
    word(slot::UNDO_MORE).store(0, SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many changes as fill the slot and a block and a bit, of words that were their own
    /// numbers: each is back afterwards, also if the process died when it had just hung on
    /// another block.
    #[test]
    fn more_changes_than_a_slot_has_room_for_are_taken_back() {
        let arena: &'static Arena = Box::leak(Box::new(Arena::new(4 << 20).unwrap()));
        for total in [1, UNDO, UNDO + 1, UNDO + MORE, UNDO + MORE + 1, UNDO + 2 * MORE + 100] {
            let base = arena.heap().allocate(8 * (UNDO + 3 * MORE), 1).unwrap();
            let at = |n: usize| base + 8 * (n % (total / 2 + 1));
            (0..total).for_each(|n| arena.at(at(n)).store(at(n) as u64, Relaxed));
            let words = arena.slot_words(3);
            for n in 0..total {
                note(arena, words, n, (at(n), arena.at(at(n)).load(Relaxed)), 4).unwrap();
                arena.at(at(n)).store(n as u64, Relaxed);
            }
            take_back(arena, 3);
            assert!((0..total).all(|n| arena.at(at(n)).load(Relaxed) == at(n) as u64), "{total}");
        }
    }
}
