//! Which places a transition has to do with, for who asks whether the transitions of one
//! task matter to another one. It owns what counts as looking and as writing there: what
//! a script can tell, and nothing of what an exploration does beside it to find races or
//! to look at invariants. Which reductions two transitions allow, `sleep` says, by all that
//! a transition looked at.

use super::{Content, Move, Unkept};
use crate::check::part::*;
use std::collections::BTreeSet;

/// The places that a transition looks at, and those that it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    pub looks: BTreeSet<PartIx>,
    pub writes: BTreeSet<PartIx>,
}

impl Move<'_> {
    /// From now on it is kept what it touches.
    pub fn watch(&mut self) {
        self.overlay.get_mut().touched = Some(Vec::new());
    }

    /// Does what no script can tell of: what it looks at by that is not kept.
    pub(in crate::check) fn aside<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let touched = self.overlay.get_mut().touched.take();
        let done = f(self);
        self.overlay.get_mut().touched = touched;
        done
    }

    /// What it has touched since it is kept.
    pub fn touched(mut self) -> Touched {
        let looks = self.overlay.get_mut().touched.take().unwrap_or_default();
        let (space, base) = (&self.model.space, self.base);
        let is_order = |ix: &PartIx| space.key(*ix) == Key::Order;
        let before = |ix: PartIx| match base.get(ix as usize) {
            None | Some(0) => None,
            Some(id) => Some(space.part(*id)),
        };
        let Unkept { writes, .. } = self.close_unkept();
        let changes = |(ix, content): (PartIx, Content)| {
            let after = match content {
                Content::Known(id) => space.part(id),
                Content::New(_, part) => std::sync::Arc::from(part),
            };
            // Who has reached a place is no value of it.
            let same = match (before(ix).as_deref(), &*after) {
                (Some(Part::Cell(before)), Part::Cell(after)) => before.value == after.value,
                _ => false,
            };
            (!same).then_some(ix)
        };
        let writes: BTreeSet<PartIx> = writes.into_iter().filter_map(changes).filter(|ix| !is_order(ix)).collect();
        let mut looks: BTreeSet<PartIx> = looks.into_iter().filter(|ix| !is_order(ix)).collect();
        looks.extend(&writes);
        Touched { looks, writes }
    }
}
