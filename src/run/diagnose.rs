//! From the arena to findings: a snapshot of who waits for what, handed to the
//! detectors, and their answers as facts with names and places. It owns the
//! reading of the arena for that; the algorithms are in `detect`, the words in
//! `report`.

use super::arena::{Arena, TASKS_MAX, ending, facts, flag, node, object, ring, run, slot, state};
use super::codec;
use super::executor::Executor;
use super::image::Image;
use super::process::{self as proc, Process};
use super::record::{self, Raw, RawAccess};
use super::spawn::has_ended;
use super::supervisor::{Stop, TaskEnd};
use super::world::{held_of, mode_of};
use crate::detect::deadlock::{self, Might, RootCause, TaskView, WaitView};
use crate::detect::finding::*;
use crate::detect::lock_order::{self, Dependency};
use crate::detect::may::{Deeds, May, Root};
use crate::detect::names::{self, Named};
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

#[path = "prompted.rs"]
mod prompted;
#[path = "scene.rs"]
pub mod scene;

pub use prompted::Told;

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
        self.snapshot.free[i] || self.snapshot.deeds[i].may(object, kind, methods)
    }
    fn may_born(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.snapshot.free[i] || self.snapshot.deeds[i].may_born(object, kind, methods)
    }
    fn may_change(&self, i: usize, site: u32) -> bool {
        self.snapshot.free[i] || self.snapshot.deeds[i].may_change(&self.image.program.awaits[site as usize])
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
    fn ending(&self, task: u32) -> Option<Ending> {
        ending_of(self.image.arena, task)
    }
    fn held(&self, task: u32) -> Vec<(u32, Mode, u32)> {
        let arena = self.image.arena;
        slot_of_ended(arena, task).map(|s| held_of(arena, s)).unwrap_or_default()
    }
    fn object_name(&self, object: u32) -> String {
        self.image.object_name(object)
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
        let others = (0..stuck.len()).any(|i| !stuck[i] && !first.views[i].excused);
        self.undecided = others && self.same_looks < LOOKS_FOR_OTHERS;
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
        let others = (0..stuck.len()).any(|i| !stuck[i] && !snapshot.views[i].excused);
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
                findings.push(stuck::finding(&scene, &snapshot.views, stuck, &group, others, Certainty::Observed));
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
            snapshot.views.push(TaskView { id, waits, excused });
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
fn waits_of(arena: &Arena, executor: &mut Executor, s: usize) -> Option<Vec<WaitView>> {
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
            return Some(vec![WaitView { object: u32::MAX, kind: 0, method: 0, need: Need::Change { site } }]);
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
fn arms_of(arena: &Arena, executor: &mut Executor, s: usize) -> Option<Vec<WaitView>> {
    let word = |w: usize| arena.slot(s, w).load(SeqCst);
    let task = word(slot::TASK) as u32;
    let mut waits = Vec::new();
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
        executor.guard(object);
        let need = executor.need(ObjRef { id: object, kind }, method, memo, task);
        executor.unguard();
        let need = without_ended(arena, need);
        waits.push(WaitView { object, kind, method, need });
    }
    Some(waits)
}

fn without_ended(arena: &Arena, need: Need) -> Need {
    let mark = |t: u32| match slot_of_ended(arena, t) {
        Some(s) if arena.slot(s, slot::FLAGS).load(SeqCst) & flag::BODY_ENDED != 0 => t | BODY_ENDED,
        _ => t,
    };
    let all = |needs: Vec<Need>| needs.into_iter().map(|n| without_ended(arena, n)).collect();
    match need {
        Need::Tasks(tasks) => Need::Tasks(tasks.into_iter().map(mark).collect()),
        Need::All(needs) => Need::All(all(needs)),
        Need::Any(needs) => Need::Any(all(needs)),
        other => other,
    }
}

// ------------------------------------------------------------------- the facts

pub fn task_facts(image: &Image, task: u32) -> TaskFacts {
    let arena = image.arena;
    if task as usize >= arena.objects() || arena.object_at(task) == 0 || KINDS[arena.kind(task) as usize].word != "task"
    {
        return TaskFacts {
            serial: task,
            name: "?".to_string(),
            process: false,
            home: None,
            pid: 0,
            tid: 0,
            spawned: None,
            spawner: None,
        };
    }
    let word = |w: usize| arena.facts(task, w).load(SeqCst);
    let main = task == image.main_task();
    let spawned = word(facts::SITE).checked_sub(1).map(|s| image.program.span(s as u32));
    let pid = word(facts::PID) as i32;
    TaskFacts {
        serial: task - image.main_task(),
        name: told_name(image, task),
        process: word(facts::FLAGS) & flag::PROCESS != 0,
        home: (pid != 0).then_some(pid as u32),
        pid,
        tid: word(facts::TID) as i32,
        spawned,
        spawner: (!main && spawned.is_some()).then(|| told_name(image, word(facts::SPAWNER) as u32)),
    }
}

/// So many tasks are named anew whenever some have been born.
const NAMED_ANEW: usize = 2_000;

/// What reports call a task: of several of one name, each has its own. All are
/// looked at again only when tasks have been born; of a great many, who has been named
/// keeps his name, so that tasks which bear others without end do not keep those who
/// look at them from all else.
fn told_name(image: &Image, task: u32) -> String {
    let arena = image.arena;
    let born = arena.run(run::BIRTHS).load(SeqCst);
    let mut told = image.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let number = |t: u32| arena.facts(t, facts::NUMBER).load(SeqCst);
    // That of a job may have been another's.
    let known = told.1.get(&task).is_some_and(|(of, _)| *of == number(task));
    if told.0 != born && told.1.len() < NAMED_ANEW || !known {
        let tasks: Vec<u32> = handles(arena).collect();
        let names = names::distinct(&tasks.iter().map(|t| named(image, *t)).collect::<Vec<_>>());
        *told = (born, tasks.into_iter().zip(names).map(|(t, name)| (t, (number(t), name))).collect());
    }
    told.1.get(&task).map(|(_, name)| name.clone()).unwrap_or_else(|| arena.task_name(task))
}

fn named(image: &Image, task: u32) -> Named {
    let word = |w: usize| image.arena.facts(task, w).load(SeqCst) as u32;
    let spawner = (task != image.main_task()).then(|| word(facts::SPAWNER));
    Named { id: task, name: image.arena.task_name(task), spawner, site: word(facts::SITE) }
}

fn held_facts(image: &Image, held: &[(u32, Mode, u32)]) -> Vec<Held> {
    let locks = names::Objects::new(held.iter().map(|h| h.0), |id| image.object_name(id));
    stuck::held_facts(image.program.get(), &|id| locks.of(id), held)
}

fn declared_at(image: &Image, id: u32) -> Option<Span> {
    let program = &image.program;
    if let Some(decl) = program.objects.get(id as usize) {
        return Some(decl.span);
    }
    let word = |w: usize| image.arena.object(id, w).load(Relaxed);
    match KINDS[image.arena.kind(id) as usize].word {
        "task" | "record" => None,
        _ if word(object::INFO4) != 0 => {
            let field = program.structs.get(word(object::INFO) as usize)?.fields.get(word(object::INFO2) as usize)?;
            Some(field.span)
        }
        _ => {
            let site = word(object::BORN).checked_sub(1)? as u32;
            let at = program
                .code
                .iter()
                .position(|i| matches!(i, crate::program::code::Instr::NewObject(s) if *s == site))?;
            Some(program.span(at as u32))
        }
    }
}

fn ending_of(arena: &Arena, task: u32) -> Option<Ending> {
    let code = arena.facts(task, facts::ENDING_CODE).load(SeqCst) as i64;
    Some(match arena.facts(task, facts::ENDING).load(SeqCst) {
        ending::RETURNED => Ending::Returned,
        ending::FAILED => Ending::Failed(ErrorKind::ALL.get(code as usize).map_or("error", |k| k.word()).to_string()),
        ending::EXITED => Ending::Exited(code as i32),
        ending::SIGNALLED => Ending::Signalled(code as i32),
        ending::TERMINATED => Ending::Terminated,
        _ => return None,
    })
}

/// The slot a task has or had, if nobody else has it by now.
fn slot_of_ended(arena: &Arena, task: u32) -> Option<usize> {
    let s = arena.facts(task, facts::SLOT).load(SeqCst) as usize;
    (arena.slot(s, slot::TASK).load(SeqCst) == u64::from(task)).then_some(s)
}

fn handles(arena: &Arena) -> impl Iterator<Item = u32> + '_ {
    (0..arena.objects() as u32)
        .filter(|id| arena.object_at(*id) != 0 && KINDS[arena.kind(*id) as usize].word == "task")
        .filter(|id| arena.object(*id, object::INFO).load(SeqCst) != 0)
        .filter(|id| is_born(arena, *id))
}

/// Whether there is or was such a task: whoever makes one may be killed before it has a
/// slot, or before its process is forked.
fn is_born(arena: &Arena, task: u32) -> bool {
    let unborn = arena.facts(task, facts::FLAGS).load(SeqCst) & flag::UNBORN != 0;
    !unborn && (is_job(arena, task) || has_ended(arena, task) || slot_of_ended(arena, task).is_some())
}

fn is_job(arena: &Arena, task: u32) -> bool {
    arena.object(task, object::WORD + task::POOL).load(Relaxed) != 0
}

fn failed_tasks(arena: &Arena) -> Vec<u32> {
    handles(arena)
        .filter(|t| {
            let how = arena.facts(*t, facts::ENDING).load(SeqCst);
            !matches!(how, ending::NOT | ending::RETURNED)
        })
        .take(64)
        .collect()
}

/// Values of a lock set's block: how many, then object, mode, place.
fn lockset(image: &Image, block: u64) -> Vec<(u32, Mode, u32)> {
    if block == 0 {
        return Vec::new();
    }
    let word = |i: usize| image.arena.at(block as usize + 8 * i).load(Relaxed);
    (0..(word(0) as usize).min(super::arena::HELD))
        .map(|i| (word(1 + 3 * i) as u32, mode_of(word(2 + 3 * i)), word(3 + 3 * i) as u32))
        .collect()
}

/// The two accesses of a race.
fn accesses(image: &Image, both: [&RawAccess; 2]) -> [Access; 2] {
    let held = both.map(|a| lockset(image, a.locks));
    let locks = names::Objects::new(held.iter().flatten().map(|h| h.0), |id| image.object_name(id));
    let name = |id| locks.of(id);
    let held = held.map(|held| stuck::held_facts(image.program.get(), &name, &held));
    let mut held = held.into_iter();
    both.map(|a| access(image, a, held.next().unwrap_or_default()))
}

fn access(image: &Image, a: &RawAccess, held: Vec<Held>) -> Access {
    let kind = match (a.write, a.atomic) {
        (false, false) => AccessKind::Read,
        (true, false) => AccessKind::Write,
        (false, true) => AccessKind::AtomicRead,
        (true, true) => AccessKind::AtomicWrite,
    };
    let value = (a.value != codec::UNKNOWN)
        .then(|| Shown { value: &codec::small_value(a.value), names: image, quoted: true }.to_string());
    Access { task: task_facts(image, a.task), span: image.program.span(a.site), kind, value, held }
}

fn raw_held(image: &Image, held: &[(u32, u8, u32)]) -> Vec<Held> {
    let held: Vec<(u32, Mode, u32)> = held.iter().map(|h| (h.0, mode_of(u64::from(h.1)), h.2)).collect();
    held_facts(image, &held)
}

/// What the tasks themselves saw, and what the end of the run shows. `stuck`
/// are the findings made so far; a lock that stuck tasks wait for is told
/// there. What is left over in a run that was cut short is nobody's mistake.
pub fn recorded(image: &Image, stuck: &[Finding], stop: &Stop) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let told = |lock: &String| stuck.iter().any(|f| matches!(f.code, Code::AbandonedLock) && f.on.contains(lock));
    for (raw, count) in record::all(image.arena) {
        if let Some(finding) = from_raw(image, raw, count) {
            if matches!(finding.code, Code::AbandonedLock) && finding.on.iter().any(told) {
                continue;
            }
            findings.push(finding);
        }
    }
    findings.extend(lock_orders(image, stuck));
    // What is left of a run that came to no end is nobody's fault but its.
    if matches!(stop, Stop::Finished) {
        findings.extend(uncollected(image));
        findings.extend(leftovers(image));
    }
    findings
}

fn finding(code: Code, on: Vec<String>, facts: Facts, count: u64) -> Finding {
    Finding { code, certainty: Certainty::Observed, count, on, also_on: Vec::new(), facts, schedule: None }
}

fn from_raw(image: &Image, raw: Raw, count: u64) -> Option<Finding> {
    let program = &image.program;
    Some(match raw {
        Raw::Race { key, earlier, later } => {
            let (variable, declared) = image.place_name(key);
            let [earlier, later] = accesses(image, [&earlier, &later]);
            let facts = Facts::Race { variable: variable.clone(), declared, earlier, later };
            finding(Code::Race, vec![variable], facts, count)
        }
        Raw::Failed { task, job, site, kind, message, calls, held } => {
            let kind = *ErrorKind::ALL.get(kind as usize)?;
            let code = if kind == ErrorKind::Assertion { Code::Assertion } else { Code::Error };
            let on = stuck::failed_on(program, site, kind, &message);
            let facts = Facts::Failed {
                task: task.map(|t| task_facts(image, t)),
                job,
                span: program.span(site),
                kind: kind.word().to_string(),
                message,
                calls: calls.into_iter().map(|c| program.span(c)).collect(),
                holds: raw_held(image, &held),
            };
            finding(code, on, facts, count)
        }
        Raw::Abandoned { task, lock, mode, site } => {
            let name = image.object_name(lock);
            let facts = Facts::Abandoned {
                lock: name.clone(),
                mode: mode_of(u64::from(mode)),
                declared: declared_at(image, lock),
                owner: task_facts(image, task),
                since: Some(program.span(site)),
                ending: ending_of(image.arena, task).unwrap_or(Ending::Returned),
            };
            finding(Code::AbandonedLock, vec![name], facts, count)
        }
        Raw::Invariant { task, site, index, values, why } => {
            let (function, _) = &program.invariants[index as usize];
            let on = values.iter().map(|v| v.0.clone()).collect();
            let facts = Facts::Invariant {
                task: task_facts(image, task),
                span: program.span(site),
                invariant: program.functions[*function as usize].span,
                values,
                why: why.map(|(text, site)| Undecided { text, failed: site.map(|s| program.span(s)) }),
            };
            finding(Code::Invariant, on, facts, count)
        }
        Raw::Orphan { child, parent } => {
            let parent_ending = ending_of(image.arena, parent).unwrap_or(Ending::Returned);
            let facts =
                Facts::Orphan { child: task_facts(image, child), parent: task_facts(image, parent), parent_ending };
            finding(Code::Orphan, Vec::new(), facts, count)
        }
        Raw::Zombie { child, parent } => {
            let facts = Facts::Zombie { child: task_facts(image, child), parent: task_facts(image, parent) };
            finding(Code::Zombie, Vec::new(), facts, count)
        }
    })
}

fn lock_orders(image: &Image, stuck: &[Finding]) -> Vec<Finding> {
    let raw = record::orders(image.arena);
    let mode = |m: u8| mode_of(u64::from(m));
    let dependencies: Vec<Dependency> = raw
        .iter()
        .map(|o| Dependency {
            task: o.task,
            slot: o.slot,
            own: o.own,
            known: o.known.clone(),
            held: o.held.iter().map(|h| lock_order::Held { lock: h.0, mode: mode(h.1), site: h.2 }).collect(),
            lock: o.lock,
            mode: mode(o.mode),
            site: o.site,
        })
        .collect();
    let span = |site: u32| image.program.span(site);
    let mut findings = Vec::new();
    for cycle in lock_order::cycles(&dependencies) {
        let of =
            |e: &lock_order::CycleEdge| (dependencies[e.dependency].held[e.held].lock, dependencies[e.dependency].lock);
        let locks =
            names::Objects::new(cycle.edges.iter().flat_map(|e| <[u32; 2]>::from(of(e))), |id| image.object_name(id));
        let edges: Vec<OrderEdge> = cycle
            .edges
            .iter()
            .map(|e| {
                let d = &dependencies[e.dependency];
                OrderEdge {
                    task: task_facts(image, d.task),
                    holds: locks.of(of(e).0),
                    held_since: Some(span(d.held[e.held].site)),
                    wants: locks.of(of(e).1),
                    wants_at: span(d.site),
                }
            })
            .collect();
        let mut on: Vec<String> = cycle.edges.iter().map(|e| image.object_name(of(e).0)).collect();
        on.dedup();
        // The deadlock itself was seen.
        if stuck.iter().any(|f| f.code == Code::Deadlock && on.iter().all(|l| f.on.contains(l))) {
            continue;
        }
        let facts = Facts::LockOrder { edges };
        findings.push(Finding {
            code: Code::LockOrder,
            certainty: Certainty::Predicted,
            count: 1,
            on,
            facts,
            also_on: Vec::new(),
            schedule: None,
        });
    }
    findings
}

/// Results that nobody asked for; one note for each place and function.
fn uncollected(image: &Image) -> Vec<Finding> {
    let arena = image.arena;
    let mut groups: HashMap<(u64, u64), (u32, u64)> = HashMap::new();
    let mut order = Vec::new();
    for t in handles(arena) {
        let word = |w: usize| arena.object(t, object::WORD + w).load(Relaxed);
        let has_result = arena.object(t, object::RING_LEN).load(Relaxed) > 0;
        if t == image.main_task() || !has_result || word(task::JOINED) != 0 {
            continue;
        }
        let key = (arena.facts(t, facts::SITE).load(Relaxed), arena.facts(t, facts::FUNCTION).load(Relaxed));
        let entry = groups.entry(key).or_insert_with(|| {
            order.push(key);
            (t, 0)
        });
        entry.1 += super::collect::stands_for(arena, t);
    }
    order
        .into_iter()
        .map(|key| {
            let (t, count) = groups[&key];
            let facts =
                Facts::Unjoined { task: task_facts(image, t), value: result_text(image, t).unwrap_or_default() };
            finding(Code::Unjoined, vec![arena.task_name(t)], facts, count)
        })
        .collect()
}

fn result_text(image: &Image, t: u32) -> Option<String> {
    let arena = image.arena;
    if arena.object(t, object::RING_LEN).load(Relaxed) == 0 {
        return None;
    }
    let place = ring::value(arena.object(t, object::RING).load(Relaxed) as usize, 0);
    let value: Value = arena.value(arena.at(place).load(Relaxed));
    Some(Shown { value: &value, names: image, quoted: true }.to_string())
}

/// Jobs that were never begun, and values left in queues.
fn leftovers(image: &Image) -> Vec<Finding> {
    let arena = image.arena;
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen: HashSet<(String, &'static str)> = HashSet::new();
    for id in 0..arena.objects() as u32 {
        if arena.object_at(id) == 0 {
            continue;
        }
        let count = super::ends::values_in(arena, id);
        let word = KINDS[arena.kind(id) as usize].word;
        if count == 0 || !matches!(word, "queue" | "pool") {
            continue;
        }
        let name = image.object_name(id);
        let declared = declared_at(image, id);
        if !seen.insert((name.clone(), word)) {
            if let Some(f) = findings.iter_mut().find(|f| f.on == [name.clone()]) {
                f.count += super::collect::stands_for(arena, id);
            }
            continue;
        }
        let (code, facts) = if word == "queue" {
            (Code::LeftInQueue, Facts::LeftInQueue { queue: name.clone(), declared, count })
        } else {
            let submitted = first_job(image, id);
            let closed = arena.object(id, object::WORD + objects::pool::CLOSED).load(Relaxed) != 0;
            (Code::DroppedJobs, Facts::DroppedJobs { pool: name.clone(), declared, count, submitted, closed })
        };
        findings.push(finding(code, vec![name], facts, super::collect::stands_for(arena, id)));
    }
    findings
}

/// Where the oldest job that was not begun was submitted.
fn first_job(image: &Image, pool: u32) -> Option<Span> {
    let arena = image.arena;
    let word = |w: usize| arena.object(pool, w).load(Relaxed) as usize;
    let place = ring::value(word(object::RING), word(object::RING_FIRST) % word(object::RING_PLACES).max(1));
    let Value::List(job) = arena.value(arena.at(place).load(Relaxed)) else { return None };
    let Some(Value::Object(handle)) = job.first() else { return None };
    let site = arena.facts(handle.id, facts::SITE).load(Relaxed).checked_sub(1)?;
    Some(image.program.span(site as u32))
}

// ------------------------------------------------------------- ends, outcomes

/// The numbers of the tasks that `task_ends` tells of, in the same order.
pub fn task_ids(image: &Image) -> Vec<u32> {
    handles(image.arena).filter(|t| !is_job(image.arena, *t)).collect()
}

/// How each task of the script ended, jobs aside.
pub fn task_ends(image: &Image) -> Vec<TaskEnd> {
    let arena = image.arena;
    handles(arena)
        .filter(|t| !is_job(arena, *t))
        .map(|t| TaskEnd {
            facts: task_facts(image, t),
            ending: ending_of(arena, t),
            result: result_text(image, t),
            stuck: is_stuck(arena, t),
            worker: arena.facts(t, facts::FLAGS).load(Relaxed) & flag::WORKER != 0,
        })
        .collect()
}

fn is_stuck(arena: &Arena, task: u32) -> bool {
    let reported = |s: usize| arena.slot(s, slot::REPORTED).load(Relaxed) != 0;
    !has_ended(arena, task) && slot_of_ended(arena, task).is_some_and(reported)
}

/// Names with something about each.
pub type Pairs = Vec<(String, String)>;

pub fn shared_values(image: &Image) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for decl in image.program.memory.iter().filter(|d| d.memory != Memory::Var) {
        for cell in decl.first..decl.first + decl.count.unwrap_or(1).min(64) {
            let value = image.declared_cell(cell).peek(1);
            values
                .push((image.program.cell_name(cell), Shown { value: &value, names: image, quoted: true }.to_string()));
        }
    }
    values
}

/// What each task printed last, and how each ended; by name.
pub fn prints_and_endings(image: &Image) -> (Pairs, Pairs) {
    let arena = image.arena;
    let (mut prints, mut ended) = (Vec::new(), Vec::new());
    for t in handles(arena) {
        let name = told_name(image, t);
        let printed = arena.facts(t, facts::PRINTED).load(SeqCst) as usize;
        if printed != 0 {
            prints.push((name.clone(), arena.text(printed)));
        }
        if is_job(arena, t) || arena.facts(t, facts::FLAGS).load(Relaxed) & flag::WORKER != 0 {
            continue;
        }
        let how = match ending_of(arena, t) {
            None if is_stuck(arena, t) => "stuck".to_string(),
            None => "cut short".to_string(),
            Some(Ending::Returned) => "returned".to_string(),
            Some(Ending::Failed(kind)) => format!("failed: {kind}"),
            Some(Ending::Exited(code)) => format!("exited {code}"),
            Some(Ending::Signalled(n)) => format!("signal {n}"),
            Some(Ending::Terminated) => "terminated".to_string(),
        };
        ended.push((name, how));
    }
    // Of a run that did not come to its end: a worker is told of if it was at a job then.
    for s in (0..arena.slots_high()).filter(|s| is_live(arena, *s)) {
        let word = |w: usize| arena.slot(s, w).load(SeqCst);
        let at_job = word(slot::POOL) != 0 && word(slot::PC) as u32 != super::spawn::NOWHERE;
        if at_job && word(slot::REPORTED) == 0 {
            ended.push((told_name(image, word(slot::TASK) as u32), "cut short".to_string()));
        }
    }
    (prints, ended)
}
