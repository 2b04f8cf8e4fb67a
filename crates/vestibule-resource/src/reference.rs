//! What a reference in a resource refers to.

use std::collections::BTreeMap;

use vestibule_scope::ResourceType;

use crate::element::{Element, has, text_of};
use crate::interaction::LogicalId;
use crate::rule::{Rule, on};
use crate::rules::Rules;

/// What a reference refers to, as far as a patient's privacy is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Refers {
    /// A resource of this server.
    To(ResourceType, LogicalId),
    /// Surely no patient: of another type, or just a name.
    NoPatient,
    /// Perhaps a patient that we do not know: on another server, by identifier, contained, or not understood.
    Unknown,
}

/// How references of one resource are read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) rules: &'a Rules,
    /// The resource that contains, for `#id`.
    pub(crate) container: &'a dyn Element,
    /// What entries of the same transaction become, by `fullUrl`.
    pub(crate) entries: &'a BTreeMap<String, (ResourceType, LogicalId)>,
}

impl Reader<'_> {
    /// Reads a `Reference`.
    pub(crate) fn read(&self, reference: &dyn Element) -> Refers {
        match text_of(reference, "reference") {
            Some(text) => self.url(&text),
            // Written twice, or not as text.
            None if has(reference, "reference") => Refers::Unknown,
            None if has(reference, "identifier") => self.by_identifier(reference),
            None => Refers::NoPatient,
        }
    }

    fn by_identifier(&self, reference: &dyn Element) -> Refers {
        let of_type = text_of(reference, "type").and_then(|name| self.rules.version().resource_type(&name));
        match of_type {
            Some(found) if found.name() != "Patient" => Refers::NoPatient,
            _ => Refers::Unknown,
        }
    }

    fn url(&self, text: &str) -> Refers {
        if let Some(id) = text.strip_prefix('#') {
            return self.contained(id);
        }
        if let Some((kind, id)) = self.entries.get(text) {
            return Refers::To(*kind, id.clone());
        }
        match self.rules.relative(text) {
            Some(relative) => local(relative, self.rules),
            None => self.elsewhere(text),
        }
    }

    /// Of another server's resources only the type can be read, and only one that is no patient helps.
    fn elsewhere(&self, text: &str) -> Refers {
        let mut segments = text.rsplit('/');
        let id = segments.next().unwrap_or_default();
        let kind = segments.next().unwrap_or_default();
        if !on(Rule::ForeignReferences) {
            return local(&format!("{kind}/{id}"), self.rules);
        }
        match self.rules.version().resource_type(kind) {
            Some(kind) if kind.name() != "Patient" => Refers::NoPatient,
            _ => Refers::Unknown,
        }
    }

    /// A contained patient is somebody of whom nobody has a record here.
    fn contained(&self, id: &str) -> Refers {
        let mut kinds = Vec::new();
        self.container.each("contained", &mut |inner| {
            if text_of(inner, "id").as_deref() == Some(id) {
                kinds.push(text_of(inner, "resourceType"));
            }
        });
        match kinds.as_slice() {
            [Some(kind)] if kind != "Patient" && self.rules.version().resource_type(kind).is_some() => {
                Refers::NoPatient
            }
            [Some(_)] if !on(Rule::ContainedPatients) => local(&format!("Patient/{id}"), self.rules),
            _ => Refers::Unknown,
        }
    }
}

/// `Type/id`, with a version or without.
pub(crate) fn local(text: &str, rules: &Rules) -> Refers {
    let (kind, id) = match *text.split('/').collect::<Vec<_>>().as_slice() {
        [kind, id] => (kind, id),
        [kind, id, "_history", version] if LogicalId::new(version).is_some() => (kind, id),
        _ => return Refers::Unknown,
    };
    match (rules.version().resource_type(kind), LogicalId::new(id)) {
        (Some(kind), Some(id)) => Refers::To(kind, id),
        _ => Refers::Unknown,
    }
}
