//! Who says what to whom, and until when.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use vestibule_host::{ClientId, UnixMillis};
use vestibule_jose::JwsError;
use vestibule_jose::assertion::{self, AssertionError, AssertionRules};

use super::{ISSUER, NOW, RULES, SVC, TOKEN, claims, header, signed, token, under, verdict, with_claims};
use crate::client::Client;

/// JWTCA-009: remembered for longer than any node could accept the assertion, whatever its clock.
#[test]
fn the_id_is_kept_beyond_the_end() {
    let assertion = signed(&header(json!({})), &claims(json!({})));
    let checked =
        assertion::check(&assertion, &ClientId::new(SVC), &Client::honest().keys(), &RULES).unwrap();
    let accepted_until = UnixMillis::from_seconds(NOW + 240).plus(assertion::LEEWAY);
    assert!(checked.keep_until() >= accepted_until.plus(Duration::from_secs(60)));
    assert!(checked.keep_until() <= accepted_until.plus(Duration::from_secs(600)), "and not for ever");
}

/// JWTCA-004, SMART-CAUTH-055
#[test]
fn the_named_client_is_read_and_not_believed() {
    let named = |claims: &Value| assertion::named_client(&signed(&header(json!({})), claims));
    assert_eq!(named(&claims(json!({}))).as_deref(), Some(SVC));
    for change in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": 1, "sub": 1 }),
        json!({ "iss": "", "sub": "" }),
        json!({ "iss": [SVC], "sub": [SVC] }),
    ] {
        assert_eq!(named(&claims(change.clone())), None, "{change}");
    }
    for odd in ["", ".", "..", "a.b", "a.b.c", "x.e30.y", &".".repeat(1 << 20)] {
        assert_eq!(assertion::named_client(odd), None);
    }
    // Enough to find the registration, whose keys then refuse it.
    let unsigned = format!("e30.{}.", BASE64.encode(claims(json!({})).to_string()));
    assert_eq!(assertion::named_client(&unsigned).as_deref(), Some(SVC));
    assert_eq!(verdict(&unsigned), token(JwsError::Malformed));
}

/// A-JWT-08, JWTCA-007, SMART-CAUTH-026, SMART-CAUTH-035
#[test]
fn one_audience_and_it_is_this_server() {
    for good in [json!(TOKEN), json!(ISSUER), json!([TOKEN]), json!([ISSUER])] {
        assert_eq!(with_claims(json!({ "aud": good })), Ok(()), "{good}");
    }
    for bad in [
        json!(null),
        json!(""),
        json!([]),
        json!(1),
        json!(true),
        json!({ "aud": TOKEN }),
        json!([[TOKEN]]),
        json!([TOKEN, ISSUER]),
        json!([TOKEN, TOKEN]),
        json!([TOKEN, "https://evil.example/token"]),
        json!("https://as.example/"),
        json!("https://as.example/token/"),
        json!("https://as.example/authorize"),
        json!("https://AS.example/token"),
        json!("https://as.example/token?x"),
        json!("http://as.example/token"),
        json!(format!("{TOKEN} {ISSUER}")),
        json!("https://evil.example/token"),
    ] {
        assert_eq!(with_claims(json!({ "aud": bad })), Err(AssertionError::WrongAudience), "{bad}");
    }
}

/// JWTCA-007
#[test]
fn a_strict_audience_is_the_issuers_text() {
    let strict = AssertionRules { strict_aud: true, ..RULES };
    let of = |aud: Value| {
        let assertion = signed(&header(json!({})), &claims(json!({ "aud": aud })));
        under(&assertion, &Client::honest().keys(), &strict)
    };
    assert_eq!(of(json!(ISSUER)), Ok(()));
    for bad in [json!(TOKEN), json!([ISSUER]), json!([TOKEN])] {
        assert_eq!(of(bad.clone()), Err(AssertionError::WrongAudience), "{bad}");
    }
}

/// A-JWT-09, JWTCA-008, SMART-CAUTH-027, SMART-CAUTH-034
#[test]
fn an_end_too_far_away() {
    for exp in [NOW + 300, NOW + 360] {
        assert_eq!(with_claims(json!({ "exp": exp })), Ok(()), "{exp}");
    }
    let ten_years = NOW + 10 * 365 * 86_400;
    for exp in [NOW + 361, ten_years, 1 << 53] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::LivesTooLong), "{exp}");
    }
    for exp in [json!(null), json!(9e18), json!(1e300), json!(i64::MAX), json!(u64::MAX), json!(-1)] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::BadTime), "{exp}");
    }
    for exp in [json!((NOW + 240).to_string()), json!([NOW + 240]), json!(NOW as f64 + 240.5), json!(true)] {
        assert_eq!(with_claims(json!({ "exp": exp })), token(JwsError::BadTime), "{exp}");
    }
    let nan = claims(json!({})).to_string().replace(&(NOW + 240).to_string(), "NaN");
    let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &nan);
    assert_eq!(verdict(&assertion), token(JwsError::Malformed));
}

/// A-JWT-12, A-KEY-10
#[test]
fn an_end_that_has_come() {
    for ago in [0, 9, 11, 59] {
        assert_eq!(with_claims(json!({ "exp": NOW - ago })), Ok(()), "{ago}");
    }
    for ago in [60, 61, 3600] {
        assert_eq!(with_claims(json!({ "exp": NOW - ago })), token(JwsError::Expired), "{ago}");
    }
}

/// A-JWT-13, A-JWT-14, A-KEY-10
#[test]
fn a_beginning_that_has_not_come() {
    for name in ["nbf", "iat"] {
        for ahead in [-1, 0, 9, 59, 60] {
            assert_eq!(with_claims(json!({ name: NOW + ahead })), Ok(()), "{name} {ahead}");
        }
        for ahead in [61, 120, 86_400] {
            assert_eq!(
                with_claims(json!({ name: NOW + ahead })),
                token(JwsError::NotYetValid),
                "{name} {ahead}"
            );
        }
        for odd in [json!("x"), json!("1"), json!(1.5), json!(-1), json!([NOW]), json!(1e300), json!(false)] {
            assert_eq!(with_claims(json!({ name: odd })), token(JwsError::BadTime), "{name} {odd}");
        }
    }
}

/// A-JWT-15, SMART-CAUTH-029
#[test]
fn an_assertion_from_long_ago() {
    for ago in [0, 300, 360] {
        assert_eq!(with_claims(json!({ "iat": NOW - ago })), Ok(()), "{ago}");
    }
    for ago in [361, 86_400, NOW] {
        assert_eq!(with_claims(json!({ "iat": NOW - ago })), Err(AssertionError::TooOld), "{ago}");
    }
}

/// A-KEY-08, A-KEY-12: whatever the clock says, and whatever the rules, the arithmetic holds.
#[test]
fn times_at_the_edge_do_not_overflow() {
    let assertion = signed(&header(json!({})), &claims(json!({ "iat": NOW, "nbf": 0 })));
    let keys = Client::honest().keys();
    let at =
        |now, leeway| under(&assertion, &keys, &AssertionRules { now: UnixMillis(now), leeway, ..RULES });
    assert_eq!(at(i64::MAX, assertion::LEEWAY), token(JwsError::Expired));
    assert_eq!(at(i64::MIN, assertion::LEEWAY), token(JwsError::LivesTooLong));
    assert_eq!(at(NOW * 1000, Duration::MAX), Ok(()));
    let after_2038 = i64::from(i32::MAX) + 10;
    let late = signed(&header(json!({})), &claims(json!({ "exp": after_2038 + 240, "iat": after_2038 })));
    let now = UnixMillis::from_seconds(after_2038);
    assert_eq!(under(&late, &keys, &AssertionRules { now, ..RULES }), Ok(()));
}

/// JWTCA-006, SMART-CAUTH-024, SMART-CAUTH-025, SMART-CAUTH-031
#[test]
fn issuer_and_subject_are_the_client() {
    for change in [
        json!({ "iss": "other" }),
        json!({ "sub": "other" }),
        json!({ "iss": "other", "sub": "other" }),
        json!({ "iss": null }),
        json!({ "sub": null }),
        json!({ "iss": [SVC] }),
        json!({ "sub": { "a": SVC } }),
        json!({ "iss": "svc ", "sub": "svc " }),
        json!({ "iss": "SVC", "sub": "SVC" }),
    ] {
        assert_eq!(with_claims(change.clone()), Err(AssertionError::WrongClient), "{change}");
    }
}

/// A-JWT-36, A-JWT-37, A-JWT-38, JOSE-003
#[test]
fn claims_can_be_read_in_one_way() {
    let honest = claims(json!({})).to_string();
    let twice = |member: &str| honest.replacen('{', &format!("{{{member},"), 1);
    for claims in [
        twice(r#""sub":"other""#),
        twice(r#""sub":"svc""#),
        twice(r#""s\u0075b":"other""#),
        twice(r#""aud":"x""#),
        twice(r#""exp":1"#),
        format!("{honest} {{}}"),
        format!("{honest}x"),
        format!("\u{feff}{honest}"),
        format!("//x\n{honest}"),
        honest.replacen('{', r#"{"a":/**/1,"#, 1),
        format!("[{honest}]"),
        honest.replacen('{', &format!("{{\"a\":{}{},", "[".repeat(5_000), "]".repeat(5_000)), 1),
    ] {
        let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &claims);
        assert_eq!(verdict(&assertion), token(JwsError::Malformed), "{claims}");
        assert_eq!(assertion::named_client(&assertion), None, "{claims}");
    }
    let head = header(json!({})).to_string();
    for head in [
        head.replacen('{', r#"{"alg":"none","#, 1),
        head.replacen('{', r#"{"kid":"other","#, 1),
        format!("{head} {{}}"),
        format!("\u{feff}{head}"),
    ] {
        let assertion = Client::honest().sign("ES384", &head, &honest);
        assert_eq!(verdict(&assertion), token(JwsError::Malformed), "{head}");
    }
    let deep = honest.replacen('{', &format!("{{\"a\":{}", "[".repeat(100_000)), 1);
    let assertion = Client::honest().sign("ES384", &header(json!({})).to_string(), &deep);
    assert_eq!(verdict(&assertion), token(JwsError::TooLong));
}

/// JWTCA-008, SMART-CAUTH-028, SMART-CAUTH-033
#[test]
fn the_id_is_text_of_a_bounded_length() {
    for jti in ["a", &"x".repeat(256), "ä b/\u{1}"] {
        assert_eq!(with_claims(json!({ "jti": jti })), Ok(()), "{jti}");
    }
    for jti in
        [json!(null), json!(""), json!("x".repeat(257)), json!("ä".repeat(129)), json!(1), json!(["a"])]
    {
        assert_eq!(with_claims(json!({ "jti": jti })), Err(AssertionError::NoId), "{jti}");
    }
}
