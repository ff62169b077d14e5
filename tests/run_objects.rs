//! Every object between threads, between processes, and between both: the
//! scripts assert the exact results themselves, so a run is right if it ends
//! with exit code 0, without a finding, and with what it should print.

mod support;

use support::{Ended, run_json};

/// The ways in which a task can be started; `SPAWN` in a script stands for it.
const KINDS: [&str; 2] = ["spawn", "spawn process"];

/// Runs a script whose tasks are all threads, then all processes.
fn for_each_kind(script: &str) {
    for kind in KINDS {
        clean(&script.replace("SPAWN", kind));
    }
}

/// The same with two kinds of tasks, `SPAWN` and `OTHER`, in each combination.
fn for_each_pair(script: &str) {
    for one in KINDS {
        for other in KINDS {
            clean(&script.replace("SPAWN", one).replace("OTHER", other));
        }
    }
}

#[track_caller]
fn clean(script: &str) -> Ended {
    println!("{script}");
    run_json(script).finish().expect_clean()
}

#[track_caller]
fn prints(script: &str, lines: &[&str]) {
    assert_eq!(clean(script).prints(), lines);
}

// ---------------------------------------------------------------------- locks

#[test]
fn a_lock_excludes() {
    for_each_pair(
        "
        shared x = 0
        lock m
        task t { repeat 300 { with m { let seen = x; x = seen + 1 } } }
        SPAWN t x2
        OTHER t x2
        finally { assert x == 1200, \"{x}\" }
        ",
    );
}

#[test]
fn a_reentrant_lock_excludes_all_but_its_holder() {
    for_each_pair(
        "
        shared x = 0
        lock m reentrant
        fn add() { with m { x += 1 } }
        task t { repeat 200 { with m { add(); add() } } }
        SPAWN t
        OTHER t
        finally { assert x == 800, \"{x}\"; assert not m.locked() }
        ",
    );
}

#[test]
fn acquire_answers_whether_it_got_the_lock() {
    for_each_kind(
        "
        lock m
        event held
        event enough
        task holder { with m { held.set(); enough.wait() } }
        let h = SPAWN holder
        held.wait()
        assert not m.acquire(blocking: false)
        assert not m.acquire(timeout: 5ms)
        enough.set()
        assert m.acquire(timeout: 60s)
        assert m.locked()
        m.release()
        assert m.acquire(blocking: false)
        m.release()
        assert not m.locked()
        join h
        ",
    );
}

#[test]
fn a_lock_belongs_to_who_took_it() {
    for_each_kind(
        "
        lock m
        task stranger { try { m.release(); assert false } catch NotOwner { print \"not mine\" } }
        with m { join SPAWN_IT }
        try { m.release(); assert false } catch NotOwner { print \"nor mine\" }
        "
        .replace("join SPAWN_IT", "let s = SPAWN stranger; join s")
        .as_str(),
    );
}

#[test]
fn a_lock_between_a_forked_child_and_a_pool_of_processes() {
    clean(
        "
        shared x = 0
        lock m
        pool p(2) of processes
        task add(n) { repeat 50 { with m { x += n } } }
        let pid = fork()
        if pid == 0 { add(100); exit 7 }
        for n in 1..=4 { submit add(n) to p }
        p.close()
        join p
        assert wait(pid) == 7
        finally { assert x == 50 * 110, \"{x}\" }
        ",
    );
}

// -------------------------------------------------------------------- rwlocks

#[test]
fn readers_meet_and_a_writer_is_alone() {
    for_each_pair(
        "
        rwlock rw
        shared text = 0
        atomic inside = 0
        barrier together(2)
        task reader {
            with rw.read { inside += 1; together.wait(); inside -= 1 }
            repeat 100 { with rw.read { let a = text; yield; assert text == a } }
        }
        task writer {
            repeat 100 { with rw.write { assert inside == 0; text += 1; yield; text += 1 } }
        }
        let rs = [SPAWN reader, OTHER reader]
        join rs
        SPAWN writer
        OTHER writer
        SPAWN late_reader
        task late_reader { repeat 100 { with rw.read { assert text % 2 == 0 } } }
        finally { assert text == 400, \"{text}\" }
        ",
    );
}

#[test]
fn a_rwlock_answers_whether_it_was_got() {
    for_each_kind(
        "
        rwlock rw
        event held
        event enough
        task holder { with rw.read { held.set(); enough.wait() } }
        let h = SPAWN holder
        held.wait()
        assert rw.acquire_read(blocking: false)
        rw.release_read()
        assert not rw.acquire_write(blocking: false)
        assert not rw.acquire_write(timeout: 5ms)
        enough.set()
        assert rw.acquire_write(timeout: 60s)
        assert not rw.acquire_read(blocking: false)
        rw.release_write()
        join h
        ",
    );
}

// ----------------------------------------------------------------- semaphores

#[test]
fn a_semaphore_counts() {
    for_each_pair(
        "
        semaphore s(2)
        atomic inside = 0
        shared most = 0
        lock m
        task t {
            repeat 50 {
                with s {
                    let now = inside.add(1) + 1
                    with m { most = max(most, now) }
                    yield
                    inside -= 1
                }
            }
        }
        SPAWN t x2
        OTHER t x2
        finally { assert most <= 2, \"{most}\"; assert s.value() == 2 }
        ",
    );
}

#[test]
fn a_semaphore_may_be_released_by_anybody() {
    for_each_kind(
        "
        semaphore s(0)
        task giver { s.release(3) }
        assert not s.acquire(blocking: false)
        assert not s.acquire(timeout: 5ms)
        SPAWN giver
        repeat 3 { s.acquire() }
        assert s.value() == 0
        ",
    );
}

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

// --------------------------------------------------------------------- queues

/// Each value once, each producer's in its order.
#[test]
fn a_queue_keeps_order_and_loses_nothing() {
    for capacity in ["", "(0)", "(1)", "(3)", "(3) via manager", " via manager", "(0) via manager"] {
        for_each_pair(
            &"
            queue qCAPACITY
            queue sums
            task producer(me) { for i in 0..100 { q.put([me, i]) } }
            task consumer {
                let first = -1
                let second = -1
                let sum = 0
                for v in q {
                    if v[0] == 0 { assert v[1] > first; first = v[1] }
                    if v[0] == 1 { assert v[1] > second; second = v[1] }
                    sum += v[1]
                }
                sums.put(sum)
            }
            let cs = OTHER consumer x2
            let a = SPAWN producer(0)
            let b = OTHER producer(1)
            join a
            join b
            q.close()
            join cs
            assert sums.get() + sums.get() == 2 * 4950
            "
            .replace("CAPACITY", capacity),
        );
    }
}

#[test]
fn a_queue_between_a_thread_and_two_processes() {
    prints(
        "
        queue jobs(2)
        queue answers
        task square { for n in jobs { answers.put(n * n) } }
        task feeder { for n in 1..=20 { jobs.put(n) }; jobs.close() }
        spawn feeder
        let ps = spawn process square x2
        let sum = 0
        repeat 20 { sum += answers.get() }
        join ps
        print sum
        ",
        &["2870"],
    );
}

#[test]
fn a_queue_says_that_it_is_full_empty_or_closed() {
    for how in ["", " via manager"] {
        prints(
            &"
            queue q(2)HOW
            assert q.empty() and not q.full() and q.qsize() == 0
            try { q.get_nowait(); assert false } catch Empty { print \"empty\" }
            try { q.get(blocking: false); assert false } catch Empty { print \"empty\" }
            try { q.get(timeout: 2ms); assert false } catch Empty { print \"still empty\" }
            q.put(1)
            q.put_nowait(2)
            assert q.full() and q.qsize() == 2
            try { q.put_nowait(3); assert false } catch Full { print \"full\" }
            try { q.put(3, blocking: false); assert false } catch Full { print \"full\" }
            try { q.put(3, timeout: 2ms); assert false } catch Full { print \"still full\" }
            q.close()
            try { q.put(3); assert false } catch Closed { print \"closed\" }
            try { q.close(); assert false } catch Closed { print \"closed twice\" }
            assert q.get() == 1 and q.get() == 2
            assert q.get() == none
            "
            .replace("HOW", how),
            &["empty", "empty", "still empty", "full", "full", "still full", "closed", "closed twice"],
        );
    }
}

#[test]
fn a_rendezvous_holds_nothing() {
    for_each_pair(
        "
        queue hand(0)
        event taken
        task taker { assert hand.get() == \"parcel\"; taken.set(); assert hand.get() == 2 }
        try { hand.put_nowait(1); assert false } catch Full { print \"nobody waits\" }
        try { hand.put(1, timeout: 2ms); assert false } catch Full { print \"nobody came\" }
        try { hand.get(timeout: 2ms); assert false } catch Empty { print \"nobody gives\" }
        assert hand.qsize() == 0 and hand.empty()
        let t = SPAWN taker
        hand.put(\"parcel\")
        taken.wait()
        hand.put(2)
        join t
        let g = OTHER giver
        assert hand.get() == 3
        join g
        task giver { hand.put(3) }
        ",
    );
}

#[test]
fn closing_ends_who_waits_to_put_and_who_waits_to_get() {
    for how in ["", " via manager"] {
        for_each_pair(
            &"
            queue full(1)HOW
            queue empty_one HOW
            atomic ended = 0
            task putter { try { full.put(2); assert false } catch Closed { ended += 1 } }
            task getter { assert empty_one.get() == none; ended += 1 }
            full.put(1)
            let ps = [SPAWN putter, OTHER putter]
            let gs = [SPAWN getter, OTHER getter]
            sleep 2ms
            full.close()
            empty_one.close()
            join ps
            join gs
            assert ended == 4
            assert full.get() == 1
            "
            .replace("HOW", how),
        );
    }
}

#[test]
fn every_kind_of_value_travels_through_a_queue() {
    for how in ["", " via manager"] {
        for_each_kind(
            &"
            queue to HOW
            queue back HOW
            struct Account { lock mu; shared balance = 0 }
            fn twice(n) { return n * 2 }
            task echo { for v in to { back.put(v) } }
            let e = SPAWN echo
            let reply = queue(1)
            let a = Account(balance: 5)
            let values = [1, -9223372036854775807, true, \"żółw\", \"\", 5ms, [1, [2, \"x\"], []], reply, a, echo]
            for v in values { to.put(v); assert back.get() == v, \"{v}\" }
            to.put(twice)
            let f = back.get()
            assert f(4) == 8
            to.put(a)
            let b = back.get()
            with b.mu { b.balance += 1 }
            assert a.balance == 6
            to.close()
            join e
            "
            .replace("HOW", how),
        );
    }
}

// ---------------------------------------------------------------------- pools

#[test]
fn a_pool_does_every_job_once() {
    for kind in ["", " of processes"] {
        clean(
            &"
            pool p(3)KIND
            atomic ran = 0
            task job(n) { ran += 1; return n * n }
            let hs = []
            for n in 0..20 { hs = hs + [submit job(n) to p] }
            let sum = 0
            for h in hs { join h; sum += h.result }
            assert sum == 2470
            assert ran == 20
            p.close()
            join p
            "
            .replace("KIND", kind),
        );
    }
}

#[test]
fn a_list_that_is_made_one_by_one_is_nobody_elses() {
    prints(
        "
        task maker(xs) { xs = xs + [0]; return xs }
        let xs = []
        let early = none
        for i in 0..4 {
            xs = xs + [i]
            if i == 1 { early = xs }
            xs = xs + xs
        }
        let made = spawn maker(early)
        join made
        early = early + [early]
        print len(xs), early, made.result
        ",
        &["30 [0, 0, 1, [0, 0, 1]] [0, 0, 1, 0]"],
    );
}

#[test]
fn locks_are_let_go_of_in_any_order() {
    for_each_kind(
        "
        shared x = 0
        lock m[3]
        task t {
            repeat 100 {
                m[0].acquire(); m[1].acquire(); m[2].acquire()
                x += 1
                m[0].release(); m[2].release(); m[1].release()
            }
        }
        SPAWN t x2
        finally { assert x == 200, \"{x}\" }
        ",
    );
}

#[test]
fn the_jobs_of_a_pool_use_every_object() {
    for kind in ["", " of processes"] {
        clean(
            &"
            pool p(3)KIND
            lock m
            semaphore s(1)
            queue q
            event go
            shared x = 0
            task job(n) { go.wait(); with m { x += n }; with s { q.put(n) } }
            for n in 1..=10 { submit job(n) to p }
            go.set()
            let sum = 0
            repeat 10 { sum += q.get() }
            p.close()
            join p
            assert sum == 55
            finally { assert x == 55 }
            "
            .replace("KIND", kind),
        );
    }
}

// -------------------------------------------------------------------- select

#[test]
fn select_takes_from_whichever_is_ready() {
    for_each_pair(
        "
        queue a
        queue b(1)
        queue hand(0)
        event stop
        task put_a { for i in 1..=50 { a.put(i) } }
        task put_b { for i in 1..=50 { b.put(i) } }
        task give { for i in 1..=50 { hand.put(i) } }
        SPAWN put_a
        OTHER put_b
        SPAWN give
        let sum = 0
        repeat 150 {
            select {
                v = a.get() => { sum += v }
                v = b.get() => { sum += v }
                v = hand.get() => { sum += v }
                stop.wait() => { assert false }
            }
        }
        assert sum == 3 * 1275, \"{sum}\"
        ",
    );
}

/// The arms become ready one after the other, each while the `select` waits.
#[test]
fn select_waits_for_every_kind_of_arm() {
    for_each_kind(
        "
        queue q
        queue full(1)
        lock m
        semaphore s(0)
        event e
        latch l(1)
        semaphore step(0)
        event let_go
        task sleeper { let_go.wait() }
        task holder { with m { step.release(); let_go.wait() } }
        task driver {
            sleep 2ms; q.put(1)
            sleep 2ms; full.get()
            sleep 2ms; s.release()
            sleep 2ms; e.set()
            sleep 2ms; l.count_down()
            sleep 2ms; let_go.set()
        }
        full.put(0)
        let h = SPAWN holder
        let t = SPAWN sleeper
        step.acquire()
        SPAWN driver
        let seen = []
        let sema = s
        let event_arm = e
        let latch_arm = l
        let joined = t
        let locked = m
        repeat 7 {
            select {
                v = q.get() => { seen = seen + [\"q\"] }
                full.put(2) => { seen = seen + [\"full\"] }
                sema.acquire() => { seen = seen + [\"s\"] }
                event_arm.wait() => { seen = seen + [\"e\"]; event_arm = none }
                latch_arm.wait() => { seen = seen + [\"l\"]; latch_arm = none }
                join joined => { seen = seen + [\"t\"]; joined = none }
                locked.acquire() => { seen = seen + [\"m\"]; m.release(); locked = none }
            }
        }
        assert len(seen) == 7
        for arm in [\"q\", \"full\", \"s\", \"e\", \"l\", \"t\", \"m\"] { assert arm in seen, \"{arm} in {seen}\" }
        full.get()
        ",
    );
}

#[test]
fn select_puts_where_there_is_room() {
    for_each_pair(
        "
        queue a(1)
        queue b(0)
        atomic sum = 0
        task take_a { for v in a { sum += v } }
        task take_b { for v in b { sum += v } }
        let ts = [SPAWN take_a, OTHER take_b]
        for i in 1..=100 {
            select {
                a.put(i) => { }
                b.put(i) => { }
            }
        }
        a.close()
        b.close()
        join ts
        assert sum == 5050
        ",
    );
}

#[test]
fn select_between_two_selects_hands_over_once() {
    for_each_pair(
        "
        queue hand(0)
        event never
        atomic given = 0
        atomic taken = 0
        task giver { repeat 100 { select { hand.put(1) => { given += 1 } never.wait() => { assert false } } } }
        task taker { repeat 100 { select { v = hand.get() => { taken += v } never.wait() => { assert false } } } }
        SPAWN giver
        OTHER taker
        SPAWN taker
        OTHER giver
        finally { assert given == 200 and taken == 200, \"{given} {taken}\" }
        ",
    );
}

#[test]
fn select_gives_up_after_its_time_or_at_once() {
    prints(
        "
        queue q
        lock m
        let nothing = none
        select { v = q.get() => { assert false } after 2ms => { print \"late\" } }
        select { v = q.get() => { assert false } else => { print \"not at all\" } }
        select { v = nothing.get() => { assert false } m.acquire() => { print \"the lock\" } }
        m.release()
        q.close()
        select { v = q.get() => { print v } }
        ",
        &["late", "not at all", "the lock", "none"],
    );
}

// ---------------------------------------------------------------------- memory

#[test]
fn threads_share_a_var_and_processes_copy_it() {
    clean(
        "
        var mine = 1
        shared ours = 1
        task t { mine += 1; ours += 1; return mine }
        let a = spawn t
        join a
        assert a.result == 2 and mine == 2 and ours == 2
        let b = spawn process t
        join b
        assert b.result == 3 and mine == 2 and ours == 3
        let pid = fork()
        if pid == 0 { mine = 100; ours = 100; exit mine - 95 }
        assert wait(pid) == 5
        assert mine == 2 and ours == 100
        ",
    );
}

#[test]
fn an_atomic_is_indivisible_between_threads_and_processes() {
    for_each_pair(
        "
        atomic x = 0
        atomic tickets = 0
        atomic locked = false
        shared plain = 0
        task t {
            repeat 200 { x += 1; x.add(2) }
            repeat 50 {
                loop { let seen = tickets; if tickets.cas(seen, seen + 1) { break } }
                while locked.swap(true) { yield }
                plain += 1
                locked.store(false)
            }
        }
        SPAWN t x2
        OTHER t x2
        finally { assert x == 2400 and tickets == 200 and plain == 200, \"{x} {tickets} {plain}\" }
        ",
    );
}

/// A `cas` that found another value has written none: who looks later does not
/// come after it, and after one that has written it does.
#[test]
fn only_a_cas_that_writes_makes_an_order() {
    for_each_kind(&cas_before("a.cas(0, 6)"));
    for kind in KINDS {
        let script = cas_before("a.cas(5, 6)").replace("SPAWN", kind);
        let ended = run_json(&script).finish().expect_code(1);
        assert_eq!(ended.failures(), ["race"], "{script}");
    }
}

/// A write, this `cas`, and then, in another task, a look and a write.
fn cas_before(cas: &str) -> String {
    "
        shared x = 0
        atomic a = 0
        task first { x = 1; CAS }
        task second { a.load(); x = 2 }
        # That `first` has ended is seen, and nothing comes after it for that.
        let h = SPAWN first
        while h.alive { sleep 1ms }
        SPAWN second
        "
    .replace("CAS", cas)
}

#[test]
fn atomically_and_await_exclude_across_processes() {
    for_each_pair(
        "
        shared a = 0
        shared b = 0
        shared room = 1
        task mover { repeat 50 { atomically { a += 1; b -= 1 } } }
        task guest { repeat 20 { atomically { await room > 0; room -= 1 }; atomically { room += 1 } } }
        SPAWN mover
        OTHER mover
        SPAWN guest
        OTHER guest
        repeat 20 { atomically { assert a + b == 0 } }
        finally { assert a == 100 and b == -100 and room == 1 }
        ",
    );
}

#[test]
fn records_are_shared_by_reference() {
    for_each_kind(
        "
        struct Account { lock mu; shared balance = 0; queue log }
        let accounts = [Account(balance: 10), Account(balance: 20)]
        task transfer(from, to, amount) {
            with from.mu { from.balance -= amount }
            with to.mu { to.balance += amount }
            to.log.put(amount)
        }
        SPAWN transfer(accounts[0], accounts[1], 3)
        SPAWN transfer(accounts[1], accounts[0], 5)
        join all
        assert accounts[0].balance == 12 and accounts[1].balance == 18
        assert accounts[0].log.get() == 5 and accounts[1].log.get() == 3
        ",
    );
}

// ----------------------------------------------------------------------- tasks

#[test]
fn a_join_waits_only_so_long() {
    for_each_kind(
        "
        event go
        task t { go.wait(); return \"done\" }
        let w = SPAWN t
        let ended = join w for 3ms
        assert not ended and w.alive
        go.set()
        let now = join w for 60s
        assert now and not w.alive and w.result == \"done\"
        ",
    );
}

#[test]
fn exit_codes_and_results_come_back() {
    clean(
        "
        task leaves(n) { exit n }
        task returns(n) { return n }
        let a = spawn process leaves(3)
        let b = spawn process returns([1, 2])
        join a
        join b
        assert a.exit_code == 3 and b.exit_code == 0 and b.result == [1, 2]
        let c = spawn process returns(1)
        kill c
        join c
        assert c.exit_code == -9 or c.exit_code == 0
        ",
    );
}

#[test]
fn terminate_ends_a_thread_a_process_and_who_waits() {
    for_each_kind(
        "
        event never
        event begun
        queue q
        task waits { begun.set(); never.wait(); never.set() }
        task runs { begun.set(); loop { yield } }
        let a = SPAWN waits
        begun.wait()
        terminate a
        join a
        begun.clear()
        let b = SPAWN runs
        begun.wait()
        terminate b
        join b
        assert not a.alive and not b.alive
        never.set()
        ",
    );
}

// --------------------------------------------------------------------- reports

/// Who comes to wait after the report is stuck for the same reason: the report
/// is not made again. (However long the second one takes, there is one report.)
#[test]
fn a_reason_is_told_once() {
    let gone = "
        lock m
        task holder { m.acquire() }
        task waits(ms) { sleep 1ms * ms; m.acquire() }
        let h = SPAWN holder
        join h
        SPAWN waits(0)
        SPAWN waits(300)
        sleep 600ms
    ";
    let nobody = "
        queue q
        task waits(ms) { sleep 1ms * ms; q.get() }
        SPAWN waits(0)
        SPAWN waits(300)
        sleep 600ms
    ";
    for (script, code) in [(gone, "abandoned-lock"), (nobody, "deadlock")] {
        for kind in KINDS {
            let script = script.replace("SPAWN", kind);
            let ended = run_json(&script).finish().expect_code(1);
            assert_eq!(ended.failures(), [code], "{script}");
        }
    }
}

/// While some are stuck, one after another, others take and pass on locks all
/// the time: none of them may ever look stuck.
#[test]
fn a_report_names_nobody_who_goes_on() {
    let script = "
        lock own[30]
        lock m
        condition changed(m)
        shared turn = 0
        queue hand(0)
        task stuck(i) { with own[i] { sleep 1ms * i; own[i].acquire() } }
        task locker { repeat 1500 { with m { } } }
        task turner(me) {
            for round in 0..1500 {
                with m {
                    while turn % 2 != me { changed.wait() }
                    turn += 1
                    changed.notify()
                }
            }
        }
        task giver { repeat 1500 { hand.put(1) } }
        task taker { repeat 1500 { hand.get() } }
        for i in 0..30 { spawn stuck(i) }
        SPAWN turner(0)
        OTHER turner(1)
        SPAWN giver
        OTHER taker
        SPAWN locker x2
        OTHER locker x2
        repeat 1500 { with m { } }
    ";
    for (one, other) in [("spawn", "spawn process"), ("spawn process", "spawn process"), ("spawn", "spawn")] {
        let script = script.replace("SPAWN", one).replace("OTHER", other);
        for _ in 0..5 {
            let ended = run_json(&script).finish().expect_code(1);
            let wrong = ended
                .findings()
                .into_iter()
                .find(|f| f["code"] != "self-deadlock" || !f["on"][0].as_str().is_some_and(|n| n.starts_with("own[")));
            assert!(wrong.is_none(), "{wrong:?}");
        }
    }
}
