//! Servers, and a prefix of its own on one for each store.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
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

/// A connection beside the store's, as an operator has one.
pub(crate) struct Operator(MultiplexedConnection);

impl Operator {
    pub(crate) async fn of(server: &Redis) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        Self(client.get_multiplexed_async_connection().await.unwrap())
    }

    /// Sends a command, whose words are parted by blanks.
    pub(crate) async fn tries<T: FromRedisValue>(&mut self, command: &str) -> RedisResult<T> {
        let mut words = command.split(' ');
        let mut sent = redis::cmd(words.next().unwrap());
        for word in words {
            sent.arg(word);
        }
        sent.query_async(&mut self.0).await
    }

    pub(crate) async fn raw(&mut self, command: &redis::Cmd) -> RedisResult<redis::Value> {
        command.query_async(&mut self.0).await
    }

    pub(crate) async fn says<T: FromRedisValue>(&mut self, command: &str) -> T {
        self.tries(command).await.unwrap()
    }

    /// All keys that begin so.
    pub(crate) async fn keys(&mut self, prefix: &str) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = self.says(&format!("KEYS {prefix}*")).await;
        keys.sort();
        keys
    }

    pub(crate) async fn with<T: FromRedisValue>(&mut self, command: &str, arguments: &[&[u8]]) -> T {
        let mut sent = redis::cmd(command);
        sent.arg(arguments);
        sent.query_async(&mut self.0).await.unwrap()
    }
}
