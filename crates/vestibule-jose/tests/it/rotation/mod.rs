//! The life of keys: announce, sign, retire. Time is whatever a test says.

mod elsewhere;
mod emergency;
mod nodes;
mod phases;
mod seal_masters;

use std::sync::Arc;

use serde_json::Value;
use vestibule_host::{
    Alg, KeyDocument, KeyError, KeyId, KeyRing, KeySet, KeyStore, MemoryKeys, Tenant, UnixMillis,
};
use vestibule_jose::{KeyPlan, LocalKeyRing, SystemRandom};

use crate::fixtures::now as ready;

/// When the keys are made.
const T0: i64 = 1_800_000_000;
/// JWKS max-age and margin: how long a key is announced.
const ANNOUNCED: i64 = 600;
/// The longest life, an hour, and margin: how long a retired key stays.
const RETIRED: i64 = 3_900;

/// Without RSA, which takes long to make.
fn plan() -> KeyPlan {
    KeyPlan::new(Alg::Es256, Alg::EdDsa)
}

fn at(seconds: i64) -> UnixMillis {
    UnixMillis::from_seconds(seconds)
}

fn tenant() -> Tenant {
    Tenant::new("https://as.example")
}

fn open(store: &Arc<MemoryKeys>, plan: KeyPlan, now: i64) -> Result<LocalKeyRing, KeyError> {
    let store = Arc::clone(store);
    ready(LocalKeyRing::open(store, &tenant(), plan, Arc::new(SystemRandom::new()), at(now)))
}

fn node(store: &Arc<MemoryKeys>) -> LocalKeyRing {
    open(store, plan(), T0).unwrap()
}

fn tend(ring: &LocalKeyRing, now: i64) -> u64 {
    ready(ring.tend(at(now))).unwrap().unwrap().as_secs()
}

fn published(set: &KeySet) -> Vec<String> {
    let jwks: Value = serde_json::from_slice(&set.jwks).unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn is_published(ring: &LocalKeyRing, id: &KeyId) -> bool {
    published(&ring.snapshot()).iter().any(|kid| kid == id.as_str())
}

/// The stored document: its version and its JSON.
fn stored(store: &MemoryKeys) -> (u8, Value) {
    let (_, document) = ready(store.load(&tenant())).unwrap().unwrap();
    let (version, json) = document.expose_secret().split_first().unwrap();
    (*version, serde_json::from_slice(json).unwrap())
}

/// A store with this document in it.
fn holding(version: u8, json: &Value) -> Arc<MemoryKeys> {
    let store = Arc::new(MemoryKeys::new());
    let document = KeyDocument::new([&[version], json.to_string().as_bytes()].concat());
    let _ = ready(store.save(&tenant(), None, &document)).unwrap();
    store
}
