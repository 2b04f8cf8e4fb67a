//! A key that must go now.

use std::sync::Arc;

use serde_json::json;
use vestibule_host::{Alg, Entropy, EntropyError, KeyError, KeyId, KeyRing};
use vestibule_jose::{Expect, JwsError, KeyRole, LocalKeyRing, VerifyKeys, jws};

use super::{ANNOUNCED, T0, at, is_published, node, plan, published, tend};
use crate::fixtures::now as ready;

fn revoke(ring: &LocalKeyRing, id: &KeyId) {
    ready(ring.revoke_key(id, at(T0 + 1))).unwrap();
}

/// A-KEY-03, KEY-003
#[test]
fn a_revoked_key_is_gone_at_once_and_its_successor_signs() {
    let store = Arc::default();
    let (ring, other) = (node(&store), node(&store));
    let stolen = ring.snapshot().access_token.clone();
    let token = ready(jws::encode(&ring, &stolen, "at+jwt", &json!({}))).unwrap();
    revoke(&ring, &stolen.id);

    for node in [&ring, &other] {
        tend(node, T0 + 30);
        assert!(!is_published(node, &stolen.id));
        let fresh = node.snapshot().access_token.clone();
        assert_ne!(fresh.id, stolen.id);
        assert!(matches!(ready(node.sign(&stolen.id, b"x")), Err(KeyError::NoSuchKey)));
        let keys = VerifyKeys::from_jwks(&node.snapshot().jwks).unwrap();
        let expect = Expect { typ: &["at+jwt"], algs: &[Alg::Es256] };
        assert_eq!(keys.verify(&token, &expect, at(T0 + 30)), Err(JwsError::UnknownKey));
        let token = ready(jws::encode(node, &fresh, "at+jwt", &json!({}))).unwrap();
        assert!(keys.verify(&token, &expect, at(T0 + 30)).is_ok());
    }
    assert_eq!(ring.snapshot().jwks, other.snapshot().jwks);
}

#[test]
fn an_announced_key_steps_in_before_its_time() {
    let ring = node(&Arc::default());
    let next = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    revoke(&ring, &ring.snapshot().access_token.id.clone());
    assert_eq!(ring.snapshot().access_token.id, next);
    assert_eq!(published(&ring.snapshot()).len(), 2);
}

#[test]
fn keys_that_do_not_sign_can_be_revoked_too() {
    let ring = node(&Arc::default());
    let first = ring.snapshot().access_token.clone();
    let pending = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    revoke(&ring, &pending);
    assert!(!is_published(&ring, &pending));
    assert_eq!(ring.snapshot().access_token, first);

    let next = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    tend(&ring, T0 + ANNOUNCED);
    revoke(&ring, &first.id);
    assert!(!is_published(&ring, &first.id));
    assert!(matches!(ready(ring.sign(&first.id, b"x")), Err(KeyError::NoSuchKey)));
    assert_eq!(ring.snapshot().access_token.id, next);
}

#[test]
fn revoking_again_does_nothing() {
    let ring = node(&Arc::default());
    let id = ring.snapshot().id_token.id.clone();
    revoke(&ring, &id);
    let revision = ring.snapshot().revision;
    revoke(&ring, &id);
    assert_eq!(ring.snapshot().revision, revision);
    for unknown in ["", "x", id.as_str().trim_end_matches(|_| true)] {
        let refused = ready(ring.revoke_key(&KeyId::new(unknown), at(T0)));
        assert!(matches!(refused, Err(KeyError::NoSuchKey)));
    }
}

/// A-KEY-13: no randomness, no keys; and what is there stays in use.
#[test]
fn a_random_source_that_fails_makes_no_key() {
    #[derive(Debug)]
    struct Silent;
    impl Entropy for Silent {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError)
        }
    }
    assert!(LocalKeyRing::ephemeral_with(plan(), Arc::new(Silent), at(T0)).is_err());

    let store = Arc::default();
    let good = node(&store);
    let ring = ready(LocalKeyRing::open(store, &super::tenant(), plan(), Arc::new(Silent), at(T0))).unwrap();
    assert!(matches!(ready(ring.announce_seal_master(at(T0))), Err(KeyError::Service(_))));
    let sealing = ring.snapshot().seal[0].id().clone();
    assert!(ready(ring.revoke_key(&sealing, at(T0))).is_err(), "nothing could take its place");
    tend(&good, T0 + 60);
    assert_eq!(good.snapshot().seal[0].id(), &sealing);
    assert_eq!(good.snapshot().revision, ring.snapshot().revision);
}
