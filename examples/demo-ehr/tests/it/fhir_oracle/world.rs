//! The oracle: slow, obvious, and on its own.

use std::collections::{BTreeMap, BTreeSet};

use demo_ehr::records::{PATIENTS, Records, TYPES};
use serde_json::Value;

use super::cases::{Ask, Case, INCLUDES, PATIENT_ELEMENTS, REV_INCLUDES, Scope, Who};

/// What must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// 403 or 404.
    Refused,
    /// `Type/id`, and whether it only comes along.
    Found(BTreeSet<(String, bool)>),
}

/// A rule that an oracle gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// `patient/` opens everybody's.
    AnyPatient,
    /// The user's own rights do not count.
    NoHospital,
    /// Every scope gives every letter.
    AnyLetter,
    /// A granular scope is a whole one.
    NoConstraint,
    /// Of a scope's parameters one is enough.
    OneParameter,
    /// Of a record's categories only the first counts.
    FirstCategory,
    /// A category is its code, whatever its system.
    NoSystem,
    /// All scopes must open a record, not one.
    EveryScope,
    /// What comes along is not asked for.
    FreeIncludes,
    /// Nothing comes along.
    NoIncludes,
    /// One target is enough for a Provenance.
    OneTarget,
    /// One patient is enough for a Group.
    OneOfSeveral,
    /// Whoever takes part counts.
    Participants,
}

pub(super) const MISTAKES: [Mistake; 13] = [
    Mistake::AnyPatient,
    Mistake::NoHospital,
    Mistake::AnyLetter,
    Mistake::NoConstraint,
    Mistake::OneParameter,
    Mistake::FirstCategory,
    Mistake::NoSystem,
    Mistake::EveryScope,
    Mistake::FreeIncludes,
    Mistake::NoIncludes,
    Mistake::OneTarget,
    Mistake::OneOfSeveral,
    Mistake::Participants,
];

/// Open to every token that has a scope for the type (SMART-SCOPE-064).
const SHARED: [&str; 5] = ["Practitioner", "PractitionerRole", "Organization", "Location", "Medication"];

pub(super) struct Oracle {
    world: Vec<Value>,
    /// Where each is.
    places: BTreeMap<String, usize>,
    mistake: Option<Mistake>,
}

impl Oracle {
    pub(super) fn new(mistake: Option<Mistake>) -> Self {
        let records = Records::current();
        let all = TYPES.iter().flat_map(|kind| records.of_type(kind).unwrap());
        let world: Vec<Value> = all.map(|record| record.resource.clone()).collect();
        let places = world.iter().enumerate().map(|(place, record)| (name(record), place)).collect();
        Self { world, places, mistake }
    }

    pub(super) fn world(&self) -> &[Value] {
        &self.world
    }

    fn errs(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    pub(super) fn expects(&self, case: &Case) -> Expected {
        match &case.ask {
            Ask::Read { id } => {
                let name = format!("{}/{id}", case.kind);
                let shown = self.find(&name).is_some_and(|record| self.may_read(case, record));
                if shown { Expected::Found(BTreeSet::from([(name, false)])) } else { Expected::Refused }
            }
            Ask::Search { filters, include, rev_include } => {
                if !case.scopes.iter().any(|scope| self.gives(scope, case.kind, "s")) {
                    return Expected::Refused;
                }
                let named = filters
                    .iter()
                    .filter(|(name, _)| *name == "patient" || *name == "_id" && case.kind == "Patient");
                if named.map(|(_, patient)| patient.as_str()).any(|patient| !self.opens(case, patient)) {
                    return Expected::Refused;
                }
                let of_kind = self.world.iter().filter(|record| record["resourceType"] == case.kind);
                let matches: Vec<&Value> = of_kind
                    .filter(|record| filters.iter().all(|(name, value)| self.matches(record, name, value)))
                    .filter(|record| self.may(case, record, "s"))
                    .collect();
                let mut found: BTreeSet<(String, bool)> =
                    matches.iter().map(|record| (name(record), false)).collect();
                for record in self.along(&matches, case.kind, *include, *rev_include) {
                    let may = self.may(case, record, "r")
                        || self.may(case, record, "s")
                        || self.errs(Mistake::FreeIncludes);
                    if may && !self.errs(Mistake::NoIncludes) && !found.contains(&(name(record), false)) {
                        found.insert((name(record), true));
                    }
                }
                Expected::Found(found)
            }
        }
    }

    fn find(&self, wanted: &str) -> Option<&Value> {
        self.places.get(wanted).map(|place| &self.world[*place])
    }

    /// SMART-IDT-014: the user's own description, where that was granted and nothing else.
    fn may_read(&self, case: &Case, record: &Value) -> bool {
        let own = match case.who {
            Who::User { name: "alice", .. } => "Patient/alice",
            Who::User { name: "carol", .. } => "Patient/carol",
            Who::User { name: "dr-lee", .. } => "Practitioner/lee",
            Who::User { name: "nurse-kim", .. } => "Practitioner/kim",
            _ => "",
        };
        case.scopes.is_empty() && name(record) == own || self.may(case, record, "r")
    }

    /// Scopes and hospital together.
    fn may(&self, case: &Case, record: &Value, letter: &str) -> bool {
        let mut opens = case.scopes.iter().map(|scope| self.scope_opens(case, scope, record, letter));
        let by_scopes =
            if self.errs(Mistake::EveryScope) { opens.all(|opens| opens) } else { opens.any(|opens| opens) };
        by_scopes && self.hospital_opens(case.who, record)
    }

    fn gives(&self, scope: &Scope, kind: &str, letter: &str) -> bool {
        (scope.kind == "*" || scope.kind == kind)
            && (scope.letters.contains(letter) || self.errs(Mistake::AnyLetter))
    }

    fn scope_opens(&self, case: &Case, scope: &Scope, record: &Value, letter: &str) -> bool {
        let kind = record["resourceType"].as_str().unwrap();
        if !self.gives(scope, kind, letter) || !self.fits(scope, record) {
            return false;
        }
        match (scope.level, case.who) {
            ("patient", Who::User { patient: Some(patient), .. }) => {
                self.errs(Mistake::AnyPatient) || self.belongs(case, record, patient)
            }
            _ => true,
        }
    }

    fn fits(&self, scope: &Scope, record: &Value) -> bool {
        let mut pairs = scope
            .constraint
            .iter()
            .map(|(name, values)| values.iter().any(|value| self.matches(record, name, value)));
        match self.mistake {
            Some(Mistake::NoConstraint) => true,
            Some(Mistake::OneParameter) if scope.constraint.len() > 1 => pairs.any(|fits| fits),
            _ => pairs.all(|fits| fits),
        }
    }

    /// Whether a record is the patient's, for `patient/` scopes.
    fn belongs(&self, case: &Case, record: &Value, patient: &str) -> bool {
        let readable = |reference: &String| {
            if let Some(id) = reference.strip_prefix("Patient/") {
                return id == patient;
            }
            let by_scope = |record: &Value| {
                let mut all = case.scopes.iter().flat_map(|scope| [(scope, "r"), (scope, "s")]);
                all.any(|(scope, letter)| self.scope_opens(case, scope, record, letter))
            };
            self.find(reference).is_some_and(by_scope)
        };
        match record["resourceType"].as_str().unwrap() {
            "Patient" => record["id"] == patient,
            "Provenance" if self.errs(Mistake::OneTarget) => {
                references(record, "/target/*").iter().any(readable)
            }
            "Provenance" => references(record, "/target/*").iter().all(readable),
            // None has neither a context nor a document that names it.
            "Binary" => references(record, "/securityContext").iter().any(readable),
            kind if SHARED.contains(&kind) => true,
            _ => {
                let about = self.about(record);
                match about.len() {
                    1 => about.contains(patient),
                    _ => self.errs(Mistake::OneOfSeveral) && about.contains(patient),
                }
            }
        }
    }

    /// Whom it is about, by what it says itself.
    fn about(&self, record: &Value) -> BTreeSet<String> {
        let mut paths =
            vec!["/subject", "/patient", "/beneficiary", "/member/*/entity", "/participant/*/actor"];
        if self.errs(Mistake::Participants) {
            paths.extend(["/asserter", "/performer/*"]);
        }
        let all = paths.iter().flat_map(|path| references(record, path));
        all.filter_map(|reference| reference.strip_prefix("Patient/").map(str::to_owned)).collect()
    }

    /// Whose records a user may open: the demo's promise.
    fn may_open(who: Who) -> BTreeSet<String> {
        let everybody =
            || PATIENTS.iter().map(|one| one.id).filter(|id| *id != "vip").map(str::to_owned).collect();
        match who {
            Who::User { name: "alice", .. } => ["alice", "ben"].map(str::to_owned).into(),
            Who::User { name: "carol" | "nurse-kim", .. } => ["carol".to_owned()].into(),
            Who::User { .. } | Who::Service => everybody(),
        }
    }

    fn hospital_opens(&self, who: Who, record: &Value) -> bool {
        let kind = record["resourceType"].as_str().unwrap();
        let about = match kind {
            "Patient" => BTreeSet::from([record["id"].as_str().unwrap().to_owned()]),
            "Provenance" => self.about_others(record, "/target/*"),
            "Binary" => self.about_others(record, "/securityContext"),
            "List" if record.get("subject").is_none() => self.about_others(record, "/entry/*/item"),
            _ => self.about(record),
        };
        if about.is_empty() {
            return SHARED.contains(&kind) || kind == "Device";
        }
        let open = Self::may_open(who);
        self.errs(Mistake::NoHospital) || about.iter().all(|patient| open.contains(patient))
    }

    fn about_others(&self, record: &Value, path: &str) -> BTreeSet<String> {
        let each = |reference: String| match reference.strip_prefix("Patient/") {
            Some(id) => BTreeSet::from([id.to_owned()]),
            None => self.find(&reference).map(|record| self.about(record)).unwrap_or_default(),
        };
        references(record, path).into_iter().flat_map(each).collect()
    }

    /// The demo refuses to search for a patient of whom nothing could be shown.
    fn opens(&self, case: &Case, patient: &str) -> bool {
        let by_scope =
            case.scopes.iter().filter(|scope| self.gives(scope, case.kind, "s")).any(|scope| {
                match (scope.level, case.who) {
                    ("patient", Who::User { patient: context, .. }) => context == Some(patient),
                    _ => true,
                }
            });
        by_scope && Self::may_open(case.who).contains(patient)
    }

    fn matches(&self, record: &Value, parameter: &str, value: &str) -> bool {
        match parameter {
            "_id" => record["id"] == value,
            "status" => record["status"] == value,
            "patient" => {
                let (_, element) = PATIENT_ELEMENTS
                    .iter()
                    .find(|(kind, _)| record["resourceType"] == *kind)
                    .copied()
                    .unwrap();
                record[element]["reference"] == format!("Patient/{value}")
            }
            "code" => codings(&record["code"]).any(|coding| self.is(coding, value)),
            "category" => {
                let mut concepts: Vec<&Value> = record["category"].as_array().into_iter().flatten().collect();
                if self.errs(Mistake::FirstCategory) {
                    concepts.truncate(1);
                }
                concepts.into_iter().flat_map(codings).any(|coding| self.is(coding, value))
            }
            _ => false,
        }
    }

    fn is(&self, coding: &Value, token: &str) -> bool {
        match token.split_once('|') {
            Some((system, code)) => {
                (coding["system"] == system || self.errs(Mistake::NoSystem)) && coding["code"] == code
            }
            None => coding["code"] == token,
        }
    }

    fn along(
        &self,
        matches: &[&Value],
        kind: &str,
        include: Option<&str>,
        rev_include: Option<(&str, &str)>,
    ) -> Vec<&Value> {
        let mut all = Vec::new();
        for (of, param, path) in INCLUDES {
            if of == kind && Some(param) == include {
                let targets = matches.iter().flat_map(|record| references(record, path));
                all.extend(targets.filter_map(|reference| self.find(&reference)));
            }
        }
        for (of, source, param, path) in REV_INCLUDES {
            if of == kind && Some((source, param)) == rev_include {
                let names: BTreeSet<String> = matches.iter().map(|record| name(record)).collect();
                let sources = self.world.iter().filter(|record| record["resourceType"] == source);
                all.extend(
                    sources.filter(|record| references(record, path).iter().any(|one| names.contains(one))),
                );
            }
        }
        all
    }
}

fn name(record: &Value) -> String {
    format!("{}/{}", record["resourceType"].as_str().unwrap(), record["id"].as_str().unwrap())
}

fn codings(concept: &Value) -> impl Iterator<Item = &Value> {
    concept["coding"].as_array().into_iter().flatten()
}

/// The references at a path, as they are written; `*` is each of a list.
fn references(record: &Value, path: &str) -> Vec<String> {
    let mut found = vec![record];
    for step in path.split('/').skip(1) {
        found = match step {
            "*" => found.into_iter().filter_map(Value::as_array).flatten().collect(),
            step => found.into_iter().map(|value| &value[step]).collect(),
        };
    }
    found.into_iter().filter_map(|value| value["reference"].as_str().map(str::to_owned)).collect()
}
