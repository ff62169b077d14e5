//! What names mean, where more and more are told: of a program that grows. As with a
//! `Table`, a version shares with those before it what was sealed. It stands in layers,
//! each more than twice as large as the next, so that there are few of them and each
//! name is moved into a larger one only now and then.

use std::collections::HashMap;
use std::sync::Arc;

/// See the head of the file.
#[derive(Clone, Debug)]
pub struct Dictionary<V> {
    /// The newest last, and what it says is so.
    layers: Vec<Arc<HashMap<Arc<str>, V>>>,
    new: HashMap<Arc<str>, V>,
}

impl<V> Default for Dictionary<V> {
    fn default() -> Dictionary<V> {
        Dictionary { layers: Vec::new(), new: HashMap::new() }
    }
}

impl<V: Clone> Dictionary<V> {
    pub fn get(&self, name: &str) -> Option<&V> {
        self.new.get(name).or_else(|| self.sealed(name))
    }
    /// What was sealed, whatever was told since.
    fn sealed(&self, name: &str) -> Option<&V> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }
    /// What was told since the last seal.
    pub fn new_one(&self, name: &str) -> Option<&V> {
        self.new.get(name)
    }
    pub fn new_names(&self) -> impl Iterator<Item = &str> {
        self.new.keys().map(|name| &**name)
    }
    pub fn insert(&mut self, name: impl Into<Arc<str>>, value: V) {
        self.new.insert(name.into(), value);
    }

    /// Changes what was told since the last seal, and seals it.
    pub fn seal(&mut self, change: impl Fn(&mut V)) {
        if self.new.is_empty() {
            return;
        }
        let mut newest = std::mem::take(&mut self.new);
        newest.values_mut().for_each(change);
        while let Some(layer) = self.layers.pop_if(|layer| layer.len() <= 2 * newest.len()) {
            let mut merged = Arc::unwrap_or_clone(layer);
            merged.extend(newest);
            newest = merged;
        }
        self.layers.push(Arc::new(newest));
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
            assert!(dictionary.layers.len() <= 10, "{}", dictionary.layers.len());
            versions.push((dictionary, map));
        }
        for (dictionary, map) in versions {
            assert!((0..200).all(|n| dictionary.get(&format!("n{n}")) == map.get(&format!("n{n}"))));
        }
    }
}
