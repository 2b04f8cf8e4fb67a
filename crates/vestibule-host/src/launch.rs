//! What an EHR hands to an app at launch.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{EncounterId, PatientId};

/// The context of an EHR launch: what the app finds beside its access token (SMART-CTX-001 to -009).
///
/// ```
/// use vestibule_host::{LaunchContext, PatientId};
/// let context = LaunchContext::new().with_patient(PatientId::new("p1")).with_intent("reconcile-medications");
/// assert_eq!(context.patient.as_ref().map(PatientId::as_str), Some("p1"));
/// ```
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LaunchContext {
    /// The patient whose record is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The encounter that is open. It must belong to `patient` (E10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<EncounterId>,
    /// Other resources in context.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fhir_context: Vec<FhirContextItem>,
    /// What the app should show; agreed between app and EHR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<String>,
    /// Whether the app must show who the patient is. Sent in every EHR launch, also when `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need_patient_banner: Option<bool>,
    /// Where a SMART style document can be fetched without a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smart_style_url: Option<String>,
    /// An opaque id of the organization that launches the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Passed through from a CDS Hooks link or a launch Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_context: Option<String>,
}

impl LaunchContext {
    /// Nothing open.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this patient's record open.
    #[must_use]
    pub fn with_patient(mut self, patient: PatientId) -> Self {
        self.patient = Some(patient);
        self
    }

    /// With this encounter open.
    #[must_use]
    pub fn with_encounter(mut self, encounter: EncounterId) -> Self {
        self.encounter = Some(encounter);
        self
    }

    /// With another resource in context.
    #[must_use]
    pub fn with_fhir_context(mut self, item: FhirContextItem) -> Self {
        self.fhir_context.push(item);
        self
    }

    /// With an intent.
    #[must_use]
    pub fn with_intent(mut self, intent: impl Into<String>) -> Self {
        self.intent = Some(intent.into());
        self
    }

    /// With the banner question answered.
    #[must_use]
    pub const fn with_need_patient_banner(mut self, needed: bool) -> Self {
        self.need_patient_banner = Some(needed);
        self
    }

    /// With a style document.
    #[must_use]
    pub fn with_smart_style_url(mut self, url: impl Into<String>) -> Self {
        self.smart_style_url = Some(url.into());
        self
    }

    /// With the organization's id.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// With an opaque text for the app.
    #[must_use]
    pub fn with_app_context(mut self, text: impl Into<String>) -> Self {
        self.app_context = Some(text.into());
        self
    }
}

/// One entry of `fhirContext`: checked when it is made, so that no wrong one can be sent (SMART-CTX-020 to -027).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct FhirContextItem(Map<String, Value>);

/// Why an object is no `fhirContext` entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FhirContextError {
    /// None of `reference`, `canonical`, `identifier` (SMART-CTX-020).
    #[error("an entry needs a reference, a canonical or an identifier")]
    NoPointer,
    /// Not `Type/id` (SMART-CTX-021).
    #[error("reference must be a relative reference such as ImagingStudy/55")]
    Reference,
    /// Not a URL (SMART-CTX-022).
    #[error("canonical must be an absolute http or https URL")]
    Canonical,
    /// Not an object (SMART-CTX-023).
    #[error("identifier must be a FHIR Identifier object")]
    Identifier,
    /// Not a non-empty text (SMART-CTX-025, -026).
    #[error("role must be a non-empty absolute URI, or launch")]
    Role,
    /// Not a text.
    #[error("type must be the name of a FHIR resource type")]
    Type,
    /// Patient or Encounter without a role of its own (SMART-CTX-027).
    #[error("a Patient or Encounter entry needs a role other than launch")]
    TopLevelType,
}

impl FhirContextItem {
    /// An entry that points to a resource on the same FHIR base, for example `ImagingStudy/55`.
    ///
    /// # Errors
    /// [`FhirContextError`] when the reference is not relative or needs a role.
    pub fn reference(reference: &str) -> Result<Self, FhirContextError> {
        let mut members = Map::new();
        members.insert("reference".into(), Value::from(reference));
        Self::try_from(members)
    }

    /// The members as they go into the token response.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl TryFrom<Map<String, Value>> for FhirContextItem {
    type Error = FhirContextError;

    fn try_from(members: Map<String, Value>) -> Result<Self, Self::Error> {
        let text = |name: &str, wrong| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str())),
            Some(_) => Err(wrong),
        };
        let reference = text("reference", FhirContextError::Reference)?;
        let canonical = text("canonical", FhirContextError::Canonical)?;
        let role = text("role", FhirContextError::Role)?;
        let named = text("type", FhirContextError::Type)?;
        let identifier = members.get("identifier");
        if reference.is_none() && canonical.is_none() && identifier.is_none() {
            return Err(FhirContextError::NoPointer);
        }
        if identifier.is_some_and(|value| !value.is_object()) {
            return Err(FhirContextError::Identifier);
        }
        let is_type = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.bytes().all(|b| b.is_ascii_alphabetic())
        };
        if named.is_some_and(|name| !is_type(name)) {
            return Err(FhirContextError::Type);
        }
        let mut types = Vec::new();
        types.extend(named);
        if let Some(reference) = reference {
            match reference.split_once('/') {
                Some((kind, id)) if is_type(kind) && PatientId::is_logical_id(id) => types.push(kind),
                _ => return Err(FhirContextError::Reference),
            }
        }
        if canonical.is_some_and(|url| !(url.starts_with("https://") || url.starts_with("http://"))) {
            return Err(FhirContextError::Canonical);
        }
        if role.is_some_and(|role| role != "launch" && !role.contains(':')) {
            return Err(FhirContextError::Role);
        }
        let has_own_role = role.is_some_and(|role| role != "launch");
        if !has_own_role && types.iter().any(|kind| matches!(*kind, "Patient" | "Encounter")) {
            return Err(FhirContextError::TopLevelType);
        }
        Ok(Self(members))
    }
}

impl From<FhirContextItem> for Map<String, Value> {
    fn from(item: FhirContextItem) -> Self {
        item.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// SMART-CTX-022, SMART-CTX-023, SMART-CTX-024, SMART-CTX-025
    #[test]
    fn entries_are_checked() {
        let cases = [
            (json!({"reference": "ImagingStudy/55"}), None),
            (json!({"reference": "List/a", "role": "https://example.org/role"}), None),
            (
                json!({"canonical": "https://example.org/Questionnaire/phq9|2.0", "type": "Questionnaire"}),
                None,
            ),
            (json!({"identifier": {"system": "https://ids.example", "value": "A-17"}}), None),
            (json!({"reference": "Patient/1", "role": "https://example.org/newborn"}), None),
            (json!({}), Some(FhirContextError::NoPointer)),
            (json!({"role": "x:y"}), Some(FhirContextError::NoPointer)),
            (json!({"reference": "https://x/ImagingStudy/55"}), Some(FhirContextError::Reference)),
            (json!({"reference": "ImagingStudy/a b"}), Some(FhirContextError::Reference)),
            (json!({"reference": 5}), Some(FhirContextError::Reference)),
            (json!({"canonical": "urn:x"}), Some(FhirContextError::Canonical)),
            (json!({"identifier": "x"}), Some(FhirContextError::Identifier)),
            (json!({"reference": "List/a", "role": ""}), Some(FhirContextError::Role)),
            (json!({"reference": "List/a", "role": "friend"}), Some(FhirContextError::Role)),
            (json!({"reference": "Patient/1"}), Some(FhirContextError::TopLevelType)),
            (json!({"reference": "Encounter/1", "role": "launch"}), Some(FhirContextError::TopLevelType)),
            (json!({"identifier": {}, "type": "Patient"}), Some(FhirContextError::TopLevelType)),
        ];
        for (value, expected) in cases {
            let Value::Object(members) = value.clone() else { panic!("{value}") };
            assert_eq!(FhirContextItem::try_from(members).err(), expected, "{value}");
        }
    }
}
