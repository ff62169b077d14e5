//! What there is at a moment of a session: its tasks and what they do, its
//! objects, its memory. It owns the reading of the arena for that; the words
//! are in `repl`.

use super::super::cell::Cell;
use super::super::ends;
use super::super::world::Object;
use super::*;
use crate::detect::names::Thing;
use crate::detect::places::PLACES_MAX;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Acquire;

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub tasks: Vec<TaskState>,
    pub objects: Vec<ObjectState>,
    pub memory: Vec<MemoryState>,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Runs,
    Sleeps,
    /// For the next statement.
    Prompt,
    /// A pool's worker, for a job.
    Idle,
    Waits,
    /// With a time-out.
    WaitsForTime,
    Ended,
}

#[derive(Clone, Debug)]
pub struct TaskState {
    pub facts: TaskFacts,
    pub doing: Doing,
    /// Where it stands; unknown for who is not in a statement.
    pub span: Option<Span>,
    pub waits: Vec<Wait>,
    pub holds: Vec<Held>,
    pub ending: Option<Ending>,
    pub result: Option<String>,
    /// It was reported as stuck.
    pub stuck: bool,
    pub daemon: bool,
    pub worker: bool,
    /// What it waits for and what it holds, by number.
    awaited: Vec<u32>,
    held: Vec<(u32, Mode)>,
}

/// An object and what is in it.
#[derive(Clone, Debug)]
pub struct ObjectState {
    pub name: String,
    /// Which record has it, where there are several of its struct.
    pub of: Option<String>,
    pub kind: &'static str,
    /// In a few words: `free`, `value 2`.
    pub standing: String,
    /// Its values, the oldest first; no more than `VALUES_MAX`.
    pub values: Vec<String>,
    pub value_count: u64,
    /// Who holds it, by name, and how.
    pub holders: Vec<(String, Mode)>,
    /// Who waits there.
    pub waiters: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct MemoryState {
    pub word: &'static str,
    pub name: String,
    /// Which record has it, where there are several of its struct.
    pub of: Option<String>,
    pub value: String,
}

const VALUES_MAX: usize = 16;

impl TaskState {
    fn hold(&mut self, image: &Image, held: &[(u32, Mode, u32)]) {
        self.holds = held_facts(image, held);
        self.held = held.iter().map(|(lock, mode, _)| (*lock, *mode)).collect();
    }
}

impl Diagnosis {
    /// What there is now. `vars` are the values of `main`'s `var`s, by their cells' keys.
    pub fn scene(&mut self, home: &Arc<Process>, vars: Vec<(u64, String)>) -> Scene {
        self.session_view(true);
        let snapshot = self.snapshot(home);
        self.session_view(false);
        let tasks = self.task_states(&snapshot);
        let records = self.records();
        let objects = self.object_states(&tasks, &records);
        Scene { tasks, objects, memory: self.memory_states(vars, &records) }
    }

    /// The records there are, with what each is called where there are several of its struct: as
    /// `print` does, and of several that are called so with a number, as in reports.
    fn records(&self) -> BTreeMap<u32, Option<String>> {
        let arena = self.image.arena;
        let is_record = |id: &u32| arena.object_at(*id) != 0 && arena.kind(*id) == objects::place::record;
        // One that is being made has no number of a first object yet.
        let is_whole = |id: &u32| arena.object(*id, object::INFO2).load(Acquire) != 0;
        let all: Vec<u32> = (0..arena.objects() as u32).filter(is_record).filter(is_whole).collect();
        let structure = |id: u32| arena.object(id, object::INFO).load(Relaxed);
        let mut count: HashMap<u64, usize> = HashMap::new();
        all.iter().for_each(|id| *count.entry(structure(*id)).or_default() += 1);
        let names = self.image.told_objects();
        all.into_iter()
            .map(|id| {
                (id, (count[&structure(id)] > 1).then(|| names.of(Thing::Object(id), self.image.object_name(id))))
            })
            .collect()
    }

    fn task_states(&mut self, snapshot: &Snapshot) -> Vec<TaskState> {
        let image = self.image;
        let arena = image.arena;
        let mut states = Vec::new();
        for task in handles(arena).filter(|t| !is_job(arena, *t)).collect::<Vec<_>>() {
            let flags = arena.facts(task, facts::FLAGS).load(Relaxed);
            let mut state = TaskState {
                facts: task_facts(image, task),
                doing: Doing::Ended,
                span: None,
                waits: Vec::new(),
                holds: Vec::new(),
                ending: ending_of(arena, task),
                result: result_text(image, task),
                stuck: false,
                daemon: flags & flag::DAEMON != 0,
                worker: flags & flag::WORKER != 0,
                awaited: Vec::new(),
                held: Vec::new(),
            };
            let place = snapshot.views.iter().position(|v| v.id == task);
            if let (false, Some(i)) = (has_ended(arena, task), place) {
                self.live_state(snapshot, i, &mut state);
            } else if let Some(s) = slot_of_ended(arena, task) {
                state.hold(image, &held_of(arena, s));
            }
            states.push(state);
        }
        states
    }

    fn live_state(&mut self, snapshot: &Snapshot, i: usize, state: &mut TaskState) {
        let image = self.image;
        let (s, id) = (snapshot.slots[i], snapshot.views[i].id);
        let word = |w: usize| image.arena.slot(s, w).load(SeqCst);
        let site = word(slot::PC) as u32;
        let known = image.program.spans.get(site as usize).copied();
        let mut waits = snapshot.views[i].waits.clone();
        state.doing = match word(slot::STATE) {
            // It has just said what its memory holds.
            _ if id == image.main_task() && known.is_none() => Doing::Prompt,
            state::SLEEPING => Doing::Sleeps,
            state::TIMED => {
                if let Some(executor) = &mut self.executor {
                    waits = arms_of(image.arena, executor, s);
                }
                Doing::WaitsForTime
            }
            state::WAITING if snapshot.views[i].excused && state.worker => Doing::Idle,
            state::WAITING | state::AWAITING => Doing::Waits,
            _ => Doing::Runs,
        };
        state.span = known;
        if state.doing != Doing::Idle {
            let waits = waits.map(Waits::now);
            state.awaited = waits.iter().flatten().map(|wait| wait.object).collect();
            state.waits = self.told_waits(snapshot, i, waits);
        }
        state.hold(image, &held_of(image.arena, s));
        state.stuck = word(slot::REPORTED) != 0;
    }

    /// As a finding about this task alone would tell them.
    fn told_waits(&self, snapshot: &Snapshot, i: usize, waits: Option<Waits>) -> Vec<Wait> {
        let mut views = snapshot.views.clone();
        views[i].waits = waits;
        let verdict = vec![false; views.len()];
        let scene = Answers { snapshot, image: self.image };
        let group = deadlock::Group { cause: deadlock::RootCause::Circle, circle: vec![i], behind: Vec::new() };
        let finding = stuck::finding(&scene, &views, &verdict, &group, Certainty::Observed);
        match finding.facts {
            Facts::Stuck { circle, .. } => circle.into_iter().flat_map(|w| w.waits).collect(),
            _ => Vec::new(),
        }
    }

    fn object_states(&self, tasks: &[TaskState], records: &BTreeMap<u32, Option<String>>) -> Vec<ObjectState> {
        let image = self.image;
        let arena = image.arena;
        let all = (0..arena.objects() as u32).filter(|id| arena.object_at(*id) != 0);
        let shown = all.filter(|id| !KINDS[arena.kind(*id) as usize].internal);
        shown
            .map(|id| {
                let word = |w: usize| arena.object(id, w).load(Relaxed);
                let holder = |t: &TaskState| {
                    let (_, mode) = t.held.iter().find(|held| held.0 == id)?;
                    Some((t.facts.name.clone(), *mode))
                };
                let waits = |t: &&TaskState| t.awaited.contains(&id);
                let record = image.field_of(id).and_then(|_| (word(object::INFO4) as u32).checked_sub(1));
                ObjectState {
                    name: image.object_name(id),
                    of: record.and_then(|record| records.get(&record)?.clone()),
                    kind: KINDS[arena.kind(id) as usize].word,
                    standing: objects::standing(
                        arena.kind(id),
                        &std::array::from_fn(|i| word(object::WORD + i)),
                        ends::values_in(arena, id),
                    ),
                    values: self.ring_values(id),
                    value_count: ends::values_in(arena, id),
                    holders: tasks.iter().filter_map(holder).collect(),
                    waiters: tasks.iter().filter(waits).map(|t| t.facts.name.clone()).collect(),
                }
            })
            .collect()
    }

    fn ring_values(&self, id: u32) -> Vec<String> {
        let Some(executor) = &self.executor else { return Vec::new() };
        let arena = self.image.arena;
        if KINDS[arena.kind(id) as usize].word != "queue" {
            return Vec::new();
        }
        // Values are taken out under the guard, so nobody gives a block back
        // meanwhile.
        let object = Object::of(arena, id);
        let values: Vec<Value> = ends::with_all_of(arena, id, executor.holder, || {
            let count = object.words[object::RING_LEN].load(Relaxed).min(VALUES_MAX as u64);
            (0..count).map(|i| arena.value(arena.at(object.ring_place(i).0).load(Relaxed))).collect()
        });
        values.iter().map(|value| Shown { value, names: self.image, quoted: true }.to_string()).collect()
    }

    /// What is declared, then the fields of the records there are. A `var` field is shown where
    /// `main` has it.
    fn memory_states(&self, vars: Vec<(u64, String)>, records: &BTreeMap<u32, Option<String>>) -> Vec<MemoryState> {
        let image = self.image;
        let vars: HashMap<u64, String> = vars.into_iter().collect();
        let shown = |cell: Cell| {
            let value = cell.peek(super::super::guard::holder(TASKS_MAX, 0));
            Shown { value: &value, names: image, quoted: true }.to_string()
        };
        let mut states = Vec::new();
        for decl in &image.program.memory {
            for cell in decl.first..decl.first + decl.count.unwrap_or(1).min(PLACES_MAX) {
                let value = match decl.memory {
                    Memory::Var => vars.get(&u64::from(cell)).cloned().unwrap_or_default(),
                    _ => shown(image.declared_cell(cell)),
                };
                let name = image.program.cell_name(cell);
                states.push(MemoryState { word: decl.memory.word(), name, of: None, value });
            }
        }
        let Some(executor) = &self.executor else { return states };
        for (record, of) in records {
            for (place, name) in image.places_of(*record) {
                let value = match place.memory {
                    Memory::Var => vars.get(&Cell::key_of(place)).cloned(),
                    _ => executor.cell(place).ok().map(shown),
                };
                let of = of.clone();
                states.extend(value.map(|value| MemoryState { word: place.memory.word(), name, of, value }));
            }
        }
        states
    }
}
