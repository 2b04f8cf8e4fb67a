//! The authorize request: each parameter missing, empty, repeated, malformed and wrong.

use vestibule_core::authorize::error::{AuthorizeCode, AuthorizeRefusal};
use vestibule_core::authorize::{Challenge, Refusal, Verifier};
use vestibule_core::params::{MAX_PARAMS, Params};
use vestibule_core::token::TokenError;
use vestibule_host::pages::Problem;

use crate::fixture::{Az, C1, FHIR1, FHIR2, HANDLE, Heard, ISSUER, NOW, Server, V1, client, client_with};

/// How a request is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// A page; nothing is redirected.
    Page(Problem),
    /// A redirect with this error; the `state` that came, if it was usable.
    Red(&'static str),
    /// A redirect without `state`: none came that could be given back.
    RedWithoutState(&'static str),
    Accepted,
}

use Answer::{Accepted, Page, Red, RedWithoutState};

pub(crate) fn check(az: &Az, expected: Answer) {
    let what = az.query();
    let heard = az.send();
    let got = match (&heard, expected) {
        (Heard::Shown(problem), _) => Page(*problem),
        (Heard::Accepted(..), _) => Accepted,
        (Heard::Redirected { .. }, RedWithoutState(_)) => RedWithoutState(heard.error(None)),
        (Heard::Redirected { .. }, _) => Red(heard.error(Some("st1"))),
    };
    assert_eq!(got, expected, "{}", what.chars().take(300).collect::<String>());
}

/// SMART-AUTHZ-001, SMART-AUTHZ-002, SMART-AUTHZ-003, SMART-AUTHZ-005, SMART-AUTHZ-006, SMART-AUTHZ-007, SMART-AUTHZ-009, SMART-AUTHZ-010, SMART-AUTHZ-016, GEN-003, GEN-004, GEN-008, OIDC-010
#[test]
fn required_parameters_missing_empty_repeated_and_malformed() {
    let page = |of: Problem| [Page(of), Page(of), Page(Problem::Malformed), Page(Problem::Malformed)];
    let red = |missing: &'static str, malformed: &'static str| {
        [Red(missing), Red(missing), Red("invalid_request"), Red(malformed)]
    };
    let rows = [
        ("client_id", page(Problem::UnknownClient)),
        ("redirect_uri", page(Problem::UnknownRedirect)),
        ("response_type", red("invalid_request", "invalid_request")),
        ("state", [RedWithoutState("invalid_request"); 4]),
        ("code_challenge", red("invalid_request", "invalid_request")),
        ("code_challenge_method", red("invalid_request", "invalid_request")),
        ("aud", red("invalid_request", "invalid_request")),
        ("scope", red("invalid_scope", "invalid_scope")),
    ];
    check(&Az::new(), Accepted);
    for (name, [missing, empty, repeated, malformed]) in rows {
        check(&Az::new().without(name), missing);
        check(&Az::new().set(name, ""), empty);
        for value in ["x", ""] {
            check(&Az::new().add(name, value), repeated);
        }
        for broken in ["%", "%zz", "a%2", "%ff", "%c3%28", "a%00", "a%0a", "a%7f", "a%c2%85"] {
            check(&Az::new().raw(name, broken), malformed);
        }
    }
}

/// SMART-AUTHZ-004, SMART-AUTHZ-008, SMART-AUTHZ-011, SMART-AUTHZ-012, SMART-AUTHZ-015, SMART-AUTHZ-016, GEN-004, GEN-005
#[test]
fn optional_parameters_empty_repeated_and_malformed() {
    for (name, good, malformed) in [
        ("response_mode", "query", Red("invalid_request")),
        ("nonce", "n-0S6_WzA2Mj", Red("invalid_request")),
        ("launch", HANDLE, Red("invalid_request")),
        ("resource", FHIR1, Red("invalid_target")),
    ] {
        check(&Az::new().add(name, good), Accepted);
        // An empty value is one that was not sent.
        check(&Az::new().add(name, ""), Accepted);
        let repeated = if name == "resource" { Accepted } else { Red("invalid_request") };
        check(&Az::new().add(name, good).add(name, good), repeated);
        check(&Az::new().raw(name, "%zz"), malformed);
        check(&Az::new().raw(name, "%00"), malformed);
    }
    for (hint, good) in [
        ("login_hint", "x"),
        ("display", "x"),
        ("ui_locales", "x"),
        ("claims", "x"),
        ("acr_values", "x"),
        ("max_age", "5"),
        ("prompt", "login"),
        ("foo", "x"),
        ("patient", "x"),
    ] {
        check(&Az::new().add(hint, good), Accepted);
        check(&Az::new().add(hint, good).add(hint, "y"), Red("invalid_request"));
    }
}

/// SMART-AUTHZ-001, SMART-AUTHZ-063, AUTHZ-011, A-AERR-06
#[test]
fn response_type_matrix() {
    for other in
        ["token", "id_token", "code token", "code id_token", "none", "CODE", "code ", " code", "Code"]
    {
        check(&Az::new().set("response_type", other), Red("unsupported_response_type"));
    }
    check(&Az::new().set("response_type", ""), Red("invalid_request"));
    check(&Az::new().without("response_type"), Red("invalid_request"));
}

/// SMART-AUTHZ-014, A-AERR-07
#[test]
fn response_mode_matrix() {
    for other in ["fragment", "web_message", "form_post", "query.jwt", "jwt", "x", "Query", "query "] {
        let heard = Az::new().add("response_mode", other).send();
        let Heard::Redirected { location, .. } = &heard else { panic!("{heard:?}") };
        assert!(!location.contains('#'), "{location}");
        assert_eq!(heard.error(Some("st1")), "invalid_request");
    }
    check(&Az::new().add("response_mode", "query"), Accepted);
}

/// SMART-AUTHZ-012, A-AERR-12, GEN-004
#[test]
fn request_objects_are_refused_by_name() {
    check(&Az::new().add("request", "x.y.z"), Red("request_not_supported"));
    check(&Az::new().add("request_uri", "https://169.254.169.254/"), Red("request_uri_not_supported"));
    // Whatever else is wrong, this is what an app must hear first.
    check(&Az::new().without("response_type").add("request", "x.y.z"), Red("request_not_supported"));
    check(&Az::new().raw("request", "%zz"), Red("request_not_supported"));
    check(&Az::new().add("request", ""), Accepted);
    check(&Az::new().add("request_uri", ""), Accepted);
}

/// SMART-AUTHZ-006, SMART-AUTHZ-051, SMART-AUTHZ-052, AUTHZ-003, AUTHZ-007, A-AERR-10
#[test]
fn state_is_given_back_as_it_came() {
    for state in ["a&b=c+ ~#%", "x", " lead and trail ", "ünïcode ✓", "\"<>\\", &"s".repeat(2048)] {
        let heard = Az::new().set("state", state).without("aud").send();
        assert_eq!(heard.error(Some(state)), "invalid_request");
        let accepted = Az::new().set("state", state).send();
        assert!(matches!(accepted, Heard::Accepted(..)), "{state}");
    }
    let too_long = "s".repeat(2049);
    assert_eq!(Az::new().set("state", &too_long).send().error(None), "invalid_request");
}

/// SMART-AUTHZ-009, SMART-AUTHZ-010, SMART-AUTHZ-060, SMART-PKCE-002, SMART-PKCE-003, PKCE-001, PKCE-002, PKCE-003, A-PKCE-01, A-PKCE-06, A-PKCE-07, A-PKCE-08, NATIVE-003
#[test]
fn pkce_matrix() {
    let none = Az::new().without("code_challenge").without("code_challenge_method");
    check(&none, Red("invalid_request"));
    for method in ["plain", "s256", "S256 ", " S256", "S512", "S256,plain", "none"] {
        check(&Az::new().set("code_challenge_method", method), Red("invalid_request"));
    }
    check(&Az::new().set("code_challenge_method", "plain").set("code_challenge", V1), Red("invalid_request"));
    let last_bits = format!("{}N", C1.strip_suffix('M').unwrap());
    for challenge in [
        &C1[..42],
        &format!("{C1}A"),
        &format!("{C1}="),
        &C1.replace('-', "+"),
        &format!(" {}", &C1[..42]),
        &"ä".repeat(43),
        &last_bits,
        "x",
    ] {
        check(&Az::new().set("code_challenge", challenge), Red("invalid_request"));
    }
    // Confidential or public: nobody is let off.
    let secret = vestibule_host::client::SecretHash::of(&"s".repeat(32)).unwrap();
    let mut confidential = client();
    confidential.authentication =
        vestibule_host::ClientAuthentication::SecretBasic(vec![vestibule_host::ClientSecret::new(secret)]);
    assert_eq!(Server::new().hear(&none.query(), &confidential).error(Some("st1")), "invalid_request");
}

/// SMART-PKCE-004, SMART-PKCE-006, PKCE-005
#[test]
fn verifiers_have_their_form() {
    assert_eq!(Verifier::new(V1).unwrap().challenge(), Challenge::try_from(C1.to_owned()).unwrap());
    for right in ["a".repeat(43), "a".repeat(128), "-._~".repeat(11)] {
        assert!(Verifier::new(&right).is_some(), "{right}");
    }
    for wrong in ["a".repeat(42), "a".repeat(129), String::new(), "a".repeat(42) + "+", "ä".repeat(43)] {
        assert!(Verifier::new(&wrong).is_none(), "{wrong}");
    }
}

/// SMART-AUTHZ-007, SMART-AUTHZ-040, SMART-AUTHZ-041, SMART-AUTHZ-043, RES-004, A-AUD-01, A-AUD-02, A-AUD-03, A-AUD-04, SMART-DISC-063
#[test]
fn aud_is_one_of_the_listed_forms_byte_for_byte() {
    check(&Az::new().set("aud", FHIR2), Accepted);
    for foreign in [
        "https://evil.test/fhir",
        "https://fhir.example/r4/",
        "https://fhir.example/r4/..",
        "https://fhir.example/r4?x",
        "https://fhir.example/r4#",
        "HTTPS://fhir.example/r4",
        "https://FHIR.example/r4",
        "https://fhir.example/R4",
        "http://fhir.example/r4",
        "https://fhir.example:443/r4",
        "https://fhir.example/r4 ",
        "https://fhir.example/r%34",
        "https://fhir.example",
        "fhir.example/r4",
        ISSUER,
    ] {
        check(&Az::new().set("aud", foreign), Red("invalid_request"));
    }
    check(&Az::new().add("aud", FHIR2), Red("invalid_request"));
    check(&Az::new().add("aud", FHIR1), Red("invalid_request"));
}

/// SMART-AUTHZ-043, SMART-AUTHZ-044, A-AUD-12
#[test]
fn an_alias_is_accepted_and_the_canonical_form_is_kept() {
    let mut server = Server::new();
    server.bases[0] = server.bases[0].clone().with_alias("https://fhir.example/r4/");
    let az = Az::new().set("aud", "https://fhir.example/r4/");
    assert_eq!(server.hear(&az.query(), &client()).accepted().base, FHIR1);
    let twice = az.add("resource", FHIR1);
    assert_eq!(server.hear(&twice.query(), &client()).accepted().base, FHIR1, "two forms of one base");
    // A client that is kept to one base cannot name another.
    let mut kept = client();
    kept.fhir_bases = vec![FHIR2.to_owned()];
    assert_eq!(server.hear(&Az::new().query(), &kept).error(Some("st1")), "invalid_request");
    assert_eq!(server.hear(&Az::new().set("aud", FHIR2).query(), &kept).accepted().base, FHIR2);
}

/// SMART-AUTHZ-008, SMART-AUTHZ-046, RES-001, RES-003, RES-006, A-AUD-05, A-AUD-07, SMART-CTX-050
#[test]
fn resource_names_what_aud_names() {
    let alone = Az::new().without("aud");
    assert_eq!(alone.clone().add("resource", FHIR2).send().accepted().base, FHIR2);
    check(&Az::new().add("resource", FHIR1), Accepted);
    check(&Az::new().add("resource", FHIR1).add("resource", FHIR1), Accepted);
    check(&Az::new().add("resource", FHIR2), Red("invalid_target"));
    check(&Az::new().add("resource", FHIR1).add("resource", FHIR2), Red("invalid_target"));
    check(&alone.clone().add("resource", FHIR1).add("resource", FHIR2), Red("invalid_target"));
    for malformed in ["/x", "https://fhir.example/r4#f", "https://evil.test", "https://fhir.example/r4/"] {
        check(&alone.clone().add("resource", malformed), Red("invalid_target"));
        check(&Az::new().add("resource", malformed), Red("invalid_target"));
    }
    // aud is judged first.
    check(&Az::new().set("aud", "https://evil.test").add("resource", FHIR1), Red("invalid_request"));
}

/// SCOPE-001, SCOPE-002, SCOPE-003, SCOPE-007, SMART-AUTHZ-005, SMART-AUTHZ-020, SMART-AUTHZ-064, SMART-SCOPE-004, A-SCOPE-14, A-SCOPE-15, A-SCOPE-16, A-SCOPE-17, A-SCOPE-18, A-SCOPE-20
#[test]
fn scope_strings() {
    for broken in [
        "openid  fhirUser",
        " openid",
        "openid ",
        " ",
        "openid\u{a0}fhirUser",
        "openid\u{2028}fhirUser",
        "openid \"x\"",
        "open\\id",
        "ｏｐｅｎｉｄ",
        "foo bar",
        "need_patient_banner",
        "system/*.rs",
        "offline_access",
        "fhirUser",
    ] {
        check(&Az::new().set("scope", broken), Red("invalid_scope"));
    }
    for control in [
        "openid%0afhirUser",
        "openid%0d",
        "openid%09fhirUser",
        "openid%00",
        "openid%7f",
        "openid%ff",
        "openid%zz",
    ] {
        check(&Az::new().raw("scope", control), Red("invalid_scope"));
    }
    let huge = "a".repeat(100 * 1024);
    check(&Az::new().set("scope", &huge), Red("invalid_scope"));
    let many = vec!["openid"; 513].join(" ");
    check(&Az::new().set("scope", &many), Red("invalid_scope"));
    let full = vec!["openid"; 512].join(" ");
    assert_eq!(Az::new().set("scope", &full).send().accepted().scope, "openid");
    let long = "openid ".to_owned() + &["patient/Observation.rs"; 3].join(" ");
    assert_eq!(Az::new().set("scope", &long).send().accepted().scope, "openid patient/Observation.rs");
    check(&Az::new().set("scope", "openid foo patient/Foo.rs"), Accepted);
}

/// SMART-AUTHZ-004, SMART-LAUNCH-014, SMART-LAUNCH-022, A-LAUNCH-03, A-LAUNCH-09, A-LAUNCH-14, A-LAUNCH-15, SMART-LAUNCH-006, SMART-LAUNCH-007
#[test]
fn launch_handles_have_their_form() {
    let with = |handle: &str| Az::new().add("launch", handle).set("scope", "launch patient/Observation.rs");
    check(&with(HANDLE), Accepted);
    let code = HANDLE.replace("vl_", "vc_");
    for wrong in [
        "x",
        &HANDLE[..45],
        &format!("{HANDLE}A"),
        &HANDLE.replace("vl_", ""),
        &code,
        &HANDLE.replace("vl_", "VL_"),
        &format!("{}+", &HANDLE[..45]),
        &format!("{}ä", &HANDLE[..45]),
        &"A".repeat(64 * 1024),
    ] {
        check(&with(wrong), Red("invalid_request"));
    }
    check(&with(HANDLE).add("launch", HANDLE), Red("invalid_request"));
    check(&Az::new().set("scope", "launch patient/Observation.rs"), Red("invalid_request"));
    // An empty handle is none.
    check(&with(""), Red("invalid_request"));
    check(&Az::new().add("launch", HANDLE), Accepted);
    // Not wired: every handle is unusable, and nothing turns into a standalone launch.
    let server = Server { ehr_launch: false, ..Server::new() };
    assert_eq!(server.hear(&with(HANDLE).query(), &client()).error(Some("st1")), "invalid_request");
    assert_eq!(
        server.hear(&Az::new().add("launch", HANDLE).query(), &client()).error(Some("st1")),
        "invalid_request"
    );
    // Another issuer's handle is another launch.
    let [here, there] =
        [ISSUER, "https://as2.example"].map(|issuer| vestibule_core::digest::launch(issuer, HANDLE));
    assert_eq!(with(HANDLE).send().accepted().launch, Some(here));
    assert_ne!(here, there);
}

/// SMART-AUTHZ-011, SMART-IDT-015
#[test]
fn nonce_is_bounded_and_kept() {
    for nonce in ["n-0S6_WzA2Mj", "spaced out", &"n".repeat(512)] {
        assert_eq!(Az::new().add("nonce", nonce).send().accepted().nonce.as_deref(), Some(nonce));
    }
    check(&Az::new().add("nonce", &"n".repeat(513)), Red("invalid_request"));
    assert_eq!(Az::new().add("nonce", "").send().accepted().nonce, None);
}

/// The order of smart.md 2.5: of two mistakes the earlier one is told.
///
/// SMART-AUTHZ-030, SMART-AUTHZ-060
#[test]
fn validation_has_its_order() {
    type Mistake = (&'static str, fn(Az) -> Az, Answer);
    let mistakes: [Mistake; 9] = [
        ("client_id", |az| az.set("client_id", "nope"), Page(Problem::UnknownClient)),
        ("redirect_uri", |az| az.set("redirect_uri", "https://evil.test/"), Page(Problem::UnknownRedirect)),
        ("request", |az| az.add("request", "x"), Red("request_not_supported")),
        ("response_type", |az| az.set("response_type", "token"), Red("unsupported_response_type")),
        ("code_challenge_method", |az| az.set("code_challenge_method", "plain"), Red("invalid_request")),
        ("resource", |az| az.add("resource", FHIR2), Red("invalid_target")),
        ("scope", |az| az.set("scope", "bad  scope"), Red("invalid_scope")),
        ("launch", |az| az.add("launch", "x"), Red("invalid_request")),
        ("nonce", |az| az.add("nonce", &"n".repeat(513)), Red("invalid_request")),
    ];
    for (at, (_, earlier, expected)) in mistakes.iter().enumerate() {
        let later = &mistakes[at..];
        check(&later.iter().fold(Az::new(), |az, (_, make, _)| make(az)), *expected);
        for (name, make, _) in later.iter().skip(1) {
            let az = make(earlier(Az::new()));
            assert!(!name.is_empty());
            check(&az, *expected);
        }
    }
}

/// SCOPE-003, SMART-AUTHZ-064, SMART-SCOPE-004, SMART-SCOPE-112
#[test]
fn strict_clients_get_all_or_nothing() {
    let server = Server::new();
    let mut strict = client_with("openid patient/Observation.rs");
    strict.strict_scopes = true;
    for (scope, fine) in [
        ("openid patient/Observation.rs", true),
        ("patient/Observation.r", true),
        ("openid openid", true),
        ("openid patient/*.rs", false),
        ("openid foo", false),
        ("openid fhirUser", false),
    ] {
        let heard = server.hear(&Az::new().set("scope", scope).query(), &strict);
        if fine {
            assert!(matches!(heard, Heard::Accepted(..)), "{scope}");
        } else {
            assert_eq!(heard.error(Some("st1")), "invalid_scope", "{scope}");
        }
    }
}

/// SMART-AUTHZ-016, GEN-009
#[test]
fn parameters_are_counted_before_they_are_read() {
    assert!(Params::parse("a&".repeat(MAX_PARAMS).as_bytes()).is_ok());
    assert!(Params::parse("a&".repeat(MAX_PARAMS + 1).as_bytes()).is_err());
    assert!(Params::parse("%zz=%zz&".repeat(100_000).as_bytes()).is_err());
}

/// AUTHZ-013, INT-021, SMART-AUTHZ-057
#[test]
fn a_request_keeps_what_was_asked_and_when_it_ends() {
    let request = Az::new().add("nonce", "n1").send().accepted();
    assert_eq!(request.client.as_str(), "pub");
    assert_eq!(request.base, FHIR1);
    assert_eq!(request.scope, "launch/patient patient/Observation.rs offline_access");
    assert_eq!(request.proof.as_str(), C1);
    assert_eq!(request.expires.0, NOW.0 + 600_000);
    // Nothing of it is shown by a log line.
    let debug = format!("{request:?}");
    assert!(!debug.contains("st1") && !debug.contains("n1") && !debug.contains(C1), "{debug}");
}

/// GEN-011: %x20-21 / %x23-5B / %x5D-7E
fn is_clean(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// GEN-011, GEN-012, A-PKCE-01, SMART-AUTHZ-065
#[test]
fn every_error_uses_the_allowed_characters() {
    let codes = [
        AuthorizeCode::InvalidRequest,
        AuthorizeCode::UnauthorizedClient,
        AuthorizeCode::AccessDenied,
        AuthorizeCode::UnsupportedResponseType,
        AuthorizeCode::InvalidScope,
        AuthorizeCode::ServerError,
        AuthorizeCode::TemporarilyUnavailable,
        AuthorizeCode::InvalidTarget,
        AuthorizeCode::RequestNotSupported,
        AuthorizeCode::RequestUriNotSupported,
        AuthorizeCode::RegistrationNotSupported,
        AuthorizeCode::LoginRequired,
        AuthorizeCode::ConsentRequired,
        AuthorizeCode::InteractionRequired,
        AuthorizeCode::UnmetAuthenticationRequirements,
    ];
    for code in codes {
        assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code:?}");
    }
    let refusals = [
        Refusal::LaunchUser,
        Refusal::PatientDenied,
        Refusal::NoRecord,
        Refusal::EncounterMismatch,
        Refusal::UserSaidNo,
        Refusal::NotAllowed,
        Refusal::SignInAgain,
        Refusal::ConsentWithdrawn,
        Refusal::NothingLeft,
    ];
    let told = refusals.into_iter().filter_map(Refusal::for_app);
    for refusal in told.chain([AuthorizeRefusal::unavailable(), AuthorizeRefusal::internal()]) {
        assert!(is_clean(refusal.description), "{refusal:?}");
    }
    for token in [
        TokenError::InvalidRequest("why"),
        TokenError::InvalidClient { header: true },
        TokenError::InvalidGrant,
        TokenError::UnauthorizedClient,
        TokenError::UnsupportedGrantType,
        TokenError::TemporarilyUnavailable,
        TokenError::ServerError,
    ] {
        assert!(is_clean(token.description()) && is_clean(token.code()), "{token:?}");
    }
    // Every refusal that validation itself can make, with a request full of things to echo.
    let poison = "\"\\<script>p0ison";
    for name in [
        "response_type",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "aud",
        "resource",
        "scope",
        "launch",
        "request",
        "request_uri",
        "registration",
        "prompt",
        "max_age",
        "id_token_hint",
    ] {
        let Heard::Redirected { refusal, .. } = Az::new().set(name, poison).send() else { panic!("{name}") };
        assert!(is_clean(refusal.description), "{name}");
        assert!(!refusal.description.contains("p0ison"), "{name}");
    }
}
