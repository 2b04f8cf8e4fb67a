//! A user takes an app's access back: what ends with the button, and what does not.

use serde_json::Value;
use vestibule_host::SessionId;

use crate::app::{Az, az, revocation, rf};
use crate::browser::{Answer, Browser};
use crate::world::{FHIR2, Failing, P1, P2, World};

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

async fn lives(world: &World, tokens: &Value) -> bool {
    world.server.access_token(text(tokens, "access_token")).await.unwrap().is_some()
}

/// Bob, with a grant on each of two devices; asked only as often as the app's registration says.
async fn two_devices(world: &World, client: &str) -> [Value; 2] {
    let offline = vestibule_scope::Scope::parse("offline_access").unwrap();
    world.clients.change(client, |app| {
        app.scopes.insert(offline.clone());
    });
    let mut both = Vec::new();
    for _ in 0..2 {
        let mut browser = Browser::of(world, "bob");
        browser.begin(&az(client)).await;
        if browser.page.is_consent() {
            browser.allow().await;
        }
        let answer = world.redeem(client, &browser.page.code()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        both.push(answer.json());
    }
    both.try_into().unwrap()
}

/// Presses the button beside the grant that these tokens hang on.
async fn take_back(world: &World, browser: &mut Browser, tokens: &Value) -> Answer {
    let grant = world.access_claims(tokens).await["grant_id"].as_str().unwrap().to_owned();
    let step = browser.get("/auth/manage").await.step();
    browser.post("/auth/manage", &[("step", &step), ("revoke", &grant)]).await
}

/// SMART-MGMT-002, SMART-REVOKE-005, INT-014
#[tokio::test]
async fn taking_back_ends_every_grant_of_the_app_for_the_record() {
    // `memo` has both grants from one answer, `pub` asked twice.
    for client in ["memo", "pub"] {
        for pressed in 0..2 {
            let world = World::new();
            let both = two_devices(&world, client).await;
            let elsewhere = two_devices(&world, "nat").await;
            let mut browser = Browser::of(&world, "bob");
            let page = browser.get("/auth/manage").await;
            assert_eq!(page.values("button", "revoke").len(), 4);
            assert_eq!(page.body.matches("Removing access ends both.").count(), 4);
            let answer = take_back(&world, &mut browser, &both[pressed]).await;
            assert_eq!(answer.location(), "/auth/manage?revoked");
            for tokens in &both {
                assert!(!lives(&world, tokens).await, "{client} {pressed}");
                rf(client, text(tokens, "refresh_token")).send(&world).await.is_error(400, "invalid_grant");
            }
            let page = browser.get("/auth/manage").await;
            assert_eq!(page.values("button", "revoke").len(), 2, "what is listed is what lives");
            for tokens in &elsewhere {
                assert!(lives(&world, tokens).await, "another app's");
            }
            assert!(world.consents.of("bob").await.iter().all(|one| one.record.client.as_str() == "nat"));
            assert!(browser.begin(&az(client)).await.is_consent());
        }
    }
}

/// SMART-MGMT-002, INT-014
#[tokio::test]
async fn taking_back_one_record_leaves_the_others() {
    let world = World::new();
    let of = |request: Az, patient: &'static str| {
        let world = &world;
        async move {
            let mut browser = Browser::of(world, "alice");
            browser.begin(&request).await;
            browser.pick(patient).await;
            let code = browser.allow().await.code();
            world.redeem("pub", &code).await.json()
        }
    };
    let mine = of(az("pub"), P1).await;
    let bens = of(az("pub"), P2).await;
    let archive = of(az("pub").set("aud", FHIR2), P1).await;
    let mut browser = Browser::of(&world, "alice");
    assert!(!browser.get("/auth/manage").await.body.contains("more time"));
    take_back(&world, &mut browser, &mine).await;
    assert!(!lives(&world, &mine).await);
    assert!(lives(&world, &bens).await && lives(&world, &archive).await);
    assert_eq!(world.consents.of("alice").await.len(), 2);
    for tokens in [&bens, &archive] {
        assert_eq!(rf("pub", text(tokens, "refresh_token")).send(&world).await.status, 200);
    }
}

/// A-FAULT-07, A-FAULT-17, INT-014: grants end first, consents last, and the same button completes what a fault cut short.
#[tokio::test]
async fn a_fault_between_two_grants_leaves_none_without_its_consent() {
    // Without a fault first: how many calls there are.
    let mut calls = 0;
    for round in 0_usize.. {
        let world = World::new();
        let both = two_devices(&world, "memo").await;
        let grant = world.access_claims(&both[1]).await["grant_id"].as_str().unwrap().to_owned();
        let mut browser = Browser::of(&world, "bob");
        let step = browser.get("/auth/manage").await.step();
        let fields = [("step", step.as_str()), ("revoke", grant.as_str())];
        world.script.restart();
        if let Some(call) = round.checked_sub(1) {
            world.script.fail(call, Failing::Error);
        }
        let answer = browser.post("/auth/manage", &fields).await;
        let (grants, answers) = (world.grants_of("bob").await, world.consents.of("bob").await.len());
        assert!(answers == 1 || grants == 0, "round {round}: {grants} grants, {answers} answers");
        if answer.status == 303 {
            assert_eq!((grants, answers), (0, 0), "round {round}: said to be ended");
        } else {
            answer.is_page(503);
        }
        if round == 0 {
            calls = world.script.calls().len();
        }
        world.script.restart();
        assert_eq!(browser.post("/auth/manage", &fields).await.status, 303);
        assert_eq!((world.grants_of("bob").await, world.consents.of("bob").await.len()), (0, 0), "{round}");
        if round == calls {
            break;
        }
    }
    assert!(calls >= 8, "{calls}");
}

/// INT-014, A-RT-17: a grant that another tab gets from the remembered answer, between the end of the grants and the end of the
/// answer, does not outlive it.
#[tokio::test]
async fn what_another_tab_gets_meanwhile_ends_too() {
    let world = World::new();
    let both = two_devices(&world, "memo").await;
    let mut browser = Browser::of(&world, "bob");
    let held = world.script.hold("consents.withdraw");
    let meanwhile = async {
        world.script.until_held().await;
        let mut other = Browser::of(&world, "bob");
        let code = other.begin(&az("memo")).await.code();
        let tokens = world.redeem("memo", &code).await.json();
        assert!(lives(&world, &tokens).await);
        drop(held);
        tokens
    };
    let (answer, late) = tokio::join!(take_back(&world, &mut browser, &both[0]), meanwhile);
    assert_eq!(answer.status, 303);
    assert!(!lives(&world, &late).await);
    assert_eq!(world.grants_of("bob").await, 0);
}

/// SMART-MGMT-002, INT-014: nothing stands on an answer that was forgotten.
#[tokio::test]
async fn forgetting_an_answer_ends_what_stands_on_it() {
    let world = World::new();
    let both = two_devices(&world, "memo").await;
    let consent = world.consents.of("bob").await.remove(0).id;
    world.server.forget_answer(&vestibule_host::UserId::new("bob"), &consent).await.unwrap();
    for tokens in &both {
        assert!(!lives(&world, tokens).await);
    }
    assert!(world.consents.of("bob").await.is_empty());
}

/// REVOKE-004, SMART-REVOKE-004, SMART-REVOKE-007, INT-014: what an app gives back, and what ends with a session, is one grant; the
/// answer stays, and what else stands on it.
#[tokio::test]
async fn an_app_that_gives_one_grant_back_leaves_the_other() {
    for client in ["memo", "pub"] {
        for which in ["refresh_token", "access_token"] {
            let world = World::new();
            let both = two_devices(&world, client).await;
            let answers = world.consents.of("bob").await.len();
            assert_eq!(revocation(client, text(&both[0], which)).send(&world).await.status, 200);
            assert!(!lives(&world, &both[0]).await && lives(&world, &both[1]).await, "{client} {which}");
            assert_eq!(world.consents.of("bob").await.len(), answers);
            assert_eq!(rf(client, text(&both[1], "refresh_token")).send(&world).await.status, 200);
        }
        let world = World::new();
        let both = two_devices(&world, client).await;
        let mut browser = Browser::of(&world, "bob");
        browser.begin(&az(client).scope("launch/patient patient/Condition.rs")).await;
        if browser.page.is_consent() {
            browser.allow().await;
        }
        let online = world.redeem(client, &browser.page.code()).await.json();
        let answers = world.consents.of("bob").await.len();
        world.server.session_ended(&SessionId::new("session-of-bob")).await.unwrap();
        assert!(!lives(&world, &online).await);
        assert_eq!(world.consents.of("bob").await.len(), answers);
        for tokens in &both {
            assert_eq!(rf(client, text(tokens, "refresh_token")).send(&world).await.status, 200);
        }
    }
}
