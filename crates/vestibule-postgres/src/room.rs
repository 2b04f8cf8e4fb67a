//! A bound of the store's own: a table that is full takes nothing new, and what must end can still be ended.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vestibule_host::StoreFault;

use crate::row::{Read, get};
use crate::session::Sessions;

/// After so many parts of the bound the tables are counted again: other processes write as well.
const PARTS: u64 = 64;

/// A full table is counted again so often: other processes purge as well.
const AGAIN: Duration = Duration::from_secs(1);

/// What grows with launches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Table {
    Interactions,
    Launches,
    Grants,
    Access,
    Claims,
    Events,
}

const TABLES: usize = 6;

#[derive(Debug)]
pub(crate) struct Room {
    max: Option<u64>,
    seen: Mutex<Seen>,
}

/// What the last count said, and what has happened since.
#[derive(Debug)]
struct Seen {
    full: [bool; TABLES],
    written: u64,
    /// Rows were removed.
    is_old: bool,
    at: Instant,
}

impl Room {
    pub(crate) fn new(max: Option<u64>) -> Self {
        // The first verb counts.
        let seen = Seen { full: [false; TABLES], written: u64::MAX, is_old: true, at: Instant::now() };
        Self { max, seen: Mutex::new(seen) }
    }

    pub(crate) fn made(&self) {
        self.seen().is_old = true;
    }

    /// Whether each of the tables that grow has room. What a fault of the count says is true of the verb: nothing was done.
    pub(crate) async fn is_there(
        &self,
        sessions: &Sessions,
        grows: &[(Table, bool)],
    ) -> Result<bool, StoreFault> {
        let Some(max) = self.max else { return Ok(true) };
        let tables = || grows.iter().filter(|(_, grows)| *grows).map(|(table, _)| *table as usize);
        if tables().next().is_none() {
            return Ok(true);
        }
        // Whoever comes while this one counts goes by the count before.
        if self.seen().takes_turn(max, tables()) {
            let counted = count(sessions, max).await.inspect_err(|_| self.made())?;
            self.seen().full = counted;
        }
        let mut seen = self.seen();
        if seen.is_full(tables()) {
            return Ok(false);
        }
        seen.written = seen.written.saturating_add(1);
        Ok(true)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn is_full(&self, mut tables: impl Iterator<Item = usize>) -> bool {
        tables.any(|table| self.full.get(table).is_some_and(|full| *full))
    }

    fn takes_turn(&mut self, max: u64, tables: impl Iterator<Item = usize>) -> bool {
        let is_due = if self.is_full(tables) {
            self.is_old || self.at.elapsed() >= AGAIN
        } else {
            self.written >= max / PARTS
        };
        if is_due {
            (self.written, self.is_old, self.at) = (0, false, Instant::now());
        }
        is_due
    }
}

/// Which tables are full.
async fn count(sessions: &Sessions, max: u64) -> Result<[bool; TABLES], StoreFault> {
    let most = i64::try_from(max).unwrap_or(i64::MAX);
    let rows = sessions.read(&sessions.sql.count_rows, &[&most]).await?;
    let row = rows.first().ok_or_else(|| StoreFault::not_applied("the database gave no answer"))?;
    let mut full = [false; TABLES];
    for (table, full) in full.iter_mut().enumerate() {
        let counted: Read<i64> = get(row, table);
        *full = counted.map_err(StoreFault::not_applied)? >= most;
    }
    Ok(full)
}
