//! What was entered: whether it is whole, which of it is declarations, and all
//! of it as a script.

use crate::lang::ast::{ExprKind, Item, Script, Span, Stmt, StmtKind};
use crate::lang::parse::{is_open, parse_entry};
use std::collections::{HashMap, HashSet};

/// One entry that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// With its last newline.
    pub text: String,
    /// Where in the text its statements were left, by an error or Ctrl-C.
    pub left_at: Option<usize>,
}

/// Whether a text can be carried out, or more lines belong to it. The parser
/// decides: brackets are closed, and no `try` waits for its `catch`.
pub fn is_complete(text: &str) -> bool {
    if text.trim_start().starts_with(':') {
        return true;
    }
    if is_open(text) {
        return false;
    }
    let ends_a_block = text.trim_end().ends_with('}');
    !(ends_a_block && parse_entry(text).is_err() && parse_entry(&format!("{text} catch any {{ }}")).is_ok())
}

/// Whether a line goes on with the statement before it: `else`, `catch`.
pub fn goes_on(line: &str) -> bool {
    let word: String = line.trim_start().chars().take_while(|c| c.is_alphanumeric()).collect();
    matches!(word.as_str(), "else" | "catch" | "elif" | "except")
}

impl Entered {
    /// Whether a statement was carried out to its end.
    fn is_done(&self, stmt: Span) -> bool {
        self.left_at.is_none_or(|at| stmt.end as usize <= at)
    }

    /// Its declarations alone, if it has some.
    pub fn declarations(&self) -> Option<Entered> {
        let script = parse_entry(&self.text).ok()?;
        let texts: Vec<&str> =
            script.items.iter().filter_map(|i| declaration(i).map(|(_, span)| span.text(&self.text))).collect();
        (!texts.is_empty()).then(|| Entered { text: format!("{}\n", texts.join("\n")), left_at: None })
    }
}

/// A declaration's name, if it has one, and its place.
fn declaration(item: &Item) -> Option<(Option<&str>, Span)> {
    Some(match item {
        Item::Const(c) => (Some(&c.name.text), c.span),
        Item::Object(o) => (Some(&o.name.text), o.span),
        Item::Struct(s) => (Some(&s.name.text), s.span),
        Item::Function(f) => (Some(&f.name.text), f.span),
        Item::Invariant { span, .. } | Item::Finally { span, .. } => (None, *span),
        Item::Expect(_) | Item::Stmt(_) => return None,
    })
}

/// All entries as one script. Of a function defined several times the last one
/// stands; a `let` of a name that was there before assigns it; a statement at
/// which its entry was left is a comment, and so are those behind it.
pub fn as_script(entries: &[Entered]) -> String {
    let scripts: Vec<(&Entered, Script)> =
        entries.iter().filter_map(|e| Some((e, parse_entry(&e.text).ok()?))).collect();
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (place, (_, script)) in scripts.iter().enumerate() {
        for item in &script.items {
            if let Item::Function(f) = item {
                last.insert(&f.name.text, place);
            }
        }
    }
    let mut locals: HashSet<String> = HashSet::new();
    let mut out = String::new();
    for (place, (entry, script)) in scripts.iter().enumerate() {
        let mut text = entry.text.clone();
        // From the end on, so that the places before stay where they are.
        if entry.left_at.is_none() {
            with_print(&mut text, script);
        }
        let again: Vec<bool> = script.items.iter().map(|item| is_let_again(item, entry, &mut locals)).collect();
        for (item, again) in script.items.iter().zip(again).rev() {
            match item {
                Item::Function(f) if last.get(f.name.text.as_str()) != Some(&place) => cut(&mut text, f.span),
                Item::Stmt(stmt) if !entry.is_done(stmt.span) => comment(&mut text, stmt.span),
                Item::Stmt(Stmt { kind: StmtKind::Let { name, .. }, span }) if again => {
                    assign(&mut text, span.start as usize, name.span.start as usize);
                }
                _ => {}
            }
        }
        out.push_str(&text);
    }
    out
}

fn cut(text: &mut String, span: Span) {
    let (start, mut end) = (span.start as usize, span.end as usize);
    let whole_line = text[..start].ends_with('\n') || start == 0;
    if whole_line && text[end..].starts_with('\n') {
        end += 1;
    }
    text.replace_range(start..end, "");
}

fn comment(text: &mut String, span: Span) {
    let lines: Vec<String> = span.text(text).lines().map(|l| format!("# {l}")).collect();
    // What stands behind it on the same line stays a statement.
    text.replace_range(span.start as usize..span.end as usize, &format!("{}\n", lines.join("\n")));
}

/// A value that was only shown is printed.
fn with_print(text: &mut String, script: &Script) {
    let Some(Item::Stmt(Stmt { kind: StmtKind::Expr(value), span })) = script.items.last() else { return };
    let shown = !matches!(
        value.kind,
        ExprKind::Call { .. } | ExprKind::Spawn(_) | ExprKind::Join { .. } | ExprKind::Submit { .. }
    );
    if shown {
        text.insert_str(span.start as usize, "print ");
    }
}

/// Whether it is a `let` that was carried out, of a name that was there before.
fn is_let_again(item: &Item, entry: &Entered, locals: &mut HashSet<String>) -> bool {
    match item {
        Item::Stmt(Stmt { kind: StmtKind::Let { name, .. }, span }) if entry.is_done(*span) => {
            !locals.insert(name.text.clone())
        }
        _ => false,
    }
}

/// `let x = …` is `x = …`.
fn assign(text: &mut String, start: usize, name: usize) {
    if text.get(start..name).is_some_and(|word| word.trim() == "let") {
        text.replace_range(start..name, "");
    }
}
