//! What has been fetched and may be used again. Bounded in documents and bytes; the oldest gives way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use vestibule_host::UnixMillis;

use crate::ask::Answer;
use crate::freshness::Lifetime;

/// A moment on two clocks. The caller's may be set back, ours may stand still while the machine sleeps; the later one counts, so
/// that neither makes a document live longer than it may.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) told: UnixMillis,
    pub(crate) felt: Instant,
}

impl Moment {
    /// What the caller says, and what we see.
    pub(crate) fn new(told: UnixMillis) -> Self {
        Self { told, felt: Instant::now() }
    }

    /// This moment, and the time that has passed since.
    pub(crate) fn later(self) -> Self {
        Self { told: self.told.plus(self.felt.elapsed()), felt: Instant::now() }
    }

    /// How long ago this was, at the least favourable reading.
    fn age(self, now: Self) -> Duration {
        let told = u64::try_from(now.told.0.saturating_sub(self.told.0)).unwrap_or(0);
        now.felt.saturating_duration_since(self.felt).max(Duration::from_millis(told))
    }

    /// Whether this was less than a cool-down ago. Callers tell slightly different times, also earlier ones.
    fn is_recent(self, now: Self) -> bool {
        self.told.0.abs_diff(now.told.0) < COOL_DOWN.as_millis() as u64
    }
}

/// JWTCA-013: how often unknown key ids may have one address asked.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// A document that may be used again.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) document: Bytes,
    asked: Moment,
    lifetime: Lifetime,
    /// When an unknown key id last had the address asked.
    renewed: Option<Moment>,
    order: u64,
}

impl Kept {
    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        self.asked.age(now) < self.lifetime.fresh
    }

    /// Whether it may be used because nothing newer can be had.
    pub(crate) fn may_stand_in(&self, now: Moment) -> bool {
        self.asked.age(now) < self.lifetime.stale
    }

    pub(crate) fn is_cooling(&self, now: Moment) -> bool {
        self.renewed.is_some_and(|renewed| renewed.is_recent(now))
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    kept: HashMap<Arc<str>, Kept>,
    /// From the oldest to the newest.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
    bytes: usize,
    most: Bounds,
}

/// How much is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bounds {
    pub(crate) documents: usize,
    pub(crate) bytes: usize,
}

impl Cache {
    pub(crate) fn new(most: Bounds) -> Self {
        Self { kept: HashMap::new(), order: BTreeMap::new(), next: 0, bytes: 0, most }
    }

    pub(crate) fn get(&self, url: &str) -> Option<&Kept> {
        self.kept.get(url)
    }

    /// Keeps an answer for as long as it may be used. What was kept before is gone: the newest word of the server holds, also if
    /// it is that nothing is to be kept.
    pub(crate) fn keep(&mut self, url: &Arc<str>, answer: &Answer, asked: Moment, renewed: Option<Moment>) {
        let renewed = renewed.or_else(|| self.get(url).and_then(|kept| kept.renewed));
        self.forget(url);
        let Answer { document, lifetime } = answer;
        if lifetime.is_once() || cost(url, document) > self.most.bytes || self.most.documents == 0 {
            return;
        }
        while self.kept.len() >= self.most.documents
            || self.bytes.saturating_add(cost(url, document)) > self.most.bytes
        {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.forget(&oldest);
        }
        let order = self.next;
        self.next = order.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(cost(url, document));
        self.order.insert(order, Arc::clone(url));
        let kept = Kept { document: document.clone(), asked, lifetime: *lifetime, renewed, order };
        self.kept.insert(Arc::clone(url), kept);
    }

    /// Notes that an unknown key id had the address asked, and that nothing came of it.
    pub(crate) fn cool(&mut self, url: &str, renewed: Moment) {
        if let Some(kept) = self.kept.get_mut(url) {
            kept.renewed = Some(renewed);
        }
    }

    fn forget(&mut self, url: &str) {
        if let Some(gone) = self.kept.remove(url) {
            self.order.remove(&gone.order);
            self.bytes = self.bytes.saturating_sub(cost(url, &gone.document));
        }
    }
}

/// What an entry takes: document, address (twice referred to), and about as much as the maps need for it.
const fn cost(url: &str, document: &Bytes) -> usize {
    document.len().saturating_add(url.len()).saturating_add(256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: usize, fresh: u64, stale: u64) -> Answer {
        let lifetime = Lifetime { fresh: Duration::from_secs(fresh), stale: Duration::from_secs(stale) };
        Answer { document: vec![b'x'; bytes].into(), lifetime }
    }

    fn url(number: usize) -> Arc<str> {
        format!("https://k{number:03}.example").into()
    }

    fn at(seconds: i64) -> Moment {
        Moment { told: UnixMillis::from_seconds(seconds), felt: Instant::now() }
    }

    fn is_consistent(cache: &Cache) -> bool {
        let bytes: usize = cache.kept.iter().map(|(url, kept)| cost(url, &kept.document)).sum();
        cache.bytes == bytes
            && cache.order.len() == cache.kept.len()
            && bytes <= cache.most.bytes
            && cache.kept.len() <= cache.most.documents
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut cache = Cache::new(Bounds { documents: 3, bytes: 10_000 });
        for number in 0..3 {
            cache.keep(&url(number), &answer(10, 60, 60), at(0), None);
        }
        // Asked anew, so no longer the oldest.
        cache.keep(&url(0), &answer(10, 60, 60), at(1), None);
        cache.keep(&url(3), &answer(10, 60, 60), at(1), None);
        assert!(cache.get(&url(1)).is_none());
        assert!([0, 2, 3].iter().all(|number| cache.get(&url(*number)).is_some()));
        assert!(is_consistent(&cache));

        // A large one needs the room of several.
        cache.keep(&url(4), &answer(9_500, 60, 60), at(2), None);
        assert_eq!(cache.kept.len(), 1);
        assert!(is_consistent(&cache));
        // One that is larger than all room displaces nothing.
        cache.keep(&url(5), &answer(10_000, 60, 60), at(3), None);
        assert!(cache.get(&url(4)).is_some() && cache.get(&url(5)).is_none() && is_consistent(&cache));
    }

    #[test]
    fn the_newest_word_holds() {
        let mut cache = Cache::new(Bounds { documents: 3, bytes: 10_000 });
        cache.keep(&url(0), &answer(10, 60, 60), at(0), None);
        cache.keep(&url(0), &answer(20, 0, 0), at(1), None);
        assert!(cache.get(&url(0)).is_none(), "the server wants nothing kept now");
        assert!(is_consistent(&cache));
        for bounds in [Bounds { documents: 0, bytes: 10_000 }, Bounds { documents: 3, bytes: 0 }] {
            let mut cache = Cache::new(bounds);
            cache.keep(&url(0), &answer(10, 60, 60), at(0), None);
            assert!(cache.get(&url(0)).is_none() && is_consistent(&cache));
        }
    }

    #[test]
    fn both_clocks_end_a_document() {
        let mut cache = Cache::new(Bounds { documents: 3, bytes: 10_000 });
        let start = at(1_000);
        cache.keep(&url(0), &answer(10, 60, 90), start, None);
        let kept = cache.get(&url(0)).unwrap();
        let when = |told: i64, felt: u64| Moment {
            told: UnixMillis::from_seconds(told),
            felt: start.felt + Duration::from_secs(felt),
        };
        assert!(kept.is_fresh(start) && kept.is_fresh(when(1_059, 59)));
        assert!(!kept.is_fresh(when(1_060, 0)) && !kept.is_fresh(when(1_000, 60)));
        assert!(kept.is_fresh(when(10, 59)), "set back, and still within the time that passed");
        assert!(!kept.is_fresh(when(10, 60)), "set back, which makes nothing last longer");
        assert!(kept.may_stand_in(when(1_089, 0)) && !kept.may_stand_in(when(1_090, 0)));
        assert!(!kept.may_stand_in(when(1_000, 90)));
    }

    /// JWTCA-013
    #[test]
    fn a_cool_down_outlives_what_it_was_for() {
        let mut cache = Cache::new(Bounds { documents: 3, bytes: 10_000 });
        cache.keep(&url(0), &answer(10, 5, 5), at(0), None);
        assert!(!cache.get(&url(0)).unwrap().is_cooling(at(0)));
        cache.keep(&url(0), &answer(10, 5, 5), at(1), Some(at(1)));
        // The next ordinary fetch does not end it.
        cache.keep(&url(0), &answer(10, 5, 5), at(10), None);
        let kept = cache.get(&url(0)).unwrap();
        assert!(kept.is_cooling(at(30)) && kept.is_cooling(at(0)) && !kept.is_cooling(at(31)));
        cache.cool(&url(0), at(40));
        assert!(cache.get(&url(0)).unwrap().is_cooling(at(69)));
        assert!(!cache.get(&url(0)).unwrap().is_cooling(at(70)));
        cache.cool(&url(1), at(40));
        assert!(is_consistent(&cache));
    }
}
