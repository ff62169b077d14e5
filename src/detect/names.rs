//! Names that tell tasks apart in reports and outcomes: several that one `spawn`
//! made one by one, in a loop, share theirs. So do the objects of several records, and those
//! that are made at one place. It owns which of them gets a number; what a task calls itself stays as
//! it was, and so does what a finding is `on`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

/// A task that has a name.
pub struct Named {
    /// Higher than its spawner's, and than those of the tasks that the same
    /// statement of the same spawner made before.
    pub id: u32,
    pub name: String,
    pub spawner: Option<u32>,
    /// The statement that made it.
    pub site: u32,
    /// How many the statement had made before, if that is known: some may be gone.
    pub before: Option<u32>,
}

/// A name for each, in their order: the first of several keeps its own, the
/// others become `worker (2)`, `worker (3)`. Which is the first does not depend
/// on whose step came first: spawners go before what they spawn, and then by
/// their own names, by the statement, and by how many it had made.
pub fn distinct(tasks: &[Named]) -> Vec<String> {
    let own: HashSet<&str> = tasks.iter().map(|t| t.name.as_str()).collect();
    if own.len() == tasks.len() {
        return tasks.iter().map(|t| t.name.clone()).collect();
    }
    let places: BTreeMap<u32, usize> = tasks.iter().enumerate().map(|(at, t)| (t.id, at)).collect();
    let above = |at: usize| tasks[at].spawner.and_then(|s| places.get(&s).copied()).filter(|s| *s != at);
    let mut depths = vec![0; tasks.len()];
    for at in places.values() {
        depths[*at] = above(*at).map_or(0, |s| depths[s] + 1);
    }
    // Tasks that each spawn the next one are as many levels as tasks.
    let mut levels: Vec<Vec<usize>> = vec![Vec::new(); depths.iter().map(|d| d + 1).max().unwrap_or(0)];
    depths.iter().enumerate().for_each(|(at, depth)| levels[*depth].push(at));
    let mut given = vec![String::new(); tasks.len()];
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    // Of each statement, how many were named, and how many before them are gone.
    let mut named: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for mut level in levels {
        level.sort_by_key(|at| {
            let spawner = above(*at).map_or("", |s| given[s].as_str());
            let (name, number) = by_number(spawner);
            (name.to_string(), number, tasks[*at].site, tasks[*at].id)
        });
        for at in level {
            let name = tasks[at].name.as_str();
            let count = taken.entry(name).or_default();
            if let Some(before) = tasks[at].before {
                let (there, gone) = named.entry(tasks[at].site).or_default();
                let more = (before as usize).saturating_sub(*there + *gone);
                (*there, *gone, *count) = (*there + 1, *gone + more, *count + more);
            }
            given[at] = loop {
                *count += 1;
                let numbered = format!("{name} ({count})");
                match *count {
                    1 => break name.to_string(),
                    _ if own.contains(numbered.as_str()) => {}
                    _ => break numbered,
                }
            };
        }
    }
    given
}

/// What `finally` is called beside tasks of these names: one of them may call itself so.
pub fn of_finally(tasks: &[String]) -> String {
    let free = |name: &String| !tasks.contains(name);
    let numbered = (2..).map(|n| format!("finally ({n})"));
    std::iter::once("finally".to_string()).chain(numbered).find(free).unwrap_or_default()
}

/// A name and the number behind it: the second comes before the tenth.
pub fn by_number(name: &str) -> (&str, u64) {
    let split = name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    split.and_then(|(name, number)| Some((name, number.parse().ok()?))).unwrap_or((name, 0))
}

/// What is told from others of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    Object(u32),
    /// The places in memory that a record's fields are.
    Places(u32),
}

/// A thing that was made on the way, and not declared.
pub struct Made<K> {
    pub thing: Thing,
    /// Those of which this is the same have one name.
    pub name: K,
    /// None: `main`.
    pub maker: Option<u32>,
}

/// The things of one execution, by names that tell them apart: of several of one name the
/// first keeps it, the others become `Account.mu (2)`. Those that `main` made come first, then
/// those of the others by what these are called; of one maker's the one that it made first. So
/// who was faster does not matter. Whoever asks gets the same name for a thing: what is told of
/// an execution is told among all things that there are, not of those that one sentence is about.
#[derive(Clone, Debug, Default)]
pub struct Objects(HashMap<Thing, usize>);

impl Objects {
    /// `maker_name`: what a maker is called, to be told from all others. Of one maker what was
    /// made earlier has the lower number.
    pub fn new<K: Eq + Hash>(
        all: impl IntoIterator<Item = Made<K>>,
        maker_name: impl Fn(u32) -> Option<String>,
    ) -> Objects {
        let mut alike: HashMap<K, Vec<(Thing, Option<u32>)>> = HashMap::new();
        for made in all {
            alike.entry(made.name).or_default().push((made.thing, made.maker));
        }
        let mut makers: HashMap<u32, (String, u64)> = HashMap::new();
        let mut numbers = HashMap::new();
        for mut some in alike.into_values().filter(|some| some.len() > 1) {
            for maker in some.iter().filter_map(|made| made.1) {
                makers.entry(maker).or_insert_with(|| {
                    let name = maker_name(maker).unwrap_or_default();
                    let (name, number) = by_number(&name);
                    (name.to_string(), number)
                });
            }
            some.sort_by_key(|(thing, maker)| (maker.and_then(|m| makers.get(&m)), *thing));
            numbers.extend(some.into_iter().enumerate().skip(1).map(|(at, (thing, _))| (thing, at + 1)));
        }
        Objects(numbers)
    }

    /// What a thing is called that has this name.
    pub fn of(&self, thing: Thing, name: String) -> String {
        name + &self.number(thing)
    }

    /// What stands behind its name: nothing, if it is the first of it.
    pub fn number(&self, thing: Thing) -> String {
        self.0.get(&thing).map_or(String::new(), |number| format!(" ({number})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(all: &[(u32, &str, Option<u32>, u32)]) -> Vec<String> {
        let one = |(id, name, spawner, site): &(u32, &str, Option<u32>, u32)| Named {
            id: *id,
            name: name.to_string(),
            spawner: *spawner,
            site: *site,
            before: None,
        };
        distinct(&all.iter().map(one).collect::<Vec<_>>())
    }

    /// Whoever was faster, and whichever of them one asks for.
    #[test]
    fn objects_of_one_name_are_told_apart() {
        let made = |all: &[(u32, &'static str, Option<u32>)]| {
            let all =
                all.iter().map(|(id, name, maker)| Made { thing: Thing::Object(*id), name: *name, maker: *maker });
            Objects::new(all.collect::<Vec<_>>(), |maker| Some(format!("w ({maker})")))
        };
        let named = |names: &Objects, id| names.of(Thing::Object(id), "x".to_string());
        let all = made(&[(9, "x", None), (4, "m", None), (7, "x", None)]);
        assert_eq!([4, 7, 9].map(|id| named(&all, id)), ["x", "x", "x (2)"]);
        let raced = made(&[(5, "x", Some(10)), (6, "x", Some(2)), (7, "x", None), (8, "x", Some(2))]);
        assert_eq!([5, 6, 7, 8].map(|id| named(&raced, id)), ["x (4)", "x (2)", "x", "x (3)"]);
    }

    #[test]
    fn different_names_stay() {
        assert_eq!(named(&[(7, "main", None, 0), (8, "worker#0", Some(7), 3)]), ["main", "worker#0"]);
        assert!(named(&[]).is_empty());
    }

    #[test]
    fn those_of_one_statement_in_their_order() {
        let all = [(0, "main", None, 0), (1, "w", Some(0), 3), (2, "w", Some(0), 3), (3, "w", Some(0), 3)];
        assert_eq!(named(&all), ["main", "w", "w (2)", "w (3)"]);
    }

    #[test]
    fn a_name_that_somebody_has_is_left_out() {
        let all = [(0, "main", None, 0), (1, "w", Some(0), 3), (2, "w", Some(0), 3), (3, "w (2)", Some(0), 4)];
        assert_eq!(named(&all), ["main", "w", "w (3)", "w (2)"]);
    }

    /// By the order of their makers, the tenth of which is no second.
    #[test]
    fn makers_are_in_the_order_of_their_numbers() {
        let makers = (1..=12).map(|id| (id, "w", Some(0), 3));
        let made = (13..=24).map(|id| (id, "c", Some(id - 12), 4));
        let all: Vec<_> = [(0, "main", None, 0)].into_iter().chain(makers).chain(made).collect();
        let last: Vec<String> = (2..=12).map(|n| format!("c ({n})")).collect();
        assert_eq!(named(&all)[14..], last);
    }

    /// Who is gone is counted.
    #[test]
    fn the_number_of_a_name_says_how_many_there_were() {
        let worker =
            |id: u32, before: u32| Named { id, name: "w".to_string(), spawner: Some(0), site: 3, before: Some(before) };
        let all = [worker(1, 0), worker(2, 1), worker(7, 6), worker(9, 7), worker(12, 11)];
        assert_eq!(distinct(&all), ["w", "w (2)", "w (7)", "w (8)", "w (12)"]);
    }

    /// Each spawned by the one before: it would take minutes if each level were looked
    /// for among all.
    #[test]
    fn a_long_chain() {
        let chain = |n: u32| (n, "t", n.checked_sub(1), 3);
        let names = named(&(0..100_000).map(chain).collect::<Vec<_>>());
        assert_eq!(names.last().map(String::as_str), Some("t (100000)"));
    }

    /// Two spawners and two statements, in whatever order they were first.
    #[test]
    fn the_order_of_steps_is_no_matter() {
        let main = (0, "main", None, 0);
        let (left, right) = ((1, "left", Some(0), 1), (2, "right", Some(0), 2));
        let first = named(&[main, left, right, (3, "w", Some(1), 5), (4, "w", Some(2), 4), (5, "w", Some(2), 3)]);
        let other = named(&[main, left, right, (3, "w", Some(2), 3), (4, "w", Some(2), 4), (5, "w", Some(1), 5)]);
        assert_eq!(first[3..], ["w", "w (3)", "w (2)"]);
        assert_eq!(other[3..], ["w (2)", "w (3)", "w"]);
    }
}
