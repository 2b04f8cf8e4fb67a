//! What an app sends to register itself.

use serde_json::Value;
use vestibule_core::register::{self, Fresh};
use vestibule_host::registration::{Admitted, Created, RegistrationRequest, Updated};
use vestibule_host::{
    ClientId, ClientStatus, ConsentRule, Framing, Registration, RegistrationTokenHash, Secret, TokenFormat,
};

use crate::{NOW, SECRET, set};

const ENDPOINT: &str = "https://ehr.example/auth/register";

fn fresh() -> Fresh {
    Fresh {
        id: ClientId::new("0123456789abcdef0123456789abcdef"),
        secret: Secret::new(SECRET),
        token: Secret::new("registration-token"),
        token_hash: RegistrationTokenHash::new([7; 32]),
    }
}

/// The body of a registration request: what it becomes breaks no rule and has no privilege, and the answer sent back changes nothing.
pub fn registration(data: &[u8]) -> bool {
    let ceiling =
        set("launch/patient openid fhirUser offline_access patient/*.rs user/Observation.rs system/*.rs");
    let admitted = Admitted::enabled(ceiling.clone());
    let sent = |body: &[u8]| RegistrationRequest::from_json(body).and_then(RegistrationRequest::read);
    let Ok(first) = sent(data) else { return false };
    let Ok(draft) = register::create(first, &admitted, None, fresh(), NOW) else { return false };
    let kept = draft.op().registration.clone();
    let client = &kept.client;
    assert!(client.wrongs().is_empty() && kept.details.wrongs().is_empty(), "{:?}", client.wrongs());
    assert!(client.scopes.iter().all(|scope| ceiling.covers(scope)), "{}", client.scopes);
    assert_eq!((client.id.as_str(), client.status), (fresh().id.as_str(), ClientStatus::Enabled));
    assert_eq!((client.consent, &client.framing), (ConsentRule::Ask, &Framing::Refuse));
    assert!(client.introspects.is_empty() && !client.legacy_v1 && !client.danger_raw_basic);
    assert_eq!(client.token_format, TokenFormat::Jwt);
    // Hazards explain themselves, whatever was registered.
    assert!(client.hazards().iter().all(|hazard| !hazard.to_string().contains('\n')));
    let record = kept.to_record().expect("what breaks no rule can be written");
    assert_eq!(Registration::from_record(&record).as_ref(), Ok(&kept));

    let answer = draft.settle(Created::Won, ENDPOINT).expect("it was kept");
    let mut answer: Value = serde_json::from_str(answer.expose_secret()).expect("an answer is JSON");
    let members = answer.as_object_mut().expect("an answer is an object");
    for of_the_server in [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ] {
        members.remove(of_the_server);
    }
    let again = sent(answer.to_string().as_bytes()).expect("an answer can be read");
    let token = Secret::new("registration-token");
    let change =
        register::change(kept.clone(), again, token, Secret::new(SECRET), NOW).expect("and is allowed");
    let after = &change.op().registration;
    assert_eq!(after.client, kept.client);
    assert_eq!(after.details, kept.details);
    assert!(change.settle(Updated::Won, ENDPOINT).is_ok());
    true
}
