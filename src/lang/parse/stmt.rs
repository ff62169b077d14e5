//! Statements: one function turns any of them into the tree; those with blocks
//! are in `block` and `select`.

use super::build::{Builder, Node, Parts, name, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{AssignOp, BinaryOp, Expr, ExprKind, Stmt, StmtKind};
use crate::lang::error::ScriptError;

impl<'s> Builder<'s> {
    pub fn stmt(&mut self, node: Node<'s>) -> Option<Stmt> {
        let span = span(&node);
        let kind = match node.as_rule() {
            Rule::if_stmt => self.if_stmt(node),
            Rule::for_stmt => self.for_stmt(node),
            Rule::try_stmt => self.try_stmt(node),
            Rule::select_stmt => self.select_stmt(node),
            Rule::stray_slip => self.stray(node),
            Rule::while_stmt | Rule::repeat_stmt | Rule::with_stmt => self.headed(node),
            Rule::loop_stmt => self.body(&mut parts(node)).map(StmtKind::Loop),
            Rule::atomically_stmt => self.body(&mut parts(node)).map(StmtKind::Atomically),
            Rule::let_stmt => self.let_stmt(node),
            Rule::expr_stmt => self.expr_stmt(node),
            _ => self.simple(node),
        }?;
        Some(Stmt { kind, span })
    }

    /// A keyword, an expression, a block.
    fn headed(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let rule = node.as_rule();
        let mut parts = parts(node);
        let head = match rule {
            Rule::while_stmt => self.condition(&mut parts)?,
            _ => self.expr(parts.next()?)?,
        };
        let body = self.body(&mut parts)?;
        match rule {
            Rule::while_stmt => Some(StmtKind::While { condition: head, body }),
            Rule::repeat_stmt => Some(StmtKind::Repeat { count: head, body }),
            Rule::with_stmt => Some(StmtKind::With { object: head, body }),
            _ => None,
        }
    }

    /// A keyword and expressions.
    fn simple(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let rule = node.as_rule();
        let span = span(&node);
        let mut parts = parts(node);
        match rule {
            Rule::break_stmt | Rule::continue_stmt => {
                let (word, kind) = match rule {
                    Rule::break_stmt => ("break", StmtKind::Break),
                    _ => ("continue", StmtKind::Continue),
                };
                if let Some(value) = parts.accept(Rule::expr) {
                    self.errors.push(slip::loop_value(span, word, text(&value)));
                }
                Some(kind)
            }
            Rule::yield_stmt => {
                if let Some(value) = parts.accept(Rule::expr) {
                    self.errors.push(slip::yield_value(span.to(super::build::span(&value)), text(&value)));
                }
                Some(StmtKind::Yield)
            }
            Rule::terminate_stmt => self.expr(parts.next()?).map(StmtKind::Terminate),
            Rule::kill_stmt => self.expr(parts.next()?).map(StmtKind::Kill),
            Rule::raise_stmt => self.expr(parts.next()?).map(StmtKind::Raise),
            Rule::exit_stmt if parts.peek_text() == Some("()") => {
                self.errors.push(slip::exit_call(span));
                Some(StmtKind::Exit(None))
            }
            Rule::exit_stmt => self.optional(&mut parts).map(StmtKind::Exit),
            Rule::return_stmt => self.optional(&mut parts).map(StmtKind::Return),
            Rule::sleep_stmt => self.waits(&mut parts, "sleep").map(StmtKind::Sleep),
            Rule::busy_stmt => self.waits(&mut parts, "busy").map(StmtKind::Busy),
            Rule::await_stmt => self.condition(&mut parts).map(StmtKind::Await),
            Rule::assert_stmt if parts.peek() == Some(Rule::assert_slip) => {
                let slip = parts.next()?;
                self.errors.push(slip::assert_call(span, &slip));
                let mut parts = super::build::parts(slip);
                let condition = self.condition(&mut parts)?;
                Some(StmtKind::Assert { condition, message: self.optional(&mut parts)? })
            }
            Rule::assert_stmt => {
                let condition = self.condition(&mut parts)?;
                Some(StmtKind::Assert { condition, message: self.optional(&mut parts)? })
            }
            Rule::print_stmt => {
                let mut values = Vec::new();
                while let Some(value) = parts.accept(Rule::expr) {
                    match slip::print_call(&value, span) {
                        Some(error) => self.errors.push(error),
                        None => values.push(self.expr(value)?),
                    }
                }
                Some(StmtKind::Print(values))
            }
            _ => None,
        }
    }

    /// Zero or one expression.
    fn optional(&mut self, parts: &mut Parts<'s>) -> Option<Option<Expr>> {
        match parts.accept(Rule::expr) {
            Some(node) => self.expr(node).map(Some),
            None => Some(None),
        }
    }

    fn waits(&mut self, parts: &mut Parts<'s>, word: &str) -> Option<Expr> {
        let told = self.errors.len();
        let time = self.expr(parts.next()?)?;
        if self.errors.len() == told {
            self.errors.extend(slip::not_a_duration(&time, word));
        }
        Some(time)
    }

    /// An expression where `=` is likely to mean `==`.
    pub fn condition(&mut self, parts: &mut Parts<'s>) -> Option<Expr> {
        let mut parts = super::build::parts(parts.accept(Rule::condition)?);
        let left = self.expr(parts.accept(Rule::expr)?)?;
        let Some(equals) = parts.accept(Rule::equals) else { return Some(left) };
        let right = self.expr(parts.accept(Rule::expr)?)?;
        self.errors.push(slip::equals_in_condition(span(&equals), &left, &right, self.text));
        let span = left.span.to(right.span);
        let kind = ExprKind::Binary { op: BinaryOp::Eq, left: Box::new(left), right: Box::new(right) };
        Some(Expr { kind, span })
    }

    fn let_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let whole = span(&node);
        let mut parts = parts(node);
        let name = name(parts.accept(Rule::ident)?);
        if let Some(rows) = parts.accept(Rule::rows_slip) {
            return self.fail(slip::local_row(&name, span(&rows)));
        }
        let Some(equals) = parts.accept(Rule::let_equals) else {
            self.errors.push(slip::let_without_value(whole, &name));
            let value = Expr { kind: ExprKind::None, span: name.span };
            return Some(StmtKind::Let { name, value });
        };
        if text(&equals) != "=" {
            self.errors.push(slip::foreign_assignment(&equals, &name.text).understood());
        }
        let value = self.expr(parts.next()?)?;
        Some(StmtKind::Let { name, value })
    }

    fn expr_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let whole = span(&node);
        let mut parts = parts(node);
        let left = self.expr(parts.accept(Rule::expr)?)?;
        if let Some(step) = parts.accept(Rule::step_slip) {
            self.errors.push(slip::step(&step, left.span.text(self.text)));
            let op = if text(&step) == "++" { AssignOp::Add } else { AssignOp::Sub };
            let value = Expr { kind: ExprKind::Int(1), span: span(&step) };
            return is_target(&left).then_some(StmtKind::Assign { target: left, op, value });
        }
        let kind = match parts.accept(Rule::assign_op) {
            Some(op) => {
                let value = self.expr(parts.accept(Rule::expr)?)?;
                self.assign(left, &op, value)
            }
            None if self.entry && self.is_last(whole) => Some(StmtKind::Expr(left)),
            None => self.bare(left),
        };
        match parts.accept(Rule::comma_slip) {
            Some(comma) if kind.is_some() && !self.is_reported(whole) => {
                self.fail(slip::comma(span(&comma), whole, self.text))
            }
            _ => kind,
        }
    }

    fn assign(&mut self, target: Expr, op: &Node<'s>, value: Expr) -> Option<StmtKind> {
        if !is_target(&target) {
            // What it was meant to be has been told: `atomic<int> x = 0`.
            if self.errors.iter().any(|error| error.span == target.span) {
                return None;
            }
            let help = "a variable, `xs[i]` or `record.field` stands before `=`; `==` compares";
            return self.fail(ScriptError::new(target.span, "this cannot be assigned to").help(help));
        }
        let word: String = text(op).split_whitespace().collect();
        if word != text(op) || word == ":=" {
            self.errors.push(slip::foreign_assignment(op, target.span.text(self.text)));
        }
        let kind = match word.as_str() {
            "=" => AssignOp::Set,
            "+=" => AssignOp::Add,
            "-=" => AssignOp::Sub,
            "*=" => AssignOp::Mul,
            "/=" => AssignOp::Div,
            "%=" => AssignOp::Rem,
            // It may have been a `let`.
            _ => return None,
        };
        Some(StmtKind::Assign { target, op: kind, value })
    }

    /// Whether nothing comes after a statement, not even the end of a block.
    fn is_last(&self, whole: crate::lang::ast::Span) -> bool {
        self.text[whole.end as usize..].chars().all(|c| c.is_whitespace() || c == ';')
    }

    /// An expression on its own must do something.
    fn bare(&mut self, expr: Expr) -> Option<StmtKind> {
        let mut inner = &expr;
        while let ExprKind::Paren(within) = &inner.kind {
            inner = within;
        }
        match inner.kind {
            ExprKind::Call { .. } | ExprKind::Spawn(_) | ExprKind::Join { .. } | ExprKind::Submit { .. } => {
                if let Some(error) = slip::sleep_call(inner, self.text) {
                    // That its time is a fraction is part of the same slip.
                    self.errors.retain(|e| e.span.start < error.span.start || error.span.end < e.span.end);
                    self.errors.push(error);
                }
                Some(StmtKind::Expr(expr))
            }
            // A slip inside has been told, and the value may be its remains.
            _ if self.is_reported(expr.span) => None,
            _ if self.in_struct => self.fail(slip::bare_field(&expr, self.text)),
            _ => {
                let error = slip::does_nothing(&expr, self.text);
                let understood = error.is_understood();
                self.errors.push(error);
                understood.then_some(StmtKind::Expr(expr))
            }
        }
    }

    /// Two statements stand side by side: no newline, no `;`, no `}` between.
    pub fn check_separated(&mut self, before: &Node<'s>, after: &Node<'s>) {
        if text(before).ends_with('}') || before.as_rule() == Rule::sep || after.as_rule() == Rule::sep {
            return;
        }
        // They may have been meant as one.
        self.lost.push(span(before).to(span(after)));
        if self.is_reported(span(before)) || self.is_reported(span(after)) {
            return;
        }
        let rest = &self.text[span(after).start as usize..];
        let rest = &rest[..rest.find(['\n', ';', '}']).unwrap_or(rest.len())];
        let error = slip::side_by_side(text(before), span(before), text(after), span(after), rest);
        self.errors.push(error);
    }
}

/// Whether a value can stand before `=`.
fn is_target(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Name(_) | ExprKind::Index { .. } | ExprKind::Field { .. })
}
