//! The `spawn`s whose tasks may be taken for each other: what their code, and that of the task
//! that makes them, must be like.

use crate::detect::may::onwards;
use crate::program::Program;
use crate::program::code::{Function, Instr, Pc, SpawnTarget};
use hashbrown::{HashMap, HashSet};

/// The `spawn`s whose tasks may be taken for each other, by their places in the
/// source.
pub fn sites(program: &Program) -> HashSet<u32> {
    let spawned = |pc: usize| match program.code.get(pc) {
        Some(Instr::Spawn(site)) => Some(&program.spawns[*site as usize]),
        _ => None,
    };
    let mut passes: HashMap<usize, Passes> = HashMap::default();
    let mut are_together = |pc: Pc| {
        let Some(function) = function_at(program, pc) else { return false };
        passes.entry(function).or_insert_with(|| Passes::of(program, function)).are_together(pc)
    };
    let alike = |pc: &usize| {
        let Some(site) = spawned(*pc) else { return false };
        let SpawnTarget::Function(function) = site.target else { return false };
        let same = site.counted || site.argc == 0 && site.captures.is_empty();
        let dropped = matches!(program.code.get(pc + 1), Some(Instr::Pop));
        same && dropped
            && !site.process
            && !site.daemon
            && !site.named
            && is_nameless(program, function)
            && are_together(*pc as Pc)
    };
    (0..program.code.len()).filter(alike).map(|pc| pc as u32).collect()
}

/// Nothing that a task of this function may run tells who it is, or makes
/// something that is named after it.
fn is_nameless(program: &Program, function: u32) -> bool {
    let mut todo = vec![function];
    let mut known: HashSet<u32> = HashSet::default();
    while let Some(function) = todo.pop() {
        if !known.insert(function) {
            continue;
        }
        let function = &program.functions[function as usize];
        for instr in program.code.range(function.entry as usize..function.end as usize) {
            match instr {
                Instr::SelfInfo(_)
                | Instr::Spawn(_)
                | Instr::Submit { .. }
                | Instr::Fork
                | Instr::Wait { .. }
                | Instr::Join { .. }
                | Instr::JoinAll { .. }
                | Instr::NewObject(_)
                | Instr::NewRecord(_) => return false,
                Instr::Call { function, .. } | Instr::Function(function) => todo.push(*function),
                // What may be called is named somewhere.
                Instr::CallValue { .. } => todo.extend(program.code.iter().filter_map(|i| match i {
                    Instr::Function(function) => Some(*function),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    true
}

/// How often the tasks that run a function come to what is in it.
struct Passes {
    /// Whether each comes to its beginning at most once.
    once: bool,
    /// Its loops, the outermost ones: from where to where they stand, and whether what is done in
    /// one is nobody else's affair.
    loops: Vec<(Pc, Pc, bool)>,
}

impl Passes {
    fn of(program: &Program, function: usize) -> Passes {
        let mut loops = ways_back(program, function);
        loops.sort();
        loops.dedup_by(|inner, outer| {
            let is_within = inner.0 <= outer.1;
            outer.1 = if is_within { outer.1.max(inner.1) } else { outer.1 };
            is_within
        });
        let is_own = |from: Pc, to: Pc| program.code.range(from as usize..to as usize + 1).all(is_own_affair);
        let loops = loops.into_iter().map(|(from, to)| (from, to, is_own(from, to))).collect();
        Passes { once: is_gone_through_once(program, function), loops }
    }

    fn around(&self, pc: Pc) -> Option<&(Pc, Pc, bool)> {
        self.loops.iter().find(|l| (l.0..=l.1).contains(&pc))
    }

    /// Whether a task that comes to this `spawn` more than once does nothing between two times
    /// that is anybody else's affair.
    ///
    /// Then each execution is one, but for an order that matters to nobody, in which all that it
    /// makes there are there before one of them takes a step, so they can be exchanged all along.
    /// Else one may have done its part, or have ended, before another is there; exchanged with it
    /// that would be an execution which there is not, with an outcome of its own.
    fn are_together(&self, spawn: Pc) -> bool {
        self.once && self.around(spawn).is_none_or(|l| l.2)
    }
}

/// Where control goes back in a function: to where, and from where.
fn ways_back(program: &Program, function: usize) -> Vec<(Pc, Pc)> {
    let Function { entry, end, .. } = program.functions[function];
    let mut back = Vec::new();
    for pc in entry..end {
        onwards(program, pc, |to| back.extend((to <= pc).then_some((to, pc))));
    }
    back
}

/// The function that an instruction is of.
fn function_at(program: &Program, pc: Pc) -> Option<usize> {
    program.functions.iter().position(|f| (f.entry..f.end).contains(&pc))
}

/// Whether nobody else can tell when an instruction is carried out: it is about the task's own
/// values, or makes further tasks.
fn is_own_affair(instr: &Instr) -> bool {
    matches!(
        instr,
        Instr::Const(_)
            | Instr::Int(_)
            | Instr::Bool(_)
            | Instr::None
            | Instr::Function(_)
            | Instr::Load(_)
            | Instr::Store(_)
            | Instr::Pop
            | Instr::Object(_)
            | Instr::Unary(_)
            | Instr::Binary(_)
            | Instr::Index
            | Instr::List(_)
            | Instr::Range { .. }
            | Instr::Jump(_)
            | Instr::JumpIfFalse(_)
            | Instr::JumpIfFalseKeep(_)
            | Instr::JumpIfTrueKeep(_)
            | Instr::Truth
            | Instr::RepeatInit(_)
            | Instr::RepeatNext { .. }
            | Instr::RangeInit { .. }
            | Instr::RangeNext { .. }
            | Instr::Spawn(_)
    )
}

/// Whether a task comes to the beginning of a function at most once: it begins there, or by way of
/// one call, which is in no loop, of such a function.
fn is_gone_through_once(program: &Program, function: usize) -> bool {
    let (mut function, mut known) = (function, HashSet::new());
    while known.insert(function) {
        let calls = |(pc, instr): (usize, &Instr)| match instr {
            Instr::Call { function: callee, .. } if *callee as usize == function => Some(Some(pc as Pc)),
            // Whoever has it as a value may call it.
            Instr::Function(value) if *value as usize == function => Some(None),
            _ => None,
        };
        let mut calls = program.code.iter().enumerate().filter_map(calls);
        let begins = program.spawns.iter().any(|s| s.target == SpawnTarget::Function(function as u32))
            || program.main as usize == function;
        let call = match (calls.next(), calls.next()) {
            (None, _) => return true,
            (Some(Some(call)), None) if !begins => call,
            _ => return false,
        };
        let Some(caller) = function_at(program, call) else { return false };
        if ways_back(program, caller).iter().any(|(to, from)| (*to..=*from).contains(&call)) {
            return false;
        }
        function = caller;
    }
    false
}
