//! Which steps may be joined to the transition before them though others can
//! see them: those that commute to the left past whatever any other task may
//! do (Lipton, *Reduction*, CACM 1975). It owns what the code as a whole tells
//! about that; that a task has nothing left to compare with others' accesses,
//! `step` looks at.

use crate::objects::{KINDS, event, lock, place, semaphore};
use crate::program::Program;
use crate::program::code::{ArmOperation, Instr, MethodCall, Receiver};
use hashbrown::HashMap;

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
    /// Tasks may be ended from outside at any moment.
    pub deadly: bool,
}

impl Movers {
    /// Nothing is joined.
    pub fn none() -> Movers {
        Movers { none: true, ..Movers::default() }
    }

    pub fn of(program: &Program) -> Movers {
        let mut movers = Movers::default();
        let mut exits = false;
        let mut threads = program.objects.iter().any(|o| o.kind == place::pool);
        for instr in &program.code {
            match instr {
                Instr::CallMethod(call) => movers.call(program, &program.calls[*call as usize], false),
                Instr::WithAcquire(site) | Instr::WithRelease(site) => {
                    let site = &program.withs[*site as usize];
                    // `with` acquires and releases, without an end of its own.
                    if let Some(object) = site.known {
                        movers.add_declared(object.id, 0, false);
                    }
                }
                Instr::Select(site) => {
                    let site = &program.selects[*site as usize];
                    let limited = site.after.is_some() || site.otherwise.is_some();
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
                }
                Instr::Wait { .. } => movers.ends_seen = true,
                Instr::Terminate | Instr::Kill => movers.deadly = true,
                Instr::Exit => exits = true,
                Instr::Spawn(site) => {
                    let site = &program.spawns[*site as usize];
                    movers.deadly |= site.daemon;
                    threads = true;
                }
                Instr::NewObject(site) => threads |= program.news[*site as usize].kind == place::pool,
                _ => {}
            }
        }
        movers.deadly |= exits && threads;
        movers
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
            let limited = limited || (may_end && has_arguments);
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
                Receiver::Dynamic | Receiver::Field { .. } => {
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

    /// Whether a task's end does.
    pub fn ends_join(&self) -> bool {
        !self.none && !self.deadly && !self.ends_seen
    }
}
