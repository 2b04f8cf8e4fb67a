//! An [`AuditEvent`] as a FHIR R4 resource, in the shape of IHE's Basic Audit Log Patterns (BALP 1.1).
//!
//! | what happened | type | outcome |
//! |---|---|---|
//! | a launch was made, a code issued, something revoked | DICOM 110113 with a BALP authorization subtype | 0 |
//! | a token was issued, refreshed | DICOM 110114, IHE ITI-71 "Get Access Token" | 0 |
//! | an interaction was refused | DICOM 110113 | 8 |
//! | an answer was asked for too often | DICOM 110113 | 4 |
//! | a code or refresh token came twice | DICOM 110113 | 12 |
//! | an app was registered, changed, let in or shut out, removed | DICOM 110113, DICOM 110136 "Security Roles Changed" | 0; 4 if nobody knows whether |
//!
//! Agents are the authorization server, the app, and the user where there is one; entities the patient, the visit, the consent and
//! the grant. `meta.profile` claims nothing: BALP wants network addresses and the user's organization, which the engine does not
//! know. A host that knows them adds them.

use serde_json::{Map, Value, json};

use super::{AuditDetails, AuditEvent};
use crate::{EventKind, UnixMillis};

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const AUTHORIZATION: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/AuthZsubType";
const AGENTS: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/UserAgentTypes";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";

/// The resource. `issuer` is the authorization server's, which recorded the event.
///
/// ```
/// use vestibule_host::audit::fhir::audit_event;
/// use vestibule_host::{AuditDetails, AuditEvent, EventId, EventKind, PatientId, UnixMillis};
///
/// let mut details = AuditDetails::default();
/// details.base = Some("https://ehr.example/fhir".to_owned());
/// details.patient = Some(PatientId::new("ben"));
/// let event =
///     AuditEvent { id: EventId::new([7; 16]), kind: EventKind::CodeIssued, at: UnixMillis(0), details };
/// let resource = audit_event(&event, "https://ehr.example");
/// assert_eq!(resource["recorded"], "1970-01-01T00:00:00.000Z");
/// assert_eq!(resource["entity"][0]["what"]["reference"], "https://ehr.example/fhir/Patient/ben");
/// ```
pub fn audit_event(event: &AuditEvent, issuer: &str) -> Value {
    let details = &event.details;
    let id: String = event.id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut resource = Map::new();
    let mut put = |name: &str, value: Value| resource.insert(name.to_owned(), value);
    put("resourceType", "AuditEvent".into());
    put("id", id.into());
    let (kind, subtype) = type_of(event.kind, details);
    put("type", kind);
    put("subtype", json!([subtype]));
    put("action", action(event.kind).into());
    put("recorded", instant(event.at).into());
    let unknown = details.reason.as_deref() == Some(AuditDetails::OUTCOME_UNKNOWN);
    put("outcome", if unknown { "4" } else { outcome(event.kind) }.into());
    put("outcomeDesc", description(event).into());
    put("agent", Value::Array(agents(details, issuer)));
    put(
        "source",
        json!({
            "observer": {"identifier": {"value": issuer}},
            "type": [coding("http://terminology.hl7.org/CodeSystem/security-source-type", "6", "Security Server")],
        }),
    );
    let entities = entities(event, issuer);
    if !entities.is_empty() {
        put("entity", Value::Array(entities));
    }
    Value::Object(resource)
}

fn coding(system: &str, code: &str, display: &str) -> Value {
    json!({"system": system, "code": code, "display": display})
}

fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({"coding": [coding(system, code, display)]})
}

fn type_of(kind: EventKind, details: &AuditDetails) -> (Value, Value) {
    match kind {
        EventKind::CodeRedeemed
        | EventKind::Refreshed
        | EventKind::RefreshRepeated
        | EventKind::TokenIssued => (
            coding(DICOM, "110114", "User Authentication"),
            coding("urn:ihe:event-type-code", "ITI-71", "Get Access Token"),
        ),
        EventKind::LaunchMade
        | EventKind::Refused
        | EventKind::CodeIssued
        | EventKind::CodeReplayed
        | EventKind::ReuseSuspected
        | EventKind::ReuseDetected
        | EventKind::Revoked => {
            let by_consent = details.consent.is_some();
            let subtype = match by_consent {
                true => {
                    coding(AUTHORIZATION, "AuthZ-Consent", "Authorization Decision using Roles and Consent")
                }
                false => coding(AUTHORIZATION, "AuthZ-Role", "Authorization Decision using only Roles"),
            };
            (coding(DICOM, "110113", "Security Alert"), subtype)
        }
        EventKind::ClientRegistered
        | EventKind::ClientChanged
        | EventKind::ClientReviewed
        | EventKind::ClientRemoved => {
            (coding(DICOM, "110113", "Security Alert"), coding(DICOM, "110136", "Security Roles Changed"))
        }
    }
}

/// <http://hl7.org/fhir/R4/valueset-audit-event-action.html>: what is granted is executed, what is registered is written down.
const fn action(kind: EventKind) -> &'static str {
    match kind {
        EventKind::ClientRegistered => "C",
        EventKind::ClientChanged | EventKind::ClientReviewed => "U",
        EventKind::ClientRemoved => "D",
        _ => "E",
    }
}

/// <http://hl7.org/fhir/R4/valueset-audit-event-outcome.html>
const fn outcome(kind: EventKind) -> &'static str {
    match kind {
        EventKind::LaunchMade
        | EventKind::CodeIssued
        | EventKind::CodeRedeemed
        | EventKind::Refreshed
        | EventKind::RefreshRepeated
        | EventKind::TokenIssued
        | EventKind::Revoked
        | EventKind::ClientRegistered
        | EventKind::ClientChanged
        | EventKind::ClientReviewed
        | EventKind::ClientRemoved => "0",
        EventKind::ReuseSuspected => "4",
        EventKind::Refused => "8",
        // Something that had been given out was ended.
        EventKind::CodeReplayed | EventKind::ReuseDetected => "12",
    }
}

fn description(event: &AuditEvent) -> String {
    match &event.details.reason {
        Some(reason) => format!("{}: {reason}", event.kind.name()),
        None => event.kind.name().to_owned(),
    }
}

fn agents(details: &AuditDetails, issuer: &str) -> Vec<Value> {
    let server = "http://terminology.hl7.org/CodeSystem/extra-security-role-type";
    let mut agents = vec![json!({
        "type": concept(server, "authserver", "authorization server"),
        "who": {"identifier": {"value": issuer}},
        "requestor": false,
    })];
    if let Some(client) = &details.client {
        agents.push(json!({
            "type": concept(DICOM, "110150", "Application"),
            "who": {"identifier": {"system": issuer, "value": client.as_str()}},
            "requestor": details.user.is_none(),
        }));
    }
    if let Some(user) = &details.user {
        let role = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
        agents.push(json!({
            "type": concept(role, "IRCP", "information recipient"),
            "who": {"identifier": {"system": issuer, "value": user.as_str()}},
            "requestor": true,
        }));
    }
    agents
}

fn entities(event: &AuditEvent, issuer: &str) -> Vec<Value> {
    let details = &event.details;
    let base = details.base.as_deref().map(|base| format!("{base}/")).unwrap_or_default();
    let mut entities = Vec::new();
    if let Some(patient) = &details.patient {
        entities.push(json!({
            "what": {"reference": format!("{base}Patient/{}", patient.as_str())},
            "type": coding(ENTITY_TYPE, "1", "Person"),
            "role": coding(ENTITY_ROLE, "1", "Patient"),
        }));
    }
    if let Some(encounter) = &details.encounter {
        entities.push(json!({
            "what": {"reference": format!("{base}Encounter/{}", encounter.as_str())},
            "type": coding("http://hl7.org/fhir/resource-types", "Encounter", "Encounter"),
        }));
    }
    if let Some(consent) = &details.consent {
        entities.push(json!({
            "what": {"identifier": {"value": consent.as_str()}},
            "type": coding("http://hl7.org/fhir/resource-types", "Consent", "Consent"),
        }));
    }
    let mut about = Vec::new();
    let mut tell = |name: &str, value: String| about.push(json!({"type": name, "valueString": value}));
    if !details.scopes.is_empty() {
        tell("scope", details.scopes.join(" "));
    }
    if let Some(base) = &details.base {
        tell("aud", base.clone());
    }
    if let Some(correlation) = &details.correlation {
        tell("correlation", correlation.clone());
    }
    if let (true, Some(client)) = (is_about_an_app(event.kind), &details.client) {
        let mut app = Map::new();
        app.insert("what".to_owned(), json!({"identifier": {"system": issuer, "value": client.as_str()}}));
        app.insert("type".to_owned(), coding(ENTITY_TYPE, "2", "System Object"));
        if !about.is_empty() {
            app.insert("detail".to_owned(), Value::Array(about));
        }
        entities.push(Value::Object(app));
    } else if details.grant.is_some() || !about.is_empty() {
        let mut grant = Map::new();
        if let Some(id) = &details.grant {
            grant.insert("what".to_owned(), json!({"identifier": {"value": id.as_str()}}));
        }
        grant.insert("type".to_owned(), coding(AGENTS, "UserOauthAgent", "OAuth grant"));
        // FHIR knows no empty arrays.
        if !about.is_empty() {
            grant.insert("detail".to_owned(), Value::Array(about));
        }
        entities.push(Value::Object(grant));
    }
    entities
}

const fn is_about_an_app(kind: EventKind) -> bool {
    !matches!(action(kind).as_bytes(), b"E")
}

/// A FHIR `instant`, in UTC.
fn instant(at: UnixMillis) -> String {
    // FHIR has years of four digits.
    let millis = at.0.clamp(-62_135_596_800_000, 253_402_300_799_999);
    let (days, rest) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    // Civil date from a day count; the year starts in March so that the leap day is its last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, ConsentId, EncounterId, EventId, GrantId, PatientId, SessionId, UserId};

    const ISSUER: &str = "https://ehr.example";

    fn of(kind: EventKind, details: AuditDetails) -> Value {
        audit_event(&AuditEvent { id: EventId::new([1; 16]), kind, at: UnixMillis(0), details }, ISSUER)
    }

    fn everything() -> AuditDetails {
        AuditDetails {
            client: Some(ClientId::new("growth-chart")),
            user: Some(UserId::new("alice")),
            session: Some(SessionId::new("session-secret")),
            patient: Some(PatientId::new("ben")),
            encounter: Some(EncounterId::new("e-1")),
            base: Some("https://ehr.example/fhir".to_owned()),
            grant: Some(GrantId::new("g-1")),
            consent: Some(ConsentId::new("c-1")),
            scopes: vec!["patient/*.rs".to_owned(), "openid".to_owned()],
            reason: None,
            correlation: Some("7f3a".to_owned()),
        }
    }

    #[test]
    fn a_user_lets_an_app_in() {
        let event = of(EventKind::CodeIssued, everything());
        assert_eq!(event["resourceType"], "AuditEvent");
        assert_eq!(event["id"], "01".repeat(16));
        assert_eq!(event["type"]["code"], "110113");
        assert_eq!(event["subtype"][0]["code"], "AuthZ-Consent");
        assert_eq!((&event["action"], &event["outcome"]), (&json!("E"), &json!("0")));
        assert_eq!(event["outcomeDesc"], "code_issued");
        let agents = event["agent"].as_array().unwrap();
        let role = |agent: &Value| agent["type"]["coding"][0]["code"].clone();
        assert_eq!(agents.iter().map(role).collect::<Vec<_>>(), ["authserver", "110150", "IRCP"]);
        assert_eq!(agents[1]["who"]["identifier"]["value"], "growth-chart");
        assert_eq!(
            agents[2]["who"]["identifier"],
            json!({"system": "https://ehr.example", "value": "alice"})
        );
        let requestors: Vec<_> = agents.iter().map(|agent| agent["requestor"].as_bool().unwrap()).collect();
        assert_eq!(requestors, [false, false, true], "the user asks, the app asks for them");
        assert_eq!(event["source"]["observer"]["identifier"]["value"], ISSUER);
        let entities = event["entity"].as_array().unwrap();
        assert_eq!(entities[0]["what"]["reference"], "https://ehr.example/fhir/Patient/ben");
        assert_eq!((&entities[0]["type"]["code"], &entities[0]["role"]["code"]), (&json!("1"), &json!("1")));
        assert_eq!(entities[1]["what"]["reference"], "https://ehr.example/fhir/Encounter/e-1");
        assert_eq!(entities[2]["what"]["identifier"]["value"], "c-1");
        assert_eq!(entities[3]["what"]["identifier"]["value"], "g-1");
        let details = entities[3]["detail"].as_array().unwrap();
        assert_eq!(details[0], json!({"type": "scope", "valueString": "patient/*.rs openid"}));
        assert_eq!(details[2], json!({"type": "correlation", "valueString": "7f3a"}));
        assert!(!event.to_string().contains("session-secret"), "a session is nobody else's business");
    }

    #[test]
    fn a_backend_service_asks_for_itself() {
        let details = AuditDetails {
            client: Some(ClientId::new("export")),
            base: Some("https://ehr.example/fhir".to_owned()),
            scopes: vec!["system/Patient.rs".to_owned()],
            ..AuditDetails::default()
        };
        let event = of(EventKind::TokenIssued, details);
        assert_eq!(event["type"]["code"], "110114");
        assert_eq!(event["subtype"][0]["code"], "ITI-71");
        assert_eq!(event["agent"].as_array().unwrap().len(), 2);
        assert_eq!(event["agent"][1]["requestor"], true);
        let entities = event["entity"].as_array().unwrap();
        assert!(entities.iter().all(|entity| entity.get("role").is_none()), "no patient: {entities:?}");
    }

    #[test]
    fn outcomes_tell_success_from_theft() {
        for (kind, outcome) in [
            (EventKind::Refused, "8"),
            (EventKind::ReuseSuspected, "4"),
            (EventKind::ReuseDetected, "12"),
            (EventKind::CodeReplayed, "12"),
            (EventKind::Revoked, "0"),
        ] {
            assert_eq!(of(kind, AuditDetails::default())["outcome"], outcome, "{kind:?}");
        }
        let refused = AuditDetails { reason: Some("PatientDenied".to_owned()), ..AuditDetails::default() };
        assert_eq!(of(EventKind::Refused, refused)["outcomeDesc"], "refused: PatientDenied");
    }

    #[test]
    fn an_app_is_registered_changed_let_in_and_removed() {
        for (kind, action) in [
            (EventKind::ClientRegistered, "C"),
            (EventKind::ClientChanged, "U"),
            (EventKind::ClientReviewed, "U"),
            (EventKind::ClientRemoved, "D"),
        ] {
            let details = AuditDetails {
                client: Some(ClientId::new("newcomer")),
                scopes: vec!["patient/*.rs".to_owned()],
                correlation: Some("7f3a".to_owned()),
                ..AuditDetails::default()
            };
            let event = of(kind, details.clone());
            assert_eq!((&event["action"], &event["outcome"]), (&json!(action), &json!("0")), "{kind:?}");
            assert_eq!(
                (&event["type"]["code"], &event["subtype"][0]["code"]),
                (&json!("110113"), &json!("110136"))
            );
            assert_eq!(event["agent"][1]["requestor"], true, "the app asks for itself");
            let [entity] = event["entity"].as_array().unwrap().as_slice() else { panic!("{event}") };
            assert_eq!(entity["what"]["identifier"], json!({"system": ISSUER, "value": "newcomer"}));
            assert_eq!(entity["type"]["code"], "2");
            assert_eq!(entity["detail"][0], json!({"type": "scope", "valueString": "patient/*.rs"}));
            let staff = AuditDetails { user: Some(UserId::new("kim")), ..details.clone() };
            assert_eq!(of(kind, staff)["agent"][1]["requestor"], false, "somebody of the house did it");
            let reason = Some(AuditDetails::OUTCOME_UNKNOWN.to_owned());
            assert_eq!(of(kind, AuditDetails { reason, ..details })["outcome"], "4");
        }
    }

    #[test]
    fn what_is_absent_is_left_out() {
        for kind in EventKind::ALL {
            let event = of(kind, AuditDetails::default());
            assert!(event.get("entity").is_none(), "FHIR knows no empty arrays");
            assert_eq!(event["agent"].as_array().unwrap().len(), 1);
            assert!(!event.to_string().contains("null"), "{event}");
            for member in ["type", "subtype", "recorded", "outcome", "source"] {
                assert!(event.get(member).is_some(), "{member}");
            }
        }
    }

    #[test]
    fn instants() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_786_185_007, "2000-02-29T01:03:05.007Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_798_761_599_999, "2026-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
            (i64::MIN, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(instant(UnixMillis(millis)), text);
        }
    }
}
