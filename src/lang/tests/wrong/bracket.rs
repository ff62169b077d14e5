//! Scripts whose brackets, strings, comments or characters are wrong.

use super::Case;

/// Brackets, strings, comments.
pub(super) const CASES: &[Case] = &[
    Case {
        script: "task t {
    if x {
        print 1

    print 2
}
task u { }",
        errors: &[(2, 10, "{", "this `{` is not closed", "write `}` at the end of its block")],
    },
    Case {
        script: "task t {
    x()",
        errors: &[(1, 8, "{", "this `{` is not closed", "write `}` at the end of its block")],
    },
    Case {
        script: "}
print 1",
        errors: &[(1, 1, "}", "this `}` closes nothing", "take it out, or look for a `{` that is missing before it")],
    },
    Case {
        script: r#"print "abc
print 1"#,
        errors: &[(
            1,
            7,
            r#""abc"#,
            "this string is not closed",
            r#"close it with `"` on the same line; a new line in a string is `\n`"#,
        )],
    },
    Case {
        script: "foo(1, 2
bar()",
        errors: &[(1, 4, "(", "this `(` is not closed", "write `)` where it ends")],
    },
    Case {
        script: r#"foo(a b)
print "x {a b}"
print "{}"
print "{""#,
        errors: &[
            (1, 7, "b", "expected `,` or `)`, found `b`", "elements and arguments stand behind commas"),
            (
                2,
                13,
                "b",
                "expected `}`, found `b`",
                r#"`{ }` in a string holds one expression; write `\{` for a brace"#,
            ),
            (3, 8, "{}", "there is no expression between these braces", r#"write `\{\}` for braces in a string"#),
            (
                4,
                8,
                r#"{""#,
                "this `{` in a string is not closed",
                r#"close it with `}` on the same line, or write `\{` for a brace"#,
            ),
        ],
    },
    Case {
        script: "a = [1, 2
let b = 3
task t { }",
        errors: &[(1, 5, "[", "this `[` is not closed", "write `]` where it ends")],
    },
    Case {
        script: "x = 3 // a comment
/* another
 comment */ y = 4",
        errors: &[
            (1, 7, "//", "`//` does not begin a comment", "a comment begins with `#`; integers are divided with `/`"),
            (2, 1, "/*", "`/*` does not begin a comment", "a comment begins with `#` and ends with its line"),
        ],
    },
    Case {
        script: r#"print "\q""#,
        errors: &[(1, 8, r#"\q"#, r#"`\q` is not an escape"#, r#"there are `\n`, `\t`, `\"`, `\\`, `\{` and `\}`"#)],
    },
    Case {
        script: "“hi”",
        errors: &[(1, 1, "“", "`“` has no meaning here", "a string stands in plain double quotes: `\"text\"`")],
    },
    Case {
        script: "a ? b : c",
        errors: &[(1, 3, "?", "`?` has no meaning here", "a choice is written `if c { } else { }`")],
    },
    Case { script: "f(1, 2]", errors: &[(1, 7, "]", "`(` is closed by `]`", "write `)`")] },
    Case { script: ")", errors: &[(1, 1, ")", "this `)` closes nothing", "take it out, or open it before")] },
    Case {
        script: "task t {
    loop {
        f()
    }

task u { }
let y = 1 &",
        errors: &[
            (1, 8, "{", "this `{` is not closed", "write `}` at the end of its block"),
            (7, 11, "&", "`&` has no meaning here", "write `and`; there are no operators on bits"),
        ],
    },
    Case {
        script: "fn f(a, b {
    return a
}
print 1 +",
        errors: &[
            (1, 5, "(", "this `(` is not closed", "write `)` where it ends"),
            (
                4,
                10,
                "",
                "expected an expression, found the end of the script",
                "a value stands here: a number, a string, a name, a call",
            ),
        ],
    },
    Case {
        script: "f(g(1, 2)
if m[1 { g() }
let 3 = x",
        errors: &[
            (1, 2, "(", "this `(` is not closed", "write `)` where it ends"),
            (2, 5, "[", "this `[` is not closed", "write `]` where it ends"),
            (3, 5, "3", "expected a name, found `3`", "write `let x = 1`"),
        ],
    },
    Case {
        script: "while x { f( }
y = ",
        errors: &[
            (1, 12, "(", "this `(` is not closed", "write `)` where it ends"),
            (
                2,
                5,
                "",
                "expected an expression, found the end of the script",
                "a value stands here: a number, a string, a name, a call",
            ),
        ],
    },
    Case { script: "x = ((1)", errors: &[(1, 5, "(", "this `(` is not closed", "write `)` where it ends")] },
    Case {
        script: "if a {
  f()
}
}
f(",
        errors: &[
            (4, 1, "}", "this `}` closes nothing", "take it out, or look for a `{` that is missing before it"),
            (5, 2, "(", "this `(` is not closed", "write `)` where it ends"),
        ],
    },
    Case {
        script: "return }",
        errors: &[(1, 8, "}", "this `}` closes nothing", "take it out, or look for a `{` that is missing before it")],
    },
];
