//! Apps of SMART 1.0, which know no PKCE (SMART-PKCE-008, design §9).

use serde_json::json;
use vestibule_core::authorize::{CodeProof, PendingRequest};
use vestibule_core::digest;
use vestibule_core::token::TokenError;
use vestibule_host::RegisteredClient;

use crate::fixture::{Az, C1, Issue, REDIRECT, Server, V1, client, decided, pending};
use crate::redemption::{check_with, confidential};

fn legacy() -> RegisteredClient {
    let mut client = confidential(client());
    client.legacy_v1 = true;
    client
}

fn bare() -> Az {
    Az::new().without("code_challenge").without("code_challenge_method")
}

/// SMART-PKCE-008, A-PKCE-01, A-PKCE-07
#[test]
fn only_a_confidential_app_with_the_flag_may_leave_pkce_out() {
    let server = Server::new();
    assert_eq!(server.hear(&bare().query(), &legacy()).accepted().proof, CodeProof::DangerLegacyV1);
    // With PKCE it is like any other app.
    let with = server.hear(&Az::new().query(), &legacy()).accepted();
    assert_eq!(with.proof.as_str(), C1);
    let half = [
        Az::new().without("code_challenge"),
        Az::new().without("code_challenge_method"),
        Az::new().set("code_challenge_method", "plain"),
        Az::new().set("code_challenge", "short"),
    ];
    for az in half {
        assert_eq!(
            server.hear(&az.query(), &legacy()).error(Some("st1")),
            "invalid_request",
            "{}",
            az.query()
        );
    }
    let mut public = client();
    public.legacy_v1 = true;
    for other in [client(), confidential(client()), public] {
        assert_eq!(server.hear(&bare().query(), &other).error(Some("st1")), "invalid_request");
    }
}

/// SMART-PKCE-007, SMART-PKCE-008, PKCE-007
#[test]
fn the_registration_is_asked_again_at_redemption() {
    let scopes = "launch/patient patient/Observation.rs";
    let mut issue = Issue::new(scopes, false);
    let mut stored = serde_json::to_value(pending(scopes, false)).unwrap();
    stored["h"] = json!("danger-legacy-v1");
    issue.request = serde_json::from_value::<PendingRequest>(stored).unwrap();
    issue.client = legacy();
    let progress = decided(Some("P1"), None, scopes);
    let draft = issue.draft(&progress, None, crate::fixture::agreed(&progress)).unwrap();
    let operation = issue.operation(&draft);
    assert_eq!(operation.binding, digest::binding("pub", REDIRECT, "danger-legacy-v1"));
    assert_ne!(operation.binding, digest::binding("pub", REDIRECT, C1));
    let grant = issue.grant(&progress, None);
    let check =
        |client: RegisteredClient, verifier: Option<&str>| check_with(grant.clone(), client, verifier);
    assert!(check(legacy(), None).is_ok());
    for verifier in [V1, "short", "a b"] {
        let refused = check(legacy(), Some(verifier)).unwrap_err();
        assert!(matches!(refused, TokenError::InvalidRequest(_)), "{verifier}");
    }
    // Taken away, or public since.
    assert_eq!(check(confidential(client()), None).unwrap_err(), TokenError::InvalidGrant);
    let mut public = client();
    public.legacy_v1 = true;
    assert_eq!(check(public, None).unwrap_err(), TokenError::InvalidGrant);
    // Another app learns nothing of it.
    let mut other = legacy();
    other.id = vestibule_host::ClientId::new("other");
    assert_eq!(check(other.clone(), None).unwrap_err(), TokenError::InvalidGrant);
    assert_eq!(check(other, Some(V1)).unwrap_err(), TokenError::InvalidGrant);
}

/// SMART-PKCE-004, A-PKCE-04
#[test]
fn a_code_with_a_challenge_wants_its_verifier_of_everybody() {
    let scopes = "launch/patient patient/Observation.rs";
    let mut issue = Issue::new(scopes, false);
    issue.client = legacy();
    let grant = issue.grant(&decided(Some("P1"), None, scopes), None);
    assert!(check_with(grant.clone(), legacy(), Some(V1)).is_ok());
    assert_eq!(check_with(grant, legacy(), None).unwrap_err(), TokenError::InvalidGrant);
}
