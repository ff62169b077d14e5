//! Circles: executions that never end though every task that can go on does,
//! again and again. It owns the search for them in the finished graph; the
//! states and transitions are `explore`'s.

use super::explore::{Explorer, Turn};
use super::store::Row;
use super::{Progress, Stop};
use crate::detect::finding::Finding;

/// A circle of transitions from a state back to it.
#[derive(Clone, Debug)]
pub struct Circle {
    pub turns: Vec<Turn>,
}

pub fn search(_explorer: &mut Explorer, _ask: &mut dyn FnMut(&Progress) -> Option<Stop>) {}

pub fn finding(_explorer: &Explorer, _circle: &Circle, _row: &Row) -> Finding {
    unreachable!()
}
