//! Wrong scripts and command lines: nothing runs, the exit code is 2, and what
//! is said stands beside this file in `wrong/*.stderr`. To accept what is said
//! now, run the tests with `CONC_BLESS=1` and read the differences.

use crate::support;

use std::path::{Path, PathBuf};
use support::{Conc, Ended, conc, run, run_json};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong").join(format!("{name}.stderr"))
}

/// Compares standard error with the file of that name.
#[track_caller]
fn assert_said(name: &str, ended: &Ended) {
    let path = golden(name);
    if std::env::var_os("CONC_BLESS").is_some() {
        std::fs::write(&path, &ended.stderr).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(ended.stderr, expected, "{} differs; see the head of the test", path.display());
}

#[track_caller]
fn wrong(name: &str, command: Conc) {
    let ended = command.finish().expect_code(2);
    assert_eq!(ended.stdout, "", "{name}: nothing runs");
    assert_said(name, &ended);
}

/// Wrong scripts by name. Each would print if anything of it ran.
const SCRIPTS: [(&str, &str); 66] = [
    ("expect-contradiction", "var x = 0\nexpect race on x\nexpect left-in-queue\nexpect ok\n"),
    ("expect-error-on-a-task", "task t { raise \"no\" }\nspawn t\nexpect error on t\n"),
    ("expect-assertion-on-a-task", "task t { assert 1 == 2 }\nspawn t\nexpect assertion on t\n"),
    ("expect-race-on-a-lock", "lock m\nvar x = 0\nx = 1\nexpect race on x, m\n"),
    ("expect-unjoined-on-a-handle", "task t { return 1 }\nlet h = spawn t\nexpect unjoined on h\n"),
    ("expect-race-on-a-struct", "struct S { var x = 0 }\nlet s = S()\nprint s.x\nexpect race on S\n"),
    ("expect-race-on-a-record", "struct S { var x = 0 }\nlet s = S()\nprint s.x\nexpect race on s.x\n"),
    ("double-ampersand", "var x = 1\nif x == 1 && x == 2 { print x }\n"),
    ("double-bar", "let x = true || false\nprint x\n"),
    ("exclamation-mark", "lock m\nif !m.locked() { print 1 }\n"),
    ("elif", "let x = 1\nif x == 1 { print 1 } elif x == 2 { print 2 }\n"),
    ("assign-for-equal", "let x = 1\nif x = 1 { print x }\n"),
    ("missing-closing-brace", "task t {\n    print 1\n\nspawn t\nprint 2\n"),
    ("missing-opening-brace", "let x = 1\nif x == 1\n    print x\n"),
    ("colon-for-brace", "let x = 1\nwhile x == 1:\n    print x\n"),
    ("increment", "var x = 0\nx++\nprint x\n"),
    ("python-def", "def f(a):\n    print a\n"),
    ("put-no-wait", "queue q\nprint 1\nq.put_no_wait(1)\n"),
    ("lock-as-number", "lock m\nprint 1\nprint m + 1\n"),
    ("lock-in-condition", "lock m\nif m { print 1 }\n"),
    ("undefined-name", "var balance = 1\nprint balnce\n"),
    ("undefined-name-far", "print zebra\n"),
    ("undefined-task", "task teller { print 1 }\nspawn tellr\n"),
    ("undefined-function", "print lenn([1])\n"),
    ("defined-twice", "var x = 1\nlock x\nprint 1\n"),
    ("parameter-twice", "task t(a, a) { print a }\nspawn t(1, 2)\n"),
    ("too-many-arguments", "task t(a) { print a }\nspawn t(1, 2)\n"),
    ("too-few-arguments", "fn f(a, b = 1) { return a + b }\nprint 1\nf()\n"),
    ("arguments-of-a-method", "queue q\nprint 1\nq.put(1, 2, 3, 4)\n"),
    ("unknown-option-of-a-method", "lock m\nprint 1\nm.acquire(timout: 1s)\n"),
    ("unknown-method-of-a-lock", "lock m\nprint 1\nm.lock()\n"),
    ("unknown-option-of-a-declaration", "lock m recursive\nprint 1\n"),
    ("via-something-else", "queue q via server\nprint 1\n"),
    ("pool-of-something-else", "pool p(3) of things\nprint 1\n"),
    ("condition-without-lock", "condition c\nprint 1\n"),
    ("condition-of-a-queue", "queue q\ncondition c(q)\nprint 1\n"),
    ("break-outside-a-loop", "print 1\nbreak\n"),
    ("continue-outside-a-loop", "task t { continue }\nprint 1\nspawn t\n"),
    ("call-a-lock", "lock m\nprint 1\nm()\n"),
    ("spawn-a-queue", "queue q\nprint 1\nspawn q\n"),
    ("spawn-a-function", "fn f() { print 1 }\nspawn f\n"),
    ("submit-to-a-queue", "queue q\ntask t { print 1 }\nsubmit t to q\n"),
    ("assign-to-a-constant", "const N = 1\nprint N\nN = 2\n"),
    ("assign-to-a-lock", "lock m\nprint 1\nm = 2\n"),
    ("constant-of-a-variable", "var x = 1\nconst N = x\nprint N\n"),
    ("unknown-error-kind", "try { print 1 } catch Ful { print 2 }\n"),
    ("unknown-expect", "print 1\nexpect raec\n"),
    ("unfinished-string", "print \"a\nprint 1\n"),
    ("unknown-unit", "sleep 10sec\nprint 1\n"),
    ("number-too-large", "print 99999999999999999999\n"),
    ("else-and-after", "queue q\nselect { v = q.get() => { print v } after 1s => { } else => { } }\n"),
    (
        "written-in-go",
        "queue jobs(3)\nqueue done\nlock mu\nvar count = 0\ntask worker(id) {\n    for job := range jobs {\n        \
         mu.Lock()\n        count++\n        mu.Unlock()\n        done <- job\n    }\n}\nfor w := 1; w <= 3; w++ {\n    \
         go worker(w)\n}\nselect {\ncase v := <-done:\n    print v\ncase jobs <- 1:\n    print \"sent\"\n\
         default:\n    print \"none\"\n}\n",
    ),
    (
        "written-in-python",
        "task worker(n) { print n }\nqueue q\nlet t = threading.Thread(target=worker, args=(1,))\nt.start()\n\
         if len(q) == 0:\n    print f\"empty {q.qsize()}\"\ntry:\n    q.get(timeout=1)\nexcept queue.Empty:\n    \
         pass\n",
    ),
    (
        "written-in-java",
        "lock m\nint count = 0;\nsynchronized (m) { print 1 }\nfor (int i = 0; i < 3; i++) { print i }\n\
         System.out.println(count);\nnew Thread(worker).start();\ntask worker { count++ }\n",
    ),
    (
        "words-nearly-right",
        "task t {\n    fro i in 0..3 { print i }\n    whlie true { brek }\n    let x = 1 +\n}\nspwan t\n\
         let h = spwan t\n",
    ),
    ("index-outside-of-a-row", "const N = 3\nlock fork[N]\nprint 1\nfork[N].acquire()\nprint fork[-1].locked()\n"),
    ("rows-of-rows", "print 1\nvar grid[3][4] = 0\ngrid[1][2] = 3\n"),
    ("queue-as-number", "queue q\nprint 1\nif q == 1 { print 2 }\n"),
    ("await-an-object", "event e\nprint 1\nawait e\nawait e for 5s\n"),
    ("variable-as-object", "atomic x = 0\nprint 1\nx.set(2)\nprint x.get(), x.value\n"),
    ("expect-in-plain-words", "var x = 0\nprint 1\nexpect always x == 1\nexpect no race\nexpect lost wakeup\n"),
    ("option-as-argument", "lock m(reentrant: true)\nsemaphore s(n: 2)\nprint 1\n"),
    ("several-of-form", "let a = true && false\nlet b = not (1 = 2)\nx++\nprint a\n"),
    (
        "several-of-both",
        "queue q\nvar x = 1\nif x == 1 && x != blance { zero = 3 }\nq.putt(1)\nspawn wroker\nx++\n\
         for i in range(cout) { print i }\nif x = totl { print !q.empty() }\n",
    ),
    (
        "several-of-both-with-some-lost",
        "let total = 3 +\nprint total, nothere\ntask t(a {\n    print a, zzz\n}\nlet w := 4\nprint w, yyy\nspawn t(1)\n",
    ),
    ("several-of-meaning", "lock m\nqueue q\ntask t(a) { print b }\nspawn t\nq.putt(1)\nm()\nbreak\n"),
];

#[test]
fn wrong_scripts_are_told_and_do_not_run() {
    let faults: Vec<String> = SCRIPTS
        .into_iter()
        .filter(|(name, script)| std::panic::catch_unwind(|| wrong(name, run(script))).is_err())
        .map(|(name, _)| name.to_string())
        .collect();
    assert!(faults.is_empty(), "see above: {}", faults.join(", "));
}

/// Each of these would take minutes if an error cost the time of the whole
/// script, or all of them were gathered: then the limit of [`support`] ends it.
#[test]
fn a_long_script_full_of_errors_is_told_of_soon() {
    let declared: String = (0..20_000).map(|i| format!("var name{i} = 0\n")).collect();
    let first = |script: String, line: usize| {
        let ended = run(script).args(["-q"]).finish().expect_code(2);
        let told: Vec<&str> = ended.stderr.lines().collect();
        assert!(told[0].starts_with(&format!("script.conc:{line}:1: error: ")), "{}", told[0]);
        assert!(told.len() <= 21, "{}", told.len());
        told[told.len() - 1].to_string()
    };
    let told = first(format!("{declared}{}", "nmae1 = 1\n".repeat(25_000)), 20_001);
    assert_eq!(told, "20 errors in script.conc and at least 980 more; nothing ran");
    // What stands first is told, though it is found last.
    let told = first(format!("task t {{\nbreak\n}}\n{}", "x = 1\n".repeat(5_000)), 2);
    assert_eq!(told, "20 errors in script.conc and at least 980 more; nothing ran");
    first("x;".repeat(250_000), 1);
    first("/* x\n".repeat(150_000), 1);
    // What has been read once is not read again for each error behind it.
    first(format!("{}{}", "yield\n".repeat(200_000), "+\n".repeat(30)), 200_001);
}

/// Words and signs that make a script wrong and define nothing.
const SLIPS: [&str; 21] = [
    "&&", "=", "==", "(", ")", "[", "]", "{", "}", "\"", "'", ":", ";", ",", ".", "//", "/*", "+", "++", "elif", "else",
];

/// The scripts below a folder, in order.
fn scenarios(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder is there").map(|e| e.expect("an entry").path()).collect();
    entries.sort();
    let scripts = entries.into_iter().flat_map(|path| match path.extension().is_some_and(|e| e == "conc") {
        true => vec![(path.clone(), std::fs::read_to_string(path).expect("a script"))],
        false if path.is_dir() => scenarios(&path),
        false => Vec::new(),
    });
    scripts.collect()
}

/// What one error leads to is not told as another: these scripts are right, so
/// for a slip of form somewhere nothing may be wrong in meaning.
#[test]
fn a_slip_of_form_makes_nothing_else_wrong() {
    use conc::lang::error::{ScriptError, Sort};
    use conc::objects::KINDS;
    let mut seed = 7u64;
    let mut tried = 0;
    for (path, text) in scenarios(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")) {
        let gaps: Vec<usize> = text.char_indices().filter(|(_, c)| c.is_whitespace()).map(|(at, _)| at).collect();
        for _ in 0..40 {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let (gap, slip) = ((seed >> 33) as usize % gaps.len(), (seed >> 17) as usize % SLIPS.len());
            let mut wrong = text.clone();
            wrong.insert_str(gaps[gap], &format!(" {} ", SLIPS[slip]));
            let parsed = conc::lang::parse::parse_all(&wrong);
            if parsed.errors.is_empty() {
                continue;
            }
            tried += 1;
            let form = parsed.errors.clone();
            let errors = conc::program::compile::analyse(parsed, &wrong, KINDS, &[]).2;
            // A `;` makes two statements of one, each of which may be wrong; what the one defines is
            // known in the other.
            let follows = |error: &&ScriptError| SLIPS[slip] != ";" || error.sort == Sort::Unknown;
            let others: Vec<_> = errors.iter().filter(|error| !form.contains(error)).filter(follows).collect();
            assert!(others.is_empty(), "{}: {others:#?}\n{wrong}", path.display());
        }
    }
    assert!(tried > 1000, "{tried} wrong scripts");
}

#[test]
fn every_golden_file_belongs_to_a_script() {
    for file in support::leftover::files_in(&golden("x").with_file_name("")) {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let known = SCRIPTS.iter().any(|s| s.0 == name) || name.starts_with("command-");
        assert!(known, "{} belongs to nothing", file.display());
    }
}

#[test]
fn wrong_definitions_on_the_command_line() {
    let script = "const COUNT = 1\nprint COUNT\n";
    let define = |text: &str| run(script).args(["-D", text]);
    wrong("command-define-unknown", define("CUONT=2"));
    wrong("command-define-without-value", define("COUNT"));
    define("COUNT=2").finish().expect_code(0);
    let twice = "const A = 1\nconst B = 1\nvar x = A + C\nprint x\n";
    wrong("command-define-and-error", run(twice).args(["-D", "D=2"]));
}

#[test]
fn a_definition_of_another_kind() {
    let script = "const COUNT = 1\nconst PAUSE = 5ms\nconst WHO = \"anna\"\ntask t { }\nspawn t x COUNT\nprint WHO\n";
    let define = |all: &[&str]| run(script).args(all.iter().flat_map(|d| ["-D", d]));
    wrong("command-define-of-another-kind", define(&["COUNT=many", "PAUSE=10"]));
    for who in ["7", "-1s"] {
        let ended = define(&["COUNT=2", "PAUSE=1s", &format!("WHO={who}")]).finish().expect_code(0);
        assert_eq!(ended.stdout, format!("{who}\n"));
    }
    // A time may be less than nothing, only nobody can wait for it.
    let less = define(&["PAUSE=-1s"]).finish().expect_code(0);
    assert_eq!(less.stdout, "anna\n");
    let waits = run("const PAUSE = 5ms\nsleep PAUSE\n").args(["-D", "PAUSE=-1s"]).finish().expect_code(2);
    waits.expect_stderr("`sleep` takes a time from 0 on, not -1s");
}

#[test]
fn files_that_cannot_be_read() {
    wrong("command-unknown-file", conc().args(["run", "nowhere.conc"]));
    wrong("command-folder", conc().args(["run", "tmp"]));
    wrong("command-not-utf8", run(b"print 1\nprint \"\xff\"\n"));
    wrong("command-fmt-unknown-file", conc().args(["fmt", "nowhere.conc"]));
    wrong("command-fmt-no-script", conc().args(["fmt", "tmp"]));
}

/// Nothing would have run, and more is wrong than is told.
#[test]
fn a_layout_of_what_cannot_be_read() {
    for (errors, more) in [(3, None), (30, Some("and 10 more")), (1200, Some("and at least 980 more"))] {
        let told = errors.min(20);
        let conc = conc().file("script.conc", "x++\n".repeat(errors)).env("COLUMNS", "100");
        let ended = conc.args(["fmt", "script.conc"]).finish().expect_code(2);
        let more = more.map_or(String::new(), |more| format!(" {more}"));
        let last = format!("{told} errors in script.conc{more}; its layout stays as it is\n");
        assert!(ended.stderr.ends_with(&last), "{}", ended.stderr);
    }
}

#[test]
fn findings_that_do_not_exist_cannot_be_explained() {
    wrong("command-explain-misspelt", conc().args(["explain", "raec"]));
    wrong("command-explain-unknown", conc().args(["explain", "banana"]));
}

/// What clap says of a command line is clap's; the word in question is in it.
#[test]
fn wrong_command_lines() {
    let refused = |command: Conc, word: &str| {
        let ended = command.finish().expect_code(2).expect_stderr(word);
        assert_eq!(ended.stdout, "", "nothing runs");
    };
    refused(conc().args(["rnu", "x.conc"]), "rnu");
    refused(conc().args(["run"]), "<FILE>");
    refused(run("print 1").args(["--sed", "1"]), "--seed");
    refused(run("print 1").args(["--seed", "x"]), "--seed");
    refused(run("print 1").args(["--repeat", "0"]), "--repeat");
    refused(run("print 1").args(["--time-limit", "10"]), "10s or 500ms");
    refused(run("print 1").args(["--time-limit", "99999999999s"]), "leave the limit out");
    refused(run("print 1").args(["--time-limit", "5m"]), "the units are s, ms, us and ns");
    refused(conc().args(["run", ""]), "a file without a name cannot be read: no such file or directory");
    refused(run("print 1").args(["--format", "xml"]), "human, json");
    for command in ["test", "fmt"] {
        refused(conc().args([command, "-", "-"]).input("print 1\n"), "standard input can be read once");
    }
}

#[test]
fn an_empty_script_is_a_script() {
    for script in ["", "\n", "# only a comment\n", "\u{feff}# after a mark of order\n"] {
        run_json(script).finish().expect_clean();
    }
}

#[test]
fn errors_in_json_are_lines_on_standard_output() {
    let ended = run_json("lock m\nm()\nprint balnce\n").finish().expect_code(2);
    assert_eq!(ended.stderr, "");
    let lines = ended.json();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    for (line, at) in lines.iter().zip([2, 3]) {
        assert_eq!(line["type"], "error");
        assert_eq!(line["places"][0]["line"], at);
        assert_eq!(line["places"][0]["file"], "script.conc");
        assert!(line["message"].as_str().is_some_and(|m| !m.is_empty()), "{line}");
    }
}

#[test]
fn standard_input_is_named_as_such() {
    wrong("command-standard-input", conc().args(["run", "--color", "never", "-"]).input("print balnce\n"));
    let ended = conc().args(["run", "-"]).input("print 7\n").finish().expect_code(0);
    assert_eq!(ended.stdout, "7\n");
}
