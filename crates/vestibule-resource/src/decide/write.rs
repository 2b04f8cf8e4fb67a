//! Create, update, patch, delete, and their conditional forms.

use vestibule_scope::Permission;

use super::{Decider, Decision, Denial, Grounds};
use crate::check::Need;
use crate::interaction::{Act, Write};
use crate::reach::Reach;
use crate::rule::{Rule, on};
use crate::search::{Search, SearchOf};

impl Act {
    /// The letter that a scope must give. Update covers update-as-create (SMART-SCOPE-021).
    pub const fn permission(self) -> Permission {
        match self {
            Self::Create => Permission::Create,
            Self::Update | Self::Patch => Permission::Update,
            Self::Delete => Permission::Delete,
        }
    }

    pub(crate) const fn need(self) -> Need {
        match self {
            Self::Create => Need::All(&[Permission::Create]),
            Self::Update | Self::Patch => Need::All(&[Permission::Update]),
            Self::Delete => Need::All(&[Permission::Delete]),
        }
    }
}

impl Decider<'_> {
    pub(super) fn write(&self, write: &Write) -> Result<Decision, Denial> {
        let kind = write.resource_type;
        let reach = self.reach(kind, write.act.permission())?;
        if let Some(id) = &write.id {
            self.not_of_another(kind, id, &reach)?;
        }
        let creates = write.act == Act::Create;
        if creates && kind.name() == "Patient" && reach.is_patients_only() && on(Rule::NewPatients) {
            return Err(Denial::NewPatient);
        }
        self.references(&write.references)?;
        let condition = match &write.condition {
            Some(search) if on(Rule::ConditionalSearch) => Some(self.search(search)?),
            _ => None,
        };
        let narrowed = match condition {
            Some(Decision::PermitNarrowed(narrowing)) => Some(narrowing),
            _ => None,
        };
        match reach {
            Reach::Everything(part) if narrowed.is_none() => Ok(Decision::Permit(Grounds::new(vec![part]))),
            reach => {
                let mut narrowing = self.narrowing(vec![kind], write.act.need(), &reach);
                narrowing.act = Some(write.act);
                narrowing.condition = narrowed.map(Box::new);
                Ok(Decision::PermitNarrowed(narrowing))
            }
        }
    }
    /// References by search: the server resolves them by searching all there is.
    pub(super) fn references(&self, references: &[Search]) -> Result<(), Denial> {
        for reference in references {
            let SearchOf::Type(target) = reference.of() else { return Err(Denial::Chain) };
            let open = self.grants.reach(*target, Permission::Search, self.rules).is_everything();
            if !open && on(Rule::ConditionalReferences) {
                return Err(Denial::no_scope(Permission::Search, Some(*target)));
            }
            self.filters(reference, None)?;
        }
        Ok(())
    }
}
