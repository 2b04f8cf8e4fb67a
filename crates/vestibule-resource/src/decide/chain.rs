//! Parameters that are answered from other resources than those that are found.
//!
//! Whether `Observation?subject:Patient.name=Ann` finds anything says something about a Patient. So a chain is permitted where
//! every type on it is open without narrowing, or where all that it can read is the patient in context, whole. Otherwise it is
//! refused: filtering what is found would come too late.

use vestibule_scope::{Permission, ResourceType};

use super::{Decider, Denial};
use crate::compartment::is_subject_link;
use crate::reach::Reach;
use crate::rule::{Rule, on};
use crate::search::{FAR, Filter, Key, Link, Search};

/// Where a parameter is asked: on resources of this type, of which so much is reached. `None`: of several types, or of types that
/// are read on the way.
type Found<'r> = Option<(ResourceType, &'r Reach)>;

impl Decider<'_> {
    pub(super) fn filters(&self, search: &Search, found: Found<'_>) -> Result<(), Denial> {
        let all = self.grants.on_everything(Permission::Search);
        if search.sorts_along_chain && !all && on(Rule::SortChains) {
            return Err(Denial::Chain);
        }
        search.filters().iter().try_for_each(|Filter { key, value }| self.key(key, value, found))
    }

    fn key(&self, key: &Key, value: &str, found: Found<'_>) -> Result<(), Denial> {
        match key {
            Key::Plain { name, modifier } => self.plain(name, modifier.as_deref(), value),
            Key::Chain { links, last } => {
                let open = match links.as_slice() {
                    [link] => self.leads_to_own(link, found) || self.is_open_link(link),
                    links => links.iter().all(|link| self.is_open_link(link)),
                };
                if !open && on(Rule::Chains) {
                    return Err(Denial::Chain);
                }
                self.key(last, value, None)
            }
            Key::Has { source, reference, rest } => {
                let open = self.is_whole(*source);
                let plain = matches!(**rest, Key::Plain { .. });
                if !(open || plain && self.comes_from_own(*source, reference, found))
                    && on(Rule::ReverseChains)
                {
                    return Err(Denial::Chain);
                }
                self.key(rest, value, None)
            }
        }
    }

    /// Parameters of the resource itself read nothing else, apart from a few.
    fn plain(&self, name: &str, modifier: Option<&str>, value: &str) -> Result<(), Denial> {
        let all = self.grants.on_everything(Permission::Search);
        match name {
            "_list" if on(Rule::Lists) => {
                let list = ResourceType::from_name("List");
                let open = list.is_some_and(|list| {
                    self.grants.reach(list, Permission::Read, self.rules).is_everything()
                });
                if !open {
                    return Err(Denial::List);
                }
            }
            // The default, said.
            "_contained" if value == "false" => (),
            name if FAR.contains(&name) && name != "_list" && !all && on(Rule::FarParameters) => {
                return Err(Denial::Parameter);
            }
            _ => (),
        }
        // A value set is not a record; whatever else these look into may be.
        let far = matches!(modifier, Some("in" | "not-in" | "above" | "below"));
        let is_token = value.contains('|') || value.contains("://") || value.starts_with("urn:");
        let relative = self.rules.relative(value).is_some_and(|text| !text.contains("://"));
        let about_words = is_token && (!relative || !value.contains('/'));
        if far && !about_words && !all && on(Rule::FarModifiers) {
            return Err(Denial::Parameter);
        }
        Ok(())
    }

    /// Every resource that the link can lead to is open.
    fn is_open_link(&self, link: &Link) -> bool {
        match link.target.or_else(|| only_target(&link.reference)) {
            Some(kind) => self.is_whole(kind),
            None => self.grants.on_everything(Permission::Search),
        }
    }

    fn is_whole(&self, kind: ResourceType) -> bool {
        self.grants.reach(kind, Permission::Search, self.rules).is_everything()
    }

    /// What is found belongs to the patient in context, the link leads to that patient, and all of the record may be searched.
    fn leads_to_own(&self, link: &Link, found: Found<'_>) -> bool {
        let Some((kind, reach)) = found else { return false };
        let patient = ResourceType::from_name("Patient");
        reach.is_patients_only()
            && link.target.is_none_or(|target| Some(target) == patient)
            && is_subject_link(self.rules.version(), kind, &link.reference)
            && patient.is_some_and(|patient| {
                self.grants.reach(patient, Permission::Search, self.rules).has_whole_patient()
            })
    }

    /// What is found is the patient in context, what points there does so as its only subject, and all of it may be searched.
    fn comes_from_own(&self, source: ResourceType, reference: &str, found: Found<'_>) -> bool {
        found.is_some_and(|(kind, reach)| kind.name() == "Patient" && reach.is_patients_only())
            && is_subject_link(self.rules.version(), source, reference)
            && self.grants.reach(source, Permission::Search, self.rules).has_whole_patient()
    }
}

/// The type of references whose name says it, in every release and on every type.
fn only_target(reference: &str) -> Option<ResourceType> {
    ResourceType::from_name(match reference {
        "patient" => "Patient",
        "organization" => "Organization",
        "location" => "Location",
        "practitioner" => "Practitioner",
        _ => return None,
    })
}
