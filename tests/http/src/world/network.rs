//! The network and the gate, as far as the engine knows them: clients' key sets, and whoever says "not so fast".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::{
    FetchError, FetchedKeySet, JwksFetcher, RateAnswer, RateGate, RatePoint, RateQuestion, UnixMillis,
};

use super::script::Script;

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where clients publish their key sets. Every fetch is a call named `fetch` in the script.
#[derive(Debug)]
pub struct Network {
    script: Script,
    published: Mutex<HashMap<String, String>>,
    /// What was fetched last, given out as cached until it is asked for with that answer in hand.
    cached: Mutex<HashMap<String, String>>,
    fetched: Mutex<Vec<String>>,
}

impl Network {
    pub(super) fn new(script: Script) -> Self {
        Self { script, published: Mutex::default(), cached: Mutex::default(), fetched: Mutex::default() }
    }

    /// From now on there is this document at an address.
    pub fn publish(&self, url: &str, document: impl Into<String>) {
        lock(&self.published).insert(url.to_owned(), document.into());
    }

    /// From now on nothing answers there.
    pub fn unpublish(&self, url: &str) {
        lock(&self.published).remove(url);
    }

    /// The caches are cold, or their time is over.
    pub fn forget(&self) {
        lock(&self.cached).clear();
    }

    /// Every address that was fetched, in order.
    pub fn fetched(&self) -> Vec<String> {
        lock(&self.fetched).clone()
    }
}

#[async_trait]
impl JwksFetcher for Network {
    fn may_fetch(&self, url: &str) -> bool {
        url.starts_with("https://") && !url.contains("169.254.")
    }

    async fn key_set(
        &self,
        url: &str,
        _: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        if seen.is_none()
            && let Some(document) = lock(&self.cached).get(url)
        {
            return Ok(FetchedKeySet::from_cache(document.clone().into()));
        }
        lock(&self.fetched).push(url.to_owned());
        self.script.call("fetch").await.map_err(FetchError::refused)?;
        let published = lock(&self.published).get(url).cloned();
        let document = published.ok_or_else(|| FetchError::refused("nothing answers"))?;
        lock(&self.cached).insert(url.to_owned(), document.clone());
        Ok(FetchedKeySet::from_network(document.into()))
    }
}

/// Lets everything go on until it is closed, and counts who failed.
#[derive(Debug, Default)]
pub struct Gate {
    closed: Mutex<Option<RatePoint>>,
    asked: Mutex<Vec<RatePoint>>,
    failed: Mutex<Vec<RatePoint>>,
}

impl Gate {
    /// Nothing of this kind goes on, from now on.
    pub fn close(&self, point: Option<RatePoint>) {
        *lock(&self.closed) = point;
    }

    pub fn asked(&self, point: RatePoint) -> usize {
        lock(&self.asked).iter().filter(|one| **one == point).count()
    }

    pub fn failed(&self, point: RatePoint) -> usize {
        lock(&self.failed).iter().filter(|one| **one == point).count()
    }
}

#[async_trait]
impl RateGate for Gate {
    async fn ask(&self, question: &RateQuestion<'_>) -> RateAnswer {
        lock(&self.asked).push(question.point);
        if *lock(&self.closed) == Some(question.point) {
            return RateAnswer::Wait(Duration::from_secs(7));
        }
        RateAnswer::Go
    }

    async fn failed(&self, question: &RateQuestion<'_>) {
        lock(&self.failed).push(question.point);
    }
}
