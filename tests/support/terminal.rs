//! A session at a terminal: a pseudo-terminal with a screen behind it, keys
//! that are typed and a look at what is shown. Whoever uses it waits for what
//! the screen shows, never for a time.

use super::{Ended, Running, program};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, tcgetattr};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub const ROWS: u16 = 40;
pub const COLUMNS: u16 = 100;
/// What an editor asks a terminal for, and waits for.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";
/// After this, what is waited for is taken never to come.
const LIMIT: Duration = Duration::from_secs(90);

pub struct Terminal {
    running: Running,
    keys: std::fs::File,
    /// Keeps the terminal alive, for a look at its modes.
    slave: OwnedFd,
    screen: Arc<Mutex<vt100::Parser>>,
    gone: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    _state: tempfile::TempDir,
}

/// How a terminal is.
pub struct Kind<'a> {
    /// Where the session keeps its history; none: in a folder of its own.
    pub state: Option<&'a Path>,
    /// It says where its cursor is when it is asked.
    pub answers: bool,
}

/// `conc repl` at a terminal.
pub fn terminal() -> Terminal {
    start(&Kind { state: None, answers: true })
}

pub fn start(kind: &Kind) -> Terminal {
    let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).expect("there is a pseudo-terminal");
    for end in [&pty.master, &pty.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor that no child has");
    }
    let own = tempfile::tempdir().expect("a temporary folder");
    let state = kind.state.unwrap_or(own.path()).to_path_buf();
    let other = || pty.slave.try_clone().expect("a descriptor can be copied");
    let conc = program("setsid").args(["-c", env!("CARGO_BIN_EXE_conc"), "repl", "--color", "never"]);
    let conc = conc.env("XDG_STATE_HOME", &state.to_string_lossy()).env("TERM", "xterm");
    let running = conc.limit(LIMIT).stdin(other()).stdout(other()).stderr(other()).start();
    let keys = std::fs::File::from(pty.master);
    let screen = Arc::new(Mutex::new(vt100::Parser::new(ROWS, COLUMNS, 1000)));
    let gone = Arc::new(AtomicBool::new(false));
    let reader = Reader {
        terminal: keys.try_clone().expect("a copy"),
        screen: screen.clone(),
        gone: gone.clone(),
        answers: kind.answers,
    };
    let reader = Some(std::thread::spawn(move || reader.read()));
    let mut terminal = Terminal { running, keys, slave: pty.slave, screen, gone, reader, _state: own };
    terminal.until("the first prompt", |t| t.last() == "1>");
    terminal
}

/// Shows on the screen what comes, and answers what a terminal has to.
struct Reader {
    terminal: std::fs::File,
    screen: Arc<Mutex<vt100::Parser>>,
    gone: Arc<AtomicBool>,
    answers: bool,
}

impl Reader {
    fn read(mut self) {
        let mut asked = 0;
        let mut buffer = [0u8; 4096];
        while !self.gone.load(SeqCst) {
            let ready = {
                let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
                poll(&mut fds, PollTimeout::from(20u8)).is_ok_and(|n| n > 0)
            };
            if !ready {
                continue;
            }
            let Ok(count @ 1..) = self.terminal.read(&mut buffer) else { return };
            // One byte at a time, so that an answer is about the moment of its
            // question.
            for byte in &buffer[..count] {
                let mut screen = self.screen.lock().expect("the screen");
                screen.process(&[*byte]);
                asked = if WHERE_IS_THE_CURSOR[asked] == *byte { asked + 1 } else { usize::from(*byte == b'\x1b') };
                if asked == WHERE_IS_THE_CURSOR.len() {
                    asked = 0;
                    let (row, column) = screen.screen().cursor_position();
                    if self.answers {
                        let _ = self.terminal.write_all(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
                    }
                }
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

impl Terminal {
    /// Types; `\r` is Enter, `\x03` Ctrl-C.
    pub fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("keys can be typed");
    }

    /// Types something and waits until it is shown.
    pub fn line(&mut self, line: &str) {
        self.keys(line);
        self.until(&format!("the line {line}"), |t| t.last().contains(line));
    }

    /// Enters a line, and waits for the next prompt.
    pub fn enter(&mut self, line: &str) {
        self.line(line);
        self.keys("\r");
        self.prompt(&format!("the prompt after {line}"));
    }

    /// Ctrl-C at a line with something on it; waits for an empty one.
    pub fn clear(&mut self) {
        assert!(!self.at_prompt(), "there is something to clear:\n{}", self.lines().join("\n"));
        self.keys("\x03");
        self.prompt("an empty line");
    }

    pub fn at_prompt(&self) -> bool {
        self.last().strip_suffix('>').is_some_and(is_number)
    }

    /// How many empty lines to type on are shown.
    pub fn prompts(&self) -> usize {
        self.lines().iter().filter(|l| l.strip_suffix('>').is_some_and(is_number)).count()
    }

    /// Waits for an empty line to type on.
    pub fn prompt(&mut self, what: &str) {
        self.until(what, Terminal::at_prompt);
    }

    /// Ctrl-D at an empty line.
    pub fn leave(mut self) {
        self.prompt("an empty line");
        self.keys("\x04");
        self.finish().expect_code(0);
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

    /// How many lines are just this.
    pub fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|l| *l == line).count()
    }

    pub fn until(&mut self, what: &str, look: impl Fn(&Terminal) -> bool) {
        let told = |t: &Terminal| t.lines().join("\n");
        assert!(self.comes(LIMIT, look), "never came: {what}\n{}", told(self));
    }

    /// Whether something comes within a time; fails if conc ends meanwhile.
    pub fn comes(&mut self, limit: Duration, look: impl Fn(&Terminal) -> bool) -> bool {
        let began = std::time::Instant::now();
        while !look(self) {
            assert!(!self.running.has_ended(), "conc has ended\n{}", self.lines().join("\n"));
            if began.elapsed() > limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }

    /// Whether the terminal shows what is typed, as before a session.
    pub fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("it is a terminal");
        modes.local_flags.contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG)
    }

    /// Waits until conc and every process of the script is stopped.
    pub fn until_stopped(&mut self) {
        let all = |t: &Terminal| t.running.processes().iter().all(|p| p.state == 'T');
        self.until("all is stopped", all);
    }

    /// Somebody else's `kill -TSTP`.
    pub fn stop_by_signal(&mut self) {
        self.running.signal(Signal::SIGTSTP);
        self.until_stopped();
    }

    /// What a shell does with `fg`.
    pub fn go_on(&mut self) {
        self.running.signal(Signal::SIGCONT);
    }

    /// Takes the terminal away, as when its window is closed.
    pub fn hang_up(mut self) -> Ended {
        self.gone.store(true, SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader ends well");
        }
        let Terminal { running, keys, slave, _state, .. } = self;
        drop((keys, slave));
        running.finish()
    }

    /// Waits for the end; the terminal is given back.
    pub fn finish(mut self) -> Ended {
        self.until_ended();
        assert!(self.echoes(), "the terminal is as it was before");
        self.gone.store(true, SeqCst);
        self.running.finish()
    }

    fn until_ended(&mut self) {
        let began = std::time::Instant::now();
        while !self.running.has_ended() {
            assert!(began.elapsed() < LIMIT, "conc did not end\n{}", self.lines().join("\n"));
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
