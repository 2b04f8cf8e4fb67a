//! Whether a resource is within reach.

use std::collections::BTreeMap;
use std::sync::Arc;

use vestibule_scope::{Permission, Permissions, ResourceType};

use super::{Hidden, Verdict};
use crate::compartment::{Belonging, belonging};
use crate::constraint;
use crate::element::{Element, at, text_of};
use crate::grants::Grants;
use crate::interaction::LogicalId;
use crate::known::{Known, binary_of};
use crate::reach::{Part, Reach};
use crate::reference::{Reader, Refers};
use crate::rule::{Rule, on};
use crate::rules::Rules;

/// Deepest way from one resource to those that it depends on: a Provenance of a Provenance.
const MAX_DEPTH: usize = 4;
/// Most targets of a Provenance that are looked at.
const MAX_TARGETS: usize = 256;

/// The permissions that a resource is shown by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// Each of them.
    All(&'static [Permission]),
    /// Each of these.
    Set(Permissions),
    /// `r` or `s`: what comes with others (SMART-SCOPE-023).
    Any,
    /// One of them: what a `$validate` without a mode is asked about.
    Either(&'static [Permission]),
}

/// What a check is made from.
#[derive(Clone, Copy)]
pub(crate) struct Checker<'a> {
    pub(crate) grants: &'a Arc<Grants>,
    pub(crate) rules: &'a Rules,
    pub(crate) full_urls: &'a BTreeMap<String, (ResourceType, LogicalId)>,
    pub(crate) known: &'a dyn Known,
    /// Whether the resource is to be written: what is nobody's does not become changeable by being readable.
    pub(crate) writes: bool,
    /// Whether this is what the write leaves, not what was there before.
    pub(crate) keeps: bool,
}

impl Checker<'_> {
    pub(crate) fn judge(&self, need: Need, kind: ResourceType, resource: &dyn Element) -> Verdict {
        self.at_depth(need, kind, resource, MAX_DEPTH)
    }

    fn at_depth(&self, need: Need, kind: ResourceType, resource: &dyn Element, depth: usize) -> Verdict {
        let by = |permission| self.by(permission, kind, resource, depth);
        let all = |permissions: &mut dyn Iterator<Item = Permission>| {
            permissions.map(by).find(|verdict| !verdict.is_permitted()).unwrap_or(Verdict::Permitted)
        };
        match need {
            Need::All(permissions) => all(&mut permissions.iter().copied()),
            Need::Set(permissions) => all(&mut permissions.iter()),
            Need::Any => match by(Permission::Read) {
                Verdict::Permitted => Verdict::Permitted,
                hidden => match by(Permission::Search) {
                    Verdict::Hidden(Hidden::NoScope) => hidden,
                    verdict => verdict,
                },
            },
            Need::Either(permissions) => {
                let mut verdicts = permissions.iter().map(|permission| by(*permission));
                let hidden = Verdict::Hidden(Hidden::NoScope);
                verdicts.find(|verdict| verdict.is_permitted()).unwrap_or(hidden)
            }
        }
    }

    fn by(
        &self,
        permission: Permission,
        kind: ResourceType,
        resource: &dyn Element,
        depth: usize,
    ) -> Verdict {
        let parts = match self.grants.reach(kind, permission, self.rules) {
            Reach::Nothing => return Verdict::Hidden(Hidden::NoScope),
            Reach::Everything(_) => return Verdict::Permitted,
            Reach::Parts(parts) => parts,
        };
        let reader = Reader { rules: self.rules, container: resource, entries: self.full_urls };
        let mut whose = None;
        let mut hidden = Hidden::Constraint;
        for part in &parts {
            let matches = part.constraint().is_none_or(|it| constraint::matches(it, kind, resource, &reader));
            if !matches {
                continue;
            }
            if !part.is_patients() {
                return Verdict::Permitted;
            }
            if *whose.get_or_insert_with(|| self.is_patients(part, kind, resource, &reader, depth)) {
                return Verdict::Permitted;
            }
            hidden = Hidden::NotThePatients;
        }
        Verdict::Hidden(hidden)
    }

    fn is_patients(
        &self,
        part: &Part,
        kind: ResourceType,
        resource: &dyn Element,
        reader: &Reader<'_>,
        depth: usize,
    ) -> bool {
        debug_assert!(part.is_patients());
        match kind.name() {
            "Binary" if on(Rule::Binary) => self.binary(resource, reader, depth),
            "Provenance" if on(Rule::Provenance) => self.provenance(resource, reader, depth),
            "DocumentReference" if self.keeps && !self.names_open_binaries(resource, depth) => false,
            _ => match belonging(kind, resource, self.grants, reader) {
                Belonging::Own => true,
                Belonging::Shared => !self.writes || !on(Rule::OutsideReadOnly),
                Belonging::Other => false,
            },
        }
    }

    /// A Binary says nothing about whose it is. Its security context does; else a permitted document that has it as content.
    fn binary(&self, resource: &dyn Element, reader: &Reader<'_>, depth: usize) -> bool {
        let mut contexts = Vec::new();
        resource.each("securityContext", &mut |context| contexts.push(reader.read(context)));
        match contexts.as_slice() {
            [context] => self.target(context, depth),
            // A document of another patient may name the same Binary: then it is not only this one's.
            [] if !self.writes => {
                let Some(id) = text_of(resource, "id") else { return false };
                let documents = self.known.documents_of(&id);
                !documents.is_empty() && documents.iter().all(|document| self.dependent(*document, depth))
            }
            _ => false,
        }
    }

    /// A document opens the Binaries that it names, so it names only those that are open already.
    fn names_open_binaries(&self, document: &dyn Element, depth: usize) -> bool {
        let reading = Self { writes: false, keeps: false, ..*self };
        let mut open = true;
        at(document, "content.attachment.url", &mut |url| {
            let url = url.text().unwrap_or_default();
            let Some(id) = binary_of(self.rules.relative(&url).unwrap_or(&url)) else { return };
            let binary = ResourceType::from_name("Binary");
            let found = binary.and_then(|binary| self.known.resource(binary, id));
            open = open && found.is_some_and(|found| reading.dependent(found, depth));
        });
        open || !on(Rule::DocumentWrites)
    }

    /// A Provenance tells about each of its targets.
    fn provenance(&self, resource: &dyn Element, reader: &Reader<'_>, depth: usize) -> bool {
        let mut targets = Vec::new();
        at(resource, "target", &mut |target| targets.push(reader.read(target)));
        !targets.is_empty()
            && targets.len() <= MAX_TARGETS
            && targets.iter().all(|target| self.target(target, depth))
    }

    fn target(&self, target: &Refers, depth: usize) -> bool {
        match target {
            Refers::To(kind, id) if kind.name() == "Patient" => self.grants.is_patient(id.as_str()),
            Refers::To(kind, id) => {
                self.known.resource(*kind, id.as_str()).is_some_and(|found| self.dependent(found, depth))
            }
            Refers::NoPatient | Refers::Unknown => false,
        }
    }

    /// What another resource depends on may be read, or, for a write, is the patient's.
    fn dependent(&self, resource: &dyn Element, depth: usize) -> bool {
        let kind =
            text_of(resource, "resourceType").and_then(|name| self.rules.version().resource_type(&name));
        let (Some(depth), Some(kind)) = (depth.checked_sub(1), kind) else { return false };
        if self.writes {
            let reader = Reader { rules: self.rules, container: resource, entries: self.full_urls };
            return belonging(kind, resource, self.grants, &reader) == Belonging::Own;
        }
        self.at_depth(Need::Any, kind, resource, depth).is_permitted()
    }
}
