//! What the operations on objects come to: section 4 of the language, and section 9
//! for what they order.

use crate::code::{Ins, Over};
use crate::model::{Fault, How, Kind, Op, Reg};
use crate::state::{Clock, Object, State, TASKS, Value, Wait, join};
use crate::step::{Machine, Step, step};

type Operation = (Option<Reg>, usize, Op, How);

/// What an operation comes to now.
enum Comes {
    /// It is done, and gives this.
    Done(Value),
    Raises(Fault),
    /// It would have to wait.
    Waits,
}

impl Machine<'_> {
    /// Of the operations that are over at once or wait: what comes of it now, and
    /// done to the state if it is done.
    fn attempt(&mut self, n: &mut State, t: usize, object: usize, op: Op) -> Comes {
        match op {
            Op::Acquire => {
                let reentrant = self.program.objects[object].kind == Kind::Lock { reentrant: true };
                let clock = match &mut n.objects[object] {
                    Object::Lock { owner, depth, clock } => {
                        if owner.is_some() && !(reentrant && *owner == Some(t)) {
                            return Comes::Waits;
                        }
                        *owner = Some(t);
                        *depth += 1;
                        *clock
                    }
                    Object::Semaphore { value, clock } => {
                        if *value == 0 {
                            return Comes::Waits;
                        }
                        *value -= 1;
                        *clock
                    }
                    other => unreachable!("acquire of {other:?}"),
                };
                self.acquire(n, t, &clock);
                Comes::Done(Value::Bool(true))
            }
            Op::AcquireRead | Op::AcquireWrite => {
                let write = op == Op::AcquireWrite;
                let waits = (0..n.tasks.len()).any(|u| u != t && n.tasks[u].wait == Wait::Write(object));
                let Object::RwLock { writer, readers, written, read } = &mut n.objects[object] else {
                    unreachable!("only of a rwlock")
                };
                if writer.is_some() || if write { !readers.is_empty() } else { waits } {
                    return Comes::Waits;
                }
                let (written, read) = (*written, *read);
                if write {
                    *writer = Some(t);
                } else {
                    readers.push(t);
                    readers.sort_unstable();
                }
                self.acquire(n, t, &written);
                if write {
                    self.acquire(n, t, &read);
                }
                Comes::Done(Value::Bool(true))
            }
            Op::Put(v) => {
                let value = n.tasks[t].value(v);
                let Object::Queue { values, closed, fresh, freed, .. } = &mut n.objects[object] else {
                    unreachable!("put to what is no queue")
                };
                if *closed {
                    return Comes::Raises(Fault::Closed);
                }
                let mut after = [0; TASKS];
                if let Kind::Queue(Some(most)) = self.program.objects[object].kind {
                    if values.len() == most {
                        return Comes::Waits;
                    }
                    // Places are taken in turn: first those that nobody had to free.
                    if *fresh > 0 {
                        *fresh -= 1;
                    } else {
                        after = freed.remove(0);
                    }
                }
                self.acquire(n, t, &after);
                let clock = self.release(n, t);
                let Object::Queue { values, .. } = &mut n.objects[object] else { unreachable!("as above") };
                values.push((value, clock));
                Comes::Done(Value::None)
            }
            Op::Get => self.take(n, t, object).map_or(Comes::Waits, Comes::Done),
            Op::Wait => match &n.objects[object] {
                Object::Latch { value: 0, clock } => {
                    let clock = *clock;
                    self.acquire(n, t, &clock);
                    Comes::Done(Value::Bool(true))
                }
                Object::Event { set: true, clock, .. } => {
                    let clock = *clock;
                    self.acquire(n, t, &clock);
                    Comes::Done(Value::Bool(true))
                }
                _ => Comes::Waits,
            },
            other => unreachable!("{other:?} never waits"),
        }
    }

    /// The oldest value of a queue; none if it is closed and empty.
    pub fn take(&mut self, n: &mut State, t: usize, object: usize) -> Option<Value> {
        let Object::Queue { values, closed, clock, .. } = &mut n.objects[object] else {
            unreachable!("get of what is no queue")
        };
        if values.is_empty() {
            let clock = *clock;
            return closed.then(|| {
                self.acquire(n, t, &clock);
                Value::None
            });
        }
        let (value, clock) = values.remove(0);
        self.acquire(n, t, &clock);
        if let Kind::Queue(Some(_)) = self.program.objects[object].kind {
            let clock = self.release(n, t);
            let Object::Queue { freed, .. } = &mut n.objects[object] else { unreachable!("as above") };
            freed.push(clock);
        }
        Some(value)
    }

    pub fn operation(&mut self, s: &State, t: usize, (into, object, op, how): Operation, out: &mut Vec<Step>) {
        match op {
            Op::Acquire | Op::AcquireRead | Op::AcquireWrite => {}
            Op::Put(_) | Op::Get if self.program.objects[object].kind == Kind::Queue(Some(0)) => {
                return self.hand_over(s, t, (into, object, op, how), out);
            }
            Op::Put(_) | Op::Get => {}
            Op::Wait => match s.objects[object] {
                Object::Latch { .. } => {}
                Object::Event { .. } => return self.wait_event(s, t, (into, object, op, how), out),
                Object::Condition { .. } => return self.wait_condition(s, t, (into, object, op, how), out),
                Object::Barrier { .. } => return self.wait_barrier(s, t, (into, object, op, how), out),
                _ => unreachable!("wait of something else"),
            },
            _ => return self.act(s, t, object, op, out),
        }
        let task = &s.tasks[t];
        let mut n = s.clone();
        n.tasks[t].wait = Wait::No;
        // What an attempt that failed gives.
        let missed = match op {
            Op::Put(_) => Comes::Raises(Fault::Full),
            Op::Get => Comes::Raises(Fault::Empty),
            _ => Comes::Done(Value::Bool(false)),
        };
        let comes = self.attempt(&mut n, t, object, op);
        let waits = matches!(comes, Comes::Waits);
        if !waits {
            let progress = op == Op::Get && matches!(comes, Comes::Done(v) if v != Value::None);
            self.go(n, t, into, comes, progress, out);
        }
        let arrived = task.wait != Wait::No;
        // Time is over only for one that would still have to wait.
        if waits && (how == How::Try || arrived && how == How::Timed) {
            let mut late = s.clone();
            late.tasks[t].wait = Wait::No;
            self.go(late, t, into, missed, false, out);
        } else if waits && !arrived {
            let wait = match op {
                Op::AcquireRead => Wait::Read(object),
                Op::AcquireWrite => Wait::Write(object),
                _ if how == How::Timed => Wait::Timed,
                // That it waits is seen by nobody.
                _ => return,
            };
            let mut stays = s.clone();
            stays.tasks[t].wait = wait;
            out.push(step(t, stays));
        }
    }

    /// The operation is over.
    fn go(&mut self, mut n: State, t: usize, into: Option<Reg>, comes: Comes, progress: bool, out: &mut Vec<Step>) {
        match comes {
            Comes::Done(value) => {
                if let Some(r) = into {
                    n.tasks[t].regs[r] = value;
                }
                n.tasks[t].wait = Wait::No;
                n.tasks[t].pc += 1;
            }
            Comes::Raises(fault) => self.fail(&mut n, t, fault),
            Comes::Waits => unreachable!("it is over"),
        }
        self.settle(&mut n, t);
        out.push(Step { progress, ..step(t, n) });
    }

    /// What is done at once, whoever waits.
    fn act(&mut self, s: &State, t: usize, object: usize, op: Op, out: &mut Vec<Step>) {
        let mut n = s.clone();
        let comes = match (op, &s.objects[object]) {
            (Op::Release, Object::Lock { owner, .. }) => {
                if *owner == Some(t) {
                    self.let_go(&mut n, t, object, false);
                    Comes::Done(Value::None)
                } else {
                    Comes::Raises(Fault::NotOwner)
                }
            }
            (Op::Release, Object::Semaphore { .. }) => {
                let mine = self.release(&mut n, t);
                let Object::Semaphore { value, clock } = &mut n.objects[object] else { unreachable!("as above") };
                *value += 1;
                join(clock, &mine);
                Comes::Done(Value::None)
            }
            (Op::ReleaseRead, Object::RwLock { readers, .. }) => match readers.iter().position(|r| *r == t) {
                Some(at) => {
                    let mine = self.release(&mut n, t);
                    let Object::RwLock { readers, read, .. } = &mut n.objects[object] else { unreachable!("as above") };
                    readers.remove(at);
                    join(read, &mine);
                    Comes::Done(Value::None)
                }
                None => Comes::Raises(Fault::NotOwner),
            },
            (Op::ReleaseWrite, Object::RwLock { writer, .. }) => {
                if *writer == Some(t) {
                    let mine = self.release(&mut n, t);
                    let Object::RwLock { writer, written, .. } = &mut n.objects[object] else {
                        unreachable!("as above")
                    };
                    *writer = None;
                    join(written, &mine);
                    Comes::Done(Value::None)
                } else {
                    Comes::Raises(Fault::NotOwner)
                }
            }
            (Op::Notify | Op::NotifyAll, Object::Condition { waiting, .. }) => {
                let Kind::Condition(lock) = self.program.objects[object].kind else { unreachable!("it is one") };
                if !matches!(s.objects[lock], Object::Lock { owner, .. } if owner == Some(t)) {
                    Comes::Raises(Fault::NotOwner)
                } else {
                    let mine = self.release(&mut n, t);
                    // Which one is woken is open.
                    let which: Vec<Vec<usize>> = match op {
                        Op::Notify if !waiting.is_empty() => waiting.iter().map(|w| vec![*w]).collect(),
                        _ => vec![waiting.clone()],
                    };
                    for woken in which {
                        let mut n = n.clone();
                        let Object::Condition { waiting, notified } = &mut n.objects[object] else {
                            unreachable!("as above")
                        };
                        waiting.retain(|w| !woken.contains(w));
                        // One that was used up has not come too early for anybody else; one to all
                        // would have reached whoever waits later, too.
                        *notified |= woken.is_empty() || op == Op::NotifyAll;
                        for w in woken {
                            n.tasks[w].wait = Wait::Notified(true);
                            n.tasks[w].gift = mine;
                        }
                        self.go(n, t, None, Comes::Done(Value::None), false, out);
                    }
                    return;
                }
            }
            (Op::Set, Object::Event { .. }) => {
                let mine = self.release(&mut n, t);
                let Object::Event { set, was_set, clock } = &mut n.objects[object] else { unreachable!("as above") };
                *set = true;
                *was_set = true;
                join(clock, &mine);
                for u in 0..n.tasks.len() {
                    match n.tasks[u].wait {
                        Wait::Event { object: of, .. } if of == object => n.tasks[u].wait = Wait::Set,
                        Wait::Select { .. } => {
                            let task = &n.tasks[u];
                            let Ins::Select(arms, _) = &self.codes.codes[task.declared].code[task.pc] else {
                                unreachable!("it selects")
                            };
                            if let Some(arm) = arms.iter().position(|a| a.1 == object) {
                                n.tasks[u].wait = Wait::Arm(arm);
                            }
                        }
                        _ => {}
                    }
                }
                Comes::Done(Value::None)
            }
            (Op::Clear, Object::Event { .. }) => {
                let Object::Event { set, .. } = &mut n.objects[object] else { unreachable!("as above") };
                *set = false;
                Comes::Done(Value::None)
            }
            (Op::CountDown, Object::Latch { value, .. }) => {
                if *value == 0 {
                    Comes::Raises(Fault::Negative)
                } else {
                    let mine = self.release(&mut n, t);
                    let Object::Latch { value, clock } = &mut n.objects[object] else { unreachable!("as above") };
                    *value -= 1;
                    join(clock, &mine);
                    Comes::Done(Value::None)
                }
            }
            (Op::Close, Object::Queue { closed, .. }) => {
                if *closed {
                    Comes::Raises(Fault::Closed)
                } else {
                    let mine = self.release(&mut n, t);
                    let Object::Queue { closed, clock, .. } = &mut n.objects[object] else { unreachable!("as above") };
                    *closed = true;
                    *clock = mine;
                    Comes::Done(Value::None)
                }
            }
            (Op::Abort | Op::Reset, Object::Barrier { .. }) => {
                let mine = if op == Op::Reset { self.release(&mut n, t) } else { [0; TASKS] };
                self.break_barrier(&mut n, object, op == Op::Abort, &mine);
                Comes::Done(Value::None)
            }
            (op, object) => unreachable!("{op:?} of {object:?}"),
        };
        self.go(n, t, None, comes, false, out);
    }

    /// The lock is released, however often it was taken if it is for a wait.
    fn let_go(&mut self, n: &mut State, t: usize, lock: usize, whole: bool) {
        let Object::Lock { depth, .. } = &mut n.objects[lock] else { unreachable!("it is a lock") };
        *depth = if whole { 0 } else { *depth - 1 };
        if *depth == 0 {
            let mine = self.release(n, t);
            let Object::Lock { owner, clock, .. } = &mut n.objects[lock] else { unreachable!("it is a lock") };
            *owner = None;
            join(clock, &mine);
        }
    }

    fn wait_event(&mut self, s: &State, t: usize, (into, object, _, how): Operation, out: &mut Vec<Step>) {
        let Object::Event { set, was_set, clock } = &s.objects[object] else { unreachable!("it is an event") };
        let mut n = s.clone();
        match s.tasks[t].wait {
            Wait::No if !*set => {
                n.tasks[t].wait = Wait::Event { object, told: *was_set };
                out.push(step(t, n));
            }
            Wait::No | Wait::Set => {
                self.acquire(&mut n, t, clock);
                self.go(n, t, into, Comes::Done(Value::Bool(true)), false, out);
            }
            _ if how == How::Timed => self.go(n, t, into, Comes::Done(Value::Bool(false)), false, out),
            _ => {}
        }
    }

    fn wait_condition(&mut self, s: &State, t: usize, (into, object, _, how): Operation, out: &mut Vec<Step>) {
        let Kind::Condition(lock) = self.program.objects[object].kind else { unreachable!("it is one") };
        let Object::Lock { owner, .. } = s.objects[lock] else { unreachable!("it is a lock") };
        let mut n = s.clone();
        match s.tasks[t].wait {
            Wait::No if owner != Some(t) => self.go(n, t, into, Comes::Raises(Fault::NotOwner), false, out),
            Wait::No => {
                let Object::Lock { depth, .. } = s.objects[lock] else { unreachable!("as above") };
                self.let_go(&mut n, t, lock, true);
                let Object::Condition { waiting, notified } = &mut n.objects[object] else {
                    unreachable!("it is a condition")
                };
                waiting.push(t);
                waiting.sort_unstable();
                n.tasks[t].wait = Wait::Condition { told: *notified };
                // How often it was taken, for when it is taken again.
                assert!(depth == 1 || self.program.objects[lock].kind == Kind::Lock { reentrant: true });
                n.tasks[t].regs[self.codes.regs - 1] = Value::Int(i32::from(depth));
                out.push(step(t, n));
            }
            Wait::Condition { .. } if how == How::Timed => {
                let Object::Condition { waiting, .. } = &mut n.objects[object] else { unreachable!("as above") };
                waiting.retain(|w| *w != t);
                n.tasks[t].wait = Wait::Notified(false);
                out.push(step(t, n));
            }
            Wait::Notified(told) if owner.is_none() => {
                let Value::Int(held) = s.tasks[t].regs[self.codes.regs - 1] else { unreachable!("it was kept") };
                n.tasks[t].regs[self.codes.regs - 1] = Value::Unset;
                let Object::Lock { owner, depth, clock } = &mut n.objects[lock] else { unreachable!("as above") };
                *owner = Some(t);
                *depth = held as u8;
                let (clock, gift) = (*clock, n.tasks[t].gift);
                self.acquire(&mut n, t, &clock);
                if told {
                    self.acquire(&mut n, t, &gift);
                }
                n.tasks[t].gift = [0; TASKS];
                self.go(n, t, into, Comes::Done(Value::Bool(told)), false, out);
            }
            _ => {}
        }
    }

    /// Those that wait there get an error.
    fn break_barrier(&mut self, n: &mut State, object: usize, broken: bool, after: &Clock) {
        let Object::Barrier { arrived, broken: is_broken, clock, .. } = &mut n.objects[object] else {
            unreachable!("it is a barrier")
        };
        *is_broken = broken;
        *clock = [0; TASKS];
        for w in std::mem::take(arrived) {
            if n.tasks[w].wait == Wait::Barrier(object) {
                n.tasks[w].wait = Wait::Broken;
                n.tasks[w].gift = *after;
            }
        }
    }

    fn wait_barrier(&mut self, s: &State, t: usize, (into, object, _, how): Operation, out: &mut Vec<Step>) {
        let Kind::Barrier(parties) = self.program.objects[object].kind else { unreachable!("it is one") };
        let Object::Barrier { arrived, broken, .. } = &s.objects[object] else { unreachable!("it is a barrier") };
        let mut n = s.clone();
        let gift = s.tasks[t].gift;
        match s.tasks[t].wait {
            Wait::No if *broken => self.go(n, t, into, Comes::Raises(Fault::BrokenBarrier), false, out),
            Wait::No => {
                let index = arrived.len();
                let mine = self.release(&mut n, t);
                let Object::Barrier { arrived, clock, .. } = &mut n.objects[object] else { unreachable!("as above") };
                join(clock, &mine);
                if index + 1 < parties {
                    arrived.push(t);
                    n.tasks[t].wait = Wait::Barrier(object);
                    out.push(step(t, n));
                    return;
                }
                let all = std::mem::take(clock);
                for (index, w) in std::mem::take(arrived).into_iter().enumerate() {
                    if n.tasks[w].wait == Wait::Barrier(object) {
                        n.tasks[w].wait = Wait::Passed(index);
                        n.tasks[w].gift = all;
                    }
                }
                self.acquire(&mut n, t, &all);
                self.go(n, t, into, Comes::Done(Value::Int(index as i32)), false, out);
            }
            Wait::Passed(index) => {
                self.acquire(&mut n, t, &gift);
                n.tasks[t].gift = [0; TASKS];
                self.go(n, t, into, Comes::Done(Value::Int(index as i32)), false, out);
            }
            Wait::Broken => {
                self.acquire(&mut n, t, &gift);
                n.tasks[t].gift = [0; TASKS];
                self.go(n, t, into, Comes::Raises(Fault::BrokenBarrier), false, out);
            }
            Wait::Barrier(_) if how == How::Timed => {
                // It has left, and breaks it for those that are there.
                n.tasks[t].wait = Wait::No;
                self.break_barrier(&mut n, object, true, &[0; TASKS]);
                self.go(n, t, into, Comes::Raises(Fault::BrokenBarrier), false, out);
            }
            _ => {}
        }
    }

    /// A queue without room: who puts and who gets meet.
    fn hand_over(&mut self, s: &State, t: usize, (into, object, op, how): Operation, out: &mut Vec<Step>) {
        let Object::Queue { closed, clock, .. } = &s.objects[object] else { unreachable!("it is a queue") };
        let puts = matches!(op, Op::Put(_));
        let mut n = s.clone();
        if let Wait::Met(value) = s.tasks[t].wait {
            let gift = n.tasks[t].gift;
            self.acquire(&mut n, t, &gift);
            n.tasks[t].gift = [0; TASKS];
            return self.go(n, t, into, Comes::Done(value), !puts, out);
        }
        if *closed {
            if puts {
                return self.go(n, t, into, Comes::Raises(Fault::Closed), false, out);
            }
            self.acquire(&mut n, t, clock);
            return self.go(n, t, into, Comes::Done(Value::None), false, out);
        }
        let met = self.meetings(s, t, object, op);
        let is_met = !met.is_empty();
        for (n, given) in met {
            self.go(n, t, into, Comes::Done(given), !puts, out);
        }
        let missed = if puts { Fault::Full } else { Fault::Empty };
        if s.tasks[t].wait == Wait::No {
            if how == How::Try {
                if !is_met {
                    self.go(n, t, into, Comes::Raises(missed), false, out);
                }
            } else if !is_met {
                n.tasks[t].wait = match op {
                    Op::Put(v) => Wait::Give(object, s.tasks[t].value(v)),
                    _ => Wait::Take(object),
                };
                out.push(step(t, n));
            }
        } else if how == How::Timed && !is_met {
            self.go(n, t, into, Comes::Raises(missed), false, out);
        }
    }

    /// Whoever waits there in the other direction, in a `select` too, each met: the state
    /// behind it, and what this task gets.
    fn meetings(&mut self, s: &State, t: usize, object: usize, op: Op) -> Vec<(State, Value)> {
        let puts = matches!(op, Op::Put(_));
        let mine = if let Op::Put(v) = op { s.tasks[t].value(v) } else { Value::None };
        let mut out = Vec::new();
        for u in (0..s.tasks.len()).filter(|u| *u != t) {
            let mut ways: Vec<(Value, Wait)> = Vec::new();
            match s.tasks[u].wait {
                Wait::Take(of) if of == object && puts => ways.push((Value::None, Wait::Met(mine))),
                Wait::Give(of, value) if of == object && !puts => ways.push((value, Wait::Met(Value::None))),
                Wait::Select { .. } => {
                    let Ins::Select(arms, _) = &self.codes.codes[s.tasks[u].declared].code[s.tasks[u].pc] else {
                        unreachable!("it selects")
                    };
                    for (ix, arm) in arms.iter().enumerate().filter(|(_, a)| a.1 == object) {
                        match arm.2 {
                            Op::Put(v) if !puts => {
                                ways.push((s.tasks[u].value(v), Wait::MetArm(ix, Value::None)));
                            }
                            Op::Get if puts => ways.push((Value::None, Wait::MetArm(ix, mine))),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            for (given, wait) in ways {
                let mut n = s.clone();
                let (mine, other) = (self.release(&mut n, t), self.release(&mut n, u));
                self.acquire(&mut n, t, &other);
                n.tasks[u].gift = mine;
                n.tasks[u].wait = wait;
                n.tasks[t].wait = Wait::No;
                out.push((n, given));
            }
        }
        out
    }

    pub fn select(
        &mut self,
        s: &State,
        t: usize,
        arms: &[(Option<Reg>, usize, Op, usize)],
        over: Over,
        out: &mut Vec<Step>,
    ) {
        let mut go = |m: &mut Self, mut n: State, (into, body): (Option<Reg>, usize), value: Value, op: Op| {
            if let Some(r) = into {
                n.tasks[t].regs[r] = value;
            }
            n.tasks[t].wait = Wait::No;
            n.tasks[t].pc = body;
            m.settle(&mut n, t);
            let progress = op == Op::Get && value != Value::None;
            out.push(Step { progress, ..step(t, n) });
        };
        if let Wait::MetArm(ix, value) = s.tasks[t].wait {
            let mut n = s.clone();
            let gift = n.tasks[t].gift;
            self.acquire(&mut n, t, &gift);
            n.tasks[t].gift = [0; TASKS];
            let (into, _, op, body) = arms[ix];
            return go(self, n, (into, body), value, op);
        }
        let mut ready = false;
        let mut fails = Vec::new();
        for (ix, &(into, object, op, body)) in arms.iter().enumerate() {
            let mut n = s.clone();
            n.tasks[t].wait = Wait::No;
            if let Object::Queue { closed: false, .. } = s.objects[object]
                && self.program.objects[object].kind == Kind::Queue(Some(0))
            {
                for (n, given) in self.meetings(s, t, object, op) {
                    ready = true;
                    go(self, n, (into, body), given, op);
                }
                continue;
            }
            let mut comes = self.attempt(&mut n, t, object, op);
            if s.tasks[t].wait == Wait::Arm(ix)
                && matches!(comes, Comes::Waits)
                && let Object::Event { clock, .. } = &s.objects[object]
            {
                self.acquire(&mut n, t, clock);
                comes = Comes::Done(Value::Bool(true));
            }
            match comes {
                Comes::Waits => {}
                Comes::Done(value) => {
                    ready = true;
                    go(self, n, (into, body), value, op);
                }
                comes => {
                    ready = true;
                    fails.push((n, comes));
                }
            }
        }
        for (n, comes) in fails {
            self.go(n, t, None, comes, false, out);
        }
        if ready {
            return;
        }
        let told = arms.iter().any(|a| matches!(s.objects[a.1], Object::Event { was_set: true, .. }));
        let mut n = s.clone();
        match over {
            Over::Else(to) => {
                n.tasks[t].pc = to;
                self.settle(&mut n, t);
                out.push(step(t, n));
            }
            Over::After(to) => {
                let mut n = s.clone();
                n.tasks[t].wait = Wait::No;
                n.tasks[t].pc = to;
                self.settle(&mut n, t);
                out.push(step(t, n));
                if s.tasks[t].wait == Wait::No {
                    let mut n = s.clone();
                    n.tasks[t].wait = Wait::Select { told };
                    out.push(step(t, n));
                }
            }
            Over::Nothing if s.tasks[t].wait == Wait::No => {
                n.tasks[t].wait = Wait::Select { told };
                out.push(step(t, n));
            }
            Over::Nothing => {}
        }
    }
}
