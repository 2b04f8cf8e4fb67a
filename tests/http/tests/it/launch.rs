//! A-LAUNCH: what the EHR said when it opened the app, once, to that app.

use vestibule_http_tests::app::{CB, at_consent, az, az_ehr, patient_of};
use vestibule_http_tests::browser::Browser;
use vestibule_http_tests::world::{P1, P2, P3, World, open_record};

use crate::notation::{asked, each_adapter, red};

/// A clinician's launch of `pub` with P1, and the code that it leads to.
async fn used(world: &World, handle: &str) -> String {
    let mut browser = Browser::of(world, "dr");
    browser.begin(&az_ehr("pub", handle)).await;
    browser.allow().await.code()
}

async fn patient_in(world: &World, code: &str) -> String {
    world.redeem("pub", code).await.json()["patient"].as_str().unwrap().to_owned()
}

/// A-LAUNCH-01
#[test]
fn a_launch_01_replay() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let code = used(&world, &handle).await;
        for answer in asked(&world, &az_ehr("pub", &handle)).await {
            red(&answer, "invalid_request");
        }
        assert_eq!(patient_in(&world, &code).await, P1);
    });
}

/// A-LAUNCH-02
#[test]
fn a_launch_02_two_browsers_at_once() {
    each_adapter(async |world| {
        for _ in 0..5 {
            let handle = world.launch_for("alice", "pub", open_record(P1)).await;
            let (mut one, mut two) = (Browser::of(&world, "alice"), Browser::of(&world, "alice"));
            one.begin(&az_ehr("pub", &handle)).await;
            two.begin(&az_ehr("pub", &handle)).await;
            let before = world.spy.codes();
            let (one, two) = tokio::join!(Box::pin(one.allow()), Box::pin(two.allow()));
            assert_eq!(world.spy.codes(), before + 1);
            let (winner, loser) = if one.location().contains("code=") { (one, two) } else { (two, one) };
            red(loser, "invalid_request");
            assert_eq!(patient_of(&world, winner).await, P1);
        }
    });
}

/// A-LAUNCH-03
#[test]
fn a_launch_03_guesses() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let secret = handle.strip_prefix("vl_").unwrap();
        assert_eq!(secret.len(), 43, "256 bits");
        let flip = |at: usize| {
            let mut bytes = handle.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).unwrap()
        };
        let mut guesses: Vec<String> = (3..handle.len()).map(flip).filter(|guess| *guess != handle).collect();
        guesses.extend((0..500).map(|number| format!("vl_{number:A>43}")));
        guesses.extend((0..500).map(|number| format!("vl_{number:0>43}")));
        guesses.extend([
            handle.to_uppercase(),
            secret.to_owned(),
            format!("{handle}A"),
            format!("{handle}="),
        ]);
        guesses.push(handle[..handle.len() - 1].to_owned());
        let mut browser = Browser::new(&world);
        let mut locations = std::collections::BTreeSet::new();
        for guess in &guesses {
            let answer = browser.authorize(&az_ehr("pub", guess)).await;
            red(&answer, "invalid_request");
            locations.insert(answer.location().to_owned());
        }
        assert_eq!(locations.len(), 1, "one and the same answer");
        let code = used(&world, &handle).await;
        assert_eq!(patient_in(&world, &code).await, P1);
    });
}

/// A-LAUNCH-07: judged when it arrives; what began in time may end in time (design §9).
#[test]
fn a_launch_07_expired() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        world.advance(299);
        let mut browser = Browser::of(&world, "dr");
        browser.begin(&az_ehr("pub", &handle)).await;
        world.advance(1);
        for answer in asked(&world, &az_ehr("pub", &handle)).await {
            red(&answer, "invalid_request");
        }
        world.advance(598);
        let code = browser.allow().await.code();
        assert_eq!(patient_in(&world, &code).await, P1);
    });
}

/// A-LAUNCH-08: the context is used (design §9).
#[test]
fn a_launch_08_launch_without_the_scope() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let mut browser = Browser::of(&world, "dr");
        let page = browser.begin(&az_ehr("pub", &handle).scope("patient/Observation.rs")).await;
        assert!(page.is_consent(), "its patient, so no picker");
        let tokens = world.redeem("pub", &browser.allow().await.code()).await.json();
        assert_eq!(
            (tokens["patient"].as_str(), tokens["scope"].as_str()),
            (Some(P1), Some("patient/Observation.rs"))
        );
        for answer in asked(&world, &az_ehr("pub", &handle)).await {
            red(&answer, "invalid_request");
        }
    });
}

/// A-LAUNCH-09
#[test]
fn a_launch_09_the_scope_without_a_launch() {
    each_adapter(async |world| {
        for scope in ["launch patient/Observation.rs", "launch", "openid launch user/Observation.rs"] {
            for request in [az("pub").scope(scope), az("pub").scope(scope).add("launch", "")] {
                for answer in asked(&world, &request).await {
                    red(&answer, "invalid_request");
                }
            }
        }
    });
}

/// A-LAUNCH-11
#[test]
fn a_launch_11_access_lost() {
    each_adapter(async |world| {
        let handle = world.launch_for("alice", "pub", open_record(P1)).await;
        let mut browser = Browser::new(&world);
        browser.begin(&az_ehr("pub", &handle)).await;
        world.patients.deny(P1);
        browser.session = Some("alice/s1".into());
        browser.reload().await.is_refusal(CB, "access_denied");
        assert_eq!(world.spy.codes(), 0);
    });
}

/// A-LAUNCH-12
#[test]
fn a_launch_12_no_endpoint_makes_launches() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "dr");
        let fields = [("client_id", "pub"), ("patient", P1), ("launch", "x")];
        for path in
            ["/auth/launch", "/auth/launches", "/auth/create_launch", "/launch", "/r4/_services/smart/Launch"]
        {
            browser.post(path, &fields).await.is_page(404);
            browser.get(path).await.is_page(404);
        }
        browser.post("/auth/manage", &fields).await;
        assert_eq!(world.count_rows_and_purge().await, 0);
    });
}

/// A-LAUNCH-13
#[test]
fn a_launch_13_both_scopes() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let mut browser = Browser::of(&world, "dr");
        let scope = "launch launch/patient patient/Observation.rs";
        let page = browser.begin(&az_ehr("pub", &handle).scope(scope)).await;
        assert!(page.is_consent() && !page.is_picker());
        let consent = browser.tab();
        browser.submit(&[("patient", P2), ("move", "choose")]).await.is_page(400);
        browser.switch_to(&consent);
        let fields = [
            ("patient", P2),
            ("scope", "launch"),
            ("scope", "patient/Observation.rs"),
            ("decision", "allow"),
        ];
        let code = browser.submit(&fields).await.code();
        assert_eq!(patient_in(&world, &code).await, P1);
    });
}

/// A-LAUNCH-14
#[test]
fn a_launch_14_a_secret_of_another_kind() {
    each_adapter(async |world| {
        let mut browser = at_consent(&world).await;
        let id = browser.path.strip_prefix("/auth/i/").unwrap().to_owned();
        let step = browser.page.step();
        let other = world.code_for(&az("pub")).await;
        for value in [other.clone(), other.replace("vc_", "vl_"), id.clone(), format!("vl_{id}"), step] {
            for answer in asked(&world, &az_ehr("pub", &value)).await {
                red(&answer, "invalid_request");
            }
        }
        // Each is as good as before, for what it is.
        assert_eq!(world.redeem("pub", &other).await.status, 200);
        let answer = browser.allow().await.clone();
        assert_eq!(patient_of(&world, &answer).await, P1);
        // And the other way round.
        let handle = world.launch_for("dr", "pub", open_record(P3)).await;
        for value in [handle.clone(), handle.replace("vl_", "vc_")] {
            world.redeem("pub", &value).await.is_error(400, "invalid_grant");
        }
        let code = used(&world, &handle).await;
        assert_eq!(patient_in(&world, &code).await, P3);
    });
}

/// A-LAUNCH-15
#[test]
fn a_launch_15_repeated_or_oversize() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        for again in [handle.as_str(), "x", ""] {
            for answer in asked(&world, &az_ehr("pub", &handle).add("launch", again)).await {
                red(&answer, "invalid_request");
            }
        }
        for answer in asked(&world, &az_ehr("pub", &"x".repeat(30_000))).await {
            red(&answer, "invalid_request");
        }
        let mut browser = Browser::new(&world);
        let huge = format!("{}&launch={}", az("pub").query(), "x".repeat(64 * 1024));
        let request = browser.request(http::Method::POST, "/auth/authorize", &huge);
        let answer = browser.send(request).await;
        assert!(answer.status == 413 && answer.headers.get("location").is_none());
        used(&world, &handle).await;
    });
}

/// A-LAUNCH-17
#[test]
fn a_launch_17_abandoned_before_sign_in() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let mut first = Browser::new(&world);
        first.begin(&az_ehr("pub", &handle)).await;
        let code = used(&world, &handle).await;
        first.session = Some("dr/s".into());
        red(first.reload().await, "invalid_request");
        assert_eq!(world.spy.codes(), 1);
        assert_eq!(patient_in(&world, &code).await, P1);
    });
}
