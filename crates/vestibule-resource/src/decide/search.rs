//! Searches: what is found, what is read to find it, and what comes with it.

use vestibule_scope::{Permission, ResourceType};

use super::{Decider, Decision, Denial, Grounds};
use crate::check::Need;
use crate::interaction::Instance;
use crate::reach::Reach;
use crate::rule::{Rule, on};
use crate::search::{Include, Search, SearchOf};

impl Decider<'_> {
    pub(super) fn search(&self, search: &Search) -> Result<Decision, Denial> {
        let decision = match search.of() {
            SearchOf::Type(kind) => self.of_type(search, *kind)?,
            SearchOf::Compartment(whose, Some(kind)) => {
                self.compartment(whose, *kind)?;
                self.of_type(search, *kind)?
            }
            SearchOf::Compartment(whose, None) => {
                self.compartment_of_all(whose)?;
                self.of_types(search)?
            }
            SearchOf::System => self.of_types(search)?,
        };
        Ok(decision)
    }

    fn of_type(&self, search: &Search, kind: ResourceType) -> Result<Decision, Denial> {
        let reach = self.reach(kind, Permission::Search)?;
        self.filters(search, Some((kind, &reach)))?;
        if let Reach::Everything(part) = &reach
            && self.includes_are_open(search)
        {
            return Ok(Decision::Permit(Grounds::new(vec![part.clone()])));
        }
        let mut narrowing = self.narrowing(vec![kind], Need::All(&[Permission::Search]), &reach);
        narrowing.searches(search);
        Ok(Decision::PermitNarrowed(narrowing))
    }

    /// SMART-SCOPE-023: a `_type` list that is covered, each of it; or what there are scopes for.
    fn of_types(&self, search: &Search) -> Result<Decision, Denial> {
        self.filters(search, None)?;
        let need = Need::All(&[Permission::Search]);
        let mut narrowing = match search.types() {
            None if self.grants.on_everything(Permission::Search) => {
                return self.open_or_narrowed(search, None, Vec::new());
            }
            None => self.narrowing_of_all(need)?,
            Some(types) => {
                let mut reaches = Vec::new();
                for kind in types {
                    match self.reach(*kind, Permission::Search) {
                        Ok(reach) => reaches.push(reach),
                        Err(denial) if on(Rule::TypeLists) => return Err(denial),
                        Err(_) => (),
                    }
                }
                if reaches.iter().all(Reach::is_everything) {
                    return self.open_or_narrowed(search, Some(types), reaches);
                }
                let parts = reaches.iter().flat_map(parts_of).collect();
                crate::check::Narrowing::new(
                    self.grants,
                    self.rules,
                    Some(types.to_vec()),
                    need,
                    Grounds::new(parts),
                )
            }
        };
        narrowing.searches(search);
        Ok(Decision::PermitNarrowed(narrowing))
    }

    fn open_or_narrowed(
        &self,
        search: &Search,
        types: Option<&[ResourceType]>,
        reaches: Vec<Reach>,
    ) -> Result<Decision, Denial> {
        let grounds = if types.is_some() {
            Grounds::new(reaches.iter().flat_map(parts_of).collect())
        } else {
            Grounds::new(self.parts_giving(Permission::Search))
        };
        if self.includes_are_open(search) {
            return Ok(Decision::Permit(grounds));
        }
        let need = Need::All(&[Permission::Search]);
        let types = types.map(<[_]>::to_vec);
        let mut narrowing = crate::check::Narrowing::new(self.grants, self.rules, types, need, grounds);
        narrowing.searches(search);
        Ok(Decision::PermitNarrowed(narrowing))
    }

    /// Whether everything that may be included is open, so that nothing is to be left out (SMART-SCOPE-023).
    fn includes_are_open(&self, search: &Search) -> bool {
        let is_open = |include: &Include| match include.included_type() {
            Some(kind) => self.is_open(kind),
            None => {
                self.grants.on_everything(Permission::Read) || self.grants.on_everything(Permission::Search)
            }
        };
        // A later page holds what an earlier request included, or what another search found.
        let pages_are_open = !search.pages
            || self.grants.on_everything(Permission::Read)
            || self.grants.on_everything(Permission::Search);
        search.includes().iter().all(is_open) && pages_are_open || !on(Rule::Includes)
    }

    /// Whether every resource of the type may come with others: `r` or `s`.
    fn is_open(&self, kind: ResourceType) -> bool {
        [Permission::Read, Permission::Search]
            .into_iter()
            .any(|permission| self.grants.reach(kind, permission, self.rules).is_everything())
    }

    fn compartment(&self, whose: &Instance, kind: ResourceType) -> Result<(), Denial> {
        let reach = self.reach(kind, Permission::Search)?;
        self.not_of_another(whose.resource_type, &whose.id, &reach)
    }

    /// `Patient/1/*`: another patient's is refused unless some scope is not about the one in context.
    fn compartment_of_all(&self, whose: &Instance) -> Result<(), Denial> {
        let all_patients = self.parts_giving(Permission::Search).iter().all(|part| part.is_patients());
        let other = whose.resource_type.name() == "Patient" && !self.grants.is_patient(whose.id.as_str());
        if all_patients && other && on(Rule::OtherPatient) { Err(Denial::OtherPatient) } else { Ok(()) }
    }
}

pub(super) fn parts_of(reach: &Reach) -> Vec<crate::reach::Part> {
    match reach {
        Reach::Everything(part) => vec![part.clone()],
        reach => reach.parts().to_vec(),
    }
}
