//! A standard output that was closed stays closed. Before `main` Rust puts `/dev/null`
//! in the place of each standard descriptor that is missing, so that no file opened
//! later gets its number and what is printed into it; but then all that is printed is
//! lost without a word. Here it gets one that refuses to be written to, before that.

use nix::libc;

/// Called by the C library before the program's `main`.
#[used]
// SAFETY: the section is a list of functions of this kind, each called once, with
// arguments that may be left alone, while there is one thread.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = keep_output_closed;

extern "C" fn keep_output_closed() {
    // SAFETY: these are system calls on numbers and one string that ends with a zero;
    // nothing of Rust's, which is not set up yet, is needed. Descriptor 1 belongs to
    // nobody, as the first of them says.
    unsafe {
        if libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) != -1 {
            return;
        }
        // The lowest number that is free: perhaps that of standard input.
        let unwritable = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY);
        if unwritable >= 0 && unwritable != libc::STDOUT_FILENO {
            libc::dup2(unwritable, libc::STDOUT_FILENO);
            libc::close(unwritable);
        }
    }
}
