//! `conc replay`: one interleaving again, on real threads and processes or in
//! the model.

use super::argument::ScriptArgs;
use super::picture::{Drawn, PictureArgs};
use super::{Common, Format, check as checked, exit, put_err, put_out, run as ran, script};
use crate::check::follow::{self, Followed, Refused};
use crate::check::schedule::short_hash;
use crate::check::{self, Schedule};
use crate::detect::event::Recording;
use crate::detect::finding::{Certainty, Code, Finding};
use crate::lang::ast::Span;
use crate::program::Program;
use crate::report::{self, Source, Style, json, lanes, phrase};
use crate::run::replay::{Divergence, Plan};
use crate::run::{self, Options, Report, Stop};
use clap::Args;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Args)]
#[command(after_help = super::example::help("replay"))]
pub struct ReplayArgs {
    #[command(flatten)]
    script: ScriptArgs,
    /// The schedule, as `conc check` and `conc run` print it
    schedule: String,
    /// In the explorer's model instead of on real threads and processes
    #[arg(long)]
    model: bool,
    /// How to report
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// End the run after this time: 10s, 500ms
    #[arg(long, value_name = "TIME", value_parser = super::argument::time)]
    time_limit: Option<u64>,
    #[command(flatten)]
    picture: PictureArgs,
    #[command(flatten)]
    common: Common,
}

/// The command: its exit code.
pub fn main(args: &ReplayArgs) -> u8 {
    let mut source = match script::read(&args.script.file) {
        Ok(source) => source,
        Err(code) => return code,
    };
    let program = match script::compile(&mut source, &args.script.define, &args.common, args.format) {
        Ok(program) => program,
        Err(code) => return code,
    };
    if args.schedule.trim().is_empty() {
        put_err("conc: the schedule is an empty text; a report ends with one, such as `0x3.1@4d8f`\n");
        return exit::WRONG;
    }
    let schedule: Schedule = match args.schedule.parse() {
        Ok(schedule) => schedule,
        Err(text) => {
            put_err(&format!("conc: {text}\n"));
            return exit::WRONG;
        }
    };
    if let Err(code) = args.picture.look(&args.script.file) {
        return code;
    }
    let terminal = super::on_terminal();
    let style = args.common.style(if args.model { terminal.0 } else { terminal.1 });
    Session { args, source: &source, style, program }.replay(&schedule)
}

struct Session<'a> {
    args: &'a ReplayArgs,
    source: &'a Source,
    style: Style,
    program: &'static Program,
}

impl Session<'_> {
    fn replay(&self, schedule: &Schedule) -> u8 {
        let began = Instant::now();
        let record = self.args.model && self.args.picture.wanted();
        // The run has an eye on them itself.
        let interrupted = run::interruption();
        let over = || self.args.time_limit.is_some_and(|limit| began.elapsed() >= Duration::from_nanos(limit));
        let mut ask = || match () {
            () if interrupted.requested() => Some(check::Stop::Interrupted),
            () if run::is_short() => Some(check::Stop::Memory),
            () => over().then_some(check::Stop::Time),
        };
        let followed = match follow::follow_and(self.program, schedule, record, &mut ask) {
            Ok(followed) => followed,
            Err(refused) => return self.refuse(schedule, &refused),
        };
        drop(interrupted);
        if self.args.format == Format::Json {
            put_out(&format!("{}\n", json::start(&ran::start("replay", self.source, 0))));
        }
        // Whoever reads nothing else reads a last line that is about another script.
        let changed = changed(self.program, self.source, schedule);
        if let (Some(sentence), Format::Human) = (&changed, self.args.format) {
            put_err(sentence);
        }
        let changed = changed.is_some();
        if self.args.model { self.model(followed, changed) } else { self.real(followed, changed, began.elapsed()) }
    }

    fn refuse(&self, schedule: &Schedule, refused: &Refused) -> u8 {
        match refused {
            Refused::Declaration(object, text) => {
                let error = crate::lang::error::ScriptError::new(self.program.objects[*object].span, text.clone());
                script::show_errors(self.source, &[error], &self.args.common, self.args.format);
            }
            Refused::Turn { turn, site, reason } => {
                put_err(&refusal(self.program, self.source, schedule, *turn, *site, reason))
            }
            Refused::Stopped { turns, stop } => return self.stopped(*turns, schedule.turns.len(), *stop),
        }
        exit::WRONG
    }

    /// What is said of a schedule that was not followed to its end, and the exit code.
    fn stopped(&self, turns: usize, of: usize, stop: check::Stop) -> u8 {
        let (why, code) = match stop {
            check::Stop::Interrupted => ("interrupted", exit::INTERRUPTED),
            check::Stop::Memory => ("there is no memory for more", exit::NO_ANSWER),
            _ => ("the time limit was reached", exit::NO_ANSWER),
        };
        put_err(&format!("conc: {why}; {turns} of {of} turns of the schedule were followed in the model\n"));
        code
    }

    fn show(&self, finding: &Finding) {
        match (self.args.format, self.args.model) {
            (Format::Json, _) => put_out(&format!("{}\n", json::finding(self.source, finding))),
            (Format::Human, true) => put_out(&report::paragraph(self.source, finding, &self.style)),
            (Format::Human, false) => put_err(&report::paragraph(self.source, finding, &self.style)),
        }
    }

    fn say(&self, text: &str) {
        if self.args.format == Format::Json {
            return;
        }
        if self.args.model { put_out(text) } else { put_err(text) }
    }

    fn show_lanes(&self, followed: &Followed) {
        if !self.style.quiet {
            self.say(&format!("{}\n", lanes::text(&checked::lanes_of(&followed.way), self.source, &self.style)));
        }
    }

    /// How many turns there are, and where they lead.
    fn length(followed: &Followed) -> String {
        let turns = followed.turns.len();
        let word = if turns == 1 { "turn" } else { "turns" };
        match followed.circle_from {
            Some(from) if from < turns => format!("{turns} {word}, after which all is as it was after {from}"),
            Some(_) => format!("{turns} {word}, after which it goes round for ever"),
            None => format!("{turns} {word}"),
        }
    }

    // --------------------------------------------------------------- the model

    fn model(&self, followed: Followed, changed: bool) -> u8 {
        let all: Vec<&Finding> = followed.shown.iter().chain(&followed.circle).chain(&followed.before).collect();
        for finding in &all {
            self.show(finding);
        }
        self.show_lanes(&followed);
        let failures = all.iter().filter(|f| !f.code.is_note()).count() as u64;
        let code = if failures > 0 { exit::FINDINGS } else { exit::FINE };
        let what = if all.is_empty() { "; nothing went wrong" } else { "" };
        self.say(&format!("followed in the model: {}{what}\n", Self::length(&followed)));
        if self.args.format == Format::Json {
            let notes = all.len() as u64 - failures;
            let summary = json::Summary {
                exit_code: i32::from(code),
                findings: failures,
                notes,
                replay: Some(told_of(&followed, changed, &[], true)),
                ..json::Summary::default()
            };
            put_out(&format!("{}\n", json::summary(&summary)));
        }
        let findings = all.into_iter().cloned().collect();
        self.draw(followed.recording, findings, code)
    }

    /// The pictures that were asked for; the exit code then.
    fn draw(&self, recording: Option<Recording>, findings: Vec<Finding>, code: u8) -> u8 {
        let Some(recording) = recording else { return code };
        let drawn = Drawn { title: "a replay".to_string(), recording, findings };
        self.args.picture.write(self.source, &[drawn], code)
    }

    // -------------------------------------------------- real threads, processes

    /// `spent`: what following it in the model has taken of the time that there is.
    fn real(&self, followed: Followed, changed: bool, spent: Duration) -> u8 {
        let options = Options {
            seed: 0,
            detect: true,
            shake: false,
            gil: false,
            hurried: run::processors() < 2,
            hang: false,
            time_limit_ns: self.args.time_limit.map(|limit| limit.saturating_sub(spent.as_nanos() as u64)),
            outcomes: false,
            print: ran::print_for(self.args.format),
            memory: run::memory_for_objects(),
            record: self.args.picture.wanted(),
            replay: Some(Arc::new(plan_of(&followed))),
            trace: 0,
        };
        // A signal that comes when all is over keeps nothing from being told.
        let _interruption = run::interruption();
        run::as_any_program();
        let report = match run::run(self.program, options, &mut |_| {}) {
            Ok(report) => report,
            Err(error) => {
                return ran::setup_failed(&error, self.program, self.source, &self.args.common, self.args.format);
            }
        };
        let observed: Vec<&Finding> = report.findings.iter().filter(|f| f.certainty != Certainty::Predicted).collect();
        let promised = |f: &Finding| followed.shown.iter().any(|p| p.is_same(f));
        let (first, others): (Vec<&Finding>, Vec<&Finding>) = observed.iter().copied().partition(|f| promised(f));
        for finding in first.iter().copied().chain(&followed.circle).chain(others) {
            self.show(finding);
        }
        self.show_lanes(&followed);
        let missing: Vec<&Finding> = followed.shown.iter().filter(|p| !observed.iter().any(|f| f.is_same(p))).collect();
        let code = self.end(&followed, &report, &missing, &observed);
        let all = || observed.iter().copied().chain(&followed.circle);
        if self.args.format == Format::Json {
            let failures = all().filter(|f| !f.code.is_note()).count() as u64;
            let summary = json::Summary {
                exit_code: i32::from(code),
                findings: failures,
                notes: all().count() as u64 - failures,
                tasks: report.task_count,
                threads: report.thread_count,
                processes: report.process_count,
                duration_ms: report.duration_ns as f64 / 1e6,
                replay: Some(told_of(&followed, changed, &missing, went_all_the_way(&report))),
                ..json::Summary::default()
            };
            put_out(&format!("{}\n", json::summary(&summary)));
        }
        let findings = observed.into_iter().cloned().collect();
        // One turn at a time: their order is what the picture shows.
        self.draw(report.recording.map(Recording::in_steps), findings, code)
    }

    /// The last line, and the exit code. `observed`: what the run has told itself.
    fn end(&self, followed: &Followed, report: &Report, missing: &[&Finding], observed: &[&Finding]) -> u8 {
        match &report.stop {
            Stop::Failed(sentence) => super::put_failure(sentence),
            Stop::TimeLimit => put_err("conc: the time limit was reached; the run was ended\n"),
            Stop::Diverged(what) => put_err(&self.divergence(followed, what)),
            Stop::Interrupted(_) => self.say("conc: interrupted; the run was ended\n"),
            Stop::Finished | Stop::Stuck | Stop::ScheduleOver => {
                let length = Self::length(followed);
                let (threads, processes) = (report.thread_count, report.process_count);
                let made = format!("{}, {}", phrase::count(threads, "thread"), phrase::count(processes, "process"));
                let promised = followed.shown.len();
                let verdict = match (missing, followed.shown.is_empty(), observed.len()) {
                    ([], true, 0) if followed.circle.is_empty() => "nothing went wrong".to_string(),
                    ([], true, 0) if followed.circle_from == Some(followed.turns.len()) => {
                        "it went round, and the model says that it does so for ever".to_string()
                    }
                    ([], true, 0) => "it has gone round once, and the model says that it comes back".to_string(),
                    ([], true, _) => "as in the model".to_string(),
                    ([], false, _) => "it shows what the schedule promises".to_string(),
                    (missing, false, _) if missing.len() < promised => {
                        let codes: Vec<&str> = missing.iter().map(|f| f.code.word()).collect();
                        let codes = codes.join(", ");
                        format!("it shows what the schedule promises; not what the model sees beyond that: {codes}")
                    }
                    (missing, ..) => {
                        let codes: Vec<&str> = missing.iter().map(|f| f.code.word()).collect();
                        format!("it did not show what the schedule promises: {}", codes.join(", "))
                    }
                };
                self.say(&format!("replayed: {length}; {made}; {verdict}\n"));
                if !missing.is_empty() && missing.len() == promised {
                    put_err("conc: the run and the model differ; this is a fault in conc itself, please report it\n");
                    return exit::FAILED;
                }
                if !followed.circle.is_empty() {
                    return exit::FINDINGS;
                }
            }
        }
        // What the run predicts of other interleavings is not told here.
        ran::exit_code_with(report, observed.iter().any(|f| !f.code.is_note()))
    }

    fn divergence(&self, followed: &Followed, what: &Divergence) -> String {
        let line = |site: u32| self.source.position(self.program.span(site)).line;
        let planned = what.planned.map(|s| format!(" at line {}", line(s))).unwrap_or_default();
        let site = what.site.map(|s| format!("; it stands at line {}", line(s))).unwrap_or_default();
        format!(
            "conc: turn {} of {} is {}'s{planned}, and {}{site}; the run was ended\n",
            what.turn + 1,
            followed.turns.len(),
            what.task,
            what.reason
        )
    }
}

/// Whether a run has come to the end of its schedule.
fn went_all_the_way(report: &Report) -> bool {
    matches!(report.stop, Stop::Finished | Stop::Stuck | Stop::ScheduleOver)
}

/// What the last line says of the schedule, for a program. `arrived`: where it goes round, it has
/// come to that.
fn told_of(followed: &Followed, script_changed: bool, missing: &[&Finding], arrived: bool) -> json::Replay {
    let shown = if followed.shown.is_empty() {
        (!followed.circle.is_empty()).then_some(arrived)
    } else {
        Some(missing.len() < followed.shown.len())
    };
    json::Replay { script_changed, shows_promised: shown, missing: missing.iter().map(|f| f.code.word()).collect() }
}

/// What is said of a schedule that is followed though it was made for something else.
pub fn changed(program: &Program, source: &Source, schedule: &Schedule) -> Option<String> {
    let what = changed_of(program);
    let text = format!("conc: {what} since the schedule was made; the schedule still fits and is followed\n");
    made_for_another(source, schedule).map(|_| text)
}

/// The hash of the schedule and that of the script, if they differ.
fn made_for_another(source: &Source, schedule: &Schedule) -> Option<(u16, u16)> {
    let is = short_hash(&source.text, &source.given);
    schedule.hash.filter(|made_for| *made_for != is).map(|made_for| (made_for, is))
}

/// What another hash says.
fn changed_of(program: &Program) -> &'static str {
    if program.consts.is_empty() { "the script has changed" } else { "the script, or what -D gives, has changed" }
}

/// Why a schedule is refused: the turn, counted from one, and the reason.
pub fn refusal(
    program: &Program,
    source: &Source,
    schedule: &Schedule,
    turn: usize,
    site: Option<Span>,
    reason: &str,
) -> String {
    let line = site.map(|s| format!(" (line {})", source.position(s).line)).unwrap_or_default();
    let of = schedule.turns.len();
    let why = match made_for_another(source, schedule) {
        Some((made_for, is)) => {
            let what = changed_of(program);
            format!("; {what} since (its hash was {made_for:04x} and is {is:04x})")
        }
        None => String::new(),
    };
    format!("conc: the schedule does not fit the script: turn {turn} of {of}: {reason}{line}{why}\n")
}

/// What the run needs to know of the way that the model took.
fn plan_of(followed: &Followed) -> Plan {
    let unbegun = followed.turns.is_empty() && followed.shown.iter().any(|f| f.code == Code::Invariant);
    Plan { turns: followed.turns.clone(), chosen: followed.chosen.clone(), unbegun }
}
