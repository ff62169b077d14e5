//! The layout of items.

use super::{Line, Printer};
use crate::lang::ast::{Expect, Expr, Function, FunctionKind, Item, Object, Param, Span};

impl Printer<'_> {
    pub(super) fn item(&mut self, item: &Item) {
        match item {
            Item::Const(item) => {
                self.words(&["const ", &item.name.text, " = "]);
                self.expr(&item.value);
            }
            Item::Object(object) => self.object(object),
            Item::Struct(item) => {
                self.words(&["struct ", &item.name.text, " "]);
                let open = self.find(item.name.span.end as usize, '{');
                let lines = item.fields.iter().map(Line::Field).collect();
                self.braces(lines, Span { start: open as u32, end: item.span.end });
            }
            Item::Function(function) => self.function(function),
            Item::Invariant { condition, .. } => self.headed("invariant ", condition),
            Item::Finally { body, .. } => {
                self.out.push_str("finally ");
                self.block(body);
            }
            Item::Expect(expect) => self.expect(expect),
            Item::Stmt(stmt) => self.stmt(stmt),
        }
    }

    pub(super) fn words(&mut self, words: &[&str]) {
        self.out.extend(words.iter().copied());
    }

    fn headed(&mut self, head: &str, expr: &Expr) {
        self.out.push_str(head);
        self.expr(expr);
    }

    pub(super) fn object(&mut self, object: &Object) {
        self.words(&[&object.kind.text, " ", &object.name.text]);
        let mut end = object.name.span.end as usize;
        if let Some(count) = &object.count {
            self.out.push('[');
            self.expr(count);
            self.out.push(']');
            end = self.find(count.span.end as usize, ']') + 1;
        }
        if let Some(args) = &object.args {
            self.args(args, end);
        }
        for option in &object.options {
            self.words(&[" ", &option.text]);
        }
        if let Some(init) = &object.init {
            self.headed(" = ", init);
        }
    }

    fn function(&mut self, function: &Function) {
        let word = if function.kind == FunctionKind::Task { "task " } else { "fn " };
        self.words(&[word, &function.name.text]);
        if !function.params.is_empty() {
            let open = self.find(function.name.span.end as usize, '(');
            let end = |param: &Param| param.default.as_ref().map_or(param.name.span, |value| value.span);
            let spans: Vec<Span> = function.params.iter().map(|param| param.name.span.to(end(param))).collect();
            self.items(['(', ')'], open, &spans, |printer, i| {
                let param = &function.params[i];
                printer.out.push_str(&param.name.text);
                if let Some(default) = &param.default {
                    printer.headed(" = ", default);
                }
            });
        } else if function.kind == FunctionKind::Fn {
            self.out.push_str("()");
        }
        self.out.push(' ');
        self.block(&function.body);
    }

    fn expect(&mut self, expect: &Expect) {
        match expect {
            Expect::Some { condition, .. } => self.headed("expect some ", condition),
            Expect::Every { condition, .. } => self.headed("expect every ", condition),
            Expect::Code { code, on, .. } => {
                self.words(&["expect ", &code.text]);
                for (i, place) in on.iter().enumerate() {
                    self.headed(if i == 0 { " on " } else { ", " }, place);
                }
            }
        }
    }
}
