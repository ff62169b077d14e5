//! `conc step`: every command, from a file; and walks by chance through the
//! scenarios, on which nothing is found but what the scripts expect.

use crate::support;

use conc::check::stepper::{Standing, Stepper};
use conc::detect::expect::{Expectations, Seen};
use conc::objects::KINDS;
use support::{Ended, TWO_RECORDS, conc};

const BANK: &str = "\
var x = 0
lock m

task t(n) {
    with m { x += n }
}

spawn t(1) as \"a\"
spawn t(2) as \"b\"
join all
expect every x == 3
";

fn step(script: &str, commands: &str) -> Ended {
    conc().file("s.conc", script).args(["step", "--color", "never", "s.conc"]).input(commands).finish()
}

/// What stands between the last two prompts.
fn answer(ended: &Ended, command: &str) -> String {
    let shown = format!("\n> {command}\n");
    let at = ended.stdout.find(&shown).unwrap_or_else(|| panic!("no `{command}` in {}", ended.stdout));
    let rest = &ended.stdout[at + shown.len()..];
    rest.split("\n> ").next().unwrap_or(rest).to_string()
}

/// The session's own command leaves as well, and what stands behind it is not taken.
#[test]
fn quit_is_understood_as_the_session_spells_it() {
    let ended = step(BANK, ":quit\n0\n").expect_code(0);
    assert!(!ended.stdout.contains("no task"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("> 0"), "{}", ended.stdout);
}

#[test]
fn turns_forward_and_back() {
    let ended = step(BANK, "0\n0\na\nb 2\nv\nq\n").expect_code(0);
    let taken = answer(&ended, "a");
    assert!(taken.contains("lock m  held by a since line 5; waiting: b"), "{taken}");
    assert!(taken.contains("can go\n  1  a     line 5   read x: 0\n"), "{taken}");
    assert!(taken.contains("  2  b     line 5   acquire m: held by a since line 5\n"), "{taken}");
    assert!(taken.contains("  0  main  line 10  join a: a has not ended\n"), "{taken}");
    let back = answer(&ended, "b 2");
    assert!(back.contains("lock m  free") && back.contains("spawn b"), "{back}");
    assert_eq!(answer(&ended, "v").trim(), back.trim());
}

/// What has no end is halted, and goes on from there; so a pipe is answered as well.
#[test]
fn what_has_no_end_is_halted() {
    let endless = "atomic n = 0\ntask t { loop { n += 1 } }\nspawn t\n";
    for command in ["c", "f t"] {
        let ended = step(endless, &format!("0\n{command}\nq\n")).expect_code(0);
        let halted = answer(&ended, command);
        assert!(halted.contains("halted after 1000 turns"), "{halted}");
        let again = step(endless, &format!("0\n{command}\n{command}\nq\n")).expect_code(0);
        let count = |ended: &Ended| {
            let n = ended.stdout.lines().rev().find_map(|l| l.trim().strip_prefix("n  = ")).map(str::parse::<u64>);
            n.and_then(Result::ok).expect("the last value of n")
        };
        assert!(count(&again) > count(&ended) && count(&ended) > 400, "{} {}", count(&ended), count(&again));
    }
}

/// Ctrl-C where a command is waited for ends the session, with a word.
#[test]
fn ctrl_c_at_the_prompt_ends_it() {
    let (input, _open) = std::io::pipe().expect("a pipe");
    let mut running = conc().file("s.conc", BANK).args(["step", "s.conc"]).stdin(input).start();
    running.until("the prompt", |run| run.stdout().ends_with("> ").then_some(()));
    // The prompt is there a little before signals are collected.
    running.until_signal("SigBlk", nix::sys::signal::Signal::SIGINT);
    running.signal(nix::sys::signal::Signal::SIGINT);
    running.finish().expect_code(130).expect_stderr("conc: interrupted");
}

/// A step that is not carried out is named where its task stands, and where nobody can go on.
#[test]
fn a_step_that_is_too_much_is_named() {
    let ended = step("task t { }\nspawn t x 5000\njoin all\n", "q\n").expect_code(0);
    let what = "a `spawn` of more tasks than there may be at once";
    assert!(ended.stdout.contains(&format!("main  line 2  {what}")), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("nobody can go on: {what} is not gone through")), "{}", ended.stdout);
    let ended = step("atomic s = 0\ntask t { atomically { loop { s += 1 } } }\nspawn t\n", "c\nq\n").expect_code(0);
    assert!(ended.stdout.contains("nobody can go on: an `atomically` block that goes on and on"), "{}", ended.stdout);
}

/// A claim that cannot be worked out says why at an end.
#[test]
fn a_claim_without_an_answer_is_told_as_that() {
    let ended = step("var x = 0\nexpect every x\nexpect some x == 0\n", "c\nq\n").expect_code(0);
    let why = "expect every (line 2) is not true at this end: it is 0, which is not true and not false";
    assert!(
        ended.stdout.contains(why) && ended.stdout.contains("expect some (line 3) is true at this end"),
        "{}",
        ended.stdout
    );
}

#[test]
fn it_begins_after_a_schedule() {
    let from = |schedule: &str| {
        let args = ["step", "--color", "never", "s.conc", "--schedule", schedule];
        conc().file("s.conc", BANK).args(args).input("s\nb\n").finish()
    };
    let ended = from("0x2.1").expect_code(0);
    assert!(ended.stdout.contains("lock m  held by a since line 5; waiting: b"), "{}", ended.stdout);
    assert!(answer(&ended, "s").starts_with("conc replay s.conc 0x2.1@"), "{}", ended.stdout);
    assert!(answer(&ended, "b").contains("lock m  free"), "{}", ended.stdout);
    for (schedule, reason) in [("0x2.7", "there is no task 7"), ("0x2.1x2.2", "`b` cannot go ahead"), ("0y", "no turn")]
    {
        let refused = from(schedule).expect_code(2);
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
    }
}

/// One that was made for another text is followed, and that is said, unless nothing is to be.
#[test]
fn a_schedule_of_another_text_is_said_to_be_one() {
    let from = |args: &[&str]| conc().file("s.conc", "const N = 1\nvar x = N\n").args(args).finish();
    let said = "conc: the script, or what -D gives, has changed since the schedule was made; \
                the schedule still fits and is followed\n";
    let replayed = from(&["replay", "s.conc", "0@0000"]);
    assert!(replayed.stderr.starts_with(said), "{}", replayed.stderr);
    assert_eq!(from(&["step", "s.conc", "--schedule", "0@0000"]).stderr, said);
    assert_eq!(from(&["step", "-q", "s.conc", "--schedule", "0@0000"]).stderr, said);
    assert_eq!(from(&["step", "s.conc", "--schedule", "0"]).stderr, "");
}

/// What a schedule shows before its last turn is told where the session begins.
#[test]
fn all_that_a_schedule_shows_is_told() {
    let script = "lock a\nlock b\ntask one { with a { with b { } } }\ntask two { with b { with a { } } }\n\
                  task more { print 1; print 2 }\nspawn one\nspawn two\nspawn more\njoin all\n";
    for schedule in ["0x3.1.2", "0x3.1.2.3"] {
        let args = ["step", "--color", "never", "s.conc", "--schedule", schedule];
        let ended = conc().file("s.conc", script).args(args).input("v\n").finish().expect_code(1);
        assert_eq!(ended.stdout.matches("error[deadlock]").count(), 1, "{}", ended.stdout);
    }
    let ended = step(script, ":x\n").expect_code(0);
    assert!(ended.stdout.contains("there is no task `:x`, and no such command"), "{}", ended.stdout);
}

/// Every schedule that `check` prints for the scenarios can be stepped through,
/// to the same turns.
#[test]
fn schedules_of_check_can_be_stepped_through() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut count = 0;
    for file in support::leftover::files_in(&folder).iter().filter(|f| f.extension().is_some_and(|e| e == "conc")) {
        let text = std::fs::read_to_string(file).expect("it can be read");
        let script = conc::lang::parse::parse(&text).expect("it parses");
        let program = conc::program::compile(&script, &text, KINDS, &[]).expect("it compiles");
        let program = Box::leak(Box::new(program));
        let options = conc::check::Options { states_max: Some(20_000), ..Default::default() };
        let report = conc::check::check(program, &options, &mut |_| None).expect("its declarations can be made");
        for shown in report.found.iter().filter(|s| s.way.turns() < 60) {
            let schedule = &shown.way.schedule;
            let mut stepper = Stepper::new(program, 0).expect("as before");
            assert_eq!(stepper.follow(schedule), Ok(()), "{file:?} {schedule}");
            assert_eq!(stepper.way().schedule.turns, schedule.turns, "{file:?} {schedule}");
            count += 1;
        }
    }
    assert!(count > 50, "only {count} schedules");
}

#[test]
fn going_on_by_itself() {
    let ended = step(BANK, "f main\nf a\nc\nc\ns\nb 1000\nb\n").expect_code(0);
    assert!(answer(&ended, "f main").contains("waits\n  0  main"), "{}", ended.stdout);
    assert!(!answer(&ended, "f a").contains("  1  a "), "{}", ended.stdout);
    let end = answer(&ended, "c");
    assert!(end.contains("x       = 3") && end.contains("every task has ended\n"), "{end}");
    assert!(end.contains("expect every (line 11) is true at this end\n"), "{end}");
    assert!(ended.stdout.contains("\n> c\nnobody can go on\n"), "{}", ended.stdout);
    assert!(answer(&ended, "s").starts_with("conc replay s.conc 0x2.1"), "{}", ended.stdout);
    assert!(answer(&ended, "b").contains("this is the beginning"), "{}", ended.stdout);
}

#[test]
fn the_schedule_is_the_one_that_check_prints() {
    let racy = "var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\nprint x\n";
    let check = conc().file("s.conc", racy).args(["check", "--color", "never", "s.conc"]).finish().expect_code(1);
    let replay = check.stdout.lines().find_map(|l| l.split_once("replay: ")).expect("a schedule").1.to_string();
    // `0.1x2.2x2@abcd`: the same turns by hand.
    let turns = replay.rsplit(' ').next().and_then(|s| s.split('@').next()).expect("turns");
    let turn = |item: &str| match item.split_once('x') {
        Some((task, count)) => format!("{task}\n").repeat(count.parse().expect("a count")),
        None => format!("{item}\n"),
    };
    let commands: String = turns.split('.').map(turn).collect();
    let ended = step(racy, &format!("{commands}s\n")).expect_code(1);
    assert!(ended.stdout.contains("error[race]: "), "{}", ended.stdout);
    assert_eq!(answer(&ended, "s").lines().next(), Some(replay.as_str()));
}

#[test]
fn several_ways_and_slips() {
    let script = "task t { sleep 1ms }\nlet n = choose(1..3)\nprint n\nspawn t\nspawn t\njoin all\n";
    let ended =
        step(script, "0\n0:7\nnobody\n9\nf\nf nobody\nb x\nf 0\n0:1\n0\n0\n1:0\nt (2)\nh\nl\np\np t\n").expect_code(0);
    let ways = answer(&ended, "0");
    assert_eq!(
        ways,
        "main can go on in several ways:\n  0:0    choose: 1, then print 1\n  0:1    choose: 2, then print 2"
    );
    assert!(answer(&ended, "0:7").starts_with("main can go on in several ways"), "{}", ended.stdout);
    assert_eq!(answer(&ended, "1:0"), "t can go on in one way:\n  1      sleep");
    assert!(answer(&ended, "nobody").contains("no task `nobody`, and no such command"), "{}", ended.stdout);
    assert!(answer(&ended, "9").contains("there is no task 9"), "{}", ended.stdout);
    assert!(answer(&ended, "b x").contains("no number of turns"), "{}", ended.stdout);
    assert!(answer(&ended, "f 0").contains("several ways"), "{}", ended.stdout);
    // Of two of one name it was the second that went.
    assert!(answer(&ended, "t (2)").contains("t (2)\n"), "{}", ended.stdout);
    assert!(answer(&ended, "h").contains("takes the last turn back"), "{}", ended.stdout);
    assert!(answer(&ended, "p").contains("5 | spawn t"), "{}", ended.stdout);
}

#[test]
fn findings_are_told_as_they_occur_and_make_the_exit_code() {
    let stuck = "queue q(1)\nq.put(1)\nq.put(2)\n";
    let ended = step(stuck, "0\n").expect_code(1);
    assert!(answer(&ended, "0").contains("error[deadlock]: main waits to put into queue q"), "{}", ended.stdout);
    assert!(answer(&ended, "0").contains("queue q  1 of 1: 1; waiting: main"), "{}", ended.stdout);
    // Taken back, it is not on the way any more.
    step(stuck, "0\nb\n").expect_code(0);
}

/// Who is stuck at its first statement is told of before any turn.
#[test]
fn a_finding_of_the_beginning_is_told_at_once() {
    let ended = step("queue q\nq.get()\n", "v\nq\n").expect_code(1);
    assert_eq!(ended.stdout.matches("error[deadlock]: main waits to get from queue q").count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("nobody can go on"), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_stepped() {
    step("vra x\n", "").expect_code(2);
    conc().args(["step", "-"]).finish().expect_code(2);
    conc().args(["step", "nowhere.conc"]).finish().expect_code(2);
}

// ----------------------------------------------------------------------- walks

/// A number that looks like chance, the same in each run of the test.
fn next(seed: &mut u64) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    (*seed >> 11) as usize
}

const TURNS_MAX: usize = 120;

/// What is wrong on one walk; none if all is well.
fn walk(text: &str, seed: u64) -> Option<String> {
    let script = conc::lang::parse::parse(text).expect("a scenario parses");
    let program = conc::program::compile(&script, text, KINDS, &[]).expect("a scenario compiles");
    let program = Box::leak(Box::new(program));
    let expected = Expectations::of(&program.expects, text);
    let mut stepper = Stepper::new(program, 0).expect("a scenario begins");
    let mut seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for _ in 0..TURNS_MAX {
        let turns = stepper.turns();
        let Some(turn) = (!turns.is_empty()).then(|| turns[next(&mut seed) % turns.len()].clone()) else { break };
        if !stepper.take(&turn) {
            return Some(format!("{} ({}) cannot be taken", turn.label, turn.text));
        }
        let odd = stepper.last_findings().into_iter().find(|f| !f.code.is_note() && !expected.allow(&Seen::of(f)));
        if let Some(odd) = odd {
            return Some(format!("{} on {:?} is not expected", odd.code.word(), odd.on));
        }
    }
    let view = stepper.view();
    let waits = view.tasks.iter().any(|t| matches!(t.standing, Standing::Waits { .. }) && !t.excused);
    if view.over && waits && stepper.findings().iter().all(|f| f.code.is_note()) {
        return Some("nobody can go on, somebody waits, and nothing was found".to_string());
    }
    // All the way back and the same turns again lead to the same state.
    let labels: Vec<String> = stepper.way().schedule.turns.iter().map(|t| t.task.to_string()).collect();
    while stepper.back() {}
    (stepper.findings().len() + stepper.len() > 0).then(|| format!("something is left after {labels:?}"))
}

#[test]
fn walks_through_the_scenarios_find_nothing_else() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut wrong = Vec::new();
    for file in support::leftover::files_in(&folder).iter().filter(|f| f.extension().is_some_and(|e| e == "conc")) {
        let text = std::fs::read_to_string(file).expect("it can be read");
        for seed in 1..=3 {
            wrong.extend(walk(&text, seed).map(|fault| format!("{} (seed {seed}): {fault}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A choice before a turn that was not taken is not in the schedule, which would take it.
#[test]
fn a_schedule_has_no_turn_that_was_not_taken() {
    let chooses = "shared s = 0\ntask t { let n = choose(1..3); s = n }\nspawn t\njoin all\n";
    let prints = "shared s = 0\ntask t { print \"hello\"; s = 1 }\nspawn t\njoin all\n";
    for (script, commands) in [(chooses, "0\n1:1\ns\nq\n"), (prints, "0\n1\ns\nq\n")] {
        let ended = step(script, commands).expect_code(0);
        let said = answer(&ended, "s");
        assert!(said.starts_with("conc replay "), "{said}");
        assert_eq!(said.split('@').next().and_then(|s| s.rsplit(' ').next()), Some("0"), "{said}");
    }
    let ended = step("print 1\nprint 2\n", "0\ns\nq\n").expect_code(0);
    assert!(ended.stdout.contains("no turn was taken yet that counts"), "{}", ended.stdout);
}

/// Two records of one struct, and two objects that are made at one line: in the list of
/// objects, in what is offered and in the lanes each has one name, that of the reports.
#[test]
fn things_of_one_name_are_told_apart() {
    let ended = step(TWO_RECORDS, "0\n0\n0\n1\n2\nq\n").expect_code(1);
    let shown = answer(&ended, "2");
    for line in [
        "  A.bal (2)      = 0\n",
        "  lock A.mu      held by p since line 4; waiting: q\n",
        "  lock A.mu (2)  held by q since line 4; waiting: p\n",
        "acquire A.mu (2): held by q since line 4 (for ever)\n",
        "error[deadlock]: p and q wait for each other\n",
        "p waits for lock A.mu (2)\n",
    ] {
        assert!(shown.contains(line), "no {line} in {shown}");
    }
    let lanes: Vec<&str> = shown.lines().filter(|l| l.trim_end().ends_with("acquire A.mu (2)")).collect();
    assert_eq!(lanes.len(), 1, "{shown}");
    let made = "fn mk() { let x = queue(1); return x }\nlet a = mk()\nlet b = mk()\na.put(1)\nb.put(2)\n";
    let ended = step(made, "0\n0\n0\n0\nq\n").expect_code(0);
    assert!(ended.stdout.contains("  queue x (line 1) (2)  1 of 1: 2\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("   5  put x (line 1) (2)\n"), "{}", ended.stdout);
}

/// What a turn makes that has no words of its own, a pool of one, who has ended, and what
/// nobody can read.
#[test]
fn small_words() {
    let script = "struct S { lock mu }\nvar rec = none\nrec = S()\npool p(1)\ntask w { }\nspawn w\njoin all\n";
    let ended = step(script, "0\n0\n0\nf w\np w\np \u{1b}[2J\nc 3\nq\n").expect_code(0);
    assert_eq!(answer(&ended, "c 3"), "`c` stands alone, and takes no `3`; h lists the commands");
    assert!(ended.stdout.contains("  line 3  makes rec (line 3)\n"), "{}", ended.stdout);
    assert!(ended.stdout.contains("pool p     1 worker, 0 jobs not begun; waiting: "), "{}", ended.stdout);
    let of_ended = answer(&ended, "p w");
    assert!(of_ended.starts_with("w has ended: returned\n"), "{of_ended}");
    assert!(ended.stdout.contains("there is no task `\\u{1b}[2J`"), "{}", ended.stdout);
}
