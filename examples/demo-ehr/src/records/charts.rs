//! What happened to the patients: small tables, and one loop that lays them out over each patient's visits.
//!
//! Which row a visit takes follows from the patient's place in the list and the visit's number, so the same facts
//! come out at every start, and no two charts are alike.

use serde_json::Value;

use super::clinical::{self, CVX, Code, Fact, LOINC, Measured, RXNORM, SNOMED};
use super::people::{PATIENTS, PatientFacts};

/// One collection of charts.
pub(super) struct Era {
    /// Starts every id.
    prefix: &'static str,
    /// The days people came, oldest first.
    visits: &'static [&'static str],
    /// Whether the last visit is still going on for every third patient.
    current: bool,
}

pub(super) const CURRENT: Era = Era {
    prefix: "",
    visits: &["2024-11-18", "2025-05-06", "2025-12-02", "2026-06-15", "2026-11-09"],
    current: true,
};

pub(super) const ARCHIVE: Era =
    Era { prefix: "old-", visits: &["2017-02-14", "2018-09-27", "2020-01-21"], current: false };

/// Every chart of an era.
pub(super) fn all(era: &Era) -> Vec<Value> {
    PATIENTS.iter().enumerate().flat_map(|(place, patient)| chart(era, place, patient)).collect()
}

fn chart(era: &Era, place: usize, patient: &PatientFacts) -> Vec<Value> {
    // An archive holds nothing from before somebody was born.
    let visits = era.visits.iter().filter(|day| **day > patient.birth_date);
    let last = era.visits.len();
    let mut all: Vec<Value> = visits
        .enumerate()
        .flat_map(|(number, day)| {
            let fact = Fact { patient, prefix: era.prefix, number: number + 1, day };
            let going_on = era.current && number + 1 == last && place.is_multiple_of(3);
            visit(fact, place + number, !going_on)
        })
        .collect();
    if let Some(day) = era.visits.iter().find(|day| **day > patient.birth_date) {
        let fact = Fact { patient, prefix: era.prefix, number: 1, day };
        let (code, kind) = pick(&ALLERGIES, place);
        all.push(clinical::allergy(fact, code, kind, place.is_multiple_of(4)));
        let (plan, goal) = pick(&PLANS, place);
        all.extend([clinical::care_plan(fact, plan), clinical::goal(fact, goal)]);
        all.extend([clinical::care_team(fact), clinical::coverage(fact)]);
    }
    all
}

/// Everything one visit leaves behind.
fn visit(fact: Fact<'_>, turn: usize, finished: bool) -> Vec<Value> {
    let diagnosis = pick(&DIAGNOSES, turn);
    // Values drift with the turn, so that charts differ; nothing depends on them.
    let drift = |base: f64, step: f64| ((base + step * (turn % 5) as f64) * 10.0).round() / 10.0;
    let (medicine, dosage) = pick(&MEDICINES, turn);
    let (question, answer) = pick(&SOCIAL, turn);
    let observe = clinical::observation;
    let mut all = vec![
        clinical::encounter(fact, turn.is_multiple_of(4), finished, diagnosis),
        clinical::condition(fact, diagnosis, pick(&CONDITION_KINDS, turn), turn.is_multiple_of(5)),
        observe(fact, "glu", GLUCOSE, "laboratory", Measured::Quantity(drift(82.0, 4.5), "mg/dL")),
        observe(fact, "hgb", HEMOGLOBIN, "laboratory", Measured::Quantity(drift(12.4, 0.6), "g/dL")),
        observe(
            fact,
            "bp",
            BLOOD_PRESSURE,
            "vital-signs",
            Measured::BloodPressure(drift(112.0, 6.0), drift(70.0, 4.0)),
        ),
        observe(fact, "hr", HEART_RATE, "vital-signs", Measured::Quantity(drift(62.0, 5.0), "/min")),
        observe(fact, "wt", WEIGHT, "vital-signs", Measured::Quantity(drift(58.0, 3.5), "kg")),
        observe(fact, "soc", question, "social-history", Measured::Answer(answer)),
        observe(fact, "phq", PHQ9, "survey", Measured::Quantity((turn % 7) as f64, "{score}")),
        observe(fact, "food", FOOD, "sdoh", Measured::Answer(pick(&FOOD_ANSWERS, turn))),
        clinical::diagnostic_report(fact, PANEL, &["glu", "hgb"]),
        clinical::medication_request(fact, medicine, dosage, turn.is_multiple_of(3)),
        clinical::immunization(fact, pick(&VACCINES, turn)),
    ];
    all.extend(clinical::document(
        fact,
        "Visit note",
        &format!("Seen on {}: {}. Doing well.", fact.day, diagnosis.2),
    ));
    if turn.is_multiple_of(2) {
        all.push(clinical::procedure(fact, pick(&PROCEDURES, turn)));
    }
    all
}

/// The row a turn takes; tables are never empty, which the type proves.
fn pick<T: Copy, const N: usize>(table: &[T; N], turn: usize) -> T {
    const { assert!(N > 0) };
    #[allow(clippy::indexing_slicing, reason = "the index is below N, and N is not zero")]
    table[turn % N]
}

const GLUCOSE: Code = Code(LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma");
const HEMOGLOBIN: Code = Code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood");
const BLOOD_PRESSURE: Code = Code(LOINC, "85354-9", "Blood pressure panel");
const HEART_RATE: Code = Code(LOINC, "8867-4", "Heart rate");
const WEIGHT: Code = Code(LOINC, "29463-7", "Body weight");
const PHQ9: Code = Code(LOINC, "44261-6", "PHQ-9 total score");
const FOOD: Code = Code(LOINC, "88124-3", "Food insecurity risk");
const PANEL: Code = Code(LOINC, "24323-8", "Comprehensive metabolic panel");

const CONDITION_KINDS: [&str; 3] = ["encounter-diagnosis", "problem-list-item", "health-concern"];

const DIAGNOSES: [Code; 7] = [
    Code(SNOMED, "38341003", "Hypertension"),
    Code(SNOMED, "195967001", "Asthma"),
    Code(SNOMED, "44054006", "Type 2 diabetes mellitus"),
    Code(SNOMED, "37796009", "Migraine"),
    Code(SNOMED, "40930008", "Hypothyroidism"),
    Code(SNOMED, "396275006", "Osteoarthritis"),
    Code(SNOMED, "444814009", "Viral sinusitis"),
];

const MEDICINES: [(Code, &str); 6] = [
    (Code(RXNORM, "314076", "Lisinopril 10 MG Oral Tablet"), "One tablet each morning"),
    (Code(RXNORM, "745679", "Albuterol 0.09 MG/ACTUAT Inhaler"), "Two puffs when needed"),
    (Code(RXNORM, "860975", "Metformin 500 MG Extended Release Tablet"), "One tablet with the evening meal"),
    (
        Code(RXNORM, "313782", "Acetaminophen 325 MG Oral Tablet"),
        "One tablet when in pain, at most eight a day",
    ),
    (Code(RXNORM, "966224", "Levothyroxine 0.05 MG Oral Tablet"), "One tablet before breakfast"),
    (Code(RXNORM, "310965", "Ibuprofen 200 MG Oral Tablet"), "One tablet with food, at most three a day"),
];

const ALLERGIES: [(Code, &str); 4] = [
    (Code(SNOMED, "91936005", "Allergy to penicillin"), "medication"),
    (Code(SNOMED, "91935009", "Allergy to peanut"), "food"),
    (Code(SNOMED, "300916003", "Latex allergy"), "environment"),
    (Code(SNOMED, "232347008", "Allergy to animal dander"), "environment"),
];

const VACCINES: [Code; 4] = [
    Code(CVX, "140", "Influenza, seasonal, injectable, preservative free"),
    Code(CVX, "115", "Tdap"),
    Code(CVX, "133", "Pneumococcal conjugate PCV 13"),
    Code(CVX, "03", "MMR"),
];

const PROCEDURES: [Code; 3] = [
    Code(SNOMED, "29303009", "Electrocardiographic procedure"),
    Code(SNOMED, "127783003", "Spirometry"),
    Code(SNOMED, "252160004", "Standard blood test"),
];

const SOCIAL: [(Code, Code); 3] = [
    (Code(LOINC, "72166-2", "Tobacco smoking status"), Code(SNOMED, "266919005", "Never smoked tobacco")),
    (Code(LOINC, "72166-2", "Tobacco smoking status"), Code(SNOMED, "8517006", "Ex-smoker")),
    (
        Code(LOINC, "11331-6", "History of alcohol use"),
        Code(SNOMED, "105542008", "Current non-drinker of alcohol"),
    ),
];

const FOOD_ANSWERS: [Code; 2] = [Code(LOINC, "LA19983-8", "No risk"), Code(LOINC, "LA19952-3", "At risk")];

const PLANS: [(&str, &str); 3] = [
    ("Walk half an hour a day and come back in six months", "Walk every day"),
    ("Measure blood pressure twice a week", "Blood pressure below 130/80"),
    ("Keep a diary of symptoms", "Fewer than two attacks a month"),
];
