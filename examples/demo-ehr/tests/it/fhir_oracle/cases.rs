//! Who asks for what with which scopes.

use std::fmt;

use serde_json::Value;

/// The sub-resources of the US certification: type and category.
pub(super) const CATEGORIES: [(&str, &str); 8] = [
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-category|encounter-diagnosis"),
    ("Condition", "http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item"),
    ("Condition", "http://hl7.org/fhir/us/core/CodeSystem/condition-category|health-concern"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|social-history"),
    ("Observation", "http://hl7.org/fhir/us/core/CodeSystem/us-core-category|sdoh"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|survey"),
    ("Observation", "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"),
];

/// Those with sub-resources come more often.
const TYPES: [&str; 27] = [
    "Observation",
    "Observation",
    "Observation",
    "Observation",
    "Observation",
    "Condition",
    "Condition",
    "Condition",
    "Condition",
    "Encounter",
    "AllergyIntolerance",
    "MedicationRequest",
    "DocumentReference",
    "Binary",
    "Provenance",
    "Patient",
    "Practitioner",
    "Organization",
    "Location",
    "Device",
    "Group",
    "List",
    "Coverage",
    "Immunization",
    "Medication",
    "Person",
    "Appointment",
];

/// The types that have a `patient` parameter, and the element it looks at.
pub(super) const PATIENT_ELEMENTS: [(&str, &str); 10] = [
    ("Observation", "subject"),
    ("Condition", "subject"),
    ("Encounter", "subject"),
    ("AllergyIntolerance", "patient"),
    ("MedicationRequest", "subject"),
    ("DocumentReference", "subject"),
    ("Device", "patient"),
    ("List", "subject"),
    ("Coverage", "beneficiary"),
    ("Immunization", "patient"),
];

/// `_include`: the type, the parameter, and the paths it looks at.
pub(super) const INCLUDES: [(&str, &str, &str); 9] = [
    ("Observation", "performer", "/performer/*"),
    ("Observation", "encounter", "/encounter"),
    ("Observation", "subject", "/subject"),
    ("Condition", "encounter", "/encounter"),
    ("Condition", "patient", "/subject"),
    ("Encounter", "location", "/location/*/location"),
    ("MedicationRequest", "requester", "/requester"),
    ("List", "item", "/entry/*/item"),
    ("Provenance", "target", "/target/*"),
];

/// `_revinclude`: the type that is searched, then the same.
pub(super) const REV_INCLUDES: [(&str, &str, &str, &str); 4] = [
    ("Observation", "Provenance", "target", "/target/*"),
    ("Condition", "List", "item", "/entry/*/item"),
    ("Encounter", "Observation", "encounter", "/encounter"),
    ("Patient", "Group", "member", "/member/*/entity"),
];

/// splitmix64: the same cases on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.next() % all.len() as u64).unwrap()]
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    User { name: &'static str, patient: Option<&'static str> },
    Service,
}

/// One scope for resources.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) level: &'static str,
    pub(super) kind: &'static str,
    pub(super) letters: &'static str,
    /// ANDed; the values of each are ORed.
    pub(super) constraint: Vec<(&'static str, Vec<&'static str>)>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.level, self.kind, self.letters)?;
        for (at, (name, values)) in self.constraint.iter().enumerate() {
            write!(f, "{}{name}={}", if at == 0 { '?' } else { '&' }, values.join(","))?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(super) enum Ask {
    Read {
        id: String,
    },
    Search {
        filters: Vec<(&'static str, String)>,
        include: Option<&'static str>,
        rev_include: Option<(&'static str, &'static str)>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) who: Who,
    /// None: `openid fhirUser` and nothing else.
    pub(super) scopes: Vec<Scope>,
    pub(super) kind: &'static str,
    pub(super) ask: Ask,
}

impl Case {
    pub(super) fn generated(random: &mut Random, world: &[Value]) -> Self {
        if random.chance(12) {
            return Self::tricky(random, world);
        }
        let who = who(random);
        let kind = random.pick(&TYPES);
        let scopes = if random.chance(3) { Vec::new() } else { scopes(random, who, kind) };
        let ask =
            if random.chance(35) { read(random, who, kind, world) } else { search(random, who, kind, world) };
        Self { who, scopes, kind, ask }
    }

    /// What lies between two records, asked for by somebody who may open both, for an app that was given one.
    fn tricky(random: &mut Random, world: &[Value]) -> Self {
        let who =
            Who::User { name: "dr-lee", patient: Some(random.pick(&["alice", "ben", "carol", "dina"])) };
        let kind =
            random.pick(&["Provenance", "Provenance", "Group", "List", "Appointment", "AllergyIntolerance"]);
        let scopes = vec![Scope { level: "patient", kind: "*", letters: "rs", constraint: Vec::new() }];
        let ids: Vec<&str> = world
            .iter()
            .filter(|one| one["resourceType"] == kind)
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        let ask = if random.chance(50) {
            Ask::Read { id: random.pick(&ids).to_owned() }
        } else {
            search(random, who, kind, world)
        };
        Self { who, scopes, kind, ask }
    }

    pub(super) const fn is_search(&self) -> bool {
        matches!(self.ask, Ask::Search { .. })
    }

    pub(super) const fn has_include(&self) -> bool {
        matches!(self.ask, Ask::Search { include: Some(_), .. } | Ask::Search { rev_include: Some(_), .. })
    }

    pub(super) fn path(&self) -> String {
        match &self.ask {
            Ask::Read { id } => format!("/{}/{id}", self.kind),
            Ask::Search { filters, include, rev_include } => {
                let mut query = form_urlencoded::Serializer::new(String::new());
                query.extend_pairs(filters);
                if let Some(param) = include {
                    query.append_pair("_include", &format!("{}:{param}", self.kind));
                }
                if let Some((kind, param)) = rev_include {
                    query.append_pair("_revinclude", &format!("{kind}:{param}"));
                }
                // Several pages, and links with the count as the server writes it.
                format!("/{}?{}", self.kind, query.append_pair("_count", "150").finish())
            }
        }
    }
}

fn who(random: &mut Random) -> Who {
    let user = |name, patient| Who::User { name, patient };
    let patients = ["alice", "carol", "dina", "emil", "vip", "keiko"];
    match random.next() % 10 {
        0 => user("alice", Some("alice")),
        1 | 2 => user("alice", Some("ben")),
        3 => user("carol", Some("carol")),
        // Signed for a record that is not open any more.
        4 => user("carol", Some("alice")),
        5 => user("nurse-kim", Some("carol")),
        6 | 7 => user("dr-lee", Some(random.pick(&patients))),
        8 => user("dr-lee", None),
        _ => Who::Service,
    }
}

fn scopes(random: &mut Random, who: Who, kind: &'static str) -> Vec<Scope> {
    let count = random.pick(&[1, 1, 2, 2, 3]);
    (0..count)
        .map(|number| {
            let level = match who {
                Who::Service => "system",
                Who::User { patient: None, .. } => "user",
                Who::User { .. } => random.pick(&["patient", "patient", "patient", "user"]),
            };
            // The first is mostly about what is asked for; the others make it interesting.
            let asked = number == 0 && random.chance(75);
            let kind = if asked { random.pick(&[kind, kind, kind, "*"]) } else { random.pick(&TYPES) };
            let letters = random.pick(&["rs", "rs", "rs", "r", "s", "cruds", "cud"]);
            Scope { level, kind, letters, constraint: constraint(random, kind) }
        })
        .collect()
}

fn constraint(random: &mut Random, kind: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let all: Vec<&str> =
        CATEGORIES.iter().filter(|(of, _)| *of == kind).map(|(_, category)| *category).collect();
    if all.is_empty() || random.chance(25) {
        return Vec::new();
    }
    let mut pairs = vec![("category", vec![random.pick(&all)])];
    match random.next() % 10 {
        0 => pairs[0].1.push(random.pick(&all)),
        1 => pairs.push(("category", vec![random.pick(&all)])),
        2 if kind == "Observation" => pairs.push(("status", vec![random.pick(&["final", "amended"])])),
        3 if kind == "Observation" => {
            pairs = vec![("category", vec![random.pick(&["laboratory", "survey"])])]
        }
        // Nobody knows what it means, so it matches nothing.
        4 if kind == "Observation" => pairs = vec![("code:in", vec!["http://sets.example/labs"])],
        _ => {}
    }
    pairs
}

fn read(random: &mut Random, who: Who, kind: &'static str, world: &[Value]) -> Ask {
    let of_kind: Vec<&str> = world
        .iter()
        .filter(|one| one["resourceType"] == kind)
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    let own: Vec<&str> = match who {
        Who::User { patient: Some(patient), .. } => {
            of_kind.iter().copied().filter(|id| id.starts_with(patient)).collect()
        }
        _ => Vec::new(),
    };
    let from = if !own.is_empty() && random.chance(60) { &own } else { &of_kind };
    let id = if random.chance(4) { "nosuch" } else { random.pick(from) };
    Ask::Read { id: id.to_owned() }
}

fn search(random: &mut Random, who: Who, kind: &'static str, world: &[Value]) -> Ask {
    let mut filters = Vec::new();
    let context = match who {
        Who::User { patient: Some(patient), .. } => patient,
        _ => "carol",
    };
    if PATIENT_ELEMENTS.iter().any(|(of, _)| *of == kind) && random.chance(45) {
        let patient = if random.chance(75) {
            context
        } else {
            random.pick(&["alice", "ben", "carol", "vip", "nosuch"])
        };
        filters.push(("patient", patient.to_owned()));
    }
    let categories: Vec<&str> =
        CATEGORIES.iter().filter(|(of, _)| *of == kind).map(|(_, category)| *category).collect();
    if !categories.is_empty() && random.chance(35) {
        filters.push(("category", random.pick(&categories).to_owned()));
    }
    if kind == "Observation" && random.chance(15) {
        let (name, value) =
            random.pick(&[("code", "http://loinc.org|2345-7"), ("status", "final"), ("code", "8867-4")]);
        filters.push((name, value.to_owned()));
    }
    if random.chance(10)
        && let Ask::Read { id } = read(random, who, kind, world)
    {
        filters.push(("_id", id));
    }
    let includes: Vec<&str> =
        INCLUDES.iter().filter(|(of, ..)| *of == kind).map(|(_, param, _)| *param).collect();
    let include = (!includes.is_empty() && random.chance(30)).then(|| random.pick(&includes));
    let reverse: Vec<_> = REV_INCLUDES
        .iter()
        .filter(|(of, ..)| *of == kind)
        .map(|(_, kind, param, _)| (*kind, *param))
        .collect();
    let rev_include = (!reverse.is_empty() && random.chance(20)).then(|| random.pick(&reverse));
    Ask::Search { filters, include, rev_include }
}
