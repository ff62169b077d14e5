//! Scripts whose statements, declarations or expressions are wrong.

use super::Case;

/// Statements and expressions.
pub(super) const CASES: &[Case] = &[
    Case {
        script: "task t { try { f() } catch any { } finally { x = 1 } }",
        errors: &[(
            1,
            36,
            "finally",
            "`try` has no `finally`",
            "put what must always happen after the `try`; `with` lets go however it is left",
        )],
    },
    Case {
        script: "try { f() } catch any { } finally { x = 1 }
try { f() } finally { x = 1 }",
        errors: &[
            (
                1,
                27,
                "finally",
                "`try` has no `finally`",
                "put what must always happen after the `try`; `with` lets go however it is left; the script's own \
                 `finally`, which runs when every task has ended, begins a line of its own",
            ),
            (
                2,
                1,
                "try",
                "this `try` has no `catch`",
                "write `try { } catch any { }`, and behind it, without `finally`, what must always happen",
            ),
            (
                2,
                13,
                "finally",
                "`try` has no `finally`",
                "put what must always happen after the `try`; `with` lets go however it is left; the script's own \
                 `finally`, which runs when every task has ended, begins a line of its own",
            ),
        ],
    },
    Case {
        script: "try { f() }
finally { x = 1 }",
        errors: &[(
            1,
            1,
            "try",
            "this `try` has no `catch`",
            "write `try { } catch any { }`, and behind it, without `finally`, what must always happen",
        )],
    },
    Case {
        script: "elif x == 1 { f() }
g()
except Empty { f() }",
        errors: &[
            (
                1,
                1,
                "elif",
                "this `elif` has no `if`",
                "`else if` follows the `}` of its `if`; the first begins with `if`",
            ),
            (3, 1, "except", "this `except` has no `try`", "`catch` follows the `}` of its `try`"),
        ],
    },
    Case { script: "var x", errors: &[(1, 1, "var x", "`var x` has no first value", "write `var x = 0`")] },
    Case {
        script: "spawn worker * 3
spawn worker 3
spawn worker(1) 3",
        errors: &[
            (1, 1, "spawn worker * 3", "a number of tasks is written with `x`", "write `spawn worker x3`"),
            (2, 14, "3", "a number of tasks is written with `x`", "write `x3`"),
            (3, 17, "3", "a number of tasks is written with `x`", "write `x3`"),
        ],
    },
    Case {
        script: "x + = 3
let y
let z 5",
        errors: &[
            (1, 3, "+ =", "`+=` is one word", "write `+=`"),
            (2, 1, "let y", "`let y` has no value", "write `let y = none`, or its value"),
            (3, 1, "let z", "`let z` has no value", "write `let z = none`, or its value"),
        ],
    },
    Case { script: "fn f { }", errors: &[(1, 4, "f", "`fn f` has no parameter list", "write `fn f() { }`")] },
    Case {
        script: "task t { lock m
 var x = 1
 queue q
 prnt x
 task u { } }",
        errors: &[
            (1, 10, "lock m", "a `lock` is declared at the top level", "inside a body write `let m = lock()`"),
            (
                2,
                2,
                "var x = 1",
                "a `var` is declared at the top level",
                "inside a body write `let x = …` for a local variable",
            ),
            (3, 2, "queue q", "a `queue` is declared at the top level", "inside a body write `let q = queue()`"),
            (4, 2, "prnt", "`prnt` does not begin a statement", "did you mean `print`?"),
            (
                5,
                7,
                "u",
                "a `task` or `fn` is defined at the top level",
                "move it out of the block, or spawn a block: `spawn { }`",
            ),
        ],
    },
    Case {
        script: "a < b < c",
        errors: &[(1, 1, "a < b < c", "comparisons cannot be chained", "write `a < b and b < c`")],
    },
    Case { script: "lock a, b", errors: &[(1, 7, ", b", "a declaration has one name", "write `lock a; lock b`")] },
    Case { script: "x = y = 3", errors: &[(1, 7, "=", "an assignment gives no value", "write one assignment a line")] },
    Case { script: r#"prnt "x""#, errors: &[(1, 1, "prnt", "`prnt` alone does nothing", "did you mean `print`?")] },
    Case {
        script: "whlie true { }\nprocess w { }",
        errors: &[
            (1, 12, "{", "`whlie` does not begin a block", "did you mean `while`?"),
            (2, 11, "{", "`process` does not begin a block", "write `task w { }`, and start it by `spawn process w`"),
        ],
    },
    Case {
        script: "const N",
        errors: &[(1, 8, "", "expected `=`, found the end of the script", "write `=` and a value")],
    },
    Case {
        script: "select { q.get() => print 1
 let v = q.get() => { }
 f(x) => { }
 after 5 => { }
 else => { }
}",
        errors: &[
            (1, 21, "print 1", "what an arm does stands in braces", "write `{ print 1 }`"),
            (2, 2, "let", "an arm needs no `let`", "write `v = q.get() => { }`; `v` is new in its arm"),
            (
                3,
                2,
                "f(x)",
                "this is no operation that can wait",
                "write `q.get()`, `q.put(v)`, `m.acquire()`, `e.wait()`, `join w`, `after 10ms` or `else`",
            ),
            (4, 8, "5", "`after` takes a duration", "write a unit: `after 5s`, or `ms`, `us`"),
            (
                5,
                2,
                "else => { }",
                "a `select` has `after` or `else`, not both",
                "`else` is taken at once when nothing is ready, so `after` would never be; keep one of them",
            ),
        ],
    },
    Case {
        script: "else { }",
        errors: &[(1, 1, "else", "this `else` has no `if`", "`else` follows the `}` of its `if`")],
    },
    Case {
        script: "print 99999999999999999999",
        errors: &[(
            1,
            7,
            "99999999999999999999",
            "this number is too large",
            "the largest integer is 9223372036854775807",
        )],
    },
    Case {
        script: "spawn x y z",
        errors: &[(
            1,
            9,
            "y z",
            "the statement before should have ended here",
            "end a statement with a new line or `;`",
        )],
    },
    Case {
        script: "struct S { fn f() { } 
 x = 1 }",
        errors: &[
            (
                1,
                15,
                "f",
                "`struct S` holds declarations only",
                "its fields are declarations: `lock mu`, `var x = 0`; code stands outside",
            ),
            (
                2,
                2,
                "x = 1",
                "`struct S` holds declarations only",
                "its fields are declarations: `lock mu`, `var x = 0`; code stands outside",
            ),
        ],
    },
    Case {
        script: "if x
{
 print 1 }",
        errors: &[(
            1,
            5,
            "",
            "the `{` of a block stands on the line of its head",
            "move it up, to the end of this line",
        )],
    },
    Case {
        script: "await",
        errors: &[(1, 6, "", "expected an expression, found the end of the script", "write `await x == 1`")],
    },
    Case {
        script: "spawn",
        errors: &[(1, 6, "", "expected a block `{ }` or a name, found the end of the script", "write `spawn worker`")],
    },
    Case {
        script: "x.",
        errors: &[(1, 3, "", "expected a name, found the end of the script", "a name begins with a letter or `_`")],
    },
    Case { script: "x = = 3", errors: &[(1, 5, "=", "an assignment gives no value", "write one assignment a line")] },
    Case {
        script: "try { f() }",
        errors: &[(1, 1, "try", "this `try` has no `catch`", "write `try { } catch any { }`")],
    },
    Case { script: "join a, b", errors: &[(1, 7, ", b", "`join` takes one value", "write `join [a, b]`")] },
    Case {
        script: "submit job(1)",
        errors: &[(1, 1, "submit job(1)", "`submit` does not say to which pool", "write `submit job(1) to p`")],
    },
    Case { script: "for i, v in xs { }", errors: &[(1, 6, ",", "`for` has one variable", "write `for v in xs { }`")] },
    Case {
        script: "print 0xff, 1e3, 2m",
        errors: &[
            (1, 7, "0xff", "`0xff` is neither an integer nor a duration", "an integer is written in decimal digits"),
            (
                1,
                13,
                "1e3",
                "`1e3` is neither an integer nor a duration",
                "an integer is `1_000`; a duration ends in `ns`, `us`, `ms` or `s`",
            ),
            (
                1,
                18,
                "2m",
                "`2m` is neither an integer nor a duration",
                "an integer is `1_000`; a duration ends in `ns`, `us`, `ms` or `s`",
            ),
        ],
    },
    Case { script: "sleep 1.5ms", errors: &[(1, 7, "1.5ms", "`1.5ms` is not a whole number", "write `1500us`")] },
    Case {
        script: "spawn process thread t",
        errors: &[(
            1,
            15,
            "thread",
            "this says twice how to spawn",
            "write one of `thread` and `process`, and `daemon` once",
        )],
    },
    Case {
        script: "catch Empty { }",
        errors: &[(1, 1, "catch", "this `catch` has no `try`", "`catch` follows the `}` of its `try`")],
    },
    Case {
        script: "select { else => { } else => { } after 1ms => { } }",
        errors: &[(1, 22, "else => { }", "a `select` has one `else`", "")],
    },
    Case {
        script: "f(a)(b) = 3",
        errors: &[(
            1,
            1,
            "f(a)(b)",
            "this cannot be assigned to",
            "a variable, `xs[i]` or `record.field` stands before `=`; `==` compares",
        )],
    },
    Case {
        script: "f() += ",
        errors: &[(
            1,
            8,
            "",
            "expected an expression, found the end of the script",
            "a value stands here: a number, a string, a name, a call",
        )],
    },
    Case {
        script: "lock",
        errors: &[(1, 1, "lock", "`lock` alone does nothing", "a declaration has a name: `lock l`")],
    },
    Case {
        script: "expect",
        errors: &[(
            1,
            7,
            "",
            "expected `ok` or the code of a finding, found the end of the script",
            "write `expect ok`",
        )],
    },
    Case {
        script: "expect race on 3",
        errors: &[(
            1,
            16,
            "3",
            "`on` takes names of objects",
            "name an object or a variable: `expect race on x`, `on fork[0], a.mu`",
        )],
    },
    Case { script: "do { x() }", errors: &[(1, 4, "{", "`do` does not begin a block", "write `loop { }`")] },
    Case {
        script: "let task = 1",
        errors: &[(
            1,
            5,
            "task",
            "`task` is a word of the language and cannot be a name",
            "take another name, such as `task_`",
        )],
    },
    Case {
        script: "if a == 1 { } else b == 2 { }",
        errors: &[(1, 20, "b", "`else` takes no condition", "write `else if`")],
    },
    Case {
        script: r#"print "{a + }""#,
        errors: &[(
            1,
            13,
            "}",
            "expected an expression, found `}`",
            "a value stands here: a number, a string, a name, a call",
        )],
    },
    Case {
        script: r#"print "a" "b""#,
        errors: &[(1, 11, "\"b\"", "what is printed stands behind commas", "write `print \"a\", \"b\"`")],
    },
    Case {
        script: "{ x() }",
        errors: &[(
            1,
            1,
            "{",
            "a block does not stand alone",
            "put a head before it: `if c { }`, `loop { }`, `with m { }`",
        )],
    },
    Case { script: "x = 1..2..3", errors: &[(1, 5, "1..2..3", "a range has two ends", "write `0..3` for 0, 1, 2")] },
];
