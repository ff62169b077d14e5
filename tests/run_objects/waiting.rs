//! Conditions, events, barriers and latches.

use super::{clean, for_each_kind, for_each_pair};
use crate::support::{conc, run_json};

// ----------------------------------------------------------------- conditions

#[test]
fn a_condition_lets_two_take_turns() {
    for_each_pair(
        "
        lock m
        condition changed(m)
        shared turn = 0
        task player(me) {
            for round in 0..100 {
                with m {
                    while turn % 2 != me { changed.wait() }
                    assert turn == 2 * round + me
                    turn += 1
                    changed.notify()
                }
            }
        }
        SPAWN player(0)
        OTHER player(1)
        finally { assert turn == 200, \"{turn}\" }
        ",
    );
}

#[test]
fn notify_all_wakes_threads_and_processes() {
    for_each_pair(
        "
        lock m
        condition gate(m)
        shared open = false
        shared waiting = 0
        shared through = 0
        task t {
            with m {
                waiting += 1
                while not open { gate.wait() }
                through += 1
            }
        }
        SPAWN t x3
        OTHER t x3
        loop {
            with m { if waiting == 6 { open = true; gate.notify_all(); break } }
            sleep 1ms
        }
        finally { assert through == 6, \"{through}\" }
        ",
    );
}

#[test]
fn a_condition_wakes_as_many_as_it_is_told_to() {
    for_each_kind(
        "
        lock m
        condition c(m)
        shared waiting = 0
        semaphore awake(0)
        task t { with m { waiting += 1; c.wait(); waiting -= 1 }; awake.release() }
        SPAWN t x4
        loop { with m { if waiting == 4 { break } }; sleep 1ms }
        with m { c.notify(3) }
        repeat 3 { awake.acquire() }
        assert not awake.acquire(timeout: 20ms)
        with m { assert waiting == 1; c.notify() }
        awake.acquire()
        ",
    );
}

#[test]
fn a_condition_waits_no_longer_than_told_and_has_the_lock_then() {
    clean(
        "
        lock m
        condition c(m)
        with m { assert not c.wait(timeout: 5ms); assert m.locked() }
        try { c.wait(timeout: 1ms); assert false } catch NotOwner { print \"without the lock\" }
        try { c.notify(); assert false } catch NotOwner { print \"nor notify\" }
        ",
    );
}

/// The waits are notified in time, and their time is over before they can have
/// the lock again.
#[test]
fn a_condition_gives_the_lock_back_however_late() {
    for_each_kind(
        "
        lock m
        condition c(m)
        shared waiting = 0
        shared x = 0
        task t {
            with m {
                waiting += 1
                c.wait(timeout: 30ms)
                let seen = x
                sleep 1ms
                x = seen + 1
                c.notify()
            }
        }
        SPAWN t x4
        loop { with m { if waiting == 4 { break } }; sleep 1ms }
        with m { c.notify_all(); sleep 60ms }
        finally { assert x == 4, \"{x}\" }
        ",
    );
}

// --------------------------------------------------- events, barriers, latches

#[test]
fn an_event_frees_all_who_wait_and_who_come_later() {
    for_each_pair(
        "
        event go
        atomic through = 0
        task t { assert go.wait(); through += 1 }
        let early = SPAWN t x3
        assert not go.wait(timeout: 5ms)
        assert not go.is_set()
        go.set()
        join early
        let late = OTHER t x3
        join late
        assert through == 6
        go.clear()
        assert not go.is_set()
        ",
    );
}

#[test]
fn a_barrier_separates_the_rounds() {
    for_each_pair(
        "
        barrier b(4)
        atomic arrived = 0
        atomic indices = 0
        task t {
            for round in 0..50 {
                arrived += 1
                indices += b.wait()
                assert arrived >= 4 * (round + 1)
                b.wait()
                assert arrived == 4 * (round + 1)
                b.wait()
            }
        }
        SPAWN t x2
        OTHER t x2
        finally { assert indices == 50 * 6, \"{indices}\" }
        ",
    );
}

#[test]
fn a_broken_barrier_is_broken_for_all_until_it_is_reset() {
    for_each_kind(
        "
        barrier b(3)
        atomic broken = 0
        task t { try { b.wait() } catch BrokenBarrier { broken += 1 } }
        let ts = SPAWN t x2
        sleep 1ms
        b.abort()
        join ts
        assert broken == 2
        try { b.wait(timeout: 1ms); assert false } catch BrokenBarrier { print \"still broken\" }
        b.reset()
        try { b.wait(timeout: 1ms); assert false } catch BrokenBarrier { print \"alone\" }
        b.reset()
        let us = SPAWN t x2
        b.wait()
        join us
        assert broken == 2
        ",
    );
}

#[test]
fn a_latch_counts_down_to_zero() {
    for_each_pair(
        "
        latch l(6)
        atomic done = 0
        task t { done += 1; l.count_down() }
        assert not l.wait(timeout: 1ms)
        SPAWN t x3
        OTHER t x3
        assert l.wait()
        assert done == 6
        assert l.value() == 0
        l.add(2)
        assert l.value() == 2
        l.count_down()
        l.count_down()
        try { l.count_down(); assert false } catch Negative { print \"below zero\" }
        ",
    );
}

// ---------------------------------------------------------------------- await

/// To look is no change: those who await the state of an object do not wake each other.
#[test]
fn tasks_that_await_the_state_of_an_object_sleep_and_are_found_stuck() {
    let never = [
        ("semaphore s(0)", "s.value() == 1", ""),
        ("event e", "e.is_set()", ""),
        ("queue q(1)", "q.empty()", "q.put(1)"),
        ("queue q(1) via manager", "q.empty()", "q.put(1)"),
        ("lock m", "not m.locked()", "m.acquire()"),
        ("lock m", "m.acquire(blocking: false)", "m.acquire()"),
    ];
    let starts = ["spawn t\nspawn t", "spawn t\nspawn process t", "spawn process t x2", "spawn t\nspawn daemon t x2"];
    for (object, condition, first) in never {
        for start in starts {
            let script = format!("{object}\ntask t {{ await {condition} }}\n{first}\n{start}\njoin all\n");
            println!("{script}");
            let ended = run_json(script).finish().expect_code(1);
            assert_eq!(ended.failures(), ["deadlock"], "{}", ended.stdout);
        }
    }
}

/// Whatever changes an object, in passing too, is told to who awaits that.
#[test]
fn who_awaits_the_state_of_an_object_hears_of_every_change() {
    let changes = "
        lock m
        event inside
        condition changed(m)
        semaphore s(1)
        atomic taken = 0
        task waits { with m { inside.set(); changed.wait() } }
        task takes { await s.acquire(blocking: false); taken += 1; s.release() }
        SPAWN waits
        inside.wait()
        await not m.locked()
        with m { changed.notify() }
        s.acquire()
        SPAWN takes x2
        s.release()
        join all
        assert taken == 2
    ";
    for kind in super::KINDS {
        let script = changes.replace("SPAWN", kind);
        let run = ["run", "--format", "json", "--repeat", "50", "--shake", "script.conc"];
        conc().args(run).file("script.conc", script).start().finish().expect_clean();
    }
}

// --------------------------------------------------------------------- select

#[test]
fn a_select_does_not_meet_itself() {
    let alone = "queue h(0)\nselect {\n    h.get() => { }\n    h.put(3) => { }\n}\n";
    let spawned = "queue h(0)\ntask t { select { h.get() => { }\nh.put(3) => { } } }\nspawn t\n";
    for script in [alone, spawned] {
        let ended = run_json(script).finish().expect_code(1);
        assert_eq!(ended.failures(), ["deadlock"], "{}", ended.stdout);
    }
    // But another one.
    clean(&format!("{spawned}spawn process t\n"));
}
