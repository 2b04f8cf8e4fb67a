//! Turns at a refresh chain, for the calls of one process.
//!
//! What is judged here and compared there would otherwise be judged again by every loser of every round: a hundred calls at once
//! would cost the server five thousand scripts. Nothing relies on the turns: the script decides, also between processes.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use vestibule_host::{RefreshHandle, StoreFault};

use crate::error;

/// Chains that share a turn wait for each other without need, and not for long.
const TURNS: usize = 256;

#[derive(Debug)]
pub(crate) struct Turns {
    turns: Vec<Mutex<()>>,
    patience: Duration,
}

impl Turns {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { turns: (0..TURNS).map(|_| Mutex::default()).collect(), patience }
    }

    /// Waits for the turn, which ends when the guard is dropped, with its call if need be. Where the server hangs, those who wait
    /// do not wait one after another.
    pub(crate) async fn at(&self, handle: &RefreshHandle) -> Result<Option<MutexGuard<'_, ()>>, StoreFault> {
        // The bytes of a hash: as good as random.
        let number = usize::from(handle.as_bytes().first().copied().unwrap_or_default());
        let Some(turn) = self.turns.get(number) else { return Ok(None) };
        tokio::time::timeout(self.patience, turn.lock()).await.map(Some).map_err(|_| error::busy())
    }
}
