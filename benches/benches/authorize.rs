//! The authorize request before anybody signs in: reading it, and judging it.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

use std::time::Duration;

use divan::{Bencher, black_box};
use vestibule_benches::{ISSUER, base, client};
use vestibule_core::authorize::{Identified, PendingRequest, ProvenRedirect, Rules};
use vestibule_core::explain::Trail;
use vestibule_core::params::Params;
use vestibule_host::UnixMillis;

const QUERY: &[u8] = b"response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
    &scope=launch%2Fpatient+openid+fhirUser+patient%2FPatient.rs+patient%2FObservation.rs+patient%2FCondition.rs\
    &state=98wrghuwuogerg97&aud=https%3A%2F%2Fehr.example%2Ffhir&nonce=n-0S6_WzA2Mj\
    &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

fn main() {
    divan::main();
}

#[divan::bench]
fn read_the_query(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Params::parse(black_box(QUERY)));
}

#[divan::bench]
fn read_and_validate(bencher: Bencher<'_, '_>) {
    let (client, bases) = (client(), [base()]);
    let rules = Rules {
        issuer: ISSUER,
        bases: &bases,
        interaction_life: Duration::from_secs(600),
        ehr_launch: true,
        standalone_encounters: true,
        v1_scopes: true,
    };
    let validate = || {
        let params = Params::parse(black_box(QUERY)).unwrap();
        let identified = Identified::read(&params).unwrap();
        let proven = ProvenRedirect::prove(Some(&client), &identified, &params, false).unwrap();
        PendingRequest::validate(
            &params,
            &proven,
            &client,
            &rules,
            &|_| None,
            UnixMillis::from_seconds(1),
            &mut Trail::default(),
        )
        .unwrap()
    };
    bencher.bench(validate);
}
