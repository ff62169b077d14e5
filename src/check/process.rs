//! Processes and endings in the model: who is born where, with which memory,
//! and what an end, `exit`, `terminate` or `kill` does to whom. What `conc run`
//! does with real processes is `run::spawn` and `run::supervisor`; what the
//! kernel leaves open there (when a signal takes effect) is open here.

use super::model::Memorable;
use super::moves::Move;
use super::order::Knower;
use super::part::*;
use super::seen::Event;
use super::step::Ran;
use crate::machine::step::SpawnStep;
use crate::machine::{Step, Task};
use crate::objects::{self, KINDS, TaskId, WORDS, World, pool, task};
use crate::program::code::{FieldArg, FieldKind};
use crate::program::kind::Memory;
use crate::program::value::{Error, ErrorKind, ObjRef, Value};
use std::sync::Arc;

/// Process numbers of the model begin here; they are nobody's real ones.
pub const PID_FIRST: i64 = 1000;
/// The place in the source of what a declaration made.
pub const NOWHERE: u32 = u32::MAX;

const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

fn handle(id: u32) -> ObjRef {
    ObjRef { id, kind: objects::place::task }
}

/// What a new task is told.
struct Newborn {
    function: u32,
    name: String,
    index: u32,
    site: Option<u32>,
    daemon: bool,
    process: bool,
    forked: bool,
    pool: Option<u32>,
}

impl Move<'_> {
    // ------------------------------------------------------------------ birth

    /// The first of `count` numbers for what is made here: those of the least
    /// how-many-eth that nothing has by now.
    pub fn bear_number(&self, site: u32, count: u32) -> u32 {
        // No object is ever taken away, so those that it has made there have the numbers up
        // to some `n`. Each that is looked at here is there for good or stands behind all
        // of them, and the last two that are looked at say which is the first one that is
        // not: in another state with the same looks it is the same one.
        let made = |n: u32| self.born(self.me, site, n).is_some_and(|id| self.object(id, |_| ()).is_some());
        let (mut least, mut beyond) = (0, 1);
        // So many at least, and fewer than so many.
        while made(beyond - 1) {
            (least, beyond) = (beyond, beyond * 2);
        }
        while least + 1 < beyond {
            let middle = least + (beyond - least) / 2;
            if made(middle - 1) { least = middle } else { beyond = middle }
        }
        let id = self.birth(self.me, site, least, count);
        self.object(id, |_| ());
        id
    }

    fn object_part(kind: u8, words: [u64; WORDS], options: u32, born: Born) -> ObjectPart {
        let (values, waiters, holders, workers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        ObjectPart { kind, words, options, born, values, waiters, holders, workers }
    }

    fn bear(&mut self, id: u32, newborn: Newborn, at: At, machine: Option<Task>, process: TaskId) {
        let birth = Birth {
            id,
            function: newborn.function,
            name: Arc::from(newborn.name.as_str()),
            index: newborn.index,
            spawner: Some(self.me),
            site: newborn.site,
            process: newborn.process,
            daemon: newborn.daemon,
            forked: newborn.forked,
            pool: newborn.pool,
        };
        let part = TaskPart {
            birth: Arc::new(birth),
            machine,
            at,
            held: Vec::new(),
            footprint: Vec::new(),
            spawned: Vec::new(),
            printed: None,
            printed_before: Vec::new(),
            dying: false,
            halted: false,
            process,
            job: None,
            site: newborn.site.unwrap_or(NOWHERE),
        };
        let lives = !matches!(part.at, At::Ended(_));
        self.put(Key::Object(id), Part::Object(Self::object_part(objects::place::task, [0; WORDS], 0, Born::Task)));
        self.put(Key::Task(id), Part::Task(part));
        if lives {
            self.order_born(id, process);
            self.did(super::seen::Deed::Born(id));
        }
        if let Some(log) = &mut self.log {
            log.born.push(id);
        }
        self.released = true;
    }

    /// A child with a memory of its own: a copy of this process's.
    fn bear_process(&mut self, id: u32) {
        let home = self.home;
        let records = self.process(home, |p| p.records.clone()).unwrap_or_default();
        let part = ProcessPart {
            parent: Some((self.me, home)),
            first: id,
            children: Vec::new(),
            forks: 0,
            records: records.clone(),
            dying: None,
            dead: false,
            exit_code: 0,
        };
        self.put(Key::Process(id), Part::Process(part));
        self.put(Key::Threads(id), Part::Threads(vec![id]));
        let copy = |m: &mut Self, from: Key, to: Key| {
            let ix = m.place(from);
            if let Some(value) = m.cell(ix, |c| c.value.clone()) {
                m.put(to, Part::Cell(CellPart { value, accessors: Vec::new() }));
            }
        };
        let private: Vec<u32> = self.private_cells().collect();
        for cell in private {
            copy(self, Key::Var { process: home, cell }, Key::Var { process: id, cell });
        }
        for record in records {
            for index in 0..self.var_fields(record) {
                let (from, to) = (home, id);
                copy(
                    self,
                    Key::VarField { process: from, record, index },
                    Key::VarField { process: to, record, index },
                );
            }
        }
    }

    fn private_cells(&self) -> impl Iterator<Item = u32> + use<> {
        let program = self.program;
        program.memory.iter().filter(|d| d.memory == Memory::Var).flat_map(|d| d.first..d.first + d.count.unwrap_or(1))
    }

    fn var_fields(&self, record: u32) -> u32 {
        let structure = crate::machine::Host::structure(self, record);
        let fields = &self.program.structs[structure as usize].fields;
        let count = |f: &crate::program::code::Field| match &f.what {
            FieldKind::Memory { memory: Memory::Var, .. } => f.count.unwrap_or(1),
            _ => 0,
        };
        fields.iter().map(count).sum()
    }

    fn adopt(&mut self, task: TaskId, process: bool, forked: bool, daemon: bool, worker: bool) {
        let ended: Vec<TaskId> = self
            .process(self.home, |p| p.children.iter().filter(|c| !c.settled && !c.process).map(|c| c.task).collect())
            .unwrap_or_default();
        let over: Vec<TaskId> = ended.into_iter().filter(|t| self.word(*t, task::STATE) != task::RUNNING).collect();
        let processes: Vec<TaskId> = self
            .process(self.home, |p| {
                p.children.iter().filter(|c| !c.settled && c.process && !c.forked).map(|c| c.task).collect()
            })
            .unwrap_or_default();
        // Ended ones leave the kernel's table whenever a new process is made.
        let reaped: Vec<TaskId> = if process {
            processes.into_iter().filter(|t| self.word(*t, task::STATE) != task::RUNNING).collect()
        } else {
            Vec::new()
        };
        self.change_process(self.home, |p| {
            p.children.retain(|c| !c.settled && !over.contains(&c.task) && !reaped.contains(&c.task));
            p.children.push(Child { task, process, forked, daemon, worker, settled: false });
        });
    }

    pub fn spawn_one(&mut self, step: &SpawnStep, name: String, index: u32) -> ObjRef {
        let id = self.bear_number(self.site, 1);
        let mut machine = Task::new(self.program, step.function, &step.args, &step.captures);
        let newborn = Newborn {
            function: step.function,
            name,
            index,
            site: Some(self.site),
            daemon: step.daemon,
            process: step.process,
            forked: false,
            pool: None,
        };
        let home = if step.process { id } else { self.home };
        let first = machine.advance(self.program, self);
        self.bear(id, newborn, At::Step(Box::new(first)), Some(machine), home);
        if step.process {
            self.bear_process(id);
        } else {
            self.change_threads(home, |tasks| tasks.push(id));
        }
        self.adopt(id, step.process, false, step.daemon, false);
        if !step.daemon {
            self.change_task(self.me, |t| t.spawned.push(handle(id)));
        }
        handle(id)
    }

    pub fn bear_job(&mut self, id: u32, function: u32, name: &str, pool: u32) -> ObjRef {
        let ended = Ended { how: How::Returned, result: Value::None };
        let newborn = Newborn {
            function,
            name: name.to_string(),
            index: self.object(pool, |o| o.words[pool::SUBMITTED]).unwrap_or(0) as u32,
            site: Some(self.site),
            daemon: false,
            process: false,
            forked: false,
            pool: None,
        };
        let home = self.home;
        self.bear(id, newborn, At::Ended(ended), None, home);
        self.set(id, task::POOL, u64::from(pool) + 1);
        handle(id)
    }

    /// Makes the workers of a pool, of one that has them made at once.
    pub fn open_pool(&mut self, id: u32, options: u32) {
        let workers = self.word(id, pool::WORKERS) as u32;
        let workers: Vec<TaskId> =
            (0..workers).map(|n| self.make_worker(id, options & pool::OF_PROCESSES != 0, n)).collect();
        self.say(|m| {
            let s = if workers.len() == 1 { "" } else { "s" };
            format!("makes {} with {} worker{s}", m.object_name(id), workers.len())
        });
        self.change_object(id, |o| o.workers = workers);
    }

    /// One worker of a pool of processes; whether there is another one to be made.
    pub fn hire(&mut self, target: ObjRef, index: u32) -> Value {
        let worker = self.make_worker(target.id, true, index);
        self.change_object(target.id, |o| o.workers.push(worker));
        self.released = true;
        self.say(|m| format!("makes {}.worker#{index}", m.object_name(target.id)));
        Value::Bool(u64::from(index) + 1 < self.word(target.id, pool::WORKERS))
    }

    fn make_worker(&mut self, id: u32, process: bool, index: u32) -> TaskId {
        let worker = self.birth(id, NOWHERE, index, 1);
        let newborn = Newborn {
            function: self.program.main,
            name: format!("{}.worker#{index}", self.object_name(id)),
            index,
            site: (self.site != NOWHERE).then_some(self.site),
            daemon: false,
            process,
            forked: false,
            pool: Some(id),
        };
        let home = if process { worker } else { self.home };
        self.bear(worker, newborn, Self::take_step(id), None, home);
        if process {
            self.bear_process(worker);
        } else {
            self.change_threads(home, |tasks| tasks.push(worker));
        }
        self.adopt(worker, process, false, true, true);
        worker
    }

    fn take_step(id: u32) -> At {
        let target = ObjRef { id, kind: objects::place::pool };
        let op = Box::new(Try { target, method: pool::TAKE, args: Vec::new(), memo: None });
        At::Operate { op, timed: false, then: Then::Take }
    }

    pub fn new_object(&mut self, site: u32, args: &[Value]) -> Result<Value, Error> {
        let new = &self.program.news[site as usize];
        let spec = &KINDS[new.kind as usize];
        let all = objects::arguments(spec, &new.given, args);
        let words = objects::init(new.kind, &all, new.options).map_err(|(kind, text)| Error::new(kind, text))?;
        let id = self.bear_number(self.site, 1);
        self.put(Key::Object(id), Part::Object(Self::object_part(new.kind, words, new.options, Born::New(site))));
        if new.kind == objects::place::pool && !self.program.hires_apart(new.kind, new.options) {
            self.open_pool(id, new.options);
        }
        Ok(Value::Object(ObjRef { id, kind: new.kind }))
    }

    pub fn new_record(&mut self, site: u32, values: &[Value]) -> Result<Value, Error> {
        let program = self.program;
        let record = &program.records[site as usize];
        let structure = &program.structs[record.structure as usize];
        let parts: u32 = structure
            .fields
            .iter()
            .map(|f| if matches!(f.what, FieldKind::Object { .. }) { f.count.unwrap_or(1) } else { 0 })
            .sum();
        let first = self.bear_number(self.site, 1 + parts);
        let kind = objects::place::record;
        self.put(Key::Object(first), Part::Object(Self::object_part(kind, [0; WORDS], 0, Born::Record(site))));
        let home = self.home;
        self.change_process(home, |p| p.records.push(first));
        let names_another = |field: &crate::program::code::Field| match &field.what {
            FieldKind::Object { args, .. } => args.iter().any(|a| matches!(a, FieldArg::Sibling(_))),
            FieldKind::Memory { .. } => false,
        };
        // A field that names another one comes after all that name none.
        for late in [false, true] {
            for (index, field) in structure.fields.iter().enumerate().filter(|(_, f)| names_another(f) == late) {
                let given = record.fields.iter().position(|f| *f as usize == index).and_then(|i| values.get(i));
                self.make_field(first, record.structure, index as u32, field, given)?;
            }
        }
        Ok(Value::Object(ObjRef { id: first, kind }))
    }

    fn make_field(
        &mut self,
        record: u32,
        structure: u32,
        number: u32,
        field: &crate::program::code::Field,
        given: Option<&Value>,
    ) -> Result<(), Error> {
        for i in 0..field.count.unwrap_or(1) {
            match &field.what {
                FieldKind::Memory { memory, first, init } => {
                    let value = given.unwrap_or(init).clone();
                    let key = match memory {
                        Memory::Var => Key::VarField { process: self.home, record, index: first + i },
                        _ => Key::Field { record, index: first + i },
                    };
                    self.put(key, Part::Cell(CellPart { value, accessors: Vec::new() }));
                }
                FieldKind::Object { kind, first, args, options } => {
                    let sibling = |number: &u32| {
                        let id = record + 1 + number;
                        Value::Object(ObjRef { id, kind: self.kind(id) })
                    };
                    let args: Vec<Value> = args
                        .iter()
                        .map(|a| match a {
                            FieldArg::Value(v) => v.clone(),
                            FieldArg::Sibling(n) => sibling(n),
                        })
                        .collect();
                    let words = objects::init(*kind, &args, *options).map_err(|(kind, text)| Error::new(kind, text))?;
                    let id = record + 1 + first + i;
                    let born = Born::Field { record, structure, field: number, index: i };
                    self.put(Key::Object(id), Part::Object(Self::object_part(*kind, words, *options, born)));
                    if *kind == objects::place::pool && !self.program.hires_apart(*kind, *options) {
                        self.open_pool(id, *options);
                    }
                }
            }
        }
        Ok(())
    }

    /// The script's `fork()`.
    pub(super) fn fork_here(&mut self) -> Option<()> {
        let me = self.me;
        let home = self.home;
        let number = self.change_process(home, |p| {
            p.forks += 1;
            p.forks
        })?;
        let (machine, body, job, name) = self.task(me, |t| {
            let machine = t.machine.clone();
            (machine, t.birth.function, t.job, format!("{}.fork#{number}", t.birth.name))
        })?;
        // What a worker's child is in the middle of is the job.
        let function = job.and_then(|j| self.task(j.id, |t| t.birth.function)).unwrap_or(body);
        let id = self.bear_number(self.site, 1);
        let mut child = machine?;
        let (site, process) = (Some(self.site), true);
        let newborn = Newborn { function, name, index: 0, site, daemon: false, process, forked: true, pool: None };
        let next = child.resume(self.program, Value::Int(0));
        let first = match next {
            Some(step) => step,
            None => child.advance(self.program, self),
        };
        self.bear(id, newborn, At::Step(Box::new(first)), Some(child), id);
        self.bear_process(id);
        self.adopt(id, true, true, false, false);
        self.say(|m| format!("fork {}", m.object_name(id)));
        self.answer_fork(id)
    }

    // -------------------------------------------------------------- children

    pub fn settle(&mut self, task: TaskId) {
        self.change_process(self.home, |p| {
            if let Some(child) = p.children.iter_mut().find(|c| c.task == task && !c.forked) {
                child.settled = true;
            }
        });
    }

    fn next_child(&self) -> Option<TaskId> {
        self.process(self.home, |p| p.children.iter().find(|c| !c.settled && !c.forked && !c.daemon).map(|c| c.task))?
    }

    /// Whether what a task waits for all of is joined in one step. A way that is
    /// to be shown is gone step by step, as a run goes it.
    pub fn together(&self) -> bool {
        self.model.together && self.log.is_none()
    }

    pub(super) fn has_ended(&self, task: TaskId) -> bool {
        self.word(task, task::STATE) != task::RUNNING
    }

    /// Of the tasks that the running one has spawned and not joined, the first
    /// that has not ended.
    pub fn spawned_and_runs(&self) -> Option<ObjRef> {
        let spawned = self.task(self.me, |t| t.spawned.clone()).unwrap_or_default();
        spawned.into_iter().find(|h| !self.has_ended(h.id))
    }

    /// Of those that the end of this process waits for, the first that has not
    /// ended.
    pub fn child_that_runs(&self) -> Option<ObjRef> {
        let wanted = |c: &&Child| !c.settled && !c.forked && !c.daemon;
        let children: Vec<TaskId> =
            self.process(self.home, |p| p.children.iter().filter(wanted).map(|c| c.task).collect()).unwrap_or_default();
        children.into_iter().find(|c| !self.has_ended(*c)).map(handle)
    }

    pub(super) fn forked_children(&self, pid: Option<i64>) -> Vec<TaskId> {
        self.process(self.home, |p| {
            let wanted = |c: &&Child| c.forked && !c.settled && pid.is_none_or(|n| n == PID_FIRST + i64::from(c.task));
            p.children.iter().filter(wanted).map(|c| c.task).collect()
        })
        .unwrap_or_default()
    }

    /// A forked child was waited for: its exit code.
    pub(super) fn take_child(&mut self, child: TaskId) -> Value {
        self.change_process(self.home, |p| {
            if let Some(c) = p.children.iter_mut().find(|c| c.task == child) {
                c.settled = true;
            }
        });
        let signal = self.process(child, |p| match p.dying {
            Some(How::Signalled(n)) => Some(-i64::from(n)),
            _ => Some(i64::from(p.exit_code)),
        });
        Value::Int(signal.flatten().unwrap_or(0))
    }

    // ------------------------------------------------------------------- ends

    /// The end of a body, a job or a process.
    pub(super) fn come_to_end(&mut self, ended: Ended) -> bool {
        let me = self.me;
        let exits = matches!(ended.how, How::Exited(_));
        if let (Some(job), false) = (self.task(me, |t| t.job).flatten(), exits) {
            self.finish_handle(job.id, &ended);
            let pool = self.task(me, |t| t.birth.pool).flatten().unwrap_or(0);
            self.change_task(me, |t| {
                t.job = None;
                t.machine = None;
                t.at = Self::take_step(pool);
            });
            return false;
        }
        if exits || self.task(me, |t| t.birth.process).unwrap_or(false) {
            return self.process_ends(ended);
        }
        self.say(|_| "ends".to_string());
        self.tell_end(me, &ended);
        true
    }

    /// Whether it has ended; if not, it waits for a child first.
    fn process_ends(&mut self, ended: Ended) -> bool {
        let me = self.me;
        if !matches!(ended.how, How::Exited(_))
            && let Some(child) = self.next_child()
        {
            if self.together() && self.child_that_runs().is_some() {
                self.change_task(me, |t| {
                    t.machine = None;
                    t.at = At::Closing(ended);
                });
                return false;
            }
            let args = task::quietly().to_vec();
            let op = Box::new(Try { target: handle(child), method: task::JOIN, args, memo: None });
            let then = Then::Child { child, ended: Box::new(ended) };
            self.change_task(me, |t| {
                t.machine = None;
                t.at = At::Operate { op, timed: false, then };
            });
            return false;
        }
        let code = match ended.how {
            How::Exited(code) => code,
            How::Failed(_) => 1,
            _ => 0,
        };
        self.note_children();
        let home = self.home;
        self.come_after_threads();
        self.change_process(home, |p| p.exit_code = code);
        let pool = self.task(me, |t| t.birth.pool).flatten();
        self.say(|_| match ended.how {
            How::Exited(code) => format!("exit {code}"),
            _ if pool.is_some() => "leaves the pool".to_string(),
            _ => "ends".to_string(),
        });
        if let Some(pool) = pool {
            // A job's `exit` takes its worker along: who joins the pool waits for it no more.
            // Its leaving hands on what it has done, so it comes before its end.
            self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        }
        self.tell_end(me, &ended);
        if self.model.movers.workers && self.has_workers(home) {
            self.model.guards().give_up(Memorable::Workers);
        }
        self.process_is_over(How::Exited(code));
        true
    }

    /// The task at hand ends its process: all that the threads of that did comes before.
    /// They make no further step, so nobody need be compared with them.
    fn come_after_threads(&mut self) {
        let (me, home) = (self.me, self.home);
        let others: Vec<TaskId> =
            self.threads(home, |all| all.iter().copied().filter(|t| *t != me).collect()).unwrap_or_default();
        for thread in others {
            self.order_thread(thread);
            self.footprint_of(thread);
        }
        if me == home {
            self.order_acquire(Knower::Clock(home, 0));
        }
    }

    /// What the thread did comes before the end of its process, which it is not the first
    /// task of.
    fn pass_to_process(&mut self, of: TaskId, home: TaskId) {
        // Of races that footprints tell its end says enough, and nobody joins `main`.
        if of != home && home != self.program.objects.len() as TaskId && self.model.exact && !self.has_ended(home) {
            self.operate(objects::place::task, home, task::PASS, &[], None);
        }
    }

    /// This process ends, with what is left in it.
    fn process_is_over(&mut self, how: How) {
        let home = self.home;
        // As in a run: the end of a process is one moment for all its threads.
        let others = self.threads(home, <[TaskId]>::to_vec).unwrap_or_default();
        for thread in &others {
            self.change_task(*thread, |t| t.halted = true);
        }
        let alone = others.is_empty()
            && self.process(home, |p| p.children.iter().all(|c| c.settled || !c.process)).unwrap_or(true);
        self.change_process(home, |p| {
            p.dying = p.dying.or(Some(how));
            p.dead = alone;
        });
    }

    /// Whether workers are left that end with the process, whatever they hold.
    fn has_workers(&self, process: TaskId) -> bool {
        let tasks = self.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
        let children = self.process(process, |p| p.children.clone()).unwrap_or_default();
        tasks.iter().any(|t| self.task(*t, |t| t.birth.pool.is_some()).unwrap_or(false))
            || children.iter().any(|c| c.worker && c.process && self.process(c.task, |p| !p.dead).unwrap_or(false))
    }

    /// Where the two were made.
    fn birth_sites(&self, child: TaskId, parent: TaskId) -> [Option<u32>; 2] {
        [child, parent].map(|of| self.task(of, |t| t.birth.site).flatten())
    }

    fn note_children(&mut self) {
        let children: Vec<TaskId> = self.forked_children(None);
        // Children are the process's, whichever of its threads ends it.
        let parent = self.home;
        for child in children {
            let sites = self.birth_sites(child, parent);
            let event = if self.word(child, task::STATE) != task::RUNNING {
                Event::Zombie { child, parent, sites }
            } else {
                Event::Orphan { child, parent, sites }
            };
            self.events.push(event);
        }
    }

    fn finish_handle(&mut self, id: u32, ended: &Ended) {
        let state = match ended.how {
            How::Returned => task::RETURNED,
            How::Failed(_) => task::FAILED,
            _ => task::ENDED,
        };
        let code = match ended.how {
            How::Failed(_) => 1,
            How::Exited(code) => i64::from(code),
            How::Signalled(n) => -i64::from(n),
            _ => 0,
        };
        let args = [Value::Int(state as i64), Value::Int(code), ended.result.clone()];
        self.operate(objects::place::task, id, task::FINISH, &args, None);
    }

    /// Publishes a task's end: what it still holds stays held.
    fn tell_end(&mut self, of: TaskId, ended: &Ended) {
        let (held, home) = self.task(of, |t| (t.held.clone(), t.process)).unwrap_or_default();
        let wanted_by_none = !held.is_empty() && self.buries && self.serves(of) && self.only_serve();
        if !wanted_by_none {
            self.events.extend(held.into_iter().map(|hold| Event::Abandoned { task: of, hold }));
        }
        self.pass_to_process(of, home);
        self.finish_handle(of, ended);
        self.order_ended(of);
        self.change_task(of, |t| {
            if let Some(machine) = &t.machine {
                t.site = machine.pc();
            }
            t.machine = None;
            t.spawned.clear();
            t.at = At::Ended(ended.clone());
        });
        self.change_threads(home, |tasks| tasks.retain(|t| *t != of));
    }

    /// A daemon or a pool's worker: it is there for others.
    fn serves(&self, task: TaskId) -> bool {
        self.task(task, |t| t.birth.daemon || t.birth.pool.is_some()).unwrap_or(false)
    }

    /// Whether nobody lives but those who are there for others: then nobody wants
    /// what they hold any more.
    fn only_serve(&self) -> bool {
        let wants = |m: &Self, process| {
            let tasks = m.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
            tasks.iter().any(|t| !m.serves(*t))
        };
        !self.some_process(wants)
    }

    /// There are no more jobs for a worker; whether it has ended. One that is a process
    /// leaves with it, as it ends.
    pub(super) fn leave_worker(&mut self) -> bool {
        let me = self.me;
        let ended = Ended { how: How::Returned, result: Value::None };
        if self.task(me, |t| t.birth.process).unwrap_or(false) {
            return self.process_ends(ended);
        }
        let pool = self.task(me, |t| t.birth.pool).flatten().unwrap_or(0);
        self.say(|_| "leaves the pool".to_string());
        // Its leaving hands on what it has done, so it comes before its end.
        self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        self.tell_end(me, &ended);
        true
    }

    // --------------------------------------------------- terminate, kill, death

    pub fn terminate(&mut self, target: ObjRef) -> Result<Value, Error> {
        if target.kind != objects::place::task {
            return Err(Error::new(ErrorKind::Type, "only a task can be terminated"));
        }
        self.say(|m| format!("terminate {}", m.object_name(target.id)));
        if self.word(target.id, task::STATE) != task::RUNNING {
            return Ok(Value::None);
        }
        if self.word(target.id, task::POOL) != 0 {
            return Err(Error::new(ErrorKind::Type, "a job cannot be terminated; its pool can: `p.terminate()`"));
        }
        self.stop_task(target.id, How::Signalled(SIGTERM));
        Ok(Value::None)
    }

    pub fn kill(&mut self, target: ObjRef) -> Result<Value, Error> {
        let is_task = target.kind == objects::place::task;
        let process = is_task && self.task(target.id, |t| t.birth.process).unwrap_or(false);
        if is_task && !process && self.word(target.id, task::POOL) != 0 {
            return Err(Error::new(ErrorKind::Type, "a job cannot be killed; its pool can end: `p.terminate()`"));
        }
        if !process {
            let text = "only a process can be killed; a thread is stopped with `terminate`";
            return Err(Error::new(ErrorKind::Type, text));
        }
        self.say(|m| format!("kill {}", m.object_name(target.id)));
        if self.word(target.id, task::STATE) == task::RUNNING {
            self.stop_task(target.id, How::Signalled(SIGKILL));
        }
        Ok(Value::None)
    }

    /// A process gets the signal; a thread is told to stop. It takes effect at
    /// some moment from now on; on the task that says so, at once.
    pub fn stop_task(&mut self, target: TaskId, how: How) {
        let process = self.task(target, |t| t.birth.process).unwrap_or(false);
        if process {
            self.change_process(target, |p| p.dying = p.dying.or(Some(how)));
            if target == self.home {
                self.change_task(self.me, |t| t.halted = true);
            }
        } else {
            self.change_task(target, |t| t.dying = true);
        }
    }

    /// Whether the task has stopped itself, or its process, by the step at hand; then it
    /// makes no further one.
    pub(super) fn has_stopped_itself(&self, step: &Step) -> bool {
        let (Step::Terminate(target) | Step::Kill(target)) = step else { return false };
        self.task(self.me, |t| t.halted || target.id == self.me && t.dying).unwrap_or(false)
    }

    /// Its end after that: of a thread now, of a process when the system gets to it.
    pub(super) fn stop_itself(&mut self) {
        if self.task(self.me, |t| !t.halted).unwrap_or(false) {
            self.stop_thread();
            self.say(|_| "terminate itself".to_string());
        }
    }

    /// The transition of a thread that was told to stop, or of a pool's worker.
    pub fn stop_thread(&mut self) -> Ran {
        let me = self.me;
        if self.task(me, |t| t.halted).unwrap_or(false) {
            return Ran::Blocked;
        }
        self.say(|_| "is stopped".to_string());
        self.withdraw(me);
        let process = self.task(me, |t| t.birth.process).unwrap_or(false);
        if process {
            self.note_children();
        }
        let ended = Ended { how: How::Terminated, result: Value::None };
        if let Some(job) = self.task(me, |t| t.job).flatten() {
            self.finish_handle(job.id, &ended);
        }
        let pool = self.task(me, |t| t.birth.pool).flatten();
        if let Some(pool) = pool {
            self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
        }
        self.tell_end(me, &ended);
        if process {
            self.process_is_over(How::Exited(0));
        }
        Ran::Went { alone: false }
    }

    fn withdraw(&mut self, of: TaskId) {
        let objects: Vec<u32> = self
            .task(of, |t| match &t.at {
                At::Operate { op, .. } if op.memo.is_some() => vec![op.target.id],
                At::Select { arms, arrived: true, .. } => arms.iter().map(|a| a.1.target.id).collect(),
                _ => Vec::new(),
            })
            .unwrap_or_default();
        for object in objects {
            self.leave(object, of);
        }
    }

    /// The transition of a process that is to end: all its tasks end.
    pub fn bury(&mut self, process: TaskId) -> Ran {
        let Some((Some(how), children)) = self.process(process, |p| (p.dying, p.children.clone())) else {
            return Ran::Blocked;
        };
        let mut tasks = self.threads(process, <[TaskId]>::to_vec).unwrap_or_default();
        // Whoever waits for the end of the process waits for its first task.
        tasks.sort_by_key(|of| *of == process);
        self.say(|_| "its process ends".to_string());
        // A process that told its end by itself ended its threads, though it may have been
        // killed on its way out.
        let signalled = matches!(how, How::Signalled(_)) && !self.has_ended(process);
        self.buries = true;
        for of in tasks {
            self.withdraw(of);
            let first = self.task(of, |t| t.birth.process).unwrap_or(false);
            let how = if first || signalled { how } else { How::Terminated };
            let ended = Ended { how, result: Value::None };
            let pool = self.task(of, |t| t.birth.pool).flatten();
            // Its last deed, in its own name.
            let (me, home) = (std::mem::replace(&mut self.me, of), self.home);
            self.site = self.task(of, |t| t.machine.as_ref().map_or(t.site, Task::pc)).unwrap_or(NOWHERE);
            if let Some(pool) = pool {
                self.operate(objects::place::pool, pool, pool::LEAVE, &[], None);
            }
            self.tell_end(of, &ended);
            self.footprint_clear();
            (self.me, self.home) = (me, home);
        }
        self.buries = false;
        for child in children.iter().filter(|c| c.process) {
            let alive = self.process(child.task, |p| !p.dead).unwrap_or(false);
            if !alive {
                continue;
            }
            if !child.forked {
                self.change_process(child.task, |p| p.dying = p.dying.or(Some(How::Signalled(SIGKILL))));
            } else if signalled && self.word(child.task, task::STATE) == task::RUNNING {
                let sites = self.birth_sites(child.task, process);
                self.events.push(Event::Orphan { child: child.task, parent: process, sites });
            }
        }
        self.change_process(process, |p| p.dead = true);
        Ran::Went { alone: false }
    }

    // ---------------------------------------------------------------- the start

    /// The state before anything has run: memory, objects, `main`.
    pub fn begin(&mut self, main: TaskId) -> Result<(), (usize, String)> {
        let program = self.program;
        self.order_begin();
        for (id, decl) in program.objects.iter().enumerate() {
            let words = objects::init(decl.kind, &decl.args, decl.options).map_err(|(_, text)| (id, text))?;
            let part = Self::object_part(decl.kind, words, decl.options, Born::Declared);
            self.put(Key::Object(id as u32), Part::Object(part));
        }
        for decl in &program.memory {
            for cell in decl.first..decl.first + decl.count.unwrap_or(1) {
                let key = match decl.memory {
                    Memory::Var => Key::Var { process: main, cell },
                    _ => Key::Shared(cell),
                };
                self.put(key, Part::Cell(CellPart { value: decl.init.clone(), accessors: Vec::new() }));
            }
        }
        let process = ProcessPart {
            parent: None,
            first: main,
            children: Vec::new(),
            forks: 0,
            records: Vec::new(),
            dying: None,
            dead: false,
            exit_code: 0,
        };
        self.put(Key::Process(main), Part::Process(process));
        self.put(Key::Threads(main), Part::Threads(vec![main]));
        let mut machine = Task::new(program, program.main, &[], &[]);
        let newborn = Newborn {
            function: program.main,
            name: "main".to_string(),
            index: 0,
            site: None,
            daemon: false,
            process: true,
            forked: false,
            pool: None,
        };
        self.site = NOWHERE;
        let first = machine.advance(program, self);
        self.bear(main, newborn, At::Step(Box::new(first)), Some(machine), main);
        self.change_task(main, |t| {
            let mut birth = (*t.birth).clone();
            birth.spawner = None;
            t.birth = Arc::new(birth);
        });
        for (id, decl) in program.objects.iter().enumerate() {
            if decl.kind == objects::place::pool {
                self.open_pool(id as u32, decl.options);
            }
        }
        Ok(())
    }
}
