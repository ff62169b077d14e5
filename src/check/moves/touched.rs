//! Which places a transition has to do with, for who asks whether the transitions of one
//! task matter to another one. It owns what counts as looking and as writing there: what
//! a script can tell, and nothing of what an exploration does beside it to find races or
//! to look at invariants. Which reductions two transitions allow, `sleep` says, by all that
//! a transition looked at.

use super::{Move, Unkept};
use crate::check::part::*;
use std::collections::BTreeSet;

/// The places that a transition looks at, and those that it writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Touched {
    pub looks: BTreeSet<PartIx>,
    pub writes: BTreeSet<PartIx>,
}

/// What is kept while it is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    pub(super) looks: Vec<PartIx>,
    pub(super) changes: Vec<PartIx>,
}

impl Move<'_> {
    /// From now on it is kept what it touches.
    pub fn watch(&mut self) {
        self.overlay.get_mut().touched = Some(Watched::default());
    }

    /// Does what no script can tell of: what it looks at by that is not kept.
    pub(in crate::check) fn aside<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let touched = self.overlay.get_mut().touched.take();
        let done = f(self);
        self.overlay.get_mut().touched = touched;
        done
    }

    /// What it has touched since it is kept. An object and memory are written also where all
    /// comes to what was there before: a lock that is taken and given back in one transition,
    /// and a value that was there already. Another task may have to do with it all the same,
    /// and in another division into transitions it is seen in between.
    pub fn touched(mut self) -> Touched {
        let Watched { looks, changes } = self.overlay.get_mut().touched.take().unwrap_or_default();
        let space = &self.model.space;
        let is_order = |ix: &PartIx| space.key(*ix) == Key::Order;
        let is_object = |ix: &PartIx| matches!(space.key(*ix), Key::Object(_));
        let is_life = |ix: &PartIx| matches!(space.key(*ix), Key::Task(_) | Key::Process(_) | Key::Threads(_));
        let mut writes: BTreeSet<PartIx> = changes.into_iter().filter(|ix| !is_life(ix) && !is_order(ix)).collect();
        // Who has reached a place in memory is no value of it.
        let Unkept { writes: net, .. } = self.close_unkept();
        writes.extend(net.into_iter().map(|write| write.0).filter(|ix| is_life(ix) || is_object(ix)));
        let mut looks: BTreeSet<PartIx> = looks.into_iter().filter(|ix| !is_order(ix)).collect();
        looks.extend(&writes);
        Touched { looks, writes }
    }
}
