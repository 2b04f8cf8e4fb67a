//! How an assertion is written and signed, and by whose key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;
use serde_json::{Value, json};
use vestibule_http_tests::app::{Tk, az, cc, tk};
use vestibule_http_tests::assertion::{Assertion, assertion, key_of, key_set, signing_input};
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::world::JWTU_KEYS;

use super::{accepted, now, refused, register, svc};
use crate::notation::{each_adapter, j400, j401};

/// A-JWT-01
#[test]
fn a_jwt_01_alg_none() {
    each_adapter(async |world| {
        for alg in ["none", "None", "NONE", "nOnE", "", "NULL"] {
            let good = svc(&world).header("alg", alg);
            refused(&world, &format!("{}.", good.input())).await;
            refused(&world, &good.text()).await;
            refused(&world, &good.input()).await;
        }
        refused(&world, &svc(&world).without_header("alg").text()).await;
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-02
#[test]
fn a_jwt_02_hmac_with_the_public_key() {
    each_adapter(async |world| {
        let jwk = key_of("svc", "e1").jwk();
        let point: Vec<u8> =
            ["x", "y"].iter().flat_map(|name| BASE64.decode(jwk[*name].as_str().unwrap()).unwrap()).collect();
        let spki = [&SPKI_P384[..], &[4], &point].concat();
        let pem = |end: &str| {
            let text = base64::engine::general_purpose::STANDARD.encode(&spki);
            let lines: Vec<&str> =
                text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----{end}", lines.join("\n"))
                .into_bytes()
        };
        let secrets = [
            pem(""),
            pem("\n"),
            spki.clone(),
            point.clone(),
            [&[4], &point[..]].concat(),
            point[..48].to_vec(),
            jwk.to_string().into_bytes(),
            key_set("svc").to_string().into_bytes(),
            jwk["x"].as_str().unwrap().as_bytes().to_vec(),
        ];
        for (alg, how) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            for secret in &secrets {
                let input = svc(&world).header("alg", alg).input();
                let mac = hmac::sign(&hmac::Key::new(how, secret), input.as_bytes());
                refused(&world, &format!("{input}.{}", BASE64.encode(mac))).await;
            }
        }
        accepted(&world, &svc(&world).text()).await;
    });
}

/// What precedes the point in a public key of P-384 (RFC 5480).
const SPKI_P384: [u8; 23] = [
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
    0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

/// A-JWT-28
#[test]
fn a_jwt_28_no_kid() {
    each_adapter(async |world| {
        refused(&world, &svc(&world).without_header("kid").text()).await;
        for kid in [json!(""), json!(null), json!(1), json!("e2"), json!("E1"), json!("../e1"), json!(["e1"])]
        {
            refused(&world, &svc(&world).header("kid", kid).text()).await;
        }
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-29
#[test]
fn a_jwt_29_embedded_key() {
    each_adapter(async |world| {
        let mut jwk = key_of("mallory", "e1").jwk();
        refused(&world, &svc(&world).header("jwk", jwk.clone()).signed_by("mallory", "e1").text()).await;
        jwk["kid"] = json!("mine");
        let own = svc(&world).header("jwk", jwk).header("kid", "mine").signed_by("mallory", "e1");
        refused(&world, &own.text()).await;
        // Nor the right one: an honest client has no use for it.
        refused(&world, &svc(&world).header("jwk", key_of("svc", "e1").jwk()).text()).await;
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-31
#[test]
fn a_jwt_31_jku_near_match() {
    each_adapter(async |world| {
        world.network.publish(JWTU_KEYS, key_set("jwtu").to_string());
        let code = world.code_for(&az("jwtu").scope("launch/patient patient/Observation.rs")).await;
        let send = |jwtu: Assertion| {
            let (world, tk) = (world.clone(), tk("jwtu", &code).with_assertion(&jwtu.text()));
            async move { tk.send(&world).await }
        };
        for jku in [
            "https://keys.example/jwks#x",
            "https://keys.example/jwks?x",
            "https://KEYS.example/jwks",
            "https://keys.example@evil.test/jwks",
            "https://keys.example/jwks/",
            "http://keys.example/jwks",
            "https://evil.test/jwks",
            "",
        ] {
            let forged = assertion(&world, "jwtu").header("jku", jku);
            j401(&send(forged.clone()).await);
            j401(&send(forged.signed_by("mallory", "e1")).await);
        }
        assert_eq!(world.network.fetched(), [""; 0], "none of these is fetched");
        // A client whose keys are in its registration has no `jku`.
        refused(&world, &svc(&world).header("jku", JWTU_KEYS).text()).await;
        let right = assertion(&world, "jwtu").header("jku", JWTU_KEYS);
        assert_eq!(send(right).await.status, 200);
        assert_eq!(world.network.fetched(), [JWTU_KEYS]);
    });
}

/// A-JWT-32
#[test]
fn a_jwt_32_certificates() {
    each_adapter(async |world| {
        for (name, value) in [
            ("x5u", json!("https://evil.test/cert.pem")),
            ("x5c", json!(["MIIB"])),
            ("x5t", json!("AAAA")),
            ("x5t#S256", json!("AAAA")),
        ] {
            refused(&world, &svc(&world).header(name, value.clone()).text()).await;
            refused(&world, &svc(&world).header(name, value).signed_by("mallory", "e1").text()).await;
        }
        assert_eq!(world.network.fetched(), [""; 0]);
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-33
#[test]
fn a_jwt_33_crit() {
    each_adapter(async |world| {
        refused(&world, &svc(&world).header("crit", json!(["exp"])).text()).await;
        refused(&world, &svc(&world).header("crit", json!(["b64"])).header("b64", false).text()).await;
        refused(&world, &svc(&world).header("b64", false).text()).await;
        refused(&world, &svc(&world).header("crit", json!([])).text()).await;
        refused(&world, &svc(&world).header("crit", json!(["x"])).header("x", 1).text()).await;
        refused(&world, &svc(&world).header("crit", json!(null)).text()).await;
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-35
#[test]
fn a_jwt_35_compression_and_encryption() {
    each_adapter(async |world| {
        refused(&world, &svc(&world).header("zip", "DEF").text()).await;
        let jwe = svc(&world).header("zip", "DEF").header("enc", "A256GCM").header("alg", "dir");
        refused(&world, &jwe.text()).await;
        let bomb = BASE64.encode(vec![0x78; 30_000]);
        let header = BASE64.encode(r#"{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF","kid":"e1"}"#);
        for parts in [format!("{header}.AAAA.AAAA.{bomb}.AAAA"), format!("{header}.{bomb}.AAAA")] {
            let answer = cc(&parts).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
        }
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-41
#[test]
fn a_jwt_41_other_spellings_of_base64() {
    each_adapter(async |world| {
        // Until its last character has unused bits that can be set, and its signature a sign that differs in the other alphabet.
        let (good, text) = loop {
            let good = svc(&world);
            let text = good.text();
            if text.contains(['-', '_']) {
                break (good, text);
            }
        };
        let parts: Vec<&str> = text.split('.').collect();
        let mut others = vec![
            format!("{text}="),
            format!("{text}=="),
            text.replace('-', "+").replace('_', "/"),
            format!("{}\n{}", &text[..20], &text[20..]),
            format!("{text} "),
            format!(" {text}"),
            text.replace('.', "=."),
            format!("{text}."),
            format!(".{text}"),
            text.replacen('.', "..", 1),
            format!("{}.{}", parts[0], parts[1]),
        ];
        for part in 0..3 {
            let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            let last = changed[part].pop().unwrap();
            let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let at = alphabet.find(last).unwrap();
            let unused = match parts[part].len() % 4 {
                2 => 4,
                3 => 2,
                _ => 0,
            };
            if unused > 0 {
                changed[part].push(alphabet.as_bytes()[at | 1].into());
                others.push(changed.join("."));
            }
        }
        for other in others.iter().filter(|other| **other != text) {
            let answer = cc(other).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{other}: {}", answer.brief());
        }
        accepted(&world, &good.text()).await;
    });
}

/// A-JWT-44
#[test]
fn a_jwt_44_unusable_keys_beside_a_good_one() {
    each_adapter(async |world| {
        let good = key_of("svc", "e1").jwk();
        let zero = "A".repeat(64);
        let off = {
            let mut key = good.clone();
            key["y"] = key["x"].clone();
            key
        };
        let keys = [
            json!({ "kty": "EC", "crv": "P-521", "kid": "p521", "x": "A".repeat(88), "y": "A".repeat(88) }),
            json!({ "kty": "EC", "crv": "secp256k1", "kid": "k1", "x": "A".repeat(43), "y": "A".repeat(43) }),
            json!({ "kty": "EC", "crv": "P-384", "kid": "zero", "x": zero, "y": zero }),
            json!({ "kty": "EC", "crv": "P-384", "kid": "off", "x": off["x"], "y": off["y"] }),
            json!({ "kty": "EC", "crv": "P-384", "kid": "short", "x": "AAAA", "y": "AAAA" }),
            json!({ "kty": "RSA", "kid": "weak", "n": BASE64.encode([0xff; 64]), "e": "AQAB" }),
            json!({ "kty": "RSA", "kid": "e1e1", "n": BASE64.encode([0xff; 256]), "e": "AQ" }),
            json!({ "kty": "unheard-of", "kid": "new" }),
        ];
        let mut all = keys.to_vec();
        all.push(good);
        register(&world, &json!({ "keys": all }));
        for key in &keys {
            refused(&world, &svc(&world).header("kid", key["kid"].clone()).text()).await;
        }
        // The others stay usable.
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-47
#[test]
fn a_jwt_47_symmetric_key_in_the_set() {
    each_adapter(async |world| {
        let secret = b"a-secret-that-the-attacker-knows-well";
        for alg in ["HS384", "HS256"] {
            let oct = json!({ "kty": "oct", "kid": "e1", "k": BASE64.encode(secret), "alg": alg });
            register(&world, &json!({ "keys": [oct] }));
            let how = if alg == "HS384" { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
            let input = svc(&world).header("alg", alg).input();
            let mac = hmac::sign(&hmac::Key::new(how, secret), input.as_bytes());
            refused(&world, &format!("{input}.{}", BASE64.encode(mac))).await;
            refused(&world, &svc(&world).text()).await;
        }
        register(&world, &key_set("svc"));
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-48
#[test]
fn a_jwt_48_key_for_another_use() {
    each_adapter(async |world| {
        for (name, value) in [
            ("use", json!("enc")),
            ("key_ops", json!(["encrypt"])),
            ("key_ops", json!([])),
            ("alg", json!("ES256")),
        ] {
            let mut key = key_of("svc", "e1").jwk();
            key[name] = value;
            register(&world, &json!({ "keys": [key] }));
            refused(&world, &svc(&world).text()).await;
        }
        for (name, value) in [("use", json!("sig")), ("key_ops", json!(["verify"]))] {
            let mut key = key_of("svc", "e1").jwk();
            key[name] = value;
            register(&world, &json!({ "keys": [key] }));
            accepted(&world, &svc(&world).text()).await;
        }
    });
}

/// A-JWT-49
#[test]
fn a_jwt_49_another_kind_of_token() {
    each_adapter(async |world| {
        for typ in [
            "at+jwt",
            "dpop+jwt",
            "logout+jwt",
            "secevent+jwt",
            "application/at+jwt",
            "JOSE",
            "",
            "token-introspection+jwt",
        ] {
            refused(&world, &svc(&world).header("typ", typ).text()).await;
        }
        refused(&world, &svc(&world).without_header("typ").text()).await;
        // Our own tokens.
        let request = az("pub").scope("openid launch/patient patient/Observation.rs");
        let tokens = world.tokens_for("pub", &request).await;
        for token in ["access_token", "id_token"] {
            let answer = cc(tokens[token].as_str().unwrap()).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{token}: {}", answer.brief());
        }
        accepted(&world, &svc(&world).header("typ", "client-authentication+jwt").text()).await;
        accepted(&world, &svc(&world).text()).await;
    });
}

/// A-JWT-50
#[test]
fn a_jwt_50_json_serialisation() {
    each_adapter(async |world| {
        let text = svc(&world).text();
        let parts: Vec<&str> = text.split('.').collect();
        let flat = json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] });
        let general =
            json!({ "payload": parts[1], "signatures": [{ "protected": parts[0], "signature": parts[2] }] });
        for other in [flat.to_string(), general.to_string(), BASE64.encode(flat.to_string())] {
            let answer = cc(&other).send(&world).await;
            assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
        }
        accepted(&world, &text).await;
    });
}

/// A-JWT-51
#[test]
fn a_jwt_51_assertion_type() {
    each_adapter(async |world| {
        let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let text = svc(&world).text();
        let of = |tk: Tk| {
            let world = world.clone();
            async move { tk.send(&world).await }
        };
        let good = || cc(&text);
        for wrong in [
            good().set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            good().set("client_assertion_type", &format!("{jwt} ")),
            good().set("client_assertion_type", &jwt.to_uppercase()),
            good().set("client_assertion_type", ""),
            good().without("client_assertion_type"),
        ] {
            let answer: Answer = of(wrong).await;
            assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
            assert!(matches!(answer.json()["error"].as_str(), Some("invalid_request" | "invalid_client")));
        }
        j400(&of(good().add("client_assertion_type", jwt)).await, "invalid_request");
        j400(&of(good().add("client_assertion", &text)).await, "invalid_request");
        let answer = of(good().without("client_assertion")).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
        accepted(&world, &text).await;
    });
}

/// A-JWT-54
#[test]
fn a_jwt_54_signature_of_another_text() {
    each_adapter(async |world| {
        let (one, two) = (svc(&world), svc(&world).claim("exp", now(&world) + 100));
        let (first, second) = (one.text(), two.text());
        let signature = |text: &str| text.rsplit_once('.').unwrap().1.to_owned();
        refused(&world, &format!("{}.{}", one.input(), signature(&second))).await;
        refused(&world, &format!("{}.{}", two.input(), signature(&first))).await;
        let header = Value::Object(one.header.clone()).to_string();
        let claims = Value::Object(one.claims.clone()).to_string();
        let spaced = signing_input(&header, &claims.replace(':', ": "));
        refused(&world, &format!("{spaced}.{}", signature(&first))).await;
        for cut in [0, 10, 127] {
            refused(&world, &format!("{}.{}", one.input(), &signature(&first)[..cut])).await;
        }
        // r and s of zero, and the DER form.
        refused(&world, &format!("{}.{}", one.input(), BASE64.encode([0; 96]))).await;
        refused(&world, &format!("{}.{}", one.input(), BASE64.encode([0x30, 6, 2, 1, 1, 2, 1, 1]))).await;
        accepted(&world, &first).await;
        accepted(&world, &second).await;
    });
}

/// A-JWT-56
#[test]
fn a_jwt_56_key_removed() {
    each_adapter(async |world| {
        register(&world, &json!({ "keys": [key_of("svc", "e1").jwk(), key_of("svc", "r1").jwk()] }));
        accepted(&world, &svc(&world).text()).await;
        let by_rsa = || svc(&world).header("alg", "RS384").header("kid", "r1").signed_by("svc", "r1").text();
        accepted(&world, &by_rsa()).await;
        register(&world, &json!({ "keys": [key_of("svc", "r1").jwk()] }));
        j401(&cc(&svc(&world).text()).send(&world).await);
        accepted(&world, &by_rsa()).await;
        register(&world, &json!({ "keys": [] }));
        j401(&cc(&by_rsa()).send(&world).await);
    });
}
