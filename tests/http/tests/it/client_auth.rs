//! A-CAUTH: one client, one registered way to prove it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::HeaderValue;
use vestibule_host::client::SecretHash;
use vestibule_host::{ClientAuthentication, StaticClients};
use vestibule_http_tests::app::{Az, Tk, az, bare, cc, introspection, revocation, tk};
use vestibule_http_tests::assertion::assertion;
use vestibule_http_tests::browser::Answer;
use vestibule_http_tests::world::World;

use crate::notation::{each_adapter, j400, j401, same_time};

const BASIC: &str = "basic-secret-basic-secret-basic-secret";
const POST: &str = "post-secret-post-secret-post-secret-p";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn request(client: &str) -> Az {
    az(client).scope("launch/patient patient/Observation.rs")
}

/// Sends a redemption whose `Authorization` header lines are these.
async fn with_header(world: &World, tk: &Tk, lines: &[&[u8]]) -> Answer {
    let mut request = tk.request();
    request.headers_mut().remove("authorization");
    for line in lines {
        request.headers_mut().append("authorization", HeaderValue::from_bytes(line).unwrap());
    }
    world.door.send(request).await.into()
}

fn header(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// A-CAUTH-01, CAUTH-001, SMART-CAUTH-008
#[test]
fn a_cauth_01_two_mechanisms() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        let basic = || tk("basic", &code);
        for both in [
            basic().add("client_secret", BASIC),
            basic().add("client_id", "basic").add("client_secret", BASIC),
            basic().add("client_assertion_type", ASSERTION).add("client_assertion", "x.y.z"),
            basic().add("client_assertion", "x.y.z"),
        ] {
            j400(&both.send(&world).await, "invalid_request");
        }
        assert_eq!(world.redeem("basic", &code).await.status, 200);
        let code = world.code_for(&request("post")).await;
        let both = tk("post", &code).add("client_assertion_type", ASSERTION).add("client_assertion", "x.y.z");
        j400(&both.send(&world).await, "invalid_request");
        assert_eq!(world.redeem("post", &code).await.status, 200);
    });
}

/// A-CAUTH-02, CAUTH-009, GEN-015, GEN-016, SMART-TOKEN-025
#[test]
fn a_cauth_02_two_identities() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        for other in ["pub", "other", "BASIC", "basic "] {
            j400(&tk("basic", &code).add("client_id", other).send(&world).await, "invalid_request");
        }
        assert_eq!(tk("basic", &code).add("client_id", "basic").send(&world).await.status, 200);
    });
}

/// A-CAUTH-03, SMART-CAUTH-009
#[test]
fn a_cauth_03_another_method_than_the_registered_one() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        let body = tk("basic", &code).basic(None).add("client_id", "basic").add("client_secret", BASIC);
        j401(&body.send(&world).await);
        assert_eq!(world.redeem("basic", &code).await.status, 200);
        let code = world.code_for(&request("post")).await;
        let basic =
            tk("post", &code).without("client_id").without("client_secret").basic(Some(("post", POST)));
        j401(&basic.send(&world).await);
        assert_eq!(world.redeem("post", &code).await.status, 200);
    });
}

/// A secret that reads differently raw and form-decoded.
const ODD: &str = "a:b%c+d \u{e9} a:b%c+d \u{e9} a:b%c+d \u{e9} a:b%c+d";

fn with_odd_secret(world: &World) {
    world.clients.change("basic", |client| {
        client.authentication = ClientAuthentication::SecretBasic(vec![vestibule_host::ClientSecret::new(
            SecretHash::of(ODD).unwrap(),
        )]);
    });
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// A-CAUTH-04, CAUTH-003
#[test]
fn a_cauth_04_form_encoded_basic() {
    each_adapter(async |world| {
        with_odd_secret(&world);
        let code = world.code_for(&request("basic")).await;
        let tk = tk("basic", &code).basic(Some((&encoded("basic"), &encoded(ODD))));
        assert_eq!(tk.send(&world).await.status, 200);
    });
}

/// A-CAUTH-05, CAUTH-004
#[test]
fn a_cauth_05_basic_that_is_not_encoded() {
    each_adapter(async |world| {
        with_odd_secret(&world);
        let code = world.code_for(&request("basic")).await;
        j401(&tk("basic", &code).basic(Some(("basic", ODD))).send(&world).await);
        let once_too_often = encoded(&encoded(ODD));
        j401(&tk("basic", &code).basic(Some(("basic", &once_too_often))).send(&world).await);
        let right = tk("basic", &code).basic(Some(("basic", &encoded(ODD))));
        assert_eq!(right.send(&world).await.status, 200);
    });
}

/// A-CAUTH-06
#[test]
fn a_cauth_06_malformed_basic() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        let good = header("basic", BASIC);
        let token = good.strip_prefix("Basic ").unwrap();
        let of = |bytes: &[u8]| format!("Basic {}", STANDARD.encode(bytes)).into_bytes();
        let padding =
            if token.ends_with('=') { token.trim_end_matches('=').to_owned() } else { format!("{token}=") };
        let mut lines: Vec<Vec<u8>> = [
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
            format!("Basic {padding}"),
            format!("Basic  {token}"),
            format!("Basic\t{token}"),
            format!("Basic {token},{token}"),
            format!("Basic {token} x"),
            format!("Basic{token}"),
            format!("Basic {}\u{a0}", token),
        ]
        .map(String::into_bytes)
        .to_vec();
        lines.extend([
            of(b"basic"),
            of(b""),
            of(b":"),
            of(format!("basic:{BASIC}\0").as_bytes()),
            of(format!("basic\0:{BASIC}").as_bytes()),
            of(b"\xff\xfe:\xff"),
            of(format!("basic:{BASIC}%zz").as_bytes()),
            of(format!("basic:{BASIC}%ff").as_bytes()),
            of(format!(" basic:{BASIC}").as_bytes()),
            format!("Basic {}", URL_SAFE.encode(b"basic:\xfb\xff\xfe?>~")).into_bytes(),
        ]);
        for line in &lines {
            let answer = with_header(&world, &tk("basic", &code), &[line]).await;
            assert_eq!(answer.status, 401, "{}: {}", String::from_utf8_lossy(line), answer.body);
            j401(&answer);
            assert!(answer.header("www-authenticate").starts_with("Basic "), "{answer:?}");
        }
        assert_eq!(with_header(&world, &tk("basic", &code), &[good.as_bytes()]).await.status, 200);
    });
}

/// A-CAUTH-07
#[test]
fn a_cauth_07_two_authorization_headers() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        let good = header("basic", BASIC);
        for bad in
            [header("basic", "wrong"), header("other", BASIC), "Bearer x".into(), good.clone(), String::new()]
        {
            for lines in [[good.as_bytes(), bad.as_bytes()], [bad.as_bytes(), good.as_bytes()]] {
                let answer = with_header(&world, &tk("basic", &code), &lines).await;
                assert!(matches!(answer.status, 400 | 401), "{}", answer.brief());
            }
        }
        assert_eq!(world.redeem("basic", &code).await.status, 200);
    });
}

/// A-CAUTH-08
#[test]
fn a_cauth_08_credentials_in_the_query() {
    each_adapter(async |world| {
        let code = world.code_for(&request("post")).await;
        let bare = || tk("post", &code).without("client_id").without("client_secret");
        let both = format!("client_id=post&client_secret={POST}");
        j400(&bare().with_query(&both).send(&world).await, "invalid_request");
        j400(&tk("post", &code).with_query(&both).send(&world).await, "invalid_request");
        let secret = format!("client_secret={POST}");
        j400(&bare().add("client_id", "post").with_query(&secret).send(&world).await, "invalid_request");
        assert_eq!(world.redeem("post", &code).await.status, 200);
    });
}

/// A-CAUTH-09
#[test]
fn a_cauth_09_confidential_without_credentials() {
    each_adapter(async |world| {
        for client in ["basic", "post"] {
            let code = world.code_for(&request(client)).await;
            let bare = tk(client, &code).basic(None).without("client_id").without("client_secret");
            j401(&bare.clone().add("client_id", client).send(&world).await);
            j401(&bare.send(&world).await);
            assert_eq!(world.redeem(client, &code).await.status, 200);
        }
    });
}

/// A-CAUTH-10
#[test]
fn a_cauth_10_public_client_with_a_secret() {
    each_adapter(async |world| {
        let code = world.code_for(&request("pub")).await;
        for secret in ["x", " ", BASIC] {
            j401(&tk("pub", &code).add("client_secret", secret).send(&world).await);
        }
        j401(&tk("pub", &code).without("client_id").basic(Some(("pub", ""))).send(&world).await);
        j401(&tk("pub", &code).basic(Some(("pub", BASIC))).send(&world).await);
        // What is sent without a value is not sent (RFC 6749 §3.2).
        assert_eq!(tk("pub", &code).add("client_secret", "").send(&world).await.status, 200);
    });
}

/// A-CAUTH-11
#[test]
fn a_cauth_11_empty_secret() {
    each_adapter(async |world| {
        let code = world.code_for(&request("basic")).await;
        let registered = world.clients.get("basic").authentication;
        world.clients.change("basic", |client| {
            client.authentication = ClientAuthentication::SecretBasic(Vec::new());
        });
        for secret in ["", " ", "\0", "null", BASIC] {
            j401(&tk("basic", &code).basic(Some(("basic", secret))).send(&world).await);
        }
        j401(&tk("basic", &code).basic(None).add("client_id", "basic").send(&world).await);
        world.clients.change("basic", |client| client.authentication = registered);
        assert_eq!(world.redeem("basic", &code).await.status, 200);
    });
    // Such a record does not load.
    assert_eq!(SecretHash::of(""), None);
    for secret in ["", r#""client_secret": "","#, r#""client_secret": null,"#, r#""client_secret": "short","#]
    {
        let file = format!(
            r#"[{{ "client_id": "x", {secret} "redirect_uris": ["https://x.example/cb"], "scope": "openid" }}]"#
        );
        assert!(StaticClients::from_json(&file).is_err(), "{file}");
    }
}

/// A-CAUTH-12, CRYPTO-004, SMART-CAUTH-012
#[test]
fn a_cauth_12_unknown_client_and_wrong_secret() {
    each_adapter(async |world| {
        let wrong = "wrong-secret-wrong-secret-wrong-secret-1";
        let of = |id: &'static str| {
            let (world, tk) =
                (world.clone(), tk("pub", "vc_x").without("client_id").basic(Some((id, wrong))));
            async move { tk.send(&world).await }
        };
        let (unknown, known) = (of("nope").await, of("basic").await);
        j401(&unknown);
        assert_eq!(unknown.body, known.body);
        assert_eq!(unknown.headers, known.headers);
        same_time(async || drop(of("nope").await), async || drop(of("basic").await)).await;
    });
}

/// A-CAUTH-13, CAUTH-006, SMART-CAUTH-010, SMART-TOKEN-051
#[test]
fn a_cauth_13_www_authenticate() {
    each_adapter(async |world| {
        let by_basic = tk("basic", "vc_x").basic(Some(("basic", "wrong"))).send(&world).await;
        j401(&by_basic);
        assert!(by_basic.header("www-authenticate").starts_with("Basic realm="));
        let by_body = tk("post", "vc_x").set("client_secret", "wrong").send(&world).await;
        j401(&by_body);
        assert!(by_body.headers.get("www-authenticate").is_none());
    });
}

/// A-CAUTH-14
#[test]
fn a_cauth_14_other_schemes() {
    each_adapter(async |world| {
        let code = world.code_for(&request("pub")).await;
        for line in ["Bearer abc", "bearer abc", "Digest username=\"basic\"", "Negotiate abc", "DPoP abc"] {
            j401(&with_header(&world, &tk("pub", &code), &[line.as_bytes()]).await);
            j401(&with_header(&world, &tk("basic", &code), &[line.as_bytes()]).await);
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-CAUTH-18: by the same words at every endpoint.
#[test]
fn a_cauth_18_the_same_everywhere() {
    each_adapter(async |world| {
        let good = header("basic", BASIC);
        for endpoint in [introspection, revocation] {
            let form = || endpoint("basic", "x");
            // -01
            j400(&form().add("client_secret", BASIC).send(&world).await, "invalid_request");
            j400(&form().add("client_assertion", "x.y.z").send(&world).await, "invalid_request");
            j400(&form().add("client_id", "pub").send(&world).await, "invalid_request");
            // -03
            let body = form().basic(None).add("client_id", "basic").add("client_secret", BASIC);
            j401(&body.send(&world).await);
            let basic = endpoint("post", "x")
                .without("client_id")
                .without("client_secret")
                .basic(Some(("post", POST)));
            j401(&basic.send(&world).await);
            // -06
            for line in ["Basic", "Basic !!!", "Basic  ", "Basic eDp5", &good.replace("Basic ", "Basic  ")] {
                let answer = with_header(&world, &form(), &[line.as_bytes()]).await;
                j401(&answer);
                assert!(answer.header("www-authenticate").starts_with("Basic "), "{line}");
            }
            let twice = with_header(&world, &form(), &[good.as_bytes(), good.as_bytes()]).await;
            assert!(matches!(twice.status, 400 | 401));
            // -09
            j401(&form().basic(None).add("client_id", "basic").send(&world).await);
            assert_eq!(form().send(&world).await.status, 200);
        }
    });
}

/// A-CAUTH-19
#[test]
fn a_cauth_19_grant_not_registered() {
    each_adapter(async |world| {
        let form = |client: &str| {
            let tk = tk(client, "x").without("code").without("redirect_uri").without("code_verifier");
            tk.set("grant_type", "client_credentials").add("scope", "system/Observation.rs")
        };
        for client in ["basic", "post", "other"] {
            j400(&form(client).send(&world).await, "unauthorized_client");
        }
        // Nor by a right that its registration should not have: only a key buys it (SMART-BACK-001).
        world.clients.change("basic", |client| client.grant_types.client_credentials = true);
        j400(&form("basic").send(&world).await, "unauthorized_client");
        let by_code =
            cc(&assertion(&world, "svc").text()).set("grant_type", "authorization_code").add("code", "x");
        j400(&by_code.send(&world).await, "unauthorized_client");
        let by_refresh =
            cc(&assertion(&world, "svc").text()).set("grant_type", "refresh_token").add("refresh_token", "x");
        j400(&by_refresh.send(&world).await, "unauthorized_client");
        assert_eq!(cc(&assertion(&world, "svc").text()).send(&world).await.status, 200);
    });
}

/// A-CAUTH-20
#[test]
fn a_cauth_20_public_client_credentials() {
    each_adapter(async |world| {
        world.clients.change("pub", |client| client.grant_types.client_credentials = true);
        for client in ["pub", "nat"] {
            let answer = bare(
                "/auth/token",
                &[
                    ("grant_type", "client_credentials"),
                    ("client_id", client),
                    ("scope", "system/Observation.rs"),
                ],
            )
            .send(&world)
            .await;
            assert!(
                matches!(answer.json()["error"].as_str(), Some("unauthorized_client" | "invalid_client")),
                "{}",
                answer.body
            );
            assert!(answer.json().get("access_token").is_none());
        }
    });
}

/// A-CAUTH-21, SMART-TOKEN-008
#[test]
fn a_cauth_21_grant_types() {
    each_adapter(async |world| {
        let code = world.code_for(&request("pub")).await;
        for malformed in [
            tk("pub", &code).without("grant_type"),
            tk("pub", &code).set("grant_type", ""),
            tk("pub", &code).add("grant_type", "authorization_code"),
            tk("pub", &code).add("grant_type", "refresh_token"),
        ] {
            j400(&malformed.send(&world).await, "invalid_request");
        }
        for kind in [
            "password",
            "implicit",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "AUTHORIZATION_CODE",
            "authorization_code ",
            "code",
        ] {
            let answer = tk("pub", &code).set("grant_type", kind).send(&world).await;
            j400(&answer, "unsupported_grant_type");
        }
        assert_eq!(world.redeem("pub", &code).await.status, 200);
    });
}

/// A-CAUTH-22
#[test]
fn a_cauth_22_rotated_secret() {
    each_adapter(async |world| {
        let new = "new-secret-new-secret-new-secret-new-s";
        let hashes = |secrets: &[&str]| -> Vec<vestibule_host::ClientSecret> {
            secrets
                .iter()
                .map(|secret| vestibule_host::ClientSecret::new(SecretHash::of(secret).unwrap()))
                .collect()
        };
        world.clients.change("basic", |client| {
            client.authentication = ClientAuthentication::SecretBasic(hashes(&[BASIC, new]));
        });
        for secret in [BASIC, new] {
            let code = world.code_for(&request("basic")).await;
            assert_eq!(tk("basic", &code).basic(Some(("basic", secret))).send(&world).await.status, 200);
        }
        world.clients.change("basic", |client| {
            client.authentication = ClientAuthentication::SecretBasic(hashes(&[new]));
        });
        let code = world.code_for(&request("basic")).await;
        j401(&tk("basic", &code).basic(Some(("basic", BASIC))).send(&world).await);
        assert_eq!(tk("basic", &code).basic(Some(("basic", new))).send(&world).await.status, 200);
    });
}
