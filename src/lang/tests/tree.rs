//! What right text becomes: precedence, literals, the forms that are easily
//! mistaken for others.

use crate::lang::ast::*;
use crate::lang::parse::{is_open, parse, parse_expr};

fn script(source: &str) -> Vec<Item> {
    parse(source).unwrap_or_else(|errors| panic!("{errors:#?}\n{source}")).items
}

/// The value of `x = …`.
fn value(source: &str) -> ExprKind {
    match script(&format!("x = {source}")).remove(0) {
        Item::Stmt(Stmt { kind: StmtKind::Assign { value, .. }, .. }) => value.kind,
        other => panic!("{other:?}"),
    }
}

/// An expression with all its brackets.
fn grouped(expr: &Expr) -> String {
    let two = |op: &str, a: &Expr, b: &Expr| format!("({} {op} {})", grouped(a), grouped(b));
    match &expr.kind {
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Unary { op, value } => format!("({op:?} {})", grouped(value)),
        ExprKind::Binary { op, left, right } => two(&format!("{op:?}"), left, right),
        ExprKind::Range { from: Some(from), to: Some(to), .. } => two("..", from, to),
        ExprKind::Paren(inner) => grouped(inner),
        ExprKind::Call { callee, .. } => format!("{}()", grouped(callee)),
        ExprKind::Field { object, field } => format!("{}.{}", grouped(object), field.text),
        ExprKind::Index { object, index } => format!("{}[{}]", grouped(object), grouped(index)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn operators_bind_as_the_language_says() {
    let cases = [
        ("a or b and not c == d", "(a Or (b And (Not (c Eq d))))"),
        ("a + b * -c.d(1)[2] % e", "(a Add ((b Mul (Neg c.d()[2])) Rem e))"),
        ("a - b - c", "((a Sub b) Sub c)"),
        ("a + 1 in b..c - 1", "((a Add 1) In (b .. (c Sub 1)))"),
        ("not a and not b", "((Not a) And (Not b))"),
        ("-a * b", "((Neg a) Mul b)"),
        ("(a or b) and c", "((a Or b) And c)"),
        ("- -a", "(Neg (Neg a))"),
    ];
    for (source, wanted) in cases {
        let expr = Expr { kind: value(source), span: Span::default() };
        assert_eq!(grouped(&expr), wanted, "{source}");
    }
}

#[test]
fn literals_have_their_values() {
    assert_eq!(value("1_000_000"), ExprKind::Int(1_000_000));
    assert_eq!(value("9223372036854775807"), ExprKind::Int(i64::MAX));
    assert_eq!(value("-9223372036854775808"), ExprKind::Int(i64::MIN));
    assert_eq!(value("7ns"), ExprKind::Duration(7));
    assert_eq!(value("10us"), ExprKind::Duration(10_000));
    assert_eq!(value("5ms"), ExprKind::Duration(5_000_000));
    assert_eq!(value("1s"), ExprKind::Duration(1_000_000_000));
    assert_eq!(value("none"), ExprKind::None);
    assert_eq!(value("true"), ExprKind::Bool(true));
    assert_eq!(value("self"), ExprKind::SelfTask);
    assert_eq!(value(r#""""#), ExprKind::Str(vec![]));
    assert_eq!(value(r#""a\n\t\"\\\{\}}""#), ExprKind::Str(vec![StrPart::Text("a\n\t\"\\{}}".into())]));
}

#[test]
fn strings_hold_expressions_and_these_strings() {
    let ExprKind::Str(parts) = value(r#""a {f("b {c}") + 1} d""#) else { panic!() };
    assert!(matches!(&parts[..], [StrPart::Text(a), StrPart::Expr(_), StrPart::Text(d)] if a == "a " && d == " d"));
}

fn spawn(source: &str) -> Spawn {
    match script(source).remove(0) {
        Item::Stmt(Stmt { kind: StmtKind::Expr(Expr { kind: ExprKind::Spawn(spawn), .. }), .. }) => *spawn,
        other => panic!("{other:?}"),
    }
}

#[test]
fn spawn_has_many_forms() {
    let count = |spawn: &Spawn| spawn.count.as_ref().map(|count| count.kind.clone());
    assert_eq!(count(&spawn("spawn w x3")), Some(ExprKind::Int(3)));
    assert_eq!(count(&spawn("spawn w(1) x 3")), Some(ExprKind::Int(3)));
    assert_eq!(count(&spawn("spawn w x N")), Some(ExprKind::Name("N".into())));
    assert_eq!(count(&spawn("spawn { } x3")), Some(ExprKind::Int(3)));
    assert_eq!(spawn("spawn process daemon w").kind, Some(SpawnKind::Process));
    assert!(spawn("spawn daemon process w").daemon && !spawn("spawn thread w").daemon);
    // The words are names where no task follows.
    assert_eq!(spawn("spawn process").kind, None);
    assert_eq!(spawn("spawn daemon(1) x3").kind, None);
    assert_eq!(count(&spawn("spawn x x x")), Some(ExprKind::Name("x".into())));
    assert_eq!(count(&spawn("spawn daemon x n")), Some(ExprKind::Name("n".into())));
    // `x` is a name as any other.
    for how in ["", "daemon ", "thread ", "process ", "daemon process "] {
        let form = |behind: &str| spawn(&format!("spawn {how}x{behind}"));
        for spawned in [form(""), form(" x2"), form(" x 2"), form("() x2"), form(" as \"d\""), form(" x2 as \"d\"")] {
            let SpawnWhat::Call { callee, .. } = &spawned.what else { panic!("{how}") };
            assert_eq!(callee.kind, ExprKind::Name("x".into()), "{how}");
            assert_eq!(spawned.daemon, how.starts_with("daemon"), "{how}");
            assert!(count(&spawned).is_none_or(|n| n == ExprKind::Int(2)), "{how}");
        }
    }
    assert!(matches!(spawn("spawn w() as \"w\"").what, SpawnWhat::Call { args: Some(args), .. } if args.is_empty()));
    assert!(matches!(spawn("spawn ws[0].f").what, SpawnWhat::Call { args: None, .. }));
}

#[test]
fn a_declaration_is_any_two_words() {
    let items = script("queue q(3) via manager; widget w[N](1, size: 2) of processes = 4\nlock x");
    let Item::Object(widget) = &items[1] else { panic!("{items:?}") };
    assert_eq!((widget.kind.text.as_str(), widget.name.text.as_str()), ("widget", "w"));
    assert!(widget.count.is_some() && widget.init.is_some());
    assert_eq!(widget.args.as_ref().map(Vec::len), Some(2));
    assert_eq!(widget.options.iter().map(|o| o.text.as_str()).collect::<Vec<_>>(), ["of", "processes"]);
    assert_eq!(items.len(), 3);
}

#[test]
fn lines_end_statements_but_not_in_brackets() {
    assert_eq!(script("f(1,\n  2,\n)\nf([\n1\n])").len(), 2);
    assert_eq!(script("f(spawn {\n a()\n b() })\nif a { b() } c()\nloop { } loop { }").len(), 5);
    assert_eq!(script("x = (a # one\n  + b) # two\n;;\n\ny = 1;").len(), 2);
    assert_eq!(script("if a { }\n\n# why\nelse if b { }\nelse { }\ntry { }\ncatch any { }").len(), 2);
    assert_eq!(script("\u{feff}f()\r\ng()\rh()").len(), 3);
    assert_eq!(script("").len(), 0);
}

#[test]
fn arms_keep_their_kinds() {
    let source =
        "select { v = q.get() => { }; q.put(1) => { } join w => { } m.acquire(timeout: 1s) => { }\nelse => { } }";
    let Item::Stmt(Stmt { kind: StmtKind::Select(select), .. }) = script(source).remove(0) else { panic!() };
    assert_eq!(select.arms.len(), 4);
    assert_eq!(select.arms[0].bind.as_ref().map(|name| name.text.as_str()), Some("v"));
    assert!(select.otherwise.is_some() && select.after.is_none());
}

#[test]
fn expectations_have_codes_and_places() {
    let items = script("expect self-deadlock on fork[0], a.mu\nexpect ok\nexpect some x == 1\nexpect every not y");
    let Item::Expect(Expect::Code { code, on, .. }) = &items[0] else { panic!() };
    assert_eq!((code.text.as_str(), on.len()), ("self-deadlock", 2));
    assert!(matches!(items[2], Item::Expect(Expect::Some { .. })));
    assert!(matches!(items[3], Item::Expect(Expect::Every { .. })));
}

#[test]
fn places_are_without_the_blanks_around() {
    let source = "return   # why\nspawn w   ;  exit  \nif a { }   \n";
    for item in script(source) {
        let Item::Stmt(stmt) = item else { panic!() };
        let text = stmt.span.text(source);
        assert_eq!(text.trim(), text);
    }
}

#[test]
fn words_may_be_members_and_names() {
    assert_eq!(script("fn range(n) { return [n] }\nfor i in range(3) { }").len(), 2);
    assert_eq!(script("p.terminate()\ne.kind()\nlet x = join ws for 5ms\nif not join w for 1s { }").len(), 4);
}

#[test]
fn an_expression_can_stand_alone() {
    assert!(matches!(parse_expr(" 7 ").map(|expr| expr.kind), Ok(ExprKind::Int(7))));
    assert!(matches!(parse_expr("[1, 2][0] + a").map(|expr| expr.kind), Ok(ExprKind::Binary { .. })));
    for wrong in ["", "a b", "x = 3", "print 1", "(", "True", "\"a"] {
        assert!(parse_expr(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn open_brackets_ask_for_more() {
    assert!(is_open("task t {") && is_open("f(1,") && is_open("if a { b() } else {\n"));
    assert!(!is_open("f()") && !is_open("task t { }") && !is_open("}") && !is_open("print \"{\""));
}
