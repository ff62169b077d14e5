//! A program as the oracle knows it, and its text as a script. It owns the parts
//! of the language that are compared: memory, objects, tasks, control.
//!
//! Names of registers are the same everywhere (`r3`): each is declared once.

use std::fmt::Write;

pub type Reg = usize;
pub type Block = Vec<Stmt>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    Var,
    Shared,
    Atomic,
}

/// Where a place or an object is kept, and so by which name a task comes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    Declared,
    /// A field of the record of that number: all are of one struct, which `main` makes
    /// before all else and hands to every task.
    Field(usize),
    /// Made by `main` before all else, and handed to every task.
    Local,
}

#[derive(Clone, Debug)]
pub struct Place {
    pub name: &'static str,
    pub home: Home,
    pub memory: Memory,
    pub first: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Lock {
        reentrant: bool,
    },
    RwLock,
    Semaphore(i32),
    /// With the number of its lock.
    Condition(usize),
    Event,
    Barrier(usize),
    Latch(i32),
    /// `None` is unbounded.
    Queue(Option<usize>),
}

#[derive(Clone, Debug)]
pub struct Object {
    pub name: &'static str,
    pub home: Home,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Val {
    Int(i32),
    Reg(Reg),
    Plus(Reg, i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    Eq,
    Ne,
    Lt,
    Gt,
}

#[derive(Clone, Debug)]
pub enum Cond {
    Place(usize, Test, i32),
    Reg(Reg, Test, i32),
    True(Reg),
    False(Reg),
    Look(usize, Look),
    /// `not m.acquire(blocking: false)`, for a spin.
    NotTaken(usize),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
}

/// What makes no order.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Locked,
    IsSet,
    Value(Test, i32),
    Size(Test, i32),
}

#[derive(Clone, Copy, Debug)]
pub enum Method {
    Load,
    Store(i32),
    Add(i32),
    Swap(i32),
    Cas(i32, i32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Acquire,
    AcquireRead,
    AcquireWrite,
    Release,
    ReleaseRead,
    ReleaseWrite,
    Wait,
    Notify,
    NotifyAll,
    Set,
    Clear,
    CountDown,
    Put(Val),
    Get,
    Close,
    Abort,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Wait,
    Try,
    Timed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    Empty,
    Full,
    Closed,
    NotOwner,
    BrokenBarrier,
    Negative,
    Assertion,
    Raised,
    NoChild,
}

/// Where the value of an operation goes: a new register or one there is.
#[derive(Clone, Copy, Debug)]
pub struct Into {
    pub reg: Reg,
    pub new: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    Lock,
    Read,
    Write,
}

#[derive(Clone, Debug)]
pub enum Stmt {
    Let(Reg, i32),
    Read(Reg, usize),
    Write(usize, Val),
    Copy(usize, usize),
    AddTo(usize, i32),
    Method(Option<Reg>, usize, Method),
    If(Cond, Block, Block),
    While(Cond, Block),
    Loop(Block),
    Repeat(i32, Block),
    ForQueue(Reg, usize, Block),
    Break,
    Continue,
    Return,
    With(usize, Hold, Block),
    Op(Option<Into>, usize, Op, How),
    Try(Block, Vec<Fault>, Block),
    Raise,
    Assert(Cond),
    Await(Cond),
    Atomically(Option<Cond>, Block),
    Choose(Reg, i32),
    Select(Vec<Arm>, Otherwise),
    Print(Option<Reg>),
    Yield,
    Sleep,
    /// Spawns the task of that number as it is declared to be.
    Spawn(usize),
    Join(usize),
    JoinFor(Reg, usize),
    JoinAll,
    /// The answer goes to the register: zero in the child.
    Fork(Reg),
    /// For a child that was forked, for any or for that of this answer; with its exit code.
    WaitChild(Reg, Option<Reg>),
    /// Submits the job of that number, as often as it is declared to be.
    Submit(usize),
    ClosePool,
    TerminatePool,
    /// With the answer of one that waits for a while.
    JoinPool(Option<Reg>),
    Terminate(usize),
    Kill(usize),
    Exit(i32),
}

#[derive(Clone, Debug)]
pub struct Arm {
    pub into: Option<Reg>,
    pub object: usize,
    pub op: Op,
    pub body: Block,
}

#[derive(Clone, Debug)]
pub enum Otherwise {
    Nothing,
    Else(Block),
    After(Block),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Spawned {
    Thread,
    Daemon,
    Process,
    /// By `fork()`; what it does is declared for its parent.
    Fork,
    /// Submitted to the pool.
    Job,
    /// One of the pool's.
    Worker,
}

#[derive(Clone, Copy, Debug)]
pub struct Pool {
    pub workers: usize,
    pub processes: bool,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub body: Block,
    pub spawned: Spawned,
    /// So many at once.
    pub count: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Program {
    pub places: Vec<Place>,
    pub objects: Vec<Object>,
    pub pool: Option<Pool>,
    /// The first is `main`.
    pub tasks: Vec<Task>,
    pub invariants: Vec<Cond>,
    pub finally: Option<Cond>,
    /// `some`, else `every`.
    pub expects: Vec<(bool, Cond)>,
}

impl Fault {
    pub const ALL: [Fault; 9] = [
        Fault::Empty,
        Fault::Full,
        Fault::Closed,
        Fault::NotOwner,
        Fault::BrokenBarrier,
        Fault::Negative,
        Fault::Assertion,
        Fault::Raised,
        Fault::NoChild,
    ];
}

impl Task {
    pub fn main(body: Block) -> Task {
        Task { body, spawned: Spawned::Process, count: 1 }
    }
}

/// The names of the records.
const RECORDS: [&str; 2] = ["one", "two"];

fn reached(name: &str, home: Home) -> String {
    match home {
        Home::Declared | Home::Local => name.to_string(),
        Home::Field(record) => format!("{}.{name}", RECORDS[record]),
    }
}

impl Place {
    /// As reports name it: by its struct if it is a field.
    pub fn told(&self) -> String {
        if self.home == Home::Declared { self.name.to_string() } else { format!("S.{}", self.name) }
    }
}

impl Program {
    fn records(&self) -> usize {
        let homes = self.places.iter().map(|p| p.home).chain(self.objects.iter().map(|o| o.home));
        homes.map(|h| if let Home::Field(record) = h { record + 1 } else { 0 }).max().unwrap_or(0)
    }

    pub fn name(&self, task: usize) -> String {
        if task == 0 { "main".to_string() } else { format!("t{task}") }
    }

    pub fn text(&self) -> String {
        let mut p = Printer { program: self, out: String::new(), depth: 0 };
        p.items();
        p.out
    }
}

struct Printer<'a> {
    program: &'a Program,
    out: String,
    depth: usize,
}

impl Test {
    fn word(self) -> &'static str {
        match self {
            Test::Eq => "==",
            Test::Ne => "!=",
            Test::Lt => "<",
            Test::Gt => ">",
        }
    }
}

impl Val {
    fn text(self) -> String {
        match self {
            Val::Int(n) => n.to_string(),
            Val::Reg(r) => format!("r{r}"),
            Val::Plus(r, n) => format!("r{r} + {n}"),
        }
    }
}

impl Printer<'_> {
    fn items(&mut self) {
        self.fields(Home::Declared);
        if let Some(Pool { workers, processes }) = self.program.pool {
            self.line(&format!("pool p({workers}){}", if processes { " of processes" } else { "" }));
        }
        if self.program.records() > 0 {
            self.line("struct S {");
            self.depth += 1;
            self.fields(Home::Field(0));
            self.depth -= 1;
            self.line("}");
        }
        for cond in &self.program.invariants {
            self.line(&format!("invariant {}", self.cond(cond)));
        }
        for (ix, task) in self.program.tasks.iter().enumerate().skip(1) {
            self.block(&format!("task {}{}", self.program.name(ix), self.handed()), &task.body, "");
        }
        self.made();
        for stmt in &self.program.tasks[0].body {
            self.stmt(stmt);
        }
        if let Some(cond) = &self.program.finally {
            self.line(&format!("finally {{ assert {} }}", self.cond(cond)));
        }
        for (some, cond) in &self.program.expects {
            let which = if *some { "some" } else { "every" };
            self.line(&format!("expect {which} {}", self.cond(cond)));
        }
    }

    /// Declarations of what is kept there.
    fn fields(&mut self, home: Home) {
        for place in self.program.places.iter().filter(|p| p.home == home) {
            let memory = match place.memory {
                Memory::Var => "var",
                Memory::Shared => "shared",
                Memory::Atomic => "atomic",
            };
            self.line(&format!("{memory} {} = {}", place.name, place.first));
        }
        for object in self.program.objects.iter().filter(|o| o.home == home) {
            let name = object.name;
            self.line(&match object.kind {
                Kind::Lock { reentrant } => format!("lock {name}{}", if reentrant { " reentrant" } else { "" }),
                Kind::RwLock => format!("rwlock {name}"),
                Kind::Semaphore(n) => format!("semaphore {name}({n})"),
                Kind::Condition(lock) => format!("condition {name}({})", self.program.objects[lock].name),
                Kind::Event => format!("event {name}"),
                Kind::Barrier(n) => format!("barrier {name}({n})"),
                Kind::Latch(n) => format!("latch {name}({n})"),
                Kind::Queue(None) => format!("queue {name}"),
                Kind::Queue(Some(n)) => format!("queue {name}({n})"),
            });
        }
    }

    /// What `main` makes before all else.
    fn made(&mut self) {
        for record in RECORDS.iter().take(self.program.records()) {
            self.line(&format!("let {record} = S()"));
        }
        for object in self.program.objects.iter().filter(|o| o.home == Home::Local) {
            self.line(&format!(
                "let {} = {}",
                object.name,
                match object.kind {
                    Kind::Lock { reentrant: true } => "lock(reentrant: true)".to_string(),
                    Kind::Lock { .. } => "lock()".to_string(),
                    Kind::RwLock => "rwlock()".to_string(),
                    Kind::Semaphore(n) => format!("semaphore({n})"),
                    Kind::Condition(lock) => format!("condition({})", self.object(lock)),
                    Kind::Event => "event()".to_string(),
                    Kind::Barrier(n) => format!("barrier({n})"),
                    Kind::Latch(n) => format!("latch({n})"),
                    Kind::Queue(None) => "queue()".to_string(),
                    Kind::Queue(Some(n)) => format!("queue({n})"),
                }
            ));
        }
    }

    /// What every task gets from who begins it; parentheses may be left out if that is nothing.
    fn handed(&self) -> String {
        let records = RECORDS.iter().take(self.program.records()).copied();
        let locals = self.program.objects.iter().filter(|o| o.home == Home::Local).map(|o| o.name);
        let all: Vec<&str> = records.chain(locals).collect();
        if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) }
    }

    fn line(&mut self, text: &str) {
        writeln!(self.out, "{:indent$}{text}", "", indent = 4 * self.depth).expect("a string takes all");
    }

    fn block(&mut self, head: &str, body: &[Stmt], after: &str) {
        self.line(&format!("{head} {{"));
        self.inner(body);
        self.line(&format!("}}{after}"));
    }

    fn inner(&mut self, body: &[Stmt]) {
        self.depth += 1;
        body.iter().for_each(|s| self.stmt(s));
        self.depth -= 1;
    }

    fn place(&self, ix: usize) -> String {
        let Place { name, home, .. } = self.program.places[ix];
        reached(name, home)
    }

    fn object(&self, ix: usize) -> String {
        let Object { name, home, .. } = self.program.objects[ix];
        reached(name, home)
    }

    fn cond(&self, cond: &Cond) -> String {
        match cond {
            Cond::Place(p, test, n) => format!("{} {} {n}", self.place(*p), test.word()),
            Cond::Reg(r, test, n) => format!("r{r} {} {n}", test.word()),
            Cond::True(r) => format!("r{r}"),
            Cond::False(r) => format!("not r{r}"),
            Cond::Look(o, look) => {
                let name = self.object(*o);
                match look {
                    Look::Locked => format!("{name}.locked()"),
                    Look::IsSet => format!("{name}.is_set()"),
                    Look::Value(test, n) => format!("{name}.value() {} {n}", test.word()),
                    Look::Size(test, n) => format!("{name}.qsize() {} {n}", test.word()),
                }
            }
            Cond::NotTaken(o) => format!("not {}.acquire(blocking: false)", self.object(*o)),
            Cond::And(a, b) => format!("{} and {}", self.cond(a), self.cond(b)),
            Cond::Or(a, b) => format!("{} or {}", self.cond(a), self.cond(b)),
        }
    }

    fn operation(&self, object: usize, op: Op, how: How) -> String {
        let name = self.object(object);
        let how = match how {
            How::Wait => "",
            How::Try => "blocking: false",
            How::Timed => "timeout: 1ms",
        };
        match op {
            Op::Acquire => format!("{name}.acquire({how})"),
            Op::AcquireRead => format!("{name}.acquire_read({how})"),
            Op::AcquireWrite => format!("{name}.acquire_write({how})"),
            Op::Release => format!("{name}.release()"),
            Op::ReleaseRead => format!("{name}.release_read()"),
            Op::ReleaseWrite => format!("{name}.release_write()"),
            Op::Wait => format!("{name}.wait({how})"),
            Op::Notify => format!("{name}.notify()"),
            Op::NotifyAll => format!("{name}.notify_all()"),
            Op::Set => format!("{name}.set()"),
            Op::Clear => format!("{name}.clear()"),
            Op::CountDown => format!("{name}.count_down()"),
            Op::Put(v) if how.is_empty() => format!("{name}.put({})", v.text()),
            Op::Put(v) => format!("{name}.put({}, {how})", v.text()),
            Op::Get => format!("{name}.get({how})"),
            Op::Close => format!("{name}.close()"),
            Op::Abort => format!("{name}.abort()"),
            Op::Reset => format!("{name}.reset()"),
        }
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::Let(r, n) => self.line(&format!("let r{r} = {n}")),
            Stmt::Read(r, p) => self.line(&format!("let r{r} = {}", self.place(*p))),
            Stmt::Write(p, v) => self.line(&format!("{} = {}", self.place(*p), v.text())),
            Stmt::Copy(to, from) => self.line(&format!("{} = {}", self.place(*to), self.place(*from))),
            Stmt::AddTo(p, n) => self.line(&format!("{} += {n}", self.place(*p))),
            Stmt::Method(into, p, method) => {
                let head = into.map(|r| format!("let r{r} = ")).unwrap_or_default();
                let call = match method {
                    Method::Load => "load()".to_string(),
                    Method::Store(v) => format!("store({v})"),
                    Method::Add(n) => format!("add({n})"),
                    Method::Swap(v) => format!("swap({v})"),
                    Method::Cas(old, new) => format!("cas({old}, {new})"),
                };
                self.line(&format!("{head}{}.{call}", self.place(*p)));
            }
            Stmt::If(cond, yes, no) => {
                let head = format!("if {}", self.cond(cond));
                if no.is_empty() {
                    self.block(&head, yes, "");
                } else {
                    self.line(&format!("{head} {{"));
                    self.inner(yes);
                    self.block("} else", no, "");
                }
            }
            Stmt::While(cond, body) => self.block(&format!("while {}", self.cond(cond)), body, ""),
            Stmt::Loop(body) => self.block("loop", body, ""),
            Stmt::Repeat(n, body) => self.block(&format!("repeat {n}"), body, ""),
            Stmt::ForQueue(r, q, body) => self.block(&format!("for r{r} in {}", self.object(*q)), body, ""),
            Stmt::Break => self.line("break"),
            Stmt::Continue => self.line("continue"),
            Stmt::Return => self.line("return"),
            Stmt::With(o, hold, body) => {
                let side = match hold {
                    Hold::Lock => "",
                    Hold::Read => ".read",
                    Hold::Write => ".write",
                };
                self.block(&format!("with {}{side}", self.object(*o)), body, "");
            }
            Stmt::Op(into, o, op, how) => {
                let head = match into {
                    Some(Into { reg, new: true }) => format!("let r{reg} = "),
                    Some(Into { reg, new: false }) => format!("r{reg} = "),
                    None => String::new(),
                };
                self.line(&format!("{head}{}", self.operation(*o, *op, *how)));
            }
            Stmt::Try(body, faults, caught) => {
                self.line("try {");
                self.inner(body);
                let all = faults.len() == Fault::ALL.len();
                let names: Vec<String> = faults.iter().map(|f| format!("{f:?}")).collect();
                let names = if all { "any".to_string() } else { names.join(", ") };
                self.block(&format!("}} catch {names}"), caught, "");
            }
            Stmt::Raise => self.line("raise \"no\""),
            Stmt::Assert(cond) => self.line(&format!("assert {}", self.cond(cond))),
            Stmt::Await(cond) => self.line(&format!("await {}", self.cond(cond))),
            Stmt::Atomically(cond, body) => {
                self.line("atomically {");
                if let Some(cond) = cond {
                    self.line(&format!("    await {}", self.cond(cond)));
                }
                self.inner(body);
                self.line("}");
            }
            Stmt::Choose(r, n) => self.line(&format!("let r{r} = choose(0..{n})")),
            Stmt::Select(arms, otherwise) => {
                self.line("select {");
                self.depth += 1;
                for arm in arms {
                    let head = arm.into.map(|r| format!("r{r} = ")).unwrap_or_default();
                    let operation = self.operation(arm.object, arm.op, How::Wait);
                    self.block(&format!("{head}{operation} =>"), &arm.body, "");
                }
                match otherwise {
                    Otherwise::Nothing => {}
                    Otherwise::Else(body) => self.block("else =>", body, ""),
                    Otherwise::After(body) => self.block("after 1ms =>", body, ""),
                }
                self.depth -= 1;
                self.line("}");
            }
            Stmt::Print(Some(r)) => self.line(&format!("print \"p{{r{r}}}\"")),
            Stmt::Print(None) => self.line("print \"x\""),
            Stmt::Yield => self.line("yield"),
            Stmt::Sleep => self.line("sleep 1ms"),
            Stmt::Spawn(d) => {
                let task = &self.program.tasks[*d];
                let name = self.program.name(*d);
                let word = match task.spawned {
                    Spawned::Thread => "",
                    Spawned::Daemon => "daemon ",
                    Spawned::Process => "process ",
                    Spawned::Fork | Spawned::Job | Spawned::Worker => unreachable!("no `spawn` makes it"),
                };
                let count = if task.count > 1 { format!(" x{}", task.count) } else { String::new() };
                // A handle that is kept tells alike tasks apart.
                let kept = if self.program.names_handle(*d) { format!("let h{d} = ") } else { String::new() };
                self.line(&format!("{kept}spawn {word}{name}{}{count}", self.handed()));
            }
            Stmt::Join(d) => self.line(&format!("join h{d}")),
            Stmt::JoinFor(r, d) => self.line(&format!("let r{r} = join h{d} for 1ms")),
            Stmt::JoinAll => self.line("join all"),
            Stmt::Submit(d) => {
                let submit = format!("submit {}{} to p", self.program.name(*d), self.handed());
                match self.program.tasks[*d].count {
                    1 if self.program.names_handle(*d) => self.line(&format!("let h{d} = {submit}")),
                    1 => self.line(&submit),
                    n => self.line(&format!("repeat {n} {{ {submit} }}")),
                }
            }
            Stmt::Fork(r) => self.line(&format!("let r{r} = fork()")),
            Stmt::WaitChild(r, None) => self.line(&format!("let r{r} = wait()")),
            Stmt::WaitChild(r, Some(pid)) => self.line(&format!("let r{r} = wait(r{pid})")),
            Stmt::ClosePool => self.line("p.close()"),
            Stmt::TerminatePool => self.line("p.terminate()"),
            Stmt::JoinPool(None) => self.line("join p"),
            Stmt::JoinPool(Some(r)) => self.line(&format!("let r{r} = join p for 1ms")),
            Stmt::Terminate(d) => self.line(&format!("terminate h{d}")),
            Stmt::Kill(d) => self.line(&format!("kill h{d}")),
            Stmt::Exit(0) => self.line("exit"),
            Stmt::Exit(n) => self.line(&format!("exit {n}")),
        }
    }
}

impl Test {
    pub fn of(self, a: i32, b: i32) -> bool {
        match self {
            Test::Eq => a == b,
            Test::Ne => a != b,
            Test::Lt => a < b,
            Test::Gt => a > b,
        }
    }
}

impl Cond {
    /// Of what asks only for places: whether it holds before anything is done.
    pub fn at_first(&self, places: &[Place]) -> bool {
        match self {
            Cond::Place(p, test, n) => test.of(places[*p].first, *n),
            Cond::And(a, b) => a.at_first(places) && b.at_first(places),
            Cond::Or(a, b) => a.at_first(places) || b.at_first(places),
            _ => unreachable!("it asks for more"),
        }
    }

    /// What it asks of places.
    pub fn tests(&self, each: &mut dyn FnMut(usize, Test, i32)) {
        match self {
            Cond::Place(p, test, n) => each(*p, *test, *n),
            Cond::And(a, b) | Cond::Or(a, b) => {
                a.tests(each);
                b.tests(each);
            }
            _ => {}
        }
    }
}

impl Stmt {
    /// Its blocks.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Stmt::If(_, a, b) | Stmt::Try(a, _, b) => vec![a, b],
            Stmt::While(_, a)
            | Stmt::Loop(a)
            | Stmt::Repeat(_, a)
            | Stmt::ForQueue(_, _, a)
            | Stmt::With(_, _, a)
            | Stmt::Atomically(_, a) => vec![a],
            Stmt::Select(arms, otherwise) => {
                let mut out: Vec<&Block> = arms.iter().map(|a| &a.body).collect();
                if let Otherwise::Else(b) | Otherwise::After(b) = otherwise {
                    out.push(b);
                }
                out
            }
            _ => Vec::new(),
        }
    }

    pub fn blocks_mut(&mut self) -> Vec<&mut Block> {
        match self {
            Stmt::If(_, a, b) | Stmt::Try(a, _, b) => vec![a, b],
            Stmt::While(_, a)
            | Stmt::Loop(a)
            | Stmt::Repeat(_, a)
            | Stmt::ForQueue(_, _, a)
            | Stmt::With(_, _, a)
            | Stmt::Atomically(_, a) => vec![a],
            Stmt::Select(arms, otherwise) => {
                let mut out: Vec<&mut Block> = arms.iter_mut().map(|a| &mut a.body).collect();
                if let Otherwise::Else(b) | Otherwise::After(b) = otherwise {
                    out.push(b);
                }
                out
            }
            _ => Vec::new(),
        }
    }
}

impl Program {
    pub fn any(&self, test: &mut dyn FnMut(&Stmt) -> bool) -> bool {
        fn within(block: &Block, test: &mut dyn FnMut(&Stmt) -> bool) -> bool {
            block.iter().any(|s| test(s) || s.blocks().into_iter().any(|b| within(b, test)))
        }
        self.tasks.iter().any(|t| within(&t.body, test))
    }

    fn names_handle(&self, task: usize) -> bool {
        self.any(&mut |s| match s {
            Stmt::Join(d) | Stmt::JoinFor(_, d) | Stmt::Terminate(d) | Stmt::Kill(d) => *d == task,
            _ => false,
        })
    }
}
