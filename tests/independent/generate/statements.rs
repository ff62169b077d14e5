//! Statements that name no object but locks, and those of them in blocks.

use super::{Around, Feature, Generator, Scope};
use crate::model::{Block, Cond, Fault, Hold, How, Method, Op, Reg, Stmt, Test};

impl Generator {
    pub(super) fn memory(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let p = self.any_place();
        out.push(match self.random.below(10) {
            0..3 => {
                let r = self.reg();
                scope.numbers.push(r);
                Stmt::Read(r, p)
            }
            3..5 if !around.endless => Stmt::AddTo(p, 1),
            5 => Stmt::Copy(p, self.any_place()),
            _ => Stmt::Write(p, self.val(scope, !around.endless)),
        });
    }

    pub(super) fn method(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let p = self.any_place();
        let (a, b) = (self.random.number(0, 1), self.random.number(0, 2));
        let r = self.reg();
        out.push(match self.random.below(6) {
            0 => {
                scope.numbers.push(r);
                Stmt::Method(Some(r), p, Method::Load)
            }
            1 => Stmt::Method(None, p, Method::Store(b)),
            2 if !around.endless => Stmt::Method(None, p, Method::Add(1)),
            3 => {
                scope.numbers.push(r);
                Stmt::Method(Some(r), p, Method::Swap(b))
            }
            _ => {
                scope.bools.push(r);
                Stmt::Method(Some(r), p, Method::Cas(a, b))
            }
        });
    }

    pub(super) fn lock(&mut self, around: &Around) -> usize {
        let free: Vec<usize> = self.locks.iter().copied().filter(|l| !around.held.contains(l)).collect();
        if free.is_empty() || self.random.percent(3) { self.random.pick(&self.locks) } else { self.random.pick(&free) }
    }

    pub(super) fn with(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.lock(around);
        if around.held.contains(&lock) && self.random.percent(90) {
            return self.memory(scope, around, out);
        }
        let body = self.holding(2, scope, around, lock);
        out.push(Stmt::With(lock, Hold::Lock, body));
    }

    pub(super) fn branch(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let yes = self.inner(1, 2, scope, around);
        let no = if self.random.percent(30) { self.inner(1, 1, scope, around) } else { Vec::new() };
        out.push(Stmt::If(cond, yes, no));
    }

    pub(super) fn repeat(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let body = self.inner(1, 2, scope, &Around { looped: true, ..around.clone() });
        out.push(Stmt::Repeat(2, body));
    }

    pub(super) fn leave(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let how = match self.random.below(10) {
            0..3 if around.endless && around.looped => Stmt::Continue,
            0..8 if around.looped => Stmt::Break,
            _ => Stmt::Return,
        };
        out.push(Stmt::If(cond, vec![how], Vec::new()));
    }

    pub(super) fn exit(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        let code = self.random.number(0, 1) * 3;
        out.push(Stmt::If(cond, vec![Stmt::Exit(code)], Vec::new()));
    }

    pub(super) fn attempt(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.random.pick(&self.locks);
        let how = self.how();
        if how == How::Wait {
            return self.with(scope, around, out);
        }
        let (take, r) = self.bool_of(scope, lock, Op::Acquire, how);
        out.push(take);
        if self.random.percent(88) {
            let mut yes = self.holding(1, scope, &Around { looped: false, ..around.clone() }, lock);
            yes.push(Stmt::Op(None, lock, Op::Release, How::Wait));
            let no = if self.random.percent(30) { self.inner(1, 1, scope, around) } else { Vec::new() };
            out.push(Stmt::If(Cond::True(r), yes, no));
        }
    }

    pub(super) fn careless(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let lock = self.random.pick(&self.locks);
        if self.random.percent(40) {
            return out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
        }
        out.push(Stmt::Op(None, lock, Op::Acquire, How::Wait));
        if self.random.percent(50) {
            out.extend(self.holding(1, scope, around, lock));
        }
        if self.random.percent(70) {
            out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
        }
    }

    pub(super) fn spin(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut body = if self.random.percent(60) { vec![Stmt::Yield] } else { Vec::new() };
        match self.random.below(10) {
            0..4 => {
                let cond = self.at_any();
                out.push(Stmt::While(cond, body));
            }
            4..6 => {
                let lock = self.random.pick(&self.locks);
                out.push(Stmt::While(Cond::NotTaken(lock), body));
                out.extend(self.holding(1, scope, &Around { looped: false, ..around.clone() }, lock));
                out.push(Stmt::Op(None, lock, Op::Release, How::Wait));
            }
            6..8 => {
                let (a, b) = (self.at_any(), self.at_any());
                let cond = self.joined(a, b);
                body.push(self.note());
                out.push(Stmt::While(cond, body));
            }
            _ => {
                let r = self.reg();
                let (old, new) = (self.random.number(0, 1), self.random.number(0, 1));
                let mut all = vec![
                    Stmt::Method(Some(r), self.atomic_place(), Method::Cas(old, new)),
                    Stmt::If(Cond::True(r), vec![Stmt::Break], Vec::new()),
                ];
                all.extend(body);
                out.push(Stmt::Loop(all));
            }
        }
    }

    pub(super) fn endless(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let nested = around.depth > 0;
        let around = Around { looped: true, endless: true, ..around.clone() };
        let mut body = self.inner(1, 3, scope, &around);
        // Within a loop that ends, what is behind it would seem to come.
        if nested || self.random.percent(75) {
            let cond = self.cond(scope);
            body.push(Stmt::If(cond, vec![Stmt::Break], Vec::new()));
        }
        // A round without a step would be no round of any interleaving.
        body.push(if self.random.percent(70) { Stmt::Yield } else { Stmt::Sleep });
        out.push(Stmt::Loop(body));
    }

    /// Of places that are all atomic, or of one: what looks that do not hold reach.
    pub(super) fn look_cond(&mut self) -> Cond {
        if self.random.percent(25) {
            return self.at_any();
        }
        let cond = self.at_atomic();
        if self.random.percent(70) {
            return cond;
        }
        let more = self.at_atomic();
        self.joined(cond, more)
    }

    pub(super) fn awaits(&mut self, _: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.look_cond();
        out.push(Stmt::Await(cond));
    }

    pub(super) fn atomically(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        if around.within_atomically {
            return self.memory(scope, around, out);
        }
        let cond = if self.random.percent(40) { Some(self.look_cond()) } else { None };
        let around = Around { within_atomically: true, ..around.clone() };
        let mut scope = scope.clone();
        let mut body = Vec::new();
        for _ in 0..self.random.number(1, 2) {
            match self.random.below(10) {
                0..6 => self.memory(&mut scope, &around, &mut body),
                6 => self.method(&mut scope, &around, &mut body),
                7 => {
                    let cond = self.at_any();
                    let mut yes = Vec::new();
                    self.memory(&mut scope.clone(), &around, &mut yes);
                    body.push(Stmt::If(cond, yes, Vec::new()));
                }
                8 if self.has(Feature::Event) => {
                    let e = self.object("e").expect("it is declared");
                    body.push(Stmt::Op(None, e, Op::Set, How::Wait));
                }
                8 if self.has(Feature::Choose) => self.choose(&mut scope, &around, &mut body),
                9 if self.has(Feature::Attempt) => {
                    let lock = self.random.pick(&self.locks);
                    let (take, r) = self.bool_of(&mut scope, lock, Op::Acquire, How::Try);
                    body.push(take);
                    let give = Stmt::Op(None, lock, Op::Release, How::Wait);
                    body.push(Stmt::If(Cond::True(r), vec![give], Vec::new()));
                }
                9 if self.has(Feature::Break) => {
                    let cond = self.at_any();
                    body.push(Stmt::If(cond, vec![Stmt::Return], Vec::new()));
                }
                _ => self.memory(&mut scope, &around, &mut body),
            }
        }
        out.push(Stmt::Atomically(cond, body));
    }

    pub(super) fn submit(&mut self, job: usize, scope: &mut Scope, out: &mut Block) {
        out.push(Stmt::Submit(job));
        if self.program.tasks[job].count > 1 {
            return;
        }
        if self.random.percent(25) {
            out.push(Stmt::Join(job));
        } else if self.has(Feature::Timed) && self.random.percent(30) {
            let r = self.reg();
            out.push(Stmt::JoinFor(r, job));
            scope.bools.push(r);
        }
    }

    /// Both go on, or the child does something else and ends.
    pub(super) fn fork(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let (may, goes_on) = self.forks;
        if around.within_atomically || !may {
            return self.memory(scope, around, out);
        }
        let answer = self.reg();
        out.push(Stmt::Fork(answer));
        // The child of a child would be one too many.
        self.forks = (false, false);
        let mut child = self.inner(1, 2, scope, around);
        if !goes_on || self.random.percent(60) {
            child.push(if self.random.percent(50) { Stmt::Exit(self.random.number(0, 3)) } else { Stmt::Return });
        }
        let parent = if self.random.percent(30) { self.inner(1, 1, scope, around) } else { Vec::new() };
        out.push(Stmt::If(Cond::Reg(answer, Test::Eq, 0), child, parent));
        if self.random.percent(55) {
            let reg = self.reg();
            let pid = self.random.percent(50).then_some(answer);
            let wait = Stmt::WaitChild(reg, pid);
            if self.random.percent(40) {
                out.push(Stmt::Try(vec![wait], vec![Fault::NoChild], Vec::new()));
            } else {
                out.push(wait);
                scope.numbers.push(reg);
            }
        }
    }

    pub(super) fn pool(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        if around.within_atomically {
            return self.memory(scope, around, out);
        }
        match self.random.below(8) {
            0..3 => out.push(Stmt::ClosePool),
            3 | 4 => out.push(Stmt::TerminatePool),
            5 if self.has(Feature::Timed) => {
                let r = self.reg();
                scope.bools.push(r);
                out.push(Stmt::JoinPool(Some(r)));
            }
            _ => {
                if self.random.percent(70) {
                    out.push(Stmt::ClosePool);
                }
                out.push(Stmt::JoinPool(None));
            }
        }
    }

    pub(super) fn choose(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let r = self.reg();
        scope.numbers.push(r);
        out.push(Stmt::Choose(r, 2));
    }

    pub(super) fn print(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let all: Vec<Reg> = [&scope.numbers[..], &scope.bools, &scope.taken].concat();
        let some = !all.is_empty() && self.random.percent(75);
        out.push(Stmt::Print(some.then(|| self.random.pick(&all))));
    }

    pub(super) fn assert(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let cond = self.cond(scope);
        out.push(Stmt::Assert(cond));
    }

    pub(super) fn catch(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut body = self.inner(1, 2, scope, around);
        if self.random.percent(50) {
            let cond = self.cond(scope);
            body.push(Stmt::If(cond, vec![Stmt::Raise], Vec::new()));
        }
        let faults = self.random.pick(&[
            vec![Fault::Raised],
            vec![Fault::NotOwner, Fault::Raised],
            vec![Fault::Assertion],
            Fault::ALL.to_vec(),
        ]);
        let caught = self.inner(1, 1, scope, around);
        out.push(Stmt::Try(body, faults, caught));
    }
}
