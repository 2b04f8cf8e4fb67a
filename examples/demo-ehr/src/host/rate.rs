//! How often somebody may fail: who guesses at a secret has to wait (CAUTH-014, A-INTRO-14).
//!
//! Failures are counted by where they come from, not by client alone: otherwise anybody could lock an app out. From an address
//! there may be very many in a minute, since a whole clinic can sit behind one, and since tests of all kinds run against this demo. Calls
//! that are made inside this process, on `/ehr/try`, come from no address: there a few are enough, so that it can be seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::{Clock, RateAnswer, RateGate, RatePoint, RateQuestion, UnixMillis};

/// Failures are forgotten after this.
const WINDOW: Duration = Duration::from_secs(60);
/// From one address, within it.
const FROM_AN_ADDRESS: u32 = 10_000;
/// For one app of this process, within it.
pub const IN_THIS_PROCESS: u32 = 5;
/// So many are counted at a time; the one that began first gives way.
const MOST: usize = 10_000;

/// Counts failures, in memory.
#[derive(Debug)]
pub struct Failures {
    clock: Arc<dyn Clock>,
    counted: Mutex<HashMap<Whose, Count>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Whose {
    Address(RatePoint, String),
    Client(String),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: UnixMillis,
    failures: u32,
}

impl Whose {
    /// `None`: nobody counts these.
    fn of(question: &RateQuestion<'_>) -> Option<Self> {
        match (question.source, question.point, question.client) {
            (Some(source), point, _) => Some(Self::Address(point, source.0.clone())),
            (None, RatePoint::ClientAuthentication, Some(client)) => {
                Some(Self::Client(client.as_str().to_owned()))
            }
            _ => None,
        }
    }

    const fn allowed(&self) -> u32 {
        match self {
            Self::Address(..) => FROM_AN_ADDRESS,
            Self::Client(_) => IN_THIS_PROCESS,
        }
    }
}

impl Failures {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, counted: Mutex::default() }
    }

    fn counted(&self) -> MutexGuard<'_, HashMap<Whose, Count>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RateGate for Failures {
    async fn ask(&self, question: &RateQuestion<'_>) -> RateAnswer {
        let Some(whose) = Whose::of(question) else { return RateAnswer::Go };
        let now = self.clock.now();
        let count = self.counted().get(&whose).copied();
        match count.filter(|count| count.failures >= whose.allowed()) {
            Some(count) if !count.since.plus(WINDOW).is_over(now) => {
                let left = count.since.plus(WINDOW).0.saturating_sub(now.0);
                RateAnswer::Wait(Duration::from_millis(u64::try_from(left).unwrap_or_default()))
            }
            _ => RateAnswer::Go,
        }
    }

    async fn failed(&self, question: &RateQuestion<'_>) {
        let Some(whose) = Whose::of(question) else { return };
        let now = self.clock.now();
        let mut counted = self.counted();
        if counted.len() >= MOST && !counted.contains_key(&whose) {
            counted.retain(|_, count| !count.since.plus(WINDOW).is_over(now));
            let first = counted.iter().min_by_key(|(_, count)| count.since).map(|(whose, _)| whose.clone());
            if let (true, Some(first)) = (counted.len() >= MOST, first) {
                counted.remove(&first);
            }
        }
        let count = counted.entry(whose).or_insert(Count { since: now, failures: 0 });
        if count.since.plus(WINDOW).is_over(now) {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use vestibule_host::{ClientId, Source};

    use super::*;

    #[derive(Debug)]
    struct At(Mutex<i64>);

    impl Clock for At {
        fn now(&self) -> UnixMillis {
            UnixMillis(*self.0.lock().unwrap())
        }
    }

    /// CAUTH-014
    #[tokio::test]
    async fn who_fails_too_often_waits_for_the_rest_of_the_minute() {
        let clock = Arc::new(At(Mutex::new(0)));
        let gate = Failures::new(clock.clone());
        let (one, other) = (ClientId::new("one"), ClientId::new("other"));
        let here = RateQuestion::new(RatePoint::ClientAuthentication, Some(&one), None);
        for _ in 0..IN_THIS_PROCESS {
            assert_eq!(gate.ask(&here).await, RateAnswer::Go);
            gate.failed(&here).await;
            *clock.0.lock().unwrap() += 1_000;
        }
        assert_eq!(gate.ask(&here).await, RateAnswer::Wait(Duration::from_secs(55)));
        // Nobody else waits: not another app, not who comes from an address, not who asks something else.
        let source = Source("192.0.2.7".to_owned());
        for question in [
            RateQuestion::new(RatePoint::ClientAuthentication, Some(&other), None),
            RateQuestion::new(RatePoint::ClientAuthentication, Some(&one), Some(&source)),
            RateQuestion::new(RatePoint::Introspection, Some(&one), None),
        ] {
            assert_eq!(gate.ask(&question).await, RateAnswer::Go, "{question:?}");
        }
        *clock.0.lock().unwrap() = 60_000;
        assert_eq!(gate.ask(&here).await, RateAnswer::Go);
        gate.failed(&here).await;
        assert_eq!(gate.ask(&here).await, RateAnswer::Go, "counted from the beginning");
    }

    #[tokio::test]
    async fn the_count_has_a_bound() {
        let gate = Failures::new(Arc::new(At(Mutex::new(0))));
        for number in 0..=MOST {
            let source = Source(number.to_string());
            gate.failed(&RateQuestion::new(RatePoint::ClientAuthentication, None, Some(&source))).await;
        }
        assert_eq!(gate.counted().len(), MOST);
    }
}
