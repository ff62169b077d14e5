//! The search for fair parts against their definition, in small graphs.

use super::*;
use proptest::prelude::*;

const STATES: usize = 5;
const ACTORS: u32 = 3;
/// The actor that may go round for ever.
const DAEMON: Actor = 0;

/// `(from, to, actor, flags)`.
type Edges = Vec<(StateId, StateId, Actor, u8)>;

fn graph(edges: &Edges) -> Graph {
    let mut graph = Graph::default();
    // What each does is one deed, wherever it is done.
    (0..ACTORS).for_each(|actor| assert_eq!(graph.new_deed(actor), actor));
    for state in 0..STATES as StateId {
        graph.add(edges.iter().filter(|e| e.0 == state).map(|e| Edge::new(e.1, e.2, e.3)));
    }
    graph
}

/// Whether all these states reach each other by these edges, each by one at least.
fn is_connected(states: &[StateId], edges: &Edges) -> bool {
    states.iter().all(|from| {
        let mut met: Vec<StateId> = Vec::new();
        let mut todo = vec![*from];
        while let Some(at) = todo.pop() {
            for edge in edges.iter().filter(|e| e.0 == at) {
                if !met.contains(&edge.1) {
                    met.push(edge.1);
                    todo.push(edge.1);
                }
            }
        }
        states.iter().all(|s| met.contains(s))
    })
}

/// Whether an execution may stay in just these states and be fair, and some actor who may
/// not go round for ever does. `barred`: a bit for each choice that is never made, in the
/// order of the states and the actors.
fn is_fair(states: &[StateId], edges: &Edges, forbidden: u8, barred: u32) -> bool {
    let bar = |state: StateId, actor: Actor| barred >> (state * ACTORS + actor) & 1 == 1;
    let within: Edges = edges
        .iter()
        .filter(|e| {
            states.contains(&e.0)
                && states.contains(&e.1)
                && e.3 & forbidden == 0
                && !(e.3 & CHOSEN != 0 && bar(e.0, e.2))
        })
        .copied()
        .collect();
    let steps = |actor: Actor| within.iter().any(|e| e.2 == actor);
    let out = edges.iter().filter(|e| states.contains(&e.0));
    // Whoever chooses takes each value, some day.
    let chooses =
        |e: &(StateId, StateId, Actor, u8)| within.iter().any(|w| (w.0, w.2) == (e.0, e.2) && w.3 & CHOSEN != 0);
    is_connected(states, &within)
        && out.clone().all(|e| steps(e.2))
        && out.clone().filter(|e| e.3 & CHOSEN != 0 && chooses(e)).all(|e| within.contains(e))
        && (0..ACTORS).any(|a| a != DAEMON && steps(a))
}

fn earliest_fair(edges: &Edges, forbidden: u8) -> Option<StateId> {
    let subsets = 1u32..1 << STATES;
    let states = |set: u32| (0..STATES as StateId).filter(|s| set >> s & 1 == 1).collect::<Vec<_>>();
    let mut choices: Vec<u32> = edges.iter().filter(|e| e.3 & CHOSEN != 0).map(|e| 1 << (e.0 * ACTORS + e.2)).collect();
    choices.sort_unstable();
    choices.dedup();
    let barred = |n: u32| choices.iter().enumerate().filter(|c| n >> c.0 & 1 == 1).map(|c| c.1).sum::<u32>();
    subsets
        .map(states)
        .filter(|some| (0..1 << choices.len()).any(|n| is_fair(some, edges, forbidden, barred(n))))
        .filter_map(|some| some.first().copied())
        .min()
}

fn edges() -> impl Strategy<Value = Edges> {
    let state = || 0..STATES as StateId;
    let flags = prop_oneof![6 => Just(0), 1 => Just(PROGRESS), 2 => Just(CHOSEN)];
    proptest::collection::vec((state(), state(), 0..ACTORS, flags), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn a_fair_part_is_found_if_there_is_one(edges in edges(), quiet: bool) {
        let (graph, forbidden) = (graph(&edges), if quiet { PROGRESS } else { 0 });
        let tireless = |a| a == DAEMON;
        let mut search = Search::new(&graph, &tireless);
        search.silence((0..ACTORS).filter(|_| quiet));
        let found = search.all_fair(&graph.core(), &mut || false).into_iter().min_by_key(|part| part.states.first().copied());
        let earliest = found.as_ref().and_then(|part| part.states.first().copied());
        prop_assert_eq!(earliest, earliest_fair(&edges, forbidden));
        if let Some(part) = found {
            let (start, walk) = search.walk(&part, &search.steps(&part));
            prop_assert_eq!(start, part.states[0]);
            let mut at = start;
            for (state, edge) in &walk {
                prop_assert_eq!(*state, at);
                at = graph.of(*state)[*edge].to;
                prop_assert!(part.states.contains(&at));
            }
            prop_assert_eq!(at, start);
            prop_assert!(walk.iter().any(|(s, e)| graph.actor(graph.of(*s)[*e]) != DAEMON));
        }
    }

    #[test]
    fn the_core_is_left_of_a_graph_with_a_circle_only(edges in edges()) {
        let is_circle = |s: StateId| {
            let reach = |from: StateId| {
                let mut met = vec![false; STATES];
                let mut todo = vec![from];
                while let Some(at) = todo.pop() {
                    for e in edges.iter().filter(|e| e.0 == at) {
                        if !std::mem::replace(&mut met[e.1 as usize], true) {
                            todo.push(e.1);
                        }
                    }
                }
                met
            };
            reach(s)[s as usize]
        };
        let circles: Vec<StateId> = (0..STATES as StateId).filter(|s| is_circle(*s)).collect();
        let core = graph(&edges).core();
        prop_assert_eq!(core.is_empty(), circles.is_empty());
        prop_assert!(circles.iter().all(|s| core.contains(s)));
    }
}
