//! Calls, handlers, errors.

use super::*;

impl Task {
    /// Calls, handlers, errors.
    pub(super) fn control<H: Host>(&mut self, instr: &Instr, program: &Program, host: &H) -> Local<bool> {
        match instr {
            // Calls without a loop can be as many as those that double at each level.
            Instr::Call { .. } | Instr::CallValue { .. } if host.interrupted_at_call() => {
                return Ok(self.interrupt());
            }
            Instr::Call { function, argc } => {
                Task::check_arity(program, *function, *argc as usize)?;
                return self.call(program, *function, *argc as usize);
            }
            Instr::CallValue { argc } => {
                let at = self.stack.len().saturating_sub(*argc as usize + 1);
                if is_unknown(self.stack.get(at), program) {
                    return Ok(self.ask_for_newer());
                }
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
            Instr::PushHandler(pc) => self.push_handler(*pc),
            Instr::PopHandler => drop(self.handlers.pop()),
            Instr::Reraise => {
                if let Value::Error(error) = self.pop() {
                    return Err((*error).clone().into());
                }
            }
            Instr::IfKind { kinds, otherwise } => {
                let wanted = &program.error_kinds[*kinds as usize];
                let takes = |kind| wanted.contains(&kind) || (wanted.is_empty() && kind != ErrorKind::Interrupted);
                let caught = matches!(self.stack.last(), Some(Value::Error(e)) if takes(e.kind));
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

    pub(super) fn call(&mut self, program: &Program, function: u32, argc: usize) -> Local<bool> {
        // The first frame is that of what the task runs, which nothing has called.
        if self.frames.len() > DEPTH_MAX {
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
    pub(super) fn end_frame(&mut self) -> bool {
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

    pub(super) fn raise_value<H: Host>(&mut self, host: &H) -> Local<bool> {
        match self.pop() {
            Value::Error(e) => Err((*e).clone().into()),
            v => Err(Error::new(ErrorKind::Raised, local::text(&v, host)).into()),
        }
    }

    pub(super) fn assert<H: Host>(&mut self, with_message: bool, host: &H) -> Local<()> {
        let value = self.pop();
        if with_message {
            return Err(Error::new(ErrorKind::Assertion, local::text(&value, host)).into());
        }
        if arithmetic::truth(&value)? { Ok(()) } else { Err(Error::new(ErrorKind::Assertion, "").into()) }
    }
}

/// A function of a text that was entered after this program was made.
pub(super) fn is_unknown(value: Option<&Value>, program: &Program) -> bool {
    matches!(value, Some(Value::Function(f)) if *f as usize >= program.functions.len())
}

impl Task {
    /// Stops for a newer program, and comes back to the same instruction.
    pub(super) fn ask_for_newer(&mut self) -> bool {
        self.pending = Pending::Stay;
        self.asked = Step::Renew;
        true
    }
}

pub(super) fn callable(value: &Value) -> Local<u32> {
    match value {
        Value::Function(f) => Ok(*f),
        v => Err(local::type_error(format!("{} cannot be called", v.type_word())).into()),
    }
}
