//! A state of a program as a whole: memory, objects, tasks, processes, and the
//! clocks of what came before what. It owns what two states are equal by, which is
//! everything.
//!
//! The clocks are plain vector clocks (Mattern): each counts, for every task, how
//! many of its stretches of accesses are over. A stretch ends when the task hands
//! its clock on. Where races are not asked for, all of them stay at zero.

use crate::code::Code;
use crate::model::{Fault, Kind, Memory, Program, Spawned, Val};

/// So many tasks at most.
pub const TASKS: usize = 8;
pub type Clock = [u8; TASKS];

pub fn join(into: &mut Clock, other: &Clock) {
    into.iter_mut().zip(other).for_each(|(a, b)| *a = (*a).max(*b));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    Unset,
    Int(i32),
    Bool(bool),
    None,
}

/// A place in memory, of one process if it is a `var`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    pub value: Value,
    /// Of the operation that wrote the value, if it was an indivisible one.
    pub written: Clock,
    /// By whether it wrote and whether it was indivisible: the stretch of each
    /// task's last access.
    pub reached: [[Clock; 2]; 2],
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    Lock {
        owner: Option<usize>,
        depth: u8,
        clock: Clock,
    },
    RwLock {
        writer: Option<usize>,
        readers: Vec<usize>,
        written: Clock,
        read: Clock,
    },
    Semaphore {
        value: i32,
        clock: Clock,
    },
    /// The tasks that wait, and whether anybody has notified when nobody did.
    Condition {
        waiting: Vec<usize>,
        notified: bool,
    },
    Event {
        set: bool,
        was_set: bool,
        clock: Clock,
    },
    Barrier {
        arrived: Vec<usize>,
        broken: bool,
        clock: Clock,
        reset: Clock,
    },
    Latch {
        value: i32,
        clock: Clock,
    },
    Queue {
        values: Vec<(Value, Clock)>,
        closed: bool,
        fresh: usize,
        freed: Vec<Clock>,
        clock: Clock,
    },
}

/// How far a task is with an operation that takes several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wait {
    No,
    /// It waits with a time-out; who waits without one need not be seen to.
    Timed,
    Read(usize),
    Write(usize),
    /// For a condition or an event; whether it was told before that wait began.
    Condition {
        told: bool,
    },
    Event {
        object: usize,
        told: bool,
    },
    Notified(bool),
    Set,
    /// It selects, and waits; whether one of its events was set before.
    Select {
        told: bool,
    },
    /// One of its events is set while it waits: of this arm.
    Arm(usize),
    Barrier(usize),
    Passed(usize),
    Broken,
    Give(usize, Value),
    Take(usize),
    Met(Value),
    /// It selected, and was met in this arm.
    MetArm(usize, Value),
    /// So many of those that it spawns at once are there.
    Made(usize),
    /// It has looked, and saw these values.
    Looked([Value; 2]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    Returned,
    Failed(Fault),
    Terminated,
    Signal(i32),
    Exited(i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Runs,
    /// A worker of the pool without a job.
    Idle,
    /// The first task of a process, which waits for the others.
    Leaves(End),
    Ended(End),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    pub declared: usize,
    /// Its number among those of one `spawn`.
    pub index: usize,
    pub spawner: usize,
    pub process: usize,
    pub kind: Spawned,
    pub status: Status,
    pub pc: usize,
    pub regs: Vec<Value>,
    pub wait: Wait,
    pub fault: Option<Fault>,
    pub to_end: bool,
    /// Of one that was forked: its number among those of its parent, and whether its end was
    /// taken by a `wait()`.
    pub fork: usize,
    pub reaped: bool,
    /// Of a worker: the number of its job.
    pub job: Option<usize>,
    /// The last line it printed; `Unset` is none, `None` a line without a value.
    pub printed: Value,
    pub clock: Clock,
    /// It has accessed memory since it last handed its clock on.
    pub dirty: bool,
    /// What it gets when its wait ends.
    pub gift: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobStatus {
    Queued,
    /// A worker is at it.
    Runs(usize),
    Ended,
    /// It never ends: it was dropped, or its worker's process ended.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Job {
    pub declared: usize,
    pub status: JobStatus,
    /// Of who submitted it, later of its end.
    pub clock: Clock,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    pub first: usize,
    pub over: bool,
    pub signal: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// By process; what is not a `var` is in the first.
    pub memory: Vec<Vec<Cell>>,
    pub objects: Vec<Object>,
    pub tasks: Vec<Task>,
    pub processes: Vec<Process>,
    pub atomically: Clock,
    /// Of the pool: all jobs that were ever submitted, and whether it takes more.
    pub jobs: Vec<Job>,
    pub closed: bool,
}

impl Object {
    /// This task is over, and is not notified any more.
    pub fn forget(&mut self, t: usize) {
        if let Object::Condition { waiting, .. } = self {
            waiting.retain(|w| *w != t);
        }
    }
}

impl Cell {
    /// As a process has it that is forked now. The copy has a past of its own, which
    /// is before all of the child.
    pub fn of_a_child(&self, memory: Memory) -> Cell {
        let mut cell = self.clone();
        cell.reached = [[[0; TASKS]; 2]; 2];
        if memory != Memory::Var {
            cell.value = Value::Unset;
            cell.written = [0; TASKS];
        }
        cell
    }
}

impl Value {
    pub fn text(self) -> String {
        match self {
            Value::Unset => unreachable!("no script reads what it has not set"),
            Value::Int(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::None => "none".to_string(),
        }
    }
}

impl Task {
    /// What is left over of what it did is nobody's.
    pub fn clear(&mut self) {
        self.regs.fill(Value::Unset);
        self.wait = Wait::No;
        self.gift = [0; TASKS];
        self.fault = None;
        self.pc = 0;
        self.to_end = false;
    }

    pub fn lives(&self) -> bool {
        !matches!(self.status, Status::Ended(_))
    }

    pub fn value(&self, val: Val) -> Value {
        match val {
            Val::Int(n) => Value::Int(n),
            Val::Reg(r) => self.regs[r],
            Val::Plus(r, n) => match self.regs[r] {
                Value::Int(m) => Value::Int(m + n),
                other => unreachable!("{other:?} + {n}"),
            },
        }
    }
}

impl State {
    pub fn first(program: &Program, regs: usize) -> State {
        let cell = |value| Cell { value, written: [0; TASKS], reached: [[[0; TASKS]; 2]; 2] };
        let objects = program.objects.iter().map(|o| match o.kind {
            Kind::Lock { .. } => Object::Lock { owner: None, depth: 0, clock: [0; TASKS] },
            Kind::RwLock => Object::RwLock { writer: None, readers: Vec::new(), written: [0; TASKS], read: [0; TASKS] },
            Kind::Semaphore(value) => Object::Semaphore { value, clock: [0; TASKS] },
            Kind::Condition(_) => Object::Condition { waiting: Vec::new(), notified: false },
            Kind::Event => Object::Event { set: false, was_set: false, clock: [0; TASKS] },
            Kind::Barrier(_) => {
                Object::Barrier { arrived: Vec::new(), broken: false, clock: [0; TASKS], reset: [0; TASKS] }
            }
            Kind::Latch(value) => Object::Latch { value, clock: [0; TASKS] },
            Kind::Queue(most) => Object::Queue {
                values: Vec::new(),
                closed: false,
                fresh: most.unwrap_or(0),
                freed: Vec::new(),
                clock: [0; TASKS],
            },
        });
        let mut state = State {
            memory: vec![program.places.iter().map(|p| cell(Value::Int(p.first))).collect()],
            objects: objects.collect(),
            tasks: Vec::new(),
            processes: vec![Process { first: 0, over: false, signal: None }],
            atomically: [0; TASKS],
            jobs: Vec::new(),
            closed: false,
        };
        state.add_task(0, 0, 0, 0, Spawned::Process, regs);
        if let Some(pool) = program.pool {
            for index in 0..pool.workers {
                let process = if pool.processes { state.processes.len() } else { 0 };
                if pool.processes {
                    state.processes.push(Process { first: state.tasks.len(), over: false, signal: None });
                    state.memory.push(
                        state.memory[0].iter().zip(&program.places).map(|(c, p)| c.of_a_child(p.memory)).collect(),
                    );
                }
                state.add_task(0, index, 0, process, Spawned::Worker, regs);
                state.tasks[index + 1].status = Status::Idle;
            }
        }
        state
    }

    pub fn add_task(
        &mut self,
        declared: usize,
        index: usize,
        spawner: usize,
        process: usize,
        kind: Spawned,
        regs: usize,
    ) {
        self.tasks.push(Task {
            declared,
            index,
            spawner,
            process,
            kind,
            status: Status::Runs,
            pc: 0,
            regs: vec![Value::Unset; regs],
            wait: Wait::No,
            fault: None,
            to_end: false,
            fork: 0,
            reaped: false,
            job: None,
            printed: Value::Unset,
            clock: [0; TASKS],
            dirty: false,
            gift: [0; TASKS],
        });
    }

    /// Where this task finds a place.
    pub fn at(&self, program: &Program, task: usize, place: usize) -> usize {
        if program.places[place].memory == Memory::Var { self.tasks[task].process } else { 0 }
    }

    /// Whether all have ended.
    pub fn over(&self) -> bool {
        self.tasks.iter().all(|t| !t.lives())
    }

    /// It was spawned as the task of that number, and is no copy of such a one.
    pub fn spawned_as(&self, task: usize, declared: usize) -> bool {
        self.tasks[task].declared == declared && self.tasks[task].kind != Spawned::Fork
    }

    /// The children that were forked in this process and not waited for yet.
    pub fn forked(&self, process: usize) -> Vec<usize> {
        let its = |t: &usize| {
            let task = &self.tasks[*t];
            task.kind == Spawned::Fork && !task.reaped && self.tasks[task.spawner].process == process
        };
        (0..self.tasks.len()).filter(its).collect()
    }

    /// It holds some lock.
    pub fn holds(&self, task: usize) -> bool {
        self.objects.iter().any(|o| match o {
            Object::Lock { owner, .. } => *owner == Some(task),
            Object::RwLock { writer, readers, .. } => *writer == Some(task) || readers.contains(&task),
            _ => false,
        })
    }

    /// Ended, as one who joins it sees it.
    pub fn ended(&self, task: usize) -> bool {
        !self.tasks[task].lives()
    }

    /// Of this process, or of those that its tasks have spawned: who has to end
    /// before it does.
    pub fn waited_for(&self, process: usize) -> Vec<usize> {
        let first = self.processes[process].first;
        let of = |t: &Task| {
            !matches!(t.kind, Spawned::Daemon | Spawned::Worker | Spawned::Fork)
                && (t.process == process || t.kind == Spawned::Process && self.tasks[t.spawner].process == process)
        };
        (0..self.tasks.len()).filter(|t| *t != first && of(&self.tasks[*t])).collect()
    }

    /// What this task has handed on at its end, for who joins it: with it its
    /// process's threads and what these have spawned.
    pub fn last_clock(&self, task: usize) -> Clock {
        let mut clock = self.tasks[task].clock;
        if matches!(self.tasks[task].kind, Spawned::Process | Spawned::Fork) {
            for (ix, other) in self.tasks.iter().enumerate() {
                if ix != task && ix != 0 && other.process == self.tasks[task].process {
                    join(&mut clock, &other.clock);
                }
                if other.kind == Spawned::Process
                    && ix != 0
                    && self.tasks[other.spawner].process == self.tasks[task].process
                    && other.process != self.tasks[task].process
                {
                    join(&mut clock, &self.last_clock(ix));
                }
            }
        }
        clock
    }
}

/// Codes with what they have in common.
pub struct Codes {
    pub codes: Vec<Code>,
    pub regs: usize,
    /// Registers from here on are not the script's.
    pub temporary: usize,
}
