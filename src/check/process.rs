//! Processes in the model: who is born where, with which memory, and which children
//! it has. How they end is `ending`. What `conc run` does with real processes is
//! `run::spawn`.

use super::moves::Move;
use super::part::*;
use crate::machine::Task;
use crate::machine::step::{PROCESSES_DEEP, SpawnStep};
use crate::objects::{self, KINDS, TaskId, WORDS, World, pool, task};
use crate::program::code::{FieldArg, FieldKind};
use crate::program::kind::Memory;
use crate::program::value::{Error, ObjRef, Value};
use std::sync::Arc;

/// Process numbers of the model begin here; they are nobody's real ones.
pub const PID_FIRST: i64 = 1000;
/// The place in the source of what a declaration made.
pub const NOWHERE: u32 = u32::MAX;

pub(super) fn handle(id: u32) -> ObjRef {
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

    /// Whether one more process may live within this one.
    pub(super) fn has_depth(&self) -> bool {
        let mut below = Some(self.home);
        for depth in 0..PROCESSES_DEEP {
            let Some(process) = below else { return true };
            // Who makes another has the smaller number: there are no more above than that. So
            // they are looked at, and waited for, only where there may be too many.
            if depth + (process as usize) + 1 < PROCESSES_DEEP {
                return true;
            }
            let alive = self.process(process, |p| (!p.dead).then_some(p.parent.map(|above| above.1)));
            let Some(above) = alive.flatten() else { return true };
            below = above;
        }
        false
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
            format!("makes {} with {} worker{s}", m.marked_name(id), workers.len())
        });
        self.change_object(id, |o| o.workers = workers);
    }

    /// One worker of a pool of processes; whether there is another one to be made.
    pub fn hire(&mut self, target: ObjRef, index: u32) -> Value {
        let worker = self.make_worker(target.id, true, index);
        self.change_object(target.id, |o| o.workers.push(worker));
        self.released = true;
        self.say(|m| format!("makes {}.worker#{index}", m.marked_name(target.id)));
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

    pub(super) fn take_step(id: u32) -> At {
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
        self.say(|m| format!("fork {}", m.marked_name(id)));
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

    pub(super) fn next_child(&self) -> Option<TaskId> {
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
