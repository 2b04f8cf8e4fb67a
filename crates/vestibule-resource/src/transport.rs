//! How this crate asks another server something.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use vestibule_host::BoxError;

/// Sends one request to a server that the operator named, and collects its answer.
///
/// `HttpClient` (feature `http-client`) is one; a host that has an HTTP client implements this in a few lines.
///
/// # Contract
/// The request is sent as it is to the authority in its URI, once: no redirect is followed, nothing is sent again. An answer is what
/// the server said, whatever its status. The call ends within seconds and the answer's body is bounded, or the call fails.
///
/// # Cancellation
/// May be dropped at any await.
///
/// # Errors
/// Whatever went wrong between here and there. It is logged; no client sees it.
///
/// # Security
/// The request carries credentials or a token: https, or a network that only you can read.
#[async_trait]
pub trait Transport: Debug + Send + Sync {
    /// Sends it and collects the answer.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BoxError>;
}
