//! A-CODE: one code, one use, by the app that asked, in time.

use vestibule_host::Standing;
use vestibule_http_tests::app::{CB, V_WRONG, V1, at_consent, az, patient_of, tk};
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::world::P1;

use crate::notation::{each_adapter, j400};

/// A-CODE-01
#[test]
fn a_code_01_replay_kills_the_grant() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        assert_eq!(world.grants_of("alice").await, 1);
        j400(&world.redeem("pub", &code).await, "invalid_grant");
        assert_eq!(world.grants_of("alice").await, 0);
        j400(&world.redeem("pub", &code).await, "invalid_grant");
    });
}

/// A-CODE-04
#[test]
fn a_code_04_of_another_client() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for request in [tk("other", &code), tk("other", &code).set("redirect_uri", CB)] {
            j400(&request.send(&world).await, "invalid_grant");
        }
        j400(&tk("pub", &code).set("client_id", "memo").send(&world).await, "invalid_grant");
        assert_eq!(world.grants_of("alice").await, 1, "nothing is revoked");
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        // Nor after the code is spent: a replay by somebody else kills nothing.
        j400(&tk("other", &code).set("redirect_uri", CB).send(&world).await, "invalid_grant");
        assert_eq!(world.grants_of("alice").await, 1);
    });
}

/// A-CODE-05
#[test]
fn a_code_05_of_another_client_and_expired() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        world.advance(61);
        let foreign = tk("other", &code).set("redirect_uri", CB).send(&world).await;
        j400(&foreign, "invalid_grant");
        assert_eq!(foreign.body, tk("other", "vc_unknown").send(&world).await.body);
    });
}

/// A-CODE-07
#[test]
fn a_code_07_sixty_seconds() {
    each_adapter(async |world| {
        for (after, good) in [(59, true), (60, false), (61, false), (86_400, false)] {
            let code = world.code_for(&az("pub")).await;
            world.advance(after);
            let answer = world.redeem("pub", &code).await;
            if good {
                assert_eq!(answer.status, 200, "{after} s");
            } else {
                j400(&answer, "invalid_grant");
            }
        }
    });
}

/// A-CODE-09
#[test]
fn a_code_09_a_wrong_request_burns_nothing() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for _ in 0..20 {
            j400(&tk("pub", &code).set("code_verifier", V_WRONG).send(&world).await, "invalid_grant");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-CODE-11
#[test]
fn a_code_11_another_spelling() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        let last = if code.ends_with('A') { 'E' } else { 'A' };
        for other in [
            code[..code.len() - 1].to_owned(),
            format!("{code}A"),
            format!("{}{last}", &code[..code.len() - 1]),
            code.to_uppercase(),
            code.to_lowercase(),
            format!("{code} "),
            format!(" {code}"),
            format!("{code}="),
            code[3..].to_owned(),
            code.replace("vc_", "vl_"),
        ] {
            j400(&tk("pub", &code).set("code", &other).send(&world).await, "invalid_grant");
        }
        for other in [format!("{code}\0"), format!("{code}\n"), format!("\u{7f}{code}")] {
            j400(&tk("pub", &code).set("code", &other).send(&world).await, "invalid_request");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-CODE-14
#[test]
fn a_code_14_in_the_query() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        for request in [
            tk("pub", &code).without("code").with_query(&format!("code={code}")),
            tk("pub", &code).with_query(&format!("code={code}")),
            tk("pub", &code).with_query("client_id=pub"),
        ] {
            j400(&request.send(&world).await, "invalid_request");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-CODE-16
#[test]
fn a_code_16_user_disabled_before_redemption() {
    each_adapter(async |world| {
        for standing in [Standing::NotAllowed, Standing::SessionEnded] {
            let code = world.code_for(&az("pub")).await;
            world.users.set_standing("alice", standing);
            let signed = world.script.calls().iter().filter(|call| **call == "keys.sign").count();
            j400(&world.redeem("pub", &code).await, "invalid_grant");
            let after = world.script.calls().iter().filter(|call| **call == "keys.sign").count();
            assert_eq!(after, signed, "nothing is minted");
            world.users.set_standing("alice", Standing::Active);
        }
    });
}

/// A-CODE-18
#[test]
fn a_code_18_none_before_consent() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        assert_eq!(world.spy.codes(), 0);
        browser.pick(P1).await;
        assert_eq!(world.spy.codes(), 0);
        let consent = browser.tab();
        browser.deny().await;
        assert_eq!(world.spy.codes(), 0);
        browser.switch_to(&consent);
        browser.begin(&az("pub")).await;
        browser.pick(P1).await;
        browser.allow().await.code();
        assert_eq!(world.spy.codes(), 1);
    });
}

/// A-CODE-19: a page of ours, because nothing that names nobody may reach an app.
#[test]
fn a_code_19_an_authenticator_that_names_nobody() {
    each_adapter(async |world| {
        let mut halfway = at_consent(&world).await;
        world.users.forget_ids();
        let answer = halfway.allow().await;
        assert!(answer.status >= 400 && answer.headers.get("location").is_none(), "{}", answer.brief());
        Browser::of(&world, "alice").begin(&az("pub")).await.is_page(500);
        assert_eq!(world.spy.codes(), 0);
    });
}

/// A-CODE-21: for as long as a token of it may live (design §9: 300 s without a refresh token).
#[test]
fn a_code_21_a_replay_kills_while_the_grant_lives() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        assert_eq!(world.redeem("pub", &code).await.status, 200);
        world.advance(299);
        world.server.tick().await.unwrap();
        assert_eq!(world.grants_of("alice").await, 1);
        j400(&world.redeem("pub", &code).await, "invalid_grant");
        assert_eq!(world.grants_of("alice").await, 0);
        world.advance(241);
        world.server.tick().await.unwrap();
        j400(&world.redeem("pub", &code).await, "invalid_grant");
    });
}

/// A-CODE-25
#[test]
fn a_code_25_no_secret_at_rest() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let step = browser.page.step();
        let answer = browser.allow().await.clone();
        let code = answer.code();
        let tokens = world.redeem("pub", &code).await.json();
        let written = world.spy.written();
        assert!(written.contains(P1), "the spy sees what is stored");
        let id = browser.path.strip_prefix("/auth/i/").unwrap().to_owned();
        let access = tokens["access_token"].as_str().unwrap().to_owned();
        let mut secrets = vec![code, id, step, V1.to_owned(), access, "basic-secret".to_owned()];
        secrets.extend(browser.set.iter().map(|set| set.split(['=', ';']).nth(1).unwrap().to_owned()));
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            assert!(!written.contains(secret.as_str()), "{secret}");
        }
        // Nor in what the memory store shows of itself.
        let shown = format!("{:?}", world.memory);
        assert!(!secrets.iter().any(|secret| secret.len() > 20 && shown.contains(secret.as_str())));
        assert_eq!(patient_of(&world, &at_consent(&world).await.allow().await.clone()).await, P1);
    });
}
