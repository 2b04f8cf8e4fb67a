//! The FHIR server's side of a token: each way of checking one, against the engine behind a socket, and how soon each notices that
//! a token was revoked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri};
use serde_json::Value;
use vestibule_host::{
    BoxError, ClientId, ClientStatus, Clock as _, FetchError, FetchedKeySet, JwksFetcher, Secret, UnixMillis,
};
use vestibule_http_tests::Door;
use vestibule_http_tests::app::{az, cc, revocation};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::world::{AS, FHIR1, FHIR2, P1, World, resource_server_secret};
use vestibule_resource::{
    Denied, EngineCheck, IntrospectionCheck, IntrospectionClient, JwksCheck, Outage, Staleness, TokenCheck,
    TokenFault, TokenVerifier, Transport,
};

use crate::notation::each_adapter;

const SCOPE: &str = "openid fhirUser launch/patient patient/Observation.rs offline_access";

/// The engine's endpoints, as a program on another machine reaches them.
#[derive(Debug)]
struct Over(Door);

#[async_trait]
impl Transport for Over {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
        let path = request.uri().path_and_query().ok_or("no path")?.clone();
        *request.uri_mut() = Uri::from(path);
        request.headers_mut().insert("host", HeaderValue::from_static("as.example"));
        Ok(self.0.send(request).await)
    }
}

/// The engine's key set, asked with each token.
#[derive(Debug)]
struct KeysOver(Door);

#[async_trait]
impl JwksFetcher for KeysOver {
    fn may_fetch(&self, url: &str) -> bool {
        url == format!("{AS}/auth/keys")
    }

    async fn key_set(
        &self,
        _: &str,
        _: UnixMillis,
        _: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        let request = Request::get("/auth/keys").header("host", "as.example").body(Bytes::new()).unwrap();
        Ok(FetchedKeySet::from_network(self.0.send(request).await.into_body()))
    }
}

fn introspecting(world: &World, server: &str, base: &str) -> IntrospectionCheck {
    let client =
        IntrospectionClient::with_secret(ClientId::new(server), Secret::new(resource_server_secret(server)));
    let endpoint = format!("{AS}/auth/introspect").parse().unwrap();
    IntrospectionCheck::new(AS, base, endpoint, client, Arc::new(Over(world.door.clone())))
}

/// Every way, for one base.
fn checks(world: &World, server: &str, base: &str) -> Vec<Box<dyn TokenVerifier>> {
    let keys = Arc::new(KeysOver(world.door.clone()));
    vec![
        Box::new(EngineCheck::new(world.server.clone(), AS, base)),
        Box::new(introspecting(world, server, base).with_staleness(Duration::ZERO)),
        Box::new(introspecting(world, server, base)),
        Box::new(TokenCheck::new(AS, base, world.keys.clone()).unwrap()),
        Box::new(JwksCheck::new(AS, base, format!("{AS}/auth/keys"), keys).unwrap()),
    ]
}

async fn tokens(world: &World) -> Value {
    world.tokens_for("pub", &az("pub").scope(SCOPE)).await
}

fn text<'t>(tokens: &'t Value, name: &str) -> &'t str {
    tokens[name].as_str().unwrap()
}

/// SMART-INTRO-005, SMART-INTRO-014, ATJWT-004, SMART-AUTHZ-045
#[test]
fn every_way_of_checking_reads_the_same() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let backend = cc(&assertion(&world, "svc").text()).send(&world).await.json();
        let now = world.clock.now();
        for check in checks(&world, "rs1", FHIR1) {
            let principal = check.verify(text(&tokens, "access_token"), now).await.unwrap();
            assert_eq!(principal.client_id().as_str(), "pub", "{check:?}");
            assert_eq!(principal.patient().unwrap().as_str(), P1);
            assert_eq!(principal.scopes().to_string(), text(&tokens, "scope"));
            assert!(principal.fhir_user().is_some());
            let service = check.verify(text(&backend, "access_token"), now).await.unwrap();
            assert_eq!((service.client_id().as_str(), service.subject()), ("svc", "svc"));
            // What is no access token of this issuer for this base.
            for junk in [text(&tokens, "refresh_token"), text(&tokens, "id_token"), "x", "a.b.c", ""] {
                assert!(matches!(check.verify(junk, now).await, Err(Denied::InvalidToken(_))), "{check:?}");
            }
        }
        for check in checks(&world, "rs2", FHIR2) {
            let foreign = check.verify(text(&tokens, "access_token"), now).await;
            assert!(matches!(foreign, Err(Denied::InvalidToken(_))), "{check:?}");
        }
    });
}

/// SMART-REVOKE-005, SMART-REVOKE-006
#[test]
fn a_revoked_token_is_refused_within_what_each_way_states() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let token = text(&tokens, "access_token");
        let checks = checks(&world, "rs1", FHIR1);
        let start = world.clock.now();
        for check in &checks {
            assert!(check.verify(token, start).await.is_ok(), "{check:?}");
        }
        assert_eq!(revocation("pub", text(&tokens, "refresh_token")).send(&world).await.status, 200);
        let mut refused_after = vec![None; checks.len()];
        for second in 0..=300 {
            let now = world.clock.now();
            for (check, refused) in checks.iter().zip(&mut refused_after) {
                match check.verify(token, now).await {
                    Ok(_) => assert_eq!(*refused, None, "{check:?} changed its mind"),
                    Err(Denied::InvalidToken(_)) => *refused = refused.or(Some(second)),
                    Err(other) => panic!("{other:?}"),
                }
            }
            world.advance(1);
        }
        for (check, refused) in checks.iter().zip(refused_after) {
            let bound = match check.staleness() {
                Staleness::AtOnce => 0,
                Staleness::UpTo(span) => span.as_secs(),
                // Tokens that nobody asks about live for five minutes.
                Staleness::TokenLife => 300,
            };
            let refused = refused.expect("refused in the end");
            assert!(refused <= bound, "{check:?}: {refused} s");
        }
    });
}

/// SMART-REVOKE-005
#[test]
fn taking_an_app_off_the_list_reaches_the_fhir_side() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let token = text(&tokens, "access_token");
        let engine = EngineCheck::new(world.server.clone(), AS, FHIR1);
        let asked = introspecting(&world, "rs1", FHIR1).with_staleness(Duration::from_secs(10));
        let now = world.clock.now();
        assert!(engine.verify(token, now).await.is_ok() && asked.verify(token, now).await.is_ok());
        world.clients.change("pub", |client| client.status = ClientStatus::Disabled);
        assert_eq!(engine.verify(token, now).await.unwrap_err(), Denied::InvalidToken(TokenFault::NotLiving));
        assert!(asked.verify(token, now.plus(Duration::from_secs(9))).await.is_ok(), "as stated");
        assert!(asked.verify(token, now.plus(Duration::from_secs(10))).await.is_err());
    });
}

/// STORE-002
#[test]
fn a_store_that_is_away_is_no_fact_about_a_token() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let token = text(&tokens, "access_token");
        world.script.away("grants", true);
        let now = world.clock.now();
        let engine = EngineCheck::new(world.server.clone(), AS, FHIR1);
        assert_eq!(engine.verify(token, now).await.unwrap_err(), Denied::Unavailable(Outage::Engine));
        let asked = introspecting(&world, "rs1", FHIR1);
        assert_eq!(asked.verify(token, now).await.unwrap_err(), Denied::Unavailable(Outage::Introspection));
        world.script.away("grants", false);
        assert!(engine.verify(token, now).await.is_ok() && asked.verify(token, now).await.is_ok());
        // Credentials of ours that the issuer does not take are our fault, not the token's.
        let client = IntrospectionClient::with_secret(ClientId::new("rs1"), Secret::new("wrong"));
        let endpoint = format!("{AS}/auth/introspect").parse().unwrap();
        let wrong = IntrospectionCheck::new(AS, FHIR1, endpoint, client, Arc::new(Over(world.door.clone())));
        assert_eq!(wrong.verify(token, now).await.unwrap_err(), Denied::Unavailable(Outage::Introspection));
        let mut browser = Browser::new(&world);
        assert_eq!(browser.get("/auth/keys").await.status, 200);
    });
}
