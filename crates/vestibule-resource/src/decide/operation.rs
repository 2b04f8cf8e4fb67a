//! Operations, by the table (SMART-SCOPE-024).

use vestibule_scope::{Permission, ResourceType};

use super::search::parts_of;
use super::{Decider, Decision, Denial, Grounds};
use crate::check::{Narrowing, Need};
use crate::interaction::{Instance, Operation, OperationLevel};
use crate::reach::{Part, Reach};
use crate::rule::{Rule, on};
use crate::rules::{Kind, OperationRule, Target};
use crate::search::{Search, SearchOf};

const READ_AND_SEARCH: [Permission; 2] = [Permission::Read, Permission::Search];

impl Decider<'_> {
    pub(super) fn operation(&self, operation: &Operation) -> Result<Decision, Denial> {
        let rule = match self.rules.operation(&operation.name) {
            Some(rule) => rule,
            None if on(Rule::UnknownOperations) => return Err(Denial::UnknownOperation),
            None => return Ok(Decision::Permit(Grounds::default())),
        };
        let called = rule.called_on(&operation.level).ok_or(Denial::UnknownOperation)?;
        match rule.kind {
            Kind::Everything => self.everything(operation),
            Kind::Export => self.export(operation),
            Kind::Validate => self.validate(operation, called.ok_or(Denial::UnknownOperation)?),
            Kind::Mapped => self.mapped(operation, rule, called),
        }
    }

    /// Everything about a patient, or of a visit: what is returned needs `r` and `s`; the rest is left out.
    fn everything(&self, operation: &Operation) -> Result<Decision, Denial> {
        let names = ["start", "end", "_since", "_type", "_count", "_format", "_pretty"].into_iter();
        let paging = self.rules.paging_parameters().iter().map(String::as_str);
        only(operation, &names.chain(paging).collect::<Vec<_>>())?;
        self.each_page_once(operation)?;
        let need: &'static [Permission] =
            if on(Rule::EverythingLetters) { &READ_AND_SEARCH } else { &[Permission::Search] };
        let called = match &operation.level {
            OperationLevel::Instance(instance) => instance.resource_type,
            OperationLevel::Type(kind) => *kind,
            OperationLevel::System => return Err(Denial::UnknownOperation),
        };
        for permission in need {
            let reach = self.reach(called, *permission)?;
            if let OperationLevel::Instance(instance) = &operation.level {
                self.not_of_another(called, &instance.id, &reach)?;
            }
        }
        if need.iter().all(|permission| self.grants.on_everything(*permission)) {
            return Ok(Decision::Permit(Grounds::new(self.parts_giving(Permission::Search))));
        }
        let mut narrowing = self.narrowing_of_all(Need::All(need))?;
        narrowing.stored = matches!(operation.level, OperationLevel::Instance(_)).then_some(Need::All(need));
        narrowing.everything = true;
        Ok(Decision::PermitNarrowed(narrowing))
    }

    /// One server takes the first of two, another the last.
    fn each_page_once(&self, operation: &Operation) -> Result<(), Denial> {
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &operation.parameters {
            if name != "_pretty" && !self.rules.paging_parameters().contains(name) {
                continue;
            }
            if seen.contains(&name.as_str()) && on(Rule::SingleParameters) {
                return Err(Denial::Parameter);
            }
            seen.push(name);
        }
        Ok(())
    }

    /// SMART-SCOPE-067: whole populations are for backend services. What is exported is decided before it starts.
    fn export(&self, operation: &Operation) -> Result<Decision, Denial> {
        only(
            operation,
            &[
                "_outputFormat",
                "_since",
                "_type",
                "_typeFilter",
                "_format",
                "includeAssociatedData",
                "allowPartialManifests",
                "organizeOutputBy",
            ],
        )?;
        let grants = if on(Rule::ExportLevel) { self.grants.of_system() } else { self.grants.clone() };
        let system = Decider { grants: &grants, own_resource: None, rules: self.rules };
        let mut asked: Vec<ResourceType> = Vec::new();
        for (_, list) in operation.parameters.iter().filter(|(name, _)| name == "_type") {
            for name in list.split(',') {
                asked.push(self.rules.version().resource_type(name).ok_or(Denial::Parameter)?);
            }
        }
        for (_, list) in operation.parameters.iter().filter(|(name, _)| name == "_typeFilter") {
            system.type_filter(list)?;
        }
        if asked.is_empty() {
            if READ_AND_SEARCH.iter().all(|permission| grants.on_everything(*permission)) {
                return Ok(Decision::Permit(Grounds::new(system.parts_giving(Permission::Search))));
            }
            if system.parts_giving(Permission::Read).is_empty() {
                return Err(Denial::no_scope(Permission::Read, None));
            }
            return system.narrowing_of_all(Need::All(&READ_AND_SEARCH)).map(Decision::PermitNarrowed);
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut whole = true;
        for kind in &asked {
            for permission in READ_AND_SEARCH {
                match system.reach(*kind, permission)? {
                    Reach::Everything(part) => parts.push(part),
                    reach => {
                        whole = false;
                        parts.extend(reach.parts().iter().cloned());
                    }
                }
            }
        }
        let grounds = Grounds::new(parts);
        if whole {
            return Ok(Decision::Permit(grounds));
        }
        let need = Need::All(&READ_AND_SEARCH);
        Ok(Decision::PermitNarrowed(Narrowing::new(&grants, self.rules, Some(asked), need, grounds)))
    }

    /// Searches that say which resources of a type are exported.
    fn type_filter(&self, list: &str) -> Result<(), Denial> {
        for text in list.split(',') {
            let (name, query) = text.split_once('?').ok_or(Denial::Parameter)?;
            let kind = self.rules.version().resource_type(name).ok_or(Denial::Parameter)?;
            let search = Search::parse(self.rules.version(), SearchOf::Type(kind), query, &[]);
            let search = search.map_err(|_| Denial::Parameter)?;
            let reach = self.reach(kind, Permission::Search)?;
            if !search.includes().is_empty() {
                return Err(Denial::Parameter);
            }
            self.filters(&search, Some((kind, &reach)))?;
        }
        Ok(())
    }

    /// Asks whether a write would be accepted, so it is judged as that write is: by what it needs, by what is submitted, and on an instance by what is
    /// read there. A server answers in its own words, and knows more than the app may (a reference that leads nowhere, an identifier that somebody
    /// has): they pass where all of the type may be written and read.
    fn validate(&self, operation: &Operation, kind: ResourceType) -> Result<Decision, Denial> {
        let permissions = asked_for(operation)?;
        self.references(&operation.references)?;
        let instance = match &operation.level {
            OperationLevel::Instance(instance) if on(Rule::ValidateReads) => Some(instance),
            _ => None,
        };
        let mut reaches = Vec::new();
        let mut denied = Denial::UnknownOperation;
        for permission in permissions {
            match self.as_write(kind, *permission, instance) {
                Ok(reach) => reaches.push(reach),
                Err(denial) => denied = denial,
            }
        }
        if reaches.is_empty() {
            return Err(denied);
        }
        let read = self.reach(kind, Permission::Read);
        let open = reaches.iter().any(Reach::is_everything) && read.as_ref().is_ok_and(Reach::is_everything);
        if let Some(instance) = instance {
            let read = read.as_ref().map_err(Clone::clone)?;
            self.not_of_another(kind, &instance.id, read)?;
            reaches.push(read.clone());
        }
        let grounds = Grounds::new(reaches.iter().flat_map(parts_of).collect());
        if open || !on(Rule::ValidateNarrows) {
            return Ok(Decision::Permit(grounds));
        }
        let need = Need::Either(permissions);
        let mut narrowing = Narrowing::new(self.grants, self.rules, Some(vec![kind]), need, grounds);
        narrowing.stored = instance.map(|_| Need::All(&[Permission::Read]));
        narrowing.validates = true;
        narrowing.submits = instance.is_none() || operation.has_complex_parameters;
        Ok(Decision::PermitNarrowed(narrowing))
    }

    /// What a write could be made by.
    fn as_write(
        &self,
        kind: ResourceType,
        permission: Permission,
        instance: Option<&Instance>,
    ) -> Result<Reach, Denial> {
        let reach = self.reach(kind, permission)?;
        if let Some(instance) = instance {
            self.not_of_another(kind, &instance.id, &reach)?;
        }
        let creates = permission == Permission::Create && kind.name() == "Patient";
        if creates && reach.is_patients_only() && on(Rule::NewPatients) {
            return Err(Denial::NewPatient);
        }
        Ok(reach)
    }

    /// What the host says that an operation needs.
    fn mapped(
        &self,
        operation: &Operation,
        rule: &OperationRule,
        called: Option<ResourceType>,
    ) -> Result<Decision, Denial> {
        let mut grounds = Grounds::default();
        let mut narrowed = false;
        for (target, permissions) in &rule.needs {
            for permission in permissions.iter() {
                let kind = match target {
                    Target::Everything if self.grants.on_everything(permission) => continue,
                    Target::Everything => return Err(Denial::no_scope(permission, None)),
                    Target::Called => called.ok_or(Denial::UnknownOperation)?,
                    Target::Type(kind) => *kind,
                };
                let reach = self.reach(kind, permission)?;
                if let (OperationLevel::Instance(instance), Target::Called) = (&operation.level, target) {
                    self.not_of_another(kind, &instance.id, &reach)?;
                }
                match reach {
                    Reach::Everything(part) => grounds.extend(&Grounds::new(vec![part])),
                    reach => {
                        let checked = matches!(operation.level, OperationLevel::Instance(_))
                            && *target == Target::Called;
                        if !checked && !rule.bundle {
                            return Err(Denial::CannotNarrow);
                        }
                        narrowed = true;
                        grounds.extend(&Grounds::new(reach.parts().to_vec()));
                    }
                }
            }
        }
        if !narrowed {
            return Ok(Decision::Permit(grounds));
        }
        let called_needs = rule.needs.iter().find(|(target, _)| *target == Target::Called);
        let need = called_needs.map_or(Need::Any, |(_, permissions)| Need::Set(*permissions));
        let mut narrowing = Narrowing::new(self.grants, self.rules, None, Need::Any, grounds);
        narrowing.stored = matches!(operation.level, OperationLevel::Instance(_)).then_some(need);
        narrowing.everything = rule.bundle;
        Ok(Decision::PermitNarrowed(narrowing))
    }
}

impl OperationRule {
    /// The type that it is called on, where it may be called there; of the server there is none.
    fn called_on(&self, level: &OperationLevel) -> Option<Option<ResourceType>> {
        let (allowed, kind) = match level {
            OperationLevel::System => return self.on_system.then_some(None),
            OperationLevel::Type(kind) => (self.on_type, *kind),
            OperationLevel::Instance(instance) => (self.on_instance, instance.resource_type),
        };
        let listed = self.only.is_empty() || self.only.contains(&kind);
        (allowed && listed).then_some(Some(kind))
    }
}

/// Only parameters that the operation defines, and all of them simple: others could name whatever they like.
fn only(operation: &Operation, names: &[&str]) -> Result<(), Denial> {
    let known = operation.parameters.iter().all(|(name, _)| names.contains(&&**name));
    if known && !operation.has_complex_parameters { Ok(()) } else { Err(Denial::Parameter) }
}

/// The permissions of which one is needed for the write that a `$validate` asks about. Without a mode it may be a create or an update.
fn asked_for(operation: &Operation) -> Result<&'static [Permission], Denial> {
    let mut modes = operation.parameters.iter().filter(|(name, _)| name == "mode").map(|(_, mode)| &**mode);
    match (modes.next(), modes.next()) {
        (None | Some("profile"), None) => Ok(&[Permission::Create, Permission::Update]),
        (Some("create"), None) => Ok(&[Permission::Create]),
        (Some("update"), None) => Ok(&[Permission::Update]),
        (Some("delete"), None) => Ok(&[Permission::Delete]),
        _ => Err(Denial::Parameter),
    }
}
