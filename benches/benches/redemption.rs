//! What the token endpoint decides, without signatures and store: form, record, checks, claims.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot be set up stops")]

use std::time::Duration;

use divan::{Bencher, black_box};
use vestibule_benches::{ISSUER, VERIFIER, base, client, grant};
use vestibule_core::authorize::Rules;
use vestibule_core::explain::Trail;
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
        v1_scopes: true,
    };
    let life = TokenLife {
        access_token: Duration::from_secs(300),
        unrefreshed: Duration::from_secs(300),
        id_token: Duration::from_secs(600),
        offline_idle: Duration::from_secs(180 * 86_400),
        online: Duration::from_secs(12 * 3_600),
        now: NOW,
    };
    let form = format!(
        "grant_type=authorization_code&client_id=app&code=vc_{}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&code_verifier={VERIFIER}",
        "A".repeat(43)
    );
    let stored = record::write(&grant(NOW)).unwrap();
    bencher.bench(|| {
        let form = Params::parse(black_box(form.as_bytes())).unwrap();
        TokenRequest::check_form(&form, None).unwrap();
        let client_of_form = Presented::read(&form, &[], |_| None).unwrap();
        let client = client_of_form.authenticate(Some(client.clone()), None, NOW).unwrap();
        let request = TokenRequest::read(&form, client.client()).unwrap();
        let TokenRequest::Code(request) = request else { panic!("a code's request") };
        let record: GrantRecord = record::read(black_box(&stored)).unwrap();
        let checked = request
            .check(&client, Some((GrantId::new("grant-1"), record)), &rules, &mut Trail::default())
            .unwrap();
        let answer = PatientAnswer::allowed(PatientSummary::new(PatientId::new("alice"), "Alice"));
        let reask = checked.reask();
        assert!(reask.patient_question().is_some());
        let grantable = reask.answered(Standing::Active, Some(answer), true, NOW).unwrap();
        let draft = checked.granted(grantable, &life, &[7; 64]).unwrap();
        (draft.content().access_claims("jti"), draft.content().id_claims("hash"))
    });
}
