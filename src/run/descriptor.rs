//! A standard input or output that was closed stays closed. Before `main` Rust puts
//! `/dev/null` in the place of each standard descriptor that is missing, so that no file
//! opened later gets its number and what is printed into it; but then all that is printed
//! is lost without a word, and a script from nowhere is an empty one. Here they get what
//! refuses to be written to or read from, before that.

use nix::libc;

/// Called by the C library before the program's `main`.
#[used]
// SAFETY: the section is a list of functions of this kind, each called once, with
// arguments that may be left alone, while there is one thread.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = keep_closed;

extern "C" fn keep_closed() {
    for (descriptor, refusing) in [(libc::STDIN_FILENO, libc::O_WRONLY), (libc::STDOUT_FILENO, libc::O_RDONLY)] {
        // SAFETY: these are system calls on numbers and one string that ends with a zero;
        // nothing of Rust's, which is not set up yet, is needed. The descriptor belongs to
        // nobody, as the first of them says, and so is the lowest number that is free:
        // those below it were dealt with before.
        unsafe {
            if libc::fcntl(descriptor, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), refusing);
            }
        }
    }
}
