//! A session at a terminal: a pseudo-terminal with a screen behind it, keys
//! that are typed and a look at what is shown.

use super::{Ended, Running, program};
use nix::pty::{Winsize, openpty};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ROWS: u16 = 40;
const COLUMNS: u16 = 100;
/// What an editor asks a terminal for, and waits for.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";

pub struct Terminal {
    running: Running,
    /// None: the terminal was taken away.
    keys: Option<std::fs::File>,
    screen: Arc<Mutex<vt100::Parser>>,
    _state: tempfile::TempDir,
}

/// `conc repl` at a terminal. Its history is kept in a folder of its own, or
/// in a given one.
pub fn terminal(state: Option<&std::path::Path>) -> Terminal {
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).expect("there is a pseudo-terminal");
    let own = tempfile::tempdir().expect("a temporary folder");
    let state = state.unwrap_or(own.path()).to_path_buf();
    let other = || pty.slave.try_clone().expect("a descriptor can be copied");
    let conc = program("setsid").args(["-c", env!("CARGO_BIN_EXE_conc"), "repl", "--color", "never"]);
    let conc = conc.env("XDG_STATE_HOME", &state.to_string_lossy()).env("TERM", "xterm");
    let running = conc.limit(Duration::from_secs(120)).stdin(other()).stdout(other()).stderr(other()).start();
    drop(pty.slave);
    let keys = std::fs::File::from(pty.master);
    let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 1000)));
    let (mut out, mut answers) = (keys.try_clone().expect("a copy"), keys.try_clone().expect("a copy"));
    let shown = screen.clone();
    std::thread::spawn(move || {
        // One byte at a time, so that an answer is about the moment of its
        // question.
        let mut asked = 0;
        let mut buffer = [0u8; 4096];
        while let Ok(count @ 1..) = out.read(&mut buffer) {
            for byte in &buffer[..count] {
                let mut shown = shown.lock().expect("the screen");
                shown.process(&[*byte]);
                asked = if WHERE_IS_THE_CURSOR[asked] == *byte { asked + 1 } else { usize::from(*byte == b'\x1b') };
                if asked == WHERE_IS_THE_CURSOR.len() {
                    asked = 0;
                    let (row, column) = shown.screen().cursor_position();
                    let _ = answers.write_all(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
                }
            }
        }
    });
    let mut terminal = Terminal { running, keys: Some(keys), screen, _state: own };
    terminal.until("the first prompt", |t| t.last() == "1>");
    terminal
}

impl Terminal {
    /// Types; `\r` is Enter, `\x03` Ctrl-C.
    pub fn keys(&mut self, keys: &str) {
        let terminal = self.keys.as_mut().expect("the terminal is there");
        terminal.write_all(keys.as_bytes()).expect("keys can be typed");
    }

    /// Enters a line, and waits for the next prompt.
    pub fn enter(&mut self, line: &str) {
        let before = self.prompts();
        self.keys(line);
        self.keys("\r");
        self.until(&format!("the prompt after {line}"), |t| t.prompts() > before && t.last().ends_with('>'));
    }

    fn prompts(&self) -> usize {
        let is_prompt = |l: &&String| l.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('>');
        self.lines().iter().filter(is_prompt).count()
    }

    /// The lines on the screen, without the empty ones at its end.
    pub fn lines(&self) -> Vec<String> {
        let text = self.screen.lock().expect("the screen").screen().contents();
        text.trim_end().lines().map(|l| l.trim_end().to_string()).collect()
    }

    pub fn last(&self) -> String {
        self.lines().pop().unwrap_or_default()
    }

    pub fn shows(&self, words: &str) -> bool {
        self.lines().iter().any(|l| l.contains(words))
    }

    pub fn until(&mut self, what: &str, look: impl Fn(&Terminal) -> bool) {
        let began = std::time::Instant::now();
        while !look(self) {
            let told = self.lines().join("\n");
            assert!(!self.running.has_ended(), "conc ended before {what}\n{told}");
            assert!(began.elapsed() < Duration::from_secs(60), "never came: {what}\n{told}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Takes the terminal away, as when its window is closed.
    pub fn hang_up(mut self) -> Ended {
        self.keys = None;
        // The thread that reads has the last copy; it ends with the program,
        // so the end of the terminal is brought about by the signal for it.
        self.running.signal(nix::sys::signal::Signal::SIGHUP);
        self.running.finish()
    }

    pub fn finish(self) -> Ended {
        self.running.finish()
    }
}
