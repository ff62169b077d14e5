//! A schedule: whose turn it is, step by step, in the finest division, and
//! which way it takes where there is a choice. It owns the short text form;
//! following a schedule is `follow`'s, on real threads the run's.
//!
//! `0x3.1x2.0e.2:1@7c1e`: three turns of `main`, two of the first task made,
//! the end of `main` from outside (its process ends, or it is stopped), a turn
//! of the second one that takes the second way; the script's hash. Tasks are
//! numbered in the order in which they are made.

use std::fmt;

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Turn {
    pub task: u32,
    /// It is ended from outside.
    pub ended: bool,
    /// Which way at each choice in the turn; ways are counted from zero.
    pub ways: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Schedule {
    pub turns: Vec<Turn>,
    /// Of the script it was made for, with what its constants were given, shortened; none if
    /// it was left out.
    pub hash: Option<u16>,
}

/// So many turns at the most are read from text.
const TURNS_MAX: usize = 10_000_000;

/// A short hash of a script: of its text, and of what its constants are given, each with its
/// name, in the order of the names.
pub fn short_hash(text: &str, given: &[(String, String)]) -> u16 {
    // A byte 0 parts what hardly ever has one.
    let given = given.iter().flat_map(|(name, value)| ["\0", name, "=", value]).flat_map(str::bytes);
    let h = crate::lang::hash::of(text.bytes().chain(given));
    (h ^ (h >> 16) ^ (h >> 32) ^ (h >> 48)) as u16
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        while at < self.turns.len() {
            let turn = &self.turns[at];
            let plain = |t: &Turn| !t.ended && t.ways.is_empty();
            let same = self.turns[at..].iter().take_while(|t| plain(t) && t.task == turn.task).count();
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{}", turn.task)?;
            if same > 1 {
                write!(f, "x{same}")?;
                at += same;
                continue;
            }
            if turn.ended {
                f.write_str("e")?;
            }
            for way in &turn.ways {
                write!(f, ":{way}")?;
            }
            at += 1;
        }
        match self.hash {
            Some(hash) => write!(f, "@{hash:04x}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Schedule, String> {
        let (turns, hash) = match text.trim().split_once('@') {
            None => (text.trim(), None),
            Some((turns, hash)) => {
                let hash = u16::from_str_radix(hash, 16).map_err(|_| format!("`@{hash}` is no hash of a script"))?;
                (turns, Some(hash))
            }
        };
        let mut schedule = Schedule { turns: Vec::new(), hash };
        for item in turns.split('.').filter(|_| !turns.is_empty()) {
            schedule.item(item)?;
        }
        Ok(schedule)
    }
}

impl Schedule {
    fn item(&mut self, item: &str) -> Result<(), String> {
        let wrong = || format!("`{item}` is no turn; turns are written `1`, `1x3`, `1e` or `1:0`");
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        if let Some((task, count)) = item.split_once('x') {
            let (task, count) = (number(task)?, number(count)? as usize);
            if count == 0 {
                return Err(wrong());
            }
            if self.turns.len() + count > TURNS_MAX {
                return Err(format!("a schedule has at most {TURNS_MAX} turns"));
            }
            self.turns.extend((0..count).map(|_| Turn { task, ended: false, ways: Vec::new() }));
            return Ok(());
        }
        let mut parts = item.split(':');
        let head = parts.next().unwrap_or("");
        let (task, ended) = match head.strip_suffix('e') {
            Some(task) => (number(task)?, true),
            None => (number(head)?, false),
        };
        let ways = parts.map(number).collect::<Result<Vec<u32>, String>>()?;
        self.turns.push(Turn { task, ended, ways });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_form() {
        let text = "0x3.1x2.0e.2:1.2:0:3@7c1e";
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(schedule.turns.len(), 8);
        assert_eq!(schedule.to_string(), text);
        assert!("".parse::<Schedule>().unwrap().turns.is_empty());
        for wrong in ["x", "1y", "1x", "0x3..1", "1@zz", "-1", "1:a", "1x99999999999"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_hash_is_of_the_text_and_of_what_is_given() {
        let given = |given: &[(&str, &str)]| -> Vec<(String, String)> {
            given.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        // As docs and scripts have it by now.
        assert_eq!(short_hash("print 1\n", &[]), 0x61f2);
        let all = [&[][..], &[("A", "1")], &[("A", "2")], &[("B", "1")], &[("A", "1"), ("B", "1")], &[("A", "1B=1")]];
        let mut hashes: Vec<u16> = all.iter().map(|g| short_hash("print 1\n", &given(g))).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all.len());
    }

    proptest! {
        #[test]
        fn text_and_back(turns in prop::collection::vec((0u32..5, any::<bool>(), prop::collection::vec(0u32..4, 0..3)), 0..40), hash in any::<Option<u16>>()) {
            let turns = turns.into_iter().map(|(task, ended, ways)| Turn { task, ended, ways }).collect();
            let schedule = Schedule { turns, hash };
            prop_assert_eq!(schedule.to_string().parse::<Schedule>().unwrap(), schedule);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9x.:e@a-f]{0,40}") {
            let _ = text.parse::<Schedule>();
        }
    }
}
