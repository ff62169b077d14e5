//! Values, and what is done with them that is no step, whoever carries it out: `run`,
//! `check`, `replay`, `step` and a session come to the same, an error among it.

use crate::support;

use support::{Ended, conc, flat};

fn with_script(args: &[&str], script: &str) -> Ended {
    conc().file("s.conc", script).args(args).finish()
}

/// What `main` prints last.
#[track_caller]
fn prints(script: &str, last: &str) {
    let run = with_script(&["run", "--format", "json", "s.conc"], script).expect_code(0);
    assert_eq!(run.prints().last().map(String::as_str), Some(last), "run: {script}");
    let check = with_script(&["check", "--format", "json", "s.conc"], script).expect_code(0);
    let outcomes = check.of_type("outcome");
    assert_eq!(outcomes.len(), 1, "check: {script}{}", check.stdout);
    assert_eq!(outcomes[0]["prints"]["main"], last, "check: {script}");
    let session = conc().args(["repl"]).input(script).finish().expect_code(0);
    assert_eq!(session.stdout.lines().last(), Some(last), "repl: {script}");
}

/// The error that ends `main`: its kind, what it says, and the text that it stands at.
#[track_caller]
fn fails(script: &str, kind: &str, says: &str, at: &str) {
    let told = |how: &str, ended: &Ended| {
        assert_eq!(ended.failures(), ["error"], "{how}: {script}{}", ended.stdout);
        let finding = &ended.of_type("finding")[0];
        let message = finding["message"].as_str().expect("a sentence");
        assert!(message.contains(&format!(" {kind} error ")) && message.ends_with(says), "{how}: {message}");
        let place = &finding["places"][0];
        let number = |field: &str| place[field].as_u64().expect("a number") as usize;
        let line = script.lines().nth(number("line") - 1).expect("it is in the script");
        assert_eq!(&line[number("column") - 1..][..number("length")], at, "{how}: {script}");
        finding["schedule"].as_str().map(str::to_string)
    };
    assert_eq!(told("run", &with_script(&["run", "--format", "json", "s.conc"], script).expect_code(1)), None);
    let check = with_script(&["check", "--format", "json", "s.conc"], script).expect_code(1);
    let schedule = told("check", &check).expect("a check has the schedule");
    let replay = with_script(&["replay", "--format", "json", "s.conc", &schedule], script).expect_code(1);
    told("replay", &replay);
    let step = conc().file("s.conc", script).args(["step", "--color", "never", "s.conc"]).input("c\nq\n").finish();
    assert!(flat(&step.stdout).contains(says), "step: {script}{}", step.stdout);
    let session = conc().args(["repl", "--color", "never"]).input(script).finish();
    assert!(session.stderr.contains(&format!("error: {kind}: {says}\n")), "repl: {script}{}", session.stderr);
}

/// Every integer can be the end of a range, the largest as well.
#[test]
fn a_range_ends_at_the_largest_integer_too() {
    let largest = "const M = 9223372036854775807\n";
    let sum = "var n = 0\nfor i in M - 2..=M { n += M - i + 1 }\nprint n\n";
    prints(&format!("{largest}{sum}"), "6");
    prints(&format!("{largest}for i in M..=M {{ print i }}\n"), "9223372036854775807");
    prints(&format!("{largest}let xs = M - 1..=M\nprint xs\n"), "[9223372036854775806, 9223372036854775807]");
    prints(
        &format!(
            "{largest}var n = 0\nfor i in M..M {{ n += 1 }}\nfor i in M..=-M {{ n += 1 }}\nlet xs = M..=-M\nprint n, xs\n"
        ),
        "0 []",
    );
    prints(&format!("{largest}for i in -M..=M {{ if i > 5 - M {{ break }}\n print i + M }}\n"), "5");
    let all = format!("{largest}let xs = -M..=M\n");
    fails(&all, "Overflow", "a range as a list has at most 1000000 elements", "-M..=M");
}

/// What only the run knows of the receiver changes nothing of what a method takes.
#[test]
fn an_argument_that_is_given_twice_is_an_error() {
    let script = "lock m\nsemaphore s(1)\nlet either = choose([m])\neither.acquire(blocking: true, blocking: false)\n";
    fails(script, "Type", "`blocking` is given twice", "either.acquire(blocking: true, blocking: false)");
}

/// As the left side does, which decides whether the right one is looked at.
#[test]
fn both_sides_of_and_and_or_are_true_or_false() {
    let given = "fn given(x) { return x }\n";
    for (condition, at, what) in [
        ("true and given(0)", "given(0)", "an integer"),
        ("false or given(\"x\")", "given(\"x\")", "a string"),
        ("given(true) and (given(none))", "given(none)", "none"),
        ("false or true and given([1])", "given([1])", "a list"),
    ] {
        let says = format!("a condition is a bool, and this is {what}");
        fails(&format!("{given}print {condition}\n"), "Type", &says, at);
        fails(&format!("{given}if {condition} {{ print 1 }}\n"), "Type", &says, at);
    }
    prints(&format!("{given}print false and given(0), true or given(1), true and given(false)\n"), "false true false");
    // Whatever comes of it is a bool.
    let wrong = with_script(&["run", "s.conc"], &format!("{given}print (given(1) and given(2)) + 1\n"));
    wrong.expect_code(2).expect_stderr("`+` cannot take a bool");
}

/// What an object is called in a sentence.
#[test]
fn an_arm_of_what_never_waits_is_an_error() {
    let arm = |kind: &str, question: &str| format!("{kind} o\nlet held = o\nselect {{ held.{question}() => {{ }} }}\n");
    fails(&arm("event", "is_set"), "Type", "`is_set` of an event never waits", "select");
    fails(&arm("lock", "locked"), "Type", "`locked` of a lock never waits", "select");
}

const HOLDS: &str = "struct P { var xs = [7, 8]; shared s = \"abc\"; atomic t = [[1], [2, 3]]; var row[2] = 5 }
struct Q { var row = [1, 2, 3] }
let p = P()
let q = Q()
";

/// Where the field is a row it is one of its places.
#[test]
fn an_element_of_what_a_field_holds() {
    prints(&format!("{HOLDS}print p.xs[1], p.xs[-2], p.s[2], p.t[1][0], p.row[1], q.row[2]\n"), "8 7 c 2 5 3");
    let held = "let ls = P(xs: [lock(), latch(1)])\nls.xs[1].add(1)\nwith ls.xs[0] { print ls.xs[1].value() }\n";
    prints(&format!("{HOLDS}{held}"), "2");
    fails(&format!("{HOLDS}print p.xs[2]\n"), "Index", "index 2 of 2", "p.xs[2]");
    let says = "an index is an integer, and this is a string";
    fails(&format!("{HOLDS}let i = \"0\"\nprint p.xs[i]\n"), "Type", says, "p.xs[i]");
    fails(&format!("{HOLDS}p.xs = 3\nprint p.xs[0]\n"), "Type", "an integer has no elements", "p.xs[0]");
    // An element of what one place holds is no place, and told as of a `var`.
    for (place, row) in [("p.xs[1]", "var xs[3]"), ("p.t[0]", "atomic t[3]")] {
        let wrong = with_script(&["run", "s.conc"], &format!("{HOLDS}{place} = 3\n")).expect_code(2);
        wrong.expect_stderr("is one place, and a list in it is one value").expect_stderr(&format!("`{row} = 0`"));
    }
    let says = "`row` is one place, and a list in it is one value";
    fails(&format!("{HOLDS}p.row[1] = 3\nq.row[1] = 3\n"), "Type", says, "q.row[1] = 3");
    let element = "var v = [7]\nprint v[0].add(1)\n";
    fails(element, "Type", "an integer has no method `add`", "v[0].add(1)");
}

/// Its read is one step of the place, at which others can come between.
#[test]
fn an_element_of_what_a_field_holds_is_read_in_one_step() {
    let script = |read: &str| {
        format!(
            "struct P {{ shared xs = [1, 1] }}\nlet p = P()\nshared v = [1, 1]\n\
             spawn process {{ p.xs = [2, 2]; v = [2, 2] }}\nprint {read}[0] + {read}[1]\n"
        )
    };
    for read in ["p.xs", "v"] {
        let ended = with_script(&["check", "--format", "json", "s.conc"], &script(read));
        assert_eq!(ended.failures(), ["race"], "{read}");
        let mut sums: Vec<String> = ended.of_type("outcome").iter().map(|o| o["prints"]["main"].to_string()).collect();
        sums.sort();
        sums.dedup();
        assert_eq!(sums, ["\"2\"", "\"3\"", "\"4\""], "{read}");
    }
}

/// Of a task that was spawned, of `main`, of a job and of `finally`.
#[test]
fn ten_thousand_calls_are_within_each_other() {
    let depth = "var deepest = 0
fn down(n) { deepest = n; if n < 10000 { down(n + 1) } }
fn further(n) { deepest = n; further(n + 1) }
fn measure() { deepest = 0; try { further(1) } catch Overflow { return deepest } }
";
    let tasks = [
        ("", "print measure()", "9999"),
        ("", "down(1); print deepest", "10000"),
        ("task t { down(1) }\n", "let h = spawn t; join h; print deepest", "10000"),
        ("", "let h = spawn { down(1) }; join h; print deepest", "10000"),
        ("pool p(1)\ntask t { down(1) }\n", "let h = submit t to p; join h; print deepest; p.close(); join p", "10000"),
    ];
    for (items, main, deepest) in tasks {
        let script = format!("{depth}{items}{}\n", main.replace("; ", "\n"));
        let run = with_script(&["run", "--format", "json", "s.conc"], &script);
        assert_eq!((run.prints(), run.failures()), (vec![deepest.to_string()], vec![]), "{script}");
    }
    let last = format!("{depth}finally {{ assert measure() == 9999 }}\n");
    with_script(&["run", "s.conc"], &last).expect_code(0);
    let one_more = "fn down(n) { if n > 1 { down(n - 1) } }\ndown(10000)\nprint \"far\"\ndown(10001)\n";
    fails(one_more, "Overflow", "calls are nested more than 10000 deep", "down(n - 1)");
}

/// Nobody is left whom it could wait for: it looks, and at once.
#[test]
fn finally_does_not_sleep() {
    for script in ["finally { sleep 1ms }\n", "fn f() { sleep 1ms }\nfinally { f() }\n"] {
        for command in ["run", "check"] {
            let told = with_script(&[command, "s.conc"], script).expect_code(2);
            told.expect_stderr("`finally` runs when all has ended, and this waits");
        }
    }
    // Not seen before the run.
    let script = "fn f(time) { sleep time }\nfn g(made = f) { made(1ms) }\nfinally { g() }\n";
    for command in ["run", "check"] {
        let ended = with_script(&[command, "--format", "json", "s.conc"], script).expect_code(1);
        assert_eq!(ended.failures(), ["error"], "{command}");
        let message = ended.of_type("finding")[0]["message"].to_string();
        assert!(message.contains("a Type error") && message.contains("and this waits"), "{command}: {message}");
    }
}

/// A call of literals is refused before the run if, and only if, it is the error `Type` when it is
/// reached.
#[test]
fn what_is_refused_of_literals_is_what_a_run_would_raise() {
    use conc::{lang::parse::parse, objects::KINDS, program::compile};
    let before = "lock m\nsemaphore s(1)\ncondition c(m)\nlatch l(9)\nfn f() { return 1 }\nlet xs = [1, 2, 3]\n";
    let values = [
        "1",
        "-3",
        "0",
        "2s",
        "true",
        "none",
        "\"\"",
        "\"a\"",
        "\"7\"",
        "\" 7 \"",
        "\"1_000\"",
        "[]",
        "[1]",
        "[1, \"a\"]",
        "[2s, 1s]",
        "[[1]]",
        "[true]",
        "99999999999",
        "\"99999999999999999999\"",
    ];
    let one = [
        "len(A)",
        "abs(A)",
        "int(A)",
        "str(A)",
        "min(A)",
        "max(A)",
        "choose(A)",
        "xs[A]",
        "xs[A..]",
        "xs[..A]",
        "\"abc\"[A]",
        "A()",
        "s.release(A)",
        "s.release(n: A)",
        "c.notify(A)",
        "l.add(A)",
    ];
    let two = ["min(A, B)", "max(A, B)", "min(1, A, B)", "xs[A..B]", "A[B]"];
    let mut calls = Vec::new();
    for a in values {
        calls.extend(one.iter().map(|call| (*call, a, "0")));
        calls.extend(two.iter().flat_map(|call| values.map(|b| (*call, a, b))));
    }
    let mut script = before.to_string();
    for (call, a, b) in &calls {
        let call = call.replace('A', "a").replace('B', "b");
        script += &format!(
            "with m {{ try {{ let a = {a}; let b = {b}; let r = {call}; print \"fine\" }} catch any as e {{ print e.kind }} }}\n"
        );
    }
    let run = with_script(&["run", "--format", "json", "s.conc"], &script).expect_code(0);
    let raised = run.prints();
    assert_eq!(raised.len(), calls.len());
    assert!(["fine", "Type", "Index"].iter().all(|end| raised.iter().any(|raised| raised == end)));
    let mut faults = Vec::new();
    for ((call, a, b), raised) in calls.iter().zip(&raised) {
        // Of a literal the length is known too.
        let is_told = raised == "Type" || raised == "Index" && matches!(*call, "\"abc\"[A]" | "A[B]");
        let call = call.replace('A', "@").replace('B', b).replace('@', a);
        let script = format!("{before}with m {{ print {call} }}\n");
        let refused = compile(&parse(&script).expect("its form is right"), &script, KINDS, &[]).is_err();
        if refused != is_told {
            faults.push(format!("{call}: {raised}, {}", if refused { "refused" } else { "not refused" }));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), calls.len(), faults[..faults.len().min(40)].join("\n"));
}

/// A job has no process of its own, whatever its pool consists of and whenever it is asked for.
#[test]
fn a_job_has_no_pid() {
    let script = "pool p(1) of processes\npool t(1)\ntask j(me) { return self.pid == me }\n\
        let a = submit j(self.pid) to p\nlet b = submit j(self.pid) to t\nlet c = spawn j(self.pid)\n\
        let early = [a.pid, b.pid]\njoin a; join b; join c\np.close(); t.close(); join p; join t\n\
        print early, a.pid, b.pid, c.pid == self.pid, a.result, b.result\n";
    prints(script, "[none, none] none none true false true");
}
