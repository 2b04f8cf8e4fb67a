//! Announced, active, retired, gone.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vestibule_host::{Alg, KeyError, KeyRing, MemoryKeys};
use vestibule_jose::{Expect, JwsError, KeyPhase, KeyRole, VerifyKeys, jws};

use super::{ANNOUNCED, RETIRED, T0, at, holding, is_published, node, open, plan, published, stored, tend};
use crate::fixtures::now as ready;

const DAY: i64 = 86_400;

/// A-KEY-04, A-KEY-02, KEY-001, KEY-002, SMART-IDT-022
#[test]
fn a_key_is_announced_then_signs_then_retires_then_goes() {
    let ring = node(&Arc::default());
    let first = ring.snapshot().access_token.clone();
    let token = ready(jws::encode(&ring, &first, "at+jwt", &json!({ "sub": "a" }))).unwrap();
    let verdict = |now: i64| {
        let keys = VerifyKeys::from_jwks(&ring.snapshot().jwks).unwrap();
        keys.verify(&token, &Expect { typ: &["at+jwt"], algs: &[Alg::Es256] }, at(now)).map(|_| ())
    };

    let next = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0 + 1000))).unwrap();
    assert!(is_published(&ring, &next), "published at once");
    for now in [1000, 1001, 1000 + ANNOUNCED - 1] {
        tend(&ring, T0 + now);
        assert_eq!(ring.snapshot().access_token, first, "{now}");
        assert!(matches!(ready(ring.sign(&next, b"x")), Err(KeyError::NoSuchKey)), "{now}");
    }

    let promoted = T0 + 1000 + ANNOUNCED;
    tend(&ring, promoted);
    assert_eq!(ring.snapshot().access_token.id, next);
    assert_eq!(ring.snapshot().access_token.alg, Alg::Es256);
    assert!(ready(ring.sign(&next, b"x")).is_ok());
    // A request that took the snapshot a moment ago still gets its signature.
    assert!(ready(ring.sign(&first.id, b"x")).is_ok());

    for now in [promoted, promoted + 1, promoted + RETIRED - 1] {
        tend(&ring, now);
        assert!(is_published(&ring, &first.id), "{now}");
        assert_eq!(verdict(now), Ok(()));
    }
    tend(&ring, promoted + RETIRED);
    assert_eq!(verdict(promoted + RETIRED), Err(JwsError::UnknownKey));
    assert!(matches!(ready(ring.sign(&first.id, b"x")), Err(KeyError::NoSuchKey)));
    assert_eq!(published(&ring.snapshot()).len(), 2);
}

#[test]
fn the_very_first_keys_sign_at_once() {
    let ring = node(&Arc::default());
    assert!(ready(ring.sign(&ring.snapshot().access_token.id, b"x")).is_ok());
    assert!(ready(ring.sign(&ring.snapshot().id_token.id, b"x")).is_ok());
}

#[test]
fn announcing_twice_is_announcing_once() {
    let ring = node(&Arc::default());
    let announce = |now| ready(ring.announce(KeyRole::IdToken, Alg::EdDsa, at(now))).unwrap();
    let first = announce(T0 + 10);
    assert_eq!(announce(T0 + 500), first);
    tend(&ring, T0 + 10 + ANNOUNCED);
    assert_eq!(ring.snapshot().id_token.id, first, "the second call moved nothing");
    assert_ne!(announce(T0 + 5000), first);
}

/// Only the slot that is rotated changes.
#[test]
fn keys_rotate_one_by_one() {
    let ring = node(&Arc::default());
    let before = ring.snapshot();
    ready(ring.announce(KeyRole::IdToken, Alg::EdDsa, at(T0))).unwrap();
    tend(&ring, T0 + ANNOUNCED);
    let after = ring.snapshot();
    assert_eq!(after.access_token, before.access_token);
    assert_ne!(after.id_token, before.id_token);
    assert!(after.revision > before.revision, "verifiers notice by the revision");
}

/// An algorithm that the plan gained is announced like any other key.
#[test]
fn a_new_algorithm_signs_when_it_was_announced() {
    let store = Arc::default();
    let old = node(&store);
    let wider = plan().with_id_token(Alg::Es384).with_access_token(Alg::EdDsa);
    let ring = open(&store, wider, T0 + DAY).unwrap();
    assert_eq!(published(&ring.snapshot()).len(), 4);
    assert_eq!(ring.snapshot().id_token_key(Alg::Es384), None);
    tend(&ring, T0 + DAY + ANNOUNCED);
    let set = ring.snapshot();
    assert_eq!(set.id_token_key(Alg::Es384).map(|key| key.alg), Some(Alg::Es384));
    assert_eq!(set.access_token_key(Alg::EdDsa).map(|key| key.alg), Some(Alg::EdDsa));
    assert_eq!((set.access_token.alg, set.id_token.alg), (Alg::Es256, Alg::EdDsa), "the defaults stay");
    // A node with the old plan keeps what it finds.
    tend(&old, T0 + DAY + ANNOUNCED);
    assert_eq!(old.snapshot().jwks, set.jwks);
    assert!(old.snapshot().id_token_key(Alg::Es384).is_some());
}

/// Reliability row 49: what the plan says later does not shorten what was promised.
#[test]
fn a_shorter_plan_retires_nothing_early() {
    let day = Duration::from_secs(86_400);
    let short = Duration::from_secs(300);
    let until = |ring: &vestibule_jose::LocalKeyRing| {
        ring.keys().into_iter().find_map(|key| match key.phase {
            KeyPhase::Retired { published_until } => Some(published_until),
            _ => None,
        })
    };

    // Retired under the long plan, opened under the short one.
    let store = Arc::default();
    let ring = open(&store, plan().with_longest_life(day), T0).unwrap();
    ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    tend(&ring, T0 + ANNOUNCED);
    let promised = at(T0 + ANNOUNCED + DAY + 300);
    assert_eq!(until(&ring), Some(promised));
    let ring = open(&store, plan().with_longest_life(short), T0 + 5000).unwrap();
    assert_eq!(until(&ring), Some(promised));
    tend(&ring, T0 + ANNOUNCED + DAY + 299);
    assert_eq!(until(&ring), Some(promised));
    tend(&ring, T0 + ANNOUNCED + DAY + 300);
    assert_eq!(until(&ring), None);

    // Active under the long plan, retired under the short one: it may have signed for a day.
    let store = Arc::default();
    open(&store, plan().with_longest_life(day), T0).unwrap();
    let ring = open(&store, plan().with_longest_life(short), T0 + 1000).unwrap();
    ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0 + 1000))).unwrap();
    tend(&ring, T0 + 1000 + ANNOUNCED);
    assert_eq!(until(&ring), Some(at(T0 + 1000 + ANNOUNCED + DAY + 300)));

    // A longer plan is on record before anything is signed under it.
    let store = Arc::default();
    let short = open(&store, plan().with_longest_life(short), T0).unwrap();
    open(&store, plan().with_longest_life(day), T0 + 1).unwrap();
    ready(short.announce(KeyRole::AccessToken, Alg::Es256, at(T0 + 2))).unwrap();
    tend(&short, T0 + 2 + ANNOUNCED);
    assert_eq!(until(&short), Some(at(T0 + 2 + ANNOUNCED + DAY + 300)));
}

/// A pending key keeps its date too.
#[test]
fn a_shorter_cache_time_lets_nothing_sign_early() {
    let store = Arc::default();
    let ring = open(&store, plan().with_jwks_max_age(Duration::from_secs(86_400)), T0).unwrap();
    let next = ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    let ring = open(&store, plan().with_jwks_max_age(Duration::ZERO), T0 + 5000).unwrap();
    assert_ne!(ring.snapshot().access_token.id, next);
    tend(&ring, T0 + DAY + 299);
    assert_ne!(ring.snapshot().access_token.id, next);
    tend(&ring, T0 + DAY + 300);
    assert_eq!(ring.snapshot().access_token.id, next);
}

#[test]
fn keys_rotate_by_themselves_where_the_plan_says_so() {
    let ring =
        open(&Arc::default(), plan().with_rotation_every(Duration::from_secs(30 * 86_400)), T0).unwrap();
    let first = ring.snapshot();
    let due = T0 + 30 * DAY;
    tend(&ring, due - ANNOUNCED - 1);
    assert_eq!(published(&ring.snapshot()).len(), 2);
    tend(&ring, due - ANNOUNCED);
    assert_eq!(published(&ring.snapshot()).len(), 4, "successors are announced in time");
    tend(&ring, due - 300);
    assert!(ring.snapshot().next_seal.is_some(), "only the other nodes must have it");
    tend(&ring, due - 1);
    assert_eq!(ring.snapshot().access_token, first.access_token);
    tend(&ring, due);
    assert_ne!(ring.snapshot().access_token, first.access_token);
    assert_ne!(ring.snapshot().id_token, first.id_token);
    assert_ne!(ring.snapshot().seal[0].id(), first.seal[0].id());
    tend(&ring, due + RETIRED);
    assert_eq!(published(&ring.snapshot()).len(), 2);
    // A node that slept for a year neither signs unannounced nor piles up keys.
    tend(&ring, due + 365 * DAY);
    assert_eq!(published(&ring.snapshot()).len(), 4);
}

/// Without a plan to rotate, nothing rotates.
#[test]
fn keys_stay_where_nobody_rotates_them() {
    let ring = node(&Arc::default());
    let first = ring.snapshot();
    assert_eq!(tend(&ring, T0 + 3650 * DAY), 30, "still looks what other nodes do");
    assert_eq!(ring.snapshot().revision, first.revision);
}

#[test]
fn tending_says_when_to_come_again() {
    let ring = node(&Arc::default());
    assert_eq!(tend(&ring, T0), 30);
    ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    assert_eq!(tend(&ring, T0 + 1), 30);
    assert_eq!(tend(&ring, T0 + ANNOUNCED - 10), 10);
    assert_eq!(tend(&ring, T0 + ANNOUNCED), 30);
}

/// A-KEY-08, A-KEY-12, KEY-008: whatever the clock does, no key comes back and no sum overflows.
#[test]
fn clocks_that_jump() {
    let ring = node(&Arc::default());
    ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    let promoted = T0 + ANNOUNCED;
    tend(&ring, promoted);
    let set = ring.snapshot();
    for earlier in [promoted - 1, T0, 0, i64::MIN / 1000] {
        tend(&ring, earlier);
        assert_eq!(ring.snapshot().access_token, set.access_token, "{earlier}");
    }
    tend(&ring, promoted + RETIRED);
    for moment in [i64::MAX / 1000, 0, i64::MIN / 1000, i64::MAX] {
        tend(&ring, moment);
        assert_eq!(published(&ring.snapshot()).len(), 2);
        ready(ring.announce(KeyRole::IdToken, Alg::EdDsa, at(moment))).unwrap();
        let pending = ring.keys().into_iter().find(|key| matches!(key.phase, KeyPhase::Pending { .. }));
        ready(ring.revoke_key(&pending.unwrap().id, at(moment))).unwrap();
    }
    let eternal = open(&Arc::default(), plan().with_longest_life(Duration::MAX), T0).unwrap();
    ready(eternal.announce(KeyRole::IdToken, Alg::EdDsa, at(T0))).unwrap();
    tend(&eternal, promoted);
    tend(&eternal, i64::MAX / 2000);
    assert_eq!(published(&eternal.snapshot()).len(), 3);
}

/// Documents from before keys had phases.
#[test]
fn a_document_of_the_first_version_lives_on() {
    let store = Arc::<MemoryKeys>::default();
    let ids = node(&store).snapshot();
    let (_, mut json) = stored(&store);
    for key in json["signing"].as_array_mut().unwrap() {
        let members = key.as_object_mut().unwrap();
        members.remove("phase");
        members.remove("longest_life");
        members.insert("state".to_owned(), json!("active"));
    }
    for key in json["seal"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("phase");
    }
    json.as_object_mut().unwrap().remove("gone");
    let old = holding(1, &json);

    let ring = open(&old, plan(), T0 + DAY).unwrap();
    assert_eq!(ring.snapshot().jwks, ids.jwks);
    assert_eq!(ring.snapshot().seal[0].expose_secret(), ids.seal[0].expose_secret());
    assert_eq!(ring.snapshot().seal.len(), 2);
    assert_eq!(stored(&old).0, 1, "reading changes nothing, so that an upgrade can be taken back");
    ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(T0 + DAY))).unwrap();
    assert_eq!(stored(&old).0, 2);
    tend(&ring, T0 + DAY + ANNOUNCED);
    assert!(is_published(&ring, &ids.access_token.id), "tokens of before the upgrade verify");
    assert_ne!(ring.snapshot().access_token, ids.access_token);
}

/// A-KEY-05, KEY-006
#[test]
fn no_key_comes_back() {
    let store = Arc::<MemoryKeys>::default();
    let ring = node(&store);
    let pkcs8 = |json: &Value, at: usize| {
        use base64::Engine;
        let text = json["signing"][at]["pkcs8"].as_str().unwrap().to_owned();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let (_, before) = stored(&store);
    let old = pkcs8(&before, 0);
    let again = |ring: &vestibule_jose::LocalKeyRing| {
        ready(ring.announce_key(KeyRole::AccessToken, Alg::Es256, &old, at(T0 + 9000)))
    };
    assert!(again(&ring).unwrap_err().to_string().contains("used before"), "it is in use");

    let id = ring.snapshot().access_token.id.clone();
    ready(ring.revoke_key(&id, at(T0))).unwrap();
    assert!(again(&ring).unwrap_err().to_string().contains("used before"), "it was withdrawn");

    // Nor by way of the document.
    let (version, after) = stored(&store);
    let mut withdrawn = after.clone();
    withdrawn["signing"][0] = before["signing"][0].clone();
    let reason = open(&holding(version, &withdrawn), plan(), T0).unwrap_err().to_string();
    assert!(reason.contains("withdrawn before"), "{reason}");
    let mut twice = after.clone();
    let copy = twice["signing"][0].clone();
    twice["signing"].as_array_mut().unwrap().push(copy);
    let reason = open(&holding(version, &twice), plan(), T0).unwrap_err().to_string();
    assert!(reason.contains("stored twice"), "{reason}");
    assert!(open(&holding(version, &after), plan(), T0).is_ok());

    // A key that went its way does not come back either.
    let rotated = node(&Arc::default());
    let fresh = ready(rotated.announce(KeyRole::AccessToken, Alg::Es256, at(T0))).unwrap();
    tend(&rotated, T0 + ANNOUNCED);
    tend(&rotated, T0 + ANNOUNCED + RETIRED);
    assert_eq!(rotated.snapshot().access_token.id, fresh);
}

/// A key made elsewhere, by an operator's tool.
#[test]
fn a_provisioned_key_is_announced_like_any_other() {
    let donor = Arc::<MemoryKeys>::default();
    let id = node(&donor).snapshot().access_token.id.clone();
    let (_, json) = stored(&donor);
    let key = {
        use base64::Engine;
        let text = json["signing"][0]["pkcs8"].as_str().unwrap();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let ring = node(&Arc::default());
    let announce = |alg, key: &[u8]| ready(ring.announce_key(KeyRole::AccessToken, alg, key, at(T0)));
    for odd in [&b""[..], b"x", &key[..key.len() - 1]] {
        assert!(matches!(announce(Alg::Es256, odd), Err(KeyError::Unusable(_))));
    }
    assert!(announce(Alg::Es384, &key).is_err(), "another curve");
    assert!(announce(Alg::Ps256, &key).is_err());
    assert_eq!(published(&ring.snapshot()).len(), 2, "nothing of that was stored");
    assert_eq!(announce(Alg::Es256, &key).unwrap(), id);
    assert_eq!(announce(Alg::Es256, &key).unwrap(), id, "again is the same");
    tend(&ring, T0 + ANNOUNCED);
    assert_eq!(ring.snapshot().access_token.id, id);
}

/// Every published key costs everybody who reads the set.
#[test]
fn the_number_of_keys_is_bounded() {
    let ring = open(&Arc::default(), plan().with_longest_life(Duration::MAX), T0).unwrap();
    let mut now = T0;
    let mut announced = 0;
    let refused = loop {
        match ready(ring.announce(KeyRole::AccessToken, Alg::Es256, at(now))) {
            Ok(_) => announced += 1,
            Err(error) => break error.to_string(),
        }
        now += ANNOUNCED;
        tend(&ring, now);
        assert!(announced < 100);
    };
    assert!(refused.contains("too many keys"), "{refused}");
    assert_eq!(published(&ring.snapshot()).len(), 50);
    assert!(ready(ring.sign(&ring.snapshot().access_token.id, b"x")).is_ok());
}
