//! Queues, pools, and `select` over them and others.

use super::{clean, for_each_kind, for_each_pair, prints};

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

/// As few places as are kept each by itself, and many more: a `get` comes before the
/// `put` into the place that it freed, and before no other.
#[test]
fn a_get_comes_before_the_put_into_its_place() {
    for places in [3, 100, 70_000] {
        let script = |puts: u32| {
            format!(
                "queue q({places})\nvar x = 0\ntask taker {{ x = 1; q.get() }}\n\
                 spawn taker\nrepeat {puts} {{ q.put(1) }}\nx = 2\njoin all\n"
            )
        };
        let ended = crate::support::run_json(script(places)).finish().expect_code(1);
        assert_eq!(ended.failures(), ["race"], "{places}");
        // The other values are left in the queue, which is a note.
        let ended = crate::support::run_json(script(places + 1)).finish().expect_code(0);
        assert!(ended.failures().is_empty(), "{places}");
    }
}

/// Nobody else makes a step during an `atomically` block, not the manager either.
#[test]
fn a_manager_s_queue_can_be_used_atomically() {
    for_each_pair(
        "
        queue h via manager
        queue full(1) via manager
        task giver { repeat 100 { h.put(1); atomically { h.put(2); assert h.get() in [1, 2] } } }
        task taker { repeat 100 { assert h.get() in [1, 2] } }
        SPAWN giver x2
        OTHER taker x2
        join all
        atomically { full.put(1) }
        try { atomically { full.put(2) } } catch Type as e { print e }
        full.get()
        ",
    );
}
