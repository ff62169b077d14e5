//! From the syntax tree to a `Program`: the order of the work, what all of it
//! shares, and the bodies of functions. Names and declarations are collected in
//! `declaration`; statements are in `statement`, expressions in `expression`. It
//! reports every error it finds.

use super::apart::Apart;
use super::code::*;
use super::constant::Constants;
use super::dictionary::Dictionary;
use super::kind::{Default as Missing, KindSpec, Memory};
use super::name::{Holding, Names, Symbol, What};
use super::reads::Reads;
use super::scope::{Frame, Global, Globals};
use super::table::Table;
use super::value::{Value, duration_text};
use crate::lang::ast::{self, Expr, ExprKind, Item, Name, Script, Span, Stmt};
use crate::lang::error::{ScriptError, Sort, nearest};
use crate::lang::parse::{ERRORS_GATHERED_MAX, Parsed, Statements, lone_expectation};
use crate::lang::word::{EXPECTABLE, a, is_of_word};
use std::collections::{HashMap, HashSet};

#[path = "argument.rs"]
mod argument;
#[path = "bounds.rs"]
mod bounds;
#[path = "certain.rs"]
mod certain;
#[path = "declaration.rs"]
mod declaration;
#[path = "effect.rs"]
mod effect;
#[path = "expected.rs"]
mod expected;
#[path = "expression.rs"]
mod expression;
#[path = "grow.rs"]
mod grow;
#[path = "statement.rs"]
mod statement;

pub use expected::{has_names, may_be_on};
pub use grow::{Entry, Growth};

/// Compiles a script; the errors are as many as were
/// [gathered](ERRORS_GATHERED_MAX). `defines` are the `-D NAME=VALUE` of the command line.
pub fn compile(
    script: &Script,
    source: &str,
    kinds: &'static [KindSpec],
    defines: &[(String, Value)],
) -> Result<Program, Vec<ScriptError>> {
    let mut compiler = Compiler::new(source, kinds);
    compiler.collect(script, defines);
    compiler.bodies(script);
    compiler.finish(ERRORS_GATHERED_MAX)
}

/// The names of a script and all its errors, also of one that could be read
/// only in part. `defines` are the `-D NAME=VALUE` of the command line.
pub fn analyse(
    parsed: Parsed,
    source: &str,
    kinds: &'static [KindSpec],
    defines: &[(String, Value)],
) -> (Script, Names, Vec<ScriptError>) {
    let Parsed { script, errors, lost, unsure, statements } = parsed;
    let Some(script) = script else { return (Script::default(), Names::default(), errors) };
    let mut compiler = Compiler::new(source, kinds);
    compiler.collect(&script, defines);
    compiler.bodies(&script);
    let names = std::mem::take(&mut compiler.names);
    compiler.errors = beyond(errors, [&lost, &unsure], compiler.errors, &names, (source, &statements));
    (script, names, compiler.finish(ERRORS_GATHERED_MAX).err().unwrap_or_default())
}

/// The errors in form, and of those in meaning all that do not follow from
/// them. `lost` is what could not be read, and `unsure` where blocks may begin or
/// end elsewhere than was meant.
fn beyond(
    mut form: Vec<ScriptError>,
    [lost, unsure]: [&[Span]; 2],
    mut meaning: Vec<ScriptError>,
    names: &Names,
    (source, statements): (&str, &Statements),
) -> Vec<ScriptError> {
    if form.is_empty() {
        return meaning;
    }
    meaning.retain(|error| !form.iter().any(|told| told.sort != Sort::Minor && error.span == told.span));
    if !lost.is_empty() {
        let free = |spans: &[Span], place: Span| !spans.iter().any(|s| meet(*s, place));
        // What is lost may have defined any name in it. So an unknown word is an
        // error only if nothing that is lost says it. A local elsewhere is another one, if
        // it is certain which block it stands in.
        let mut known: HashSet<&str> = HashSet::new();
        let mut locals: HashSet<&str> = HashSet::new();
        for symbol in names.symbols() {
            let is_local = matches!(symbol.what, What::Local | What::Parameter);
            match is_local && symbol.places.iter().all(|place| free(unsure, *place)) {
                true => locals.insert(&symbol.name),
                false => known.insert(&symbol.name),
            };
        }
        known.extend(lost.iter().flat_map(|span| words(span.text(source))));
        // `m` of `m.Lock()` is no module if something that is lost may have declared it.
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let declared: HashSet<&str> = lost.iter().flat_map(|span| span.text(source).split(|c| !is_part(c))).collect();
        let defined: HashSet<&str> = names
            .symbols()
            .iter()
            .filter(|symbol| !matches!(symbol.what, What::Local | What::Parameter))
            .filter(|symbol| symbol.places.iter().any(|place| lost.iter().any(|s| meet(*s, *place))))
            .map(|symbol| symbol.name.as_str())
            .collect();
        let all_free = |spans: &[Span], error: &ScriptError| {
            // What `-D` is told has no place.
            error.span.is_empty() || free(spans, error.span) && error.related.iter().all(|r| free(spans, r.0))
        };
        let word = |place: Span| source.get(place.start as usize..place.end as usize).unwrap_or("");
        meaning.retain(|error| match error.sort {
            Sort::Unknown => {
                let word = word(error.span);
                if let Some((module, _)) = word.split_once('.') {
                    return !declared.contains(module) && free(lost, error.span);
                }
                let of_another = !locals.contains(word) || free(unsure, error.span);
                !known.contains(word) && of_another && free(lost, error.span)
            }
            Sort::Nameless => all_free(lost, error),
            Sort::Placed => all_free(lost, error) && all_free(unsure, error),
            // What is named there may have been declared as something else.
            _ => {
                all_free(lost, error)
                    && !words(statements.around(source, error.span).text(source)).any(|word| defined.contains(word))
            }
        });
    }
    form.retain(|told| told.sort != Sort::Minor || !meaning.iter().any(|error| error.span == told.span));
    meaning.extend(form);
    meaning
}

fn meet(a: Span, b: Span) -> bool {
    a.start <= b.end && b.start <= a.end
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_of_word(c))
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
    symbols: Dictionary<u32>,
    /// The functions around the code being compiled; the innermost last.
    frames: Vec<Frame>,
    /// Locals of `main` at the top level, for the message about them.
    main_locals: Dictionary<Span>,
    /// What the value being compiled will be kept in, to name new objects.
    keeper: Vec<String>,
    /// Every field name of every struct.
    field_names: Vec<String>,
    /// Every name of a declaration.
    later: HashSet<String>,
    /// The constants whose place in the script has not been come to yet.
    below: HashSet<String>,
    /// What the parameters of the functions of this text are called.
    parameter_names: HashMap<u32, Vec<String>>,
    /// Where names are defined and used, for editors.
    names: Names,
    /// Methods called on locals that hold a task so far, by where the local is
    /// defined: errors unless it is given something else further on.
    of_tasks: Vec<(Span, ScriptError)>,
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
            symbols: Dictionary::default(),
            frames: Vec::new(),
            main_locals: Dictionary::default(),
            keeper: Vec::new(),
            field_names: Vec::new(),
            later: HashSet::new(),
            below: HashSet::new(),
            parameter_names: HashMap::new(),
            names: Names::default(),
            of_tasks: Vec::new(),
            before: grow::Before::default(),
        }
    }

    fn finish(mut self, errors_max: usize) -> Result<Program, Vec<ScriptError>> {
        if self.errors.is_empty() {
            self.program.apart = Apart::of(&self.program);
            return Ok(self.program);
        }
        self.keep_errors(errors_max);
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
        self.symbols.insert(name, symbol);
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
            below: &self.below,
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
                if !error.message.is_empty() {
                    self.error(error);
                }
                None
            }
        }
    }

    fn define(&mut self, name: &Name, global: Global) {
        if name.text == "self" {
            let error = ScriptError::new(name.span, "`self` is the running task").label("taken");
            return self.error(error);
        }
        // In a program that grows, `main` has the locals of the texts before; of this one none
        // has come yet.
        let local = self.main_local(&name.text).map_or(Ok(()), Err);
        let defined = local.and_then(|()| self.globals.define(&name.text, global, name.span));
        if let Err(first) = defined {
            let error = ScriptError::new(name.span, format!("`{}` is defined twice", name.text))
                .label("defined again")
                .related(first, "first defined here")
                .help("names live in one space: give one of them another name")
                .placed();
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
            ExprKind::Name(name) => match self.globals.span(name).or_else(|| self.main_local(name)) {
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

    // ------------------------------------------------------------- the bodies

    fn bodies(&mut self, script: &Script) {
        let main: Vec<&Stmt> =
            script.items.iter().filter_map(|i| if let Item::Stmt(s) = i { Some(s) } else { None }).collect();
        for stmt in &main {
            if let ast::StmtKind::Let { name, .. } = &stmt.kind {
                self.main_locals.insert(name.text.as_str(), name.span);
            }
        }
        let end = Span::new(self.source.len(), self.source.len());
        self.main_body(&main, end);
        let mut search = effect::Search::new(script, self.kinds);
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
                Item::Finally { body, span } => {
                    self.needs_nobody(body, &mut search);
                    self.finally(body, *span);
                }
                Item::Invariant { condition, span } => {
                    self.only_looks(condition, &mut search, "an `invariant`");
                    self.invariant(condition, *span);
                }
                Item::Expect(e) => self.expect(e, &mut search),
                _ => {}
            }
        }
        for (local, error) in std::mem::take(&mut self.of_tasks) {
            if self.names.held(local) != Holding::Unknown {
                self.error(error);
            }
        }
        // A session has names that this text does not say.
        if !self.before.grows {
            self.check_expected_names(script);
            self.check_main(script);
        }
        self.awaits_choose_nothing();
        self.check_bounds(script);
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
                .help("put both into one")
                .placed();
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
        let reads = Reads::of_invariant(&self.program, &self.program.functions[index as usize]);
        self.program.invariants.push((index, reads));
        self.program.needs.gate = true;
    }

    fn expect<'a>(&mut self, e: &'a ast::Expect, search: &mut effect::Search<'a>) {
        match e {
            ast::Expect::Code { on, .. } => on.iter().for_each(|e| self.mention(e)),
            ast::Expect::Some { condition, .. } | ast::Expect::Every { condition, .. } => self.mention(condition),
        }
        if let ast::Expect::Code { code, on, .. } = e {
            if matches!(code.text.as_str(), "some" | "every") {
                let text = format!("`expect {}` needs its condition", code.text);
                self.error(ScriptError::new(code.span, text).help(format!("write `expect {} x == 1`", code.text)));
            } else if !EXPECTABLE.contains(&code.text.as_str()) {
                let error = ScriptError::new(code.span, format!("`{}` is no finding", code.text));
                let help = lone_expectation(&code.text);
                self.error(error.label("unknown code").nameless().help(help));
            }
            if code.text == "ok" && !on.is_empty() {
                let error = ScriptError::new(on[0].span, "`expect ok` names nothing");
                self.error(error.help("write `expect ok` alone, or the code of a finding before `on`"));
            }
            self.contradiction(code);
        }
        if let ast::Expect::Some { condition, span } | ast::Expect::Every { condition, span } = e {
            self.only_looks(condition, search, "what a script claims");
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
    /// Who comes from other languages expects that a function of this name runs by itself.
    fn check_main(&mut self, script: &Script) {
        let is_main = |item: &&ast::Function| item.name.text == "main";
        let functions = script.items.iter().filter_map(|item| match item {
            Item::Function(function) => Some(function),
            _ => None,
        });
        let Some(main) = functions.into_iter().find(is_main) else { return };
        let is_it = |symbol: &&Symbol| symbol.places.contains(&main.name.span);
        let used = self.names.symbols().iter().find(is_it).is_some_and(|symbol| !self.names.uses(symbol).is_empty());
        if !used {
            let error = ScriptError::new(main.name.span, "nothing spawns or calls this `main`");
            let help = "what stands outside of all blocks is `main` already: put the statements there, or write \
                        `main()` there";
            self.error(error.label("never runs").help(help));
        }
    }

    /// `expect ok` leaves room for notes only.
    fn contradiction(&mut self, code: &ast::Name) {
        // What is no finding has been told, and may be a note.
        let is_note =
            |word: &str| !EXPECTABLE.contains(&word) || EXPECTABLE[EXPECTABLE.len() - NOTES..].contains(&word);
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

/// `no argument`, `1 argument`, `3 arguments`.
pub fn arguments(n: usize) -> String {
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
    let defaults = |m: &super::kind::Method| m.params.iter().map(|p| default_value(p.default)).collect();
    Program {
        kinds,
        code: Table::default(),
        spans: Table::default(),
        constants: Table::default(),
        symbols: Table::default(),
        functions: Table::default(),
        main: 0,
        finally: None,
        invariants: Table::default(),
        claims: Table::default(),
        memory: Table::default(),
        cells: Table::default(),
        memory_rows: Table::default(),
        objects: Table::default(),
        object_rows: Table::default(),
        structs: Table::default(),
        calls: Table::default(),
        withs: Table::default(),
        spawns: Table::default(),
        selects: Table::default(),
        news: Table::default(),
        records: Table::default(),
        awaits: 0,
        error_kinds: Table::default(),
        expects: Table::default(),
        consts: Table::default(),
        defaults: std::sync::Arc::new(kinds.iter().map(|k| k.methods.iter().map(defaults).collect()).collect()),
        needs: Needs::default(),
        apart: Apart::default(),
    }
}
