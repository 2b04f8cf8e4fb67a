//! A-INTRO: what a token means is told to those whom it concerns.

use serde_json::{Value, json};
use vestibule_host::{Clock as _, KeyRing as _, RatePoint, SessionId, Standing};
use vestibule_http_tests::app::{Tk, az, az_ehr, bare, cc, introspection};
use vestibule_http_tests::assertion::{assertion, key_of, signing_input};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{AS, E1, FHIR1, P1, World, open_record, open_visit, scopes};

use crate::notation::{each_adapter, j400, j401};

const SCOPE: &str = "openid fhirUser launch/patient patient/Observation.rs offline_access";

async fn tokens(world: &World) -> Value {
    world.tokens_for("pub", &az("pub").scope(SCOPE)).await
}

fn access(tokens: &Value) -> String {
    tokens["access_token"].as_str().unwrap().to_owned()
}

/// Exactly that, and nothing more.
#[track_caller]
fn inactive(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#));
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn is_active(world: &World, token: &str) -> bool {
    introspection("rs1", token).send(world).await.json()["active"].as_bool().unwrap()
}

/// A-INTRO-01
#[test]
fn a_intro_01_unauthenticated() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        let request = || introspection("rs1", &token).basic(None);
        for answer in [
            request().send(&world).await,
            request().add("client_id", "rs1").send(&world).await,
            request().basic(Some(("rs1", "wrong"))).send(&world).await,
            request().basic(Some(("nope", "wrong"))).send(&world).await,
        ] {
            j401(&answer);
            assert!(answer.json().get("active").is_none());
        }
        assert!(is_active(&world, &token).await);
    });
}

/// A-INTRO-02
#[test]
fn a_intro_02_public_client() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        world.clients.change("pub", |client| client.introspects = vec![FHIR1.to_owned()]);
        j401(&introspection("pub", &token).send(&world).await);
        j401(&introspection("memo", &token).send(&world).await);
    });
}

/// A-INTRO-03
#[test]
fn a_intro_03_token_of_another_client() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        for client in ["other", "basic", "post"] {
            inactive(&introspection(client, &token).send(&world).await);
        }
        // A confidential app may look at its own.
        let own =
            world.tokens_for("basic", &az("basic").scope("launch/patient patient/Observation.rs")).await;
        assert_eq!(introspection("basic", &access(&own)).send(&world).await.json()["active"], true);
        assert!(is_active(&world, &token).await);
    });
}

/// A-INTRO-04
#[test]
fn a_intro_04_wrong_resource_server() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        inactive(&introspection("rs2", &token).send(&world).await);
        let known = introspection("rs2", &token).send(&world).await;
        let unknown = introspection("rs2", "x").send(&world).await;
        assert_eq!((known.headers, known.body), (unknown.headers, unknown.body));
        assert!(is_active(&world, &token).await);
    });
}

/// A-INTRO-06
#[test]
fn a_intro_06_get_and_query() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        let mut request =
            introspection("rs1", "x").without("token").with_query(&format!("token={token}")).request();
        j400(&Answer::from(world.door.send(request.clone()).await), "invalid_request");
        *request.method_mut() = http::Method::GET;
        let answer = Answer::from(world.door.send(request).await);
        assert_eq!(answer.status, 405);
        assert!(!answer.body.contains("active") && answer.header("allow").contains("POST"));
        j400(&introspection("rs1", &token).with_query("x=y").send(&world).await, "invalid_request");
    });
}

/// A-INTRO-07
#[test]
fn a_intro_07_another_spelling() {
    each_adapter(async |world| {
        for format in [vestibule_host::TokenFormat::Jwt, vestibule_host::TokenFormat::Opaque] {
            world.clients.change("pub", |client| client.token_format = format);
            let token = access(&tokens(&world).await);
            let mut others: Vec<String> = (1..token.len())
                .step_by(token.len() / 20 + 1)
                .map(|cut| token[..token.len() - cut].to_owned())
                .collect();
            others.extend([
                format!("{token}A"),
                format!("{token}.x"),
                format!("{token}="),
                format!(" {token}"),
                token.to_uppercase(),
                token.replace('.', ".."),
                "x".repeat(30_000),
            ]);
            for other in others.iter().filter(|other| **other != token) {
                inactive(&introspection("rs1", other).send(&world).await);
            }
            assert!(is_active(&world, &token).await);
        }
    });
}

/// A-INTRO-08
#[test]
fn a_intro_08_what_is_no_access_token() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let code = world.code_for(&az("pub")).await;
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let own = assertion(&world, "svc").text();
        for other in [
            tokens["refresh_token"].as_str().unwrap(),
            tokens["id_token"].as_str().unwrap(),
            &code,
            &handle,
            &own,
        ] {
            inactive(&introspection("rs1", other).send(&world).await);
        }
        // None of them is spent.
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        assert_eq!(cc(&own).send(&world).await.status, 200);
        let mut browser = Browser::of(&world, "dr");
        browser.begin(&az_ehr("pub", &handle)).await;
        browser.allow().await.code();
    });
}

/// A-INTRO-09
#[test]
fn a_intro_09_hints() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        let plain = introspection("rs1", &token).send(&world).await.json();
        for hint in ["refresh_token", "access_token", "unheard_of", ""] {
            let hinted = introspection("rs1", &token).add("token_type_hint", hint).send(&world).await;
            assert_eq!(hinted.json(), plain, "{hint}");
        }
        assert_eq!(plain["active"], true);
    });
}

/// A-INTRO-10
#[test]
fn a_intro_10_at_once() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        world.users.set_standing("alice", Standing::NotAllowed);
        inactive(&introspection("rs1", &token).send(&world).await);
        world.users.set_standing("alice", Standing::Active);
        assert!(is_active(&world, &token).await);
        // The grant, by its user.
        let mut browser = Browser::of(&world, "alice");
        let page = browser.get("/auth/manage").await;
        let grant = page.values("button", "revoke").remove(0);
        browser.post("/auth/manage", &[("step", &page.step()), ("revoke", &grant)]).await;
        inactive(&introspection("rs1", &token).send(&world).await);
        // The session, where the grant hangs on it.
        let token =
            access(&world.tokens_for("pub", &az("pub").scope("launch/patient patient/Observation.rs")).await);
        assert!(is_active(&world, &token).await);
        world.server.session_ended(&SessionId::new("session-of-alice")).await.unwrap();
        inactive(&introspection("rs1", &token).send(&world).await);
        // The app.
        let token = access(&tokens(&world).await);
        world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
        inactive(&introspection("rs1", &token).send(&world).await);
        world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Enabled);
        // The time.
        assert!(is_active(&world, &token).await);
        world.advance(3_600);
        inactive(&introspection("rs1", &token).send(&world).await);
    });
}

/// A-INTRO-11
#[test]
fn a_intro_11_forged_tokens() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        let parts: Vec<&str> = token.split('.').collect();
        let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid, "typ": "at+jwt" }).to_string();
        let kid = world.keys.snapshot().access_token.id.as_str().to_owned();
        let claims = world.claims(&token, "at+jwt", vestibule_host::Alg::Es256).await;
        let claims_text = Value::Object(claims.clone()).to_string();
        let by_mallory = |header: &str| {
            let input = signing_input(header, &claims_text);
            let signature = key_of("mallory", "e1").sign(input.as_bytes());
            format!(
                "{input}.{}",
                base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, signature)
            )
        };
        let mut forged = vec![
            format!("{}.", signing_input(&header("none", &kid), &claims_text)),
            format!("{}.{}", signing_input(&header("none", &kid), &claims_text), parts[2]),
            by_mallory(&header("ES384", &kid)),
            by_mallory(&header("ES256", &kid)),
            by_mallory(&header("ES384", "e1")),
            format!(
                "{}.{}.{}",
                parts[0],
                base64::Engine::encode(
                    &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                    claims_text.replace("pub", "svc")
                ),
                parts[2]
            ),
        ];
        // By our own key, and yet not our access token.
        for (typ, name, value) in [
            ("at+jwt", "iss", json!("https://evil.test")),
            ("at+jwt", "iss", json!("https://as.example/second")),
            ("at+jwt", "grant_id", json!("g_never-was")),
            ("at+jwt", "client_id", json!("other")),
            ("at+jwt", "aud", json!("https://fhir.example/other")),
            ("JWT", "iss", json!(AS)),
            ("logout+jwt", "iss", json!(AS)),
        ] {
            let mut claims = claims.clone();
            claims.insert(name.to_owned(), value);
            let snapshot = world.keys.snapshot();
            let text = vestibule_jose::jws::encode(
                &*world.keys,
                &snapshot.access_token,
                typ,
                &Value::Object(claims),
            )
            .await;
            forged.push(text.unwrap());
        }
        for token in &forged {
            inactive(&introspection("rs1", token).send(&world).await);
        }
        assert!(is_active(&world, &token).await);
        // A key that was taken away.
        world.keys.exchange(vestibule_http_tests::world::another_ring());
        inactive(&introspection("rs1", &token).send(&world).await);
    });
}

fn by_bearer(token: &str, bearer: &str) -> Tk {
    bare("/auth/introspect", &[("token", token)]).with_bearer(bearer)
}

#[track_caller]
fn is_bearer_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.brief());
    assert_eq!(answer.header("www-authenticate"), format!("Bearer error=\"{error}\""));
    assert!(!answer.body.contains("active\""), "{}", answer.body);
}

/// A-INTRO-12
#[test]
fn a_intro_12_bad_bearer() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        world.clients.change("svc", |client| client.scopes = scopes("system/Observation.rs __introspect"));
        let of = |scope: &'static str| {
            let (world, request) = (world.clone(), cc(&assertion(&world, "svc").text()).set("scope", scope));
            async move { access(&request.send(&world).await.json()) }
        };
        let right = of("__introspect").await;
        assert_eq!(by_bearer(&token, &right).send(&world).await.json()["active"], true);
        let lacking = of("system/Observation.rs").await;
        is_bearer_error(&by_bearer(&token, &lacking).send(&world).await, 403, "insufficient_scope");
        is_bearer_error(&by_bearer(&token, "vo_nonsense").send(&world).await, 401, "invalid_token");
        is_bearer_error(&by_bearer(&token, "a b").send(&world).await, 400, "invalid_request");
        world.advance(301);
        let fresh = access(&tokens(&world).await);
        is_bearer_error(&by_bearer(&fresh, &right).send(&world).await, 401, "invalid_token");
        assert!(world.clock.now().0 > 0 && is_active(&world, &fresh).await);
    });
}

/// A-INTRO-13
#[test]
fn a_intro_13_no_token_or_two() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        for request in [
            introspection("rs1", &token).without("token"),
            introspection("rs1", ""),
            introspection("rs1", &token).add("token", &token),
            introspection("rs1", &token).add("token", "x"),
            introspection("rs1", &token).add("token_type_hint", "a").add("token_type_hint", "b"),
        ] {
            j400(&request.send(&world).await, "invalid_request");
        }
        assert!(is_active(&world, &token).await);
    });
}

/// A-INTRO-14
#[test]
fn a_intro_14_scanning() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        for number in 0..50 {
            inactive(&introspection("rs1", &format!("guess-{number}")).send(&world).await);
        }
        assert_eq!(world.gate.failed(RatePoint::Introspection), 50, "the host hears of each");
        assert!(is_active(&world, &token).await);
        assert_eq!(world.gate.failed(RatePoint::Introspection), 50);
        for point in [RatePoint::Introspection, RatePoint::ClientAuthentication] {
            let asked = world.gate.asked(point);
            world.gate.close(Some(point));
            let answer = introspection("rs1", &token).send(&world).await;
            if world.gate.asked(point) > asked {
                assert_eq!(answer.status, 429, "{point:?}");
                assert_eq!(answer.header("retry-after"), "7");
            }
            world.gate.close(None);
        }
        assert!(is_active(&world, &token).await);
    });
}

/// A-INTRO-15
#[test]
fn a_intro_15_smart_claims() {
    each_adapter(async |world| {
        let handle = world.launch_for("alice", "pub", open_visit(P1, E1)).await;
        let scope = "launch openid fhirUser patient/Observation.rs offline_access";
        let tokens = world.tokens_for("pub", &az_ehr("pub", &handle).scope(scope)).await;
        let said = introspection("rs1", &access(&tokens)).send(&world).await.json();
        let claims = world.access_claims(&tokens).await;
        assert_eq!((&said["active"], &said["client_id"]), (&json!(true), &json!("pub")));
        for name in ["scope", "patient", "encounter", "need_patient_banner"] {
            assert_eq!(said.get(name), tokens.get(name), "{name}");
        }
        for name in ["exp", "iat", "iss", "aud", "sub", "jti", "fhirUser"] {
            assert_eq!(said[name], claims[name], "{name}");
        }
        // The same for a token that says nothing by itself.
        world.clients.change("pub", |client| client.token_format = vestibule_host::TokenFormat::Opaque);
        let tokens = world.tokens_for("pub", &az("pub").scope(SCOPE)).await;
        let said = introspection("rs1", &access(&tokens)).send(&world).await.json();
        assert_eq!(
            (&said["patient"], &said["scope"], &said["aud"]),
            (&json!(P1), &tokens["scope"], &json!(FHIR1))
        );
    });
}

/// A-INTRO-17
#[test]
fn a_intro_17_by_the_token_itself() {
    each_adapter(async |world| {
        let token = access(&tokens(&world).await);
        is_bearer_error(&by_bearer(&token, &token).send(&world).await, 403, "insufficient_scope");
        assert!(is_active(&world, &token).await);
    });
}
