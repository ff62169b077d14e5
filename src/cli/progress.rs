//! The line that says how far a check or a test is, on a terminal only.

use super::{Common, put_err};
use crate::check::Progress;
use std::io::IsTerminal;
use std::time::Duration;

/// Between two writings of the line.
const PAUSE: Duration = Duration::from_millis(200);

pub struct Line {
    wanted: bool,
    last: Duration,
    shown: bool,
}

impl Line {
    pub fn new(common: &Common) -> Line {
        let wanted = std::io::stderr().is_terminal() && !common.quiet;
        Line { wanted, last: Duration::ZERO, shown: false }
    }

    pub fn show(&mut self, progress: &Progress, elapsed: Duration) {
        self.say(elapsed, || {
            let rate = progress.states as f64 / elapsed.as_secs_f64().max(1e-9);
            format!(
                "{} states ({} to do), {:.0} a second, {} MiB, depth {}",
                progress.states,
                progress.states - progress.done,
                rate,
                progress.bytes >> 20,
                progress.depth
            )
        });
    }

    /// Shows a text, if it is time for it.
    pub fn say(&mut self, elapsed: Duration, text: impl FnOnce() -> String) {
        if !self.wanted || elapsed < self.last + PAUSE {
            return;
        }
        self.last = elapsed;
        self.shown = true;
        put_err(&format!("\r\u{1b}[K{}", text()));
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            put_err("\r\u{1b}[K");
        }
    }
}
