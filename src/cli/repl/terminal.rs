//! The session at a terminal: `reedline` with this language's colours,
//! completion, hints and its parser's word on when a text is whole. What tasks
//! print appears above the line being typed.
//!
//! Two threads write: this one and the session's own. While a line is edited
//! all goes through reedline's printer, otherwise straight out; one lock keeps
//! the two ways apart, so nothing is torn and nothing changes its order.
//!
//! While a line is edited Ctrl-C is a key in its place among the others (`keys`);
//! at any other time it is a signal and goes to the session, which knows whether a
//! statement is under way. If none is, it says so here, and the line that begins to
//! be edited is given up.

use super::super::put_out;
use super::super::step::{Talk, through};
use super::keys::{Ahead, Keys, LEAVES, PAUSES};
use super::{ReplArgs, begin, more, prompt};
use crate::program::Growth;
use crate::repl::complete::complete;
use crate::repl::highlight::{Class, classes};
use crate::repl::{Repl, Reply, Settings, Voice, is_complete};
use crate::report::{Style as Look, phrase};
use crate::run::Pause;
use crate::run::input::{self, Ending};
use crate::run::keyboard::Keyboard;
use nix::sys::signal::Signal as Signals;
use nu_ansi_term::{Color, Style};
use reedline::{
    Completer, DefaultHinter, EditCommand, Editor, Emacs, ExternalPrinter, FileBackedHistory, Highlighter, HistoryItem,
    IdeMenu, KeyCode, KeyModifiers, Menu, MenuBuilder, MenuEvent, Painter, Prompt, PromptEditMode, PromptHistorySearch,
    Reedline, ReedlineEvent, ReedlineMenu, Signal, Span, StyledText, Suggestion, ValidationResult, Validator,
    default_emacs_keybindings,
};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often the editor looks for lines to show above the one that is edited.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// Lines that wait for that; with more, the tasks wait with their output.
const LINES_MAX: usize = 64;
/// So often in a row the terminal may not say where its cursor is.
const UNTOLD_MAX: u32 = 2;
const HISTORY_LINES: usize = 10_000;
const MENU: &str = "completion";
/// Nothing is marked as pasted any more, the cursor is shown, and a line begins.
const UNEDITED: &str = "\x1b[?2004l\x1b[?25h\r\n";
/// Nothing stands behind the cursor.
const CLEAR_BEHIND: &str = "\x1b[J";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Screen {
    lines: Mutex<Lines>,
    /// There is a line to be shown, or the editor can take one.
    more: Condvar,
    printer: ExternalPrinter<String>,
    keyboard: Option<Keyboard>,
    color: bool,
    /// What was typed for later lines.
    ahead: Arc<Ahead>,
    /// The editor is to give up the line under way.
    give_up: Arc<AtomicBool>,
    over: AtomicBool,
    interrupted: AtomicBool,
    /// The program is asked to stop, once the editor has left its line.
    pausing: AtomicBool,
    /// The terminal is gone.
    hung_up: AtomicBool,
    /// Told of a Ctrl-C and of the end, for who waits for a line without the editor. Without
    /// it only the line ends that wait.
    told: Option<Ending>,
}

#[derive(Default)]
struct Lines {
    /// A line is being edited.
    editing: bool,
    /// The editor has not painted since the line it was handed last.
    in_hand: bool,
    /// What is to be shown above it.
    waiting: VecDeque<String>,
}

impl Screen {
    fn new(color: bool) -> Screen {
        Screen {
            lines: Mutex::new(Lines::default()),
            more: Condvar::new(),
            printer: ExternalPrinter::new(1),
            keyboard: Keyboard::take_over(),
            color,
            ahead: Arc::default(),
            give_up: Arc::new(AtomicBool::new(false)),
            over: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            pausing: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            told: Ending::new().ok(),
        }
    }

    fn put(&self, text: &str) {
        let mut lines = lock(&self.lines);
        if lines.editing {
            let columns = crate::run::terminal_columns().unwrap_or(80).max(8);
            lines.waiting.extend(text.lines().flat_map(|l| phrase::rows(l, columns)));
            self.more.notify_one();
        } else {
            put_out(text);
        }
    }

    fn begin_editing(&self) {
        self.interrupted.store(false, SeqCst);
        self.give_up.store(false, SeqCst);
        self.ahead.begin();
        let mut lines = lock(&self.lines);
        *lines = Lines { editing: true, in_hand: false, waiting: std::mem::take(&mut lines.waiting) };
        self.more.notify_one();
    }

    /// What the editor has not come to is shown now. Whether a Ctrl-C came.
    fn end_editing(&self) -> bool {
        let mut lines = lock(&self.lines);
        lines.editing = false;
        while let Some(line) = self.printer.get_line() {
            put_out(&format!("{line}\n"));
        }
        for line in lines.waiting.drain(..) {
            put_out(&format!("{line}\n"));
        }
        self.interrupted.swap(false, SeqCst)
    }

    /// The editor paints, on its own thread. A line that it has been handed is
    /// shown by now if it has taken it, and it takes none before it has painted.
    fn painted(&self) {
        let mut lines = lock(&self.lines);
        if lines.in_hand && self.printer.receiver().is_empty() {
            lines.in_hand = false;
            self.more.notify_one();
        }
    }

    /// Hands the editor one line at a time, for ever. It takes a batch of
    /// several for a screen that was scrolled by somebody else, and begins anew
    /// at its top.
    fn feed(&self) {
        let mut lines = lock(&self.lines);
        loop {
            while !lines.editing || lines.in_hand || lines.waiting.is_empty() {
                lines = self.more.wait(lines).unwrap_or_else(PoisonError::into_inner);
            }
            if let Some(line) = lines.waiting.pop_front() {
                // An empty line would be none.
                let line = if line.is_empty() { " ".to_string() } else { line };
                lines.in_hand = self.printer.sender().try_send(line).is_ok();
            }
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
    fn width(&self) -> Option<usize> {
        Some(super::super::width(true))
    }
    fn interrupted(&self, statement: bool) {
        if statement {
            // The terminal has forgotten the rest.
            return self.ahead.forget();
        }
        self.interrupted.store(true, SeqCst);
        self.told.iter().for_each(Ending::tell);
        if lock(&self.lines).editing {
            self.give_up.store(true, SeqCst);
        }
    }
    /// While a line is edited the modes of the terminal are the editor's: it leaves the line
    /// first, as at Ctrl-Z. In a statement it is as Ctrl-Z there: the modes stay, since a shell
    /// that lets the program go on in the background has the terminal then.
    fn pausing(&self, stop: &mut dyn FnMut()) {
        // Until it goes on no line begins to be edited.
        let lines = lock(&self.lines);
        if lines.editing {
            self.pausing.store(true, SeqCst);
            self.give_up.store(true, SeqCst);
        } else {
            stop();
        }
    }
    fn over(&self, signal: Option<i32>) {
        // Without a terminal the editor never comes back; all processes have
        // been ended by now.
        if let Some(signal) = signal
            && (signal == Signals::SIGHUP as i32 || self.hung_up.load(SeqCst))
        {
            if let Some(keyboard) = &self.keyboard {
                keyboard.give_back();
            }
            std::process::exit(i32::from(super::super::exit::INTERRUPTED));
        }
        self.over.store(true, SeqCst);
        self.told.iter().for_each(Ending::tell);
        self.give_up.store(true, SeqCst);
    }
}

pub fn main(args: &ReplArgs, settings: Settings) -> u8 {
    let style = settings.style;
    let screen = Arc::new(Screen::new(style.color));
    let _given_back = GiveBack(screen.clone());
    give_back_before_a_fault_is_told(&screen);
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
    let mut desk = Desk {
        growth: Arc::new(Mutex::new(repl.growth().clone())),
        screen,
        style,
        untold: 0,
        editor: None,
        pause: None,
    };
    if let Some(file) = &args.file
        && let Some(code) = desk.show(repl.load(file))
    {
        return code;
    }
    let code = desk.talk(&mut repl);
    let (reply, own) = repl.end();
    desk.show(reply);
    code.unwrap_or(own)
}

/// Gives the terminal back, whichever way the session ends.
struct GiveBack(Arc<Screen>);

impl Drop for GiveBack {
    fn drop(&mut self) {
        if let Some(keyboard) = &self.0.keyboard {
            keyboard.give_back();
        }
    }
}

/// A fault on this thread, in the editor for instance, ends the program, once the session's
/// processes have ended. What is told of it comes first, and is to be told on a terminal
/// that is as it was before. Other threads tell theirs above the line that is edited, and a
/// process that was forked has no part in the line.
fn give_back_before_a_fault_is_told(screen: &Arc<Screen>) {
    let (screen, here) = (screen.clone(), std::thread::current().id());
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |fault| {
        if std::thread::current().id() == here {
            if let Some(keyboard) = &screen.keyboard {
                keyboard.give_back();
            }
            put_out(UNEDITED);
        }
        tell(fault);
    }));
}

/// Ends the session when the terminal goes away, also where the signal that
/// says so is ignored. The thread takes no signals, as its parent does not.
fn watch_terminal(screen: &Arc<Screen>) {
    let screen = screen.clone();
    let watch = move || {
        input::wait_for_hang_up();
        screen.hung_up.store(true, SeqCst);
        input::terminate();
    };
    // Without it only the signal tells.
    let _ = std::thread::Builder::new().name("terminal".to_string()).spawn(watch);
}

/// What came of asking for a line.
enum Typed {
    Text(String),
    /// Ctrl-Z or its signal, and the program has gone on since: what had been typed, and where the cursor was.
    Paused(String, usize),
    /// Ctrl-C.
    Interrupted,
    /// The session is over; what had been typed by then.
    Over(String),
    End,
}

/// Where lines are edited.
struct Desk {
    screen: Arc<Screen>,
    style: Look,
    growth: Arc<Mutex<Arc<Growth>>>,
    /// So often in a row the terminal did not say where its cursor is.
    untold: u32,
    editor: Option<Reedline>,
    /// What stops the session.
    pause: Option<Pause>,
}

impl Desk {
    /// Texts until the end: the exit code, if one was asked for.
    fn talk(&mut self, repl: &mut Repl) -> Option<u8> {
        loop {
            *lock(&self.growth) = repl.growth().clone();
            repl.listen();
            self.pause = repl.pause();
            let reply = match self.line(repl.line()) {
                Typed::Text(text) => repl.enter(&text),
                Typed::Over(typed) => {
                    self.screen.put("\n");
                    let mut editor = editor(&self.screen, &self.growth);
                    editor.run_edit_commands(&[EditCommand::InsertString(typed)]);
                    self.editor = Some(editor);
                    repl.look_whether_over()
                }
                Typed::Paused(..) | Typed::Interrupted => continue,
                Typed::End => return None,
            };
            if let Some(code) = self.show(reply) {
                return Some(code);
            }
        }
    }

    fn line(&mut self, number: usize) -> Typed {
        let mut line = self.editor.take().unwrap_or_else(|| editor(&self.screen, &self.growth));
        let prompt = Line { first: prompt(number), more: more(number), screen: self.screen.clone() };
        let typed = loop {
            match self.edit(line, &prompt) {
                Typed::Paused(text, at) => line = begun(editor(&self.screen, &self.growth), text, at),
                typed => break typed,
            }
        };
        if let Some(editor) = &mut self.editor {
            let _ = editor.sync_history();
        }
        typed
    }

    /// One line by this editor, which is kept unless its line was given up.
    fn edit(&mut self, mut editor: Reedline, prompt: &Line) -> Typed {
        if self.untold >= UNTOLD_MAX {
            return self.plain_line(prompt);
        }
        // Typed while a statement ran: what Ctrl-C took back then, the terminal has forgotten.
        self.screen.ahead.take_typed();
        if let Some(typed) = self.typed_ahead(&mut editor, prompt) {
            self.editor = Some(editor);
            return typed;
        }
        self.screen.begin_editing();
        let signal = editor.read_line(prompt);
        let interrupted = self.screen.end_editing();
        let is_kept = !matches!(signal, Ok(Signal::ExternalBreak(_) | Signal::HostCommand(_)));
        let asked = self.screen.pausing.swap(false, SeqCst);
        let is_over = self.screen.over.load(SeqCst);
        let pauses = match &signal {
            Ok(Signal::HostCommand(why)) => why == PAUSES,
            // Several things may have had it broken off.
            Ok(Signal::ExternalBreak(_)) => asked && !interrupted && !is_over,
            _ => false,
        };
        let (text, at) = (editor.current_buffer_contents().to_string(), editor.current_insertion_point());
        if pauses || !is_kept && at == text.len() {
            // A hint was no part of what is given up; and what goes on is drawn anew.
            self.screen.put(CLEAR_BEHIND);
        }
        if pauses {
            self.screen.put("\n");
        }
        if pauses || asked {
            self.stop();
        }
        if signal.is_ok() {
            self.untold = 0;
            if is_kept {
                self.editor = Some(editor);
            }
        }
        match signal {
            Ok(_) if pauses => Typed::Paused(text, at),
            Ok(Signal::ExternalBreak(typed)) if self.screen.over.swap(false, SeqCst) => Typed::Over(typed),
            Ok(Signal::CtrlD) => Typed::End,
            Ok(Signal::HostCommand(why)) if why == LEAVES => {
                self.screen.put("\n");
                Typed::End
            }
            // What came behind the Ctrl-C is kept.
            Ok(Signal::HostCommand(_)) => Typed::Interrupted,
            Ok(Signal::Success(_)) if self.screen.ahead.take_typed() => {
                self.screen.put("stopped\n");
                Typed::Interrupted
            }
            Ok(Signal::Success(text)) if !interrupted => Typed::Text(text),
            Ok(signal) => {
                self.screen.ahead.forget();
                if matches!(signal, Signal::Success(_)) {
                    self.screen.put("stopped\n");
                }
                Typed::Interrupted
            }
            Err(_) if self.screen.hung_up.load(SeqCst) => Typed::End,
            Err(_) => {
                self.untold += 1;
                if self.untold >= UNTOLD_MAX {
                    // The editor leaves what was typed meanwhile.
                    self.screen.ahead.take_typed();
                    self.screen
                        .put("this terminal does not say where its cursor is: lines are read without an editor\n");
                }
                Typed::Interrupted
            }
        }
    }

    /// Stops the session and the program until it goes on. Whoever has the terminal meanwhile
    /// gets it as it was.
    fn stop(&self) {
        let _lent = self.screen.keyboard.as_ref().map(Keyboard::lend);
        self.pause.iter().for_each(Pause::stop);
    }

    /// What was typed already of this line: all of it, or the editor goes on with it.
    fn typed_ahead(&self, editor: &mut Reedline, prompt: &Line) -> Option<Typed> {
        let mut text = String::new();
        loop {
            let typed = self.screen.ahead.line();
            text.push_str(&typed.text);
            if typed.ends && text.is_empty() {
                return Some(Typed::End);
            }
            if !typed.entered {
                editor.run_edit_commands(&[EditCommand::InsertString(text)]);
                return None;
            }
            // Of a line that was left by Ctrl-Z there is something already.
            if !editor.current_buffer_contents().is_empty() {
                editor.run_edit_commands(&[EditCommand::InsertString(std::mem::take(&mut text))]);
                editor.run_edit_commands(&[EditCommand::MoveToEnd { select: false }]);
                text = editor.current_buffer_contents().to_string();
                editor.run_edit_commands(&[EditCommand::Clear]);
            }
            if prompt.more.is_empty() || is_complete(&text) {
                // The editor enters only what was entered in it.
                let _ = editor.history_mut().save(HistoryItem::from_command_line(&text));
                let shown = text.replace('\n', &format!("\n{}", prompt.more));
                self.screen.put(&format!("{}{shown}\n", prompt.first));
                return Some(Typed::Text(text));
            }
            text.push('\n');
        }
    }

    /// A text as the terminal itself gives it, line by line.
    fn plain_line(&self, prompt: &Line) -> Typed {
        // Dropped at the end, when lines come as before the session.
        let _lines = self.screen.keyboard.as_ref().map(Keyboard::lend);
        self.screen.interrupted.store(false, SeqCst);
        let mut text = String::new();
        put_out(&prompt.first);
        loop {
            match self.plain_piece(&mut text) {
                Ok(()) if prompt.more.is_empty() || is_complete(&text) => return Typed::Text(text),
                Ok(()) => put_out(&prompt.more),
                Err(typed) => return typed,
            }
        }
    }

    /// The next line of it, with its end: what was typed before there were plain lines comes
    /// first, without an end as the beginning of a line.
    fn plain_piece(&self, text: &mut String) -> Result<(), Typed> {
        let typed = self.screen.ahead.line();
        if typed.ends && text.is_empty() {
            return Err(Typed::End);
        }
        put_out(&typed.text);
        text.push_str(&typed.text);
        if typed.entered {
            put_out("\n");
            text.push('\n');
            return Ok(());
        }
        while let Some(told) = &self.screen.told
            && !input::wait_for_input(told)
        {
            told.forget();
            if self.screen.over.swap(false, SeqCst) {
                return Err(Typed::Over(String::new()));
            }
            if self.screen.interrupted.swap(false, SeqCst) {
                put_out("\n");
                return Err(Typed::Interrupted);
            }
        }
        match std::io::stdin().read_line(text) {
            Ok(1..) => Ok(()),
            _ => Err(Typed::End),
        }
    }

    /// Shows an answer and carries out what it asks for.
    fn show(&mut self, reply: Reply) -> Option<u8> {
        if let Some(whole) = &reply.step {
            let style = Look { width: super::super::width(true), ..self.style };
            if let Err(wrong) = through(whole, style, &mut Steps { desk: self }) {
                self.screen.put(&wrong);
            }
        }
        if let Some(failure) = super::carry_out(&reply, self.screen.color) {
            self.screen.put(&failure);
        }
        for text in [&reply.out, &reply.err] {
            if !text.is_empty() {
                self.screen.put(text);
            }
        }
        reply.over
    }
}

/// The commands of `:step`, typed at the same desk.
struct Steps<'d> {
    desk: &'d mut Desk,
}

impl Talk for Steps<'_> {
    fn line(&mut self) -> Option<String> {
        let prompt =
            Line { first: super::STEP_PROMPT.to_string(), more: String::new(), screen: self.desk.screen.clone() };
        let own = self.desk.editor.take();
        let mut line = bare_editor(&self.desk.screen);
        let answer = loop {
            match self.desk.edit(line, &prompt) {
                Typed::Paused(text, at) => line = begun(bare_editor(&self.desk.screen), text, at),
                Typed::Text(text) => break Some(text),
                // The session's own end is told when its next text is asked for.
                Typed::Over(_) | Typed::End => break None,
                Typed::Interrupted => line = bare_editor(&self.desk.screen),
            }
        };
        self.desk.editor = own;
        answer
    }
    fn show(&mut self, text: &str) {
        self.desk.screen.put(text);
    }
    fn watch(&mut self) -> Box<dyn Fn() -> bool> {
        let screen = self.desk.screen.clone();
        screen.interrupted.store(false, SeqCst);
        Box::new(move || screen.interrupted.load(SeqCst))
    }
}

/// Whether the cursor stands on an empty further line at the end of an entry.
fn is_blank_at(text: &str, at: usize) -> bool {
    at == text.len() && text.rsplit_once('\n').is_some_and(|(_, line)| line.trim().is_empty())
}

/// An editor with a line that was begun in another one.
fn begun(mut editor: Reedline, text: String, at: usize) -> Reedline {
    let there = EditCommand::MoveToPosition { position: at, select: false };
    editor.run_edit_commands(&[EditCommand::InsertString(text), there]);
    editor
}

/// An editor of single lines, without completion and history.
fn bare_editor(screen: &Arc<Screen>) -> Reedline {
    Reedline::create()
        .with_ansi_colors(screen.color)
        .with_external_printer(screen.printer.clone())
        .with_poll_interval(LOOK_EVERY)
        .with_break_signal(screen.give_up.clone())
        .with_edit_mode(Box::new(Keys { emacs: Emacs::default(), blank: Arc::default(), ahead: screen.ahead.clone() }))
        .use_bracketed_paste(true)
}

fn editor(screen: &Arc<Screen>, growth: &Arc<Mutex<Arc<Growth>>>) -> Reedline {
    let mut keys = default_emacs_keybindings();
    let blank = Arc::new(AtomicBool::new(false));
    let menu = ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_string()), ReedlineEvent::MenuNext]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, menu);
    let newline = ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline);
    // Ctrl-_ and Ctrl-/ come as this.
    keys.add_binding(KeyModifiers::CONTROL, KeyCode::Char('7'), ReedlineEvent::Edit(vec![EditCommand::Undo]));
    let mut editor = bare_editor(screen)
        .with_validator(Box::new(Whole))
        .with_highlighter(Box::new(Colors(blank.clone())))
        .with_completer(Box::new(Names(growth.clone())))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_hinter(Box::new(DefaultHinter::default().with_style(Style::new().fg(Color::DarkGray))))
        .with_menu(ReedlineMenu::EngineCompleter(Box::new(Choices(IdeMenu::default().with_name(MENU).with_marker("")))))
        .with_edit_mode(Box::new(Keys { emacs: Emacs::new(keys), blank, ahead: screen.ahead.clone() }));
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
struct Line {
    first: String,
    /// Before further lines of the same text; empty if there are none.
    more: String,
    screen: Arc<Screen>,
}

impl Prompt for Line {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        self.screen.painted();
        Cow::Borrowed(&self.first)
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_indicator(&self, _: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.more)
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

struct Colors(Arc<AtomicBool>);

impl Highlighter for Colors {
    fn highlight(&self, line: &str, at: usize) -> StyledText {
        self.0.store(is_blank_at(line, at), SeqCst);
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

/// The menu of what a word may become. With nothing to choose from there is none.
struct Choices(IdeMenu);

impl Menu for Choices {
    fn is_active(&self) -> bool {
        self.0.is_active() && !self.0.get_values().is_empty()
    }
    fn name(&self) -> &str {
        self.0.name()
    }
    fn indicator(&self) -> &str {
        self.0.indicator()
    }
    fn menu_event(&mut self, event: MenuEvent) {
        self.0.menu_event(event);
    }
    fn can_quick_complete(&self) -> bool {
        self.0.can_quick_complete()
    }
    fn can_partially_complete(&mut self, updated: bool, editor: &mut Editor, completer: &mut dyn Completer) -> bool {
        self.0.can_partially_complete(updated, editor, completer)
    }
    fn update_values(&mut self, editor: &mut Editor, completer: &mut dyn Completer) {
        self.0.update_values(editor, completer);
    }
    fn update_working_details(&mut self, editor: &mut Editor, completer: &mut dyn Completer, painter: &Painter) {
        self.0.update_working_details(editor, completer, painter);
    }
    fn replace_in_buffer(&self, editor: &mut Editor) {
        self.0.replace_in_buffer(editor);
    }
    fn menu_required_lines(&self, columns: u16) -> u16 {
        if self.0.get_values().is_empty() { 0 } else { self.0.menu_required_lines(columns) }
    }
    fn menu_string(&self, lines: u16, color: bool) -> String {
        if self.0.get_values().is_empty() { String::new() } else { self.0.menu_string(lines, color) }
    }
    fn min_rows(&self) -> u16 {
        self.0.min_rows()
    }
    fn get_values(&self) -> &[Suggestion] {
        self.0.get_values()
    }
    fn set_cursor_pos(&mut self, at: (u16, u16)) {
        self.0.set_cursor_pos(at);
    }
}

/// Completion by what is declared so far.
struct Names(Arc<Mutex<Arc<Growth>>>);

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
