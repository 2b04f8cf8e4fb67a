//! Rows that end.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use crate::UnixMillis;

/// A map whose rows end. A second index in the order of the ends makes dropping them cost what is dropped, not what is kept.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    rows: HashMap<K, (UnixMillis, V)>,
    ends: BTreeSet<(UnixMillis, K)>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), ends: BTreeSet::new() }
    }
}

impl<K: Clone + Eq + Hash + Ord, V> Table<K, V> {
    /// How many rows are held, ended ones included: they take room until they are dropped.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// A row whose end has not come.
    pub(super) fn live(&self, key: &K, now: UnixMillis) -> Option<&V> {
        self.rows.get(key).filter(|(end, _)| !end.is_over(now)).map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub(super) fn live_mut(&mut self, key: &K, now: UnixMillis) -> Option<&mut V> {
        self.rows.get_mut(key).filter(|(end, _)| !end.is_over(now)).map(|(_, value)| value)
    }

    /// Any row, ended or not, with its end.
    pub(super) fn any(&self, key: &K) -> Option<(UnixMillis, &V)> {
        self.rows.get(key).map(|(end, value)| (*end, value))
    }

    /// The same, to be changed.
    pub(super) fn any_mut(&mut self, key: &K) -> Option<(UnixMillis, &mut V)> {
        self.rows.get_mut(key).map(|(end, value)| (*end, value))
    }

    /// Moves a row's end, never to an earlier moment.
    pub(super) fn extend(&mut self, key: &K, until: UnixMillis) {
        if let Some((end, _)) = self.rows.get_mut(key)
            && *end < until
        {
            self.ends.remove(&(*end, key.clone()));
            *end = until;
            self.ends.insert((until, key.clone()));
        }
    }

    /// Removes a row, ended or not.
    pub(super) fn remove(&mut self, key: &K) -> Option<(UnixMillis, V)> {
        let (end, value) = self.rows.remove(key)?;
        self.ends.remove(&(end, key.clone()));
        Some((end, value))
    }

    /// Puts a row in the place of what was there.
    pub(super) fn put(&mut self, key: K, end: UnixMillis, value: V) -> Option<(UnixMillis, V)> {
        let before = self.rows.insert(key.clone(), (end, value));
        if let Some((old, _)) = &before {
            self.ends.remove(&(*old, key.clone()));
        }
        self.ends.insert((end, key));
        before
    }

    /// Removes the row that ended first, if one has ended at `now`.
    pub(super) fn pop_over(&mut self, now: UnixMillis) -> Option<(K, UnixMillis, V)> {
        if !self.ends.first()?.0.is_over(now) {
            return None;
        }
        let (end, key) = self.ends.pop_first()?;
        let (_, value) = self.rows.remove(&key)?;
        Some((key, end, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_when_their_time_is_reached_and_go_in_that_order() {
        let mut table = Table::default();
        table.put('a', UnixMillis(20), 1);
        table.put('b', UnixMillis(10), 2);
        table.put('a', UnixMillis(30), 3);
        assert_eq!(table.live(&'b', UnixMillis(9)), Some(&2));
        assert_eq!(table.live(&'b', UnixMillis(10)), None);
        assert_eq!(table.pop_over(UnixMillis(29)), Some(('b', UnixMillis(10), 2)));
        assert_eq!(table.pop_over(UnixMillis(29)), None, "the first end of `a` was replaced");
        assert_eq!(table.pop_over(UnixMillis(30)), Some(('a', UnixMillis(30), 3)));
        assert_eq!((table.len(), table.ends.len()), (0, 0));
    }

    #[test]
    fn an_end_moves_only_away() {
        let mut table = Table::default();
        table.put('a', UnixMillis(20), 1);
        table.extend(&'a', UnixMillis(10));
        assert_eq!(table.any(&'a'), Some((UnixMillis(20), &1)));
        table.extend(&'a', UnixMillis(30));
        assert_eq!(table.pop_over(UnixMillis(29)), None);
        assert_eq!(table.remove(&'a'), Some((UnixMillis(30), 1)));
        assert_eq!((table.len(), table.ends.len()), (0, 0));
    }
}
