//! Why a key set could not be had: for the operator, never for the client.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use http::StatusCode;
use vestibule_host::FetchError;

use crate::target::NotATarget;

/// What went wrong, as the log says it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    NotATarget(#[from] NotATarget),
    #[error("the name could not be resolved")]
    Unresolved(#[source] io::Error),
    #[error("the name has no address")]
    NoAddress,
    #[error("the name leads to {0}, which is not a public address; nothing was connected to")]
    NotPublic(IpAddr),
    #[error("no connection")]
    NoConnection(#[source] io::Error),
    #[error("no TLS connection")]
    NoTls(#[source] io::Error),
    #[error("no connection in time")]
    ConnectedTooLate,
    #[error("no whole answer in time")]
    TooLate,
    #[error("the answer is broken or was cut off")]
    Broken(#[from] hyper::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the answer is compressed or encoded")]
    Encoded,
    #[error("the answer has the wrong content type")]
    ContentType,
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is not a JSON object")]
    NotJson,
    #[error("too many fetches are under way")]
    TooMany,
    #[error("too many fetches from this server are under way")]
    TooManyOfServer,
    #[error("too many names are being resolved")]
    TooManyNames,
    #[error("the runtime that fetches has ended")]
    Ended,
}

impl Failure {
    /// FETCH-007: our own budget, which says nothing about the client.
    pub(crate) const fn is_ours(&self) -> bool {
        matches!(self, Self::TooMany | Self::TooManyOfServer | Self::TooManyNames | Self::Ended)
    }

    /// Whether a document that came with `stale-if-error` may stand in: the server could not be reached or says that it has a
    /// fault, or we could not ask (RFC 5861 §4). A server that answers, but something else, has taken its key set back; and a
    /// name that leads into a private network, or answers that no key set looks like, are no faults to smooth over.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Unresolved(_)
            | Self::NoAddress
            | Self::NoConnection(_)
            | Self::NoTls(_)
            | Self::ConnectedTooLate
            | Self::TooLate
            | Self::Broken(_) => true,
            Self::Status(status) => matches!(status.as_u16(), 500 | 502 | 503 | 504),
            Self::NotATarget(_)
            | Self::NotPublic(_)
            | Self::Encoded
            | Self::ContentType
            | Self::TooLong
            | Self::NotJson => false,
            Self::TooMany | Self::TooManyOfServer | Self::TooManyNames | Self::Ended => true,
        }
    }
}

/// One failure, told to each of those who waited for the same fetch.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Failure>);

impl Shared {
    pub(crate) fn failure(&self) -> &Failure {
        &self.0
    }
}

impl From<Failure> for Shared {
    fn from(failure: Failure) -> Self {
        Self(Arc::new(failure))
    }
}

impl From<Shared> for FetchError {
    fn from(shared: Shared) -> Self {
        if shared.0.is_ours() { Self::busy(shared) } else { Self::refused(shared) }
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}
