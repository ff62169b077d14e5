//! Kinds of states against their definition, in small graphs.

use super::*;
use crate::check::fair::VAIN;
use proptest::prelude::*;

const STATES: u32 = 7;
const DEEDS: u32 = 4;

/// `(from, to, deed, in vain)`.
type Edges = Vec<(StateId, StateId, Deed, bool)>;

fn graph(edges: &Edges) -> Graph {
    let mut graph = Graph::default();
    (0..DEEDS).for_each(|deed| _ = graph.new_deed(deed / 2));
    for state in 0..STATES {
        let out = edges.iter().filter(|e| e.0 == state);
        graph.add(out.map(|e| Edge::new(e.1, e.2, if e.3 { VAIN } else { 0 })));
    }
    graph
}

/// Two deeds of one actor are the same.
fn same(deed: Deed) -> Deed {
    [0, 0, 1, 2][deed as usize]
}

/// Whether two states are alike, by taking all pairs for it that nothing speaks against.
fn are_alike(edges: &Edges) -> Vec<Vec<bool>> {
    let mut alike = vec![vec![true; STATES as usize]; STATES as usize];
    let out = |state: StateId| edges.iter().filter(move |e| e.0 == state && !e.3);
    loop {
        let before = alike.clone();
        for one in 0..STATES {
            for other in 0..STATES {
                let follows = |a: StateId, b: StateId| {
                    out(a).all(|x| out(b).any(|y| same(x.2) == same(y.2) && before[x.1 as usize][y.1 as usize]))
                };
                alike[one as usize][other as usize] &= follows(one, other) && follows(other, one);
            }
        }
        if alike == before {
            return alike;
        }
    }
}

/// Kinds against the definition, and the ways round that they give.
fn compare(edges: &Edges) -> Result<(), TestCaseError> {
    let graph = graph(edges);
    let within: Vec<StateId> = (0..STATES).collect();
    let kinds = Alike::of(&graph, &within, &same, &[0, 1, 1], &mut || false).expect("nobody ends it");
    let wanted = are_alike(edges);
    for one in 0..STATES {
        for other in 0..STATES {
            let is_one = kinds.kinds[one as usize] == kinds.kinds[other as usize];
            prop_assert_eq!(is_one, wanted[one as usize][other as usize], "{} {}", one, other);
        }
    }
    // The first state of each stands for it, in their order.
    for (kind, first) in kinds.firsts.iter().enumerate() {
        prop_assert_eq!(kinds.kinds[..*first as usize].iter().max().map_or(0, |k| k + 1), kind as Kind);
    }
    // A way round in a part among kinds is one among states, and the actors step on it.
    let never = |_| false;
    let all: Vec<StateId> = (0..kinds.graph.len() as StateId).collect();
    let mut search = Search::new(&kinds.graph, &never);
    for part in search.components(all) {
        let actors = search.steps(&part);
        let Round { start, steps } = kinds.round(&graph, &search, &part, &actors);
        let mut at = start;
        for (state, edge) in &steps {
            prop_assert_eq!(at, *state);
            at = graph.of(*state)[*edge].to;
        }
        prop_assert_eq!(at, start);
        let doers: Vec<Actor> = steps.iter().map(|(s, e)| graph.actor(graph.of(*s)[*e])).collect();
        prop_assert!(actors.iter().all(|actor| doers.contains(actor)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn kinds_are_states_that_are_alike(
        edges in prop::collection::vec((0..STATES, 0..STATES, 0..DEEDS, prop::bool::weighted(0.1)), 0..20)
    ) {
        compare(&edges)?;
    }
}

/// Two deeds of one actor that are the same lead from one state to two kinds.
#[test]
fn the_same_deed_leads_to_several_kinds() {
    let ahead = [(6, 6, 0), (2, 2, 0), (2, 6, 2), (0, 1, 0), (6, 6, 2), (3, 0, 0), (1, 0, 2)];
    let mut edges: Edges = ahead.map(|(from, to, deed)| (from, to, deed, false)).to_vec();
    edges.push((2, 0, 0, true));
    compare(&edges).expect("the kinds are those of the definition");
}
