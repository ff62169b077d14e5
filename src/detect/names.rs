//! Names that tell tasks apart in reports and outcomes: several that one `spawn`
//! made one by one, in a loop, share theirs. So do the locks of several records within
//! one finding. It owns which of them gets a number; what a task calls itself stays as
//! it was, and so does what a finding is `on`.

use std::collections::{BTreeMap, BTreeSet, HashSet};

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
fn by_number(name: &str) -> (&str, u64) {
    let split = name.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    split.and_then(|(name, number)| Some((name, number.parse().ok()?))).unwrap_or((name, 0))
}

/// The objects of one finding, by names that tell them apart: of several of one name the
/// one that was made first keeps it, the others become `Account.mu (2)`.
pub struct Objects(BTreeMap<u32, String>);

impl Objects {
    pub fn new(ids: impl IntoIterator<Item = u32>, name: impl Fn(u32) -> String) -> Objects {
        let ids: BTreeSet<u32> = ids.into_iter().collect();
        let mut before: BTreeMap<String, usize> = BTreeMap::new();
        let of = |id: u32| {
            let name = name(id);
            let count = before.entry(name.clone()).or_default();
            *count += 1;
            (id, if *count == 1 { name } else { format!("{name} ({count})") })
        };
        Objects(ids.into_iter().map(of).collect())
    }

    /// What an object is called that is one of them.
    pub fn of(&self, id: u32) -> String {
        self.0.get(&id).cloned().unwrap_or_default()
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

    #[test]
    fn objects_of_one_name_are_told_apart_within_a_finding() {
        let name = |id: u32| if id == 4 { "m" } else { "Acc.mu" }.to_string();
        let all = Objects::new([9, 4, 7, 9], name);
        assert_eq!([4, 7, 9].map(|id| all.of(id)), ["m", "Acc.mu", "Acc.mu (2)"]);
        assert_eq!(Objects::new([9, 9], name).of(9), "Acc.mu");
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
