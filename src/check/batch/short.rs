//! What leads out of states whose whole is found at once in their words (`shortcut`): the steps
//! are the same that are found without. It owns which states these are, and what is noted of the
//! others to be learnt.

use super::*;

impl Piece {
    /// What leads out of these of its states, those of which all is found at once.
    pub(super) fn take_shortcuts(&mut self, known: Known, frozen: Frozen, all: bool, states: Range<usize>) {
        self.short.clear();
        self.found.clear();
        if !known.is_short {
            self.short.resize(states.len(), Err(0));
            return;
        }
        let mut asked = std::mem::take(&mut self.asked);
        asked.clear();
        let mut ends = [None; ABREAST];
        for (state, end) in self.items[states.clone()].iter().zip(&mut ends) {
            let from = asked.len();
            if known.shortcuts.ask(known.store.words(*state)[0], &mut asked) {
                asked[from..].iter().for_each(|one| known.shortcuts.touch(one));
                *end = Some(asked.len());
            } else {
                asked.truncate(from);
            }
        }
        let mut from = 0;
        for (at, end) in states.zip(ends) {
            let fan = match end {
                Some(end) => self.short_fan(known, frozen, all, at, &asked[from..end]),
                None => {
                    self.found.resize(self.found.len() + frozen.actors().len(), None);
                    Err(Missing::MAX)
                }
            };
            from = end.unwrap_or(from);
            self.short.push(fan);
        }
        self.asked = asked;
    }

    /// What leads out of a state as `fan` finds it; or what is not known here, be it nothing where
    /// somebody may wait in vain.
    #[inline]
    fn short_fan(
        &mut self,
        known: Known,
        frozen: Frozen,
        all: bool,
        at: usize,
        asked: &[Asked],
    ) -> Result<Fan, Missing> {
        let word = known.store.words(self.items[at])[0];
        let from = self.steps.len();
        let mut fan = Fan { from: from as u32, ..Fan::default() };
        let (mut goes, mut missing) = (0, 0);
        self.needs.clear();
        for one in asked {
            let sleeper = sleep::bit(usize::from(one.actor));
            let Some(entry) = known.shortcuts.find(one) else {
                missing |= sleeper;
                continue;
            };
            match entry.does {
                Does::Waits => {}
                Does::WaitsFor => self.needs.push(entry.bits),
                Does::Goes { alone, mut rare, ends } => {
                    let (mut to, mut reach, mut end) = (word ^ entry.bits, [entry.reach; 2], End::None);
                    if ends {
                        let Some(last) = known.shortcuts.find_end(to, one.actor) else {
                            missing |= sleeper;
                            continue;
                        };
                        (to, reach[1], end) = (to ^ last.bits, last.reach, End::Kept(last.leaf));
                        rare |= matches!(last.does, Does::Goes { rare: true, .. });
                    }
                    goes |= sleeper;
                    fan.alone = alone && !all && missing == 0;
                    if fan.alone {
                        self.steps.truncate(from);
                    }
                    let actor = frozen.actors()[usize::from(one.actor)];
                    let landing = Landing::Short { to, reach, rare };
                    let step = Step::new(actor, Mover::Task, Came::Kept(entry.leaf), end);
                    self.steps.push(Step { sleeper, landing, ..step });
                    if fan.alone {
                        self.needs.clear();
                        break;
                    }
                }
            }
        }
        if missing != 0 || self.needs.iter().any(|needs| needs & goes == 0) {
            self.steps.truncate(from);
            let first = self.found.len();
            self.found.resize(first + frozen.actors().len(), None);
            for one in asked {
                self.found[first + usize::from(one.actor)] = known.shortcuts.find(one).map(|entry| entry.leaf);
            }
            return Err(missing);
        }
        fan.to = self.steps.len() as u32;
        Ok(fan)
    }

    /// Keeps what was seen of an actor in a state, to be learnt, where it was not known.
    #[inline]
    pub(super) fn see(&mut self, known: Known, row: &Row, actor: usize, came: Option<(LeafAt, End)>) {
        if known.is_short && self.missing & sleep::bit(actor) != 0 && row.is_of(&known.store.packing) {
            self.seen.push(Seen { word: row.words()[0], actor, came });
        }
    }
}
