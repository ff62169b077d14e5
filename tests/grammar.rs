//! The grammars of the editors are true to the language's own: what conc reads
//! parses with tree-sitter, what it refuses for its form does not, and every
//! word of the language is known to each highlighting.

use conc::lang::word::{contextual, reserved};
use conc::objects::KINDS;
use conc::program::kind::Memory;
use std::path::{Path, PathBuf};
use std::process::Command;
use tree_sitter::{Node, Parser, Query, QueryCursor, StreamingIterator};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn parser() -> Parser {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_conc::LANGUAGE.into()).expect("the parser fits the library");
    parser
}

/// The scenarios, the scripts of the documentation, of the pages on findings
/// and of the golden tests.
fn scripts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    below(&root().join("scenarios"), "conc", &mut |path, text| found.push((path, text)));
    let mut pages = Vec::new();
    below(&root().join("docs"), "md", &mut |path, text| pages.push((path, text)));
    below(&root().join("src/report/explain"), "md", &mut |path, text| pages.push((path, text)));
    for (path, page) in pages {
        for (number, block) in page.split("\n```conc").skip(1).enumerate() {
            let (_, text) = block.split_once('\n').expect("a fence ends its line");
            found.push((format!("{path}, script {number}"), text.split("```").next().unwrap_or("").to_string()));
        }
    }
    found
}

fn below(folder: &Path, extension: &str, take: &mut dyn FnMut(String, String)) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("it is there").map(|e| e.expect("it can be read").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            below(&path, extension, take);
        } else if path.extension().is_some_and(|e| e == extension) {
            take(path.display().to_string(), std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// The first place that the tree could not make sense of.
fn first_error(node: Node) -> Option<Node> {
    if node.is_error() || node.is_missing() {
        return Some(node);
    }
    let mut cursor = node.walk();
    let children: Vec<Node> = node.children(&mut cursor).collect();
    children.into_iter().filter(Node::has_error).find_map(first_error)
}

fn fault(parser: &mut Parser, text: &str) -> Option<String> {
    let tree = parser.parse(text, None).expect("there is no time limit");
    let root = tree.root_node();
    root.has_error().then(|| {
        let place = first_error(root).unwrap_or(root).start_position();
        let line = text.lines().nth(place.row).unwrap_or("");
        format!("line {}, column {}: {line}", place.row + 1, place.column + 1)
    })
}

#[test]
fn what_conc_reads_parses_with_tree_sitter() {
    let mut parser = parser();
    let scripts = scripts();
    assert!(scripts.len() > 150, "{}", scripts.len());
    let mut wrong = Vec::new();
    for (name, text) in scripts {
        if conc::lang::parse::parse(&text).is_ok() {
            wrong.extend(fault(&mut parser, &text).map(|place| format!("{name}: {place}")));
        }
    }
    assert!(wrong.is_empty(), "{} with errors:\n{}", wrong.len(), wrong.join("\n"));
}

/// Forms that the scenarios may not have.
const FORMS: [&str; 25] = [
    "",
    "# only a comment",
    "print 1; print 2;",
    "if a { } else if b { } else { }",
    "if a { }\n# between\nelse { }",
    "try { x = 1 }\ncatch Empty, Full as e { }\ncatch any { }",
    "print (1 +\n    2), [1,\n 2,\n]",
    "let x = f(\n    a, # why\n    b,\n)\nprint x",
    "spawn daemon process worker(1, 2) x N as \"w{i}\"",
    "spawn daemon x x2\nspawn process x x 2\nspawn thread x as \"d\"\nspawn daemon x x N",
    "spawn { print 1 }",
    "let ws = spawn process { return 1 }",
    "let ended = join w for 500ms",
    "join all",
    "join ws[0]",
    "submit job(1) to p",
    "let r = submit job to pools[1]",
    "select {\n    v = q.get() => { print v }\n    out.put(1) => { }\n    join w => { }\n    after 1s => { }\n}",
    "select { q.get() => { } else => { } }",
    "expect lost-wakeup on q, fork[0]\nexpect some a == 1 or b\nexpect every x > 0\nexpect invariant",
    "print -x * 2 + 3 % 4 .. 5, not a and b or c in d, xs[1..], xs[..2], xs[1..=3]",
    "print \"a {x + \"b {y}\"} \\{ \\\" # no comment\"",
    "queue q[2](3) via manager\npool p(3) of processes\nlock m reentrant\nvar flag[2] = false",
    "struct S { lock mu; var x = 0\n condition c(mu) }",
    "const N = 5\ninvariant a + b == N\nfinally { assert x == 2, \"x is {x}\" }\nexit\nreturn\nx -= 1_000",
];

#[test]
fn every_form_of_the_language_parses() {
    let mut parser = parser();
    for form in FORMS {
        if let Err(errors) = conc::lang::parse::parse(form) {
            panic!("conc refuses {form:?}: {}", errors[0].message);
        }
        assert_eq!(fault(&mut parser, form), None, "{form}");
    }
}

#[test]
fn what_is_no_script_has_errors() {
    let mut parser = parser();
    for wrong in ["let x =", "print (1", "if { }", "def f():", "spawn", "x = = 1", "a b c = ", "} "] {
        assert!(conc::lang::parse::parse(wrong).is_err(), "{wrong}");
        assert!(fault(&mut parser, wrong).is_some(), "{wrong}");
    }
}

/// The statements of a script's top level, as tree-sitter tells them apart.
#[test]
fn statements_end_where_conc_ends_them() {
    let mut parser = parser();
    let mut differ = Vec::new();
    for (name, text) in scripts() {
        let Ok(script) = conc::lang::parse::parse(&text) else { continue };
        let tree = parser.parse(&text, None).expect("there is no time limit");
        let root = tree.root_node();
        let mut cursor = root.walk();
        let found: Vec<usize> =
            root.named_children(&mut cursor).filter(|n| n.kind() != "comment").map(|n| n.start_byte()).collect();
        use conc::lang::ast::{Expect, Item};
        let start = |item: &Item| match item {
            Item::Const(c) => c.span.start,
            Item::Object(o) => o.span.start,
            Item::Struct(s) => s.span.start,
            Item::Function(f) => f.span.start,
            Item::Invariant { span, .. } | Item::Finally { span, .. } => span.start,
            Item::Expect(Expect::Code { span, .. } | Expect::Some { span, .. } | Expect::Every { span, .. }) => {
                span.start
            }
            Item::Stmt(s) => s.span.start,
        };
        let wanted: Vec<usize> = script.items.iter().map(|i| start(i) as usize).collect();
        if found != wanted {
            differ.push(name);
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

fn has_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}

/// Words that are parts of numbers, or that only some grammars tell apart.
const UNITS: [&str; 4] = ["ns", "us", "ms", "s"];

#[test]
fn every_word_of_the_language_is_in_every_highlighting() {
    let grammar = read("editors/tree-sitter-conc/grammar.js");
    let queries = read("editors/tree-sitter-conc/queries/highlights.scm");
    let textmate = read("editors/vscode/syntaxes/conc.tmLanguage.json");
    let vim = read("editors/nvim/syntax/conc.vim");
    let mut missing = Vec::new();
    let mut need = |file: &str, text: &str, word: &str| {
        if !has_word(text, word) {
            missing.push(format!("{file}: {word}"));
        }
    };
    // Shown as values, by the names of their nodes.
    let values = ["true", "false", "none", "self"];
    for word in reserved() {
        need("grammar.js", &grammar, word);
        need("conc.tmLanguage.json", &textmate, word);
        need("conc.vim", &vim, word);
        if !values.contains(&word) {
            need("highlights.scm", &queries, word);
        }
    }
    for word in contextual().into_iter().filter(|w| !UNITS.contains(w)) {
        need("grammar.js", &grammar, word);
        need("highlights.scm", &queries, word);
        need("conc.tmLanguage.json", &textmate.replace("x(?:", "x (?:"), word);
    }
    let memory = [Memory::Var, Memory::Shared, Memory::Atomic].map(Memory::word);
    for kind in KINDS.iter().filter(|k| !k.internal).map(|k| k.word).chain(memory) {
        need("conc.tmLanguage.json", &textmate, kind);
        need("conc.vim", &vim, kind);
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_queries_fit_the_grammar_and_mark_keywords() {
    let language = tree_sitter_conc::LANGUAGE.into();
    let query = Query::new(&language, tree_sitter_conc::HIGHLIGHTS).unwrap_or_else(|e| panic!("{e}"));
    let text = "queue q(3)\nspawn process worker x3\n";
    let tree = parser().parse(text, None).expect("there is no time limit");
    let mut cursor = QueryCursor::new();
    let mut matches = cursor.matches(&query, tree.root_node(), text.as_bytes());
    let mut marked = Vec::new();
    while let Some(found) = matches.next() {
        for capture in found.captures() {
            let name = query.capture_names()[capture.index as usize];
            marked.push((&text[capture.node.byte_range()], name));
        }
    }
    for wanted in [
        ("queue", "type"),
        ("3", "number"),
        ("spawn", "keyword.coroutine"),
        ("process", "keyword.modifier"),
        ("x3", "keyword.modifier"),
    ] {
        assert!(marked.contains(&wanted), "{wanted:?} of {marked:?}");
    }
}

/// The committed parser is that of the committed grammar. Only where the
/// generator is at hand; the other tests hold for the parser as it is.
#[test]
fn the_generated_parser_is_current() {
    let folder = root().join("editors/tree-sitter-conc");
    let copy = tempfile::tempdir().expect("a temporary folder");
    for file in ["grammar.js", "package.json", "tree-sitter.json"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).expect("it can be copied");
    }
    let generated = Command::new("tree-sitter").arg("generate").current_dir(copy.path()).output();
    let Ok(generated) = generated else {
        println!("tree-sitter is not installed: the parser was not generated anew");
        return;
    };
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
    for file in ["parser.c", "grammar.json", "node-types.json"] {
        let new = std::fs::read_to_string(copy.path().join("src").join(file)).expect("it was generated");
        let old = std::fs::read_to_string(folder.join("src").join(file)).expect("it is committed");
        assert!(new == old, "src/{file} is not that of grammar.js: run `tree-sitter generate`");
    }
}
