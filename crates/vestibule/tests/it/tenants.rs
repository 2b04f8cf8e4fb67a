//! Two issuers in one process over one store: what one gives out, the other does not know.

use http::{Method, Uri};
use serde_json::Value;
use vestibule::{AuthorizationServer, Config, FhirBase, Issuers, SamePath};
use vestibule_host::{ClientId, UserId};

use crate::app::{Az, Tk, az, az_ehr, tk};
use crate::browser::{Answer, Browser};
use crate::world::{P3, World, handle_of, open_record};

const T1: &str = "/t1";
const T2: &str = "/t2";

fn config(tenant: &str) -> Config {
    let base = FhirBase::new(format!("https://fhir.example{tenant}/r4"));
    Config::new(format!("https://as.example{tenant}"), base).with_ehr_launch()
}

struct Tenants {
    world: World,
    one: AuthorizationServer,
    two: AuthorizationServer,
}

impl Tenants {
    fn new() -> Self {
        let world = World::new();
        let one = world.restarted(config(T1)).server;
        let two = world.restarted(config(T2)).server;
        Self { world, one, two }
    }

    fn server(&self, tenant: &str) -> &AuthorizationServer {
        if tenant == T1 { &self.one } else { &self.two }
    }

    /// Bob's browser, speaking to one of them.
    fn browser(&self, tenant: &str) -> Browser {
        Browser { door: self.world.door_to(self.server(tenant)), ..Browser::of(&self.world, "bob") }
    }

    async fn consent(&self, tenant: &str, request: &Az) -> Browser {
        let mut browser = self.browser(tenant);
        let answer = browser.get(&format!("{tenant}/auth/authorize?{}", request.query())).await;
        browser.path = answer.location().to_owned();
        assert!(browser.path.starts_with(&format!("{tenant}/auth/i/")), "{}", answer.brief());
        assert!(browser.reload().await.is_consent(), "{}", browser.page.brief());
        browser
    }

    async fn code(&self, tenant: &str) -> String {
        let mut browser = self.consent(tenant, &at(tenant)).await;
        browser.allow().await.params()["code"].clone()
    }

    async fn token(&self, tenant: &str, tk: &Tk) -> Answer {
        let mut request = tk.request();
        *request.uri_mut() = format!("{tenant}/auth/token").parse::<Uri>().unwrap();
        Answer::from(self.server(tenant).handle(request).await)
    }
}

fn at(tenant: &str) -> Az {
    let scope = "launch/patient openid patient/Observation.rs offline_access";
    az("pub").scope(scope).set("aud", &format!("https://fhir.example{tenant}/r4"))
}

fn refresh(token: &Value) -> Tk {
    tk("pub", "-")
        .set("grant_type", "refresh_token")
        .without("code")
        .without("redirect_uri")
        .without("code_verifier")
        .add("refresh_token", token.as_str().unwrap())
}

/// A-MIX-05
#[tokio::test]
async fn codes_and_refresh_tokens_stay_with_their_issuer() {
    let tenants = Tenants::new();
    let code = tenants.code(T1).await;
    tenants.token(T2, &tk("pub", &code)).await.is_error(400, "invalid_grant");
    let tokens = tenants.token(T1, &tk("pub", &code)).await;
    assert_eq!(tokens.status, 200, "no effect of the other's try: {}", tokens.body);
    let token = tokens.json()["refresh_token"].clone();
    tenants.token(T2, &refresh(&token)).await.is_error(400, "invalid_grant");
    let again = tenants.token(T1, &refresh(&token)).await;
    assert_eq!(again.status, 200, "{}", again.body);
    // A code that was replayed elsewhere kills nothing here.
    tenants.token(T2, &tk("pub", &code)).await.is_error(400, "invalid_grant");
    let next = again.json()["refresh_token"].clone();
    assert_eq!(tenants.token(T1, &refresh(&next)).await.status, 200);
}

/// A-KEY-11, A-MIX-05
#[tokio::test]
async fn one_key_does_not_make_one_issuer() {
    let tenants = Tenants::new();
    let code = tenants.code(T1).await;
    let tokens = tenants.token(T1, &tk("pub", &code)).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    assert!(tenants.one.access_token(access).await.unwrap().is_some());
    assert!(tenants.two.access_token(access).await.unwrap().is_none());
    // Nor is an ID token of one a hint for the other.
    let hint = at(T2).add("id_token_hint", tokens["id_token"].as_str().unwrap());
    let answer = tenants.browser(T2).get(&format!("{T2}/auth/authorize?{}", hint.query())).await;
    assert_eq!(answer.params()["error"], "invalid_request");
}

/// A-MIX-05
#[tokio::test]
async fn launches_stay_with_their_issuer() {
    let tenants = Tenants::new();
    let (user, client) = (UserId::new("bob"), ClientId::new("pub"));
    let base = format!("https://fhir.example{T1}/r4");
    let launch = tenants.one.create_launch(&user, None, &client, None, &base, open_record(P3)).await.unwrap();
    let handle = handle_of(launch.expose_url());
    let request = |tenant| az_ehr("pub", &handle).set("aud", &format!("https://fhir.example{tenant}/r4"));
    let foreign = format!("{T2}/auth/authorize?{}", request(T2).query());
    assert_eq!(tenants.browser(T2).get(&foreign).await.params()["error"], "invalid_request");
    tenants.consent(T1, &request(T1)).await;
}

/// A-MIX-05, A-CTX-10, A-CTX-48
#[tokio::test]
async fn interactions_and_cookies_stay_with_their_issuer() {
    let tenants = Tenants::new();
    let mut browser = tenants.consent(T1, &at(T1)).await;
    let there = browser.path.replacen(T1, T2, 1);
    let form = [("step", browser.page.step()), ("decision", "allow".to_owned())];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // With everything that the browser has, moved to the other's path.
    let mut thief = browser.clone();
    thief.door = tenants.world.door_to(&tenants.two);
    for cookie in &mut thief.cookies {
        cookie.path = cookie.path.replacen(T1, T2, 1);
    }
    assert!([400, 403].contains(&thief.get(&there).await.status));
    assert!([400, 403].contains(&thief.post(&there, &form).await.status));
    // The two name their cookies apart, so one browser may use both.
    let names =
        |browser: &Browser| browser.cookies.iter().map(|cookie| cookie.name.clone()).collect::<Vec<_>>();
    let other = tenants.consent(T2, &at(T2)).await;
    assert!(names(&browser).iter().all(|name| !names(&other).contains(name)));
    assert_eq!(browser.allow().await.params()["iss"], "https://as.example/t1");
}

/// A-MIX-04, META-002
#[tokio::test]
async fn a_path_belongs_to_one_issuer() {
    let tenants = Tenants::new();
    let issuers =
        Issuers::new([tenants.one.clone(), tenants.two.clone(), tenants.world.server.clone()]).unwrap();
    let issuer = |path: &str| issuers.by_path(path).map(|server| server.config().issuer().to_owned());
    for (path, expected) in [
        ("/t1/auth/token", "https://as.example/t1"),
        ("/t1", "https://as.example/t1"),
        ("/t2/.well-known/openid-configuration", "https://as.example/t2"),
        ("/.well-known/oauth-authorization-server/t2", "https://as.example/t2"),
        ("/t2/r4/.well-known/smart-configuration", "https://as.example/t2"),
        ("/.well-known/oauth-authorization-server", "https://as.example"),
        ("/t1x/auth/token", "https://as.example"),
        ("/T1/auth/token", "https://as.example"),
        ("/auth/token", "https://as.example"),
    ] {
        assert_eq!(issuer(path).as_deref(), Some(expected), "{path}");
    }
    let two = Issuers::new([tenants.one.clone(), tenants.two.clone()]).unwrap();
    assert_eq!(two.iter().count(), 2);
    for nobody in ["/auth/token", "/t1x", "/", "", "t1", &"/a".repeat(10_000)] {
        assert!(two.by_path(nobody).is_none(), "{nobody}");
    }
    let get = |path: &str| {
        http::Request::builder().method(Method::GET).uri(path).body(bytes::Bytes::new()).unwrap()
    };
    let document = Answer::from(two.handle(get("/t2/.well-known/openid-configuration")).await);
    assert_eq!(document.json()["issuer"], "https://as.example/t2");
    assert_eq!(two.handle(get("/t3/auth/token")).await.status(), 404);
    let twice = Issuers::new([tenants.one.clone(), tenants.one.clone()]).unwrap_err();
    assert_eq!(twice, SamePath(T1.to_owned()));
}
