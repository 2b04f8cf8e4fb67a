//! Rows by something that they can be found or revoked by.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::Bound;

#[derive(Debug)]
pub(super) struct Index<K, V>(HashMap<K, BTreeSet<V>>);

impl<K, V> Default for Index<K, V> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Clone + Eq + Hash, V: Clone + Ord> Index<K, V> {
    pub(super) fn add(&mut self, key: &K, row: &V) {
        self.0.entry(key.clone()).or_default().insert(row.clone());
    }

    pub(super) fn remove(&mut self, key: &K, row: &V) {
        if let Some(rows) = self.0.get_mut(key) {
            rows.remove(row);
            if rows.is_empty() {
                self.0.remove(key);
            }
        }
    }

    pub(super) fn of(&self, key: &K) -> impl Iterator<Item = &V> {
        self.0.get(key).into_iter().flatten()
    }

    /// In order, from behind `after` on.
    pub(super) fn after(&self, key: &K, after: Option<&V>) -> impl Iterator<Item = &V> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.get(key).into_iter().flat_map(move |rows| rows.range::<V, _>((from, Bound::Unbounded)))
    }
}
