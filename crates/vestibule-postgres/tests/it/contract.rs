//! The suites.

use std::sync::Arc;

use vestibule_host::{ClientRegistrar, ConsentStore, GrantStore, KeyStore, StaticClients, Tenant};
use vestibule_postgres::PostgresClients;
use vestibule_testkit::StoreFactory;
use vestibule_testkit::suite::check;
use vestibule_testkit::suite::grants::{racing_redemptions, racing_refreshes};

use crate::place::Place;

#[async_trait::async_trait]
impl StoreFactory<dyn GrantStore> for Place {
    async fn open(&self) -> Arc<dyn GrantStore> {
        Arc::new(self.store().await)
    }

    async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
        Some(Arc::new(self.store_with(self.options().with_max_rows(300)).await))
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn ConsentStore> for Place {
    async fn open(&self) -> Arc<dyn ConsentStore> {
        Arc::new(self.store().await)
    }

    fn survives(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn KeyStore> for Place {
    async fn open(&self) -> Arc<dyn KeyStore> {
        Arc::new(self.store().await)
    }

    fn survives(&self) -> bool {
        true
    }
}

#[async_trait::async_trait]
impl StoreFactory<dyn ClientRegistrar> for Place {
    async fn open(&self) -> Arc<dyn ClientRegistrar> {
        Arc::new(PostgresClients::new(self.store().await, tenant(), StaticClients::default()))
    }

    async fn open_small(&self) -> Option<Arc<dyn ClientRegistrar>> {
        Some(Arc::new(PostgresClients::with_limit(
            self.store().await,
            tenant(),
            StaticClients::default(),
            20,
        )))
    }

    fn survives(&self) -> bool {
        true
    }
}

fn tenant() -> Tenant {
    Tenant::new("https://ehr.example")
}

mod grants {
    vestibule_testkit::store_suite!(crate::place::Place::new());
}

/// Row 27: nothing needs a second connection.
mod grants_over_one_connection {
    vestibule_testkit::store_suite!(crate::place::Place::narrow());
}

mod consents {
    vestibule_testkit::consent_suite!(crate::place::Place::new());
}

mod keys {
    vestibule_testkit::key_suite!(crate::place::Place::new());
}

mod registrations {
    vestibule_testkit::registrar_suite!(crate::place::Place::new());
}

/// CODE-004. A hundred at once each time, 50 000 in all: `VESTIBULE_RACES=10000` for a million of each.
#[test]
fn many_races_have_one_winner_each() {
    let races = std::env::var("VESTIBULE_RACES").map_or(250, |number| number.parse().unwrap());
    let (redeemed, refreshed) = (Place::new(), Place::new());
    check(async move {
        racing_redemptions(&redeemed, 0..races).await?;
        racing_refreshes(&refreshed, 0..races).await
    });
}
