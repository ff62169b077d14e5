//! What was entered: whether it is whole, which of it is declarations, and all
//! of it as a script.

use super::command::QUIT;
use crate::lang::ast::{ExprKind, Item, Script, Span, Stmt, StmtKind};
use crate::lang::error::ScriptError;
use crate::lang::format;
use crate::lang::parse::{is_open, parse, parse_entry};
use crate::objects::KINDS;
use crate::program::{Program, compile};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// One entry that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entered {
    /// With its last newline.
    pub text: String,
    /// Where in the text its statements were left, by an error or Ctrl-C.
    pub left_at: Option<usize>,
    /// It was Ctrl-C: left to themselves they might never end.
    pub stopped: bool,
}

/// Whether a text can be carried out, or more lines belong to it. The parser
/// decides: brackets are closed, and no `try` waits for its `catch`.
pub fn is_complete(text: &str) -> bool {
    if text.trim_start().starts_with(':') || gives_up(text) {
        return true;
    }
    if is_open(text) {
        return false;
    }
    let ends_a_block = text.trim_end().ends_with('}');
    !(ends_a_block && parse_entry(text).is_err() && parse_entry(&format!("{text} catch any {{ }}")).is_ok())
}

/// Whether the last line of an unfinished entry leaves the session.
pub fn gives_up(text: &str) -> bool {
    let Some((entry, line)) = text.trim_end().rsplit_once('\n') else { return false };
    line.trim_start().strip_prefix(':').is_some_and(|name| QUIT.contains(&name)) && !is_complete(entry)
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
        (!texts.is_empty()).then(|| Entered { text: format!("{}\n", texts.join("\n")), left_at: None, stopped: false })
    }

    /// The text, with nothing in the places of the statements that Ctrl-C kept from their
    /// end: what is carried out when it is done again. A `let` among them gives none, as it
    /// did.
    pub fn again(&self) -> String {
        let mut text = self.text.clone();
        let script = if self.stopped { parse_entry(&self.text).ok() } else { None };
        for item in script.iter().flat_map(|s| &s.items) {
            match item {
                Item::Stmt(stmt) if !self.is_done(stmt.span) => match &stmt.kind {
                    StmtKind::Let { value, .. } if value.span.text(&self.text).len() >= NOTHING.len() => {
                        blank(&mut text, value.span);
                        let start = value.span.start as usize;
                        text.replace_range(start..start + NOTHING.len(), NOTHING);
                    }
                    _ => blank(&mut text, stmt.span),
                },
                _ => {}
            }
        }
        text
    }
}

const NOTHING: &str = "none";

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

/// The functions that were defined again, each with the line of its last definition.
pub fn defined_again(entries: &[Entered]) -> Vec<(String, usize)> {
    let (mut known, mut again, mut lines) = (HashSet::new(), Vec::new(), 0);
    for entry in entries {
        for item in parse_entry(&entry.text).iter().flat_map(|s| &s.items) {
            if let Item::Function(f) = item
                && !known.insert(f.name.text.clone())
            {
                let before = &entry.text[..f.span.start as usize];
                again.retain(|(name, _)| *name != f.name.text);
                again.push((f.name.text.clone(), lines + before.matches('\n').count() + 1));
            }
        }
        lines += entry.text.matches('\n').count();
    }
    again
}

/// Each entry was right when it was entered. What is wrong in all of them as a script is so
/// because a function that was defined again has its last parameters alone there: its name
/// and line, if an error is about one.
pub fn by_definition<'d>(error: &ScriptError, again: &'d [(String, usize)]) -> Option<&'d (String, usize)> {
    again.iter().find(|(name, _)| error.message.contains(&format!("`{name}`")))
}

/// All entries as one script, in the one layout if that can be. Of a function
/// defined several times the last one stands; a `let` of a name that was there
/// before assigns it; a statement at which its entry was left is a comment, and so
/// are those behind it.
pub fn as_script(entries: &[Entered]) -> String {
    let text = joined(entries, Layout::Free).0;
    format::format(&text).unwrap_or(text)
}

/// What may change where something is no statement of the script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Free,
    /// All stays on its line, and nothing is moved but by `print `.
    Kept,
}

/// The script, and where in it a `print ` was put in.
fn joined(entries: &[Entered], layout: Layout) -> (String, Vec<usize>) {
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
    let (mut out, mut prints) = (String::new(), Vec::new());
    for (place, (entry, script)) in scripts.iter().enumerate() {
        let mut text = entry.text.clone();
        // From the end on, so that the places before stay where they are.
        if let (None, Some(shown)) = (entry.left_at, shown(script)) {
            text.insert_str(shown.start as usize, PRINT);
            prints.push(out.len() + shown.start as usize);
        }
        let again: Vec<bool> = script.items.iter().map(|item| is_let_again(item, entry, &mut locals)).collect();
        for (item, again) in script.items.iter().zip(again).rev() {
            match item {
                Item::Function(f) if last.get(f.name.text.as_str()) != Some(&place) => layout.cut(&mut text, f.span),
                Item::Stmt(stmt) if !entry.is_done(stmt.span) => layout.comment(&mut text, stmt.span),
                Item::Stmt(Stmt { kind: StmtKind::Let { name, .. }, span }) if again => {
                    layout.assign(&mut text, Span { end: name.span.start, ..*span });
                }
                _ => {}
            }
        }
        out.push_str(&text);
    }
    (out, prints)
}

impl Layout {
    fn cut(self, text: &mut String, span: Span) {
        if self == Layout::Kept {
            return blank(text, span);
        }
        let (start, mut end) = (span.start as usize, span.end as usize);
        let whole_line = text[..start].ends_with('\n') || start == 0;
        if whole_line && text[end..].starts_with('\n') {
            end += 1;
        }
        text.replace_range(start..end, "");
    }

    fn comment(self, text: &mut String, span: Span) {
        if self == Layout::Kept {
            return blank(text, span);
        }
        let lines: Vec<String> = span.text(text).lines().map(|l| format!("# {l}")).collect();
        // What stands behind it on the same line stays a statement.
        text.replace_range(span.start as usize..span.end as usize, &format!("{}\n", lines.join("\n")));
    }

    /// `let x = …` is `x = …`.
    fn assign(self, text: &mut String, word: Span) {
        match self {
            _ if word.text(text).trim() != "let" => {}
            Layout::Kept => blank(text, word),
            Layout::Free => text.replace_range(word.start as usize..word.end as usize, ""),
        }
    }
}

/// As many bytes and lines of nothing.
fn blank(text: &mut String, span: Span) {
    let blanks: String = span.text(text).bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(span.start as usize..span.end as usize, &blanks);
}

const PRINT: &str = "print ";

/// The statement of a value that was only shown: a script prints it.
fn shown(script: &Script) -> Option<Span> {
    let Some(Item::Stmt(Stmt { kind: StmtKind::Expr(value), span })) = script.items.last() else { return None };
    let acts = matches!(
        value.kind,
        ExprKind::Call { .. } | ExprKind::Spawn(_) | ExprKind::Join { .. } | ExprKind::Submit { .. }
    );
    (!acts).then_some(*span)
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

/// What was entered, to be explored or gone through. Its places are those of the
/// session's own reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// All that was entered.
    pub text: String,
    /// It as a script, line by line.
    script: String,
    /// Where in the script a `print ` was put in.
    prints: Vec<usize>,
    /// What `:save` would write.
    pub saved: String,
    /// Functions that were defined again, and where.
    again: Vec<(String, usize)>,
}

impl Whole {
    pub fn of(entries: &[Entered]) -> Whole {
        let (script, prints) = joined(entries, Layout::Kept);
        let text = entries.iter().map(|e| e.text.as_str()).collect();
        Whole { text, script, prints, saved: as_script(entries), again: defined_again(entries) }
    }

    /// # Errors
    ///
    /// What is wrong with it as a script.
    pub fn program(&self) -> Result<Program, Vec<ScriptError>> {
        let place = |at: u32| {
            let before = self.prints.partition_point(|p| (*p as u32) < at);
            let Some(last) = before.checked_sub(1).map(|n| self.prints[n] as u32) else { return at };
            // Whatever begins within the word begins with what it prints.
            at.max(last + PRINT.len() as u32) - (before * PRINT.len()) as u32
        };
        let to = |span: Span| Span { start: place(span.start), end: place(span.end) };
        let script = parse(&self.script).and_then(|s| compile(&s, &self.script, KINDS, &[]));
        match script {
            Ok(mut program) => {
                program.move_spans(to);
                Ok(program)
            }
            Err(mut errors) => {
                for error in &mut errors {
                    if let Some((name, line)) = by_definition(error, &self.again) {
                        error.help = Some(format!(
                            "line {line} defines `{name}` again, and a script has one `{name}`, the last: `:save FILE`, \
                             and mend there what was entered for the one before"
                        ));
                    }
                    error.span = to(error.span);
                    error.related.iter_mut().for_each(|r| r.0 = to(r.0));
                }
                Err(errors)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::code::Instr;

    fn entered(text: &str, left_at: Option<usize>) -> Entered {
        Entered { text: format!("{text}\n"), left_at, stopped: false }
    }

    #[test]
    fn places_are_those_of_what_was_entered() {
        let entries = [
            entered("var n = 1\nlet é = n", None),
            entered("fn f(a) {\n    return a\n}; let k = 2", None),
            entered("n", None),
            entered("let k = 3; n = 5; f(k)", Some(18)),
            entered("fn f(b) { return b }", None),
            entered("n = 2; k", None),
            entered("lock m", None),
        ];
        let whole = Whole::of(&entries);
        let program = whole.program().expect("it is right");
        let places = |word: &str| -> Vec<&str> {
            program.spans.iter().map(|s| s.text(&whole.text)).filter(|t| t.starts_with(word)).collect()
        };
        assert_eq!(program.objects[0].span.start as usize, whole.text.len() - "m\n".len());
        assert!(!places("n = 2").is_empty() && !places("n = 5").is_empty(), "{:?}", places(""));
        assert!(places("f(").is_empty(), "what was left is no statement");
        assert!(places("return").iter().all(|t| *t == "return b"), "{:?}", places("return"));
        // `print ` has no place of its own.
        let shown = Some(Span::new(whole.text.find("k\nlock").unwrap_or(0), whole.text.find("\nlock").unwrap_or(0)));
        let print = program.code.iter().rposition(|i| matches!(i, Instr::Print(_)));
        assert_eq!(print.map(|at| program.spans[at]), shown);
        assert_eq!(whole.script.lines().count(), whole.text.lines().count());
    }

    #[test]
    fn what_ctrl_c_stopped_is_not_done_again() {
        let text = "var n = 1; loop { n += 1 }";
        let stopped = |text: &str, at: usize| Entered { stopped: true, ..entered(text, Some(at)) }.again();
        assert_eq!(stopped(text, 11), "var n = 1;                \n");
        assert_eq!(
            stopped("lock m; n = 2\nwith m {\n    sleep 9s\n}", 27),
            "lock m; n = 2\n        \n            \n \n"
        );
        assert_eq!(stopped("let x = q.get(); print \"é\"", 8), "let x = none   ;           \n");
        assert_eq!(entered(text, Some(11)).again(), entered(text, None).text, "an error is raised again");
    }

    #[test]
    fn what_was_defined_again_is_told_where_it_does_not_fit() {
        let entries = [
            entered("task t { print 1 }\ntask u { }", None),
            entered("spawn t", None),
            entered("print 1", None),
            entered("task t(n) {\n    print n\n}", None),
            entered("spawn t(2)", None),
        ];
        assert_eq!(defined_again(&entries), [("t".to_string(), 5)]);
        let errors = Whole::of(&entries).program().expect_err("`spawn t` fits the one before");
        let help = errors[0].help.as_deref().unwrap_or_default();
        assert!(help.starts_with("line 5 defines `t` again"), "{help}");
    }

    #[test]
    fn errors_are_where_it_was_entered() {
        let entries = [entered("1 + 1", None), entered("let k = 1", None), entered("lock k", None)];
        let whole = Whole::of(&entries);
        let errors = whole.program().expect_err("a name has two meanings");
        assert_eq!(errors[0].span.text(&whole.text), "k");
        assert!(errors[0].span.start as usize > "1 + 1\n".len());
    }
}
