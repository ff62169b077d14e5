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
    /// The places that a deed looks at and writes.
    fn touched(&mut self, deed: Deed) -> Touched;
    /// Whether a fair part is to be looked at.
    fn wants(&self, part: &Part) -> bool;
    /// A quiet group; whether others are to be looked for.
    fn found(&mut self, search: &Search, part: &Part, group: &Group) -> bool;
}

/// A group in a fair part.
pub struct Group {
    pub tasks: Vec<TaskId>,
    /// Those that step in the part.
    pub actors: Vec<Actor>,
    progress: bool,
    tireless: bool,
}

/// Tells of each quiet group in the largest fair parts within some states (ascending),
/// but of those that are tireless; the earliest parts first.
pub fn quiet(graph: &Graph, within: &[StateId], actors: &[Who], looking: &mut dyn Looking) {
    let tireless = |a: Actor| actors[a as usize].tireless;
    let mut whole = Search::new(graph, &tireless);
    let mut without = None;
    let mut known = HashMap::default();
    for part in wanted(whole.all_fair(within), looking) {
        for group in groups(graph, &whole, &part, actors, looking, &mut known) {
            if group.tireless {
                continue;
            }
            if !group.progress {
                if !looking.found(&whole, &part, &group) {
                    return;
                }
                continue;
            }
            let search = without.get_or_insert_with(|| Search::new(graph, &tireless));
            search.silence(group.actors.iter().copied());
            for part in wanted(search.all_fair(&part.states), looking) {
                for of in groups(graph, search, &part, actors, looking, &mut known) {
                    let is_of_it = !of.tireless && of.tasks.iter().all(|t| group.tasks.contains(t));
                    if is_of_it && !looking.found(search, &part, &of) {
                        return;
                    }
                }
            }
        }
    }
}

fn wanted(mut parts: Vec<Part>, looking: &dyn Looking) -> Vec<Part> {
    parts.retain(|part| looking.wants(part));
    parts.sort_by_key(|part| part.states.first().copied());
    parts
}

/// The groups in a part.
fn groups(
    graph: &Graph,
    search: &Search,
    part: &Part,
    actors: &[Who],
    looking: &mut dyn Looking,
    known: &mut HashMap<Deed, Touched>,
) -> Vec<Group> {
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
        let touched = known.entry(deed).or_insert_with(|| looking.touched(deed));
        groups.take_in(task(graph.doer(deed)), touched);
    }
    let group = |tasks: Vec<TaskId>| {
        let theirs: Vec<Actor> = acting.iter().copied().filter(|actor| tasks.contains(&task(*actor))).collect();
        let progress = theirs.iter().any(|actor| progress.contains(actor));
        let tireless = theirs.iter().all(|actor| actors[*actor as usize].tireless);
        Group { tasks, actors: theirs, progress, tireless }
    };
    groups.all().into_iter().map(group).collect()
}
