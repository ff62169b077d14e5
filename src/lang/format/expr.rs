//! The layout of expressions and of lists in brackets.

use super::Printer;
use crate::lang::ast::{Arg, BinaryOp, Expr, ExprKind, JoinWhat, Span, Spawn, SpawnKind, SpawnWhat, UnaryOp};

impl Printer<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Int(i64::MIN) => self.out.push_str("-9223372036854775808"),
            ExprKind::Int(_) | ExprKind::Duration(_) | ExprKind::Bool(_) | ExprKind::None | ExprKind::Str(_) => {
                self.out.push_str(expr.span.text(self.source));
            }
            ExprKind::Name(name) => self.out.push_str(name),
            ExprKind::SelfTask => self.out.push_str("self"),
            ExprKind::List(items) => {
                let spans: Vec<Span> = items.iter().map(|item| item.span).collect();
                self.items(['[', ']'], expr.span.start as usize, &spans, |printer, i| printer.expr(&items[i]));
            }
            ExprKind::Unary { op, value } => {
                self.out.push_str(if *op == UnaryOp::Not { "not " } else { "-" });
                self.expr(value);
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right),
            ExprKind::Range { from, to, inclusive } => {
                if let Some(from) = from {
                    self.expr(from);
                }
                self.out.push_str(if *inclusive { "..=" } else { ".." });
                if let Some(to) = to {
                    self.expr(to);
                }
            }
            ExprKind::Call { callee, args } => {
                self.expr(callee);
                self.args(args, callee.span.end as usize);
            }
            ExprKind::Index { object, index } => {
                self.expr(object);
                self.out.push('[');
                self.expr(index);
                self.out.push(']');
            }
            ExprKind::Field { object, field } => {
                self.expr(object);
                self.words(&[".", &field.text]);
            }
            ExprKind::Paren(inner) => {
                self.out.push('(');
                self.expr(inner);
                self.out.push(')');
            }
            ExprKind::Spawn(spawn) => self.spawn(spawn),
            ExprKind::Join { .. } | ExprKind::Submit { .. } => self.join_or_submit(&expr.kind),
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        self.expr(left);
        let gap = Span { start: left.span.end, end: right.span.start };
        // Only inside brackets can a line end between operands.
        if gap.text(self.source).contains('\n') {
            self.indent += 1;
            let end = self.comments_after(gap.start as usize);
            self.own_comments(&mut { end }, gap.end as usize, &mut true);
            self.new_line();
            self.indent -= 1;
        } else {
            self.out.push(' ');
        }
        self.words(&[binary_text(op), " "]);
        self.expr(right);
    }

    fn spawn(&mut self, spawn: &Spawn) {
        self.out.push_str("spawn ");
        if spawn.daemon {
            self.out.push_str("daemon ");
        }
        match spawn.kind {
            Some(SpawnKind::Thread) => self.out.push_str("thread "),
            Some(SpawnKind::Process) => self.out.push_str("process "),
            None => {}
        }
        match &spawn.what {
            SpawnWhat::Block(block) => self.block(block),
            SpawnWhat::Call { callee, args } => {
                self.expr(callee);
                if let Some(args) = args {
                    self.args(args, callee.span.end as usize);
                }
            }
        }
        if let Some(count) = &spawn.count {
            self.out.push_str(" x");
            let text = count.span.text(self.source);
            if !text.bytes().all(|b| b.is_ascii_digit()) {
                self.out.push(' ');
            }
            self.expr(count);
        }
        if let Some(name) = &spawn.name {
            self.out.push_str(" as ");
            self.expr(name);
        }
    }

    fn join_or_submit(&mut self, kind: &ExprKind) {
        match kind {
            ExprKind::Join { what, timeout } => {
                self.out.push_str("join ");
                match what {
                    JoinWhat::All => self.out.push_str("all"),
                    JoinWhat::Value(value) => self.expr(value),
                }
                if let Some(timeout) = timeout {
                    self.out.push_str(" for ");
                    self.expr(timeout);
                }
            }
            ExprKind::Submit { job, args, pool } => {
                self.out.push_str("submit ");
                self.expr(job);
                let between = Span { start: job.span.end, end: pool.span.start };
                if between.text(self.source).trim_start().starts_with('(') {
                    self.args(args, job.span.end as usize);
                }
                self.out.push_str(" to ");
                self.expr(pool);
            }
            _ => {}
        }
    }

    /// Arguments whose `(` comes after `before`.
    pub(super) fn args(&mut self, args: &[Arg], before: usize) {
        let open = self.find(before, '(');
        let spans: Vec<Span> =
            args.iter().map(|arg| arg.value.span.to(arg.name.as_ref().map_or(arg.value.span, |n| n.span))).collect();
        self.items(['(', ')'], open, &spans, |printer, i| {
            if let Some(name) = &args[i].name {
                printer.words(&[&name.text, ": "]);
            }
            printer.expr(&args[i].value);
        });
    }

    /// A list in brackets that open at `open`: on the line, or one item a line
    /// if a line ended between items.
    pub(super) fn items(
        &mut self,
        brackets: [char; 2],
        open: usize,
        spans: &[Span],
        mut item: impl FnMut(&mut Self, usize),
    ) {
        self.out.push(brackets[0]);
        let last = spans.last().map_or(open + 1, |span| span.end as usize);
        let close = self.find(last, brackets[1]);
        let starts = spans.iter().map(|span| span.start as usize).chain([close]);
        let ends = [open + 1].into_iter().chain(spans.iter().map(|span| span.end as usize));
        let broken = ends.zip(starts).any(|(end, start)| self.source[end..start].contains('\n'));
        if !broken || spans.is_empty() {
            for i in 0..spans.len() {
                if i > 0 {
                    self.out.push_str(", ");
                }
                item(self, i);
            }
            self.out.push(brackets[1]);
            return;
        }
        self.indent += 1;
        let mut done = self.comments_after(open + 1);
        for (i, span) in spans.iter().enumerate() {
            self.own_comments(&mut done, span.start as usize, &mut true);
            self.new_line();
            item(self, i);
            self.out.push(',');
            done = self.comments_after(span.end as usize);
        }
        self.own_comments(&mut done, close, &mut true);
        self.indent -= 1;
        self.new_line();
        self.out.push(brackets[1]);
    }

    /// The first `wanted` at or after `from`, over blanks, commas and comments.
    pub(super) fn find(&self, from: usize, wanted: char) -> usize {
        let mut place = from;
        while let Some(c) = self.source[place..].chars().next().filter(|c| *c != wanted) {
            let comment = self.comments.binary_search_by_key(&(place as u32), |c| c.start);
            place = comment.map_or(place + c.len_utf8(), |i| self.comments[i].end as usize);
        }
        place
    }
}

fn binary_text(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::In => "in",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}
