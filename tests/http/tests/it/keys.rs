//! A-KEY: keys come and go, clocks jump, and randomness fails.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule::{AuthorizationServer, Config, FhirBase, Host};
use vestibule_host::{Alg, Clock as _, KeyRing as _, UnixMillis};
use vestibule_http_tests::Door;
use vestibule_http_tests::app::{CB, az, cc, introspection, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{AS, FHIR1, World, config};
use vestibule_jose::{KeyPlan, KeyRole, LocalKeyRing, SystemRandom};
use vestibule_resource::TokenCheck;
use vestibule_testkit::BrokenEntropy;

use crate::notation::{begins, each_adapter, j400, j401};

/// Keys of this world alone, which the test may rotate.
fn own_ring(world: &World) -> Arc<LocalKeyRing> {
    let plan = KeyPlan::new(Alg::Es256, Alg::Rs256);
    let ring = LocalKeyRing::ephemeral_with(plan, Arc::new(SystemRandom::new()), world.clock.now()).unwrap();
    let ring = Arc::new(ring);
    world.keys.exchange(ring.clone());
    ring
}

async fn published(world: &World) -> Vec<String> {
    let keys = world.json("/auth/keys").await;
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(token: &str) -> String {
    let header = BASE64.decode(token.split('.').next().unwrap()).unwrap();
    serde_json::from_slice::<Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

async fn access_token(world: &World) -> String {
    let tokens = world.tokens_for("pub", &az("pub")).await;
    tokens["access_token"].as_str().unwrap().to_owned()
}

fn at_fhir(world: &World, issuer: &str, token: &str) -> bool {
    let check = TokenCheck::new(issuer, FHIR1, world.keys.clone()).unwrap();
    check.check(Some(&format!("Bearer {token}")), world.clock.now()).is_ok()
}

/// A-KEY-02
#[test]
fn a_key_02_removed_key() {
    each_adapter(async |world| {
        let ring = own_ring(&world);
        let token = access_token(&world).await;
        let old = kid_of(&token);
        ring.announce(KeyRole::AccessToken, Alg::Es256, world.clock.now()).await.unwrap();
        // Announced, in use, and its predecessor gone: as long as that takes.
        for _ in 0..200 {
            world.advance(600);
            world.server.tick().await.unwrap();
            if !published(&world).await.contains(&old) {
                break;
            }
        }
        assert!(!published(&world).await.contains(&old));
        // As if it had been made just now: nobody accepts the key any more.
        assert!(!at_fhir(&world, AS, &token));
        assert_eq!(introspection("rs1", &token).send(&world).await.body, r#"{"active":false}"#);
        assert!(at_fhir(&world, AS, &access_token(&world).await));
    });
}

/// A-KEY-03
#[test]
fn a_key_03_emergency_withdrawal() {
    each_adapter(async |world| {
        let ring = own_ring(&world);
        let token = access_token(&world).await;
        assert!(at_fhir(&world, AS, &token));
        let key = world.keys.snapshot().access_token.id.clone();
        ring.revoke_key(&key, world.clock.now()).await.unwrap();
        assert!(!published(&world).await.contains(&kid_of(&token)));
        assert!(!at_fhir(&world, AS, &token), "at once");
        assert_eq!(introspection("rs1", &token).send(&world).await.body, r#"{"active":false}"#);
        let next = access_token(&world).await;
        assert!(published(&world).await.contains(&kid_of(&next)) && at_fhir(&world, AS, &next));
    });
}

/// A-KEY-04
#[test]
fn a_key_04_published_before_use() {
    each_adapter(async |world| {
        let ring = own_ring(&world);
        let old = kid_of(&access_token(&world).await);
        let new = ring.announce(KeyRole::AccessToken, Alg::Es256, world.clock.now()).await.unwrap();
        assert!(published(&world).await.iter().any(|kid| kid == new.as_str()), "seen at once");
        let mut waited = 0;
        loop {
            world.server.tick().await.unwrap();
            let signs = kid_of(&access_token(&world).await);
            let all = published(&world).await;
            assert!(all.contains(&signs) && all.iter().any(|kid| kid == new.as_str()));
            if signs == new.as_str() {
                break;
            }
            assert_eq!(signs, old);
            world.advance(30);
            waited += 30;
            assert!(waited < 86_400);
        }
        let answer = Browser::new(&world).get("/auth/keys").await;
        let max_age =
            answer.header("cache-control").rsplit_once("max-age=").unwrap().1.parse::<u64>().unwrap();
        assert!(waited >= max_age, "signed after {waited} s, cached for {max_age} s");
    });
}

/// A-KEY-06
#[test]
fn a_key_06_private_parts() {
    each_adapter(async |world| {
        let keys = world.json("/auth/keys").await;
        for key in keys["keys"].as_array().unwrap() {
            for private in ["d", "p", "q", "dp", "dq", "qi", "k", "oth"] {
                assert!(key.get(private).is_none(), "{private}");
            }
        }
        let shown = format!("{:?} {:?} {:?}", world.keys, world.server, world.keys.snapshot());
        assert!(!shown.contains("pkcs8") && !shown.contains("secret: ["), "{shown}");
    });
}

/// A-KEY-07: signing comes before the code is spent, so nothing is lost (design §2.4).
#[test]
fn a_key_07_sign_fault() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub").scope("openid launch/patient patient/Observation.rs")).await;
        world.script.away("keys.sign", true);
        for _ in 0..2 {
            let answer = world.redeem("pub", &code).await;
            answer.is_error(503, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), "5");
        }
        let backend = cc(&assertion(&world, "svc").text());
        backend.send(&world).await.is_error(503, "temporarily_unavailable");
        world.script.away("keys.sign", false);
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        assert_eq!(backend.send(&world).await.status, 200, "nor is the assertion spent");
    });
}

/// A-KEY-08
#[test]
fn a_key_08_clock_jumps() {
    each_adapter(async |world| {
        let live = world.tokens_for("pub", &az("pub")).await;
        let code = world.code_for(&az("pub")).await;
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        let start = world.clock.now();
        world.advance(3_600);
        j400(&world.redeem("pub", &code).await, "invalid_grant");
        assert!(!at_fhir(&world, AS, live["access_token"].as_str().unwrap()));
        browser.reload().await.is_page(400);
        // And back again, and to where no clock should be.
        for now in [start, UnixMillis(start.0 - 86_400_000), UnixMillis(0), UnixMillis(-1)] {
            world.clock.set(now);
            for answer in [
                world.redeem("pub", &code).await,
                introspection("rs1", live["access_token"].as_str().unwrap()).send(&world).await,
                Browser::new(&world).authorize(&az("pub")).await,
            ] {
                assert!(answer.status < 500, "{now:?}: {}", answer.brief());
            }
            world.server.tick().await.unwrap();
        }
        world.clock.set(start);
        begins(&world).await;
    });
}

/// A-KEY-10: sixty seconds, for what clients sign alone (design §9).
#[test]
fn a_key_10_skew() {
    each_adapter(async |world| {
        let now = world.clock.now().0 / 1_000;
        for (name, value, good) in [
            ("exp", now - 59, true),
            ("exp", now - 61, false),
            ("iat", now + 59, true),
            ("iat", now + 61, false),
            ("nbf", now + 59, true),
            ("nbf", now + 61, false),
        ] {
            let answer = cc(&assertion(&world, "svc").claim(name, value).text()).send(&world).await;
            if good {
                assert_eq!(answer.status, 200, "{name} {value}");
            } else {
                j401(&answer);
            }
        }
        // None for what we issued.
        let token = access_token(&world).await;
        let left =
            world.access_claims(&json!({ "access_token": token })).await["exp"].as_i64().unwrap() - now;
        world.advance(u64::try_from(left).unwrap() - 1);
        assert!(at_fhir(&world, AS, &token));
        assert_eq!(introspection("rs1", &token).send(&world).await.json()["active"], true);
        world.advance(1);
        assert!(!at_fhir(&world, AS, &token));
        assert_eq!(introspection("rs1", &token).send(&world).await.json()["active"], false);
    });
}

/// A-KEY-11
#[test]
fn a_key_11_two_issuers_one_key() {
    each_adapter(async |world| {
        let other = world.restarted(Config::new("https://as.example/second", FhirBase::new(FHIR1)));
        let token = access_token(&world).await;
        let mut request = introspection("rs1", &token).request();
        *request.uri_mut() = "/second/auth/introspect".parse().unwrap();
        let answer = Answer::from(other.door.send(request).await);
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#));
        assert!(!at_fhir(&world, "https://as.example/second", &token));
        assert!(other.server.access_token(&token).await.unwrap().is_none());
        assert!(at_fhir(&world, AS, &token));
    });
}

/// A-KEY-12
#[test]
fn a_key_12_extreme_times() {
    // Whatever is configured is refused at the start, or does not overflow.
    let extreme = [
        Duration::MAX,
        Duration::from_secs(u64::MAX),
        Duration::from_millis(i64::MAX as u64),
        Duration::ZERO,
    ];
    each_adapter(async |world| {
        for life in extreme {
            let configs = [
                config().with_code_life(life),
                config().with_launch_life(life),
                config().with_offline_life(life),
                config().with_online_life(life),
                config().with_access_token_life(life),
                config().with_live_check().with_access_token_life(life),
            ];
            for config in configs {
                let Ok(server) = AuthorizationServer::builder(config, host(&world))
                    .with_pages(Arc::new(vestibule_pages::HtmlPages::new()))
                    .with_clock(Arc::new(world.clock.clone()))
                    .build()
                else {
                    continue;
                };
                let door = world.door_to(&server);
                let answer = launched(&world, &door).await;
                assert!(answer.status < 500, "{life:?}: {}", answer.brief());
            }
        }
        // 2038, 2106, 9999, and the last moments that can be said.
        for now in [(1_i64 << 31) - 1, 1 << 31, 1 << 32, 253_402_300_799] {
            world.clock.set(UnixMillis(now * 1_000));
            let tokens = world
                .tokens_for("pub", &az("pub").scope("openid launch/patient patient/Observation.rs"))
                .await;
            assert_eq!(world.access_claims(&tokens).await["iat"], now);
        }
        for now in [i64::MAX - 1_000_000, i64::MAX - 1, i64::MAX, i64::MIN] {
            world.clock.set(UnixMillis(now));
            let answer = Browser::new(&world).authorize(&az("pub")).await;
            assert!(answer.status < 500, "{now}: {}", answer.brief());
            let answer = cc(&assertion(&world, "svc").text()).send(&world).await;
            assert!(answer.status < 500, "{now}: {}", answer.brief());
        }
    });
}

fn host(world: &World) -> Host {
    Host {
        users: world.users.clone(),
        patients: world.patients.clone(),
        consents: world.consents.clone(),
        clients: world.clients.clone(),
        grants: world.spy.clone(),
        keys: world.keys.clone(),
    }
}

/// A launch as far as it goes.
async fn launched(world: &World, door: &Door) -> Answer {
    let mut browser = Browser::of(world, "bob");
    browser.door = door.clone();
    let answer = browser.authorize(&az("pub")).await;
    if !answer.location().starts_with("/auth/i/") {
        return answer;
    }
    browser.path = answer.location().to_owned();
    browser.reload().await;
    if !browser.page.is_consent() {
        return browser.page.clone();
    }
    let answer = browser.allow().await.clone();
    if !answer.location().contains("code=") {
        return answer;
    }
    door.send(tk("pub", &answer.code()).request()).await.into()
}

/// A-KEY-13
#[test]
fn a_key_13_no_randomness() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az("pub")).await;
        let code = world.code_for(&az("pub")).await;
        let codes = world.spy.codes();
        let broken = AuthorizationServer::builder(config(), host(&world))
            .with_pages(Arc::new(vestibule_pages::HtmlPages::new()))
            .with_clock(Arc::new(world.clock.clone()))
            .with_entropy(Arc::new(BrokenEntropy))
            .build()
            .unwrap();
        let broken = world.door_to(&broken);
        let answer = Answer::from(broken.send(tk("pub", &code).request()).await);
        answer.is_error(503, "temporarily_unavailable");
        let answer = Answer::from(broken.send(cc(&assertion(&world, "svc").text()).request()).await);
        answer.is_error(503, "temporarily_unavailable");
        let mut other = browser.clone();
        other.door = broken;
        other.authorize(&az("pub")).await.is_refusal(CB, "temporarily_unavailable");
        other.allow().await.is_page(503);
        assert_eq!(world.spy.codes(), codes);
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        browser.allow().await.code();
    });
}

/// A-KEY-14
#[test]
fn a_key_14_algorithm_of_our_own_tokens() {
    each_adapter(async |world| {
        let token = access_token(&world).await;
        let parts: Vec<&str> = token.split('.').collect();
        let header: Value = serde_json::from_slice(&BASE64.decode(parts[0]).unwrap()).unwrap();
        for alg in ["none", "HS256", "RS256", "ES384", "ES256K", "PS256", "es256", ""] {
            let mut other = header.clone();
            other["alg"] = json!(alg);
            let forged = format!("{}.{}.{}", BASE64.encode(other.to_string()), parts[1], parts[2]);
            assert!(!at_fhir(&world, AS, &forged), "{alg}");
            assert_eq!(introspection("rs1", &forged).send(&world).await.body, r#"{"active":false}"#, "{alg}");
        }
        for (name, value) in [
            ("kid", json!(world.keys.snapshot().id_token.id.as_str())),
            ("kid", json!("x")),
            ("typ", json!("JWT")),
        ] {
            let mut other = header.clone();
            other[name] = value;
            let forged = format!("{}.{}.{}", BASE64.encode(other.to_string()), parts[1], parts[2]);
            assert!(!at_fhir(&world, AS, &forged));
        }
        assert!(at_fhir(&world, AS, &token));
    });
}
