//! From the syntax tree to a `Program`: collects the names, lays out declared
//! memory and objects, and compiles each function. Statements are in
//! `statement`, expressions in `expression`. It reports every error it finds.

use super::code::*;
use super::constant::Constants;
use super::kind::{Default as Missing, KindSpec, Memory};
use super::name::{Names, What};
use super::scope::{Frame, Global, Globals};
use super::value::{Value, duration_text};
use crate::lang::ast::{self, Expr, ExprKind, Item, Name, Script, Span, Stmt};
use crate::lang::error::{ScriptError, nearest};
use crate::lang::parse::{ERRORS_GATHERED_MAX, ERRORS_MAX, Parsed};
use std::collections::{HashMap, HashSet};

#[path = "expression.rs"]
mod expression;
#[path = "grow.rs"]
mod grow;
#[path = "statement.rs"]
mod statement;

pub use grow::{Entry, Growth};

/// The most places or objects one declaration may make.
const COUNT_MAX: i64 = 10_000_000;

/// Compiles a script. `defines` are the `-D NAME=VALUE` of the command line.
pub fn compile(
    script: &Script,
    source: &str,
    kinds: &'static [KindSpec],
    defines: &[(String, Value)],
) -> Result<Program, Vec<ScriptError>> {
    let mut compiler = Compiler::new(source, kinds);
    compiler.collect(script, defines);
    compiler.bodies(script);
    compiler.finish()
}

/// The names of a script and all its errors, also of one that could be read
/// only in part. `defines` are the `-D NAME=VALUE` of the command line.
pub fn analyse(
    parsed: Parsed,
    source: &str,
    kinds: &'static [KindSpec],
    defines: &[(String, Value)],
) -> (Script, Names, Vec<ScriptError>) {
    let Parsed { script, errors, lost } = parsed;
    let Some(script) = script else { return (Script::default(), Names::default(), errors) };
    let mut compiler = Compiler::new(source, kinds);
    compiler.collect(&script, defines);
    compiler.bodies(&script);
    let names = std::mem::take(&mut compiler.names);
    compiler.errors = beyond(errors, &lost, compiler.errors, &names, source);
    (script, names, compiler.finish().err().unwrap_or_default())
}

/// The errors in form, and of those in meaning all that do not follow from
/// them. `lost` is what could not be read.
fn beyond(
    form: Vec<ScriptError>,
    lost: &[Span],
    mut meaning: Vec<ScriptError>,
    names: &Names,
    source: &str,
) -> Vec<ScriptError> {
    if form.is_empty() {
        return meaning;
    }
    meaning.retain(|error| !form.iter().any(|told| error.span == told.span));
    if !lost.is_empty() {
        // Blocks may begin and end elsewhere than was meant, and what is lost
        // may have defined any name in it. So it is an error only if a word is
        // not known that the whole script says nowhere else.
        let mut known: HashSet<&str> = names.symbols().iter().map(|symbol| symbol.name.as_str()).collect();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        known.extend(lost.iter().flat_map(|span| span.text(source).split(|c| !is_word(c))));
        let read = |place: Span| !lost.iter().any(|lost| lost.start <= place.end && place.start <= lost.end);
        meaning.retain(|e| e.unknown.as_deref().is_some_and(|word| !known.contains(word)) && read(e.span));
    }
    meaning.extend(form);
    meaning
}

/// The nearest declared `const` for a `-D` that names none.
pub fn unknown_define<'a>(name: &str, program: &'a Program) -> Option<&'a str> {
    nearest(name, program.consts.iter().map(|c| c.0.as_str()))
}

pub(super) struct Compiler<'s> {
    source: &'s str,
    kinds: &'static [KindSpec],
    globals: Globals,
    program: Program,
    errors: Vec<ScriptError>,
    /// Where the last error stands that may be told, once there are enough.
    errors_end: Option<u32>,
    /// Where each line begins.
    lines: Vec<u32>,
    symbols: HashMap<String, u32>,
    /// The functions around the code being compiled; the innermost last.
    frames: Vec<Frame>,
    /// Locals of `main` at the top level, for the message about them.
    main_locals: HashMap<String, Span>,
    /// What the value being compiled will be kept in, to name new objects.
    keeper: Vec<String>,
    /// Every field name of every struct.
    field_names: Vec<String>,
    /// Every name of a declaration.
    later: HashSet<String>,
    /// Where names are defined and used, for editors.
    names: Names,
    /// What was there before this text, in a program that grows.
    before: grow::Before,
}

/// The functions that the language has.
pub const BUILTINS: [&str; 9] = ["len", "min", "max", "abs", "str", "int", "choose", "fork", "wait"];

impl<'s> Compiler<'s> {
    fn new(source: &'s str, kinds: &'static [KindSpec]) -> Compiler<'s> {
        Compiler {
            source,
            kinds,
            globals: Globals::default(),
            program: empty_program(kinds),
            errors: Vec::new(),
            errors_end: None,
            lines: std::iter::once(0)
                .chain(source.bytes().zip(1..).filter(|(b, _)| *b == b'\n').map(|b| b.1))
                .collect(),
            symbols: HashMap::new(),
            frames: Vec::new(),
            main_locals: HashMap::new(),
            keeper: Vec::new(),
            field_names: Vec::new(),
            later: HashSet::new(),
            names: Names::default(),
            before: grow::Before::default(),
        }
    }

    fn finish(mut self) -> Result<Program, Vec<ScriptError>> {
        if self.errors.is_empty() {
            return Ok(self.program);
        }
        self.keep_errors(ERRORS_MAX);
        Err(self.errors)
    }

    /// In order of place, each once, the first so many.
    fn keep_errors(&mut self, max: usize) {
        self.errors.sort_by_key(|e| (e.span.start, e.span.end));
        self.errors.dedup();
        self.errors.truncate(max);
    }

    // ------------------------------------------------------------- small ones

    pub(super) fn error(&mut self, error: ScriptError) {
        if self.is_beyond(error.span) {
            return;
        }
        self.errors.push(error);
        if self.errors.len() >= 2 * ERRORS_GATHERED_MAX {
            self.keep_errors(ERRORS_GATHERED_MAX);
            if self.errors.len() == ERRORS_GATHERED_MAX {
                self.errors_end = self.errors.last().map(|e| e.span.start);
            }
        }
    }

    /// Whether an error at this place will not be told, since there are enough
    /// before it.
    pub(super) fn is_beyond(&self, place: Span) -> bool {
        self.errors_end.is_some_and(|end| end < place.start)
    }

    pub(super) fn symbol(&mut self, name: &str) -> u32 {
        if let Some(s) = self.symbols.get(name) {
            return *s;
        }
        let symbol = self.program.symbols.len() as u32;
        self.program.symbols.push(name.to_string());
        self.symbols.insert(name.to_string(), symbol);
        symbol
    }

    pub(super) fn emit(&mut self, instr: Instr, span: Span) -> Pc {
        self.program.code.push(instr);
        self.program.spans.push(span);
        (self.program.code.len() - 1) as Pc
    }

    pub(super) fn here(&self) -> Pc {
        self.program.code.len() as Pc
    }

    /// Points a jump that was emitted before at the next instruction.
    pub(super) fn land(&mut self, jump: Pc) {
        let here = self.here();
        let target = match &mut self.program.code[jump as usize] {
            Instr::Jump(t)
            | Instr::JumpIfFalse(t)
            | Instr::JumpIfFalseKeep(t)
            | Instr::JumpIfTrueKeep(t)
            | Instr::PushHandler(t)
            | Instr::RepeatNext { end: t, .. }
            | Instr::RangeNext { end: t, .. }
            | Instr::EachNext { end: t, .. }
            | Instr::IfGiven { given: t, .. }
            | Instr::IfKind { otherwise: t, .. } => t,
            _ => return,
        };
        *target = here;
    }

    pub(super) fn constant(&mut self, value: Value) -> u32 {
        self.program.constants.push(value);
        (self.program.constants.len() - 1) as u32
    }

    pub(super) fn frame(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    pub(super) fn line(&self, span: Span) -> usize {
        self.before.lines + self.lines.partition_point(|begin| *begin <= span.start)
    }

    pub(super) fn kind_named(&self, word: &str) -> Option<u8> {
        self.kinds.iter().position(|k| k.word == word && !k.internal).map(|i| i as u8)
    }

    /// The word of a kind, of memory too, that is known to exist.
    fn kind_word(&self, word: &str) -> &'static str {
        match Memory::from_word(word) {
            Some(memory) => memory.word(),
            None => self.kind_named(word).map_or("", |k| self.spec(k).word),
        }
    }

    pub(super) fn spec(&self, kind: u8) -> &'static KindSpec {
        &self.kinds[kind as usize]
    }

    fn eval(&mut self, expr: &Expr) -> Option<Value> {
        self.mention(expr);
        let objects = &self.program.objects;
        let rows = &self.program.object_rows;
        let constants = Constants {
            globals: &self.globals,
            later: &self.later,
            told: !self.is_beyond(expr.span),
            kind_of: &|id| objects[id as usize].kind,
            row_of: &|row| {
                let r = &rows[row as usize];
                (r.first, r.count, r.kind)
            },
        };
        match constants.eval(expr) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(error);
                None
            }
        }
    }

    fn define(&mut self, name: &Name, global: Global) {
        if name.text == "self" {
            let error = ScriptError::new(name.span, "`self` is the running task").label("taken");
            return self.error(error);
        }
        if let Err(first) = self.globals.define(&name.text, global, name.span) {
            let error = ScriptError::new(name.span, format!("`{}` is defined twice", name.text))
                .label("defined again")
                .related(first, "first defined here")
                .help("names live in one space: give one of them another name");
            return self.error(error);
        }
        let (what, kind, row) = self.nature(&name.text);
        self.names.define(&name.text, name.span, what, kind, row);
    }

    /// What a script-wide name is to an editor.
    fn nature(&self, name: &str) -> (What, Option<&'static str>, bool) {
        match self.globals.get(name) {
            None | Some(Global::Const(_)) => (What::Const, None, false),
            Some(Global::Memory(m)) => {
                let memory = &self.program.memory[*m as usize];
                (What::Memory, Some(memory.memory.word()), memory.count.is_some())
            }
            Some(Global::Object(id)) => {
                (What::Object, Some(self.spec(self.program.objects[*id as usize].kind).word), false)
            }
            Some(Global::ObjectRow(row)) => {
                (What::Object, Some(self.spec(self.program.object_rows[*row as usize].kind).word), true)
            }
            Some(Global::Struct(_)) => (What::Struct, None, false),
            Some(Global::Function(f)) => match self.program.functions[*f as usize].kind {
                FunctionKind::Fn => (What::Fn, None, false),
                _ => (What::Task, None, false),
            },
        }
    }

    /// The names in an expression that is not compiled: a constant one, or one
    /// of an `expect`, which may also name locals of `main` and fields.
    pub(super) fn mention(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Name(name) => match self.globals.span(name).or_else(|| self.main_locals.get(name).copied()) {
                Some(defined) => self.names.used(expr.span, defined),
                None => self.names.used_field(expr.span, name),
            },
            ExprKind::Paren(inner) | ExprKind::Unary { value: inner, .. } => self.mention(inner),
            ExprKind::List(items) => items.iter().for_each(|e| self.mention(e)),
            ExprKind::Binary { left, right, .. } => [left, right].into_iter().for_each(|e| self.mention(e)),
            ExprKind::Str(parts) => parts.iter().for_each(|p| {
                if let ast::StrPart::Expr(e) = p {
                    self.mention(e);
                }
            }),
            ExprKind::Index { object, index } => [object, index].into_iter().for_each(|e| self.mention(e)),
            ExprKind::Field { object, field } => {
                self.mention(object);
                self.names.used_field(field.span, &field.text);
            }
            ExprKind::Call { callee, args } => {
                self.mention(callee);
                args.iter().for_each(|a| self.mention(&a.value));
            }
            _ => {}
        }
    }

    /// A block begins: its locals are its own.
    pub(super) fn enter(&mut self) {
        self.frame().open();
        self.names.enter();
    }

    pub(super) fn leave(&mut self, block: Span) {
        self.frame().close();
        self.names.leave(block.end);
    }

    // -------------------------------------------------------------- the names

    fn collect(&mut self, script: &Script, defines: &[(String, Value)]) {
        let declared = |i: &Item| if let Item::Object(o) = i { Some(o.name.text.clone()) } else { None };
        self.later = script.items.iter().filter_map(declared).collect();
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
        let defined = defines.iter().rev().find(|d| d.0 == c.name.text).map(|d| d.1.clone());
        let Some(written) = self.eval(&c.value) else {
            self.define(&c.name, Global::Const(Value::None));
            return;
        };
        let value = self.overridden(c, written, defined);
        self.program.consts.push((c.name.text.clone(), value.clone()));
        self.define(&c.name, Global::Const(value));
    }

    /// What a constant is with the value of a `-D`, which must be of the kind
    /// that the script is written for.
    fn overridden(&mut self, c: &ast::Const, written: Value, defined: Option<Value>) -> Value {
        let Some(defined) = defined else { return written };
        let text = match &defined {
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
                let text = format!("-D {name}={text} gives {given}, but `{own}` is {wanted}");
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
            if let Some(p) = f.params.iter().skip(required).find(|p| p.default.is_none()) {
                let error =
                    ScriptError::new(p.name.span, format!("`{}` has no default, and one before it has", p.name.text))
                        .help("parameters with a default come last");
                self.error(error);
            }
        }
    }

    fn count(&mut self, object: &ast::Object) -> Option<u32> {
        let count = object.count.as_ref()?;
        match self.eval(count)? {
            Value::Int(n) if (0..=COUNT_MAX).contains(&n) => Some(n as u32),
            _ => {
                let error = ScriptError::new(
                    count.span,
                    format!("the count of `{}` is a number from 0 to {COUNT_MAX}", object.name.text),
                );
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
            let statements =
                ["spawn", "print", "join", "let", "const", "task", "return", "submit", "terminate", "sleep"];
            let mut error =
                ScriptError::new(o.kind.span, format!("`{}` is no kind of object", o.kind.text)).label("no such kind");
            error = match nearest(&o.kind.text, words.chain(statements)) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("the kinds are var, shared, atomic, lock, rwlock, semaphore, condition, event, barrier, latch, queue and pool"),
            };
            self.error(error);
            self.define(&o.name, Global::Const(Value::None));
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
            self.program.memory[laid as usize].init = value;
            return;
        }
        let Some(kind) = self.kind_named(&o.kind.text) else { return };
        let options = self.options(o, kind);
        let Some(args) = self.object_args(o, kind) else { return };
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
            let error = ScriptError::new(span, format!("a {} takes no arguments", memory.word())).help(format!(
                "write `{} {} = …`",
                memory.word(),
                o.name.text
            ));
            self.error(error);
        }
        if let Some(option) = o.options.first() {
            let error = ScriptError::new(option.span, format!("a {} has no option `{}`", memory.word(), option.text));
            self.error(error);
        }
        match &o.init {
            Some(init) => self.eval(init).unwrap_or(Value::None),
            None => {
                let error = ScriptError::new(o.name.span, format!("`{}` has no first value", o.name.text))
                    .help(format!("write `{} {} = 0`", memory.word(), o.name.text));
                self.error(error);
                Value::None
            }
        }
    }

    fn options(&mut self, o: &ast::Object, kind: u8) -> u32 {
        let spec = self.spec(kind);
        if let Some(init) = &o.init {
            let error = ScriptError::new(init.span, format!("a {} has no first value", spec.word))
                .help(format!("write `{} {}`, or `var {} = …` for memory", spec.word, o.name.text, o.name.text));
            self.error(error);
        }
        let mut bits = 0;
        let mut words = &o.options[..];
        'words: while let Some(first) = words.first() {
            for (bit, phrase) in spec.options.iter().enumerate() {
                let parts: Vec<&str> = phrase.split(' ').collect();
                if words.len() >= parts.len() && parts.iter().zip(words).all(|(p, w)| *p == w.text) {
                    bits |= 1 << bit;
                    words = &words[parts.len()..];
                    continue 'words;
                }
            }
            let begun = spec.options.iter().find(|o| o.split(' ').next() == Some(first.text.as_str()));
            let error = match (begun, words.get(1)) {
                (Some(option), Some(second)) => {
                    ScriptError::new(second.span, format!("expected `{option}`")).label("another word")
                }
                (Some(option), None) => {
                    ScriptError::new(first.span, format!("expected `{option}`")).label("not complete")
                }
                (None, _) => {
                    let text = format!("a {} has no option `{}`", spec.word, first.text);
                    let error = ScriptError::new(first.span, text).label("unknown option");
                    match spec.options {
                        [] => error,
                        options => error.help(format!("its options: {}", options.join(", "))),
                    }
                }
            };
            self.error(error);
            break;
        }
        bits
    }

    /// The arguments of a declaration in the order of the kind's parameters.
    fn object_args(&mut self, o: &ast::Object, kind: u8) -> Option<Vec<Value>> {
        let spec = self.spec(kind);
        let written = o.args.as_deref().unwrap_or(&[]);
        let places = self.match_args(written, spec.params, o.span, &format!("a {}", spec.word))?;
        let mut values = Vec::new();
        for (param, place) in spec.params.iter().zip(places) {
            values.push(match place {
                Some(i) => {
                    let value = self.eval(&written[i].value)?;
                    self.check_object_arg(param.object, &value, written[i].value.span)?;
                    value
                }
                None => default_value(param.default),
            });
        }
        Some(values)
    }

    fn check_object_arg(&mut self, wanted: Option<&'static str>, value: &Value, span: Span) -> Option<()> {
        let Some(wanted) = wanted else { return Some(()) };
        match value {
            Value::Object(o) if self.spec(o.kind).word == wanted => Some(()),
            _ => {
                let error =
                    ScriptError::new(span, format!("this must name a {wanted}")).label(format!("not a {wanted}"));
                self.error(error);
                None
            }
        }
    }

    /// For each parameter the place of its argument; errors for the rest.
    pub(super) fn match_args(
        &mut self,
        args: &[ast::Arg],
        params: &[super::kind::Param],
        span: Span,
        what: &str,
    ) -> Option<Vec<Option<usize>>> {
        let mut places = vec![None; params.len()];
        let mut fine = true;
        for (i, arg) in args.iter().enumerate() {
            let place = match &arg.name {
                None => Some(i),
                Some(name) => {
                    let place = params.iter().position(|p| p.name == name.text);
                    if place.is_none() {
                        let mut error = ScriptError::new(name.span, format!("{what} has no parameter `{}`", name.text));
                        if let Some(near) = nearest(&name.text, params.iter().map(|p| p.name)) {
                            error = error.help(format!("did you mean `{near}`?"));
                        }
                        self.error(error);
                        fine = false;
                    }
                    place
                }
            };
            match place {
                Some(p) if p < params.len() && places[p].is_none() => places[p] = Some(i),
                Some(p) if p < params.len() => {
                    self.error(ScriptError::new(arg.value.span, format!("`{}` is given twice", params[p].name)));
                    fine = false;
                }
                Some(_) => {
                    let error = ScriptError::new(arg.value.span, format!("{what} takes {}", arguments(params.len())))
                        .label("too many");
                    self.error(error);
                    return None;
                }
                None => {}
            }
        }
        for (param, place) in params.iter().zip(&places) {
            if place.is_none() && param.default.is_none() && fine {
                let error =
                    ScriptError::new(span, format!("{what} needs its argument `{}`", param.name)).label("missing");
                self.error(error);
                fine = false;
            }
        }
        fine.then_some(places)
    }

    fn fields(&mut self, s: &ast::Struct) {
        let Some(Global::Struct(index)) = self.globals.get(&s.name.text).cloned() else { return };
        let mut fields: Vec<Field> = Vec::new();
        let (mut homes, mut objects) = ([0u32; 2], 0u32);
        for f in &s.fields {
            if let Some(first) = fields.iter().find(|g| g.name == f.name.text) {
                let error =
                    ScriptError::new(f.name.span, format!("`{}` has two fields `{}`", s.name.text, f.name.text))
                        .related(first.span, "first here");
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
                let options = self.options(f, kind);
                objects += places;
                // Its arguments may name a field that comes later.
                FieldKind::Object { kind, first: objects - places, args: Vec::new(), options }
            } else {
                let error = ScriptError::new(f.kind.span, format!("`{}` is no kind of object", f.kind.text))
                    .label("no such kind");
                self.error(error);
                continue;
            };
            let symbol = self.symbol(&f.name.text);
            self.names.define_field(&f.name.text, f.name.span, self.kind_word(&f.kind.text), count.is_some());
            fields.push(Field { name: f.name.text.clone(), symbol, count, what, span: f.name.span });
        }
        for f in &s.fields {
            let Some(place) = fields.iter().position(|g| g.span == f.name.span) else { continue };
            let FieldKind::Object { kind, .. } = fields[place].what else { continue };
            let filled = self.field_args(f, kind, &fields);
            if let (Some(filled), FieldKind::Object { args, .. }) = (filled, &mut fields[place].what) {
                *args = filled;
            }
        }
        self.program.structs[index as usize].fields = fields;
    }

    fn field_args(&mut self, f: &ast::Object, kind: u8, fields: &[Field]) -> Option<Vec<FieldArg>> {
        let spec = self.spec(kind);
        let written = f.args.as_deref().unwrap_or(&[]);
        let places = self.match_args(written, spec.params, f.span, &format!("a {}", spec.word))?;
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
            let value = self.eval(expr)?;
            self.check_object_arg(param.object, &value, expr.span)?;
            values.push(FieldArg::Value(value));
        }
        Some(values)
    }

    // ------------------------------------------------------------- the bodies

    fn bodies(&mut self, script: &Script) {
        let main: Vec<&Stmt> =
            script.items.iter().filter_map(|i| if let Item::Stmt(s) = i { Some(s) } else { None }).collect();
        for stmt in &main {
            if let ast::StmtKind::Let { name, .. } = &stmt.kind {
                self.main_locals.insert(name.text.clone(), name.span);
            }
        }
        let end = Span::new(self.source.len(), self.source.len());
        self.main_body(&main, end);
        for item in &script.items {
            match item {
                Item::Function(f) => {
                    if let Some(Global::Function(index)) = self.globals.get(&f.name.text).cloned()
                        && self.program.functions[index as usize].span == f.name.span
                    {
                        let close = Span::new((f.body.span.end as usize).saturating_sub(1), f.body.span.end as usize);
                        self.function(index, &f.params, close, |c| c.block_contents(&f.body));
                    }
                }
                Item::Finally { body, span } => self.finally(body, *span),
                Item::Invariant { condition, span } => self.invariant(condition, *span),
                Item::Expect(e) => self.expect(e),
                _ => {}
            }
        }
    }

    fn function(&mut self, index: u32, params: &[ast::Param], end: Span, body: impl FnOnce(&mut Self)) {
        let name = self.program.functions[index as usize].name.clone();
        let span = self.program.functions[index as usize].span;
        self.frames.push(Frame::new(name, false));
        self.names.enter();
        if index != self.program.main {
            self.names.body_of(span.to(end));
        }
        let entry = self.here();
        for p in params {
            self.define_local_as(&p.name, What::Parameter);
        }
        for (slot, p) in params.iter().enumerate() {
            if let Some(default) = &p.default {
                let given = self.emit(Instr::IfGiven { slot: slot as Slot, given: 0 }, p.name.span);
                self.expression(default);
                self.emit(Instr::Store(slot as Slot), p.name.span);
                self.land(given);
            }
        }
        body(self);
        self.emit(Instr::None, end);
        self.emit(Instr::Return, end);
        let slots = self.frame().slots;
        self.frames.pop();
        self.names.leave(end.end);
        let end = self.here();
        let f = &mut self.program.functions[index as usize];
        (f.entry, f.end, f.slots) = (entry, end, slots);
    }

    fn new_function(&mut self, name: &str, kind: FunctionKind, span: Span) -> u32 {
        let name = name.to_string();
        self.program.functions.push(Function { name, kind, entry: 0, end: 0, params: 0, required: 0, slots: 0, span });
        (self.program.functions.len() - 1) as u32
    }

    fn finally(&mut self, body: &ast::Block, span: Span) {
        if let Some(first) = self.program.finally {
            let first = self.since_before(first as usize, self.program.functions[first as usize].span);
            let error = ScriptError::new(span, "there are two `finally` blocks")
                .related(first, "the first")
                .help("put both into one");
            return self.error(error);
        }
        let index = self.new_function("finally", FunctionKind::Finally, span);
        self.program.finally = Some(index);
        self.function(index, &[], body.span, |c| c.block_contents(body));
    }

    fn invariant(&mut self, condition: &Expr, span: Span) {
        let index = self.new_function("invariant", FunctionKind::Invariant, span);
        self.function(index, &[], span, |c| {
            c.condition(condition);
            c.emit(Instr::Return, condition.span);
        });
        let reads = self.reads_of(condition);
        self.program.invariants.push((index, reads));
        self.program.needs.gate = true;
    }

    fn expect(&mut self, e: &ast::Expect) {
        match e {
            ast::Expect::Code { on, .. } => on.iter().for_each(|e| self.mention(e)),
            ast::Expect::Some { condition, .. } | ast::Expect::Every { condition, .. } => self.mention(condition),
        }
        if let ast::Expect::Code { code, on, .. } = e {
            use crate::lang::error::nearest;
            if !EXPECTABLE.contains(&code.text.as_str()) {
                let mut error = ScriptError::new(code.span, format!("`{}` is no finding", code.text))
                    .label("unknown code")
                    .unknown(code.text.as_str());
                error = match nearest(&code.text, EXPECTABLE) {
                    Some(near) => error.help(format!("did you mean `{near}`?")),
                    None => error.help(format!("the codes: {}", EXPECTABLE.join(", "))),
                };
                self.error(error);
            }
            if code.text == "ok" && !on.is_empty() {
                self.error(ScriptError::new(on[0].span, "`expect ok` names nothing"));
            }
            self.contradiction(code);
        }
        if let ast::Expect::Some { condition, span } | ast::Expect::Every { condition, span } = e {
            let function = self.new_function("expect", FunctionKind::Invariant, *span);
            self.function(function, &[], *span, |c| {
                c.condition(condition);
                c.emit(Instr::Return, condition.span);
            });
            let every = matches!(e, ast::Expect::Every { .. });
            self.program.claims.push(Claim { every, function, span: *span });
        }
        self.program.expects.push(e.clone());
    }
}

impl Compiler<'_> {
    /// `expect ok` leaves room for notes only.
    fn contradiction(&mut self, code: &ast::Name) {
        let is_note = |word: &str| EXPECTABLE[EXPECTABLE.len() - NOTES..].contains(&word);
        let against = |other: &ast::Name| (other.text == "ok") != (code.text == "ok") && !is_note(&other.text);
        let earlier = self.program.expects.iter().find_map(|e| match e {
            ast::Expect::Code { code: other, .. } if against(other) => Some(other.clone()),
            _ => None,
        });
        let Some(other) = earlier.filter(|_| !is_note(&code.text)) else { return };
        let text = format!("`expect {}` and `expect {}` contradict each other", other.text, code.text);
        let error =
            ScriptError::new(code.span, text).label("this cannot hold too").related(other.span, "expected here");
        self.error(error.help("`expect ok` says that nothing but notes is found"));
    }
}

/// How many of [`EXPECTABLE`], at its end, are notes.
const NOTES: usize = 5;

/// The codes of the language's section 8, and `ok`; the notes last.
pub const EXPECTABLE: [&str; 17] = [
    "ok",
    "race",
    "deadlock",
    "self-deadlock",
    "lock-order",
    "abandoned-lock",
    "lost-wakeup",
    "assertion",
    "invariant",
    "error",
    "livelock",
    "starvation",
    "orphan",
    "zombie",
    "dropped-jobs",
    "unjoined",
    "left-in-queue",
];

/// `no argument`, `1 argument`, `3 arguments`.
pub(super) fn arguments(n: usize) -> String {
    match n {
        0 => "no argument".to_string(),
        1 => "1 argument".to_string(),
        n => format!("{n} arguments"),
    }
}

pub(super) fn default_value(default: Option<Missing>) -> Value {
    match default {
        Some(Missing::Bool(b)) => Value::Bool(b),
        Some(Missing::Int(i)) => Value::Int(i),
        Some(Missing::None) | None => Value::None,
    }
}

fn empty_program(kinds: &'static [KindSpec]) -> Program {
    Program {
        kinds,
        code: Vec::new(),
        spans: Vec::new(),
        constants: Vec::new(),
        symbols: Vec::new(),
        functions: Vec::new(),
        main: 0,
        finally: None,
        invariants: Vec::new(),
        claims: Vec::new(),
        memory: Vec::new(),
        cells: Vec::new(),
        memory_rows: Vec::new(),
        objects: Vec::new(),
        object_rows: Vec::new(),
        structs: Vec::new(),
        calls: Vec::new(),
        withs: Vec::new(),
        spawns: Vec::new(),
        selects: Vec::new(),
        news: Vec::new(),
        records: Vec::new(),
        awaits: Vec::new(),
        error_kinds: Vec::new(),
        expects: Vec::new(),
        consts: Vec::new(),
        defaults: kinds
            .iter()
            .map(|k| k.methods.iter().map(|m| m.params.iter().map(|p| default_value(p.default)).collect()).collect())
            .collect(),
        needs: Needs::default(),
    }
}
