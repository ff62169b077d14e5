//! The session of `conc repl` without a terminal: what it answers. What it survives, and that
//! nothing of it is left behind, is in `ended`.

mod ended;

use crate::support;

use nix::sys::signal::Signal;
use std::io::Write;
use support::{Conc, Ended, Running, conc, flat};

/// `conc repl` with this input, without the editor.
fn repl() -> Conc {
    conc().args(["repl", "--color", "never"])
}

fn session(text: &str) -> Ended {
    repl().input(text).start().finish()
}

/// The same with the input shown and the reports in their place.
fn transcript(text: &str) -> String {
    repl().args(["--transcript"]).input(text).start().finish().stdout
}

#[test]
fn values_are_shown_and_statements_are_not() {
    let ended =
        session("1 + 2\nvar x = 5\nx += 1\nx\nlet w = \"a\"\nw\nw = \"b\"; w\nnone\nprint \"p\"\n").expect_code(0);
    assert_eq!(ended.stdout, "3\n6\n\"a\"\n\"b\"\np\n");
    assert_eq!(ended.stderr, "");
}

#[test]
fn several_lines_are_one_entry_until_the_parser_has_it_whole() {
    let text = "fn f(n) {\n    if n == 0 {\n        return \"zero\"\n    }\n    else {\n        return \"more\"\n    }\n}\nf(0)\nf(\n1)\ntry { f(q) }\ncatch any { }\nif true { print 1 }\nelse { print 2 }\n";
    let ended = session(text);
    assert_eq!(ended.stdout, "\"zero\"\n\"more\"\n1\n");
    assert!(ended.stderr.contains("`q` is not defined"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn an_error_ends_the_statement_and_not_the_session() {
    let ended =
        session("queue q\nfn f() { return q.get_nowait() }\nf()\nlet n = 1 / 0\nprint \"on\"\nassert false, \"why\"\n")
            .expect_code(1);
    assert_eq!(ended.stdout, "on\n");
    for words in ["Empty: the queue is empty (queue q)", "called here", "DivideByZero", "Assertion: why"] {
        assert!(ended.stderr.contains(words), "{words} is missing in:\n{}", ended.stderr);
    }
}

#[test]
fn a_wrong_entry_changes_nothing() {
    let ended = session("lock m\nlock n; prnt(1)\nlock m\nn\nm\n");
    assert_eq!(ended.stdout, "m\n");
    assert!(ended.stderr.contains("`prnt` is not defined") && ended.stderr.contains("`m` is defined twice"));
    assert!(ended.stderr.contains("[repl:2:"), "{}", ended.stderr);
    ended.expect_code(2);
}

#[test]
fn tasks_and_processes_begin_with_what_is_declared_by_then() {
    let text = "queue q\nqueue back\n\
        task old { let f = q.get(); back.put(f(2)) }\n\
        spawn old\nspawn process old\n\
        fn late(n) { return \"late {n}\" }\n\
        q.put(late); q.put(late)\n\
        back.get()\nback.get()\n\
        pool threads(1)\npool processes(1) of processes\nvar v = 7\n\
        task job(n) { return n + v }\n\
        let a = submit job(1) to threads\njoin a\na.result\n\
        let b = submit job(2) to processes\njoin b\nb.result\n";
    let ended = session(text).expect_code(0);
    assert_eq!(ended.stdout, "old\nold\n\"late 2\"\n\"late 2\"\n8\n9\n");
}

#[test]
fn who_runs_keeps_the_old_function_and_who_begins_has_the_new_one() {
    let text = "queue q\nqueue back\n\
        fn f() { return \"old\" }\ntask t { q.get(); back.put(f()) }\n\
        let r = spawn t\nlet p = spawn process t\n\
        fn f() { return \"new\" }\n\
        q.put(1); q.put(1); join r; join p\nback.get()\nback.get()\n\
        let n = spawn t\nq.put(1); back.get()\nf()\n";
    let ended = session(text).expect_code(0);
    assert_eq!(ended.stdout, "\"old\"\n\"old\"\n\"new\"\n\"new\"\n");
    let ended = session("fn f(a) { return a }\nfn g() { return f(1) }\ng()\nfn f() { return 0 }\ng()\n");
    assert_eq!(ended.stdout, "1\n");
    assert!(ended.stderr.contains("`f` takes no argument, and here it gets 1"), "{}", ended.stderr);
}

const CIRCLE: &str = "lock a\nlock b\nbarrier both(2)\n\
    task left { with a { both.wait(); with b { } } }\ntask right { with b { both.wait(); with a { } } }\n\
    let l = spawn left\nlet r = spawn right\n";

#[test]
fn a_deadlock_is_told_while_the_prompt_is_up() {
    let mut run = fed();
    run.feed(CIRCLE);
    run.until_stderr("left and right wait for each other");
    run.feed("print 6 * 7\nterminate l\nterminate r\njoin l\njoin r\n:tasks\n");
    run.running.line("42");
    let ended = run.finish();
    assert_eq!(ended.stderr.matches("error[deadlock]").count(), 1, "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("was terminated").count(), 2, "{}", ended.stdout);
    ended.expect_code(1);
}

#[test]
fn who_waits_for_the_prompt_is_not_stuck() {
    let mut run = fed();
    run.feed("queue q\nlock m\nm.acquire()\nspawn { print \"got {q.get()}\" }\nspawn { with m { print \"had m\" } }\nsleep 60ms\n");
    run.feed("q.put(5)\n");
    run.running.line("got 5");
    run.feed("m.release()\n");
    run.running.line("had m");
    let ended = run.finish().expect_code(0);
    assert_eq!(ended.stderr, "");
}

#[test]
fn a_statement_that_can_never_go_on_is_stopped() {
    let ended = session("queue q\nlock m\nwith m { q.get() }\nm.locked()\nm.acquire()\nm.acquire()\nprint \"on\"\n")
        .expect_code(1);
    assert_eq!(ended.stdout, "false\ntrue\non\n");
    assert_eq!(ended.stderr.matches("never go on").count(), 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("error[self-deadlock]"), "{}", ended.stderr);
}

#[test]
fn at_the_end_it_waits_for_the_tasks_as_a_script_does() {
    let ended =
        session("spawn { sleep 50ms; print \"late\" }\nvar x = 1\nfinally { assert x == 1; print \"finally\" }\n")
            .expect_code(0);
    assert_eq!(ended.stdout, "main:1\nlate\nfinally\n");
    let ended = session("queue q\nspawn { q.get() }\n").expect_code(1);
    assert!(ended.stderr.contains("error[deadlock]"), "{}", ended.stderr);
    let ended = session("queue q\nq.put(1)\n").expect_code(0);
    assert!(ended.stderr.contains("note[left-in-queue]"), "{}", ended.stderr);
}

#[test]
fn races_and_errors_of_tasks_are_told() {
    let ended = session("var x = 0\ntask t { x += 1 }\nspawn t x2\njoin all\n").expect_code(1);
    assert!(ended.stderr.contains("error[race]"), "{}", ended.stderr);
    let ended = session("spawn { raise \"no\" }\njoin all\n").expect_code(1);
    assert_eq!(ended.stderr.matches("error[error]").count(), 1, "{}", ended.stderr);
    let ended = session("var x = 0\ninvariant x < 2\ntask t { x = 5 }\nspawn t\njoin all\n").expect_code(1);
    assert!(ended.stderr.contains("error[invariant]"), "{}", ended.stderr);
}

/// A condition's wait that is stopped has its lock again, and its `with` lets go of it. Where
/// another task has it by then, there is nothing to let go of.
#[test]
fn a_stopped_wait_for_a_condition_has_its_lock_again() {
    let shown =
        transcript("lock m\ncondition c(m)\nwith m { c.wait() }\nm.locked()\nm.acquire(); c.wait()\nm.locked()\n");
    assert!(!shown.contains("NotOwner"), "{shown}");
    assert_eq!(shown.matches("so it was stopped").count(), 2, "{shown}");
    let locked: Vec<&str> = shown.lines().filter(|l| *l == "true" || *l == "false").collect();
    assert_eq!(locked, ["false", "true"], "{shown}");

    let script = "event never\nlock m\ncondition c(m)\nwith m { spawn { m.acquire(); never.wait() }; c.wait() }\n";
    let shown = transcript(&format!("{script}m.locked()\n"));
    assert!(!shown.contains("NotOwner"), "{shown}");
    assert_eq!(shown.matches("so it was stopped").count(), 1, "{shown}");
    assert!(shown.lines().any(|l| l == "true"), "{shown}");
}

/// What cannot be read is no empty session.
#[test]
fn a_session_without_standard_input() {
    let shell = support::program("sh").args(["-c", "exec \"$CONC\" repl <&-"]);
    let ended = shell.env("CONC", env!("CARGO_BIN_EXE_conc")).finish().expect_code(2);
    let says = "conc: standard input cannot be read: it is closed, or open only for writing\n";
    assert_eq!(ended.stderr, says);
}

#[test]
fn an_invariant_holds_for_those_who_began_before_it() {
    let ended = session(
        "var x = 0\nevent go\ntask t { go.wait(); x = 5 }\nlet h = spawn t\ninvariant x < 2\ngo.set()\njoin h\n",
    );
    assert!(ended.stderr.contains("error[invariant]"), "{}", ended.stderr);
}

#[test]
fn tasks_objects_and_the_graph() {
    let shown =
        transcript(&format!("{CIRCLE}queue q(2)\nq.put(\"v\")\nvar n = 3\nm\n:tasks\n:graph\n:objects\n:objects q\n"));
    for line in [
        "╭─▶ left ── lock b ──▶ right ── lock a ─╮",
        "╰───────────────────────────────────────╯   (a circle of 2)",
        "lock a        held by left; right waits",
        "queue q       1 of 2; [\"v\"]",
        "barrier both  0 of 2 are there",
        "var n         = 3",
    ] {
        assert!(shown.lines().any(|l| l == line), "`{line}` is missing in:\n{shown}");
    }
    let tasks: Vec<&str> = shown.lines().filter(|l| l.contains("thread of main")).collect();
    assert!(
        tasks[0].starts_with("left ") && tasks[0].ends_with("waits for b, which right holds; holds a; stuck"),
        "{shown}"
    );
}

#[test]
fn fields_of_records_are_shown_where_main_has_them() {
    let text = "struct R { lock mu; shared n = 1; var k = \"k\"; atomic row[2] = 7 }\nlet r = R(n: 5)\n\
        let h = spawn process { let own = R(n: 9, k: \"own\"); own.n += 1; sleep 1000s }\n\
        r.k = \"main\"\nr.row[1] += 1\nnone\n:objects\n:objects R.n\n:objects R.row\n:objects R.no\n:quit\n";
    let shown = transcript(text);
    let after = |line: &str| -> Vec<&str> {
        let (_, rest) = shown.split_once(&format!("> {line}\n")).expect("it was entered");
        rest.lines().take_while(|l| !l.contains('>')).collect()
    };
    let rows = ["lock R.mu", "shared R.n", "var R.k", "atomic R.row[0]", "atomic R.row[1]"];
    let values = ["free", "= 5", "= \"main\"", "= 7", "= 8"];
    let row = |i: usize| format!("{:31}  {}", format!("{} of r (line 2)", rows[i]), values[i]);
    let all = after(":objects");
    for i in 0..rows.len() {
        assert!(all.contains(&row(i).as_str()), "`{}` is missing in:\n{shown}", row(i));
    }
    let of_other = format!("{:31}  = 10", "shared R.n of own (line 3)");
    assert!(all.contains(&of_other.as_str()), "what the process shares is seen:\n{shown}");
    assert!(!shown.contains("= \"own\""), "{shown}");
    let both = ["shared R.n of r (line 2)    = 5", "shared R.n of own (line 3)  = 10"];
    assert_eq!(after(":objects R.n"), both, "{shown}");
    assert_eq!(after(":objects R.row").len(), 4, "{shown}");
    assert_eq!(after(":objects R.no"), ["there is no object `R.no`; did you mean `R.n`?"], "{shown}");
}

/// Of one struct: each by the record that has it, of which several may be called the same.
#[test]
fn records_of_one_struct_are_told_apart() {
    let text = "struct A { lock mu; shared n = 0 }\nlet a = A()\nlet b = A(n: 1)\n\
        for i in 2..4 { let c = A(n: i) ; if i == 3 { c.mu.acquire() } }\nb.mu.acquire()\n\
        let w = spawn { b.mu.acquire() } as \"w\"\n:objects\n:quit\n";
    let shown = transcript(text);
    for row in [
        "lock A.mu of a (line 2) free",
        "lock A.mu of b (line 3) held by main; w waits",
        "lock A.mu of c (line 4) free",
        "lock A.mu of c (line 4) (2) held by main",
        "shared A.n of a (line 2) = 0",
        "shared A.n of b (line 3) = 1",
        "shared A.n of c (line 4) = 2",
        "shared A.n of c (line 4) (2) = 3",
    ] {
        assert!(shown.lines().any(|line| flat(line) == row), "`{row}` is missing in:\n{shown}");
    }
    // One alone needs no more than its name.
    let alone = transcript("struct A { lock mu }\nlet a = A()\n:objects\n:quit\n");
    assert!(alone.contains("lock A.mu  free\n"), "{alone}");
}

/// What stays broken is told once; broken again after it held, it is told again.
#[test]
fn a_broken_invariant_is_told_once_until_it_holds_again() {
    let steps = ["shared g = 1", "invariant g > 0", "g = 0", "g = -1", "spawn { g = -2 }", "join all", "lock m"];
    let text = format!("{}\ng = 1\ng = 2\nspawn process {{ g = -3 }}\njoin all\ng = -4\n", steps.join("\n"));
    let shown = transcript(&text);
    let told: Vec<&str> = shown.lines().filter(|l| l.contains("this is not true")).collect();
    assert_eq!(told.len(), 2, "{shown}");
    assert!(told[0].ends_with("g is 0") && told[1].ends_with("g is -3"), "{shown}");
}

#[test]
fn an_error_at_the_prompt_ends_no_task() {
    let shown = transcript("spawn { sleep 1ms }\njoin all\nwait(3)\nraise \"why\"\n:findings\n");
    let found = shown.split_once(":findings\n").expect("it was entered").1.replace("\n", " ");
    for words in [
        "a statement of main ended with a NoChild error that nobody caught",
        "a statement of main raised an error that nobody caught: why",
        "= note: main goes on with the next statement",
    ] {
        assert!(found.contains(words), "`{words}` is missing in:\n{found}");
    }
    assert!(!found.contains("go on without it"), "{found}");
}

#[test]
fn what_other_prompts_call_help_and_leaving() {
    for (typed, command) in [
        ("help", ":help"),
        ("help()", ":help"),
        ("help queue", ":help"),
        ("?", ":help"),
        ("quit", ":quit"),
        ("quit()", ":quit"),
        ("exit()", ":quit"),
    ] {
        let ended = session(&format!("{typed}\n")).expect_code(2);
        assert!(ended.stderr.contains(&format!("help: write `{command}`")), "{typed}:\n{}", ended.stderr);
    }
    // A function of that name is one.
    assert_eq!(session("fn help() { return 4 }\nhelp()\n").expect_code(0).stdout, "4\n");
}

/// What is a local of `main` is no declaration too, as in a script, so that the entries stay one.
#[test]
fn a_local_is_not_declared_too() {
    for declaration in ["var a = 2", "fn a() { return 2 }", "lock a", "const a = 2", "struct a { var f = 1 }"] {
        let ended = session(&format!("let a = 1\n{declaration}\na\n:check\n")).expect_code(2);
        assert!(ended.stderr.contains("`a` is defined twice"), "{declaration}: {}", ended.stderr);
        assert!(ended.stdout.starts_with("1\n"), "{declaration}: {}", ended.stdout);
        assert!(ended.stdout.contains("proved absent"), "{declaration}: {}{}", ended.stdout, ended.stderr);
    }
}

/// A command that cannot be carried out is wrong input, as an entry that is wrong is.
#[test]
fn a_command_that_cannot_be_carried_out_is_wrong() {
    for (command, says) in [
        (":nope", "there is no command `:nope`"),
        (":load", "write `:load FILE`"),
        (":graph all", "write `:graph`"),
        (":objects nope", "nope"),
        (":help nope", "there is nothing on `nope`"),
        (":undo", "nothing was entered yet"),
        (":check", "nothing was entered yet"),
        (":step", "nothing was entered yet"),
        (":load nope.conc", "nope.conc cannot be read"),
        (":save no/such.conc", "no/such.conc cannot be written"),
    ] {
        let ended = session(&format!("{command}\n")).expect_code(2);
        assert!(ended.stderr.contains(says), "{command}: {}", ended.stderr);
    }
    session(":help\n:objects\n:tasks\n:graph\n:findings\n:reset\n").expect_code(0);
}

/// What a session has no room for is told at the declaration that goes beyond it.
#[test]
fn more_than_a_session_has_room_for_is_told_at_its_declaration() {
    for (first, second, what, at) in [
        ("var many[65535] = 0", "var one = 1; var two = 2", "places", "two"),
        ("lock many[65535]", "lock one; lock two", "objects", "two"),
    ] {
        let ended = session(&format!("{first}\n{second}\n")).expect_code(2);
        assert!(ended.stderr.contains(&format!("a session declares at most 65536 {what}")), "{}", ended.stderr);
        let column = second.find(at).expect("it is there") + 1;
        assert!(ended.stderr.contains(&format!("[repl:2:{column}]")), "{}", ended.stderr);
    }
}

/// An answer that is larger than what goes to and fro at once comes as a whole.
#[test]
fn a_long_value_is_shown_to_its_end() {
    let double = "s = s + s\n".repeat(20);
    let ended = session(&format!("var s = \"x\"\n{double}s\n1 + 1\n")).expect_code(0);
    let is_whole = ended.stdout == format!("\"{}\"\n2\n", "x".repeat(1 << 20));
    assert!(is_whole, "{} bytes that end with {:?}", ended.stdout.len(), &ended.stdout[ended.stdout.len() - 9..]);
}

/// Entries come from standard input; it is no script beside them.
#[test]
fn standard_input_is_no_script_to_enter_first() {
    let ended = conc().args(["repl", "-"]).input("1 + 1\n").finish().expect_code(2);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("comes from standard input anyway"), "{}", ended.stderr);
}

#[test]
fn a_folder_is_not_written_over() {
    let ended = session("let a = 1\n:save tmp\n:save! tmp\n").expect_code(2);
    assert_eq!(ended.stderr.matches("tmp is a folder: name a file in it\n").count(), 2, "{}", ended.stderr);
}

/// What cannot be written whole leaves what was there, or nothing.
#[test]
fn half_of_a_script_is_not_saved() {
    let line = "ulimit -f 1; exec \"$CONC\" repl --color never";
    let long = format!("let a = \"{}\"\n", "x".repeat(5000));
    let told = "cannot be written: file too large";
    let start = |text: &str| {
        let conc = support::program("sh").args(["-c", line]).env("CONC", env!("CARGO_BIN_EXE_conc"));
        conc.file("old.conc", "print 1\n").input(text).start()
    };
    // `finish` looks for what is left behind.
    let text = format!("{long}:save new.conc\n:save! new.conc\n:save! old.conc\n");
    let mut run = start(&text);
    let old = run.folder().join("old.conc");
    run.until("all three", |run| (run.stderr().matches(told).count() == 3).then_some(()));
    assert_eq!(std::fs::read_to_string(old).expect("it is there"), "print 1\n");
    run.finish().expect_code(2);
    // Over another one it is the same file, and what is no file is written to.
    let mut run = start("let a = 1\n:save! old.conc\n:save! /dev/null\n");
    let old = run.folder().join("old.conc");
    run.line("/dev/null: 1 line");
    assert_eq!(std::fs::read_to_string(old).expect("it is there"), "let a = 1\n");
    run.finish().expect_code(0);
}

/// Of a task that was defined again with other parameters: what is said can be done.
#[test]
fn what_fits_an_earlier_definition_only_is_told() {
    let text =
        "task t { print \"a\" }\nspawn t\njoin all\ntask t(n) { print n }\nspawn t(2)\n:save s.conc\n:check\n:step\n";
    let mut run = repl().input(text).start();
    let folder = run.folder().to_path_buf();
    let all = |r: &Running| format!("{}{}", r.stdout(), r.stderr());
    run.until("the end", |r| (all(r).matches("nothing ran").count() == 3).then_some(()));
    let saved = std::fs::read_to_string(folder.join("s.conc")).expect("it was saved");
    std::fs::remove_file(folder.join("s.conc")).expect("it is there");
    let ended = run.finish();
    let told = format!("{}{}", ended.stdout, ended.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    let (again, mend) =
        ("line 4 defines `t` again, and a script has one `t`, the last: ", "what was entered for the one before");
    assert!(told.contains(&format!("{again}mend in s.conc {mend}")), "{told}");
    assert_eq!(told.matches(&format!("{again}`:save FILE`, and mend there {mend}")).count(), 2, "{told}");
    assert_eq!(saved, "spawn t\njoin all\ntask t(n) { print n }\nspawn t(2)\n");
    conc().args(["run", "s.conc"]).file("s.conc", saved.replace("spawn t\n", "")).start().finish().expect_code(0);
}

/// A statement that could never go on is one that `:check` looks at, also after it was
/// carried out again.
#[test]
fn what_can_never_go_on_stays_after_undo() {
    let text = "queue q\nq.get()\nlet x = 1\n:undo\n:findings\n:check\n";
    let ended = repl().input(text).finish();
    let text = format!("{}{}", ended.stdout, ended.stderr);
    assert!(text.contains("found          deadlock"), "{text}");
    assert!(!text.contains("nothing was found so far"), "{text}");
}

#[test]
fn what_was_found_counts_in_a_new_session_too() {
    for anew in [":reset", "kill self"] {
        let ended = repl().input(&format!("queue q\nq.get()\n{anew}\n1\n")).finish();
        assert_eq!(ended.code, Some(1), "{anew}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn undo_reset_save_and_load() {
    let text = "var x = 1\nx = 2\nfn f() { return 1 }\nlet l = [x]\nl\nx = 3\n:undo\nx\nfn f() { return 2 }\nlet l = 7\nx + 1\nq.get()\n:save s.conc\n:save s.conc\n:reset\nx\n:load s.conc\nl\n";
    let mut run = repl().input(text).start();
    let folder = run.folder().to_path_buf();
    run.until("the end", |r| r.stdout().ends_with("7\n").then_some(()));
    let saved = std::fs::read_to_string(folder.join("s.conc")).expect("it was saved");
    assert_eq!(saved, "var x = 1\nx = 2\nlet l = [x]\nprint l\nprint x\nfn f() { return 2 }\nl = 7\nprint x + 1\n");
    std::fs::remove_file(folder.join("s.conc")).expect("it is there");
    let ended = run.finish();
    assert!(ended.stdout.contains("taken back: x = 3\n5 entries were done again\n2\n"), "{}", ended.stdout);
    assert!(ended.stderr.contains("s.conc is there already"), "{}", ended.stderr);
}

/// Whatever of the entries is no statement of a script, places stay those of the entries;
/// and what is said of replaying can be done.
#[test]
fn check_and_step_name_the_places_of_the_session() {
    let text = "queue q\nfn f() { return 1 }\nlet k = 1; q.get_nowait(); print k\nlet k = 2\nk\nshared n = 0\n\
        fn f() {\n    return n\n}\ntask add { n = f() + 1 }\nspawn add; spawn add\njoin all\nn\n:check\n:step\n\
        0\n0\n0\n2\ns\np\nq\n:save s.conc\n";
    let mut run = repl().input(text).start();
    let folder = run.folder().to_path_buf();
    run.until("the end", |r| r.stdout().contains("s.conc: ").then_some(()));
    let saved = std::fs::read_to_string(folder.join("s.conc")).expect("it was saved");
    std::fs::remove_file(folder.join("s.conc")).expect("it is there");
    let ended = run.finish();
    let shown = &ended.stdout;
    for line in ["error[race]: ", "╭─[repl:8:12]", " 8 │     return n\n    ·            ┬", "\n   5  print 2"]
    {
        assert!(shown.contains(line), "`{line}` is missing in:\n{shown}");
    }
    assert!(ended.stderr.contains("[repl:8:12]") || ended.stderr.contains("[repl:10:12]"), "{}", ended.stderr);
    assert!(shown.contains("0  main  line 11  spawn add"), "{shown}");
    assert!(shown.contains("  12 | join all    <- main"), "{shown}");
    let mut said = shown.lines().filter_map(|l| l.split("`:save FILE`, then conc replay FILE ").nth(1));
    let (schedule, stepped) = (said.next().expect("of the check"), said.next().expect("of the steps"));
    let replay = |schedule: &str| conc().args(["replay", "s.conc", schedule]).file("s.conc", &saved).start().finish();
    let again = replay(schedule).expect_code(1);
    assert!(again.stderr.contains("error[race]"), "{}", again.stderr);
    replay(stepped).expect_code(0);
}

#[test]
fn what_was_carried_out_of_an_entry_stays_in_the_script() {
    let deadlock = "lock a\nlock b\nbarrier both(2)\ntask one { with a { both.wait(); with b { } } }\n\
                    task two { with b { both.wait(); with a { } } }\nspawn one\nspawn two\njoin all\n";
    let text =
        ":load d.conc\n:check\n:reset\nfn f(n) { return [1][n] }\nlet k = 1; f(7); print k\nlet k = 2\n:save s.conc\n";
    let run = repl().file("d.conc", deadlock).input(text).start();
    let folder = run.folder().to_path_buf();
    let mut run = run;
    run.until("the end", |r| r.stdout().contains("s.conc: ").then_some(()));
    let saved = std::fs::read_to_string(folder.join("s.conc")).expect("it was saved");
    assert_eq!(saved, "fn f(n) { return [1][n] }\nlet k = 1  # f(7)\n# print k\n\nk = 2\n");
    std::fs::remove_file(folder.join("s.conc")).expect("it is there");
    let ended = run.finish();
    assert!(ended.stdout.contains("found          deadlock, lock-order"), "{}", ended.stdout);
}

#[test]
fn an_unfinished_entry_can_be_left() {
    for quit in [":quit", "  :q ", ":exit"] {
        let ended = session(&format!("print 1\nfn f() {{\n    print 2\n{quit}\n}}\nprint 3\n")).expect_code(0);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("1\n", ""));
    }
}

#[test]
fn interruptions_stop_the_statement_of_a_pipe_with_the_session() {
    let mut run = fed();
    run.feed("spawn process { sleep 100s }\nprint \"up\"\nsleep 100s\n");
    run.running.line("up");
    run.running.signal(Signal::SIGINT);
    run.finish().expect_code(130);
    let mut run = fed();
    run.feed("spawn process { sleep 100s }\nprint \"up\"\n");
    run.running.line("up");
    run.running.signal(Signal::SIGTERM);
    run.finish().expect_code(130);
}

#[test]
fn step_goes_through_what_was_entered() {
    let ended = session("lock m\ntask w { with m { yield } }\nspawn w\n:step\n0\nw\nq\n6 * 7\n:reset\n:step\n");
    let steps: Vec<&str> = ended.stdout.lines().filter(|l| l.starts_with("step>")).collect();
    assert_eq!(steps, ["step> 0", "step> w", "step> q"], "{}", ended.stdout);
    assert!(
        ended.stdout.contains("lock m  held by w since line 2") && ended.stdout.contains("42\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("nothing was entered yet"), "{}", ended.stderr);
    // What tasks print meanwhile tears no line.
    let mut fed = fed();
    fed.feed("queue go\nspawn { go.get(); sleep 10ms; print \"behind\" }\ngo.put(1)\n:step\n");
    fed.running.until("the line", |r| r.stdout().contains("behind\n").then_some(()));
    fed.feed("q\n");
    let ended = fed.finish();
    let tail = ended.stdout.split("behind").last().unwrap_or_default();
    assert!(ended.stdout.lines().any(|l| l == "behind"), "{}", ended.stdout);
    assert!(tail.contains("step> q\n"), "{}", ended.stdout);
    // The end of the input is the end of the steps too.
    let ended = session("print 1\n:step\n").expect_code(0);
    assert!(ended.stdout.contains("can go\n"), "{}", ended.stdout);
}

/// A session that is fed line by line.
struct Fed {
    running: Running,
    input: Option<std::fs::File>,
}

fn fed() -> Fed {
    let (theirs, ours) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("there is a pipe");
    Fed { running: repl().stdin(theirs).start(), input: Some(ours.into()) }
}

impl Fed {
    fn feed(&mut self, text: &str) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(text.as_bytes()).expect("conc reads");
    }

    fn until_stderr(&mut self, words: &str) {
        self.running.until(words, |r| r.stderr().contains(words).then_some(()));
    }

    fn finish(mut self) -> Ended {
        self.input = None;
        self.running.finish()
    }
}

/// What is wrong in a file has its place there; what it collides with is in the session.
#[test]
fn errors_of_a_file_have_their_places_in_it() {
    let ended = repl()
        .file("wrong.conc", "var x = 1\nlock m\nprnt(x)\nvar x = 2\n")
        .file("bytes.conc", b"lock k\nprint \"\xff\"\n")
        .input("print 1\nlock m\n:load wrong.conc\n:load bytes.conc\nx\n")
        .finish()
        .expect_code(2);
    for words in ["wrong.conc:2:6]", "wrong.conc:3:1]", "wrong.conc:4:5]", "first defined here: repl:2\n"] {
        assert!(ended.stderr.contains(words), "{words} is missing in\n{}", ended.stderr);
    }
    assert!(ended.stderr.contains("bytes.conc:2:8: a byte that is not UTF-8 text"), "{}", ended.stderr);
    assert!(ended.stderr.contains("`x` is not defined"), "nothing of it was entered: {}", ended.stderr);
    let ended = repl().args(["wrong.conc"]).file("wrong.conc", "prnt(1)\n").input("").finish().expect_code(2);
    assert!(ended.stderr.contains("wrong.conc:1:1]"), "{}", ended.stderr);
}

/// As in a script, what is no text is refused, not read as something else.
#[test]
fn bytes_that_are_no_text_are_refused() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe can be made");
    writer.write_all(b"print 1\nprint \"\xc3\x28\"\nprint \"\xc3\xa9\"\n").expect("there is room");
    drop(writer);
    let ended = repl().stdin(reader).finish().expect_code(2);
    assert_eq!(ended.stdout, "1\n\u{e9}\n");
    assert!(
        ended.stderr.contains("a byte that is not UTF-8 text") && ended.stderr.contains("[repl:2:8]"),
        "{}",
        ended.stderr
    );
}

/// What an entry costs is its own, however many came before it, and a thread that lives
/// on does not keep all the programs that there were: with as many copies as entries it
/// would be 3 GB.
#[test]
fn a_long_session_costs_what_is_entered() {
    const ENTRIES: usize = 6_000;
    let entries: String = (0..ENTRIES / 5)
        .map(|i| {
            format!(
                "lock l{i}\nshared s{i} = 0\nfn f{i}(a) {{ return a + {i} }}\n\
                 task t{i} {{ with l{i} {{ s{i} += 1 }} }}\nlet x{i} = f{i}({i})\n"
            )
        })
        .collect();
    let mut fed = fed();
    fed.feed(&format!("spawn {{ sleep 1000s }}\n{entries}let h = spawn t7\njoin h\ns7 + x9\nprint \"the end\"\n"));
    fed.running.line("the end");
    assert!(fed.running.stdout().contains("\n19\n"), "{}", fed.running.stdout());
    for process in fed.running.processes() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
        let kib = status.lines().find_map(|l| l.strip_prefix("RssAnon:")).and_then(|l| l.split_whitespace().next());
        let kib: usize = kib.and_then(|k| k.parse().ok()).unwrap_or(0);
        assert!(kib < 1 << 20, "{status}");
    }
    fed.feed(":quit\n");
    fed.finish().expect_code(0);
}
