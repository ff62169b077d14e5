//! From the arena to findings: a snapshot of who waits for what, handed to the
//! detectors, and their answers as facts with names and places. It owns the
//! reading of the arena for that; the algorithms are in `detect`, the words in
//! `report`. What is only told at the end is in `recorded` and `ended`.

use super::arena::{Arena, OBJECTS, TASKS_MAX, ending, facts, flag, node, object, ring, run, slot, state};
use super::codec;
use super::executor::Executor;
use super::finish::has_ended;
use super::handle;
use super::image::Image;
use super::process::{self as proc, Process};
use super::record::{self, Raw, RawAccess};
use super::slots::slot_of_ended;
use super::supervisor::{Stop, TaskEnd};
use super::world::{held_of, mode_of};
use crate::detect::deadlock::{self, Might, RootCause, TaskView, WaitView, Waits};
use crate::detect::finding::*;
use crate::detect::lock_order::{self, Dependency};
use crate::detect::may::{Deeds, May, On, Root};
use crate::detect::names::{self, Named};
use crate::detect::places;
use crate::detect::stuck::{self, BODY_ENDED, Scene};
use crate::lang::ast::Span;
use crate::objects::{self, KINDS, Need, pool, task};
use crate::program::Program;
use crate::program::kind::{Memory, Method};
use crate::program::value::{ErrorKind, ObjRef, Shown, Value};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

mod ended;
mod facts_of;
#[path = "prompted.rs"]
mod prompted;
mod recorded;
#[path = "scene.rs"]
pub mod scene;

pub use ended::{prints_and_endings, shared_values, task_ends, task_ids};
pub use facts_of::task_facts;
pub(super) use facts_of::told_name;
use facts_of::*;
pub use prompted::Told;
pub use recorded::recorded;
use recorded::{from_raw, lock_orders};

/// So many looks more are waited for those who still go on and may come to wait for
/// who is stuck.
const LOOKS_FOR_OTHERS: u32 = 4;

/// What the supervisor remembers from look to look.
pub struct Diagnosis {
    image: &'static Image,
    /// Of the program as it is now; made when it is asked for.
    may: Option<May>,
    /// By slot: the version and the place at the last look.
    last: Vec<(u64, u64)>,
    /// The tasks that were stuck at the last look.
    last_stuck: Vec<u32>,
    /// At so many looks more they were the same.
    same_looks: u32,
    /// Some are stuck and not told yet: another look is wanted.
    undecided: bool,
    executor: Option<Executor>,
    /// Of a session.
    session: prompted::Prompts,
}

/// One look at all tasks.
struct Snapshot {
    slots: Vec<usize>,
    versions: Vec<u64>,
    views: Vec<TaskView>,
    deeds: Vec<Rc<Deeds>>,
    /// Of a session: those of whom it is not known what they may do.
    free: Vec<bool>,
}

struct Answers<'a> {
    snapshot: &'a Snapshot,
    image: &'static Image,
}

impl Might for Answers<'_> {
    fn may(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.snapshot.free[i] || self.snapshot.deeds[i].may(self.on(object, kind), methods)
    }
    fn may_born(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.snapshot.free[i] || self.snapshot.deeds[i].may_born(self.on(object, kind), methods)
    }
    fn may_change(&self, i: usize, site: u32) -> bool {
        self.snapshot.free[i] || self.snapshot.deeds[i].may_change(&self.image.program, site)
    }
    fn may_terminate(&self, i: usize) -> bool {
        let main = self.snapshot.views[i].id == self.image.main_task();
        self.snapshot.deeds[i].may_terminate() || (self.snapshot.free[i] && !main && self.image.program.may_end_tasks())
    }
    fn kind_of(&self, object: u32) -> u8 {
        self.image.arena.kind(object)
    }
}

impl Scene for Answers<'_> {
    fn program(&self) -> &Program {
        self.image.program.get()
    }
    fn task_facts(&self, task: u32) -> TaskFacts {
        task_facts(self.image, task)
    }
    fn told_by(&self, word: u64) -> Option<TaskFacts> {
        let task = (word as u32).checked_sub(1)?;
        let life = word >> u32::BITS;
        if life == handle::life(self.image.arena, task) {
            return Some(task_facts(self.image, task));
        }
        Some(gone_facts(self.image, task, life))
    }
    fn ending(&self, task: u32) -> Option<Ending> {
        let arena = self.image.arena;
        ending_of(arena, task).or_else(|| over_by_error(arena, task))
    }
    fn held(&self, task: u32) -> Vec<(u32, Mode, u32)> {
        let arena = self.image.arena;
        slot_of_ended(arena, task).map(|s| held_of(arena, s)).unwrap_or_default()
    }
    fn on(&self, object: u32, kind: u8) -> On {
        On { object, kind, field: self.image.field_of(object).map(|(_, field)| field.symbol) }
    }
    fn object_name(&self, object: u32) -> String {
        self.image.object_name(object)
    }
    fn told_name(&self, object: u32) -> String {
        self.image.told_object(object)
    }
    fn word(&self, object: u32, index: usize) -> u64 {
        self.image.arena.object(object, object::WORD + index).load(Relaxed)
    }
    fn declared_at(&self, object: u32) -> Option<Span> {
        declared_at(self.image, object)
    }
    fn site(&self, i: usize) -> Option<u32> {
        let site = self.image.arena.slot(self.snapshot.slots[i], slot::PC).load(Relaxed) as u32;
        (site != super::spawn::NOWHERE).then_some(site)
    }
    fn ended_badly(&self) -> Vec<(u32, u32)> {
        let arena = self.image.arena;
        let function = |t: u32| arena.facts(t, facts::FUNCTION).load(Relaxed) as u32;
        failed_tasks(arena).into_iter().map(|t| (t, function(t))).collect()
    }
}

fn is_live(arena: &Arena, slot: usize) -> bool {
    !matches!(arena.slot(slot, slot::STATE).load(SeqCst), state::FREE | state::ENDED)
}

/// Whether the task in a slot is being ended, by itself or from outside: so it is not
/// for ever that it waits.
fn is_ending(arena: &Arena, slot: usize) -> bool {
    let word = |w: usize| arena.slot(slot, w).load(SeqCst);
    word(slot::FLAGS) & flag::TERMINATE != 0 || proc::is_ending(arena, word(slot::PROCESS) as usize)
}

impl Diagnosis {
    pub fn new(image: &'static Image) -> Diagnosis {
        Diagnosis {
            image,
            may: None,
            last: Vec::new(),
            last_stuck: Vec::new(),
            same_looks: 0,
            undecided: false,
            executor: None,
            session: prompted::Prompts::default(),
        }
    }

    fn state_of(&self, arena: &Arena) -> Vec<(u64, u64)> {
        (0..arena.slots_high())
            .map(|s| {
                let version = arena.slot(s, slot::VERSION).load(SeqCst);
                // A task that runs changes what it may still do as it goes.
                let running = arena.slot(s, slot::STATE).load(SeqCst) == state::RUNNING;
                (version, if running { arena.slot(s, slot::PC).load(Relaxed) } else { 0 })
            })
            .collect()
    }

    pub fn has_changed(&mut self, arena: &Arena) -> bool {
        let now = self.state_of(arena);
        let changed = now != self.last || self.undecided;
        self.last = now;
        changed
    }

    pub fn moved(&self, arena: &Arena) -> bool {
        self.state_of(arena) != self.last
    }

    pub fn somebody_waits(&self, arena: &Arena) -> bool {
        (0..arena.slots_high()).any(|s| {
            let waits = matches!(arena.slot(s, slot::STATE).load(SeqCst), state::WAITING | state::AWAITING);
            waits && arena.slot(s, slot::REPORTED).load(Relaxed) == 0
        })
    }

    /// Every task that counts has ended or was reported as stuck. Those that serve
    /// others keep no run from its end, stuck or not: they go with their process.
    pub fn nothing_goes_on(&self, arena: &Arena) -> bool {
        let serves = |s: &usize| arena.slot(*s, slot::FLAGS).load(Relaxed) & (flag::DAEMON | flag::WORKER) != 0;
        let mut stuck = 0;
        for s in (0..arena.slots_high()).filter(|s| is_live(arena, *s) && !serves(s)) {
            if arena.slot(s, slot::REPORTED).load(Relaxed) == 0 || is_ending(arena, s) {
                return false;
            }
            stuck += 1;
        }
        stuck > 0
    }

    /// New groups of tasks that can never go on. What is said of them was true
    /// at one moment: between two looks nothing about them changed.
    pub fn look(&mut self, home: &Arc<Process>) -> Vec<Finding> {
        let arena = self.image.arena;
        self.forget_freed();
        self.undecided = false;
        if !self.somebody_waits(arena) {
            return Vec::new();
        }
        let first = self.snapshot(home);
        let stuck = deadlock::stuck(&first.views, &Answers { snapshot: &first, image: self.image });
        let fresh = |i: usize| {
            stuck[i] && first.views[i].counts() && arena.slot(first.slots[i], slot::REPORTED).load(Relaxed) == 0
        };
        if !(0..stuck.len()).any(fresh) {
            return Vec::new();
        }
        // Those behind a circle come to their waits one after another; the
        // report waits for one look at which nobody was added.
        // Where others still go on, they may be on their way to such a wait, and
        // belong into the report: they have some looks more.
        let ids: Vec<u32> = (0..stuck.len()).filter(|i| stuck[*i]).map(|i| first.views[i].id).collect();
        if ids != self.last_stuck {
            (self.last_stuck, self.same_looks) = (ids, 0);
            self.undecided = true;
            return Vec::new();
        }
        self.same_looks += 1;
        self.undecided = deadlock::others_go_on(&first.views, &stuck) && self.same_looks < LOOKS_FOR_OTHERS;
        if self.undecided {
            return Vec::new();
        }
        let (second, still) = self.looked_again(home, &first, &stuck);
        let count = |of: &[bool]| of.iter().filter(|s| **s).count();
        if count(&still) != count(&stuck) {
            return Vec::new();
        }
        let findings = self.findings(&second, &still);
        self.remember_told(&second);
        findings
    }

    /// A second look, and who was stuck at both, with nothing changed between them.
    fn looked_again(&mut self, home: &Arc<Process>, first: &Snapshot, stuck: &[bool]) -> (Snapshot, Vec<bool>) {
        let second = self.snapshot(home);
        let still = deadlock::stuck(&second.views, &Answers { snapshot: &second, image: self.image });
        // What only the second look found is no more certain than what only the
        // first one found: it is told once a further look has found it again.
        let before = |j: usize| {
            let first_at = first.slots.iter().position(|s| *s == second.slots[j]);
            first_at.is_some_and(|i| stuck[i] && first.versions[i] == second.versions[j])
        };
        let still = (0..still.len()).map(|j| still[j] && before(j)).collect();
        (second, still)
    }

    /// Of a run that has come to a standstill: notes all that are stuck, those too of
    /// whom nothing is told. Whether everybody is.
    pub fn note_stuck(&mut self, home: &Arc<Process>) -> bool {
        let first = self.snapshot(home);
        let stuck = deadlock::stuck(&first.views, &Answers { snapshot: &first, image: self.image });
        let (second, still) = self.looked_again(home, &first, &stuck);
        for (s, _) in second.slots.iter().zip(&still).filter(|(_, still)| **still) {
            self.image.arena.slot(*s, slot::REPORTED).store(1, SeqCst);
        }
        still.iter().all(|still| *still)
    }

    fn findings(&self, snapshot: &Snapshot, stuck: &[bool]) -> Vec<Finding> {
        let arena = self.image.arena;
        let groups = deadlock::groups(&snapshot.views, stuck, &Answers { snapshot, image: self.image });
        let mut findings = Vec::new();
        for group in groups {
            let all: Vec<usize> = group.circle.iter().chain(&group.behind).copied().collect();
            // Whoever comes later to a root that is no circle is stuck for what
            // was told already: the same owner is gone, the same deed missing.
            // Of excused tasks that are known nothing was told.
            let told = |i: &usize| arena.slot(snapshot.slots[*i], slot::REPORTED).load(Relaxed) != 0;
            let known = match group.cause {
                RootCause::Circle | RootCause::SelfLock => group.circle.iter().all(told),
                RootCause::OwnerEnded | RootCause::NobodyLeft => {
                    group.circle.iter().any(|i| told(i) && snapshot.views[*i].counts())
                }
            };
            for i in &all {
                arena.slot(snapshot.slots[*i], slot::REPORTED).store(1, SeqCst);
            }
            if !known {
                let scene = Answers { snapshot, image: self.image };
                findings.push(stuck::finding(&scene, &snapshot.views, stuck, &group, Certainty::Observed));
            }
        }
        // Excused tasks that are stuck alone are no finding, but are known.
        for (i, s) in stuck.iter().enumerate() {
            if *s {
                arena.slot(snapshot.slots[i], slot::REPORTED).store(1, SeqCst);
            }
        }
        findings
    }

    fn snapshot(&mut self, home: &Arc<Process>) -> Snapshot {
        let image = self.image;
        let arena = image.arena;
        let mut executor = self.executor.take().unwrap_or_else(|| {
            let mut e = Executor::new(image, home.clone(), TASKS_MAX, u32::MAX);
            e.supervising = true;
            e.gated = false;
            e
        });
        let mut snapshot = Snapshot {
            slots: Vec::new(),
            versions: Vec::new(),
            views: Vec::new(),
            deeds: Vec::new(),
            free: Vec::new(),
        };
        for s in (0..arena.slots_high()).filter(|s| is_live(arena, *s)) {
            let word = |w: usize| arena.slot(s, w).load(SeqCst);
            snapshot.slots.push(s);
            snapshot.versions.push(word(slot::VERSION));
            let root = if word(slot::POOL) != 0 { Root::Worker } else { Root::Function(word(slot::FUNCTION) as u32) };
            let main = &image.program.functions[image.program.main as usize];
            let pc = match word(slot::PC) as u32 {
                // Between two jobs it stands nowhere: at the end of all code.
                super::spawn::NOWHERE => main.end.saturating_sub(1),
                pc => pc,
            };
            let may = self.may.get_or_insert_with(|| May::new(&image.program));
            snapshot.deeds.push(match word(slot::FLAGS) & flag::CODE_ENDED {
                0 => may.deeds(&image.program, root, pc),
                _ => may.nothing(&image.program),
            });
            let waits = waits_of(arena, &mut executor, s);
            let for_a_job = |v: &WaitView| (v.kind, v.method) == (objects::place::pool, pool::TAKE);
            let idle = word(slot::POOL) != 0 && matches!(waits.as_deref(), Some([wait]) if for_a_job(wait));
            let excused = word(slot::FLAGS) & flag::DAEMON != 0 || idle;
            let id = word(slot::TASK) as u32;
            snapshot.free.push(self.is_free(id));
            // Whoever types can stop a statement, so `main` goes on for others.
            let waits = waits.filter(|_| !self.goes_on(id));
            let over = word(slot::FLAGS) & flag::CODE_ENDED != 0 && waits.is_none();
            snapshot.views.push(TaskView { id, waits, excused, over });
        }
        // After all else was read: whoever ended it may have been seen beyond that deed.
        for (s, view) in snapshot.slots.iter().zip(&mut snapshot.views) {
            if view.waits.is_some() && is_ending(arena, *s) {
                view.waits = None;
            }
        }
        self.executor = Some(executor);
        snapshot
    }
}

/// The waits of the task in a slot; none if it goes on by itself.
fn waits_of(arena: &Arena, executor: &mut Executor, s: usize) -> Option<Waits> {
    let word = |w: usize| arena.slot(s, w).load(SeqCst);
    // It was woken and will look for itself, however late the system lets it
    // run: who woke it may have passed its last deed by now.
    if arena.park(s).0.load(SeqCst) != 0 {
        return None;
    }
    let timed = match word(slot::STATE) {
        state::WAITING => false,
        state::TIMED => true,
        state::AWAITING => {
            let site = word(slot::AWAIT).checked_sub(1)? as u32;
            return Some(Waits::any(vec![WaitView::of_change(site)]));
        }
        _ => return None,
    };
    if word(slot::FIRED) != 0 {
        return None;
    }
    // Who was notified waits for the lock by now, and that without a limit.
    if timed && first_method(arena, s).is_none_or(|m| m.timeout.is_some()) {
        return None;
    }
    arms_of(arena, executor, s)
}

/// The method that the first arm of a waiting task is about.
fn first_method(arena: &Arena, s: usize) -> Option<&'static Method> {
    let node = |w: usize| arena.slot(s, slot::NODE + w).load(SeqCst);
    let object = node(node::OBJECT) as u32;
    if arena.slot(s, slot::NODE_COUNT).load(SeqCst) == 0 || arena.object_at(object) == 0 {
        return None;
    }
    KINDS[arena.kind(object) as usize].methods.get(node(node::METHOD) as usize)
}

/// What the task in a slot waits in, also with a time-out.
fn arms_of(arena: &Arena, executor: &mut Executor, s: usize) -> Option<Waits> {
    let word = |w: usize| arena.slot(s, w).load(SeqCst);
    let task = word(slot::TASK) as u32;
    let (mut waits, mut joined) = (Vec::new(), Vec::new());
    for arm in 0..word(slot::NODE_COUNT) as usize {
        let at = if arm < super::arena::NODES {
            arena.slot_at(s) + 8 * (slot::NODE + arm * slot::NODE_WORDS)
        } else {
            let block = word(slot::NODE_BLOCK) as usize;
            if block == 0 {
                return None;
            }
            block + 8 * (arm - super::arena::NODES) * slot::NODE_WORDS
        };
        let node = |w: usize| arena.at(at + 8 * w).load(SeqCst);
        let (object, method, memo) = (node(node::OBJECT) as u32, node(node::METHOD) as u8, node(node::MEMO));
        if arena.object_at(object) == 0 {
            return None;
        }
        let kind = arena.kind(object);
        if method as usize >= KINDS[kind as usize].methods.len() {
            return None;
        }
        let joins = matches!(kind, objects::place::task | objects::place::pool) && method == objects::join_method(kind);
        waits.push(view_of(executor, ObjRef { id: object, kind }, (method, memo), task, || {
            // A node comes and goes under the guard, and with it what it offers.
            if joins && node(node::OBJECT) as u32 == object && word(slot::NODE_COUNT) > arm as u64 {
                joined = objects_in(&arena.value(node(node::VALUE)));
            }
        }));
    }
    // Of several that it joins one after the other it needs the ends of all. It waits for
    // the first that has not ended, and those before it are met.
    let all = !joined.is_empty();
    for other in joined {
        if waits.iter().any(|w| w.object == other.id) {
            continue;
        }
        if arena.object_at(other.id) == 0 || arena.kind(other.id) != other.kind {
            continue;
        }
        waits.push(view_of(executor, other, (objects::join_method(other.kind), 0), task, || ()));
    }
    Some(Waits { of: waits, all })
}

/// What a task waits for in a method with this memo. `meanwhile` is done under the guard.
fn view_of(
    executor: &mut Executor,
    target: ObjRef,
    (method, memo): (u8, u64),
    task: u32,
    meanwhile: impl FnOnce(),
) -> WaitView {
    executor.guard(target.id);
    let need = executor.need(target, method, memo, task);
    meanwhile();
    executor.unguard();
    WaitView { object: target.id, kind: target.kind, method, need: without_ended(executor.arena, need) }
}

fn objects_in(value: &Value) -> Vec<ObjRef> {
    let Value::List(list) = value else { return Vec::new() };
    list.iter().filter_map(|v| if let Value::Object(object) = v { Some(*object) } else { None }).collect()
}

fn without_ended(arena: &Arena, need: Need) -> Need {
    need.with_tasks(&|task| match slot_of_ended(arena, task) {
        Some(s) if arena.slot(s, slot::FLAGS).load(SeqCst) & flag::BODY_ENDED != 0 => task | BODY_ENDED,
        _ => task,
    })
}

// ------------------------------------------------------------------- the facts

fn failed_tasks(arena: &Arena) -> Vec<u32> {
    handles(arena)
        .filter(|t| match arena.facts(*t, facts::ENDING).load(SeqCst) {
            ending::NOT => over_by_error(arena, *t).is_some(),
            how => how != ending::RETURNED,
        })
        .take(64)
        .collect()
}

/// The error that has ended the code of a task, where the task itself has not ended.
fn over_by_error(arena: &Arena, task: u32) -> Option<Ending> {
    let flags = arena.slot(slot_of_ended(arena, task)?, slot::FLAGS).load(SeqCst);
    let code = || arena.facts(task, facts::ENDING_CODE).load(SeqCst);
    (flags & flag::FAILED != 0).then(|| ending(ending::FAILED, code())).flatten()
}

// ------------------------------------------------------------- ends, outcomes
