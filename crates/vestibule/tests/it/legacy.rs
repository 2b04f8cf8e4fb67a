//! Apps of SMART 1.0: no PKCE, but a secret (SMART-PKCE-008, design §9).

use crate::app::{Az, V1, address_of, az, tk};
use crate::browser::Browser;
use crate::world::World;

fn bare(client: &str) -> Az {
    az(client)
        .scope("launch/patient patient/Observation.rs")
        .without("code_challenge")
        .without("code_challenge_method")
}

fn world() -> World {
    let world = World::new();
    for id in ["basic", "pub"] {
        world.clients.change(id, |client| client.legacy_v1 = true);
    }
    world
}

/// SMART-PKCE-008, VER-003
#[tokio::test]
async fn an_old_app_with_a_secret_does_without() {
    let world = world();
    let code = world.code_for(&bare("basic")).await;
    let answer = tk("basic", &code).without("code_verifier").send(&world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // The code is spent, whoever asks; replaying it ends the grant (CODE-005).
    tk("basic", &code).without("code_verifier").send(&world).await.is_error(400, "invalid_grant");
    assert_eq!(world.grants_of("alice").await, 0);
}

/// SMART-PKCE-008, A-PKCE-01, A-PKCE-13
#[tokio::test]
async fn nobody_else_does() {
    let world = world();
    let mut browser = Browser::of(&world, "alice");
    for client in ["pub", "other", "post"] {
        browser.authorize(&bare(client)).await.is_refusal(address_of(client), "invalid_request");
    }
    let code = world.code_for(&bare("basic")).await;
    // Without the secret, with a wrong one, as another app: nothing, and no effect on the code.
    tk("basic", &code)
        .without("code_verifier")
        .basic(None)
        .add("client_id", "basic")
        .send(&world)
        .await
        .is_error(401, "invalid_client");
    tk("basic", &code)
        .without("code_verifier")
        .basic(Some(("basic", "x")))
        .send(&world)
        .await
        .is_error(401, "invalid_client");
    tk("other", &code).without("code_verifier").send(&world).await.is_error(400, "invalid_grant");
    let answer = tk("basic", &code).without("code_verifier").send(&world).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// SMART-PKCE-007, PKCE-007, A-PKCE-03
#[tokio::test]
async fn a_verifier_without_a_challenge_is_a_sign_of_tampering() {
    let world = world();
    let code = world.code_for(&bare("basic")).await;
    tk("basic", &code).send(&world).await.is_error(400, "invalid_request");
    tk("basic", &code).set("code_verifier", "short").send(&world).await.is_error(400, "invalid_request");
    tk("basic", &code)
        .set("code_verifier", V1)
        .set("redirect_uri", "https://basic.example/other")
        .send(&world)
        .await
        .is_error(400, "invalid_grant");
    // The flag was taken away, and a code with a challenge wants its verifier of this app too.
    world.clients.change("basic", |client| client.legacy_v1 = false);
    tk("basic", &code).without("code_verifier").send(&world).await.is_error(400, "invalid_grant");
    world.clients.change("basic", |client| client.legacy_v1 = true);
    let with = world.code_for(&az("basic")).await;
    tk("basic", &with).without("code_verifier").send(&world).await.is_error(400, "invalid_grant");
    assert_eq!(tk("basic", &with).send(&world).await.status, 200);
}
