//! What tasks really do must be among what they may: the scenarios' tasks run
//! alone with answers made up, errors among them.

use super::*;
use crate::lang::parse::parse;
use crate::machine::step::{Access, Step};
use crate::machine::task::{Host, Task};
use crate::objects::{KINDS, pool};
use crate::program::compile;
use crate::program::kind::Update;
use crate::program::reads::Reads;
use crate::program::value::{Error, ErrorKind, Names, ObjRef, Value};
use std::collections::HashMap;

/// Objects made up as they are asked for.
#[derive(Default)]
struct Made {
    structures: HashMap<u32, u32>,
}

impl Names for Made {
    fn object(&self, _object: ObjRef) -> String {
        String::new()
    }
    fn function(&self, _function: u32) -> String {
        String::new()
    }
}

impl Host for Made {
    fn structure(&self, record: u32) -> u32 {
        self.structures.get(&record).copied().unwrap_or(0)
    }
    fn first_object(&self, record: u32) -> u32 {
        2_000_000 + record
    }
    fn interrupted(&self) -> bool {
        false
    }
}

#[derive(Debug)]
enum Done {
    On(ObjRef, u8),
    Cell(u32),
    End,
}

struct Run<'a> {
    program: &'a Program,
    made: Made,
    seed: u64,
    next: u32,
    /// Values that a task may be given as an argument.
    values: Vec<Value>,
}

/// For each step where it was made and what was done, and whether not by the
/// task itself but by one that it had started.
type Log = Vec<(Pc, Vec<(Done, bool)>)>;

impl Run<'_> {
    fn random(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 33) as usize % below.max(1)
    }

    fn fresh(&mut self, kind: &str) -> Value {
        self.next += 1;
        let kind = KINDS.iter().position(|k| k.word == kind).expect("a kind") as u8;
        Value::Object(ObjRef { id: self.next, kind })
    }

    fn value(&mut self) -> Value {
        let values = [Value::Int(self.next as i64 % 3), Value::Bool(true), Value::Bool(false), Value::None];
        let n = values.len() + self.values.len() / 2;
        let at = self.random(n);
        values.get(at).cloned().unwrap_or_else(|| {
            let at = self.random(self.values.len());
            self.values[at].clone()
        })
    }

    /// Runs a function for some steps: for each the place and what it did, by
    /// itself or by tasks it started.
    fn task(&mut self, mut task: Task, steps: usize, depth: usize) -> Log {
        let program = self.program;
        let mut log = Log::new();
        let mut next = None;
        for _ in 0..steps {
            let step = next.take().unwrap_or_else(|| task.advance(program, &mut self.made));
            let mut done = Vec::new();
            let own = |d: Done| (d, false);
            let mut answer = None;
            match step {
                Step::End(_) | Step::Failed(_) => break,
                Step::Exit(_) => {
                    log.push((task.pc(), vec![own(Done::End)]));
                    break;
                }
                Step::Access { place, access } => {
                    let changes = !matches!(access, Access::Read | Access::Update(Update::Load, ..));
                    if changes && place.home == crate::machine::step::Home::Declared {
                        done.push(own(Done::Cell(place.index)));
                    }
                }
                Step::Operate { object, method, .. } => {
                    let word = KINDS[object.kind as usize].word;
                    done.push(own(Done::On(object, method)));
                    if word == "pool" && method == pool::TERMINATE_METHOD {
                        done.push(own(Done::End));
                    }
                    let bound = program.objects.get(object.id as usize).and_then(|o| o.args.first());
                    if let (Some(Value::Object(lock)), "condition", 0) = (bound, word, method) {
                        done.push(own(Done::On(*lock, 0)));
                        done.push(own(Done::On(*lock, 1)));
                    }
                }
                Step::Select { arms, .. } => {
                    let targets = arms.iter().filter_map(|a| a.target);
                    done.extend(
                        targets.filter(|t| KINDS[t.0.kind as usize].word != "task").map(|t| own(Done::On(t.0, t.1))),
                    );
                    let chosen = self.random(arms.len() + 1) as i64;
                    answer = Some(Value::list(vec![Value::Int(chosen), self.value()]));
                }
                Step::Spawn(s) => {
                    if depth > 0 && Task::check_arity(program, s.function, s.args.len()).is_ok() {
                        let child = Task::new(program, s.function, &s.args, &s.captures);
                        let born = self.task(child, 40, depth - 1);
                        done.extend(born.into_iter().flat_map(|(_, d)| d).map(|(d, _)| (d, true)));
                    }
                    answer = Some(match &s.indices {
                        None => self.fresh("task"),
                        Some(all) => Value::list(all.clone().take(3).map(|_| self.fresh("task")).collect()),
                    });
                }
                Step::Submit { pool, .. } => {
                    done.push(own(Done::On(pool, pool::SUBMIT)));
                    answer = Some(self.fresh("task"));
                }
                Step::Terminate(_) | Step::Kill(_) => done.push(own(Done::End)),
                Step::Hire { .. } => answer = Some(Value::Bool(false)),
                Step::Choose(n) => answer = Some(Value::Int(self.random(n as usize) as i64)),
                Step::New { site, .. } => {
                    answer = Some(self.fresh(KINDS[program.news[site as usize].kind as usize].word))
                }
                Step::NewRecord { site, .. } => {
                    let record = self.fresh("record");
                    let structure = program.records[site as usize].structure;
                    self.made.structures.insert(self.next, structure);
                    answer = Some(record);
                }
                _ => {}
            }
            log.push((task.pc(), done));
            let value = answer.unwrap_or_else(|| self.value());
            next = if self.random(12) == 0 {
                let kind = ErrorKind::ALL[self.random(ErrorKind::ALL.len())];
                task.raise(Error::new(kind, "made up"))
            } else {
                task.resume(program, value)
            };
        }
        log
    }
}

fn allowed(p: &Program, deeds: &Deeds, done: &Done, born: bool) -> bool {
    match done {
        Done::On(object, method) => {
            // What a field gives is made up here: any object.
            let on = On { object: object.id, kind: object.kind, field: None };
            deeds.may(on, &[*method]) && (!born || deeds.may_born(on, &[*method]))
        }
        Done::Cell(cell) => {
            let decl = &p.memory[p.cells[*cell as usize] as usize];
            let row = p.memory_rows.iter().position(|r| r.name == decl.name);
            let site = match row {
                Some(row) => Reads { rows: vec![row as u32], ..Reads::default() },
                None => Reads { cells: vec![*cell], ..Reads::default() },
            };
            deeds.changes(&site)
        }
        Done::End => deeds.may_terminate(),
    }
}

fn check(name: &str, source: &str, seed: u64) -> usize {
    let Ok(script) = parse(source) else { return 0 };
    let Ok(p) = compile(&script, source, KINDS, &[]) else { return 0 };
    let facts = Facts::of(&p);
    let escaping = (0..p.objects.len() as u32).filter(|o| facts.escapes(*o));
    let mut values: Vec<Value> =
        escaping.map(|id| Value::Object(ObjRef { id, kind: p.objects[id as usize].kind })).collect();
    values.extend(facts.values.iter().map(|f| Value::Function(*f)));
    values.push(Value::Object(ObjRef { id: 900_000, kind: 7 }));
    let mut run = Run { program: &p, made: Made::default(), seed, next: 1_000_000, values };
    let mut may = May::new(&p);
    let mut count = 0;
    for (index, function) in p.functions.iter().enumerate() {
        let args: Vec<Value> = (0..function.params).map(|_| run.value()).collect();
        let log = run.task(Task::new(&p, index as u32, &args, &[]), 120, 2);
        for (from, (pc, _)) in log.iter().enumerate() {
            let deeds = may.deeds(&p, Root::Function(index as u32), *pc);
            for (done, born) in log[from..].iter().flat_map(|l| &l.1) {
                count += 1;
                assert!(allowed(&p, &deeds, done, *born), "{name}: {} at {pc}: {done:?}", function.name);
            }
        }
    }
    count
}

#[test]
fn what_is_done_could_be_done() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut checked = 0;
    for folder in std::fs::read_dir(root).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let source = std::fs::read_to_string(file.path()).unwrap_or_default();
            for seed in 0..20 {
                checked += check(&file.path().display().to_string(), &source, seed);
            }
        }
    }
    assert!(checked > 10_000, "only {checked} deeds looked at");
}
