//! What a host may choose.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::cache::Bounds;
use crate::dial::{Dial, TcpDial};
use crate::resolve::{Resolve, SystemResolve};
use crate::target::Allowed;

/// How to fetch. The default is right for a server that reaches the internet.
///
/// There is no option for other addresses than public ones, for redirects, or for more time or bytes.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    pub(crate) allowed: Allowed,
    pub(crate) roots: Vec<Vec<u8>>,
    pub(crate) resolve: Arc<dyn Resolve>,
    pub(crate) dial: Arc<dyn Dial>,
    pub(crate) runtime: Option<Handle>,
    pub(crate) cache: Bounds,
    pub(crate) fetches: usize,
    pub(crate) fetches_of_server: usize,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            allowed: Allowed::default(),
            roots: Vec::new(),
            resolve: Arc::new(SystemResolve::new()),
            dial: Arc::new(TcpDial),
            runtime: None,
            cache: Bounds { documents: 4096, bytes: 32 * 1024 * 1024 },
            fetches: 64,
            fetches_of_server: 4,
        }
    }
}

impl FetchOptions {
    /// Allows these ports besides 443.
    #[must_use]
    pub fn with_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.allowed.ports.extend(ports);
        self
    }

    /// Trusts this certificate authority too, besides the public ones; `certificate` is DER.
    #[must_use]
    pub fn with_root_certificate(mut self, certificate: impl Into<Vec<u8>>) -> Self {
        self.roots.push(certificate.into());
        self
    }

    /// Allows addresses that are *written* as loopback (`127.0.0.1`, `[::1]`), on any port, also without TLS. For development and
    /// tests: whoever registers a client can then reach what listens on this machine. Names stay guarded, `localhost` too.
    #[must_use]
    pub const fn danger_allow_loopback(mut self) -> Self {
        self.allowed.loopback = true;
        self
    }

    /// Resolves names with this instead of the operating system.
    #[must_use]
    pub fn with_resolve(mut self, resolve: Arc<dyn Resolve>) -> Self {
        self.resolve = resolve;
        self
    }

    /// Connects with this instead of TCP. It is given addresses that have been checked.
    #[must_use]
    pub fn with_dial(mut self, dial: Arc<dyn Dial>) -> Self {
        self.dial = dial;
        self
    }

    /// Fetches on this runtime, which needs its I/O and its timer. The default is the one in which the fetcher is made. Callers may
    /// run anywhere.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// How much is kept; the default is 4096 documents and 32 MiB. The oldest gives way. Zero keeps nothing.
    #[must_use]
    pub const fn with_cache(mut self, documents: usize, bytes: usize) -> Self {
        self.cache = Bounds { documents, bytes };
        self
    }

    /// How many fetches may be under way, in all and from one server; the default is 64 and 4, the least is 1. More wait for up to
    /// 2 s and are then [`Busy`](vestibule_host::FetchError::Busy).
    #[must_use]
    pub const fn with_fetches(mut self, in_all: usize, of_one_server: usize) -> Self {
        self.fetches = in_all;
        self.fetches_of_server = of_one_server;
        self
    }
}

/// A fetcher cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Made outside a runtime, and none was given.
    #[error("no tokio runtime here; make the fetcher inside one or pass one with `with_runtime`")]
    NoRuntime,
    /// A root certificate cannot be read.
    #[error("a root certificate is not a DER certificate")]
    RootCertificate,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls,
}
