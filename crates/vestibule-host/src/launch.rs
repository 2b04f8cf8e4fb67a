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
    /// What nobody standardized.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
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

    /// With a parameter of an extension (SMART-CTX-009): `__name`, or a full URI, with any JSON value.
    ///
    /// ```
    /// use vestibule_host::LaunchContext;
    /// let context = LaunchContext::new().with_extension("__darkMode", true.into()).unwrap();
    /// assert_eq!(context.extensions.members()["__darkMode"], true);
    /// assert!(context.with_extension("access_token", "mine".into()).is_err());
    /// ```
    ///
    /// # Errors
    /// [`ExtensionError`] for a name that could be somebody else's, and for too much.
    pub fn with_extension(mut self, name: impl Into<String>, value: Value) -> Result<Self, ExtensionError> {
        let mut members = self.extensions.0;
        members.insert(name.into(), value);
        self.extensions = Extensions::try_from(members)?;
        Ok(self)
    }

    /// With an opaque text for the app.
    #[must_use]
    pub fn with_app_context(mut self, text: impl Into<String>) -> Self {
        self.app_context = Some(text.into());
        self
    }
}

/// Parameters of extensions, beside the standard ones in a token response: checked when they are made, so that none can pass for
/// a standard one (SMART-CTX-009).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Extensions(Map<String, Value>);

/// Why something is no extension parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Neither `__name` nor a URI.
    #[error("the name of an extension begins with two underscores, or is a full URI")]
    Name,
    /// Left out rather than sent (SMART-CTX-015).
    #[error("an extension without a value is left out")]
    Empty,
    /// More than an answer should carry.
    #[error("at most 16 extensions, with 4096 bytes together")]
    TooMuch,
}

impl Extensions {
    /// None.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members as they go into the token response.
    pub const fn members(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl TryFrom<Map<String, Value>> for Extensions {
    type Error = ExtensionError;

    fn try_from(members: Map<String, Value>) -> Result<Self, Self::Error> {
        let is_name = |name: &str| {
            let plain =
                name.len() <= 200 && name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
            let own = name.strip_prefix("__").is_some_and(|rest| !rest.is_empty());
            let scheme =
                name.split_once(':').map_or("", |(scheme, rest)| if rest.is_empty() { "" } else { scheme });
            let uri = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
            plain && (own || uri)
        };
        let is_nothing = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if !members.keys().all(|name| is_name(name)) {
            return Err(ExtensionError::Name);
        }
        if members.values().any(is_nothing) {
            return Err(ExtensionError::Empty);
        }
        let size = serde_json::to_vec(&members).map_or(usize::MAX, |text| text.len());
        if members.len() > 16 || size > 4_096 {
            return Err(ExtensionError::TooMuch);
        }
        Ok(Self(members))
    }
}

impl From<Extensions> for Map<String, Value> {
    fn from(extensions: Extensions) -> Self {
        extensions.0
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

    /// The entry as SMART 2.0 had it: a reference and nothing more (SMART-CTX-030). `None` for what that cannot say.
    pub fn as_string(&self) -> Option<&str> {
        let role = self.0.get("role").and_then(Value::as_str);
        let plain = role.is_none_or(|role| role == "launch");
        self.0.get("reference").and_then(Value::as_str).filter(|_| plain)
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

    /// SMART-CTX-009, SMART-CTX-015
    #[test]
    fn extensions_are_checked() {
        let one = |name: &str, value: Value| LaunchContext::new().with_extension(name, value).err();
        for name in ["__darkMode", "__x", "https://ehr.example/ext/room", "urn:oid:1.2.3"] {
            assert_eq!(one(name, json!({"a": [1]})), None, "{name}");
        }
        for name in
            ["", "_", "__", "patient", "access_token", "scope", ":", "a:", "1:x", "__a b", "__\"", "x y:z"]
        {
            assert_eq!(one(name, json!(1)), Some(ExtensionError::Name), "{name}");
        }
        for value in [json!(null), json!(""), json!([])] {
            assert_eq!(one("__x", value), Some(ExtensionError::Empty));
        }
        assert_eq!(one("__x", json!("a".repeat(4_096))), Some(ExtensionError::TooMuch));
        let many = (0..17)
            .try_fold(LaunchContext::new(), |context, n| context.with_extension(format!("__{n}"), json!(1)));
        assert_eq!(many.err(), Some(ExtensionError::TooMuch));
        assert!(serde_json::from_value::<LaunchContext>(json!({"extensions": {"patient": "P9"}})).is_err());
    }

    /// SMART-CTX-030
    #[test]
    fn entries_of_smart_2_0() {
        let of = |value: Value| {
            let Value::Object(members) = value else { panic!("an object") };
            FhirContextItem::try_from(members).unwrap().as_string().map(str::to_owned)
        };
        assert_eq!(
            of(json!({"reference": "ImagingStudy/55", "type": "ImagingStudy"})).as_deref(),
            Some("ImagingStudy/55")
        );
        assert_eq!(of(json!({"reference": "List/a", "role": "launch"})).as_deref(), Some("List/a"));
        assert_eq!(of(json!({"reference": "List/a", "role": "https://example.org/r"})), None);
        assert_eq!(of(json!({"canonical": "https://example.org/Questionnaire/1"})), None);
    }

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
