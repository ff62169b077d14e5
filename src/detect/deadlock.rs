//! Who can never go on: actual deadlocks, among some tasks or all. It owns the
//! verdict and how stuck tasks fall into findings; what a task waits for and
//! what one may still do it is told.
//!
//! A waiting task can go on if some sequence of steps of the live ones would
//! let it: the least set that holds every task that does not wait, and every
//! one whose need the set may satisfy. All others are stuck. A lock needs all
//! its holders (a circle is a deadlock), a supply or a `select` needs one of
//! several (only a knot is): the mixed model of Holt (1972) and Knapp (1987).
//! With may-sets that are never too small there is no false finding.

use crate::objects::{self, Need, place, pool};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Deref;

/// One of the operations that a task waits in.
#[derive(Clone, Debug)]
pub struct WaitView {
    pub object: u32,
    pub kind: u8,
    pub method: u8,
    pub need: Need,
}

impl WaitView {
    /// Of an `await`.
    pub fn of_change(site: u32) -> WaitView {
        WaitView { object: u32::MAX, kind: 0, method: 0, need: Need::Change { site } }
    }
}

/// The operations that a task waits in.
#[derive(Clone, Debug)]
pub struct Waits {
    pub of: Vec<WaitView>,
    /// It needs each of them, as a `join all` does that waits for one end after the other,
    /// and now for the first. Else any one would let it go on: a `select` has several, and
    /// none if nothing can end it.
    pub all: bool,
}

impl Waits {
    pub fn any(of: Vec<WaitView>) -> Waits {
        Waits { of, all: false }
    }

    /// Of those that it needs each the first one only, which is what it does now.
    pub fn now(mut self) -> Waits {
        self.of.truncate(if self.all { 1 } else { usize::MAX });
        self
    }
}

impl Deref for Waits {
    type Target = [WaitView];

    fn deref(&self) -> &[WaitView] {
        &self.of
    }
}

impl<'w> IntoIterator for &'w Waits {
    type Item = &'w WaitView;
    type IntoIter = std::slice::Iter<'w, WaitView>;

    fn into_iter(self) -> Self::IntoIter {
        self.of.iter()
    }
}

/// A task that has not ended.
#[derive(Clone, Debug)]
pub struct TaskView {
    pub id: u32,
    /// None: it runs, sleeps or waits with a time-out.
    pub waits: Option<Waits>,
    /// A daemon, or a worker of a pool that waits for a job: no finding of its
    /// own, unless it waits for a lock.
    pub excused: bool,
    /// Its code is over and it waits for nothing: all that is left of it is its end.
    pub over: bool,
}

impl TaskView {
    /// Whether there may be a finding about it alone.
    pub fn counts(&self) -> bool {
        !self.excused || self.waits_for_a_lock()
    }

    /// Whether a lock is all that it waits for.
    pub fn waits_for_a_lock(&self) -> bool {
        let lock = |w: &WaitView| objects::is_lock(w.kind) && !matches!(w.need, Need::Change { .. });
        matches!(self.waits.as_deref(), Some([wait]) if lock(wait))
    }

    /// Whether it is a pool's worker without a job.
    fn waits_for_a_job(&self) -> bool {
        matches!(self.waits.as_deref(), Some([wait]) if (wait.kind, wait.method) == (place::pool, pool::TAKE))
    }
}

/// Answers about the task at index `i`, from where it stands.
pub trait Might {
    fn may(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool;
    /// Whether tasks that it may yet start may do so: then any number of tasks
    /// may. To say so without need only hides findings.
    fn may_born(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.may(i, object, kind, methods)
    }
    fn may_change(&self, i: usize, site: u32) -> bool;
    fn may_terminate(&self, i: usize) -> bool;
    fn kind_of(&self, object: u32) -> u8;
}

/// For each task whether no sequence of steps of the live ones can ever let it
/// go on. Tasks that a need names and that are not in `tasks` have ended.
pub fn stuck(tasks: &[TaskView], might: &dyn Might) -> Vec<bool> {
    let mut system = System::new(tasks, might);
    while system.round() {}
    system.live.iter().map(|live| !live).collect()
}

/// Of the waits of a stuck task those that it is stuck for: of several ends, of which it needs
/// each, not those that can come. Those of which the stuck task `towards` is to blame come first.
pub fn lacking<'t>(
    tasks: &'t [TaskView],
    stuck: &[bool],
    might: &'t dyn Might,
    i: usize,
    towards: Option<usize>,
) -> Vec<&'t WaitView> {
    let system = System::as_found(tasks, might, stuck);
    let mut lacking = system.lacking(i);
    if let (Some(next), [_, _, ..]) = (towards, &lacking[..]) {
        let leads_there = |w: &&WaitView| {
            let mut to = Vec::new();
            system.needed(i, w, &w.need, &mut to);
            to.contains(&next)
        };
        lacking.sort_by_key(|w| !leads_there(w));
    }
    lacking
}

/// Whether somebody goes on who matters to a script: it ends once nobody but daemons, and
/// workers that wait for a job, can go on. Who has nothing before it but its end has gone as far
/// as it does.
pub fn others_go_on(tasks: &[TaskView], stuck: &[bool]) -> bool {
    tasks.iter().zip(stuck).any(|(task, stuck)| !stuck && !task.excused && !task.over)
}

struct System<'a> {
    tasks: &'a [TaskView],
    might: &'a dyn Might,
    index: HashMap<u32, usize>,
    live: Vec<bool>,
}

impl<'a> System<'a> {
    fn new(tasks: &'a [TaskView], might: &'a dyn Might) -> System<'a> {
        let index = tasks.iter().enumerate().map(|(i, t)| (t.id, i)).collect();
        System { tasks, might, index, live: tasks.iter().map(|t| t.waits.is_none()).collect() }
    }

    /// With the verdict.
    fn as_found(tasks: &'a [TaskView], might: &'a dyn Might, stuck: &[bool]) -> System<'a> {
        System { live: stuck.iter().map(|stuck| !stuck).collect(), ..System::new(tasks, might) }
    }

    fn living(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.live.len()).filter(|i| self.live[*i])
    }

    /// One more look at all that wait; whether it found a live one.
    fn round(&mut self) -> bool {
        if self.live.iter().all(|live| *live) {
            return false;
        }
        // Who may be ended does not wait for ever.
        if self.living().any(|i| self.might.may_terminate(i)) {
            self.live.fill(true);
            return false;
        }
        self.round_of(0..self.tasks.len())
    }

    fn round_of(&mut self, some: impl Iterator<Item = usize>) -> bool {
        let mut more = false;
        for i in some {
            let goes_on = |waits: &Waits| match waits.all {
                true => waits.iter().all(|w| self.met(&w.need)),
                false => waits.iter().any(|w| self.met(&w.need)),
            };
            if !self.live[i] && self.tasks[i].waits.as_ref().is_some_and(goes_on) {
                self.live[i] = true;
                more = true;
            }
        }
        more
    }

    /// Those that are stuck by themselves, as a circle is, wait for no others, though these may
    /// hold what they need as well: so they are told of by themselves in every state in which
    /// they are stuck, whoever else is.
    fn keep_apart(&mut self, edges: &mut [Vec<usize>], stuck: &[bool]) {
        let part = components(edges, stuck);
        let mut members = by_part(&part, stuck);
        members.retain(|_, some| !is_root(some, edges, &part));
        self.live.fill(true);
        let enders: Vec<usize> = (0..edges.len()).filter(|i| self.might.may_terminate(*i)).collect();
        for some in members.values() {
            if enders.iter().any(|i| some.binary_search(i).is_err()) {
                continue;
            }
            some.iter().for_each(|i| self.live[*i] = false);
            while self.round_of(some.iter().copied()) {}
            let apart: Vec<usize> = some.iter().copied().filter(|i| !self.live[*i]).collect();
            some.iter().for_each(|i| self.live[*i] = true);
            for i in &apart {
                edges[*i].retain(|to| apart.binary_search(to).is_ok());
            }
        }
    }

    fn lacking(&self, i: usize) -> Vec<&'a WaitView> {
        let Some(waits) = &self.tasks[i].waits else { return Vec::new() };
        let lacks = |w: &&WaitView| !waits.all || !self.met(&w.need);
        waits.iter().filter(lacks).collect()
    }

    fn met(&self, need: &Need) -> bool {
        let alive = |id: &u32| self.index.get(id).map(|i| self.live[*i]);
        match need {
            Need::Ready => true,
            Need::Tasks(ids) => ids.iter().all(|id| alive(id) == Some(true)),
            Need::End(id) => alive(id) != Some(false),
            Need::Deed { object, methods } => {
                let kind = self.might.kind_of(*object);
                self.living().any(|i| self.might.may(i, *object, kind, methods))
            }
            Need::Arrivals { object, method, missing } => self.arrivals(*object, *method, *missing),
            Need::Change { site } => self.living().any(|i| self.might.may_change(i, *site)),
            Need::All(needs) => needs.iter().all(|n| self.met(n)),
            Need::Any(needs) => needs.iter().any(|n| self.met(n)),
        }
    }

    /// Each live task counts once, but whoever may start others that arrive
    /// may bring any number.
    fn arrivals(&self, object: u32, method: u8, missing: u64) -> bool {
        let kind = self.might.kind_of(object);
        let mut count = 0;
        for i in self.living() {
            if self.might.may_born(i, object, kind, &[method]) {
                return true;
            }
            count += u64::from(self.might.may(i, object, kind, &[method]));
        }
        count >= missing
    }
}

/// Why the tasks at the root of a group are stuck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RootCause {
    /// They wait for each other.
    Circle,
    /// It needs a lock that it holds itself.
    SelfLock,
    /// The owner of what it needs has ended.
    OwnerEnded,
    /// Nobody is left who could do what it waits for.
    NobodyLeft,
}

/// Stuck tasks with one root, as places in the list of tasks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    pub cause: RootCause,
    /// Of a circle, one shortest: each waits for the next, the last for the
    /// first. Else the tasks at the root, all stuck for the same thing.
    pub circle: Vec<usize>,
    /// The others that can go on only after them.
    pub behind: Vec<usize>,
}

/// Each stuck task in exactly one group, that of its root: the first, by its
/// smallest task, of those it waits for in the end. Groups of excused tasks
/// alone are left out, but where one at the root is stuck for a lock that will never be let go;
/// excused ones inside a group are kept.
pub fn groups(tasks: &[TaskView], stuck: &[bool], might: &dyn Might) -> Vec<Group> {
    let system = System::as_found(tasks, might, stuck);
    let mut edges: Vec<Vec<usize>> = (0..tasks.len()).map(|i| system.waits_for(i, stuck)).collect();
    System::new(tasks, might).keep_apart(&mut edges, stuck);
    let part = components(&edges, stuck);
    let mut roots = by_part(&part, stuck);
    roots.retain(|_, members| is_root(members, &edges, &part));
    let mut groups: Vec<Group> = Vec::new();
    let mut keys: Vec<Vec<Key>> = Vec::new();
    let mut of_part: HashMap<usize, usize> = HashMap::new();
    let mut in_order: Vec<(usize, Vec<usize>)> = roots.into_iter().collect();
    in_order.sort_by_key(|(_, members)| members.first().copied());
    for (root, members) in in_order {
        let (group, key) = system.root(&members, &edges);
        let same = keys.iter().position(|k| k.iter().any(|k| key.contains(k)));
        let at = same.unwrap_or(groups.len());
        match same {
            Some(at) => {
                groups[at].circle.extend(group.circle);
                keys[at].extend(key);
            }
            None => {
                groups.push(group);
                keys.push(key);
            }
        }
        of_part.insert(root, at);
    }
    assign(&mut groups, &of_part, &edges, &part, stuck);
    // Who serves others may wait for ever for what they bring, but nobody means to wait so for
    // a lock that is never let go.
    let for_locks =
        |g: &Group| g.cause != RootCause::NobodyLeft && g.circle.iter().any(|i| tasks[*i].waits_for_a_lock());
    groups.retain(|g| for_locks(g) || g.circle.iter().chain(&g.behind).any(|i| !tasks[*i].excused));
    groups
}

/// What roots of the same cause have in common: the cause, the object and, if
/// nobody is left, the method.
type Key = (u8, u32, u8);

impl System<'_> {
    /// The stuck tasks that a stuck one waits for.
    fn waits_for(&self, i: usize, stuck: &[bool]) -> Vec<usize> {
        if !stuck[i] {
            return Vec::new();
        }
        let mut to = Vec::new();
        self.lacking(i).into_iter().for_each(|w| self.needed(i, w, &w.need, &mut to));
        to.sort_unstable();
        to.dedup();
        to.retain(|j| stuck[*j]);
        to
    }

    fn needed(&self, i: usize, wait: &WaitView, need: &Need, to: &mut Vec<usize>) {
        // Who waits in the same place cannot be the one to help, unless it may go on by
        // another arm.
        let beside = |j: usize| {
            let waits = self.tasks[j].waits.as_deref().unwrap_or(&[]);
            let same = |w: &WaitView| (w.object, w.method) == (wait.object, wait.method);
            j != i && !waits.is_empty() && waits.iter().all(same) || self.gets_no_job(j, i)
        };
        let all = 0..self.tasks.len();
        match need {
            Need::Ready => {}
            Need::Tasks(ids) => to.extend(ids.iter().filter_map(|id| self.index.get(id))),
            Need::End(id) => to.extend(self.index.get(id)),
            Need::Deed { object, methods } => {
                let kind = self.might.kind_of(*object);
                to.extend(all.filter(|j| *j != i && !beside(*j) && self.might.may(*j, *object, kind, methods)));
            }
            Need::Arrivals { object, method, .. } => {
                let kind = self.might.kind_of(*object);
                to.extend(all.filter(|j| *j != i && !beside(*j) && self.might.may(*j, *object, kind, &[*method])));
            }
            Need::Change { site } => {
                to.extend(all.filter(|j| *j != i && !beside(*j) && self.might.may_change(*j, *site)));
            }
            Need::All(needs) => {
                let from = to.len();
                for one in needs {
                    let before = to.len();
                    self.needed(i, wait, one, to);
                    // What nobody can do is the cause, whoever has the lock that
                    // is needed as well.
                    if matches!(one, Need::Deed { .. }) && to.len() == before {
                        return to.truncate(from);
                    }
                }
            }
            Need::Any(needs) => needs.iter().for_each(|n| self.needed(i, wait, n, to)),
        }
    }

    /// Whether nobody else than `i` could give a worker a job: it does nothing for `i` then,
    /// whatever jobs there are. Others without a job give none.
    fn gets_no_job(&self, worker: usize, i: usize) -> bool {
        let waits = self.tasks[worker].waits.as_deref().unwrap_or(&[]);
        let submits = |k: usize, w: &WaitView| {
            k != i && !self.tasks[k].waits_for_a_job() && self.might.may(k, w.object, w.kind, &[pool::SUBMIT])
        };
        self.tasks[worker].waits_for_a_job() && !waits.iter().any(|w| (0..self.tasks.len()).any(|k| submits(k, w)))
    }

    /// Whether a task waits for a lock that it holds itself.
    fn needs_own_lock(&self, i: usize) -> bool {
        let task = &self.tasks[i];
        let waits = task.waits.as_deref().unwrap_or(&[]);
        let own = |w: &WaitView| objects::is_lock(w.kind) && needs_itself(&w.need, task.id);
        !waits.is_empty() && waits.iter().all(own)
    }

    /// The group of a root, nobody behind it yet, and what others may have in
    /// common with it.
    fn root(&self, members: &[usize], edges: &[Vec<usize>]) -> (Group, Vec<Key>) {
        let of_root = |cause, circle: Vec<usize>| {
            let behind = members.iter().copied().filter(|i| !circle.contains(i)).collect();
            Group { cause, circle, behind }
        };
        // Who holds itself what it needs would be stuck without the others too.
        if let Some(own) = members.iter().find(|i| self.needs_own_lock(**i)) {
            return (of_root(RootCause::SelfLock, vec![*own]), Vec::new());
        }
        let [only] = members else {
            return (of_root(RootCause::Circle, shortest_circle(members, edges)), Vec::new());
        };
        let group = |cause| of_root(cause, vec![*only]);
        let waits = self.lacking(*only);
        // A holder that has left nothing but its count is gone as well.
        let gone = |n: &Need| match n {
            Need::Tasks(ids) => ids.iter().any(|id| !self.index.contains_key(id)),
            Need::Any(needs) => needs.is_empty(),
            _ => false,
        };
        // Nor is the lock what is missing where a deed is: nobody is left to do that.
        let lacks_deed =
            |n: &Need| matches!(n, Need::All(needs) if needs.iter().any(|n| matches!(n, Need::Deed { .. })));
        let lost = waits.iter().filter(|w| any_need(&w.need, &gone) && !lacks_deed(&w.need));
        let lost: Vec<Key> = lost.map(|w| (0, w.object, 0)).collect();
        if !lost.is_empty() {
            return (group(RootCause::OwnerEnded), lost);
        }
        (group(RootCause::NobodyLeft), waits.iter().map(|w| (1, w.object, w.method)).collect())
    }
}

/// Whether it cannot come without an end of what this task does.
fn needs_itself(need: &Need, id: u32) -> bool {
    match need {
        Need::Tasks(ids) => ids.contains(&id),
        Need::All(needs) => needs.iter().any(|n| needs_itself(n, id)),
        Need::Any(needs) => !needs.is_empty() && needs.iter().all(|n| needs_itself(n, id)),
        _ => false,
    }
}

fn any_need(need: &Need, test: &dyn Fn(&Need) -> bool) -> bool {
    test(need) || matches!(need, Need::All(needs) | Need::Any(needs) if needs.iter().any(|n| any_need(n, test)))
}

/// The stuck tasks of each component.
fn by_part(part: &[usize], stuck: &[bool]) -> BTreeMap<usize, Vec<usize>> {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in (0..part.len()).filter(|i| stuck[*i]) {
        members.entry(part[i]).or_default().push(i);
    }
    members
}

/// Whether the tasks of a component wait for none of another one.
fn is_root(members: &[usize], edges: &[Vec<usize>], part: &[usize]) -> bool {
    members.iter().all(|i| edges[*i].iter().all(|to| part[*to] == part[*i]))
}

/// Puts every other stuck task behind the first group that it reaches.
fn assign(groups: &mut [Group], of_part: &HashMap<usize, usize>, edges: &[Vec<usize>], part: &[usize], stuck: &[bool]) {
    for i in (0..edges.len()).filter(|i| stuck[*i] && !of_part.contains_key(&part[*i])) {
        let mut seen = vec![false; edges.len()];
        let mut todo = vec![i];
        let mut best: Option<usize> = None;
        while let Some(at) = todo.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            if let Some(group) = of_part.get(&part[at]) {
                best = Some(best.map_or(*group, |b| b.min(*group)));
            }
            todo.extend(&edges[at]);
        }
        if let Some(group) = best {
            groups[group].behind.push(i);
        }
    }
    for group in groups {
        group.behind.sort_unstable();
    }
}

/// A shortest circle among tasks that all reach each other, from the smallest
/// task that lies on one of that length.
fn shortest_circle(members: &[usize], edges: &[Vec<usize>]) -> Vec<usize> {
    let mut best: Vec<usize> = Vec::new();
    for &start in members {
        let mut from: HashMap<usize, usize> = HashMap::new();
        let mut todo = VecDeque::from([start]);
        'search: while let Some(at) = todo.pop_front() {
            for &next in edges[at].iter().filter(|n| **n != at && members.binary_search(n).is_ok()) {
                if next == start {
                    let mut circle = vec![at];
                    while let Some(before) = circle.last().filter(|l| **l != start).and_then(|l| from.get(l)) {
                        circle.push(*before);
                    }
                    circle.reverse();
                    if best.is_empty() || circle.len() < best.len() {
                        best = circle;
                    }
                    break 'search;
                }
                if let std::collections::hash_map::Entry::Vacant(e) = from.entry(next) {
                    e.insert(at);
                    todo.push_back(next);
                }
            }
        }
    }
    if best.is_empty() { members.to_vec() } else { best }
}

/// For each stuck task the number of its strongly connected component: Tarjan
/// (1972), without recursion.
fn components(edges: &[Vec<usize>], stuck: &[bool]) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let n = edges.len();
    let (mut order, mut low, mut part) = (vec![NONE; n], vec![0; n], vec![NONE; n]);
    let (mut count, mut stack) = (0, Vec::new());
    for start in (0..n).filter(|i| stuck[*i]) {
        if order[start] != NONE {
            continue;
        }
        // The path from the start, each with the next edge to look at.
        let mut path = vec![(start, 0)];
        while let Some((at, edge)) = path.pop() {
            if edge == 0 {
                order[at] = count;
                low[at] = count;
                count += 1;
                stack.push(at);
            }
            if let Some(&next) = edges[at].get(edge) {
                path.push((at, edge + 1));
                if order[next] == NONE {
                    path.push((next, 0));
                } else if part[next] == NONE {
                    low[at] = low[at].min(order[next]);
                }
                continue;
            }
            if low[at] == order[at] {
                while let Some(member) = stack.pop() {
                    part[member] = at;
                    if member == at {
                        break;
                    }
                }
            }
            if let Some((above, _)) = path.last() {
                low[*above] = low[*above].min(low[at]);
            }
        }
    }
    part
}

#[cfg(test)]
#[path = "deadlock/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "deadlock/properties.rs"]
mod properties;
