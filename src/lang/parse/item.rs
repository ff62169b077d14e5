//! The items of a script: constants, declarations, structs, functions,
//! invariants, `finally`, `expect`. It also tells an item from a statement,
//! which `stmt` builds.

use super::build::{Builder, Node, name, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Const, Expect, Function, FunctionKind, Item, Name, Object, Param, Struct};
use crate::lang::error::ScriptError;

impl<'s> Builder<'s> {
    /// An item or a statement.
    pub fn piece(&mut self, node: Node<'s>) -> Option<Item> {
        let whole = span(&node);
        match node.as_rule() {
            Rule::const_item => self.const_item(node).map(Item::Const),
            Rule::object => self.object(node).map(Item::Object),
            Rule::struct_item => self.struct_item(node).map(Item::Struct),
            Rule::function => self.function(node).map(Item::Function),
            Rule::function_slip => self.function_slip(node).map(Item::Function),
            Rule::invariant => {
                let condition = self.condition(&mut parts(node))?;
                Some(Item::Invariant { condition, span: whole })
            }
            Rule::finally => {
                let body = self.body(&mut parts(node))?;
                Some(Item::Finally { body, span: whole })
            }
            Rule::expect => self.expect(node).map(Item::Expect),
            Rule::import_slip => self.fail(slip::import(whole)),
            _ => self.stmt(node).map(Item::Stmt),
        }
    }

    fn const_item(&mut self, node: Node<'s>) -> Option<Const> {
        let span = span(&node);
        let mut parts = parts(node);
        let name = name(parts.accept(Rule::ident)?);
        parts.accept(Rule::equals)?;
        let value = self.expr(parts.next()?)?;
        Some(Const { name, value, span })
    }

    fn object(&mut self, node: Node<'s>) -> Option<Object> {
        let span = span(&node);
        let mut parts = parts(node);
        let kind = name(parts.accept(Rule::kind).or_else(|| parts.accept(Rule::kind_slip))?);
        let (name_, taken) = match parts.accept(Rule::word_slip) {
            Some(word) => (self.word_as_name(word), true),
            None => (name(parts.accept(Rule::ident)?), false),
        };
        let count = match parts.accept(Rule::count_of) {
            Some(count) => Some(self.expr(super::build::parts(count).next()?)?),
            None => None,
        };
        let rows = parts.accept(Rule::rows_slip);
        let args = match parts.accept(Rule::call) {
            Some(call) => Some(self.args(call)?),
            None => None,
        };
        let mut options = Vec::new();
        while let Some(option) = parts.accept(Rule::option) {
            options.push(name(option));
        }
        let init = match parts.accept(Rule::equals) {
            Some(_) => Some(self.expr(parts.next()?)?),
            None => None,
        };
        let object = Object { kind, name: name_, count, args, options, init, span };
        if let Some(more) = parts.accept(Rule::more_slip) {
            self.errors.push(slip::several_names(&object, &more));
        }
        // One mistake a declaration.
        if let Some(rows) = rows {
            self.errors.push(slip::rows(&object, &rows, self.text));
        } else if !taken {
            self.errors.extend(slip::declaration(&object, self.text));
        } else if !object.options.is_empty() {
            // `var else x = 0`: the name may be the second word.
            return None;
        }
        Some(object)
    }

    /// A word of the language where a new name stands.
    pub fn word_as_name(&mut self, node: Node<'s>) -> Name {
        let name = name(node);
        self.errors.push(slip::word_as_name(name.span, &name.text));
        name
    }

    fn struct_item(&mut self, node: Node<'s>) -> Option<Struct> {
        let span = span(&node);
        let mut parts = parts(node);
        let name = name(parts.accept(Rule::ident)?);
        parts.accept(Rule::open_brace)?;
        let mut fields = Vec::new();
        self.in_struct = true;
        let items = self.pieces(&mut parts);
        self.in_struct = false;
        for item in items {
            match item {
                Item::Object(object) => fields.push(object),
                other => {
                    self.lost.push(other.span());
                    self.errors.push(slip::not_a_field(&other, &name));
                }
            }
        }
        Some(Struct { name, fields, span })
    }

    fn function(&mut self, node: Node<'s>) -> Option<Function> {
        let span = span(&node);
        let mut parts = parts(node);
        let word = parts.accept(Rule::function_kind)?;
        let kind = if text(&word) == "task" { FunctionKind::Task } else { FunctionKind::Fn };
        let name = name(parts.accept(Rule::ident)?);
        let params = match parts.accept(Rule::params) {
            Some(params) => self.params(params)?,
            None => {
                if kind == FunctionKind::Fn {
                    self.errors.push(slip::without_parameters(&name));
                }
                Vec::new()
            }
        };
        let body = self.body(&mut parts)?;
        Some(Function { kind, name, params, body, span })
    }

    fn function_slip(&mut self, node: Node<'s>) -> Option<Function> {
        let span = span(&node);
        let mut parts = parts(node);
        let word = parts.accept(Rule::foreign_slip)?;
        let name = name(parts.accept(Rule::ident)?);
        self.errors.push(slip::foreign_function(&word, &name));
        let params = self.params(parts.accept(Rule::params)?)?;
        // The colon belongs to the same slip.
        let told = self.errors.len();
        let body = self.body(&mut parts)?;
        if body.stmts.is_empty() {
            self.errors.truncate(told);
        }
        Some(Function { kind: FunctionKind::Fn, name, params, body, span })
    }

    fn params(&mut self, node: Node<'s>) -> Option<Vec<Param>> {
        let mut params = Vec::new();
        for param in parts(node) {
            let mut parts = parts(param);
            let name = name(parts.accept(Rule::ident)?);
            let default = match parts.accept(Rule::equals) {
                Some(_) => Some(self.expr(parts.next()?)?),
                None => None,
            };
            params.push(Param { name, default });
        }
        Some(params)
    }

    fn expect(&mut self, node: Node<'s>) -> Option<Expect> {
        let span = span(&node);
        let inner = parts(node).next()?;
        let rule = inner.as_rule();
        let mut parts = parts(inner);
        match rule {
            Rule::expect_some => Some(Expect::Some { condition: self.condition(&mut parts)?, span }),
            Rule::expect_every => Some(Expect::Every { condition: self.condition(&mut parts)?, span }),
            Rule::expect_code => {
                let code = name(parts.accept(Rule::code)?);
                let mut on = Vec::new();
                while let Some(place) = parts.accept(Rule::unit) {
                    let place = self.unit(place)?;
                    if !slip::is_place(&place) {
                        let help = "name an object or a variable: `expect race on x`, `on fork[0], a.mu`";
                        self.errors.push(ScriptError::new(place.span, "`on` takes names of objects").help(help));
                    }
                    on.push(place);
                }
                Some(Expect::Code { code, on, span })
            }
            _ => None,
        }
    }
}
