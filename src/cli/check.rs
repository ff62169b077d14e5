//! `conc check`.

use super::argument::{LimitArgs, ScriptArgs};
use super::picture::{self, PictureArgs};
use super::sampling::{self, SamplingArgs};
use super::{Common, Format, ReportFormat, exit, put_err, put_out, script};
use crate::check::schedule::short_hash;
use crate::check::{self, Options, Progress, Report, Stop, Verdict};
use crate::lang::error::ScriptError;
use crate::lang::parse::ERRORS_MAX;
use crate::program::Program;
use crate::repl::Whole;
use crate::report::{self, SESSION, Source, Style, json, junit, lanes, phrase, repeat, sarif, tested, verdict};
use clap::Args;
use std::time::{Duration, Instant};

#[derive(Args)]
#[command(after_help = super::example::help("check"))]
pub struct CheckArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ReportFormat,
    #[command(flatten)]
    limits: LimitArgs,
    /// Take every access for a step that others can see: no reduction
    #[arg(long)]
    no_reduction: bool,
    /// End with the first finding: of all of its kind the one with the shortest way, if all
    /// is explored
    #[arg(long)]
    first: bool,
    /// Explore with so many threads; without it, one a processor. What is found
    /// does not depend on it
    #[arg(long, short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Without one of the reductions, to compare: merging, guarding, joining,
    /// alone, symmetry, sleeping, persistent
    #[arg(long, value_name = "REDUCTION", value_enum)]
    without: Vec<Reduction>,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    common: Common,
    /// FILE is what a session hands over for its `:check`
    #[arg(long, hide = true)]
    session: bool,
    // Last, since its heading holds for what comes after it.
    #[command(flatten)]
    sampling: SamplingArgs,
}

/// What makes the states fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Reduction {
    /// Steps that matter to nobody else go with the step before them
    Merging,
    /// Accesses that a lock guards are not compared
    Guarding,
    /// Releases go with the step before them
    Joining,
    /// A task whose next step is its own affair goes alone
    Alone,
    /// Of states that differ only in which of alike tasks is where, one is enough
    Symmetry,
    /// Of two transitions that commute only one order is followed (sleep sets)
    Sleeping,
    /// In a large script only some tasks are followed, if what the others may do has
    /// nothing to do with it (persistent sets)
    Persistent,
}

/// The command: its exit code.
pub fn main(args: &CheckArgs) -> u8 {
    let started = Instant::now();
    if let Some(why) = args.sampling.wrong() {
        put_err(&format!("conc: {why}\n"));
        return exit::WRONG;
    }
    let mut source = match script::source(&args.script.file, None) {
        Ok(source) => source,
        Err(sentence) => return unread(args, sentence),
    };
    if args.session {
        return check_session(args, &source.text, started);
    }
    let defines = match script::defined(&args.script.define) {
        Ok(defines) => defines,
        Err(code) => return code,
    };
    source.given = script::given(&defines);
    let program = match script::compiled(&source, &defines) {
        Ok(program) => program,
        Err(errors) => return wrong(args, &source, &errors),
    };
    let style = args.common.style(super::on_terminal().0);
    Session { args, source: &source, hash: short_hash(&source.text, &source.given), style, program, started }.check()
}

/// What was entered in a session. A schedule is one of the script that it saves.
fn check_session(args: &CheckArgs, text: &str, started: Instant) -> u8 {
    let Ok(whole) = serde_json::from_str::<Whole>(text) else {
        put_err("conc: that is nothing that a session has handed over\n");
        return exit::WRONG;
    };
    let source = Source::new(SESSION, whole.text.clone());
    match script::entered(&whole) {
        Ok(program) => {
            let style = args.common.style(super::on_terminal().0);
            Session { args, source: &source, hash: short_hash(&whole.saved, &[]), style, program, started }.check()
        }
        Err(errors) => wrong(args, &source, &errors),
    }
}

/// Tells that there is no script. A document for another program is whole all the same.
fn unread(args: &CheckArgs, sentence: String) -> u8 {
    put_err(&format!("conc: {sentence}\n"));
    if matches!(args.format, ReportFormat::Sarif | ReportFormat::Junit) {
        let (source, error) = script::unread(&args.script.file, sentence);
        wrong(args, &source, &[error]);
    }
    exit::WRONG
}

/// Tells what is wrong with the script.
fn wrong(args: &CheckArgs, source: &Source, errors: &[ScriptError]) -> u8 {
    match args.format {
        ReportFormat::Human => script::show_errors(source, errors, &args.common, Format::Human),
        ReportFormat::Json => script::show_errors(source, errors, &args.common, Format::Json),
        ReportFormat::Sarif => {
            put_out(&sarif::script_errors(source, &errors[..errors.len().min(ERRORS_MAX)], exit::WRONG))
        }
        ReportFormat::Junit => {
            let style = Style { width: 100, ..Style::default() };
            let outcome = junit::CaseOutcome::Error {
                kind: "wrong".to_string(),
                message: errors.iter().map(|e| e.message.as_str()).collect::<Vec<_>>().join("; "),
                text: format!("\n{}", report::script_errors(source, errors, &style)),
            };
            let case = junit::Case { name: "script".to_string(), outcome, ..case_of(source) };
            put_out(&junit::document(&[junit::Suite { name: source.name.clone(), cases: vec![case] }], 0.0));
        }
    }
    exit::WRONG
}

fn case_of(source: &Source) -> junit::Case {
    junit::Case { class: source.name.clone(), file: source.name.clone(), ..junit::Case::default() }
}

struct Session<'a> {
    args: &'a CheckArgs,
    source: &'a Source,
    /// Of the script that schedules are of.
    hash: u16,
    style: Style,
    program: &'static Program,
    /// From when on its time is counted: before the script was read.
    started: Instant,
}

impl Session<'_> {
    fn check(&self) -> u8 {
        if let Err(code) = self.args.picture.look(&self.args.script.file) {
            return code;
        }
        let began = Instant::now();
        if self.args.format == ReportFormat::Json {
            let start = json::Start {
                schema: json::SCHEMA_VERSION,
                conc: env!("CARGO_PKG_VERSION").to_string(),
                command: "check".to_string(),
                file: self.source.name.clone(),
                hash: script::hash(self.source),
                seed: self.args.sampling.seed(),
            };
            put_out(&format!("{}\n", json::start(&start)));
        }
        let options = Options {
            states_max: self.args.limits.max_states,
            memory_max: self.args.limits.max_memory.unwrap_or_else(|| crate::run::memory_for_states() as u64),
            plain: self.args.no_reduction,
            first: self.args.first,
            merging: !self.args.without.contains(&Reduction::Merging),
            guarding: !self.args.without.contains(&Reduction::Guarding),
            joining: !self.args.without.contains(&Reduction::Joining),
            alone: !self.args.without.contains(&Reduction::Alone),
            symmetry: !self.args.without.contains(&Reduction::Symmetry),
            sleeping: !self.args.without.contains(&Reduction::Sleeping),
            persistent: !self.args.without.contains(&Reduction::Persistent),
            jobs: crate::run::threads(self.args.jobs.map(usize::from)),
            hash: self.hash,
            ..Options::default()
        };
        let interrupted = crate::run::interruption();
        let limit = self.args.limits.time_limit.map(Duration::from_nanos);
        let mut line = super::progress::Line::new(&self.args.common);
        let mut ask = |progress: &Progress| {
            if interrupted.requested() {
                // What is known may be long to tell: a second one is not waited with.
                interrupted.let_through();
                return Some(Stop::Interrupted);
            }
            if crate::run::is_short() {
                return Some(Stop::Memory);
            }
            line.show(progress, began.elapsed());
            limit.is_some_and(|l| self.started.elapsed() >= l).then_some(Stop::Time)
        };
        let report = match self.args.sampling.sampling() {
            Some(sampling) => check::sample(self.program, &options, &sampling, &mut ask),
            None => check::check(self.program, &options, &mut ask),
        };
        line.clear();
        match report {
            Ok(report) => {
                let code = self.tell(&report, began.elapsed());
                if !self.args.picture.wanted() {
                    return code;
                }
                let drawn = picture::of_check(self.program, self.source, options.hash, &report.found);
                self.args.picture.write(self.source, &drawn, code)
            }
            Err((object, text)) => {
                let error = ScriptError::new(self.program.objects[object].span, text);
                wrong(self.args, self.source, &[error])
            }
        }
    }

    fn tell(&self, report: &Report, took: Duration) -> u8 {
        let failures = report.found.iter().filter(|s| !s.finding.code.is_note()).count() as u64;
        let code = exit_code(report, failures);
        match self.args.format {
            ReportFormat::Json => self.tell_json(report, took, code, failures),
            ReportFormat::Human => self.tell_human(report, took, failures),
            ReportFormat::Sarif => {
                let found = report.found.iter().map(|s| (&s.finding, lanes_of(&s.way))).collect();
                let failing = report.claims.iter().filter(|c| holds(c, report) == Some(false));
                let claims =
                    failing.map(|c| (c.span, sarif::claim(c.every, c.holds, c.fails, c.why.as_deref()))).collect();
                let checked = sarif::Checked { source: self.source, found, claims, reason: reason(report) };
                put_out(&sarif::checked(&checked, code));
            }
            ReportFormat::Junit => {
                let suite = junit::Suite { name: self.source.name.clone(), cases: self.cases(report, took) };
                put_out(&junit::document(&[suite], took.as_secs_f64()));
            }
        }
        code
    }

    /// A case for each kind of finding and for each claim; the first has the
    /// time of the whole and the notes.
    fn cases(&self, report: &Report, took: Duration) -> Vec<junit::Case> {
        use junit::CaseOutcome;
        let style = Style { width: 100, ..Style::default() };
        let full = |shown: &check::Shown| {
            let told = report::finding(self.source, &shown.finding, &style);
            format!("\n{told}\n{}", lanes::text(&lanes_of(&shown.way), self.source, &style))
        };
        let undecided = || {
            let message = reason(report).unwrap_or_default();
            CaseOutcome::Error { kind: "undecided".to_string(), message, text: String::new() }
        };
        let of_code = |(code, verdict): &(crate::detect::finding::Code, Verdict)| {
            let of = |s: &&check::Shown| s.finding.code == *code;
            let outcome = match verdict {
                Verdict::Absent => CaseOutcome::Passed,
                Verdict::Undecided => undecided(),
                Verdict::Found => CaseOutcome::Failed {
                    kind: code.word().to_string(),
                    message: match report.found.iter().find(of) {
                        Some(shown) => report::finding::describe(self.source, &shown.finding, &style).message,
                        None => "the same locks are taken in opposite orders: see the deadlock".to_string(),
                    },
                    text: report.found.iter().filter(of).map(full).collect(),
                },
            };
            junit::Case { name: code.word().to_string(), outcome, ..case_of(self.source) }
        };
        let of_claim = |claim: &check::Claimed| {
            let line = self.source.position(claim.span).line;
            let message = sarif::claim(claim.every, claim.holds, claim.fails, claim.why.as_deref());
            let outcome = match holds(claim, report) {
                Some(true) => CaseOutcome::Passed,
                None => undecided(),
                Some(false) => CaseOutcome::Failed { kind: "expect".to_string(), message, text: String::new() },
            };
            let word = if claim.every { "every" } else { "some" };
            junit::Case { name: format!("expect {word} (line {line})"), outcome, ..case_of(self.source) }
        };
        let mut cases: Vec<junit::Case> = report.verdicts.iter().map(of_code).collect();
        cases.extend(report.claims.iter().map(of_claim));
        if let Some(first) = cases.first_mut() {
            first.seconds = took.as_secs_f64();
            first.output = report.found.iter().filter(|s| s.finding.code.is_note()).map(full).collect();
        }
        cases
    }

    fn tell_json(&self, report: &Report, took: Duration, code: u8, failures: u64) {
        for shown in &report.found {
            put_out(&format!("{}\n", json::finding(self.source, &shown.finding)));
        }
        for claim in &report.claims {
            put_out(&format!("{}\n", json::expectation(&self.expectation(claim, report))));
        }
        for outcome in counted(report) {
            put_out(&format!("{}\n", json::outcome(&outcome)));
        }
        let verdicts = report.verdicts.iter().map(|(c, v)| (c.word().to_string(), v.word().to_string())).collect();
        let summary = json::Summary {
            exit_code: i32::from(code),
            findings: failures,
            notes: report.found.len() as u64 - failures,
            duration_ms: took.as_secs_f64() * 1e3,
            complete: Some(report.complete()),
            reason: reason(report),
            states: Some(report.states),
            transitions: Some(report.transitions),
            verdicts: Some(json::Pairs(verdicts)),
            schedules: report.sampled.as_ref().map(|s| s.runs),
            ..json::Summary::default()
        };
        put_out(&format!("{}\n", json::summary(&summary)));
    }

    fn expectation(&self, claim: &check::Claimed, report: &Report) -> json::Expectation {
        let (status, label) = came_to(claim, report);
        json::Expectation {
            expect: if claim.every { "every" } else { "some" },
            status,
            holds: claim.holds,
            ends: claim.holds + claim.fails,
            why: claim.why.clone(),
            places: vec![json::place(self.source, claim.span, label.to_string())],
        }
    }

    fn tell_human(&self, report: &Report, took: Duration, failures: u64) {
        for shown in &report.found {
            put_out(&report::paragraph(self.source, &shown.finding, &self.style));
            if !self.style.quiet && !shown.finding.code.is_note() {
                put_out(&format!("{}\n", lanes::text(&lanes_of(&shown.way), self.source, &self.style)));
                if let (Some(first), Some(sampled)) = (shown.first, &report.sampled) {
                    put_out(&format!("  first in schedule {first} of {}\n\n", sampled.runs));
                }
            }
        }
        let all_hold = report.claims.iter().all(|c| holds(c, report) == Some(true));
        if self.style.quiet && report.found.is_empty() && report.complete() && all_hold {
            return;
        }
        for claim in &report.claims {
            let word = if claim.every { "every" } else { "some" };
            let line = self.source.position(claim.span).line;
            let total = claim.holds + claim.fails;
            let (_, text) = came_to(claim, report);
            let why = tested::at_an_end(total, claim.why.as_deref());
            let ends = match total {
                0 if report.complete() => "no execution comes to its end".to_string(),
                0 => "no execution has come to its end by then".to_string(),
                _ => format!("true at the end of {} of {total}{why}", claim.holds),
            };
            let begins = format!("  expect {word} (line {line})  ");
            let indent = " ".repeat(begins.len());
            let lines = phrase::wrap(&format!("{text}: {ends}"), self.style.width.saturating_sub(begins.len()));
            put_out(&format!("{begins}{}\n", lines.join(&format!("\n{indent}"))));
        }
        if !self.style.quiet && report.outcomes.len() > 1 {
            let table = repeat::RepeatTable {
                runs: report.sampled.as_ref().map_or(0, |s| s.counts.iter().sum()),
                outcomes: counted(report),
                ..Default::default()
            };
            let count = report.outcomes.len();
            let more = if report.more_outcomes { "more than " } else { "" };
            put_out(&format!("{more}{count} possible outcomes{}\n", table.outcomes_text(&self.style)));
        }
        let known = |v: Verdict| match v {
            Verdict::Absent => verdict::Known::Absent,
            Verdict::Found => verdict::Known::Found,
            Verdict::Undecided => verdict::Known::Undecided,
        };
        let summary = verdict::CheckSummary {
            verdicts: report.verdicts.iter().map(|(c, v)| (*c, known(*v))).collect(),
            states: report.states,
            transitions: report.transitions,
            duration_ms: took.as_secs_f64() * 1e3,
            findings: failures,
            notes: report.found.len() as u64 - failures,
            reason: reason(report),
            schedules: report.sampled.as_ref().map(|s| s.runs),
        };
        put_out(&verdict::text(&summary, &self.style));
        if is_interrupted(report) {
            put_err("conc: interrupted; what is told is what was known by then\n");
        }
    }
}

/// Why not all was explored.
pub fn reason(report: &Report) -> Option<String> {
    let of = |stop: Stop| match stop {
        Stop::States => "the limit of states was reached",
        Stop::Memory => "the states need more memory than there is for them",
        Stop::Time => "the time limit was reached",
        Stop::Interrupted => "it was interrupted",
        Stop::First => "the first finding was enough",
    };
    match (report.stop, report.races_stop, &report.sampled) {
        (Some(stop), ..) => Some(of(stop).to_string()),
        (None, Some(stop), _) => Some(format!("{}; there may be more races, all else is decided", of(stop))),
        (None, None, Some(sampled)) => Some(sampling::reason(report, sampled)),
        (None, None, None) => report.cut.map(str::to_string),
    }
}

/// Whether a claim holds; none while ends may come that decide it.
fn holds(claim: &check::Claimed, report: &Report) -> Option<bool> {
    match claim {
        check::Claimed { every: true, fails: 1.., .. } => Some(false),
        check::Claimed { every: false, holds: 1.., .. } => Some(true),
        _ => report.explored().then_some(claim.every),
    }
}

/// What came of a claim: in one word, and in a sentence about it.
fn came_to(claim: &check::Claimed, report: &Report) -> (&'static str, &'static str) {
    match holds(claim, report) {
        Some(true) => ("holds", "holds"),
        Some(false) => ("fails", "does not hold"),
        None => ("undecided", "is not decided"),
    }
}

fn is_interrupted(report: &Report) -> bool {
    report.stop.or(report.races_stop) == Some(Stop::Interrupted)
}

fn exit_code(report: &Report, failures: u64) -> u8 {
    if is_interrupted(report) {
        return exit::INTERRUPTED;
    }
    if failures > 0 || report.claims.iter().any(|c| holds(c, report) == Some(false)) {
        exit::FINDINGS
    } else if report.complete() {
        exit::FINE
    } else {
        exit::NO_ANSWER
    }
}

pub fn lanes_of(way: &check::Way) -> lanes::Lanes {
    lanes::Lanes {
        names: way.lanes.iter().map(|l| l.name.clone()).collect(),
        steps: way.steps.iter().map(|s| lanes::Step { lane: s.lane, span: s.span, text: s.text.clone() }).collect(),
        circle_from: way.circle_from,
    }
}

/// The outcomes, with their frequency if schedules were drawn.
fn counted(report: &Report) -> Vec<json::Outcome> {
    let count = |n: usize| report.sampled.as_ref().and_then(|s| s.counts.get(n)).copied().unwrap_or(1);
    let one = |(n, o)| json::Outcome { count: count(n), ..outcome_of(o) };
    report.outcomes.iter().enumerate().map(one).collect()
}

pub fn outcome_of(outcome: &check::Outcome) -> json::Outcome {
    let pairs = |p: &[(String, String)]| json::Pairs(p.to_vec());
    json::Outcome {
        values: pairs(&outcome.values),
        prints: pairs(&outcome.prints),
        ended: pairs(&outcome.ended),
        count: 1,
    }
}
