//! A small FHIR server in memory: patients with all kinds of resources, some shared, some of others. It searches everything, knows
//! nothing of scopes, and answers as an external server would.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vestibule_resource::{Include, Key, Loaded, Search, SearchOf};

pub(crate) const PATIENTS: [&str; 3] = ["ann", "ben", "cleo"];
const CATEGORIES: [&str; 3] = ["laboratory", "vital-signs", "survey"];

/// xorshift64*: the same world for the same seed, everywhere.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.roll() >> 32) % bound as u64).unwrap()
    }

    pub(crate) fn of<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len())]
    }
}

/// A resource, and what was meant when it was made: the truth that decisions are held against.
#[derive(Clone)]
pub(crate) struct Thing {
    pub(crate) value: Value,
    pub(crate) owner: Owner,
    pub(crate) categories: Vec<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Owner {
    /// About one patient.
    One(&'static str),
    /// About nobody, and of a type that everybody's apps may read.
    Everybody,
    /// About several, about somebody elsewhere, or of a type that is out of reach.
    Nobody,
    /// As visible as all that it names.
    AsVisibleAs,
}

pub(crate) struct World {
    pub(crate) things: Vec<Thing>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        let mut world = Self { things: Vec::new() };
        for name in PATIENTS {
            let link = dice.of(&PATIENTS);
            world.add(
                Owner::One(name),
                &[],
                json!({
                    "resourceType": "Patient", "id": name, "gender": dice.of(&["female", "male"]),
                    "link": [{"other": {"reference": format!("Patient/{link}")}}],
                    "generalPractitioner": [{"reference": staff(&mut dice)}],
                }),
            );
        }
        for name in ["lee", "kim"] {
            world.add(
                Owner::Everybody,
                &[],
                json!({"resourceType": "Practitioner", "id": name, "gender": dice.of(&["female", "male"])}),
            );
            world.add(
                Owner::Everybody,
                &[],
                json!({"resourceType": "Location", "id": format!("room-{name}"), "status": "active"}),
            );
        }
        for at in 0..24 {
            world.add_some(at, &mut dice);
        }
        world
    }

    fn add(&mut self, owner: Owner, categories: &[&'static str], value: Value) {
        self.things.push(Thing { value, owner, categories: categories.to_vec() });
    }

    fn add_some(&mut self, at: usize, dice: &mut Dice) {
        let whose: &'static str = dice.of(&PATIENTS);
        let other: &'static str = dice.of(&PATIENTS);
        let id = format!("t{at}");
        let patient =
            dice.of(&["Patient/{}", "https://ehr.example/fhir/Patient/{}", "Patient/{}/_history/2"]);
        let subject = json!({"reference": patient.replace("{}", whose)});
        let by = json!({"reference": format!("Patient/{other}")});
        match dice.below(12) {
            0..3 => {
                let categories: Vec<&'static str> = (0..dice.below(3)).map(|_| dice.of(&CATEGORIES)).collect();
                let codings: Vec<Value> = categories.iter().map(|code| json!({"coding": [{"system": "urn:c", "code": code}]})).collect();
                self.add(Owner::One(whose), &categories, json!({
                    "resourceType": "Observation", "id": id, "status": dice.of(&["final", "preliminary"]), "category": codings,
                    "subject": subject, "performer": [by, {"reference": staff(dice)}], "encounter": {"reference": self.some("Encounter", dice)},
                }));
            }
            3 => self.add(Owner::One(whose), &[], json!({
                "resourceType": "AllergyIntolerance", "id": id, "patient": subject, "recorder": by, "asserter": by,
            })),
            4 => self.add(Owner::One(whose), &[], json!({
                "resourceType": "Encounter", "id": id, "status": dice.of(&["finished", "planned"]), "subject": subject,
                "participant": [{"individual": {"reference": staff(dice)}}], "location": [{"location": {"reference": dice.of(&["Location/room-lee", "Location/room-kim"])}}],
            })),
            5 => {
                let owner = if whose == other { Owner::One(whose) } else { Owner::Nobody };
                self.add(owner, &[], json!({
                    "resourceType": "Appointment", "id": id, "status": dice.of(&["booked", "planned"]),
                    "participant": [{"actor": subject}, {"actor": by}, {"actor": {"reference": staff(dice)}}],
                }));
            }
            6 => self.add(Owner::One(whose), &[], json!({
                "resourceType": "DocumentReference", "id": id, "status": "current", "subject": subject,
                "content": [{"attachment": {"url": format!("Binary/{}", dice.of(&["b1", "b2"]))}}],
            })),
            7 => {
                let has_context = dice.below(2) == 0;
                let mut binary = json!({"resourceType": "Binary", "id": dice.of(&["b1", "b2"]), "contentType": "text/plain"});
                if has_context {
                    binary["securityContext"] = subject;
                }
                if self.get("Binary", binary["id"].as_str().unwrap()).is_none() {
                    self.add(if has_context { Owner::One(whose) } else { Owner::AsVisibleAs }, &[], binary);
                }
            }
            8 => {
                let targets: Vec<Value> = (0..=dice.below(2))
                    .map(|_| json!({"reference": name_of(&self.things[dice.below(self.things.len())].value)}))
                    .collect();
                self.add(Owner::AsVisibleAs, &[], json!({
                    "resourceType": "Provenance", "id": id, "target": targets, "agent": [{"who": {"reference": staff(dice)}}],
                }));
            }
            9 => {
                let (owner, value) = if dice.below(2) == 0 {
                    (Owner::One(whose), json!({"resourceType": "Device", "id": id, "patient": subject}))
                } else {
                    (Owner::Nobody, json!({"resourceType": "Device", "id": id}))
                };
                self.add(owner, &[], value);
            }
            10 => self.add(Owner::Nobody, &[], json!({
                "resourceType": "Observation", "id": id, "status": "final",
                "contained": [{"resourceType": "Patient", "id": whose}],
                "subject": dice.of(&[
                    &json!({"reference": format!("#{whose}")}), &json!({"reference": format!("https://other.example/fhir/Patient/{whose}")}),
                    &json!({"identifier": {"value": whose}}), &json!({"display": whose}), &json!({"reference": "Group/all"}),
                ]),
                "performer": [by],
            })),
            _ => self.add(Owner::Nobody, &[], json!({"resourceType": "Task", "id": id, "status": "requested", "for": subject})),
        }
    }

    fn some(&self, kind: &str, dice: &mut Dice) -> String {
        let all: Vec<&Thing> =
            self.things.iter().filter(|thing| thing.value["resourceType"] == kind).collect();
        if all.is_empty() { format!("{kind}/none") } else { name_of(&all[dice.below(all.len())].value) }
    }

    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.value["resourceType"] == kind && thing.value["id"] == id)
    }

    pub(crate) fn known(&self) -> Loaded<'_> {
        self.things.iter().map(|thing| &thing.value).collect()
    }

    /// Every DocumentReference that names a Binary.
    pub(crate) fn documents_of(&self, binary: &str) -> Vec<&Thing> {
        let url = format!("Binary/{binary}");
        let named = |thing: &&Thing| {
            thing.value["resourceType"] == "DocumentReference"
                && thing.value["content"][0]["attachment"]["url"] == url.as_str()
        };
        self.things.iter().filter(named).collect()
    }

    /// Answers a search as a server without scopes does.
    pub(crate) fn search(&self, search: &Search) -> Value {
        let asked = |value: &Value| match search.of() {
            SearchOf::Type(kind) => value["resourceType"] == kind.name(),
            SearchOf::System => search
                .types()
                .is_none_or(|types| types.iter().any(|kind| value["resourceType"] == kind.name())),
            SearchOf::Compartment(..) => false,
        };
        let matches: Vec<&Value> = self
            .things
            .iter()
            .map(|thing| &thing.value)
            .filter(|value| {
                asked(value) && search.filters().iter().all(|it| self.holds(value, &it.key, &it.value))
            })
            .collect();
        let mut included: Vec<&Value> = Vec::new();
        let mut seen: BTreeSet<String> = matches.iter().map(|value| name_of(value)).collect();
        let mut from: Vec<&Value> = matches.clone();
        let mut first = true;
        while !from.is_empty() {
            let mut next = Vec::new();
            for include in search.includes().iter().filter(|include| first || include.iterate) {
                for value in &from {
                    next.extend(
                        self.included(value, include).into_iter().filter(|it| seen.insert(name_of(it))),
                    );
                }
            }
            included.extend(next.iter().copied());
            from = next;
            first = false;
        }
        let entry = |value: &Value, mode: &str| json!({"fullUrl": format!("https://ehr.example/fhir/{}", name_of(value)), "resource": value, "search": {"mode": mode}});
        let entries: Vec<Value> = matches
            .iter()
            .map(|value| entry(value, "match"))
            .chain(included.iter().map(|value| entry(value, "include")))
            .collect();
        json!({"resourceType": "Bundle", "type": "searchset", "total": matches.len(), "entry": entries})
    }

    fn included(&self, value: &Value, include: &Include) -> Vec<&Value> {
        let source = include.source.map(|kind| kind.name());
        let target = include.target.map(|kind| kind.name());
        let points = |from: &Value, to: &Value| {
            source.is_none_or(|kind| from["resourceType"] == kind)
                && target.is_none_or(|kind| to["resourceType"] == kind)
                && references(from, include.reference.as_deref()).contains(&name_of(to))
        };
        let all = self.things.iter().map(|thing| &thing.value);
        all.filter(|other| if include.reverse { points(other, value) } else { points(value, other) })
            .collect()
    }

    fn holds(&self, value: &Value, key: &Key, wanted: &str) -> bool {
        match key {
            Key::Plain { name, .. } => match name.as_str() {
                "_id" => value["id"] == wanted,
                "category" => value["category"]
                    .as_array()
                    .is_some_and(|list| list.iter().any(|it| it["coding"][0]["code"] == wanted)),
                "patient" => references(value, Some("patient")).contains(&format!("Patient/{wanted}")),
                name => value[name] == wanted,
            },
            Key::Chain { links, last } => {
                let (first, rest) = links.split_first().unwrap();
                let rest = if rest.is_empty() {
                    (**last).clone()
                } else {
                    Key::Chain { links: rest.to_vec(), last: last.clone() }
                };
                references(value, Some(&first.reference)).iter().any(|reference| {
                    let (kind, id) = reference.split_once('/').unwrap_or_default();
                    first.target.is_none_or(|target| target.name() == kind)
                        && self.get(kind, id).is_some_and(|to| self.holds(&to.value, &rest, wanted))
                })
            }
            Key::Has { source, reference, rest } => self.things.iter().any(|from| {
                from.value["resourceType"] == source.name()
                    && references(&from.value, Some(reference)).contains(&name_of(value))
                    && self.holds(&from.value, rest, wanted)
            }),
        }
    }
}

fn staff(dice: &mut Dice) -> &'static str {
    dice.of(&["Practitioner/lee", "Practitioner/kim"])
}

pub(crate) fn name_of(value: &Value) -> String {
    format!("{}/{}", value["resourceType"].as_str().unwrap(), value["id"].as_str().unwrap())
}

/// The local references behind a search parameter; of all of them where none is named. As lenient as a server may be: `patient` also
/// finds participants.
fn references(value: &Value, parameter: Option<&str>) -> Vec<String> {
    let mut found = Vec::new();
    let places: &[&str] = match parameter {
        Some("patient" | "subject") => &["subject", "patient", "for", "participant"],
        Some("performer") => &["performer"],
        Some("general-practitioner") => &["generalPractitioner"],
        Some("location") => &["location"],
        Some("practitioner" | "actor" | "participant") => &["participant"],
        Some(name) => &[name],
        None => &[],
    };
    let members = value.as_object().unwrap().iter();
    for (_, member) in members
        .filter(|(name, _)| *name != "contained" && (parameter.is_none() || places.contains(&name.as_str())))
    {
        collect(member, &mut found);
    }
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let text = text.strip_prefix("https://ehr.example/fhir/").unwrap_or(text);
            let text = text.split("/_history").next().unwrap();
            if text.split('/').count() == 2 {
                found.push(text.to_owned());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        _ => (),
    }
}
