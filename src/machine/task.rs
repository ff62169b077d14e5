//! One task that runs: its frames, its stack, its handlers. `advance` does
//! local work up to the next step; `resume` and `raise` are the backend's
//! answers.

use super::local;
use super::step::*;
use crate::lang::ast::BinaryOp;
use crate::program::code::*;
use crate::program::kind::{Memory, Update};
use crate::program::value::{Error, ErrorKind, Names, ObjRef, Value, arithmetic};

/// The deepest nesting of calls.
const DEPTH_MAX: usize = 10_000;

/// What only a backend knows of objects made while running.
pub trait Host: Names {
    /// The struct that a record is of.
    fn structure(&self, record: u32) -> u32;
    /// The number of a record's first object.
    fn first_object(&self, record: u32) -> u32;
    /// Somebody wants the task's attention; asked now and then.
    fn interrupted(&self) -> bool;
    /// The read of a declared place at `pc`, if the host can carry out that
    /// step at once; else the task stops at it.
    fn read_now(&mut self, _cell: u32, _pc: Pc) -> Option<Value> {
        None
    }
    /// The same, if the place holds an integer.
    fn read_int_now(&mut self, _cell: u32, _pc: Pc) -> Option<i64> {
        None
    }
    /// The same for a write: whether it was carried out.
    fn write_int_now(&mut self, _cell: u32, _value: i64, _pc: Pc) -> bool {
        false
    }
    /// The same for any value.
    fn write_now(&mut self, _cell: u32, _value: &Value, _pc: Pc) -> bool {
        false
    }
    /// The same for a method without arguments whose answer nobody wants.
    fn operate_now(&mut self, _object: ObjRef, _method: u8, _pc: Pc) -> bool {
        false
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Frame {
    /// Where its locals begin on the stack.
    base: usize,
    /// Where the caller goes on.
    back: Pc,
    /// How many handlers there were when it began.
    handlers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Handler {
    pc: Pc,
    frames: usize,
    stack: usize,
}

/// What becomes of the backend's answer.
#[derive(Clone, Debug, PartialEq)]
enum Pending {
    Nothing,
    Push,
    Drop,
    /// Go on at the same instruction.
    Stay,
    /// `for v in q`: `none` ends it.
    Each {
        variable: Slot,
        end: Pc,
    },
    /// The read half of `a.f += v`.
    Change {
        place: Place,
        op: BinaryOp,
        operand: Value,
    },
    Choose(Value),
    Select(u32),
    /// Look again.
    Await {
        again: Pc,
    },
}

/// A task between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    stack: Vec<Value>,
    frames: Vec<Frame>,
    handlers: Vec<Handler>,
    pc: Pc,
    pending: Pending,
    /// The step at which it stops.
    asked: Step,
    /// What the read of an `AddCell` gave whose write is yet to come.
    half_done: Option<i64>,
}

/// Errors are rare and large; boxed, they leave the common answer in a
/// register.
type Local<T> = Result<T, Box<Error>>;

impl Task {
    /// A task about to run a function.
    pub fn new(program: &Program, function: u32, args: &[Value], captures: &[(u16, Value)]) -> Task {
        let f = &program.functions[function as usize];
        let mut stack = vec![Value::None; f.slots as usize];
        stack.iter_mut().take(f.params as usize).skip(args.len()).for_each(|place| *place = Value::Missing);
        for (place, value) in stack.iter_mut().zip(args) {
            *place = value.clone();
        }
        for (slot, value) in captures {
            stack[*slot as usize] = value.clone();
        }
        let frame = Frame { base: 0, back: Pc::MAX, handlers: 0 };
        Task {
            stack,
            frames: vec![frame],
            handlers: Vec::new(),
            pc: f.entry,
            pending: Pending::Nothing,
            asked: Step::Interrupted,
            half_done: None,
        }
    }

    /// The instruction at which it stands: while a step is carried out, the
    /// one that asked for it.
    pub fn pc(&self) -> Pc {
        self.pc
    }

    /// The calls it is in, innermost first, without its own place.
    pub fn calls(&self) -> Vec<Pc> {
        self.frames.iter().rev().map(|f| f.back).filter(|pc| *pc != Pc::MAX).collect()
    }

    /// Wrong numbers of arguments for a function only known while running.
    pub fn check_arity(program: &Program, function: u32, argc: usize) -> Result<(), Box<Error>> {
        let f = &program.functions[function as usize];
        if (f.required as usize..=f.params as usize).contains(&argc) {
            return Ok(());
        }
        Err(local::type_error(format!("`{}` takes {} arguments, and here it gets {argc}", f.name, f.params)).into())
    }

    /// The answer to the last step.
    #[inline]
    pub fn resume(&mut self, program: &Program, value: Value) -> Option<Step> {
        self.pc += 1;
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Push => self.stack.push(value),
            Pending::Drop | Pending::Nothing => {}
            other => return self.resume_other(program, other, value),
        }
        None
    }

    fn resume_other(&mut self, program: &Program, pending: Pending, value: Value) -> Option<Step> {
        match pending {
            Pending::Each { variable, end } => {
                if value == Value::None {
                    self.pc = end;
                } else {
                    self.store(variable, value);
                }
            }
            Pending::Change { place, op, operand } => {
                self.pc -= 1;
                return Some(match arithmetic::binary(op, &value, &operand) {
                    Ok(value) => {
                        self.pending = Pending::Drop;
                        Step::Access { place, access: Access::Write(value) }
                    }
                    Err(error) => self.raise(error)?,
                });
            }
            Pending::Choose(list) => {
                if let (Value::List(items), Value::Int(i)) = (&list, &value) {
                    self.stack.push(items.get(*i as usize).cloned().unwrap_or(Value::None));
                }
            }
            Pending::Select(site) => self.resume_select(program, site, value),
            Pending::Await { again } => self.pc = again,
            Pending::Stay => self.pc -= 1,
            Pending::Push | Pending::Drop | Pending::Nothing => {}
        }
        None
    }

    /// The answer to a `select`: a list of the index and the value.
    fn resume_select(&mut self, program: &Program, site: u32, value: Value) {
        let Value::List(answer) = value else { return };
        let (Some(Value::Int(index)), Some(value)) = (answer.first(), answer.get(1)) else { return };
        let site = &program.selects[site as usize];
        match site.arms.get(*index as usize) {
            Some(arm) => {
                if let Some(slot) = arm.bind {
                    self.store(slot, value.clone());
                }
                self.pc = arm.body;
            }
            None => self.pc = site.after.or(site.otherwise).unwrap_or(self.pc),
        }
    }

    /// The last step, or a local instruction, failed. The step is what the
    /// task comes to if nobody catches it.
    pub fn raise(&mut self, mut error: Error) -> Option<Step> {
        self.pending = Pending::Nothing;
        if error.site == u32::MAX {
            error.site = self.pc;
        }
        let Some(handler) = self.handlers.pop() else { return Some(Step::Failed(error)) };
        self.frames.truncate(handler.frames);
        self.stack.truncate(handler.stack);
        self.stack.push(Value::Error(std::sync::Arc::new(error)));
        self.pc = handler.pc;
        None
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().unwrap_or(Value::None)
    }

    fn pop_n(&mut self, n: usize) -> Vec<Value> {
        let at = self.stack.len().saturating_sub(n);
        self.stack.split_off(at)
    }

    #[inline]
    fn base(&self) -> usize {
        self.frames.last().map_or(0, |f| f.base)
    }

    #[inline]
    fn load(&self, slot: Slot) -> &Value {
        &self.stack[self.base() + slot as usize]
    }

    #[inline]
    fn store(&mut self, slot: Slot, value: Value) {
        let at = self.base() + slot as usize;
        self.stack[at] = value;
    }

    /// Local work up to the next step.
    pub fn advance<H: Host>(&mut self, program: &Program, host: &mut H) -> Step {
        loop {
            self.quick(program, host);
            match self.instruction(program, &*host) {
                Ok(false) => {}
                Ok(true) => return std::mem::replace(&mut self.asked, Step::Interrupted),
                Err(error) => {
                    if let Some(step) = self.raise(*error) {
                        return step;
                    }
                }
            }
        }
    }

    /// The commonest instructions in their commonest form, as long as there
    /// are some; each does what `instruction` does with it.
    #[inline]
    fn quick<H: Host>(&mut self, program: &Program, host: &mut H) {
        let code = &program.code[..];
        let base = self.base();
        loop {
            match &code[self.pc as usize] {
                Instr::Int(i) => self.stack.push(Value::Int(i64::from(*i))),
                Instr::Load(slot) => {
                    let value = self.stack[base + *slot as usize].clone();
                    self.stack.push(value);
                }
                Instr::Store(slot) => {
                    let Some(value) = self.stack.pop() else { return };
                    self.stack[base + *slot as usize] = value;
                }
                Instr::ReadCell(cell) => match host.read_now(*cell, self.pc) {
                    Some(value) => self.stack.push(value),
                    None => return,
                },
                Instr::WriteCell(cell) => {
                    let Some(value) = self.stack.last() else { return };
                    if !host.write_now(*cell, value, self.pc) {
                        return;
                    }
                    self.stack.pop();
                }
                Instr::AddCell { cell, amount } => {
                    let Some(old) = host.read_int_now(*cell, self.pc) else { return };
                    let sum = old.checked_add(i64::from(*amount));
                    if !sum.is_some_and(|sum| host.write_int_now(*cell, sum, self.pc)) {
                        // The read is done; what is left goes the long way.
                        self.half_done = Some(old);
                        return;
                    }
                }
                Instr::Binary(op) => {
                    let [.., Value::Int(x), Value::Int(y)] = self.stack[..] else { return };
                    let result = match op {
                        BinaryOp::Add => x.checked_add(y).map(Value::Int),
                        BinaryOp::Sub => x.checked_sub(y).map(Value::Int),
                        BinaryOp::Lt => Some(Value::Bool(x < y)),
                        BinaryOp::Eq => Some(Value::Bool(x == y)),
                        BinaryOp::Gt => Some(Value::Bool(x > y)),
                        _ => None,
                    };
                    let Some(result) = result else { return };
                    self.stack.pop();
                    if let Some(place) = self.stack.last_mut() {
                        *place = result;
                    }
                }
                Instr::Jump(to) if *to > self.pc || !host.interrupted() => {
                    self.pc = *to;
                    continue;
                }
                Instr::JumpIfFalse(to) => {
                    let Some(Value::Bool(truth)) = self.stack.last() else { return };
                    let next = if *truth { self.pc + 1 } else { *to };
                    self.stack.pop();
                    self.pc = next;
                    continue;
                }
                Instr::RepeatNext { slot, .. } => {
                    let Value::Int(left) = &mut self.stack[base + *slot as usize] else { return };
                    if *left <= 0 {
                        return;
                    }
                    *left -= 1;
                }
                Instr::PushHandler(pc) => {
                    self.handlers.push(Handler { pc: *pc, frames: self.frames.len(), stack: self.stack.len() });
                }
                Instr::PopHandler => drop(self.handlers.pop()),
                Instr::WithAcquire(site) | Instr::WithRelease(site) => {
                    let site = &program.withs[*site as usize];
                    let Some(object) = site.known else { return };
                    let way = program.kinds[object.kind as usize].with.first();
                    let Some(way) = way.filter(|w| w.word.is_empty() && site.mode.is_none()) else { return };
                    let acquire = matches!(&code[self.pc as usize], Instr::WithAcquire(_));
                    let method = if acquire { way.acquire } else { way.release };
                    if !host.operate_now(object, method, self.pc) {
                        return;
                    }
                }
                Instr::Object(id) => {
                    let kind = program.objects[*id as usize].kind;
                    self.stack.push(Value::Object(ObjRef { id: *id, kind }));
                }
                _ => return,
            }
            self.pc += 1;
        }
    }

    /// Stops at a step whose answer is pushed.
    #[inline]
    fn ask(&mut self, step: Step) -> Local<bool> {
        self.pending = Pending::Push;
        self.asked = step;
        Ok(true)
    }

    /// Stops at a step whose answer nobody wants.
    #[inline]
    fn tell(&mut self, step: Step) -> Local<bool> {
        self.pending = Pending::Drop;
        self.asked = step;
        Ok(true)
    }

    /// One instruction: moves on, or stops at a step and stays there.
    fn instruction<H: Host>(&mut self, program: &Program, host: &H) -> Local<bool> {
        match &program.code[self.pc as usize] {
            Instr::Int(i) => self.stack.push(Value::Int(i64::from(*i))),
            Instr::Load(slot) => self.stack.push(self.load(*slot).clone()),
            Instr::Store(slot) => {
                let value = self.pop();
                self.store(*slot, value);
            }
            Instr::Pop => drop(self.pop()),
            Instr::ReadCell(cell) => {
                return self.ask(Step::Access { place: declared(program, *cell), access: Access::Read });
            }
            Instr::WriteCell(cell) => {
                let value = self.pop();
                return self.tell(Step::Access { place: declared(program, *cell), access: Access::Write(value) });
            }
            Instr::AddCell { cell, amount } => {
                let (place, operand) = (declared(program, *cell), Value::Int(i64::from(*amount)));
                let Some(old) = self.half_done.take() else {
                    self.pending = Pending::Change { place, op: BinaryOp::Add, operand };
                    self.asked = Step::Access { place, access: Access::Read };
                    return Ok(true);
                };
                let value = arithmetic::binary(BinaryOp::Add, &Value::Int(old), &operand)?;
                return self.tell(Step::Access { place, access: Access::Write(value) });
            }
            Instr::Binary(op) => self.binary(*op)?,
            Instr::Jump(to) => {
                // Every loop passes here, so a task that never makes a step
                // can still be stopped.
                let back = *to <= self.pc;
                self.pc = *to;
                if back && host.interrupted() {
                    self.pending = Pending::Stay;
                    self.asked = Step::Interrupted;
                    return Ok(true);
                }
                return Ok(false);
            }
            Instr::RepeatNext { slot, end } => {
                let Value::Int(left) = *self.load(*slot) else { return Ok(false) };
                if left <= 0 {
                    self.pc = *end;
                    return Ok(false);
                }
                self.store(*slot, Value::Int(left - 1));
            }
            Instr::RangeNext { slot, variable, end } => {
                let (Value::Int(next), Value::Int(stop)) = (self.load(*slot).clone(), self.load(*slot + 1).clone())
                else {
                    return Ok(false);
                };
                if next >= stop {
                    self.pc = *end;
                    return Ok(false);
                }
                self.store(*slot, Value::Int(next + 1));
                self.store(*variable, Value::Int(next));
            }
            Instr::JumpIfFalse(to) => {
                let value = self.pop();
                if !arithmetic::truth(&value)? {
                    self.pc = *to;
                    return Ok(false);
                }
            }
            Instr::WithAcquire(site) => return self.with(*site, true, program),
            Instr::WithRelease(site) => return self.with(*site, false, program),
            Instr::CallMethod(call) => return self.call_method(*call, program, host),
            other => return self.rarer(other, program, host),
        }
        self.pc += 1;
        Ok(false)
    }

    #[inline]
    fn binary(&mut self, op: BinaryOp) -> Local<()> {
        let b = self.pop();
        let a = self.pop();
        let quick = match (op, &a, &b) {
            (BinaryOp::Add, Value::Int(x), Value::Int(y)) => x.checked_add(*y).map(Value::Int),
            (BinaryOp::Sub, Value::Int(x), Value::Int(y)) => x.checked_sub(*y).map(Value::Int),
            (BinaryOp::Lt, Value::Int(x), Value::Int(y)) => Some(Value::Bool(x < y)),
            _ => None,
        };
        let result = match quick {
            Some(value) => value,
            None => arithmetic::binary(op, &a, &b)?,
        };
        self.stack.push(result);
        Ok(())
    }

    /// Instructions on values and jumps.
    fn rarer<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
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
                self.stack.push(Value::list(all.collect()));
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
                self.stack.push(local::index(&object, &index)?);
            }
            Instr::Slice { from, to, inclusive } => {
                let to = to.then(|| self.pop());
                let from = from.then(|| self.pop());
                let object = self.pop();
                self.stack.push(local::slice(&object, from.as_ref(), to.as_ref(), *inclusive)?);
            }
            Instr::Range { inclusive } => {
                let to = self.pop();
                let from = self.pop();
                self.stack.push(local::range_list(&from, &to, *inclusive)?);
            }
            Instr::List(n) => {
                let items = self.pop_n(*n as usize);
                self.stack.push(Value::list(items));
            }
            Instr::Format(n) => {
                let parts = self.pop_n(*n as usize);
                let text: String = parts.iter().map(|v| local::text(v, host)).collect();
                self.stack.push(arithmetic::string_within(text)?);
            }
            Instr::Builtin { builtin, argc } => {
                let args = self.pop_n(*argc as usize);
                self.stack.push(local::builtin(*builtin, &args, host)?);
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
            Instr::RepeatInit(slot) => match self.pop() {
                Value::Int(n) => self.store(*slot, Value::Int(n)),
                v => return Err(local::type_error(format!("`repeat` takes an integer, not {}", v.type_word())).into()),
            },
            Instr::RangeInit { slot, inclusive } => {
                let to = self.pop();
                let from = self.pop();
                let (a, b) = local::range(&from, &to, *inclusive)?;
                self.store(*slot, Value::Int(a));
                self.store(*slot + 1, Value::Int(b));
            }
            Instr::EachInit(slot) => self.each_init(*slot, program)?,
            Instr::EachNext { slot, variable, end } => return self.each_next(*slot, *variable, *end, program),
            _ => return self.control(instr, program, host),
        }
        self.pc += 1;
        Ok(false)
    }

    fn each_init(&mut self, slot: Slot, program: &Program) -> Local<()> {
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

    fn each_next(&mut self, slot: Slot, variable: Slot, end: Pc, program: &Program) -> Local<bool> {
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

    /// Calls, handlers, errors.
    fn control<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::Call { function, argc } => return self.call(program, *function, *argc as usize),
            Instr::CallValue { argc } => {
                let at = self.stack.len().saturating_sub(*argc as usize + 1);
                let callee = self.stack.remove(at);
                let function = callable(&callee)?;
                Task::check_arity(program, function, *argc as usize)?;
                return self.call(program, function, *argc as usize);
            }
            Instr::Return | Instr::End => return Ok(self.end_frame()),
            Instr::IfGiven { slot, given } => {
                if *self.load(*slot) != Value::Missing {
                    self.pc = *given;
                    return Ok(false);
                }
            }
            Instr::PushHandler(pc) => {
                self.handlers.push(Handler { pc: *pc, frames: self.frames.len(), stack: self.stack.len() });
            }
            Instr::PopHandler => drop(self.handlers.pop()),
            Instr::Reraise => {
                if let Value::Error(error) = self.pop() {
                    return Err((*error).clone().into());
                }
            }
            Instr::IfKind { kinds, otherwise } => {
                let wanted = &program.error_kinds[*kinds as usize];
                let caught =
                    matches!(self.stack.last(), Some(Value::Error(e)) if wanted.is_empty() || wanted.contains(&e.kind));
                if !caught {
                    self.pc = *otherwise;
                    return Ok(false);
                }
            }
            Instr::Raise => return self.raise_value(host),
            Instr::Assert { with_message } => self.assert(*with_message, host)?,
            _ => return self.steps(instr, program, host),
        }
        self.pc += 1;
        Ok(false)
    }

    fn call(&mut self, program: &Program, function: u32, argc: usize) -> Local<bool> {
        if self.frames.len() >= DEPTH_MAX {
            return Err(Error::new(ErrorKind::Overflow, format!("calls are nested more than {DEPTH_MAX} deep")).into());
        }
        let f = &program.functions[function as usize];
        let base = self.stack.len() - argc;
        for slot in argc..f.slots as usize {
            self.stack.push(if slot < f.params as usize { Value::Missing } else { Value::None });
        }
        self.frames.push(Frame { base, back: self.pc, handlers: self.handlers.len() });
        self.pc = f.entry;
        Ok(false)
    }

    /// Whether the task stops: at the end of its body.
    fn end_frame(&mut self) -> bool {
        let value = self.pop();
        let Some(frame) = (self.frames.len() > 1).then(|| self.frames.pop()).flatten() else {
            self.asked = Step::End(value);
            return true;
        };
        self.stack.truncate(frame.base);
        self.handlers.truncate(frame.handlers);
        self.stack.push(value);
        self.pc = frame.back + 1;
        false
    }

    fn raise_value<H: Host>(&mut self, host: &H) -> Local<bool> {
        match self.pop() {
            Value::Error(e) => Err((*e).clone().into()),
            v => Err(Error::new(ErrorKind::Raised, local::text(&v, host)).into()),
        }
    }

    fn assert<H: Host>(&mut self, with_message: bool, host: &H) -> Local<()> {
        let value = self.pop();
        if with_message {
            return Err(Error::new(ErrorKind::Assertion, local::text(&value, host)).into());
        }
        if arithmetic::truth(&value)? { Ok(()) } else { Err(Error::new(ErrorKind::Assertion, "").into()) }
    }

    /// Steps in the backend's hands.
    fn steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
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

    fn element(&mut self, program: &Program, row: u32) -> Local<Place> {
        let r = &program.memory_rows[row as usize];
        let index = self.pop();
        let index = local::row_index(&index, r.count, &r.name)?;
        Ok(Place { home: Home::Declared, index: r.first + index, memory: r.memory })
    }

    fn update(&mut self, update: Update) -> Access {
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

    /// An assignment leaves the index on top; a method, below its arguments.
    fn update_element(&mut self, program: &Program, row: u32, update: Update) -> Local<bool> {
        let r = &program.memory_rows[row as usize];
        let name = (r.name.clone(), r.count, r.first, r.memory);
        let assignment = matches!(program.code.get(self.pc as usize + 1), Some(Instr::Pop))
            && matches!(program.code.get((self.pc as usize).wrapping_sub(1)), Some(Instr::Load(_)))
            && update != Update::Load;
        let (index, access) = if assignment {
            let index = self.pop();
            (index, self.update(update))
        } else {
            let access = self.update(update);
            (self.pop(), access)
        };
        let index = local::row_index(&index, name.1, &name.0)?;
        let place = Place { home: Home::Declared, index: name.2 + index, memory: name.3 };
        self.ask(Step::Access { place, access })
    }

    // ----------------------------------------------------------------- fields

    fn get_field<H: Host>(&mut self, symbol: u32, indexed: bool, program: &Program, host: &H) -> Local<bool> {
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
            (FieldKind::Memory { memory, first, .. }, count, _) if count.is_some() == index.is_some() => {
                let offset = field_offset(field, index.as_ref())?;
                let place = Place { home: Home::Record(record), index: first + offset, memory: *memory };
                let access = match memory {
                    Memory::Atomic => Access::Update(Update::Load, Value::None, Value::None),
                    _ => Access::Read,
                };
                if indexed && field.count.is_none() {
                    return Err(local::type_error(format!("`{name}` is one place")).into());
                }
                self.ask(Step::Access { place, access })
            }
            (FieldKind::Memory { memory, first, .. }, None, Some(i)) => {
                // A list in a single place: read it whole, then index it. The
                // index goes back below the answer.
                self.stack.push(i.clone());
                self.pending = Pending::Push;
                let place = Place { home: Home::Record(record), index: *first, memory: *memory };
                let _ = place;
                self.stack.pop();
                Err(local::type_error(format!("`{name}` is one place; read it into a local and index that")).into())
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
    fn field_place<H: Host>(&mut self, symbol: u32, indexed: bool, program: &Program, host: &H) -> Local<Place> {
        let index = indexed.then(|| self.pop());
        let owner = self.pop();
        let (record, field) = find_field(&owner, symbol, program, host)?;
        let FieldKind::Memory { memory, first, .. } = &field.what else {
            return Err(local::type_error(format!("`{}` is an object, not memory", field.name)).into());
        };
        if field.count.is_some() != indexed {
            let text = if indexed { "is one place" } else { "is a row of places" };
            return Err(local::type_error(format!("`{}` {text}", field.name)).into());
        }
        let offset = field_offset(field, index.as_ref())?;
        Ok(Place { home: Home::Record(record), index: first + offset, memory: *memory })
    }

    fn update_field<H: Host>(
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

    // ---------------------------------------------------------------- methods

    fn call_method<H: Host>(&mut self, call: u32, program: &Program, host: &H) -> Local<bool> {
        let call = &program.calls[call as usize];
        if let Receiver::Field { symbol, indexed } = call.receiver
            && let Some(step) = self.field_update(call, symbol, indexed, program, host)?
        {
            return self.ask(step);
        }
        let (object, method, args) = self.method_operands(call, program, host)?;
        self.ask(Step::Operate { object, method, args })
    }

    /// `a.n.add(1)` where the field is memory.
    fn field_update<H: Host>(
        &mut self,
        call: &MethodCall,
        symbol: u32,
        indexed: bool,
        program: &Program,
        host: &H,
    ) -> Local<Option<Step>> {
        let argc = call.positional as usize + call.named.len();
        let owner = self.stack.len().saturating_sub(argc + usize::from(indexed) + 1);
        let (_, field) = find_field(&self.stack[owner], symbol, program, host)?;
        if !matches!(field.what, FieldKind::Memory { .. }) {
            return Ok(None);
        }
        let name = &program.symbols[call.symbol as usize];
        let Some((update, takes)) = Update::method(name) else {
            return Err(local::type_error(format!("memory has no method `{name}`")).into());
        };
        if takes != argc {
            return Err(local::type_error(format!("`{name}` takes {takes} arguments, and here it gets {argc}")).into());
        }
        let access = self.update(update);
        let place = self.field_place(symbol, indexed, program, host)?;
        let step = Step::Access { place, access };
        Ok(Some(step))
    }

    /// The object, the method and all its arguments, off the stack.
    fn method_operands<H: Host>(
        &mut self,
        call: &MethodCall,
        program: &Program,
        host: &H,
    ) -> Local<(ObjRef, u8, Args)> {
        let named = self.pop_n(call.named.len());
        let positional = self.pop_n(call.positional as usize);
        let object = match call.receiver {
            Receiver::Object(id) => ObjRef { id, kind: program.objects[id as usize].kind },
            Receiver::Row(row) => {
                let index = self.pop();
                row_object(program, row, &index)?
            }
            Receiver::Dynamic => match self.pop() {
                Value::Object(o) => o,
                v => {
                    let name = &program.symbols[call.symbol as usize];
                    return Err(local::type_error(format!("{} has no method `{name}`", v.type_word())).into());
                }
            },
            Receiver::Field { symbol, indexed } => {
                let index = indexed.then(|| self.pop());
                let owner = self.pop();
                field_object(&owner, index.as_ref(), symbol, program, host)?
            }
        };
        let (method, args) = bind(program, object, call, positional, named)?;
        Ok((object, method, args))
    }

    fn with(&mut self, site: u32, acquire: bool, program: &Program) -> Local<bool> {
        let site = &program.withs[site as usize];
        let object = match (site.known, self.load(site.slot)) {
            (Some(known), _) => known,
            (None, Value::Object(o)) => *o,
            (None, v) => {
                return Err(
                    local::type_error(format!("`with` takes a lock or a semaphore, not {}", v.type_word())).into()
                );
            }
        };
        let spec = &program.kinds[object.kind as usize];
        let way = match site.mode {
            None => spec.with.first().filter(|w| w.word.is_empty()),
            Some(m) => spec.with.iter().find(|w| w.word == program.symbols[m as usize]),
        };
        let Some(way) = way else {
            return Err(local::type_error(format!("`with` cannot take a {} so", spec.word)).into());
        };
        let method = if acquire { way.acquire } else { way.release };
        let args = defaults(program, object.kind, method);
        self.tell(Step::Operate { object, method, args })
    }

    // ------------------------------------------------------------------ tasks

    fn task_steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::Spawn(site) => self.spawn(*site, program, host),
            Instr::Submit { argc } => self.submit(*argc as usize, program),
            Instr::Join { timeout } => {
                let timeout = self.timeout(*timeout)?;
                let targets = joinable(&self.pop(), program)?;
                self.ask(Step::Join { targets, timeout })
            }
            Instr::JoinAll { timeout } => {
                let timeout = self.timeout(*timeout)?;
                self.ask(Step::JoinAll { timeout })
            }
            Instr::Terminate | Instr::Kill => {
                let target = self.pop();
                let Value::Object(task) = target else {
                    return Err(local::type_error(format!("a task can be ended, not {}", target.type_word())).into());
                };
                let step = if matches!(instr, Instr::Kill) { Step::Kill(task) } else { Step::Terminate(task) };
                self.pending = Pending::Drop;
                self.asked = step;
                Ok(true)
            }
            Instr::Exit => match self.pop() {
                Value::Int(code) => self.tell(Step::Exit((code & 0xff) as i32)),
                v => Err(local::type_error(format!("an exit code is an integer, not {}", v.type_word())).into()),
            },
            Instr::Fork => self.ask(Step::Fork),
            Instr::Wait { argc } => {
                let pid = match (*argc > 0).then(|| self.pop()) {
                    None => None,
                    Some(Value::Int(pid)) => Some(pid),
                    Some(v) => {
                        return Err(local::type_error(format!("`wait` takes a pid, not {}", v.type_word())).into());
                    }
                };
                self.ask(Step::Wait(pid))
            }
            Instr::Sleep => {
                let ns = self.duration("sleep")?;
                self.tell(Step::Sleep(ns))
            }
            Instr::Busy => {
                let ns = self.duration("busy")?;
                self.tell(Step::Busy(ns))
            }
            Instr::Yield => self.tell(Step::Yield),
            Instr::Print(n) => {
                let parts = self.pop_n(*n as usize);
                let texts: Vec<String> = parts.iter().map(|v| local::text(v, host)).collect();
                self.tell(Step::Print(texts.join(" ")))
            }
            Instr::Choose => self.choose(),
            Instr::SelfInfo(info) => self.ask(Step::SelfInfo(*info)),
            _ => self.other_steps(instr, program, host),
        }
    }

    fn other_steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::Select(site) => self.select(*site, program, host),
            Instr::NewObject(site) => {
                let given = program.news[*site as usize].given.iter().filter(|g| **g).count();
                let args = self.pop_n(given);
                self.ask(Step::New { site: *site, args })
            }
            Instr::NewRecord(site) => {
                let values = self.pop_n(program.records[*site as usize].fields.len());
                self.ask(Step::NewRecord { site: *site, values })
            }
            Instr::AtomicBegin => self.tell(Step::AtomicBegin),
            Instr::AtomicEnd => self.tell(Step::AtomicEnd),
            Instr::AwaitBegin { await_index, nested } => {
                self.tell(Step::AwaitBegin { site: *await_index, nested: *nested })
            }
            Instr::AwaitEnd { await_index, again } => {
                let value = self.pop();
                let holds = arithmetic::truth(&value)?;
                let nested = matches!(program.code.get(*again as usize), Some(Instr::AwaitBegin { nested: true, .. }));
                self.pending = if holds { Pending::Drop } else { Pending::Await { again: *again } };
                self.asked = Step::AwaitEnd { site: *await_index, nested, holds };
                Ok(true)
            }
            // Every instruction is dealt with by now.
            _ => Err(local::type_error("this instruction is unknown").into()),
        }
    }

    fn timeout(&mut self, given: bool) -> Local<Option<i64>> {
        if given { self.duration("for").map(Some) } else { Ok(None) }
    }

    fn duration(&mut self, what: &str) -> Local<i64> {
        match self.pop() {
            Value::Duration(ns) => Ok(ns.max(0)),
            Value::Int(0) => Ok(0),
            v => {
                Err(local::type_error(format!("`{what}` takes a duration such as 10ms, not {}", v.type_word())).into())
            }
        }
    }

    fn choose(&mut self) -> Local<bool> {
        match self.pop() {
            Value::List(items) if !items.is_empty() => {
                let count = items.len() as u64;
                self.pending = Pending::Choose(Value::List(items));
                self.asked = Step::Choose(count);
                Ok(true)
            }
            Value::List(_) => Err(Error::new(ErrorKind::Index, "`choose` of nothing").into()),
            v => Err(local::type_error(format!("`choose` takes a list or a range, not {}", v.type_word())).into()),
        }
    }

    fn spawn<H: Host>(&mut self, site: u32, program: &Program, host: &H) -> Local<bool> {
        let site = &program.spawns[site as usize];
        let name = site.named.then(|| self.pop()).map(|v| local::text(&v, host));
        let count = match site.counted.then(|| self.pop()) {
            None => None,
            Some(Value::Int(n)) if (0..=i64::from(u32::MAX)).contains(&n) => Some(n as u32),
            Some(v) => {
                return Err(local::type_error(format!(
                    "a count is an integer from 0 on, not {}",
                    local::text(&v, host)
                ))
                .into());
            }
        };
        let args = self.pop_n(site.argc as usize);
        let function = match site.target {
            SpawnTarget::Function(f) => f,
            SpawnTarget::Value => callable(&self.pop())?,
        };
        Task::check_arity(program, function, args.len())?;
        let captures = site.captures.iter().map(|(from, to)| (*to, self.load(*from).clone())).collect();
        let (process, daemon) = (site.process, site.daemon);
        self.ask(Step::Spawn(Box::new(SpawnStep { function, process, daemon, args, captures, count, name })))
    }

    fn submit(&mut self, argc: usize, program: &Program) -> Local<bool> {
        let pool = match self.pop() {
            Value::Object(o) if program.kinds[o.kind as usize].word == "pool" => o,
            v => return Err(local::type_error(format!("jobs are submitted to a pool, not {}", v.type_word())).into()),
        };
        let args = self.pop_n(argc);
        let function = callable(&self.pop())?;
        Task::check_arity(program, function, argc)?;
        self.ask(Step::Submit { pool, function, args })
    }

    fn select<H: Host>(&mut self, site: u32, program: &Program, host: &H) -> Local<bool> {
        let s = &program.selects[site as usize];
        let after = if s.after.is_some() { Some(self.duration("after")?) } else { None };
        let mut arms = Vec::with_capacity(s.arms.len());
        for arm in s.arms.iter().rev() {
            arms.push(self.arm(arm, program, host)?);
        }
        arms.reverse();
        self.pending = Pending::Select(site);
        self.asked = Step::Select { arms, after, otherwise: s.otherwise.is_some() };
        Ok(true)
    }

    fn arm<H: Host>(&mut self, arm: &ArmSite, program: &Program, host: &H) -> Local<Arm> {
        let call = match &arm.operation {
            ArmOperation::Join => {
                let target = self.pop();
                if target == Value::None {
                    return Ok(Arm { target: None, args: Args::NONE });
                }
                let targets = joinable(&target, program)?;
                let [object] = targets[..] else {
                    return Err(local::type_error("an arm joins one task or pool").into());
                };
                let method = if program.kinds[object.kind as usize].word == "pool" {
                    crate::objects::pool::JOIN
                } else {
                    crate::objects::task::JOIN
                };
                return Ok(Arm { target: Some((object, method)), args: Args::NONE });
            }
            ArmOperation::Method(call) => call,
        };
        if call.receiver == Receiver::Dynamic {
            let at = self.stack.len().saturating_sub(call.positional as usize + call.named.len() + 1);
            if self.stack.get(at) == Some(&Value::None) {
                self.stack.truncate(at);
                return Ok(Arm { target: None, args: Args::NONE });
            }
        }
        let (object, method, args) = self.method_operands(call, program, host)?;
        let spec = &program.kinds[object.kind as usize];
        if !spec.methods[method as usize].waits {
            return Err(local::type_error(format!(
                "`{}` of a {} never waits",
                spec.methods[method as usize].name, spec.word
            ))
            .into());
        }
        Ok(Arm { target: Some((object, method)), args })
    }
}

fn declared(program: &Program, cell: u32) -> Place {
    let memory = program.memory[program.cells[cell as usize] as usize].memory;
    Place { home: Home::Declared, index: cell, memory }
}

fn row_object(program: &Program, row: u32, index: &Value) -> Local<ObjRef> {
    let r = &program.object_rows[row as usize];
    let index = local::row_index(index, r.count, &r.name)?;
    Ok(ObjRef { id: r.first + index, kind: r.kind })
}

fn callable(value: &Value) -> Local<u32> {
    match value {
        Value::Function(f) => Ok(*f),
        v => Err(local::type_error(format!("{} cannot be called", v.type_word())).into()),
    }
}

fn joinable(value: &Value, program: &Program) -> Local<Vec<ObjRef>> {
    match value {
        Value::Object(o) if matches!(program.kinds[o.kind as usize].word, "task" | "pool") => Ok(vec![*o]),
        Value::List(items) => {
            let mut all = Vec::new();
            for item in items.iter() {
                all.extend(joinable(item, program)?);
            }
            Ok(all)
        }
        v => {
            Err(local::type_error(format!("`join` takes a handle, a list of them or a pool, not {}", v.type_word()))
                .into())
        }
    }
}

fn find_field<'p, H: Host>(owner: &Value, symbol: u32, program: &'p Program, host: &H) -> Local<(u32, &'p Field)> {
    let name = &program.symbols[symbol as usize];
    match owner {
        Value::Object(o) if program.kinds[o.kind as usize].word == "record" => {
            let structure = &program.structs[host.structure(o.id) as usize];
            let field = structure.fields.iter().find(|f| f.symbol == symbol);
            field
                .map(|f| (o.id, f))
                .ok_or_else(|| local::type_error(format!("`{}` has no field `{name}`", structure.name)).into())
        }
        v => Err(local::type_error(format!("{} has no field `{name}`", v.type_word())).into()),
    }
}

fn field_offset(field: &Field, index: Option<&Value>) -> Local<u32> {
    match (index, field.count) {
        (Some(i), Some(count)) => Ok(local::row_index(i, count, &field.name)?),
        _ => Ok(0),
    }
}

fn field_object<H: Host>(
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

/// A method's arguments when none is given.
pub fn defaults(program: &Program, kind: u8, method: u8) -> Args {
    Args::from_slice(&program.defaults[kind as usize][method as usize])
}

/// Finds the method by its name where the kind was not known before, and puts
/// the arguments into the order of its parameters.
fn bind(
    program: &Program,
    object: ObjRef,
    call: &MethodCall,
    positional: Vec<Value>,
    named: Vec<Value>,
) -> Local<(u8, Args)> {
    let spec = &program.kinds[object.kind as usize];
    let name = &program.symbols[call.symbol as usize];
    let Some(method) = call.method.or_else(|| spec.method(name)) else {
        return Err(local::type_error(format!("a {} has no method `{name}`", spec.word)).into());
    };
    let params = spec.methods[method as usize].params;
    if positional.len() > params.len() {
        return Err(local::type_error(format!(
            "`{name}` takes {} arguments, and here it gets {}",
            params.len(),
            positional.len()
        ))
        .into());
    }
    let given = positional.len();
    let mut args = defaults(program, object.kind, method);
    for (i, value) in positional.into_iter().enumerate() {
        args.set(i, value);
    }
    let mut by_name = 0;
    for (symbol, value) in call.named.iter().zip(named) {
        let word = &program.symbols[*symbol as usize];
        match params.iter().position(|p| p.name == word) {
            Some(i) if i >= given => args.set(i, value),
            Some(_) => return Err(local::type_error(format!("`{word}` is given twice")).into()),
            None => return Err(local::type_error(format!("`{name}` has no parameter `{word}`")).into()),
        }
        by_name += 1;
    }
    let required = params.iter().filter(|p| p.default.is_none()).count();
    if given + by_name < required {
        return Err(local::type_error(format!(
            "`{name}` needs its argument `{}`",
            params[given.min(params.len() - 1)].name
        ))
        .into());
    }
    Ok((method, args))
}
