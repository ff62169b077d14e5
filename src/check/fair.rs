//! A finished graph of states, and the fair circles in it. It owns the graph as numbers
//! and the search; where the transitions come from, `explore` says, and what a circle
//! means to a user, `live`.
//!
//! An execution that never ends stays, from some moment on, within one strongly
//! connected part of the graph. It is fair if each actor that can go on anywhere
//! in the part also does so within it. Parts that are not fair are looked at
//! again without the states in which somebody could go that never does (Emerson
//! and Lei's recursion for strong fairness, 1987). Parts are found with one number for
//! each state (Pearce, *A Space-Efficient Algorithm for Finding Strongly Connected
//! Components*, 2016, after Tarjan, 1972).

use super::store::StateId;
use hashbrown::{HashMap, HashSet};
use std::collections::{BTreeSet, VecDeque};
use std::sync::OnceLock;

/// The number of an actor among those of a graph.
pub type Actor = u32;
/// The number of what an actor does, wherever it does just that: it looks at the same and
/// changes the same.
pub type Deed = u32;

/// A transition prints, or takes a value or a job.
pub const PROGRESS: u8 = 1;
/// It is one of several ways that an actor may take where it stands, each of which must be
/// taken: values of `choose`, ready arms of a `select`, those who wait to be met.
pub const CHOSEN: u8 = 2;

/// It looks at a condition that does not hold: whoever waits for that does not go on by it.
pub const VAIN: u8 = 4;

/// The flags of a transition.
pub fn flags(progress: bool, chosen: bool, vain: bool) -> u8 {
    (u8::from(progress) * PROGRESS) | (u8::from(chosen) * CHOSEN) | (u8::from(vain) * VAIN)
}

/// A transition in the graph: where to, what is done, and what it is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    pub to: StateId,
    /// The deed, and in the lowest bits the flags.
    what: u32,
}

const FLAGS: u32 = 3;
const DEEDS_MAX: usize = 1 << (u32::BITS - FLAGS);

impl Edge {
    pub fn new(to: StateId, deed: Deed, flags: u8) -> Edge {
        Edge { to, what: deed << FLAGS | u32::from(flags) }
    }

    pub fn deed(self) -> Deed {
        self.what >> FLAGS
    }

    pub fn has(self, flags: u8) -> bool {
        self.what as u8 & flags != 0
    }

    pub fn flags(self) -> u8 {
        self.what as u8 & ((1 << FLAGS) - 1)
    }
}

/// All states, and the transitions out of each.
#[derive(Default)]
pub struct Graph {
    /// Where the edges of each state stand: from here, so many.
    spans: Vec<(u32, u32)>,
    edges: Vec<Edge>,
    /// Who does each deed.
    doers: Vec<Actor>,
    /// What leads to each state, once that was asked for.
    before: OnceLock<Before>,
}

impl Graph {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds a state, the next one, with these edges.
    pub fn add(&mut self, edges: impl Iterator<Item = Edge>) {
        self.spans.push((0, 0));
        self.set(self.spans.len() as StateId - 1, edges);
    }

    /// Gives a state other edges.
    pub fn set(&mut self, state: StateId, edges: impl Iterator<Item = Edge>) {
        let from = self.edges.len();
        self.edges.extend(edges);
        self.spans[state as usize] = (from as u32, (self.edges.len() - from) as u32);
        self.before.take();
    }

    pub fn of(&self, state: StateId) -> &[Edge] {
        let (from, count) = self.spans[state as usize];
        &self.edges[from as usize..(from + count) as usize]
    }

    /// The edges of a state by which somebody goes on.
    pub fn ahead(&self, state: StateId) -> impl Iterator<Item = &Edge> {
        self.of(state).iter().filter(|edge| !edge.has(VAIN))
    }

    /// From which states somebody goes on to each.
    pub fn before(&self) -> &Before {
        self.before.get_or_init(|| Before::new(self))
    }

    /// A deed of an actor, the next one.
    pub fn new_deed(&mut self, actor: Actor) -> Deed {
        self.doers.push(actor);
        self.doers.len() as Deed - 1
    }

    /// Whose a deed is.
    #[inline]
    pub fn doer(&self, deed: Deed) -> Actor {
        self.doers[deed as usize]
    }

    /// Whose a transition is.
    #[inline]
    pub fn actor(&self, edge: Edge) -> Actor {
        self.doer(edge.deed())
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.spans.capacity() * size_of::<(u32, u32)>()
            + self.edges.capacity() * size_of::<Edge>()
            + self.doers.capacity() * size_of::<Actor>()
    }

    /// Whether there may be no room for so many edges more.
    pub fn is_full(&self, more: usize) -> bool {
        // Some states looked at together have no more than so many deeds: what leads out of them
        // is gone through in pieces, each of which ends soon after it has a million steps.
        self.edges.len() + more > u32::MAX as usize || self.doers.len() > DEEDS_MAX / 2
    }

    /// The states that are left when those that no edge leads to are taken away, again
    /// and again (Kahn, CACM 1962): none, if there is no circle.
    pub fn core(&self) -> Vec<StateId> {
        let mut into = vec![0u32; self.len()];
        let states = 0..self.len() as StateId;
        states.clone().flat_map(|s| self.of(s)).for_each(|e| into[e.to as usize] += 1);
        let mut todo: Vec<StateId> = states.clone().filter(|s| into[*s as usize] == 0).collect();
        while let Some(state) = todo.pop() {
            for edge in self.of(state) {
                into[edge.to as usize] -= 1;
                if into[edge.to as usize] == 0 {
                    todo.push(edge.to);
                }
            }
        }
        states.filter(|s| into[*s as usize] > 0).collect()
    }
}

/// Of each state those from which an edge leads there by which somebody goes on.
pub struct Before {
    /// Of each state where they stand.
    starts: Vec<u32>,
    from: Vec<StateId>,
}

impl Before {
    fn new(graph: &Graph) -> Before {
        let mut starts = vec![0u32; graph.len() + 1];
        let states = 0..graph.len() as StateId;
        let edges = || states.clone().flat_map(|state| graph.ahead(state).map(move |edge| (state, edge.to)));
        edges().for_each(|(_, to)| starts[to as usize + 1] += 1);
        for n in 1..starts.len() {
            starts[n] += starts[n - 1];
        }
        let mut next = starts.clone();
        let mut from = vec![0; starts.last().copied().unwrap_or(0) as usize];
        for (state, to) in edges() {
            from[next[to as usize] as usize] = state;
            next[to as usize] += 1;
        }
        Before { starts, from }
    }

    pub fn of(&self, state: StateId) -> &[StateId] {
        &self.from[self.starts[state as usize] as usize..self.starts[state as usize + 1] as usize]
    }
}

/// States that all reach each other, by edges that may be taken for ever.
#[derive(Clone, Debug)]
pub struct Part {
    /// Ascending.
    pub states: Vec<StateId>,
    label: u32,
}

/// A search in the graph without some edges.
pub struct Search<'g> {
    graph: &'g Graph,
    /// Edges with progress of one of these actors are not taken.
    silent: HashSet<Actor>,
    /// Whether an actor may go round for ever without that being anybody's trouble.
    tireless: &'g dyn Fn(Actor) -> bool,
    /// Of each state the part that it is in now; 0: none. No part has the label of
    /// another one, so that those put aside stay what they are.
    label: Vec<u32>,
    labels: u32,
    /// Of Pearce's algorithm; 0: not met.
    index: Vec<u32>,
    /// `(state, actor)` of whose ways some lead out of the part that the state
    /// is in: none of them is taken for ever. What else the actor may do there is nobody's
    /// to choose. A part that is looked at again is smaller: more lead out then.
    barred: HashSet<(StateId, Actor)>,
}

enum Judged {
    Fair,
    /// What is left to look at.
    Smaller(Vec<StateId>),
    Nothing,
}

impl<'g> Search<'g> {
    pub fn new(graph: &'g Graph, tireless: &'g dyn Fn(Actor) -> bool) -> Search<'g> {
        let none = || vec![0; graph.len()];
        let (label, index, barred) = (none(), none(), HashSet::default());
        Search { graph, silent: HashSet::default(), tireless, label, labels: 0, index, barred }
    }

    /// From now on no progress of just these actors is taken. Parts that were found before
    /// are parts no more.
    pub fn silence(&mut self, actors: impl Iterator<Item = Actor>) {
        self.silent = actors.collect();
        self.barred.clear();
    }

    fn part(&mut self, states: Vec<StateId>) -> Part {
        self.labels += 1;
        states.iter().for_each(|s| self.label[*s as usize] = self.labels);
        Part { states, label: self.labels }
    }

    /// Whether it may be taken for ever, wherever it leads.
    fn is_taken(&self, state: StateId, edge: Edge) -> bool {
        let by = || self.graph.actor(edge);
        let silent = edge.has(PROGRESS) && self.silent.contains(&by());
        let barred = edge.has(CHOSEN) && self.barred.contains(&(state, by()));
        !(edge.has(VAIN) || silent || barred)
    }

    fn allowed(&self, part: &Part, state: StateId, edge: Edge) -> bool {
        self.label[edge.to as usize] == part.label && self.is_taken(state, edge)
    }

    /// The largest fair parts within some states (ascending); those found by then, once it is
    /// `over`.
    pub fn all_fair(&mut self, within: &[StateId], over: &mut dyn FnMut() -> bool) -> Vec<Part> {
        let mut todo = vec![within.to_vec()];
        let mut fair = Vec::new();
        while let Some(area) = todo.pop() {
            if over() {
                break;
            }
            for part in self.components(area) {
                match self.judge(&part) {
                    Judged::Fair => fair.push(part),
                    Judged::Smaller(smaller) => todo.push(smaller),
                    Judged::Nothing => {}
                }
            }
        }
        fair
    }

    /// The strongly connected parts within some states (ascending) that no edge leaves, not
    /// even one that this search does not take. All that can be done in them stays in them.
    pub fn last(&mut self, within: Vec<StateId>) -> Vec<Part> {
        let mut parts = self.components(within);
        let leaves = |part: &Part, edge: &Edge| self.label[edge.to as usize] != part.label;
        parts.retain(|part| !part.states.iter().flat_map(|s| self.graph.ahead(*s)).any(|e| leaves(part, e)));
        parts
    }

    fn judge(&mut self, part: &Part) -> Judged {
        let mut steps: HashSet<Actor> = HashSet::default();
        let mut out: Vec<(StateId, Actor)> = Vec::new();
        for state in &part.states {
            let edges = self.graph.of(*state);
            for edge in edges.iter().filter(|e| self.allowed(part, *state, **e)) {
                // If some way leads out, it is taken some day.
                let actor = self.graph.actor(*edge);
                let is_way = |e: &&Edge| e.has(CHOSEN) && !e.has(VAIN) && self.graph.actor(**e) == actor;
                let mut ways = edges.iter().filter(is_way);
                let leads_out = edge.has(CHOSEN) && ways.any(|e| !self.allowed(part, *state, *e));
                if leads_out {
                    out.push((*state, actor));
                } else {
                    steps.insert(actor);
                }
            }
        }
        if !out.is_empty() {
            self.barred.extend(out);
            let smaller = self.trimmed(part);
            return if smaller.is_empty() { Judged::Nothing } else { Judged::Smaller(smaller) };
        }
        if steps.iter().all(|a| (self.tireless)(*a)) {
            return Judged::Nothing;
        }
        let waits = |state: &StateId| self.graph.ahead(*state).any(|e| !steps.contains(&self.graph.actor(*e)));
        let fine: Vec<StateId> = part.states.iter().copied().filter(|s| !waits(s)).collect();
        if fine.len() == part.states.len() {
            return Judged::Fair;
        }
        if fine.is_empty() { Judged::Nothing } else { Judged::Smaller(fine) }
    }

    /// What is left of a part without the states out of which nothing is taken for ever within
    /// it, again and again: each of them makes more ways lead out. A count that goes up and down
    /// by choice would else lose one state in each round of all of it.
    fn trimmed(&mut self, part: &Part) -> Vec<StateId> {
        let before = self.graph.before();
        let mut todo = part.states.clone();
        while let Some(state) = todo.pop() {
            if self.label[state as usize] != part.label {
                continue;
            }
            let edges = self.graph.of(state);
            for edge in edges.iter().filter(|e| e.has(CHOSEN) && !e.has(VAIN)) {
                if !self.allowed(part, state, *edge) {
                    self.barred.insert((state, self.graph.actor(*edge)));
                }
            }
            if !edges.iter().any(|e| self.allowed(part, state, *e)) {
                self.label[state as usize] = 0;
                todo.extend(before.of(state));
            }
        }
        part.states.iter().copied().filter(|s| self.label[*s as usize] == part.label).collect()
    }

    /// The strongly connected parts within some states (ascending) that no edge leaves which is
    /// taken and leads to another of these states.
    pub fn closed(&mut self, within: Vec<StateId>) -> Vec<Part> {
        let area: HashSet<StateId> = within.iter().copied().collect();
        let mut parts = self.components(within);
        let leaves = |part: &Part, state: StateId, edge: Edge| {
            self.label[edge.to as usize] != part.label && area.contains(&edge.to) && self.is_taken(state, edge)
        };
        parts.retain(|part| !part.states.iter().any(|s| self.graph.of(*s).iter().any(|e| leaves(part, *s, *e))));
        parts
    }

    /// The same search in the graph of which this one is made: `kind` says which state there each
    /// of some states is here.
    pub fn within<'a>(
        &self,
        graph: &'a Graph,
        tireless: &'a dyn Fn(Actor) -> bool,
        states: &[StateId],
        kind: impl Fn(StateId) -> StateId,
    ) -> Search<'a> {
        let mut search = Search::new(graph, tireless);
        search.silent.clone_from(&self.silent);
        for state in states {
            let actors = graph.of(*state).iter().filter(|e| e.has(CHOSEN)).map(|e| graph.actor(*e));
            let barred = actors.filter(|actor| self.barred.contains(&(kind(*state), *actor)));
            search.barred.extend(barred.map(|actor| (*state, actor)));
        }
        search
    }

    /// The strongly connected parts within some states (ascending) that have an edge
    /// within.
    pub fn components(&mut self, within: Vec<StateId>) -> Vec<Part> {
        let area = self.part(within);
        let mut found: Vec<Vec<StateId>> = Vec::new();
        // Those that may belong to a part that is not complete yet.
        let mut open: Vec<StateId> = Vec::new();
        // The way to where it is: a state, its next edge, and whether nothing before it is
        // known to be reached from it.
        let mut way: Vec<(StateId, u32, bool)> = Vec::new();
        let (mut next, mut complete) = (1, u32::MAX);
        for start in &area.states {
            if self.index[*start as usize] != 0 {
                continue;
            }
            self.index[*start as usize] = next;
            next += 1;
            way.push((*start, 0, true));
            while let Some((at, n, root)) = way.last_mut() {
                let state = *at;
                if let Some(edge) = self.graph.of(state).get(*n as usize).copied() {
                    let to = self.index[edge.to as usize];
                    // Asked anew where it comes back from: what is behind is known by then.
                    let behind = to != 0;
                    if behind {
                        *n += 1;
                    }
                    if behind && to >= self.index[state as usize] {
                        continue;
                    }
                    match (self.allowed(&area, state, edge), behind) {
                        (false, true) => {}
                        (false, false) => *n += 1,
                        (true, true) => {
                            (self.index[state as usize], *root) = (to, false);
                        }
                        (true, false) => {
                            self.index[edge.to as usize] = next;
                            next += 1;
                            way.push((edge.to, 0, true));
                        }
                    }
                    continue;
                }
                let root = *root;
                way.pop();
                if !root {
                    open.push(state);
                    continue;
                }
                let own = self.index[state as usize];
                let mut states = vec![state];
                while let Some(top) = open.pop_if(|top| self.index[*top as usize] >= own) {
                    states.push(top);
                }
                for member in &states {
                    self.index[*member as usize] = complete;
                }
                next -= states.len() as u32;
                complete -= 1;
                let edges = self.graph.of(state).iter();
                let circle =
                    states.len() > 1 || edges.filter(|e| e.to == state).any(|e| self.allowed(&area, state, *e));
                if circle {
                    states.sort_unstable();
                    found.push(states);
                }
            }
        }
        for state in &area.states {
            self.index[*state as usize] = 0;
            self.label[*state as usize] = 0;
        }
        found.into_iter().map(|states| self.part(states)).collect()
    }

    /// The transitions of a part, each with where it starts.
    pub fn edges<'s>(&'s self, part: &'s Part) -> impl Iterator<Item = (StateId, Edge)> + use<'s, 'g> {
        let of = |state: &'s StateId| self.graph.of(*state).iter().map(|edge| (*state, *edge));
        part.states.iter().flat_map(of).filter(|(state, edge)| self.allowed(part, *state, *edge))
    }

    /// The actors that step in a part, ascending.
    pub fn steps(&self, part: &Part) -> Vec<Actor> {
        let steps: BTreeSet<Actor> = self.edges(part).map(|(_, edge)| self.graph.actor(edge)).collect();
        steps.into_iter().collect()
    }

    /// A closed walk from the earliest state in which each of these actors does a step, all
    /// of whom do so in the part, and others as few as may be: where it starts; of each step
    /// where from, and which edge.
    pub fn walk(&self, part: &Part, actors: &[Actor]) -> (StateId, Vec<(StateId, usize)>) {
        let start = part.states.first().copied().unwrap_or(0);
        let theirs: HashSet<Actor> = actors.iter().copied().collect();
        let mut missing = theirs.clone();
        let mut walk: Vec<(StateId, usize)> = Vec::new();
        let mut at = start;
        loop {
            let goal = |edge: Edge| {
                if missing.is_empty() { edge.to == start } else { missing.contains(&self.graph.actor(edge)) }
            };
            let Some(more) = self.path(part, at, &theirs, &goal) else { return (start, walk) };
            for (state, edge) in &more {
                missing.remove(&self.graph.actor(self.graph.of(*state)[*edge]));
            }
            let last = more.last().map(|(s, e)| self.graph.of(*s)[*e].to);
            walk.extend(more);
            at = last.unwrap_or(start);
            if missing.is_empty() && at == start {
                return (start, walk);
            }
        }
    }

    /// A path within the part that ends with a wanted edge: one with the fewest steps before it
    /// of others than `theirs`, and a short one; the shortest, if no others step in the part.
    fn path(
        &self,
        part: &Part,
        from: StateId,
        theirs: &HashSet<Actor>,
        goal: &dyn Fn(Edge) -> bool,
    ) -> Option<Vec<(StateId, usize)>> {
        let mut before: HashMap<StateId, (StateId, usize)> = HashMap::default();
        let mut todo = VecDeque::from([from]);
        // Where one more step of others leads to, and from where.
        let mut later: VecDeque<(StateId, (StateId, usize))> = VecDeque::new();
        loop {
            let Some(at) = todo.pop_front() else {
                let (to, by) = later.pop_front()?;
                if to != from && !before.contains_key(&to) {
                    before.insert(to, by);
                    todo.push_back(to);
                }
                continue;
            };
            for (n, edge) in self.graph.of(at).iter().enumerate() {
                if !self.allowed(part, at, *edge) {
                    continue;
                }
                if goal(*edge) {
                    let mut path = vec![(at, n)];
                    let mut back = at;
                    while back != from {
                        let (state, edge) = before[&back];
                        path.push((state, edge));
                        back = state;
                    }
                    path.reverse();
                    return Some(path);
                }
                if edge.to != from && !before.contains_key(&edge.to) {
                    if theirs.contains(&self.graph.actor(*edge)) {
                        before.insert(edge.to, (at, n));
                        todo.push_back(edge.to);
                    } else {
                        later.push_back((edge.to, (at, n)));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
