//! Tasks that may be taken for each other: those of one `spawn` that run the
//! same and of which nothing tells one from another. It owns which tasks these
//! are, and the one state that stands for all that differ only in which of them
//! is where.
//!
//! Exchanging two such tasks, wherever a state names them, turns every
//! execution into another one: no step of the machine or of an object looks at
//! a task's number but to see whether it is the same one. So a state leads to
//! the same findings, up to those numbers, as each that it becomes by such an
//! exchange, and one of them is enough (Ip and Dill, *Better Verification
//! Through Symmetry*, FMSD 1996). Which one: that in which the tasks stand in
//! the order of the numbers of their parts. Where these are equal, others'
//! parts may still tell them apart; then a class of states is stood for by
//! several, which costs states and no more.
//!
//! What would tell them apart is asked of the code (`sites`): a
//! handle, which is a value that can be kept and compared; `self` with its
//! name, index and numbers; what they make themselves, which is named after
//! its maker; and that one may have been at work before another is there. Lists of the tasks that a task has spawned are made of all of
//! them alike, since a `join all` or the end of a process goes on only once all
//! have ended (`Model::together`): there the order is no matter and is kept as
//! it was.
//!
//! Of tasks that stand alike in a state, and that no other part names, only one
//! need be followed (`Symmetry::twin`): exchanging two of them changes nothing, so
//! what the one comes to is what the other does, up to their numbers.
//!
//! Not in it: whether an execution goes on for ever. A circle of such states
//! need not be one of the states they stand for, so `check` explores anew
//! without this where there may be circles.

use super::order::OrderPart;
use super::part::*;
use crate::objects::{self, TaskId};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;

mod sites;

pub use sites::sites;

/// Tasks of one `spawn`, by their numbers, from the lowest on.
struct Class {
    spawner: Option<TaskId>,
    site: u32,
    tasks: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    birth: Arc<Birth>,
    /// Where it and its handle stand.
    place: PartIx,
    handle: PartIx,
}

/// What is known of a state's normal form.
pub enum Normal {
    /// It is in it.
    Same,
    /// It is another state, which stands in the room.
    Other,
    Unknown,
}

/// Room for finding a normal form, kept from one state to the next: nearly each of them needs it.
#[derive(Default)]
pub struct Room {
    /// How the tasks of a class stand, and who each is.
    there: Vec<Stands>,
    sorted: Vec<Stands>,
    moving: Vec<Stands>,
    places: Vec<usize>,
    /// Which task becomes which.
    pairs: Vec<(TaskId, TaskId)>,
    /// Where they go: to these places, with these parts.
    moved: Vec<[(PartIx, PartId); 2]>,
    /// The normal form.
    pub parts: Vec<PartId>,
}

/// Its part as the first of its class would have it, its handle's, and its number.
type Stands = (PartId, PartId, TaskId);

/// Which task becomes which; those that stay are not in it. Sorted.
type Exchange = Box<[(TaskId, TaskId)]>;

type Members = HashMap<TaskId, (u32, u32), rustc_hash::FxBuildHasher>;

/// What a task has in common with those that stand as it does: its class, its
/// part as the first of the class would have it, its handle's, and how it stands
/// in the order of accesses.
pub type Stance = (u32, PartId, PartId, u128);

/// What is known of the classes of one exploration.
pub struct Symmetry {
    sites: HashSet<u32>,
    classes: Vec<Class>,
    /// By a task's number, its class and its place there; and by its place in the
    /// row, its class.
    members: Members,
    places: HashMap<PartIx, (u32, PartIx), rustc_hash::FxBuildHasher>,
    /// Actors that were looked at.
    known: HashSet<PartIx, rustc_hash::FxBuildHasher>,
    /// By the number of a task's part: the same as the first of its class has
    /// it, or 0; and whether no other part can name the task.
    alike: Vec<(PartId, bool)>,
    exchanges: HashMap<Exchange, u32>,
    exchanged: HashMap<(PartId, u32), PartId, rustc_hash::FxBuildHasher>,
    /// By the number of a part, the tasks of classes that it names, as `trace` has
    /// them; `ANY` as long as that is not known.
    names: Vec<u64>,
    /// More than one task of a class was met.
    any: bool,
}

impl Symmetry {
    pub fn new(sites: HashSet<u32>) -> Symmetry {
        Symmetry {
            sites,
            classes: Vec::new(),
            members: HashMap::default(),
            places: HashMap::default(),
            known: HashSet::default(),
            alike: Vec::new(),
            exchanges: HashMap::default(),
            exchanged: HashMap::default(),
            names: Vec::new(),
            any: false,
        }
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        8 * (self.alike.capacity() + self.names.capacity()) + 17 * self.exchanged.capacity()
    }

    /// Looks whether there are tasks that were not there before.
    fn meet(&mut self, space: &Space, parts: &[PartId], actors: &[PartIx]) {
        for ix in actors {
            let part = parts.get(*ix as usize).copied().unwrap_or(0);
            if part == 0 || !self.known.insert(*ix) {
                continue;
            }
            let part = space.part(part);
            let Part::Task(task) = &*part else { continue };
            let Some(site) = task.birth.site.filter(|s| self.sites.contains(s)) else { continue };
            if task.birth.pool.is_some() {
                continue;
            }
            let birth = task.birth.clone();
            let handle = space.place(Key::Object(birth.id));
            let (spawner, member) = (birth.spawner, Member { birth, place: *ix, handle });
            match self.classes.iter_mut().find(|c| c.spawner == spawner && c.site == site) {
                Some(class) => {
                    class.tasks.push(member);
                    class.tasks.sort_by_key(|m| m.birth.id);
                    // The first one may be another.
                    self.alike.clear();
                    self.any = true;
                }
                None => self.classes.push(Class { spawner, site, tasks: vec![member] }),
            }
        }
        self.names.clear();
        for (n, class) in self.classes.iter().enumerate() {
            for (at, member) in class.tasks.iter().enumerate() {
                self.members.insert(member.birth.id, (n as u32, at as u32));
                self.places.insert(member.place, (n as u32, member.handle));
            }
        }
    }

    /// The normal form of a state, if it is another one.
    pub fn normal(&mut self, space: &Space, parts: &[PartId], actors: &[PartIx]) -> Option<Vec<PartId>> {
        let exchange = self.exchange(space, parts, actors)?;
        Some(self.exchanged(space, parts, &exchange))
    }

    /// Who goes to whose place in it, if anybody does.
    pub fn exchange(&mut self, space: &Space, parts: &[PartId], actors: &[PartIx]) -> Option<Exchange> {
        if self.known.len() < actors.len() {
            self.meet(space, parts, actors);
        }
        if !self.any {
            return None;
        }
        let (all, mut room) = (&mut self.alike, Room::default());
        exchange(&self.classes, parts, &mut |first, part| Some(alike(all, space, first, part)), &mut room)?;
        (!room.pairs.is_empty()).then(|| room.pairs.into_boxed_slice())
    }

    /// The same, as far as it is known already.
    pub fn look(&self, frozen: Frozen, parts: &[PartId], room: &mut Room) -> Normal {
        let is_met = |ix: &PartIx| parts.get(*ix as usize).is_none_or(|p| *p == 0) || self.known.contains(ix);
        if self.known.len() < frozen.actors().len() && !frozen.actors().iter().all(is_met) {
            return Normal::Unknown;
        }
        if !self.any {
            return Normal::Same;
        }
        let known = |part: PartId| self.alike.get(part as usize).map(|a| a.0).filter(|p| *p != 0);
        match exchange(&self.classes, parts, &mut |_, part| known(part), room) {
            None => Normal::Unknown,
            Some(()) if room.pairs.is_empty() => Normal::Same,
            Some(()) if self.look_exchanged(parts, room).is_some() => Normal::Other,
            Some(()) => Normal::Unknown,
        }
    }

    fn look_exchanged(&self, parts: &[PartId], room: &mut Room) -> Option<()> {
        let number = *self.exchanges.get(&room.pairs[..])?;
        let trace = trace(room.pairs.iter().map(|e| e.0));
        room.parts.clear();
        for part in parts {
            let renewed = match part {
                part if self.names.get(*part as usize).is_some_and(|names| names & trace == 0) => *part,
                part => *self.exchanged.get(&(*part, number))?,
            };
            room.parts.push(renewed);
        }
        put_moved(&self.classes, &self.members, &room.pairs, &mut room.parts, &mut room.moved);
        Some(())
    }

    /// A state with some tasks in each other's places.
    pub fn exchanged(&mut self, space: &Space, parts: &[PartId], exchange: &[(TaskId, TaskId)]) -> Vec<PartId> {
        let number = match self.exchanges.get(exchange) {
            Some(number) => *number,
            None => {
                let number = self.exchanges.len() as u32;
                self.exchanges.insert(exchange.into(), number);
                number
            }
        };
        let (classes, members) = (&self.classes, &self.members);
        let to = |task: TaskId| exchange.binary_search_by_key(&task, |e| e.0).map_or(task, |at| exchange[at].1);
        let class = |task: TaskId| members.get(&task).map(|m| m.0 as usize);
        let trace_of_all = trace(exchange.iter().map(|e| e.0));
        let names = &mut self.names;
        let mut renewed = |part: PartId| {
            if part as usize >= names.len() {
                names.resize(part as usize + 1, ANY);
                names[0] = 0;
            }
            if names[part as usize] == ANY {
                names[part as usize] = named(&space.part(part), members);
            }
            if names[part as usize] & trace_of_all == 0 {
                return part;
            }
            *self.exchanged.entry((part, number)).or_insert_with(|| {
                let birth = |task| member(classes, members, task).map(|m| m.birth.clone());
                match with_others(&space.part(part), &to, &class, &birth) {
                    Some(other) => space.intern(other),
                    None => part,
                }
            })
        };
        let mut result: Vec<PartId> = parts.iter().map(|p| renewed(*p)).collect();
        put_moved(&self.classes, &self.members, exchange, &mut result, &mut Vec::new());
        result
    }

    /// How a task stands that may be taken for others of its class: none if it
    /// is of no class, or some other part may name it.
    pub fn twin(&self, frozen: Frozen, place: PartIx, parts: &[PartId]) -> Option<Stance> {
        if !self.any {
            return None;
        }
        let (class, handle) = *self.places.get(&place)?;
        let at = |ix: PartIx| parts.get(ix as usize).copied().unwrap_or(0);
        let (alike, unnamed) = *self.alike.get(at(place) as usize)?;
        if !unnamed || alike == 0 {
            return None;
        }
        let order = match frozen.place(Key::Order).map_or(0, at) {
            0 => 0,
            id => match (frozen.part(id), frozen.key(place)) {
                (Part::Order(order), Key::Task(task)) => order.stance(task)?,
                _ => return None,
            },
        };
        Some((class, alike, at(handle), order))
    }

    /// The states that this one stands for, itself among them, that differ in
    /// what `tells` says of the tasks of a class; `most` of them at the most,
    /// and whether there are more.
    pub fn orbit<T: Ord>(
        &mut self,
        space: &Space,
        parts: &[PartId],
        tells: impl Fn(&TaskPart) -> T,
        most: usize,
    ) -> (Vec<Vec<PartId>>, bool) {
        let mut all = vec![parts.to_vec()];
        let mut more = false;
        for class in 0..self.classes.len() {
            let there: Vec<TaskId> = self.classes[class]
                .tasks
                .iter()
                .filter(|m| parts.get(m.place as usize).is_some_and(|p| *p != 0))
                .map(|m| m.birth.id)
                .collect();
            let told: Vec<T> = there
                .iter()
                .filter_map(|t| member(&self.classes, &self.members, *t))
                .filter_map(|m| match &*space.part(parts[m.place as usize]) {
                    Part::Task(task) => Some(tells(task)),
                    _ => None,
                })
                .collect();
            // By what is told of each, the lowest first; equal ones are one.
            let mut kinds: Vec<usize> = (0..told.len()).collect();
            kinds.sort_by(|a, b| told[*a].cmp(&told[*b]).then(a.cmp(b)));
            let mut ranks = vec![0; told.len()];
            for (n, at) in kinds.iter().enumerate().skip(1) {
                ranks[*at] = ranks[kinds[n - 1]] + usize::from(told[*at] != told[kinds[n - 1]]);
            }
            let mut arranged = ranks.clone();
            arranged.sort_unstable();
            let mut grown = Vec::new();
            loop {
                if grown.len() + all.len() > most {
                    more = true;
                    break;
                }
                let exchange = arrangement(&there, &ranks, &arranged);
                for one in &all {
                    grown.push(if exchange.is_empty() { one.clone() } else { self.exchanged(space, one, &exchange) });
                }
                if !next_arrangement(&mut arranged) {
                    break;
                }
            }
            all = grown;
        }
        (all, more)
    }
}

/// Finds the exchange that brings a state into its normal form, `Room::pairs`: of nobody, if it
/// is in it. `alike` says of a task's part how the first of its class would have it; if it
/// does not, nothing is said of the exchange.
fn exchange(
    classes: &[Class],
    parts: &[PartId],
    alike: &mut dyn FnMut(&Arc<Birth>, PartId) -> Option<PartId>,
    room: &mut Room,
) -> Option<()> {
    let at = |ix: PartIx| parts.get(ix as usize).copied().unwrap_or(0);
    let Room { there, sorted, moving, places, pairs, .. } = room;
    pairs.clear();
    for class in classes {
        let first = &class.tasks[0].birth;
        let mut ordered = true;
        there.clear();
        for member in class.tasks.iter().filter(|m| at(m.place) != 0) {
            let (part, handle) = (alike(first, at(member.place))?, at(member.handle));
            ordered &= there.last().is_none_or(|before| (before.0, before.1) <= (part, handle));
            there.push((part, handle, member.birth.id));
        }
        if ordered {
            continue;
        }
        sorted.clone_from(there);
        sorted.sort_unstable();
        // Who stands where one like him is to stand stays.
        let misplaced = |n: &usize| (there[*n].0, there[*n].1) != (sorted[*n].0, sorted[*n].1);
        places.clear();
        places.extend((0..there.len()).filter(misplaced));
        moving.clear();
        moving.extend(places.iter().map(|n| there[*n]));
        moving.sort_unstable();
        pairs.extend(moving.iter().zip(&*places).map(|(from, to)| (from.2, there[*to].2)));
    }
    pairs.sort_unstable();
    Some(())
}

/// Puts the tasks of an exchange in their new places.
fn put_moved(
    classes: &[Class],
    members: &Members,
    exchange: &[(TaskId, TaskId)],
    parts: &mut [PartId],
    moved: &mut Vec<[(PartIx, PartId); 2]>,
) {
    moved.clear();
    for (from, to) in exchange {
        if let (Some(from), Some(to)) = (member(classes, members, *from), member(classes, members, *to)) {
            let at = |ix: PartIx| parts[ix as usize];
            moved.push([(to.place, at(from.place)), (to.handle, at(from.handle))]);
        }
    }
    for (ix, part) in moved.iter().flatten() {
        parts[*ix as usize] = *part;
    }
}

fn member<'c>(classes: &'c [Class], members: &Members, task: TaskId) -> Option<&'c Member> {
    let (class, at) = members.get(&task)?;
    Some(&classes[*class as usize].tasks[*at as usize])
}

/// Who goes where, so that the ranks come to stand in this arrangement.
fn arrangement(tasks: &[TaskId], ranks: &[usize], arranged: &[usize]) -> Vec<(TaskId, TaskId)> {
    let mut taken = vec![false; tasks.len()];
    // Those that are in a place of their rank already stay.
    for at in 0..tasks.len() {
        taken[at] = ranks[at] == arranged[at];
    }
    let stays = taken.clone();
    let mut pairs = Vec::new();
    for from in (0..tasks.len()).filter(|at| !stays[*at]) {
        if let Some(to) = (0..tasks.len()).find(|to| !taken[*to] && arranged[*to] == ranks[from]) {
            taken[to] = true;
            pairs.push((tasks[from], tasks[to]));
        }
    }
    pairs
}

/// The next arrangement in lexical order, if there is one.
fn next_arrangement(all: &mut [usize]) -> bool {
    let Some(at) = (1..all.len()).rev().find(|at| all[at - 1] < all[*at]) else { return false };
    let with = (at..all.len()).rev().find(|with| all[*with] > all[at - 1]).unwrap_or(at);
    all.swap(at - 1, with);
    all[at..].reverse();
    true
}

/// A task's part as the first of its class would have it.
fn alike(all: &mut Vec<(PartId, bool)>, space: &Space, first: &Arc<Birth>, part: PartId) -> PartId {
    let at = part as usize;
    if all.len() <= at {
        all.resize(at + 1, (0, false));
    }
    if all[at].0 == 0 {
        all[at] = match &*space.part(part) {
            Part::Task(task) if task.birth.id != first.id => {
                let alike = space.intern(Part::Task(TaskPart { birth: first.clone(), ..task.clone() }));
                (alike, is_unnamed(task))
            }
            Part::Task(task) => (part, is_unnamed(task)),
            _ => (part, false),
        };
    }
    all[at].0
}

/// Whether no other part names the task, but for the lists that name all of its
/// class: it holds nothing, nothing that it has reached is still to be compared,
/// and it has arrived nowhere to wait.
fn is_unnamed(task: &TaskPart) -> bool {
    let arrived = match &task.at {
        At::Operate { op, .. } => op.memo.is_some(),
        At::Select { arrived, .. } => *arrived,
        _ => false,
    };
    !arrived && task.held.is_empty() && task.footprint.is_empty() && task.spawned.is_empty() && task.job.is_none()
}

/// Tasks, a bit each; some share one.
fn trace(tasks: impl Iterator<Item = TaskId>) -> u64 {
    tasks.fold(0, |all, task| all | 1 << (task % (u64::BITS - 1)))
}

/// Not known which tasks.
const ANY: u64 = u64::MAX;

/// The tasks of classes that a part names.
fn named(part: &Part, members: &Members) -> u64 {
    let seen = std::cell::Cell::new(0);
    let see = |task: TaskId| {
        if members.contains_key(&task) {
            seen.set(seen.get() | trace(std::iter::once(task)));
        }
        task
    };
    // Who is named is who would be exchanged.
    if let Part::Task(task) = part {
        see(task.birth.id);
    }
    with_others(part, &see, &|task| members.get(&task).map(|m| m.0 as usize), &|_| None);
    seen.get()
}

/// A part with other tasks in it; none if it is the same.
fn with_others(
    part: &Part,
    to: &dyn Fn(TaskId) -> TaskId,
    class: &dyn Fn(TaskId) -> Option<usize>,
    birth: &dyn Fn(TaskId) -> Option<Arc<Birth>>,
) -> Option<Part> {
    let mut other = part.clone();
    match &mut other {
        Part::Task(task) => {
            if to(task.birth.id) != task.birth.id {
                task.birth = birth(to(task.birth.id))?;
            }
            relist(&mut task.spawned, |h| h.id, |h, id| h.id = id, to, class);
        }
        Part::Process(process) => {
            relist(&mut process.children, |c| c.task, |c, id| c.task = id, to, class);
        }
        Part::Threads(tasks) => relist(tasks, |t| *t, |t, id| *t = id, to, class),
        Part::Object(object) => {
            for at in objects::task_words(object.kind) {
                let word = &mut object.words[*at];
                if *word != 0 {
                    *word = u64::from(to((*word - 1) as TaskId)) + 1;
                }
            }
            for waiter in &mut object.waiters {
                waiter.task = to(waiter.task);
            }
            object.waiters.sort_unstable_by_key(|w| (w.task, w.arm, w.method));
            for holder in &mut object.holders {
                holder.0 = to(holder.0);
            }
            object.holders.sort_unstable();
        }
        Part::Cell(cell) => {
            for accessor in &mut cell.accessors {
                accessor.0 = to(accessor.0);
            }
            cell.accessors.sort_unstable();
        }
        Part::Order(order) => *order = OrderPart::with_others(order, to),
    }
    (other != *part).then_some(other)
}

/// Other tasks in a list whose order is no matter: those of a class stand from
/// the lowest on.
fn relist<T: Clone>(
    list: &mut [T],
    id: impl Fn(&T) -> TaskId,
    set: impl Fn(&mut T, TaskId),
    to: &dyn Fn(TaskId) -> TaskId,
    class: &dyn Fn(TaskId) -> Option<usize>,
) {
    let classes: Vec<Option<usize>> = list.iter().map(|one| class(id(one))).collect();
    let mut done: Vec<usize> = Vec::new();
    for of in classes.iter().flatten() {
        if done.contains(of) {
            continue;
        }
        done.push(*of);
        let places: Vec<usize> = (0..list.len()).filter(|at| classes[*at] == Some(*of)).collect();
        let mut there: Vec<T> = places.iter().map(|at| list[*at].clone()).collect();
        for one in &mut there {
            let other = to(id(one));
            set(one, other);
        }
        there.sort_by_key(|one| id(one));
        for (at, one) in places.into_iter().zip(there) {
            list[at] = one;
        }
    }
}

#[cfg(test)]
mod tests;
