//! The suites.

use std::sync::Arc;

use vestibule_host::{ConsentStore, GrantStore, KeyStore};
use vestibule_testkit::StoreFactory;
use vestibule_testkit::suite::check;
use vestibule_testkit::suite::grants::{racing_redemptions, racing_refreshes};

use crate::place::Place;

#[async_trait::async_trait]
impl StoreFactory<dyn GrantStore> for Place {
    async fn open(&self) -> Arc<dyn GrantStore> {
        Arc::new(self.store().await)
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

mod grants {
    vestibule_testkit::store_suite!(crate::place::Place::new());
}

mod consents {
    vestibule_testkit::consent_suite!(crate::place::Place::new());
}

mod keys {
    vestibule_testkit::key_suite!(crate::place::Place::new());
}

/// CODE-004. A hundred at once each time: `VESTIBULE_RACES=10000` for a million of each.
#[test]
fn many_races_have_one_winner_each() {
    let races = std::env::var("VESTIBULE_RACES").map_or(5, |number| number.parse().unwrap());
    let (redeemed, refreshed) = (Place::new(), Place::new());
    check(async move {
        racing_redemptions(&redeemed, 0..races).await?;
        racing_refreshes(&refreshed, 0..races).await
    });
}
