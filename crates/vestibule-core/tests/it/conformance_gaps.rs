//! Requirements that no other file looks at: see `docs/conformance.md`.

use serde_json::json;
use vestibule_host::user::FhirUser;

use crate::fixture::{FHIR1, Issue, decided};

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
