//! The apps that keep secrets, over the real pages, without a screen.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};

use crate::browser::{Answer, At, Browser, PUBLIC, SAMPLE_APP, ehr, send};
use crate::launch::{answer, follow, path};

/// A browser at the apps' origin.
#[derive(Default)]
pub(crate) struct AtApp {
    cookie: String,
    at: At,
}

impl AtApp {
    /// At the apps of another hospital.
    pub(crate) fn at(at: &At) -> Self {
        Self { at: at.clone(), ..Self::default() }
    }

    async fn send(&mut self, method: Method, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::builder()
            .method(&method)
            .uri(path)
            .header(header::COOKIE, &self.cookie)
            .header(header::ORIGIN, SAMPLE_APP)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.at.app(request.body(Body::from(body)).unwrap()).await;
        if let Some(line) = answer.headers.get(header::SET_COOKIE) {
            self.cookie = line.to_str().unwrap().split_once(';').unwrap().0.to_owned();
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[]).await
    }

    /// Starts at the app and signs in at the hospital as alice, who chooses Ben and allows what is asked for.
    pub(crate) async fn connect(&mut self, app: &str) -> Answer {
        self.connect_by(app, "").await
    }

    /// The same, with the answer in this `response_mode`.
    pub(crate) async fn connect_by(&mut self, app: &str, response_mode: &str) -> Answer {
        let page = self.get(app).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        let issuer = if app == "/clinic" { "/clinic" } else { "" };
        // One of them speaks as SMART 1.0 did.
        let [read, write] = if app == "/old" {
            ["patient/*.read", "patient/*.write"]
        } else {
            ["patient/*.rs", "patient/*.cud"]
        };
        let (token, base) = (page.field("token"), format!("{PUBLIC}{issuer}/fhir"));
        let scope = format!("launch/patient openid offline_access {read} {write}");
        let form =
            [("token", token.as_str()), ("base", &base), ("scope", &scope), ("response_mode", response_mode)];
        let off = self.send(Method::POST, &format!("{app}/start"), &form).await;
        assert_eq!(off.status, StatusCode::SEE_OTHER);

        let mut browser = Browser::signed_in_at(&self.at, "alice").await;
        let (picker, at) = follow(&mut browser, path(off.header("location")).to_owned()).await;
        let (consent, at) =
            answer(&mut browser, &picker, &at, &[("patient", "ben"), ("move", "choose")]).await;
        // Delegation: a parent lets no app change anything, and only until the child decides alone.
        assert!(!consent.body.contains(write), "the ceiling of a parent");
        assert!(consent.body.contains("<dd><bdi>parent</bdi></dd>"));
        assert!(consent.body.contains("Never after 1 July 2032."), "{}", consent.body);
        let scopes = ["launch/patient", "openid", "offline_access", read];
        let mut fields = vec![("decision", "allow")];
        fields.extend(scopes.map(|scope| ("scope", scope)));
        let (done, _) = answer(&mut browser, &consent, &at, &fields).await;
        let mut back = done.header("location").to_owned();
        if response_mode == "form_post" {
            assert!(back.is_empty() && done.body.contains(&format!("{app}/callback")), "{}", done.body);
            let answer = ["code", "state", "iss"].map(|name| (name, done.field(name)));
            let form = answer.each_ref().map(|(name, value)| (*name, value.as_str()));
            // A form of another site: the browser sends it without the app's cookie.
            let mut elsewhere = Self::at(&self.at);
            let posted = elsewhere.send(Method::POST, &format!("{app}/callback"), &form).await;
            back = posted.header("location").to_owned();
            assert!(!back.contains("code="), "the code is in no address: {back}");
            let again = elsewhere.send(Method::POST, &format!("{app}/callback"), &form).await;
            assert_eq!(again.status, StatusCode::BAD_REQUEST, "an answer comes once");
        }
        let back = back.strip_prefix(SAMPLE_APP).unwrap().to_owned();
        let nobody = Self::at(&self.at).get(&back).await;
        assert_eq!(nobody.status, StatusCode::BAD_REQUEST, "another browser gets nothing");

        let stored = self.get(&back).await;
        assert_eq!(stored.status, StatusCode::SEE_OTHER, "the code does not stay in the address");
        assert_eq!(self.get(&back).await.status, StatusCode::BAD_REQUEST, "a state is good once");
        self.get(app).await
    }

    pub(crate) async fn act(&mut self, app: &str, what: &str) -> Answer {
        self.send_act(app, &[("act", what)]).await
    }

    /// Refreshes for these scopes only.
    async fn narrowed(&mut self, app: &str, scope: &str) -> Answer {
        self.send_act(app, &[("act", "refresh"), ("scope", scope)]).await
    }

    async fn send_act(&mut self, app: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get(app).await.field("token");
        let mut form = vec![("token", token.as_str())];
        form.extend_from_slice(fields);
        let done = self.send(Method::POST, &format!("{app}/act"), &form).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER);
        self.get(app).await
    }
}

pub(crate) fn status(page: &Answer) -> u16 {
    page.body.split_once("<strong id=\"status\">").unwrap().1.split('<').next().unwrap().parse().unwrap()
}

/// The access token that the page shows.
pub(crate) fn access(page: &Answer) -> String {
    let rest = page.body.split_once("&#34;access_token&#34;: &#34;").unwrap().1;
    rest.split_once("&#34;").unwrap().0.to_owned()
}

async fn reads_ben(token: &str) -> u16 {
    let request = Request::get("/fhir/Patient/ben").header("authorization", format!("Bearer {token}"));
    send(ehr().await, request.body(Body::empty()).unwrap()).await.status.as_u16()
}

/// SMART-REFRESH-016, SMART-REVOKE-005
#[tokio::test]
async fn an_app_with_a_secret_or_a_key_refreshes_and_gives_back() {
    for (app, opaque) in [("/confidential", false), ("/asymmetric", true)] {
        let mut browser = AtApp::default();
        let page = browser.connect(app).await;
        assert_eq!(status(&page), 200, "{app}: {}", page.body);
        assert_eq!(page.body.contains("The access token says"), !opaque);
        assert!(page.body.contains("The ID token says") && page.body.contains("refresh_token"));
        let first = access(&page);
        assert_eq!(reads_ben(&first).await, 200, "{app}");

        let page = browser.act(app, "refresh").await;
        assert_eq!(status(&page), 200, "{app}: {}", page.body);
        let second = access(&page);
        assert_ne!(first, second);
        assert_eq!(reads_ben(&second).await, 200);
        // For one access token less than was granted; the next one has it all again.
        let page = browser.narrowed(app, "patient/Observation.rs").await;
        assert_eq!((status(&page), reads_ben(&access(&page)).await), (200, 403), "{app}: {}", page.body);
        let page = browser.act(app, "refresh").await;
        let second = access(&page);
        assert_eq!(reads_ben(&second).await, 200, "{app}: {}", page.body);
        let page = browser.act(app, "userinfo").await;
        assert_eq!(status(&page), 200, "{app}: {}", page.body);

        let page = browser.act(app, "revoke").await;
        assert_eq!(status(&page), 200, "{app}: {}", page.body);
        for token in [&first, &second] {
            assert_eq!(reads_ben(token).await, 401, "dead at once");
        }
        assert_eq!(status(&browser.act(app, "refresh").await), 400);
        assert_eq!(status(&browser.act(app, "userinfo").await), 401);
        assert!(browser.act(app, "forget").await.body.contains("Connect to the hospital"));
    }
}

/// SMART-LAUNCH-021
#[tokio::test]
async fn the_apps_know_one_hospital() {
    let mut browser = AtApp::default();
    let launch = "/confidential/launch?launch=x&iss=https%3A%2F%2Fevil.example%2Ffhir";
    assert_eq!(browser.get(launch).await.status, StatusCode::BAD_REQUEST);
    let known = format!("/confidential/launch?launch=x&iss={PUBLIC}/fhir");
    assert_eq!(browser.get(&known).await.status, StatusCode::SEE_OTHER);
    assert_eq!(browser.get("/asymmetric/callback?code=x&state=").await.status, StatusCode::BAD_REQUEST);
    // A form of another site, or one without its token, goes nowhere.
    let forged = browser.send(Method::POST, "/confidential/start", &[("base", "x"), ("token", "y")]).await;
    assert_eq!(forged.header("location"), format!("{SAMPLE_APP}/confidential"));
}

/// SMART-SCOPE-032: no PKCE and the words of SMART 1.0, for the one app that is registered for it.
#[tokio::test]
async fn an_app_from_before_pkce_is_let_in_where_it_is_registered() {
    let mut browser = AtApp::default();
    let page = browser.connect("/old").await;
    assert_eq!(status(&page), 200, "{}", page.body);
    assert!(!page.body.contains("code_verifier") && page.body.contains("patient/*.read"), "{}", page.body);
    assert_eq!(reads_ben(&access(&page)).await, 200);
    // The others must bind their codes.
    for client in ["confidential-example", "asymmetric-example", "sample-app"] {
        let app = match client {
            "sample-app" => "/callback.html",
            "asymmetric-example" => "/asymmetric/callback",
            _ => "/confidential/callback",
        };
        let request = format!(
            "/auth/authorize?response_type=code&client_id={client}&redirect_uri={SAMPLE_APP}{app}&scope=openid&state=s&aud={PUBLIC}/fhir"
        );
        let refused = Browser::default().get(&request).await;
        assert!(refused.header("location").contains("error=invalid_request"), "{client}: {}", refused.body);
    }
}

/// An answer as a form is kept from addresses and logs (OAuth 2.0 Form Post Response Mode).
#[tokio::test]
async fn an_answer_can_come_as_a_form() {
    let mut browser = AtApp::default();
    let page = browser.connect_by("/asymmetric", "form_post").await;
    assert_eq!(status(&page), 200, "{}", page.body);
    assert!(page.body.contains("answer came as a form"), "{}", page.body);
}
