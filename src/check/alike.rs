//! States in which the same can go on for ever, taken together. It owns the search for them in
//! a finished graph, and the graph of what is left; what makes two deeds the same, whoever asks
//! says.
//!
//! Two states are alike if each thing that can be done in the one can be done in the other one
//! as well and leads to states that are alike again (bisimilar: Park, *Concurrency and Automata
//! on Infinite Sequences*, 1981). What goes on for ever in the one goes on in the other too.
//! They may differ in what has been and makes no difference any more: a local variable that is
//! not read again, what a task printed last, who has reached what. Without that a task that has
//! been somewhere once would seem never to come there from where it was before, though it may
//! again and again.
//!
//! They are found by taking all for alike and telling apart those that cannot do the same to the
//! same, until there are none. When some were told apart, only what leads to them is looked at
//! again, and of those that were one the most numerous stay what they were (Hopcroft, *An
//! n log n algorithm for minimizing states in a finite automaton*, 1971): so each state is told
//! apart from others only as often as its kind can be halved.

use super::fair::{Actor, Deed, Edge, Graph, Part, Search};
use super::store::StateId;
use hashbrown::{HashMap, HashSet};

/// A kind of states that are alike, by the order in which they come first.
pub type Kind = StateId;

/// The graph of kinds.
pub struct Alike {
    /// Its deeds are those that were said to be the same, by the numbers that they were given.
    pub graph: Graph,
    /// Of each state; `NONE` for those that were not asked for.
    kinds: Vec<Kind>,
    /// The first state of each.
    firsts: Vec<StateId>,
}

const NONE: Kind = Kind::MAX;

/// A way round.
pub struct Round {
    /// Where it begins.
    pub start: StateId,
    /// Of each step where from, and which edge.
    pub steps: Vec<(StateId, usize)>,
}

impl Alike {
    /// Takes some states (ascending) together, out of which no edge leads. `same` gives each
    /// deed a number, and to those that are the same the same one; they are of one of
    /// `doers`, by these numbers. None, once it is `over`.
    pub fn of(
        graph: &Graph,
        within: &[StateId],
        same: &dyn Fn(Deed) -> Deed,
        doers: &[Actor],
        over: &mut dyn FnMut() -> bool,
    ) -> Option<Alike> {
        let mut kinds = told_apart(graph, within, same, over)?;
        let mut firsts = Vec::new();
        let mut numbers: HashMap<Kind, Kind, rustc_hash::FxBuildHasher> = HashMap::default();
        for state in within {
            let kind = &mut kinds[*state as usize];
            *kind = *numbers.entry(*kind).or_insert_with(|| {
                firsts.push(*state);
                firsts.len() as Kind - 1
            });
        }
        let mut all = Graph::default();
        doers.iter().for_each(|doer| _ = all.new_deed(*doer));
        for first in &firsts {
            let mut met = HashSet::new();
            let of_kinds = |edge: &Edge| Edge::new(kinds[edge.to as usize], same(edge.deed()), edge.flags());
            let edges = graph.ahead(*first).map(of_kinds);
            all.add(edges.filter(|edge| met.insert(*edge)));
        }
        Some(Alike { graph: all, kinds, firsts })
    }

    /// The first state of a kind.
    pub fn first(&self, kind: Kind) -> StateId {
        self.firsts[kind as usize]
    }

    /// A way round on which each of these actors does a step in a part of the graph of kinds, all
    /// of whom do so there, as one among states.
    ///
    /// It begins where all that is done in the part is done again and again, so that it is no
    /// matter what has been before: in a strongly connected part of the states of these kinds that
    /// none of the edges leaves which are taken there. Whatever is done in one state of a kind is
    /// done in all of them, so there is one behind each, and in it is done all that is done in the
    /// part.
    pub fn round(&self, graph: &Graph, search: &Search, part: &Part, actors: &[Actor]) -> Round {
        let kinds: HashSet<Kind, rustc_hash::FxBuildHasher> = part.states.iter().copied().collect();
        let states: Vec<StateId> =
            (0..self.kinds.len() as StateId).filter(|s| kinds.contains(&self.kinds[*s as usize])).collect();
        let never = |_| false;
        let kind = |state: StateId| self.kinds[state as usize];
        let mut among = search.within(graph, &never, &states, kind);
        let closed = among.closed(states);
        let Some(closed) = closed.into_iter().min_by_key(|part| part.states[0]) else {
            return Round { start: 0, steps: Vec::new() };
        };
        let (start, steps) = among.walk(&closed, actors);
        Round { start, steps }
    }
}

/// What can be done in a state, and to which kinds that leads, in order.
type Does = Vec<(Deed, u8, Kind)>;

/// Of each state a number: the same for those that are alike.
fn told_apart(
    graph: &Graph,
    within: &[StateId],
    same: &dyn Fn(Deed) -> Deed,
    over: &mut dyn FnMut() -> bool,
) -> Option<Vec<Kind>> {
    let mut kinds = Kinds::one(graph.len(), within);
    let before = graph.before();
    let mut todo: Vec<StateId> = within.to_vec();
    while !todo.is_empty() {
        todo.sort_unstable_by_key(|state| (kinds.of[*state as usize], *state));
        let mut moved: Vec<StateId> = Vec::new();
        for states in
            todo.chunk_by(|a, b| kinds.of[*a as usize] == kinds.of[*b as usize]).map(<[_]>::to_vec).collect::<Vec<_>>()
        {
            if over() {
                return None;
            }
            let mut by_deeds: HashMap<Does, Vec<StateId>, rustc_hash::FxBuildHasher> = HashMap::default();
            for state in states {
                let mut does: Does =
                    graph.ahead(state).map(|e| (same(e.deed()), e.flags(), kinds.of[e.to as usize])).collect();
                does.sort_unstable();
                does.dedup();
                by_deeds.entry(does).or_default().push(state);
            }
            // All others of the kind lead to what they led to before, which none of these does
            // any more.
            kinds.divide(by_deeds.into_values().collect(), &mut moved);
        }
        // Only what leads to a state does something else once that is told apart.
        let leads = moved.iter().flat_map(|state| before.of(*state)).copied();
        todo = leads.filter(|state| kinds.of[*state as usize] != NONE).collect();
        todo.sort_unstable();
        todo.dedup();
    }
    Some(kinds.of)
}

/// Which states are of the same kind as far as is known, those of each side by side.
struct Kinds {
    of: Vec<Kind>,
    states: Vec<StateId>,
    /// Where each state stands among them.
    places: Vec<u32>,
    /// Where those of each kind stand: from here, so many.
    spans: Vec<(u32, u32)>,
}

impl Kinds {
    /// All of these are one.
    fn one(count: usize, states: &[StateId]) -> Kinds {
        let (mut of, mut places) = (vec![NONE; count], vec![0; count]);
        for (n, state) in states.iter().enumerate() {
            (of[*state as usize], places[*state as usize]) = (0, n as u32);
        }
        Kinds { of, states: states.to_vec(), places, spans: vec![(0, states.len() as u32)] }
    }

    /// Tells some groups of one kind apart, and from the rest of it, if there is any. The most
    /// numerous stays what it was; the states of all others are `moved`.
    fn divide(&mut self, mut groups: Vec<Vec<StateId>>, moved: &mut Vec<StateId>) {
        // The order in which kinds get their numbers makes no difference to who is alike.
        groups.sort_unstable_by_key(|group| (std::cmp::Reverse(group.len()), group.first().copied()));
        let Some(kind) = groups.first().and_then(|group| group.first()).map(|state| self.of[*state as usize]) else {
            return;
        };
        let all: usize = groups.iter().map(Vec::len).sum();
        let rest = self.spans[kind as usize].1 as usize - all;
        for group in groups.iter().skip(usize::from(rest == 0)) {
            self.take_out(kind, group);
        }
        let largest = groups.first().map_or(0, Vec::len);
        if rest > 0 && rest < largest {
            // The first of them was taken out first, and is what the kind was from now on.
            let new = self.of[groups[0][0] as usize];
            self.spans.swap(kind as usize, new as usize);
            let both = [kind, new].map(|one| (one, self.spans[one as usize]));
            for (one, (from, count)) in both {
                for place in from..from + count {
                    self.of[self.states[place as usize] as usize] = one;
                }
            }
            let (from, count) = self.spans[new as usize];
            moved.extend_from_slice(&self.states[from as usize..(from + count) as usize]);
        } else if rest > 0 {
            moved.extend_from_slice(&groups[0]);
        }
        moved.extend(groups.into_iter().skip(1).flatten());
    }

    /// Makes some states of a kind a new one.
    fn take_out(&mut self, kind: Kind, group: &[StateId]) {
        let new = self.spans.len() as Kind;
        for state in group {
            let (from, count) = self.spans[kind as usize];
            let (at, last) = (self.places[*state as usize], from + count - 1);
            let other = self.states[last as usize];
            self.states.swap(at as usize, last as usize);
            (self.places[other as usize], self.places[*state as usize]) = (at, last);
            self.spans[kind as usize].1 -= 1;
            self.of[*state as usize] = new;
        }
        let (from, count) = self.spans[kind as usize];
        self.spans.push((from + count, group.len() as u32));
    }
}

#[cfg(test)]
mod tests;
