//! Leaving out of a list of turns what is not needed: as long as what is left shows the
//! same (delta debugging: Zeller and Hildebrandt, *Simplifying and Isolating
//! Failure-Inducing Input*, TSE 2002; on schedules: Choi and Zeller, ISSTA 2002). It owns
//! the search; what a list is and shows, its caller says.

/// What is tried.
pub trait Tries {
    type Item: Clone;
    /// What a list shows of what is wanted.
    type Shown;

    /// Whose turn one is.
    fn who(item: &Self::Item) -> u32;
    /// What a list shows, with those of it that are needed to make it.
    fn attempt(&mut self, items: &[Self::Item]) -> Option<(Vec<Self::Item>, Self::Shown)>;
    /// All that may be spent on it is.
    fn is_over(&self) -> bool;
}

/// A list that shows what is wanted, with no more items. Unless it takes too long, no single
/// one of them can be left out.
pub fn fewest<T: Tries>(tries: &mut T, items: &[T::Item]) -> Option<(Vec<T::Item>, T::Shown)> {
    let mut best = tries.attempt(items)?;
    // All turns of a task at once.
    let mut actors: Vec<u32> = best.0.iter().map(T::who).collect();
    actors.sort_unstable();
    actors.dedup();
    for actor in actors.clone() {
        let rest: Vec<T::Item> = best.0.iter().filter(|t| T::who(t) != actor).cloned().collect();
        better(tries, &mut best, &rest);
    }
    // Then the last turns of a task, as many as are not needed.
    for actor in actors {
        let all = best.0.iter().filter(|t| T::who(t) == actor).count();
        let (mut few, mut enough) = (0, all);
        while few + 1 < enough && !tries.is_over() {
            let some = (few + enough) / 2;
            let mut left = some;
            let is_kept = |t: &&T::Item| {
                let kept = T::who(t) != actor || left > 0;
                left -= usize::from(T::who(t) == actor && left > 0);
                kept
            };
            let rest: Vec<T::Item> = best.0.iter().filter(is_kept).cloned().collect();
            match better(tries, &mut best, &rest) {
                true => enough = some,
                false => few = some,
            }
        }
    }
    // Then pieces that get smaller, from the end, where most is not needed.
    let mut size = best.0.len() / 2;
    while size > 0 && !tries.is_over() {
        let mut changed = false;
        let mut end = best.0.len();
        while end > 0 && !tries.is_over() {
            let from = end.saturating_sub(size);
            let mut rest = best.0[..from].to_vec();
            rest.extend_from_slice(&best.0[end..]);
            changed |= better(tries, &mut best, &rest);
            end = from.min(best.0.len());
        }
        if size > 1 || !changed {
            size /= 2;
        }
    }
    Some(best)
}

/// Takes a list for the best one if it shows the same with fewer items.
fn better<T: Tries>(tries: &mut T, best: &mut (Vec<T::Item>, T::Shown), items: &[T::Item]) -> bool {
    // Nothing can be left out of what is as short already.
    if items.len() >= best.0.len() || tries.is_over() {
        return false;
    }
    match tries.attempt(items) {
        Some(shows) if shows.0.len() < best.0.len() => {
            *best = shows;
            true
        }
        _ => false,
    }
}
