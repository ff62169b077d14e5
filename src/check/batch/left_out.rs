//! Which steps of a state are not followed: those that sleep (`sleep`), and those of tasks that
//! need not be followed there (`persistent`).

use super::*;

impl Piece {
    /// Which steps of a state sleep; they are the first of those `followed`.
    pub(super) fn put_to_sleep(&mut self, known: Known, at: usize, followed: &mut Vec<(Sleepers, Reach)>) {
        followed.clear();
        let (fan, sleepers) = (self.fans[at], self.sleepers.get(at).copied().unwrap_or(0));
        if sleepers == 0 && known.symmetry.is_none() {
            return;
        }
        // Nobody sleeps who goes alone: in the state before, he would have as well.
        for n in fan.from as usize..fan.to as usize {
            let step = &mut self.steps[n];
            let asleep = !fan.alone && step.sleeper & sleepers != 0;
            step.asleep = asleep || step.twin;
            if asleep {
                followed.push((step.sleeper, reach_of(known, step)));
            }
        }
    }

    /// Which tasks are followed of a state, if not all need be: the steps of the
    /// others are left out as if they slept.
    pub(super) fn choose(&mut self, known: Known, frozen: Frozen, at: usize, row: &Row) {
        let (Some(futures), Some((from, to))) = (known.futures, self.fans[at].idle) else { return };
        let fan = self.fans[at];
        if fan.alone || fan.to - fan.from < 2 {
            return;
        }
        let steps = fan.from as usize..fan.to as usize;
        // A process that ends, or a task that is to stop, has to do with many.
        let threads = |step: &Step| step.mover == Mover::Task && matches!(frozen.key(step.actor), Key::Task(_));
        if !self.steps[steps.clone()].iter().all(threads) {
            return;
        }
        let mut actors: Vec<PartIx> = Vec::new();
        let mut tasks: Vec<Standing> = Vec::new();
        let moves = self.steps[steps.clone()].iter().map(|s| (s.actor, s.came, s.end, 1));
        let waits = self.idle[from as usize..to as usize].iter().map(|(ix, came)| (*ix, *came, End::None, 0));
        for (ix, came, end, ways) in moves.chain(waits) {
            let place = actors.iter().position(|a| *a == ix).unwrap_or(actors.len());
            if place == actors.len() {
                let Some(ever) = futures.ever(row.get(ix)) else { return };
                actors.push(ix);
                tasks.push(Standing { next: Touches::default(), ever: *ever, ways: 0, needs: None });
            }
            let (Came::Kept(leaf), task) = (came, &mut tasks[place]) else { return };
            task.ways += ways;
            let end = match end {
                End::Kept(end) => Some((Mover::End, end)),
                End::None => None,
                End::Wanted => return,
            };
            for (mover, leaf) in [(Mover::Task, leaf)].into_iter().chain(end) {
                let Some(touches) = futures.touches(memo_of(mover), leaf) else { return };
                task.next.take_in(touches);
            }
        }
        for (ix, came) in &self.idle[from as usize..to as usize] {
            let place = |ix: PartIx| actors.iter().position(|a| *a == ix);
            let needs = self.needs(known, (*ix, *came)).first().and_then(|t| frozen.place(Key::Task(*t)));
            if let (Some(waits), Some(needs)) = (place(*ix), needs.and_then(place)) {
                tasks[waits].needs = Some(needs);
            }
        }
        // Of one that may choose what to wait for, each has a need of its own.
        let idle = &self.idle[from as usize..to as usize];
        for (n, (ix, _)) in idle.iter().enumerate().skip(1) {
            if idle[..n].iter().any(|o| o.0 == *ix)
                && let Some(place) = actors.iter().position(|a| a == ix)
            {
                tasks[place].needs = None;
            }
        }
        let Some(chosen) = persistent::choose(&tasks) else { return };
        self.fans[at].chosen = true;
        for step in &mut self.steps[steps] {
            let place = actors.iter().position(|a| *a == step.actor);
            // Of two alike the other one may be left out: then neither would be followed.
            step.asleep = place.is_none_or(|n| chosen & 1 << n == 0);
        }
    }

    /// Who sleeps behind a step that is followed.
    #[inline]
    pub(super) fn sleepers_behind(
        &self,
        known: Known,
        fan: Fan,
        step: &Step,
        followed: &mut Vec<(Sleepers, Reach)>,
    ) -> Sleepers {
        if self.sleepers.is_empty() || fan.alone {
            return 0;
        }
        let reach = reach_of(known, step);
        let sleepers = sleep::behind(reach, followed);
        if step.sleeper != 0 {
            followed.push((step.sleeper, reach));
        }
        sleepers
    }
}

#[inline]
fn reach_of(known: Known, step: &Step) -> Reach {
    if let Landing::Short { reach, .. } = step.landing {
        return reach.map(|number| known.shortcuts.reach(number)).into_iter().fold(Reach::NOTHING, Reach::and);
    }
    let [leaf, end] = leaves(known, step);
    leaf.reach().and(end.reach())
}
