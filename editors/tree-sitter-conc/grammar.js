// The grammar of conc for tree-sitter. The language's own grammar is
// ../../grammar/conc.pest; `tests/grammar.rs` keeps this one true to it: what
// conc reads parses here without an error, and every keyword there is here.
//
// A newline ends a statement, but inside ( ) and [ ] it is a blank: the scanner
// in src/scanner.c tells the two apart.

const WORD = /[\p{XID_Start}_]\p{XID_Continue}*/;

const PREC = {
  or: 1,
  and: 2,
  not: 3,
  compare: 4,
  range: 5,
  sum: 6,
  product: 7,
  sign: 8,
  task: 9,
  unit: 10,
};

const list = (rule) => optional(seq(rule, repeat(seq(",", rule)), optional(",")));
const listOf1 = (rule) => seq(rule, repeat(seq(",", rule)));

export default grammar({
  name: "conc",

  externals: ($) => [$._newline, "]", ")"],
  extras: ($) => [/[ \t\r\n]/, $.comment],
  word: ($) => $.identifier,
  supertypes: ($) => [$._expression, $._statement],

  rules: {
    source_file: ($) => optional($._statements),

    comment: (_) => token(prec(-1, /#[^\n]*/)),

    // What ends in a block needs nothing behind it.
    _statements: ($) => choice(seq(repeat1($._line), optional($._statement)), $._statement),
    _line: ($) => choice($._end, seq($._statement, $._end), $._blocked),
    _end: ($) => choice($._newline, ";"),

    block: ($) => seq("{", optional($._statements), "}"),

    // Items ----------------------------------------------------------------

    _statement: ($) =>
      choice(
        $.const_item,
        $.invariant,
        $.expect,
        $.declaration,
        $.let_statement,
        $.assignment,
        $.terminate_statement,
        $.kill_statement,
        $.exit_statement,
        $.return_statement,
        $.raise_statement,
        $.print_statement,
        $.sleep_statement,
        $.busy_statement,
        $.yield_statement,
        $.assert_statement,
        $.await_statement,
        $.break_statement,
        $.continue_statement,
        $.expression_statement,
      ),

    _blocked: ($) =>
      choice(
        $.struct_item,
        $.task_item,
        $.fn_item,
        $.finally,
        $.if_statement,
        $.while_statement,
        $.loop_statement,
        $.repeat_statement,
        $.for_statement,
        $.with_statement,
        $.atomically_statement,
        $.select_statement,
        $.try_statement,
      ),

    const_item: ($) => seq("const", field("name", $.identifier), "=", field("value", $._expression)),
    struct_item: ($) => seq("struct", field("name", $.identifier), field("body", $.fields)),
    fields: ($) => seq("{", repeat(choice($._end, seq($.declaration, $._end))), optional($.declaration), "}"),
    task_item: ($) =>
      seq("task", field("name", $.identifier), optional(field("parameters", $.parameters)), field("body", $.block)),
    fn_item: ($) =>
      seq("fn", field("name", $.identifier), optional(field("parameters", $.parameters)), field("body", $.block)),
    parameters: ($) => seq("(", list($.parameter), ")"),
    parameter: ($) => seq(field("name", $.identifier), optional(seq("=", field("default", $._expression)))),
    invariant: ($) => seq("invariant", $._expression),
    finally: ($) => seq("finally", $.block),

    expect: ($) =>
      seq(
        "expect",
        choice(
          seq("some", $._expression),
          seq("every", $._expression),
          seq($.code, optional(seq("on", listOf1($._unit)))),
        ),
      ),
    code: ($) => seq($._word, repeat(seq(token.immediate("-"), token.immediate(/[a-z]+/)))),
    // A finding may be called as a word of the language is: `invariant`.
    _word: ($) => choice($.identifier, "invariant"),

    declaration: ($) =>
      seq(
        field("kind", $.kind),
        field("name", $.identifier),
        optional(field("count", seq("[", $._expression, "]"))),
        optional(field("arguments", $.arguments)),
        repeat(field("option", $.option)),
        optional(seq("=", field("value", $._expression))),
      ),
    kind: ($) => $.identifier,
    option: ($) => $.identifier,

    // Statements -----------------------------------------------------------

    let_statement: ($) => seq("let", field("name", $.identifier), "=", field("value", $._expression)),
    assignment: ($) =>
      seq(
        field("left", $._unit),
        field("operator", choice("=", "+=", "-=", "*=", "/=", "%=")),
        field("right", $._expression),
      ),
    terminate_statement: ($) => seq("terminate", $._expression),
    kill_statement: ($) => seq("kill", $._expression),
    exit_statement: ($) => seq("exit", optional($._expression)),
    return_statement: ($) => seq("return", optional($._expression)),
    raise_statement: ($) => seq("raise", $._expression),
    print_statement: ($) => seq("print", optional(listOf1($._expression))),
    sleep_statement: ($) => seq("sleep", $._expression),
    busy_statement: ($) => seq("busy", $._expression),
    yield_statement: (_) => "yield",
    assert_statement: ($) => seq("assert", $._expression, optional(seq(",", $._expression))),
    await_statement: ($) => seq("await", $._expression),
    break_statement: (_) => "break",
    continue_statement: (_) => "continue",
    expression_statement: ($) => $._expression,

    // The scanner takes no newline before `else` and `catch` as an end.
    if_statement: ($) =>
      prec.right(seq(
        "if",
        field("condition", $._expression),
        field("then", $.block),
        optional($.else_clause),
      )),
    else_clause: ($) => seq("else", choice($.if_statement, $.block)),
    while_statement: ($) => seq("while", field("condition", $._expression), $.block),
    loop_statement: ($) => seq("loop", $.block),
    repeat_statement: ($) => seq("repeat", field("count", $._expression), $.block),
    for_statement: ($) => seq("for", field("name", $.identifier), "in", field("over", $._expression), $.block),
    with_statement: ($) => seq("with", field("object", $._expression), $.block),
    atomically_statement: ($) => seq("atomically", $.block),
    try_statement: ($) => prec.right(seq("try", $.block, repeat($.catch_clause))),
    catch_clause: ($) =>
      seq(
        "catch",
        optional(listOf1(field("error", $.identifier))),
        optional(seq("as", field("name", $.identifier))),
        $.block,
      ),

    select_statement: ($) => seq("select", "{", repeat(choice($._end, $.arm)), "}"),
    arm: ($) => seq($._arm_head, "=>", field("body", $.block)),
    _arm_head: ($) =>
      choice(
        seq(optional(seq(field("name", $.identifier), "=")), field("operation", $._expression)),
        seq("after", field("time", $._expression)),
        "else",
      ),

    // Expressions ----------------------------------------------------------

    _expression: ($) =>
      choice($._unit, $.unary, $.binary, $.spawn, $.join, $.submit),

    unary: ($) =>
      choice(
        prec(PREC.not, seq("not", $._expression)),
        prec(PREC.sign, seq("-", $._expression)),
      ),

    binary: ($) =>
      choice(
        ...[
          ["or", PREC.or],
          ["and", PREC.and],
          ["in", PREC.compare],
          ["==", PREC.compare],
          ["!=", PREC.compare],
          ["<", PREC.compare],
          ["<=", PREC.compare],
          [">", PREC.compare],
          [">=", PREC.compare],
          ["..", PREC.range],
          ["..=", PREC.range],
          ["+", PREC.sum],
          ["-", PREC.sum],
          ["*", PREC.product],
          ["/", PREC.product],
          ["%", PREC.product],
        ].map(([operator, level]) =>
          prec.left(level, seq(field("left", $._expression), field("operator", operator), field("right", $._expression))),
        ),
      ),

    _unit: ($) => choice($._primary, $.call, $.index, $.field),
    _primary: ($) =>
      choice($.integer, $.duration, $.string, $.boolean, $.none, $.self, $.list, $.parenthesized, $.identifier),

    call: ($) => prec(PREC.unit, seq(field("callee", $._unit), field("arguments", $.arguments))),
    arguments: ($) => seq("(", list($._argument), ")"),
    _argument: ($) => choice($.named_argument, $._expression),
    named_argument: ($) => seq(field("name", $.identifier), ":", field("value", $._expression)),
    index: ($) => prec(PREC.unit, seq(field("object", $._unit), "[", choice($._expression, $.slice), "]")),
    slice: ($) =>
      choice(
        seq($._expression, choice("..", "..=")),
        seq(choice("..", "..="), optional($._expression)),
      ),
    field: ($) => prec(PREC.unit, seq(field("object", $._unit), ".", field("name", $._member))),
    // A member may be called as a word of the language is.
    _member: ($) => alias($._any_word, $.identifier),
    _any_word: ($) => choice($.identifier, "join", "kill", "terminate", "exit", "print", "sleep"),
    list: ($) => seq("[", list($._expression), "]"),
    parenthesized: ($) => seq("(", $._expression, ")"),

    spawn: ($) =>
      prec.right(PREC.task, seq(
        "spawn",
        repeat(choice("process", "thread", "daemon")),
        field("task", choice($.block, $._unit)),
        optional(choice($.count, seq("x", field("count", $._expression)))),
        optional(seq("as", field("name", $._expression))),
      )),
    count: (_) => token(prec(1, /x[0-9]+/)),
    join: ($) =>
      prec.right(PREC.task, seq("join", choice("all", $._unit), optional(seq("for", field("timeout", $._expression))))),
    submit: ($) => prec.right(PREC.task, seq("submit", field("task", $._unit), "to", field("pool", $._unit))),

    // Words and literals -----------------------------------------------------

    identifier: (_) => WORD,
    boolean: (_) => choice("true", "false"),
    none: (_) => "none",
    self: (_) => "self",
    integer: (_) => /[0-9]+(_[0-9]+)*/,
    duration: (_) => /[0-9]+(_[0-9]+)*(ns|us|ms|s)/,

    string: ($) => seq('"', repeat(choice($.string_content, $.escape, $.hole)), '"'),
    string_content: (_) => token.immediate(prec(1, /[^"{\\\n]+/)),
    escape: (_) => token.immediate(/\\[^\n]/),
    hole: ($) => seq(token.immediate("{"), optional($._expression), "}"),
  },
});
