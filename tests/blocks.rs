//! What is one step: `atomically` and the look of an `await`, within each other by way of a
//! function, and what looks from outside. It is the same in a run, a check and a replay.

use crate::support;

use support::conc;

/// What a check of it says must be said of each run too: these have one outcome.
#[track_caller]
fn everywhere(script: &str, prints: &[&str], failures: &[&str]) {
    for command in [&["run", "--format", "json"][..], &["check", "--format", "json"]] {
        let ended = conc().file("s.conc", script).args(command).args(["s.conc"]).finish();
        let mut told = ended.failures();
        told.sort();
        assert_eq!(told, failures, "{command:?} {script}\n{}{}", ended.stdout, ended.stderr);
        if command[0] == "run" {
            assert_eq!(ended.prints(), prints, "{script}");
            continue;
        }
        for schedule in ended.findings().iter().filter_map(|f| f["schedule"].as_str()) {
            for model in [&[][..], &["--model"]] {
                let replay = conc().file("s.conc", script).args(["replay", "--format", "json"]).args(model);
                let mut told = replay.args(["s.conc", schedule]).finish().failures();
                told.sort();
                assert_eq!(told, failures, "{model:?} {script}");
            }
        }
    }
}

#[test]
fn a_block_within_a_block_is_a_part_of_it() {
    let both = "shared x = 0\nshared y = 0\ninvariant x == y\nfn inc() { atomically { x += 1 } }\n";
    let task = "task t { atomically { inc(); y += 1 } }\nspawn t x2\njoin all\nprint x, y\n";
    everywhere(&format!("{both}{task}"), &["2 2"], &[]);
    // However the inner one is left, the outer one goes on.
    let left = "shared n = 0\nfn back() { repeat 3 { atomically { if n == 1 { return n }; n += 1 } } return 0 }\n\
                fn fails() { atomically { n += 1; raise \"no\" } }\n\
                task t { atomically { try { fails() } catch any { n = 0 }; print back(); n = 5 } }\n\
                spawn t\njoin all\natomically { print n }\n";
    everywhere(left, &["1", "5"], &[]);
    // And when the outer one is over, others may go on and the task may wait.
    let over = "shared n = 0\nfn inc() { atomically { n += 1 } }\nqueue q\ntask t { atomically { inc() }; q.put(1) }\n\
                atomically { inc() }\nspawn t\nprint q.get()\njoin all\nprint n\n";
    everywhere(over, &["1", "2"], &[]);
}

#[test]
fn an_await_within_a_block_must_not_wait() {
    let script = "atomic go = false\nfn f() { await go; return true }\n\
                  try { atomically { f() } } catch Type as e { print e.message }\n\
                  try { await f() } catch Type as e { print e.message }\n\
                  go = true\natomically { print f() }\nawait f()\natomically { await f(); print \"past\" }\n";
    let block = "an `atomically` block must not wait, and this `await` would make it";
    let look = "the condition of an `await` must not wait, and this `await` would make it";
    everywhere(script, &[block, look, "true", "past"], &[]);
    everywhere("fn f() { await false }\natomically { f() }\n", &[], &["error"]);
}

/// Whichever of the two it is says so, in whoever carries it out.
#[test]
fn what_would_wait_says_where() {
    let before = "queue q\nlock m\nevent bell\ntask idle { bell.wait() }\nspawn idle\n";
    for (waits, culprit) in [
        ("q.get()", "`q`"),
        ("join all", "`join`"),
        ("select { v = q.get() => { } }", "this `select`"),
        ("wait()", "`wait()`"),
        ("if bell.is_set() == false { nap() }", "`sleep`"),
    ] {
        let functions = format!("fn nap() {{ sleep 1ms }}\nfn f() {{ {waits}; return true }}\n");
        let script = format!(
            "{before}{functions}try {{ await f() }} catch Type as e {{ print e.message }}\n\
             try {{ atomically {{ f() }} }} catch Type as e {{ print e.message }}\n\
             try {{ atomically {{ await f(); q.put(1) }} }} catch Type as e {{ print e.message }}\n\
             try {{ atomically {{ await m.locked() == false; f() }} }} catch Type as e {{ print e.message }}\n\
             bell.set()\njoin all\n"
        );
        let look = format!("the condition of an `await` must not wait, and {culprit} would make it");
        let block = format!("an `atomically` block must not wait, and {culprit} would make it");
        everywhere(&script, &[&look, &block, &look, &block], &[]);
    }
}

/// A look at a condition is such a block.
#[test]
fn what_a_condition_does_is_in_one_step_too() {
    for condition in ["fork() == 0", "wait() == 0"] {
        everywhere(&format!("await {condition}\n"), &[], &["error"]);
        everywhere(&format!("fn f() {{ return {condition} }}\nawait f()\n"), &[], &["error"]);
    }
    everywhere("fn f() { exit 3 }\nspawn { print 1 }\njoin all\nawait f()\nprint \"never\"\n", &["1"], &[]);
    let looks = "atomic n = 0\nfn f() { atomically { return n == 1 } }\nspawn { n = 1 }\nawait f()\nprint \"past\"\n\
                 join all\n";
    everywhere(looks, &["past"], &[]);
}

/// What looks when all has ended may be in one step as well.
#[test]
fn a_block_in_finally() {
    let script = "shared x = 1\nfn f() { atomically { return x } }\nfinally { assert f() == 1 }\n";
    everywhere(script, &[], &[]);
}

/// Who ends its own process in a block goes no further in it, and what is false then is told.
#[test]
fn who_ends_itself_in_a_block_is_at_its_end() {
    let sum = "shared x = 0\nshared y = 0\ninvariant x == y\n";
    for end in ["kill self", "terminate self", "exit 0", "return"] {
        let block = format!("atomically {{ x += 1; {end}; y += 1 }}");
        everywhere(&format!("{sum}spawn process {{ {block} }}\njoin all\n"), &[], &["invariant"]);
        everywhere(
            &format!("{sum}task t {{ {block} }}\nif fork() == 0 {{ t() }} else {{ wait() }}\n"),
            &[],
            &["invariant"],
        );
    }
    for end in ["kill me", "terminate me"] {
        let script = format!(
            "{sum}task p {{ let me = self; let t = spawn {{ atomically {{ x += 1; {end}; y += 1 }} }}; join t }}\n\
             spawn process p\njoin all\n"
        );
        everywhere(&script, &[], &["invariant"]);
    }
}

/// At the end of a block it is looked at what the block has done to objects too, and so at the end
/// of a look whose condition does something.
#[test]
fn invariants_over_objects_are_looked_at_when_a_block_is_over() {
    for (object, deed, limit) in [
        ("semaphore o(0)", "o.release()", "o.value() < 2"),
        ("queue o", "o.put(1)", "o.qsize() < 2"),
        ("queue o(2) via manager", "o.put_nowait(1)", "o.qsize() < 2"),
        ("latch o(1)", "o.add()", "o.value() < 3"),
    ] {
        let head = format!("{object}\ninvariant {limit}\n");
        let block = format!("atomically {{ {deed} }}");
        everywhere(&format!("{head}{block}\n{block}\n"), &[], &["invariant"]);
        everywhere(&format!("{head}task t {{ {block} }}\nspawn process t\nspawn t\njoin all\n"), &[], &["invariant"]);
        let looks = format!("fn f() {{ {deed}; return true }}\nawait f()\n");
        everywhere(&format!("{head}{looks}await f()\n"), &[], &["invariant"]);
        // What is put right before the end was never wrong.
        let both = format!(
            "shared right = true\n{object}\ninvariant {limit} or right\n{deed}\n\
                            atomically {{ right = false; {deed}; right = true }}\n"
        );
        everywhere(&both, &[], &[]);
    }
}

/// What looks from outside does nothing else, also behind a variable that holds a function: then
/// it cannot be worked out, in a run as in a check.
#[test]
fn an_invariant_only_looks_whatever_it_calls() {
    for (deed, says) in [
        ("x = 5", "changes a variable"),
        ("atomically { let z = 1 }", "is an `atomically` block"),
        ("await true", "waits"),
        ("sleep 1ms", "waits"),
        ("print 1", "prints"),
        ("m.acquire()", "calls `acquire`"),
        ("with m { }", "calls `acquire`"),
        ("fork()", "makes a process"),
        ("spawn { }", "spawns a task"),
        ("let q = queue()", "makes an object"),
        ("exit 3", "ends a task"),
    ] {
        let script = format!(
            "lock m\nshared x = 0\nfn f() {{ {deed}; return true }}\nvar look = f\ninvariant look()\nx += 0\nprint x\n"
        );
        everywhere(&script, &["0"], &["invariant"]);
        let told = conc().file("s.conc", &script).args(["run", "--format", "json", "s.conc"]).finish();
        let text = told.findings()[0].to_string();
        assert!(text.contains(&format!("an `invariant` or an `expect` looks from outside, and this {says}")), "{text}");
    }
    let looks = "lock m\nqueue q\natomic x = 1\nfn f() { return not m.locked() and q.qsize() == 0 and x.load() == 1 }\n\
                 var look = f\ninvariant look()\nexpect every look()\nprint self.name\n";
    everywhere(looks, &["main"], &[]);
}

/// A look that is not true has changed nothing; what it would change with coming true it may.
#[test]
fn a_look_in_vain_changes_nothing() {
    let says =
        "an `await` looks again until its condition is true, and this one has changed something though it is not";
    for (head, condition) in [
        ("atomic n = 0", "n.add(1) >= 3"),
        ("shared n = 0\nfn f() { n += 1; return n > 3 }", "f()"),
        ("queue q\nfn f() { q.put(1); return false }", "f()"),
        ("lock m\nfn f() { return m.acquire(blocking: false) and false }", "f()"),
        ("fn f() { print 1; return false }\nvar g = f", "g()"),
    ] {
        let block = format!(
            "{head}\nspawn {{ try {{ await {condition} }} catch Type as e {{ print e.message }} }}\njoin all\n"
        );
        let prints: &[&str] = if head.contains("print") { &["1", says] } else { &[says] };
        let failures: &[&str] = if head.starts_with("lock") { &["abandoned-lock"] } else { &[] };
        everywhere(&block, prints, failures);
        if failures.is_empty() {
            let block = format!("{head}\ntask t {{ atomically {{ await {condition} }} }}\nspawn process t\njoin all\n");
            everywhere(&block, &prints[..prints.len() - 1], &["error"]);
        }
    }
    let chooses =
        "fn f() { return choose([true, false]) }\nvar g = f\ntry { await g() } catch Type as e { print e.message }\n";
    everywhere(chooses, &["the condition of an `await` is looked at again and again, and must not choose"], &[]);
    let takes = "atomic free = 1\nshared n = 0\ntask t { repeat 2 { await free.cas(1, 0); n += 1; free = 1 } }\n\
                 spawn t x2\njoin all\nprint n\n";
    everywhere(takes, &["4"], &[]);
    // A section is no one step to whom a look must not wait for it.
    let meets = "lock m\nfn f() { with m { }; return true }\nspawn { with m { } }\n\
                 try { await f() } catch Type as e { print \"met\" }\njoin all\nexpect some true\n";
    let outcomes = |without: &[&str]| {
        let check = conc().file("s.conc", meets).args(["check", "--format", "json"]).args(without).args(["s.conc"]);
        let mut prints: Vec<String> =
            check.finish().of_type("outcome").iter().map(|o| o["prints"].to_string()).collect();
        prints.sort();
        prints
    };
    assert_eq!(outcomes(&[]), outcomes(&["--no-reduction"]));
    assert_eq!(outcomes(&[]).len(), 2);
}

/// Where nobody knows whether a condition will ever be worked out, nobody is said to be stuck.
#[test]
fn a_condition_without_an_end_is_not_decided() {
    for condition in ["await f()", "atomically { await f() }"] {
        let script = format!("fn f() {{ loop {{ }} }}\n{condition}\n");
        let ended = conc().file("s.conc", script).args(["check", "s.conc"]).finish().expect_code(3);
        assert!(ended.stdout.contains("goes on and on"), "{}", ended.stdout);
    }
}

/// What `check` prints can be followed, in whatever model a look counts as a turn.
#[test]
fn schedules_with_a_look_in_vain_can_be_followed() {
    let deadlock = "var t = false\nspawn { t = true }\nspawn process { await t }\n";
    let chooses = "shared v = 0\ninvariant v < 1\nv = 1\nprint choose(0..2)\n";
    for (script, code) in [(deadlock, "deadlock"), (chooses, "invariant")] {
        let check = conc().file("s.conc", script).args(["check", "--format", "json", "s.conc"]).finish();
        let found = check.findings();
        let schedule =
            found.iter().find(|f| f["code"] == code).and_then(|f| f["schedule"].as_str()).expect("a schedule");
        let args = ["step", "--color", "never", "s.conc", "--schedule", schedule];
        let ended = conc().file("s.conc", script).args(args).input("q\n").finish().expect_code(1);
        assert!(ended.stdout.contains(&format!("error[{code}]")), "{}", ended.stdout);
        for model in [&[][..], &["--model"]] {
            let replay = conc().file("s.conc", script).args(["replay", "--format", "json"]).args(model);
            assert_eq!(replay.args(["s.conc", schedule]).finish().failures(), [code], "{model:?} {script}");
        }
    }
}

/// A look whose attempts are in vain is one that waits, on real threads too.
#[test]
fn who_waits_by_attempts_is_seen_to_wait() {
    for (head, condition) in [
        ("atomic o = 1", "o.cas(0, 1)"),
        ("semaphore o(0)", "o.acquire(blocking: false)"),
        ("queue o\nfn f() { try { o.get_nowait() } catch Empty { return false }; return true }", "f()"),
        ("queue o(0)\nfn f() { try { o.put_nowait(1) } catch Full { return false }; return true }", "f()"),
    ] {
        everywhere(&format!("{head}\nawait {condition}\n"), &[], &["deadlock"]);
        everywhere(&format!("{head}\nspawn process {{ atomically {{ await {condition} }} }}\n"), &[], &["deadlock"]);
    }
}

/// `finally` is alone, within a block and behind it.
#[test]
fn a_block_in_finally_ends_nothing() {
    let script = "queue q\nshared x = 0\nfinally { atomically { x += 1 }; q.get() }\n";
    everywhere(script, &[], &["error"]);
}

/// It stands in for `main`, whoever ended that.
#[test]
fn finally_may_let_go_of_what_main_held_once() {
    let held = "lock m\nrwlock w\nm.acquire()\nw.acquire_read()\n";
    let lets_go = "finally { m.release(); w.release_read(); print 1; \
                   try { w.release_read() } catch NotOwner { print 2 } }\n";
    let left = ["abandoned-lock", "abandoned-lock"];
    everywhere(&format!("{held}{lets_go}"), &["1", "2"], &left);
    let another_ends_it = "task t { exit 0 }\nspawn t\nevent e\ne.wait()\n";
    everywhere(&format!("{held}{another_ends_it}{lets_go}"), &["1", "2"], &left);
}

/// What `finally` must not do is refused wherever it is called.
#[test]
fn what_needs_others_is_refused_in_finally() {
    for (deed, place) in [
        ("sleep 1ms", "join f()"),
        ("exit 3", "select { after f() => { } }"),
        ("spawn { }", "select { q.put(f()) => { } else => { } }"),
    ] {
        let script = format!("queue q\nfn f() {{ {deed}; return [] }}\nfinally {{ {place} }}\n");
        let ended = conc().file("s.conc", script).args(["run", "s.conc"]).finish().expect_code(2);
        assert!(ended.stderr.contains("`finally` runs when all has ended"), "{}", ended.stderr);
    }
}

/// What would wait there is refused, and has not done anything.
#[test]
fn who_must_not_wait_has_not_begun_to() {
    let lock = "lock m\ncondition c(m)\natomic inside = 0\ninvariant inside <= 1\nfn f() { c.wait() }\n\
                task t { with m { inside += 1; try { atomically { f() } } catch Type { }; \
                try { await f() } catch Type { }; assert m.locked(); inside -= 1 } }\nspawn t x2\njoin all\n";
    everywhere(lock, &[], &[]);
    for wait in ["ba.wait()", "ba.wait(timeout: 1ms)"] {
        let barrier = format!("barrier ba(2)\natomically {{ try {{ {wait} }} catch Type {{ }} }}\nba.wait()\n");
        everywhere(&barrier, &[], &["deadlock"]);
    }
    // Who is the last one does not wait.
    everywhere("barrier ba(1)\natomically { print ba.wait() }\n", &["0"], &[]);
}

/// However what it waits for is written: a task that beats on does not change it.
#[test]
fn who_awaits_what_nobody_changes_is_stuck() {
    let head = "atomic a = 0\natomic beat = 0\nevent e\nfn done() { return a == 1 }\nfn asks(o) { return o.is_set() }\n\
                task heart { loop { beat += 1; beat -= 1 } }\nspawn daemon heart\n";
    for condition in ["a == 1", "done()", "asks(e)", "asks(event())", "a.cas(1, 2)", "a == 0 and done()", "false"] {
        let made = if condition.contains("event()") { "let o = event()\n    " } else { "" };
        let condition = condition.replace("event()", "o");
        let script = format!("{head}task t {{\n    {made}await {condition}\n}}\nlet w = spawn t\njoin w\n");
        let ended = conc().file("s.conc", &script).args(["check", "--format", "json", "s.conc"]).finish();
        assert_eq!(ended.failures(), ["deadlock"], "{script}\n{}{}", ended.stdout, ended.stderr);
        // A run goes on until it is seen: there is no other end.
        let ended = conc().file("s.conc", &script).args(["run", "--format", "json", "s.conc"]).finish();
        assert_eq!(ended.failures(), ["deadlock"], "{script}\n{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn an_invariant_is_looked_at_where_nobody_makes_a_first_step() {
    let head = "var x = 0\ninvariant x > 0 and x < 9\n";
    everywhere(&format!("{head}event e\ne.wait()\n"), &[], &["deadlock", "invariant"]);
    everywhere(&format!("{head}await x == 1\n"), &[], &["deadlock", "invariant"]);
    everywhere(&format!("{head}queue q\nfor v in q {{ print v }}\n"), &[], &["deadlock", "invariant"]);
    everywhere(
        &format!("{head}queue p\nqueue q\nselect {{ q.get() => {{ }}; p.get() => {{ }} }}\n"),
        &[],
        &["deadlock", "invariant"],
    );
    everywhere(&format!("{head}barrier b(2)\nb.wait()\n"), &[], &["deadlock", "invariant"]);
    // The first step makes it true.
    everywhere(&format!("{head}x = 1\nevent e\ne.wait()\n"), &[], &["deadlock"]);
}

#[test]
fn what_an_invariant_looks_at_twice_is_told_once() {
    let ended =
        conc().file("s.conc", "var x = 0\ninvariant x >= 0 and x < 2\nx = 2\n").args(["run", "s.conc"]).finish();
    assert!(ended.stderr.contains("this is not true: x is 2\n"), "{}", ended.stderr);
}
