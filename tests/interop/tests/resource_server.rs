//! Access tokens of the engine at a resource server of others: `tower-oauth2-resource-server`, which checks signature, issuer,
//! audience and times with code of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use serde_json::Value;
use tower::{Layer, ServiceExt, service_fn};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;
use vestibule_host::{Clock as _, SystemClock};
use vestibule_http_tests::app::{az, cc};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::world::{AS, FHIR1, FHIR2, P1, World};

/// A FHIR server that trusts this key set, for one base; it answers with the claims that it was shown.
async fn status(jwks: &str, issuer: &str, base: &str, token: &str) -> (StatusCode, Option<Value>) {
    // Its `recommended` also demands `nbf`, which RFC 9068 does not.
    let spec = ClaimsValidationSpec::new().iss(issuer).exp(true).aud(&vec![base.to_owned()]);
    let tenant =
        TenantConfiguration::static_builder(jwks).identifier(issuer).claims_validation(spec).build().unwrap();
    let server = OAuth2ResourceServer::<Value>::builder().add_tenant(tenant).build().await.unwrap();
    let fhir = service_fn(|request: Request<()>| async move {
        let claims = request.extensions().get::<Value>().cloned();
        Ok::<_, Infallible>(Response::new(claims))
    });
    let request =
        Request::get("/Patient").header("authorization", format!("Bearer {token}")).body(()).unwrap();
    let answer = server.into_layer().layer(fhir).oneshot(request).await.unwrap();
    (answer.status(), answer.into_body())
}

/// ATJWT-001, ATJWT-002, ATJWT-003
#[tokio::test]
async fn another_resource_server_accepts_our_tokens() {
    let world = World::new();
    // It knows no clock but the machine's.
    world.clock.set(SystemClock.now());
    let jwks = world.json("/auth/keys").await.to_string();
    let granted = world
        .tokens_for("pub", &az("pub").scope("openid fhirUser launch/patient patient/Observation.rs"))
        .await;
    let backend = cc(&assertion(&world, "svc").text()).send(&world).await.json();
    for (tokens, client) in [(&granted, "pub"), (&backend, "svc")] {
        let token = tokens["access_token"].as_str().unwrap();
        let (accepted, claims) = status(&jwks, AS, FHIR1, token).await;
        assert_eq!(accepted, StatusCode::OK);
        let claims = claims.unwrap();
        assert_eq!(claims["client_id"], client);
        assert_eq!(claims["scope"], tokens["scope"]);
        if client == "pub" {
            assert_eq!(claims["patient"], P1);
        }
        // And it is not merely lenient.
        for (issuer, base) in [(AS, FHIR2), ("https://other.example", FHIR1)] {
            assert_eq!(status(&jwks, issuer, base, token).await.0, StatusCode::UNAUTHORIZED);
        }
        let mut forged = token.to_owned();
        forged.truncate(token.len() - 4);
        forged.push_str("AAAA");
        assert_eq!(status(&jwks, AS, FHIR1, &forged).await.0, StatusCode::UNAUTHORIZED);
        let others = vestibule_host::KeyRing::snapshot(vestibule_http_tests::world::another_ring().as_ref())
            .jwks
            .clone();
        let others = String::from_utf8(others.to_vec()).unwrap();
        assert_eq!(status(&others, AS, FHIR1, token).await.0, StatusCode::UNAUTHORIZED);
    }
}
