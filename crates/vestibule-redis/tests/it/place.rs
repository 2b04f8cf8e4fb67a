//! Servers, and a prefix of its own on one for each store.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use vestibule_redis::{RedisOptions, RedisStore};
use vestibule_test_servers::Redis;

/// One server for everything that does not need one of its own. Its watch ends it with the program.
pub(crate) fn shared() -> &'static Redis {
    static SERVER: OnceLock<Redis> = OnceLock::new();
    SERVER.get_or_init(Redis::start)
}

/// A prefix that no other store has.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("v{}:", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn connect(server: &Redis, options: RedisOptions) -> RedisStore {
    RedisStore::connect(&server.url(), options).await.unwrap()
}
