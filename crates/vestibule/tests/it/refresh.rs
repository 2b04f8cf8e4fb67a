//! Refresh chains over HTTP: one successor a generation, lost answers, thieves, ends (design §8, reliability T6 and T9).

use serde_json::Value;
use vestibule_host::{Standing, UnixMillis};
use vestibule_http_tests::app::{Az, az, tk};
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::world::{FHIR1, FHIR2, Failing, P1, World};

const DAY: u64 = 86_400;

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

/// A refresh request of `client`, authenticated as it must be.
async fn refresh(world: &World, client: &str, token: &str) -> Answer {
    refresh_with(world, client, token, None).await
}

async fn refresh_with(world: &World, client: &str, token: &str, scope: Option<&str>) -> Answer {
    let mut request = tk(client, "-")
        .set("grant_type", "refresh_token")
        .without("code")
        .without("redirect_uri")
        .without("code_verifier")
        .add("refresh_token", token);
    if let Some(scope) = scope {
        request = request.add("scope", scope);
    }
    request.send(world).await
}

async fn refreshed(world: &World, client: &str, token: &str) -> Value {
    let answer = refresh(world, client, token).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn online() -> Az {
    az("pub")
        .scope("launch/patient openid fhirUser patient/Observation.rs patient/Condition.rs offline_access")
}

/// SMART-REFRESH-001, SMART-REFRESH-002, SMART-REFRESH-012, SMART-REFRESH-014, SMART-REFRESH-023, RT-001, RT-005, RT-008, RT-009, OIDC-008, A-RT-23, SMART-TOKEN-035
#[tokio::test]
async fn a_refresh_keeps_the_context_and_rotates() {
    let world = World::new();
    let first = world.tokens_for("pub", &online().add("nonce", "n-1")).await;
    assert_eq!(world.id_claims(&first).await["nonce"], "n-1");
    world.advance(100);
    let request = tk("pub", "-")
        .set("grant_type", "refresh_token")
        .without("code")
        .without("redirect_uri")
        .without("code_verifier")
        .add("refresh_token", text(&first, "refresh_token"))
        .add("patient", "patient-nine-mallory");
    let second = request.send(&world).await.json();
    for same in ["patient", "scope", "token_type", "expires_in"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    assert_ne!(second["access_token"], first["access_token"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (old, new) = (world.access_claims(&first).await, world.access_claims(&second).await);
    for same in ["aud", "patient", "sub", "fhirUser", "grant_id", "client_id"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert_eq!(new["aud"], FHIR1);
    assert_ne!(old["jti"], new["jti"]);
    let (old, new) = (world.id_claims(&first).await, world.id_claims(&second).await);
    for same in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(old[same], new[same], "{same}");
    }
    assert!(!new.contains_key("nonce"));
    refreshed(&world, "pub", text(&second, "refresh_token")).await;
}

/// SMART-REFRESH-024, A-RT-27, SMART-REFRESH-015
#[tokio::test]
async fn without_a_refresh_scope_there_is_no_refresh_token() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &az("pub").scope("launch/patient patient/Observation.rs")).await;
    assert!(tokens.get("refresh_token").is_none());
    let tokens = world.tokens_for("basic", &az("basic")).await;
    assert!(tokens.get("refresh_token").is_none(), "`basic` is not registered for offline_access");
}

/// SMART-REFRESH-003, SMART-REFRESH-004, SMART-REFRESH-013, SMART-REFRESH-019, RT-007, RT-008, A-RT-10, SMART-REFRESH-011
#[tokio::test]
async fn a_subset_is_for_one_access_token_and_more_is_refused() {
    let world = World::new();
    let first = world.tokens_for("pub", &online()).await;
    let whole = text(&first, "scope").to_owned();
    let token = text(&first, "refresh_token").to_owned();
    for more in ["patient/*.cruds", "patient/Observation.cruds", "user/Patient.r", "patient/Observation.rs x"]
    {
        refresh_with(&world, "pub", &token, Some(more)).await.is_error(400, "invalid_scope");
    }
    refresh_with(&world, "pub", &token, Some("a  b")).await.is_error(400, "invalid_scope");
    let narrow = refresh_with(&world, "pub", &token, Some("patient/Observation.rs")).await.json();
    assert_eq!(narrow["scope"], "patient/Observation.rs");
    assert_eq!(narrow["patient"], P1);
    let letters =
        refresh_with(&world, "pub", text(&narrow, "refresh_token"), Some("patient/Observation.r")).await;
    assert_eq!(letters.json()["scope"], "patient/Observation.r");
    let full = refresh_with(&world, "pub", text(&letters.json(), "refresh_token"), Some(&whole)).await.json();
    assert_eq!(full["scope"], whole.as_str(), "the refresh token kept it all");
}

/// SMART-REFRESH-005, SMART-REFRESH-010, RT-003, A-RT-05, A-RT-06, A-RT-08, A-RT-09, A-RT-20, A-RT-21, A-RT-29, RT-002, RT-015
#[tokio::test]
async fn a_foreign_or_broken_token_changes_nothing() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let token = text(&tokens, "refresh_token").to_owned();
    // An app that could have got one itself.
    let ours = world.clients.get("pub");
    world.clients.change("other", |other| {
        other.scopes = ours.scopes.clone();
        other.grant_types = ours.grant_types;
        other.fhir_bases = ours.fhir_bases.clone();
    });
    refresh(&world, "other", &token).await.is_error(400, "invalid_grant");
    // Whatever it asks for: that the token lives, and for what, is not for others to know.
    let more = refresh_with(&world, "other", &token, Some("user/Practitioner.rs")).await;
    more.is_error(400, "invalid_grant");
    let access = text(&tokens, "access_token");
    for wrong in [
        token[..token.len() - 1].to_owned(),
        format!("{token}.x"),
        token.to_uppercase(),
        access.to_owned(),
        "vr_".to_owned(),
        format!("vr_{}.{}", "A".repeat(43), "A".repeat(49)),
        text(&tokens, "id_token").to_owned(),
    ] {
        refresh(&world, "pub", &wrong).await.is_error(400, "invalid_grant");
    }
    let twice = tk("pub", "-")
        .set("grant_type", "refresh_token")
        .without("code")
        .add("refresh_token", &token)
        .add("refresh_token", &token);
    twice.send(&world).await.is_error(400, "invalid_request");
    let next = refreshed(&world, "pub", &token).await;
    // Inside the window too: another client's replay is nobody's.
    refresh(&world, "other", &token).await.is_error(400, "invalid_grant");
    refreshed(&world, "pub", text(&next, "refresh_token")).await;
}

/// When, after the answer was lost, the client comes again.
#[derive(Clone, Copy, Debug)]
enum Retry {
    Within,
    AtTheEnd,
    After,
}

/// T6: every kind of client, every moment, with and without the successor used. RT-004, RT-005, A-RT-01, A-RT-04, SMART-REFRESH-017, SMART-REFRESH-018
///
/// RT-006
#[tokio::test]
async fn a_lost_answer_is_given_again_and_a_stolen_one_ends_the_grant() {
    for strict in [false, true] {
        for used in [false, true] {
            for (moment, seconds) in [
                (Retry::Within, 0),
                (Retry::Within, 5),
                (Retry::AtTheEnd, 59),
                (Retry::After, 60),
                (Retry::After, 61),
            ] {
                let world = World::new();
                world.clients.change("pub", |client| client.strict_refresh = strict);
                let first = world.tokens_for("pub", &online()).await;
                let r0 = text(&first, "refresh_token").to_owned();
                let r1 = text(&refreshed(&world, "pub", &r0).await, "refresh_token").to_owned();
                if used {
                    refreshed(&world, "pub", &r1).await;
                }
                world.advance(seconds);
                let case = format!("strict {strict}, used {used}, {moment:?} {seconds}");
                let again = refresh(&world, "pub", &r0).await;
                let recovers = !strict && !used && !matches!(moment, Retry::After);
                if recovers {
                    assert_eq!(again.status, 200, "{case}: {}", again.body);
                    assert_eq!(again.json()["refresh_token"], r1.as_str(), "{case}: the one successor");
                    assert_ne!(again.json()["access_token"], first["access_token"]);
                    refreshed(&world, "pub", &r1).await;
                } else {
                    again.is_error(400, "invalid_grant");
                    assert_eq!(world.grants_of("alice").await, 0, "{case}: the grant is dead");
                    refresh(&world, "pub", &r1).await.is_error(400, "invalid_grant");
                }
            }
        }
    }
}

/// RT-005, A-RT-02
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_thirty_two_at_once_all_get_the_one_successor() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let r0 = text(&tokens, "refresh_token").to_owned();
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(32));
    let racers: Vec<_> = (0..32)
        .map(|_| {
            let (world, token, barrier) = (world.clone(), r0.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                refreshed(&world, "pub", &token).await
            })
        })
        .collect();
    let mut successors = std::collections::BTreeSet::new();
    let mut access = std::collections::BTreeSet::new();
    for racer in racers {
        let tokens = racer.await.unwrap();
        successors.insert(text(&tokens, "refresh_token").to_owned());
        access.insert(text(&tokens, "access_token").to_owned());
    }
    assert_eq!((successors.len(), access.len()), (1, 32));
    refreshed(&world, "pub", successors.first().unwrap()).await;
}

/// Reliability 6.3: a chain that is shared in lockstep does not go on for ever.
#[tokio::test]
async fn replays_that_are_too_many_end_the_grant_within_five_generations() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let mut token = text(&tokens, "refresh_token").to_owned();
    let mut refused = 0;
    for _ in 0..5 {
        let next = refresh(&world, "pub", &token).await;
        if next.status != 200 {
            break;
        }
        world.advance(10);
        for _ in 0..2 {
            assert_eq!(refresh(&world, "pub", &token).await.status, 200);
        }
        refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
        refused += 1;
        token = text(&next.json(), "refresh_token").to_owned();
    }
    assert_eq!(refused, 3, "two refusals let the chain live, the third ends it");
    assert_eq!(world.grants_of("alice").await, 0);
}

/// T9: SMART-REFRESH-016, SMART-REFRESH-020, SMART-REFRESH-026, RT-013, A-RT-26
///
/// SMART-SCOPE-092
#[tokio::test]
async fn offline_chains_slide_and_end_by_their_cap() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let mut token = text(&tokens, "refresh_token").to_owned();
    for step in 1..=2 {
        world.advance(179 * DAY);
        let next = refresh(&world, "pub", &token).await;
        assert_eq!(next.status, 200, "step {step}: {}", next.body);
        token = text(&next.json(), "refresh_token").to_owned();
    }
    // A public client's chain ends after 365 days, however it is used.
    world.advance(7 * DAY);
    refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
    // Rest ends it too.
    let idle = world.tokens_for("pub", &online()).await;
    world.advance(180 * DAY);
    refresh(&world, "pub", text(&idle, "refresh_token")).await.is_error(400, "invalid_grant");
}

/// SMART-REFRESH-022, RT-010, A-RT-15, A-RT-17, A-RT-18
#[tokio::test]
async fn everybody_is_asked_again() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let token = text(&tokens, "refresh_token").to_owned();
    // A policy's no may become a yes again.
    world.patients.deny(P1);
    refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 1);

    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    world.users.set_standing("alice", Standing::NotAllowed);
    refresh(&world, "pub", text(&tokens, "refresh_token")).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);

    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    world.consents.withdraw_all_of("alice").await;
    refresh(&world, "pub", text(&tokens, "refresh_token")).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);
}

/// SMART-REFRESH-022, RT-010, OIDC-014
#[tokio::test]
async fn whoever_must_sign_in_again_keeps_the_grant() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let token = text(&tokens, "refresh_token").to_owned();
    world.users.set_standing("alice", Standing::SignInAgain);
    for _ in 0..3 {
        refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
    }
    assert_eq!(world.grants_of("alice").await, 1);
    assert_eq!(world.observed.last().reason.as_deref(), Some("SignInAgain"));
    // Nothing was spent: once the user signed in, the same token goes on.
    world.users.set_standing("alice", Standing::Active);
    let next = refreshed(&world, "pub", &token).await;
    refreshed(&world, "pub", text(&next, "refresh_token")).await;
}

/// A-RT-13, A-RT-14, A-RT-30, A-AUD-13
#[tokio::test]
async fn what_the_client_may_have_is_judged_anew() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let all = world.clients.get("pub").scopes;
    let without = |what: &str| all.iter().filter(|scope| scope.as_str() != what).cloned().collect();
    let narrower: vestibule_scope::ScopeSet =
        ["launch/patient", "openid", "fhirUser", "offline_access", "patient/Condition.rs"]
            .map(|text| vestibule_scope::Scope::parse(text).unwrap())
            .into_iter()
            .collect();
    world.clients.change("pub", |client| client.scopes = narrower.clone());
    let less = refreshed(&world, "pub", text(&tokens, "refresh_token")).await;
    assert!(!text(&less, "scope").contains("Observation"), "{less}");
    world.clients.change("pub", |client| client.scopes = without("offline_access"));
    let token = text(&less, "refresh_token").to_owned();
    refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
    world.clients.change("pub", |client| client.scopes = all.clone());
    world.clients.change("pub", |client| client.fhir_bases = vec!["https://else.example".into()]);
    refresh(&world, "pub", &token).await.is_error(400, "invalid_grant");
    world.clients.change("pub", |client| client.fhir_bases = Vec::new());
    world.clients.change("pub", |client| client.grant_types.refresh_token = false);
    refresh(&world, "pub", &token).await.is_error(400, "unauthorized_client");
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
    refresh(&world, "pub", &token).await.is_error(401, "invalid_client");
}

/// GEN-017, A-FAULT-10, RT-014, SMART-TOKEN-057
#[tokio::test]
async fn a_part_that_is_away_spends_nothing() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let token = text(&tokens, "refresh_token").to_owned();
    world.script.restart();
    let answer = refresh(&world, "pub", &token).await;
    let calls = world.script.calls().len();
    assert!(calls >= 5, "{:?}", world.script.calls());
    let mut token = text(&answer.json(), "refresh_token").to_owned();
    for call in 0..calls {
        world.script.restart();
        world.script.fail(call, Failing::Error);
        let failed = refresh(&world, "pub", &token).await;
        assert_eq!(failed.status, 503, "call {call}: {}", failed.body);
        assert_eq!(failed.json()["error"], "temporarily_unavailable");
        world.script.restart();
        token = text(&refreshed(&world, "pub", &token).await, "refresh_token").to_owned();
    }
}

/// The end of a user's access to a record ends tokens and chain.
///
/// SMART-REFRESH-021
#[tokio::test]
async fn nothing_outlives_the_access_to_the_record() {
    let world = World::new();
    let now = vestibule_host::Clock::now(&world.clock);
    world.patients.end_at(P1, UnixMillis(now.0 + 200_000));
    let tokens = world.tokens_for("pub", &online()).await;
    assert!(tokens["expires_in"].as_u64().unwrap() <= 200);
    world.advance(150);
    let next = refreshed(&world, "pub", text(&tokens, "refresh_token")).await;
    assert!(next["expires_in"].as_u64().unwrap() <= 50, "{next}");
    world.advance(51);
    refresh(&world, "pub", text(&next, "refresh_token")).await.is_error(400, "invalid_grant");
}

/// RES-002, RES-001, RES-003, RES-005
#[tokio::test]
async fn a_refresh_stays_with_the_authorized_server() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &online()).await;
    let token = text(&tokens, "refresh_token").to_owned();
    let request = |resources: &[&str]| {
        let request = tk("pub", "-")
            .set("grant_type", "refresh_token")
            .without("code")
            .without("redirect_uri")
            .without("code_verifier")
            .add("refresh_token", &token);
        resources.iter().fold(request, |request, resource| request.add("resource", resource))
    };
    for resources in
        [vec![FHIR2], vec![FHIR1, FHIR2], vec!["https://evil.test/fhir"], vec!["fhir"], vec!["\u{1}"]]
    {
        request(&resources).send(&world).await.is_error(400, "invalid_target");
    }
    assert_eq!(world.grants_of("alice").await, 1);
    let answer = request(&[FHIR1, FHIR1]).send(&world).await;
    assert_eq!(answer.status, 200, "nothing was spent: {}", answer.body);
    assert_eq!(world.access_claims(&answer.json()).await["aud"], FHIR1);
    refreshed(&world, "pub", text(&answer.json(), "refresh_token")).await;
}
