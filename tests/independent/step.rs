//! What a task can do next in a state, one step at a time, by the reference of the
//! language: its objects (section 4), tasks (6), statements (7), errors (8), steps
//! and order (9). It owns these rules once more, on purpose apart from the program's.

use crate::code::{Check, Ins};
use crate::model::{Cond, Fault, How, Look, Memory, Method, Op, Program, Reg, Spawned, Test};
use crate::state::{Clock, Codes, End, JobStatus, Object, Process, State, Status, TASKS, Value, Wait, join};
use std::cell::Cell;
use std::collections::BTreeSet;

/// A step, and where it leads.
pub struct Step {
    pub actor: Actor,
    /// It printed, or took a value, or cannot come again: no part of a livelock.
    pub progress: bool,
    /// A look of an `await` that does not hold: it changes nothing but clocks.
    pub look: bool,
    pub state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Actor {
    Task(usize),
    /// What ends the task, or its process.
    Outside(usize),
}

pub struct Machine<'a> {
    pub program: &'a Program,
    pub codes: Codes,
    /// Clocks are kept, and races looked for.
    pub clocks: bool,
    /// A clock has come to its end, so what comes behind is no longer told apart.
    pub worn: Cell<bool>,
    /// Places that race, by number.
    pub races: BTreeSet<usize>,
    pub found: BTreeSet<&'static str>,
}

pub fn holds(value: Value, test: Test, n: i32) -> bool {
    match (test, value) {
        (_, Value::Int(v)) => test.of(v, n),
        (Test::Eq, _) => false,
        (Test::Ne, _) => true,
        (_, other) => unreachable!("{other:?} has no order"),
    }
}

impl Machine<'_> {
    // ---- order ----

    /// The task hands its clock on.
    pub fn release(&self, s: &mut State, t: usize) -> Clock {
        let task = &mut s.tasks[t];
        if self.clocks && task.dirty {
            task.dirty = false;
            task.clock[t] += 1;
            if task.clock[t] == u8::MAX - 1 {
                self.worn.set(true);
            }
        }
        task.clock
    }

    pub fn acquire(&self, s: &mut State, t: usize, clock: &Clock) {
        join(&mut s.tasks[t].clock, clock);
    }

    fn reach(&mut self, s: &mut State, t: usize, place: usize, write: bool, whole: bool) {
        if !self.clocks {
            return;
        }
        let known = s.tasks[t].clock;
        let at = s.at(self.program, t, place);
        let cell = &mut s.memory[at][place];
        if self.program.places[place].memory != Memory::Atomic {
            for (other_write, other_whole) in [(false, false), (false, true), (true, false), (true, true)] {
                if !(write || other_write) || whole && other_whole {
                    continue;
                }
                let last = &cell.reached[usize::from(other_write)][usize::from(other_whole)];
                if (0..TASKS).any(|u| u != t && last[u] > known[u]) {
                    self.races.insert(place);
                }
            }
            cell.reached[usize::from(write)][usize::from(whole)][t] = known[t] + 1;
            s.tasks[t].dirty = true;
        }
    }

    // ---- memory ----

    fn whole(&self, place: usize) -> bool {
        self.program.places[place].memory == Memory::Atomic
    }

    fn read(&mut self, s: &mut State, t: usize, place: usize, whole: bool) -> Value {
        let at = s.at(self.program, t, place);
        if whole {
            let clock = s.memory[at][place].written;
            self.acquire(s, t, &clock);
        }
        self.reach(s, t, place, false, whole);
        s.memory[at][place].value
    }

    fn write(&mut self, s: &mut State, t: usize, place: usize, value: Value, whole: bool) {
        self.reach(s, t, place, true, whole);
        let at = s.at(self.program, t, place);
        let clock = if whole { self.release(s, t) } else { [0; TASKS] };
        s.memory[at][place].written = clock;
        s.memory[at][place].value = value;
    }

    /// A condition as a whole, without steps; with `touch`, its looks are accesses.
    pub fn is_true(&mut self, s: &mut State, t: usize, cond: &Cond, touch: bool) -> bool {
        match cond {
            Cond::Place(p, test, n) => {
                let whole = self.whole(*p);
                let value = match touch {
                    true => self.read(s, t, *p, whole),
                    false => s.memory[s.at(self.program, t, *p)][*p].value,
                };
                holds(value, *test, *n)
            }
            Cond::Reg(r, test, n) => holds(s.tasks[t].regs[*r], *test, *n),
            Cond::True(r) => s.tasks[t].regs[*r] == Value::Bool(true),
            Cond::False(r) => s.tasks[t].regs[*r] == Value::Bool(false),
            Cond::Look(o, look) => self.look(s, *o, *look),
            Cond::NotTaken(_) => unreachable!("it is no look"),
            Cond::And(a, b) => self.is_true(s, t, a, touch) && self.is_true(s, t, b, touch),
            Cond::Or(a, b) => self.is_true(s, t, a, touch) || self.is_true(s, t, b, touch),
        }
    }

    fn look(&self, s: &State, object: usize, look: Look) -> bool {
        match (look, &s.objects[object]) {
            (Look::Locked, Object::Lock { owner, .. }) => owner.is_some(),
            (Look::IsSet, Object::Event { set, .. }) => *set,
            (Look::Value(test, n), Object::Semaphore { value, .. } | Object::Latch { value, .. }) => {
                holds(Value::Int(*value), test, n)
            }
            (Look::Size(test, n), Object::Queue { values, .. }) => holds(Value::Int(values.len() as i32), test, n),
            (look, object) => unreachable!("{look:?} at {object:?}"),
        }
    }

    // ---- tasks ----

    /// Brings the first state to a step.
    pub fn begin(&self, s: &mut State) {
        self.settle(s, 0);
    }

    /// Goes on with what nobody else sees.
    pub fn settle(&self, s: &mut State, t: usize) {
        let code = &self.codes.codes[s.tasks[t].declared];
        let task = &mut s.tasks[t];
        while task.status == Status::Runs {
            let ins = &code.code[task.pc];
            task.pc += 1;
            match ins {
                Ins::Jump(to) | Ins::Again(to) => task.pc = *to,
                Ins::Branch(check, to) => {
                    let (yes, reg) = match check {
                        Check::True(r) => (task.regs[*r] == Value::Bool(true), *r),
                        Check::False(r) => (task.regs[*r] == Value::Bool(false), *r),
                        Check::Is(r, test, n) => (holds(task.regs[*r], *test, *n), *r),
                    };
                    if !yes {
                        task.pc = *to;
                    }
                    if reg >= self.codes.temporary {
                        task.regs[reg] = Value::Unset;
                    }
                }
                Ins::Let(r, v) => task.regs[*r] = task.value(*v),
                Ins::Forget(regs) => regs.iter().for_each(|r| task.regs[*r] = Value::Unset),
                Ins::Catch(faults, out) => {
                    if task.fault.is_some_and(|f| faults.contains(&f)) {
                        task.fault = None;
                    } else {
                        task.pc = *out;
                    }
                }
                _ => {
                    task.pc -= 1;
                    return;
                }
            }
        }
    }

    pub fn fail(&self, s: &mut State, t: usize, fault: Fault) {
        let code = &self.codes.codes[s.tasks[t].declared];
        let task = &mut s.tasks[t];
        task.fault = Some(fault);
        task.wait = Wait::No;
        task.pc = code.pads[task.pc];
    }

    /// A task ends; `others` says whether any did something until then that is no daemon.
    pub fn end(&mut self, s: &mut State, t: usize, end: End, others: bool) {
        let first = s.processes[s.tasks[t].process].first == t;
        let leaves = first && matches!(end, End::Returned | End::Failed(_)) && !s.processes[s.tasks[t].process].over;
        // Who has others to wait for is told of when its process ends. What a daemon
        // holds when the last of the others has ended is wanted by nobody.
        let needed = !matches!(s.tasks[t].kind, Spawned::Daemon | Spawned::Worker);
        if s.holds(t) && (needed || others) && !leaves {
            self.found.insert("abandoned-lock");
        }
        self.release(s, t);
        for object in &mut s.objects {
            object.forget(t);
        }
        if let Some(job) = s.tasks[t].job.take() {
            s.jobs[job].status = JobStatus::Gone;
        }
        let task = &mut s.tasks[t];
        task.clear();
        task.status = if leaves { Status::Leaves(end) } else { Status::Ended(end) };
    }

    /// A process ends with all that is in it, and takes what it has spawned along.
    fn end_process(&mut self, s: &mut State, p: usize, by: usize, tell: &dyn Fn(usize) -> End) {
        let others = others(s, by);
        s.processes[p].over = true;
        for t in 0..s.tasks.len() {
            if s.tasks[t].process == p && s.tasks[t].lives() {
                self.end(s, t, tell(t), others);
            }
        }
        // Those that it has spawned are ended with it, by a signal of their own; the first
        // signal that would end one is the one that does.
        for q in 0..s.processes.len() {
            let first = s.processes[q].first;
            // A child that was forked is left behind.
            let its = s.tasks[first].kind != Spawned::Fork && s.tasks[s.tasks[first].spawner].process == p;
            if q != p && !s.processes[q].over && its {
                s.processes[q].signal.get_or_insert(9);
            }
        }
    }

    /// All steps that can be next.
    pub fn steps(&mut self, s: &State) -> Vec<Step> {
        let mut out = Vec::new();
        for p in 0..s.processes.len() {
            let Process { first, over, signal } = s.processes[p];
            if over {
                continue;
            }
            if let Status::Leaves(end) = s.tasks[first].status
                && s.waited_for(p).into_iter().all(|t| s.ended(t))
                && !self.makes(s, p)
            {
                let mut n = s.clone();
                let tell = move |t: usize| if t == first { end } else { End::Terminated };
                self.end_process(&mut n, p, first, &tell);
                out.push(outside(first, n));
            }
            if let Some(signal) = signal {
                let mut n = s.clone();
                self.end_process(&mut n, p, first, &|_| End::Signal(signal));
                out.push(outside(first, n));
            }
        }
        for t in 0..s.tasks.len() {
            // A thread ends between statements.
            if s.tasks[t].to_end && s.tasks[t].lives() && !matches!(s.tasks[t].wait, Wait::Made(_)) {
                let mut n = s.clone();
                if s.tasks[t].kind == Spawned::Worker {
                    self.job_over(&mut n, t);
                } else {
                    self.end(&mut n, t, End::Terminated, others(s, t));
                }
                out.push(outside(t, n));
            }
            if s.tasks[t].status == Status::Idle {
                self.idle(s, t, &mut out);
            }
            if s.tasks[t].status == Status::Runs {
                self.of_task(s, t, &mut out);
            }
        }
        out
    }

    /// Of a process, somebody is about to make more threads. Nothing within it comes
    /// between those that one `spawn` makes; a signal can.
    fn makes(&self, s: &State, p: usize) -> bool {
        s.tasks.iter().any(|u| {
            u.process == p
                && matches!(u.wait, Wait::Made(_))
                && matches!(self.codes.codes[u.declared].code[u.pc], Ins::Spawn(d)
                    if self.program.tasks[d].spawned != Spawned::Process)
        })
    }

    fn of_task(&mut self, s: &State, t: usize, out: &mut Vec<Step>) {
        let task = &s.tasks[t];
        let ins = self.codes.codes[task.declared].code[task.pc].clone();
        // Most have one step, to the next instruction.
        let mut n = s.clone();
        n.tasks[t].pc += 1;
        n.tasks[t].wait = Wait::No;
        let mut progress = false;
        match ins {
            Ins::Jump(_) | Ins::Again(_) | Ins::Branch(..) | Ins::Let(..) | Ins::Forget(_) | Ins::Catch(..) => {
                unreachable!("a task stands at a step")
            }
            Ins::Read(r, p) => {
                let whole = self.whole(p);
                n.tasks[t].regs[r] = self.read(&mut n, t, p, whole);
            }
            Ins::Write(p, v) => {
                let whole = self.whole(p);
                self.write(&mut n, t, p, task.value(v), whole);
            }
            Ins::Method(into, p, method) => self.method(&mut n, t, into, p, method),
            Ins::Look(r, o, look) => n.tasks[t].regs[r] = Value::Bool(self.look(s, o, look)),
            Ins::Op(into, o, op, how) => return self.operation(s, t, (into, o, op, how), out),
            Ins::Next(r, q, over) => {
                let Object::Queue { values, closed, .. } = &s.objects[q] else { unreachable!("only queues") };
                if values.is_empty() && *closed && !matches!(task.wait, Wait::Met(_)) {
                    self.take(&mut n, t, q);
                    n.tasks[t].pc = over;
                    n.tasks[t].regs[r] = Value::Unset;
                } else {
                    return self.operation(s, t, (Some(r), q, Op::Get, How::Wait), out);
                }
            }
            Ins::Await(cond) => {
                if !self.is_true(&mut n, t, &cond, true) {
                    return self.looked(s, n, t, &cond, out);
                }
            }
            Ins::Begin(cond) => {
                let before = n.atomically;
                self.acquire(&mut n, t, &before);
                if let Some(cond) = cond
                    && !self.is_true(&mut n, t, &cond, true)
                {
                    n.atomically = self.release(&mut n, t);
                    return self.looked(s, n, t, &cond, out);
                }
                self.settle(&mut n, t);
                return self.block(n, t, out);
            }
            Ins::Leave => n.atomically = self.release(&mut n, t),
            Ins::Choose(r, most) => {
                for v in 0..most {
                    let mut n = n.clone();
                    n.tasks[t].regs[r] = Value::Int(v);
                    self.settle(&mut n, t);
                    out.push(step(t, n));
                }
                return;
            }
            Ins::Select(arms, over) => return self.select(s, t, &arms, over, out),
            Ins::Print(r) => {
                n.tasks[t].printed = r.map_or(Value::None, |r| match task.regs[r] {
                    Value::None => Value::Int(NO_VALUE),
                    v => v,
                });
                progress = true;
            }
            Ins::Pause => {}
            Ins::Spawn(d) => {
                self.spawn(&mut n, t, d, task.wait);
                progress = true;
            }
            Ins::Fork(r) => {
                self.fork(&mut n, t, r);
                progress = true;
            }
            Ins::WaitChild(r, pid) => return self.wait_child(s, t, r, pid, out),
            Ins::Submit(_) | Ins::ClosePool | Ins::TerminatePool | Ins::JoinPool(_) => {
                return self.pool(s, n, t, &ins, out);
            }
            Ins::Join(d) | Ins::JoinFor(_, d) if self.program.tasks[d].spawned == Spawned::Job => {
                let job = s.jobs.iter().find(|j| j.declared == d).expect("it is submitted before");
                let ended = job.status == JobStatus::Ended;
                if ended {
                    self.acquire(&mut n, t, &job.clock);
                }
                match ins {
                    Ins::JoinFor(..) if !ended && task.wait == Wait::No => {
                        n.tasks[t].pc -= 1;
                        n.tasks[t].wait = Wait::Timed;
                        out.push(step(t, n));
                        return;
                    }
                    Ins::JoinFor(r, _) => n.tasks[t].regs[r] = Value::Bool(ended),
                    _ if !ended => return,
                    _ => {}
                }
            }
            Ins::Join(d) => {
                let joined: Vec<usize> = (0..s.tasks.len()).filter(|u| s.spawned_as(*u, d)).collect();
                if !joined.iter().all(|u| s.ended(*u)) {
                    return;
                }
                joined.into_iter().for_each(|u| self.acquire(&mut n, t, &s.last_clock(u)));
            }
            Ins::JoinFor(r, d) => {
                let joined: Vec<usize> = (0..s.tasks.len()).filter(|u| s.spawned_as(*u, d)).collect();
                let ended = joined.iter().all(|u| s.ended(*u));
                if ended {
                    joined.into_iter().for_each(|u| self.acquire(&mut n, t, &s.last_clock(u)));
                } else if task.wait == Wait::No {
                    n.tasks[t].pc -= 1;
                    n.tasks[t].wait = Wait::Timed;
                    out.push(step(t, n));
                    return;
                }
                n.tasks[t].regs[r] = Value::Bool(ended);
            }
            Ins::JoinAll => {
                let kind = |u: usize| s.tasks[u].kind;
                let mine = |u: &usize| {
                    *u != 0
                        && s.tasks[*u].spawner == t
                        && !matches!(kind(*u), Spawned::Daemon | Spawned::Worker | Spawned::Fork)
                };
                let joined: Vec<usize> = (0..s.tasks.len()).filter(mine).collect();
                if !joined.iter().all(|u| s.ended(*u)) {
                    return;
                }
                joined.into_iter().for_each(|u| self.acquire(&mut n, t, &s.last_clock(u)));
            }
            Ins::Terminate(d) | Ins::Kill(d) => {
                let signal = if matches!(ins, Ins::Kill(_)) { 9 } else { 15 };
                for u in 0..n.tasks.len() {
                    if n.spawned_as(u, d) && n.tasks[u].lives() {
                        match n.tasks[u].kind {
                            Spawned::Process => {
                                n.processes[n.tasks[u].process].signal.get_or_insert(signal);
                            }
                            _ => n.tasks[u].to_end = true,
                        }
                    }
                }
                progress = true;
            }
            Ins::Exit(code) => {
                let p = task.process;
                if self.makes(s, p) {
                    return;
                }
                let first = s.processes[p].first;
                // The process ends by the signal that was sent before, if there is one; but where
                // its first task says so itself, it has ended its threads by then.
                let signal = s.processes[p].signal;
                let tell = move |u: usize| match signal {
                    _ if u == t => End::Exited(code),
                    Some(signal) if t != first => End::Signal(signal),
                    _ if u == first => End::Exited(code),
                    _ => End::Terminated,
                };
                self.end_process(&mut n, p, t, &tell);
                progress = true;
            }
            Ins::Raise(fault) => {
                n.tasks[t].pc -= 1;
                self.fail(&mut n, t, fault);
            }
            Ins::End if task.job.is_some() => {
                self.job_over(&mut n, t);
                progress = true;
            }
            Ins::End => {
                self.end(&mut n, t, End::Returned, others(s, t));
                progress = true;
            }
            Ins::Die => {
                let fault = task.fault.expect("it has failed");
                self.found.insert(if fault == Fault::Assertion { "assertion" } else { "error" });
                if task.job.is_some() {
                    self.job_over(&mut n, t);
                } else {
                    self.end(&mut n, t, End::Failed(fault), others(s, t));
                }
                progress = true;
            }
        }
        self.settle(&mut n, t);
        out.push(Step { progress, ..step(t, n) });
    }

    /// An `await` has looked in vain. It looks again when what it saw has changed.
    fn looked(&mut self, s: &State, mut n: State, t: usize, cond: &Cond, out: &mut Vec<Step>) {
        let mut saw = [Value::Unset; 2];
        let mut places = Vec::new();
        cond.tests(&mut |p, _, _| places.push(p));
        places.iter().zip(&mut saw).for_each(|(p, v)| *v = s.memory[s.at(self.program, t, *p)][*p].value);
        if self.clocks && s.tasks[t].wait != Wait::Looked(saw) {
            n.tasks[t].pc -= 1;
            n.tasks[t].wait = Wait::Looked(saw);
            out.push(Step { look: true, ..step(t, n) });
        }
    }

    /// Goes on to the end of an `atomically`, as one step.
    fn block(&mut self, s: State, t: usize, out: &mut Vec<Step>) {
        let task = &s.tasks[t];
        let leaves = matches!(self.codes.codes[task.declared].code[task.pc], Ins::Leave);
        let mut next = Vec::new();
        self.of_task(&s, t, &mut next);
        assert!(!next.is_empty(), "what is generated does not wait within `atomically`");
        for step in next {
            if leaves { out.push(step) } else { self.block(step.state, t, out) }
        }
    }

    fn spawn(&mut self, n: &mut State, t: usize, d: usize, so_far: Wait) {
        let declared = &self.program.tasks[d];
        let index = if let Wait::Made(count) = so_far { count } else { 0 };
        let clock = self.release(n, t);
        let parent = n.tasks[t].process;
        let process = if declared.spawned == Spawned::Process {
            let cells = n.memory[parent].iter().zip(&self.program.places);
            let copy = cells.map(|(cell, place)| cell.of_a_child(place.memory)).collect();
            n.memory.push(copy);
            n.processes.push(Process { first: n.tasks.len(), over: false, signal: None });
            n.processes.len() - 1
        } else {
            parent
        };
        n.add_task(d, index, t, process, declared.spawned, self.codes.regs);
        let child = n.tasks.len() - 1;
        n.tasks[child].clock = clock;
        self.settle(n, child);
        // They are made one by one: whoever ends this process leaves the first ones.
        if index + 1 < declared.count {
            n.tasks[t].pc -= 1;
            n.tasks[t].wait = Wait::Made(index + 1);
        }
    }

    fn method(&mut self, n: &mut State, t: usize, into: Option<Reg>, p: usize, method: Method) {
        let at = n.at(self.program, t, p);
        let old = n.memory[at][p].value;
        let number = |v: Value| if let Value::Int(v) = v { v } else { unreachable!("{v:?} is no number") };
        let mut sees = |m: &mut Self| m.read(n, t, p, true);
        let given = match method {
            Method::Load => sees(self),
            Method::Store(v) => {
                self.write(n, t, p, Value::Int(v), true);
                Value::None
            }
            Method::Add(v) => {
                sees(self);
                self.write(n, t, p, Value::Int(number(old) + v), true);
                old
            }
            Method::Swap(v) => {
                sees(self);
                self.write(n, t, p, Value::Int(v), true);
                old
            }
            Method::Cas(from, to) => {
                sees(self);
                let same = old == Value::Int(from);
                if same {
                    self.write(n, t, p, Value::Int(to), true);
                }
                Value::Bool(same)
            }
        };
        if let Some(r) = into {
            n.tasks[t].regs[r] = given;
        }
    }
}

/// Somebody lives beside the one who ends, or ends others, and is no daemon.
pub fn others(s: &State, but: usize) -> bool {
    let counts = |kind| !matches!(kind, Spawned::Daemon | Spawned::Worker);
    s.tasks.iter().enumerate().any(|(t, task)| t != but && task.lives() && counts(task.kind))
}

/// What is kept of a printed `none`.
pub const NO_VALUE: i32 = i32::MIN;

pub fn step(t: usize, state: State) -> Step {
    Step { actor: Actor::Task(t), progress: false, look: false, state }
}

fn outside(t: usize, state: State) -> Step {
    Step { actor: Actor::Outside(t), progress: true, look: false, state }
}
