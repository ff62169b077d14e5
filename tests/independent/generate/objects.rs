//! Operations on objects: what waits, and what ends the waits of others.

use super::{Around, Feature, Generator, Scope};
use crate::model::{Arm, Block, Cond, Fault, Hold, How, Into, Kind, Op, Otherwise, Stmt, Val};

impl Generator {
    pub(super) fn semaphore(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let s = self.object("s").expect("it is declared");
        let how = self.how();
        out.push(match self.random.below(3) {
            0 => Stmt::Op(None, s, Op::Acquire, How::Wait),
            1 if how != How::Wait => self.bool_of(scope, s, Op::Acquire, how).0,
            _ if around.endless => Stmt::Op(None, s, Op::Acquire, How::Wait),
            _ => Stmt::Op(None, s, Op::Release, How::Wait),
        });
    }

    pub(super) fn event(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let e = self.object("e").expect("it is declared");
        out.push(match self.random.below(8) {
            0..3 => Stmt::Op(None, e, Op::Set, How::Wait),
            3..4 => Stmt::Op(None, e, Op::Clear, How::Wait),
            4 if self.has(Feature::Timed) => self.bool_of(scope, e, Op::Wait, How::Timed).0,
            _ => Stmt::Op(None, e, Op::Wait, How::Wait),
        });
    }

    pub(super) fn condition(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let c = self.object("c").expect("it is declared");
        let Kind::Condition(m) = self.program.objects[c].kind else { unreachable!("it is one") };
        let mut inner = Vec::new();
        if self.random.percent(50) {
            if self.random.percent(50) {
                inner.push(Stmt::Write(self.any_place(), Val::Int(self.random.number(0, 2))));
            }
            inner.push(Stmt::Op(None, c, self.random.pick(&[Op::Notify, Op::NotifyAll]), How::Wait));
        } else if self.has(Feature::Timed) && self.random.percent(40) {
            let scope = if around.held.contains(&m) { scope } else { &mut Scope::default() };
            inner.push(self.bool_of(scope, c, Op::Wait, How::Timed).0);
        } else if self.random.percent(50) {
            inner.push(Stmt::Op(None, c, Op::Wait, How::Wait));
        } else {
            let cond = self.at_any();
            inner.push(Stmt::While(cond, vec![Stmt::Op(None, c, Op::Wait, How::Wait)]));
        }
        if around.held.contains(&m) || self.random.percent(3) {
            out.extend(inner);
        } else {
            out.push(Stmt::With(m, Hold::Lock, inner));
        }
    }

    pub(super) fn how(&mut self) -> How {
        match (self.has(Feature::Attempt), self.has(Feature::Timed)) {
            (true, true) => self.random.pick(&[How::Wait, How::Try, How::Timed]),
            (true, false) => self.random.pick(&[How::Wait, How::Try]),
            (false, true) => self.random.pick(&[How::Wait, How::Timed]),
            _ => How::Wait,
        }
    }

    /// A `get`, whose error is caught if it does not wait.
    pub(super) fn get(&mut self, queue: usize, scope: &mut Scope, out: &mut Block) {
        let (reg, how) = (self.reg(), self.how());
        scope.taken.push(reg);
        if how == How::Wait || self.random.percent(5) {
            out.push(Stmt::Op(Some(Into { reg, new: true }), queue, Op::Get, how));
        } else {
            out.push(Stmt::Let(reg, 9));
            let get = Stmt::Op(Some(Into { reg, new: false }), queue, Op::Get, how);
            let caught = if self.random.percent(40) { vec![self.note()] } else { Vec::new() };
            out.push(Stmt::Try(vec![get], vec![Fault::Empty], caught));
        }
    }

    pub(super) fn note(&mut self) -> Stmt {
        Stmt::Write(self.atomic_place(), Val::Int(self.random.number(0, 2)))
    }

    pub(super) fn put(&mut self, queue: usize, scope: &mut Scope, around: &Around, out: &mut Block) {
        let how = self.how();
        let put = Stmt::Op(None, queue, Op::Put(self.val(scope, !around.endless)), how);
        if how == How::Wait && !(self.has(Feature::Close) && self.random.percent(60)) || self.random.percent(5) {
            out.push(put);
        } else {
            let caught = if self.random.percent(40) { vec![self.note()] } else { Vec::new() };
            let faults = self.random.pick(&[vec![Fault::Full], vec![Fault::Full, Fault::Closed], Fault::ALL.to_vec()]);
            out.push(Stmt::Try(vec![put], faults, caught));
        }
    }

    pub(super) fn queue(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let q = self.object("q").expect("it is declared");
        self.put_or_get(q, scope, around, out);
    }

    pub(super) fn hand_over(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let z = self.object("z").expect("it is declared");
        self.put_or_get(z, scope, around, out);
    }

    pub(super) fn put_or_get(&mut self, queue: usize, scope: &mut Scope, around: &Around, out: &mut Block) {
        let unbounded = self.program.objects[queue].kind == Kind::Queue(None);
        if self.has(Feature::Close) && self.random.percent(25) {
            if self.random.percent(60) {
                let close = Stmt::Op(None, queue, Op::Close, How::Wait);
                let faults = vec![Fault::Closed];
                out.push(if self.random.percent(80) { Stmt::Try(vec![close], faults, Vec::new()) } else { close });
            } else {
                let r = self.reg();
                let mut inner = scope.clone();
                inner.taken.push(r);
                let body = self.inner(1, 1, &inner, &Around { looped: true, endless: true, ..around.clone() });
                out.push(Stmt::ForQueue(r, queue, body));
            }
        } else if self.random.percent(50) || unbounded && around.endless {
            self.get(queue, scope, out);
        } else {
            self.put(queue, scope, around, out);
        }
    }

    pub(super) fn barrier(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let w = self.object("w").expect("it is declared");
        let catches = |body| Stmt::Try(vec![body], vec![Fault::BrokenBarrier], Vec::new());
        out.push(match self.random.below(8) {
            0..3 => Stmt::Op(None, w, Op::Wait, How::Wait),
            3 if self.has(Feature::Timed) => catches(Stmt::Op(None, w, Op::Wait, How::Timed)),
            4 if self.has(Feature::Careless) && !around.endless => {
                Stmt::Op(None, w, self.random.pick(&[Op::Abort, Op::Reset]), How::Wait)
            }
            5 => catches(Stmt::Op(None, w, Op::Wait, How::Wait)),
            _ => {
                let reg = self.reg();
                scope.numbers.push(reg);
                Stmt::Op(Some(Into { reg, new: true }), w, Op::Wait, How::Wait)
            }
        });
    }

    pub(super) fn latch(&mut self, scope: &mut Scope, _: &Around, out: &mut Block) {
        let l = self.object("l").expect("it is declared");
        out.push(match self.random.below(5) {
            0..2 => Stmt::Op(None, l, Op::CountDown, How::Wait),
            2 if self.has(Feature::Timed) => self.bool_of(scope, l, Op::Wait, How::Timed).0,
            _ => Stmt::Op(None, l, Op::Wait, How::Wait),
        });
    }

    pub(super) fn rwlock(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let g = self.object("g").expect("it is declared");
        let write = self.random.percent(50);
        let (hold, take, give) = match write {
            true => (Hold::Write, Op::AcquireWrite, Op::ReleaseWrite),
            false => (Hold::Read, Op::AcquireRead, Op::ReleaseRead),
        };
        if around.held.contains(&g) && self.random.percent(90) {
            return self.memory(scope, around, out);
        }
        let how = self.how();
        if how == How::Wait {
            let body = self.holding(2, scope, around, g);
            return out.push(Stmt::With(g, hold, body));
        }
        let (take, r) = self.bool_of(scope, g, take, how);
        out.push(take);
        if self.random.percent(90) {
            let mut body = self.holding(1, scope, &Around { looped: false, ..around.clone() }, g);
            body.push(Stmt::Op(None, g, give, How::Wait));
            out.push(Stmt::If(Cond::True(r), body, Vec::new()));
        }
    }

    pub(super) fn select(&mut self, scope: &mut Scope, around: &Around, out: &mut Block) {
        let mut from: Vec<(usize, Op)> = Vec::new();
        let free: Vec<usize> = self.locks.iter().copied().filter(|l| !around.held.contains(l)).collect();
        from.extend(free.first().map(|l| (*l, Op::Acquire)));
        from.extend(self.object("q").into_iter().flat_map(|q| [(q, Op::Get), (q, Op::Put(Val::Int(1)))]));
        from.extend(self.object("z").into_iter().flat_map(|z| [(z, Op::Get), (z, Op::Put(Val::Int(1)))]));
        from.extend(self.object("s").map(|s| (s, Op::Acquire)));
        from.extend(self.object("l").map(|l| (l, Op::Wait)));
        from.extend(self.object("e").map(|e| (e, Op::Wait)));
        let count = self.random.number(1, 3);
        let mut arms: Vec<Arm> = Vec::new();
        for _ in 0..count {
            if from.is_empty() {
                break;
            }
            let at = self.random.below(from.len());
            let (object, op) = from.remove(at);
            if around.endless && matches!(op, Op::Put(_)) && self.program.objects[object].kind == Kind::Queue(None) {
                continue;
            }
            let mut inner = scope.clone();
            let into = (op == Op::Get && self.random.percent(60)).then(|| self.reg());
            inner.taken.extend(into);
            let is_lock = matches!(self.program.objects[object].kind, Kind::Lock { .. });
            let mut body = if self.random.percent(70) {
                let looped = around.looped && !is_lock;
                self.inner(1, 1, &inner, &Around { looped, depth: 2, ..around.clone() })
            } else {
                Vec::new()
            };
            if is_lock {
                body.push(Stmt::Op(None, object, Op::Release, How::Wait));
            }
            arms.push(Arm { into, object, op, body });
        }
        if arms.is_empty() {
            return;
        }
        let otherwise = match self.random.below(4) {
            0 | 1 => Otherwise::Nothing,
            2 => Otherwise::Else(self.inner(0, 1, scope, around)),
            _ => Otherwise::After(self.inner(0, 1, scope, around)),
        };
        out.push(Stmt::Select(arms, otherwise));
    }
}
