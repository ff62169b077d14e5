//! What a step of the model says of itself, with the objects that it speaks of: which of
//! several of one name each is, is known only where all are known that there are. It owns
//! the marks that stand for that until then, and the naming of what stands in a state.

use super::model::Model;
use super::moves::{Move, object_name};
use super::part::{Born, Key, Part, PartIx};
use super::store::Row;
use crate::detect::names::{Made, Objects, Thing};
use crate::objects::{TaskId, place};
use crate::program::value::{Names, ObjRef, Shown, Value, brief};
use std::ops::Deref;

/// Around a mark in a text that is being made: no characters at all, by Unicode.
const OPENS: char = '\u{fdd0}';
const CLOSES: char = '\u{fdd1}';

/// A text, and where in it a thing has just been named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Said {
    text: String,
    things: Vec<(usize, Thing)>,
}

impl Said {
    /// Of a text with marks. One that was cut off is none.
    pub fn new(marked: &str) -> Said {
        let mut said = Said::default();
        let mut parts = marked.split(OPENS);
        said.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
            let (mark, rest) = part.split_at(part.len() - digits.len());
            if let (Some(thing), true) = (thing_of(mark), rest.starts_with(CLOSES)) {
                said.things.push((said.text.len(), thing));
            }
            said.text.push_str(rest.strip_prefix(CLOSES).unwrap_or(rest));
        }
        said
    }

    /// With names that tell all things apart.
    pub fn told(&self, names: &Objects) -> String {
        let mut told = String::new();
        let mut from = 0;
        for (at, thing) in &self.things {
            told.push_str(&self.text[from..*at]);
            told.push_str(&names.number(*thing));
            from = *at;
        }
        told.push_str(&self.text[from..]);
        told
    }
}

impl Deref for Said {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

/// What stands behind the name of a thing until it is told which one it is.
pub fn mark(thing: Thing) -> String {
    match thing {
        Thing::Object(id) => format!("{OPENS}o{id}{CLOSES}"),
        Thing::Places(record) => format!("{OPENS}p{record}{CLOSES}"),
    }
}

fn thing_of(mark: &str) -> Option<Thing> {
    let id = |text: &str| text.parse().ok();
    match mark.split_at_checked(1)? {
        ("o", rest) => id(rest).map(Thing::Object),
        ("p", rest) => id(rest).map(Thing::Places),
        _ => None,
    }
}

/// The thing by which a place in memory is told from others of its name.
pub fn thing_at(key: Key) -> Option<Thing> {
    match key {
        Key::Field { record, .. } | Key::VarField { record, .. } => Some(Thing::Places(record)),
        Key::Object(id) => Some(Thing::Object(id)),
        _ => None,
    }
}

/// What tells the things of a state apart. `task_name`: what its tasks are called there.
pub fn names(model: &Model, row: &Row, main: TaskId, task_name: impl Fn(TaskId) -> Option<String>) -> Objects {
    let (space, program) = (&model.space, model.program);
    if program.news.is_empty() && program.records.is_empty() {
        return Objects::default();
    }
    let mut all = Vec::new();
    for (ix, part) in row.parts().iter().enumerate().filter(|p| *p.1 != 0) {
        let Key::Object(id) = space.key(ix as PartIx) else { continue };
        if (id as usize) < program.objects.len() {
            continue;
        }
        let part = space.part(*part);
        let Part::Object(object) = &*part else { continue };
        if object.kind == place::task {
            continue;
        }
        let maker = space.maker(id).filter(|maker| *maker != main);
        let name = object_name(program, id, Some(object), |_| None);
        all.push(Made { thing: Thing::Object(id), name, maker });
        if let Born::Record(site) = object.born {
            let structure = program.records[site as usize].structure;
            let name = program.structs[structure as usize].name.clone();
            all.push(Made { thing: Thing::Places(id), name: format!("{name}."), maker });
        }
    }
    Objects::new(all, task_name)
}

impl Move<'_> {
    /// As `shown`, in what a step says of itself.
    pub fn marked(&self, value: &Value) -> String {
        brief(Shown { value, names: &Marked(self), quoted: true })
    }

    /// As `object_name`, in the same.
    pub fn marked_name(&self, id: u32) -> String {
        let is_made = |o: &super::part::ObjectPart| !matches!(o.born, Born::Declared | Born::Task);
        let mark = self.object(id, is_made).unwrap_or(false).then(|| mark(Thing::Object(id)));
        self.object_name(id) + &mark.unwrap_or_default()
    }
}

struct Marked<'m, 'a>(&'m Move<'a>);

impl Names for Marked<'_, '_> {
    fn object(&self, object: ObjRef) -> String {
        self.0.marked_name(object.id)
    }
    fn function(&self, function: u32) -> String {
        self.0.function(function)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_for_the_number_that_is_known_later() {
        let made = |id| Made { thing: Thing::Object(id), name: "A.mu", maker: None };
        let names = Objects::new([made(4), made(7)], |_| None);
        let said = Said::new(&format!("acquire A.mu{}, x{}", mark(Thing::Object(7)), mark(Thing::Object(4))));
        assert_eq!(&*said, "acquire A.mu, x");
        assert_eq!(said.told(&names), "acquire A.mu (2), x");
        let cut = format!("acquire A.mu{OPENS}o7…");
        assert_eq!(&*Said::new(&cut), "acquire A.mu…");
        assert_eq!(Said::new(&cut).told(&names), "acquire A.mu…");
    }
}
