//! Reading and narrowing 10 and 100 scopes.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

use divan::{Bencher, black_box};
use vestibule_scope::{ScopeList, ScopeSet};

const TYPES: [&str; 10] = [
    "Patient",
    "Observation",
    "Condition",
    "MedicationRequest",
    "AllergyIntolerance",
    "Immunization",
    "Encounter",
    "DiagnosticReport",
    "Procedure",
    "DocumentReference",
];
const PERMISSIONS: [&str; 10] = ["r", "s", "rs", "c", "cr", "crs", "u", "ru", "cruds", "read"];

fn list(count: usize) -> String {
    let all = PERMISSIONS.iter().flat_map(|p| TYPES.iter().map(move |t| format!("patient/{t}.{p}")));
    all.take(count).collect::<Vec<_>>().join(" ")
}

fn main() {
    divan::main();
}

#[divan::bench(args = [10, 100])]
fn parse(bencher: Bencher<'_, '_>, count: usize) {
    let text = list(count);
    bencher.bench(|| ScopeList::parse(black_box(&text)));
}

#[divan::bench(args = [10, 100])]
fn narrow_to_a_wildcard(bencher: Bencher<'_, '_>, count: usize) {
    narrow(bencher, count, &ScopeSet::parse("patient/*.rs").unwrap());
}

#[divan::bench(args = [10, 100])]
fn narrow_to_as_many_scopes(bencher: Bencher<'_, '_>, count: usize) {
    narrow(bencher, count, &ScopeSet::parse(&list(count)).unwrap());
}

fn narrow(bencher: Bencher<'_, '_>, count: usize, ceiling: &ScopeSet) {
    let requested = ScopeList::parse(&list(count)).unwrap();
    bencher.bench(|| -> ScopeSet {
        requested.scopes().flat_map(|scope| ceiling.narrow(black_box(scope)).into_scopes()).collect()
    });
}
