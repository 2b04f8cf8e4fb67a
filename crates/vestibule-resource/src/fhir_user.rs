//! The resource that describes the user.

use vestibule_scope::ResourceType;

/// The logical type and id behind a `fhirUser` claim, if it is on this very FHIR base: absolute, or relative to it
/// (SMART-IDT-009).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct FhirUser {
    resource_type: ResourceType,
    id: String,
}

impl FhirUser {
    pub(crate) fn on_base(base: &str, reference: &str) -> Option<Self> {
        let relative = if reference.contains("://") {
            reference.strip_prefix(base.strip_suffix('/').unwrap_or(base))?.strip_prefix('/')?
        } else {
            reference
        };
        let (name, id) = relative.split_once('/')?;
        let resource_type = ResourceType::from_name(name)?;
        vestibule_host::PatientId::is_logical_id(id).then(|| Self { resource_type, id: id.to_owned() })
    }

    pub(crate) fn is(&self, resource_type: ResourceType, id: &str) -> bool {
        self.resource_type == resource_type && self.id == id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_on_this_base() {
        let practitioner = ResourceType::from_name("Practitioner").unwrap();
        let is_lee = |base: &str, reference: &str| {
            FhirUser::on_base(base, reference).is_some_and(|user| user.is(practitioner, "lee"))
        };
        for base in ["https://e.example/fhir", "https://e.example/fhir/"] {
            assert!(is_lee(base, "https://e.example/fhir/Practitioner/lee"));
            assert!(is_lee(base, "Practitioner/lee"));
            for elsewhere in [
                "https://e.example/archive/fhir/Practitioner/lee",
                "https://e.example/fhirPractitioner/lee",
                "https://e.example/fhir2/Practitioner/lee",
                "https://evil.example/fhir/Practitioner/lee",
                "/Practitioner/lee",
                "Practitioner/lee/_history/1",
                "Practitioner/lee?x=y",
                "Practitioner/",
                "Practitioner",
                "Patient/lee",
                "",
            ] {
                assert!(!is_lee(base, elsewhere), "{elsewhere}");
            }
        }
    }
}
