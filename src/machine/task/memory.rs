//! Steps on memory: elements of rows, fields of records.

use super::*;
use crate::program::value::one_place;

impl Task {
    /// Steps in the backend's hands.
    pub(super) fn steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::ReadElement(row) => {
                let place = self.element(program, *row)?;
                self.ask(Step::Access { place, access: Access::Read })
            }
            Instr::WriteElement(row) => {
                let place = self.element(program, *row)?;
                let value = self.pop();
                self.tell(Step::Access { place, access: Access::Write(value) })
            }
            Instr::UpdateCell { cell, update } => {
                let access = self.update(*update);
                self.ask(Step::Access { place: declared(program, *cell), access })
            }
            Instr::UpdateElement { row, update } => self.update_element(program, *row, *update),
            Instr::GetField { symbol, indexed } => self.get_field(*symbol, *indexed, program, host),
            Instr::SetField { symbol, indexed } => {
                let place = self.field_place(*symbol, *indexed, program, host)?;
                let value = self.pop();
                let access = match place.memory {
                    Memory::Atomic => Access::Update(Update::Store, value, Value::None),
                    _ => Access::Write(value),
                };
                self.tell(Step::Access { place, access })
            }
            Instr::UpdateField { symbol, indexed, op } => self.update_field(*symbol, *indexed, *op, program, host),
            _ => self.task_steps(instr, program, host),
        }
    }

    pub(super) fn element(&mut self, program: &Program, row: u32) -> Local<Place> {
        let r = &program.memory_rows[row as usize];
        let index = self.pop();
        let index = local::row_index(&index, r.count, &r.name)?;
        Ok(Place { home: Home::Declared, index: r.first + index, memory: r.memory })
    }

    pub(super) fn update(&mut self, update: Update) -> Access {
        match update {
            Update::Load => Access::Update(update, Value::None, Value::None),
            Update::Cas => {
                let new = self.pop();
                let old = self.pop();
                Access::Update(update, old, new)
            }
            _ => Access::Update(update, self.pop(), Value::None),
        }
    }

    /// The index lies below the operands.
    pub(super) fn update_element(&mut self, program: &Program, row: u32, update: Update) -> Local<bool> {
        let r = &program.memory_rows[row as usize];
        let name = (r.name.clone(), r.count, r.first, r.memory);
        let access = self.update(update);
        let index = local::row_index(&self.pop(), name.1, &name.0)?;
        let place = Place { home: Home::Declared, index: name.2 + index, memory: name.3 };
        self.ask(Step::Access { place, access })
    }

    pub(super) fn get_field<H: Host>(
        &mut self,
        symbol: u32,
        indexed: bool,
        program: &Program,
        host: &H,
    ) -> Local<bool> {
        let index = indexed.then(|| self.pop());
        let owner = self.pop();
        let name = &program.symbols[symbol as usize];
        match &owner {
            Value::Error(e) => {
                let text = if name == "kind" { e.kind.word().to_string() } else { e.message.clone() };
                self.stack.push(Value::string(text));
                self.pc += 1;
                return Ok(false);
            }
            Value::Object(task) if program.kinds[task.kind as usize].word == "task" => {
                let field = match name.as_str() {
                    "name" => TaskField::Name,
                    "alive" => TaskField::Alive,
                    "pid" => TaskField::Pid,
                    "result" => TaskField::Result,
                    "exit_code" => TaskField::ExitCode,
                    _ => return Err(local::type_error(format!("a task has no field `{name}`")).into()),
                };
                if index.is_none() {
                    return self.ask(Step::TaskField { task: *task, field });
                }
            }
            _ => {}
        }
        let (record, field) = find_field(&owner, symbol, program, host)?;
        match (&field.what, field.count, &index) {
            (FieldKind::Memory { memory, first, .. }, count, _) if index.is_some() || count.is_none() => {
                let offset = field_offset(field, index.as_ref())?;
                let place = Place { home: Home::Record(record), index: first + offset, memory: *memory };
                let access = match memory {
                    Memory::Atomic => Access::Update(Update::Load, Value::None, Value::None),
                    _ => Access::Read,
                };
                // One place is read whole, and of what it holds the element is taken.
                self.pending = match (count, index) {
                    (None, Some(index)) => Pending::Element(index),
                    _ => Pending::Push,
                };
                self.asked = Step::Access { place, access };
                Ok(true)
            }
            (FieldKind::Object { kind, first, .. }, count, _) if count.is_some() == index.is_some() => {
                let offset = field_offset(field, index.as_ref())?;
                let id = host.first_object(record) + first + offset;
                self.stack.push(Value::Object(ObjRef { id, kind: *kind }));
                self.pc += 1;
                Ok(false)
            }
            _ => Err(local::type_error(format!("`{name}` is a row; name one of it: `.{name}[0]`")).into()),
        }
    }

    /// Takes the record (and the index above it) off the stack.
    pub(super) fn field_place<H: Host>(
        &mut self,
        symbol: u32,
        indexed: bool,
        program: &Program,
        host: &H,
    ) -> Local<Place> {
        let index = indexed.then(|| self.pop());
        let owner = self.pop();
        let (record, field) = find_field(&owner, symbol, program, host)?;
        let FieldKind::Memory { memory, first, .. } = &field.what else {
            return Err(local::type_error(format!("`{}` is an object, not memory", field.name)).into());
        };
        if field.count.is_some() != indexed {
            let text = if indexed { one_place(&field.name) } else { format!("`{}` is a row of places", field.name) };
            return Err(local::type_error(text).into());
        }
        let offset = field_offset(field, index.as_ref())?;
        Ok(Place { home: Home::Record(record), index: first + offset, memory: *memory })
    }

    pub(super) fn update_field<H: Host>(
        &mut self,
        symbol: u32,
        indexed: bool,
        op: BinaryOp,
        program: &Program,
        host: &H,
    ) -> Local<bool> {
        let operand = self.pop();
        let place = self.field_place(symbol, indexed, program, host)?;
        if place.memory == Memory::Atomic {
            let update = match op {
                BinaryOp::Sub => Update::Sub,
                BinaryOp::Mul => Update::Mul,
                BinaryOp::Div => Update::Div,
                BinaryOp::Rem => Update::Rem,
                _ => Update::Add,
            };
            return self.tell(Step::Access { place, access: Access::Update(update, operand, Value::None) });
        }
        self.pending = Pending::Change { place, op, operand };
        self.asked = Step::Access { place, access: Access::Read };
        Ok(true)
    }
}

pub(super) fn row_object(program: &Program, row: u32, index: &Value) -> Local<ObjRef> {
    let r = &program.object_rows[row as usize];
    let index = local::row_index(index, r.count, &r.name)?;
    Ok(ObjRef { id: r.first + index, kind: r.kind })
}

pub(super) fn find_field<'p, H: Host>(
    owner: &Value,
    symbol: u32,
    program: &'p Program,
    host: &H,
) -> Local<(u32, &'p Field)> {
    let name = &program.symbols[symbol as usize];
    match owner {
        Value::Object(o) if program.kinds[o.kind as usize].word == "record" => {
            let Some(structure) = program.structs.get(host.structure(o.id) as usize) else {
                return Err(local::type_error("the struct of this record was declared after this task began").into());
            };
            let field = structure.fields.iter().find(|f| f.symbol == symbol);
            field
                .map(|f| (o.id, f))
                .ok_or_else(|| local::type_error(format!("`{}` has no field `{name}`", structure.name)).into())
        }
        v => Err(local::type_error(format!("{} has no field `{name}`", v.type_word())).into()),
    }
}

pub(super) fn field_offset(field: &Field, index: Option<&Value>) -> Local<u32> {
    match (index, field.count) {
        (Some(i), Some(count)) => Ok(local::row_index(i, count, &field.name)?),
        _ => Ok(0),
    }
}

pub(super) fn field_object<H: Host>(
    owner: &Value,
    index: Option<&Value>,
    symbol: u32,
    program: &Program,
    host: &H,
) -> Local<ObjRef> {
    let (record, field) = find_field(owner, symbol, program, host)?;
    match &field.what {
        FieldKind::Object { kind, first, .. } if field.count.is_some() == index.is_some() => {
            Ok(ObjRef { id: host.first_object(record) + first + field_offset(field, index)?, kind: *kind })
        }
        _ => Err(local::type_error(format!("`{}` is no object", field.name)).into()),
    }
}
