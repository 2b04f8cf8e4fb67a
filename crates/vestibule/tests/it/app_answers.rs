//! `response_mode=form_post`: the answer as a form that the browser posts (SMART-AUTHZ-014, REDIR-012).

use vestibule::{AuthorizationServer, ConfigError};

use crate::app::{Az, CB, address_of, az};
use crate::browser::{Answer, Browser};
use crate::world::{AS, World, config};

fn world() -> World {
    World::with(config().with_form_post())
}

fn posted(client: &str) -> Az {
    az(client).scope("openid launch/patient patient/Observation.rs").add("response_mode", "form_post")
}

/// The field of a page that posts itself to this address, after a look at everything around it.
#[track_caller]
fn field(answer: &Answer, to: &str, name: &str) -> String {
    answer.is_page(200);
    assert!(answer.body.contains(&format!("<form method=\"post\" action=\"{to}\">")), "{}", answer.brief());
    assert!(answer.body.contains("<button class=\"primary\">"), "works without scripts");
    let policy = answer.header("content-security-policy");
    let origin = to.split('/').take(3).collect::<Vec<_>>().join("/");
    assert!(policy.contains(&format!("form-action 'self' {origin};")), "{policy}");
    assert!(policy.contains("; script-src 'nonce-"), "{policy}");
    let values = answer.values("input", name);
    assert_eq!(values.len(), 1, "{name}: {}", answer.brief());
    assert_eq!(answer.values("input", "iss"), [AS]);
    values[0].clone()
}

/// SMART-AUTHZ-014, SMART-AUTHZ-051, SMART-AUTHZ-053, REDIR-012, INT-015
#[tokio::test]
async fn a_code_is_posted() {
    let world = world();
    let mut browser = Browser::of(&world, "bob");
    let state = "<i>\"'&st</i>";
    browser.begin(&posted("pub").set("state", state)).await;
    let consent = browser.page.clone();
    let answer = browser.allow().await.clone();
    assert_eq!(field(&answer, CB, "state"), state);
    assert!(!answer.body.contains("<i>"), "{}", answer.body);
    let code = field(&answer, CB, "code");
    // The same form gets the same answer.
    browser.page = consent;
    let again = browser.allow().await.clone();
    assert_eq!(field(&again, CB, "code"), code);
    assert_eq!(world.spy.codes(), 1);
    assert_eq!(world.redeem("pub", &code).await.status, 200);
}

/// AUTHZ-003, A-AERR-07
#[tokio::test]
async fn errors_are_posted_too() {
    let world = world();
    let mut browser = Browser::of(&world, "bob");
    let early = browser.authorize(&posted("pub").set("code_challenge", "x")).await;
    assert_eq!(field(&early, CB, "error"), "invalid_request");
    let silent = browser.authorize(&posted("pub").add("prompt", "none")).await;
    assert_eq!(field(&silent, CB, "error"), "consent_required");
    browser.begin(&posted("pub")).await;
    let denied = browser.deny().await.clone();
    assert_eq!(field(&denied, CB, "error"), "access_denied");
    assert_eq!(field(&denied, CB, "state"), "st1");
    let mut nobody = Browser::of(&world, "nobody");
    let none = nobody.begin(&posted("pub")).await.clone();
    assert_eq!(field(&none, CB, "error_description"), "no patient record available");
}

/// REDIR-012, A-AERR-07
#[tokio::test]
async fn forms_go_where_they_are_safe() {
    let world = world();
    let mut browser = Browser::of(&world, "bob");
    let native = posted("nat").set("redirect_uri", "com.example.app:/cb");
    browser.authorize(&native).await.is_refusal("com.example.app:/cb", "invalid_request");
    let loopback = posted("nat").set("redirect_uri", "http://127.0.0.1:51004/cb").set("aud", "x");
    let answer = browser.authorize(&loopback).await;
    assert_eq!(field(&answer, "http://127.0.0.1:51004/cb", "error"), "invalid_request");
    // An address that is not proven gets nothing.
    browser.authorize(&posted("pub").set("redirect_uri", "https://evil.test/")).await.is_page(400);
    for mode in ["fragment", "form_post.jwt", "FORM_POST", "form_post query"] {
        let answer = browser.authorize(&az("pub").add("response_mode", mode)).await;
        answer.is_refusal(address_of("pub"), "invalid_request");
    }
    // Twice is no mode at all.
    let twice = posted("pub").add("response_mode", "form_post");
    browser.authorize(&twice).await.is_refusal(CB, "invalid_request");
}

/// SMART-AUTHZ-014, A-AERR-07
#[tokio::test]
async fn without_the_setting_there_are_no_forms() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.authorize(&posted("pub")).await.is_refusal(CB, "invalid_request");
    // Switched off in between: the answer goes by the mode that was promised, or nowhere else than to the proven address.
    let before = self::world();
    let mut browser = Browser::of(&before, "bob");
    browser.begin(&posted("pub")).await;
    let answer = browser.allow().await.clone();
    assert!(!field(&answer, CB, "code").is_empty());
}

/// REDIR-012
#[test]
fn a_server_without_pages_cannot_post() {
    let world = World::new();
    let host = vestibule::Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: world.spy.clone(),
        keys: world.keys.clone(),
    };
    let build = |config| AuthorizationServer::builder(config, host.clone()).build();
    let errors = build(config().with_pages_of_the_host().with_form_post()).unwrap_err();
    assert_eq!(errors.0, [ConfigError::NoPages]);
    assert!(build(config().with_pages_of_the_host()).is_ok());
}
