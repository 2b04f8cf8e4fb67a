//! A-JWT: a signed assertion says who the client is, to this server, once.

mod claims;
mod form;

use serde_json::Value;
use vestibule_host::{ClientAuthentication, ClientKeys, KeySource};
use vestibule_http_tests::app::cc;
use vestibule_http_tests::assertion::{Assertion, assertion};
use vestibule_http_tests::world::World;

use crate::notation::j401;

/// `J401`: refused, and nothing about it is remembered.
async fn refused(world: &World, text: &str) {
    let answer = cc(text).send(world).await;
    assert_eq!(answer.status, 401, "{text:.400}: {}", answer.body);
    j401(&answer);
    assert!(!world.script.calls().contains(&"grants.issue_token"), "no jti is claimed");
}

/// The untampered assertion still works.
async fn accepted(world: &World, text: &str) {
    let answer = cc(text).send(world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["scope"], "system/Observation.rs");
    assert!(tokens.get("refresh_token").is_none());
}

fn svc(world: &World) -> Assertion {
    assertion(world, "svc")
}

fn now(world: &World) -> i64 {
    use vestibule_host::Clock as _;
    world.clock.now().0 / 1_000
}

/// From now on `svc` has registered this key set.
fn register(world: &World, document: &Value) {
    let keys = ClientKeys::new(KeySource::Inline(document.to_string().into()));
    world.clients.change("svc", |client| client.authentication = ClientAuthentication::PrivateKeyJwt(keys));
}
