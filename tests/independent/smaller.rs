//! A smaller program that shows the same, by leaving out what it does not need.

use crate::model::{Block, Cond, Into, Op, Program, Reg, Stmt, Task, Val};

/// Of a program that `shows` something, one of which no statement can be left out.
pub fn smallest(program: &Program, mut shows: impl FnMut(&Program) -> bool) -> Program {
    let mut program = program.clone();
    loop {
        let fewer = candidates(&program).into_iter().find(|p| shows(p));
        match fewer {
            Some(p) => program = p,
            None => return program,
        }
    }
}

fn candidates(program: &Program) -> Vec<Program> {
    let mut out = Vec::new();
    let with = |change: &dyn Fn(&mut Program)| {
        let mut p = program.clone();
        change(&mut p);
        p
    };
    if !program.invariants.is_empty() {
        out.push(with(&|p| p.invariants.clear()));
    }
    if program.finally.is_some() {
        out.push(with(&|p| p.finally = None));
    }
    if !program.expects.is_empty() {
        out.push(with(&|p| p.expects.clear()));
    }
    for d in 0..program.tasks.len() {
        if program.tasks[d].count > 1 {
            out.push(with(&|p| p.tasks[d].count = 1));
        }
        let count = size(&program.tasks[d].body);
        for at in 0..count {
            for unwrap in [false, true] {
                let mut p = program.clone();
                if drop_at(&mut p.tasks[d].body, &mut at.clone(), unwrap) {
                    out.push(p);
                }
            }
        }
    }
    out.retain(well_formed);
    out
}

/// All that is named is declared before; a task that nobody spawns stays as an empty one.
fn well_formed(program: &Program) -> bool {
    program.tasks.iter().all(|Task { body, .. }| {
        let spawned: Vec<usize> = body
            .iter()
            .filter_map(|s| if let Stmt::Spawn(d) | Stmt::Submit(d) = s { Some(*d) } else { None })
            .collect();
        let mut fine = in_scope(body, &mut Vec::new(), Around::Nothing);
        let one = Program { tasks: vec![Task::main(body.clone())], ..Program::default() };
        one.any(&mut |s| {
            if let Stmt::Join(d) | Stmt::JoinFor(_, d) | Stmt::Kill(d) | Stmt::Terminate(d) = s {
                fine &= spawned.contains(d);
            }
            if let Stmt::Loop(body) = s {
                fine &= !body.is_empty();
            }
            if let Stmt::Select(arms, _) = s {
                fine &= !arms.is_empty();
            }
            false
        });
        fine
    })
}

/// The innermost loop around a statement; `continue` is known only of one kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Repeat,
    Loop,
}

/// No register is named where it is not declared, and no loop left where there is none.
fn in_scope(block: &Block, scope: &mut Vec<Reg>, around: Around) -> bool {
    let outer = scope.len();
    let mut fine = true;
    for stmt in block {
        let known = |r: &Reg| scope.contains(r);
        let val = |v: &Val| match v {
            Val::Int(_) => true,
            Val::Reg(r) | Val::Plus(r, _) => known(r),
        };
        let mut new = None;
        let around = match stmt {
            Stmt::Repeat(..) => Around::Repeat,
            Stmt::While(..) | Stmt::Loop(_) | Stmt::ForQueue(..) => Around::Loop,
            _ => around,
        };
        match stmt {
            Stmt::Break => fine &= around != Around::Nothing,
            Stmt::Continue => fine &= around == Around::Loop,
            Stmt::Fork(r) => new = Some(*r),
            Stmt::WaitChild(r, pid) => {
                fine &= pid.is_none_or(|pid| known(&pid));
                new = Some(*r);
            }
            Stmt::Let(r, _) | Stmt::Read(r, _) | Stmt::Choose(r, _) | Stmt::JoinFor(r, _) => new = Some(*r),
            Stmt::Method(r, ..) | Stmt::JoinPool(r) => new = *r,
            Stmt::Write(_, v) => fine &= val(v),
            Stmt::Print(Some(r)) => fine &= known(r),
            Stmt::Op(into, _, op, _) => {
                if let Op::Put(v) = op {
                    fine &= val(v);
                }
                match into {
                    Some(Into { reg, new: true }) => new = Some(*reg),
                    Some(Into { reg, new: false }) => fine &= known(reg),
                    None => {}
                }
            }
            Stmt::If(c, ..) | Stmt::While(c, _) | Stmt::Assert(c) | Stmt::Await(c) | Stmt::Atomically(Some(c), _) => {
                fine &= named(c).iter().all(known);
            }
            _ => {}
        }
        let here = scope.len();
        let binds: Vec<Option<Reg>> = match stmt {
            Stmt::ForQueue(r, ..) => vec![Some(*r)],
            Stmt::Select(arms, _) => arms.iter().map(|a| a.into).collect(),
            _ => Vec::new(),
        };
        for (ix, inner) in stmt.blocks().into_iter().enumerate() {
            scope.extend(binds.get(ix).copied().flatten());
            fine &= in_scope(inner, scope, around);
            scope.truncate(here);
        }
        scope.extend(new);
    }
    scope.truncate(outer);
    fine
}

fn named(cond: &Cond) -> Vec<Reg> {
    match cond {
        Cond::Reg(r, ..) | Cond::True(r) | Cond::False(r) => vec![*r],
        Cond::And(a, b) | Cond::Or(a, b) => [named(a), named(b)].concat(),
        _ => Vec::new(),
    }
}

fn size(block: &Block) -> usize {
    block.iter().map(|s| 1 + s.blocks().into_iter().map(size).sum::<usize>()).sum()
}

/// Leaves out the statement of that number, or puts its first block in its place.
fn drop_at(block: &mut Block, at: &mut usize, unwrap: bool) -> bool {
    for ix in 0..block.len() {
        if *at == 0 {
            if !unwrap {
                block.remove(ix);
                return true;
            }
            let Some(inner) = block[ix].blocks().first().map(|b| (*b).clone()) else { return false };
            if matches!(block[ix], Stmt::Atomically(..)) {
                return false;
            }
            block.splice(ix..=ix, inner);
            return true;
        }
        *at -= 1;
        for inner in block[ix].blocks_mut() {
            let inside = size(inner);
            if *at < inside {
                return drop_at(inner, at, unwrap);
            }
            *at -= inside;
        }
    }
    false
}
