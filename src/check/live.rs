//! Circles: executions that never end though every task that can go on does,
//! again and again, and `choose` takes each value again and again. It owns what a
//! circle in the finished graph means: in a fair part a group of tasks of whom nobody prints, and
//! nobody takes a value or a job, is a livelock, and which these are `groups` says; a fair part in
//! which a task that has not ended can go nowhere is a starvation, or a deadlock if nobody can do
//! anything for it. Where those that serve others go round and all others are stuck, a run ends: an
//! outcome. States and transitions are `explore`'s, the search for fair parts `fair`'s.

use super::alike::Round;
use super::explore::{Explorer, Found1, Made, What};
use super::fair::{Deed, Edge, Graph, Part as Fair, Search, flags};
use super::groups::{self, Group, KnownDeeds, Looking, Who};
use super::memo::Leaf;
use super::moves::Touched;
use super::part::*;
use super::store::{Row, StateId, own_parts};
use super::turn::{Mover, Turn};
use super::{Progress, Stop, finding, joined};
use crate::detect::finding::{Certainty, Code, Facts, Finding, Going, Reason, Waiting};
use crate::lang::ast::Span;
use crate::objects::TaskId;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A circle of transitions from a state back to it.
#[derive(Clone, Debug)]
pub struct Circle {
    pub turns: Vec<Turn>,
    /// Who waits for ever, in a starvation.
    pub starved: Option<TaskId>,
    /// Who goes round and gets nothing done, in a livelock: whoever else has turns on it is
    /// merely in the way.
    pub group: Vec<TaskId>,
    /// A place of it at which no other livelock goes round that is told of.
    pub round: Option<Span>,
}

/// Looks for circles in a finished exploration.
pub fn search(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) {
    let Some(made) = explorer.graph(ask) else { return };
    let core = made.graph.core();
    if core.is_empty() {
        return;
    }
    let actors: Vec<Who> =
        made.actors.iter().map(|(state, turn)| actor(explorer, &explorer.row(*state), turn)).collect();
    groups::quiet(&made.graph, &core, &actors, &mut Livelocks::new(explorer, &made, ask));
    if !explorer.standing.is_empty() {
        let never = |_| false;
        let goes_on = Search::new(&made.graph, &never).all_fair(&core, &mut || is_over(explorer, ask));
        explorer.tell_of_the_standing(goes_on.into_iter().flat_map(|part| part.states).collect());
    }
    if !has_enough(explorer) {
        stuck(explorer, &made.graph, &core);
    }
    starved(explorer, &made, &core, &actors, ask);
}

/// Whether only the first finding is wanted, and there is one.
fn has_enough(explorer: &Explorer) -> bool {
    explorer.options.first && explorer.found.iter().any(|found| !found.code.is_note())
}

/// Who makes a transition out of a state.
fn actor(explorer: &Explorer, row: &Row, turn: &Turn) -> Who {
    let task = explorer.task_of(turn);
    let tireless = match explorer.part(row, Key::Task(task)).as_deref() {
        // A worker that goes round does so in a job.
        Some(Part::Task(t)) => t.birth.daemon,
        _ => true,
    };
    Who { task, mover: turn.mover, tireless }
}

/// Whether there is a circle at all. Where states stand for others, a circle of
/// those is one of these as well, though not the other way round.
pub fn has_circle(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> bool {
    explorer.graph(ask).is_some_and(|made| !made.graph.core().is_empty())
}

/// Whether edges among so many states make a circle.
pub fn is_circular(states: usize, edges: &[(StateId, StateId)]) -> bool {
    let mut order: Vec<u32> = (0..edges.len() as u32).collect();
    order.sort_by_key(|n| edges[*n as usize].0);
    let mut order = order.into_iter().map(|n| edges[n as usize]).peekable();
    let mut graph = Graph::default();
    for state in 0..states as StateId {
        graph.add(std::iter::from_fn(|| order.next_if(|e| e.0 == state)).map(|e| Edge::new(e.1, 0, 0)));
    }
    !graph.core().is_empty()
}

/// So many fair parts in which the same tasks go round are looked at, the earliest ones.
const PARTS_MAX: usize = 64;

/// Limits are looked at after so many deeds and kinds of states.
const ASKED: usize = 256;

/// Who looks for livelocks in a finished exploration: groups of tasks for whom nothing changes. There
/// are often many fair parts of one mistake, as others may have got this far or that: a group is
/// told of if some task goes round in it at places none of which belongs to one that was told.
struct Livelocks<'l, 'e> {
    explorer: &'l mut Explorer<'e>,
    made: &'l Made,
    /// How many parts of the same tasks.
    looked: HashMap<Vec<TaskId>, usize>,
    told: HashSet<Span>,
    asked: usize,
    ask: &'l mut dyn FnMut(&Progress) -> Option<Stop>,
}

impl<'l, 'e> Livelocks<'l, 'e> {
    fn new(
        explorer: &'l mut Explorer<'e>,
        made: &'l Made,
        ask: &'l mut dyn FnMut(&Progress) -> Option<Stop>,
    ) -> Livelocks<'l, 'e> {
        let (looked, told) = (HashMap::default(), HashSet::default());
        Livelocks { explorer, made, looked, told, asked: 0, ask }
    }
}

impl Looking for Livelocks<'_, '_> {
    fn touched(&mut self, deed: Deed) -> (Touched, Option<PartIx>) {
        let (state, turn) = self.made.example(deed);
        touched(self.explorer, &self.explorer.row(state), &turn)
    }

    fn wants(&self, _: StateId) -> bool {
        true
    }

    fn is_over(&mut self) -> bool {
        self.asked += 1;
        if self.asked.is_multiple_of(ASKED) {
            self.explorer.heed(self.ask);
        }
        self.explorer.stop.is_some()
    }

    fn found(&mut self, group: &Group, round: &dyn Fn() -> Round) -> bool {
        let looked = self.looked.entry(group.tasks.clone()).or_default();
        *looked += 1;
        if *looked > PARTS_MAX {
            return true;
        }
        self.explorer.heed(self.ask);
        if self.explorer.stop.is_some() {
            return false;
        }
        let Round { start, steps } = round();
        let mut circle = circle(self.explorer, steps);
        circle.group = group.tasks.clone();
        let row = self.explorer.row(start);
        let Facts::Livelock { going } = finding(self.explorer, &circle, &row).facts else { return true };
        let is_new = |of: &&Going| !of.places.iter().any(|place| self.told.contains(&place.0));
        let new = going.iter().find(is_new);
        if self.told.is_empty() || new.is_some() {
            circle.round = new.and_then(|of| of.places.first()).map(|place| place.0);
            self.told.extend(going.iter().flat_map(|of| &of.places).map(|place| place.0));
            add(self.explorer, start, circle, Code::Livelock);
        }
        !has_enough(self.explorer)
    }
}

fn add(explorer: &mut Explorer, state: StateId, circle: Circle, code: Code) {
    explorer.found.push(Found1 { code, state, turn: None, what: What::Circle(circle), also_on: Vec::new() });
}

/// The places that a turn looks at and writes, and that of its own task.
fn touched(explorer: &Explorer, row: &Row, turn: &Turn) -> (Touched, Option<PartIx>) {
    let own = Key::Task(explorer.task_of(turn));
    (explorer.touched(row, turn), Some(explorer.model.space.place(own)))
}

/// A state without who comes after which access: no task does anything else for that, so whoever
/// comes back to this goes round, though it may take some rounds until nothing more is known.
pub fn without_order(explorer: &Explorer, row: &Row) -> Row {
    if explorer.model.exact { row.with(&[(explorer.model.space.place(Key::Order), 0)]) } else { row.clone() }
}

/// A way round by the edges that were followed.
fn circle(explorer: &mut Explorer, walk: Vec<(StateId, usize)>) -> Circle {
    let mut turns = Vec::new();
    let (mut row, mut out) = (Row::default(), Vec::new());
    for (state, edge) in walk {
        explorer.store.load(state, &mut row);
        explorer.explored(state, &row, &mut out);
        if let Some((turn, _)) = out.get(edge) {
            turns.push(turn.clone());
        }
    }
    Circle { turns, starved: None, group: Vec::new(), round: None }
}

/// Tasks that can never go on beside others that do for ever: a deadlock, as a run tells of it.
///
/// It is enough to look at one state of each part that no transition leaves. Who can never go
/// on in a state can do so in none behind it, and from every state there is a way to an end or
/// into such a part: so whoever is stuck anywhere is so at an end, where `at_end` tells of it,
/// or in one of these, in all of its states, since each is behind each other one. Nobody is
/// blamed for what is not there: executions that stay in such a part and are fair exist, since
/// all that anybody could do in it stays in it.
fn stuck(explorer: &mut Explorer, graph: &Graph, core: &[StateId]) {
    let never = |_| false;
    let mut search = Search::new(graph, &never);
    let mut firsts: Vec<StateId> =
        search.last(core.to_vec()).iter().filter_map(|p| p.states.first().copied()).collect();
    // The earliest has the shortest way.
    firsts.sort_unstable();
    for state in firsts {
        if has_enough(explorer) {
            return;
        }
        explorer.tell_of_the_stuck(state);
    }
}

/// Tasks that can go nowhere in a fair part, though somebody could do what they wait for.
///
/// Executions on which a task never goes on from some moment on stay in the states in which
/// it cannot, and so in the end in one of the largest fair parts of these. Of every such part
/// it is asked where the task waits: one that waits at several places, each on executions of
/// its own, is starved at each. Within one part it waits at one place, since it takes no step.
fn starved(
    explorer: &mut Explorer,
    made: &Made,
    core: &[StateId],
    actors: &[Who],
    ask: &mut dyn FnMut(&Progress) -> Option<Stop>,
) {
    let graph = &made.graph;
    // Anybody may be who goes on, daemons too.
    let tireless = |_| false;
    // Whoever waits for ever does so within one of these.
    let circles = Search::new(graph, &tireless).components(core.to_vec());
    let mut waiting: BTreeMap<TaskId, Vec<StateId>> = BTreeMap::new();
    let mut states: Vec<StateId> = circles.into_iter().flat_map(|part| part.states).collect();
    states.sort_unstable();
    let mut row = Row::default();
    // Of each part of a task: whether its waiting is no trouble, and whether it has more to do.
    let mut excused: HashMap<PartId, bool, rustc_hash::FxBuildHasher> = HashMap::default();
    let mut more: HashMap<(PartId, PartId), bool, rustc_hash::FxBuildHasher> = HashMap::default();
    for state in states {
        explorer.store.load(state, &mut row);
        for (task, place) in explorer.tasks(&row) {
            let id = row.get(place);
            let part = || explorer.model.space.part(id);
            if !goes(graph, actors, state, task)
                && !*excused.entry(id).or_insert_with(|| is_excused(&part()))
                && (!joined::joins(explorer, &row, task, false)
                    || *more
                        .entry((id, joined::pool_of(explorer, &row, &part())))
                        .or_insert_with(|| joined::has_more_to_do(explorer, &row, &part())))
            {
                waiting.entry(task).or_default().push(state);
            }
        }
    }
    let mut known: HashMap<Option<Span>, usize, rustc_hash::FxBuildHasher> = HashMap::default();
    let mut deeds = KnownDeeds::default();
    for (task, states) in waiting {
        let mut search = Search::new(graph, &tireless);
        let mut parts = search.all_fair(&states, &mut || is_over(explorer, ask));
        parts.sort_by_key(|part| part.states.first().copied());
        for part in parts {
            if has_enough(explorer) {
                return;
            }
            let at = part.states.first().copied().unwrap_or(0);
            let row = explorer.row(at);
            if joined::joins(explorer, &row, task, false) {
                let looking = &mut Livelocks::new(explorer, made, ask);
                let goes_on = groups::in_peace(&search, &part, (graph, actors), looking, &mut deeds);
                if !joined::waits_in_vain(explorer, &row, task, &|other| goes_on.get(&other).copied()) {
                    continue;
                }
            }
            // Those that go on can do nothing about it, whatever they do: told as stuck.
            if explorer.is_stuck(&row, task) {
                continue;
            }
            let waiting = finding::waiting(explorer, &row, task);
            match known.get(&waiting.as_ref().map(|w| w.span)) {
                Some(found) => explorer.found[*found].is_also_on(waiting.map(|w| objects_of(&w)).unwrap_or_default()),
                None => {
                    known.insert(waiting.map(|w| w.span), explorer.found.len());
                    let (start, walk) = search.walk(&part, &search.steps(&part));
                    let circle = circle(explorer, walk);
                    add(explorer, start, Circle { starved: Some(task), ..circle }, Code::Starvation);
                }
            }
        }
    }
}

/// What a task waits for, but the ends of others.
fn objects_of(waiting: &Waiting) -> Vec<String> {
    waiting.waits.iter().filter(|w| w.object_kind != "task").map(|w| w.object.clone()).collect()
}

/// Whether a limit is reached, or somebody wants an end.
fn is_over(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> bool {
    explorer.heed(ask);
    explorer.stop.is_some()
}

/// Whether a task can go on in a state; that its child is buried is not its doing.
fn goes(graph: &Graph, actors: &[Who], state: StateId, task: TaskId) -> bool {
    let is_its = |a: &Who| a.task == task && a.mover != Mover::Bury;
    graph.ahead(state).any(|e| is_its(&actors[graph.actor(*e) as usize]))
}

/// Whether it is nobody's trouble that a task goes nowhere.
pub fn is_excused(part: &Part) -> bool {
    match part {
        Part::Task(task) => matches!(task.at, At::Ended(_)) || finding::is_excused(task),
        _ => true,
    }
}

/// So many transitions around a state are looked at at most, and fewer where that makes large
/// states: a loop that makes task after task makes ever larger ones.
pub const AROUND: u64 = 1 << 18;

/// To make so many bytes of states takes as long as a look at a transition, or at a task.
pub const BYTES_A_LOOK: usize = 256;

/// What is wrong with an execution that never ends and comes to this state again and
/// again: livelocks, or tasks that are starved, each with a way round. None, where too
/// much is to be looked at for that: so many transitions are `left` to look at.
pub fn recurring(explorer: &mut Explorer, row: &Row, left: &mut u64) -> Option<Vec<Circle>> {
    let mut known: HashMap<Vec<PartId>, StateId> = HashMap::default();
    let row = &without_order(explorer, row);
    let mut rows = vec![row.clone()];
    known.insert(own_parts(row.parts()).to_vec(), 0);
    let (mut graph, mut actors, mut numbers) = (Graph::default(), Vec::new(), HashMap::new());
    let mut turns: Vec<Vec<Turn>> = Vec::new();
    // Where each deed is done, and by which of the turns. What is handed out as one is one deed: the
    // explorer keeps all that it has handed out.
    let mut deeds: Vec<(StateId, usize)> = Vec::new();
    let mut handed: HashMap<*const Leaf, Deed> = HashMap::default();
    let mut out = Vec::new();
    let mut bytes = explorer.model.space.bytes();
    while graph.len() < rows.len() {
        if *left == 0 {
            return None;
        }
        let state = graph.len() as StateId;
        let row = rows[graph.len()].clone();
        explorer.successors(&row, true, &mut out);
        let before = std::mem::replace(&mut bytes, explorer.model.space.bytes());
        let made = bytes.saturating_sub(before) + size_of_val(row.parts()) * out.len();
        *left = left.saturating_sub((1 + out.len() + made / BYTES_A_LOOK) as u64);
        let mut edges = Vec::new();
        for (n, (turn, leaf)) in out.iter().enumerate() {
            let next = without_order(explorer, &row.with(&leaf.writes));
            let to = *known.entry(own_parts(next.parts()).to_vec()).or_insert_with(|| {
                rows.push(next);
                rows.len() as StateId - 1
            });
            let deed = *handed.entry(Rc::as_ptr(leaf)).or_insert_with(|| {
                let by = *numbers.entry((turn.actor, turn.mover)).or_insert_with(|| {
                    actors.push(actor(explorer, &row, turn));
                    actors.len() as u32 - 1
                });
                deeds.push((state, n));
                graph.new_deed(by)
            });
            edges.push(Edge::new(to, deed, flags(leaf.progress, !turn.ways.is_empty(), leaf.vain)));
        }
        graph.add(edges.into_iter());
        turns.push(out.iter().map(|(turn, _)| turn.clone()).collect());
    }
    let all: Vec<StateId> = (0..graph.len() as StateId).collect();
    let mut around = Around { explorer, rows: &rows, turns: &turns, deeds: &deeds, found: Vec::new() };
    groups::quiet(&graph, &all, &actors, &mut around);
    let mut found = std::mem::take(&mut around.found);
    let mut known = KnownDeeds::default();
    for (task, part) in explorer.task_parts(row) {
        let waits = |state: &StateId| !goes(&graph, &actors, *state, task);
        let joins = joined::joins(explorer, row, task, false);
        // Who is stuck has been told of.
        if !is_excused(&part)
            && waits(&0)
            && (!joins || joined::has_more_to_do(explorer, row, &part))
            && !explorer.is_stuck(row, task)
        {
            let within: Vec<StateId> = all.iter().copied().filter(waits).collect();
            let mut search = Search::new(&graph, &|_| false);
            let parts = search.all_fair(&within, &mut || false);
            let mut in_vain = |part: &Fair| {
                let looking = &mut Around { explorer, rows: &rows, turns: &turns, deeds: &deeds, found: Vec::new() };
                let goes_on = groups::in_peace(&search, part, (&graph, &actors), looking, &mut known);
                joined::waits_in_vain(explorer, row, task, &|other| goes_on.get(&other).copied())
            };
            if let Some(part) = parts.iter().find(|part| comes_again(part) && (!joins || in_vain(part))) {
                let turns = turns_of(&turns, search.walk(part, &search.steps(part)).1);
                found.push(Circle { turns, starved: Some(task), group: Vec::new(), round: None });
            }
        }
    }
    Some(found)
}

/// Whether the state that it is about, the first one, is in a part.
fn comes_again(part: &Fair) -> bool {
    part.states.first() == Some(&0)
}

fn turns_of(turns: &[Vec<Turn>], walk: Vec<(StateId, usize)>) -> Vec<Turn> {
    walk.into_iter().map(|(s, n)| turns[s as usize][n].clone()).collect()
}

/// Who looks for livelocks around a state.
struct Around<'l, 'e> {
    explorer: &'l Explorer<'e>,
    rows: &'l [Row],
    turns: &'l [Vec<Turn>],
    deeds: &'l [(StateId, usize)],
    found: Vec<Circle>,
}

impl Looking for Around<'_, '_> {
    fn touched(&mut self, deed: Deed) -> (Touched, Option<PartIx>) {
        let (state, n) = self.deeds[deed as usize];
        touched(self.explorer, &self.rows[state as usize], &self.turns[state as usize][n])
    }

    fn wants(&self, first: StateId) -> bool {
        first == 0
    }

    fn is_over(&mut self) -> bool {
        false
    }

    fn found(&mut self, group: &Group, round: &dyn Fn() -> Round) -> bool {
        let Round { start, steps } = round();
        // It may be that only a state which is alike comes again.
        if start != 0 {
            return true;
        }
        let turns = turns_of(self.turns, steps);
        self.found.push(Circle { turns, starved: None, group: group.tasks.clone(), round: None });
        true
    }
}

/// The facts of a circle, from the log of going round once.
pub fn finding(explorer: &Explorer, circle: &Circle, row: &Row) -> Finding {
    let program = explorer.model.program;
    let names = finding::things(explorer, row);
    let mut going: BTreeMap<TaskId, Going> = BTreeMap::new();
    let mut on: Vec<String> = Vec::new();
    let mut waiting = circle.starved.and_then(|task| finding::waiting(explorer, row, task));
    let mut at = row.clone();
    for turn in &circle.turns {
        let Some((next, log, _)) = explorer.logged(&at, turn) else { break };
        at = next;
        // Who lets go of it on the way round does not keep it from who waits.
        if let (Some(task), Some(waiting)) = (circle.starved, &mut waiting) {
            let now = finding::waiting(explorer, &at, task);
            let keeps = |r: &Reason| now.iter().flat_map(|w| &w.waits).any(|w| w.reasons.contains(r));
            for wait in &mut waiting.waits {
                wait.reasons.retain(|r| !matches!(r, Reason::HeldBy { .. }) || keeps(r));
            }
        }
        for step in log.steps {
            let is_told = circle.starved.is_some() || circle.group.contains(&step.task);
            if step.site == super::process::NOWHERE || !is_told {
                continue;
            }
            let facts = || finding::task_facts(explorer, row, step.task);
            let place = (program.span(step.site), step.text.told(&names));
            let going = going.entry(step.task).or_insert_with(|| Going { task: facts(), places: Vec::new() });
            if !going.places.contains(&place) {
                going.places.push(place);
            }
            for reached in step.reached {
                if !on.contains(&reached.name) {
                    on.push(reached.name);
                }
            }
            for name in step.on {
                if !on.contains(&name) {
                    on.push(name);
                }
            }
        }
    }
    // Where a circle begins is no matter of the script: they stand in the order of the text,
    // so that whoever finds it says the same.
    let mut going: Vec<Going> = going.into_values().collect();
    for of in &mut going {
        of.places.sort_by(|(a, text), (b, other)| (a.start, a.end, text).cmp(&(b.start, b.end, other)));
    }
    on.sort();
    let (code, facts) = match circle.starved {
        None => (Code::Livelock, Facts::Livelock { going }),
        Some(task) => {
            if let Some(w) = &waiting {
                on = objects_of(w);
            }
            (Code::Starvation, Facts::Starvation { waiting, task: finding::task_facts(explorer, row, task), going })
        }
    };
    Finding { code, certainty: Certainty::Found, count: 1, on, also_on: Vec::new(), facts, schedule: None }
}
