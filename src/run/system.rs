//! What the program asks of the system outside a run: the terminal's width,
//! how many processors and how much memory there are, a number to begin with.

use std::path::Path;

/// The columns of the terminal on standard error or standard output.
pub fn terminal_columns() -> Option<usize> {
    use nix::libc;
    [2, 1].into_iter().find_map(|fd| {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the call fills the structure it is given, or fails.
        let answer = unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &raw mut size) };
        (answer == 0 && size.ws_col > 0).then_some(size.ws_col as usize)
    })
}

/// Writes to standard output, all of it. Rust's own way there takes it for written
/// where there is no standard output.
pub fn write_output(mut bytes: &[u8]) -> nix::Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let out = std::io::stdout();
    while !bytes.is_empty() {
        match nix::unistd::write(&out, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(nix::Error::EINTR) => {}
            Err(nix::Error::EAGAIN) => {
                let mut fds = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut fds, PollTimeout::NONE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The same of standard output or standard error, for whoever collects the signals that are to
/// end the program, or lets others do so.
///
/// Where nobody reads what is written, a signal that is to end the program does so at once, if it
/// waits to be collected. Where another part of the program collects them, `over` can be read
/// from then on, and the write ends with `ECANCELED`.
pub fn write_heeding(
    out: impl std::os::fd::AsFd,
    mut bytes: &[u8],
    over: Option<std::os::fd::BorrowedFd>,
) -> nix::Result<()> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    /// A pipe that can be written to takes as much at once without waiting.
    const AT_ONCE: usize = 4096;
    /// So long at the most, in milliseconds, until a signal is seen.
    const LOOK: u16 = 50;
    while !bytes.is_empty() {
        let mut fds = vec![PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
        fds.extend(over.map(|over| PollFd::new(over, PollFlags::POLLIN)));
        // If it cannot be asked for, as of a file that was closed, the write says why.
        if poll(&mut fds, PollTimeout::from(LOOK)) == Ok(0) {
            end_if_asked_to();
            continue;
        }
        let there = |fd: Option<&PollFd>| fd.and_then(PollFd::any).unwrap_or(false);
        if !there(fds.first()) && there(fds.get(1)) {
            return Err(nix::Error::ECANCELED);
        }
        match nix::unistd::write(&out, &bytes[..bytes.len().min(AT_ONCE)]) {
            Ok(n) => bytes = &bytes[n..],
            Err(nix::Error::EINTR | nix::Error::EAGAIN) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens a file to read it, and waits for nobody who writes to it: that is for `read_heeding`.
pub fn open_at_once(path: &Path) -> std::io::Result<std::os::fd::OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    Ok(options.read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?.into())
}

/// What a file, a pipe or a terminal gives until its end. As above, it ends with `ECANCELED` once
/// `over` can be read.
pub fn read_heeding(input: impl std::os::fd::AsFd, over: Option<std::os::fd::BorrowedFd>) -> nix::Result<Vec<u8>> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut all = Vec::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let mut fds = vec![PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        fds.extend(over.map(|over| PollFd::new(over, PollFlags::POLLIN)));
        let _ = poll(&mut fds, PollTimeout::NONE);
        if fds.get(1).and_then(PollFd::any).unwrap_or(false) {
            return Err(nix::Error::ECANCELED);
        }
        match nix::unistd::read(&input, &mut piece) {
            Ok(0) => return Ok(all),
            Ok(n) => all.extend_from_slice(&piece[..n]),
            Err(nix::Error::EINTR | nix::Error::EAGAIN) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes beside a file and moves that into its place, so that a full disk or a killed
/// process leaves what was there. To move it there the folder alone must be writable: whether
/// the file itself may be written, opening it says, which changes nothing.
pub fn replace_file(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    drop(std::fs::OpenOptions::new().write(true).open(&path)?);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let permissions = std::fs::metadata(&path)?.permissions();
    let written = std::fs::write(&beside, text)
        .and_then(|()| std::fs::set_permissions(&beside, permissions))
        .and_then(|()| std::fs::rename(&beside, &path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// Writes a file, all of it or none; `over` another one, or only where there is none.
pub fn write_file(path: &Path, text: &str, over: bool) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    match std::fs::metadata(path) {
        Ok(there) if over && there.is_file() => replace_file(path, text),
        // What is no file takes what it is given.
        Ok(_) if over => options.write(true).open(path)?.write_all(text.as_bytes()),
        _ => {
            let mut file = options.write(true).create(over).create_new(!over).open(path)?;
            file.write_all(text.as_bytes()).inspect_err(|_| {
                // A link stays that leads there.
                let _ = std::fs::canonicalize(path).and_then(std::fs::remove_file);
            })
        }
    }
}

/// Ends the program by a signal that waits to be collected, if one does.
fn end_if_asked_to() {
    use nix::libc;
    let mut pending = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call fills the set that it is given, or fails; only what it filled is looked at.
    let waits = |signal: nix::sys::signal::Signal| unsafe {
        libc::sigpending(pending.as_mut_ptr()) == 0 && libc::sigismember(pending.as_ptr(), signal as i32) == 1
    };
    if ending_signals().iter().any(waits) {
        let_through();
    }
}

/// From now on a signal that is to end the program does so at once, as if nobody collected it.
fn let_through() {
    use nix::sys::signal::{SigmaskHow, sigprocmask};
    let _ = sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&ending_signals()), None);
}

/// A file that would become larger than it may (`ulimit -f`) is an error of the write,
/// not the end of the program.
pub fn large_files_are_errors() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: it is ignored, no code of ours runs.
    let _ = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
}

/// The program's work, on a stack that has room for it, whatever `ulimit -s` says.
///
/// # Errors
///
/// There is no memory for one.
pub fn with_stack<T>(work: impl FnOnce() -> T) -> Result<T, nix::Error> {
    /// As much as the system gives a program, and the least that is taken for as much.
    const STACK: usize = 8 << 20;
    const ENOUGH: usize = STACK / 2;
    if stacker::remaining_stack().is_some_and(|left| left < ENOUGH) {
        super::memory::Memory::private(2 * STACK)?;
    }
    Ok(stacker::maybe_grow(ENOUGH, STACK, work))
}

/// How many processors this process may use.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// What each thread that works at something by itself takes of the addresses that a
/// process may have: its stack, and what the C library sets aside for what it
/// allocates.
const ADDRESSES_OF_A_THREAD: usize = 512 << 20;

/// So many threads of those that are wanted, that each has room: one at least. None
/// are wanted: as many as there are processors.
pub fn threads(wanted: Option<usize>) -> usize {
    wanted.unwrap_or_else(processors).min(allowed_memory() / ADDRESSES_OF_A_THREAD).max(1)
}

/// How many bytes a script's objects and values may take: three quarters of
/// what the machine, or the container that the program is in, has free, so that the script
/// reaches its limit before these do.
pub fn memory_for_objects() -> usize {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"));
    let kib = field.and_then(|f| f.split_whitespace().next()).and_then(|n| n.parse::<usize>().ok());
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = memory_of_groups(&groups, Path::new("/sys/fs/cgroup")).unwrap_or(usize::MAX);
    let free = kib.map_or(1 << 30, |k| k * 1024).min(of_groups) / 4 * 3;
    let addresses = allowed_memory().saturating_sub(super::arena::ADDRESSES_AT_LEAST);
    free.min(addresses / 2).max(LEAST_MEMORY)
}

/// How many bytes the states of an exploration may take, which grow in tables: where `ulimit -v`
/// says how much there is, a third of what is left beside what is kept back (`keep_back`). The
/// largest of the tables is for a moment there twice and once more as it is made twice as large.
pub fn memory_for_states() -> usize {
    memory_for_objects().min(limited_memory().map_or(usize::MAX, |left| left / 3))
}

/// So much is taken for free at the least.
const LEAST_MEMORY: usize = 64 << 20;

/// What the control groups that a process is in, and those around them, may still take: the
/// least of it. `groups` is what the kernel says of the process (`/proc/self/cgroup`), and below
/// `root` are the groups, of the second version or of the first. In a container of its own
/// the process may see no more of them than the root.
fn memory_of_groups(groups: &str, root: &Path) -> Option<usize> {
    let group = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (kinds, path) = (parts.next()?, parts.next()?.trim_start_matches('/').to_string());
        if kinds.is_empty() {
            return Some((root.to_path_buf(), path, ["memory.max", "memory.current", "inactive_file"]));
        }
        let files = ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
        kinds.split(',').any(|kind| kind == "memory").then(|| (root.join("memory"), path, files))
    };
    let left = |folder: &Path, [most, used, inactive]: [&str; 3]| {
        let text = |name| std::fs::read_to_string(folder.join(name)).ok();
        let most: usize = text(most)?.trim().parse().ok()?;
        let used: usize = text(used)?.trim().parse().ok()?;
        // What files have left in the memory goes when others need it.
        let stat = text("memory.stat").unwrap_or_default();
        let files = stat.lines().find_map(|l| l.strip_prefix(inactive)?.trim().parse::<usize>().ok());
        Some(most.saturating_sub(used.saturating_sub(files.unwrap_or(0))))
    };
    let all = groups.lines().filter_map(group);
    all.flat_map(|(root, path, files)| {
        Path::new(&path).ancestors().filter_map(|above| left(&root.join(above), files)).min()
    })
    .min()
}

/// What the process may still have by `ulimit -v`. Growing tables are for a moment
/// there twice, so that no more than half of it is there to be filled.
fn allowed_memory() -> usize {
    use nix::sys::resource::{Resource, getrlimit};
    let limit = getrlimit(Resource::RLIMIT_AS).map_or(u64::MAX, |(soft, _)| soft);
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = text.split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
    usize::try_from(limit.saturating_sub(pages * 4096)).unwrap_or(usize::MAX)
}

/// The same where `ulimit -v` says how much there is.
pub(super) fn limited_memory() -> Option<usize> {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    getrlimit(Resource::RLIMIT_AS).is_ok_and(|(soft, _)| soft != RLIM_INFINITY).then(allowed_memory)
}

/// Whether there is room beside a new thread for what the others have to allocate, where
/// `ulimit -v` says how much there is. Without it a thread could be made in the last bit of
/// room, and the next small piece of memory that anybody needs ends the process.
pub fn has_room_beside_a_thread() -> bool {
    const ROOM: usize = 32 << 20;
    static IS_LIMITED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    !*IS_LIMITED.get_or_init(|| limited_memory().is_some()) || super::memory::Memory::private(ROOM).is_ok()
}

/// A seed that differs from run to run.
pub fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    (now ^ u64::from(std::process::id()) << 40) & 0xffff_ffff
}

/// The signals by which a user ends the program.
pub fn ending_signals() -> nix::sys::signal::SigSet {
    use nix::sys::signal::Signal;
    heeded([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT])
}

/// How the program ends by such a signal while nobody collects it.
static INTERRUPTED: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);

/// From now on a signal by which a user ends the program ends it with this exit code and a
/// sentence, wherever it is, unless it is collected. In the processes of a run they mean what
/// they mean to any program, see `as_any_program`.
pub fn end_when_interrupted(code: u8) {
    use nix::libc;
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
    extern "C" fn end(_: libc::c_int) {
        const SENTENCE: &[u8] = b"conc: interrupted\n";
        let _ = nix::unistd::write(std::io::stderr(), SENTENCE);
        // SAFETY: it ends the process at once; no handler of it runs.
        unsafe { libc::_exit(INTERRUPTED.load(std::sync::atomic::Ordering::Relaxed)) }
    }
    INTERRUPTED.store(i32::from(code), std::sync::atomic::Ordering::Relaxed);
    let action = SigAction::new(SigHandler::Handler(end), SaFlags::empty(), SigSet::all());
    for signal in ending_signals().iter() {
        // SAFETY: the handler makes two system calls that may be made in one, and doesn't return.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// Such a signal ends the process by itself again, as it does any program: for whoever collects
/// them, and makes processes that do not.
pub fn as_any_program() {
    use nix::sys::signal::{SigHandler, signal};
    for one in ending_signals().iter() {
        // SAFETY: no code of ours runs.
        let _ = unsafe { signal(one, SigHandler::SigDfl) };
    }
}

/// Those of some signals that the program was not started to ignore, as `nohup` and a shell's
/// background have it.
pub fn heeded<const N: usize>(signals: [nix::sys::signal::Signal; N]) -> nix::sys::signal::SigSet {
    use nix::libc;
    let is_ignored = |signal: nix::sys::signal::Signal| {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
        // SAFETY: without a new action the call changes nothing, and fills the structure
        // that it is given, or fails.
        unsafe {
            libc::sigaction(signal as i32, std::ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    };
    signals.into_iter().filter(|signal| !is_ignored(*signal)).collect()
}

/// Whether the user wants the program to end: Ctrl-C, SIGTERM. As long as it
/// lives these signals are collected, not carried out.
pub struct Interruption {
    signals: Option<nix::sys::signalfd::SignalFd>,
    seen: std::cell::Cell<Option<i32>>,
    /// One that was there before, and collects them still, goes on with it.
    before: nix::sys::signal::SigSet,
}

/// Begins to collect such signals.
pub fn interruption() -> Interruption {
    use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
    use nix::sys::signalfd::{SfdFlags, SignalFd};
    let mask = ending_signals();
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).ok();
    let mut before = SigSet::empty();
    let how = signals.as_ref().map(|_| &mask);
    let _ = sigprocmask(SigmaskHow::SIG_BLOCK, how, Some(&mut before));
    Interruption { signals, seen: std::cell::Cell::new(None), before }
}

impl Interruption {
    pub fn requested(&self) -> bool {
        self.signal().is_some()
    }

    /// What can be read once it is requested.
    pub fn descriptor(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        self.signals.as_ref().map(AsFd::as_fd)
    }

    /// The signal that asked for it.
    pub fn signal(&self) -> Option<i32> {
        if let Some(signals) = &self.signals
            && let Ok(Some(info)) = signals.read_signal()
        {
            self.seen.set(Some(info.ssi_signo as i32));
        }
        self.seen.get()
    }

    /// From now on such a signal ends the program at once, as if nobody collected them.
    pub fn let_through(&self) {
        let_through();
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        use nix::sys::signal::{SigmaskHow, sigprocmask};
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_s_limit_is_what_is_left_of_the_least_of_its_groups() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let left = |groups| memory_of_groups(groups, root.path());
        assert_eq!(left("0::/a/b\n"), None);
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 400\ninactive_file 250\nactive_file 50\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "10\n");
        assert_eq!(left("0::/a/b\n"), Some(550));
        // One that the process does not see.
        assert_eq!(left("0::/elsewhere\n"), None);
        write("memory.max", "300\n");
        write("memory.current", "400\n");
        assert_eq!(left("0::/elsewhere\n"), Some(0));
        write("memory/c/memory.limit_in_bytes", "900\n");
        write("memory/c/memory.usage_in_bytes", "100\n");
        assert_eq!(left("5:cpu:/c\n4:memory,hugetlb:/c/d\n1:name=systemd:/a\n"), Some(800));
    }
}
