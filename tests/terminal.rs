//! The session of `conc repl` at a terminal, through a pseudo-terminal with a
//! screen behind it.

use crate::support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::time::Duration;
use support::Random;
use support::terminal::{COLUMNS, Kind, ROWS, Terminal, start, terminal};

/// Something that can be made to happen while a line is being edited: it ends
/// a process `p`, for whose end tasks may wait.
fn trigger(t: &mut Terminal) -> impl FnOnce() + use<> {
    t.enter("var p = none");
    t.keys("p = spawn process { print \"pid {self.pid}\"; sleep 1000s }\r");
    let pid = |t: &Terminal| t.lines().iter().find_map(|l| l.strip_prefix("pid ")?.parse::<i32>().ok());
    t.until("the process", |t| pid(t).is_some() && t.at_prompt());
    let pid = pid(t).expect("it is there");
    move || kill(Pid::from_raw(pid), Signal::SIGTERM).expect("the process is there")
}

#[test]
fn what_tasks_print_stands_above_the_line_being_typed() {
    let mut t = terminal();
    t.enter("event go");
    t.enter("task ticker { for i in 0..16 { go.wait(); print \"tick {i} {i}\"; sleep 1ms } }");
    t.enter("spawn process ticker");
    t.enter("spawn { go.wait(); print \"once\" }");
    t.keys("spawn { go.set() }\r");
    for c in "let typed = [1, 2, 3]".chars() {
        t.keys(&c.to_string());
    }
    t.until("all that was printed", |t| t.shows("tick 15 15") && t.shows("once"));
    t.until("the line as it was typed", |t| t.last() == "6> let typed = [1, 2, 3]");
    for i in 0..16 {
        let line = format!("tick {i} {i}");
        assert_eq!(t.count(&line), 1, "`{line}` in:\n{}", t.lines().join("\n"));
    }
    t.keys("\r");
    t.prompt("the next line");
    t.enter("typed[1] + 40");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

/// A burst of lines that comes at once is no scrolled screen: what stood above
/// stays there.
#[test]
fn many_lines_at_once_leave_the_screen_as_it_was() {
    let mut t = terminal();
    let trigger = trigger(&mut t);
    t.enter("task burst { join p; for i in 0..9 { print \"line {i}\" } }");
    t.enter("spawn burst");
    t.line("let a = 1");
    trigger();
    t.until("the burst", |t| t.count("line 8") == 1 && t.last().ends_with("> let a = 1"));
    let lines = t.lines();
    let at = |line: &str| lines.iter().position(|l| l == line);
    assert!(lines[1] == "1> var p = none", "{}", lines.join("\n"));
    let first = at("line 0").expect("it is there");
    assert!((0..9).all(|i| lines[first + i] == format!("line {i}")), "{}", lines.join("\n"));
    t.clear();
    t.leave();
}

#[test]
fn long_and_odd_lines_take_the_rows_they_need() {
    let mut t = terminal();
    let trigger = trigger(&mut t);
    t.enter("fn many(n) { if n == 0 { return \"\" }; return \"xy\" + many(n - 1) }");
    t.enter("spawn { join p; print many(120); print \"\"; print \"a\\tb\"; print \"end\" }");
    t.line("let b = [1,");
    trigger();
    t.until("what was printed", |t| t.count("end") == 1 && t.last() == "5> let b = [1,");
    let lines = t.lines();
    let first = lines.iter().position(|l| l.starts_with("xyxy")).expect("it is there");
    let wide = "xy".repeat(usize::from(COLUMNS) / 2);
    let wanted = [&wide, &wide, &"xy".repeat(20), "", "a       b", "end", "5> let b = [1,"];
    assert_eq!(lines[first..], wanted, "{}", lines.join("\n"));
    t.clear();
    t.leave();
}

#[test]
fn a_deadlock_is_told_above_the_line_being_typed() {
    let mut t = terminal();
    let trigger = trigger(&mut t);
    for line in [
        "lock a",
        "lock b",
        "barrier both(2)",
        "task left { with a { both.wait(); join p; with b { } } }",
        "task right { with b { both.wait(); join p; with a { } } }",
        "let l = spawn left",
        "let r = spawn right",
    ] {
        t.enter(line);
    }
    t.line("print \"half");
    trigger();
    t.until("the report", |t| t.shows("left and right wait for each other"));
    t.until("the line as it was typed", |t| t.last() == "10> print \"half");
    t.keys(" done\"\r");
    t.until("its output", |t| t.count("half done") == 1);
    t.prompt("the next line");
    t.enter("terminate l");
    t.enter("terminate r");
    t.leave();
}

#[test]
fn lines_belong_together_until_they_are_whole() {
    let mut t = terminal();
    t.keys("fn f(n) {\r");
    t.until("the second line", |t| t.last() == " .");
    t.keys("return n + 1\r}\r");
    t.until("the next prompt", |t| t.last() == "4>");
    t.enter("f(41)");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

#[test]
fn an_unfinished_entry_can_be_dropped_and_left() {
    let mut t = terminal();
    t.keys("fn f(n) {\r");
    t.until("the second line", |t| t.last() == " .");
    t.keys("\x03");
    t.prompt("a new entry");
    t.enter("6 * 7");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    // On a line with something on it Ctrl-D takes the next character away.
    t.keys("fn f(n) {\rnx\x1b[D\x04");
    t.until("the next character is gone", |t| t.last() == " . n");
    t.keys("\x7f");
    t.until("the empty line", |t| t.last() == " .");
    t.keys("\x04");
    t.finish().expect_code(0);
    let mut t = terminal();
    t.keys("print \"a\"x\x1b[D\x04\r");
    t.until("its output", |t| t.count("a") == 1);
    t.prompt("the next line");
    t.keys("lock m; with m {\r:quit\r");
    t.finish().expect_code(0);
}

#[test]
fn completion_knows_what_is_declared() {
    let mut t = terminal();
    t.enter("semaphore places(2)");
    t.keys("places.\t");
    t.until("its methods", |t| ["acquire(", "release(", "value("].iter().all(|m| t.shows(m)));
    // The menu goes with the line.
    t.clear();
    assert!(!t.shows("acquire("), "{}", t.lines().join("\n"));
    // With nothing to choose from there is none.
    t.line("nowhere");
    t.keys("\t\t()");
    t.until("what was typed behind", |t| t.last().ends_with("> nowhere()"));
    assert!(!t.shows("NO RECORDS"), "{}", t.lines().join("\n"));
    t.clear();
    t.keys("pla\t");
    t.until("the name", |t| t.last().ends_with("> places"));
    t.keys(".val\t)\r");
    t.until("its value", |t| t.count("2") == 1);
    t.leave();
}

#[test]
fn the_history_stays_between_sessions() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let kind = Kind { state: Some(state.path()), answers: true };
    let mut t = start(&kind);
    t.enter("print \"remember\"");
    t.leave();
    let mut t = start(&kind);
    t.keys("print");
    t.until("the hint", |t| t.last() == "1> print \"remember\"");
    t.clear();
    assert_eq!(t.count("1> print"), 1, "the hint goes: {}", t.lines().join("\n"));
    t.keys("\x1b[A");
    t.until("the entry", |t| t.last() == "1> print \"remember\"");
    t.clear();
    t.leave();
}

/// While a statement runs the editor is not there.
#[test]
fn what_was_typed_ahead_is_in_the_history() {
    let mut t = terminal();
    t.keys("sleep 50ms\rprint \"ahead\"\r");
    t.until("what it prints", |t| t.count("ahead") == 1 && t.at_prompt());
    t.keys("\x1b[A");
    t.until("the entry", |t| t.last().ends_with("> print \"ahead\""));
    t.clear();
    t.leave();
}

#[test]
fn ctrl_c_stops_the_statement_and_not_the_session() {
    let mut t = terminal();
    t.enter("lock m");
    t.enter("var n = 0");
    let statements = [
        "sleep 100s",
        "loop { n += 1 }",
        "with m { busy 100s }",
        "try { sleep 100s } catch any { }",
        "select { after 100s => { } }",
    ];
    for (i, statement) in statements.iter().enumerate() {
        t.keys(&format!("print \"on {i}\"; {statement}\r"));
        t.until("the statement", |t| t.count(&format!("on {i}")) == 1);
        t.keys("\x03");
        t.until(&format!("the end of {statement}"), |t| t.count("stopped") == i + 1 && t.at_prompt());
    }
    t.enter("m.locked()");
    assert_eq!(t.count("false"), 1, "{}", t.lines().join("\n"));
    t.line("half a line");
    t.clear();
    t.enter("6 * 7");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

/// Ctrl-Z stops what is under way with the session, at the prompt as in a statement, and leaves
/// the terminal as it was; going on, the line is there as it was typed.
#[test]
fn ctrl_z_stops_the_session_with_its_processes() {
    let mut t = terminal();
    t.enter("let p = spawn process { sleep 1000s }");
    t.line("print 6 * 0");
    t.keys("\x1b[D\x1a7");
    t.until_stopped();
    assert!(t.echoes(), "the terminal is as it was before");
    t.go_on();
    // What was typed behind it, where the cursor was.
    t.until("the line anew", |t| t.last().ends_with("> print 6 * 70"));
    t.keys("\x1b[F\x7f\r");
    t.until("its value", |t| t.count("42") == 1 && t.at_prompt());
    t.keys("sleep 100s\r");
    t.until("the statement", |t| t.last().ends_with("> sleep 100s"));
    t.keys("\x1a");
    t.until_stopped();
    t.go_on();
    t.keys("\x03");
    t.until("its end", |t| t.count("stopped") == 1 && t.at_prompt());
    // An entry of several lines, and the prompt of `:step`.
    t.keys("fn f(n) {\rreturn n + 1\x1a\r}\r");
    t.until_stopped();
    t.go_on();
    t.until("the entry", |t| t.at_prompt() && t.last() != "1>");
    t.enter("f(70)");
    assert_eq!(t.count("71"), 1, "{}", t.lines().join("\n"));
    t.enter("terminate p");
    t.keys(":step\r");
    t.until("the first state", |t| t.last() == "step>");
    t.keys("c");
    t.until("the command", |t| t.last() == "step> c");
    t.keys("\x1a");
    t.until_stopped();
    t.go_on();
    t.until("the command anew", |t| t.last() == "step> c" && t.count("step> c") == 2);
    t.keys("\x7fq\r");
    t.prompt("the session");
    t.leave();
}

/// The signal does what the key does: at the prompt, within a line of several, in a statement.
#[test]
fn a_signal_that_stops_the_session_leaves_the_terminal_as_it_was() {
    let mut t = terminal();
    t.enter("let p = spawn process { sleep 1000s }");
    t.stop_by_signal();
    assert!(t.echoes(), "at an empty line the terminal is as it was before");
    t.go_on();
    t.until("the line anew", |t| t.at_prompt() && t.prompts() == 2);
    t.keys("print 6 * 0\x1b[D7");
    t.until("the line", |t| t.last().ends_with("> print 6 * 70"));
    t.stop_by_signal();
    assert!(t.echoes(), "within a line the terminal is as it was before");
    t.go_on();
    t.until("the line anew", |t| t.last().ends_with("> print 6 * 70") && t.count("2> print 6 * 70") == 1);
    // Where the cursor was.
    t.keys("\x7f1\r");
    t.until("its value", |t| t.count("60") == 1 && t.at_prompt());
    t.keys("sleep 100s\r");
    t.until("the statement", |t| t.last().ends_with("> sleep 100s"));
    t.stop_by_signal();
    t.go_on();
    t.keys("\x03");
    t.until("its end", |t| t.count("stopped") == 1 && t.at_prompt());
    t.enter("terminate p");
    t.leave();
}

#[test]
fn a_change_of_the_line_can_be_taken_back() {
    let mut t = terminal();
    t.line("print 1");
    t.keys("\x15");
    t.prompt("the line is empty");
    t.keys("\x1f");
    t.until("what was there", |t| t.last() == "1> print 1");
    t.clear();
    t.leave();
}

/// All that is typed at once is one batch of keys to the editor: an indented line, pasted,
/// begins with blanks and ends anywhere.
#[test]
fn characters_of_several_bytes_behind_blanks() {
    let mut t = terminal();
    t.keys(" \u{e9}");
    t.until("what was typed", |t| t.last() == "1>  \u{e9}");
    t.clear();
    t.keys("task t {\r    print 1  # f\u{fc}nf f\u{fc}r \u{65e5}\u{672c}\r}\rprint \"ok\" + \"ay\"\r");
    t.until("all of it", |t| t.count("okay") == 1 && t.at_prompt());
    // A blank is looked for in the history as it is.
    t.enter("print \"ok\" + \"ey\"");
    t.keys("\x12y\" +");
    t.until("nothing that has this", |t| t.shows("(search: y\" +)"));
    t.keys("\x7f\x7f\x7f\x7fk\" + \"");
    t.until("the entry", |t| t.last().contains("(search: k\" + \")") && t.last().ends_with("+ \"ey\""));
    t.keys("\r\r");
    t.until("it is carried out", |t| t.count("okey") == 2);
    t.leave();
}

#[test]
fn what_was_stopped_is_not_done_again() {
    let mut t = terminal();
    t.enter("var n = 0");
    t.keys("n = 7; print \"on\"; loop { n += 1 }\r");
    t.until("the statement", |t| t.count("on") == 1);
    t.keys("\x03");
    t.until("its end", |t| t.count("stopped") == 1 && t.at_prompt());
    t.enter("n = 100");
    t.enter(":undo");
    assert!(t.shows("2 entries were done again"), "{}", t.lines().join("\n"));
    t.enter("nowhere");
    assert!(t.shows("2 \u{2502} n = 7; print \"on\"; loop { n += 1 }"), "{}", t.lines().join("\n"));
    // What was carried out of its entry is.
    t.enter("n");
    assert_eq!(t.count("7"), 1, "{}", t.lines().join("\n"));
    t.enter("n = 200");
    t.enter(":undo");
    t.enter("n + 1");
    assert_eq!(t.count("8"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

#[test]
fn ctrl_c_forgets_what_was_typed_before_it() {
    let mut t = terminal();
    for n in 0..10 {
        let before = format!("print \"too \" + \"early {n}\"\r");
        let behind = format!("print \"in time \" + \"{n}\"\r");
        // With the statement, which the editor reads as one with it, or while it runs.
        let (first, then) = if n % 2 == 0 { ("", before.as_str()) } else { (before.as_str(), "") };
        t.keys(&format!("print \"on {n}\"; sleep 1000s\r{first}"));
        t.until("the statement", |t| t.count(&format!("on {n}")) == 1);
        t.keys(&format!("{then}\x03{behind}"));
        t.until("what came behind", |t| t.count(&format!("in time {n}")) == 1 && t.at_prompt());
        assert!(!t.shows("early"), "{}", t.lines().join("\n"));
    }
    t.leave();
}

#[test]
fn who_is_stopped_at_a_barrier_has_not_come() {
    let mut t = terminal();
    t.enter("barrier b(3)");
    t.enter("queue answers");
    // Whoever may still come keeps the statement from being one that can never go on.
    t.enter("event go");
    t.enter("task late { go.wait(); answers.put(b.wait()) }");
    t.enter("spawn late; spawn late");
    t.keys("print \"on\"; spawn { sleep 20ms; go.set() }; b.wait() + 40\r");
    t.until("all three have come", |t| t.count("on") == 1 && t.at_prompt());
    t.enter("[answers.get(), answers.get()]");
    t.enter("go.clear()");
    t.enter("task never { sleep 1000s; go.set(); b.wait() }");
    t.enter("spawn never");
    t.enter("spawn late");
    t.keys("print \"on 2\"; b.wait()\r");
    t.until("the statement", |t| t.count("on 2") == 1);
    t.keys("\x03");
    t.until("its end", |t| t.count("stopped") == 1 && t.at_prompt());
    t.enter(":objects b");
    assert_eq!(t.count("barrier b  0 of 3 are there"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

/// Enter and Ctrl-C right behind each other: the statement does not begin, or
/// is stopped; either way the prompt comes back.
#[test]
fn ctrl_c_right_behind_enter_is_not_lost() {
    let mut random = Random::new("ctrl_c_right_behind_enter_is_not_lost");
    let mut t = terminal();
    t.enter("var n = 0");
    for _ in 0..40 {
        t.line("loop { n = 1 }");
        t.keys("\r");
        random.pause(8_000);
        t.keys("\x03");
        t.prompt("the prompt");
    }
    t.enter("6 * 7");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

#[test]
fn ctrl_c_at_any_moment() {
    let mut random = Random::new("ctrl_c_at_any_moment");
    let mut t = terminal();
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
        ":tasks",
        ":undo",
        "{",
        "let n = [1,",
    ];
    for _ in 0..80 {
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
    answers(&mut t);
    t.leave();
}

/// Ctrl-C stands where it was typed: what comes behind it is no part of what is given up,
/// however soon it comes.
#[test]
fn what_is_typed_behind_ctrl_c_is_kept() {
    let mut random = Random::new("what_is_typed_behind_ctrl_c_is_kept");
    let mut t = terminal();
    for n in 100..150 {
        let line = format!("print \"it is \" + \"{n}\"\r");
        match random.below(3) {
            // In one piece; then what is typed ahead after it goes on.
            0 => t.keys(&format!("kill self\x03{line}")),
            1 => {
                t.keys("kill self");
                random.pause(3_000);
                t.keys(&format!("\x03{line}"));
            }
            _ => {
                t.keys("kill self");
                random.pause(3_000);
                t.keys("\x03");
                random.pause(6_000);
                t.keys(&line);
            }
        }
        t.until("the answer", |t| t.count(&format!("it is {n}")) == 1 && t.at_prompt());
    }
    assert!(!t.shows("stopped") && !t.shows("SIGKILL"), "{}", t.lines().join("\n"));
    t.leave();
}

#[test]
fn lines_that_are_typed_ahead_are_carried_out_in_their_order() {
    let mut t = terminal();
    t.keys("var n = 1\rfn f(a) {\r    return a * 10\r}\rn = f(n) + 2\rprint \"n is {n}\"\r\"half\"");
    t.until("all of it", |t| t.count("n is 12") == 1 && t.last().ends_with("> \"half\""));
    t.clear();
    t.keys("n\r\x04");
    t.finish().expect_code(0);
}

/// After a storm of keys: what is left of it is stopped until the session
/// answers.
/// More than a terminal holds and than is read at once comes in as it was typed: while a
/// statement runs, behind an entered line, and in the middle of an entry.
#[test]
fn a_long_text_that_is_typed_at_once_is_there_to_its_end() {
    let mut t = terminal();
    let body: String = (0..300).map(|n| format!("    with m {{ total += {n} }}\r")).collect();
    t.enter("lock m");
    t.keys(&format!("sleep 50ms\rvar total = 0\rtask w {{\r{body}}}\rw()\rprint \"comes to {{total}}\"\r"));
    t.until("what all of it comes to", |t| t.count("comes to 44850") == 1 && t.at_prompt());
    t.keys(&format!("total = 0; w()\rtask v {{\r{body}}}\rv()\rprint \"and to {{total}}\"\r"));
    t.until("the same again", |t| t.count("and to 89700") == 1 && t.at_prompt());
    t.leave();
}

fn answers(t: &mut Terminal) {
    for n in 0..100 {
        // A Ctrl-C forgets what is typed by then, so this waits for the line
        // that comes after it.
        let before = t.prompts();
        t.keys("\x03");
        t.comes(Duration::from_millis(500), |t| t.prompts() != before && t.at_prompt());
        t.keys(&format!("print \"here \" + \"{n}\"\r"));
        if t.comes(Duration::from_secs(2), |t| t.count(&format!("here {n}")) == 1 && t.at_prompt()) {
            return;
        }
    }
    panic!("the session does not answer\n{}", t.lines().join("\n"));
}

#[test]
fn a_flood_leaves_the_prompt_usable() {
    let mut t = terminal();
    t.enter("event stop");
    t.keys("let w = spawn { while not stop.is_set() { print \"flood\" } }\r");
    t.until("the flood", |t| t.count("flood") > usize::from(ROWS) / 2);
    t.keys("stop.set()\r");
    t.keys("join w\r");
    t.keys("6 * 7\r");
    t.until("the answer", |t| t.count("42") == 1);
    t.leave();
}

#[test]
fn the_session_goes_on_when_main_is_killed_while_somebody_types() {
    let mut t = terminal();
    let trigger = trigger(&mut t);
    t.enter("let main = self");
    t.enter("spawn process { join p; kill main }");
    t.line("let half =");
    trigger();
    t.until("the word of it", |t| t.shows("a new session begins, with what was declared"));
    t.until("what was typed", |t| t.last().ends_with("> let half ="));
    t.keys(" 6 * 7\r");
    t.prompt("the next line");
    t.enter("half");
    assert_eq!(t.count("42"), 1, "{}", t.lines().join("\n"));
    t.leave();
}

#[test]
fn step_goes_through_what_was_entered() {
    let mut t = terminal();
    t.enter("lock m");
    t.enter("task w { with m { } }");
    t.enter("spawn w");
    t.keys(":step\r");
    t.until("the first state", |t| t.last() == "step>" && t.shows("can go"));
    t.keys("0\r");
    t.until("the second", |t| t.last() == "step>" && t.shows("acquire m"));
    t.keys("half\x03");
    t.until("an empty line", |t| t.last() == "step>");
    answers_step(&mut t);
    t.keys("q\r");
    t.prompt("the session");
    t.enter("m.locked()");
    t.leave();
}

/// A Ctrl-C forgets what is typed by then; so this asks until it is answered.
fn answers_step(t: &mut Terminal) {
    for _ in 0..100 {
        t.keys("c\r");
        if t.comes(Duration::from_secs(2), |t| t.last() == "step>" && t.shows("every task has ended")) {
            return;
        }
    }
    panic!("no answer\n{}", t.lines().join("\n"));
}

#[test]
fn a_terminal_that_does_not_answer_gives_plain_lines() {
    let state = tempfile::tempdir().expect("a temporary folder");
    let mut t = start(&Kind { state: Some(state.path()), answers: false });
    t.until("plain lines", |t| t.shows("lines are read without an editor"));
    t.keys("fn f(n) {\n");
    t.until("the second line", |t| t.last() == " .");
    t.keys("return n + 1\n}\nf(41)\n");
    // The terminal shows what is typed as soon as it is.
    t.until("the answer", |t| t.shows("42") && t.last() == "5>");
    t.keys("\x04");
    t.finish().expect_code(0);
}

#[test]
fn nothing_stays_when_the_terminal_goes() {
    let mut t = terminal();
    t.enter("spawn process { sleep 100s }");
    t.enter("spawn { sleep 100s }");
    t.hang_up();
}

#[test]
fn help_is_there_and_exit_leaves() {
    let mut t = terminal();
    t.enter(":help");
    assert!(t.shows("takes the last entry back"), "{}", t.lines().join("\n"));
    t.keys("exit 5\r");
    t.finish().expect_code(5);
}
