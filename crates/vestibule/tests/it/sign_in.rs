//! What an app may ask of the sign-in: `prompt`, `max_age`, hints, and the host's own word.

use http::Method;
use vestibule_host::{SignInReason, Standing, UnixMillis};

use crate::app::{Az, CB, address_of, az, az_ehr};
use crate::browser::Browser;
use crate::world::{P1, P2, World, open_record};

fn ago(world: &World, seconds: i64) -> UnixMillis {
    use vestibule_host::Clock as _;
    UnixMillis(world.clock.now().0 - seconds * 1_000)
}

fn open_id(client: &str) -> Az {
    az(client).scope("openid launch/patient patient/Observation.rs")
}

/// OIDC-002, A-OIDC-07, A-DOS-13, SMART-AUTHZ-013
#[tokio::test]
async fn an_old_sign_in_is_renewed_once() {
    for (name, value) in [("prompt", "login"), ("max_age", "0"), ("max_age", "60")] {
        let world = World::new();
        world.users.signed_in_at("bob", ago(&world, 61));
        let mut browser = Browser::of(&world, "bob");
        let page = browser.begin(&open_id("pub").add(name, value)).await;
        assert!(page.location().starts_with("/login?"), "{name}={value}: {}", page.brief());
        // A reload of the interaction's page is no return.
        assert!(browser.reload().await.location().starts_with("/login?"));
        assert!(world.users.asked().iter().all(|asked| asked.reason == SignInReason::Again));
        world.advance(20);
        world.users.signed_in_at("bob", ago(&world, 3));
        assert!(browser.come_back().await.is_consent(), "{name}={value}");
        let code = browser.allow().await.code();
        let tokens = world.redeem("pub", &code).await.json();
        let signed_in = ago(&world, 3).seconds();
        assert_eq!(world.id_claims(&tokens).await["auth_time"], signed_in);
        assert_eq!(world.users.asked().len(), 2);
    }
}

/// OIDC-002
#[tokio::test]
async fn a_sign_in_that_will_do_is_left_alone() {
    for (name, value) in [("max_age", "60"), ("max_age", "4294967295"), ("prompt", "consent")] {
        let world = World::new();
        world.users.signed_in_at("bob", ago(&world, 60));
        let mut browser = Browser::of(&world, "bob");
        assert!(browser.begin(&open_id("pub").add(name, value)).await.is_consent(), "{name}={value}");
        assert!(world.users.asked().is_empty());
    }
    // Whoever signs in for the request signed in since.
    let world = World::new();
    let mut browser = Browser::new(&world);
    browser.begin(&open_id("pub").add("prompt", "login")).await;
    assert_eq!(world.users.asked()[0].reason, SignInReason::NobodyIsSignedIn);
    world.advance(30);
    browser.session = Some("bob/s1".into());
    assert!(browser.reload().await.is_consent());
}

/// A-OIDC-08, A-DOS-13
#[tokio::test]
async fn a_host_that_renews_nothing_ends_the_request() {
    for (name, value) in [("prompt", "login"), ("max_age", "0")] {
        let world = World::new();
        world.users.signed_in_at("alice", ago(&world, 61));
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&open_id("pub").add(name, value)).await;
        browser.come_back().await.is_refusal(CB, "login_required");
        assert_eq!(browser.page.params()["state"], "st1");
        assert_eq!((world.spy.codes(), world.users.asked().len()), (0, 1));
    }
}

/// OIDC-001, A-OIDC-05
#[tokio::test]
async fn a_silent_request_is_answered_without_a_page() {
    let world = World::new();
    let none = |client: &str| open_id(client).add("prompt", "none");
    // Nobody; too long ago; another than the hint's.
    let mut nobody = Browser::new(&world);
    nobody.authorize(&none("memo")).await.is_refusal(address_of("memo"), "login_required");
    world.users.signed_in_at("bob", ago(&world, 61));
    let mut bob = Browser::of(&world, "bob");
    bob.authorize(&none("memo").add("max_age", "60")).await.is_refusal(address_of("memo"), "login_required");
    // Nothing remembered; a choice to make.
    bob.authorize(&none("memo")).await.is_refusal(address_of("memo"), "consent_required");
    let mut alice = Browser::of(&world, "alice");
    alice.authorize(&none("memo")).await.is_refusal(address_of("memo"), "interaction_required");
    let visit =
        az("pub").scope("launch/patient launch/encounter patient/Observation.rs").add("prompt", "none");
    bob.authorize(&visit).await.is_refusal(CB, "interaction_required");
    // Remembered: a code, in one answer, without a cookie.
    bob.begin(&open_id("memo")).await;
    bob.allow().await.code();
    let answer = bob.authorize(&none("memo")).await;
    assert!(answer.cookies().is_empty(), "{:?}", answer.cookies());
    let tokens = world.redeem("memo", &answer.code()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert!(world.users.asked().is_empty(), "nobody was sent to sign in");
}

/// A request as a form, from where a browser says that it comes.
fn posted(browser: &Browser, request: &Az, site: Option<&str>) -> http::Request<bytes::Bytes> {
    let mut post = browser.request(Method::POST, "/auth/authorize", &request.query());
    post.headers_mut().remove("sec-fetch-site");
    if let Some(site) = site {
        post.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
    }
    post
}

/// OIDC-001, SMART-AUTHZ-019
#[tokio::test]
async fn a_silent_form_of_another_site_goes_round_once() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&open_id("memo")).await;
    browser.allow().await.code();
    let session = browser.session.take();
    // The host's cookie does not come with a cross-site form, but with the navigation that follows.
    let request = open_id("memo").add("prompt", "none");
    for site in [Some("cross-site"), None] {
        let sent = posted(&browser, &request, site);
        let answer = browser.send(sent).await;
        assert!(answer.location().starts_with("/auth/authorize?"), "{}", answer.brief());
        assert!(answer.cookies().is_empty(), "nothing is held that could get lost");
        let session_of = browser.session.clone();
        browser.session.clone_from(&session);
        browser.get(answer.location()).await.code();
        browser.session = session_of;
        // Nobody, there too: the app is told, and no page is shown.
        browser.get(answer.location()).await.is_refusal(address_of("memo"), "login_required");
    }
    assert_eq!(world.spy.codes(), 3);
}

/// OIDC-001, A-OIDC-05, SMART-AUTHZ-066
#[tokio::test]
async fn a_silent_form_with_its_cookies_is_answered_at_once() {
    let world = World::new();
    let none = |client: &str| open_id(client).add("prompt", "none");
    // From here, and nobody: it would be the same the next time.
    let mut nobody = Browser::new(&world);
    for site in ["same-origin", "same-site", "none"] {
        let post = posted(&nobody, &none("memo"), Some(site));
        nobody.send(post).await.is_refusal(address_of("memo"), "login_required");
    }
    // What is too long for a query is not sent round.
    let long = none("memo").add("unknown", &"x".repeat(7_000));
    let post = posted(&nobody, &long, None);
    nobody.send(post).await.is_refusal(address_of("memo"), "login_required");
    // Somebody: consent is missing, a choice is missing, nothing is.
    for (user, client, error) in
        [("bob", "memo", "consent_required"), ("alice", "pub", "interaction_required")]
    {
        for site in [None, Some("cross-site"), Some("same-origin")] {
            let mut browser = Browser::of(&world, user);
            let request = if client == "pub" { az("pub").add("prompt", "none") } else { none(client) };
            let post = posted(&browser, &request, site);
            let answer = browser.send(post).await;
            answer.is_refusal(address_of(client), error);
            assert!(answer.cookies().is_empty());
        }
    }
    let mut bob = Browser::of(&world, "bob");
    bob.begin(&open_id("memo")).await;
    bob.allow().await.code();
    let post = posted(&bob, &none("memo"), None);
    bob.send(post).await.code();
    // Faults too are told to the app.
    world.script.away("users.current_user", true);
    let post = posted(&bob, &none("memo"), None);
    bob.send(post).await.is_refusal(address_of("memo"), "temporarily_unavailable");
}

/// OIDC-001, A-FAULT-11
#[tokio::test]
async fn a_silent_request_is_told_of_faults_too() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let none = open_id("memo").add("prompt", "none");
    for part in ["users.current_user", "users.standing", "patients", "consents", "clients"] {
        world.script.away(part, true);
        let answer = browser.authorize(&none).await;
        if part == "clients" {
            answer.is_page(503);
        } else {
            answer.is_refusal(address_of("memo"), "temporarily_unavailable");
        }
        world.script.away(part, false);
    }
}

/// A-OIDC-05, A-UI-10
#[tokio::test]
async fn a_framed_silent_request_has_no_page_in_between() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    let request = az("framed").add("prompt", "none");
    browser.authorize(&request).await.is_refusal(address_of("framed"), "consent_required");
    let post = posted(&browser, &request, Some("cross-site"));
    browser.send(post).await.is_refusal(address_of("framed"), "consent_required");
    // In a frame the cookies may never come: still no page, and nothing that leads to one.
    browser.session = None;
    let post = posted(&browser, &request, Some("cross-site"));
    let answer = browser.send(post).await;
    let again = answer.location().to_owned();
    assert!(again.starts_with("/auth/authorize?"), "no bounce: {}", answer.brief());
    browser.get(&again).await.is_refusal(address_of("framed"), "login_required");
}

/// OIDC-003, INT-014
#[tokio::test]
async fn consent_is_asked_for_again_when_the_app_wants_it() {
    let world = World::new();
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&open_id("memo")).await;
    browser.allow().await.code();
    browser.begin(&open_id("memo")).await.code();
    assert!(browser.begin(&open_id("memo").add("prompt", "consent")).await.is_consent());
    // Also of an app that was approved beforehand.
    let handle = world.launch_for("dr", "pre", open_record(P1)).await;
    let mut doctor = Browser::of(&world, "dr");
    doctor.begin(&az_ehr("pre", &handle)).await.code();
    let handle = world.launch_for("dr", "pre", open_record(P1)).await;
    assert!(doctor.begin(&az_ehr("pre", &handle).add("prompt", "consent")).await.is_consent());
}

/// A-OIDC-05
#[tokio::test]
async fn another_account_is_chosen_at_the_host() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    let request = az("pub").add("prompt", "select_account").add("login_hint", "bob@example.org");
    browser.begin(&request).await;
    browser.session = Some("bob/s2".into());
    assert!(browser.come_back().await.is_consent());
    let asked = &world.users.asked()[0];
    assert_eq!(asked.reason, SignInReason::SelectAccount);
    assert_eq!(asked.login_hint.as_deref(), Some("bob@example.org"));
    // The same account may be chosen.
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&request).await;
    assert!(browser.come_back().await.is_picker());
}

/// OIDC-012, A-OIDC-05
#[tokio::test]
async fn a_hint_names_whom_the_app_expects() {
    let world = World::new();
    let tokens = world.tokens_for("pub", &open_id("pub")).await;
    let (hint, access) = (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    world.advance(86_400); // its time is over long since
    let request = open_id("pub").add("id_token_hint", hint);
    let mut alice = Browser::of(&world, "alice");
    assert!(alice.begin(&request).await.is_picker());
    let mut bob = Browser::of(&world, "bob");
    bob.authorize(&request.clone().add("prompt", "none")).await.is_refusal(CB, "login_required");
    bob.begin(&request.clone().add("acr_values", "gold silver").add("ui_locales", "de en")).await;
    let asked = world.users.asked().pop().unwrap();
    assert_eq!(asked.expected_subject.as_deref(), Some("sub-alice"));
    assert_eq!(
        (asked.acr_values, asked.ui_locales.as_deref()),
        (vec!["gold".into(), "silver".into()], Some("de en"))
    );
    bob.come_back().await.is_refusal(CB, "login_required");
    // What is no ID token of this app and server is refused.
    let forged = format!("{}x", &hint[..hint.len() - 1]);
    for bad in [access, &forged, "x", "a.b.c"] {
        let answer = bob.authorize(&open_id("pub").add("id_token_hint", bad)).await;
        answer.is_refusal(CB, "invalid_request");
    }
    let other = az("memo").add("id_token_hint", hint);
    bob.authorize(&other).await.is_refusal(address_of("memo"), "invalid_request");
}

/// OIDC-014, A-CTX-45
#[tokio::test]
async fn the_host_keeps_a_user_from_an_app() {
    let world = World::new();
    world.users.set_standing("alice", Standing::NotAllowed);
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await.is_refusal(CB, "access_denied");
    assert_eq!(world.count_rows_and_purge().await, 0, "nothing was stored");
    let silent = browser.authorize(&az("pub").add("prompt", "none")).await;
    silent.is_refusal(CB, "access_denied");
}

/// OIDC-014
#[tokio::test]
async fn the_host_asks_for_a_stronger_sign_in() {
    let world = World::new();
    world.users.set_standing("alice", Standing::SignInAgain);
    let mut browser = Browser::of(&world, "alice");
    let request = az("pub").add("acr_values", "gold");
    browser.begin(&request).await;
    let asked = world.users.asked().pop().unwrap();
    assert_eq!((asked.reason, asked.acr_values), (SignInReason::StepUp, vec!["gold".to_owned()]));
    browser.come_back().await.is_refusal(CB, "unmet_authentication_requirements");
    browser.begin(&request).await;
    world.users.set_standing("alice", Standing::Active);
    assert!(browser.come_back().await.is_picker());
    // Needed again at the end, it is the same no.
    browser.pick(P2).await;
    world.users.set_standing("alice", Standing::SignInAgain);
    browser.allow().await.is_refusal(CB, "unmet_authentication_requirements");
    let silent = browser.authorize(&request.add("prompt", "none")).await;
    silent.is_refusal(CB, "login_required");
}

/// SMART-AUTHZ-066
#[tokio::test]
async fn a_silent_probe_leaves_other_tabs_alone() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&az("pub")).await;
    let tab = browser.tab();
    let probe = browser.authorize(&open_id("memo").add("prompt", "none")).await;
    probe.is_refusal(address_of("memo"), "interaction_required");
    browser.switch_to(&tab);
    browser.pick(P1).await;
    let code = browser.allow().await.code();
    assert_eq!(world.redeem("pub", &code).await.json()["patient"], P1);
}

/// AUTHZ-012, A-AERR-19, SMART-AUTHZ-061
#[tokio::test]
async fn an_app_without_the_code_flow_gets_no_page() {
    let world = World::new();
    world.clients.change("basic", |client| client.grant_types.authorization_code = false);
    let mut browser = Browser::of(&world, "alice");
    browser.authorize(&az("basic")).await.is_refusal(address_of("basic"), "unauthorized_client");
}
