//! The verdict against its definition, and against all that can happen in
//! small systems.

use super::tests::Listed;
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const ANY: &[u8] = &[0];

fn need() -> impl Strategy<Value = Need> {
    let id = 0u32..7;
    let leaf = prop_oneof![
        Just(Need::Ready),
        proptest::collection::vec(id.clone(), 0..3).prop_map(Need::Tasks),
        id.clone().prop_map(Need::End),
        (0u32..3).prop_map(|object| Need::Deed { object, methods: ANY }),
        (0u32..3, 0u64..4).prop_map(|(object, missing)| Need::Arrivals { object, method: 0, missing }),
        (0u32..2).prop_map(|site| Need::Change { site }),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Need::All),
            proptest::collection::vec(inner, 0..3).prop_map(Need::Any),
        ]
    })
}

fn system() -> impl Strategy<Value = (Vec<TaskView>, Listed)> {
    let wait = (0u32..3, need()).prop_map(|(object, need)| WaitView { object, kind: 0, method: 0, need });
    let waits = (proptest::collection::vec(wait, 0..3), any::<bool>())
        .prop_map(|(of, all)| Waits { all: all && !of.is_empty(), of });
    let waits = prop_oneof![1 => Just(None), 4 => waits.prop_map(Some)];
    let tasks = proptest::collection::vec((waits, any::<bool>()), 1..7);
    let deeds = proptest::collection::vec((0usize..6, 0u32..3, Just(0u8)), 0..8);
    let born = proptest::collection::vec((0usize..6, 0u32..3, Just(0u8)), 0..2);
    let changes = proptest::collection::vec((0usize..6, 0u32..2), 0..4);
    let ends = prop_oneof![9 => Just(Vec::new()), 1 => (0usize..6).prop_map(|i| vec![i])];
    (tasks, deeds, born, changes, ends).prop_map(|(tasks, deeds, born, changes, ends)| {
        let view = |(i, (waits, excused)): (usize, (_, _))| TaskView { id: i as u32, waits, excused, over: false };
        let tasks = tasks.into_iter().enumerate().map(view).collect();
        (tasks, Listed { deeds, born, changes, ends })
    })
}

/// Whether a need holds if just the tasks of a set, as bits, can go on.
fn holds(need: &Need, set: u32, n: usize, might: &Listed) -> bool {
    let in_set = |i: &usize| set >> i & 1 != 0;
    let live = || (0..n).filter(in_set);
    match need {
        Need::Ready => true,
        Need::Tasks(ids) => ids.iter().all(|id| (*id as usize) < n && in_set(&(*id as usize))),
        Need::End(id) => *id as usize >= n || in_set(&(*id as usize)),
        Need::Deed { object, methods } => live().any(|i| might.may(i, *object, 0, methods)),
        Need::Arrivals { object, method, missing } => {
            live().any(|i| might.may_born(i, *object, 0, &[*method]))
                || live().filter(|i| might.may(*i, *object, 0, &[*method])).count() as u64 >= *missing
        }
        Need::Change { site } => live().any(|i| might.may_change(i, *site)),
        Need::All(needs) => needs.iter().all(|n2| holds(n2, set, n, might)),
        Need::Any(needs) => needs.iter().any(|n2| holds(n2, set, n, might)),
    }
}

/// A set that leaves out nobody whom it would let go on.
fn closed(set: u32, tasks: &[TaskView], might: &Listed) -> bool {
    let n = tasks.len();
    let ends = (0..n).any(|i| set >> i & 1 != 0 && might.may_terminate(i));
    (0..n).all(|i| {
        let free = match &tasks[i].waits {
            None => true,
            Some(waits) if waits.all => ends || waits.iter().all(|w| holds(&w.need, set, n, might)),
            Some(waits) => ends || waits.iter().any(|w| holds(&w.need, set, n, might)),
        };
        set >> i & 1 != 0 || !free
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Who can go on is the least closed set: what all closed sets share.
    #[test]
    fn the_live_are_the_least_closed_set((tasks, might) in system()) {
        let n = tasks.len();
        let least = (0..1u32 << n).filter(|s| closed(*s, &tasks, &might)).fold(u32::MAX, |a, b| a & b);
        let live: Vec<bool> = (0..n).map(|i| least >> i & 1 == 0).collect();
        prop_assert_eq!(stuck(&tasks, &might), live);
    }

    /// Every stuck task is in one group, but for groups of excused ones none of whom is stuck for
    /// a lock at the root.
    #[test]
    fn groups_share_out_the_stuck((tasks, might) in system()) {
        let stuck = stuck(&tasks, &might);
        let groups = groups(&tasks, &stuck, &might);
        let mut seen = HashSet::new();
        for g in &groups {
            prop_assert!(!g.circle.is_empty());
            let for_locks = g.circle.iter().any(|i| tasks[*i].waits_for_a_lock());
            prop_assert!(for_locks || g.circle.iter().chain(&g.behind).any(|i| !tasks[*i].excused));
            for i in g.circle.iter().chain(&g.behind) {
                prop_assert!(stuck[*i] && seen.insert(*i));
            }
            prop_assert_eq!(g.cause == RootCause::Circle, g.circle.len() > 1 && {
                let s = System::as_found(&tasks, &might, &stuck);
                let next = |k: usize| g.circle[(k + 1) % g.circle.len()];
                g.circle.iter().enumerate().all(|(k, i)| s.waits_for(*i, &stuck).contains(&next(k)))
            });
        }
        for i in (0..tasks.len()).filter(|i| stuck[*i] && !tasks[*i].excused) {
            prop_assert!(seen.contains(&i));
        }
    }

    /// Who is stuck in a circle, or for a lock of its own, is told to be so later too, when others
    /// are stuck as well.
    #[test]
    fn a_circle_stays_one_when_others_are_stuck_too((mut tasks, mut might) in system(), late in 0usize..7) {
        let late = late % tasks.len();
        tasks[late].waits = None;
        might.ends.clear();
        // Of the excused not all is told.
        tasks.iter_mut().for_each(|t| t.excused = false);
        let told = |tasks: &[TaskView]| groups(tasks, &stuck(tasks, &might), &might);
        let before = told(&tasks);
        tasks[late].waits = Some(Waits::any(Vec::new()));
        let after = told(&tasks);
        let by_itself = |g: &Group| matches!(g.cause, RootCause::SelfLock | RootCause::Circle);
        for group in before.into_iter().filter(by_itself) {
            let same = |g: &Group| g.cause == group.cause && group.circle.iter().any(|i| g.circle.contains(i));
            prop_assert!(after.iter().any(same), "{group:?} of {after:?}");
        }
    }
}

// ------------------------------------------- all that can happen, in small systems

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Op {
    Lock(u8),
    Unlock(u8),
    Put(u8),
    Get(u8),
    Join(u8),
    /// At a barrier for two.
    Arrive,
    Kill(u8),
    /// This or the next.
    Maybe,
}

/// Tasks with straight code and skips, two locks, two queues, one barrier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    /// None: ended.
    at: Vec<Option<usize>>,
    owner: [Option<u8>; 2],
    values: [u8; 2],
    arrived: Option<u8>,
    /// Who may leave the barrier.
    released: Vec<bool>,
}

impl World {
    fn new(tasks: usize) -> World {
        World {
            at: vec![Some(0); tasks],
            owner: [None; 2],
            values: [0; 2],
            arrived: None,
            released: vec![false; tasks],
        }
    }

    fn op(&self, code: &[Vec<Op>], i: usize) -> Option<Option<Op>> {
        self.at[i].map(|pc| code[i].get(pc).copied())
    }

    /// The states after a step of one task; none if it waits or has ended.
    fn steps(&self, code: &[Vec<Op>], i: usize) -> Vec<World> {
        let (Some(op), Some(pc)) = (self.op(code, i), self.at[i]) else { return Vec::new() };
        let mut next = self.clone();
        next.at[i] = Some(pc + 1);
        match op {
            None => next.at[i] = None,
            Some(Op::Lock(l)) if self.owner[l as usize].is_none() => next.owner[l as usize] = Some(i as u8),
            Some(Op::Lock(_)) => return Vec::new(),
            Some(Op::Unlock(l)) if self.owner[l as usize] == Some(i as u8) => next.owner[l as usize] = None,
            Some(Op::Unlock(_)) => {}
            Some(Op::Put(q)) => next.values[q as usize] += 1,
            Some(Op::Get(q)) if self.values[q as usize] == 0 => return Vec::new(),
            Some(Op::Get(q)) => next.values[q as usize] -= 1,
            Some(Op::Join(t)) if self.at[t as usize].is_some() => return Vec::new(),
            Some(Op::Join(_)) => {}
            Some(Op::Arrive) if self.released[i] => next.released[i] = false,
            Some(Op::Arrive) => match self.arrived {
                None => {
                    next.arrived = Some(i as u8);
                    next.at[i] = Some(pc);
                }
                Some(other) if other == i as u8 => return Vec::new(),
                Some(other) => {
                    next.released[other as usize] = true;
                    next.arrived = None;
                }
            },
            Some(Op::Kill(t)) => next.at[t as usize] = None,
            Some(Op::Maybe) => {
                let mut skipping = next.clone();
                skipping.at[i] = Some((pc + 2).min(code[i].len()));
                return vec![next, skipping];
            }
        }
        vec![next]
    }

    fn views(&self, code: &[Vec<Op>]) -> (Vec<TaskView>, Remaining) {
        let mut rest = Remaining::default();
        let mut views = Vec::new();
        for i in (0..code.len()).filter(|i| self.at[*i].is_some()) {
            let pc = self.at[i].unwrap_or(0);
            let waits = self.steps(code, i).is_empty().then(|| Waits::any(vec![self.waiting(code[i][pc])]));
            views.push(TaskView { id: i as u32, waits, excused: false, over: false });
            rest.0.push(code[i][pc..].to_vec());
        }
        (views, rest)
    }

    fn waiting(&self, op: Op) -> WaitView {
        let (object, method, need) = match op {
            Op::Lock(l) => (u32::from(l), 0, Need::Tasks(self.owner[l as usize].map(u32::from).into_iter().collect())),
            Op::Get(q) => (10 + u32::from(q), 1, Need::Deed { object: 10 + u32::from(q), methods: ANY }),
            Op::Join(t) => (30 + u32::from(t), 0, Need::End(u32::from(t))),
            _ => (20, 0, Need::Arrivals { object: 20, method: 0, missing: 1 }),
        };
        WaitView { object, kind: 0, method, need }
    }
}

/// What the tasks have before them.
#[derive(Default)]
struct Remaining(Vec<Vec<Op>>);

impl Might for Remaining {
    fn may(&self, i: usize, object: u32, _kind: u8, _methods: &[u8]) -> bool {
        self.0[i].iter().any(|op| match op {
            Op::Put(q) => object == 10 + u32::from(*q),
            Op::Arrive => object == 20,
            _ => false,
        })
    }
    fn may_born(&self, _i: usize, _object: u32, _kind: u8, _methods: &[u8]) -> bool {
        false
    }
    fn may_change(&self, _i: usize, _site: u32) -> bool {
        false
    }
    fn may_terminate(&self, i: usize) -> bool {
        self.0[i].iter().any(|op| matches!(op, Op::Kill(_)))
    }
    fn kind_of(&self, _object: u32) -> u8 {
        0
    }
}

fn op(tasks: u8) -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u8..2).prop_map(Op::Lock),
        2 => (0u8..2).prop_map(Op::Unlock),
        2 => (0u8..2).prop_map(Op::Put),
        2 => (0u8..2).prop_map(Op::Get),
        1 => (0..tasks).prop_map(Op::Join),
        1 => Just(Op::Arrive),
        1 => (0..tasks).prop_map(Op::Kill),
        1 => Just(Op::Maybe),
    ]
}

fn code() -> impl Strategy<Value = Vec<Vec<Op>>> {
    (2u8..4).prop_flat_map(|n| proptest::collection::vec(proptest::collection::vec(op(n), 0..5), n as usize))
}

/// Every state that can be reached from one.
fn reachable(from: &World, code: &[Vec<Op>]) -> HashSet<World> {
    let mut seen = HashSet::from([from.clone()]);
    let mut todo = vec![from.clone()];
    while let Some(world) = todo.pop() {
        for next in (0..code.len()).flat_map(|i| world.steps(code, i)) {
            if seen.insert(next.clone()) {
                todo.push(next);
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whoever is called stuck stays where it is in every continuation, and
    /// when nobody can make a step, whoever has not ended is called stuck.
    #[test]
    fn the_stuck_never_go_on(code in code()) {
        for world in reachable(&World::new(code.len()), &code) {
            let (views, rest) = world.views(&code);
            let verdict = stuck(&views, &rest);
            let still = views.iter().all(|v| v.waits.is_some());
            prop_assert!(!still || verdict.iter().all(|v| *v));
            let never: Vec<u32> = views.iter().zip(&verdict).filter(|v| *v.1).map(|v| v.0.id).collect();
            if never.is_empty() {
                continue;
            }
            for later in reachable(&world, &code) {
                prop_assert!(never.iter().all(|i| later.at[*i as usize] == world.at[*i as usize]));
            }
        }
    }
}
