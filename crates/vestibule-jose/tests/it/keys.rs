//! Where keys come from, and where they do not go.

use vestibule_host::{KeyError, Tenant};
use vestibule_jose::{LocalKeyRing, SystemRandom};

use crate::fixtures::{Store, now};

fn open(store: &Store) -> Result<LocalKeyRing, KeyError> {
    now(LocalKeyRing::open(store, &Tenant::new("t"), &SystemRandom::new()))
}

fn reason(result: Result<LocalKeyRing, KeyError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn unreadable_keys_are_a_clear_error() {
    assert!(reason(open(&Store::holding(b"\x02{}"))).contains("newer version"));
    assert!(reason(open(&Store::holding(b"\x01{"))).contains("damaged"));
    assert!(reason(open(&Store::holding(b""))).contains("empty"));
    let no_seal = br#"{"signing":[],"seal":[]}"#;
    assert!(reason(open(&Store::holding(&[b"\x01", &no_seal[..]].concat()))).contains("no key to seal with"));
    let short_seal = br#"{"signing":[],"seal":[{"id":"a","secret":"AAAA"}]}"#;
    assert!(reason(open(&Store::holding(&[b"\x01", &short_seal[..]].concat()))).contains("32 bytes"));
    let odd_key =
        br#"{"signing":[{"role":"id_token","state":"active","alg":"RS256","pkcs8":"AAAA"}],"seal":[]}"#;
    assert!(reason(open(&Store::holding(&[b"\x01", &odd_key[..]].concat()))).contains("PKCS#8"));
}

#[cfg(not(feature = "generate"))]
#[test]
fn an_empty_store_is_a_clear_error_without_generation() {
    assert!(reason(open(&Store::default())).contains("provision keys first"));
}

#[cfg(feature = "generate")]
mod generated {
    use std::sync::Barrier;
    use std::thread;

    use vestibule_host::{Alg, KeyId, KeyRing, KeyStore};

    use super::*;

    #[test]
    fn keys_survive_a_restart() {
        let store = Store::default();
        let first = open(&store).unwrap().snapshot();
        let second = open(&store).unwrap().snapshot();
        assert_eq!(first.jwks, second.jwks);
        assert_eq!(first.access_token, second.access_token);
        assert_eq!(first.id_token, second.id_token);
        assert_eq!(first.revision, second.revision);
        assert_eq!(first.seal.len(), 2);
        for (a, b) in first.seal.iter().zip(&second.seal) {
            assert_eq!((a.id(), a.expose_secret()), (b.id(), b.expose_secret()));
        }
        assert_eq!(first.access_token.alg, Alg::Es256);
        assert_eq!(first.id_token.alg, Alg::Rs256, "SMART-IDT-003");
    }

    #[test]
    fn nodes_that_start_at_once_agree() {
        let store = Store { meet: Some(Barrier::new(2)), ..Store::default() };
        let (a, b) = thread::scope(|scope| {
            let a = scope.spawn(|| open(&store).unwrap().snapshot());
            let b = scope.spawn(|| open(&store).unwrap().snapshot());
            (a.join().unwrap(), b.join().unwrap())
        });
        assert_eq!(a.jwks, b.jwks);
        assert_eq!(a.seal[0].expose_secret(), b.seal[0].expose_secret());
        assert_eq!(open(&store).unwrap().snapshot().jwks, a.jwks);
    }

    #[test]
    fn new_rings_share_nothing() {
        let (a, b) = (open(&Store::default()).unwrap().snapshot(), crate::fixtures::ring().snapshot());
        assert_ne!(a.access_token.id, b.access_token.id);
        assert_ne!(a.id_token.id, b.id_token.id);
        assert_ne!(a.seal[0].expose_secret(), a.seal[1].expose_secret());
        assert_ne!(a.seal[0].expose_secret(), b.seal[0].expose_secret());
        assert_ne!(a.seal[0].id(), a.seal[1].id());
    }

    #[test]
    fn only_known_keys_sign() {
        let ring = crate::fixtures::ring();
        let seal = ring.snapshot().seal[0].id().clone();
        for id in [KeyId::new(""), KeyId::new("x"), seal] {
            assert!(matches!(now(ring.sign(&id, b"x")), Err(KeyError::NoSuchKey)));
        }
    }

    #[test]
    fn an_es256_signature_is_fixed_length() {
        let ring = crate::fixtures::ring();
        for _ in 0..50 {
            assert_eq!(now(ring.sign(&ring.snapshot().access_token.id, b"x")).unwrap().len(), 64, "JOSE-009");
        }
        assert_eq!(now(ring.sign(&ring.snapshot().id_token.id, b"x")).unwrap().len(), 256);
    }

    #[test]
    fn debug_shows_no_secret() {
        let store = Store::default();
        let ring = open(&store).unwrap();
        let snapshot = ring.snapshot();
        let (_, document) = now(store.load(&Tenant::new("t"))).unwrap().unwrap();
        let shown = format!("{ring:?} {snapshot:?} {store:?} {document:?}");
        let stored = std::str::from_utf8(&document.expose_secret()[1..]).unwrap();
        let stored: serde_json::Value = serde_json::from_str(stored).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut secrets: Vec<String> = Vec::new();
        secrets.extend(stored["signing"].as_array().unwrap().iter().map(|key| text(&key["pkcs8"])));
        secrets.extend(stored["seal"].as_array().unwrap().iter().map(|key| text(&key["secret"])));
        assert_eq!(secrets.len(), 4);
        for secret in secrets {
            assert!(!shown.contains(&secret[..20]));
        }
        for seal in &snapshot.seal {
            let bytes = format!("{:?}", &seal.expose_secret()[..4]);
            assert!(!shown.contains(bytes.trim_matches(['[', ']'])));
        }
        assert!(shown.contains("PrivateKey(RS256)"));
    }
}
