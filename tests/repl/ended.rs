//! What a session survives and what ends it: killed processes, streams that are closed or full,
//! limits, random entries, signals at any moment; and that nothing of it is left behind.

use super::{Conc, Fed, fed, repl, session};
use crate::support::entry::Entries;
use crate::support::{self, Random, Running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_killed_first_process_begins_a_new_session_with_the_declarations() {
    let ended =
        session("var x = 1\nx = 5\nspawn process { sleep 100s }\nkill self\nx\nterminate self\nx += 1; x\nexit 7\n")
            .expect_code(7);
    assert_eq!(ended.stdout, "main:3\n1\n2\n");
    assert_eq!(ended.stderr.matches("a new session begins, with what was declared").count(), 2, "{}", ended.stderr);
}

/// Whoever writes on, writes to the new one: also behind the first lines of an entry.
#[test]
fn a_session_whose_first_process_is_killed_reads_on() {
    let kill_main = |run: &mut Fed, times: usize| {
        run.feed("print \"pid {self.pid}\"\n");
        let pid = run.running.lines("pid ", times).pop().and_then(|pid| pid.parse().ok()).expect("a number");
        run.feed("if true {\n");
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        let told = |run: &Running| run.stderr().matches("a new session begins, with what was declared").count();
        run.running.until("a new session", |run| (told(run) == times).then_some(()));
        run.feed(&format!("print \"x is {{x}} of {times}\" }}\n"));
        run.running.line(&format!("x is 1 of {times}"));
    };
    let mut run = fed();
    run.feed("var x = 1\nx = 5\n");
    kill_main(&mut run, 1);
    kill_main(&mut run, 2);
    // And where a statement is under way.
    run.feed("print \"pid {self.pid}\"; sleep 100s\n");
    let pid = run.running.lines("pid ", 3).pop().and_then(|pid| pid.parse().ok()).expect("a number");
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    run.feed("print \"at last {x}\"\n");
    run.running.line("at last 1");
    run.finish().expect_code(0);
}

#[test]
fn killed_processes_are_told_and_survived() {
    let mut run = fed();
    run.feed("lock m\ntask t { m.acquire(); print \"pid {self.pid}\"; sleep 100s }\nlet p = spawn process t\n");
    let pid = run.running.number("pid ");
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    run.until_stderr("error[abandoned-lock]");
    run.feed("p.exit_code\n");
    run.running.line("-9");
    run.finish().expect_code(1);
}

#[test]
fn a_killed_conc_leaves_nothing() {
    let mut run = fed();
    run.feed("queue q via manager\nspawn process { print \"one\"; sleep 100s }\nspawn { sleep 100s }\n");
    run.running.line("one");
    run.running.signal(Signal::SIGKILL);
    assert_eq!(run.running.finish_killed().signal, Some(9));
}

#[test]
fn closed_input_and_output_end_it() {
    repl().stdin(Stdio::null()).start().finish().expect_code(0);
    let ended = session("print 1; spawn {");
    assert!(ended.stderr.contains("not closed"), "{}", ended.stderr);
}

/// As `conc run` does: nobody is left to print for, whoever prints.
#[test]
fn closed_output_ends_it() {
    for text in [
        "loop { print 1 }\n",
        "task t { loop { print self.name } }\nspawn process t x2\nspawn t\nsleep 1000s\n",
        "task t { loop { print self.name } }\nspawn process t\nloop { }\n",
        "spawn process { sleep 1000s }\nloop { sleep 1ms; print 1 }\n:step\n",
        &"1 + 1\n".repeat(100_000),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        let running = repl().input(text).stdout(writer).start();
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).expect("the pipe can be read");
        assert!(line.ends_with('\n'), "{line}");
        let ended = running.finish().expect_code(4);
        assert_eq!(ended.stderr, "conc: standard output was closed; the session was ended\n", "{text}");
    }
    // The input is not at its end yet.
    let line = "(echo 'loop { print 1 }'; cat) | \"$CONC\" repl --transcript | head -2";
    let shell = support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.stdin(Stdio::null()).finish().expect_code(0);
    assert_eq!(ended.stdout, "1> loop { print 1 }\n1\n");
}

#[test]
fn a_full_device_ends_it() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("there is a full device");
    let ended = repl().input("loop { print 1 }\n").stdout(full).finish().expect_code(4);
    assert!(ended.stderr.contains("standard output cannot be written: No space left on device"), "{}", ended.stderr);
}

/// Tasks that bear others without end keep nobody from being told what is found, nor the
/// session from its end.
#[test]
fn tasks_that_bear_tasks_without_end() {
    let entries = "1 + true\n:tasks\n".repeat(20);
    let text = format!("task t {{ spawn t }}\nspawn process t\nsleep 50ms\n{entries}print \"the \" + \"end\"\n:quit\n");
    let ended = repl().limit(Duration::from_secs(100)).input(&text).start().finish();
    assert!(ended.stdout.contains("the end\n"), "{}", ended.stderr);
}

/// Each process is forked within what its parent was at, the first one off a task's
/// thread, which has little stack.
#[test]
fn processes_within_each_other() {
    let text = "atomic n = 0\ntask t { n += 1; spawn process t }\nspawn { spawn process t }\n\
        await n > 200\nprint \"the \" + \"end\"\n:quit\n";
    let ended = repl().limit(Duration::from_secs(100)).input(text).start().finish();
    assert!(ended.stdout.contains("the end\n"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("conc itself"), "{}", ended.stderr);
}

/// How many random entries; `CONC_TEST_ENTRIES` gives another number.
fn entries_count() -> usize {
    std::env::var("CONC_TEST_ENTRIES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

/// What bears tasks or values without end is stopped by its limit; on a large machine that
/// is far away.
fn repl_in_little_memory() -> Conc {
    let line = "ulimit -v 4000000; exec \"$CONC\" repl --color never";
    support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"))
}

/// Several sessions, so that each has room for what it declares.
#[test]
fn random_entries_are_survived() {
    const OF_ONE: usize = 1_000;
    let mut entries = Entries(Random::new("random_entries_are_survived"));
    let mut left = entries_count();
    while left > 0 {
        let mut text = String::new();
        for _ in 0..left.min(OF_ONE) {
            text.push_str(&entries.entry());
            text.push('\n');
        }
        left -= left.min(OF_ONE);
        text.push_str("\nprint \"the \" + \"end\"\n:quit\n");
        let ended = repl_in_little_memory().limit(Duration::from_secs(300)).input(&text).start().finish();
        let shown = |text: &str| text.lines().rev().take(30).map(String::from).collect::<Vec<_>>().join("\n");
        let told = || format!("stdout:\n{}\nstderr:\n{}", shown(&ended.stdout), shown(&ended.stderr));
        assert!(ended.stdout.contains("the end\n"), "{}", told());
        assert!(!ended.stderr.contains("conc itself"), "{}", ended.stderr);
        assert!(matches!(ended.code, Some(0..=2 | 4)), "{:?} {}", ended.code, told());
    }
}

/// The session, its first process or any other is ended at any moment, and
/// nothing of it remains: that is looked at by `finish`.
#[test]
fn a_signal_at_any_moment_leaves_nothing() {
    let mut random = Random::new("a_signal_at_any_moment_leaves_nothing");
    let mut entries = Entries(Random::new("its entries"));
    for _ in 0..entries_count() / 100 {
        let text: String = (0..60).map(|_| format!("{}\n", entries.entry())).collect();
        let mut run = repl().limit(Duration::from_secs(300)).input(&text).start();
        random.pause(60_000);
        let signal = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL][random.below(4) as usize];
        if random.below(3) == 0 {
            // Somebody of the session, conc among them.
            let all = run.processes();
            if let Some(process) = all.get(random.below(all.len().max(1) as u64) as usize) {
                let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
            }
        }
        if !run.has_ended() {
            run.signal(signal);
        }
        run.finish_killed();
    }
}
