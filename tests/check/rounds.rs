//! Who goes round for ever and gets nothing done, and who has to do with whom there.

use super::support::conc;
use super::{check, check_json, replays, summary};

/// One livelock does not hide another: each that goes round somewhere else is told of, with a
/// schedule of its own; one that is part of what was told is not told again.
#[test]
fn each_livelock_is_told() {
    let two = "atomic a = 0\natomic b = 0\nlet one = choose([true, false])\n\
               if one { while a == 0 { yield } } else { while b == 0 { yield } }\n";
    let beside = "atomic a = 0\natomic b = 0\ntask one { while a == 0 { yield } }\ntask two { while b == 0 { yield } }\n\
                  spawn one\nspawn two\n";
    let later =
        "atomic a = 0\ntask one(n) { repeat n { a = a + 1 }; while a < 9 { yield } }\nspawn one(choose(0..3))\n";
    for (script, many) in [(two, 2), (beside, 2), (later, 1)] {
        let told = check_json(script).finish().expect_code(1);
        assert_eq!(told.failures(), vec!["livelock"; many], "{script}{}", told.stdout);
        for finding in told.findings() {
            for again in replays(script, &finding) {
                assert_eq!(again.findings()[0]["on"], finding["on"], "{script}{}", again.stdout);
            }
        }
    }
}

/// Who has nothing to do with a task that gets something done goes round for ever beside it as it
/// would without it, and is told of alone; with `--no-reduction` too, and by a replay of the
/// schedule.
#[test]
fn what_others_get_done_hides_no_livelock() {
    let polite = "atomic f[2] = false\ntask polite(i) {\n    f[i] = true\n    while f[1 - i] { f[i] = false; yield; \
                  f[i] = true }\n    f[i] = false\n}\nfor i in 0..2 { spawn polite(i) }\n";
    let spin = "atomic x = 0\n";
    let both = ["polite", "polite (2)"];
    let cases: [(&str, &str, &str, &[&str]); 9] = [
        (spin, "task beat { loop { print \"alive\" } }\nspawn daemon beat\n", "while x == 0 { }\n", &["main"]),
        (spin, "task beat { loop { yield } }\nspawn daemon beat\n", "while x == 0 { yield }\n", &["main"]),
        // Reading the same is nothing that they have to do with each other.
        (spin, "task beat { loop { if x == 0 { print \"0\" } } }\nspawn beat\n", "while x == 0 { }\n", &["main"]),
        // Nor is an invariant that looks at what both change, or a variable of each.
        (
            "atomic x = 0\natomic y = 0\ninvariant x + y < 9\n",
            "task beat { loop { y = 1; y = 0; print \"y\" } }\nspawn beat\n",
            "while x != 3 { x = 1; x = 2 }\n",
            &["main"],
        ),
        (
            "var x = 0\nvar y = 0\n",
            "task beat { loop { y = 1; y = 0; print y } }\nspawn beat\n",
            "while x == 0 { }\n",
            &["main"],
        ),
        ("queue q(1)\n", "task pass { loop { q.put(1); q.get() } }\nspawn daemon pass\n", polite, &both),
        // It has printed before, and may take a value, but need not.
        (
            "queue q(1)\natomic x = 0\n",
            "task pass { loop { q.put(1); q.get() } }\nspawn daemon pass\n",
            "print \"x\"\nq.put(2)\nwhile x == 0 { }\n",
            &["main"],
        ),
        (
            "queue q(1)\natomic x = 0\n",
            "task give { loop { q.put(1) } }\ntask take { loop { print q.get() } }\nspawn give\nspawn take\n",
            "loop { if x == 1 { break }; yield }\n",
            &["main"],
        ),
        (
            "lock m\natomic x = 0\natomic y = 0\n",
            "task both { while x == 0 { with m { yield } } }\ntask beat { loop { print \"b\" } }\nspawn both x2\nspawn daemon beat\n",
            "join all\n",
            &["both#0", "both#1"],
        ),
    ];
    for (declared, other, own, names) in cases {
        let script = format!("{declared}{other}{own}");
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(&script).args(how.iter().copied()).finish().expect_code(1);
            assert_eq!(told.failures(), ["livelock"], "{script}{}", told.stdout);
            let finding = told.findings().into_iter().find(|f| f["code"] == "livelock").unwrap();
            assert_eq!(going(&finding), names, "{script}{}", told.stdout);
            for again in replays(&script, &finding) {
                let again = again.findings().into_iter().find(|f| f["code"] == "livelock").unwrap();
                assert_eq!(again["message"], finding["message"], "{script}");
                let lines = |f: &serde_json::Value| {
                    f["places"].as_array().unwrap().iter().map(|p| p["line"].as_u64()).collect::<Vec<_>>()
                };
                assert_eq!(lines(&again), lines(&finding), "{script}");
            }
        }
    }
}

fn going(finding: &serde_json::Value) -> Vec<String> {
    let tasks = finding["tasks"].as_array().unwrap();
    tasks.iter().map(|t| t["name"].as_str().unwrap().to_string()).collect()
}

/// Who has to do with a task that gets something done is no livelock beside it.
#[test]
fn who_serves_another_that_gets_on_is_no_livelock() {
    for script in [
        // What is taken and given back in one transition, or written as it was, is seen in between
        // or may be.
        "lock m\ntask one { loop { with m { sleep 1s } } }\ntask two { loop { with m { print \"two\" } } }\n\
         spawn one\nspawn two\n",
        "semaphore s(2)\ntask one { loop { with s { } } }\ntask two { loop { with s { print \"two\" } } }\n\
         spawn one x2\nspawn two\n",
        "lock m\ntask one { loop { select { m.acquire() => { m.release() } } } }\n\
         task two { loop { with m { print \"two\" } } }\nspawn process one\nspawn process two\n",
        "atomic level = 1\ntask one { loop { sleep 1s; level = 1 } }\ntask two { loop { print level } }\n\
         spawn one\nspawn two\n",
        "event e\ntask one { loop { sleep 1s; e.set() } }\ntask two { loop { e.wait(); print \"two\" } }\n\
         spawn one\nspawn two\n",
        "queue q(1)\ntask give { loop { q.put(1) } }\ntask take { loop { q.get() } }\nspawn give\nspawn take\n",
        // By way of a third one.
        "queue q(1)\nsemaphore s(0)\ntask tick { loop { sleep 1ms; s.release(); while s.value() > 0 { } } }\n\
         task give { loop { s.acquire(); q.put(1) } }\ntask take { loop { q.get() } }\n\
         spawn tick\nspawn give\nspawn take\n",
        "event e\ntask tick { loop { sleep 1ms; e.set() } }\ntask work { loop { e.wait(); e.clear(); print \"x\" } }\n\
         spawn tick\nspawn work\n",
        "queue q(0)\nqueue r(0)\ntask serve { loop { let n = q.get(); r.put(n) } }\n\
         task ask { loop { q.put(1); r.get() } }\nspawn daemon serve\nspawn ask x2\n",
        "lock m\natomic n = 0\ntask one { loop { with m { n = 1 - n } } }\n\
         task two { loop { with m { print \"two\" } } }\nspawn one\nspawn two\n",
        "pool p(1)\natomic n = 0\ntask job { n = 1 - n }\nloop { let j = submit job to p; j.result() }\n",
        "atomic turn = 0\ntask one { loop { while turn != 0 { }; turn = 1 } }\n\
         task two { loop { while turn != 1 { }; print \"two\"; turn = 0 } }\nspawn one\nspawn two\n",
    ] {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check(script).args(["--max-states", "20000"]).args(how.iter().copied()).finish();
            assert!(!told.stdout.contains("error["), "{script}{}", told.stdout);
        }
    }
}

/// What makes no difference any more divides nobody from those it has to do with: a local
/// variable that is not read again, what was printed before, an event that is as it was, what was
/// reached. None of these scripts has a livelock, as the first one has none.
#[test]
fn what_makes_no_difference_divides_nobody() {
    let sometimes = |declared: &str, deed: &str| {
        format!(
            "atomic f = 1\natomic t = 0\n{declared}task a {{ while f != 0 {{ }} }}\n\
             task b {{ loop {{ if t == 1 {{ {deed} }} }} }}\ntask c {{ loop {{ t = 1; t = 0; print \"c\" }} }}\n\
             spawn a\nspawn b\nspawn c\njoin all\n"
        )
    };
    let log = |kind: &str, first: &str| {
        format!(
            "lock m\natomic alive = true\n\
             task log {{ {first}loop {{ if m.acquire(blocking: false) {{ alive = true; print \"log\"; m.release() }} }} }}\n\
             task user {{ loop {{ with m {{ print \"use\" }} }} }}\ntask watch {{ while alive {{ yield }} }}\n\
             spawn {kind}log\nspawn {kind}user\nspawn {kind}watch\njoin all\n"
        )
    };
    let monitor = "var z = 0\natomic f = true\nevent e\ntask a { loop { print \"a\"; if e.is_set() { print z; f = true } } }\n\
                   task b { loop { e.set(); e.clear(); print \"b\" } }\ntask monitor { while f { } }\nz = 1\n\
                   spawn a\nspawn b\nspawn monitor\njoin all\n";
    for script in [
        sometimes("", "f = 1"),
        sometimes("", "let y = 3; f = 1"),
        sometimes("", "print \"b\"; f = 1"),
        sometimes("", "f = 1; print \"b\""),
        sometimes("event e\n", "e.set(); e.clear(); f = 1"),
        sometimes("", "for i in 0..2 { f = 1 }"),
        sometimes("lock m\ncondition d(m)\n", "with m { d.notify() }; f = 1"),
        sometimes("var z = 0\n", "f = 1; z = 0"),
        sometimes("", "let y = choose([1, 2]); f = 1"),
        log("", ""),
        log("process ", ""),
        log("", "print \"log\"; "),
        monitor.to_string(),
    ] {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(&script).args(how.iter().copied()).finish();
            let none: [&str; 0] = [];
            assert_eq!(told.failures(), none, "{script}{}", told.stdout);
        }
    }
}

/// Who waits for a condition and looks at it in vain goes nowhere by that: it brings nobody
/// together, and it is starved where others go on. The same whether the look is told to those who
/// look for races or not, with `--no-reduction` too, and by a replay.
#[test]
fn a_look_in_vain_is_no_way_round() {
    let apart = |memory: &str| {
        format!(
            "atomic a = 0\natomic c = 0\n{memory} p = 0\ntask t0 {{ loop {{ a = 1; let y = p }} }}\n\
             task beat {{ loop {{ c = 1; print \"x\" }} }}\ntask t1 {{ p = 0; await a != 2 and c != 5 and p == 1 }}\n\
             spawn t0\nspawn beat\nspawn daemon t1\njoin all\n"
        )
    };
    let starved = |memory: &str| {
        format!(
            "atomic a = 0\n{memory} p = 1\nlock m\ntask t0 {{ loop {{ a = 1; print \"x\"; if p == 1 {{ }} }} }}\n\
             task t1 {{ if m.acquire(blocking: false) {{ p = 0; await a != 2 and p == 1; m.release() }} }}\n\
             spawn t0\nspawn t1\njoin all\n"
        )
    };
    let all = "var f = 1\natomic t = 0\ntask a { while f != 0 { } }\ntask b { loop { if t == 1 { f = 1 } } }\n\
               task c { loop { t = 1; t = 0 } }\nspawn a\nspawn b\nspawn c\njoin all\n";
    let cases = [
        (apart("var"), "livelock", "t0 goes round for ever, and nothing changes"),
        (apart("atomic"), "livelock", "t0 goes round for ever, and nothing changes"),
        (starved("var"), "starvation", "t1 waits for ever while t0 goes on"),
        (starved("atomic"), "starvation", "t1 waits for ever while t0 goes on"),
        (all.to_string(), "livelock", "a, b and c go round for ever, and nothing changes"),
    ];
    for (script, code, message) in cases {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(&script).args(how.iter().copied()).finish().expect_code(1);
            let found = told.findings().into_iter().filter(|f| f["code"] != "race").collect::<Vec<_>>();
            assert_eq!(found.len(), 1, "{script}{}", told.stdout);
            assert_eq!((&found[0]["code"], &found[0]["message"]), (&code.into(), &message.into()), "{script}");
            for again in replays(&script, &found[0]) {
                let is_it = |f: &serde_json::Value| f["code"] == code && f["message"] == message;
                assert!(again.findings().iter().any(is_it), "{script}{}", again.stdout);
            }
        }
    }
}

/// Where it goes round is where it has come back to indeed, not where it had not yet been like
/// that: what is done once is no part of it, and a replay of the schedule says the same.
#[test]
fn what_is_done_once_is_no_part_of_a_round() {
    let cases: [(&str, &str, &[u64]); 4] = [
        (
            "atomic x = 0\ntask hb { loop { print \"alive\" } }\ntask w {\n    x = 1\n    x = 2\n    while x != 0 {\n\
             x = 1\n        x = 2\n    }\n}\nspawn hb\nspawn w\njoin all\n",
            "w",
            &[6, 7, 8],
        ),
        (
            "atomic p = 1\ntask t0 {\n    loop { }\n}\ntask t1 {\n    p = 1\n    loop {\n        p = 1\n        sleep 1ms\n    }\n}\n\
             spawn t0\nspawn t1\n",
            "t1",
            &[8, 9],
        ),
        (
            "atomic p = 0\ntask spin {\n    while p != 2 { }\n}\n\
             task other {\n    p = 1\n    let x = p\n    sleep 1ms\n    loop { print \"x\"; let y = p }\n}\nspawn spin\nspawn other\n",
            "spin",
            &[3],
        ),
        (
            "atomic f[2] = false\ntask beat { loop { print \"x\" } }\ntask polite(i) {\n    f[i] = true\n    while f[1 - i] {\n\
             f[i] = false\n        f[i] = true\n    }\n}\nspawn beat\nspawn polite(0)\nspawn polite(1)\njoin all\n",
            "polite",
            &[5, 6, 7],
        ),
    ];
    for (script, name, lines) in cases {
        let told = check_json(script).finish().expect_code(1);
        let is_its = |f: &&serde_json::Value| f["code"] == "livelock" && going(f)[0] == name;
        let found = told.findings();
        let finding = found.iter().find(is_its).unwrap_or_else(|| panic!("{script}{}", told.stdout));
        let again_and_again = |f: &serde_json::Value| {
            let places = f["places"].as_array().unwrap().iter();
            let round = places.filter(|p| p["label"].as_str().is_some_and(|text| text.contains("again and again")));
            let mut lines: Vec<u64> = round.map(|p| p["line"].as_u64().unwrap()).collect();
            lines.sort_unstable();
            lines.dedup();
            lines
        };
        assert_eq!(again_and_again(finding), lines, "{script}{}", told.stdout);
        for again in replays(script, finding) {
            let found = again.findings();
            let same = found.iter().find(is_its).unwrap_or_else(|| panic!("{script}{}", again.stdout));
            assert_eq!(again_and_again(same), lines, "{script}{}", again.stdout);
        }
    }
}

/// Who waits for a condition that can never hold is stuck, and not starved besides by those that go
/// on: also where the look at it is told to those who look for races.
#[test]
fn who_can_never_go_on_is_stuck_and_not_starved() {
    let beside = |memory: &str| {
        format!(
            "{memory} p = 1\ntask beat {{ loop {{ print \"beat\" }} }}\ntask w {{ await p == 0 }}\nspawn daemon beat\nspawn w\njoin all\n"
        )
    };
    let holds = "var p = 1\nlock m\nevent e\ntask t0 { loop { e.set(); print \"x\" } }\n\
                 task t1 { if m.acquire(blocking: false) { await p == 0 } }\nspawn t0\nspawn t1\njoin all\n";
    for script in [beside("var"), beside("shared"), beside("atomic"), holds.to_string()] {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(&script).args(how.iter().copied()).finish().expect_code(1);
            assert_eq!(told.failures(), ["deadlock"], "{script}{}", told.stdout);
        }
    }
}

/// A count that goes up and down by choice leaves its ends some day; to see that no set of
/// states keeps it takes not much longer for many than for few.
#[test]
fn a_walk_by_choice_ends() {
    let script = "atomic n = 5\ntask w {\n    loop {\n        if choose([true, false]) { n += 1 } else { n -= 1 }\n\
                  if n == 0 or n == 20000 { break }\n    }\n}\nspawn w\njoin all\n";
    let told = check_json(script).finish().expect_code(0);
    assert_eq!(summary(&told)["verdicts"]["livelock"], "absent", "{}", told.stdout);
}

/// Who waits for the end of a task that goes on for ever in peace never does what comes after
/// that: it starves, whatever it is that goes on, and whoever waits in between. Behind a wait that
/// nothing comes after there is nothing to be missed, and who is in trouble is told of alone.
#[test]
fn who_waits_for_an_end_that_never_comes() {
    let print = "task beat { loop { print \"beat\" } }\n";
    let poll = "event stop\npool p(1)\ntask poll { while not stop.is_set() { print \"poll\"; sleep 1ms } }\n";
    let quiet = "atomic stop = false\ntask w { while not stop { yield } }\nlet h = spawn w\njoin h\nstop = true\n";
    let consumer = "queue q(1)\ntask ticker { loop { q.put(\"tick\") } }\n\
                    task consumer { for v in q { if v == \"stop\" { return } } }\nspawn daemon ticker\n\
                    let c = spawn consumer\njoin c\nq.put(\"stop\")\n";
    let holds = "lock m\ntask w { loop { if m.acquire(blocking: false) { m.release(); return }\nprint \"busy\" } }\n\
                 with m { let h = spawn w\njoin h }\n";
    let between = "task mid { let h = spawn beat\njoin h }\nlet m = spawn mid\njoin m\nprint \"done\"\n";
    let both = "lock m\ntask stuck { m.acquire(); m.acquire() }\nspawn beat\nspawn stuck\njoin all\nprint 1\n";
    let last = "fn all_of(hs) { for h in hs { join h } }\nlet hs = [spawn beat]\nall_of(hs)\n";
    let caught = "let h = spawn beat\ntry { join h } catch any as e { print e }\n";
    // What is a livelock on another execution is none where somebody prints what is done.
    let loud = "atomic x = 0\ntask w { loop { x = 1 } }\ntask p(loud) { while loud { if x == 1 { print \"p\" } } }\n\
                let h = spawn w\nspawn p(choose([true, false]))\njoin h\nprint \"done\"\n";
    let behind = |next: &str| {
        format!(
            "pool p(1)\n{print}task first(h) {{ join h }}\ntask next {{ {next} }}\nlet h = spawn beat\n\
                 submit first(h) to p\nsubmit next to p\n"
        )
    };
    let cases: [(String, &[&str]); 23] = [
        (loud.to_string(), &["main"]),
        (format!("{print}{caught}"), &[]),
        (format!("{print}let h = spawn beat\njoin h\nprint \"done\"\n"), &["main"]),
        (format!("{print}let h = spawn process beat\njoin h\nprint \"done\"\n"), &["main"]),
        (format!("{print}spawn beat\nspawn {{ }}\njoin all\nassert false\n"), &["main"]),
        (format!("{print}let h = spawn beat\nselect {{ join h => {{ print 1 }} }}\n"), &["main"]),
        ("let p = fork()\nif p == 0 { loop { print 1 } }\nwait(p)\nprint 2\n".to_string(), &["main"]),
        (format!("{poll}submit poll to p\np.close()\njoin p\nstop.set()\n"), &["main"]),
        (format!("{poll}let j = submit poll to p\njoin j\nstop.set()\n"), &["main"]),
        (format!("{poll}submit poll to p\nlet j = submit poll to p\njoin j\nstop.set()\n"), &["main"]),
        (consumer.to_string(), &["main"]),
        (holds.to_string(), &["main"]),
        (format!("{print}{between}"), &["main"]),
        (behind("print 1"), &["p.worker#0"]),
        (behind("let x = 1"), &[]),
        (format!("const SAYS = true\n{print}let h = spawn beat\njoin h\nif SAYS {{ print 1 }}\n"), &["main"]),
        (format!("const SAYS = 2\n{print}let h = spawn beat\njoin h\nif not (SAYS > 1) {{ print 1 }}\n"), &[]),
        (format!("{print}let h = spawn beat\njoin h\nwhile false {{ print 1 }}\n"), &[]),
        (format!("{print}let h = spawn beat\njoin h\nwhile true {{ return }}\nprint 1\n"), &[]),
        (format!("{print}{last}"), &[]),
        (format!("{print}let h = spawn beat\njoin h\n"), &[]),
        (quiet.to_string(), &[]),
        (format!("{print}{both}"), &[]),
    ];
    for (script, starved) in cases {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(&script).args(how.iter().copied()).finish();
            let found = told.findings().into_iter().filter(|f| f["code"] == "starvation").collect::<Vec<_>>();
            let names: Vec<String> = found.iter().map(|f| going(f)[0].clone()).collect();
            assert_eq!(names, starved, "{script}{}", told.stdout);
            for finding in &found {
                for again in replays(&script, finding) {
                    assert!(
                        again.findings().iter().any(|f| f["message"] == finding["message"]),
                        "{script}{}",
                        again.stdout
                    );
                }
            }
        }
    }
}

/// That a task has ended is nothing that those who join it do to each other; and what they know by
/// it is no state of theirs to which they would have to come back.
#[test]
fn joins_of_who_has_ended() {
    let knows = "atomic x = 0\ntask setup { }\ntask server(h) { join h; loop { x = 0 } }\nlet h = spawn setup\n\
                 spawn server(h)\nwhile x == 0 { }\n";
    let own = "atomic x = 0\ntask t0 { }\ntask t1 { while x != 1 { x = 1 } }\n\
               task t2 { let h = spawn t0; join h; loop { x = 0 } }\nspawn t1\nspawn t2\n";
    let beside = "task t1 { }\ntask t2(h) { loop { join h; print \"p\" } }\nlet h = spawn t1\nspawn t2(h)\n\
                  loop { join h }\n";
    let cases: [(&str, &[&str]); 3] = [(knows, &["main", "server"]), (own, &["t1", "t2"]), (beside, &["main"])];
    for (script, names) in cases {
        for how in [&[][..], &["--no-reduction"]] {
            let told = check_json(script).args(how.iter().copied()).finish().expect_code(1);
            assert_eq!(told.failures(), ["livelock"], "{script}{}", told.stdout);
            let finding = &told.findings()[0];
            assert_eq!(going(finding), names, "{script}{}", told.stdout);
            for again in replays(script, finding) {
                assert_eq!(going(&again.findings()[0]), names, "{script}{}", again.stdout);
            }
        }
    }
}

/// With `--first` a livelock is enough, and nobody is looked for who starves beside it.
#[test]
fn the_first_is_enough() {
    let script = "atomic x = 0\natomic y = 0\ntask t { while y == 0 { } }\nlet h = spawn daemon t\nspawn { while x == 0 { } }\njoin h\n";
    let found = |args: &[&str]| check_json(script).args(args.iter().copied()).finish().expect_code(1).failures();
    assert_eq!(found(&[]), ["livelock", "starvation"]);
    assert_eq!(found(&["--first"]), ["livelock"]);
}

/// A round that leaves out who could go says nothing of those, in a replay of it.
#[test]
fn a_round_that_is_not_fair_is_nobody_s_livelock() {
    let toggles = "atomic flag = 0\ntask tog { loop { flag = 1; flag = 0 } }\nspawn daemon tog\nwhile flag != 1 { }\n";
    for model in [&[][..], &["--model"]] {
        let replay = conc().args(["replay", "--format", "json"]).args(model.iter().copied());
        replay.args(["-", "0x3"]).input(toggles).finish().expect_code(0);
    }
    // Where all go round it is one.
    assert_eq!(check_json(toggles).finish().expect_code(1).failures(), ["livelock"]);
}
