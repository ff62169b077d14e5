//! One interpreter lock for the threads of a process, as CPython has it
//! (Python/ceval_gil.c): who waits for 5 ms asks for it, the holder lets go at
//! its next look and does not take it again before somebody else had it.

use super::futex::now_ns;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// `sys.getswitchinterval()`.
const SWITCH: Duration = Duration::from_millis(5);

#[derive(Default)]
struct State {
    held: bool,
    waiting: u32,
    /// Counts the takings.
    turns: u64,
}

#[derive(Default)]
pub struct Gil {
    state: Mutex<State>,
    changed: Condvar,
    wanted: AtomicBool,
}

impl Gil {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds this lock, and a half-done change is
        // impossible: each is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub fn wanted(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    /// Takes it; the time that took is added to `waited_ns`.
    pub fn take(&self, waited_ns: &AtomicU64) {
        let mut state = self.state();
        if state.held {
            let since = now_ns();
            state.waiting += 1;
            while state.held {
                let turns = state.turns;
                let (next, timeout) = self.changed.wait_timeout(state, SWITCH).unwrap_or_else(PoisonError::into_inner);
                state = next;
                if timeout.timed_out() && state.held && state.turns == turns {
                    self.wanted.store(true, Relaxed);
                }
            }
            state.waiting -= 1;
            waited_ns.fetch_add(now_ns() - since, Relaxed);
        }
        state.held = true;
        state.turns += 1;
        self.wanted.store(false, Relaxed);
        drop(state);
        self.changed.notify_all();
    }

    pub fn let_go(&self) {
        self.state().held = false;
        self.changed.notify_all();
    }

    /// Somebody asked for it: lets go until somebody else has had it.
    pub fn switch(&self, waited_ns: &AtomicU64) {
        let mut state = self.state();
        state.held = false;
        let turns = state.turns;
        self.changed.notify_all();
        while state.turns == turns && state.waiting > 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.wanted.store(false, Relaxed);
        drop(state);
        self.take(waited_ns);
    }
}
