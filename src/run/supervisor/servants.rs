//! The end of a run in which all but daemons and workers are stuck for ever: these may still
//! be on their way to where they end, or stay. It owns how long they are waited for; who is
//! stuck says `diagnose`.
//!
//! How long a task takes to get there depends on when it has a processor, and there may be
//! many that want one. So it is not a time that is waited for, but that each of them has had
//! its share.

use super::*;

/// A task that had a processor for so long, or was seen to move at so many looks, goes on
/// without end, as far as anybody can wait for that.
const SHARE_NS: u64 = 20_000_000;
const MOVES: u32 = 3;
/// The same where the system does not say how long it had one.
const LOOKS: u32 = 10;
/// None is waited for longer: it may stand in a write to a pipe that nobody reads.
const LOOKS_MOST: u32 = 1_000;

/// What was seen of a task.
struct Seen {
    task: u64,
    /// Its slot's version, and where it was.
    at: (u64, u64),
    moves: u32,
    looks: u32,
    /// How long it had had a processor by the first look.
    before_ns: u64,
}

impl Supervisor {
    pub(super) fn await_servants(&mut self) {
        let mut seen = HashMap::new();
        for _ in 0..LOOKS_MOST {
            if self.diagnosis.note_stuck(&self.home) || self.stop != Some(Stop::Stuck) || self.all_go_on(&mut seen) {
                return;
            }
            self.sleep(PollTimeout::from(LOOK_MS as u16));
            self.find_new();
            self.take_signals();
            self.bury_dead();
        }
    }

    /// Whether all that are not stuck have had their share, or wait for such as have.
    fn all_go_on(&self, seen: &mut HashMap<usize, Seen>) -> bool {
        let going_on = |slot: &usize| {
            let word = |w: usize| self.arena.slot(*slot, w).load(SeqCst);
            match word(slot::STATE) {
                state::FREE | state::ENDED | state::AWAITING => false,
                state::WAITING => self.is_told(*slot),
                _ => word(slot::REPORTED) == 0,
            }
        };
        // Each of them is looked at each time.
        (0..self.arena.slots_high()).filter(going_on).filter(|slot| !self.has_had_its_share(*slot, seen)).count() == 0
    }

    fn has_had_its_share(&self, slot: usize, seen: &mut HashMap<usize, Seen>) -> bool {
        let word = |w: usize| self.arena.slot(slot, w).load(SeqCst);
        let (task, at) = (word(slot::TASK), (word(slot::VERSION), word(slot::PC)));
        let fact = |which: usize| self.arena.facts(task as u32, which).load(SeqCst);
        let had_ns = had_processor_ns(fact(facts::PID), fact(facts::TID));
        let new = || Seen { task, at, moves: 0, looks: 0, before_ns: had_ns.unwrap_or(0) };
        let one = seen.entry(slot).or_insert_with(new);
        if one.task != task {
            *one = new();
        }
        one.looks += 1;
        if one.at != at {
            (one.at, one.moves) = (at, one.moves + 1);
        }
        let has_begun = fact(facts::TID) != 0;
        let share = match had_ns {
            Some(had_ns) => had_ns.saturating_sub(one.before_ns) >= SHARE_NS,
            None => has_begun && one.looks >= LOOKS,
        };
        share || one.moves >= MOVES
    }
}

/// How long a thread has had a processor, in nanoseconds, if the system says so.
fn had_processor_ns(pid: u64, tid: u64) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{tid}/schedstat")).ok()?;
    stat.split_whitespace().next()?.parse().ok()
}
