//! What a server says about itself: its release and addresses, and what it lets `patient/` scopes reach.
//!
//! Every default is the narrow one.

mod operations;
mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vestibule_scope::ResourceType;

use crate::version::FhirVersion;

pub(crate) use operations::Kind;
pub use operations::{OperationRule, Target};

/// Configuration of the decisions for one FHIR base. Cheap to clone.
///
/// What `patient/` scopes reach, besides the patient compartment, is here (SMART-SCOPE-064), and so are the answers to what
/// FHIR and SMART leave open.
///
/// * **Types outside the compartment**: Practitioner, PractitionerRole, Organization, OrganizationAffiliation, Location, HealthcareService, Endpoint, Medication,
///   the definitional and terminology types; and a Device that names the patient. Read only. Others are out of reach until [`with_outside_types`](Self::with_outside_types).
/// * **Resources about several patients** belong to none of them.
/// * **`Patient.link`** is not followed (SMART-SCOPE-065). A server that knows of other records of the same person names them
///   with [`Principal::with_linked_patients`](crate::Principal::with_linked_patients).
/// * **Operations**: `$everything`, `$export`, `$validate`; others by [`with_operation`](Self::with_operation) (SMART-SCOPE-024).
#[derive(Clone, Debug)]
pub struct Rules(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    version: FhirVersion,
    bases: Vec<String>,
    outside: BTreeSet<ResourceType>,
    paging: Vec<String>,
    max_entries: usize,
    operations: BTreeMap<String, OperationRule>,
}

impl Rules {
    /// The defaults for a base, as it is written in references.
    pub fn new(version: FhirVersion, base: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            version,
            bases: vec![base.into()],
            outside: outside::by_default(version),
            paging: Vec::new(),
            max_entries: 1000,
            operations: operations::built_in(version),
        }))
    }

    /// Another form of the base that absolute references may have.
    #[must_use]
    pub fn with_alias(mut self, base: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).bases.push(base.into());
        self
    }

    /// Lets `patient/` scopes read these types too, although they are outside the compartment. A resource of theirs that names
    /// another patient as its `patient` or `subject` stays out of reach.
    #[must_use]
    pub fn with_outside_types(mut self, types: impl IntoIterator<Item = ResourceType>) -> Self {
        Arc::make_mut(&mut self.0).outside.extend(types);
        self
    }

    /// Keeps `patient/` scopes from these types outside the compartment.
    #[must_use]
    pub fn without_outside_types(mut self, types: impl IntoIterator<Item = ResourceType>) -> Self {
        let outside = &mut Arc::make_mut(&mut self.0).outside;
        for kind in types {
            outside.remove(&kind);
        }
        self
    }

    /// A parameter of the server's own paging, such as `_offset`. It must read nothing and open no other search's pages.
    ///
    /// A page that is asked for with it may hold whatever the first request included, which is not repeated: what came along is then
    /// shown if `r` or `s` permits it and any reference ties it to something shown on the same page. What is tied only to an earlier page
    /// is left out. Where the parameter stands for the whole search (`_getpages`, asked of the base), scopes are asked for as for
    /// a search of all types.
    #[must_use]
    pub fn with_paging_parameter(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).paging.push(name.into());
        self
    }

    /// Most entries of a batch or transaction (1000).
    #[must_use]
    pub fn with_max_entries(mut self, entries: usize) -> Self {
        Arc::make_mut(&mut self.0).max_entries = entries;
        self
    }

    /// What an operation reads and changes. `name` is without the `$`.
    #[must_use]
    pub fn with_operation(mut self, name: impl Into<String>, rule: OperationRule) -> Self {
        Arc::make_mut(&mut self.0).operations.insert(name.into(), rule);
        self
    }

    /// The release.
    pub fn version(&self) -> FhirVersion {
        self.0.version
    }

    pub(crate) fn reaches_outside(&self, resource_type: ResourceType) -> bool {
        self.0.outside.contains(&resource_type)
    }

    /// Whether nothing of the type is about a patient. Of other types outside the compartment some may be, and hidden.
    pub(crate) fn is_nobodys(resource_type: ResourceType) -> bool {
        outside::is_nobodys(resource_type)
    }

    pub(crate) fn paging_parameters(&self) -> &[String] {
        &self.0.paging
    }

    pub(crate) fn max_entries(&self) -> usize {
        self.0.max_entries
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&OperationRule> {
        self.0.operations.get(name)
    }

    /// A URL without this base; a relative one as it is; nothing for another server's.
    pub(crate) fn relative<'u>(&self, url: &'u str) -> Option<&'u str> {
        if !url.contains(':') {
            return Some(url);
        }
        self.0.bases.iter().find_map(|base| {
            let rest = url.strip_prefix(base.strip_suffix('/').unwrap_or(base))?;
            if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
        })
    }
}
