//! The session of `conc repl` at a terminal, through a pseudo-terminal with a
//! screen behind it.

mod support;

use support::terminal::{Terminal, terminal};

fn leave(mut t: Terminal) {
    t.keys("\x03");
    t.until("an empty line", |t| t.last().ends_with('>'));
    t.keys("\x04");
    t.finish().expect_code(0);
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
