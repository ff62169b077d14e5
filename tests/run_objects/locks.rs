//! Locks, rwlocks and semaphores.

use super::{clean, for_each_kind, for_each_pair};
use crate::support::run;

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

/// A writer that waits keeps readers out, and no longer: however its wait ends, those who came
/// behind it go ahead.
#[test]
fn readers_go_ahead_when_a_waiting_writer_leaves() {
    let by_time = "task writer { select { rw.acquire_write() => { rw.release_write() } after 100ms => { } } }";
    let by_arm = "task writer { select { rw.acquire_write() => { rw.release_write() } stop.wait() => { } } }";
    let waits = "task writer { rw.acquire_write() }";
    for (writer, spawn, ends) in [
        (by_time, "spawn writer", ""),
        (by_arm, "spawn writer", "stop.set()"),
        (waits, "let w = spawn writer", "terminate w"),
        (waits, "let w = spawn process writer", "kill w"),
    ] {
        let script = format!(
            "rwlock rw\nevent done\nevent go\nevent stop\ntask holder {{ with rw.read {{ go.set(); done.wait() }} }}\n\
             {writer}\ntask late {{ with rw.read {{ done.set() }} }}\nspawn holder\ngo.wait()\n{spawn}\nsleep 30ms\n\
             spawn late\nsleep 30ms\n{ends}\njoin all\nprint \"over\"\n"
        );
        let ended = run(&script).finish();
        assert!(ended.stdout.contains("over\n"), "{script}{}{}", ended.stdout, ended.stderr);
        assert!(!ended.stderr.contains("error["), "{script}{}", ended.stderr);
    }
}
