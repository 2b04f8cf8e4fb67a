//! Signatures and seals.
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up stops")]

use divan::{Bencher, black_box};
use vestibule_benches::{ISSUER, keys, ready};
use vestibule_host::{Alg, KeyRing, SigningKey, UnixMillis};
use vestibule_jose::{Expect, Purpose, SealContext, Sealer, SystemRandom, VerifyKeys, jws};

fn main() {
    divan::main();
}

const CLAIMS: [(&str, &str); 6] = [
    ("iss", ISSUER),
    ("sub", "subject-1"),
    ("aud", "https://ehr.example/fhir"),
    ("client_id", "app"),
    ("patient", "alice"),
    ("scope", vestibule_benches::SCOPES),
];

fn claims() -> std::collections::BTreeMap<&'static str, &'static str> {
    CLAIMS.into_iter().collect()
}

fn key_for(alg: Alg, ring: &dyn KeyRing) -> SigningKey {
    let set = ring.snapshot();
    [set.access_token.clone(), set.id_token.clone()].into_iter().find(|key| key.alg == alg).unwrap()
}

#[divan::bench(args = [Alg::Es256, Alg::Rs256])]
fn sign(bencher: Bencher<'_, '_>, alg: Alg) {
    let (ring, claims) = (keys(), claims());
    let key = key_for(alg, &ring);
    bencher.bench(|| ready(jws::encode(&ring, &key, "at+jwt", black_box(&claims))).unwrap());
}

#[divan::bench(args = [Alg::Es256, Alg::Rs256])]
fn verify(bencher: Bencher<'_, '_>, alg: Alg) {
    let ring = keys();
    let token = ready(jws::encode(&ring, &key_for(alg, &ring), "at+jwt", &claims())).unwrap();
    let published = VerifyKeys::from_jwks(&ring.snapshot().jwks).unwrap();
    let expect = Expect { typ: &["at+jwt"], algs: &[alg] };
    bencher.bench(|| published.verify(black_box(&token), &expect, UnixMillis(0)).unwrap());
}

const PLACE: SealContext<'_> =
    SealContext { purpose: Purpose::new("pending request"), issuer: ISSUER, name: "cookie", id: &[9; 32] };

#[divan::bench(args = [700, 2500])]
fn seal(bencher: Bencher<'_, '_>, length: usize) {
    let (set, text) = (keys().snapshot(), vec![b'a'; length]);
    bencher.bench(|| Sealer::new(&set).seal(&PLACE, black_box(&text), &SystemRandom::new()).unwrap());
}

#[divan::bench(args = [700, 2500])]
fn open(bencher: Bencher<'_, '_>, length: usize) {
    let set = keys().snapshot();
    let sealed = Sealer::new(&set).seal(&PLACE, &vec![b'a'; length], &SystemRandom::new()).unwrap();
    bencher.bench(|| Sealer::new(&set).open(&PLACE, black_box(&sealed)).unwrap());
}
