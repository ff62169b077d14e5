//! Scripts written by the habits of other languages.

use super::Case;

/// Habits of other languages.
pub(super) const CASES: &[Case] = &[
    Case {
        script: "if a && b || !c { }",
        errors: &[
            (1, 6, "&&", "`&&` is not an operator", "write `and`"),
            (1, 11, "||", "`||` is not an operator", "write `or`"),
            (1, 14, "!", "`!` is not an operator", "write `not`"),
        ],
    },
    Case {
        script: "if x = 3 { let y = True }",
        errors: &[
            (1, 6, "=", "`=` assigns and does not compare", "write `x == 3`"),
            (1, 20, "True", "`True` is not a value", "write `true`"),
        ],
    },
    Case {
        script: "if x:
    print 1
elif y:
    print 2
else:
    print 3",
        errors: &[
            (1, 5, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
            (3, 7, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
            (5, 5, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
        ],
    },
    Case {
        script: "def f():
    x++",
        errors: &[
            (
                1,
                1,
                "def",
                "`def` does not begin a function",
                "write `fn f(…) { }`, or `task f(…) { }` for what is spawned",
            ),
            (2, 6, "++", "`++` is not an operator", "write `x += 1`"),
        ],
    },
    Case {
        script: "import threading
from x import *
m = Lock()",
        errors: &[
            (
                1,
                1,
                "import threading",
                "there is nothing to import",
                "leave the line out; all that a script needs is built in",
            ),
            (
                2,
                1,
                "from x import *",
                "there is nothing to import",
                "leave the line out; all that a script needs is built in",
            ),
        ],
    },
    Case {
        script: "with m:
    x += 1",
        errors: &[(1, 7, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end")],
    },
    Case { script: "print 'hi'", errors: &[(1, 7, "'hi'", "a string stands in double quotes", r#"write `"hi"`"#)] },
    Case {
        script: r#"try:
    q.get_nowait()
except Empty:
    print "x""#,
        errors: &[
            (1, 4, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
            (3, 13, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
        ],
    },
    Case {
        script: "while True { x++ }",
        errors: &[
            (1, 7, "True", "`True` is not a value", "write `true`"),
            (1, 15, "++", "`++` is not an operator", "write `x += 1`"),
        ],
    },
    Case {
        script: r#"print f"hello {x}"
print f'hello'"#,
        errors: &[
            (
                1,
                7,
                r#"f"hello {x}""#,
                "a string has no prefix `f`",
                r#"every string fills in its `{…}`: write `"hello {x}"`"#,
            ),
            (2, 7, "f'hello'", "a string has no prefix `f`", r#"every string fills in its `{…}`: write `"hello"`"#),
        ],
    },
    Case {
        script: "sleep(10)
time.sleep(0.01)
sleep 0.5
sleep 10 ms
sleep 3min",
        errors: &[
            (1, 7, "10", "`sleep` takes a duration", "write a unit: `sleep 10s`, or `ms`, `us`"),
            (2, 1, "time.sleep(0.01)", "`sleep` is a statement and takes a duration", "write `sleep 10ms`"),
            (3, 7, "0.5", "`0.5` is not a whole number", "numbers are integers; for a time write `500ms`"),
            (4, 7, "10 ms", "a duration is one word", "write `10ms`"),
            (
                5,
                7,
                "3min",
                "`3min` is neither an integer nor a duration",
                "an integer is `1_000`; a duration ends in `ns`, `us`, `ms` or `s`",
            ),
        ],
    },
    Case {
        script: "x
x == 3
pass
foo.bar",
        errors: &[
            (1, 1, "x", "`x` alone does nothing", "assign it, print it, or leave it out"),
            (2, 1, "x == 3", "`x == 3` alone does nothing", "`==` compares; write `x = 3` to assign"),
            (3, 1, "pass", "`pass` alone does nothing", "leave it out; an empty block is `{ }`"),
            (4, 1, "foo.bar", "`foo.bar` alone does nothing", "assign it, print it, or leave it out"),
        ],
    },
    Case {
        script: "f(timeout=5)",
        errors: &[(1, 3, "timeout", "an argument's name is followed by `:`", "write `timeout: …`")],
    },
    Case {
        script: r#"print("a", x)
print("x")
print()"#,
        errors: &[
            (1, 1, r#"print("a", x)"#, "`print` is a statement", r#"write `print "a", x`"#),
            (3, 1, "print()", "`print` is a statement", "write `print` alone for an empty line"),
        ],
    },
    Case {
        script: r#"print("a", end="")
print "a", sep=" ""#,
        errors: &[
            (1, 15, "=", "`print` has no `end`", "`print a, b` writes both on one line, which ends there"),
            (2, 15, "=", "`print` has no `sep`", "`print a, b` writes both on one line, which ends there"),
        ],
    },
    Case {
        script: "for i in range(3) { }",
        errors: &[(1, 10, "range(3)", "a range is written with `..`", "write `0..3`")],
    },
    Case {
        script: "for i in range(3):
    f()",
        errors: &[
            (1, 10, "range(3)", "a range is written with `..`", "write `0..3`"),
            (1, 18, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end"),
        ],
    },
    Case {
        script: "x = 1 if c else 2",
        errors: &[(1, 12, "else", "there is no `a if c else b`", "write `if c { x = 1 } else { x = 2 }`")],
    },
    Case {
        script: "let print = 3",
        errors: &[(
            1,
            5,
            "print",
            "`print` is a word of the language and cannot be a name",
            "take another name, such as `print_`",
        )],
    },
    Case {
        script: "x is None
let y = x is not None
let z = a not in b",
        errors: &[
            (2, 11, "is not", "`is not` is not an operator", "write `!=`"),
            (2, 18, "None", "`None` is not a value", "write `none`"),
            (3, 11, "not in", "`not in` is not an operator", "write `not (a in b)`"),
        ],
    },
    Case {
        script: "let x := 3
x := 3",
        errors: &[
            (1, 7, ":=", "`:=` does not assign", "write `let x = …` for a new variable, `x = …` for one that is there"),
            (2, 3, ":=", "`:=` does not assign", "write `let x = …` for a new variable, `x = …` for one that is there"),
        ],
    },
    Case {
        script: "fn f() -> int { return 1 }",
        errors: &[(1, 8, "->", "a function does not say what it returns", "leave out `->` and the type")],
    },
    Case {
        script: "class A:
    x = 1",
        errors: &[(1, 8, ":", "no `:` stands before a block", "write `struct S { }` with declarations inside")],
    },
    Case {
        script: "let n = lambda x: x",
        errors: &[(1, 9, "lambda x: x", "there is no `lambda`", "define `fn f(x) { return x }` and pass `f`")],
    },
    Case { script: "if x { f() } elif y { g() }", errors: &[(1, 14, "elif", "there is no `elif`", "write `else if`")] },
    Case {
        script: "try { f() } except Empty, Full as e { g() }
except { }",
        errors: &[
            (1, 13, "except", "there is no `except`", "write `catch Empty, Full as e { }`"),
            (2, 1, "except", "there is no `except`", "write `catch any { }`"),
        ],
    },
    Case {
        script: "x = [v for v in xs]",
        errors: &[(1, 8, "for", "there are no list comprehensions", "fill the list in a loop: `xs = xs + [v]`")],
    },
    Case { script: "let s = (1, 2)", errors: &[(1, 9, "(1, 2)", "there are no tuples", "write a list: `[a, b]`")] },
    Case {
        script: "try: f()",
        errors: &[(1, 4, ":", "no `:` stands before a block", "blocks are braces: write `{` here and `}` at the end")],
    },
    Case {
        script: "global x",
        errors: &[(
            1,
            1,
            "global x",
            "`global` is not needed",
            "leave the line out; what is declared can be named everywhere",
        )],
    },
    Case {
        script: "int x = 3",
        errors: &[(
            1,
            1,
            "int",
            "`int` does not declare a variable",
            "`var x = …` is what threads share; `let x = …` is local",
        )],
    },
    Case {
        script: r#"print 'it\'s', 'open"#,
        errors: &[
            (1, 7, r#"'it\'s'"#, "a string stands in double quotes", r#"write `"it's"`"#),
            (1, 16, "'open", "this quote is not closed", r#"a string stands in double quotes: `"text"`"#),
        ],
    },
    Case {
        script: "x = a ** 2",
        errors: &[(1, 7, "**", "`**` is not an operator", "multiply in a loop; there is `*` but no power")],
    },
    Case {
        script: "const X: int = 3",
        errors: &[(1, 8, ":", "names have no types here", "leave out the `:` and the type")],
    },
    Case { script: "f(x: 1, y=2)", errors: &[(1, 9, "y", "an argument's name is followed by `:`", "write `y: …`")] },
];
