//! `conc test`, and the formats for other programs of `test` and `check`: exit
//! codes, reasons, and that SARIF and JUnit have what their readers need.

use crate::support;

use serde_json::Value;
use support::{Ended, conc, flat};

const RACY: &str = "var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\n";
const FINE: &str = "atomic x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\nexpect ok\nexpect every x == 2\n";
const WRONG: &str = "vra x = 0\nlok m\n";

/// `conc test` on these files, in a folder of their own.
fn test(files: &[(&str, &str)], args: &[&str]) -> Ended {
    let conc = files.iter().fold(conc(), |conc, (name, text)| conc.file(name, text));
    conc.args(["test", "--color", "never"]).args(args).args(files.iter().map(|f| f.0)).finish()
}

fn expecting(lines: &str) -> String {
    format!("{RACY}{lines}")
}

#[track_caller]
fn assert_fails(lines: &str, reason: &str) {
    let ended = test(&[("a.conc", &expecting(lines))], &[]).expect_code(1);
    let text = flat(&ended.stdout);
    assert!(text.starts_with("failed a.conc") && text.contains(reason), "{}", ended.stdout);
}

#[test]
fn what_is_met_passes() {
    for lines in ["expect race", "expect race on x", "expect race on x\nexpect some x == 1\nexpect every x > 0"] {
        let ended = test(&[("a.conc", &expecting(lines))], &[]).expect_code(0);
        assert!(ended.stdout.starts_with("passed     a.conc\n1 script, "), "{}", ended.stdout);
    }
    test(&[("fine.conc", FINE)], &[]).expect_code(0);
}

#[test]
fn what_is_not_met_fails_with_its_reason() {
    let unexpected =
        "race on x was not expected: one task writes x while another reads it, and nothing orders them (line 2)";
    assert_fails("", unexpected);
    assert_fails("expect ok", unexpected);
    assert_fails("expect race on x\nexpect deadlock", "`expect deadlock` (line 6) is not met: this cannot happen");
    assert_fails(
        "expect race on y\nvar y = 0",
        "`expect race on y` (line 5) is not met: nothing is found on y, but race on x",
    );
    assert_fails("expect race\nexpect some x == 3", "`expect some` (line 6) is not met: it is false at all 2 ends");
    assert_fails("expect race\nexpect every x == 2", "`expect every` (line 6) is not met: it is false at 1 of 2 ends");
}

/// What is neither true nor false is told as that, not as false.
#[test]
fn a_claim_that_cannot_be_worked_out_says_why() {
    let one_end = |claim: &str, reason: &str| {
        let script = format!("var x = 0\n{claim}\n");
        let text = flat(&test(&[("a.conc", &script)], &[]).expect_code(1).stdout);
        assert!(text.contains(&format!("is not met: it is not true at the only end: {reason}")), "{text}");
        let checked = conc().file("a.conc", &script).args(["check", "a.conc"]).finish().expect_code(1);
        assert!(flat(&checked.stdout).contains(&format!("true at the end of 0 of 1: {reason}")), "{}", checked.stdout);
    };
    one_end("expect every x", "it is 0, which is not true and not false");
    one_end("expect some x", "it is 0, which is not true and not false");
    one_end("expect some 1 / x == 1", "it ends with DivideByZero: ");
    let several = "every 2 / x == 1";
    assert_fails(
        &format!("expect race\nexpect {several} or x == 2"),
        "`expect every` (line 6) is not met: it is false at 1 of 2 ends",
    );
    let some = "expect race\nexpect every 1 / (x - 1) == 1";
    assert_fails(some, "it is not true at 1 of 2 ends; at one of them it ends with DivideByZero: ");
}

/// A link to a folder above leads into what is known by then.
#[test]
fn a_folder_is_gone_through_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("sub/deep");
    std::fs::create_dir_all(&deep).expect("folders");
    for script in ["sub/z.conc", "sub/deep/p.conc"] {
        std::fs::write(folder.path().join(script), FINE).expect("it is written");
    }
    std::os::unix::fs::symlink("../..", deep.join("up")).expect("a link");
    let ended = conc().args(["test", "-v"]).args([folder.path()]).finish().expect_code(0);
    let rows: Vec<&str> = ended.stdout.lines().filter(|l| l.starts_with("passed")).collect();
    assert_eq!(rows.len(), 2, "{}", ended.stdout);
    assert!(rows[0].contains("sub/deep/p.conc") && rows[1].contains("/sub/z.conc"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("/up/"), "{}", ended.stdout);
}

/// Where the same goes wrong at the same places with one object or the other, either may be
/// expected, whichever is told of.
#[test]
fn what_is_found_on_several_objects_at_one_place_is_on_each() {
    let script = "queue a(0)\nqueue b(0)\ntask p(q) { q.put(1) }\nspawn p(a)\nspawn p(b)\n\
                  select {\n    x = a.get() => { print \"a\" }\n    y = b.get() => { print \"b\" }\n}\njoin all\n";
    for name in ["a", "b"] {
        test(&[("a.conc", &format!("{script}expect deadlock on {name}\n"))], &[]).expect_code(0);
    }
    let fails = "queue a\nqueue b\ntask t(q) { q.get_nowait() }\nspawn t(a)\nspawn t(b)\n";
    for name in ["a", "b"] {
        test(&[("a.conc", &format!("{fails}expect error on {name}\n"))], &[]).expect_code(0);
    }
    let ended = test(&[("a.conc", &format!("{fails}expect error on c\n"))], &[]);
    assert_ne!(ended.code, Some(0), "{}", ended.stdout);
}

#[test]
fn the_deadlock_of_a_lock_order_is_to_be_expected_too() {
    let locks = "lock a\nlock b\ntask t { with a { with b { } } }\ntask u { with b { with a { } } }\nspawn t\nspawn u\njoin all\n";
    let both = format!("{locks}expect lock-order on a, b\nexpect deadlock on a, b\n");
    test(&[("a.conc", &both)], &[]).expect_code(0);
    let one = format!("{locks}expect lock-order on a, b\n");
    let ended = test(&[("a.conc", &one)], &[]).expect_code(1);
    let text = flat(&ended.stdout);
    assert!(text.contains("is expected by `expect deadlock on b, a`"), "{}", ended.stdout);
}

#[test]
fn a_limit_leaves_it_undecided() {
    let ended = test(&[("fine.conc", FINE)], &["--max-states", "1"]).expect_code(3);
    assert!(ended.stdout.starts_with("undecided  fine.conc\n"), "{}", ended.stdout);
}

#[test]
fn what_does_not_compile_is_a_row_and_the_others_are_checked() {
    let racy = expecting("expect ok");
    let files =
        [("a.conc", WRONG), ("fine.conc", FINE), ("racy.conc", racy.as_str()), ("z.conc", "atomic x = 0\nx++\n")];
    let ended = test(&files, &[]).expect_code(2);
    let rows: Vec<&str> = ended.stdout.lines().filter(|l| !l.starts_with(' ')).collect();
    let expected = ["wrong      a.conc", "passed     fine.conc", "failed     racy.conc", "wrong      z.conc"];
    assert_eq!(rows[..4], expected, "{}", ended.stdout);
    assert!(rows[4].starts_with("4 scripts, ") && rows[4].ends_with(": 1 passed, 1 failed, 2 wrong"), "{}", rows[4]);
    let text = flat(&ended.stdout);
    for reason in [
        "wrong a.conc - `vra` is no kind of object (line 1): did you mean `var`? \
         - `lok` is no kind of object (line 2): did you mean `lock`? passed",
        "wrong z.conc - `++` is not an operator (line 2): write `x += 1`",
        "race on x was not expected",
    ] {
        assert!(text.contains(reason), "{reason}: {text}");
    }
    assert_eq!(ended.stderr, "");
    // In full with `-v`; quietly without what passed.
    let ended = test(&files, &["-v"]).expect_code(2);
    assert!(ended.stdout.contains("a.conc:2:1") && ended.stdout.contains("1 │ vra x = 0"), "{}", ended.stdout);
    let ended = test(&files, &["-q"]).expect_code(2);
    assert!(ended.stdout.contains("wrong      a.conc") && !ended.stdout.contains("fine.conc"), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_read_is_a_row_too() {
    let conc = conc().file("tmp/a.conc", FINE).file("tmp/b.conc", [b'x', 0xff].as_slice());
    let ended = conc.args(["test", "--color", "never", "tmp"]).finish().expect_code(2);
    let (first, rest) = ended.stdout.split_once('\n').expect("rows");
    assert_eq!(first, "passed     tmp/a.conc");
    let rest = flat(rest);
    assert!(rest.starts_with("wrong tmp/b.conc - tmp/b.conc:1:2: a byte that is not UTF-8"), "{rest}");
}

#[test]
fn formats_tell_of_what_does_not_compile_and_of_the_others() {
    let racy = expecting("expect ok");
    let files = [("a.conc", WRONG), ("fine.conc", FINE), ("racy.conc", racy.as_str())];
    let ended = test(&files, &["--format", "json"]).expect_code(2);
    let lines: Vec<Value> = ended.stdout.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let types: Vec<&str> = lines.iter().filter_map(|l| l["type"].as_str()).collect();
    assert_eq!(types, ["start", "error", "error", "test", "test", "finding", "test", "summary"]);
    assert_eq!([&lines[3]["status"], &lines[4]["status"], &lines[6]["status"]], ["wrong", "passed", "failed"]);
    let last = &lines[7];
    let counts = ["passed", "failed", "undecided", "wrong", "exit_code"].map(|field| last[field].as_u64());
    assert_eq!(counts, [1, 1, 0, 1, 2].map(Some));

    let log = sarif(&test(&files, &["--format", "sarif"]).expect_code(2));
    let run = &log["runs"][0];
    let rules: Vec<&str> =
        run["results"].as_array().into_iter().flatten().filter_map(|r| r["ruleId"].as_str()).collect();
    assert_eq!(rules.len(), 3);
    assert_eq!((rules[0], rules[1], rules[2]), (rules[0], rules[0], "race"));
    assert_eq!(run["artifacts"].as_array().map(Vec::len), Some(3));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);

    let ended = test(&files, &["--format", "junit"]).expect_code(2);
    let elements = elements(&ended.stdout);
    let named = |name: &str| elements.iter().filter(|e| e.0 == name).collect::<Vec<_>>();
    assert_eq!(named("testcase").len(), 3);
    assert_eq!(named("error").len(), 1);
    assert_eq!(attribute(named("error")[0], "type"), "wrong");
    assert!(attribute(named("error")[0], "message").contains("`lok` is no kind of object (line 2)"));
    assert_eq!(named("failure").len(), 1);
    let top = named("testsuites")[0];
    assert_eq!((attribute(top, "tests"), attribute(top, "failures"), attribute(top, "errors")), ("3", "1", "1"));
}

#[test]
fn slips_on_the_command_line() {
    for (args, text) in [
        (vec!["-D", "NO=1"], "no script has a `const` of this name"),
        (vec!["--skip", "conc"], "every script is skipped"),
        (vec!["nowhere"], "nowhere cannot be read"),
    ] {
        let ended = test(&[("fine.conc", FINE)], &args).expect_code(2);
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
    }
    conc().args(["test", "tmp"]).finish().expect_code(2);
    conc().args(["test"]).finish().expect_code(2);
}

/// A path without a script is said, and is an error; the others are tested all the same.
#[test]
fn a_path_without_a_script_keeps_no_other_from_its_test() {
    for (path, text) in [("nowhere", "nowhere cannot be read"), ("tmp", "there is no .conc script below tmp")] {
        let conc = conc().file("fine.conc", FINE).file("tmp/c.txt", "no script");
        let ended = conc.args(["test", "--color", "never", "fine.conc", path]).finish().expect_code(2);
        assert!(ended.stderr.contains(text), "{}", ended.stderr);
        assert!(ended.stdout.starts_with("passed     fine.conc\n"), "{}", ended.stdout);
        // A server that reads the document alone sees it.
        let conc = support::conc().file("fine.conc", FINE).file("tmp/c.txt", "no script");
        let ended = conc.args(["test", "--format", "junit", "fine.conc", path]).finish().expect_code(2);
        let all = elements(&ended.stdout);
        assert_eq!((attribute(&all[0], "tests"), attribute(&all[0], "errors")), ("2", "1"));
        let error = all.iter().find(|e| e.0 == "error").expect("there is one");
        assert!(attribute(error, "message").contains(text), "{}", ended.stdout);
    }
}

/// What cannot be looked into is named and is an error; the others are looked into all the same.
/// A link to itself cannot be looked into by anybody.
#[test]
fn a_folder_that_cannot_be_read_keeps_no_other_from_its_test() {
    let fine = FINE.replace("{ x += 1 }", "{\n    x += 1\n}");
    for command in ["test", "fmt --check"] {
        let made = "mkdir tmp/a tmp/z; mv tmp/fine.conc tmp/a; mv tmp/other.conc tmp/z; ln -s around tmp/around";
        let back = "mv tmp/*/*.conc tmp; rmdir tmp/a tmp/z; rm tmp/around";
        let line = format!("{made}; \"$CONC\" {command} tmp; code=$?; {back}; exit $code");
        let shell = support::program("sh").args(["-c", &line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
        let shell = shell.file("tmp/fine.conc", &fine).file("tmp/other.conc", format!("{fine}++\n"));
        let ended = shell.finish().expect_code(2);
        assert!(ended.stderr.starts_with("conc: tmp/around cannot be read: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("tmp cannot be read"), "{}", ended.stderr);
        let both = format!("{}{}", ended.stdout, ended.stderr);
        assert!(both.contains("tmp/z/other.conc"), "{both}");
        assert!(command != "test" || ended.stdout.contains("tmp/a/fine.conc"), "{}", ended.stdout);
    }
}

/// In a folder only a file is a script: nobody writes into this pipe.
#[test]
fn a_pipe_is_no_script() {
    for command in ["test", "fmt --check"] {
        let line = format!("mkfifo tmp/x.conc; \"$CONC\" {command} tmp; code=$?; rm tmp/x.conc; exit $code");
        let shell = support::program("sh").args(["-c", &line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
        shell.file("tmp/fine.conc", FINE.replace("{ x += 1 }", "{\n    x += 1\n}")).finish().expect_code(0);
    }
}

/// A name that is no text leads to its file all the same.
#[test]
fn a_name_need_not_be_text() {
    for (command, says) in [("test", "1 passed"), ("fmt --check", "")] {
        let line = format!(
            "x=$(printf 'tmp/\\377.conc'); echo 'print 1' > \"$x\"; \"$CONC\" {command} tmp; code=$?; rm \"$x\"; exit $code"
        );
        let shell = support::program("sh").args(["-c", &line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
        let ended = shell.finish().expect_code(0);
        assert!(ended.stdout.contains(says) && ended.stderr.is_empty(), "{}{}", ended.stdout, ended.stderr);
    }
}

/// A finding about a job is on its pool.
#[test]
fn a_job_is_its_pools() {
    let never_begun = "pool p(1)\ntask inner { return 1 }\n\
        task outer { let h = submit inner to p; join h }\nlet o = submit outer to p\njoin o\n";
    let left = "pool p(1) of processes\ntask j { exit 3 }\nlet h = submit j to p\njoin h\n";
    for script in [never_begun, left] {
        test(&[("a.conc", &format!("{script}expect deadlock on p\n"))], &[]).expect_code(0);
        let ended = support::run_json(script).finish();
        assert_eq!(ended.findings()[0]["on"], serde_json::json!(["p"]), "{}", ended.stdout);
    }
    let told = support::run(never_begun).finish().stderr;
    assert!(flat(&told).contains("and only p.worker#0 itself could take a job of p"), "{told}");
    assert!(flat(&told).contains("no worker of p is left for inner#1: make more of them"), "{told}");
}

#[test]
fn a_const_is_given_to_those_who_have_it() {
    let sized = "const N = 2\nvar x = 0\nx = N\nexpect every x == 3\n";
    test(&[("a.conc", sized), ("fine.conc", FINE)], &[]).expect_code(1);
    test(&[("a.conc", sized), ("fine.conc", FINE)], &["-D", "N=3"]).expect_code(0);
}

#[test]
fn folders_are_gone_through_and_quiet_says_what_failed() {
    let conc =
        conc().file("tmp/b.conc", expecting("expect ok")).file("tmp/a.conc", FINE).file("tmp/c.txt", "no script");
    let ended = conc.args(["test", "-q", "-j", "1", "tmp", "tmp/a.conc"]).finish().expect_code(1);
    assert!(ended.stdout.starts_with("failed     tmp/b.conc\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("2 scripts, ") && !ended.stdout.contains("a.conc"), "{}", ended.stdout);
}

#[test]
fn json_has_a_line_for_each_script() {
    let files = [("a.conc", expecting("expect ok")), ("fine.conc", FINE.to_string())];
    let files: Vec<(&str, &str)> = files.iter().map(|f| (f.0, f.1.as_str())).collect();
    let ended = test(&files, &["--format", "json"]).expect_code(1);
    let lines: Vec<Value> = ended.stdout.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let types: Vec<&str> = lines.iter().filter_map(|l| l["type"].as_str()).collect();
    assert_eq!(types, ["start", "finding", "test", "test", "summary"]);
    assert_eq!((lines[2]["status"].as_str(), lines[3]["status"].as_str()), (Some("failed"), Some("passed")));
    let last = &lines[4];
    assert_eq!((&last["passed"], &last["failed"], &last["exit_code"]), (&1.into(), &1.into(), &1.into()));
}

/// More states than can be gone through while a test waits.
const ENDLESS: &str = "\
const N = 9
var x[N] = 0
task t(i) { repeat 9 { x[i] += 1; x[(i + 1) % N] += 1 } }
for i in 0..N { spawn t(i) }
join all
expect race
";

#[test]
fn a_row_is_told_as_soon_as_those_before_it_are() {
    for (format, row) in [("human", "passed     a.conc"), ("json", r#"{"type":"test","file":"a.conc""#)] {
        let files = conc().file("a.conc", FINE).file("b.conc", ENDLESS).file("c.conc", FINE);
        let mut running = files.args(["test", "--format", format, "a.conc", "b.conc", "c.conc"]).start();
        running.line(row);
        assert!(!running.has_ended());
        running.signal(nix::sys::signal::Signal::SIGINT);
        let ended = running.finish().expect_code(130);
        let named = |line: &str| ["a.conc", "b.conc", "c.conc"].into_iter().find(|name| line.contains(name));
        let order: Vec<&str> = ended.stdout.lines().skip_while(|l| !l.contains(row)).filter_map(named).collect();
        assert_eq!(order, ["a.conc", "b.conc", "c.conc"], "{}", ended.stdout);
    }
}

/// Also if something else would have been an error.
#[test]
fn an_interrupted_test_says_so_by_its_exit_code() {
    let files = conc().file("a.conc", "prnt 1\n").file("b.conc", ENDLESS);
    let mut running = files.args(["test", "a.conc", "b.conc"]).start();
    running.line("wrong      a.conc");
    running.signal(nix::sys::signal::Signal::SIGINT);
    running.finish().expect_code(130);
}

/// Before it has read all of them too.
#[test]
fn a_test_may_be_interrupted_while_it_reads() {
    use nix::sys::signal::Signal;
    for (signal, define) in [(Signal::SIGINT, None), (Signal::SIGTERM, Some("-DN=1"))] {
        let (input, _open) = std::io::pipe().expect("a pipe");
        let files = conc().file("a.conc", FINE).file("b.conc", FINE);
        let mut running = files.args(["test", "a.conc", "-", "b.conc"]).args(define).stdin(input).start();
        running.until_signal("SigBlk", signal);
        running.signal(signal);
        let ended = running.finish().expect_code(130).expect_stderr("conc: interrupted");
        let undecided = ended.stdout.lines().filter(|line| line.starts_with("undecided ")).count();
        assert_eq!(undecided, 3, "{}", ended.stdout);
    }
}

// ----------------------------------------------------------------------- SARIF

/// What the standard demands of each object (OASIS SARIF 2.1.0, section 3), as
/// far as conc writes it: required properties, and which values are allowed.
fn sarif_faults(log: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut need = |is: bool, what: &str, at: &Value| {
        if !is {
            faults.push(format!("{what}: {at}"));
        }
    };
    need(log["version"] == "2.1.0", "the version", log);
    need(
        log["$schema"].as_str().is_some_and(|s| s.ends_with("sarif-schema-2.1.0.json")),
        "the schema",
        &log["$schema"],
    );
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    need(driver["name"] == "conc", "the tool's name", driver);
    need(run["columnKind"] == "unicodeCodePoints", "the kind of columns", &run["columnKind"]);
    need(run["invocations"][0]["executionSuccessful"].is_boolean(), "executionSuccessful", &run["invocations"]);
    let rules = driver["rules"].as_array().cloned().unwrap_or_default();
    for rule in &rules {
        need(rule["id"].is_string() && rule["shortDescription"]["text"].is_string(), "a rule", rule);
    }
    for result in run["results"].as_array().expect("results are a list") {
        let index = result["ruleIndex"].as_u64().unwrap_or(u64::MAX) as usize;
        need(rules.get(index).is_some_and(|r| r["id"] == result["ruleId"]), "the rule of a result", result);
        need(result["message"]["text"].as_str().is_some_and(|t| !t.is_empty()), "a message", result);
        need(["error", "note"].iter().any(|l| result["level"] == *l), "a level", result);
        need(result["partialFingerprints"].as_object().is_some_and(|p| !p.is_empty()), "a fingerprint", result);
        let flows = result["codeFlows"].as_array().into_iter().flatten();
        let stops = flows.clone().flat_map(|f| f["threadFlows"].as_array().expect("thread flows are required"));
        let stops = stops.flat_map(|t| t["locations"].as_array().expect("locations are required"));
        let of_stops: Vec<&Value> = stops.map(|s| &s["location"]).collect();
        let own = result["locations"].as_array().into_iter().flatten();
        let related = result["relatedLocations"].as_array().into_iter().flatten();
        for location in own.chain(related).chain(of_stops) {
            let place = &location["physicalLocation"];
            let region = &place["region"];
            need(place["artifactLocation"]["uri"].as_str().is_some_and(|u| !u.contains(' ')), "a uri", location);
            let number = |name: &str| region[name].as_u64().unwrap_or(0);
            need(number("startLine") >= 1 && number("startColumn") >= 1, "a region begins at 1", location);
            need(number("endColumn") >= number("startColumn"), "a region ends behind its begin", location);
        }
    }
    faults
}

fn sarif(ended: &Ended) -> Value {
    let log: Value = serde_json::from_str(&ended.stdout).expect("SARIF is JSON");
    let faults = sarif_faults(&log);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    log
}

#[test]
fn sarif_of_a_check() {
    let ended = conc().file("a b.conc", RACY).args(["check", "--format", "sarif", "a b.conc"]).finish().expect_code(1);
    let log = sarif(&ended);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "race");
    let flows = result["codeFlows"][0]["threadFlows"].as_array().expect("a flow for each task");
    assert_eq!(flows.len(), 3, "main and the two that race");
    // The steps of all tasks together are numbered from 1 without a gap.
    let mut order: Vec<u64> = flows
        .iter()
        .flat_map(|f| f["locations"].as_array().expect("locations"))
        .filter_map(|l| l["executionOrder"].as_u64())
        .collect();
    order.sort_unstable();
    assert!(order.iter().enumerate().all(|(n, o)| *o == n as u64 + 1), "{order:?}");
    let fine = conc().file("fine.conc", FINE).args(["check", "--format", "sarif", "fine.conc"]).finish().expect_code(0);
    assert_eq!(sarif(&fine)["runs"][0]["results"].as_array().map(Vec::len), Some(0));
}

#[test]
fn sarif_of_what_is_wrong_and_what_is_open() {
    let wrong = conc().file("w.conc", WRONG).args(["check", "--format", "sarif", "w.conc"]).finish().expect_code(2);
    let log = sarif(&wrong);
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(2));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
    let args = ["check", "--format", "sarif", "--max-states", "1", "fine.conc"];
    let open = sarif(&conc().file("fine.conc", FINE).args(args).finish().expect_code(3));
    let notice = &open["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(notice["message"]["text"], "the limit of states was reached");
}

#[test]
fn sarif_of_a_test_has_what_was_not_expected() {
    let deadlock = expecting("expect race on x\nexpect deadlock on m, x\nlock m");
    let ended = test(&[("a.conc", &deadlock), ("b.conc", RACY)], &["--format", "sarif"]).expect_code(1);
    let log = sarif(&ended);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let ids: Vec<&str> = results.iter().filter_map(|r| r["ruleId"].as_str()).collect();
    assert_eq!(ids, ["expect", "race"]);
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["region"]["startLine"], 6);
}

// ----------------------------------------------------------------------- JUnit

/// The names of the elements with their attributes, in order, of a well-formed
/// document.
fn elements(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut found = Vec::new();
    loop {
        match reader.read_event().expect("it is well-formed") {
            Event::Start(e) | Event::Empty(e) => {
                let of =
                    |a: quick_xml::events::attributes::Attribute| (a.key.as_ref().to_string(), a.value.to_string());
                let attributes = e.attributes().map(|a| of(a.expect("an attribute"))).collect();
                found.push((e.name().as_ref().to_string(), attributes));
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

fn attribute<'a>(element: &'a (String, Vec<(String, String)>), name: &str) -> &'a str {
    element.1.iter().find(|a| a.0 == name).map_or("", |a| a.1.as_str())
}

#[test]
fn junit_of_a_test() {
    let files = [("a.conc", expecting("expect ok")), ("tmp/fine.conc", FINE.to_string())];
    let files: Vec<(&str, &str)> = files.iter().map(|f| (f.0, f.1.as_str())).collect();
    let ended = test(&files, &["--format", "junit"]).expect_code(1);
    let all = elements(&ended.stdout);
    let names: Vec<&str> = all.iter().map(|e| e.0.as_str()).collect();
    assert_eq!(names, ["testsuites", "testsuite", "testcase", "failure", "testsuite", "testcase"]);
    assert_eq!(
        (attribute(&all[0], "tests"), attribute(&all[0], "failures"), attribute(&all[0], "errors")),
        ("2", "1", "0")
    );
    assert_eq!((attribute(&all[5], "name"), attribute(&all[5], "classname")), ("fine.conc", "tmp"));
    assert_eq!(attribute(&all[5], "file"), "tmp/fine.conc");
    assert!(attribute(&all[3], "message").starts_with("race on x was not expected"));
    assert!(ended.stdout.contains("= replay: conc replay a.conc "), "{}", ended.stdout);
}

#[test]
fn junit_of_a_check_has_a_case_for_each_code() {
    let ended = conc().file("a.conc", RACY).args(["check", "--format", "junit", "a.conc"]).finish().expect_code(1);
    let all = elements(&ended.stdout);
    let cases: Vec<&str> = all.iter().filter(|e| e.0 == "testcase").map(|e| attribute(e, "name")).collect();
    assert!(["race", "deadlock", "livelock"].iter().all(|c| cases.contains(c)), "{cases:?}");
    assert_eq!(all.iter().filter(|e| e.0 == "failure").count(), 1);
    let wrong = conc().file("w.conc", WRONG).args(["check", "--format", "junit", "w.conc"]).finish().expect_code(2);
    assert_eq!(attribute(&elements(&wrong.stdout)[0], "errors"), "1");
}

/// What cannot be read as a script has a document too, in which it is an error.
#[test]
fn a_check_of_what_is_no_script_has_a_document() {
    for (name, says) in [("bytes.conc", "bytes.conc:1:8: a byte that is not UTF-8"), ("none.conc", "no such file")] {
        let check = |format: &str| {
            let conc = conc().file("bytes.conc", b"print \"\xff\"\n");
            let ended = conc.args(["check", "--format", format, name]).finish().expect_code(2);
            assert!(ended.stderr.contains(says), "{}", ended.stderr);
            ended.stdout
        };
        let junit = check("junit");
        let all = elements(&junit);
        assert_eq!((attribute(&all[0], "tests"), attribute(&all[0], "errors")), ("1", "1"));
        assert!(attribute(all.iter().find(|e| e.0 == "error").expect("one"), "message").contains(says), "{junit}");
        let sarif: Value = serde_json::from_str(&check("sarif")).expect("it is JSON");
        assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
        assert!(sarif["runs"][0]["results"][0]["message"]["text"].to_string().contains(says), "{sarif}");
    }
}

/// Nothing that is said of a wrong command line sends its reader astray.
#[test]
fn no_tip_that_does_not_help() {
    for args in [&["run", "--frob", "a.conc"][..], &["check", "--max-states", "-1", "a.conc"]] {
        let ended = conc().file("a.conc", FINE).args(args).finish().expect_code(2);
        assert!(!ended.stderr.contains("as a value") && ended.stderr.contains("error: "), "{}", ended.stderr);
    }
    let near = conc().file("a.conc", FINE).args(["run", "--repeet", "2", "a.conc"]).finish().expect_code(2);
    assert!(near.stderr.contains("'--repeat'"), "{}", near.stderr);
    for none in ["", " "] {
        let ended = conc().file("a.conc", FINE).args(["replay", "a.conc", none]).finish().expect_code(2);
        assert!(ended.stderr.starts_with("conc: the schedule is an empty text"), "{}", ended.stderr);
    }
}
