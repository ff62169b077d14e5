//! Expressions over constants: counts, arguments and first values of
//! declarations, evaluated before anything runs.

use super::scope::{Global, Globals};
use super::value::{ObjRef, Value, arithmetic};
use crate::lang::ast::{BinaryOp, Expr, ExprKind, Span, StrPart, UnaryOp};
use crate::lang::error::{ScriptError, nearest};
use std::collections::HashSet;

/// What declarations may mention; `kinds_of` gives a declared object's kind.
pub struct Constants<'a> {
    pub globals: &'a Globals,
    /// Names of declarations that are not laid out yet.
    pub later: &'a HashSet<String>,
    /// Constants that stand further down.
    pub below: &'a HashSet<String>,
    /// An error here will be told, so a name like the unknown one is of use.
    pub told: bool,
    pub kind_of: &'a dyn Fn(u32) -> u8,
    /// The first number and the kind of a row of objects.
    pub row_of: &'a dyn Fn(u32) -> (u32, u32, u8),
}

impl Constants<'_> {
    /// An error without a message follows from one that has been told.
    pub fn eval(&self, expr: &Expr) -> Result<Value, ScriptError> {
        match &expr.kind {
            ExprKind::Int(i) => Ok(Value::Int(*i)),
            ExprKind::Duration(d) => Ok(Value::Duration(*d)),
            ExprKind::Bool(b) => Ok(Value::Bool(*b)),
            ExprKind::None => Ok(Value::None),
            ExprKind::Paren(inner) => self.eval(inner),
            ExprKind::Str(parts) => self.text(parts, expr),
            ExprKind::List(items) => Ok(Value::list(items.iter().map(|e| self.eval(e)).collect::<Result<_, _>>()?)),
            ExprKind::Name(name) => self.name(name, expr),
            ExprKind::Unary { op, value } => {
                let v = self.eval(value)?;
                let result = match op {
                    UnaryOp::Neg => arithmetic::negate(&v),
                    UnaryOp::Not => arithmetic::truth(&v).map(|b| Value::Bool(!b)),
                };
                result.map_err(|e| ScriptError::new(expr.span, e.message))
            }
            ExprKind::Binary { op, left, right } => self.binary(*op, left, right, expr),
            ExprKind::Index { object, index } => self.index(object, index, expr),
            _ => Err(not_constant(expr)),
        }
    }

    fn text(&self, parts: &[StrPart], expr: &Expr) -> Result<Value, ScriptError> {
        let mut text = String::new();
        for part in parts {
            match part {
                StrPart::Text(t) => text.push_str(t),
                StrPart::Expr(e) => match self.eval(e)? {
                    Value::Str(s) => text.push_str(&s),
                    Value::Int(i) => text.push_str(&i.to_string()),
                    Value::Bool(b) => text.push_str(&b.to_string()),
                    _ => return Err(not_constant(expr)),
                },
            }
        }
        Ok(Value::string(text))
    }

    fn name(&self, name: &str, expr: &Expr) -> Result<Value, ScriptError> {
        match self.globals.get(name) {
            // Why there is no value has been told.
            Some(Global::Const(Value::Missing)) => Err(ScriptError::new(expr.span, "")),
            Some(Global::Const(v)) => Ok(v.clone()),
            Some(Global::Object(id)) => Ok(Value::Object(ObjRef { id: *id, kind: (self.kind_of)(*id) })),
            Some(Global::Function(f)) => Ok(Value::Function(*f)),
            Some(_) => Err(not_constant(expr)),
            None if self.later.contains(name) => Err(not_constant(expr)),
            None if self.below.contains(name) => {
                Err(ScriptError::new(expr.span, format!("`{name}` is defined further down"))
                    .label("not known yet")
                    .help(format!("a constant is made of those above it: write `const {name}` above this one")))
            }
            None => {
                let mut error =
                    ScriptError::new(expr.span, format!("`{name}` is not defined")).label("not defined").unknown();
                if let Some(near) = nearest(name, self.globals.names().filter(|_| self.told)) {
                    error = error.help(format!("there is `{near}`"));
                } else {
                    error =
                        error.help(format!("`const {name} = …` defines a value, `lock {name}` and its like an object"));
                }
                Err(error)
            }
        }
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr, expr: &Expr) -> Result<Value, ScriptError> {
        let a = self.eval(left)?;
        let stops = match op {
            BinaryOp::And => a == Value::Bool(false),
            BinaryOp::Or => a == Value::Bool(true),
            _ => false,
        };
        if stops {
            return Ok(a);
        }
        let b = self.eval(right)?;
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return Ok(b);
        }
        arithmetic::binary(op, &a, &b).map_err(|e| {
            ScriptError::new(expr.span, e.message).help("it is worked out before the run; write another value")
        })
    }

    fn index(&self, object: &Expr, index: &Expr, expr: &Expr) -> Result<Value, ScriptError> {
        let ExprKind::Name(name) = &object.kind else { return Err(not_constant(expr)) };
        let Some(Global::ObjectRow(row)) = self.globals.get(name) else { return Err(not_constant(expr)) };
        let (first, count, kind) = (self.row_of)(*row);
        match self.eval(index)? {
            Value::Int(i) if i >= 0 && (i as u64) < u64::from(count) => {
                Ok(Value::Object(ObjRef { id: first + i as u32, kind }))
            }
            Value::Int(i) => Err(no_place(index.span, name, count, i)),
            _ => Err(ScriptError::new(index.span, "an index is an integer").help(format!("write `{name}[0]`"))),
        }
    }
}

/// What the run says, before it, with the places that there are.
pub(super) fn no_place(span: Span, name: &str, count: u32, index: i64) -> ScriptError {
    let places = if count == 1 { "1 place".to_owned() } else { format!("{count} places") };
    let error = ScriptError::new(span, format!("`{name}` has {places}, and the index is {index}"));
    error.label("no such place").help(match count {
        0 => format!("a row of none has no `{name}[0]`: declare at least one"),
        1 => format!("write `{name}[0]`"),
        _ if index < 0 => format!("places are counted from 0; the last one is `{name}[{}]`", count - 1),
        _ => format!("they are `{name}[0]` to `{name}[{}]`", count - 1),
    })
}

fn not_constant(expr: &Expr) -> ScriptError {
    let help = "counts, arguments and first values of declarations are made of literals and `const` names";
    let help = match expr.kind {
        ExprKind::Call { .. } | ExprKind::Spawn(_) => {
            format!("{help}; what is made later is assigned later: `var x = none`, then `x = …` in a statement")
        }
        _ => help.to_owned(),
    };
    ScriptError::new(expr.span, "this is not known before the script runs").label("not a constant").help(help)
}
