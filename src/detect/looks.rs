//! What the condition of an `await` looks at, by the names that reports and `expect`
//! lines have for it. It owns the walk over the condition's code and that of the functions
//! it calls; whether a task may change it is `may`'s.

use super::may::onwards;
use crate::program::Program;
use crate::program::code::{ArmOperation, Instr, Pc, Receiver};
use std::collections::BTreeSet;

/// The names of the variables, objects and fields in the condition of this `await`, in the
/// order of the text, those in functions that it calls behind them. `object_name` names a
/// declared object. What a function value does is not known.
pub fn looked_at(program: &Program, site: u32, object_name: impl Fn(u32) -> String) -> Vec<String> {
    let is_begin = |instr: &Instr| matches!(instr, Instr::AwaitBegin { await_index, .. } if *await_index == site);
    let begin = program.code.iter().position(is_begin);
    let mut names: Vec<String> = Vec::new();
    let mut todo: Vec<Pc> = begin.map(|pc| pc as Pc + 1).into_iter().collect();
    let mut entered: BTreeSet<Pc> = todo.iter().copied().collect();
    while let Some(entry) = todo.pop() {
        for pc in reached(program, entry, site) {
            if let Instr::Call { function, .. } = &program.code[pc as usize] {
                let entry = program.functions[*function as usize].entry;
                if entered.insert(entry) {
                    todo.insert(0, entry);
                }
            }
            for name in named(program, pc, &object_name) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
    }
    names
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
