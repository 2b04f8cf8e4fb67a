//! A-REV: what an app gives back is dead, and only what is its own.

use serde_json::Value;
use vestibule_http_tests::app::{az, bare, introspection, revocation, rf};
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::world::World;

use crate::notation::{each_adapter, j401};

async fn tokens(world: &World) -> Value {
    world.tokens_for("pub", &az("pub")).await
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap()
}

/// 200 and nothing else, whether there was something to revoke or not.
#[track_caller]
fn done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn is_active(world: &World, tokens: &Value) -> bool {
    introspection("rs1", text(tokens, "access_token")).send(world).await.json()["active"].as_bool().unwrap()
}

async fn is_dead(world: &World, tokens: &Value) {
    assert!(!is_active(world, tokens).await);
    rf("pub", text(tokens, "refresh_token")).send(world).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);
}

/// A-REV-01
#[test]
fn a_rev_01_token_of_another_client() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        for client in ["other", "basic", "memo", "rs1"] {
            for kind in ["refresh_token", "access_token"] {
                done(&revocation(client, text(&tokens, kind)).send(&world).await);
            }
        }
        assert!(is_active(&world, &tokens).await);
        assert_eq!(rf("pub", text(&tokens, "refresh_token")).send(&world).await.status, 200);
    });
}

/// A-REV-02
#[test]
fn a_rev_02_confidential_client_without_credentials() {
    each_adapter(async |world| {
        let own =
            world.tokens_for("basic", &az("basic").scope("launch/patient patient/Observation.rs")).await;
        let token = text(&own, "access_token");
        j401(&revocation("basic", token).basic(None).add("client_id", "basic").send(&world).await);
        j401(&revocation("basic", token).basic(Some(("basic", "wrong"))).send(&world).await);
        assert!(is_active(&world, &own).await);
        done(&revocation("basic", token).send(&world).await);
        assert!(!is_active(&world, &own).await);
    });
}

/// A-REV-03
#[test]
fn a_rev_03_wrong_hint() {
    each_adapter(async |world| {
        for (kind, hint) in [
            ("refresh_token", "access_token"),
            ("access_token", "refresh_token"),
            ("refresh_token", "unheard_of"),
            ("access_token", ""),
        ] {
            let tokens = tokens(&world).await;
            done(&revocation("pub", text(&tokens, kind)).add("token_type_hint", hint).send(&world).await);
            is_dead(&world, &tokens).await;
        }
    });
}

/// A-REV-04
#[test]
fn a_rev_04_unknown_token() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let unknown = format!("vr_{}.{}", "A".repeat(43), "A".repeat(49));
        for token in ["random", "vr_x", "vo_x", "a.b.c", &unknown, &"x".repeat(30_000)] {
            done(&revocation("pub", token).send(&world).await);
        }
        assert!(is_active(&world, &tokens).await);
    });
}

/// A-REV-05
#[test]
fn a_rev_05_store_fault() {
    each_adapter(async |world| {
        for kind in ["refresh_token", "access_token"] {
            let tokens = tokens(&world).await;
            for part in ["grants.revoke", "grants", "clients"] {
                world.script.away(part, true);
                let answer = revocation("pub", text(&tokens, kind)).send(&world).await;
                answer.is_error(503, "temporarily_unavailable");
                assert_eq!(answer.header("retry-after"), "5");
                world.script.away(part, false);
                assert!(is_active(&world, &tokens).await);
            }
            done(&revocation("pub", text(&tokens, kind)).send(&world).await);
            is_dead(&world, &tokens).await;
        }
    });
}

/// A-REV-06
#[test]
fn a_rev_06_access_tokens_die_with_the_refresh_token() {
    each_adapter(async |world| {
        let first = tokens(&world).await;
        let next = rf("pub", text(&first, "refresh_token")).send(&world).await.json();
        done(&revocation("pub", text(&next, "refresh_token")).send(&world).await);
        is_dead(&world, &first).await;
        is_dead(&world, &next).await;
    });
}

/// A-REV-07
#[test]
fn a_rev_07_spent_refresh_token() {
    each_adapter(async |world| {
        let first = tokens(&world).await;
        let next = rf("pub", text(&first, "refresh_token")).send(&world).await.json();
        done(&revocation("pub", text(&first, "refresh_token")).send(&world).await);
        is_dead(&world, &next).await;
    });
}

/// A-REV-09
#[test]
fn a_rev_09_get_and_jsonp() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let token = text(&tokens, "refresh_token");
        for query in [format!("token={token}&client_id=pub&callback=x"), format!("token={token}")] {
            let mut request = bare("/auth/revoke", &[]).with_query(&query).request();
            *request.method_mut() = http::Method::GET;
            let answer = Answer::from(world.door.send(request).await);
            assert_eq!(answer.status, 405);
            assert!(
                !answer.body.starts_with('x')
                    && answer.header("content-type").starts_with("application/json")
            );
        }
        revocation("pub", token).with_query("callback=x").send(&world).await.is_error(400, "invalid_request");
        assert!(is_active(&world, &tokens).await);
    });
}

/// A-REV-11
#[test]
fn a_rev_11_without_a_client() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let answer = bare("/auth/revoke", &[("token", text(&tokens, "refresh_token"))]).send(&world).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
        // Nor is the token itself a way to authenticate.
        let access = text(&tokens, "access_token");
        j401(&bare("/auth/revoke", &[("token", access)]).with_bearer(access).send(&world).await);
        assert!(is_active(&world, &tokens).await);
    });
}

/// A-REV-12
#[test]
fn a_rev_12_signed_token_after_revocation() {
    each_adapter(async |world| {
        let tokens = tokens(&world).await;
        let access = text(&tokens, "access_token");
        assert!(world.server.access_token(access).await.unwrap().is_some());
        done(&revocation("pub", access).send(&world).await);
        assert!(!is_active(&world, &tokens).await);
        assert!(
            world.server.access_token(access).await.unwrap().is_none(),
            "the FHIR server beside it knows, too"
        );
        // A backend's token has no grant: it dies alone.
        let assert = |world: &World| vestibule_http_tests::assertion::assertion(world, "svc").text();
        let of = |world: &World| vestibule_http_tests::app::cc(&assert(world));
        let (one, two) = (of(&world).send(&world).await.json(), of(&world).send(&world).await.json());
        let request =
            bare("/auth/revoke", &[("token", text(&one, "access_token"))]).with_assertion(&assert(&world));
        done(&request.send(&world).await);
        assert!(!is_active(&world, &one).await);
        assert!(is_active(&world, &two).await);
    });
}

/// A-REV-13
#[test]
fn a_rev_13_code() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        let answer = revocation("pub", &code).send(&world).await;
        done(&answer);
        let unknown = revocation("pub", "vc_unknown").send(&world).await;
        assert_eq!((answer.headers, answer.body), (unknown.headers, unknown.body));
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-REV-14
#[test]
fn a_rev_14_public_client_its_own_token() {
    each_adapter(async |world| {
        for kind in ["refresh_token", "access_token"] {
            let tokens = tokens(&world).await;
            done(&revocation("pub", text(&tokens, kind)).send(&world).await);
            is_dead(&world, &tokens).await;
        }
    });
}
