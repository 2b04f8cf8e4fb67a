//! `_include` and `_revinclude`: what else is to come with the resources that are found.

use vestibule_scope::ResourceType;

use crate::Unreadable;
use crate::version::FhirVersion;

/// One `_include` or `_revinclude`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// Whether it is a `_revinclude`: what points to the found resources.
    pub reverse: bool,
    /// Whether it also looks at what was included (`:iterate`; `:recurse` in STU3).
    pub iterate: bool,
    /// The type whose references are followed; none for `*`.
    pub source: Option<ResourceType>,
    /// The reference; none for all of them.
    pub reference: Option<String>,
    /// The type that it must lead to, where it is said.
    pub target: Option<ResourceType>,
}

impl Include {
    pub(super) fn parse(
        version: FhirVersion,
        reverse: bool,
        modifier: Option<&str>,
        value: &str,
    ) -> Result<Self, Unreadable> {
        let iterate = match modifier {
            None => false,
            Some("iterate" | "recurse") => true,
            Some(_) => return Err(Unreadable::Parameter),
        };
        if value == "*" {
            return Ok(Self { reverse, iterate, source: None, reference: None, target: None });
        }
        let of = |name: &str| version.resource_type(name).ok_or(Unreadable::Parameter);
        let parts: Vec<&str> = value.split(':').collect();
        let (source, reference, target) = match *parts.as_slice() {
            [source, reference] => (of(source)?, reference, None),
            [source, reference, target] => (of(source)?, reference, Some(of(target)?)),
            _ => return Err(Unreadable::Parameter),
        };
        let is_name = !reference.is_empty()
            && reference.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let reference = match reference {
            "*" => None,
            name if is_name => Some(name.to_owned()),
            _ => return Err(Unreadable::Parameter),
        };
        Ok(Self { reverse, iterate, source: Some(source), reference, target })
    }

    /// The type of what is included, where it can be known.
    pub fn included_type(&self) -> Option<ResourceType> {
        match (self.reverse, self.reference.as_deref()) {
            (true, _) => self.source,
            // The one reference of FHIR that leads to patients only, whatever the type.
            (false, Some("patient")) => self.target.or_else(|| ResourceType::from_name("Patient")),
            (false, _) => self.target,
        }
    }
}
