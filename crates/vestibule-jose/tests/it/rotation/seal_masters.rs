//! Seal masters rotate as well, and what they sealed stays open for a while (reliability row 51).

use std::sync::Arc;

use vestibule_host::{KeyRing, KeySet};
use vestibule_jose::{LocalKeyRing, Purpose, SealContext, SealError, Sealer, SystemRandom};

use super::{T0, at, node, tend};
use crate::fixtures::now as ready;

/// How long a master is announced.
const ANNOUNCED: i64 = 300;

const PLACE: SealContext<'_> =
    SealContext { purpose: Purpose::new("test"), issuer: "https://as.example", name: "c", id: &[3; 32] };

fn seal(keys: &KeySet) -> String {
    Sealer::new(keys).seal(&PLACE, b"state", &SystemRandom::new()).unwrap()
}

fn opens(ring: &LocalKeyRing, sealed: &str) -> bool {
    match Sealer::new(&ring.snapshot()).open(&PLACE, sealed) {
        Ok(opened) => opened == b"state",
        Err(SealError::Refused) => false,
        Err(other) => panic!("{other:?}"),
    }
}

fn rotate(ring: &LocalKeyRing, now: i64) -> i64 {
    ready(ring.announce_seal_master(at(now))).unwrap();
    tend(ring, now + ANNOUNCED);
    now + ANNOUNCED
}

#[test]
fn two_old_masters_open_and_a_third_does_not() {
    let ring = node(&Arc::default());
    let mut sealed = vec![seal(&ring.snapshot())];
    let mut now = T0;
    for _ in 0..3 {
        now = rotate(&ring, now);
        sealed.push(seal(&ring.snapshot()));
    }
    let verdicts: Vec<_> = sealed.iter().map(|sealed| opens(&ring, sealed)).collect();
    assert_eq!(verdicts, [false, true, true, true]);
    assert_eq!(ring.snapshot().seal.len(), 3);
}

/// The node that rotates first seals with a master that the others have had for a while.
#[test]
fn a_node_that_is_late_opens_what_the_other_sealed() {
    let store = Arc::default();
    let (early, late) = (node(&store), node(&store));
    let mac_of = |ring: &LocalKeyRing| Sealer::new(&ring.snapshot()).mac(PLACE.purpose, &[b"x"]).unwrap();
    let old = (seal(&early.snapshot()), mac_of(&early));
    let id = ready(early.announce_seal_master(at(T0))).unwrap();
    assert_eq!(ready(early.announce_seal_master(at(T0 + 1))).unwrap(), id, "announced once");
    assert_ne!(early.snapshot().seal[0].id(), &id, "announced is not in use");
    tend(&late, T0 + 60);
    tend(&early, T0 + ANNOUNCED);
    assert_eq!(early.snapshot().seal[0].id(), &id);
    assert_ne!(late.snapshot().seal[0].id(), &id, "the late node is late");
    let new = (seal(&early.snapshot()), mac_of(&early));
    for ring in [&early, &late] {
        for (sealed, mac) in [&old, &new] {
            assert!(opens(ring, sealed));
            assert!(Sealer::new(&ring.snapshot()).verify_mac(PLACE.purpose, &[b"x"], mac).is_ok());
        }
    }
}

#[test]
fn a_revoked_master_opens_nothing_more() {
    let ring = node(&Arc::default());
    let sealed = seal(&ring.snapshot());
    let id = ring.snapshot().seal[0].id().clone();
    ready(ring.revoke_key(&id, at(T0))).unwrap();
    assert!(!opens(&ring, &sealed));
    assert!(ring.snapshot().seal.iter().all(|key| key.id() != &id));
    assert!(opens(&ring, &seal(&ring.snapshot())), "another has taken over");

    let next = ready(ring.announce_seal_master(at(T0))).unwrap();
    ready(ring.revoke_key(&ring.snapshot().seal[0].id().clone(), at(T0))).unwrap();
    assert_eq!(ring.snapshot().seal[0].id(), &next, "the announced one steps in");
    assert!(ring.snapshot().next_seal.is_none());
}
