//! The suites.

use std::sync::{Arc, OnceLock};

use vestibule_host::{ConsentStore, GrantStore, KeyStore};
use vestibule_redis::{RedisOptions, RedisStore};
use vestibule_test_servers::Redis;
use vestibule_testkit::StoreFactory;
use vestibule_testkit::suite::check;
use vestibule_testkit::suite::grants::{racing_redemptions, racing_refreshes};

use crate::place::{connect, prefix, shared};

/// A prefix on a server; and a server with little memory of its own, where one is asked for.
struct Prefixed {
    prefix: String,
    small: OnceLock<Redis>,
}

impl Prefixed {
    fn new() -> Self {
        Self { prefix: prefix(), small: OnceLock::new() }
    }

    fn options(&self) -> RedisOptions {
        RedisOptions::default().with_prefix(&self.prefix)
    }

    async fn store(&self) -> Arc<RedisStore> {
        Arc::new(connect(shared(), self.options()).await)
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn GrantStore> for Prefixed {
    async fn open(&self) -> Arc<dyn GrantStore> {
        self.store().await
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        let server = self.small.get_or_init(|| Redis::start_with(&[("maxmemory", "4mb")]));
        Some(Arc::new(connect(server, self.options()).await))
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn ConsentStore> for Prefixed {
    async fn open(&self) -> Arc<dyn ConsentStore> {
        self.store().await
    }

    fn survives(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn KeyStore> for Prefixed {
    async fn open(&self) -> Arc<dyn KeyStore> {
        self.store().await
    }

    fn survives(&self) -> bool {
        true
    }
}

mod grants {
    vestibule_testkit::store_suite!(crate::contract::Prefixed::new());
}

mod consents {
    vestibule_testkit::consent_suite!(crate::contract::Prefixed::new());
}

mod keys {
    vestibule_testkit::key_suite!(crate::contract::Prefixed::new());
}

/// CODE-004. A hundred at once each time, 50 000 in all: `VESTIBULE_RACES=10000` for a million of each.
#[test]
fn many_races_have_one_winner_each() {
    let races = std::env::var("VESTIBULE_RACES").map_or(250, |number| number.parse().unwrap());
    let (redeemed, refreshed) = (Prefixed::new(), Prefixed::new());
    check(async move {
        racing_redemptions(&redeemed, 0..races).await?;
        racing_refreshes(&refreshed, 0..races).await
    });
}
