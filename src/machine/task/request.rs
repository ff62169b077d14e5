//! Steps that concern tasks, time and the world outside: spawn, join, submit,
//! select, and their operands.

use super::control::{callable, is_unknown};
use super::*;
use crate::lang::word::a;
use crate::objects::{Still, must_not_wait};
use crate::program::value::names_a_task;

impl Task {
    pub(super) fn task_steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
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
                let ns = self.time_from_now("sleep")?;
                self.tell(Step::Sleep(ns))
            }
            Instr::Busy => {
                let ns = self.time_from_now("busy")?;
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

    pub(super) fn other_steps<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            Instr::Select(site) => self.select(*site, program, host),
            Instr::NewObject(site) => {
                let given = program.news[*site as usize].given.iter().filter(|g| **g).count();
                let args = self.pop_n(given);
                let new = &program.news[*site as usize];
                let apart = program.hires_apart(new.kind, new.options);
                let hires = !apart && program.kinds[new.kind as usize].word == "pool";
                self.pending = if apart { Pending::Pools(None) } else { Pending::Push };
                self.asked = Step::New { site: *site, args, hires };
                Ok(true)
            }
            Instr::NewRecord(site) => {
                let record = &program.records[*site as usize];
                let values = self.pop_n(record.fields.len());
                let fields = &program.structs[record.structure as usize].fields;
                let apart = fields.iter().any(|f| program.field_hires_apart(f));
                let hires = fields.iter().any(|f| program.field_is_pool(f) && !program.field_hires_apart(f));
                self.pending = if apart { Pending::Pools(Some(record.structure)) } else { Pending::Push };
                self.asked = Step::NewRecord { site: *site, values, hires };
                Ok(true)
            }
            Instr::AtomicBegin => {
                self.blocks += 1;
                if self.is_within_a_block() { self.go_on() } else { self.tell(Step::AtomicBegin) }
            }
            Instr::AtomicEnd => {
                let within = self.is_within_a_block();
                self.blocks = self.blocks.saturating_sub(1);
                if within { self.go_on() } else { self.tell(Step::AtomicEnd) }
            }
            // The one that a block begins with is in no further one.
            Instr::AwaitBegin { await_index, nested } => {
                self.blocks += u32::from(!*nested);
                match self.is_within_a_block() {
                    true => self.go_on(),
                    false => {
                        self.look = Look::Only;
                        self.tell(Step::AwaitBegin { site: *await_index, nested: *nested })
                    }
                }
            }
            Instr::AwaitEnd { await_index, again } => {
                let value = self.pop();
                let holds = arithmetic::truth(&value)?;
                let nested = matches!(program.code.get(*again as usize), Some(Instr::AwaitBegin { nested: true, .. }));
                let within = self.is_within_a_block();
                if within && !holds {
                    return Err(must_not_wait(Still::of(false, self.look != Look::None), "this `await`").into());
                }
                if within {
                    self.blocks -= u32::from(!nested);
                    return self.go_on();
                }
                if std::mem::replace(&mut self.look, Look::None) == Look::Changed && !holds {
                    let text = "an `await` looks again until its condition is true, and this one has changed something \
                                though it is not";
                    return Err(local::type_error(text).into());
                }
                self.blocks = self.blocks.saturating_sub(u32::from(!nested));
                self.pending = if holds { Pending::Drop } else { Pending::Await { again: *again } };
                self.asked = Step::AwaitEnd { site: *await_index, nested, holds };
                Ok(true)
            }
            // Every instruction is dealt with by now.
            _ => Err(local::type_error("this instruction is unknown").into()),
        }
    }

    /// Whether the block or look that it is in is within another one.
    fn is_within_a_block(&self) -> bool {
        self.blocks > 1
    }

    /// Nothing is to be done for this instruction.
    fn go_on(&mut self) -> Local<bool> {
        self.pc += 1;
        Ok(false)
    }

    pub(super) fn timeout(&mut self, given: bool) -> Local<Option<i64>> {
        if given { self.duration("for").map(Some) } else { Ok(None) }
    }

    /// How long a statement takes that does nothing else: there is no time before now.
    fn time_from_now(&mut self, what: &str) -> Local<i64> {
        match self.stack.last() {
            Some(Value::Duration(ns)) if *ns < 0 => {
                let text = format!("`{what}` takes a time from 0 on, not {}", duration_text(*ns));
                Err(local::type_error(text).into())
            }
            _ => self.duration(what),
        }
    }

    pub(super) fn duration(&mut self, what: &str) -> Local<i64> {
        match self.pop() {
            Value::Duration(ns) => Ok(ns.max(0)),
            Value::Int(0) => Ok(0),
            v => {
                Err(local::type_error(format!("`{what}` takes a duration such as 10ms, not {}", v.type_word())).into())
            }
        }
    }

    pub(super) fn choose(&mut self) -> Local<bool> {
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

    pub(super) fn spawn<H: Host>(&mut self, site: u32, program: &Program, host: &H) -> Local<bool> {
        let site = &program.spawns[site as usize];
        let below = usize::from(site.named) + usize::from(site.counted) + site.argc as usize + 1;
        let callee = self.stack.len().checked_sub(below).and_then(|at| self.stack.get(at));
        if site.target == SpawnTarget::Value && is_unknown(callee, program) {
            return Ok(self.ask_for_newer());
        }
        let name = site.named.then(|| self.pop()).map(|v| local::text(&v, host));
        if name.as_deref().is_some_and(|name| !names_a_task(name)) {
            return Err(local::type_error("a task's name is not empty").into());
        }
        let count = match site.counted.then(|| self.pop()) {
            None => None,
            // More than that are as many too many.
            Some(Value::Int(n)) if n >= 0 => Some(u32::try_from(n).unwrap_or(u32::MAX)),
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
        let is_apart = |n: &u32| (2..=SPAWN_MAX).contains(n) && program.spawns_apart(process, self.is_main);
        let apart = count.filter(is_apart);
        let indices = count.map(|n| 0..apart.map_or(n, |_| 1));
        let one_of_several = apart.is_some();
        let step = SpawnStep { function, process, daemon, args, captures, indices, one_of_several, name };
        let Some(total) = apart else { return self.ask(Step::Spawn(Box::new(step))) };
        self.asked = self.spawn_one(step, total, Vec::new());
        Ok(true)
    }

    pub(super) fn submit(&mut self, argc: usize, program: &Program) -> Local<bool> {
        let callee = self.stack.len().checked_sub(argc + 2).and_then(|at| self.stack.get(at));
        if is_unknown(callee, program) {
            return Ok(self.ask_for_newer());
        }
        let pool = match self.pop() {
            Value::Object(o) if program.kinds[o.kind as usize].word == "pool" => o,
            v => return Err(local::type_error(format!("jobs are submitted to a pool, not {}", v.type_word())).into()),
        };
        let args = self.pop_n(argc);
        let function = callable(&self.pop())?;
        Task::check_arity(program, function, argc)?;
        self.ask(Step::Submit { pool, function, args })
    }

    pub(super) fn select<H: Host>(&mut self, site: u32, program: &Program, host: &H) -> Local<bool> {
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

    pub(super) fn arm<H: Host>(&mut self, arm: &ArmSite, program: &Program, host: &H) -> Local<Arm> {
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
                let method = crate::objects::join_method(object.kind);
                return Ok(Arm { target: Some((object, method)), args: Args::NONE });
            }
            ArmOperation::Method(call) => call,
        };
        if matches!(call.receiver, Receiver::Dynamic { .. }) {
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
                "`{}` of {} never waits",
                spec.methods[method as usize].name,
                a(spec.word)
            ))
            .into());
        }
        Ok(Arm { target: Some((object, method)), args })
    }
}

pub(super) fn joinable(value: &Value, program: &Program) -> Local<Vec<ObjRef>> {
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
