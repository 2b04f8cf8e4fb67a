//! Secrets with ends, keys, and backend services.

use super::{SECRET, lines, one, public};
use crate::client::{ClientSecret, KeySetError, KeySource, Wrong};
use crate::{ClientAuthentication, GrantTypes, StaticClients, UnixMillis};

/// A client with keys, and some more members, which win.
fn keyed(more: &str) -> String {
    let members = public(
        r#"{ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/jwks" }"#,
    );
    let mut members: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&members).unwrap();
    members.extend(serde_json::from_str::<serde_json::Map<_, _>>(more).unwrap());
    members.retain(|_, value| value != "-");
    serde_json::to_string(&members).unwrap()
}

const EC_KEY: &str = r#"{ "kty": "EC", "kid": "e1", "crv": "P-384", "x": "AA", "y": "AA" }"#;

fn inline(keys: &str) -> String {
    format!(r#"{{ "jwks_uri": "-", "jwks": {{ "keys": [{keys}] }} }}"#)
}

fn secrets(client: &str) -> Vec<ClientSecret> {
    match one(client).unwrap().authentication {
        ClientAuthentication::SecretBasic(secrets) => secrets,
        other => panic!("{other:?}"),
    }
}

/// CAUTH-012
#[test]
fn several_secrets_have_ends() {
    // SHA-256 of `SECRET`.
    let digits = "7d8d43c9a8d2f3ed1f38c1bbaf0fd84b63a2d9be57a9d27d2a8a1f7f4ed7a4a2";
    let listed = format!(
        r#"{{ "token_endpoint_auth_method": "-", "client_secret": "{SECRET}", "client_secret_expires_at": 100,
              "vestibule": {{ "secrets": [
                  {{ "secret": "another-secret-another-secret-another", "expires": 200 }},
                  {{ "sha256": "{digits}" }} ] }} }}"#
    );
    let found = secrets(&public(&listed));
    let ends: Vec<_> = found.iter().map(|secret| secret.not_after).collect();
    assert_eq!(ends, [Some(UnixMillis(100_000)), Some(UnixMillis(200_000)), None]);
    assert!(found[0].hash.is(SECRET) && found[1].hash.is("another-secret-another-secret-another"));
    assert_eq!(found[2].hash.as_bytes()[..2], [0x7d, 0x8d]);

    let alone = format!(
        r#"{{ "token_endpoint_auth_method": "-", "vestibule": {{ "secrets": [{{ "secret": "{SECRET}" }}] }} }}"#
    );
    assert_eq!(secrets(&public(&alone)).len(), 1);
    let never = format!(
        r#"{{ "token_endpoint_auth_method": "-", "client_secret": "{SECRET}", "client_secret_expires_at": 0 }}"#
    );
    assert_eq!(secrets(&public(&never))[0].not_after, None);

    for (secrets, expected) in [
        (r#"[{ "secret": "short" }]"#, "vestibule.secrets[0].secret: must be at least 32"),
        (r#"[{ "sha256": "7d8d" }]"#, "vestibule.secrets[0].sha256: must be 64 hexadecimal digits"),
        (r#"[{ "expires": 1 }]"#, "vestibule.secrets[0].secret: missing"),
        (r#"[{ "secret": "a", "sha256": "b" }]"#, "vestibule.secrets[0].secret: cannot stand beside sha256"),
        (r#"["secret"]"#, "vestibule.secrets[0]: must be an object"),
        (r#""secret""#, "vestibule.secrets: must be an array of objects"),
        (r#"[]"#, "client_secret: missing"),
    ] {
        let client = public(&format!(
            r#"{{ "token_endpoint_auth_method": "-", "vestibule": {{ "secrets": {secrets} }} }}"#
        ));
        let found = lines(&format!("[{client}]"));
        assert_eq!(found.len(), 1, "{secrets}: {found:?}");
        assert!(found[0].ends_with(expected) || found[0].contains(&format!(": {expected}")), "{found:?}");
    }
    let odd = format!(r#"[{{ "secret": "{SECRET}", "expires": "soon", "colour": 1 }}]"#);
    let client =
        public(&format!(r#"{{ "token_endpoint_auth_method": "-", "vestibule": {{ "secrets": {odd} }} }}"#));
    assert_eq!(
        lines(&format!("[{client}]")),
        [
            r#"client 1 ("app"): vestibule.secrets[0].expires: must be a whole number of seconds since 1970"#,
            r#"client 1 ("app"): vestibule.secrets[0].colour: no such member"#,
        ]
    );
    let many: Vec<_> = (0..11).map(|_| format!(r#"{{ "secret": "{SECRET}" }}"#)).collect();
    let client = public(&format!(
        r#"{{ "token_endpoint_auth_method": "-", "vestibule": {{ "secrets": [{}] }} }}"#,
        many.join(",")
    ));
    assert!(lines(&format!("[{client}]"))[0].contains("vestibule.secrets: must not have more than 10"));
}

/// SMART-CAUTH-060, SMART-REG-004
#[test]
fn keys_stand_in_the_file_or_elsewhere() {
    let by_url = one(&keyed("{}")).unwrap();
    let ClientAuthentication::PrivateKeyJwt(keys) = by_url.authentication else { panic!("keys") };
    assert_eq!(keys.source, KeySource::Url("https://app.example/jwks".into()));
    assert!(keys.alg.is_none() && !keys.strict_aud);

    let alg = r#"{ "token_endpoint_auth_signing_alg": "ES384", "vestibule": { "strict_aud": true } }"#;
    let ClientAuthentication::PrivateKeyJwt(keys) = one(&keyed(alg)).unwrap().authentication else {
        panic!("keys")
    };
    assert_eq!((keys.alg.as_deref(), keys.strict_aud), (Some("ES384"), true));

    let ClientAuthentication::PrivateKeyJwt(keys) = one(&keyed(&inline(EC_KEY))).unwrap().authentication
    else {
        panic!("keys")
    };
    let KeySource::Inline(document) = keys.source else { panic!("inline") };
    assert_eq!(&*document, br#"{"keys":[{"crv":"P-384","kid":"e1","kty":"EC","x":"AA","y":"AA"}]}"#);
}

/// A-JWT-46, A-JWKS-13, A-DCR-08
#[test]
fn what_is_wrong_with_keys() {
    let two = format!("{EC_KEY}, {EC_KEY}");
    let private = EC_KEY.replace("\"y\"", "\"d\": \"AA\", \"y\"");
    for (more, expected) in [
        (r#"{ "jwks_uri": "-" }"#.to_owned(), "jwks_uri: missing"),
        (r#"{ "jwks": { "keys": [] } }"#.to_owned(), "jwks: cannot stand beside jwks_uri"),
        (r#"{ "jwks_uri": "-", "jwks": "keys" }"#.to_owned(), "jwks: must be an object"),
        (inline(""), "jwks: has no keys"),
        (inline(&two), "jwks: keys[1] has the \"kid\" of an earlier key"),
        (inline(&private), "jwks: keys[0] is a private or symmetric key, which must be replaced"),
        (
            inline(EC_KEY)
                .replace("{ \"jwks_uri\"", "{ \"token_endpoint_auth_signing_alg\": \"RS384\", \"jwks_uri\""),
            "jwks: has no key for signatures with RS384",
        ),
        (
            r#"{ "token_endpoint_auth_signing_alg": "HS256" }"#.to_owned(),
            "token_endpoint_auth_signing_alg: must be one of: RS384, ES384",
        ),
        (
            r#"{ "token_endpoint_auth_signing_alg": "none" }"#.to_owned(),
            "token_endpoint_auth_signing_alg: must be one of: RS384, ES384",
        ),
        (format!(r#"{{ "client_secret": "{SECRET}" }}"#), "client_secret: only a client with client_secret"),
        (
            format!(r#"{{ "vestibule": {{ "secrets": [{{ "secret": "{SECRET}" }}] }} }}"#),
            "vestibule.secrets: only a client with client_secret",
        ),
        (
            r#"{ "vestibule": { "danger_raw_basic": true } }"#.to_owned(),
            "vestibule.danger_raw_basic: only a client with client_secret_basic",
        ),
    ] {
        let found = lines(&format!("[{}]", keyed(&more)));
        assert_eq!(found.len(), 1, "{more}: {found:?}");
        assert!(found[0].contains(&format!("(\"app\"): {expected}")), "{more}: {found:?}");
    }
    for url in [
        "http://app.example/jwks",
        "file:///etc/passwd",
        "ftp://app.example/jwks",
        "gopher://app.example/",
        "data:application/json,{}",
        "https://user@app.example/jwks",
        "https://app.example/jwks#keys",
        "https:///jwks",
        "https://app.example:0/jwks",
        "http://localhost/jwks",
        "/jwks",
        "",
    ] {
        let found = lines(&format!("[{}]", keyed(&format!(r#"{{ "jwks_uri": "{url}" }}"#))));
        assert!(
            found.len() == 1 && found[0].contains("jwks_uri: must be an https address"),
            "{url}: {found:?}"
        );
    }
    // Only a fetcher for development reads it; that is seen when the engine is built.
    assert!(one(&keyed(r#"{ "jwks_uri": "http://127.0.0.1:9000/jwks" }"#)).is_ok());
    // Two readings of one key set are one too many, also for the name of a key.
    let twice = format!(
        r#"[{{ "client_id": "app", "token_endpoint_auth_method": "private_key_jwt", "scope": "openid",
               "redirect_uris": ["https://app.example/cb"],
               "jwks": {{ "keys": [{}] }} }}]"#,
        EC_KEY.replace("\"kid\": \"e1\"", "\"kid\": \"e1\", \"kid\": \"e2\"")
    );
    assert_eq!(lines(&twice), [r#"client 1 ("app"): jwks.keys[0].kid: stands here twice"#]);
    let error = StaticClients::from_json(&format!("[{}]", keyed(&inline(&private)))).unwrap_err();
    assert_eq!(error.problems()[0].wrong(), &Wrong::KeySet(KeySetError::PrivateKey(0)));
}

/// SMART-BACK-001, DCR-006
#[test]
fn backend_services_have_keys_and_no_redirect_uri() {
    let backend = r#"{ "grant_types": ["client_credentials"], "redirect_uris": "-", "response_types": [],
                       "scope": "system/*.rs __introspect" }"#;
    let client = one(&keyed(backend)).unwrap();
    assert_eq!(client.grant_types, GrantTypes::BACKEND);
    assert!(client.redirect_uris.is_empty() && client.allowed_origins.is_empty());
    assert_eq!(client.scopes.to_string(), "system/*.rs __introspect");

    // The same, built in code.
    let ClientAuthentication::PrivateKeyJwt(keys) = client.authentication.clone() else { panic!("keys") };
    let built = crate::RegisteredClient::backend_service(client.id.clone(), keys, client.scopes.clone());
    assert_eq!(StaticClients::new(vec![built]).unwrap().iter().next().unwrap().fingerprint(), client.version);

    let both =
        r#"{ "grant_types": ["authorization_code", "client_credentials"], "scope": "openid system/*.rs" }"#;
    assert!(one(&keyed(both)).is_ok());

    let with_secret = format!(
        r#"{{ "token_endpoint_auth_method": "client_secret_basic", "client_secret": "{SECRET}",
              "grant_types": ["client_credentials"], "redirect_uris": "-", "scope": "system/*.rs" }}"#
    );
    assert_eq!(
        lines(&format!("[{}]", public(&with_secret))),
        [r#"client 1 ("app"): grant_types: "client_credentials" is only for clients with private_key_jwt"#]
    );
    for (more, expected) in [
        (
            r#"{ "scope": "openid system/*.rs" }"#,
            "scope: \"system/*.rs\" is only for a client with the grant",
        ),
        (r#"{ "redirect_uris": "-" }"#, "redirect_uris: missing"),
        (
            r#"{ "grant_types": ["client_credentials"], "scope": "system/*.rs", "response_types": ["code"] }"#,
            "response_types: must be one of",
        ),
        (
            r#"{ "grant_types": ["client_credentials", "refresh_token"], "scope": "system/*.rs" }"#,
            "grant_types: \"refresh_token\" needs",
        ),
    ] {
        let found = lines(&format!("[{}]", keyed(more)));
        assert!(found.len() == 1 && found[0].contains(expected), "{more}: {found:?}");
    }
}

/// Reads from one host only.
#[derive(Debug)]
struct OneHost;

#[async_trait::async_trait]
impl crate::JwksFetcher for OneHost {
    fn may_fetch(&self, url: &str) -> bool {
        url.starts_with("https://app.example/")
    }

    async fn key_set(
        &self,
        _: &str,
        _: UnixMillis,
        _: Option<&crate::FetchedKeySet>,
    ) -> Result<crate::FetchedKeySet, crate::FetchError> {
        Err(crate::FetchError::refused("nothing is fetched at start"))
    }
}

/// A-JWKS-01
#[test]
fn addresses_that_nobody_reads_are_found_at_start() {
    let elsewhere = r#"{ "client_id": "b", "jwks_uri": "https://127.0.0.1/jwks" }"#;
    let json = format!("[{}, {}, {}]", keyed("{}"), keyed(elsewhere), public(r#"{ "client_id": "c" }"#));
    let clients = StaticClients::from_json(&json).unwrap();
    let refused = |fetcher: Option<&dyn crate::JwksFetcher>| match clients.check_key_sets(fetcher) {
        Ok(()) => Vec::new(),
        Err(error) => error.problems().iter().map(|problem| problem.id().unwrap().to_owned()).collect(),
    };
    assert_eq!(refused(Some(&OneHost)), ["b"]);
    assert_eq!(refused(None), ["app", "b"]);
}
