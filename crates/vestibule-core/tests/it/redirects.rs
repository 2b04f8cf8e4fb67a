//! What is shown and what is redirected: only a registered address of a known app carries an answer.

use vestibule_core::authorize::error::AuthorizeRefusal;
use vestibule_core::authorize::{Identified, ProvenRedirect};
use vestibule_core::params::Params;
use vestibule_host::pages::Problem;

use crate::fixture::{Az, Heard, ISSUER, REDIRECT, Server, client};
use crate::validation::Answer::Page;
use crate::validation::check;

/// SMART-AUTHZ-030, SMART-AUTHZ-031, AUTHZ-002, REDIR-001, REDIR-003, REDIR-008, REDIR-011, A-AERR-02, A-AERR-04, A-AERR-05, A-AERR-16, A-AERR-18
#[test]
fn nothing_is_redirected_to_an_unproven_address() {
    for address in [
        "https://evil.test/",
        "https://app.example/cb/",
        "https://app.example/cb?x=1",
        "https://app.example/cb#",
        "https://app.example/CB",
        "https://APP.example/cb",
        "https://app.example:443/cb",
        "https://app.example/./cb",
        "https://app.example/%63b",
        "https://app.example/cb ",
        "https://app.example",
        "http://app.example/cb",
        "javascript:alert(1)",
    ] {
        // The most tempting early exits: everything else is wrong too.
        for az in [
            Az::new(),
            Az::new().set("response_type", "token"),
            Az::new().set("scope", "profile"),
            Az::new().add("request", "x"),
        ] {
            check(&az.set("redirect_uri", address), Page(Problem::UnknownRedirect));
        }
    }
    check(&Az::new().set("client_id", "nope"), Page(Problem::UnknownClient));
    check(&Az::new().set("client_id", "PUB"), Page(Problem::UnknownClient));
    check(&Az::new().set("client_id", "pub "), Page(Problem::UnknownClient));
    check(&Az::new().add("client_id", "other"), Page(Problem::Malformed));
    let server = Server::new();
    let (mut off, mut nowhere) = (client(), client());
    off.status = vestibule_host::ClientStatus::Disabled;
    nowhere.redirect_uris.clear();
    assert!(matches!(server.hear(&Az::new().query(), &off), Heard::Shown(Problem::UnknownClient)));
    assert!(matches!(server.hear(&Az::new().query(), &nowhere), Heard::Shown(Problem::UnknownRedirect)));
    // Query and form of one request are one set of parameters.
    let mut both = Params::parse(b"client_id=pub").unwrap();
    both.append(Az::new().query().as_bytes()).unwrap();
    assert_eq!(Identified::read(&both).unwrap_err(), Problem::Malformed);
}

/// REDIR-002, SMART-AUTHZ-032
#[test]
fn a_loopback_port_is_free_only_where_the_client_says_so() {
    let mut native = client();
    native.redirect_uris =
        vec!["http://127.0.0.1/cb".into(), "http://[::1]:7000/cb".into(), "http://localhost/cb".into()];
    let server = Server::new();
    let shown = |app: &_, uri: &str| {
        matches!(
            server.hear(&Az::new().set("redirect_uri", uri).query(), app),
            Heard::Shown(Problem::UnknownRedirect)
        )
    };
    for free in ["http://127.0.0.1:54321/cb", "http://[::1]:1/cb", "http://[::1]/cb"] {
        assert!(shown(&native, free), "{free}");
    }
    native.loopback_ports = true;
    for free in ["http://127.0.0.1:54321/cb", "http://[::1]:1/cb", "http://[::1]/cb"] {
        assert!(!shown(&native, free), "{free}");
    }
    for not in [
        "http://localhost:54321/cb",
        "http://127.0.0.1:54321/cb/",
        "http://127.0.0.1:5a/cb",
        "https://127.0.0.1:1/cb",
    ] {
        assert!(shown(&native, not), "{not}");
    }
}

/// REDIR-010, INT-019
#[test]
fn a_stored_address_is_proven_again() {
    let request = Az::new().send().accepted();
    assert_eq!(request.prove(Some(&client())).unwrap().uri(), REDIRECT);
    assert_eq!(request.prove(None), Err(Problem::UnknownClient));
    let (mut off, mut moved, mut other) = (client(), client(), client());
    off.status = vestibule_host::ClientStatus::Disabled;
    moved.redirect_uris = vec!["https://app.example/cb2".into()];
    other.id = vestibule_host::ClientId::new("other");
    assert_eq!(request.prove(Some(&off)), Err(Problem::UnknownClient));
    assert_eq!(request.prove(Some(&moved)), Err(Problem::UnknownRedirect));
    assert_eq!(request.prove(Some(&other)), Err(Problem::UnknownClient));
    // With the state of the request, not one that a later step brings (A-CTX-47).
    let location =
        request.prove(Some(&client())).unwrap().refuse(AuthorizeRefusal::unavailable(), ISSUER).location();
    assert!(location.contains("state=st1"));
}

/// SMART-AUTHZ-034, AUTHZ-006, ISS-001, ISS-002
#[test]
fn an_answer_keeps_the_query_of_the_address() {
    let mut app = client();
    app.redirect_uris = vec!["https://app.example/cb?x=%20y&z".into()];
    let az = Az::new().set("redirect_uri", "https://app.example/cb?x=%20y&z").without("aud");
    let Heard::Redirected { location, .. } = Server::new().hear(&az.query(), &app) else { panic!() };
    assert!(location.starts_with("https://app.example/cb?x=%20y&z&error=invalid_request&"), "{location}");
    assert!(location.ends_with("&state=st1&iss=https%3A%2F%2Fas.example"), "{location}");
}

/// AUTHZ-004, A-TYPE-01
#[test]
fn only_a_proven_address_carries_an_error() {
    let params = Params::parse(Az::new().query().as_bytes()).unwrap();
    let identified = Identified::read(&params).unwrap();
    assert_eq!(ProvenRedirect::prove(None, &identified, &params, false), Err(Problem::UnknownClient));
    let proven = ProvenRedirect::prove(Some(&client()), &identified, &params, false).unwrap();
    assert_eq!(proven.uri(), REDIRECT);
    assert!(!format!("{proven:?}").contains("st1"), "no state in a log line");
}
