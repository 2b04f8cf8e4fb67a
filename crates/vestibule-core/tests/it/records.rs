//! What is stored is read again, by this version and by the next: the texts in `golden/` never change, new ones join them.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vestibule_core::authorize::launch::LaunchRecord;
use vestibule_core::authorize::{CodeProof, PendingRequest, Progress, ResponseMode};
use vestibule_core::grant::{Confirmation, GrantRecord};
use vestibule_core::record::{self, Unreadable};
use vestibule_host::{
    ClientId, ConsentId, FhirContextItem, LaunchHash, Record, SessionId, SignInReason, UnixMillis, UserId,
};

use crate::fixture::{C1, FHIR1, NOW, REDIRECT, client, decided, encounter, patient, set, who};

const GRANT: &str = include_str!("golden/grant.json");
const GRANT_LEAST: &str = include_str!("golden/grant_least.json");
const LAUNCH: &str = include_str!("golden/launch.json");
const PENDING: &str = include_str!("golden/pending.json");
const PENDING_SIGN_IN: &str = include_str!("golden/pending_sign_in.json");
const PENDING_LEGACY: &str = include_str!("golden/pending_legacy.json");
const GRANT_LEGACY: &str = include_str!("golden/grant_legacy.json");
const PROGRESS: &str = include_str!("golden/progress.json");

fn stored(version: u8, json: &str) -> Record {
    let mut bytes = vec![version];
    bytes.extend_from_slice(json.as_bytes());
    Record(Bytes::from(bytes))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Reads a golden text, writes it, and compares both as JSON: no member is lost, none is renamed.
fn round<T: Serialize + DeserializeOwned + PartialEq>(golden: &str) -> T {
    let value: T = record::read(&stored(1, golden)).unwrap();
    let written = record::write(&value).unwrap();
    assert_eq!(written.0[0], 1, "the version byte");
    assert_eq!(serde_json::from_slice::<Value>(&written.0[1..]).unwrap(), json(golden));
    assert!(record::read::<T>(&written).unwrap() == value);
    value
}

/// Each member of an object left out in turn: which of them may be missing?
fn may_be_missing<T: DeserializeOwned>(golden: &str) -> Vec<String> {
    let Value::Object(members) = json(golden) else { panic!("not an object") };
    let loads_without = |name: &&String| {
        let mut rest = members.clone();
        rest.remove(*name);
        let read = record::read::<T>(&stored(1, &Value::Object(rest).to_string()));
        assert!(matches!(read, Ok(_) | Err(Unreadable::Damaged)));
        read.is_ok()
    };
    members.keys().filter(loads_without).cloned().collect()
}

/// CODE-003, SMART-AUTHZ-057
#[test]
fn a_grant_is_read_as_it_was_written() {
    let grant: GrantRecord = round(GRANT);
    assert_eq!((grant.client.as_str(), grant.client_name.as_str()), ("pub", "Growth Chart"));
    assert_eq!((&grant.who, grant.subject.as_str()), (&who("alice", "s1"), "sub-alice"));
    assert_eq!((grant.redirect_uri.as_str(), grant.base.as_str()), (REDIRECT, FHIR1));
    assert_eq!(grant.proof.as_str(), C1);
    let spelled = "launch patient/Observation.read patient/Condition.rs?category=laboratory openid fhirUser";
    assert_eq!(grant.scopes.to_string(), spelled, "in the app's spelling");
    assert_eq!(
        (&grant.context.patient, &grant.context.encounter),
        (&Some(patient("P1")), &Some(encounter("E1")))
    );
    assert_eq!(grant.context.members()["fhirContext"], json(GRANT)["context"]["fhir_context"]);
    assert_eq!(grant.fhir_user.as_deref(), Some("https://fhir.example/r4/Practitioner/lee"));
    assert_eq!((grant.nonce.as_deref(), grant.acr.as_deref()), (Some("n-0S6"), Some("urn:example:loa:3")));
    assert_eq!((grant.auth_time, grant.amr.len()), (UnixMillis(NOW.0 - 60_000), 2));
    assert_eq!((grant.issued, grant.code_expires), (NOW, UnixMillis(NOW.0 + 60_000)));
    assert_eq!(grant.consent, Some(ConsentId::new("consent-1")));
    let jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned();
    assert_eq!(grant.cnf, Some(Confirmation { jkt }));
    let least: GrantRecord = round(GRANT_LEAST);
    assert!(least.context.members().is_empty() && least.consent.is_none() && least.cnf.is_none());
}

/// SMART-LAUNCH-011
#[test]
fn a_launch_is_read_as_it_was_written() {
    let launch: LaunchRecord = round(LAUNCH);
    assert_eq!((&launch.user, &launch.session), (&UserId::new("alice"), &Some(SessionId::new("s1"))));
    assert_eq!((&launch.client, launch.base.as_str()), (&ClientId::new("pub"), FHIR1));
    assert_eq!(launch.usable_until, UnixMillis(NOW.0 + 300_000));
    assert_eq!(launch.context.patient, Some(patient("P1")));
    assert_eq!(launch.context.need_patient_banner, Some(true));
    let role = &launch.context.fhir_context[0].members()["role"];
    assert_eq!(*role, json!("https://example.org/med-list-at-home"));
}

/// AUTHZ-013, INT-006
#[test]
fn a_pending_request_is_read_as_it_was_written() {
    let request: PendingRequest = round(PENDING);
    assert_eq!((request.client.as_str(), request.base.as_str()), ("pub", FHIR1));
    assert_eq!(request.scope, "launch patient/Observation.rs unknown openid");
    assert_eq!((request.proof.as_str(), request.nonce.as_deref()), (C1, Some("n-0S6")));
    assert_eq!(request.launch, Some(LaunchHash::new(std::array::from_fn(|at| u8::try_from(at).unwrap()))));
    assert_eq!(request.expires, UnixMillis(NOW.0 + 600_000));
    let proven = request.prove(Some(&client())).unwrap();
    assert_eq!(proven.uri(), REDIRECT);
    assert!(
        proven
            .refuse(vestibule_core::authorize::AuthorizeRefusal::internal(), "i")
            .location()
            .contains("&state=st1&")
    );
}

/// AUTHZ-013, OIDC-013
#[test]
fn a_wish_for_the_sign_in_is_read_as_it_was_written() {
    let request: PendingRequest = round(PENDING_SIGN_IN);
    assert!(request.sign_in.is_silent() && request.sign_in.wants_consent());
    assert_eq!(request.sign_in.acr_values(), ["urn:example:loa:3", "urn:example:loa:2"]);
    let ask = request.sign_in.ask("/back", None, SignInReason::Again);
    assert_eq!((ask.login_hint, ask.expected_subject), (Some("al@example.org"), Some("sub-alice")));
    assert_eq!(ask.ui_locales, Some("de-AT en"));
    assert_eq!(request.prove(Some(&client())).unwrap().mode(), ResponseMode::FormPost);
    let debug = format!("{request:?} {:?}", request.sign_in);
    assert!(!debug.contains("example.org") && !debug.contains("alice"), "{debug}");
}

/// SMART-PKCE-008
#[test]
fn a_legacy_request_and_its_grant_are_read_as_they_were_written() {
    let request: PendingRequest = round(PENDING_LEGACY);
    assert_eq!(request.proof, CodeProof::DangerLegacyV1);
    let grant: GrantRecord = round(GRANT_LEGACY);
    assert_eq!(grant.proof, CodeProof::DangerLegacyV1);
}

/// INT-007, A-CTX-43, A-CTX-44
#[test]
fn a_state_is_read_as_it_was_written() {
    let states: Vec<Progress> = round(PROGRESS);
    let who = || who("alice", "s1");
    let expected = [
        Progress::SignIn,
        Progress::Patient { who: who() },
        Progress::Encounter { who: who(), patient: patient("P1") },
        Progress::Consent { who: who(), patient: None, encounter: None },
        Progress::Consent { who: who(), patient: Some(patient("P1")), encounter: Some(encounter("E1")) },
        decided(Some("P1"), None, "launch/patient patient/Observation.read"),
    ];
    assert_eq!(states, expected);
    for unknown in [
        json!("done"),
        json!("Decided"),
        json!({}),
        json!(null),
        json!({"decided": {}}),
        json!({"patient": {}}),
        json!({"consent": {"who": {"user": "alice"}}}),
        json!({"decided": {"who": {"user": "alice", "session": "s1"}, "patient": null, "encounter": null, "scopes": "no scope!", "consent": null}}),
    ] {
        let read = record::read::<Progress>(&stored(1, &unknown.to_string()));
        assert_eq!(read, Err(Unreadable::Damaged), "{unknown}");
    }
}

/// PKCE-004, PKCE-007, A-PKCE-03, A-PKCE-15, A-TYPE-12
#[test]
fn a_record_without_a_challenge_does_not_load() {
    for (golden, member) in [(GRANT, "challenge"), (GRANT_LEAST, "challenge"), (PENDING, "h")] {
        for instead in
            [None, Some(json!(null)), Some(json!("")), Some(json!("plain")), Some(json!(&C1[..42]))]
        {
            let mut value = json(golden);
            match instead {
                None => drop(value.as_object_mut().unwrap().remove(member)),
                Some(other) => value[member] = other,
            }
            let record = stored(1, &value.to_string());
            if member == "h" {
                assert!(matches!(record::read::<PendingRequest>(&record), Err(Unreadable::Damaged)));
            } else {
                assert!(matches!(record::read::<GrantRecord>(&record), Err(Unreadable::Damaged)));
            }
        }
    }
}

/// A-TYPE-12, CODE-003
#[test]
fn only_what_is_optional_may_be_missing() {
    assert_eq!(may_be_missing::<GrantRecord>(GRANT), ["acr", "amr", "cnf", "consent", "fhir_user", "nonce"]);
    assert!(may_be_missing::<GrantRecord>(GRANT_LEAST).is_empty());
    assert_eq!(may_be_missing::<LaunchRecord>(LAUNCH), ["session"]);
    assert_eq!(may_be_missing::<PendingRequest>(PENDING), ["l", "n"]);
}

/// INT-007, A-CTX-43
#[test]
fn another_version_is_not_guessed_at() {
    let versions: [(u8, Unreadable); 4] =
        [(0, Unreadable::Damaged), (2, Unreadable::Newer), (3, Unreadable::Newer), (255, Unreadable::Newer)];
    for (version, expected) in versions {
        assert_eq!(record::read::<GrantRecord>(&stored(version, GRANT)).err(), Some(expected), "{version}");
        assert_eq!(record::read::<LaunchRecord>(&stored(version, LAUNCH)).err(), Some(expected), "{version}");
        assert_eq!(
            record::read::<PendingRequest>(&stored(version, PENDING)).err(),
            Some(expected),
            "{version}"
        );
    }
    for damaged in [Bytes::new(), Bytes::from_static(b"\x01"), Bytes::from_static(b"\x01{}")] {
        assert_eq!(record::read::<GrantRecord>(&Record(damaged)).err(), Some(Unreadable::Damaged));
    }
    assert!(record::read::<GrantRecord>(&Record(Bytes::from(GRANT))).is_err(), "no version byte");
    assert_eq!(
        record::read::<GrantRecord>(&stored(1, &GRANT[..GRANT.len() / 2])).err(),
        Some(Unreadable::Damaged)
    );
    // One kind never passes for another.
    assert_eq!(record::read::<GrantRecord>(&stored(1, LAUNCH)).err(), Some(Unreadable::Damaged));
    assert_eq!(record::read::<LaunchRecord>(&stored(1, GRANT)).err(), Some(Unreadable::Damaged));
    assert_eq!(record::read::<PendingRequest>(&stored(1, GRANT)).err(), Some(Unreadable::Damaged));
}

/// SMART-CTX-020, SMART-CTX-026, SMART-CTX-027
#[test]
fn a_stored_context_is_checked_when_it_is_read() {
    for wrong in [json!({}), json!({"reference": "Patient/1"}), json!({"reference": "List/a", "role": ""})] {
        assert!(FhirContextItem::try_from(wrong.as_object().unwrap().clone()).is_err());
        let mut launch = json(LAUNCH);
        launch["context"]["fhir_context"] = json!([wrong]);
        let read = record::read::<LaunchRecord>(&stored(1, &launch.to_string()));
        assert_eq!(read.err(), Some(Unreadable::Damaged));
    }
    let mut grant = json(GRANT);
    grant["scopes"] = json!("patient/Foo.rs");
    assert_eq!(record::read::<GrantRecord>(&stored(1, &grant.to_string())).err(), Some(Unreadable::Damaged));
    assert_eq!(set("openid").to_string(), "openid");
}

/// LOG-001
#[test]
fn nothing_of_a_record_is_in_its_debug_form() {
    let grant: GrantRecord = record::read(&stored(1, GRANT)).unwrap();
    let debug = format!("{grant:?}");
    for hidden in ["P1", "E1", "alice", "n-0S6", C1] {
        assert!(!debug.contains(hidden), "{hidden}");
    }
}
