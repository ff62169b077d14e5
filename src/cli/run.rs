//! `conc run`.

use super::argument::ScriptArgs;
use super::confirm::Answer;
use super::picture::{Drawn, PictureArgs};
use super::{Common, Format, confirm, exit, put_err, put_out, script};
use crate::detect::finding::{Code, Ending, Finding};
use crate::program::Program;
use crate::report::{self, Source, Style, json};
use crate::run::image::SetupError;
use crate::run::{self, Options, Report, Stop};
use clap::Args;

#[derive(Args)]
#[command(after_help = super::example::help("run"))]
pub struct RunArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// Where random choices begin
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Run that many times: a table of outcomes and findings with their frequency
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with_all = ["timeline", "trace", "hang"])]
    repeat: Option<u64>,
    /// Random pauses at steps, to make rare interleavings likely
    #[arg(long)]
    shake: bool,
    /// The threads of a process take turns under one interpreter lock, as in CPython
    #[arg(long)]
    gil: bool,
    /// End the run after this time: 10s, 500ms
    #[arg(long, value_name = "TIME", value_parser = super::argument::time)]
    time_limit: Option<u64>,
    /// Leave a deadlock standing, with the pids, for a debugger
    #[arg(long)]
    hang: bool,
    /// The bare execution, without looking for races and lock orders
    #[arg(long)]
    no_detect: bool,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    common: Common,
}

/// The command: its exit code.
pub fn main(args: &RunArgs) -> u8 {
    let mut source = match script::read(&args.script.file) {
        Ok(source) => source,
        Err(code) => return code,
    };
    let program = match script::compile(&mut source, &args.script.define, &args.common, args.format) {
        Ok(program) => program,
        Err(code) => return code,
    };
    if let Err(code) = args.picture.look(&args.script.file) {
        return code;
    }
    let seed = args.seed.unwrap_or_else(run::fresh_seed);
    let style = args.common.style(super::on_terminal().1);
    let session = Session { args, source: &source, style, program, explorer: confirm::Explorer::default() };
    if args.format == Format::Json {
        put_out(&format!("{}\n", session.start_line(seed)));
    }
    match args.repeat {
        None => session.once(seed),
        Some(runs) => session.repeat(seed, runs),
    }
}

struct Session<'a> {
    args: &'a RunArgs,
    source: &'a Source,
    style: Style,
    program: &'static Program,
    explorer: confirm::Explorer,
}

fn json_print(task: &str, text: &str) -> String {
    format!("{}\n", json::print(task, text))
}

fn human_print(_task: &str, text: &str) -> String {
    format!("{text}\n")
}

impl Session<'_> {
    fn start_line(&self, seed: u64) -> String {
        json::start(&start("run", self.source, seed))
    }

    fn options(&self, seed: u64) -> Options {
        Options {
            seed,
            detect: !self.args.no_detect,
            shake: self.args.shake,
            gil: self.args.gil,
            hurried: run::processors() < 2,
            hang: self.args.hang,
            time_limit_ns: self.args.time_limit,
            outcomes: self.args.repeat.is_some(),
            record: self.args.picture.wanted(),
            print: print_for(self.args.format),
            memory: run::memory_for_objects(),
            replay: None,
            trace: 0,
        }
    }

    fn show(&self, finding: &Finding) {
        let mut finding = finding.clone();
        let answer = self.explorer.confirm(self.program, self.source, &mut finding);
        match self.args.format {
            Format::Json => put_out(&format!("{}\n", json::finding(self.source, &finding))),
            Format::Human => {
                put_err(&report::paragraph(self.source, &finding, &self.style));
                if let Some(line) = confirm::line(answer) {
                    put_err(line);
                }
            }
        }
    }

    /// The findings of repeated runs, each with the number of runs that showed it.
    fn show_counted(&self, found: Vec<Finding>, table: &report::repeat::RepeatTable) {
        for mut finding in found {
            let is_it = |f: &&report::repeat::RepeatFinding| f.code == finding.code && f.on == finding.on;
            finding.count = table.findings.iter().find(is_it).map_or(1, |f| f.runs);
            self.show(&finding);
        }
    }

    fn wrapped(&self, sentence: &str) -> String {
        report::wrap(sentence, self.style.width).into_iter().map(|line| line + "\n").collect()
    }

    fn run(&self, seed: u64, tell: &mut dyn FnMut(&Finding)) -> Result<Report, u8> {
        // Here they are collected, in the script's processes nobody does.
        run::as_any_program();
        let mut report = run::run(self.program, self.options(seed), tell)
            .map_err(|e| setup_failed(&e, self.program, self.source, &self.args.common, self.args.format))?;
        report.findings.retain(|finding| !self.is_refuted(finding));
        Ok(report)
    }

    /// Whether the explorer knows better than a prediction.
    fn is_refuted(&self, finding: &Finding) -> bool {
        let refuted = self.explorer.confirm(self.program, self.source, &mut finding.clone()) == Answer::Refuted;
        if refuted && self.style.verbose && self.args.format == Format::Human {
            put_err(&confirm::withdrawn(finding));
        }
        refuted
    }

    fn once(&self, seed: u64) -> u8 {
        // A signal that comes when all is over keeps nothing from being told.
        let _interruption = run::interruption();
        let mut told: Vec<Finding> = Vec::new();
        let report = self.run(seed, &mut |finding| {
            self.show(finding);
            told.push(finding.clone());
            if self.args.hang {
                put_err(&self.wrapped(&hang_line(finding)));
            }
        });
        let report = match report {
            Ok(report) => report,
            Err(code) => return code,
        };
        for finding in report.findings.iter().filter(|f| !told.contains(f)) {
            self.show(finding);
        }
        let code = self.exit_code(&report);
        self.end(&report, code);
        match report.recording {
            Some(recording) => {
                let drawn = Drawn { title: "a run".to_string(), recording, findings: report.findings };
                self.args.picture.write(self.source, &[drawn], code)
            }
            None => code,
        }
    }

    /// As `exit_code`; and where somebody wanted an end while the explorer was asked.
    fn exit_code(&self, report: &Report) -> u8 {
        match (exit_code(report), self.explorer.signal()) {
            (exit::FAILED, _) | (_, None) => exit_code(report),
            (_, Some(_)) => exit::INTERRUPTED,
        }
    }

    fn end(&self, report: &Report, code: u8) {
        let failures = report.findings.iter().filter(|f| !f.code.is_note()).count() as u64;
        let notes = report.findings.len() as u64 - failures;
        match &report.stop {
            Stop::Failed(sentence) => super::put_failure(sentence),
            Stop::TimeLimit => put_err("conc: the time limit was reached; the run was ended\n"),
            Stop::Interrupted(_) if self.args.format == Format::Human => {
                put_err("conc: interrupted; the run was ended\n")
            }
            Stop::Finished | Stop::Stuck if self.explorer.signal().is_some() && self.args.format == Format::Human => {
                put_err("conc: interrupted while the explorer was asked about a prediction\n")
            }
            _ => {}
        }
        if let Some(signal) = report.main_killed {
            put_err(&self.wrapped(&killed_line(signal)));
        }
        let duration_ms = report.duration_ns as f64 / 1e6;
        if self.args.format == Format::Json {
            let summary = json::Summary {
                exit_code: i32::from(code),
                findings: failures,
                notes,
                tasks: report.task_count,
                threads: report.thread_count,
                processes: report.process_count,
                duration_ms,
                ..json::Summary::default()
            };
            return put_out(&format!("{}\n", json::summary(&summary)));
        }
        let lines = report.tasks.iter().filter(|t| !t.worker || t.ending != Some(Ending::Returned));
        let summary = report::summary::RunSummary {
            findings: failures,
            notes,
            tasks: report.task_count,
            threads: report.thread_count,
            processes: report.process_count,
            duration_ms,
            exit_code: i32::from(code),
            lines: lines
                .filter(|t| self.style.verbose || t.stuck || !matches!(t.ending, None | Some(Ending::Returned)))
                .map(|t| report::summary::TaskLine {
                    facts: t.facts.clone(),
                    count: t.count,
                    ending: t.ending.clone(),
                    result: t.result.clone(),
                    note: String::new(),
                })
                .collect(),
            gil_wait_ms: self.args.gil.then_some(report.gil_wait_ns as f64 / 1e6),
            interrupted: matches!(report.stop, Stop::Interrupted(_) | Stop::TimeLimit),
        };
        let text = report::summary::text(&summary, &self.style);
        if !(self.style.quiet && report.findings.is_empty()) {
            put_err(&text);
        }
    }

    fn repeat(&self, seed: u64, runs: u64) -> u8 {
        let mut table = report::repeat::RepeatTable { wanted: runs, ..Default::default() };
        let mut shown: Vec<(Code, Vec<String>)> = Vec::new();
        // With how often they came, which is known when all is over.
        let mut counted: Vec<Finding> = Vec::new();
        let mut worst = exit::FINE;
        // A signal ends the repetition, be it between two runs.
        let interruption = run::interruption();
        for i in 0..runs {
            let mut report = match self.run(seed.wrapping_add(i), &mut |_| {}) {
                Ok(report) => report,
                Err(code) => {
                    self.show_counted(counted, &table);
                    return code;
                }
            };
            for finding in &report.findings {
                let key = (finding.code, finding.on.clone());
                if !shown.contains(&key) {
                    match self.args.format {
                        Format::Json => counted.push(finding.clone()),
                        Format::Human => self.show(finding),
                    }
                    shown.push(key);
                }
            }
            let keys: Vec<(Code, Vec<String>)> = report.findings.iter().map(|f| (f.code, f.on.clone())).collect();
            if let Some(o) = &report.outcome {
                let pairs = |p: &[(String, String)]| json::Pairs(p.to_vec());
                let outcome = json::Outcome {
                    values: pairs(&o.values),
                    prints: pairs(&o.prints),
                    ended: pairs(&o.ended),
                    count: 1,
                };
                table.add(outcome, &keys);
            }
            if let (Stop::Finished | Stop::Stuck, Some(signal)) =
                (&report.stop, report.late_signal.or_else(|| self.explorer.signal()).or_else(|| interruption.signal()))
            {
                report.stop = Stop::Interrupted(signal);
            }
            let code = match exit_code(&report) {
                // Nor does a later one that is cut take back what was found before.
                exit::NO_ANSWER if worst != exit::FINE => worst,
                code => code,
            };
            if !matches!(report.stop, Stop::Finished | Stop::Stuck) || report.main_killed.is_some() {
                self.end(&report, code);
                worst = code;
                break;
            }
            worst = worst.max(code);
        }
        self.show_counted(counted, &table);
        match self.args.format {
            Format::Json => {
                for outcome in &table.outcomes {
                    put_out(&format!("{}\n", json::outcome(outcome)));
                }
            }
            Format::Human => put_err(&table.text(&self.style)),
        }
        worst
    }
}

/// The first line of JSON.
pub fn start(command: &str, source: &Source, seed: u64) -> json::Start {
    json::Start {
        schema: json::SCHEMA_VERSION,
        conc: env!("CARGO_PKG_VERSION").to_string(),
        command: command.to_string(),
        file: source.name.clone(),
        hash: script::hash(source),
        seed,
    }
}

/// How what a task prints becomes a line.
pub fn print_for(format: Format) -> fn(&str, &str) -> String {
    match format {
        Format::Json => json_print,
        Format::Human => human_print,
    }
}

/// A run that could not be set up: the exit code, with the reason printed.
pub fn setup_failed(error: &SetupError, program: &Program, source: &Source, common: &Common, format: Format) -> u8 {
    match error {
        SetupError::Object(id, text) => {
            let error = crate::lang::error::ScriptError::new(program.objects[*id].span, text.clone());
            script::show_errors(source, &[error], common, format);
            exit::WRONG
        }
        SetupError::Memory => {
            put_err("conc: the script's declarations need more memory than there is\n");
            exit::FAILED
        }
        SetupError::System(e) => {
            put_err(&format!("conc: the run could not be set up: {}\n", SetupError::refusal(*e)));
            exit::FAILED
        }
    }
}

pub fn exit_code(report: &Report) -> u8 {
    exit_code_with(report, report.findings.iter().any(|f| !f.code.is_note()))
}

/// The same where not all findings are told: `failed`, whether one that is told is a failure.
pub fn exit_code_with(report: &Report, failed: bool) -> u8 {
    match report.stop {
        Stop::Failed(_) => exit::FAILED,
        Stop::Interrupted(_) => exit::INTERRUPTED,
        Stop::Diverged(_) => exit::NO_ANSWER,
        Stop::TimeLimit if !failed => exit::NO_ANSWER,
        // What was found is an answer, wherever the run was cut.
        Stop::TimeLimit | Stop::ScheduleOver | Stop::Finished | Stop::Stuck => {
            if failed {
                exit::FINDINGS
            } else if report.main_killed.is_some() {
                // No script has come to its end of which `main` has not.
                exit::FAILED
            } else {
                exit::FINE
            }
        }
    }
}

/// `main` is gone, and not by what the script does.
fn killed_line(signal: i32) -> String {
    let ended = report::summary::ended(Some(&Ending::Signalled(signal)));
    format!("conc: main was {ended} from outside the script, before it had come to its end")
}

/// What a debugger needs of those that hang.
fn hang_line(finding: &Finding) -> String {
    let tasks = report::finding::tasks(finding);
    let ids: Vec<String> = tasks.iter().map(|t| format!("{} pid {} tid {}", t.name, t.pid, t.tid)).collect();
    format!("left standing: {}; end with Ctrl-C", ids.join(", "))
}
