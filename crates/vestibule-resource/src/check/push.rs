//! What a search must add, where it can be said in FHIR's own search language.

use vestibule_scope::{Pair, ResourceType};

use super::Narrowing;
use crate::interaction::LogicalId;
use crate::reach::{Part, Reach};
use crate::rules::Rules;
use crate::version::FhirVersion;
use crate::{compartment, constraint};

/// A parameter to add to a search: name and value, not escaped. Its value may name a patient, so `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Addition {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for Addition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}=..", self.name)
    }
}

impl Narrowing {
    /// Parameters that narrow a search of one type, so that fewer hidden resources are found and pages are full. `None` where nothing can
    /// be said: of several types, or where the scopes have nothing in common that FHIR has a parameter for.
    ///
    /// They may find more than what may be shown: resources about several patients, or what only one of several scopes lets through
    /// with a constraint of another kind ([`searches_within`](Self::searches_within)). So the answer goes through
    /// [`filter_bundle`](Self::filter_bundle) all the same. And they do not find what is the patient's only because of a participant,
    /// where nobody is the subject.
    pub fn additions(&self) -> Option<Vec<Addition>> {
        Some(self.pushed()?.additions).filter(|additions| !additions.is_empty() || self.searches_within())
    }

    /// Whether a search of the type with the [`additions`](Self::additions) finds nobody's but the patient's: every scope is about the
    /// patient in context, and FHIR has a parameter that finds exactly what is about one. Where no scope is about a patient there is
    /// nothing to keep to, and it is so. Constraints are not asked about.
    ///
    /// Where it is not so, how many pages there are tells what is hidden on them: a `next` link after one shown resource, or after none,
    /// says that the server found more. Leave out `next` and `previous` then, or refuse. The additions must have been added, and the
    /// server must honour them.
    pub fn searches_within_patient(&self) -> bool {
        self.pushed().is_some_and(|pushed| pushed.patient)
    }

    /// Whether a search of the type with the [`additions`](Self::additions) finds nothing that the scopes do not reach: what
    /// [`searches_within_patient`](Self::searches_within_patient) says, and the constraints of granular scopes too. Of several that have no parameter
    /// in common, it is enough that the search itself says what one of them says (`category=laboratory` under a scope with `?category=laboratory`).
    pub fn searches_within(&self) -> bool {
        self.pushed().is_some_and(|pushed| pushed.patient && pushed.constraint)
    }

    /// The same for the constraints alone.
    #[cfg(feature = "tower")]
    pub(crate) fn searches_within_constraints(&self) -> bool {
        self.pushed().is_some_and(|pushed| pushed.constraint)
    }

    fn pushed(&self) -> Option<Pushed> {
        let [kind] = self.types()? else { return None };
        // These are not searches, and know no such parameters.
        if self.history || self.everything || self.validates {
            return None;
        }
        let mut pushed = Pushed { additions: Vec::new(), patient: true, constraint: true };
        for reach in self.reach(*kind) {
            match &reach {
                Reach::Everything(_) => {}
                Reach::Nothing => return None,
                Reach::Parts(parts) => {
                    self.patient(*kind, parts, &mut pushed);
                    constraint(*kind, parts, self, &mut pushed);
                }
            }
        }
        Some(pushed)
    }

    fn patient(&self, kind: ResourceType, parts: &[Part], pushed: &mut Pushed) {
        if !parts.iter().any(Part::is_patients) {
            return;
        }
        // With a scope that is not about the patient nothing may be left out.
        let patients = parts.iter().find(|part| part.is_patients()).map_or(&[][..], Part::patients);
        let all = parts.iter().all(Part::is_patients);
        let ids: Option<Vec<_>> = patients.iter().map(|patient| LogicalId::new(patient.as_str())).collect();
        let (true, Some(ids)) = (all, ids) else {
            pushed.patient = false;
            return;
        };
        match Parameter::of(self.rules().version(), kind) {
            Parameter::Patient { name, typed, exact } => {
                let prefix = if typed { "Patient/" } else { "" };
                let ids: Vec<String> = ids.iter().map(|id| format!("{prefix}{}", id.as_str())).collect();
                pushed.add(name, ids.join(","));
                pushed.patient &= exact;
            }
            Parameter::Nobodys => {}
            Parameter::None => pushed.patient = false,
        }
    }
}

/// What can be said of a reach in a search.
struct Pushed {
    additions: Vec<Addition>,
    /// Whether that is all there is to say about the patient,
    patient: bool,
    /// and about the constraints.
    constraint: bool,
}

impl Pushed {
    fn add(&mut self, name: &str, value: String) {
        let addition = Addition { name: name.to_owned(), value };
        if !self.additions.contains(&addition) {
            self.additions.push(addition);
        }
    }
}

/// One scope's constraint as it is; several only where each is one pair of the same name, as the union of their values. Nothing where the search says
/// already what one scope lets through: it finds no more than that.
fn constraint(kind: ResourceType, parts: &[Part], search: &Narrowing, pushed: &mut Pushed) {
    let pairs: Vec<Vec<&Pair>> = parts
        .iter()
        .map(|part| part.constraint().into_iter().flat_map(vestibule_scope::Constraint::pairs).collect())
        .collect();
    let is_understood = |pair: &&Pair| constraint::is_understood(kind, pair, search.rules());
    let is_said = |pair: &&Pair| is_understood(pair) && search.says.iter().any(|it| is_of(it, pair));
    if pairs.iter().any(|pairs| !pairs.is_empty() && pairs.iter().all(is_said)) {
        return;
    }
    // What is not understood matches nothing here, and something at the server.
    pushed.constraint &= pairs.iter().flatten().all(is_understood);
    if let [pairs] = pairs.as_slice() {
        for pair in pairs {
            pushed.add(pair.name(), pair.values().collect::<Vec<_>>().join(","));
        }
        return;
    }
    if pairs.iter().all(Vec::is_empty) {
        return;
    }
    let name = pairs.first().and_then(|pairs| pairs.first()).map_or("", |pair| pair.name());
    let is_alike = |pairs: &Vec<&Pair>| matches!(pairs.as_slice(), [pair] if pair.name() == name && pair.modifier().is_none() && !pair.is_experimental());
    if !pairs.iter().all(is_alike) {
        pushed.constraint = false;
        return;
    }
    let mut values: Vec<&str> = Vec::new();
    for value in pairs.iter().flatten().flat_map(|pair| pair.values()) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    pushed.add(name, values.join(","));
}

/// Whether a search's parameter finds nothing but what the pair lets through: the same parameter with some of its values. An escaped comma separates
/// no values, and may stand in one of the scope's as two.
fn is_of((name, value): &(String, String), pair: &Pair) -> bool {
    name == pair.name()
        && pair.modifier().is_none()
        && !value.contains('\\')
        && value.split(',').all(|one| !one.is_empty() && pair.values().any(|value| value == one))
}

/// How a search of a type says a patient.
enum Parameter {
    Patient {
        name: &'static str,
        /// Whether the parameter finds other types than patients too, so that the value says which is meant.
        typed: bool,
        /// Whether everything that it finds is the patient's and nobody else's.
        exact: bool,
    },
    /// What is nobody's has no patient to say.
    Nobodys,
    /// There is no such parameter, or it does not find all that may be shown.
    None,
}

impl Parameter {
    fn of(version: FhirVersion, kind: ResourceType) -> Self {
        let row = compartment::row(version, kind);
        let exact = row.is_some_and(compartment::Row::has_one_subject);
        let typed = |name| Self::Patient { name, typed: true, exact };
        match (kind.name(), version) {
            ("Patient", _) => Self::Patient { name: "_id", typed: false, exact: true },
            // One whose targets are the patient's names the patient nowhere; nor does a Binary.
            ("Provenance" | "Binary", _) => Self::None,
            ("Device", FhirVersion::R5) | ("SupplyRequest", FhirVersion::Stu3) => Self::None,
            ("AdverseEvent", FhirVersion::Stu3 | FhirVersion::R4 | FhirVersion::R4B)
            | ("SupplyRequest", FhirVersion::R4 | FhirVersion::R4B) => typed("subject"),
            ("Coverage", FhirVersion::Stu3) => typed("beneficiary"),
            ("Group", _) => typed("member"),
            ("Schedule", _) => typed("actor"),
            _ if row.is_some() => Self::Patient { name: "patient", typed: false, exact },
            _ if Rules::is_nobodys(kind) => Self::Nobodys,
            _ => Self::None,
        }
    }
}
