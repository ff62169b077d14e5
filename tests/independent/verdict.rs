//! What the graph of all states says: who is stuck for ever and why, which circles
//! tasks can go round for ever, how it can end. It owns the meaning of the findings
//! (section 10 of the language), as far as they are about more than one state.
//!
//! Stuck is who can go on in no state that can still come. That is looked up in the
//! graph, from the states in which the task can go on backwards, and not worked out
//! from what the others would do.

use crate::code::{Ins, Over};
use crate::explore::{Edge, Graph, Outcome, explore, machine, outcome};
use crate::model::{self, Home, How, Kind, Method, Op, Program, Spawned, Val};
use crate::state::{JobStatus, Object, State, Status, Value, Wait};
use crate::step::{Actor, Machine, holds};
use std::collections::{BTreeSet, HashSet};

/// What a check must tell.
#[derive(Debug, Default)]
pub struct Told {
    pub found: BTreeSet<&'static str>,
    pub outcomes: BTreeSet<Outcome>,
    /// Some daemons go on for ever beside tasks that are stuck, so that there are
    /// outcomes that are no ends.
    pub standing: bool,
    /// Somebody is stuck where others can still go on for ever.
    pub beside: bool,
    /// Of each `expect`: whether it holds; none if there is no complete execution.
    pub expects: Vec<bool>,
    pub complete: bool,
    /// Found or not, a report may say either.
    pub unsure: BTreeSet<&'static str>,
}

pub fn judge(program: &Program, most: usize) -> Option<Told> {
    let (mut machine, first) = machine(program, false);
    let graph = explore(&mut machine, first, most)?;
    let mut told = Told::default();
    let judge = Judge::new(&graph, &machine);
    judge.stuck_ones(&mut told);
    judge.circles(&mut told);
    let ends: Vec<&State> =
        (0..graph.states.len()).filter(|u| graph.edges[*u].is_empty()).map(|u| &graph.states[u]).collect();
    told.outcomes = ends.iter().map(|s| outcome(program, s)).collect();
    let complete: Vec<&State> = ends.into_iter().filter(|s| s.over()).collect();
    told.complete = !complete.is_empty();
    for state in &complete {
        if let Some(cond) = &program.finally
            && !machine.in_the_end(state, cond)
        {
            told.found.insert("assertion");
        }
    }
    for (some, cond) in &program.expects {
        let holds = complete.iter().map(|s| machine.in_the_end(s, cond)).collect::<Vec<_>>();
        told.expects.push(if *some { holds.contains(&true) } else { !holds.contains(&false) });
    }
    told.found.extend(machine.found);
    Some(told)
}

struct Judge<'a, 'b> {
    graph: &'a Graph,
    machine: &'a Machine<'b>,
    /// By state: the tasks that can go on there.
    go: Vec<u32>,
    /// By state: those that can never go on again.
    stuck: Vec<u32>,
    /// By declared task and place in its code: the operations that may come from
    /// there on, of this and of the tasks it may spawn.
    ahead: Vec<Vec<HashSet<(usize, u8)>>>,
    /// The same for one who looks less closely: who does not count the rounds of a `repeat`.
    round: Vec<Vec<HashSet<(usize, u8)>>>,
    /// By state: whether each one that can come can come again and again, or none can.
    last: Vec<bool>,
    /// As `stuck`, if the process of `main` had no end.
    left: Vec<u32>,
}

/// What an operation can do for who waits.
const SETS: u8 = 1;
const NOTIFIES: u8 = 2;
const COUNTS: u8 = 3;
const PUTS: u8 = 4;
const GETS: u8 = 5;
const RELEASES: u8 = 6;
const ARRIVES: u8 = 7;
const WRITES: u8 = 8;
const CLOSES: u8 = 9;
const BREAKS: u8 = 10;
const TAKES: u8 = 11;
const SPAWNS: u8 = 12;
const POOL_CLOSES: u8 = 20;
const ENDS: u8 = 21;
/// Writes zero, and behind it one, and so on.
const WRITES_0: u8 = 13;

fn mask(tasks: impl Iterator<Item = usize>) -> u32 {
    tasks.fold(0, |m, t| m | 1 << t)
}

fn of(actor: Actor) -> usize {
    let (Actor::Task(t) | Actor::Outside(t)) = actor;
    t
}

impl<'a, 'b> Judge<'a, 'b> {
    fn new(graph: &'a Graph, machine: &'a Machine<'b>) -> Judge<'a, 'b> {
        let go: Vec<u32> = graph.edges.iter().map(|out| mask(out.iter().map(|e| of(e.actor)))).collect();
        let mut last = vec![false; graph.states.len()];
        for part in parts(graph, &vec![true; graph.states.len()], &|_, _| true) {
            let within: HashSet<usize> = part.iter().copied().collect();
            if part.iter().all(|u| graph.edges[*u].iter().all(|e| within.contains(&e.to))) {
                part.into_iter().for_each(|u| last[u] = true);
            }
        }
        let most = graph.states.iter().map(|s| s.tasks.len()).max().expect("there is a state");
        let (mut stuck, mut left) = (vec![0; graph.states.len()], vec![0; graph.states.len()]);
        for t in 0..most {
            let well = |u: usize| {
                let tasks = &graph.states[u].tasks;
                go[u] & 1 << t != 0 || t >= tasks.len() || !tasks[t].lives()
            };
            let fine: Vec<bool> = (0..graph.states.len()).map(well).collect();
            let never = |edges: &dyn Fn(&Edge) -> bool, out: &mut Vec<u32>| {
                let fine = backwards(graph, fine.clone(), edges);
                (0..fine.len()).filter(|u| !fine[*u]).for_each(|u| out[u] |= 1 << t);
            };
            never(&|_| true, &mut stuck);
            if machine.program.pool.is_some() || machine.program.tasks.iter().any(|t| t.spawned == Spawned::Daemon) {
                never(&|e| e.actor != Actor::Outside(0), &mut left);
            }
        }
        let (round, ahead) = (ahead(machine, true), ahead(machine, false));
        Judge { graph, machine, go, stuck, ahead, round, last, left }
    }

    fn ins(&self, s: &State, t: usize) -> &Ins {
        let task = &s.tasks[t];
        &self.machine.codes.codes[task.declared].code[task.pc]
    }

    // ---- stuck ----

    /// Who waits in vain, and whose fault it is.
    fn stuck_ones(&self, told: &mut Told) {
        for (u, s) in self.graph.states.iter().enumerate() {
            let is_stuck = |t: usize| self.stuck[u] & 1 << t != 0;
            for t in 0..s.tasks.len() {
                if is_stuck(t) && self.waits_for_itself(s, t) {
                    // Where others read too, it may be told of as who waits for them.
                    let others = self.other_holders(s, t) != 0;
                    if others { &mut told.unsure } else { &mut told.found }.insert("self-deadlock");
                }
            }
            // Daemons that are left to their process's end: told of is one that waits for
            // a lock that nobody will let go.
            let last = |e: &Edge| e.actor == Actor::Outside(0);
            if self.last[u] || self.graph.edges[u].iter().any(last) {
                let left = |t: &usize| {
                    let is_told = match s.tasks[*t].kind {
                        Spawned::Daemon => self.waits_for_a_lock(s, *t),
                        Spawned::Worker => s.tasks[*t].job.is_some(),
                        _ => false,
                    };
                    is_told && self.left[u] & 1 << *t != 0
                };
                let mut more = Told::default();
                self.roots(s, mask((0..s.tasks.len()).filter(left)), self.left[u], &mut more);
                // Who is looked at less closely may still end them.
                let ends = (0..s.tasks.len()).any(|t| {
                    let task = &s.tasks[t];
                    task.status == Status::Runs && self.round[task.declared][task.pc].contains(&(0, ENDS))
                });
                // What a field of a record comes to may change with anything.
                let of_a_field = |t: usize| match self.ins(s, t) {
                    Ins::Await(cond) | Ins::Begin(Some(cond)) => {
                        let mut field = false;
                        cond.tests(&mut |p, _, _| field |= self.machine.program.places[p].home != Home::Declared);
                        field
                    }
                    _ => false,
                };
                let loose = ends || (0..s.tasks.len()).any(|t| left(&t) && of_a_field(t));
                told.unsure.extend(more.unsure);
                if loose { told.unsure.extend(more.found) } else { told.found.extend(more.found) }
            }
            let bound = |t: &usize| s.tasks[*t].kind != Spawned::Daemon && s.tasks[*t].status != Status::Idle;
            // Who waits for the end of another has that one's trouble and none of its own.
            // A daemon has none by itself.
            let joins = |t: usize| match (s.tasks[t].status, self.ins(s, t)) {
                (Status::Leaves(_), _) | (_, Ins::JoinAll) => true,
                // Nobody closes the pool: that is its own.
                (_, Ins::JoinPool(_)) => s.closed || self.could_help(s, t, false) != 0,
                (_, Ins::WaitChild(..)) => true,
                (_, Ins::Join(d)) if self.machine.program.tasks[*d].spawned == Spawned::Job => s
                    .jobs
                    .iter()
                    .any(|j| j.declared == *d && matches!(j.status, JobStatus::Runs(_) | JobStatus::Queued)),
                (_, Ins::Join(d)) => self.machine.program.tasks[*d].spawned != Spawned::Daemon,
                _ => false,
            };
            if !(0..s.tasks.len()).any(|t| is_stuck(t) && bound(&t)) {
                continue;
            }
            if self.graph.edges[u].is_empty() {
                let wanted = |t: &usize| bound(t) || self.waits_for_a_lock(s, *t);
                self.roots(s, mask((0..s.tasks.len()).filter(wanted)), u32::MAX, told);
            } else if self.last[u] {
                if (0..s.tasks.len()).any(|t| is_stuck(t) && s.tasks[t].lives() && self.waits_for_the_dead(s, t)) {
                    told.found.insert("abandoned-lock");
                }
                told.beside |= (0..s.tasks.len()).any(|t| is_stuck(t) && bound(&t) && !joins(t));
                told.standing |= (0..s.tasks.len()).all(|t| is_stuck(t) || !s.tasks[t].lives() || !bound(&t));
            }
        }
    }

    fn waits_for_itself(&self, s: &State, t: usize) -> bool {
        if s.tasks[t].status != Status::Runs {
            return false;
        }
        match self.ins(s, t) {
            Ins::Op(_, object, op, How::Wait) => self.holds_itself(s, t, *object, *op),
            // One arm that another could end is enough to wait for others.
            Ins::Select(arms, Over::Nothing) => arms.iter().all(|a| self.holds_itself(s, t, a.1, a.2)),
            _ => false,
        }
    }

    /// Of what a task that waits for itself holds: who else does, reading as it does.
    fn other_holders(&self, s: &State, t: usize) -> u32 {
        match self.ins(s, t) {
            Ins::Op(_, object, ..) => {
                mask(holders(&s.objects[*object]).into_iter().filter(|h| *h != t && s.tasks[*h].lives()))
            }
            _ => 0,
        }
    }

    /// It waits for a lock.
    fn waits_for_a_lock(&self, s: &State, t: usize) -> bool {
        let locks = |o: usize| matches!(s.objects[o], Object::Lock { .. } | Object::RwLock { .. });
        match self.ins(s, t) {
            _ if s.tasks[t].status != Status::Runs => false,
            Ins::Op(_, _, Op::Wait, _) => matches!(s.tasks[t].wait, Wait::Notified(_)),
            Ins::Op(_, object, _, How::Wait) => locks(*object),
            Ins::Select(arms, Over::Nothing) => arms.iter().all(|a| locks(a.1)),
            _ => false,
        }
    }

    /// What a task waits for, if that is one thing.
    fn object_of(&self, s: &State, t: usize) -> Option<usize> {
        match self.ins(s, t) {
            Ins::Op(_, object, ..) => Some(*object),
            Ins::Select(arms, _) if arms.len() == 1 => Some(arms[0].1),
            _ => None,
        }
    }

    fn holds_itself(&self, s: &State, t: usize, object: usize, op: Op) -> bool {
        match &s.objects[object] {
            Object::Lock { owner, .. } => {
                op == Op::Acquire
                    && *owner == Some(t)
                    && self.machine.program.objects[object].kind == Kind::Lock { reentrant: false }
            }
            Object::RwLock { writer, readers, .. } => match op {
                Op::AcquireRead => *writer == Some(t),
                Op::AcquireWrite => *writer == Some(t) || readers.contains(&t),
                _ => false,
            },
            _ => false,
        }
    }

    /// Of those that are stuck and that somebody `wanted` waits for: whoever waits for
    /// nobody who waits for somebody else in turn.
    fn roots(&self, s: &State, wanted: u32, stuck: u32, told: &mut Told) {
        let live: Vec<usize> = (0..s.tasks.len()).filter(|t| s.tasks[*t].lives()).collect();
        let needs: Vec<(u32, u32)> = (0..s.tasks.len()).map(|t| self.needs(s, t)).collect();
        for &t in &live {
            if self.could_help(s, t, true) != self.could_help(s, t, false) {
                // Whether it is behind those is a matter of how closely one looks.
                told.unsure.extend(["deadlock", "lost-wakeup"]);
            }
        }
        let mut freed = 0;
        loop {
            let rest: Vec<usize> = live.iter().copied().filter(|t| freed & 1 << *t == 0).collect();
            if rest.is_empty() {
                return;
            }
            let mut after: Vec<u32> = needs.iter().map(|n| n.0 & mask(rest.iter().copied())).collect();
            for _ in &rest {
                for &t in &rest {
                    after[t] |= rest.iter().filter(|v| after[t] & 1 << **v != 0).fold(0, |m, v| m | after[*v]);
                }
            }
            let below = |t: usize| rest.iter().copied().filter(|v| after[t] & 1 << *v != 0).collect::<Vec<_>>();
            let is_root = |t: &&usize| below(**t).iter().all(|v| *v == **t || after[*v] & 1 << **t != 0);
            let roots: Vec<usize> = rest.iter().filter(is_root).copied().collect();
            for &t in roots.iter().filter(|t| stuck & 1 << **t != 0) {
                let below = below(t);
                // A daemon may wait for ever, unless somebody waits for it.
                let locked = self.waits_for_a_lock(s, t) && below.iter().all(|v| self.waits_for_a_lock(s, *v));
                let waits = |v: &usize| {
                    wanted & 1 << *v != 0
                        && (*v == t || after[*v] & 1 << t != 0)
                        && (s.tasks[*v].kind != Spawned::Daemon && s.tasks[*v].status != Status::Idle || locked)
                };
                if rest.iter().any(waits) {
                    self.name(s, t, &below, told);
                }
            }
            // Behind them are those who could go on if these did; the others may have more roots.
            freed |= mask(roots.into_iter());
            for _ in &rest {
                for &t in &rest {
                    let (of, least) = needs[t];
                    if of != 0 && (of & freed).count_ones() >= least {
                        freed |= 1 << t;
                    }
                }
            }
        }
    }

    /// What is told of a task that is stuck for its own sake, with those that it waits
    /// for and that wait for it.
    fn name(&self, s: &State, t: usize, circle: &[usize], told: &mut Told) {
        // One lock has no order.
        let objects: BTreeSet<usize> = circle.iter().filter_map(|v| self.object_of(s, *v)).collect();
        let one = objects.len() == 1 && circle.iter().all(|v| self.object_of(s, *v).is_some());
        if !one && !circle.is_empty() && circle.iter().all(|v| self.waits_for_a_lock(s, *v)) {
            told.found.insert("lock-order");
        }
        // A condition's wait takes its lock again in no order of its own, and an arm is one of several.
        let open = |v: &usize| {
            matches!(s.tasks[*v].wait, Wait::Notified(_))
                || matches!(self.ins(s, *v), Ins::Select(arms, _) if arms.len() > 1)
        };
        if circle.iter().any(open) {
            told.unsure.insert("lock-order");
        }
        let too_late = |v: &usize| {
            let wait = s.tasks[*v].wait;
            matches!(
                wait,
                Wait::Condition { told: true } | Wait::Event { told: true, .. } | Wait::Select { told: true }
            )
        };
        if let (Wait::Condition { .. }, Ins::Op(_, object, ..)) = (s.tasks[t].wait, self.ins(s, t))
            && let Kind::Condition(lock) = self.machine.program.objects[*object].kind
            && holders(&s.objects[lock]).into_iter().any(|h| s.tasks[h].status != Status::Runs)
        {
            // It waits for a notify, and behind that for a lock that was left.
            told.unsure.extend(["deadlock", "lost-wakeup"]);
        }
        if circle.iter().any(too_late) && !circle.iter().all(too_late) {
            told.unsure.extend(["deadlock", "lost-wakeup"]);
        }
        let members = circle.iter().chain([&t]);
        told.found.insert(if members.into_iter().any(|v| self.waits_for_itself(s, *v)) {
            // It would be stuck without the others.
            "self-deadlock"
        } else if !circle.is_empty() {
            if circle.iter().all(too_late) { "lost-wakeup" } else { "deadlock" }
        } else if self.waits_for_the_dead(s, t) {
            "abandoned-lock"
        } else if too_late(&t) {
            "lost-wakeup"
        } else {
            "deadlock"
        });
    }

    /// Those who could help a task, if only they went on, and how many of them it takes.
    fn needs(&self, s: &State, t: usize) -> (u32, u32) {
        if !s.tasks[t].lives() {
            return (0, 0);
        }
        let helps = if self.waits_for_itself(s, t) { self.other_holders(s, t) } else { self.could_help(s, t, true) };
        let helps = helps & !(1 << t) & mask((0..s.tasks.len()).filter(|u| s.tasks[*u].lives()));
        let all = match self.ins(s, t) {
            _ if s.tasks[t].status != Status::Runs => true,
            Ins::Join(_) | Ins::JoinAll => true,
            Ins::JoinPool(_) => s.closed,
            Ins::Op(_, o, ..) => matches!(s.objects[*o], Object::RwLock { .. }),
            _ => false,
        };
        (helps, if all { helps.count_ones() } else { 1 })
    }

    /// What it waits for is held by one that has ended.
    fn waits_for_the_dead(&self, s: &State, t: usize) -> bool {
        let held = match *self.ins(s, t) {
            Ins::Op(_, object, Op::Wait, _) => match self.machine.program.objects[object].kind {
                Kind::Condition(lock) if matches!(s.tasks[t].wait, Wait::Notified(_)) => vec![lock],
                _ => Vec::new(),
            },
            Ins::Op(_, object, ..) => vec![object],
            Ins::Select(ref arms, _) => arms.iter().map(|a| a.1).collect(),
            _ => Vec::new(),
        };
        // What a job has left its worker holds, which lives on.
        let dead = |h: usize| !matches!(s.tasks[h].status, Status::Runs | Status::Idle);
        held.into_iter().any(|o| holders(&s.objects[o]).into_iter().any(dead))
    }

    /// Who could do what a task waits for, if only they went on; `narrow` looks at the
    /// number that is written too, and at the lock that a `notify` needs.
    fn could_help(&self, s: &State, t: usize, narrow: bool) -> u32 {
        let task = &s.tasks[t];
        if let Status::Leaves(_) = task.status {
            return mask(s.waited_for(task.process).into_iter().filter(|u| !s.ended(*u)));
        }
        if task.status == Status::Idle {
            return 0;
        }
        let ahead = if narrow { &self.ahead } else { &self.round };
        let queued: Vec<usize> = s.jobs.iter().filter(|j| j.status == JobStatus::Queued).map(|j| j.declared).collect();
        let doing = |object: usize, deeds: &[u8]| {
            mask((0..s.tasks.len()).filter(|u| {
                let task = &s.tasks[*u];
                let does = |d: usize, pc: usize| deeds.iter().any(|deed| ahead[d][pc].contains(&(object, *deed)));
                // A worker does what the next jobs do, too; in a job, any that there are if one looks
                // less closely.
                let any = (0..self.ahead.len()).filter(|d| self.machine.program.tasks[*d].spawned == Spawned::Job);
                let next = task.kind == Spawned::Worker
                    && (task.lives() && queued.iter().any(|d| does(*d, 0))
                        || !narrow && task.job.is_some() && any.into_iter().any(|d| does(d, 0)));
                next || task.status == Status::Runs && does(task.declared, task.pc)
            }))
        };
        let workers = || mask((0..s.tasks.len()).filter(|u| s.tasks[*u].kind == Spawned::Worker && !s.ended(*u)));
        match self.ins(s, t) {
            Ins::Join(d) if self.machine.program.tasks[*d].spawned == Spawned::Job => {
                match s.jobs.iter().find(|j| j.declared == *d).map(|j| j.status) {
                    Some(JobStatus::Runs(worker)) => 1 << worker,
                    Some(JobStatus::Queued) => workers(),
                    _ => 0,
                }
            }
            Ins::WaitChild(_, pid) => {
                let its = |c: &usize| pid.is_none_or(|p| task.regs[p] == Value::Int(*c as i32));
                mask(s.forked(task.process).into_iter().filter(its).filter(|c| !s.ended(*c)))
            }
            Ins::JoinPool(_) if s.closed => workers(),
            Ins::JoinPool(_) => doing(0, &[POOL_CLOSES]),
            Ins::Join(d) => mask((0..s.tasks.len()).filter(|u| s.spawned_as(*u, *d) && !s.ended(*u))),
            Ins::JoinAll => mask((0..s.tasks.len()).filter(|u| {
                *u != 0
                    && s.tasks[*u].spawner == t
                    && !matches!(s.tasks[*u].kind, Spawned::Daemon | Spawned::Worker | Spawned::Fork)
                    && !s.ended(*u)
            })),
            Ins::Op(_, object, op, _) => self.could_help_with(s, t, (*object, *op), &doing, narrow),
            Ins::Next(_, object, _) => doing(*object, &[PUTS, CLOSES]),
            Ins::Select(arms, _) => {
                arms.iter().fold(0, |m, a| m | self.could_help_with(s, t, (a.1, a.2), &doing, narrow))
            }
            Ins::Await(cond) | Ins::Begin(Some(cond)) => {
                let mut out = 0;
                cond.tests(&mut |p, test, n| {
                    if !narrow && self.machine.program.places[p].home != Home::Declared {
                        // As above: with anything.
                        out = u32::MAX;
                    }
                    // A number that makes nothing true that is asked there is no help.
                    let helps = (0..=2).filter(|v| !narrow || holds(Value::Int(*v), test, n));
                    out |= doing(p, &helps.map(|v| WRITES_0 + v as u8).chain([WRITES]).collect::<Vec<_>>());
                });
                out
            }
            _ => 0,
        }
    }

    fn could_help_with(
        &self,
        s: &State,
        t: usize,
        (o, op): (usize, Op),
        doing: &dyn Fn(usize, &[u8]) -> u32,
        narrow: bool,
    ) -> u32 {
        // Whose body has ended lets go of nothing any more.
        // A worker between two jobs may still get one, or leave.
        let goes = |h: &usize| match s.tasks[*h].status {
            Status::Runs => true,
            Status::Idle => s.closed || s.jobs.iter().any(|j| j.status == JobStatus::Queued),
            _ => false,
        };
        let runs = |holders: Vec<usize>| mask(holders.into_iter().filter(goes));
        match (op, &s.objects[o]) {
            (_, Object::Lock { .. }) => runs(holders(&s.objects[o])),
            (_, Object::RwLock { .. }) => {
                let writers =
                    (0..s.tasks.len()).filter(|u| op == Op::AcquireRead && s.tasks[*u].wait == Wait::Write(o));
                runs(holders(&s.objects[o])) | mask(writers)
            }
            (_, Object::Semaphore { .. }) => doing(o, &[RELEASES]),
            (_, Object::Condition { .. }) => match s.tasks[t].wait {
                Wait::Notified(_) => {
                    let Kind::Condition(lock) = self.machine.program.objects[o].kind else { return 0 };
                    runs(holders(&s.objects[lock]))
                }
                _ => {
                    // Without the lock it would be an error.
                    let Kind::Condition(lock) = self.machine.program.objects[o].kind else { return 0 };
                    let may = runs(holders(&s.objects[lock])) | doing(lock, &[TAKES]);
                    doing(o, &[NOTIFIES]) & if narrow { may } else { u32::MAX }
                }
            },
            (_, Object::Event { .. }) => doing(o, &[SETS]),
            (_, Object::Barrier { arrived, .. }) => {
                let Kind::Barrier(parties) = self.machine.program.objects[o].kind else { return 0 };
                let come = doing(o, &[ARRIVES]) & !mask(arrived.iter().copied());
                // Who comes once is not enough for two places, unless it brings others.
                let enough = arrived.len() + come.count_ones() as usize >= parties || come & doing(0, &[SPAWNS]) != 0;
                doing(o, &[BREAKS]) | if enough || !narrow { come } else { 0 }
            }
            (_, Object::Latch { .. }) => doing(o, &[COUNTS]),
            (Op::Put(_), Object::Queue { .. }) => doing(o, &[GETS, CLOSES]),
            (_, Object::Queue { .. }) => doing(o, &[PUTS, CLOSES]),
        }
    }

    // ---- for ever ----

    /// Fair circles within `within`, over edges that `goes` allows: each with its
    /// states and who goes in it. Fair is one in which whoever can go does, and who has
    /// several ways where it stands takes each of them if any.
    fn fair(&self, within: Vec<bool>, goes: &dyn Fn(&Edge) -> bool) -> Vec<(Vec<usize>, BTreeSet<Actor>)> {
        let mut out = Vec::new();
        let mut work = vec![(within, BTreeSet::<(usize, Actor)>::new())];
        while let Some((within, barred)) = work.pop() {
            let goes = |u: usize, e: &Edge| goes(e) && !(e.chosen && barred.contains(&(u, e.actor)));
            for part in parts(self.graph, &within, &goes) {
                let mut is_in = vec![false; within.len()];
                part.iter().for_each(|u| is_in[*u] = true);
                let inner =
                    |u: &usize| self.graph.edges[*u].iter().filter(|e| goes(*u, e) && is_in[e.to]).collect::<Vec<_>>();
                let taken: Vec<&Edge> = part.iter().flat_map(inner).collect();
                let actors: BTreeSet<Actor> = taken.iter().map(|e| e.actor).collect();
                if taken.is_empty() {
                    continue;
                }
                // Of several ways that one has there some lead out: it takes none of them for ever.
                let mut more = barred.clone();
                for u in &part {
                    let ways = self.graph.edges[*u].iter().filter(|e| e.chosen);
                    let some = |e: &&Edge| inner(u).iter().any(|i| i.chosen && i.actor == e.actor);
                    more.extend(ways.filter(|e| !(goes(*u, e) && is_in[e.to])).filter(some).map(|e| (*u, e.actor)));
                }
                if more.len() > barred.len() {
                    work.push((is_in, more));
                    continue;
                }
                let unfair = |u: &usize| self.graph.edges[*u].iter().any(|e| !actors.contains(&e.actor));
                let rest: Vec<usize> = part.iter().copied().filter(|u| !unfair(u)).collect();
                if rest.len() == part.len() {
                    out.push((part, actors));
                } else if !rest.is_empty() {
                    let mut within = vec![false; within.len()];
                    rest.into_iter().for_each(|u| within[u] = true);
                    work.push((within, barred.clone()));
                }
            }
        }
        out
    }

    fn circles(&self, told: &mut Told) {
        let states = &self.graph.states;
        let most = states.iter().map(|s| s.tasks.len()).max().unwrap_or(0);
        let goes = |t: usize, part: &[usize], actors: &BTreeSet<Actor>| {
            actors.contains(&Actor::Task(t)) && states[part[0]].tasks[t].kind != Spawned::Daemon
        };
        let all = || vec![true; states.len()];
        let some = |part: &(Vec<usize>, BTreeSet<Actor>)| (0..most).any(|t| goes(t, &part.0, &part.1));
        if self.fair(all(), &|e| !e.progress).iter().any(some) {
            told.found.insert("livelock");
        } else if (0..most).any(|t| {
            let rests = |e: &Edge| !(e.progress && e.actor == Actor::Task(t));
            self.fair(all(), &rests).iter().any(|(part, actors)| goes(t, part, actors))
        }) {
            // It gets nothing done, but whether it has to do with others that do is not known
            // here.
            told.unsure.insert("livelock");
        }
        for t in 0..most {
            let waits = |u: usize| {
                let s = &states[u];
                let Some(task) = s.tasks.get(t) else { return false };
                // Who waits for an end has that one's trouble and none of its own.
                task.status == Status::Runs
                    && !matches!(self.ins(s, t), Ins::Join(_) | Ins::JoinAll | Ins::JoinPool(_) | Ins::WaitChild(..))
                    && task.kind != Spawned::Daemon
                    && self.go[u] & 1 << t == 0
                    && self.stuck[u] & 1 << t == 0
            };
            let within: Vec<bool> = (0..states.len()).map(waits).collect();
            if within.contains(&true) && !self.fair(within, &|_| true).is_empty() {
                told.found.insert("starvation");
            }
        }
    }
}

/// The states from which one of these can come, and these, over such edges.
fn backwards(graph: &Graph, mut these: Vec<bool>, over: &dyn Fn(&Edge) -> bool) -> Vec<bool> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); graph.states.len()];
    for (u, out) in graph.edges.iter().enumerate() {
        out.iter().filter(|e| over(e)).for_each(|e| before[e.to].push(u));
    }
    let mut todo: Vec<usize> = (0..these.len()).filter(|u| these[*u]).collect();
    while let Some(v) = todo.pop() {
        for &u in &before[v] {
            if !std::mem::replace(&mut these[u], true) {
                todo.push(u);
            }
        }
    }
    these
}

fn holders(object: &Object) -> Vec<usize> {
    match object {
        Object::Lock { owner, .. } => owner.iter().copied().collect(),
        Object::RwLock { writer, readers, .. } => writer.iter().chain(readers).copied().collect(),
        _ => Vec::new(),
    }
}

/// By task and instruction, what may be done from there on.
fn ahead(machine: &Machine, round: bool) -> Vec<Vec<HashSet<(usize, u8)>>> {
    let codes = &machine.codes.codes;
    let from = |d: usize, pc: usize| {
        let (mut seen, mut todo, mut out) = (HashSet::new(), vec![(d, pc)], HashSet::new());
        while let Some((d, pc)) = todo.pop() {
            if !seen.insert((d, pc)) {
                continue;
            }
            let ins = &codes[d].code[pc];
            let d_here = d;
            todo.extend(codes[d].rounds.iter().filter(|r| round && r.0 == pc).map(|r| (d, r.1)));
            let mut deed = |o: usize, op: Op| {
                let deed = match op {
                    Op::Set => SETS,
                    Op::Notify | Op::NotifyAll => NOTIFIES,
                    Op::CountDown => COUNTS,
                    Op::Put(_) => PUTS,
                    Op::Get => GETS,
                    Op::Release => RELEASES,
                    Op::Close => CLOSES,
                    Op::Abort | Op::Reset => BREAKS,
                    Op::Wait => ARRIVES,
                    Op::Acquire => TAKES,
                    Op::AcquireRead | Op::AcquireWrite | Op::Clear | Op::ReleaseRead | Op::ReleaseWrite => return,
                };
                out.insert((o, deed));
                // Nor is known for which of those that `main` made a name stands, of which record.
                let objects = &machine.program.objects;
                let alike = |a: &model::Object, b: &model::Object| match (a.home, b.home) {
                    (Home::Local, Home::Local) => true,
                    (Home::Field(_), Home::Field(_)) => a.name == b.name,
                    _ => false,
                };
                let alike = (0..objects.len()).filter(|u| round && alike(&objects[o], &objects[*u]));
                out.extend(alike.map(|u| (u, deed)));
            };
            match ins {
                Ins::Op(_, o, op, how) => {
                    deed(*o, *op);
                    if *how == How::Timed && *op == Op::Wait {
                        deed(*o, Op::Abort);
                    }
                    todo.push((d, codes[d].pads[pc]));
                }
                Ins::Next(_, o, _) => deed(*o, Op::Get),
                Ins::Select(arms, _) => {
                    arms.iter().for_each(|a| deed(a.1, a.2));
                    todo.push((d, codes[d].pads[pc]));
                }
                Ins::Write(p, Val::Int(n))
                | Ins::Method(_, p, Method::Store(n) | Method::Swap(n) | Method::Cas(_, n)) => {
                    out.insert((*p, WRITES_0 + *n as u8));
                }
                Ins::Write(p, _) | Ins::Method(_, p, Method::Add(_)) => {
                    out.insert((*p, WRITES));
                }
                Ins::Spawn(d) => {
                    out.insert((0, SPAWNS));
                    todo.push((*d, 0));
                }
                Ins::Submit(d) => {
                    todo.push((*d, 0));
                    todo.push((d_here, codes[d_here].pads[pc]));
                }
                Ins::ClosePool | Ins::TerminatePool => {
                    out.insert((0, POOL_CLOSES));
                    out.extend(matches!(ins, Ins::TerminatePool).then_some((0, ENDS)));
                }
                Ins::Exit(_) | Ins::Kill(_) | Ins::Terminate(_) => {
                    out.insert((0, ENDS));
                }
                Ins::Raise(_) | Ins::WaitChild(..) => todo.push((d, codes[d].pads[pc])),
                _ => {}
            }
            todo.extend(ins.targets().into_iter().map(|to| (d, to)));
            if !ins.leaves() {
                todo.push((d, pc + 1));
            }
        }
        out
    };
    (0..codes.len()).map(|d| (0..codes[d].code.len()).map(|pc| from(d, pc)).collect()).collect()
}

/// The strongly connected parts (Tarjan, without calls).
fn parts(graph: &Graph, within: &[bool], goes: &dyn Fn(usize, &Edge) -> bool) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let (mut index, mut low, mut on) = (vec![NEW; within.len()], vec![0; within.len()], vec![false; within.len()]);
    let (mut next, mut stack, mut out) = (0, Vec::new(), Vec::new());
    for root in (0..within.len()).filter(|u| within[*u]) {
        if index[root] != NEW {
            continue;
        }
        let mut calls: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some(&(u, at)) = calls.last() {
            if at == 0 && index[u] == NEW {
                (index[u], low[u]) = (next, next);
                next += 1;
                stack.push(u);
                on[u] = true;
            }
            if let Some(edge) = graph.edges[u].get(at) {
                calls.last_mut().expect("it is there").1 += 1;
                if within[edge.to] && goes(u, edge) {
                    if index[edge.to] == NEW {
                        calls.push((edge.to, 0));
                    } else if on[edge.to] {
                        low[u] = low[u].min(index[edge.to]);
                    }
                }
                continue;
            }
            calls.pop();
            if let Some((caller, _)) = calls.last() {
                low[*caller] = low[*caller].min(low[u]);
            }
            if low[u] == index[u] {
                let from = stack.iter().rposition(|v| *v == u).expect("it was pushed");
                let part = stack.split_off(from);
                part.iter().for_each(|v| on[*v] = false);
                out.push(part);
            }
        }
    }
    out
}
