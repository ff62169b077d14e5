//! The finest division of a script, one turn after another, for somebody who
//! goes through its executions by their own rules: the differential test, whose
//! races and outcomes must be those of `check`. It owns access to states and
//! transitions without any reduction, and looks for no race itself.

use super::explore::Explorer;
use super::finding::Scene1;
use super::model::Model;
use super::moves::Move;
use super::{Options, Outcome, outcome};
use crate::program::Program;
use std::collections::BTreeSet;

pub use super::seen::{Came, Deed, Event};
pub use super::store::Row;
pub use super::turn::Turn;

/// The states of a script.
pub struct Walk<'m> {
    explorer: Explorer<'m>,
}

/// What a turn leads to.
pub struct Taken {
    pub row: Row,
    /// In their order, each with the task that did it.
    pub deeds: Vec<(u32, Deed)>,
    pub events: Vec<Event>,
}

/// Walks through a script: `f` gets its first state.
///
/// # Errors
///
/// A declaration that cannot be made: its place in `Program::objects`, and why.
pub fn walk<T>(program: &'static Program, f: impl FnOnce(&mut Walk, Row) -> T) -> Result<T, (usize, String)> {
    let mut model = Model::finest(program, BTreeSet::new());
    model.blind = true;
    model.exact = false;
    // A worker may be ended with its pool's process, by then with less printed.
    model.movers = model.movers.with_workers(true);
    let options = Options { plain: true, ..Options::default() };
    let mut walk = Walk { explorer: Explorer::new(&model, &options) };
    let first = walk.explorer.begin()?;
    let row = walk.explorer.row(first);
    Ok(f(&mut walk, row))
}

impl Walk<'_> {
    /// Every turn that can be taken in a state.
    pub fn turns(&mut self, row: &Row) -> Vec<Turn> {
        let mut out = Vec::new();
        self.explorer.successors(row, true, &mut out);
        out.into_iter().map(|(turn, _)| turn).collect()
    }

    /// None if the turn cannot be taken there.
    pub fn take(&self, row: &Row, turn: &Turn) -> Option<Taken> {
        let (row, log, events) = self.explorer.logged(row, turn)?;
        Some(Taken { row, deeds: log.deeds, events })
    }

    /// The outcomes of a state without turns.
    pub fn outcomes(&self, row: &Row) -> Vec<Outcome> {
        let finished = Scene1::new(&self.explorer, row, &[]).finished();
        let main = self.explorer.main;
        let mut m = Move::new(self.explorer.model, row.parts(), &[], main, main);
        outcome::of(&mut m, &self.explorer, row, finished, &[])
    }
}
