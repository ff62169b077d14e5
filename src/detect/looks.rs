//! What the condition of an `await` looks at: by the names that reports and `expect`
//! lines have for it, and by what may change it. It owns the walk over the condition's code
//! and that of the functions it calls; whether a task may change it is `may`'s.

use super::may::{callees, onwards};
use crate::program::Program;
use crate::program::code::{ArmOperation, Instr, Pc, Receiver};
use crate::program::reads::Reads;
use std::collections::BTreeSet;

/// The place of an `await` that is not there.
const NOWHERE: Pc = Pc::MAX;

/// The names of the variables, objects and fields in the condition of this `await`, in the
/// order of the text, those in functions that it calls behind them. `object_name` names a
/// declared object. What a function value does is not named.
pub fn looked_at(program: &Program, site: u32, object_name: impl Fn(u32) -> String) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let begin = begins(program).get(site as usize).copied().unwrap_or(NOWHERE);
    for pc in code_of(program, begin, |pc| match &program.code[pc as usize] {
        Instr::Call { function, .. } => vec![*function],
        _ => Vec::new(),
    }) {
        for name in named(program, pc, &object_name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

/// Where each `await` begins to look.
pub(super) fn begins(program: &Program) -> Vec<Pc> {
    let mut begins = vec![NOWHERE; program.awaits as usize];
    for (pc, instr) in program.code.iter().enumerate() {
        if let Instr::AwaitBegin { await_index, .. } = instr {
            begins[*await_index as usize] = pc as Pc;
        }
    }
    begins
}

/// All that the condition of the `await` that begins there looks at, in functions that it calls
/// too. `values`: the functions that are used as values.
pub(super) fn reads_of(program: &Program, begin: Pc, values: &[u32]) -> Reads {
    let mut reads = Reads::default();
    for pc in code_of(program, begin, |pc| callees(program, values, pc)) {
        reads.add(program, pc);
    }
    reads
}

/// The condition's instructions, and behind them those of the functions that it may call.
fn code_of(program: &Program, begin: Pc, called: impl Fn(Pc) -> Vec<u32>) -> Vec<Pc> {
    let Some(Instr::AwaitBegin { await_index: site, .. }) = program.code.get(begin as usize) else { return Vec::new() };
    let mut all: Vec<Pc> = Vec::new();
    let mut todo = vec![begin + 1];
    let mut entered: BTreeSet<Pc> = todo.iter().copied().collect();
    while let Some(entry) = todo.pop() {
        for pc in reached(program, entry, *site) {
            for function in called(pc) {
                let entry = program.functions[function as usize].entry;
                if entered.insert(entry) {
                    todo.insert(0, entry);
                }
            }
            all.push(pc);
        }
    }
    all
}

/// The code from here up to the end of the function or of the condition.
fn reached(program: &Program, entry: Pc, site: u32) -> BTreeSet<Pc> {
    let mut reached = BTreeSet::new();
    let mut todo = vec![entry];
    while let Some(pc) = todo.pop() {
        let over = matches!(&program.code[pc as usize], Instr::AwaitEnd { await_index, .. } if *await_index == site);
        if !over && reached.insert(pc) {
            onwards(program, pc, |next| todo.push(next));
        }
    }
    reached
}

/// What an instruction looks at.
fn named(program: &Program, pc: Pc, object_name: &impl Fn(u32) -> String) -> Vec<String> {
    let object_row = |row: u32| vec![program.object_rows[row as usize].name.clone()];
    let receiver = |receiver: &Receiver| match receiver {
        Receiver::Object(object) => vec![object_name(*object)],
        Receiver::Row(row) => object_row(*row),
        Receiver::Field { symbol, .. } | Receiver::Dynamic { field: Some(symbol) } => field(program, *symbol),
        Receiver::Dynamic { field: None } => Vec::new(),
    };
    match &program.code[pc as usize] {
        Instr::ReadCell(cell) | Instr::UpdateCell { cell, .. } => vec![program.cell_name(*cell)],
        Instr::ReadElement(row) | Instr::UpdateElement { row, .. } => {
            vec![program.memory_rows[*row as usize].name.clone()]
        }
        Instr::Object(object) => vec![object_name(*object)],
        Instr::ObjectElement(row) | Instr::ObjectRow(row) => object_row(*row),
        Instr::GetField { symbol, .. } => field(program, *symbol),
        Instr::CallMethod(call) => receiver(&program.calls[*call as usize].receiver),
        Instr::Select(select) => {
            let arms = program.selects[*select as usize].arms.iter();
            arms.flat_map(|arm| match &arm.operation {
                ArmOperation::Method(call) => receiver(&call.receiver),
                ArmOperation::Join => Vec::new(),
            })
            .collect()
        }
        _ => Vec::new(),
    }
}

/// The fields of records that are called so. The record itself is only known while running,
/// and so is its struct where several have such a field.
fn field(program: &Program, symbol: u32) -> Vec<String> {
    let Some(name) = program.symbols.get(symbol as usize) else { return Vec::new() };
    let mut structs = program.structs.iter().filter(|s| s.fields.iter().any(|f| f.name == *name));
    match (structs.next(), structs.next()) {
        (Some(only), None) => vec![format!("{}.{name}", only.name)],
        (Some(_), Some(_)) => vec![name.clone()],
        (None, _) => Vec::new(),
    }
}
