//! From scopes and an interaction to a decision. No I/O: what is stored is checked later, with the [`Narrowing`].

mod chain;
mod decision;
mod operation;
mod search;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use vestibule_scope::{Permission, ResourceType};

use crate::check::{Narrowing, Need};
use crate::fhir_user::FhirUser;
use crate::grants::Grants;
use crate::interaction::{BatchEntry, HistoryOf, Instance, Interaction, LogicalId};
use crate::reach::Reach;
use crate::request::Unreadable;
use crate::rule::{Rule, on};
use crate::rules::Rules;

pub use decision::{Decision, Denial, Grounds};

/// What a decision is made from.
pub(crate) struct Decider<'a> {
    pub(crate) grants: &'a Arc<Grants>,
    pub(crate) own_resource: Option<&'a FhirUser>,
    pub(crate) rules: &'a Rules,
}

impl Decider<'_> {
    pub(crate) fn decide(&self, interaction: &Interaction) -> Decision {
        self.judge(interaction).unwrap_or_else(Decision::Deny)
    }

    fn judge(&self, interaction: &Interaction) -> Result<Decision, Denial> {
        match interaction {
            Interaction::Capabilities => Ok(Decision::Permit(Grounds::default())),
            Interaction::Read(instance) | Interaction::Vread(instance, _) => {
                if self.is_own(instance) {
                    return Ok(Decision::Permit(Grounds::own()));
                }
                self.instance(instance, false)
            }
            Interaction::History(HistoryOf::Instance(instance)) => {
                if !on(Rule::OwnResource) && self.is_own(instance) {
                    return Ok(Decision::Permit(Grounds::own()));
                }
                self.instance(instance, true)
            }
            Interaction::History(HistoryOf::Type(kind)) => self.history(Some(*kind)),
            Interaction::History(HistoryOf::System) => self.history(None),
            Interaction::Search(search) => self.search(search),
            Interaction::Write(write) => {
                let own = |id: &LogicalId| {
                    self.own_resource.is_some_and(|own| own.is(write.resource_type, id.as_str()))
                };
                if !on(Rule::OwnResource) && write.id.as_ref().is_some_and(own) {
                    return Ok(Decision::Permit(Grounds::own()));
                }
                self.write(write)
            }
            Interaction::Operation(operation) => self.operation(operation),
            Interaction::Batch(entries) => Ok(self.batch(entries)),
            Interaction::Transaction(entries) => self.transaction(entries),
        }
    }

    /// The user's own resource, where that scope was granted: exactly this one, for reading (SMART-IDT-014).
    fn is_own(&self, instance: &Instance) -> bool {
        self.own_resource.is_some_and(|own| own.is(instance.resource_type, instance.id.as_str()))
    }

    /// Read, vread, and the history of an instance: `r`, and the stored resource is checked, each version by itself.
    fn instance(&self, instance: &Instance, history: bool) -> Result<Decision, Denial> {
        let kind = instance.resource_type;
        let reach = self.reach(kind, Permission::Read)?;
        self.not_of_another(kind, &instance.id, &reach)?;
        Ok(match reach {
            Reach::Everything(part) => Decision::Permit(Grounds::new(vec![part])),
            reach => {
                let mut narrowing = self.narrowing(vec![kind], Need::All(&[Permission::Read]), &reach);
                narrowing.history = history;
                Decision::PermitNarrowed(narrowing)
            }
        })
    }

    /// The history of a type or of the system: `s` (SMART-SCOPE-020).
    fn history(&self, kind: Option<ResourceType>) -> Result<Decision, Denial> {
        let mut narrowing = match kind {
            Some(kind) => match self.reach(kind, Permission::Search)? {
                Reach::Everything(part) => return Ok(Decision::Permit(Grounds::new(vec![part]))),
                reach => self.narrowing(vec![kind], Need::All(&[Permission::Search]), &reach),
            },
            None if self.grants.on_everything(Permission::Search) => {
                return Ok(Decision::Permit(Grounds::new(self.parts_giving(Permission::Search))));
            }
            None => self.narrowing_of_all(Need::All(&[Permission::Search]))?,
        };
        narrowing.history = true;
        Ok(Decision::PermitNarrowed(narrowing))
    }

    fn batch(&self, entries: &[BatchEntry]) -> Decision {
        let mut decisions: Vec<_> = entries
            .iter()
            .map(|entry| match &entry.interaction {
                Ok(interaction) => self.decide(interaction),
                Err(unreadable) => Decision::Deny(Denial::Unreadable(*unreadable)),
            })
            .collect();
        if let Err(at) = names_are_safe(entries, &decisions) {
            for (entry, decision) in entries.iter().zip(&mut decisions).skip(at) {
                if entry.has_foreign_name() {
                    *decision = Decision::Deny(Denial::Unreadable(Unreadable::Batch));
                }
            }
        }
        self.of_entries(entries, decisions)
    }

    /// All or nothing: one entry that is denied denies the others with it.
    fn transaction(&self, entries: &[BatchEntry]) -> Result<Decision, Denial> {
        let mut decisions = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let decision = match &entry.interaction {
                Ok(interaction) => self.decide(interaction),
                Err(unreadable) => Decision::Deny(Denial::Unreadable(*unreadable)),
            };
            if let Decision::Deny(denial) = decision {
                if on(Rule::Transactions) {
                    return Err(Denial::Entry { at, source: Box::new(denial) });
                }
                decisions.push(Decision::Deny(denial));
                continue;
            }
            decisions.push(decision);
        }
        if let Err(at) = names_are_safe(entries, &decisions) {
            return Err(Denial::Entry { at, source: Box::new(Denial::Unreadable(Unreadable::Batch)) });
        }
        Ok(self.of_entries(entries, decisions))
    }

    fn of_entries(&self, entries: &[BatchEntry], mut decisions: Vec<Decision>) -> Decision {
        let mut grounds = Grounds::default();
        let mut all = true;
        for decision in &decisions {
            match decision {
                Decision::Permit(by) => grounds.extend(by),
                Decision::PermitNarrowed(narrowing) => {
                    all = false;
                    grounds.extend(narrowing.grounds());
                }
                Decision::Deny(_) => all = false,
            }
        }
        if all {
            return Decision::Permit(grounds);
        }
        // What entries refer to by the `fullUrl` of another; one that two entries have says nothing.
        let mut become_of = BTreeMap::new();
        let mut twice = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            let Some(url) =
                entry.full_url.as_ref().filter(|url| url.starts_with("urn:") || !on(Rule::FullUrls))
            else {
                continue;
            };
            let Ok(Interaction::Write(write)) = &entry.interaction else {
                twice.push(url);
                continue;
            };
            let id = write.id.clone().unwrap_or_else(|| LogicalId::of_entry(at));
            if become_of.insert(url.clone(), (write.resource_type, id)).is_some() && on(Rule::FullUrls) {
                twice.push(url);
            }
        }
        become_of.retain(|url, _| !twice.contains(&url));
        let become_of = Arc::new(become_of);
        for decision in &mut decisions {
            if let Decision::PermitNarrowed(narrowing) = decision {
                narrowing.full_urls = Arc::clone(&become_of);
            }
        }
        let mut narrowing =
            Narrowing::new(self.grants, self.rules, Some(Vec::new()), Need::All(&[]), grounds);
        narrowing.entries = decisions;
        Decision::PermitNarrowed(narrowing)
    }

    /// What is reached of a type, if anything is.
    fn reach(&self, kind: ResourceType, permission: Permission) -> Result<Reach, Denial> {
        match self.grants.reach(kind, permission, self.rules) {
            Reach::Nothing => Err(Denial::no_scope(permission, Some(kind))),
            reach => Ok(reach),
        }
    }

    /// Another patient's record is refused before anybody looks whether there is one.
    fn not_of_another(&self, kind: ResourceType, id: &LogicalId, reach: &Reach) -> Result<(), Denial> {
        let other =
            kind.name() == "Patient" && reach.is_patients_only() && !self.grants.is_patient(id.as_str());
        if other && on(Rule::OtherPatient) { Err(Denial::OtherPatient) } else { Ok(()) }
    }

    fn narrowing(&self, roots: Vec<ResourceType>, need: Need, reach: &Reach) -> Narrowing {
        let grounds = Grounds::new(match reach {
            Reach::Everything(part) => vec![part.clone()],
            reach => reach.parts().to_vec(),
        });
        Narrowing::new(self.grants, self.rules, Some(roots), need, grounds)
    }

    /// To whatever types there are scopes for.
    fn narrowing_of_all(&self, need: Need) -> Result<Narrowing, Denial> {
        let grounds = self.parts_giving(Permission::Search);
        if grounds.is_empty() {
            return Err(Denial::no_scope(Permission::Search, None));
        }
        Ok(Narrowing::new(self.grants, self.rules, None, need, Grounds::new(grounds)))
    }

    fn parts_giving(&self, permission: Permission) -> Vec<crate::reach::Part> {
        let scopes = self.grants.scopes.iter().enumerate();
        let giving = scopes
            .filter(|(_, scope)| scope.as_resource().is_some_and(|it| it.permissions().contains(permission)));
        giving.map(|(at, _)| crate::reach::Part { grants: Arc::clone(self.grants), at }).collect()
    }
}

/// Where anything is narrowed, nothing new comes with an address of another server; else the first entry that does. The server makes of references
/// to that address references to what it has just created, and this crate reads them as what they say: whose a resource is could be said in
/// two ways. Where all is open no reference is read, and the address is a name like any other.
fn names_are_safe(entries: &[BatchEntry], decisions: &[Decision]) -> Result<(), usize> {
    let narrowed = decisions.iter().any(|decision| matches!(decision, Decision::PermitNarrowed(_)));
    match entries.iter().position(BatchEntry::has_foreign_name) {
        Some(at) if narrowed && on(Rule::FullUrls) => Err(at),
        _ => Ok(()),
    }
}
