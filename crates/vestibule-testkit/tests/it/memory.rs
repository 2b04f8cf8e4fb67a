//! The stores in memory keep the contract.

mod grants {
    use std::sync::Arc;

    use vestibule_host::memory::MemoryLimits;
    use vestibule_host::{GrantStore, MemoryGrants};
    use vestibule_testkit::StoreFactory;
    use vestibule_testkit::suite::check;
    use vestibule_testkit::suite::grants::{racing_redemptions, racing_refreshes, random_sequences};

    struct Memory;

    #[async_trait::async_trait]
    impl StoreFactory<dyn GrantStore> for Memory {
        async fn open(&self) -> Arc<dyn GrantStore> {
            Arc::new(MemoryGrants::new())
        }

        async fn open_small(&self) -> Option<Arc<dyn GrantStore>> {
            Some(Arc::new(MemoryGrants::with_limits(MemoryLimits::new(20, 10, 15).with_beside(30, 20, 40))))
        }
    }

    vestibule_testkit::store_suite!(Memory);

    fn times(variable: &str, default: u32) -> u32 {
        std::env::var(variable).map_or(default, |number| number.parse().unwrap())
    }

    /// More sequences than the suite has time for: `VESTIBULE_SEQUENCES=1000000` for a long run.
    #[test]
    fn many_sequences_match_the_model() {
        let sequences = u64::from(times("VESTIBULE_SEQUENCES", 40));
        check(async move {
            // A new store now and then, so that a long run needs no more room than a short one.
            for first in (1_000..1_000 + sequences).step_by(100) {
                let last = (first + 100).min(1_000 + sequences);
                random_sequences(&Memory, first..last).await?;
            }
            Ok(())
        });
    }

    /// CODE-004. A hundred at once each time, 50 000 in all: `VESTIBULE_RACES=10000` for a million of each.
    #[test]
    fn many_races_have_one_winner_each() {
        let races = times("VESTIBULE_RACES", 250);
        check(async move {
            for first in (0..races).step_by(100) {
                let numbers = first..(first + 100).min(races);
                racing_redemptions(&Memory, numbers.clone()).await?;
                racing_refreshes(&Memory, numbers).await?;
            }
            Ok(())
        });
    }
}

mod consents {
    vestibule_testkit::consent_suite!(vestibule_host::MemoryConsents::new);
}

mod keys {
    vestibule_testkit::key_suite!(vestibule_host::MemoryKeys::new);
}

mod registrations {
    use std::sync::Arc;

    use vestibule_host::{ClientRegistrar, MemoryClients, StaticClients};
    use vestibule_testkit::StoreFactory;

    struct Memory;

    #[async_trait::async_trait]
    impl StoreFactory<dyn ClientRegistrar> for Memory {
        async fn open(&self) -> Arc<dyn ClientRegistrar> {
            Arc::new(MemoryClients::new(StaticClients::default()))
        }

        async fn open_small(&self) -> Option<Arc<dyn ClientRegistrar>> {
            Some(Arc::new(MemoryClients::with_limit(StaticClients::default(), 20)))
        }
    }

    vestibule_testkit::registrar_suite!(Memory);
}

#[test]
fn a_full_consent_store_refuses_until_something_is_withdrawn() {
    use vestibule_host::{
        ClientId, ConsentAsked, ConsentRecord, ConsentStore, MemoryConsents, Tenant, UnixMillis, UserId,
    };
    let (store, tenant) = (MemoryConsents::with_limit(1), Tenant::new("t"));
    let asked =
        ConsentAsked { user: &UserId::new("u"), client: &ClientId::new("c"), base: "b", patient: None };
    let record = ConsentRecord::new(&asked, Vec::new(), Vec::new(), "en", UnixMillis(0));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let id = store.record(&tenant, &record).await.unwrap();
        assert!(store.record(&tenant, &record).await.is_err());
        store.withdraw(&tenant, &id).await.unwrap();
        assert!(store.record(&tenant, &record).await.is_ok());
    });
}
