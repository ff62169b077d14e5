//! Processes by `fork()`: what the child has of its parent, and the wait for its end.

use crate::model::{Fault, Reg, Spawned};
use crate::state::{End, Process, State, Status, TASKS, Value, Wait};
use crate::step::{Machine, Step, step};

impl Machine<'_> {
    /// The child has a copy of every `var` and of the task, and none of its locks; its answer
    /// is zero, and its parent's is what tells it from others.
    pub fn fork(&mut self, n: &mut State, t: usize, into: Reg) {
        let clock = self.release(n, t);
        let child = n.tasks.len();
        let cells = n.memory[n.tasks[t].process].iter().zip(&self.program.places);
        let copy = cells.map(|(cell, place)| cell.of_a_child(place.memory)).collect();
        n.memory.push(copy);
        n.processes.push(Process { first: child, over: false, signal: None });
        let mut task = n.tasks[t].clone();
        task.spawner = t;
        task.process = n.processes.len() - 1;
        task.kind = Spawned::Fork;
        // They are numbered by the process that forks.
        let process = n.tasks[t].process;
        let brothers = n.tasks.iter().filter(|u| u.kind == Spawned::Fork && n.tasks[u.spawner].process == process);
        task.fork = 1 + brothers.count();
        task.regs[into] = Value::Int(0);
        task.wait = Wait::No;
        task.gift = [0; TASKS];
        task.to_end = false;
        task.printed = Value::Unset;
        task.dirty = false;
        task.clock = clock;
        n.tasks.push(task);
        n.tasks[t].regs[into] = Value::Int(child as i32);
        self.settle(n, child);
    }

    /// Which of several that have ended is open.
    pub fn wait_child(&mut self, s: &State, t: usize, into: Reg, pid: Option<Reg>, out: &mut Vec<Step>) {
        let mut children = s.forked(s.tasks[t].process);
        if let Some(pid) = pid {
            children.retain(|c| s.tasks[t].regs[pid] == Value::Int(*c as i32));
        }
        if children.is_empty() {
            let mut n = s.clone();
            self.fail(&mut n, t, Fault::NoChild);
            self.settle(&mut n, t);
            out.push(step(t, n));
        }
        for c in children {
            let Status::Ended(end) = s.tasks[c].status else { continue };
            let mut n = s.clone();
            n.tasks[c].reaped = true;
            self.acquire(&mut n, t, &s.last_clock(c));
            n.tasks[t].regs[into] = Value::Int(match end {
                End::Returned => 0,
                End::Failed(_) => 1,
                End::Exited(code) => code,
                End::Signal(signal) => -signal,
                End::Terminated => unreachable!("it is the first of its process"),
            });
            n.tasks[t].pc += 1;
            self.settle(&mut n, t);
            // A child is waited for once.
            out.push(Step { progress: true, ..step(t, n) });
        }
    }
}
