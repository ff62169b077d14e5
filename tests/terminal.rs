//! The session of `conc repl` at a terminal, through a pseudo-terminal with a
//! screen behind it.

mod support;

use support::Random;
use support::terminal::{Terminal, terminal};

fn leave(mut t: Terminal) {
    t.keys("\x03");
    t.until("an empty line", |t| t.last().ends_with('>'));
    t.keys("\x04");
    t.finish().expect_code(0);
}

#[test]
fn what_tasks_print_stands_above_the_line_being_typed() {
    let mut t = terminal(None);
    t.enter("event go");
    t.enter("task ticker { for i in 0..20 { go.wait(); print \"tick {i} {i}\"; sleep 3ms } }");
    t.enter("spawn process ticker");
    t.enter("spawn { go.wait(); print \"once\" }");
    t.keys("spawn { go.set() }\r");
    for c in "let typed = [1, 2, 3]".chars() {
        t.keys(&c.to_string());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    t.until("all that was printed", |t| t.shows("tick 19 19") && t.shows("once"));
    t.until("the line as it was typed", |t| t.last() == "6> let typed = [1, 2, 3]");
    let lines = t.lines();
    for i in 0..20 {
        let line = format!("tick {i} {i}");
        assert_eq!(lines.iter().filter(|l| **l == line).count(), 1, "`{line}` in:\n{}", lines.join("\n"));
    }
    t.enter("");
    t.enter("typed[1] + 40");
    assert!(t.lines().iter().any(|l| l == "42"), "{}", t.lines().join("\n"));
    leave(t);
}

#[test]
fn a_deadlock_is_told_above_the_line_being_typed() {
    let mut t = terminal(None);
    for line in [
        "lock a",
        "lock b",
        "event go",
        "task left { with a { go.wait(); sleep 20ms; with b { } } }",
        "task right { with b { go.wait(); sleep 20ms; with a { } } }",
        "let l = spawn left",
        "let r = spawn right",
        "go.set()",
    ] {
        t.enter(line);
    }
    t.keys("print \"half");
    t.until("the report", |t| t.shows("left and right wait for each other"));
    t.until("the line as it was typed", |t| t.last() == "9> print \"half");
    t.enter(" done\"");
    assert!(t.lines().iter().any(|l| l == "half done"));
    t.enter("terminate l");
    t.enter("terminate r");
    leave(t);
}

#[test]
fn lines_belong_together_until_they_are_whole() {
    let mut t = terminal(None);
    t.keys("fn f(n) {\r");
    t.until("the second line", |t| t.last() == " .");
    t.keys("return n + 1\r}\r");
    t.until("the next prompt", |t| t.last() == "4>");
    t.enter("f(41)");
    assert!(t.lines().iter().any(|l| l == "42"), "{}", t.lines().join("\n"));
    leave(t);
}

#[test]
fn completion_knows_what_is_declared() {
    let mut t = terminal(None);
    t.enter("semaphore places(2)");
    t.keys("places.\t");
    t.until("its methods", |t| ["acquire(", "release(", "value("].iter().all(|m| t.shows(m)));
    t.keys("\x03");
    t.until("an empty line", |t| t.last().ends_with('>'));
    t.keys("pla\t");
    t.until("the name", |t| t.last().ends_with("> places"));
    t.keys(".val\t)\r");
    t.until("its value", |t| t.lines().iter().any(|l| l == "2"));
    leave(t);
}

#[test]
fn the_history_stays_between_sessions() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut t = terminal(Some(state.path()));
    t.enter("print \"remember\"");
    leave(t);
    let mut t = terminal(Some(state.path()));
    t.keys("print");
    t.until("the hint", |t| t.last() == "1> print \"remember\"");
    t.keys("\x03\x1b[A");
    t.until("the entry", |t| t.last() == "1> print \"remember\"");
    leave(t);
}

#[test]
fn ctrl_c_stops_the_statement_and_not_the_session() {
    let mut t = terminal(None);
    t.enter("lock m");
    t.enter("var n = 0");
    for line in [
        "sleep 100s",
        "loop { n += 1 }",
        "with m { busy 100s }",
        "try { sleep 100s } catch any { }",
        "select { after 100s => { } }",
    ] {
        t.keys(line);
        t.keys("\r");
        std::thread::sleep(std::time::Duration::from_millis(60));
        let before = t.lines().iter().filter(|l| l.ends_with("stopped")).count();
        t.keys("\x03");
        t.until(&format!("the end of {line}"), |t| {
            t.lines().iter().filter(|l| l.ends_with("stopped")).count() > before && t.last().ends_with('>')
        });
    }
    t.enter("m.locked()");
    assert!(t.shows("false"), "{}", t.lines().join("\n"));
    t.keys("half a line\x03");
    t.enter("6 * 7");
    assert!(t.lines().iter().any(|l| l == "42"), "{}", t.lines().join("\n"));
    leave(t);
}

#[test]
fn ctrl_c_at_any_moment() {
    let mut random = Random::new("ctrl_c_at_any_moment");
    let mut t = terminal(None);
    t.enter("lock m");
    t.enter("queue q");
    let lines = [
        "sleep 20ms",
        "with m { sleep 5ms }",
        "spawn { with m { q.get(timeout: 5ms) } }",
        "join all",
        "print \"x\"",
        "loop { }",
        "q.get(timeout: 50ms)",
        "spawn process { sleep 3ms }",
        "{",
        "let n = [1,",
    ];
    for _ in 0..60 {
        t.keys(lines[random.below(lines.len() as u64) as usize]);
        if random.below(4) > 0 {
            t.keys("\r");
        }
        random.pause(12_000);
        for _ in 0..1 + random.below(3) {
            t.keys("\x03");
            random.pause(4_000);
        }
    }
    // What is left of the storm ends too.
    for _ in 0..3 {
        std::thread::sleep(std::time::Duration::from_millis(60));
        t.keys("\x03");
    }
    t.until("a prompt", |t| t.last().ends_with('>'));
    t.enter("6 * 7");
    t.until("the answer", |t| t.lines().iter().any(|l| l == "42"));
    leave(t);
}

#[test]
fn a_flood_leaves_the_prompt_usable() {
    let mut t = terminal(None);
    t.enter("event stop");
    t.keys("let w = spawn { while not stop.is_set() { print \"flood\" } }\r");
    t.until("the flood", |t| t.shows("flood"));
    t.keys("stop.set()\r");
    t.keys("join w\r");
    t.keys("6 * 7\r");
    t.until("the answer", |t| t.lines().iter().any(|l| l == "42"));
    leave(t);
}

#[test]
fn nothing_stays_when_the_terminal_goes() {
    let mut t = terminal(None);
    t.enter("spawn process { sleep 100s }");
    t.enter("spawn { sleep 100s }");
    t.hang_up();
}

#[test]
fn help_is_there_and_exit_leaves() {
    let mut t = terminal(None);
    t.enter(":help");
    assert!(t.shows("takes the last entry back"), "{}", t.lines().join("\n"));
    t.keys("exit 5\r");
    t.finish().expect_code(5);
}
