//! "Apps with access": what was granted, and the way to take it back.

use http::Method;
use vestibule_host::{SessionId, UserId};

use crate::app::az;
use crate::browser::Browser;
use crate::world::{P1, P3, World};

/// SMART-MGMT-001, SMART-MGMT-002, SMART-DISC-031
#[tokio::test]
async fn a_user_sees_what_was_granted_and_takes_it_back() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let page = browser.get("/auth/manage").await;
    assert_eq!(page.status, 200);
    assert!(page.values("button", "revoke").is_empty());
    let tokens = world.tokens_for("pub", &az("pub")).await;
    let grant = world.access_claims(&tokens).await["grant_id"].as_str().unwrap().to_owned();
    world.tokens_for("basic", &az("basic").scope("launch/patient patient/Condition.rs")).await;
    let page = browser.get("/auth/manage").await;
    assert_eq!(page.values("button", "revoke").len(), 2);
    assert!(page.body.contains("Growth Chart") && page.body.contains("Ward Board"));
    assert!(page.body.contains("Name Of patient-one-alice"));
    // Another user sees none of it.
    let other = Browser::of(&world, "bob").get("/auth/manage").await;
    assert!(other.values("button", "revoke").is_empty() && !other.body.contains("Growth Chart"));

    let answer = browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
    assert_eq!((answer.status, answer.location()), (303, "/auth/manage?revoked"));
    let page = browser.get("/auth/manage?revoked").await;
    assert!(page.body.contains("role=\"status\""));
    assert_eq!(page.values("button", "revoke").len(), 1);
    assert_eq!(world.grants_of("alice").await, 1);
    // Again, or from another tab: the user has what they want.
    let answer = browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
    assert_eq!(answer.location(), "/auth/manage?revoked");
    assert_eq!(world.grants_of("alice").await, 1);
}

/// SMART-MGMT-001, INT-014
#[tokio::test]
async fn what_was_taken_back_is_asked_about_again() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("memo")).await;
    let first = browser.allow().await.code();
    // Remembered: not asked.
    let second = browser.begin(&az("memo")).await.code();
    let page = browser.get("/auth/manage").await;
    let grants = page.values("button", "revoke");
    assert_eq!(grants.len(), 2);
    browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grants[0])]).await;
    assert!(world.consents.of("bob").await.is_empty());
    // Neither code buys anything: one grant is dead, the other one stood on the same consent.
    world.redeem("memo", &first).await.is_error(400, "invalid_grant");
    world.redeem("memo", &second).await.is_error(400, "invalid_grant");
    assert!(browser.begin(&az("memo")).await.is_consent());
}

/// INT-014: an older answer, good for less, does not let the app back in; nor does taking back twice undo a later yes.
#[tokio::test]
async fn taking_back_forgets_older_answers_too() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let narrow = az("memo").scope("launch/patient patient/Observation.rs");
    let wide = az("memo").scope("launch/patient patient/Observation.rs patient/Condition.rs");
    browser.begin(&narrow).await;
    let first = browser.allow().await.code();
    assert_eq!(world.redeem("memo", &first).await.status, 200);
    // Long ago: its grant is gone, the answer is remembered.
    world.advance(24 * 60 * 60);
    world.count_rows_and_purge().await;
    assert!(browser.begin(&wide).await.is_consent());
    browser.allow().await.code();
    assert_eq!(world.consents.of("bob").await.len(), 2);
    let page = browser.get("/auth/manage").await;
    let grants = page.values("button", "revoke");
    assert_eq!(grants.len(), 1);
    let fields = [("step", page.step()), ("revoke", grants[0].clone())];
    let fields = [(fields[0].0, fields[0].1.as_str()), (fields[1].0, fields[1].1.as_str())];
    browser.post("/auth/manage", &fields).await;
    assert!(world.consents.of("bob").await.is_empty());
    assert!(browser.begin(&narrow).await.is_consent());
    browser.allow().await.code();
    browser.post("/auth/manage", &fields).await;
    assert_eq!(world.consents.of("bob").await.len(), 1);
}

/// INT-003, INT-004, A-CTX-09
#[tokio::test]
async fn nobody_revokes_for_somebody_else() {
    let world = World::new();
    world.tokens_for("pub", &az("pub")).await;
    let mut alice = Browser::of(&world, "alice");
    let page = alice.get("/auth/manage").await;
    let (step, grant) = (page.step(), page.values("button", "revoke").remove(0));
    let mut mallory = Browser::of(&world, "mallory");
    let own = {
        let mut other = mallory.clone();
        other.begin(&az("pub")).await;
        other.allow().await.code();
        other.get("/auth/manage").await.step()
    };
    // Mallory's token, Alice's grant: as unknown as one that never was.
    let foreign = mallory.post("/auth/manage", &[("step", &own), ("revoke", &grant)]).await;
    let unknown = mallory.post("/auth/manage", &[("step", &own), ("revoke", "g_never-was")]).await;
    assert_eq!((foreign.status, foreign.location()), (unknown.status, unknown.location()));
    assert_eq!(world.grants_of("alice").await, 1);
    // Alice's token in Mallory's hands, a token of another session, none, junk.
    mallory.post("/auth/manage", &[("step", &step), ("revoke", &grant)]).await.is_page(403);
    let mut again = alice.clone();
    again.session = Some("alice/another".into());
    again.post("/auth/manage", &[("step", &step), ("revoke", &grant)]).await.is_page(403);
    alice.post("/auth/manage", &[("revoke", &grant)]).await.is_page(403);
    alice.post("/auth/manage", &[("step", "AAAA"), ("revoke", &grant)]).await.is_page(403);
    alice.post("/auth/manage", &[("step", &own), ("revoke", &grant)]).await.is_page(403);
    alice.post("/auth/manage", &[("step", &step)]).await.is_page(400);
    alice.post("/auth/manage", &[("step", &step), ("revoke", &grant), ("revoke", &grant)]).await.is_page(400);
    // The right form from another site.
    let body = crate::browser::form(&[("step", &step), ("revoke", &grant)]);
    let mut request = alice.request(Method::POST, "/auth/manage", &body);
    request.headers_mut().insert("origin", "https://evil.test".parse().unwrap());
    alice.send(request).await.is_page(403);
    // A link revokes nothing.
    alice.get(&format!("/auth/manage?revoke={grant}&step={step}")).await;
    let request = alice.request(Method::DELETE, &format!("/auth/manage?revoke={grant}"), "");
    alice.send(request).await.is_page(405);
    assert_eq!(world.grants_of("alice").await, 1);
}

/// SMART-MGMT-001
#[tokio::test]
async fn nobody_signed_in_is_sent_to_sign_in() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    let answer = browser.get("/auth/manage").await;
    assert_eq!((answer.status, answer.location()), (303, "/login?resume=%2Fauth%2Fmanage"));
    let answer = browser.post("/auth/manage", &[("step", "x"), ("revoke", "g")]).await;
    assert_eq!((answer.status, answer.location()), (303, "/login?resume=%2Fauth%2Fmanage"));
}

/// A-FAULT-07, A-FAULT-17
#[tokio::test]
async fn a_revocation_that_failed_is_not_claimed() {
    let world = World::new();
    world.tokens_for("pub", &az("pub")).await;
    let mut browser = Browser::of(&world, "alice");
    let page = browser.get("/auth/manage").await;
    let (step, grant) = (page.step(), page.values("button", "revoke").remove(0));
    let fields = [("step", step.as_str()), ("revoke", grant.as_str())];
    for part in ["users", "grants.grant", "grants.revoke"] {
        world.script.away(part, true);
        browser.post("/auth/manage", &fields).await.is_page(503);
        world.script.away(part, false);
        assert_eq!(world.grants_of("alice").await, 1, "{part}");
    }
    for part in ["users", "grants.grants_of", "patients.may_access"] {
        world.script.away(part, true);
        browser.get("/auth/manage").await.is_page(503);
        world.script.away(part, false);
    }
    // The grant dies first; a consent that cannot be withdrawn is said, and withdrawn on the next try.
    world.script.away("consents", true);
    browser.post("/auth/manage", &fields).await.is_page(503);
    assert_eq!(world.grants_of("alice").await, 0);
    assert_eq!(world.consents.of("alice").await.len(), 1);
    world.script.away("consents", false);
    assert_eq!(browser.post("/auth/manage", &fields).await.status, 303);
    assert!(world.consents.of("alice").await.is_empty());
}

/// INT-010, LOG-001
#[tokio::test]
async fn a_record_that_may_not_be_seen_is_not_named() {
    let world = World::new();
    world.tokens_for("pub", &az("pub")).await;
    world.patients.deny(P1);
    let page = Browser::of(&world, "alice").get("/auth/manage").await;
    assert_eq!(page.values("button", "revoke").len(), 1);
    assert!(!page.body.contains(P1));
}

/// A-FAULT-20
#[tokio::test]
async fn more_grants_than_one_read_brings() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    for _ in 0..103 {
        browser.begin(&az("pub")).await;
        browser.allow().await.code();
    }
    let page = browser.get("/auth/manage").await;
    let mut grants: std::collections::BTreeSet<String> =
        page.values("button", "revoke").into_iter().collect();
    assert_eq!(grants.len(), 100);
    assert!(page.body.contains("manage?page=2") && !page.body.contains("page=1\""));
    let rest = browser.get("/auth/manage?page=2").await;
    assert_eq!(rest.values("button", "revoke").len(), 3);
    assert!(rest.body.contains("manage?page=1") && !rest.body.contains("page=3"));
    grants.extend(rest.values("button", "revoke"));
    assert_eq!(grants.len(), 103);
    for beyond in ["page=3", "page=0", "page=-1", "page=99999999999999999999", "page=", "nonsense"] {
        assert_eq!(browser.get(&format!("/auth/manage?{beyond}")).await.status, 200, "{beyond}");
    }
    assert!(page.body.contains(&format!("Name Of {P3}")));
    // Those whose time is over are gone.
    world.advance(420);
    let page = browser.get("/auth/manage").await;
    assert!(page.values("button", "revoke").is_empty());
}

/// SMART-MGMT-003, INT-014
#[tokio::test]
async fn what_is_remembered_is_listed_and_forgotten() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("memo")).await;
    browser.allow().await.code();
    let with_access = browser.get("/auth/manage").await;
    assert!(with_access.values("button", "forget").is_empty(), "it has access: that is what can end");
    // An app that asks each time leaves nothing to forget.
    browser.begin(&az("pub")).await;
    browser.allow().await.code();
    world.advance(4_000);
    let page = browser.get("/auth/manage").await;
    assert!(page.values("button", "revoke").is_empty());
    let forget = page.values("button", "forget");
    assert_eq!(forget.len(), 1);
    // Somebody else's form does nothing.
    world.tokens_for("pub", &az("pub")).await;
    let mut other = Browser::of(&world, "alice");
    let theirs = other.get("/auth/manage").await.step();
    other.post("/auth/manage", &[("step", &theirs), ("forget", &forget[0])]).await;
    assert!(browser.begin(&az("memo")).await.params().contains_key("code"));
    world.advance(4_000);

    let answer = browser.post("/auth/manage", &[("step", &page.step()), ("forget", &forget[0])]).await;
    assert_eq!((answer.status, answer.location()), (303, "/auth/manage?forgotten"));
    let page = browser.get("/auth/manage?forgotten").await;
    assert!(page.body.contains("role=\"status\"") && page.values("button", "forget").is_empty());
    assert!(browser.begin(&az("memo")).await.is_consent());
}

/// SMART-MGMT-002, SMART-REVOKE-007
#[tokio::test]
async fn everything_ends_at_once_after_a_question() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub")).await;
    world.tokens_for("basic", &az("basic").scope("launch/patient patient/Condition.rs")).await;
    let mut browser = Browser::of(&world, "alice");
    let page = browser.get("/auth/manage").await;
    assert!(page.body.contains("/auth/manage?all"));
    let question = browser.get("/auth/manage?all").await;
    assert!(question.body.contains("Growth Chart") && question.body.contains("Ward Board"));
    assert_eq!(question.values("button", "end_all"), ["yes"]);
    assert_eq!(world.grants_of("alice").await, 2, "asking ends nothing");
    for forged in [vec![("end_all", "yes")], vec![("step", "x"), ("end_all", "yes")]] {
        browser.post("/auth/manage", &forged).await.is_page(403);
    }
    let step = question.step();
    // One thing at a time.
    browser.post("/auth/manage", &[("step", &step), ("end_all", "yes"), ("revoke", "x")]).await.is_page(400);
    assert_eq!(world.grants_of("alice").await, 2);
    let answer = browser.post("/auth/manage", &[("step", &step), ("end_all", "yes")]).await;
    assert_eq!((answer.status, answer.location()), (303, "/auth/manage?ended"));
    assert_eq!(world.grants_of("alice").await, 0);
    assert!(world.consents.of("alice").await.is_empty());
    let access = tokens["access_token"].as_str().unwrap();
    assert!(world.server.access_token(access).await.unwrap().is_none(), "SMART-REVOKE-005");
    let after = browser.get("/auth/manage?ended").await;
    assert!(after.body.contains("role=\"status\"") && !after.body.contains("manage?all"));
    assert_eq!(browser.get("/auth/manage?all").await.location(), "/auth/manage");
}

/// SMART-REVOKE-007, RT-011
#[tokio::test]
async fn what_was_granted_in_a_session_ends_with_it() {
    let world = World::new();
    world.tokens_for("basic", &az("basic").scope("launch/patient patient/Condition.rs")).await;
    let online = az("pub").scope("launch/patient patient/Observation.rs");
    let code = world.code_for(&online).await;
    assert_eq!(world.grants_of("alice").await, 2);
    // Somebody else's session, or another of hers, is not this one.
    world.server.session_ended(&SessionId::new("session-of-bob")).await.unwrap();
    assert_eq!(world.grants_of("alice").await, 2);
    for _ in 0..2 {
        world.server.session_ended(&SessionId::new("session-of-alice")).await.unwrap();
        assert_eq!(world.grants_of("alice").await, 0);
    }
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
}

/// SMART-REVOKE-007
#[tokio::test]
async fn what_a_user_granted_ends_with_the_account() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    world.server.user_ended(&UserId::new("bob")).await.unwrap();
    assert_eq!(world.grants_of("alice").await, 1);
    world.server.user_ended(&UserId::new("alice")).await.unwrap();
    assert_eq!(world.grants_of("alice").await, 0);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
}
