//! A task's transition: the step at which it stands, and those after it that
//! matter to nobody else. It owns what each step does in the model that may wait;
//! those that do not are in `inline`, which of them are merged into one transition,
//! `merged` says, accesses are in `memory`, what runs as a whole in `whole`, processes
//! and endings in `process`, objects in `objects`, local work in `machine`.

mod inline;
mod memory;
mod merged;
mod whole;

pub use merged::is_turn;

use super::model::Memorable;
use super::moves::Move;
use super::part::*;
use super::process::NOWHERE;
use super::said::Said;
use super::seen::{self, Event, Logged};
use crate::machine::{Access, Arm, Home, Place, Step, Task};
use crate::objects::{self, KINDS, Outcome, TaskId, World, pool, task};
use crate::program::code::{Field, FieldKind, Pc};
use crate::program::kind::Memory;
use crate::program::value::{Error, ErrorKind, ObjRef, Value, brief};

/// So many steps in one transition: what goes on longer without any step that
/// matters to others is cut into several.
const JOINED_MAX: u32 = 1 << 12;
/// So many steps of what runs as a whole, which is not gone through any further.
const STEPS_MAX: u32 = 100_000;
/// A transition of so many steps took time.
const LONG: u32 = 1000;
/// After so many a task is watched for going round in a circle.
const CIRCLE_FROM: u32 = 128;
/// What it takes to carry out a step beside the step itself: a long value is written whole.
/// `children`: so many has its process.
fn work(at: &At, children: usize) -> u32 {
    let At::Step(step) = at else { return 0 };
    match &**step {
        Step::Access { access: Access::Write(Value::List(list)), .. } => list.len() as u32 / 8,
        Step::Access { access: Access::Write(Value::Str(text)), .. } => text.len() as u32 / 64,
        Step::Spawn(spawn) => {
            let many = spawn.indices.as_ref().map_or(0, |all| all.len() as u32);
            many.saturating_add((children / CHILDREN) as u32 * many.max(1))
        }
        // Each is one more part of the state.
        Step::New { .. } | Step::NewRecord { .. } => NEW,
        _ => 0,
    }
}

/// Going through so many children, as a `spawn` does, is worth a step.
const CHILDREN: usize = 64;
/// So many steps it is worth to make an object.
const NEW: u32 = 3;

/// Why what follows is not explored where a run is ended: by a `spawn` of more tasks than there
/// may be at once, and by a process within too many others.
const TOO_MANY_TASKS: &str = "a `spawn` of more tasks than there may be at once";
const TOO_DEEP: &str = "a process within more others than there may be";

/// What a step takes of a bounded number of them: going round in a loop that
/// makes none is dear.
fn price(step: &Step) -> u32 {
    if matches!(step, Step::Interrupted) { STEPS_MAX / 100 } else { 1 }
}

/// What became of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// The task cannot go ahead.
    Blocked,
    /// It went on; alone, if nobody else has to do with it.
    Went { alone: bool },
}

/// The line at which a task makes its step: a pool's worker between two jobs is at none.
fn site_of(task: &TaskPart) -> Pc {
    let idles = task.machine.is_none() && task.birth.pool.is_some();
    if idles { NOWHERE } else { task.pc() }
}

/// It was cut while it went round in a loop that makes no step.
fn goes_round(at: &At) -> bool {
    matches!(at, At::Step(step) if matches!(**step, Step::Interrupted))
}

/// What became of one step.
pub(super) enum Act {
    Blocked,
    Went,
    /// The task has ended.
    Over,
}

/// What a step's answer is.
enum Answer {
    Value(Value),
    Raise(Error),
}

fn type_error(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Type, text)
}

impl Move<'_> {
    /// The transition of the task that this is about.
    pub fn run_task(&mut self) -> Ran {
        self.run_steps(0)
    }

    /// What is left of a transition before which `ends` was set.
    pub fn run_end(&mut self) -> Ran {
        match self.run_steps(1) {
            // Nothing is left of it then.
            Ran::Blocked => Ran::Went { alone: false },
            went => went,
        }
    }

    /// Its steps from the one with this number on.
    fn run_steps(&mut self, first: u32) -> Ran {
        let me = self.me;
        // Where it stood after so many steps as each power of two: who goes round comes by
        // one of these places again (Brent, *An improved Monte Carlo factorization
        // algorithm*, BIT 1980).
        let mut mark: Option<(Pc, Option<Task>, At)> = None;
        let mut alone = false;
        let mut worked = 0u32;
        for n in first..JOINED_MAX {
            if self.is_beyond() {
                // What it comes to is nothing to keep.
                return Ran::Blocked;
            }
            let stands = |t: &TaskPart| (t.at.clone(), site_of(t), t.halted);
            let Some((at, site, halted)) = self.task(me, stands) else {
                return Ran::Blocked;
            };
            self.site = site;
            let own = if self.model.plain { !is_turn(&at) } else { self.is_own(&at) };
            let round = goes_round(&at);
            let spawns = matches!(&at, At::Step(step) if matches!(**step, Step::Spawn(_)));
            let children = if spawns { self.process(self.home, |p| p.children.len()) } else { None };
            worked = worked.saturating_add(work(&at, children.unwrap_or(0)));
            if n > first && n.saturating_add(worked) > JOINED_MAX {
                break;
            }
            self.long |= n.saturating_add(worked) >= LONG || round;
            if n == 0 {
                if halted || self.is_not_drawn(&at) {
                    return Ran::Blocked;
                }
                alone = own;
            } else if round || !own && (alone || !self.joins(&at)) || self.chooses_on(&at) {
                return Ran::Went { alone };
            } else if n > first && self.apart && matches!(at, At::Ending(_)) {
                self.ends = true;
                return Ran::Went { alone };
            }
            self.released = false;
            let turn = is_turn(&at);
            if turn && self.model.movers.deadly {
                self.change_task(me, |t| t.printed_before.clear());
            }
            match self.act(at) {
                Act::Blocked if n == 0 => return Ran::Blocked,
                Act::Blocked => return Ran::Went { alone },
                Act::Went => self.after(turn),
                Act::Over => {
                    self.after(turn);
                    return Ran::Went { alone };
                }
            }
            if n < CIRCLE_FROM {
                continue;
            }
            if let Some((pc, machine, at)) = &mark
                && self.task(me, |t| t.pc() == *pc && t.at == *at && t.machine == *machine).unwrap_or(true)
            {
                break;
            }
            if n.is_power_of_two() {
                mark = self.task(me, |t| (t.pc(), t.machine.clone(), t.at.clone()));
            }
        }
        Ran::Went { alone: false }
    }

    /// After a step: what it released lets go of its footprint, and invariants
    /// hold.
    fn after(&mut self, turn: bool) {
        if self.released {
            self.footprint_clear();
        }
        self.log_one(turn);
        if turn && !self.program.invariants.is_empty() {
            self.aside(Self::check_invariants);
        }
        let seen = self.events.len();
        if let Some(step) = self.log.as_mut().and_then(|l| l.steps.last_mut()) {
            step.events = seen;
        }
    }

    /// The step just carried out, into the log.
    pub fn log_one(&mut self, turn: bool) {
        if self.log.is_none() {
            return;
        }
        let (task, site, released, events) = (self.me, self.site, self.released, self.events.len());
        if let Some(log) = &mut self.log {
            let (text, choices) = (Said::new(&std::mem::take(&mut log.text)), std::mem::take(&mut log.choices));
            let (arms, picks) = (std::mem::take(&mut log.arms), std::mem::take(&mut log.picks));
            let (reached, born) = (std::mem::take(&mut log.reached), std::mem::take(&mut log.born));
            let (on, deeds) = (std::mem::take(&mut log.on), log.deeds.len());
            let step =
                Logged { task, site, text, reached, released, choices, arms, picks, turn, born, on, events, deeds };
            log.steps.push(step);
        }
    }

    /// The step under way is about an object.
    fn log_object(&mut self, target: ObjRef) {
        if self.log.is_some() && target.kind != objects::place::task {
            let name = self.object_name(target.id);
            if let Some(log) = &mut self.log {
                log.on.push(name);
            }
        }
    }

    pub fn say(&mut self, text: impl FnOnce(&Self) -> String) {
        if self.log.is_some() {
            let text = text(self);
            if let Some(log) = &mut self.log {
                log.text = text;
            }
        }
    }

    pub fn memorable(&self, place: Place) -> Memorable {
        match place.home {
            Home::Declared => Memorable::Declared(self.program.cells[place.index as usize]),
            Home::Record(_) => self.name_of(place).1,
        }
    }

    fn name_of(&self, place: Place) -> (String, Memorable) {
        let private = place.memory == Memory::Var;
        let key = match place.home {
            Home::Declared => Key::Shared(place.index),
            Home::Record(record) if private => Key::VarField { process: 0, record, index: place.index },
            Home::Record(record) => Key::Field { record, index: place.index },
        };
        let structure = |record| Some(crate::machine::Host::structure(self, record));
        let (name, _, memory) = super::moves::place_name(self.program, key, structure);
        (name, memory)
    }

    fn is_visible(&self, place: Place, access: &Access) -> bool {
        place.memory == Memory::Atomic
            || matches!(access, Access::Update(..))
            || (!self.model.visible.is_empty() && self.model.visible.contains(&self.memorable(place)))
    }

    // ------------------------------------------------------------------- acts

    /// What a step would make more of than there may be: a run ends there.
    fn too_much(&self, step: &Step) -> Option<&'static str> {
        let of_processes = |kind, options| kind == objects::place::pool && options & pool::OF_PROCESSES != 0;
        let makes_processes = match step {
            Step::Spawn(spawn) if spawn.is_too_many() => return Some(TOO_MANY_TASKS),
            Step::Spawn(spawn) => spawn.process,
            Step::New { site, .. } => {
                let new = &self.program.news[*site as usize];
                of_processes(new.kind, new.options)
            }
            Step::NewRecord { site, .. } => {
                let structure = self.program.records[*site as usize].structure;
                let is_one = |field: &Field| matches!(&field.what, FieldKind::Object { kind, options, .. } if of_processes(*kind, *options));
                self.program.structs[structure as usize].fields.iter().any(is_one)
            }
            Step::Fork => true,
            _ => false,
        };
        (makes_processes && !self.has_depth()).then_some(TOO_DEEP)
    }

    fn act(&mut self, at: At) -> Act {
        match at {
            At::Step(step) => self.act_step(*step),
            At::Operate { op, timed, then } => self.attempt(*op, timed, then),
            At::Select { arms, of, after, otherwise, then, .. } => self.select_again(arms, of, after, otherwise, then),
            At::Met { arm, value, then } => {
                self.say(|m| format!("goes on{}", m.with_value(&value)));
                let value = match arm {
                    Some(n) => Value::list(vec![Value::Int(n as i64), value]),
                    None => value,
                };
                self.answer(then, Answer::Value(value))
            }
            At::Looked { step, .. } => self.act_step(*step),
            At::Closing(_) if self.child_that_runs().is_some() => Act::Blocked,
            At::Ending(ended) | At::Closing(ended) => self.end(ended),
            At::Ended(_) => Act::Blocked,
        }
    }

    fn with_value(&self, value: &Value) -> String {
        if *value == Value::None { String::new() } else { format!(" with {}", self.marked(value)) }
    }

    fn act_step(&mut self, step: Step) -> Act {
        if let Some(what) = self.too_much(&step) {
            self.cut = Some(what);
            return Act::Blocked;
        }
        match step {
            Step::Operate { object, method, args } => match objects::timeout_ns(object.kind, method, args.as_slice()) {
                Err(error) => self.answer(Then::Machine, Answer::Raise(error)),
                Ok(limit) => {
                    let op = Try { target: object, method, args: args.as_slice().to_vec(), memo: None };
                    self.attempt(op, limit.is_some(), Then::Machine)
                }
            },
            Step::Select { arms, after, otherwise } => self.select(&arms, after.is_some(), otherwise, Then::Machine),
            Step::Join { targets, timeout } => self.join(targets, 0, timeout.is_some(), false),
            Step::JoinAll { timeout: None } if self.together() && self.spawned_and_runs().is_some() => Act::Blocked,
            Step::JoinAll { timeout } => {
                let targets = self.task(self.me, |t| t.spawned.clone()).unwrap_or_default();
                self.join(targets, 0, timeout.is_some(), true)
            }
            Step::Wait(pid) => self.wait_child(pid),
            Step::Exit(code) => self.exit(code),
            Step::Fork => self.fork(),
            Step::AtomicBegin => self.atomically(),
            Step::AwaitBegin { site, .. } => self.look(site),
            Step::End(value) => {
                self.change_task(self.me, |t| t.at = At::Ending(Ended { how: How::Returned, result: value }));
                Act::Went
            }
            Step::Failed(error) => {
                self.fail(error);
                Act::Went
            }
            step => {
                let answer = match self.inline(&step) {
                    Ok(_) if self.has_stopped_itself(&step) => {
                        self.stop_itself();
                        return Act::Over;
                    }
                    Ok(value) => Answer::Value(value),
                    Err(error) => Answer::Raise(error),
                };
                self.answer(Then::Machine, answer)
            }
        }
    }

    /// Hands an answer to who waits for it.
    fn answer(&mut self, then: Then, answer: Answer) -> Act {
        let result = match answer {
            Answer::Value(value) => Ok(value),
            Answer::Raise(error) => Err(error),
        };
        match (then, result) {
            (Then::Machine, result) => self.go_on(result),
            (Then::Join { .. } | Then::Reap { .. }, Err(error)) => self.go_on(Err(error)),
            (Then::Join { targets, next, timed, all }, Ok(value)) => {
                if value == Value::Bool(false) {
                    return self.go_on(Ok(Value::Bool(false)));
                }
                self.settle(targets[next].id);
                self.join_next(targets, next + 1, timed, all)
            }
            (Then::Take, result) => self.take_job(result.unwrap_or(Value::None)),
            (Then::Child { child, ended }, _) => {
                self.settle(child);
                self.end(*ended)
            }
            (Then::Reap { children }, Ok(value)) => self.reaped(&children, &value),
        }
    }

    /// The machine goes on with an answer up to its next step.
    pub(super) fn go_on(&mut self, answer: Result<Value, Error>) -> Act {
        let Some(mut machine) = self.change_task(self.me, |t| t.machine.take()).flatten() else { return Act::Blocked };
        let next = match answer {
            Ok(value) => machine.resume(self.program, value),
            Err(error) => machine.raise(error),
        };
        let step = next.unwrap_or_else(|| machine.advance(self.program, self));
        self.stand(machine, step);
        Act::Went
    }

    /// The task stands before a step from now on.
    pub fn stand(&mut self, machine: Task, step: Step) {
        let me = self.me;
        let failed = match step {
            Step::Failed(error) => Some(error),
            Step::End(result) => {
                self.change_task(me, |t| {
                    t.site = machine.pc();
                    t.machine = None;
                    t.at = At::Ending(Ended { how: How::Returned, result });
                });
                return;
            }
            step => {
                self.change_task(me, |t| {
                    t.machine = Some(machine);
                    t.at = At::Step(Box::new(step));
                });
                return;
            }
        };
        if let Some(error) = failed {
            self.change_task(me, |t| t.machine = Some(machine));
            self.fail(error);
        }
    }

    /// An error that nobody caught.
    fn fail(&mut self, error: Error) {
        let me = self.me;
        let kind = ErrorKind::ALL.iter().position(|k| *k == error.kind).unwrap_or(0) as u8;
        let (calls, held, job) = self
            .task(me, |t| (t.machine.as_ref().map(Task::calls).unwrap_or_default(), t.held.clone(), t.job))
            .unwrap_or_default();
        let (site, job) = (error.site, job.map(|job| job.id));
        self.events.push(Event::Failed { task: Some(me), job, site, kind, message: brief(error.message), calls, held });
        self.change_task(me, |t| {
            t.site = site;
            t.machine = None;
            t.at = At::Ending(Ended { how: How::Failed(kind), result: Value::None });
        });
    }

    // ------------------------------------------------------------- operations

    /// One attempt at an operation, for the log too.
    pub(super) fn operate(&mut self, kind: u8, object: u32, method: u8, args: &[Value], memo: Option<u64>) -> Outcome {
        let at = self.log.as_ref().map(|l| (l.deeds.len(), self.first_word(object)));
        let outcome = objects::attempt(self, kind, object, method, args, memo);
        if let (Some((at, first_word)), Some(log)) = (at, &mut self.log) {
            let came = match &outcome {
                Outcome::Done(value) => seen::Came::Done(value.clone()),
                Outcome::Raise(..) => seen::Came::Raised,
                _ => seen::Came::Waits,
            };
            let deed = seen::Deed::Operated { object, kind, method, first_word, again: memo.is_some(), came };
            // Before what it did to those that wait.
            log.deeds.insert(at, (self.me, deed));
        }
        outcome
    }

    pub(super) fn did(&mut self, deed: seen::Deed) {
        let me = self.me;
        if let Some(log) = &mut self.log {
            log.deeds.push((me, deed));
        }
    }

    fn first_word(&self, object: u32) -> u64 {
        self.word(object, 0)
    }

    fn attempt(&mut self, op: Try, timed: bool, then: Then) -> Act {
        let arrived = op.memo.is_some();
        let target = op.target;
        let deed = |m: &Self| {
            let name = KINDS[target.kind as usize].methods[op.method as usize].word();
            format!("{name} {}", m.marked_name(target.id))
        };
        self.log_object(target);
        match self.operate(target.kind, target.id, op.method, &op.args, op.memo) {
            Outcome::Done(value) => {
                self.say(|m| format!("{}{}", deed(m), m.answer_text(&value)));
                if arrived {
                    self.leave(target.id, self.me);
                }
                self.answer(then, Answer::Value(value))
            }
            Outcome::Raise(kind, text) => {
                self.say(|m| format!("{} raises {}", deed(m), kind.word()));
                if arrived {
                    self.leave(target.id, self.me);
                }
                let error = objects::failed(target.kind, &self.object_name(target.id), kind, &text);
                self.answer(then, Answer::Raise(error))
            }
            Outcome::Wait(memo) if !arrived && objects::arrival_matters(target.kind, self.first_word(target.id)) => {
                self.say(|m| format!("{}: waits", deed(m)));
                let method = op.method;
                let op = Box::new(Try { memo: Some(memo), ..op });
                self.change_task(self.me, |t| t.at = At::Operate { op, timed, then });
                self.arrive(target.id, self.me, 0, method);
                Act::Went
            }
            Outcome::Wait(memo) if timed => self.give_up(op, memo, then),
            _ => Act::Blocked,
        }
    }

    fn answer_text(&self, value: &Value) -> String {
        match value {
            Value::None => String::new(),
            Value::Bool(true) => String::new(),
            value => format!(": {}", self.marked(value)),
        }
    }

    /// The time of a wait is over.
    fn give_up(&mut self, op: Try, memo: u64, then: Then) -> Act {
        let target = op.target;
        if op.memo.is_some() {
            self.leave(target.id, self.me);
        }
        self.say(|m| {
            let name = KINDS[target.kind as usize].methods[op.method as usize].word();
            format!("{name} {}: time-out", m.marked_name(target.id))
        });
        let memo = op.memo.unwrap_or(memo);
        match objects::give_up(self, target.kind, target.id, op.method, memo) {
            Outcome::Done(value) => self.answer(then, Answer::Value(value)),
            Outcome::Raise(kind, text) => {
                let error = objects::failed(target.kind, &self.object_name(target.id), kind, &text);
                self.answer(then, Answer::Raise(error))
            }
            Outcome::Instead { object, method, memo } => {
                let target = ObjRef { id: object, kind: self.kind(object) };
                let op = Box::new(Try { target, method, args: Vec::new(), memo: Some(memo) });
                self.change_task(self.me, |t| t.at = At::Operate { op, timed: false, then });
                self.arrive(object, self.me, 0, method);
                Act::Went
            }
            Outcome::Wait(_) => self.answer(then, Answer::Value(Value::None)),
        }
    }

    // -------------------------------------------------------- ends, processes

    fn exit(&mut self, code: i32) -> Act {
        self.end(Ended { how: How::Exited(code), result: Value::None })
    }

    fn end(&mut self, ended: Ended) -> Act {
        if self.come_to_end(ended) { Act::Over } else { Act::Went }
    }

    fn leave_pool(&mut self) -> Act {
        if self.leave_worker() { Act::Over } else { Act::Went }
    }

    fn fork(&mut self) -> Act {
        if self.fork_here().is_some() { Act::Went } else { Act::Blocked }
    }

    /// In the parent the answer is the child's pid.
    pub fn answer_fork(&mut self, child: TaskId) -> Option<()> {
        self.go_on(Ok(Value::Int(super::process::PID_FIRST + i64::from(child))));
        Some(())
    }

    /// `wait()`: for any of the forked children, or for one.
    fn wait_child(&mut self, pid: Option<i64>) -> Act {
        let children = self.forked_children(pid);
        if children.is_empty() {
            let text = match pid {
                Some(pid) => format!("{pid} is no forked child to wait for"),
                None => "there is no forked child to wait for".to_string(),
            };
            return self.answer(Then::Machine, Answer::Raise(Error::new(ErrorKind::NoChild, text)));
        }
        let arm = |(i, task): (usize, &TaskId)| (i, Self::join_op(ObjRef { id: *task, kind: objects::place::task }));
        let arms: Vec<(usize, Try)> = children.iter().enumerate().map(arm).collect();
        let of = arms.len();
        self.select_again(arms, of, false, false, Then::Reap { children })
    }

    fn reaped(&mut self, children: &[TaskId], value: &Value) -> Act {
        let place = match value {
            Value::List(items) => match items.first() {
                Some(Value::Int(i)) => *i as usize,
                _ => 0,
            },
            _ => 0,
        };
        let code = self.take_child(children[place.min(children.len() - 1)]);
        self.go_on(Ok(code))
    }

    // ----------------------------------------------------------------- select

    fn select(&mut self, arms: &[Arm], after: bool, otherwise: bool, then: Then) -> Act {
        let live: Vec<(usize, Try)> = arms
            .iter()
            .enumerate()
            .filter_map(|(i, a)| {
                let (target, method) = a.target?;
                Some((i, Try { target, method, args: a.args.as_slice().to_vec(), memo: None }))
            })
            .collect();
        for (_, op) in &live {
            let options = self.object(op.target.id, |o| o.options).unwrap_or(0);
            if let Some(error) = objects::no_arm(op.target.kind, options) {
                return self.answer(then, Answer::Raise(error));
            }
        }
        self.select_again(live, arms.len(), after, otherwise, then)
    }

    fn select_again(
        &mut self,
        mut arms: Vec<(usize, Try)>,
        of: usize,
        after: bool,
        otherwise: bool,
        then: Then,
    ) -> Act {
        let mut ready = Vec::new();
        for (i, (_, arm)) in arms.iter_mut().enumerate() {
            let op = arm.clone();
            let outcome =
                self.probe(|m| objects::attempt(m, op.target.kind, op.target.id, op.method, &op.args, op.memo));
            match outcome {
                Outcome::Done(_) | Outcome::Raise(..) => ready.push(i),
                Outcome::Wait(memo) if arm.memo.is_none() => arm.memo = Some(memo),
                _ => {}
            }
        }
        let arrived = self.task(self.me, |t| matches!(t.at, At::Select { arrived: true, .. })).unwrap_or(false);
        if !ready.is_empty() {
            let numbers: Vec<u32> = ready.iter().map(|i| arms[*i].0 as u32).collect();
            let i = ready[self.choose_arm(&numbers)];
            let (number, mut op) = arms[i].clone();
            if arrived {
                for (_, arm) in &arms {
                    self.leave(arm.target.id, self.me);
                }
            } else {
                op.memo = None;
            }
            let outcome = self.operate(op.target.kind, op.target.id, op.method, &op.args, op.memo);
            let name = KINDS[op.target.kind as usize].methods[op.method as usize].word();
            return match outcome {
                Outcome::Done(value) => {
                    self.say(|m| match then {
                        // Of a forked child, of which there may be several.
                        Then::Reap { .. } => format!("wait: {}", m.marked_name(op.target.id)),
                        _ => format!("select: {name} {}{}", m.marked_name(op.target.id), m.answer_text(&value)),
                    });
                    self.answer(then, Answer::Value(Value::list(vec![Value::Int(number as i64), value])))
                }
                Outcome::Raise(kind, text) => {
                    self.say(|m| format!("select: {name} {} raises {}", m.marked_name(op.target.id), kind.word()));
                    let error = objects::failed(op.target.kind, &self.object_name(op.target.id), kind, &text);
                    self.answer(then, Answer::Raise(error))
                }
                _ => Act::Blocked,
            };
        }
        if otherwise {
            self.say(|_| "select: else".to_string());
            return self.answer(then, Answer::Value(Value::list(vec![Value::Int(of as i64), Value::None])));
        }
        let matters = |m: &Self, op: &Try| objects::arrival_matters(op.target.kind, m.first_word(op.target.id));
        if !arrived && arms.iter().any(|(_, op)| matters(self, op)) {
            self.say(|_| {
                if matches!(then, Then::Reap { .. }) { "wait for a child: waits" } else { "select: waits" }.to_string()
            });
            let me = self.me;
            for (number, op) in &arms {
                self.arrive(op.target.id, me, *number, op.method);
            }
            self.change_task(me, |t| t.at = At::Select { arms, of, after, otherwise, arrived: true, then });
            return Act::Went;
        }
        if after {
            self.say(|_| "select: after".to_string());
            if arrived {
                for (_, arm) in &arms {
                    self.leave(arm.target.id, self.me);
                }
            }
            return self.answer(then, Answer::Value(Value::list(vec![Value::Int(of as i64), Value::None])));
        }
        Act::Blocked
    }

    // ------------------------------------------------------------------- join

    fn join_op(target: ObjRef) -> Try {
        Try { target, method: objects::join_method(target.kind), args: vec![Value::None], memo: None }
    }

    fn join(&mut self, targets: Vec<ObjRef>, next: usize, timed: bool, all: bool) -> Act {
        match targets.get(next) {
            None => self.joined(all),
            Some(target) => {
                let op = Self::join_op(*target);
                self.attempt(op, timed, Then::Join { targets, next, timed, all })
            }
        }
    }

    fn joined(&mut self, all: bool) -> Act {
        if all {
            self.change_task(self.me, |t| t.spawned.clear());
        }
        self.go_on(Ok(Value::Bool(true)))
    }

    /// The next of several is a step of its own.
    fn join_next(&mut self, targets: Vec<ObjRef>, next: usize, timed: bool, all: bool) -> Act {
        let Some(target) = targets.get(next) else { return self.joined(all) };
        let op = Box::new(Self::join_op(*target));
        let then = Then::Join { targets, next, timed, all };
        self.change_task(self.me, |t| t.at = At::Operate { op, timed, then });
        Act::Went
    }

    /// A worker has its next job, or none.
    fn take_job(&mut self, job: Value) -> Act {
        let parts = match &job {
            Value::List(job) => match (job.first(), job.get(1)) {
                (Some(Value::Object(handle)), Some(Value::Function(function))) => {
                    Some((*handle, *function, job[2..].to_vec()))
                }
                _ => None,
            },
            _ => None,
        };
        let Some((handle, function, args)) = parts else { return self.leave_pool() };
        self.operate(handle.kind, handle.id, task::BEGIN, &[], None);
        let mut machine = Task::new(self.program, function, &args, &[]);
        self.change_task(self.me, |t| t.job = Some(handle));
        let step = machine.advance(self.program, self);
        self.stand(machine, step);
        Act::Went
    }
}
