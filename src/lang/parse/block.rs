//! Blocks, and the statements that are little more than a head and a block.

use super::build::{Builder, Node, name, parts, span, text};
use super::grammar::Rule;
use super::slip;
use crate::lang::ast::{Block, Catch, Else, Item, Name, Span, Stmt, StmtKind};

impl<'s> Builder<'s> {
    /// What follows a head: a block, or a colon where a block was meant.
    pub fn body(&mut self, parts: &mut super::build::Parts<'s>) -> Option<Block> {
        let colon = parts.accept(Rule::colon_slip).map(|node| span(&node));
        let block = parts.accept(Rule::block);
        if let Some(colon) = colon {
            self.errors.push(slip::colon(colon, block.is_some()));
        }
        match (block, colon) {
            (Some(block), _) => self.block(block),
            (None, Some(colon)) => Some(Block { stmts: Vec::new(), span: colon }),
            (None, None) => None,
        }
    }

    pub fn block(&mut self, node: Node<'s>) -> Option<Block> {
        let span = span(&node);
        self.deeper(span, 1, |builder| {
            let mut parts = parts(node);
            parts.accept(Rule::open_brace)?;
            let items = builder.pieces(&mut parts);
            Some(Block { stmts: builder.only_statements(items), span })
        })
    }

    /// Items stand at the top level; here they are errors.
    fn only_statements(&mut self, items: Vec<Item>) -> Vec<Stmt> {
        let mut stmts: Vec<Stmt> = Vec::new();
        for item in items {
            match item {
                Item::Stmt(stmt) => stmts.push(stmt),
                // After a repair the block may be longer than it was meant.
                item if self.is_unsure(item.span()) => self.lost.push(item.span()),
                // What it was meant to be has been told.
                Item::Object(object) if self.is_reported(object.span) => self.lost.push(object.span),
                item => {
                    self.lost.push(item.span());
                    let after_try = matches!(stmts.last(), Some(Stmt { kind: StmtKind::Try { .. }, .. }));
                    self.errors.push(slip::misplaced(&item, after_try));
                }
            }
        }
        stmts
    }

    pub fn if_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let mut parts = parts(node);
        let condition = self.condition(&mut parts)?;
        let then = self.body(&mut parts)?;
        let mut branches = Vec::new();
        while let Some(branch) = parts.accept(Rule::else_if) {
            branches.push(branch);
        }
        let last = match parts.accept(Rule::else_block) {
            Some(node) => {
                let mut parts = super::build::parts(node);
                Some(Box::new(Else::Block(self.body(&mut parts)?)))
            }
            None => None,
        };
        // A chain of `else if` is nested in the tree.
        let levels = branches.len();
        let span = then.span;
        let otherwise = self.deeper(span, levels, |builder| builder.else_ifs(branches, last))?;
        Some(StmtKind::If { condition, then, otherwise })
    }

    fn else_ifs(&mut self, branches: Vec<Node<'s>>, last: Option<Box<Else>>) -> Option<Option<Box<Else>>> {
        let mut heads = Vec::new();
        for branch in branches {
            // From the `if` on: its `else` belongs to the statement before.
            let end = span(&branch).end as usize;
            let start = branch.clone().into_inner().find(|p| p.as_rule() == Rule::kw_if);
            let start = start.map_or(span(&branch).start, |p| span(&p).start) as usize;
            let mut parts = parts(branch);
            if let Some(word) = parts.accept(Rule::elif_slip) {
                self.errors.push(slip::elif(&word));
            }
            let condition = self.condition(&mut parts)?;
            let then = self.body(&mut parts)?;
            heads.push((condition, then, Span::new(start, end)));
        }
        let mut otherwise = last;
        for (condition, then, span) in heads.into_iter().rev() {
            let end = match otherwise.as_deref() {
                Some(Else::Block(block)) => block.span,
                Some(Else::If(stmt)) => stmt.span,
                None => span,
            };
            let kind = StmtKind::If { condition, then, otherwise };
            otherwise = Some(Box::new(Else::If(Stmt { kind, span: span.to(end) })));
        }
        Some(otherwise)
    }

    pub fn for_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let mut parts = parts(node);
        let name = name(parts.accept(Rule::ident)?);
        let mut over = self.expr(parts.next()?)?;
        if let Some((meant, error)) = slip::range_call(&over, self.text) {
            self.errors.push(error);
            over = meant.unwrap_or(over);
        }
        let body = self.body(&mut parts)?;
        Some(StmtKind::For { name, over, body })
    }

    pub fn try_stmt(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let whole = span(&node);
        let mut parts = parts(node);
        let colon = parts.peek() == Some(Rule::colon_slip);
        let body = self.body(&mut parts)?;
        let mut catches = Vec::new();
        while let Some(node) = parts.accept(Rule::catch) {
            catches.push(self.catch(node)?);
        }
        // What stands between the two is told.
        let parted = self.text[whole.end as usize..].lines().next().is_some_and(|rest| rest.contains("catch"));
        let sure = !self.unbalanced && !self.is_unsure(whole) && !self.is_unsure(Span { start: whole.end, ..whole });
        if catches.is_empty() && !colon && !parted && sure {
            let then_finally = self.text[whole.end as usize..].trim_start().starts_with("finally");
            self.errors.push(slip::without_catch(whole, then_finally));
        }
        Some(StmtKind::Try { body, catches })
    }

    pub fn catch(&mut self, node: Node<'s>) -> Option<Catch> {
        let span = span(&node);
        let mut parts = parts(node);
        let except = parts.accept(Rule::except_slip);
        let kinds: Vec<Name> = match parts.accept(Rule::catch_kinds) {
            Some(kinds) => super::build::parts(kinds).map(name).collect(),
            None => Vec::new(),
        };
        let bind: Option<Name> = parts.accept(Rule::ident).map(name);
        match except {
            Some(word) => self.errors.push(slip::except(&word, &kinds, bind.as_ref())),
            None if kinds.is_empty() => self.errors.push(slip::catch_what(span)),
            None => {}
        }
        let body = self.body(&mut parts)?;
        Some(Catch { kinds, bind, body, span })
    }

    /// An `else` or `catch` without the statement before it.
    pub fn stray(&mut self, node: Node<'s>) -> Option<StmtKind> {
        let whole = span(&node);
        let inner = parts(node).next()?;
        let rule = inner.as_rule();
        let before = self.errors.len();
        // Its condition, and the name that a `catch` gives the error.
        self.lost.push(super::build::line_of(self.text, whole.start as usize));
        let mut parts = parts(inner);
        let mut foreign = None;
        match rule {
            Rule::catch => {
                foreign = parts.accept(Rule::except_slip);
                parts.accept(Rule::catch_kinds);
                parts.accept(Rule::ident);
            }
            Rule::else_if => {
                foreign = parts.accept(Rule::elif_slip);
                self.condition(&mut parts)?;
            }
            _ => {}
        }
        let body = self.body(&mut parts)?;
        // With a colon the blocks before had colons too: that is told there.
        if self.errors.len() == before && !self.unbalanced && !self.is_unsure(whole) && !self.is_reported(whole) {
            self.errors.push(slip::stray(rule, whole, foreign.as_ref().map(text)));
        }
        Some(StmtKind::Loop(body))
    }
}
