//! Every state of a program, breadth first, one step of one task at a time, with
//! nothing left out and nothing taken for another.

use crate::code::compile;
use crate::model::{Cond, Home, Program, Reg, Spawned, Stmt};
use crate::state::{Codes, End, State, Status, TASKS, Value};
use crate::step::{Actor, Machine, NO_VALUE};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// A step from one state to another, by their numbers.
#[derive(Clone, Copy)]
pub struct Edge {
    pub actor: Actor,
    /// It is one of several that the actor may take where it stands.
    pub chosen: bool,
    pub progress: bool,
    pub to: usize,
}

pub struct Graph {
    pub states: Vec<State>,
    pub edges: Vec<Vec<Edge>>,
}

/// How an execution ended, as a report tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub values: BTreeMap<String, String>,
    pub prints: BTreeMap<String, String>,
    pub ended: BTreeMap<String, String>,
}

/// A machine for a program, and its first state.
pub fn machine(program: &Program, clocks: bool) -> (Machine<'_>, State) {
    let temporary = registers(program);
    let (mut codes, mut regs) = (Vec::new(), temporary);
    for task in &program.tasks {
        let (code, used) = compile(program, &task.body, temporary);
        codes.push(code);
        regs = regs.max(used);
    }
    // One more, for a condition's wait.
    let codes = Codes { codes, regs: regs + 1, temporary };
    let first = State::first(program, codes.regs);
    let machine =
        Machine { program, codes, clocks, worn: Default::default(), races: BTreeSet::new(), found: BTreeSet::new() };
    (machine, first)
}

/// Registers of a script are numbered from zero on.
fn registers(program: &Program) -> Reg {
    let mut most = 0;
    program.any(&mut |stmt| {
        let mut see = |r: &Reg| most = most.max(*r + 1);
        match stmt {
            Stmt::Fork(r) | Stmt::WaitChild(r, _) => see(r),
            Stmt::Let(r, _) | Stmt::Read(r, _) | Stmt::Choose(r, _) | Stmt::JoinFor(r, _) | Stmt::ForQueue(r, ..) => {
                see(r)
            }
            Stmt::Method(r, ..) | Stmt::JoinPool(r) => r.iter().for_each(see),
            Stmt::Op(into, ..) => into.iter().for_each(|i| see(&i.reg)),
            Stmt::Select(arms, _) => arms.iter().filter_map(|a| a.into.as_ref()).for_each(see),
            _ => {}
        }
        false
    });
    most
}

/// All states, or `None` if there are more than so many.
pub fn explore(machine: &mut Machine, first: State, most: usize) -> Option<Graph> {
    let mut numbers: FxHashMap<State, usize> = FxHashMap::default();
    let mut graph = Graph { states: Vec::new(), edges: Vec::new() };
    let mut first = first;
    machine.begin(&mut first);
    numbers.insert(first.clone(), 0);
    graph.states.push(first);
    while graph.edges.len() < graph.states.len() {
        let state = graph.states[graph.edges.len()].clone();
        let mut out = Vec::new();
        for step in machine.steps(&state) {
            if step.state.tasks.len() > TASKS {
                return None;
            }
            if step.look && !machine.clocks {
                continue;
            }
            let next = graph.states.len();
            let to = *numbers.entry(step.state).or_insert_with_key(|state| {
                graph.states.push(state.clone());
                next
            });
            machine.invariants(&graph.states[to]);
            out.push(Edge { actor: step.actor, chosen: false, progress: step.progress, to });
        }
        for at in 0..out.len() {
            out[at].chosen = out.iter().filter(|e| e.actor == out[at].actor).count() > 1;
        }
        if graph.states.len() > most || machine.worn.get() {
            return None;
        }
        graph.edges.push(out);
    }
    Some(graph)
}

/// The places that race; only those before so many states were met, and whether
/// these were all.
pub fn races(program: &Program, most: usize) -> (BTreeSet<usize>, bool) {
    let (mut machine, first) = machine(program, true);
    let all = explore(&mut machine, first, most).is_some();
    (machine.races, all)
}

impl Machine<'_> {
    fn invariants(&mut self, state: &State) {
        let program = self.program;
        for cond in &program.invariants {
            if !self.is_true(&mut state.clone(), 0, cond, false) {
                self.found.insert("invariant");
            }
        }
    }

    /// Whether a condition holds in the memory of `main`.
    pub fn in_the_end(&mut self, state: &State, cond: &Cond) -> bool {
        self.is_true(&mut state.clone(), 0, cond, false)
    }
}

/// How a state without a next one is told.
pub fn outcome(program: &Program, state: &State) -> Outcome {
    fn name(program: &Program, state: &State, t: usize) -> String {
        let task = &state.tasks[t];
        if task.kind == Spawned::Fork {
            return format!("{}.fork#{}", name(program, state, task.spawner), task.fork);
        }
        if task.kind == Spawned::Worker {
            return format!("p.worker#{}", task.index);
        }
        let name = program.name(task.declared);
        if program.tasks[task.declared].count > 1 { format!("{name}#{}", task.index) } else { name }
    }
    let name = |t: usize| name(program, state, t);
    let mut out = Outcome { values: BTreeMap::new(), prints: BTreeMap::new(), ended: BTreeMap::new() };
    // A field is not told of.
    for (ix, place) in program.places.iter().enumerate().filter(|(_, p)| p.home == Home::Declared) {
        out.values.insert(place.name.to_string(), state.memory[0][ix].value.text());
    }
    for (t, task) in state.tasks.iter().enumerate() {
        let text = match task.printed {
            Value::Unset => None,
            Value::None => Some("x".to_string()),
            Value::Int(NO_VALUE) => Some("pnone".to_string()),
            other => Some(format!("p{}", other.text())),
        };
        if let Some(text) = text {
            out.prints.insert(name(t), text);
        }
        if task.kind == Spawned::Worker {
            continue;
        }
        let ended = match task.status {
            Status::Runs | Status::Idle | Status::Leaves(_) => "stuck".to_string(),
            Status::Ended(End::Returned) => "returned".to_string(),
            Status::Ended(End::Failed(fault)) => format!("failed: {fault:?}"),
            Status::Ended(End::Terminated) => "terminated".to_string(),
            Status::Ended(End::Signal(n)) => format!("signal {n}"),
            Status::Ended(End::Exited(n)) => format!("exited {n}"),
        };
        out.ended.insert(name(t), ended);
    }
    out
}
