//! Calls: of functions, of what is built in, of what makes objects and records, and
//! of the methods of objects and places.

use super::super::argument::Taker;
use super::super::certain::Certain;
use super::*;
use crate::lang::error::Sort;
use crate::program::foreign::{WITH_ITS_LOCK, foreign_call, handle_method, in_small, list_method, value_method};
use crate::program::kind::{HANDLE_FIELDS, KindSpec};

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
                    self.error(ScriptError::new(callee.span, format!("`{name}` is {} and cannot be called", a(word))));
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
        self.want_callable(callee);
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
        self.error(match self.call_form(f) {
            Some(form) => error.help(format!("write `{form}`")),
            None => error,
        });
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
            "fork" => {
                self.no_fork_within_atomically(span);
                return self.fixed_builtin(name, args, 0..=0, span, |_| Instr::Fork);
            }
            "wait" => return self.fixed_builtin(name, args, 0..=1, span, |argc| Instr::Wait { argc }),
            _ => {
                // With nothing to go over it is a table.
                let meant = if (name, args) == ("map", &[]) { "dict" } else { name };
                let given: Vec<&str> = args.iter().map(|arg| arg.value.span.text(self.source)).collect();
                if let Some(help) = foreign_call(meant, &given).filter(|_| self.main_locals.get(name).is_none()) {
                    let error = ScriptError::new(callee.span, format!("`{name}` is not defined"));
                    return self.error(error.label("not defined").unknown().help(help));
                }
                if let ("spawn" | "submit" | "thread" | "process" | "daemon", [arg]) = (name, args) {
                    let text = arg.value.span.text(self.source);
                    let error = ScriptError::new(callee.span, format!("`{name}` is not defined"));
                    return self.error(error.label("not defined").unknown().help(format!("write `spawn {text}`")));
                }
                return self.undefined(name, callee.span, Use::Read);
            }
        };
        let range = match builtin {
            Builtin::Min | Builtin::Max => 1..=255,
            _ => 1..=1,
        };
        let told = self.errors.len();
        self.fixed_builtin(name, args, range, span, |argc| Instr::Builtin { builtin, argc });
        if self.errors.len() == told {
            self.refuse_call(builtin, args, &format!("such as `{}`", builtin_form(name)));
        }
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
        self.want_builtin(name, args);
        if !takes.contains(&args.len()) {
            let text = if takes.start() == takes.end() {
                arguments(*takes.end())
            } else {
                format!("{} to {} arguments", takes.start(), takes.end())
            };
            return self.error(
                ScriptError::new(span, format!("`{name}` takes {text}, and here it gets {}", args.len()))
                    .help(format!("write `{}`", builtin_form(name))),
            );
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
        let Some(places) = self.match_args(&rest, Taker::Maker(kind), span) else { return };
        let exprs: Vec<Option<&Expr>> = places.iter().map(|place| place.map(|i| &rest[i].value)).collect();
        self.check_new(kind, &exprs, options, span);
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
        for (i, arg) in args.iter().enumerate() {
            let Some(name) = &arg.name else {
                let error = ScriptError::new(arg.value.span, format!("the fields of `{}` are named", s.name))
                    .help(format!("write `{}(field: value)`", s.name));
                self.error(error);
                continue;
            };
            let before = args[..i].iter().filter_map(|a| a.name.as_ref()).find(|n| n.text == name.text);
            if let Some(first) = before {
                let error = ScriptError::new(name.span, format!("`{}` is given twice", name.text));
                self.error(error.related(first.span, "given here").help("keep one of them"));
                continue;
            }
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
                    } else {
                        let names: Vec<&str> = s.fields.iter().map(|f| f.name.as_str()).collect();
                        error = error.help(format!("its fields: {}", names.join(", ")));
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
        // An element of what one place holds is no place.
        if row.is_none() && index.is_some() {
            return false;
        }
        let Some((update, takes)) = Update::method(&field.text) else {
            return self.unknown_place_method(&decl, field, object, args);
        };
        if row.is_some() != index.is_some() {
            self.expression(object);
            return true;
        }
        let known = index.and_then(|i| self.cell_of_row(&decl, i));
        if known.is_none() {
            index.into_iter().for_each(|i| self.expression(i));
        }
        if self.update_arguments(object, field, args, span, (update, takes)).is_none() {
            return true;
        }
        self.positional(args);
        match row.filter(|_| known.is_none()) {
            Some(row) => self.emit(Instr::UpdateElement { row, update }, span),
            None => self.emit(Instr::UpdateCell { cell: known.unwrap_or(decl.first), update }, span),
        };
        true
    }

    /// What an update of memory takes, in its order.
    fn update_arguments(
        &mut self,
        place: &Expr,
        field: &Name,
        args: &[Arg],
        span: Span,
        (update, takes): (Update, usize),
    ) -> Option<()> {
        let named = args.iter().find_map(|arg| arg.name.as_ref());
        if args.len() == takes && named.is_none() {
            return Some(());
        }
        let method = &field.text;
        let error = match named {
            Some(name) => ScriptError::new(name.span, format!("the arguments of `{method}` are not named")),
            None => {
                let text = format!("`{method}` takes {}, and here it gets {}", arguments(takes), args.len());
                ScriptError::new(span, text)
            }
        };
        let form = ["", if update == Update::Cas { "old, new" } else { "v" }][takes.min(1)];
        let place = strip(place).span.text(self.source);
        self.error(error.help(format!("write `{place}.{method}({form})`")));
        None
    }

    /// A variable may hold an object, so the methods of objects are left to
    /// the run; what no kind has is an error now.
    fn unknown_place_method(&mut self, decl: &MemoryDecl, field: &Name, object: &Expr, args: &[Arg]) -> bool {
        if self.kinds.iter().any(|k| k.method(&field.text).is_some()) {
            return false;
        }
        let mut error =
            ScriptError::new(field.span, format!("{} has no method `{}`", a(decl.memory.word()), field.text))
                .label("unknown method");
        let given = args.first().map(|arg| arg.value.span.text(self.source));
        if let Some(mend) = value_method(&field.text, object.span.text(self.source), given) {
            self.error(error.help(mend));
            return true;
        }
        if HANDLE_FIELDS.contains(&field.text.as_str()) {
            let help = format!(
                "what was spawned has a field of that name: `{}.{}`",
                object.span.text(self.source),
                field.text
            );
            self.error(error.help(help));
            return true;
        }
        let names = Update::METHODS.iter().map(|m| m.0).chain(self.kinds.iter().flat_map(|k| k.method_names()));
        error = match nearest(&field.text, names) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => {
                let (place, source) = (object.span.text(self.source), self.source);
                let given = args.first().map_or("v", |arg| arg.value.span.text(source));
                // However it is written: `fetch_add`, `fetchAdd`.
                error.help(match field.text.replace('_', "").to_lowercase().as_str() {
                    "increment" | "inc" | "incr" | "fetchadd" | "getandincrement" | "incrementandget" | "getandadd"
                    | "addandget" => format!("write `{place} += 1`, or `{place}.add(1)` for the old value too"),
                    "decrement" | "dec" | "decr" | "fetchsub" | "getanddecrement" | "decrementandget" | "sub" => {
                        format!("write `{place} -= 1`")
                    }
                    "compareandswap"
                    | "compareexchange"
                    | "compareexchangeweak"
                    | "compareexchangestrong"
                    | "compareandset" => format!("write `{place}.cas(old, new)`"),
                    "exchange" | "getandset" => format!("write `{place}.swap({given})`"),
                    _ => match list_method(&field.text, place, args, source) {
                        Some(mend) if decl.memory != Memory::Atomic => mend,
                        _ => "its methods: load, store, add, swap, cas".to_owned(),
                    },
                })
            }
        };
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
            method = Some(self.known_method(kind, object, field, args, span)?);
        } else if self.no_receiver(object, field) {
            return None;
        } else if let Some(update) = Update::method(&field.text) {
            // What has a method of that name too may be meant.
            if !self.stands_for_nothing(object) && self.kinds_with(&field.text).is_empty() {
                self.update_arguments(object, field, args, span, update)?;
            }
        } else {
            self.any_method(object, field, args)?;
            let is_told = self.note_task_method(object, field)
                || self.note_value_method(object, field, args)
                || self.stands_for_nothing(object);
            match self.only_kind_with(&field.text) {
                Some((kind, method)) if !is_told => self.method_arguments(kind, method, object, args, span)?,
                // Whatever has the method, its time goes forward.
                _ => {
                    let of_time = |arg: &&Arg| arg.name.as_ref().is_some_and(|name| name.text == "timeout");
                    args.iter().filter(of_time).for_each(|arg| self.want_argument("timeout", &arg.value));
                }
            }
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
        if field.text == "wait" && kind.is_some_and(|k| self.spec(k).word == "condition") {
            self.no_wait_within_atomically(span);
        }
        let positional = args.iter().take_while(|a| a.name.is_none()).count();
        let mut named = Vec::new();
        // Of a kind that is known the arguments have been matched.
        if kind.is_none() {
            self.bare_behind_named(args, span);
        }
        for arg in args {
            if let Some(name) = &arg.name {
                named.push(self.symbol(&name.text));
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

    fn no_fork_within_atomically(&mut self, span: Span) {
        if self.within_atomically() {
            let error = ScriptError::new(span, crate::program::value::NO_FORK);
            self.error(error.help("fork before the block or after it").placed());
        }
    }

    /// A condition's `wait` always waits.
    fn no_wait_within_atomically(&mut self, span: Span) {
        if self.within_atomically() {
            let error = ScriptError::new(span, "an `atomically` block must not wait, and this would make it");
            self.error(error.help("what waits comes first: `atomically { await c … }`").placed());
        }
    }

    fn dynamic_receiver(&mut self, object: &Expr, field: &Name) -> Receiver {
        if Update::method(&field.text).is_some() {
            let (inner, index) = match &object.kind {
                ExprKind::Index { object, index } => (&**object, Some(index)),
                _ => (object, None),
            };
            if let ExprKind::Field { object: record, field: name } = &inner.kind
                && self.field_names.contains(&name.text)
                && (index.is_none() || self.field_of_one_place(&name.text).is_none())
            {
                self.names.used_field(name.span, &name.text);
                self.expression(record);
                index.into_iter().for_each(|i| self.expression(i));
                let symbol = self.symbol(&name.text);
                return Receiver::Field { symbol, indexed: index.is_some() };
            }
        }
        self.expression(object);
        Receiver::Dynamic { field: self.field_read(object) }
    }

    fn known_method(&mut self, kind: u8, object: &Expr, field: &Name, args: &[Arg], span: Span) -> Option<u8> {
        let spec = self.spec(kind);
        let Some(method) = spec.method(&field.text) else {
            let mut error = ScriptError::new(field.span, format!("{} has no method `{}`", a(spec.word), field.text))
                .label("unknown method");
            let python = python_method(spec.word, &field.text);
            let all = spec.method_names().collect::<Vec<_>>();
            let submitted = if spec.word == "pool" { self.submitted(object, field, args) } else { None };
            let lock = if python == Some(WITH_ITS_LOCK) { self.lock_of(object) } else { None };
            error = match (python, nearest(&field.text, all.iter().copied())) {
                _ if let Some(lock) = lock => error.help(format!("write `with {lock} {{ }}`")),
                _ if let Some(submitted) = submitted => error.help(format!("write `{submitted}`")),
                (Some(word), _) if word.contains('`') => error.help(format!("write {word}")),
                (Some(word), _) => error.help(format!("write `{word}`")),
                (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
                (None, None) if all.is_empty() => error,
                (None, None) => error.help(format!("its methods: {}", all.join(", "))),
            };
            self.error(error);
            return None;
        };
        self.method_arguments(kind, method, object, args, span)?;
        Some(method)
    }

    /// `p.submit(f, 1)`, `p.map(f, xs)` as it is written here.
    fn submitted(&self, pool: &Expr, field: &Name, args: &[Arg]) -> Option<String> {
        let pool = pool.span.text(self.source);
        let text = |arg: &Arg| arg.value.span.text(self.source).to_owned();
        let (job, given) = args.split_first()?;
        let given: Vec<String> = given.iter().map(text).collect();
        let meant = match (field.text.as_str(), &job.value.kind, &given[..]) {
            ("submit" | "apply" | "apply_async", ExprKind::Call { .. }, []) => {
                format!("submit {} to {pool}", text(job))
            }
            ("map", ExprKind::Name(job), [values]) => format!("for v in {values} {{ submit {job}(v) to {pool} }}"),
            ("submit", ExprKind::Name(job), given) => format!("submit {job}({}) to {pool}", given.join(", ")),
            ("apply" | "apply_async", ExprKind::Name(job), []) => format!("submit {job} to {pool}"),
            _ => return None,
        };
        (meant.len() <= 80 && !meant.contains('\n')).then_some(meant)
    }

    /// `s.acquire(2)`: a semaphore gives one at a time.
    fn one_at_a_time(&mut self, spec: &KindSpec, object: &Expr, method: &str, args: &[Arg]) -> Option<()> {
        let [arg] = args else { return Some(()) };
        let is_number = match &arg.name {
            Some(name) => matches!(name.text.as_str(), "n" | "count" | "permits" | "amount"),
            None => self.certain(&arg.value) == Some(Certain::Int),
        };
        if (spec.word, method) != ("semaphore", "acquire") || !is_number {
            return Some(());
        }
        let (semaphore, times) = (object.span.text(self.source), arg.value.span.text(self.source));
        let help = format!("write `repeat {times} {{ {semaphore}.acquire() }}`");
        let error = ScriptError::new(arg.value.span, "`acquire` of a semaphore takes one at a time");
        self.error(error.help(help));
        None
    }

    /// The arguments of a method fit its parameters.
    fn method_arguments(&mut self, kind: u8, method: u8, object: &Expr, args: &[Arg], span: Span) -> Option<()> {
        let spec = self.spec(kind);
        let taker = Taker::Method(kind, method);
        let method = &spec.methods[method as usize];
        self.one_at_a_time(spec, object, method.name, args)?;
        let places = self.match_args(args, taker, span)?;
        let told = self.errors.len();
        let given: Vec<Option<&Expr>> = places.iter().map(|place| place.map(|place| &args[place].value)).collect();
        for (param, arg) in method.params.iter().zip(&given) {
            if let Some(arg) = arg {
                self.want_argument(param.name, arg);
            }
        }
        if self.errors.len() == told {
            self.refuse_arguments(method, &given);
        }
        Some(())
    }

    /// The kinds that have a method of this name, each with its place among theirs. Nothing else
    /// has methods: a record has fields.
    pub(in crate::program) fn kinds_with(&self, method: &str) -> Vec<(u8, u8)> {
        let places = self.kinds.iter().enumerate().map(|(kind, spec)| Some((kind as u8, spec.method(method)?)));
        places.flatten().collect()
    }

    fn only_kind_with(&self, method: &str) -> Option<(u8, u8)> {
        match self.kinds_with(method)[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// A method of something that only the run knows: some kind must have it.
    fn any_method(&mut self, object: &Expr, field: &Name, args: &[Arg]) -> Option<()> {
        if self.kinds.iter().any(|k| k.method(&field.text).is_some()) {
            return Some(());
        }
        // `System.out.println(x)` is one of the module before the first dot.
        let module = root(object);
        if let (ExprKind::Name(name), false) = (&module.kind, self.known_name(module)) {
            return self.foreign_module(name, object, field, args);
        }
        if self.stands_for_nothing(object) {
            self.expression(object);
            return None;
        }
        if let ExprKind::Name(name) = &object.kind
            && let Some(Global::Struct(_)) = self.globals.get(name)
        {
            let error = ScriptError::new(object.span, format!("`{name}` is a struct and has no methods"));
            self.error(error.help(format!("`{name}()` makes a record of it")));
            return None;
        }
        let holding = self.holding(object);
        let is_handle = holding == Holding::Object("task");
        let text = strip(object).span.text(self.source);
        let fields = HANDLE_FIELDS.iter().chain(&ERROR_FIELDS).chain(&SELF_FIELDS);
        let is_field = fields.copied().chain(self.field_names.iter().map(String::as_str)).any(|f| f == field.text);
        let of_list = list_method(&field.text, text, args, self.source);
        let given = args.last().map(|arg| arg.value.span.text(self.source));
        let is_list = !is_field && of_list.is_some() && matches!(holding, Holding::List(_));
        let who = if is_list { "a list" } else { "no kind of object" };
        let has = if is_list { "no method" } else { "a method" };
        let mut error =
            ScriptError::new(field.span, format!("{who} has {has} `{}`", field.text)).label("unknown method");
        if is_field {
            error = error.help(format!("a field has no parentheses: write `{text}.{}`", field.text));
        } else if let (true, Some(mend)) = (is_list, &of_list) {
            error = error.help(mend);
        } else if let (false, "append" | "extend", Some(mend)) = (is_handle, field.text.as_str(), of_list) {
            error = error.help(format!("{mend}; a queue has `{text}.put(v)`"));
        } else if let Some(meant) = handle_method(&in_small(&field.text), text, is_handle, given) {
            error = error.help(meant);
        } else if let Some(near) = nearest(&field.text, self.kinds.iter().flat_map(|k| k.method_names())) {
            error = error.help(format!("did you mean `{near}`?"));
        } else {
            let kinds: Vec<&str> =
                self.kinds.iter().filter(|k| !k.internal && !k.methods.is_empty()).map(|k| k.word).collect();
            let help = format!("objects have methods, docs/language.md tells which: {}", kinds.join(", "));
            error = error.help(help);
        }
        self.error(error);
        None
    }

    /// Whether a value is what other languages' libraries make: `Lock()`.
    pub(in crate::program) fn is_foreign_call(&mut self, value: &Expr) -> bool {
        let ExprKind::Call { callee, .. } = &value.kind else { return false };
        let word = match &callee.kind {
            ExprKind::Name(_) if self.known_name(callee) => return false,
            ExprKind::Name(name) => name,
            ExprKind::Field { object, field } if !self.known_name(object) => &field.text,
            _ => return false,
        };
        foreign_call(word, &[]).is_some()
    }

    /// Whether it has been told that there is no such thing as `e`: `nope`, `nope.a`,
    /// `x.nope[0]`. What is asked of it follows from that.
    pub(in crate::program) fn stands_for_nothing(&mut self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Paren(inner) => self.stands_for_nothing(inner),
            ExprKind::Name(_) => !self.known_name(e),
            ExprKind::Index { object, .. } => self.stands_for_nothing(object),
            ExprKind::Field { object, field } => match object.kind {
                ExprKind::SelfTask => !SELF_FIELDS.contains(&field.text.as_str()),
                _ => self.kind_of(object).is_some() || self.stands_for_nothing(object) || !self.is_field(&field.text),
            },
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Field { object, .. } => self.stands_for_nothing(object),
                ExprKind::Name(name) => {
                    let built_in = BUILTINS.contains(&name.as_str()) || self.kind_named(name).is_some();
                    !built_in && !self.known_name(callee)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a name stands for something.
    pub(in crate::program) fn known_name(&mut self, e: &Expr) -> bool {
        let ExprKind::Name(name) = &e.kind else { return true };
        self.local(name, e.span).is_some() || self.globals.get(name).is_some()
    }

    /// `os.fork()`, `fmt.Println(x)`: a call of another language's library.
    fn foreign_module(&mut self, module: &str, object: &Expr, field: &Name, args: &[Arg]) -> Option<()> {
        let given: Vec<&str> = args.iter().map(|arg| arg.value.span.text(self.source)).collect();
        // A name that is given a value somewhere, or a list to add to, is no module.
        let is_value = field.text == "append"
            || self.errors.iter().any(|e| e.sort == Sort::Unknown && e.span.text(self.source) == module);
        let Some(meant) = foreign_call(&field.text, &given).filter(|_| !is_value) else {
            self.undefined(module, root(object).span, Use::Read);
            return None;
        };
        let error = ScriptError::new(object.span.to(field.span), format!("there is no module `{module}`"));
        self.error(error.label("not defined").unknown().help(meant));
        None
    }
}

/// What stands before the first of the fields.
fn root(e: &Expr) -> &Expr {
    match &e.kind {
        ExprKind::Field { object, .. } => root(object),
        _ => e,
    }
}

/// How what is built in is called.
fn builtin_form(name: &str) -> &'static str {
    match name {
        "len" => "len(xs)",
        "min" => "min(a, b)",
        "max" => "max(a, b)",
        "abs" => "abs(x)",
        "str" => "str(x)",
        "int" => "int(\"7\")",
        "choose" => "choose(1..4)` or `choose([a, b])",
        "fork" => "fork()",
        _ => "wait()` or `wait(pid)",
    }
}
