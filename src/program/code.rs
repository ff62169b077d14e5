//! The compiled form of a script: one flat run of instructions with a span
//! each, functions as entries into it, and the tables of declared memory and
//! objects. It owns the shapes; `machine` gives the instructions meaning.

use super::apart::Apart;
use super::kind::{KindSpec, Memory, Update};
use super::reads::Reads;
use super::table::Table;
use super::value::{ErrorKind, Value};
use crate::lang::ast::{BinaryOp, Expect, Span};
use std::collections::HashSet;
use std::sync::Arc;

/// A place in a frame.
pub type Slot = u16;
/// An index into `Program::code`.
pub type Pc = u32;

/// One instruction of the stack machine. Operands are taken off the task's
/// stack, results are pushed. Those marked *step* are carried out by the
/// backend; the machine stops there.
#[derive(Clone, Debug)]
pub enum Instr {
    Const(u32),
    Int(i32),
    Bool(bool),
    None,
    Function(u32),
    Load(Slot),
    Store(Slot),
    Pop,
    /// *Step*: one place of declared memory.
    ReadCell(u32),
    WriteCell(u32),
    /// `x += 1` on one place: two *steps*, a read and a write.
    AddCell {
        cell: u32,
        amount: i32,
    },
    /// *Step*: a place of a declared row; the index is on the stack.
    ReadElement(u32),
    WriteElement(u32),
    /// *Step*: an indivisible access: `Program::updates`.
    UpdateCell {
        cell: u32,
        update: Update,
    },
    UpdateElement {
        row: u32,
        update: Update,
    },
    /// The reference to a declared object; of a row, the index on the stack.
    Object(u32),
    ObjectElement(u32),
    /// All of a row, as a list of references.
    ObjectRow(u32),
    /// `a.f`: a record's field, a handle's or an error's property.
    GetField {
        symbol: u32,
        indexed: bool,
    },
    SetField {
        symbol: u32,
        indexed: bool,
    },
    /// `a.f += 1`: on an `atomic` field one step, else a read and a write.
    UpdateField {
        symbol: u32,
        indexed: bool,
        op: BinaryOp,
    },
    Unary(UnaryCode),
    Binary(BinaryOp),
    Index,
    /// `xs[a..b]`; the bounds that are written are on the stack.
    Slice {
        from: bool,
        to: bool,
        inclusive: bool,
    },
    List(u16),
    /// `a..b` as a list.
    Range {
        inclusive: bool,
    },
    /// That many values into one string.
    Format(u16),
    Builtin {
        builtin: Builtin,
        argc: u8,
    },
    Jump(Pc),
    JumpIfFalse(Pc),
    /// `and`, `or`: keeps the value if it decides, else takes it off.
    JumpIfFalseKeep(Pc),
    JumpIfTrueKeep(Pc),
    /// The right side of the two, where it is not certain: it must be true or false, and
    /// stays.
    Truth,
    /// Checks a count for `repeat`; pops it into the slot.
    RepeatInit(Slot),
    RepeatNext {
        slot: Slot,
        end: Pc,
    },
    /// `for i in a..b`: the bounds are popped into two slots.
    RangeInit {
        slot: Slot,
        inclusive: bool,
    },
    RangeNext {
        slot: Slot,
        variable: Slot,
        end: Pc,
    },
    /// `for v in list or queue`: pops it into the slot, and 0 into the next.
    EachInit(Slot),
    /// *Step* on a queue.
    EachNext {
        slot: Slot,
        variable: Slot,
        end: Pc,
    },
    Call {
        function: u32,
        argc: u8,
    },
    /// The callee lies below its arguments.
    CallValue {
        argc: u8,
    },
    Return,
    /// If the parameter was given, go on at `given`.
    IfGiven {
        slot: Slot,
        given: Pc,
    },
    /// *Step*: a method of an object, of a place through a record's field, …:
    /// `Program::calls`.
    CallMethod(u32),
    /// *Step*: take or let go of the object in a slot, as `with` does.
    /// `Program::withs`.
    WithAcquire(u32),
    WithRelease(u32),
    /// An error raised until `PopHandler` goes on at `handler`, pushed.
    PushHandler(Pc),
    PopHandler,
    /// Raise the error on the stack again.
    Reraise,
    /// If the error on the stack is of one of these kinds (all, if empty).
    IfKind {
        kinds: u32,
        otherwise: Pc,
    },
    Raise,
    Assert {
        with_message: bool,
    },
    /// *Steps*, in the backend's hands.
    Spawn(u32),
    /// The callee lies below its arguments; the pool above them.
    Submit {
        argc: u8,
    },
    Join {
        timeout: bool,
    },
    JoinAll {
        timeout: bool,
    },
    Terminate,
    Kill,
    Exit,
    Fork,
    Wait {
        argc: u8,
    },
    Sleep,
    Busy,
    Yield,
    Print(u16),
    Choose,
    SelfInfo(SelfInfo),
    Select(u32),
    NewObject(u32),
    NewRecord(u32),
    /// `atomically {`.
    AtomicBegin,
    AtomicEnd,
    /// `await c`: begins an exclusive look; the condition follows.
    AwaitBegin {
        await_index: u32,
        nested: bool,
    },
    /// Pops the condition: done, or wait for a change and look again.
    AwaitEnd {
        await_index: u32,
        again: Pc,
    },
    /// The end of a task's body.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryCode {
    Not,
    Neg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    Len,
    Min,
    Max,
    Abs,
    Str,
    Int,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SelfInfo {
    Handle,
    Name,
    Index,
    Pid,
    Ppid,
    Tid,
}

/// What the receiver of a method is, as far as the compiler can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// A declared object.
    Object(u32),
    /// One of a declared row.
    Row(u32),
    /// Found while running; it lies below the arguments. Where it was read from a field, that one's
    /// name.
    Dynamic { field: Option<u32> },
    /// A field of the record below the arguments, which may be memory: `a.n.add(1)`.
    Field { symbol: u32, indexed: bool },
}

/// Whether what a field of that name gives may come from anywhere: a task's result is no field of
/// a record, whatever fields there are.
pub fn gives_anything(field: &str) -> bool {
    field == "result"
}

/// A method call: positional arguments first, then named ones.
#[derive(Clone, Debug)]
pub struct MethodCall {
    pub receiver: Receiver,
    pub symbol: u32,
    /// Known if the receiver's kind is.
    pub method: Option<u8>,
    pub positional: u8,
    /// The symbols of the named ones, in the order of the stack.
    pub named: Vec<u32>,
    /// The method is known, and only what it cannot do without is given: it
    /// waits as long as it takes.
    pub bare: bool,
}

/// A `with`.
#[derive(Clone, Debug)]
pub struct WithSite {
    /// The hidden local that keeps the object.
    pub slot: Slot,
    /// `read` of `with rw.read`.
    pub mode: Option<u32>,
    /// A declared object is not kept in the slot: it is known.
    pub receiver: Receiver,
    pub known: Option<super::value::ObjRef>,
    /// With no mode: what takes it and what lets go of it.
    pub plain: Option<(u8, u8)>,
}

/// A `spawn`.
#[derive(Clone, Debug)]
pub struct SpawnSite {
    pub process: bool,
    pub daemon: bool,
    pub target: SpawnTarget,
    /// Of a block: this local of the spawner goes to that local of the block.
    pub captures: Vec<(Slot, Slot)>,
    pub argc: u8,
    /// `x N`: the count is on the stack, above the arguments.
    pub counted: bool,
    /// `as "…"`: the name is on top of the stack.
    pub named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnTarget {
    Function(u32),
    /// The callee lies below its arguments.
    Value,
}

/// A `select`. Each arm's operands are on the stack, in order: the receiver
/// (if dynamic or a row's index) and the arguments, or the handle of a `join`.
#[derive(Clone, Debug)]
pub struct SelectSite {
    pub arms: Vec<ArmSite>,
    /// The duration is on top.
    pub after: Option<Pc>,
    pub otherwise: Option<Pc>,
}

#[derive(Clone, Debug)]
pub struct ArmSite {
    pub operation: ArmOperation,
    pub span: Span,
    /// Where its value goes.
    pub bind: Option<Slot>,
    pub body: Pc,
}

#[derive(Clone, Debug)]
pub enum ArmOperation {
    Method(MethodCall),
    Join,
}

/// An object made while running: `queue(3)`.
#[derive(Clone, Debug)]
pub struct NewSite {
    pub kind: u8,
    /// One for each parameter of the kind: on the stack, or left out.
    pub given: Vec<bool>,
    pub options: u32,
    /// What reports call it: where it is first kept, with its line.
    pub name: String,
}

/// A record made while running: `Account(balance: 100)`.
#[derive(Clone, Debug)]
pub struct RecordSite {
    pub structure: u32,
    /// The fields whose first values are on the stack, in that order.
    pub fields: Vec<u32>,
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    Main,
    Task,
    Fn,
    /// `spawn { }`.
    Block,
    Finally,
    Invariant,
}

/// An entry into the code.
#[derive(Clone, Debug)]
pub struct Function {
    pub name: String,
    pub kind: FunctionKind,
    pub entry: Pc,
    /// One past its last instruction.
    pub end: Pc,
    pub params: u8,
    /// Parameters without a default.
    pub required: u8,
    pub slots: u16,
    pub span: Span,
}

/// Declared memory: `count` places from `first` on; `None` is a single one.
#[derive(Clone, Debug)]
pub struct MemoryDecl {
    pub name: String,
    pub memory: Memory,
    pub first: u32,
    pub count: Option<u32>,
    pub init: Value,
    pub span: Span,
}

/// A declared object, or one of a row.
#[derive(Clone, Debug)]
pub struct ObjectDecl {
    /// `m`, `fork[0]`.
    pub name: String,
    pub kind: u8,
    pub args: Vec<Value>,
    pub options: u32,
    pub span: Span,
}

/// A row of declared objects: `count` from `first` on.
#[derive(Clone, Debug)]
pub struct ObjectRow {
    pub name: String,
    pub first: u32,
    pub count: u32,
    pub kind: u8,
}

/// A row of declared places.
#[derive(Clone, Debug)]
pub struct MemoryRow {
    pub name: String,
    pub memory: Memory,
    pub first: u32,
    pub count: u32,
}

#[derive(Clone, Debug)]
pub struct Struct {
    pub name: String,
    pub fields: Vec<Field>,
    pub span: Span,
}

impl Struct {
    /// The name of a place or an object in a record: `Account.balance`, `Ring.slot[1]`.
    pub fn field_name(&self, field: &Field, index: u32) -> String {
        match field.count {
            None => format!("{}.{}", self.name, field.name),
            Some(_) => format!("{}.{}[{index}]", self.name, field.name),
        }
    }

    /// The field of memory that a record has at a place of its `var` memory, or of
    /// what all share: its number, and which place of the field it is.
    pub fn memory_at(&self, private: bool, place: u32) -> Option<(usize, u32)> {
        let at = |field: &Field| match &field.what {
            FieldKind::Memory { memory, first, .. } if (*memory == Memory::Var) == private => {
                place.checked_sub(*first).filter(|index| *index < field.count.unwrap_or(1))
            }
            _ => None,
        };
        self.fields.iter().enumerate().find_map(|(n, field)| Some((n, at(field)?)))
    }
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub symbol: u32,
    pub count: Option<u32>,
    pub what: FieldKind,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum FieldKind {
    /// Its places stand from `first` on among the record's of that home.
    Memory { memory: Memory, first: u32, init: Value },
    /// Its objects stand from `first` on among the record's; an argument that
    /// names a sibling is `Value::Int` of that field's place, see `siblings`.
    Object { kind: u8, first: u32, args: Vec<FieldArg>, options: u32 },
}

#[derive(Clone, Debug)]
pub enum FieldArg {
    Value(Value),
    /// The record's own object of that number.
    Sibling(u32),
}

/// `expect some EXPR`, `expect every EXPR`: what some or all complete
/// executions end with.
#[derive(Clone, Debug)]
pub struct Claim {
    pub every: bool,
    /// Gives a bool.
    pub function: u32,
    pub span: Span,
}

/// Which parts of a backend a script needs at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// `atomically`, `await` or `invariant`: steps must be held off.
    pub gate: bool,
    pub awaits: bool,
    /// `self.ppid`: what becomes of the process that made one is asked for.
    pub parents: bool,
}

/// A script, ready to be executed.
#[derive(Clone, Debug)]
pub struct Program {
    pub kinds: &'static [KindSpec],
    pub code: Table<Instr>,
    /// One for each instruction.
    pub spans: Table<Span>,
    pub constants: Table<Value>,
    pub symbols: Table<String>,
    pub functions: Table<Function>,
    pub main: u32,
    pub finally: Option<u32>,
    /// Functions that give a bool, with what they read.
    pub invariants: Table<(u32, Reads)>,
    pub claims: Table<Claim>,
    pub memory: Table<MemoryDecl>,
    /// For each place its declaration in `memory`.
    pub cells: Table<u32>,
    pub memory_rows: Table<MemoryRow>,
    pub objects: Table<ObjectDecl>,
    pub object_rows: Table<ObjectRow>,
    pub structs: Table<Struct>,
    pub calls: Table<MethodCall>,
    pub withs: Table<WithSite>,
    pub spawns: Table<SpawnSite>,
    pub selects: Table<SelectSite>,
    pub news: Table<NewSite>,
    pub records: Table<RecordSite>,
    pub awaits: u32,
    pub error_kinds: Table<Vec<ErrorKind>>,
    pub expects: Table<Expect>,
    pub consts: Table<(String, Value)>,
    /// By kind and method: the arguments when none is given.
    pub defaults: Arc<Vec<Vec<Vec<Value>>>>,
    pub needs: Needs,
    pub apart: Apart,
}

impl Program {
    /// Programs made of this one share its tables.
    pub fn seal(&mut self) {
        self.code.seal();
        self.spans.seal();
        self.constants.seal();
        self.symbols.seal();
        self.functions.seal();
        self.invariants.seal();
        self.claims.seal();
        self.memory.seal();
        self.cells.seal();
        self.memory_rows.seal();
        self.objects.seal();
        self.object_rows.seal();
        self.structs.seal();
        self.calls.seal();
        self.withs.seal();
        self.spawns.seal();
        self.selects.seal();
        self.news.seal();
        self.records.seal();
        self.error_kinds.seal();
        self.expects.seal();
        self.consts.seal();
    }

    pub fn span(&self, pc: Pc) -> Span {
        self.spans.get(pc as usize).copied().unwrap_or_default()
    }

    /// Gives everything another place in the source.
    pub fn move_spans(&mut self, to: impl Fn(Span) -> Span) {
        let shift = |span: &mut Span| *span = to(*span);
        self.spans.iter_mut().for_each(shift);
        self.functions.iter_mut().for_each(|f| shift(&mut f.span));
        self.claims.iter_mut().for_each(|c| shift(&mut c.span));
        self.memory.iter_mut().for_each(|m| shift(&mut m.span));
        self.objects.iter_mut().for_each(|o| shift(&mut o.span));
        for structure in self.structs.iter_mut() {
            shift(&mut structure.span);
            structure.fields.iter_mut().for_each(|f| shift(&mut f.span));
        }
        self.selects.iter_mut().flat_map(|s| &mut s.arms).for_each(|a| shift(&mut a.span));
    }

    /// Where the `await` stands with which the `atomically` at a place begins, if
    /// it does, and its place in `awaits`.
    pub fn block_awaits(&self, begin: Pc) -> Option<(Pc, u32)> {
        let mut code = (begin + 1..).zip(self.code.iter().skip(begin as usize + 1));
        match code.find(|(_, i)| !matches!(i, Instr::PushHandler(_))) {
            Some((pc, Instr::AwaitBegin { await_index, nested: true })) => Some((pc, *await_index)),
            _ => None,
        }
    }

    /// Whether any task, `main` aside, has code that ends others.
    pub fn may_end_tasks(&self) -> bool {
        let ends = |i: &Instr| match i {
            Instr::Terminate | Instr::Kill | Instr::Exit => true,
            Instr::CallMethod(call) => self.symbols[self.calls[*call as usize].symbol as usize] == "terminate",
            _ => false,
        };
        let others = self.functions.iter().filter(|f| f.kind != FunctionKind::Main);
        others.flat_map(|f| self.code.range(f.entry as usize..f.end as usize)).any(ends)
    }

    /// What an invariant looks at, as names and values, so many that a report can
    /// show them.
    pub fn invariant_values(&self, index: usize, shown: impl Fn(u32) -> String) -> Vec<(String, String)> {
        const SHOWN_MAX: usize = 20;
        let reads = &self.invariants[index].1;
        let rows = reads.rows.iter().flat_map(|r| {
            let row = &self.memory_rows[*r as usize];
            row.first..row.first + row.count
        });
        let mut told = HashSet::new();
        let cells = reads.cells.iter().copied().chain(rows).filter(|cell| told.insert(*cell));
        cells.take(SHOWN_MAX).map(|cell| (self.cell_name(cell), shown(cell))).collect()
    }

    /// The memory that a declared place is of.
    pub fn memory_of(&self, cell: u32) -> Memory {
        self.memory[self.cells[cell as usize] as usize].memory
    }

    /// The name of a place: `balance`, `flag[1]`.
    pub fn cell_name(&self, cell: u32) -> String {
        let decl = &self.memory[self.cells[cell as usize] as usize];
        match decl.count {
            None => decl.name.clone(),
            Some(_) => format!("{}[{}]", decl.name, cell - decl.first),
        }
    }
}
