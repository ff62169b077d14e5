//! What a check finds a run finds too, wherever there is one way only, and a replay shows it: the
//! places at which a run has to look by itself.

use super::support::conc;

/// The codes that a check, a run, and the replays of what the check shows, tell of a script in
/// which nothing depends on who goes first.
fn alike(script: &str, codes: &[&str]) {
    let script_is = |args: &[&str]| conc().args(args.iter().copied()).args(["--format", "json", "-"]).input(script);
    let check = script_is(&["check"]).finish();
    assert_eq!(check.failures(), codes, "check: {script}{}", check.stdout);
    let run = script_is(&["run"]).finish();
    assert_eq!(run.failures(), codes, "run: {script}{}{}", run.stdout, run.stderr);
    for finding in check.findings().iter().filter(|f| codes.contains(&f["code"].as_str().unwrap_or(""))) {
        let schedule = finding["schedule"].as_str().expect("it can be replayed");
        let replay = script_is(&["replay"]).args([schedule]).finish();
        assert!(
            replay.failures().contains(&finding["code"].as_str().unwrap().to_string()),
            "{script}{}",
            replay.stdout
        );
        assert_eq!(replay.code, Some(1), "{script}{}", replay.stderr);
    }
}

/// An invariant is looked at after every step: after the first one too, whatever that does, after
/// an arm of a `select`, and when who waits has let go of its lock.
#[test]
fn an_invariant_is_looked_at_after_every_step() {
    let scripts = [
        "shared o = 3\ninvariant o < 2\ntask t { }\nspawn t\n",
        "shared o = 3\nvar x = 0\ninvariant o < 2\nx = 1\n",
        "shared o = none\nqueue q\ninvariant o < 2\natomically { q.put(1) }\n",
        "shared o = 3\ninvariant o < 2\n",
        "queue q\ninvariant q.qsize() < 1\nselect { q.put(1) => { } }\n",
        "queue q\ninvariant q.qsize() < 1\nselect { q.put(1) => { } after 1s => { } }\nq.get()\n",
        "lock m\ncondition c(m)\nevent e\ninvariant m.locked() or not e.is_set()\n\
         task t { with m { e.set(); c.wait(timeout: 1ms); e.clear() } }\nspawn t\njoin all\n",
        "queue q(2) via manager\ninvariant q.qsize() < 1\nq.put(1)\nq.get()\n",
    ];
    for script in scripts {
        alike(script, &["invariant"]);
    }
    // One that holds from the first step on, and one that a block breaks and mends.
    alike("shared o = 3\ninvariant o < 2\no = 1\n", &[]);
    alike("queue q\ninvariant q.qsize() < 1\natomically { q.put(1); q.get() }\n", &[]);
}

/// Who holds others off for what it does to an object can be ended meanwhile, and holds off
/// nobody after that.
#[test]
fn nobody_is_held_off_for_ever() {
    let script = "queue q(1)\ninvariant q.qsize() <= 1\n\
         task works { loop { select { q.put(1) => { } q.get() => { } } } }\n\
         repeat 20 {\n    let a = spawn process works\n    let b = spawn process works\n    sleep 2ms\n    kill a\n    \
         kill b\n    join [a, b]\n}\nprint \"over\"\n";
    let run = conc().args(["run", "--no-detect", "-"]).input(script).finish();
    assert!(run.stdout.contains("over\n"), "{}{}", run.stdout, run.stderr);
    assert!(!run.stderr.contains("error[invariant]"), "{}", run.stderr);
}

/// The look of an `await` ends where its condition fails: who catches that is in no block, and
/// is ordered with none.
#[test]
fn an_await_that_fails_is_over() {
    let goes_on = "shared o = none\nqueue q\ntask t { try { await o >= 1 } catch Type { }; q.get() }\nspawn t\nq.put(1)\n\
        join all\n";
    alike(goes_on, &[]);
    let nested = "shared o = none\nqueue q\ntask t { try { atomically { await o >= 1 } } catch Type { }; q.get() }\n\
        spawn t\nq.put(1)\njoin all\n";
    alike(nested, &[]);
    let race = "shared o = none\nevent e\ntask t { try { await o >= 1 } catch Type { } }\n\
        task w { atomically { o = 2 } }\nspawn t\nspawn w\njoin all\n";
    alike(race, &["race"]);
}

/// `wait()` is for whichever forked child ends first, also for one that another thread has made
/// since it began, and gives each to one thread only.
#[test]
fn wait_is_for_later_children_too() {
    let script = "event go\ntask a { let code = wait(); go.set(); assert code == 2 }\n\
        if fork() == 0 { go.wait(); exit 1 }\nspawn a\nsleep 20ms\nif fork() == 0 { exit 2 }\njoin all\n";
    let run = conc().args(["run", "-"]).input(script).finish();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let several = "atomic sum = 0\ntask a { sum.add(wait()) }\nspawn a x3\n\
        if fork() == 0 { exit 1 }\nif fork() == 0 { exit 2 }\nif fork() == 0 { exit 4 }\njoin all\nassert sum == 7\n";
    let several = &several.replace("spawn a x3\n", "").replace("join all", "spawn a x3\njoin all");
    let run = conc().args(["run", "--repeat", "20", "--shake", "-"]).input(several).finish();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

/// What is refused before it begins to wait has had its turn all the same; and who is about to
/// wait for good holds nobody off.
#[test]
fn turns_of_what_is_refused_and_of_who_waits_for_good() {
    let refused = [
        "event e\nshared x = true\ntask t {\n    try { e.wait(timeout: x) } catch Type { x = 5 }\n    x = 6\n    raise \"a\"\n}\nspawn t\n",
        "lock m\nshared x = 3\ntask t {\n    try { m.acquire(blocking: x) } catch Type { x = 5 }\n    x = 6\n    raise \"a\"\n}\nspawn t\n",
    ];
    for script in refused {
        alike(script, &["error"]);
    }
    let for_good = "atomic ar[2] = 0\nstruct R { shared n = 0; lock mu; event ev }\nshared rc = none\nlock m\ncondition c(m)\n\
        invariant rc == none or not rc.ev.is_set() or ar[0] == 0\ntask t { with m { if ar[0] == 0 { c.wait() } } }\n\
        pool p(2)\nlet ht = spawn t\np.close()\n";
    alike(for_good, &["deadlock"]);
}
