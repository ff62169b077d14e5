//! The arguments of `conc check` for random schedules, and what is said of them.

use crate::check::{Report, Sampled, Sampling, Strategy};
use crate::detect::finding::Code;
use crate::report::phrase;
use clap::{Args, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Whoever can go on, with the same probability
    Random,
    /// By random priorities that change a few times in a schedule
    Pct,
    /// The orders of the events at a few places, each with the same probability
    Surw,
}

#[derive(Args)]
#[command(next_help_heading = "Random schedules, for scripts too large to explore")]
pub struct SamplingArgs {
    /// Draw random schedules instead of exploring all
    #[arg(long, value_name = "NAME")]
    strategy: Option<Name>,
    /// So many schedules
    #[arg(long, value_name = "N", default_value = "10000", requires = "strategy", value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Where the random numbers come from: the same seed, the same schedules
    #[arg(long, value_name = "N", default_value = "0", requires = "strategy")]
    seed: u64,
    /// For pct: one more than the changes of priority in a schedule [default: 3]
    #[arg(long, value_name = "D", requires = "strategy", value_parser = clap::value_parser!(u32).range(1..=1000))]
    depth: Option<u32>,
    /// Cut a schedule after so many transitions
    #[arg(long, value_name = "N", default_value = "100000", requires = "strategy", value_parser = clap::value_parser!(u64).range(1..))]
    max_steps: u64,
    /// End once there is a finding of this kind, such as deadlock
    #[arg(long, value_name = "CODE", requires = "strategy", value_parser = code, add = super::complete::code())]
    until: Option<Code>,
}

fn code(text: &str) -> Result<Code, String> {
    Code::from_word(text).ok_or_else(|| format!("there is no finding `{text}`; there are {}", words()))
}

fn words() -> String {
    let words: Vec<&str> = Code::ALL.iter().map(|c| c.word()).collect();
    words.join(", ")
}

impl SamplingArgs {
    /// Why these arguments do not go together.
    pub fn wrong(&self) -> Option<&'static str> {
        let other = self.depth.is_some() && self.strategy.is_some_and(|s| s != Name::Pct);
        other.then_some("`--depth` is for `--strategy pct` alone: no other strategy has priorities")
    }

    /// How schedules are drawn, if they are.
    pub fn sampling(&self) -> Option<Sampling> {
        let strategy = match self.strategy? {
            Name::Random => Strategy::Random,
            Name::Pct => Strategy::Pct,
            Name::Surw => Strategy::Surw,
        };
        Some(Sampling {
            strategy,
            runs: self.runs,
            seed: self.seed,
            depth: self.depth.unwrap_or(Sampling::default().depth),
            steps_max: self.max_steps,
            until: self.until,
        })
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// What a sample's verdicts rest on.
pub fn reason(report: &Report, sampled: &Sampled) -> String {
    let schedules = phrase::count(sampled.runs, "schedule");
    let by = format!("drawn by {} with seed {}", sampled.strategy.word(), sampled.seed);
    let mut cut = match sampled.cut {
        0 => String::new(),
        cut => format!("; {cut} of them cut, since they were too long or went round"),
    };
    if let Some(what) = report.cut {
        cut.push_str(&format!("; not gone through: {what}"));
    }
    if report.found.iter().any(|s| !s.finding.code.is_note()) {
        format!("{schedules} {by}{cut}; what they did not show may be possible all the same")
    } else {
        format!("{schedules}, no finding; that is no proof ({by}{cut})")
    }
}
