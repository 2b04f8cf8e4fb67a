//! A code is spent once, by the right app, in time.

use std::sync::Arc;

use http::Method;
use vestibule::{Config, FhirBase};
use vestibule_host::Standing;

use crate::app::{V_WRONG, az, tk};
use crate::browser::{Answer, Browser};
use crate::world::{FHIR1, FHIR2, P1, World};

/// CODE-004, CODE-006, A-CODE-01
#[tokio::test]
async fn used_twice_it_kills_its_grant() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    assert_eq!(world.grants_of("alice").await, 1);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
}

/// CODE-005, A-CODE-21
#[tokio::test]
async fn a_replay_kills_for_as_long_as_a_token_may_live() {
    let world = World::new();
    let code = world.code_for(&az("pub").scope("launch/patient patient/Observation.rs")).await;
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    world.advance(299);
    world.server.tick().await.unwrap();
    assert_eq!(world.grants_of("alice").await, 1);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);
    // Long after everything ended there is nothing left to kill, and nothing to find.
    world.advance(540);
    world.server.tick().await.unwrap();
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    assert_eq!(world.count_rows_and_purge().await, 0);
}

/// CODE-004, A-CODE-01, A-CODE-02, A-FAULT-19
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_at_once_one_wins() {
    let world = World::new();
    // Two nodes over one store.
    let nodes = [world.clone(), world.restarted(crate::world::config())];
    for round in 0..5 {
        let code = world.code_for(&az("pub")).await;
        let barrier = Arc::new(tokio::sync::Barrier::new(100));
        let racers: Vec<_> = (0..100)
            .map(|racer| {
                let (world, code, barrier) = (nodes[racer % 2].clone(), code.clone(), barrier.clone());
                tokio::spawn(async move {
                    barrier.wait().await;
                    world.redeem("pub", &code).await
                })
            })
            .collect();
        let mut won = 0;
        for racer in racers {
            let answer = racer.await.unwrap();
            if answer.status == 200 {
                won += 1;
            } else {
                answer.is_error(400, "invalid_grant");
            }
        }
        assert_eq!(won, 1, "round {round}");
        // Ninety-nine replays: the grant is dead.
        assert_eq!(world.grants_of("alice").await, 0);
    }
}

/// CODE-007, PKCE-008, A-CODE-04, A-CODE-09, A-CODE-14, A-PKCE-04, A-PKCE-09, A-PKCE-13, A-REDIR-36, A-REDIR-37
#[tokio::test]
async fn what_does_not_fit_burns_nothing() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    let right = || tk("pub", &code);
    for wrong in [
        right().set("code_verifier", V_WRONG),
        right().set("code_verifier", crate::app::C1),
        right().set("code_verifier", ""),
        right().set("code_verifier", "short"),
        right().set("code_verifier", &"x".repeat(129)),
        right().without("code_verifier"),
        right().set("redirect_uri", "https://app.example/cb-two"),
        right().set("redirect_uri", "https://app.example/cb/"),
        right().set("client_id", "memo"),
        tk("other", &code),
        tk("other", &code).set("redirect_uri", crate::app::CB),
        right().set("code", &format!("{code}A")),
        right().set("code", &code[..code.len() - 1]),
        right().set("code", &code.to_uppercase()),
        right().set("code", &format!("{code} ")),
        right().set("code", &format!(" {code}")),
        right().set("code", code.strip_prefix("vc_").unwrap()),
        right().set("code", "vc_"),
        right().set("code", &"x".repeat(30_000)),
    ] {
        wrong.send(&world).await.is_error(400, "invalid_grant");
    }
    for malformed in [
        right().without("redirect_uri"),
        right().set("redirect_uri", ""),
        right().without("code"),
        right().set("code", ""),
        right().set("code", &format!("{code}\0")),
        right().set("code", &format!("{code}\n")),
        right().add("code", &code),
        right().add("code_verifier", crate::app::V1),
        right().add("grant_type", "authorization_code"),
        right().add("unknown", "a").add("unknown", "b"),
        right().without("grant_type"),
        right().with_query(&format!("code={code}")).without("code"),
        right().with_query("client_id=pub"),
    ] {
        malformed.send(&world).await.is_error(400, "invalid_request");
    }
    right().set("grant_type", "password").send(&world).await.is_error(400, "unsupported_grant_type");
    right()
        .set("grant_type", "AUTHORIZATION_CODE")
        .send(&world)
        .await
        .is_error(400, "unsupported_grant_type");
    assert_eq!(world.grants_of("alice").await, 1);
    assert_eq!(right().send(&world).await.status, 200);

    // A confidential app: PKCE does not stand in for its secret.
    let request = az("basic").scope("launch/patient patient/Observation.rs");
    let code = world.code_for(&request).await;
    for (wrong, header) in [
        (tk("basic", &code).basic(None).add("client_id", "basic"), false),
        (tk("basic", &code).basic(Some(("basic", "wrong-wrong-wrong-wrong-wrong-wrong-wrong"))), true),
        (tk("basic", &code).basic(Some(("basic", ""))), true),
        (tk("basic", &code).basic(Some(("nope", "basic-secret-basic-secret-basic-secret"))), true),
        (tk("basic", &code).basic(None), false),
    ] {
        let answer = wrong.send(&world).await;
        answer.is_error(401, "invalid_client");
        assert_eq!(answer.headers.contains_key("www-authenticate"), header);
    }
    tk("basic", &code)
        .add("client_secret", "basic-secret-basic-secret-basic-secret")
        .send(&world)
        .await
        .is_error(400, "invalid_request");
    tk("basic", &code).add("client_id", "pub").send(&world).await.is_error(400, "invalid_request");
    tk("basic", &code).add("client_assertion", "x.y.z").send(&world).await.is_error(400, "invalid_request");
    assert_eq!(tk("basic", &code).add("client_id", "basic").send(&world).await.status, 200);
}

/// TOKEN-009, A-TIME-04, A-CODE-05
#[tokio::test]
async fn every_code_that_buys_nothing_gets_the_same_answer() {
    let world = World::new();
    let used = world.code_for(&az("pub")).await;
    assert_eq!(world.redeem("pub", &used).await.status, 200);
    let of_another = world.code_for(&az("memo")).await;
    let expired = world.code_for(&az("pub")).await;
    world.advance(60);
    let fresh = world.code_for(&az("pub")).await;
    let unknown = format!("vc_{}", "A".repeat(43));
    let mut bodies = Vec::new();
    for request in [
        tk("pub", &unknown),
        tk("pub", &used),
        tk("pub", &expired),
        tk("pub", &of_another),
        tk("pub", &fresh).set("code_verifier", V_WRONG),
        tk("other", &expired),
        tk("other", &expired).set("redirect_uri", crate::app::CB),
    ] {
        let answer = request.send(&world).await;
        answer.is_error(400, "invalid_grant");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(bodies[0].is_ascii() && !bodies[0].contains(&unknown));
}

/// CODE-002, SMART-AUTHZ-056, A-CODE-07
#[tokio::test]
async fn a_code_lives_for_sixty_seconds() {
    for (after, status) in [(59, 200), (60, 400), (61, 400), (7_200, 400)] {
        let world = World::new();
        let code = world.code_for(&az("pub")).await;
        world.advance(after);
        let answer = world.redeem("pub", &code).await;
        assert_eq!(answer.status, status, "{after} s");
        if status == 400 {
            answer.is_error(400, "invalid_grant");
        }
    }
}

/// A-CODE-16, A-AUD-13
#[tokio::test]
async fn what_changed_since_counts() {
    // The user.
    for standing in [Standing::NotAllowed, Standing::SessionEnded, Standing::SignInAgain] {
        let world = World::new();
        let code = world.code_for(&az("pub")).await;
        world.users.set_standing("alice", standing);
        world.redeem("pub", &code).await.is_error(400, "invalid_grant");
        // Nothing was spent: it was a question of standing.
        world.users.set_standing("alice", Standing::Active);
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    }
    // The policy.
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    world.patients.deny(P1);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    // The record became another one: a token for the old id would read nothing, one for the new id was never agreed to.
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    world.patients.merge(P1, crate::world::P2);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    // The consent.
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    world.consents.withdraw_all_of("alice").await;
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    // The app: disabled, without its base, another method.
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    world.clients.change("pub", |client| client.status = vestibule_host::ClientStatus::Disabled);
    world.redeem("pub", &code).await.is_error(401, "invalid_client");
    world.clients.change("pub", |client| {
        client.status = vestibule_host::ClientStatus::Enabled;
        client.fhir_bases = vec![FHIR2.to_owned()];
    });
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    world.clients.change("pub", |client| client.fhir_bases.clear());
    assert_eq!(world.redeem("pub", &code).await.status, 200);
    // The base is served no longer.
    let world = World::new();
    let code = world.code_for(&az("pub").set("aud", FHIR2)).await;
    let smaller = world.restarted(Config::new(crate::world::AS, FhirBase::new(FHIR1)));
    smaller.redeem("pub", &code).await.is_error(400, "invalid_grant");
}

/// A-MIX-05, META-002, ISS-004
#[tokio::test]
async fn a_code_of_another_issuer_is_unknown() {
    let world = World::new();
    let other = world.restarted(Config::new("https://as.example/second", FhirBase::new(FHIR1)));
    let code = world.code_for(&az("pub")).await;
    let mut request = tk("pub", &code).request();
    *request.uri_mut() = "/second/auth/token".parse().unwrap();
    Answer::from(other.server.handle(request).await).is_error(400, "invalid_grant");
    assert_eq!(world.redeem("pub", &code).await.status, 200);
}

/// A-CODE-18, A-CODE-25, CODE-001, CRYPTO-002
#[tokio::test]
async fn no_code_before_consent_and_no_secret_at_rest() {
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.begin(&az("pub")).await;
    assert_eq!(world.spy.written(), "", "nothing is stored before somebody signs in");
    browser.session = Some("alice/s1".into());
    browser.reload().await;
    assert_eq!(world.spy.codes(), 0);
    browser.pick(P1).await;
    assert_eq!(world.spy.codes(), 0);
    let step = browser.page.step();
    let answer = browser.allow().await.clone();
    assert_eq!(world.spy.codes(), 1);
    let code = answer.code();
    let tokens = world.redeem("pub", &code).await.json();
    let id = browser.path.strip_prefix("/auth/i/").unwrap().to_owned();
    let written = world.spy.written();
    assert!(written.contains(P1), "the spy sees what is stored");
    let mut secrets =
        vec![code, id, step, crate::app::V1.to_owned(), tokens["access_token"].as_str().unwrap().to_owned()];
    secrets.extend(browser.set.iter().map(|cookie| cookie.split(['=', ';']).nth(1).unwrap().to_owned()));
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!written.contains(secret.as_str()), "{secret}");
    }
}

/// GEN-006, SMART-TOKEN-001, GEN-002, A-DOS-06, A-ERR-07, A-HDR-12, TOKEN-001
#[tokio::test]
async fn the_token_endpoint_takes_forms_by_post() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::PATCH] {
        let mut request = tk("pub", &code).request();
        *request.method_mut() = method;
        request.headers_mut().insert("x-http-method-override", "POST".parse().unwrap());
        let answer = Answer::from(world.server.handle(request).await);
        answer.is_error(405, "invalid_request");
        assert_eq!(answer.header("allow"), "POST, OPTIONS");
    }
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-type", "text/plain"),
        ("content-type", "multipart/form-data; boundary=x"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-16"),
        ("content-encoding", "gzip"),
        ("content-encoding", "br, gzip"),
    ] {
        let mut request = tk("pub", &code).request();
        request.headers_mut().insert(name, value.parse().unwrap());
        Answer::from(world.server.handle(request).await).is_error(400, "invalid_request");
    }
    let mut request = tk("pub", &code).request();
    request.headers_mut().append("authorization", "Basic eDp5".parse().unwrap());
    request.headers_mut().append("authorization", "Basic eDp5".parse().unwrap());
    Answer::from(world.server.handle(request).await).is_error(400, "invalid_request");
    for header in [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Bearer abc",
        "Basic eDp5 ",
        "basic eA==",
        "Negotiate x",
        "Basic /w==",
    ] {
        let mut request = tk("pub", &code).without("client_id").request();
        request.headers_mut().insert("authorization", header.parse().unwrap());
        let answer = Answer::from(world.server.handle(request).await);
        answer.is_error(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic "));
    }
    let mut request = tk("pub", &code).request();
    request
        .headers_mut()
        .insert("content-type", "Application/X-WWW-Form-Urlencoded; Charset=\"UTF-8\"".parse().unwrap());
    assert_eq!(Answer::from(world.server.handle(request).await).status, 200);
}

/// A-TIME-01, CAUTH-005
#[tokio::test]
async fn an_unknown_client_and_a_wrong_secret_look_alike() {
    let world = World::new();
    let wrong = "wrong-secret-wrong-secret-wrong-secret-1";
    let unknown = tk("pub", "x").without("client_id").basic(Some(("nope", wrong))).send(&world).await;
    let known = tk("pub", "x").without("client_id").basic(Some(("basic", wrong))).send(&world).await;
    world.clients.change("other", |client| client.status = vestibule_host::ClientStatus::Disabled);
    let disabled = tk("other", "x").send(&world).await;
    for answer in [&unknown, &known, &disabled] {
        answer.is_error(401, "invalid_client");
        assert_eq!(answer.body, unknown.body);
        assert_eq!(answer.headers, unknown.headers);
    }
}

/// RES-002, RES-001, RES-003
#[tokio::test]
async fn a_code_buys_a_token_for_the_authorized_server_alone() {
    let world = World::new();
    let code = world.code_for(&az("pub")).await;
    let fragment = format!("{FHIR1}#f");
    let near = format!("{FHIR1}/");
    for resources in [
        vec![FHIR2],
        vec![FHIR1, FHIR2],
        vec![FHIR2, FHIR1],
        vec!["/x"],
        vec![&fragment],
        vec![&near],
        vec!["\u{1}"],
    ] {
        let mut request = tk("pub", &code);
        for resource in resources {
            request = request.add("resource", resource);
        }
        request.send(&world).await.is_error(400, "invalid_target");
    }
    // Whose code it is comes first: a stranger does not learn what it is for.
    tk("other", &code).add("resource", FHIR2).send(&world).await.is_error(400, "invalid_grant");
    // Nothing was spent; the same server twice is one server.
    let answer = tk("pub", &code).add("resource", FHIR1).add("resource", FHIR1).send(&world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(world.access_claims(&answer.json()).await["aud"], FHIR1);
}
