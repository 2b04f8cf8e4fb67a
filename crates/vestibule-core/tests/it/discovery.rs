//! The discovery documents: what must be in them, of which type, and that they say no more than what is wired.

use serde_json::{Value, json};
use vestibule_core::audience::FhirBase;
use vestibule_core::authorize::Fate;
use vestibule_core::discovery::{Endpoints, Wired};

use crate::fixture::{FHIR1, FHIR2, ISSUER, Server, client, set};

fn endpoints() -> Endpoints {
    Endpoints {
        authorization: format!("{ISSUER}/auth/authorize"),
        token: format!("{ISSUER}/auth/token"),
        jwks: format!("{ISSUER}/auth/keys"),
        management: format!("{ISSUER}/auth/manage"),
        introspection: format!("{ISSUER}/auth/introspect"),
        revocation: format!("{ISSUER}/auth/revoke"),
        userinfo: format!("{ISSUER}/auth/userinfo"),
        registration: format!("{ISSUER}/auth/register"),
    }
}

fn wired(endpoints: &Endpoints, [ehr_launch, smart_style, standalone_encounters]: [bool; 3]) -> Wired<'_> {
    Wired {
        v1_scopes: true,
        issuer: ISSUER,
        endpoints,
        id_token_algs: &["RS256"],
        assertion_algs: &["RS384", "ES384"],
        registration: false,
        form_post: false,
        extension_scopes: &[],
        ehr_launch,
        smart_style,
        standalone_encounters,
    }
}

fn bases() -> Vec<FhirBase> {
    vec![FhirBase::new(FHIR1), FhirBase::new(FHIR2)]
}

/// The three documents: SMART, OpenID Connect, RFC 8414.
fn documents(flags: [bool; 3]) -> [Value; 3] {
    let endpoints = endpoints();
    let wired = wired(&endpoints, flags);
    [
        wired.smart_configuration(&bases()[0]),
        wired.openid_configuration(&bases()),
        wired.oauth_authorization_server(&bases()),
    ]
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

const ALL: [bool; 3] = [true; 3];

/// Every combination of what can be wired.
fn every_wiring() -> impl Iterator<Item = [bool; 3]> {
    (0..8).map(|bits| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0])
}

/// SMART-DISC-003, SMART-DISC-006, SMART-DISC-020, SMART-DISC-021, SMART-DISC-022, SMART-DISC-023, SMART-DISC-024, SMART-DISC-025, SMART-DISC-028, SMART-DISC-030, SMART-DISC-031, SMART-DISC-034, SMART-DISC-035, SMART-DISC-042, SMART-DISC-015, SMART-DISC-026, SMART-DISC-061
#[test]
fn smart_configuration_has_its_members() {
    for flags in every_wiring() {
        let [document, ..] = documents(flags);
        for url in ["issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "management_endpoint"] {
            assert!(document[url].as_str().unwrap().starts_with("https://as.example"), "{url}");
        }
        assert_eq!(
            texts(&document["grant_types_supported"]),
            ["authorization_code", "refresh_token", "client_credentials"]
        );
        assert_eq!(texts(&document["response_types_supported"]), ["code"]);
        assert_eq!(texts(&document["code_challenge_methods_supported"]), ["S256"]);
        assert_eq!(
            texts(&document["token_endpoint_auth_methods_supported"]),
            ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
        );
        assert!(!texts(&document["scopes_supported"]).is_empty());
        assert!(!texts(&document["capabilities"]).is_empty());
    }
}

/// META-004, META-005, ISS-003, SMART-IDT-002, SMART-IDT-031, SMART-DISC-062, SMART-AUTHZ-021, SMART-DISC-041, SMART-DISC-060
#[test]
fn issuer_documents_have_their_members() {
    let [_, openid, oauth] = documents(ALL);
    assert_eq!(openid, oauth, "one document at two places");
    assert_eq!(
        openid,
        json!({
            "issuer": ISSUER,
            "jwks_uri": "https://as.example/auth/keys",
            "authorization_endpoint": "https://as.example/auth/authorize",
            "token_endpoint": "https://as.example/auth/token",
            "introspection_endpoint": "https://as.example/auth/introspect",
            "introspection_endpoint_auth_methods_supported":
                ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "introspection_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "revocation_endpoint": "https://as.example/auth/revoke",
            "revocation_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
            "revocation_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "userinfo_endpoint": "https://as.example/auth/userinfo",
            "prompt_values_supported": ["none", "login", "consent", "select_account"],
            "token_endpoint_auth_methods_supported":
                ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "scopes_supported":
                ["openid", "fhirUser", "profile", "launch/patient", "offline_access", "launch", "online_access",
                 "launch/encounter", "patient/*.cruds", "user/*.cruds", "system/*.cruds"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported":
                ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "fhirUser", "profile"],
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
            "claims_parameter_supported": false,
        })
    );
}

/// SMART-PKCE-003, SMART-DISC-036, PKCE-009, A-PKCE-16
#[test]
fn plain_is_nowhere() {
    for document in every_wiring().flat_map(documents) {
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert!(!document.to_string().contains("plain"));
    }
}

/// META-001, META-002, SMART-DISC-020, SMART-IDT-032
#[test]
fn the_issuer_is_the_same_everywhere() {
    for document in every_wiring().flat_map(documents) {
        assert_eq!(document["issuer"], json!(ISSUER), "character for character");
    }
}

/// SMART-CAP-001, SMART-CAP-002, SMART-CAP-003, SMART-CAP-004, SMART-CAP-005, SMART-CAP-010, SMART-CAP-017, SMART-CAP-018, SMART-CAP-019, SMART-CAP-020, SMART-CAP-022, META-005, SMART-BACK-002, SMART-CAP-011, SMART-CAP-012, SMART-CAP-013, SMART-CAP-014, SMART-CAP-016, SMART-CAP-021, SMART-CAP-025, SMART-CAP-026, SMART-CAP-027, SMART-CAP-028, SMART-CAP-030, SMART-CAP-031, SMART-CAP-032, SMART-CAP-033
#[test]
fn capabilities_are_what_is_wired() {
    let always = [
        "launch-standalone",
        "authorize-post",
        "client-public",
        "client-confidential-symmetric",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-patient",
        "permission-offline",
        "permission-user",
        "permission-v1",
        "permission-v2",
    ];
    for [ehr_launch, smart_style, standalone_encounters] in every_wiring() {
        let mut expected = always.to_vec();
        if ehr_launch {
            expected.extend(["launch-ehr", "context-banner", "context-ehr-patient", "context-ehr-encounter"]);
            expected.push("permission-online");
        }
        if ehr_launch && smart_style {
            expected.push("context-style");
        }
        if standalone_encounters {
            expected.push("context-standalone-encounter");
        }
        let [document, ..] = documents([ehr_launch, smart_style, standalone_encounters]);
        let mut got = texts(&document["capabilities"]);
        got.sort_unstable();
        expected.sort_unstable();
        assert_eq!(got, expected);
    }
}

/// SMART-CAP-015, SMART-CAP-023, SMART-CAP-024, SMART-DISC-027, SMART-DISC-032, SMART-DISC-033, META-005
#[test]
fn what_is_not_built_is_not_advertised() {
    for document in every_wiring().flat_map(documents) {
        let text = document.to_string();
        for absent in ["client_secret_jwt", "registration_endpoint", "form_post", "passthrough"] {
            assert!(!text.contains(absent), "{absent}");
        }
    }
}

/// What is listed as a scope can be granted.
///
/// SMART-DISC-028, SMART-DISC-029, META-006, SMART-SCOPE-072
#[test]
fn every_listed_scope_can_be_granted() {
    for [ehr_launch, _, standalone_encounters] in every_wiring() {
        let [document, ..] = documents([ehr_launch, false, standalone_encounters]);
        let server = Server { ehr_launch, standalone_encounters, ..Server::new() };
        let listed = texts(&document["scopes_supported"]);
        // `system/` scopes are for backend services: `client_credentials` grants them, and nothing else.
        let (system, rest): (Vec<&str>, Vec<&str>) =
            listed.iter().partition(|scope| scope.starts_with("system/"));
        assert_eq!(system, ["system/*.cruds"]);
        let asked = rest.join(" ");
        let negotiation = server.negotiate(&asked, &client(), ehr_launch);
        assert!(negotiation.lines().iter().all(|line| line.fate() == Fate::Granted), "{asked}");
        assert_eq!(negotiation.lines().len(), rest.len(), "no doubles");
        assert_eq!(listed.contains(&"launch"), ehr_launch);
        assert_eq!(listed.contains(&"launch/encounter"), ehr_launch || standalone_encounters);
    }
}

/// SMART-DISC-012
#[test]
fn each_base_has_its_own_document() {
    let endpoints = endpoints();
    let wired = wired(&endpoints, ALL);
    let narrow = FhirBase::new(FHIR2).with_scopes(set("patient/Patient.r"));
    let scopes = |base: &FhirBase| wired.smart_configuration(base)["scopes_supported"].clone();
    assert!(texts(&scopes(&bases()[0])).contains(&"patient/*.cruds"));
    assert!(texts(&scopes(&narrow)).contains(&"patient/Patient.r"));
    assert!(!texts(&scopes(&narrow)).contains(&"patient/*.cruds"));
}

/// SMART-DISC-029, AMB-46, USG10-031
#[test]
fn what_a_base_lists_it_also_holds() {
    let wanted = "patient/Observation.rs patient/Condition.rs?category=problem-list-item patient/MedicationOrder.rs \
                  patient/Patient.rs?category=x user/Patient.rs patient/*.rs";
    let base = FhirBase::new(FHIR1).with_scopes(set("patient/*.rs")).with_listed_scopes(set(wanted));
    let endpoints = endpoints();
    let document = wired(&endpoints, ALL).smart_configuration(&base);
    let listed: Vec<&str> =
        texts(&document["scopes_supported"]).into_iter().filter(|scope| scope.contains('/')).collect();
    let resources: Vec<&str> = listed.into_iter().filter(|scope| !scope.starts_with("launch/")).collect();
    assert_eq!(
        resources,
        ["patient/*.rs", "patient/Observation.rs", "patient/Condition.rs?category=problem-list-item"]
    );
}
