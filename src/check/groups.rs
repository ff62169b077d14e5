//! Tasks that have to do with each other where they go round for ever, and those of them
//! that get nothing done. It owns what makes tasks one group, and which groups of a graph
//! are quiet: those of livelocks. Fair parts are `fair`'s, what a transition touches is
//! `moves`', and what a user is told of it is `live`'s.
//!
//! In a fair part two tasks have to do with each other if one of them writes there what the
//! other one looks at or writes there, and so have those who both have to do with a third.
//! Nothing that is done in one group makes a difference to another one: each goes round by
//! itself, and what the one gets done is no help to who is in the other. So a group is quiet
//! if none of its tasks prints, or takes a value or a job, and it need not be a fair part
//! without any progress that it is quiet in: others may get things done beside it.
//!
//! A group that makes progress in one of the largest fair parts may have none in a smaller
//! one, where it goes round without: such are looked for with the progress of this group
//! left out, and that of all others still there. In these parts its tasks are quiet, in whatever
//! groups they are: each is within that group, since less is done. No quiet fair part is
//! missed by this, whoever else makes progress: it is within one of the largest, and there are all of its tasks
//! within groups of which it has no progress.
//!
//! What a task may do in a part must not depend on what makes no difference to anybody any more,
//! as a local variable that it has set once. So where tasks fall into groups, all this is asked
//! of kinds of states (`alike`) instead of states.

use super::alike::{Alike, Round};
use super::fair::{Actor, Deed, Graph, PROGRESS, Part, Search};
use super::moves::Touched;
use super::part::PartIx;
use super::store::StateId;
use super::turn::Mover;
use crate::objects::TaskId;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;

/// Tasks that have to do with each other by what they do.
#[derive(Default)]
pub struct Groups {
    /// Of each task its place among those that were met.
    places: BTreeMap<TaskId, usize>,
    /// Of each place another one in the same group, or itself.
    same: Vec<usize>,
    /// Who looked there, and whether somebody wrote there.
    touched: HashMap<PartIx, (Vec<usize>, bool)>,
    /// So many groups there are.
    count: usize,
}

impl Groups {
    /// A task that does something.
    pub fn meet(&mut self, task: TaskId) -> usize {
        let next = self.same.len();
        let at = *self.places.entry(task).or_insert(next);
        if at == next {
            self.same.push(at);
            self.count += 1;
        }
        at
    }

    /// What a task does.
    pub fn take_in(&mut self, task: TaskId, touched: &Touched) {
        let at = self.meet(task);
        let mut together: Vec<(usize, usize)> = Vec::new();
        for ix in &touched.looks {
            let (by, written) = self.touched.entry(*ix).or_default();
            *written |= touched.writes.contains(ix);
            if !by.contains(&at) {
                by.push(at);
            }
            if *written {
                together.extend(by.iter().map(|other| (at, *other)));
                // They are one group now, for which one of them stands.
                by.truncate(1);
            }
        }
        for (one, other) in together {
            self.join(one, other);
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while self.same[at] != at {
            at = self.same[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if one != other {
            self.same[one.max(other)] = one.min(other);
            self.count -= 1;
        }
    }

    /// Whether all have to do with each other.
    pub fn is_one(&self) -> bool {
        self.count < 2
    }

    /// The groups, each in the order of its tasks, and those in the order of the first ones.
    pub fn all(&self) -> Vec<Vec<TaskId>> {
        let mut all: Vec<(usize, Vec<TaskId>)> = Vec::new();
        for (task, at) in &self.places {
            let root = self.root(*at);
            match all.iter_mut().find(|group| group.0 == root) {
                Some(group) => group.1.push(*task),
                None => all.push((root, vec![*task])),
            }
        }
        all.into_iter().map(|group| group.1).collect()
    }
}

/// Who moves in a graph.
pub struct Who {
    pub task: TaskId,
    pub mover: Mover,
    /// It may go round for ever: that is what it is there for.
    pub tireless: bool,
}

/// Who looks for quiet groups.
pub trait Looking {
    /// The places that a deed looks at and writes, and which of them is only its own task's.
    fn touched(&mut self, deed: Deed) -> (Touched, Option<PartIx>);
    /// Whether a fair part is to be looked at of which this is the first state.
    fn wants(&self, first: StateId) -> bool;
    /// A quiet group, and a way round on which each of its tasks does a step; whether others are
    /// to be looked for.
    fn found(&mut self, group: &Group, round: &dyn Fn() -> Round) -> bool;
    /// Nothing more is to be looked for.
    fn is_over(&mut self) -> bool;
}

/// A group in a fair part.
pub struct Group {
    pub tasks: Vec<TaskId>,
    /// Those that step in the part.
    pub actors: Vec<Actor>,
    progress: bool,
    tireless: bool,
}

/// Tells of each quiet group in the largest fair parts within some states (ascending), out of
/// which no edge leads, but of those that are tireless; the earliest parts first.
pub fn quiet(graph: &Graph, within: &[StateId], actors: &[Who], looking: &mut dyn Looking) {
    let tireless = |a: Actor| actors[a as usize].tireless;
    let mut plain = Plain { looking, known: HashMap::default() };
    let mut search = Search::new(graph, &tireless);
    let parts = in_parts(graph, &mut search, within, actors, &mut plain);
    // Where in each part all have to do with each other, it makes no difference which states are
    // alike: whoever makes no progress there is quiet with all others.
    if parts.iter().all(|(_, groups)| groups.len() < 2) {
        in_graph(graph, &search, parts, actors, &mut plain);
        return;
    }
    drop((search, parts));
    let Some(same) = Same::of(graph, within, &mut plain) else { return };
    let number = |deed: Deed| same.numbers[deed as usize];
    let looking = plain.looking;
    let Some(alike) = Alike::of(graph, within, &number, &same.doers, &mut || looking.is_over()) else { return };
    let all: Vec<StateId> = (0..alike.graph.len() as StateId).collect();
    let mut kinds = OfKinds { looking, same: &same, alike: &alike, graph };
    let mut search = Search::new(&alike.graph, &tireless);
    let parts = in_parts(&alike.graph, &mut search, &all, actors, &mut kinds);
    in_graph(&alike.graph, &search, parts, actors, &mut kinds);
}

/// What deeds have to do with, as `Looking::touched` says it.
pub type KnownDeeds = HashMap<Deed, (Touched, Option<PartIx>)>;

/// The tasks that go on in a fair part, each with whether its group there is none that is quiet:
/// it gets something done, or is there to go round. What deeds have to do with is kept in `known`.
pub fn in_peace(
    search: &Search,
    part: &Part,
    (graph, actors): (&Graph, &[Who]),
    looking: &mut dyn Looking,
    known: &mut KnownDeeds,
) -> HashMap<TaskId, bool> {
    let mut plain = Plain { looking, known: std::mem::take(known) };
    let groups = groups(graph, search, part, actors, &mut plain);
    *known = plain.known;
    let peace = |group: &Group| group.progress || group.tireless;
    groups.iter().flat_map(|group| group.tasks.iter().map(|task| (*task, peace(group)))).collect()
}

/// Who looks for quiet groups in a graph, be it one of kinds of states.
trait InGraph {
    fn touched(&mut self, deed: Deed) -> &Touched;
    fn wants(&self, part: &Part) -> bool;
    fn found(&mut self, search: &Search, part: &Part, group: &Group) -> bool;
    fn is_over(&mut self) -> bool;
}

/// In the graph as it is.
struct Plain<'l> {
    looking: &'l mut dyn Looking,
    known: KnownDeeds,
}

impl InGraph for Plain<'_> {
    fn touched(&mut self, deed: Deed) -> &Touched {
        &self.known.entry(deed).or_insert_with(|| self.looking.touched(deed)).0
    }

    fn wants(&self, part: &Part) -> bool {
        part.states.first().is_some_and(|first| self.looking.wants(*first))
    }

    fn found(&mut self, search: &Search, part: &Part, group: &Group) -> bool {
        self.looking.found(group, &|| {
            let (start, steps) = search.walk(part, &group.actors);
            Round { start, steps }
        })
    }

    fn is_over(&mut self) -> bool {
        self.looking.is_over()
    }
}

/// Deeds that are the same for whoever else is there.
struct Same {
    /// Of each deed, by which number it goes.
    numbers: Vec<Deed>,
    doers: Vec<Actor>,
    touched: Vec<Touched>,
}

impl Same {
    /// Those of one actor which touch the same, but for the place of its own task: what becomes
    /// of that is seen in what it can do behind them.
    fn of(graph: &Graph, within: &[StateId], plain: &mut Plain) -> Option<Same> {
        const NONE: Deed = Deed::MAX;
        let mut same = Same { numbers: Vec::new(), doers: Vec::new(), touched: Vec::new() };
        let mut known: HashMap<(Actor, Touched), Deed> = HashMap::default();
        for edge in within.iter().flat_map(|state| graph.ahead(*state)) {
            let deed = edge.deed();
            if same.numbers.len() <= deed as usize {
                same.numbers.resize(deed as usize + 1, NONE);
            }
            if same.numbers[deed as usize] != NONE {
                continue;
            }
            if plain.looking.is_over() {
                return None;
            }
            let (touched, own) = plain.known.entry(deed).or_insert_with(|| plain.looking.touched(deed));
            let doer = graph.doer(deed);
            let mut others = touched.clone();
            if let Some(own) = own {
                others.looks.remove(own);
                others.writes.remove(own);
            }
            let next = same.doers.len() as Deed;
            let number = *known.entry((doer, others)).or_insert(next);
            if number == next {
                same.doers.push(doer);
                same.touched.push(touched.clone());
            } else {
                let all = &mut same.touched[number as usize];
                all.looks.extend(&touched.looks);
                all.writes.extend(&touched.writes);
            }
            same.numbers[deed as usize] = number;
        }
        Some(same)
    }
}

/// In the graph of kinds of states.
struct OfKinds<'l> {
    looking: &'l mut dyn Looking,
    same: &'l Same,
    alike: &'l Alike,
    graph: &'l Graph,
}

impl InGraph for OfKinds<'_> {
    fn touched(&mut self, deed: Deed) -> &Touched {
        &self.same.touched[deed as usize]
    }

    fn wants(&self, part: &Part) -> bool {
        part.states.first().is_some_and(|kind| self.looking.wants(self.alike.first(*kind)))
    }

    fn found(&mut self, search: &Search, part: &Part, group: &Group) -> bool {
        self.looking.found(group, &|| self.alike.round(self.graph, search, part, &group.actors))
    }

    fn is_over(&mut self) -> bool {
        self.looking.is_over()
    }
}

/// The largest fair parts, each with its groups, the earliest first.
fn in_parts(
    graph: &Graph,
    search: &mut Search,
    within: &[StateId],
    actors: &[Who],
    looking: &mut dyn InGraph,
) -> Vec<(Part, Vec<Group>)> {
    let mut parts = search.all_fair(within, &mut || looking.is_over());
    parts.sort_by_key(|part| part.states.first().copied());
    let mut all = Vec::new();
    for part in parts {
        if looking.is_over() {
            break;
        }
        let groups = groups(graph, search, &part, actors, looking);
        all.push((part, groups));
    }
    all
}

/// Tells of the quiet groups in the largest fair parts, which these are.
fn in_graph(graph: &Graph, whole: &Search, parts: Vec<(Part, Vec<Group>)>, actors: &[Who], looking: &mut dyn InGraph) {
    let tireless = |a: Actor| actors[a as usize].tireless;
    let mut without = None;
    for (part, groups) in parts {
        if !looking.wants(&part) {
            continue;
        }
        for group in groups {
            if group.tireless {
                continue;
            }
            if !group.progress {
                if !looking.found(whole, &part, &group) {
                    return;
                }
                continue;
            }
            let search = without.get_or_insert_with(|| Search::new(graph, &tireless));
            search.silence(group.actors.iter().copied());
            for (part, groups) in in_parts(graph, search, &part.states, actors, looking) {
                let is_of_it = |of: &&Group| !of.tireless && of.tasks.iter().all(|t| group.tasks.contains(t));
                for of in groups.iter().filter(is_of_it).filter(|_| looking.wants(&part)).collect::<Vec<_>>() {
                    if !looking.found(search, &part, of) {
                        return;
                    }
                }
            }
        }
    }
}

/// The groups in a part.
fn groups(graph: &Graph, search: &Search, part: &Part, actors: &[Who], looking: &mut dyn InGraph) -> Vec<Group> {
    let (mut deeds, mut progress) = (Vec::new(), HashSet::new());
    let mut met: HashSet<Deed, rustc_hash::FxBuildHasher> = HashSet::default();
    for (_, edge) in search.edges(part) {
        if edge.has(PROGRESS) {
            progress.insert(graph.actor(edge));
        }
        if met.insert(edge.deed()) {
            deeds.push(edge.deed());
        }
    }
    let mut acting: Vec<Actor> = deeds.iter().map(|deed| graph.doer(*deed)).collect();
    acting.sort_unstable();
    acting.dedup();
    let task = |actor: Actor| actors[actor as usize].task;
    let mut groups = Groups::default();
    for actor in &acting {
        groups.meet(task(*actor));
    }
    for deed in deeds {
        if groups.is_one() {
            break;
        }
        groups.take_in(task(graph.doer(deed)), looking.touched(deed));
    }
    let group = |tasks: Vec<TaskId>| {
        let theirs: Vec<Actor> = acting.iter().copied().filter(|actor| tasks.contains(&task(*actor))).collect();
        let progress = theirs.iter().any(|actor| progress.contains(actor));
        let tireless = theirs.iter().all(|actor| actors[*actor as usize].tireless);
        Group { tasks, actors: theirs, progress, tireless }
    };
    groups.all().into_iter().map(group).collect()
}
