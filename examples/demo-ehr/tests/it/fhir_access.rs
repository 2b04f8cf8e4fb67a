//! What tokens open.

use http::StatusCode;
use serde_json::json;
use vestibule_host::{Clock as _, SystemClock};

use crate::fhir::{App, BASE, ISSUER, server};

/// SMART-SCOPE-060
#[tokio::test]
async fn a_patient_scope_opens_one_record() {
    let app = App::new("alice", Some("ben"), "patient/*.rs").await;
    assert_eq!(app.status("/Patient/ben").await, 200);
    assert_eq!(app.status("/Observation/ben-glu-1").await, 200);
    // The scopes are for one patient: others are refused, whether they exist or not.
    for other in ["/Patient/alice", "/Patient/carol", "/Patient/vip", "/Patient/nosuch"] {
        assert_eq!(app.status(other).await, 403, "{other}");
    }
    for other in ["/Observation/alice-glu-1", "/Binary/carol-bin-1", "/Observation/nosuch"] {
        assert_eq!(app.status(other).await, 404, "{other}");
    }
    assert_eq!(app.status("/NoSuchType/1").await, 404);
    assert_eq!(app.finds("/Patient").await, ["ben"]);
    assert!(app.finds("/Condition?_count=200").await.iter().all(|id| id.starts_with("ben-")));
    for named in ["/Observation?patient=alice", "/Observation?patient=ben,carol", "/Patient?_id=carol"] {
        assert_eq!(app.status(named).await, 403, "{named}");
    }
    // Outside the compartment (SMART-SCOPE-064).
    for shared in ["/Practitioner/lee", "/Organization/elmsby", "/Location/clinic"] {
        assert_eq!(app.status(shared).await, 200, "{shared}");
    }
    assert_eq!(app.status("/Person/nobody").await, 404);
}

#[tokio::test]
async fn a_scope_opens_its_types_and_letters_only() {
    let app =
        App::new("alice", Some("ben"), "launch/patient patient/Observation.r patient/Patient.read").await;
    assert_eq!(app.status("/Observation/ben-glu-1").await, 200);
    assert_eq!(app.status("/Patient?_id=ben").await, 200);
    for (path, what) in [
        ("/Observation?patient=ben", "read is not search"),
        ("/Condition/ben-con-1", "another type"),
        ("/Condition?patient=ben", "another type"),
        ("/Practitioner/lee", "nobody asked for it"),
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{what}");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{what}");
    }
}

/// SMART-SCOPE-046
#[tokio::test]
async fn a_granular_scope_is_a_filter() {
    let system = "http://terminology.hl7.org/CodeSystem/observation-category";
    let labs = format!("patient/Observation.rs?category={system}|laboratory");
    let app = App::new("alice", Some("alice"), &labs).await;
    let found = app.finds("/Observation?patient=alice").await;
    assert!(
        !found.is_empty() && found.iter().all(|id| id.contains("-glu-") || id.contains("-hgb-")),
        "{found:?}"
    );
    assert_eq!(app.status("/Observation/alice-glu-1").await, 200);
    assert_eq!(app.status("/Observation/alice-bp-1").await, 404);
    assert!(app.finds("/Observation?patient=alice&category=vital-signs").await.is_empty());

    let both = format!("{labs} patient/Observation.rs?category={system}|vital-signs");
    let both = App::new("alice", Some("alice"), &both).await;
    assert_eq!(both.status("/Observation/alice-bp-1").await, 200, "several scopes are a union");
    assert_eq!(both.status("/Observation/alice-soc-1").await, 404);

    let strange = App::new("alice", Some("alice"), "patient/Observation.rs?code:in=http://x.example/v").await;
    assert_eq!(strange.status("/Observation/alice-glu-1").await, 404, "what is not understood shows nothing");
}

/// SMART-SCOPE-025
#[tokio::test]
async fn a_user_scope_opens_what_the_user_may_open() {
    let lee = App::new("dr-lee", None, "user/*.rs").await;
    assert_eq!(lee.finds("/Patient?_count=200").await.len(), 13, "all but one");
    assert_eq!(lee.status("/Patient/vip").await, 404);
    assert_eq!(lee.status("/Observation?patient=vip").await, 403);
    assert_eq!(lee.status("/Observation?patient=carol").await, 200);
    let kim = App::new("nurse-kim", None, "user/*.rs").await;
    assert_eq!(kim.finds("/Patient").await, ["carol"]);
    assert_eq!(kim.status("/Patient/alice").await, 404);
}

#[tokio::test]
async fn a_backend_service_sees_what_is_open_to_all_staff() {
    let now = SystemClock.now().seconds();
    let service = json!({
        "iss": ISSUER, "aud": BASE, "sub": "service", "client_id": "service", "jti": "2", "iat": now, "exp": now + 60,
        "scope": "system/Patient.rs"
    });
    let app = App { token: server().await.sign(&service).await, server: server().await };
    assert_eq!(app.finds("/Patient?_count=200").await.len(), 13, "all but one");
    assert_eq!(app.status("/Patient/vip").await, 404);
    assert_eq!(app.status("/Observation?patient=carol").await, 403, "no scope for it");
}

#[tokio::test]
async fn a_token_does_not_outlive_the_users_own_access() {
    // Signed for a record that the user may not open (any more).
    let app = App::new("carol", Some("alice"), "patient/*.rs").await;
    assert_eq!(app.status("/Patient/alice").await, 404);
    assert_eq!(app.status("/Observation?patient=alice").await, 403);
}

/// SMART-IDT-013
#[tokio::test]
async fn the_users_own_resource_is_readable_with_fhir_user() {
    for (user, own) in [
        ("alice", "/Patient/alice"),
        ("nobody", "/Person/nobody"),
        ("dr-lee", "/Practitioner/lee"),
        ("nurse-kim", "/Practitioner/kim"),
    ] {
        let app = App::new(user, None, "openid fhirUser").await;
        assert_eq!(app.status(own).await, 200, "{user}");
        assert_eq!(app.status("/Patient/carol").await, 403, "{user}");
        let without = App::new(user, None, "openid").await;
        assert_eq!(without.status(own).await, 403, "{user} without the scope");
    }
}

#[tokio::test]
async fn foreign_and_ended_tokens_are_none() {
    let server = server().await;
    let now = SystemClock.now().seconds();
    let claims = json!({
        "iss": ISSUER, "aud": BASE, "sub": "x", "client_id": "app", "jti": "1", "iat": now, "exp": now + 60, "scope": "user/*.rs"
    });
    assert_eq!(
        server.get("/Patient", &server.sign(&claims).await).await.status,
        StatusCode::OK,
        "an unknown user sees nothing"
    );
    for (name, value) in [
        ("aud", json!("https://ehr.example/archive/fhir")),
        ("iss", json!("https://other.example")),
        ("exp", json!(now - 1)),
        ("scope", json!("patient/*.rs")),
    ] {
        let mut wrong = claims.clone();
        wrong[name] = value;
        assert_eq!(
            server.get("/Patient", &server.sign(&wrong).await).await.status,
            StatusCode::UNAUTHORIZED,
            "{name}"
        );
    }
    let answer = server.get("/Patient?access_token=x", "x").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "never in the address");
}
