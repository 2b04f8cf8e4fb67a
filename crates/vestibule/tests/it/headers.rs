//! Headers, cookies, frames; what URLs, logs and debug prints must not hold.

use std::collections::BTreeSet;

use http::Method;
use vestibule::{Config, FhirBase, InteractionId, StepToken};

use crate::app::{CB, V1, az, az_ehr, tk};
use crate::browser::{Answer, Browser};
use crate::world::{E1, P1, P2, P3, World, open_visit};
use vestibule_http_tests::log::Log;

fn policy_of(answer: &Answer, directive: &str) -> String {
    let policy = answer.header("content-security-policy");
    let found = policy.split("; ").find_map(|part| part.strip_prefix(directive)).unwrap();
    found.trim().to_owned()
}

/// HDR-001, HDR-002, A-UI-02, A-UI-06, SMART-AUTHZ-034, GEN-010, GEN-014, AUTHZ-009, SMART-AUTHZ-077
#[tokio::test]
async fn every_answer_has_its_headers() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let redirect = browser.authorize(&az("pub")).await;
    let refusal = browser.authorize(&az("pub").set("aud", "x")).await;
    let problem = browser.authorize(&az("nope")).await;
    let picker = browser
        .begin(&az("pub").scope("launch/patient launch/encounter patient/Observation.rs"))
        .await
        .clone();
    let visits = browser.pick(P1).await.clone();
    let consent = browser.submit(&[("encounter", E1), ("move", "choose")]).await.clone();
    let code = browser.allow().await.clone();
    let manage = browser.get("/auth/manage").await;
    let missing = browser.get("/nowhere").await;
    for page in [&problem, &picker, &visits, &consent, &manage, &missing] {
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(policy_of(page, "frame-ancestors"), "'none'");
        assert_eq!(policy_of(page, "default-src"), "'none'");
        assert_eq!(policy_of(page, "base-uri"), "'none'");
        // The one style element carries the nonce of the policy.
        let nonce = policy_of(page, "style-src");
        let nonce = nonce.strip_prefix("'nonce-").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        assert!(nonce.len() >= 22 && page.body.contains(&format!("<style nonce=\"{nonce}\">")));
        assert!(
            !page.body.contains("<script")
                && !page.body.contains("javascript:")
                && !page.body.contains(" style=")
        );
    }
    for page in [&picker, &visits, &consent] {
        assert_eq!(policy_of(page, "form-action"), "'self' https://app.example");
    }
    for page in [&problem, &manage, &missing] {
        assert_eq!(policy_of(page, "form-action"), "'self'");
    }
    for answer in [&redirect, &refusal, &code] {
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.body, "");
    }
    let nonces: BTreeSet<String> =
        [&picker, &visits, &consent].map(|page| policy_of(page, "style-src")).into();
    assert_eq!(nonces.len(), 3);
    // A problem can be found in the log.
    assert!(!problem.header("x-correlation-id").is_empty());
    assert!(problem.body.contains(problem.header("x-correlation-id")));
    let tokens = world.redeem("pub", &code.code()).await;
    for answer in [&tokens, &world.redeem("pub", "x").await] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("pragma"), "no-cache");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.cookies().is_empty());
    }
}

/// A-UI-07, REDIR-002, NATIVE-006
#[tokio::test]
async fn a_form_may_lead_to_where_the_app_is_answered() {
    let world = World::new();
    for (client, address, action) in [
        ("nat", "http://127.0.0.1:51004/cb", "'self' http://127.0.0.1:51004"),
        ("nat", "http://[::1]:51004/cb", "'self' http:"),
        ("nat", "http://127.0.0.1/cb", "'self' http://127.0.0.1"),
        ("nat", "com.example.app:/cb", "'self' com.example.app:"),
        ("query", "https://query.example/cb?tenant=1", "'self' https://query.example"),
    ] {
        let mut browser = Browser::of(&world, "bob");
        let page = browser.begin(&az(client).set("redirect_uri", address)).await;
        assert_eq!(policy_of(page, "form-action"), action);
    }
}

/// HDR-003, A-HDR-11
#[tokio::test]
async fn cookies_are_as_narrow_as_they_can_be() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.begin(&az("pub")).await;
    browser.session = Some("alice/s1".into());
    browser.reload().await;
    browser.pick(P1).await;
    browser.allow().await.code();
    assert!(browser.set.len() >= 3);
    for cookie in &browser.set {
        let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
        assert!(
            attributes.contains(&"HttpOnly")
                && attributes.contains(&"Secure")
                && attributes.contains(&"SameSite=Lax"),
            "{cookie}"
        );
        assert!(!cookie.contains("Domain"), "{cookie}");
        if attributes.contains(&"Path=/") {
            assert!(cookie.starts_with("__Host-"), "{cookie}");
        } else {
            // Scoped to its interaction, so that tabs do not add up.
            assert!(cookie.starts_with("__Secure-"), "{cookie}");
            assert!(
                attributes.iter().any(|part| part.starts_with("Path=/auth/i/") && part.len() == 13 + 43),
                "{cookie}"
            );
            assert!(attributes.contains(&"Max-Age=600") || attributes.contains(&"Max-Age=0"), "{cookie}");
        }
    }
    // The interaction's cookie is gone at the end.
    assert!(browser.cookies.iter().all(|cookie| cookie.path == "/"), "{:?}", browser.cookies);

    let http = World::with(Config::new("http://127.0.0.1:8080", FhirBase::new("http://127.0.0.1:8080/fhir")));
    let mut browser = Browser::new(&http);
    let answer = browser
        .get(&format!("/auth/authorize?{}", az("pub").set("aud", "http://127.0.0.1:8080/fhir").query()))
        .await;
    browser.path = answer.location().to_owned();
    browser.reload().await;
    for cookie in &browser.set {
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
        assert!(!cookie.contains("Secure") && !cookie.starts_with("__"), "{cookie}");
    }
}

/// BCP-017, INT-017, SMART-LAUNCH-005
#[tokio::test]
async fn a_framed_app_is_framed_where_it_may_be() {
    let world = World::new();
    let handle = world.launch_for("dr", "framed", open_visit(P1, E1)).await;
    let mut browser = Browser::of(&world, "dr");
    let bounce = browser.authorize(&az_ehr("framed", &handle)).await;
    assert_eq!(bounce.status, 200);
    assert_eq!(policy_of(&bounce, "frame-ancestors"), "https://ehr.example");
    assert!(bounce.headers.get("x-frame-options").is_none());
    let to = bounce.body.split("content=\"0; url=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(to.starts_with("/auth/i/"));
    browser.path = to;
    let page = browser.reload().await.clone();
    assert!(page.is_consent());
    assert_eq!(policy_of(&page, "frame-ancestors"), "https://ehr.example");
    assert_eq!(policy_of(&page, "form-action"), "'self' https://framed.example");
    assert!(page.headers.get("x-frame-options").is_none());
    // A problem is shown where the question was.
    let path = browser.path.clone();
    let forged = browser.post(&path, &[("step", "x"), ("decision", "allow")]).await;
    assert_eq!(policy_of(forged.is_page(403), "frame-ancestors"), "https://ehr.example");
    assert!(forged.headers.get("x-frame-options").is_none());
    let code = browser.allow().await.code();
    assert_eq!(tk("framed", &code).send(&world).await.status, 200);
    for cookie in &browser.set {
        assert!(cookie.ends_with("; SameSite=None; Secure; Partitioned"), "{cookie}");
    }
}

/// A-ERR-08, HDR-001
#[tokio::test]
async fn no_url_names_a_patient_or_a_secret() {
    let world = World::new();
    let mut urls = Vec::new();
    let mut browser = Browser::of(&world, "alice");
    let scope = "openid fhirUser launch/patient launch/encounter patient/Observation.rs";
    browser.begin(&az("pub").scope(scope).add("nonce", "the-nonce")).await;
    browser.pick(P1).await;
    browser.submit(&[("encounter", E1), ("move", "choose")]).await;
    let code = browser.allow().await.code();
    let tokens = world.redeem("pub", &code).await.json();
    browser.begin(&az("pub")).await;
    browser.pick(P2).await;
    browser.deny().await;
    let page = browser.get("/auth/manage").await;
    let grant = page.values("button", "revoke").remove(0);
    browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
    urls.append(&mut browser.urls);
    let mut dr = Browser::of(&world, "dr");
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    dr.begin(&az_ehr("pub", &handle)).await;
    dr.allow().await.code();
    dr.begin(&az("pub")).await;
    dr.submit(&[("q", "patient-three"), ("move", "search")]).await;
    dr.submit(&[("q", "ward"), ("after", "10")]).await;
    dr.pick(P3).await;
    dr.allow().await.code();
    urls.append(&mut dr.urls);
    let access = tokens["access_token"].as_str().unwrap();
    for url in &urls {
        for secret in
            [P1, P2, P3, E1, "Name", "Displayname", "alice", "session-of", V1, access, &grant, "ward"]
        {
            assert!(!url.contains(secret), "{secret} in {url}");
        }
        // A code is in the app's address only, a launch handle in the app's request only.
        assert!(!url.contains("vc_") || url.starts_with("https://app.example/cb?code="), "{url}");
        assert!(!url.contains("vl_") || url.starts_with("/auth/authorize?"), "{url}");
    }
}

/// A-UI-05, A-TYPE-09, CRYPTO-005, LOG-001
#[tokio::test]
async fn debug_prints_hold_no_secret() {
    let world = World::new();
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    let mut dr = Browser::of(&world, "dr");
    dr.begin(&az_ehr("pub", &handle)).await;
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub").add("nonce", "the-nonce").set("state", "the-state")).await;
    let id = InteractionId::parse(browser.path.strip_prefix("/auth/i/").unwrap()).unwrap();
    let (head, _) = browser.request(Method::GET, &browser.path, "").into_parts();
    let mut said = format!("{:?}", world.server.resume(&head, &id).await.unwrap());
    browser.pick(P1).await;
    let step = browser.page.step();
    let turn = world.server.resume(&head, &id).await.unwrap();
    said += &format!("{turn:?} {id:?} {:?}", StepToken::new(step.clone(), b""));
    let code = browser.allow().await.code();
    world.redeem("pub", &code).await;
    said += &format!("{:?} {:#?} {:?}", world.server, world.server.config(), world.memory);
    said += &format!("{:?}", world.server.resume(&head, &id).await.unwrap_err());
    for secret in
        [&code, &handle, &step, P1, E1, "the-nonce", "the-state", V1, "Name Of", id.as_str(), "basic-secret"]
    {
        assert!(!said.contains(secret), "{secret}");
    }
    for cookie in &browser.set {
        let value = cookie.split(['=', ';']).nth(1).unwrap();
        assert!(value.is_empty() || !said.contains(value), "{cookie}");
    }
}

/// A-UI-04, LOG-001, LOG-004, A-SCOPE-15, A-FAULT-15
#[tokio::test]
async fn logs_hold_no_secret_and_no_patient() {
    let log = Log::default();
    let _capturing = log.capture();
    let world = World::new();
    let request = az("pub")
        .scope("openid fhirUser launch/patient patient/Observation.rs unheard-of")
        .set("state", "the-state")
        .add("nonce", "the-nonce");
    let mut browser = Browser::new(&world);
    browser.begin(&request).await;
    browser.session = Some("alice/the-session".into());
    browser.reload().await;
    browser.pick(P3).await;
    browser.pick(P1).await;
    let path = browser.path.clone();
    browser.post(&path, &[("step", "1.patient.forged-token"), ("patient", P2)]).await;
    browser.reload().await;
    let step = browser.page.step();
    let code = browser.allow().await.code();
    browser.reload().await;
    // Faults, with errors of the host in them.
    world.script.away("patients", true);
    world.redeem("pub", &code).await;
    world.script.away("patients", false);
    tk("pub", &code)
        .set("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")
        .send(&world)
        .await;
    let tokens = world.redeem("pub", &code).await.json();
    world.redeem("pub", &code).await;
    tk("basic", &code).basic(Some(("basic", "wrong-secret-wrong-secret-wrong-secret-w"))).send(&world).await;
    let basic = world.tokens_for("basic", &az("basic").scope("launch/patient patient/Observation.rs")).await;
    let handle = world.launch_for("dr", "pub", open_visit(P1, E1)).await;
    let mut dr = Browser::of(&world, "dr");
    dr.begin(&az_ehr("pub", &handle)).await;
    dr.allow().await.code();
    dr.authorize(&az_ehr("pub", &handle)).await.is_refusal(CB, "invalid_request");
    dr.authorize(&az("pub").set("redirect_uri", "https://evil.test/\r\nforged-line")).await;
    dr.authorize(&az("pub").scope("patient/Observation.rs\nforged-line")).await;
    dr.authorize(&az("nope\nforged-line")).await;
    let page = browser.get("/auth/manage").await;
    if let Some(grant) = page.values("button", "revoke").first() {
        browser.post("/auth/manage", &[("step", &page.step()), ("revoke", grant)]).await;
    }
    world.spy.damage(Some(b"\x01{\"secret\":\"damaged-row\"}"));
    let mut damaged = Browser::of(&world, "bob");
    damaged.authorize(&az("pub")).await;
    browser.reload().await;
    world.redeem("pub", &code).await;

    let log = log.text();
    assert!(log.contains("code issued") && log.contains("code replayed"), "the log was captured: {log}");
    let id = path.strip_prefix("/auth/i/").unwrap();
    let mut secrets: Vec<String> = [
        code.as_str(),
        &step,
        &handle,
        V1,
        id,
        P1,
        P2,
        P3,
        E1,
        "the-state",
        "the-nonce",
        "the-session",
        "wrong-wrong",
        "wrong-secret",
        "basic-secret",
        "forged-token",
        "Name Of",
        "Displayname",
        "damaged-row",
        "1970-01-31",
        "sub-alice",
    ]
    .map(str::to_owned)
    .to_vec();
    for tokens in [&tokens, &basic] {
        secrets.push(tokens["access_token"].as_str().unwrap().to_owned());
    }
    secrets.push(tokens["id_token"].as_str().unwrap().to_owned());
    secrets.extend(browser.set.iter().map(|cookie| cookie.split(['=', ';']).nth(1).unwrap().to_owned()));
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!log.contains(secret.as_str()), "{secret} in:\n{log}");
    }
    assert!(!log.lines().any(|line| line.starts_with("forged-line")));
}
