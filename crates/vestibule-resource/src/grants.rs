//! The scopes of a token, laid out for decisions.

use std::sync::Arc;

use vestibule_host::PatientId;
use vestibule_scope::{Constraint, Level, Permission, ResourceType, Scope, ScopeSet, TypeSpec};

use crate::compartment;
use crate::reach::{Part, Reach};
use crate::rule::{Rule, on};
use crate::rules::Rules;

/// Resource scopes, and whose record `patient/` means.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    pub(crate) scopes: Vec<Scope>,
    /// The patient in context, then linked records that the server named.
    pub(crate) patients: Vec<PatientId>,
}

impl Grants {
    pub(crate) fn new(scopes: &ScopeSet, patients: Vec<PatientId>) -> Self {
        Self {
            scopes: scopes.iter().filter(|scope| scope.as_resource().is_some()).cloned().collect(),
            patients,
        }
    }

    pub(crate) fn is_patient(&self, id: &str) -> bool {
        self.patients.iter().any(|patient| patient.as_str() == id)
    }

    /// What of a type one permission reaches, as the union of what each scope gives (SMART-SCOPE-043).
    pub(crate) fn reach(
        self: &Arc<Self>,
        resource_type: ResourceType,
        permission: Permission,
        rules: &Rules,
    ) -> Reach {
        let mut parts = Vec::new();
        let mut everything = None;
        let mut whole_patient = false;
        for (at, scope) in self.scopes.iter().enumerate() {
            let Some(scope) = scope.as_resource() else { continue };
            // SMART-SCOPE-020, SMART-SCOPE-026, SMART-SCOPE-069
            let gives = (scope.permissions().contains(permission) || !on(Rule::Letters))
                && (scope.resource_type().covers(TypeSpec::Named(resource_type)) || !on(Rule::Types));
            if !gives {
                continue;
            }
            let free = scope.constraint().is_none() || !on(Rule::Constraint);
            match scope.level() {
                Level::User | Level::System if free => {
                    everything = Some(at);
                    break;
                }
                Level::User | Level::System => parts.push(at),
                Level::Patient if self.patients.is_empty() => continue,
                Level::Patient if !compartment::is_reached(resource_type, permission, rules) => continue,
                Level::Patient => {
                    whole_patient |= free;
                    parts.push(at);
                }
            }
        }
        if let Some(at) = everything {
            return Reach::Everything(Part { grants: Arc::clone(self), at });
        }
        let mut parts: Vec<Part> =
            parts.into_iter().map(|at| Part { grants: Arc::clone(self), at }).collect();
        // Everything of a patient includes some of it.
        if whole_patient {
            parts.retain(|part| !part.is_patients() || part.constraint().is_none());
        }
        if parts.is_empty() { Reach::Nothing } else { Reach::Parts(parts) }
    }

    /// Whether a scope gives this on all types there are, without narrowing.
    pub(crate) fn on_everything(&self, permission: Permission) -> bool {
        self.scopes.iter().filter_map(Scope::as_resource).any(|scope| {
            scope.level() != Level::Patient
                && scope.resource_type() == TypeSpec::Any
                && scope.constraint().is_none()
                && scope.permissions().contains(permission)
        })
    }

    /// The same scopes, `system/` ones only.
    pub(crate) fn of_system(&self) -> Arc<Self> {
        let scopes = self.scopes.iter();
        let scopes = scopes.filter(|scope| scope.as_resource().is_some_and(|it| it.level() == Level::System));
        Arc::new(Self { scopes: scopes.cloned().collect(), patients: Vec::new() })
    }

    pub(crate) fn constraint(&self, at: usize) -> Option<&Constraint> {
        let scope = self.scopes.get(at)?.as_resource()?;
        scope.constraint().filter(|_| on(Rule::Constraint))
    }
}
