//! The name of a search parameter: plain, chained, or reverse-chained.

use vestibule_scope::ResourceType;

use crate::Unreadable;
use crate::rule::{Rule, on};
use crate::version::FhirVersion;

/// Deepest chain, and deepest nesting of `_has`.
const MAX_DEPTH: usize = 4;

/// What stands before the `=` of a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Key {
    /// `code`, `code:not`: answered from the resource itself.
    Plain {
        /// The parameter.
        name: String,
        /// Behind its colon.
        modifier: Option<String>,
    },
    /// `subject:Patient.name`, `patient.organization.name`: answered from other resources.
    Chain {
        /// From reference to reference.
        links: Vec<Link>,
        /// The parameter of the last one.
        last: Box<Self>,
    },
    /// `_has:Observation:patient:code`: answered from resources that point here.
    Has {
        /// The type that points here.
        source: ResourceType,
        /// Its parameter that does.
        reference: String,
        /// What is asked of it.
        rest: Box<Self>,
    },
}

/// One reference of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// The parameter.
    pub reference: String,
    /// The type that it must lead to, where it is said.
    pub target: Option<ResourceType>,
}

impl Key {
    pub(super) fn parse(version: FhirVersion, text: &str) -> Result<Self, Unreadable> {
        Self::at_depth(version, text, 0)
    }

    fn at_depth(version: FhirVersion, text: &str, depth: usize) -> Result<Self, Unreadable> {
        if depth > MAX_DEPTH {
            return Err(Unreadable::Parameter);
        }
        if let Some(rest) = text.strip_prefix("_has:") {
            let mut parts = rest.splitn(3, ':');
            let (Some(source), Some(reference), Some(rest)) = (parts.next(), parts.next(), parts.next())
            else {
                return Err(Unreadable::Parameter);
            };
            return Ok(Self::Has {
                source: version.resource_type(source).ok_or(Unreadable::Parameter)?,
                reference: name(reference)?.to_owned(),
                rest: Box::new(Self::at_depth(version, rest, depth + 1)?),
            });
        }
        let mut links = Vec::new();
        let mut rest = text;
        while let Some((link, further)) = rest.split_once('.') {
            let (reference, target) = match link.split_once(':') {
                None => (link, None),
                Some((reference, target)) => {
                    (reference, Some(version.resource_type(target).ok_or(Unreadable::Parameter)?))
                }
            };
            links.push(Link { reference: name(reference)?.to_owned(), target });
            if links.len() > MAX_DEPTH {
                return Err(Unreadable::Parameter);
            }
            rest = further;
        }
        let (last, modifier) = match rest.split_once(':') {
            None => (rest, None),
            Some((last, modifier)) => (last, Some(self::modifier(version, modifier)?.to_owned())),
        };
        let last = Self::Plain { name: name(last)?.to_owned(), modifier };
        Ok(if links.is_empty() { last } else { Self::Chain { links, last: Box::new(last) } })
    }

    /// The parameter that is asked in the end, if it begins with `_`: of FHIR itself, not of a type.
    pub(super) fn underscore(&self) -> Option<&str> {
        match self {
            Self::Plain { name, .. } if name.starts_with('_') => Some(name),
            Self::Plain { .. } => None,
            Self::Chain { last: rest, .. } | Self::Has { rest, .. } => rest.underscore(),
        }
    }
}

/// Letters, digits, `-` and `_`; anything else could separate something for somebody.
fn name(text: &str) -> Result<&str, Unreadable> {
    let sound = text.len() <= 64
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if sound || !on(Rule::ParameterNames) { Ok(text) } else { Err(Unreadable::Parameter) }
}

/// FHIR's modifiers, and types (`subject:Patient=1`).
fn modifier(version: FhirVersion, text: &str) -> Result<&str, Unreadable> {
    const MODIFIERS: [&str; 13] = [
        "above",
        "below",
        "code-text",
        "contains",
        "exact",
        "identifier",
        "in",
        "missing",
        "not",
        "not-in",
        "of-type",
        "text",
        "text-advanced",
    ];
    let known = MODIFIERS.contains(&text) || version.resource_type(text).is_some();
    if known { Ok(text) } else { Err(Unreadable::Parameter) }
}
