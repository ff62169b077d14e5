//! From a group of stuck tasks to the facts of a finding: its code, who waits
//! for what and why that cannot come. It owns that reasoning; the tasks,
//! objects and names it asks of a [`Scene`], which a run reads from its arena
//! and the explorer from a state.

use super::deadlock::{self, Group, Might, RootCause, TaskView, WaitView};
use super::finding::*;
use super::looks::looked_at;
use super::may::{May, On, Root};
use crate::lang::ast::Span;
use crate::objects::{self, KINDS, Need, condition, event, pool, task};
use crate::program::Program;
use crate::program::code::{Instr, SpawnSite, SpawnTarget};
use crate::program::reads::Reads;
use crate::program::value::ErrorKind;

/// The mark of a task whose body has ended: as an owner it is gone, though
/// its process still waits for what it has spawned.
pub const BODY_ENDED: u32 = 1 << 31;

/// One moment of an execution, as far as a finding about stuck tasks needs it.
/// `i` is a place in the list of tasks that the verdict was made of.
pub trait Scene: Might {
    fn program(&self) -> &Program;
    fn task_facts(&self, task: u32) -> TaskFacts;
    /// The task that a word tells of (`World::teller`); it may have ended.
    fn told_by(&self, word: u64) -> Option<TaskFacts> {
        word.checked_sub(1).map(|task| self.task_facts(task as u32))
    }
    /// None: it has not ended.
    fn ending(&self, task: u32) -> Option<Ending>;
    /// What a task holds, or held when it ended: the lock, how, since where.
    fn held(&self, task: u32) -> Vec<(u32, Mode, u32)>;
    fn object_name(&self, object: u32) -> String;
    /// What tells it from all others of its name.
    fn told_name(&self, object: u32) -> String;
    /// The object as operations are told apart by what they are on.
    fn on(&self, object: u32, kind: u8) -> On;
    fn word(&self, object: u32, index: usize) -> u64;
    fn declared_at(&self, object: u32) -> Option<Span>;
    /// Where the task stands; none for a worker between two jobs.
    fn site(&self, i: usize) -> Option<u32>;
    /// The tasks that ended otherwise than by returning, and their functions.
    fn ended_badly(&self) -> Vec<(u32, u32)>;
}

/// The finding about one group.
pub fn finding(scene: &dyn Scene, views: &[TaskView], stuck: &[bool], group: &Group, certainty: Certainty) -> Finding {
    // In a circle each is told to wait for the next.
    let circle = if group.cause == RootCause::Circle { &group.circle[..] } else { &[] };
    let told = Told { scene, views, stuck, circle };
    let missed = group.circle.iter().any(|i| told.missed_notify(*i).is_some());
    let code = match group.cause {
        RootCause::SelfLock => Code::SelfDeadlock,
        RootCause::OwnerEnded if told.abandoned(group) => Code::AbandonedLock,
        RootCause::NobodyLeft if missed => Code::LostWakeup,
        _ => Code::Deadlock,
    };
    let circle: Vec<Waiting> = group.circle.iter().map(|i| told.waiting(*i)).collect();
    let behind: Vec<Waiting> = group.behind.iter().map(|i| told.waiting(*i)).collect();
    let name = |wait: &WaitView| match wait.need {
        Need::Change { site } => told.awaited(site),
        // A job is its pool's affair; a task has no name in the script.
        _ if KINDS[wait.kind as usize].word == "task" => {
            let pool = scene.word(wait.object, task::POOL).checked_sub(1);
            pool.map(|pool| scene.object_name(pool as u32)).into_iter().collect()
        }
        _ => vec![scene.object_name(wait.object)],
    };
    let waited_for = |members: &[usize], but: &[String]| {
        let mut names: Vec<String> = Vec::new();
        for name in members.iter().flat_map(|i| told.told_waits(*i)).flat_map(name) {
            if !but.contains(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    };
    // Who has come to wait behind them by now is another matter than what they are stuck at.
    let on = waited_for(&group.circle, &[]);
    let also_on = waited_for(&group.behind, &on);
    let others_go_on = deadlock::others_go_on(views, stuck);
    let facts = Facts::Stuck { circle, behind, others_go_on };
    Finding { code, certainty, count: 1, on, also_on, facts, schedule: None }
}

/// Locks with their names and places.
pub fn held_facts(program: &Program, name: &dyn Fn(u32) -> String, held: &[(u32, Mode, u32)]) -> Vec<Held> {
    held.iter()
        .map(|(lock, mode, site)| Held { lock: name(*lock), mode: *mode, since: Some(program.span(*site)) })
        .collect()
}

/// What an error is about: the object that its message names, or else the
/// receiver at its place. The words of an assertion and of a `raise` are the
/// script's own.
pub fn failed_on(program: &Program, site: u32, kind: ErrorKind, message: &str) -> Vec<String> {
    use crate::program::code::{Instr, Receiver};
    let own_words = matches!(kind, ErrorKind::Assertion | ErrorKind::Raised);
    if let Some(name) = objects::failed_on(message).filter(|_| !own_words) {
        return vec![name.to_string()];
    }
    let receiver = match program.code.get(site as usize) {
        Some(Instr::CallMethod(call)) => program.calls[*call as usize].receiver,
        Some(Instr::WithAcquire(w) | Instr::WithRelease(w)) => program.withs[*w as usize].receiver,
        _ => return Vec::new(),
    };
    match receiver {
        Receiver::Object(id) => vec![program.objects[id as usize].name.clone()],
        Receiver::Row(row) => vec![program.object_rows[row as usize].name.clone()],
        _ => Vec::new(),
    }
}

struct Told<'a> {
    scene: &'a dyn Scene,
    views: &'a [TaskView],
    stuck: &'a [bool],
    circle: &'a [usize],
}

impl Told<'_> {
    fn abandoned(&self, group: &Group) -> bool {
        group.circle.iter().any(|i| {
            self.views[*i].waits.iter().flatten().any(|w| matches!(KINDS[w.kind as usize].word, "lock" | "rwlock"))
        })
    }

    /// A notify or set on what the task waits for that came before its wait.
    fn missed_notify(&self, i: usize) -> Option<Reason> {
        let wait = self.views[i].waits.as_ref()?.first()?;
        let word = |w: usize| self.scene.word(wait.object, w);
        let (by, at, action) = match KINDS[wait.kind as usize].word {
            "condition" => (word(condition::MISSED_BY), word(condition::MISSED_AT), "notify"),
            "event" => (word(event::SET_BY), word(event::SET_AT), "set"),
            _ => return None,
        };
        let task = self.scene.told_by(by)?;
        let span = Some(self.scene.program().span(at as u32));
        Some(Reason::CameTooEarly { task, action: action.to_string(), span })
    }

    /// Of several ends that it needs each, one that cannot come.
    fn told_waits(&self, i: usize) -> Vec<&WaitView> {
        let Some(waits) = &self.views[i].waits else { return Vec::new() };
        if !waits.all {
            return waits.iter().collect();
        }
        let place = self.circle.iter().position(|c| *c == i);
        let next = place.map(|k| self.circle[(k + 1) % self.circle.len()]);
        let lacking = deadlock::lacking(self.views, self.stuck, self.scene, i, next);
        lacking.first().copied().or(waits.first()).into_iter().collect()
    }

    fn waiting(&self, i: usize) -> Waiting {
        let program = self.scene.program();
        let waits = self.told_waits(i).into_iter().map(|w| self.wait(i, w)).collect();
        let pool = self.views[i].waits.iter().flatten().next().map(|w| w.object);
        let span = match (self.scene.site(i), pool) {
            (Some(site), _) => program.span(site),
            (None, Some(pool)) => self.scene.declared_at(pool).unwrap_or_default(),
            (None, None) => Span::default(),
        };
        let held = self.scene.held(self.views[i].id);
        Waiting {
            task: self.scene.task_facts(self.views[i].id),
            span,
            waits,
            holds: held_facts(program, &|lock| self.scene.told_name(lock), &held),
        }
    }

    fn wait(&self, i: usize, w: &WaitView) -> Wait {
        if let Need::Change { site } = w.need {
            let mut may = May::as_if_otherwise(self.scene.program());
            let reads = may.reads(self.scene.program(), site);
            let of_process = reads.is_of_vars(self.scene.program());
            let mut reasons = self.dead_writers(site, &reads, &mut may, of_process.then_some(i));
            if reasons.is_empty() && of_process && self.another_process_writes(site, &mut may) {
                reasons.push(Reason::OwnCopy { names: self.looked_at(site) });
            }
            if reasons.is_empty() {
                // What it looks at may be an object's state alone.
                let memory = reads.looks_at_memory() || !reads.looks_at_objects();
                let action = if memory { "write" } else { "change it" };
                reasons.push(Reason::NobodyLeft { actions: vec![action.to_string()] });
            }
            return Wait {
                operation: "await".to_string(),
                object: match self.looked_at(site) {
                    // Only handles of tasks, or what a function value looks at.
                    names if names.is_empty() => "memory".to_string(),
                    names => names.join(", "),
                },
                object_kind: "memory".to_string(),
                declared: self.scene.site(i).map(|site| self.scene.program().span(site)),
                reasons,
            };
        }
        let spec = &KINDS[w.kind as usize];
        let operation = match spec.methods[w.method as usize].name {
            "-join" => "join",
            "-wait" | "-wait late" => "acquire",
            "-take" => "wait",
            name => name,
        };
        let mut reasons = Vec::new();
        self.reasons(w, &w.need, &mut reasons);
        if let (Some(reason), true) =
            (self.missed_notify(i), reasons.iter().any(|r| matches!(r, Reason::NobodyLeft { .. })))
        {
            reasons.push(reason);
        }
        Wait {
            operation: operation.to_string(),
            object: match spec.word {
                "task" => self.scene.task_facts(w.object).name,
                _ => self.scene.told_name(w.object),
            },
            object_kind: spec.word.to_string(),
            declared: self.scene.declared_at(w.object),
            reasons,
        }
    }

    /// Whether code that runs in a process of its own would change what an `await` looks at.
    fn another_process_writes(&self, site: u32, may: &mut May) -> bool {
        let program = self.scene.program();
        let function_at = |pc: u32| program.functions.iter().position(|f| (f.entry..f.end).contains(&pc));
        let begins = |pc: u32, instr: &Instr| match instr {
            Instr::Spawn(spawn) => match &program.spawns[*spawn as usize] {
                SpawnSite { process: true, target: SpawnTarget::Function(f), .. } => {
                    Some((*f, program.functions[*f as usize].entry))
                }
                _ => None,
            },
            // The child goes on behind it.
            Instr::Fork => Some((function_at(pc)? as u32, pc + 1)),
            _ => None,
        };
        let mut all = program.code.iter().enumerate().filter_map(|(pc, instr)| begins(pc as u32, instr));
        all.any(|(f, pc)| may.deeds(program, Root::Function(f), pc).may_change(program, site))
    }

    /// Those that ended before they could write what an `await` looks at, where that is
    /// known; `own`: in the process of this task, which has its own of it.
    fn dead_writers(&self, site: u32, reads: &Reads, may: &mut May, own: Option<usize>) -> Vec<Reason> {
        let program = self.scene.program();
        if reads.anything || !reads.looks_at_memory() {
            return Vec::new();
        }
        let mut would = |function: u32| {
            let entry = program.functions[function as usize].entry;
            may.deeds(program, Root::Function(function), entry).may_change(program, site)
        };
        let home = |task: u32| self.scene.task_facts(task).home;
        let sees = |task: u32| own.is_none_or(|i| home(task) == home(self.views[i].id));
        let ended = self.scene.ended_badly().into_iter();
        let ended: Vec<_> = ended.filter(|(task, function)| sees(*task) && would(*function)).collect();
        let reason = |(task, _)| {
            let action = "write".to_string();
            Some(Reason::EndedSupplier { task: self.scene.task_facts(task), ending: self.scene.ending(task)?, action })
        };
        ended.into_iter().filter_map(reason).collect()
    }

    /// What it looks at, as it is told.
    fn looked_at(&self, site: u32) -> Vec<String> {
        looked_at(self.scene.program(), site, |object| self.scene.told_name(object))
    }

    fn awaited(&self, site: u32) -> Vec<String> {
        looked_at(self.scene.program(), site, |object| self.scene.object_name(object))
    }

    fn reasons(&self, w: &WaitView, need: &Need, out: &mut Vec<Reason>) {
        match need {
            Need::Ready | Need::Change { .. } => {}
            Need::All(needs) if needs.iter().any(|n| matches!(n, Need::Deed { .. })) => {
                // Who has left the lock behind that is needed as well is not why.
                let from = out.len();
                needs.iter().for_each(|n| self.reasons(w, n, out));
                let others = out.split_off(from).into_iter().filter(|r| !matches!(r, Reason::OwnerEnded { .. }));
                out.extend(others);
            }
            Need::All(needs) | Need::Any(needs) => needs.iter().for_each(|n| self.reasons(w, n, out)),
            Need::End(task) => out.push(Reason::WaitsForEnd { task: self.scene.task_facts(*task) }),
            Need::Tasks(tasks) => tasks.iter().for_each(|t| out.push(self.holder(w, *t))),
            Need::Deed { object, methods } => self.deed(*object, methods, out),
            Need::Arrivals { missing, object, method } => {
                // A run may tell of it while some are still on their way there.
                let kind = self.scene.kind_of(*object);
                let comes = |i: &usize| !self.stuck[*i] && self.scene.may(*i, *object, kind, &[*method]);
                let coming = (0..self.views.len()).filter(comes).count() as u64;
                out.push(Reason::Missing { count: missing.saturating_sub(coming).max(1) });
                self.deed(*object, &[*method], out);
            }
        }
    }

    fn holder(&self, w: &WaitView, task: u32) -> Reason {
        let code_ended = task & BODY_ENDED != 0;
        let id = task & !BODY_ENDED;
        let task = self.scene.task_facts(id);
        let held = self.scene.held(id);
        let hold = held.iter().find(|h| h.0 == w.object);
        let since = hold.map(|h| self.scene.program().span(h.2));
        match self.scene.ending(id) {
            Some(ending) => Reason::OwnerEnded { task, ending: Some(ending), since },
            None if code_ended => Reason::OwnerEnded { task, ending: None, since },
            None if KINDS[w.kind as usize].word == "rwlock" && hold.is_none() => Reason::BehindWriter { task },
            None if KINDS[w.kind as usize].word == "task" => Reason::WaitsForEnd { task },
            None => Reason::HeldBy { task, mode: hold.map_or(Mode::Exclusive, |h| h.1), since },
        }
    }

    fn deed(&self, object: u32, methods: &[u8], out: &mut Vec<Reason>) {
        let program = self.scene.program();
        let kind = self.scene.kind_of(object);
        let spec = &KINDS[kind as usize];
        let dropped = (kind == objects::place::pool && methods.contains(&pool::TAKE))
            .then(|| self.scene.word(object, pool::TERMINATED).checked_sub(1))
            .flatten();
        if let Some(at) = dropped {
            let (pool, span) = (self.scene.object_name(object), program.span(at as u32));
            return out.push(Reason::Dropped { pool, span });
        }
        let name = |m: &u8| match spec.methods[*m as usize].name {
            "-submit" => "submit".to_string(),
            "-take" => format!("take a job of {}", self.scene.object_name(object)),
            other => other.to_string(),
        };
        let mut any = false;
        for (j, is_stuck) in self.stuck.iter().enumerate() {
            let does = methods.iter().find(|m| self.scene.may(j, object, kind, &[**m]));
            if let (true, Some(m)) = (*is_stuck, does) {
                any = true;
                let task = self.scene.task_facts(self.views[j].id);
                out.push(Reason::StuckSupplier { task, action: name(m) });
            }
        }
        for (task, function) in self.scene.ended_badly() {
            let entry = program.functions[function as usize].entry;
            let deeds = May::as_if_otherwise(program).deeds(program, Root::Function(function), entry);
            let does = methods.iter().find(|m| deeds.may(self.scene.on(object, kind), &[**m]));
            if let (Some(m), Some(ending)) = (does, self.scene.ending(task)) {
                any = true;
                out.push(Reason::EndedSupplier { task: self.scene.task_facts(task), ending, action: name(m) });
            }
        }
        if !any {
            let mut actions: Vec<String> = methods.iter().map(name).collect();
            actions.retain(|a| !a.ends_with("_nowait"));
            out.push(Reason::NobodyLeft { actions });
        }
    }
}
