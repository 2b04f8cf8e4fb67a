//! The contract of key rings: held by a ring over keys in memory and in a file, and broken by every planted mistake.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use vestibule_host::{
    Alg, KeyDocument, KeyRing, KeySaved, KeyStore, MemoryKeys, StoreFault, Tenant, UnixMillis,
};
use vestibule_jose::{FileKeys, KeyPlan, KeyRole, LocalKeyRing, SystemRandom};
use vestibule_testkit::mutants::{MutantRings, RingMistake};
use vestibule_testkit::suite::rings::{self, RingWorld};
use vestibule_testkit::suite::{Arranged, failures_in};

/// A key store that can be taken away.
#[derive(Debug)]
struct Cuttable<S> {
    store: S,
    is_cut: AtomicBool,
}

impl<S> Cuttable<S> {
    fn there(&self) -> Result<&S, StoreFault> {
        match self.is_cut.load(Ordering::Relaxed) {
            false => Ok(&self.store),
            true => Err(StoreFault::not_applied("nobody answers")),
        }
    }
}

#[async_trait]
impl<S: KeyStore> KeyStore for Cuttable<S> {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        self.there()?.load(tenant).await
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        self.there()?.revision(tenant).await
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        self.there()?.save(tenant, expected, document).await
    }
}

/// Nodes over one key store.
#[derive(Debug)]
struct Nodes<S> {
    store: Arc<Cuttable<S>>,
    plan: KeyPlan,
    directory: Option<PathBuf>,
}

impl<S: KeyStore + 'static> Nodes<S> {
    fn over(store: S, plan: KeyPlan) -> Self {
        Self { store: Arc::new(Cuttable { store, is_cut: AtomicBool::new(false) }), plan, directory: None }
    }

    async fn ring(&self, now: UnixMillis) -> LocalKeyRing {
        let store: Arc<dyn KeyStore> = self.store.clone();
        let tenant = Tenant::new("https://as.example");
        LocalKeyRing::open(store, &tenant, self.plan.clone(), Arc::new(SystemRandom), now).await.unwrap()
    }
}

impl<S> Drop for Nodes<S> {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

#[async_trait]
impl<S: KeyStore + 'static> RingWorld for Nodes<S> {
    async fn open(&self, now: UnixMillis) -> Arc<dyn KeyRing> {
        Arc::new(self.ring(now).await)
    }

    async fn rotate(&self, now: UnixMillis) -> Arranged {
        self.ring(now).await.announce(KeyRole::AccessToken, Alg::Es256, now).await.unwrap();
        Arranged::Done
    }

    async fn cut(&self) -> Arranged {
        self.store.is_cut.store(true, Ordering::Relaxed);
        Arranged::Done
    }
}

/// Every sort of key that is made quickly.
fn in_memory() -> Nodes<MemoryKeys> {
    Nodes::over(MemoryKeys::new(), KeyPlan::new(Alg::Es256, Alg::EdDsa).with_access_token(Alg::Es384))
}

/// The default plan, with RSA.
fn in_a_file() -> Nodes<FileKeys> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("ring-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    let mut nodes = Nodes::over(FileKeys::new(directory.join("keys")), KeyPlan::default());
    nodes.directory = Some(directory);
    nodes
}

mod memory {
    vestibule_testkit::ring_suite!(super::in_memory());
}

mod file {
    vestibule_testkit::ring_suite!(super::in_a_file());
}

/// The case that must find a mistake.
const fn found_by(mistake: RingMistake) -> &'static str {
    match mistake {
        RingMistake::NotAnnounced | RingMistake::RetiredAtOnce | RingMistake::RestlessKid => {
            "a_key_is_announced_then_signs_then_retires"
        }
        RingMistake::KidPerNode => "nodes_have_the_same_keys",
        RingMistake::PrivatePublished => "only_public_parts_are_published",
        RingMistake::SecretsShown => "secrets_are_not_shown",
        RingMistake::OneKeySigns => "a_signature_is_good_by_the_published_key",
        RingMistake::WrongAlg => "every_signing_key_is_published_once",
        RingMistake::OutageSwallowed => "an_outage_changes_no_key",
        RingMistake::AnyKeySigns => "an_unknown_key_signs_nothing",
        RingMistake::SuccessorOnly => "a_chosen_key_can_sign_after_it_was_succeeded",
        RingMistake::StuckRevision => "the_revision_grows_with_each_change",
    }
}

/// KEY-001, KEY-002, KEY-006
#[test]
fn every_mistake_of_a_ring_is_found() {
    let plan = || KeyPlan::new(Alg::Es256, Alg::EdDsa);
    for mistake in RingMistake::ALL {
        let world = || Box::new(MutantRings::new(Nodes::over(MemoryKeys::new(), plan()), mistake));
        let failed = failures_in(rings::CASES, || world() as Box<dyn RingWorld>);
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        assert!(names.contains(&found_by(mistake)), "{mistake:?}: {failed:?}");
    }
}
