//! Potential deadlocks: circles in the order in which tasks took locks, though
//! nothing went wrong this time. It owns which acquisitions could have met in
//! another schedule; which acquisitions there were and what each task knew at
//! the time it is told.
//!
//! The rules are those of Goodlock (Havelund, SPIN 2000) as generalised to
//! circles of any length by iGoodlock (Joshi et al., PLDI 2009) and to abstract
//! patterns by SPDOffline (Tunç et al., PLDI 2023): distinct tasks, a lock held
//! in common guards the circle, and acquisitions ordered by something else than
//! locks cannot meet.

use crate::objects::Mode;
use std::collections::{BTreeSet, HashMap, HashSet};

/// The longest circle looked for.
const LENGTH_MAX: usize = 5;
/// The most circles reported.
const CYCLES_MAX: usize = 20;
/// The most extensions of a path tried.
const STEPS_MAX: usize = 2_000_000;

/// A lock that a task held, and where it took it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Held {
    pub lock: u32,
    pub mode: Mode,
    pub site: u32,
}

/// One acquisition of a lock while others were held.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Dependency {
    pub task: u32,
    pub slot: u32,
    /// The task's own clock.
    pub own: u64,
    /// By slot: what the task knew then by all edges but those of locks.
    pub known: Vec<u64>,
    pub held: Vec<Held>,
    pub lock: u32,
    pub mode: Mode,
    pub site: u32,
}

/// A circle: each edge's task wants the lock that the next one's holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cycle {
    pub edges: Vec<CycleEdge>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleEdge {
    /// The place in the list of dependencies.
    pub dependency: usize,
    /// The place in its `held`: the lock that the edge before wants.
    pub held: usize,
}

/// The circles of two to five tasks in which task i holds a lock that task
/// i - 1 wants, such that all could stand there at once: the locks they hold
/// are disjoint, but for those both hold for reading, and no two of the
/// acquisitions are ordered. The shortest first, each once however many tasks
/// made it, and at most twenty.
pub fn cycles(dependencies: &[Dependency]) -> Vec<Cycle> {
    let chosen = distinct(dependencies);
    let mut holders: HashMap<u32, Vec<CycleEdge>> = HashMap::new();
    for &dependency in &chosen {
        for (held, h) in dependencies[dependency].held.iter().enumerate() {
            holders.entry(h.lock).or_default().push(CycleEdge { dependency, held });
        }
    }
    let mut search = Search { dependencies, holders, steps: 0, known: HashSet::new(), found: Vec::new() };
    for length in 2..=LENGTH_MAX {
        for &first in &chosen {
            search.path(&mut vec![CycleEdge { dependency: first, held: 0 }], length);
        }
    }
    search.found
}

/// What of a dependency matters for a circle.
type Likeness<'a> = (u32, u32, &'a [Held], u32, Mode, u32, &'a [u64]);

/// One dependency of each kind: of several made with the same knowledge the
/// last, which the fewest others know of. Without those for a lock held
/// already, which wait for nobody or for the task itself.
fn distinct(dependencies: &[Dependency]) -> Vec<usize> {
    let mut last: HashMap<Likeness, usize> = HashMap::new();
    for (i, d) in dependencies.iter().enumerate() {
        if d.held.is_empty() || d.held.iter().any(|h| h.lock == d.lock) {
            continue;
        }
        let place = last.entry((d.task, d.slot, &d.held, d.lock, d.mode, d.site, &d.known)).or_insert(i);
        if dependencies[*place].own < d.own {
            *place = i;
        }
    }
    let mut chosen: Vec<usize> = last.into_values().collect();
    chosen.sort_unstable();
    chosen
}

/// Whether one task can have to wait for the other.
fn conflict(a: Mode, b: Mode) -> bool {
    !(a == Mode::Reading && b == Mode::Reading)
}

/// Whether a comes before b by what b's task knew.
fn before(a: &Dependency, b: &Dependency) -> bool {
    b.known.get(a.slot as usize).copied().unwrap_or(0) >= a.own
}

/// Whether two tasks could stand at these acquisitions at once. A slot passes
/// to another task only after the first one's end.
fn together(a: &Dependency, b: &Dependency) -> bool {
    let guarded = || a.held.iter().any(|x| b.held.iter().any(|y| x.lock == y.lock && conflict(x.mode, y.mode)));
    a.task != b.task && a.slot != b.slot && !before(a, b) && !before(b, a) && !guarded()
}

/// Of each edge the lock held, where it was taken, and where the next is
/// wanted.
type Pattern = BTreeSet<(u32, u32, u32)>;

struct Search<'a> {
    dependencies: &'a [Dependency],
    /// By lock who holds it.
    holders: HashMap<u32, Vec<CycleEdge>>,
    steps: usize,
    known: HashSet<Pattern>,
    found: Vec<Cycle>,
}

impl Search<'_> {
    fn over(&self) -> bool {
        self.steps >= STEPS_MAX || self.found.len() >= CYCLES_MAX
    }

    /// Extends a path to circles of a length. The first task has the smallest
    /// number, so each circle is found from one place only.
    fn path(&mut self, path: &mut Vec<CycleEdge>, length: usize) {
        let dependencies = self.dependencies;
        let [first, ..] = path[..] else { return };
        let Some(last) = path.last().map(|e| &dependencies[e.dependency]) else { return };
        if path.len() == length {
            let held = &dependencies[first.dependency].held;
            let closing = held.iter().position(|h| h.lock == last.lock && conflict(h.mode, last.mode));
            if let Some(held) = closing {
                path[0].held = held;
                self.keep(path);
            }
            return;
        }
        let count = self.holders.get(&last.lock).map_or(0, Vec::len);
        for i in 0..count {
            if self.over() {
                return;
            }
            self.steps += 1;
            let next = self.holders[&last.lock][i];
            let d = &dependencies[next.dependency];
            let fits = d.task > dependencies[first.dependency].task
                && conflict(d.held[next.held].mode, last.mode)
                && path.iter().all(|e| together(&dependencies[e.dependency], d));
            if fits {
                path.push(next);
                self.path(path, length);
                path.pop();
            }
        }
    }

    fn keep(&mut self, path: &[CycleEdge]) {
        let pattern: Pattern = path
            .iter()
            .map(|e| {
                let d = &self.dependencies[e.dependency];
                (d.held[e.held].lock, d.held[e.held].site, d.site)
            })
            .collect();
        if self.found.len() < CYCLES_MAX && self.known.insert(pattern) {
            self.found.push(Cycle { edges: path.to_vec() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a lock while it holds others; the slot is the task's number, the
    /// sites are the locks' numbers and a hundred or two more.
    fn takes(task: u32, own: u64, held: &[u32], lock: u32) -> Dependency {
        let held = held.iter().map(|l| Held { lock: *l, mode: Mode::Exclusive, site: 100 + l }).collect();
        Dependency { task, slot: task, own, known: Vec::new(), held, lock, mode: Mode::Exclusive, site: 200 + lock }
    }

    fn tasks(dependencies: &[Dependency]) -> Vec<Vec<u32>> {
        cycles(dependencies).iter().map(|c| c.edges.iter().map(|e| dependencies[e.dependency].task).collect()).collect()
    }

    #[test]
    fn opposite_orders() {
        let all = [takes(1, 1, &[10], 20), takes(2, 1, &[20], 10)];
        let found = cycles(&all);
        assert_eq!(found.len(), 1);
        let edges = &found[0].edges;
        for (i, e) in edges.iter().enumerate() {
            let next = &edges[(i + 1) % edges.len()];
            assert_eq!(all[e.dependency].lock, all[next.dependency].held[next.held].lock);
        }
        assert!(tasks(&[takes(1, 1, &[10], 20), takes(2, 1, &[10], 20)]).is_empty());
    }

    #[test]
    fn a_lock_held_in_common_guards() {
        assert!(tasks(&[takes(1, 1, &[5, 10], 20), takes(2, 1, &[5, 20], 10)]).is_empty());
        assert_eq!(tasks(&[takes(1, 1, &[5, 10], 20), takes(2, 1, &[6, 20], 10)]), [[1, 2]]);
    }

    #[test]
    fn a_common_lock_for_reading_guards_nothing() {
        let mut all = [takes(1, 1, &[5, 10], 20), takes(2, 1, &[5, 20], 10)];
        all.iter_mut().for_each(|d| d.held[0].mode = Mode::Reading);
        assert_eq!(tasks(&all), [[1, 2]]);
        all[0].held[0].mode = Mode::Writing;
        assert!(tasks(&all).is_empty());
    }

    #[test]
    fn what_is_ordered_cannot_meet() {
        let mut all = [takes(1, 7, &[10], 20), takes(2, 3, &[20], 10)];
        all[1].known = vec![0, 7, 3];
        assert!(tasks(&all).is_empty(), "the second knows of the first");
        all[1].known = vec![0, 6, 3];
        assert_eq!(tasks(&all), [[1, 2]]);
        all[0].known = vec![0, 7, 3];
        assert!(tasks(&all).is_empty(), "the first knows of the second");
    }

    #[test]
    fn a_slot_is_one_task_after_another() {
        let mut all = [takes(1, 7, &[10], 20), takes(2, 30, &[20], 10)];
        all[1].slot = 1;
        assert!(tasks(&all).is_empty());
    }

    #[test]
    fn readers_do_not_wait_for_readers() {
        let mut all = [takes(1, 1, &[10], 20), takes(2, 1, &[20], 10)];
        all[0].mode = Mode::Reading;
        all[1].held[0].mode = Mode::Reading;
        assert!(tasks(&all).is_empty());
        all[0].mode = Mode::Writing;
        assert_eq!(tasks(&all), [[1, 2]]);
    }

    #[test]
    fn philosophers() {
        let three = [takes(1, 1, &[10], 20), takes(2, 1, &[20], 30), takes(3, 1, &[30], 10)];
        assert_eq!(tasks(&three), [[1, 2, 3]]);
        let one_left_handed = [takes(1, 1, &[10], 20), takes(2, 1, &[20], 30), takes(3, 1, &[10], 30)];
        assert!(tasks(&one_left_handed).is_empty());
        let ring = |n: u32| (0..n).map(|i| takes(i, 1, &[i], (i + 1) % n)).collect::<Vec<_>>();
        assert_eq!(tasks(&ring(5)).len(), 1);
        assert!(tasks(&ring(6)).is_empty(), "longer than is looked for");
    }

    #[test]
    fn one_task_makes_no_circle() {
        assert!(tasks(&[takes(1, 1, &[10], 20), takes(1, 5, &[20], 10)]).is_empty());
        assert!(tasks(&[takes(1, 1, &[10], 10), takes(2, 1, &[10], 10)]).is_empty());
    }

    #[test]
    fn many_tasks_make_one_circle_and_the_shortest_comes_first() {
        let mut all: Vec<Dependency> = Vec::new();
        for i in 0..50 {
            all.push(takes(2 * i, 1, &[10], 20));
            all.push(takes(2 * i + 1, 1, &[20], 30));
            all.push(takes(2 * i + 1, 1, &[30], 10));
            all.push(takes(2 * i + 1, 1, &[20], 10));
        }
        let lengths: Vec<usize> = cycles(&all).iter().map(|c| c.edges.len()).collect();
        assert_eq!(lengths, [2, 3]);
    }

    #[test]
    fn the_last_of_a_kind_is_the_one_least_known() {
        let mut all = vec![takes(1, 3, &[10], 20), takes(1, 9, &[10], 20), takes(2, 1, &[20], 10)];
        all[2].known = vec![0, 5];
        assert_eq!(tasks(&all), [[1, 2]]);
        assert_eq!(cycles(&all)[0].edges[0].dependency, 1);
    }

    #[test]
    fn the_work_is_bounded() {
        let mut all = Vec::new();
        for i in 0..120 {
            for lock in 0..24 {
                let mut d = takes(i, u64::from(lock) + 1, &[lock], lock + 1);
                d.known = vec![u64::from(i % 7); 3];
                all.push(d);
            }
        }
        assert!(cycles(&all).is_empty());
        let dense: Vec<Dependency> =
            (0..40u32).flat_map(|t| (0..40u32).map(move |n| takes(t, 1, &[n % 13], (n * 7 + t) % 13))).collect();
        assert_eq!(cycles(&dense).len(), CYCLES_MAX);
    }
}
