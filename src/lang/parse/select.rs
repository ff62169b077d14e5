//! `select` and its arms.

use super::build::{Builder, Node, Parts, name, parts, span};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Block, Expr, ExprKind, Name, Select, SelectArm, Stmt, StmtKind};
use crate::lang::error::ScriptError;

impl<'s> Builder<'s> {
    pub fn select_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let mut parts = parts(node);
        let mut select = Select { arms: Vec::new(), after: None, otherwise: None };
        parts.accept(Rule::open_brace)?;
        while let Some(node) = parts.next_unless(&[Rule::close_brace]) {
            match node.as_rule() {
                Rule::sep => {}
                Rule::after_arm => self.after_arm(node, &mut select)?,
                Rule::else_arm => self.else_arm(node, &mut select)?,
                _ => {
                    let arm = self.arm(node)?;
                    select.arms.push(arm);
                }
            }
        }
        Some(StmtKind::Select(select))
    }

    fn arm(&mut self, node: Node<'s>) -> Option<SelectArm> {
        let whole = span(&node);
        let mut parts = parts(node);
        if let Some(word) = parts.accept(Rule::let_slip) {
            self.errors.push(slip::let_in_arm(span(&word)));
        }
        let bind: Option<Name> = match parts.accept(Rule::word_slip) {
            Some(word) => Some(self.word_as_name(word)),
            None => parts.accept(Rule::ident).map(name),
        };
        parts.accept(Rule::equals);
        let operation = self.expr(parts.accept(Rule::expr)?)?;
        if !can_wait(&operation) {
            self.errors.push(slip::not_an_arm(operation.span, operation.span.text(self.text)));
        }
        let body = self.arm_body(&mut parts)?;
        Some(SelectArm { bind, operation, body, span: whole })
    }

    fn after_arm(&mut self, node: Node<'s>, select: &mut Select) -> Option<()> {
        let whole = span(&node);
        let mut parts = parts(node);
        let time = self.expr(parts.accept(Rule::expr)?)?;
        self.errors.extend(slip::not_a_duration(&time, "after"));
        let body = self.arm_body(&mut parts)?;
        if select.after.is_some() {
            return self.fail(ScriptError::new(whole, "a `select` has one `after`"));
        }
        self.check_one_end(select.otherwise.is_some(), whole);
        select.after = Some((time, body));
        Some(())
    }

    fn else_arm(&mut self, node: Node<'s>, select: &mut Select) -> Option<()> {
        let whole = span(&node);
        let body = self.arm_body(&mut parts(node))?;
        if select.otherwise.is_some() {
            return self.fail(ScriptError::new(whole, "a `select` has one `else`"));
        }
        self.check_one_end(select.after.is_some(), whole);
        select.otherwise = Some(body);
        Some(())
    }

    fn check_one_end(&mut self, other: bool, span: crate::lang::ast::Span) {
        if other {
            let help = "`else` is taken at once when nothing is ready, so `after` would never be; keep one of them";
            self.errors.push(ScriptError::new(span, "a `select` has `after` or `else`, not both").help(help));
        }
    }

    /// A block; a bare statement is read and refused.
    fn arm_body(&mut self, parts: &mut Parts<'s>) -> Option<Block> {
        parts.accept(Rule::arrow)?;
        if let Some(block) = parts.accept(Rule::block) {
            return self.block(block);
        }
        let node = parts.next()?;
        let span = span(&node);
        self.errors.push(slip::bare_arm(span, node.as_str().trim_end()));
        self.piece(node)?;
        Some(Block { stmts: Vec::<Stmt>::new(), span })
    }
}

/// A method call or a `join`: what an arm can be, as far as the form tells.
fn can_wait(operation: &Expr) -> bool {
    match &operation.kind {
        ExprKind::Call { callee, .. } => matches!(callee.kind, ExprKind::Field { .. }),
        ExprKind::Join { .. } => true,
        _ => false,
    }
}
