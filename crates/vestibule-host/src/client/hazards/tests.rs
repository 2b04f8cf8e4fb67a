use super::*;
use crate::client::{ClientKeys, SecretHash};
use crate::{ClientId, StaticClients, UnixMillis};

const SECRET: &str = "test-secret-test-secret-test-secret";

fn client(authentication: ClientAuthentication, scopes: &str) -> RegisteredClient {
    let id = ClientId::new("app");
    RegisteredClient::new(id, authentication, "https://app.example/cb", scopes.parse().unwrap())
}

fn basic() -> RegisteredClient {
    let secret = ClientSecret { hash: SecretHash::of(SECRET).unwrap(), not_after: Some(UnixMillis(1)) };
    client(ClientAuthentication::SecretBasic(vec![secret]), "launch/patient patient/*.rs offline_access")
}

fn public() -> RegisteredClient {
    client(ClientAuthentication::Public, "launch/patient patient/*.rs")
}

fn with_keys(source: KeySource) -> RegisteredClient {
    client(ClientAuthentication::PrivateKeyJwt(ClientKeys::new(source)), "launch/patient patient/*.rs")
}

fn names(client: &RegisteredClient) -> Vec<&'static str> {
    client.hazards().iter().map(Hazard::name).collect()
}

fn changed(mut client: RegisteredClient, change: impl FnOnce(&mut RegisteredClient)) -> Vec<&'static str> {
    change(&mut client);
    names(&client)
}

#[test]
fn an_ordinary_client_has_none() {
    assert_eq!(names(&basic()), [""; 0]);
    assert_eq!(names(&public()), [""; 0]);
    assert_eq!(names(&with_keys(KeySource::Url("https://app.example/jwks".into()))), [""; 0]);
}

#[test]
fn each_switch_is_explained() {
    assert_eq!(changed(basic(), |it| it.legacy_v1 = true), ["legacy-v1"]);
    assert_eq!(changed(basic(), |it| it.danger_raw_basic = true), ["raw-basic"]);
    assert_eq!(changed(basic(), |it| it.consent = ConsentRule::PreApproved), ["pre-approved"]);
    assert_eq!(
        changed(basic(), |it| it.introspects.push("https://ehr.example/fhir".to_owned())),
        ["introspects"]
    );
    let framing = ["https://ehr.example", "http://localhost:3000"].map(str::to_owned);
    assert_eq!(changed(basic(), |it| it.framing = Framing::Origins(framing.to_vec())), ["http-framing"]);
}

/// NATIVE-002, DCR-009
#[test]
fn addresses() {
    let to = |uri: &str| {
        let uri = uri.to_owned();
        move |it: &mut RegisteredClient| it.redirect_uris = vec![uri]
    };
    assert_eq!(changed(basic(), to("http://127.0.0.1/cb")), ["http-redirect", "confidential-loopback"]);
    assert_eq!(changed(public(), to("http://127.0.0.1/cb")), [""; 0], "as RFC 8252 wants it");
    assert_eq!(changed(public(), to("http://localhost:80/cb")), ["http-redirect", "localhost-redirect"]);
    assert_eq!(changed(public(), to("https://localhost.example/cb")), [""; 0]);
    assert_eq!(changed(public(), to("com.example.app:/cb")), ["private-scheme"]);
    let web = |it: &mut RegisteredClient| {
        it.kind = Some(AppKind::Web);
        it.redirect_uris = vec!["http://[::1]/cb".to_owned()];
    };
    assert_eq!(changed(public(), web), ["http-redirect"]);
    let many = |it: &mut RegisteredClient| {
        it.redirect_uris = (0..11).map(|at| format!("https://app.example/{at}")).collect();
    };
    assert_eq!(changed(public(), many), ["many-redirect-uris"]);
    let home = |page: &str| {
        let page = page.to_owned();
        move |it: &mut RegisteredClient| it.home_page = Some(page)
    };
    assert_eq!(changed(public(), home("https://hospital.example/")), ["home-page-elsewhere"]);
    assert_eq!(changed(public(), home("https://APP.example/about")), [""; 0]);
    let on_device = |it: &mut RegisteredClient| {
        it.redirect_uris = vec!["com.example.app:/cb".to_owned()];
        it.home_page = Some("https://app.example/".to_owned());
    };
    assert_eq!(changed(public(), on_device), ["private-scheme"]);
}

#[test]
fn scopes() {
    let wants = |text: &str| {
        let scopes = text.parse().unwrap();
        move |it: &mut RegisteredClient| it.scopes = scopes
    };
    assert_eq!(
        changed(public(), wants("patient/*.cruds user/*.write")),
        ["wildcard-write", "wildcard-write"]
    );
    assert_eq!(changed(public(), wants("patient/Observation.cruds user/*.read")), [""; 0]);
    assert_eq!(changed(public(), wants("system/*.cruds")), ["system-everything"]);
    assert_eq!(changed(public(), wants("system/*.rs system/Observation.cruds")), [""; 0]);
}

/// CAUTH-012, SMART-CAUTH-060, SMART-CAUTH-062, SMART-CAUTH-037
#[test]
fn secrets_and_keys() {
    let endless = ClientSecret::new(SecretHash::of(SECRET).unwrap());
    let secrets = move |it: &mut RegisteredClient| {
        let ClientAuthentication::SecretBasic(secrets) = &mut it.authentication else { return };
        secrets.push(endless);
    };
    assert_eq!(changed(basic(), secrets), ["secret-without-end", "several-secrets"]);
    let post = |it: &mut RegisteredClient| {
        let ClientAuthentication::SecretBasic(secrets) = &it.authentication else { return };
        it.authentication = ClientAuthentication::SecretPost(secrets.clone());
    };
    assert_eq!(changed(basic(), post), ["secret-in-body"]);
    assert_eq!(changed(basic(), |it| it.kind = Some(AppKind::Native)), ["secret-in-native-app"]);
    assert_eq!(names(&with_keys(KeySource::Inline("{}".into()))), ["inline-keys"]);
    assert_eq!(names(&with_keys(KeySource::Url("http://127.0.0.1/jwks".into()))), ["loopback-keys"]);
    let rs256 = |it: &mut RegisteredClient| {
        let ClientAuthentication::PrivateKeyJwt(keys) = &mut it.authentication else { return };
        keys.alg = Some("RS256".to_owned());
    };
    let by_url = with_keys(KeySource::Url("https://app.example/jwks".into()));
    assert_eq!(changed(by_url, rs256), ["rs256-assertions"]);
}

/// SMART-REFRESH-020, SMART-REFRESH-025
#[test]
fn refresh() {
    let offline = |it: &mut RegisteredClient| it.scopes = "openid offline_access".parse().unwrap();
    let days = |days: u64| Some(Duration::from_secs(days * 24 * 60 * 60));
    assert_eq!(changed(public(), offline), ["offline-without-end"]);
    let capped = |it: &mut RegisteredClient| {
        offline(it);
        it.refresh_cap = days(92);
    };
    assert_eq!(changed(public(), capped), [""; 0]);
    let without_grant = |it: &mut RegisteredClient| {
        offline(it);
        it.grant_types.refresh_token = false;
    };
    assert_eq!(changed(public(), without_grant), [""; 0]);
    assert_eq!(changed(basic(), |it| it.refresh_cap = days(92)), [""; 0]);
    assert_eq!(changed(basic(), |it| it.refresh_cap = days(91)), ["short-refresh-cap"]);
    let short = |it: &mut RegisteredClient| {
        offline(it);
        it.refresh_cap = days(30);
    };
    let on_device = |it: &mut RegisteredClient| {
        short(it);
        it.kind = Some(AppKind::Native);
    };
    assert_eq!(changed(public(), on_device), ["short-refresh-cap"]);
    assert_eq!(changed(public(), short), [""; 0], "nothing protects a refresh token in a browser");
    let strict = |it: &mut RegisteredClient| {
        it.strict_refresh = true;
        it.redirect_uris = vec!["http://127.0.0.1/cb".to_owned()];
    };
    assert_eq!(changed(public(), strict), ["strict-refresh-on-device"]);
    assert_eq!(changed(basic(), |it| it.strict_refresh = true), [""; 0]);
}

#[test]
fn a_hazard_explains_itself_on_one_line() {
    let clients = StaticClients::from_json(
        r#"[{ "client_id": "app", "token_endpoint_auth_method": "none", "scope": "patient/*.cruds",
              "redirect_uris": ["http://localhost/"],
              "vestibule": { "framing": ["http://localhost"] } }]"#,
    )
    .unwrap();
    let client = clients.iter().next().unwrap();
    let lines: Vec<_> = client.hazards().iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("http-redirect (http://localhost/): codes for this web app travel without"));
    assert!(lines.iter().all(|line| !line.contains('\n') && line.is_ascii()));
}
