//! What a search must add, where it can be said in FHIR's own search language.

use vestibule_scope::ResourceType;

use super::Narrowing;
use crate::compartment;
use crate::reach::Reach;

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
    /// Parameters that narrow a search of one type, so that fewer hidden resources are found and pages are full. `None` where they
    /// cannot be said: several scopes are several searches, and types without a subject have no parameter for it.
    ///
    /// They find a little more than what may be shown: resources about several patients. So the answer goes through
    /// [`filter_bundle`](Self::filter_bundle) all the same. And they do not find what is the patient's only because of a participant,
    /// where nobody is the subject.
    pub fn additions(&self) -> Option<Vec<Addition>> {
        let [kind] = self.types()? else { return None };
        let mut additions = Vec::new();
        for reach in self.reach(*kind) {
            let [part] = reach.parts() else {
                if reach.is_everything() {
                    continue;
                }
                return None;
            };
            if let Some(patient) = self.patient_parameter(*kind, &reach)? {
                additions.push(patient);
            }
            for pair in part.constraint().into_iter().flat_map(vestibule_scope::Constraint::pairs) {
                let value = pair.values().collect::<Vec<_>>().join(",");
                additions.push(Addition { name: pair.name().to_owned(), value });
            }
        }
        Some(additions)
    }

    /// `None` where the patient cannot be said.
    fn patient_parameter(&self, kind: ResourceType, reach: &Reach) -> Option<Option<Addition>> {
        let Some(part) = reach.parts().first().filter(|part| part.is_patients()) else { return Some(None) };
        let [patient] = part.patients() else { return None };
        let name = match kind.name() {
            "Patient" => "_id",
            // What is nobody's has no patient to say.
            _ if compartment::row(self.rules().version(), kind).is_none() => return Some(None),
            _ if compartment::is_subject_link(self.rules().version(), kind, "patient") => "patient",
            _ => return None,
        };
        Some(Some(Addition { name: name.to_owned(), value: patient.as_str().to_owned() }))
    }
}
