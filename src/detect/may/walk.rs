//! One walk over the code from where a task stands, collecting what it meets.
//! It owns what each instruction does and where it leads; how regions lie and
//! which calls there are is known already.

use super::*;
use crate::objects::{barrier, lock, pool, task};
use crate::program::code::gives_anything;
use crate::program::kind::{KindSpec, Update};

/// The walk is in a function on the task's stack: its return leads outwards.
const OUTER: u8 = 1;
/// The walk is in a task that the task may start.
const BORN: u8 = 2;
/// The walk is where a wait for the end of a task has failed: nowhere, as long as that goes on.
const FAILED: u8 = 4;

/// Instructions that cannot fail; all others may.
fn safe(instr: &Instr) -> bool {
    use Instr::*;
    let moves = matches!(instr, Const(_) | Int(_) | Bool(_) | None | Function(_) | Object(_) | ObjectRow(_) | List(_));
    let leads =
        matches!(instr, Jump(_) | RepeatNext { .. } | RangeNext { .. } | IfGiven { .. } | IfKind { .. } | Return);
    let rest = matches!(instr, Load(_) | Store(_) | Pop | PushHandler(_) | PopHandler | SelfInfo(_) | Yield | Print(_));
    moves || leads || rest
}

/// Instructions by which a task does something that others can see. What it only looks at or
/// makes for itself is seen by what it does then.
fn acts(program: &Program, instr: &Instr) -> bool {
    use Instr::*;
    let is_method = |call: &MethodCall| {
        let name = program.symbols.get(call.symbol as usize).map_or("", String::as_str);
        program.kinds.iter().any(|spec| spec.method(name).is_some()) || Update::method(name).is_some()
    };
    match instr {
        WriteCell(_) | AddCell { .. } | WriteElement(_) | SetField { .. } | UpdateField { .. } => true,
        UpdateCell { update, .. } | UpdateElement { update, .. } => *update != Update::Load,
        CallMethod(call) => is_method(&program.calls[*call as usize]),
        Select(site) => {
            let arms = &program.selects[*site as usize].arms;
            arms.iter().any(|arm| matches!(arm.operation, ArmOperation::Method(_)))
        }
        WithAcquire(_) | WithRelease(_) | AwaitBegin { .. } => true,
        Print(_) | Raise | Assert { .. } | Spawn(_) | Submit { .. } | Fork | Terminate | Kill | Exit => true,
        _ => false,
    }
}

/// One walk over the code.
pub(super) struct Walk<'a> {
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

impl<'a> Walk<'a> {
    pub(super) fn new(
        may: &'a May,
        program: &'a Program,
        callers: &'a HashMap<u32, Vec<Pc>>,
        deeds: Deeds,
    ) -> Walk<'a> {
        let seen = vec![0; program.code.len()];
        Walk { may, program, callers, seen, left: HashSet::new(), todo: Vec::new(), deeds }
    }

    /// All that a task of this root may do from here on.
    pub(super) fn from(mut self, root: Root, pc: Pc) -> Deeds {
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
        self.deeds
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
        match self.may.as_if_otherwise {
            true => {
                onwards(program, pc, |next| self.reach(next, mode));
                if matches!(instr, Instr::Raise | Instr::Exit) {
                    self.reach(pc + 1, mode);
                }
            }
            false => onwards_from(program, pc, |next| self.reach(next, mode)),
        }
        self.deeds.acts |= mode & FAILED == 0 && acts(program, instr);
        if !safe(instr) {
            let joins = match instr {
                Instr::Join { .. } | Instr::JoinAll { .. } | Instr::Wait { .. } => true,
                Instr::Select(_) => !acts(program, instr),
                _ => false,
            };
            self.fail(pc, if joins { mode | FAILED } else { mode });
        }
        match instr {
            Instr::Return | Instr::End => self.leave(pc, false, mode),
            Instr::Call { .. } | Instr::CallValue { .. } => {
                let may = self.may;
                callees(program, &may.facts.values, pc).into_iter().for_each(|f| self.enter(f, mode));
            }
            Instr::Spawn(site) => self.spawn(*site, mode | BORN),
            Instr::Submit { argc } => self.submit(pc, *argc, mode | BORN),
            Instr::Fork => self.reach(pc + 1, mode | BORN),
            Instr::Terminate | Instr::Kill | Instr::Exit => self.deeds.ends = true,
            Instr::WriteCell(cell) | Instr::AddCell { cell, .. } => drop(self.deeds.cells.insert(*cell)),
            Instr::UpdateCell { cell, update } if *update != Update::Load => drop(self.deeds.cells.insert(*cell)),
            Instr::WriteElement(row) => drop(self.deeds.rows.insert(*row)),
            Instr::UpdateElement { row, update } if *update != Update::Load => drop(self.deeds.rows.insert(*row)),
            Instr::SetField { symbol, .. } | Instr::UpdateField { symbol, .. } => {
                self.deeds.written.insert(*symbol);
            }
            _ => self.operation(pc, mode),
        }
    }

    fn spawn(&mut self, site: u32, mode: u8) {
        let site = &self.program.spawns[site as usize];
        self.add(mode, Target::Dynamic, self.may.facts.task, bits(&[task::FINISH]));
        match site.target {
            SpawnTarget::Function(f) => self.enter(f, mode),
            SpawnTarget::Value => {
                self.may.facts.fitting(self.program, site.argc).into_iter().for_each(|f| self.enter(f, mode));
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
        facts.fitting(self.program, argc).into_iter().for_each(|f| self.enter(f, mode));
    }

    /// The operation on an object that an instruction makes.
    fn operation(&mut self, pc: Pc, mode: u8) {
        let program = self.program;
        match &program.code[pc as usize] {
            Instr::CallMethod(call) => self.method(&program.calls[*call as usize], false, mode),
            Instr::Select(site) => {
                for arm in &program.selects[*site as usize].arms {
                    if let ArmOperation::Method(call) = &arm.operation {
                        self.method(call, true, mode);
                    }
                }
            }
            Instr::WithAcquire(site) => self.with(&program.withs[*site as usize], true, mode),
            Instr::WithRelease(site) => self.with(&program.withs[*site as usize], false, mode),
            Instr::EachNext { .. } => self.each(pc, mode),
            _ => {}
        }
    }

    fn method(&mut self, call: &MethodCall, arm: bool, mode: u8) {
        let name = self.program.symbols.get(call.symbol as usize).map_or("", String::as_str);
        let method = |spec: &KindSpec| call.method.or_else(|| spec.method(name));
        self.on(call.receiver, mode, method);
        if let (Receiver::Field { symbol, .. }, true) =
            (call.receiver, Update::method(name).is_none_or(|(update, _)| update != Update::Load))
        {
            self.deeds.written.insert(symbol);
        }
        // A wait that may be given up breaks a barrier, as its `abort` does.
        if arm || call.positional > 0 || !call.named.is_empty() {
            let waits =
                |spec: &KindSpec| method(spec).and_then(|m| spec.methods.get(m as usize)).is_some_and(|m| m.waits);
            let breaks = |spec: &KindSpec| spec.word == barrier::SPEC.word && waits(spec);
            self.on(call.receiver, mode, |spec| spec.method("abort").filter(|_| breaks(spec)));
        }
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
            _ if self.may.plain.is_plain(program, self.may.owner[pc as usize], init) => return,
            Some(Instr::GetField { symbol, .. }) if !gives_anything(&program.symbols[*symbol as usize]) => {
                Receiver::Dynamic { field: Some(*symbol) }
            }
            _ => Receiver::Dynamic { field: None },
        };
        self.on(receiver, mode, |spec| spec.iterate);
    }

    /// An operation on a receiver; `method` finds it for a kind.
    fn on(&mut self, receiver: Receiver, mode: u8, method: impl Fn(&KindSpec) -> Option<u8>) {
        let program = self.program;
        let (target, kind) = match receiver {
            Receiver::Object(id) => (Target::One(id), program.objects.get(id as usize).map(|o| o.kind)),
            Receiver::Row(row) => match program.object_rows.get(row as usize) {
                Some(r) => (Target::Row { first: r.first, count: r.count }, Some(r.kind)),
                None => return,
            },
            Receiver::Field { symbol, .. } | Receiver::Dynamic { field: Some(symbol) } => (Target::Field(symbol), None),
            Receiver::Dynamic { field: None } => (Target::Dynamic, None),
        };
        for (index, spec) in program.kinds.iter().enumerate() {
            let fits = kind.is_none_or(|k| k as usize == index);
            if let Some(method) = fits.then(|| method(spec)).flatten() {
                self.add(mode, target, index as u8, bits(&[method]));
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
            for lock in facts.bound_locks(self.program, target) {
                operations.add(Target::One(lock), facts.lock, relock);
            }
            if matches!(target, Target::Dynamic | Target::Field(_) | Target::Every) {
                operations.add(Target::Dynamic, facts.lock, relock);
            }
        }
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
