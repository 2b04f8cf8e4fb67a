//! `client_credentials`: what a service gets, and what became of each scope that it asked for.

use vestibule_core::explain::{Endpoint, Explanation, Fate, Outcome, Reason, Stage, Trail};
use vestibule_core::params::Params;
use vestibule_core::token::{Asserted, Presented, TokenError, TokenRequest};
use vestibule_host::client::KeySource;
use vestibule_host::{AssertionClaim, ClaimKey, ClientId, ClientKeys, RegisteredClient};

use crate::fixture::{NOW, Server, encode, set};
use crate::redemption::LIFE;

pub(crate) fn service(scopes: &str) -> RegisteredClient {
    let keys = ClientKeys::new(KeySource::Inline("{}".into()));
    RegisteredClient::backend_service(ClientId::new("svc"), keys, set(scopes))
}

/// What the service gets, and what is told of it.
pub(crate) fn ask(
    server: &Server,
    service: &RegisteredClient,
    asked: &str,
) -> (Result<String, TokenError>, Explanation) {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let form = format!(
        "grant_type=client_credentials&scope={}&client_assertion_type={kind}&client_assertion=x",
        encode(asked)
    );
    let form = Params::parse(form.as_bytes()).unwrap();
    let claim = AssertionClaim { key: ClaimKey::new([1; 32]), keep_until: NOW };
    let presented = Presented::read(&form, &[], |_| Some("svc".to_owned())).unwrap();
    let asserted = Asserted::verified(service.id.clone(), claim);
    let client = presented.authenticate(Some(service.clone()), Some(asserted), NOW).unwrap();
    let TokenRequest::Backend(request) = TokenRequest::read(&form, service).unwrap() else {
        panic!("another grant");
    };
    let mut trail = Trail::default();
    let decided = request.decide(&client, &server.rules(), &LIFE, &mut trail);
    let got = decided.map(|draft| draft.content().scopes().to_string());
    (got, trail.explain(Endpoint::Token, NOW, Outcome::Granted))
}

fn fates(told: &Explanation) -> Vec<Fate> {
    told.scopes.iter().map(|line| line.fate).collect()
}

/// SMART-BACK-005, SMART-BACK-006, SCOPE-005, SMART-SCOPE-050
#[test]
fn each_scope_of_a_service_has_its_fate() {
    let registered = service("system/Observation.rs system/Patient.cruds __extra");
    let rows = [
        ("system/Observation.rs", Fate::Granted),
        ("system/Observation.cruds", Fate::Narrowed(Stage::Client, Reason::NotRegistered)),
        ("system/Condition.rs", Fate::Dropped(Stage::Client, Reason::NotRegistered)),
        ("patient/Observation.rs", Fate::Dropped(Stage::Base, Reason::NeedsAUser)),
        ("user/*.rs", Fate::Dropped(Stage::Base, Reason::NeedsAUser)),
        ("openid", Fate::Dropped(Stage::Base, Reason::NeedsAUser)),
        ("offline_access", Fate::Dropped(Stage::Base, Reason::NeedsAUser)),
        ("launch/patient", Fate::Dropped(Stage::Base, Reason::NeedsAUser)),
        ("system/MedicationOrder.rs", Fate::Dropped(Stage::Base, Reason::TypeNotInVersion)),
        (
            "system/Observation.rs?patient.birthdate=1990",
            Fate::Dropped(Stage::Base, Reason::ConstraintNotSupported),
        ),
        ("__extra", Fate::Granted),
    ];
    let asked: Vec<&str> = rows.iter().map(|(asked, _)| *asked).collect();
    let (got, told) = ask(&Server::new(), &registered, &asked.join(" "));
    let lines: Vec<_> = told.scopes.iter().map(|line| (line.requested.as_str(), line.fate)).collect();
    assert_eq!(lines, rows);
    assert_eq!(got.as_deref(), Ok("system/Observation.rs __extra"));
}

/// SMART-BACK-006, SCOPE-007
#[test]
fn a_refused_service_is_explained_as_well_and_strict_means_whole() {
    let mut registered = service("system/Observation.rs");
    let (got, told) = ask(&Server::new(), &registered, "system/Condition.rs openid");
    assert!(matches!(got, Err(TokenError::InvalidScope(_))));
    let dropped = Fate::Dropped(Stage::Client, Reason::NotRegistered);
    assert_eq!(fates(&told), [dropped, Fate::Dropped(Stage::Base, Reason::NeedsAUser)]);
    registered.strict_scopes = true;
    for (asked, whole) in [
        ("system/Observation.rs", true),
        ("system/Observation.rs system/Observation.rs", true),
        // As many scopes as were asked for, and less of them.
        ("system/Observation.cruds", false),
        ("system/Observation.rs system/Condition.rs", false),
    ] {
        let (got, told) = ask(&Server::new(), &registered, asked);
        assert_eq!(got.is_ok(), whole, "{asked}: {got:?}");
        assert_eq!(fates(&told).iter().all(|fate| *fate == Fate::Granted), whole, "{asked}");
    }
}
