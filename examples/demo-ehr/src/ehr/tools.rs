//! `/ehr/try`: calls that need no browser, to be made by a button or copied: a backend service's token, introspection, revocation,
//! UserInfo, registration, discovery.
//!
//! The tokens are for invented records, and the apps' secrets are public; all the same the page is for staff.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Ehr;
use super::page::{message, page};
use super::session::Session;
use super::sign_in::sign_out_token;
use crate::apps::calls::{Call, Made, claims};
use crate::apps::{
    GUESSED, INTROSPECT_SCOPE, INTROSPECTOR, KEY_APP, RESOURCE_SERVER, SECRET_APP, SERVICE, TEST_SECRET,
};
use crate::host::clients::REGISTRATION_TOKEN;
use crate::host::rate::IN_THIS_PROCESS;
use crate::sample_app;

/// Longer than any token of ours.
const LONGEST_INPUT: usize = 16 * 1024;

/// Nobody's.
const WRONG_SECRET: &str = "this-is-a-guess-and-a-wrong-one-0123456";

/// What the service asks for unless somebody says otherwise.
const SERVICE_SCOPE: &str = "system/Patient.rs system/Observation.rs";

/// An app that could register itself, with the sample app's address, so that it can be opened there.
fn metadata(sample_app: &str) -> String {
    format!(
        r#"{{
  "client_name": "My first app",
  "token_endpoint_auth_method": "none",
  "redirect_uris": ["{sample_app}/callback.html"],
  "application_type": "native",
  "scope": "launch/patient openid fhirUser offline_access patient/*.rs"
}}"#
    )
}

#[derive(Template)]
#[template(path = "try.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    form_token: &'a str,
    bases: Vec<&'a str>,
    entered: &'a Entered,
    made: &'a [Made],
    /// What the token in the answer says.
    claims: Option<String>,
    /// How a FHIR server is asked with it.
    read: Option<String>,
    documents: Vec<String>,
    /// What discovery tells those whom the hospital knows, and nobody else.
    only_known: Option<Vec<String>>,
}

/// The form as sent: one button of it was pressed.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Entered {
    form_token: String,
    what: String,
    base: String,
    scope: String,
    token: String,
    client: String,
    metadata: String,
    /// Where a registration is looked after, and with which token (RFC 7592).
    registration: String,
    registration_token: String,
}

impl Default for Entered {
    fn default() -> Self {
        let none = String::new;
        let scope = SERVICE_SCOPE.to_owned();
        Self {
            form_token: none(),
            what: none(),
            base: none(),
            scope,
            token: none(),
            client: none(),
            metadata: none(),
            registration: none(),
            registration_token: none(),
        }
    }
}

pub(super) async fn form(State(ehr): State<Arc<Ehr>>, headers: HeaderMap) -> Response {
    match ehr.staff(&headers, "/ehr/try").await {
        Ok(session) => {
            let entered = Entered { metadata: metadata(&ehr.sample_app), ..Entered::default() };
            show(&ehr, &session, &entered, &[], None)
        }
        Err(answer) => answer,
    }
}

pub(super) async fn make(
    State(ehr): State<Arc<Ehr>>,
    headers: HeaderMap,
    Form(mut entered): Form<Entered>,
) -> Response {
    let session = match ehr.staff(&headers, "/ehr/try").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    if let Err(refused) = ehr.forms.check(&headers, "try", &session.id, &entered.form_token) {
        return message(
            refused.status(),
            "Nothing was done",
            "This form was out of date. Go back and try again.",
        );
    }
    let Entered { token, scope, metadata, registration, registration_token, .. } = &entered;
    if [token, scope, metadata, registration, registration_token]
        .iter()
        .any(|text| text.len() > LONGEST_INPUT)
    {
        return message(StatusCode::BAD_REQUEST, "Nothing was done", "What was entered is too long.");
    }
    let made = calls(&ehr, &entered).await;
    let only_known = match (entered.what.as_str(), made.last()) {
        ("discover", Some(known)) => {
            let everybody = Call::get(&smart_configuration(&entered.base)).make(&ehr.server).await;
            Some(beyond(&everybody.answer, &known.answer))
        }
        _ => None,
    };
    // The next button finds the token in its field.
    if let Some(token) = made.last().and_then(|made| text(&made.answer, "access_token")) {
        entered.token = token.to_owned();
        entered.client = SERVICE.to_owned();
    }
    if let Some(answer) = made.last().map(|made| &made.answer) {
        for (field, name) in [
            (&mut entered.registration, "registration_client_uri"),
            (&mut entered.registration_token, "registration_access_token"),
        ] {
            if let Some(given) = text(answer, name) {
                *field = given.to_owned();
            }
        }
    }
    show(&ehr, &session, &entered, &made, only_known)
}

/// What a button stands for: mostly one call, and the calls before it that it needs.
async fn calls(ehr: &Ehr, entered: &Entered) -> Vec<Made> {
    let (server, endpoints) = (&ehr.server, ehr.server.config().endpoints());
    match entered.what.as_str() {
        "backend" => vec![backend(ehr, SERVICE, &entered.scope, &entered.base).await],
        "introspect" => {
            let call = Call::post(&endpoints.introspection).with("token", &entered.token);
            vec![call.with_basic(RESOURCE_SERVER, TEST_SECRET).make(server).await]
        }
        "discover" => {
            let url = smart_configuration(&entered.base);
            vec![Call::get(&url).with_basic(RESOURCE_SERVER, TEST_SECRET).make(server).await]
        }
        "introspect-bearer" => {
            let first = backend(ehr, INTROSPECTOR, INTROSPECT_SCOPE, &entered.base).await;
            let bearer = text(&first.answer, "access_token").unwrap_or_default().to_owned();
            let call = Call::post(&endpoints.introspection).with("token", &entered.token);
            vec![first, call.with_bearer(&bearer).make(server).await]
        }
        "revoke" => {
            let call = Call::post(&endpoints.revocation).with("token", &entered.token);
            vec![authenticated(ehr, call, &entered.client).await.make(server).await]
        }
        "register" => {
            let call = Call::post(&endpoints.registration).with_bearer(REGISTRATION_TOKEN);
            vec![call.with_json(json(&entered.metadata)).make(server).await]
        }
        "read-registration" => {
            vec![Call::get(&entered.registration).with_bearer(&entered.registration_token).make(server).await]
        }
        "change-registration" => {
            let call = Call::put(&entered.registration).with_bearer(&entered.registration_token);
            let mut body = json(&entered.metadata);
            // A change says whose it is (DCRM-002); the address does too.
            let id = entered.registration.rsplit('/').next().unwrap_or_default();
            if let Some(body) = body.as_object_mut() {
                body.insert("client_id".to_owned(), Value::from(id));
            }
            vec![call.with_json(body).make(server).await]
        }
        "delete-registration" => {
            let call = Call::delete(&entered.registration).with_bearer(&entered.registration_token);
            vec![call.make(server).await]
        }
        "guess" => {
            let call = Call::post(&endpoints.token)
                .with("grant_type", "client_credentials")
                .with("scope", SERVICE_SCOPE)
                .with_basic(GUESSED, WRONG_SECRET);
            let first = call.make(server).await;
            let mut last = first.clone();
            // Once more than the gate lets anybody fail.
            for _ in 0..IN_THIS_PROCESS {
                last = call.make(server).await;
            }
            vec![first, last]
        }
        "userinfo" => vec![Call::get(&endpoints.userinfo).with_bearer(&entered.token).make(server).await],
        _ => Vec::new(),
    }
}

/// What is no JSON is sent as text, so that the endpoint says what is wrong with it.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::from(text))
}

async fn backend(ehr: &Ehr, client: &'static str, scope: &str, base: &str) -> Made {
    let call = Call::post(&ehr.server.config().endpoints().token)
        .with("grant_type", "client_credentials")
        .with("scope", scope.trim())
        .with("resource", base);
    authenticated(ehr, call, client).await.make(&ehr.server).await
}

/// The call, with the proof that this client has. The sample app has none and only names itself.
async fn authenticated(ehr: &Ehr, call: Call, client: &str) -> Call {
    let by_key = [SERVICE, INTROSPECTOR, KEY_APP].into_iter().find(|known| *known == client);
    match (by_key, client) {
        (Some(client), _) => {
            let endpoint = &ehr.server.config().endpoints().token;
            let assertion = ehr.app_key.assertion(client, endpoint).await;
            // Without a signature the server will say what is missing.
            call.with_assertion(assertion.unwrap_or_default())
        }
        (None, SECRET_APP) => call.with_basic(SECRET_APP, TEST_SECRET),
        _ => call.with("client_id", sample_app::CLIENT_ID),
    }
}

fn smart_configuration(base: &str) -> String {
    format!("{base}/.well-known/smart-configuration")
}

/// The capabilities that stand in one document and not in the other.
fn beyond(everybody: &Value, known: &Value) -> Vec<String> {
    let capabilities = |document: &Value| {
        let list = document.get("capabilities").and_then(Value::as_array);
        list.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
    };
    let all = capabilities(everybody).unwrap_or_default();
    capabilities(known).unwrap_or_default().into_iter().filter(|one| !all.contains(one)).collect()
}

fn show(
    ehr: &Ehr,
    session: &Session,
    entered: &Entered,
    made: &[Made],
    only_known: Option<Vec<String>>,
) -> Response {
    let (sign_out, form_token) = (sign_out_token(ehr, session), ehr.forms.token("try", &session.id));
    let config = ehr.server.config();
    let answer = made.last().map(|made| &made.answer);
    let token = answer.and_then(|answer| text(answer, "access_token"));
    let first = config.bases().first().map(vestibule::FhirBase::url).unwrap_or_default();
    let base = if entered.base.is_empty() { first } else { &entered.base };
    let issuer = config.issuer();
    let smart = config.bases().iter().map(|base| smart_configuration(base.url()));
    let openid = |issuer: &str| format!("{issuer}/.well-known/openid-configuration");
    let next_door = openid(ehr.clinic.config().issuer());
    let more = [openid(issuer), config.endpoints().jwks.clone(), next_door];
    let template = Page {
        user: Some(&session.user),
        sign_out: &sign_out,
        form_token: &form_token,
        bases: config.bases().iter().map(vestibule::FhirBase::url).collect(),
        entered,
        made,
        claims: token.and_then(claims),
        read: token.map(|token| Call::get(&format!("{base}/Patient?_count=3")).with_bearer(token).curl()),
        only_known,
        documents: smart.chain(more).collect(),
    };
    page(StatusCode::OK, &template)
}

fn text<'a>(answer: &'a Value, name: &str) -> Option<&'a str> {
    answer.get(name).and_then(Value::as_str)
}
