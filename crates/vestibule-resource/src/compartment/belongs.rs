//! From the references in a resource to whose it is.

use super::{Place, Row, row};
use crate::element::{Element, at, text_of};
use crate::grants::Grants;
use crate::reference::{Reader, Refers};
use crate::rule::{Rule, on};
use vestibule_scope::ResourceType;

/// Whose a resource is, seen from one patient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Belonging {
    /// The patient's.
    Own,
    /// Of a type outside the compartment, and about no patient.
    Shared,
    /// Somebody else's, nobody's, or that of several.
    Other,
}

/// Whom the elements of one kind name.
#[derive(Clone, Copy, Default)]
struct Named {
    own: bool,
    other: bool,
    anybody: bool,
}

/// Whose the resource is.
pub(crate) fn belonging(
    resource_type: ResourceType,
    resource: &dyn Element,
    grants: &Grants,
    reader: &Reader<'_>,
) -> Belonging {
    if !on(Rule::Patient) {
        return Belonging::Own;
    }
    if resource_type.name() == "Patient" {
        // Links are not followed (SMART-SCOPE-065).
        let own = text_of(resource, "id").is_some_and(|id| grants.is_patient(&id));
        return if own { Belonging::Own } else { Belonging::Other };
    }
    match row(reader.rules.version(), resource_type) {
        Some(row) => by_row(row, resource, grants, reader),
        // Not in any table: still not to be shown where it says that it is about somebody.
        None => match named(&["patient", "subject"], resource, grants, reader) {
            Named { other: true, .. } if on(Rule::OutsideNamesOther) => Belonging::Other,
            _ => Belonging::Shared,
        },
    }
}

fn by_row(row: &Row, resource: &dyn Element, grants: &Grants, reader: &Reader<'_>) -> Belonging {
    let subjects = named(row.subjects, resource, grants, reader);
    let decisive = match subjects {
        _ if !on(Rule::ParticipantsLast) => {
            let participants = named(row.participants, resource, grants, reader);
            let own = subjects.own || participants.own;
            Named { own, other: subjects.other && !own, anybody: true }
        }
        Named { anybody: true, .. } => subjects,
        _ => named(row.participants, resource, grants, reader),
    };
    match decisive {
        Named { own: true, other: true, .. } if on(Rule::SeveralPatients) => Belonging::Other,
        Named { own: true, .. } => Belonging::Own,
        _ if row.place == Place::Outside && !on(Rule::OutsideNamesOther) => Belonging::Shared,
        _ => Belonging::Other,
    }
}

fn named(paths: &[&str], resource: &dyn Element, grants: &Grants, reader: &Reader<'_>) -> Named {
    let mut named = Named::default();
    for path in paths {
        at(resource, path, &mut |reference| {
            named.anybody = true;
            match reader.read(reference) {
                Refers::To(kind, id) if kind.name() == "Patient" => {
                    let own = grants.is_patient(id.as_str());
                    named.own |= own;
                    named.other |= !own;
                }
                Refers::To(..) | Refers::NoPatient => (),
                Refers::Unknown => named.other = true,
            }
        });
    }
    named
}
