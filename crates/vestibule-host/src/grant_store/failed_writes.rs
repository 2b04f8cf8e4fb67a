//! What a probe must know: reading works on a disk that is full.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::StoreFault;

/// For whoever writes a store: the writes that failed, and which of them a later trial has answered for.
///
/// [`ping`](crate::GrantStore::ping) is asked by anybody, over and over, so it costs no write as long as writing works. After a write
/// that failed it is a small write itself, until one works.
///
/// ```
/// use vestibule_host::StoreFault;
/// use vestibule_host::grant_store::FailedWrites;
///
/// let failed = FailedWrites::default();
/// assert!(failed.unanswered().is_none(), "a read will do");
/// failed.note(&Err::<(), _>(StoreFault::Full));
///
/// let due = failed.unanswered().expect("a trial");
/// // … write something as large as what a verb writes, and undo it: it worked.
/// failed.answer(due);
/// assert!(failed.unanswered().is_none());
/// ```
#[derive(Debug, Default)]
pub struct FailedWrites {
    seen: AtomicU64,
    answered: AtomicU64,
}

/// Writes that failed before a trial began.
#[derive(Debug)]
pub struct Unanswered(u64);

impl FailedWrites {
    /// Notes how a write ended. `Busy` is another process, a lock, or too much at once: that says nothing about the disk, and a probe
    /// that said no to it would send everybody to the next process, which has as much to do.
    ///
    /// Leave out what reaches a bound of the store's own, like an app's quota: strangers could make every probe a write.
    pub fn note<T>(&self, end: &Result<T, StoreFault>) {
        if end.as_ref().is_err_and(|fault| !matches!(fault, StoreFault::Busy { .. })) {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What the next trial would answer for. None as long as writing works.
    #[must_use]
    pub fn unanswered(&self) -> Option<Unanswered> {
        let seen = self.seen.load(Ordering::Relaxed);
        (seen > self.answered.load(Ordering::Relaxed)).then_some(Unanswered(seen))
    }

    /// A trial worked. What failed since it was due asks for one of its own.
    pub fn answer(&self, trial: Unanswered) {
        self.answered.fetch_max(trial.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_fails_during_a_trial_asks_for_another() {
        let failed = FailedWrites::default();
        failed.note(&Ok(()));
        failed.note(&Err::<(), _>(StoreFault::Busy { retry_after: Duration::from_secs(1) }));
        assert!(failed.unanswered().is_none());
        failed.note(&Err::<(), _>(StoreFault::not_applied("no")));
        let first = failed.unanswered().unwrap();
        failed.note(&Err::<(), _>(StoreFault::outcome_unknown("gone")));
        failed.answer(first);
        let second = failed.unanswered().unwrap();
        failed.answer(second);
        assert!(failed.unanswered().is_none());
    }
}
