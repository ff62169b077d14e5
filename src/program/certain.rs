//! What is known of a value before the run: that of a literal, of a constant, of
//! what is declared once under its name. It owns the refusal of operands that
//! would be the error `Type` whenever they are reached; what only the run knows is
//! left to it.

use super::expression::strip;
use super::*;
use crate::lang::ast::{BinaryOp, StrPart, UnaryOp};
use crate::program::built_in;
use crate::program::foreign::value_method;
use crate::program::kind::{HANDLE_FIELDS, Method};
use crate::program::value::{ErrorKind, ObjRef};

/// The names of what literals and constants are: what is asked of them shows none.
struct Unnamed;

impl crate::program::value::Names for Unnamed {
    fn object(&self, _object: ObjRef) -> String {
        String::new()
    }
    fn function(&self, _function: u32) -> String {
        String::new()
    }
}

/// The kind of a value, as far as it is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certain {
    None,
    Bool,
    Int,
    Duration,
    Str,
    List,
    /// An object of this kind.
    Object(u8),
    Task,
    Fn,
    /// A task that was spawned, or a job.
    Handle,
    Record,
}

use Certain::{Duration, Int, Str};

impl Compiler<'_> {
    pub(super) fn certain(&mut self, e: &Expr) -> Option<Certain> {
        Some(match &e.kind {
            ExprKind::Int(_) => Int,
            ExprKind::Duration(_) => Duration,
            ExprKind::Bool(_) => Certain::Bool,
            ExprKind::None => Certain::None,
            ExprKind::Str(_) => Str,
            ExprKind::List(_) => Certain::List,
            ExprKind::Paren(inner) => return self.certain(inner),
            ExprKind::Name(name) => {
                if self.local(name, e.span).is_some() {
                    return None;
                }
                match self.globals.get(name)? {
                    Global::Const(value) => return of_value(value),
                    Global::Object(id) => Certain::Object(self.program.objects[*id as usize].kind),
                    Global::ObjectRow(_) => Certain::List,
                    Global::Function(f) => match self.program.functions[*f as usize].kind {
                        FunctionKind::Fn => Certain::Fn,
                        _ => Certain::Task,
                    },
                    // What a place holds may change, and a struct is no value.
                    Global::Memory(_) | Global::Struct(_) => return None,
                }
            }
            ExprKind::Index { .. } => Certain::Object(self.kind_of(e)?),
            ExprKind::Unary { op: UnaryOp::Not, .. } => Certain::Bool,
            ExprKind::Unary { op: UnaryOp::Neg, value } => return self.certain(value),
            ExprKind::Binary { op, left, right } => match op {
                BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Lt
                | BinaryOp::Le
                | BinaryOp::Gt
                | BinaryOp::Ge
                | BinaryOp::In
                | BinaryOp::And
                | BinaryOp::Or => Certain::Bool,
                BinaryOp::Add | BinaryOp::Sub => {
                    let left = self.certain(left)?;
                    return (Some(left) == self.certain(right)).then_some(left);
                }
                _ => return None,
            },
            ExprKind::Range { from: Some(_), to: Some(_), .. } => Certain::List,
            ExprKind::Spawn(s) => match s.count {
                Some(_) => Certain::List,
                None => Certain::Handle,
            },
            ExprKind::Submit { .. } => Certain::Handle,
            ExprKind::Call { callee, .. } => match &callee.kind {
                ExprKind::Name(name) if self.local(name, callee.span).is_none() => match self.globals.get(name) {
                    Some(Global::Struct(_)) => Certain::Record,
                    Some(_) => return None,
                    None => match name.as_str() {
                        "len" | "abs" | "int" | "fork" => Int,
                        "str" => Str,
                        _ => Certain::Object(self.kind_named(name)?),
                    },
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The value of a literal or a constant.
    pub(super) fn exactly(&mut self, e: &Expr) -> Option<Value> {
        match &e.kind {
            ExprKind::Int(i) => Some(Value::Int(*i)),
            ExprKind::Duration(ns) => Some(Value::Duration(*ns)),
            ExprKind::Bool(b) => Some(Value::Bool(*b)),
            ExprKind::None => Some(Value::None),
            ExprKind::Str(parts) => match &parts[..] {
                [] => Some(Value::string("")),
                [StrPart::Text(text)] => Some(Value::string(text.clone())),
                _ => None,
            },
            ExprKind::Paren(inner) => self.exactly(inner),
            ExprKind::List(items) => {
                Some(Value::list(items.iter().map(|item| self.exactly(item)).collect::<Option<Vec<_>>>()?))
            }
            ExprKind::Unary { op: UnaryOp::Neg, value } => match self.exactly(value)? {
                Value::Int(i) => Some(Value::Int(i.checked_neg()?)),
                Value::Duration(ns) => Some(Value::Duration(ns.checked_neg()?)),
                _ => None,
            },
            ExprKind::Name(name) if self.local(name, e.span).is_none() => match self.globals.get(name)? {
                Global::Const(value) if *value != Value::Missing => Some(value.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// `queue(-1)` in a body: what no object can be made with. `given` are the
    /// arguments by the kind's parameters.
    pub(super) fn check_new(&mut self, kind: u8, given: &[Option<&Expr>], options: u32, span: Span) {
        let spec = self.spec(kind);
        let mut values = Vec::new();
        for (param, arg) in spec.params.iter().zip(given) {
            if let (Some(wanted), Some(arg)) = (param.object, arg) {
                if let Some(found) = self.certain(arg)
                    && !matches!(found, Certain::Object(kind) if self.spec(kind).word == wanted)
                {
                    let error = ScriptError::new(
                        arg.span,
                        format!("this must be {}, and it is {}", a(wanted), self.named(found)),
                    );
                    self.error(error.help(format!("`{wanted}()` makes one, and `{wanted} m` declares one")));
                }
                return;
            }
            match arg {
                None => values.push(default_value(param.default)),
                Some(arg) => match self.exactly(arg) {
                    Some(value) => values.push(value),
                    None => return,
                },
            }
        }
        if let Some(text) = spec.refuses(&values, options) {
            let place = given.iter().flatten().next().map_or(span, |e| e.span);
            let word = spec.word;
            self.error(ScriptError::new(place, text).help(format!("such as `{word}(2)`")));
        }
    }

    /// What a value of that kind is called.
    pub(super) fn named(&self, found: Certain) -> String {
        match found {
            Certain::None => "none".to_owned(),
            Certain::Bool => "a bool".to_owned(),
            Int => "an integer".to_owned(),
            Duration => "a duration".to_owned(),
            Str => "a string".to_owned(),
            Certain::List => "a list".to_owned(),
            Certain::Object(kind) => a(self.spec(kind).word),
            Certain::Task => "a task's definition".to_owned(),
            Certain::Fn => "a fn".to_owned(),
            Certain::Handle => "a task that was spawned".to_owned(),
            Certain::Record => "a record".to_owned(),
        }
    }

    /// Refuses an operand that is certainly of another kind than wanted: `what`
    /// takes `wanted`. Whether it did.
    pub(super) fn refuse(&mut self, e: &Expr, takes: &str, fits: impl Fn(&Self, Certain) -> bool, help: &str) -> bool {
        let Some(found) = self.certain(e) else { return false };
        if fits(self, found) {
            return false;
        }
        let found = self.named(found);
        let mut error = ScriptError::new(strip(e).span, format!("{takes}, not {found}"));
        if !help.is_empty() {
            error = error.help(help);
        }
        self.error(error);
        true
    }

    pub(super) fn want_duration(&mut self, e: &Expr, what: &str) {
        // `0` is no time in any unit.
        if matches!(self.exactly(e), Some(Value::Int(0))) {
            return;
        }
        // One that is worked out, as what is left of a time, may come out negative: then it is over.
        if let Some(Value::Duration(ns)) = self.exactly(e)
            && ns < 0
        {
            let help = match what {
                "timeout" => "leave `timeout` out to wait as long as it takes; `0ms` does not wait",
                _ => "there is no time before now",
            };
            let text = format!("`{what}` takes a time from 0 on, not {}", duration_text(ns));
            return self.error(ScriptError::new(strip(e).span, text).help(help));
        }
        let help = match self.exactly(e) {
            Some(Value::Int(n)) => format!("write a unit: `{n}s`, or `ms`, `us`"),
            Some(Value::Str(text))
                if crate::lang::parse::parse_expr(&text).is_ok_and(|e| matches!(e.kind, ExprKind::Duration(_))) =>
            {
                format!("write it without quotes: `{text}`")
            }
            _ => "a duration is written `10ms`".to_owned(),
        };
        self.refuse(e, &format!("`{what}` takes a duration"), |_, found| found == Duration, &help);
    }

    pub(super) fn want_int(&mut self, e: &Expr, takes: &str, help: &str) {
        self.refuse(e, takes, |_, found| found == Int, help);
    }

    /// A number of tasks or of rounds.
    pub(super) fn want_count(&mut self, e: &Expr, takes: &str, help: &str) {
        match self.exactly(e) {
            Some(Value::Int(n)) if n < 0 => {
                self.error(ScriptError::new(strip(e).span, format!("{takes}, not {n}")).help(help));
            }
            _ => self.want_int(e, takes, help),
        }
    }

    /// Where `true` or `false` is wanted. Objects are told of elsewhere.
    pub(super) fn want_bool(&mut self, e: &Expr) {
        let help = match self.certain(e) {
            Some(Int) => "compare it: `x != 0`",
            Some(Str | Certain::List) => "compare it, or ask for its `len(…)`",
            Some(Certain::None) => "compare with it: `x == none`",
            Some(Certain::Handle) => "ask it: `w.alive`",
            Some(found @ (Certain::Task | Certain::Fn | Certain::Record)) => &self.way_to_a_value(e, found),
            Some(Duration) => "compare it: `t > 5ms`; to wait so long write `sleep 5ms`",
            _ => "",
        };
        let sum = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div, BinaryOp::Rem];
        if matches!(&strip(e).kind, ExprKind::Binary { op, .. } if sum.contains(op)) {
            let error = ScriptError::new(strip(e).span, "a condition is true or false, and arithmetic gives neither");
            return self.error(error.help("compare it: `x + 1 == 2`"));
        }
        let fits = |_: &Self, found| matches!(found, Certain::Bool | Certain::Object(_));
        self.refuse(e, "a condition is true or false", fits, help);
    }

    /// Where a task that was spawned is wanted.
    pub(super) fn want_handle(&mut self, e: &Expr, word: &str) {
        let text = strip(e).span.text(self.source).to_owned();
        let help = match self.certain(e) {
            Some(Certain::Task) => format!("name what it gave: `let w = spawn {text}`, then `{word} w`"),
            Some(Certain::Object(kind)) if self.spec(kind).word == "pool" && word != "join" => {
                format!("write `{text}.terminate()`")
            }
            Some(Certain::List) => format!("one after another: `for w in ws {{ {word} w }}`"),
            _ => format!("`let w = spawn worker` gives one: `{word} w`"),
        };
        let pool = |c: &Self, kind: u8| word == "join" && c.spec(kind).word == "pool";
        let fits = |c: &Self, found| match found {
            Certain::Handle => true,
            Certain::List => word == "join",
            Certain::Object(kind) => pool(c, kind),
            _ => false,
        };
        let takes = match word {
            "join" => "`join` takes what `spawn` gave, a list of it or a pool".to_owned(),
            word => format!("`{word}` takes what `spawn` gave"),
        };
        self.refuse(e, &takes, fits, &help);
    }

    /// Where an index stands behind.
    pub(super) fn want_elements(&mut self, e: &Expr) {
        let text = strip(e).span.text(self.source).to_owned();
        let help = match self.certain(e) {
            Some(Certain::Object(kind)) if self.spec(kind).iterate.is_some() => {
                format!("its oldest value is what `{text}.get()` gives")
            }
            Some(Certain::Object(kind)) => {
                format!("several of one name are a row: `{} {text}[2]`", self.spec(kind).word)
            }
            Some(Certain::Handle) => "what `spawn` gave is one task; with `x2` it gives a list".to_owned(),
            Some(Certain::Task | Certain::Fn) => format!("call it: `{text}(…)`"),
            Some(Certain::Record) => "a record has fields: `r.v`".to_owned(),
            _ => String::new(),
        };
        let fits = |_: &Self, found| matches!(found, Certain::List | Str);
        self.refuse(e, "an index takes a list, a string or a row", fits, &help);
    }

    pub(super) fn want_iterable(&mut self, e: &Expr) {
        let help = match self.exactly(e) {
            Some(Value::Int(n)) => format!("write `0..{n}`"),
            _ => "write `for i in 0..3 { }`, `for v in xs { }` or `for v in q { }`".to_owned(),
        };
        let fits = |c: &Self, found| match found {
            Certain::List => true,
            Certain::Object(kind) => c.spec(kind).iterate.is_some(),
            _ => false,
        };
        self.refuse(e, "`for` goes over a range, a list or a queue", fits, &help);
    }

    /// An argument of a method whose kind is known, by the parameter's name.
    pub(super) fn want_argument(&mut self, parameter: &str, e: &Expr) {
        match parameter {
            "timeout" if self.certain(e) == Some(Certain::None) => {}
            "timeout" => self.want_duration(e, "timeout"),
            "blocking" => {
                let help = match self.certain(e) {
                    Some(Duration) => format!("write `timeout: {}`", strip(e).span.text(self.source)),
                    _ => "write `blocking: false`".to_owned(),
                };
                self.refuse(e, "`blocking` is a bool", |_, found| found == Certain::Bool, &help);
            }
            "n" => self.want_int(e, "`n` is an integer", "give a number, or leave it out for 1"),
            "v" if self.certain(e) == Some(Certain::None) => {
                let error = ScriptError::new(strip(e).span, "`none` cannot be put into a queue");
                self.error(error.help("it is what a `get` from a closed queue gives; put another value"));
            }
            _ => {}
        }
    }

    /// A call whose arguments are all literals or constants, and which would raise `Type`: the
    /// function that a run calls is asked.
    pub(super) fn refuse_call(&mut self, builtin: Builtin, args: &[ast::Arg], help: &str) {
        let Some(values) = args.iter().map(|arg| self.exactly(&arg.value)).collect::<Option<Vec<_>>>() else { return };
        if let ([first, ..], Err(error)) = (args, built_in::call(builtin, &values, &Unnamed))
            && error.kind == ErrorKind::Type
        {
            let span = args.iter().fold(first.value.span, |span, arg| span.to(arg.value.span));
            self.error(ScriptError::new(span, error.message).help(help));
        }
    }

    /// The same of a method: `given` are the arguments by its parameters.
    pub(super) fn refuse_arguments(&mut self, method: &Method, given: &[Option<&Expr>]) {
        let mut values = Vec::new();
        for (param, arg) in method.params.iter().zip(given) {
            match arg.map(|arg| self.exactly(arg)) {
                None => values.push(default_value(param.default)),
                Some(Some(value)) => values.push(value),
                Some(None) => return,
            }
        }
        if let (Some((ErrorKind::Type, text)), Some(first)) = ((method.refuses)(&values), given.iter().flatten().next())
        {
            let help = match method.params.iter().any(|param| param.default.is_some()) {
                true => "give another number, or leave it out for 1",
                false => "give another one",
            };
            self.error(ScriptError::new(strip(first).span, text).help(help));
        }
    }

    /// Where what is called stands.
    pub(super) fn want_callable(&mut self, e: &Expr) {
        let fits = |_: &Self, found| matches!(found, Certain::Fn | Certain::Task);
        self.refuse(e, "what is called is a `fn` or a `task`", fits, "define one, `fn f() { }`, and call it: `f()`");
    }

    pub(super) fn want_builtin(&mut self, name: &str, args: &[ast::Arg]) {
        let [arg] = args else { return };
        let e = &arg.value;
        match name {
            "len" => {
                let help = match self.certain(e) {
                    Some(Certain::Object(kind)) if self.spec(kind).word == "queue" => {
                        format!("write `{}.qsize()`", strip(e).span.text(self.source))
                    }
                    _ => "`len(\"text\")` is 4, `len([1, 2])` is 2".to_owned(),
                };
                let fits = |_: &Self, found| matches!(found, Str | Certain::List);
                self.refuse(e, "`len` takes a list or a string", fits, &help);
            }
            "abs" => self.want_int(e, "`abs` takes an integer", "`abs(-3)` is 3"),
            "int" => {
                let fits = |_: &Self, found| matches!(found, Str | Int | Certain::Bool);
                self.refuse(e, "`int` takes a string", fits, "`int(\"7\")` is 7");
            }
            "min" | "max" => {
                let fits = |_: &Self, found| matches!(found, Int | Duration | Str | Certain::List);
                self.refuse(
                    e,
                    &format!("`{name}` compares numbers, durations or strings"),
                    fits,
                    "`max(1, 2)` and `max([1, 2])` are 2",
                );
            }
            "choose" => {
                let help = match self.exactly(e) {
                    Some(Value::Int(n)) => format!("write `choose(0..{n})`"),
                    _ => "write `choose(1..4)` or `choose([a, b])`".to_owned(),
                };
                self.refuse(e, "`choose` takes a list or a range", |_, found| found == Certain::List, &help);
            }
            "wait" => {
                let help = match self.certain(e) {
                    Some(Certain::Handle) => "`join` waits for what `spawn` gave",
                    _ => "`let pid = fork()` gives one; `join` waits for a task",
                };
                self.refuse(e, "`wait` takes the pid of a forked child", |_, found| found == Int, help);
            }
            _ => {}
        }
    }

    /// How one comes from what `e` is to a value.
    fn way_to_a_value(&self, e: &Expr, found: Certain) -> String {
        let text = strip(e).span.text(self.source);
        match found {
            Certain::Task => format!("`spawn {text}` starts it, `join` waits for it, and `.result` is what it gave"),
            Certain::Fn => format!("call it: `{text}(…)`"),
            Certain::Handle => "ask it: `w.alive`, and after `join w` its `w.result`".to_owned(),
            _ => "a record has fields: `r.v`".to_owned(),
        }
    }

    /// `q == 1`: an object is equal to itself alone.
    pub(super) fn want_equals(&mut self, left: &Expr, right: &Expr) {
        for (e, other) in [(left, right), (right, left)] {
            let wanted = match self.certain(other) {
                Some(Int | Duration) => "a number",
                Some(Certain::Bool) => "true or false",
                Some(Str) => "a string",
                _ => continue,
            };
            self.not_a_value(e, wanted);
            if let Some(found @ (Certain::Task | Certain::Fn | Certain::Record)) = self.certain(e) {
                let what = self.named(found);
                let error = ScriptError::new(e.span, format!("{what} is not {wanted}"));
                self.error(error.help(self.way_to_a_value(e, found)));
            }
        }
    }

    /// Operands that no operator of this sort takes, whatever the other is, and
    /// two that do not go together. Objects are told of elsewhere.
    pub(super) fn want_operands(&mut self, op: BinaryOp, left: Option<&Expr>, right: &Expr, span: Span) {
        use BinaryOp::{Add, And, Div, Eq, Ge, Gt, In, Le, Lt, Mul, Ne, Or, Rem, Sub};
        let sign = match op {
            Or | And | Eq | Ne => return,
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            Rem => "%",
            Lt => "<",
            Le => "<=",
            Gt => ">",
            Ge => ">=",
            In => "in",
        };
        let of = |c: &mut Self, e: Option<&Expr>| e.and_then(|e| c.certain(e));
        let (l, r) = (of(self, left), of(self, Some(right)));
        let object = |found: Option<Certain>| matches!(found, Some(Certain::Object(_)));
        if op != In && (object(l) || object(r)) {
            return;
        }
        let takes = |found: Certain| match op {
            Add => matches!(found, Int | Duration | Str | Certain::List),
            Lt | Le | Gt | Ge => matches!(found, Int | Duration | Str),
            _ => matches!(found, Int | Duration),
        };
        if op == In {
            let fits = |_: &Self, found| matches!(found, Str | Certain::List);
            let told = self.refuse(right, "`in` looks in a list or a string", fits, "write `x in [1, 2]`");
            if let (false, Some(l), Some(Str), Some(left)) = (told, l, r, left)
                && l != Str
            {
                let text = format!("`in` looks for a string in a string, not for {}", self.named(l));
                self.error(ScriptError::new(strip(left).span, text).help("write `str(x) in s`"));
            }
            return;
        }
        for (e, found) in [(left, l), (Some(right), r)] {
            if let (Some(e), Some(found)) = (e, found)
                && !takes(found)
            {
                let error = ScriptError::new(strip(e).span, format!("`{sign}` cannot take {}", self.named(found)));
                return self.error(match found {
                    Str => error.help("a string fills in its `{…}`: write `\"{x} items\"`"),
                    Certain::List if op == Mul => {
                        error.help("write the elements out, or declare a row: `var row[3] = 0`")
                    }
                    Certain::List => error.help("take one of its elements, `xs[0]`, or its `len(xs)`"),
                    Certain::Task | Certain::Fn | Certain::Handle | Certain::Record => {
                        error.help(self.way_to_a_value(e, found))
                    }
                    _ if matches!(op, Lt | Le | Gt | Ge) => error.help("it takes integers, durations and strings"),
                    _ => error.help("it takes integers and durations"),
                });
            }
        }
        let (Some(l), Some(r)) = (l, r) else { return };
        let together = l == r && !(op == Mul && l == Duration)
            || matches!((op, l, r), (Mul, Int, Duration) | (Mul | Div, Duration, Int));
        if !together {
            let text = format!("`{sign}` cannot take {} and {}", self.named(l), self.named(r));
            let error = ScriptError::new(span, text);
            self.error(match (l, r) {
                (Str, _) | (_, Str) => error.help("a string fills in its `{…}`: write `\"a{x}\"`, or `str(x)`"),
                (Duration, Int) | (Int, Duration) => error.help("give the number a unit, such as `3ms`"),
                (Duration, Duration) => error.help("a duration times an integer: `5ms * 5`"),
                _ => error.help("both must be of one kind"),
            });
        }
    }

    /// A method of a local that holds a task, or a list of tasks, which have none:
    /// told when all is known that the local is given. Whether it was noted.
    pub(super) fn note_task_method(&mut self, object: &Expr, field: &Name) -> bool {
        let name = strip(object);
        let ExprKind::Name(text) = &name.kind else { return false };
        if self.local(text, name.span).is_none() {
            return false;
        }
        let Some(local) = self.place_of_name(text) else { return false };
        let task = Holding::Object("task");
        let holding = self.names.held(local);
        let of_list = holding == Holding::List(Box::new(task.clone()));
        if !of_list && holding != task {
            return false;
        }
        let has = if of_list { "a list of tasks has" } else { "a task has" };
        let error = ScriptError::new(field.span, format!("{has} no method `{}`", field.text)).label("unknown method");
        self.of_tasks.push((local, error.help(task_mend(&field.text, text, of_list))));
        true
    }

    /// `x.set(2)`, `x.get()` of what holds a number or a string: told when all is known that it
    /// is given. Whether it was noted.
    pub(super) fn note_value_method(&mut self, object: &Expr, field: &Name, args: &[ast::Arg]) -> bool {
        let Some(place) = self.place_of_value(object) else { return false };
        let (text, given) = (object.span.text(self.source), args.first().map(|arg| arg.value.span.text(self.source)));
        let Some(mend) = value_method(&field.text, text, given) else { return false };
        let error =
            ScriptError::new(field.span, format!("`{text}` holds a value, which has no method `{}`", field.text));
        self.of_tasks.push((place, error.label("unknown method").help(mend)));
        true
    }

    /// Where a local, a variable or a row is defined that so far holds numbers, bools or strings.
    fn place_of_value(&mut self, e: &Expr) -> Option<Span> {
        let name = match &strip(e).kind {
            ExprKind::Index { object, .. } => object,
            _ => strip(e),
        };
        let ExprKind::Name(text) = &name.kind else { return None };
        let place = self.place_of_name(text)?;
        (self.names.held(place) == Holding::Plain).then_some(place)
    }

    /// A receiver that certainly has no methods. Whether it was told.
    pub(super) fn no_receiver(&mut self, object: &Expr, field: &Name) -> bool {
        let Some(found) = self.certain(object) else { return false };
        let text = strip(object).span.text(self.source).to_owned();
        let help = match (found, field.text.as_str()) {
            (Certain::Object(_) | Certain::Handle | Certain::Record, _) => return false,
            (Certain::Task, "join" | "wait" | "terminate" | "kill") => {
                let word = if field.text == "wait" { "join" } else { &field.text };
                format!("name what it gave: `let w = spawn {text}`, then `{word} w`")
            }
            (Certain::Task, _) => format!("`spawn {text}` starts it"),
            (Certain::List, "append" | "push" | "add") => "build a new list: `xs = xs + [v]`".to_owned(),
            (Certain::List, method) if self.kinds.iter().any(|k| k.method(method).is_some()) => {
                format!("a row has no methods, one of it has: `{text}[0].{method}()`")
            }
            (Str, "format") => "a string fills in its `{…}`: write `\"x is {x}\"`".to_owned(),
            (Certain::List | Str, "len" | "length" | "size") => format!("write `len({text})`"),
            _ => "objects have methods; values have operators and `len`, `str`, `int`".to_owned(),
        };
        let error = ScriptError::new(field.span, format!("{} has no method `{}`", self.named(found), field.text));
        self.error(error.help(help));
        true
    }
}

/// What is meant with a method of `name`, which holds a task or a list of tasks.
fn task_mend(method: &str, name: &str, of_list: bool) -> String {
    match method {
        "wait" => format!("write `join {name}`"),
        "get" | "take" if of_list => format!("write `join {name}`, then `{name}[0].result`"),
        "get" | "take" => format!("write `join {name}`, then `{name}.result`"),
        "terminate" | "close" | "abort" if of_list => {
            let one = if name == "h" { "one" } else { "h" };
            format!("write `for {one} in {name} {{ terminate {one} }}`")
        }
        "terminate" | "close" | "abort" => format!("write `terminate {name}`"),
        "put" | "put_nowait" | "notify" | "set" => {
            "tasks speak through what is declared: `queue q(3)`, then `q.put(v)`".to_owned()
        }
        _ => format!("`join`, `terminate` and `kill` take a task; its fields: {}", HANDLE_FIELDS.join(", ")),
    }
}

fn of_value(value: &Value) -> Option<Certain> {
    Some(match value {
        Value::None => Certain::None,
        Value::Bool(_) => Certain::Bool,
        Value::Int(_) => Int,
        Value::Duration(_) => Duration,
        Value::Str(_) => Str,
        Value::List(_) => Certain::List,
        _ => return None,
    })
}
