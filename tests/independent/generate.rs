//! Random programs, each from its seed. It owns what is likely: programs are small,
//! use a few features each, and mostly keep to what does something.

mod objects;
mod statements;

use crate::model::{
    Block, Cond, Home, How, Into, Kind, Look, Memory, Object, Op, Place, Pool, Program, Reg, Spawned, Stmt, Task, Test,
    Val,
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
    Struct,
    Made,
    Pool,
    Fork,
}

impl Feature {
    pub const ALL: [Feature; 38] = {
        use Feature::*;
        [
            Semaphore, Event, Condition, Queue, HandOver, Barrier, Latch, RwLock, Attempt, Timed, Spin, Await,
            Atomically, Choose, Print, Select, Assert, Catch, Invariant, Finally, Expect, Process, Daemon, Kill,
            Terminate, Exit, Nested, Several, Loop, Careless, Look, Close, Methods, Break, Struct, Made, Pool, Fork,
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
    /// Whether the task under way may fork, and its child go on with what comes behind.
    forks: (bool, bool),
}

/// The program of a seed; features that are `wanted` by name it has in any case.
pub fn program(seed: u64, wanted: &str) -> (Program, Vec<Feature>) {
    let mut random = Random(seed);
    random.next();
    // Few at a time, so that each has room.
    let likely = random.pick(&[12, 20, 30]);
    let features = Feature::ALL
        .into_iter()
        .filter(|f| random.percent(likely) | wanted.split(',').any(|w| w == format!("{f:?}")))
        .collect();
    let mut g =
        Generator { random, program: Program::default(), features, regs: 0, locks: Vec::new(), forks: (false, false) };
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
        let mut place =
            |memory, name, first| self.program.places.push(Place { name, home: Home::Declared, memory, first });
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
            program.objects.push(Object { name, home: Home::Declared, kind });
            program.objects.len() - 1
        };
        let reentrant = self.random.percent(12);
        let m = add(&mut self.program, "m", Kind::Lock { reentrant });
        if self.random.percent(45) {
            add(&mut self.program, "k", Kind::Lock { reentrant: false });
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
        if self.has(Feature::Pool) {
            let workers = self.random.pick(&[1, 1, 2]);
            self.program.pool = Some(Pool { workers, processes: self.random.percent(35) });
        }
        self.homes();
        let is_lock = |o: &usize| matches!(self.program.objects[*o].kind, Kind::Lock { .. });
        self.locks = (0..self.program.objects.len()).filter(is_lock).collect();
    }

    /// Some of what is declared becomes a field of one record or of two, or is made by `main`.
    fn homes(&mut self) {
        let count = self.program.objects.len();
        if self.has(Feature::Made) {
            for o in 0..count {
                if self.random.percent(60) && !matches!(self.program.objects[o].kind, Kind::Condition(_)) {
                    self.program.objects[o].home = Home::Local;
                }
            }
        }
        if self.has(Feature::Struct) {
            for o in 0..count {
                let Object { kind, .. } = self.program.objects[o];
                // A field that is a condition is one of a field.
                let with =
                    if let Kind::Condition(lock) = kind { self.program.objects[lock].home } else { Home::Field(0) };
                if with == Home::Field(0) && self.random.percent(70) {
                    self.program.objects[o].home = with;
                }
            }
            // The first place is always one that all can name.
            for p in 1..self.program.places.len() {
                if self.random.percent(70) {
                    self.program.places[p].home = Home::Field(0);
                }
            }
            if self.random.percent(50) {
                self.second_record();
            }
        }
        // A worker that is a process is there before the record, and would have no such field.
        if self.program.pool.is_some_and(|p| p.processes) {
            for place in self.program.places.iter_mut().filter(|p| p.home != Home::Declared) {
                place.memory = if place.memory == Memory::Var { Memory::Shared } else { place.memory };
            }
        }
        // A declaration names what is declared; what is made can be of anything.
        for o in 0..count {
            if let Object { kind: Kind::Condition(lock), home: Home::Declared, .. } = self.program.objects[o]
                && self.program.objects[lock].home != Home::Declared
            {
                self.program.objects[o].home = Home::Local;
            }
        }
    }

    fn second_record(&mut self) {
        let first = |home| home == Home::Field(0);
        let count = self.program.objects.len();
        let mut twin: Vec<usize> = (0..count).collect();
        for o in 0..count {
            let mut object = self.program.objects[o].clone();
            if first(object.home) {
                object.home = Home::Field(1);
                if let Kind::Condition(lock) = &mut object.kind {
                    *lock = twin[*lock];
                }
                twin[o] = self.program.objects.len();
                self.program.objects.push(object);
            }
        }
        let more: Vec<Place> = self.program.places.iter().filter(|p| first(p.home)).cloned().collect();
        self.program.places.extend(more.into_iter().map(|p| Place { home: Home::Field(1), ..p }));
    }

    /// One of that name; each record has its own.
    fn object(&mut self, name: &str) -> Option<usize> {
        let all: Vec<usize> =
            (0..self.program.objects.len()).filter(|o| self.program.objects[*o].name == name).collect();
        if all.is_empty() { None } else { Some(self.random.pick(&all)) }
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
            let may = |t: &Task| t.count == 1 && !matches!(t.spawned, Spawned::Job | Spawned::Process);
            let parent = if nested
                && (may(&self.program.tasks[d - 1])
                    || self.program.pool.is_none() && self.program.tasks[d - 1].count == 1)
            {
                d - 1
            } else {
                0
            };
            let several = self.has(Feature::Several) && all < 2 && self.random.percent(60);
            // What spawns others is no job.
            let job = self.program.pool.is_some() && self.random.percent(if d == count { 90 } else { 50 });
            let spawned = match (process, daemon && parent == 0) {
                _ if job => Spawned::Job,
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
        // What a child of `main` spawned or joined, or one that a job left, is not looked at.
        self.forks = (
            self.program.tasks[d].spawned != Spawned::Job && self.program.tasks[d].count == 1,
            d != 0 && children.is_empty(),
        );
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
            let Task { spawned, count, .. } = self.program.tasks[child];
            if spawned == Spawned::Job {
                self.submit(child, &mut scope, &mut out);
                continue;
            }
            out.push(Stmt::Spawn(child));
            let once = count == 1;
            if once && spawned == Spawned::Process && self.has(Feature::Kill) && self.random.percent(60) {
                out.push(Stmt::Kill(child));
            } else if once && self.has(Feature::Terminate) && self.random.percent(60) {
                out.push(Stmt::Terminate(child));
            }
            if self.random.percent(15) {
                out.push(Stmt::Join(child));
            } else if self.has(Feature::Timed) && self.random.percent(20) {
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
        self.program.places.push(Place { name: "h", home: Home::Declared, memory: Memory::Shared, first: 0 });
        let h = self.program.places.len() - 1;
        let (write, read) = (Stmt::Write(h, Val::Int(1)), Stmt::AddTo(h, 1));
        let reg = self.reg();
        let into = (take == Op::Get).then_some(Into { reg, new: true });
        self.program.tasks[1].body.splice(0..0, [write, Stmt::Op(None, object, give, How::Wait)]);
        self.program.tasks[2].body.extend([Stmt::Op(into, object, take, How::Wait), read]);
    }

    fn claims(&mut self) {
        let places = self.program.places.clone();
        // The claims stand outside of every task.
        let named: Vec<usize> = (0..places.len()).filter(|p| places[*p].home == Home::Declared).collect();
        let global: Vec<usize> = named.iter().copied().filter(|p| places[*p].memory != Memory::Var).collect();
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
            Cond::Place(g.random.pick(&named), g.random.pick(&[Test::Eq, Test::Ne, Test::Gt]), g.random.number(0, 2))
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
        let all: Vec<usize> =
            (0..self.program.places.len()).filter(|p| self.program.places[*p].memory == Memory::Atomic).collect();
        self.random.pick(&all)
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
                F::Fork if around.depth < 2 && !around.endless => &[Generator::fork],
                F::Pool => &[Generator::pool],
                F::Break => &[Generator::leave],
                _ => &[],
            };
            makes.extend(more);
        }
        self.random.pick(&makes)(self, scope, around, out);
    }
}

impl Around {
    fn new() -> Around {
        Around { depth: 0, looped: false, endless: false, held: Vec::new(), within_atomically: false }
    }
}
