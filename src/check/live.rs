//! Circles: executions that never end though every task that can go on does,
//! again and again, and `choose` takes each value again and again. It owns the
//! search for them in the finished graph; states and transitions are
//! `explore`'s.
//!
//! An execution that never ends stays, from some moment on, within one strongly
//! connected part of the graph. It is fair if each task that can go on anywhere
//! in the part also does so within it. Parts that are not fair are looked at
//! again without the states in which a task could go that never does (Emerson
//! and Lei's recursion for strong fairness, 1987), each time by Tarjan's
//! algorithm (1972). A fair part in which nobody prints, and nobody takes a value
//! or a job, is a livelock; a fair part in which a task that has not ended can go
//! nowhere is a starvation.

use super::explore::{Explorer, Found1, What};
use super::part::*;
use super::store::{Row, StateId};
use super::turn::{Mover, Turn};
use super::{Progress, Stop, finding};
use crate::detect::finding::{Certainty, Code, Facts, Finding, Going, Reason};
use crate::objects::TaskId;
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;

/// A circle of transitions from a state back to it.
#[derive(Clone, Debug)]
pub struct Circle {
    pub turns: Vec<Turn>,
    /// Who waits for ever, in a starvation.
    pub starved: Option<TaskId>,
}

/// A transition in the graph: where to, whose, and what it is like.
#[derive(Clone, Copy)]
struct Edge {
    to: StateId,
    actor: u16,
    flags: u8,
}

/// It prints, or takes a value or a job.
const PROGRESS: u8 = 1;
/// One of several values of `choose`, each of which must be taken.
const CHOSEN: u8 = 2;

struct Graph {
    /// The edges of a state stand from here on.
    first: Vec<u32>,
    edges: Vec<Edge>,
    actors: Vec<(PartIx, Mover)>,
    /// Of each actor its task, and whether it may go round for ever.
    tasks: Vec<(TaskId, bool)>,
}

/// Looks for circles in a finished exploration.
pub fn search(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) {
    let Some(graph) = build(explorer, ask) else { return };
    if !graph.has_circle() {
        return;
    }
    let all: Vec<StateId> = (0..explorer.store.len() as StateId).collect();
    let quiet = Search { graph: &graph, forbidden: PROGRESS };
    if let Some(part) = quiet.fair(&all, &HashSet::default()) {
        add(explorer, &graph, &quiet, &part, Code::Livelock, None);
    }
    starved(explorer, &graph);
}

/// Whether there is a circle at all. Where states stand for others, a circle of
/// those is one of these as well, though not the other way round.
pub fn has_circle(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> bool {
    build(explorer, ask).is_some_and(|graph| graph.has_circle())
}

fn build(explorer: &mut Explorer, ask: &mut dyn FnMut(&Progress) -> Option<Stop>) -> Option<Graph> {
    let mut graph = Graph { first: vec![0], edges: Vec::new(), actors: Vec::new(), tasks: Vec::new() };
    let mut known: HashMap<(PartIx, Mover), u16> = HashMap::default();
    let (mut row, mut out) = (Row::default(), Vec::new());
    // On the way states are met to which transitions lead that slept.
    for state in 0 as StateId.. {
        if state as usize == explorer.store.len() {
            break;
        }
        if state.is_multiple_of(4096)
            && let Some(stop) = ask(&explorer.progress_now())
        {
            explorer.stop = Some(stop);
            return None;
        }
        explorer.store.load(state, &mut row);
        explorer.explored(state, &row, &mut out);
        for (turn, leaf) in &out {
            let key = (turn.actor, turn.mover);
            let actor = *known.entry(key).or_insert_with(|| {
                let task = explorer.task_of(turn);
                let tireless = match explorer.part(&row, Key::Task(task)).as_deref() {
                    // A worker that goes round does so in a job.
                    Some(Part::Task(t)) => t.birth.daemon,
                    _ => true,
                };
                graph.actors.push(key);
                graph.tasks.push((task, tireless));
                graph.actors.len() as u16 - 1
            });
            let to = explorer.land_behind(state, &row, &leaf.writes);
            let chosen = !turn.ways.is_empty() && leaf.fair;
            let flags = if leaf.progress { PROGRESS } else { 0 } | if chosen { CHOSEN } else { 0 };
            graph.edges.push(Edge { to, actor, flags });
        }
        graph.first.push(graph.edges.len() as u32);
    }
    Some(graph)
}

/// Whether edges among so many states make a circle.
pub fn is_circular(states: usize, edges: &[(StateId, StateId)]) -> bool {
    let mut graph = Graph { first: vec![0; states + 1], edges: Vec::new(), actors: Vec::new(), tasks: Vec::new() };
    edges.iter().for_each(|(from, _)| graph.first[*from as usize + 1] += 1);
    (0..states).for_each(|n| graph.first[n + 1] += graph.first[n]);
    let mut next = graph.first.clone();
    graph.edges.resize(edges.len(), Edge { to: 0, actor: 0, flags: 0 });
    for (from, to) in edges {
        let at = &mut next[*from as usize];
        graph.edges[*at as usize].to = *to;
        *at += 1;
    }
    graph.has_circle()
}

impl Graph {
    /// Whether some states are left when those that no edge leads to are taken
    /// away, again and again (Kahn, CACM 1962).
    fn has_circle(&self) -> bool {
        let states = self.first.len() - 1;
        let mut into = vec![0u32; states];
        self.edges.iter().for_each(|e| into[e.to as usize] += 1);
        let mut todo: Vec<StateId> = (0..states as StateId).filter(|s| into[*s as usize] == 0).collect();
        let mut taken = 0;
        while let Some(state) = todo.pop() {
            taken += 1;
            for edge in self.of(state) {
                into[edge.to as usize] -= 1;
                if into[edge.to as usize] == 0 {
                    todo.push(edge.to);
                }
            }
        }
        taken < states
    }

    /// Whether a task can go in a state; that its child is buried is not its doing.
    fn goes(&self, state: StateId, task: TaskId) -> bool {
        let is_its =
            |e: &Edge| self.tasks[e.actor as usize].0 == task && self.actors[e.actor as usize].1 != Mover::Bury;
        self.of(state).iter().any(is_its)
    }

    fn of(&self, state: StateId) -> &[Edge] {
        &self.edges[self.first[state as usize] as usize..self.first[state as usize + 1] as usize]
    }
}

/// A search in the part of the graph without some edges.
struct Search<'g> {
    graph: &'g Graph,
    /// Edges that have one of these flags.
    forbidden: u8,
}

/// States that all reach each other, by edges that may be taken for ever.
#[derive(Clone, Debug)]
struct Part1 {
    states: HashSet<StateId>,
    /// `(state, actor)` whose choices lead out: not taken for ever.
    barred: HashSet<(StateId, u16)>,
}

impl Search<'_> {
    fn allowed(&self, part: &Part1, state: StateId, edge: &Edge) -> bool {
        edge.flags & self.forbidden == 0
            && part.states.contains(&edge.to)
            && !part.barred.contains(&(state, edge.actor))
    }

    /// A fair part within some states, the one with the earliest state.
    fn fair(&self, within: &[StateId], barred: &HashSet<(StateId, u16)>) -> Option<Part1> {
        let all = Part1 { states: within.iter().copied().collect(), barred: barred.clone() };
        let mut todo = vec![all];
        let mut best: Option<Part1> = None;
        while let Some(area) = todo.pop() {
            for states in self.components(&area) {
                let part = Part1 { states, barred: area.barred.clone() };
                match self.judge(&part) {
                    Judged::Fair => {
                        let earliest = |p: &Part1| p.states.iter().min().copied();
                        if best.as_ref().is_none_or(|b| earliest(&part) < earliest(b)) {
                            best = Some(part);
                        }
                    }
                    Judged::Smaller(smaller) => todo.push(smaller),
                    Judged::Nothing => {}
                }
            }
        }
        best
    }

    fn judge(&self, part: &Part1) -> Judged {
        let mut steps: HashSet<u16> = HashSet::default();
        let mut barred = part.barred.clone();
        for state in &part.states {
            let edges = self.graph.of(*state);
            for edge in edges.iter().filter(|e| self.allowed(part, *state, e)) {
                // If some value of a `choose` leads out, it is taken some day.
                let leads_out = edge.flags & CHOSEN != 0
                    && edges.iter().any(|e| e.actor == edge.actor && !self.allowed(part, *state, e));
                if leads_out {
                    barred.insert((*state, edge.actor));
                } else {
                    steps.insert(edge.actor);
                }
            }
        }
        if barred.len() > part.barred.len() {
            return Judged::Smaller(Part1 { states: part.states.clone(), barred });
        }
        if steps.iter().all(|a| self.graph.tasks[*a as usize].1) {
            return Judged::Nothing;
        }
        let waits = |state: &StateId| self.graph.of(*state).iter().any(|e| !steps.contains(&e.actor));
        let fine: HashSet<StateId> = part.states.iter().copied().filter(|s| !waits(s)).collect();
        if fine.len() == part.states.len() {
            return Judged::Fair;
        }
        if fine.is_empty() { Judged::Nothing } else { Judged::Smaller(Part1 { states: fine, barred }) }
    }

    /// The strongly connected parts that have an edge within.
    fn components(&self, area: &Part1) -> Vec<HashSet<StateId>> {
        let mut order: HashMap<StateId, (u32, u32, bool)> = HashMap::default();
        let mut parts = Vec::new();
        let mut stack: Vec<StateId> = Vec::new();
        let mut count = 0;
        let mut starts: Vec<StateId> = area.states.iter().copied().collect();
        starts.sort_unstable();
        for start in starts {
            if order.contains_key(&start) {
                continue;
            }
            // Tarjan's algorithm without recursion: a state and its next edge.
            let mut path: Vec<(StateId, usize)> = vec![(start, 0)];
            while let Some((at, next)) = path.pop() {
                if next == 0 {
                    order.insert(at, (count, count, true));
                    count += 1;
                    stack.push(at);
                }
                let edges = self.graph.of(at);
                if let Some(edge) = edges.get(next) {
                    path.push((at, next + 1));
                    if !self.allowed(area, at, edge) {
                        continue;
                    }
                    match order.get(&edge.to).copied() {
                        None => path.push((edge.to, 0)),
                        Some((number, _, true)) => {
                            let own = order.entry(at).or_insert((0, 0, true));
                            own.1 = own.1.min(number);
                        }
                        Some(_) => {}
                    }
                    continue;
                }
                let (number, low, _) = order[&at];
                if low == number {
                    let mut states = HashSet::default();
                    while let Some(member) = stack.pop() {
                        if let Some(o) = order.get_mut(&member) {
                            o.2 = false;
                        }
                        states.insert(member);
                        if member == at {
                            break;
                        }
                    }
                    let circle = states.len() > 1 || edges.iter().any(|e| e.to == at && self.allowed(area, at, e));
                    if circle {
                        parts.push(states);
                    }
                }
                if let Some((above, _)) = path.last()
                    && let Some(o) = order.get_mut(above)
                {
                    o.1 = o.1.min(low);
                }
            }
        }
        parts
    }

    /// A closed walk from the earliest state in which every actor that steps in
    /// the part does so.
    fn walk(&self, part: &Part1) -> (StateId, Vec<(StateId, usize)>) {
        let start = part.states.iter().min().copied().unwrap_or(0);
        let mut missing: HashSet<u16> = HashSet::default();
        for state in &part.states {
            let edges = self.graph.of(*state).iter();
            missing.extend(edges.filter(|e| self.allowed(part, *state, e)).map(|e| e.actor));
        }
        let mut walk: Vec<(StateId, usize)> = Vec::new();
        let mut at = start;
        loop {
            let wanted = missing.clone();
            let goal = |state: StateId, edge: &Edge| {
                if wanted.is_empty() { edge.to == start } else { wanted.contains(&edge.actor) && state != u32::MAX }
            };
            let Some(more) = self.path(part, at, &goal) else { return (start, walk) };
            for (state, edge) in &more {
                missing.remove(&self.graph.of(*state)[*edge].actor);
            }
            let last = more.last().map(|(s, e)| self.graph.of(*s)[*e].to);
            walk.extend(more);
            at = last.unwrap_or(start);
            if missing.is_empty() && at == start {
                return (start, walk);
            }
        }
    }

    /// The shortest path within the part that ends with a wanted edge.
    fn path(
        &self,
        part: &Part1,
        from: StateId,
        goal: &dyn Fn(StateId, &Edge) -> bool,
    ) -> Option<Vec<(StateId, usize)>> {
        let mut before: HashMap<StateId, (StateId, usize)> = HashMap::default();
        let mut todo = std::collections::VecDeque::from([from]);
        while let Some(at) = todo.pop_front() {
            for (n, edge) in self.graph.of(at).iter().enumerate() {
                if !self.allowed(part, at, edge) {
                    continue;
                }
                if goal(at, edge) {
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
                    before.insert(edge.to, (at, n));
                    todo.push_back(edge.to);
                }
            }
        }
        None
    }
}

enum Judged {
    Fair,
    /// What is left to look at.
    Smaller(Part1),
    Nothing,
}

fn add(explorer: &mut Explorer, graph: &Graph, search: &Search, part: &Part1, code: Code, starved: Option<TaskId>) {
    let (start, walk) = search.walk(part);
    let mut turns = Vec::new();
    let (mut row, mut out) = (Row::default(), Vec::new());
    for (state, edge) in walk {
        explorer.store.load(state, &mut row);
        explorer.explored(state, &row, &mut out);
        let at = graph.first[state as usize] as usize + edge;
        if let Some((turn, _)) = out.get(at - graph.first[state as usize] as usize) {
            turns.push(turn.clone());
        }
    }
    let what = What::Circle(Circle { turns, starved });
    explorer.found.push(Found1 { code, state: start, turn: None, what });
}

/// Tasks that can go nowhere in a fair part.
fn starved(explorer: &mut Explorer, graph: &Graph) {
    let all: Vec<StateId> = (0..explorer.store.len() as StateId).collect();
    let search = Search { graph, forbidden: 0 };
    // Whoever waits for ever does so within one of these.
    let circles = search.components(&Part1 { states: all.into_iter().collect(), barred: HashSet::default() });
    let mut waiting: BTreeMap<TaskId, Vec<StateId>> = BTreeMap::new();
    let mut row = Row::default();
    let mut states: Vec<StateId> = circles.into_iter().flatten().collect();
    states.sort_unstable();
    for state in states {
        explorer.store.load(state, &mut row);
        for (task, part) in &explorer.task_parts(&row) {
            let Part::Task(part) = &**part else { continue };
            // Who waits for the end of a task has that task's trouble, but for a daemon,
            // which is in none.
            if !matches!(part.at, At::Ended(_))
                && !finding::is_excused(part)
                && !graph.goes(state, *task)
                && !finding::joins(explorer, &row, *task, false)
            {
                waiting.entry(*task).or_default().push(state);
            }
        }
    }
    for (task, states) in waiting {
        let Some(part) = search.fair_but(&states) else { continue };
        let at = part.states.iter().min().copied().unwrap_or(0);
        // What a run would tell of by itself is a deadlock here too: those that go on
        // can do nothing about it, whatever they do. Else they could, and never do.
        let row = explorer.row(at);
        let stuck = explorer.stuck_among(&row, task);
        if stuck.is_empty() {
            add(explorer, graph, &search, &part, Code::Starvation, Some(task));
        }
        for one in stuck {
            explorer.add_stuck(at, one);
        }
    }
}

impl Search<'_> {
    /// A fair part in which anybody may be who goes on, daemons too.
    fn fair_but(&self, within: &[StateId]) -> Option<Part1> {
        let all_go = Graph {
            first: self.graph.first.clone(),
            edges: self.graph.edges.clone(),
            actors: self.graph.actors.clone(),
            tasks: self.graph.tasks.iter().map(|t| (t.0, false)).collect(),
        };
        Search { graph: &all_go, forbidden: self.forbidden }.fair(within, &HashSet::default())
    }
}

/// The facts of a circle, from the log of going round once.
pub fn finding(explorer: &Explorer, circle: &Circle, row: &Row) -> Finding {
    let program = explorer.model.program;
    let mut going: Vec<Going> = Vec::new();
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
            if step.site == super::process::NOWHERE {
                continue;
            }
            let facts = finding::task_facts(explorer, row, step.task);
            let place = (program.span(step.site), step.text);
            match going.iter_mut().find(|g| g.task == facts) {
                Some(g) if g.places.contains(&place) => {}
                Some(g) => g.places.push(place),
                None => going.push(Going { task: facts, places: vec![place] }),
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
    let (code, facts) = match circle.starved {
        None => (Code::Livelock, Facts::Livelock { going }),
        Some(task) => {
            if let Some(w) = &waiting {
                on = w.waits.iter().filter(|w| w.object_kind != "task").map(|w| w.object.clone()).collect();
            }
            (Code::Starvation, Facts::Starvation { waiting, task: finding::task_facts(explorer, row, task), going })
        }
    };
    Finding { code, certainty: Certainty::Found, count: 1, on, facts, schedule: None }
}
