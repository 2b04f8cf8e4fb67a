//! Requests to a FHIR server: what has a reading has one that a server cannot read differently, and what is hidden is never decided
//! away.

use std::sync::LazyLock;

use serde_json::{Value, json};
use vestibule_resource::{
    Decision, FhirRequest, FhirVersion, Interaction, Key, Principal, Rules, Search, SearchOf,
};

const BASE: &str = "https://ehr.example/fhir";

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(FhirVersion::R4, BASE));
/// One app for one patient, one for a user with two types, one that may do nothing.
static PRINCIPALS: LazyLock<[Principal; 3]> = LazyLock::new(|| {
    ["patient/*.cruds", "user/Observation.rs user/Patient.rs patient/Encounter.rs?class=AMB", "openid"].map(|scope| {
        let claims = json!({
            "aud": BASE, "sub": "u", "client_id": "app", "jti": "t", "exp": 2_000_000_000, "scope": scope, "patient": "ann",
        });
        Principal::of_living_token(claims.as_object().expect("an object"), BASE).expect("fixed claims")
    })
});

/// Method, space, path and query; then lines: the form, or a JSON body.
pub fn fhir_request(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Some((method, url)) = line.split_once(' ') else { return false };
    let Ok(method) = http::Method::from_bytes(method.as_bytes()) else { return false };
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let body: Option<Value> = serde_json::from_str(rest).ok();
    let form = (body.is_none() && !rest.is_empty()).then_some(rest);
    let request = FhirRequest::new(&method, path).with_query(query).with_form(form).with_body(body.as_ref());
    let Ok(interaction) = request.read(&RULES) else { return false };
    // Nothing to normalise: no server can take it for another path.
    let plain = path.strip_prefix('/').unwrap_or(path);
    assert!(
        !plain.contains("//") && !plain.ends_with('/') && !plain.contains('\\') && !plain.contains(';'),
        "{path:?}"
    );
    assert!(!plain.split('/').any(|segment| matches!(segment, "." | "..")), "{path:?}");
    assert!(!plain.replace("%24", "$").contains('%'), "{path:?}");
    let [of_patient, of_user, of_nobody] =
        PRINCIPALS.each_ref().map(|principal| principal.decide(&interaction, &RULES));
    let is_batch = matches!(interaction, Interaction::Batch(_) | Interaction::Transaction(_));
    if !is_batch && !interaction.is_open() {
        assert!(matches!(of_nobody, Decision::Deny(_)), "{interaction:?}");
        // Asking whether something may be created reads and changes nothing.
        let validates =
            matches!(&interaction, Interaction::Operation(operation) if operation.name == "validate");
        assert!(validates || !matches!(of_patient, Decision::Permit(_)), "{interaction:?}");
    }
    if let Decision::PermitNarrowed(narrowing) = of_patient {
        let others =
            json!({"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/ben"}});
        assert!(!narrowing.check_result(&others).is_permitted());
        assert!(!narrowing.check_submitted(&others).is_permitted());
        assert!(!narrowing.check_resulting(&others).is_permitted());
        let mut bundle = json!({"resourceType": "Bundle", "total": 1, "entry": [{"resource": others}]});
        narrowing.filter_bundle(&mut bundle);
        assert_eq!(bundle, json!({"resourceType": "Bundle"}));
    }
    let _ = of_user;
    true
}

/// A query string on Observations. A chain or `_has` that is permitted reads what the user may search.
pub fn fhir_search(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let Some(kind) = FhirVersion::R4.resource_type("Observation") else { return false };
    let Ok(search) = Search::parse(FhirVersion::R4, SearchOf::Type(kind), text, &[]) else { return false };
    let [_, user, _] = &*PRINCIPALS;
    let decision = user.decide(&Interaction::Search(search.clone()), &RULES);
    if !matches!(decision, Decision::Deny(_)) {
        for filter in search.filters() {
            assert!(stays_open(&filter.key), "{search:?}");
        }
    }
    true
}

/// Whether a key reads Observations and Patients only.
fn stays_open(key: &Key) -> bool {
    let is_open = |name: &str| matches!(name, "Observation" | "Patient");
    match key {
        Key::Plain { .. } => true,
        Key::Chain { links, last } => {
            let open = links.iter().all(|link| match link.target {
                Some(target) => is_open(target.name()),
                None => link.reference == "patient",
            });
            open && stays_open(last)
        }
        Key::Has { source, rest, .. } => is_open(source.name()) && stays_open(rest),
    }
}
