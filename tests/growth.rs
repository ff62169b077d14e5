//! A program that grows: old numbers stay, places count in the whole, names can
//! be defined anew where they may, and what is wrong changes nothing.

use conc::lang::ast::Span;
use conc::lang::error::ScriptError;
use conc::lang::parse::parse;
use conc::objects::KINDS;
use conc::program::code::Slot;
use conc::program::scope::Global;
use conc::program::{Entry, Growth};

fn enter(growth: &Growth, text: &str) -> Result<(Growth, Entry), Vec<ScriptError>> {
    growth.extend(&parse(text).unwrap(), text)
}

#[test]
fn numbers_of_earlier_texts_stay() {
    let mut growth = Growth::new(KINDS);
    for text in ["lock a\n", "var x = 1\n", "task t { with a { x += 1 } }\n", "spawn t\n", "queue q(2)\n"] {
        let old = growth.program().clone();
        growth = enter(&growth, text).unwrap().0;
        let new = growth.program();
        let code = |p: &conc::program::Program| format!("{:?}", p.code.range(0..old.code.len()).collect::<Vec<_>>());
        assert_eq!(code(new), code(&old));
        assert!(new.spans.range(0..old.spans.len()).eq(old.spans.iter()));
        assert_eq!(new.objects.len() - old.objects.len(), usize::from(text.starts_with(['l', 'q'])));
    }
    let queue = growth.program().objects[1].span;
    assert_eq!(queue.text(growth.text()), "q", "places count from the beginning of all texts");
}

#[test]
fn a_function_defined_anew_keeps_its_number_and_the_old_code() {
    let growth = enter(&Growth::new(KINDS), "fn f() { return 1 }\n").unwrap().0;
    let Some(Global::Function(f)) = growth.global("f").cloned() else { panic!("f is a function") };
    let old = growth.program().functions[f as usize].clone();
    let (grown, entry) = enter(&growth, "fn f(a) { return a }\n").unwrap();
    assert!(entry.redefines);
    let new = &grown.program().functions[f as usize];
    assert_eq!((new.params, new.span.text(grown.text())), (1, "f"));
    assert!(grown.program().functions.iter().any(|g| g.entry == old.entry && g.end == old.end));
    let errors = enter(&grown, "lock f\n").err().unwrap();
    assert_eq!(errors[0].related[0].0.text(grown.text()), "f");
    assert_eq!(errors[0].related[0].0.start as usize, "fn f() { return 1 }\nfn ".len());
}

#[test]
fn locals_of_main_stay_and_can_be_made_anew() {
    let growth = enter(&Growth::new(KINDS), "let n = 1\n").unwrap().0;
    let growth = enter(&growth, "for i in 0..3 { print i }\nlet s = \"a\"\n").unwrap().0;
    let growth = enter(&growth, "let n = n + 1\n").unwrap().0;
    let locals: Vec<(&str, Slot)> = growth.locals().collect();
    assert_eq!(locals.len(), 2);
    assert_eq!(locals[0], ("n", 0));
    assert!(enter(&growth, "print i\n").is_err(), "a loop's variable ends with it");
    let errors = enter(&growth, "var n = 5\n").err().expect("a script with both has the name twice");
    assert_eq!(errors[0].message, "`n` is defined twice");
    assert_eq!(errors[0].related[0].0.text(growth.text()), "n", "where it was made anew");
    assert_eq!(
        errors[0].related[0].0.start as usize,
        "let n = 1\nfor i in 0..3 { print i }\nlet s = \"a\"\nlet ".len()
    );
    assert!(growth.locals().any(|l| l.0 == "n") && growth.global("n").is_none(), "the local stays");
}

#[test]
fn errors_stand_in_the_whole_and_change_nothing() {
    let growth = enter(&Growth::new(KINDS), "lock m\n").unwrap().0;
    let error = enter(&growth, "lock a\nprnt(x)\nlock m\n").err().unwrap();
    assert!(error.iter().all(|e| e.span.start as usize > growth.text().len()));
    let twice = error.iter().find(|e| e.message.contains("twice")).unwrap();
    assert_eq!(twice.related[0].0, Span::new(5, 6));
    assert!(growth.global("a").is_none());
}
