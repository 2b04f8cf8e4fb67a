//! Several nodes over one store.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use vestibule_host::{
    Alg, KeyDocument, KeyError, KeyRing, KeySaved, KeyStore, MemoryKeys, StoreFault, Tenant,
};
use vestibule_jose::{KeyPhase, KeyRole, LocalKeyRing, SystemRandom};

use super::{ANNOUNCED, T0, at, node, open, plan, published, stored, tenant, tend};
use crate::fixtures::now as ready;

/// T3, reliability row 22: whoever is first, there is one successor for each key, and all nodes have it.
#[test]
fn nodes_that_rotate_at_once_agree() {
    let rotating = plan().with_rotation_every(Duration::from_secs(3600));
    for round in 0..20 {
        let store = Arc::<MemoryKeys>::default();
        let nodes: Vec<_> = (0..8).map(|_| open(&store, rotating.clone(), T0).unwrap()).collect();
        let barrier = Barrier::new(nodes.len());
        // Late enough for the seal master too, which is announced for a shorter time.
        let due = T0 + 3600 - 300;
        thread::scope(|scope| {
            for (number, node) in nodes.iter().enumerate() {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    if number % 2 == 0 {
                        tend(node, due);
                    } else {
                        ready(node.announce(KeyRole::AccessToken, Alg::Es256, at(due))).unwrap();
                    }
                });
            }
        });
        for node in &nodes {
            tend(node, due + 1);
        }
        let sets: HashSet<_> = nodes.iter().map(|node| node.snapshot().jwks.clone()).collect();
        assert_eq!(sets.len(), 1, "round {round}");
        assert_eq!(published(&nodes[0].snapshot()).len(), 4, "round {round}");
        let pending = stored(&store).1["seal"].as_array().unwrap().len();
        assert_eq!(pending, 3, "one more seal master");
    }
}

/// T3: promotions race too.
#[test]
fn nodes_that_promote_at_once_agree() {
    for _ in 0..20 {
        let store = Arc::<MemoryKeys>::default();
        let nodes: Vec<_> = (0..8).map(|_| node(&store)).collect();
        let next = ready(nodes[0].announce(KeyRole::IdToken, Alg::EdDsa, at(T0))).unwrap();
        let barrier = Barrier::new(nodes.len());
        thread::scope(|scope| {
            for node in &nodes {
                scope.spawn(|| {
                    barrier.wait();
                    tend(node, T0 + ANNOUNCED);
                });
            }
        });
        for node in &nodes {
            assert_eq!(node.snapshot().id_token.id, next);
            assert_eq!(published(&node.snapshot()).len(), 3);
        }
    }
}

/// A store that fails when told to, and that can be replaced under the ring's feet.
#[derive(Debug, Default)]
struct Moody {
    inner: Mutex<Arc<MemoryKeys>>,
    fails: Mutex<Option<&'static str>>,
}

impl Moody {
    fn fails(&self, call: Option<&'static str>) {
        *self.fails.lock().unwrap() = call;
    }

    fn call(&self, name: &str) -> Result<Arc<MemoryKeys>, StoreFault> {
        match *self.fails.lock().unwrap() {
            Some(failing) if failing.contains(name) => Err(StoreFault::not_applied("injected")),
            _ => Ok(Arc::clone(&self.inner.lock().unwrap())),
        }
    }
}

#[async_trait]
impl KeyStore for Moody {
    async fn load(&self, tenant: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        self.call("load")?.load(tenant).await
    }

    async fn revision(&self, tenant: &Tenant) -> Result<Option<u64>, StoreFault> {
        self.call("revision")?.revision(tenant).await
    }

    async fn save(
        &self,
        tenant: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        self.call("save")?.save(tenant, expected, document).await
    }
}

/// A store that is away stops rotation, not signing; when it is back, everything goes on.
#[test]
fn a_store_that_fails_leaves_the_keys_in_use() {
    let store = Arc::new(Moody::default());
    let keys: Arc<dyn KeyStore> = Arc::clone(&store) as _;
    let ring =
        ready(LocalKeyRing::open(keys, &tenant(), plan(), Arc::new(SystemRandom::new()), at(T0))).unwrap();
    let first = ring.snapshot();
    let next = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    for call in ["load", "revision and load", "save"] {
        store.fails(Some(call));
        assert!(matches!(ready(ring.tend(at(T0 + ANNOUNCED))), Err(KeyError::Store(_))), "{call}");
        assert!(matches!(ready(ring.revoke_key(&next, at(T0))), Err(KeyError::Store(_))), "{call}");
        assert!(ready(ring.announce_seal_master(at(T0))).is_err());
        assert_eq!(ring.snapshot().access_token, first.access_token);
        assert!(ready(ring.sign(&first.access_token.id, b"x")).is_ok());
    }
    store.fails(None);
    tend(&ring, T0 + ANNOUNCED);
    assert_eq!(ring.snapshot().access_token.id, next);

    // Somebody emptied the store, or put an old copy in its place: nothing is guessed.
    let inner = Arc::clone(&store.inner.lock().unwrap());
    *store.inner.lock().unwrap() = Arc::new(MemoryKeys::new());
    let reason = ready(ring.tend(at(T0 + 5000))).unwrap_err().to_string();
    assert!(reason.contains("vanished"), "{reason}");
    let (version, json) = stored(&inner);
    *store.inner.lock().unwrap() = super::holding(version, &json);
    let reason = ready(ring.tend(at(T0 + 5000))).unwrap_err().to_string();
    assert!(reason.contains("older than those in use"), "{reason}");
    assert!(ready(ring.sign(&next, b"x")).is_ok());
    *store.inner.lock().unwrap() = inner;
    tend(&ring, T0 + 5000);
}

/// Repeats, and needs no seed from outside.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % bound).unwrap()
    }
}

/// Whoever verifies: reads the key set when its copy is as old as it may be, from whatever node answers.
struct Verifier {
    read_at: i64,
    kids: HashSet<String>,
}

/// What two nodes did, and how often a verifier lacked a key that a token needed.
struct Outcome {
    rotations: usize,
    checks: u64,
    failures: u64,
}

/// Two nodes whose clocks are a minute off, either way, that tend their keys as late as a minute; three verifiers that cache
/// for five minutes; tokens of five minutes, checked at every age. `hurry` is how much too early keys are promoted.
fn simulate(rotations: i64, hurry: i64) -> Outcome {
    const LIFE: i64 = 300;
    let rotating =
        plan().with_rotation_every(Duration::from_secs(3600)).with_longest_life(Duration::from_secs(300));
    let store = Arc::<MemoryKeys>::default();
    let mut dice = Dice(7);
    let clocks = [60, -60];
    let nodes = [(); 2].map(|()| open(&store, rotating.clone(), T0).unwrap());
    let mut next_tend = [0, 0];
    let mut verifiers = [(); 3].map(|()| Verifier { read_at: i64::MIN / 2, kids: HashSet::new() });
    // By key, the end of the last token under it.
    let mut tokens: HashMap<String, i64> = HashMap::new();
    let mut signers = HashSet::new();
    let mut outcome = Outcome { rotations: 0, checks: 0, failures: 0 };

    for step in 0..rotations * 3600 / 15 {
        let now = T0 + step * 15;
        for (node, (clock, next)) in nodes.iter().zip(clocks.iter().zip(&mut next_tend)) {
            if step >= *next {
                let pending = node.keys().iter().any(|key| matches!(key.phase, KeyPhase::Pending { .. }));
                tend(node, now + clock + if pending { hurry } else { 0 });
                *next = step + 1 + dice.below(4);
            }
            let kid = node.snapshot().access_token.id.as_str().to_owned();
            signers.insert(kid.clone());
            tokens.insert(kid, now + clock + LIFE);
        }
        tokens.retain(|_, exp| *exp > now);
        for verifier in &mut verifiers {
            // Idle now and then, so that copies are of every age.
            if dice.below(3) == 0 {
                continue;
            }
            if now - verifier.read_at >= 300 {
                let node = &nodes[usize::from(dice.below(2) == 0)];
                *verifier =
                    Verifier { read_at: now, kids: published(&node.snapshot()).into_iter().collect() };
            }
            for kid in tokens.keys() {
                outcome.checks += 1;
                outcome.failures += u64::from(!verifier.kids.contains(kid));
            }
        }
    }
    outcome.rotations = signers.len() - 1;
    outcome
}

/// T9, reliability row 48: nobody who caches as told ever lacks a key. `VESTIBULE_ROTATIONS=1000` is the long run.
#[test]
fn rotations_fail_no_verification() {
    let asked = std::env::var("VESTIBULE_ROTATIONS").ok().and_then(|text| text.parse().ok());
    let rotations: i64 = asked.unwrap_or(50);
    // A node is late by up to a minute each time.
    let outcome = simulate(rotations + rotations / 50 + 1, 0);
    assert!(outcome.rotations >= usize::try_from(rotations).unwrap(), "{}", outcome.rotations);
    assert!(outcome.checks > outcome.rotations as u64 * 400, "{}", outcome.checks);
    assert_eq!(outcome.failures, 0);
}

/// Negative control: a ring that signs with a key at once makes verifications fail, and this simulation sees it.
#[test]
fn signing_at_once_is_seen_to_fail() {
    assert!(simulate(20, ANNOUNCED).failures > 0);
}
