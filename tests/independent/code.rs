//! A task's body as a row of instructions, with jumps, and for each instruction the
//! place where an error in it goes on. It owns what `with`, `try`, loops and
//! `return` come to.

use crate::model::{
    Arm, Block, Cond, Fault, Hold, How, Into, Look, Memory, Method, Op, Otherwise, Program, Reg, Stmt, Test, Val,
};

#[derive(Clone, Copy, Debug)]
pub enum Check {
    True(Reg),
    False(Reg),
    Is(Reg, Test, i32),
}

#[derive(Clone, Debug)]
pub enum Ins {
    // Nobody else sees these.
    Jump(usize),
    /// The next round of a loop.
    Again(usize),
    Branch(Check, usize),
    Let(Reg, Val),
    Forget(Vec<Reg>),
    /// The error under way is caught here if it is one of these, else it goes on there.
    Catch(Vec<Fault>, usize),
    /// Each of these is a step.
    Read(Reg, usize),
    Write(usize, Val),
    Method(Option<Reg>, usize, Method),
    Look(Reg, usize, Look),
    Op(Option<Reg>, usize, Op, How),
    /// `for` over a queue: a value, or out.
    Next(Reg, usize, usize),
    Await(Cond),
    Begin(Option<Cond>),
    Leave,
    Choose(Reg, i32),
    Select(Vec<(Option<Reg>, usize, Op, usize)>, Over),
    Print(Option<Reg>),
    Pause,
    Spawn(usize),
    Join(usize),
    JoinFor(Reg, usize),
    JoinAll,
    Fork(Reg),
    WaitChild(Reg, Option<Reg>),
    Submit(usize),
    ClosePool,
    TerminatePool,
    JoinPool(Option<Reg>),
    Terminate(usize),
    Kill(usize),
    Exit(i32),
    Raise(Fault),
    End,
    /// Ends with the error under way.
    Die,
}

#[derive(Clone, Copy, Debug)]
pub enum Over {
    Nothing,
    Else(usize),
    After(usize),
}

pub struct Code {
    pub code: Vec<Ins>,
    /// Of each instruction, where an error in it goes on.
    pub pads: Vec<usize>,
    /// Where the last round of a `repeat` ends, and where the first begins: who does not
    /// count takes it to go round again.
    pub rounds: Vec<(usize, usize)>,
}

impl Ins {
    /// Where it may go on but at the next one.
    pub fn targets(&self) -> Vec<usize> {
        match self {
            Ins::Jump(to) | Ins::Again(to) | Ins::Branch(_, to) | Ins::Next(_, _, to) | Ins::Catch(_, to) => vec![*to],
            Ins::Select(arms, over) => {
                let mut out: Vec<usize> = arms.iter().map(|a| a.3).collect();
                if let Over::Else(to) | Over::After(to) = over {
                    out.push(*to);
                }
                out
            }
            _ => Vec::new(),
        }
    }

    /// It never goes on at the next one.
    pub fn leaves(&self) -> bool {
        matches!(
            self,
            Ins::Jump(_) | Ins::Again(_) | Ins::Select(..) | Ins::Exit(_) | Ins::Raise(_) | Ins::End | Ins::Die
        )
    }
}

/// Around an instruction.
enum Frame {
    With(usize, Op),
    Atomically,
    Try(usize),
}

struct Around {
    frame: Frame,
    /// The one further out.
    pad: usize,
}

struct Inner {
    /// So many frames are outside of the loop.
    depth: usize,
    breaks: Vec<usize>,
    top: usize,
}

struct Compiler<'a> {
    program: &'a Program,
    code: Vec<Ins>,
    /// Of each instruction, the number of its pad.
    pad_of: Vec<usize>,
    /// Pads: what is done there, and which one is further out. The first ends the task.
    pads: Vec<Option<(Frame, usize)>>,
    pad: usize,
    around: Vec<Around>,
    loops: Vec<Inner>,
    /// Registers of its own, behind those of the program.
    next: Reg,
    rounds: Vec<(usize, usize)>,
}

const UNKNOWN: usize = usize::MAX;

/// The code of a task; registers from `first` on are free for it.
pub fn compile(program: &Program, body: &Block, first: Reg) -> (Code, Reg) {
    let mut c = Compiler {
        program,
        code: Vec::new(),
        pad_of: Vec::new(),
        pads: vec![None],
        pad: 0,
        around: Vec::new(),
        loops: Vec::new(),
        next: first,
        rounds: Vec::new(),
    };
    c.block(body);
    c.emit(Ins::End);
    let mut at = Vec::new();
    for ix in 0..c.pads.len() {
        at.push(c.code.len());
        match c.pads[ix].take() {
            None => {
                c.emit(Ins::Die);
            }
            Some((frame, out)) => {
                c.pad = out;
                match frame {
                    Frame::With(o, op) => {
                        c.emit(Ins::Op(None, o, op, How::Wait));
                    }
                    Frame::Atomically => {
                        c.emit(Ins::Leave);
                    }
                    Frame::Try(catch) => {
                        c.emit(Ins::Jump(catch));
                        continue;
                    }
                }
                // A pad stands before those within it, so where it begins is known.
                c.emit(Ins::Jump(at[out]));
            }
        }
    }
    let ends: Vec<usize> = (0..c.code.len()).collect();
    for ix in ends {
        if let Ins::Catch(_, to) = &mut c.code[ix] {
            *to = at[*to];
        }
    }
    let pads = c.pad_of.iter().map(|p| at[*p]).collect();
    (Code { code: c.code, pads, rounds: c.rounds }, c.next)
}

impl Compiler<'_> {
    fn emit(&mut self, ins: Ins) -> usize {
        self.code.push(ins);
        self.pad_of.push(self.pad);
        self.code.len() - 1
    }

    fn patch(&mut self, at: usize) {
        let here = self.code.len();
        match &mut self.code[at] {
            Ins::Jump(to) | Ins::Branch(_, to) | Ins::Next(_, _, to) => *to = here,
            other => unreachable!("{other:?} goes nowhere else"),
        }
    }

    fn fresh(&mut self) -> Reg {
        self.next += 1;
        self.next - 1
    }

    /// Goes on if it is true; what else goes elsewhere is given back, to be patched.
    fn cond(&mut self, cond: &Cond) -> Vec<usize> {
        match cond {
            Cond::And(a, b) => {
                let mut out = self.cond(a);
                out.extend(self.cond(b));
                out
            }
            Cond::Or(a, b) => {
                let no = self.cond(a);
                let yes = self.emit(Ins::Jump(UNKNOWN));
                no.into_iter().for_each(|at| self.patch(at));
                let out = self.cond(b);
                self.patch(yes);
                out
            }
            Cond::Place(p, test, n) => {
                let r = self.fresh();
                self.emit(Ins::Read(r, *p));
                vec![self.emit(Ins::Branch(Check::Is(r, *test, *n), UNKNOWN))]
            }
            Cond::Look(o, look) => {
                let r = self.fresh();
                self.emit(Ins::Look(r, *o, *look));
                vec![self.emit(Ins::Branch(Check::True(r), UNKNOWN))]
            }
            Cond::NotTaken(o) => {
                let r = self.fresh();
                self.emit(Ins::Op(Some(r), *o, Op::Acquire, How::Try));
                vec![self.emit(Ins::Branch(Check::False(r), UNKNOWN))]
            }
            Cond::Reg(r, test, n) => vec![self.emit(Ins::Branch(Check::Is(*r, *test, *n), UNKNOWN))],
            Cond::True(r) => vec![self.emit(Ins::Branch(Check::True(*r), UNKNOWN))],
            Cond::False(r) => vec![self.emit(Ins::Branch(Check::False(*r), UNKNOWN))],
        }
    }

    /// The ways out of all that is around, down to `depth`.
    fn unwind(&mut self, depth: usize) {
        let pad = self.pad;
        for ix in (depth..self.around.len()).rev() {
            let Around { frame, pad } = &self.around[ix];
            self.pad = *pad;
            match frame {
                Frame::With(o, op) => {
                    let (o, op) = (*o, *op);
                    self.emit(Ins::Op(None, o, op, How::Wait));
                }
                Frame::Atomically => {
                    self.emit(Ins::Leave);
                }
                Frame::Try(_) => {}
            }
        }
        self.pad = pad;
    }

    fn within(&mut self, frame: Frame, body: &Block) {
        let inner = match &frame {
            Frame::With(o, op) => Frame::With(*o, *op),
            Frame::Atomically => Frame::Atomically,
            Frame::Try(at) => Frame::Try(*at),
        };
        let out = self.pad;
        self.pads.push(Some((inner, out)));
        self.pad = self.pads.len() - 1;
        self.around.push(Around { frame, pad: out });
        self.block(body);
        self.around.pop();
        self.pad = out;
    }

    fn looped(&mut self, top: usize, body: &Block) -> Inner {
        self.loops.push(Inner { depth: self.around.len(), breaks: Vec::new(), top });
        self.block(body);
        self.emit(Ins::Again(top));
        self.loops.pop().expect("it was pushed")
    }

    fn block(&mut self, block: &Block) {
        let mut declared = Vec::new();
        for stmt in block {
            self.stmt(stmt, &mut declared);
        }
        if !declared.is_empty() {
            self.emit(Ins::Forget(declared));
        }
    }

    fn stmt(&mut self, stmt: &Stmt, declared: &mut Vec<Reg>) {
        let mut new = |r: Option<Reg>| declared.extend(r);
        match stmt {
            Stmt::Let(r, n) => {
                new(Some(*r));
                self.emit(Ins::Let(*r, Val::Int(*n)));
            }
            Stmt::Read(r, p) => {
                new(Some(*r));
                self.emit(Ins::Read(*r, *p));
            }
            Stmt::Write(p, v) => {
                self.emit(Ins::Write(*p, *v));
            }
            Stmt::Copy(to, from) => {
                let r = self.fresh();
                self.emit(Ins::Read(r, *from));
                self.emit(Ins::Write(*to, Val::Reg(r)));
                self.emit(Ins::Forget(vec![r]));
            }
            Stmt::AddTo(p, n) if self.program.places[*p].memory == Memory::Atomic => {
                self.emit(Ins::Method(None, *p, Method::Add(*n)));
            }
            Stmt::AddTo(p, n) => {
                let r = self.fresh();
                self.emit(Ins::Read(r, *p));
                self.emit(Ins::Write(*p, Val::Plus(r, *n)));
                self.emit(Ins::Forget(vec![r]));
            }
            Stmt::Method(into, p, method) => {
                new(*into);
                self.emit(Ins::Method(*into, *p, *method));
            }
            Stmt::If(cond, yes, no) => {
                let out = self.cond(cond);
                self.block(yes);
                if no.is_empty() {
                    out.into_iter().for_each(|at| self.patch(at));
                } else {
                    let over = self.emit(Ins::Jump(UNKNOWN));
                    out.into_iter().for_each(|at| self.patch(at));
                    self.block(no);
                    self.patch(over);
                }
            }
            Stmt::While(cond, body) => {
                let top = self.code.len();
                let out = self.cond(cond);
                let inner = self.looped(top, body);
                out.into_iter().chain(inner.breaks).for_each(|at| self.patch(at));
            }
            Stmt::Loop(body) => {
                let inner = self.looped(self.code.len(), body);
                inner.breaks.into_iter().for_each(|at| self.patch(at));
            }
            Stmt::Repeat(n, body) => {
                // The rounds, one behind the other: a counter would be a place of its own.
                self.loops.push(Inner { depth: self.around.len(), breaks: Vec::new(), top: UNKNOWN });
                let begin = self.code.len();
                for _ in 0..*n {
                    self.block(body);
                }
                let end = self.emit(Ins::Jump(UNKNOWN));
                self.patch(end);
                self.rounds.push((end, begin));
                let inner = self.loops.pop().expect("it was pushed");
                inner.breaks.into_iter().for_each(|at| self.patch(at));
            }
            Stmt::ForQueue(r, q, body) => {
                let top = self.emit(Ins::Next(*r, *q, UNKNOWN));
                let inner = self.looped(top, body);
                self.patch(top);
                inner.breaks.into_iter().for_each(|at| self.patch(at));
            }
            Stmt::Break => {
                let depth = self.loops.last().expect("within a loop").depth;
                self.unwind(depth);
                let at = self.emit(Ins::Jump(UNKNOWN));
                self.loops.last_mut().expect("within a loop").breaks.push(at);
            }
            Stmt::Continue => {
                let &Inner { depth, top, .. } = self.loops.last().expect("within a loop");
                self.unwind(depth);
                self.emit(Ins::Jump(top));
            }
            Stmt::Return => {
                self.unwind(0);
                self.emit(Ins::End);
            }
            Stmt::With(o, hold, body) => {
                let (take, give) = match hold {
                    Hold::Lock => (Op::Acquire, Op::Release),
                    Hold::Read => (Op::AcquireRead, Op::ReleaseRead),
                    Hold::Write => (Op::AcquireWrite, Op::ReleaseWrite),
                };
                self.emit(Ins::Op(None, *o, take, How::Wait));
                self.within(Frame::With(*o, give), body);
                self.emit(Ins::Op(None, *o, give, How::Wait));
            }
            Stmt::Op(into, o, op, how) => {
                new(into.filter(|i| i.new).map(|i| i.reg));
                self.emit(Ins::Op(into.map(|i: Into| i.reg), *o, *op, *how));
            }
            Stmt::Try(body, faults, caught) => {
                let over = self.emit(Ins::Jump(UNKNOWN));
                // Which pad is further out, for now; where it begins, in the end.
                let catch = self.emit(Ins::Catch(faults.clone(), self.pad));
                self.block(caught);
                let end = self.emit(Ins::Jump(UNKNOWN));
                self.patch(over);
                self.within(Frame::Try(catch), body);
                self.patch(end);
            }
            Stmt::Raise => {
                self.emit(Ins::Raise(Fault::Raised));
            }
            Stmt::Assert(cond) => {
                let no = self.cond(cond);
                let over = self.emit(Ins::Jump(UNKNOWN));
                no.into_iter().for_each(|at| self.patch(at));
                self.emit(Ins::Raise(Fault::Assertion));
                self.patch(over);
            }
            Stmt::Await(cond) => {
                self.emit(Ins::Await(cond.clone()));
            }
            Stmt::Atomically(cond, body) => {
                self.emit(Ins::Begin(cond.clone()));
                self.within(Frame::Atomically, body);
                self.emit(Ins::Leave);
            }
            Stmt::Choose(r, n) => {
                new(Some(*r));
                self.emit(Ins::Choose(*r, *n));
            }
            Stmt::Select(arms, otherwise) => self.select(arms, otherwise),
            Stmt::Print(r) => {
                self.emit(Ins::Print(*r));
            }
            Stmt::Yield | Stmt::Sleep => {
                self.emit(Ins::Pause);
            }
            Stmt::Spawn(d) => {
                self.emit(Ins::Spawn(*d));
            }
            Stmt::Join(d) => {
                self.emit(Ins::Join(*d));
            }
            Stmt::JoinFor(r, d) => {
                new(Some(*r));
                self.emit(Ins::JoinFor(*r, *d));
            }
            Stmt::JoinAll => {
                self.emit(Ins::JoinAll);
            }
            Stmt::Submit(d) => {
                for _ in 0..self.program.tasks[*d].count {
                    self.emit(Ins::Submit(*d));
                }
            }
            Stmt::Fork(r) => {
                new(Some(*r));
                self.emit(Ins::Fork(*r));
            }
            Stmt::WaitChild(r, pid) => {
                new(Some(*r));
                self.emit(Ins::WaitChild(*r, *pid));
            }
            Stmt::ClosePool => {
                self.emit(Ins::ClosePool);
            }
            Stmt::TerminatePool => {
                self.emit(Ins::TerminatePool);
            }
            Stmt::JoinPool(r) => {
                new(*r);
                self.emit(Ins::JoinPool(*r));
            }
            Stmt::Terminate(d) => {
                self.emit(Ins::Terminate(*d));
            }
            Stmt::Kill(d) => {
                self.emit(Ins::Kill(*d));
            }
            Stmt::Exit(n) => {
                self.emit(Ins::Exit(*n));
            }
        }
    }

    fn select(&mut self, arms: &[Arm], otherwise: &Otherwise) {
        let at = self.emit(Ins::Select(Vec::new(), Over::Nothing));
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        for arm in arms {
            begins.push((arm.into, arm.object, arm.op, self.code.len()));
            self.block(&arm.body);
            self.emit(Ins::Forget(arm.into.into_iter().collect()));
            ends.push(self.emit(Ins::Jump(UNKNOWN)));
        }
        let here = self.code.len();
        let over = match otherwise {
            Otherwise::Nothing => Over::Nothing,
            Otherwise::Else(body) => {
                self.block(body);
                Over::Else(here)
            }
            Otherwise::After(body) => {
                self.block(body);
                Over::After(here)
            }
        };
        ends.into_iter().for_each(|at| self.patch(at));
        self.code[at] = Ins::Select(begins, over);
    }
}
