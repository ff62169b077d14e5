//! An index that is known before the run, of a row or a list whose length is known: told where
//! it lies outside, since the run would raise `Index` there. It owns which code is certain to
//! be skipped, by a condition over constants or behind a `return`: a script may guard with its
//! `const`s what another `-D` makes right. In a `try` that catches `Index` nothing is told, the
//! error may be what is to be seen.

use super::*;
use crate::lang::ast::{Arg, BinaryOp, Block, Else, Expect, JoinWhat, SpawnWhat, StmtKind, StrPart, UnaryOp};
use crate::program::constant::no_place;
use crate::program::value::arithmetic;

impl Compiler<'_> {
    /// Asked when all names are known.
    pub(super) fn check_bounds(&mut self, script: &Script) {
        for item in &script.items {
            match item {
                Item::Const(item) => self.bounds_of(&item.value),
                // Counts and arguments are worked out by now, and told of there.
                Item::Object(_) | Item::Struct(_) => {}
                Item::Function(function) => {
                    function.params.iter().filter_map(|p| p.default.as_ref()).for_each(|e| self.bounds_of(e));
                    self.bounds_in(&function.body);
                }
                Item::Invariant { condition, .. } => self.bounds_of(condition),
                Item::Finally { body, .. } => _ = self.bounds_in(body),
                Item::Expect(Expect::Code { on, .. }) => on.iter().for_each(|e| self.bounds_of(e)),
                Item::Expect(Expect::Some { condition, .. } | Expect::Every { condition, .. }) => {
                    self.bounds_of(condition)
                }
                Item::Stmt(_) => {}
            }
        }
        // What is entered in a session runs at once, and the run tells.
        if self.before.grows {
            return;
        }
        let main = script.items.iter().filter_map(|item| if let Item::Stmt(s) = item { Some(s) } else { None });
        self.bounds_along(main);
    }

    fn bounds_in(&mut self, block: &Block) -> bool {
        self.bounds_along(block.stmts.iter())
    }

    /// Whether what follows these statements is never come to.
    fn bounds_along<'a>(&mut self, mut stmts: impl Iterator<Item = &'a Stmt>) -> bool {
        stmts.any(|stmt| self.bounds_of_stmt(stmt))
    }

    fn bounds_of_stmt(&mut self, stmt: &Stmt) -> bool {
        match &stmt.kind {
            StmtKind::Let { value: e, .. }
            | StmtKind::Expr(e)
            | StmtKind::Terminate(e)
            | StmtKind::Kill(e)
            | StmtKind::Sleep(e)
            | StmtKind::Busy(e)
            | StmtKind::Await(e) => self.bounds_of(e),
            StmtKind::Assign { target, value, .. } => [target, value].into_iter().for_each(|e| self.bounds_of(e)),
            StmtKind::Print(values) => values.iter().for_each(|e| self.bounds_of(e)),
            StmtKind::Raise(e) => {
                self.bounds_of(e);
                return true;
            }
            StmtKind::Return(e) | StmtKind::Exit(e) => {
                e.iter().for_each(|e| self.bounds_of(e));
                return true;
            }
            StmtKind::Break | StmtKind::Continue => return true,
            StmtKind::Yield => {}
            StmtKind::If { condition, then, otherwise } => {
                self.bounds_of(condition);
                let known = self.worked_out(condition);
                let leaves = known != Some(Value::Bool(false)) && self.bounds_in(then);
                let leaves_else = known != Some(Value::Bool(true))
                    && match otherwise.as_deref() {
                        Some(Else::Block(block)) => self.bounds_in(block),
                        Some(Else::If(stmt)) => self.bounds_of_stmt(stmt),
                        None => false,
                    };
                return match known {
                    Some(Value::Bool(true)) => leaves,
                    Some(Value::Bool(false)) => leaves_else,
                    _ => leaves && leaves_else,
                };
            }
            StmtKind::While { condition, body } => {
                self.bounds_of(condition);
                if self.worked_out(condition) != Some(Value::Bool(false)) {
                    self.bounds_in(body);
                }
            }
            StmtKind::Repeat { count, body } => {
                self.bounds_of(count);
                if !matches!(self.worked_out(count), Some(Value::Int(n)) if n <= 0) {
                    self.bounds_in(body);
                }
            }
            StmtKind::For { over, body, .. } => {
                self.bounds_of(over);
                if !self.is_empty_range(over) {
                    self.bounds_in(body);
                }
            }
            StmtKind::With { object, body } => {
                self.bounds_of(object);
                return self.bounds_in(body);
            }
            StmtKind::Loop(body) => _ = self.bounds_in(body),
            StmtKind::Atomically(body) => return self.bounds_in(body),
            StmtKind::Select(select) => {
                for arm in &select.arms {
                    self.bounds_of(&arm.operation);
                    self.bounds_in(&arm.body);
                }
                if let Some((time, body)) = &select.after {
                    self.bounds_of(time);
                    self.bounds_in(body);
                }
                if let Some(body) = &select.otherwise {
                    self.bounds_in(body);
                }
            }
            StmtKind::Try { body, catches } => {
                let is_caught =
                    catches.iter().flat_map(|c| &c.kinds).any(|k| matches!(k.text.as_str(), "Index" | "any"));
                if !is_caught {
                    self.bounds_in(body);
                }
                for catch in catches {
                    self.bounds_in(&catch.body);
                }
            }
            StmtKind::Assert { condition, message } => {
                self.bounds_of(condition);
                message.iter().for_each(|e| self.bounds_of(e));
            }
        }
        false
    }

    fn is_empty_range(&mut self, over: &Expr) -> bool {
        let ExprKind::Range { from: Some(from), to: Some(to), inclusive } = &over.kind else { return false };
        match (self.worked_out(from), self.worked_out(to)) {
            (Some(Value::Int(from)), Some(Value::Int(to))) => from > to || from == to && !inclusive,
            _ => false,
        }
    }

    fn bounds_of(&mut self, e: &Expr) {
        match &e.kind {
            ExprKind::Int(_)
            | ExprKind::Duration(_)
            | ExprKind::Bool(_)
            | ExprKind::None
            | ExprKind::Name(_)
            | ExprKind::SelfTask => {}
            ExprKind::Str(parts) => parts.iter().for_each(|part| match part {
                StrPart::Expr(e) => self.bounds_of(e),
                StrPart::Text(_) => {}
            }),
            ExprKind::List(items) => items.iter().for_each(|e| self.bounds_of(e)),
            ExprKind::Unary { value, .. } | ExprKind::Paren(value) => self.bounds_of(value),
            ExprKind::Binary { op, left, right } => {
                self.bounds_of(left);
                let stops = match op {
                    BinaryOp::And => self.worked_out(left) == Some(Value::Bool(false)),
                    BinaryOp::Or => self.worked_out(left) == Some(Value::Bool(true)),
                    _ => false,
                };
                if !stops {
                    self.bounds_of(right);
                }
            }
            ExprKind::Range { from, to, .. } => from.iter().chain(to).for_each(|e| self.bounds_of(e)),
            ExprKind::Call { callee, args } => {
                self.bounds_of(callee);
                self.bounds_of_args(args);
            }
            ExprKind::Index { object, index } => {
                self.bounds_of(object);
                self.bounds_of(index);
                self.bounds_at(object, index);
            }
            ExprKind::Field { object, .. } => self.bounds_of(object),
            ExprKind::Spawn(spawn) => {
                match &spawn.what {
                    SpawnWhat::Call { callee, args } => {
                        self.bounds_of(callee);
                        args.iter().for_each(|args| self.bounds_of_args(args));
                    }
                    SpawnWhat::Block(block) => _ = self.bounds_in(block),
                }
                spawn.count.iter().chain(&spawn.name).for_each(|e| self.bounds_of(e));
            }
            ExprKind::Join { what, timeout } => {
                if let JoinWhat::Value(e) = what {
                    self.bounds_of(e);
                }
                timeout.iter().for_each(|e| self.bounds_of(e));
            }
            ExprKind::Submit { job, args, pool } => {
                self.bounds_of(job);
                self.bounds_of_args(args);
                self.bounds_of(pool);
            }
        }
    }

    fn bounds_of_args(&mut self, args: &[Arg]) {
        args.iter().for_each(|arg| self.bounds_of(&arg.value));
    }

    fn bounds_at(&mut self, object: &Expr, index: &Expr) {
        let Some(Value::Int(i)) = self.worked_out(index) else { return };
        let (text, row) = (object.span.text(self.source), self.length_of_row(object));
        if let Some(count) = row {
            // A count that is wrong has been told, and stands there as 0.
            let is_told = count == 0 && !self.errors.is_empty();
            if !is_told && !(0..i64::from(count)).contains(&i) {
                self.error(no_place(index.span, text, count, i));
            }
            return;
        }
        let length = match self.exactly(object) {
            Some(Value::List(items)) => items.len(),
            Some(Value::Str(text)) => text.chars().count(),
            _ => return,
        } as i64;
        if !(-length..length).contains(&i) {
            let error = ScriptError::new(index.span, format!("index {i} of {length}"));
            self.error(error.label("no such element").help("the first one is `[0]`, the last one `[-1]`"));
        }
    }

    /// How many places what stands before an index certainly has, if it is a declared row, or
    /// a field that is one wherever it is declared.
    fn length_of_row(&mut self, object: &Expr) -> Option<u32> {
        match &object.kind {
            ExprKind::Name(name) => match self.globals.get(name)? {
                Global::Memory(memory) => self.program.memory[*memory as usize].count,
                Global::ObjectRow(row) => Some(self.program.object_rows[*row as usize].count),
                _ => None,
            },
            ExprKind::Field { field, .. } => {
                let fields = self.program.structs.iter().flat_map(|s| &s.fields).filter(|f| f.name == field.text);
                fields.map(|f| f.count).try_fold(0, |most, count| Some(count?.max(most))).filter(|count| *count > 0)
            }
            _ => None,
        }
    }

    /// Whether it is made of literals and constants alone.
    pub(super) fn is_of_constants(&mut self, e: &Expr) -> bool {
        match &e.kind {
            ExprKind::Paren(inner) | ExprKind::Unary { value: inner, .. } => self.is_of_constants(inner),
            ExprKind::Binary { left, right, .. } => self.is_of_constants(left) && self.is_of_constants(right),
            _ => self.exactly(e).is_some(),
        }
    }

    /// The value of what is made of literals and constants alone, or of so much of it as decides.
    pub(super) fn worked_out(&mut self, e: &Expr) -> Option<Value> {
        match &e.kind {
            ExprKind::Paren(inner) => self.worked_out(inner),
            ExprKind::Unary { op, value } => {
                let value = self.worked_out(value)?;
                match op {
                    UnaryOp::Neg => arithmetic::negate(&value).ok(),
                    UnaryOp::Not => arithmetic::truth(&value).ok().map(|truth| Value::Bool(!truth)),
                }
            }
            ExprKind::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), left, right } => {
                let stops = Value::Bool(*op == BinaryOp::Or);
                let (left, right) = (self.worked_out(left), self.worked_out(right));
                match (left, right) {
                    (Some(left), _) if left == stops => Some(left),
                    (Some(_), Some(right)) => Some(right),
                    _ => None,
                }
            }
            ExprKind::Binary { op, left, right } => {
                let (left, right) = (self.worked_out(left)?, self.worked_out(right)?);
                arithmetic::binary(*op, &left, &right).ok()
            }
            _ => self.exactly(e),
        }
    }
}
