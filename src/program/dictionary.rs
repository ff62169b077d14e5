//! What names mean, where more and more are told: of a program that grows. What was
//! sealed stands in a map that all versions share (of `rpds`), the rest in one of the
//! version's own. It owns what is new and what was there before.

use rpds::HashTrieMapSync;
use std::collections::HashMap;
use std::sync::Arc;

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Dictionary<V> {
    sealed: HashTrieMapSync<Arc<str>, V>,
    new: HashMap<Arc<str>, V>,
}

impl<V> Default for Dictionary<V> {
    fn default() -> Dictionary<V> {
        Dictionary { sealed: HashTrieMapSync::new_sync(), new: HashMap::new() }
    }
}

impl<V: Clone> Dictionary<V> {
    pub fn get(&self, name: &str) -> Option<&V> {
        self.new.get(name).or_else(|| self.sealed.get(name))
    }
    /// What was told since the last seal.
    pub fn new_one(&self, name: &str) -> Option<&V> {
        self.new.get(name)
    }
    #[cfg(test)]
    pub fn new_names(&self) -> impl Iterator<Item = &str> {
        self.new.keys().map(|name| &**name)
    }
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: V) {
        self.new.insert(name.into(), value);
    }

    /// Changes what was told since the last seal, and seals it.
    pub fn seal(&mut self, change: impl Fn(&mut V)) {
        for (name, mut value) in self.new.drain() {
            change(&mut value);
            self.sealed.insert_mut(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_last_is_so_in_each_version() {
        let mut versions = vec![(Dictionary::default(), HashMap::new())];
        for step in 0..300usize {
            let Some((dictionary, map)) = versions.last() else { return };
            let (mut dictionary, mut map) = (dictionary.clone(), map.clone());
            for told in 0..step % 4 {
                let (name, value) = (format!("n{}", (step * 7 + told) % 200), step * 10 + told);
                dictionary.insert(name.as_str(), value);
                map.insert(name, value + 1);
            }
            let new = dictionary.new_names().count();
            assert!(new <= step % 4 && dictionary.new_names().all(|n| dictionary.new_one(n).is_some()));
            dictionary.seal(|value| *value += 1);
            versions.push((dictionary, map));
        }
        for (dictionary, map) in versions {
            assert!((0..200).all(|n| dictionary.get(&format!("n{n}")) == map.get(&format!("n{n}"))));
        }
    }
}
