//! Requirements that no other file looks at: see `docs/conformance.md`.

use serde_json::json;
use vestibule_core::params::Params;
use vestibule_core::token::{Presented, TokenError, TokenRequest};
use vestibule_host::client::SecretHash;
use vestibule_host::user::FhirUser;
use vestibule_host::{ClientAuthentication, RegisteredClient};

use crate::fixture::{FHIR1, Issue, client, decided};

/// SMART-IDT-008, SMART-IDT-010
#[test]
fn a_fhir_user_is_one_of_five_types_below_the_base() {
    for kind in ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"] {
        let reference = format!("{kind}/a-1");
        let mut issue = Issue::new("openid fhirUser", false);
        issue.user.fhir_user = FhirUser::new(&reference);
        let grant = issue.grant(&decided(None, None, "openid fhirUser"), None);
        assert_eq!(json!(grant.fhir_user), json!(format!("{FHIR1}/{reference}")));
    }
    for wrong in [
        "Organization/a-1",
        "patient/a-1",
        "Patient",
        "Patient/",
        "Patient/a/b",
        "Patient/a b",
        "/Patient/a",
        "https://elsewhere.example/Patient/a",
        "",
    ] {
        assert_eq!(FhirUser::new(wrong), None, "{wrong}");
    }
}

/// META-006, TOKEN-006, SMART-TOKEN-007, JBG-001, SMART-TOKEN-054
#[test]
fn a_grant_that_is_not_listed_is_unsupported() {
    for grant in [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let grant = crate::fixture::encode(grant);
        let form = format!("grant_type={grant}&scope=system/*.rs&refresh_token=x&assertion=x");
        let error =
            TokenRequest::read(&Params::parse(form.as_bytes()).unwrap(), &client()).map(drop).unwrap_err();
        assert_eq!((error.code(), error.status()), ("unsupported_grant_type", 400), "{grant}");
    }
}

/// META-006, TOKEN-004, TOKEN-005
#[test]
fn a_client_authentication_that_is_not_listed_is_refused() {
    let secret = "s".repeat(32);
    let with = |authentication| {
        let mut client = client();
        client.authentication = authentication;
        client
    };
    let basic = with(ClientAuthentication::SecretBasic(vec![vestibule_host::ClientSecret::new(
        SecretHash::of(&secret).unwrap(),
    )]));
    let ask = |client: &RegisteredClient, form: &str| {
        let presented = Presented::read(&Params::parse(form.as_bytes()).unwrap(), &[], |_| None)?;
        presented.authenticate(Some(client.clone()), None, vestibule_host::UnixMillis(0)).map(drop)
    };
    let asserted = "client_id=pub&client_assertion=x.y.z\
                    &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let posted = format!("client_id=pub&client_secret={secret}");
    for client in [with(ClientAuthentication::Public), basic] {
        for form in [asserted, posted.as_str()] {
            let error = ask(&client, form).unwrap_err();
            assert_eq!(error, TokenError::InvalidClient { header: false }, "{form}");
            assert_eq!((error.code(), error.status()), ("invalid_client", 401));
        }
    }
    assert_eq!(ask(&with(ClientAuthentication::Public), "client_id=pub"), Ok(()));
    assert!(ask(&with(ClientAuthentication::Public), "scope=x").is_err(), "somebody must be named");
}
