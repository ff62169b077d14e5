//! What a condition looks at, by its code. It owns what of that each instruction looks at; which
//! code belongs to the condition of an `await`, and whether a task may change it, `detect` says.

use super::Program;
use super::code::{ArmOperation, Function, Instr, MemoryDecl, Pc, Receiver, SelfInfo};
use super::kind::{HANDLE_FIELDS, KindSpec, Memory};

/// What a condition looks at, as far as its code tells.
#[derive(Clone, Debug, Default)]
pub struct Reads {
    pub cells: Vec<u32>,
    pub rows: Vec<u32>,
    pub objects: Vec<u32>,
    /// By their names the fields of records, whichever records these are.
    pub fields: Vec<u32>,
    /// By their names the fields whose objects are asked.
    pub field_objects: Vec<u32>,
    /// Of these kinds an object that only the run knows.
    pub kinds: Vec<u8>,
    /// Something only known while running: what a function gives, whether a task is alive.
    pub anything: bool,
}

impl Reads {
    /// Whether it looks at memory of which it is known where it is.
    pub fn looks_at_memory(&self) -> bool {
        !self.cells.is_empty() || !self.rows.is_empty() || !self.fields.is_empty()
    }

    /// Whether it looks at objects.
    pub fn looks_at_objects(&self) -> bool {
        !self.objects.is_empty() || !self.field_objects.is_empty() || !self.kinds.is_empty()
    }

    /// Whether it looks at nothing but declared memory of which each process has its own.
    pub fn is_of_vars(&self, program: &Program) -> bool {
        let is_var = |cell: u32| {
            let declares = |m: &&MemoryDecl| (m.first..m.first + m.count.unwrap_or(1)).contains(&cell);
            program.memory.iter().find(declares).is_some_and(|m| m.memory == Memory::Var)
        };
        self.looks_at_memory()
            && !self.looks_at_objects()
            && !self.anything
            && self.fields.is_empty()
            && self.cells.iter().copied().all(is_var)
            && self.rows.iter().all(|row| program.memory_rows[*row as usize].memory == Memory::Var)
    }

    /// All that the condition of an invariant looks at. What a function does that it calls is
    /// only known while running: a session may give it another meaning.
    pub(super) fn of_invariant(program: &Program, function: &Function) -> Reads {
        let mut reads = Reads::default();
        for pc in function.entry..function.end {
            reads.anything |= matches!(program.code[pc as usize], Instr::Call { .. } | Instr::CallValue { .. });
            reads.add(program, pc);
        }
        reads
    }

    /// What an instruction looks at. Of what nothing may do in a look nothing is said.
    pub fn add(&mut self, program: &Program, pc: Pc) {
        match &program.code[pc as usize] {
            Instr::ReadCell(cell)
            | Instr::WriteCell(cell)
            | Instr::AddCell { cell, .. }
            | Instr::UpdateCell { cell, .. } => {
                self.cells.push(*cell);
            }
            Instr::ReadElement(row) | Instr::WriteElement(row) | Instr::UpdateElement { row, .. } => {
                self.rows.push(*row)
            }
            // Whoever gets it may ask it.
            Instr::Object(object) => self.objects.push(*object),
            Instr::ObjectElement(row) | Instr::ObjectRow(row) => self.add_row(program, *row),
            Instr::GetField { symbol, .. } | Instr::SetField { symbol, .. } | Instr::UpdateField { symbol, .. } => {
                self.anything |= HANDLE_FIELDS.contains(&program.symbols[*symbol as usize].as_str());
                self.fields.push(*symbol);
            }
            Instr::CallMethod(call) => {
                let call = &program.calls[*call as usize];
                self.add_call(program, call.receiver, call.symbol);
            }
            Instr::Select(select) => {
                for arm in &program.selects[*select as usize].arms {
                    match &arm.operation {
                        ArmOperation::Method(call) => self.add_call(program, call.receiver, call.symbol),
                        ArmOperation::Join => self.anything = true,
                    }
                }
            }
            Instr::WithAcquire(with) | Instr::WithRelease(with) => match program.withs[*with as usize].receiver {
                Receiver::Object(object) => self.objects.push(object),
                Receiver::Row(row) => self.add_row(program, row),
                _ => self.add_kinds(program, |kind| !kind.with.is_empty()),
            },
            Instr::EachNext { .. } => self.add_kinds(program, |kind| kind.iterate.is_some()),
            Instr::Join { .. } | Instr::JoinAll { .. } | Instr::Wait { .. } | Instr::SelfInfo(SelfInfo::Ppid) => {
                self.anything = true;
            }
            _ => {}
        }
    }

    fn add_row(&mut self, program: &Program, row: u32) {
        let row = &program.object_rows[row as usize];
        self.objects.extend(row.first..row.first + row.count);
    }

    /// A method is called.
    fn add_call(&mut self, program: &Program, receiver: Receiver, method: u32) {
        match receiver {
            Receiver::Object(object) => self.objects.push(object),
            Receiver::Row(row) => self.add_row(program, row),
            Receiver::Field { symbol, .. } => {
                self.fields.push(symbol);
                self.field_objects.push(symbol);
            }
            Receiver::Dynamic { field: Some(symbol) } => self.field_objects.push(symbol),
            Receiver::Dynamic { field: None } => {
                let name = program.symbols[method as usize].as_str();
                self.add_kinds(program, |kind| kind.method(name).is_some());
            }
        }
    }

    /// Some object of these kinds, which only the run knows.
    fn add_kinds(&mut self, program: &Program, which: impl Fn(&KindSpec) -> bool) {
        self.kinds.extend((0..program.kinds.len()).filter(|k| which(&program.kinds[*k])).map(|k| k as u8));
    }
}
