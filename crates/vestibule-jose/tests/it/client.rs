//! A client that has a key of every algorithm that clients may use.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use graviola::signing::rsa::{KeySize, SigningKey as RsaSigningKey};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use vestibule_jose::VerifyKeys;

pub(crate) const ALGS: [&str; 7] = ["RS384", "ES384", "RS256", "ES256", "EdDSA", "PS256", "PS384"];

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(&'static RsaKeyPair, &'static dyn signature::RsaEncoding),
}

/// A private key of the client and the JWK that it registered. The `kid` is the algorithm's name.
struct ClientKey {
    pair: Pair,
    jwk: Value,
}

/// Who holds the keys.
pub(crate) struct Client(HashMap<&'static str, ClientKey>);

impl Client {
    /// Made once: the tests share it.
    pub(crate) fn honest() -> &'static Self {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(Self::new)
    }

    /// Somebody else, whose keys have the same names.
    pub(crate) fn other() -> &'static Self {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(Self::new)
    }

    fn new() -> Self {
        Self(ALGS.into_iter().map(|alg| (alg, ClientKey::new(alg))).collect())
    }

    pub(crate) fn jwk(&self, alg: &str) -> Value {
        self.0[alg].jwk.clone()
    }

    /// The registered key set.
    pub(crate) fn keys(&self) -> VerifyKeys {
        let keys: Vec<_> = ALGS.iter().map(|alg| self.jwk(alg)).collect();
        VerifyKeys::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    /// Any header and any claims under a good signature of the named key.
    pub(crate) fn sign(&self, key: &str, header: &str, claims: &str) -> String {
        let input = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
        let signature = self.0[key].sign(input.as_bytes());
        format!("{input}.{}", BASE64.encode(signature))
    }
}

impl ClientKey {
    fn new(alg: &'static str) -> Self {
        let random = SystemRandom::new();
        let ecdsa = |how, len: usize, crv: &str| {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(how, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(how, pkcs8.as_ref(), &random).unwrap();
            let (x, y) = pair.public_key().as_ref()[1..].split_at(len);
            let jwk = json!({ "kty": "EC", "crv": crv, "x": BASE64.encode(x), "y": BASE64.encode(y) });
            (Pair::Ecdsa(pair), jwk)
        };
        let rsa = |how| {
            let pair = rsa_pair();
            let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
            let jwk = json!({ "kty": "RSA", "n": BASE64.encode(public.n), "e": BASE64.encode(public.e) });
            (Pair::Rsa(pair, how), jwk)
        };
        let (pair, mut jwk) = match alg {
            "ES256" => ecdsa(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, 32, "P-256"),
            "ES384" => ecdsa(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, 48, "P-384"),
            "EdDSA" => {
                let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
                let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
                let x = BASE64.encode(pair.public_key());
                (Pair::Ed25519(pair), json!({ "kty": "OKP", "crv": "Ed25519", "x": x }))
            }
            "RS256" => rsa(&signature::RSA_PKCS1_SHA256),
            "RS384" => rsa(&signature::RSA_PKCS1_SHA384),
            "PS256" => rsa(&signature::RSA_PSS_SHA256),
            _ => rsa(&signature::RSA_PSS_SHA384),
        };
        jwk["kid"] = json!(alg);
        jwk["alg"] = json!(alg);
        Self { pair, jwk }
    }

    fn sign(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, input).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(input).as_ref().to_vec(),
            Pair::Rsa(pair, how) => {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(*how, &random, input, &mut out).unwrap();
                out
            }
        }
    }
}

/// One RSA key for all: making one takes long, and the tests tell them apart by name and algorithm. It signs whatever it is
/// asked to; who may use it how is for the JWK to say.
fn rsa_pair() -> &'static RsaKeyPair {
    static PAIR: OnceLock<RsaKeyPair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let mut buffer = [0; 4096];
        let key = RsaSigningKey::generate(KeySize::Rsa2048).unwrap();
        RsaKeyPair::from_pkcs8(key.to_pkcs8_der(&mut buffer).unwrap()).unwrap()
    })
}
