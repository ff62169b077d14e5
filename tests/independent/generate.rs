//! Random programs, each from its seed. It owns what is likely: programs are small,
//! use a few features each, and mostly keep to what does something.

use crate::model::{
    Arm, Block, Cond, Fault, Hold, How, Into, Kind, Look, Memory, Method, Object, Op, Otherwise, Place, Program, Reg,
    Spawned, Stmt, Task, Test, Val,
};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// From `from` to `to`, both among them.
    fn number(&mut self, from: i32, to: i32) -> i32 {
        from + self.below((to - from + 1) as usize) as i32
    }

    fn percent(&mut self, n: usize) -> bool {
        self.below(100) < n
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    Semaphore,
    Event,
    Condition,
    Queue,
    HandOver,
    Barrier,
    Latch,
    RwLock,
    Attempt,
    Timed,
    Spin,
    Await,
    Atomically,
    Choose,
    Print,
    Select,
    Assert,
    Catch,
    Invariant,
    Finally,
    Expect,
    Process,
    Daemon,
    Kill,
    Terminate,
    Exit,
    Nested,
    Several,
    Loop,
    Careless,
    Look,
    Close,
    Methods,
    Break,
}

impl Feature {
    pub const ALL: [Feature; 34] = {
        use Feature::*;
        [
            Semaphore, Event, Condition, Queue, HandOver, Barrier, Latch, RwLock, Attempt, Timed, Spin, Await,
            Atomically, Choose, Print, Select, Assert, Catch, Invariant, Finally, Expect, Process, Daemon, Kill,
            Terminate, Exit, Nested, Several, Loop, Careless, Look, Close, Methods, Break,
        ]
    };
}

/// The registers that are in scope.
#[derive(Clone, Default)]
struct Scope {
    numbers: Vec<Reg>,
    bools: Vec<Reg>,
    /// Of a queue: numbers, or none.
    taken: Vec<Reg>,
}

#[derive(Clone)]
struct Around {
    depth: usize,
    looped: bool,
    /// Within a loop that may go on for ever: what is done there may not grow.
    endless: bool,
    held: Vec<usize>,
    within_atomically: bool,
}

struct Generator {
    random: Random,
    program: Program,
    features: Vec<Feature>,
    regs: Reg,
    locks: Vec<usize>,
}

/// The program of a seed.
pub fn program(seed: u64) -> (Program, Vec<Feature>) {
    let mut random = Random(seed);
    random.next();
    // Few at a time, so that each has room.
    let likely = random.pick(&[12, 20, 30]);
    let features = Feature::ALL.into_iter().filter(|_| random.percent(likely)).collect();
    let mut g = Generator { random, program: Program::default(), features, regs: 0, locks: Vec::new() };
    g.declare();
    g.tasks();
    if g.random.percent(30) {
        g.handing_on();
    }
    g.claims();
    (g.program, g.features)
}

impl Generator {
    fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    fn reg(&mut self) -> Reg {
        self.regs += 1;
        self.regs - 1
    }

    fn declare(&mut self) {
        let mut place = |memory, name, first| self.program.places.push(Place { name, memory, first });
        let r = &mut self.random;
        place(Memory::Atomic, "a", r.number(0, 1));
        if r.percent(40) {
            place(Memory::Atomic, "b", r.number(0, 1));
        }
        if r.percent(65) {
            place(r.pick(&[Memory::Var, Memory::Shared]), "x", 0);
        }
        if r.percent(25) {
            place(r.pick(&[Memory::Var, Memory::Shared]), "y", 0);
        }
        let add = |program: &mut Program, name, kind| {
            program.objects.push(Object { name, kind });
            program.objects.len() - 1
        };
        let reentrant = self.random.percent(12);
        let m = add(&mut self.program, "m", Kind::Lock { reentrant });
        self.locks.push(m);
        if self.random.percent(45) {
            self.locks.push(add(&mut self.program, "k", Kind::Lock { reentrant: false }));
        }
        for feature in self.features.clone() {
            let r = &mut self.random;
            let (name, kind) = match feature {
                Feature::Semaphore => ("s", Kind::Semaphore(r.pick(&[0, 1, 1, 2]))),
                Feature::Event => ("e", Kind::Event),
                Feature::Condition => ("c", Kind::Condition(m)),
                Feature::Queue => ("q", Kind::Queue(r.pick(&[None, Some(1), Some(1), Some(2)]))),
                Feature::HandOver => ("z", Kind::Queue(Some(0))),
                Feature::Barrier => ("w", Kind::Barrier(r.pick(&[2, 2, 3]))),
                Feature::Latch => ("l", Kind::Latch(r.pick(&[1, 2]))),
                Feature::RwLock => ("g", Kind::RwLock),
                _ => continue,
            };
            add(&mut self.program, name, kind);
        }
    }

    fn object(&self, name: &str) -> Option<usize> {
        self.program.objects.iter().position(|o| o.name == name)
    }

    fn tasks(&mut self) {
        let count = self.random.pick(&[2, 2, 2, 3]);
        self.program.tasks.push(Task::main(Vec::new()));
        // Who spawns each: `main`, or a task before it that is there once.
        let mut parents: Vec<usize> = Vec::new();
        let mut all = 0;
        for d in 1..=count {
            let process = self.has(Feature::Process) && self.random.percent(60);
            let daemon = !process && self.has(Feature::Daemon) && self.random.percent(40);
            let nested = self.has(Feature::Nested) && d > 1 && self.random.percent(60);
            let parent = if nested && self.program.tasks[d - 1].count == 1 { d - 1 } else { 0 };
            let several = self.has(Feature::Several) && all < 2 && self.random.percent(60);
            let spawned = match (process, daemon && parent == 0) {
                (true, _) => Spawned::Process,
                (_, true) => Spawned::Daemon,
                _ => Spawned::Thread,
            };
            all += 1 + usize::from(several);
            parents.push(parent);
            self.program.tasks.push(Task { body: Vec::new(), spawned, count: 1 + usize::from(several) });
        }
        for d in 1..=count {
            let n = if count == 2 && all < 3 { self.random.number(2, 4) } else { self.random.number(1, 3) };
            self.program.tasks[d].body = self.body(d, &parents, n);
        }
        let n = self.random.pick(&[0, 0, 0, 1, 1, 2]);
        let mut main = self.body(0, &parents, n);
        if self.random.percent(50) {
            main.push(Stmt::JoinAll);
        }
        if self.random.percent(25) {
            let mut scope = Scope::default();
            let around = Around::new();
            self.stmts(1, &mut scope, &around, &mut main);
        }
        self.program.tasks[0].body = main;
    }

    /// A task's body with the spawns of those that it is the parent of.
    fn body(&mut self, d: usize, parents: &[usize], n: i32) -> Block {
        let mut scope = Scope::default();
        let around = Around::new();
        let mut out = Vec::new();
        let mut children: Vec<usize> = (1..=parents.len()).filter(|c| parents[c - 1] == d).collect();
        let mut left = n;
        while left > 0 || !children.is_empty() {
            // `main` mostly spawns first.
            let first = if d == 0 { 80 } else { 50 };
            if children.is_empty() || left > 0 && !self.random.percent(first) {
                self.stmts(1, &mut scope, &around, &mut out);
                left -= 1;
                continue;
            }
            let child = children.remove(0);
            out.push(Stmt::Spawn(child));
            let Task { spawned, count, .. } = self.program.tasks[child];
            let once = count == 1;
            if once && spawned == Spawned::Process && self.has(Feature::Kill) && self.random.percent(60) {
                out.push(Stmt::Kill(child));
            } else if once && self.has(Feature::Terminate) && self.random.percent(60) {
                out.push(Stmt::Terminate(child));
            }
            if self.random.percent(15) {
                out.push(Stmt::Join(child));
            } else if once && self.has(Feature::Timed) && self.random.percent(20) {
                let r = self.reg();
                out.push(Stmt::JoinFor(r, child));
                scope.bools.push(r);
            }
        }
        out
    }

    /// A place of their own that one task hands on to another, so that only what the
    /// operation orders keeps them apart.
    fn handing_on(&mut self) {
        let ways = self.program.objects.iter().enumerate().filter_map(|(o, object)| match object.kind {
            Kind::Semaphore(_) => Some((o, Op::Release, Op::Acquire)),
            Kind::Event => Some((o, Op::Set, Op::Wait)),
            Kind::Latch(_) => Some((o, Op::CountDown, Op::Wait)),
            Kind::Barrier(_) => Some((o, Op::Wait, Op::Wait)),
            Kind::Queue(_) => Some((o, Op::Put(Val::Int(1)), Op::Get)),
            _ => None,
        });
        let ways: Vec<_> = ways.collect();
        if ways.is_empty() {
            return;
        }
        let (object, give, take) = self.random.pick(&ways);
        self.program.places.push(Place { name: "h", memory: Memory::Shared, first: 0 });
        let h = self.program.places.len() - 1;
        let (write, read) = (Stmt::Write(h, Val::Int(1)), Stmt::AddTo(h, 1));
        let reg = self.reg();
        let into = (take == Op::Get).then_some(Into { reg, new: true });
        self.program.tasks[1].body.splice(0..0, [write, Stmt::Op(None, object, give, How::Wait)]);
        self.program.tasks[2].body.extend([Stmt::Op(into, object, take, How::Wait), read]);
    }

    fn claims(&mut self) {
        let places = self.program.places.clone();
        let global: Vec<usize> = (0..places.len()).filter(|p| places[*p].memory != Memory::Var).collect();
        if self.has(Feature::Invariant) {
            let p = self.random.pick(&global);
            let (test, n) = self.random.pick(&[(Test::Lt, 2), (Test::Ne, 2), (Test::Ne, 1)]);
            let one = Cond::Place(p, test, n);
            let q = self.random.pick(&global);
            let both = Cond::Or(Box::new(Cond::Place(q, Test::Eq, 0)), Box::new(one.clone()));
            let which = self.random.pick(&[one, both]);
            // One that is false from the beginning says nothing of steps.
            if which.at_first(&self.program.places) {
                self.program.invariants.push(which);
            }
        }
        let claim = |g: &mut Generator| {
            let p = g.random.below(places.len());
            Cond::Place(p, g.random.pick(&[Test::Eq, Test::Ne, Test::Gt]), g.random.number(0, 2))
        };
        if self.has(Feature::Finally) {
            self.program.finally = Some(claim(self));
        }
        if self.has(Feature::Expect) {
            let some = self.random.percent(50);
            let cond = claim(self);
            self.program.expects.push((some, cond));
        }
    }

    // ---- parts of statements ----

    fn any_place(&mut self) -> usize {
        self.random.below(self.program.places.len())
    }

    fn atomic_place(&mut self) -> usize {
        let count = self.program.places.iter().filter(|p| p.memory == Memory::Atomic).count();
        self.random.below(count)
    }

    fn at(&mut self, place: usize) -> Cond {
        Cond::Place(
            place,
            self.random.pick(&[Test::Eq, Test::Ne, Test::Eq, Test::Lt, Test::Gt]),
            self.random.number(0, 2),
        )
    }

    fn at_any(&mut self) -> Cond {
        let place = self.any_place();
        self.at(place)
    }

    fn at_atomic(&mut self) -> Cond {
        let place = self.atomic_place();
        self.at(place)
    }

    fn joined(&mut self, a: Cond, b: Cond) -> Cond {
        let (a, b) = (Box::new(a), Box::new(b));
        if self.random.percent(50) { Cond::And(a, b) } else { Cond::Or(a, b) }
    }

    fn cond(&mut self, scope: &Scope) -> Cond {
        let r = &mut self.random;
        match r.below(20) {
            0..5 if !scope.bools.is_empty() => {
                let reg = r.pick(&scope.bools);
                if r.percent(50) { Cond::True(reg) } else { Cond::False(reg) }
            }
            5..8 if !scope.numbers.is_empty() => {
                Cond::Reg(r.pick(&scope.numbers), r.pick(&[Test::Eq, Test::Ne, Test::Lt]), r.number(0, 2))
            }
            8..9 if !scope.taken.is_empty() => {
                Cond::Reg(r.pick(&scope.taken), r.pick(&[Test::Eq, Test::Ne]), r.number(0, 2))
            }
            9..13 if self.has(Feature::Look) => self.looked(),
            13..15 => {
                let (a, b) = (self.at_any(), self.at_any());
                self.joined(a, b)
            }
            _ => self.at_any(),
        }
    }

    fn looked(&mut self) -> Cond {
        let n = self.random.number(0, 1);
        let test = self.random.pick(&[Test::Eq, Test::Gt]);
        let mut from = vec![Cond::Look(self.locks[0], Look::Locked)];
        from.extend(self.object("e").map(|o| Cond::Look(o, Look::IsSet)));
        from.extend(self.object("s").map(|o| Cond::Look(o, Look::Value(test, n))));
        from.extend(self.object("l").map(|o| Cond::Look(o, Look::Value(test, n))));
        from.extend(self.object("q").map(|o| Cond::Look(o, Look::Size(test, n))));
        self.random.pick(&from)
    }

    fn val(&mut self, scope: &Scope, grows: bool) -> Val {
        let r = &mut self.random;
        match r.below(10) {
            0..2 if !scope.numbers.is_empty() => Val::Reg(r.pick(&scope.numbers)),
            2..4 if !scope.numbers.is_empty() && grows => Val::Plus(r.pick(&scope.numbers), 1),
            _ => Val::Int(r.number(0, 2)),
        }
    }

    /// `let r = ` an operation that gives a bool.
    fn bool_of(&mut self, scope: &mut Scope, object: usize, op: Op, how: How) -> (Stmt, Reg) {
        let reg = self.reg();
        scope.bools.push(reg);
        (Stmt::Op(Some(Into { reg, new: true }), object, op, how), reg)
    }

    fn stmts(&mut self, n: i32, scope: &mut Scope, around: &Around, out: &mut Block) {
        for _ in 0..n {
            self.stmt(scope, around, out);
        }
    }

    fn inner(&mut self, from: i32, to: i32, scope: &Scope, around: &Around) -> Block {
        let n = self.random.number(from, to);
        let mut out = Vec::new();
        self.stmts(n, &mut scope.clone(), &Around { depth: around.depth + 1, ..around.clone() }, &mut out);
        out
    }

    fn holding(&mut self, to: i32, scope: &Scope, around: &Around, object: usize) -> Block {
        let mut held = around.held.clone();
        held.push(object);
        // A `break` would leave with what was taken by hand.
        self.inner(1, to, scope, &Around { held, ..around.clone() })
    }

    /// One statement, or a few that belong together.
    fn stmt(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        if around.depth >= 3 {
            return self.memory(scope, around, out);
        }
        type Make = fn(&mut Generator, &mut Scope, &Around, &mut Block);
        let mut makes: Vec<Make> =
            vec![Generator::memory, Generator::memory, Generator::memory, Generator::with, Generator::with];
        if around.depth < 2 {
            makes.extend([Generator::branch as Make, Generator::branch]);
            if !around.endless {
                makes.push(Generator::repeat);
            }
        }
        for feature in self.features.clone() {
            use Feature as F;
            let more: &[Make] = match feature {
                F::Semaphore => &[Generator::semaphore, Generator::semaphore, Generator::semaphore],
                F::Event => &[Generator::event, Generator::event, Generator::event],
                F::Condition => &[Generator::condition, Generator::condition, Generator::condition],
                F::Queue => &[Generator::queue, Generator::queue, Generator::queue],
                F::HandOver => &[Generator::hand_over, Generator::hand_over, Generator::hand_over],
                F::Barrier => &[Generator::barrier, Generator::barrier],
                F::Latch => &[Generator::latch, Generator::latch],
                F::RwLock => &[Generator::rwlock, Generator::rwlock, Generator::rwlock],
                F::Attempt => &[Generator::attempt, Generator::attempt],
                F::Timed => &[Generator::attempt, Generator::attempt],
                F::Spin => &[Generator::spin, Generator::spin],
                F::Await => &[Generator::awaits, Generator::awaits],
                F::Atomically => &[Generator::atomically, Generator::atomically],
                F::Choose => &[Generator::choose],
                F::Print => &[Generator::print],
                F::Select => &[Generator::select, Generator::select],
                F::Assert => &[Generator::assert],
                F::Catch => &[Generator::catch],
                F::Loop if around.depth < 2 => &[Generator::endless],
                F::Careless => &[Generator::careless],
                F::Exit => &[Generator::exit],
                F::Methods => &[Generator::method, Generator::method],
                F::Break => &[Generator::leave],
                _ => &[],
            };
            makes.extend(more);
        }
        self.random.pick(&makes)(self, scope, around, out);
    }

    // ---- statements ----

    fn memory(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let p = self.any_place();
        out.push(match self.random.below(10) {
            0..3 => {
                let r = self.reg();
                scope.numbers.push(r);
                Stmt::Read(r, p)
            }
            3..5 if !around.endless => Stmt::AddTo(p, 1),
            5 => Stmt::Copy(p, self.any_place()),
            _ => Stmt::Write(p, self.val(scope, !around.endless)),
        });
    }

    fn method(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let p = self.any_place();
        let (a, b) = (self.random.number(0, 1), self.random.number(0, 2));
        let r = self.reg();
        out.push(match self.random.below(6) {
            0 => {
                scope.numbers.push(r);
                Stmt::Method(Some(r), p, Method::Load)
            }
            1 => Stmt::Method(None, p, Method::Store(b)),
            2 if !around.endless => Stmt::Method(None, p, Method::Add(1)),
            3 => {
                scope.numbers.push(r);
                Stmt::Method(Some(r), p, Method::Swap(b))
            }
            _ => {
                scope.bools.push(r);
                Stmt::Method(Some(r), p, Method::Cas(a, b))
            }
        });
    }

    fn lock(&mut self, around: &Around) -> usize {
        let free: Vec<usize> = self.locks.iter().copied().filter(|l| !around.held.contains(l)).collect();
        if free.is_empty() || self.random.percent(3) { self.random.pick(&self.locks) } else { self.random.pick(&free) }
    }

    fn with(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.lock(around);
        if around.held.contains(&lock) && self.random.percent(90) {
            return self.memory(scope, around, out);
        }
        let body = self.holding(2, scope, around, lock);
        out.push(Stmt::With(lock, Hold::Lock, body));
    }

    fn branch(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let yes = self.inner(1, 2, scope, around);
        let no = if self.random.percent(30) { self.inner(1, 1, scope, around) } else { Vec::new() };
        out.push(Stmt::If(cond, yes, no));
    }

    fn repeat(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let body = self.inner(1, 2, scope, &Around { looped: true, ..around.clone() });
        out.push(Stmt::Repeat(2, body));
    }

    fn leave(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let how = match self.random.below(10) {
            0..3 if around.endless && around.looped => Stmt::Continue,
            0..8 if around.looped => Stmt::Break,
            _ => Stmt::Return,
        };
        out.push(Stmt::If(cond, vec![how], Vec::new()));
    }

    fn exit(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let code = self.random.number(0, 1) * 3;
        out.push(Stmt::If(cond, vec![Stmt::Exit(code)], Vec::new()));
    }

    fn semaphore(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let s = self.object("s").expect("it is declared");
        let how = self.how();
        out.push(match self.random.below(3) {
            0 => Stmt::Op(None, s, Op::Acquire, How::Wait),
            1 if how != How::Wait => self.bool_of(scope, s, Op::Acquire, how).0,
            _ if around.endless => Stmt::Op(None, s, Op::Acquire, How::Wait),
            _ => Stmt::Op(None, s, Op::Release, How::Wait),
        });
    }

    fn event(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let e = self.object("e").expect("it is declared");
        out.push(match self.random.below(8) {
            0..3 => Stmt::Op(None, e, Op::Set, How::Wait),
            3..4 => Stmt::Op(None, e, Op::Clear, How::Wait),
            4 if self.has(Feature::Timed) => self.bool_of(scope, e, Op::Wait, How::Timed).0,
            _ => Stmt::Op(None, e, Op::Wait, How::Wait),
        });
    }

    fn condition(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let (c, m) = (self.object("c").expect("it is declared"), self.locks[0]);
        let mut inner = Vec::new();
        if self.random.percent(50) {
            if self.random.percent(50) {
                inner.push(Stmt::Write(self.any_place(), Val::Int(self.random.number(0, 2))));
            }
            inner.push(Stmt::Op(None, c, self.random.pick(&[Op::Notify, Op::NotifyAll]), How::Wait));
        } else if self.has(Feature::Timed) && self.random.percent(40) {
            let scope = if around.held.contains(&m) { scope } else { &mut Scope::default() };
            inner.push(self.bool_of(scope, c, Op::Wait, How::Timed).0);
        } else if self.random.percent(50) {
            inner.push(Stmt::Op(None, c, Op::Wait, How::Wait));
        } else {
            let cond = self.at_any();
            inner.push(Stmt::While(cond, vec![Stmt::Op(None, c, Op::Wait, How::Wait)]));
        }
        if around.held.contains(&m) || self.random.percent(3) {
            out.extend(inner);
        } else {
            out.push(Stmt::With(m, Hold::Lock, inner));
        }
    }

    fn how(&mut self) -> How {
        match (self.has(Feature::Attempt), self.has(Feature::Timed)) {
            (true, true) => self.random.pick(&[How::Wait, How::Try, How::Timed]),
            (true, false) => self.random.pick(&[How::Wait, How::Try]),
            (false, true) => self.random.pick(&[How::Wait, How::Timed]),
            _ => How::Wait,
        }
    }

    /// A `get`, whose error is caught if it does not wait.
    fn get(&mut self, queue: usize, scope: &mut Scope, out: &mut Block) {
        let (reg, how) = (self.reg(), self.how());
        scope.taken.push(reg);
        if how == How::Wait || self.random.percent(5) {
            out.push(Stmt::Op(Some(Into { reg, new: true }), queue, Op::Get, how));
        } else {
            out.push(Stmt::Let(reg, 9));
            let get = Stmt::Op(Some(Into { reg, new: false }), queue, Op::Get, how);
            let caught = if self.random.percent(40) { vec![self.note()] } else { Vec::new() };
            out.push(Stmt::Try(vec![get], vec![Fault::Empty], caught));
        }
    }

    fn note(&mut self) -> Stmt {
        Stmt::Write(self.atomic_place(), Val::Int(self.random.number(0, 2)))
    }

    fn put(&mut self, queue: usize, scope: &mut Scope, around: &Around, out: &mut Block) {
        let how = self.how();
        let put = Stmt::Op(None, queue, Op::Put(self.val(scope, !around.endless)), how);
        if how == How::Wait && !(self.has(Feature::Close) && self.random.percent(60)) || self.random.percent(5) {
            out.push(put);
        } else {
            let caught = if self.random.percent(40) { vec![self.note()] } else { Vec::new() };
            let faults = self.random.pick(&[vec![Fault::Full], vec![Fault::Full, Fault::Closed], Fault::ALL.to_vec()]);
            out.push(Stmt::Try(vec![put], faults, caught));
        }
    }

    fn queue(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let q = self.object("q").expect("it is declared");
        self.put_or_get(q, scope, around, out);
    }

    fn hand_over(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let z = self.object("z").expect("it is declared");
        self.put_or_get(z, scope, around, out);
    }

    fn put_or_get(&mut self, queue: usize, scope: &mut Scope, around: &Around, out: &mut Block) {
        let unbounded = self.program.objects[queue].kind == Kind::Queue(None);
        let hands_over = self.program.objects[queue].kind == Kind::Queue(Some(0));
        if self.has(Feature::Close) && !hands_over && self.random.percent(25) {
            if self.random.percent(60) {
                let close = Stmt::Op(None, queue, Op::Close, How::Wait);
                let faults = vec![Fault::Closed];
                out.push(if self.random.percent(80) { Stmt::Try(vec![close], faults, Vec::new()) } else { close });
            } else {
                let r = self.reg();
                let mut inner = scope.clone();
                inner.taken.push(r);
                let body = self.inner(1, 1, &inner, &Around { looped: true, endless: true, ..around.clone() });
                out.push(Stmt::ForQueue(r, queue, body));
            }
        } else if self.random.percent(50) || unbounded && around.endless {
            self.get(queue, scope, out);
        } else {
            self.put(queue, scope, around, out);
        }
    }

    fn barrier(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let w = self.object("w").expect("it is declared");
        let catches = |body| Stmt::Try(vec![body], vec![Fault::BrokenBarrier], Vec::new());
        out.push(match self.random.below(8) {
            0..3 => Stmt::Op(None, w, Op::Wait, How::Wait),
            3 if self.has(Feature::Timed) => catches(Stmt::Op(None, w, Op::Wait, How::Timed)),
            4 if self.has(Feature::Careless) && !around.endless => {
                Stmt::Op(None, w, self.random.pick(&[Op::Abort, Op::Reset]), How::Wait)
            }
            5 => catches(Stmt::Op(None, w, Op::Wait, How::Wait)),
            _ => {
                let reg = self.reg();
                scope.numbers.push(reg);
                Stmt::Op(Some(Into { reg, new: true }), w, Op::Wait, How::Wait)
            }
        });
    }

    fn latch(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let l = self.object("l").expect("it is declared");
        out.push(match self.random.below(5) {
            0..2 => Stmt::Op(None, l, Op::CountDown, How::Wait),
            2 if self.has(Feature::Timed) => self.bool_of(scope, l, Op::Wait, How::Timed).0,
            _ => Stmt::Op(None, l, Op::Wait, How::Wait),
        });
    }

    fn rwlock(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let g = self.object("g").expect("it is declared");
        let write = self.random.percent(50);
        let (hold, take, give) = match write {
            true => (Hold::Write, Op::AcquireWrite, Op::ReleaseWrite),
            false => (Hold::Read, Op::AcquireRead, Op::ReleaseRead),
        };
        if around.held.contains(&g) && self.random.percent(90) {
            return self.memory(scope, around, out);
        }
        let how = self.how();
        if how == How::Wait {
            let body = self.holding(2, scope, around, g);
            return out.push(Stmt::With(g, hold, body));
        }
        let (take, r) = self.bool_of(scope, g, take, how);
        out.push(take);
        if self.random.percent(90) {
            let mut body = self.holding(1, scope, &Around { looped: false, ..around.clone() }, g);
            body.push(Stmt::Op(None, g, give, How::Wait));
            out.push(Stmt::If(Cond::True(r), body, Vec::new()));
        }
    }

    fn attempt(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.random.pick(&self.locks);
        let how = self.how();
        if how == How::Wait {
            return self.with(scope, around, out);
        }
        let (take, r) = self.bool_of(scope, lock, Op::Acquire, how);
        out.push(take);
        if self.random.percent(88) {
            let mut yes = self.holding(1, scope, &Around { looped: false, ..around.clone() }, lock);
            yes.push(Stmt::Op(None, lock, Op::Release, How::Wait));
            let no = if self.random.percent(30) { self.inner(1, 1, scope, around) } else { Vec::new() };
            out.push(Stmt::If(Cond::True(r), yes, no));
        }
    }

    fn careless(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.random.pick(&self.locks);
        if self.random.percent(40) {
            return out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
        }
        out.push(Stmt::Op(None, lock, Op::Acquire, How::Wait));
        if self.random.percent(50) {
            out.extend(self.holding(1, scope, around, lock));
        }
        if self.random.percent(70) {
            out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
        }
    }

    fn spin(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut body = if self.random.percent(60) { vec![Stmt::Yield] } else { Vec::new() };
        match self.random.below(10) {
            0..4 => {
                let cond = self.at_any();
                out.push(Stmt::While(cond, body));
            }
            4..6 => {
                let lock = self.random.pick(&self.locks);
                out.push(Stmt::While(Cond::NotTaken(lock), body));
                out.extend(self.holding(1, scope, &Around { looped: false, ..around.clone() }, lock));
                out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
            }
            6..8 => {
                let (a, b) = (self.at_any(), self.at_any());
                let cond = self.joined(a, b);
                body.push(self.note());
                out.push(Stmt::While(cond, body));
            }
            _ => {
                let r = self.reg();
                let (old, new) = (self.random.number(0, 1), self.random.number(0, 1));
                let mut all = vec![
                    Stmt::Method(Some(r), self.atomic_place(), Method::Cas(old, new)),
                    Stmt::If(Cond::True(r), vec![Stmt::Break], Vec::new()),
                ];
                all.extend(body);
                out.push(Stmt::Loop(all));
            }
        }
    }

    fn endless(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let nested = around.depth > 0;
        let around = Around { looped: true, endless: true, ..around.clone() };
        let mut body = self.inner(1, 3, scope, &around);
        // Within a loop that ends, what is behind it would seem to come.
        if nested || self.random.percent(75) {
            let cond = self.cond(scope);
            body.push(Stmt::If(cond, vec![Stmt::Break], Vec::new()));
        }
        // A round without a step would be no round of any interleaving.
        body.push(if self.random.percent(70) { Stmt::Yield } else { Stmt::Sleep });
        out.push(Stmt::Loop(body));
    }

    /// Of places that are all atomic, or of one: what looks that do not hold reach.
    fn look_cond(&mut self) -> Cond {
        if self.random.percent(25) {
            return self.at_any();
        }
        let cond = self.at_atomic();
        if self.random.percent(70) {
            return cond;
        }
        let more = self.at_atomic();
        self.joined(cond, more)
    }

    fn awaits(&mut self, _: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.look_cond();
        out.push(Stmt::Await(cond));
    }

    fn atomically(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        if around.within_atomically {
            return self.memory(scope, around, out);
        }
        let cond = if self.random.percent(40) { Some(self.look_cond()) } else { None };
        let around = Around { within_atomically: true, ..around.clone() };
        let mut scope = scope.clone();
        let mut body = Vec::new();
        for _ in 0..self.random.number(1, 2) {
            match self.random.below(10) {
                0..6 => self.memory(&mut scope, &around, &mut body),
                6 => self.method(&mut scope, &around, &mut body),
                7 => {
                    let cond = self.at_any();
                    let mut yes = Vec::new();
                    self.memory(&mut scope.clone(), &around, &mut yes);
                    body.push(Stmt::If(cond, yes, Vec::new()));
                }
                8 if self.has(Feature::Event) => {
                    let e = self.object("e").expect("it is declared");
                    body.push(Stmt::Op(None, e, Op::Set, How::Wait));
                }
                8 if self.has(Feature::Choose) => self.choose(&mut scope, &around, &mut body),
                9 if self.has(Feature::Attempt) => {
                    let lock = self.random.pick(&self.locks);
                    let (take, r) = self.bool_of(&mut scope, lock, Op::Acquire, How::Try);
                    body.push(take);
                    let give = Stmt::Op(None, lock, Op::Release, How::Wait);
                    body.push(Stmt::If(Cond::True(r), vec![give], Vec::new()));
                }
                9 if self.has(Feature::Break) => {
                    let cond = self.at_any();
                    body.push(Stmt::If(cond, vec![Stmt::Return], Vec::new()));
                }
                _ => self.memory(&mut scope, &around, &mut body),
            }
        }
        out.push(Stmt::Atomically(cond, body));
    }

    fn choose(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let r = self.reg();
        scope.numbers.push(r);
        out.push(Stmt::Choose(r, 2));
    }

    fn print(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let all: Vec<Reg> = [&scope.numbers[..], &scope.bools, &scope.taken].concat();
        let some = !all.is_empty() && self.random.percent(75);
        out.push(Stmt::Print(some.then(|| self.random.pick(&all))));
    }

    fn assert(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        out.push(Stmt::Assert(cond));
    }

    fn catch(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut body = self.inner(1, 2, scope, around);
        if self.random.percent(50) {
            let cond = self.cond(scope);
            body.push(Stmt::If(cond, vec![Stmt::Raise], Vec::new()));
        }
        let faults = self.random.pick(&[
            vec![Fault::Raised],
            vec![Fault::NotOwner, Fault::Raised],
            vec![Fault::Assertion],
            Fault::ALL.to_vec(),
        ]);
        let caught = self.inner(1, 1, scope, around);
        out.push(Stmt::Try(body, faults, caught));
    }

    fn select(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut from: Vec<(usize, Op)> = Vec::new();
        let free: Vec<usize> = self.locks.iter().copied().filter(|l| !around.held.contains(l)).collect();
        from.extend(free.first().map(|l| (*l, Op::Acquire)));
        from.extend(self.object("q").into_iter().flat_map(|q| [(q, Op::Get), (q, Op::Put(Val::Int(1)))]));
        from.extend(self.object("s").map(|s| (s, Op::Acquire)));
        from.extend(self.object("l").map(|l| (l, Op::Wait)));
        from.extend(self.object("e").map(|e| (e, Op::Wait)));
        let count = self.random.number(1, 3);
        let mut arms: Vec<Arm> = Vec::new();
        for _ in 0..count {
            if from.is_empty() {
                break;
            }
            let at = self.random.below(from.len());
            let (object, op) = from.remove(at);
            if around.endless && matches!(op, Op::Put(_)) && self.program.objects[object].kind == Kind::Queue(None) {
                continue;
            }
            let mut inner = scope.clone();
            let into = (op == Op::Get && self.random.percent(60)).then(|| self.reg());
            inner.taken.extend(into);
            let is_lock = matches!(self.program.objects[object].kind, Kind::Lock { .. });
            let mut body = if self.random.percent(70) {
                let looped = around.looped && !is_lock;
                self.inner(1, 1, &inner, &Around { looped, depth: 2, ..around.clone() })
            } else {
                Vec::new()
            };
            if is_lock {
                body.push(Stmt::Op(None, object, Op::Release, How::Wait));
            }
            arms.push(Arm { into, object, op, body });
        }
        if arms.is_empty() {
            return;
        }
        let otherwise = match self.random.below(4) {
            0 | 1 => Otherwise::Nothing,
            2 => Otherwise::Else(self.inner(0, 1, scope, around)),
            _ => Otherwise::After(self.inner(0, 1, scope, around)),
        };
        out.push(Stmt::Select(arms, otherwise));
    }
}

impl Around {
    fn new() -> Around {
        Around { depth: 0, looped: false, endless: false, held: Vec::new(), within_atomically: false }
    }
}
