//! `conc repl`: the session's input and output. At a terminal lines are edited
//! (`terminal`); otherwise statements are read from standard input. What a
//! text comes to is decided in `crate::repl`.

mod keys;
mod terminal;

use super::step::{Talk, through};
use super::{Common, exit, put_err, script};
use crate::repl::{self, Repl, Reply, Settings, Voice, Whole};
use crate::run;
use crate::run::input::{Ending, is_readable, read_input, wait_for_input};
use clap::Args;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[derive(Args, Default)]
#[command(after_help = super::example::help("repl"))]
pub struct ReplArgs {
    /// A script to enter first
    #[arg(add = super::complete::script_file())]
    file: Option<String>,
    /// Where random choices begin
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The threads of a process take turns under one interpreter lock, as in CPython
    #[arg(long)]
    gil: bool,
    /// Show the input with the answers, in their order, and wait after each text until nothing moves
    #[arg(long)]
    transcript: bool,
    #[command(flatten)]
    common: Common,
}

pub fn main(args: &ReplArgs) -> u8 {
    if args.file.as_deref() == Some("-") {
        put_err("conc: what is entered comes from standard input anyway: leave the `-` out\n");
        return exit::WRONG;
    }
    let (out, err) = super::on_terminal();
    // The line is painted on standard error, for all who look at the output.
    let interactive = std::io::stdin().is_terminal() && out && err && !args.transcript;
    let style = args.common.style(if interactive || args.transcript { out } else { err });
    let settings = Settings { options: options(args), style, interactive };
    if interactive { terminal::main(args, settings) } else { read_all(args, settings) }
}

fn options(args: &ReplArgs) -> run::Options {
    run::Options {
        seed: args.seed.unwrap_or_else(run::fresh_seed),
        detect: true,
        shake: false,
        gil: args.gil,
        hurried: run::processors() < 2,
        hang: true,
        time_limit_ns: None,
        outcomes: false,
        record: false,
        print: |_, text| format!("{text}\n"),
        memory: run::memory_for_objects(),
        replay: None,
        trace: 0,
    }
}

/// Begins a session, or says why there is none.
fn begin(settings: Settings, voice: Arc<dyn Voice>) -> Result<Repl, u8> {
    Repl::new(settings, voice).map_err(|error| {
        put_err(&format!("conc: {}\n", repl::setup_sentence(&error)));
        exit::FAILED
    })
}

/// Explores what was entered by this program in a process of its own, which Ctrl-C
/// ends with what is known by then.
fn check(whole: &Whole, color: bool) -> Result<(), std::io::Error> {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let color = if color { "always" } else { "never" };
    // A newer program may have taken the place of this one.
    let program = std::env::current_exe().ok().filter(|path| path.exists());
    let mut child = Command::new(program.unwrap_or_else(|| "/proc/self/exe".into()))
        .args(["check", "--session", "--color", color, "-"])
        .stdin(Stdio::piped())
        .stderr(if color == "always" {
            Stdio::inherit()
        } else {
            std::io::stdout().as_fd().try_clone_to_owned()?.into()
        })
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        let _ = input.write_all(&serde_json::to_vec(whole)?);
    }
    // The session takes every child's end; then there is nothing to wait for.
    while matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Ok(())
}

/// Carries out what a reply asks for.
fn carry_out(reply: &Reply, color: bool) -> Option<String> {
    let whole = reply.check.as_ref()?;
    check(whole, color).err().map(|e| format!("conc check could not be started: {e}\n"))
}

const STEP_PROMPT: &str = "step> ";

// ------------------------------------------------------------ standard input

/// The voice where nobody edits a line.
struct Plain {
    /// Reports go to standard output too.
    together: bool,
    /// Reports that wait until the answer has been shown.
    held: Mutex<Option<String>>,
    /// A prompt stands there, and what is read comes behind it.
    prompting: Mutex<bool>,
    /// Why standard output could not be written to: an errno.
    refused: OnceLock<i32>,
    over: Ending,
}

impl Voice for Plain {
    fn output(&self, lines: &str) {
        self.put(lines);
    }
    fn report(&self, text: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *held {
            Some(held) => held.push_str(text),
            None if self.together => self.put(text),
            None => put_err(text),
        }
    }
    fn is_heard(&self) -> bool {
        self.refused.get().is_none()
    }
    fn ready(&self) -> bool {
        true
    }
    fn over(&self, _: Option<i32>) {
        self.over.tell();
    }
}

impl Plain {
    /// Standard output; once it has refused something there is nobody to write for.
    fn print(&self, text: &str) {
        if !self.is_heard() {
            return;
        }
        match run::write_heeding(std::io::stdout(), text.as_bytes(), Some(self.over.as_fd())) {
            // The session is over, and nobody reads.
            Ok(()) | Err(nix::Error::ECANCELED) => {}
            Err(error) => {
                let _ = self.refused.set(error as i32);
                self.over.tell();
            }
        }
    }

    /// Lines that come by themselves; a prompt that stands there is put below them.
    fn put(&self, lines: &str) {
        let prompting = self.prompting.lock().unwrap_or_else(PoisonError::into_inner);
        match *prompting {
            true => self.print(&format!("\n{lines}{STEP_PROMPT}")),
            false => self.print(lines),
        }
    }

    /// A line of the input, shown where it would have been typed.
    fn ask(&self, lines: &mut Lines) -> Option<String> {
        let prompting = |on: bool, text: &str| {
            let mut now = self.prompting.lock().unwrap_or_else(PoisonError::into_inner);
            *now = on;
            self.print(text);
        };
        prompting(true, STEP_PROMPT);
        let line = lines.next(&self.over);
        prompting(false, &format!("{}\n", line.as_deref().unwrap_or("")));
        line
    }

    /// In a transcript an answer comes first, whoever was quicker.
    fn hold(&self) {
        if self.together {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(String::new());
        }
    }

    fn let_go(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.print(&held.unwrap_or_default());
    }

    fn show(&self, reply: &Reply) {
        if let Some(failure) = carry_out(reply, false) {
            self.report(&failure);
        }
        if !reply.out.is_empty() {
            self.print(&reply.out);
        }
        if !reply.err.is_empty() {
            if self.together { self.print(&reply.err) } else { put_err(&reply.err) }
        }
    }
}

/// Lines of standard input, given up when the session is over.
#[derive(Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    ended: bool,
    /// A line had bytes that are no text, since that was asked for last.
    unreadable: bool,
    /// Why no more could be read, if it is not over.
    refused: Option<nix::Error>,
}

impl Lines {
    /// Whether the next line goes on with the statement before it, as far as
    /// has come by now: nobody who feeds lines one by one is kept waiting.
    fn goes_on(&mut self) -> bool {
        if !self.bytes.contains(&b'\n') && !self.ended && is_readable(std::io::stdin()) {
            self.read();
        }
        let end = self.bytes.iter().position(|b| *b == b'\n').unwrap_or(self.bytes.len());
        repl::goes_on(&String::from_utf8_lossy(&self.bytes[..end]))
    }

    /// What cannot be read stands in it as replacement characters.
    fn text(&mut self, line: &[u8]) -> String {
        let text = String::from_utf8_lossy(line);
        self.unreadable |= matches!(text, std::borrow::Cow::Owned(_));
        text.into_owned()
    }

    fn read(&mut self) {
        let mut buffer = [0u8; 1 << 16];
        match read_input(&mut buffer) {
            Ok(None) => {}
            Ok(Some(0)) => self.ended = true,
            Ok(Some(n)) => self.bytes.extend_from_slice(&buffer[..n]),
            Err(error) => {
                self.refused = Some(error);
                self.ended = true;
            }
        }
    }

    /// The next line without its end; none at the end, or if the session has
    /// ended meanwhile.
    pub(super) fn next(&mut self, over: impl AsFd) -> Option<String> {
        loop {
            if let Some(end) = self.bytes.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Some(self.text(&line[..end]));
            }
            if self.ended {
                let rest = std::mem::take(&mut self.bytes);
                return (!rest.is_empty()).then(|| self.text(&rest));
            }
            if !wait_for_input(&over) {
                return None;
            }
            self.read();
        }
    }
}

/// The commands of `:step`, out of the same input.
struct Steps<'l> {
    lines: &'l mut Lines,
    voice: &'l Plain,
}

impl Talk for Steps<'_> {
    fn line(&mut self) -> Option<String> {
        self.voice.ask(self.lines)
    }
    fn show(&mut self, text: &str) {
        self.voice.print(text);
    }
    fn watch(&mut self) -> Box<dyn Fn() -> bool> {
        // Ctrl-C ends this session, and with it what it waits for.
        let over = self.voice.over.as_fd().try_clone_to_owned().ok();
        Box::new(move || over.as_ref().is_some_and(is_readable))
    }
}

/// The session of a pipe or a file.
fn read_all(args: &ReplArgs, settings: Settings) -> u8 {
    let Ok(over) = Ending::new() else {
        put_err("conc: a session could not be set up\n");
        return exit::FAILED;
    };
    let style = settings.style;
    let voice = Arc::new(Plain {
        together: args.transcript,
        held: Mutex::new(None),
        prompting: Mutex::new(false),
        refused: OnceLock::new(),
        over,
    });
    let mut repl = match begin(settings, voice.clone()) {
        Ok(repl) => repl,
        Err(code) => return code,
    };
    if let Some(file) = &args.file {
        let reply = repl.load(file);
        voice.show(&reply);
        if let Some(code) = reply.over {
            return finish(repl, &voice, Some(code));
        }
    }
    let mut lines = Lines::default();
    loop {
        let text = match entry(&mut lines, &mut repl, &voice) {
            Ok(Some(text)) => text,
            Ok(None) => break,
            Err(code) => return finish(repl, &voice, Some(code)),
        };
        if args.transcript {
            echo(&voice, &text, repl.line());
        }
        voice.hold();
        let reply = match std::mem::take(&mut lines.unreadable) {
            false => repl.enter(&text),
            true => repl.refuse(&text),
        };
        voice.show(&reply);
        voice.let_go();
        if let Some(whole) = &reply.step
            && let Err(wrong) = through(whole, style, &mut Steps { lines: &mut lines, voice: &voice })
        {
            voice.report(&wrong);
        }
        if let Some(code) = reply.over {
            return finish(repl, &voice, Some(code));
        }
        if args.transcript {
            let reply = repl.settle();
            voice.show(&reply);
            if let Some(code) = reply.over {
                return finish(repl, &voice, Some(code));
            }
        }
    }
    let reply = repl.look_whether_over();
    voice.show(&reply);
    let code = finish(repl, &voice, reply.over);
    match lines.refused {
        Some(error) => {
            put_err(&format!("conc: {}\n", script::unreadable("-", &error.into())));
            code.max(exit::WRONG)
        }
        None => code,
    }
}

/// The next whole entry, or what there is of one at the end of the input.
///
/// # Errors
///
/// As of `line`.
fn entry(lines: &mut Lines, repl: &mut Repl, voice: &Plain) -> Result<Option<String>, u8> {
    let Some(mut text) = line(lines, repl, voice)? else { return Ok(None) };
    while !repl::is_complete(&text) || (text.trim_end().ends_with('}') && lines.goes_on()) {
        let Some(more) = line(lines, repl, voice)? else { break };
        text.push('\n');
        text.push_str(&more);
    }
    Ok(Some(text))
}

/// The next line; none at the end, or if nobody hears of it. Where a session ends meanwhile and
/// a new one begins, whoever writes the lines writes them to that one.
///
/// # Errors
///
/// The session is over, with this exit code.
fn line(lines: &mut Lines, repl: &mut Repl, voice: &Plain) -> Result<Option<String>, u8> {
    while voice.is_heard() {
        if let Some(line) = lines.next(&voice.over) {
            return Ok(Some(line));
        }
        if lines.ended {
            break;
        }
        // Before the look, so that an end that comes behind it is told again.
        voice.over.forget();
        let reply = repl.look_whether_over();
        if reply.over.is_some() {
            // Nobody is waited for who does not read what is said now.
            voice.over.tell();
        }
        voice.show(&reply);
        if let Some(code) = reply.over {
            return Err(code);
        }
    }
    Ok(None)
}

/// The end of the session: the exit code.
fn finish(repl: Repl, voice: &Plain, code: Option<u8>) -> u8 {
    let mut ended = code.unwrap_or(exit::FAILED);
    if voice.is_heard() {
        let (reply, own) = repl.end();
        voice.show(&reply);
        ended = code.unwrap_or(own);
    } else {
        // Whatever goes on in it ends with it.
        drop(repl);
    }
    match voice.refused.get() {
        None => ended,
        Some(errno) => {
            put_err(&format!("conc: {}; the session was ended\n", run::output_sentence(*errno)));
            exit::FAILED
        }
    }
}

/// The input as a terminal would show it.
fn echo(voice: &Plain, text: &str, line: usize) {
    for (i, part) in text.lines().enumerate() {
        voice.print(&format!("{}{part}\n", if i == 0 { prompt(line) } else { more(line) }));
    }
}

/// The prompt has the number of the line that is entered, as reports name it.
fn prompt(line: usize) -> String {
    format!("{line}> ")
}

/// Before further lines of the same text.
fn more(line: usize) -> String {
    format!("{}. ", " ".repeat(line.to_string().len()))
}
