//! The words of the language, as the grammar lists them: for those who
//! complete, highlight or explain, and in sentences. It owns reading them out of the
//! grammar, and the codes of findings, which the grammar leaves open.

/// The codes of findings that `expect` takes, and `ok`; the notes last.
pub const EXPECTABLE: [&str; 17] = [
    "ok",
    "race",
    "deadlock",
    "self-deadlock",
    "lock-order",
    "abandoned-lock",
    "lost-wakeup",
    "assertion",
    "invariant",
    "error",
    "livelock",
    "starvation",
    "orphan",
    "zombie",
    "dropped-jobs",
    "unjoined",
    "left-in-queue",
];

/// Those of findings that are on nothing which has a name.
pub const NAMELESS: [&str; 4] = ["ok", "assertion", "orphan", "zombie"];

const GRAMMAR: &str = include_str!("../../grammar/conc.pest");

/// The words that cannot be names.
pub fn reserved() -> Vec<&'static str> {
    let rule = GRAMMAR.split("\nreserved = @{").nth(1).and_then(|rest| rest.split(") ~ !word_char").next());
    rule.unwrap_or("").split('"').skip(1).step_by(2).collect()
}

/// The words that mean something in one place and may be names elsewhere:
/// `x` of `x 3`, `as`, `to`, `on`, `process`, and so on.
pub fn contextual() -> Vec<&'static str> {
    let reserved = reserved();
    let rules = GRAMMAR.split("\n// Slips").next().unwrap_or("").lines();
    let words = |rule: &str| ["kw_", "spawn_word ", "join_all ", "time_unit "].iter().any(|r| rule.starts_with(r));
    let mut found: Vec<&str> = Vec::new();
    for rule in rules.filter(|l| words(l)) {
        let body = rule.split(" ~ ").next().unwrap_or("");
        let all = body.split('"').skip(1).step_by(2);
        let new: Vec<&str> = all.filter(|w| !reserved.contains(w) && !found.contains(w)).collect();
        found.extend(new);
    }
    found
}

/// What words are made of, names and those of the language alike.
pub fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether it could be a name, if no word of the language.
pub fn is_name(text: &str) -> bool {
    text.chars().all(is_of_word) && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The word of a kind with its article: `a lock`, `an event`.
pub fn a(word: &str) -> String {
    format!("{} {word}", article(word))
}

/// What stands before the word of a kind.
pub fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_tells_its_words() {
        let words = reserved();
        assert!(words.contains(&"const") && words.contains(&"self") && words.contains(&"atomically"), "{words:?}");
        for word in &words {
            assert!(crate::lang::parse::parse(&format!("lock {word}")).is_err(), "{word} can be a name");
        }
        let words = contextual();
        for word in ["some", "every", "on", "x", "as", "to", "process", "thread", "daemon", "all"] {
            assert!(words.contains(&word), "{word} of {words:?}");
            assert!(crate::lang::parse::parse(&format!("lock {word}")).is_ok(), "{word} cannot be a name");
        }
    }
}
