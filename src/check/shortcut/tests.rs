//! Of shortcuts: what is found is what was learnt, however much else was and whatever had to
//! make room. That they change nothing in what a check tells, the differential test says.

use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// Shortcuts for so many actors, each of which has four bits of the word, and some room.
fn made(actors: usize, lines: usize) -> Shortcuts {
    let actor = |n: usize| Actor { shift: 4 * n as u32, mask: 0xf, ..Actor::default() };
    Shortcuts {
        packing: 1,
        actors: (0..actors).map(actor).collect(),
        lines: vec![Line([NONE; 2]); lines],
        ..Shortcuts::default()
    }
}

/// What the transition of an actor looks at beside its own place, in some state, and the bits
/// that it changes: the one depends on where it stands, the other on all that it sees.
fn transition(word: u64, actor: usize) -> (u64, u64) {
    let own = word >> (4 * actor) & 0xf;
    let looks = match own % 3 {
        0 => 0,
        1 => 0xff << 32,
        // What it looks at next depends on what it saw first.
        _ => 0x1 << 32 | if word >> 32 & 1 == 0 { 0xf << 36 } else { 0xf << 40 },
    };
    let seen = word & (looks | 0xf << (4 * actor));
    (looks, seen.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ actor as u64)
}

fn learn(shortcuts: &mut Shortcuts, word: u64, actor: usize, states: usize) {
    let (looks, bits) = transition(word, actor);
    let owned = 0xf << (4 * actor);
    let standing = shortcuts.actors[actor].standing(word, false);
    let before = if let Standing::Looks(looks) = standing { *looks } else { owned };
    *standing = Standing::Looks(before | looks);
    let (key, owner) = (word & (before | looks), Owner::new(actor, false));
    let does = Does::Goes { alone: false, rare: false, ends: false };
    shortcuts.insert(Entry { key, bits, leaf: LeafAt::NOWHERE, owner, reach: ReachNumber(0), does }, states);
}

proptest! {
    /// What is found in a state is what the transition does there.
    #[test]
    fn what_is_found_is_what_happens(
        words in prop::collection::vec(0u64..1 << 44, 1..600),
        lines in 0u32..6,
        states in 0usize..400,
    ) {
        let mut shortcuts = made(3, 1 << lines);
        let mut asked = Vec::new();
        for word in words.iter().chain(&words) {
            asked.clear();
            if shortcuts.ask(*word, &mut asked) {
                for one in &asked {
                    if let Some(entry) = shortcuts.find(one) {
                        prop_assert_eq!(entry.bits, transition(*word, usize::from(one.actor)).1);
                    }
                }
            }
            (0..3).for_each(|actor| learn(&mut shortcuts, *word, actor, states));
        }
    }
}

/// With room for all that is learnt all of it is found again.
#[test]
fn what_was_learnt_is_found() {
    let mut shortcuts = made(3, 1 << 12);
    let words: Vec<u64> = (0..64).map(|n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20).collect();
    // Twice: what is looked at is known in full only then.
    for word in words.iter().chain(&words) {
        (0..3).for_each(|actor| learn(&mut shortcuts, *word, actor, 0));
    }
    let mut asked = Vec::new();
    for word in &words {
        assert!(shortcuts.ask(*word, &mut asked));
    }
    let found: HashMap<bool, usize> = asked.iter().fold(HashMap::new(), |mut all, one| {
        *all.entry(shortcuts.find(one).is_some()).or_default() += 1;
        all
    });
    assert_eq!(found, HashMap::from([(true, 3 * words.len())]));
}

/// Who never moves is not asked for, and who was never seen keeps a state from being found.
#[test]
fn who_is_asked_for() {
    let mut shortcuts = made(2, LINES_LEAST);
    let mut asked = Vec::new();
    assert!(!shortcuts.ask(0x21, &mut asked));
    *shortcuts.actors[0].standing(0x21, false) = Standing::Still;
    asked.clear();
    assert!(!shortcuts.ask(0x21, &mut asked));
    learn(&mut shortcuts, 0x21, 1, 0);
    asked.clear();
    assert!(shortcuts.ask(0x21, &mut asked));
    assert_eq!(asked.iter().map(|one| one.actor).collect::<Vec<_>>(), [1]);
    // Its end is another matter.
    assert!(shortcuts.find(&asked[0]).is_some() && shortcuts.find_end(0x21, 1).is_none());
}
