//! How the engine uses a fetcher: look for the key, and once more if it is not there.

use std::sync::Arc;

use vestibule_host::{FetchError, FetchedKeySet, JwksFetcher};

use crate::world::World;

/// What becomes of an assertion whose header names a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The key was found; the signature would be checked now.
    Found,
    /// `invalid_client`: no such key.
    Unknown,
    /// `invalid_client`: no key set.
    Refused,
    /// 503.
    Busy,
}

pub(crate) async fn authenticate(world: &World, fetcher: &dyn JwksFetcher, url: &str, kid: &str) -> Outcome {
    let has =
        |set: &FetchedKeySet| String::from_utf8_lossy(set.document()).contains(&format!("\"kid\":\"{kid}\""));
    let asked = async {
        let set = fetcher.key_set(url, world.now(), None).await?;
        if has(&set) { Ok(set) } else { fetcher.key_set(url, world.now(), Some(&set)).await }
    };
    match asked.await {
        Ok(set) if has(&set) => Outcome::Found,
        Ok(_) => Outcome::Unknown,
        Err(FetchError::Refused(_)) => Outcome::Refused,
        Err(FetchError::Busy(_)) => Outcome::Busy,
        Err(other) => panic!("{other}"),
    }
}

/// The same as a task of its own.
pub(crate) fn authenticating(
    world: &Arc<World>,
    fetcher: &Arc<dyn JwksFetcher>,
    url: &str,
    kid: &str,
) -> tokio::task::JoinHandle<Outcome> {
    let (world, fetcher) = (Arc::clone(world), Arc::clone(fetcher));
    let (url, kid) = (url.to_owned(), kid.to_owned());
    tokio::spawn(async move { authenticate(&world, &*fetcher, &url, &kid).await })
}
