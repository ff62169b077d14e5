//! The session at a terminal: `reedline` with this language's colours,
//! completion, hints and its parser's word on when a text is whole. What tasks
//! print appears above the line being typed.
//!
//! Two threads write: this one and the session's own. While a line is edited
//! all goes through reedline's printer, otherwise straight out; one lock keeps
//! the two ways apart, so nothing is torn and nothing changes its order.

use super::{ReplArgs, begin, more, prompt};
use crate::program::Growth;
use crate::repl::complete::complete;
use crate::repl::highlight::{Class, classes};
use crate::repl::{Reply, Settings, Voice, is_complete};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal as Signals;
use nu_ansi_term::{Color, Style};
use reedline::{
    Completer, DefaultHinter, EditCommand, Emacs, ExternalPrinter, FileBackedHistory, Highlighter, IdeMenu, KeyCode,
    KeyModifiers, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu,
    Signal, Span, StyledText, Suggestion, ValidationResult, Validator, default_emacs_keybindings,
};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The least time between two lines above the one that is edited. Reedline
/// takes a batch of several for a screen that was scrolled by somebody else,
/// and begins anew at its top; so it gets one at a time, and looks for the next
/// a little sooner.
const LINE_EVERY: Duration = Duration::from_millis(6);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Lines that wait for that; with more, the tasks wait with their output.
const LINES_MAX: usize = 64;
const HISTORY_LINES: usize = 10_000;
const MENU: &str = "completion";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Screen {
    lines: Mutex<Lines>,
    /// There is a line to be shown.
    more: Condvar,
    printer: ExternalPrinter<String>,
    color: bool,
    over: Arc<AtomicBool>,
    /// The terminal is gone.
    hung_up: AtomicBool,
}

#[derive(Default)]
struct Lines {
    /// A line is being edited.
    editing: bool,
    /// What is to be shown above it.
    waiting: VecDeque<String>,
}

impl Screen {
    fn put(&self, text: &str) {
        let mut lines = lock(&self.lines);
        if lines.editing {
            lines.waiting.extend(text.lines().map(String::from));
            self.more.notify_one();
        } else {
            super::put_out(text);
        }
    }

    fn begin_editing(&self) {
        lock(&self.lines).editing = true;
    }

    /// What the editor has not come to is shown now.
    fn end_editing(&self) {
        let mut lines = lock(&self.lines);
        lines.editing = false;
        while let Some(line) = self.printer.get_line() {
            super::put_out(&format!("{line}\n"));
        }
        for line in lines.waiting.drain(..) {
            super::put_out(&format!("{line}\n"));
        }
    }

    /// Hands the editor one line at a time, for ever.
    fn feed(&self) {
        loop {
            let mut lines = lock(&self.lines);
            while !lines.editing || lines.waiting.is_empty() {
                lines = self.more.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            if self.printer.receiver().is_empty()
                && let Some(line) = lines.waiting.pop_front()
            {
                // An empty line would be none.
                let line = if line.is_empty() { " ".to_string() } else { line };
                let _ = self.printer.sender().try_send(line);
            }
            drop(lines);
            std::thread::sleep(LINE_EVERY);
        }
    }
}

impl Voice for Screen {
    fn output(&self, lines: &str) {
        self.put(lines);
    }
    fn report(&self, text: &str) {
        self.put(text);
    }
    fn ready(&self) -> bool {
        let lines = lock(&self.lines);
        !lines.editing || lines.waiting.len() < LINES_MAX
    }
    fn over(&self, signal: Option<i32>) {
        // Without a terminal the editor never comes back; all processes have
        // been ended by now.
        if let Some(signal) = signal
            && (signal == Signals::SIGHUP as i32 || self.hung_up.load(SeqCst))
        {
            std::process::exit(128 + signal);
        }
        self.over.store(true, SeqCst);
    }
}

pub fn main(args: &ReplArgs, settings: Settings) -> u8 {
    let screen = Arc::new(Screen {
        lines: Mutex::new(Lines::default()),
        more: Condvar::new(),
        printer: ExternalPrinter::new(1),
        color: settings.style.color,
        over: Arc::new(AtomicBool::new(false)),
        hung_up: AtomicBool::new(false),
    });
    let color = settings.style.color;
    let mut repl = match begin(settings, screen.clone()) {
        Ok(repl) => repl,
        Err(code) => return code,
    };
    watch_terminal(&screen);
    let feeding = screen.clone();
    if std::thread::Builder::new().name("screen".to_string()).spawn(move || feeding.feed()).is_err() {
        super::put_err("conc: the machine has no room for another thread\n");
        return super::exit::FAILED;
    }
    screen.put(&format!("conc {}; :help for help, Ctrl-D to leave\n", env!("CARGO_PKG_VERSION")));
    let growth = Arc::new(Mutex::new(repl.growth().clone()));
    let mut editor = editor(&screen, &growth, color);
    if let Some(file) = &args.file
        && let Some(code) = show(&screen, repl.load(file))
    {
        return code;
    }
    let code = loop {
        *lock(&growth) = repl.growth().clone();
        screen.begin_editing();
        let signal = editor.read_line(&Line(repl.line()));
        screen.end_editing();
        let reply = match signal {
            Ok(Signal::Success(text)) => repl.enter(&text),
            Ok(Signal::ExternalBreak(typed)) => {
                screen.over.store(false, SeqCst);
                editor.run_edit_commands(&[EditCommand::InsertString(typed)]);
                repl.look_whether_over()
            }
            Ok(Signal::CtrlD) => break None,
            Ok(_) => Reply::default(),
            // The terminal is gone.
            Err(_) => break None,
        };
        let _ = editor.sync_history();
        if let Some(code) = show(&screen, reply) {
            break Some(code);
        }
    };
    let (reply, own) = repl.end();
    show(&screen, reply);
    code.unwrap_or(own)
}

/// Ends the session when the terminal goes away, also where the signal that
/// says so is ignored. The thread takes no signals, as its parent does not.
fn watch_terminal(screen: &Arc<Screen>) {
    let screen = screen.clone();
    let watch = move || {
        let stdin = std::io::stdin();
        let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        while poll(&mut fds, PollTimeout::NONE).is_err() {}
        screen.hung_up.store(true, SeqCst);
        let _ = nix::sys::signal::kill(nix::unistd::getpid(), Signals::SIGTERM);
    };
    // Without it only the signal tells.
    let _ = std::thread::Builder::new().name("terminal".to_string()).spawn(watch);
}

fn show(screen: &Screen, reply: Reply) -> Option<u8> {
    if let Some(failure) = super::carry_out(&reply, screen.color) {
        screen.put(&failure);
    }
    for text in [&reply.out, &reply.err] {
        if !text.is_empty() {
            screen.put(text);
        }
    }
    reply.over
}

fn editor(screen: &Arc<Screen>, growth: &Arc<Mutex<Growth>>, color: bool) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let menu = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_string()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, menu);
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline);
    let mut editor = Reedline::create()
        .with_ansi_colors(color)
        .with_external_printer(screen.printer.clone())
        .with_poll_interval(LOOK_EVERY)
        .with_break_signal(screen.over.clone())
        .with_validator(Box::new(Whole))
        .with_highlighter(Box::new(Colors))
        .with_completer(Box::new(Names(growth.clone())))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_hinter(Box::new(DefaultHinter::default().with_style(Style::new().fg(Color::DarkGray))))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(IdeMenu::default().with_name(MENU))))
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .use_bracketed_paste(true);
    if let Some(history) = history() {
        editor = editor.with_history(Box::new(history));
    }
    editor
}

/// The history of all sessions, where the system keeps such things.
fn history() -> Option<FileBackedHistory> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    FileBackedHistory::with_file(HISTORY_LINES, state.join("conc/history")).ok()
}

/// The prompt of a line.
struct Line(usize);

impl Prompt for Line {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Owned(prompt(self.0))
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Owned(more(self.0))
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}

struct Whole;

impl Validator for Whole {
    fn validate(&self, line: &str) -> ValidationResult {
        if is_complete(line) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}

struct Colors;

impl Highlighter for Colors {
    fn highlight(&self, line: &str, _: usize) -> StyledText {
        let mut styled = StyledText::new();
        for (class, piece) in classes(line) {
            let style = match class {
                Class::Plain => Style::new(),
                Class::Word => Style::new().fg(Color::Magenta),
                Class::Kind => Style::new().fg(Color::Cyan),
                Class::Number => Style::new().fg(Color::Yellow),
                Class::Text => Style::new().fg(Color::Green),
                Class::Comment => Style::new().fg(Color::DarkGray),
                Class::Command => Style::new().fg(Color::Blue).bold(),
            };
            styled.push((style, piece.to_string()));
        }
        styled
    }
}

/// Completion by what is declared so far.
struct Names(Arc<Mutex<Growth>>);

impl Completer for Names {
    fn complete(&mut self, line: &str, at: usize) -> Vec<Suggestion> {
        let (start, found) = complete(line, at, &lock(&self.0));
        found
            .into_iter()
            .map(|c| Suggestion {
                value: c.text,
                description: (!c.what.is_empty()).then_some(c.what),
                span: Span::new(start, at),
                append_whitespace: c.whole,
                ..Suggestion::default()
            })
            .collect()
    }
}
