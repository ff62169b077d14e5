//! Small systems with known verdicts.

use super::*;

/// Tasks whose deeds are listed: (task, object, method).
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub deeds: Vec<(usize, u32, u8)>,
    pub born: Vec<(usize, u32, u8)>,
    pub changes: Vec<(usize, u32)>,
    pub ends: Vec<usize>,
}

impl Might for Listed {
    fn may(&self, i: usize, object: u32, kind: u8, methods: &[u8]) -> bool {
        self.may_born(i, object, kind, methods)
            || self.deeds.iter().any(|d| d.0 == i && d.1 == object && methods.contains(&d.2))
    }
    fn may_born(&self, i: usize, object: u32, _kind: u8, methods: &[u8]) -> bool {
        self.born.iter().any(|d| d.0 == i && d.1 == object && methods.contains(&d.2))
    }
    fn may_change(&self, i: usize, site: u32) -> bool {
        self.changes.contains(&(i, site))
    }
    fn may_terminate(&self, i: usize) -> bool {
        self.ends.contains(&i)
    }
    fn kind_of(&self, _object: u32) -> u8 {
        0
    }
}

const PUT: u8 = 0;
const GET: u8 = 1;

fn wait(object: u32, method: u8, need: Need) -> WaitView {
    WaitView { object, kind: 0, method, need }
}

/// Waits for a lock held by these.
fn lock(id: u32, object: u32, holders: &[u32]) -> TaskView {
    one(id, wait(object, 0, Need::Tasks(holders.to_vec())))
}

fn one(id: u32, w: WaitView) -> TaskView {
    TaskView { id, waits: Some(Waits::any(vec![w])), excused: false, over: false }
}

fn get(id: u32, queue: u32) -> TaskView {
    one(id, wait(queue, GET, Need::Deed { object: queue, methods: &[PUT] }))
}

fn join(id: u32, of: u32) -> TaskView {
    one(id, wait(1000 + of, 9, Need::End(of)))
}

fn runs(id: u32) -> TaskView {
    TaskView { id, waits: None, excused: false, over: false }
}

fn found(tasks: &[TaskView], might: &Listed) -> Vec<(RootCause, Vec<usize>, Vec<usize>)> {
    let stuck = stuck(tasks, might);
    groups(tasks, &stuck, might).into_iter().map(|g| (g.cause, g.circle, g.behind)).collect()
}

#[test]
fn abba_with_main_behind() {
    let tasks = [join(0, 10), lock(10, 1, &[20]), lock(20, 2, &[10])];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::Circle, vec![1, 2], vec![0])]);
}

#[test]
fn a_lock_held_by_oneself() {
    let tasks = [join(0, 10), lock(10, 1, &[10])];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::SelfLock, vec![1], vec![0])]);
}

#[test]
fn consumers_without_a_producer_are_one_group() {
    let tasks = [join(0, 10), get(10, 1), get(20, 1), get(30, 2)];
    let want = [(RootCause::NobodyLeft, vec![1, 2], vec![0]), (RootCause::NobodyLeft, vec![3], vec![])];
    assert_eq!(found(&tasks, &Listed::default()), want);
}

#[test]
fn consumers_that_would_put_later_do_not_wait_for_each_other() {
    let tasks = [get(10, 1), get(20, 1)];
    let might = Listed { deeds: vec![(0, 1, PUT), (1, 1, PUT)], ..Listed::default() };
    assert_eq!(found(&tasks, &might), [(RootCause::NobodyLeft, vec![0, 1], vec![])]);
}

#[test]
fn an_abandoned_lock() {
    let tasks = [join(0, 10), lock(10, 1, &[99]), lock(20, 1, &[99])];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::OwnerEnded, vec![1, 2], vec![0])]);
    let traceless = [one(10, wait(1, 0, Need::Any(Vec::new())))];
    assert_eq!(found(&traceless, &Listed::default()), [(RootCause::OwnerEnded, vec![0], vec![])]);
}

#[test]
fn a_circle_of_lock_queue_and_join() {
    // 0 joins 10; 10 waits for the lock of 20; 20 waits for a put of 0.
    let tasks = [join(0, 10), lock(10, 1, &[20]), get(20, 2)];
    let might = Listed { deeds: vec![(0, 2, PUT)], ..Listed::default() };
    assert_eq!(found(&tasks, &might), [(RootCause::Circle, vec![0, 1, 2], vec![])]);
}

#[test]
fn some_are_stuck_while_others_go_on() {
    let tasks = [runs(0), lock(10, 1, &[20]), lock(20, 2, &[10]), get(30, 3)];
    let might = Listed { deeds: vec![(0, 3, PUT)], ..Listed::default() };
    assert_eq!(stuck(&tasks, &might), [false, true, true, false]);
    assert_eq!(found(&tasks, &might), [(RootCause::Circle, vec![1, 2], vec![])]);
}

#[test]
fn nobody_is_stuck_while_a_put_may_come() {
    // The put of 10 comes once 0 has put.
    let might = Listed { deeds: vec![(0, 1, PUT), (1, 2, PUT)], ..Listed::default() };
    assert_eq!(stuck(&[runs(0), get(10, 1), get(20, 2), join(30, 20)], &might), [false; 4]);
    assert_eq!(stuck(&[get(0, 3), get(10, 1), get(20, 2), join(30, 20)], &might), [true; 4]);
}

#[test]
fn a_second_read_behind_a_waiting_writer() {
    let tasks = [lock(10, 1, &[20]), one(20, wait(1, 1, Need::Tasks(vec![10])))];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::Circle, vec![0, 1], vec![])]);
}

/// Whoever else has what they need as well, and is stuck for something of its own.
#[test]
fn who_is_stuck_by_itself_is_behind_nobody() {
    let stuck = get(9, 7);
    let might = Listed::default();
    let own = [lock(1, 50, &[1, 9]), stuck.clone()];
    assert_eq!(found(&own, &might), [(RootCause::SelfLock, vec![0], vec![]), (RootCause::NobodyLeft, vec![1], vec![])]);
    let gone = [lock(1, 50, &[3, 9]), stuck.clone()];
    assert_eq!(
        found(&gone, &might),
        [(RootCause::OwnerEnded, vec![0], vec![]), (RootCause::NobodyLeft, vec![1], vec![])]
    );
    let circle = [lock(1, 50, &[2, 9]), lock(2, 51, &[1]), stuck.clone(), lock(4, 51, &[1])];
    assert_eq!(
        found(&circle, &might),
        [(RootCause::Circle, vec![0, 1], vec![3]), (RootCause::NobodyLeft, vec![2], vec![])]
    );
    let behind = [lock(1, 50, &[9]), stuck];
    assert_eq!(found(&behind, &might), [(RootCause::NobodyLeft, vec![1], vec![0])]);
}

/// 0 joins some that go on for ever and 10, which waits for what only 0 would do after that.
#[test]
fn who_joins_several_needs_each_of_them() {
    let joins = |all: bool, of: &[u32]| {
        let end = |of: &u32| wait(1000 + of, 9, Need::End(*of));
        TaskView { id: 0, waits: Some(Waits { of: of.iter().map(end).collect(), all }), excused: false, over: false }
    };
    let might = Listed { deeds: vec![(0, 2, PUT)], ..Listed::default() };
    for of in [&[5, 10][..], &[10, 5], &[5, 6, 10, 5], &[99, 10]] {
        let tasks = [joins(true, of), runs(5), runs(6), get(10, 2)];
        assert_eq!(stuck(&tasks, &might), [true, false, false, true], "{of:?}");
        assert_eq!(found(&tasks, &might), [(RootCause::Circle, vec![0, 3], vec![])], "{of:?}");
        let lacking = lacking(&tasks, &[true, false, false, true], &might, 0, None);
        assert_eq!(lacking.iter().map(|w| w.object).collect::<Vec<_>>(), [1010], "{of:?}");
    }
    let both = [joins(true, &[20, 10]), get(20, 3), get(10, 2)];
    let first = |towards| lacking(&both, &[true; 3], &might, 0, towards)[0].object;
    assert_eq!([first(None), first(Some(1)), first(Some(2))], [1020, 1020, 1010]);
    assert_eq!(stuck(&[joins(false, &[5, 10]), runs(5), get(10, 2)], &might), [false; 3]);
    assert_eq!(stuck(&[joins(true, &[5, 99]), runs(5), get(10, 3)], &might), [false, false, true]);
}

#[test]
fn a_lock_needs_all_its_holders_and_a_select_one_arm() {
    let tasks = [runs(0), get(10, 9), lock(20, 1, &[0, 10]), lock(30, 1, &[0])];
    assert_eq!(stuck(&tasks, &Listed::default()), [false, true, true, false]);
    let arms = |b: Need| TaskView {
        id: 20,
        waits: Some(Waits::any(vec![wait(1, 0, Need::Tasks(vec![10])), wait(2, 0, b)])),
        excused: false,
        over: false,
    };
    assert_eq!(stuck(&[runs(0), get(10, 9), arms(Need::End(0))], &Listed::default()), [false, true, false]);
    assert_eq!(stuck(&[runs(0), get(10, 9), arms(Need::End(10))], &Listed::default()), [false, true, true]);
    let nothing = TaskView { id: 5, waits: Some(Waits::any(Vec::new())), excused: false, over: false };
    assert_eq!(found(&[runs(0), nothing], &Listed::default()), [(RootCause::NobodyLeft, vec![1], vec![])]);
}

#[test]
fn a_condition_needs_a_notify_and_its_lock() {
    let both = |holder| {
        one(20, wait(1, 0, Need::All(vec![Need::Deed { object: 1, methods: &[PUT] }, Need::Tasks(vec![holder])])))
    };
    let might = Listed { deeds: vec![(0, 1, PUT)], ..Listed::default() };
    assert_eq!(stuck(&[runs(0), get(10, 9), both(0)], &might), [false, true, false]);
    assert_eq!(stuck(&[runs(0), get(10, 9), both(10)], &might), [false, true, true]);
}

#[test]
fn a_barrier_needs_as_many_as_are_missing() {
    let waits = |id, missing| one(id, wait(1, 0, Need::Arrivals { object: 1, method: 0, missing }));
    let tasks = [runs(0), waits(10, 2), waits(20, 2)];
    let again = vec![(0, 1, 0), (1, 1, 0), (2, 1, 0)];
    let might = Listed { deeds: again.clone(), ..Listed::default() };
    assert_eq!(stuck(&tasks, &might), [false, true, true]);
    assert_eq!(found(&tasks, &might), [(RootCause::NobodyLeft, vec![1, 2], vec![])]);
    let might = Listed { deeds: again.clone(), born: vec![(0, 1, 0)], ..Listed::default() };
    assert_eq!(stuck(&tasks, &might), [false; 3], "it may start two that arrive");
    let might = Listed { deeds: again, ..Listed::default() };
    assert_eq!(stuck(&[runs(0), waits(10, 1), waits(20, 1)], &might), [false; 3]);
}

#[test]
fn whoever_may_be_ended_is_not_stuck() {
    let tasks = [runs(0), lock(10, 1, &[20]), lock(20, 2, &[10])];
    assert_eq!(stuck(&tasks, &Listed { ends: vec![0], ..Listed::default() }), [false; 3]);
    assert_eq!(stuck(&tasks, &Listed { ends: vec![1], ..Listed::default() }), [false, true, true]);
}

#[test]
fn changes_count() {
    let tasks = [runs(0), one(10, wait(0, 0, Need::Change { site: 3 }))];
    assert_eq!(stuck(&tasks, &Listed { changes: vec![(0, 3)], ..Listed::default() }), [false, false]);
    assert_eq!(stuck(&tasks, &Listed { changes: vec![(0, 4), (1, 3)], ..Listed::default() }), [false, true]);
}

#[test]
fn excused_ones_make_no_finding_of_their_own() {
    let excused = |t: TaskView| TaskView { excused: true, ..t };
    let tasks = [runs(0), excused(get(10, 1)), excused(get(20, 1))];
    assert_eq!(found(&tasks, &Listed::default()), []);
    let tasks = [join(0, 10), excused(get(10, 1)), excused(get(20, 2))];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::NobodyLeft, vec![1], vec![0])]);
}

/// A daemon goes on, and an idle worker may: a script ends beside them all the same.
#[test]
fn others_than_those_that_serve_go_on() {
    let excused = |t: TaskView| TaskView { excused: true, ..t };
    for (tasks, go_on) in [
        (vec![get(10, 1), runs(0)], true),
        (vec![get(10, 1), excused(runs(0))], false),
        (vec![get(10, 1), excused(runs(0)), get(20, 2)], true),
        (vec![get(10, 1), excused(runs(0)), excused(get(20, 2))], false),
    ] {
        let might = Listed { deeds: vec![(1, 2, PUT)], ..Listed::default() };
        assert_eq!(others_go_on(&tasks, &stuck(&tasks, &might)), go_on, "{tasks:?}");
    }
}

#[test]
fn the_shortest_circle_is_the_circle() {
    // 0 and 1 want each other; 2 is in the same knot by a longer way.
    let tasks = [lock(0, 1, &[10]), lock(10, 2, &[0, 20]), lock(20, 3, &[0])];
    assert_eq!(found(&tasks, &Listed::default()), [(RootCause::Circle, vec![0, 1], vec![2])]);
}
