//! What holds for a program wherever its tasks stand: which objects and
//! functions go about as values, and so may be behind any reference, and which
//! locks a condition may be bound to.

use super::{Target, bits, fitting};
use crate::detect::looks::{begins, reads_of};
use crate::objects::{condition, lock, pool, task};
use crate::program::Program;
use crate::program::code::{FieldArg, FieldKind, Instr, Pc};
use crate::program::kind::KindSpec;
use crate::program::reads::Reads;
use crate::program::value::Value;
use std::cell::OnceCell;
use std::collections::HashSet;

/// What is known of a program as a whole.
pub(super) struct Facts {
    /// The kinds of the declared objects.
    pub(super) kinds: Vec<u8>,
    /// The rows of declared memory, as ranges of places.
    pub(super) rows: Vec<std::ops::Range<u32>>,
    /// The names of fields that are places in memory, which may hold any object.
    places: HashSet<u32>,
    /// Declared objects, as ranges, that are also used as values.
    escaping: Vec<(u32, u32)>,
    /// Functions that are used as values.
    pub(super) values: Vec<u32>,
    /// The locks that conditions only known while running may be bound to.
    bound: Vec<u32>,
    pub(super) lock: u8,
    pub(super) condition: u8,
    pub(super) pool: u8,
    pub(super) task: u8,
    /// The bit of a condition's `wait`.
    pub(super) wait: u32,
    /// For each kind the bits of the methods that only look.
    pub(super) looks: Vec<u32>,
    /// Where each `await` begins, and what it looks at once that was asked for.
    awaits: Vec<(Pc, OnceCell<Reads>)>,
}

impl Facts {
    pub(super) fn of(program: &Program) -> Facts {
        let kind = |word: &str| program.kinds.iter().position(|k| k.word == word).map_or(u8::MAX, |k| k as u8);
        let condition = kind(condition::SPEC.word);
        let wait = program.kinds.get(condition as usize).and_then(|k| k.method("wait"));
        let mut facts = Facts {
            kinds: program.objects.iter().map(|o| o.kind).collect(),
            rows: program.memory_rows.iter().map(|r| r.first..r.first + r.count).collect(),
            places: HashSet::new(),
            escaping: Vec::new(),
            values: Vec::new(),
            bound: Vec::new(),
            lock: kind(lock::SPEC.word),
            condition,
            pool: kind(pool::SPEC.word),
            task: kind(task::SPEC.word),
            wait: wait.map_or(0, |m| bits(&[m])),
            looks: program.kinds.iter().map(looking).collect(),
            awaits: Vec::new(),
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
        facts.awaits = begins(program).into_iter().map(|begin| (begin, OnceCell::new())).collect();
        facts
    }

    /// What an `await` looks at.
    pub(super) fn reads(&self, program: &Program, site: u32) -> Option<&Reads> {
        let (begin, reads) = self.awaits.get(site as usize)?;
        Some(reads.get_or_init(|| reads_of(program, *begin, &self.values)))
    }

    /// Whether some struct has a place in memory of that name.
    pub(super) fn is_place(&self, field: u32) -> bool {
        self.places.contains(&field)
    }

    pub(super) fn escapes(&self, object: u32) -> bool {
        self.escaping.iter().any(|(first, count)| object.wrapping_sub(*first) < *count)
    }

    /// The functions used as values that take so many arguments.
    pub(super) fn fitting(&self, program: &Program, argc: u8) -> Vec<u32> {
        fitting(program, &self.values, argc)
    }

    /// The declared locks that the conditions of a target are bound to.
    pub(super) fn bound_locks(&self, program: &Program, target: Target) -> Vec<u32> {
        let object = match target {
            Target::One(object) => object,
            // All of a row are declared alike.
            Target::Row { first, count } if count > 0 => first,
            Target::Row { .. } => return Vec::new(),
            Target::Dynamic | Target::Field(_) | Target::Every => return self.bound.clone(),
        };
        program.objects.get(object as usize).and_then(|o| lock_of(&o.args)).into_iter().collect()
    }
}

/// The methods of a kind that only look.
fn looking(kind: &KindSpec) -> u32 {
    let methods = (0..kind.methods.len() as u8).filter(|m| kind.methods[*m as usize].looks);
    bits(&methods.collect::<Vec<_>>())
}

fn lock_of(args: &[Value]) -> Option<u32> {
    match args.first() {
        Some(Value::Object(lock)) => Some(lock.id),
        _ => None,
    }
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
            FieldKind::Memory { init, .. } => {
                facts.places.insert(field.symbol);
                contained(init, facts);
            }
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
