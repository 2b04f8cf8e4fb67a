//! Every request explains itself, to whoever runs the server (principle 7).

use vestibule::{Explanation, Outcome};
use vestibule_core::authorize::{Fate, Reason, Stage};
use vestibule_core::explain::Endpoint;
use vestibule_host::{RatePoint, Standing};

use crate::app::{CB, V_WRONG, az, tk};
use crate::browser::Browser;
use crate::world::{P1, P2, P3, World};

#[track_caller]
fn failed(explanation: &Explanation) -> &'static str {
    let failed: Vec<_> = explanation.checks.iter().filter(|check| !check.passed).collect();
    assert_eq!(failed.len(), 1, "{explanation:?}");
    failed[0].requirement
}

/// LOG-001, LOG-003
#[tokio::test]
async fn a_flow_is_told_step_by_step_and_names_nobody() {
    let world = World::new();
    let request = az("pub").scope("openid launch/patient patient/Observation.rs patient/Foo.rs launch/list");
    let mut browser = Browser::of(&world, "alice");
    browser.begin(&request).await;
    browser.pick(P1).await;
    browser.allow_only(&["openid", "launch/patient"]).await.code();
    let answer = browser.page.clone();
    let tokens = world.redeem("pub", &answer.code()).await;
    let all = world.observed.all();
    let told: Vec<_> = all.iter().map(|one| (one.endpoint, one.outcome)).collect();
    assert_eq!(
        told,
        [
            (Endpoint::Authorize, Outcome::GoesOn("interaction")),
            (Endpoint::Interaction, Outcome::GoesOn("picker")),
            (Endpoint::Interaction, Outcome::GoesOn("consent")),
            (Endpoint::Interaction, Outcome::Granted),
            (Endpoint::Token, Outcome::Granted),
        ]
    );
    // One flow, told apart from others by a name that opens nothing.
    let flow = all[0].flow.clone().unwrap();
    assert!(all[..4].iter().all(|one| one.flow.as_ref() == Some(&flow)) && !browser.path.contains(&flow));
    assert!(all.iter().all(|one| one.client.as_ref().unwrap().as_str() == "pub"));
    let mut names: Vec<_> = all.iter().map(|one| one.correlation.clone()).collect();
    assert_eq!(
        (answer.header("x-correlation-id"), tokens.header("x-correlation-id")),
        (&*names[3], &*names[4])
    );
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5);
    // Each scope with its fate.
    let fates: Vec<_> = all[3].scopes.iter().map(|line| (line.requested.as_str(), line.fate)).collect();
    assert_eq!(fates[0], ("openid", Fate::Granted));
    assert_eq!(fates[2], ("patient/Observation.rs", Fate::Dropped(Stage::Consent, Reason::Refused)));
    assert!(matches!(fates[3].1, Fate::Dropped(Stage::Grammar, Reason::NotAScope(_))));
    assert_eq!(fates[4].1, Fate::Dropped(Stage::Base, Reason::OnlyInEhrLaunch));
    assert_eq!(all[3].scopes[0].left, ["openid"]);
    assert!(all[4].checks.iter().all(|check| check.passed) && all[4].checks.len() >= 8, "{:?}", all[4]);
    // No user, no patient, no secret.
    let said = format!("{all:?}");
    let code = answer.code();
    for hidden in [P1, P2, "alice", "Displayname", "st1", code.as_str(), "session-of", V_WRONG] {
        assert!(!said.contains(hidden), "{hidden}");
    }
}

/// GEN-012, LOG-001
#[tokio::test]
async fn a_refusal_says_which_check_and_more_than_the_client_learns() {
    let world = World::new();
    let mut browser = Browser::of(&world, "alice");
    for (request, requirement) in [
        (az("pub").without("code_challenge"), "SMART-AUTHZ-009"),
        (az("pub").set("aud", "https://evil.test"), "SMART-AUTHZ-007"),
        (az("pub").scope("launch patient/Observation.rs"), "SMART-LAUNCH-022"),
        (az("pub").add("prompt", "bogus"), "OIDC-001"),
    ] {
        let answer = browser.authorize(&request).await;
        let told = world.observed.last();
        assert_eq!(failed(&told), requirement);
        // The operator has its name; the app gets what every app gets (A-TIME-07).
        assert!(!told.correlation.is_empty());
        assert_eq!(answer.header("x-correlation-id"), "");
        let Outcome::Refused { error, description } = told.outcome else { panic!("{told:?}") };
        let params = answer.params();
        assert_eq!((params["error"].as_str(), params["error_description"].as_str()), (error, description));
    }
    // A page, with the id that the user can read out.
    let page = browser.authorize(&az("pub").set("redirect_uri", "https://evil.test/")).await;
    let told = world.observed.last();
    assert_eq!((failed(&told), told.outcome), ("SMART-AUTHZ-030", Outcome::Shown("unknown redirect URI")));
    assert!(page.body.contains(&told.correlation));
    // The token endpoint says invalid_grant to all of them; the operator sees the difference.
    for (requirement, change) in [
        ("PKCE-006", ("code_verifier", V_WRONG)),
        ("SMART-TOKEN-022", ("redirect_uri", "https://app.example/cb-two")),
        ("TOKEN-009", ("code", "vc_unknown")),
    ] {
        let code = world.code_for(&az("pub")).await;
        tk("pub", &code).set(change.0, change.1).send(&world).await.is_error(400, "invalid_grant");
        assert_eq!(failed(&world.observed.last()), requirement);
    }
    let code = world.code_for(&az("pub")).await;
    world.patients.deny(P1);
    world.redeem("pub", &code).await.is_error(400, "invalid_grant");
    assert_eq!(failed(&world.observed.last()), "INT-010");
    assert_eq!(world.observed.last().reason.as_deref(), Some("PatientDenied"));
}

/// OIDC-014
#[tokio::test]
async fn what_the_sign_in_lacked_is_told() {
    let world = World::new();
    world.users.set_standing("bob", Standing::NotAllowed);
    let mut browser = Browser::of(&world, "bob");
    browser.begin(&az("pub")).await.is_refusal(CB, "access_denied");
    let told = world.observed.last();
    assert_eq!((failed(&told), told.reason.as_deref()), ("OIDC-014", Some("NotAllowed")));
    assert!(!format!("{told:?}").contains(P3));
    // A silent request is one request: one explanation.
    let before = world.observed.all().len();
    browser.authorize(&az("pub").add("prompt", "none")).await.is_refusal(CB, "access_denied");
    assert_eq!(world.observed.all().len(), before + 1);
    assert_eq!(world.observed.last().endpoint, Endpoint::Authorize);
}

/// GEN-013, A-DOS-09
#[tokio::test]
async fn too_much_at_once_is_a_page_that_says_when() {
    let world = World::new();
    world.gate.close(Some(RatePoint::Authorize));
    let mut browser = Browser::of(&world, "alice");
    world.script.restart();
    let page = browser.authorize(&az("pub")).await;
    page.is_page(429);
    assert_eq!(page.header("retry-after"), "7");
    assert!(world.script.calls().is_empty(), "nothing was looked up: {:?}", world.script.calls());
    assert_eq!(failed(&world.observed.last()), "GEN-013");
    assert_eq!(world.count_rows_and_purge().await, 0);
    world.gate.close(None);
    assert!(browser.begin(&az("pub")).await.is_picker());
}
