//! A-TIME: two answers that may not be told apart, by their bytes or by how long they take.

use vestibule_http_tests::app::{Az, CB, V_WRONG, az, az_ehr, introspection, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::world::{FHIR2, P1, P3, World, open_record};

use crate::notation::{each_adapter, j400, j401, same_time};

/// Byte for byte, headers included.
#[track_caller]
fn alike(answers: &[Answer]) {
    for answer in answers {
        assert_eq!((answer.status, &answer.headers), (answers[0].status, &answers[0].headers), "{answer:?}");
        assert_eq!(answer.body, answers[0].body);
    }
}

/// A-TIME-01
#[test]
fn a_time_01_client_existence() {
    each_adapter(async |world| {
        let wrong = "wrong-secret-wrong-secret-wrong-secret-1";
        world.clients.change("other", |client| client.status = vestibule_host::ClientStatus::Disabled);
        let of = async |id: &str| {
            tk("pub", "vc_x").without("client_id").basic(Some((id, wrong))).send(&world).await
        };
        let answers = [of("nope").await, of("basic").await, of("other").await, of("pub").await];
        j401(&answers[0]);
        alike(&answers);
        same_time(async || drop(of("nope").await), async || drop(of("basic").await)).await;
    });
}

/// A-TIME-03
#[test]
fn a_time_03_verifier() {
    each_adapter(async |world| {
        let code = world.code_for(&az("pub")).await;
        // Wrong in its first character, and in its last.
        let right = vestibule_http_tests::app::V1;
        let (first, last) = (format!("X{}", &right[1..]), format!("{}X", &right[..right.len() - 1]));
        let of = async |verifier: &str| tk("pub", &code).set("code_verifier", verifier).send(&world).await;
        let answers = [of(&first).await, of(&last).await, of(V_WRONG).await];
        j400(&answers[0], "invalid_grant");
        alike(&answers);
        same_time(async || drop(of(&first).await), async || drop(of(&last).await)).await;
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-TIME-04
#[test]
fn a_time_04_code_state() {
    each_adapter(async |world| {
        let used = world.code_for(&az("pub")).await;
        assert_eq!(world.redeem("pub", &used).await.status, 200);
        let foreign = world.code_for(&az("memo")).await;
        let expired = world.code_for(&az("pub")).await;
        world.advance(60);
        let fresh = world.code_for(&az("pub")).await;
        let answers = [
            tk("pub", &format!("vc_{}", "A".repeat(43))).send(&world).await,
            tk("pub", "vc_x").send(&world).await,
            tk("pub", &expired).send(&world).await,
            tk("pub", &used).send(&world).await,
            tk("pub", &foreign).send(&world).await,
            tk("pub", &fresh).set("code_verifier", V_WRONG).send(&world).await,
        ];
        j400(&answers[0], "invalid_grant");
        alike(&answers);
        let unknown = format!("vc_{}", "A".repeat(43));
        same_time(
            async || drop(tk("pub", &unknown).send(&world).await),
            async || drop(tk("pub", &foreign).send(&world).await),
        )
        .await;
    });
}

fn without_nonce(page: &Answer) -> String {
    let (before, after) = page.body.split_once("nonce=\"").unwrap();
    format!("{before}{}", after.split_once('"').unwrap().1)
}

/// A-TIME-06
#[test]
fn a_time_06_patient_existence() {
    each_adapter(async |world| {
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az("pub")).await;
        let picker = browser.tab();
        let mut pages = Vec::new();
        for patient in [P3, "patient-404", "patient-one-bob"] {
            browser.switch_to(&picker);
            let page = browser.pick(patient).await;
            assert!(page.status == 200 && page.is_picker());
            pages.push(without_nonce(page));
        }
        assert!(pages.windows(2).all(|pair| pair[0] == pair[1]));
    });
}

/// A-TIME-07
#[test]
fn a_time_07_launch_state() {
    each_adapter(async |world| {
        let handle = world.launch_for("dr", "pub", open_record(P1)).await;
        let of_another = world.launch_for("dr", "other", open_record(P1)).await;
        let ask = async |request: &Az| Browser::new(&world).authorize(request).await;
        let unknown = format!("vl_{}", "A".repeat(43));
        let mut answers = vec![
            ask(&az_ehr("pub", &unknown)).await,
            ask(&az_ehr("pub", "x")).await,
            ask(&az_ehr("pub", &of_another)).await,
            ask(&az_ehr("pub", &handle).set("aud", FHIR2)).await,
        ];
        let mut browser = Browser::of(&world, "dr");
        browser.begin(&az_ehr("pub", &handle)).await;
        browser.allow().await.code();
        answers.push(ask(&az_ehr("pub", &handle)).await);
        let expired = world.launch_for("dr", "pub", open_record(P1)).await;
        world.advance(300);
        answers.push(ask(&az_ehr("pub", &expired)).await);
        answers[0].is_refusal(CB, "invalid_request");
        alike(&answers);
        same_time(
            async || drop(ask(&az_ehr("pub", &unknown)).await),
            async || drop(ask(&az_ehr("pub", &of_another)).await),
        )
        .await;
    });
}

/// A-TIME-09
#[test]
fn a_time_09_introspection_of_nothing() {
    each_adapter(async |world: World| {
        let live = world.tokens_for("pub", &az("pub")).await;
        let token = live["access_token"].as_str().unwrap();
        let dead = world.tokens_for("pub", &az("pub")).await;
        vestibule_http_tests::app::revocation("pub", dead["access_token"].as_str().unwrap())
            .send(&world)
            .await;
        let answers = [
            introspection("rs1", "x").send(&world).await,
            introspection("rs2", token).send(&world).await,
            introspection("other", token).send(&world).await,
            introspection("rs1", dead["access_token"].as_str().unwrap()).send(&world).await,
            introspection("rs1", live["refresh_token"].as_str().unwrap()).send(&world).await,
            introspection("rs1", &format!("{token}A")).send(&world).await,
        ];
        assert_eq!(answers[0].body, r#"{"active":false}"#);
        alike(&answers);
    });
}
