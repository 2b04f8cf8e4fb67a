//! What the token endpoint decides, without signatures and store: form, record, checks, claims.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot be set up stops")]

use std::time::Duration;

use divan::{Bencher, black_box};
use vestibule_benches::{ISSUER, VERIFIER, base, client, grant};
use vestibule_core::authorize::Rules;
use vestibule_core::grant::GrantRecord;
use vestibule_core::params::Params;
use vestibule_core::record;
use vestibule_core::token::{Presented, TokenLife, TokenRequest};
use vestibule_host::{GrantId, PatientAnswer, PatientId, PatientSummary, Standing, UnixMillis};

const NOW: UnixMillis = UnixMillis::from_seconds(1_800_000_000);

fn main() {
    divan::main();
}

#[divan::bench]
fn decide(bencher: Bencher<'_, '_>) {
    let (client, bases) = (client(), [base()]);
    let rules = Rules {
        issuer: ISSUER,
        bases: &bases,
        interaction_life: Duration::from_secs(600),
        ehr_launch: true,
        standalone_encounters: true,
    };
    let life =
        TokenLife { access_token: Duration::from_secs(300), id_token: Duration::from_secs(600), now: NOW };
    let form = format!(
        "grant_type=authorization_code&client_id=app&code=vc_{}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier={VERIFIER}",
        "A".repeat(43)
    );
    let stored = record::write(&grant(NOW)).unwrap();
    bencher.bench(|| {
        let form = Params::parse(black_box(form.as_bytes())).unwrap();
        TokenRequest::check_form(&form, None).unwrap();
        let client = Presented::read(&form, &[]).unwrap().authenticate(Some(client.clone())).unwrap();
        let TokenRequest::Code(request) = TokenRequest::read(&form).unwrap();
        let record: GrantRecord = record::read(black_box(&stored)).unwrap();
        let checked = request.check(&client, Some((GrantId::new("grant-1"), record)), &rules).unwrap();
        let answer = PatientAnswer::allowed(PatientSummary::new(PatientId::new("alice"), "Alice"));
        let reask = checked.reask();
        assert!(reask.patient_question().is_some());
        let grantable = reask.answered(Standing::Active, Some(answer), true, NOW).unwrap();
        let draft = checked.granted(grantable, &life).unwrap();
        (draft.access_claims(ISSUER, "jti"), draft.id_claims(ISSUER, "hash"))
    });
}
