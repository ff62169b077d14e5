//! The syntax tree of a script: what the grammar can tell without knowing
//! what a name means. It owns the shapes and their places in the source; it
//! leaves names, kinds of object and arity to `program`.

use std::fmt;

/// A stretch of source: byte offsets, `start..end`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }
    pub fn is_empty(self) -> bool {
        self.end == self.start
    }
    pub fn text(self, source: &str) -> &str {
        &source[self.start as usize..self.end as usize]
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// An identifier with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    pub text: String,
    pub span: Span,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Const(Const),
    Object(Object),
    Struct(Struct),
    /// `task` or `fn`.
    Function(Function),
    Invariant {
        condition: Expr,
        span: Span,
    },
    Finally {
        body: Block,
        span: Span,
    },
    Expect(Expect),
    /// Part of the body of the task `main`.
    Stmt(Stmt),
}

impl Item {
    pub fn span(&self) -> Span {
        match self {
            Item::Const(item) => item.span,
            Item::Object(item) => item.span,
            Item::Struct(item) => item.span,
            Item::Function(item) => item.span,
            Item::Invariant { span, .. } | Item::Finally { span, .. } => *span,
            Item::Expect(Expect::Code { span, .. } | Expect::Some { span, .. } | Expect::Every { span, .. }) => *span,
            Item::Stmt(stmt) => stmt.span,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    pub name: Name,
    pub value: Expr,
    pub span: Span,
}

/// `kind name[count](arguments) options = init`: a declaration. The grammar
/// takes any word as kind and any words as options.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    pub kind: Name,
    pub name: Name,
    pub count: Option<Expr>,
    /// `None`: no parentheses were written.
    pub args: Option<Vec<Arg>>,
    /// The words after it: `reentrant`, `via manager`, `of processes`.
    pub options: Vec<Name>,
    pub init: Option<Expr>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    pub name: Name,
    pub fields: Vec<Object>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    Task,
    Fn,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    pub kind: FunctionKind,
    pub name: Name,
    pub params: Vec<Param>,
    pub body: Block,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub name: Name,
    pub default: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// `expect race on x, y`; `expect ok` is a code too.
    Code { code: Name, on: Vec<Expr>, span: Span },
    /// `expect some EXPR`.
    Some { condition: Expr, span: Span },
    /// `expect every EXPR`.
    Every { condition: Expr, span: Span },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    pub stmts: Vec<Stmt>,
    /// With the braces.
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    pub kind: StmtKind,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignOp {
    Set,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    Let {
        name: Name,
        value: Expr,
    },
    /// `target` is a name, an index or a field.
    Assign {
        target: Expr,
        op: AssignOp,
        value: Expr,
    },
    /// A call, a spawn, a join, a submit, `wait()`, `fork()` on its own.
    Expr(Expr),
    Terminate(Expr),
    Kill(Expr),
    Exit(Option<Expr>),
    Return(Option<Expr>),
    If {
        condition: Expr,
        then: Block,
        otherwise: Option<Box<Else>>,
    },
    While {
        condition: Expr,
        body: Block,
    },
    Loop(Block),
    Repeat {
        count: Expr,
        body: Block,
    },
    For {
        name: Name,
        over: Expr,
        body: Block,
    },
    /// `with m { }`, `with rw.read { }`.
    With {
        object: Expr,
        body: Block,
    },
    Select(Select),
    Try {
        body: Block,
        catches: Vec<Catch>,
    },
    Raise(Expr),
    Print(Vec<Expr>),
    Sleep(Expr),
    Busy(Expr),
    Yield,
    Assert {
        condition: Expr,
        message: Option<Expr>,
    },
    Await(Expr),
    Atomically(Block),
    Break,
    Continue,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Else {
    Block(Block),
    /// A statement of kind `If`.
    If(Stmt),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    pub arms: Vec<SelectArm>,
    pub after: Option<(Expr, Block)>,
    pub otherwise: Option<Block>,
}

/// `v = q.get() => { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct SelectArm {
    pub bind: Option<Name>,
    /// A method call or a `Join`.
    pub operation: Expr,
    pub body: Block,
    pub span: Span,
}

/// `catch Empty, Full as e { … }`; `any` is a name like the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Catch {
    pub kinds: Vec<Name>,
    pub bind: Option<Name>,
    pub body: Block,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// `timeout: 5ms`.
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    Not,
    Neg,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StrPart {
    /// With its escapes resolved.
    Text(String),
    /// `{expr}`.
    Expr(Expr),
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Int(i64),
    /// Nanoseconds.
    Duration(i64),
    Bool(bool),
    None,
    Str(Vec<StrPart>),
    List(Vec<Expr>),
    Name(String),
    /// `self`, the running task.
    SelfTask,
    Unary {
        op: UnaryOp,
        value: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `0..3`, `1..=3`, and inside an index the slices `1..`, `..2`.
    Range {
        from: Option<Box<Expr>>,
        to: Option<Box<Expr>>,
        inclusive: bool,
    },
    /// Also method calls: `callee` is then a `Field`. Also the built-ins
    /// `len`, `choose`, `fork`, `wait`, …: they are names.
    Call {
        callee: Box<Expr>,
        args: Vec<Arg>,
    },
    /// `xs[i]`, and with a `Range` as index `xs[1..3]`.
    Index {
        object: Box<Expr>,
        index: Box<Expr>,
    },
    Field {
        object: Box<Expr>,
        field: Name,
    },
    Spawn(Box<Spawn>),
    Join {
        what: JoinWhat,
        timeout: Option<Box<Expr>>,
    },
    Submit {
        job: Box<Expr>,
        args: Vec<Arg>,
        pool: Box<Expr>,
    },
    /// Parentheses are kept for the formatter.
    Paren(Box<Expr>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum JoinWhat {
    All,
    /// A handle, a list of handles, a pool.
    Value(Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnKind {
    Thread,
    Process,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Spawn {
    /// `None`: neither `thread` nor `process` was written.
    pub kind: Option<SpawnKind>,
    pub daemon: bool,
    pub what: SpawnWhat,
    /// `x3`, `x N`.
    pub count: Option<Expr>,
    /// `as "w{i}"`.
    pub name: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SpawnWhat {
    /// A task, a fn, or a variable that holds one. `args` is `None` where no
    /// parentheses were written.
    Call {
        callee: Expr,
        args: Option<Vec<Arg>>,
    },
    Block(Block),
}
