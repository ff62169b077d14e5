//! The terminal's own modes around a session. While a statement runs nothing
//! that is typed is shown, it waits for the line editor; and Ctrl-C is a signal.
//! While a line is edited the modes are the editor's, to which Ctrl-C is a key.

use super::input::is_readable;
use nix::libc;
use nix::sys::termios::{InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcgetattr, tcsetattr};
use std::io::stdin;

/// The terminal of standard input, taken over until it is given back.
pub struct Keyboard {
    before: libc::termios,
}

impl Keyboard {
    /// None: it is no terminal, or does not let its modes be changed.
    pub fn take_over() -> Option<Keyboard> {
        let before = tcgetattr(stdin()).ok()?;
        let mut modes = before.clone();
        modes.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::IEXTEN);
        // Ctrl-C throws away what was typed before it and not what comes behind it, which
        // only the terminal can tell apart. The answers to the editor's questions are input
        // too, but while it waits for one, Ctrl-C is a key.
        modes.local_flags.insert(LocalFlags::ISIG);
        modes.local_flags.remove(LocalFlags::NOFLSH);
        // Enter comes as the editor expects it.
        modes.input_flags.remove(InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IGNCR);
        modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        tcsetattr(stdin(), SetArg::TCSANOW, &modes).ok()?;
        Some(Keyboard { before: before.into() })
    }

    /// The terminal is as it was before.
    pub fn give_back(&self) {
        let _ = tcsetattr(stdin(), SetArg::TCSANOW, &Termios::from(self.before));
    }

    /// The same until what this gives is dropped.
    pub fn lend(&self) -> Lent<'_> {
        let ours = tcgetattr(stdin()).ok();
        self.give_back();
        Lent { ours, _of: self }
    }
}

/// Whether there is input that nobody has read yet. Whoever sleeps until more comes is told
/// of it again: the editor's reader takes the first kilobyte of what came at once and then
/// hears of the rest only when the terminal says something new, which it does when its modes
/// are set, to whatever they are.
pub fn tell_again() -> bool {
    let stdin = stdin();
    let any = is_readable(&stdin);
    if any && let Ok(modes) = tcgetattr(&stdin) {
        let _ = tcsetattr(&stdin, SetArg::TCSANOW, &modes);
    }
    any
}

/// See [`Keyboard::lend`].
pub struct Lent<'k> {
    ours: Option<Termios>,
    _of: &'k Keyboard,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(ours) = &self.ours {
            let _ = tcsetattr(stdin(), SetArg::TCSANOW, ours);
        }
    }
}
