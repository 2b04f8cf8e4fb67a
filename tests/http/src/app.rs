//! The app: authorize requests, token requests, and what it reads in the answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value};
use vestibule_host::{Alg, UnixMillis};
use vestibule_jose::{Expect, VerifyKeys};

use crate::browser::{Answer, Browser, always, form};
use crate::world::{FHIR1, P1, World, resource_server_secret};

pub const V1: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const C1: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Another pair: the challenge is the S256 of the verifier (RFC 7636 style, made for these tests).
pub const V_WRONG: &str = "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong";

pub const CB: &str = "https://app.example/cb";

/// The first registered address of an app.
pub fn address_of(client: &str) -> &'static str {
    match client {
        "pub" => CB,
        "nat" => "http://127.0.0.1/cb",
        "basic" => "https://basic.example/cb",
        "post" => "https://post.example/cb",
        "other" => "https://other.example/cb",
        "memo" => "https://memo.example/cb",
        "pre" => "https://pre.example/cb",
        "query" => "https://query.example/cb?tenant=1",
        "framed" => "https://framed.example/cb",
        "strict" => "https://strict.example/cb",
        "narrow" => "https://narrow.example/cb",
        "jwt" => "https://jwt.example/cb",
        "jwtu" => "https://jwtu.example/cb",
        _ => CB,
    }
}

fn secret_of(client: &str) -> &'static str {
    match client {
        "basic" => "basic-secret-basic-secret-basic-secret",
        "post" => "post-secret-post-secret-post-secret-p",
        "other" => "other-secret-other-secret-other-secret",
        "pre" => "pre-secret-pre-secret-pre-secret-pre-s",
        _ => panic!("no secret: {client}"),
    }
}

/// An authorize request, to be changed.
#[derive(Clone, Debug)]
pub struct Az(Vec<(String, String)>);

/// A valid request: `launch/patient patient/Observation.rs offline_access`.
pub fn az(client: &str) -> Az {
    let pairs = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", address_of(client)),
        ("scope", "launch/patient patient/Observation.rs offline_access"),
        ("state", "st1"),
        ("aud", FHIR1),
        ("code_challenge", C1),
        ("code_challenge_method", "S256"),
    ];
    Az(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// A valid request of an EHR launch: `launch patient/Observation.rs`.
pub fn az_ehr(client: &str, handle: &str) -> Az {
    az(client).set("scope", "launch patient/Observation.rs").add("launch", handle)
}

impl Az {
    /// `AZ{x=y}`
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let pair = self.0.iter_mut().find(|(known, _)| known == name).unwrap();
        value.clone_into(&mut pair.1);
        self
    }

    /// `AZ{-x}`
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        self
    }

    /// `AZ{+x=y}`
    pub fn add(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `AZ{+x=y}`, before all others.
    pub fn add_first(mut self, name: &str, value: &str) -> Self {
        self.0.insert(0, (name.to_owned(), value.to_owned()));
        self
    }

    pub fn scope(self, scope: &str) -> Self {
        self.set("scope", scope)
    }

    pub fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// A token request, or another form that a program posts, to be changed.
#[derive(Clone, Debug)]
pub struct Tk {
    path: &'static str,
    fields: Vec<(String, String)>,
    basic: Option<(String, String)>,
    bearer: Option<String>,
    origin: Option<String>,
    query: String,
}

/// A valid redemption.
pub fn tk(client: &str, code: &str) -> Tk {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", address_of(client)),
        ("code_verifier", V1),
    ];
    posted("/auth/token", client, &pairs)
}

/// `RF`: a valid use of a refresh token.
pub fn rf(client: &str, refresh_token: &str) -> Tk {
    posted("/auth/token", client, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
}

/// `CC`: a valid request of `svc` with this assertion.
pub fn cc(assertion: &str) -> Tk {
    let pairs = [("grant_type", "client_credentials"), ("scope", "system/Observation.rs")];
    bare("/auth/token", &pairs).with_assertion(assertion)
}

/// `POST /revoke` of a client.
pub fn revocation(client: &str, token: &str) -> Tk {
    posted("/auth/revoke", client, &[("token", token)])
}

/// `POST /introspect` of a client.
pub fn introspection(client: &str, token: &str) -> Tk {
    posted("/auth/introspect", client, &[("token", token)])
}

/// A form without credentials.
pub fn bare(path: &'static str, pairs: &[(&str, &str)]) -> Tk {
    let fields = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Tk { path, fields, basic: None, bearer: None, origin: None, query: String::new() }
}

/// A form with the credentials of a client that has a secret, or none.
fn posted(path: &'static str, client: &str, pairs: &[(&str, &str)]) -> Tk {
    let tk = bare(path, pairs);
    match client {
        "basic" | "other" | "pre" => tk.basic(Some((client, secret_of(client)))),
        "rs1" | "rs2" => tk.basic(Some((client, &resource_server_secret(client)))),
        "post" => tk.add("client_id", client).add("client_secret", secret_of(client)),
        _ => tk.add("client_id", client),
    }
}

impl Tk {
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let pair = self.fields.iter_mut().find(|(known, _)| known == name).unwrap();
        value.clone_into(&mut pair.1);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    pub fn add(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn basic(mut self, pair: Option<(&str, &str)>) -> Self {
        self.basic = pair.map(|(id, secret)| (id.to_owned(), secret.to_owned()));
        self
    }

    /// Without whatever proved who the client is, and with an assertion instead.
    pub fn with_assertion(self, assertion: &str) -> Self {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let tk = self.without("client_id").without("client_secret").basic(None);
        tk.add("client_assertion_type", kind).add("client_assertion", assertion)
    }

    pub fn with_bearer(mut self, token: &str) -> Self {
        self.bearer = Some(token.to_owned());
        self
    }

    pub fn at_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    pub fn with_query(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    pub fn request(&self) -> Request<Bytes> {
        let fields: Vec<(&str, &str)> = self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let uri = if self.query.is_empty() {
            self.path.to_owned()
        } else {
            format!("{}?{}", self.path, self.query)
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some((id, secret)) = &self.basic {
            let pair = STANDARD.encode(format!("{id}:{secret}"));
            request = request.header("authorization", format!("Basic {pair}"));
        }
        if let Some(token) = &self.bearer {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(origin) = &self.origin {
            request = request.header("origin", origin);
        }
        request.body(Bytes::from(form(&fields))).unwrap()
    }

    pub async fn send(&self, world: &World) -> Answer {
        let answer = Answer::from(Box::pin(world.door.send(self.request())).await);
        always(&answer);
        answer
    }
}

/// Alice at the consent page, with P1 chosen.
pub async fn at_consent(world: &World) -> Browser {
    let mut browser = Browser::of(world, "alice");
    browser.begin(&az("pub")).await;
    assert!(browser.pick(P1).await.is_consent());
    browser
}

/// The patient for whom the code in an answer to `pub` is good.
pub async fn patient_of(world: &World, answer: &Answer) -> String {
    let tokens = world.redeem("pub", &answer.code()).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    tokens.json()["patient"].as_str().unwrap().to_owned()
}

impl World {
    /// Alice opens the app, picks P1 and allows everything.
    pub async fn code_for(&self, request: &Az) -> String {
        let mut browser = Browser::of(self, "alice");
        browser.begin(request).await;
        if browser.page.is_picker() {
            browser.pick(P1).await;
        }
        if browser.page.is_consent() {
            browser.allow().await;
        }
        browser.page.code()
    }

    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        tk(client, code).send(self).await
    }

    /// A whole flow, to the token response.
    pub async fn tokens_for(&self, client: &str, request: &Az) -> Value {
        let code = self.code_for(request).await;
        let answer = self.redeem(client, &code).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    pub async fn json(&self, path: &str) -> Value {
        let mut browser = Browser::new(self);
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    /// The claims of a token, verified with the published keys.
    pub async fn claims(&self, token: &str, typ: &str, alg: Alg) -> Map<String, Value> {
        let jwks = self.json("/auth/keys").await.to_string();
        let keys = VerifyKeys::from_jwks(jwks.as_bytes()).unwrap();
        keys.verify(token, &Expect { typ: &[typ], algs: &[alg] }, UnixMillis(0)).unwrap().into_map()
    }

    pub async fn access_claims(&self, tokens: &Value) -> Map<String, Value> {
        self.claims(tokens["access_token"].as_str().unwrap(), "at+jwt", Alg::Es256).await
    }

    pub async fn id_claims(&self, tokens: &Value) -> Map<String, Value> {
        self.claims(tokens["id_token"].as_str().unwrap(), "JWT", Alg::Rs256).await
    }

    /// How many live grants a user has.
    pub async fn grants_of(&self, user: &str) -> usize {
        use vestibule_host::{AttemptId, Call, Clock as _, Tenant, UserId};
        let call = Call {
            tenant: Tenant::new(self.server.config().issuer()),
            attempt: AttemptId::new([0; 16]),
            now: self.clock.now(),
        };
        self.store.grants_of(&UserId::new(user), None, 1_000, &call).await.unwrap().len()
    }
}
