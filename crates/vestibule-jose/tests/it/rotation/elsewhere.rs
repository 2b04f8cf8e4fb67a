//! Heavy work is done where the host says, and nowhere else.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use vestibule_host::compute::{Compute, Job};
use vestibule_host::{Alg, KeyError, KeyRing as _, MemoryKeys, StoreFault};
use vestibule_jose::{KeyPlan, KeyRole};

use super::*;

/// Counts, and has no room when it is told so.
#[derive(Debug, Default)]
struct Counting {
    jobs: AtomicUsize,
    full: AtomicBool,
}

impl Counting {
    fn jobs(&self) -> usize {
        self.jobs.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl Compute for Counting {
    async fn run(&self, job: Job) -> Result<(), StoreFault> {
        if self.full.load(Ordering::Relaxed) {
            return Err(StoreFault::Full);
        }
        self.jobs.fetch_add(1, Ordering::Relaxed);
        job();
        Ok(())
    }
}

/// KEY-007
#[test]
fn new_keys_and_heavy_signatures_are_made_elsewhere() {
    let store = Arc::new(MemoryKeys::new());
    let plan = KeyPlan::new(Alg::Es256, Alg::EdDsa).with_id_token(Alg::Es384);
    let compute = Arc::new(Counting::default());
    let ring = open(&store, plan, T0).unwrap().with_compute(compute.clone());
    let keys = ring.snapshot();
    for (alg, jobs) in [(Alg::EdDsa, 0), (Alg::Es384, 1)] {
        let key = keys.id_token_key(alg).unwrap();
        let here = ready(ring.sign(&key.id, b"x")).unwrap();
        assert_eq!((here.is_empty(), compute.jobs()), (false, jobs), "{alg:?}");
    }
    assert!(ready(ring.sign(&keys.access_token.id, b"x")).is_ok());
    assert_eq!(compute.jobs(), 0, "ES256 is quicker than the way there");
    let announced = ready(ring.announce(KeyRole::IdToken, Alg::EdDsa, at(T0))).unwrap();
    assert!(is_published(&ring, &announced));
    assert_eq!(compute.jobs(), 1);
    tend(&ring, T0 + ANNOUNCED);
    assert_eq!(compute.jobs(), 1, "what is due");
    tend(&ring, T0 + ANNOUNCED);
    assert_eq!(compute.jobs(), 0, "nothing is due, nothing is done");
}

/// KEY-007
#[test]
fn without_room_nothing_changes_and_nothing_is_signed() {
    let store = Arc::new(MemoryKeys::new());
    let compute = Arc::new(Counting::default());
    let plan = KeyPlan::new(Alg::Es256, Alg::Es384);
    let ring = open(&store, plan, T0).unwrap().with_compute(compute.clone());
    let keys = ring.snapshot();
    compute.full.store(true, Ordering::Relaxed);
    let before = stored(&store);
    let full = |error: KeyError| matches!(error, KeyError::Store(StoreFault::Full));
    assert!(full(ready(ring.announce(KeyRole::IdToken, Alg::Es384, at(T0))).unwrap_err()));
    assert!(full(ready(ring.revoke_key(&keys.id_token.id, at(T0))).unwrap_err()));
    assert!(full(ready(ring.sign(&keys.id_token.id, b"x")).unwrap_err()));
    assert_eq!(stored(&store), before);
    // What is not heavy goes on.
    assert!(ready(ring.sign(&keys.access_token.id, b"x")).is_ok());
    compute.full.store(false, Ordering::Relaxed);
    assert!(ready(ring.sign(&keys.id_token.id, b"x")).is_ok());
}
