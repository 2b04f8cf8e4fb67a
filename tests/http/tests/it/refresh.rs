//! A-RT: a refresh token is its client's, is used once, and stands on what it stood on.

use std::time::Duration;

use serde_json::Value;
use vestibule_host::{SessionId, Standing, UserId};
use vestibule_http_tests::app::{Az, Tk, az, az_ehr, cc, introspection, rf};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{E1, FHIR1, FHIR2, P1, P2, P9, World, open_visit, scopes};

use crate::notation::{each_adapter, j400, j401};

fn request(client: &str) -> Az {
    az(client).scope("launch/patient patient/Observation.rs offline_access")
}

/// Alice's tokens; `basic` and `other` may refresh here, too.
async fn tokens_of(world: &World, client: &str) -> Value {
    let offline = scopes("offline_access").iter().next().unwrap().clone();
    world.clients.change(client, |client| {
        client.scopes.insert(offline);
    });
    world.tokens_for(client, &request(client)).await
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap_or_else(|| panic!("{name} in {tokens}")).to_owned()
}

fn refresh_token(tokens: &Value) -> String {
    text(tokens, "refresh_token")
}

async fn refreshed(world: &World, client: &str, token: &str) -> Value {
    let answer = rf(client, token).send(world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn strict(world: &World) {
    world.clients.change("pub", |client| client.strict_refresh = true);
}

async fn is_active(world: &World, tokens: &Value) -> bool {
    let answer = introspection("rs1", &text(tokens, "access_token")).send(world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["active"].as_bool().unwrap()
}

/// `KILL`: the grant is gone, and everything under it.
async fn killed(world: &World, all: &[&Value]) {
    assert_eq!(world.grants_of("alice").await, 0);
    for tokens in all {
        assert!(!is_active(world, tokens).await);
        j400(&rf("pub", &refresh_token(tokens)).send(world).await, "invalid_grant");
    }
}

/// A-RT-01: of a `strict` client. Of others, the same successor within the window (design §8).
#[test]
fn a_rt_01_reuse_after_rotation() {
    each_adapter(async |world| {
        strict(&world);
        let first = tokens_of(&world, "pub").await;
        let second = refreshed(&world, "pub", &refresh_token(&first)).await;
        assert!(is_active(&world, &second).await);
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        killed(&world, &[&first, &second]).await;
    });
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let second = refreshed(&world, "pub", &refresh_token(&first)).await;
        for after in [0, 30, 29] {
            world.advance(after);
            let again = refreshed(&world, "pub", &refresh_token(&first)).await;
            assert_eq!(refresh_token(&again), refresh_token(&second), "one successor");
        }
        world.advance(1);
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        killed(&world, &[&second]).await;
    });
}

/// A-RT-02: of a `strict` client. Of others, all get the one successor (design §8).
#[test]
fn a_rt_02_concurrent_use() {
    each_adapter(async |world| {
        strict(&world);
        let first = tokens_of(&world, "pub").await;
        let answers = at_once(&world, &refresh_token(&first)).await;
        let won: Vec<Value> =
            answers.iter().filter(|answer| answer.status == 200).map(Answer::json).collect();
        assert_eq!(won.len(), 1);
        killed(&world, &[&first, &won[0]]).await;
    });
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let answers = at_once(&world, &refresh_token(&first)).await;
        let successors: std::collections::BTreeSet<String> =
            answers.iter().map(|answer| refresh_token(&answer.json())).collect();
        assert_eq!(successors.len(), 1, "no two live successors");
        refreshed(&world, "pub", successors.first().unwrap()).await;
    });
}

async fn at_once(world: &World, token: &str) -> Vec<Answer> {
    let racing: Vec<_> = (0..32)
        .map(|_| {
            let (world, request) = (world.clone(), rf("pub", token));
            tokio::spawn(async move { request.send(&world).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in racing {
        answers.push(one.await.unwrap());
    }
    answers
}

/// A-RT-04
#[test]
fn a_rt_04_the_window_does_not_fork() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let second = refreshed(&world, "pub", &refresh_token(&first)).await;
        let third = refreshed(&world, "pub", &refresh_token(&second)).await;
        world.advance(5);
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        killed(&world, &[&second, &third]).await;
    });
}

/// A-RT-05
#[test]
fn a_rt_05_the_window_is_for_its_client() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let second = refreshed(&world, "pub", &refresh_token(&first)).await;
        for foreign in ["other", "basic", "memo"] {
            for token in [&first, &second] {
                j400(&rf(foreign, &refresh_token(token)).send(&world).await, "invalid_grant");
            }
        }
        assert!(is_active(&world, &second).await);
        let again = refreshed(&world, "pub", &refresh_token(&first)).await;
        assert_eq!(refresh_token(&again), refresh_token(&second));
        refreshed(&world, "pub", &refresh_token(&second)).await;
    });
}

/// A-RT-06
#[test]
fn a_rt_06_of_another_client() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        for foreign in ["other", "basic", "memo", "nat"] {
            j400(&rf(foreign, &refresh_token(&first)).send(&world).await, "invalid_grant");
        }
        assert!(is_active(&world, &first).await);
        refreshed(&world, "pub", &refresh_token(&first)).await;
    });
}

/// A-RT-08
#[test]
fn a_rt_08_confidential_token_by_a_public_client() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "basic").await;
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        refreshed(&world, "basic", &refresh_token(&first)).await;
    });
}

/// A-RT-09
#[test]
fn a_rt_09_confidential_without_authentication() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "basic").await;
        let request = || rf("basic", &refresh_token(&first)).basic(None);
        j401(&request().send(&world).await);
        j401(&request().add("client_id", "basic").send(&world).await);
        j401(&request().basic(Some(("basic", "wrong"))).send(&world).await);
        refreshed(&world, "basic", &refresh_token(&first)).await;
    });
}

/// A-RT-10
#[test]
fn a_rt_10_scope_escalation() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let request = || rf("pub", &refresh_token(&first));
        for scope in [
            "patient/*.cruds",
            "patient/Observation.cruds",
            "patient/Observation.rs patient/Condition.rs",
            "patient/*.rs",
            "openid",
            "user/Observation.rs",
            "foo",
        ] {
            j400(&request().add("scope", scope).send(&world).await, "invalid_scope");
        }
        // Less, for this access token alone.
        let answer = request().add("scope", "patient/Observation.r").send(&world).await;
        assert_eq!((answer.status, answer.json()["scope"].as_str().unwrap()), (200, "patient/Observation.r"));
        let next = refreshed(&world, "pub", &refresh_token(&answer.json())).await;
        assert_eq!(next["scope"], first["scope"]);
    });
}

/// A-RT-13
#[test]
fn a_rt_13_client_reduced() {
    each_adapter(async |world| {
        let request =
            request("pub").scope("launch/patient patient/Observation.rs patient/Condition.rs offline_access");
        let first = world.tokens_for("pub", &request).await;
        world.clients.change("pub", |client| {
            client.scopes = scopes("launch/patient patient/Condition.rs offline_access")
        });
        let next = refreshed(&world, "pub", &refresh_token(&first)).await;
        assert_eq!(next["scope"], "launch/patient patient/Condition.rs offline_access");
        assert_eq!(world.access_claims(&next).await["scope"], next["scope"]);
        world.clients.change("pub", |client| client.scopes = scopes("offline_access"));
        j400(&rf("pub", &refresh_token(&next)).send(&world).await, "invalid_grant");
    });
}

/// A-RT-14
#[test]
fn a_rt_14_offline_right_withdrawn() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        let before = world.clients.get("pub").scopes;
        world.clients.change("pub", |client| client.scopes = scopes("launch/patient patient/*.cruds"));
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        world.clients.change("pub", |client| {
            client.scopes = before;
            client.grant_types.refresh_token = false;
        });
        let answer = rf("pub", &refresh_token(&first)).send(&world).await;
        assert!(answer.status == 400 && answer.json().get("access_token").is_none(), "{}", answer.brief());
    });
}

/// A-RT-15
#[test]
fn a_rt_15_user_disabled() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        world.users.set_standing("alice", Standing::NotAllowed);
        assert!(!is_active(&world, &first).await, "at once");
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        // It does not come back with the user.
        world.users.set_standing("alice", Standing::Active);
        killed(&world, &[&first]).await;
    });
}

/// Tokens that end with alice's session: online access, in a launch from the EHR.
async fn online(world: &World) -> Value {
    let online = scopes("online_access").iter().next().unwrap().clone();
    world.clients.change("pub", |client| {
        client.scopes.insert(online);
    });
    let handle = world.launch_for("alice", "pub", open_visit(P1, E1)).await;
    let scope = "launch openid fhirUser patient/Observation.rs online_access";
    world.tokens_for("pub", &az_ehr("pub", &handle).scope(scope)).await
}

/// A-RT-16
#[test]
fn a_rt_16_session_ended() {
    each_adapter(async |world| {
        let first = online(&world).await;
        let next = refreshed(&world, "pub", &refresh_token(&first)).await;
        world.server.session_ended(&SessionId::new("session-of-alice")).await.unwrap();
        killed(&world, &[&next]).await;
        // Noticed even if the host only says so when it is asked.
        let first = online(&world).await;
        world.users.set_standing("alice", Standing::SessionEnded);
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
    });
}

/// A-RT-17
#[test]
fn a_rt_17_consent_withdrawn() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        world.consents.withdraw_all_of("alice").await;
        j400(&rf("pub", &refresh_token(&first)).send(&world).await, "invalid_grant");
        killed(&world, &[&first]).await;
        // By the user, on the page: dead before the page says so.
        let first = tokens_of(&world, "pub").await;
        let mut browser = Browser::of(&world, "alice");
        let page = browser.get("/auth/manage").await;
        let grant = page.values("button", "revoke").remove(0);
        browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
        killed(&world, &[&first]).await;
    });
}

/// A-RT-18: a policy's no may be a yes tomorrow, so the grant stays.
#[test]
fn a_rt_18_patient_access_withdrawn() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        world.patients.deny(P1);
        let answer = rf("pub", &refresh_token(&first)).send(&world).await;
        j400(&answer, "invalid_grant");
        assert!(answer.json().get("access_token").is_none());
    });
}

/// A-RT-20
#[test]
fn a_rt_20_another_spelling() {
    each_adapter(async |world| {
        let token = refresh_token(&tokens_of(&world, "pub").await);
        let flip = |at: usize| {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        let mut others: Vec<String> =
            (0..token.len()).step_by(5).map(flip).filter(|other| *other != token).collect();
        others.extend([
            token[..token.len() - 1].to_owned(),
            format!("{token}.x"),
            format!("{token}A"),
            format!("{token} "),
            format!("{token}="),
            token.to_uppercase(),
            token.to_lowercase(),
            token.replace("vr_", "vc_"),
            token[3..].to_owned(),
            token.split('.').next().unwrap().to_owned(),
        ]);
        for other in others {
            j400(&rf("pub", &other).send(&world).await, "invalid_grant");
        }
        refreshed(&world, "pub", &token).await;
    });
}

/// A-RT-21
#[test]
fn a_rt_21_a_token_of_another_kind() {
    each_adapter(async |world| {
        let tokens = world
            .tokens_for(
                "pub",
                &request("pub").scope("openid launch/patient patient/Observation.rs offline_access"),
            )
            .await;
        let code = world.code_for(&request("pub")).await;
        for other in [
            text(&tokens, "access_token"),
            text(&tokens, "id_token"),
            code.clone(),
            code.replace("vc_", "vr_"),
        ] {
            j400(&rf("pub", &other).send(&world).await, "invalid_grant");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        refreshed(&world, "pub", &refresh_token(&tokens)).await;
    });
}

/// A-RT-23
#[test]
fn a_rt_23_context_kept() {
    each_adapter(async |world| {
        let handle = world.launch_for("alice", "pub", open_visit(P1, E1)).await;
        let scope = "launch openid fhirUser patient/Observation.rs offline_access";
        let first = world.tokens_for("pub", &az_ehr("pub", &handle).scope(scope)).await;
        let extra: fn(Tk) -> Tk =
            |tk| tk.add("patient", P9).add("encounter", "x").add("fhirUser", "x").add("aud", FHIR2);
        let answer = extra(rf("pub", &refresh_token(&first))).send(&world).await;
        let next = answer.json();
        for name in ["patient", "encounter", "scope", "need_patient_banner"] {
            assert_eq!(next[name], first[name], "{name}");
        }
        let (before, after) = (world.access_claims(&first).await, world.access_claims(&next).await);
        for name in ["patient", "encounter", "fhirUser", "sub", "aud", "scope", "client_id", "grant_id"] {
            assert_eq!(after[name], before[name], "{name}");
        }
        assert!(!answer.body.contains(P9) && !answer.body.contains(P2));
    });
}

/// A-RT-26
#[test]
fn a_rt_26_absolute_end() {
    each_adapter(async |world| {
        world.clients.change("pub", |client| client.refresh_cap = Some(Duration::from_secs(10 * 86_400)));
        let mut tokens = tokens_of(&world, "pub").await;
        for day in 1..10 {
            world.advance(86_400);
            tokens = refreshed(&world, "pub", &refresh_token(&tokens)).await;
            assert!(tokens["expires_in"].as_u64().unwrap() > 0, "day {day}");
        }
        world.advance(86_400 - 1);
        tokens = refreshed(&world, "pub", &refresh_token(&tokens)).await;
        world.advance(1);
        j400(&rf("pub", &refresh_token(&tokens)).send(&world).await, "invalid_grant");
        // Unused for longer than its life (design §9: 180 days).
        world.clients.change("pub", |client| client.refresh_cap = None);
        let tokens = tokens_of(&world, "pub").await;
        world.advance(180 * 86_400 - 1);
        let tokens = refreshed(&world, "pub", &refresh_token(&tokens)).await;
        world.advance(180 * 86_400);
        j400(&rf("pub", &refresh_token(&tokens)).send(&world).await, "invalid_grant");
    });
}

/// A-RT-27
#[test]
fn a_rt_27_none_without_the_right() {
    each_adapter(async |world| {
        let tokens =
            world.tokens_for("pub", &request("pub").scope("launch/patient patient/Observation.rs")).await;
        assert!(tokens.get("refresh_token").is_none());
        // Asked for, and unticked.
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&request("pub")).await;
        browser.pick(P1).await;
        let code = browser.allow_only(&["launch/patient", "patient/Observation.rs"]).await.code();
        assert!(world.redeem("pub", &code).await.json().get("refresh_token").is_none());
        // Not registered for it, or not for the grant.
        let tokens = world.tokens_for("memo", &request("memo")).await;
        assert!(tokens.get("refresh_token").is_none());
        world.clients.change("pub", |client| client.grant_types.refresh_token = false);
        let tokens = world.tokens_for("pub", &request("pub")).await;
        assert!(tokens.get("refresh_token").is_none());
    });
}

/// A-RT-28
#[test]
fn a_rt_28_none_for_backends() {
    each_adapter(async |world| {
        for scope in ["system/Observation.rs offline_access", "system/Observation.rs online_access"] {
            let offline = scopes("offline_access online_access system/Observation.rs");
            world.clients.change("svc", |client| client.scopes = offline);
            let answer = cc(&assertion(&world, "svc").text()).set("scope", scope).send(&world).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            assert!(answer.json().get("refresh_token").is_none());
            assert_eq!(answer.json()["scope"], "system/Observation.rs");
        }
    });
}

/// A-RT-29
#[test]
fn a_rt_29_duplicated_parameter() {
    each_adapter(async |world| {
        let (one, two) = (tokens_of(&world, "pub").await, tokens_of(&world, "pub").await);
        for (first, second) in [(&one, &two), (&two, &one), (&one, &one)] {
            let request = rf("pub", &refresh_token(first)).add("refresh_token", &refresh_token(second));
            j400(&request.send(&world).await, "invalid_request");
        }
        for tokens in [&one, &two] {
            refreshed(&world, "pub", &refresh_token(tokens)).await;
        }
        j400(&rf("pub", "x").without("refresh_token").send(&world).await, "invalid_request");
    });
}

/// A-RT-30
#[test]
fn a_rt_30_client_deleted() {
    each_adapter(async |world| {
        let first = tokens_of(&world, "pub").await;
        world.clients.remove("pub");
        j401(&rf("pub", &refresh_token(&first)).send(&world).await);
        assert!(!is_active(&world, &first).await);
    });
}

/// A-RT-31
#[test]
fn a_rt_31_password_changed() {
    each_adapter(async |world| {
        let (one, two) = (tokens_of(&world, "pub").await, tokens_of(&world, "pub").await);
        world.server.user_ended(&UserId::new("alice")).await.unwrap();
        killed(&world, &[&one, &two]).await;
    });
}

/// A-AUD-13
#[test]
fn a_aud_13_audience_taken_away() {
    each_adapter(async |world| {
        let tokens = world.tokens_for("pub", &request("pub").set("aud", FHIR2)).await;
        let smaller = world.restarted(vestibule::Config::new(
            vestibule_http_tests::world::AS,
            vestibule::FhirBase::new(FHIR1),
        ));
        let answer = rf("pub", &refresh_token(&tokens)).send(&smaller).await;
        assert!(
            matches!(answer.json()["error"].as_str(), Some("invalid_grant" | "invalid_target")),
            "{}",
            answer.body
        );
        world.clients.change("pub", |client| client.fhir_bases = vec![FHIR1.to_owned()]);
        j400(&rf("pub", &refresh_token(&tokens)).send(&world).await, "invalid_grant");
        world.clients.change("pub", |client| client.fhir_bases.clear());
        refreshed(&world, "pub", &refresh_token(&tokens)).await;
    });
}
