//! Runs of the program for the tests: each in a folder of its own, with a hard
//! limit of time, and with a look afterwards at what it left behind. What a
//! run should come to belongs to the test files.
//!
//! Every run gets an environment variable that no other has. A forked process
//! keeps the environment it was started with, so whoever shows that variable
//! in `/proc` belongs to the run, whoever its parent is by now.

// Each test file is a program of its own and uses its part of this.
#![allow(dead_code)]

pub mod busy;
pub mod editor;
pub mod entry;
pub mod leftover;
pub mod proc;
pub mod terminal;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// After this, a run is taken to hang; it is ended and the test fails.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a state that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(2);
/// The variable that tells whose process it is.
pub const MARK: &str = "CONC_TEST_RUN";

/// Two records of one struct, whose locks two tasks take crosswise.
pub const TWO_RECORDS: &str = "\
struct A { lock mu; shared bal = 0 }
let a = A()
let b = A()
task t(x, y) { with x.mu { with y.mu { x.bal -= 1; y.bal += 1 } } }
spawn t(a, b) as \"p\"
spawn t(b, a) as \"q\"
join all
";

static RUNS: AtomicU64 = AtomicU64::new(0);

/// A command that has not been started.
pub struct Conc {
    command: Command,
    mark: String,
    folder: PathBuf,
    limit: Duration,
}

/// Runs a script: `conc run` on a file `script.conc` with this text.
pub fn run(script: impl AsRef<[u8]>) -> Conc {
    let mut conc = conc();
    let path = conc.folder.join("script.conc");
    std::fs::write(&path, script).expect("the script can be written");
    conc.command.args(["run", "--color", "never", "script.conc"]);
    conc
}

/// The same with `--format json`.
pub fn run_json(script: impl AsRef<[u8]>) -> Conc {
    run(script).args(["--format", "json"])
}

/// `conc` without arguments, in an empty folder.
pub fn conc() -> Conc {
    program(env!("CARGO_BIN_EXE_conc"))
}

/// Another program under the same conditions, such as a shell that starts conc.
pub fn program(name: &str) -> Conc {
    let mark = format!("{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("run-{mark}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("tmp")).expect("a folder for the run can be made");
    let mut command = Command::new(name);
    command.current_dir(&folder).env(MARK, &mark).env("TMPDIR", folder.join("tmp"));
    command.env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR").env_remove("COLUMNS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Tests that run in the background of a shell were started to ignore some of them.
    let plain = || {
        for signal in [Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTERM] {
            // SAFETY: the handler is the system's own.
            unsafe { nix::sys::signal::signal(signal, nix::sys::signal::SigHandler::SigDfl) }?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls only.
    unsafe { std::os::unix::process::CommandExt::pre_exec(&mut command, plain) };
    Conc { command, mark, folder, limit: LIMIT }
}

impl Conc {
    pub fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Conc {
        self.command.args(args);
        self
    }

    pub fn stdin(mut self, from: impl Into<Stdio>) -> Conc {
        self.command.stdin(from);
        self
    }

    /// Text for standard input.
    pub fn input(self, text: &str) -> Conc {
        let conc = self.file("input", text);
        let file = std::fs::File::open(conc.folder.join("input")).expect("it has just been written");
        conc.stdin(file)
    }

    pub fn stdout(mut self, to: impl Into<Stdio>) -> Conc {
        self.command.stdout(to);
        self
    }

    pub fn stderr(mut self, to: impl Into<Stdio>) -> Conc {
        self.command.stderr(to);
        self
    }

    pub fn limit(mut self, limit: Duration) -> Conc {
        self.limit = limit;
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Conc {
        self.command.env(name, value);
        self
    }

    /// A further file in the run's folder.
    pub fn file(self, name: &str, text: impl AsRef<[u8]>) -> Conc {
        std::fs::write(self.folder.join(name), text).expect("a file of the test can be written");
        self
    }

    pub fn start(mut self) -> Running {
        let before = leftover::Before::look();
        let files = leftover::files_in(&self.folder);
        let mut child = self.command.spawn().expect("conc can be started");
        let out = Stream::read(child.stdout.take());
        let err = Stream::read(child.stderr.take());
        Running {
            child,
            mark: self.mark,
            folder: self.folder,
            files,
            before,
            limit: self.limit,
            out,
            err,
            status: None,
        }
    }

    /// Starts it and waits for its end.
    pub fn finish(self) -> Ended {
        self.start().finish()
    }
}

/// What comes out of a pipe, read by a thread so that nobody ever waits for
/// the test.
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(from: Option<impl Read + Send + 'static>) -> Stream {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let into = bytes.clone();
        let reader = from.map(|mut from| {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(n @ 1..) = from.read(&mut buffer) {
                    into.lock().unwrap().extend_from_slice(&buffer[..n]);
                }
            })
        });
        Stream { bytes, reader }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All of it: ends once nobody has the pipe's other end any more.
    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader of a pipe ends well");
        }
        self.text()
    }
}

/// A run under way. When it is dropped, by a failed assertion too, all that
/// belongs to it is ended.
pub struct Running {
    child: Child,
    mark: String,
    folder: PathBuf,
    files: Vec<PathBuf>,
    before: leftover::Before,
    limit: Duration,
    out: Stream,
    err: Stream,
    status: Option<ExitStatus>,
}

impl Running {
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    pub fn stdout(&self) -> String {
        self.out.text()
    }

    pub fn stderr(&self) -> String {
        self.err.text()
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Sends a signal to conc itself.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(Pid::from_raw(self.pid()), signal);
    }

    /// Waits until conc does something else with a signal than to end by it: `SigBlk` is that it
    /// collects it, `SigCgt` that a handler does.
    pub fn until_signal(&mut self, what: &str, signal: Signal) {
        self.until("a signal's being heeded", |run| {
            let status = std::fs::read_to_string(format!("/proc/{}/status", run.pid())).ok()?;
            let mask = status.lines().find_map(|l| l.strip_prefix(what)?.strip_prefix(':'))?;
            let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
            (mask & 1 << (signal as u32 - 1) != 0).then_some(())
        });
    }

    /// The processes that belong to the run, conc among them.
    pub fn processes(&self) -> Vec<proc::Process> {
        proc::marked(&self.mark)
    }

    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("conc can be waited for");
        }
        self.status.is_some()
    }

    /// Waits until a look gives something; fails at the limit, or when conc
    /// ends before.
    pub fn until<T>(&mut self, what: &str, mut look: impl FnMut(&Running) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let ended = self.has_ended();
            if ended {
                // What it wrote may still be on its way to the readers.
                self.out.all();
                self.err.all();
            }
            if let Some(found) = look(self) {
                return found;
            }
            let told = || format!("{:?}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout(), self.stderr());
            assert!(!ended, "conc ended before {what}\n{}", told());
            assert!(began.elapsed() < self.limit, "never came: {what}\n{}", told());
            std::thread::sleep(LOOK);
        }
    }

    /// Waits for a line of standard output that begins so; gives its rest.
    pub fn line(&mut self, begin: &str) -> String {
        self.lines(begin, 1).pop().unwrap_or_default()
    }

    /// Waits for that many such lines.
    pub fn lines(&mut self, begin: &str, count: usize) -> Vec<String> {
        self.until(&format!("{count} lines `{begin}`"), |run| {
            let text = run.stdout();
            // A line counts once its end is there.
            let whole = &text[..text.rfind('\n').map_or(0, |at| at + 1)];
            let found: Vec<String> = whole.lines().filter_map(|l| l.strip_prefix(begin)).map(String::from).collect();
            (found.len() >= count).then(|| found[..count].to_vec())
        })
    }

    /// A number that the script prints after these words.
    pub fn number(&mut self, begin: &str) -> i32 {
        self.line(begin).trim().parse().expect("the line ends with a number")
    }

    /// Waits for conc's end and makes sure that nothing of the run is left.
    pub fn finish(self) -> Ended {
        self.end(Duration::ZERO)
    }

    /// The same after a `kill -9` of conc: those who end its processes need a
    /// moment for that.
    pub fn finish_killed(self) -> Ended {
        self.end(Duration::from_secs(20))
    }

    fn end(mut self, grace: Duration) -> Ended {
        let began = Instant::now();
        while !self.has_ended() {
            if began.elapsed() > self.limit {
                let processes: Vec<String> = self.processes().iter().map(proc::Process::describe).collect();
                panic!(
                    "conc did not end within {:?}\nprocesses:\n{}\nstdout:\n{}\nstderr:\n{}",
                    self.limit,
                    processes.join("\n"),
                    self.stdout(),
                    self.stderr()
                );
            }
            std::thread::sleep(LOOK);
        }
        let status = self.status.expect("it has ended");
        self.wait_for_nobody(grace);
        let (stdout, stderr) = (self.out.all(), self.err.all());
        self.before.assert_nothing_new(self.pid(), grace);
        let files = leftover::files_in(&self.folder);
        assert_eq!(files, self.files, "a file of the run is left behind");
        Ended { code: status.code(), signal: status.signal(), stdout, stderr }
    }

    fn wait_for_nobody(&self, grace: Duration) {
        let began = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            if began.elapsed() >= grace {
                let left: Vec<String> = left.iter().map(proc::Process::describe).collect();
                panic!("processes of the run are left:\n{}\nstderr:\n{}", left.join("\n"), self.stderr());
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Those found may fork while they are being ended, so this looks again.
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            for process in left {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
            let _ = self.child.try_wait();
        }
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A run that is over, with nothing of it left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Ended {
        assert_eq!(
            self.code,
            Some(code),
            "exit code; signal {:?}\nstdout:\n{}\nstderr:\n{}",
            self.signal,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Exit code 0 and not even a note: for runs in JSON.
    #[track_caller]
    pub fn expect_clean(self) -> Ended {
        let ended = self.expect_code(0);
        assert!(ended.findings().is_empty(), "findings:\n{}", ended.stdout);
        assert_eq!(ended.stderr, "", "something on standard error");
        ended
    }

    #[track_caller]
    pub fn expect_stderr(self, words: &str) -> Ended {
        assert!(self.stderr.contains(words), "`{words}` is missing on standard error:\n{}", self.stderr);
        self
    }

    /// The lines of a run in JSON.
    pub fn json(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"));
        self.stdout.lines().map(parse).collect()
    }

    pub fn of_type(&self, kind: &str) -> Vec<Value> {
        self.json().into_iter().filter(|line| line["type"] == kind).collect()
    }

    pub fn findings(&self) -> Vec<Value> {
        self.of_type("finding")
    }

    /// The codes of the findings that are failures.
    pub fn failures(&self) -> Vec<String> {
        self.codes("failure")
    }

    pub fn notes(&self) -> Vec<String> {
        self.codes("note")
    }

    fn codes(&self, severity: &str) -> Vec<String> {
        let of = |f: &&Value| f["severity"] == severity;
        self.findings().iter().filter(of).map(|f| f["code"].as_str().unwrap_or("?").to_string()).collect()
    }

    /// What was printed, in order.
    pub fn prints(&self) -> Vec<String> {
        self.of_type("print").iter().map(|p| p["text"].as_str().unwrap_or("?").to_string()).collect()
    }
}

/// A text in one line: where lines are broken is no matter.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Random numbers for a test; the seed is printed, and `CONC_TEST_SEED` gives
/// it again.
pub struct Random(u64);

impl Random {
    pub fn new(test: &str) -> Random {
        let given = std::env::var("CONC_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let clock = || std::time::UNIX_EPOCH.elapsed().map_or(1, |d| d.as_nanos() as u64);
        let seed = given.unwrap_or_else(clock);
        println!("{test}: CONC_TEST_SEED={seed}");
        Random(seed)
    }

    /// Below `n`; by splitmix64.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    /// Lets a random time below this pass.
    pub fn pause(&mut self, max_us: u64) {
        std::thread::sleep(Duration::from_micros(self.below(max_us)));
    }
}
