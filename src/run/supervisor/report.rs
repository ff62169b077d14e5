//! What a run has come to.

use super::*;

/// Why a run came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Every task has ended.
    Finished,
    /// What is left can never go on.
    Stuck,
    /// Of a replay: there is no further turn, and not all have ended.
    ScheduleOver,
    /// What happened was not what was planned.
    Diverged(super::replay::Divergence),
    /// By a signal to the supervisor.
    Interrupted(i32),
    TimeLimit,
    /// The machine, or a limit of `conc`, refused something: the sentence.
    Failed(String),
}

/// How one task ended, for the lines at the end.
#[derive(Clone, Debug)]
pub struct TaskEnd {
    pub facts: TaskFacts,
    /// Of so many tasks of one place the same is told.
    pub count: u64,
    /// `None`: it had not ended.
    pub ending: Option<Ending>,
    pub result: Option<String>,
    pub stuck: bool,
    /// A worker of a pool.
    pub worker: bool,
}

/// What a run came to, to be counted with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outcome {
    /// Final values of `var` and `shared`, by name.
    pub values: Vec<(String, String)>,
    /// What each task printed last.
    pub prints: Vec<(String, String)>,
    /// How each task ended.
    pub ended: Vec<(String, String)>,
}

/// A run's result.
#[derive(Clone, Debug)]
pub struct Report {
    pub stop: Stop,
    /// A signal that asked for the end when the run was at its end already.
    pub late_signal: Option<i32>,
    /// The signal that ended `main`, if it came from outside the script.
    pub main_killed: Option<i32>,
    pub findings: Vec<Finding>,
    pub tasks: Vec<TaskEnd>,
    pub task_count: u64,
    pub thread_count: u64,
    pub process_count: u64,
    pub duration_ns: u64,
    pub gil_wait_ns: u64,
    /// How many objects there were room for at once, handles among them, and how much
    /// memory was taken for what all processes have in common.
    pub room_for: (usize, usize),
    pub outcome: Option<Outcome>,
    /// What was traced, and whether that is all.
    pub trace: (Vec<crate::detect::trace::Entry>, bool),
    /// What happened, if it was recorded.
    pub recording: Option<Recording>,
}

/// What is said where standard output cannot be written to.
pub fn output_sentence(errno: i32) -> String {
    match nix::Error::from_raw(errno) {
        // It had no descriptor at all when the program began (`descriptor`).
        nix::Error::EPIPE | nix::Error::EBADF => "standard output was closed".to_string(),
        other => format!("standard output cannot be written: {}", other.desc()),
    }
}

impl Supervisor {
    pub(super) fn report(&mut self) -> Report {
        let duration_ns = futex::now_ns() - self.began;
        let stop = self.stop.clone().unwrap_or(Stop::Finished);
        // A last look: what was known when the run was cut short is told.
        let late_signal = self.end_all();
        let mut findings = std::mem::take(&mut self.findings);
        findings.extend(diagnose::recorded(self.image, &findings, &stop));
        findings.sort_by_key(|f| f.code.is_note());
        let outcome = self.image.options.outcomes.then(|| self.outcome());
        let tasks = diagnose::task_ends(self.image);
        let recording = self.image.events.as_ref().map(|events| {
            let facts = tasks.iter().map(|t| t.facts.clone()).collect();
            events.read(self.image, &diagnose::task_ids(self.image), facts, self.began, self.began + duration_ns)
        });
        let word = |w: usize| self.arena.run(w).load(SeqCst);
        Report {
            main_killed: self.main_killed(&stop),
            late_signal,
            stop,
            tasks,
            findings,
            task_count: word(run::TASKS),
            thread_count: word(run::THREADS),
            process_count: word(run::PROCESS_COUNT),
            duration_ns,
            gil_wait_ns: word(run::GIL_WAIT),
            room_for: (self.arena.objects(), self.arena.heap().used()),
            outcome,
            trace: crate::run::trace::recorded(self.image),
            recording,
        }
    }

    /// A run that was cut short says why, and `main` ended with it.
    fn main_killed(&self, stop: &Stop) -> Option<i32> {
        let fact = |which: usize| self.arena.facts(self.image.main_task(), which).load(SeqCst);
        let from_outside = fact(facts::ENDING) == ending::SIGNALLED && fact(facts::FLAGS) & flag::SIGNALLED == 0;
        let by_itself = matches!(stop, Stop::Finished | Stop::Stuck);
        (by_itself && from_outside).then(|| fact(facts::ENDING_CODE) as i32)
    }

    fn outcome(&self) -> Outcome {
        let block = self.arena.run(run::FINAL_VALUES).load(SeqCst) as usize;
        let mut values: Vec<(String, String)> = match block {
            0 => Vec::new(),
            block => serde_json::from_slice(&codec::load_bytes(block, self.arena.heap())).unwrap_or_default(),
        };
        values.extend(diagnose::shared_values(self.image));
        let (prints, ended) = diagnose::prints_and_endings(self.image);
        Outcome { values, prints, ended }
    }
}
