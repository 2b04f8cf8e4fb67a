//! The key sets of clients that registered a `jwks_uri`.
//!
//! Fetching them is the only time the engine reaches out, and the address comes from somebody else: whoever registers a client,
//! or owns the name in its address, would have the engine look around in the host's own network. The engine therefore opens no
//! connection itself; it asks a [`JwksFetcher`], and without one it refuses such clients when they are loaded.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{BoxError, UnixMillis};

/// A client's key set, as a [`JwksFetcher`] hands it out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchedKeySet {
    document: Bytes,
    cached: bool,
}

impl FetchedKeySet {
    /// What came of asking the network for this call: its answer, or an older document that stands in because there was none.
    /// Nothing newer can be had.
    pub const fn from_network(document: Bytes) -> Self {
        Self { document, cached: false }
    }

    /// What an earlier call had fetched, given without asking.
    pub const fn from_cache(document: Bytes) -> Self {
        Self { document, cached: true }
    }

    /// The document as it came: at most [`FetchedKeySet::MAX_BYTES`], and nothing else is known about it. Its owner is the
    /// client, or whoever has taken over the client's server: parse it as strictly as anything from the network.
    pub const fn document(&self) -> &Bytes {
        &self.document
    }

    /// Whether an earlier call fetched it, so that the client may have published another since.
    pub const fn is_cached(&self) -> bool {
        self.cached
    }

    /// No key set is larger (FETCH-004).
    pub const MAX_BYTES: usize = 256 * 1024;
}

/// A key set could not be had. Whatever the variant and the reason, the client learns neither: its answer must not tell an open
/// port from a closed one, a slow host from a missing one, a bad certificate from a bad document (FETCH-007).
///
/// The reason is the operator's, in [`source`](std::error::Error::source): log it, never send it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The client's fault: its address, its server's answer, certificate or slowness. Answered with `invalid_client`.
    #[error("the client's key set cannot be used")]
    Refused(#[source] BoxError),
    /// Our own budget is exhausted, so nothing is known about the client. Answered with 503.
    #[error("no key set can be fetched at the moment")]
    Busy(#[source] BoxError),
}

impl FetchError {
    /// The client's fault, because of this.
    pub fn refused(source: impl Into<BoxError>) -> Self {
        Self::Refused(source.into())
    }

    /// Our own limit, because of this.
    pub fn busy(source: impl Into<BoxError>) -> Self {
        Self::Busy(source.into())
    }
}

/// Fetches the key sets of clients that registered a `jwks_uri`. `vestibule-fetch` has the one to use; the engine has none until
/// it is given one.
///
/// # Security
/// Every address is hostile. An implementation fetches over https only, from public addresses only, and checks the address it
/// connects to, not the name (FETCH-001 to FETCH-004); an HTTP client as it comes follows redirects into the host's own network.
/// It says nothing about a failure but which of the two kinds it was.
///
/// # Example
/// A fetcher for tests: one address, one key set, no network.
///
/// ```
/// use async_trait::async_trait;
/// use vestibule_host::{FetchError, FetchedKeySet, JwksFetcher, UnixMillis};
///
/// #[derive(Debug)]
/// struct OneClient;
///
/// #[async_trait]
/// impl JwksFetcher for OneClient {
///     fn may_fetch(&self, url: &str) -> bool {
///         url == "https://keys.example/jwks"
///     }
///
///     async fn key_set(
///         &self,
///         url: &str,
///         _now: UnixMillis,
///         seen: Option<&FetchedKeySet>,
///     ) -> Result<FetchedKeySet, FetchError> {
///         match seen {
///             // Nothing newer can be had.
///             Some(seen) => Ok(seen.clone()),
///             None if self.may_fetch(url) => Ok(FetchedKeySet::from_network(r#"{"keys":[]}"#.into())),
///             None => Err(FetchError::refused("not the address of the client")),
///         }
///     }
/// }
///
/// assert!(!OneClient.may_fetch("https://127.0.0.1/jwks"));
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let now = UnixMillis(0);
/// let asked = OneClient.key_set("https://keys.example/jwks", now, None);
/// # let Poll::Ready(answer) = pin!(asked).poll(&mut Context::from_waker(Waker::noop())) else { panic!() };
/// assert_eq!(answer?.document(), r#"{"keys":[]}"#);
/// # Ok::<(), FetchError>(())
/// ```
#[async_trait]
pub trait JwksFetcher: Debug + Send + Sync {
    /// Whether a client may register this address: scheme, host, port, userinfo, and the address itself where the host is
    /// written as one. No connection is made and no name is looked up.
    ///
    /// A yes promises nothing: the name may lead anywhere, now or later. [`key_set`](Self::key_set) checks all of it again.
    fn may_fetch(&self, url: &str) -> bool;

    /// The key set at `url`: from the cache while it is fresh, else from the network.
    ///
    /// Call it with `seen: None` first. If the wanted `kid` is not in the answer, or the answer is no key set, call it once more
    /// with that answer: it may have been cached before the client published its new key. What comes then is final.
    ///
    /// # Contract
    /// * A document is fresh for the `max-age` that came with it, less its `Age`, and never longer than an hour. Without
    ///   `max-age`, or with `no-store`, it is given to those who wait for it and not kept.
    /// * An old document stands in for a failed fetch only if it came with `stale-if-error`, and within the same hour.
    /// * With `seen`: a document that came from the network, or whose address was asked for a newer one less than 30 seconds
    ///   ago, is returned as it is; a newer one that is cached by now is returned; otherwise the address is asked again
    ///   (JWTCA-013). A fetch that fails then leaves the cached document in place and returns it: keys that were good stay good
    ///   however many unknown ones are asked for.
    /// * A failure is not remembered. A client that mended its server is served at once.
    ///
    /// # Concurrency, cancellation
    /// Any number of calls for one `url` share one fetch (FETCH-006). A slow server delays its own clients only. May be dropped
    /// at any await without harm to those who wait for the same fetch.
    ///
    /// # Errors
    /// [`FetchError`]. The whole call ends within seconds, whatever the server does.
    async fn key_set(
        &self,
        url: &str,
        now: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError>;
}
