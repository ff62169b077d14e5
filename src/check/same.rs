//! What makes two findings one, and whether a state shows the same as another
//! one did. It owns that comparison; what is found in the first place,
//! `explore` and `live` say.

use super::explore::{Explorer, Found1, What};
use super::finding::{self, Note, Scene1, Stuck};
use super::moves::Move;
use super::part::PartId;
use super::store::{Row, own_parts};
use super::turn::Turn;
use crate::detect::finding::Code;
use crate::lang::ast::Span;
use hashbrown::HashSet;

/// What makes two findings one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Event(Code, String),
    Stuck(Code, String),
    Finally(Code, String),
    Note(Code, String),
    /// Of a starvation, with where the task waits; of a livelock, where nobody else goes round.
    Circle(Code, Option<Span>),
}

pub fn key(explorer: &Explorer, found: &Found1) -> Key {
    let program = explorer.model.program;
    match &found.what {
        What::Event(event) => {
            let (code, key) = finding::key(program, event);
            Key::Event(code, key)
        }
        What::Finally(event) => {
            let (code, key) = finding::key(program, event);
            Key::Finally(code, key)
        }
        What::Stuck(stuck) => Key::Stuck(stuck.code, stuck.key.clone()),
        What::Note(note) => {
            let (code, key) = note.key();
            Key::Note(code, key)
        }
        What::Circle(circle) => {
            let row = explorer.row(found.state);
            let waiting = circle.starved.and_then(|task| finding::waiting(explorer, &row, task));
            Key::Circle(found.code, waiting.map(|w| w.span).or(circle.round))
        }
    }
}

/// The same shown by a state: by the state itself, or by a transition out of it.
pub fn shown_again(explorer: &mut Explorer, row: &Row, key: &Key) -> Option<(Option<Turn>, What)> {
    if let Key::Event(code, text) = key {
        let program = explorer.model.program;
        let mut out = Vec::new();
        explorer.successors(row, true, &mut out);
        return out.into_iter().find_map(|(turn, leaf)| {
            let same = |e: &&_| finding::key(program, e) == (*code, text.clone());
            leaf.rare.events.iter().find(same).map(|e| (Some(turn), What::Event(e.clone())))
        });
    }
    at_last(explorer, row, key, &|_| true).map(|what| (None, what))
}

/// So many states behind one are looked at at most.
const FURTHER: usize = 4096;

/// What is shown further on.
pub struct Further {
    /// To the state that shows it.
    pub turns: Vec<Turn>,
    pub turn: Option<Turn>,
    pub what: What,
}

/// The same shown on the shortest way from a state: who waits for several tasks does so in
/// their order, so that of two states that stand for each other one may show what the other
/// one comes to only when somebody who can go on has done so.
pub fn shown_further_on(explorer: &mut Explorer, row: &Row, key: &Key) -> Option<Further> {
    let mut known: HashSet<Vec<PartId>> = HashSet::default();
    let mut rows: Vec<(Row, Vec<Turn>)> = vec![(row.clone(), Vec::new())];
    let mut out = Vec::new();
    let mut at = 0;
    while at < rows.len() && rows.len() <= FURTHER {
        let (row, turns) = rows[at].clone();
        at += 1;
        if let Some((turn, what)) = shown_again(explorer, &row, key) {
            return Some(Further { turns, turn, what });
        }
        explorer.successors(&row, true, &mut out);
        for (turn, leaf) in &out {
            let next = row.with(&leaf.writes);
            if known.insert(own_parts(next.parts()).to_vec()) {
                let mut turns = turns.clone();
                turns.push(turn.clone());
                rows.push((next, turns));
            }
        }
    }
    None
}

/// Of tasks that are stuck, the same in a state that differs in who of alike tasks is where:
/// which circle of several is told of depends on that.
pub fn stuck_alike(explorer: &mut Explorer, row: &Row, one: &Stuck) -> Option<What> {
    let all: Vec<Stuck> = explorer.stuck_in(row).into_iter().filter(|s| s.code == one.code).collect();
    let alike = all.iter().find(|s| s.finding.on == one.finding.on).or(all.first());
    alike.cloned().map(What::Stuck)
}

/// What the last state shows by itself; of several that are stuck with one key, one that fits.
pub fn at_last(explorer: &mut Explorer, row: &Row, key: &Key, fits: &dyn Fn(&What) -> bool) -> Option<What> {
    if matches!(key, Key::Event(..) | Key::Circle(..)) {
        return None;
    }
    if let Key::Stuck(code, text) = key {
        let same = explorer.stuck_in(row).into_iter().filter(|s| s.code == *code && s.key == *text);
        return same.map(What::Stuck).find(fits);
    }
    let mut out = Vec::new();
    explorer.successors(row, true, &mut out);
    if !out.is_empty() || !Scene1::new(explorer, row, &[]).finished() {
        return None;
    }
    if let Key::Note(code, text) = key {
        let same = |n: &Note| n.key() == (*code, text.clone());
        return finding::notes(explorer, row).into_iter().find(same).map(What::Note);
    }
    let mut m = Move::new(explorer.model, row.parts(), &[], explorer.main, explorer.main);
    m.run_finally();
    let (.., events, _) = m.close();
    let program = explorer.model.program;
    events
        .into_iter()
        .find(|e| {
            let (code, text) = finding::key(program, e);
            *key == Key::Finally(code, text)
        })
        .map(What::Finally)
}
