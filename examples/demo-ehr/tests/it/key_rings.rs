//! The ring of the hospital's keys over each store that it can be started with, held to what a `KeyRing` promises.
//!
//! Over files and in memory: `ring_contract` in `vestibule-jose`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio::sync::OnceCell;
use vestibule_host::{Alg, KeyRing, KeyStore, Tenant, UnixMillis};
use vestibule_jose::{KeyPlan, KeyRole, LocalKeyRing, SystemRandom};
use vestibule_postgres::{Database, PostgresOptions, PostgresStore, migrate};
use vestibule_redis::{RedisOptions, RedisStore};
use vestibule_sqlite::{SqliteOptions, SqliteStore};
use vestibule_test_servers::{Place, Postgres, Redis};
use vestibule_testkit::suite::Arranged;
use vestibule_testkit::suite::rings::RingWorld;

/// A store of one case, which can be taken away from everybody who uses it.
#[async_trait]
trait Kept: Send + Sync {
    async fn keys(&self) -> Arc<dyn KeyStore>;
    async fn cut(&self);
}

/// Nodes over one store.
struct Nodes<K>(K);

impl<K: Kept> Nodes<K> {
    async fn ring(&self, now: UnixMillis) -> LocalKeyRing {
        let tenant = Tenant::new("https://ehr.example");
        let plan = KeyPlan::new(Alg::Es256, Alg::EdDsa).with_access_token(Alg::Es384);
        LocalKeyRing::open(self.0.keys().await, &tenant, plan, Arc::new(SystemRandom), now).await.unwrap()
    }
}

#[async_trait]
impl<K: Kept> RingWorld for Nodes<K> {
    async fn open(&self, now: UnixMillis) -> Arc<dyn KeyRing> {
        Arc::new(self.ring(now).await)
    }

    async fn rotate(&self, now: UnixMillis) -> Arranged {
        self.ring(now).await.announce(KeyRole::AccessToken, Alg::Es256, now).await.unwrap();
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.0.cut().await;
        Arranged::Done
    }
}

struct InFile {
    store: SqliteStore,
    _place: Place,
}

impl InFile {
    fn new() -> Self {
        let place = Place::new("rings", "none.pid");
        let store = SqliteStore::open(place.path().join("v.sqlite3"), SqliteOptions::default()).unwrap();
        Self { store, _place: place }
    }
}

#[async_trait]
impl Kept for InFile {
    async fn keys(&self) -> Arc<dyn KeyStore> {
        Arc::new(self.store.clone())
    }

    async fn cut(&self) {
        self.store.close().await;
    }
}

/// A schema of one server.
#[derive(Default)]
struct InPostgres(OnceCell<PostgresStore>);

impl InPostgres {
    async fn store(&self) -> &PostgresStore {
        static SERVER: OnceLock<Postgres> = OnceLock::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let open = async || {
            let database = Database::from_url(&SERVER.get_or_init(Postgres::start).url("postgres")).unwrap();
            let schema = format!("rings_{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let options = PostgresOptions::default().with_schema(&schema);
            migrate(&database, &options).await.unwrap();
            PostgresStore::open(&database, &options).await.unwrap()
        };
        self.0.get_or_init(open).await
    }
}

#[async_trait]
impl Kept for InPostgres {
    async fn keys(&self) -> Arc<dyn KeyStore> {
        Arc::new(self.store().await.clone())
    }

    async fn cut(&self) {
        self.store().await.close().await;
    }
}

/// A server of its own: it is what is taken away.
struct InRedis {
    store: OnceCell<RedisStore>,
    server: Redis,
}

impl InRedis {
    fn new() -> Self {
        Self { store: OnceCell::new(), server: Redis::start() }
    }
}

#[async_trait]
impl Kept for InRedis {
    async fn keys(&self) -> Arc<dyn KeyStore> {
        let open = async || RedisStore::connect(&self.server.url(), RedisOptions::default()).await.unwrap();
        Arc::new(self.store.get_or_init(open).await.clone())
    }

    async fn cut(&self) {
        self.server.stop();
    }
}

mod sqlite {
    vestibule_testkit::ring_suite!(super::Nodes(super::InFile::new()));
}

mod postgres {
    vestibule_testkit::ring_suite!(super::Nodes(super::InPostgres::default()));
}

mod redis {
    vestibule_testkit::ring_suite!(super::Nodes(super::InRedis::new()));
}
