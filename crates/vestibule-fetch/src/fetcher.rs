//! The fetcher: who is served from the cache, who waits for whom, and who is told to come back.

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use vestibule_host::{FetchError, FetchedKeySet, JwksFetcher, UnixMillis};

use crate::ask::{Answer, ask};
use crate::cache::Moment;
use crate::connect::Connector;
use crate::failure::{Failure, Shared};
use crate::flights::{Boarding, Flights, Landed};
use crate::options::{FetchOptions, SetupError};
use crate::target::{Allowed, Target};

/// Fetches key sets from public addresses only, and keeps them for as long as their servers say. Cheap to clone; clones share
/// everything.
#[derive(Clone)]
pub struct GuardedFetcher(Arc<Inner>);

struct Inner {
    allowed: Allowed,
    connector: Connector,
    runtime: Handle,
    flights: Mutex<Flights>,
    turns: Arc<Semaphore>,
}

impl GuardedFetcher {
    /// A fetcher with nothing in its cache. Nothing is connected to.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(options: FetchOptions) -> Result<Self, SetupError> {
        let FetchOptions { allowed, roots, resolve, dial, runtime, cache, fetches, fetches_of_server } =
            options;
        let runtime = match runtime {
            Some(runtime) => runtime,
            None => Handle::try_current().map_err(|_| SetupError::NoRuntime)?,
        };
        let turns = |wanted: usize| wanted.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Inner {
            allowed,
            connector: Connector { resolve, dial, tls: Arc::new(tls(roots)?) },
            runtime,
            flights: Mutex::new(Flights::new(cache, turns(fetches_of_server))),
            turns: Arc::new(Semaphore::new(turns(fetches))),
        })))
    }
}

#[async_trait]
impl JwksFetcher for GuardedFetcher {
    fn may_fetch(&self, url: &str) -> bool {
        Target::read(url, &self.0.allowed).is_ok()
    }

    async fn key_set(
        &self,
        url: &str,
        now: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        if let Some(seen) = seen.filter(|seen| !seen.is_cached()) {
            return Ok(seen.clone());
        }
        let now = Moment::new(now);
        let seen = seen.map(FetchedKeySet::document);
        let mut landing = match self.0.board(url, now, seen)? {
            Boarding::Kept(document) => return Ok(FetchedKeySet::from_cache(document)),
            Boarding::Flight(landing) => landing,
        };
        let landed = match landing.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone(),
            Err(_) => None,
        };
        match landed.unwrap_or_else(|| Err(Failure::Ended.into())) {
            Ok(document) => Ok(FetchedKeySet::from_network(document)),
            Err(failure) => match self.0.lock().stand_in(url, now.later(), seen, failure.failure()) {
                // The network has been asked for this call, and asking again would not help.
                Some(document) => Ok(FetchedKeySet::from_network(document)),
                None => Err(failure.into()),
            },
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Flights> {
        // Nothing in there is left half done by a panic.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept, or the flight that brings it.
    fn board(self: &Arc<Self>, url: &str, now: Moment, seen: Option<&Bytes>) -> Result<Boarding, Shared> {
        let mut flights = self.lock();
        if let Some(boarding) = flights.join(url, now, seen) {
            return Ok(boarding);
        }
        let target = Target::read(url, &self.allowed).map_err(Failure::from)?;
        let (report, landing) = watch::channel(None);
        let turns = flights.start(&target, landing.clone())?;
        // A runtime that has ended drops the flight at once, and its end wants the lock.
        drop(flights);
        let ending = Ending {
            inner: Arc::clone(self),
            target,
            asked: now,
            renewal: seen.is_some(),
            report,
            outcome: None,
        };
        self.runtime.spawn(fly(ending, turns));
        Ok(Boarding::Flight(landing))
    }

    /// FETCH-004: five seconds in all, once it is our turn.
    async fn fetch(&self, target: &Target, turns: Arc<Semaphore>) -> Result<Answer, Failure> {
        let _turns = self.turn(turns).await?;
        let fetch = async {
            let stream = self.connector.connect(target).await?;
            ask(stream, target).await
        };
        timeout(TOTAL, fetch).await.unwrap_or(Err(Failure::TooLate))
    }

    /// FETCH-006: first a turn of the server, so that those who wait for a slow one take none from the others.
    async fn turn(&self, of_server: Arc<Semaphore>) -> Result<[OwnedSemaphorePermit; 2], Failure> {
        let deadline = Instant::now() + PATIENCE;
        let of_server = timeout_at(deadline, of_server.acquire_owned()).await;
        let of_server = of_server.ok().and_then(Result::ok).ok_or(Failure::TooManyOfServer)?;
        let of_all = timeout_at(deadline, Arc::clone(&self.turns).acquire_owned()).await;
        let of_all = of_all.ok().and_then(Result::ok).ok_or(Failure::TooMany)?;
        Ok([of_server, of_all])
    }
}

/// A fetch that belongs to nobody: those who wait for it may all go away.
async fn fly(mut ending: Ending, turns: Arc<Semaphore>) {
    let outcome = ending.inner.fetch(&ending.target, turns).await;
    ending.outcome = Some(outcome);
}

/// However a flight ends, also by a panic or with its runtime: its place is free again and those who wait are told.
struct Ending {
    inner: Arc<Inner>,
    target: Target,
    asked: Moment,
    renewal: bool,
    report: watch::Sender<Option<Landed>>,
    outcome: Option<Result<Answer, Failure>>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or(Err(Failure::Ended));
        self.log(&outcome);
        let landed = self.inner.lock().land(&self.target, self.asked, self.renewal, outcome);
        self.report.send_replace(Some(landed));
    }
}

impl Ending {
    /// The operator's reason. The host only: an address may have a key in its path or query, and what a server answers is its own.
    fn log(&self, outcome: &Result<Answer, Failure>) {
        let server = self.target.server();
        match outcome {
            Ok(answer) => tracing::debug!(
                %server,
                bytes = answer.document.len(),
                fresh_seconds = answer.lifetime.fresh.as_secs(),
                "fetched a client's key set"
            ),
            Err(failure) => {
                let cause = failure.source().map(ToString::to_string);
                tracing::warn!(%server, reason = %failure, cause, "no key set of a client");
            }
        }
    }
}

/// rustls with ring, whatever else the host has linked; the public roots and the operator's.
fn tls(roots: Vec<Vec<u8>>) -> Result<ClientConfig, SetupError> {
    let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in roots {
        store.add(root.into()).map_err(|_| SetupError::RootCertificate)?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| SetupError::Tls)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

impl Debug for GuardedFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedFetcher").field("allowed", &self.0.allowed).finish_non_exhaustive()
    }
}

/// From the first look-up to the last byte.
const TOTAL: Duration = Duration::from_secs(5);

/// How long a fetch waits for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
