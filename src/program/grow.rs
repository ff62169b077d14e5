//! A program that grows by one text after another, as a session of the REPL
//! enters them. It owns what the compiler knows from the earlier texts and how
//! their places in the whole are told from those in the new one.
//!
//! A program only ever grows: code, functions, constants, places and objects
//! are appended, and every old number means what it meant. So a task that runs
//! can go on with the program it began with, or with any later one. A function
//! that is defined anew keeps its number: who begins with the later program
//! calls the new one. The old code stays, under another number.
//!
//! Each text makes a program of its own, since there may be tasks that look at the ones
//! before. What it costs to make and to keep is that text's own: all else is shared
//! (`table`, `dictionary`).

use super::*;
use crate::lang::ast::StmtKind;
use crate::lang::parse::ERRORS_MAX;
use crate::program::scope::{as_earlier, in_whole, is_earlier, place_of};

/// What was there before the text that is compiled.
#[derive(Clone, Default)]
pub(super) struct Before {
    pub grows: bool,
    /// Lines of the earlier texts.
    pub lines: usize,
    functions: usize,
    /// The body of `main` so far.
    main: Option<Frame>,
    /// Functions defined anew by this text, and the numbers of the old ones.
    redefined: Vec<(u32, u32)>,
}

/// What a text added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its statements, as a function over the locals so far.
    pub function: u32,
    /// The first place and the first object that it declared.
    pub first_cell: u32,
    pub first_object: u32,
    /// It defined a function anew.
    pub redefines: bool,
}

/// A program so far. See the head of the file.
#[derive(Clone)]
pub struct Growth {
    program: std::sync::Arc<Program>,
    globals: Globals,
    symbols: Dictionary<u32>,
    main: Frame,
    /// With places in the whole.
    main_locals: Dictionary<Span>,
    field_names: Vec<String>,
    text: String,
    lines: usize,
}

impl Growth {
    pub fn new(kinds: &'static [KindSpec]) -> Growth {
        let mut compiler = Compiler::new("", kinds);
        compiler.new_function("main", FunctionKind::Main, Span::default());
        compiler.function(0, &[], Span::default(), |_| {});
        Growth {
            program: std::sync::Arc::new(compiler.program),
            globals: compiler.globals,
            symbols: compiler.symbols,
            main: Frame::new("main".to_string(), false),
            main_locals: Dictionary::default(),
            field_names: Vec::new(),
            text: String::new(),
            lines: 0,
        }
    }

    pub fn program(&self) -> &std::sync::Arc<Program> {
        &self.program
    }

    /// All texts so far, one after the other. Places count from its beginning.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many lines these have.
    pub fn lines(&self) -> usize {
        self.lines
    }

    /// What a name stands for.
    pub fn global(&self, name: &str) -> Option<&Global> {
        self.globals.get(name)
    }

    /// Every name of a declaration, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.globals.names()
    }

    /// The locals of `main` and where they are kept.
    pub fn locals(&self) -> impl Iterator<Item = (&str, Slot)> {
        self.main.locals()
    }

    /// The program with one more text. Errors have places in the whole.
    pub fn extend(&self, script: &Script, text: &str) -> Result<(Growth, Entry), Vec<ScriptError>> {
        let base = self.text.len() as u32;
        let program = Program::clone(&self.program);
        let before = Before {
            grows: true,
            lines: self.lines,
            functions: program.functions.len(),
            main: Some(self.main.clone()),
            redefined: Vec::new(),
        };
        let mut compiler = Compiler {
            globals: self.globals.clone(),
            program,
            symbols: self.symbols.clone(),
            main_locals: self.main_locals.clone(),
            field_names: self.field_names.clone(),
            before,
            ..Compiler::new(text, self.program.kinds)
        };
        if let Some(main) = &mut compiler.before.main {
            main.settle(as_earlier);
        }
        compiler.collect(script, &[]);
        let function = compiler.program.functions.len() as u32;
        compiler.bodies(script);
        if !compiler.errors.is_empty() {
            return Err(compiler
                .finish(ERRORS_MAX)
                .err()
                .unwrap_or_default()
                .into_iter()
                .map(|e| moved(e, base))
                .collect());
        }
        let entry = Entry {
            function,
            first_cell: self.program.cells.len() as u32,
            first_object: self.program.objects.len() as u32,
            redefines: !compiler.before.redefined.is_empty(),
        };
        Ok((self.grown(compiler, text, base), entry))
    }

    fn grown(&self, mut compiler: Compiler, text: &str, base: u32) -> Growth {
        let mut main = compiler.before.main.take().unwrap_or_else(|| self.main.clone());
        main.settle(|span| in_whole(span, base));
        compiler.globals.settle(base);
        compiler.main_locals.seal(|span| *span = in_whole(*span, base));
        compiler.symbols.seal(|_| {});
        let old = &self.program;
        let program = &mut compiler.program;
        let shift = |span: &mut Span| *span = in_whole(*span, base);
        program.spans.change_from(old.spans.len()).for_each(shift);
        program.memory.change_from(old.memory.len()).for_each(|m| shift(&mut m.span));
        program.objects.change_from(old.objects.len()).for_each(|o| shift(&mut o.span));
        for structure in program.structs.change_from(old.structs.len()) {
            shift(&mut structure.span);
            structure.fields.iter_mut().for_each(|f| shift(&mut f.span));
        }
        program.selects.change_from(old.selects.len()).flat_map(|s| &mut s.arms).for_each(|a| shift(&mut a.span));
        let redefined = &compiler.before.redefined;
        let kept = |function: u32| redefined.iter().any(|r| r.1 == function);
        let new = (old.functions.len() as u32..program.functions.len() as u32).filter(|f| !kept(*f));
        for function in redefined.iter().map(|r| r.0).chain(new) {
            shift(&mut program.functions[function as usize].span);
        }
        program.seal();
        Growth {
            program: std::sync::Arc::new(compiler.program),
            globals: compiler.globals,
            symbols: compiler.symbols,
            main,
            main_locals: compiler.main_locals,
            field_names: compiler.field_names,
            text: format!("{}{text}", self.text),
            lines: self.lines + text.bytes().filter(|b| *b == b'\n').count(),
        }
    }
}

fn moved(mut error: ScriptError, base: u32) -> ScriptError {
    error.span = in_whole(error.span, base);
    error.related.iter_mut().for_each(|r| r.0 = in_whole(r.0, base));
    error
}

impl Compiler<'_> {
    /// Whether a function of an earlier text has this name; then the new one
    /// takes its number.
    pub(super) fn redefine(&mut self, name: &Name, function: &Function) -> bool {
        let Some(Global::Function(index)) = self.globals.get(&name.text).cloned() else { return false };
        if !self.globals.span(&name.text).is_some_and(is_earlier) {
            return false;
        }
        self.globals.redefine(&name.text, name.span);
        let old = std::mem::replace(&mut self.program.functions[index as usize], function.clone());
        self.before.redefined.push((index, self.program.functions.len() as u32));
        self.program.functions.push(old);
        true
    }

    /// Where a local of `main`'s outermost level is defined.
    pub(super) fn main_local(&self, name: &str) -> Option<Span> {
        place_of(&self.main_locals, name, |span| *span)
    }

    /// The place of something that may belong to an earlier text.
    pub(super) fn since_before(&self, function: usize, span: Span) -> Span {
        if function < self.before.functions { as_earlier(span) } else { span }
    }

    /// The statements of the outermost level.
    pub(super) fn main_body(&mut self, statements: &[&Stmt], end: Span) {
        let Some(frame) = self.before.main.take() else {
            return self.function(0, &[], end, |c| statements.iter().for_each(|s| c.statement(s)));
        };
        let index = self.new_function("main", FunctionKind::Main, end);
        self.frames.push(frame);
        let entry = self.here();
        let (last, first) = match statements.split_last() {
            // That a `join` came to its end is no news.
            Some((Stmt { kind: StmtKind::Expr(Expr { kind: ExprKind::Join { timeout: None, .. }, .. }), .. }, _)) => {
                (None, statements)
            }
            Some((Stmt { kind: StmtKind::Expr(value), .. }, first)) => (Some(value), first),
            _ => (None, statements),
        };
        first.iter().for_each(|s| self.statement(s));
        match last {
            Some(value) => self.expression(value),
            None => drop(self.emit(Instr::None, end)),
        }
        self.emit(Instr::Return, end);
        let slots = self.frame().slots;
        self.before.main = self.frames.pop();
        let end = self.here();
        let f = &mut self.program.functions[index as usize];
        (f.entry, f.end, f.slots) = (entry, end, slots);
    }
}
