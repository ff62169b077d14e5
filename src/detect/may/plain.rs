//! Which variables certainly hold no object, so that a `for` over them is over a
//! list: by what is stored in them, and what their function is called and spawned
//! with. It owns the reading of expressions back from their last instruction;
//! whatever it does not know, as results of calls and elements of lists, may be
//! an object.

use super::onwards;
use crate::program::Program;
use crate::program::code::{Instr, Pc, SelfInfo, Slot, SpawnTarget};
use crate::program::value::Value;
use std::collections::{HashMap, HashSet};

/// A local variable: its function and its place there.
type Local = (u32, Slot);

/// What an expression comes to.
#[derive(Clone, Copy)]
enum Comes {
    /// A number, a text, a list.
    Plain,
    /// What a local holds.
    From(Local),
    Any,
}

/// The answers for a program.
#[derive(Default)]
pub(super) struct PlainLocals {
    /// Those that may hold an object.
    objects: HashSet<Local>,
    targets: HashSet<Pc>,
}

impl PlainLocals {
    /// `owner`: the function of each instruction; `values`: the functions that
    /// are used as values, so that nobody knows what they are called with.
    pub(super) fn of(program: &Program, owner: &[u32], values: &[u32]) -> PlainLocals {
        let mut targets: HashSet<Pc> = HashSet::new();
        for (pc, instr) in program.code.iter().enumerate() {
            onwards(program, pc as Pc, |next| {
                if next != pc as Pc + 1 {
                    targets.insert(next);
                }
            });
            match instr {
                Instr::PushHandler(handler) => drop(targets.insert(*handler)),
                Instr::Select(site) => targets.extend(program.selects[*site as usize].arms.iter().map(|a| a.body)),
                _ => {}
            }
        }
        let mut all = PlainLocals { objects: HashSet::new(), targets };
        for function in values {
            let params = program.functions.get(*function as usize).map_or(0, |f| f.params);
            all.objects.extend((0..params).map(|slot| (*function, Slot::from(slot))));
        }
        let mut found = Found { program, owner, first: HashMap::new(), flows: Vec::new() };
        found.first_stores();
        for pc in 0..program.code.len() as Pc {
            found.instruction(pc, &mut all);
        }
        while let Some(at) = found.flows.iter().position(|(from, _)| all.objects.contains(from)) {
            let (_, to) = found.flows.swap_remove(at);
            all.objects.insert(to);
        }
        all
    }

    /// Whether the expression that ends right before an instruction of a function
    /// is certainly no object.
    pub(super) fn is_plain(&self, program: &Program, function: u32, pc: Pc) -> bool {
        match self.before(program, function, pc).1 {
            Comes::Plain => true,
            Comes::From(local) => !self.objects.contains(&local),
            Comes::Any => false,
        }
    }

    /// Of the expression whose value is on top of the stack before an instruction,
    /// where it begins, if it is written in one piece, and what it comes to.
    fn before(&self, program: &Program, function: u32, pc: Pc) -> (Option<Pc>, Comes) {
        let unknown = (None, Comes::Any);
        // Another way could lead here with another value.
        let Some(at) = pc.checked_sub(1).filter(|_| !self.targets.contains(&pc)) else { return unknown };
        let operands = match &program.code[at as usize] {
            Instr::Const(number) => return (Some(at), constant(program, *number)),
            Instr::Object(_) | Instr::Function(_) | Instr::SelfInfo(SelfInfo::Handle) => return (Some(at), Comes::Any),
            Instr::Int(_) | Instr::Bool(_) | Instr::None | Instr::ObjectRow(_) | Instr::SelfInfo(_) => 0,
            Instr::Load(slot) => return (Some(at), Comes::From((function, *slot))),
            Instr::List(count) | Instr::Format(count) => u32::from(*count),
            Instr::Range { .. } | Instr::Binary(_) => 2,
            Instr::Unary(_) => 1,
            _ => return unknown,
        };
        let start = (0..operands).try_fold(at, |end, _| self.before(program, function, end).0);
        (start, Comes::Plain)
    }
}

fn constant(program: &Program, at: u32) -> Comes {
    match program.constants.get(at as usize) {
        Some(Value::Object(_) | Value::Function(_)) | None => Comes::Any,
        Some(_) => Comes::Plain,
    }
}

/// What flows from one local to another.
struct Found<'a> {
    program: &'a Program,
    owner: &'a [u32],
    /// The first instruction that gives a local its value.
    first: HashMap<Local, Pc>,
    flows: Vec<(Local, Local)>,
}

impl Found<'_> {
    fn first_stores(&mut self) {
        for (pc, instr) in self.program.code.iter().enumerate() {
            let function = self.owner[pc];
            let given: &[Slot] = match instr {
                Instr::Store(slot) | Instr::RepeatInit(slot) => &[*slot],
                Instr::RangeNext { variable, .. } | Instr::EachNext { variable, .. } => &[*variable],
                _ => &[],
            };
            for slot in given {
                self.first.entry((function, *slot)).or_insert(pc as Pc);
            }
            if let Instr::Spawn(site) = instr {
                let site = &self.program.spawns[*site as usize];
                if let SpawnTarget::Function(block) = site.target {
                    self.first.extend(site.captures.iter().map(|(_, to)| ((block, *to), 0)));
                }
            }
        }
    }

    fn instruction(&mut self, pc: Pc, all: &mut PlainLocals) {
        let (program, function) = (self.program, self.owner[pc as usize]);
        match &program.code[pc as usize] {
            Instr::Store(slot) => {
                let comes = all.before(program, function, pc).1;
                self.give((function, *slot), comes, all);
            }
            Instr::EachNext { variable, .. } => self.give((function, *variable), Comes::Any, all),
            // What an earlier text of a session left there.
            Instr::Load(slot) => {
                let params = program.functions.get(function as usize).map_or(0, |f| Slot::from(f.params));
                if *slot >= params && self.first.get(&(function, *slot)).is_none_or(|first| *first > pc) {
                    all.objects.insert((function, *slot));
                }
            }
            Instr::Call { function: callee, argc } => self.arguments(*callee, *argc, function, pc, all),
            Instr::Spawn(site) => {
                let site = &program.spawns[*site as usize];
                let SpawnTarget::Function(callee) = site.target else { return };
                for (from, to) in &site.captures {
                    self.flows.push(((function, *from), (callee, *to)));
                }
                let above = u32::from(site.named) + u32::from(site.counted);
                let end = (0..above).try_fold(pc, |end, _| all.before(program, function, end).0);
                match end {
                    Some(end) => self.arguments(callee, site.argc, function, end, all),
                    None => all.objects.extend((0..site.argc).map(|a| (callee, Slot::from(a)))),
                }
            }
            _ => {}
        }
    }

    /// The last argument ends right before `end`.
    fn arguments(&mut self, callee: u32, argc: u8, function: u32, mut end: Pc, all: &mut PlainLocals) {
        for argument in (0..argc).rev() {
            let (start, comes) = all.before(self.program, function, end);
            self.give((callee, Slot::from(argument)), comes, all);
            let Some(start) = start else {
                return all.objects.extend((0..argument).map(|a| (callee, Slot::from(a))));
            };
            end = start;
        }
    }

    fn give(&mut self, to: Local, comes: Comes, all: &mut PlainLocals) {
        match comes {
            Comes::Plain => {}
            Comes::From(from) => self.flows.push((from, to)),
            Comes::Any => drop(all.objects.insert(to)),
        }
    }
}
