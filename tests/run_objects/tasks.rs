//! What tasks share, how they end, and what is told of those that are stuck.

use super::{KINDS, clean, for_each_kind, for_each_pair};
use super::{prints, support::run_json};
use nix::sys::signal::Signal;

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

/// A loop over a list that a task was given takes values from nobody's queue,
/// so who waits for room in one is told while that task goes on.
#[test]
fn a_loop_over_a_list_helps_nobody() {
    let script = "
        task lively(items) { loop { for x in items { sleep 1ms } } }
        task stuck {
            let mine = queue(1)
            mine.put(1)
            mine.put(2)
        }
        spawn lively([1, 2, 3])
        spawn stuck
        join all
    ";
    let mut run = run_json(script).start();
    run.until("the deadlock", |r| r.stdout().contains("\"code\":\"deadlock\"").then_some(()));
    run.signal(Signal::SIGINT);
    let ended = run.finish().expect_code(130);
    assert_eq!(ended.failures(), ["deadlock"]);
}

/// Threads that go on make no step between their process's end and the look at what
/// it left.
#[test]
fn finally_sees_one_moment() {
    let script = "
        var x = 0
        shared y = 0
        event never
        task t { loop { atomically { x += 1; y += 1 } } }
        task waits { never.wait(); x = 0 }
        spawn t x2
        spawn waits
        spawn daemon waits
        yield
        exit
        finally { assert x == y, \"{x} {y}\" }
    ";
    for script in [script.to_string(), script.replace("exit", "atomically { exit }")] {
        run_json(script).args(["--repeat", "40"]).finish().expect_code(0);
    }
}

/// Which element and which value an operation is about does not depend on how they are
/// written, nor on whether anybody wants the answer.
#[test]
fn an_element_and_its_operands_are_told_apart() {
    let operations = [("store", "N", "2"), ("add", "N", "3"), ("swap", "N", "2"), ("cas", "K, N", "2")];
    for (method, operands, after) in operations {
        for index in ["1", "i", "i + 0"] {
            for new in ["2", "n", "n + 0"] {
                let call = format!("a[{index}].{method}({})", operands.replace('N', new).replace('K', "k"));
                for statement in [call.clone(), format!("let old = {call}"), format!("if {call} == 9 {{ }}")] {
                    let script = format!(
                        "atomic a[4] = 0\na[1] = 1\nlet i = 1\nlet n = 2\nlet k = 1\n{statement}\n\
                         print a[0], a[1], a[2], a[3]\n"
                    );
                    prints(&script, &[&format!("0 {after} 0 0")]);
                }
            }
        }
    }
    for statement in ["a[i] = n", "a[i] += n - 1", "a[n - 1] = n", "a[i] = 3\na[i] -= i"] {
        let script =
            format!("atomic a[4] = 0\na[1] = 1\nlet i = 1\nlet n = 2\n{statement}\nprint a[0], a[1], a[2], a[3]\n");
        prints(&script, &["0 2 0 0"]);
    }
}
