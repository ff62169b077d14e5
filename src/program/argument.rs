//! The arguments of objects and of their methods: which parameter each is for, and what is
//! wrong with those that are for none.

use super::*;
use crate::program::kind::Param;

/// What takes arguments, by its kind: what makes an object of it, or a method.
#[derive(Clone, Copy)]
pub(super) enum Taker {
    Maker(u8),
    Method(u8, u8),
}

impl Compiler<'_> {
    /// Arguments as they are written.
    pub(super) fn written(&self, args: &[ast::Arg]) -> String {
        let text = |arg: &ast::Arg| match &arg.name {
            Some(name) => format!("{}: {}", name.text, arg.value.span.text(self.source)),
            None => arg.value.span.text(self.source).to_owned(),
        };
        args.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    /// `q.put(blocking: true, 1)`. Whether it was told; `span` is the call.
    pub(super) fn bare_behind_named(&mut self, args: &[ast::Arg], span: Span) -> bool {
        let behind = args.iter().skip_while(|arg| arg.name.is_none()).find(|arg| arg.name.is_none());
        let Some(behind) = behind else { return false };
        let (named, mut given): (Vec<ast::Arg>, Vec<ast::Arg>) =
            args.iter().cloned().partition(|arg| arg.name.is_some());
        given.extend(named);
        let called = span.text(self.source).split('(').next().unwrap_or("");
        let error = ScriptError::new(behind.value.span, "arguments without a name come first");
        let error = error.help(format!("write `{called}({})`", self.written(&given)));
        self.error(error);
        true
    }

    /// `lock(m)`: how `m` is taken, where it is of the kind that is made so.
    fn taken_by_call(&mut self, given: &Expr, taker: Taker) -> Option<String> {
        let Taker::Maker(made) = taker else { return None };
        let is_taken = self.spec(made).with.iter().any(|way| way.word.is_empty());
        (is_taken && self.kind_of(given) == Some(made))
            .then(|| format!("write `with {} {{ }}`", given.span.text(self.source)))
    }

    /// A method of what is made that takes a time, where something is made.
    fn waits_for_a_time(&self, taker: Taker) -> Option<String> {
        let Taker::Maker(kind) = taker else { return None };
        let spec = self.spec(kind);
        let waits = spec.methods.iter().find(|method| method.params.iter().any(|p| p.name == "timeout"))?;
        Some(format!("{}.{}", spec.word.get(..1)?, waits.name))
    }

    /// For each parameter the place of its argument; errors for the rest.
    pub(super) fn match_args(&mut self, args: &[ast::Arg], taker: Taker, span: Span) -> Option<Vec<Option<usize>>> {
        let (params, what) = match taker {
            Taker::Maker(kind) => (self.spec(kind).params, a(self.spec(kind).word)),
            Taker::Method(kind, method) => {
                let (spec, method) = (self.spec(kind), &self.spec(kind).methods[method as usize]);
                (method.params, format!("`{}` of {}", method.name, a(spec.word)))
            }
        };
        if args.len() <= params.len() && self.bare_behind_named(args, span) {
            return None;
        }
        let mut places = vec![None; params.len()];
        let mut fine = true;
        for (i, arg) in args.iter().enumerate() {
            let place = match &arg.name {
                None => Some(i),
                Some(name) => {
                    let place = params.iter().position(|p| p.name == name.text);
                    if place.is_none() {
                        let mut error = ScriptError::new(name.span, format!("{what} has no parameter `{}`", name.text));
                        let names: Vec<&str> = params.iter().map(|p| p.name).collect();
                        let waits = Some(taker).filter(|_| name.text == "timeout");
                        let waits = waits.and_then(|taker| self.waits_for_a_time(taker));
                        error = match (meant_by(&name.text, params), waits) {
                            (Some(near), _) => error.help(format!("did you mean `{near}`?")),
                            (None, Some(called)) => {
                                error.help(format!("a time is given where it is waited: `{called}(timeout: 1s)`"))
                            }
                            (None, None) if names.is_empty() => error.help("it takes no argument"),
                            (None, None) => match &names[..] {
                                [only] => error.help(format!("its argument is `{only}`, and needs no name")),
                                _ => error.help(format!("it takes {}", names.join(", "))),
                            },
                        };
                        self.error(error);
                        fine = false;
                    }
                    place
                }
            };
            match place {
                Some(p) if p < params.len() && places[p].is_none() => places[p] = Some(i),
                Some(p) if p < params.len() => {
                    let error = ScriptError::new(arg.value.span, format!("`{}` is given twice", params[p].name));
                    self.error(error.help("keep one of them"));
                    fine = false;
                }
                Some(_) => {
                    let error = ScriptError::new(arg.value.span, format!("{what} takes {}", arguments(params.len())))
                        .label("too many");
                    let help = self.taken_by_call(&arg.value, taker).unwrap_or_else(|| parameters(params));
                    self.error(error.help(help));
                    return None;
                }
                None => {}
            }
        }
        for (param, place) in params.iter().zip(&places) {
            if place.is_none() && param.default.is_none() && fine {
                let error =
                    ScriptError::new(span, format!("{what} needs its argument `{}`", param.name)).label("missing");
                let declared = span.text(self.source);
                // `latch l`, `pool p of processes`; a call has parentheses.
                let words: Vec<&str> = declared.split_whitespace().collect();
                let example = match (params, &words[..]) {
                    ([one], [kind, name, options @ ..]) if !declared.contains(['(', '\n']) => {
                        let value = example(one);
                        let options = options.join(" ");
                        let known = self.kinds.iter().flat_map(|kind| kind.options).any(|known| *known == options);
                        let options = if known { format!(" {options}") } else { String::new() };
                        format!("write `{kind} {name}({value}){options}`; ")
                    }
                    _ => String::new(),
                };
                self.error(error.help(example + &parameters(params)));
                fine = false;
            }
        }
        fine.then_some(places)
    }
}

/// The parameter that is meant by a word that may be none of them.
pub(super) fn meant_by(word: &str, params: &[Param]) -> Option<&'static str> {
    let named = |word: &str| params.iter().map(|p| p.name).find(|name| *name == word);
    match word {
        "block" => named("blocking"),
        "size" | "capacity" | "max" => named("maxsize"),
        word => named(word).or_else(|| nearest(word, params.iter().map(|p| p.name))),
    }
}

/// An argument as it may look.
pub(super) fn example(param: &Param) -> &'static str {
    if param.object.is_some() { "m" } else { "3" }
}

/// What a call of these parameters looks like.
fn parameters(params: &[Param]) -> String {
    let one = |p: &Param| match p.default {
        None => p.name.to_owned(),
        Some(default) => format!(
            "{}: {}",
            p.name,
            match default {
                Missing::None => "none".to_owned(),
                Missing::Bool(b) => b.to_string(),
                Missing::Int(i) => i.to_string(),
            }
        ),
    };
    match params {
        [] => "leave the arguments out".to_owned(),
        params => format!("its arguments: {}", params.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}
