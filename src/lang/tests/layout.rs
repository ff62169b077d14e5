//! The formatter, case by case.

use super::property::check_layout;
use super::sample::{LAID_OUT, MESSY};
use crate::lang::format::format;

fn check(source: &str, wanted: &str) {
    assert_eq!(format(source).as_deref(), Ok(wanted), "{source}");
    check_layout(source);
}

#[test]
fn the_messy_sample_is_laid_out() {
    check(MESSY, LAID_OUT);
}

#[test]
fn one_statement_a_line() {
    check("spawn worker x3;queue q(3) ; lock m", "spawn worker x3\nqueue q(3)\nlock m\n");
    check("if a { b() } c()", "if a { b() }\nc()\n");
    check("", "");
    check("\n\n  \n", "");
    check("# only", "# only\n");
}

#[test]
fn short_blocks_stay_on_their_line() {
    for line in [
        "with m { x += 1 }\n",
        "fn f() { }\n",
        "task t { }\n",
        "if a { f() } else { g() }\n",
        "try { f() } catch Empty, Full { } catch any as e { print e.kind }\n",
        "for i in 0..N { spawn w(i) }\n",
        "let w = spawn process { f() }\n",
    ] {
        check(line, line);
    }
    check("with m { a(); b() }", "with m {\n    a()\n    b()\n}\n");
    check("if a { b() }\nelse { c() }", "if a {\n    b()\n} else {\n    c()\n}\n");
    check("task t() {\n}", "task t { }\n");
    let long = "a".repeat(90);
    check(&format!("if c {{ {long}() }}"), &format!("if c {{\n    {long}()\n}}\n"));
}

#[test]
fn blank_lines_are_kept_one_at_a_time() {
    check("a()\n\n\n\nb()\nloop {\n\n\n    c()\n\n}\n\n\n", "a()\n\nb()\nloop {\n    c()\n}\n");
}

/// Behind the `}` on its line it would be taken for a part of the `try`, and is refused.
#[test]
fn the_finally_of_a_script_stays_on_a_line_of_its_own() {
    let whole = "try { f() } catch any { }\nfinally { x = 1 }\n";
    check(whole, whole);
    check("try { f() } catch any { }; finally { x = 1 }", whole);
}

#[test]
fn operators_have_blanks_and_ranges_have_none() {
    check("x=a+b*-c==d and(not e)", "x = a + b * -c == d and (not e)\n");
    check("for i in 0 .. n-1 { }", "for i in 0..n - 1 { }\n");
    check("f(a,timeout :5ms , b)", "f(a, timeout: 5ms, b)\n");
    check("spawn process daemon w( 1 )x 3 as \"w\"", "spawn daemon process w(1) x3 as \"w\"\n");
    check("spawn w x  N", "spawn w x N\n");
    check("spawn process daemon x  x 2 as\"d\"", "spawn daemon process x x2 as \"d\"\n");
    check("print \"{ a+b }\"", "print \"{ a+b }\"\n");
}

#[test]
fn lists_that_were_broken_stay_so() {
    check("f(a,\n b)", "f(\n    a,\n    b,\n)\n");
    check("x = [\n1, 2]", "x = [\n    1,\n    2,\n]\n");
    check("x = [ # all\n1, # one\n# two\n2]", "x = [  # all\n    1,  # one\n    # two\n    2,\n]\n");
    check("f(spawn {\na()\n})", "f(spawn {\n    a()\n})\n");
    check("await (a\nor b # why\n)", "await (a\n    or b)\n# why\n");
    check("fn f(a,\nb = 1) { }", "fn f(\n    a,\n    b = 1,\n) { }\n");
}

#[test]
fn comments_stay_and_keep_their_column() {
    check("a()# x", "a()  # x\n");
    check("a()      # x\nbcd()    # y\n\ne()   # z", "a()      # x\nbcd()    # y\n\ne()   # z\n");
    check("a()   # x\n      # more\nb()", "a()   # x\n      # more\nb()\n");
    check("a() # x\n# own\nb()", "a()  # x\n# own\nb()\n");
    check("loop { # why\n}", "loop {  # why\n}\n");
    check("if a { } # x\n# y\nelse { }", "if a { }  # x\n# y\nelse { }\n");
}

#[test]
fn arrows_keep_their_column() {
    check(
        "select {\nv=q.get()  => { f() }\nelse       => { }\n}",
        "select {\n    v = q.get() => { f() }\n    else        => { }\n}\n",
    );
    check(
        "select {\na.wait() => { }\nb.c.wait() => { }\n}",
        "select {\n    a.wait() => { }\n    b.c.wait() => { }\n}\n",
    );
    check("select { q.get() => { } }", "select { q.get() => { } }\n");
}

#[test]
fn line_ends_become_plain() {
    check("\u{feff}a()\r\nloop {\r\n\tb() # c\r\n}\r\n", "a()\nloop {\n    b()  # c\n}\n");
}

#[test]
fn what_is_wrong_is_not_laid_out() {
    assert!(format("if x {").is_err());
}
