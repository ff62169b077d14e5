//! Declarations: collects the names of a script, lays out declared memory, objects
//! and structs, and checks their counts, options and arguments.

use super::argument::{Taker, example, meant_by};
use super::*;

/// The most places or objects one declaration may make.
const COUNT_MAX: i64 = 10_000_000;

impl Compiler<'_> {
    pub(super) fn collect(&mut self, script: &Script, defines: &[(String, Value)]) {
        let declared = |i: &Item| if let Item::Object(o) = i { Some(o.name.text.clone()) } else { None };
        self.later = script.items.iter().filter_map(declared).collect();
        let constant = |i: &Item| if let Item::Const(c) = i { Some(c.name.text.clone()) } else { None };
        self.below = script.items.iter().filter_map(constant).collect();
        for item in &script.items {
            if let Item::Const(c) = item {
                self.collect_const(c, defines);
            }
        }
        for (name, _) in defines {
            if !self.program.consts.iter().any(|c| c.0 == *name) {
                let mut error =
                    ScriptError::new(Span::default(), format!("-D {name}: the script has no `const {name}`"));
                if let Some(near) = nearest(name, self.program.consts.iter().map(|c| c.0.as_str())) {
                    error = error.help(format!("there is `const {near}`"));
                }
                self.error(error);
            }
        }
        if !self.before.grows {
            self.new_function("main", FunctionKind::Main, Span::default());
        }
        self.collect_functions(script);
        // An argument or a first value may name an object that is declared
        // later, so all objects get their numbers before any is evaluated.
        let mut laid = Vec::new();
        for item in &script.items {
            match item {
                Item::Object(o) => laid.push(self.lay_out(o)),
                Item::Struct(s) => {
                    let index = self.program.structs.len() as u32;
                    self.define(&s.name, Global::Struct(index));
                    self.program.structs.push(Struct {
                        name: s.name.text.clone(),
                        fields: Vec::new(),
                        span: s.name.span,
                    });
                    self.field_names.extend(s.fields.iter().map(|f| f.name.text.clone()));
                }
                _ => {}
            }
        }
        let objects = script.items.iter().filter_map(|i| if let Item::Object(o) = i { Some(o) } else { None });
        for (object, laid) in objects.zip(laid) {
            self.fill(object, laid);
        }
        for item in &script.items {
            if let Item::Struct(s) = item {
                self.fields(s);
            }
        }
    }

    fn collect_const(&mut self, c: &ast::Const, defines: &[(String, Value)]) {
        self.below.remove(&c.name.text);
        let defined = defines.iter().rev().find(|d| d.0 == c.name.text).map(|d| d.1.clone());
        let Some(written) = self.eval(&c.value) else {
            self.define(&c.name, Global::Const(Value::Missing));
            return;
        };
        let value = self.overridden(c, written, defined);
        self.program.consts.push((c.name.text.clone(), value.clone()));
        self.define(&c.name, Global::Const(value));
        let what = self.holding(&c.value);
        self.names.holds(c.name.span, what);
    }

    /// What a constant is with the value of a `-D`, which must be of the kind
    /// that the script is written for.
    fn overridden(&mut self, c: &ast::Const, written: Value, defined: Option<Value>) -> Value {
        let Some(defined) = defined else { return written };
        let text = match &defined {
            Value::Str(text) if is_literal(text) => format!("\"{text}\""),
            Value::Str(text) => text.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Duration(ns) => duration_text(*ns),
            _ => return defined,
        };
        match (&written, &defined) {
            (Value::Str(_), Value::Str(_)) => defined,
            // On the command line a string needs no quotes.
            (Value::Str(_), _) => Value::string(text),
            (Value::None, _) => defined,
            _ if std::mem::discriminant(&written) == std::mem::discriminant(&defined) => defined,
            _ => {
                let (name, own) = (&c.name.text, c.span.text(self.source));
                let (given, wanted) = (defined.type_word(), written.type_word());
                let digits = text.strip_prefix('-').unwrap_or(&text);
                let number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let text = if number && matches!(defined, Value::Str(_)) {
                    format!("-D {name}={text} does not fit into an integer of 64 bits")
                } else {
                    format!("-D {name}={text} gives {given}, but `{own}` is {wanted}")
                };
                self.error(ScriptError::new(Span::default(), text));
                written
            }
        }
    }

    fn collect_functions(&mut self, script: &Script) {
        for item in &script.items {
            let Item::Function(f) = item else { continue };
            let kind = match f.kind {
                ast::FunctionKind::Task => FunctionKind::Task,
                ast::FunctionKind::Fn => FunctionKind::Fn,
            };
            let required = f.params.iter().take_while(|p| p.default.is_none()).count();
            let function = Function {
                name: f.name.text.clone(),
                kind,
                entry: 0,
                end: 0,
                params: f.params.len().min(255) as u8,
                required: required.min(255) as u8,
                slots: 0,
                span: f.name.span,
            };
            if !self.redefine(&f.name, &function) {
                let index = self.program.functions.len() as u32;
                self.program.functions.push(function);
                self.define(&f.name, Global::Function(index));
            }
            if let Some(Global::Function(index)) = self.globals.get(&f.name.text) {
                let names = f.params.iter().map(|p| p.name.text.clone()).collect();
                self.parameter_names.entry(*index).or_insert(names);
            }
            if let Some(p) = f.params.iter().skip(required).find(|p| p.default.is_none()) {
                let error =
                    ScriptError::new(p.name.span, format!("`{}` has no default, and one before it has", p.name.text))
                        .help("parameters with a default come last");
                self.error(error);
            }
        }
    }

    /// How a function is called: `t(a, b = 1)`.
    /// Of one of an earlier text only how many they are is known.
    pub(super) fn call_form(&self, function: u32) -> Option<String> {
        let f = &self.program.functions[function as usize];
        let names = self.parameter_names.get(&function)?;
        let (must, may) = names.split_at(names.len().min(f.required as usize));
        let may = may.iter().map(|name| format!("{name} = …"));
        Some(format!("{}({})", f.name, must.iter().cloned().chain(may).collect::<Vec<_>>().join(", ")))
    }

    fn count(&mut self, object: &ast::Object) -> Option<u32> {
        let count = object.count.as_ref()?;
        // One that is not known is told, and it is a row all the same.
        match self.eval(count).unwrap_or(Value::Int(0)) {
            Value::Int(n) if (0..=COUNT_MAX).contains(&n) => Some(n as u32),
            _ => {
                let error = ScriptError::new(
                    count.span,
                    format!("the count of `{}` is a number from 0 to {COUNT_MAX}", object.name.text),
                )
                .help(format!("write `{} {}[3]`", object.kind.text, object.name.text));
                self.error(error);
                Some(0)
            }
        }
    }

    /// Gives a declaration its name and its places; what it holds comes later.
    fn lay_out(&mut self, o: &ast::Object) -> Option<u32> {
        if let Some(memory) = Memory::from_word(&o.kind.text) {
            let count = self.count(o);
            let first = self.program.cells.len() as u32;
            let index = self.program.memory.len() as u32;
            let name = o.name.text.clone();
            self.program.memory.push(MemoryDecl { name, memory, first, count, init: Value::None, span: o.name.span });
            self.program.cells.extend(std::iter::repeat_n(index, count.unwrap_or(1) as usize));
            self.define(&o.name, Global::Memory(index));
            return Some(index);
        }
        let Some(kind) = self.kind_named(&o.kind.text) else {
            let words = self.kinds.iter().filter(|k| !k.internal).map(|k| k.word).chain(["var", "shared", "atomic"]);
            let statements = [
                "spawn",
                "print",
                "join",
                "let",
                "const",
                "task",
                "struct",
                "return",
                "submit",
                "terminate",
                "sleep",
                "expect",
                "invariant",
                "raise",
                "await",
                "assert",
                "kill",
                "exit",
                "busy",
            ];
            let mut error =
                ScriptError::new(o.kind.span, format!("`{}` is no kind of object", o.kind.text)).label("no such kind");
            error = match (foreign_kind(&o.kind.text), nearest(&o.kind.text, words.chain(statements))) {
                (Some(meant), _) => {
                    // More of the type may stand before the name: `unsigned long n`.
                    let name = o.options.last().map_or(&o.name.text, |option| &option.text);
                    let meant = meant.replace("NAME", name);
                    // What was given it keeps, where it takes a number.
                    let given = self.written(o.args.as_deref().unwrap_or(&[]));
                    error.help(match meant.split_once('(') {
                        Some((declared, number))
                            if !given.is_empty() && number.starts_with(|c: char| c.is_ascii_digit()) =>
                        {
                            format!("write `{declared}({given})`")
                        }
                        _ => format!("write `{meant}`"),
                    })
                }
                (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
                // A type stands before a variable elsewhere.
                (None, None) if o.init.is_some() => error.help(format!(
                    "`var {0} = …` is what threads share; `let {0} = …` is local", o.name.text
                )),
                (None, None) => error.help("the kinds are var, shared, atomic, lock, rwlock, semaphore, condition, event, barrier, latch, queue and pool"),
            };
            self.error(error.nameless());
            // It may have been no declaration at all.
            if self.globals.get(&o.name.text).is_none() {
                self.define(&o.name, Global::Const(Value::Missing));
            }
            return None;
        };
        let first = self.program.objects.len() as u32;
        let count = self.count(o);
        for i in 0..count.unwrap_or(1) {
            let name = if count.is_some() { format!("{}[{i}]", o.name.text) } else { o.name.text.clone() };
            self.program.objects.push(ObjectDecl { name, kind, args: Vec::new(), options: 0, span: o.name.span });
        }
        match count {
            Some(count) => {
                let row = self.program.object_rows.len() as u32;
                self.program.object_rows.push(ObjectRow { name: o.name.text.clone(), first, count, kind });
                self.define(&o.name, Global::ObjectRow(row));
            }
            None => self.define(&o.name, Global::Object(first)),
        }
        Some(first)
    }

    fn fill(&mut self, o: &ast::Object, laid: Option<u32>) {
        let Some(laid) = laid else { return };
        if let Some(memory) = Memory::from_word(&o.kind.text) {
            let value = self.memory_init(o, memory);
            let what = o.init.as_ref().map_or(Holding::Unknown, |init| self.holding(init));
            self.names.holds(o.name.span, what);
            self.program.memory[laid as usize].init = value;
            return;
        }
        let Some(kind) = self.kind_named(&o.kind.text) else { return };
        let Some(options) = self.options(o, kind) else { return };
        let Some(args) = self.object_args(o, kind) else { return };
        self.check_made(kind, &args, options, o.args.as_deref().unwrap_or(&[]), o.name.span);
        let count =
            self.program.object_rows.iter().find(|r| r.first == laid && r.name == o.name.text).map_or(1, |r| r.count);
        for i in 0..count {
            let object = &mut self.program.objects[(laid + i) as usize];
            object.args = args.clone();
            object.options = options;
        }
    }

    fn memory_init(&mut self, o: &ast::Object, memory: Memory) -> Value {
        if let Some(args) = &o.args {
            let span = args.first().map_or(o.span, |a| a.value.span);
            let error = ScriptError::new(span, format!("{} takes no arguments", a(memory.word()))).help(format!(
                "write `{} {} = …`",
                memory.word(),
                o.name.text
            ));
            self.error(error);
        }
        if let Some(option) = o.options.first() {
            let error = ScriptError::new(option.span, format!("{} has no option `{}`", a(memory.word()), option.text));
            self.error(error.help("leave it out"));
        }
        match &o.init {
            Some(init) if let Some(error) = self.repeated_list(o, init) => {
                self.error(error);
                Value::None
            }
            Some(init) => self.eval(init).unwrap_or(Value::None),
            None => {
                let error = ScriptError::new(o.name.span, format!("`{}` has no first value", o.name.text))
                    .help(format!("write `{} {} = 0`", memory.word(), o.name.text));
                self.error(error);
                Value::None
            }
        }
    }

    /// `var xs = [0] * 3` of Python.
    fn repeated_list(&self, o: &ast::Object, init: &Expr) -> Option<ScriptError> {
        let ExprKind::Binary { op: ast::BinaryOp::Mul, left, right } = &init.kind else { return None };
        let (list, count) = if matches!(left.kind, ExprKind::List(_)) { (left, right) } else { (right, left) };
        let ExprKind::List(items) = &list.kind else { return None };
        let [item] = &items[..] else { return None };
        let text = |expr: &Expr| expr.span.text(self.source);
        let help = format!(
            "`{} {}[{}] = {}` is a row of places, each with an index; one list has all its elements written out",
            o.kind.text,
            o.name.text,
            text(count),
            text(item)
        );
        Some(ScriptError::new(init.span, "a list cannot be multiplied").help(help))
    }

    /// The bits of its options; none where what has been told is how to write the whole.
    fn options(&mut self, o: &ast::Object, kind: u8) -> Option<u32> {
        let spec = self.spec(kind);
        if let Some(init) = &o.init {
            let (error, whole) = self.init_of_object(o, init, spec);
            self.error(error);
            if whole {
                return None;
            }
        }
        let mut bits = 0;
        let mut words = &o.options[..];
        'words: while let Some(first) = words.first() {
            for (bit, phrase) in spec.options.iter().enumerate() {
                let parts: Vec<&str> = phrase.split(' ').collect();
                if words.len() >= parts.len() && parts.iter().zip(words).all(|(p, w)| *p == w.text) {
                    if bits & (1 << bit) != 0 {
                        let error = ScriptError::new(first.span, format!("`{phrase}` is said twice"));
                        self.error(error.help("keep one of them"));
                    }
                    bits |= 1 << bit;
                    words = &words[parts.len()..];
                    continue 'words;
                }
            }
            if let (true, "of", Some("threads" | "thread")) =
                (spec.options.contains(&"of processes"), first.text.as_str(), words.get(1).map(|w| w.text.as_str()))
            {
                let error =
                    ScriptError::new(first.span.to(words[1].span), "that a pool is of threads goes without saying");
                self.error(error.help(match o.args {
                    Some(_) => "leave it out".to_owned(),
                    None => format!("write `{} {}(3)`", spec.word, o.name.text),
                }));
                return None;
            }
            let begun = spec.options.iter().find(|o| o.split(' ').next() == Some(first.text.as_str()));
            let error = match (begun, words.get(1)) {
                (Some(option), Some(second)) => ScriptError::new(second.span, format!("expected `{option}`"))
                    .label("another word")
                    .help(format!("write `{option}`")),
                (Some(option), None) => ScriptError::new(first.span, format!("expected `{option}`"))
                    .label("not complete")
                    .help(format!("write `{option}`")),
                (None, _) => {
                    let text = format!("{} has no option `{}`", a(spec.word), first.text);
                    let error = ScriptError::new(first.span, text).label("unknown option");
                    match spec.options {
                        _ if matches!(first.text.as_str(), "recursive" | "rlock") && spec.word == "lock" => {
                            error.help("write `reentrant`")
                        }
                        _ if self.kind_named(&first.text).is_some() || Memory::from_word(&first.text).is_some() => {
                            error.help(format!(
                                "a declaration has a name: `{0} {1}` on a line of its own, if one is meant",
                                first.text,
                                &first.text[..1]
                            ))
                        }
                        [] => error.help("leave it out"),
                        options => error.help(format!("its options: {}", options.join(", "))),
                    }
                }
            };
            self.error(error);
            break;
        }
        Some(bits)
    }

    /// `semaphore s = 2`, `queue q maxsize = 3`: what is meant is an argument, and that stands in
    /// parentheses. With it whether the mend is the whole of what to write.
    fn init_of_object(&self, o: &ast::Object, init: &Expr, spec: &KindSpec) -> (ScriptError, bool) {
        let (word, name) = (spec.word, &o.name.text);
        let count = o.count.as_ref().map_or(String::new(), |count| format!("[{}]", count.span.text(self.source)));
        let error = ScriptError::new(init.span, format!("{} has no first value", a(word)));
        let made = made_as(init, word);
        let Some(param) = spec.params.first() else {
            if let Some(option) = made {
                let said = o.options.first().map_or(option.to_owned(), |option| format!(" {}", option.text));
                return (error.help(format!("write `{word} {name}{count}{said}`")), true);
            }
            let help = format!("write `{word} {name}{count}`, or `var {name}{count} = …` for memory");
            return (error.help(help), false);
        };
        let said: Vec<&str> = o.options.iter().map(|option| option.text.as_str()).collect();
        let options = match said.join(" ") {
            words if words.is_empty() => words,
            words if spec.options.contains(&words.as_str()) => format!(" {words}"),
            words if meant_by(&words, spec.params).is_some() => String::new(),
            _ => return (error.help(format!("write `{word} {name}{count}`")), false),
        };
        use ExprKind::{Binary, Call, Field, Index, Int, Name, Paren, Unary};
        let fits = match param.object {
            Some(_) => matches!(init.kind, Name(_) | Index { .. } | Field { .. }),
            None => matches!(init.kind, Int(_) | Name(_) | Binary { .. } | Unary { .. } | Paren(_)),
        };
        let given = match (&o.args, &init.kind) {
            (Some(args), _) => self.written(args),
            (None, Call { args, .. }) if made.is_some() && (!args.is_empty() || param.default.is_some()) => {
                self.written(args)
            }
            _ if fits => init.span.text(self.source).to_owned(),
            _ if param.default.is_some() => String::new(),
            _ => example(param).to_owned(),
        };
        let given = if given.is_empty() { given } else { format!("({given})") };
        (error.help(format!("write `{word} {name}{count}{given}{options}`")), true)
    }

    /// `lock m(reentrant: true)`: what stands behind a declaration is no argument of it.
    fn no_option_as_argument(&mut self, o: &ast::Object, kind: u8) -> Option<()> {
        let spec = self.spec(kind);
        let said = |arg: &ast::Arg| {
            let word = match (&arg.name, &arg.value.kind) {
                (Some(name), _) => name.text.as_str(),
                (None, ExprKind::Name(word)) if self.globals.get(word).is_none() => word.as_str(),
                _ => return None,
            };
            spec.options.iter().copied().find(|phrase| phrase.split(' ').any(|said| said == word))
        };
        let written = o.args.as_deref().unwrap_or(&[]);
        let Some((arg, phrase)) = written.iter().find_map(|arg| Some((arg, said(arg)?))) else { return Some(()) };
        // `pool p(processes: 3)` says how many, too.
        let is_said =
            |arg: &&ast::Arg| said(arg).is_some() && matches!(arg.value.kind, ExprKind::Bool(_) | ExprKind::Name(_));
        let others = written.iter().filter(|arg| !is_said(arg)).map(|arg| arg.value.span.text(self.source));
        let others = others.collect::<Vec<_>>().join(", ");
        let others = if others.is_empty() { others } else { format!("({others})") };
        let span = arg.name.as_ref().map_or(arg.value.span, |name| name.span);
        let error = ScriptError::new(span, format!("`{phrase}` is an option of {}, and no argument", a(spec.word)));
        let help = format!("it stands behind: `{} {}{others} {phrase}`", spec.word, o.name.text);
        self.error(error.help(help));
        None
    }

    /// The arguments of a declaration in the order of the kind's parameters.
    fn object_args(&mut self, o: &ast::Object, kind: u8) -> Option<Vec<Value>> {
        let spec = self.spec(kind);
        let written = o.args.as_deref().unwrap_or(&[]);
        self.no_option_as_argument(o, kind)?;
        let places = self.match_args(written, Taker::Maker(kind), o.span)?;
        let mut values = Vec::new();
        for (param, place) in spec.params.iter().zip(places) {
            values.push(match place {
                Some(i) => {
                    self.not_made_in_place(o, param.object, &written[i].value, &[])?;
                    let value = self.eval(&written[i].value)?;
                    self.check_object_arg(param.object, &value, written[i].value.span)?;
                    value
                }
                None => default_value(param.default),
            });
        }
        Some(values)
    }

    /// What no object can be made with: `queue q(-1)`, `pool p(0)`.
    pub(super) fn check_made(&mut self, kind: u8, args: &[Value], options: u32, written: &[ast::Arg], name: Span) {
        if let Some(text) = self.spec(kind).refuses(args, options) {
            let place = written.first().map_or(name, |arg| arg.value.span);
            let word = self.spec(kind).word;
            self.error(ScriptError::new(place, text).help(format!("such as `{word} {}(2)`", &word[..1])));
        }
    }

    /// `condition c(lock())`: the object that a declaration takes has one of its own; that of a
    /// field stands among the `fields`.
    fn not_made_in_place(
        &mut self,
        o: &ast::Object,
        wanted: Option<&'static str>,
        arg: &Expr,
        fields: &[Field],
    ) -> Option<()> {
        let Some((wanted, option)) = wanted.and_then(|wanted| Some((wanted, made_as(arg, wanted)?))) else {
            return Some(());
        };
        let names = ["m", "mu"].into_iter().map(str::to_owned).chain((2..).map(|n| format!("m{n}")));
        let is_free = |name: &String| {
            self.globals.get(name).is_none() && *name != o.name.text && fields.iter().all(|f| f.name != *name)
        };
        let name = names.into_iter().find(is_free)?;
        let error = ScriptError::new(arg.span, format!("this must name {}", a(wanted)));
        let help = format!("declare it: `{wanted} {name}{option}; {} {}({name})`", o.kind.text, o.name.text);
        self.error(error.label(format!("not the name of {}", a(wanted))).help(help));
        None
    }

    fn check_object_arg(&mut self, wanted: Option<&'static str>, value: &Value, span: Span) -> Option<()> {
        let Some(wanted) = wanted else { return Some(()) };
        match value {
            Value::Object(o) if self.spec(o.kind).word == wanted => Some(()),
            _ => {
                let error =
                    ScriptError::new(span, format!("this must name {}", a(wanted))).label(format!("not {}", a(wanted)));
                self.error(error.help(format!("declare one, `{wanted} m`, and name it here")));
                None
            }
        }
    }

    fn fields(&mut self, s: &ast::Struct) {
        let Some(Global::Struct(index)) = self.globals.get(&s.name.text).cloned() else { return };
        let mut fields: Vec<Field> = Vec::new();
        let (mut homes, mut objects) = ([0u32; 2], 0u32);
        for f in &s.fields {
            if let Some(first) = fields.iter().find(|g| g.name == f.name.text) {
                let error =
                    ScriptError::new(f.name.span, format!("`{}` has two fields `{}`", s.name.text, f.name.text))
                        .related(first.span, "first here")
                        .help("give one of them another name");
                self.error(error);
                continue;
            }
            let count = self.count(f);
            let places = count.unwrap_or(1);
            let what = if let Some(memory) = Memory::from_word(&f.kind.text) {
                let init = self.memory_init(f, memory);
                let home = usize::from(memory != Memory::Var);
                homes[home] += places;
                FieldKind::Memory { memory, first: homes[home] - places, init }
            } else if let Some(kind) = self.kind_named(&f.kind.text) {
                let options = self.options(f, kind).unwrap_or_default();
                objects += places;
                // Its arguments may name a field that comes later.
                FieldKind::Object { kind, first: objects - places, args: Vec::new(), options }
            } else {
                let error = ScriptError::new(f.kind.span, format!("`{}` is no kind of object", f.kind.text))
                    .label("no such kind");
                let kinds =
                    self.kinds.iter().filter(|k| !k.internal).map(|k| k.word).chain(["var", "shared", "atomic"]);
                self.error(match (foreign_kind(&f.kind.text), nearest(&f.kind.text, kinds)) {
                    (Some(meant), _) => error.help(format!("write `{}`", meant.replace("NAME", &f.name.text))),
                    (None, Some(near)) => error.help(format!("did you mean `{near}`?")),
                    (None, None) => error.help("a field is declared as `lock mu`, `var x = 0`"),
                });
                continue;
            };
            let symbol = self.symbol(&f.name.text);
            self.names.define_field(&f.name.text, f.name.span, self.kind_word(&f.kind.text), count.is_some());
            fields.push(Field { name: f.name.text.clone(), symbol, count, what, span: f.name.span });
        }
        for f in &s.fields {
            let Some(place) = fields.iter().position(|g| g.span == f.name.span) else { continue };
            let FieldKind::Object { kind, .. } = fields[place].what else { continue };
            // What its first value was meant to be has been told, and that is its argument.
            if f.init.is_some() {
                continue;
            }
            let Some(filled) = self.field_args(f, kind, &fields) else { continue };
            let known = |arg: &FieldArg| if let FieldArg::Value(v) = arg { Some(v.clone()) } else { None };
            if let Some(values) = filled.iter().map(known).collect::<Option<Vec<Value>>>() {
                self.check_made(kind, &values, 0, f.args.as_deref().unwrap_or(&[]), f.name.span);
            }
            if let FieldKind::Object { args, .. } = &mut fields[place].what {
                *args = filled;
            }
        }
        self.program.structs[index as usize].fields = fields;
    }

    fn field_args(&mut self, f: &ast::Object, kind: u8, fields: &[Field]) -> Option<Vec<FieldArg>> {
        let spec = self.spec(kind);
        let written = f.args.as_deref().unwrap_or(&[]);
        self.no_option_as_argument(f, kind)?;
        let places = self.match_args(written, Taker::Maker(kind), f.span)?;
        let mut values = Vec::new();
        for (param, place) in spec.params.iter().zip(places) {
            let Some(i) = place else {
                values.push(FieldArg::Value(default_value(param.default)));
                continue;
            };
            let expr = &written[i].value;
            if let (ExprKind::Name(name), Some(wanted)) = (&expr.kind, param.object) {
                let sibling = fields.iter().find(|g| g.name == *name);
                if let Some(Field { what: FieldKind::Object { kind, first, .. }, .. }) = sibling
                    && self.spec(*kind).word == wanted
                {
                    self.names.used_field(expr.span, name);
                    values.push(FieldArg::Sibling(*first));
                    continue;
                }
            }
            self.not_made_in_place(f, param.object, expr, fields)?;
            let value = self.eval(expr)?;
            self.check_object_arg(param.object, &value, expr.span)?;
            values.push(FieldArg::Value(value));
        }
        Some(values)
    }
}

/// Whether a string of `-D` must have stood in quotes: without them it would be
/// another value.
fn is_literal(text: &str) -> bool {
    let literal = |e: Expr| matches!(e.kind, ExprKind::Int(_) | ExprKind::Duration(_) | ExprKind::Bool(_));
    crate::lang::parse::parse_expr(text).is_ok_and(literal)
}

/// Whether a value is what elsewhere makes an object of the kind `word`: `Queue(3)`,
/// `threading.RLock()`; with the option that this says.
fn made_as(init: &Expr, word: &str) -> Option<&'static str> {
    let ExprKind::Call { callee, .. } = &init.kind else { return None };
    let (ExprKind::Name(called) | ExprKind::Field { field: Name { text: called, .. }, .. }) = &callee.kind else {
        return None;
    };
    let declared = foreign_kind(called).and_then(|meant| meant.strip_prefix(word)?.strip_prefix(" NAME"));
    match (declared, called.to_lowercase()) {
        (Some(" reentrant"), _) => Some(" reentrant"),
        (Some(_), _) => Some(""),
        // `SimpleQueue`, `CyclicBarrier`
        (None, called) => called.ends_with(word).then_some(""),
    }
}

/// How what other languages call so is declared here.
fn foreign_kind(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "mutex" | "critical_section" | "spinlock" | "monitor" => "lock NAME",
        "rlock" | "recursive_mutex" | "reentrantlock" => "lock NAME reentrant",
        "rwmutex" | "shared_mutex" | "readwritelock" => "rwlock NAME",
        "sem" | "sem_t" | "sema" | "boundedsemaphore" => "semaphore NAME(1)",
        "cond" | "condvar" | "cv" | "condition_variable" | "pthread_cond_t" => "condition NAME(m)",
        "pthread_mutex_t" => "lock NAME",
        "channel" | "chan" | "fifo" | "pipe" | "mailbox" | "buffer" => "queue NAME(3)",
        "waitgroup" | "countdownlatch" | "counter" => "latch NAME(3)",
        "threadpool" | "executor" | "workers" => "pool NAME(3)",
        "flag" | "signal" => "event NAME",
        "variable" | "global_var" | "long" | "char" | "float" | "double" | "unsigned" | "size_t" | "bool_" => {
            "var NAME = 0"
        }
        "volatile_int" | "atomic_int" | "atomicinteger" => "atomic NAME = 0",
        _ => return None,
    })
}
