//! Which steps may be joined to the transition before them though others can
//! see them: those that commute to the left past whatever any other task may
//! do (Lipton, *Reduction*, CACM 1975). It owns what the code as a whole tells
//! about that; that a task has nothing left to compare with others' accesses,
//! `step` looks at.

use crate::objects::{KINDS, event, lock, place, pool, queue, rwlock, semaphore};
use crate::program::Program;
use crate::program::code::{ArmOperation, Field, FieldKind, Instr, MethodCall, NewSite, Receiver, SelfInfo};
use crate::program::kind::{Memory, Update, does_more_than_look};
use hashbrown::HashMap;

/// See `Movers::copies`.
fn copies(program: &Program) -> bool {
    let pool = |n: &NewSite| (n.kind == place::pool).then_some(n.options & pool::OF_PROCESSES != 0);
    let (mut threads, mut processes) = (false, false);
    for object in program.objects.iter().filter(|o| o.kind == place::pool) {
        threads |= object.options & pool::OF_PROCESSES == 0;
    }
    for instr in &program.code {
        match instr {
            Instr::Spawn(site) if program.spawns[*site as usize].process => processes = true,
            Instr::Spawn(_) => threads = true,
            Instr::Fork => processes = true,
            Instr::NewObject(site) => match pool(&program.news[*site as usize]) {
                Some(true) => processes = true,
                Some(false) => threads = true,
                None => {}
            },
            _ => {}
        }
    }
    let fields = program.structs.iter().flat_map(|s| &s.fields);
    let pools = fields.filter(|f| matches!(f.what, FieldKind::Object { kind: place::pool, .. })).count() > 0;
    pools || threads && processes
}

/// Whether a method tells how far others have got, and comes after nothing.
fn shows_order(kind: u8, method: &str) -> bool {
    match kind {
        place::lock => method == "locked",
        place::semaphore => method == "value",
        // Who counts down and does not fail sees that another one has added.
        place::latch => matches!(method, "value" | "add"),
        place::event => method == "is_set",
        // Whoever waits sees that it is broken.
        place::barrier => matches!(method, "abort" | "reset"),
        _ => false,
    }
}

/// Whether an indivisible access may do otherwise behind what it does not come after, and keeps
/// no footprint to be met by: one of plain memory that writes, or fails, by what it finds. In a
/// look of an `await` (`looks`) what comes first says whether the rest is reached at all, in the
/// same step: then any access of plain memory may do so, and one that releases takes with it what
/// the look has reached before.
fn sees_by(update: Update, memory: Memory, looks: bool) -> bool {
    let plain = memory != Memory::Atomic;
    if looks { plain || update != Update::Load } else { plain && update.depends() }
}

/// The same of a record's place, of which only its field's name is known.
fn sees_by_a_field(program: &Program, call: &MethodCall, looks: bool) -> bool {
    let Receiver::Field { symbol, .. } = call.receiver else { return false };
    let Some((update, _)) = Update::method(&program.symbols[call.symbol as usize]) else { return false };
    program.structs.iter().flat_map(|s| &s.fields).filter(|f| f.symbol == symbol).any(|f| match f.what {
        FieldKind::Memory { memory, .. } => sees_by(update, memory, looks),
        FieldKind::Object { .. } => false,
    })
}

/// Whether others see that somebody waits there: who meets it at a `queue q(0)`, and who wants
/// to read what it waits to write.
fn is_seen_waiting(program: &Program, operation: &ArmOperation) -> bool {
    let ArmOperation::Method(call) = operation else { return false };
    let name = program.symbols[call.symbol as usize].as_str();
    let of = |kind: u8| KINDS[kind as usize].method(name);
    let is = |kind: u8, methods: &[u8]| of(kind).is_some_and(|method| methods.contains(&method));
    is(place::queue, &[queue::PUT, queue::GET]) || is(place::rwlock, &[rwlock::ACQUIRE_WRITE])
}

/// What the code does with objects, wherever it is.
#[derive(Default)]
pub struct Movers {
    /// Off altogether.
    none: bool,
    /// Methods used on a declared object, as bits; and whether one of its
    /// waits has an end of its own.
    declared: HashMap<u32, (u32, bool)>,
    /// The same by kind, where the object is known only while running.
    dynamic: HashMap<u8, (u32, bool)>,
    /// Something looks at whether a task has ended, or waits for it for a time.
    ends_seen: bool,
    /// Something asks a task for its result, which only a joined one has: whether
    /// somebody has joined it is seen.
    pub results_seen: bool,
    /// The end of a process looks which of its forked children have ended.
    forks: bool,
    /// Processes are spawned.
    processes: bool,
    /// Tasks may be ended from outside at any moment.
    pub deadly: bool,
    /// There are pools, and it is taken that no process ends while it has
    /// workers: then they are not ended from outside. Where one does, that end
    /// and the worker's leaving are two transitions in either division, of which
    /// each can be the first, so it is seen, and the exploration starts anew.
    pub workers: bool,
    /// There may be daemons or pools: tasks that serve others and keep no run from its end.
    pub servants: bool,
    /// A task may see that another one has got somewhere without coming after
    /// what that one did before. Then a race may show only behind a release, and
    /// `order` is needed to see it. Without, every observation is a wait that
    /// something lets go ahead that comes before: what does not come before an
    /// access can be left out of an execution, up to the two accesses that race
    /// with both footprints still there. An indivisible access leaves none: what another one
    /// reaches behind it is met by moving it there, so that it must do there what it did before.
    pub observes: bool,
    /// A process may be made, with a copy of all `var` memory, while threads
    /// write to it. That reads all of it, and no race is told of it.
    pub copies: bool,
    /// Some operation is within an `atomically`, or in the look of an `await`, where it fails if
    /// it would have to wait: an end of its own, for any of them.
    atomic: bool,
}

impl Movers {
    /// Nothing is joined.
    pub fn without_joins(self) -> Movers {
        Movers { none: true, ..self }
    }

    /// `ended`: a process was seen to end while it had workers.
    pub fn with_workers(self, ended: bool) -> Movers {
        let deadly = self.deadly || self.workers && ended;
        Movers { deadly, workers: self.workers && !deadly, ..self }
    }

    /// Whether there may be pools, with workers that their process ends.
    pub fn may_have_workers(&self) -> bool {
        self.workers || self.deadly
    }

    pub fn of(program: &Program) -> Movers {
        let atomic = program.code.iter().any(|i| matches!(i, Instr::AtomicBegin)) || looks_by_calls(program);
        let mut movers = Movers { atomic, copies: copies(program), ..Movers::default() };
        let (mut exits, mut looks) = (false, false);
        let mut threads = program.objects.iter().any(|o| o.kind == place::pool);
        for instr in &program.code {
            match instr {
                Instr::CallMethod(call) => {
                    let call = &program.calls[*call as usize];
                    movers.call(program, call, false);
                    movers.observes |= sees_by_a_field(program, call, looks);
                }
                Instr::UpdateCell { cell, update } => {
                    movers.observes |= sees_by(*update, program.memory_of(*cell), looks);
                }
                Instr::UpdateElement { row, update } => {
                    movers.observes |= sees_by(*update, program.memory_rows[*row as usize].memory, looks);
                }
                Instr::AwaitBegin { .. } => looks = true,
                Instr::AwaitEnd { .. } => looks = false,
                Instr::WithAcquire(site) | Instr::WithRelease(site) => {
                    let site = &program.withs[*site as usize];
                    // `with` acquires and releases, without an end of its own.
                    match site.known {
                        Some(object) => movers.add_declared(object.id, 0, atomic),
                        None => KINDS.iter().enumerate().for_each(|(kind, _)| {
                            movers.dynamic.entry(kind as u8).or_default().1 |= atomic;
                        }),
                    }
                }
                Instr::Select(site) => {
                    let site = &program.selects[*site as usize];
                    // Who waits in one arm is seen by others, and would not wait there any more once
                    // another arm is ready: what makes that ready must not come before.
                    let seen =
                        site.arms.len() > 1 && site.arms.iter().any(|arm| is_seen_waiting(program, &arm.operation));
                    let limited = site.after.is_some() || site.otherwise.is_some() || seen;
                    for arm in &site.arms {
                        match &arm.operation {
                            ArmOperation::Method(call) => movers.call(program, call, limited),
                            ArmOperation::Join => movers.ends_seen |= limited,
                        }
                    }
                }
                Instr::Join { timeout } | Instr::JoinAll { timeout } => movers.ends_seen |= *timeout,
                Instr::GetField { symbol, .. } => {
                    let name = program.symbols[*symbol as usize].as_str();
                    movers.ends_seen |= matches!(name, "alive" | "exit_code" | "result");
                    movers.results_seen |= name == "result";
                }
                Instr::Wait { .. } | Instr::SelfInfo(SelfInfo::Ppid) => movers.ends_seen = true,
                Instr::Fork => movers.forks = true,
                Instr::Terminate | Instr::Kill => movers.deadly = true,
                Instr::Exit => exits = true,
                Instr::Spawn(site) => {
                    let site = &program.spawns[*site as usize];
                    movers.deadly |= site.daemon;
                    movers.processes |= site.process;
                    threads = true;
                }
                Instr::NewObject(site) => threads |= program.news[*site as usize].kind == place::pool,
                _ => {}
            }
        }
        movers.deadly |= exits && threads;
        let field = |f: &Field| matches!(f.what, FieldKind::Object { kind: place::pool, .. });
        movers.workers = program.objects.iter().any(|o| o.kind == place::pool)
            || program.news.iter().any(|n| n.kind == place::pool)
            || program.structs.iter().any(|s| s.fields.iter().any(field));
        movers.servants = movers.workers || program.spawns.iter().any(|site| site.daemon);
        movers.observes |= movers.deadly || movers.ends_seen || movers.sees_more(program);
        movers
    }

    /// What else shows an order that is none: an error that is caught, and
    /// values in a row, of which the second one shows that somebody has taken
    /// the first. And an `atomically` reaches memory and releases in one step,
    /// as an indivisible operation does, so that neither is ever seen between.
    fn sees_more(&self, program: &Program) -> bool {
        if self.atomic {
            return true;
        }
        let row = |kind: u8| kind == place::queue || kind == place::pool;
        let field = |f: &Field| matches!(f.what, FieldKind::Object { kind, .. } if row(kind));
        program.objects.iter().any(|o| row(o.kind))
            || program.news.iter().any(|n| row(n.kind))
            || program.structs.iter().any(|s| s.fields.iter().any(field))
            || program.code.iter().any(|i| matches!(i, Instr::IfKind { .. }))
    }

    /// Whether some loop has no count that goes down: only then can a state come
    /// again.
    pub fn may_recur(program: &Program) -> bool {
        let counted =
            |to: u32| matches!(program.code.get(to as usize), Some(Instr::RepeatNext { .. } | Instr::RangeNext { .. }));
        program.code.iter().enumerate().any(|(pc, instr)| match instr {
            Instr::Jump(to) => *to as usize <= pc && !counted(*to),
            _ => false,
        })
    }

    fn add_declared(&mut self, object: u32, bits: u32, limited: bool) {
        let entry = self.declared.entry(object).or_default();
        entry.0 |= bits;
        entry.1 |= limited;
    }

    fn call(&mut self, program: &Program, call: &MethodCall, limited: bool) {
        let name = &program.symbols[call.symbol as usize];
        let has_arguments = call.positional > 0 || !call.named.is_empty();
        for (kind, spec) in KINDS.iter().enumerate() {
            let Some(method) = spec.method(name) else { continue };
            let shape = &spec.methods[method as usize];
            let bits = 1u32.checked_shl(u32::from(method)).unwrap_or(0);
            let may_end = shape.timeout.is_some() || shape.blocking.is_some();
            let limited = limited || self.atomic || (may_end && has_arguments);
            self.observes |= limited || shows_order(kind as u8, name);
            if kind as u8 == place::pool && name == "terminate" {
                self.deadly = true;
            }
            match call.receiver {
                Receiver::Object(id) => {
                    if program.objects[id as usize].kind == kind as u8 {
                        self.add_declared(id, bits, limited);
                    }
                }
                Receiver::Row(row) => {
                    let row = &program.object_rows[row as usize];
                    if row.kind == kind as u8 {
                        (row.first..row.first + row.count).for_each(|id| self.add_declared(id, bits, limited));
                    }
                }
                Receiver::Dynamic { .. } | Receiver::Field { .. } => {
                    let entry = self.dynamic.entry(kind as u8).or_default();
                    entry.0 |= bits;
                    entry.1 |= limited;
                }
            }
        }
    }

    /// Whether the operation moves to the left past all that others may do.
    pub fn joins(&self, object: u32, kind: u8, method: u8) -> bool {
        if self.none || self.deadly {
            return false;
        }
        let spoilers: u32 = match (kind, method) {
            (place::lock, lock::RELEASE) => lock::OBSERVERS,
            (place::semaphore, semaphore::RELEASE) => semaphore::OBSERVERS,
            (place::event, event::SET) => event::OBSERVERS,
            _ => return false,
        };
        let own = self.declared.get(&object).copied().unwrap_or_default();
        let any = self.dynamic.get(&kind).copied().unwrap_or_default();
        (own.0 | any.0) & spoilers == 0 && !own.1 && !any.1
    }

    /// Whether there are threads of one process only, which nobody ends from
    /// outside.
    pub fn only_threads(&self) -> bool {
        !self.deadly && !self.forks && !self.copies && !self.workers && !self.processes
    }

    /// Whether a task's end does.
    pub fn ends_join(&self) -> bool {
        !self.none && !self.deadly && !self.ends_seen && !self.forks
    }
}

/// Whether the condition of an `await` calls what may operate on objects as a block does: a
/// function, or a method that does more than look.
fn looks_by_calls(program: &Program) -> bool {
    let mut within = false;
    program.code.iter().any(|instr| {
        match instr {
            Instr::AwaitBegin { .. } => within = true,
            Instr::AwaitEnd { .. } => within = false,
            _ => {}
        }
        let more = match instr {
            Instr::Call { .. } | Instr::CallValue { .. } => true,
            Instr::CallMethod(call) => {
                does_more_than_look(KINDS, &program.symbols[program.calls[*call as usize].symbol as usize])
            }
            _ => false,
        };
        within && more
    })
}
