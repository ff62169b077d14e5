//! Steps on objects: methods with their arguments in order, and `with`.

use super::memory::{field_object, find_field, row_object};
use super::*;
use crate::lang::word::a;

impl Task {
    pub(super) fn call_method<H: Host>(&mut self, call: u32, program: &Program, host: &H) -> Local<bool> {
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
    pub(super) fn field_update<H: Host>(
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
            return Err(
                local::type_error(format!("`{name}` takes {}, and here it gets {argc}", arguments(takes))).into()
            );
        }
        let access = self.update(update);
        let place = self.field_place(symbol, indexed, program, host)?;
        let step = Step::Access { place, access };
        Ok(Some(step))
    }

    /// The object, the method and all its arguments, off the stack.
    pub(super) fn method_operands<H: Host>(
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
            Receiver::Dynamic { .. } => match self.pop() {
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

    pub(super) fn with(&mut self, site: u32, acquire: bool, program: &Program) -> Local<bool> {
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
            return Err(local::type_error(format!("`with` cannot take {} so", a(spec.word))).into());
        };
        let method = if acquire { way.acquire } else { way.release };
        let args = defaults(program, object.kind, method);
        self.tell(Step::Operate { object, method, args })
    }
}

/// A method's arguments when none is given.
pub fn defaults(program: &Program, kind: u8, method: u8) -> Args {
    Args::from_slice(&program.defaults[kind as usize][method as usize])
}

/// Finds the method by its name where the kind was not known before, and puts
/// the arguments into the order of its parameters.
pub(super) fn bind(
    program: &Program,
    object: ObjRef,
    call: &MethodCall,
    positional: Vec<Value>,
    named: Vec<Value>,
) -> Local<(u8, Args)> {
    let spec = &program.kinds[object.kind as usize];
    let name = &program.symbols[call.symbol as usize];
    let Some(method) = call.method.or_else(|| spec.method(name)) else {
        return Err(local::type_error(format!("{} has no method `{name}`", a(spec.word))).into());
    };
    let params = spec.methods[method as usize].params;
    if positional.len() > params.len() {
        return Err(local::type_error(format!(
            "`{name}` takes {}, and here it gets {}",
            arguments(params.len()),
            positional.len()
        ))
        .into());
    }
    let given = positional.len();
    let mut args = defaults(program, object.kind, method);
    for (i, value) in positional.into_iter().enumerate() {
        args.set(i, value);
    }
    for (i, (symbol, value)) in call.named.iter().zip(named).enumerate() {
        let word = &program.symbols[*symbol as usize];
        match params.iter().position(|p| p.name == word) {
            Some(p) if p >= given && !call.named[..i].contains(symbol) => args.set(p, value),
            Some(_) => return Err(local::type_error(format!("`{word}` is given twice")).into()),
            None => return Err(local::type_error(format!("`{name}` has no parameter `{word}`")).into()),
        }
    }
    let is_named = |param: &str| call.named.iter().any(|symbol| program.symbols[*symbol as usize] == param);
    if let Some(missing) = params.iter().skip(given).find(|p| p.default.is_none() && !is_named(p.name)) {
        return Err(local::type_error(format!("`{name}` needs its argument `{}`", missing.name)).into());
    }
    Ok((method, args))
}
