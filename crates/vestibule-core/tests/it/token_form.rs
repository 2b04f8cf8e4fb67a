//! The form of a token request, before anything is looked up.

use vestibule_core::params::Params;
use vestibule_core::token::{Presented, TokenError, TokenRequest};

use crate::fixture::{V1, client, encode};

/// GEN-003, GEN-004, GEN-007, SMART-TOKEN-001, SMART-TOKEN-006, SMART-TOKEN-007, A-CODE-14, SMART-TOKEN-050, TOKEN-010
#[test]
fn token_requests_are_read_strictly() {
    let form = |text: &str| Params::parse(text.as_bytes()).unwrap();
    let check = |text: &str, query| TokenRequest::check_form(&form(text), query);
    assert_eq!(check("grant_type=authorization_code", None), Ok(()));
    assert_eq!(check("grant_type=authorization_code", Some("")), Ok(()));
    assert_eq!(check("grant_type=authorization_code&resource=a&resource=b", None), Ok(()));
    for (text, query) in [
        ("grant_type=authorization_code", Some("code=k")),
        ("", None),
        ("grant_type=", None),
        ("grant_type=%zz", None),
        ("grant_type=authorization_code&grant_type=authorization_code", None),
        ("grant_type=authorization_code&code=a&code=b", None),
    ] {
        assert_eq!(check(text, query).unwrap_err().code(), "invalid_request", "{text}");
    }
    let read = |text: &str| TokenRequest::read(&form(text), &client()).map(drop);
    let whole =
        format!("grant_type=authorization_code&code=k&redirect_uri=x&code_verifier={V1}&unknown=y&scope=z");
    assert_eq!(read(&whole), Ok(()));
    for unknown in ["password", "implicit", "Refresh_Token", "AUTHORIZATION_CODE", "authorization_code "] {
        let error = read(&format!("grant_type={}", encode(unknown))).unwrap_err();
        assert_eq!((error.code(), error.status()), ("unsupported_grant_type", 400), "{unknown}");
    }
    for missing in ["code=k", "code=k&", "redirect_uri=x", "code=k%00", "code=&redirect_uri=x"] {
        let error = read(&format!("grant_type=authorization_code&{missing}")).unwrap_err();
        assert_eq!(error.code(), "invalid_request", "{missing}");
    }
}

/// GEN-004
#[test]
fn empty_credentials_were_not_sent() {
    let form = |text: &str| Params::parse(text.as_bytes()).unwrap();
    let empty = form("client_id=pub&client_secret=&client_assertion=&client_assertion_type=");
    let presented = Presented::read(&empty, &[], |_| None).unwrap();
    assert!(presented.authenticate(Some(client()), None, vestibule_host::UnixMillis(0)).is_ok());
    assert_eq!(
        Presented::read(&form("client_id="), &[], |_| None).unwrap_err(),
        TokenError::InvalidClient { header: false }
    );
}
