//! The clinic next door: a second issuer over the same store.

use axum::body::Body;
use http::{Request, StatusCode};

use crate::apps::{AtApp, access, status};
use crate::browser::{Answer, Browser, PUBLIC, ehr, send};
use crate::launch::{answer, authorize, follow, redeem, sent};

async fn get(path: &str, token: &str) -> Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    send(ehr().await, request.body(Body::empty()).unwrap()).await
}

/// A-MIX-05, A-KEY-11
#[tokio::test]
async fn what_the_clinic_gives_out_says_nothing_to_the_hospital() {
    let mut visitor = AtApp::default();
    let page = visitor.connect("/clinic").await;
    assert_eq!(status(&page), 200, "{}", page.body);
    let theirs = access(&page);
    let mut browser = Browser::signed_in("alice").await;
    let (picker, at) = follow(&mut browser, authorize(&[]).await).await;
    let (consent, at) = answer(&mut browser, &picker, &at, &[("patient", "ben"), ("move", "choose")]).await;
    let fields = [
        ("decision", "allow"),
        ("scope", "launch/patient"),
        ("scope", "openid"),
        ("scope", "patient/Patient.rs"),
    ];
    let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
    let ours = redeem(&sent(&done)["code"]).await.json()["access_token"].as_str().unwrap().to_owned();

    for (path, token, expected) in [
        ("/clinic/fhir/Patient/ben", &theirs, 200),
        ("/fhir/Patient/ben", &ours, 200),
        ("/fhir/Patient/ben", &theirs, 401),
        ("/archive/fhir/Patient/ben", &theirs, 401),
        ("/clinic/fhir/Patient/ben", &ours, 401),
        ("/clinic/auth/userinfo", &theirs, 200),
        ("/auth/userinfo", &theirs, 401),
        ("/clinic/auth/userinfo", &ours, 401),
    ] {
        assert_eq!(get(path, token).await.status.as_u16(), expected, "{path}");
    }
    // The page says it too.
    assert_eq!(status(&visitor.act("/clinic", "elsewhere").await), 401);

    // Each lists what it gave out itself, for the same person at the same sign-in.
    let (hospital, clinic) = (browser.get("/auth/manage").await, browser.get("/clinic/auth/manage").await);
    assert!(
        clinic.body.contains("App of the clinic") && !clinic.body.contains("Sample SMART app"),
        "{}",
        clinic.body
    );
    assert!(!hospital.body.contains("App of the clinic"), "{}", hospital.body);

    // Signing out of the house ends what was given in that session at both: refresh tokens of apps stay, as everywhere.
    let keys =
        async |path: &str| send(ehr().await, Request::get(path).body(Body::empty()).unwrap()).await.body;
    assert_ne!(keys("/auth/keys").await, keys("/clinic/auth/keys").await, "keys of their own");
}

/// SMART-DISC-002, SMART-DISC-062, META-001
#[tokio::test]
async fn each_issuer_says_who_it_is_where_it_belongs() {
    let clinic = format!("{PUBLIC}/clinic");
    for (path, issuer) in [
        ("/.well-known/openid-configuration", PUBLIC),
        ("/clinic/.well-known/openid-configuration", clinic.as_str()),
        ("/.well-known/oauth-authorization-server", PUBLIC),
        ("/.well-known/oauth-authorization-server/clinic", &clinic),
        ("/fhir/.well-known/smart-configuration", PUBLIC),
        ("/archive/fhir/.well-known/smart-configuration", PUBLIC),
        ("/clinic/fhir/.well-known/smart-configuration", &clinic),
    ] {
        let document = send(ehr().await, Request::get(path).body(Body::empty()).unwrap()).await.json();
        assert_eq!(document["issuer"], issuer, "{path}");
        let token = document["token_endpoint"].as_str().unwrap();
        assert!(token.starts_with(&format!("{issuer}/auth/")), "{token}");
        // What only the hospital does, only the hospital promises.
        let ehr_launch = document["capabilities"].to_string().contains("launch-ehr");
        assert_eq!(ehr_launch, path.ends_with("smart-configuration") && issuer == PUBLIC, "{path}");
    }
    let metadata = Request::get("/clinic/fhir/metadata").body(Body::empty()).unwrap();
    let metadata = send(ehr().await, metadata).await;
    assert_eq!(metadata.status, StatusCode::OK);
    assert!(metadata.body.contains(&format!("{clinic}/auth/token")), "{}", metadata.body);
}
