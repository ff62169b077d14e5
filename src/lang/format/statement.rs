//! The layout of statements, blocks and the arms of `select`.

use super::align::Mark;
use super::{Line, Printer};
use crate::lang::ast::{AssignOp, Block, Catch, Else, Expr, Select, SelectArm, Span, Stmt, StmtKind};

/// An arm of `select` in the order of the source.
pub(super) enum Arm<'a> {
    Operation(&'a SelectArm, usize),
    After(&'a Expr, &'a Block, usize),
    Else(&'a Block, usize),
}

impl<'a> Arm<'a> {
    fn body(&self) -> &'a Block {
        match self {
            Arm::Operation(arm, _) => &arm.body,
            Arm::After(_, body, _) | Arm::Else(body, _) => body,
        }
    }

    /// The number of the `select`, which keeps its arrows together.
    fn group(&self) -> usize {
        match self {
            Arm::Operation(_, group) | Arm::After(_, _, group) | Arm::Else(_, group) => *group,
        }
    }

    pub fn span(&self, source: &str) -> Span {
        let body = self.body().span;
        let word = |before: Span, word: &str| {
            let start = source[..before.start as usize].rfind(word).unwrap_or(before.start as usize);
            Span { start: start as u32, end: body.end }
        };
        match self {
            Arm::Operation(arm, _) => arm.span,
            Arm::After(time, ..) => word(time.span, "after"),
            Arm::Else(..) => word(body, "else"),
        }
    }
}

impl Printer<'_> {
    pub(super) fn block(&mut self, block: &Block) {
        self.braces(block.stmts.iter().map(Line::Stmt).collect(), block.span);
    }

    /// A head and its block.
    fn head(&mut self, word: &str, expr: &Expr, body: &Block) {
        self.worded(word, expr);
        self.out.push(' ');
        self.block(body);
    }

    fn worded(&mut self, word: &str, expr: &Expr) {
        self.words(&[word, " "]);
        self.expr(expr);
    }

    fn worded_if(&mut self, word: &str, expr: Option<&Expr>) {
        match expr {
            Some(expr) => self.worded(word, expr),
            None => self.out.push_str(word),
        }
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let { name, value } => {
                self.words(&["let ", &name.text, " = "]);
                self.expr(value);
            }
            StmtKind::Assign { target, op, value } => {
                self.expr(target);
                self.out.push_str(assign_text(*op));
                self.expr(value);
            }
            StmtKind::If { condition, then, otherwise } => self.if_stmt(condition, then, otherwise.as_deref()),
            StmtKind::While { condition, body } => self.head("while", condition, body),
            StmtKind::Repeat { count, body } => self.head("repeat", count, body),
            StmtKind::With { object, body } => self.head("with", object, body),
            StmtKind::For { name, over, body } => {
                self.words(&["for ", &name.text, " in "]);
                self.expr(over);
                self.out.push(' ');
                self.block(body);
            }
            StmtKind::Loop(body) => self.bare("loop ", body),
            StmtKind::Atomically(body) => self.bare("atomically ", body),
            StmtKind::Select(select) => self.select(select, stmt.span),
            StmtKind::Try { body, catches } => self.try_stmt(body, catches),
            _ => self.simple(&stmt.kind),
        }
    }

    fn simple(&mut self, kind: &StmtKind) {
        match kind {
            StmtKind::Expr(expr) => self.expr(expr),
            StmtKind::Terminate(expr) => self.worded("terminate", expr),
            StmtKind::Kill(expr) => self.worded("kill", expr),
            StmtKind::Raise(expr) => self.worded("raise", expr),
            StmtKind::Sleep(expr) => self.worded("sleep", expr),
            StmtKind::Busy(expr) => self.worded("busy", expr),
            StmtKind::Await(expr) => self.worded("await", expr),
            StmtKind::Exit(code) => self.worded_if("exit", code.as_ref()),
            StmtKind::Return(value) => self.worded_if("return", value.as_ref()),
            StmtKind::Print(values) => {
                self.out.push_str("print");
                for (i, value) in values.iter().enumerate() {
                    self.worded(if i == 0 { "" } else { "," }, value);
                }
            }
            StmtKind::Assert { condition, message } => {
                self.worded("assert", condition);
                if let Some(message) = message {
                    self.worded(",", message);
                }
            }
            StmtKind::Yield => self.out.push_str("yield"),
            StmtKind::Break => self.out.push_str("break"),
            StmtKind::Continue => self.out.push_str("continue"),
            // The statements with blocks are printed by `stmt`.
            _ => {}
        }
    }

    fn bare(&mut self, word: &str, body: &Block) {
        self.out.push_str(word);
        self.block(body);
    }

    fn if_stmt(&mut self, condition: &Expr, then: &Block, otherwise: Option<&Else>) {
        self.head("if", condition, then);
        let mut before = then.span.end as usize;
        let mut next = otherwise;
        while let Some(branch) = next {
            next = None;
            match branch {
                Else::Block(block) => {
                    self.joint(before, block.span.start as usize);
                    self.bare("else ", block);
                }
                Else::If(stmt) => {
                    self.joint(before, stmt.span.start as usize);
                    if let StmtKind::If { condition, then, otherwise } = &stmt.kind {
                        self.head("else if", condition, then);
                        before = then.span.end as usize;
                        next = otherwise.as_deref();
                    }
                }
            }
        }
    }

    fn try_stmt(&mut self, body: &Block, catches: &[Catch]) {
        self.bare("try ", body);
        let mut before = body.span.end as usize;
        for catch in catches {
            self.joint(before, catch.span.start as usize);
            self.out.push_str("catch ");
            for (i, kind) in catch.kinds.iter().enumerate() {
                self.words(&[if i == 0 { "" } else { ", " }, &kind.text]);
            }
            if let Some(bind) = &catch.bind {
                self.words(&[" as ", &bind.text]);
            }
            self.bare(" ", &catch.body);
            before = catch.span.end as usize;
        }
    }

    /// Between a `}` and the `else` or `catch` that goes on: a blank, or a new
    /// line if there are comments.
    fn joint(&mut self, before: usize, next: usize) {
        if !self.comment_before(next) {
            self.out.push(' ');
            return;
        }
        let mut done = self.comments_after(before);
        self.own_comments(&mut done, next, &mut true);
        self.new_line();
    }

    fn select(&mut self, select: &Select, span: Span) {
        self.out.push_str("select ");
        self.groups += 1;
        let group = self.groups;
        let mut arms: Vec<Arm<'_>> = select.arms.iter().map(|arm| Arm::Operation(arm, group)).collect();
        arms.extend(select.after.iter().map(|(time, body)| Arm::After(time, body, group)));
        arms.extend(select.otherwise.iter().map(|body| Arm::Else(body, group)));
        arms.sort_by_key(|arm| arm.body().span.start);
        let open = self.find(span.start as usize + "select".len(), '{');
        self.braces(arms.into_iter().map(Line::Arm).collect(), Span { start: open as u32, end: span.end });
    }

    pub(super) fn arm(&mut self, arm: &Arm<'_>) {
        match arm {
            Arm::Operation(arm, _) => {
                if let Some(bind) = &arm.bind {
                    self.words(&[&bind.text, " = "]);
                }
                self.expr(&arm.operation);
            }
            Arm::After(time, ..) => self.worded("after", time),
            Arm::Else(..) => self.out.push_str("else"),
        }
        self.out.push(' ');
        let body = arm.body();
        let arrow = self.source[..body.span.start as usize].rfind("=>").unwrap_or(body.span.start as usize);
        let column = self.column(Span::new(arrow, arrow));
        self.marks.push(Mark { place: self.out.len(), column, group: Some(arm.group()), comment: usize::MAX - 1 });
        self.bare("=> ", body);
    }
}

fn assign_text(op: AssignOp) -> &'static str {
    match op {
        AssignOp::Set => " = ",
        AssignOp::Add => " += ",
        AssignOp::Sub => " -= ",
        AssignOp::Mul => " *= ",
        AssignOp::Div => " /= ",
        AssignOp::Rem => " %= ",
    }
}
