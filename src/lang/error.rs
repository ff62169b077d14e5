//! What is wrong with a script before it runs, as data: the place, the reason
//! and the mend. It owns the shape; `report` renders it.

use super::ast::Span;

/// One error in a script. Several are reported in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError {
    /// One sentence without a full stop, in the user's words.
    pub message: String,
    /// What the label under the place says; may be empty.
    pub label: String,
    pub span: Span,
    /// The mend, never in the message.
    pub help: Option<String>,
    /// Further places, such as the first definition of a name.
    pub related: Vec<(Span, String)>,
    pub sort: Sort,
}

/// What an error leaves to be told in the same go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    #[default]
    Plain,
    /// The tree has what was meant, as of `&&` for `and`, so all that follows
    /// from it can be told.
    Understood,
    /// The same, and an error in meaning at the same place says more.
    Minor,
    /// The word at its place stands for nothing.
    Unknown,
    /// No name that is defined makes it right.
    Nameless,
    /// It is one because of the block that it stands in.
    Placed,
}

impl ScriptError {
    pub fn new(span: Span, message: impl Into<String>) -> ScriptError {
        ScriptError {
            message: message.into(),
            label: String::new(),
            span,
            help: None,
            related: Vec::new(),
            sort: Sort::Plain,
        }
    }
    pub fn label(mut self, label: impl Into<String>) -> ScriptError {
        self.label = label.into();
        self
    }
    pub fn help(mut self, help: impl Into<String>) -> ScriptError {
        self.help = Some(help.into());
        self
    }
    pub fn related(mut self, span: Span, label: impl Into<String>) -> ScriptError {
        self.related.push((span, label.into()));
        self
    }
    pub fn understood(mut self) -> ScriptError {
        self.sort = Sort::Understood;
        self
    }
    pub fn minor(mut self) -> ScriptError {
        self.sort = Sort::Minor;
        self
    }
    /// Whether the tree has what was meant.
    pub fn is_understood(&self) -> bool {
        matches!(self.sort, Sort::Understood | Sort::Minor)
    }
    pub fn placed(mut self) -> ScriptError {
        self.sort = Sort::Placed;
        self
    }
    pub fn nameless(mut self) -> ScriptError {
        self.sort = Sort::Nameless;
        self
    }
    pub fn unknown(mut self) -> ScriptError {
        self.sort = Sort::Unknown;
        self
    }
}

/// The nearest of `candidates` to `word`, if one is near enough to be meant:
/// by the number of single-letter edits (optimal string alignment), at most a
/// third of the word's length, at least one.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    // Every other letter is one edit away from a single one. Nobody types a
    // word beyond the other bound, and comparing two takes the product of their
    // lengths.
    if !(2..=100).contains(&length) {
        return None;
    }
    let limit = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|c| *c != word && c.chars().count().abs_diff(length) <= limit)
        .map(|c| (edits(word, c), c))
        .filter(|(d, _)| *d <= limit)
        // Of two that are as near, the one of the same letters.
        .min_by_key(|(d, c)| (*d, letters(c) != letters(word)))
        .map(|(_, c)| c)
}

/// The letters of a word in order, as `fro` and `for` have the same.
pub fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

fn edits(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut d = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d = d.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = d;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name() {
        assert_eq!(nearest("ballance", ["balance", "bank"]), Some("balance"));
        assert_eq!(nearest("lokc", ["lock", "queue"]), Some("lock"));
        assert_eq!(nearest("fi", ["fn", "if"]), Some("if"));
        assert_eq!(nearest("zzz", ["lock", "queue"]), None);
        assert_eq!(nearest(&"x".repeat(10_000_000), ["xx", &"x".repeat(9_999_999)]), None);
    }
}
