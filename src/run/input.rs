//! Standard input, waited for together with what ends the wait: that the session is over,
//! that its terminal is gone.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::io::stdin;
use std::os::fd::{AsFd, BorrowedFd};

/// Tells whoever waits beside it that something is over, from then on.
pub struct Ending(EventFd);

impl Ending {
    pub fn new() -> nix::Result<Ending> {
        Ok(Ending(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?))
    }

    pub fn tell(&self) {
        let _ = self.0.write(1);
    }

    /// Until it is told again it is as new. It has been told before.
    pub fn forget(&self) {
        let _ = self.0.read();
    }
}

impl AsFd for Ending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether something can be read there now.
pub fn is_readable(of: impl AsFd) -> bool {
    poll(&mut [PollFd::new(of.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).is_ok_and(|n| n > 0)
}

/// Waits for standard input; false: `over` can be read meanwhile.
pub fn wait_for_input(over: impl AsFd) -> bool {
    let stdin = stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN), PollFd::new(over.as_fd(), PollFlags::POLLIN)];
    while poll(&mut fds, PollTimeout::NONE).is_err() {}
    fds[1].revents().is_none_or(|e| e.is_empty())
}

/// What there is to read of standard input, at its end nothing; none: it has come to nothing.
pub fn read_input(buffer: &mut [u8]) -> nix::Result<Option<usize>> {
    match nix::unistd::read(stdin(), buffer) {
        Err(nix::Error::EINTR | nix::Error::EAGAIN) => Ok(None),
        read => read.map(Some),
    }
}

/// Waits until the terminal of standard input is gone.
pub fn wait_for_hang_up() {
    let stdin = stdin();
    let mut fds = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
    while poll(&mut fds, PollTimeout::NONE).is_err() {}
}

/// Asks this program to end, as somebody else's `kill` does.
pub fn terminate() {
    let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGTERM);
}
