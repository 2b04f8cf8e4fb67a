//! Who waits for what: one fetch for all who want the same document, a few for each server, a bounded number in all (FETCH-006).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use crate::ask::Answer;
use crate::cache::{Bounds, Cache, Moment};
use crate::failure::{Failure, Shared};
use crate::target::Target;

/// What a flight came to, for each of its passengers.
pub(crate) type Landed = Result<Bytes, Shared>;

/// A passenger's end of a flight; `None` until it has landed.
pub(crate) type Landing = watch::Receiver<Option<Landed>>;

pub(crate) enum Boarding {
    /// Kept, and good.
    Kept(Bytes),
    /// Under way.
    Flight(Landing),
}

/// The cache and what is under way, behind one lock: a document is always in one of the two, so nobody who comes in between
/// starts a second fetch.
pub(crate) struct Flights {
    cache: Cache,
    under_way: HashMap<Arc<str>, Landing>,
    servers: HashMap<Arc<str>, Server>,
    turns_of_server: usize,
}

struct Server {
    turns: Arc<Semaphore>,
    under_way: usize,
}

impl Flights {
    pub(crate) fn new(cache: Bounds, turns_of_server: usize) -> Self {
        Self { cache: Cache::new(cache), under_way: HashMap::new(), servers: HashMap::new(), turns_of_server }
    }

    /// What need not be fetched: a fresh document, unless it is the one in which a key was looked for and not found; and what
    /// somebody else is fetching.
    pub(crate) fn join(&self, url: &str, now: Moment, seen: Option<&Bytes>) -> Option<Boarding> {
        if let Some(kept) = self.cache.get(url).filter(|kept| kept.is_fresh(now)) {
            // JWTCA-013: only here a cool-down holds. Without a fresh document there is nothing that could be used instead.
            if seen != Some(&kept.document) || kept.is_cooling(now) {
                return Some(Boarding::Kept(kept.document.clone()));
            }
        }
        self.under_way.get(url).map(|landing| Boarding::Flight(landing.clone()))
    }

    /// A place for a new flight, and the turns that those from its server take.
    pub(crate) fn start(&mut self, target: &Target, landing: Landing) -> Result<Arc<Semaphore>, Failure> {
        if self.under_way.len() >= MOST {
            return Err(Failure::TooMany);
        }
        let new = || Server { turns: Arc::new(Semaphore::new(self.turns_of_server)), under_way: 0 };
        let server = self.servers.entry(target.server()).or_insert_with(new);
        if server.under_way >= MOST_OF_SERVER {
            return Err(Failure::TooManyOfServer);
        }
        server.under_way = server.under_way.saturating_add(1);
        self.under_way.insert(Arc::clone(&target.url), landing);
        Ok(Arc::clone(&server.turns))
    }

    /// Ends a flight. `renewal`: it was for a key that the kept document does not have.
    pub(crate) fn land(
        &mut self,
        target: &Target,
        asked: Moment,
        renewal: bool,
        outcome: Result<Answer, Failure>,
    ) -> Landed {
        self.under_way.remove(&target.url);
        let name = target.server();
        if let Some(server) = self.servers.get_mut(&name) {
            server.under_way = server.under_way.saturating_sub(1);
            if server.under_way == 0 {
                self.servers.remove(&name);
            }
        }
        let renewed = renewal.then_some(asked);
        match outcome {
            Ok(answer) => {
                self.cache.keep(&target.url, &answer, asked, renewed);
                Ok(answer.document)
            }
            Err(failure) => {
                // If we had no room to ask, the server was not asked.
                if let Some(renewed) = renewed.filter(|_| !failure.is_ours()) {
                    self.cache.cool(&target.url, renewed);
                }
                Err(failure.into())
            }
        }
    }

    /// What is used though it could not be fetched anew: a document that is fresh all the same, or one whose server allowed it.
    pub(crate) fn stand_in(
        &self,
        url: &str,
        now: Moment,
        seen: Option<&Bytes>,
        failure: &Failure,
    ) -> Option<Bytes> {
        let kept = self.cache.get(url)?;
        let good = if kept.is_fresh(now) {
            // Had we no room to ask for the key that is not in it, we must not say that there is none.
            !(failure.is_ours() && seen == Some(&kept.document))
        } else {
            failure.is_outage() && kept.may_stand_in(now)
        };
        good.then(|| kept.document.clone())
    }
}

/// Flights under way, those that wait for their turn included.
const MOST: usize = 4096;

/// The same for one server: its other clients are told to come back before they fill all places.
const MOST_OF_SERVER: usize = 256;
