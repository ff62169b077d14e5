//! Signals to `conc`, and what becomes of its output: interrupts at any moment, a closed
//! pipe, a full disk, no standard output at all. What is told then is asserted, and that
//! nothing is left behind (which `support` looks at after every run).

use crate::support;

use nix::sys::signal::Signal;
use std::io::{BufRead, BufReader};
use std::time::Duration;
use support::busy::{BUSY, kill_9, start_busy};
use support::proc::Process;
use support::{Random, program, run, run_json};

// -------------------------------------------------------------- interruptions

const RACE_AND_SLEEP: &str = "
    var x = 0
    task writer { x += 1 }
    let w = spawn writer x2
    join w
    print \"raced\"
    sleep 100s
";

#[test]
fn an_interrupted_run_reports_what_was_known() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut conc = run(RACE_AND_SLEEP).start();
        conc.line("raced");
        conc.signal(signal);
        let ended = conc.finish().expect_code(130).expect_stderr("error[race]").expect_stderr("interrupted");
        assert_eq!(ended.stdout, "raced\n");
    }
}

#[test]
fn an_interrupted_run_reports_in_json_too() {
    let mut conc = run_json(RACE_AND_SLEEP).start();
    conc.until("print `raced`", |run| run.stdout().contains("raced").then_some(()));
    conc.signal(Signal::SIGINT);
    let ended = conc.finish().expect_code(130);
    assert_eq!(ended.failures(), ["race"]);
    assert_eq!(ended.of_type("summary")[0]["findings"], 1);
}

/// What a queue holds when the run is cut short is no mistake of the script's.
#[test]
fn an_interrupted_run_has_nothing_left_over() {
    let mut conc = run("
        queue q
        pool p(1)
        task job { sleep 100s }
        q.put(1)
        submit job to p
        submit job to p
        print \"filled\"
        sleep 100s
    ")
    .start();
    conc.line("filled");
    conc.signal(Signal::SIGINT);
    let ended = conc.finish().expect_code(130);
    assert!(!ended.stderr.contains("note["), "{}", ended.stderr);
}

/// As `nohup` has it.
#[test]
fn a_signal_that_conc_was_started_to_ignore_stays_ignored() {
    let script = "print \"begun\"\nsleep 200ms\nprint \"done\"\n";
    let command = format!("trap '' HUP INT TSTP; exec {} run script.conc", env!("CARGO_BIN_EXE_conc"));
    let mut running = program("sh").file("script.conc", script).args(["-c", &command]).start();
    running.line("begun");
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTSTP] {
        running.signal(signal);
    }
    let ended = running.finish().expect_code(0);
    assert_eq!(ended.stdout, "begun\ndone\n");
}

/// A process dies while another one is in a block that has no end: it cannot be buried,
/// but the run can be ended.
#[test]
fn an_endless_atomic_block_keeps_no_run_from_its_end() {
    for object in ["queue q", "queue q via manager"] {
        let mut conc = run(format!(
            "
            {object}
            task victim {{ print \"victim {{self.pid}}\"; q.get() }}
            task endless {{ atomically {{ print \"endless\"; loop {{ }} }} }}
            spawn process victim
            spawn process endless
            "
        ))
        .start();
        let pid = conc.number("victim ");
        conc.line("endless");
        kill_9(pid);
        let gone = |p: &Process| p.pid == pid && p.state != 'Z';
        conc.until("the victim's death", |run| (!run.processes().iter().any(gone)).then_some(()));
        conc.signal(Signal::SIGINT);
        conc.finish().expect_code(130);
    }
}

#[test]
fn conc_may_be_interrupted_at_any_moment() {
    let mut random = Random::new("conc_may_be_interrupted_at_any_moment");
    for round in 0..25 {
        let conc = start_busy(1_000_000, &[]);
        random.pause(20_000);
        let signal = if round % 2 == 0 { Signal::SIGINT } else { Signal::SIGTERM };
        conc.signal(signal);
        let ended = conc.finish().expect_code(130);
        assert!(ended.failures().is_empty(), "{}", ended.stdout);
        assert_eq!(ended.of_type("summary")[0]["exit_code"], 130);
    }
}

/// Many short runs: most signals come between two of them, or where one begins or ends.
#[test]
fn a_repetition_ends_at_any_signal() {
    let mut random = Random::new("a_repetition_ends_at_any_signal");
    for round in 0..60 {
        let mut conc = run_json("shared x = 0\nx = 1\n").args(["--repeat", "1000000"]).start();
        // The first line tells that it begins; the guard, that a run is there.
        conc.until("its beginning", |run| run.stdout().contains("\"start\"").then_some(()));
        conc.until("a run", |run| run.processes().iter().any(|p| p.name == "conc-guard").then_some(()));
        random.pause(12_000);
        conc.signal(if round % 2 == 0 { Signal::SIGINT } else { Signal::SIGTERM });
        let ended = conc.finish().expect_code(130);
        assert_eq!(ended.of_type("summary")[0]["exit_code"], 130);
    }
}

/// While a script is read there is nothing to tell but that it was so.
#[test]
fn conc_may_be_interrupted_while_it_reads() {
    for command in ["run", "check", "replay"] {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            let (input, _open) = std::io::pipe().expect("a pipe");
            let schedule = (command == "replay").then_some("0");
            let mut conc = support::conc().args([command, "-"]).args(schedule).stdin(input).start();
            conc.until_signal("SigCgt", signal);
            conc.signal(signal);
            let ended = conc.finish().expect_code(130);
            assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", "conc: interrupted\n"), "{command}");
        }
    }
}

/// The processes of a run do not inherit that: to them a signal is what it is to any program.
#[test]
fn a_signal_ends_a_script_s_process_as_any() {
    let script = "task t { sleep 100s }\nlet w = spawn process t\nterminate w\njoin w\n";
    let ended = run(script).finish().expect_stderr("t  ended by SIGTERM");
    assert!(!ended.stderr.contains("conc: interrupted"), "{ended:?}");
}

/// Before it has set up anything, the signal ends it as it ends any program.
#[test]
fn conc_may_be_interrupted_while_it_starts() {
    let mut random = Random::new("conc_may_be_interrupted_while_it_starts");
    for _ in 0..40 {
        let conc = run_json(BUSY).start();
        random.pause(12_000);
        conc.signal(Signal::SIGINT);
        let ended = conc.finish();
        let plain = ended.signal == Some(Signal::SIGINT as i32);
        assert!(plain || ended.code == Some(130), "{ended:?}");
    }
}

// ------------------------------------------------------ where the output goes

const PRINT_FOR_EVER: &str = "
    task printer { loop { print \"line of {self.name}\" } }
    spawn printer x2
    spawn process printer x2
";

#[test]
fn a_closed_pipe_ends_the_run() {
    let mut random = Random::new("a_closed_pipe_ends_the_run");
    for _ in 0..20 {
        let (reader, writer) = std::io::pipe().expect("a pipe can be made");
        let conc = run(PRINT_FOR_EVER).stdout(writer).start();
        let mut first = String::new();
        let mut reader = BufReader::new(reader);
        reader.read_line(&mut first).expect("the pipe can be read");
        assert!(first.starts_with("line of printer#"), "{first}");
        random.pause(5_000);
        drop(reader);
        conc.finish().expect_code(4).expect_stderr("standard output was closed");
    }
}

#[test]
fn conc_in_front_of_head_ends() {
    let line = "\"$CONC\" run script.conc | head -1";
    let shell = support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    let ended = shell.file("script.conc", PRINT_FOR_EVER).limit(Duration::from_secs(30)).finish().expect_code(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
}

fn full_disk() -> std::fs::File {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the system has /dev/full")
}

#[test]
fn a_full_disk_is_said_in_a_sentence() {
    let holds = "lock m\nlock n\ntask t { with m { print 1 } }\nspawn process t\nwith n { print 2 }\n";
    for script in ["print 1", PRINT_FOR_EVER, "task t { print 1 }\nspawn process t x3", holds] {
        for _ in 0..5 {
            let ended = run(script).stdout(full_disk()).finish().expect_code(4);
            assert!(ended.stderr.starts_with("conc: standard output cannot be written: "), "{}", ended.stderr);
            assert!(counted(&ended.stderr) >= listed(&ended.stderr), "{}", ended.stderr);
            // What a task held when the run was ended is no mistake of the script's.
            assert!(!ended.stderr.contains("abandoned-lock"), "{}", ended.stderr);
        }
    }
}

/// So many tasks there were, as the last line of a run says.
fn counted(report: &str) -> usize {
    let of = |line: &str| line.split_once(" task")?.0.parse().ok();
    report.lines().rev().find_map(of).unwrap_or_else(|| panic!("no number of tasks: {report}"))
}

/// So many are told of one by one.
fn listed(report: &str) -> usize {
    report.lines().filter(|line| line.starts_with(' ')).count()
}

/// Without a print it is conc's own lines that are lost. The reason is said once.
#[test]
fn a_full_disk_is_said_in_json_too() {
    for script in ["sleep 1ms", "print 1"] {
        let ended = run_json(script).stdout(full_disk()).finish().expect_code(4);
        assert_eq!(ended.stderr.matches("standard output cannot be written").count(), 1, "{}", ended.stderr);
    }
}

#[test]
fn a_full_disk_is_said_by_the_other_commands() {
    for args in ["explain race", "fmt -", "--help", "help run", "--version", "man", "completions bash"] {
        let conc = support::conc().args(args.split(' ')).input("print   1\n").stdout(full_disk());
        conc.finish().expect_code(4).expect_stderr("standard output cannot be written");
    }
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
    let message = format!("Content-Length: {}\r\n\r\n{initialize}", initialize.len());
    let conc = support::conc().args(["lsp"]).input(&message).stdout(full_disk());
    conc.finish().expect_code(4).expect_stderr("standard output cannot be written");
}

/// Rust puts `/dev/null` in the place of a standard output that there is not, and what
/// is printed would be lost without a word.
#[test]
fn no_standard_output_at_all_is_said() {
    let shell = |line: &str| support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    let lines = ["run -", "repl", "repl --transcript", "check -", "fmt -", "--help", "explain race", "--help <&-"];
    for args in lines {
        let ended = shell(&format!("\"$CONC\" {args} >&-")).input("print   1\n").finish();
        ended.expect_code(4).expect_stderr("conc: standard output was closed");
    }
    // Who prints nothing needs none.
    let ended = shell("\"$CONC\" run -q - >&-").input("lock m\nwith m { }\n").finish().expect_code(0);
    assert_eq!(ended.stderr, "");
}

/// A script from nowhere is none, and not an empty one.
#[test]
fn a_standard_input_that_is_closed_is_an_error() {
    let shell = |line: &str| support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
    for args in ["run - <&-", "check - <&-", "fmt - <&-", "run - <&- >&-", "run - 0>/dev/null"] {
        let ended = shell(&format!("\"$CONC\" {args}")).finish().expect_code(2);
        ended.expect_stderr("conc: standard input cannot be read: it is closed, or open only for writing");
    }
    shell("\"$CONC\" run - </dev/null").finish().expect_code(0);
}

/// Who takes the place of a shell has that shell's children, and waits for none of them.
#[test]
fn children_of_the_shell_are_not_waited_for() {
    let sleeper = "sleep 1000 >/dev/null 2>&1 </dev/null & echo $!";
    let exec = format!("{sleeper}; exec {} run -", env!("CARGO_BIN_EXE_conc"));
    let mut child = std::process::Command::new("sh")
        .args(["-c", &exec])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("there is a shell");
    use std::io::Write;
    child.stdin.take().expect("it is a pipe").write_all(b"print 1\n").expect("it reads");
    let ended = child.wait_with_output().expect("it can be waited for");
    let out = String::from_utf8_lossy(&ended.stdout);
    let sleeper: i32 = out.lines().next().and_then(|line| line.parse().ok()).expect("its number");
    let slept_on = nix::sys::signal::kill(nix::unistd::Pid::from_raw(sleeper), Signal::SIGKILL).is_ok();
    assert!(ended.status.success() && out.contains("1\n"), "{out}");
    assert!(slept_on, "it was waited for");
}
