//! What `private_key_jwt` clients sign, and what somebody else would like to pass off as it.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use graviola::signing::rsa::{KeySize, SigningKey};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use serde_json::{Map, Value, json};
use vestibule_host::Clock as _;

use crate::world::{AS, World};

/// A private key and the JWK that goes with it.
#[derive(Debug)]
pub struct ClientKey {
    pair: Pair,
    jwk: Value,
}

#[derive(Debug)]
enum Pair {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(&'static RsaKeyPair),
}

/// The key `kid` (`e1` is ES384, `r1` is RS384) of a client. Made once, when it is first asked for.
pub fn key_of(client: &str, kid: &str) -> &'static ClientKey {
    static KEYS: OnceLock<std::sync::Mutex<HashMap<String, &'static ClientKey>>> = OnceLock::new();
    let mut keys = KEYS.get_or_init(Default::default).lock().unwrap();
    keys.entry(format!("{client} {kid}")).or_insert_with(|| Box::leak(Box::new(ClientKey::new(kid))))
}

/// The key set that a client registered: its `e1`.
pub fn key_set(client: &str) -> Value {
    json!({ "keys": [key_of(client, "e1").jwk()] })
}

impl ClientKey {
    fn new(kid: &str) -> Self {
        let random = SystemRandom::new();
        let (pair, mut jwk) = if kid.starts_with('r') {
            let pair = rsa();
            let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
            let jwk = json!({ "kty": "RSA", "alg": "RS384", "n": BASE64.encode(public.n), "e": BASE64.encode(public.e) });
            (Pair::Rsa(pair), jwk)
        } else {
            let how = &signature::ECDSA_P384_SHA384_FIXED_SIGNING;
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(48);
            let jwk = json!({ "kty": "EC", "crv": "P-384", "alg": "ES384", "x": BASE64.encode(x), "y": BASE64.encode(y) });
            (Pair::Ecdsa(Box::new(pair)), jwk)
        };
        jwk["kid"] = json!(kid);
        Self { pair, jwk }
    }

    pub fn jwk(&self) -> Value {
        self.jwk.clone()
    }

    pub fn sign(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA384, &random, input, &mut out).unwrap();
                out
            }
        }
    }
}

/// One for all: making one takes long.
fn rsa() -> &'static RsaKeyPair {
    static PAIR: OnceLock<RsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let mut buffer = [0; 4096];
        let key = SigningKey::generate(KeySize::Rsa2048).unwrap();
        RsaKeyPair::from_pkcs8(key.to_pkcs8_der(&mut buffer).unwrap()).unwrap()
    })
}

/// The base `J` of the catalogue, to be changed.
#[derive(Clone, Debug)]
pub struct Assertion {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    signer: (String, String),
}

/// A valid assertion of a client: ES384 with `e1`, for the token endpoint, for four minutes.
pub fn assertion(world: &World, client: &str) -> Assertion {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let now = world.clock.now().0 / 1_000;
    let object = |value: Value| value.as_object().unwrap().clone();
    Assertion {
        header: object(json!({ "alg": "ES384", "kid": "e1", "typ": "JWT" })),
        claims: object(json!({
            "iss": client, "sub": client, "aud": format!("{AS}/auth/token"), "exp": now + 240,
            "jti": format!("jti-{number}"),
        })),
        signer: (client.to_owned(), "e1".to_owned()),
    }
}

impl Assertion {
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    #[must_use]
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Signed by another client's key, or another of its keys. The header stays as it is.
    #[must_use]
    pub fn signed_by(mut self, client: &str, kid: &str) -> Self {
        self.signer = (client.to_owned(), kid.to_owned());
        self
    }

    /// What is signed.
    pub fn input(&self) -> String {
        signing_input(
            &Value::Object(self.header.clone()).to_string(),
            &Value::Object(self.claims.clone()).to_string(),
        )
    }

    /// The compact text.
    pub fn text(&self) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        self.text_of(&header, &Value::Object(self.claims.clone()).to_string())
    }

    /// Any header and any claims, as they are written, under a good signature.
    pub fn text_of(&self, header: &str, claims: &str) -> String {
        let input = signing_input(header, claims);
        let signature = key_of(&self.signer.0, &self.signer.1).sign(input.as_bytes());
        format!("{input}.{}", BASE64.encode(signature))
    }
}

pub fn signing_input(header: &str, claims: &str) -> String {
    format!("{}.{}", BASE64.encode(header), BASE64.encode(claims))
}
