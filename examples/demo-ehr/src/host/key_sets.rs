//! Who fetches apps' key sets: the guarded fetcher, and for one address of our own another one.
//!
//! Key sets come from public https addresses, unless `--allow-loopback-fetch` says otherwise. The sample app that publishes its keys
//! lives on this machine, in this very program, and its one address is let through whatever else is not.

use async_trait::async_trait;
use vestibule_fetch::{FetchOptions, GuardedFetcher, SetupError};
use vestibule_host::{FetchError, FetchedKeySet, JwksFetcher, UnixMillis};

/// Fetches key sets.
#[derive(Debug)]
pub struct KeySets {
    /// The sample app's.
    own: String,
    loopback: GuardedFetcher,
    others: GuardedFetcher,
}

impl KeySets {
    /// `own`: where the sample app publishes its keys. `allow_loopback`: whether others may have theirs on this machine.
    ///
    /// # Errors
    /// When there is nothing to make connections with.
    pub fn new(own: String, allow_loopback: bool) -> Result<Self, SetupError> {
        let loopback = || GuardedFetcher::new(FetchOptions::default().danger_allow_loopback());
        let others = if allow_loopback { loopback()? } else { GuardedFetcher::new(FetchOptions::default())? };
        Ok(Self { own, loopback: loopback()?, others })
    }

    fn fetcher(&self, url: &str) -> &GuardedFetcher {
        if url == self.own { &self.loopback } else { &self.others }
    }
}

#[async_trait]
impl JwksFetcher for KeySets {
    fn may_fetch(&self, url: &str) -> bool {
        self.fetcher(url).may_fetch(url)
    }

    async fn key_set(
        &self,
        url: &str,
        now: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        self.fetcher(url).key_set(url, now, seen).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-JWKS-01
    #[tokio::test]
    async fn one_address_of_this_machine_and_no_other() {
        let own = "http://127.0.0.1:8081/key-set/keys.json";
        let guarded = KeySets::new(own.to_owned(), false).unwrap();
        assert!(guarded.may_fetch(own) && guarded.may_fetch("https://app.example/jwks"));
        for other in
            ["http://127.0.0.1:8081/key-set/keys.json?x", "http://127.0.0.1:8081/", "http://[::1]/jwks"]
        {
            assert!(!guarded.may_fetch(other), "{other}");
        }
        assert!(KeySets::new(own.to_owned(), true).unwrap().may_fetch("http://127.0.0.1:9000/jwks"));
    }
}
