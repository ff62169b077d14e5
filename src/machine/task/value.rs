//! Instructions on values, and the loops over lists and queues.

use super::memory::row_object;
use super::*;

impl Task {
    /// Instructions on values and jumps.
    pub(super) fn rarer<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::Const(i) => self.stack.push(program.constants[*i as usize].clone()),
            Instr::Bool(b) => self.stack.push(Value::Bool(*b)),
            Instr::None => self.stack.push(Value::None),
            Instr::Function(f) => self.stack.push(Value::Function(*f)),
            Instr::Object(id) => {
                self.stack.push(Value::Object(ObjRef { id: *id, kind: program.objects[*id as usize].kind }))
            }
            Instr::ObjectElement(row) => {
                let index = self.pop();
                let object = row_object(program, *row, &index)?;
                self.stack.push(Value::Object(object));
            }
            Instr::ObjectRow(row) => {
                let r = &program.object_rows[*row as usize];
                let all = (r.first..r.first + r.count).map(|id| Value::Object(ObjRef { id, kind: r.kind }));
                self.push_long(Value::list(all.collect()), host);
            }
            Instr::Unary(UnaryCode::Not) => {
                let value = self.pop();
                self.stack.push(Value::Bool(!arithmetic::truth(&value)?));
            }
            Instr::Unary(UnaryCode::Neg) => {
                let value = self.pop();
                self.stack.push(arithmetic::negate(&value)?);
            }
            Instr::Index => {
                let index = self.pop();
                let object = self.pop();
                if let Value::Str(text) = &object {
                    host.worked(text.len());
                }
                self.stack.push(local::index(&object, &index)?);
            }
            Instr::Slice { from, to, inclusive } => {
                let to = to.then(|| self.pop());
                let from = from.then(|| self.pop());
                let object = self.pop();
                if let Value::Str(text) = &object {
                    host.worked(text.len());
                }
                self.push_long(local::slice(&object, from.as_ref(), to.as_ref(), *inclusive)?, host);
            }
            Instr::Range { inclusive } => {
                let to = self.pop();
                let from = self.pop();
                self.push_long(local::range_list(&from, &to, *inclusive)?, host);
            }
            Instr::List(n) => {
                let items = self.pop_n(*n as usize);
                self.stack.push(arithmetic::list_within(items)?);
            }
            Instr::Format(n) => {
                let parts = self.pop_n(*n as usize);
                let text: String = parts.iter().map(|v| local::text(v, host)).collect();
                host.worked(text.len());
                self.stack.push(arithmetic::string_within(text)?);
            }
            Instr::Builtin { builtin, argc } => {
                let args = self.pop_n(*argc as usize);
                // How long a list is it knows.
                let counted = |v: &&Value| *builtin != Builtin::Len || matches!(v, Value::Str(_));
                host.worked(args.iter().filter(counted).map(Value::length).sum());
                self.push_long(local::builtin(*builtin, &args, host)?, host);
            }
            Instr::JumpIfFalseKeep(to) | Instr::JumpIfTrueKeep(to) => {
                let decides = matches!(instr, Instr::JumpIfTrueKeep(_));
                let value = self.pop();
                if arithmetic::truth(&value)? == decides {
                    self.stack.push(value);
                    self.pc = *to;
                    return Ok(false);
                }
            }
            Instr::Truth => drop(arithmetic::truth(self.stack.last().unwrap_or(&Value::None))?),
            Instr::RepeatInit(slot) => match self.pop() {
                Value::Int(n) => self.store(*slot, Value::Int(n)),
                v => return Err(local::type_error(format!("`repeat` takes an integer, not {}", v.type_word())).into()),
            },
            Instr::RangeInit { slot, inclusive } => {
                let to = self.pop();
                let from = self.pop();
                let (first, stop) = local::range(&from, &to, *inclusive)?;
                self.store(*slot, Value::Int(first));
                self.store(*slot + 1, stop.map_or(Value::None, Value::Int));
            }
            Instr::EachInit(slot) => self.each_init(*slot, program)?,
            Instr::EachNext { slot, variable, end } => return self.each_next(*slot, *variable, *end, program),
            _ => return self.control(instr, program, host),
        }
        self.pc += 1;
        Ok(false)
    }

    /// What was put together, element by element.
    fn push_long<H: Host>(&mut self, value: Value, host: &H) {
        host.worked(value.length());
        self.stack.push(value);
    }

    pub(super) fn each_init(&mut self, slot: Slot, program: &Program) -> Local<()> {
        let over = self.pop();
        let fine = match &over {
            Value::List(_) => true,
            Value::Object(o) => program.kinds[o.kind as usize].iterate.is_some(),
            _ => false,
        };
        if !fine {
            return Err(local::type_error(format!(
                "`for` goes over a range, a list or a queue, not {}",
                over.type_word()
            ))
            .into());
        }
        self.store(slot, over);
        self.store(slot + 1, Value::Int(0));
        Ok(())
    }

    pub(super) fn each_next(&mut self, slot: Slot, variable: Slot, end: Pc, program: &Program) -> Local<bool> {
        match self.load(slot).clone() {
            Value::List(items) => {
                let Value::Int(i) = *self.load(slot + 1) else { return Ok(false) };
                match items.get(i as usize) {
                    None => self.pc = end,
                    Some(item) => {
                        self.store(variable, item.clone());
                        self.store(slot + 1, Value::Int(i + 1));
                        self.pc += 1;
                    }
                }
                Ok(false)
            }
            Value::Object(object) => {
                let method = program.kinds[object.kind as usize].iterate.unwrap_or(0);
                self.pending = Pending::Each { variable, end };
                let args = defaults(program, object.kind, method);
                self.asked = Step::Operate { object, method, args };
                Ok(true)
            }
            v => {
                Err(local::type_error(format!("`for` goes over a range, a list or a queue, not {}", v.type_word()))
                    .into())
            }
        }
    }
}
