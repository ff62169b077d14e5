//! Which deeds a task can still do from where it stands: the operations on
//! objects, the writes to declared memory and the endings of other tasks that
//! its code, the code it returns to and the tasks it may start can reach. It
//! owns that reachability, static and over-approximating; which of the answers
//! matter to whom is `deadlock`'s affair.
//!
//! The walk follows calls and returns in two phases, as in interprocedural
//! reachability by summary edges (Reps, Horwitz and Sagiv, POPL 1995): a
//! function entered from here comes back to its call, and only the function in
//! which the task stands, and those around it, return to every place in the
//! root's code that may have called them. An error goes to the innermost
//! handler around an instruction, which the layout of the code determines.
//! That a task is live as long as what it may still do could help somebody is
//! the idea of Golf (Saioc et al., ASPLOS 2025), with places in the code
//! instead of references in the heap.

use crate::objects::{lock, pool, task};
use crate::program::Program;
use crate::program::code::*;
use crate::program::kind::Update;
use crate::program::value::Value;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// What a task was started to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Root {
    /// The function that it was started with.
    Function(u32),
    /// A pool's worker: whatever `submit` may name, again and again.
    Worker,
}

/// No handler, no function.
const NOWHERE: u32 = u32::MAX;

/// The walk is in a function on the task's stack: its return leads outwards.
const OUTER: u8 = 1;
/// The walk is in a task that the task may start.
const BORN: u8 = 2;

/// What is known of a program as a whole.
struct Facts {
    /// The kinds of the declared objects.
    kinds: Vec<u8>,
    /// Declared objects, as ranges, that are also used as values.
    escaping: Vec<(u32, u32)>,
    /// Functions that are used as values.
    values: Vec<u32>,
    /// The locks that conditions only known while running may be bound to.
    bound: Vec<u32>,
    lock: u8,
    condition: u8,
    pool: u8,
    task: u8,
    /// The bit of a condition's `wait`.
    wait: u32,
}

impl Facts {
    fn escapes(&self, object: u32) -> bool {
        self.escaping.iter().any(|(first, count)| object.wrapping_sub(*first) < *count)
    }
}

/// The objects that an operation may be on.
#[derive(Clone, Copy)]
enum Target {
    One(u32),
    Row { first: u32, count: u32 },
    /// Those made while running, and those that escape.
    Dynamic,
    /// All of the kind.
    Every,
}

/// Operations: for each object or group of them, the bits of its methods.
#[derive(Default)]
struct Operations {
    one: HashMap<u32, u32>,
    rows: HashMap<(u32, u32), u32>,
    dynamic: Vec<u32>,
    every: Vec<u32>,
}

impl Operations {
    fn new(kinds: usize) -> Operations {
        Operations { dynamic: vec![0; kinds], every: vec![0; kinds], ..Operations::default() }
    }

    fn add(&mut self, target: Target, kind: u8, bits: u32) {
        match target {
            Target::One(object) => *self.one.entry(object).or_default() |= bits,
            Target::Row { first, count } => *self.rows.entry((first, count)).or_default() |= bits,
            Target::Dynamic => self.dynamic.iter_mut().nth(kind as usize).into_iter().for_each(|m| *m |= bits),
            Target::Every => self.every.iter_mut().nth(kind as usize).into_iter().for_each(|m| *m |= bits),
        }
    }

    fn on(&self, facts: &Facts, object: u32, kind: u8) -> u32 {
        let mut bits = self.every.get(kind as usize).copied().unwrap_or(0);
        bits |= self.one.get(&object).copied().unwrap_or(0);
        for ((first, count), more) in &self.rows {
            bits |= if object.wrapping_sub(*first) < *count { *more } else { 0 };
        }
        if object as usize >= facts.kinds.len() || facts.escapes(object) {
            bits |= self.dynamic.get(kind as usize).copied().unwrap_or(0);
        }
        bits
    }
}

/// What a task may still do.
pub struct Deeds {
    facts: Rc<Facts>,
    own: Operations,
    born: Operations,
    cells: HashSet<u32>,
    rows: HashSet<u32>,
    ends: bool,
}

fn bits(methods: &[u8]) -> u32 {
    methods.iter().fold(0, |bits, m| bits | 1u32.checked_shl(u32::from(*m)).unwrap_or(0))
}

impl Deeds {
    fn new(facts: &Rc<Facts>, kinds: usize) -> Deeds {
        let (own, born) = (Operations::new(kinds), Operations::new(kinds));
        Deeds { facts: facts.clone(), own, born, cells: HashSet::new(), rows: HashSet::new(), ends: false }
    }

    /// Whether it may do one of the methods on an object. Declared objects have
    /// the numbers below `Program::objects.len()`.
    pub fn may(&self, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.own.on(&self.facts, object, kind) & bits(methods) != 0 || self.may_born(object, kind, methods)
    }

    /// Whether a task that it may yet start may do so, and with it any number
    /// of tasks at once.
    pub fn may_born(&self, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.born.on(&self.facts, object, kind) & bits(methods) != 0
    }

    /// Whether it may change what the condition of an `await` looks at. What
    /// is only known while running, `h.alive` for one, changes by the mere end
    /// of a task, so whoever lives may change it.
    pub fn may_change(&self, site: &AwaitSite) -> bool {
        let unknown = site.cells.is_empty() && site.rows.is_empty() && site.objects.is_empty();
        let used = |o: &u32| {
            let kind = self.facts.kinds.get(*o as usize).copied().unwrap_or(u8::MAX);
            (self.own.on(&self.facts, *o, kind) | self.born.on(&self.facts, *o, kind)) != 0
        };
        site.anything
            || unknown
            || site.cells.iter().any(|c| self.cells.contains(c))
            || site.rows.iter().any(|r| self.rows.contains(r))
            || site.objects.iter().any(used)
    }

    /// Whether it may end other tasks: `terminate`, `kill`, `exit`, and a
    /// pool's `terminate`.
    pub fn may_terminate(&self) -> bool {
        self.ends
    }
}

/// The answers for a program, kept once given.
pub struct May {
    facts: Rc<Facts>,
    /// For each instruction the function it belongs to, blocks apart.
    owner: Vec<u32>,
    /// For each instruction where an error of it goes within the function.
    handler: Vec<Pc>,
    /// For each root the calls in its code, by the function called.
    callers: HashMap<Root, Rc<HashMap<u32, Vec<Pc>>>>,
    known: HashMap<(Root, Pc), Rc<Deeds>>,
}

impl May {
    pub fn new(program: &Program) -> May {
        let mut may = May {
            facts: Rc::new(facts(program)),
            owner: vec![NOWHERE; program.code.len()],
            handler: vec![NOWHERE; program.code.len()],
            callers: HashMap::new(),
            known: HashMap::new(),
        };
        for index in 0..program.functions.len() {
            may.lay_out(program, index as u32);
        }
        may
    }

    /// The owner and the innermost handler of each instruction of a function.
    /// Regions are nested in the source, so each place has one stack of them.
    fn lay_out(&mut self, program: &Program, function: u32) {
        // Handlers as a tree: the one around, and the place.
        let mut regions: Vec<(usize, Pc)> = vec![(0, NOWHERE)];
        let mut todo = vec![(program.functions[function as usize].entry, 0)];
        while let Some((pc, region)) = todo.pop() {
            let Some(instr) = program.code.get(pc as usize) else { continue };
            if self.owner[pc as usize] != NOWHERE {
                continue;
            }
            self.owner[pc as usize] = function;
            self.handler[pc as usize] = regions[region].1;
            let inner = match instr {
                Instr::PushHandler(handler) => {
                    todo.push((*handler, region));
                    regions.push((region, *handler));
                    regions.len() - 1
                }
                Instr::PopHandler => regions[region].0,
                _ => region,
            };
            onwards(program, pc, |next| todo.push((next, inner)));
        }
    }

    /// Deeds reachable from instruction `pc`, which may itself still be carried
    /// out, of a task started with `root`.
    pub fn deeds(&mut self, program: &Program, root: Root, pc: u32) -> Rc<Deeds> {
        // After each job a worker may get any other.
        let pc = if root == Root::Worker { 0 } else { pc };
        if let Some(known) = self.known.get(&(root, pc)) {
            return known.clone();
        }
        let callers = self.callers(program, root);
        let deeds = Deeds::new(&self.facts, program.kinds.len());
        let seen = vec![0; program.code.len()];
        let mut walk = Walk { may: self, program, callers: &callers, seen, left: HashSet::new(), todo: Vec::new(), deeds };
        walk.begin(root, pc);
        let deeds = Rc::new(walk.deeds);
        self.known.insert((root, pc), deeds.clone());
        deeds
    }

    /// The calls in the code that a root may run in its own task.
    fn callers(&mut self, program: &Program, root: Root) -> Rc<HashMap<u32, Vec<Pc>>> {
        if let Some(known) = self.callers.get(&root) {
            return known.clone();
        }
        let mut callers: HashMap<u32, Vec<Pc>> = HashMap::new();
        let mut todo = match root {
            Root::Function(f) => vec![f],
            Root::Worker => Vec::new(),
        };
        let mut seen: HashSet<u32> = todo.iter().copied().collect();
        while let Some(f) = todo.pop() {
            let Some(function) = program.functions.get(f as usize) else { continue };
            for pc in (function.entry..function.end).filter(|pc| self.owner.get(*pc as usize) == Some(&f)) {
                for callee in callees(program, &self.facts, pc) {
                    callers.entry(callee).or_default().push(pc);
                    if seen.insert(callee) {
                        todo.push(callee);
                    }
                }
            }
        }
        let callers = Rc::new(callers);
        self.callers.insert(root, callers.clone());
        callers
    }
}

/// Where control may go from an instruction within its function, errors aside.
fn onwards(program: &Program, pc: Pc, mut to: impl FnMut(Pc)) {
    match &program.code[pc as usize] {
        Instr::Jump(target) => to(*target),
        Instr::Return | Instr::End | Instr::Raise | Instr::Reraise | Instr::Exit => {}
        Instr::Select(site) => {
            let site = &program.selects[*site as usize];
            site.arms.iter().for_each(|arm| to(arm.body));
            site.after.into_iter().chain(site.otherwise).for_each(to);
        }
        Instr::JumpIfFalse(target)
        | Instr::JumpIfFalseKeep(target)
        | Instr::JumpIfTrueKeep(target)
        | Instr::RepeatNext { end: target, .. }
        | Instr::RangeNext { end: target, .. }
        | Instr::EachNext { end: target, .. }
        | Instr::IfGiven { given: target, .. }
        | Instr::IfKind { otherwise: target, .. }
        | Instr::AwaitEnd { again: target, .. } => {
            to(*target);
            to(pc + 1);
        }
        _ => to(pc + 1),
    }
}

/// The functions that a call may enter.
fn callees(program: &Program, facts: &Facts, pc: Pc) -> Vec<u32> {
    match &program.code[pc as usize] {
        Instr::Call { function, .. } => vec![*function],
        Instr::CallValue { argc } => fitting(program, facts, *argc),
        _ => Vec::new(),
    }
}

/// The functions used as values that take so many arguments.
fn fitting(program: &Program, facts: &Facts, argc: u8) -> Vec<u32> {
    let fits = |f: &u32| program.functions.get(*f as usize).is_some_and(|f| (f.required..=f.params).contains(&argc));
    facts.values.iter().copied().filter(fits).collect()
}

/// Instructions that cannot fail; all others may.
fn safe(instr: &Instr) -> bool {
    use Instr::*;
    match instr {
        Const(_) | Int(_) | Bool(_) | None | Function(_) | Load(_) | Store(_) | Pop | Object(_) | ObjectRow(_) => true,
        Jump(_) | RepeatNext { .. } | RangeNext { .. } | IfGiven { .. } | IfKind { .. } | List(_) | Return | End => true,
        PushHandler(_) | PopHandler | SelfInfo(_) | Yield | Print(_) => true,
        _ => false,
    }
}

/// One walk over the code.
struct Walk<'a> {
    may: &'a May,
    program: &'a Program,
    callers: &'a HashMap<u32, Vec<Pc>>,
    /// For each instruction the bits of the modes in which it was reached.
    seen: Vec<u8>,
    /// Functions on the task's stack left already: by an error or not, how.
    left: HashSet<(u32, bool, u8)>,
    todo: Vec<(Pc, u8)>,
    deeds: Deeds,
}

impl Walk<'_> {
    fn begin(&mut self, root: Root, pc: Pc) {
        let facts = self.may.facts.clone();
        self.add(0, Target::Dynamic, facts.task, bits(&[task::FINISH]));
        match root {
            Root::Worker => {
                self.add(0, Target::Every, facts.pool, bits(&[pool::TAKE, pool::LEAVE]));
                self.add(0, Target::Every, facts.task, bits(&[task::BEGIN, task::FINISH]));
                facts.values.iter().for_each(|f| self.enter(*f, 0));
            }
            Root::Function(f) if self.may.owner.get(pc as usize).is_none_or(|o| *o == NOWHERE) => self.enter(f, 0),
            Root::Function(_) => self.reach(pc, OUTER),
        }
        while let Some((pc, mode)) = self.todo.pop() {
            self.step(pc, mode);
        }
    }

    fn reach(&mut self, pc: Pc, mode: u8) {
        let Some(seen) = self.seen.get_mut(pc as usize) else { return };
        if *seen & (1 << mode) == 0 {
            *seen |= 1 << mode;
            self.todo.push((pc, mode));
        }
    }

    /// Into a function; its return is the caller's next instruction.
    fn enter(&mut self, function: u32, mode: u8) {
        if let Some(f) = self.program.functions.get(function as usize) {
            self.reach(f.entry, mode & !OUTER);
        }
    }

    /// Out of a function on the task's stack, to wherever it was called.
    fn leave(&mut self, pc: Pc, failed: bool, mode: u8) {
        let function = self.may.owner[pc as usize];
        if mode & OUTER == 0 || !self.left.insert((function, failed, mode)) {
            return;
        }
        for call in self.callers.get(&function).into_iter().flatten() {
            match failed {
                true => self.fail(*call, mode),
                false => self.reach(*call + 1, mode),
            }
        }
    }

    /// An error at an instruction.
    fn fail(&mut self, pc: Pc, mode: u8) {
        match self.may.handler[pc as usize] {
            NOWHERE => self.leave(pc, true, mode),
            handler => self.reach(handler, mode),
        }
    }

    fn step(&mut self, pc: Pc, mode: u8) {
        let program = self.program;
        let instr = &program.code[pc as usize];
        onwards(program, pc, |next| self.reach(next, mode));
        if !safe(instr) {
            self.fail(pc, mode);
        }
        match instr {
            Instr::Return | Instr::End => self.leave(pc, false, mode),
            Instr::Call { .. } | Instr::CallValue { .. } => {
                let may = self.may;
                callees(program, &may.facts, pc).into_iter().for_each(|f| self.enter(f, mode));
            }
            Instr::Spawn(site) => self.spawn(*site, mode | BORN),
            Instr::Submit { argc } => self.submit(pc, *argc, mode | BORN),
            Instr::Fork => self.reach(pc + 1, mode | BORN),
            Instr::Terminate | Instr::Kill | Instr::Exit => self.deeds.ends = true,
            Instr::WriteCell(cell) => drop(self.deeds.cells.insert(*cell)),
            Instr::UpdateCell { cell, update } if *update != Update::Load => drop(self.deeds.cells.insert(*cell)),
            Instr::WriteElement(row) => drop(self.deeds.rows.insert(*row)),
            Instr::UpdateElement { row, update } if *update != Update::Load => drop(self.deeds.rows.insert(*row)),
            _ => self.operation(pc, mode),
        }
    }

    fn spawn(&mut self, site: u32, mode: u8) {
        let site = &self.program.spawns[site as usize];
        self.add(mode, Target::Dynamic, self.may.facts.task, bits(&[task::FINISH]));
        match site.target {
            SpawnTarget::Function(f) => self.enter(f, mode),
            SpawnTarget::Value => {
                fitting(self.program, &self.may.facts, site.argc).into_iter().for_each(|f| self.enter(f, mode));
            }
        }
    }

    /// The job itself runs in a worker, which may do whatever is submitted.
    fn submit(&mut self, pc: Pc, argc: u8, mode: u8) {
        let facts = self.may.facts.clone();
        let target = pushed_before(self.program, pc).unwrap_or(Target::Dynamic);
        self.add(mode & !BORN, target, facts.pool, bits(&[pool::SUBMIT]));
        self.add(mode, target, facts.pool, bits(&[pool::TAKE, pool::LEAVE]));
        self.add(mode, Target::Dynamic, facts.task, bits(&[task::BEGIN, task::FINISH]));
        fitting(self.program, &facts, argc).into_iter().for_each(|f| self.enter(f, mode));
    }

    /// The operation on an object that an instruction makes.
    fn operation(&mut self, pc: Pc, mode: u8) {
        let program = self.program;
        match &program.code[pc as usize] {
            Instr::CallMethod(call) => self.method(&program.calls[*call as usize], mode),
            Instr::Select(site) => {
                for arm in &program.selects[*site as usize].arms {
                    if let ArmOperation::Method(call) = &arm.operation {
                        self.method(call, mode);
                    }
                }
            }
            Instr::WithAcquire(site) => self.with(&program.withs[*site as usize], true, mode),
            Instr::WithRelease(site) => self.with(&program.withs[*site as usize], false, mode),
            Instr::EachNext { .. } => self.each(pc, mode),
            _ => {}
        }
    }

    fn method(&mut self, call: &MethodCall, mode: u8) {
        let name = self.program.symbols.get(call.symbol as usize).map_or("", String::as_str);
        self.on(call.receiver, mode, |spec| call.method.or_else(|| spec.method(name)));
    }

    fn with(&mut self, site: &WithSite, acquire: bool, mode: u8) {
        let word = site.mode.and_then(|m| self.program.symbols.get(m as usize)).map_or("", String::as_str);
        self.on(site.receiver, mode, |spec| {
            let way = spec.with.iter().find(|w| w.word == word)?;
            Some(if acquire { way.acquire } else { way.release })
        });
    }

    /// `for v in …`; its instruction follows what is gone over directly.
    fn each(&mut self, pc: Pc, mode: u8) {
        let program = self.program;
        let init = pc.wrapping_sub(1);
        let receiver = match init.checked_sub(1).and_then(|at| program.code.get(at as usize)) {
            Some(Instr::Object(id)) => Receiver::Object(*id),
            Some(Instr::ObjectElement(row)) => Receiver::Row(*row),
            Some(Instr::List(_) | Instr::ObjectRow(_) | Instr::Range { .. }) => return,
            _ => Receiver::Dynamic,
        };
        self.on(receiver, mode, |spec| spec.iterate);
    }

    /// An operation on a receiver; `method` finds it for a kind.
    fn on(&mut self, receiver: Receiver, mode: u8, method: impl Fn(&crate::program::kind::KindSpec) -> Option<u8>) {
        let program = self.program;
        let (target, kind) = match receiver {
            Receiver::Object(id) => (Target::One(id), program.objects.get(id as usize).map(|o| o.kind)),
            Receiver::Row(row) => match program.object_rows.get(row as usize) {
                Some(r) => (Target::Row { first: r.first, count: r.count }, Some(r.kind)),
                None => return,
            },
            Receiver::Dynamic | Receiver::Field { .. } => (Target::Dynamic, None),
        };
        for (index, spec) in program.kinds.iter().enumerate() {
            if kind.is_none_or(|k| k as usize == index) {
                if let Some(method) = method(spec) {
                    self.add(mode, target, index as u8, bits(&[method]));
                }
            }
        }
    }

    fn add(&mut self, mode: u8, target: Target, kind: u8, bits: u32) {
        let facts = self.may.facts.clone();
        if kind == facts.pool && bits & self::bits(&[pool::TERMINATE_METHOD]) != 0 {
            self.deeds.ends = true;
        }
        let operations = if mode & BORN != 0 { &mut self.deeds.born } else { &mut self.deeds.own };
        operations.add(target, kind, bits);
        if kind == facts.condition && bits & facts.wait != 0 {
            let relock = self::bits(&[lock::ACQUIRE, lock::RELEASE, lock::REACQUIRE, lock::REACQUIRE_LATE]);
            for lock in bound_locks(self.program, &facts, target) {
                operations.add(Target::One(lock), facts.lock, relock);
            }
            if matches!(target, Target::Dynamic | Target::Every) {
                operations.add(Target::Dynamic, facts.lock, relock);
            }
        }
    }
}

/// The declared locks that the conditions of a target are bound to.
fn bound_locks(program: &Program, facts: &Facts, target: Target) -> Vec<u32> {
    let object = match target {
        Target::One(object) => object,
        // All of a row are declared alike.
        Target::Row { first, count } if count > 0 => first,
        Target::Row { .. } => return Vec::new(),
        Target::Dynamic | Target::Every => return facts.bound.clone(),
    };
    program.objects.get(object as usize).and_then(|o| lock_of(&o.args)).into_iter().collect()
}

fn lock_of(args: &[Value]) -> Option<u32> {
    match args.first() {
        Some(Value::Object(lock)) => Some(lock.id),
        _ => None,
    }
}

/// The declared object that the instruction before pushes.
fn pushed_before(program: &Program, pc: Pc) -> Option<Target> {
    match program.code.get(pc.checked_sub(1)? as usize)? {
        Instr::Object(id) => Some(Target::One(*id)),
        Instr::ObjectElement(row) => {
            let row = program.object_rows.get(*row as usize)?;
            Some(Target::Row { first: row.first, count: row.count })
        }
        _ => None,
    }
}

// ------------------------------------------------------- the program as a whole

fn facts(program: &Program) -> Facts {
    let kind = |word: &str| program.kinds.iter().position(|k| k.word == word).map_or(u8::MAX, |k| k as u8);
    let condition = kind("condition");
    let wait = program.kinds.get(condition as usize).and_then(|k| k.method("wait"));
    let mut facts = Facts {
        kinds: program.objects.iter().map(|o| o.kind).collect(),
        escaping: Vec::new(),
        values: Vec::new(),
        bound: Vec::new(),
        lock: kind("lock"),
        condition,
        pool: kind("pool"),
        task: kind("task"),
        wait: wait.map_or(0, |m| bits(&[m])),
    };
    for pc in 0..program.code.len() {
        used_as_value(program, pc, &mut facts);
    }
    let inits = program.memory.iter().map(|m| &m.init);
    for value in program.constants.iter().chain(program.consts.iter().map(|c| &c.1)).chain(inits) {
        contained(value, &mut facts);
    }
    fields(program, &mut facts);
    facts.escaping.sort_unstable();
    facts.escaping.dedup();
    facts.values.sort_unstable();
    facts.values.dedup();
    for (id, object) in program.objects.iter().enumerate() {
        if object.kind == facts.condition && facts.escapes(id as u32) {
            facts.bound.extend(lock_of(&object.args));
        }
    }
    facts.bound.sort_unstable();
    facts.bound.dedup();
    facts
}

/// An object or function pushed as a value that may go anywhere. An object that
/// a `with`, a `for`, a `submit` or a `join` takes up at once goes nowhere.
fn used_as_value(program: &Program, pc: usize, facts: &mut Facts) {
    let (first, count) = match &program.code[pc] {
        Instr::Function(f) => return facts.values.push(*f),
        Instr::Object(id) => (*id, 1),
        Instr::ObjectElement(row) | Instr::ObjectRow(row) => match program.object_rows.get(*row as usize) {
            Some(r) => (r.first, r.count),
            None => return,
        },
        _ => return,
    };
    let taken = match (&program.code[pc], program.code.get(pc + 1), program.code.get(pc + 2)) {
        (Instr::ObjectRow(_), ..) => false,
        (_, Some(Instr::Store(slot)), Some(Instr::WithAcquire(site))) => program.withs[*site as usize].slot == *slot,
        (_, Some(Instr::EachInit(_) | Instr::Submit { .. } | Instr::Join { timeout: false }), _) => true,
        (_, Some(Instr::Const(_)), Some(Instr::Join { timeout: true })) => true,
        _ => false,
    };
    if !taken {
        facts.escaping.push((first, count));
    }
}

fn contained(value: &Value, facts: &mut Facts) {
    match value {
        Value::Object(o) => facts.escaping.push((o.id, 1)),
        Value::Function(f) => facts.values.push(*f),
        Value::List(items) => items.iter().for_each(|v| contained(v, facts)),
        _ => {}
    }
}

/// First values of a record's places, and the locks its conditions name.
fn fields(program: &Program, facts: &mut Facts) {
    for field in program.structs.iter().flat_map(|s| &s.fields) {
        match &field.what {
            FieldKind::Memory { init, .. } => contained(init, facts),
            FieldKind::Object { args, .. } => {
                for arg in args {
                    if let FieldArg::Value(Value::Object(lock)) = arg {
                        facts.bound.push(lock.id);
                    }
                }
            }
        }
    }
}
