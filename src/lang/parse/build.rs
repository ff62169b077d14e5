//! From the grammar's pairs to the tree: the state and the moves that all the
//! builders share. What each rule becomes is in its neighbours: `item`, `stmt`,
//! `block`, `select`, `spawn`, `expr`, `literal`.
//!
//! A builder returns `None` when it has reported why there is no tree; the
//! others go on, so one go reports several errors, and what has none is there
//! for an editor.

use super::grammar::{Rule, is_keyword};
use super::recover::Statements;
use super::slip;
use super::{DEPTH_MAX, ERRORS_GATHERED_MAX};
use crate::lang::ast::{Expr, Item, Name, Script, Span};
use crate::lang::error::ScriptError;
use pest::iterators::{Pair, Pairs};
use std::iter::Peekable;

/// One matched rule.
pub(super) type Node<'s> = Pair<'s, Rule>;

pub(super) struct Builder<'s> {
    /// The prepared text; the same length as the source but for a last `}`.
    pub text: &'s str,
    /// All so far, those of earlier stages first.
    pub errors: Vec<ScriptError>,
    /// What is not in the tree, or not as it was meant: names may have been
    /// defined there.
    pub lost: Vec<Span>,
    /// Where something was repaired or blanked out: a statement may seem to
    /// stand where its author did not put it.
    pub unsure: Vec<Span>,
    /// A brace is missing somewhere, or one too many: an `else` or a `catch` may
    /// have lost what it belongs to.
    pub unbalanced: bool,
    /// The text may end with any expression.
    pub entry: bool,
    /// What is read are the fields of a struct.
    pub in_struct: bool,
    depth: usize,
    /// With so many errors the rest is not read.
    errors_max: usize,
    /// Of the text, once something was wrong.
    pub statements: Option<Statements>,
}

impl<'s> Builder<'s> {
    pub fn new(
        text: &'s str,
        errors: Vec<ScriptError>,
        unsure: Vec<Span>,
        statements: Option<Statements>,
    ) -> Builder<'s> {
        let errors_max = errors.len() + ERRORS_GATHERED_MAX;
        Builder {
            text,
            errors,
            lost: Vec::new(),
            unsure,
            entry: false,
            unbalanced: false,
            in_struct: false,
            depth: 0,
            errors_max,
            statements,
        }
    }

    /// The whole script.
    pub fn script(&mut self, pairs: Pairs<'s, Rule>) -> Script {
        let mut items = Vec::new();
        for script in pairs {
            items.extend(self.pieces(&mut parts(script)));
        }
        Script { items }
    }

    pub fn lone_expr(&mut self, mut pairs: Pairs<'s, Rule>) -> Option<Expr> {
        let expr = parts(pairs.next()?).accept(Rule::expr)?;
        self.expr(expr)
    }

    /// Statements and items until the parts are used up, or something else
    /// comes. Those with an error are left out.
    pub fn pieces(&mut self, parts: &mut Parts<'s>) -> Vec<Item> {
        let mut items = Vec::new();
        let mut previous: Option<Node<'s>> = None;
        let mut separated = true;
        while let Some(node) = parts.next_unless(&[Rule::close_brace, Rule::EOI]) {
            if matches!(node.as_rule(), Rule::sep | Rule::comma_sep) {
                if node.as_rule() == Rule::comma_sep && !self.is_reported(span(&node)) {
                    self.errors.push(slip::comma_in_struct(span(&node)));
                }
                separated = true;
                continue;
            }
            let before = previous.as_ref().filter(|_| !separated);
            if let Some(before) = before {
                self.check_separated(before, &node);
            }
            // In a block it has no place in any case, which is told there.
            let of_try = self.depth == 0
                && node.as_rule() == Rule::finally
                && before.is_some_and(|before| before.as_rule() == Rule::try_stmt);
            separated = false;
            previous = Some(node.clone());
            let place = span(&node);
            if self.errors.len() >= self.errors_max {
                self.lost.push(Span::new(place.start as usize, self.text.len()));
                while parts.next_unless(&[Rule::close_brace, Rule::EOI]).is_some() {}
                break;
            }
            let piece = self.piece(node);
            if of_try {
                self.errors.push(slip::finally_of_try(place, true));
                self.lost.push(place);
                continue;
            }
            match piece {
                Some(item) => items.push(item),
                None => {
                    self.lost.push(place);
                    // Nothing is left out in silence.
                    if self.errors.is_empty() {
                        self.errors.push(ScriptError::new(place, "this cannot be read"));
                    }
                }
            }
        }
        items
    }

    pub fn fail<T>(&mut self, error: ScriptError) -> Option<T> {
        self.errors.push(error);
        None
    }

    /// Runs `build` `levels` deeper, unless that is too deep.
    pub fn deeper<T>(
        &mut self,
        span: Span,
        levels: usize,
        build: impl FnOnce(&mut Builder<'s>) -> Option<T>,
    ) -> Option<T> {
        self.depth += levels;
        let built = if self.depth > DEPTH_MAX {
            let help = "name a part of it with `let`, or put it in a `fn` of its own";
            self.fail(ScriptError::new(span, "this is nested too deeply or has too many parts").help(help))
        } else {
            build(self)
        };
        self.depth -= levels;
        built
    }

    /// Whether it is not sure that what lies at `span` was meant to stand there.
    pub fn is_unsure(&self, span: Span) -> bool {
        self.unsure.iter().any(|place| place.start <= span.start && span.start <= place.end)
    }

    /// Whether an error lies in the statement around `span` already.
    pub fn is_reported(&mut self, span: Span) -> bool {
        if self.errors.is_empty() {
            return false;
        }
        let statements = self.statements.get_or_insert_with(|| Statements::of(self.text, &[]));
        is_reported(&self.errors, statements, span.start as usize)
    }
}

/// Whether one of `errors` lies in the statement around `place`.
pub(super) fn is_reported(errors: &[ScriptError], statements: &Statements, place: usize) -> bool {
    errors.iter().rev().any(|e| statements.are_one(e.span.start, place as u32))
}

/// The line around `place`, without its newline.
pub(super) fn line_of(text: &str, place: usize) -> Span {
    let bytes = text.as_bytes();
    let place = place.min(bytes.len());
    let start = bytes[..place].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = bytes[place..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| place + i);
    Span::new(start, end)
}

/// The place of a node. The grammar lets a rule that ends in something optional
/// swallow the blanks before it; they are not part of the place.
pub(super) fn span(node: &Node<'_>) -> Span {
    let start = node.as_span().start();
    Span::new(start, start + text(node).len())
}

/// The text of a node without blanks at its end.
pub(super) fn text<'s>(node: &Node<'s>) -> &'s str {
    node.as_str().trim_end_matches([' ', '\t'])
}

/// A word as a name.
pub(super) fn name(node: Node<'_>) -> Name {
    Name { text: text(&node).to_owned(), span: span(&node) }
}

/// What a node is made of, keywords aside.
pub(super) struct Parts<'s> {
    pairs: Peekable<Pairs<'s, Rule>>,
}

pub(super) fn parts(node: Node<'_>) -> Parts<'_> {
    Parts { pairs: node.into_inner().peekable() }
}

impl<'s> Parts<'s> {
    fn skip_keywords(&mut self) {
        while self.pairs.next_if(|p| is_keyword(p.as_rule())).is_some() {}
    }

    pub fn peek(&mut self) -> Option<Rule> {
        self.skip_keywords();
        self.pairs.peek().map(Pair::as_rule)
    }

    pub fn peek_text(&mut self) -> Option<&'s str> {
        self.skip_keywords();
        self.pairs.peek().map(text)
    }

    pub fn accept(&mut self, rule: Rule) -> Option<Node<'s>> {
        self.skip_keywords();
        self.pairs.next_if(|p| p.as_rule() == rule)
    }

    /// The next, unless it is one of `rules`.
    pub fn next_unless(&mut self, rules: &[Rule]) -> Option<Node<'s>> {
        self.skip_keywords();
        self.pairs.next_if(|p| !rules.contains(&p.as_rule()))
    }
}

impl<'s> Iterator for Parts<'s> {
    type Item = Node<'s>;

    fn next(&mut self) -> Option<Node<'s>> {
        self.skip_keywords();
        self.pairs.next()
    }
}
