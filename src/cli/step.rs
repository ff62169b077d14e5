//! `conc step`: the user is the scheduler. It owns the commands and the
//! picture of a state; what can happen in a state is `check::stepper`'s.

use super::check::lanes_of;
use super::repl::Lines;
use super::{Common, Format, exit, put_err, put_out, script};
use crate::check::Schedule;
use crate::check::follow::{self, Refused};
use crate::check::schedule::short_hash;
use crate::check::stepper::{Halt, ObjectView, Standing, Stepper, TaskView, Turn, View, Why};
use crate::detect::finding::Finding;
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;
use crate::program::Program;
use crate::repl::Whole;
use crate::report::{self, SESSION, Source, Style, lanes, phrase};
use clap::Args;
use std::io::IsTerminal;

/// Who goes through a script: where the commands come from and where the
/// answers go.
pub trait Talk {
    /// The next command; none at the end.
    fn line(&mut self) -> Option<String>;
    fn show(&mut self, text: &str);
    /// Begins to look for Ctrl-C; the answer says whether it came since.
    fn watch(&mut self) -> Box<dyn Fn() -> bool>;
}

/// At standard input and output.
#[derive(Default)]
struct Standard {
    /// Somebody who reads along sees what was typed; a file's commands are
    /// shown where they would have been typed.
    echo: bool,
    lines: Lines,
    /// Ctrl-C, while it waited for a command.
    interrupted: bool,
}

impl Talk for Standard {
    fn line(&mut self) -> Option<String> {
        put_out("> ");
        let interruption = crate::run::interruption();
        let line = interruption.descriptor().and_then(|over| self.lines.next(over));
        self.interrupted = interruption.requested();
        match &line {
            Some(line) if self.echo => put_out(&format!("{line}\n")),
            Some(_) => {}
            None => put_out("\n"),
        }
        line
    }
    fn show(&mut self, text: &str) {
        put_out(text);
    }
    fn watch(&mut self) -> Box<dyn Fn() -> bool> {
        let interrupted = crate::run::interruption();
        Box::new(move || interrupted.requested())
    }
}

#[derive(Args)]
#[command(after_help = super::example::help("step"))]
pub struct StepArgs {
    /// The script
    #[arg(add = super::complete::script_file())]
    file: String,
    /// Give a `const` of the script another value
    #[arg(short = 'D', value_name = "NAME=VALUE", add = super::complete::define())]
    define: Vec<String>,
    /// Begin after these turns, as `conc check` prints them
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// So many rows of the way are shown after each turn.
const ROWS: usize = 8;
/// So many objects and variables, unless everything is asked for.
const NAMES: usize = 16;
/// Lines above and below a place in the source.
const AROUND: usize = 5;
/// What goes on longer by itself is halted; again, it goes on from there.
const TURNS_MAX: usize = 1000;

/// Commands that nothing stands behind.
const ALONE: [&str; 12] = ["c", "continue", "v", "view", "l", "lanes", "s", "schedule", "h", "help", "q", "quit"];

const HELP: &str = "  NUMBER or NAME  that task takes its next turn; 2:1 the second of several ways
  b [N]           back: takes the last turn back, or the last N
  f NAME          goes on with one task as long as it can, at most 1000 turns
  c               goes on, everybody in turn, until something is found or the end,
                  at most 1000 turns; Ctrl-C takes the prompt back from both
  v               the state again
  l               the whole way so far
  p [NAME]        the source around the last step, or around where a task stands
  s               the way as a schedule, for conc replay
  h               this list
  q               quits
";

pub fn main(args: &StepArgs) -> u8 {
    if args.file == "-" {
        put_err("conc: the commands come from standard input, so the script must be a file\n");
        return exit::WRONG;
    }
    let mut source = match script::read(&args.file) {
        Ok(source) => source,
        Err(code) => return code,
    };
    let program = match script::compile(&mut source, &args.define, &args.common, Format::Human) {
        Ok(program) => program,
        Err(code) => return code,
    };
    let style = args.common.style(super::on_terminal().0);
    match Session::new(&source, short_hash(&source.text, &source.given), style, program) {
        Ok(mut session) => {
            match args.schedule.as_ref().map(|text| begin(&mut session.stepper, program, &source, text)) {
                Some(Err(sentence)) => {
                    put_err(&sentence);
                    return exit::WRONG;
                }
                // Whoever reads little takes what follows for the script that it was made for.
                Some(Ok(Some(sentence))) => put_err(&sentence),
                _ => {}
            }
            let mut standard = Standard { echo: !std::io::stdin().is_terminal(), ..Standard::default() };
            let code = session.talk(&mut standard);
            if standard.interrupted {
                put_err("conc: interrupted\n");
                return exit::INTERRUPTED;
            }
            code
        }
        Err(error) => {
            script::show_errors(&source, &[error], &args.common, Format::Human);
            exit::WRONG
        }
    }
}

/// Goes to the end of a schedule, and what is to be said of that; the error is a sentence.
fn begin(
    stepper: &mut Stepper,
    program: &'static Program,
    source: &Source,
    text: &str,
) -> Result<Option<String>, String> {
    let schedule: Schedule = text.parse().map_err(|text| format!("conc: {text}\n"))?;
    if let Err(Refused::Turn { turn, site, reason }) = follow::follow_to_end(program, &schedule) {
        return Err(super::replay::refusal(program, source, &schedule, turn, site, &reason));
    }
    let reason = "it is no turn that can be taken here";
    let refused = |turn| super::replay::refusal(program, source, &schedule, turn, None, reason);
    stepper.follow(&schedule).map_err(refused)?;
    Ok(super::replay::changed(program, source, &schedule))
}

/// Goes through what was entered in a session.
///
/// # Errors
///
/// What is wrong with it, as a report.
pub fn through(whole: &Whole, style: Style, talk: &mut dyn Talk) -> Result<(), String> {
    let source = Source::new(SESSION, whole.text.clone());
    let begun = script::entered(whole)
        .and_then(|program| Session::new(&source, short_hash(&whole.saved, &[]), style, program).map_err(|e| vec![e]));
    begun.map_err(|errors| report::script_errors(&source, &errors, &style))?.talk(talk);
    Ok(())
}

struct Session {
    source: Source,
    style: Style,
    stepper: Stepper,
}

impl Session {
    /// `hash` is that of the script that a schedule is of.
    fn new(source: &Source, hash: u16, style: Style, program: &'static Program) -> Result<Session, ScriptError> {
        match Stepper::new(program, hash) {
            Ok(stepper) => Ok(Session { source: source.clone(), style, stepper }),
            Err((object, text)) => Err(ScriptError::new(program.objects[object].span, text)),
        }
    }

    /// Commands until the end of the input: the exit code says whether the way
    /// taken in the end shows a failure.
    fn talk(&mut self, talk: &mut dyn Talk) -> u8 {
        // All that a schedule shows on its way is news here.
        talk.show(&format!("{}{}\n", self.reports(self.stepper.findings()), self.state()));
        let on_terminal = super::on_terminal().0;
        while let Some(line) = talk.line() {
            // A window may be another size by now.
            if on_terminal {
                self.style.width = super::width(true);
            }
            match self.command(line.trim(), talk) {
                Some(text) => talk.show(&text),
                None => break,
            }
        }
        let failed = self.stepper.findings().iter().any(|f| !f.code.is_note());
        if failed { exit::FINDINGS } else { exit::FINE }
    }

    /// Carries out a command: what to print, none to quit.
    fn command(&mut self, line: &str, talk: &mut dyn Talk) -> Option<String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        // A task may have such a name: `c (2)`.
        if !rest.is_empty() && ALONE.contains(&word) && self.task(line).is_err() {
            return Some(format!(
                "`{word}` stands alone, and takes no `{}`; h lists the commands\n",
                phrase::plain(rest)
            ));
        }
        Some(match word {
            "" => String::new(),
            // As the session's own command, from where one may have come.
            "q" | "quit" | "exit" | ":quit" | ":q" => return None,
            "h" | "help" | "?" => HELP.to_string(),
            "b" | "back" => self.back(rest),
            "v" | "view" => format!("{}\n", self.state()),
            "l" | "lanes" => format!("{}\n", self.lanes(usize::MAX)),
            "s" | "schedule" => match self.stepper.is_empty() {
                true => "nothing was done yet\n".to_string(),
                false => {
                    let schedule = self.stepper.way().schedule;
                    match schedule.turns.is_empty() {
                        true => "no turn was taken yet that counts in a schedule\n".to_string(),
                        false => format!("{}\n", report::finding::replay(&self.source, &schedule.to_string())),
                    }
                }
            },
            "p" | "print" => self.around(rest),
            "c" | "continue" => self.go_on(None, talk),
            "f" | "finish" if rest.is_empty() => "whom? f NAME, or its number\n".to_string(),
            "f" | "finish" => match self.task(rest) {
                Ok(task) => self.go_on(Some(task), talk),
                Err(text) => text,
            },
            _ => self.turn(line),
        })
    }

    fn back(&mut self, rest: &str) -> String {
        let Ok(count) = (if rest.is_empty() { Ok(1) } else { rest.parse::<usize>() }) else {
            return format!("`{rest}` is no number of turns\n");
        };
        if self.stepper.is_empty() {
            return "this is the beginning\n".to_string();
        }
        for _ in 0..count {
            self.stepper.back();
        }
        format!("{}\n", self.state())
    }

    /// A task's next turn, by number or name, with the way after a colon.
    fn turn(&mut self, text: &str) -> String {
        let turns = self.stepper.turns();
        let taken = match turns.iter().find(|t| t.label == text) {
            Some(turn) => Ok(turn.clone()),
            None => self.chosen(text, &turns),
        };
        match taken {
            Ok(turn) => {
                if !self.stepper.take(&turn) {
                    return "that cannot be done\n".to_string();
                }
                format!("{}{}\n", self.told(), self.state())
            }
            Err(text) => text,
        }
    }

    fn chosen(&self, text: &str, turns: &[Turn]) -> Result<Turn, String> {
        let (who, ways) = match text.split_once(':') {
            Some((who, ways)) if !who.trim().is_empty() => (who, format!(":{ways}")),
            _ => (text, String::new()),
        };
        let number = self.task(who.trim())?;
        let own: Vec<&Turn> = turns.iter().filter(|t| number_of(t) == number).collect();
        let exact = own.iter().find(|t| t.label == format!("{number}{ways}"));
        match (
            exact.copied().or(if ways.is_empty() && own.len() == 1 { own.first().copied() } else { None }),
            own.len(),
        ) {
            (Some(turn), _) => Ok(turn.clone()),
            (None, 0) => Err(self.cannot(number)),
            (None, 1) => {
                Err(format!("{} can go on in one way:\n  {:<6} {}\n", self.name(number), own[0].label, own[0].text))
            }
            (None, _) => {
                let ways = own.iter().map(|t| format!("  {:<6} {}\n", t.label, t.text));
                Err(format!("{} can go on in several ways:\n{}", self.name(number), ways.collect::<String>()))
            }
        }
    }

    fn cannot(&self, number: u32) -> String {
        let view = self.stepper.view();
        match view.tasks.iter().find(|t| t.number == number).map(|t| (&t.name, &t.standing)) {
            Some((name, Standing::Ended(how))) => format!("{name} has ended: {how}\n"),
            Some((name, Standing::Waits { why, .. })) => format!("{name} waits: {}\n", self.whys(why)),
            _ => "that cannot be done\n".to_string(),
        }
    }

    /// The number of a task by its number or name; the error is a sentence.
    fn task(&self, text: &str) -> Result<u32, String> {
        let view = self.stepper.view();
        if let Ok(number) = text.parse::<u32>() {
            let known = view.tasks.iter().any(|t| t.number == number);
            return if known { Ok(number) } else { Err(format!("there is no task {number}\n")) };
        }
        // Those of one name are told apart as everywhere: `w`, `w (2)`.
        let named = view.tasks.iter().find(|t| t.name == text).map(|t| t.number);
        let text = phrase::plain(text);
        named.ok_or_else(|| format!("there is no task `{text}`, and no such command; h lists the commands\n"))
    }

    fn name(&self, number: u32) -> String {
        let view = self.stepper.view();
        view.tasks.into_iter().find(|t| t.number == number).map_or("it".to_string(), |t| t.name)
    }

    fn go_on(&mut self, only: Option<u32>, talk: &mut dyn Talk) -> String {
        let interrupted = talk.watch();
        let before = self.stepper.len();
        let halt = self.stepper.go_on(only, TURNS_MAX, &mut || interrupted());
        drop(interrupted);
        if self.stepper.len() == before {
            return match (halt, only) {
                (Halt::Ways, Some(number)) => {
                    self.chosen(&number.to_string(), &self.stepper.turns()).err().unwrap_or_default()
                }
                (_, Some(number)) => self.cannot(number),
                _ => "nobody can go on\n".to_string(),
            };
        }
        let more = match halt {
            Halt::Over | Halt::Found => String::new(),
            Halt::Ways => format!("{} can go on in several ways\n", only.map_or(String::new(), |n| self.name(n))),
            Halt::Limit => format!("halted after {TURNS_MAX} turns; c or f goes on\n"),
            Halt::Interrupted => "interrupted\n".to_string(),
        };
        format!("{}{}{more}\n", self.told(), self.state())
    }

    // ---------------------------------------------------------------- pictures

    /// What the last turn showed, in full.
    fn told(&self) -> String {
        self.reports(self.stepper.last_findings())
    }

    fn reports(&self, findings: Vec<&Finding>) -> String {
        let report = |f: &Finding| format!("\n{}\n", report::finding(&self.source, f, &self.style));
        findings.into_iter().map(report).collect()
    }

    fn lanes(&self, rows: usize) -> String {
        let mut way = lanes_of(&self.stepper.way());
        let left_out = way.steps.len().saturating_sub(rows);
        way.steps.drain(..left_out);
        let style = Style { verbose: true, ..self.style };
        let more = match left_out {
            0 => String::new(),
            1 => "1 earlier step: l\n".to_string(),
            _ => format!("{left_out} earlier steps: l\n"),
        };
        more + &lanes::text(&way, &self.source, &style)
    }

    fn state(&self) -> String {
        let view = self.stepper.view();
        let mut out = String::new();
        if !self.style.quiet {
            let way = self.lanes(ROWS);
            out.push_str(&way);
            if !way.is_empty() {
                out.push('\n');
            }
            out.push_str(&self.memory(&view));
        }
        out.push_str(&self.tasks(&view));
        if view.finished {
            out.push_str("every task has ended\n");
            for claim in &view.claims {
                let word = if claim.every { "every" } else { "some" };
                let (line, held) = (self.source.line(claim.span), claim.held);
                out.push_str(&match &claim.why {
                    None => format!("expect {word} (line {line}) is {held} at this end\n"),
                    Some(why) => format!("expect {word} (line {line}) is not true at this end: {why}\n"),
                });
            }
        } else if view.over {
            match view.cut {
                None => out.push_str("nobody can go on\n"),
                Some(cut) => out.push_str(&format!("nobody can go on: {cut} is not gone through\n")),
            }
        }
        out
    }

    fn memory(&self, view: &View) -> String {
        let max = if self.style.verbose { usize::MAX } else { NAMES };
        let mut rows: Vec<(String, String)> =
            view.values.iter().map(|(name, value)| (name.clone(), format!("= {value}"))).collect();
        let of = |o: &ObjectView| (format!("{} {}", o.kind, o.name), self.object(o));
        rows.extend(view.objects.iter().map(of));
        let width = rows.iter().take(max).map(|r| r.0.chars().count()).max().unwrap_or(0);
        let line = |(name, text): &(String, String)| format!("  {name:<width$}  {text}\n");
        let mut out: String = rows.iter().take(max).map(line).collect();
        if rows.len() > max {
            out.push_str(&format!("  and {} more; conc step -v shows all\n", rows.len() - max));
        }
        if !rows.is_empty() {
            out.push('\n');
        }
        out
    }

    fn object(&self, object: &ObjectView) -> String {
        let mut parts = Vec::new();
        if !object.standing.is_empty() {
            parts.push(object.standing.clone());
        }
        if !object.holders.is_empty() {
            let of = |(name, span): &(String, Span)| format!("{name}{}", self.since(Some(*span)));
            let holders: Vec<String> = object.holders.iter().map(of).collect();
            parts.push(format!("held by {}", holders.join(", ")));
        }
        let mut text = parts.join(", ");
        if !object.values.is_empty() {
            text.push_str(&format!(": {}", object.values.join(", ")));
        }
        if !object.waiters.is_empty() {
            let gap = if text.is_empty() { "" } else { "; " };
            text.push_str(&format!("{gap}waiting: {}", object.waiters.join(", ")));
        }
        text
    }

    fn since(&self, span: Option<Span>) -> String {
        let span = span.filter(|s| *s != Span::default());
        span.map(|s| format!(" since line {}", self.source.line(s))).unwrap_or_default()
    }

    fn whys(&self, why: &[Why]) -> String {
        let one = |w: &Why| {
            let reasons: Vec<String> = w.reasons.iter().map(|(t, s)| format!("{t}{}", self.since(*s))).collect();
            let gap = if reasons.is_empty() { "" } else { ": " };
            format!("{}{gap}{}", w.what, reasons.join(", "))
        };
        why.iter().map(one).collect::<Vec<_>>().join("; or ")
    }

    fn tasks(&self, view: &View) -> String {
        let (mut goes, mut waits) = (Vec::new(), Vec::new());
        for task in &view.tasks {
            match &task.standing {
                Standing::Goes(turns) => {
                    for (n, turn) in turns.iter().enumerate() {
                        let label = if turns.len() > 1 { turn.label.clone() } else { number_of(turn).to_string() };
                        let name = if n == 0 { task.name.clone() } else { String::new() };
                        goes.push((label, name, turn.span, turn.text.clone()));
                    }
                }
                Standing::Waits { why, for_ever } => {
                    let never = if *for_ever { " (for ever)" } else { "" };
                    waits.push((
                        task.number.to_string(),
                        task.name.clone(),
                        task.span,
                        format!("{}{never}", self.whys(why)),
                    ));
                }
                Standing::Ended(_) => {}
            }
        }
        let all = || goes.iter().chain(&waits);
        let label_width = all().map(|r| r.0.len()).max().unwrap_or(0);
        let name_width = all().map(|r| r.1.chars().count()).max().unwrap_or(0);
        let lines: Vec<String> = all().map(|r| self.at(r.2)).collect();
        let line_width = lines.iter().map(String::len).max().unwrap_or(0);
        let row = |(label, name, span, text): &(String, String, Span, String)| {
            let line = self.at(*span);
            format!("  {label:>label_width$}  {name:<name_width$}  {line:<line_width$}  {text}\n")
        };
        let mut out = String::new();
        for (title, rows) in [("can go", &goes), ("waits", &waits)] {
            if !rows.is_empty() {
                out.push_str(&format!("{title}\n{}", rows.iter().map(row).collect::<String>()));
            }
        }
        out
    }

    fn at(&self, span: Span) -> String {
        if span == Span::default() { String::new() } else { format!("line {}", self.source.line(span)) }
    }

    /// The source, with the names of the tasks at the lines where they stand.
    fn around(&self, rest: &str) -> String {
        let view = self.stepper.view();
        let first = view.tasks.iter().find(|t| t.number == 0).map(|t| t.span);
        let mut out = String::new();
        let middle = match rest {
            "" => self.stepper.last_span().or(first),
            who => match self.task(who) {
                Ok(number) => {
                    let task = view.tasks.iter().find(|t| t.number == number);
                    // No arrow shows where it stands.
                    if task.is_some_and(|t| matches!(t.standing, Standing::Ended(_))) {
                        out.push_str(&self.cannot(number));
                    }
                    task.map(|t| t.span)
                }
                Err(text) => return text,
            },
        };
        let middle = self.source.line(middle.unwrap_or_default());
        let lines: Vec<&str> = self.source.text.lines().collect();
        let (from, to) = (middle.saturating_sub(AROUND).max(1), (middle + AROUND).min(lines.len()));
        let width = to.to_string().len();
        for number in from..=to {
            let stands =
                |t: &&TaskView| !matches!(t.standing, Standing::Ended(_)) && self.source.line(t.span) == number;
            let here: Vec<&str> = view.tasks.iter().filter(stands).map(|t| t.name.as_str()).collect();
            let text = lines.get(number - 1).copied().unwrap_or("");
            let names = if here.is_empty() { String::new() } else { format!("    <- {}", here.join(", ")) };
            out.push_str(format!("  {number:>width$} | {text}{names}").trim_end());
            out.push('\n');
        }
        out
    }
}

fn number_of(turn: &Turn) -> u32 {
    turn.label.split([':', 'e']).next().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX)
}
