//! Every request explains itself, to whoever runs the server (principle 7).

use http::Method;
use serde_json::{Value, json};
use vestibule::{Explanation, Outcome};
use vestibule_core::authorize::{Fate, Reason, Stage};
use vestibule_core::explain::Endpoint;
use vestibule_host::{GrantTypes, RatePoint, Standing};
use vestibule_http_tests::registering::{ONCE, TRUSTED, by_token, metadata};

use crate::app::{CB, V_WRONG, az, tk};
use crate::around_the_token::{Signer, backend};
use crate::browser::Browser;
use crate::world::{P1, P2, P3, World};

#[track_caller]
fn failed(explanation: &Explanation) -> &'static str {
    let failed: Vec<_> = explanation.checks.iter().filter(|check| !check.passed).collect();
    assert_eq!(failed.len(), 1, "{explanation:?}");
    failed[0].requirement
}

/// LOG-001, LOG-003
#[tokio::test]
async fn a_flow_is_told_step_by_step_and_names_nobody() {
    let world = World::new();
    let request = az("pub").scope("openid launch/patient patient/Observation.rs patient/Foo.rs launch/list");
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&request).await;
    browser.pick(P1).await;
    browser.allow_only(&["openid", "launch/patient"]).await.code();
    let answer = browser.page.clone();
    let tokens = world.redeem("pub", &answer.code()).await;
    let all = world.observed.all();
    let told: Vec<_> = all.iter().map(|one| (one.endpoint, one.outcome)).collect();
    assert_eq!(
        told,
        [
            (Endpoint::Authorize, Outcome::GoesOn("interaction")),
            // A new browser shows first that it keeps its cookie.
            (Endpoint::Interaction, Outcome::GoesOn("interaction")),
            (Endpoint::Interaction, Outcome::GoesOn("picker")),
            // The form, and the page that it leads to.
            (Endpoint::Interaction, Outcome::GoesOn("consent")),
            (Endpoint::Interaction, Outcome::GoesOn("consent")),
            (Endpoint::Interaction, Outcome::Granted),
            (Endpoint::Token, Outcome::Granted),
        ]
    );
    // One flow, told apart from others by a name that opens nothing.
    let flow = all[0].flow.clone().unwrap();
    assert!(all[..6].iter().all(|one| one.flow.as_ref() == Some(&flow)) && !browser.path.contains(&flow));
    assert!(all.iter().all(|one| one.client.as_ref().unwrap().as_str() == "pub"));
    let mut names: Vec<_> = all.iter().map(|one| one.correlation.clone()).collect();
    assert_eq!(
        (answer.header("x-correlation-id"), tokens.header("x-correlation-id")),
        (&*names[5], &*names[6])
    );
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 7);
    // Each scope with its fate.
    let fates: Vec<_> = all[5].scopes.iter().map(|line| (line.requested.as_str(), line.fate)).collect();
    assert_eq!(fates[0], ("openid", Fate::Granted));
    assert_eq!(fates[2], ("patient/Observation.rs", Fate::Dropped(Stage::Consent, Reason::Refused)));
    assert!(matches!(fates[3].1, Fate::Dropped(Stage::Grammar, Reason::NotAScope(_))));
    assert_eq!(fates[4].1, Fate::Dropped(Stage::Base, Reason::OnlyInEhrLaunch));
    assert_eq!(all[5].scopes[0].left, ["openid"]);
    assert!(all[6].checks.iter().all(|check| check.passed) && all[6].checks.len() >= 8, "{:?}", all[6]);
    // No user, no patient, no secret.
    let said = format!("{all:?}");
    let code = answer.code();
    for hidden in [P1, P2, "alice", "Displayname", "st1", code.as_str(), "session-of", V_WRONG] {
        assert!(!said.contains(hidden), "{hidden}");
    }
}

/// GEN-012, LOG-001
#[tokio::test]
async fn a_refusal_says_which_check_and_more_than_the_client_learns() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    for (request, requirement) in [
        (az("pub").without("code_challenge"), "SMART-AUTHZ-009"),
        (az("pub").set("aud", "https://evil.test"), "SMART-AUTHZ-007"),
        (az("pub").scope("launch patient/Observation.rs"), "SMART-LAUNCH-022"),
        (az("pub").add("prompt", "bogus"), "OIDC-001"),
    ] {
        let answer = browser.authorize(&request).await;
        let told = world.observed.last();
        assert_eq!(failed(&told), requirement);
        // The operator has its name; the app gets what every app gets (A-TIME-07).
        assert!(!told.correlation.is_empty());
        assert_eq!(answer.header("x-correlation-id"), "");
        let Outcome::Refused { error, description } = told.outcome else { panic!("{told:?}") };
        let params = answer.params();
        assert_eq!((params["error"].as_str(), params["error_description"].as_str()), (error, description));
    }
    // A page, with the id that the user can read out.
    let page = browser.authorize(&az("pub").set("redirect_uri", "https://evil.test/")).await;
    let told = world.observed.last();
    assert_eq!((failed(&told), told.outcome), ("SMART-AUTHZ-030", Outcome::Shown("unknown redirect URI")));
    assert!(page.body.contains(&told.correlation));
    // The token endpoint says invalid_grant to all of them; the operator sees the difference.
    for (requirement, change) in [
        ("PKCE-006", ("code_verifier", V_WRONG)),
        ("SMART-TOKEN-022", ("redirect_uri", "https://app.example/cb-two")),
        ("TOKEN-009", ("code", "vc_unknown")),
    ] {
        let code = world.code_for(&az("pub")).await;
        tk("pub", &code).set(change.0, change.1).send(&world).await.is_error(400, "invalid_grant");
        assert_eq!(failed(&world.observed.last()), requirement);
    }
    let code = world.code_for(&az("pub")).await;
    world.patients.deny(P1);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    assert_eq!(failed(&world.observed.last()), "INT-010");
    assert_eq!(world.observed.last().reason.as_deref(), Some("PatientDenied"));
}

/// OIDC-014
#[tokio::test]
async fn what_the_sign_in_lacked_is_told() {
    let world = World::new();
    world.users.set_standing("bob", Standing::NotAllowed);
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await.is_refusal(CB, "access_denied");
    let told = world.observed.last();
    assert_eq!((failed(&told), told.reason.as_deref()), ("OIDC-014", Some("NotAllowed")));
    assert!(!format!("{told:?}").contains(P3));
    // A silent request is one request: one explanation.
    let before = world.observed.all().len();
    browser.authorize(&az("pub").add("prompt", "none")).await.is_refusal(CB, "access_denied");
    assert_eq!(world.observed.all().len(), before + 1);
    assert_eq!(world.observed.last().endpoint, Endpoint::Authorize);
}

/// GEN-013, A-DOS-09
#[tokio::test]
async fn too_much_at_once_is_a_page_that_says_when() {
    let world = World::new();
    world.gate.close(Some(RatePoint::Authorize));
    let mut browser = Browser::of(&world, "alice");
    world.script.restart();
    let page = browser.authorize(&az("pub")).await;
    page.is_page(429);
    assert_eq!(page.header("retry-after"), "7");
    assert!(world.script.calls().is_empty(), "nothing was looked up: {:?}", world.script.calls());
    assert_eq!(failed(&world.observed.last()), "GEN-013");
    assert_eq!(world.count_rows_and_purge().await, 0);
    world.gate.close(None);
    assert!(browser.begin(&az("pub")).await.is_picker());
}

/// What the requests since the last look were told to be.
struct Told<'a>(&'a World, usize);

impl Told<'_> {
    /// Exactly one request since.
    #[track_caller]
    fn one(&mut self) -> Explanation {
        let all = self.0.observed.all();
        assert_eq!(all.len(), self.1 + 1, "one request, one explanation: {:?}", all.get(self.1..));
        self.1 += 1;
        assert!(!all[self.1 - 1].correlation.is_empty());
        all[self.1 - 1].clone()
    }

    #[track_caller]
    fn refused(&mut self, endpoint: Endpoint, requirement: &str, error: &str) -> Explanation {
        let told = self.one();
        assert_eq!((told.endpoint, failed(&told), told.outcome.name()), (endpoint, requirement, error));
        told
    }
}

/// LOG-001, INT-003, INT-008, INT-015
#[tokio::test]
async fn each_form_of_an_interaction_is_explained() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let mut told = Told(&world, world.observed.all().len());
    // A choice that the policy refuses, told without the choice.
    browser.submit(&[("patient", "patient-nobodys")]).await;
    let refused = told.refused(Endpoint::Interaction, "INT-010", "picker");
    assert!(!format!("{refused:?}").contains("patient-nobodys"));
    browser.submit(&[]).await;
    assert_eq!(told.one().outcome, Outcome::GoesOn("picker"), "nothing was chosen");
    let path = browser.path.clone();
    browser.post(&path, &[("step", "forged"), ("patient", P1)]).await;
    told.refused(Endpoint::Interaction, "INT-003", "forged");
    browser.reload().await;
    told.one();
    browser.pick(P1).await;
    told.1 += 1; // The form; its page follows.
    assert_eq!(told.one().outcome, Outcome::GoesOn("consent"));
    browser.submit(&[]).await.is_page(400);
    told.refused(Endpoint::Interaction, "INT-008", "malformed");
}

/// LOG-001, DCR-004, DCR-010, DCRM-001, DCRM-003
#[tokio::test]
async fn a_registration_is_explained_from_its_first_request_to_its_last() {
    let world = World::new().registering(by_token());
    let mut told = Told(&world, 0);
    world.register(None, &metadata(json!({}))).await;
    told.refused(Endpoint::Registration, "DCR-004", "invalid_token");
    world.register(Some("nobodys"), &metadata(json!({}))).await;
    told.refused(Endpoint::Registration, "DCR-004", "invalid_token");
    world.register(Some(ONCE), &metadata(json!({ "redirect_uris": ["http://evil.test/"] }))).await;
    let refused = told.one();
    assert_eq!(refused.outcome.name(), "invalid_redirect_uri");
    assert!(refused.reason.unwrap().contains("redirect_uris[0]"), "the operator reads which");
    let app = world.registered(Some(TRUSTED), json!({})).await;
    let created = told.one();
    assert_eq!((created.endpoint, created.outcome), (Endpoint::Registration, Outcome::Granted));
    assert_eq!(created.client.as_ref().unwrap().as_str(), app.id);
    world.manages(Method::GET, &app.path, Some(TRUSTED), None).await;
    let foreign = told.refused(Endpoint::Registration, "DCRM-001", "invalid_token");
    assert_eq!(foreign.client, None, "nobody proved to be it");
    world.manages(Method::GET, &app.path, Some(&app.token), None).await;
    assert_eq!(told.one().outcome, Outcome::Granted);
    assert_eq!(world.changes(&app, json!({ "client_name": "Other" })).await.status, 200);
    assert_eq!(told.one().outcome, Outcome::Granted);
    assert_eq!(world.changes(&app, json!({ "client_id": "pub" })).await.status, 400);
    told.refused(Endpoint::Registration, "DCRM-002", "invalid_client_metadata");
    let text = http::Request::post("/auth/register").header("content-type", "text/plain");
    world.door.send(text.body(bytes::Bytes::from("{}")).unwrap()).await;
    told.refused(Endpoint::Registration, "DCR-010", "invalid_request");
    world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
    assert_eq!(told.one().client.unwrap().as_str(), app.id);
    // No token of any kind.
    let said = format!("{:?}", world.observed.all());
    for secret in [ONCE, TRUSTED, app.token.as_str(), "nobodys"] {
        assert!(!said.contains(secret), "{secret}");
    }
}

/// LOG-001, OIDC-009, BEARER-003, BEARER-005
#[tokio::test]
async fn userinfo_is_explained_and_names_nobody() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub").scope("openid fhirUser launch/patient")).await;
    let without = world.tokens_for("pub", &az("pub").scope("launch/patient patient/Observation.rs")).await;
    let mut told = Told(&world, world.observed.all().len());
    let ask = |token: Option<String>| {
        let mut request = http::Request::get("/auth/userinfo");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        world.door.send(request.body(bytes::Bytes::new()).unwrap())
    };
    let access = |tokens: &Value| Some(tokens["access_token"].as_str().unwrap().to_owned());
    assert_eq!(ask(access(&tokens)).await.status(), 200);
    let granted = told.one();
    assert_eq!((granted.endpoint, granted.outcome), (Endpoint::UserInfo, Outcome::Granted));
    assert_eq!(granted.client.unwrap().as_str(), "pub");
    ask(None).await;
    told.refused(Endpoint::UserInfo, "BEARER-003", "invalid_token");
    ask(Some("x".into())).await;
    told.refused(Endpoint::UserInfo, "BEARER-005", "invalid_token");
    ask(access(&without)).await;
    told.refused(Endpoint::UserInfo, "OIDC-009", "insufficient_scope");
    let said = format!("{:?}", world.observed.all());
    for hidden in ["alice", P1, tokens["access_token"].as_str().unwrap()] {
        assert!(!said.contains(hidden), "{hidden}");
    }
}

/// LOG-001, GEN-003, GEN-006
#[tokio::test]
async fn what_cannot_be_read_is_explained_too() {
    let world = World::new();
    let mut told = Told(&world, 0);
    for (path, endpoint) in [
        ("/auth/token", Endpoint::Token),
        ("/auth/revoke", Endpoint::Revocation),
        ("/auth/introspect", Endpoint::Introspection),
    ] {
        let request = http::Request::post(path).header("content-type", "application/json");
        world.door.send(request.body(bytes::Bytes::from("{}")).unwrap()).await;
        told.refused(endpoint, "GEN-006", "invalid_request");
    }
    let query = "x=1&".repeat(70);
    let request = http::Request::get(format!("/auth/authorize?{query}")).body(bytes::Bytes::new()).unwrap();
    world.door.send(request).await;
    told.refused(Endpoint::Authorize, "GEN-003", "malformed");
}

/// LOG-001, SMART-BACK-005, SMART-BACK-006, SCOPE-005
#[tokio::test]
async fn a_service_is_told_what_became_of_each_scope() {
    let world = World::new();
    let signer = Signer::of(&world, GrantTypes::BACKEND);
    let asked = "system/Observation.rs system/Patient.rs system/Observation.cruds patient/*.rs openid \
                 system/Nonsense.rs no-scope";
    assert_eq!(backend(&world, &signer.assertion(&world, "b1").await, asked).await.status, 200);
    let told = world.observed.last();
    assert_eq!((told.endpoint, told.outcome), (Endpoint::Token, Outcome::Granted));
    let fates: Vec<_> = told.scopes.iter().map(|line| (line.requested.as_str(), line.fate)).collect();
    let unregistered = Fate::Dropped(Stage::Client, Reason::NotRegistered);
    let a_user = Fate::Dropped(Stage::Base, Reason::NeedsAUser);
    assert_eq!(fates.len(), 7);
    assert_eq!(
        fates[..5],
        [
            ("system/Observation.rs", Fate::Granted),
            ("system/Patient.rs", unregistered),
            ("system/Observation.cruds", Fate::Narrowed(Stage::Client, Reason::NotRegistered)),
            ("patient/*.rs", a_user),
            ("openid", a_user),
        ]
    );
    assert!(matches!(fates[5].1, Fate::Dropped(Stage::Base | Stage::Grammar, _)), "{:?}", fates[5]);
    assert!(matches!(fates[6].1, Fate::Dropped(..)), "{:?}", fates[6]);
    // A refusal says the same of each.
    let none = backend(&world, &signer.assertion(&world, "b2").await, "system/Patient.rs user/*.rs").await;
    none.is_error(400, "invalid_scope");
    let told = world.observed.last();
    let fates: Vec<_> = told.scopes.iter().map(|line| line.fate).collect();
    assert_eq!((failed(&told), fates), ("SMART-BACK-001", vec![unregistered, a_user]));
    // All or nothing, for those who are registered for that: what is narrowed is less than what was asked for.
    world.clients.change("other", |client| client.strict_scopes = true);
    for (jti, scope, status) in [
        ("b3", "system/Observation.cruds", 400),
        ("b4", "system/Observation.rs system/Patient.rs", 400),
        ("b5", "system/Observation.rs", 200),
        ("b6", "system/Observation.rs system/Observation.rs", 200),
    ] {
        let answer = backend(&world, &signer.assertion(&world, jti).await, scope).await;
        assert_eq!(answer.status, status, "{scope}: {}", answer.body);
    }
}
