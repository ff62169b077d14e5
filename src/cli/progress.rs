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
        put_err(&format!("\r\u{1b}[K{}", fitted(&text(), crate::run::terminal_columns().unwrap_or(80))));
    }

    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            put_err("\r\u{1b}[K");
        }
    }
}

/// What goes into one row of so many columns: of a line that went on in the next one, the
/// first row would stay when it is written anew. The last column stays free, since behind it
/// some terminals go on at once.
fn fitted(text: &str, columns: usize) -> String {
    text.chars().take(columns.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::fitted;

    #[test]
    fn the_line_stays_in_its_row() {
        let text = "1000 states (3 to do)";
        assert_eq!(fitted(text, 30), text);
        assert_eq!(fitted(text, text.len()), "1000 states (3 to do");
        assert_eq!(fitted(text, 12), "1000 states");
        assert_eq!(fitted(text, 0), "");
    }
}
