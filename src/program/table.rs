//! A list of which there are many versions, each with more at its end than the one
//! before: the tables of a program that grows. A version shares what it has with those
//! before it, so making one costs next to nothing however long it is.
//!
//! What was sealed stands in pieces that all versions have in common, the rest in a
//! tail of the version's own. Of a script, which never grows, all is in the tail, and
//! looking something up costs a comparison more than in a `Vec`.

use std::iter::FusedIterator;
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

/// Elements of a sealed piece. Half as many are in a tail, and copied for each version;
/// as many times fewer pieces as elements are counted.
const PIECE: usize = 64;

/// See the head of the file.
#[derive(Debug)]
pub struct Table<T> {
    /// Each has [`PIECE`] elements.
    pieces: Vec<Arc<Vec<T>>>,
    /// How many elements these have.
    sealed: usize,
    tail: Vec<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Table<T> {
        Table { pieces: Vec::new(), sealed: 0, tail: Vec::new() }
    }
}

impl<T: Clone> Clone for Table<T> {
    fn clone(&self) -> Table<T> {
        Table { pieces: self.pieces.clone(), sealed: self.sealed, tail: self.tail.clone() }
    }
}

impl<T> Table<T> {
    pub fn len(&self) -> usize {
        self.sealed + self.tail.len()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    pub fn push(&mut self, element: T) {
        self.tail.push(element);
    }
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(self.sealed) {
            Some(index) => self.tail.get(index),
            None => Some(self.in_piece(index)),
        }
    }
    pub fn first(&self) -> Option<&T> {
        self.get(0)
    }
    pub fn last(&self) -> Option<&T> {
        self.get(self.len().checked_sub(1)?)
    }
    pub fn iter(&self) -> Iter<'_, T> {
        self.range(0..self.len())
    }
    /// The elements from one number to another.
    pub fn range(&self, range: Range<usize>) -> Iter<'_, T> {
        Iter { table: self, range: range.start..range.end.min(self.len()) }
    }

    #[inline(never)]
    fn in_piece(&self, index: usize) -> &T {
        &self.pieces[index / PIECE][index % PIECE]
    }

    /// Versions made from now on share what there is, but for less than a piece.
    pub fn seal(&mut self) {
        let whole = self.tail.len() / PIECE * PIECE;
        let mut sealed = self.tail.drain(..whole);
        for _ in 0..whole / PIECE {
            self.pieces.push(Arc::new(sealed.by_ref().take(PIECE).collect()));
        }
        self.sealed += whole;
    }
}

impl<T: Clone> Table<T> {
    /// The elements from a number on, to be changed.
    pub fn change_from(&mut self, from: usize) -> impl Iterator<Item = &mut T> {
        let pieces = self.pieces.iter_mut().skip(from / PIECE).flat_map(|p| Arc::make_mut(p).iter_mut());
        let before = from.min(self.sealed) % PIECE;
        pieces.skip(before).chain(self.tail.iter_mut().skip(from.saturating_sub(self.sealed)))
    }
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.change_from(0)
    }
}

impl<T> Index<usize> for Table<T> {
    type Output = T;
    #[inline]
    fn index(&self, index: usize) -> &T {
        match index.checked_sub(self.sealed) {
            Some(index) => &self.tail[index],
            None => self.in_piece(index),
        }
    }
}

impl<T: Clone> IndexMut<usize> for Table<T> {
    /// Other versions keep what they have.
    fn index_mut(&mut self, index: usize) -> &mut T {
        match index.checked_sub(self.sealed) {
            Some(index) => &mut self.tail[index],
            None => &mut Arc::make_mut(&mut self.pieces[index / PIECE])[index % PIECE],
        }
    }
}

impl<T> Extend<T> for Table<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        self.tail.extend(elements);
    }
}

impl<T> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Table<T> {
        Table { tail: elements.into_iter().collect(), ..Table::default() }
    }
}

/// The elements of a [`Table`] in order.
#[derive(Debug)]
pub struct Iter<'t, T> {
    table: &'t Table<T>,
    range: Range<usize>,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter { table: self.table, range: self.range.clone() }
    }
}

impl<'t, T> Iterator for Iter<'t, T> {
    type Item = &'t T;
    #[inline]
    fn next(&mut self) -> Option<&'t T> {
        self.range.next().map(|index| &self.table[index])
    }
    fn nth(&mut self, n: usize) -> Option<&'t T> {
        self.range.nth(n).map(|index| &self.table[index])
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl<'t, T> DoubleEndedIterator for Iter<'t, T> {
    fn next_back(&mut self) -> Option<&'t T> {
        self.range.next_back().map(|index| &self.table[index])
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}
impl<T> FusedIterator for Iter<'_, T> {}

impl<'t, T> IntoIterator for &'t Table<T> {
    type Item = &'t T;
    type IntoIter = Iter<'t, T>;
    fn into_iter(self) -> Iter<'t, T> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a list, after each of many additions: what a version has it keeps.
    #[test]
    fn versions_keep_what_they_have() {
        let mut versions: Vec<(Table<usize>, Vec<usize>)> = vec![(Table::default(), Vec::new())];
        for (step, added) in [0, 1, 62, 1, 1, 64, 200, 3, 127, 128, 5].into_iter().enumerate() {
            let Some((table, list)) = versions.last() else { return };
            let (mut table, mut list) = (table.clone(), list.clone());
            for _ in 0..added {
                table.push(list.len());
                list.push(list.len());
            }
            for changed in [0, list.len() / 2, list.len().saturating_sub(1)] {
                if let Some(element) = list.get_mut(changed) {
                    *element += 1000 * step;
                    table[changed] += 1000 * step;
                }
            }
            let from = list.len() * 2 / 3;
            table.change_from(from).for_each(|e| *e += 7);
            list.iter_mut().skip(from).for_each(|e| *e += 7);
            if step % 3 != 0 {
                table.seal();
            }
            versions.push((table, list));
        }
        for (table, list) in &versions {
            assert_eq!((table.len(), table.is_empty()), (list.len(), list.is_empty()));
            assert!(table.iter().eq(list.iter()) && table.iter().rev().eq(list.iter().rev()));
            assert!((0..list.len() + 2).all(|i| table.get(i) == list.get(i)));
            assert!(list.iter().enumerate().all(|(i, e)| table[i] == *e));
            assert_eq!((table.first(), table.last()), (list.first(), list.last()));
            assert!(table.range(3..70).eq(list.iter().take(70).skip(3)));
            assert!(table.iter().skip(66).eq(list.iter().skip(66)));
        }
    }

    #[test]
    fn what_is_sealed_is_shared() {
        let mut table: Table<usize> = (0..1000).collect();
        table.seal();
        let mut longer = table.clone();
        longer.push(1000);
        assert!(table.tail.len() < PIECE);
        assert!(table.pieces.iter().zip(&longer.pieces).all(|(a, b)| Arc::ptr_eq(a, b)));
        longer[70] = 0;
        assert_eq!((table[70], longer[70]), (70, 0));
    }
}
