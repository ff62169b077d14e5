//! The same turns in another order, with fewer changes from one task to another. Going
//! through all orders with so many changes at most, from the fewest that there can be on,
//! finds the fewest of all (iterative deepening: Korf, *Depth-First Iterative-Deepening*,
//! Artificial Intelligence 27, 1985). It owns that search and how much goes into it; what an
//! order has to show in the end, its caller says.

use super::explore::Explorer;
use super::follow::{Follower, options_of};
use super::model::Model;
use super::part::PartId;
use super::schedule::{Schedule, Turn};
use super::watched;
use crate::program::Program;
use hashbrown::HashMap;

/// How often another task has its turn.
pub fn switches(turns: &[Turn]) -> usize {
    turns.windows(2).filter(|pair| pair[0].task != pair[1].task).count()
}

/// Goes through orders of a schedule's turns with fewer switches, the fewest first, until one
/// `shows` what is wanted; whether one did. As many turns are made for that as so much work
/// allows (`Follower::work`).
pub fn fewest_switches(
    program: &'static Program,
    schedule: &Schedule,
    left: &mut u64,
    shows: &mut dyn FnMut(&[Turn]) -> bool,
) -> bool {
    let turns = &schedule.turns;
    let mut own: Vec<(u32, Vec<usize>)> = Vec::new();
    for (place, turn) in turns.iter().enumerate() {
        match own.iter_mut().find(|o| o.0 == turn.task) {
            Some((_, places)) => places.push(place),
            None => own.push((turn.task, vec![place])),
        }
    }
    // Each task's turns together: there cannot be fewer.
    let (least, now) = (own.len().saturating_sub(1), switches(turns));
    if least >= now {
        return false;
    }
    let model = Model::finest(program, watched(program));
    let options = options_of(schedule);
    let mut explorer = Explorer::new(&model, &options);
    let Ok(first) = Follower::begin(&mut explorer, schedule, false) else { return false };
    let own = own.into_iter().map(|o| o.1).collect();
    let mut search = Orders { turns, own, most: least, left, seen: HashMap::new(), order: Vec::new(), shows };
    while search.most < now && *search.left > 0 {
        search.seen.clear();
        let made = vec![0; search.own.len()];
        if search.switch(&first, &made, None, 0) {
            return true;
        }
        search.most += 1;
    }
    false
}

struct Orders<'a> {
    turns: &'a [Turn],
    /// Of each task, the places of its turns in the schedule.
    own: Vec<Vec<usize>>,
    /// So many switches are allowed.
    most: usize,
    left: &'a mut u64,
    /// With how few switches it was where before: how many turns each has made, who had the last
    /// one, where all stand.
    seen: HashMap<(Vec<u32>, usize, Vec<PartId>), usize>,
    /// The places made so far.
    order: Vec<usize>,
    shows: &'a mut dyn FnMut(&[Turn]) -> bool,
}

impl Orders<'_> {
    /// Whether some order of what is left goes on with another task than `last` and shows it.
    fn switch(&mut self, from: &Follower, made: &[u32], last: Option<usize>, used: usize) -> bool {
        let left = |task: usize| (made[task] as usize) < self.own[task].len();
        let open: Vec<usize> = (0..made.len()).filter(|t| left(*t)).collect();
        if open.is_empty() {
            let order: Vec<Turn> = self.order.iter().map(|place| self.turns[*place].clone()).collect();
            // It is followed from its start.
            *self.left = self.left.saturating_sub(from.work() * order.len() as u64);
            return (self.shows)(&order);
        }
        if let Some(last) = last {
            let key = (made.to_vec(), last, from.parts().to_vec());
            if self.seen.get(&key).is_some_and(|before| *before <= used) {
                return false;
            }
            self.seen.insert(key, used);
        }
        let used = used + usize::from(last.is_some());
        // Whoever has turns left has to be gone to at least once, the next one now.
        open.iter()
            .any(|next| Some(*next) != last && used + open.len() - 1 <= self.most && self.run(from, made, *next, used))
    }

    /// The same where a task goes on as far as it can, and then one turn less each.
    fn run(&mut self, from: &Follower, made: &[u32], task: usize, used: usize) -> bool {
        let begin = self.order.len();
        let mut reached: Vec<Follower> = Vec::new();
        for place in &self.own[task][made[task] as usize..] {
            let before = reached.last().unwrap_or(from);
            *self.left = self.left.saturating_sub(before.work());
            let mut follower = before.branch();
            if *self.left == 0 || follower.turn(*place).is_err() {
                break;
            }
            reached.push(follower);
            self.order.push(*place);
        }
        let mut made = made.to_vec();
        let before = made[task];
        while let Some(follower) = reached.pop() {
            made[task] = before + reached.len() as u32 + 1;
            self.order.truncate(begin + reached.len() + 1);
            // Turns of its own that are left have to be come back to.
            if self.switch(&follower, &made, Some(task), used) {
                return true;
            }
            if *self.left == 0 {
                break;
            }
        }
        self.order.truncate(begin);
        false
    }
}
