//! Steps that are over at once: those that never wait, and all others where they
//! must not, in an `atomically` block or where nobody steps. Those that may wait are
//! `step`'s.

use super::type_error;
use crate::check::moves::Move;
use crate::check::part::TaskPart;
use crate::check::process::PID_FIRST;
use crate::machine::step::SpawnStep;
use crate::machine::{Arm, Step, TaskField};
use crate::objects::{self, Outcome, TaskId, World, pool, task};
use crate::program::code::SelfInfo;
use crate::program::value::{Error, ObjRef, Value, brief};
use std::sync::Arc;

impl Move<'_> {
    /// A step that is over at once, or an error.
    pub fn inline(&mut self, step: &Step) -> Result<Value, Error> {
        match step {
            Step::Access { place, access } => self.access(*place, access),
            Step::Operate { object, method, args } => self.operate_inline(*object, *method, args.as_slice()),
            Step::Select { arms, otherwise, .. } => self.select_inline(arms, *otherwise),
            Step::Spawn(spawn) => self.spawn(spawn),
            Step::Submit { pool, function, args } => self.submit(*pool, *function, args),
            Step::Join { targets, .. } => self.join_inline(targets),
            Step::JoinAll { .. } => {
                let targets = self.task(self.me, |t| t.spawned.clone()).unwrap_or_default();
                self.join_inline(&targets)
            }
            Step::Terminate(target) => self.terminate(*target),
            Step::Kill(target) => self.kill(*target),
            Step::Sleep(_) if self.in_atomic && !self.outside => Err(objects::must_not_wait(self.still(), "`sleep`")),
            Step::Sleep(_) => {
                self.say(|_| "sleep".to_string());
                Ok(Value::None)
            }
            Step::Print(text) => {
                self.progress = true;
                self.say(|_| brief(format_args!("print {text}")));
                let text: Arc<str> = Arc::from(text.as_str());
                // Of what looks from outside, only `finally` prints, and is nobody's.
                if self.outside {
                    self.printed_finally = Some(text);
                    return Ok(Value::None);
                }
                let may_be_cut = self.model.movers.deadly;
                self.change_task(self.me, |t| {
                    let before = t.printed.replace(text);
                    if may_be_cut && !t.printed_before.contains(&before) {
                        t.printed_before.push(before);
                    }
                });
                Ok(Value::None)
            }
            Step::Choose(count) => {
                let way = self.choose(*count);
                self.say(|m| {
                    let value = |t: &TaskPart| t.machine.as_ref()?.choice(way as usize).cloned();
                    match m.task(m.me, value).flatten() {
                        Some(value) => format!("choose: {}", m.marked(&value)),
                        // Within a block in one step the task is not in its place.
                        None => format!("choose: number {} of {count}", way + 1),
                    }
                });
                Ok(Value::Int(way as i64))
            }
            Step::Interrupted => {
                self.rounds.set(0);
                // Whether it ever comes to an end is not known here.
                self.say(|_| "goes on".to_string());
                Ok(Value::None)
            }
            Step::SelfInfo(info) => {
                let value = self.self_info(*info);
                if *info == SelfInfo::Ppid {
                    self.say(|m| format!("ppid: {}", m.shown(&value)));
                }
                Ok(value)
            }
            Step::TaskField { task, field } => self.task_field(*task, *field),
            Step::New { site, args, .. } => self.new_object(*site, args),
            Step::NewRecord { site, values, .. } => self.new_record(*site, values),
            Step::Hire { pool, index } => Ok(self.hire(*pool, *index)),
            _ => Ok(Value::None),
        }
    }

    fn operate_inline(&mut self, target: ObjRef, method: u8, args: &[Value]) -> Result<Value, Error> {
        objects::timeout_ns(target.kind, method, args)?;
        match self.operate(target.kind, target.id, method, args, None) {
            Outcome::Done(value) => Ok(value),
            Outcome::Raise(kind, text) => Err(objects::failed(target.kind, &self.object_name(target.id), kind, &text)),
            _ => {
                let name = self.object_name(target.id);
                Err(objects::must_not_wait_for(self.still(), target.kind, &name))
            }
        }
    }

    fn select_inline(&mut self, arms: &[Arm], otherwise: bool) -> Result<Value, Error> {
        let mut ready = Vec::new();
        for (i, arm) in arms.iter().enumerate() {
            let Some((target, method)) = arm.target else { continue };
            let args = arm.args.as_slice();
            let outcome = self.probe(|m| objects::attempt(m, target.kind, target.id, method, args, None));
            if matches!(outcome, Outcome::Done(_) | Outcome::Raise(..)) {
                ready.push((i, target, method));
            }
        }
        if ready.is_empty() {
            return if otherwise {
                Ok(Value::list(vec![Value::Int(arms.len() as i64), Value::None]))
            } else {
                Err(objects::must_not_wait(self.still(), "this `select`"))
            };
        }
        let numbers: Vec<u32> = ready.iter().map(|r| r.0 as u32).collect();
        let (i, target, method) = ready[self.choose_arm(&numbers)];
        let value = self.operate_inline(target, method, arms[i].args.as_slice())?;
        Ok(Value::list(vec![Value::Int(i as i64), value]))
    }

    fn join_inline(&mut self, targets: &[ObjRef]) -> Result<Value, Error> {
        for target in targets {
            let op = Self::join_op(*target);
            self.operate_inline(op.target, op.method, &op.args)?;
            self.settle(target.id);
        }
        Ok(Value::Bool(true))
    }

    fn self_info(&self, info: SelfInfo) -> Value {
        let me = self.me;
        let number = |n: TaskId| Value::Int(i64::from(n) + PID_FIRST);
        match info {
            SelfInfo::Handle => Value::Object(ObjRef { id: me, kind: objects::place::task }),
            SelfInfo::Name => Value::string(self.task(me, |t| t.birth.name.to_string()).unwrap_or_default()),
            SelfInfo::Index => Value::Int(self.task(me, |t| i64::from(t.birth.index)).unwrap_or(0)),
            SelfInfo::Pid => number(self.home),
            SelfInfo::Tid => number(me),
            SelfInfo::Ppid => match self.process(self.home, |p| p.parent).flatten() {
                // `conc` adopts it.
                Some((_, parent)) if self.word(parent, task::STATE) == task::RUNNING => number(parent),
                _ => Value::Int(PID_FIRST - 1),
            },
        }
    }

    fn task_field(&mut self, target: ObjRef, field: TaskField) -> Result<Value, Error> {
        let word = |w: usize| self.word(target.id, w);
        let state = word(task::STATE);
        match field {
            TaskField::Name => {
                Ok(Value::string(self.task(target.id, |t| t.birth.name.to_string()).unwrap_or_default()))
            }
            TaskField::Alive => {
                self.say(|m| format!("is {} alive: {}", m.marked_name(target.id), state == task::RUNNING));
                Ok(Value::Bool(state == task::RUNNING))
            }
            TaskField::Pid if task::is_job(word) => Ok(Value::None),
            TaskField::Pid => {
                let process = self.task(target.id, |t| t.process).unwrap_or(0);
                Ok(Value::Int(i64::from(process) + PID_FIRST))
            }
            TaskField::ExitCode if state == task::RUNNING => Ok(Value::None),
            TaskField::ExitCode => Ok(Value::Int(word(task::EXIT_CODE) as i64)),
            TaskField::Result if word(task::JOINED) == 0 => {
                let text = format!("the result of `{}` is there after a `join`", self.object_name(target.id));
                Err(type_error(text))
            }
            TaskField::Result => {
                Ok(self.object(target.id, |o| o.values.first().cloned()).flatten().unwrap_or(Value::None))
            }
        }
    }

    fn submit(&mut self, target: ObjRef, function: u32, args: &[Value]) -> Result<Value, Error> {
        let id = self.bear_number(self.site, 1);
        let number = self.object(target.id, |o| o.words[pool::SUBMITTED]).unwrap_or(0);
        let name = format!("{}#{number}", self.program.functions[function as usize].name);
        let handle = self.bear_job(id, function, &name, target.id);
        self.change_object(target.id, |o| o.words[pool::SUBMITTED] += 1);
        let mut job = vec![Value::Object(handle), Value::Function(function)];
        job.extend_from_slice(args);
        self.say(|m| format!("submit {name} to {}", m.marked_name(target.id)));
        self.operate_inline(target, pool::SUBMIT, &[Value::list(job)])?;
        Ok(Value::Object(handle))
    }

    pub fn spawn(&mut self, step: &SpawnStep) -> Result<Value, Error> {
        let indices = step.indices.clone().unwrap_or(0..1);
        let mut handles = Vec::with_capacity(indices.len().min(10_000));
        for index in indices {
            let base = step.name.clone().unwrap_or_else(|| self.program.functions[step.function as usize].name.clone());
            let name = if step.indices.is_some() { format!("{base}#{index}") } else { base };
            handles.push(Value::Object(self.spawn_one(step, name, index)));
        }
        self.released = true;
        let kind = if step.process { "process " } else { "" };
        self.say(|m| {
            let name = step.name.clone().unwrap_or_else(|| m.program.functions[step.function as usize].name.clone());
            let which = match &step.indices {
                None => String::new(),
                Some(one) if step.one_of_several => format!("#{}", one.start),
                Some(all) => format!(" x{}", all.end),
            };
            format!("spawn {kind}{name}{which}")
        });
        Ok(match step.indices {
            Some(_) => Value::list(handles),
            None => handles.pop().unwrap_or(Value::None),
        })
    }
}
