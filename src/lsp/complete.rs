//! What can stand where the cursor is: members after a dot, else what the words
//! before it on the line ask for. The text decides, since a line that is being
//! typed does not parse; the names come from what does.

use super::document::Document;
use super::member::{self, Owner};
use super::position::Encoding;
use super::unfinished::whole;
use crate::lang::word::reserved;
use crate::lang::word::{EXPECTABLE, is_of_word};
use crate::objects::KINDS;
use crate::program::compile::{BUILTINS, has_names, may_be_on};
use crate::program::kind::{ERROR_FIELDS, HANDLE_FIELDS, KindSpec, Memory, Method, Param, SELF_FIELDS, Update};
use crate::program::name::{Holding, Symbol, What};
use crate::program::value::ErrorKind;
use crate::report::{explain, reference};
use lsp_types::CompletionItemKind as Item;
use serde_json::{Value, json};

/// Words that begin a statement or an item.
const NO_BEGINNING: [&str; 10] = ["and", "or", "not", "in", "true", "false", "none", "after", "catch", "else"];
/// Words that an expression may have.
const IN_EXPRESSION: [&str; 10] = ["and", "or", "not", "in", "true", "false", "none", "self", "spawn", "submit"];

/// A word that can stand where the cursor is.
#[derive(Clone, Debug)]
pub struct Offer {
    pub label: String,
    kind: Item,
    pub detail: String,
    /// In Markdown.
    documentation: Option<String>,
    /// Parentheses follow, with something between them if it is so.
    pub call: Option<bool>,
}

impl Offer {
    /// A blank comes behind it, as a rule.
    pub fn is_keyword(&self) -> bool {
        matches!(self.kind, Item::KEYWORD | Item::CLASS) && self.call.is_none()
    }

    fn as_json(&self, snippets: bool) -> Value {
        let mut item = json!({ "label": self.label, "kind": self.kind, "detail": self.detail });
        if let Some(text) = &self.documentation {
            item["documentation"] = json!({ "kind": "markdown", "value": text });
        }
        match self.call {
            Some(true) if snippets => {
                item["insertText"] = json!(format!("{}($0)", self.label));
                item["insertTextFormat"] = json!(lsp_types::InsertTextFormat::SNIPPET);
            }
            Some(false) => item["insertText"] = json!(format!("{}()", self.label)),
            Some(true) | None => {}
        }
        item
    }
}

/// What can stand at a byte, for the protocol; the editor filters by what is typed
/// already.
pub fn complete(document: &Document, byte: usize, snippets: bool) -> Vec<Value> {
    let offered = match document.known().errors.is_empty() {
        true => offers(document, byte, is_called(&document.text, byte)),
        // The line that is being typed may be what cannot be read.
        false => offers_in("", &document.text, byte),
    };
    offered.iter().map(|offer| offer.as_json(snippets)).collect()
}

/// The same of any text, whose words around the byte may be unfinished. `before` is what
/// stands before it, and whole.
pub fn offers_in(before: &str, text: &str, byte: usize) -> Vec<Offer> {
    let (whole, start) = whole(text, byte);
    let mut document = Document::new(format!("{before}{whole}"), 0, Encoding::Utf8);
    document.look();
    offers(&document, before.len() + start, is_called(text, byte))
}

/// Whether parentheses follow the word already.
fn is_called(text: &str, byte: usize) -> bool {
    text[byte..].trim_start_matches(is_of_word).starts_with('(')
}

fn offers(document: &Document, byte: usize, called: bool) -> Vec<Offer> {
    if document.in_words(byte) {
        return Vec::new();
    }
    let start = document.word(byte).map_or(byte, |(_, span)| (span.start as usize).min(byte));
    let context = Context { document, start, called };
    if document.text[..start].ends_with('.') && !document.text[..start].ends_with("..") {
        return context.members();
    }
    context.words()
}

struct Context<'d> {
    document: &'d Document,
    /// Where the word that is being typed begins.
    start: usize,
    /// Parentheses follow it already.
    called: bool,
}

fn item(label: &str, kind: Item, detail: &str) -> Offer {
    Offer { label: label.to_string(), kind, detail: detail.to_string(), documentation: None, call: None }
}

fn documented(mut item: Offer, text: Option<String>) -> Offer {
    item.documentation = text.filter(|t| !t.is_empty());
    item
}

impl<'d> Context<'d> {
    // ---------------------------------------------------------------- members

    fn members(&self) -> Vec<Offer> {
        match member::owner(self.document, self.start) {
            None => Vec::new(),
            Some(Owner::Running) => SELF_FIELDS.iter().map(|f| self.field(f, "self")).collect(),
            Some(Owner::Object(spec)) if self.line().trim_start().starts_with("with ") => with_words(spec),
            Some(Owner::Object(spec)) => self.methods(spec),
            Some(Owner::Handle) => HANDLE_FIELDS.iter().map(|f| self.field(f, "w")).collect(),
            Some(Owner::Memory) => self.updates(),
            Some(Owner::Record { name, fields }) => {
                fields.iter().map(|(field, kind)| item(field, Item::FIELD, &format!("{kind}, of {name}"))).collect()
            }
            Some(Owner::Error) => ERROR_FIELDS.iter().map(|f| item(f, Item::FIELD, "of a caught error")).collect(),
            Some(Owner::Nothing) => Vec::new(),
            Some(Owner::Any) => self.any_member(),
        }
    }

    /// Which object it is, the run will know: all that some object has.
    fn any_member(&self) -> Vec<Offer> {
        let names = self.document.known().names.symbols();
        let mut found: Vec<Offer> = names
            .iter()
            .filter(|s| s.what == What::Field)
            .map(|s| item(&s.name, Item::FIELD, s.kind.unwrap_or("field")))
            .collect();
        found.extend(HANDLE_FIELDS.iter().map(|f| self.field(f, "w")));
        found.extend(ERROR_FIELDS.iter().map(|f| item(f, Item::FIELD, "of a caught error")));
        found.extend(self.updates());
        let mut seen: Vec<&str> = Update::METHODS.iter().map(|m| m.0).collect();
        for spec in KINDS.iter().filter(|k| !k.internal) {
            for method in spec.methods.iter().filter(|m| !m.name.starts_with('-')) {
                if !seen.contains(&method.name) {
                    seen.push(method.name);
                    found.push(self.method(spec, method));
                }
            }
        }
        found
    }

    fn field(&self, name: &str, of: &str) -> Offer {
        let entry = reference::field(of, name);
        documented(item(name, Item::FIELD, if of == "self" { "of self" } else { "of a handle" }), entry.map(|e| e.text))
    }

    fn methods(&self, spec: &KindSpec) -> Vec<Offer> {
        spec.methods.iter().filter(|m| !m.name.starts_with('-')).map(|m| self.method(spec, m)).collect()
    }

    fn method(&self, spec: &KindSpec, method: &Method) -> Offer {
        let parameters: Vec<String> = method.params.iter().map(parameter).collect();
        let detail = format!("{}.{}({})", spec.word, method.name, parameters.join(", "));
        let needs = method.params.iter().any(|p| p.default.is_none());
        let entry = reference::method(spec.word, method.name);
        documented(self.call(method.name, Item::METHOD, &detail, needs), entry.map(|e| e.text))
    }

    fn updates(&self) -> Vec<Offer> {
        let one = |(name, _, takes): &(&'static str, Update, usize)| {
            let entry = reference::method("atomic", name);
            documented(self.call(name, Item::METHOD, "in one step", *takes > 0), entry.map(|e| e.text))
        };
        Update::METHODS.iter().map(one).collect()
    }

    /// A word with parentheses, the cursor between them if they are filled.
    fn call(&self, name: &str, kind: Item, detail: &str, needs: bool) -> Offer {
        let mut item = item(name, kind, detail);
        item.call = (!self.called).then_some(needs);
        item
    }

    // ------------------------------------------------------------------ words

    /// The statement so far: from the last line end, `;`, brace or arrow on.
    fn line(&self) -> &'d str {
        let before = &self.document.text[..self.start];
        let ends = ["\n", ";", "{", "}", "=>"].iter().filter_map(|e| before.rfind(e).map(|at| at + e.len()));
        &before[ends.max().unwrap_or(0)..]
    }

    fn words(&self) -> Vec<Offer> {
        let line = self.line().trim_start();
        let words: Vec<&str> = line.split_whitespace().collect();
        let names = |wanted: fn(&Symbol) -> bool| self.names(wanted);
        match words[..] {
            [] => self.beginning(),
            ["expect"] => expectations(),
            ["expect", code, ..] if words.contains(&"on") => self.names(|symbol| may_be_on(code, symbol)),
            ["expect", code] if EXPECTABLE.contains(&code) => {
                has_names(code).then(|| keyword("on")).into_iter().collect()
            }
            ["catch", ..] => errors(),
            ["const" | "struct" | "task" | "fn" | "let"] => Vec::new(),
            [.., "spawn"] => {
                let mut found = self.tasks();
                found.extend(["process", "thread", "daemon"].map(keyword));
                found
            }
            [.., "spawn", "process" | "thread"] | [.., "daemon"] => self.tasks(),
            [.., "submit"] => self.tasks(),
            [.., "to"] if words.contains(&"submit") => names(|s| s.kind == Some("pool")),
            [.., "join"] => {
                let mut found = names(|s| is_handle(s) || s.kind == Some("pool"));
                found.push(keyword("all"));
                found
            }
            ["terminate" | "kill"] => {
                let mut found = names(|s| is_handle(s) && s.what != What::Object);
                found.extend(words.contains(&"kill").then(|| keyword("self")));
                found
            }
            ["with"] => names(can_be_taken),
            [kind, ..] if !line.contains('=') && is_kind(kind) => self.declaration(&words),
            _ => self.expression(line),
        }
    }

    fn beginning(&self) -> Vec<Offer> {
        let mut found = self.expression_names();
        let begins = reserved().into_iter().filter(|w| !NO_BEGINNING.contains(w));
        found.extend(begins.map(keyword));
        let before = self.document.text[..self.start].trim_end();
        if before.ends_with('}') {
            found.extend(["else", "catch"].map(keyword));
        }
        if self.in_select() {
            found.extend(["after", "else"].map(keyword));
        }
        for kind in kinds() {
            found.push(documented(item(kind, Item::CLASS, "declaration"), reference::kind(kind).map(|k| k.text)));
        }
        found
    }

    /// Whether the innermost open brace is that of a `select`.
    fn in_select(&self) -> bool {
        let before = &self.document.text[..self.start];
        let mut depth = 0;
        for (at, c) in before.char_indices().rev() {
            match c {
                '}' => depth += 1,
                '{' if depth == 0 => return before[..at].trim_end().ends_with("select"),
                '{' => depth -= 1,
                _ => {}
            }
        }
        false
    }

    /// After `lock m`: the options of the kind, and in parentheses names.
    fn declaration(&self, words: &[&str]) -> Vec<Offer> {
        let line = self.line();
        if line.matches('(').count() > line.matches(')').count() {
            return self.expression_names();
        }
        let Some(spec) = KINDS.iter().find(|k| k.word == words[0]) else { return Vec::new() };
        // A name is to be found first; nobody can complete it.
        if words.len() < 2 {
            return Vec::new();
        }
        spec.options.iter().map(|o| item(o, Item::KEYWORD, "option")).collect()
    }

    fn expression(&self, line: &str) -> Vec<Offer> {
        let mut found = self.parameters(line);
        found.extend(self.expression_names());
        found.extend(IN_EXPRESSION.map(keyword));
        for kind in kinds().into_iter().filter(|k| Memory::from_word(k).is_none()) {
            found.push(self.call(kind, Item::CLASS, "a new object", false));
        }
        found
    }

    /// Inside the parentheses of a method: its parameters by name.
    fn parameters(&self, line: &str) -> Vec<Offer> {
        let Some(open) = unclosed(line) else { return Vec::new() };
        let at = self.start - line.len() + open;
        let Some((name, span)) = self.document.word(at) else { return Vec::new() };
        let kind = self.document.receiver(span.start as usize).and_then(|r| member::kind_of(self.document, &r));
        let spec = KINDS.iter().find(|k| Some(k.word) == kind);
        let Some(method) = spec.and_then(|s| s.methods.get(usize::from(s.method(name)?))) else { return Vec::new() };
        let named = method.params.iter().filter(|p| p.default.is_some());
        named.map(|p| item(&format!("{}: ", p.name), Item::PROPERTY, &parameter(p))).collect()
    }

    // ------------------------------------------------------------------ names

    fn names(&self, wanted: impl Fn(&Symbol) -> bool) -> Vec<Offer> {
        let mut seen: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        for symbol in self.document.known().names.visible(self.start as u32) {
            if wanted(symbol) && !seen.contains(&symbol.name.as_str()) {
                seen.push(&symbol.name);
                found.push(self.name(symbol));
            }
        }
        found
    }

    fn name(&self, symbol: &Symbol) -> Offer {
        let kind = match symbol.what {
            What::Const => Item::CONSTANT,
            What::Struct => Item::STRUCT,
            What::Task | What::Fn => Item::FUNCTION,
            What::Field => Item::FIELD,
            What::Memory | What::Object | What::Parameter | What::Local => Item::VARIABLE,
        };
        let what = match symbol.what {
            What::Const => "const",
            What::Struct => "struct",
            What::Task => "task",
            What::Fn => "fn",
            What::Field => "field",
            What::Parameter => "parameter",
            What::Local => "local",
            What::Memory | What::Object => "",
        };
        let detail = [what, symbol.kind.unwrap_or("")].into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>();
        item(&symbol.name, kind, &detail.join(", "))
    }

    fn tasks(&self) -> Vec<Offer> {
        let may_be_one = |s: &Symbol| matches!(s.what, What::Local | What::Parameter) && s.holds == Holding::Unknown;
        self.names(|s| matches!(s.what, What::Task | What::Fn) || may_be_one(s))
    }

    fn expression_names(&self) -> Vec<Offer> {
        let mut found = self.names(|_| true);
        for name in BUILTINS {
            let text = reference::word(name).into_iter().map(|e| e.text).next();
            found.push(documented(self.call(name, Item::FUNCTION, "built in", name != "fork"), text));
        }
        found
    }
}

/// Of a row or a list each element is one.
fn element(holding: &Holding) -> &Holding {
    match holding {
        Holding::List(of) => of,
        one => one,
    }
}

fn is_variable(symbol: &Symbol) -> bool {
    matches!(symbol.what, What::Local | What::Parameter | What::Memory | What::Object)
}

/// A task's handle, or several.
fn is_handle(symbol: &Symbol) -> bool {
    is_variable(symbol) && matches!(element(&symbol.holds), Holding::Object("task") | Holding::Unknown)
}

/// What `with` takes; of a record one of its fields.
fn can_be_taken(symbol: &Symbol) -> bool {
    let takes = |word: &str| KINDS.iter().any(|k| k.word == word && !k.with.is_empty());
    is_variable(symbol)
        && match element(&symbol.holds) {
            Holding::Object(word) => takes(word),
            Holding::Record(_) | Holding::Unknown => true,
            _ => false,
        }
}

fn keyword(word: &str) -> Offer {
    let rows: Vec<String> =
        reference::word(word).into_iter().map(|e| format!("`{}`: {}", e.codes.join("`, `"), e.text)).collect();
    documented(item(word, Item::KEYWORD, ""), Some(rows.join("\n\n")))
}

fn is_kind(word: &str) -> bool {
    kinds().contains(&word)
}

fn kinds() -> Vec<&'static str> {
    let memory = [Memory::Var, Memory::Shared, Memory::Atomic].map(Memory::word);
    memory.into_iter().chain(KINDS.iter().filter(|k| !k.internal).map(|k| k.word)).collect()
}

fn with_words(spec: &KindSpec) -> Vec<Offer> {
    spec.with.iter().filter(|w| !w.word.is_empty()).map(|w| item(w.word, Item::KEYWORD, "with")).collect()
}

fn errors() -> Vec<Offer> {
    let kinds = ErrorKind::ALL.into_iter().map(ErrorKind::word);
    let of = |word: &str| documented(item(word, Item::ENUM_MEMBER, "error"), reference::error(word).map(|e| e.text));
    kinds.map(of).chain(["any", "as"].map(keyword)).collect()
}

fn expectations() -> Vec<Offer> {
    let codes = explain::codes().into_iter().filter(|(code, _)| EXPECTABLE.contains(code));
    codes.map(|(code, line)| item(code, Item::ENUM_MEMBER, line)).chain(["some", "every"].map(keyword)).collect()
}

fn parameter(p: &Param) -> String {
    use crate::program::kind::Default;
    match p.default {
        None => p.name.to_string(),
        Some(Default::None) => format!("{}: none", p.name),
        Some(Default::Bool(b)) => format!("{}: {b}", p.name),
        Some(Default::Int(i)) => format!("{} = {i}", p.name),
    }
}

/// The last `(` that is not closed.
fn unclosed(line: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in line.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' if depth == 0 => return Some(at),
            '(' => depth -= 1,
            _ => {}
        }
    }
    None
}
