//! Vectors that others published.

use serde_json::{Value, json};
use vestibule_host::{Alg, UnixMillis};
use vestibule_jose::{Expect, JwsError, PublicKey, Validity, VerifyKeys, at_hash};

use crate::fixtures::WHENEVER;

const ES384_KEY: &str = r#"{"kty":"EC","crv":"P-384","x":"pyqburM9y8HPcFhNosDW6ngoVEJitqXi_HJgI5hYqX21PoFDwCbYirGy_o0oapIU","y":"95bxkCnMKoHvgbcPAIAcgzzu8scd81mXfM_IzuJFNfkUNkGYBFGvuEU1KPi5j1ob","kid":"cd520211e5661dbba2256f67f6d53f97","alg":"ES384"}"#;
const ES384_TOKEN: &str = "eyJhbGciOiJFUzM4NCIsImtpZCI6ImNkNTIwMjExZTU2NjFkYmJhMjI1NmY2N2Y2ZDUzZjk3IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2JpbGktbW9uaXRvci5leGFtcGxlLmNvbSIsInN1YiI6Imh0dHBzOi8vYmlsaS1tb25pdG9yLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9hdXRob3JpemUuc21hcnRoZWFsdGhpdC5vcmcvdG9rZW4iLCJleHAiOjE0MjI1Njg4NjAsImp0aSI6InJhbmRvbS1ub24tcmV1c2FibGUtand0LWlkLTEyMyJ9.ddl5N8dt5PYI_7syKg_dm1wj1LR3dYVztFlTODs6pU1vKH1Zv3d9NctbnAsZ4aZ1K7HE83_fA_hIAL0JsU1GoB7roLmrpj8zfygG9Q1ZBAmKNoR60pyONPZsGTihoR29";
const RS384_KEY: &str = r#"{"kty":"RSA","n":"wJq2RHIA-7RT6q4go7wjcbHdW7ck7Kz22A8wf-kN7Wi5CWvhFG2_Y7nQp1lDpb2IKMQr-Q4n_vgJ6d5rWPspJpSPY7iffUK4ipQCEbzID5DJ6fQMBZOfCTXyxkuMh3jYGKEF3Ziw2oxbM1H9j-eJAPtrj5stUG6kVoXowegdox-bSjWP0iI5PnkwUNzcekLMug4M3LRluEQgGR9O_BAML6-w3igZ_rZA_gunyrLAMbfmCVaceW5ohLp679kyM7U6W2gDK_NbkDKcINUakVmPeoG5h8RzgGzvGrySR0k0VDFiZv60Ua07DqHTeDGH9e4NV07AECae-oykIj5NDCs3pw","e":"AQAB","kid":"eee9f17a3b598fd86417a980b591fbe6","alg":"RS384"}"#;
const RS384_TOKEN: &str = "eyJhbGciOiJSUzM4NCIsImtpZCI6ImVlZTlmMTdhM2I1OThmZDg2NDE3YTk4MGI1OTFmYmU2IiwidHlwIjoiSldUIn0.eyJpc3MiOiJodHRwczovL2JpbGktbW9uaXRvci5leGFtcGxlLmNvbSIsInN1YiI6Imh0dHBzOi8vYmlsaS1tb25pdG9yLmV4YW1wbGUuY29tIiwiYXVkIjoiaHR0cHM6Ly9hdXRob3JpemUuc21hcnRoZWFsdGhpdC5vcmcvdG9rZW4iLCJleHAiOjE0MjI1Njg4NjAsImp0aSI6InJhbmRvbS1ub24tcmV1c2FibGUtand0LWlkLTEyMyJ9.D5kAqNJwaftCqsRdVVQDq6dMBxuGFOF5svQJuXbcYp-oEyg5qOwK9ZE5cGLTHxqwfpUPNzRKgVdIGuhawAA-8g0s1nKQae8CuKs33hhKh4J34xSEwW3MYs1gwI4GHTtR_g3kYSX6QCi14Ed3GIAvYFgqRqt-gD7sewMUXL4SB8I8cXcDbCqVizm7uPVhjw6QaeKZygJJ_AVLhM4Xs9LTy4HAhdCHpN0FrNmCerUIYJvHDpcod7A0jDmxdoeW1KIBYlhdhQNwjtsTvT1ce4qacN_3KIv_fIzCKLIgDv9eWxkjAtxOmIm8aW5gX9xX7X0nbd0QglIyiic_bZVNNEh0kg";

/// The signed example of RFC 8037 A.4: a plain text, so it is checked through the key alone.
const ED25519_KEY: &str =
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

const SMART: Expect<'_> = Expect { typ: &["JWT"], algs: &[Alg::Rs384, Alg::Es384] };

fn key_set(keys: &[&str]) -> VerifyKeys {
    VerifyKeys::from_jwks(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
}

fn public_key(jwk: &str) -> PublicKey {
    let jwk: Value = serde_json::from_str(jwk).unwrap();
    PublicKey::from_jwk(jwk.as_object().unwrap()).unwrap()
}

#[test]
fn smart_client_assertions_verify() {
    let keys = key_set(&[ES384_KEY, RS384_KEY]);
    for token in [ES384_TOKEN, RS384_TOKEN] {
        let claims = keys.verify(token, &SMART, WHENEVER).unwrap();
        assert_eq!(claims.text("iss"), Some("https://bili-monitor.example.com"));
        assert_eq!(claims.text("aud"), Some("https://authorize.smarthealthit.org/token"));
        let rules = Validity {
            leeway: std::time::Duration::from_secs(60),
            longest: Some(std::time::Duration::from_secs(300)),
        };
        assert_eq!(claims.check_times(UnixMillis::from_seconds(1_422_568_700), &rules), Ok(()));
        assert_eq!(
            claims.check_times(UnixMillis::from_seconds(1_422_568_920), &rules),
            Err(JwsError::Expired)
        );
    }
}

#[test]
fn smart_client_assertions_verify_under_their_own_key_only() {
    assert_eq!(key_set(&[RS384_KEY]).verify(ES384_TOKEN, &SMART, WHENEVER), Err(JwsError::UnknownKey));
    let swapped = ES384_KEY.replace("cd520211e5661dbba2256f67f6d53f97", "eee9f17a3b598fd86417a980b591fbe6");
    assert_eq!(key_set(&[&swapped]).verify(RS384_TOKEN, &SMART, WHENEVER), Err(JwsError::KeyMismatch));
    let as_rs256 = RS384_KEY.replace("RS384", "RS256");
    assert_eq!(key_set(&[&as_rs256]).verify(RS384_TOKEN, &SMART, WHENEVER), Err(JwsError::KeyMismatch));
    let without_alg = RS384_KEY.replace(r#","alg":"RS384""#, "");
    assert!(key_set(&[&without_alg]).verify(RS384_TOKEN, &SMART, WHENEVER).is_ok());
    let without_alg =
        without_alg.replace("eee9f17a3b598fd86417a980b591fbe6", "cd520211e5661dbba2256f67f6d53f97");
    assert_eq!(key_set(&[&without_alg]).verify(ES384_TOKEN, &SMART, WHENEVER), Err(JwsError::KeyMismatch));
    let es384_only = Expect { algs: &[Alg::Es384], ..SMART };
    assert_eq!(
        key_set(&[RS384_KEY]).verify(RS384_TOKEN, &es384_only, WHENEVER),
        Err(JwsError::AlgNotAllowed)
    );
}

/// RFC 7638 §3.1.
#[test]
fn thumbprint_of_an_rsa_key() {
    let key = public_key(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );
    assert_eq!(key.thumbprint().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/// RFC 8037 A.3.
#[test]
fn thumbprint_of_an_ed25519_key() {
    assert_eq!(public_key(ED25519_KEY).thumbprint().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_key_reads_back_what_it_writes() {
    for (jwk, alg) in [(ES384_KEY, Alg::Es384), (RS384_KEY, Alg::Rs384), (ED25519_KEY, Alg::EdDsa)] {
        let key = public_key(jwk);
        let written = key.to_jwk(&key.thumbprint(), alg);
        assert_eq!(PublicKey::from_jwk(written.as_object().unwrap()), Some(key));
        assert_eq!(written["use"], json!("sig"));
        assert_eq!(written["alg"], json!(alg.name()));
    }
}

/// OpenID Connect Core A.3 and A.6.
///
/// OIDC-006
#[test]
fn half_a_hash() {
    assert_eq!(at_hash(Alg::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"), "77QmUPtjPfzWtF2AnpK9RQ");
    let code = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk";
    assert_eq!(at_hash(Alg::Es256, code), "LDktKdoQak3Pk0cnXxCltA");
    assert_eq!(at_hash(Alg::Es384, code).len(), 32);
    assert_eq!(at_hash(Alg::EdDsa, code).len(), 43);
}
