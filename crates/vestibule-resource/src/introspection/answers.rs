//! What was answered a moment ago, and what is being asked now. Bounded; keyed by the hash of the token.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use vestibule_host::UnixMillis;

use crate::denied::{Denied, Outage};
use crate::principal::Principal;

pub(super) type Hash = [u8; 32];
type Landed = Result<Principal, Denied>;

pub(super) struct Answers {
    inner: Mutex<Inner>,
    most: usize,
}

#[derive(Default)]
struct Inner {
    kept: HashMap<Hash, Kept>,
    /// From the oldest to the newest.
    order: BTreeMap<u64, Hash>,
    next: u64,
    asked: HashMap<Hash, watch::Receiver<Option<Landed>>>,
}

struct Kept {
    principal: Principal,
    asked: Moment,
    order: u64,
}

/// A moment on two clocks. The caller's may be set back; the later one counts, so that neither makes an answer live longer.
#[derive(Clone, Copy)]
struct Moment {
    told: UnixMillis,
    felt: Instant,
}

impl Moment {
    #[allow(clippy::disallowed_methods, reason = "a second clock that nobody sets, for ages alone")]
    fn new(told: UnixMillis) -> Self {
        Self { told, felt: Instant::now() }
    }

    fn is_within(self, span: Duration, now: Self) -> bool {
        let told = u64::try_from(now.told.0.saturating_sub(self.told.0)).unwrap_or(0);
        now.felt.saturating_duration_since(self.felt).max(Duration::from_millis(told)) < span
    }
}

pub(super) enum Boarding<'a> {
    /// Answered, not too long ago.
    Kept(Box<Principal>),
    /// Somebody else asks.
    Asked(watch::Receiver<Option<Landed>>),
    /// Ask, and tell the others.
    Ask(Seat<'a>),
}

impl Answers {
    pub(super) fn new(most: usize) -> Self {
        Self { inner: Mutex::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in there is left half done by a panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn board(
        &self,
        hash: Hash,
        staleness: Duration,
        now: UnixMillis,
    ) -> Result<Boarding<'_>, Denied> {
        let moment = Moment::new(now);
        let mut inner = self.lock();
        if let Some(kept) = inner.kept.get(&hash) {
            // Never beyond the token's own end, whatever the answer's age.
            if kept.asked.is_within(staleness, moment) && !kept.principal.expires().is_over(now) {
                return Ok(Boarding::Kept(Box::new(kept.principal.clone())));
            }
            inner.forget(&hash);
        }
        if let Some(asked) = inner.asked.get(&hash) {
            return Ok(Boarding::Asked(asked.clone()));
        }
        if inner.asked.len() >= MOST_ASKED {
            return Err(Denied::Unavailable(Outage::TooMany));
        }
        let (report, landing) = watch::channel(None);
        inner.asked.insert(hash, landing);
        Ok(Boarding::Ask(Seat { answers: self, hash, asked: moment, report }))
    }
}

/// The place of the one who asks. However that ends, the place is free again and those who wait are told.
pub(super) struct Seat<'a> {
    answers: &'a Answers,
    hash: Hash,
    asked: Moment,
    report: watch::Sender<Option<Landed>>,
}

impl Seat<'_> {
    pub(super) fn land(self, outcome: Result<(Principal, usize), Denied>, now: UnixMillis) -> Landed {
        let (outcome, size) = match outcome {
            Ok((principal, size)) => (Ok(principal), size),
            Err(denied) => (Err(denied), 0),
        };
        if let Ok(principal) = &outcome
            && size <= MAX_KEPT
            && !principal.expires().is_over(now)
        {
            self.answers.lock().keep(self.hash, principal.clone(), self.asked, self.answers.most);
        }
        self.report.send_replace(Some(outcome.clone()));
        outcome
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.answers.lock().asked.remove(&self.hash);
    }
}

impl Inner {
    fn keep(&mut self, hash: Hash, principal: Principal, asked: Moment, most: usize) {
        self.forget(&hash);
        if most == 0 {
            return;
        }
        while self.kept.len() >= most {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.kept.remove(&oldest);
        }
        let order = self.next;
        self.next = order.wrapping_add(1);
        self.order.insert(order, hash);
        self.kept.insert(hash, Kept { principal, asked, order });
    }

    fn forget(&mut self, hash: &Hash) {
        if let Some(gone) = self.kept.remove(hash) {
            self.order.remove(&gone.order);
        }
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("kept", &self.lock().kept.len()).finish_non_exhaustive()
    }
}

/// Tokens that are being asked about at the same time.
const MOST_ASKED: usize = 256;
/// The largest answer that is kept: what is made of it takes a few times as much.
const MAX_KEPT: usize = 8 * 1024;
