//! What operations read and change (SMART-SCOPE-024). What is not in the table is refused.

use std::collections::BTreeMap;

use vestibule_scope::{Permissions, ResourceType};

use crate::version::FhirVersion;

/// What an operation reads and changes, so that scopes can be asked.
///
/// ```
/// use vestibule_resource::{OperationRule, Target};
/// use vestibule_scope::Permissions;
///
/// // `ValueSet/$expand` reads value sets; `Observation/$lastn` is a search whose answer is a Bundle.
/// let expand = OperationRule::new().on_type().on_instance().needing(Target::Called, Permissions::READ);
/// let lastn = OperationRule::new().on_type().needing(Target::Called, Permissions::SEARCH).answering_bundle();
/// ```
#[derive(Clone, Debug, Default)]
pub struct OperationRule {
    pub(crate) on_system: bool,
    pub(crate) on_type: bool,
    pub(crate) on_instance: bool,
    pub(crate) only: Vec<ResourceType>,
    pub(crate) needs: Vec<(Target, Permissions)>,
    pub(crate) bundle: bool,
    pub(crate) kind: Kind,
}

/// Of which type an operation needs something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The type that it is called on.
    Called,
    /// This one.
    Type(ResourceType),
    /// All types, without narrowing.
    Everything,
}

/// Operations with rules of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Kind {
    #[default]
    Mapped,
    Everything,
    Export,
    Validate,
}

impl OperationRule {
    /// An operation that is called nowhere and needs nothing: say both.
    pub fn new() -> Self {
        Self::default()
    }

    /// May be called on the whole server.
    #[must_use]
    pub const fn on_system(mut self) -> Self {
        self.on_system = true;
        self
    }

    /// May be called on a type.
    #[must_use]
    pub const fn on_type(mut self) -> Self {
        self.on_type = true;
        self
    }

    /// May be called on one resource. That one is checked as if it were read, or whatever else is needed of it.
    #[must_use]
    pub const fn on_instance(mut self) -> Self {
        self.on_instance = true;
        self
    }

    /// Only on these types.
    #[must_use]
    pub fn only_on(mut self, types: impl IntoIterator<Item = ResourceType>) -> Self {
        self.only.extend(types);
        self
    }

    /// It needs all these permissions. Where a scope narrows them, the call is refused, except on an instance (which is checked)
    /// and with [`answering_bundle`](Self::answering_bundle).
    #[must_use]
    pub fn needing(mut self, target: Target, permissions: Permissions) -> Self {
        self.needs.push((target, permissions));
        self
    }

    /// The answer is a Bundle of resources and nothing else, so that it can be filtered.
    #[must_use]
    pub const fn answering_bundle(mut self) -> Self {
        self.bundle = true;
        self
    }
}

pub(super) fn built_in(version: FhirVersion) -> BTreeMap<String, OperationRule> {
    let types =
        |names: &[&str]| names.iter().filter_map(|name| version.resource_type(name)).collect::<Vec<_>>();
    let of = |kind| OperationRule { kind, ..OperationRule::new() };
    BTreeMap::from([
        (
            "everything".to_owned(),
            of(Kind::Everything).on_type().on_instance().only_on(types(&["Patient", "Encounter"])),
        ),
        (
            "export".to_owned(),
            of(Kind::Export).on_system().on_type().on_instance().only_on(types(&["Patient", "Group"])),
        ),
        ("validate".to_owned(), of(Kind::Validate).on_type().on_instance()),
    ])
}
