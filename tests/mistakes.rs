//! What people type who know other languages: each mistake has one error, on its
//! line, with the mend; and two of them in one script are both told, whatever they
//! are. The mistakes themselves are in `table`.

mod table;

use conc::lang::error::{ScriptError, Sort};
use conc::lang::parse::parse_all;
use conc::objects::KINDS;
use conc::program::compile::{analyse, compile};
use table::{At, At::Task, At::Top, BEFORE, MENDED, MISTAKES};

fn errors(script: &str) -> Vec<ScriptError> {
    let parsed = parse_all(script);
    match parsed.script {
        Some(ref tree) if parsed.errors.is_empty() => compile(tree, script, KINDS, &[]).err().unwrap_or_default(),
        _ => analyse(parsed, script, KINDS, &[]).2,
    }
}

/// Each with its line in `script` and what is said.
fn told(script: &str) -> Vec<(usize, String)> {
    let line = |error: &ScriptError| script[..error.span.start as usize].matches('\n').count();
    errors(script).iter().map(|error| (line(error), error.message.clone())).collect()
}

/// A script with these mistakes, and the line of each.
fn script(mistakes: &[&(At, &str, &str, &str)]) -> (String, Vec<usize>) {
    let mut text = BEFORE.to_string();
    let mut lines = Vec::new();
    for (n, (at, mistake, ..)) in mistakes.iter().enumerate() {
        let within = match at {
            Task => format!("task number{n} {{\n    {mistake}\n}}\n"),
            Top => format!("\n{mistake}\n\n"),
        };
        lines.push(text.matches('\n').count() + 1);
        text.push_str(&within);
    }
    text.push_str("print \"end\"\n");
    (text, lines)
}

#[test]
fn each_mistake_has_one_error_with_its_mend() {
    assert_eq!(told(&script(&[]).0), []);
    let mut faults = Vec::new();
    for mistake in MISTAKES {
        let (_, text, message, mend) = mistake;
        let (script, lines) = script(&[mistake]);
        let errors = errors(&script);
        let help = errors.first().and_then(|e| e.help.clone()).unwrap_or_default();
        if told(&script) != [(lines[0], message.to_string())] || !help.contains(mend) {
            faults.push(format!("{text}: {:?}, {help}", told(&script)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_written_as_it_is_told_to_be_is_no_mistake() {
    let mut faults = Vec::new();
    for (at, mistake, message, mend, whole) in MENDED {
        let said = errors(&script(&[&(*at, mistake, message, "")]).0);
        let told = said.iter().map(|e| (e.message.as_str(), e.help.as_deref().unwrap_or_default()));
        let told: Vec<(&str, &str)> = told.collect();
        if !matches!(told[..], [(said, help)] if said == *message && help.contains(&format!("`{mend}`"))) {
            faults.push(format!("{mistake}: {told:?}"));
        }
        let whole = if whole.is_empty() { mend } else { whole };
        let left = errors(&script(&[&(*at, whole, "", "")]).0);
        faults.extend(left.first().map(|left| format!("{whole}: {}", left.message)));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A `;` parts them as a new line does, but where a bracket or a quote leaves it uncertain.
#[test]
fn of_two_mistakes_on_one_line_both_are_told_and_nothing_else() {
    let on_a_line = |mistake: &&(At, &str, &str, &str)| {
        let uncertain = ["is not closed", "closes nothing", "the end of the line", "at the top level"];
        mistake.0 == Task && !uncertain.iter().any(|words| mistake.2.contains(words))
    };
    // What is wrong because of the block around it is told where that is certain.
    let placed = |mistake: &&(At, &str, &str, &str)| errors(&script(&[mistake]).0)[0].sort == Sort::Placed;
    let line: Vec<_> = MISTAKES.iter().filter(on_a_line).filter(|mistake| !placed(mistake)).collect();
    assert!(line.len() > 100, "{}", line.len());
    let mut faults = Vec::new();
    for (first, second) in pairs_of(&line) {
        let line = format!("task number0 {{ {} }}; task number1 {{ {} }}", first.1, second.1);
        let script = format!("{BEFORE}{line}\n");
        let said: Vec<String> = told(&script).into_iter().map(|(_, message)| message).collect();
        // Of a pair of quotes the first is told, and so of such characters.
        let pair = [first, second].iter().all(|mistake| mistake.2.ends_with("has no meaning here"));
        if !pair && said != [first.2, second.2] {
            faults.push(format!("{line}: {said:?}"));
        }
    }
    assert!(faults.is_empty(), "{} lines, such as\n{}", faults.len(), faults[..faults.len().min(60)].join("\n"));
}

#[test]
fn a_name_alone_that_is_not_defined_is_told_as_that() {
    let errors = errors("var counts = 0\ncount; counts; prnt; a1; f(1); zz\nfn f(a) { return a }\n");
    let told: Vec<(&str, &str)> =
        errors.iter().map(|e| (e.message.as_str(), e.help.as_deref().unwrap_or_default())).collect();
    let far = "`let NAME = …` makes a local, `var NAME = …` memory that tasks share";
    assert_eq!(
        told,
        [
            ("`count` is not defined", "did you mean `counts`?"),
            ("`counts` alone does nothing", "assign it, print it, or leave it out"),
            ("`prnt` is not defined", "did you mean `print`?"),
            ("`a1` is not defined", far.replace("NAME", "a1").as_str()),
            ("`zz` is not defined", far.replace("NAME", "zz").as_str()),
        ]
    );
}

/// The `;`s of a head in other languages end nothing, nor does one before a block.
#[test]
fn of_a_head_with_semicolons_one_error_is_told() {
    for script in [
        "for i = 0; i < 3; i++ { x += 1 }",
        "for let i = 0; i < 3; i += 1 { x += 1 }",
        "if v := x; v > 0 { x += 1 }",
        "while x < 3; { x += 1 }",
        "loop; { x += 1 }",
    ] {
        let script = format!("{BEFORE}task t {{ {script} }}\nspawn t\n");
        assert_eq!(told(&script).len(), 1, "{script}: {:?}", told(&script));
    }
}

/// A local of another body is not what is meant, wherever it stands; but where it is not certain
/// which body that is, it may be.
#[test]
fn a_name_that_is_a_local_elsewhere_is_told_beside_errors_of_form() {
    let local = "`ps` is not defined".to_string();
    let alone = "`[1][0]` alone does nothing".to_string();
    assert_eq!(told("let ps = [1]\nfn early() { print ps }\n[1][0]\n"), [(1, local.clone()), (2, alone.clone())]);
    assert_eq!(told("fn f(ps) { return ps }\n[1][0]\nprint ps\n"), [(1, alone), (2, local)]);
    let open = "task t {\n    if x == 1\n        let ps = [1]\n    }\n    print ps\n}\nvar x = 1\nspawn t\n";
    assert!(told(open).iter().all(|(_, message)| !message.contains("ps")), "{:?}", told(open));
}

/// What is spoken of with Python's names is told of together with what follows from it.
#[test]
fn threads_of_python_are_told_whole() {
    let thread = |made: &str| format!("{BEFORE}{made}\nt.start()\nt.join()\n");
    let told = |script: &str| told(script).into_iter().map(|(_, message)| message).collect::<Vec<String>>();
    for (made, what) in [
        ("Thread(target=w2, args=(1,))", "`Thread` is not defined"),
        ("threading.Thread(target=w)", "there is no module `threading`"),
        ("multiprocessing.Process(target=w2, args=[1, 2])", "there is no module `multiprocessing`"),
    ] {
        let nothing = "`t` is not defined";
        assert_eq!(told(&thread(&format!("t = {made}"))), [nothing, what, nothing, nothing]);
        let [start, join] = ["start", "join"].map(|method| format!("no kind of object has a method `{method}`"));
        assert_eq!(told(&thread(&format!("let t = {made}"))), [what.to_string(), start, join]);
    }
    let arguments = told(&format!("{BEFORE}let t = Thread(target=w2, args=(1, 2, 3))\n"));
    assert_eq!(arguments, ["`Thread` is not defined", "`w2` takes 1 to 2 arguments, and here it gets 3"]);
    let local = told(&format!("{BEFORE}let t = threading.local()\nprint threading.active\n"));
    assert_eq!(local, ["there is no module `threading`"; 2]);
    let list = told(&format!("{BEFORE}threads = []\nfor i in 0..3 {{ threads.append(spawn w) }}\n"));
    assert_eq!(list, ["`threads` is not defined"; 2]);
}

#[test]
fn what_is_no_finding_contradicts_nothing() {
    let told = told(&format!("{BEFORE}expect ok\nexpect rase on x\n"));
    assert_eq!(told.into_iter().map(|(_, message)| message).collect::<Vec<_>>(), ["`rase` is no finding"]);
}

/// In other languages a function of this name runs by itself.
#[test]
fn a_main_that_nobody_spawns_or_calls_is_an_error() {
    for main in ["task main { print 1 }", "fn main() { print 1 }"] {
        assert_eq!(told(&format!("{BEFORE}{main}\n")), [(18, "nothing spawns or calls this `main`".to_string())]);
        assert_eq!(told(&format!("{BEFORE}{main}\nmain()\n")), []);
    }
    assert_eq!(told("let start = main\nspawn start\ntask main { print 1 }\n"), []);
}

/// Of all pairs every so many are tried, each of the mistakes with others of all kinds;
/// `CONC_ALL_PAIRS=1` tries all.
const PAIRS: usize = 10;

fn pairs_of<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    let every = if std::env::var_os("CONC_ALL_PAIRS").is_some() { 1 } else { PAIRS };
    let others = move |n: usize| (0..all.len()).filter(move |m| *m != n && (n + m).is_multiple_of(every));
    (0..all.len()).flat_map(move |n| others(n).map(move |m| (&all[n], &all[m])))
}

#[test]
fn of_two_mistakes_both_are_told_and_nothing_else() {
    let mut faults = Vec::new();
    for (first, second) in pairs_of(MISTAKES) {
        let (script, lines) = script(&[first, second]);
        let expected = [(lines[0], first.2.to_string()), (lines[1], second.2.to_string())];
        if told(&script) != expected {
            faults.push(format!("{} / {}: {:?}", first.1, second.1, told(&script)));
        }
    }
    assert!(faults.is_empty(), "{} pairs, such as\n{}", faults.len(), faults[..faults.len().min(20)].join("\n"));
}

#[test]
fn a_local_that_may_hold_something_else_has_any_method() {
    for script in [
        "let h = spawn w\nif x == 1 { h = q }\nh.get()",
        "let h = spawn w\nloop { h.get(); h = q }",
        "let h = spawn w\nspawn { h = q; h.get() }",
        "task any(h) { h.get() }\nspawn any(q)",
        "repeat 2 { let h = spawn w; join h }\nrepeat 2 { let h = q; h.get() }",
        "task any(h) { await h.qsize() == 1 or h.get(blocking: false) == 2 }\nspawn any(q)",
        "struct Got { var get = 0; var put = 0 }\nlet got = Got()\nawait got.get == got.put",
    ] {
        assert_eq!(told(&format!("{BEFORE}{script}\n")), [], "{script}");
    }
}

#[test]
fn what_a_wrong_name_is_used_for_is_not_told() {
    let script = "var busy = false
queue yield
task t {
    busy = true
    while not busy { print \"{busy}\" }
    yield.put(3)
    let loop = yield.get()
    loop += 1
    nope = 2
}
let if = busy + 1
spawn t
";
    let lines: Vec<usize> = told(script).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [0, 1, 6, 8, 10], "{:?}", told(script));
}
