//! A session of the REPL as a value: a text in, what to show out. It owns what
//! was entered, the commands and their words. The terminal around it, files of
//! history and the exit code belong to `cli`; the tasks and processes to
//! `run`. Nothing here prints: what comes while nobody has asked goes to a
//! [`Voice`].

mod command;
pub mod complete;
mod entry;
mod graph;
mod help;
pub mod highlight;
mod show;

pub use command::COMMANDS;
pub use entry::{Whole, goes_on, is_complete};

use crate::detect::finding::{Facts, Finding};
use crate::lang::ast::Span;
use crate::lang::error::ScriptError;
use crate::lang::parse::parse_entry;
use crate::objects::{self, KINDS};
use crate::program::code::MemoryDecl;
use crate::program::{Entry, Growth};
use crate::report::{self, SESSION, Source, Style};
use crate::run::image::SetupError;
use crate::run::{self, Answer, Event, Options, Over, ROOM, Terms};
use entry::Entered;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many findings a session keeps for `:findings`.
const FINDINGS_MAX: usize = 1000;
/// The exit code of a session that a signal has ended.
const INTERRUPTED: u8 = 130;

/// Where goes what comes by itself.
pub trait Voice: Send + Sync {
    /// Whole lines that tasks printed.
    fn output(&self, lines: &str);
    /// A report, or another word of the session.
    fn report(&self, text: &str);
    /// Whether what is said can still be written; without that the session ends.
    fn is_heard(&self) -> bool {
        true
    }
    /// Whether more output is welcome now.
    fn ready(&self) -> bool;
    /// Ctrl-C, while a statement was under way or none.
    fn interrupted(&self, _statement: bool) {}
    /// A signal asks the program to stop, which `stop` does until it goes on. Whoever edits a
    /// line may do that himself, by [`Repl::pause`].
    fn pausing(&self, stop: &mut dyn FnMut()) {
        stop();
    }
    /// The session has ended by itself; by a signal to `conc`, if it is given.
    fn over(&self, signal: Option<i32>);
    /// The columns there are now, if that can change.
    fn width(&self) -> Option<usize> {
        None
    }
}

/// How a session is begun.
#[derive(Clone)]
pub struct Settings {
    pub options: Options,
    pub style: Style,
    /// Somebody sits at a terminal: Ctrl-C stops a statement, not the session.
    pub interactive: bool,
}

/// What to show for a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Values and what commands answer.
    pub out: String,
    /// What was wrong.
    pub err: String,
    /// What is to be explored.
    pub check: Option<Box<Whole>>,
    /// What is to be gone through step by step.
    pub step: Option<Box<Whole>>,
    /// The session is over, with this exit code.
    pub over: Option<u8>,
}

impl Reply {
    fn out(text: impl Into<String>) -> Reply {
        Reply { out: text.into(), ..Reply::default() }
    }
    fn err(text: impl Into<String>) -> Reply {
        Reply { err: text.into(), ..Reply::default() }
    }
}

/// What a statement came to.
#[derive(Default)]
struct Answered {
    reply: Reply,
    /// How long it took.
    ns: Option<u64>,
    /// Where in the session's text it was left before its end.
    left_at: Option<usize>,
    /// By Ctrl-C.
    stopped: bool,
}

/// What the session's own thread needs to tell things.
struct Told {
    voice: Arc<dyn Voice>,
    style: Style,
    /// All texts, the one under way included.
    source: Mutex<Source>,
    findings: Mutex<Vec<Finding>>,
    /// An earlier entry is carried out again, and has been told already.
    again: AtomicBool,
    /// Why the statement is stopped has been said.
    hopeless: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Told {
    /// As wide as the terminal is now.
    fn style(&self) -> Style {
        Style { width: self.voice.width().unwrap_or(self.style.width), ..self.style }
    }

    fn tell(&self, event: Event) {
        if let Event::Over(over) = event {
            let signal = if let Over::Interrupted(signal) = over { Some(signal) } else { None };
            return self.voice.over(signal);
        }
        if let Event::Interrupted { statement } = event {
            return self.voice.interrupted(statement);
        }
        // What an earlier entry did is not told again, but it is so again.
        let again = self.again.load(SeqCst);
        match event {
            Event::Output(lines) if !again => self.voice.output(&lines),
            Event::Output(_) => {}
            Event::Finding(finding) => {
                // What a statement fails with is its answer.
                let own = matches!(&finding.facts, Facts::Failed { task: Some(task), .. } if task.serial == 0);
                if !own && !again {
                    let text = report::finding(&lock(&self.source), &finding, &self.style());
                    self.voice.report(&format!("{text}\n"));
                }
                let mut findings = lock(&self.findings);
                if findings.len() < FINDINGS_MAX {
                    findings.push(*finding);
                }
            }
            Event::Hopeless => {
                self.hopeless.store(true, SeqCst);
                if again {
                    return;
                }
                self.voice.report("the statement can never go on, so it was stopped\n");
            }
            Event::Interrupted { .. } | Event::Over(_) => {}
        }
    }
}

/// See the head of the file.
pub struct Repl {
    settings: Settings,
    session: Option<run::Session>,
    growth: Arc<Growth>,
    entered: Vec<Entered>,
    told: Arc<Told>,
    /// An entry was wrong, or a command could not be carried out.
    wrong: bool,
    /// Something was found in a session before this one.
    found_before: bool,
    /// `conc` or the machine failed.
    failed: bool,
    /// `:quit` was entered.
    quitting: bool,
}

/// Why a session could not begin.
pub fn setup_sentence(error: &SetupError) -> String {
    match error {
        SetupError::Object(_, text) => text.clone(),
        SetupError::Memory => "there is not enough memory for a session".to_string(),
        SetupError::System(e) => format!("a session could not be set up: {}", SetupError::refusal(*e)),
    }
}

impl Repl {
    pub fn new(settings: Settings, voice: Arc<dyn Voice>) -> Result<Repl, SetupError> {
        let told = Arc::new(Told {
            voice,
            style: settings.style,
            source: Mutex::new(Source::new(SESSION, "")),
            findings: Mutex::new(Vec::new()),
            again: AtomicBool::new(false),
            hopeless: AtomicBool::new(false),
        });
        let mut repl = Repl {
            settings,
            session: None,
            growth: Arc::new(Growth::new(KINDS)),
            entered: Vec::new(),
            told,
            wrong: false,
            found_before: false,
            failed: false,
            quitting: false,
        };
        repl.begin()?;
        Ok(repl)
    }

    fn begin(&mut self) -> Result<(), SetupError> {
        self.session = None;
        self.growth = Arc::new(Growth::new(KINDS));
        let (told, voice, pausing) = (self.told.clone(), self.told.voice.clone(), self.told.voice.clone());
        self.session = Some(run::Session::start(Terms {
            options: self.settings.options.clone(),
            interactive: self.settings.interactive,
            tell: Box::new(move |event| {
                told.tell(event);
                if told.voice.is_heard() { Ok(()) } else { Err(run::Unheard) }
            }),
            ready: Box::new(move || voice.ready()),
            pausing: Box::new(move |stop| pausing.pausing(stop)),
        })?);
        Ok(())
    }

    /// The number of the line that is entered next, from 1.
    pub fn line(&self) -> usize {
        self.growth.lines() + 1
    }

    /// What is declared so far, for completion.
    pub fn growth(&self) -> &Arc<Growth> {
        &self.growth
    }

    /// Somebody is asked for the next text. A Ctrl-C after this and before its
    /// statements begin stops them.
    pub fn listen(&self) {
        if let Some(session) = &self.session {
            session.listen();
        }
    }

    /// What stops the session and the program.
    pub fn pause(&self) -> Option<run::Pause> {
        self.session.as_ref().map(run::Session::pause)
    }

    /// Carries out what was entered: a command, or statements.
    pub fn enter(&mut self, text: &str) -> Reply {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Reply::default();
        }
        if entry::gives_up(text) {
            return self.command("quit");
        }
        match trimmed.strip_prefix(':') {
            Some(command) => self.command(command),
            None => self.statements(text).0,
        }
    }

    /// An entry with bytes that are no text, in whose place it has replacement
    /// characters: the place of the first.
    pub fn refuse(&mut self, text: &str) -> Reply {
        let text = format!("{}\n", text.trim_end());
        let base = self.growth.text().len();
        let at = base + text.find(char::REPLACEMENT_CHARACTER).unwrap_or(0);
        let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
        self.wrong = true;
        Reply::err(self.errors(&text, &[ScriptError::new(span, "a byte that is not UTF-8 text cannot be read")]))
    }

    /// What there is to say if the session has ended by itself.
    pub fn look_whether_over(&mut self) -> Reply {
        self.scene().err().unwrap_or_default()
    }

    // ------------------------------------------------------------- statements

    /// The answer, and how long the statements took.
    fn statements(&mut self, text: &str) -> (Reply, Option<u64>) {
        self.statements_from(&Source::new(SESSION, text))
    }

    /// The same of a file, whose errors have places in the file.
    fn statements_from(&mut self, source: &Source) -> (Reply, Option<u64>) {
        let text = &format!("{}\n", source.text.replace("\r\n", "\n").trim_end());
        let (growth, entry) = match self.extended(text) {
            Ok(longer) => longer,
            Err(mut errors) => {
                self.wrong = true;
                if let Some(error) = errors.first_mut()
                    && let Some(command) = command::meant(text)
                {
                    error.help = Some(command.to_string());
                }
                let told = match source.name == SESSION {
                    true => self.errors(text, &errors),
                    false => self.errors_of_file(&Source::new(&source.name, text.as_str()), errors),
                };
                return (Reply::err(told), None);
            }
        };
        lock(&self.told.source).text = self.text_and(text);
        let Some(session) = &self.session else { return (Reply::err("the session has ended\n"), None) };
        match session.run(text, &growth, &entry) {
            Ok(answer) => {
                let base = self.growth.text().len();
                self.growth = growth;
                let Answered { reply, ns, left_at, stopped } = self.answered(answer);
                let left_at = left_at.map(|at| at.saturating_sub(base));
                self.entered.push(Entered { text: text.clone(), left_at, stopped });
                (reply, ns)
            }
            Err(over) => (self.ended(over), None),
        }
    }

    /// All that was entered, and one more text. What was stopped stands in it too, also where
    /// it is not done again.
    fn text_and(&self, text: &str) -> String {
        self.entered.iter().map(|e| e.text.as_str()).chain([text]).collect()
    }

    /// The program with one more text, if that is right.
    fn extended(&self, text: &str) -> Result<(Arc<Growth>, Entry), Vec<ScriptError>> {
        let base = self.growth.text().len();
        if base + text.len() > crate::lang::parse::SOURCE_MAX {
            let help = "`:reset` begins a new one, `:save FILE` keeps this one";
            return Err(vec![ScriptError::new(Span::new(base, base), "the session is too long").help(help)]);
        }
        let script =
            parse_entry(text).map_err(|errors| errors.into_iter().map(|e| moved(e, base)).collect::<Vec<_>>())?;
        let (growth, entry) = self.growth.extend(&script, text)?;
        let program = growth.program();
        let mut errors = Vec::new();
        for decl in program.objects.iter().skip(entry.first_object as usize) {
            if let Err((_, text)) = objects::init(decl.kind, &decl.args, decl.options)
                && errors.last().is_none_or(|e: &ScriptError| e.span != decl.span)
            {
                errors.push(ScriptError::new(decl.span, text));
            }
        }
        let beyond = |m: &&MemoryDecl| m.first as usize + m.count.map_or(1, |count| count as usize) > ROOM.cells;
        let place = program.memory.iter().find(beyond).map(|m| m.span);
        let object = program.objects.iter().nth(ROOM.objects).map(|o| o.span);
        for (what, room, first_beyond) in [("places", ROOM.cells, place), ("objects", ROOM.objects, object)] {
            if let Some(span) = first_beyond {
                let text = format!("a session declares at most {room} {what}");
                errors.push(ScriptError::new(span, text).help("`conc run` has no such limit"));
            }
        }
        if errors.is_empty() { Ok((Arc::new(growth), entry)) } else { Err(errors) }
    }

    fn errors(&self, text: &str, errors: &[ScriptError]) -> String {
        let source = Source::new(SESSION, self.text_and(text));
        errors
            .iter()
            .map(|e| report::script_error(e).render(&source, &self.told.style()))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// What is wrong in a file that was to be entered. What was entered before is not on
    /// its page, and named by its line.
    fn errors_of_file(&self, file: &Source, errors: Vec<ScriptError>) -> String {
        let base = self.growth.text().len() as u32;
        let session = Source::new(SESSION, self.text_and(""));
        let in_file = |span: Span| Span { start: span.start.saturating_sub(base), end: span.end.saturating_sub(base) };
        let shown = errors.into_iter().map(|mut error| {
            let (earlier, own): (Vec<_>, Vec<_>) = error.related.into_iter().partition(|r| r.0.start < base);
            error.span = in_file(error.span);
            error.related = own.into_iter().map(|(span, label)| (in_file(span), label)).collect();
            let mut diagnostic = report::script_error(&error);
            for (span, label) in earlier {
                diagnostic.note(format!("{label}: {SESSION}:{}", session.line(span)));
            }
            diagnostic.render(file, &self.told.style())
        });
        shown.collect::<Vec<_>>().join("\n")
    }

    /// A statement that can never go on belongs to what there is to explore: it is left
    /// nowhere.
    fn answered(&mut self, answer: Answer) -> Answered {
        let place = |at: u32| self.growth.program().span(at).start as usize;
        match answer {
            Answer::Done { value, ns } => {
                let out = value.map_or(String::new(), |v| format!("{v}\n"));
                Answered { reply: Reply::out(out), ns: Some(ns), ..Answered::default() }
            }
            Answer::Failed { kind, message, site, calls } => {
                let program = self.growth.program();
                let sentence = if message.is_empty() { kind } else { format!("{kind}: {message}") };
                let mut error = ScriptError::new(program.span(site), sentence).label("fails here");
                let left_at = Some(place(calls.last().copied().unwrap_or(site)));
                for call in calls {
                    error = error.related(program.span(call), "called here");
                }
                let source = lock(&self.told.source);
                let reply = Reply::err(report::script_error(&error).render(&source, &self.told.style()));
                Answered { reply, left_at, ..Answered::default() }
            }
            Answer::Interrupted { .. } if self.told.hopeless.swap(false, SeqCst) => Answered::default(),
            Answer::Interrupted { at } => {
                let left_at = Some(at.map_or(0, place));
                Answered { reply: Reply::err("stopped\n"), left_at, stopped: true, ..Answered::default() }
            }
            Answer::Values(_) => Answered::default(),
        }
    }

    /// Returns when nothing moves any more, or after a while.
    pub fn settle(&mut self) -> Reply {
        match self.session.as_ref().map(run::Session::settle) {
            Some(Err(over)) => self.ended(over),
            _ => Reply::default(),
        }
    }

    // -------------------------------------------------------------- the end

    /// The session has ended under our hands.
    fn ended(&mut self, over: Over) -> Reply {
        self.session = None;
        let why = match over {
            Over::Unheard => return Reply { over: Some(4), ..Reply::default() },
            Over::Exited(code) => return Reply { over: Some(code.clamp(0, 255) as u8), ..Reply::default() },
            Over::Interrupted(_) => {
                return Reply { err: "interrupted\n".to_string(), over: Some(INTERRUPTED), ..Reply::default() };
            }
            Over::Killed(signal) => format!("main was ended by {}", signal_name(signal)),
            Over::Failed(sentence) => {
                self.failed = true;
                sentence
            }
        };
        // The declarations are made again; what the statements did is gone.
        let declarations: Vec<Entered> = self.entered.drain(..).filter_map(|e| e.declarations()).collect();
        let what = if declarations.is_empty() { "" } else { ", with what was declared" };
        let mut err = format!("{why}; a new session begins{what}\n");
        if let Err(sentence) = self.replay(declarations) {
            err.push_str(&format!("{sentence}\n"));
            return Reply { err, over: Some(4), ..Reply::default() };
        }
        Reply::err(err)
    }

    /// A fresh session with these entries.
    fn replay(&mut self, entries: Vec<Entered>) -> Result<(), String> {
        self.entered.clear();
        self.found_before |= self.has_failures();
        lock(&self.told.findings).clear();
        lock(&self.told.source).text.clear();
        self.begin().map_err(|e| setup_sentence(&e))?;
        self.told.again.store(true, SeqCst);
        let mut sentence = None;
        for entry in entries {
            let text = entry.again();
            let Ok((growth, added)) = self.extended(&text) else { continue };
            lock(&self.told.source).text = self.text_and(&entry.text);
            match self.session.as_ref().map(|s| s.run(&text, &growth, &added)) {
                Some(Ok(answer)) => {
                    let base = self.growth.text().len();
                    self.growth = growth;
                    let now = self.answered(answer);
                    let left_at = now.left_at.map(|at| at.saturating_sub(base));
                    // What was stopped then was not done now.
                    let left_at = if entry.stopped { left_at.or(entry.left_at) } else { left_at };
                    let stopped = entry.stopped || now.stopped;
                    self.entered.push(Entered { text: entry.text, left_at, stopped });
                }
                _ => {
                    sentence = Some("an earlier entry ended the session again".to_string());
                    break;
                }
            }
        }
        // What they print comes a little later.
        if let (Some(session), None) = (&self.session, &sentence) {
            let _ = session.settle();
        }
        self.told.again.store(false, SeqCst);
        match sentence {
            None => Ok(()),
            Some(sentence) => {
                self.entered.clear();
                self.begin().map_err(|e| setup_sentence(&e))?;
                Err(sentence)
            }
        }
    }

    /// The end of the input: as at the end of a script, `main` waits for the
    /// others, unless somebody sits there who wants to go. What to show, and
    /// the exit code.
    pub fn end(mut self) -> (Reply, u8) {
        let Some(session) = self.session.take() else { return (Reply::default(), self.exit_code()) };
        let alive = session.look().map_or(0, |scene| scene.tasks.iter().filter(|t| show::is_alive(t)).count());
        if (self.settings.interactive || self.quitting) && alive > 0 {
            let _ = session.quit();
            let what = if alive == 1 { "1 task was".to_string() } else { format!("{alive} tasks were") };
            return (Reply::err(format!("{what} still there, and ended\n")), self.exit_code());
        }
        let mut err = String::new();
        match session.end() {
            Ok(report) => {
                let quiet = Style { quiet: true, ..self.told.style() };
                // It may have been seen more often since it was told.
                let key =
                    |source: &Source, f: &Finding| report::finding(source, &Finding { count: 1, ..f.clone() }, &quiet);
                let source = lock(&self.told.source).clone();
                let mut findings = lock(&self.told.findings);
                let told: Vec<String> = findings.iter().map(|f| key(&source, f)).collect();
                for finding in report.findings {
                    if !told.contains(&key(&source, &finding)) {
                        err.push_str(&format!("{}\n", report::finding(&source, &finding, &self.told.style())));
                        findings.push(finding);
                    }
                }
                match report.stop {
                    run::Stop::Failed(sentence) => {
                        self.failed = true;
                        err.push_str(&format!("conc: {sentence}; the session was ended\n"));
                    }
                    run::Stop::Interrupted(_) => {
                        err.push_str("interrupted\n");
                        return (Reply::err(err), INTERRUPTED);
                    }
                    _ => {}
                }
            }
            Err(error) => {
                self.failed = true;
                err.push_str(&format!("conc: {}\n", setup_sentence(&error)));
            }
        }
        (Reply::err(err), self.exit_code())
    }

    fn has_failures(&self) -> bool {
        lock(&self.told.findings).iter().any(|f| !f.code.is_note())
    }

    /// As of a script: 4 a failure, 2 something was wrong, 1 findings.
    pub fn exit_code(&self) -> u8 {
        let findings = self.found_before || self.has_failures();
        match () {
            () if self.settings.interactive => 0,
            () if self.failed => 4,
            () if self.wrong => 2,
            () if findings => 1,
            () => 0,
        }
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or(format!("signal {signal}"), |s| s.as_str().to_string())
}

fn moved(mut error: ScriptError, base: usize) -> ScriptError {
    let to = |span: &mut Span| *span = Span::new(span.start as usize + base, span.end as usize + base);
    to(&mut error.span);
    error.related.iter_mut().for_each(|r| to(&mut r.0));
    error
}
