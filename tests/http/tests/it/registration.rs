//! A-DCR: apps that register themselves.

use http::Method;
use serde_json::{Value, json};
use vestibule_host::registration::{Admission, Admitted, RegistrationAsk};
use vestibule_host::{ClientAuthentication, ClientId, ClientStatus, ConsentRule, HostError, RatePoint};
use vestibule_http_tests::app::{az, introspection, rf, tk};
use vestibule_http_tests::browser::{Answer, Browser};
use vestibule_http_tests::registering::{CEILING, ONCE, TRUSTED, by_anybody, by_token, metadata};
use vestibule_http_tests::world::{World, resource_server_secret, scopes};

use crate::notation::{each_adapter, j400, j401, page};

/// A row in a world where apps with a token may register.
fn each_registering(row: impl AsyncFn(World)) {
    each_adapter(async |world| row(world.registering(by_token())).await);
}

/// Refused, and nothing is kept.
async fn refused(world: &World, more: Value, error: &str) {
    let before = world.clients.registered.list().len();
    j400(&world.register(Some(TRUSTED), &metadata(more)).await, error);
    assert_eq!(world.clients.registered.list().len(), before);
}

fn keyed(more: Value) -> Value {
    let mut members = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    members
}

#[track_caller]
fn no_token(answer: &Answer) {
    answer.is_error(401, "invalid_token");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
}

/// A-DCR-01
#[test]
fn a_dcr_01_closed_by_default() {
    each_adapter(async |world| {
        for token in [None, Some(TRUSTED)] {
            assert_eq!(world.register(token, &metadata(json!({}))).await.status, 404);
        }
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            assert_eq!(world.manages(method, "/auth/register/pub", Some(ONCE), None).await.status, 404);
        }
        for path in ["/.well-known/openid-configuration", "/r4/.well-known/smart-configuration"] {
            assert!(world.json(path).await.get("registration_endpoint").is_none(), "{path}");
        }
    });
}

/// A-DCR-03: addresses that no fetcher for the web reads. What the fetcher itself refuses is its own tests' matter.
#[test]
fn a_dcr_03_ssrf_through_the_key_set() {
    each_registering(async |world| {
        for url in [
            "https://169.254.169.254/latest/meta-data",
            "http://127.0.0.1/jwks",
            "http://[::1]/jwks",
            "http://10.0.0.1/jwks",
            "http://new.example/jwks",
            "file:///etc/passwd",
            "ftp://new.example/jwks",
            "gopher://new.example/_",
            "data:application/json,{}",
            "https://user:password@new.example/jwks",
            "https://new.example/jwks#x",
            "//new.example/jwks",
            "",
        ] {
            refused(&world, keyed(json!({ "jwks_uri": url })), "invalid_client_metadata").await;
        }
        let app =
            world.registered(Some(TRUSTED), keyed(json!({ "jwks_uri": "https://new.example/jwks" }))).await;
        let moved = world.changes(&app, keyed(json!({ "jwks_uri": "https://169.254.169.254/" }))).await;
        j400(&moved, "invalid_client_metadata");
        assert_eq!(world.network.fetched(), [""; 0], "no connection at all");
    });
}

/// A-DCR-04
#[test]
fn a_dcr_04_privileged_fields() {
    each_registering(async |world| {
        let wishes = json!({
            "trusted": true, "skip_consent": true, "confidential": false, "owner": "x", "client_id": "pub",
            "allowed_scopes": ["*"], "scope": "launch/patient patient/*.cruds user/*.cruds __introspect",
            "vestibule": { "consent": "pre_approved", "introspects": ["https://fhir.example/r4"], "legacy_v1": true },
            "status": "enabled", "fhir_bases": [], "client_secret": "a-secret-of-its-own-choosing-0123456789",
        });
        let app = world.registered(Some(ONCE), wishes.clone()).await;
        assert_ne!(app.id, "pub");
        assert_eq!(world.clients.get("pub").name, "Growth Chart");
        let client = world.clients.registration_of(&app.id).client;
        assert_eq!(client.scopes, scopes("launch/patient patient/*.rs"));
        assert_eq!((client.status, client.consent), (ClientStatus::Pending, ConsentRule::Ask));
        assert!(client.introspects.is_empty() && !client.legacy_v1);
        for wish in ["trusted", "skip_consent", "owner", "allowed_scopes", "status", "client_secret"] {
            assert!(app.answer.get(wish).is_none(), "{wish}");
        }
        // Neither by changing it.
        let mut again = wishes;
        again["client_id"] = app.id.as_str().into();
        again.as_object_mut().unwrap().remove("client_secret");
        assert_eq!(world.changes(&app, again).await.status, 200);
        assert_eq!(world.clients.registration_of(&app.id).client, client);
    });
}

/// A-DCR-05
#[test]
fn a_dcr_05_a_confidential_app_without_a_secret() {
    each_registering(async |world| {
        let backend = json!({ "grant_types": ["client_credentials"], "scope": "system/*.rs" });
        refused(&world, backend, "invalid_client_metadata").await;
        refused(&world, json!({ "scope": "openid system/*.rs" }), "invalid_client_metadata").await;
        refused(&world, keyed(json!({})), "invalid_client_metadata").await;
        let by_secret = json!({ "token_endpoint_auth_method": "client_secret_basic",
                                "grant_types": ["client_credentials"], "scope": "system/*.rs" });
        refused(&world, by_secret, "invalid_client_metadata").await;
        // Whoever is to have a secret has one, whatever it says.
        for said in [Value::Null, json!("client_secret_basic"), json!("client_secret_post")] {
            let app = world.registered(Some(TRUSTED), json!({ "token_endpoint_auth_method": said })).await;
            assert_eq!(app.answer["client_secret"].as_str().unwrap().len(), 64);
            j401(&tk(&app.id, "code").send(&world).await);
            j401(&tk(&app.id, "code").add("client_secret", "").send(&world).await);
        }
    });
}

/// A-DCR-08
#[test]
fn a_dcr_08_two_places_for_keys() {
    each_registering(async |world| {
        let set = vestibule_http_tests::assertion::key_set("jwt");
        let both = json!({ "jwks": set, "jwks_uri": "https://new.example/jwks" });
        refused(&world, keyed(both), "invalid_client_metadata").await;
        let app = world.registered(Some(TRUSTED), keyed(json!({ "jwks": set }))).await;
        assert_eq!(app.answer["jwks"], set);
    });
}

/// A-DCR-10
#[test]
fn a_dcr_10_misused_tokens() {
    each_registering(async |world| {
        let tokens = world.tokens_for("pub", &az("pub")).await;
        let app = world.registered(Some(TRUSTED), json!({})).await;
        for token in [
            None,
            Some("another-token-another-token-another"),
            Some(tokens["access_token"].as_str().unwrap()),
            Some(tokens["refresh_token"].as_str().unwrap()),
            Some(app.token.as_str()),
        ] {
            no_token(&world.register(token, &metadata(json!({}))).await);
        }
        // A mistake costs nothing; what it buys does.
        j400(
            &world.register(Some(ONCE), &metadata(json!({ "scope": "user/*.rs" }))).await,
            "invalid_client_metadata",
        );
        world.registered(Some(ONCE), json!({})).await;
        no_token(&world.register(Some(ONCE), &metadata(json!({}))).await);
        assert_eq!(world.clients.registered.list().len(), 2);
        assert_eq!(world.gate.failed(RatePoint::Registration), 4, "those that were sent and are nobody's");

        // An initial token manages nothing, and neither does another app's.
        let other = world.registered(Some(TRUSTED), json!({})).await;
        for token in [None, Some(ONCE), Some(TRUSTED), Some(other.token.as_str()), Some("x")] {
            for path in [app.path.as_str(), "/auth/register/pub", "/auth/register/nobody", "/auth/register/"]
            {
                no_token(&world.manages(Method::GET, path, token.filter(|_| path != other.path), None).await);
            }
            no_token(&world.manages(Method::DELETE, &app.path, token, None).await);
        }
        let body = metadata(json!({ "client_id": app.id, "client_name": "Taken over" }));
        no_token(&world.manages(Method::PUT, &app.path, Some(&other.token), Some(&body)).await);
        assert_eq!(world.clients.registration_of(&app.id).client.name, "Newcomer");
    });
}

/// Of many that come at once with a token for one app, one registers.
#[test]
fn a_dcr_10_one_token_many_at_once() {
    each_registering(async |world| {
        let usual = metadata(json!({}));
        let (a, b, c) = tokio::join!(
            world.register(Some(ONCE), &usual),
            world.register(Some(ONCE), &usual),
            world.register(Some(ONCE), &usual),
        );
        let mut statuses = [a.status, b.status, c.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 401, 401]);
    });
}

/// A-DCR-12
#[test]
fn a_dcr_12_a_change_is_judged_like_a_registration() {
    each_registering(async |world| {
        let app = world.registered(Some(TRUSTED), json!({})).await;
        let before = world.clients.registration_of(&app.id);
        for (more, error) in [
            (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["http://evil.example/cb"] }), "invalid_redirect_uri"),
            (
                json!({ "redirect_uris": ["https://app.example/cb", "data:text/html,x"] }),
                "invalid_redirect_uri",
            ),
            (json!({ "redirect_uris": ["https://*.example/cb"] }), "invalid_redirect_uri"),
            (json!({ "redirect_uris": ["https://app.example/cb#x"] }), "invalid_redirect_uri"),
            (json!({ "client_uri": "javascript:alert(1)" }), "invalid_client_metadata"),
            (json!({ "grant_types": ["client_credentials"] }), "invalid_client_metadata"),
            (json!({ "client_id": "pub" }), "invalid_client_metadata"),
            (json!({ "client_secret": "a-secret-that-it-never-had-0123456789" }), "invalid_client_metadata"),
            (json!({ "registration_access_token": app.token }), "invalid_client_metadata"),
        ] {
            j400(&world.changes(&app, more.clone()).await, error);
            assert_eq!(world.clients.registration_of(&app.id), before, "{more}");
        }
    });
}

/// A-DCR-13
#[test]
fn a_dcr_13_change_by_omission() {
    each_registering(async |world| {
        let jwks = json!({ "jwks_uri": "https://new.example/jwks", "scope": "openid patient/*.rs system/*.rs",
                           "grant_types": ["authorization_code", "refresh_token", "client_credentials"] });
        let app = world.registered(Some(TRUSTED), keyed(jwks)).await;
        world.clients.decide(&app.id, |client| client.consent = ConsentRule::PreApproved);

        // Neither its keys nor its privileges outlive what they were given for.
        let less = json!({ "token_endpoint_auth_method": null, "scope": null, "grant_types": null });
        let answer = world.changes(&app, less).await.json();
        assert_eq!(answer["token_endpoint_auth_method"], "client_secret_basic");
        assert_eq!(answer["grant_types"], json!(["authorization_code"]));
        assert_eq!(answer["scope"], CEILING);
        assert_eq!(answer["client_secret"].as_str().unwrap().len(), 64);
        let client = world.clients.registration_of(&app.id).client;
        assert_eq!((client.status, client.consent), (ClientStatus::Pending, ConsentRule::Ask));
        assert!(matches!(client.authentication, ClientAuthentication::SecretBasic(_)));
        j400(&world.changes(&app, json!({ "redirect_uris": null })).await, "invalid_redirect_uri");
    });
}

/// A-DCR-15
#[test]
fn a_dcr_15_a_removed_app_has_no_tokens() {
    each_registering(async |world| {
        let app = world.registered(Some(TRUSTED), json!({})).await;
        let tokens = world.tokens_for(&app.id, &az(&app.id)).await;
        let code = world.code_for(&az(&app.id)).await;
        let (access, refresh) = (&tokens["access_token"], tokens["refresh_token"].as_str().unwrap());
        let secret = resource_server_secret("rs1");
        let ask = || introspection("rs1", access.as_str().unwrap()).basic(Some(("rs1", &secret)));
        assert_eq!(ask().send(&world).await.json()["active"], true);

        let gone = world.manages(Method::DELETE, &app.path, Some(&app.token), None).await;
        assert_eq!(gone.status, 204);
        j401(&rf(&app.id, refresh).send(&world).await);
        j401(&tk(&app.id, &code).send(&world).await);
        assert_eq!(ask().send(&world).await.json(), json!({ "active": false }));
        assert_eq!(world.grants_of("alice").await, 0);
        page(&Browser::new(&world).authorize(&az(&app.id)).await, "");
        no_token(&world.manages(Method::GET, &app.path, Some(&app.token), None).await);
        assert_eq!(world.tokens_for("pub", &az("pub")).await["token_type"], "Bearer", "nobody else's ended");
    });
}

/// A-DCR-16
#[test]
fn a_dcr_16_stored_scripts() {
    each_registering(async |world| {
        for more in [
            json!({ "client_uri": "javascript:alert(1)" }),
            json!({ "client_uri": "https://hospital.example@evil.example/" }),
            json!({ "logo_uri": "data:image/svg+xml,<svg onload=alert(1)>" }),
            json!({ "tos_uri": "https://app.example/\"><script>" }),
            json!({ "policy_uri": "vbscript:x" }),
            json!({ "client_name": "a\u{202e}b" }),
            json!({ "client_name": "a\u{0}b" }),
            json!({ "client_name": "a\u{200b}b" }),
            json!({ "client_name": "x".repeat(201) }),
            json!({ "software_id": "a\nb" }),
            json!({ "launch_uris": ["javascript:alert(1)"] }),
        ] {
            refused(&world, more, "invalid_client_metadata").await;
        }
        let name = "<script>alert(1)</script>\"'&amp;";
        let app = world.registered(Some(TRUSTED), json!({ "client_name": name })).await;
        let mut browser = Browser::of(&world, "alice");
        browser.begin(&az(&app.id)).await;
        browser.pick(vestibule_http_tests::world::P1).await;
        assert!(browser.page.is_consent(), "{}", browser.page.brief());
        assert!(!browser.page.body.contains("<script"));
        assert!(browser.page.body.contains("alert(1)"), "shown as text");
    });
}

/// A-DCR-18
#[test]
fn a_dcr_18_flood() {
    each_adapter(async |world| {
        let world = world.registering(by_anybody());
        // The registrar of this world has room for a thousand.
        let (mut kept, mut full) = (0, 0);
        for _ in 0..1_100 {
            let answer = world.register(None, &metadata(json!({}))).await;
            match answer.status {
                201 => kept += 1,
                _ => {
                    answer.is_error(503, "temporarily_unavailable");
                    full += 1;
                }
            }
        }
        assert_eq!((kept, full), (1_000, 100));
        assert_eq!(world.clients.registered.list().len(), 1_000);
        world.gate.close(Some(RatePoint::Registration));
        let wait = world.register(None, &metadata(json!({}))).await;
        assert_eq!((wait.status, wait.header("retry-after")), (429, "7"));
    });
}

/// A-DCR-19
#[test]
fn a_dcr_19_secrets_are_never_read_again() {
    each_registering(async |world| {
        let by_secret = json!({ "token_endpoint_auth_method": "client_secret_basic" });
        let app = world.registered(Some(TRUSTED), by_secret.clone()).await;
        let secret = app.answer["client_secret"].as_str().unwrap();
        let read = world.manages(Method::GET, &app.path, Some(&app.token), None).await;
        let changed = world.changes(&app, by_secret).await;
        for answer in [&read, &changed] {
            assert_eq!(answer.status, 200);
            assert!(answer.json().get("client_secret").is_none() && !answer.body.contains(secret));
        }
        let kept = world.clients.registration_of(&app.id);
        let debug = format!("{kept:?} {:?} {:?}", world.clients, world.server);
        assert!(!debug.contains(secret) && !debug.contains(&app.token));
    });
}

/// Whose ids are users' ids, too.
#[derive(Debug)]
struct Careless;

#[async_trait::async_trait]
impl vestibule_host::RegistrationPolicy for Careless {
    async fn admit(&self, _: &RegistrationAsk<'_>) -> Result<Admission, HostError> {
        Ok(Admission::Admitted(Box::new(Admitted::enabled(scopes(CEILING)))))
    }

    async fn is_taken(&self, _: &ClientId) -> Result<bool, HostError> {
        Ok(true)
    }
}

/// A-DCR-20
#[test]
fn a_dcr_20_an_id_that_is_a_users() {
    each_adapter(async |world| {
        let taken = world.registering(Careless);
        taken.register(Some("any-token"), &metadata(json!({}))).await.is_error(500, "server_error");
        assert!(world.clients.registered.list().is_empty());
        // A random source that repeats itself replaces nobody.
        let first = world.registering(by_token());
        let app = first.registered(Some(TRUSTED), json!({})).await;
        let again = world.registering(by_token());
        again.register(Some(TRUSTED), &metadata(json!({}))).await.is_error(500, "server_error");
        let kept = world.clients.registered.list();
        assert_eq!((kept.len(), kept[0].client.id.as_str()), (1, app.id.as_str()));
    });
}

/// A-AERR-13
#[test]
fn a_aerr_13_an_unreviewed_app_redirects_nobody() {
    each_adapter(async |world| {
        let world = world.registering(by_anybody());
        let app = world.registered(None, json!({ "redirect_uris": ["https://evil.test/"] })).await;
        let usual = az(&app.id).set("redirect_uri", "https://evil.test/");
        for request in [
            usual.clone(),
            usual.clone().scope("bad\n"),
            usual.clone().set("response_type", "token"),
            usual.without("code_challenge"),
        ] {
            page(&Browser::new(&world).authorize(&request).await, "evil.test");
        }
    });
}

/// A-OIDC-20
#[test]
fn a_oidc_20_unsigned_id_tokens() {
    each_registering(async |world| {
        for alg in ["none", "NONE", "HS256", "RS384", "PS256", ""] {
            refused(&world, json!({ "id_token_signed_response_alg": alg }), "invalid_client_metadata").await;
        }
        let discovery = world.json("/.well-known/openid-configuration").await;
        let offered = &discovery["id_token_signing_alg_values_supported"];
        for alg in ["RS256", "ES256", "ES384", "EdDSA"] {
            let is_offered = offered.as_array().unwrap().contains(&json!(alg));
            let answer = world
                .register(Some(TRUSTED), &metadata(json!({ "id_token_signed_response_alg": alg })))
                .await;
            assert_eq!(answer.status, if is_offered { 201 } else { 400 }, "{alg}: {}", answer.brief());
        }
    });
}
