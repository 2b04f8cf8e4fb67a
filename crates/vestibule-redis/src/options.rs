//! What a host may choose.

use std::sync::Arc;
use std::time::Duration;

use vestibule_host::Durability;

use crate::ConnectError;
use crate::address::Trust;
use crate::rustls::ClientConfig;

/// How to connect. The default is right for one primary that keeps what it acknowledges.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    pub(crate) prefix: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) response_timeout: Duration,
    pub(crate) in_flight: usize,
    pub(crate) may_lose: bool,
    pub(crate) vouched: Option<Durability>,
    pub(crate) clear_text: bool,
    pub(crate) trust: Option<Trust>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "vestibule:".to_owned(),
            connect_timeout: Duration::from_secs(2),
            response_timeout: Duration::from_secs(5),
            in_flight: 4096,
            may_lose: false,
            vouched: None,
            clear_text: false,
            trust: None,
        }
    }
}

impl RedisOptions {
    /// What all keys begin with; the default is `vestibule:`. Lets the store share a server with something else.
    ///
    /// Letters, digits, `_`, `-`, `.` and `:`, at most 32 of them; checked when the store is connected.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long to wait for a connection; the default is 2 s.
    #[must_use]
    pub const fn with_connect_timeout(mut self, wait: Duration) -> Self {
        self.connect_timeout = wait;
        self
    }

    /// How long to wait for an answer; the default is 5 s. A verb that got none is `OutcomeUnknown`.
    #[must_use]
    pub const fn with_response_timeout(mut self, wait: Duration) -> Self {
        self.response_timeout = wait;
        self
    }

    /// Encrypts the way to the server, whose address is then `rediss://…`. The configuration says which authorities vouch for the
    /// server, whose certificate must name the host of the address; with which library to reckon; and, where the server asks for one,
    /// the certificate of this client.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use vestibule_redis::RedisOptions;
    /// use vestibule_redis::rustls::{ClientConfig, RootCertStore, crypto::ring};
    ///
    /// # fn main() -> Result<(), vestibule_redis::rustls::Error> {
    /// let mut authorities = RootCertStore::empty();
    /// // Add the authority that signs the server's certificate.
    /// # authorities.add_parsable_certificates([]);
    /// let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(authorities)
    ///     .with_no_client_auth();
    /// let options = RedisOptions::default().with_tls(Arc::new(config));
    /// # let _ = options;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.trust = Some(Trust(config));
        self
    }

    /// Accepts that who granted what to whom, private keys and the password cross the network in clear text: where the network is
    /// encrypted by other means. This machine alone may be spoken to so without it, where the end of a tunnel may be.
    #[must_use]
    pub const fn danger_clear_text(mut self) -> Self {
        self.clear_text = true;
        self
    }

    /// How many calls may wait for an answer; the default is 4096. One more is answered `Busy`.
    #[must_use]
    pub const fn with_in_flight(mut self, calls: usize) -> Self {
        self.in_flight = calls;
        self
    }

    /// Takes a server that may lose what it has acknowledged: one with replicas, in a cluster, without `appendonly yes` or
    /// without `appendfsync always`. The store then declares
    /// [`Durability::FailoverMayLose`](vestibule_host::Durability::FailoverMayLose).
    ///
    /// # Security
    /// After a failover a spent code can be redeemed again, a rotated refresh token can rotate again, a revoked grant can live
    /// again. Choose this only where that is acceptable, and keep lifetimes short.
    #[must_use]
    pub const fn danger_failover_may_lose(mut self) -> Self {
        self.may_lose = true;
        self
    }

    /// For a server that does not let `CONFIG GET` be asked, as managed services do: the host says itself how `appendfsync` and
    /// `no-appendfsync-on-rewrite` are set. [`Durability::Crash`](vestibule_host::Durability::Crash) means `always` and `no`;
    /// anything else counts as a server that may lose, and needs
    /// [`danger_failover_may_lose`](Self::danger_failover_may_lose) as well.
    ///
    /// What the server does show is still held against it: replicas, cluster mode, no append-only file, eviction.
    ///
    /// # Security
    /// If it is not true, the store claims more than it keeps.
    #[must_use]
    pub const fn danger_vouch_for_durability(mut self, durability: Durability) -> Self {
        self.vouched = Some(durability);
        self
    }

    /// A brace in the prefix would be a hash tag of its own.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.:".contains(&b);
        let good = self.prefix.len() <= 32 && self.prefix.bytes().all(plain);
        if good { Ok(()) } else { Err(ConnectError::Prefix(self.prefix.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_prefixes_pass() {
        for good in ["", "v:", "vestibule-2.", "a_b:C"] {
            assert!(RedisOptions::default().with_prefix(good).check().is_ok(), "{good}");
        }
        for bad in ["{a}", "a b", "a\0", "Ä", "*", &"x".repeat(33)] {
            assert!(RedisOptions::default().with_prefix(bad).check().is_err(), "{bad}");
        }
    }
}
