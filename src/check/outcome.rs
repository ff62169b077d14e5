//! The outcomes of complete executions: the last values, what each task printed
//! last, how each ended. It owns what belongs to an outcome and the set of
//! them; the table is `report`'s.

use super::explore::Explorer;
use super::finding;
use super::moves::Move;
use super::part::*;
use super::store::{Row, StateId};
use crate::detect::names::{self, Named};
use crate::detect::places;
use crate::objects::TaskId;
use crate::program::kind::Memory;
use crate::program::value::{self, ErrorKind, Value};
use hashbrown::HashMap;
use std::sync::Arc;

/// So many different ones are kept.
pub const OUTCOMES_MAX: usize = 100_000;

/// Names with something about each.
pub type Pairs = Vec<(String, String)>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    pub values: Pairs,
    pub prints: Pairs,
    pub ended: Pairs,
    /// Of a complete execution, for each claim of the script whether it ended
    /// with it true; an error is none.
    pub claims: Vec<Option<bool>>,
}

impl Outcome {
    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        let texts = [&self.values, &self.prints, &self.ended].into_iter().flatten();
        let pair = |(name, text): &(String, String)| size_of::<(String, String)>() + name.len() + text.len();
        texts.map(pair).fold(size_of::<Outcome>() + self.claims.len(), usize::saturating_add)
    }
}

#[derive(Default)]
pub struct Outcomes {
    /// In the order in which they were met, with a state that shows each.
    pub all: Vec<(Outcome, StateId)>,
    known: HashMap<Outcome, usize>,
    /// About how much memory they take.
    pub bytes: usize,
    /// There are more than are kept.
    pub more: bool,
    /// For each claim: how many outcomes of complete executions had it true, and how many not. Of
    /// those beyond the ones that are kept it is only noted that there are such.
    pub claims: Vec<(u64, u64)>,
    /// For each that was neither true nor false at an end, why it was not at the first one.
    pub whys: Vec<Option<String>>,
}

impl Outcomes {
    /// The place of the outcome in `all`; none if there are too many.
    pub fn add(&mut self, outcome: Outcome, state: StateId) -> Option<usize> {
        if let Some(at) = self.known.get(&outcome) {
            return Some(*at);
        }
        let is_kept = self.known.len() < OUTCOMES_MAX;
        self.claims.resize(self.claims.len().max(outcome.claims.len()), (0, 0));
        for (count, claim) in self.claims.iter_mut().zip(&outcome.claims) {
            let count = if *claim == Some(true) { &mut count.0 } else { &mut count.1 };
            *count = if is_kept { *count + 1 } else { (*count).max(1) };
        }
        if !is_kept {
            self.more = true;
            return None;
        }
        let at = self.all.len();
        // Each is kept twice.
        self.bytes = self.bytes.saturating_add(2 * outcome.bytes());
        self.known.insert(outcome.clone(), at);
        self.all.push((outcome, state));
        Some(at)
    }

    /// Keeps why claims are neither true nor false in this state, which is an end with them so.
    pub fn explain(&mut self, m: &mut Move, claims: &[Option<bool>]) {
        self.whys.resize(self.whys.len().max(claims.len()), None);
        for (n, why) in self.whys.iter_mut().enumerate() {
            if why.is_none() && claims.get(n) == Some(&None) {
                *why = why_undecided(m, n);
            }
        }
    }
}

/// The outcomes of a state in which nobody can go on but for those that serve others, of
/// which these do: the first as it stands, then those in which who was ended by another had
/// printed less by then. Of these the first `OUTCOMES_MAX`. Where the script has come to its
/// end, `finally` belongs to it, and runs first: its events are the move's.
pub fn of(m: &mut Move, explorer: &Explorer, row: &Row, finished: bool, going: &[TaskId]) -> Vec<Outcome> {
    let program = m.program;
    if finished {
        m.run_finally();
    }
    let mut values = Pairs::new();
    let own = |memory: Memory| memory == Memory::Var;
    for private in [true, false] {
        for decl in program.memory.iter().filter(|d| own(d.memory) == private) {
            values.extend(places::told(program, decl, |cell| m.shown_whole(&m.declared_value(cell))));
        }
    }
    let mut ended = Pairs::new();
    let parts = explorer.task_parts(row);
    let tasks: Vec<&TaskPart> =
        parts.iter().filter_map(|(_, p)| if let Part::Task(t) = &**p { Some(t) } else { None }).collect();
    let names = names::distinct(&tasks.iter().map(|t| named(&t.birth)).collect::<Vec<_>>());
    let of_finally = m.printed_finally.take().map(|text| (names::of_finally(&names), text.to_string()));
    // What each may have printed last, the most first.
    let mut may_print: Vec<(String, Vec<Option<Arc<str>>>)> = Vec::new();
    for (task, name) in tasks.into_iter().zip(names) {
        if task.printed.is_some() {
            let ended = matches!(task.at, At::Ended(_));
            let before = task.printed_before.iter().filter(|before| ended && **before != task.printed);
            let mut texts = vec![task.printed.clone()];
            texts.extend(before.cloned());
            may_print.push((name.clone(), texts));
        }
        // A worker's end is nobody's affair, but of one that is cut short in a job.
        let in_a_job = going.contains(&task.birth.id) && !finding::is_excused(task);
        if task.birth.pool.is_some() && !in_a_job || is_job(m, task) {
            continue;
        }
        ended.push((name, how_ended(task, going)));
    }
    let claims = if finished && !program.claims.is_empty() {
        let value = |c: &crate::program::code::Claim| match m.look_outside(c.function) {
            Some(Ok(Value::Bool(b))) => Some(b),
            _ => None,
        };
        program.claims.iter().map(value).collect()
    } else {
        Vec::new()
    };
    let mut all = vec![Outcome { values, prints: of_finally.into_iter().collect(), ended, claims }];
    for (name, texts) in may_print {
        let so_far = std::mem::take(&mut all);
        for text in texts {
            let room = OUTCOMES_MAX.saturating_sub(all.len());
            all.extend(so_far.iter().take(room).cloned().map(|mut outcome| {
                outcome.prints.extend(text.as_ref().map(|text| (name.clone(), text.to_string())));
                outcome
            }));
        }
    }
    all
}

/// Why a claim is neither true nor false.
pub fn why_undecided(m: &mut Move, claim: usize) -> Option<String> {
    let looked = m.look_outside(m.program.claims[claim].function)?;
    value::undecided(&looked, |value| m.shown(value)).map(|(why, _)| why)
}

/// The names that tell the tasks of a state apart.
pub fn names(parts: &[(TaskId, std::sync::Arc<Part>)]) -> HashMap<TaskId, String> {
    let births = parts.iter().filter_map(|(id, p)| if let Part::Task(t) = &**p { Some((*id, &t.birth)) } else { None });
    let (ids, all): (Vec<TaskId>, Vec<Named>) = births.map(|(id, birth)| (id, named(birth))).unzip();
    ids.into_iter().zip(names::distinct(&all)).collect()
}

fn named(birth: &Birth) -> Named {
    let name = birth.name.to_string();
    Named { id: birth.id, name, spawner: birth.spawner, site: birth.site.map_or(0, |s| s + 1), before: None }
}

/// What an outcome says of a task at the end; some may be going on there.
pub fn how_ended(task: &TaskPart, going: &[TaskId]) -> String {
    match &task.at {
        At::Ended(ended) => how_text(ended.how),
        _ if going.contains(&task.birth.id) => "cut short".to_string(),
        _ => "stuck".to_string(),
    }
}

pub fn is_job(m: &Move, task: &TaskPart) -> bool {
    use crate::objects::{World, task};
    task::is_job(|word| m.word(task.birth.id, word))
}

pub fn how_text(how: How) -> String {
    match how {
        How::Returned => "returned".to_string(),
        How::Failed(kind) => format!("failed: {}", ErrorKind::ALL.get(kind as usize).map_or("error", |k| k.word())),
        How::Exited(code) => format!("exited {code}"),
        How::Signalled(n) => format!("signal {n}"),
        How::Terminated => "terminated".to_string(),
    }
}
