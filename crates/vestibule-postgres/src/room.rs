//! A bound of the store's own: a table that is full takes nothing new, and what must end can still be ended.
//!
//! The tables are counted now and then, by one at a time. A verb is told which are full; whether it has added a row to one of those is seen
//! by its own statement, which then undoes itself.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vestibule_host::StoreFault;

use crate::row::{Read, get};
use crate::{OpenError, PostgresStore};

/// What grows with launches, each with a bit of its own, in the order in which they are counted.
pub(crate) const TABLES: [&str; 6] = ["interactions", "launches", "grants", "access", "claims", "events"];

/// After so many parts of the bound the tables are counted again: other processes write as well.
const PARTS: u64 = 64;

/// A full table is counted again so often, since other processes purge as well, and so soon after a count that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// So long a verb waits for a count. Then it goes by the one before: a replay must end its grant however slow the counting is.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Room {
    max: Option<u64>,
    seen: Mutex<Seen>,
}

/// What the last count said, and what has happened since.
#[derive(Debug)]
struct Seen {
    full: i64,
    /// Verbs since then.
    verbs: u64,
    /// Whether rows were removed since then.
    is_old: bool,
    has_failed: bool,
    is_counting: bool,
    at: Instant,
}

impl Room {
    pub(crate) fn new(max: Option<u64>) -> Self {
        let seen = Seen {
            full: 0,
            verbs: 0,
            is_old: false,
            has_failed: false,
            is_counting: false,
            at: Instant::now(),
        };
        Self { max, seen: Mutex::new(seen) }
    }

    /// Rows were removed, so a full table may have room.
    pub(crate) fn made(&self) {
        self.seen().is_old = true;
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// Whether it is this verb's turn to count.
    fn takes_turn(&mut self, max: u64) -> bool {
        self.verbs = self.verbs.saturating_add(1);
        let is_later = self.at.elapsed() >= AGAIN;
        let is_due =
            self.verbs > max / PARTS || (self.full != 0 && (self.is_old || is_later)) || self.has_failed;
        let takes = is_due && !self.is_counting && (!self.has_failed || is_later);
        if takes {
            (self.verbs, self.is_old, self.is_counting) = (0, false, true);
        }
        takes
    }

    fn counted(&mut self, count: Result<i64, StoreFault>) {
        (self.is_counting, self.at) = (false, Instant::now());
        self.has_failed = count.is_err();
        // What was known last is the best that there is.
        self.full = count.unwrap_or(self.full);
    }
}

impl PostgresStore {
    /// A bound that cannot be counted is no bound.
    pub(crate) async fn count_first(&self) -> Result<(), OpenError> {
        let Some(max) = self.room().max else { return Ok(()) };
        let count = self.count(max).await.map_err(|fault| OpenError::Database(fault.into()))?;
        self.room().seen().counted(Ok(count));
        Ok(())
    }

    /// The tables that are full, each with its bit.
    pub(crate) async fn full(&self) -> i64 {
        let Some(max) = self.room().max else { return 0 };
        let takes_turn = self.room().seen().takes_turn(max);
        if takes_turn {
            let store = self.clone();
            // A task of its own: a caller that goes away does not end it.
            let counting = tokio::spawn(async move {
                let count = store.count(max).await;
                store.room().seen().counted(count);
            });
            let _ = tokio::time::timeout(PATIENCE, counting).await;
        }
        self.room().seen().full
    }

    async fn count(&self, max: u64) -> Result<i64, StoreFault> {
        let most = i64::try_from(max).unwrap_or(i64::MAX);
        let row = self.find(&self.sql().count_rows, &[&most]).await?;
        let row = row.ok_or_else(|| StoreFault::not_applied("the database gave no answer"))?;
        let mut full = 0;
        for table in 0..TABLES.len() {
            let counted: Read<i64> = get(&row, table);
            full |= i64::from(counted.map_err(StoreFault::NotApplied)? >= most) << table;
        }
        Ok(full)
    }
}
