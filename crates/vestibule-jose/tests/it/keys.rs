//! Where keys come from, and where they do not go.

use std::sync::Arc;

use vestibule_host::{KeyError, Tenant};
use vestibule_jose::{KeyPlan, LocalKeyRing, SystemRandom};

use crate::fixtures::{Store, WHENEVER, now};

fn open(store: &Arc<Store>) -> Result<LocalKeyRing, KeyError> {
    open_as(store, KeyPlan::default())
}

fn open_as(store: &Arc<Store>, plan: KeyPlan) -> Result<LocalKeyRing, KeyError> {
    let store = Arc::clone(store);
    now(LocalKeyRing::open(store, &Tenant::new("t"), plan, Arc::new(SystemRandom::new()), WHENEVER))
}

fn holding(document: &[u8]) -> Arc<Store> {
    Arc::new(Store::holding(document))
}

fn reason(result: Result<LocalKeyRing, KeyError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn unreadable_keys_are_a_clear_error() {
    assert!(reason(open(&holding(b"\x03{}"))).contains("newer version"));
    assert!(reason(open(&holding(b"\x02{"))).contains("damaged"));
    assert!(reason(open(&holding(b"\x01{"))).contains("damaged"));
    assert!(reason(open(&holding(b""))).contains("empty"));
    let no_seal = br#"{"signing":[],"seal":[]}"#;
    assert!(reason(open(&holding(&[b"\x01", &no_seal[..]].concat()))).contains("no key to seal with"));
    let short_seal = br#"{"signing":[],"seal":[{"id":"a","secret":"AAAA"}]}"#;
    assert!(reason(open(&holding(&[b"\x01", &short_seal[..]].concat()))).contains("32 bytes"));
    let odd_key =
        br#"{"signing":[{"role":"id_token","state":"active","alg":"RS256","pkcs8":"AAAA"}],"seal":[]}"#;
    assert!(reason(open(&holding(&[b"\x01", &odd_key[..]].concat()))).contains("PKCS#8"));
}

#[cfg(not(feature = "generate"))]
#[test]
fn an_empty_store_is_a_clear_error_without_generation() {
    assert!(reason(open(&Arc::default())).contains("provision keys first"));
}

#[cfg(feature = "generate")]
mod generated {
    use std::sync::Barrier;
    use std::thread;

    use vestibule_host::{Alg, KeyId, KeyRing, KeyStore, UnixMillis};
    use vestibule_jose::{Expect, KeyRole, VerifyKeys, jws};

    use super::*;

    #[test]
    fn keys_survive_a_restart() {
        let store = Arc::<Store>::default();
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

    /// OIDC-007, ATJWT-001, JOSE-012: an algorithm per client, each with a key of its own.
    #[test]
    fn a_ring_signs_with_every_planned_algorithm() {
        let access = [Alg::Es256, Alg::Es384, Alg::EdDsa, Alg::Rs256];
        let id = [Alg::Rs256, Alg::Es256, Alg::Es384, Alg::EdDsa];
        let plan = KeyPlan::default()
            .with_access_token(Alg::Es384)
            .with_access_token(Alg::EdDsa)
            .with_access_token(Alg::Rs256)
            .with_id_token(Alg::Es256)
            .with_id_token(Alg::Es384)
            .with_id_token(Alg::EdDsa);
        let ring = open_as(&Arc::default(), plan).unwrap();
        let set = ring.snapshot();
        assert_eq!((set.access_token.alg, set.id_token.alg), (Alg::Es256, Alg::Rs256), "the defaults");
        assert_eq!(set.id_token_algs().collect::<Vec<_>>(), id);
        let keys = VerifyKeys::from_jwks(&set.jwks).unwrap();
        assert_eq!(keys.len(), 8);
        let mut seen = Vec::new();
        for (key, alg, typ) in access
            .map(|alg| (set.access_token_key(alg), alg, "at+jwt"))
            .into_iter()
            .chain(id.map(|alg| (set.id_token_key(alg), alg, "JWT")))
        {
            let key = key.unwrap();
            assert_eq!(key.alg, alg);
            let token = now(jws::encode(&ring, key, typ, &serde_json::json!({ "sub": "alice" }))).unwrap();
            let expect = Expect { typ: &[typ], algs: &[alg] };
            assert_eq!(keys.verify(&token, &expect, WHENEVER).unwrap().text("sub"), Some("alice"));
            seen.push(key.id.clone());
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 8, "no key has two uses");
        for alg in [Alg::Rs384, Alg::Ps256] {
            assert_eq!((set.access_token_key(alg), set.id_token_key(alg)), (None, None));
        }
    }

    #[test]
    fn the_engine_never_signs_with_what_only_clients_use() {
        for alg in [Alg::Ps256, Alg::Ps384] {
            for plan in [KeyPlan::new(alg, Alg::Rs256), KeyPlan::default().with_id_token(alg)] {
                assert!(reason(open_as(&Arc::default(), plan)).contains("only clients use"));
            }
            let refused = now(crate::fixtures::ring().announce(KeyRole::IdToken, alg, UnixMillis(0)));
            assert!(matches!(refused, Err(KeyError::Unusable(_))));
        }
    }

    /// An expired ID token of ours still says whose it is (`id_token_hint`).
    #[test]
    fn an_expired_id_token_can_be_a_hint() {
        let ring = crate::fixtures::ring();
        let set = ring.snapshot();
        let claims = serde_json::json!({ "iss": "https://as.example", "sub": "alice", "exp": 1000 });
        let token = now(jws::encode(ring, &set.id_token, "JWT", &claims)).unwrap();
        let later = UnixMillis::from_seconds(2_000_000_000);
        let keys = VerifyKeys::from_jwks(&set.jwks).unwrap();
        let hint = keys.verify(&token, &Expect { typ: &["JWT"], algs: &[Alg::Rs256] }, later).unwrap();
        assert_eq!((hint.text("iss"), hint.text("sub")), (Some("https://as.example"), Some("alice")));
    }

    #[test]
    fn nodes_that_start_at_once_agree() {
        let store = Arc::new(Store { meet: Some(Barrier::new(2)), ..Store::default() });
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
        let (a, b) = (open(&Arc::default()).unwrap().snapshot(), crate::fixtures::ring().snapshot());
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
        let store = Arc::<Store>::default();
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
