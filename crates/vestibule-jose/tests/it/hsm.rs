//! Keys in a device that this process talks to: what a host with an HSM or a key service writes, and that it suffices.
//!
//! The device is a thread. It makes its keys, keeps them, and answers one request after the other, late or not at all; what
//! leaves it is public keys and signatures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair,
};
use serde_json::json;
use tokio::sync::oneshot;
use vestibule_host::{Alg, KeyError, KeyId, KeyRing, KeySet, SealKey, SigningKey};
use vestibule_jose::{Expect, JwsError, PublicKey, VerifyKeys, jwks, jws};

use crate::fixtures::WHENEVER;

/// How the device feels.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Well,
    Slow,
    /// Answers with an error of its own.
    Refuses,
    /// Takes the request and drops it: the line is cut.
    Cut,
    /// Answers when it feels otherwise.
    Stuck,
}

struct Request {
    slot: usize,
    input: Vec<u8>,
    answer: oneshot::Sender<Result<Vec<u8>, &'static str>>,
}

/// The client's side: the only thing that the engine sees.
#[derive(Debug)]
struct Hsm {
    line: Mutex<mpsc::Sender<Request>>,
    mood: Arc<Mutex<Mood>>,
    served: Arc<AtomicUsize>,
    set: Arc<KeySet>,
    patience: Duration,
}

const KINDS: [(Alg, &str, &EcdsaSigningAlgorithm); 2] = [
    (Alg::Es256, "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
    (Alg::Es384, "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
];

impl Hsm {
    fn start() -> Self {
        let (line, requests) = mpsc::channel();
        let (announce, announced) = mpsc::channel();
        let mood = Arc::new(Mutex::new(Mood::Well));
        let served = Arc::new(AtomicUsize::new(0));
        let (felt, counted) = (Arc::clone(&mood), Arc::clone(&served));
        thread::spawn(move || device(&requests, announce, &felt, &counted));
        let public: Vec<(Alg, PublicKey)> = announced.iter().collect();
        let keys: Vec<_> =
            public.iter().map(|(alg, key)| SigningKey { id: key.thumbprint(), alg: *alg }).collect();
        let set = KeySet {
            revision: 1,
            access_token: keys[0].clone(),
            id_token: keys[1].clone(),
            more_access_token: Vec::new(),
            more_id_token: Vec::new(),
            jwks: jwks(keys.iter().zip(&public).map(|(key, (alg, public))| (&key.id, *alg, public))),
            seal: vec![SealKey::new(KeyId::new("s"), [1; 32])],
            next_seal: None,
        };
        Self { line: Mutex::new(line), mood, served, set: Arc::new(set), patience: Duration::from_secs(60) }
    }

    fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

fn device(
    requests: &mpsc::Receiver<Request>,
    announce: mpsc::Sender<(Alg, PublicKey)>,
    mood: &Mutex<Mood>,
    served: &AtomicUsize,
) {
    let random = SystemRandom::new();
    let pairs = KINDS.map(|(alg, crv, how)| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let jwk = json!({ "kty": "EC", "crv": crv, "x": BASE64.encode(x), "y": BASE64.encode(y) });
        announce.send((alg, PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap())).unwrap();
        pair
    });
    // That is all it tells of them.
    drop(announce);
    for request in requests {
        let mut feeling = *mood.lock().unwrap();
        while let Mood::Stuck = feeling {
            thread::sleep(Duration::from_millis(1));
            feeling = *mood.lock().unwrap();
        }
        served.fetch_add(1, Ordering::SeqCst);
        let answer = match feeling {
            Mood::Cut => continue,
            Mood::Refuses => Err("session lost"),
            Mood::Well | Mood::Slow | Mood::Stuck => {
                if let Mood::Slow = feeling {
                    thread::sleep(Duration::from_millis(20));
                }
                Ok(pairs[request.slot].sign(&random, &request.input).unwrap().as_ref().to_vec())
            }
        };
        // Nobody may be waiting any more.
        let _ = request.answer.send(answer);
    }
}

#[async_trait]
impl KeyRing for Hsm {
    fn snapshot(&self) -> Arc<KeySet> {
        Arc::clone(&self.set)
    }

    async fn sign(&self, key: &KeyId, input: &[u8]) -> Result<Vec<u8>, KeyError> {
        let known = [&self.set.access_token, &self.set.id_token];
        let slot = known.iter().position(|known| known.id == *key).ok_or(KeyError::NoSuchKey)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { slot, input: input.to_vec(), answer };
        let sent = self.line.lock().unwrap().send(request);
        sent.map_err(|_| KeyError::Service("the device is gone".into()))?;
        match tokio::time::timeout(self.patience, answered).await {
            Ok(Ok(signature)) => signature.map_err(|reason| KeyError::Service(reason.into())),
            Ok(Err(_)) => Err(KeyError::Service("the device did not answer".into())),
            Err(_) => Err(KeyError::Service("the device takes too long".into())),
        }
    }
}

async fn token(hsm: &Hsm, key: &SigningKey) -> Result<String, KeyError> {
    jws::encode(hsm, key, "at+jwt", &json!({ "sub": "alice" })).await
}

fn verdict(hsm: &Hsm, token: &str) -> Result<(), JwsError> {
    let expect = Expect { typ: &["at+jwt"], algs: &[Alg::Es256, Alg::Es384] };
    VerifyKeys::from_jwks(&hsm.set.jwks).unwrap().verify(token, &expect, WHENEVER).map(|_| ())
}

/// KEY-004
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_signs_for_many_at_once() {
    let hsm = Arc::new(Hsm::start());
    hsm.feels(Mood::Slow);
    let signing: Vec<_> = (0..10)
        .map(|number| {
            let hsm = Arc::clone(&hsm);
            tokio::spawn(async move {
                let set = hsm.snapshot();
                let key = if number % 2 == 0 { &set.access_token } else { &set.id_token };
                token(&hsm, key).await.unwrap()
            })
        })
        .collect();
    for signed in signing {
        assert_eq!(verdict(&hsm, &signed.await.unwrap()), Ok(()));
    }
    let public: serde_json::Value = serde_json::from_slice(&hsm.set.jwks).unwrap();
    assert!(public["keys"].as_array().unwrap().iter().all(|key| key.get("d").is_none()));
}

/// A-KEY-07, KEY-007: there is a token or a clean error, and afterwards everything is as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_fails_yields_no_token() {
    let mut hsm = Hsm::start();
    let key = hsm.set.access_token.clone();
    for (mood, patience) in [(Mood::Refuses, 60_000), (Mood::Cut, 60_000), (Mood::Stuck, 10)] {
        hsm.patience = Duration::from_millis(patience);
        hsm.feels(mood);
        let refused = token(&hsm, &key).await;
        assert!(matches!(refused, Err(KeyError::Service(_))), "{mood:?}: {refused:?}");
        hsm.patience = Duration::from_secs(60);
        hsm.feels(Mood::Well);
        assert_eq!(verdict(&hsm, &token(&hsm, &key).await.unwrap()), Ok(()));
    }
    let unknown = SigningKey { id: KeyId::new("x"), alg: Alg::Es256 };
    assert!(matches!(token(&hsm, &unknown).await, Err(KeyError::NoSuchKey)));
}

/// Signing has no effect to undo: who goes away leaves nothing behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_harms_nobody() {
    let hsm = Hsm::start();
    let key = hsm.set.access_token.clone();
    hsm.feels(Mood::Stuck);
    for _ in 0..5 {
        let left = tokio::time::timeout(Duration::from_millis(1), token(&hsm, &key)).await;
        assert!(left.is_err(), "gone before the answer came");
    }
    hsm.feels(Mood::Well);
    assert_eq!(verdict(&hsm, &token(&hsm, &key).await.unwrap()), Ok(()));
    assert_eq!(hsm.served.load(Ordering::SeqCst), 6);
}

/// A ring whose keys are looked after elsewhere has nothing to tend.
#[tokio::test]
async fn a_device_looks_after_its_own_keys() {
    let hsm = Hsm::start();
    assert_eq!(hsm.tend(WHENEVER).await.unwrap(), None);
}
