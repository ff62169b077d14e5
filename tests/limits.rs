//! Limits: many tasks, processes and values at once; and what is said when
//! there is no room for more.

use crate::support;

use support::{Ended, conc, run, run_json};

fn summary(ended: &Ended, field: &str) -> u64 {
    ended.of_type("summary")[0][field].as_u64().unwrap_or_else(|| panic!("no {field} in\n{}", ended.stdout))
}

#[test]
fn a_thousand_threads_at_once() {
    let ended = run_json(
        "
        atomic here = 0
        event go
        latch all(1000)
        task t { here += 1; all.count_down(); go.wait() }
        spawn t x1000
        all.wait()
        assert here == 1000
        go.set()
        ",
    )
    .finish()
    .expect_clean();
    assert_eq!(summary(&ended, "threads"), 1000);
}

#[test]
fn three_hundred_processes_at_once() {
    let ended = run_json(
        "
        atomic here = 0
        event go
        latch all(300)
        lock m
        shared x = 0
        task t { here += 1; all.count_down(); go.wait(); with m { x += 1 } }
        spawn process t x300
        all.wait()
        assert here == 300
        go.set()
        finally { assert x == 300, \"{x}\" }
        ",
    )
    .finish()
    .expect_clean();
    assert!(summary(&ended, "processes") >= 301, "{}", ended.stdout);
}

#[test]
fn ten_thousand_tasks_one_after_another() {
    let ended = run_json(
        "
        var x = 0
        task t { x += 1 }
        repeat 10000 { let w = spawn t; join w }
        assert x == 10000
        ",
    )
    .finish()
    .expect_clean();
    assert_eq!(summary(&ended, "tasks"), 10_001);
}

#[test]
fn ten_thousand_processes_one_after_another() {
    let ended = run_json(
        "
        shared x = 0
        task t { x += 1 }
        repeat 10000 { let w = spawn process t; join w }
        assert x == 10000
        ",
    )
    .finish()
    .expect_clean();
    assert_eq!(summary(&ended, "processes"), 10_001);
}

#[test]
fn ten_thousand_jobs() {
    run_json(
        "
        atomic x = 0
        pool p(3)
        task job { x += 1 }
        repeat 10000 { submit job to p }
        p.close()
        join p
        assert x == 10000
        ",
    )
    .finish()
    .expect_clean();
}

#[test]
fn a_queue_of_a_million_strings() {
    let ended = run_json(
        "
        queue q
        for i in 0..1000000 { q.put(\"value {i}\") }
        assert q.qsize() == 1000000
        let sum = 0
        repeat 1000000 { sum += len(q.get()) }
        print sum
        ",
    )
    .finish()
    .expect_clean();
    let digits: usize = (0..1_000_000).map(|i: u32| format!("value {i}").len()).sum();
    assert_eq!(ended.prints(), [digits.to_string()]);
}

#[test]
fn more_tasks_than_there_is_room_for() {
    let ended = run("
        event go
        task t { go.wait() }
        spawn t x 5000
        go.set()
    ")
    .finish()
    .expect_code(4);
    assert!(ended.stderr.starts_with("conc: more than 4094 tasks at once; the run was ended\n"), "{}", ended.stderr);
}

/// Nothing is made of a `spawn` that can never be carried out, however many it names; a
/// check says that it went no further.
#[test]
fn a_spawn_of_more_tasks_than_there_may_be_at_once() {
    for count in ["4095", "4294967295", "4294967296", "9223372036854775807"] {
        for script in [
            format!("task t {{ }}\nspawn t x{count}\n"),
            format!("task t {{ }}\nlet n = {count}\nspawn t x n\n"),
            format!("task t {{ }}\natomically {{ spawn t x{count} }}\n"),
            // Where each process is made by a step of its own.
            format!("task t {{ }}\nspawn t\njoin all\nspawn process t x{count}\n"),
        ] {
            let ended = run(script.as_str()).finish().expect_code(4);
            let says = "conc: more than 4094 tasks at once; the run was ended\n";
            assert!(ended.stderr.starts_with(says), "{script}{}", ended.stderr);
            let check = support::conc().args(["check", "s.conc"]).file("s.conc", &script).finish().expect_code(3);
            let says = "not all was explored: a `spawn` of more tasks than there may be at once";
            assert!(check.stdout.contains(says), "{script}{}", check.stdout);
        }
    }
}

/// Where each transition makes hundreds of tasks a state has hundreds of such transitions, and
/// it is asked between them whether to go on.
#[test]
fn a_check_of_tasks_that_make_tasks_keeps_to_its_time() {
    use conc::check::{self, Options, Stop};
    let script = conc::lang::parse::parse("task t { loop { spawn t } }\nt()\n").expect("it can be read");
    let program = conc::program::compile(&script, "", conc::objects::KINDS, &[]).expect("it has a meaning");
    let mut asked = Vec::new();
    let mut ask = |progress: &check::Progress| {
        asked.push(progress.states);
        (asked.len() == 6).then_some(Stop::Time)
    };
    let report = check::check(Box::leak(Box::new(program)), &Options::default(), &mut ask).expect("it has no pool");
    assert_eq!(report.stop, Some(Stop::Time));
    // All that it had come to when it was asked last was there when it was asked before.
    assert_eq!(asked[asked.len() - 2..], [report.states; 2], "{asked:?}");
}

#[test]
fn a_check_of_many_tasks_keeps_to_its_time() {
    let script = "task t { }\nspawn t x4094\njoin all\n";
    let check = support::conc().args(["check", "--time-limit", "10ms", "s.conc"]).file("s.conc", script);
    let ended = check.finish().expect_code(3);
    assert!(ended.stdout.contains("not all was explored: the time limit was reached"), "{}", ended.stdout);
}

#[test]
fn the_greatest_number_of_tasks() {
    run_json(
        "
        event go
        latch all(4093)
        task t { all.count_down(); go.wait() }
        spawn t x 4093
        all.wait()
        go.set()
        ",
    )
    .finish()
    .expect_clean();
}

/// Each process makes the next one: the kernel takes longer for each, and the run ends
/// before that is felt. Beside each other there may be more.
#[test]
fn processes_within_each_other_without_end() {
    let ended = run("task t { spawn process t }\nspawn process t\n").finish().expect_code(4);
    let says = "conc: more than 256 processes, each within the one before; the run was ended\n";
    assert!(ended.stderr.starts_with(says), "{}", ended.stderr);
    let forks = "loop { if fork() != 0 { wait()\nbreak } }\n";
    assert!(run(forks).finish().expect_code(4).stderr.starts_with(says));
    run_json("task t(n) { if n > 0 { spawn process t(n - 1) } }\nspawn process t(254)\n").finish().expect_clean();
    run_json("event go\ntask t { go.wait() }\nrepeat 500 { spawn process t }\ngo.set()\n").finish().expect_clean();
    // Whose maker has ended is within it no more.
    let one_after_the_other = "var n = 0\nwhile n < 300 { if fork() != 0 { exit 0 }\nn += 1 }\nprint n\n";
    assert_eq!(run_json(one_after_the_other).finish().expect_code(0).prints(), ["300"]);
}

/// A check knows the same number, and says that it goes no further.
#[test]
fn a_check_goes_no_further_than_processes_within_each_other_may() {
    let check = |script: &str| conc().args(["check", "s.conc"]).file("s.conc", script).finish();
    for (made, joined) in [(254, true), (255, false), (300, false)] {
        for script in [
            format!("task g(n) {{ if n > 0 {{ let p = spawn process g(n - 1); join p }} }}\ng({})\n", made + 1),
            format!("var n = {made}\nloop {{ if fork() != 0 {{ wait(); break }}\nif n == 0 {{ break }}\nn -= 1 }}\n"),
            format!(
                "struct S {{ pool p(1) of processes }}\n\
                 task g(n) {{ if n > 0 {{ let p = spawn process g(n - 1); join p }} else {{\n\
                 let s = S(); s.p.close(); join s.p }} }}\ng({made})\n"
            ),
        ] {
            let ended = check(&script);
            let says = "not all was explored: a process within more others than there may be";
            assert_eq!(ended.stdout.contains(says), !joined, "{script}{}", ended.stdout);
            ended.expect_code(if joined { 0 } else { 3 });
        }
    }
}

/// The system's limit of processes does not bind root.
#[test]
fn too_little_room_for_processes() {
    if nix::unistd::getuid().is_root() {
        println!("skipped: root has no limit of processes");
        return;
    }
    let shell = support::program("sh").args(["-c", "ulimit -u 1; exec \"$CONC\" run script.conc"]);
    let shell = shell.env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.file("script.conc", "task t { sleep 100s }\nspawn process t x300\n").finish().expect_code(4);
    assert!(ended.stderr.contains("conc: "), "{}", ended.stderr);
}

/// One open file for each process is what it takes to see its end, and one for each
/// client of the manager.
#[test]
fn too_little_room_for_open_files() {
    let processes = "event go\ntask t { go.wait() }\nspawn process t x60\njoin all\n";
    // Each holds a lock; none of them is dead.
    let holders = "lock a[60]\nevent go\ntask t(i) { a[i].acquire(); go.wait(); a[i].release() }\n\
                   for i in 0..60 { spawn process t(i) }\njoin all\n";
    let clients = "queue q via manager\ntask t { q.get() }\nspawn t x60\njoin all\n";
    for (script, says) in [
        (processes, "conc: the machine has no room to watch another process (the run has made "),
        (holders, "conc: the machine has no room to watch another process (the run has made "),
        (clients, "conc: the machine has no room for another connection to the manager (the run has made "),
    ] {
        let shell = support::program("sh").args(["-c", "ulimit -n 64; exec \"$CONC\" run script.conc"]);
        let shell = shell.env("CONC", env!("CARGO_BIN_EXE_conc"));
        let ended = shell.file("script.conc", script).finish().expect_code(4);
        assert!(ended.stderr.starts_with(says), "{}", ended.stderr);
        assert!(!ended.stderr.contains("error[") && !ended.stderr.contains("warning["), "{}", ended.stderr);
    }
}

/// In a shell with such a limit.
#[track_caller]
fn limited(limit: &str, command: &str, script: &str) -> Ended {
    let shell =
        support::program("sh").args(["-c", &format!("ulimit {limit}; {command}; code=$?; cat out; exit $code")]);
    shell.env("CONC", env!("CARGO_BIN_EXE_conc")).file("out", "").file("script.conc", script).finish()
}

/// A file that would become too large is an error of the write; the memory that a run
/// has in common is none.
#[test]
fn files_that_may_not_be_large() {
    let script = "shared x = 1\nlet p = spawn process { x = 2 }\njoin p\nprint x\n";
    let ended = limited("-f 0", "\"$CONC\" run script.conc", script).expect_code(0);
    assert_eq!(ended.stdout, "2\n");
    let ended = limited("-f 0", "\"$CONC\" run --repeat 20 script.conc", script).expect_code(0);
    assert!(ended.stderr.starts_with("20 runs\n"), "{}", ended.stderr);
    for command in ["run", "check"] {
        let ended = limited("-f 0", &format!("\"$CONC\" {command} script.conc > out"), script).expect_code(4);
        let says = "conc: standard output cannot be written: File too large";
        assert!(ended.stderr.starts_with(says), "{command}: {}", ended.stderr);
    }
    let ended = limited("-f 1", "\"$CONC\" run --timeline t.html script.conc", script).expect_code(4);
    assert!(ended.stderr.contains("conc: t.html cannot be written: file too large\n"), "{}", ended.stderr);
    let ended =
        limited("-f 0", "\"$CONC\" fmt script.conc; code=$?; ls -A; (exit $code)", "print   1\n").expect_code(4);
    assert_eq!(ended.stderr, "conc: script.conc cannot be written: file too large\n");
    assert_eq!(ended.stdout, "out\nscript.conc\ntmp\n");
}

/// To move a new file into its place the folder alone must be writable; what is written anew is
/// the script all the same. Root may write every file but without the capability.
#[test]
fn a_script_that_may_not_be_written_is_not_laid_out_anew() {
    let as_owner = "if [ $(id -u) = 0 ]; then drop='setpriv --bounding-set=-dac_override'; fi; \
                    chmod 444 script.conc; $drop \"$CONC\" fmt script.conc; code=$?; cat script.conc; exit $code";
    let shell = support::program("sh").args(["-c", as_owner]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.file("script.conc", "print   1\n").finish().expect_code(4);
    assert_eq!(ended.stderr, "conc: script.conc cannot be written: permission denied\n");
    assert_eq!(ended.stdout, "print   1\n");
}

/// As little as a program can be loaded with: the work is done on a stack of its own.
#[test]
fn a_small_stack_to_begin_with() {
    let deep = format!("print {}1{}\n", "(".repeat(60), ")".repeat(60));
    let script = format!("{deep}task t {{ print 2 }}\nlet p = spawn process t\njoin p\n");
    for size in ["64", "32"] {
        let ended = limited(&format!("-s {size}"), "\"$CONC\" run --time-limit 8s script.conc", &script).expect_code(0);
        assert_eq!(ended.stdout, "1\n2\n");
        limited(&format!("-s {size}"), "\"$CONC\" check script.conc", &script).expect_code(0);
    }
}

/// A limit that binds root too: the address space of each process. What a run
/// maps does not fit into it.
#[test]
fn too_little_memory_to_begin_with() {
    let shell = support::program("sh").args(["-c", "ulimit -v 100000; exec \"$CONC\" run script.conc"]);
    let shell = shell.env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.file("script.conc", "print 1\n").finish().expect_code(4);
    assert!(ended.stderr.starts_with("conc: the run could not be set up"), "{}", ended.stderr);
}

/// A check keeps to it, however many threads are asked for: each would set addresses
/// aside that there are not.
#[test]
fn a_check_in_little_memory() {
    let line = "ulimit -v 150000; exec \"$CONC\" check --jobs 8 --format json script.conc";
    let shell = support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    // More states than there is room for.
    let script = "const M = 4001\nshared x = 0\nlock m\n\
        task worker { let me = self.index\nrepeat 4 { with m { x = (x * 7 + me + 1) % M } } }\n\
        spawn worker x6\njoin all\n";
    let ended = shell.file("script.conc", script).finish().expect_code(3);
    assert!(
        ended.stdout.contains("\"reason\":\"the states need more memory than there is for them\""),
        "{}",
        ended.stdout
    );
}

/// How little it may be, `conc` says what is missing: that the states need more than there is,
/// or that it cannot even begin. Of the smallest only the loader tells, or the system ends the
/// program before that, where not even its code has room.
#[test]
fn a_check_in_less_memory_than_it_wants() {
    const SENTENCE: &str = "conc: there is no more memory that it may have (`ulimit -v`, or the machine's)\n";
    let program = std::fs::metadata(env!("CARGO_BIN_EXE_conc")).expect("it is there").len() / 1024;
    // Without end.
    let script = "queue q\nspawn daemon { loop { sleep 5ms; try { q.put_nowait(1) } catch any { } } }\nq.get()\n";
    let in_so_much = |command: &str, kib: u64| {
        let line = format!("ulimit -v {kib}; exec \"$CONC\" {command} script.conc");
        let shell = support::program("sh").args(["-c", &line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
        shell.file("script.conc", script).finish()
    };
    for command in ["check", "test"] {
        for kib in [10_000, 12_000, 13_000, 14_000, 16_000, 20_000, 200_000] {
            let ended = in_so_much(command, kib);
            let told = match ended.code {
                Some(3) => ended.stdout.contains("the states need more memory than there is"),
                Some(4) => ended.stderr == SENTENCE || ended.stderr.contains("no memory for the stack"),
                Some(127) => ended.stderr.contains("error while loading"),
                None => kib < program && ended.stdout.is_empty() && ended.stderr.is_empty(),
                _ => false,
            };
            assert!(told, "{command} {kib}: {:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
        }
        assert_eq!(in_so_much(command, 300_000).code, Some(3), "{command}");
    }
}

/// What was found by then is told: a table that grows does not take what there is in one go.
#[test]
fn what_is_known_is_told_in_little_memory() {
    let script = "const N = 4\natomic a = 0\natomic h[8] = 0\nlock m\nlock n\n\
        task t(i) { repeat N { let x = a; h[i] = x; a = x + 1 } }\n\
        for i in 0..5 { spawn t(i) }\n\
        spawn { with m { with n { } } }\nspawn { with n { with m { } } }\njoin all\n";
    for command in ["check", "check --strategy random --runs 1000000", "check --strategy surw --runs 1000000"] {
        for kib in [20_000, 24_000, 30_000, 36_000, 50_000] {
            let line = format!("ulimit -v {kib}; exec \"$CONC\" {command} --format json script.conc");
            let shell = support::program("sh").args(["-c", &line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
            let ended = shell.file("script.conc", script).finish();
            let known = ended.code == Some(1) && ended.failures() == ["deadlock"];
            let reason = "the states need more memory than there is for them";
            assert!(known && ended.stdout.contains(reason), "{command} {kib}: {:?} {}", ended.code, ended.stderr);
        }
    }
}

/// What a run may take follows from what the machine says it has free. Here
/// the machine says little, in a namespace of the run's own.
fn with_little_memory(script: &str) -> Option<Ended> {
    let may = std::process::Command::new("unshare")
        .args(["-rm", "mount", "--bind", "/proc/version", "/proc/meminfo"])
        .output();
    if !may.is_ok_and(|o| o.status.success()) {
        println!("skipped: this system allows no namespace of one's own");
        return None;
    }
    // The second limit stops a run that does not keep to the first, before it
    // fills the machine; conc reserves 64 GiB of addresses that it never uses.
    let line = "mount --bind meminfo /proc/meminfo; ulimit -v 69500000; exec \"$CONC\" run --color never script.conc";
    let shell = support::program("unshare").args(["-rm", "sh", "-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    Some(shell.file("meminfo", "MemAvailable:  131072 kB\n").file("script.conc", script).finish())
}

fn assert_out_of_memory(script: &str) {
    let Some(ended) = with_little_memory(script) else { return };
    let ended = ended.expect_code(4);
    let sentence =
        "conc: the script's objects and values need more than the 96 MiB there are for them; the run was ended";
    assert!(ended.stderr.lines().any(|l| l == sentence), "{}", ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Of tasks that nobody joined it is kept what each knew at its end, which is little
/// else than what the one before knew.
#[test]
fn many_unjoined_tasks_take_little_memory() {
    let script = "atomic hits = 0\ntask t { hits += 1 }\nrepeat 30000 { spawn t }\nfinally { assert hits == 30000 }\n";
    if let Some(ended) = with_little_memory(script) {
        ended.expect_code(0);
    }
}

#[test]
fn a_queue_without_end_reaches_the_limit() {
    assert_out_of_memory(
        "
        queue q
        task t { let s = \"0123456789abcdef\"; repeat 10 { s = s + s }; loop { q.put(s) } }
        spawn t x2
        spawn process t x2
        ",
    );
}

/// What a queue takes follows what is in it, not what has room.
#[test]
fn a_queue_with_room_for_more_than_there_is() {
    for places in ["100000000", "1000000000", "9223372036854775806"] {
        let script = format!(
            "queue q({places})\nq.put(1)\nspawn process {{ for i in 2..100001 {{ q.put(i) }}; q.close() }}\n\
             let sum = 0\nfor v in q {{ sum += v }}\nprint sum\n"
        );
        let Some(ended) = with_little_memory(&script) else { return };
        assert_eq!(ended.expect_code(0).stdout, "5000050000\n", "{places}");
    }
}

#[test]
fn objects_without_end_reach_the_limit() {
    assert_out_of_memory("queue all\nloop { let q = queue(3); all.put(q) }");
}

#[test]
fn a_string_without_end_reaches_the_limit() {
    let Some(ended) = with_little_memory("let s = \"0123456789abcdef\"\nloop { s = s + s }") else { return };
    assert!(matches!(ended.code, Some(1 | 4)), "{ended:?}");
    assert!(!ended.stderr.contains("memory allocation of"), "{}", ended.stderr);
}

#[test]
fn a_recursion_without_end_is_an_error_of_the_script() {
    let ended = run_json("fn f(n) { return f(n + 1) }\ntask t { f(0) }\nspawn t\n").finish().expect_code(1);
    assert_eq!(ended.failures(), ["error"]);
}

/// Lists are shared by those that hold them: this makes a deep one, and one
/// that would be endless if it were written out, in no time and little memory.
#[test]
fn lists_in_lists_without_end_are_errors_of_the_script() {
    for grow in ["x = [x]", "x = [x, x]", "x = x + [x]"] {
        let script = format!(
            "queue q\nvar v = 0\nlet x = [\"a\"]\ntry {{ loop {{ {grow} }} }} catch Overflow {{ }}\n\
             v = x\nq.put(v)\nprint q.get() == x, len(str(x)) > 100\n"
        );
        let ended = run_json(script).finish().expect_clean();
        assert_eq!(ended.prints(), ["true true"], "{grow}");
    }
}

#[test]
fn a_count_out_of_range_is_an_error_of_the_script() {
    for count in ["-1", "1 - 5"] {
        let script = format!("task t {{ }}\nlet n = {count}\nspawn t x n\n");
        let ended = run_json(script).finish().expect_code(1);
        assert_eq!(ended.failures(), ["error"]);
    }
}

/// A signal while the explorer is asked about a prediction ends the question alone: what
/// the run has found is told.
#[test]
fn a_signal_while_a_prediction_is_looked_into() {
    use nix::sys::signal::Signal;
    // More interleavings than are gone through in the time.
    let script = "\
lock a
lock b
atomic n = 0
task one { with a { with b { } } }
task two { sleep 500ms\n with b { with a { } } }
task other { repeat 50 { n = (n * 3 + self.index) % 1000003 } }
spawn one
spawn two
join all
print \"end\"
spawn other x5
join all
";
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = run_json(script).start();
        running.line("{\"type\":\"print\"");
        running.until("the script being over and signals being read", |run| {
            let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.pid())).ok()?;
            let status = std::fs::read_to_string(format!("/proc/{}/status", run.pid())).ok()?;
            let mask = status.lines().find_map(|l| l.strip_prefix("SigBlk:"))?;
            let blocked = u64::from_str_radix(mask.trim(), 16).ok()? & (1 << (signal as i32 - 1)) != 0;
            (children.trim().is_empty() && blocked).then_some(())
        });
        running.signal(signal);
        let ended = running.finish().expect_code(130);
        assert_eq!(ended.failures(), ["lock-order"], "{}", ended.stdout);
        assert_eq!(summary(&ended, "exit_code"), 130);
    }
}

/// An `if` has so many arms that it is said to have too many; to say so takes no longer
/// than to read them.
#[test]
fn a_chain_of_many_arms() {
    let script = format!("if true {{ }}{}\n", " else if true { }".repeat(100_000));
    let ended = support::conc().args(["check", "s.conc"]).file("s.conc", script).finish().expect_code(2);
    assert!(ended.stderr.contains("this is nested too deeply or has too many parts"), "{}", ended.stderr);
}
