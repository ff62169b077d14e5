//! Calls: of functions, of what is built in, of what makes objects and records, and
//! of the methods of objects and places.

use super::*;

impl Compiler<'_> {
    // ------------------------------------------------------------------ calls

    pub(super) fn call(&mut self, callee: &Expr, args: &[Arg], span: Span) {
        match &callee.kind {
            ExprKind::Field { object, field } => self.method(object, field, args, span),
            ExprKind::Name(name) if self.local(name, callee.span).is_none() => match self.globals.get(name).cloned() {
                Some(Global::Function(f)) => {
                    self.function_args(f, args, span);
                    self.emit(Instr::Call { function: f, argc: args.len() as u8 }, span);
                }
                Some(Global::Struct(s)) => self.record(s, args, span),
                Some(Global::Object(id)) => {
                    let word = self.spec(self.program.objects[id as usize].kind).word;
                    self.error(ScriptError::new(callee.span, format!("`{name}` is a {word} and cannot be called")));
                }
                Some(Global::ObjectRow(_)) => self
                    .error(ScriptError::new(callee.span, format!("`{name}` is a row of objects and cannot be called"))),
                Some(Global::Const(_)) => {
                    self.error(ScriptError::new(callee.span, format!("`{name}` is a constant and cannot be called")))
                }
                Some(Global::Memory(_)) => self.call_value(callee, args, span),
                None => self.call_unknown(name, callee, args, span),
            },
            _ => self.call_value(callee, args, span),
        }
    }

    fn call_value(&mut self, callee: &Expr, args: &[Arg], span: Span) {
        self.expression(callee);
        self.positional(args);
        self.emit(Instr::CallValue { argc: args.len() as u8 }, span);
    }

    pub(super) fn positional(&mut self, args: &[Arg]) {
        for arg in args {
            if let Some(name) = &arg.name {
                let error = ScriptError::new(name.span, "arguments of a task or fn are not named")
                    .help("give them in their order");
                self.error(error);
            }
            self.expression(&arg.value);
        }
        if args.len() > 255 {
            self.error(ScriptError::new(args[255].value.span, "more than 255 arguments"));
        }
    }

    pub(super) fn function_args(&mut self, f: u32, args: &[Arg], span: Span) {
        self.positional(args);
        let function = self.program.functions[f as usize].clone();
        let (least, most) = (function.required as usize, function.params as usize);
        if (least..=most).contains(&args.len()) {
            return;
        }
        let takes = if least == most { arguments(most) } else { format!("{least} to {most} arguments") };
        let error =
            ScriptError::new(span, format!("`{}` takes {takes}, and here it gets {}", function.name, args.len()))
                .label(if args.len() < least { "too few" } else { "too many" })
                .related(function.span, "defined here");
        self.error(error);
    }

    fn call_unknown(&mut self, name: &str, callee: &Expr, args: &[Arg], span: Span) {
        if let Some(kind) = self.kind_named(name) {
            return self.new_object(kind, args, span);
        }
        let builtin = match name {
            "len" => Builtin::Len,
            "min" => Builtin::Min,
            "max" => Builtin::Max,
            "abs" => Builtin::Abs,
            "str" => Builtin::Str,
            "int" => Builtin::Int,
            "choose" => return self.fixed_builtin(name, args, 1..=1, span, |_| Instr::Choose),
            "fork" => return self.fixed_builtin(name, args, 0..=0, span, |_| Instr::Fork),
            "wait" => return self.fixed_builtin(name, args, 0..=1, span, |argc| Instr::Wait { argc }),
            _ => {
                if matches!(name, "range" | "time" | "Lock" | "Thread" | "Process" | "Queue") {
                    let help = match name {
                        "range" => "a range is written `0..3`",
                        "Lock" => "a lock is declared: `lock m`",
                        "Thread" => "a thread is started with `spawn worker`",
                        "Process" => "a process is started with `spawn process worker`",
                        "Queue" => "a queue is declared: `queue q(3)`",
                        _ => "`sleep 10ms` waits; there is no clock to read",
                    };
                    return self.error(
                        ScriptError::new(callee.span, format!("`{name}` is not defined"))
                            .label("not defined")
                            .unknown()
                            .help(help),
                    );
                }
                return self.undefined(name, callee.span, false);
            }
        };
        let range = match builtin {
            Builtin::Min | Builtin::Max => 1..=255,
            _ => 1..=1,
        };
        self.fixed_builtin(name, args, range, span, |argc| Instr::Builtin { builtin, argc });
    }

    fn fixed_builtin(
        &mut self,
        name: &str,
        args: &[Arg],
        takes: std::ops::RangeInclusive<usize>,
        span: Span,
        instr: impl Fn(u8) -> Instr,
    ) {
        self.positional(args);
        if !takes.contains(&args.len()) {
            let text = if takes.start() == takes.end() {
                arguments(*takes.end())
            } else {
                format!("{} to {} arguments", takes.start(), takes.end())
            };
            return self
                .error(ScriptError::new(span, format!("`{name}` takes {text}, and here it gets {}", args.len())));
        }
        self.emit(instr(args.len() as u8), span);
    }

    fn new_object(&mut self, kind: u8, args: &[Arg], span: Span) {
        let spec = self.spec(kind);
        let is_option = |n: &Name| spec.options.iter().position(|o| o.split(' ').next_back() == Some(n.text.as_str()));
        let mut options = 0;
        let mut rest = Vec::new();
        for arg in args {
            match (&arg.name, arg.name.as_ref().and_then(is_option)) {
                (Some(_), Some(bit)) => match arg.value.kind {
                    ExprKind::Bool(true) => options |= 1 << bit,
                    ExprKind::Bool(false) => {}
                    _ => self.error(ScriptError::new(arg.value.span, "an option is true or false, as a literal")),
                },
                _ => rest.push(arg.clone()),
            }
        }
        let Some(places) = self.match_args(&rest, spec.params, span, &format!("a {}", spec.word)) else { return };
        let mut given = Vec::new();
        for place in places {
            given.push(place.is_some());
            if let Some(i) = place {
                self.expression(&rest[i].value);
            }
        }
        let name = self.born(span);
        let index = self.program.news.len() as u32;
        self.program.news.push(NewSite { kind, given, options, name });
        self.emit(Instr::NewObject(index), span);
    }

    /// What reports call an object made here.
    fn born(&self, span: Span) -> String {
        match self.keeper.last() {
            Some(k) => format!("{k} (line {})", self.line(span)),
            None => format!("line {}", self.line(span)),
        }
    }

    fn record(&mut self, structure: u32, args: &[Arg], span: Span) {
        // Fields are laid out before any body is compiled.
        let s = self.program.structs[structure as usize].clone();
        let mut fields = Vec::new();
        for arg in args {
            let Some(name) = &arg.name else {
                let error = ScriptError::new(arg.value.span, format!("the fields of `{}` are named", s.name))
                    .help(format!("write `{}(field: value)`", s.name));
                self.error(error);
                continue;
            };
            let place = s.fields.iter().position(|f| f.name == name.text);
            match place.map(|p| (p, &s.fields[p])) {
                Some((p, Field { what: FieldKind::Memory { .. }, count: None, .. })) => {
                    self.names.used_field(name.span, &name.text);
                    self.keeper.push(name.text.clone());
                    self.expression(&arg.value);
                    self.keeper.pop();
                    fields.push(p as u32);
                }
                Some(_) => {
                    let error =
                        ScriptError::new(name.span, format!("`{}` of `{}` has no first value", name.text, s.name))
                            .help("only var, shared and atomic fields take one");
                    self.error(error);
                }
                None => {
                    let mut error = ScriptError::new(name.span, format!("`{}` has no field `{}`", s.name, name.text))
                        .unknown()
                        .related(s.span, "the struct");
                    if let Some(near) = nearest(&name.text, s.fields.iter().map(|f| f.name.as_str())) {
                        error = error.help(format!("did you mean `{near}`?"));
                    }
                    self.error(error);
                }
            }
        }
        let index = self.program.records.len() as u32;
        let name = self.born(span);
        self.program.records.push(RecordSite { structure, fields, name });
        self.emit(Instr::NewRecord(index), span);
    }

    // ---------------------------------------------------------------- methods

    fn method(&mut self, object: &Expr, field: &Name, args: &[Arg], span: Span) {
        if self.place_method(object, field, args, span) {
            return;
        }
        if let Some(call) = self.method_operands(object, field, args, span) {
            let index = self.program.calls.len() as u32;
            self.program.calls.push(call);
            self.emit(Instr::CallMethod(index), span);
        }
    }

    /// `x.add(1)` on declared memory.
    fn place_method(&mut self, object: &Expr, field: &Name, args: &[Arg], span: Span) -> bool {
        let (name, place, index) = match &object.kind {
            ExprKind::Name(name) => (name, object.span, None),
            ExprKind::Index { object, index } => match &object.kind {
                ExprKind::Name(name) => (name, object.span, Some(index)),
                _ => return false,
            },
            _ => return false,
        };
        if self.local(name, place).is_some() {
            return false;
        }
        let Some(Global::Memory(m)) = self.globals.get(name).cloned() else { return false };
        let decl = self.program.memory[m as usize].clone();
        let row = self.memory_row(&decl);
        let Some((update, takes)) = Update::method(&field.text) else {
            return self.unknown_place_method(&decl, field, object);
        };
        if row.is_some() != index.is_some() {
            self.expression(object);
            return true;
        }
        index.into_iter().for_each(|i| self.expression(i));
        self.positional(args);
        if args.len() != takes {
            self.error(ScriptError::new(
                span,
                format!("`{}` takes {}, and here it gets {}", field.text, arguments(takes), args.len()),
            ));
        }
        match row {
            Some(row) => self.emit(Instr::UpdateElement { row, update }, span),
            None => self.emit(Instr::UpdateCell { cell: decl.first, update }, span),
        };
        true
    }

    /// A variable may hold an object, so the methods of objects are left to
    /// the run; what no kind has is an error now.
    fn unknown_place_method(&mut self, decl: &MemoryDecl, field: &Name, object: &Expr) -> bool {
        if self.kinds.iter().any(|k| k.method(&field.text).is_some()) {
            return false;
        }
        let mut error =
            ScriptError::new(field.span, format!("a {} has no method `{}`", decl.memory.word(), field.text))
                .label("unknown method");
        let names =
            Update::METHODS.iter().map(|m| m.0).chain(self.kinds.iter().flat_map(|k| k.methods.iter().map(|m| m.name)));
        if let Some(near) = nearest(&field.text, names) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        let _ = object;
        self.error(error);
        true
    }

    /// Pushes the receiver (unless it is declared) and the arguments.
    pub(in crate::program) fn method_operands(
        &mut self,
        object: &Expr,
        field: &Name,
        args: &[Arg],
        span: Span,
    ) -> Option<MethodCall> {
        let symbol = self.symbol(&field.text);
        let kind = self.kind_of(object);
        let mut receiver = self.receiver_of(object);
        let mut method = None;
        if let Some(kind) = kind {
            method = Some(self.known_method(kind, field, args, span)?);
        } else if Update::method(&field.text).is_none() {
            self.any_method(field)?;
        }
        match receiver {
            Receiver::Object(_) => {}
            Receiver::Row(_) => {
                if let ExprKind::Index { index, .. } = &strip(object).kind {
                    self.expression(index);
                }
            }
            _ => receiver = self.dynamic_receiver(object, field),
        }
        let positional = args.iter().take_while(|a| a.name.is_none()).count();
        let mut named = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            match &arg.name {
                Some(name) => named.push(self.symbol(&name.text)),
                None if i >= positional => {
                    self.error(ScriptError::new(arg.value.span, "arguments without a name come first"));
                }
                None => {}
            }
            self.expression(&arg.value);
        }
        let must = kind.zip(method).map(|(kind, method)| {
            let params = self.kinds[kind as usize].methods[method as usize].params;
            params.iter().filter(|p| p.default.is_none()).count()
        });
        let bare = named.is_empty() && must == Some(positional);
        Some(MethodCall { receiver, symbol, method, positional: positional as u8, named, bare })
    }

    fn dynamic_receiver(&mut self, object: &Expr, field: &Name) -> Receiver {
        if Update::method(&field.text).is_some() {
            let (inner, index) = match &object.kind {
                ExprKind::Index { object, index } => (&**object, Some(index)),
                _ => (object, None),
            };
            if let ExprKind::Field { object: record, field: name } = &inner.kind
                && self.field_names.contains(&name.text)
            {
                self.names.used_field(name.span, &name.text);
                self.expression(record);
                index.into_iter().for_each(|i| self.expression(i));
                let symbol = self.symbol(&name.text);
                return Receiver::Field { symbol, indexed: index.is_some() };
            }
        }
        self.expression(object);
        Receiver::Dynamic
    }

    fn known_method(&mut self, kind: u8, field: &Name, args: &[Arg], span: Span) -> Option<u8> {
        let spec = self.spec(kind);
        let Some(method) = spec.method(&field.text) else {
            let mut error = ScriptError::new(field.span, format!("a {} has no method `{}`", spec.word, field.text))
                .label("unknown method");
            let python = python_method(spec.word, &field.text);
            let all = spec.methods.iter().map(|m| m.name).collect::<Vec<_>>();
            error = match (python, nearest(&field.text, all.iter().copied())) {
                (Some(word), _) => error.help(format!("write `{word}`")),
                (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
                (None, None) if all.is_empty() => error,
                (None, None) => error.help(format!("its methods: {}", all.join(", "))),
            };
            self.error(error);
            return None;
        };
        let what = format!("`{}` of a {}", field.text, spec.word);
        self.match_args(args, spec.methods[method as usize].params, span, &what)?;
        Some(method)
    }

    fn any_method(&mut self, field: &Name) -> Option<()> {
        let names: Vec<&str> = self.kinds.iter().flat_map(|k| k.methods.iter().map(|m| m.name)).collect();
        if names.contains(&field.text.as_str()) {
            return Some(());
        }
        let mut error = ScriptError::new(field.span, format!("no kind of object has a method `{}`", field.text))
            .label("unknown method");
        if let Some(near) = nearest(&field.text, names) {
            error = error.help(format!("did you mean `{near}`?"));
        }
        self.error(error);
        None
    }
}
