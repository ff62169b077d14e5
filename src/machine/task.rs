//! One task that runs: its frames, its stack, its handlers. `advance` does
//! local work up to the next step; `resume` and `raise` are the backend's
//! answers.

mod control;
mod memory;
mod method;
mod request;
mod value;

pub use method::defaults;

use super::local;
use super::step::*;
use crate::lang::ast::BinaryOp;
use crate::program::code::*;
use crate::program::compile::arguments;
use crate::program::kind::{Memory, Update};
use crate::program::value::{Error, ErrorKind, Names, ObjRef, Value, arithmetic, duration_text};

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
    /// The same before a call, for who must not be kept by calls that go on and on.
    fn interrupted_at_call(&self) -> bool {
        false
    }
    /// Local work went through so many bytes of long values: for who counts it.
    fn worked(&self, _bytes: usize) {}
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
    fn tell_now(&mut self, _object: ObjRef, _method: u8, _pc: Pc) -> bool {
        false
    }
    /// The same for an operation with the arguments that it cannot do without:
    /// its answer. If the host cannot, nothing has changed.
    fn operate_now(&mut self, _object: ObjRef, _method: u8, _args: &[Value], _pc: Pc) -> Option<Value> {
        None
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Frame {
    /// Where its locals begin on the stack.
    base: usize,
    /// Where the caller goes on.
    back: Pc,
    /// How many handlers there were when it began.
    handlers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Handler {
    pc: Pc,
    frames: usize,
    stack: usize,
}

/// What becomes of the backend's answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pending {
    Nothing,
    Push,
    Drop,
    /// Go on at the same instruction.
    Stay,
    /// `a.f[1]` of a field that is one place: the index of an element of what it holds.
    Element(Value),
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
    /// Of tasks that are made one by one: the step before, how many there are to be, and
    /// those made so far.
    Spawn(Box<(SpawnStep, u32, Vec<Value>)>),
    /// Of what was made, whose pools are to get their workers one by one: the structure
    /// of a record, `None` of a pool.
    Pools(Option<u32>),
    /// What was made, the pools that have not all their workers yet, the last of them
    /// first, and the number of the worker just made.
    Hire(Box<(Value, Vec<ObjRef>, u32)>),
    Select(u32),
    /// Look again.
    Await {
        again: Pc,
    },
}

/// What it has done in the look of an `await` that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Look {
    /// It is in none.
    None,
    /// It has only looked.
    Only,
    /// It has asked for a step that may change something.
    Asked,
    Changed,
}

/// A task between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// It runs the body of `main`, as a child does that was forked there.
    is_main: bool,
    /// How many blocks and looks in one step it is in, each within the one before: a function
    /// with such a block may be called in another. Only the outermost one is a step.
    blocks: u32,
    look: Look,
}

/// Errors are rare and large; boxed, they leave the common answer in a
/// register.
type Local<T> = Result<T, Box<Error>>;

impl Task {
    /// Its locals and what it is computing, of all its calls.
    pub fn stack(&self) -> &[Value] {
        &self.stack
    }

    /// What it is about to choose from.
    pub fn chooses_from(&self) -> Option<&Value> {
        match &self.pending {
            Pending::Choose(list) => Some(list),
            _ => None,
        }
    }

    /// Each value that it may still come by: of all its calls, and of a step that is
    /// half done.
    pub fn each_value(&self, each: &mut impl FnMut(&Value)) {
        self.stack.iter().for_each(&mut *each);
        match &self.pending {
            Pending::Change { place, operand, .. } => {
                each(operand);
                if let Home::Record(id) = place.home {
                    each(&Value::Object(ObjRef { id, kind: crate::objects::place::record }));
                }
            }
            Pending::Choose(value) | Pending::Element(value) => each(value),
            Pending::Hire(hire) => each(&hire.0),
            Pending::Spawn(spawn) => {
                let (step, _, made) = &**spawn;
                step.args.iter().chain(step.captures.iter().map(|c| &c.1)).chain(made).for_each(each);
            }
            _ => {}
        }
    }

    /// About how much memory its calls take, without the stack.
    pub fn frame_bytes(&self) -> usize {
        size_of::<Frame>() * self.frames.len() + size_of::<Handler>() * self.handlers.len()
    }

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
            is_main: f.kind == FunctionKind::Main,
            blocks: 0,
            look: Look::None,
        }
    }

    /// The instruction at which it stands: while a step is carried out, the
    /// one that asked for it.
    pub fn pc(&self) -> Pc {
        self.pc
    }

    /// Of a task that stands before a `choose`: what the given number stands for.
    pub fn choice(&self, number: usize) -> Option<&Value> {
        match self.chooses_from()? {
            Value::List(items) => items.get(number),
            _ => None,
        }
    }

    /// The locals of the function that it was started with.
    pub fn locals(&self, count: usize) -> &[Value] {
        &self.stack[..count.min(self.stack.len())]
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
        Err(local::type_error(format!("`{}` takes {}, and here it gets {argc}", f.name, arguments(f.params as usize)))
            .into())
    }

    /// The answer to the last step.
    #[inline]
    pub fn resume(&mut self, program: &Program, value: Value) -> Option<Step> {
        if self.look == Look::Asked {
            // What was refused has changed nothing: `x.cas(0, 1)`, `m.acquire(blocking: false)`.
            self.look = if value == Value::Bool(false) { Look::Only } else { Look::Changed };
        }
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
            Pending::Element(index) => match local::index(&value, &index) {
                Ok(element) => self.stack.push(element),
                Err(error) => {
                    self.pc -= 1;
                    return self.raise(error);
                }
            },
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
            Pending::Spawn(spawn) => return self.resume_spawn(*spawn, value),
            Pending::Pools(structure) => {
                let pools = pools_apart(program, structure, &value);
                return self.hire(value, pools, 0);
            }
            Pending::Hire(hire) => {
                let (made, mut pools, index) = *hire;
                let more = value == Value::Bool(true);
                if !more {
                    pools.pop();
                }
                return self.hire(made, pools, if more { index + 1 } else { 0 });
            }
            Pending::Select(site) => self.resume_select(program, site, value),
            Pending::Await { again } => self.pc = again,
            Pending::Stay => self.pc -= 1,
            Pending::Push | Pending::Drop | Pending::Nothing => {}
        }
        None
    }

    /// One more of several tasks is made: the step that makes the next one.
    fn resume_spawn(&mut self, (last, total, mut made): (SpawnStep, u32, Vec<Value>), value: Value) -> Option<Step> {
        if let Value::List(one) = value {
            made.extend(one.iter().cloned());
        }
        let next = last.indices.as_ref().map_or(total, |i| i.end);
        if next >= total {
            self.stack.push(Value::list(made));
            return None;
        }
        self.pc -= 1;
        Some(self.spawn_one(SpawnStep { indices: Some(next..next + 1), ..last }, total, made))
    }

    /// The step that makes one of several, with those made before.
    fn spawn_one(&mut self, step: SpawnStep, total: u32, made: Vec<Value>) -> Step {
        self.pending = Pending::Spawn(Box::new((step.clone(), total, made)));
        Step::Spawn(Box::new(step))
    }

    /// One more worker of the last of the pools is made; if there are none left, what was
    /// made with them is the answer.
    fn hire(&mut self, made: Value, pools: Vec<ObjRef>, index: u32) -> Option<Step> {
        let Some(pool) = pools.last().copied() else {
            self.stack.push(made);
            return None;
        };
        self.pc -= 1;
        self.pending = Pending::Hire(Box::new((made, pools, index)));
        Some(Step::Hire { pool, index })
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

    #[inline(always)]
    fn push_handler(&mut self, pc: Pc) {
        self.handlers.push(Handler { pc, frames: self.frames.len(), stack: self.stack.len() });
    }

    /// Local work up to the next step.
    pub fn advance<H: Host>(&mut self, program: &Program, host: &mut H) -> Step {
        loop {
            self.quick(program, host);
            match self.instruction(program, &*host) {
                Ok(false) => {}
                Ok(true) => {
                    let step = std::mem::replace(&mut self.asked, Step::Interrupted);
                    if self.look == Look::None {
                        return step;
                    }
                    if let Some(step) = self.in_look(program, step) {
                        return step;
                    }
                }
                Err(error) => {
                    if let Some(step) = self.raise(*error) {
                        return step;
                    }
                }
            }
        }
    }

    /// A step that a look asks for, with a note whether it may change something; none if it is
    /// refused there.
    #[cold]
    fn in_look(&mut self, program: &Program, step: Step) -> Option<Step> {
        if matches!(step, Step::Choose(_)) {
            let text = "the condition of an `await` is looked at again and again, and must not choose";
            return self.raise(local::type_error(text));
        }
        // The read half of a change is followed by the write.
        let changes = step.may_change(program) || matches!(self.pending, Pending::Change { .. });
        if self.look != Look::Changed {
            self.look = if changes { Look::Asked } else { Look::Only };
        }
        Some(step)
    }

    /// The commonest instructions in their commonest form, as long as there
    /// are some; each does what `instruction` does with it. (By itself: together with
    /// all the others they would have too few of the processor's registers.)
    #[inline(never)]
    fn quick<H: Host>(&mut self, program: &Program, host: &mut H) {
        let code = &program.code;
        let base = self.base();
        let mut pc = self.pc;
        loop {
            match &code[pc as usize] {
                Instr::Int(i) => self.stack.push(Value::Int(i64::from(*i))),
                Instr::Load(slot) => {
                    let value = self.stack[base + *slot as usize].copied();
                    self.stack.push(value);
                }
                Instr::Store(slot) => {
                    let Some(value) = self.stack.pop() else { break };
                    self.stack[base + *slot as usize] = value;
                }
                Instr::ReadCell(cell) => match host.read_now(*cell, pc) {
                    Some(value) => self.stack.push(value),
                    None => break,
                },
                Instr::WriteCell(cell) => {
                    let Some(value) = self.stack.last() else { break };
                    if !host.write_now(*cell, value, pc) {
                        break;
                    }
                    self.stack.pop();
                }
                Instr::AddCell { cell, amount } => {
                    let Some(old) = host.read_int_now(*cell, pc) else { break };
                    let sum = old.checked_add(i64::from(*amount));
                    if !sum.is_some_and(|sum| host.write_int_now(*cell, sum, pc)) {
                        // The read is done; what is left goes the long way.
                        self.half_done = Some(old);
                        break;
                    }
                }
                Instr::Binary(op) => {
                    let [.., Value::Int(x), Value::Int(y)] = self.stack[..] else { break };
                    let result = match op {
                        BinaryOp::Add => x.checked_add(y).map(Value::Int),
                        BinaryOp::Sub => x.checked_sub(y).map(Value::Int),
                        BinaryOp::Mul => x.checked_mul(y).map(Value::Int),
                        BinaryOp::Lt => Some(Value::Bool(x < y)),
                        BinaryOp::Eq => Some(Value::Bool(x == y)),
                        BinaryOp::Gt => Some(Value::Bool(x > y)),
                        _ => None,
                    };
                    let Some(result) = result else { break };
                    self.stack.pop();
                    if let Some(place) = self.stack.last_mut() {
                        *place = result;
                    }
                }
                Instr::Jump(to) if *to > pc || !host.interrupted() => {
                    pc = *to;
                    continue;
                }
                Instr::JumpIfFalse(to) => {
                    let Some(Value::Bool(truth)) = self.stack.last() else { break };
                    let next = if *truth { pc + 1 } else { *to };
                    self.stack.pop();
                    pc = next;
                    continue;
                }
                Instr::Truth if matches!(self.stack.last(), Some(Value::Bool(_))) => {}
                Instr::RepeatNext { slot, .. } => {
                    let Value::Int(left) = &mut self.stack[base + *slot as usize] else { break };
                    if *left <= 0 {
                        break;
                    }
                    *left -= 1;
                }
                Instr::PushHandler(handler) => self.push_handler(*handler),
                Instr::PopHandler => drop(self.handlers.pop()),
                Instr::WithAcquire(site) => {
                    let site = &program.withs[*site as usize];
                    let (Some(object), Some((acquire, _))) = (site.known, site.plain) else { break };
                    if !host.tell_now(object, acquire, pc) {
                        break;
                    }
                    // Which it always is.
                    if let Instr::PushHandler(handler) = &code[pc as usize + 1] {
                        self.push_handler(*handler);
                        pc += 1;
                    }
                }
                Instr::WithRelease(site) => {
                    let site = &program.withs[*site as usize];
                    let (Some(object), Some((_, release))) = (site.known, site.plain) else { break };
                    if !host.tell_now(object, release, pc) {
                        break;
                    }
                }
                Instr::CallMethod(call) => {
                    let call = &program.calls[*call as usize];
                    let (Some(method), true) = (call.method, call.bare) else { break };
                    let Some(first) = self.stack.len().checked_sub(call.positional as usize) else { break };
                    let (object, below) = match call.receiver {
                        Receiver::Object(id) => (ObjRef { id, kind: program.objects[id as usize].kind }, first),
                        Receiver::Row(row) if first > 0 => {
                            let Ok(object) = memory::row_object(program, row, &self.stack[first - 1]) else { break };
                            (object, first - 1)
                        }
                        _ => break,
                    };
                    let Some(answer) = host.operate_now(object, method, &self.stack[first..], pc) else { break };
                    match &mut self.stack[below..] {
                        [only] => *only = answer,
                        _ => {
                            self.stack.truncate(below);
                            self.stack.push(answer);
                        }
                    }
                }
                Instr::Pop => drop(self.stack.pop()),
                Instr::Function(function) => self.stack.push(Value::Function(*function)),
                Instr::RangeNext { slot, variable, .. } => {
                    let at = base + *slot as usize;
                    let [Value::Int(next), Value::Int(stop)] = self.stack[at..at + 2] else { break };
                    if next >= stop {
                        break;
                    }
                    self.stack[at] = Value::Int(next + 1);
                    self.stack[base + *variable as usize] = Value::Int(next);
                }
                Instr::Object(id) => {
                    let kind = program.objects[*id as usize].kind;
                    self.stack.push(Value::Object(ObjRef { id: *id, kind }));
                }
                _ => break,
            }
            pc += 1;
        }
        self.pc = pc;
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
            Instr::Binary(BinaryOp::Add) if self.grows(program) => {}
            Instr::Binary(op) => self.binary(*op, host)?,
            Instr::Jump(to) => {
                // Every loop passes here, so a task that never makes a step
                // can still be stopped.
                let back = *to <= self.pc;
                self.pc = *to;
                return Ok(back && host.interrupted() && self.interrupt());
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
                // With no stop the largest integer is the last, and behind it there is no next.
                let next = match (self.load(*slot), self.load(*slot + 1)) {
                    (Value::Int(next), Value::Int(stop)) if next < stop => *next,
                    (Value::Int(next), Value::None) => *next,
                    _ => {
                        self.pc = *end;
                        return Ok(false);
                    }
                };
                self.store(*slot, next.checked_add(1).map_or(Value::None, Value::Int));
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

    /// Stops, and goes on at the instruction at which it is by then.
    fn interrupt(&mut self) -> bool {
        self.pending = Pending::Stay;
        self.asked = Step::Interrupted;
        true
    }

    /// `xs = xs + more`, of a local that nobody else has a copy of: it grows where it
    /// is, so that a list that is made one by one is not copied each time. Whether it
    /// is so, and done.
    fn grows(&mut self, program: &Program) -> bool {
        let (Some(Instr::Store(slot)), [below @ .., Value::List(list), Value::List(_)]) =
            (program.code.get(self.pc as usize + 1), &self.stack[..])
        else {
            return false;
        };
        let at = self.base() + *slot as usize;
        // The local, and its copy on the stack.
        let alone = std::sync::Arc::strong_count(list) == 2
            && matches!(below.get(at), Some(Value::List(local)) if std::sync::Arc::ptr_eq(local, list));
        if !alone {
            return false;
        }
        let (more, list) = (self.pop(), self.pop());
        let (Value::List(mut list), Value::List(more)) = (list, more) else { return false };
        self.stack[at] = Value::None;
        if arithmetic::grow(&mut list, &more) {
            self.stack.push(Value::List(list));
            return true;
        }
        self.stack[at] = Value::List(list.clone());
        self.stack.extend([Value::List(list), Value::List(more)]);
        false
    }

    #[inline]
    fn binary<H: Host>(&mut self, op: BinaryOp, host: &H) -> Local<()> {
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
            None => {
                host.worked(match op {
                    BinaryOp::Add => a.length() + b.length(),
                    // No further than one of them goes.
                    BinaryOp::In => b.whole_length(),
                    _ => a.whole_length().min(b.whole_length()),
                });
                arithmetic::binary(op, &a, &b)?
            }
        };
        self.stack.push(result);
        Ok(())
    }
}

fn declared(program: &Program, cell: u32) -> Place {
    let memory = program.memory_of(cell);
    Place { home: Home::Declared, index: cell, memory }
}

/// What was made and has workers to be made one by one: a pool, or those of a record with
/// this structure, the last one first.
fn pools_apart(program: &Program, structure: Option<u32>, made: &Value) -> Vec<ObjRef> {
    let Value::Object(made) = made else { return Vec::new() };
    let Some(structure) = structure else { return vec![*made] };
    let mut pools = Vec::new();
    for field in program.structs[structure as usize].fields.iter().filter(|f| program.field_hires_apart(f)) {
        if let FieldKind::Object { kind, first, .. } = field.what {
            let ids = (0..field.count.unwrap_or(1)).map(|i| made.id + 1 + first + i);
            pools.extend(ids.map(|id| ObjRef { id, kind }));
        }
    }
    pools.reverse();
    pools
}
