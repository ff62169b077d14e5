//! What a run predicts, asked of the explorer: whether there is an interleaving
//! that shows it. What it refutes is not told: a check would say the same.

use crate::check::{self, Options, Stop, follow};
use crate::detect::finding::{Certainty, Code, Finding};
use crate::program::Program;
use crate::report::{Source, phrase};
use crate::run;
use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

/// So long the explorer may take.
const LIMIT: Duration = Duration::from_secs(1);
/// So much memory it may take, in bytes.
const MEMORY: u64 = 1 << 30;

/// What the explorer found within its time; asked once in a session.
#[derive(Default)]
pub struct Explorer {
    known: OnceCell<(Vec<Finding>, bool)>,
    /// What ended it before its time.
    signal: Cell<Option<i32>>,
}

/// What came of a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was no prediction, or is confirmed.
    Settled,
    /// Nothing was found, and not all was explored.
    NotFound,
    /// The same, and somebody wanted an end.
    Interrupted,
    /// Every interleaving was explored, and none shows it.
    Refuted,
}

impl Explorer {
    fn found(&self, program: &'static Program, source: &Source) -> &(Vec<Finding>, bool) {
        self.known.get_or_init(|| {
            let began = Instant::now();
            let hash = check::schedule::short_hash(&source.text, &source.given);
            let options = Options { memory_max: MEMORY, hash, ..Options::default() };
            let interruption = run::interruption();
            let mut ask = |_: &check::Progress| {
                if let Some(signal) = interruption.signal() {
                    self.signal.set(Some(signal));
                    // A second one is not waited with.
                    interruption.let_through();
                    return Some(Stop::Interrupted);
                }
                (began.elapsed() >= LIMIT).then_some(Stop::Time)
            };
            match check::check(program, &options, &mut ask) {
                Ok(report) => {
                    let complete = report.complete();
                    (report.found.into_iter().map(|s| s.finding).collect(), complete)
                }
                Err(_) => (Vec::new(), false),
            }
        })
    }

    /// The signal by which somebody has ended the question, if it was so: the report of the
    /// run is told all the same.
    pub fn signal(&self) -> Option<i32> {
        self.signal.get()
    }

    /// A predicted finding is confirmed by a schedule that leads to the
    /// deadlock on the same locks and was followed to its end.
    pub fn confirm(&self, program: &'static Program, source: &Source, finding: &mut Finding) -> Answer {
        if finding.certainty != Certainty::Predicted {
            return Answer::Settled;
        }
        let (found, complete) = self.found(program, source);
        let on_all = |f: &Finding| finding.on.iter().all(|lock| f.on.contains(lock) || f.also_on.contains(lock));
        let shows = |f: &&Finding| f.code == Code::Deadlock && finding.on.iter().all(|lock| f.on.contains(lock));
        let followed = |text: &String| {
            let schedule = text.parse().ok()?;
            follow::follow_to_end(program, &schedule).ok().filter(|f| f.shown.iter().any(|s| s.code == Code::Deadlock))
        };
        let schedule = found.iter().find(shows).and_then(|f| f.schedule.clone()).filter(|s| followed(s).is_some());
        match schedule {
            Some(schedule) => {
                finding.certainty = Certainty::Confirmed;
                finding.schedule = Some(schedule);
                Answer::Settled
            }
            // What there is may be shown on other locks that are taken at the same places.
            None if *complete && !found.iter().any(|f| f.code == Code::Deadlock && on_all(f)) => Answer::Refuted,
            None if self.signal().is_some() => Answer::Interrupted,
            None => Answer::NotFound,
        }
    }
}

/// The line below a prediction that was not confirmed.
pub fn line(answer: Answer) -> Option<&'static str> {
    match answer {
        Answer::NotFound => Some("not confirmed: the explorer found no schedule that shows it within a second\n"),
        Answer::Interrupted => Some("not confirmed: the explorer was interrupted before it found a schedule\n"),
        Answer::Settled | Answer::Refuted => None,
    }
}

/// What is told of a prediction that is withdrawn, to those who want to know all.
pub fn withdrawn(finding: &Finding) -> String {
    let locks = phrase::list(&finding.on, 8);
    format!(
        "note: tasks take {locks} in opposite orders, but the explorer went through every interleaving, and in none do they wait for each other\n"
    )
}
