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

use crate::program::Program;
use crate::program::code::*;
use crate::program::reads::Reads;
use facts::Facts;
use plain::PlainLocals;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use walk::Walk;

mod facts;
mod plain;
mod walk;

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

/// The objects that an operation may be on.
#[derive(Clone, Copy)]
enum Target {
    One(u32),
    Row {
        first: u32,
        count: u32,
    },
    /// Those made while running, and those that escape.
    Dynamic,
    /// Of those what a field of this name is or holds.
    Field(u32),
    /// All of the kind.
    Every,
}

/// An object that operations are on. Declared objects have the numbers below
/// `Program::objects.len()`.
#[derive(Clone, Copy, Debug)]
pub struct On {
    pub object: u32,
    pub kind: u8,
    /// Of a record's own object the name of the field, where that is known.
    pub field: Option<u32>,
}

/// Operations: for each object or group of them, the bits of its methods.
#[derive(Default)]
struct Operations {
    one: HashMap<u32, u32>,
    rows: HashMap<(u32, u32), u32>,
    dynamic: Vec<u32>,
    /// By the field's name and the kind.
    fields: HashMap<(u32, u8), u32>,
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
            Target::Dynamic => self.dynamic.get_mut(kind as usize).into_iter().for_each(|m| *m |= bits),
            Target::Field(name) => *self.fields.entry((name, kind)).or_default() |= bits,
            Target::Every => self.every.get_mut(kind as usize).into_iter().for_each(|m| *m |= bits),
        }
    }

    fn on(&self, facts: &Facts, On { object, kind, field }: On) -> u32 {
        let mut bits = self.every.get(kind as usize).copied().unwrap_or(0);
        bits |= self.one.get(&object).copied().unwrap_or(0);
        for ((first, count), more) in &self.rows {
            bits |= if object.wrapping_sub(*first) < *count { *more } else { 0 };
        }
        if object as usize >= facts.kinds.len() || facts.escapes(object) {
            bits |= self.dynamic.get(kind as usize).copied().unwrap_or(0);
            // A field that is no object of the record's own may hold any of them.
            let may_be = |name: u32| field.is_none_or(|field| field == name || facts.is_place(name));
            let by_name = self.fields.iter().filter(|((name, of), _)| *of == kind && may_be(*name));
            bits |= by_name.fold(0, |bits, (_, more)| bits | more);
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
    /// By their names the fields of records.
    written: HashSet<u32>,
    ends: bool,
    acts: bool,
}

fn bits(methods: &[u8]) -> u32 {
    methods.iter().fold(0, |bits, m| bits | 1u32.checked_shl(u32::from(*m)).unwrap_or(0))
}

impl Deeds {
    fn new(facts: &Rc<Facts>, kinds: usize) -> Deeds {
        let (own, born) = (Operations::new(kinds), Operations::new(kinds));
        Deeds {
            facts: facts.clone(),
            own,
            born,
            cells: HashSet::new(),
            rows: HashSet::new(),
            written: HashSet::new(),
            ends: false,
            acts: false,
        }
    }

    /// Whether it may do one of the methods on an object.
    pub fn may(&self, on: On, methods: &[u8]) -> bool {
        self.own.on(&self.facts, on) & bits(methods) != 0 || self.may_born(on, methods)
    }

    /// Whether a task that it may yet start may do so, and with it any number
    /// of tasks at once.
    pub fn may_born(&self, on: On, methods: &[u8]) -> bool {
        self.born.on(&self.facts, on) & bits(methods) != 0
    }

    /// Whether it may change what the condition of an `await` looks at.
    pub fn may_change(&self, program: &Program, site: u32) -> bool {
        self.facts.reads(program, site).is_none_or(|reads| self.changes(reads))
    }

    /// Whether it may change something of what is looked at. Whether a task is alive
    /// changes by the mere end of one, so whoever lives may change it.
    fn changes(&self, reads: &Reads) -> bool {
        let looks = |on: On| self.facts.looks.get(on.kind as usize).copied().unwrap_or(0);
        let uses = |on: On| (self.own.on(&self.facts, on) | self.born.on(&self.facts, on)) & !looks(on) != 0;
        let used = |o: &u32| {
            let kind = self.facts.kinds.get(*o as usize).copied().unwrap_or(u8::MAX);
            let on = On { object: *o, kind, field: None };
            uses(on)
        };
        let on = |name: Option<u32>, kind: u8| On { object: u32::MAX, kind, field: name };
        let kinds = || (0..self.own.every.len() as u8).filter(|k| *k != self.facts.task);
        // A place may hold a task's handle too, which changes with its end.
        let used_in = |name: &u32| self.facts.is_place(*name) || kinds().any(|k| uses(on(Some(*name), k)));
        let used_of = |kind: &u8| {
            let declared = (0..self.facts.kinds.len() as u32).filter(|o| self.facts.kinds[*o as usize] == *kind);
            uses(on(None, *kind)) || declared.filter(|o| self.facts.escapes(*o)).any(|o| used(&o))
        };
        let row = |r: u32| self.facts.rows.get(r as usize).cloned().unwrap_or(0..u32::MAX);
        let in_a_row = |c: &u32| self.rows.iter().any(|r| row(*r).contains(c));
        let holds_one = |r: &u32| self.cells.iter().any(|c| row(*r).contains(c));
        reads.anything
            || reads.cells.iter().any(|c| self.cells.contains(c) || in_a_row(c))
            || reads.rows.iter().any(|r| self.rows.contains(r) || holds_one(r))
            || reads.objects.iter().any(used)
            || reads.fields.iter().any(|name| self.written.contains(name))
            || reads.field_objects.iter().any(used_in)
            || reads.kinds.iter().any(used_of)
    }

    /// Whether it may end other tasks: `terminate`, `kill`, `exit`, and a
    /// pool's `terminate`.
    pub fn may_terminate(&self) -> bool {
        self.ends
    }

    /// Whether it may do anything but wait for the ends of others, and do something about
    /// errors in that: print, change something, use an object, start or end a task, fail by
    /// its own words.
    pub fn acts(&self) -> bool {
        self.acts
    }
}

/// The answers for a program, kept once given.
pub struct May {
    facts: Rc<Facts>,
    /// For each instruction the function it belongs to, blocks apart.
    owner: Vec<u32>,
    /// For each instruction where an error of it goes within the function.
    handler: Vec<Pc>,
    plain: PlainLocals,
    /// Both ways are open at a condition of constants too, and a `raise` or an `exit` is passed.
    as_if_otherwise: bool,
    /// For each root the calls in its code, by the function called.
    callers: HashMap<Root, Rc<HashMap<u32, Vec<Pc>>>>,
    known: HashMap<(Root, Pc), Rc<Deeds>>,
}

impl May {
    pub fn new(program: &Program) -> May {
        let mut may = May {
            facts: Rc::new(Facts::of(program)),
            owner: vec![NOWHERE; program.code.len()],
            handler: vec![NOWHERE; program.code.len()],
            plain: PlainLocals::default(),
            as_if_otherwise: false,
            callers: HashMap::new(),
            known: HashMap::new(),
        };
        for index in 0..program.functions.len() {
            may.lay_out(program, index as u32);
        }
        may.plain = PlainLocals::of(program, &may.owner, &may.facts.values);
        may
    }

    /// The same as if constants could be others: what a task is there for, though one makes it
    /// fail before.
    pub fn as_if_otherwise(program: &Program) -> May {
        May { as_if_otherwise: true, ..May::new(program) }
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
        let deeds = Rc::new(Walk::new(self, program, &callers, deeds).from(root, pc));
        self.known.insert((root, pc), deeds.clone());
        deeds
    }

    /// What the condition of an `await` looks at.
    pub fn reads(&self, program: &Program, site: u32) -> Reads {
        self.facts.reads(program, site).cloned().unwrap_or_default()
    }

    /// The deeds of a task whose body has come to its end.
    pub fn nothing(&self, program: &Program) -> Rc<Deeds> {
        Rc::new(Deeds::new(&self.facts, program.kinds.len()))
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
                for callee in callees(program, &self.facts.values, pc) {
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
pub fn onwards(program: &Program, pc: Pc, mut to: impl FnMut(Pc)) {
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

/// The same from an instruction that control has come to: whether a condition holds that is
/// written out, as the compiler does with one of constants, is known.
pub(super) fn onwards_from(program: &Program, pc: Pc, mut to: impl FnMut(Pc)) {
    match (&program.code[pc as usize], program.code.get(pc as usize + 1)) {
        (Instr::Bool(true), Some(Instr::JumpIfFalse(_))) => to(pc + 2),
        (Instr::Bool(false), Some(Instr::JumpIfFalse(otherwise))) => to(*otherwise),
        _ => onwards(program, pc, to),
    }
}

/// The functions that a call may enter; `values`: those that are used as values.
pub(super) fn callees(program: &Program, values: &[u32], pc: Pc) -> Vec<u32> {
    match &program.code[pc as usize] {
        Instr::Call { function, .. } => vec![*function],
        Instr::CallValue { argc } => fitting(program, values, *argc),
        _ => Vec::new(),
    }
}

/// Of these functions those that take so many arguments.
fn fitting(program: &Program, values: &[u32], argc: u8) -> Vec<u32> {
    let fits = |f: &u32| program.functions.get(*f as usize).is_some_and(|f| (f.required..=f.params).contains(&argc));
    values.iter().copied().filter(fits).collect()
}

#[cfg(test)]
#[path = "may/tests.rs"]
mod tests;

#[cfg(test)]
#[path = "may/traces.rs"]
mod traces;
