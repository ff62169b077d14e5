//! What the names behind `on` of an `expect` line stand for: each is one of the
//! script, and of a sort that a finding of the line's code can be on. Otherwise the
//! line could never be met, and nothing in the result would say why. It owns that
//! table; what findings are on is `detect`'s, and what a line takes `detect::expect`'s.

use super::*;

/// What findings of a code are on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Nothing,
    Tasks,
    /// Declared memory, and of records the fields in it.
    Variables,
    /// Declared memory alone.
    Declared,
    /// Objects of these kinds.
    Kinds(&'static [&'static str]),
    Objects,
    /// What tasks wait for: objects, and variables of an `await`.
    Both,
}

impl About {
    fn of(code: &str) -> About {
        match code {
            code if crate::lang::word::NAMELESS.contains(&code) => About::Nothing,
            "unjoined" => About::Tasks,
            "race" => About::Variables,
            "invariant" => About::Declared,
            "left-in-queue" => About::Kinds(&["queue"]),
            "dropped-jobs" => About::Kinds(&["pool"]),
            "lock-order" => About::Kinds(&["lock", "rwlock"]),
            "error" => About::Objects,
            _ => About::Both,
        }
    }

    /// Whether reports can call something so that this stands for. An object that is made
    /// while running is called as what it is first kept in, whatever that is declared as.
    fn takes(self, symbol: &Symbol) -> bool {
        let is_memory = |kind: &&str| Memory::from_word(kind).is_some();
        let is_object = |fits: &dyn Fn(&str) -> bool| match (symbol.what, &symbol.holds) {
            (What::Object | What::Field, _) => symbol.kind.is_none_or(|kind| !is_memory(&kind) && fits(kind)),
            (
                What::Memory | What::Local | What::Parameter,
                Holding::Unknown | Holding::Record(_) | Holding::List(_),
            ) => true,
            (What::Memory | What::Local | What::Parameter, Holding::Object(kind)) => *kind != "task" && fits(kind),
            _ => false,
        };
        match self {
            About::Nothing => false,
            About::Tasks => symbol.what == What::Task,
            About::Declared => symbol.what == What::Memory,
            About::Variables => match symbol.what {
                What::Memory => true,
                What::Field => symbol.kind.as_ref().is_none_or(is_memory),
                _ => false,
            },
            About::Kinds(kinds) => is_object(&|kind| kinds.contains(&kind)),
            About::Objects => is_object(&|_| true),
            About::Both => symbol.what == What::Memory || symbol.what == What::Field || is_object(&|_| true),
        }
    }

    /// What to write for a name that it does not take.
    fn help(self, code: &str) -> String {
        let alone = format!("or write `expect {code}` alone");
        match self {
            About::Nothing => format!("write `expect {code}` alone"),
            About::Tasks => format!("name the task whose result nobody collects, {alone}"),
            About::Variables => format!("name a variable or a field, {alone}"),
            About::Declared => format!("name a variable that the `invariant` looks at, {alone}"),
            About::Kinds(kinds) => format!("name {}, {alone}", a(kinds[0])),
            About::Objects => format!("name the object whose operation failed, {alone}"),
            About::Both => format!("name an object or a variable that tasks wait for, {alone}"),
        }
    }
}

/// Whether findings of this code are on anything.
pub fn has_names(code: &str) -> bool {
    About::of(code) != About::Nothing
}

/// Whether a finding of this code may be on what a name stands for.
pub fn may_be_on(code: &str, symbol: &Symbol) -> bool {
    About::of(code).takes(symbol)
}

/// What a name stands for, with its article.
fn described(symbol: &Symbol) -> String {
    match (symbol.what, &symbol.holds, symbol.kind) {
        (What::Const, ..) => "a constant".into(),
        (What::Struct, ..) => "a struct".into(),
        (What::Task, ..) => "a task".into(),
        (What::Fn, ..) => "a function".into(),
        (_, Holding::Object("task"), _) => "the handle of a task".into(),
        (What::Memory, ..) => "a variable".into(),
        (_, _, Some(kind)) if Memory::from_word(kind).is_some() => "a field in memory".into(),
        (_, _, Some(kind)) => a(kind),
        _ => "a value".into(),
    }
}

impl Compiler<'_> {
    /// Asked when all names are known.
    pub(super) fn check_expected_names(&mut self, script: &Script) {
        for item in &script.items {
            let Item::Expect(ast::Expect::Code { code, on, .. }) = item else { continue };
            // These have been told of.
            if code.text != "ok" && EXPECTABLE.contains(&code.text.as_str()) {
                on.iter().for_each(|place| self.check_expected_name(&code.text, place));
            }
        }
    }

    fn check_expected_name(&mut self, code: &str, place: &Expr) {
        let (name, span, of) = match &place.kind {
            ExprKind::Name(name) => (name, place.span, None),
            ExprKind::Index { object, .. } => return self.check_expected_name(code, object),
            ExprKind::Field { object, field } => (&field.text, field.span, Some(&**object)),
            _ => return,
        };
        let about = About::of(code);
        if about == About::Nothing {
            let error = ScriptError::new(place.span, format!("`{code}` is on nothing that has a name"));
            self.error(error.label("never met").help(about.help(code)));
            return;
        }
        if of.is_some_and(|object| !self.is_expected_struct(object, name)) || !self.is_expected_known(name, span) {
            return;
        }
        let mut meant = self.names.symbols().iter().filter(|symbol| symbol.name == *name).peekable();
        let Some(first) = meant.peek().copied() else { return };
        if meant.any(|symbol| about.takes(symbol)) {
            return;
        }
        let help = match (first.what, self.field_of(name)) {
            (What::Struct, Some(field)) if about != About::Tasks => format!("name a field of it, as `{name}.{field}`"),
            _ => about.help(code),
        };
        let error = ScriptError::new(span, format!("`{code}` is never on {}", described(first)));
        self.error(error.label("never met").help(help));
    }

    /// Whether a name is one of the script; if not it is told.
    fn is_expected_known(&mut self, name: &str, span: Span) -> bool {
        let names = self.names.symbols().iter().map(|symbol| symbol.name.as_str());
        if names.clone().any(|known| known == name) {
            return true;
        }
        if !self.is_beyond(span) {
            let error = ScriptError::new(span, format!("`{name}` is not defined")).label("not defined").unknown();
            let error = match nearest(name, names) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help("`on` takes the names of objects, variables and fields of the script"),
            };
            self.error(error);
        }
        false
    }

    /// Whether what stands before a field is a struct, as reports have it: a record is
    /// nowhere called by a name of its own. If not it is told.
    fn is_expected_struct(&mut self, object: &Expr, field: &str) -> bool {
        let ExprKind::Name(name) = &object.kind else { return true };
        if !self.is_expected_known(name, object.span) {
            return false;
        }
        let is_struct = |symbol: &Symbol| symbol.name == *name && symbol.what == What::Struct;
        if self.names.symbols().iter().any(is_struct) {
            return true;
        }
        let has_it = |s: &&crate::program::code::Struct| s.fields.iter().any(|f| f.name == field);
        let named = match self.program.structs.iter().find(has_it) {
            Some(owner) => format!("write `{field}` or `{}.{field}`", owner.name),
            None => format!("write `{field}`"),
        };
        let error =
            ScriptError::new(object.span, format!("`{name}` is no struct, and findings are on fields of structs"));
        self.error(error.label("never met").help(named));
        false
    }

    fn field_of(&self, structure: &str) -> Option<String> {
        let found = self.program.structs.iter().find(|s| s.name == structure)?;
        found.fields.first().map(|f| f.name.clone())
    }
}
