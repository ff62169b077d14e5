//! `conc test`: scripts against their own `expect` lines, several at a time.

use super::argument::LimitArgs;
use super::check::{lanes_of, reason};
use super::progress::Line;
use super::{Common, ReportFormat, exit, put_err, put_out, script};
use crate::check::{self, Options, Stop};
use crate::detect::expect::{self, Expectations, Seen};
use crate::lang::error::ScriptError;
use crate::lang::parse::ERRORS_MAX;
use crate::program::Program;
use crate::program::value::Value;
use crate::report::tested::{self, Counts, Outcome, Status, Tested};
use crate::report::{self, Source, json, junit, sarif};
use crate::run::Interruption;
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

#[derive(Args)]
#[command(after_help = super::example::help("test"))]
pub struct TestArgs {
    /// Scripts, or folders with scripts below; - is standard input
    #[arg(required = true, add = super::complete::script())]
    paths: Vec<String>,
    /// Give a `const` of the scripts that have it another value
    #[arg(short = 'D', value_name = "NAME=VALUE", add = super::complete::define())]
    define: Vec<String>,
    /// Leave out scripts whose path contains this text
    #[arg(long, value_name = "TEXT")]
    skip: Vec<String>,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: ReportFormat,
    #[command(flatten)]
    limits: LimitArgs,
    /// How many scripts are checked at the same time; without it, one a processor
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    #[command(flatten)]
    common: Common,
}

/// A check needs the stack that a program's first thread has.
const STACK: usize = 8 << 20;
/// Between two looks at signals and at the progress.
const LOOK: Duration = Duration::from_millis(50);

/// A script, compiled, or what is wrong with it; neither where an interruption came before.
struct Case {
    source: Source,
    program: Option<Result<&'static Program, Vec<ScriptError>>>,
}

/// The script of a file; where it cannot be read, the error beside an empty one.
fn read(path: &Path, interruption: &Interruption) -> (Source, Option<ScriptError>) {
    let empty = || Source::new(path.to_string_lossy(), "");
    if interruption.requested() {
        return (empty(), None);
    }
    match script::source(path, Some(interruption)) {
        Ok(source) => (source, None),
        Err(_) if interruption.requested() => (empty(), None),
        Err(sentence) => {
            let (empty, error) = script::unread(path.to_string_lossy(), sentence);
            (empty, Some(error))
        }
    }
}

/// The command: its exit code.
pub fn main(args: &TestArgs) -> u8 {
    let began = Instant::now();
    let interruption = crate::run::interruption();
    let ((paths, missing), defines) =
        match files(args, &interruption).and_then(|f| Ok((f, script::defined(&args.define)?))) {
            Ok(read) => read,
            Err(code) => return code,
        };
    let read: Vec<(Source, Option<ScriptError>)> = paths.iter().map(|path| read(path, &interruption)).collect();
    if let Some(code) = nobody_has(&defines, read.iter().map(|r| &r.0), &interruption) {
        return code;
    }
    let case = |(mut source, error): (Source, Option<ScriptError>)| {
        // Who has seen it once sees it again: nothing of a script that was not read is told.
        if interruption.requested() {
            return Case { source, program: None };
        }
        let defines = defines_of(&source, &defines);
        source.given = script::given(&defines);
        let program = error.map_or_else(|| script::compiled(&source, &defines), |error| Err(vec![error]));
        Case { source, program: Some(program) }
    };
    let cases: Vec<Case> = read.into_iter().map(case).collect();
    let mut teller = Teller::new(args, &cases, missing);
    let (all, interrupted) = check_all(args, cases, &interruption, &mut teller);
    teller.end(&all, interrupted, began.elapsed())
}

/// The scripts, each once, without those to skip; of each path that has none, and each folder
/// below one that cannot be read, the sentence, which is said. The others are tested all the same.
fn files(args: &TestArgs, interruption: &Interruption) -> Result<(Vec<PathBuf>, Vec<String>), u8> {
    script::reads_once(&args.paths)?;
    let (mut found, mut known, mut missing) = (Vec::new(), BTreeSet::new(), Vec::new());
    let mut add = |found: &mut Vec<PathBuf>, below: Vec<PathBuf>| {
        for file in below {
            let same = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            if known.insert(same) {
                found.push(file.strip_prefix(".").unwrap_or(&file).to_path_buf());
            }
        }
    };
    for path in &args.paths {
        if path == "-" {
            found.push(PathBuf::from(path));
            continue;
        }
        let below = script::below(Path::new(path), &|| interruption.requested());
        below.unreadable.iter().for_each(|sentence| put_err(&format!("conc: {sentence}\n")));
        missing.extend(below.unreadable);
        add(&mut found, below.scripts);
    }
    let any = !found.is_empty();
    found.retain(|path| !args.skip.iter().any(|text| path.to_string_lossy().contains(text.as_str())));
    if found.is_empty() {
        if interruption.requested() {
            put_err("conc: interrupted while scripts were looked for\n");
            return Err(exit::INTERRUPTED);
        }
        if any {
            put_err("conc: every script is skipped\n");
        }
        return Err(exit::WRONG);
    }
    Ok((found, missing))
}

/// The constants of a script, as far as it can be read.
fn constants(source: &Source) -> Vec<String> {
    use crate::lang::ast::Item;
    let items = crate::lang::parse::parse_all(&source.text).script.map(|s| s.items).unwrap_or_default();
    let name = |item: Item| match item {
        Item::Const(c) => Some(c.name.text),
        _ => None,
    };
    items.into_iter().filter_map(name).collect()
}

fn defines_of(source: &Source, defines: &[(String, Value)]) -> Vec<(String, Value)> {
    if defines.is_empty() {
        return Vec::new();
    }
    let known = constants(source);
    defines.iter().filter(|d| known.contains(&d.0)).cloned().collect()
}

/// A `-D` that is for none of the scripts is a slip, if all of them were read.
fn nobody_has<'s>(
    defines: &[(String, Value)],
    sources: impl Iterator<Item = &'s Source>,
    interruption: &Interruption,
) -> Option<u8> {
    let known: BTreeSet<String> = match defines {
        [] => return None,
        _ => sources.take_while(|_| !interruption.requested()).flat_map(constants).collect(),
    };
    if interruption.requested() {
        return None;
    }
    let stray = defines.iter().find(|d| !known.contains(&d.0))?;
    let near = crate::lang::error::nearest(&stray.0, known.iter().map(String::as_str));
    let near = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    put_err(&format!("conc: -D {}: no script has a `const` of this name{near}\n", stray.0));
    Some(exit::WRONG)
}

fn tested(source: Source, expectations: Expectations, outcome: Outcome) -> Tested {
    Tested { source, expectations, outcome, duration_ms: 0.0, states: 0 }
}

fn not_reached(source: Source) -> Tested {
    tested(source, Expectations::default(), Outcome::NotReached)
}

// -------------------------------------------------------------------- checking

/// Checks the scripts, in their order, several at a time, and tells of each as
/// soon as those before it are told of; whether it was interrupted.
fn check_all(
    args: &TestArgs,
    cases: Vec<Case>,
    interruption: &Interruption,
    teller: &mut Teller,
) -> (Vec<Tested>, bool) {
    let jobs = crate::run::threads(args.jobs.map(|j| j as usize)).min(cases.len().max(1));
    let memory = args.limits.max_memory.unwrap_or_else(|| crate::run::memory_for_states() as u64 / jobs as u64);
    let (stop, next) = (AtomicBool::new(interruption.requested()), AtomicUsize::new(0));
    let (give, take) = mpsc::channel::<(usize, Tested)>();
    let mut done: Vec<Option<Tested>> = cases.iter().map(|_| None).collect();
    let work = |give: mpsc::Sender<(usize, Tested)>| {
        while let Some((n, case)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, cases.get(n)?))) {
            if stop.load(Ordering::Relaxed) || give.send((n, check_one(args, case, memory, &stop))).is_err() {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        let mut started = 0;
        for _ in 0..jobs {
            let (give, work) = (give.clone(), &work);
            let thread = std::thread::Builder::new().stack_size(STACK).name("check".to_string());
            // Without a further thread the others do its part.
            started += usize::from(thread.spawn_scoped(scope, move || work(give)).is_ok());
        }
        if started == 0 {
            work(give);
        } else {
            drop(give);
        }
        let mut line = Line::new(&args.common);
        let began = Instant::now();
        let mut failed = 0;
        loop {
            match take.recv_timeout(LOOK) {
                Ok((n, tested)) => {
                    failed += usize::from(matches!(tested.status(), Status::Failed | Status::Wrong));
                    done[n] = Some(tested);
                    if n == teller.told && teller.tells_rows() {
                        line.clear();
                        done[n..].iter().map_while(Option::as_ref).for_each(|one| teller.one(one));
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if interruption.requested() {
                stop.store(true, Ordering::Relaxed);
            }
            let count = done.iter().flatten().count();
            let failures = if failed > 0 { format!(", {failed} failed") } else { String::new() };
            line.say(began.elapsed(), || format!("{count} of {} scripts{failures}", cases.len()));
        }
        line.clear();
    });
    let all = cases.into_iter().zip(done);
    (all.map(|(case, done)| done.unwrap_or_else(|| not_reached(case.source))).collect(), stop.into_inner())
}

fn check_one(args: &TestArgs, case: &Case, memory_max: u64, stop: &AtomicBool) -> Tested {
    let began = Instant::now();
    // The scripts before have given back what they had.
    crate::run::keep_back();
    let options = Options {
        states_max: args.limits.max_states,
        memory_max,
        hash: check::schedule::short_hash(&case.source.text, &case.source.given),
        ..Options::default()
    };
    let limit = args.limits.time_limit.map(Duration::from_nanos);
    let mut ask = |_: &check::Progress| {
        if stop.load(Ordering::Relaxed) {
            return Some(Stop::Interrupted);
        }
        if crate::run::is_short() {
            return Some(Stop::Memory);
        }
        limit.is_some_and(|l| began.elapsed() >= l).then_some(Stop::Time)
    };
    let program = match &case.program {
        Some(Ok(program)) => *program,
        Some(Err(errors)) => {
            return tested(case.source.clone(), Expectations::default(), Outcome::Wrong(errors.clone()));
        }
        None => return not_reached(case.source.clone()),
    };
    let expectations = Expectations::of(&program.expects, &case.source.text);
    let (outcome, states) = match check::check(program, &options, &mut ask) {
        Ok(report) => (judged(&expectations, &report), report.states),
        Err((object, text)) => (Outcome::Wrong(vec![ScriptError::new(program.objects[object].span, text)]), 0),
    };
    let duration_ms = began.elapsed().as_secs_f64() * 1e3;
    Tested { source: case.source.clone(), expectations, outcome, duration_ms, states }
}

fn judged(expectations: &Expectations, report: &check::Report) -> Outcome {
    let seen: Vec<Seen> = report.found.iter().map(|s| Seen::of(&s.finding)).collect();
    let claim =
        |c: &check::Claimed| expect::Claimed { span: c.span, holds: c.holds, fails: c.fails, why: c.why.clone() };
    let claims: Vec<expect::Claimed> = report.claims.iter().map(claim).collect();
    Outcome::Judged {
        judgement: expectations.judge(&seen, &claims, report.complete()),
        found: report.found.iter().map(|s| (s.finding.clone(), lanes_of(&s.way))).collect(),
        reason: reason(report),
    }
}

// --------------------------------------------------------------------- telling

fn exit_code(counts: &Counts, missing: bool, interrupted: bool) -> u8 {
    match counts {
        _ if interrupted => exit::INTERRUPTED,
        _ if missing => exit::WRONG,
        Counts { wrong: 1.., .. } => exit::WRONG,
        Counts { failed: 1.., .. } => exit::FINDINGS,
        Counts { undecided: 1.., .. } => exit::NO_ANSWER,
        _ => exit::FINE,
    }
}

/// What is told, script by script in their order.
struct Teller<'a> {
    args: &'a TestArgs,
    style: report::Style,
    /// The width of the column of names.
    width: usize,
    /// How many scripts it has told of.
    told: usize,
    /// Of each path that was given and has no script, and each folder that cannot be read.
    missing: Vec<String>,
}

impl Teller<'_> {
    /// Begins with what stands before all scripts.
    fn new<'a>(args: &'a TestArgs, cases: &[Case], missing: Vec<String>) -> Teller<'a> {
        let style = args.common.style(super::on_terminal().0);
        let width = tested::name_width(cases.iter().map(|c| c.source.name.as_str()));
        if args.format == ReportFormat::Json {
            let start = json::Start {
                schema: json::SCHEMA_VERSION,
                conc: env!("CARGO_PKG_VERSION").to_string(),
                command: "test".to_string(),
                file: args.paths.join(" "),
                hash: String::new(),
                seed: 0,
            };
            put_out(&format!("{}\n", json::start(&start)));
        }
        Teller { args, style, width, told: 0, missing }
    }

    /// SARIF and JUnit are one text each, whose beginning counts what comes.
    fn tells_rows(&self) -> bool {
        matches!(self.args.format, ReportFormat::Human | ReportFormat::Json)
    }

    /// Tells of the next script.
    fn one(&mut self, one: &Tested) {
        self.told += 1;
        match self.args.format {
            ReportFormat::Human => put_out(&tested::row(one, self.width, &self.style)),
            ReportFormat::Json => one_json(one),
            ReportFormat::Sarif | ReportFormat::Junit => {}
        }
    }

    /// Tells of the scripts that are left and of all together: the exit code.
    fn end(mut self, all: &[Tested], interrupted: bool, took: Duration) -> u8 {
        let counts = Counts::of(all);
        let code = exit_code(&counts, !self.missing.is_empty(), interrupted);
        let duration_ms = took.as_secs_f64() * 1e3;
        all[self.told..].iter().for_each(|one| self.one(one));
        match self.args.format {
            ReportFormat::Human => {
                put_out(&tested::last(all, duration_ms, &self.style));
                if interrupted {
                    put_err("conc: interrupted; what is told is what was known by then\n");
                }
            }
            ReportFormat::Json => {
                let summary = json::Summary {
                    exit_code: i32::from(code),
                    findings: all.iter().map(|t| t.unexpected().len() as u64).sum(),
                    duration_ms,
                    ..json::Summary::default()
                };
                let Counts { passed, failed, undecided, wrong } = counts;
                let summary = json::TestSummary { summary, passed, failed, undecided, wrong };
                put_out(&format!("{}\n", json::test_summary(&summary)));
            }
            ReportFormat::Sarif => put_out(&sarif::tested(all, code)),
            ReportFormat::Junit => put_out(&junit::tested(all, &self.missing, took.as_secs_f64())),
        }
        code
    }
}

fn one_json(one: &Tested) {
    if let Outcome::Wrong(errors) = &one.outcome {
        errors
            .iter()
            .take(ERRORS_MAX)
            .for_each(|e| put_out(&format!("{}\n", report::json::script_error(&one.source, e))));
    }
    for (finding, _) in one.unexpected() {
        put_out(&format!("{}\n", json::finding(&one.source, finding)));
    }
    let line = json::Test {
        file: one.source.name.clone(),
        hash: script::hash(&one.source),
        status: one.status().word(),
        reasons: one.reasons(),
        states: one.states,
        duration_ms: one.duration_ms,
    };
    put_out(&format!("{}\n", json::test(&line)));
}
