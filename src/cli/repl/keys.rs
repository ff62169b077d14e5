//! Keys on their way to the editor. While a line is edited Ctrl-C is a key like
//! others, so that it stands where it was typed: what came before it is given up,
//! what comes behind it belongs to the next line. Ctrl-Z is one too, behind which the line
//! goes on when the program does. The editor is handed keys in
//! batches and forgets what is left of one when it ends; that is kept here.

use crate::run::keyboard::tell_again;
use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use reedline::{EditCommand, EditMode, Emacs, PromptEditMode, ReedlineEvent, ReedlineRawEvent};
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why the editor ended by a key: a name of our own.
pub const INTERRUPTED: &str = "interrupted";
pub const LEAVES: &str = "leaves";
pub const PAUSES: &str = "pauses";

/// Pieces of one text come not farther apart than that.
const PIECES: Duration = Duration::from_millis(4);

/// A key that was typed for a later line. What moves about in one is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Char(char),
    Enter,
    Back,
    /// Ctrl-D.
    End,
}

/// What was typed for later lines.
#[derive(Default)]
pub struct Ahead {
    keys: Mutex<VecDeque<Key>>,
    /// The editor leaves its line, on Ctrl-C or Ctrl-Z.
    left: AtomicBool,
}

/// What there is of the next line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    pub text: String,
    /// Enter stands behind it.
    pub entered: bool,
    /// Ctrl-D stands on the empty line.
    pub ends: bool,
}

impl Ahead {
    fn keys(&self) -> MutexGuard<'_, VecDeque<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line begins.
    pub fn begin(&self) {
        self.left.store(false, SeqCst);
    }

    /// Keeps what is typed already of what comes behind an entered line; whether a
    /// Ctrl-C is among it, with which all before it is forgotten. To be called once
    /// Ctrl-C is a signal again, so that none comes to lie between the two.
    pub fn take_typed(&self) -> bool {
        let mut interrupted = false;
        let comes = |within| event::poll(within).is_ok_and(|any| any);
        let is_here = || comes(Duration::ZERO) || tell_again() && comes(Duration::ZERO);
        let mut more = is_here();
        while more {
            match event::read() {
                Ok(event) => interrupted |= self.keep(&event),
                Err(_) => break,
            }
            // What is pasted comes in pieces. All of it has to be here before the editor asks
            // the terminal where the cursor is: the answer stands behind it.
            more = is_here() || comes(PIECES);
        }
        interrupted
    }

    /// Keeps a key; whether it is Ctrl-C, with which those before it are forgotten.
    fn keep(&self, event: &Event) -> bool {
        let mut keys = self.keys();
        match event {
            Event::Key(key) if key.kind == KeyEventKind::Release => {}
            Event::Key(KeyEvent { code: KeyCode::Char('c'), modifiers: KeyModifiers::CONTROL, .. }) => {
                keys.clear();
                return true;
            }
            Event::Key(KeyEvent { code: KeyCode::Char('d'), modifiers: KeyModifiers::CONTROL, .. }) => {
                keys.push_back(Key::End);
            }
            Event::Key(KeyEvent { code: KeyCode::Char(c), modifiers, .. })
                if !modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) =>
            {
                keys.push_back(Key::Char(*c));
            }
            Event::Key(KeyEvent { code: KeyCode::Enter, .. }) => keys.push_back(Key::Enter),
            Event::Key(KeyEvent { code: KeyCode::Backspace, .. }) => keys.push_back(Key::Back),
            Event::Paste(text) => keys.extend(text.chars().map(Key::Char)),
            _ => {}
        }
        false
    }

    /// All that was typed is forgotten.
    pub fn forget(&self) {
        self.keys().clear();
    }

    /// Takes a line, or what there is of one.
    pub fn line(&self) -> Typed {
        let (mut keys, mut typed) = (self.keys(), Typed::default());
        while let Some(key) = keys.pop_front() {
            match key {
                Key::Char(c) => typed.text.push(c),
                Key::Back => drop(typed.text.pop()),
                Key::End if typed.text.is_empty() => {
                    typed.ends = true;
                    break;
                }
                Key::End => {}
                Key::Enter => {
                    typed.entered = true;
                    break;
                }
            }
        }
        typed
    }
}

/// The keys of Emacs. Ctrl-D leaves on an empty further line too.
pub struct Keys {
    pub emacs: Emacs,
    /// The cursor was painted on such a line, and no key came since.
    pub blank: Arc<AtomicBool>,
    pub ahead: Arc<Ahead>,
}

impl EditMode for Keys {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        let blank = self.blank.swap(false, SeqCst);
        tell_again();
        let event = Event::from(event);
        if self.ahead.left.load(SeqCst) {
            self.ahead.keep(&event);
            return ReedlineEvent::None;
        }
        if let Event::Key(KeyEvent { code: KeyCode::Char('z'), modifiers: KeyModifiers::CONTROL, kind, .. }) = event
            && kind != KeyEventKind::Release
        {
            self.ahead.left.store(true, SeqCst);
            return ReedlineEvent::ExecuteHostCommand(PAUSES.to_string());
        }
        let Ok(event) = ReedlineRawEvent::try_from(event) else { return ReedlineEvent::None };
        match self.emacs.parse_event(event) {
            ReedlineEvent::CtrlC => {
                self.ahead.left.store(true, SeqCst);
                ReedlineEvent::ExecuteHostCommand(INTERRUPTED.to_string())
            }
            ReedlineEvent::CtrlD if blank => ReedlineEvent::ExecuteHostCommand(LEAVES.to_string()),
            ReedlineEvent::Edit(commands) => alone(commands),
            event => event,
        }
    }
    fn edit_mode(&self) -> PromptEditMode {
        self.emacs.edit_mode()
    }
}

/// The editor makes one edit of all keys of a batch. Behind one that begins with a space it
/// looks for an abbreviation one byte before the cursor, wherever the rest has left that,
/// within a character too. So a space is an edit of its own, behind which the cursor stands:
/// the engine joins no edits that stand within another event.
fn alone(commands: Vec<EditCommand>) -> ReedlineEvent {
    match commands.first() {
        Some(EditCommand::InsertChar(' ')) => ReedlineEvent::UntilFound(vec![ReedlineEvent::Edit(commands)]),
        _ => ReedlineEvent::Edit(commands),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    /// What the engine makes of a batch: it joins edits that follow each other.
    #[test]
    fn a_space_begins_no_batch() {
        let mut keys = Keys { emacs: Emacs::default(), blank: Arc::default(), ahead: Arc::default() };
        let mut edits: Vec<EditCommand> = Vec::new();
        for c in " é x  ü".chars() {
            let event = ReedlineRawEvent::try_from(key(KeyCode::Char(c), KeyModifiers::NONE)).expect("a key");
            match keys.parse_event(event) {
                ReedlineEvent::Edit(commands) => edits.extend(commands),
                ReedlineEvent::UntilFound(events) => {
                    assert_eq!(events, [ReedlineEvent::Edit(vec![EditCommand::InsertChar(' ')])], "at {c:?}");
                    edits.clear();
                }
                other => panic!("{c:?} is {other:?}"),
            }
            assert_ne!(edits.first(), Some(&EditCommand::InsertChar(' ')), "at {c:?}");
        }
    }

    #[test]
    fn what_is_typed_ahead_comes_line_by_line() {
        let ahead = Ahead::default();
        let typed = |text: &str| {
            for c in text.chars() {
                let code = if c == '\r' { KeyCode::Enter } else { KeyCode::Char(c) };
                assert!(!ahead.keep(&key(code, KeyModifiers::NONE)));
            }
        };
        typed("lost\rlost");
        assert!(ahead.keep(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        typed("8*3");
        ahead.keep(&key(KeyCode::Backspace, KeyModifiers::NONE));
        typed("2\rrest");
        assert_eq!(ahead.line(), Typed { text: "8*2".to_string(), entered: true, ends: false });
        assert_eq!(ahead.line(), Typed { text: "rest".to_string(), entered: false, ends: false });
        ahead.keep(&key(KeyCode::Char('d'), KeyModifiers::CONTROL));
        assert_eq!(ahead.line(), Typed { text: String::new(), entered: false, ends: true });
        assert_eq!(ahead.line(), Typed::default());
    }
}
