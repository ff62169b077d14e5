//! How long a task that must wait looks before it sleeps, and how long it stays away from
//! an object that others change meanwhile. The one is always the same, the other is learnt
//! from how many operations it could make.

use crate::run::futex;

/// So many pauses of the processor a task waits for an object to change before
/// it offers the processor to others: at the most about as long as going to
/// sleep and being woken takes. Always the same: how many it took last time says
/// little, and a task that looks less and less comes to sleep on every item.
const PAUSES: u32 = 128;
/// So many of them at the most between two looks: who changes the object has its
/// cache line to himself meanwhile.
const AWAY_MOST: u32 = 4;
/// How often it looks after that, with the processor offered to others, before
/// it sleeps.
const OFFERS: u32 = 10;
/// An offer that was taken for so long went to somebody who has other things to do: who
/// sleeps instead is back sooner.
const OFFER_NS: u64 = 500_000;

/// How long to stay away for each operation that is worth letting pass. It depends on
/// the machine, and on what it does besides: memory goes to and fro between the
/// processors twice as fast at one time as at another. So it is learnt: as long as a
/// task can make as many operations as it let pass before it must wait again, it stays
/// away a little less each time; who finds fewer stays away longer.
pub(in crate::run) struct Passing {
    /// In sixteenths of a pause.
    stay: u32,
    /// The operations that the task has made since it waited last.
    pub made: u32,
}

impl Passing {
    const LEAST: u32 = 4 * 16;
    const MOST: u32 = 20 * 16;

    pub fn new() -> Passing {
        Passing { stay: 12 * 16, made: 0 }
    }

    /// For how many pauses a task that must wait now stays away.
    pub(super) fn pauses(&mut self, operations: u32) -> u32 {
        let enough = std::mem::take(&mut self.made) > operations;
        self.stay = if enough { self.stay - 1 } else { self.stay + 16 }.clamp(Passing::LEAST, Passing::MOST);
        self.stay * operations / 16
    }
}

/// What is left of a task's looks before it sleeps.
pub(in crate::run) struct Patience {
    pauses: u32,
    offers: u32,
    /// Until then offers are not counted.
    pub(super) until: u64,
}

impl Patience {
    pub fn new() -> Patience {
        Patience { pauses: PAUSES, offers: OFFERS, until: 0 }
    }

    pub fn is_over(&self) -> bool {
        self.offers == 0
    }

    /// Looks whether all is as before until it is not, or until patience is over.
    pub(super) fn look_while(&mut self, as_before: impl Fn() -> bool) {
        let mut stays_away = 1;
        while as_before() && self.pauses > 0 {
            let pauses = self.pauses.min(stays_away);
            self.pauses -= pauses;
            (0..pauses).for_each(|_| std::hint::spin_loop());
            stays_away = (2 * stays_away).min(AWAY_MOST);
        }
        while as_before() && self.offers > 0 {
            let offered = futex::now_ns();
            std::thread::yield_now();
            let now = futex::now_ns();
            if now - offered > OFFER_NS {
                self.offers = 0;
            } else if now >= self.until {
                self.offers -= 1;
            }
        }
    }
}
