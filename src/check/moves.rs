//! One transition under way: a state's parts as it sees and changes them, the
//! choices it takes, and what it saw on its way. It owns access to the parts, and is
//! the `Host` of the machine and, in `world`, the `World` of the objects; which steps a
//! transition has, `step` and `process` say.

mod touched;
mod world;

pub use touched::Touched;

use super::model::{Memorable, Met, Model};
use super::part::*;
use super::seen::{Choice, Event, Log};
use crate::machine::{Home, Host, Place};
use crate::objects::{Mode, TaskId};
use crate::program::Program;
use crate::program::kind::Memory;
use crate::program::value::{Names, ObjRef, Shown, Value, brief};
use hashbrown::HashMap;
use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

/// What a transition came to know, in order: enough to see that it would do
/// the same in another state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Read(PartIx, PartId),
    /// Which of how many ways it took.
    Choice(u32, u32),
}

impl Look {
    /// The part that these looks saw at a place, if it was looked at.
    pub fn seen_at(looks: &[Look], ix: PartIx) -> Option<PartId> {
        looks.iter().find_map(|look| match look {
            Look::Read(at, id) if *at == ix => Some(*id),
            _ => None,
        })
    }
}

/// What a transition leaves: what it changed, all that it came to know, what
/// went wrong, its log.
pub type Closed = (Vec<(PartIx, PartId)>, Vec<Look>, Vec<Event>, Option<Log>);

/// The same before anything is kept of it.
pub struct Unkept {
    pub writes: Vec<(PartIx, Content)>,
    pub looks: Vec<Look>,
    pub events: Vec<Event>,
    pub log: Option<Log>,
    /// To compare what it changed with what there is took long.
    pub long: bool,
}

/// So many rounds of a loop, or calls, are made in one go.
const ROUNDS_MAX: u32 = 10_000;
/// So many bytes of long values that are gone through are as good as one. It is never the
/// time that tells: which states there are must not depend on it.
const ROUND_BYTES: usize = 1024;
/// Parts with so much to go through, where they are compared with others, take long.
const LONG_BYTES: usize = 1 << 16;
/// More ways than this at one step are not gone through one by one.
pub const CHOICES_MAX: u64 = 100_000;

/// A part of the exploration.
#[derive(Clone)]
enum Seen<'a> {
    /// Nothing is added meanwhile.
    Frozen(&'a Part),
    Shared(Arc<Part>),
}

impl Deref for Seen<'_> {
    type Target = Part;

    fn deref(&self) -> &Part {
        match self {
            Seen::Frozen(part) => part,
            Seen::Shared(part) => part,
        }
    }
}

#[derive(Clone)]
enum Open<'a> {
    Seen(Seen<'a>),
    Changed(Box<Part>),
    /// There is none.
    None,
}

/// The parts that a transition has to do with, mostly a handful: by their places.
#[derive(Clone, Default)]
struct Opened<'a>(Vec<(PartIx, Open<'a>)>);

impl<'a> Opened<'a> {
    fn at(&self, ix: PartIx) -> Result<usize, usize> {
        self.0.binary_search_by_key(&ix, |o| o.0)
    }

    fn contains(&self, ix: PartIx) -> bool {
        self.at(ix).is_ok()
    }

    fn get(&self, ix: PartIx) -> Option<&Open<'a>> {
        self.at(ix).ok().map(|at| &self.0[at].1)
    }

    fn get_mut(&mut self, ix: PartIx) -> Option<&mut Open<'a>> {
        self.at(ix).ok().map(|at| &mut self.0[at].1)
    }

    fn insert(&mut self, ix: PartIx, open: Open<'a>) {
        match self.at(ix) {
            Ok(at) => self.0[at].1 = open,
            Err(at) => self.0.insert(at, (ix, open)),
        }
    }
}

#[derive(Clone, Default)]
struct Overlay<'a> {
    open: Opened<'a>,
    looks: Vec<Look>,
    /// Every place that is looked at from now on, and those that something is written to, if
    /// that is asked for.
    touched: Option<touched::Watched>,
}

/// What a transition makes of a part: one of the exploration, or a new one with
/// its hash.
pub enum Content {
    Known(PartId),
    New(u64, Box<Part>),
}

/// What is new to an exploration to which nothing can be added now: what it is
/// given is not what it would get.
#[derive(Default)]
struct Beyond {
    /// Each with its number among them.
    places: HashMap<Key, usize, rustc_hash::FxBuildHasher>,
    births: HashMap<(TaskId, u32, u32), u32, rustc_hash::FxBuildHasher>,
    next: u32,
}

/// See the head of the file.
pub struct Move<'a> {
    pub model: &'a Model,
    pub program: &'static Program,
    base: &'a [PartId],
    overlay: RefCell<Overlay<'a>>,
    /// All that there is, if nothing can be added.
    frozen: Option<Frozen<'a>>,
    beyond: RefCell<Beyond>,
    /// The ways to take where there is a choice.
    pub(super) ways: &'a [u32],
    pub(super) taken: usize,
    /// How many ways there are by the choices taken.
    pub(super) fanned: u64,
    /// The tasks by their numbers in a schedule, whose ways say by name which
    /// task or arm is meant; none while exploring.
    pub named: Option<&'a [TaskId]>,
    /// It makes no choice beyond those.
    pub only_drawn: bool,
    pub me: TaskId,
    /// The process in which it is.
    pub home: TaskId,
    pub site: u32,
    pub in_atomic: bool,
    /// It is a look at the condition of an `await`.
    pub in_look: bool,
    /// It took long: so limits are looked at.
    pub long: bool,
    /// How often it has gone back in a loop since that was last told.
    pub rounds: std::cell::Cell<u32>,
    /// It looks from outside: no race, no arrival.
    pub outside: bool,
    /// What `finally` has printed last.
    pub printed_finally: Option<Arc<str>>,
    /// Looks only whether something could be done.
    probing: bool,
    /// An end that would go with the transition is left to be made by itself.
    pub apart: bool,
    /// It was so.
    pub ends: bool,
    /// It looks at a condition that does not hold, and waits for that.
    pub vain: bool,
    /// It ends tasks with their process.
    pub(super) buries: bool,
    /// It has released something since it was last asked.
    pub released: bool,
    /// It has reached a place that is kept to compare others' accesses with.
    pub reached: bool,
    /// It has printed, or taken a value or a job that somebody gave: who goes round
    /// in a circle with that gets something done.
    pub progress: bool,
    pub events: Vec<Event>,
    /// A limit was reached: what follows is not all.
    pub cut: Option<&'static str>,
    pub log: Option<Log>,
}

impl<'a> Move<'a> {
    pub fn new(model: &'a Model, base: &'a [PartId], ways: &'a [u32], me: TaskId, home: TaskId) -> Move<'a> {
        Move {
            model,
            program: model.program,
            base,
            overlay: RefCell::default(),
            frozen: None,
            beyond: RefCell::default(),
            ways,
            taken: 0,
            fanned: 1,
            named: None,
            only_drawn: false,
            me,
            home,
            site: 0,
            in_atomic: false,
            in_look: false,
            long: false,
            rounds: std::cell::Cell::new(0),
            outside: false,
            printed_finally: None,
            probing: false,
            apart: false,
            ends: false,
            vain: false,
            buries: false,
            released: false,
            reached: false,
            progress: false,
            events: Vec::new(),
            cut: None,
            log: None,
        }
    }

    /// In the process that the task is in, or that it is itself.
    pub fn at_home(mut self) -> Move<'a> {
        self.home = self.task(self.me, |t| t.process).unwrap_or(self.me);
        self
    }

    /// The same while nothing can be added to the exploration.
    pub fn frozen(model: &'a Model, frozen: Frozen<'a>, base: &'a [PartId], ways: &'a [u32], me: TaskId) -> Move<'a> {
        Move { frozen: Some(frozen), ..Move::new(model, base, ways, me, me) }
    }

    // ------------------------------------------------------------------ parts

    /// The place of a part in the row.
    pub fn place(&self, key: Key) -> PartIx {
        let Some(frozen) = self.frozen else { return self.model.space.place(key) };
        frozen.place(key).unwrap_or_else(|| {
            let mut beyond = self.beyond.borrow_mut();
            let next = beyond.places.len();
            let at = *beyond.places.entry(key).or_insert(next);
            (frozen.places() + at) as PartIx
        })
    }

    /// What `birth` has given, if it has given any.
    pub fn born(&self, creator: TaskId, site: u32, n: u32) -> Option<u32> {
        let Some(frozen) = self.frozen else { return self.model.space.born(creator, site, n) };
        let beyond = || self.beyond.borrow().births.get(&(creator, site, n)).copied();
        frozen.birth(creator, site, n).ok().or_else(beyond)
    }

    /// See `Space::birth`.
    pub fn birth(&self, creator: TaskId, site: u32, n: u32, count: u32) -> u32 {
        let Some(frozen) = self.frozen else { return self.model.space.birth(creator, site, n, count) };
        frozen.birth(creator, site, n).unwrap_or_else(|next| {
            let mut beyond = self.beyond.borrow_mut();
            if let Some(known) = beyond.births.get(&(creator, site, n)) {
                return *known;
            }
            let first = next + beyond.next;
            beyond.births.insert((creator, site, n), first);
            beyond.next += count;
            first
        })
    }

    /// Whether it met places or numbers that it was only lent: what it came to
    /// is nothing to keep.
    pub fn is_beyond(&self) -> bool {
        let beyond = self.beyond.borrow();
        !beyond.places.is_empty() || !beyond.births.is_empty()
    }

    fn seen(&self, id: PartId) -> Open<'a> {
        match (id, self.frozen) {
            (0, _) => Open::None,
            (_, Some(frozen)) => Open::Seen(Seen::Frozen(frozen.part(id))),
            _ => Open::Seen(Seen::Shared(self.model.space.part(id))),
        }
    }

    pub fn open<T>(&self, ix: PartIx, f: impl FnOnce(Option<&Part>) -> T) -> T {
        let mut overlay = self.overlay.borrow_mut();
        let base = self.base;
        if let Some(touched) = &mut overlay.touched {
            touched.looks.push(ix);
        }
        if !overlay.open.contains(ix) {
            let id = base.get(ix as usize).copied().unwrap_or(0);
            overlay.looks.push(Look::Read(ix, id));
            overlay.open.insert(ix, self.seen(id));
        }
        match overlay.open.get(ix) {
            Some(Open::Seen(part)) => {
                // The part stays for the exploration; the borrow need not.
                let part = part.clone();
                drop(overlay);
                f(Some(&part))
            }
            Some(Open::Changed(part)) => f(Some(part)),
            _ => f(None),
        }
    }

    pub fn change<T>(&mut self, ix: PartIx, f: impl FnOnce(&mut Part) -> T) -> Option<T> {
        self.open(ix, |_| ());
        let overlay = self.overlay.get_mut();
        if let Some(touched) = &mut overlay.touched {
            touched.changes.push(ix);
        }
        let open = overlay.open.get_mut(ix)?;
        if let Open::Seen(part) = open {
            *open = Open::Changed(Box::new((**part).clone()));
        }
        match open {
            Open::Changed(part) => Some(f(part)),
            _ => None,
        }
    }

    pub fn put(&mut self, key: Key, part: Part) {
        let ix = self.place(key);
        self.open(ix, |_| ());
        self.overlay.get_mut().open.insert(ix, Open::Changed(Box::new(part)));
    }

    /// What it changed, and all that it came to know.
    pub fn close(self) -> Closed {
        let space = &self.model.space;
        let Unkept { writes, looks, events, log, .. } = self.close_unkept();
        let writes = writes.into_iter().map(|(ix, content)| match content {
            Content::Known(id) => (ix, id),
            Content::New(hash, part) => (ix, space.intern_hashed(hash, *part)),
        });
        (writes.collect(), looks, events, log)
    }

    /// The same, with new parts as they are: nothing is added.
    pub fn close_unkept(self) -> Unkept {
        let overlay = self.overlay.into_inner();
        let space = &self.model.space;
        let mut writes: Vec<(PartIx, Content)> = Vec::with_capacity(overlay.open.0.len());
        let mut length = 0usize;
        for (ix, open) in overlay.open.0 {
            let Open::Changed(part) = open else { continue };
            length = length.saturating_add(self::length(&part));
            let hash = hash_of(&part);
            let known = match self.frozen {
                Some(frozen) => frozen.find(hash, &part),
                None => space.find(hash, &part),
            };
            match known {
                Some(id) if self.base.get(ix as usize).copied().unwrap_or(0) == id => {}
                Some(id) => writes.push((ix, Content::Known(id))),
                None => writes.push((ix, Content::New(hash, part))),
            }
        }
        let (looks, events, log, long) = (overlay.looks, self.events, self.log, length >= LONG_BYTES);
        Unkept { writes, looks, events, log, long }
    }

    /// What follows is undone by `restore`, but not what it looked at.
    pub fn keep(&self) -> Kept<'a> {
        Kept {
            open: self.overlay.borrow().open.clone(),
            released: self.released,
            progress: self.progress,
            events: self.events.len(),
        }
    }

    pub fn restore(&mut self, kept: Kept<'a>) {
        // A part first seen meanwhile is looked at again from the base; the
        // look itself is on record already.
        let mut open = kept.open;
        for (ix, _) in &self.overlay.borrow().open.0 {
            if !open.contains(*ix) {
                let id = self.base.get(*ix as usize).copied().unwrap_or(0);
                open.insert(*ix, self.seen(id));
            }
        }
        self.overlay.get_mut().open = open;
        (self.released, self.progress) = (kept.released, kept.progress);
        self.events.truncate(kept.events);
    }

    // ----------------------------------------------------------- kinds of part

    pub fn task_ix(&self, task: TaskId) -> PartIx {
        self.place(Key::Task(task))
    }

    pub fn task<T>(&self, task: TaskId, f: impl FnOnce(&TaskPart) -> T) -> Option<T> {
        self.open(self.task_ix(task), |p| match p {
            Some(Part::Task(t)) => Some(f(t)),
            _ => None,
        })
    }

    pub fn change_task<T>(&mut self, task: TaskId, f: impl FnOnce(&mut TaskPart) -> T) -> Option<T> {
        let ix = self.task_ix(task);
        self.change(ix, |p| match p {
            Part::Task(t) => Some(f(t)),
            _ => None,
        })?
    }

    pub fn process<T>(&self, process: TaskId, f: impl FnOnce(&ProcessPart) -> T) -> Option<T> {
        self.open(self.place(Key::Process(process)), |p| match p {
            Some(Part::Process(t)) => Some(f(t)),
            _ => None,
        })
    }

    pub fn change_process<T>(&mut self, process: TaskId, f: impl FnOnce(&mut ProcessPart) -> T) -> Option<T> {
        let ix = self.place(Key::Process(process));
        self.change(ix, |p| match p {
            Part::Process(t) => Some(f(t)),
            _ => None,
        })?
    }

    /// The tasks of a process that have not ended; none if there is no such process.
    pub fn threads<T>(&self, process: TaskId, f: impl FnOnce(&[TaskId]) -> T) -> Option<T> {
        self.open(self.place(Key::Threads(process)), |p| match p {
            Some(Part::Threads(tasks)) => Some(f(tasks)),
            _ => None,
        })
    }

    pub fn change_threads(&mut self, process: TaskId, f: impl FnOnce(&mut Vec<TaskId>)) {
        let ix = self.place(Key::Threads(process));
        self.change(ix, |p| {
            if let Part::Threads(tasks) = p {
                f(tasks);
            }
        });
    }

    pub fn object<T>(&self, object: u32, f: impl FnOnce(&ObjectPart) -> T) -> Option<T> {
        self.open(self.place(Key::Object(object)), |p| match p {
            Some(Part::Object(o)) => Some(f(o)),
            _ => None,
        })
    }

    pub fn change_object<T>(&mut self, object: u32, f: impl FnOnce(&mut ObjectPart) -> T) -> Option<T> {
        let ix = self.place(Key::Object(object));
        self.change(ix, |p| match p {
            Part::Object(o) => Some(f(o)),
            _ => None,
        })?
    }

    pub fn kind(&self, object: u32) -> u8 {
        self.object(object, |o| o.kind).unwrap_or(0)
    }

    /// The place in the row of a place in memory.
    pub fn cell_ix(&self, place: Place) -> PartIx {
        let private = place.memory == Memory::Var;
        let key = match place.home {
            Home::Declared if private => Key::Var { process: self.home, cell: place.index },
            Home::Declared => Key::Shared(place.index),
            Home::Record(record) if private => Key::VarField { process: self.home, record, index: place.index },
            Home::Record(record) => Key::Field { record, index: place.index },
        };
        self.place(key)
    }

    pub fn change_cell<T>(&mut self, ix: PartIx, f: impl FnOnce(&mut CellPart) -> T) -> Option<T> {
        self.change(ix, |p| match p {
            Part::Cell(c) => Some(f(c)),
            _ => None,
        })?
    }

    pub fn cell<T>(&self, ix: PartIx, f: impl FnOnce(&CellPart) -> T) -> Option<T> {
        self.open(ix, |p| match p {
            Some(Part::Cell(c)) => Some(f(c)),
            _ => None,
        })
    }

    // ---------------------------------------------------------------- choices

    /// One of `count` ways; each is tried in turn, and who comes by again and again takes each of
    /// them again and again.
    pub fn choose(&mut self, count: u64) -> u64 {
        if count <= 1 || self.probing {
            return 0;
        }
        let count = if count > CHOICES_MAX {
            self.cut = Some("a `choose` among too many values");
            CHOICES_MAX
        } else {
            count
        };
        let way = self.ways.get(self.taken).copied().unwrap_or(0).min(count as u32 - 1);
        self.taken += 1;
        self.fanned = self.fanned.saturating_mul(count);
        self.overlay.get_mut().looks.push(Look::Choice(way, count as u32));
        if let Some(log) = &mut self.log {
            log.choices.push(Choice::Way(way));
        }
        u64::from(way)
    }

    /// One of several that wait; each is tried in turn. Of a task that waits in several arms
    /// of a `select`, one of these: its number alone would not say which.
    fn choose_waiter(&mut self, among: &[Waiter]) -> usize {
        let mut tasks: Vec<TaskId> = Vec::new();
        for waiter in among.iter().filter(|_| among.len() > 1) {
            if !tasks.contains(&waiter.task) {
                tasks.push(waiter.task);
            }
        }
        let Some(first) = tasks.first() else { return 0 };
        let names: Vec<Choice> = tasks.iter().map(|t| Choice::Task(*t)).collect();
        let task = tasks.get(self.choose_named(&names)).copied().unwrap_or(*first);
        let places: Vec<usize> = (0..among.len()).filter(|i| among[*i].task == task).collect();
        let names: Vec<Choice> = places.iter().map(|i| Choice::Met(among[*i].arm as u32)).collect();
        let chosen = places[self.choose_named(&names)];
        if self.log.is_some() && !self.probing {
            let arm = among[chosen].arm;
            let place = self.task(task, |t| match &t.at {
                At::Select { arms, .. } => arms.iter().position(|a| a.0 == arm).unwrap_or(0) as u32,
                _ => 0,
            });
            if let Some(log) = &mut self.log {
                log.picks.push((task, place.unwrap_or(0)));
            }
        }
        chosen
    }

    /// One of the ready arms of a `select`, by their numbers: its place.
    pub fn choose_arm(&mut self, ready: &[u32]) -> usize {
        let names: Vec<Choice> = ready.iter().map(|n| Choice::Arm(*n)).collect();
        let way = self.choose_named(&names);
        if let Some(log) = &mut self.log {
            log.arms.push(ready[way]);
        }
        way
    }

    /// One of several that have names. A schedule's way is a name; one that is
    /// nobody's is told by the log, which has another.
    fn choose_named(&mut self, names: &[Choice]) -> usize {
        if names.len() <= 1 || self.probing {
            return 0;
        }
        let Some(tasks) = self.named else {
            let before = self.log.as_ref().map(|l| l.choices.len());
            let way = self.choose(names.len() as u64) as usize;
            if let (Some(log), Some(before)) = (&mut self.log, before)
                && let Some(choice) = log.choices.get_mut(before)
            {
                *choice = names[way];
            }
            return way;
        };
        let number = |c: &Choice| match c {
            Choice::Way(n) | Choice::Arm(n) | Choice::Met(n) => Some(*n),
            Choice::Task(t) => tasks.iter().rposition(|o| o == t).map(|n| n as u32),
        };
        let wanted = self.ways.get(self.taken).copied();
        self.taken += 1;
        let way = names.iter().position(|n| wanted.is_some() && number(n) == wanted).unwrap_or(0);
        if let Some(log) = &mut self.log {
            log.choices.push(names[way]);
        }
        way
    }

    /// What `f` would come to, without doing it.
    pub fn probe<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let kept = self.keep();
        let log = self.log.take();
        let before = std::mem::replace(&mut self.probing, true);
        let result = f(self);
        self.probing = before;
        self.log = log;
        self.restore(kept);
        result
    }

    // ------------------------------------------------------------------ names

    /// A value as reports show it.
    pub fn shown(&self, value: &Value) -> String {
        brief(Shown { value, names: self, quoted: true })
    }

    /// The same, however long it is: what tells outcomes apart.
    pub fn shown_whole(&self, value: &Value) -> String {
        Shown { value, names: self, quoted: true }.to_string()
    }

    pub fn object_name(&self, id: u32) -> String {
        let part = self.object(id, Clone::clone);
        object_name(self.program, id, part.as_ref(), |t| self.task(t, |t| t.birth.name.to_string()))
    }

    /// Whether limits should be looked at soon.
    pub fn took_long(&self) -> bool {
        self.long || self.cut.is_some() || self.rounds.get() > ROUNDS_MAX / 10
    }

    pub fn is_probing(&self) -> bool {
        self.probing
    }

    /// Whether no other task could reach a place now: there is none.
    fn has_no_company(&self, private: bool) -> bool {
        if self.model.exact {
            // Others that have ended may have made accesses that nothing
            // orders before this one.
            return self.is_last();
        }
        let threads = self.threads(self.home, |tasks| tasks.len() > 1).unwrap_or(true);
        if threads || private {
            return !threads;
        }
        !self.some_process(|m, p| p != m.home && m.threads(p, |tasks| !tasks.is_empty()).unwrap_or(false))
    }

    /// Whether something is so of a process; none is looked at behind the first of
    /// which it is.
    pub fn some_process(&self, is: impl Fn(&Self, TaskId) -> bool) -> bool {
        // All of them descend from the first one.
        let mut todo = vec![self.program.objects.len() as TaskId];
        while let Some(process) = todo.pop() {
            let children =
                self.process(process, |p| p.children.iter().filter(|c| c.process).map(|c| c.task).collect::<Vec<_>>());
            let Some(children) = children else { continue };
            if is(self, process) {
                return true;
            }
            todo.extend(children);
        }
        false
    }

    /// Whether the place is one whose accesses need not be compared.
    pub fn is_guarded(&self, ix: PartIx, memory: Memorable, private: bool, write: bool) -> bool {
        if !self.model.guarding {
            return false;
        }
        let met = self.task(self.me, |t| {
            let locks = t.held.iter().filter(|h| !write || h.1 != Mode::Reading).map(|h| h.0);
            self.model.guards().meet(ix, memory, locks)
        });
        match met {
            Some(Met::Guarded) => return true,
            Some(Met::Open) => return false,
            Some(Met::Unguarded) | None => {}
        }
        // Whether there is anybody else is asked last: it depends on much.
        if self.has_no_company(private) {
            return true;
        }
        self.model.guards().give_up(memory);
        false
    }
}

pub struct Kept<'a> {
    open: Opened<'a>,
    released: bool,
    progress: bool,
    events: usize,
}

/// What reports call an object.
pub fn object_name(
    program: &Program,
    id: u32,
    part: Option<&ObjectPart>,
    task_name: impl Fn(TaskId) -> Option<String>,
) -> String {
    if let Some(decl) = program.objects.get(id as usize) {
        return decl.name.clone();
    }
    let nameless = || "an object".to_string();
    let Some(part) = part else { return task_name(id).unwrap_or_else(nameless) };
    match part.born {
        Born::Declared => nameless(),
        Born::Task => task_name(id).unwrap_or_else(nameless),
        Born::New(site) => program.news[site as usize].name.clone(),
        Born::Record(site) => {
            let record = &program.records[site as usize];
            if record.name.starts_with("line ") {
                program.structs[record.structure as usize].name.clone()
            } else {
                record.name.clone()
            }
        }
        Born::Field { structure, field, index, .. } => {
            let structure = &program.structs[structure as usize];
            structure.field_name(&structure.fields[field as usize], index)
        }
    }
}

/// What reports call a place in memory, and where it is declared.
pub fn place_name(
    program: &Program,
    key: Key,
    structure_of: impl Fn(u32) -> Option<u32>,
) -> (String, Option<crate::lang::ast::Span>, Memorable) {
    match key {
        Key::Shared(cell) | Key::Var { cell, .. } => {
            let decl = program.cells[cell as usize];
            let span = program.memory[decl as usize].span;
            (program.cell_name(cell), Some(span), Memorable::Declared(decl))
        }
        Key::Field { record, index } | Key::VarField { record, index, .. } => {
            let private = matches!(key, Key::VarField { .. });
            let number = structure_of(record).unwrap_or(0);
            let structure = &program.structs[number as usize];
            match structure.memory_at(private, index) {
                Some((n, index)) => {
                    let field = &structure.fields[n];
                    (structure.field_name(field, index), Some(field.span), Memorable::Field(number, n as u32))
                }
                None => (structure.name.clone(), Some(structure.span), Memorable::Field(number, u32::MAX)),
            }
        }
        _ => ("memory".to_string(), None, Memorable::Declared(u32::MAX)),
    }
}

impl Names for Move<'_> {
    fn object(&self, object: ObjRef) -> String {
        self.object_name(object.id)
    }
    fn function(&self, function: u32) -> String {
        self.program.functions[function as usize].name.clone()
    }
}

impl Host for Move<'_> {
    fn structure(&self, record: u32) -> u32 {
        self.object(record, |o| match o.born {
            Born::Record(site) => self.program.records[site as usize].structure,
            _ => 0,
        })
        .unwrap_or(0)
    }
    /// A record's objects have the numbers after its own.
    fn first_object(&self, record: u32) -> u32 {
        record + 1
    }
    /// A loop without a step is cut into transitions, so that a limit is looked
    /// at between them, and one that changes nothing comes to a state again.
    fn interrupted(&self) -> bool {
        // Until it is told: the machine may ask twice before it stops.
        let rounds = (self.rounds.get() + 1).min(ROUNDS_MAX);
        self.rounds.set(rounds);
        rounds == ROUNDS_MAX
    }
    fn interrupted_at_call(&self) -> bool {
        self.interrupted()
    }
    fn worked(&self, bytes: usize) {
        let rounds = self.rounds.get();
        let more = (bytes / ROUND_BYTES).min(ROUNDS_MAX as usize) as u32;
        // The next round is then the last one.
        self.rounds.set((rounds + more).min(ROUNDS_MAX - 1).max(rounds));
    }
}
