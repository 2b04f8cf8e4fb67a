//! What ends before it reaches the server.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use vestibule_host::UnixMillis;
use vestibule_resource::layer::GuardLayer;
use vestibule_resource::{
    Decision, Denied, FhirVersion, Interaction, Outage, Principal, Rules, Staleness, TokenVerifier,
};

use super::{Ask, Fhir, ask, guard, token, told, value};
use crate::fixtures::BASE;

const ALL: &str = "user/*.cruds";

async fn refused(ask: Ask, status: u16) {
    let fhir = Fhir::new();
    let answer = ask.send(&fhir).await;
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(fhir.asked().len(), 0);
    assert_eq!(value(&answer)["resourceType"], "OperationOutcome");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}

/// SMART-SCOPE-027, SMART-SCOPE-028, BEARER-003, BEARER-004
#[tokio::test]
async fn without_a_good_token_nothing_goes_on() {
    let fhir = Fhir::new();
    let bare = |uri: &str| Ask(Request::builder().uri(uri.to_owned()), Bytes::new());
    let none = bare("/fhir/Patient/p-1").send(&fhir).await;
    assert_eq!(
        (none.status().as_u16(), none.headers()["www-authenticate"].to_str().unwrap()),
        (401, "Bearer")
    );
    let bad = bare("/fhir/Patient/p-1").with("authorization", "Bearer x").send(&fhir).await;
    assert_eq!(bad.status(), 401);
    assert!(bad.headers()["www-authenticate"].to_str().unwrap().contains("invalid_token"));
    // Whether there is such a thing makes no difference.
    let missing = bare("/fhir/Patient/nope").with("authorization", "Bearer x").send(&fhir).await;
    assert_eq!(told(&bad), told(&missing));
    let scope = ask("GET", "/Patient/p-1", "patient/Observation.rs").send(&fhir).await;
    assert_eq!(scope.status(), 403);
    assert!(scope.headers()["www-authenticate"].to_str().unwrap().contains("insufficient_scope"));
    refused(ask("GET", "/Patient/p-1", ALL).with("authorization", &token(ALL)), 400).await;
    refused(ask("GET", "/Patient/p-1?access_token=x", ALL), 400).await;
    refused(bare("/fhir/Patient/p-1").with("origin", "https://app.example"), 401).await;
    assert_eq!(fhir.asked().len(), 0);

    // What the server can do is for everybody; a bad token is still a bad token.
    assert_eq!(bare("/fhir/metadata").send(&fhir).await.status(), 200);
    assert_eq!(ask("GET", "/metadata", "launch/patient").send(&fhir).await.status(), 200);
    assert_eq!(bare("/fhir/metadata").with("authorization", "Bearer x").send(&fhir).await.status(), 401);
}

#[tokio::test]
async fn what_two_servers_could_read_differently_is_refused() {
    for path in [
        "//Patient/p-1",
        "/Patient//p-1",
        "/Patient/p-1/",
        "/Patient/../Patient/p-1",
        "/Patient/%70-1",
        "/Patient%2fp-1",
        "/Patient/p-1;x=y",
        "/Patient?name=a;b=c",
        "/Patient?name=%ff",
        "/Patient?_method=DELETE",
    ] {
        refused(ask("GET", path, ALL), 400).await;
    }
    for path in ["/patient/p-1", "/Nothing", "/Patient/p-1/x/y"] {
        let fhir = Fhir::new();
        let status = ask("GET", path, ALL).send(&fhir).await.status();
        assert!(status == 400 || status == 404, "{path}");
        assert_eq!(fhir.asked().len(), 0);
    }
    for path in ["/fhirx/Patient/p-1", "/Patient/p-1", "/"] {
        let bare = Ask(Request::builder().uri(path).header("authorization", token(ALL)), Bytes::new());
        refused(bare, 404).await;
    }
    for (name, value) in [
        ("x-http-method-override", "DELETE"),
        ("x-http-method", "PUT"),
        ("x-method-override", "PATCH"),
        ("upgrade", "h2c"),
        ("connection", "keep-alive, Upgrade"),
    ] {
        refused(ask("GET", "/Patient/p-1", ALL).with(name, value), 400).await;
    }
    refused(ask("PUT", "/Patient/p-1", ALL).with("if-match", "W/\"1\"").with("if-match", "W/\"2\""), 400)
        .await;
    for method in ["OPTIONS", "TRACE", "CONNECT", "get", "PROPFIND"] {
        let fhir = Fhir::new();
        assert!(ask(method, "/Patient/p-1", ALL).send(&fhir).await.status().is_client_error());
        assert_eq!(fhir.asked().len(), 0);
    }
}

#[tokio::test]
async fn bodies_have_one_reading_and_a_bound() {
    let patient = json!({"resourceType": "Patient"});
    refused(ask("GET", "/Patient/p-1", ALL).json(&patient), 400).await;
    refused(ask("DELETE", "/Patient/p-1", ALL).json(&patient), 400).await;
    let twice = "{\"resourceType\":\"Patient\",\"id\":\"p-1\",\"id\":\"p-2\"}";
    refused(ask("POST", "/Patient", ALL).body("application/fhir+json", twice), 400).await;
    refused(ask("POST", "/Patient", ALL).body("application/fhir+xml", "<Patient/>"), 415).await;
    refused(ask("POST", "/Patient", ALL).json(&patient).with("content-encoding", "gzip"), 415).await;
    refused(ask("PUT", "/Patient/p-1", ALL).json(&json!({"resourceType": "Patient", "id": "p-2"})), 400)
        .await;
    refused(ask("POST", "/Patient/_search", ALL).json(&patient), 415).await;
    for charset in ["utf-7", "\"utf-16\"", "iso-8859-1", "", "utf-8; charset=utf-7"] {
        let kind = format!("application/fhir+json; charset={charset}");
        refused(ask("POST", "/Patient", ALL).body(&kind, &patient), 415).await;
        let kind = format!("application/x-www-form-urlencoded; charset={charset}");
        refused(ask("POST", "/Patient/_search", ALL).body(&kind, "name=x"), 415).await;
    }
    refused(ask("POST", "/Patient", ALL), 400).await;
    refused(ask("PUT", "/Patient/p-1", ALL), 400).await;
    let two_lengths =
        ask("POST", "/Patient", ALL).with("content-length", "5").with("transfer-encoding", "chunked");
    refused(two_lengths.json(&patient), 400).await;
    let long = json!({"resourceType": "Patient", "x": "x".repeat(1024 * 1024)});
    refused(ask("POST", "/Patient", ALL).json(&long), 413).await;
    // Without a token nobody's body is read.
    let fhir = Fhir::new();
    let bare =
        Request::builder().method("POST").uri("/fhir/Patient").header("content-type", "application/json");
    assert_eq!(Ask(bare, long.to_string().into()).send(&fhir).await.status(), 401);
    // Bytes are bytes.
    fhir.says(201, "application/fhir+json", "{}");
    let binary = ask("POST", "/Binary", ALL).body("image/png", "\u{1}").send(&fhir).await;
    assert_eq!((binary.status().as_u16(), fhir.asked()[0].body().as_ref()), (201, &b"\x01"[..]));
    refused(ask("POST", "/Binary", "patient/*.cruds").body("image/png", "\u{1}"), 415).await;
}

#[derive(Debug)]
struct Away;

#[async_trait::async_trait]
impl TokenVerifier for Away {
    async fn verify(&self, _: &str, _: UnixMillis) -> Result<Principal, Denied> {
        Err(Denied::Unavailable(Outage::Introspection))
    }

    fn staleness(&self) -> Staleness {
        Staleness::AtOnce
    }
}

#[tokio::test]
async fn an_outage_is_no_fact() {
    let fhir = Fhir::new();
    let layer = GuardLayer::new(Rules::new(FhirVersion::R4, BASE), Arc::new(Away)).under("/fhir").enforcing();
    let answer = ask("GET", "/Patient/p-1", ALL).send_by(&fhir, layer).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert!(!answer.headers().contains_key("www-authenticate"));
    assert_eq!(fhir.asked().len(), 0);
}

/// SMART-SCOPE-026
#[tokio::test]
async fn a_server_that_applies_it_itself_is_told_what() {
    let seen = Arc::new(Mutex::new(None));
    let note = Arc::clone(&seen);
    let inner = service_fn(move |request: Request<Full<Bytes>>| {
        let extensions = request.extensions();
        let principal = extensions.get::<Principal>().unwrap().client_id().clone();
        let decision = extensions.get::<Decision>().cloned().unwrap();
        let interaction = extensions.get::<Interaction>().cloned().unwrap();
        *note.lock().unwrap() = Some((principal, decision, interaction));
        async { Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"anything")))) }
    });
    let Ask(request, body) = ask("GET", "/Observation?code=x", "patient/Observation.rs");
    let answer = guard().layer(inner).oneshot(request.body(Full::new(body)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.extensions().get::<Principal>().unwrap().client_id().as_str(), "app");
    let (principal, decision, interaction) = seen.lock().unwrap().take().unwrap();
    assert_eq!(principal.as_str(), "app");
    assert!(matches!(interaction, Interaction::Search(_)));
    let Decision::PermitNarrowed(narrowing) = decision else { panic!("{decision:?}") };
    assert!(narrowing.checks().bundle);
}
