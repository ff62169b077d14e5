//! `atomically` and `await` within each other, by way of a function: the outermost one is the
//! step, in a run, a check and a replay alike.

mod support;

use support::conc;

/// What a check of it says must be said of each run too: these have one outcome.
#[track_caller]
fn everywhere(script: &str, prints: &[&str], failures: &[&str]) {
    for command in [&["run", "--format", "json"][..], &["check", "--format", "json"]] {
        let ended = conc().file("s.conc", script).args(command).args(["s.conc"]).finish();
        assert_eq!(ended.failures(), failures, "{command:?} {script}\n{}{}", ended.stdout, ended.stderr);
        if command[0] == "run" {
            assert_eq!(ended.prints(), prints, "{script}");
            continue;
        }
        for schedule in ended.findings().iter().filter_map(|f| f["schedule"].as_str()) {
            for model in [&[][..], &["--model"]] {
                let replay = conc().file("s.conc", script).args(["replay", "--format", "json"]).args(model);
                assert_eq!(replay.args(["s.conc", schedule]).finish().failures(), failures, "{model:?} {script}");
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
    let says = "an `atomically` block must not wait, and this `await` would make it";
    everywhere(script, &[says, says, "true", "past"], &[]);
    everywhere("fn f() { await false }\natomically { f() }\n", &[], &["error"]);
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
