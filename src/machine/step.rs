//! What a task asks of the backend: its next step, with the operands.

use crate::program::Program;
use crate::program::code::SelfInfo;
use crate::program::kind::{Memory, Update};
use crate::program::value::{Error, ErrorKind, ObjRef, Value};

/// Up to three arguments of a method, without an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Args {
    len: u8,
    values: [Value; 3],
}

impl Args {
    pub const NONE: Args = Args { len: 0, values: [Value::None, Value::None, Value::None] };

    /// The most arguments a method has is three: `put`.
    #[inline]
    pub fn from_slice(values: &[Value]) -> Args {
        let mut args = Args::NONE;
        for (place, value) in args.values.iter_mut().zip(values) {
            *place = value.clone();
            args.len += 1;
        }
        args
    }
    pub fn one(value: Value) -> Args {
        Args { len: 1, values: [value, Value::None, Value::None] }
    }
    pub fn set(&mut self, index: usize, value: Value) {
        if let Some(place) = self.values.get_mut(index) {
            *place = value;
            self.len = self.len.max(index as u8 + 1);
        }
    }
    pub fn as_slice(&self) -> &[Value] {
        &self.values[..self.len as usize]
    }
}

/// Where a place in memory belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Home {
    /// `Program::cells`.
    Declared,
    /// The places of a record of that number; `var` fields count apart from
    /// the others.
    Record(u32),
}

/// One place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub home: Home,
    pub index: u32,
    pub memory: Memory,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    Write(Value),
    /// Indivisible; the operands it needs, else `none`.
    Update(Update, Value, Value),
}

/// An arm of a `select`, its object read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arm {
    /// `None`: the arm is on `none` and never ready.
    pub target: Option<(ObjRef, u8)>,
    pub args: Args,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskField {
    Name,
    Alive,
    Pid,
    Result,
    ExitCode,
}

/// So many tasks one `spawn` makes at the most: there may be no more at once. Nobody who
/// carries out its step makes any if it is to make more.
pub const SPAWN_MAX: u32 = 4094;

/// So many processes may live within each other, each made by the one before. For each further
/// one the kernel goes through what all above it have of each piece of memory: the 300th takes
/// 6 ms, the 1000th 50. Nobody carries out the step that would make one more.
pub const PROCESSES_DEEP: usize = 256;

/// A `spawn` with its operands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpawnStep {
    pub function: u32,
    pub process: bool,
    pub daemon: bool,
    /// First values of the new task's first locals.
    pub args: Vec<Value>,
    /// First values of others: a block's copies.
    pub captures: Vec<(u16, Value)>,
    /// `x N`: which of the N this step makes; its answer is a list.
    pub indices: Option<std::ops::Range<u32>>,
    /// Each of the N is made by a step of its own.
    pub one_of_several: bool,
    pub name: Option<String>,
}

impl SpawnStep {
    /// Whether it is to make more tasks than there may be at once.
    pub fn is_too_many(&self) -> bool {
        self.indices.as_ref().is_some_and(|all| all.end - all.start > SPAWN_MAX)
    }
}

/// The next step of a task.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Access {
        place: Place,
        access: Access,
    },
    Operate {
        object: ObjRef,
        method: u8,
        args: Args,
    },
    /// Answered by the chosen arm's index (the number of arms: `after` or
    /// `else`) and its value.
    Select {
        arms: Vec<Arm>,
        after: Option<i64>,
        otherwise: bool,
    },
    /// Answered by the handle, or a list of them with a count.
    Spawn(Box<SpawnStep>),
    Submit {
        pool: ObjRef,
        function: u32,
        args: Vec<Value>,
    },
    /// Answered by a bool.
    Join {
        targets: Vec<ObjRef>,
        timeout: Option<i64>,
    },
    JoinAll {
        timeout: Option<i64>,
    },
    Terminate(ObjRef),
    Kill(ObjRef),
    Exit(i32),
    Fork,
    Wait(Option<i64>),
    Sleep(i64),
    Busy(i64),
    Yield,
    Print(String),
    /// Answered by a number below it.
    Choose(u64),
    SelfInfo(SelfInfo),
    TaskField {
        task: ObjRef,
        field: TaskField,
    },
    New {
        site: u32,
        args: Vec<Value>,
        /// It is a pool whose workers are made with it.
        hires: bool,
    },
    /// The worker of this number of a pool whose workers are made one by one.
    /// Answered by whether there is another one to make.
    Hire {
        pool: ObjRef,
        index: u32,
    },
    NewRecord {
        site: u32,
        values: Vec<Value>,
        /// It has such a pool.
        hires: bool,
    },
    AtomicBegin,
    AtomicEnd,
    /// From here to `AwaitEnd` the task looks, and nobody changes anything.
    /// `nested`: it is the first statement of an `atomically`.
    AwaitBegin {
        site: u32,
        nested: bool,
    },
    /// What it saw. If false, wait until something of it has changed; the task
    /// then looks again. If true and not nested, the look is over.
    AwaitEnd {
        site: u32,
        nested: bool,
        holds: bool,
    },
    /// Not a step: the host said that it was wanted.
    Interrupted,
    /// Not a step: the task has come by a function of a later text than its
    /// program, and goes on with a newer one.
    Renew,
    /// The body has ended, with this value.
    End(Value),
    /// An error that nobody caught.
    Failed(Error),
}

impl Step {
    /// Each value among what it makes an object or a job of.
    pub fn each_value(&self, each: &mut impl FnMut(&Value)) {
        match self {
            Step::New { args: values, .. } | Step::NewRecord { values, .. } => values.iter().for_each(each),
            Step::Submit { pool, args, .. } => {
                each(&Value::Object(*pool));
                args.iter().for_each(each);
            }
            _ => {}
        }
    }

    /// Why `finally` cannot do it, which runs when all others have ended.
    pub fn needs_others(&self) -> Option<Error> {
        let deed = match self {
            Step::Spawn(_) => "spawns a task",
            Step::Submit { .. } => "hands over a job",
            Step::Fork | Step::Hire { .. } => "makes a process",
            Step::Wait(_) | Step::AwaitBegin { .. } | Step::Sleep(_) => "waits",
            Step::Terminate(_) | Step::Kill(_) => "ends a task",
            Step::Exit(_) => "ends a process",
            Step::Choose(_) => "chooses",
            _ => return None,
        };
        let text = format!("`finally` runs when all has ended, and this {deed}");
        Some(Error::new(ErrorKind::Type, text))
    }

    /// Whether it may change something that others can see, or be seen itself.
    pub fn may_change(&self, program: &Program) -> bool {
        let only_itself = matches!(
            self,
            Step::New { .. }
                | Step::NewRecord { .. }
                | Step::Busy(_)
                | Step::Yield
                | Step::AwaitBegin { .. }
                | Step::AwaitEnd { .. }
        );
        !only_itself && self.more_than_a_look(program).is_some()
    }

    /// Why what looks from outside, an `invariant` or an `expect`, cannot do it: it is more than
    /// a look. The compiler refuses that but behind values that only the run knows.
    pub fn more_than_a_look(&self, program: &Program) -> Option<Error> {
        let deed = match self {
            Step::Access { access: Access::Read | Access::Update(Update::Load, ..), .. }
            | Step::SelfInfo(_)
            | Step::TaskField { .. }
            | Step::Interrupted
            | Step::Renew
            | Step::End(_)
            | Step::Failed(_) => return None,
            Step::Operate { object, method, .. } => {
                let method = &program.kinds[object.kind as usize].methods[*method as usize];
                if method.looks {
                    return None;
                }
                &format!("calls `{}`", method.word())
            }
            Step::Access { .. } => "changes a variable",
            Step::Spawn(_) => "spawns a task",
            Step::Submit { .. } => "hands over a job",
            Step::Fork | Step::Hire { .. } => "makes a process",
            Step::Terminate(_) | Step::Kill(_) | Step::Exit(_) => "ends a task",
            Step::Print(_) => "prints",
            Step::Choose(_) => "chooses",
            Step::New { .. } => "makes an object",
            Step::NewRecord { .. } => "makes a record",
            Step::AtomicBegin | Step::AtomicEnd => "is an `atomically` block",
            Step::Select { .. }
            | Step::Join { .. }
            | Step::JoinAll { .. }
            | Step::Wait(_)
            | Step::Sleep(_)
            | Step::Busy(_)
            | Step::Yield
            | Step::AwaitBegin { .. }
            | Step::AwaitEnd { .. } => "waits",
        };
        let text = format!("an `invariant` or an `expect` looks from outside, and this {deed}");
        Some(Error::new(ErrorKind::Type, text))
    }

    /// Whether the step counts: whether it is one at which tasks can be
    /// interleaved. All others are nobody else's affair, `print` among them, and
    /// go with the step before; that a body has ended is told by a turn behind
    /// its last step. Whatever makes tasks counts, since these have their numbers in
    /// the order of the turns.
    pub fn is_turn(&self) -> bool {
        !matches!(
            self,
            Step::End(_)
                | Step::Failed(_)
                | Step::Busy(_)
                | Step::Yield
                | Step::Print(_)
                | Step::SelfInfo(SelfInfo::Handle | SelfInfo::Name | SelfInfo::Index | SelfInfo::Pid | SelfInfo::Tid)
                | Step::New { hires: false, .. }
                | Step::NewRecord { hires: false, .. }
                | Step::Choose(_)
                | Step::Interrupted
                | Step::TaskField { field: TaskField::Name | TaskField::Pid, .. }
        )
    }
}
