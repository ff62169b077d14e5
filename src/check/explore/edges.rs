//! All transitions of a finished exploration once more, for whoever looks for circles:
//! many states at a time, as they were explored, so that nothing of it has to be kept
//! until then. It owns the graph that is made of them.

use super::*;
use crate::check::batch::Fan;
use crate::check::fair::{Actor, Deed, Edge, Graph, flags};
use crate::check::turn::WAYS_MAX;

/// Circles are looked for when so many states were explored.
const CIRCLE_AT: [usize; 3] = [1 << 10, 1 << 14, 1 << 18];

/// A graph, and who does what in it.
#[derive(Default)]
pub struct Made {
    pub graph: Graph,
    /// In which state each actor was met first, and how.
    pub actors: Vec<(StateId, Turn)>,
    /// Of each deed a state in which it is done, and in which of the `ways`.
    deeds: Vec<(StateId, u32)>,
    ways: Vec<Vec<u32>>,
}

impl Made {
    /// Where a deed is done, and how.
    pub fn example(&self, deed: Deed) -> (StateId, Turn) {
        let (state, ways) = self.deeds[deed as usize];
        let Turn { actor, mover, .. } = self.actors[self.graph.doer(deed) as usize].1;
        (state, Turn { actor, mover, ways: self.ways[ways as usize].clone() })
    }

    fn bytes(&self) -> usize {
        self.graph.bytes() + self.deeds.capacity() * size_of::<(StateId, u32)>()
    }
}

/// What is known of a graph that is being made.
#[derive(Default)]
struct Making {
    made: Made,
    actors: HashMap<(PartIx, Mover), Actor>,
    /// What is kept as one is one deed.
    deeds: HashMap<(usize, LeafAt, Option<LeafAt>), Deed, rustc_hash::FxBuildHasher>,
    ways: HashMap<Vec<u32>, u32>,
}

impl Explorer<'_> {
    /// From now on it ends where it has met a circle, which is looked for now and then.
    pub fn end_at_circle(&mut self) {
        self.circle_at = CIRCLE_AT[0];
    }

    /// Whether it is time to look for a circle among what was explored, and there is one.
    pub(super) fn has_met_circle(&mut self) -> bool {
        if self.next < self.circle_at || !self.recurs() {
            return false;
        }
        let later = CIRCLE_AT.iter().copied().find(|at| *at > self.next);
        self.circle_at = later.unwrap_or(usize::MAX);
        let mut making = Making::default();
        self.sleepless(|explorer| {
            while making.made.graph.len() < explorer.next {
                explorer.add_next(explorer.next, false, &mut making);
            }
        });
        !making.made.graph.core().is_empty()
    }

    /// The transitions that were followed, and those that slept; none if it was stopped.
    pub fn graph(&mut self, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> Option<Made> {
        let mut making = Making::default();
        let done = self.sleepless(|explorer| {
            while making.made.graph.len() < explorer.store.len() {
                let progress = explorer.progress_now();
                let progress = Progress { bytes: progress.bytes + making.bytes() as u64, ..progress };
                let full = making.made.graph.is_full(TOGETHER * WAYS_MAX).then_some(Stop::Memory);
                if let Some(stop) = ask(&progress).or_else(|| explorer.beyond(&progress)).or(full) {
                    explorer.stop = Some(stop);
                    return false;
                }
                explorer.add_next(explorer.store.len(), true, &mut making);
            }
            true
        });
        done.then_some(making.made)
    }

    /// Whoever slept is followed now. All states have been met but for those that only
    /// such a step leads to.
    fn sleepless<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let sleeping = self.sleeping.take();
        let done = work(self);
        self.sleeping = sleeping;
        done
    }

    /// Adds the edges of the next states, but of none from `end` on.
    fn add_next(&mut self, end: usize, grows: bool, making: &mut Making) {
        let from = making.made.graph.len();
        let some: Vec<StateId> = (from..end.min(from + self.together())).map(|s| s as StateId).collect();
        let (_, again) = self.add_edges(&some, !self.model.alone, grows, making);
        let mut again = &again[..];
        while !again.is_empty() {
            let (done, _) = self.add_edges(again, true, grows, making);
            again = &again[done..];
        }
    }

    /// Adds the edges of some states, the next ones or those that it has: of how many;
    /// and which lead nowhere new by what one actor does alone, so that all are followed
    /// there. Unless the exploration `grows` by it, an edge to a state that was not explored is left out.
    fn add_edges(&mut self, states: &[StateId], all: bool, grows: bool, making: &mut Making) -> (usize, Vec<StateId>) {
        let mut pieces = std::mem::take(&mut self.pieces);
        let cut = self.look_at(states, all, &mut pieces);
        let cut = self.keep_carried(&mut pieces, cut, all, &mut |_| false);
        let mut batch = std::mem::take(&mut self.batch);
        self.land_all(&mut pieces, cut);
        exchange_landed(&mut batch, &mut pieces);
        self.store.settle(&mut batch, &self.workers);
        if grows {
            self.take(&mut pieces, cut, &mut batch);
        }
        let mut again = Vec::new();
        for (n, piece) in pieces.iter().enumerate() {
            let mut came = batch.states(n);
            for at in 0..piece.count(cut) {
                let (fan, state) = (piece.fans[at], piece.items[at]);
                let edge = |(step, to): (&Step, Option<StateId>)| {
                    let to = to.filter(|to| grows || (*to as usize) < self.next)?;
                    Some(making.edge(self.known(), piece, step, state, to))
                };
                let edges: Vec<Edge> = followed(piece, fan).zip(came.by_ref()).filter_map(edge).collect();
                let fresh = edges.iter().any(|e| e.to != state && self.parents[e.to as usize] == state);
                if fan.alone && !fresh {
                    again.push(state);
                }
                let graph = &mut making.made.graph;
                if state as usize == graph.len() {
                    graph.add(edges.into_iter());
                } else {
                    graph.set(state, edges.into_iter());
                }
            }
        }
        self.store.end(&batch, &self.workers);
        exchange_landed(&mut batch, &mut pieces);
        self.batch = batch;
        self.pieces = pieces;
        (cut, again)
    }
}

fn followed(piece: &Piece, fan: Fan) -> impl Iterator<Item = &Step> {
    piece.steps[fan.from as usize..fan.to as usize].iter().filter(|step| !step.asleep)
}

impl Making {
    /// About how much memory it takes.
    fn bytes(&self) -> usize {
        self.made.bytes() + self.deeds.capacity() * (size_of::<(usize, LeafAt, Option<LeafAt>, Deed)>() + 1)
    }

    fn edge(&mut self, known: Known, piece: &Piece, step: &Step, state: StateId, to: StateId) -> Edge {
        let ways = &piece.ways[step.ways as usize];
        let deed = match kept_at(step) {
            Some((leaf, end)) => {
                let key = (memo_of(step.mover), leaf, end);
                match self.deeds.get(&key) {
                    Some(deed) => *deed,
                    None => {
                        let deed = self.new_deed(step, state, ways);
                        self.deeds.insert(key, deed);
                        deed
                    }
                }
            }
            None => self.new_deed(step, state, ways),
        };
        let [leaf, end] = leaves(known, step);
        Edge::new(to, deed, flags(leaf.progress() || end.progress(), !ways.is_empty(), leaf.vain()))
    }

    fn new_deed(&mut self, step: &Step, state: StateId, ways: &[u32]) -> Deed {
        let made = &mut self.made;
        let Step { actor, mover, .. } = *step;
        let by = *self.actors.entry((actor, mover)).or_insert_with(|| {
            made.actors.push((state, Turn { actor, mover, ways: ways.to_vec() }));
            made.actors.len() as Actor - 1
        });
        let ways = *self.ways.entry_ref(ways).or_insert_with(|| {
            made.ways.push(ways.to_vec());
            made.ways.len() as u32 - 1
        });
        made.deeds.push((state, ways));
        made.graph.new_deed(by)
    }
}
